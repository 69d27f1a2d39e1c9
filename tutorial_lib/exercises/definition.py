"""What an exercise is made of: checks with points, misconceptions, and what came of a check.

A check is a function (candidate, rng) -> None or Failure. It calls the candidate as the learner's
function is called, with fresh inputs drawn from `rng`, a torch.Generator, and judges what comes
back: behaviour, never the source. It may also raise `Failed` from anywhere inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

PASSED, FAILED, RAISED, NOT_ATTEMPTED = "passed", "failed", "raised", "not attempted"
NOT_RUN = "not run"  # of a single check, once the time is used up


@dataclass(frozen=True)
class Failure:
    """What went wrong: a sentence that names it, and the evidence (which place, which numbers)."""

    message: str
    evidence: str = ""


class Failed(Exception):
    """Ends a check at once; holds the Failure."""

    def __init__(self, failure: Failure):
        super().__init__(failure)
        self.failure = failure


class LearnerError(Exception):
    """The learner's function raised, or ran out of time; holds the Failure that tells so."""

    def __init__(self, failure: Failure, unfilled: bool = False):
        super().__init__(failure, unfilled)
        self.failure, self.unfilled = failure, unfilled


class OutOfTime(Exception):
    """The time for this check was used up by an earlier call."""


@dataclass(frozen=True)
class Check:
    """One thing that is looked at: its description on the card, its points, and the function."""

    what: str
    points: int
    run: Callable


@dataclass(frozen=True)
class Misconception:
    """A mistake that learners make, as a small wrong implementation.

    says: a part of what a learner who made it is told; no other misconception of the exercise may
    be told the same.
    """

    name: str
    wrong: Callable
    says: str


@dataclass(frozen=True)
class CheckResult:
    """What came of one check. `unfilled`: the function still holds the blank `____`."""

    what: str
    outcome: str
    points: int
    out_of: int
    failure: Failure | None = None
    unfilled: bool = False


@dataclass(frozen=True)
class Grade:
    """What came of all checks of an exercise.

    outcome: passed, failed, raised or not attempted. details: one result a check, in their order.
    printed: what the learner's function printed, shortened. The seed draws the same inputs again.
    """

    outcome: str
    details: Sequence[CheckResult]
    seed: int
    printed: str = ""

    @property
    def points(self) -> int:
        return sum(result.points for result in self.details)

    @property
    def out_of(self) -> int:
        return sum(result.out_of for result in self.details)

    @property
    def failure(self) -> Failure | None:
        """Of the first check that was not passed."""
        return next((result.failure for result in self.details if result.failure), None)


def overall_outcome(details: Sequence[CheckResult]) -> str:
    """passed if all is; not attempted if nothing is and the blank is still there."""
    missed = [result for result in details if result.outcome != PASSED]
    if not missed:
        return PASSED
    if len(missed) == len(details) and any(result.unfilled for result in missed):
        return NOT_ATTEMPTED
    return RAISED if missed[0].outcome == RAISED else FAILED
