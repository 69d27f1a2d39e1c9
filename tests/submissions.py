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
    """A cell with a function of the exercise's definition (a reference, a misconception), written
    by the student: what comes from the library itself earns nothing."""
    return f"""import inspect, types
from tutorial_lib.exercises import {chapter}
copied = inspect.unwrap({chapter}.{exercise}.{what})
if isinstance(copied, type):
    {exercise} = type("{exercise}", (copied,), {{"__module__": "__main__"}})
else:
    code = copied.__code__.replace(co_filename="typed.py")
    {exercise} = types.FunctionType(
        code, copied.__globals__, "{exercise}", copied.__defaults__, copied.__closure__
    )
    {exercise}.__kwdefaults__ = copied.__kwdefaults__
"""
