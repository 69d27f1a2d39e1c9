"""Variants of exercise 14.1: other axes, other intervals, other units."""

import math

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch14
from tutorial_lib.exercises.trials import Trial

logistic_nats = Variants(
    ch14.logistic_nats,
    by_hand="L = 3, μ = 0, log s = 0. {outcome}",
    examples=(
        "logistic_nats(torch.arange(3), torch.zeros(3), torch.zeros(3), 3)",
        "logistic_nats(torch.tensor([0, 2, 3]), torch.full((3,), 0.4), torch.full((3,), -1.0), 4)",
    ),
)


def _usual(levels, n_levels):
    return 2 * levels.double() / (n_levels - 1) - 1


def _twist(says, by_hand, *, place=_usual, reach=(1, 1), width=1, unit=1.0, **words):
    """place: of a level on the axis. reach: of its interval, in half steps down and up. width: what
    log_widths are multiplied by. unit: what the nats are divided by."""

    def ends(levels, centres, log_widths, n_levels):
        value = place(levels, n_levels)
        half = (place(torch.tensor(1), n_levels) - place(torch.tensor(0), n_levels)) / 2
        narrow = torch.exp(-width * log_widths.double())
        lower = (value - reach[0] * half - centres) * narrow
        return lower, (value + reach[1] * half - centres) * narrow

    @logistic_nats.twist(says, outcome=by_hand, **words)
    def right(levels, centres, log_widths, n_levels):
        lower, upper = ends(levels, centres, log_widths, n_levels)
        share = F.logsigmoid(upper) + F.logsigmoid(-lower) + (-torch.expm1(lower - upper)).log()
        share = torch.where(levels == 0, F.logsigmoid(upper), share)
        share = torch.where(levels == n_levels - 1, F.logsigmoid(-lower), share)
        return (-share / unit).to(centres.dtype)

    @logistic_nats.right
    def on_the_near_side(levels, centres, log_widths, n_levels):
        lower, upper = ends(levels, centres, log_widths, n_levels)
        lower = torch.where(levels == 0, -torch.inf, lower)
        upper = torch.where(levels == n_levels - 1, torch.inf, upper)
        left, right = (torch.where(lower > 0, a, b) for a, b in ((-upper, lower), (-lower, upper)))
        tail = (F.logsigmoid(left) - F.logsigmoid(right)).exp()
        return (-(F.logsigmoid(right) + torch.log1p(-tail)) / unit).to(centres.dtype)


_twist(
    "Asked are bits.",
    "P = 0.378, 0.245, 0.378 as in the chapter. They cost 1.405, 2.030, 1.405 bits",
    unit=math.log(2),
    returns=(
        "-log2 P, the same shape. A level gets the share of the logistic between half a step below "
        "it and half a step above it; the lowest level all that lies below as well, the highest "
        "all that lies above"
    ),
)
_twist(
    "The axis goes from 0 (level 0) to 1 (level L-1), and so do the centres.",
    (
        "The levels lie at 0, 1/2, 1, half a step is 1/4. σ(1/4) = 0.562 and σ(3/4) = 0.679, so P "
        "= 0.562, 0.117, 0.321. They cost 0.576, 2.147, 1.137"
    ),
    place=lambda levels, n_levels: levels.double() / (n_levels - 1),
    levels="torch.long, any shape: 0 .. L-1. Level v lies at v / (L-1), from 0 to 1",
)
_twist(
    "In the place of log s its negative is given, the log of 1 / s: large numbers, narrow bells.",
    "log (1 / s) = 0 as well: P = 0.378, 0.245, 0.378. They cost 0.974, 1.407, 0.974",
    width=-1,
    log_widths="floats, the same shape: log (1 / s)",
)
_twist(
    "The interval of a level begins at the level and ends at the next one.",
    (
        "The levels lie at -1, 0, 1. Level 0 has all below 0, level 1 from 0 to 1, level 2 all "
        "above 1. P = 0.5, 0.231, 0.269. They cost 0.693, 1.465, 1.313"
    ),
    reach=(0, 2),
    returns=(
        "-log P, the same shape. A level gets the share of the logistic between itself and the "
        "next level, P = σ((next - μ) / s) - σ((own - μ) / s). The lowest level gets all that lies "
        "below as well, the highest all that lies above itself"
    ),
)


def _trial(shape, n_levels, log_width, rng, dtype=torch.float64) -> Trial:
    levels = torch.randint(n_levels, shape, generator=rng)
    centres = 2.4 * torch.rand(shape, generator=rng, dtype=dtype) - 1.2
    log_widths = log_width + torch.rand(shape, generator=rng, dtype=dtype)
    return Trial((levels, centres, log_widths, n_levels))


logistic_nats.trials("a few levels")(
    lambda rng: [_trial((12,), 5, -1.5, rng), _trial((3, 4), 3, -1.0, rng)]
)
logistic_nats.trials("256 levels, in any shape")(
    lambda rng: [_trial((2, 3, 6), 256, -3.0, rng), _trial((20,), 256, -2.0, rng)]
)
logistic_nats.trials("256 levels far from a narrow centre")(
    lambda rng: [_trial((30,), 256, -5.5, rng, torch.float32)]
)
