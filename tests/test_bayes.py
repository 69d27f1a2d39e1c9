"""Bayes' rule from p(x|y) to p(y|x): exact, safe far from 0, and particular about its units."""

import math

import pytest
import torch

from tutorial_lib.pixels.bayes import bayes_rule, label_log_likelihoods
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats
from tutorial_lib.sampling.ancestral import sample


def test_two_labels_by_hand():
    """p(x|y) = 1/2 and 1/8 with p(y) = 1/4 and 3/4: joint 4/32 and 3/32."""
    likelihoods = torch.tensor([[0.5, 0.125]]).log()
    log_posterior, log_evidence = bayes_rule(likelihoods, torch.tensor([0.25, 0.75]))
    assert log_posterior.exp()[0].tolist() == pytest.approx([4 / 7, 3 / 7])
    assert log_evidence.exp().item() == pytest.approx(7 / 32)


def test_without_a_prior_all_labels_are_alike():
    likelihoods = torch.randn(4, 5, dtype=torch.float64)
    uniform = torch.full((5,), 0.2, dtype=torch.float64)
    for got, want in zip(bayes_rule(likelihoods), bayes_rule(likelihoods, uniform), strict=True):
        torch.testing.assert_close(got, want)


def test_log_likelihoods_far_from_0_keep_their_differences():
    """exp(-1500) is 0 in float64; the posterior depends on differences alone."""
    far = torch.tensor([[-1500.0, -1501.0]])
    log_posterior, log_evidence = bayes_rule(far)
    assert log_posterior[0, 0].item() == pytest.approx(-math.log(1 + math.exp(-1)))
    assert log_evidence.item() == pytest.approx(-1500 + math.log((1 + math.exp(-1)) / 2))


def test_the_sum_is_taken_in_float64():
    """At -200000 nats float32 has steps of 1/64: what is left of log 2 would be 0.69 or 0.70."""
    big = torch.full((1, 2), -200_000.0)
    log_posterior, log_evidence = bayes_rule(big)
    assert log_posterior.dtype == log_evidence.dtype == torch.float64
    assert log_posterior[0, 0].item() == pytest.approx(-math.log(2), abs=1e-10)


def test_a_label_of_prior_0_is_never_chosen():
    log_posterior, log_evidence = bayes_rule(torch.tensor([[0.0, -3.0]]), torch.tensor([0.0, 1.0]))
    assert log_posterior[0].tolist() == [-math.inf, 0.0]
    assert log_evidence.item() == -3.0


def test_the_evidence_of_a_model_is_a_distribution_over_all_images(tiny_gated):
    """sum_x sum_y p(x|y) p(y) = 1, for any weights and any prior."""
    model = tiny_gated(n_classes=3)
    images = enumerate_images(2, 2)
    log_evidence = bayes_rule(
        label_log_likelihoods(model, images), torch.tensor([0.5, 0.2, 0.3])
    ).log_evidence
    assert log_evidence.exp().sum().item() == pytest.approx(1, abs=1e-6)


def test_every_image_meets_every_label_whatever_the_batches(tiny_gated):
    model = tiny_gated(n_classes=3)
    levels = torch.randint(2, (5, 1, 3, 4))
    table = label_log_likelihoods(model, levels, batch_size=2)
    assert table.shape == (5, 3) and table.dtype == torch.float64
    for k in range(3):
        logits = model(levels, label=torch.full((5,), k))
        torch.testing.assert_close(table[:, k], -nll_nats(logits, levels).detach())


def test_a_posterior_finds_the_label_that_an_image_was_drawn_for(tiny_gated):
    """Drawn from p(x|y) with far-apart labels; the twin, from labels exchanged, is wrong."""
    model = tiny_gated(n_classes=2)
    labels = torch.arange(40) % 2
    drawn = sample(model, (40, 1, 9, 8), label=labels, generator=torch.Generator().manual_seed(0))
    guess = bayes_rule(label_log_likelihoods(model, drawn)).log_posterior.argmax(dim=1)
    assert (guess == labels).float().mean() > 0.85
    assert (guess == 1 - labels).float().mean() < 0.15


def test_the_model_is_left_in_the_mode_it_was_in_and_gets_no_gradient(tiny_gated):
    model = tiny_gated(n_classes=2).train()
    table = label_log_likelihoods(model, torch.zeros(1, 1, 3, 4, dtype=torch.long))
    assert model.training and not table.requires_grad


def test_a_model_without_labels_is_refused(own_messages, tiny_gated):
    with pytest.raises(ValueError, match="knows no labels"):
        label_log_likelihoods(tiny_gated(), torch.zeros(1, 1, 3, 4, dtype=torch.long))


@pytest.mark.parametrize(
    ("likelihoods", "prior", "error", "message"),
    [
        (torch.zeros(3), None, ValueError, r"shape \(B, K\), got \(3,\)"),
        (torch.zeros(1, 2).long(), None, TypeError, "must be a floating-point tensor"),
        (torch.zeros(1, 2), torch.tensor([0.5, 0.6]), ValueError, r"sum to 1.*sums 1\.1"),
        (torch.zeros(1, 2), torch.tensor([1.5, -0.5]), ValueError, "probabilities that sum to 1"),
        (torch.zeros(1, 2), torch.tensor([1.0]), ValueError, r"prior must have shape \(2\)"),
        (torch.zeros(1, 2), [0.5, 0.5], TypeError, "prior must be a torch.Tensor, got "),
        (torch.full((1, 2), -math.inf), None, ValueError, "image 0 has log p"),
        (torch.tensor([[0.0, 0.0], [math.nan, 0.0]]), None, ValueError, "image 1 has log p"),
    ],
)
def test_numbers_that_are_no_probabilities_are_refused(
    own_messages, likelihoods, prior, error, message
):
    with pytest.raises(error, match=message):
        bayes_rule(likelihoods, prior)
