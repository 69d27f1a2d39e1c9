"""Variants of exercise 10.5: smoothed usage, and effective numbers of another order."""

from collections import Counter

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.trials import Trial

usage_perplexity = Variants(
    ch10.usage_perplexity,
    asked="How many codes are at work, from how often each is used in all batches together.",
    returns="one number, {formula}",
    by_hand="the batches [0, 0, 0] and [1] with K = 3 have the counts 3, 1 and 0. {outcome}",
    examples=(
        "usage_perplexity([torch.tensor([0, 0, 0]), torch.tensor([1])], 3)",
        "usage_perplexity([torch.tensor([[0, 1], [2, 2]])], 4)",
    ),
)


def _counts(batches, n_codes):
    together = torch.cat([each.flatten() for each in batches])
    return torch.bincount(together, minlength=n_codes).double()


def _one_by_one(batches):
    return Counter(index for each in batches for index in each.flatten().tolist())


@usage_perplexity.twist(
    "Every count is taken one larger than it is, so that no code seems impossible.",
    formula="exp(entropy) of the shares of these counts",
    outcome=(
        "One "
        "more each: 4, 2, 1 of 7. The entropy is 4/7 log(7/4) + 2/7 log(7/2) + 1/7 log 7 = "
        "0.956, and exp(0.956) = 2.600"
    ),
)
def smoothed(batches, n_codes):
    p = (_counts(batches, n_codes) + 1) / (sum(map(Tensor.numel, batches)) + n_codes)
    return (-(p * p.log()).sum()).exp()


@usage_perplexity.right
def as_a_product(batches, n_codes):
    counts, value = _one_by_one(batches), 1.0
    total = sum(counts.values()) + n_codes
    for k in range(n_codes):
        value *= (total / (counts[k] + 1)) ** ((counts[k] + 1) / total)
    return torch.tensor(value)


@usage_perplexity.twist(
    "Asked is the effective number of order 2: one over the sum of the squared shares.",
    formula="1 / sum of p_k**2, where p_k is the share of code k",
    outcome=("The shares are 3/4, 1/4 and 0, and 1 / (9/16 + 1/16) = 1.6"),
)
def collisions(batches, n_codes):
    counts = _counts(batches, n_codes)
    return counts.sum() ** 2 / counts.square().sum()


@usage_perplexity.right
def counted(batches, n_codes):
    counts = _one_by_one(batches).values()
    return torch.tensor(1 / sum((count / sum(counts)) ** 2 for count in counts))


@usage_perplexity.twist(
    "Asked is the effective number of infinite order: one over the largest share.",
    formula="1 / the largest p_k, where p_k is the share of code k",
    outcome=("The shares are 3/4, 1/4 and 0, and 1 / (3/4) = 1.333"),
)
def commonest(batches, n_codes):
    counts = _counts(batches, n_codes)
    return counts.sum() / counts.max()


@usage_perplexity.right
def commonest_counted(batches, n_codes):
    counts = _one_by_one(batches)
    return torch.tensor(sum(counts.values()) / counts.most_common(1)[0][1])


def _uneven(size: int, n_used: int, rng: torch.Generator) -> Tensor:
    """Indices of which small ones are the more common; each of them occurs."""
    weights = torch.linspace(3.0, 0.5, n_used)
    drawn = torch.multinomial(weights, size, replacement=True, generator=rng)
    return torch.cat([torch.arange(n_used), drawn, torch.zeros(n_used, dtype=torch.long)])


def _trial(sizes: tuple[int, ...], n_used: int, n_codes: int, rng: torch.Generator) -> Trial:
    """Batches of unlike usage: each moved along the codes, and the last code never in use."""
    batches = [(_uneven(n, n_used, rng) + i) % (n_codes - 1) for i, n in enumerate(sizes)]
    return Trial(([each.view(-1, 2) for each in batches], n_codes))


usage_perplexity.trials("one small batch")(lambda rng: [_trial((4,), 2, 4, rng)])
usage_perplexity.trials("one batch that uses some codes more than others")(
    lambda rng: [_trial((16,), 4, 6, rng)]
)
usage_perplexity.trials("several batches of unlike size and usage")(
    lambda rng: [_trial((30, 8, 16), 3, 8, rng)]
)
