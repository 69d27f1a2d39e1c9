"""The learner's function as a check sees it: called with copies, within limits, without surprises.

Whatever the function does ends as one of three things: a value, `Failed` (it returned None, or
changed its arguments) or `LearnerError` (it raised, tried to end Python, or took too long). Only a
KeyboardInterrupt passes through: the stop button must stop.

A classroom can replace `run_within_limits` and run the function in a process of its own: checks
hand over plain data, and what has to happen right beside the function (a call, a gradient) is named
by an instrument, a plain function of a module.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from tutorial_lib.exercises.arguments import copy_of, first_change, plain, without_numpy
from tutorial_lib.exercises.definition import Failed, Failure, LearnerError, OutOfTime
from tutorial_lib.exercises.errors import describe
from tutorial_lib.exercises.surroundings import Printed
from tutorial_lib.exercises.time_limit import Stopwatch, TimeLimit, TimeLimitReached
from tutorial_lib.exercises.untouched import is_blank_error

CUT_OFF = "No gradient comes through: `.detach()`, `.data`, `no_grad` or NumPy cuts it off."


class Candidate:
    """A function under test. `seconds` of computing are for all of its calls together.

    function       None where `run_within_limits` finds it in another process
    reference      names the arguments in reports
    when_changed   argument name -> what to add if the function changes that argument
    differentiated its results must pass gradients on to the floating-point arguments
    """

    def __init__(
        self,
        function: Callable | None,
        *,
        reference: Callable,
        seconds: float,
        when_changed: Mapping[str, str] | None = None,
        differentiated: bool = False,
    ):
        self.function, self.reference = function, reference
        self.seconds, self.seconds_left = seconds, seconds
        self.when_changed = when_changed or {}
        self.instrument = call_with_graph if differentiated else call_on_copies
        self.printed = Printed()

    def __call__(self, *args, **kwargs):
        """What the function returns for copies of these arguments, free of graph and aliases."""
        names = list(inspect.signature(self.reference).parameters)[: len(args)]
        value, change = self.run_within_limits(self.instrument, (names, args, kwargs))
        if change:
            raise Failed(self._changed(*change))
        return value

    def measure(self, instrument: Callable, *args):
        """instrument(function, *args) under the same limits, for what only shows beside it.

        The instrument is a plain function of a module; what it returns is plain data.
        """
        return plain(self.run_within_limits(instrument, copy_of(args)))

    def run_within_limits(self, instrument: Callable, args: tuple):
        """instrument(function, *args), with the time limit on and what it prints kept."""
        if self.seconds_left <= 0:
            raise OutOfTime
        watch = Stopwatch()
        try:
            with self.printed.capturing(), TimeLimit(self.seconds_left):
                return instrument(never_none(self.function), *args)
        except (Failed, KeyboardInterrupt):
            raise
        except TimeLimitReached:
            self.seconds_left = 0.0
            raise LearnerError(self._too_slow()) from None
        except BaseException as error:  # SystemExit and its like must not end a notebook
            raise LearnerError(describe(error, self.function), is_blank_error(error)) from None
        finally:
            self.seconds_left -= watch.seconds()

    def _changed(self, argument: str, place: str, told: str) -> Failure:
        message = (
            f"Your function changes its argument `{argument}`, which belongs to the caller. "
            f"{self.when_changed.get(argument, 'Work on a copy: `.clone()`.')}"
        )
        return Failure(message, f"{place} {told}.")

    def _too_slow(self) -> Failure:
        return Failure(
            f"Your function took more than {self.seconds:g} seconds and was stopped.",
            "Is there a loop that never ends? Look at what should make it stop.",
        )


def call_on_copies(function: Callable, names: Sequence[str], args: tuple, kwargs: dict):
    """The function's value for copies of the arguments, and the first change of an argument.

    A change is (argument, place, what happened), or None.
    """
    own_args, own_kwargs = copy_of(args), copy_of(kwargs)
    value = plain(function(*own_args, **own_kwargs))
    before = {**dict(zip(names, args, strict=True)), **kwargs}
    after = {**dict(zip(names, own_args, strict=True)), **own_kwargs}
    for name in before:
        change = first_change(before[name], after[name], name)
        if change:
            return value, (name, *change)
    return value, None


def call_with_graph(function: Callable, names: Sequence[str], args: tuple, kwargs: dict):
    """call_on_copies, then once more with gradients recorded; Failed if the result passes none on.

    Not at once: torch would refuse a change of an argument, before it can be told as one.
    """
    value, change = call_on_copies(function, names, args, kwargs)
    if change is None:
        own_args, own_kwargs = tree_map(_recorded, copy_of((args, kwargs)))
        result = function(*own_args, **own_kwargs)
        parts = result if isinstance(result, (tuple, list)) else [result]
        if any(isinstance(part, Tensor) and not part.requires_grad for part in parts):
            told = "The chapter differentiates the result, and it has lost its graph."
            raise Failed(Failure(CUT_OFF, told))
    return value, change


def gradients_of(function: Callable, args: tuple, kwargs: dict) -> list[Tensor | None]:
    """Of a mix of all results, with respect to each floating-point argument and model's weights."""
    args, kwargs = tree_map(_recorded, copy_of((args, kwargs)))
    results = [each for each in tree_leaves(function(*args, **kwargs)) if isinstance(each, Tensor)]
    mixed = sum((each * torch.linspace(1, 2, each.numel()).view_as(each)).sum() for each in results)
    leaves = [
        leaf
        for each in tree_leaves((args, kwargs))
        for leaf in (each.parameters() if isinstance(each, nn.Module) else [each])
        if isinstance(leaf, Tensor) and leaf.requires_grad
    ]
    return list(torch.autograd.grad(mixed, leaves, allow_unused=True))


def _recorded(value: object) -> object:
    floating = isinstance(value, Tensor) and value.is_floating_point()
    return value.detach().requires_grad_() if floating else value


def never_none(function: Callable) -> Callable:
    """The function, with a kind word where it returns nothing; what is NumPy's is made torch's."""

    def call(*args, **kwargs):
        value = function(*args, **kwargs)
        if value is None:
            raise Failed(
                Failure(
                    "Your function returned None: is a `return` missing?",
                    "A function that ends without `return` gives None.",
                )
            )
        return without_numpy(value)

    return call
