"""The grader's side: a process for one student's code, asked for results and ended when it must be.

    with WorkerProcess(limits) as worker:
        worker.run_cells(["def gate(features): ..."])
        grade = exercise.grade(RemoteCandidate(worker, exercise))

The process that grades never runs the student's code. It waits for an answer no longer than the
limit, watches the memory, and takes nothing from the other side but plain data.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tutorial_lib.classroom import wire
from tutorial_lib.classroom.worker import Rules, Surroundings, receive, send

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; sys.path.insert(0, sys.argv[1]); from tutorial_lib.classroom import worker; "
GRACE_SECONDS = 1.0  # for a function that is stopped in time to say so
MAX_REPLY_MIB = 256
MAX_BESIDE_MIB = 64  # of files that lie beside a notebook
# What may come back from each request: kind of reply -> its length.
READY, RAN, FOUND = {"ready": 1}, {"ran": 4}, {"found": 6}
CALLED = {"value": 3, "failed": 5, "raised": 5}
TORCH_MIB = 1024  # for Python and torch themselves
NOT_STARTED = (
    "The grader's own process did not start: the machine is busy or short of memory. Grade again."
)


@dataclass(frozen=True)
class Limits:
    """start_seconds: until the worker is ready; cell_seconds: for one cell of the notebook;
    memory_mib: over what Python and torch need; file_mib: in one file; sandbox: use all means;
    landlock: False to do without the kernel's, as on systems that have none."""

    start_seconds: float = 120.0
    cell_seconds: float = 30.0
    memory_mib: int = 2048
    file_mib: int = 16
    sandbox: bool = True
    landlock: bool = True


class WorkerEnded(Exception):
    """The worker is gone or was ended; says why, to the student."""


class WorkerProcess:
    """One process of its own for one submission. Starts when it is first asked.

    beside: the folder of the notebook, whose other files the cells may use
    flags:  name of an exercise -> what a teacher should look at
    """

    def __init__(self, limits: Limits | None = None, beside: Path | None = None):
        self.limits, self.beside = limits or Limits(), beside
        self.flags: dict[str, str] = {}
        self.process: subprocess.Popen | None = None
        self.cells: list[str] = []
        self.deadly_cells: dict[int, str] = {}
        self.complaints: list[tuple[int, str, str]] = []

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *error) -> None:
        self.end()

    def run_cells(self, cells: Sequence[str]) -> list[tuple[int, str, str]]:
        """Run the student's cells in order; (number of the cell, message, evidence) of each error.

        A cell that ends the process, or that does not end, is left out, and the others run.
        """
        self.cells, self.deadly_cells = list(cells), {}
        self._start()
        return self.complaints

    def look_up(self, name: str) -> tuple[bool, bool, bool, str, str]:
        """(is it there, can it be called, is it still the stub, name of its type, whose it is)."""
        seconds = self.limits.cell_seconds
        _, there, callable_, untouched, kind, whose = self.ask(seconds, FOUND, "look_up", name)
        return bool(there), bool(callable_), bool(untouched), str(kind), str(whose)

    def complaint_about(self, name: str) -> tuple[str, str] | None:
        """(message, evidence) of the last cell that would have defined this name, and failed."""
        defines = re.compile(rf"^\s*(?:(?:async )?def|class) {name}\b|^\s*{name}\s*=", re.MULTILINE)
        for number, message, evidence in reversed(self.complaints):
            if defines.search(self.cells[number - 1]):
                return message, evidence
        return None

    def call(
        self, name: str, instrument: Callable, args: tuple, around: Surroundings, seconds: float
    ):
        """What the worker says of instrument(function, *args): the tuple described there."""
        return self.ask(seconds, CALLED, "call", name, instrument, args, around, seconds)

    def ask(self, seconds: float, replies: dict[str, int], *request) -> tuple:
        """The reply to a request, of one of these kinds and lengths; WorkerEnded otherwise."""
        if self.process is None:
            self._start()
        return self._exchange(pickle.dumps(request), seconds, replies)

    def end(self) -> None:
        """End the process and everything it started; remove its folder."""
        if self.process is None:
            return
        process, self.process = self.process, None
        _kill_tree(process)
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _start(self) -> None:
        """A fresh process in which all cells have run; those that ended one before stay out."""
        while True:
            self.end()
            try:
                self._launch()
            except WorkerEnded as ended:  # no code of the student has run in it
                raise RuntimeError(NOT_STARTED) from ended
            self.complaints = []
            died = self._run_all_cells()
            if died is None:
                return
            self.deadly_cells[died[0]] = died[1]

    def _run_all_cells(self) -> tuple[int, str] | None:
        """None, or (number of the cell that ended the process, why).

        A cell that missed a name runs once more behind the others: cells get moved.
        """
        died = self._run_these(range(1, len(self.cells) + 1))
        missed = [number for number, message, _ in self.complaints if "raised NameError" in message]
        if died or not missed:
            return died
        self.complaints = [each for each in self.complaints if each[0] not in missed]
        return self._run_these(missed)

    def _run_these(self, numbers: Iterable[int]) -> tuple[int, str] | None:
        seconds = self.limits.cell_seconds
        for number in numbers:
            if number in self.deadly_cells:
                self.complaints.append((number, self.deadly_cells[number], ""))
                continue
            request = pickle.dumps(("run_cell", number, self.cells[number - 1], seconds))
            try:
                _, message, evidence, _ = map(str, self._exchange(request, seconds, RAN))
            except WorkerEnded as ended:
                return number, str(ended)
            if message or evidence:
                self.complaints.append((number, message, evidence))
        return None

    def _launch(self) -> None:
        self.scratch = tempfile.mkdtemp(prefix="graded-")
        if self.beside:
            copy_files(self.beside, Path(self.scratch), MAX_BESIDE_MIB)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", START + "worker.main()", str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.scratch,
            env=_environment(self.scratch),
            start_new_session=os.name != "nt",
        )
        self.number, self.replies = 0, queue.Queue()
        listener = threading.Thread(
            target=_listen, args=(self.process.stdout, self.replies), daemon=True
        )
        listener.start()
        limits = self.limits
        sizes = limits.memory_mib, limits.file_mib
        rules = Rules(self.scratch, *sizes, limits.sandbox, limits.landlock)
        self._exchange(pickle.dumps(rules), limits.start_seconds, READY)

    def _exchange(self, message: bytes, seconds: float, replies: dict[str, int]) -> tuple:
        self.number += 1
        try:
            send(self.process.stdin, self.number, message)
        except OSError:
            raise self._ended("Your code ended the Python process.") from None
        number, reply = self._wait(time.monotonic() + seconds + GRACE_SECONDS, seconds)
        try:
            value = wire.decode(reply)
        except wire.WireError:
            value = None
        kind = value[0] if isinstance(value, tuple) and value else None
        if number == self.number and kind == "slow":
            raise self._ended(_too_slow(seconds))
        if number != self.number or not isinstance(kind, str) or replies.get(kind) != len(value):
            raise self._ended("Your code disturbed the channel through which results are sent.")
        return value

    def _wait(self, deadline: float, seconds: float) -> tuple[int, bytes]:
        while True:
            with contextlib.suppress(queue.Empty):
                reply = self.replies.get(timeout=0.05)
                if isinstance(reply, str):
                    raise self._ended(reply)
                return reply
            if time.monotonic() > deadline:
                raise self._ended(_too_slow(seconds))
            if _memory_mib(self.process.pid) > self.limits.memory_mib + TORCH_MIB:
                limit = self.limits.memory_mib
                raise self._ended(f"Your code used more than the {limit} MiB it may use.")

    def _ended(self, why: str) -> WorkerEnded:
        self.end()
        return WorkerEnded(why)


def copy_files(source: Path, target: Path, most_mib: int) -> None:
    """The plain files of a folder and of those in it, notebooks left out, up to so many MiB.

    A link is not followed: it could lead to what nobody else is to read.
    """
    left = most_mib * 2**20
    for folder, folders, files in os.walk(source):
        folders[:] = [each for each in folders if not each.startswith((".", "__"))]
        for path in (Path(folder) / file for file in sorted(files)):
            size = path.lstat().st_size
            if path.suffix == ".ipynb" or path.is_symlink() or not path.is_file() or size > left:
                continue
            left -= size
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _too_slow(seconds: float) -> str:
    return f"Your code took more than {seconds:.3g} seconds and was stopped."


def _listen(stream, replies: queue.Queue) -> None:
    """Put every reply into the queue, and a sentence once there are no more."""
    try:
        while (reply := receive(stream, most=MAX_REPLY_MIB << 20)) is not None:
            replies.put(reply)
        replies.put("Your code ended the Python process.")
    except (ValueError, OSError, MemoryError):
        replies.put(f"Your function returned more than {MAX_REPLY_MIB} MiB.")


def _environment(scratch: str) -> dict[str, str]:
    """Nothing of the grader's environment but what programs need to start."""
    needed = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG")
    kept = {name: os.environ[name] for name in needed if name in os.environ}
    folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "TUTORIAL_STATE_DIR"), scratch)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**kept, **folders, **threads, "MPLBACKEND": "Agg", "TUTORIAL_PROFILE": "smoke"}


def _memory_mib(pid: int) -> float:
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total / 2**20


def _kill_tree(process: subprocess.Popen) -> None:
    family = []
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
    if os.name != "nt":
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    for each in family:
        with contextlib.suppress(psutil.Error):
            each.kill()
    process.kill()
    process.wait()
