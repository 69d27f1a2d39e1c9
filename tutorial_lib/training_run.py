"""The moving parts of one call of fit: a step, the clock, the files, the state to go on from.

Files of a run (`out`): checkpoint.safetensors and metrics.jsonl, a row of JSON for every few steps.
accelerate picks the device, the precision and, under `accelerate launch`, splits every batch among
the processes.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor
from tqdm.auto import tqdm

from tutorial_lib.averaging import RunningAverage
from tutorial_lib.checkpoint import restore_run, save_run
from tutorial_lib.evaluation import evaluate
from tutorial_lib.history import History, TrainingDiverged
from tutorial_lib.schedule import FitConfig, epoch_batches, learning_rate_at


class TrainingRun:
    """The moving parts of one call of fit."""

    def __init__(self, model, step, data, config, out):
        _check_data(data, config)
        self.model, self.step, self.data, self.config, self.out = model, step, data, config, out
        AcceleratorState._reset_state()  # a notebook may train twice, in different precisions
        self.accelerator = Accelerator(
            mixed_precision=config.precision, cpu=not torch.cuda.is_available()
        )
        torch.manual_seed(config.seed)
        if all(parameter.ndim < 5 for parameter in model.parameters()):  # video has another format
            model.to(memory_format=torch.channels_last)  # 1.2 to 1.4 times faster on CPU
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.prepared, self.optimizer = self.accelerator.prepare(model, self.optimizer)
        self.steps_per_epoch = len(data[0]) // config.batch_size
        self.history = History(
            n_steps=None if config.minutes else self.steps_per_epoch * config.epochs
        )
        self.average = RunningAverage(model, config.average) if config.average else None
        self.began, self.pending, self.pending_steps = time.monotonic(), {}, 0
        self.prepared.train()

    @property
    def checkpoint(self) -> Path | None:
        return self.out / "checkpoint.safetensors" if self.out else None

    def fingerprint(self) -> dict:
        """What must agree for a checkpoint to be continued."""
        sizes = {name: list(p.shape) for name, p in self.model.state_dict().items()}
        built = {f"model.{k}": v for k, v in getattr(self.model, "config", {}).items()}
        return {**asdict(self.config), **built, "examples": len(self.data[0]), "parameters": sizes}

    def restore(self) -> None:
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        header = restore_run(
            self.checkpoint, self.model, self.optimizer, self.fingerprint(), self.extra()
        )
        self.history = History(**header["history"])
        self.began = time.monotonic() - self.history.seconds

    def extra(self) -> dict[str, Tensor]:
        """Tensors of the run's state beside weights and optimiser."""
        return self.average.mean if self.average else {}

    def bar(self, progress: bool) -> tqdm:
        """A progress bar over the steps or, for a run by the clock, over its seconds."""
        config, history = self.config, self.history
        by_clock = config.minutes is not None
        return tqdm(
            total=round(60 * config.minutes) if by_clock else history.n_steps,
            initial=min(round(history.seconds), round(60 * config.minutes))
            if by_clock
            else history.step,
            desc="training",
            unit="s" if by_clock else "step",
            leave=False,
            disable=not progress or not self.accelerator.is_main_process,
        )

    def rewrite_metrics(self) -> None:
        """Make metrics.jsonl say what the history says; rows of steps that were lost go."""
        if self.out and self.accelerator.is_main_process:
            rows = self.history.rows + self.history.valid_rows
            rows.sort(key=lambda row: row["step"])
            self.out.mkdir(parents=True, exist_ok=True)
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (self.out / "metrics.jsonl").write_text(text)

    def remaining_batches(self) -> Iterator[Tensor]:
        """Index tensors from the present step to the last; this process's share of each."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        first_epoch, skip = divmod(self.history.step, self.steps_per_epoch)
        for epoch in itertools.count(first_epoch):
            batches = epoch_batches(
                len(self.data[0]), self.config.batch_size, self.config.seed, epoch
            )
            for indices in batches[skip if epoch == first_epoch else 0 :]:
                if self.history.finished:
                    return
                yield indices[rank::world]

    def train_step(self, indices: Tensor) -> None:
        rate = self.learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = [tensor[indices].to(self.accelerator.device) for tensor in self.data]
        with self.accelerator.autocast():
            metrics = self.step(self.prepared, *batch)
        self.accelerator.backward(metrics["loss"])
        norm = self.accelerator.clip_grad_norm_(self.prepared.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.history.step += 1
        self.pending_steps += 1
        if self.average:
            self.average.update(self.history.step)
        for name, value in metrics.items():
            self.pending[name] = self.pending.get(name, 0.0) + value.detach().float()
        # An infinite gradient breaks the weights before any loss shows it: 0 x inf is no number.
        self.pending["loss"] = self.pending["loss"] + 0 * norm

    def learning_rate(self) -> float:
        """Of the present step, counted in steps or in thousandths of the time."""
        if self.config.minutes is None:
            return learning_rate_at(self.history.step, self.history.n_steps, self.config)
        return learning_rate_at(int(1000 * min(self.time_spent(), 0.999)), 1000, self.config)

    def look_at_the_clock(self) -> None:
        """End a run by the clock when its time is up; all processes in the same step."""
        if self.config.minutes is None:
            return
        spent = torch.tensor(self.time_spent(), device=self.accelerator.device)
        if self.accelerator.reduce(spent, reduction="mean").item() >= 1:
            self.history.n_steps = self.history.step

    def progress(self) -> int:
        """What the bar counts: steps, or seconds up to the full time."""
        if self.config.minutes is None:
            return self.history.step
        return round(60 * self.config.minutes * min(1.0, self.time_spent()))

    def time_spent(self) -> float:
        """The share of `config.minutes` that has passed."""
        self.history.seconds = time.monotonic() - self.began
        return self.history.seconds / (60 * self.config.minutes)

    def at_epoch_end(self) -> bool:
        return self.history.step % self.steps_per_epoch == 0

    def log(self) -> str:
        """Store the means since the last row; returns them for the progress bar."""
        means = {
            name: self.accelerator.reduce(total, reduction="mean").item() / self.pending_steps
            for name, total in self.pending.items()
        }
        self.pending, self.pending_steps = {}, 0
        if not math.isfinite(means["loss"]):
            raise TrainingDiverged(self._divergence(means["loss"]))
        self._append(self.history.rows, means)
        shown = {k: v for k, v in means.items() if k != "loss"} or means
        return ", ".join(f"{value:.3f} {name}" for name, value in shown.items())

    @contextmanager
    def averaged(self):
        """The model with the mean of its weights, for as long as the block lasts."""
        if self.average:
            self.average.swap()
        try:
            yield
        finally:
            if self.average:
                self.average.swap()

    def log_valid(self, valid: tuple[Tensor, ...]) -> None:
        with self.averaged():
            means = evaluate(self.model, self.step, valid)
        self.prepared.train()
        self._append(self.history.valid_rows, {f"valid {k}": v for k, v in means.items()})

    def _append(self, rows: list[dict], values: dict[str, float]) -> None:
        self.history.seconds = time.monotonic() - self.began
        epoch = self.history.step / self.steps_per_epoch
        row = {"step": self.history.step, "epoch": round(epoch, 4), "seconds": 0.0, **values}
        row["seconds"] = round(self.history.seconds, 3)
        rows.append(row)
        if self.out and self.accelerator.is_main_process:
            self.out.mkdir(parents=True, exist_ok=True)
            with open(self.out / "metrics.jsonl", "a") as file:
                file.write(json.dumps(row) + "\n")

    def _divergence(self, loss: float) -> str:
        rate = self.optimizer.param_groups[0]["lr"]
        kept = (
            f"The last good checkpoint is {self.checkpoint}."
            if self.checkpoint and self.checkpoint.exists()
            else "No checkpoint was saved."
        )
        of = f" of {self.history.n_steps}" if self.history.n_steps else ""
        return (
            f"the loss became {loss} by step {self.history.step}{of}, at "
            f"learning rate {rate:.2g}. {kept} Try a lower learning rate, a longer warm-up or a "
            f"smaller clip_norm"
        )

    def save(self) -> None:
        if self.pending_steps:
            self.log()  # never save weights whose loss was not looked at
        self.history.seconds = time.monotonic() - self.began
        if self.checkpoint and self.accelerator.is_main_process:
            header = {"fingerprint": self.fingerprint(), "history": asdict(self.history)}
            save_run(self.checkpoint, self.model, self.optimizer, header, self.extra())

    def finish(self) -> None:
        self.save()
        self.accelerator.wait_for_everyone()
        self.accelerator.unwrap_model(self.prepared, keep_fp32_wrapper=False)  # no autocast now
        if self.average:
            self.average.swap()
        self.model.eval()


def _check_data(data: tuple[Tensor, ...], config: FitConfig) -> None:
    lengths = {len(tensor) for tensor in data}
    if len(lengths) != 1:
        raise ValueError(f"the tensors of data must be equally long, got lengths {sorted(lengths)}")
    if len(data[0]) < config.batch_size:
        raise ValueError(
            f"{len(data[0])} examples do not fill one batch of {config.batch_size}: "
            f"lower batch_size"
        )
