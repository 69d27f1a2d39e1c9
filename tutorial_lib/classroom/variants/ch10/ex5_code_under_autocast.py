"""Variants of exercise 10.5: another distance, in float32 all the same."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial

import torch

from tutorial_lib.classroom.variants.twists import Twist, draw_twist
from tutorial_lib.classroom.variants.variant import Variant
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.definition import Check, Failure
from tutorial_lib.exercises.trials import Trial

STUB = '''\
def code_under_autocast(vectors: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """The nearest code of every vector, in float32, although the call happens under autocast.

    {twist}

    vectors   (n, D) from the encoder: torch.bfloat16, or torch.float32
    codebook  (K, D) torch.float32
    returns   (n,) torch.long: argmin over the codes of {distance};
              the lower index where two are equally near
    The check calls you inside `with torch.autocast("cpu", torch.bfloat16):`, where some operations
    are taken in bfloat16 whatever is handed to them.

    By hand: the vector [0, 0] with the codes {by_hand}
    """
    ____
'''


def _by_norm(p: float, vectors, codebook):
    with torch.autocast(vectors.device.type, enabled=False):
        differences = vectors.double()[:, None] - codebook.double()
        return torch.linalg.vector_norm(differences, ord=p, dim=2).argmin(dim=1)


def _twist(says: str, distance: str, of: Callable, p: float, by_hand: str) -> Twist:
    def right(vectors, codebook):
        return of((vectors.float()[:, None] - codebook).abs()).argmin(dim=1)

    words = {"distance": distance, "by_hand": by_hand}
    return Twist(says, right, (partial(_by_norm, p),), words)


def _sum(differences):
    return differences.sum(dim=2)


def _largest(differences):
    return differences.amax(dim=2)


TWISTS = (
    _twist(
        "Near is meant in the city-block distance: the sum of |differences|, not of their squares.",
        "the sum over D of |vector - code|",
        _sum,
        1.0,
        "[[2, 2], [3, 0], [0, 3]] gives 1: the distances are\n             4, 3 and 3 (the "
        "squares would give 8, 9 and 9)",
    ),
    _twist(
        "Near is meant in the largest coordinate: the distance is the largest of |differences|.",
        "the largest of |vector - code| over D",
        _largest,
        math.inf,
        "[[4, 0], [3, 3], [3, 1.5]] gives 1: the distances\n             are 4, 3 and 3 (the "
        "squares would give 16, 18 and 11.25)",
    ),
)


def _apart(rng: torch.Generator) -> list[Trial]:
    """In quarters, far from each other: no rounding matters."""
    codebook = torch.randint(-12, 13, (6, 3), generator=rng) / 4
    vectors = torch.randint(-12, 13, (60, 3), generator=rng) / 4
    return [Trial((vectors.bfloat16(), codebook))]


def _crowded(dim: int, dtype: torch.dtype, rng: torch.Generator) -> list[Trial]:
    """A cluster of codes that bfloat16 can hardly tell apart, and vectors that lie beside it.

    Multiples of 1/128, so that float32 is exact in any order of the sums.
    """
    center = torch.randint(5, 7, (1, dim), generator=rng) * 128.0
    codebook = center + torch.randint(-28, 29, (64, dim), generator=rng)
    side = torch.randint(2, (300, dim), generator=rng) * 2 - 1
    vectors = center + side * torch.randint(32, 64, (300, dim), generator=rng) * 4
    return [Trial(((vectors / 128).to(dtype), codebook / 128))]


def _under_autocast(run: Callable, candidate, rng: torch.Generator) -> Failure | None:
    """Everything runs as in a training step."""
    with torch.autocast("cpu", torch.bfloat16):
        return run(candidate, rng)


def code_under_autocast(rng: random.Random) -> Variant:
    """Another distance."""
    variant = draw_twist(
        rng,
        ch10.code_under_autocast,
        TWISTS,
        stub=STUB,
        checks=(
            ("codes far apart", 1, _apart),
            (
                "codes that bfloat16 can hardly tell apart",
                2,
                partial(_crowded, 4, torch.bfloat16),
            ),
            ("the same with vectors in float32", 1, partial(_crowded, 3, torch.float32)),
        ),
        examples=(
            "code_under_autocast(torch.zeros(1, 2), torch.tensor([[2.0, 2.0], [3.0, 0.0]]))",
            "code_under_autocast(torch.zeros(1, 2), torch.tensor([[4.0, 0.0], [3.0, 3.0]]))",
        ),
    )
    variant.exercise.checks = [
        Check(each.what, each.points, partial(_under_autocast, each.run))
        for each in variant.exercise.checks
    ]
    return variant
