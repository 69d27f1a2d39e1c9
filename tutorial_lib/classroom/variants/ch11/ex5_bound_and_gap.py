"""Variants of exercise 11.5: other pairs of the same three numbers, and a q in logarithms."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch11
from tutorial_lib.exercises.ch11.ex5_bound_and_gap import with_zeros
from tutorial_lib.exercises.trials import Trial

GIVEN = "torch.tensor([0.25, 0.75]).log(), torch.tensor([[0.5, 0.25], [0.1, 0.6]]).log()"
bound_and_gap = Variants(
    ch11.bound_and_gap,
    asked="Of each image, {asked_for}, for codes that can be listed.",
    asked_for="the ELBO and how far it lies below log p(x)",
    q="(B, F): {kind}",
    kind="q(z|x) over all F fields, rows that sum to 1. A q may be exactly 0",
    returns="{pair}: each (B,)",
    logarithms=False,
    examples=lambda twist: [
        f"bound_and_gap(torch.tensor({q}){'.log()' * twist.words['logarithms']}, {GIVEN})"
        for q in ("[[0.5, 0.5], [0.9, 0.1]]", "[[1.0, 0.0], [0.2, 0.8]]")
    ],
)


def _mean(q, values):
    return torch.where(q > 0, q * values, 0).sum(dim=1)


def _kl(q, log_p):
    return torch.where(q > 0, torch.xlogy(q, q) - q * log_p, 0).sum(dim=1)


def _sums(q, log_prior, log_likelihood):
    """Reconstruction, KL to the prior and log p(x) of each image, one after the other."""
    found = []
    for weights, given in zip(q.tolist(), log_likelihood.tolist(), strict=True):
        prior = log_prior.tolist()
        first = sum(w * g for w, g in zip(weights, given, strict=True) if w > 0)
        kl = sum(w * (math.log(w) - p) for w, p in zip(weights, prior, strict=True) if w > 0)
        joint = [g + p for g, p in zip(given, prior, strict=True)]
        best = max(joint)
        found.append((first, kl, best + math.log(sum(math.exp(j - best) for j in joint))))
    return torch.tensor(found).T


@bound_and_gap.twist(
    "Asked for are the two terms of the bound: the reconstruction and the KL to the prior.",
    asked_for="the two terms of the ELBO",
    pair="E_q[log p(x|z)], and KL(q || p(z)), in nats. The bound is the first less the second",
    by_hand=(
        "two fields, p(z) = [1/4, 3/4], p(x|z) = [1/2, 1/6] and q = [1, 0]. The reconstruction is "
        "log(1/2) = -0.693, the KL is log 4 = 1.386"
    ),
)
def two_terms(q, log_prior, log_likelihood):
    return _mean(q, log_likelihood), _kl(q, log_prior.expand_as(q))


@bound_and_gap.right
def two_terms_again(q, log_prior, log_likelihood):
    first, kl, _ = _sums(q, log_prior, log_likelihood)
    return first, kl


@bound_and_gap.twist(
    "Both results are in bits, and the second is log p(x) in place of the gap.",
    asked_for="the ELBO and log p(x), in bits",
    pair="the bound E_q[log p(x|z)] - KL(q || p(z)), and log p(x) itself, both in bits",
    by_hand=(
        "two fields, p(z) = [1/4, 3/4], p(x|z) = [1/2, 1/6] and q = [1, 0]. The bound is "
        "log2(1/2) - log2(4) = -3 bits. p(x) = 1/8 + 1/8, so log p(x) is -2 bits"
    ),
)
def in_bits(q, log_prior, log_likelihood):
    bound = _mean(q, log_likelihood) - _kl(q, log_prior.expand_as(q))
    exact = torch.logsumexp(log_prior + log_likelihood, dim=1)
    return bound / math.log(2), exact / math.log(2)


@bound_and_gap.right
def in_bits_again(q, log_prior, log_likelihood):
    first, kl, exact = _sums(q, log_prior, log_likelihood) / math.log(2)
    return first - kl, exact


@bound_and_gap.twist(
    "q is given as logarithms: minus infinity where q is 0.",
    kind="log q(z|x) over all F fields, in nats; minus infinity for a field that q never takes",
    pair="the bound E_q[log p(x|z)] - KL(q || p(z)), and the gap KL(q || p(z|x)), in nats",
    logarithms=True,
    by_hand=(
        "two fields, p(z) = [1/4, 3/4], p(x|z) = [1/2, 1/6] and log q = [0, -inf]. The bound is "
        "log(1/2) - log(4) = -2.079. The posterior is [1/2, 1/2], so the gap is log 2 = 0.693"
    ),
)
def from_logarithms(q, log_prior, log_likelihood):
    q, joint = q.exp(), log_prior + log_likelihood
    return -_kl(q, joint), _kl(q, joint.log_softmax(dim=1))


@bound_and_gap.right
def from_logarithms_again(q, log_prior, log_likelihood):
    first, kl, exact = _sums(q.exp(), log_prior, log_likelihood)
    return first - kl, exact - first + kl


def _trial(batch: int, n_fields: int, nats: float, twist, rng: torch.Generator) -> Trial:
    q, log_prior, log_likelihood = with_zeros(batch, n_fields, nats, rng).args
    return Trial((q.log() if twist.words["logarithms"] else q, log_prior, log_likelihood))


bound_and_gap.trials("a few fields")(lambda rng, twist: [_trial(3, 4, 2.0, twist, rng)])
bound_and_gap.trials("more images and fields", points=2)(
    lambda rng, twist: [_trial(5, 6, 1.0, twist, rng)]
)
bound_and_gap.trials("images that cost thousands of nats")(
    lambda rng, twist: [_trial(4, 7, 1500.0, twist, rng)]
)
