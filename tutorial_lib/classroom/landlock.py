"""Landlock: a Linux process gives up, for good, all files but the ones it names.

Works without root, from Linux 5.13 on; `restrict` says False where the kernel has no Landlock. What
is given up can't be had back by any code in the process, compiled code included. Only the calling
thread and what it starts later are restricted, so call it before other threads exist.

Reference: the kernel's documentation, userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # numbers of the system calls
PR_SET_NO_NEW_PRIVS, PATH_BENEATH, ASK_VERSION = 38, 1, 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FOR_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # rights that a single file can have
# how many rights over files each version of Landlock knows; EXECUTE, the first, is never given
RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15}
LATEST_RIGHTS, BIND_AND_CONNECT, SOCKETS_AND_SIGNALS = 16, 0b11, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("over_files", ctypes.c_uint64),
        ("over_tcp", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(_call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(ASK_VERSION)), 0)


def restrict(
    *, readable: Iterable[Path], listable: Iterable[Path], writable: Iterable[Path]
) -> bool:
    """Give up everything else: files, programs to run, TCP, signals to others. True if it worked.

    readable   files and folders with all they hold
    listable   folders whose entries may be listed, at any depth, but not read
    writable   folders to read, write, create and remove in
    """
    known = version()
    if known == 0:
        return False
    every = (1 << RIGHTS_BY_VERSION.get(known, LATEST_RIGHTS)) - 1
    tcp = BIND_AND_CONNECT if known >= 4 else 0
    scoped = SOCKETS_AND_SIGNALS if known >= 6 else 0
    size = {1: 8, 2: 8, 3: 8, 4: 16, 5: 16}.get(known, 24)
    handle = _call(CREATE_RULESET, _Ruleset(every, tcp, scoped), ctypes.c_size_t(size), 0)
    if handle < 0:
        return False
    try:
        for paths, rights in (
            (readable, READ_FILE | READ_DIR),
            (listable, READ_DIR),
            (writable, every & ~1),
        ):
            for path in paths:
                _allow(handle, path, rights & every)
        _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return _call(RESTRICT_SELF, ctypes.c_int(handle), 0) == 0
    finally:
        os.close(handle)


def _allow(handle: int, path: Path, rights: int) -> None:
    """A path that is not there needs no rule."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _PathBeneath(rights if os.path.isdir(path) else rights & FOR_FILES, place)
        _call(ADD_RULE, ctypes.c_int(handle), ctypes.c_int(PATH_BENEATH), rule, 0)
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments) -> int:
    given = [ctypes.byref(a) if isinstance(a, ctypes.Structure) else a for a in arguments]
    return _libc().syscall(ctypes.c_long(number), *given)
