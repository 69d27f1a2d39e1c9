"""Variants of exercise 11.4: another prior, and other questions to the same sum."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch11
from tutorial_lib.exercises.trials import Trial

exact_log_p = Variants(
    ch11.exact_log_p,
    normalized=".log_softmax(dim=0)",
    examples=lambda twist: [
        "exact_log_p(torch.tensor([1.0, 3.0]).log()"
        f"{twist.words['normalized']}, torch.tensor([[0.5, 0.25], [0.1, 0.6]]).log())"
    ],
)


@exact_log_p.twist(
    "log_prior is log p(z) up to an unknown constant: the weights do not add up to 1.",
    normalized="",
    asked="log p(x) = log sum_z p(z) p(x|z), over all fields of codes.",
    log_prior="(F,): log of weights in proportion to p(z), of every field there is. A weight may "
    "be 0",
    by_hand=(
        "two fields with the weights 1 and 3, so p(z) = 1/4 and 3/4, and an image with p(x|z) "
        "= 1/2 and 1/6: log(1/8 + 1/8) = log(1/4) = -1.386"
    ),
)
def unnormalized(log_prior, log_likelihood):
    log_prior = log_prior.log_softmax(dim=0)
    return torch.logsumexp(log_prior + log_likelihood, dim=1)


@exact_log_p.right
def over_the_sum(log_prior, log_likelihood):
    joint = log_likelihood + log_prior
    best, most = joint.amax(dim=1), log_prior.max()
    total = (joint - best[:, None]).exp().sum(dim=1)
    return best - most + (total / (log_prior - most).exp().sum()).log()


@exact_log_p.twist(
    "Asked is how sure the best explanation is: log p(z|x) of the field where it is largest.",
    asked="The log-probability of the likeliest field, once the image has been seen.",
    returns="(B,): the largest of log p(z|x) = log p(z) + log p(x|z) - log p(x), in nats",
    by_hand=(
        "two fields with p(z) = 1/4 and 3/4 and an image with p(x|z) = 1/2 and 1/2: p(x) = "
        "1/8 + 3/8, p(z|x) = 1/4 and 3/4, so log(3/4) = -0.288"
    ),
)
def best_posterior(log_prior, log_likelihood):
    return (log_prior + log_likelihood).log_softmax(dim=1).amax(dim=1)


@exact_log_p.right
def by_differences(log_prior, log_likelihood):
    joint = log_prior + log_likelihood
    return -(joint - joint.max(dim=1, keepdim=True).values).exp().sum(dim=1).log()


@exact_log_p.twist(
    "All B images come from one and the same field; image b is judged once those before it "
    "are known.",
    asked="log p(x_b | x_0, .., x_(b-1)) for images that share one unknown field z.",
    returns=(
        "(B,): "
        "log p(x_0), log p(x_1 | x_0), log p(x_2 | x_0, x_1), .., in nats. Given z, the "
        "images are independent"
    ),
    by_hand=(
        "two fields with p(z) = 1/2 each, two images with p(x|z) = 1/2 and 1/4. p(x_0) = 3/8, "
        "p(x_0, x_1) = 1/8 + 1/32 = 5/32: log(3/8) = -0.981 and log((5/32) / (3/8)) = -0.875"
    ),
)
def one_after_another(log_prior, log_likelihood):
    totals = torch.logsumexp(log_prior + log_likelihood.cumsum(dim=0), dim=1)
    return torch.cat([totals[:1], totals.diff()])


@exact_log_p.right
def updating(log_prior, log_likelihood):
    values = []
    for row in log_likelihood:
        joint = log_prior + row
        values.append(torch.logsumexp(joint, dim=0))
        log_prior = joint - values[-1]
    return torch.stack(values)


def _trial(
    batch: int, n_fields: int, nats: float, twist, rng: torch.Generator, *, impossible=False
) -> Trial:
    """Fields a few nats apart, whatever an image costs."""
    likelihood = -nats - 6 * torch.rand(batch, n_fields, generator=rng, dtype=torch.float64)
    prior = torch.randn(n_fields, generator=rng, dtype=torch.float64)
    if impossible:
        prior[-1] = -math.inf
    prior = prior.log_softmax(dim=0)
    return Trial((prior if twist.words["normalized"] else prior - 7, likelihood))


exact_log_p.trials("four fields")(lambda rng, twist: [_trial(3, 4, 2.0, twist, rng)])
exact_log_p.trials("an impossible field")(
    lambda rng, twist: [_trial(3, 6, 1.0, twist, rng, impossible=True)]
)
exact_log_p.trials("images that cost thousands of nats")(
    lambda rng, twist: [_trial(6, 81, 1500.0, twist, rng)]
)
