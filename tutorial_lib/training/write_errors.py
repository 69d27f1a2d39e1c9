"""An error of the disk that says which file it was about, and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}


@contextmanager
def file_named(path: Path) -> Iterator[None]:
    """Errors of the system while `path` is written name it; their class and number stay."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        told = f"{os.strerror(error.errno)}: {what_to_do(error.errno)}. The file is"
        raise OSError(error.errno, told, str(path)) from error


def what_to_do(number: int) -> str:
    """Advice, as a clause, for an error of that number while writing."""
    if number in NO_ROOM:
        return "free some space, then give the same command again"
    if number in NOT_ALLOWED:
        return "make the folder writable, or choose another, then give the same command again"
    if number in IN_THE_WAY:
        return (
            "a file lies where a folder is needed, or a folder in the place of a file: choose "
            "another path"
        )
    if number == errno.ENAMETOOLONG:
        return "choose a shorter path"
    return "when the disk can be written again, give the same command again"
