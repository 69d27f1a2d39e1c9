"""An exercise in a notebook: card, check, hint, solution; and the grade behind them.

    ch02.causal_mask.card()
    def causal_mask(kernel_size, *, include_center): ____
    causal_mask = ch02.causal_mask.check(causal_mask)

`check` raises nothing (the stop button apart), and returns the learner's object if it passed, the
library's otherwise. So the rest of a chapter always runs, and runs on the learner's own code as
soon as that works.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from tutorial_lib.exercises import pages, progress
from tutorial_lib.exercises.definition import (
    FAILED,
    NOT_ATTEMPTED,
    NOT_RUN,
    PASSED,
    RAISED,
    Check,
    CheckResult,
    Failed,
    Failure,
    Grade,
    LearnerError,
    Misconception,
    OutOfTime,
    overall_outcome,
)
from tutorial_lib.exercises.reports import show
from tutorial_lib.exercises.running import Candidate
from tutorial_lib.exercises.surroundings import seed_everything, undisturbed
from tutorial_lib.exercises.untouched import is_untouched


@dataclass(eq=False)
class Exercise:
    """One exercise.

    number          "2.1": the chapter, then the place in it
    name            of the function, and of the exercise in its chapter's module
    goal            one line
    stub            source of the cell that a learner starts from: signature, worked example, `____`
    reference       the library's own object; its source is the solution
    hints           idea, API, common symptom, in this order
    checks          what is looked at, each with its points
    misconceptions  wrong implementations that must be recognised
    alternatives    correct implementations that look different; they must pass
    when_changed    argument name -> what to say to a function that changes that argument
    """

    number: str
    name: str
    title: str
    goal: str
    minutes: int
    stub: str
    reference: Callable
    hints: Sequence[str]
    checks: Sequence[Check]
    misconceptions: Sequence[Misconception]
    alternatives: Sequence[Callable]
    when_changed: Mapping[str, str] = field(default_factory=dict)
    time_limit_seconds: float = 10.0
    _stands_in: bool = field(default=False, init=False, repr=False)

    @property
    def points(self) -> int:
        return sum(check.points for check in self.checks)

    @property
    def chapter(self) -> str:
        """Name of the chapter's module: "ch02"."""
        return f"ch{int(self.number.split('.')[0]):02d}"

    @property
    def address(self) -> str:
        """As it is written in a notebook: "ch02.causal_mask"."""
        return f"{self.chapter}.{self.name}"

    def __repr__(self) -> str:
        return f"Exercise {self.number} · {self.title}: see {self.address}.card()"

    def card(self) -> None:
        """Show the goal, the minutes, the points and what is checked."""
        show(pages.card(self))

    def hint(self, number: object = 1) -> None:
        """Show one hint: 1 the idea, 2 the functions to use, 3 a common symptom."""
        show(pages.hint(self, number))

    def solution(self) -> None:
        """Show the library's own source."""
        show(pages.solution(self))

    def check(self, candidate: object = None, *, seed: int | None = None) -> object:
        """Check, show what came of it, keep the points. Returns the candidate if it passed.

        Otherwise the library's object comes back. A seed draws the same inputs again.
        """
        if candidate is self.reference and self._stands_in:
            show(pages.stand_in(self))
            return self.reference
        try:
            grade = self.grade(candidate, seed)
            note = progress.record(self.chapter, self.name, grade)
            report = pages.result(self, grade, note)
        except Exception as error:  # a fault of the check itself must not stop a notebook
            grade, report = None, pages.broken(self, error)
        show(report)
        passed = grade is not None and grade.outcome == PASSED
        self._stands_in = not passed
        return candidate if passed else self.reference

    def grade(self, candidate: object, seed: int | None = None) -> Grade:
        """Points, outcome and details, without showing or keeping anything.

        The same seed gives the same inputs; without one they are new each time. `candidate` is the
        function, or a Candidate that runs it elsewhere.
        """
        seed = secrets.randbelow(10**6) if seed is None else seed
        if is_untouched(candidate):
            return self.missed(NOT_ATTEMPTED, None, seed)
        if not callable(candidate):
            return self.missed(FAILED, _not_callable(self, candidate), seed)
        if not isinstance(candidate, Candidate):
            candidate = Candidate(
                candidate,
                reference=self.reference,
                seconds=self.time_limit_seconds,
                when_changed=self.when_changed,
            )
        with undisturbed():
            details = tuple(_run(c, candidate, seed, i) for i, c in enumerate(self.checks))
        return Grade(overall_outcome(details), details, seed, candidate.printed.summary())

    def missed(self, outcome: str, failure: Failure | None, seed: int) -> Grade:
        """The grade of something that can't be run at all: no point, and why."""
        missed = FAILED if outcome == FAILED else NOT_RUN
        details = tuple(CheckResult(c.what, missed, 0, c.points, failure) for c in self.checks)
        return Grade(outcome, details, seed)


def _run(check: Check, candidate: Candidate, seed: int, place: int) -> CheckResult:
    """One check with its own random numbers, whatever the checks before it did."""
    own_seed = random.Random(f"{seed}-{place}").getrandbits(32)
    seed_everything(own_seed)
    outcome, failure, unfilled = PASSED, None, False
    try:
        failure = check.run(candidate, torch.Generator().manual_seed(own_seed))
        outcome = FAILED if failure else PASSED
    except Failed as told:
        outcome, failure = FAILED, told.failure
    except LearnerError as error:
        outcome, failure, unfilled = RAISED, error.failure, error.unfilled
    except OutOfTime:
        outcome = NOT_RUN
    except Exception as error:  # a result that no check foresaw
        told = f"{type(error).__name__}: {error}"
        outcome, failure = FAILED, Failure("The check could not read the result.", told[:500])
    points = check.points if outcome == PASSED else 0
    return CheckResult(check.what, outcome, points, check.points, failure, unfilled)


def _not_callable(exercise: Exercise, value: object) -> Failure:
    return Failure(
        f"The check needs the function itself: `{exercise.address}.check({exercise.name})`.",
        f"It was given a value of type {type(value).__name__}.",
    )
