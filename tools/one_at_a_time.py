"""A lock that ends with the processes that hold it, so that none is ever left behind.

The operating system keeps it, on an open file. Child processes that inherit the file hold it too:
a pip that outlives a killed set-up keeps others waiting until it is done.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path


def take(handle) -> bool:
    """Lock an open file if nobody else has; never waits."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def one_at_a_time(path: Path, waiting: str, pause: float = 1.0):
    """Hold the lock of `path`; print `waiting` once if another process has it.

    Yields keyword arguments for `subprocess` that hand the lock down to a child.
    """
    with open(path, "w") as handle:
        told = False
        while not take(handle):
            if not told:
                print(waiting, flush=True)
            told = True
            time.sleep(pause)
        yield {} if os.name == "nt" else {"pass_fds": (handle.fileno(),)}
