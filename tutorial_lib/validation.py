"""Complaints about arguments: each quotes what came in and says what was expected.

Nothing here repairs an argument. A value that is clamped, cast or broadcast in silence comes back
later as a wrong number, and a wrong number in a tutorial is worse than an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def require_int(name: str, value: object, *, at_least: int) -> int:
    """`value` itself, if it is an integer of at least `at_least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value}")
    return value


def require_positive(name: str, value: object) -> float:
    """`value` as a float, if it is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a finite number above 0, got {value}")
    return float(value)


def require_choice(name: str, value: T, choices: Sequence[T]) -> T:
    """`value` itself, if it is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def require_tensor(name: str, value: object) -> Tensor:
    """`value` itself, if it is a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    return value


def require_float(name: str, value: object) -> Tensor:
    """`value` itself, if it is a floating-point tensor."""
    if not require_tensor(name, value).is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor, got {value.dtype}")
    return value


def require_symbols(name: str, value: object, n_symbols: int) -> Tensor:
    """`value` itself, if it is a long tensor of symbols 0 .. n_symbols - 1 (levels, codes, labels).

    The range is read from the data, which makes a GPU wait; a compiled graph skips it.
    """
    if require_tensor(name, value).dtype != torch.long:
        raise TypeError(f"{name} must be a torch.long tensor, got {value.dtype}: use {name}.long()")
    if value.numel() and not torch.compiler.is_compiling():
        low, high = (int(v) for v in value.aminmax())
        if low < 0 or high >= n_symbols:
            raise ValueError(f"{name} must lie in 0 .. {n_symbols - 1}, got values {low} .. {high}")
    return value


def require_shape(name: str, value: Tensor, expected: Sequence[int | str | None]) -> Tensor:
    """`value` itself, if its shape is `expected`; a string or None stands for any size."""
    shape = tuple(value.shape)
    fits = len(shape) == len(expected) and all(
        not isinstance(want, int) or want == have
        for want, have in zip(expected, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in expected)
        raise ValueError(f"{name} must have shape ({wanted}), got {shape}")
    return value
