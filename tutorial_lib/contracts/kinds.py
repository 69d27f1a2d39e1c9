"""What an argument that is no tensor may be: its kind, and the range of a number. Needs no torch.

A check takes the name and the value of an argument and returns the value as it is used, with
Python's numbers in the place of NumPy's; it raises TypeError for another kind, ValueError for a
wrong value.
"""

import functools
import math
import numbers
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union

Check = Callable[[str, Any], Any]

# ------------------------------------------------------------------------------ ranges of numbers


def that(holds: Callable[[Any], bool], says: str) -> Check:
    """For Annotated: a value of which `holds` is true; if not, "{name} must {says}, got ..."."""

    def check(name, value):
        if not holds(value):
            raise ValueError(f"{name} must {says.format(name=name)}, got {value}")
        return value

    return check


def at_least(least: int | float) -> Check:
    """For Annotated: a number that is not below `least`."""
    return that(lambda value: value >= least, f"be at least {least}")


def at_most(most: int | float) -> Check:
    """For Annotated: a number that is not above `most`."""
    return that(lambda value: value <= most, f"be at most {most}")


def below(limit: int | float) -> Check:
    """For Annotated: a number that is less than `limit`."""
    return that(lambda value: value < limit, f"be below {limit}")


def _all_odd(value: int | tuple[int, ...]) -> bool:
    sides = value if isinstance(value, tuple) else (value,)
    return all(side > 0 and side % 2 for side in sides)


_odd = that(_all_odd, "be odd, so that it has a centre, and above 0")
Count = Annotated[int, at_least(1)]
Natural = Annotated[int, at_least(0)]
Several = Annotated[int, at_least(2)]
Positive = Annotated[float, that(lambda value: value > 0, "be a finite number above 0")]
NotNegative = Annotated[float, at_least(0)]
Share = Annotated[float, that(lambda value: 0 <= value < 1, "be a share, 0 <= {name} < 1")]
Odd = Annotated[int, _odd]
OddSides = Annotated[int | tuple[int, int], _odd]
# Odd, and it reads more than its own centre.
Kernel = Annotated[
    int, that(lambda side: side >= 3 and side % 2, "be one odd number of at least 3")
]
# torch takes no larger ones.
Seed = Annotated[int, at_least(0), that(lambda seed: seed < 2**63, "be at most 2**63 - 1")]


def png(name: str, path: Path) -> Path:
    """For Annotated: a path that a picture can have."""
    return _no_folder(name, _ends_in_png(name, path))


_ends_in_png = that(lambda path: path.suffix.lower() == ".png", "end in .png")
_no_folder = that(lambda path: not path.is_dir(), "be no folder")
PNG = Annotated[Path | str, png]

# ---------------------------------------------------------------------------------- models


WRAPS = ("_orig_mod", "module")  # where torch.compile and DataParallel keep the model inside


def unwrapped(model: Any) -> Any:
    """The model inside of torch.compile, DataParallel and their like; any other model itself."""
    for name in WRAPS:
        inner = getattr(model, "_modules", {}).get(name)
        if inner is not None and type(model).__module__.startswith("torch."):
            return unwrapped(inner)
    return model


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


def inside(kind: type) -> Check:
    """For Annotated: a model of this class, taken out of such a wrapping if it is in one."""
    check = _instance_of(kind)
    return lambda name, value: check(name, unwrapped(value))


def around(check_inside: Check) -> Check:
    """For Annotated: a model that `having` or `inside` takes, left in its wrapping to be called."""

    def check(name, value):
        check_inside(name, value)
        return value

    return check


# ------------------------------------------------------------------------------------- kinds


def plain(value: Any) -> Any:
    """A number of NumPy as Python's own, alone or in a tuple, list or dict; all else as it is.

    NumPy's truth values stay what they are: no number, and no True or False either.
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    if type(value) is dict:
        return {name: plain(each) for name, each in value.items()}
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value


def quoted(value: object) -> str:
    """A value as a message quotes it."""
    return f"{value!r:.60} ({type(value).__name__})"


def _kind(words: str, fits: Callable[[Any], bool], used: Callable = plain) -> Check:
    def check(name, value):
        if not fits(value):
            raise TypeError(f"{name} must be {words}, got {quoted(value)}")
        return used(value)

    return check


def _is_number(value: object, kind: type = numbers.Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _number(name, value):
    if not _is_number(value):
        raise TypeError(f"{name} must be a number, got {quoted(value)}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value}")
    return float(value)


def _instance_of(kind: type) -> Check:
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    words = {str: "a string", bytes: "bytes"}.get(kind, f"{article} {kind.__name__}")

    def check(name, value):
        if not isinstance(value, kind):
            inside = [at for at in WRAPS if isinstance(getattr(value, at, None), kind)]
            hint = f": give {name}.{inside[0]}, the model inside" if inside else ""
            raise TypeError(f"{name} must be {words}, got {quoted(value)}{hint}")
        return plain(value) if kind in (dict, Mapping) else value

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
    one = "each name of" if str in inner else "each number of"
    endless = len(inner) == 2 and inner[1] is Ellipsis
    checks = [check_of(each) or (lambda _, value: value) for each in inner if each is not Ellipsis]

    def check(name, value):
        if not isinstance(value, (tuple, list)):
            raise TypeError(f"{name} must be a tuple, got {quoted(value)}")
        if not endless and len(value) != len(inner):
            raise ValueError(f"{name} must hold {len(inner)} values, got {tuple(value)}")
        each = checks * len(value) if endless else checks
        return tuple(c(f"{one} {name}", v) for c, v in zip(each, value, strict=True))

    return check


def _either(checks: Sequence[Check], optional: bool) -> Check:
    """A union: the first member that takes the value; a complaint names all kinds."""

    def check(name, value):
        if value is None and optional:
            return None
        complaints = []
        for each in checks:
            try:
                return each(name, value)
            except (TypeError, ValueError) as error:
                complaints.append(error)
        wrong_values = [error for error in complaints if isinstance(error, ValueError)]
        if wrong_values:
            raise wrong_values[0]
        first, *rest = (str(error) for error in complaints)
        others = [each.split(", got")[0] for each in rest if each.startswith(f"{name} must be ")]
        others = [each.removeprefix(f"{name} must be ") for each in others] + ["None"] * optional
        raise TypeError(first.replace(", got", f"{''.join(f' or {o}' for o in others)}, got", 1))

    return check


_path = _kind("a path", lambda value: isinstance(value, (str, os.PathLike)), Path)
KINDS = {
    int: _kind("an integer", lambda value: _is_number(value, numbers.Integral)),
    float: _number,
    bool: _kind("True or False", lambda value: isinstance(value, bool)),
    Callable: _kind("a function", callable, lambda function: function),
    Path: _path,
    os.PathLike: _path,
}


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
    kind = origin or annotation
    if kind in KINDS:
        return KINDS[kind]
    return _instance_of(kind) if isinstance(kind, type) and kind is not object else None
