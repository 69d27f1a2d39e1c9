"""A graded variant is answered by its own solution, never by the library's own function."""

import pickle

import pytest
import torch
from few import few

from tutorial_lib.classroom.variants import variant_of, variants_of
from tutorial_lib.exercises.audit import stub_of
from tutorial_lib.exercises.definition import FAILED, NOT_ATTEMPTED, PASSED
from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.running import Candidate

EXERCISES = all_exercises()
SEEDS = pytest.mark.parametrize("seed", few(range(2), 1))
EACH = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda each: each.address)


@pytest.fixture(autouse=True)
def as_in_a_notebook(own_messages):
    """Without the type checks of the test run, which take much time."""


@EACH
def test_an_exercise_has_at_least_two_twists(exercise):
    assert len({variant_of(exercise, seed).twist for seed in range(20)}) >= 2


@SEEDS
@EACH
def test_the_right_answers_pass(exercise, seed):
    varied = variant_of(exercise, seed).exercise
    assert varied.alternatives
    for right in (varied.reference, *varied.alternatives):
        grade = varied.grade(right, seed)
        assert grade.outcome == PASSED, grade.failure


@SEEDS
@EACH
def test_the_chapters_answers_get_no_point_and_are_told_why(exercise, seed):
    variant = variant_of(exercise, seed)
    own = (exercise.reference, *exercise.alternatives)
    grades = [variant.exercise.grade(each, seed) for each in own]
    assert [grade.points for grade in grades] == [0] * len(own)
    assert variant.twist in grades[0].failure.message


@SEEDS
@EACH
def test_an_answer_to_another_card_is_told_so(exercise, seed):
    """Or that it is the chapter's, where a check cannot tell the two apart."""
    variant = variant_of(exercise, seed)
    others = [each for each in variants_of(exercise).twists if each.says != variant.twist]
    for other in others[:3]:
        grade = variant.exercise.grade(other.right, seed)
        assert grade.outcome != PASSED, other.says
        known = any(m.says in grade.failure.message for m in variant.exercise.misconceptions)
        assert known or grade.outcome == "raised", (other.says, grade.failure)


@SEEDS
@EACH
def test_most_mistakes_of_the_chapter_are_named_where_the_twist_is_missing(exercise, seed):
    varied, told = variant_of(exercise, seed).exercise, []
    for mistake in exercise.misconceptions[:6]:
        grade = varied.grade(mistake.wrong, seed)
        if grade.outcome == FAILED:  # a mistake may be what the twist asks for
            told.append(any(m.says in grade.failure.message for m in varied.misconceptions))
    assert sum(told) >= len(told) / 2, told


@SEEDS
@EACH
def test_an_untouched_variant_counts_as_not_attempted(exercise, seed):
    varied = variant_of(exercise, seed).exercise
    assert "By hand:" in varied.stub
    assert varied.grade(stub_of(varied), seed).outcome == NOT_ATTEMPTED


@EACH
def test_a_variant_keeps_what_the_gradebook_counts_by(exercise):
    varied = variant_of(exercise, 1).exercise
    for kept in ("number", "name", "points", "minutes", "address"):
        assert getattr(varied, kept) == getattr(exercise, kept)


@SEEDS
@EACH
def test_the_examples_tell_the_twist_from_the_chapter(exercise, seed):
    variant = variant_of(exercise, seed)
    right, other, own = (
        [value_of(example, exercise.name, function) for example in variant.examples]
        for function in (
            variant.exercise.reference,
            variant.exercise.alternatives[0],
            exercise.reference,
        )
    )
    assert variant.examples
    assert all(map(alike, right, other))
    assert not all(map(alike, right, own))


@EACH
def test_what_a_variant_hands_over_can_be_sent_to_another_process(exercise):
    varied = variant_of(exercise, 0).exercise

    class Sent(Candidate):
        def run_within_limits(self, instrument, args):
            pickle.dumps((instrument, args))
            return super().run_within_limits(instrument, args)

    options = {"reference": varied.reference, "seconds": varied.time_limit_seconds}
    assert varied.grade(Sent(varied.reference, **options), 0).outcome == PASSED


def value_of(example: str, name: str, function):
    try:
        return eval(example, {name: function, "torch": torch})
    except Exception as error:  # a chapter's answer may not even take the variant's arguments
        return repr(error)


def alike(one, other) -> bool:
    try:
        torch.testing.assert_close(one, other, check_dtype=False)
    except (AssertionError, TypeError, ValueError):
        return False
    return True
