"""Variants of exercise 1.1: a part of the image is known, or the tables are read differently."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.twists import Twist, draw_twist
from tutorial_lib.classroom.variants.variant import Variant
from tutorial_lib.exercises import ch01
from tutorial_lib.exercises.ch01.tables import random_tables
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import enumerate_images

STUB = '''\
def log_prob_nats(p_one: list[torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    """{asked}

    {twist}

    p_one    a table for each of D pixels: {table}
    pixels   (D,) zeros and ones, torch.long, in the order of the tables
    returns  one number, a tensor of shape (); -inf where the probability is 0

    By hand: {by_hand}
    """
    ____
'''
WHOLE = "log p(pixels) in nats, by the chain rule."


def _rest_given(n_known: int) -> Twist:
    def right(p_one, pixels):
        total = torch.zeros((), dtype=torch.float64)
        for i in range(n_known, len(pixels)):
            one = p_one[i][tuple(pixels[:i].tolist())]
            total = total + torch.log(one if pixels[i] == 1 else 1 - one)
        return total

    def other(p_one, pixels):
        factors = []
        for table, i in zip(p_one, range(len(pixels)), strict=True):
            for before in pixels[:i]:
                table = table[before]
            factors.append(1 - table + pixels[i] * (2 * table - 1))
        return torch.stack(factors[n_known:]).log().sum()

    many = "pixel is" if n_known == 1 else f"{n_known} pixels are"
    by_hand = (
        "p_one = [0.25, [0.5, 0.125]] and pixels = [0, 1] give p(x_1 = 1 | x_0 = 0) = 0.5,\n"
        "             so the result is log 0.5 = -0.693"
        if n_known == 1
        else "p_one = [0.25, [0.5, 0.125], [[0.5, 0.2], [0.5, 0.5]]] and pixels = [0, 1, 1] give\n"
        "             p(x_2 = 1 | x_0 = 0, x_1 = 1) = 0.2, so the result is log 0.2 = -1.609"
    )
    return Twist(
        f"The first {many} known: asked is log p of the others, given the known.",
        right,
        (other,),
        {
            "asked": "log p of the pixels that are not known, given the known ones, in nats.",
            "table": "p_one[i][x_0, ..., x_(i-1)] is the probability that\n"
            "             pixel i is 1, given the pixels before it. p_one[0] is a single number",
            "by_hand": by_hand,
        },
    )


def _changes() -> Twist:
    def right(p_one, pixels):
        total = torch.zeros((), dtype=torch.float64)
        for i, table in enumerate(p_one):
            before = pixels[i - 1] if i else 0
            change = table[pixels[:i].unbind()]
            total = total + torch.log(change if pixels[i] != before else 1 - change)
        return total

    def other(p_one, pixels):
        changed = pixels.diff(prepend=torch.zeros(1, dtype=torch.long)).abs()
        shares = torch.stack([t[tuple(pixels[:i].tolist())] for i, t in enumerate(p_one)])
        return torch.where(changed == 1, shares, 1 - shares).log().sum()

    return Twist(
        "A table gives the probability that a pixel differs from the one right before it; for "
        "pixel 0, that it is 1.",
        right,
        (other,),
        {
            "asked": WHOLE,
            "table": "p_one[i][x_0, ..., x_(i-1)] is the probability that\n"
            "             pixel i differs from x_(i-1), given the pixels before it. "
            "p_one[0]: that pixel 0 is 1",
            "by_hand": "p_one = [0.25, [0.5, 0.125]] and pixels = [1, 1] give\n"
            "             p = 0.25 * (1 - 0.125) = 0.21875, so log p = -1.52",
        },
    )


def _nearest_first() -> Twist:
    def right(p_one, pixels):
        total = torch.zeros((), dtype=torch.float64)
        for i, table in enumerate(p_one):
            one = table[pixels[:i].flip(0).unbind()]
            total = total + torch.log(one if pixels[i] == 1 else 1 - one)
        return total

    def other(p_one, pixels):
        values, probability = pixels.tolist(), torch.ones((), dtype=torch.float64)
        for i, value in enumerate(values):
            one = p_one[i].permute(tuple(reversed(range(i))))[tuple(values[:i])]
            probability = probability * abs(1 - value - one)
        return probability.log()

    return Twist(
        "The axes of a table run from the nearest pixel to the farthest: "
        "p_one[i][x_(i-1), ..., x_0].",
        right,
        (other,),
        {
            "asked": WHOLE,
            "table": "p_one[i][x_(i-1), ..., x_0] is the probability that\n"
            "             pixel i is 1, given the pixels before it. p_one[0] is a single number",
            "by_hand": "p_one = [0.5, [0.5, 0.5], [[0.1, 0.2], [0.3, 0.4]]], pixels = [1, 0, 1]:\n"
            "             x_1 = 0 and x_0 = 1 pick 0.2, so p = 0.5 * 0.5 * 0.2 and log p = -2.996",
        },
    )


TWISTS = (_rest_given(1), _rest_given(2), _changes(), _nearest_first())


def _images_of_several_sizes(rng: torch.Generator) -> list[Trial]:
    sizes = (4, 4, 4, 4, 3, 6)
    return [Trial((random_tables(n, rng), _pixels(n, rng))) for n in sizes]


def _all_images(rng: torch.Generator) -> list[Trial]:
    p_one = random_tables(4, rng)
    return [Trial((p_one, pixels)) for pixels in enumerate_images(2, 2).flatten(1)]


def _certain_and_impossible(rng: torch.Generator) -> list[Trial]:
    """Uncertain for two pixels, which a twist may take as known, certain from there on."""
    trials = []
    for _ in range(8):
        tables = random_tables(4, rng)
        certain = tables[:2] + [(table > 0.5).double() for table in tables[2:]]
        trials.append(Trial((certain, _pixels(4, rng))))
    return trials


def _pixels(n_pixels: int, rng: torch.Generator) -> Tensor:
    return torch.randint(2, (n_pixels,), generator=rng)


def log_prob_nats(rng: random.Random) -> Variant:
    """The chain rule, with other tables or a part of the image."""
    return draw_twist(
        rng,
        ch01.log_prob_nats,
        TWISTS,
        stub=STUB,
        checks=(
            ("images of 3, 4 and 6 pixels", 2, _images_of_several_sizes),
            ("every image of 2x2 pixels", 1, _all_images),
            ("pixels that are certain, and pixels that are impossible", 1, _certain_and_impossible),
        ),
        examples=(
            "log_prob_nats([torch.tensor(0.25), torch.tensor([0.5, 0.125]), "
            "torch.tensor([[0.1, 0.2], [0.3, 0.4]])], torch.tensor([1, 0, 1]))",
        ),
    )
