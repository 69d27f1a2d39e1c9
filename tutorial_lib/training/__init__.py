"""One loop for every model, and what makes stopping and resuming safe; in reading order.

module       what it holds                                              chapter
loop         fit: batch, step, backward, clip, update, log, save        03
config       what a run is told (FitConfig), what it tells (History)    03
measures     a step's metrics: of a batch, a data set, many steps       03
run          the one owner of a run's state: counts, tells, goes on     12
checkpoint   what a run leaves on the disk, and where it goes on        12
distributed  several processes under torchrun                           17
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["FitConfig", "History", "TrainingDiverged", "learning_rate_at"],
        "checkpoint": ["CheckpointError", "FolderInUse", "read_tensors", "write_tensors"],
        "loop": ["fit"],
        "measures": ["Step", "evaluate"],
        "run": ["RunningAverage", "Watcher", "epoch_batches"],
    },
)
