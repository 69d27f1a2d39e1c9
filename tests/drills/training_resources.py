"""Memory or disk that a training runs out of, at any moment: told, and nothing is lost."""

from __future__ import annotations

import builtins
import errno
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from unittest.mock import patch

import torch

from drills import Drill, small_run
from drills.small_run import N_STEPS, at_step, images, in_a_folder, model, saved_step, step, train
from tutorial_lib.sampling.ancestral import sample
from tutorial_lib.sampling.out_of_memory import OutOfMemory
from tutorial_lib.training.measures import evaluate

# --------------------------------------------------------------------------------- no memory

CPU = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
AS_THEY_COME = (
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has"),
    lambda: MemoryError(),
    lambda: RuntimeError(CPU + "you tried to allocate 40000000000000 bytes. Error code 12"),
    lambda: RuntimeError("[enforce fail] data. DefaultCPUAllocator: not enough memory: you tried"),
)


class Hog:
    """Raises such an error once, holding a tensor as a step does; or really asks for too much."""

    def __init__(self, rng: Random, when: Callable[[], bool] = lambda: True):
        self.error, self.when = rng.choice([*AS_THEY_COME, None]), when
        self.held = None

    def __call__(self, *_) -> None:
        if not self.when():
            return
        activations = torch.zeros(1000)
        self.held = weakref.ref(activations)
        if self.error is None:
            torch.zeros(2**60, dtype=torch.uint8)
        raise self.error()


def memory_in_a_step(out: Path, rng: Random) -> str | None:
    """In a training step, or over the held-out data at an epoch's end."""
    broken, with_valid = rng.randint(1, N_STEPS), rng.random() < 0.5
    hog, made = Hog(rng), model()
    begun = at_step(broken, hog)
    if with_valid and broken % 6 == 0:
        hog.when = lambda: not torch.is_grad_enabled()

        def begun(model, levels):
            hog()
            return step(model, levels)

        broken = 6
    try:
        train(made, out, step=begun, valid=images(8) if with_valid else None)
    except OutOfMemory as error:
        told, cause, held = str(error), error.__cause__, hog.held()
    else:
        return "nothing was said"
    wanted = ["lower batch_size (it is 4)", "n_channels"]
    wanted.append(str(out / "checkpoint.safetensors") if broken > 1 else "No checkpoint was saved")
    missing = [each for each in wanted if each not in told]
    if missing or "\n" in told:
        return f"not told in one line: {missing} in {told!r}"
    if cause is None or held is not None:
        return "the cause is lost" if cause is None else "the traceback holds memory"
    if saved_step(out) != broken - 1:
        return f"the checkpoint is of step {saved_step(out)}, not {broken - 1}"
    return small_run.unusable(made) or small_run.goes_on(out, with_valid=with_valid)


def memory_elsewhere(out: Path, rng: Random) -> str | None:
    """In evaluate and in sample; and a run whose held-out data fit only few at a time goes on."""
    made, hog = model(), Hog(rng)
    made.register_forward_hook(hog)
    calls = {
        "batch_size (it is 7)": lambda: evaluate(made, step, images(), batch_size=7),
        "while sampling 3 images": lambda: sample(made, (3, 1, 4, 5), method="naive"),
    }
    for wanted, call in calls.items():
        try:
            call()
        except OutOfMemory as error:
            if wanted not in str(error) or error.__cause__ is None:
                return f"not told: {wanted!r} in {str(error)!r}"
        else:
            return f"nothing was said, where {wanted!r} should be"
    sizes = []
    hog.when = lambda: sizes[-1] > 4

    def counted(model, levels):
        sizes.append(len(levels))
        return step(model, levels)

    return None if train(made, out, step=counted, valid=images(8)).finished else "it stopped"


# ------------------------------------------------------------------------------------- no disk

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
READ_ONLY = (errno.EROFS, errno.EACCES)


class Disk:
    """Counts what is done to the disk; operation number `fails_at`, and all after it, fail."""

    def __init__(self, number: int = 0, fails_at: float = float("inf")):
        self.number, self.fails_at, self.done = number, fails_at, 0

    def asked(self) -> bool:
        """Count an operation: whether it fails."""
        self.done += 1
        return self.done >= self.fails_at

    def failing(self, real: Callable) -> Callable:
        """The function, as long as the disk does what it should."""

        def call(*arguments, **options):
            if self.asked():
                raise OSError(self.number, os.strerror(self.number))
            return real(*arguments, **options)

        return call

    def opened(self, real: Callable) -> Callable:
        """open or fdopen: what is opened for reading is left alone."""

        def call(file, mode="r", *arguments, **options):
            handle = real(file, mode, *arguments, **options)
            if "w" in mode or "a" in mode:
                handle.write = self.half_written(handle.write)
            return handle

        return call

    def half_written(self, real: Callable) -> Callable:
        """write, of which half arrives when there is no more room."""

        def write(content):
            if self.asked():
                real(content[: len(content) // 2])
                raise OSError(self.number, os.strerror(self.number))
            return real(content)

        return write

    @contextmanager
    def used(self) -> Iterator[None]:
        """Everything that writes goes through this disk."""
        with ExitStack() as stack:
            for where, name in (
                (tempfile, "mkstemp"),
                (os, "fsync"),
                (os, "replace"),
                (os, "mkdir"),
            ):
                real = getattr(where, name)
                stack.enter_context(patch.object(where, name, self.failing(real)))
            stack.enter_context(patch.object(os, "fdopen", self.opened(os.fdopen)))
            stack.enter_context(patch.object(builtins, "open", self.opened(open)))
            yield


def disk_fails(numbers: tuple[int, ...], advice: str) -> Callable[[int, Random], Iterator]:
    """A drill: from a random operation on, the disk refuses; later it works again."""

    def drill(rounds: int, rng: Random) -> Iterator[str | None]:
        with tempfile.TemporaryDirectory() as folder, (disk := Disk()).used():
            train(model(), Path(folder) / "run")
        n_operations = disk.done
        assert n_operations > 4 * N_STEPS
        yield from in_a_folder(
            lambda out, rng: refused(
                out, Disk(rng.choice(numbers), rng.randint(1, n_operations)), advice
            )
        )(rounds, rng)

    return drill


def refused(out: Path, disk: Disk, advice: str) -> str | None:
    """A run on such a disk names the file and what to do; the next one ends as if left alone."""
    made = model()
    try:
        with disk.used():
            train(made, out)
    except OSError as error:
        told = error
    else:
        return f"nothing was said from operation {disk.fails_at} on"
    names = {str(out / name) for name in ("checkpoint.safetensors", "metrics.jsonl")}
    if told.errno != disk.number or told.filename not in names or advice not in str(told):
        return f"not told: the file and {advice!r} in {told}"
    saved_step(out)
    left = {path.name for path in out.glob(".*")} if out.exists() else set()
    if left and disk.number in NO_ROOM:
        return f"left behind: {left}"
    return small_run.unusable(made) or small_run.goes_on(out)


DRILLS = (
    Drill("training: memory runs out in a step", in_a_folder(memory_in_a_step), 100, 4),
    Drill("training: memory runs out elsewhere", in_a_folder(memory_elsewhere), 50, 2),
    Drill("training: the disk is full", disk_fails(NO_ROOM, "free some space"), 100, 4),
    Drill("training: the folder is read-only", disk_fails(READ_ONLY, "folder writable"), 100, 3),
)
