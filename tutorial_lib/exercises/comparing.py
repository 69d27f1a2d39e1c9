"""Is the result the wrong kind of thing, the wrong shape, or the wrong numbers? Told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tutorial_lib.exercises.definition import Failed, Failure

RELATIVE, ABSOLUTE = 1e-4, 1e-6  # float32 arithmetic in any order stays well within
KINDS = {
    "float": (lambda dtype: dtype.is_floating_point, "a floating-point tensor"),
    "long": (lambda dtype: dtype == torch.long, "torch.long"),
    "bool": (lambda dtype: dtype == torch.bool, "torch.bool"),
}


def tensor_result(
    value: object,
    shape: Sequence[int],
    *,
    kind: str = "float",
    advice: str | Callable[[tuple[int, ...]], str] = "",
) -> Tensor:
    """The result as a float64 tensor on the CPU; Failed if it is no such tensor.

    advice: added where the shape is wrong; a function is given the wrong shape.
    """
    if not isinstance(value, Tensor):
        raise Failed(
            Failure(
                "The result is not a tensor.",
                f"Expected a torch.Tensor of shape {tuple(shape)}, got {_named_type(value)}.",
            )
        )
    fits, wanted = KINDS[kind]
    if not fits(value.dtype):
        told = f"Expected {wanted}, got {value.dtype}. Its shape is {tuple(value.shape)}."
        raise Failed(Failure("The result has the wrong dtype.", told))
    if tuple(value.shape) != tuple(shape):
        hint = advice(tuple(value.shape)) if callable(advice) else advice
        told = f"Expected {tuple(shape)}, got {tuple(value.shape)}."
        seen = " ".join(each for each in (shape_seen(value.shape, shape), hint) if each)
        raise Failed(Failure(f"The result has the wrong shape. {seen}".rstrip(), told))
    return value.detach().cpu().double()


def shape_seen(got: Sequence[int], want: Sequence[int]) -> str:
    """How a wrong shape differs from the right one."""
    got, want = list(got), list(want)
    for i, size in enumerate(got):
        if got[:i] + got[i + 1 :] == want:
            left = ", or left over by `keepdim` or `[:, None]`" if size == 1 else ""
            told = f"There is an axis too many: axis {i}, of size {size}, "
            return f"{told}is still to be reduced{left}."
    for i, size in enumerate(want):
        if want[:i] + want[i + 1 :] == got:
            return f"Axis {i}, of size {size}, is gone: it was summed, averaged or indexed away."
    if not got:
        return "All has become one number: too many axes were summed or averaged."
    if sorted(got) == sorted(want):
        return "The axes are in another order."
    off = [i for i, pair in enumerate(zip(got, want, strict=False)) if pair[0] != pair[1]]
    if len(got) == len(want) and len(off) == 1:
        return f"Axis {off[0]} has {got[off[0]]} entries instead of {want[off[0]]}."
    return ""


def number_result(value: object) -> Tensor:
    """The result as a float64 scalar; Failed unless it is a number or a tensor of shape ()."""
    if isinstance(value, Tensor) and value.dim() == 0 and value.dtype == torch.long:
        value = value.item()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return torch.tensor(float(value), dtype=torch.float64)
    if not isinstance(value, Tensor):
        told = f"Expected a float or a tensor of shape (), got {_named_type(value)}."
        raise Failed(Failure("The result is not a number.", told))
    return tensor_result(value, ())


def listed(value: object) -> object:
    """A tensor of several numbers as a list, one in a tuple or a list as well."""
    if isinstance(value, (tuple, list)):
        return [listed(each) for each in value]
    return value.tolist() if isinstance(value, Tensor) and value.dim() else value


def agree(got: Tensor, want: Tensor) -> bool:
    """Equal up to rounding; nan agrees with nan, infinities with themselves."""
    return got.shape == want.shape and bool(_close(got, want).all())


def first_difference(got: Tensor, want: Tensor) -> tuple[int, ...] | None:
    """The first place, in raster order, where two tensors of one shape do not agree."""
    places = (~_close(got, want)).nonzero()
    return tuple(places[0].tolist()) if len(places) else None


def number(value: float | Tensor) -> str:
    """Four digits that matter."""
    return f"{float(value):.4g}"


def numbers(values: Tensor) -> str:
    """A few numbers in a row: "0 1 1 0"."""
    return " ".join(number(value) for value in values.flatten())


def _close(got: Tensor, want: Tensor) -> Tensor:
    return torch.isclose(got.double(), want.double(), RELATIVE, ABSOLUTE, equal_nan=True)


def _named_type(value: object) -> str:
    return f"a value of type {type(value).__name__}"
