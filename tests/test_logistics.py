"""The mixture of logistics is a probability of levels: it adds up to 1 and draws what it scores."""

import pytest
import torch

from tutorial_lib.pixels import logistics
from tutorial_lib.pixels.likelihood import enumerate_images


def noise(*shape, seed=0, scale=1.0, dtype=torch.float64):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("n_levels", [2, 3, 16, 256])
@pytest.mark.parametrize("scale", [0.1, 1, 10, 1000])
def test_the_probabilities_of_all_levels_add_up_to_1(n_levels, scale):
    out = noise(1, logistics.n_outputs(4, 1), 1, 1, seed=n_levels, scale=scale)
    levels = torch.arange(n_levels).view(-1, 1, 1, 1)
    nats = logistics.mixture_nll_nats(out.expand(n_levels, -1, 1, 1), levels, n_levels, 4)
    assert nats.isfinite().all()
    assert torch.exp(-nats).sum().item() == pytest.approx(1, abs=1e-9)


def test_the_probabilities_of_all_colour_images_add_up_to_1():
    images = enumerate_images(1, 2, n_levels=3, n_colors=3)
    out = noise(1, logistics.n_outputs(2, 3), 1, 2, seed=1).expand(len(images), -1, 1, 2)
    nats = logistics.mixture_nll_nats(out, images, 3, 2)
    assert torch.exp(-nats).sum().item() == pytest.approx(1, abs=1e-9)


def test_one_bump_by_hand():
    """Centre 0, width 1, levels -1, 0, 1: the middle one has σ(½) - σ(-½)."""
    out = torch.zeros(3, 3, 1, 1, dtype=torch.float64)
    nats = logistics.mixture_nll_nats(out, torch.arange(3).view(3, 1, 1, 1), 3, 1)
    side = torch.sigmoid(torch.tensor(-0.5, dtype=torch.float64))
    expected = torch.stack([side, 1 - 2 * side, side])
    assert torch.allclose(torch.exp(-nats), expected)


def test_colours_share_the_bump():
    """Two bumps, black and white: a pixel with green alone costs much."""
    out = torch.zeros(1, logistics.n_outputs(2, 3), 1, 1, dtype=torch.float64)
    out[0, 2:5], out[0, 5:8], out[0, 8:] = -1, 1, -6
    black, white, mixed = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0] * 3, [1] * 3, [0, 1, 0]))
    cost = [logistics.mixture_nll_nats(out, each, 2, 2).item() for each in (black, white, mixed)]
    assert cost[0] == pytest.approx(cost[1]) == pytest.approx(0.6931, abs=1e-3)
    assert cost[2] > 100


def test_draws_come_as_often_as_their_probability_says():
    out = noise(1, logistics.n_outputs(3, 1), 1, 1, seed=3)
    levels = torch.arange(6).view(-1, 1, 1, 1)
    expected = torch.exp(-logistics.mixture_nll_nats(out.expand(6, -1, 1, 1), levels, 6, 3))
    generator = torch.Generator().manual_seed(0)
    drawn = logistics.mixture_sample(out.expand(40_000, -1, 1, 1), 6, 3, 1, generator)
    share = torch.bincount(drawn.flatten(), minlength=6) / 40_000
    assert (share - expected).abs().max() < 0.01


def test_the_mean_lies_between_the_bumps():
    out = torch.zeros(1, logistics.n_outputs(2, 1), 1, 1)
    out[0, 2], out[0, 3] = -0.5, 1.5  # one beyond the end: white
    assert logistics.mixture_mean(out, 2, 1).item() == pytest.approx((0.25 + 1) / 2)


def test_a_very_wide_bump_gives_each_inner_level_the_same():
    out = torch.zeros(2, 3, 1, 1)
    out[:, 2] = 18
    levels = torch.tensor([100, 101]).view(2, 1, 1, 1)
    first, second = logistics.mixture_nll_nats(out, levels, 256, 1)
    assert first.isfinite() and first == pytest.approx(second.item())


def test_gradients_are_finite_where_a_level_is_impossible():
    out = torch.zeros(1, 3, 1, 1)
    out[0, 1], out[0, 2] = 1, -7  # a needle at white
    out.requires_grad_()
    nats = logistics.mixture_nll_nats(out, torch.zeros(1, 1, 1, 1).long(), 256, 1)
    nats.sum().backward()
    assert nats.isfinite().all() and out.grad.isfinite().all() and nats > 1000


def test_half_precision_is_scored_in_float32():
    out = noise(2, logistics.n_outputs(4, 3), 4, 4, dtype=torch.float32)
    levels = torch.randint(256, (2, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    half = logistics.mixture_nll_nats(out.bfloat16(), levels, 256, 4)
    assert half.dtype == torch.float32
    assert torch.allclose(half, logistics.mixture_nll_nats(out, levels, 256, 4), rtol=0.02)


def test_a_fresh_layer_spreads_its_bumps():
    bias = logistics.starting_bias(3, 3)
    assert len(bias) == logistics.n_outputs(3, 3)
    bumps = logistics.bumps_of(bias.view(1, -1, 1, 1), 3, 3)
    assert bumps.centres[0, :, 0, 0, 0].tolist() == pytest.approx([-0.5, 0, 0.5])
