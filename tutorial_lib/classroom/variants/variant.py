"""A variant: a chapter's exercise with a twist that the library's own function does not answer.

It keeps number, name, minutes and points of its exercise. What it asks for differs, and the card
says how. Whoever hands in the chapter's answer gets no point and is told which twist is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import (
    first_difference,
    number,
    number_result,
    tensor_result,
)
from tutorial_lib.exercises.definition import Check, Failed, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare

MOST_NUMBERS = 24  # of an argument that is written out as evidence


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
    read = read or partial(read_as_of, reference)
    judged = [
        each
        if isinstance(each, Check)
        else Check(*each[:2], partial(_agrees, each[2], reference, read, own))
        for each in checks
    ]
    varied = Exercise(
        number=exercise.number,
        name=exercise.name,
        title=f"{exercise.title}, with a twist",
        goal=exercise.goal,
        minutes=exercise.minutes,
        stub=stub,
        reference=reference,
        hints=(twist,),
        checks=judged,
        misconceptions=(own,),
        alternatives=tuple(alternatives),
        when_changed=exercise.when_changed,
        time_limit_seconds=exercise.time_limit_seconds,
    )
    return Variant(varied, twist, tuple(examples))


def read_as_of(reference: Callable, value: object, trial: Trial) -> Tensor:
    """The result as one row of numbers, once it is of the kind and shape of the reference's."""
    return _read_like(trial.call(reference), value)


def _read_like(want: object, value: object) -> Tensor:
    if isinstance(want, Tensor):
        return tensor_result(value, tuple(want.shape), kind=_kind(want)).flatten()
    if not isinstance(want, (tuple, list)):
        return number_result(value).flatten()
    if not isinstance(value, (tuple, list)) or len(value) != len(want):
        got = f"{type(value).__name__}" + (f" of {len(value)}" if hasattr(value, "__len__") else "")
        told = f"Expected {len(want)} results, got {got}."
        raise Failed(Failure("The result has the wrong number of parts.", told))
    return torch.cat([_read_like(*pair) for pair in zip(want, value, strict=True)])


def _kind(want: Tensor) -> str:
    return {torch.bool: "bool", torch.long: "long"}.get(want.dtype, "float")


def _agrees(draw, reference, read, own: Misconception, candidate, rng) -> Failure | None:
    return compare(
        candidate,
        reference,
        draw(rng),
        read=read,
        evidence=_evidence,
        misconceptions=(own,),
        otherwise="The result is not the one that the card asks for.",
    )


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    given = [_words(each) for each in trial.args]
    given += [f"{name}={_words(each)}" for name, each in trial.kwargs.items()]
    place = first_difference(got, want)
    where = f" at number {place[0]} of the result" if place and want.numel() > 1 else ""
    told = f"expected {number(want[place])}, got {number(got[place])}{where}."
    return f"Called with {', '.join(given)}: {told}"


def _words(value: object) -> str:
    if not isinstance(value, Tensor):
        return repr(value) if isinstance(value, (int, float, str, tuple)) else type(value).__name__
    if value.numel() <= MOST_NUMBERS:
        return f"tensor({value.tolist()})"
    return f"a tensor of shape {tuple(value.shape)}"
