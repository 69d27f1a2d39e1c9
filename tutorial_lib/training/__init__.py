"""One loop for every model, and what makes stopping and resuming safe; in reading order.

module        what it holds                                        chapter
config        what a run is told: FitConfig                        03
loop          fit: batch, step, backward, clip, update, log, save  03
schedule      learning rates, and the order of the examples        12
run           the state of a run: one step, and where it resumes   12
averaging     a running mean of the weights                        17
evaluation    means of a step's metrics over a data set            03
history       what was measured
record        what a run says while it trains
metric_sums   metrics added up where they are computed
clock         what has passed of the steps or the time
interruption  Ctrl-C and SIGTERM, looked at between two steps      12
distributed   several processes under torchrun                     17
checkpoint    the state of a run as one safetensors file           12
folder        the files of a run
folder_lock   one run in a folder at a time
whole_file    a file written whole or not at all
write_errors  an error of the disk, told by its file
kept_runs     where runs live
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["FitConfig"],
        "loop": ["fit"],
        "schedule": ["epoch_batches", "learning_rate_at"],
        "run": ["TrainingRun"],
        "averaging": ["RunningAverage"],
        "evaluation": ["Step", "evaluate", "metrics_of", "require_examples", "undisturbed"],
        "history": ["History", "TrainingDiverged"],
        "record": ["RunRecord", "Watcher"],
        "metric_sums": ["MetricSums"],
        "clock": ["Agreement", "RunClock"],
        "interruption": ["Interrupts", "interrupt_as_flag"],
        "distributed": [
            "average_gradients",
            "gathered",
            "is_main",
            "largest",
            "main_first",
            "mean",
            "n_processes",
            "once",
            "own_seed",
            "rank",
            "require_equal_shares",
            "say",
            "share_of",
            "smallest",
            "start_alike",
            "wait_for_all",
        ],
        "checkpoint": [
            "CheckpointError",
            "digest_of",
            "random_state",
            "read_tensors",
            "require_same_run",
            "restore_run",
            "save_run",
            "write_tensors",
        ],
        "folder": ["RunFolder"],
        "folder_lock": ["FolderInUse", "hold"],
        "whole_file": ["newest", "remove_leftovers", "write_whole"],
        "write_errors": ["file_named", "what_to_do"],
        "kept_runs": ["kept_run", "runs_dir"],
    },
)
