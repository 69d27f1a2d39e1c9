"""One run in a folder at a time: a second one would overwrite the checkpoints of the first.

The operating system keeps the lock on an open file and drops it when the process ends, however it
ends. Some mounted drives know no locks; there nothing can be refused, and the run goes on without.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

from tutorial_lib.training.checkpoint import CheckpointError

HELD = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}
FAR_BEHIND_THE_END = 2**30  # Windows locks bytes against reading; nobody ever reads this one


class FolderInUse(CheckpointError):
    """Another run writes into this folder."""


def hold(file: Path) -> BinaryIO:
    """Open a file of the folder, made if need be, and lock it until the handle is closed.

    FolderInUse if somebody else holds it.
    """
    handle = open(file, "ab")
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in HELD:
            handle.close()
            raise FolderInUse(
                f"another run is writing into {file.parent}: wait for its end, or choose another "
                f"folder"
            ) from None
    except BaseException:
        handle.close()
        raise
    return handle


def _lock(handle: BinaryIO) -> None:
    """OSError if the lock is held by somebody else, or if there are no locks here."""
    if os.name == "nt":
        import msvcrt

        handle.seek(FAR_BEHIND_THE_END)
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
