"""The table of a course's grades: as text, and as the file grades.csv.

The file is written from nbgrader's gradebook and never read: what a spreadsheet makes of it, or
what somebody adds to it, changes no grade. A file that was changed is kept, and then written anew.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tutorial_lib.exercises.reports import Table

KEPT = "grades-backup"


@dataclass(frozen=True)
class Score:
    """Of one student's assignment. A written answer counts once a person has read it.

    points   None: not graded, and `problem` says what to ask for
    problem  why it is not graded; flags: what a teacher should look at
    """

    assignment: str
    student: str
    points: float | None
    out_of: float
    to_be_read: bool = False
    problem: str = ""
    flags: str = ""


COLUMNS = [field.name for field in fields(Score)]


def table(scores: Sequence[Score]) -> str:
    """The scores as text."""
    rows = [
        [s.assignment, s.student, "-" if s.points is None else f"{s.points:g} of {s.out_of:g}"]
        + ["; ".join(filter(None, (s.problem, s.flags, _to_read(s))))]
        for s in scores
    ]
    return Table(["assignment", "student", "points", ""], rows, right_from=4).plain()


def _to_read(score: Score) -> str:
    return "a written answer is to be read" if score.to_be_read else ""


def write_csv(path: Path, scores: Sequence[Score], last: str = "") -> tuple[str, Path | None]:
    """Write the scores, sorted; (what was written, where the file before it is kept).

    last: what was written the time before. A file that holds anything else was changed since.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(s) for s in sorted(scores, key=lambda s: (s.assignment, s.student)))
    text, kept = file.getvalue(), None
    if path.exists() and path.read_bytes() not in (last.encode(), text.encode()):
        kept = _free(path.with_name(KEPT), path)
        kept.parent.mkdir(exist_ok=True)
        path.replace(kept)
    path.write_bytes(text.encode())
    return text, kept


def _free(folder: Path, path: Path) -> Path:
    now, number = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S"), 0
    while True:
        kept = folder / f"{path.stem}-{now}{f'-{number}' if number else ''}{path.suffix}"
        if not kept.exists():
            return kept
        number += 1
