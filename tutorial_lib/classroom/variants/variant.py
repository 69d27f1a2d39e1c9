"""A variant: a chapter's exercise with a twist that the library's own function does not answer.

It keeps number, name, minutes and points of its exercise. What it asks for differs, and the card
says how. Whoever hands in the chapter's answer gets no point and is told which twist is missing.

A module declares the variants of one exercise from the top down: what all have, then each twist
beside its right answers, then what is checked.

    gate = Variants(ch04.gate, examples=["gate(torch.ones(1, 2, 1, 1))"])

    @gate.twist("The switches come first.", features="(B, 2C, H, W): C switches, then C values")
    def switches_first(features): ...

    @gate.right                       another right answer to the twist above
    def with_exp(features): ...

    gate.trials("one and two values")(lambda rng: [Trial((features,)), ...])
"""

from __future__ import annotations

import contextlib
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch

from tutorial_lib.classroom.variants.stubs import varied_stub
from tutorial_lib.exercises.comparing import agree
from tutorial_lib.exercises.definition import Check, Failed, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, read_as_of

MOST_DRAWS = 200
OTHER_CARD = "This answers another card, whose twist is:"
NO_TWIST = "The twist is missing, and even the chapter's question is answered with a mistake."


@dataclass(frozen=True)
class Variant:
    """exercise: what is graded; twist: one or two sentences for the card; examples: expressions in
    the exercise's name whose values, under the right answer, are shown to the students."""

    exercise: Exercise
    twist: str
    examples: Sequence[str]


@dataclass(eq=False)
class Twist:
    """What is asked in place of the chapter's question: the sentence for the card, the answer, what
    the stub says of it, and the same answer written differently."""

    says: str
    right: Callable
    words: Mapping[str, object]
    alternatives: list[Callable] = field(default_factory=list)


class Variants:
    """All variants of one exercise, of which `draw` draws one.

    examples  expressions in the exercise's name; or a function of the Twist that returns them
    around    makes the context in which everything that is checked runs
    usual     words that stand in the stub unless a twist has its own (see `stubs`)
    """

    def __init__(
        self,
        exercise: Exercise,
        *,
        examples: Sequence[str] | Callable[[Twist], Sequence[str]],
        around: Callable[[], AbstractContextManager] = nullcontext,
        **usual: object,
    ):
        self.exercise, self.examples = exercise, examples
        self.around, self.usual = around, usual
        self.twists: list[Twist] = []
        self._checks: list[tuple[str, int, Callable]] = []
        self._read: Callable | None = None

    def twist(self, says: str, **words: object) -> Callable:
        """Below it: the right answer. A word that is a function is given the answer."""

        def declare(right):
            filled = {n: word(right) if callable(word) else word for n, word in words.items()}
            self.twists.append(Twist(says, right, {**self.usual, **filled}))
            return right

        return declare

    def right(self, function: Callable) -> Callable:
        """Another right answer to the twist above."""
        self.twists[-1].alternatives.append(function)
        return function

    def trials(self, what: str, points: int = 1) -> Callable:
        """Below it: draw(rng), or draw(rng, twist) -> the Trials on which all must agree.

        It is repeated until the chapter's own answer differs on some trial.
        """

        def declare(draw):
            def run(candidate, rng, twist, varied):
                return varied.compare(candidate, self.telling(draw, rng, twist))

            self._checks.append((what, points, run))
            return draw

        return declare

    def judge(self, what: str, points: int = 1) -> Callable:
        """Below it: run(candidate, rng, twist) -> None or Failure, for what no comparison shows."""

        def declare(run):
            self._checks.append((what, points, lambda c, rng, twist, varied: run(c, rng, twist)))
            return run

        return declare

    def reads(self, read: Callable) -> Callable:
        """read(result, trial) -> what is compared, where it is not the plain result."""
        self._read = read
        return read

    def draw(self, rng: random.Random) -> Variant:
        """One of the twists."""
        twist, plain = rng.choice(self.twists), self.exercise
        varied = Exercise(
            plain.number,
            f"{plain.title}, with a twist",
            goal=plain.goal,
            minutes=plain.minutes,
            reference=twist.right,
            stub=varied_stub(plain.stub, twist.says, twist.words),
            hints=(twist.says,),
            when_changed=plain.when_changed,
            time_limit_seconds=plain.time_limit_seconds,
            otherwise="The result is not the one that the card asks for.",
            misconceptions=self.mistakes(twist),
            alternatives=twist.alternatives,
        )
        if self._read:
            varied.reads(self._read)
        for what, points, run in self._checks:
            run = partial(self._surrounded, run, twist=twist, varied=varied)
            varied.checks.append(Check(what, points, run))
        examples = self.examples(twist) if callable(self.examples) else self.examples
        return Variant(varied, twist.says, tuple(examples))

    def mistakes(self, twist: Twist) -> list[Misconception]:
        """The chapter's answer, the answers to other cards, the chapter's mistakes."""
        says = f"This is the answer of the chapter, and the twist is missing: {twist.says}"
        own = Misconception("the chapter's own answer", self.exercise.reference, says)
        cards = [
            Misconception(f"another card: {other.says}", other.right, f"{OTHER_CARD} {other.says}")
            for other in self.twists
            if other is not twist
        ]
        without = [
            Misconception(each.name, each.wrong, f"{NO_TWIST} {each.says}")
            for each in self.exercise.misconceptions
        ]
        return [own, *cards, *without]

    def telling(self, draw: Callable, rng: torch.Generator, twist: Twist) -> list[Trial]:
        """Trials, drawn until the chapter's own answer differs on some.

        Raises RuntimeError if it never does.
        """
        given = (rng, twist)[: len(inspect.signature(draw).parameters)]
        read = self._read or partial(read_as_of, twist.right)
        both = self.exercise.reference, twist.right
        for _ in range(MOST_DRAWS):
            trials = draw(*given)
            with contextlib.suppress(Failed):  # an own answer of another shape shows it, too
                if all(agree(*(read(t.call(each), t) for each in both)) for t in trials):
                    continue
            return trials
        raise RuntimeError(f"{MOST_DRAWS} draws of trials, and none of them shows the twist")

    def _surrounded(self, run: Callable, candidate, rng: torch.Generator, **options):
        with self.around():
            return run(candidate, rng, **options)
