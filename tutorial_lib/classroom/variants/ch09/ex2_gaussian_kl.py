"""Variants of exercise 9.2: the other direction, both, and free bits."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch09
from tutorial_lib.exercises.trials import Trial

gaussian_kl = Variants(
    ch09.gaussian_kl,
    asked="{divergence}, where q = N(mean, variance) on each axis, p = N(0, 1).",
    explained="The KL of N(m, v) from N(n, w) on one axis is (log(w/v) + (v + (m - n)**2) / w - 1) "
    "/ 2, and independent axes add up.",
    examples=(
        "gaussian_kl(torch.tensor([[1.0, 0.1]]), torch.tensor([[0.5, -0.2]]))",
        "gaussian_kl(torch.tensor([[2.0], [0.0]]), torch.tensor([[0.0], [-3.0]]))",
    ),
)


@gaussian_kl.twist(
    "Asked is the other direction, KL(p || q): p comes first.",
    divergence="KL(p || q)",
    by_hand=(
        "mean [1, 0] and log_variance [0, log 4] give (0 + 2 - 1) / 2 = 0.5 for the first axis "
        "and (1.386 + 1/4 - 1) / 2 = 0.318 for the second: 0.818"
    ),
)
def reverse(mean, log_variance):
    axes = (1 + mean.square()) * (-log_variance).exp() - 1 + log_variance
    return 0.5 * axes.sum(dim=1)


@gaussian_kl.right
def by_distributions(mean, log_variance):
    normal = torch.distributions.Normal
    q, p = normal(mean, log_variance.exp().sqrt()), normal(torch.zeros_like(mean), 1.0)
    return torch.distributions.kl_divergence(p, q).sum(dim=1)


@gaussian_kl.twist(
    "Asked is the symmetric divergence KL(q || p) + KL(p || q).",
    divergence="KL(q || p) + KL(p || q)",
    by_hand=(
        "mean [1, 0] and log_variance [0, log 4] give 0.5 + 0.5 = 1 for the first axis and 0.807 "
        "+ 0.318 = 1.125 for the second: 2.125"
    ),
)
def both_ways(mean, log_variance):
    variance = log_variance.exp()
    axes = mean.square() + variance + (1 + mean.square()) / variance - 2
    return 0.5 * axes.sum(dim=1)


@gaussian_kl.right
def added(mean, log_variance):
    there = mean**2 + log_variance.exp() - 1 - log_variance
    back = (1 + mean**2) / log_variance.exp() - 1 + log_variance
    return ((there + back) / 2).sum(dim=1)


def _free_bits(floor: float):
    """As in Kingma et al. (2016), without the mean over the batch."""

    by_hand = (
        "mean [1, 0] and log_variance [0, log 1.5] cost 0.5 and (1.5 - 1 - 0.405) / 2 = 0.047, "
        f"which counts as {floor}. The sum is {0.5 + floor}"
    )

    @gaussian_kl.twist(
        f"Free bits: an axis whose KL is below {floor} nats counts as {floor} nats.",
        divergence="KL(q || p) with free bits",
        by_hand=by_hand,
    )
    def right(mean, log_variance):
        axes = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return axes.clamp(min=floor).sum(dim=1)

    @gaussian_kl.right
    def axis_by_axis(mean, log_variance):
        totals = []
        for means, logs in zip(mean.tolist(), log_variance.tolist(), strict=True):
            costs = [(m * m + math.exp(v) - 1 - v) / 2 for m, v in zip(means, logs, strict=True)]
            totals.append(sum(max(floor, cost) for cost in costs))
        return torch.tensor(totals)


_free_bits(0.25)
_free_bits(0.4)


def _trial(batch: int, dim: int, rng: torch.Generator) -> Trial:
    """The first axis of each image is almost the prior, so that it costs little."""
    mean = 1.5 * torch.randn(batch, dim, generator=rng, dtype=torch.float64)
    log_variance = torch.randn(batch, dim, generator=rng, dtype=torch.float64) - 0.7
    mean[:, 0], log_variance[:, 0] = 0.1 * mean[:, 0], 0.2 * log_variance[:, 0]
    return Trial((mean, log_variance))


gaussian_kl.trials("several images, one axis")(lambda rng: [_trial(5, 1, rng)])
gaussian_kl.trials("one image, several axes")(lambda rng: [_trial(1, 4, rng)])
gaussian_kl.trials("several images, several axes")(
    lambda rng: [_trial(3, 4, rng), _trial(2, 3, rng)]
)
