"""The examples in the stubs of chapter 09, and its exercises against the library they stand for."""

from __future__ import annotations

import math

import pytest
import torch

from tutorial_lib.codes.gaussian_posterior import information_nats, reparameterize
from tutorial_lib.codes.one_latent import blob_on_a_strip
from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.exercises import ch09


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_the_worked_example_of_the_evidence_is_right():
    log_p = ch09.log_evidence.reference(doubles([1 / 4, 1 / 2, 1]).log(), doubles(-1, 0, 1))
    assert log_p.tolist() == pytest.approx([-0.689], abs=1e-3)


def test_the_worked_example_of_the_kl_is_right():
    kl = ch09.gaussian_kl.reference(doubles([1, 0]), doubles([0, math.log(4)]))
    assert kl.tolist() == pytest.approx([1.307], abs=1e-3)


def test_the_worked_example_of_the_draw_is_right():
    code = ch09.reparameterize.reference(doubles([1]), doubles([math.log(4)]), doubles([0.5]))
    assert code.item() == pytest.approx(2)


def test_the_worked_example_of_the_bound_is_right():
    pixel = torch.ones(1, 1, dtype=torch.long)
    bound = ch09.elbo.reference(doubles([[0]]), pixel, doubles([1]), doubles([0]))
    assert bound.tolist() == pytest.approx([-1.193], abs=1e-3)


def test_the_worked_example_of_the_information_is_right():
    said = ch09.information.reference(doubles([0.9, 0.1], [0.1, 0.9]).log())
    assert said.item() == pytest.approx(0.588, abs=1e-3) and said < math.log(2)


def test_the_evidence_of_the_exercise_is_that_of_the_model_with_one_latent():
    strip, image = blob_on_a_strip(), torch.tensor([0, 0, 1, 0, 0, 0, 1, 0, 0])
    log_likelihood = strip.log_likelihood_nats(image, strip.z)[None]
    log_p = ch09.log_evidence.reference(log_likelihood, strip.z)
    torch.testing.assert_close(log_p[0], strip.log_evidence_nats(image))


@torch.no_grad()
def test_the_bound_of_the_exercise_is_that_of_the_vae_for_the_same_noise():
    torch.manual_seed(0)
    vae = GaussianVAE(size=(4, 8), code_dim=3, n_channels=2).double()
    levels, noise = torch.randint(2, (5, 1, 4, 8)), torch.randn(2, 5, 3, dtype=torch.float64)
    q = vae.encode(levels)
    both = [vae.logits_given(levels, reparameterize(*q, each)) for each in noise]
    log_odds = torch.stack([(logits[:, 1] - logits[:, 0]).flatten(1) for logits in both])
    bound = ch09.elbo.reference(log_odds, levels.flatten(1), *q)
    want = torch.stack([vae(levels, each).elbo_nats for each in noise]).mean(dim=0)
    torch.testing.assert_close(bound, want)


def test_the_information_of_the_exercise_is_the_library_s_for_the_same_draws():
    rng = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 6, 3, generator=rng, dtype=torch.float64)
    noise = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    code = reparameterize(mean, log_variance, noise)
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    said = ch09.information.reference(q.log_prob(code[:, None]).sum(dim=2))
    own = torch.Generator().manual_seed(1)
    torch.testing.assert_close(said, information_nats(mean, log_variance, generator=own))


def test_the_worked_example_of_the_step_is_right():
    pixel, noise = torch.ones(1, 1, 1, 1, dtype=torch.long), doubles([0.5])
    decoder = lambda z: torch.stack([0 * z, z], dim=1)[..., None, None]  # noqa: E731
    decoder_term, kl = ch09.vae_step.reference(lambda x: doubles([1, 0]), decoder, pixel, noise)
    assert decoder_term.tolist() == pytest.approx([0.201], abs=1e-3)
    assert kl.tolist() == pytest.approx([0.5])


def test_the_step_of_the_exercise_is_the_vae_s_for_the_same_noise():
    torch.manual_seed(0)
    vae = GaussianVAE(n_levels=4, size=(4, 8), code_dim=3, n_channels=2).double()
    levels, noise = torch.randint(4, (5, 1, 4, 8)), torch.randn(5, 3, dtype=torch.float64)
    found = ch09.vae_step.reference(vae.encoder, vae.decode, levels, noise)
    for mine, theirs in zip(found, vae(levels, noise), strict=True):
        torch.testing.assert_close(mine, theirs)
