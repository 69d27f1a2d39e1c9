"""Chapters as a learner meets them. With exercises solved they run in `test_every_answer`."""

import inspect
import re
from types import CodeType, FunctionType, ModuleType

import nbformat
import pytest
from notebook_gate import import_problems
from notebook_pairs import find_pairs

from tutorial_lib.exercises.discovery import all_exercises

BLANK = re.compile(r"^    ____$", re.MULTILINE)
CHECK = re.compile(r"^(\w+) = (ch\d\d)\.(\w+)\.check\(\1\)$", re.MULTILINE)
CHAPTERS = [pair.notebook for pair in find_pairs() if BLANK.search(pair.text.read_text())]


def exercise_cells(notebook):
    """(cell, chapter, name) for each cell that holds a stub and its check."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and BLANK.search(cell.source):
            found = CHECK.search(cell.source)
            assert found, f"a stub without its check:\n{cell.source}"
            yield cell, found[2], found[3]


def chapter_of(exercise) -> str:
    return f"ch{exercise.number.split('.')[0]:0>2}"


def shown(cell) -> str:
    """The plain text of everything a cell has put out."""
    texts = [output.get("text", "") for output in cell.outputs]
    texts += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(texts)


def test_there_are_chapters_with_exercises():
    assert len(CHAPTERS) >= 2


def test_every_exercise_stands_in_its_chapter_and_none_twice():
    placed = [
        (chapter, name)
        for path in CHAPTERS
        for _, chapter, name in exercise_cells(nbformat.read(path, 4))
    ]
    defined = {(chapter_of(each), each.name) for each in all_exercises()}
    assert len(placed) == len(set(placed)) and set(placed) == defined


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_stubs_in_the_chapter_are_those_of_the_exercises(path):
    by_name = {(chapter_of(each), each.name): each for each in all_exercises()}
    for cell, chapter, name in exercise_cells(nbformat.read(path, 4)):
        assert by_name[chapter, name].stub.strip() in cell.source


def modules_read(code) -> set[str]:
    """Names that a function reads from outside itself, in inner functions too."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*map(modules_read, inner))


def answers_of(exercise) -> list[FunctionType]:
    found = [inspect.unwrap(each) for each in (exercise.reference, *exercise.alternatives)]
    return [each for each in found if isinstance(each, FunctionType)]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_modules_that_an_answer_uses_and_its_chapter_imports_are_imported_before_it(path):
    by_name = {(chapter_of(each), each.name): each for each in all_exercises()}
    notebook = nbformat.read(path, 4)
    for cell, chapter, name in exercise_cells(notebook):
        used = {
            word
            for answer in answers_of(by_name[chapter, name])
            for word in modules_read(answer.__code__)
            if isinstance(answer.__globals__.get(word), ModuleType)
        }
        pasted = nbformat.from_dict(notebook)
        stub = pasted.cells[notebook.cells.index(cell)]
        stub.source = f"{stub.source}\n{sorted(used)}".replace("'", "")
        assert list(import_problems(pasted)) == [], name


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_an_untouched_chapter_says_not_attempted_for_every_exercise(path):
    for cell, _, name in exercise_cells(nbformat.read(path, 4)):
        assert "not attempted" in shown(cell), name
