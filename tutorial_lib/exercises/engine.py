"""An exercise in a notebook: card, check, hint, solution; and the grade behind them.

    ch02.causal_mask.card()
    def causal_mask(kernel_size, *, include_center): ____
    causal_mask = ch02.causal_mask.check(causal_mask)

`check` raises nothing (the stop button apart), and returns the learner's function if it passed, the
library's otherwise. So the rest of a chapter always runs, and runs on the learner's own code as
soon as that works: whatever kind of right answer it is, its results come as the kinds that the
stub promises (see `kinds`).

A module declares its exercise from the top down: the card, what is checked, then each mistake
beside the sentence for whoever makes it, and each other right answer.

    kl = Exercise("7.2", "What a Gaussian code costs", reference=bounds.gaussian_kl, stub=..., ...)

    kl.trials("one axis, several widths")(lambda rng: [Trial((mean, log_variance)), ...])
                                    draws the calls on which a candidate must agree

    @kl.mistakes
    class Mistakes:
        def averaged(mean, log_variance):
            '''The axes are averaged. Independent axes add up.'''
            return ...

    @kl.right
    def by_distributions(mean, log_variance): ...
"""

from __future__ import annotations

import ast
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

import torch
from torch import Tensor

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
from tutorial_lib.exercises.kinds import as_written, with_promised_kinds
from tutorial_lib.exercises.reports import show
from tutorial_lib.exercises.running import Candidate
from tutorial_lib.exercises.surroundings import seed_everything, undisturbed
from tutorial_lib.exercises.trials import (
    Trial,
    compare,
    first_difference_told,
    gradient_lost,
    read_as_of,
)
from tutorial_lib.exercises.untouched import is_untouched


@dataclass(eq=False)
class Exercise:
    """One exercise.

    number          "2.1": the chapter, then the place in it
    goal            one line
    reference       the library's own object
    stub            source of the cell that a learner starts from: signature, worked example, `____`
    answer          source of the solution: what a learner can paste into the cell, to pass there
    hints           idea, API, common symptom, in this order
    when_changed    argument name -> what to say to a function that changes that argument
    differentiated  the chapter differentiates the results, so they must keep their graph
    otherwise       what is said where no mistake of the list explains the results
    advice          what is added where the result has the wrong shape (or see `advises`)
    parts           names of the results, "(levels, back)", where there are several

    The rest is declared below it:

    checks          what is looked at, each with its points (`trials`, `judge`)
    misconceptions  wrong implementations that must be recognised (`wrong`)
    alternatives    correct implementations that look different; they must pass (`right`)
    """

    number: str
    title: str
    _: KW_ONLY
    goal: str
    minutes: int
    reference: Callable
    stub: str
    hints: Sequence[str]
    answer: str = ""
    when_changed: Mapping[str, str] = field(default_factory=dict)
    differentiated: bool = False
    time_limit_seconds: float = 10.0
    otherwise: str = "The result is not the expected one."
    advice: str | Callable = ""
    parts: str = ""
    checks: list[Check] = field(default_factory=list)
    misconceptions: list[Misconception] = field(default_factory=list)
    alternatives: list[Callable] = field(default_factory=list)
    name: str = ""  # of the function, as the stub has it
    _stands_in: bool = field(default=False, init=False, repr=False)

    def __post_init__(self):
        self.name = self.name or ast.parse(self.stub).body[-1].name
        self._read, self._evidence, self._further = None, first_difference_told, None
        self._terms = None

    # ------------------------------------------------------------------------- the declaration

    def trials(self, what: str, points: int = 1) -> Callable:
        """Below it: draw(rng) -> the Trials on which a candidate must agree with the reference.

        A pair of lists holds further trials in its second, which tell the mistakes apart.
        """

        def declare(draw):
            def run(candidate, rng):
                drawn = draw(rng)
                trials, further = drawn if isinstance(drawn, tuple) else (drawn, [])
                failure = self.compare(candidate, trials, further or self._more(rng))
                if failure or not self.differentiated:
                    return failure
                return gradient_lost(candidate, self.reference, trials[0])

            self.checks.append(Check(what, points, run))
            return draw

        return declare

    def judge(self, what: str, points: int = 1) -> Callable:
        """Below it: run(candidate, rng) -> None or Failure, for what no comparison shows."""

        def declare(run):
            self.checks.append(Check(what, points, run))
            return run

        return declare

    def wrong(self, says: str) -> Callable:
        """Below it: a wrong implementation, named as the mistake; `says` is what it is told."""

        def declare(function):
            name = function.__name__.replace("_", " ")
            self.misconceptions.append(Misconception(name, function, says))
            return function

        return declare

    def mistakes(self, group: type) -> type:
        """Below it: a class of wrong implementations; the docstring is what each is told."""
        for name, function in vars(group).items():
            if not name.startswith("__"):
                self.wrong(" ".join(function.__doc__.split()))(function)
        return group

    def right(self, function: Callable) -> Callable:
        """Another right implementation."""
        self.alternatives.append(function)
        return function

    def reads(self, read: Callable) -> Callable:
        """read(result, trial) -> the tensor to be compared; Failed for a wrong kind of result.

        Needed only where the kind and shape of the reference's result do not say it all.
        """
        self._read = read
        return read

    def read(self, value: object, trial: Trial) -> Tensor:
        """The result as the tensor that is compared."""
        if self._read:
            return self._read(value, trial)
        options = {"advice": self.advice, "parts": self.parts}
        return read_as_of(self.reference, value, trial, **options)

    def advises(self, tell: Callable) -> Callable:
        """tell(shape, trial) -> what is added where a result has this wrong shape."""
        self.advice = tell
        return tell

    def evidence(self, tell: Callable) -> Callable:
        """tell(trial, got, want) -> the first difference, in words and numbers."""
        self._evidence = tell
        return tell

    def also_try(self, draw: Callable) -> Callable:
        """draw(rng) -> trials run only after a difference, to tell the mistakes apart."""
        self._further = draw
        return draw

    def terms(self, name: Callable) -> Callable:
        """name(*args) -> the terms that a wrong result may be a sum of (see `formulas`)."""
        self._terms = name
        return name

    def compare(
        self, candidate: Callable, trials: Sequence[Trial], further: Sequence[Trial] = (), **options
    ) -> Failure | None:
        """None if the candidate agrees with the reference on all trials, else what is told."""
        given = {"misconceptions": self.misconceptions, "otherwise": self.otherwise, **options}
        parts = {"read": self.read, "evidence": self._evidence, "diagnose_on": further}
        parts["terms"] = self._terms
        return compare(candidate, self.reference, trials, **parts, **given)

    def _more(self, rng) -> Sequence[Trial]:
        return self._further(rng) if self._further else ()

    # ---------------------------------------------------------------------------- in a notebook

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
        """Show an answer that can be pasted into the cell, and where the library has its own."""
        show(pages.solution(self))

    def check(self, candidate: object = None, *, seed: int | None = None) -> object:
        """Check, show what came of it, keep the points. Returns the candidate if it passed.

        Its results are then of the kinds that the stub promises. Otherwise the library's object
        comes back. A seed draws the same inputs again.
        """
        candidate = as_written(candidate)
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
        return with_promised_kinds(candidate, self.reference) if passed else self.reference

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
                differentiated=self.differentiated,
            )
        with undisturbed():
            details = tuple(_run(c, candidate, seed, i) for i, c in enumerate(self.checks))
        return Grade(overall_outcome(details), details, seed, candidate.printed.summary())

    def missed(self, outcome: str, failure: Failure | None, seed: int) -> Grade:
        """The grade of something that can't be run at all: no point, and why."""
        missed = FAILED if outcome == FAILED else NOT_RUN
        details = tuple(CheckResult(c.what, missed, 0, c.points, failure) for c in self.checks)
        return Grade(outcome, details, seed)


def says(sentence: str) -> Callable:
    """Above a mistake whose sentence stands elsewhere too, or is put together."""

    def declare(function):
        function.__doc__ = sentence
        return function

    return declare


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
