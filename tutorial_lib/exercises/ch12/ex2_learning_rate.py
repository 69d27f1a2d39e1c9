"""Exercise 12.2: a learning rate that rises, then falls."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(step: int, n_steps: int, peak: float, n_warm: int) -> float:
    """A line up over the first n_warm steps, then a line down that meets 0 at step n_steps."""
    rising = (step + 1) / n_warm
    falling = (n_steps - step) / (n_steps - n_warm)
    return peak * min(1.0, rising, falling)


learning_rate = Exercise(
    "12.2",
    "Up, then down",
    goal="Write the schedule of `fit`: a linear warm-up, then a line that meets 0 after the end.",
    minutes=10,
    reference=reference,
    otherwise="This is another schedule.",
    stub='''\
def learning_rate(step: int, n_steps: int, peak: float, n_warm: int) -> float:
    """The rate of one step: a line up to the peak, then a line down towards 0.

    step     0 .. n_steps - 1
    n_warm   1 .. n_steps - 1: the first n_warm steps rise evenly; the last of them has the peak
    returns  after them, the rate falls evenly from the peak, which step n_warm has as well, so that
             step n_steps, the first that is *not* taken, would have 0

    By hand: peak 1, n_steps 6, n_warm 2 gives 1/2, 1, 1, 3/4, 1/2, 1/4
    """
    ____
''',
    answer="""\
def learning_rate(step, n_steps, peak, n_warm):
    if step < n_warm:
        return peak * (step + 1) / n_warm  # step 0 has 1 / n_warm
    left = n_steps - step  # steps until the rate would be 0
    return peak * left / (n_steps - n_warm)
""",
    hints=(
        """Two straight lines. The first has the value 1 / n_warm at step 0 and 1 at step n_warm
        - 1; the second 1 at step n_warm and 0 at step n_steps. The lower of the two is the
        answer, times the peak.""",
        """(step + 1) / n_warm, (n_steps - step) / (n_steps - n_warm) and `min`.""",
        """If the first step has the rate 0, it is a step that learns nothing: count it as the
        first, not as number 0. If the last has 0, the same is true at the other end.""",
    ),
)


def _schedule(rng: torch.Generator) -> tuple[int, float, int]:
    n_warm = int(torch.randint(3, 8, (), generator=rng))
    n_steps = n_warm + int(torch.randint(8, 20, (), generator=rng))
    peak = 0.2 + 0.1 * int(torch.randint(6, (), generator=rng))
    return n_steps, round(peak, 1), n_warm


def _trials(steps, n_steps: int, peak: float, n_warm: int) -> list[Trial]:
    return [Trial((step, n_steps, peak, n_warm)) for step in steps]


@learning_rate.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    step, n_steps, peak, n_warm = trial.args
    return (
        f"Step {step} of 0 .. {n_steps - 1}, peak {peak}, {n_warm} steps of warm-up: the rate "
        f"should be {number(want)}. Your function says {number(got)}."
    )


@learning_rate.also_try
def more(rng):
    schedule = _schedule(rng)
    return _trials(range(schedule[0]), *schedule)


@learning_rate.trials("the steps of the warm-up")
def the_rise(rng):
    n_steps, peak, n_warm = _schedule(rng)
    return _trials(range(n_warm), n_steps, peak, n_warm)


@learning_rate.trials("the steps after it")
def the_fall(rng):
    n_steps, peak, n_warm = _schedule(rng)
    return _trials(range(n_warm, n_steps), n_steps, peak, n_warm)


@learning_rate.trials("one step of warm-up, and one step of fall")
def short_runs(rng):
    """One step of warm-up, and one step of fall."""
    peak = _schedule(rng)[1]
    return [*_trials(range(7), 7, peak, 1), *_trials(range(7), 7, peak, 6)]


def _shape(rising, falling, peak):
    return peak * min(1.0, rising, falling)


def _falling(step, n_steps, n_warm):
    return (n_steps - step) / (n_steps - n_warm)


@learning_rate.mistakes
class Mistakes:
    def the_first_step_is_idle(step, n_steps, peak, n_warm):
        """The first step has the rate 0 and learns nothing: the rise starts one step late."""
        return _shape(step / n_warm, _falling(step, n_steps, n_warm), peak)

    def the_last_step_is_idle(step, n_steps, peak, n_warm):
        """The last step has the rate 0, a step for nothing. The line meets 0 one step later."""
        falling = (n_steps - 1 - step) / max(1, n_steps - 1 - n_warm)
        return _shape((step + 1) / n_warm, falling, peak)

    def falls_a_step_early(step, n_steps, peak, n_warm):
        """The fall begins one step early: step n_warm has the peak as well, and the last step is
        not yet at 0."""
        return _shape((step + 1) / n_warm, (n_steps - step - 1) / (n_steps - n_warm), peak)

    def rises_a_step_too_long(step, n_steps, peak, n_warm):
        """The rise takes n_warm + 1 steps: step n_warm - 1 should have the peak already."""
        return _shape((step + 1) / (n_warm + 1), _falling(step, n_steps, n_warm), peak)

    def no_fall(step, n_steps, peak, n_warm):
        """The rate stays at the peak for good. Near the end the steps should become small."""
        return _shape((step + 1) / n_warm, 1.0, peak)

    def no_warm_up(step, n_steps, peak, n_warm):
        """There is no warm-up: the largest step is the very first, when nothing is known yet."""
        return peak * (n_steps - step) / n_steps

    def both_factors_multiplied(step, n_steps, peak, n_warm):
        """Both lines are multiplied, so the peak is never reached and the rise is bent."""
        return peak * min(1.0, (step + 1) / n_warm) * (n_steps - step) / n_steps

    def falls_from_the_start(step, n_steps, peak, n_warm):
        """The fall starts at step 0, not at step n_warm, so the peak is cut off."""
        return _shape((step + 1) / n_warm, (n_steps - step) / n_steps, peak)

    def cosine(step, n_steps, peak, n_warm):
        """The fall is half a cosine. That is a schedule in wide use, but not a straight line."""
        if step < n_warm:
            return peak * (step + 1) / n_warm
        return peak * (1 + math.cos(math.pi * (step - n_warm) / (n_steps - n_warm))) / 2

    def never_capped(step, n_steps, peak, n_warm):
        """The rise never ends: the rate grows far above the peak."""
        return peak * (step + 1) / n_warm

    def whole_numbers(step, n_steps, peak, n_warm):
        """`//` throws away what follows the decimal point, and most of the rates become 0."""
        return peak * min(1, (step + 1) // n_warm, (n_steps - step) // (n_steps - n_warm))

    def the_peak_left_out(step, n_steps, peak, n_warm):
        """This is the share of the peak. Multiply it by the peak."""
        return reference(step, n_steps, 1.0, n_warm)

    def the_larger_of_two(step, n_steps, peak, n_warm):
        """The larger of the two lines is taken, so that the warm-up has no effect."""
        return peak * min(1.0, max((step + 1) / n_warm, _falling(step, n_steps, n_warm)))


@learning_rate.right
def by_cases(step, n_steps, peak, n_warm):
    if step < n_warm:
        return peak / n_warm * (step + 1)
    return peak - peak / (n_steps - n_warm) * (step - n_warm)


@learning_rate.right
def from_a_table(step, n_steps, peak, n_warm):
    up = torch.linspace(0, peak, n_warm + 1, dtype=torch.float64)[1:]
    down = torch.linspace(peak, 0, n_steps - n_warm + 1, dtype=torch.float64)[:-1]
    return torch.cat([up, down])[step]
