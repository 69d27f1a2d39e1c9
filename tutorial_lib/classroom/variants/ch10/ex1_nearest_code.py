"""Variants of exercise 10.1: another distance, or the runner-up."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.trials import Trial

nearest_code = Variants(
    ch10.nearest_code,
    asked="The number of a code for every position.",
    codebook="(K, D), one code a row; K is at least 3",
    examples=tuple(
        f"nearest_code(torch.zeros(1, 2), torch.tensor({codes}))"
        for codes in (
            [[3.0, 0.0], [2.0, 2.0], [9.0, 9.0]],
            [[7.0, 0.0], [5.0, 4.0], [1.0, 1.0], [6.0, 6.0]],
            [[4.0, 0.0], [3.0, 3.0], [6.0, 7.0]],
        )
    ),
)


def _city_block(differences):
    return differences.abs().sum(dim=-1)


def _largest_coordinate(differences):
    return differences.abs().amax(dim=-1)


def _euclidean(differences):
    return differences.square().sum(dim=-1)


DISTANCES = {  # distance, of which norm -> what is said of it
    (_euclidean, 2.0): "",
    (_city_block, 1.0): "Near is meant in the city-block distance: the sum of |differences|.",
    (_largest_coordinate, math.inf): "The distance is the largest of |differences|.",
}
RANKS = {
    0: "",
    1: "Asked is the runner-up: the code with the second smallest distance.",
    2: "Asked is the third: two codes are nearer than the one asked for.",
    -1: "Asked is the code that is farthest away.",
}
VECTOR, CODES = torch.zeros(1, 2), torch.tensor([[7.0, 0.0], [5.0, 4.0], [1.0, 1.0], [6.0, 6.0]])


def _asked(distance: Callable, norm: float, rank: int, says: str):
    """The code that is number `rank`, from 0, in the order of its distance."""

    def by_hand(right):
        far = ", ".join(f"{each:g}" for each in distance(VECTOR - CODES).tolist())
        what = "squared distances" if norm == 2 else "distances"
        return (
            f"codebook = {CODES.long().tolist()} and the vector (0, 0), z_e = [[0, 0]]: the {what} "
            f"are {far}, so the result is {right(VECTOR, CODES).tolist()}"
        )

    @nearest_code.twist(says, by_hand=by_hand)
    def right(z_e, codebook):
        differences = z_e.movedim(1, -1).unsqueeze(-2) - codebook
        return distance(differences).argsort(dim=-1)[..., rank]

    @nearest_code.right
    def by_cdist(z_e, codebook):
        vectors = z_e.movedim(1, -1)
        distances = torch.cdist(vectors.flatten(0, -2), codebook, p=norm)
        nearest = distances.topk(rank % len(codebook) + 1, largest=False).indices[:, -1]
        return nearest.reshape(vectors.shape[:-1])


for (_distance, _norm), _near in DISTANCES.items():
    for _rank, _which in RANKS.items():
        if _near or _which:
            _asked(_distance, _norm, _rank, f"{_near} {_which}".strip())


def _is_clear(vectors: Tensor, codebook: Tensor) -> Tensor:
    """No two codes are about equally near, whatever the distance."""
    clear = torch.ones(len(vectors), dtype=torch.bool)
    for distance in (_city_block, _largest_coordinate, _euclidean):
        nearest = distance(vectors[:, None] - codebook).sort(dim=1).values
        clear &= (nearest.diff(dim=1) > 1e-3).all(dim=1)
    return clear


def _trial(batch: int, dim: int, positions: tuple[int, ...], n_codes: int, rng) -> Trial:
    codebook = torch.randn(n_codes, dim, generator=rng)
    pool = torch.empty(0, dim)
    n = batch * math.prod(positions)
    while len(pool) < n:
        drawn = 1.2 * torch.randn(2 * n, dim, generator=rng)
        pool = torch.cat([pool, drawn[_is_clear(drawn, codebook)]])
    return Trial((pool[:n].view(batch, *positions, dim).movedim(-1, 1).contiguous(), codebook))


nearest_code.trials("single vectors")(lambda rng: [_trial(60, 3, (), 4, rng)])
nearest_code.trials("lines and images of vectors")(
    lambda rng: [_trial(2, 3, (12,), 5, rng), _trial(2, 4, (5, 6), 7, rng)]
)
nearest_code.trials("clips: three axes of positions")(lambda rng: [_trial(2, 3, (3, 4, 5), 6, rng)])
