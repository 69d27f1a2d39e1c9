"""A chapter's code cells, run here and now with the learner's answers that a test wants."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from notebook_pairs import find_pairs

from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.engine import Exercise

BLANK = re.compile(r"^    ____$", re.MULTILINE)
CHECK = re.compile(r"^(\w+) = (ch\d\d)\.\1\.check\(\1\)$", re.MULTILINE)
CHAPTERS = [pair.notebook for pair in find_pairs()]


def code_cells(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def exercises_in(path: Path) -> list[Exercise]:
    """The exercises whose stubs stand in this notebook."""
    by_address = {each.address: each for each in all_exercises()}
    checks = [CHECK.search(source) for source in code_cells(path) if BLANK.search(source)]
    return [by_address[f"{check[2]}.{check[1]}"] for check in checks if check]


def run_chapter(path: Path, answers: Mapping[str, Callable], *, kind: str) -> dict[str, object]:
    """Run all code cells in order; the names that they leave.

    answers: exercise -> the function that stands in its stub's place. AssertionError with the cell,
    the kind of the answers and the error if one fails.
    """
    with _shell() as shell:
        shell.user_ns.update({f"answer_{name}": answer for name, answer in answers.items()})
        for number, source in enumerate(code_cells(path), 1):
            result = shell.run_cell(answered(source, answers))
            error = result.error_before_exec or result.error_in_exec
            assert error is None, f"cell {number}, answers: {kind}: {_told(source, error)}"
            plt.close("all")
        return dict(shell.user_ns)


def answered(source: str, answers: Mapping[str, Callable]) -> str:
    """The cell, with the answer instead of the stub if it is an exercise's cell."""
    check = CHECK.search(source) if BLANK.search(source) else None
    if check is None or check[1] not in answers:
        return source
    return f"{check[1]} = answer_{check[1]}\n{check[0]}"


def namespace_before(path: Path, exercise: Exercise) -> dict[str, object]:
    """What the cell of an exercise can use: the imports of the chapter, and earlier answers."""
    names: dict[str, object] = {}
    for source in code_cells(path):
        check = CHECK.search(source) if BLANK.search(source) else None
        here = check is not None and check[1] == exercise.name
        if source.lstrip().startswith(("%", "!")):
            continue
        tree = ast.parse(source)
        if "importlib.util" in source:  # the setup cell
            continue
        imports = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        if here:  # those above the stub
            imports = [n for n in imports if n.lineno < source[: check.start()].count("\n") + 1]
        exec(compile(ast.Module(imports, []), path.name, "exec"), names)
        if here:
            return names
        if check is not None:
            names[check[1]] = getattr(names[check[2]], check[1]).reference
    raise LookupError(f"{exercise.address} stands in no cell of {path.name}")


@contextlib.contextmanager
def _shell():
    """IPython as in a kernel: it knows the names of earlier cells. What it shows goes nowhere."""
    shown = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(plt.rc_context())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # as in a kernel, they stop nothing
        stack.enter_context(contextlib.redirect_stdout(shown))
        stack.enter_context(contextlib.redirect_stderr(shown))
        stack.callback(InteractiveShell.clear_instance)
        yield InteractiveShell.instance()


def _told(source: str, error: BaseException) -> str:
    lines = traceback.extract_tb(error.__traceback__)[1:]
    places = "\n".join(f"  {line.filename}:{line.lineno} {line.line or ''}" for line in lines)
    return f"{type(error).__name__}: {error}\n{places}\n{source}"
