"""KL divergences and bounds, against numbers worked out by hand and against each other."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tutorial_lib.codes.bounds import (
    categorical_kl,
    elbo_nats,
    gaussian_kl,
    kl_to_uniform,
    latent_rate_nats,
    two_stage_bound_nats,
)
from tutorial_lib.codes.quantizer import VectorQuantizer

HALVES = torch.tensor([0.5, 0.5], dtype=torch.float64)
QUARTERS = torch.tensor([0.25, 0.75], dtype=torch.float64)


def distributions(seed, *shape):
    noise = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=noise, dtype=torch.float64).mul(3).softmax(dim=-1)


# -------------------------------------------------------------------------- KL = log K


@pytest.mark.parametrize("n_codes", [1, 2, 128, 512])
def test_the_kl_of_a_one_hot_to_the_uniform_is_log_k_to_the_last_bit(n_codes):
    """512 terms of 0 log 0 among them: each counts 0, not NaN."""
    every_code = torch.eye(n_codes, dtype=torch.float64)
    assert (kl_to_uniform(every_code) == math.log(n_codes)).all()
    uniform = torch.full((n_codes,), 1 / n_codes, dtype=torch.float64)
    torch.testing.assert_close(
        categorical_kl(every_code, uniform), kl_to_uniform(every_code), rtol=1e-14, atol=0
    )


def test_the_kl_is_a_cost_so_it_is_positive():
    """The usual slip is the sign: log K is paid, not earned."""
    assert kl_to_uniform(torch.tensor([0.0, 1.0])).item() == pytest.approx(0.6931, abs=1e-4)
    assert elbo_nats(torch.tensor([-1.0]), torch.tensor([0.6931])).item() == pytest.approx(-1.6931)


def test_49_latents_of_128_codes_cost_237_7_nats():
    """Not log 128 = 4.85, which is the cost of one of them."""
    assert round(latent_rate_nats(49, 128), 1) == 237.7
    assert latent_rate_nats(1, 128) == math.log(128)


def test_the_rate_is_the_sum_of_the_kl_of_every_latent():
    q = F.one_hot(torch.randint(8, (3, 5)), 8).double()
    assert kl_to_uniform(q).sum().item() == pytest.approx(latent_rate_nats(15, 8))


def test_the_kl_of_a_quantizer_is_constant_so_nothing_can_learn_from_it():
    """Wherever the encoder moves, the posterior is one-hot: the KL is log K, without gradient."""
    quantizer = VectorQuantizer(6, 3)
    for scale in (0.1, 1.0, 10.0):
        z_e = (scale * torch.randn(2, 3, 4)).requires_grad_()
        q = F.one_hot(quantizer(z_e).indices, 6).float()
        kl = kl_to_uniform(q)
        assert (kl == math.log(6)).all()
        assert not kl.requires_grad


@pytest.mark.parametrize(
    "kl", [kl_to_uniform, lambda q: categorical_kl(q, torch.full_like(q, 0.25).detach())]
)
def test_the_gradient_through_a_softmax_that_became_one_hot_is_0_and_not_nan(kl):
    """exp(-1000) is 0, where d(q log q)/dq is not finite; behind a softmax its limit is 0."""
    logits = torch.tensor([1000.0, 0.0, 0.0, -5.0], dtype=torch.float64, requires_grad=True)
    kl(logits.softmax(dim=-1)).backward()
    assert (logits.grad == 0).all()


def test_the_gradient_through_a_soft_posterior_is_not_0():
    """The probe of the test above can see one: it pulls an unsure posterior towards the uniform."""
    logits = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    kl_to_uniform(logits.softmax(dim=-1)).backward()
    assert logits.grad[0] > 0.1 and (logits.grad[1:] < 0).all()


# --------------------------------------------------------------------------- any q and p


def test_a_kl_by_hand():
    """(1/2) log 2 + (1/2) log(2/3) one way; (1/4) log(1/2) + (3/4) log(3/2) the other."""
    assert categorical_kl(HALVES, QUARTERS).item() == pytest.approx(0.5 * math.log(4 / 3))
    expected = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert categorical_kl(QUARTERS, HALVES).item() == pytest.approx(expected)
    assert kl_to_uniform(QUARTERS).item() == pytest.approx(expected)


def test_what_q_never_does_costs_nothing_even_where_p_forbids_it():
    q, p = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])
    assert categorical_kl(q, p) == 0
    assert categorical_kl(q, torch.tensor([0.5, 0.5])).item() == pytest.approx(math.log(2))


def test_what_q_does_and_p_forbids_costs_infinitely_much():
    assert categorical_kl(HALVES, torch.tensor([0.0, 1.0]).double()) == math.inf


@given(seed=st.integers(0, 2**31), n=st.integers(2, 6))
def test_a_kl_is_never_negative_and_0_only_between_equals(seed, n):
    q, p = distributions(seed, 5, n), distributions(seed + 1, 5, n)
    assert (categorical_kl(q, p) > 0).all()
    torch.testing.assert_close(categorical_kl(q, q), torch.zeros(5, dtype=torch.float64))


@given(seed=st.integers(0, 2**31), n=st.integers(1, 6))
def test_the_kl_to_the_uniform_is_the_kl_to_the_uniform(seed, n):
    q, uniform = distributions(seed, 2, 3, n), torch.full((n,), 1 / n, dtype=torch.float64)
    torch.testing.assert_close(kl_to_uniform(q), categorical_kl(q, uniform))
    assert ((kl_to_uniform(q) > -1e-9) & (kl_to_uniform(q) < math.log(n) + 1e-9)).all()


def test_one_p_serves_for_every_q():
    q, p = distributions(0, 2, 3, 4), distributions(1, 4)
    torch.testing.assert_close(categorical_kl(q, p), categorical_kl(q, p.expand_as(q)))


@given(mean=st.floats(-3, 3), log_variance=st.floats(-3, 2))
def test_the_gaussian_kl_is_the_one_of_torch(mean, log_variance):
    mean, log_variance = torch.tensor([[mean]]).double(), torch.tensor([[log_variance]]).double()
    normal = torch.distributions.Normal
    q = normal(mean, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(q, normal(torch.zeros_like(mean), 1.0))
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected[:, 0])


def test_the_gaussian_kl_by_hand_is_summed_over_its_dimensions():
    """Means 1 and 2 with variance 1 cost 1/2 and 2; variance e costs (e - 2)/2."""
    means = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    log_variances = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert gaussian_kl(means, log_variances).tolist() == pytest.approx([2.5, (math.e - 2) / 2])


# --------------------------------------------------------------------------------- bounds


def test_the_elbo_of_a_toy_is_below_log_p_and_reaches_it_with_the_true_posterior():
    """z in {0, 1} with p(z) = 1/4, 3/4 and p(x|z) = 1/2, 1/6: p(x) = 1/4, p(z|x) = 1/2."""
    likelihood = torch.tensor([1 / 2, 1 / 6], dtype=torch.float64)
    log_p = math.log(0.25)
    for first in (0.0, 0.1, 0.5, 0.9, 1.0):
        q = torch.tensor([first, 1 - first], dtype=torch.float64)
        bound = elbo_nats((q * likelihood.log()).sum(), categorical_kl(q, QUARTERS))
        assert bound <= log_p + 1e-12
        assert (abs(bound - log_p) < 1e-12) == (first == 0.5)


def test_the_two_stage_bound_adds_the_logarithms_of_both_stages():
    bound = two_stage_bound_nats(torch.tensor([-3.0, -1.0]), torch.tensor([-0.5, -2.0]))
    assert bound.tolist() == [-3.5, -3.0]


# ----------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("q", "error", "message"),
    [
        (torch.tensor([0.5, 0.6]), ValueError, "q must hold probabilities that sum to 1"),
        (torch.tensor([1.5, -0.5]), ValueError, "q must hold probabilities"),
        (torch.tensor([math.nan, 1.0]), ValueError, "q must hold probabilities"),
        (torch.tensor([1, 0]), TypeError, "q must be a floating-point tensor, got torch.int64"),
        (torch.tensor(1.0), ValueError, r"q must have shape \(\*batch, K\)"),
        (torch.zeros(3, 0), ValueError, "sums 0 .. 0|p must have shape"),
    ],
)
def test_what_is_no_distribution_is_refused(own_messages, q, error, message):
    with pytest.raises(error, match=message):
        kl_to_uniform(q)
    with pytest.raises(error, match=message):
        categorical_kl(q, HALVES.float())


def test_distributions_of_different_shape_are_not_broadcast(own_messages):
    with pytest.raises(ValueError, match=r"q of shape \(2, 1, 4\) and p of shape \(1, 3, 4\)"):
        categorical_kl(torch.full((2, 1, 4), 0.25), torch.full((1, 3, 4), 0.25))


@pytest.mark.parametrize("together", [elbo_nats, two_stage_bound_nats])
def test_terms_of_different_images_are_not_broadcast(own_messages, together):
    with pytest.raises(ValueError, match=r"must have shape \(3\), got \(3, 1\)"):
        together(torch.zeros(3), torch.zeros(3, 1))


def test_a_gaussian_with_one_variance_for_all_is_refused(own_messages):
    with pytest.raises(ValueError, match=r"log_variance must have shape \(2, 3\), got \(1,\)"):
        gaussian_kl(torch.zeros(2, 3), torch.zeros(1))


@pytest.mark.parametrize(("n_latents", "n_codes"), [(0, 8), (8, 0)])
def test_a_rate_of_nothing_is_refused(n_latents, n_codes):
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        latent_rate_nats(n_latents, n_codes)
