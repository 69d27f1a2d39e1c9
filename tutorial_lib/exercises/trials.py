"""One function against another on many inputs, and which misconception explains the difference.

If the results differ, each misconception's own implementation runs on the same inputs. The one that
agrees with the learner's results everywhere is named; the evidence is the first input that differs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from tutorial_lib.exercises.arguments import copy_of, plain
from tutorial_lib.exercises.comparing import (
    agree,
    first_difference,
    number,
    number_result,
    tensor_result,
)
from tutorial_lib.exercises.definition import (
    Failed,
    Failure,
    LearnerError,
    Misconception,
    OutOfTime,
)
from tutorial_lib.exercises.formulas import formula_of
from tutorial_lib.exercises.likeness import likeness
from tutorial_lib.exercises.patterns import pattern_of
from tutorial_lib.exercises.running import gradients_of

GRADIENT_LOST = (
    "The numbers are right, and their gradient is not: a part of the way is cut off (`.detach()`, "
    "`.data`, `no_grad`), or goes another way."
)
DRAWS = (
    "Called twice with the same arguments, your function gives two results. All that it uses must "
    "come from its arguments, random numbers too, and nothing be kept from call to call."
)
MOST_NUMBERS = 24  # of an argument that is written out as evidence


@dataclass(frozen=True)
class Trial:
    """The arguments of one call."""

    args: tuple
    kwargs: dict = field(default_factory=dict)
    known: dict = field(default_factory=dict, repr=False, compare=False)

    def call(self, function: Callable):
        """The function on copies of the arguments."""
        return plain(function(*copy_of(self.args), **copy_of(self.kwargs)))

    def wanted(self, reference: Callable):
        """What the reference gives, computed once."""
        if reference not in self.known:
            self.known[reference] = self.call(reference)
        return self.known[reference]


def compare(
    candidate: Callable,
    reference: Callable,
    trials: Sequence[Trial],
    *,
    read: Callable[[object, Trial], Tensor],
    evidence: Callable[[Trial, Tensor, Tensor], str],
    misconceptions: Sequence[Misconception] = (),
    diagnose_on: Sequence[Trial] = (),
    otherwise: str = "The result is not the expected one.",
    terms: Callable | None = None,
) -> Failure | None:
    """None if the candidate agrees with the reference on every trial.

    read          (result, trial) -> tensor to be compared; raises Failed for a wrong kind of result
    evidence      (trial, got, want) -> what differs, in words and numbers
    diagnose_on   further trials, run only after a difference, that tell misconceptions apart
    otherwise     the message where no misconception explains all results
    """
    got = []
    for trial in trials:
        value = candidate(*trial.args, **trial.kwargs)
        try:
            got.append(read(value, trial))
        except Failed as told:
            says = _says_of_unread(candidate, [trial, *diagnose_on], value, misconceptions)
            alike = "" if says else _likeness_of_unread(value, trial.wanted(reference))
            shown = f"{told.failure.evidence} {alike}".rstrip()
            raise Failed(Failure(says or told.failure.message, shown)) from told
    want = [read(trial.wanted(reference), trial) for trial in trials]
    off = [i for i in range(len(trials)) if not agree(got[i], want[i])]
    if not off:
        return None
    told = evidence(trials[off[0]], got[off[0]], want[off[0]])
    try:
        got += [_read_or_none(candidate, trial, read) for trial in diagnose_on]
    except OutOfTime:
        return Failure(otherwise, told)
    first = trials[off[0]]
    trials = [*trials, *diagnose_on]
    want += [read(trial.wanted(reference), trial) for trial in diagnose_on]
    for misconception in misconceptions:
        if explains(misconception, trials, got, read):
            return Failure(misconception.says, told)
    if any(_draws(candidate, reference, trial, read) for trial in (first, trials[-1])):
        return Failure(DRAWS, told)
    answered = [each for each in zip(trials, got, want, strict=True) if each[1] is not None]
    trials, got, want = zip(*answered, strict=True)  # on a further trial it may have raised
    seen = (
        (terms and formula_of(terms, trials, got, want))
        or likeness(got, want)
        or pattern_of(reference, trials, got, want)
    )
    return Failure(f"{otherwise} {seen}".rstrip(), told)


def _draws(candidate: Callable, reference: Callable, trial: Trial, read: Callable) -> bool:
    """Do two calls give two results, where the reference's are the same?"""
    try:
        calls = [candidate(*trial.args, **trial.kwargs) for _ in range(2)]
        one, other = (read(value, trial) for value in calls)
    except (Failed, LearnerError, OutOfTime):
        return False
    again, known = trial.call(reference), trial.wanted(reference)
    return not agree(one, other) and agree(read(again, trial), read(known, trial))


def gradient_lost(candidate: Callable, reference: Callable, trial: Trial) -> Failure | None:
    """None if the reference's gradients arrive at all arguments, else where one does not."""
    want = gradients_of(reference, trial.args, trial.kwargs)
    got = candidate.measure(gradients_of, trial.args, trial.kwargs)
    for mine, theirs in zip(got, want, strict=True):
        if theirs is None:
            continue
        mine = torch.zeros_like(theirs) if mine is None else mine
        if not agree(mine, theirs):
            place = first_difference(mine, theirs)
            told = f"A gradient must be {number(theirs[place])}, and is {number(mine[place])}."
            return Failure(GRADIENT_LOST, f"In an argument of shape {tuple(mine.shape)}: {told}")
    return None


def explains(
    misconception: Misconception,
    trials: Sequence[Trial],
    got: Sequence[Tensor | None],
    read: Callable,
) -> bool:
    """Does the wrong implementation give these results on all trials? None: it cannot run there."""
    for trial, result in zip(trials, got, strict=True):
        try:
            wrong = read(trial.call(misconception.wrong), trial)
        except Exception:  # a mistake may be tried on arguments that it was not made for
            wrong = None
        if wrong is None or result is None:
            if wrong is not result:
                return False
        elif not agree(wrong, result):
            return False
    return True


def _read_or_none(candidate: Callable, trial: Trial, read: Callable) -> Tensor | None:
    try:
        return read(candidate(*trial.args, **trial.kwargs), trial)
    except (Failed, LearnerError):
        return None


def _says_of_unread(
    candidate: Callable, trials: Sequence[Trial], value: object, misconceptions: Sequence
) -> str:
    """Of a result of the wrong kind or shape: the mistake that returns the very same, or ""."""
    try:
        values = [value, *(candidate(*each.args, **each.kwargs) for each in trials[1:])]
    except (Failed, LearnerError, OutOfTime):
        values = [value]
    for misconception in misconceptions:
        pairs = zip(trials, values, strict=False)
        with contextlib.suppress(Exception):
            if all(_the_same(each.call(misconception.wrong), value) for each, value in pairs):
                return misconception.says
    return ""


def _likeness_of_unread(value: object, want: object) -> str:
    """What a tensor of the wrong shape has in common with the right one."""
    tensors = isinstance(value, Tensor) and isinstance(want, Tensor)
    return likeness([value], [want]) if tensors and value.shape != want.shape else ""


def _the_same(one: object, other: object) -> bool:
    """Of one kind, one shape and, up to rounding, one value; tuples and lists are one kind."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and agree(one, other)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_the_same, one, other))
    return type(one) is type(other) and not isinstance(one, Tensor) and one == other


def read_as_of(
    reference: Callable,
    value: object,
    trial: Trial,
    *,
    advice: str | Callable = "",
    parts: str = "",
) -> Tensor:
    """The result once it is of the kind and shape of the reference's; its parts in one row.

    advice: added where the shape is wrong, or (shape, trial) -> that; parts: "(levels, back)"
    """
    told = partial(advice, trial=trial) if callable(advice) else advice
    return _read_like(trial.wanted(reference), value, told, parts)


def _read_like(want: object, value: object, advice: str | Callable = "", parts: str = "") -> Tensor:
    if isinstance(want, Tensor) and want.ndim:
        return tensor_result(value, tuple(want.shape), kind=_kind(want), advice=advice)
    if not isinstance(want, (tuple, list)):
        return number_result(value)
    if isinstance(value, Tensor) and value.dim() and isinstance(want[0], (int, float)):
        value = value.flatten().tolist()
    if not isinstance(value, (tuple, list)) or len(value) != len(want):
        got = f"{type(value).__name__}" + (f" of {len(value)}" if hasattr(value, "__len__") else "")
        named = (
            f"The result is not {parts}." if parts else "The result has the wrong number of parts."
        )
        raise Failed(Failure(named, f"Expected {len(want)} results, got {got}."))
    return torch.cat([_read_like(*pair).flatten() for pair in zip(want, value, strict=True)])


def _kind(want: Tensor) -> str:
    return {torch.bool: "bool", torch.long: "long"}.get(want.dtype, "float")


def first_difference_told(trial: Trial, got: Tensor, want: Tensor) -> str:
    """How the function was called, and the first number that is off."""
    given = [_words(each) for each in trial.args]
    given += [f"{name}={_words(each)}" for name, each in trial.kwargs.items()]
    got, want = got.flatten(), want.flatten()
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
