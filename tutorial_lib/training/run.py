"""The moving parts of one call of fit: the model made ready, a step, the state to go on from.

In half precision torch.autocast rounds what convolutions and matrix products take; weights,
gradients and the optimiser stay in float32. float16 ("fp16") has a small range: gradients below
6e-8 become 0. GradScaler therefore multiplies the loss by a large number and divides the gradients
by it; where that overflows, the step is left out and the number halved, which is routine.

What several processes do together stands in `distributed`, what a run tells in `record`, what it
writes in `folder`, what has passed of its time in `clock`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from tutorial_lib import profiles
from tutorial_lib.contracts import values_known_to_be_good
from tutorial_lib.contracts.plain import unwrapped
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.pixels.memory_format import to_fast_format
from tutorial_lib.sampling.out_of_memory import OutOfMemory, memory_explained
from tutorial_lib.training import distributed as processes
from tutorial_lib.training.averaging import RunningAverage
from tutorial_lib.training.checkpoint import CheckpointError, random_state, restore_run, save_run
from tutorial_lib.training.clock import RunClock
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.evaluation import Step, evaluate, metrics_of, undisturbed
from tutorial_lib.training.folder import RunFolder
from tutorial_lib.training.history import History
from tutorial_lib.training.interruption import Interrupts
from tutorial_lib.training.record import RunRecord, Watcher
from tutorial_lib.training.schedule import epoch_batches

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
LEAST_SCALE = 2.0**-14  # of the loss: the smallest normal number of float16


class TrainingRun:
    """The moving parts of one call of fit."""

    def __init__(
        self,
        model: nn.Module,
        step: Step,
        data: tuple[Tensor, ...],
        config: FitConfig,
        out: Path | None,
        watch: Watcher | None = None,
        made_by: str = "",
    ):
        self.model, self.step, self.data, self.config = model, step, data, config
        self.made_by = made_by
        self.bare = unwrapped(model)  # what is stored: the names of its weights are the model's own
        processes.require_equal_shares(config.batch_size)
        self.device = profiles.device()
        self.steps_per_epoch = len(data[0]) // config.batch_size
        self.n_steps = None if config.minutes else self.steps_per_epoch * config.epochs
        self.folder = RunFolder(out)
        self.record = RunRecord(
            History(n_steps=self.n_steps), self.folder, self.steps_per_epoch, self.device, watch
        )
        torch.manual_seed(processes.own_seed(config.seed))
        with memory_explained(self._what_to_lower):
            self._prepare_model()
        self.optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self.device.type == "cuda",  # one kernel, and no wait if a step is left out
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "fp16")
        self.scale = self.scaler.get_scale()
        self.average = RunningAverage(self.bare, config.average) if config.average else None
        self.clock = RunClock(config, self.record)
        self.has_begun = self.is_saved = False

    @property
    def history(self) -> History:
        return self.record.history

    def _prepare_model(self) -> None:
        """Device and memory format; not wrapped, so that a step may call its methods."""
        model = self.model
        model.zero_grad(set_to_none=True)  # a run that broke off may have left some
        to_fast_format(model.to(self.device))
        processes.start_alike(model)
        model.train()

    # ------------------------------------------------------------------ the state to go on from

    def fingerprint(self) -> dict:
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

    def extra(self) -> dict[str, Tensor]:
        """Tensors of the run's state beside weights and optimiser."""
        return self.average.mean if self.average else {}

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one; from a finished one, if more is asked for."""
        path = self.folder.saved()
        if path is not None:
            state = (self.bare, self.optimizer, self.fingerprint(), self.extra())
            header = restore_run(path, *state, rank=processes.rank())
            self.record.restore(header)
            self.clock.go_on(self.n_steps)
            if self.scaler.is_enabled():
                self.scaler.load_state_dict(header["scaler"])
                self.scale = self.scaler.get_scale()
        step = float(self.history.step)
        most, minus_least = processes.largest(step, -step)
        if most != -minus_least:
            raise CheckpointError(
                f"some processes would go on from step {most:g}, others from step "
                f"{-minus_least:g}: the folder {self.folder.path} must be the same for all machines"
            )

    def save(self) -> None:
        """Write the state to go on from, unless a step since the last row broke."""
        if self.record.sums.n_steps:
            self.record.finite_means(self.rate_taken())
        self.clock.tick()
        own = {"sums": self.record.sums.state(), "random": random_state()}
        states = processes.gathered(own)
        if self.folder.writes:
            header = {
                "fingerprint": self.fingerprint(),
                "scaler": self.scaler.state_dict(),
                **self.record.state([state["sums"] for state in states]),
            }
            state = (self.bare, self.optimizer, header, self.extra())
            save_run(self.folder.checkpoint, *state, [state["random"] for state in states])
        self.clock.has_saved()

    @contextmanager
    def opened(self, resume: bool, interrupts: Interrupts) -> Iterator[None]:
        """Hold the folder while the block trains, then save; however it ends, give all back."""
        try:
            with memory_explained(self._what_to_lower, told_again=True):
                if resume:
                    self.restore()
                self.look_at_the_data()
                self.folder.begin(self.history)
                self.has_begun = True
                yield
                self.finish()
                (stopped_by,) = processes.largest(float(interrupts.signal))
                self.history.stopped_by = int(stopped_by)
        finally:
            interrupts.patient = True  # a second Ctrl-C may not cut this in half
            self.close()

    def finish(self) -> None:
        """Save, and tell the last steps of an interrupted run."""
        self.save()
        if self.record.sums.n_steps:
            self.log()  # not in the checkpoint: a run that goes on will tell these steps later
        processes.wait_for_all()
        self.is_saved = True

    def close(self) -> None:
        """Give the model back for use and the folder to other runs."""
        self.folder.release()
        self.model.zero_grad(set_to_none=True)
        if self.average and self.is_saved:
            self.average.swap()
        self.model.eval()
        if self.has_begun:
            self.history.ended = True
            self.record.show(self.model)

    def _what_to_lower(self) -> str:
        """Where memory ran out, what to do, and what is left."""
        lower = (
            f"lower batch_size (it is {self.config.batch_size}), then n_channels or n_layers of "
            f"the model"
        )
        if self.device.type == "cuda" and self.config.precision == "no":
            lower += f', or train with precision="{profiles.fast_precision()}"'
        saved = self.folder.saved()
        kept = "No checkpoint was saved"
        if saved:
            kept = (
                f"The last checkpoint is whole: {saved}. With more memory the same call goes on "
                f"from it; what is lowered makes another run, in another folder"
            )
        return f"in step {self.history.step + 1} on the {self.device.type}: {lower}. {kept}"

    # -------------------------------------------------------------------------------- one step

    def remaining_batches(self) -> Iterator[Tensor]:
        """Index tensors from the present step to the last; this process's share of each."""
        first_epoch, skip = divmod(self.history.step, self.steps_per_epoch)
        for epoch in itertools.count(first_epoch):
            batches = epoch_batches(
                len(self.data[0]), self.config.batch_size, self.config.seed, epoch
            )
            for indices in batches[skip if epoch == first_epoch else 0 :]:
                if self.history.finished:
                    return
                yield processes.share_of(indices)

    def _batch(self, indices: Tensor) -> list[Tensor]:
        """These examples on the device. A copy to a GPU waits for it, except from pinned memory."""
        batch = [tensor[indices] for tensor in self.data]
        if self.device.type == "cuda":
            batch = [x if x.is_cuda else x.pin_memory() for x in batch]
        return [x.to(self.device, non_blocking=True) for x in batch]

    def look_at_the_data(self) -> None:
        """On a GPU, have the step check values once: in a step, each look would make the GPU wait.

        It gets the examples that hold the smallest and the largest values, and NaN if there is one.
        """
        if self.device.type != "cuda" or self.history.finished:
            return
        rows = [x.reshape(len(x), -1) for x in self.data if x.numel() and not x.is_complex()]
        extreme = [
            i for x in rows for i in (x.amin(1).double().argmin(), x.amax(1).double().argmax())
        ]
        few = torch.stack([i.cpu() for i in extreme]).unique()
        with undisturbed(self.model), self._autocast():
            self.model.eval()
            metrics_of(self.step, self.model, self._batch(few))

    def train_step(self, indices: Tensor) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.clock.learning_rate()
        looked_at = values_known_to_be_good if self.device.type == "cuda" else nullcontext
        with self._autocast(), looked_at():
            metrics = metrics_of(self.step, self.model, self._batch(indices))
        loss = metrics["loss"].float()
        if not loss.requires_grad:
            raise ValueError(
                f"the loss {loss.item():.6g} does not depend on any weight that is trained: step "
                "must compute it with the model, without detach() or no_grad()"
            )
        self.scaler.scale(loss).backward()
        processes.average_gradients(self.model.parameters())
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.scaler.step(self.optimizer)
        moved = self._update_scale()
        self.optimizer.zero_grad()
        self.history.step += 1
        self.history.skipped += not moved
        if self.average and moved:
            self.average.update(self.history.step - self.history.skipped)
        # An infinite gradient breaks the weights before any loss shows it, unless it was scaled:
        # then the step was left out.
        watched = loss if self.scaler.is_enabled() else loss + norm
        self.record.sums.add(metrics, self.history.step, watched.detach())

    def _autocast(self) -> torch.autocast:
        half = HALF.get(self.config.precision)
        return torch.autocast(self.device.type, half, enabled=half is not None)

    def _update_scale(self) -> bool:
        """Whether the step was taken; float16 alone reads that from the device."""
        if not self.scaler.is_enabled():
            return True
        self.scaler.update()
        before, self.scale = self.scale, self.scaler.get_scale()
        if self.scale < LEAST_SCALE:
            raise self.record.diverged(
                f"gradients overflow float16, although the loss is multiplied by {self.scale:.2g}",
                self.rate_taken(),
            )
        return self.scale >= before

    def rate_taken(self) -> float:
        """The learning rate of the last step."""
        return self.optimizer.param_groups[0]["lr"]

    def at_epoch_end(self) -> bool:
        return self.history.step % self.steps_per_epoch == 0

    # -------------------------------------------------------------------------- what it tells

    def log(self) -> str:
        """Store the means since the last row; returns them for the progress bar."""
        shown = self.record.log(self.rate_taken())
        self.record.show(self.model)
        return shown

    def log_valid(self, valid: tuple[Tensor, ...]) -> None:
        """Store the held-out means."""
        with self.averaged(), undisturbed(self.model):
            try:
                means = self._held_out(valid)
            except OutOfMemory:
                if self.config.batch_size >= 256:
                    raise
                means = self._held_out(valid, batch_size=self.config.batch_size)
        self.clock.tick()
        held_out = {f"valid {name}": value for name, value in means.items()}
        self.record.append(self.history.valid_rows, held_out)
        self.record.show(self.model)

    def _held_out(self, valid: tuple[Tensor, ...], **options) -> dict[str, float]:
        torch.manual_seed(self.config.seed)  # a step that draws noise: the same at every look
        return evaluate(self.model, self.step, valid, **options)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model with the mean of its weights, for as long as the block lasts."""
        if self.average:
            self.average.swap()
        try:
            yield
        finally:
            if self.average:
                self.average.swap()
