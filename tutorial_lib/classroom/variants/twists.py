"""Several twists of one exercise, one of which is drawn; and trials that surely tell them apart."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variant, vary
from tutorial_lib.exercises.comparing import agree, number_result
from tutorial_lib.exercises.definition import Check
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, read_as_of

MOST_DRAWS = 200
WIDTH, INDENT = 100, " " * 4  # of a stub's docstring


@dataclass(frozen=True)
class Twist:
    """What is asked in place of the chapter's question.

    says          the sentence for the card
    right         the answer; alternatives: the same, written differently
    words         what fills the stub's blanks
    """

    says: str
    right: Callable
    alternatives: Sequence[Callable]
    words: Mapping[str, object] = field(default_factory=dict)


def draw_twist(
    rng: random.Random,
    exercise: Exercise,
    twists: Sequence[Twist],
    *,
    stub: str,
    checks: Sequence[tuple[str, int, Callable] | Callable[[Twist], Check]],
    examples: Sequence[str],
) -> Variant:
    """The exercise with one of the twists.

    checks   (what, points, draw) as `vary` takes them; `draw` is repeated until the chapter's own
             answer differs on some trial. Or a function that makes a Check for a twist
    """
    twist = rng.choice(twists)
    return vary(
        exercise,
        twist=twist.says,
        stub=stub.format(twist=_wrapped(twist.says), **twist.words),
        reference=twist.right,
        read=partial(read_result, twist.right),
        checks=[_telling(each, exercise, twist) for each in checks],
        alternatives=twist.alternatives,
        examples=examples,
    )


def read_result(right: Callable, value: object, trial: Trial) -> Tensor:
    """The result as one row of numbers; a single number may be a float or a tensor of shape ()."""
    want = trial.call(right)
    if isinstance(want, Tensor) and want.ndim == 0:
        return number_result(value).flatten()
    return read_as_of(right, value, trial)


def _wrapped(says: str) -> str:
    lines = textwrap.wrap(says, WIDTH - len(INDENT), break_on_hyphens=False)
    return f"\n{INDENT}".join(lines)


def _telling(check, exercise: Exercise, twist: Twist):
    if callable(check):
        return check(twist)
    what, points, draw = check
    return what, points, partial(telling_trials, draw, exercise.reference, twist.right)


def telling_trials(
    draw: Callable, own: Callable, right: Callable, rng: torch.Generator
) -> list[Trial]:
    """draw(rng), again and again until `own` and `right` give different values on some trial.

    Raises RuntimeError if they never do.
    """
    for _ in range(MOST_DRAWS):
        trials = draw(rng)
        if not all(same_value(trial, own, right) for trial in trials):
            return trials
    raise RuntimeError(f"{MOST_DRAWS} draws of trials, and none of them shows the twist")


def same_value(trial: Trial, own: Callable, right: Callable) -> bool:
    """Do both functions give the same for these arguments?"""
    answers = (read_result(right, trial.call(each), trial) for each in (own, right))
    return agree(*answers)
