"""Kinds of arguments: a valid value each, and the ways in which a value of this kind can be wrong.

A mutation is one way of being wrong (a missing axis, a fractional count, another device) with a
hypothesis strategy of the values that are wrong in this way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor, nn

NAN, INF = math.nan, math.inf


class Mutation(NamedTuple):
    """One way of being wrong."""

    label: str
    values: SearchStrategy

    @property
    def is_relative(self) -> bool:
        """Wrong only beside another argument: either of the two may be blamed."""
        relations = ("axis ", "an axis ", "no axes", "another device", "another dtype")
        return self.label.startswith(relations)


class Kind(NamedTuple):
    """What an argument may be.

    valid   makes a fresh valid value
    wrong   the ways of being wrong
    edges   rare values that a call may refuse as it refuses wrong ones, or answer in full
    says    words of which a complaint must hold one; empty: the argument's own name
    """

    valid: Callable[[], Any]
    wrong: tuple[Mutation, ...]
    edges: tuple[Any, ...] = ()
    says: tuple[str, ...] = ()


def mutation(label: str, *values: Any) -> Mutation:
    """Wrong values from a list; functions are called for a fresh value each time."""
    fresh = [v if callable(v) and not isinstance(v, type) else (lambda v=v: v) for v in values]
    return Mutation(label, st.sampled_from(fresh).map(lambda make: make()))


NONE = mutation("None", None)
OTHER_THINGS = mutation("no tensor", "text", 3, 1.5, True, lambda: [1, 2], lambda: {}, Tensor)


def optional(kind: Kind) -> Kind:
    """The same where None is allowed."""
    return kind._replace(wrong=tuple(m for m in kind.wrong if m.label != "None"))


def but(kind: Kind, *labels: str, says: Sequence[str] = ()) -> Kind:
    """The same without some mutations that are right in this place, or named by other words."""
    wrong = tuple(m for m in kind.wrong if m.label not in labels)
    return kind._replace(wrong=wrong, says=tuple(says) or kind.says)


def also(kind: Kind, label: str, *values: Any) -> Kind:
    """The same with one more way of being wrong."""
    return kind._replace(wrong=(*kind.wrong, mutation(label, *values)))


# --------------------------------------------------------------------------------------- numbers


def count(valid: int, *, at_least: int = 1) -> Kind:
    """An integer, such as a size or a number of layers."""
    small = Mutation("too small", st.integers(at_least - 7, at_least - 1))
    broken = mutation("fractional", valid + 0.5, float(valid), NAN, INF, -0.5)
    other = mutation(
        "no integer", str(valid), [valid], np.array(valid), lambda: torch.tensor(valid)
    )
    return Kind(lambda: valid, (small, broken, mutation("bool", True, False), other, NONE))


def positive(valid: float) -> Kind:
    """A finite number above 0."""
    low = Mutation("not above 0", st.one_of(st.just(0), st.floats(-1e6, 0.0)))
    other = mutation("no number", str(valid), [valid], np.array([valid]), lambda: torch.ones(2))
    endless = mutation("not finite", NAN, INF, -INF)
    return Kind(lambda: valid, (low, endless, mutation("bool", True, False), other, NONE))


def number(valid: float) -> Kind:
    """Any finite number."""
    return but(positive(valid), "not above 0")


def share(valid: float) -> Kind:
    """A number 0 <= share < 1."""
    high = Mutation("1 or more", st.floats(1.0, 1e6))
    low = Mutation("negative", st.floats(-1e6, -1e-6))
    return Kind(lambda: valid, (high, low, *but(positive(valid), "not above 0").wrong))


def flag(valid: bool) -> Kind:
    """True or False."""
    return Kind(lambda: valid, (mutation("no bool", 0, 1, "yes", "", 0.5, np.array(1)), NONE))


def seed() -> Kind:
    """A seed of random numbers."""
    return but(count(3, at_least=0), "too small")


# ------------------------------------------------------------------------------- words and things


def choice(valid: Any, *foreign: Any) -> Kind:
    """One of a few words."""
    wrong = mutation("another word", "nonsense", "", f" {valid}", *foreign)
    other = mutation("no word", 0.5, True, [valid], np.array([1, 2]), lambda: torch.ones(2))
    return Kind(lambda: valid, (wrong, other, NONE))


def name(valid: str) -> Kind:
    """The name of something that exists."""
    return choice(valid, valid.upper() + "?", valid[:-1])


def path(valid: Callable[[], Any]) -> Kind:
    """A place for a file."""
    return Kind(valid, (mutation("no path", 3, 0.5, True, lambda: ["x"], torch.ones(1)), NONE))


def function(valid: Callable) -> Kind:
    """Something to be called."""
    return Kind(lambda: valid, (mutation("no function", 3, "step", lambda: [1]), NONE))


def model(make: Callable[[], nn.Module], *foreign: Any) -> Kind:
    """A model of the library."""
    linear = nn.Linear(2, 2)
    wrong = mutation("no model", "model", 3, nn.Linear, lambda: linear, lambda: {}, *foreign)
    return Kind(make, (wrong, NONE))


def thing(make: Callable[[], Any]) -> Kind:
    """An object of a class of the library."""
    return Kind(
        make, (mutation("another thing", "text", 3, lambda: [], lambda: torch.ones(2)), NONE)
    )


def generator() -> Kind:
    """A source of random numbers, which may be left out."""
    other = mutation("no generator", 3, "seed", 0.5, lambda: np.random.default_rng(0))
    return Kind(lambda: torch.Generator().manual_seed(3), (other,))


def sizes(valid: tuple[int, ...], *, at_least: int = 1) -> Kind:
    """A shape: so many integers."""

    def with_one(bad: SearchStrategy) -> SearchStrategy:
        place = st.integers(0, len(valid) - 1)
        return st.tuples(place, bad).map(lambda p: (*valid[: p[0]], p[1], *valid[p[0] + 1 :]))

    return Kind(
        lambda: valid,
        (
            Mutation("a size too small", with_one(st.integers(at_least - 5, at_least - 1))),
            Mutation(
                "a size that is no integer", with_one(st.sampled_from([1.5, None, "4", True]))
            ),
            mutation("too long", (*valid, 4), (1, *valid)),
            mutation("too short", valid[:-1], ()),
            mutation("no shape", 4, 0.5, "28", True),
            NONE,
        ),
    )


# --------------------------------------------------------------------------------------- tensors


def _noise(shape: Sequence[int], numbers: int = 5) -> Tensor:
    return torch.rand(tuple(shape), generator=torch.Generator().manual_seed(numbers))


def _with_value(make: Callable[[], Tensor], value: float) -> SearchStrategy:
    """The valid tensor with one wrong value, anywhere."""

    def put(place: float) -> Tensor:
        broken = make().clone()
        broken.view(-1)[int(place * broken.numel())] = value
        return broken

    return st.floats(0, 1, exclude_max=True).map(put)


def _shapes(make: Callable[[], Tensor], pinned: Sequence[int], any_axes: bool) -> list[Mutation]:
    """Axes too many or too few, and pinned axes of another length."""
    wrong = []
    if not any_axes:
        wrong += [mutation("an axis more", lambda: make()[None], lambda: make()[..., None])]
        wrong += [mutation("an axis less", lambda: make()[0])]
        wrong += [mutation("no axes", lambda: make().flatten()[0])]
    for axis in pinned:
        longer = lambda axis=axis: torch.cat([make(), make().narrow(axis, 0, 1)], dim=axis)  # noqa: E731
        wrong.append(mutation(f"axis {axis} longer", longer))
        if make().shape[axis] > 1:  # of length 1 it would be broadcast, were nobody to look
            wrong.append(mutation(f"axis {axis} of 1", lambda axis=axis: make().narrow(axis, 0, 1)))
    return wrong


def _tensor(
    make: Callable[[], Tensor],
    dtypes: Sequence[torch.dtype],
    *,
    pinned: Sequence[int],
    any_axes: bool,
    alone: bool,
) -> list[Mutation]:
    """What can be wrong with any tensor; `alone`: no other has a device to share."""
    wrong = [NONE, OTHER_THINGS, mutation("numpy array", lambda: make().numpy())]
    wrong += [mutation("another dtype", *[lambda d=d: make().to(d) for d in dtypes])]
    if not alone:
        wrong += [mutation("another device", lambda: make().to("meta"))]
    return wrong + _shapes(make, pinned, any_axes)


def symbols(
    shape: Sequence[int],
    n_symbols: int,
    *,
    pinned: Sequence[int] = (),
    any_axes: bool = False,
    alone: bool = False,
    edges: Sequence[Sequence[int]] = (),
    dtype: torch.dtype = torch.long,
) -> Kind:
    """Levels, codes or labels 0 .. n_symbols - 1. `edges`: unusual shapes that are no mistake."""

    def make(shape: Sequence[int] = shape) -> Tensor:
        return (_noise(shape) * n_symbols).to(dtype)

    others = [d for d in (torch.uint8, torch.int32, torch.bool, torch.float32) if d != dtype]
    wrong = _tensor(make, others, pinned=pinned, any_axes=any_axes, alone=alone)
    if dtype != torch.uint8:
        wrong += [Mutation("too low", _with_value(make, -1))]
    if n_symbols < 256:
        wrong += [Mutation("too high", _with_value(make, n_symbols))]
    return Kind(make, tuple(wrong), tuple(make(edge) for edge in edges))


def floats(
    shape: Sequence[int],
    *,
    pinned: Sequence[int] = (),
    any_axes: bool = False,
    alone: bool = False,
    finite: bool = True,
    same_dtype: bool = False,
    edges: Sequence[Sequence[int]] = (),
    dtype: torch.dtype = torch.float32,
    low: float = -1.0,
    high: float = 1.0,
) -> Kind:
    """Real numbers. finite: NaN and infinity are mistakes. same_dtype: another precision is one."""

    def make(shape: Sequence[int] = shape) -> Tensor:
        return (low + (high - low) * _noise(shape)).to(dtype)

    dtypes = [torch.long, torch.bool, torch.uint8]
    dtypes += [d for d in (torch.float64, torch.float16) if same_dtype and d != dtype]
    wrong = _tensor(make, dtypes, pinned=pinned, any_axes=any_axes, alone=alone)
    if finite:
        wrong += [Mutation("NaN", _with_value(make, NAN))]
        wrong += [
            Mutation("infinite", _with_value(make, INF)),
            Mutation("-inf", _with_value(make, -INF)),
        ]
    return Kind(make, tuple(wrong), tuple(make(edge) for edge in edges))


def ranged(kind: Kind, *, below: float | None = None, above: float | None = None) -> Kind:
    """The same with values outside a range as mistakes."""
    wrong = list(kind.wrong)
    if below is not None:
        wrong.append(Mutation("too low", _with_value(kind.valid, below)))
    if above is not None:
        wrong.append(Mutation("too high", _with_value(kind.valid, above)))
    return kind._replace(wrong=tuple(wrong))


def probabilities(shape: Sequence[int], **options) -> Kind:
    """Distributions over the last axis."""
    drawn = 0.1 + 0.9 * _noise(shape)

    def make() -> Tensor:
        return drawn / drawn.sum(dim=-1, keepdim=True)

    options = {"pinned": (), "any_axes": False, "alone": False, **options}
    wrong = _tensor(make, [torch.long, torch.bool], **options)
    wrong += [Mutation("NaN", _with_value(make, NAN)), Mutation("infinite", _with_value(make, INF))]
    wrong += [Mutation("negative", _with_value(make, -0.25)), mutation("twice", lambda: 2 * make())]
    return Kind(make, tuple(wrong))
