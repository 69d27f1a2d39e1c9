"""Solutions of chapter 15 that the library holds inside something larger, or nowhere.

`mu_law_round_trip` is `data.mu_law` for any number of levels, `latent_bit_rate` is what
`VQVAE.latent_shape` and `bounds.latent_rate_nats` say, `may_read` is the order of `CodePrior`.
`mutual_information_bits` stands for itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def mu_law_round_trip(pressure: Tensor, mu: int) -> tuple[Tensor, Tensor]:
    """Levels 0 .. mu of pressures in [-1, 1], and the pressures that these levels stand for."""
    squeezed = pressure.sign() * torch.log1p(mu * pressure.abs()) / math.log1p(mu)
    levels = ((squeezed + 1) / 2 * mu + 0.5).floor().long()
    squeezed = levels.to(pressure.dtype) / mu * 2 - 1
    back = squeezed.sign() * torch.expm1(squeezed.abs() * math.log1p(mu)) / mu
    return levels, back


def latent_bit_rate(
    shape: tuple[int, ...], strides: list[tuple[int, ...]], n_codes: int, per_second: int
) -> tuple[tuple[int, ...], float]:
    """The shape of the field of codes, and what naming all its codes costs in bits a second."""
    latent_shape = tuple(
        side // math.prod(along)
        for side, along in zip(shape, zip(*strides, strict=True), strict=True)
    )
    seconds = shape[0] / per_second
    return latent_shape, math.prod(latent_shape) * math.log2(n_codes) / seconds


def mutual_information_bits(codes: Tensor, labels: Tensor) -> Tensor:
    """I(code; label) = sum p(k, y) log2 p(k, y) / (p(k) p(y)), over all positions of all signals.

    A pair that never occurs adds nothing, since t log t goes to 0 with t.
    """
    every_label = labels.view(-1, *[1] * (codes.ndim - 1)).expand_as(codes)
    pairs = codes * (labels.max() + 1) + every_label
    counts = torch.bincount(pairs.flatten(), minlength=int((codes.max() + 1) * (labels.max() + 1)))
    joint = counts.view(-1, int(labels.max()) + 1).double() / counts.sum()
    apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    seen = joint > 0
    return (joint[seen] * (joint[seen] / apart[seen]).log2()).sum()


def may_read(shape: tuple[int, ...], place: tuple[int, ...]) -> Tensor:
    """True at every position before `place` in raster order: the first axis slowest."""
    n = math.prod(shape)
    order = torch.arange(n).view(shape)
    return order < order[place]
