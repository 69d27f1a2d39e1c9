"""Variants of exercise 1.1: a part of the image is known, or the tables are read differently."""

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch01
from tutorial_lib.exercises.ch01.tables import random_tables
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import enumerate_images

log_prob_nats = Variants(
    ch01.log_prob_nats,
    p_one="a table for each of D pixels: {table}",
    returns="one number, a tensor of shape (); -inf where the probability is 0",
    examples=(
        "log_prob_nats([torch.tensor(0.25), torch.tensor([0.5, 0.125]), "
        "torch.tensor([[0.1, 0.2], [0.3, 0.4]])], torch.tensor([1, 0, 1]))",
    ),
)


def _rest_given(n_known: int):
    many = "pixel is" if n_known == 1 else f"{n_known} pixels are"
    by_hand = (
        (
            "p_one = [0.25, [0.5, 0.125]] and pixels = [0, 1] give p(x_1 = 1 | x_0 = 0) = 0.5, so "
            "the result is log 0.5 = -0.693"
        )
        if n_known == 1
        else (
            "p_one = [0.25, [0.5, 0.125], [[0.5, 0.2], [0.5, 0.5]]] and pixels = [0, 1, 1] give "
            "p(x_2 = 1 | x_0 = 0, x_1 = 1) = 0.2, so the result is log 0.2 = -1.609"
        )
    )

    @log_prob_nats.twist(
        f"The first {many} known: asked is log p of the others, given the known.",
        asked="log p of the pixels that are not known, given the known ones, in nats.",
        table=(
            "p_one[i][x_0, ..., x_(i-1)] is the probability that pixel i is 1, given the "
            "pixels before it. p_one[0] is a single number"
        ),
        by_hand=by_hand,
    )
    def right(p_one, pixels):
        total = torch.zeros((), dtype=torch.float64)
        for i in range(n_known, len(pixels)):
            one = p_one[i][tuple(pixels[:i].tolist())]
            total = total + torch.log(one if pixels[i] == 1 else 1 - one)
        return total

    @log_prob_nats.right
    def other(p_one, pixels):
        factors = []
        for table, i in zip(p_one, range(len(pixels)), strict=True):
            for before in pixels[:i]:
                table = table[before]
            factors.append(1 - table + pixels[i] * (2 * table - 1))
        return torch.stack(factors[n_known:]).log().sum()


_rest_given(1)
_rest_given(2)


@log_prob_nats.twist(
    "A table gives the probability that a pixel differs from the one right before it; for "
    "pixel 0, that it is 1.",
    table=(
        "p_one[i][x_0, ..., x_(i-1)] is the probability that pixel i differs from x_(i-1), "
        "given the pixels before it. p_one[0]: that pixel 0 is 1"
    ),
    by_hand=(
        "p_one = [0.25, [0.5, 0.125]] and pixels = [1, 1] give p = 0.25 * (1 - 0.125) = "
        "0.21875, so log p = -1.52"
    ),
)
def changes(p_one, pixels):
    total = torch.zeros((), dtype=torch.float64)
    for i, table in enumerate(p_one):
        before = pixels[i - 1] if i else 0
        change = table[pixels[:i].unbind()]
        total = total + torch.log(change if pixels[i] != before else 1 - change)
    return total


@log_prob_nats.right
def changes_again(p_one, pixels):
    changed = pixels.diff(prepend=torch.zeros(1, dtype=torch.long)).abs()
    shares = torch.stack([t[tuple(pixels[:i].tolist())] for i, t in enumerate(p_one)])
    return torch.where(changed == 1, shares, 1 - shares).log().sum()


@log_prob_nats.twist(
    "The axes of a table run from the nearest pixel to the farthest: p_one[i][x_(i-1), ..., x_0].",
    table=(
        "p_one[i][x_(i-1), ..., x_0] is the probability that pixel i is 1, given the pixels "
        "before it. p_one[0] is a single number"
    ),
    by_hand=(
        "p_one = [0.5, [0.5, 0.5], [[0.1, 0.2], [0.3, 0.4]]], pixels = [1, 0, 1]: x_1 = 0 and "
        "x_0 = 1 pick 0.2, so p = 0.5 * 0.5 * 0.2 and log p = -2.996"
    ),
)
def nearest_first(p_one, pixels):
    total = torch.zeros((), dtype=torch.float64)
    for i, table in enumerate(p_one):
        one = table[pixels[:i].flip(0).unbind()]
        total = total + torch.log(one if pixels[i] == 1 else 1 - one)
    return total


@log_prob_nats.right
def nearest_first_again(p_one, pixels):
    values, probability = pixels.tolist(), torch.ones((), dtype=torch.float64)
    for i, value in enumerate(values):
        one = p_one[i].permute(tuple(reversed(range(i))))[tuple(values[:i])]
        probability = probability * abs(1 - value - one)
    return probability.log()


def _pixels(n_pixels: int, rng: torch.Generator) -> Tensor:
    return torch.randint(2, (n_pixels,), generator=rng)


@log_prob_nats.trials("images of 3, 4 and 6 pixels", points=2)
def images_of_several_sizes(rng):
    sizes = (4, 4, 4, 4, 3, 6)
    return [Trial((random_tables(n, rng), _pixels(n, rng))) for n in sizes]


@log_prob_nats.trials("every image of 2x2 pixels")
def all_images(rng):
    p_one = random_tables(4, rng)
    return [Trial((p_one, pixels)) for pixels in enumerate_images(2, 2).flatten(1)]


@log_prob_nats.trials("pixels that are certain, and pixels that are impossible")
def certain_and_impossible(rng):
    """Uncertain for two pixels, which a twist may take as known, certain from there on."""
    trials = []
    for _ in range(8):
        tables = random_tables(4, rng)
        certain = tables[:2] + [(table > 0.5).double() for table in tables[2:]]
        trials.append(Trial((certain, _pixels(4, rng))))
    return trials
