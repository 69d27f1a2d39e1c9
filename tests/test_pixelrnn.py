"""PixelRNN: the skew, one LSTM step by hand, and whole layers against loops over single pixels.

The loops are written from sections 3.1 and 3.2 of the paper, not from the layers: one pixel at a
time, nothing skewed, nothing in parallel.
"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.pixels.lstm_layers import (
    DiagonalBiLSTMLayer,
    DiagonalLSTMLayer,
    InputToState,
    RowLSTMLayer,
    run_lstm,
    skew,
    unskew,
)
from tutorial_lib.pixels.pixelcnn import PixelCNNConfig
from tutorial_lib.pixels.pixelrnn import ResidualLSTM

SIZES = [(1, 1), (1, 4), (4, 1), (3, 5), (5, 3)]
sizes = pytest.mark.parametrize(("height", "width"), SIZES)
colors = pytest.mark.parametrize("n_colors", [1, 3])


def sigmoid(number):
    return 1 / (1 + math.exp(-number))


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


# --------------------------------------------------------------------------- the skew


def test_skewing_moves_each_row_one_further_right_than_the_one_above():
    image = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).view(1, 1, 2, 3)
    assert skew(image)[0, 0].tolist() == [[1, 2, 3, 0], [0, 4, 5, 6]]
    assert skew(image.mT)[0, 0].tolist() == [[1, 4, 0, 0], [0, 2, 5, 0], [0, 0, 3, 6]]


shapes = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))


@given(shapes)
def test_a_column_of_the_skewed_image_is_a_diagonal_and_zeros(shape):
    image = 1 + torch.arange(math.prod(shape), dtype=torch.float64).view(shape)
    skewed = skew(image)
    height, width = shape[-2:]
    assert skewed.shape == (*shape[:2], height, width + height - 1)
    for row in range(height):
        for column in range(width + height - 1):
            inside = 0 <= column - row < width
            expected = image[..., row, column - row] if inside else torch.zeros(shape[:2])
            assert torch.equal(skewed[..., row, column], expected.double())


@given(shapes)
def test_unskewing_brings_the_image_back_whatever_lies_beside_it(shape):
    image = torch.randn(shape)
    assert torch.equal(unskew(skew(image)), image)
    beside = skew(torch.ones(shape)) == 0
    assert torch.equal(unskew(skew(image) + 7 * beside), image)


@sizes
def test_the_gradient_of_the_skew_is_the_unskewed_gradient_and_the_other_way_round(height, width):
    image = torch.randn(2, 3, height, width, requires_grad=True)
    weights = torch.randn(2, 3, height, width + height - 1)
    (gradient,) = torch.autograd.grad((skew(image) * weights).sum(), image)
    assert torch.equal(gradient, unskew(weights))
    skewed = torch.randn_like(weights).requires_grad_()
    (gradient,) = torch.autograd.grad((unskew(skewed) * image).sum(), skewed)
    assert torch.equal(gradient, skew(image))


def test_too_few_columns_to_be_a_skewed_image_are_refused():
    with pytest.raises(ValueError, match="of 4 rows has at least 4 columns, got 3"):
        unskew(torch.zeros(1, 1, 4, 3))


# ------------------------------------------------------------------- the cell, by hand


def test_one_step_of_the_cell_is_equation_3():
    """Two lines of one pixel; what the first leaves behind enters every gate of the second."""
    first, second = [0.5, -1.0, 2.0, 0.3], [-0.2, 0.4, 0.1, -0.6]
    kernel = [1.0, -2.0, 3.0, 0.5]
    inputs = torch.tensor([first, second], dtype=torch.float64).view(2, 1, 4, 1, 1)
    kernels = torch.tensor(kernel, dtype=torch.float64).view(1, 4, 1, 1)
    states = run_lstm(inputs, kernels, taps_before=0).flatten().tolist()

    o, _, i, g = first
    memory = sigmoid(i) * math.tanh(g)  # nothing to forget yet
    hidden = sigmoid(o) * math.tanh(memory)
    o, f, i, g = (x + k * hidden for x, k in zip(second, kernel, strict=True))
    memory = sigmoid(f) * memory + sigmoid(i) * math.tanh(g)
    assert states == pytest.approx([hidden, sigmoid(o) * math.tanh(memory)], abs=1e-15)


@pytest.mark.parametrize(("tap", "came_from"), [(0, "the left"), (1, "above"), (2, "the right")])
def test_one_step_of_a_row_lstm_reads_the_three_states_above(tap, came_from):
    """Gates of 0 in row 0 but for the values 1, 2, 3; a tap of 1 moves them to row 1."""
    layer = RowLSTMLayer(1, 1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.input.weight[3, 0, 0, 1] = 1.0  # the centre, into g
        layer.state.weight[3, 0, tap] = 1.0
    features = torch.zeros(1, 1, 2, 3)
    features[0, 0, 0] = torch.tensor([1.0, 2, 3])
    memory = [0.5 * math.tanh(x) for x in (1, 2, 3)]
    above = [0.5 * math.tanh(m) for m in memory]
    read = [0.0, *above, 0.0][tap : tap + 3]
    below = [
        0.5 * math.tanh(0.5 * m + 0.5 * math.tanh(r)) for m, r in zip(memory, read, strict=True)
    ]
    states = layer(features)[0, 0].tolist()
    assert states[0] == pytest.approx(above, rel=1e-5)
    assert states[1] == pytest.approx(below, rel=1e-5), came_from


def test_an_untrained_layer_lets_three_quarters_of_the_memory_through():
    bias = InputToState(2, 3).bias.detach()
    assert bias[3:6].tolist() == [1, 1, 1]
    assert (bias[torch.arange(12) // 3 != 1].abs() < 1).all()
    assert sigmoid(1) == pytest.approx(0.73, abs=0.01)


def test_each_of_the_four_gates_keeps_red_green_blue():
    """R = 1, G = 10, B = 100: a gate of R adds up R, of G both, of B all three."""
    pixel = torch.tensor([1.0, 10, 100]).view(1, 3, 1, 1)
    for masked, sums in [(True, [1, 11, 111]), (False, [111, 111, 111])]:
        layer = InputToState(3, 3, n_colors=3, masked=masked)
        with torch.no_grad():
            layer.weight.fill_(1)
            layer.bias.zero_()
        assert layer(pixel).flatten().tolist() == 4 * sums


# -------------------------------------------------------- layers against single pixels


def cell(gates, memory):
    """Equation 3 for one pixel: (hidden, memory)."""
    output, forget, write, value = gates.view(4, -1)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(write) * torch.tanh(value)
    return torch.sigmoid(output) * torch.tanh(memory), memory


def row_lstm_by_pixel(layer, image):
    """Section 3.1: the input left of the pixel and at it, the states around it in the row above."""
    kernel, state = layer.input.weight * layer.input.mask, layer.state.weight
    reach = state.shape[-1] // 2
    _, height, width = image.shape
    nothing = image.new_zeros(state.shape[1])
    hidden, memory = {}, {}
    for row in range(height):
        for column in range(width):
            gates = layer.input.bias
            for tap in range(-reach, reach + 1):
                if 0 <= column + tap < width:
                    gates = gates + kernel[:, :, 0, tap + reach] @ image[:, row, column + tap]
                above = hidden.get((row - 1, column + tap), nothing)
                gates = gates + state[:, :, tap + reach] @ above
            place, memory_above = (row, column), memory.get((row - 1, column), nothing)
            hidden[place], memory[place] = cell(gates, memory_above)
    return assembled(hidden, height, width)


def diagonal_lstm_by_pixel(layer, image):
    """Section 3.2: the states above and to the left, and the memory of the one to the left."""
    kernel, state = (layer.input.weight * layer.input.mask)[:, :, 0, 0], layer.state.weight
    _, height, width = image.shape
    nothing = image.new_zeros(state.shape[1])
    hidden, memory = {}, {}
    for row in range(height):
        for column in range(width):
            gates = layer.input.bias + kernel @ image[:, row, column]
            gates = gates + state[:, :, 0] @ hidden.get((row - 1, column), nothing)
            gates = gates + state[:, :, 1] @ hidden.get((row, column - 1), nothing)
            memory_left = memory.get((row, column - 1), nothing)
            hidden[row, column], memory[row, column] = cell(gates, memory_left)
    return assembled(hidden, height, width)


def diagonal_bilstm_by_pixel(layer, image):
    """The mirrored direction is one row late: row i gets what was known in row i - 1."""
    total = diagonal_lstm_by_pixel(layer.from_left, image)
    mirrored = diagonal_lstm_by_pixel(layer.from_right, image.flip(2)).flip(2)
    rows = [total[:, :1], total[:, 1:] + mirrored[:, :-1]]
    return torch.cat(rows, dim=1)


def assembled(hidden, height, width):
    rows = [torch.stack([hidden[r, c] for c in range(width)], dim=1) for r in range(height)]
    return torch.stack(rows, dim=1)


BY_PIXEL = {
    "row": (RowLSTMLayer, {}, row_lstm_by_pixel),
    "row, kernel 5": (RowLSTMLayer, {"kernel_size": 5}, row_lstm_by_pixel),
    "diagonal": (DiagonalLSTMLayer, {}, diagonal_lstm_by_pixel),
    "diagonal, unmasked": (DiagonalLSTMLayer, {"masked": False}, diagonal_lstm_by_pixel),
    "both diagonals": (DiagonalBiLSTMLayer, {}, diagonal_bilstm_by_pixel),
}
against_single_pixels = pytest.mark.parametrize(
    ("layer_class", "options", "by_pixel"), BY_PIXEL.values(), ids=BY_PIXEL
)


@against_single_pixels
@sizes
@colors
def test_a_layer_says_what_a_loop_over_single_pixels_says(
    randomized, layer_class, options, by_pixel, n_colors, height, width
):
    layer = randomized(layer_class(6, 3, n_colors=n_colors, **options)).double()
    images = noise(2, 6, height, width)
    expected = torch.stack([by_pixel(layer, image) for image in images])
    torch.testing.assert_close(layer(images), expected, rtol=0, atol=1e-10)
    assert torch.equal(layer.train()(images), layer.eval()(images))


@against_single_pixels
@colors
def test_its_gradients_are_those_of_the_loop(randomized, layer_class, options, by_pixel, n_colors):
    layer = randomized(layer_class(6, 3, n_colors=n_colors, **options)).double()
    image, weights = noise(6, 3, 4).requires_grad_(), noise(1, 3, 3, 4)
    wanted = [image, *layer.parameters()]
    ours = torch.autograd.grad((layer(image[None]) * weights).sum(), wanted)
    loop = torch.autograd.grad((by_pixel(layer, image) * weights[0]).sum(), wanted)
    for mine, theirs in zip(ours, loop, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)
        assert mine.any()


@pytest.mark.parametrize(
    ("mistake", "changed"),
    [
        ("the taps exchanged", lambda layer: layer.state.weight.data.copy_(flipped(layer))),
        ("no bias in the forget gate", lambda layer: layer.input.bias.data[3:6].zero_()),
    ],
)
def test_the_loop_notices_a_change_of_the_layer(randomized, mistake, changed):
    """The comparison above can fail."""
    layer = randomized(DiagonalLSTMLayer(6, 3)).double()
    image = noise(6, 3, 5)
    before = diagonal_lstm_by_pixel(layer, image)
    changed(layer)
    assert (layer(image[None])[0] - before).abs().max() > 1e-3, mistake


def flipped(layer):
    return layer.state.weight.detach().flip(-1).clone()


def test_one_pass_for_two_directions_is_two_passes(randomized):
    layer = randomized(DiagonalBiLSTMLayer(4, 3)).double()
    features = noise(2, 4, 3, 5)
    left, mirrored = layer.from_left(features), layer.from_right(features.flip(-1)).flip(-1)
    apart = left.clone()
    apart[:, :, 1:] += mirrored[:, :, :-1]
    torch.testing.assert_close(layer(features), apart, rtol=0, atol=1e-12)
    assert mirrored.abs().max() > 0.01


@pytest.mark.parametrize("n_colors", [1, 3])
def test_a_residual_layer_adds_to_its_input_what_the_lstm_says(n_colors):
    config = PixelCNNConfig(n_channels=6, n_colors=n_colors)
    layer = ResidualLSTM(RowLSTMLayer, config)
    features = torch.randn(2, 6, 3, 4)
    added = layer.widen(layer.lstm(features))
    assert added.abs().max() > 0.01
    torch.testing.assert_close(layer(features), features + added)
