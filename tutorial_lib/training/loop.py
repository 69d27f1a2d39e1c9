"""fit(): one training loop for every model of the series, to be read as much as run.

A model is trained by a *step*: a function `step(model, *batch) -> {"loss": ..., "bits/dim": ...}`
whose "loss" is minimised and whose other entries are shown, each under the name of its unit. The
loop draws a new permutation of the data each epoch, from the seed and the epoch alone, so a run
that is stopped and resumed goes on with the very batches it would have seen, ends on the same
weights and has told the same rows.

Under `torchrun --nproc-per-node=N` every batch is shared among N processes. A loss that is a mean
over examples then gives the training of one process, up to rounding.

What a run is told stands in `schedule`, what one step does in `run`.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from tutorial_lib.contracts.plain import (
    require_bool,
    require_function,
    require_instance,
    require_int,
    require_number,
    require_path,
    require_text,
)
from tutorial_lib.contracts.validation import require_model
from tutorial_lib.pixels.full_precision import require_float64
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.evaluation import Step, evaluate, require_examples
from tutorial_lib.training.history import History, TrainingDiverged
from tutorial_lib.training.interruption import interrupt_as_flag
from tutorial_lib.training.record import Watcher
from tutorial_lib.training.run import TrainingRun
from tutorial_lib.training.schedule import epoch_batches, learning_rate_at

__all__ = [
    "FitConfig",
    "History",
    "Step",
    "TrainingDiverged",
    "Watcher",
    "epoch_batches",
    "evaluate",
    "fit",
    "learning_rate_at",
]


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
    watch: Watcher | None = None,
    log_every: int = 20,
    save_every_seconds: float = 60.0,
    made_by: str = "",
) -> History:
    """Train `model` in place and return its History; the model ends in eval mode.

    data, valid   tensors of equal length; a batch of each is handed to `step`
    out           folder of the run; None keeps nothing on disk
    save_every_seconds   between two checkpoints; 0 or less: one after every step;
                         infinity: none before the end
    resume        go on from a checkpoint in `out`, if there is one of the same configuration; a
                  finished run goes on if more epochs (or minutes) are asked for than it had, at the
                  learning rates that the longer run has from that step on
    log_every     steps between two rows; only then, and before a checkpoint, is the loss looked at
    made_by       what the data come from, a digest of the model that made them, say: a checkpoint
                  whose data had another origin is of another run
    watch         called with the History after every new row, and once when the run has ended
                  (history.ended), however it ended. It cannot disturb the run: random numbers and
                  the model's mode are put back, and if it raises, there is a warning and no further
                  call

    An interrupt (Ctrl-C, the stop button, SIGTERM) ends the run after the present step: the
    checkpoint is saved, the model can be used, and history.stopped_by says which signal it was.
    Raises TrainingDiverged with the step in which the loss or its gradient stopped being finite,
    OutOfMemory with what to lower, CheckpointError if `out` holds a run of another configuration or
    another run is writing there, ValueError for unusable data.

    On a CPU the same seed and number of threads give the same numbers. A GPU promises that only up
    to rounding: atomic additions, TF32 and cuDNN's choice of algorithm differ from run to run and
    from card to card. For equal bits on one card set CUBLAS_WORKSPACE_CONFIG=:4096:8 before Python
    starts, and call torch.use_deterministic_algorithms(True): slower, and what cannot do it raises.
    """
    require_float64(require_model("model", model))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(
            f"model has nothing to train: {type(model).__name__} has no weights, or all of them "
            "are frozen (requires_grad is False)"
        )
    require_function("step", step)
    _require_usable(data, config)
    _require_options(valid, resume, progress, watch, log_every, save_every_seconds)
    folder = None if out is None else require_path("out", out)
    with interrupt_as_flag() as interrupted:
        run = TrainingRun(
            model, step, data, config, folder, watch, require_text("made_by", made_by)
        )
        with run.opened(resume, interrupted), run.clock.bar(progress) as bar:
            for batch in run.remaining_batches():
                run.train_step(batch)
                then = run.clock.agree(interrupted.signal, save_every_seconds)
                ends = run.at_epoch_end() or run.history.finished
                if run.history.step % log_every == 0 or ends:
                    bar.set_postfix_str(run.log())
                if valid is not None and ends:
                    run.log_valid(valid)
                bar.update(run.clock.progress() - bar.n)
                if then.stop:
                    break
                if then.save:
                    run.save()
    return run.history


def _require_usable(data: tuple[Tensor, ...], config: FitConfig) -> None:
    require_instance("config", config, FitConfig)
    require_examples("data", data)
    if len(data[0]) < config.batch_size:
        raise ValueError(
            f"{len(data[0])} examples do not fill one batch of {config.batch_size}: "
            f"lower batch_size, or give a {type(data).__name__} of more data"
        )


def _require_options(valid, resume, progress, watch, log_every, save_every_seconds) -> None:
    if valid is not None and not len(require_examples("valid", valid)[0]):
        raise ValueError(f"valid must hold examples, got a {type(valid).__name__} of none")
    require_bool("resume", resume)
    require_bool("progress", progress)
    if watch is not None:
        require_function("watch", watch)
    require_int("log_every", log_every, at_least=1)
    if not isinstance(save_every_seconds, float) or save_every_seconds != float("inf"):
        require_number("save_every_seconds", save_every_seconds)
