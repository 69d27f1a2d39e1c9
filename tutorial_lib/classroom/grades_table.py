"""The table of a course's grades: as text, and as the file grades.csv."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tutorial_lib.exercises.reports import Table


@dataclass(frozen=True)
class Score:
    """Of one student's assignment. A written answer counts once a person has read it."""

    assignment: str
    student: str
    points: float
    out_of: float
    to_be_read: bool
    problem: str = ""


COLUMNS = [field.name for field in fields(Score)]


def table(scores: Sequence[Score]) -> str:
    """The scores as text."""
    rows = [
        [s.assignment, s.student, f"{s.points:g} of {s.out_of:g}", s.problem or _to_read(s)]
        for s in scores
    ]
    return Table(["assignment", "student", "points", ""], rows, right_from=4).plain()


def _to_read(score: Score) -> str:
    return "a written answer is to be read" if score.to_be_read else ""


def write_csv(path: Path, scores: Sequence[Score]) -> None:
    """Write the scores to a file, sorted by assignment and student."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(
            astuple(s) for s in sorted(scores, key=lambda s: (s.assignment, s.student))
        )


def read_csv(path: Path) -> list[Score]:
    """The scores that `write_csv` wrote; none where there is no such file, or another table."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [_score(row) for row in rows] if rows.fieldnames == COLUMNS else []


def _score(row: dict[str, str]) -> Score:
    points, out_of = float(row["points"]), float(row["out_of"])
    to_be_read = row["to_be_read"] == "True"
    return Score(row["assignment"], row["student"], points, out_of, to_be_read, row["problem"])
