"""A busy machine: eight processes compute beside a check, and every right answer passes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from random import Random

from drills import Drill
from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.running import Candidate

LOAD = 8
HOG = "while True: sum(range(10_000))"


@contextlib.contextmanager
def busy(load: int = LOAD) -> Iterator[None]:
    """So many processes that compute and do nothing else, until the end."""
    hogs = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(load)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def right_answers(exercise: Exercise) -> list[Candidate]:
    """The reference and the alternatives, each with the time that a learner's function has."""
    given = {"reference": exercise.reference, "seconds": exercise.time_limit_seconds}
    given |= {"when_changed": exercise.when_changed, "differentiated": exercise.differentiated}
    return [Candidate(each, **given) for each in (exercise.reference, *exercise.alternatives)]


def checked_under_load(rounds: int, rng: Random) -> Iterator[str | None]:
    """A round is an exercise: all its right answers, of which the slowest decides."""
    exercises = all_exercises()
    with busy():
        for exercise in rng.sample(exercises, min(rounds, len(exercises))):
            yield slowest(exercise, rng.randrange(1000))[1]


def slowest(exercise: Exercise, seed: int) -> tuple[float, str | None]:
    """(the share of its time that the slowest right answer took, which one is refused)."""
    refused, used = None, 0.0
    for candidate in right_answers(exercise):
        grade = exercise.grade(candidate, seed)
        used = max(used, 1 - candidate.seconds_left / candidate.seconds)
        if grade.outcome != "passed":
            told = grade.failure.message if grade.failure else ""
            refused = f"{exercise.address}, {candidate.function.__name__}: {told} (seed {seed})"
    return used, refused


DRILLS = (Drill("checked on a busy machine", checked_under_load, rounds=200, short=3),)
