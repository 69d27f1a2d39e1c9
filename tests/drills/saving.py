"""Faults while a checkpoint is saved: killed at any system call, no more room on the disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import torch

from drills import Drill
from drills.system_calls import REASON, killed_after
from tutorial_lib.files import newest, remove_leftovers
from tutorial_lib.training.checkpoint import read_tensors, write_tensors

N_NUMBERS = 5_000


def tensors_of(version: int) -> dict[str, torch.Tensor]:
    return {"weights": torch.full((N_NUMBERS,), float(version))}


def version_in(path: Path) -> int:
    """Which version a file holds; complains about a mixture, or a header of the other one."""
    tensors, header = read_tensors(path)
    values = set(tensors["weights"].tolist())
    assert values == {float(header["version"])}, f"weights {values}, header {header}"
    return header["version"]


def write_version(path: Path, version: int) -> None:
    write_tensors(path, tensors_of(version), {"version": version})


def after_a_death(path: Path, write: Callable[[Path, int], None]) -> str | None:
    """What a resumed run finds: version 1 or 2, whole; and the next save leaves only its file."""
    found = newest(path)
    if not found.exists():
        return "no checkpoint was left"
    try:
        if version_in(found) not in (1, 2):
            return "another version was read"
    except Exception as error:
        return f"the checkpoint that was left cannot be used: {error}"
    remove_leftovers(path)
    write(path, 3)
    remove_leftovers(path)
    if version_in(path) != 3:
        return "the next save was lost"
    left = sorted(each.name for each in path.parent.iterdir())
    return None if left == [path.name] else f"files were left behind: {left}"


def killed_while_saving(rounds: int, rng: Random) -> Iterator[str | None]:
    """Killed between any two system calls of a save; every place, if there are rounds enough."""
    yield from killed(rounds, rng, write_version)


def killed_on_a_drive(rounds: int, rng: Random) -> Iterator[str | None]:
    """The same on a drive that refuses to rename onto a file that exists."""
    yield from killed(rounds, rng, write_on_a_drive)


def write_on_a_drive(path: Path, version: int) -> None:
    real = os.replace

    def replace(source, target):
        if Path(target).exists():
            raise PermissionError(1, "Operation not permitted")
        real(source, target)

    os.replace = replace
    try:
        write_version(path, version)
    finally:
        os.replace = real


def killed(rounds: int, rng: Random, write: Callable[[Path, int], None]) -> Iterator[str | None]:
    """One round for each place in write(path, 2) over a version 1 that is there already."""

    def attempt(stops: int | None) -> str | int | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.safetensors"
            write(path, 1)
            seen = killed_after(lambda: write(path, 2), stops)
            return seen if stops is None else after_a_death(path, write)

    n_stops = attempt(None)
    places = list(range(1, n_stops + 1))
    if rounds < n_stops:
        places = sorted(rng.sample(places, rounds))
    for i in range(rounds):
        yield attempt(places[i % len(places)])


def full_disk(rounds: int, rng: Random) -> Iterator[str | None]:
    """No more room at any byte of a save: an error that says so, and the old file as it was."""
    import resource
    import signal

    size = N_NUMBERS * 4
    for _ in range(rounds):
        room = rng.randrange(size)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.safetensors"
            write_version(path, 1)
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
            try:
                write_version(path, 2)
                told = None
            except OSError as error:
                told = str(error)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
                signal.signal(signal.SIGXFSZ, handler)
            left = [each.name for each in path.parent.iterdir()]
            if told is None:
                yield f"no error with room for {room} bytes"
            elif version_in(path) != 1 or left != [path.name]:
                yield f"the old checkpoint is not as it was; the folder holds {left}"
            else:
                yield None


DRILLS = (
    Drill("killed between two system calls of a save", killed_while_saving, 400, 25, REASON),
    Drill("the same on a drive without replace", killed_on_a_drive, 400, 25, REASON),
    Drill("disk full at any byte of a save", full_disk, 300, 20, REASON),
)
