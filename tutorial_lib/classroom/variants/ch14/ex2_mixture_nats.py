"""Variants of exercise 14.2: who chooses a bump, and in which unit it is paid."""

import math
from itertools import product

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch14
from tutorial_lib.exercises.trials import Trial

mixture_nats = Variants(
    ch14.mixture_nats,
    by_hand=(
        "one pixel, weights 1/2 and 1/2, two colours. Under bump 0 they have P = 1/2 and 1/4, "
        "under bump 1 both 1/2. {outcome}"
    ),
    examples=(
        "mixture_nats(torch.full((1, 2, 1, 2), 0.5).log(), "
        "torch.tensor([[[[[1.0, 2.0]], [[0.5, 3.0]]], [[[2.0, 0.1]], [[1.5, 1.0]]]]]))",
    ),
)


def _bill(log_weights, bump_nats):
    """-log p of each image as in the chapter."""
    of_bump = log_weights - bump_nats.sum(dim=2)
    return -torch.logsumexp(of_bump, dim=1).flatten(1).sum(dim=1)


def _one_by_one(log_weights, bump_nats):
    """The same, a pixel at a time."""
    totals = []
    for weights, nats in zip(log_weights, bump_nats, strict=True):
        total = nats.new_zeros(())
        for row, column in product(*map(range, weights.shape[1:])):
            total = total - torch.logsumexp(
                weights[:, row, column] - nats[:, :, row, column].sum(dim=1), dim=0
            )
        totals.append(total)
    return torch.stack(totals)


def _twist(says, returned, by_hand, right, other):
    mixture_nats.twist(says, returns=returned, outcome=by_hand)(right)
    mixture_nats.right(other)


_twist(
    "Asked are bits.",
    (
        "(B,), in bits. A pixel chooses one bump, and all its colours are drawn from that one. "
        "Pixels are independent"
    ),
    "p = 1/2 · 1/8 + 1/2 · 1/4 = 3/16, which costs 2.415 bits",
    lambda log_weights, bump_nats: _bill(log_weights, bump_nats) / math.log(2),
    lambda log_weights, bump_nats: _one_by_one(log_weights, bump_nats) * math.log2(math.e),
)
_twist(
    "Every colour of a pixel chooses a bump of its own.",
    (
        "(B,). Each colour of each pixel chooses one bump, with the weights of the pixel. Colours "
        "and pixels are independent"
    ),
    (
        "The first colour has 1/2 · 1/2 + 1/2 · 1/2 = 1/2, the second 1/2 · 1/4 + 1/2 · 1/2 = 3/8. "
        "3/16 costs 1.674 nats"
    ),
    lambda log_weights, bump_nats: (
        -torch.logsumexp(log_weights.unsqueeze(2) - bump_nats, dim=1).sum(dim=(1, 2, 3))
    ),
    lambda log_weights, bump_nats: sum(
        _one_by_one(log_weights, bump_nats[:, :, c : c + 1]) for c in range(bump_nats.shape[2])
    ),
)
_twist(
    "Asked is the cost of a dimension, in nats.",
    (
        "(B,): the cost of each image divided by its C · H · W numbers. A pixel chooses one bump, "
        "and all its colours are drawn from that one"
    ),
    "p = 1/2 · 1/8 + 1/2 · 1/4 = 3/16 costs 1.674 nats, over 2 numbers 0.837",
    lambda log_weights, bump_nats: _bill(log_weights, bump_nats) / bump_nats[0, 0].numel(),
    lambda log_weights, bump_nats: (
        _one_by_one(log_weights, bump_nats) / math.prod(bump_nats.shape[2:])
    ),
)


def _trial(batch, n_bumps, n_colors, size, rng, cost=1.0) -> Trial:
    scores = torch.randn(batch, n_bumps, *size, generator=rng, dtype=torch.float64)
    shape = (batch, n_bumps, n_colors, *size)
    spread = 0.2 + 2 * torch.rand(shape, generator=rng, dtype=torch.float64)
    return Trial((scores.log_softmax(dim=1), cost * spread))


mixture_nats.trials("one pixel of two colours, two bumps")(
    lambda rng: [_trial(4, 2, 2, (1, 1), rng), _trial(3, 3, 2, (1, 1), rng)]
)
mixture_nats.trials("several bumps, three colours")(
    lambda rng: [_trial(3, 2, 3, (2, 3), rng), _trial(1, 5, 3, (4, 4), rng)]
)
mixture_nats.trials("pixels that cost thousands of nats")(
    lambda rng: [_trial(2, 3, 3, (2, 2), rng), _trial(2, 3, 3, (2, 2), rng, cost=2000.0)]
)
