"""Builds an nbgrader course from the exercises, and grades what was handed in.

FOLDER/nbgrader_config.py     grades come from GradeApart
FOLDER/source/ch02/           the instructor's notebook: solutions, hidden lines
FOLDER/release/ch02/          the students' notebook
FOLDER/submitted/NAME/ch02/   where their work goes; autograded/ and feedback/ come from grading
"""

from __future__ import annotations

import contextlib
import csv
import os
import random
import re
import secrets
import shutil
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import nbformat
from tqdm.auto import tqdm

from tutorial_lib.exercises.discovery import chapters

CONFIG = '''\
"""What nbgrader needs to know of this course. Your own settings can go below."""

import os

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)

from tutorial_lib.classroom.preprocessor import GradeApart

c = get_config()
c.CourseDirectory.course_id = "from-pixels-to-codes"
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.ClearSolutions.code_stub = {"python": "____"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.OverwriteCells.add_missing_cells = True

# Grades come from a process that never runs the student's code: GradeApart stands where nbgrader
# has Execute, which runs notebook and hidden tests in one kernel. Keep it in this list.
c.Autograde.autograde_preprocessors = [
    GradeApart,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.GradeApart.cell_seconds = 30.0  # for one cell of a submission
c.GradeApart.memory_mib = 2048  # for a submission, on top of what torch needs
'''
ERROR = re.compile(r"\s*[\w.]+(Error|Exception)\b")
NO_NBGRADER = (
    "A course needs nbgrader, which is not installed here. "
    'Install it with: pip install "from-pixels-to-codes[course]"'
)


class CourseError(ValueError):
    """What keeps a course from being built or graded, in a sentence."""


@dataclass(frozen=True)
class Score:
    """Of one student's assignment. A written answer counts once a person has read it."""

    assignment: str
    student: str
    points: float
    out_of: float
    to_be_read: bool
    problem: str = ""


def build_course(
    folder: Path,
    *,
    names: Sequence[str] | None = None,
    variant_seed: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> list[str]:
    """Write the course and its release version; returns the names of the assignments.

    names         chapters, as "ch02" or "02"; default: all
    variant_seed  the graded tests ask for these variants instead of the chapters' own exercises
    overwrite     make assignments anew that are there already (submissions stay as they are)

    Raises CourseError, before anything is written, for an unknown chapter, for assignments that
    are there already, and without nbgrader.
    """
    chosen = _chosen(names)
    need_nbgrader()
    there = [name for name in chosen if (folder / "source" / name).exists()]
    if there and not overwrite:
        raise CourseError(
            f"{folder} holds {', '.join(there)} already. Choose another folder or other chapters, "
            "or pass --overwrite: it makes the assignments anew, with other hidden inputs."
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "nbgrader_config.py").exists():
        (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    for name, chapter in tqdm(chosen.items(), "assignments", disable=not progress):
        _write_source(folder, name, chapter, variant_seed)
        with _quiet():
            made = _api(folder).generate_assignment(name, force=True, create=True)
        if not made["success"]:
            raise CourseError(f"nbgrader could not make the release of {name}: {_why(made)}")
    return list(chosen)


def grade_course(
    folder: Path, *, names: Sequence[str] | None = None, progress: bool = True
) -> list[Score]:
    """Grade everything in FOLDER/submitted, write feedback, and FOLDER/grades.csv.

    A submission that can't be graded gets no points and its reason; the others are graded. Work
    that was graded before is graded again, from the same hidden inputs.
    """
    need_nbgrader()
    if not (folder / "nbgrader_config.py").exists():
        raise CourseError(f"{folder} is no course: it holds no nbgrader_config.py")
    handed_in = [pair for pair in submissions(folder) if names is None or pair[0] in _chosen(names)]
    if not handed_in:
        raise CourseError(f"Nothing to grade: {folder / 'submitted'}/STUDENT/CHAPTER is empty")
    scores = []
    for assignment, student in tqdm(handed_in, "submissions", disable=not progress):
        with _quiet():
            scores.append(_graded(_api(folder), assignment, student))
    _write_csv(folder / "grades.csv", scores)
    return scores


def submissions(folder: Path) -> Iterator[tuple[str, str]]:
    """(assignment, student) of everything handed in."""
    for path in sorted((folder / "submitted").glob("*/*")):
        if path.is_dir() and (folder / "source" / path.name).is_dir():
            yield path.name, path.parent.name


def table(scores: Sequence[Score]) -> str:
    """The scores as text."""
    from tutorial_lib.exercises.reports import Table

    rows = [
        [s.assignment, s.student, f"{s.points:g} of {s.out_of:g}", s.problem or _to_read(s)]
        for s in scores
    ]
    return Table(["assignment", "student", "points", ""], rows, right_from=4).plain()


def _to_read(score: Score) -> str:
    return "a written answer is to be read" if score.to_be_read else ""


def _chosen(names: Sequence[str] | None) -> dict[str, ModuleType]:
    known = chapters()
    if names is None:
        return known
    asked = [name if name.startswith("ch") else f"ch{name.zfill(2)}" for name in names]
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        raise CourseError(
            f"there are no exercises of {', '.join(unknown) or 'no chapter'}; "
            f"chapters: {', '.join(name[2:] for name in known)}"
        )
    return {name: known[name] for name in dict.fromkeys(asked)}


def need_nbgrader() -> None:
    """Raises CourseError where nbgrader is not installed."""
    try:
        import nbgrader  # noqa: F401
    except ImportError:
        raise CourseError(NO_NBGRADER) from None


def _write_source(folder: Path, name: str, chapter: ModuleType, variant_seed: int | None) -> None:
    from tutorial_lib.classroom.assignment import assignment_notebook

    secret = random.Random(secrets.randbits(64))
    notebook = assignment_notebook(chapter, secret=secret, variant_seed=variant_seed)
    target = folder / "source" / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    nbformat.write(notebook, target / f"{name}.ipynb")


def _api(folder: Path):
    """nbgrader with the course's own configuration.

    It starts `alembic` by name, which stands beside this Python, on the PATH or not.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    scripts = sysconfig.get_path("scripts")
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    config = PyFileConfigLoader("nbgrader_config.py", path=str(folder.resolve())).load_config()
    return NbGraderAPI(config=config)


def _graded(api, assignment: str, student: str) -> Score:
    outcome = api.autograde(assignment, student, force=True, create=True)
    if outcome["success"]:
        api.generate_feedback(assignment, student, force=True)
    return _score(api, assignment, student, "" if outcome["success"] else _why(outcome))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of nbgrader's own libraries, which nobody here can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _why(outcome: dict) -> str:
    """The first error in nbgrader's log, in one line."""
    lines = f"{outcome.get('log') or ''}\n{outcome.get('error') or ''}".splitlines()
    errors = [line.strip() for line in lines if ERROR.match(line)]
    return next(iter(errors), "no reason was given")


def _score(api, assignment: str, student: str, problem: str) -> Score:
    with api.gradebook as gradebook:
        try:
            found = gradebook.find_submission(assignment, student)
        except Exception:  # it failed before it got into the gradebook
            total = gradebook.find_assignment(assignment).max_score
            return Score(assignment, student, 0.0, total, False, problem)
        points = 0.0 if problem else found.score
        return Score(
            assignment, student, points, found.max_score, found.needs_manual_grade, problem
        )


def _write_csv(path: Path, scores: Sequence[Score]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["assignment", "student", "points", "out_of", "to_be_read", "problem"])
        for s in scores:
            writer.writerow([s.assignment, s.student, s.points, s.out_of, s.to_be_read, s.problem])
