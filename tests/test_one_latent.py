"""The model with one latent number: its integrals against sums and against each other."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from tutorial_lib.codes.one_latent import OneLatentModel, blob_on_a_strip
from tutorial_lib.pixels.likelihood import enumerate_images

ONE_BLOB = torch.tensor([0, 0, 0, 0, 1, 1, 0, 0, 0])
TWO_BLOBS = torch.tensor([0, 1, 0, 0, 0, 0, 0, 1, 0])
DARK = torch.zeros(9, dtype=torch.long)
IMAGES = pytest.mark.parametrize("levels", [ONE_BLOB, TWO_BLOBS, DARK], ids=["one", "two", "dark"])


@pytest.fixture(scope="module")
def strip():
    return blob_on_a_strip()


def deaf(n=3):
    """A decoder that ignores z: every pixel is bright with probability 3/4."""
    return OneLatentModel(lambda z: torch.full((len(z), n), math.log(3), dtype=z.dtype))


# ------------------------------------------------------------------------------ what it defines


def test_the_probabilities_of_all_images_sum_to_1():
    strip = blob_on_a_strip(5)
    images = enumerate_images(1, 5).view(-1, 5)
    total = sum(strip.log_evidence_nats(levels).exp() for levels in images)
    assert total.item() == pytest.approx(1, abs=1e-9)


def test_a_decoder_that_ignores_z_has_the_evidence_of_its_pixels():
    levels = torch.tensor([1, 0, 1])
    by_hand = 2 * math.log(3 / 4) + math.log(1 / 4)
    assert deaf().log_evidence_nats(levels).item() == pytest.approx(by_hand, abs=1e-9)


def test_the_likelihood_of_a_pixel_by_hand():
    model = OneLatentModel(lambda z: z[:, None])  # p(x = 1 | z) = sigmoid(z)
    z = torch.tensor([0.0, math.log(3)], dtype=torch.float64)
    dark = model.log_likelihood_nats(torch.tensor([0]), z).exp()
    assert torch.allclose(dark, torch.tensor([1 / 2, 1 / 4], dtype=torch.float64))
    # By symmetry a pixel is bright half of the time.
    assert model.log_evidence_nats(torch.tensor([1])).exp().item() == pytest.approx(0.5, abs=1e-9)


@IMAGES
def test_the_posterior_is_a_density(strip, levels):
    assert (strip.posterior(levels).sum() * strip.dz).item() == pytest.approx(1, abs=1e-9)


def test_one_blob_has_one_hump_and_two_blobs_have_two(strip):
    def humps(levels):
        p = strip.posterior(levels)
        return ((p[1:-1] > p[:-2]) & (p[1:-1] > p[2:]) & (p[1:-1] > 0.1 * p.max())).sum().item()

    assert humps(ONE_BLOB) == 1 and humps(TWO_BLOBS) == 2


def test_the_blob_is_where_z_says():
    strip = blob_on_a_strip(9, reach=2.0)
    brightest = strip.logits_of(torch.tensor([-2.0, 0.0, 2.0], dtype=torch.float64)).argmax(dim=1)
    assert brightest.tolist() == [0, 4, 8]


# -------------------------------------------------------------------------------- bound and gap


@IMAGES
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.2), (-1.5, 0.4)])
def test_bound_and_gap_add_up_to_log_p(strip, levels, mean, std):
    bound, gap = strip.elbo_nats(levels, mean, std), strip.gap_nats(levels, mean, std)
    assert gap >= 0
    assert (bound + gap).item() == pytest.approx(strip.log_evidence_nats(levels).item(), abs=1e-7)


def test_where_z_says_nothing_the_prior_is_the_posterior_and_the_gap_is_0():
    levels = torch.tensor([1, 0, 1])
    assert deaf().gap_nats(levels, 0.0, 1.0).item() == pytest.approx(0, abs=1e-9)
    assert deaf().gap_nats(levels, 0.5, 1.0).item() == pytest.approx(0.125, abs=1e-7)


def test_the_bound_is_what_draws_from_q_say(strip):
    torch.manual_seed(0)
    q, prior = Normal(0.3, 0.5), Normal(0.0, 1.0)
    z = q.sample((200_000,)).double()
    ratio = q.log_prob(z) - prior.log_prob(z)
    drawn = (strip.log_likelihood_nats(ONE_BLOB, z) - ratio).mean()
    assert strip.elbo_nats(ONE_BLOB, 0.3, 0.5).item() == pytest.approx(drawn.item(), abs=0.02)


@IMAGES
def test_no_gaussian_of_a_fine_grid_beats_the_best(strip, levels):
    mean, std = strip.best_gaussian(levels)
    best = strip.elbo_nats(levels, mean, std)
    for shift in (-0.05, 0.0, 0.05):
        for factor in (0.95, 1.0, 1.04):
            assert strip.elbo_nats(levels, mean + shift, std * factor) <= best + 1e-8


def test_the_best_gaussian_closes_the_gap_of_one_hump_and_not_of_two(strip):
    gaps = [
        strip.gap_nats(levels, *strip.best_gaussian(levels)) for levels in (ONE_BLOB, TWO_BLOBS)
    ]
    assert gaps[0] < 0.01 and gaps[1] > 0.5


# ------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.log_evidence_nats(ONE_BLOB[:5]), ValueError, r"shape \(9\), got \(5,\)"),
        (lambda m: m.log_evidence_nats(2 * ONE_BLOB), ValueError, "lie in 0 .. 1, got values 0"),
        (lambda m: m.log_evidence_nats(ONE_BLOB.int()), TypeError, "must be a torch.long tensor"),
        (lambda m: m.elbo_nats(ONE_BLOB, 0.0, 0.001), ValueError, "does not fit the grid"),
        (lambda m: m.elbo_nats(ONE_BLOB, 11.0, 1.0), ValueError, "does not fit the grid"),
        (lambda m: m.gap_nats(ONE_BLOB, 0.0, -1.0), ValueError, "std must be a finite number"),
        (lambda m: blob_on_a_strip(1), ValueError, "n_pixels must be at least 2, got 1"),
    ],
)
def test_what_cannot_be_integrated_is_refused(own_messages, strip, call, error, message):
    with pytest.raises(error, match=message):
        call(strip)
