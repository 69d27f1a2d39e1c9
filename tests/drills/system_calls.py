"""Ends a function between two of its system calls, whichever: ptrace, on Linux.

The function runs in a forked child that stops before and after each system call. After as many
stops as asked for, the child is killed as by `kill -9`. So every state that a dying process can
leave on the disk is seen, and none twice.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

TRACE_ME, SET_OPTIONS, NEXT_SYSTEM_CALL = 0, 0x4200, 24
EXIT_KILL = 0x00100000  # the child dies with its tracer


def _ptrace(request: int, pid: int, data: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, pid, None, data) == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"ptrace: {os.strerror(code)}")


def killed_after(work: Callable[[], None], stops: int | None) -> int | None:
    """Run `work` in a child killed after so many stops; None, if it ended before that.

    stops=None lets it end and returns how many stops there were.
    """
    pid = os.fork()
    if pid == 0:
        _child(work)
    os.waitpid(pid, 0)
    _ptrace(SET_OPTIONS, pid, EXIT_KILL)
    seen = 0
    while stops is None or seen < stops:
        _ptrace(NEXT_SYSTEM_CALL, pid)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if not os.WIFEXITED(status) or os.WEXITSTATUS(status):
                raise RuntimeError(f"the work failed by itself (status {status})")
            return seen if stops is None else None
        seen += 1
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return seen


def _child(work: Callable[[], None]) -> None:
    """Never returns."""
    status = 1
    try:
        _ptrace(TRACE_ME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        work()
        status = 0
    finally:
        os._exit(status)


def _why_not() -> str:
    """Why no process can be ended between two system calls here, or nothing."""
    if not sys.platform.startswith("linux"):
        return "ptrace is there on Linux only"
    try:
        killed_after(lambda: None, None)
    except (OSError, RuntimeError) as error:
        return f"this machine forbids ptrace ({error})"
    return ""


REASON = _why_not()
