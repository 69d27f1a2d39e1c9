"""Exercise 5.1: a label inside the gate, equation 4."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.gated_layer import gate


def reference(features: Tensor, label: Tensor, table: Tensor) -> Tensor:
    """Eq. 4: both arguments of the gate are moved by the label: (B, 2C, H, W) -> (B, C, H, W).

    A one-hot vector times a matrix is a row of the matrix, so V h is a look-up.
    """
    return gate(features + table[label][:, :, None, None])


conditional_gate = Exercise(
    "5.1",
    "A label inside the gate",
    goal="Write equation 4: a label moves both the values and the switches of the gate.",
    minutes=10,
    reference=reference,
    differentiated=True,
    otherwise="This is another function of features and label.",
    stub='''\
def conditional_gate(
    features: torch.Tensor, label: torch.Tensor, table: torch.Tensor
) -> torch.Tensor:
    """Equation 4: tanh(value + V_f h) * sigmoid(switch + V_g h), where h says which label.

    features  (B, 2C, H, W): the first C channels are values, the other C their switches
    label     (B,) torch.long: every image has its own
    table     (K, 2C): row y holds V_f h, then V_g h, of label y
    returns   (B, C, H, W)

    By hand: features [0, 0] at the only pixel, label 1 and table = [[9, 9], [1, 0]] give
             tanh(0 + 1) * sigmoid(0 + 0) = 0.381
    """
    ____
''',
    answer="""\
def conditional_gate(features, label, table):
    half = features.shape[1] // 2
    rows = table[label]  # (B, 2C): for each image the row of its own label
    rows = rows[:, :, None, None]  # (B, 2C, 1, 1): the same at all pixels
    value = features[:, :half] + rows[:, :half]
    switch = features[:, half:] + rows[:, half:]
    return torch.tanh(value) * torch.sigmoid(switch)
""",
    hints=(
        """A label says two things to every feature: by how much its value is moved, and by how
        much its switch. The same at all pixels, another for each image of the batch.""",
        """`table[label]` picks a row for each image: (B, 2C). `[:, :, None, None]` gives it two
        axes of size 1, which PyTorch spreads over height and width. `tutorial_lib.pixels.gate`
        is the gate of chapter 04.""",
        """If a switch far below 0 does not silence the label, you add it after the gate. If
        every image of a batch comes out as if it had the label of the first, an index is
        missing.""",
    ),
)


def _trial(batch: int, channels: int, n_classes: int, rng: torch.Generator) -> Trial:
    """Labels out of order, so that a place in the batch is no label; as many columns as channels,
    so that a row spread over the wrong axis runs and can be told."""
    features = torch.randn(batch, 2 * channels, 3, 2 * channels, generator=rng)
    table = 1.5 * torch.randn(n_classes, 2 * channels, generator=rng)
    label = (torch.randperm(n_classes, generator=rng)[:batch] + 1) % n_classes
    label[-1] = (len(label) + int(label[0])) % n_classes
    label[0] = n_classes - 1
    return Trial((features, label, table))


@conditional_gate.advises
def advice(shape, trial):
    batch, channels, height, width = trial.args[0].shape
    return "The gate halves the channels." if shape[1:2] == (channels,) else ""


@conditional_gate.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    features, label, table = trial.args
    place = first_difference(got, want)
    b, channel, row, column = place
    half = features.shape[1] // 2
    value, switch = features[b, channel, row, column], features[b, half + channel, row, column]
    moved = table[label[b], channel], table[label[b], half + channel]
    return (
        f"Image {b} has label {int(label[b])}. Channel {channel} at {(row, column)}: "
        f"tanh({number(value)} + {number(moved[0])}) * sigmoid({number(switch)} + "
        f"{number(moved[1])}) = {number(want[place])}. Your function says {number(got[place])}."
    )


conditional_gate.trials("one image, several channels and pixels")(
    lambda rng: ([_trial(1, 2, 4, rng)], [_trial(3, 3, 5, rng), _trial(3, 2, 6, rng)])
)
conditional_gate.trials("a batch in which every image has its own label")(
    lambda rng: [_trial(5, 3, 7, rng)]
)


@conditional_gate.trials("a label that shuts every switch")
def shut(rng):
    """A label that shuts every switch: nothing may come through."""
    trial = _trial(1, 2, 4, rng)
    features, label, table = trial.args
    table[:, 2:] = -30.0
    return [trial]


conditional_gate.also_try(lambda rng: [_trial(4, 3, 6, rng), _trial(3, 2, 5, rng)])


AFTER = (
    "The label is added after the gate. There it can move a feature, but neither open nor shut it: "
    "V h belongs inside tanh and sigmoid."
)
OUTSIDE = "V h is added outside tanh or sigmoid. Both functions take the sum: feature plus V h."
ONE_HALF_TWICE = "One half of the row serves both. V_f h is for the values, V_g h for the switches."
COLUMNS = "The row is spread over the columns. V h belongs to the channels: `[:, :, None, None]`."
ALTERNATELY = "Values and switches are taken alternately. The first C numbers are for the values."
NOT_THIS_LABEL = "The rows of all labels are mixed, whatever the label. One row is picked: its own."
NEXT_ROW = "The row of a neighbouring label is taken. Labels are counted from 0, as rows are."
CHANGED_ROW = "The row of the table is changed before it is added. V h is added as it is."
ONE_NUMBER = "The row is reduced to one number for all channels. Each channel has its own."
MULTIPLIED = "The features are multiplied by V h. Equation 4 has a sum inside each function."


def _rows(label, table):
    return table[label][:, :, None, None]


def _halves(added):
    half = added.shape[1] // 2
    return added[:, :half], added[:, half:]


@conditional_gate.mistakes
class Mistakes:
    @says(AFTER)
    def after_the_gate(features, label, table):
        return gate(features) + _halves(_rows(label, table))[0]

    def values_only(features, label, table):
        """Only the values hear of the label. Equation 4 adds V_g h to the switches, too."""
        value, switch = _halves(_rows(label, table))
        return gate(features + torch.cat([value, 0 * switch], dim=1))

    def switches_only(features, label, table):
        """Only the switches hear of the label. Equation 4 adds V_f h to the values, too."""
        value, switch = _halves(_rows(label, table))
        return gate(features + torch.cat([0 * value, switch], dim=1))

    def halves_exchanged(features, label, table):
        """The two halves of the row are exchanged: the first C numbers are for the values."""
        value, switch = _halves(_rows(label, table))
        return gate(features + torch.cat([switch, value], dim=1))

    @says(MULTIPLIED)
    def multiplied(features, label, table):
        return gate(features * _rows(label, table))

    def two_gates(features, label, table):
        """The label has a gate of its own, and the two results are multiplied. It has to enter the
        gate of the features."""
        return gate(features) * gate(_rows(label, table))

    def the_first_label_for_all(features, label, table):
        """All images get the label of the first one. Every image has its own."""
        return gate(features + _rows(label[:1], table))

    def place_in_the_batch(features, label, table):
        """The row is chosen by the place of the image in the batch, not by its label."""
        return gate(features + _rows(torch.arange(len(label)) % len(table), table))

    def mean_of_the_batch(features, label, table):
        """The rows are averaged over the batch, so that each image hears of the labels of the
        others."""
        return gate(features + _rows(label, table).mean(dim=0, keepdim=True))

    def one_pixel(features, label, table):
        """Only the first pixel is told the label. V h is the same at all pixels."""
        told = features.clone()
        told[:, :, 0, 0] += table[label]
        return gate(told)

    def subtracted(features, label, table):
        """V h is subtracted: the sign in equation 4 is a plus."""
        return gate(features - _rows(label, table))

    def the_label_as_a_number(features, label, table):
        """The number of the label is added, and the table is not used. A label is a name: class 9
        is not nine times class 1."""
        return gate(features + label[:, None, None, None])

    @says(AFTER)
    def second_half_after_the_gate(features, label, table):
        return gate(features) + _halves(_rows(label, table))[1]

    @says(AFTER)
    def both_halves_after_the_gate(features, label, table):
        value, switch = _halves(_rows(label, table))
        return gate(features) + value + switch

    @says(AFTER)
    def gated_by_itself_after_the_gate(features, label, table):
        return gate(features) + gate(_rows(label, table))

    @says(OUTSIDE)
    def outside_both_functions(features, label, table):
        (value, switch), moved = _halves(features), _halves(_rows(label, table))
        return (torch.tanh(value) + moved[0]) * (torch.sigmoid(switch) + moved[1])

    @says(OUTSIDE)
    def outside_tanh(features, label, table):
        (value, switch), moved = _halves(features), _halves(_rows(label, table))
        return (torch.tanh(value) + moved[0]) * torch.sigmoid(switch + moved[1])

    @says(OUTSIDE)
    def outside_the_sigmoid(features, label, table):
        (value, switch), moved = _halves(features), _halves(_rows(label, table))
        return torch.tanh(value + moved[0]) * (torch.sigmoid(switch) + moved[1])

    @says(ONE_HALF_TWICE)
    def first_half_twice(features, label, table):
        value, _ = _halves(_rows(label, table))
        return gate(features + torch.cat([value, value], dim=1))

    @says(ONE_HALF_TWICE)
    def second_half_twice(features, label, table):
        _, switch = _halves(_rows(label, table))
        return gate(features + torch.cat([switch, switch], dim=1))

    @says(COLUMNS)
    def over_the_columns(features, label, table):
        return gate(features + table[label])

    @says(COLUMNS)
    def over_the_columns_image_by_image(features, label, table):
        return gate(features + table[label][:, None, None, :])

    @says(ALTERNATELY)
    def rows_alternately(features, label, table):
        rows = _rows(label, table)
        return gate(features + torch.cat([rows[:, ::2], rows[:, 1::2]], dim=1))

    @says(ALTERNATELY)
    def all_alternately(features, label, table):
        moved = features + _rows(label, table)
        return torch.tanh(moved[:, ::2]) * torch.sigmoid(moved[:, 1::2])

    def without_label(features, label, table):
        """The label makes no difference: V h is not added at all."""
        return gate(features)

    @says(NOT_THIS_LABEL)
    def mean_of_the_table(features, label, table):
        return gate(features + table.mean(dim=0)[:, None, None])

    @says(NOT_THIS_LABEL)
    def sum_of_the_table(features, label, table):
        return gate(features + table.sum(dim=0)[:, None, None])

    def label_0_for_all(features, label, table):
        """All images get the row of label 0, whatever their label."""
        return gate(features + table[0][:, None, None])

    def sum_of_the_batch(features, label, table):
        """The rows of all images are added up. Every image hears of its own label alone."""
        return gate(features + _rows(label, table).sum(dim=0, keepdim=True))

    @says(NEXT_ROW)
    def row_before(features, label, table):
        return gate(features + _rows(label - 1, table))

    @says(NEXT_ROW)
    def row_after(features, label, table):
        return gate(features + _rows((label + 1) % len(table), table))

    @says(CHANGED_ROW)
    def softmax_of_the_row(features, label, table):
        return gate(features + _rows(label, table.softmax(dim=1)))

    @says(CHANGED_ROW)
    def tanh_of_the_row(features, label, table):
        return gate(features + _rows(label, table.tanh()))

    @says(CHANGED_ROW)
    def row_twice(features, label, table):
        return gate(features + 2 * _rows(label, table))

    @says(ONE_NUMBER)
    def mean_of_the_row(features, label, table):
        return gate(features + _rows(label, table).mean(dim=1, keepdim=True))

    @says(ONE_NUMBER)
    def sum_of_the_row(features, label, table):
        return gate(features + _rows(label, table).sum(dim=1, keepdim=True))

    @says(MULTIPLIED)
    def multiplied_by_1_and_more(features, label, table):
        return gate(features * (1 + _rows(label, table)))

    def gate_multiplied(features, label, table):
        """What leaves the gate is multiplied by V_f h. Equation 4 has a sum inside each
        function."""
        return gate(features) * _halves(_rows(label, table))[0]

    def functions_exchanged(features, label, table):
        """tanh and sigmoid are exchanged: tanh belongs to the values, the first C channels."""
        value, switch = _halves(features + _rows(label, table))
        return torch.sigmoid(value) * torch.tanh(switch)

    def no_gate(features, label, table):
        """The gate is missing: V h is added, and then comes tanh(value) * sigmoid(switch)."""
        return features + _rows(label, table)

    def joined(features, label, table):
        """V h is joined to the features as further channels. Equation 4 adds it."""
        rows = _rows(label, table).expand_as(features)
        return gate(torch.cat([features, rows], dim=1))


@conditional_gate.right
def by_one_hot(features, label, table):
    h = torch.nn.functional.one_hot(label, len(table)).to(table.dtype)
    moved = features + torch.einsum("bk,kc->bc", h, table)[..., None, None]
    half = moved.shape[1] // 2
    return moved[:, :half].tanh() * moved[:, half:].sigmoid()


@conditional_gate.right
def image_by_image(features, label, table):
    images = []
    for image, y in zip(features, label.tolist(), strict=True):
        value, switch = (image + table[y].view(-1, 1, 1)).chunk(2, dim=0)
        images.append(torch.tanh(value) * torch.sigmoid(switch))
    return torch.stack(images)
