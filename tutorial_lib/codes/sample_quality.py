"""Are the drawn images like real ones, and are all kinds of real ones among them? Two numbers.

Around each real image, a point in a feature space, lies a ball that reaches to its k-th nearest
fellow; so with the drawn ones. Then

    precision = share of drawn images inside a ball of a real one      are they good?
    recall    = share of real images inside a ball of a drawn one      is nothing missing?
                                                                [Kynkaanniemi 2019, eqs. 1, 2]

In pixels, a shirt moved by two columns is far from itself: features of a classifier are taken. A
copied training image is perfectly precise: `nearest_neighbors` looks for those. Where this leaves
the paper: any features, and any k.

Reference: Kynkaanniemi et al. 2019, Improved Precision and Recall Metric for Assessing Generative
Models, sec. 2.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tutorial_lib.contracts import Count, checked, filled, finite, within

CHUNK_ROWS = 256  # of the table of distances held at once


class Neighbors(NamedTuple):
    """The nearest of some other points, the nearest first."""

    distances: Float[Tensor, "N k"]
    indices: Int[Tensor, "N k"]


class PrecisionRecall(NamedTuple):
    """Both between 0 and 1: higher is better."""

    precision: float
    recall: float


@checked
def nearest_neighbors(
    points: Float[Tensor, "N D"], others: Float[Tensor, "M D"], *, k: Count = 1
) -> Neighbors:
    """For each point, the k nearest of `others`: itself at distance 0, if it is among them.

    >>> found = nearest_neighbors(torch.tensor([[0.0]]), torch.tensor([[5.0], [-2.0]]))
    >>> found.distances, found.indices
    (tensor([[2.]]), tensor([[1]]))
    """
    _look_at(points=points, others=others)
    if k > len(others):
        raise ValueError(f"there are only {len(others)} others, got k={k}")
    parts = [rows.topk(k, dim=1, largest=False) for rows in _distances(points, others)]
    return Neighbors(torch.cat([p.values for p in parts]), torch.cat([p.indices for p in parts]))


@checked
def ball_radii(features: Float[Tensor, "N D"], *, k: Count = 3) -> Float[Tensor, "N"]:
    """From each point to its k-th nearest fellow, itself not counted."""
    _look_at(features=features)
    if k >= len(features):
        n = len(features)
        wants = f"the k-th nearest fellow of {n} points needs k of at most {n - 1}"
        raise ValueError(f"{wants}, got k={k}")
    return nearest_neighbors(features, features, k=k + 1).distances[:, k]


@checked
def inside_a_ball(
    points: Float[Tensor, "N D"], centers: Float[Tensor, "M D"], radii: Float[Tensor, "M"]
) -> Bool[Tensor, "N"]:
    """Does each point lie in at least one of the balls? On the edge counts as inside."""
    _look_at(points=points, centers=centers)
    within("radii", finite("radii", radii), 0, math.inf)
    return torch.cat([(rows <= radii).any(dim=1) for rows in _distances(points, centers)])


@checked
def precision_and_recall(
    real: Float[Tensor, "N D"], drawn: Float[Tensor, "M D"], *, k: Count = 3
) -> PrecisionRecall:
    """Of features of one network; compare only numbers with the same N, M and k."""
    _look_at(real=real, drawn=drawn)
    good = inside_a_ball(drawn, real, ball_radii(real, k=k))
    covered = inside_a_ball(real, drawn, ball_radii(drawn, k=k))
    return PrecisionRecall(good.double().mean().item(), covered.double().mean().item())


def _distances(points: Tensor, others: Tensor) -> Iterator[Tensor]:
    """The table of distances, some rows at a time; exactly 0 from a point to itself."""
    precision = torch.promote_types(points.dtype, torch.float32)
    others = others.to(precision)
    for rows in points.to(precision).split(CHUNK_ROWS):
        yield torch.cdist(rows, others, compute_mode="donot_use_mm_for_euclid_dist")


def _look_at(**clouds: Tensor) -> None:
    for name, points in clouds.items():
        finite(name, filled(name, points))
