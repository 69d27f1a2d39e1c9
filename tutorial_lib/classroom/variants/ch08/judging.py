"""Checks of values and gradients, which a comparison of results does not show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tutorial_lib.classroom.variants.twists import Twist
from tutorial_lib.exercises.ch08.probes import compare_parts
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Check, Misconception
from tutorial_lib.exercises.engine import Exercise


def probe_check(
    what: str,
    exercise: Exercise,
    probe: Callable,
    draw: Callable,
    *,
    names: Sequence[str],
    parts: Sequence[int],
) -> Callable[[Twist], Check]:
    """For `draw_twist`: twist -> a Check, worth a point, of these parts of probe(function, ...).

    names   of all parts of the probe; draw(rng) -> the list of Trials
    """

    def evidence(trial, got, want):
        for name, mine, right in zip(names, got, want, strict=True):
            place = first_difference(mine.double(), right.double())
            if place is not None:
                where = f"{name}{list(place)}" if place else name
                return f"{where}: expected {number(right[place])}, got {number(mine[place])}."
        return ""

    def make(twist: Twist) -> Check:
        own = Misconception(
            "the chapter's own answer",
            exercise.reference,
            f"This is the answer of the chapter, and the twist is missing: {twist.says}",
        )

        def run(candidate, rng):
            return compare_parts(
                candidate,
                probe,
                twist.right,
                draw(rng),
                parts=parts,
                evidence=evidence,
                misconceptions=(own,),
                otherwise="A value or a gradient is not the one that the card asks for.",
            )

        return Check(what, 1, run)

    return make
