"""fit(): one training loop for every model of the series, to be read as much as run.

A model is trained by a *step*: a function `step(model, *batch) -> {"loss": ..., "bits/dim": ...}`
whose "loss" is minimised and whose other entries are shown, each under the name of its unit. Each
epoch draws a new permutation of the data, from the seed and the epoch alone. So a run that is
stopped and resumed goes on with the very batches it would have seen, ends on the same weights and
has told the same rows. Several processes share every batch (`distributed`).

An interrupt (Ctrl-C, the stop button, SIGTERM) ends the run after the present step: the checkpoint
is saved, the model can be used, and history.stopped_by says which signal it was.

On a CPU the same seed and number of threads give the same numbers. A GPU promises that only up to
rounding: atomic additions, TF32 and cuDNN's choice of algorithm differ from run to run. For equal
bits on one card set CUBLAS_WORKSPACE_CONFIG=:4096:8 before Python starts, and call
torch.use_deterministic_algorithms(True): slower, and what cannot do it raises.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from torch import Tensor, nn

from tutorial_lib.contracts import Count, check_of, checked
from tutorial_lib.pixels.full_precision import require_float64
from tutorial_lib.sampling.out_of_memory import memory_let_go
from tutorial_lib.training.config import FitConfig, History
from tutorial_lib.training.distributed import average_gradients
from tutorial_lib.training.measures import Step, loss_and_metrics, require_examples
from tutorial_lib.training.run import Interrupts, TrainingRun, Watcher

Seconds = Annotated[
    object, lambda name, value: value if value == math.inf else check_of(float)(name, value)
]


@checked
@memory_let_go()
def fit(
    model: nn.Module,
    step: Step,
    data: Sequence[Tensor],
    config: FitConfig,
    *,
    valid: Sequence[Tensor] | None = None,
    out: Path | str | None = None,
    resume: bool = True,
    progress: bool = True,
    watch: Watcher | None = None,
    log_every: Count = 20,
    save_every_seconds: Seconds = 60.0,
    made_by: str = "",
) -> History:
    """Train `model` in place and return its History; the model ends in eval mode.

    data, valid   tensors of equal length; a batch of each is handed to `step`
    out           folder of the run; None keeps nothing on disk
    resume        go on from a checkpoint of the same configuration in `out`; a finished run goes on
                  if more epochs (or minutes) are asked for than it had
    watch         called with the History after every new row, and once at the end; it cannot
                  disturb the run, and if it raises, it is warned of and not called again
    log_every     steps between two rows; only then, and before a checkpoint, is the loss looked at
    save_every_seconds   between two checkpoints; 0 or less: after every step; infinity: at the end
    made_by       what the data come from, a digest of the model that made them, say: a checkpoint
                  whose data had another origin is of another run

    Raises TrainingDiverged with the step in which the loss or its gradient stopped being finite,
    OutOfMemory with what to lower, CheckpointError if `out` holds a run of another configuration or
    another run is writing there, ValueError for unusable data.
    """
    _require_usable(model, data, valid, config)
    with (
        Interrupts() as interrupts,
        TrainingRun(model, step, data, config, out, watch, made_by).opened(
            interrupts, resume=resume, progress=progress
        ) as run,
    ):
        for batch in run.batches():
            run.set_learning_rate()
            with run.precision():
                loss, metrics = loss_and_metrics(step, model, batch)
            run.scaler.scale(loss).backward()
            average_gradients(model.parameters())  # over the processes
            run.scaler.unscale_(run.optimizer)
            norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            run.scaler.step(run.optimizer)
            run.scaler.update()
            run.optimizer.zero_grad()
            run.count(metrics, loss.detach(), norm)
            stop, save = run.agree(interrupts, save_every_seconds)
            if run.history.step % log_every == 0 or run.at_epoch_end():
                run.log()
            if valid is not None and run.at_epoch_end():
                run.log_valid(valid)
            if stop:
                break
            if save:
                run.save()
    return run.history


def _require_usable(
    model: nn.Module, data: Sequence, valid: Sequence | None, config: FitConfig
) -> None:
    require_float64(model)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(
            f"model has nothing to train: {type(model).__name__} has no weights, or all of them "
            "are frozen (requires_grad is False)"
        )
    if len(require_examples("data", data)[0]) < config.batch_size:
        raise ValueError(
            f"{len(data[0])} examples do not fill one batch of {config.batch_size}: "
            f"lower batch_size, or give a {type(data).__name__} of more data"
        )
    if valid is not None:
        require_examples("valid", valid)
