"""Variants of exercise 7.1: more evidence, less trust in it, or labels that may be wrong."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch07
from tutorial_lib.exercises.ch07.ex1_label_posterior import draw_trial
from tutorial_lib.exercises.trials import Trial

CALL = (
    "label_posterior(torch.tensor([[0.5, 1.5], [0.5, 1.5]]).double(), {n_dims}, "
    "torch.tensor([0.25, 0.75]).double())"
)
label_posterior = Variants(
    ch07.label_posterior,
    returns="(B, K): log-probabilities in nats. An image may cost thousands of nats",
    examples=tuple(CALL.format(n_dims=n_dims) for n_dims in (2, 4)),
)

BAYES = "Bayes' rule: log p(y|x) from what each image costs under each label."


def _log_joint(bits_per_dim, n_dims, prior):
    return prior.log() - bits_per_dim * (n_dims * math.log(2))


@label_posterior.twist(
    "All images show one label. Row b is what is known of it after the images 0 .. b.",
    asked="log p(y|x_0, ..., x_b) for images that come one after the other.",
    by_hand=(
        "two images of 0.5 and 1.5 bits/dim each, D = 2, have p(x|y) = 1/2 and 1/8 both "
        "times. With p(y) = 1/2 the first row is log(4/5), log(1/5), and the second "
        "log(16/17), log(1/17)"
    ),
)
def in_sequence(bits_per_dim, n_dims, prior):
    joint = _log_joint(bits_per_dim.cumsum(dim=0), n_dims, prior)
    return joint - joint.logsumexp(dim=1, keepdim=True)


@label_posterior.right
def one_by_one(bits_per_dim, n_dims, prior):
    belief, rows = prior.log(), []
    for bits in bits_per_dim:
        belief = torch.log_softmax(belief - bits * n_dims * math.log(2), dim=0)
        rows.append(belief)
    return torch.stack(rows)


def _tempered(power: float):
    by_hand = (
        (
            "0.5 and 1.5 bits/dim with D = 4 mean p(x|y) = 1/4 and 1/64, of which the roots are "
            "1/2 and 1/8. With p(y) = 1/4 and 3/4 the products are 4/32 and 3/32, so the result "
            "is log(4/7) and log(3/7)"
        )
        if power < 1
        else (
            "0.5 and 1.5 bits/dim with D = 1 have the squares p(x|y)^2 = 1/2 and 1/8. With p(y) = "
            "1/4 and 3/4 the products are 4/32 and 3/32, so the result is log(4/7) and log(3/7)"
        )
    )
    shown = "p(x|y)^(1/2)" if power < 1 else "p(x|y)^2"

    @label_posterior.twist(
        f"The evidence is {'trusted less' if power < 1 else 'counted twice'}: the posterior is "
        f"proportional to p(y) * {shown}. The prior keeps its power.",
        asked="Bayes' rule with a power of the likelihood.",
        by_hand=by_hand,
    )
    def right(bits_per_dim, n_dims, prior):
        likelihood = _log_joint(bits_per_dim, n_dims, torch.ones_like(prior))
        return torch.log_softmax(power * likelihood + prior.log(), dim=1)

    @label_posterior.right
    def other(bits_per_dim, n_dims, prior):
        spare = bits_per_dim.amin(dim=1, keepdim=True) - bits_per_dim
        joint = power * spare * n_dims * math.log(2) + prior.log()
        return joint - joint.exp().sum(dim=1, keepdim=True).log()


_tempered(0.5)
_tempered(2.0)


def _noted_wrongly(share: float):
    first = (1 - share) * 4 / 7 + share / 2

    @label_posterior.twist(
        f"Asked is the label that a careless person writes down: with probability {share:g} one of "
        "the K labels drawn evenly, else the true one.",
        asked="log p(label written down | x), from what each image costs under each label.",
        by_hand=(
            "0.5 and 1.5 bits/dim with D = 2 mean p(x|y) = 1/2 and 1/8. With p(y) = 1/4 and "
            f"3/4, p(y|x) is 4/7 and 3/7; {1 - share:g} * 4/7 + {share:g} / 2 = {first:.4f}, "
            f"so the result is log {first:.4f} and log {1 - first:.4f}"
        ),
    )
    def right(bits_per_dim, n_dims, prior):
        known = torch.log_softmax(_log_joint(bits_per_dim, n_dims, prior), dim=1)
        return torch.log((1 - share) * known.exp() + share / len(prior))

    @label_posterior.right
    def other(bits_per_dim, n_dims, prior):
        joint = _log_joint(bits_per_dim, n_dims, prior)
        posterior = joint - joint.logsumexp(dim=1, keepdim=True)
        even = torch.full_like(posterior, math.log(share / len(prior)))
        return torch.logaddexp(posterior + math.log(1 - share), even)


_noted_wrongly(0.1)
_noted_wrongly(0.3)


@label_posterior.trials("two images of one dimension, all labels alike beforehand")
def one_dimension(rng):
    bits, n_dims, prior = draw_trial(2, 4, 1, rng).args
    return [Trial((bits, n_dims, torch.full_like(prior, 0.25)))]


label_posterior.trials("several images, and labels of different prior")(
    lambda rng: [draw_trial(3, 5, 8, rng)]
)
label_posterior.trials("images of thousands of dimensions")(
    lambda rng: [draw_trial(4, 10, 3072, rng)]
)
