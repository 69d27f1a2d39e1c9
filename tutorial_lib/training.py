"""fit(): one training loop for every model of the series, to be read as much as run.

A model is trained by a *step*: a function `step(model, *batch) -> {"loss": ..., "bits/dim": ...}`
whose "loss" is minimised and whose other entries are shown, each under the name of its unit. The
loop draws a new permutation of the data each epoch, from the seed and the epoch alone, so a run
that is stopped and resumed goes on with the very batches it would have seen.

accelerate picks the device, the precision and, under `accelerate launch`, splits every batch among
the processes. Files of a run (`out`): checkpoint.safetensors and metrics.jsonl, a row of JSON for
every few steps.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from tqdm.auto import tqdm

from tutorial_lib.checkpoint import restore_run, save_run
from tutorial_lib.validation import require_choice, require_int, require_positive

Step = Callable[..., dict[str, Tensor]]


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast; everything that decides the result, and nothing else."""

    epochs: int = 5
    batch_size: int = 64  # over all processes together
    learning_rate: float = 1e-3  # peak; rises over the warm-up, then falls linearly to 0
    warmup: float = 0.05  # share of all steps
    weight_decay: float = 0.0
    clip_norm: float = 1.0  # largest gradient norm
    precision: str = "no"  # "no" is float32; "bf16" is mixed precision
    seed: int = 0

    def __post_init__(self):
        require_int("epochs", self.epochs, at_least=1)
        require_int("batch_size", self.batch_size, at_least=1)
        require_positive("learning_rate", self.learning_rate)
        require_positive("clip_norm", self.clip_norm)
        require_choice("precision", self.precision, ("no", "bf16"))
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be at least 0 and finite, got {self.weight_decay}")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is a share of all steps, 0 <= warmup < 1, got {self.warmup}")


@dataclass
class History:
    """What happened: a row every few steps, a row of held-out metrics at each epoch's end."""

    rows: list[dict] = field(default_factory=list)
    valid_rows: list[dict] = field(default_factory=list)
    seconds: float = 0.0  # of training, over all resumptions, held-out metrics included
    step: int = 0
    n_steps: int = 0

    @property
    def finished(self) -> bool:
        """False if the run was interrupted; call fit again with the same `out` to go on."""
        return self.step == self.n_steps


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number."""


def learning_rate_at(step: int, n_steps: int, config: FitConfig) -> float:
    """Linear warm-up, then linearly to 0 at the last step."""
    warm = max(1, round(config.warmup * n_steps))
    rising = (step + 1) / warm
    falling = (n_steps - step) / max(1, n_steps - warm)
    return config.learning_rate * min(1.0, rising, falling)


def epoch_batches(n: int, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, ...]:
    """The batches of an epoch as index tensors: a permutation cut up, the remainder left out."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    return order[: n // batch_size * batch_size].split(batch_size)


def fit(
    model: nn.Module,
    step: Step,
    data: tuple[Tensor, ...],
    config: FitConfig,
    *,
    valid: tuple[Tensor, ...] | None = None,
    out: Path | str | None = None,
    resume: bool = True,
    progress: bool = True,
    log_every: int = 20,
    save_every_seconds: float = 60.0,
) -> History:
    """Train `model` in place and return its History; the model ends in eval mode.

    data, valid   tensors of equal length; a batch of each is handed to `step`
    out           folder of the run; None keeps nothing on disk
    resume        go on from a checkpoint in `out`, if there is one of the same configuration

    An interrupt (Ctrl-C, the stop button) ends the run after the present step: the checkpoint is
    saved and the model can be used. Raises TrainingDiverged when the loss stops being finite,
    CheckpointError if `out` holds a run of another configuration, ValueError for unusable data.
    """
    run = _Run(model, step, data, config, Path(out) if out is not None else None)
    if resume:
        run.restore()
    run.rewrite_metrics()
    saved_at = time.monotonic()
    bar = tqdm(
        total=run.history.n_steps,
        initial=run.history.step,
        desc="training",
        unit="step",
        leave=False,
        disable=not progress or not run.accelerator.is_main_process,
    )
    with bar, _interrupt_as_flag() as interrupted:
        for batch in run.remaining_batches():
            run.train_step(batch)
            if run.history.step % log_every == 0 or run.at_epoch_end():
                bar.set_postfix_str(run.log())
            if valid is not None and run.at_epoch_end():
                run.log_valid(valid)
            bar.update()
            if interrupted:
                break
            if time.monotonic() - saved_at > save_every_seconds:
                run.save()
                saved_at = time.monotonic()
    run.finish()
    return run.history


@torch.inference_mode()
def evaluate(
    model: nn.Module, step: Step, data: tuple[Tensor, ...], *, batch_size: int = 256
) -> dict[str, float]:
    """Mean of every metric of `step` over all of `data`, in eval mode, on the model's device."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    totals: dict[str, float] = {}
    try:
        for batch in zip(*(tensor.split(batch_size) for tensor in data), strict=True):
            for name, value in step(model, *(part.to(device) for part in batch)).items():
                totals[name] = totals.get(name, 0.0) + value.double().item() * len(batch[0])
    finally:
        model.train(was_training)
    return {name: total / len(data[0]) for name, total in totals.items()}


class _Run:
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
        self.history = History(n_steps=self.steps_per_epoch * config.epochs)
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
        header = restore_run(self.checkpoint, self.model, self.optimizer, self.fingerprint())
        self.history = History(**header["history"])
        self.began = time.monotonic() - self.history.seconds

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
        for epoch in range(first_epoch, self.config.epochs):
            batches = epoch_batches(
                len(self.data[0]), self.config.batch_size, self.config.seed, epoch
            )
            for indices in batches[skip if epoch == first_epoch else 0 :]:
                yield indices[rank::world]

    def train_step(self, indices: Tensor) -> None:
        rate = learning_rate_at(self.history.step, self.history.n_steps, self.config)
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
        for name, value in metrics.items():
            self.pending[name] = self.pending.get(name, 0.0) + value.detach().float()
        # An infinite gradient breaks the weights before any loss shows it: 0 x inf is no number.
        self.pending["loss"] = self.pending["loss"] + 0 * norm

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

    def log_valid(self, valid: tuple[Tensor, ...]) -> None:
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
        rate = learning_rate_at(self.history.step - 1, self.history.n_steps, self.config)
        kept = (
            f"The last good checkpoint is {self.checkpoint}."
            if self.checkpoint and self.checkpoint.exists()
            else "No checkpoint was saved."
        )
        return (
            f"the loss became {loss} by step {self.history.step} of {self.history.n_steps}, at "
            f"learning rate {rate:.2g}. {kept} Try a lower learning rate, a longer warm-up or a "
            f"smaller clip_norm"
        )

    def save(self) -> None:
        if self.pending_steps:
            self.log()  # never save weights whose loss was not looked at
        self.history.seconds = time.monotonic() - self.began
        if self.checkpoint and self.accelerator.is_main_process:
            header = {"fingerprint": self.fingerprint(), "history": asdict(self.history)}
            save_run(self.checkpoint, self.model, self.optimizer, header)

    def finish(self) -> None:
        self.save()
        self.accelerator.wait_for_everyone()
        self.accelerator.unwrap_model(self.prepared, keep_fp32_wrapper=False)  # no autocast now
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


@contextmanager
def _interrupt_as_flag():
    """Turn the first Ctrl-C into an entry of the yielded list, so that no step is cut in half.

    A second one interrupts at once. Outside the main thread signals cannot be caught: left alone.
    """
    flag: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def note(signum, frame):
        if flag:
            raise KeyboardInterrupt
        flag.append(signum)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)
