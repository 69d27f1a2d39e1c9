"""Memory that ran out, told in one sentence that says what to lower, whoever noticed it first.

A GPU raises torch.OutOfMemoryError, Python MemoryError, and torch on a CPU a bare RuntimeError.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

SAID_BY_THE_ALLOCATOR = ("DefaultCPUAllocator", "not enough memory", "can't allocate memory")


class OutOfMemory(RuntimeError):
    """What was asked for does not fit into memory; the cause is the error as it came."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, of whatever class, says that memory ran out."""
    if isinstance(error, (OutOfMemory, MemoryError, torch.OutOfMemoryError)):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(each in said for each in SAID_BY_THE_ALLOCATOR)


@contextmanager
def memory_explained(tell: Callable[[], str], *, told_again: bool = False) -> Iterator[None]:
    """Errors that say so become OutOfMemory: "memory ran out " and what `tell` returns.

    told_again   an OutOfMemory from further in is told anew; otherwise it passes as it is
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error) or (isinstance(error, OutOfMemory) and not told_again):
            raise
        _let_go(error)
        cause = error.__cause__ if isinstance(error, OutOfMemory) else error
        raise OutOfMemory(f"memory ran out {tell()}") from cause


@contextmanager
def memory_let_go() -> Iterator[None]:
    """As a decorator: what the function itself held is free once OutOfMemory has come out of it."""
    try:
        yield
    except OutOfMemory as error:
        _let_go(error)
        raise


def _let_go(error: BaseException) -> None:
    """Free what the functions that failed held: a notebook keeps the last traceback alive."""
    traceback.clear_frames(error.__traceback__)
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
