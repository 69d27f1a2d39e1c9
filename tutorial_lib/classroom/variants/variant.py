"""A variant: a chapter's exercise with a twist that the library's own function does not answer.

It keeps number, name, minutes and points of its exercise. What it asks for differs, and the card
says how. Whoever hands in the chapter's answer gets no point and is told which twist is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from tutorial_lib.exercises.definition import Check, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


@dataclass(frozen=True)
class Variant:
    """exercise: what is graded; twist: one or two sentences for the card; examples: expressions in
    the exercise's name whose values, under the right answer, are shown to the students."""

    exercise: Exercise
    twist: str
    examples: Sequence[str]


def vary(
    exercise: Exercise,
    *,
    twist: str,
    stub: str,
    reference: Callable,
    checks: Sequence[tuple[str, int, Callable] | Check],
    alternatives: Sequence[Callable],
    examples: Sequence[str],
    read: Callable[[object, Trial], Tensor] | None = None,
) -> Variant:
    """The chapter's exercise, asking for `reference` instead.

    checks   (what, points, draw) where draw(rng) -> the list of Trials on which candidate and
             reference must agree; on each list the chapter's own answer must differ somewhere.
             Or a Check, for what such a comparison does not show (gradients, say)
    read     (result, trial) -> the tensor to be compared; default: as the reference's result is
    """
    own = Misconception(
        "the chapter's own answer",
        exercise.reference,
        f"This is the answer of the chapter, and the twist is missing: {twist}",
    )
    varied = Exercise(
        exercise.number,
        f"{exercise.title}, with a twist",
        goal=exercise.goal,
        minutes=exercise.minutes,
        reference=reference,
        stub=stub,
        hints=(twist,),
        when_changed=exercise.when_changed,
        time_limit_seconds=exercise.time_limit_seconds,
        otherwise="The result is not the one that the card asks for.",
        misconceptions=[own],
        alternatives=list(alternatives),
    )
    if read is not None:
        varied.reads(read)
    for each in checks:
        if isinstance(each, Check):
            varied.checks.append(each)
        else:
            what, points, draw = each
            varied.trials(what, points)(draw)
    return Variant(varied, twist, tuple(examples))
