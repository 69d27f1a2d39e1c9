"""TrainingRun: the one object that owns the state of a run, from its first batch to its last row.

It makes the model ready, hands out the batches, counts the steps, tells what happened (rows, bar,
watcher), saves it, and goes on from what was saved: with the very batches, random numbers and sums
that a run would have had that nobody stopped.

In half precision torch.autocast rounds what convolutions and matrix products take; weights,
gradients and the optimiser stay in float32. float16 ("fp16") has a small range: gradients below
6e-8 become 0. GradScaler therefore multiplies the loss by a large number and divides the gradients
by it; where that overflows, the step is left out and the number halved, which is routine.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from tutorial_lib import profiles
from tutorial_lib.contracts import (
    Count,
    Natural,
    Share,
    checked,
    unwrapped,
    values_known_to_be_good,
)
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.pixels.modes import to_fast_format
from tutorial_lib.sampling.out_of_memory import OutOfMemory, memory_explained
from tutorial_lib.training import checkpoint
from tutorial_lib.training import distributed as processes
from tutorial_lib.training.config import FitConfig, History, TrainingDiverged, learning_rate_at
from tutorial_lib.training.measures import MetricSums, Step, evaluate, metrics_of, undisturbed

Watcher = Callable[[History], Any]
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
LEAST_SCALE = 2.0**-14  # of the loss: the smallest normal number of float16


@checked
def epoch_batches(
    n: Natural, batch_size: Count, seed: Natural, epoch: Natural
) -> tuple[Tensor, ...]:
    """The batches of an epoch as index tensors: a permutation cut up, the remainder left out."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    return order[: n // batch_size * batch_size].split(batch_size)


class RunningAverage:
    """The mean of a model's parameters over about the last `share` of its steps.

    mean <- mean + (weights - mean) / max(1, share x step). Late in training the weights wander
    about a good place, and their mean lies nearer to it than any of them [Polyak and Juditsky
    1992]. Statistics that a model gathers by itself (an EMA codebook) stay.
    """

    @checked
    def __init__(self, model: nn.Module, share: Share):
        self.share, self.weights = share, {k: p.detach() for k, p in model.named_parameters()}
        self.mean = {name: weight.clone() for name, weight in self.weights.items()}

    @checked
    def update(self, step: Count) -> None:
        """Take in the weights after step number `step`, counted from 1."""
        weights = list(self.weights.values())
        torch._foreach_lerp_(list(self.mean.values()), weights, 1 / max(1.0, self.share * step))

    def swap(self) -> None:
        """Exchange the model's weights and the mean; a second call exchanges them back."""
        for name, weight in self.weights.items():
            kept = weight.clone()
            weight.copy_(self.mean[name])
            self.mean[name].copy_(kept)


class Interrupts:
    """Ctrl-C, the stop button and SIGTERM as a flag that is looked at between two steps.

    SIGTERM is what `kill`, a shutting-down machine and SLURM send; it may come twice, from two
    senders. A second Ctrl-C interrupts at once, but while `patient` at the end of the block.
    Outside the main thread no signal can be caught.
    """

    def __init__(self):
        self.signal = 0  # the last that came: signal.SIGINT or signal.SIGTERM
        self.patient = self.kept_back = False
        self._presses, self._before = 0, {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for kind in (signal.SIGINT, signal.SIGTERM):
                self._before[kind] = signal.signal(kind, self._note)
        return self

    def _note(self, signum: int, frame: object) -> None:
        self.signal = int(signum)
        self._presses += signum == signal.SIGINT
        if signum == signal.SIGINT and self._presses > 1:
            if not self.patient:
                raise KeyboardInterrupt
            self.kept_back = True

    def __exit__(self, kind: object, *_: object) -> None:
        for number, handler in self._before.items():
            # None: it was not set from Python, and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self.kept_back and kind is None:
            raise KeyboardInterrupt


class TrainingRun:
    """The state of one call of fit, whose arguments it takes."""

    def __init__(
        self,
        model: nn.Module,
        step: Step,
        data: tuple[Tensor, ...],
        config: FitConfig,
        out: Path | None = None,
        watch: Watcher | None = None,
        made_by: str = "",
    ):
        processes.require_equal_shares(config.batch_size)
        self.model, self.step, self.data, self.config = model, step, data, config
        self.watch, self.made_by, self.folder = watch, made_by, checkpoint.RunFolder(out)
        self.bare = unwrapped(model)  # what is stored: the names of its weights are the model's own
        self.device = profiles.device()
        self.steps_per_epoch = len(data[0]) // config.batch_size
        self.time = 60 * config.minutes if config.minutes else math.inf  # in seconds
        n_steps = None if config.minutes else self.steps_per_epoch * config.epochs
        self.history = History(n_steps=n_steps)
        self.sums = MetricSums(self.device)
        self.began = self.saved_at = time.monotonic()
        self.has_begun = self.is_saved = False
        # The main process draws from the seed itself, the others noise of their own.
        torch.manual_seed(config.seed + 999_983 * processes.rank())
        with memory_explained(self._what_to_lower):
            model.zero_grad(set_to_none=True)  # a run that broke off may have left some
            to_fast_format(model.to(self.device))
            processes.start_alike(model)
            model.train()
        rates = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
        fused = self.device.type == "cuda"  # one kernel, and no wait if a step is left out
        self.optimizer = torch.optim.AdamW(model.parameters(), **rates, fused=fused)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "fp16")
        self.scale = self.scaler.get_scale()
        self.average = RunningAverage(self.bare, config.average) if config.average else None

    # ------------------------------------------------------------------------------- one step

    def batches(self) -> Iterator[list[Tensor]]:
        """This process's share of every batch, on the device, from the present step to the last."""
        n, size, seed = len(self.data[0]), self.config.batch_size, self.config.seed
        while not self.is_over():
            epoch, begun = divmod(self.history.step, self.steps_per_epoch)
            for indices in epoch_batches(n, size, seed, epoch)[begun:]:
                if self.is_over():
                    return
                yield self._batch(processes.share_of(indices))

    def _batch(self, indices: Tensor) -> list[Tensor]:
        """These examples on the device. A copy to a GPU waits for it, except from pinned memory."""
        batch = [tensor[indices] for tensor in self.data]
        if self.device.type == "cuda":
            batch = [x if x.is_cuda else x.pin_memory() for x in batch]
        return [x.to(self.device, non_blocking=True) for x in batch]

    @contextmanager
    def precision(self, *, values_are_good: bool = True) -> Iterator[None]:
        """That of a step. On a GPU it looks at no values, which would make it wait."""
        half, on_gpu = HALF.get(self.config.precision), self.device.type == "cuda"
        unread = values_known_to_be_good() if on_gpu and values_are_good else nullcontext()
        with torch.autocast(self.device.type, half, enabled=half is not None), unread:
            yield

    def set_learning_rate(self) -> None:
        """Of the present step, counted in steps or in thousandths of the time."""
        step, n_steps = self.history.step, self.history.n_steps
        if self.config.minutes:
            step, n_steps = int(1000 * min(self.history.seconds / self.time, 0.999)), 1000
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(step, n_steps, self.config)

    def count(self, metrics: dict[str, Tensor], loss: Tensor, norm: Tensor) -> None:
        """Take note of a step. float16 alone reads from the device: whether the step was taken."""
        before, self.scale = self.scale, self.scaler.get_scale()
        if self.scale < LEAST_SCALE:
            what = "gradients overflow float16, although the loss is multiplied by"
            raise self._diverged(f"{what} {self.scale:.2g}")
        self.history.step += 1
        self.history.skipped += self.scale < before
        if self.average and self.scale >= before:
            self.average.update(self.history.step - self.history.skipped)
        # An infinite gradient breaks the weights before any loss shows it, unless it was scaled:
        # then the step was left out.
        watched = loss if self.scaler.is_enabled() else loss + norm
        self.sums.add(metrics, self.history.step, watched)

    def agree(self, interrupts: Interrupts, save_every_seconds: float) -> tuple[bool, bool]:
        """Read the clock after a step: do all processes stop here, and do they save?

        Clocks and signals of several processes differ. One answer holds for all of them: the latest
        time, and "yes" as soon as one says so.
        """
        due = time.monotonic() - self.saved_at > save_every_seconds
        stop, save = self._tick(float(interrupts.signal), float(due))
        self.bar.update(self._progress() - self.bar.n)
        return bool(stop), bool(save)

    def is_over(self) -> bool:
        """Whether all steps were taken or, by the clock, the time is up."""
        return self.history.finished or self.history.seconds >= self.time

    def at_epoch_end(self) -> bool:
        """Whether the last step closed an epoch, or the run."""
        return self.history.step % self.steps_per_epoch == 0 or self.is_over()

    # -------------------------------------------------------------------------------- the clock

    def _tick(self, *flags: float) -> list[float]:
        """Read the clock. Of several processes the latest time counts, and the largest flags."""
        seconds = time.monotonic() - self.began
        self.history.seconds, *flags = processes.largest(seconds, *flags)
        return flags

    def _progress(self) -> int:
        """What the bar counts: steps or, by the clock, seconds up to the full time."""
        seconds = min(self.history.seconds, self.time)
        return round(seconds) if self.config.minutes else self.history.step

    def _bar(self, progress: bool) -> tqdm:
        total, unit = self.history.n_steps, "step"
        if self.config.minutes:
            total, unit = round(self.time), "s"
        hidden = not progress or not processes.is_main()
        told = {"desc": "training", "total": total, "initial": self._progress(), "unit": unit}
        return tqdm(**told, leave=False, disable=hidden)

    # --------------------------------------------------------------------- the state to go on from

    def _fingerprint(self) -> dict:
        """What must agree for a checkpoint to be continued, as it is read back from JSON."""
        state = self.bare.state_dict().items()
        told = {
            **asdict(self.config),
            **{f"model.{k}": v for k, v in settings_of(self.bare).items()},
            "examples": len(self.data[0]),
            **({"examples made by": self.made_by} if self.made_by else {}),
            # Without flags, which have no size: older checkpoints do not hold them.
            "parameters": {k: list(v.shape) for k, v in state if v.dtype != torch.bool},
        }
        return json.loads(json.dumps(told))  # a tuple, as in size=(28, 28), comes back as a list

    def _state(self, described: dict) -> tuple:
        """What is saved and restored beside the random numbers."""
        return self.bare, self.optimizer, described, self.average.mean if self.average else {}

    def _restore(self) -> None:
        """Go on from the checkpoint, if there is one; from a finished one, if more is asked for."""
        path = self.folder.saved()
        if path is not None:
            state = self._state(self._fingerprint())
            header = checkpoint.restore_run(path, *state, rank=processes.rank())
            here = {"stopped_by": 0, "n_steps": self.history.n_steps}
            self.history = History(**header["history"] | here)
            # Checkpoints of earlier versions hold no sums.
            self.sums.restore(header.get("sums", [{}]), header.get("summed_steps", 0))
            self.began = time.monotonic() - self.history.seconds
            if self.scaler.is_enabled():
                self.scaler.load_state_dict(header["scaler"])
                self.scale = self.scaler.get_scale()
        steps = processes.gathered(self.history.step)
        if len(set(steps)) > 1:
            raise checkpoint.CheckpointError(
                f"the processes would go on from steps {steps}: the folder {self.folder.path} must "
                "be the same for all machines"
            )

    def save(self) -> None:
        """Write the state to go on from, unless a step since the last row broke."""
        if self.sums.n_steps:
            self._means()
        self._tick()
        sums, random = zip(
            *processes.gathered((self.sums.state(), checkpoint.random_state())), strict=True
        )
        if self.folder.writes:
            header = {
                "fingerprint": self._fingerprint(),
                "scaler": self.scaler.state_dict(),
                "history": asdict(self.history),
                "sums": sums,
                "summed_steps": self.sums.n_steps,
            }
            checkpoint.save_run(self.folder.checkpoint, *self._state(header), random)
        self.saved_at = time.monotonic()

    @contextmanager
    def opened(
        self, interrupts: Interrupts, *, resume: bool = True, progress: bool = True
    ) -> Iterator[TrainingRun]:
        """Hold the folder while the block trains, then save; however it ends, give all back."""
        try:
            with memory_explained(self._what_to_lower, told_again=True):
                if resume:
                    self._restore()
                self._look_at_the_data()
                self.folder.begin(self.history)
                self.has_begun = True
                with self._bar(progress) as self.bar:
                    yield self
                    if self.is_over():
                        self.history.n_steps = self.history.step  # by the clock, known at last
                    self.save()
                    if self.sums.n_steps:  # since the last row, in a run that was interrupted
                        self.log()  # not in the checkpoint: a run that goes on tells them later
                    stopped_by = processes.largest(float(interrupts.signal))  # waits for all
                    self.history.stopped_by, self.is_saved = int(stopped_by[0]), True
        finally:
            interrupts.patient = True  # a second Ctrl-C may not cut this in half
            self._close()

    def _close(self) -> None:
        """Give the model back for use and the folder to other runs."""
        self.folder.release()
        self.model.zero_grad(set_to_none=True)
        if self.average and self.is_saved:
            self.average.swap()
        self.model.eval()
        if self.has_begun:
            self.history.ended = True
            self._show()

    def _look_at_the_data(self) -> None:
        """On a GPU, have the step check values once: in a step, each look would make the GPU wait.

        It gets the examples that hold the smallest and the largest values, and NaN if there is one.
        """
        if self.device.type != "cuda" or self.is_over():
            return
        rows = [x.reshape(len(x), -1) for x in self.data if x.numel() and not x.is_complex()]
        lowest = [x.amin(1).double().argmin().cpu() for x in rows]
        highest = [x.amax(1).double().argmax().cpu() for x in rows]
        few = torch.stack(lowest + highest).unique()
        with undisturbed(self.model), self.precision(values_are_good=False):
            self.model.eval()
            metrics_of(self.step, self.model, self._batch(few))

    def _what_to_lower(self) -> str:
        """Where memory ran out, what to do, and what is left."""
        kind, saved, kept = self.device.type, self.folder.saved(), "No checkpoint was saved"
        precise = kind == "cuda" and self.config.precision == "no"
        faster = f', or train with precision="{profiles.fast_precision()}"' if precise else ""
        if saved:
            kept = (
                f"The last checkpoint is whole: {saved}. With more memory the same call goes on "
                "from it; what is lowered makes another run, in another folder"
            )
        return (
            f"in step {self.history.step + 1} on the {kind}: lower batch_size (it is "
            f"{self.config.batch_size}), then n_channels or n_layers of the model{faster}. {kept}"
        )

    # ----------------------------------------------------------------------------- what it tells

    def log(self) -> None:
        """A row of the means since the last one. TrainingDiverged if a step among them broke."""
        means = self._means()
        self.sums.clear()
        self._tell(self.history.rows, means)
        shown = {k: v for k, v in means.items() if k != "loss"} or means
        self.bar.set_postfix_str(", ".join(f"{v:.3f} {name}" for name, v in shown.items()))

    def log_valid(self, valid: tuple[Tensor, ...]) -> None:
        """A row of held-out means, at the mean of the weights if there is one."""
        swap = self.average.swap if self.average else lambda: None
        swap()
        try:
            with undisturbed(self.model):
                means = self._held_out(valid)
        finally:
            swap()
        self._tick()
        self._tell(self.history.valid_rows, {f"valid {name}": v for name, v in means.items()})

    def _held_out(self, valid: tuple[Tensor, ...], batch_size: int = 256) -> dict[str, float]:
        """evaluate(), with smaller batches if the larger ones do not fit into memory."""
        torch.manual_seed(self.config.seed)  # a step that draws noise: the same at every look
        try:
            return evaluate(self.model, self.step, valid, batch_size=batch_size)
        except OutOfMemory:
            if self.config.batch_size >= batch_size:
                raise
        return self._held_out(valid, self.config.batch_size)

    def _tell(self, rows: list[dict], values: dict[str, float]) -> None:
        """Add a row of the present step to `rows`, to metrics.jsonl and to what is watched."""
        step, seconds = self.history.step, round(self.history.seconds, 3)
        epoch = round(step / self.steps_per_epoch, 4)
        rows.append({"step": step, "epoch": epoch, "seconds": seconds, **values})
        self.folder.append(rows[-1])
        self._show()

    def _show(self) -> None:
        """Call the watcher, in the main process; it can neither change the run nor end it."""
        if self.watch is None or not processes.is_main():
            return
        try:
            with undisturbed(self.model):
                self.watch(self.history)
        except Exception as error:
            self.watch = None
            told = f"watch raised {error!r} at step {self.history.step}: the training goes on, and "
            warnings.warn(told + "watch is not called any more", stacklevel=2)

    def _means(self) -> dict[str, float]:
        means, broken_at = self.sums.read()
        if broken_at is not None:
            of = f" of {self.history.n_steps}" if self.history.n_steps else ""
            what = "the loss, or its gradient, stopped being finite in step"
            raise self._diverged(f"{what} {broken_at}{of}")
        return means

    def _diverged(self, what: str) -> TrainingDiverged:
        path, rate = self.folder.saved(), self.optimizer.param_groups[0]["lr"]
        kept = f"The last good checkpoint is {path}." if path else "No checkpoint was saved."
        return TrainingDiverged(
            f"{what} (seen after step {self.history.step}, at learning rate {rate:.2g}). "
            f"{kept} Try a lower learning rate, a longer warm-up or a smaller clip_norm"
        )
