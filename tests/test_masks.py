"""Masks A and B: which taps they let through, and that masked weights are as good as absent."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tutorial_lib.pixels.masks import (
    MaskedConv2d,
    causal_mask,
    color_causal_mask,
    color_groups,
    kernel_sides,
)

odd = st.integers(0, 4).map(lambda half: 2 * half + 1)
# Six ones to nine: pixels that a hand can add up.
PICTURE = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).view(1, 1, 2, 3)


class WeightsMaskedInPlace(MaskedConv2d):
    """The common mistake: the mask is written into the weights, outside autograd's view."""

    def forward(self, x):
        self.weight.data *= self.mask
        return F.conv2d(x, self.weight, self.bias, padding="same")


def all_ones(layer):
    """The same layer with every weight 1 and no bias."""
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def test_the_3x3_masks_are_those_of_figure_2():
    assert causal_mask(3, include_center=False).tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert causal_mask(3, include_center=True).tolist() == [[1, 1, 1], [1, 1, 0], [0, 0, 0]]


def test_the_drawing_in_the_docstring_is_what_the_function_returns():
    """Masks A and B swapped in the documentation: seen more than once."""
    drawing = re.findall(r"^ +([01] [01] [01]) +([01] [01] [01])$", causal_mask.__doc__, re.M)
    type_a, type_b = ([[int(n) for n in row[i].split()] for row in drawing] for i in (0, 1))
    assert causal_mask.__doc__.index("include_center=False") < causal_mask.__doc__.index("True")
    assert causal_mask(3, include_center=False).tolist() == type_a
    assert causal_mask(3, include_center=True).tolist() == type_b


@given(height=odd, width=odd, include_center=st.booleans())
def test_a_tap_is_open_exactly_where_it_comes_before_the_centre_in_raster_order(
    height, width, include_center
):
    """Also where the kernel is not square, which tells a transposed mask."""
    mask = causal_mask((height, width), include_center=include_center)
    center = (height // 2, width // 2)
    for row in range(height):
        for column in range(width):
            open_tap = (row, column) < center or (include_center and (row, column) == center)
            assert mask[row, column] == open_tap


def test_a_kernel_slides_without_turning():
    """Sums of the pixels before each pixel of a 2x3 picture, within reach of a 3x3 kernel."""
    first = all_ones(MaskedConv2d(1, 1, 3, mask_type="A"))
    later = all_ones(MaskedConv2d(1, 1, 3, mask_type="B"))
    sums = [[0, 1, 2], [1 + 2, 1 + 2 + 3 + 4, 2 + 3 + 5]]
    own = PICTURE[0, 0].tolist()
    assert first(PICTURE)[0, 0].tolist() == sums
    assert later(PICTURE)[0, 0].tolist() == [
        [s + x for s, x in zip(*rows, strict=True)] for rows in zip(sums, own, strict=True)
    ]


def test_a_kernel_that_is_higher_than_wide_reads_upwards():
    layer = all_ones(MaskedConv2d(1, 1, (3, 1), mask_type="A"))
    assert layer(PICTURE)[0, 0].tolist() == [[0, 0, 0], [1, 2, 3]]


def test_a_kernel_that_is_wider_than_high_reads_to_the_left():
    layer = all_ones(MaskedConv2d(1, 1, (1, 5), mask_type="A"))
    assert layer(PICTURE)[0, 0].tolist() == [[0, 1, 3], [0, 4, 9]]


def test_channels_fall_into_contiguous_groups_red_green_blue():
    assert color_groups(6, 3).tolist() == [0, 0, 1, 1, 2, 2]


def test_at_the_centre_green_reads_red_and_blue_reads_both():
    type_a = color_causal_mask(3, 3, 1, n_colors=3, include_center=False)[:, :, 0, 0]
    type_b = color_causal_mask(3, 3, 1, n_colors=3, include_center=True)[:, :, 0, 0]
    assert type_a.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert type_b.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_several_channels_of_a_colour_share_its_rule():
    """Rows are outputs R R G G B B, columns inputs R G B: neither transposed nor interleaved."""
    mask = color_causal_mask(6, 3, 1, n_colors=3, include_center=False)[:, :, 0, 0]
    assert mask.tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0]]


@given(height=odd, width=odd, include_center=st.booleans())
def test_away_from_the_centre_every_colour_reads_every_colour(height, width, include_center):
    mask = color_causal_mask(6, 3, (height, width), n_colors=3, include_center=include_center)
    plain = causal_mask((height, width), include_center=False)
    mask[:, :, height // 2, width // 2] = 0
    assert torch.equal(mask, plain.expand(6, 3, height, width))


@given(size=odd, include_center=st.booleans())
def test_with_one_colour_the_colour_mask_is_the_plain_mask(size, include_center):
    mask = color_causal_mask(2, 3, size, n_colors=1, include_center=include_center)
    assert torch.equal(mask, causal_mask(size, include_center=include_center).expand_as(mask))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_colors", [1, 3])
@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_what_stands_in_a_masked_weight_changes_nothing(mask_type, n_colors, training):
    layer = MaskedConv2d(3, 6, (3, 5), mask_type=mask_type, n_colors=n_colors).train(training)
    x = torch.randn(2, 3, 5, 7)
    before = layer(x)
    with torch.no_grad():
        layer.weight += 1000 * (1 - layer.mask)
    assert torch.equal(layer(x), before)


def gradient_of(layer_class):
    torch.manual_seed(0)
    layer = layer_class(3, 6, 3, mask_type="A", n_colors=3)
    layer(torch.randn(2, 3, 5, 7)).square().sum().backward()
    return layer.weight.grad, layer.mask.bool()


def test_masked_weights_get_no_gradient_so_clipping_does_not_see_them():
    gradient, mask = gradient_of(MaskedConv2d)
    assert (gradient[~mask] == 0).all()
    assert (gradient[mask] != 0).all()
    assert gradient.norm() == pytest.approx(gradient[mask].norm().item())


def test_a_mask_written_into_the_weights_would_let_gradients_through():
    """The probe of the test above can fail: this is the mistake it guards against."""
    gradient, mask = gradient_of(WeightsMaskedInPlace)
    assert (gradient[~mask] != 0).any()
    assert gradient.norm() > 1.01 * gradient[mask].norm()


@pytest.mark.parametrize("optimizer_class", [torch.optim.SGD, torch.optim.Adam])
def test_masked_weights_stay_where_they_are_in_training(optimizer_class):
    layer = MaskedConv2d(1, 4, 3, mask_type="A")
    before = layer.weight.detach().clone()
    optimizer = optimizer_class(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(2, 1, 5, 7)).square().sum().backward()
        optimizer.step()
    masked = (layer.mask == 0).expand_as(before)
    assert torch.equal(layer.weight[masked], before[masked])
    assert (layer.weight[~masked] != before[~masked]).all()


def test_weight_decay_of_masked_weights_leaves_the_outputs_and_other_weights_alone():
    """Decay shrinks every weight; with the mask in the product, nobody can tell for masked ones."""
    layers = [MaskedConv2d(1, 2, 3, mask_type="B") for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    with torch.no_grad():
        layers[1].weight[layers[1].mask.expand_as(layers[1].weight) == 0] = 50.0
    x = torch.randn(2, 1, 5, 7)
    for layer in layers:
        optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            layer(x).square().sum().backward()
            nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
            optimizer.step()
    assert torch.equal(layers[0](x), layers[1](x))


def test_the_mask_follows_the_layer_to_another_precision_but_not_into_its_weights_file():
    layer = MaskedConv2d(1, 1, 3, mask_type="A").double()
    assert layer(PICTURE.double()).dtype == torch.float64
    assert set(layer.state_dict()) == {"weight", "bias"}


@pytest.mark.parametrize("size", [2, (3, 4), 0, -1])
def test_a_kernel_without_a_centre_is_refused(size):
    with pytest.raises(ValueError, match="kernel_size must be"):
        kernel_sides(size)


@pytest.mark.parametrize("size", [3.0, True, "3"])
def test_a_kernel_size_that_is_no_integer_is_refused(own_messages, size):
    with pytest.raises(TypeError, match="kernel_size must be"):
        kernel_sides(size)


def test_three_sides_are_refused(own_messages):
    with pytest.raises(ValueError, match=r"kernel_size must hold 2 values, got \(3, 3, 3\)"):
        kernel_sides((3, 3, 3))


def test_channels_that_cannot_be_shared_out_are_refused():
    with pytest.raises(ValueError, match="64 channels cannot be divided among 3 colours"):
        MaskedConv2d(3, 64, 3, mask_type="A", n_colors=3)


def test_a_third_mask_type_is_refused():
    with pytest.raises(ValueError, match="mask_type must be one of 'A', 'B', got 'a'"):
        MaskedConv2d(1, 1, 3, mask_type="a")
