"""Variants of exercise 5.1: what a label does to values and switches."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch05
from tutorial_lib.exercises.trials import Trial

CALL = (
    "conditional_gate(torch.tensor([[1.0, 0.0], [0.5, 0.0]]).view(2, 2, 1, 1), "
    "torch.tensor({labels}), torch.tensor([[9.0, 9.0], [1.0, 0.0]]))"
)
conditional_gate = Variants(
    ch05.conditional_gate,
    examples=tuple(CALL.format(labels=labels) for labels in ([0, 1], [1, 1])),
)


def _gated(value, switch):
    return torch.tanh(value) * torch.sigmoid(switch)


def _image_by_image(rule):
    """rule(value, switch, f, g, label) for one image, f and g being the halves of its row."""

    def function(features, label, table):
        images = []
        for image, y in zip(features, label.tolist(), strict=True):
            row = table[y].view(2, -1, 1, 1)
            images.append(rule(*image.chunk(2, dim=0), *row, y))
        return torch.stack(images)

    return function


@conditional_gate.twist(
    "The label scales instead of shifting: value and switch are multiplied by 1 + V_f h and "
    "1 + V_g h.",
    asked=("tanh(value * (1 + V_f h)) * sigmoid(switch * (1 + V_g h)), where h says which label."),
    by_hand=(
        "features [0.5, 0] at the only pixel, label 1 and table = [[9, 9], [1, 0]] give "
        "tanh(0.5 * 2) * sigmoid(0 * 1) = 0.381"
    ),
)
def scaling(features, label, table):
    value, switch = (features * (1 + table[label])[:, :, None, None]).chunk(2, dim=1)
    return _gated(value, switch)


@conditional_gate.right
@_image_by_image
def scaled(value, switch, f, g, y):
    return _gated(value + value * f, switch + switch * g)


@conditional_gate.twist(
    "A row of the table holds the part of the switches first, then that of the values; the "
    "features hold the values first.",
    table="(K, 2C): row y holds V_g h, then V_f h, of label y",
    by_hand=(
        "features [0, 0] at the only pixel, label 1 and table = [[9, 9], [0, 1]] give tanh(0 "
        "+ 1) * sigmoid(0 + 0) = 0.381"
    ),
)
def switches_first(features, label, table):
    row = table.roll(table.shape[1] // 2, dims=1)[label][:, :, None, None]
    return _gated(*(features + row).chunk(2, dim=1))


@conditional_gate.right
@_image_by_image
def halves_changed(value, switch, f, g, y):
    return _gated(value + g, switch + f)


@conditional_gate.twist(
    "Label 0 means that the label is not known: it adds nothing, whatever row 0 of the table "
    "holds.",
    table="(K, 2C): row y holds V_f h, then V_g h, of label y; row 0 is not used",
    by_hand=(
        "features [1, 0] at the only pixel, label 0 and table = [[9, 9], [1, 0]] give tanh(1) "
        "* sigmoid(0) = 0.381; label 1 gives tanh(2) * 0.5 = 0.482"
    ),
)
def unknown_label(features, label, table):
    row = torch.where((label == 0)[:, None], 0.0, table[label])
    return _gated(*(features + row[:, :, None, None]).chunk(2, dim=1))


@conditional_gate.right
@_image_by_image
def label_by_label(value, switch, f, g, y):
    return _gated(value + f, switch + g) if y > 0 else _gated(value, switch)


def _trial(
    batch: int, channels: int, n_classes: int, rng: torch.Generator, scale: float = 1.5
) -> Trial:
    """Labels in any order, 0 among them."""
    features = torch.randn(batch, 2 * channels, 3, 4, generator=rng)
    table = scale * torch.randn(n_classes, 2 * channels, generator=rng)
    label = torch.randint(n_classes, (batch,), generator=rng)
    label[int(torch.randint(batch, (), generator=rng))] = 0
    return Trial((features, label, table))


@conditional_gate.trials("one image, several channels and pixels")
def single_images(rng):
    trials = [_trial(1, 2, 4, rng) for _ in range(2)]
    trials[1].args[1].fill_(3)
    return trials


conditional_gate.trials("a batch in which every image has its own label")(
    lambda rng: [_trial(5, 3, 7, rng)]
)
conditional_gate.trials("a table of large numbers")(lambda rng: [_trial(4, 2, 3, rng, 10.0)])
