"""Exercise 5.2: a straight line between two labels."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
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


NUMBERS = (
    "The numbers of the labels are interpolated, so the way leads through the labels between them. "
    "A label is a name; its number has no neighbours."
)
NO_END = (
    "Neither end is a one-hot vector: the first row has to be the first label alone, the last row "
    "the second."
)
OVERWRITTEN = (
    "From a label to itself, one assignment overwrites the other. Add the two shares in the one "
    "place that both have."
)
UNEVEN = "The steps are not even: from row to row, the share of the second label grows by the same."
JUMP = (
    "Half-way, h jumps from one label to the other. Between the ends it has to hold a share of "
    "each."
)
ARC = (
    "That is an arc: the shares sum to more than 1 between the ends. The line is straight, and the "
    "shares sum to 1."
)
ONE_ONLY = "Only one of the two labels is in it. A row holds a share of each; together they make 1."


@soft_labels.advises
def advice(shape, trial):
    _, _, n_steps, n_classes = trial.args
    if shape[1:] == (n_classes,):
        return "There are n_steps rows in all, and the two ends are among them."
    return "A row is a condition: it has n_classes numbers." if shape[:1] == (n_steps,) else ""


def _share(n_steps):
    return torch.linspace(0, 1, n_steps)


def _filled(first, second, share, n_classes):
    one_hot = torch.eye(n_classes)
    return (1 - share)[:, None] * one_hot[first] + share[:, None] * one_hot[second]


@soft_labels.mistakes
class Mistakes:
    @says(NUMBERS)
    def numbers_of_labels(first, second, n_steps, n_classes):
        between = first + (second - first) * _share(n_steps)
        return torch.eye(n_classes)[between.round().long()]

    def the_last_step_left_out(first, second, n_steps, n_classes):
        """The line stops one step before the second label. Both ends belong to it."""
        return _filled(first, second, torch.arange(n_steps) / n_steps, n_classes)

    @says(NO_END)
    def both_ends_left_out(first, second, n_steps, n_classes):
        return _filled(first, second, (torch.arange(n_steps) + 1) / (n_steps + 1), n_classes)

    def backwards(first, second, n_steps, n_classes):
        """The line runs backwards, from the second label to the first."""
        return reference(second, first, n_steps, n_classes)

    @says(JUMP)
    def switched(first, second, n_steps, n_classes):
        return _filled(first, second, (_share(n_steps) >= 0.5).float(), n_classes)

    def both_in_full(first, second, n_steps, n_classes):
        """Between the ends both labels are set to 1. The shares have to sum to 1, as at the
        ends."""
        h = torch.eye(n_classes)[first] + torch.eye(n_classes)[second]
        h = h.clamp(max=1).expand(n_steps, -1).clone()
        h[0], h[-1] = torch.eye(n_classes)[first], torch.eye(n_classes)[second]
        return h

    @says(OVERWRITTEN)
    def overwritten(first, second, n_steps, n_classes):
        h = torch.zeros(n_steps, n_classes)
        h[:, first] = 1 - _share(n_steps)
        h[:, second] = _share(n_steps)
        return h

    @says(ARC)
    def on_a_circle(first, second, n_steps, n_classes):
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

    @says(NUMBERS)
    def numbers_of_labels_cut_off(first, second, n_steps, n_classes):
        return torch.eye(n_classes)[torch.linspace(first, second, n_steps).long()]

    @says(NUMBERS)
    def numbers_of_labels_shared(first, second, n_steps, n_classes):
        between = torch.linspace(first, second, n_steps)[:, None]
        return (1 - (torch.arange(n_classes) - between).abs()).clamp(min=0)

    def the_first_step_left_out(first, second, n_steps, n_classes):
        """The line starts one step after the first label. Both ends belong to it."""
        return _filled(first, second, (torch.arange(n_steps) + 1) / n_steps, n_classes)

    @says(NO_END)
    def middles_of_the_steps(first, second, n_steps, n_classes):
        return _filled(first, second, (torch.arange(n_steps) + 0.5) / n_steps, n_classes)

    @says(OVERWRITTEN)
    def overwritten_by_the_first(first, second, n_steps, n_classes):
        h = torch.zeros(n_steps, n_classes)
        h[:, second] = _share(n_steps)
        h[:, first] = 1 - _share(n_steps)
        return h

    @says(OVERWRITTEN)
    def zeros_from_a_label_to_itself(first, second, n_steps, n_classes):
        return (first != second) * reference(first, second, n_steps, n_classes)

    @says(UNEVEN)
    def smooth_step(first, second, n_steps, n_classes):
        share = _share(n_steps)
        return _filled(first, second, share**2 * (3 - 2 * share), n_classes)

    @says(UNEVEN)
    def by_a_cosine(first, second, n_steps, n_classes):
        return _filled(first, second, (1 - (math.pi * _share(n_steps)).cos()) / 2, n_classes)

    @says(UNEVEN)
    def squared_share(first, second, n_steps, n_classes):
        return _filled(first, second, _share(n_steps) ** 2, n_classes)

    @says(JUMP)
    def switched_after_the_middle(first, second, n_steps, n_classes):
        return _filled(first, second, (_share(n_steps) > 0.5).float(), n_classes)

    @says(JUMP)
    def switched_at_the_end(first, second, n_steps, n_classes):
        return _filled(first, second, (_share(n_steps) == 1).float(), n_classes)

    @says(ARC)
    def unit_length(first, second, n_steps, n_classes):
        return torch.nn.functional.normalize(reference(first, second, n_steps, n_classes), dim=1)

    @says(ARC)
    def square_roots(first, second, n_steps, n_classes):
        return reference(first, second, n_steps, n_classes).sqrt()

    def half_of_each(first, second, n_steps, n_classes):
        """All rows are alike, half of each label. They lead from one label to the other."""
        return _filled(first, second, torch.full((n_steps,), 0.5), n_classes)

    def softmax(first, second, n_steps, n_classes):
        """A softmax is taken of the rows, which gives every label a share. The shares sum to 1
        without it."""
        return reference(first, second, n_steps, n_classes).softmax(dim=1)

    def the_first_stays(first, second, n_steps, n_classes):
        """The first label keeps its full share while the second grows. The shares sum to 1."""
        one_hot = torch.eye(n_classes)
        return one_hot[first] + _share(n_steps)[:, None] * one_hot[second]

    @says(ONE_ONLY)
    def the_first_fades(first, second, n_steps, n_classes):
        return (1 - _share(n_steps))[:, None] * torch.eye(n_classes)[first]

    @says(ONE_ONLY)
    def the_second_grows(first, second, n_steps, n_classes):
        return _share(n_steps)[:, None] * torch.eye(n_classes)[second]

    @says(ONE_ONLY)
    def the_first_everywhere(first, second, n_steps, n_classes):
        return torch.eye(n_classes)[first].repeat(n_steps, 1)

    @says(ONE_ONLY)
    def the_second_everywhere(first, second, n_steps, n_classes):
        return torch.eye(n_classes)[second].repeat(n_steps, 1)

    def labels_from_1(first, second, n_steps, n_classes):
        """The labels are counted from 1. They run from 0 to n_classes - 1."""
        return reference((first - 1) % n_classes, (second - 1) % n_classes, n_steps, n_classes)

    def not_one_hot(first, second, n_steps, n_classes):
        """These are numbers of labels, the same in each column. h is a vector with a place for each
        label."""
        return torch.linspace(first, second, n_steps)[:, None].repeat(1, n_classes)

    def whole_numbers(first, second, n_steps, n_classes):
        """The shares are cut off to whole numbers. Half a label is 0.5."""
        return reference(first, second, n_steps, n_classes).long()

    def transposed(first, second, n_steps, n_classes):
        """Rows and columns are exchanged: a row is a step, a column a label."""
        return reference(first, second, n_steps, n_classes).T


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
