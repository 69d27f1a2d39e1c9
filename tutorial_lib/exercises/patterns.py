"""How wrong results differ from the right ones, where inputs have to be looked at as well.

Each pattern holds on all inputs that were tried, or it is not told: numbers that are none, a limit,
an argument handed back, a factor that is the size of an axis. See also `likeness`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import agree, number


def pattern_of(
    reference: Callable, trials: Sequence, got: Sequence[Tensor], want: Sequence[Tensor]
) -> str:
    """The first pattern that holds everywhere, as a sentence; else nothing."""
    calls = [_named_arguments(reference, trial) for trial in trials]
    looks = (
        _not_numbers(got, want),
        _limit(got, want),
        _an_argument(calls, got),
        _size(calls, got, want),
        _partly(got, want),
    )
    return next((told for told in looks if told), "")


def _named_arguments(reference: Callable, trial) -> dict[str, Tensor]:
    names = inspect.signature(reference).parameters
    given = {**dict(zip(names, trial.args, strict=False)), **trial.kwargs}
    return {name: each for name, each in given.items() if isinstance(each, Tensor)}


def _joined(results: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.double().flatten() for each in results])


def _not_numbers(got, want) -> str:
    mine, theirs = _joined(got), _joined(want)
    for name, is_so in (("nan", torch.isnan), ("infinite", torch.isinf)):
        share = (is_so(mine) & ~is_so(theirs)).sum().item()
        if share:
            return f"{share} of {len(mine)} numbers are {name}, where finite ones are expected."
    return ""


def _limit(got, want) -> str:
    """Right up to a number, and that number beyond."""
    mine, theirs = _joined(got), _joined(want)
    off = ~torch.isclose(mine, theirs, 1e-4, 1e-6, equal_nan=True)
    if off.all() or off.sum() < 2 or not agree(mine[off], mine[off][0].expand_as(mine[off])):
        return ""
    limit = mine[off][0]
    for where, beyond in (("below", theirs < limit), ("above", theirs > limit)):
        if torch.equal(beyond, off) and len(theirs[off].unique()) > 1:
            why = "Does a clamp, or a small number that is added, hide them?"
            return f"Results {where} {number(limit)} all come out as {number(limit)}. {why}"
    return ""


def _an_argument(calls, got) -> str:
    for name in calls[0] if calls else ():
        pairs = [(call.get(name), mine) for call, mine in zip(calls, got, strict=True)]
        if all(given is not None and agree(mine, given) for given, mine in pairs):
            return f"The result is the argument `{name}` itself."
    return ""


def _factor(mine: Tensor, theirs: Tensor) -> float | None:
    """c if mine = c * theirs."""
    if not (mine.isfinite() & theirs.isfinite()).all() or not theirs.abs().sum():
        return None
    factor = float((mine * theirs).sum() / theirs.square().sum())
    return factor if agree(mine, factor * theirs) else None


def _sizes(call: dict[str, Tensor]) -> Iterator[tuple[str, int]]:
    for name, tensor in call.items():
        for axis, size in enumerate(tensor.shape):
            yield f"{name}.shape[{axis}]", size
        yield f"{name}.numel()", tensor.numel()
        if tensor.ndim > 1:
            yield f"{name}[0].numel()", tensor[0].numel()
        if tensor.ndim > 2:
            yield f"{name}[0, 0].numel()", tensor[0, 0].numel()


def _size(calls, got, want) -> str:
    """A mean for a sum, or the other way round: off by a size that changes with the input."""
    flat = [(g.double().flatten(), w.double().flatten()) for g, w in zip(got, want, strict=True)]
    factors = [_factor(*pair) for pair in flat]
    if not all(factors) or len({round(factor, 6) for factor in factors}) < 2:
        return ""
    sizes = [dict(_sizes(call)) for call in calls]
    for name in sizes[0]:
        if not all(name in each for each in sizes):
            continue
        for word, power in (("too large", 1), ("too small", -1)):
            pairs = zip(factors, sizes, strict=True)
            if all(math.isclose(f, each[name] ** power, rel_tol=1e-3) for f, each in pairs):
                return (
                    f"Every number is {word} by the factor `{name}`: is a mean or a sum mixed up?"
                )
    return ""


def _partly(got, want) -> str:
    mine, theirs = _joined(got), _joined(want)
    right = torch.isclose(mine, theirs, 1e-4, 1e-6, equal_nan=True).sum().item()
    return f"{right} of {len(mine)} numbers are right." if right > 1 else ""
