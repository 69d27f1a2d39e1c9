"""One valid call of a public name, its wrong variants, and what a call must do with either.

A valid call gives what is documented. A wrong one raises ValueError or TypeError from a `raise` in
the library, and the message holds the argument's name and a trace of the value that came in.
"""

from __future__ import annotations

import linecache
import math
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import isgenerator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from kinds import Kind
from torch import Tensor, nn

from tutorial_lib.data import Split


@dataclass(frozen=True)
class Call:
    """A public name with a kind for each argument.

    name     "module.function", "module.Class" or "module.Class.method", below tutorial_lib
    of       makes what is called: the function, the class, or a bound method of a fresh object
    gives    what a valid call gives: a shape, a type, or a function of the result that is true
    raises   exceptions that the docstring promises beside ValueError and TypeError
    variant  tells entries of one name apart
    """

    name: str
    of: Callable[[], Callable]
    arguments: dict[str, Kind]
    gives: Any
    raises: tuple[type[Exception], ...] = ()
    variant: str = ""

    @property
    def title(self) -> str:
        """The name, and the variant if there are several."""
        return f"{self.name} ({self.variant})" if self.variant else self.name

    def valid(self) -> dict[str, Any]:
        """Fresh valid arguments."""
        return {name: kind.valid() for name, kind in self.arguments.items()}


@dataclass
class Tally:
    """What was tried, and what went wrong: one line for each mutation of an argument."""

    tried: int = 0
    silent: int = 0
    complaints: dict[str, str] = field(default_factory=dict)

    def note(self, key: str, complaint: str | None) -> None:
        """Count one bad call and keep the first complaint about its kind."""
        self.tried += 1
        if complaint is not None:
            self.silent += complaint.startswith("SILENT")
            self.complaints.setdefault(key, complaint)


def answer(call: Call, arguments: dict[str, Any]) -> Any:
    """The result; a generator is run to its end, so that it cannot put its complaint off."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = call.of()(**arguments)
        return list(result) if isgenerator(result) else result


def problem_with_valid(call: Call, arguments: dict[str, Any]) -> str | None:
    """None if the call gives what is documented."""
    try:
        result = answer(call, arguments)
    except Exception as error:
        return f"a valid call raised {_told(error)}"
    finally:
        plt.close("all")
    if not _fits(result, call.gives):
        return f"a valid call gave {_shown(result)}, expected {call.gives}"
    return None if is_finite(result) else f"a valid call gave numbers that are not finite: {result}"


def problem_with_edge(call: Call, arguments: dict[str, Any], changed: list[str]) -> str | None:
    """None if a rare value is either answered in finite numbers or refused as a wrong one is."""
    try:
        result = answer(call, arguments)
    except Exception as error:
        return problem_with_error(call, error, {n: arguments[n] for n in changed})
    finally:
        plt.close("all")
    return None if is_finite(result) else f"SILENT: gave {_shown(result)}, not finite"


def problem_with_wrong(
    call: Call, arguments: dict[str, Any], changed: list[str], relative: bool = False
) -> str | None:
    """None if the call complains as it should about one of the changed arguments.

    relative: what is wrong is a relation of two arguments, and the complaint may be about the other
    """
    values = {name: arguments[name] for name in changed}
    blamed = arguments if relative else values
    try:
        result = answer(call, arguments)
    except Exception as error:
        return problem_with_error(call, error, values, blamed)
    finally:
        plt.close("all")
    return f"SILENT: {_values(values)} gave {_shown(result)}"


def problem_with_error(
    call: Call, error: Exception, values: dict[str, Any], blamed: dict[str, Any] | None = None
) -> str | None:
    """None if it is the library's own complaint, and says which argument and what came in."""
    if not isinstance(error, (ValueError, TypeError, *call.raises)):
        return f"BARE {_values(values)}: {_told(error)}"
    if not raised_by_library(error):
        return f"BARE {_values(values)}: {_told(error)}, from below the library"
    message = str(error)
    for name, value in (blamed or values).items():
        words = call.arguments[name].says or (name,)
        if any(word in message for word in words) and any(t in message for t in traces(value)):
            return None
    return f"UNCLEAR {_values(values)}: {_told(error)}"


def raised_by_library(error: Exception) -> bool:
    """Whether the innermost frame is the library's, and stands at a `raise`."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(frame.filename, frame.lineno).strip()
    return "/tutorial_lib/" in frame.filename.replace("\\", "/") and line.startswith("raise")


def traces(value: Any) -> Iterator[str]:
    """Pieces of text of which a message about `value` should hold one."""
    yield type(value).__name__
    if value is None:
        yield from ("give it ", "give label=")  # what is missing has no other trace
    if isinstance(value, (Tensor, np.ndarray)):
        yield str(tuple(value.shape))
        if value.ndim > 3:
            yield str(tuple(value.shape[2:]))  # the sides of an image
        yield str(value.dtype).removeprefix("torch.")
        yield str(getattr(value, "device", "cpu"))
        known = isinstance(value, np.ndarray) or value.device.type != "meta"
        if known and 0 not in value.shape:
            yield from _extremes(torch.as_tensor(value))
    elif isinstance(value, bytes):
        yield from ("cut short", "damaged", "not a readable", f"{len(value):,}")
    elif isinstance(value, Split):
        yield from (*traces(value.levels), f"holds level {value.levels.max()}")
        yield f"holds label {value.labels.max()}"
    elif isinstance(value, nn.Module):
        yield from (f"{size}={value.__dict__.get(size)}" for size in ("n_dims", "n_levels"))
    elif isinstance(value, (tuple, list)):
        yield repr(value)
        for each in value:
            yield from traces(each)
    elif isinstance(value, dict):
        yield from (f"got {key!r}" for key in value)  # the entry that is wrong
        yield repr(value)
    else:
        yield repr(value)
        yield str(value)
        if isinstance(value, float):
            yield f"{value:g}"


def _extremes(values: Tensor) -> Iterator[str]:
    if values.is_floating_point():
        if values.isnan().any():
            yield from ("nan", "NaN")
        if values.isinf().any():
            yield from ("inf", "infinit")
        total = values.double().sum().item()
        yield from (f"{total:.3g}", f"{values.double().sum(dim=-1).flatten()[0].item():.3g}")
    low, high = values.double().amin().item(), values.double().amax().item()
    for value in (low, high, abs(low)):
        yield from (f"{value:g}", f"{value:.3g}", f"{value:.6g}", str(value))


def is_finite(result: Any) -> bool:
    """No NaN and no infinity in any tensor or number of a result, whatever its structure."""
    if isinstance(result, Tensor):
        return result.device.type != "meta" and bool(result.isfinite().all())
    if isinstance(result, float):
        return math.isfinite(result)
    if isinstance(result, dict):
        return all(map(is_finite, result.values()))
    if isinstance(result, (tuple, list)):
        return all(map(is_finite, result))
    return True


def _fits(result: Any, gives: Any) -> bool:
    if isinstance(gives, type):
        return isinstance(result, gives)
    if isinstance(gives, tuple):
        return isinstance(result, (Tensor, np.ndarray)) and tuple(result.shape) == gives
    return bool(gives(result)) if callable(gives) else result == gives


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def _values(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    if isinstance(value, (Tensor, np.ndarray)):
        return f"{type(value).__name__}{tuple(value.shape)} {value.dtype}"
    if isinstance(value, nn.Module):
        return type(value).__name__
    return " ".join(repr(value).split())[:70]
