"""What a wrong result has in common with the right one, where no listed mistake explains it.

A factor, an offset, a flip, a shift, exchanged axes, one axis too many: whatever holds for all
trials at once is told as what was seen, and is so whatever the mistake was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import agree, number

FACTORS = {
    -1.0: "the sign is turned round",
    math.log(2): "multiplied by log 2",
    1 / math.log(2): "divided by log 2",
    -math.log(2): "the sign is turned round, and it is multiplied by log 2",
    -1 / math.log(2): "the sign is turned round, and it is divided by log 2",
    1 / math.log(10): "divided by log 10",
    math.log(2) / math.log(10): "log10 where log2 belongs",
}
FUNCTIONS: tuple[tuple[Callable, str], ...] = (
    (torch.reciprocal, "Every number is 1 divided by the expected one."),
    (lambda x: 1 - x, "Every number is 1 minus the expected one."),
    (torch.exp, "This is exp of the expected result."),
    (torch.log, "This is the log of the expected result."),
    (torch.square, "This is the square of the expected result."),
    (torch.sqrt, "This is the square root of the expected result."),
    (torch.abs, "The signs are lost: these are the absolute values of what is expected."),
)


def likeness(got: Sequence[Tensor], want: Sequence[Tensor]) -> str:
    """A sentence that is so on all trials, or nothing.

    >>> likeness([torch.tensor([-1.0, -2.0])], [torch.tensor([1.0, 2.0])])
    'Every number is -1 times the expected one: the sign is turned round.'
    """
    pairs = [(g.double(), w.double()) for g, w in zip(got, want, strict=True)]
    if all(len(g.unique()) < 2 and len(w.unique()) < 2 for g, w in pairs) and len(pairs) < 2:
        return ""  # of a single number, anything holds
    tests = (_constant, _factor, _offset, _function, _order, _axes, _shape)
    return next(filter(None, (test(pairs) for test in tests)), "")


def _constant(pairs) -> str:
    values, wanted = (torch.cat([pair[i].flatten() for pair in pairs]) for i in (0, 1))
    if len(values) < 2 or not agree(values, values[:1].expand_as(values)):
        return ""
    if agree(wanted, wanted[:1].expand_as(wanted)):
        return ""
    return f"All numbers that were compared are {number(values[0])}."


def _factor(pairs) -> str:
    factor = _same_everywhere(pairs, lambda g, w: g / w, lambda w: w.abs() > 1e-6)
    if factor is None or not all(agree(w * factor, g) for g, w in pairs):
        return ""
    told = f"Every number is {number(factor)} times the expected one"
    named = [words for value, words in FACTORS.items() if math.isclose(value, factor, rel_tol=1e-4)]
    return ": ".join([told, *named]) + "."


def _offset(pairs) -> str:
    offset = _same_everywhere(pairs, lambda g, w: g - w, lambda w: w.isfinite())
    if offset is None or not all(agree(w + offset, g) for g, w in pairs):
        return ""
    return (
        f"Every number is {number(abs(offset))} {'more' if offset > 0 else 'less'} than expected."
    )


def _same_everywhere(pairs, value: Callable, counts: Callable) -> float | None:
    """The value, where it is the same at all numbers that count and at least two of them differ."""
    if any(g.shape != w.shape for g, w in pairs):
        return None
    wanted = torch.cat([w[counts(w)] for _, w in pairs])
    values = torch.cat([value(g[counts(w)], w[counts(w)]) for g, w in pairs])
    if len(wanted.unique()) < 2 or not values.isfinite().all() or not values[0]:
        return None
    return float(values[0]) if torch.allclose(values, values[0], rtol=1e-4) else None


def _function(pairs) -> str:
    return _first(
        (says, lambda g, w, f=f: g.shape == w.shape and agree(g, f(w))) for f, says in FUNCTIONS
    )(pairs)


def _order(pairs) -> str:
    """Reversed, or one place too far, along one axis."""
    axes = range(min(w.ndim for _, w in pairs))
    told = [
        (
            f"The numbers are right, in reverse order along axis {k} of the result.",
            lambda g, w, k=k: agree(g, w.flip(k)),
        )
        for k in axes
    ]
    told += [
        (
            f"Everything lies one place too {'far' if by > 0 else 'early'} along axis {k}.",
            lambda g, w, k=k, by=by: _shifted(g, w, k, by),
        )
        for k in axes
        for by in (1, -1)
    ]
    return _first(told)(pairs)


def _shifted(got: Tensor, want: Tensor, axis: int, by: int) -> bool:
    if got.shape != want.shape:
        return False
    n = want.shape[axis] - 1
    ours, theirs = got.narrow(axis, max(by, 0), n), want.narrow(axis, max(-by, 0), n)
    return n > 0 and len(theirs.unique()) > 1 and agree(ours, theirs)


def _axes(pairs) -> str:
    axes = range(min(w.ndim for _, w in pairs))
    return _first(
        (
            f"Axes {i} and {j} of the result are exchanged.",
            lambda g, w, i=i, j=j: agree(g, w.transpose(i, j)),
        )
        for i, j in combinations(axes, 2)
    )(pairs)


def _shape(pairs) -> str:
    """Axes that are still to be reduced, or that were reduced and should be there."""

    def reduced(big, small, axes, name):
        return max(axes, default=0) < big.ndim and agree(getattr(big, name)(dim=axes), small)

    most = max(max(g.ndim, w.ndim) for g, w in pairs)
    told = []
    for axes in (axes for n in range(1, most + 1) for axes in combinations(range(most), n)):
        where = ("axis " if len(axes) == 1 else "axes ") + " and ".join(map(str, axes))
        for name, words in (("sum", "sum"), ("mean", "mean")):
            told += [
                (
                    f"The {words} over {where} of your result is still to be taken.",
                    lambda g, w, a=axes, n=name: g.ndim > w.ndim and reduced(g, w, a, n),
                ),
                (
                    f"The {words} over {where} was taken, which the result should have.",
                    lambda g, w, a=axes, n=name: g.ndim < w.ndim and reduced(w, g, a, n),
                ),
            ]
    told.append(
        (
            "The numbers are right, and the shape is not: axes of length 1 differ.",
            lambda g, w: g.shape != w.shape and agree(g.squeeze(), w.squeeze()),
        )
    )
    return _first(told[-1:] + told[:-1])(pairs)


def _first(told: Iterable[tuple[str, Callable[[Tensor, Tensor], bool]]]) -> Callable:
    """The first sentence whose test holds for every pair."""
    told = list(told)
    return lambda pairs: next((says for says, holds in told if all(holds(*p) for p in pairs)), "")
