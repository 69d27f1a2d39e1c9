"""Variants of exercise 9.5: another encoder's output, another prior, a mask of missing pixels."""

import math

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch09
from tutorial_lib.exercises.ch09.ex5_vae_step import NO_GRADIENT, draw_trial, gradients
from tutorial_lib.exercises.comparing import agree, number
from tutorial_lib.exercises.definition import Failure

ENCODER = "lambda x: torch.tensor([[1.0, 0.5]]).expand(len(x), 2)"
DECODER = "lambda z: torch.stack([0 * z, z], dim=1)[..., None, None]"
vae_step = Variants(
    ch09.vae_step,
    encoder="encoder(levels) is (B, 2 * D): {halves} of q(z|x)",
    returns="-log p(x|z) at the drawn code, and KL(q(z|x) || p(z)) for the prior {prior} on each "
    "axis: each (B,), nats per image. Their mean over the batch will be minimised, so gradients "
    "must reach encoder and decoder",
    by_hand="one pixel of level 1. The encoder says [{output}] and the noise is 0.5: z = {z}. A "
    "decoder with the logits [0, z] gives -log(e^{z} / (1 + e^{z})) = {cost}, and the KL is {kl}",
    halves="first the D means, then the D log-variances",
    prior="N(0, 1)",
    examples=(
        f"vae_step({ENCODER}, {DECODER}, torch.ones(1, 1, 1, 1).long(), torch.tensor([[0.5]]))",
        f"vae_step({ENCODER}, {DECODER}, torch.tensor([0, 1]).view(2, 1, 1, 1), "
        "torch.tensor([[1.0], [-2.0]]))",
    ),
)


def _costs(decoder, code, levels):
    return F.cross_entropy(decoder(code), levels, reduction="none").flatten(1).sum(dim=1)


def _by_gather(decoder, code, levels):
    log_p = decoder(code).log_softmax(dim=1)
    return -log_p.gather(1, levels[:, None]).flatten(1).sum(dim=1)


def _kl(mean, deviation, wide=1.0):
    """KL(N(mean, deviation^2) || N(0, wide^2)), added over the axes."""
    normal = torch.distributions.Normal
    prior = normal(torch.zeros_like(mean), wide * torch.ones_like(mean))
    return torch.distributions.kl_divergence(normal(mean, deviation), prior).sum(dim=1)


@vae_step.twist(
    "The encoder gives the log-variances first, then the means.",
    halves="first the D log-variances, then the D means",
    output="0, 1",
    z="1.5",
    cost="0.201",
    kl="0.5",
)
def variances_first(encoder, decoder, levels, noise):
    log_variance, mean = encoder(levels).chunk(2, dim=1)
    deviation = (log_variance / 2).exp()
    return _costs(decoder, mean + deviation * noise, levels), _kl(mean, deviation)


@vae_step.right
def variances_first_again(encoder, decoder, levels, noise):
    out = encoder(levels)
    n = out.shape[1] // 2
    mean, v = out[:, n:], out[:, :n]
    kl = 0.5 * (mean**2 + v.exp() - 1 - v).sum(1)
    return _by_gather(decoder, mean + v.exp().sqrt() * noise, levels), kl


@vae_step.twist(
    "The encoder gives means and log *standard deviations*.",
    halves="first the D means, then the D logarithms of the standard deviations",
    output="1, log 2",
    z="2",
    cost="0.127",
    kl=f"(1 + 4 - 1 - log 4) / 2 = {(4 - math.log(4)) / 2:.3f}",
)
def log_deviations(encoder, decoder, levels, noise):
    mean, log_deviation = encoder(levels).chunk(2, dim=1)
    deviation = log_deviation.exp()
    return _costs(decoder, mean + deviation * noise, levels), _kl(mean, deviation)


@vae_step.right
def log_deviations_again(encoder, decoder, levels, noise):
    mean, s = encoder(levels).chunk(2, dim=1)
    kl = (mean**2 / 2 + (2 * s).exp() / 2 - 0.5 - s).sum(dim=-1)
    return _by_gather(decoder, torch.addcmul(mean, s.exp(), noise), levels), kl


@vae_step.twist(
    "The prior is N(0, 4), of standard deviation 2, on each axis.",
    prior="N(0, 4)",
    output="1, 0",
    z="1.5",
    cost="0.201",
    kl=f"(1/4 + 1/4 - 1 + log 4) / 2 = {(math.log(4) - 0.5) / 2:.3f}",
)
def wide_prior(encoder, decoder, levels, noise):
    mean, log_variance = encoder(levels).chunk(2, dim=1)
    deviation = (log_variance / 2).exp()
    return _costs(decoder, mean + deviation * noise, levels), _kl(mean, deviation, 2.0)


@vae_step.right
def wide_prior_again(encoder, decoder, levels, noise):
    mean, v = encoder(levels).chunk(2, dim=1)
    kl = 0.5 * ((mean**2 + v.exp()) / 4 - 1 - v + math.log(4)).sum(dim=1)
    return _by_gather(decoder, mean + (0.5 * v).exp() * noise, levels), kl


vae_step.trials("one image, one number in the code")(
    lambda rng: [draw_trial(1, 1, (1, 2, 2), 2, rng)]
)
vae_step.trials("several images, each with its own noise", points=2)(
    lambda rng: [draw_trial(3, 2, (1, 2, 3), 2, rng), draw_trial(2, 3, (3, 1, 2), 4, rng)]
)


@vae_step.judge("the gradients of encoder and decoder")
def gradients_arrive(candidate, rng, twist):
    trial = draw_trial(3, 2, (1, 2, 2), 2, rng)
    got = candidate.measure(gradients, *trial.args)
    want = gradients(twist.right, *trial.args)
    for name, mine, right in zip(("encoder", "decoder", "KL"), got, want, strict=True):
        if mine is None or not mine.any():
            size = number(right.norm())
            return Failure(NO_GRADIENT[name], f"The gradient's length is 0 instead of {size}.")
        if not agree(mine, right):
            told = f"Its length is {number(mine.norm())} instead of {number(right.norm())}."
            return Failure("A gradient is not the right one.", told)
    return None
