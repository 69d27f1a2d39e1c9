"""Complaints about arguments: each quotes what came in and says what was expected.

Nothing here repairs an argument. A value that is clamped, cast or broadcast in silence comes back
later as a wrong number, and a wrong number in a tutorial is worse than an error. The checks of what
is no tensor stand in `plain`, which needs no torch; they are handed on from here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tutorial_lib.contracts import may_be_read
from tutorial_lib.contracts.plain import (
    channels_last_hint,
    what_to_unwrap,
)


def require_model(name: str, value: object, *attributes: str) -> nn.Module:
    """`value` itself, if it is a module with `attributes`, such as n_levels and n_colors."""
    if not isinstance(value, nn.Module):
        got = f"{value!r:.60} ({type(value).__name__})"
        raise TypeError(f"{name} must be a torch.nn.Module, got {got}")
    missing = [each for each in attributes if not hasattr(value, each)]
    if missing:
        hint = what_to_unwrap(name, value, lambda inner: hasattr(inner, missing[0]))
        raise TypeError(
            f"{name} must be a model with {', '.join(attributes)}, got {type(value).__name__}, "
            f"which has no {missing[0]}{hint}"
        )
    return value


def require_generator(value: object) -> torch.Generator | None:
    """`value` itself, if it is a generator or None."""
    if value is not None and not isinstance(value, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator or None, got {value!r} "
            f"({type(value).__name__}): use torch.Generator().manual_seed(...)"
        )
    return value


def where_it_draws(generator: object) -> torch.device:
    """The device of a generator, CPU if it is None: noise is drawn there, and then moved."""
    return torch.device("cpu") if require_generator(generator) is None else generator.device


def require_tensor(name: str, value: object, *, like: Tensor | None = None) -> Tensor:
    """`value` itself, if it is a tensor, on the device of `like` if that is given."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    if like is not None and value.device != like.device:
        raise ValueError(
            f"{name} must be on the device {like.device}, where it is used, got {value.device}: "
            f"use {name}.to({str(like.device)!r})"
        )
    return value


def require_float(name: str, value: object, *, like: Tensor | None = None) -> Tensor:
    """`value` itself, if it is a floating-point tensor.

    like   weights that it will meet: device and precision must be theirs (under autocast, which
           brings the precisions together, the device alone)
    """
    if not require_tensor(name, value, like=like).is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor, got {value.dtype}")
    if like is not None and value.dtype != like.dtype:
        if not torch.is_autocast_enabled(value.device.type):
            raise TypeError(f"{name} must be a {like.dtype} tensor, got {value.dtype}")
    return value


def require_whole(name: str, value: object) -> Tensor:
    """`value` as torch.long, if it holds torch.uint8 as data sets do, or torch.long already."""
    if require_tensor(name, value).dtype not in (torch.uint8, torch.long):
        raise TypeError(f"{name} must be a torch.uint8 or torch.long tensor, got {value.dtype}")
    return value.long()


def require_symbols(
    name: str, value: object, n_symbols: int, *, like: Tensor | None = None
) -> Tensor:
    """`value` itself, if it is a long tensor of symbols 0 .. n_symbols - 1 (levels, codes, labels).

    On the device of `like`, if that is given. The range is read from the data, if that may be.
    """
    if require_tensor(name, value, like=like).dtype != torch.long:
        raise TypeError(f"{name} must be a torch.long tensor, got {value.dtype}: use {name}.long()")
    if value.numel() and may_be_read():
        low, high = torch.stack(value.aminmax()).tolist()
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
        hint = channels_last_hint(name, shape)
        raise ValueError(f"{name} must have shape ({wanted}), got {shape}{hint}")
    return value
