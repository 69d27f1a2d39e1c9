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
    Failed,
    Failure,
    Grade,
    LearnerError,
    OutOfTime,
)
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.running import Candidate


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
    """The grade of the function that bears the exercise's name in the worker."""
    try:
        there, can_be_called, untouched, kind = worker.look_up(exercise.name)
    except WorkerEnded as ended:
        return exercise.missed(FAILED, Failure(str(ended)), seed)
    if untouched or not there:
        told = "" if there else f"There is no `{exercise.name}` in the notebook."
        return exercise.missed(NOT_ATTEMPTED, Failure(told) if told else None, seed)
    if not can_be_called:
        told = f"`{exercise.name}` is a value of type {kind}, and no function."
        return exercise.missed(FAILED, Failure(told), seed)
    return exercise.grade(RemoteCandidate(worker, exercise), seed)
