"""Builds a course from the exercises: assignments, their release, and each student's own."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import nbformat
from tqdm.auto import tqdm

from tutorial_lib.classroom.nbgrader_api import CourseError, api_of, need_nbgrader, quiet, why
from tutorial_lib.classroom.roster import read_roster
from tutorial_lib.exercises.discovery import chapters

CONFIG = '''\
"""What nbgrader needs to know of this course. Your own settings can go below."""

import os

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from tutorial_lib.classroom.feedback import ForStudents, named
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
c.GenerateFeedback.preprocessors = [GetGrades, ForStudents, CSSHTMLHeaderPreprocessor]
c.GenerateFeedback.post_convert_hook = named
c.GradeApart.cell_seconds = 30.0  # for one cell of a submission
c.GradeApart.memory_mib = 2048  # for a submission, on top of what torch needs
'''


def build_course(
    folder: Path,
    *,
    names: Sequence[str] | None = None,
    practice: bool = False,
    variant_seed: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> list[str]:
    """Write the course and its release version; returns the names of the assignments.

    names         chapters, as "ch02" or "02"; default: all
    practice      the chapters' own exercises, not variants: their solutions are a click away
    variant_seed  draws the variants; default: drawn once for a course, and kept in its folder
    overwrite     make assignments anew that are there already (submissions stay as they are)

    Raises CourseError, before anything is written, for an unknown chapter, for assignments that
    are there already, and without nbgrader or the model answers.
    """
    from tutorial_lib.classroom.written_questions import model_answers

    chosen = chapters_named(names)
    need_nbgrader()
    try:
        model_answers()
    except FileNotFoundError as missing:
        raise CourseError(str(missing)) from None
    there = [name for name in chosen if (folder / "source" / name).exists()]
    if there and not overwrite:
        raise CourseError(
            f"{folder} holds {', '.join(there)} already. Choose another folder or other chapters, "
            "or pass --overwrite: it makes the assignments anew, with other hidden inputs. What "
            "you changed in their notebooks is lost then."
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "nbgrader_config.py").exists():
        (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    seed = None if practice else _variant_seed(folder, variant_seed)
    for name, chapter in tqdm(chosen.items(), "assignments", disable=not progress):
        _write_source(folder, name, chapter, seed)
        with quiet():
            made = api_of(folder).generate_assignment(name, force=True, create=True)
        if not made["success"]:
            raise CourseError(f"nbgrader could not make the release of {name}: {why(made)}")
    return list(chosen)


def _variant_seed(folder: Path, given: int | None) -> int:
    """The course's seed of variants, drawn once."""
    path = folder / "variant_seed.txt"
    if given is None and path.exists():
        return int(path.read_text(encoding="utf-8"))
    seed = secrets.randbelow(10**9) if given is None else given
    path.write_text(f"{seed}\n", encoding="utf-8")
    return seed


def hand_out(folder: Path, roster: Path) -> list[str]:
    """Write FOLDER/handout/STUDENT/ch02/ch02.ipynb, with twists of the student's own, for each
    student of the roster and each assignment that has variants; returns the names."""
    from tutorial_lib.classroom.assignment import made_for
    from tutorial_lib.classroom.hidden import plan_of

    students = read_roster(roster)
    for source in sorted((folder / "source").glob("*/*.ipynb")):
        name = source.stem
        cells = nbformat.read(source, as_version=4).cells
        plans = [plan for c in cells if c.cell_type == "code" and (plan := plan_of(c.source))]
        if not plans or any(plan.variant_seed is None for plan in plans):
            continue
        release = nbformat.read(folder / "release" / name / source.name, as_version=4)
        for student in students:
            target = folder / "handout" / student.name / name
            target.mkdir(parents=True, exist_ok=True)
            nbformat.write(made_for(release, plans, student.name), target / source.name)
    return [student.name for student in students]


def chapters_named(names: Sequence[str] | None) -> dict[str, ModuleType]:
    """The chapters with exercises, or those of these names."""
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


def _write_source(folder: Path, name: str, chapter: ModuleType, variant_seed: int | None) -> None:
    from tutorial_lib.classroom.assignment import assignment_notebook

    secret = random.Random(secrets.randbits(64))
    notebook = assignment_notebook(chapter, secret=secret, variant_seed=variant_seed)
    target = folder / "source" / name
    target.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target / f"{name}.ipynb")
