"""Checks of values and gradients, which a comparison of results does not show."""

from collections.abc import Callable, Sequence

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises.ch10.probes import compare_parts
from tutorial_lib.exercises.comparing import first_difference, number


def judge_parts(
    variants: Variants,
    what: str,
    probe: Callable,
    draw: Callable,
    *,
    names: Sequence[str],
    parts: Sequence[int],
) -> None:
    """Adds a check, worth a point, of these parts of probe(function, ...).

    names   of all parts of the probe; draw(rng) -> the list of Trials
    """

    def evidence(trial, got, want):
        for name, mine, right in zip(names, got, want, strict=True):
            place = first_difference(mine.double(), right.double())
            if place is not None:
                where = f"{name}{list(place)}" if place else name
                return f"{where}: expected {number(right[place])}, got {number(mine[place])}."
        return ""

    @variants.judge(what)
    def run(candidate, rng, twist):
        return compare_parts(
            candidate,
            probe,
            twist.right,
            draw(rng),
            parts=parts,
            evidence=evidence,
            misconceptions=variants.mistakes(twist),
            otherwise="A value or a gradient is not the one that the card asks for.",
        )
