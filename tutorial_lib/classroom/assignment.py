"""The instructor's notebook of a chapter, from which nbgrader makes the students'.

For each exercise a card, a stub with the solution in it, and a graded cell: visible checks and the
hidden line. Then the written questions, graded by hand.
"""

from __future__ import annotations

import ast
import copy
import pprint
import random
import re
import textwrap
from collections.abc import Sequence
from types import ModuleType

import nbformat
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from torch import Tensor

from tutorial_lib.classroom.hidden import Plan, hidden_region
from tutorial_lib.classroom.variants import Variant
from tutorial_lib.classroom.written_questions import QUESTIONS, WrittenQuestion, model_answers
from tutorial_lib.exercises.discovery import exercises_of
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.notebook.setup_cell import installed_address, setup_source

IMPORTS = """\
import math

import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib.exercises import {chapter}"""
HOW = """\
Work on the cells that hold a `____` and on the one that says *Your answer here.* {below} The \
grade comes from inputs that you have not seen, and only from what your functions return: what you \
print or save does not count. A function has {seconds:g} seconds for all of its calls together, \
and {memory} of memory.

Add cells of your own as you like; do not delete or retype the cells that are here. Keep the name \
of the file, `{name}.ipynb`. Read chapter {number} first."""
CHECKED = """\
The cell below a function checks it, as often as you like. (Where a check says that the chapter \
goes on with the library's version: in this notebook your own function stays.)"""
SHOWN = """\
The cell below a function shows what it returns and what is expected, as often as you like."""
MEMORY = "2 GiB"


def assignment_notebook(
    chapter: ModuleType, *, secret: random.Random, variant_seed: int | None = None
) -> NotebookNode:
    """The source notebook of a chapter's assignment; `secret` draws the seeds of hidden inputs."""
    name = chapter.__name__.rpartition(".")[2]
    cells = [
        _text(_introduction(chapter, name, variant_seed is not None), f"{name}-introduction"),
        new_code_cell(setup_source(installed_address()), metadata={"tags": ["setup"]}),
        _code(IMPORTS.format(chapter=name), f"{name}-imports", locked=True),
    ]
    for exercise in exercises_of(chapter):
        cells += _exercise_cells(Plan(exercise.address, secret.randrange(10**9), variant_seed))
    cells += _question_cells(QUESTIONS[name], name)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    for place, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{place:02d}"  # the same notebook from the same seeds
    nbformat.validate(notebook)
    return notebook


def _introduction(chapter: ModuleType, name: str, varied: bool) -> str:
    title = re.search(r"chapter \d+, (.*)\.", chapter.__doc__)[1]
    exercises = exercises_of(chapter)
    minutes = sum(e.minutes for e in exercises) + QUESTIONS[name].minutes
    points = sum(e.points for e in exercises) + QUESTIONS[name].points
    how = HOW.format(
        below=SHOWN if varied else CHECKED,
        seconds=max(e.time_limit_seconds for e in exercises),
        memory=MEMORY,
        name=name,
        number=name[2:],
    )
    return f"# Assignment {name[2:]}: {title}\n\nAbout {minutes} minutes, {points} points.\n\n{how}"


def made_for(release: NotebookNode, plans: Sequence[Plan], student: str) -> NotebookNode:
    """The release notebook with this student's own twists in it."""
    notebook = copy.deepcopy(release)
    notebook.metadata["made_for"] = student
    sources = {}
    for plan in plans:
        sources |= student_sources(plan.made_for(student))
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = sources.get(grade_id, cell.source)
        if grade_id.endswith("-introduction"):
            cell.source += f"\n\nThis notebook was made for **{student}**: the twists are your own."
    return notebook


def student_sources(plan: Plan) -> dict[str, str]:
    """Card, stub and visible check of an exercise as students get them, by the ids of the cells."""
    variant = plan.variant()
    asked = plan.exercise() if variant is None else variant.exercise
    name = f"{asked.chapter}-{asked.name}"
    sources = _card(asked, variant), asked.stub.rstrip(), _visible_check(asked, variant)
    return dict(zip((f"{name}-card", name, f"{name}-check"), sources, strict=True))


def _exercise_cells(plan: Plan) -> list[NotebookNode]:
    asked, sources = plan.exercise(), student_sources(plan)
    (card_id, card), (name, _), (check_id, check) = sources.items()
    graded = f"{check}\n{hidden_region(plan)}"
    return [
        _text(card, card_id),
        _code(_with_solution(asked, plan), name, solution=True),
        _code(graded, check_id, locked=True, points=asked.points),
    ]


def _card(exercise: Exercise, variant: Variant | None) -> str:
    twist = f"**Not as in the chapter:** {variant.twist}\n\n" if variant else ""
    checks = "\n".join(f"- {check.what} ({_points(check.points)})" for check in exercise.checks)
    return (
        f"## {exercise.number} {exercise.title}\n\n{exercise.goal}\n\n{twist}"
        f"{exercise.minutes} minutes · {_points(exercise.points)}. Checked, with new inputs:\n\n"
        f"{checks}"
    )


def _with_solution(exercise: Exercise, plan: Plan) -> str:
    """The stub, with a solution between nbgrader's marks where students find the blank."""
    function = ast.parse(exercise.stub).body[-1]
    passed = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    passed += [f"{each.arg}={each.arg}" for each in function.args.kwonlyargs]
    solution = (
        "### BEGIN SOLUTION\n"
        "# Its source: inspect.getsource(reference)\n"
        "from tutorial_lib.classroom.hidden import Plan\n\n"
        f"reference = Plan({plan.address!r}, 0, {plan.variant_seed}).exercise().reference\n"
        f"return reference({', '.join(passed)})\n"
        "### END SOLUTION"
    )
    blank = re.compile(r"^ *____.*$", flags=re.MULTILINE)
    return blank.sub(lambda _: textwrap.indent(solution, "    "), exercise.stub).rstrip()


def _visible_check(exercise: Exercise, variant: Variant | None) -> str:
    if variant is None:
        return f"{exercise.address}.check({exercise.name});"
    return "\n".join(map(_shown, variant.examples, _values(variant)))


def _values(variant: Variant) -> list[object]:
    names = {variant.exercise.name: variant.exercise.reference, "torch": torch}
    return [eval(example, names) for example in variant.examples]


def _shown(example: str, value: object) -> str:
    """An assertion that a student can read and run."""
    written = pprint.pformat(_literal(value), width=88, compact=True)
    got = re.sub(r"\s*\n\s*", " ", example.strip())
    return f"print({got})\nprint('expected:')\nprint('''{written}''')"


def _literal(value: object) -> object:
    """Tensors as nested lists, rounded as they are printed."""
    if isinstance(value, Tensor):
        return _literal(value.tolist())
    if isinstance(value, (list, tuple)):
        return type(value)(_literal(each) for each in value)
    return round(value, 6) if isinstance(value, float) else value


def _question_cells(question: WrittenQuestion, chapter: str) -> list[NotebookNode]:
    name = f"{chapter}-{question.name}"
    asked = (
        f"## In words: {question.title}\n\n{question.text}\n\n"
        f"{question.minutes} minutes · {_points(question.points)}, read by a person."
    )
    solution = f"### BEGIN SOLUTION\n{model_answers()[chapter]}\n### END SOLUTION"
    graded = _nbgrader(name, solution=True, points=question.points)
    return [
        _text(asked, f"{name}-question"),
        new_markdown_cell(solution, metadata={"nbgrader": graded}),
    ]


def _text(source: str, grade_id: str) -> NotebookNode:
    return new_markdown_cell(source, metadata={"nbgrader": _nbgrader(grade_id, locked=True)})


def _code(source: str, grade_id: str, **kinds) -> NotebookNode:
    return new_code_cell(source, metadata={"nbgrader": _nbgrader(grade_id, **kinds)})


def _nbgrader(
    grade_id: str, *, solution: bool = False, locked: bool = False, points: int | None = None
) -> dict:
    kinds = {"grade": points is not None, "solution": solution, "locked": locked, "task": False}
    worth = {} if points is None else {"points": points}
    return {"grade_id": grade_id, "schema_version": 3, **kinds, **worth}


def _points(number: int) -> str:
    return f"{number} point" if number == 1 else f"{number} points"
