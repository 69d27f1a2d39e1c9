"""A learner's error: the learner's own lines and, for a common one, the usual cause."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from pathlib import Path
from types import CodeType

import torch

from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.kinds import as_written
from tutorial_lib.exercises.untouched import is_blank_error

MAX_FRAMES = 3
MAX_MESSAGE = 500
LIBRARIES = (
    Path(__file__).parents[1],
    Path(torch.__file__).parents[1],
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
NOT_THE_LEARNERS = tuple({str(path) for p in LIBRARIES for path in (p, p.resolve())})
# (type of error, part of its message) -> what it usually means here
FAMILIAR = (
    (
        ZeroDivisionError,
        r"",
        "A count is 0 here: is there an input for which nothing was counted?",
    ),
    (
        NameError,
        r"is not defined",
        "Is the name spelled as where it was made, and was it imported?",
    ),
    (
        TypeError,
        r"unexpected keyword|positional argument|keyword-only|multiple values",
        "Keep the arguments of the stub as they are: the check calls the function with them.",
    ),
    (
        RuntimeError,
        r"does not require grad",
        "No gradient was recorded. The input needs `requires_grad_()` before the model is called.",
    ),
    (
        RuntimeError,
        r"leaf Variable that requires grad",
        "The weights were changed in place. Make a new tensor instead: `weight * mask`.",
    ),
    (
        RuntimeError,
        r"backward through the graph a second time",
        "`torch.autograd.grad(..., retain_graph=True)` keeps the graph for the next call.",
    ),
    (
        RuntimeError,
        r"The size of tensor a|Sizes of tensors must match|mat1 and mat2|broadcast",
        "Two shapes do not fit together. Print both with `.shape` just before this line.",
    ),
    (
        RuntimeError,
        r"cannot be converted to Scalar|only one element tensors",
        "`.item()` and `float()` take a single number, and this tensor has several.",
    ),
    (
        ValueError,
        r"Target size|target size",
        "Input and target need the same shape: `.expand_as(...)`.",
    ),
    (
        RuntimeError,
        r"can't be cast to|not implemented for 'Long'|be a floating point",
        "Whole numbers stand where floating-point ones are needed: `.to(other.dtype)`.",
    ),
    (RuntimeError, r"expected scalar type|same dtype", "Two dtypes do not fit: look at `.dtype`."),
    (ValueError, r"math domain|positive input", "`math.log(0)` raises; `torch.log` gives -inf."),
    (
        IndexError,
        r"too many indices",
        "There are more indices than axes. A tensor in brackets picks along the first axis only; a "
        "tuple picks one entry: `table[tuple(index)]`.",
    ),
    (IndexError, r"", "An index points outside. Print the shape of what is indexed."),
    (RecursionError, r"", "The function calls itself, and nothing ever stops it."),
    (SystemExit, r"", "The function tried to end Python. Return a value instead."),
)


def describe(error: BaseException, function: object) -> Failure:
    """What was raised, why that may be, and the lines of the learner that led to it."""
    function = as_written(function)
    lines = frame_lines(error, function)
    if is_blank_error(error):
        return Failure("A blank is still to be filled in.", "\n".join(lines))
    name = getattr(function, "__name__", "Your function")
    message = f"`{name}` raised {type(error).__name__}. {cause_of(error)}"
    return Failure(message.rstrip(), "\n".join([*lines, _last_line(error)]))


def cause_of(error: BaseException) -> str:
    """The usual cause of a familiar error, else nothing."""
    try:
        told = str(error)
    except Exception:  # a learner's own exception class may break while it is printed
        return ""
    matches = (
        cause for kind, part, cause in FAMILIAR if isinstance(error, kind) and re.search(part, told)
    )
    return next(matches, "")


def frame_lines(error: BaseException, function: object) -> list[str]:
    """The last frames that belong to the learner: where, and the line of code."""
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    places = [
        (frame.f_code, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if is_learners(frame.f_code, home)
    ]
    lines = [_frame_line(*place) for place in places[-MAX_FRAMES:]]
    left_out = len(places) - len(lines)
    return ([f"(earlier calls, left out here: {left_out})"] if left_out else []) + lines


def is_learners(code: CodeType, home: str | None) -> bool:
    """Code of the file that holds the learner's function, or of no library at all."""
    file = code.co_filename
    if file == home:
        return True
    return not file.startswith("<frozen") and not file.startswith(NOT_THE_LEARNERS)


def _frame_line(code: CodeType, number: int) -> str:
    source = linecache.getline(code.co_filename, number).strip()
    return f"line {number}, in {code.co_name}" + (f": {source}" if source else "")


def _last_line(error: BaseException) -> str:
    told = "".join(traceback.format_exception_only(type(error), error)).strip()
    return told if len(told) <= MAX_MESSAGE else told[:MAX_MESSAGE] + " ..."
