"""Variants of exercise 17.2: another distance, in float32 all the same."""

import math
from collections.abc import Callable
from functools import partial

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch17
from tutorial_lib.exercises.trials import Trial

code_under_autocast = Variants(
    ch17.code_under_autocast,
    returns=(
        "(n,) torch.long: argmin over the codes of {distance}; the lower index where two are "
        "equally near"
    ),
    notes=(
        'The check calls you inside `with torch.autocast("cpu", torch.bfloat16):`, where some '
        "operations are taken in bfloat16 whatever is handed to them."
    ),
    by_hand="the vector [0, 0] with the codes {outcome}",
    around=partial(torch.autocast, "cpu", torch.bfloat16),  # as in a training step
    examples=(
        "code_under_autocast(torch.zeros(1, 2), torch.tensor([[2.0, 2.0], [3.0, 0.0]]))",
        "code_under_autocast(torch.zeros(1, 2), torch.tensor([[4.0, 0.0], [3.0, 3.0]]))",
    ),
)


def _by_norm(p: float, vectors, codebook):
    with torch.autocast(vectors.device.type, enabled=False):
        differences = vectors.double()[:, None] - codebook.double()
        return torch.linalg.vector_norm(differences, ord=p, dim=2).argmin(dim=1)


def _sum(differences):
    return differences.sum(dim=2)


def _largest(differences):
    return differences.amax(dim=2)


def _twist(says: str, distance: str, of: Callable, p: float, by_hand: str):
    @code_under_autocast.twist(says, distance=distance, outcome=by_hand)
    def right(vectors, codebook):
        return of((vectors.float()[:, None] - codebook).abs()).argmin(dim=1)

    code_under_autocast.right(partial(_by_norm, p))


_twist(
    "Near is meant in the city-block distance: the sum of |differences|, not of their squares.",
    "the sum over D of |vector - code|",
    _sum,
    1.0,
    (
        "[[2, 2], [3, 0], [0, 3]] gives 1: the distances are 4, 3 and 3 (the squares would give "
        "8, 9 and 9)"
    ),
)
_twist(
    "Near is meant in the largest coordinate: the distance is the largest of |differences|.",
    "the largest of |vector - code| over D",
    _largest,
    math.inf,
    (
        "[[4, 0], [3, 3], [3, 1.5]] gives 1: the distances "
        "are 4, 3 and 3 (the squares would give 16, 18 and 11.25)"
    ),
)


def _crowded(dim: int, rng: torch.Generator, dtype: torch.dtype = torch.bfloat16) -> list[Trial]:
    """A cluster of codes that bfloat16 can hardly tell apart, and vectors that lie beside it.

    Multiples of 1/128, so that float32 is exact in any order of the sums.
    """
    center = torch.randint(5, 7, (1, dim), generator=rng) * 128.0
    codebook = center + torch.randint(-28, 29, (64, dim), generator=rng)
    side = torch.randint(2, (300, dim), generator=rng) * 2 - 1
    vectors = center + side * torch.randint(32, 64, (300, dim), generator=rng) * 4
    return [Trial(((vectors / 128).to(dtype), codebook / 128))]


@code_under_autocast.trials("codes far apart")
def apart(rng):
    """In quarters, far from each other: no rounding matters."""
    codebook = torch.randint(-12, 13, (6, 3), generator=rng) / 4
    vectors = torch.randint(-12, 13, (60, 3), generator=rng) / 4
    return [Trial((vectors.bfloat16(), codebook))]


code_under_autocast.trials("codes that bfloat16 can hardly tell apart", points=2)(
    lambda rng: _crowded(4, rng)
)
code_under_autocast.trials("the same with vectors in float32")(
    lambda rng: _crowded(3, rng, torch.float32)
)
