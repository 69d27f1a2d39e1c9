"""Variants of exercise 2.4: another past, or another mean."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch02
from tutorial_lib.exercises.trials import Trial

unread_fraction = Variants(
    ch02.unread_fraction,
    by_hand=(
        "three pixels; output 1 reads input 0, output 2 reads input 1, and no more. {outcome}"
    ),
    examples=(
        "unread_fraction(torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0]]) > 0)",
        "unread_fraction(torch.tensor([[0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0], "
        "[1, 1, 0, 0]]) > 0)",
    ),
)

ASKED = "The share of the past that is never read: unread pairs divided by all pairs."


def _near(n_back: int):
    by_hand = (
        "Of the pairs (1, 0) and (2, 1), both one place back, none is unread: 0"
        if n_back == 1
        else "Of the pairs (1, 0), (2, 0) and (2, 1), one is unread: 0.333. "
        "A pair (3, 0) would not count"
    )
    back = "the pixel right before it" if n_back == 1 else f"the {n_back} pixels right before it"

    @unread_fraction.twist(
        f"Only the near past counts: of each output, {back}.", asked=ASKED, outcome=by_hand
    )
    def right(reads):
        ones = torch.ones_like(reads)
        near = ones.tril(-1) & ones.triu(-n_back)
        return ((near & ~reads).sum() / near.sum()).item()

    @unread_fraction.right
    def other(reads):
        n = len(reads)
        pairs = [bool(reads[i, j]) for i in range(n) for j in range(max(0, i - n_back), i)]
        return pairs.count(False) / len(pairs)


_near(1)
_near(2)


@unread_fraction.twist(
    "Every output counts the same: asked is the mean of its unread shares. The first output, "
    "which has no past, is left out.",
    asked="The mean, over outputs, of the share of their past that is never read.",
    outcome="The shares of outputs 1 and 2 are 0 and 1/2: 0.25",
)
def mean_of_shares(reads):
    ranks = torch.arange(1, len(reads))
    unread = (~reads).tril(-1).sum(dim=1)[1:]
    return (unread / ranks).mean().item()


@unread_fraction.right
def mean_of_shares_again(reads):
    shares = [1 - sum(row[:i]) / i for i, row in enumerate(reads.tolist()) if i > 0]
    return sum(shares) / len(shares)


@unread_fraction.twist(
    "These are features behind a layer of type B: an output may read its own pixel, which "
    "counts like the past.",
    asked="The share of what may be read that is never read.",
    outcome="Of six pairs, (0, 0), (1, 1), (2, 0) and (2, 2) are unread: 0.667",
)
def own_pixel_too(reads):
    past = torch.ones_like(reads).tril()
    return ((past & ~reads).sum() / past.sum()).item()


@unread_fraction.right
def own_pixel_too_again(reads):
    n = len(reads)
    n_read = sum(sum(row[: i + 1]) for i, row in enumerate(reads.tolist()))
    return 1 - n_read / (n * (n + 1) / 2)


@unread_fraction.twist(
    "Images are drawn from the last pixel to the first, though rows and columns of the matrix "
    "are in raster order.",
    asked=ASKED,
    outcome="The past are (0, 1), (0, 2) and (1, 2), all unread: 1",
)
def backwards(reads):
    past = torch.ones_like(reads).triu(1)
    return ((past & ~reads).sum() / past.sum()).item()


@unread_fraction.right
def backwards_again(reads):
    n = len(reads)
    pairs = [reads[i, j].item() for i in range(n) for j in range(i + 1, n)]
    return 1 - sum(pairs) / len(pairs)


@unread_fraction.trials("random matrices, which read the future as well", points=2)
def _random(rng):
    sizes = ((6, 0.3), (12, 0.6), (15, 0.8))
    return [Trial((torch.rand(n, n, generator=rng) < share,)) for n, share in sizes]


@unread_fraction.trials("outputs that read all of their past, or none of it")
def all_or_nothing(rng):
    """Outputs that read all of the past, and outputs that read nothing."""
    trials = []
    for n in (6, 9):
        rows = torch.rand(n, 1, generator=rng) < 0.5
        trials.append(Trial((rows.expand(n, n).tril(-1),)))
    return trials
