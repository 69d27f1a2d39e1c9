"""Variants of exercise 1.3: what is known of a pixel, or what the coder does to the model."""

import math

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch01
from tutorial_lib.exercises.trials import Trial

LOGITS = "torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log().view(1, 4, 1, 1, 1)"
nll_nats = Variants(
    ch01.nll_nats,
    asked="What each image costs, in nats: the sum of -log p over all of its pixels.",
    logits="(B, L, C, H, W) unnormalised log-probabilities of the L levels{which}",
    levels="(B, C, H, W) torch.long, {allowed}",
    returns="(B,); finite, however unlikely the levels are",
    examples=tuple(f"nll_nats({LOGITS}, torch.tensor([[[[{level}]]]]))" for level in (0, 1)),
)


def _mixed(share: float):
    p = (1 - share) * 0.8 + share / 2

    @nll_nats.twist(
        f"The coder mixes the model with a uniform one: p = {1 - share:g} * softmax "
        f"+ {share:g} / L.",
        which="",
        allowed="0 .. L-1",
        by_hand=(
            "one pixel, two levels, logits log 0.8 and log 0.2, and the level is 0: p = "
            f"{1 - share:g} * 0.8 + {share:g} / 2 = {p:.4g}, and the cost is "
            f"{-math.log(p):.4g}"
        ),
    )
    def right(logits, levels):
        log_p = logits.double().log_softmax(dim=1).gather(1, levels[:, None])[:, 0]
        even = torch.tensor(math.log(share / logits.shape[1]), dtype=torch.float64)
        return -torch.logaddexp(log_p + math.log(1 - share), even).flatten(1).sum(dim=1)

    @nll_nats.right
    def other(logits, levels):
        p = logits.softmax(dim=1) * (1 - share) + share / logits.shape[1]
        chosen = F.one_hot(levels, logits.shape[1]).movedim(-1, 1)
        return -(p * chosen).sum(dim=1).log().sum(dim=(1, 2, 3))


_mixed(0.25)
_mixed(0.125)


@nll_nats.twist(
    "The images are coarser than the model: k stands for the model's levels 2k and 2k + 1 "
    "together.",
    which=", L even",
    allowed="0 .. L/2-1",
    by_hand=(
        "one pixel, four levels of probability 0.1, 0.2, 0.3, 0.4, and k = 1: p = 0.3 + 0.4, "
        "and the cost is -log 0.7 = 0.357"
    ),
)
def pairs(logits, levels):
    pairs = logits.log_softmax(dim=1).unflatten(1, (-1, 2)).logsumexp(dim=2)
    return -pairs.gather(1, levels[:, None]).flatten(1).sum(dim=1)


@nll_nats.right
def pairs_again(logits, levels):
    log_p = logits - logits.logsumexp(dim=1, keepdim=True)
    dark = log_p.gather(1, 2 * levels.unsqueeze(1))
    bright = log_p.gather(1, 2 * levels.unsqueeze(1) + 1)
    return -torch.logaddexp(dark, bright).sum(dim=(1, 2, 3, 4))


@nll_nats.twist(
    "Of each pixel only a lower bound is known: k means that its level is k or more.",
    which="",
    allowed="0 .. L-1",
    by_hand=(
        "one pixel, three levels of probability 0.2, 0.3, 0.5, and k = 1: p = 0.3 + 0.5, and "
        "the cost is -log 0.8 = 0.223"
    ),
)
def at_least(logits, levels):
    ranks = torch.arange(logits.shape[1])[:, None, None, None]
    reached = logits.masked_fill(ranks < levels[:, None], -math.inf)
    return (logits.logsumexp(dim=1) - reached.logsumexp(dim=1)).flatten(1).sum(dim=1)


@nll_nats.right
def at_least_again(logits, levels):
    tails = logits.log_softmax(dim=1).flip(1).logcumsumexp(dim=1).flip(1)
    return -tails.gather(1, levels[:, None]).sum(dim=(1, 2, 3, 4))


def _trial(shape: tuple[int, ...], rng: torch.Generator, scale: float = 2.0) -> Trial:
    """Levels in the lower half, which every twist allows."""
    batch, n_levels, *dims = shape
    logits = scale * torch.randn(shape, generator=rng)
    return Trial((logits, torch.randint(n_levels // 2, (batch, *dims), generator=rng)))


nll_nats.trials("random logits: batch, colours, height and width all different", points=2)(
    lambda rng: [
        _trial(shape, rng) for shape in [(3, 4, 1, 2, 5), (2, 6, 3, 2, 6), (1, 4, 1, 4, 2)]
    ]
)
nll_nats.trials("single pixels, four and eight levels")(
    lambda rng: [_trial((5, n_levels, 1, 1, 1), rng) for n_levels in (4, 8)]
)


@nll_nats.trials("levels that are all but impossible")
def unlikely(rng):
    """All but the last level or two, or all but the first, are next to impossible."""
    trials = [_trial((2, 8, 1, 2, 2), rng) for _ in range(2)]
    trials[0].args[0][:, :6] -= 400
    trials[1].args[0][:, 1:] -= 400
    return trials
