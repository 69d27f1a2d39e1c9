"""Exercise 5.1: a label inside the gate, equation 4."""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.exercises.ch05.references import conditional_gate as reference
from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.gated import gate

STUB = '''\
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
'''

HINTS = (
    """A label says two things to every feature: by how much its value is moved, and by how much its
    switch. The same at all pixels, another for each image of the batch.""",
    """`table[label]` picks a row for each image: (B, 2C). `[:, :, None, None]` gives it two axes of
    size 1, which PyTorch spreads over height and width. `tutorial_lib.gated.gate` is exercise
    4.3.""",
    """If a switch far below 0 does not silence the label, you add it after the gate. If every image
    of a batch comes out as if it had the label of the first, an index is missing.""",
)


def _rows(label, table):
    return table[label][:, :, None, None]


def _halves(added):
    half = added.shape[1] // 2
    return added[:, :half], added[:, half:]


def _after_the_gate(features, label, table):
    return gate(features) + _halves(_rows(label, table))[0]


def _values_only(features, label, table):
    value, switch = _halves(_rows(label, table))
    return gate(features + torch.cat([value, 0 * switch], dim=1))


def _switches_only(features, label, table):
    value, switch = _halves(_rows(label, table))
    return gate(features + torch.cat([0 * value, switch], dim=1))


def _halves_exchanged(features, label, table):
    value, switch = _halves(_rows(label, table))
    return gate(features + torch.cat([switch, value], dim=1))


def _multiplied(features, label, table):
    return gate(features * _rows(label, table))


def _gates_multiplied(features, label, table):
    return gate(features) * gate(_rows(label, table))


def _first_label_for_all(features, label, table):
    return gate(features + _rows(label[:1], table))


def _place_in_the_batch(features, label, table):
    return gate(features + _rows(torch.arange(len(label)) % len(table), table))


def _mean_of_the_batch(features, label, table):
    return gate(features + _rows(label, table).mean(dim=0, keepdim=True))


def _one_pixel(features, label, table):
    told = features.clone()
    told[:, :, 0, 0] += table[label]
    return gate(told)


def _subtracted(features, label, table):
    return gate(features - _rows(label, table))


def _label_as_a_number(features, label, table):
    return gate(features + label[:, None, None, None])


MISCONCEPTIONS = (
    Misconception(
        "after the gate",
        _after_the_gate,
        "The label is added after the gate. There it can move a feature, but neither open nor shut "
        "it: V h belongs inside tanh and sigmoid.",
    ),
    Misconception(
        "values only",
        _values_only,
        "Only the values hear of the label. Equation 4 adds V_g h to the switches, too.",
    ),
    Misconception(
        "switches only",
        _switches_only,
        "Only the switches hear of the label. Equation 4 adds V_f h to the values, too.",
    ),
    Misconception(
        "halves exchanged",
        _halves_exchanged,
        "The two halves of the row are exchanged: the first C numbers are for the values.",
    ),
    Misconception(
        "multiplied",
        _multiplied,
        "The features are multiplied by V h. Equation 4 has a sum inside each function.",
    ),
    Misconception(
        "two gates",
        _gates_multiplied,
        "The label has a gate of its own, and the two results are multiplied. It has to enter the "
        "gate of the features.",
    ),
    Misconception(
        "the first label for all",
        _first_label_for_all,
        "All images get the label of the first one. Every image has its own.",
    ),
    Misconception(
        "place in the batch",
        _place_in_the_batch,
        "The row is chosen by the place of the image in the batch, not by its label.",
    ),
    Misconception(
        "mean of the batch",
        _mean_of_the_batch,
        "The rows are averaged over the batch, so that each image hears of the labels of the "
        "others.",
    ),
    Misconception(
        "one pixel",
        _one_pixel,
        "Only the first pixel is told the label. V h is the same at all pixels.",
    ),
    Misconception(
        "subtracted", _subtracted, "V h is subtracted: the sign in equation 4 is a plus."
    ),
    Misconception(
        "the label as a number",
        _label_as_a_number,
        "The number of the label is added, and the table is not used. A label is a name: class 9 "
        "is not nine times class 1.",
    ),
)


def _trial(batch: int, channels: int, n_classes: int, rng: torch.Generator) -> Trial:
    """Labels out of order, so that a place in the batch is no label."""
    features = torch.randn(batch, 2 * channels, 3, 4, generator=rng)
    table = 1.5 * torch.randn(n_classes, 2 * channels, generator=rng)
    label = (torch.randperm(n_classes, generator=rng)[:batch] + 1) % n_classes
    label[-1] = (len(label) + int(label[0])) % n_classes
    label[0] = n_classes - 1
    return Trial((features, label, table))


def _read(value: object, trial: Trial) -> Tensor:
    batch, channels, height, width = trial.args[0].shape
    return tensor_result(
        value,
        (batch, channels // 2, height, width),
        advice=lambda shape: "The gate halves the channels." if shape[1:2] == (channels,) else "",
    )


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
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


def _check(candidate, trials: list[Trial], rng: torch.Generator) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        diagnose_on=[_trial(4, 3, 6, rng), _trial(3, 2, 5, rng)],
        otherwise="This is another function of features and label.",
    )


def _check_one_image(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial(1, 2, 4, rng)], rng)


def _check_a_batch(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial(5, 3, 7, rng)], rng)


def _check_shut(candidate, rng: torch.Generator) -> Failure | None:
    """A label that shuts every switch: nothing may come through."""
    trial = _trial(1, 2, 4, rng)
    features, label, table = trial.args
    table[:, 2:] = -30.0
    return _check(candidate, [trial], rng)


def _by_one_hot(features, label, table):
    h = torch.nn.functional.one_hot(label, len(table)).to(table.dtype)
    moved = features + torch.einsum("bk,kc->bc", h, table)[..., None, None]
    half = moved.shape[1] // 2
    return moved[:, :half].tanh() * moved[:, half:].sigmoid()


def _image_by_image(features, label, table):
    images = []
    for image, y in zip(features, label.tolist(), strict=True):
        value, switch = (image + table[y].view(-1, 1, 1)).chunk(2, dim=0)
        images.append(torch.tanh(value) * torch.sigmoid(switch))
    return torch.stack(images)


conditional_gate = Exercise(
    number="5.1",
    name="conditional_gate",
    title="A label inside the gate",
    goal="Write equation 4: a label moves both the values and the switches of the gate.",
    minutes=10,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("one image, several channels and pixels", 1, _check_one_image),
        Check("a batch in which every image has its own label", 1, _check_a_batch),
        Check("a label that shuts every switch", 1, _check_shut),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_by_one_hot, _image_by_image),
)
