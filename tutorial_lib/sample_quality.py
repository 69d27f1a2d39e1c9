"""Are the drawn images like real ones, and are all kinds of real ones among them? Two numbers.

The real images, as points in a feature space, are taken to fill balls: around each of them one that
reaches to its k-th nearest fellow. So do the drawn ones. Then

    precision = share of drawn images inside a ball of a real one      are they good?
    recall    = share of real images inside a ball of a drawn one      is nothing missing?
                                                                [Kynkaanniemi 2019, eqs. 1, 2]

The space decides what "near" means: in pixels, a shirt moved by two columns is far from itself; the
features of a classifier are taken instead. Neither number says anything about a copied training
image, which is perfectly precise: `nearest_neighbors` looks for those.

Distances are computed without the shortcut ||a||^2 - 2ab + ||b||^2, which rounds, so that an image
is at distance 0 from itself. Where this leaves the paper: any features, and any k.

Reference: Kynkaanniemi et al. 2019, Improved Precision and Recall Metric for Assessing Generative
Models, sec. 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tutorial_lib.validation import require_float, require_int, require_shape, require_tensor

CHUNK_ROWS = 256  # of the table of distances held at once


class Neighbors(NamedTuple):
    """The nearest of some other points, the nearest first."""

    distances: Float[Tensor, "N k"]
    indices: Int[Tensor, "N k"]


class PrecisionRecall(NamedTuple):
    """Both between 0 and 1: higher is better."""

    precision: float
    recall: float


def nearest_neighbors(
    points: Float[Tensor, "N D"], others: Float[Tensor, "M D"], *, k: int = 1
) -> Neighbors:
    """For each point, the k nearest of `others` by Euclidean distance.

    A point that is itself among the others finds itself, at distance 0.
    """
    _require_two_sets("points", points, "others", others)
    if require_int("k", k, at_least=1) > len(others):
        raise ValueError(f"there are only {len(others)} others, got k={k}")
    parts = [rows.topk(k, dim=1, largest=False) for rows in _distances(points, others)]
    return Neighbors(torch.cat([p.values for p in parts]), torch.cat([p.indices for p in parts]))


def ball_radii(features: Float[Tensor, "N D"], *, k: int = 3) -> Float[Tensor, "N"]:
    """From each point to its k-th nearest fellow, itself not counted."""
    if require_int("k", k, at_least=1) >= len(_require_points("features", features)):
        raise ValueError(
            f"the k-th nearest fellow of {len(features)} points needs k of at most "
            f"{len(features) - 1}, got k={k}"
        )
    return nearest_neighbors(features, features, k=k + 1).distances[:, k]


def inside_a_ball(
    points: Float[Tensor, "N D"], centers: Float[Tensor, "M D"], radii: Float[Tensor, "M"]
) -> Bool[Tensor, "N"]:
    """Does each point lie in at least one of the balls? On the edge counts as inside."""
    _require_two_sets("points", points, "centers", centers)
    require_float("radii", require_tensor("radii", radii, like=centers))
    require_shape("radii", radii, (len(centers),))
    if not torch.isfinite(radii).all() or (radii < 0).any():
        low, high = radii.min().item(), radii.max().item()
        raise ValueError(f"radii must be finite and at least 0, got values {low:.6g} .. {high:.6g}")
    covered = [(rows <= radii).any(dim=1) for rows in _distances(points, centers)]
    return torch.cat(covered)


def precision_and_recall(
    real: Float[Tensor, "N D"], drawn: Float[Tensor, "M D"], *, k: int = 3
) -> PrecisionRecall:
    """Precision and recall of drawn against real images, given as features of one network.

    More points make smaller balls: compare only numbers with the same N, M and k.
    """
    _require_two_sets("real", real, "drawn", drawn)
    good = inside_a_ball(drawn, real, ball_radii(real, k=k))
    covered = inside_a_ball(real, drawn, ball_radii(drawn, k=k))
    return PrecisionRecall(good.double().mean().item(), covered.double().mean().item())


def _distances(points: Tensor, others: Tensor) -> Iterator[Tensor]:
    """The table of distances in the finer of both precisions, some rows at a time: (rows, M)."""
    finer = torch.promote_types(torch.promote_types(points.dtype, others.dtype), torch.float32)
    others = others.to(finer)
    for rows in points.to(finer).split(CHUNK_ROWS):
        yield torch.cdist(rows, others, compute_mode="donot_use_mm_for_euclid_dist")


def _require_points(name: str, points: Tensor) -> Tensor:
    require_shape(name, require_float(name, points), ("points", "features"))
    if not points.numel():
        raise ValueError(f"{name} must hold points and features, got shape {tuple(points.shape)}")
    if not torch.isfinite(points).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return points


def _require_two_sets(name_a: str, a: Tensor, name_b: str, b: Tensor) -> None:
    require_tensor(name_b, b, like=require_tensor(name_a, a))
    for name, points in ((name_a, a), (name_b, b)):
        _require_points(name, points)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{name_a} {tuple(a.shape)} and {name_b} {tuple(b.shape)} must have as many features"
        )
