"""Variants of exercise 9.4: missing pixels, and another prior."""

import math

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch09
from tutorial_lib.exercises.trials import Trial

elbo = Variants(
    ch09.elbo,
    levels="(B, n) torch.long: the images, 0 and 1{and_more}",
    mean="(B, D): q(z|x) of each image; the prior is N(0, {variance}) on each axis",
    and_more="",
    lowest=0,
    examples=lambda twist: [
        f"elbo(torch.tensor([[[0.0, 3.0]]]), torch.tensor([[1, {twist.words['lowest']}]]), "
        "torch.tensor([[1.0]]), torch.tensor([[0.0]]))"
    ],
)


@elbo.twist(
    "A pixel of level -1 is missing: the bound is on log p of the pixels that are there.",
    and_more=", and -1 for a missing pixel",
    variance=1,
    lowest=-1,
    by_hand=(
        "one draw, pixels [1, -1] with logits [0, 3]: log(1/2) = -0.693 for the first and nothing "
        "for the second. With mean 1 and log_variance 0 the KL is 0.5. The bound is -0.693 - 0.5 "
        "= -1.193"
    ),
)
def missing(logits, levels, mean, log_variance):
    seen = (levels >= 0).to(logits.dtype)
    target = levels.clamp(min=0).to(logits.dtype).expand_as(logits)
    log_p = -F.binary_cross_entropy_with_logits(logits, target, reduction="none") * seen
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
    return log_p.sum(dim=2).mean(dim=0) - kl


@elbo.right
def image_by_image(logits, levels, mean, log_variance):
    bounds = []
    for b, level in enumerate(levels):
        seen = level != -1
        signed = logits[:, b, seen] * (2 * level[seen] - 1)
        m, v = mean[b], log_variance[b].exp()
        kl = (m * m + v - 1 - v.log()).sum() / 2
        bounds.append(F.logsigmoid(signed).sum() / len(logits) - kl)
    return torch.stack(bounds)


def _wider_prior(deviation: int):
    variance = deviation**2
    kl = (1 / variance + 1 / variance - 1 + math.log(variance)) / 2
    by_hand = (
        "one draw, one pixel, logit 0 and level 1 give log(1/2) = -0.693. With mean 1 and "
        f"log_variance 0 the KL of N(1, 1) from N(0, {variance}) is (1/{variance} + 1/{variance} "
        f"- 1 + log {variance}) / 2 = {kl:.3f}. The bound is -0.693 - {kl:.3f} = "
        f"{-math.log(2) - kl:.3f}"
    )

    @elbo.twist(
        f"The prior is N(0, {variance}), of standard deviation {deviation}, on each axis.",
        variance=variance,
        by_hand=by_hand,
    )
    def right(logits, levels, mean, log_variance):
        log_p = torch.where(levels == 1, F.logsigmoid(logits), F.logsigmoid(-logits))
        ratio = log_variance - math.log(variance)
        kl = 0.5 * (mean.square() / variance + ratio.exp() - 1 - ratio).sum(dim=1)
        return log_p.sum(dim=2).mean(dim=0) - kl

    @elbo.right
    def by_distributions(logits, levels, mean, log_variance):
        d = torch.distributions
        prior = d.Normal(torch.zeros_like(mean), deviation * torch.ones_like(mean))
        kl = d.kl_divergence(d.Normal(mean, log_variance.exp().sqrt()), prior)
        log_p = d.Bernoulli(logits=logits).log_prob(levels.clamp(min=0).to(logits.dtype))
        return log_p.sum(dim=2).mean(dim=0) - kl.sum(dim=1)


_wider_prior(2)
_wider_prior(3)


def _trial(n_draws: int, batch: int, n_pixels: int, dim: int, twist, rng: torch.Generator) -> Trial:
    logits = 2 * torch.randn(n_draws, batch, n_pixels, generator=rng, dtype=torch.float64)
    levels = torch.randint(2, (batch, n_pixels), generator=rng)
    if twist.words["lowest"] == -1:  # pixels may be missing
        levels[torch.rand(levels.shape, generator=rng) < 0.3] = -1
        levels[:, 0], levels[:, 1] = -1, 1
        logits[..., 0] = 0.5 + logits[..., 0].abs()  # whoever counts it as a 0 pays for it
    mean = 1 + torch.randn(batch, dim, generator=rng, dtype=torch.float64)
    log_variance = -1 - torch.rand(batch, dim, generator=rng, dtype=torch.float64)
    return Trial((logits, levels, mean, log_variance))


elbo.trials("one image, one draw")(lambda rng, twist: [_trial(1, 1, 6, 1, twist, rng)])
elbo.trials("several images, one draw")(lambda rng, twist: [_trial(1, 3, 6, 2, twist, rng)])
elbo.trials("several images, axes and draws", points=2)(
    lambda rng, twist: [_trial(4, 3, 5, 3, twist, rng)]
)
