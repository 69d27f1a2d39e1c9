"""The influence matrix: right by hand, strictly causal for good stacks, and not to be fooled.

A proof that nothing leaks is worth as much as the probe. So every good stack has bad twins beside
it, one for each common mistake, and the probe must see what is wrong with them.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tutorial_lib.pixels.influence import (
    StackModel,
    as_model,
    blind_spot,
    influence_map,
    influence_matrix,
)
from tutorial_lib.pixels.masks import MaskedConv2d, causal_mask

SIZES = [(5, 7), (7, 5)]


class Conv2dWithMask(nn.Conv2d):
    """A convolution with any mask on its kernel: for mistakes."""

    def __init__(self, in_channels, out_channels, mask):
        super().__init__(in_channels, out_channels, tuple(mask.shape), padding="same")
        self.register_buffer("mask", mask)

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight * self.mask, self.bias, padding="same")


def stack(n_colors=1, depth=3, kernel_size=3, first="A", later="B", between=nn.Sequential):
    """Masked convolutions, four features and two levels a colour; an ELU is never shut."""
    features = 4 * n_colors
    layers = [MaskedConv2d(n_colors, features, kernel_size, mask_type=first, n_colors=n_colors)]
    for _ in range(depth - 1):
        layers += [nn.ELU(), between()]
        layers += [
            MaskedConv2d(features, features, kernel_size, mask_type=later, n_colors=n_colors)
        ]
    return as_model(nn.Sequential(*layers), n_colors=n_colors)


def strictly_causal(reads):
    return torch.equal(reads, reads.tril(diagonal=-1))


def leaks(reads):
    """Entries where an output reads itself or the future."""
    return reads.triu().nonzero().tolist()


# ---------------------------------------------------------------- by hand


def test_a_1x3_mask_A_reads_exactly_the_left_neighbour():
    reads = influence_matrix(as_model(MaskedConv2d(1, 2, (1, 3), mask_type="A")), 2, 3)
    pairs = reads.nonzero().tolist()
    assert pairs == [[1, 0], [2, 1], [4, 3], [5, 4]]  # none from one row to the next


def test_a_3x3_mask_A_reads_four_neighbours_of_the_middle_pixel():
    reads = influence_matrix(as_model(MaskedConv2d(1, 2, 3, mask_type="A")), 3, 4)
    middle = 1 * 4 + 1
    assert reads[middle].nonzero().flatten().tolist() == [0, 1, 2, 4]


def test_the_matrix_is_output_by_input_in_raster_order_with_colours_inside_a_pixel():
    """A 1x1 mask A with three colours: R reads nothing, G reads R, B reads R and G."""
    layer = MaskedConv2d(3, 6, 1, mask_type="A", n_colors=3)
    reads = influence_matrix(as_model(layer, n_colors=3), 1, 2)
    assert reads.nonzero().tolist() == [[1, 0], [2, 0], [2, 1], [4, 3], [5, 3], [5, 4]]


def test_a_deep_3x3_stack_reads_the_past_up_to_a_diagonal_and_is_blind_beyond():
    """One column to the right for each row up, and no further: the blind spot of section 2.2."""
    height, width = 4, 6
    reads = influence_matrix(stack(depth=9), height, width)
    for out in range(height * width):
        for past in range(height * width):
            rows_up = out // width - past // width
            columns_right = past % width - out % width
            seen = rows_up >= 0 and columns_right <= (rows_up if rows_up else -1)
            assert reads[out, past] == seen, (out, past)
    assert blind_spot(reads) > 0


# ------------------------------------------------- good stacks, and bad twins


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("n_colors", [1, 3])
def test_no_pixel_sees_itself_or_the_future(n_colors, height, width, training):
    model = stack(n_colors).train(training)
    reads = influence_matrix(model, height, width, n_probes=2 if n_colors == 1 else 1)
    assert strictly_causal(reads)
    assert reads.any()


def test_mask_B_in_the_first_layer_is_caught_every_pixel_sees_itself():
    reads = influence_matrix(stack(first="B"), 5, 7)
    assert reads.diagonal().all()


@pytest.mark.parametrize(
    ("mistake", "mask"),
    [
        ("no mask", torch.ones(3, 3)),
        ("transposed", causal_mask(3, include_center=False).T),
        ("upside down", causal_mask(3, include_center=False).flip(0)),
        ("left and right exchanged", causal_mask(3, include_center=False).flip(1)),
        ("centre left in", causal_mask(3, include_center=True)),
    ],
)
def test_a_wrong_mask_is_caught(mistake, mask):
    reads = influence_matrix(as_model(Conv2dWithMask(1, 2, mask)), 5, 7)
    assert leaks(reads), mistake


def test_colours_without_the_red_green_blue_rule_are_caught():
    """One mask for all channels: with type B a colour sees itself, with type A no other colour."""
    wide_open = Conv2dWithMask(3, 6, causal_mask(3, include_center=True))
    assert leaks(influence_matrix(as_model(wide_open, n_colors=3), 2, 3))
    blind = Conv2dWithMask(3, 6, causal_mask(3, include_center=False))
    reads = influence_matrix(as_model(blind, n_colors=3), 2, 3)
    assert strictly_causal(reads)
    assert not reads[1, 0]  # green does not know red
    assert influence_matrix(stack(3), 2, 3)[1, 0]  # as it does behind the right mask


def test_outputs_taken_apart_in_another_order_than_the_mask_are_caught():
    """Channels grouped by the mask, but read out interleaved: green's logits go to red."""

    class Interleaved(StackModel):
        def logits_from(self, features):
            return self.stack(features).unflatten(1, (-1, self.n_colors))

    good = stack(3)
    assert leaks(influence_matrix(Interleaved(good.stack, n_colors=3), 2, 3))
    assert not leaks(influence_matrix(good, 2, 3))


def test_batch_norm_leaks_the_future_in_train_mode_only():
    """Its statistics run over the whole picture; in eval mode they are constants."""
    model = stack(between=lambda: nn.BatchNorm2d(4))
    assert leaks(influence_matrix(model.train(), 5, 7))
    assert not leaks(influence_matrix(model.eval(), 5, 7))


@pytest.mark.parametrize("training", [True, False])
def test_a_norm_over_space_leaks_in_both_modes(training):
    model = stack(between=lambda: nn.GroupNorm(1, 4)).train(training)
    assert leaks(influence_matrix(model, 5, 7))


def test_mask_A_in_every_layer_is_caught_it_skips_the_left_neighbour():
    again = influence_matrix(stack(depth=2, later="A"), 5, 7)
    assert strictly_causal(again)
    assert not again.diagonal(-1).any()
    assert influence_matrix(stack(depth=2), 5, 7).diagonal(-1).any()


def test_a_stochastic_model_is_not_accused_of_leaking():
    """Dropout changes every output from call to call; comparing two calls would blame the input."""
    model = stack(depth=4, between=nn.Dropout).train()
    assert strictly_causal(influence_matrix(model, 5, 7))


# ------------------------------------------------------------- the probe itself


@pytest.mark.parametrize("first", ["A", "B"])
@pytest.mark.parametrize("n_colors", [1, 3])
def test_the_gradient_finds_what_a_change_of_the_input_finds(n_colors, first):
    """Against changed copies of one picture, never against an alias of the changed one."""
    height, width = 3, 4
    model = stack(n_colors, depth=2, first=first).double()
    reads = influence_matrix(model, height, width, n_probes=1)
    noise = torch.Generator().manual_seed(0)  # the picture of the first probe
    levels = torch.randint(2, (1, n_colors, height, width), generator=noise)
    before = model.logits_from(model.embed(levels)).detach()
    for row in range(height):
        for column in range(width):
            for color in range(n_colors):
                changed = levels.double().clone()
                changed[0, color, row, column] += 1e-4
                after = model.logits_from(changed).detach()
                moved = (after != before).any(dim=1)[0].permute(1, 2, 0).flatten()
                assert torch.equal(moved, reads[:, (row * width + column) * n_colors + color])


def test_logits_that_add_up_to_a_constant_do_not_hide_what_they_read():
    """The sum over levels of (a, -a) has no gradient at all; a random mix has one."""

    class Opposed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = MaskedConv2d(1, 1, (1, 3), mask_type="A")

        def forward(self, x):
            out = self.layer(x)
            return torch.cat([out, -out], dim=1)

    assert influence_matrix(as_model(Opposed()), 1, 3).nonzero().tolist() == [[1, 0], [2, 1]]


def test_a_relu_that_is_shut_on_one_image_is_open_on_another():
    """Open at 0 only: a picture in which every pixel is 1 shows nothing."""

    class OpenAtZero(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = MaskedConv2d(1, 2, (1, 3), mask_type="A")
            nn.init.constant_(self.layer.weight, -1)
            nn.init.constant_(self.layer.bias, 0.5)

        def forward(self, x):
            return torch.relu(self.layer(x))

    one = influence_matrix(as_model(OpenAtZero()), 4, 4, n_probes=1)
    many = influence_matrix(as_model(OpenAtZero()), 4, 4, n_probes=16)
    assert (one & ~many).sum() == 0
    assert one.sum() < many.sum() == 12


def test_a_model_that_reads_nothing_has_an_empty_matrix():
    model = as_model(MaskedConv2d(1, 2, 1, mask_type="A"))
    assert not influence_matrix(model, 2, 3).any()


@pytest.mark.parametrize("training", [True, False])
def test_the_probe_leaves_the_model_as_it_was(training):
    model = stack(between=lambda: nn.BatchNorm2d(4)).train(training)
    before = copy.deepcopy(model.state_dict())
    influence_matrix(model, 2, 3)
    influence_map(model, 2, 3, (1, 1))
    after = model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert next(model.parameters()).dtype == torch.float32
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(module.training is training for module in model.modules())


@pytest.mark.parametrize("n_colors", [1, 3])
def test_the_map_of_a_target_shows_its_row_of_the_matrix(n_colors):
    height, width, row, column, color = 3, 4, 1, 2, n_colors - 1
    model = stack(n_colors)
    reads = influence_matrix(model, height, width)
    shown = influence_map(model, height, width, (row, column), color=color)
    assert shown.shape == (n_colors, height, width)
    target = (row * width + column) * n_colors + color
    assert torch.equal(shown.permute(1, 2, 0).flatten() > 0, reads[target])


def test_the_map_of_a_linear_layer_is_the_size_of_its_weights():
    """Rows of figure 1: the tap to the left weighs three times the tap above."""
    layer = MaskedConv2d(1, 1, 3, mask_type="A")
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 0, 1], layer.weight[0, 0, 1, 0] = 1.0, -3.0
    shown = influence_map(as_model(layer), 3, 3, (1, 1))[0]
    assert shown[1, 0] == pytest.approx(3 * shown[0, 1].item())
    assert (shown > 0).sum() == 2


def changed_by(model, height, width, target, color):
    """Where logits change if one sub-pixel of some random images does: without a derivative."""
    probe, noise = copy.deepcopy(model).double(), torch.Generator().manual_seed(0)
    before = torch.randint(model.n_levels, (16, model.n_colors, height, width), generator=noise)
    after = before.clone()
    row, column = target
    after[:, color, row, column] = (before[:, color, row, column] + 1) % model.n_levels
    return (probe(before) != probe(after)).any(dim=1).any(dim=0)


@pytest.mark.parametrize("n_colors", [1, 3])
@pytest.mark.parametrize("first", ["A", "B"])  # B leaks, and is seen to
def test_what_a_changed_pixel_changes_is_its_column_of_the_matrix(n_colors, first):
    height, width = 3, 4
    model = stack(n_colors, first=first)
    reads = influence_matrix(model, height, width).view(height, width, n_colors, -1)
    for row, column, color in [(0, 0, 0), (1, 2, n_colors - 1), (2, 1, 0)]:
        place = (row * width + column) * n_colors + color
        changed = changed_by(model, height, width, (row, column), color)
        assert torch.equal(changed, reads[..., place].permute(2, 0, 1))


def test_the_blind_spot_is_the_unread_share_of_the_past():
    reads = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.bool)
    assert blind_spot(reads) == pytest.approx(1 / 3)
    assert blind_spot(torch.ones(3, 3, dtype=torch.bool).tril(-1)) == 0.0
    assert blind_spot(torch.zeros(3, 3, dtype=torch.bool)) == 1.0


def test_seeing_the_future_does_not_make_up_for_a_blind_spot():
    reads = torch.tensor([[1, 1, 1], [1, 1, 1], [0, 1, 1]], dtype=torch.bool)
    assert blind_spot(reads) == pytest.approx(1 / 3)


def test_one_pixel_has_no_past_to_be_blind_to():
    with pytest.raises(ValueError, match=r"\(1, 1\) has no past"):
        blind_spot(torch.zeros(1, 1, dtype=torch.bool))


@pytest.mark.parametrize(("target", "color"), [((3, 0), 0), ((0, 4), 0), ((-1, 0), 0), ((0, 0), 1)])
def test_a_target_outside_the_image_is_refused(target, color):
    with pytest.raises(ValueError, match="lies outside 3x4x1"):
        influence_map(stack(), 3, 4, target, color=color)
