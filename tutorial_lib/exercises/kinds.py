"""The kinds of a right answer's results, evened out: the one place where this is done.

A right answer may return a float where the library returns a tensor of shape (), a number of
NumPy's, float64 for float32, or a tensor made on the CPU while the chapter runs on a GPU. A check
accepts all of these; the cells after it count on one. So `check` hands back the learner's function
with its results turned into what the reference's return annotation promises:

    float, int        a Python number, never a tensor that waits on a GPU
    Tensor            on the device of the first tensor or model among the arguments; float32 or
                      float64 as the first such argument is. Where there is none, float32, but a
                      single number may stay more exact. Half precision is autocast's choice and
                      stays
    tuples            of these, and named as the reference's are

Tensors that the function makes inside are made on the arguments' device as well; a function that
needs NumPy, which cannot read a GPU, gets copies on the CPU. A result that is right already is
handed on as it is, with its graph and its memory.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
import typing
from collections.abc import Callable

import torch
from jaxtyping import AbstractArray
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from tutorial_lib.exercises.arguments import without_numpy

WIDE = (torch.float32, torch.float64)
CPU = torch.device("cpu")


def with_promised_kinds(function: Callable, reference: Callable) -> Callable:
    """The function, with results of the kinds that the reference's annotation promises.

    The reference, a class or a module comes back as it is.
    """
    if function is reference or inspect.isclass(function) or isinstance(function, nn.Module):
        return function
    promised = typing.get_type_hints(reference).get("return")

    @functools.wraps(function)
    def call(*args, **kwargs):
        device, dtype = surroundings_of((args, kwargs))
        return as_promised(call_on(device, function, args, kwargs), promised, device, dtype)

    call.handed_back = call  # itself: what a learner's decorator copies from it is not
    return call


def as_written(function: object) -> object:
    """The learner's own function behind one that `check` has handed back."""
    handed_back = callable(function) and getattr(function, "handed_back", None) is function
    return function.__wrapped__ if handed_back else function


def surroundings_of(arguments: object) -> tuple[torch.device | None, torch.dtype | None]:
    """Device of the first tensor or model, None without one; float32 or float64 likewise."""
    leaves = [
        next(each.parameters(), None) if isinstance(each, nn.Module) else each
        for each in tree_leaves(arguments)
    ]
    tensors = [each for each in leaves if isinstance(each, Tensor)]
    dtypes = [each.dtype for each in tensors if each.dtype in WIDE]
    return (tensors[0].device if tensors else None), (dtypes or [None])[0]


def call_on(device: torch.device | None, function: Callable, args: tuple, kwargs: dict) -> object:
    """function(*args, **kwargs) with new tensors on this device; by way of the CPU if need be."""
    if device is None or device.type == "cpu":
        return function(*args, **kwargs)
    try:
        with torch.device(device):
            return function(*args, **kwargs)
    except (RuntimeError, TypeError) as error:
        if not any(word in str(error) for word in ("device", "numpy", "generator")):
            raise
        with contextlib.suppress(Exception):
            return function(*tree_map(_on_the_cpu, args), **tree_map(_on_the_cpu, kwargs))
        raise


def as_promised(value: object, promised: object, device: torch.device | None, dtype) -> object:
    """The value as the annotation says; what it says nothing of, or cannot be, stays."""
    value, origin = without_numpy(value), typing.get_origin(promised)
    if origin in (typing.Union, types.UnionType):
        kinds = typing.get_args(promised)
        promised = next(each for each in kinds if (each is Tensor) == (device is not None))
    if promised in (int, float) and isinstance(value, (int, float, Tensor)):
        number = value.detach().item() if isinstance(value, Tensor) else value
        return round(number) if promised is int else float(number)
    if inspect.isclass(promised) and issubclass(promised, (Tensor, AbstractArray)):
        return _as_tensor(value, device, dtype)
    if origin is tuple or hasattr(promised, "_fields"):
        return _as_tuple(value, promised, device, dtype)
    return value


def _as_tensor(value: object, device: torch.device | None, dtype: torch.dtype | None) -> object:
    if isinstance(value, (int, float)):
        value = torch.tensor(float(value), dtype=dtype or torch.float32)
    if not isinstance(value, Tensor):
        return value
    if value.dim() == 0 and value.dtype == torch.long:
        value = value.float()  # a check that asks for a number takes whole ones, too
    if value.dtype in WIDE:
        value = value.to(dtype or (torch.float32 if value.dim() else value.dtype))
    return value.to(device or torch.get_default_device())


def _as_tuple(value: object, promised: object, device, dtype) -> object:
    with contextlib.suppress(TypeError):
        value = list(value)
    if not isinstance(value, list):
        return value
    if hasattr(promised, "_fields"):
        kinds, make = list(typing.get_type_hints(promised).values()), promised._make
    else:
        kinds, make = list(typing.get_args(promised)), tuple
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(value)
    return make(as_promised(v, k, device, dtype) for v, k in zip(value, kinds, strict=True))


def _on_the_cpu(value: object) -> object:
    return value.cpu() if isinstance(value, Tensor) else value
