"""Four models, one image: which part of the past does each read? Measured against geometry.

GatedPixelCNN and DiagonalBiLSTM read all of it. PixelCNN and RowLSTM read what the taps of their
layers lead to; the tests here work that out from the paper's figures, pixel by pixel, and never
from the models, and compare whole influence matrices. None reads itself or the future.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.influence import blind_spot, influence_matrix
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats, total_probability
from tutorial_lib.pixels.lstm_layers import DiagonalBiLSTMLayer, run_diagonally
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import MaskedStack, PixelCNN
from tutorial_lib.pixels.pixelrnn import DiagonalBiLSTM, RowLSTM

SIZES = [(5, 7), (7, 5)]
MODELS = [PixelCNN, RowLSTM, DiagonalBiLSTM, GatedPixelCNN]
every_model = pytest.mark.parametrize("model_class", MODELS)
sizes = pytest.mark.parametrize(("height", "width"), SIZES)
colors = pytest.mark.parametrize("n_colors", [1, 3])


def wide(model_class, n_colors=1, **changes):
    """16 features a colour: narrow networks have entries that a shut ReLU hides."""
    return model_class(**{"n_colors": n_colors, "n_channels": 16 * n_colors, **changes})


def everything_before(n):
    return torch.ones(n, n, dtype=torch.bool).tril(diagonal=-1)


# ------------------------------------------------------ what geometry says, by sets of taps

MASK_A, MASK_B = "A", "B"


def taps(mask_type, kernel_size):
    """(rows down, columns right) that a masked kernel reads: all above, and to the left."""
    reach = kernel_size // 2
    above = {(r, c) for r in range(-reach, 0) for c in range(-reach, reach + 1)}
    left = {(0, c) for c in range(-reach, 0)}
    return above | left | ({(0, 0)} if mask_type == MASK_B else set())


def through(offsets, place, known):
    """What a place gets to know from those at the offsets, as far as they lie in the image."""
    row, column = place
    return set().union(*(known.get((row + r, column + c), set()) for r, c in offsets))


def first_layer(height, width, kernel_size):
    pixels = {(r, c): {(r, c)} for r in range(height) for c in range(width)}
    return {place: through(taps(MASK_A, kernel_size), place, pixels) for place in pixels}


def past_of_pixelcnn(height, width, *, n_layers, kernel_size, first_kernel_size):
    """A kernel of type A, then n_layers of type B, each with its own place (the residual)."""
    known = first_layer(height, width, first_kernel_size)
    for _ in range(n_layers):
        known = {place: through(taps(MASK_B, kernel_size), place, known) for place in known}
    return known


def past_of_row_lstm(height, width, *, n_layers, kernel_size, first_kernel_size):
    """Each layer: its input to the left in the row, and the states around in the row above."""
    reach = kernel_size // 2
    left = {(0, c) for c in range(-reach, 1)}
    above = {(-1, c) for c in range(-reach, reach + 1)}
    known = first_layer(height, width, first_kernel_size)
    for _ in range(n_layers):
        states = {}
        for place in sorted(known):  # row by row: the states above are there already
            states[place] = through(left, place, known) | through(above, place, states)
        known = {place: known[place] | states[place] for place in known}
    return known


def as_matrix(known, height, width, n_colors=1):
    """[output, input] in raster order; within a pixel a colour reads the colours before it."""
    n_pixels = height * width
    reads = torch.zeros(n_pixels, n_pixels, dtype=torch.bool)
    for (row, column), past in known.items():
        for r, c in past:
            reads[row * width + column, r * width + c] = True
    reads = reads.repeat_interleave(n_colors, 0).repeat_interleave(n_colors, 1)
    own_pixel = torch.block_diag(*[torch.ones(n_colors, n_colors).tril(-1)] * n_pixels).bool()
    return reads | own_pixel


# ----------------------------------------------------------- never itself, never the future


@every_model
@pytest.mark.parametrize("training", [True, False])
@sizes
@colors
def test_no_pixel_sees_itself_or_the_future(model_class, n_colors, height, width, training):
    n_layers = 2 if n_colors == 1 else 1
    model = wide(model_class, n_colors, n_layers=n_layers).train(training)
    reads = influence_matrix(model, height, width, n_probes=1)
    assert torch.equal(reads, reads.tril(diagonal=-1))
    assert reads.any()


@every_model
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (4, 1), (2, 3)])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_images_smaller_than_the_kernels_are_no_exception(model_class, kernel_size, height, width):
    model = wide(model_class, n_layers=1, kernel_size=kernel_size)
    reads = influence_matrix(model, height, width, n_probes=1)
    assert torch.equal(reads, reads.tril(diagonal=-1))


def not_shifted_down(self, features):
    left, right = run_diagonally([self.from_left, self.from_right], [features, features.flip(-1)])
    return left + right.flip(-1)


def shifted_up(self, features):
    left, right = run_diagonally([self.from_left, self.from_right], [features, features.flip(-1)])
    return left + F.pad(right.flip(-1), (0, 0, -1, 1))


def not_flipped_back(self, features):
    left, right = run_diagonally([self.from_left, self.from_right], [features, features.flip(-1)])
    return left + F.pad(right, (0, 0, 1, -1))


def broken(mistake, monkeypatch, **changes):
    """A model with one mistake."""
    if mistake == "mirrored direction not shifted down":
        monkeypatch.setattr(DiagonalBiLSTMLayer, "forward", not_shifted_down)
        return wide(DiagonalBiLSTM, n_layers=1, **changes)
    if mistake == "mirrored direction shifted up":
        monkeypatch.setattr(DiagonalBiLSTMLayer, "forward", shifted_up)
        return wide(DiagonalBiLSTM, n_layers=1, **changes)
    if mistake == "unmasked colours from the left":
        model = wide(DiagonalBiLSTM, n_colors=3, n_layers=1)
        model.blocks[0].lstm.from_left.input.mask.fill_(1)
        return model
    if mistake == "unmasked rows":
        model = wide(RowLSTM, n_layers=1, **changes)
        model.blocks[0].lstm.input.mask.fill_(1)
        return model
    assert mistake == "mask B in the first layer"
    model = wide(PixelCNN, n_layers=1, **changes)
    model.first = MaskedConv2d(1, 16, 7, mask_type="B")
    return model


@pytest.mark.parametrize(
    "mistake",
    [
        "mirrored direction not shifted down",
        "mirrored direction shifted up",
        "unmasked colours from the left",
        "unmasked rows",
        "mask B in the first layer",
    ],
)
def test_a_mistake_lets_a_pixel_see_itself_or_the_future(mistake, monkeypatch):
    """The probe of the tests above can fail."""
    reads = influence_matrix(broken(mistake, monkeypatch), 3, 4, n_probes=1)
    assert reads.triu().any()


# ------------------------------------------------------------------- all of the past


@sizes
@colors
@pytest.mark.parametrize(
    ("model_class", "shape"),
    [(DiagonalBiLSTM, {"n_layers": 1}), (GatedPixelCNN, {"n_layers": 4, "kernel_size": 5})],
)
def test_the_diagonal_lstm_and_the_gated_model_read_all_of_it(
    model_class, shape, n_colors, height, width
):
    model = wide(model_class, n_colors, **shape)
    reads = influence_matrix(model, height, width, n_probes=1)
    assert torch.equal(reads, everything_before(height * width * n_colors))
    assert blind_spot(reads) == 0.0


@pytest.mark.parametrize("first_kernel_size", [3, 7])
@pytest.mark.parametrize("kernel_size", [2, 3])
def test_one_diagonal_layer_is_enough_on_an_image_wider_than_the_first_kernel(
    first_kernel_size, kernel_size
):
    model = wide(
        DiagonalBiLSTM, n_layers=1, first_kernel_size=first_kernel_size, kernel_size=kernel_size
    )
    assert torch.equal(influence_matrix(model, 4, 9, n_probes=2), everything_before(36))


@pytest.mark.parametrize(("height", "width", "n_layers"), [(5, 7, 1), (7, 5, 1), (3, 5, 4)])
def test_without_the_spare_column_the_last_pixel_of_the_row_above_is_missed(
    height, width, n_layers
):
    """Known only where the first kernel, 3 wide, reaches it; all else is read all the same."""

    class NoSpareColumn(DiagonalBiLSTM):
        logits_from = MaskedStack.logits_from

    model = wide(NoSpareColumn, n_layers=n_layers, first_kernel_size=3)
    expected = everything_before(height * width)
    for row in range(1, height):
        for column in range(width - 2):
            expected[row * width + column, row * width - 1] = False
    assert torch.equal(influence_matrix(model, height, width, n_probes=2), expected)


def test_the_mirrored_direction_not_flipped_back_leaves_a_hole(monkeypatch):
    monkeypatch.setattr(DiagonalBiLSTMLayer, "forward", not_flipped_back)
    model = wide(DiagonalBiLSTM, n_layers=1, first_kernel_size=3)
    reads = influence_matrix(model, 5, 7, n_probes=1)
    assert not torch.equal(reads, everything_before(35))


# ------------------------------------------------------------- exactly a part of the past

SHAPED = {
    "1 layer": {"n_layers": 1, "kernel_size": 3, "first_kernel_size": 3},
    "3 layers": {"n_layers": 3, "kernel_size": 3, "first_kernel_size": 3},
    "kernel 5": {"n_layers": 2, "kernel_size": 5, "first_kernel_size": 5},
    "wide first layer": {"n_layers": 2, "kernel_size": 3, "first_kernel_size": 7},
}
partial_readers = pytest.mark.parametrize(
    ("model_class", "past_of"), [(PixelCNN, past_of_pixelcnn), (RowLSTM, past_of_row_lstm)]
)


@partial_readers
@pytest.mark.parametrize("shaped", SHAPED.values(), ids=SHAPED)
@sizes
def test_a_pixel_reads_the_past_that_geometry_leads_to(model_class, past_of, shaped, height, width):
    reads = influence_matrix(wide(model_class, **shaped), height, width, n_probes=2)
    assert torch.equal(reads, as_matrix(past_of(height, width, **shaped), height, width))
    assert 0 < blind_spot(reads) < 1


@partial_readers
def test_so_it_does_on_a_larger_image(model_class, past_of):
    shaped = SHAPED["3 layers"]
    reads = influence_matrix(wide(model_class, **shaped), 9, 9, n_probes=2)
    assert torch.equal(reads, as_matrix(past_of(9, 9, **shaped), 9, 9))


@partial_readers
@sizes
def test_so_it_does_in_three_colours(model_class, past_of, height, width):
    """Of a pixel that is read at all, every colour is; of its own, those before."""
    shaped = {"n_layers": 1, "kernel_size": 3, "first_kernel_size": 3}
    reads = influence_matrix(wide(model_class, 3, **shaped), height, width, n_probes=1)
    assert torch.equal(reads, as_matrix(past_of(height, width, **shaped), height, width, 3))


def drawn(past, height, width, target):
    """Rows of text: o is read, - is the past that is not, x the pixel itself."""
    text = ""
    for row in range(height):
        for column in range(width):
            place = (row, column)
            text += "x" if place == target else "o" if place in past else "-"
    rows = [text[i : i + width] for i in range(0, height * width, width)]
    return rows[: target[0]] + [rows[target[0]][: target[1] + 1]]


def read_by(model, height, width, target):
    row = influence_matrix(model, height, width, n_probes=2)[target[0] * width + target[1]]
    return {divmod(i, width) for i in row.nonzero().flatten().tolist()}


def test_a_row_lstm_is_blind_to_the_two_upper_corners():
    """Figure 4, middle: a triangle, one column wider for each row up, on both sides.

    The left side stands further out, by the pixels that two layers and the first kernel read to
    the left in a row.
    """
    model = wide(RowLSTM, n_layers=1, kernel_size=3, first_kernel_size=3)
    assert drawn(read_by(model, 5, 13, (4, 7)), 5, 13, (4, 7)) == [
        "-ooooooooooo-",
        "--ooooooooo--",
        "---ooooooo---",
        "----ooooo----",
        "-----oox",
    ]


def test_a_pixelcnn_of_two_blocks_reads_three_rows_up_and_is_blind_to_the_upper_right():
    """The blind spot beside a view that ends: a row LSTM of one layer has no end upwards."""
    model = wide(PixelCNN, n_layers=2, kernel_size=3, first_kernel_size=3)
    assert drawn(read_by(model, 5, 9, (4, 4)), 5, 9, (4, 4)) == [
        "---------",
        "-ooooooo-",
        "-oooooo--",
        "-ooooo---",
        "-ooox",
    ]


def test_more_layers_do_not_give_a_row_lstm_the_upper_right():
    few = wide(RowLSTM, n_layers=1, first_kernel_size=3)
    many = wide(RowLSTM, n_layers=6, first_kernel_size=3)
    target, above = (2, 4), {(1, c) for c in range(9)}
    assert read_by(few, 3, 9, target) & above == {(1, c) for c in range(1, 6)}
    assert read_by(many, 3, 9, target) & above == {(1, c) for c in range(6)}


# --------------------------------------------------------- a proper distribution

LISTABLE = {
    "2x2": (2, 2, {}),
    "2x3": (2, 3, {}),
    "3x2": (3, 2, {}),
    "1x4 of 3 levels": (1, 4, {"n_levels": 3}),
    "1x2 in 3 colours": (1, 2, {"n_colors": 3}),
    "2x1 in 3 colours": (2, 1, {"n_colors": 3}),
}


def tiny(model_class, randomized, **changes):
    model = model_class(**{"n_channels": 6, "n_layers": 2, **changes})
    return randomized(model, scale=1.0).double()


@every_model
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("height", "width", "changes"), LISTABLE.values(), ids=LISTABLE)
def test_probabilities_of_all_images_sum_to_1(
    randomized, model_class, height, width, changes, training
):
    model = tiny(model_class, randomized, **changes).train(training)
    assert total_probability(model, height, width) == pytest.approx(1, abs=1e-9)


@every_model
def test_the_distribution_is_far_from_uniform_so_the_sums_above_mean_something(
    randomized, model_class
):
    images = enumerate_images(2, 2)
    with torch.no_grad():
        cost = nll_nats(tiny(model_class, randomized)(images), images)
    assert cost.max() - cost.min() > 1


@pytest.mark.parametrize(
    "mistake",
    ["mirrored direction not shifted down", "unmasked rows", "mask B in the first layer"],
)
def test_probabilities_of_a_model_that_leaks_do_not_sum_to_1(mistake, monkeypatch, randomized):
    model = randomized(broken(mistake, monkeypatch)).double()
    assert abs(total_probability(model, 2, 3) - 1) > 1e-3
