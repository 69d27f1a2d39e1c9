"""The files of a run: the checkpoint, and metrics.jsonl with a row of JSON for every few steps.

The main process alone writes them. The rows of metrics.jsonl are those of the history; after a run
has died, its last rows may speak of steps that no checkpoint holds, so a run that is resumed first
writes the file anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from tutorial_lib import processes
from tutorial_lib.checkpoint import remove_leftovers
from tutorial_lib.history import History


class RunFolder:
    """`path`, made when something is written into it; None keeps nothing on disk."""

    def __init__(self, path: Path | None):
        self.path = path

    @property
    def checkpoint(self) -> Path | None:
        """Where the checkpoint is, or would be."""
        return self.path / "checkpoint.safetensors" if self.path else None

    @property
    def writes(self) -> bool:
        """Whether this process is to write files."""
        return self.path is not None and processes.is_main()

    def begin(self, history: History) -> None:
        """Make metrics.jsonl say what the history says, clear up after a run that was killed."""
        if not self.writes:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.checkpoint)
        rows = sorted(history.rows + history.valid_rows, key=lambda row: row["step"])
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.path / "metrics.jsonl").write_text(text, encoding="utf-8")

    def append(self, row: dict) -> None:
        """Add a row to metrics.jsonl."""
        if self.writes:
            with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
