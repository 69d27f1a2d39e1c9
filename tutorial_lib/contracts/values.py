"""Values that enter: looked at in one line, where they may be read, and refused with a sentence.

To read a value makes a GPU wait and ends a compiled graph. So nothing is read while a graph is
compiled, nor in a block of `values_known_to_be_good`. Needs no torch to be loaded.
"""

import difflib
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

_known_to_be_good: ContextVar[bool] = ContextVar("known_to_be_good", default=False)


def values_known_to_be_good() -> AbstractContextManager[None]:
    """Within the block nothing reads the values of a tensor: they were looked at before.

    Kinds, shapes and devices are looked at all the same: to know those, no GPU has to wait.
    """
    return nullcontext() if is_compiling() else _nothing_read()


@contextmanager
def _nothing_read() -> Iterator[None]:
    before = _known_to_be_good.set(True)
    try:
        yield
    finally:
        _known_to_be_good.reset(before)


def may_be_read() -> bool:
    """May the values of a tensor be read now? It makes a GPU wait, and ends a compiled graph."""
    return not is_compiling() and not _known_to_be_good.get()


def symbols(name: str, value: Any, n_symbols: int) -> Any:
    """`value` itself, if all of it are levels, codes or labels 0 .. n_symbols - 1.

    The range is read from the data, if that may be: see `values_known_to_be_good`.
    """
    if may_be_read() and value.numel():
        low, high = (int(v) for v in value.aminmax())
        if low < 0 or high >= n_symbols:
            raise ValueError(f"{name} must lie in 0 .. {n_symbols - 1}, got values {low} .. {high}")
    return value


def finite(name: str, value: Any) -> Any:
    """`value` itself, if it holds neither NaN nor infinity, as far as it may be read."""
    # A finite sum has finite terms: a tenth of the time of a look at each of them.
    if may_be_read() and not value.sum().isfinite() and not value.isfinite().all():
        wrong = value[~value.isfinite()].flatten()
        raise ValueError(f"{name} must hold finite numbers, got {wrong[0].item()}")
    return value


def within(
    name: str, value: Any, low: int | float, high: int | float, *, open_end: bool = False
) -> Any:
    """`value` itself, if all of it lies in [low, high], or in [low, high); if it may be read."""
    if may_be_read() and math.prod(value.shape):
        least, most = value.min().item(), value.max().item()
        if not low <= least <= most <= high or (open_end and most == high):
            bracket = ")" if open_end else "]"
            raise ValueError(
                f"{name} must lie in [{low}, {high}{bracket}, got values {least:.6g} .. {most:.6g}"
            )
    return value


def probabilities(name: str, value: Any) -> Any:
    """`value` itself, if it holds distributions over its last axis, if it may be read."""
    sums = value.sum(dim=-1).flatten()
    if not may_be_read() or not len(sums):
        return value
    if not (value >= 0).all() or not ((sums - 1).abs() <= 1e-4).all():
        least = min(value.flatten().tolist(), default=math.nan)
        raise ValueError(
            f"{name} must hold probabilities that sum to 1 over the last axis, got values from "
            f"{least:.6g} and sums {sums.min().item():.6g} .. {sums.max().item():.6g}"
        )
    return value


def filled(name: str, value: Any) -> Any:
    """`value` itself, if there is anything in it: a tensor or array with a number, a sequence."""
    shape = getattr(value, "shape", None)
    if not (len(value) if shape is None else math.prod(shape)):
        got = value if shape is None else f"shape {tuple(shape)}"
        raise ValueError(f"{name} must not be empty, got {got}")
    return value


def is_compiling() -> bool:
    """Is a graph being compiled now?"""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


# ------------------------------------------------------------------------------------- names


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that `word` is probably meant to be; None if none is near. Case does not count."""
    by_lower = {name.lower(): name for name in names}
    wanted = word.lower()
    whole = [name for name in by_lower if len(wanted) > 2 and name.startswith(wanted)]
    near = difflib.get_close_matches(wanted, by_lower, n=1, cutoff=0.6) or whole[:1]
    return by_lower[near[0]] if near else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """ " Did you mean 'name'?", or nothing if no name is near."""
    near = nearest(word, names)
    return f" Did you mean {near!r}?" if near else ""
