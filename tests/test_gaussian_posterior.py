"""The Gaussian posterior: draws and gradients by hand, the information against an integral."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from tutorial_lib.codes.gaussian_posterior import information_nats, reparameterize

# --------------------------------------------------------------------------------- the draws


def test_a_draw_by_hand():
    mean, log_variance = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(9)]])
    z = reparameterize(mean, log_variance, torch.tensor([[0.5, 2.0]]))
    assert torch.allclose(z, torch.tensor([[1.5, 4.0]]))


def test_draws_have_the_mean_and_the_variance_asked_for():
    noise = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0))
    log_variance = torch.full_like(noise, math.log(4))
    z = reparameterize(torch.full_like(noise, 3.0), log_variance, noise)
    assert z.mean().item() == pytest.approx(3, abs=0.02)
    assert z.var().item() == pytest.approx(4, rel=0.02)


def test_the_gradient_of_a_draw_is_1_for_the_mean_and_half_the_spread_for_the_log_variance():
    mean = torch.zeros(1, 1, requires_grad=True)
    log_variance = torch.full((1, 1), math.log(9), requires_grad=True)
    reparameterize(mean, log_variance, torch.tensor([[2.0]])).sum().backward()
    assert mean.grad.item() == 1
    assert log_variance.grad.item() == pytest.approx(3 * 2 / 2)


def test_parts_that_do_not_match_are_not_broadcast(own_messages):
    with pytest.raises(ValueError, match="noise must have shape"):
        reparameterize(torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(1, 2))


# -------------------------------------------------------------------------------- the information


def test_codes_that_lie_far_apart_say_which_image_it_is():
    mean = 100 * torch.arange(8.0)[:, None]
    assert information_nats(mean, torch.zeros(8, 1)).item() == pytest.approx(math.log(8), abs=1e-5)


def test_codes_that_are_all_alike_say_nothing():
    assert information_nats(torch.ones(8, 3), torch.zeros(8, 3)).item() == pytest.approx(
        0, abs=1e-5
    )


def test_two_gaussians_that_overlap_say_what_the_integral_says():
    z = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    one, other = Normal(-1.0, 1.0).log_prob(z), Normal(1.0, 1.0).log_prob(z)
    mixture = torch.logaddexp(one, other) - math.log(2)
    by_hand = (one.exp() * (one - mixture)).sum() * (z[1] - z[0])
    mean = torch.tensor([[-1.0], [1.0]]).double()
    noise = torch.Generator().manual_seed(0)
    found = information_nats(mean, torch.zeros(2, 1).double(), n_draws=5_000, generator=noise)
    assert found.item() == pytest.approx(by_hand.item(), abs=0.02)
