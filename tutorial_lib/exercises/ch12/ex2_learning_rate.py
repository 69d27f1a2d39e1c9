"""Exercise 12.2: a learning rate that rises, then falls."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise, says
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


def _done(step, n_steps, n_warm):
    return (step - n_warm) / (n_steps - n_warm)


def _wrong_rise(name: str, told: str, line) -> None:
    """line(step, n_warm) in the warm-up; the fall as it should be, one step early, or none."""

    def right_fall(step, n_steps, peak, n_warm):
        rising = step < n_warm
        return peak * (line(step, n_warm) if rising else _falling(step, n_steps, n_warm))

    def early_fall(step, n_steps, peak, n_warm):
        rising = step < n_warm
        return peak * (line(step, n_warm) if rising else _falling(step + 1, n_steps, n_warm))

    def no_fall(step, n_steps, peak, n_warm):
        return peak * (line(step, n_warm) if step < n_warm else 1.0)

    for function in (right_fall, early_fall, no_fall):
        function.__name__ = f"{name}_{function.__name__}"
        learning_rate.wrong(told)(function)


def _wrong_fall(name: str, told: str, line) -> None:
    """line(step, n_steps, n_warm) after the warm-up, which is right."""

    def function(step, n_steps, peak, n_warm):
        rising = step < n_warm
        return peak * ((step + 1) / n_warm if rising else line(step, n_steps, n_warm))

    function.__name__ = name
    learning_rate.wrong(told)(function)


IDLE = "The first step has the rate 0 and learns nothing. It is the first of n_warm: 1 / n_warm."
_wrong_rise("idle", IDLE, lambda step, n_warm: step / n_warm)
_wrong_rise("idle, peak at n_warm - 1", IDLE, lambda step, n_warm: step / max(1, n_warm - 1))
_wrong_rise(
    "too long",
    "The rise takes n_warm + 1 steps: step n_warm - 1 should have the peak already.",
    lambda step, n_warm: (step + 1) / (n_warm + 1),
)
_wrong_rise(
    "ahead",
    "The rise is a step ahead: step 0 should have 1 / n_warm of the peak.",
    lambda step, n_warm: min(1.0, (step + 2) / n_warm),
)
_wrong_rise(
    "no warm-up",
    "There is no warm-up: the largest step is the very first, when nothing is known yet.",
    lambda step, n_warm: 1.0,
)
_wrong_rise(
    "curved",
    "The rise is a curve. Asked for is a straight line: every step adds the same.",
    lambda step, n_warm: ((step + 1) / n_warm) ** 2,
)

_wrong_fall(
    "the last step is idle",
    "The last step has the rate 0, a step for nothing. The line meets 0 one step later.",
    lambda step, n_steps, n_warm: (n_steps - 1 - step) / max(1, n_steps - 1 - n_warm),
)
_wrong_fall(
    "a step early",
    "The fall begins one step early: step n_warm has the peak as well, and the last step is not "
    "yet at 0.",
    lambda step, n_steps, n_warm: _falling(step + 1, n_steps, n_warm),
)
_wrong_fall(
    "a step too long",
    "The fall counts one step too many, so step n_warm is already below the peak.",
    lambda step, n_steps, n_warm: (n_steps - step) / (n_steps - n_warm + 1),
)
_wrong_fall(
    "meets 0 too late",
    "The fall ends a step too late: the line should be at 0 at step n_steps, not after it.",
    lambda step, n_steps, n_warm: (n_steps + 1 - step) / (n_steps + 1 - n_warm),
)
_wrong_fall(
    "no fall",
    "The rate stays at the peak for good. Near the end the steps should become small.",
    lambda step, n_steps, n_warm: 1.0,
)
_wrong_fall(
    "over n_steps",
    "The fall is spread over n_steps, but only n_steps - n_warm steps are left: the last rates are "
    "far from 0.",
    lambda step, n_steps, n_warm: 1 - (step - n_warm) / n_steps,
)
_wrong_fall(
    "n_warm taken off twice",
    "n_warm is taken off the steps that are left, too. They are n_steps - step, warm-up or not.",
    lambda step, n_steps, n_warm: (n_steps - n_warm - step) / (n_steps - n_warm),
)
_wrong_fall(
    "rises again",
    "After the warm-up the rate drops to 0 and rises again. The line is upside down.",
    lambda step, n_steps, n_warm: (step - n_warm) / (n_steps - n_warm),
)
_wrong_fall(
    "at the end only",
    "The rate stays at the peak and falls only over the last n_warm steps. It falls from step "
    "n_warm on.",
    lambda step, n_steps, n_warm: min(1.0, (n_steps - step) / n_warm),
)
_wrong_fall(
    "rises a step more",
    "Step n_warm still rises, above the peak: with `<=` the rise has a step too many.",
    lambda step, n_steps, n_warm: _falling(step, n_steps, n_warm) + (step == n_warm) / n_warm,
)
COSINE = "The fall is half a cosine. That is a schedule in wide use, but not a straight line."
CURVED = "The fall is a curve. Asked for is a straight line: every step takes off the same."
_wrong_fall(
    "cosine", COSINE, lambda step, n, warm: (1 + math.cos(math.pi * _done(step, n, warm))) / 2
)
_wrong_fall("exponential", CURVED, lambda step, n, warm: math.exp(-_done(step, n, warm)))
_wrong_fall("fast exponential", CURVED, lambda step, n, warm: math.exp(-5 * _done(step, n, warm)))
_wrong_fall("square", CURVED, lambda step, n, warm: _falling(step, n, warm) ** 2)
_wrong_fall("root", CURVED, lambda step, n, warm: _falling(step, n, warm) ** 0.5)
_wrong_fall("one over the root", CURVED, lambda step, n, warm: (warm / (step + 1)) ** 0.5)
_wrong_fall("one over the root, from 0", CURVED, lambda step, n, warm: (warm / step) ** 0.5)
FROM_THE_START = (
    "The fall is counted from step 0, not from step n_warm, so the rate is below the peak as soon "
    "as the warm-up is over."
)
_wrong_fall("from the start", FROM_THE_START, lambda step, n_steps, n_warm: 1 - step / n_steps)


@learning_rate.mistakes
class Mistakes:
    def fall_without_a_warm_up(step, n_steps, peak, n_warm):
        """There is no warm-up: one line falls from step 0 to the end."""
        return peak * (n_steps - step) / n_steps

    def both_factors_multiplied(step, n_steps, peak, n_warm):
        """Both lines are multiplied, so the peak is never reached and the rise is bent."""
        return peak * min(1.0, (step + 1) / n_warm) * (n_steps - step) / n_steps

    @says(FROM_THE_START)
    def the_peak_is_cut_off(step, n_steps, peak, n_warm):
        return _shape((step + 1) / n_warm, (n_steps - step) / n_steps, peak)

    def never_capped(step, n_steps, peak, n_warm):
        """The rise never ends: the rate grows far above the peak."""
        return peak * (step + 1) / n_warm

    def whole_numbers(step, n_steps, peak, n_warm):
        """`//` throws away what follows the decimal point, and most of the rates become 0."""
        return peak * min(1, (step + 1) // n_warm, (n_steps - step) // (n_steps - n_warm))

    def the_peak_left_out(step, n_steps, peak, n_warm):
        """This is the share of the peak. Multiply it by the peak."""
        return reference(step, n_steps, 1.0, n_warm)

    def the_peak_as_a_cap_only(step, n_steps, peak, n_warm):
        """The peak only caps the lines, which run up to 1. Multiply them by it."""
        return min(peak, (step + 1) / n_warm, _falling(step, n_steps, n_warm))

    def divided_by_the_peak(step, n_steps, peak, n_warm):
        """The share is divided by the peak. Multiply."""
        return reference(step, n_steps, 1.0, n_warm) / peak

    def rises_over_n_steps(step, n_steps, peak, n_warm):
        """The rise is spread over n_steps, not over the n_warm steps that it has."""
        return _shape((step + 1) / n_steps, _falling(step, n_steps, n_warm), peak)

    @says(" ".join(rises_over_n_steps.__doc__.split()))
    def rises_over_n_steps_until_n_warm(step, n_steps, peak, n_warm):
        falls = step >= n_warm
        return peak * (_falling(step, n_steps, n_warm) if falls else (step + 1) / n_steps)

    def the_fall_a_step_too_soon(step, n_steps, peak, n_warm):
        """Step n_warm - 1 lies on the falling line, above the peak. It is the last that rises."""
        falls = step >= n_warm - 1
        return peak * (_falling(step, n_steps, n_warm) if falls else (step + 1) / n_warm)

    def the_larger_of_two(step, n_steps, peak, n_warm):
        """The larger of the two lines is taken. The rate is the lower one: in the warm-up the
        falling line lies above it."""
        return peak * max((step + 1) / n_warm, _falling(step, n_steps, n_warm))

    def both_lines_added(step, n_steps, peak, n_warm):
        """The two lines are added. The rate is the lower of the two."""
        return peak * ((step + 1) / n_warm + _falling(step, n_steps, n_warm))


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
