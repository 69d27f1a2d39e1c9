"""Builds an nbgrader course from the exercises, and grades what was handed in.

FOLDER/nbgrader_config.py     grades come from GradeApart
FOLDER/source/ch02/           the instructor's notebook: solutions, hidden lines
FOLDER/release/ch02/          the students' notebook
FOLDER/submitted/NAME/ch02/   where their work goes; autograded/ and feedback/ come from grading
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import secrets
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import nbformat
from tqdm.auto import tqdm

from tutorial_lib.classroom.grades_table import Score, read_csv, write_csv
from tutorial_lib.exercises.discovery import chapters

CONFIG = '''\
"""What nbgrader needs to know of this course. Your own settings can go below."""

import os

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    IgnorePattern,
    LimitOutput,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from tutorial_lib.classroom.mended import ForgetCopies, PutBack
from tutorial_lib.classroom.preprocessor import GradeApart

c = get_config()
c.CourseDirectory.course_id = "from-pixels-to-codes"
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.ClearSolutions.code_stub = {"python": "____"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.OverwriteCells.add_missing_cells = True

# Cells that a student copied, deleted or retyped cost nobody the whole assignment.
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    ForgetCopies,
    OverwriteKernelspec,
    PutBack,
    CheckCellMetadata,
]
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
    "A course needs nbgrader and psutil. Install them in the project's folder with: "
    'pip install -c constraints.txt -e ".[course]"'
)


class CourseError(ValueError):
    """What keeps a course from being built or graded, in a sentence."""


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
            "or pass --overwrite: it makes the assignments anew, with other hidden inputs. What "
            "you changed in their notebooks is lost then, and --variant-seed must be given again."
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
    that was graded before is graded again, from the same hidden inputs; points and comments that a
    person gave stay. With `names`, grades.csv keeps its rows of the other assignments.
    """
    need_nbgrader()
    if not (folder / "nbgrader_config.py").exists():
        raise CourseError(f"{folder} is no course: it holds no nbgrader_config.py")
    asked = _chosen(names)
    handed_in = [pair for pair in submissions(folder) if pair[0] in asked]
    if not handed_in:
        of = "" if names is None else f" of {', '.join(asked)}"
        example = folder / "submitted" / "STUDENT" / "ch02" / "ch02.ipynb"
        raise CourseError(
            f"Nothing to grade{of}. Work belongs into {example}, for the chapters that this course "
            "holds."
        )
    scores = []
    for assignment, student in tqdm(handed_in, "submissions", disable=not progress):
        with _quiet():
            scores.append(_graded(folder, assignment, student))
    old = [] if names is None else read_csv(folder / "grades.csv")
    write_csv(folder / "grades.csv", [*(s for s in old if s.assignment not in asked), *scores])
    return scores


def submissions(folder: Path) -> Iterator[tuple[str, str]]:
    """(assignment, student) of everything handed in."""
    for path in sorted((folder / "submitted").glob("*/*")):
        if path.is_dir() and (folder / "source" / path.name).is_dir():
            yield path.name, path.parent.name


def misplaced(folder: Path) -> list[Path]:
    """What lies in FOLDER/submitted, but not where it would be graded."""
    known = set(submissions(folder))
    found = []
    for path in sorted((folder / "submitted").glob("[!.]*")):
        inside = sorted(path.glob("[!.]*")) if path.is_dir() else [path]
        found += [each for each in inside if (each.name, path.name) not in known]
    return found


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
    """Raises CourseError where nbgrader, or what it takes to watch a process, is not installed."""
    try:
        import nbgrader  # noqa: F401
        import psutil  # noqa: F401
    except ImportError:
        raise CourseError(NO_NBGRADER) from None


def _write_source(folder: Path, name: str, chapter: ModuleType, variant_seed: int | None) -> None:
    from tutorial_lib.classroom.assignment import assignment_notebook

    secret = random.Random(secrets.randbits(64))
    notebook = assignment_notebook(chapter, secret=secret, variant_seed=variant_seed)
    target = folder / "source" / name
    target.mkdir(parents=True, exist_ok=True)
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


def _graded(folder: Path, assignment: str, student: str) -> Score:
    api = _api(folder)
    place = folder / "submitted" / student / assignment
    if not (place / f"{assignment}.ipynb").exists():
        found = ", ".join(sorted(path.name for path in place.glob("*.ipynb"))) or "no notebook"
        why = f"{place} must hold {assignment}.ipynb, and holds {found}. Rename it, grade again."
        return _score(api, assignment, student, why)
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
    said = [line.strip() for line in lines if line.strip()]
    return next(iter(errors), said[-1] if said else "nbgrader gave no reason")


def _score(api, assignment: str, student: str, problem: str) -> Score:
    with api.gradebook as gradebook:
        try:
            found = gradebook.find_submission(assignment, student)
        except Exception:  # it failed before it got into the gradebook
            total = gradebook.find_assignment(assignment).max_score
            return Score(assignment, student, 0.0, total, False, problem)
        late = found.late_submission_penalty or 0.0
        points = 0.0 if problem else max(0.0, found.score - late)
        return Score(assignment, student, points, found.max_score, _unread(found), problem)


def _unread(submission) -> bool:
    """Is there an answer to which nobody has given points?

    nbgrader's own flag says so of every answer that was read, once its notebook is graded again.
    """
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    return any(grade.manual_score is None and grade.auto_score is None for grade in grades)
