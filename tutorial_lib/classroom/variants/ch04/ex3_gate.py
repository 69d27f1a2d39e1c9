"""Variants of exercise 4.3: other halves, other gates."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch04
from tutorial_lib.exercises.trials import Trial

gate = Variants(
    ch04.gate,
    examples=(
        "gate(torch.tensor([1.0, 0.0, -1.0, 2.0]).view(1, 4, 1, 1))",
        "gate(torch.tensor([0.0, 1.0]).view(1, 2, 1, 1))",
    ),
)


@gate.twist(
    "The switches come first, then the values.",
    features="(B, 2C, H, W): the first C channels are switches, the other C their values",
    by_hand=("features [0, 1] at the only pixel give tanh(1) * sigmoid(0) = 0.762 * 0.5 = 0.381"),
)
def switches_first(features):
    switch, value = features.chunk(2, dim=1)
    return torch.tanh(value) * torch.sigmoid(switch)


@gate.right
def switches_first_again(features):
    half = features.shape[1] // 2
    return features[:, half:].tanh() / (1 + torch.exp(-features[:, :half]))


@gate.twist(
    "Values and switches take turns: each value is followed by its own switch.",
    features=(
        "(B, 2C, H, W): channels 0, 2, 4, ... are values, channels 1, 3, 5, ... their switches"
    ),
    by_hand=(
        "features [1, 0, 0, 5] at the only pixel give "
        "[tanh(1) * sigmoid(0), tanh(0) * sigmoid(5)] = [0.381, 0]"
    ),
)
def interleaved(features):
    return torch.tanh(features[:, 0::2]) * torch.sigmoid(features[:, 1::2])


@gate.right
def interleaved_again(features):
    value, switch = features.unflatten(1, (-1, 2)).unbind(2)
    return value.tanh() / (1 + torch.exp(-switch))


@gate.twist(
    "The value is passed on as it is: a gated linear unit, without the tanh.",
    asked="A value, times sigmoid of its switch.",
    by_hand="value 3 and switch 0 at the only pixel give 3 * sigmoid(0) = 1.5",
)
def linear(features):
    value, switch = features.chunk(2, dim=1)
    return value * torch.sigmoid(switch)


@gate.right
def linear_again(features):
    half = features.shape[1] // 2
    return features[:, :half] / (1 + torch.exp(-features[:, half:]))


@gate.twist(
    "A switch b chooses between two values, a and itself: "
    "sigmoid(b) tanh(a) + (1 - sigmoid(b)) tanh(b).",
    asked="A mean of tanh of a value and tanh of its switch, weighted by the switch.",
    features="(B, 2C, H, W): the first C channels are values a, the other C switches b",
    by_hand=(
        "a = 1 and b = 0 at the only pixel give 0.5 * 0.762 + 0.5 * 0 = 0.381. a = 0 and b = "
        "1 give (1 - 0.731) * 0.762 = 0.205"
    ),
)
def between_two(features):
    value, switch = features.tanh().chunk(2, dim=1)
    share = torch.sigmoid(features[:, value.shape[1] :])
    return share * value + (1 - share) * switch


@gate.right
def between_two_again(features):
    first, second = torch.tensor_split(features, 2, dim=1)
    return torch.lerp(second.tanh(), first.tanh(), 1 / (1 + torch.exp(-second)))


def _trials(rng: torch.Generator, channels: tuple[int, ...], scale: float = 1.5) -> list[Trial]:
    return [Trial((scale * torch.randn((3, n, 4, 6), generator=rng),)) for n in channels]


gate.trials("one and two values with their switches")(lambda rng: _trials(rng, (2, 4)))
gate.trials("several of them")(lambda rng: _trials(rng, (6, 10)))
gate.trials("large values and shut switches")(lambda rng: _trials(rng, (4,), 6.0))
