"""Complaints about arguments that are no tensors: `validation` without torch, so that it is light.

The settings of a training and the command line are checked by these, before torch is loaded.
"""

from __future__ import annotations

import functools
import math
import numbers
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from tutorial_lib.contracts.kinds import plain, unwrapped  # noqa: F401
from tutorial_lib.contracts.tensors import channels_last_hint  # noqa: F401

T = TypeVar("T")
F = TypeVar("F", bound=Callable)


def plain_numbers(function: F) -> F:
    """The function, handed Python's numbers where it is called with NumPy's."""

    @functools.wraps(function)
    def called(*arguments, **options):
        return function(*map(plain, arguments), **{k: plain(v) for k, v in options.items()})

    return called


def store_plain(settings: object) -> None:
    """Python's numbers in the place of NumPy's in all fields of a (frozen) dataclass."""
    for field in fields(settings):
        object.__setattr__(settings, field.name, plain(getattr(settings, field.name)))


LARGEST_SEED = 2**63 - 1  # torch takes no larger ones


def require_seed(name: str, value: object) -> int:
    """`value` as an int, if torch takes it as a seed: 0 .. 2**63 - 1."""
    seed = require_int(name, value, at_least=0)
    if seed > LARGEST_SEED:
        raise ValueError(f"{name} must be at most 2**63 - 1, got {seed}")
    return seed


def require_int(name: str, value: object, *, at_least: int) -> int:
    """`value` as an int, if it is an integer of at least `at_least`, Python's or NumPy's."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value}")
    return int(value)


def require_number(name: str, value: object) -> float:
    """`value` as a float, if it is a finite number, Python's or NumPy's."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value}")
    return float(value)


def require_positive(name: str, value: object) -> float:
    """`value` as a float, if it is a finite number above 0, Python's or NumPy's."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a finite number above 0, got {value}")
    return float(value)


def require_bool(name: str, value: object) -> bool:
    """`value` itself, if it is True or False: 0, 1 and "no" are not taken for an answer."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r} ({type(value).__name__})")
    return value


def require_choice(name: str, value: T, choices: Sequence[T]) -> T:
    """`value` itself, if it is one of `choices`; True is not 1 here, nor is 1.0."""
    value = plain(value)
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def require_sizes(name: str, value: object, axes: Sequence[str]) -> tuple[int, ...]:
    """`value` as a tuple, if it holds an integer of at least 1 for each of `axes`."""
    if not isinstance(value, (tuple, list)):
        got = f"{value!r} ({type(value).__name__})"
        raise TypeError(f"{name} must be ({', '.join(axes)}), got {got}")
    if len(value) != len(axes):
        raise ValueError(f"{name} must be ({', '.join(axes)}), got {tuple(value)}")
    return tuple(
        require_int(f"the {axis} of {name}", size, at_least=1)
        for axis, size in zip(axes, value, strict=True)
    )


def require_path(name: str, value: object) -> Path:
    """`value` as a Path, if it is one or a string."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path, got {value!r} ({type(value).__name__})")
    return Path(value)


def require_function(name: str, value: T) -> T:
    """`value` itself, if it can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r} ({type(value).__name__})")
    return value


def require_instance(name: str, value: T, kind: type) -> T:
    """`value` itself, if it is an object of the class `kind`."""
    if not isinstance(value, kind):
        got = f"{value!r:.60} ({type(value).__name__})"
        hint = what_to_unwrap(name, value, lambda inner: isinstance(inner, kind))
        raise TypeError(f"{name} must be a {kind.__name__}, got {got}{hint}")
    return value


def what_to_unwrap(name: str, value: object, fits: Callable[[object], bool]) -> str:
    """A hint, if `value` wraps what fits, as torch.compile and DataParallel do; else nothing."""
    for attribute in ("_orig_mod", "module"):
        if fits(getattr(value, attribute, None)):
            return f": give {name}.{attribute}, the model inside"
    return ""


def require_share(name: str, value: object) -> float:
    """`value` as a float, if 0 <= value < 1."""
    if not 0 <= require_number(name, value) < 1:
        raise ValueError(f"{name} must be a share, 0 <= {name} < 1, got {value}")
    return float(value)


def require_text(name: str, value: object) -> str:
    """`value` itself, if it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r} ({type(value).__name__})")
    return value


def require_bytes(name: str, value: object) -> bytes:
    """`value` itself, if it is the content of a file."""
    if not isinstance(value, bytes):
        raise TypeError(f"{name} must be bytes, got {value!r:.60} ({type(value).__name__})")
    return value


def check_kernel(name: str, kernel_size: object) -> None:
    """ValueError unless `kernel_size` is one odd number that reads more than its own centre."""
    if type(plain(kernel_size)) is not int or kernel_size < 3 or kernel_size % 2 == 0:
        raise ValueError(f"{name} must be one odd number of at least 3, got {kernel_size!r}")


def require_png(path: Path | str) -> Path:
    """`path` as a Path, if a picture can have it."""
    path = require_path("path", path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"the path of a picture must end in .png, got {path.name!r}")
    if path.is_dir():
        raise ValueError(f"the path of a picture must be no folder, got {str(path)!r}")
    return path
