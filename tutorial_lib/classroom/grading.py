"""Grades what was handed in: each submission by itself, whatever becomes of the others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from tqdm.auto import tqdm

from tutorial_lib.classroom.building import chapters_named
from tutorial_lib.classroom.gradebook import NOTHING, Remarks, all_scores, write_tables
from tutorial_lib.classroom.grades_table import Score
from tutorial_lib.classroom.nbgrader_api import CourseError, api_of, need_nbgrader, quiet, why
from tutorial_lib.classroom.received import Refused, receive
from tutorial_lib.classroom.roster import Student, find, folder_name, read_roster


def grade_course(
    folder: Path,
    *,
    names: Sequence[str] | None = None,
    student: str | None = None,
    exercise: str | None = None,
    roster: Path | None = None,
    progress: bool = True,
) -> list[Score]:
    """Grade what lies in FOLDER/submitted; write feedback, FOLDER/grades.csv and its like.

    names     chapters; default: all
    student   this one alone, by the name of the folder
    exercise  this one alone ("2.1" or "ch02.causal_mask"); the points of the others stay
    roster    a CSV of the students: those who handed in nothing get their row as well, and
              canvas.csv and moodle.csv are written

    Work that can't be graded has its reason and no points; the others are graded. Work that was
    graded before is graded again, from the same hidden inputs; points and comments that a person
    gave stay. grades.csv holds all that the gradebook knows.
    """
    need_nbgrader()
    if not (folder / "nbgrader_config.py").exists():
        raise CourseError(f"{folder} is no course: it holds no nbgrader_config.py")
    students = [] if roster is None else read_roster(roster)
    only = "" if exercise is None else _address(exercise)
    asked = chapters_named([only.partition(".")[0]] if only else names)
    handed_in = [
        pair
        for pair in submissions(folder)
        if pair[0] in asked and student in (None, pair[1], folder_name(pair[1]))
    ]
    if not handed_in and not students:
        of = "" if names is None else f" of {', '.join(asked)}"
        of += "" if student is None else f" by {student}"
        example = folder / "submitted" / "STUDENT" / "ch02" / "ch02.ipynb"
        raise CourseError(
            f"Nothing to grade{of}. Work belongs into {example}, for the chapters that this course "
            "holds."
        )
    remarks = Remarks(folder)
    for assignment, name in tqdm(handed_in, "submissions", disable=not progress):
        with quiet():
            _grade(folder, assignment, name, only, students, remarks)
    scores = all_scores(folder, remarks, students)
    write_tables(folder, scores, remarks, students)
    graded = {(assignment, remarks.name_of(assignment, name)) for assignment, name in handed_in}
    return [s for s in scores if (s.assignment, s.student) in graded or s.problem == NOTHING]


def _address(exercise: str) -> str:
    """ "ch02.causal_mask" of this, or of "2.1". CourseError if there is no such exercise."""
    from tutorial_lib.exercises.discovery import all_exercises

    known = {name: e.address for e in all_exercises() for name in (e.number, e.address)}
    if exercise not in known:
        raise CourseError(f"there is no exercise {exercise!r}: write 2.1 or ch02.causal_mask")
    return known[exercise]


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


def _grade(
    folder: Path,
    assignment: str,
    came_from: str,
    only: str,
    students: Sequence[Student],
    remarks: Remarks,
) -> None:
    """Grade one submission, and note what is to be said of it."""
    name, problem, notes = folder_name(came_from), "", []
    try:
        name = _gradebook_name(folder, assignment, came_from, students)
        notes = _received(folder, assignment, came_from, name)
        problem = _autograded(folder, assignment, name, only)
    except Refused as refused:
        problem = str(refused)
    if problem:
        shutil.rmtree(folder / "feedback" / name / assignment, ignore_errors=True)
    else:
        graded = graded_cells(folder / "autograded" / name / assignment / f"{assignment}.ipynb")
        for flag in dict.fromkeys(each["flag"] for each in graded if each["flag"]):
            names = [e["address"].partition(".")[2] for e in graded if e["flag"] == flag]
            notes.append(f"{', '.join(names)}: {flag}")
    remarks.note(assignment, name, came_from, problem, notes)


def _gradebook_name(folder, assignment: str, came_from: str, students: Sequence[Student]) -> str:
    """The student's name as roster and handout have it; Refused if it could be another's."""
    handed_out = [each.name for each in (folder / "handout").glob("*") if each.is_dir()]
    named = [Student(each, {}) for each in handed_out]
    known = find(named, came_from) or find(students, came_from)
    name = folder_name(came_from) if known is None else known.name
    if handed_out and name not in handed_out:
        raise Refused(
            f"no notebook was handed out to {came_from}: name the folder as in the roster, or hand "
            "one out with course hand-out"
        )
    others = {each for chapter, each in submissions(folder) if chapter == assignment}
    if any(folder_name(each) == name for each in others - {came_from}):
        raise Refused(f"another folder is called {name} as well: rename one of the two")
    return name


def _received(folder: Path, assignment: str, came_from: str, name: str) -> list[str]:
    received = receive(folder, assignment, came_from, name)
    if (folder / "handout" / name).is_dir() and received.made_for not in (None, name):
        if not received.made_for:
            raise Refused("this is the notebook of the whole class: ask for the one of his own")
        received.notes.append(f"the notebook was made for {received.made_for}")
    return received.notes


def _autograded(folder: Path, assignment: str, name: str, only: str) -> str:
    """Grade and write feedback; the reason if that fails."""
    done = folder / "autograded" / name / assignment / f"{assignment}.ipynb"
    kept = {each["address"]: each for each in graded_cells(done)} if only else {}
    api = api_of(folder, only=only, kept=kept)
    outcome = api.autograde(assignment, name, force=True, create=True)
    if not outcome["success"]:
        return why(outcome)
    told = api.generate_feedback(assignment, name, force=True)
    return "" if told["success"] else f"the feedback could not be written: {why(told)}"


def graded_cells(path: Path) -> list[dict]:
    """What GradeApart noted in the graded cells of such a notebook; none where there is none."""
    if not path.exists():
        return []
    cells = nbformat.read(path, as_version=4).cells
    return [dict(cell.metadata["graded"]) for cell in cells if "graded" in cell.metadata]
