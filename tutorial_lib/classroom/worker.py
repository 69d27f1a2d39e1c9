"""The process that runs a student's code. It knows inputs, never what is expected of them.

Started by `worker_process`, which sends requests and judges what comes back. Requests come from the
grader, who is trusted, as pickles; replies go back in the plain format of `wire`, since whatever is
said here may be a lie. The only thing a lie can be is a wrong result.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import os
import pickle
import struct
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

FRAME = struct.Struct(">QQ")  # number of the request, length of what follows
CELL = "<your cell {}>"
TOO_LARGE = ("MemoryError", "can't allocate memory", "bad_alloc", "Cannot allocate memory")


@dataclass(frozen=True)
class Rules:
    """What the worker may use: its folder, MiB of memory and of one file.

    sandbox: give up all the rest; landlock: by the kernel's means too, where it has them.
    """

    scratch: str
    memory_mib: int
    file_mib: int
    sandbox: bool
    landlock: bool


@dataclass(frozen=True)
class Surroundings:
    """What surrounds a call: the seed of its check, and the grader's modes of torch."""

    seed: int
    records_gradients: bool
    autocast: object = None  # a dtype


def send(stream: BinaryIO, number: int, message: bytes) -> None:
    """Write one (number, message), to be read by `receive`."""
    stream.write(FRAME.pack(number, len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: BinaryIO, most: int | None = None) -> tuple[int, bytes] | None:
    """The next (number, message); None at the end. ValueError for more than `most` bytes."""
    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    number, length = FRAME.unpack(head)
    if most is not None and length > most:
        raise ValueError(f"a message of {length} bytes, where at most {most} were expected")
    message = stream.read(length)
    return (number, message) if len(message) == length else None


def private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the grader, moved out of the way: what is printed goes nowhere."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return requests, replies


def main() -> None:
    """Read requests until there are no more."""
    requests, replies = private_streams()
    number, first = receive(requests)
    rules: Rules = pickle.loads(first)
    student = _prepared(rules)
    send(replies, number, student.reply(lambda: ("ready",)))
    while (request := receive(requests)) is not None:
        number, message = request
        send(replies, number, student.answer(message))


def _prepared(rules: Rules) -> Student:
    from tutorial_lib.classroom import sandbox

    if rules.sandbox and rules.landlock:
        sandbox.shut_files(Path(rules.scratch))
    student = Student(rules)
    if rules.sandbox:
        sandbox.limit_resources(rules.memory_mib, rules.file_mib)
        sandbox.watch(Path(rules.scratch))
    return student


class Student:
    """The namespace that the student's cells run in, and calls of the functions they define."""

    def __init__(self, rules: Rules):
        import torch

        from tutorial_lib.classroom import notebook_shell, wire
        from tutorial_lib.exercises import (
            engine,
            kinds,
            running,
            surroundings,
            time_limit,
            untouched,
        )

        torch.set_num_threads(1)
        self.rules, self.wire, self.running = rules, wire, running
        self.surroundings, self.time_limit, self.untouched = surroundings, time_limit, untouched
        self.module = types.ModuleType("__main__")
        sys.modules["__main__"] = self.module
        sys.path.insert(0, rules.scratch)
        self.shell = notebook_shell.started(self.module)
        self.as_written, self.checked = kinds.as_written, set()
        engine.Exercise.check = lambda *given, **_: self._handed_back(*given)
        self.seed: int | None = None
        self.random_states: tuple | None = None

    def answer(self, message: bytes) -> bytes:
        """The reply to one request: (name of a method, its arguments)."""
        name, *arguments = pickle.loads(message)
        return self.reply(lambda: getattr(self, name)(*arguments))

    def reply(self, work: Callable[[], tuple]) -> bytes:
        """What the work gives, as bytes, whatever the student's code may have done to us."""
        try:
            return self.wire.encode(work())
        except BaseException as error:  # a result that breaks while it is looked at
            told = f"The result can't be read: {type(error).__name__}."
            return self.wire.encode(("raised", told, "", False, ""))  # as from `call`

    def run_cell(self, number: int, source: str, seconds: float) -> tuple:
        """("ran", message, evidence, what was printed); no message where all went well."""
        printed, before = self.surroundings.Printed(), dict(vars(self.module))
        importlib.invalidate_caches()  # for a module that the cell before has written
        try:
            with printed.capturing(), self._limit(seconds):
                error = self.shell.run_as(CELL.format(number), source)
        except BaseException as raised:
            error = raised
        self._keep_what_was_written(before)
        if error is None:
            return ("ran", "", "", printed.summary())
        kind, message, evidence, _ = self._complaint(error, None, seconds)
        message = message.replace("`Your function`", f"Your cell {number}")
        return (kind,) if kind == "slow" else ("ran", message, evidence, printed.summary())

    def _keep_what_was_written(self, before: dict) -> None:
        """A stub that stands once more behind its answer, as a copy does, takes nothing away."""
        untouched = self.untouched.is_untouched
        for name, function in list(vars(self.module).items()):
            old = before.get(name)
            if old is not function and callable(old) and untouched(function) and not untouched(old):
                vars(self.module)[name] = old

    def _handed_back(self, exercise: object, candidate: object = None) -> object:
        """In place of `check`: no library function comes in for one that fails."""
        self.checked.add(getattr(exercise, "name", ""))
        return self.as_written(candidate)

    def look_up(self, name: str) -> tuple:
        """("found", is it there, can it be called, is it still the stub, name of its type, whose).

        whose: the module of the library it comes from, "check" for a stub that was checked, or "".
        """
        found = self.as_written(vars(self.module).get(name))
        there, untouched = name in vars(self.module), self.untouched.is_untouched(found)
        whose = "check" if untouched and name in self.checked else library_module(found)
        return ("found", there, callable(found), untouched, type(found).__name__, whose)

    def call(
        self, name: str, instrument: Callable, args: tuple, around: Surroundings, seconds: float
    ):
        """("value", what the instrument says of the function, printed), "failed" or "raised"."""
        function = vars(self.module)[name]
        printed = self.surroundings.Printed()
        try:
            with self._surrounded(around), printed.capturing(), self._limit(seconds):
                value = instrument(self.running.never_none(function), *args)
        except self.running.Failed as told:
            return ("failed", told.failure.message, told.failure.evidence, False, printed.kept)
        except BaseException as error:
            complaint = self._complaint(error, function, seconds)
            return complaint[:1] if complaint[0] == "slow" else (*complaint, printed.kept)
        return ("value", value, printed.kept)

    @contextlib.contextmanager
    def _surrounded(self, around: Surroundings) -> Iterator[None]:
        """As if in the grader's process: its seed at the first call, its modes at every call."""
        import torch

        with self.surroundings.undisturbed():
            if around.seed == self.seed:
                self.surroundings.set_random_states(self.random_states)
            else:
                self.surroundings.seed_everything(around.seed)
            modes = [torch.set_grad_enabled(around.records_gradients)]
            modes += [torch.autocast("cpu", around.autocast)] if around.autocast else []
            with contextlib.ExitStack() as stack:
                for mode in modes:
                    stack.enter_context(mode)
                try:
                    yield
                finally:
                    self.seed, self.random_states = around.seed, self.surroundings.random_states()

    def _limit(self, seconds: float) -> contextlib.AbstractContextManager:
        """An alarm, where there is one: the grader waits no longer than that in any case."""
        if hasattr(self.time_limit.signal, "setitimer"):
            return self.time_limit.AlarmLimit(seconds, patience=1.0)
        return contextlib.nullcontext()

    def _complaint(self, error: BaseException, function: object, seconds: float) -> tuple:
        """("raised", message, evidence, was a blank left in it?)"""
        if isinstance(error, self.time_limit.TimeLimitReached):
            return ("slow", "", "", False)
        failure = self.running.describe(error, function)
        told = f"{type(error).__name__} {failure.evidence}"
        if any(each in told for each in TOO_LARGE):
            limit = f"Your code asked for more than the {self.rules.memory_mib} MiB it may use."
            return ("raised", limit, failure.evidence, False)
        blank = self.untouched.is_blank_error(error)
        return ("raised", failure.message, failure.evidence, blank)


def library_module(found: object) -> str:
    """The module of this library in which a function or class was written; "" for any other."""
    while isinstance(found, functools.partial):
        found = found.func
    code = getattr(inspect.unwrap(found), "__code__", None) if callable(found) else None
    module = str(getattr(found, "__module__", ""))
    if code is not None:
        ours = Path(code.co_filename).is_relative_to(Path(__file__).parents[1])
        return (module or "tutorial_lib") if ours else ""
    return module if module.startswith("tutorial_lib") else ""
