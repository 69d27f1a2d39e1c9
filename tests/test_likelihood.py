"""Scores in the right unit, and sums over all images."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tutorial_lib.pixels.likelihood import (
    bits_per_dim,
    enumerate_images,
    nll_nats,
    total_probability,
)


class PixelTable(nn.Module):
    """Independent binary pixels, each 1 with the same probability; `leak` adds the pixel itself."""

    n_levels, n_colors = 2, 1

    def __init__(self, probability: float, leak: float = 0.0):
        super().__init__()
        log_odds = math.log(probability / (1 - probability))
        self.log_odds = nn.Parameter(torch.tensor([log_odds], dtype=torch.float64))
        self.leak = leak

    def forward(self, levels):
        ones = self.log_odds + self.leak * (2 * levels - 1)
        return torch.stack([torch.zeros_like(ones), ones], dim=1)


def loop_nll(logits, levels):
    """The definition, one sub-pixel at a time."""
    total = torch.zeros(len(levels), dtype=torch.float64)
    for place in torch.cartesian_prod(*(torch.arange(n) for n in levels.shape)):
        b, *rest = place.tolist()
        scores = [math.exp(logits[(b, level, *rest)]) for level in range(logits.shape[1])]
        total[b] -= math.log(scores[levels[(b, *rest)]] / sum(scores))
    return total


def test_784_binary_pixels_under_a_uniform_model_cost_543_4_nats():
    levels = torch.randint(2, (3, 1, 28, 28))
    cost = nll_nats(torch.zeros(3, 2, 1, 28, 28), levels)
    assert cost.tolist() == pytest.approx([784 * math.log(2)] * 3, rel=1e-6)
    assert round(cost[0].item(), 1) == 543.4


def test_256_levels_under_a_uniform_model_cost_8_000_bits_per_dim():
    levels = torch.randint(256, (2, 3, 5, 7))
    cost = bits_per_dim(nll_nats(torch.zeros(2, 256, 3, 5, 7), levels), 3 * 5 * 7)
    assert [f"{c:.3f}" for c in cost.tolist()] == ["8.000", "8.000"]


def test_two_pixels_of_probability_a_quarter_and_a_half_cost_log_8():
    probabilities = torch.tensor([[0.25, 0.5], [0.75, 0.5]])  # [level, pixel]
    logits = probabilities.log().view(1, 2, 1, 1, 2)
    cost = nll_nats(logits, torch.tensor([0, 1]).view(1, 1, 1, 2))
    assert cost.item() == pytest.approx(math.log(8), rel=1e-6)


def test_the_softmax_runs_over_levels_where_every_axis_is_equally_long():
    logits = torch.randn(2, 2, 2, 2, 2, dtype=torch.float64)
    levels = torch.randint(2, (2, 2, 2, 2))
    torch.testing.assert_close(nll_nats(logits, levels), loop_nll(logits, levels))


def test_the_score_does_not_change_when_a_constant_is_added_to_the_logits_of_a_pixel():
    logits, levels = torch.randn(2, 3, 1, 2, 4).double(), torch.randint(3, (2, 1, 2, 4))
    moved = logits + torch.randn(2, 1, 1, 2, 4)
    torch.testing.assert_close(nll_nats(moved, levels), nll_nats(logits, levels))


def test_the_score_is_a_sum_over_the_pixels_of_each_image_not_a_mean():
    logits, levels = torch.randn(3, 4, 1, 5, 7).double(), torch.randint(4, (3, 1, 5, 7))
    once = nll_nats(logits, levels)
    twice = nll_nats(torch.cat([logits, logits], dim=-1), torch.cat([levels, levels], dim=-1))
    torch.testing.assert_close(twice, 2 * once)


def test_each_image_has_a_score_of_its_own():
    logits, levels = torch.randn(3, 4, 1, 2, 3).double(), torch.randint(4, (3, 1, 2, 3))
    alone = torch.cat([nll_nats(logits[i : i + 1], levels[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(nll_nats(logits, levels), alone)
    assert len(set(alone.tolist())) == 3


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3)])
def test_index_fields_of_any_number_of_dimensions_score_the_same(shape):
    logits, levels = torch.randn(2, 5, 6).double(), torch.randint(5, (2, 6))
    field = nll_nats(logits.reshape(2, 5, *shape), levels.reshape(2, *shape))
    torch.testing.assert_close(field, nll_nats(logits, levels))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_summed_in_float32(dtype):
    """1,568 terms of log 2 added up in bfloat16 stop growing at 256."""
    cost = nll_nats(torch.zeros(1, 2, 2, 28, 28, dtype=dtype), torch.zeros(1, 2, 28, 28).long())
    assert cost.dtype == torch.float32
    assert cost.item() == pytest.approx(1568 * math.log(2), rel=1e-5)


def test_nats_become_bits_by_dividing_by_log_2():
    assert bits_per_dim(math.log(2), 1) == 1.0
    assert bits_per_dim(3.0, 2) == pytest.approx(3 / 2 * 1.4426950408889634)
    assert bits_per_dim(torch.tensor([math.log(4)]), 2).tolist() == pytest.approx([1.0])


def test_all_images_are_listed_in_counting_order_last_pixel_fastest():
    assert enumerate_images(1, 2).flatten(1).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    in_threes = [[a, b] for a in range(3) for b in range(3)]
    assert enumerate_images(2, 1, 3).flatten(1).tolist() == in_threes


@pytest.mark.parametrize(("height", "width", "levels", "colors"), [(2, 3, 2, 1), (1, 2, 3, 2)])
def test_every_image_is_listed_exactly_once(height, width, levels, colors):
    images = enumerate_images(height, width, levels, n_colors=colors)
    count = levels ** (height * width * colors)
    assert images.shape == (count, colors, height, width)
    assert images.unique(dim=0).shape == images.shape
    assert (images.min(), images.max()) == (0, levels - 1)


def test_the_colours_of_a_pixel_are_listed_before_the_next_pixel():
    one = enumerate_images(1, 2, n_colors=3)[0b100_010]
    assert one[:, 0, 0].tolist() == [1, 0, 0]  # R, G, B of the first pixel
    assert one[:, 0, 1].tolist() == [0, 1, 0]


def test_the_probabilities_of_independent_pixels_sum_to_1():
    assert total_probability(PixelTable(0.3), 2, 3) == pytest.approx(1, abs=1e-12)


def test_the_total_betrays_a_model_that_sees_the_pixel_it_predicts():
    """The probe of the test above can fail: such a model scores every image as likely."""
    assert total_probability(PixelTable(0.3, leak=5.0), 2, 3) > 10


def test_the_total_does_not_depend_on_how_the_list_is_cut_into_batches():
    model = PixelTable(0.3)
    assert total_probability(model, 2, 2, batch_size=3) == pytest.approx(
        total_probability(model, 2, 2), abs=1e-12
    )


@pytest.mark.parametrize("training", [True, False])
def test_the_total_leaves_the_mode_of_the_model_alone(training):
    model = PixelTable(0.3).train(training)
    total_probability(model, 1, 2)
    assert model.training is training


@pytest.mark.parametrize(
    ("levels", "error", "message"),
    [
        (torch.zeros(2, 3), TypeError, r"levels must be a torch.long tensor, got torch.float32"),
        (torch.full((2, 3), 4), ValueError, r"levels must lie in 0 .. 3, got values 4 .. 4"),
        (torch.full((2, 3), -1), ValueError, r"levels must lie in 0 .. 3, got values -1 .. -1"),
        (torch.zeros(2, 1).long(), ValueError, r"levels must have shape \(2, 3\), got \(2, 1\)"),
    ],
)
def test_unusable_levels_are_quoted_in_the_complaint(own_messages, levels, error, message):
    with pytest.raises(error, match=message):
        nll_nats(torch.zeros(2, 4, 3), levels)


def test_integer_logits_are_refused(own_messages):
    with pytest.raises(TypeError, match="logits must be a floating-point tensor, got torch.int64"):
        nll_nats(torch.zeros(2, 4, 3).long(), torch.zeros(2, 3).long())


def test_a_list_of_images_that_would_not_end_is_refused():
    with pytest.raises(ValueError, match=r"28x28x1 with 2 levels has 2\*\*784 images"):
        enumerate_images(28, 28)


def test_bits_of_no_dimension_are_refused():
    with pytest.raises(ValueError, match="n_dims must be at least 1, got 0"):
        bits_per_dim(1.0, 0)
