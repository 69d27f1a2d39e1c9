"""A file written whole or not at all, also on a mounted drive that cannot do all a disk can.

It is written under another name, flushed to the disk and then renamed: whoever is interrupted
leaves either the old file or the new one. Drives that are mounted through a network (Colab's, say)
may refuse to flush, to change permissions, or to rename onto a file that exists. The first two are
done without; for the third the old file steps aside for a moment, and is found there if the
process dies in it. Whatever else goes wrong, a full disk for one, is an error as ever.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from tutorial_lib.training.write_errors import file_named

NOT_SUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
NOT_PERMITTED = NOT_SUPPORTED | {errno.EPERM}
NOT_ONTO_A_FILE = NOT_PERMITTED | {errno.EEXIST, errno.EACCES}


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`, making its folder; after an error the old file is as it was."""
    with file_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            _unless(NOT_SUPPORTED, os.fsync, file.fileno())
        _unless(NOT_PERMITTED, os.chmod, temporary, 0o644)
        _take_the_name(Path(temporary), path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def newest(path: Path) -> Path:
    """Where the last whole file of that name is: at `path` or, after a death in mid-rename, aside.

    If there is none, `path`.
    """
    aside = _aside(path)
    return aside if aside.exists() and not path.exists() else path


def remove_leftovers(path: Path) -> None:
    """Delete what writers of `path` left behind that were killed before they could rename it."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        part.unlink(missing_ok=True)
    if path.exists():
        _aside(path).unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def _unless(refusals: set[int], call, *arguments) -> None:
    """Call, and do without if the drive refuses such calls."""
    try:
        call(*arguments)
    except OSError as error:
        if error.errno not in refusals:
            raise


def _take_the_name(temporary: Path, path: Path) -> None:
    """Rename onto `path`; where that is refused, in two steps that lose neither file."""
    try:
        os.replace(temporary, path)
        return
    except OSError as error:
        if error.errno not in NOT_ONTO_A_FILE or not path.exists():
            raise
    aside = _aside(path)
    aside.unlink(missing_ok=True)
    os.rename(path, aside)
    try:
        os.rename(temporary, path)
    except BaseException:
        os.rename(aside, path)
        raise
    aside.unlink(missing_ok=True)
