"""The files of a run: the checkpoint, and metrics.jsonl with a row of JSON for every few steps.

The main process alone writes them. The rows of metrics.jsonl are those of the history; after a run
has died, its last rows may speak of steps that no checkpoint holds, so a run that is resumed first
writes the file anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from tutorial_lib.training import distributed as processes
from tutorial_lib.training.checkpoint import CheckpointError
from tutorial_lib.training.folder_lock import hold
from tutorial_lib.training.history import History
from tutorial_lib.training.whole_file import newest, remove_leftovers
from tutorial_lib.training.write_errors import file_named


class RunFolder:
    """`path`, made when something is written into it; None keeps nothing on disk."""

    def __init__(self, path: Path | None):
        self.path = path
        self._lock = None

    @property
    def checkpoint(self) -> Path | None:
        """Where the checkpoint is, or would be."""
        return self.path / "checkpoint.safetensors" if self.path else None

    def saved(self) -> Path | None:
        """The checkpoint to go on from, if there is one."""
        found = newest(self.checkpoint) if self.path else None
        return found if found and found.exists() else None

    @property
    def metrics(self) -> Path:
        """The rows, one a line."""
        return self.path / "metrics.jsonl"

    @property
    def writes(self) -> bool:
        """Whether this process is to write files."""
        return self.path is not None and processes.is_main()

    def begin(self, history: History) -> None:
        """Make metrics.jsonl say what the history says, clear up after a run that was killed.

        FolderInUse if another run is writing here.
        """
        if not self.writes:
            return
        rows = sorted(history.rows + history.valid_rows, key=lambda row: row["step"])
        text = "".join(json.dumps(row) + "\n" for row in rows)
        self._require_own_metrics()
        with file_named(self.metrics):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.metrics)
            remove_leftovers(self.checkpoint)
            self.metrics.write_text(text, encoding="utf-8")

    def _require_own_metrics(self) -> None:
        """CheckpointError if metrics.jsonl was written by another program: it is not ours."""
        if self.saved() or not self.metrics.exists():
            return
        with open(self.metrics, encoding="utf-8", errors="replace") as file:
            first = file.readline()
        if first.strip() and not first.startswith('{"step": '):
            raise CheckpointError(
                f"{self.metrics} is no record of a training, and would be overwritten: choose "
                f"another folder, or move it. It is left as it is"
            )

    def append(self, row: dict) -> None:
        """Add a row to metrics.jsonl."""
        if self.writes:
            with file_named(self.metrics), open(self.metrics, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def release(self) -> None:
        """Let other runs write here."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
