"""Variants of exercise 10.1: another distance, or the runner-up."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.trials import Trial

nearest_code = Variants(
    ch10.nearest_code,
    asked="The number of a code for every position.",
    codebook="(K, D), one code a row; K is at least 2",
    examples=(
        "nearest_code(torch.zeros(1, 2), torch.tensor([[3.0, 0.0], [2.0, 2.0]]))",
        "nearest_code(torch.zeros(1, 2), torch.tensor([[4.0, 0.0], [3.0, 3.0]]))",
        "nearest_code(torch.tensor([[[1.0, 8.0]]]), torch.tensor([[0.0], [4.0], [9.0]]))",
    ),
)


def _city_block(differences):
    return differences.abs().sum(dim=-1)


def _largest_coordinate(differences):
    return differences.abs().amax(dim=-1)


def _euclidean(differences):
    return differences.square().sum(dim=-1)


def _by_cdist(p: float, z_e, codebook):
    vectors = z_e.movedim(1, -1)
    nearest = torch.cdist(vectors.flatten(0, -2), codebook, p=p).argmin(dim=1)
    return nearest.reshape(vectors.shape[:-1])


def _second_by_topk(z_e, codebook):
    vectors = z_e.movedim(1, -1)
    distances = (vectors.reshape(-1, 1, len(z_e[0])) - codebook).norm(dim=2)
    return distances.topk(2, largest=False).indices[:, 1].view(vectors.shape[:-1])


def _twist(says: str, distance: Callable, rank: int, again: Callable, by_hand: str):
    """The code that is number `rank`, from 0, in the order of its distance."""

    @nearest_code.twist(says, by_hand=by_hand)
    def right(z_e, codebook):
        differences = z_e.movedim(1, -1).unsqueeze(-2) - codebook
        return distance(differences).argsort(dim=-1)[..., rank]

    nearest_code.right(again)


_twist(
    "Near is meant in the city-block distance: the sum of |differences|, not of their squares.",
    _city_block,
    0,
    partial(_by_cdist, 1.0),
    (
        "codebook = [[3, 0], [2, 2]] and the vector (0, 0), z_e = [[0, 0]]: the distances are 3 "
        "and 4, so the result is [0] (the squares would give 9 and 8)"
    ),
)
_twist(
    "Near is meant in the largest coordinate: the distance is the largest of |differences|.",
    _largest_coordinate,
    0,
    partial(_by_cdist, math.inf),
    (
        "codebook = [[4, 0], [3, 3]] and the vector (0, 0), z_e = [[0, 0]]: the distances are 4 "
        "and 3, so the result is [1] (the squares would give 16 and 18)"
    ),
)
_twist(
    "Asked is the runner-up: the code with the second smallest squared distance.",
    _euclidean,
    1,
    _second_by_topk,
    (
        "codebook = [[0], [4], [9]] and the vector (1), z_e = [[1]]: the squared distances are 1, "
        "9 and 64, so the result is [1]"
    ),
)


def _is_clear(vectors: Tensor, codebook: Tensor) -> Tensor:
    """No two of the three nearest codes are about equally near, whatever the distance."""
    clear = torch.ones(len(vectors), dtype=torch.bool)
    for distance in (_city_block, _largest_coordinate, _euclidean):
        nearest = distance(vectors[:, None] - codebook).sort(dim=1).values[:, :3]
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
