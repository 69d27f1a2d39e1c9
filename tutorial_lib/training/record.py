"""What a run says while it trains: rows into the history and the folder, and to whoever watches."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from tutorial_lib.training import distributed as processes
from tutorial_lib.training.evaluation import undisturbed
from tutorial_lib.training.folder import RunFolder
from tutorial_lib.training.history import History, TrainingDiverged
from tutorial_lib.training.metric_sums import MetricSums

Watcher = Callable[[History], Any]


class RunRecord:
    """The history of a run, and the sums on their way into its next row."""

    def __init__(
        self,
        history: History,
        folder: RunFolder,
        steps_per_epoch: int,
        device: torch.device,
        watch: Watcher | None = None,
    ):
        self.history, self.folder, self.watch = history, folder, watch
        self.steps_per_epoch = steps_per_epoch
        self.sums = MetricSums(device)

    def state(self, all_sums: list[dict[str, float]]) -> dict:
        """As JSON, for the checkpoint; the sums are those of every process."""
        return {
            "history": asdict(self.history),
            "sums": all_sums,
            "summed_steps": self.sums.n_steps,
        }

    def restore(self, state: dict) -> None:
        """Go on from what `state` returned; checkpoints of earlier versions hold no sums."""
        self.history = History(**{**state["history"], "stopped_by": 0})
        self.sums.restore(state.get("sums", [{}]), state.get("summed_steps", 0))

    def log(self, learning_rate: float) -> str:
        """Store the means since the last row; returns them for the progress bar."""
        means = self.finite_means(learning_rate)
        self.sums.clear()
        self.append(self.history.rows, means)
        shown = {k: v for k, v in means.items() if k != "loss"} or means
        return ", ".join(f"{value:.3f} {name}" for name, value in shown.items())

    def append(self, rows: list[dict], values: dict[str, float]) -> None:
        """Add a row of the present step to `rows`, to metrics.jsonl and to what is watched."""
        epoch = self.history.step / self.steps_per_epoch
        row = {"step": self.history.step, "epoch": round(epoch, 4)}
        rows.append({**row, "seconds": round(self.history.seconds, 3), **values})
        self.folder.append(rows[-1])

    def show(self, model: nn.Module) -> None:
        """Call the watcher, in the main process; it can neither change the run nor end it."""
        if self.watch is None or not processes.is_main():
            return
        try:
            with undisturbed(model):
                self.watch(self.history)
        except Exception as error:
            self.watch = None
            warnings.warn(
                f"watch raised {error!r} at step {self.history.step}: the training goes on, and "
                f"watch is not called any more",
                stacklevel=2,
            )

    def finite_means(self, learning_rate: float) -> dict[str, float]:
        """The means since the last row. TrainingDiverged if a step among them broke."""
        means, broken_at = self.sums.read()
        if broken_at is None:
            return means
        of = f" of {self.history.n_steps}" if self.history.n_steps else ""
        what = f"the loss, or its gradient, stopped being finite in step {broken_at}{of}"
        raise self.diverged(what, learning_rate)

    def diverged(self, what: str, learning_rate: float) -> TrainingDiverged:
        """The error for `what`, with what is left and what to try."""
        path = self.folder.saved()
        kept = f"The last good checkpoint is {path}." if path else "No checkpoint was saved."
        return TrainingDiverged(
            f"{what} (seen after step {self.history.step}, at learning rate {learning_rate:.2g}). "
            f"{kept} Try a lower learning rate, a longer warm-up or a smaller clip_norm"
        )
