"""The examples in the stubs of chapter 11, and its exercises against the library they stand for."""

from __future__ import annotations

import math

import pytest
import torch

from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.exercises import ch11
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_the_worked_example_of_the_kl_is_right():
    kl = ch11.categorical_kl.reference
    assert kl(doubles([0, 1]), doubles([0.25, 0.75])).item() == pytest.approx(0.288, abs=1e-3)
    assert kl(doubles([0.5, 0.5]), doubles([1, 0])).item() == math.inf


def test_the_worked_example_of_the_rate_is_right():
    nats, bits = ch11.latent_rate.reference((2, 2), 16, 32)
    assert (nats, bits) == (pytest.approx(11.09, abs=1e-2), pytest.approx(0.5))


def test_the_worked_example_of_the_bound_is_right():
    decoder = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1, 1)
    level, prior = torch.ones(1, 1, 1, 1, dtype=torch.long), torch.zeros(1, 2, 1, 1)
    code = torch.zeros(1, 1, 1, dtype=torch.long)
    bound = ch11.two_stage_bound.reference(decoder, level, prior, code)
    assert bound.item() == pytest.approx(math.log(3 / 8)) == pytest.approx(-0.981, abs=1e-3)


def test_the_worked_example_of_the_sum_over_all_codes_is_right():
    log_p = ch11.exact_log_p.reference(doubles(1 / 4, 3 / 4).log(), doubles([1 / 2, 1 / 6]).log())
    assert log_p.item() == pytest.approx(math.log(1 / 4)) == pytest.approx(-1.386, abs=1e-3)


def test_the_worked_example_of_bound_and_gap_is_right():
    given = doubles(1 / 4, 3 / 4).log(), doubles([1 / 2, 1 / 6]).log()
    bound, gap = ch11.bound_and_gap.reference(doubles([1, 0]), *given)
    assert (bound.item(), gap.item()) == pytest.approx((-2.079, math.log(2)), abs=1e-3)


def test_bound_and_gap_add_up_to_the_exact_log_p():
    torch.manual_seed(0)
    q, log_likelihood = torch.randn(2, 5, 9, dtype=torch.float64)
    q, log_prior = q.softmax(dim=1), torch.randn(9, dtype=torch.float64).log_softmax(dim=0)
    bound, gap = ch11.bound_and_gap.reference(q, log_prior, log_likelihood)
    torch.testing.assert_close(bound + gap, ch11.exact_log_p.reference(log_prior, log_likelihood))
    assert (gap > 0).all()


def test_the_worked_example_of_the_unigram_prior_is_right():
    train, held_out = torch.tensor([[[0, 0, 1]]]), torch.tensor([[[0, 2]]])
    bits = ch11.unigram_bits.reference(train, held_out, 3)
    assert bits.item() == pytest.approx(1.792, abs=1e-3)


@torch.no_grad()
def test_bound_and_sum_of_the_exercises_are_those_of_the_two_stage_model():
    torch.manual_seed(0)
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=3, code_dim=2, downsample=2, n_channels=4)
    prior = GatedPixelCNN(n_levels=3, n_channels=4, n_layers=2, ordered=False)
    model, images = TwoStageModel(vqvae, prior).double().eval(), enumerate_images(2, 4)
    indices = vqvae.encode_indices(images)
    logits = vqvae.decode_indices(indices), prior(indices.unsqueeze(1)).squeeze(2)
    bound = ch11.two_stage_bound.reference(logits[0], images, logits[1], indices)
    torch.testing.assert_close(bound, model.bound_nats(images))

    fields = enumerate_images(1, 2, 3).squeeze(1)
    decoded = vqvae.decode_indices(fields)
    rows = [-nll_nats(decoded, image.expand(9, 1, 2, 4)) for image in images]
    log_p = ch11.exact_log_p.reference(-model.prior_nll_nats(fields), torch.stack(rows))
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-9)
    assert (bound <= log_p + 1e-9).all()


def test_a_kl_with_a_number_added_for_safety_is_told_what_it_hides():
    """Whatever the number, or with nan_to_num: the message does not depend on how it is hidden."""
    for tiny in (1e-12, 1e-6):
        grade = ch11.categorical_kl.grade(
            lambda q, p, tiny=tiny: (q * ((q + tiny) / (p + tiny)).log()).sum(dim=1), 3
        )
        assert "costs infinitely much; your result is finite" in grade.failure.message
    hidden = ch11.categorical_kl.grade(
        lambda q, p: torch.nan_to_num(q * (q / p).log()).sum(dim=1), 3
    )
    assert "costs infinitely much; your result is finite" in hidden.failure.message
