"""Exercise 5.2: a straight line between two labels."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(first: int, second: int, n_steps: int, n_classes: int) -> Tensor:
    """One-hot vectors on a straight line from one label to another: (n_steps, n_classes)."""
    share = torch.linspace(0, 1, n_steps)[:, None]
    one_hot = torch.eye(n_classes)
    return (1 - share) * one_hot[first] + share * one_hot[second]


soft_labels = Exercise(
    "5.2",
    "Between two labels",
    goal="Lay a straight line between the one-hot vectors of two labels.",
    minutes=5,
    reference=reference,
    otherwise="These vectors do not lie on the straight line, or not evenly.",
    stub='''\
def soft_labels(first: int, second: int, n_steps: int, n_classes: int) -> torch.Tensor:
    """Conditions h that lead from one label to another, on a straight line and in even steps.

    first, second  labels, 0 .. n_classes - 1; they may be the same
    n_steps        how many conditions, at least 2: the two labels themselves count
    returns        (n_steps, n_classes), floating point

    By hand: of soft_labels(0, 2, 3, 3), the middle row is [0.5, 0, 0.5]
    """
    ____
''',
    answer="""\
def soft_labels(first, second, n_steps, n_classes):
    rows = torch.zeros(n_steps, n_classes)
    for step in range(n_steps):
        share = step / (n_steps - 1)  # of the second label: from 0 to 1
        rows[step, first] += 1 - share
        rows[step, second] += share  # +=, as the second label may be the first
    return rows
""",
    hints=(
        """A label is a corner of a cube: all zeros and a single 1. The straight line between two
        corners touches no third one: on the way, h is so much of the first and so much of the
        second.""",
        """`torch.linspace(0, 1, n_steps)` holds the share of the second label, both ends
        included. `torch.eye(n_classes)[first]` is a one-hot vector; `share[:, None]` makes a
        column.""",
        """If other classes turn up on the way, you have interpolated the numbers of the labels.
        If a line from a label to itself has a hole in the middle, the second assignment has
        overwritten the first.""",
    ),
)


@soft_labels.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    row, label = first_difference(got, want)
    call = ", ".join(map(str, trial.args))
    return (
        f"soft_labels({call}), row {row}: label {label} has the share {number(want[row, label])}, "
        f"the whole row is {numbers(want[row])}. Yours is {numbers(got[row])}."
    )


DIAGNOSE_ON = [Trial((0, 4, 6, 5)), Trial((3, 1, 5, 6)), Trial((2, 2, 3, 4))]


@soft_labels.trials("the two ends alone")
def check_ends(rng):
    """Two rows: nothing but the ends."""
    return [Trial((0, 1, 2, 2)), Trial((4, 1, 2, 6))]


@soft_labels.trials("evenly spaced steps between them")
def check_between(rng):
    n_classes = int(torch.randint(5, 12, (), generator=rng))
    return [Trial((0, 2, 3, 3)), Trial((n_classes - 1, 0, 9, n_classes))]


soft_labels.trials("a label and itself")(lambda rng: [Trial((1, 1, 4, 3))])
soft_labels.also_try(lambda rng: DIAGNOSE_ON)


def _share(n_steps):
    return torch.linspace(0, 1, n_steps)


def _filled(first, second, share, n_classes):
    one_hot = torch.eye(n_classes)
    return (1 - share)[:, None] * one_hot[first] + share[:, None] * one_hot[second]


@soft_labels.mistakes
class Mistakes:
    def numbers_of_labels(first, second, n_steps, n_classes):
        """The numbers of the labels are interpolated, so the way leads through the labels between
        them. A label is a name; its number has no neighbours."""
        between = first + (second - first) * _share(n_steps)
        return torch.eye(n_classes)[between.round().long()]

    def the_last_step_left_out(first, second, n_steps, n_classes):
        """The line stops one step before the second label. Both ends belong to it."""
        return _filled(first, second, torch.arange(n_steps) / n_steps, n_classes)

    def both_ends_left_out(first, second, n_steps, n_classes):
        """Neither end is a one-hot vector: the first row has to be the first label alone, the last
        row the second."""
        return _filled(first, second, (torch.arange(n_steps) + 1) / (n_steps + 1), n_classes)

    def backwards(first, second, n_steps, n_classes):
        """The line runs backwards, from the second label to the first."""
        return reference(second, first, n_steps, n_classes)

    def switched(first, second, n_steps, n_classes):
        """Half-way, h jumps from one label to the other. Between the ends it has to hold a share of
        each."""
        return _filled(first, second, (_share(n_steps) >= 0.5).float(), n_classes)

    def both_in_full(first, second, n_steps, n_classes):
        """Between the ends both labels are set to 1. The shares have to sum to 1, as at the
        ends."""
        h = torch.eye(n_classes)[first] + torch.eye(n_classes)[second]
        h = h.clamp(max=1).expand(n_steps, -1).clone()
        h[0], h[-1] = torch.eye(n_classes)[first], torch.eye(n_classes)[second]
        return h

    def overwritten(first, second, n_steps, n_classes):
        """From a label to itself, the second assignment overwrites the first. Add the two
        shares."""
        h = torch.zeros(n_steps, n_classes)
        h[:, first] = 1 - _share(n_steps)
        h[:, second] = _share(n_steps)
        return h

    def on_a_circle(first, second, n_steps, n_classes):
        """The shares are a cosine and a sine: that is an arc, on which h keeps its length. The line
        is straight, and the shares sum to 1."""
        angle = _share(n_steps)[:, None] * math.pi / 2
        one_hot = torch.eye(n_classes)
        return angle.cos() * one_hot[first] + angle.sin() * one_hot[second]

    def through_the_mean_of_all(first, second, n_steps, n_classes):
        """Half-way, every label has the same share. The line has to stay between its two ends."""
        share = _share(n_steps)[:, None]
        line = _filled(first, second, _share(n_steps), n_classes)
        uniform = torch.full((n_classes,), 1 / n_classes)
        near = 4 * share * (1 - share)
        return (1 - near) * line + near * uniform


@soft_labels.right
def by_lerp(first, second, n_steps, n_classes):
    ends = torch.eye(n_classes, dtype=torch.float64)[[first, second]]
    return torch.lerp(ends[0], ends[1], torch.linspace(0, 1, n_steps).double()[:, None])


@soft_labels.right
def row_by_row(first, second, n_steps, n_classes):
    h = torch.zeros(n_steps, n_classes)
    for i in range(n_steps):
        h[i, first] += 1 - i / (n_steps - 1)
        h[i, second] += i / (n_steps - 1)
    return h
