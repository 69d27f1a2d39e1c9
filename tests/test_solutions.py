"""Solutions can be pasted into their cells, and pass there."""

from __future__ import annotations

import ast

import pytest
from chapter_cells import CHAPTERS, exercises_in, namespace_before

from tutorial_lib.exercises.definition import PASSED

CASES = [
    pytest.param(path, each, id=each.address)
    for path in CHAPTERS
    for each in exercises_in(path)
    if each.answer
]


@pytest.mark.parametrize(("path", "exercise"), CASES)
def test_a_solution_pasted_into_its_cell_passes(path, exercise, tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(tmp_path))
    names = namespace_before(path, exercise)
    exec(compile(exercise.answer, f"<answer {exercise.number}>", "exec"), names)
    for seed in range(3):
        grade = exercise.grade(names[exercise.name], seed)
        assert grade.outcome == PASSED, grade.failure


@pytest.mark.parametrize(("path", "exercise"), CASES)
def test_a_solution_is_short_and_plain(path, exercise):
    """Five to fifteen lines or so, without checks of arguments and names that only we know."""
    function = ast.parse(exercise.answer).body[-1]
    lines = [line for line in exercise.answer.splitlines() if line.strip()]
    assert function.name == exercise.name
    assert 2 <= len(lines) <= 20
    assert max(map(len, lines)) <= 88
    assert not any(isinstance(node, ast.Raise) for node in ast.walk(function))
    private = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)} - {"_"}
    assert not {name for name in private if name.startswith("_")}


def test_an_answer_that_needs_an_unknown_name_is_seen():
    path = CHAPTERS[1]
    exercise = exercises_in(path)[0]
    names = namespace_before(path, exercise)
    names["answer"] = None
    source = f"def {exercise.name}(*given, **named):\n    return only_we_know(*given, **named)\n"
    exec(source, names)
    assert exercise.grade(names[exercise.name], 0).outcome != PASSED
