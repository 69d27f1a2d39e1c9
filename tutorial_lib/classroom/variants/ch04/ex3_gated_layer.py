"""Variants of exercise 4.3: figure 2 with one arrow more, or one step done differently."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch04
from tutorial_lib.exercises.ch04.models import layer_parts
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.gated_layer import gate

CALL = (
    "gated_layer(torch.ones(1, 1, 1, 1), 2 * torch.ones(1, 1, 1, 1), "
    "lambda v: torch.cat([v, 0 * v], dim=1), lambda h: torch.cat([h, 0 * h], dim=1), "
    "lambda x: x, lambda x: 10 * x, first={first})"
)
gated_layer = Variants(
    ch04.gated_layer,
    asked=(
        "The features of both stacks, one layer on: figure 2 without its conditions, but one "
        "change."
    ),
    by_hand=(
        "let C = 1, and at the only pixel vertical(v) = [1, 0], horizontal(h) = [2, 0], link(x) = "
        "x and output(x) = 10 x. {outcome}"
    ),
    examples=tuple(CALL.format(first=first) for first in (True, False)),
)


def _linear_unit(features):
    value, switch = features.chunk(2, dim=1)
    return value * torch.sigmoid(switch)


@gated_layer.twist(
    "The vertical stack is residual as well: unless first, the old v is added to its gated "
    "features, as the old h is in the horizontal stack.",
    outcome=(
        "Then v is gate([1, 0]) = 0.381, plus the "
        "old v unless first, and h is 10 gate([3, 0]) = 4.975, plus the old h unless first"
    ),
)
def both_residual(v, h, vertical, horizontal, link, output, *, first):
    before = vertical(v)
    out = output(gate(horizontal(h) + link(before)))
    return (gate(before), out) if first else (v + gate(before), h + out)


@gated_layer.right
def both_residual_again(v, h, vertical, horizontal, link, output, *, first):
    full = vertical(v)
    value, switch = full.tensor_split(2, dim=1)
    steps = value.tanh() * switch.sigmoid(), output(gate(link(full) + horizontal(h)))
    return [new + old * (not first) for new, old in zip(steps, (v, h), strict=True)]


@gated_layer.twist(
    "Both gates are linear units: a value times sigmoid of its switch, without the tanh.",
    outcome=(
        "Then v is 1 * sigmoid(0) = 0.5, and h "
        "is 10 * 3 * sigmoid(0) = 15, plus the old h unless first"
    ),
)
def linear_gates(v, h, vertical, horizontal, link, output, *, first):
    before = vertical(v)
    out = output(_linear_unit(horizontal(h) + link(before)))
    return _linear_unit(before), out if first else h + out


@gated_layer.right
def linear_gates_again(v, h, vertical, horizontal, link, output, *, first):
    full = vertical(v)
    both = torch.stack([full, horizontal(h) + link(full)])
    half = full.shape[1] // 2
    new_v, gated = both[:, :, :half] / (1 + torch.exp(-both[:, :, half:]))
    return new_v, output(gated) + h * (not first)


@gated_layer.twist(
    "Where the link joins the horizontal stack, the sum is divided by the square root of 2, "
    "before the gate.",
    outcome=(
        "Then v is gate([1, 0]) = 0.381, and h "
        "is 10 gate([3 / 1.414, 0]) = 4.859, plus the old h unless first"
    ),
)
def scaled_sum(v, h, vertical, horizontal, link, output, *, first):
    before = vertical(v)
    out = output(gate((horizontal(h) + link(before)) / math.sqrt(2)))
    return gate(before), out if first else h + out


@gated_layer.right
def scaled_sum_again(v, h, vertical, horizontal, link, output, *, first):
    full = vertical(v)
    value, switch = ((link(full) + horizontal(h)) * 0.5**0.5).chunk(2, dim=1)
    out = output(value.tanh() * switch.sigmoid())
    return [gate(full), out + h * (not first)]


def _trial(
    n_channels: int, size: tuple[int, int], rng: torch.Generator, *, first: bool = False
) -> Trial:
    shape = (2, 1 if first else n_channels, *size)
    v, h = (torch.randn(shape, generator=rng, dtype=torch.float64) for _ in range(2))
    return Trial((v, h, *layer_parts(n_channels, rng, first=first)), {"first": first})


gated_layer.trials("both stacks of a later layer with two channels")(
    lambda rng: [_trial(2, (3, 4), rng)]
)
gated_layer.trials("later layers of several sizes", points=2)(
    lambda rng: [_trial(n, size, rng) for n, size in ((2, (5, 4)), (3, (3, 5)), (4, (2, 2)))]
)
gated_layer.trials("a first layer, and one that is not the first")(
    lambda rng: [_trial(3, (3, 5), rng, first=first) for first in (True, False)]
)
