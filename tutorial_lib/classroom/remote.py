"""Checks of an exercise on a function that lives in another process."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from tutorial_lib.classroom.worker import Surroundings
from tutorial_lib.classroom.worker_process import WorkerEnded, WorkerProcess
from tutorial_lib.exercises.definition import (
    FAILED,
    NOT_ATTEMPTED,
    RAISED,
    Failed,
    Failure,
    Grade,
    LearnerError,
    OutOfTime,
)
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.running import Candidate

FROM_LIBRARY = "the library's own function, which earns no points"
FROM_CHECK = "still the stub; what `check` hands out in its place earns no points"


class RemoteCandidate(Candidate):
    """A function of the worker, by its name; every call goes there, only plain data comes back."""

    def __init__(self, worker: WorkerProcess, exercise: Exercise):
        super().__init__(
            None,
            reference=exercise.reference,
            seconds=exercise.time_limit_seconds,
            when_changed=exercise.when_changed,
            differentiated=exercise.differentiated,
        )
        self.worker, self.name = worker, exercise.name

    def run_within_limits(self, instrument: Callable, args: tuple):
        """instrument(function, *args) in the worker, which draws with the seed of this check."""
        if self.seconds_left <= 0:
            raise OutOfTime
        began, seconds = time.monotonic(), self.seconds_left
        try:
            kind, *reply = self.worker.call(self.name, instrument, args, _surroundings(), seconds)
        except WorkerEnded as ended:
            began = float("-inf")  # no further call: the next one would end the same way
            raise LearnerError(Failure(str(ended))) from None
        finally:
            self.seconds_left -= time.monotonic() - began
        return self._judged(kind, reply)

    def _judged(self, kind: str, reply: list):
        if kind == "value":
            self.printed.write(str(reply[1]))
            return reply[0]
        message, evidence, unfilled, printed = reply
        self.printed.write(str(printed))
        failure = Failure(str(message), str(evidence))
        raise Failed(failure) if kind == "failed" else LearnerError(failure, bool(unfilled))


def _surroundings() -> Surroundings:
    autocast = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    return Surroundings(torch.initial_seed(), torch.is_grad_enabled(), autocast)


def grade_apart(exercise: Exercise, worker: WorkerProcess, seed: int) -> Grade:
    """The grade of the function that bears the exercise's name in the worker.

    The library's own earns nothing; the worker's `flags` then say so to the teacher.
    """
    name = exercise.name
    try:
        there, can_be_called, untouched, kind, whose = worker.look_up(name)
    except WorkerEnded as ended:
        return exercise.missed(FAILED, Failure(str(ended)), seed)
    if whose:
        worker.flags[name] = FROM_CHECK if whose == "check" else FROM_LIBRARY
    if untouched or not there:
        complaint = worker.complaint_about(name)
        if complaint:
            return exercise.missed(RAISED, Failure(*complaint), seed)
        told = "" if there else f"There is no `{name}` in the notebook."
        return exercise.missed(NOT_ATTEMPTED, Failure(told) if told else None, seed)
    if whose:
        return exercise.missed(FAILED, Failure(f"`{name}` is {worker.flags[name]}."), seed)
    if not can_be_called:
        told = f"`{name}` is a value of type {kind}, and no function."
        return exercise.missed(FAILED, Failure(told), seed)
    return exercise.grade(RemoteCandidate(worker, exercise), seed)
