"""Contracts in signatures: arguments are what the annotations say, or the library complains.

    @checked
    def nearest_code(z_e: Float[Tensor, "B D *positions"], codebook: Float[Tensor, "K D"]): ...

`checked` reads the annotations that stand there. A complaint names the argument, quotes what came
in and says what was expected: TypeError for another kind or dtype, ValueError for another shape,
size or device. Axes that recur in a call have one length, tensors one device, and floating-point
tensors one dtype; in a method of a model they are those of its weights. Nothing is clamped, cast or
broadcast in silence: a wrong number in a tutorial is worse than an error.

    Count, Natural, Share, Positive     int and float with a range: `n_layers: Count`
    Inexact[Tensor, ...]                Float of a precision that need not be that of the others
    Int[Tensor, ...]                    torch.long; Integer[Tensor, ...]: torch.uint8, too, as long
    "B {self.code_dim} *positions"      an axis as long as an attribute says; "{len(p_one)}", too

Only what can be told without reading a tensor is looked at, so nothing waits for a GPU; a compiled
graph skips it all. Values are looked at by `symbols`, `finite`, `within`, `probabilities` and
`filled` of `values`, where data enter.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import numbers
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from tutorial_lib.contracts.plain import channels_last_hint, plain, unwrapped, what_to_unwrap
from tutorial_lib.contracts.values import (  # noqa: F401
    filled,
    finite,
    is_compiling,
    may_be_read,
    probabilities,
    symbols,
    values_known_to_be_good,
    within,
)

Check = Callable[[str, Any], Any]  # (name, value) -> the value as it is used; raises if it is wrong
Rule = Check | tuple[type, bool]  # or the shape of a tensor, and whether None is allowed


# ------------------------------------------------------------------------------ ranges of numbers


def at_least(least: int | float) -> Check:
    """For Annotated: a number that is not below `least`."""

    def check(name, value):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
        return value

    return check


def at_most(most: int | float) -> Check:
    """For Annotated: a number that is not above `most`."""

    def check(name, value):
        if value > most:
            raise ValueError(f"{name} must be at most {most}, got {value}")
        return value

    return check


def below(limit: int | float) -> Check:
    """For Annotated: a number that is less than `limit`."""

    def check(name, value):
        if value >= limit:
            raise ValueError(f"{name} must be below {limit}, got {value}")
        return value

    return check


def _positive(name, value):
    if value <= 0:
        raise ValueError(f"{name} must be a finite number above 0, got {value}")
    return value


def _share(name, value):
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be a share, 0 <= {name} < 1, got {value}")
    return value


def _odd(name, value):
    sides = value if isinstance(value, tuple) else (value,)
    if any(side < 1 or side % 2 == 0 for side in sides):
        raise ValueError(f"{name} must be odd, so that it has a centre, and above 0, got {value}")
    return value


def _kernel(name, value):
    if value < 3 or value % 2 == 0:
        raise ValueError(f"{name} must be one odd number of at least 3, got {value}")
    return value


def having(*attributes: str) -> Check:
    """For Annotated: an object with these attributes, such as n_levels and n_colors.

    A model in the wrapping of torch.compile or DataParallel is taken out of it.
    """

    def check(name, value):
        value = unwrapped(value)
        missing = [each for each in attributes if not hasattr(value, each)]
        if missing:
            raise TypeError(
                f"{name} must be a model with {', '.join(attributes)}, got "
                f"{type(value).__name__}, which has no {missing[0]}"
            )
        return value

    return check


Count = Annotated[int, at_least(1)]
Natural = Annotated[int, at_least(0)]
Several = Annotated[int, at_least(2)]
Positive = Annotated[float, _positive]
Share = Annotated[float, _share]
Odd = Annotated[int, _odd]
Kernel = Annotated[int, _kernel]  # odd, and it reads more than its own centre
OddSides = Annotated[int | tuple[int, int], _odd]


# ------------------------------------------------------------------------------------- kinds


def _quoted(value: object) -> str:
    return f"{value!r:.60} ({type(value).__name__})"


def _integer(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {_quoted(value)}")
    return int(value)  # a NumPy number becomes Python's


def _number(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {_quoted(value)}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value}")
    return float(value)


def _truth(name, value):
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {_quoted(value)}")
    return value


def _path(name, value):
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path, got {_quoted(value)}")
    return Path(value)


def _function(name, value):
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {_quoted(value)}")
    return value


def _instance_of(kind: type) -> Check:
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    words = "a string" if kind is str else f"{article} {kind.__name__}"

    def check(name, value):
        if not isinstance(value, kind):
            hint = what_to_unwrap(name, value, lambda inner: isinstance(inner, kind))
            raise TypeError(f"{name} must be {words}, got {_quoted(value)}{hint}")
        return value

    return check


def _one_of(choices: tuple) -> Check:
    def check(name, value):
        value = plain(value)
        if not any(type(value) is type(each) and value == each for each in choices):
            told = ", ".join(map(repr, choices))
            raise ValueError(f"{name} must be one of {told}, got {value!r}")
        return value

    return check


def _sizes(inner: tuple) -> Check:
    endless = len(inner) == 2 and inner[1] is Ellipsis
    checks = [check_of(each) or (lambda _, value: value) for each in inner if each is not Ellipsis]

    def check(name, value):
        if not isinstance(value, (tuple, list)):
            raise TypeError(f"{name} must be a tuple, got {_quoted(value)}")
        if not endless and len(value) != len(inner):
            raise ValueError(f"{name} must hold {len(inner)} values, got {tuple(value)}")
        each = checks * len(value) if endless else checks
        return tuple(c(f"each number of {name}", v) for c, v in zip(each, value, strict=True))

    return check


def _either(checks: Sequence[Check], optional: bool) -> Check:
    """A union: the first member that takes the value; the complaint of the first says what else."""

    def check(name, value):
        if value is None and optional:
            return None
        complaints = []
        for each in checks:
            try:
                return each(name, value)
            except (TypeError, ValueError) as error:
                complaints.append(error)
        wrong_value = [error for error in complaints if isinstance(error, ValueError)]
        told = wrong_value[0] if wrong_value else complaints[0]
        others = " or None" if optional and not wrong_value else ""
        raise type(told)(str(told).replace(", got", f"{others}, got", 1))

    return check


KINDS = {int: _integer, float: _number, bool: _truth, Path: _path, os.PathLike: _path}


@functools.cache
def check_of(annotation: object) -> Check | None:
    """The check that belongs to an annotation which is no tensor; None if all is allowed."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        parts = [check_of(inside[0]), *filter(callable, inside[1:])]
        return lambda name, value: functools.reduce(
            lambda so_far, part: part(name, so_far) if part else so_far, parts, value
        )
    if origin in (Union, types.UnionType):
        members = [each for each in inside if each is not type(None)]
        if {str, Path} <= set(members) or {str, os.PathLike} <= set(members):
            members = [Path]
        checks = [check_of(each) for each in members]
        return None if None in checks else _either(checks, type(None) in inside)
    if origin is Literal:
        return _one_of(inside)
    if origin is tuple:
        return _sizes(inside)
    if annotation is Callable or origin is Callable:
        return _function
    if annotation in KINDS:
        return KINDS[annotation]
    kind = origin if isinstance(origin, type) else annotation
    return _instance_of(kind) if isinstance(kind, type) and kind is not object else None


# ------------------------------------------------------------------------------------ tensors


DTYPES = {
    "Float": ("a floating-point tensor", lambda dtype: dtype.is_floating_point),
    "Inexact": ("a floating-point tensor", lambda dtype: dtype.is_floating_point),
    "Int": ("a torch.long tensor", lambda dtype: str(dtype) == "torch.int64"),
    "Integer": (
        "a torch.uint8 or torch.long tensor",
        lambda dtype: str(dtype) in ("torch.uint8", "torch.int64"),
    ),
    "Bool": ("a torch.bool tensor", lambda dtype: str(dtype) == "torch.bool"),
}


class _Tensors:
    """The tensors of one call: what was seen of the first ones holds for those after them."""

    def __init__(self, arguments: Mapping[str, Any]):
        self.arguments, self.sizes = arguments, {}
        self.device = self.dtype = None
        if "_parameters" in getattr(arguments.get("self"), "__dict__", ()):  # a model, once begun
            model = arguments["self"]
            for weight in itertools.chain(model.parameters(), model.buffers()):
                self.device, self.dtype = weight.device, weight.dtype
                break

    def check(self, name: str, value: Any, kind: type) -> Any:
        torch = sys.modules["torch"]
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {_quoted(value)}")
        words, fits = DTYPES.get(kind.__name__.split("[")[0], ("", lambda dtype: True))
        if not fits(value.dtype):
            cure = f": use {name}.long()" if words == "a torch.long tensor" else ""
            raise TypeError(f"{name} must be {words}, got {value.dtype}{cure}")
        self.device = self.device or value.device
        if value.device != self.device:
            raise ValueError(
                f"{name} must be on the device {self.device}, where it is used, got "
                f"{value.device}: use {name}.to({str(self.device)!r})"
            )
        if value.is_floating_point() and kind.__name__.startswith("Float"):
            self.dtype = self.dtype or value.dtype
            if value.dtype != self.dtype and not torch.is_autocast_enabled(value.device.type):
                raise TypeError(f"{name} must be a {self.dtype} tensor, got {value.dtype}")
        self._check_shape(name, tuple(value.shape), kind.dim_str.split())
        return value.long() if words.startswith("a torch.uint8 or") else value

    def _check_shape(self, name: str, shape: tuple[int, ...], axes: list[str]) -> None:
        """Bind the axes from the left, those behind a starred one from the right."""
        starred = [i for i, axis in enumerate(axes) if axis.startswith(("*", "..."))]
        first = starred[0] if starred else len(axes)
        n_last = len(axes) - first - 1 if starred else 0
        fits = len(shape) >= first + n_last if starred else len(shape) == len(axes)
        last = len(shape) - n_last
        sizes = [*shape[:first], *([shape[first:last]] if starred else ()), *shape[last:]]
        known = {axis: self._size_of(axis) for axis in axes}
        wanted = dict(known)
        for axis, size in zip(axes, sizes, strict=False):
            if axis not in ("_", "..."):
                fits &= wanted.setdefault(axis, size) in (None, size)
                wanted[axis] = size if wanted[axis] is None else wanted[axis]
        if not fits:
            told = [_words(axis, known[axis]) for axis in axes]
            hint = channels_last_hint(name, shape)
            raise ValueError(f"{name} must have shape ({', '.join(told)}), got {shape}{hint}")
        self.sizes |= {axis: size for axis, size in wanted.items() if axis not in ("_", "...")}

    def _size_of(self, axis: str) -> int | tuple[int, ...] | None:
        """How long an axis has to be, if that is known."""
        if axis.isdigit():
            return int(axis)
        if axis.startswith("{"):
            size = eval(axis[1:-1], {"len": len}, dict(self.arguments))
            return None if size is None else int(size)
        return self.sizes.get(axis)


def _words(axis: str, size: int | tuple[int, ...] | None) -> str:
    if isinstance(size, tuple):
        return ", ".join(map(str, size)) or "nothing more"
    return axis if size is None else str(size)


# ----------------------------------------------------------------------------------- the contract


def checked(function: Callable) -> Callable:
    """Hold the arguments of every call against the annotations of `function`."""
    signature = inspect.signature(function)

    @functools.cache
    def contract() -> dict[str, Rule]:
        hints = typing.get_type_hints(function, include_extras=True)
        named = {k: p for k, p in signature.parameters.items() if "VAR_" not in p.kind.name}
        kinds = {k: v for k, v in hints.items() if k in named}
        rules = {k: _tensor_kind(v) or check_of(v) for k, v in kinds.items()}
        # Tensors last: their axes may be as long as a number among the arguments says.
        order = sorted(rules, key=lambda name: isinstance(rules[name], tuple))
        return {name: rules[name] for name in order if rules[name] is not None}

    @functools.wraps(function)
    def call(*args, **kwargs):
        if is_compiling():
            return function(*args, **kwargs)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python's own words
        bound.apply_defaults()
        hold(contract(), bound.arguments)
        return function(*bound.args, **bound.kwargs)

    return call


def check_fields(settings: object) -> None:
    """In `__post_init__`: hold the fields of a dataclass against their annotations."""
    hints = typing.get_type_hints(type(settings), include_extras=True)
    for each in fields(settings):
        check = check_of(hints[each.name])
        if check is not None:
            value = check(each.name, getattr(settings, each.name))
            object.__setattr__(settings, each.name, value)


def hold(contract: Mapping[str, Rule], arguments: dict[str, Any]) -> None:
    """Check the arguments of one call, and put the checked values in their place."""
    tensors = _Tensors(arguments)
    for name, rule in contract.items():
        if name not in arguments:
            continue
        if isinstance(rule, tuple):
            kind, optional = rule
            if not (optional and arguments[name] is None):
                arguments[name] = tensors.check(name, arguments[name], kind)
        else:
            arguments[name] = rule(name, arguments[name])


def _tensor_kind(annotation: object) -> tuple[type, bool] | None:
    """(the shape, whether None is allowed) of a jaxtyping annotation; None for anything else."""
    members = typing.get_args(annotation) or (annotation,)
    arrays = [m for m in members if isinstance(m, type) and hasattr(m, "dim_str")]
    optional = type(None) in members
    return (arrays[0], optional) if len(arrays) == 1 == len(members) - optional else None
