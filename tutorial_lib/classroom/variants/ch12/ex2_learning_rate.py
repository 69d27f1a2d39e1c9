"""Variants of exercise 12.2: other ways down."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch12
from tutorial_lib.exercises.trials import Trial

learning_rate = Variants(
    ch12.learning_rate,
    asked="The rate of one step: a line up to the peak, then down.",
    returns="after them, {fall}",
    by_hand="peak 1, n_steps 6, n_warm 2 gives 1/2, 1, {outcome}",
    examples=(
        "[learning_rate(step, 6, 1.0, 2) for step in range(6)]",
        "learning_rate(9, 12, 0.5, 3)",
    ),
)


@learning_rate.twist(
    "The rate falls along half a wave of a cosine, not along a line.",
    fall=(
        "the rate is the peak times (1 + cos(pi a)) / 2, where a grows evenly from 0 at step "
        "n_warm to 1 at step n_steps, the first that is *not* taken"
    ),
    outcome="1, 0.854, 1/2, 0.146",
)
def cosine(step, n_steps, peak, n_warm):
    if step < n_warm:
        return peak * (step + 1) / n_warm
    return peak * (1 + math.cos(math.pi * (step - n_warm) / (n_steps - n_warm))) / 2


@learning_rate.right
def half_angle(step, n_steps, peak, n_warm):
    part = max(0.0, (step - n_warm) / (n_steps - n_warm))
    return peak * min(1.0, (step + 1) / n_warm) * math.cos(math.pi / 2 * part) ** 2


@learning_rate.twist(
    "The rate falls as one over the square root of the number of steps, not along a line.",
    fall=(
        "the rate is in proportion to 1 / sqrt(step + 1), so that a rate of this kind at step "
        "n_warm - 1, the last that rises, would be the peak"
    ),
    outcome="0.816, 0.707, 0.632, 0.577",
)
def inverse_root(step, n_steps, peak, n_warm):
    return peak * min((step + 1) / n_warm, math.sqrt(n_warm / (step + 1)))


@learning_rate.right
def by_cases(step, n_steps, peak, n_warm):
    taken = step + 1
    return peak * taken / n_warm if taken <= n_warm else peak * (taken / n_warm) ** -0.5


def _to_a_floor(share: int):
    falls = [1 - i / 4 * (1 - 1 / share) for i in range(4)]

    @learning_rate.twist(
        f"The rate falls towards a {'fifth' if share == 5 else 'tenth'} of the peak, not to 0.",
        fall=(
            "the rate falls evenly from the peak, which step n_warm has as well, so that step "
            f"n_steps, the first that is *not* taken, would have peak / {share}"
        ),
        outcome=", ".join(f"{fall:g}" for fall in falls),
    )
    def right(step, n_steps, peak, n_warm):
        if step < n_warm:
            return peak * (step + 1) / n_warm
        part = (n_steps - step) / (n_steps - n_warm)
        return peak * (part + (1 - part) / share)

    @learning_rate.right
    def from_a_table(step, n_steps, peak, n_warm):
        up = torch.linspace(0, peak, n_warm + 1, dtype=torch.float64)[1:]
        down = torch.linspace(peak, peak / share, n_steps - n_warm + 1, dtype=torch.float64)
        return float(torch.cat([up, down])[step])


_to_a_floor(5)
_to_a_floor(10)


@learning_rate.twist(
    "The rate stays at the peak for the first half of the time after the warm-up.",
    fall=(
        "the peak is held up to the middle between n_warm and n_steps (which may lie between "
        "two steps); from the middle on, the rate falls evenly, so that step n_steps, the "
        "first that is *not* taken, would have 0"
    ),
    outcome="1, 1, 1, 1/2",
)
def held(step, n_steps, peak, n_warm):
    rising = (step + 1) / n_warm
    falling = 2 * (n_steps - step) / (n_steps - n_warm)
    return peak * min(1.0, rising, falling)


@learning_rate.right
def held_by_cases(step, n_steps, peak, n_warm):
    middle = (n_warm + n_steps) / 2
    if step < n_warm:
        return peak / n_warm * (step + 1)
    if step <= middle:
        return peak
    return peak - peak * (step - middle) / (n_steps - middle)


def _schedule(n_warm: int, n_fall: int, rng: torch.Generator) -> list[Trial]:
    """Every step of a run."""
    n_warm += int(torch.randint(3, (), generator=rng))
    n_fall += int(torch.randint(3, (), generator=rng))
    peak = round(0.2 + 0.1 * int(torch.randint(6, (), generator=rng)), 1)
    return [Trial((step, n_warm + n_fall, peak, n_warm)) for step in range(n_warm + n_fall)]


learning_rate.trials("short runs")(lambda rng: _schedule(2, 4, rng))
learning_rate.trials("longer runs")(lambda rng: _schedule(5, 12, rng))
learning_rate.trials("one step of warm-up, or few")(lambda rng: _schedule(1, 6, rng))
