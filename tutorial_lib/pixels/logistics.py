"""A mixture of logistics over levels: a likelihood in bits whose cost does not grow with L.

A categorical over 256 levels in 3 colours needs 768 numbers a pixel. Neighbouring levels look
alike, so a few smooth bumps say nearly as much. Each bump is a logistic density on [-1, 1], and a
level gets the share of it that falls into the level's own interval:

    P(level v) = σ((v + ½ - μ) / s) - σ((v - ½ - μ) / s)        in units of levels

The lowest level takes all that lies below, the highest all above, so the L shares add up to 1: this
is a probability of the *discrete* image, and may be compared with a categorical's in bits/dim.

For each pixel the M bumps have M weights, shared by the colours, and for each colour a centre μ and
a log width log s. Given the bump, colours are independent; the shared choice ties them together.

This follows PixelCNN++ (Salimans et al. 2017, sec. 2.1), but for its linear dependence of green on
red and of blue on both. A pixel's numbers lie on one axis: M weights, then M·C centres, then M·C
log widths.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.contracts import Count, Several, checked, symbols

NARROWEST = -7.0  # of log s, where [-1, 1] is two units wide: far below one level of 256


class Bumps(NamedTuple):
    """The mixture of each pixel: log weights (B, M, 1, *shape), the others (B, M, C, *shape)."""

    log_weights: Tensor
    centres: Tensor  # on [-1, 1]
    log_widths: Tensor


def n_outputs(n_mixtures: int, n_colors: int) -> int:
    """Numbers that a network gives for each pixel.

    >>> n_outputs(10, 3)
    70
    """
    return n_mixtures * (1 + 2 * n_colors)


@checked
def bumps_of(out: Float[Tensor, "B numbers *shape"], n_mixtures: Count, n_colors: Count) -> Bumps:
    """A network's output as mixtures, in float32 at least."""
    if out.shape[1] != n_outputs(n_mixtures, n_colors):
        raise ValueError(
            f"out must have {n_outputs(n_mixtures, n_colors)} numbers a pixel for n_mixtures="
            f"{n_mixtures} in {n_colors} colours, got shape {tuple(out.shape)}"
        )
    out = out.float() if out.dtype in (torch.float16, torch.bfloat16) else out
    each = n_mixtures * n_colors
    weights, centres, widths = out.split([n_mixtures, each, each], dim=1)
    return Bumps(
        weights.log_softmax(dim=1).unsqueeze(2),
        centres.unflatten(1, (n_mixtures, n_colors)),
        widths.unflatten(1, (n_mixtures, n_colors)).clamp(min=NARROWEST),
    )


def log_share(lower: Tensor, upper: Tensor) -> Tensor:
    """log(σ(upper) - σ(lower)) for lower < upper, without subtracting two numbers near 1.

    σ(b) - σ(a) = σ(b) σ(-a) (1 - exp(a - b)).

    >>> log_share(torch.tensor(-torch.inf), torch.tensor(0.0)).exp()
    tensor(0.5000)
    """
    return F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(lower - upper))


@checked
def mixture_nll_nats(
    out: Float[Tensor, "B numbers *shape"],
    levels: Int[Tensor, "B C *shape"],
    n_levels: Several,
    n_mixtures: Count,
) -> Float[Tensor, "B"]:
    """-log p of each image, summed over its pixels and colours, in nats.

    >>> out = torch.zeros(1, 3, 1, 1)  # one bump, one colour: centre 0, log width 0
    >>> each = [mixture_nll_nats(out, torch.full((1, 1, 1, 1), v), 4, 1) for v in range(4)]
    >>> torch.exp(-torch.cat(each)).sum()
    tensor(1.)
    """
    symbols("levels", levels, n_levels)
    bumps = bumps_of(out, n_mixtures, levels.shape[1])
    half = 1 / (n_levels - 1)  # half a level on [-1, 1]
    value = (levels.to(bumps.centres.dtype) * (2 * half) - 1).unsqueeze(1)
    narrow = torch.exp(-bumps.log_widths)
    lower = (value - half - bumps.centres) * narrow
    upper = (value + half - bumps.centres) * narrow
    lowest, highest = levels.unsqueeze(1) == 0, levels.unsqueeze(1) == n_levels - 1
    inside = log_share(lower, upper)
    share = torch.where(lowest, F.logsigmoid(upper), inside)
    share = torch.where(highest, F.logsigmoid(-lower), share)
    of_pixel = (bumps.log_weights + share.sum(dim=2, keepdim=True)).logsumexp(dim=1)
    return -of_pixel.flatten(1).sum(dim=1)


@checked
def mixture_mean(
    out: Float[Tensor, "B numbers *shape"], n_mixtures: Count, n_colors: Count
) -> Float[Tensor, "B C *shape"]:
    """The mean image in [0, 1]: for eyes, not a sample. A centre beyond the ends counts as one."""
    bumps = bumps_of(out, n_mixtures, n_colors)
    mean = (bumps.log_weights.exp() * bumps.centres.clamp(-1, 1)).sum(dim=1)
    return (mean + 1) / 2


@checked
def mixture_sample(
    out: Float[Tensor, "B numbers *shape"],
    n_levels: Several,
    n_mixtures: Count,
    n_colors: Count,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "B C *shape"]:
    """A level for each sub-pixel: a bump for the pixel, then a draw from it in each colour.

    A logistic draw is μ + s (log u - log(1 - u)) for u uniform; it is rounded to a level, and one
    beyond the ends becomes the lowest or the highest, as in the probability above.
    """
    bumps = bumps_of(out.detach(), n_mixtures, n_colors)
    device = "cpu" if generator is None else generator.device
    weights = bumps.log_weights.squeeze(2)
    noise = torch.rand(weights.shape, generator=generator, device=device, dtype=torch.float64)
    # The largest of log weight + Gumbel noise is a draw from the weights.
    chosen = (weights - torch.log(-torch.log(noise)).to(weights)).argmax(dim=1)
    index = chosen[:, None, None].expand_as(bumps.centres[:, :1])
    centre, width = (each.gather(1, index)[:, 0] for each in (bumps.centres, bumps.log_widths))
    u = torch.rand(centre.shape, generator=generator, device=device, dtype=torch.float64)
    drawn = centre + width.exp() * (torch.log(u) - torch.log1p(-u)).to(centre)
    return ((drawn + 1) / 2 * (n_levels - 1)).round().clamp(0, n_levels - 1).long()


def starting_bias(n_mixtures: int, n_colors: int) -> Tensor:
    """A bias for a network's last layer: equal weights, centres spread evenly, wide bumps."""
    spread = torch.linspace(-1, 1, n_mixtures + 2)[1:-1].repeat_interleave(n_colors)
    widths = torch.full((n_mixtures * n_colors,), math.log(0.25))
    return torch.cat([torch.zeros(n_mixtures), spread, widths])
