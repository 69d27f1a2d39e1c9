"""What a saved notebook and earlier points find after the chapters were numbered anew."""

from __future__ import annotations

import importlib

import pytest

from tutorial_lib.exercises import progress
from tutorial_lib.exercises.definition import Grade
from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.moved import NOW_IN

MOVED = [(old, name, now) for old, names in NOW_IN.items() for name, now in names.items()]


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(tmp_path))
    return tmp_path


def package(chapter):
    return importlib.import_module(f"tutorial_lib.exercises.{chapter}")


@pytest.mark.parametrize("old, name, now", MOVED)
def test_an_old_address_says_in_which_chapter_the_exercise_is_now(old, name, now):
    with pytest.raises(AttributeError, match=rf"^{old}\.{name} is {now}\.{name} now: .*chapter "):
        getattr(package(old), name)
    assert getattr(package(now), name).address == f"{now}.{name}"


def test_a_name_that_never_was_is_told_as_python_tells_it():
    with pytest.raises(AttributeError, match="^module 'tutorial_lib.exercises.ch10' has no attr"):
        package("ch10").nearest_cod  # noqa: B018


def test_no_two_exercises_share_a_name_so_that_points_cannot_be_mixed_up():
    names = [each.name for each in all_exercises()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("old, name, now", MOVED)
def test_points_noted_under_the_old_chapter_are_still_there(state, old, name, now):
    noted = progress.Entry("passed", 3, 4)
    progress._write(state / f"{old}.json", {name: noted})
    assert progress.read(now)[0] == {name: noted}


def test_the_better_points_count_and_the_old_file_stays_as_it_is(state):
    earlier = {"nearest_code": progress.Entry("passed", 4, 2)}
    progress._write(state / "ch08.json", earlier)
    progress._write(state / "ch10.json", {"nearest_code": progress.Entry("failed", 1, 5)})
    assert progress.read("ch10")[0] == {"nearest_code": progress.Entry("passed", 4, 5)}
    assert progress.record("ch10", "nearest_code", Grade("failed", [], 0)) == ""
    assert progress._entries(state / "ch10.json") == {
        "nearest_code": progress.Entry("passed", 4, 6)
    }
    assert progress._entries(state / "ch08.json") == earlier


def test_points_of_another_exercise_in_the_old_file_are_not_taken(state):
    progress._write(state / "ch10.json", {"nearest_code": progress.Entry("passed", 4, 2)})
    assert progress.read("ch12") == ({}, "") and progress.read("ch17") == ({}, "")


def test_a_damaged_file_of_the_old_chapter_hides_no_points_of_the_new_one(state):
    kept = {"log_evidence": progress.Entry("passed", 3, 1)}
    progress._write(state / "ch09.json", kept)
    (state / "ch07.json").write_text("{")
    assert progress.read("ch09") == (kept, "")
