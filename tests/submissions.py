"""Submissions for the course tests: a student's answers, put into the release notebook."""

from pathlib import Path

import nbformat

MISSING = "# nothing here"


def hand_in(course: Path, chapter: str, student: str, answers: dict[str, str]) -> None:
    """Copy the release, with the answer cells of some exercises filled in (by exercise name)."""
    name = f"{chapter}.ipynb"
    notebook = nbformat.read(course / "release" / chapter / name, as_version=4)
    by_id = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for exercise, source in answers.items():
        by_id[f"{chapter}-{exercise}"].source = source
    target = course / "submitted" / student / chapter
    target.mkdir(parents=True)
    nbformat.write(notebook, target / name)


def library_s_own(chapter: str, exercise: str, what: str = "reference") -> str:
    """A cell that takes a function of the exercise's definition: a reference, a misconception."""
    lines = [f"from tutorial_lib.exercises import {chapter}"]
    lines.append(f"{exercise} = {chapter}.{exercise}.{what}")
    return "\n".join(lines)
