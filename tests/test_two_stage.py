"""The two-stage model: its bound against the true log p(x), by summing over every code.

    p(x) = sum over all code fields z of p(z) p(x|z)

On 2x4 images with two latents of three codes there are nine fields and 256 images: nothing is
sampled and nothing is approximate.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tutorial_lib.gated import GatedPixelCNN
from tutorial_lib.likelihood import bits_per_dim, enumerate_images, nll_nats
from tutorial_lib.two_stage import TwoStageModel
from tutorial_lib.vqvae import VQVAE

K = 3
IMAGES = enumerate_images(2, 4)
FIELDS = enumerate_images(1, 2, K).squeeze(1)  # (9, 1, 2)


@pytest.fixture
def tiny_two_stage(randomized, tiny_gated):
    """A function that makes a two-stage model in float64 with large random weights."""

    def make(seed=0, n_classes=None, scale=0.7, n_levels=2):
        vqvae = VQVAE(
            in_channels=1,
            n_levels=n_levels,
            n_codes=K,
            code_dim=2,
            downsample=2,
            n_channels=4,
            n_blocks=0,
        )
        randomized(vqvae, seed, scale).double()
        noise = torch.Generator().manual_seed(seed)
        vqvae.quantizer.codebook.copy_(torch.randn(K, 2, generator=noise))
        prior = tiny_gated(
            seed, 1.0, n_levels=K, ordered=False, coordinates=True, n_classes=n_classes
        )
        return TwoStageModel(vqvae, prior).eval()

    return make


def log_joint(model, label=None):
    """log p(z) + log p(x|z) for every code field (rows) and every image (columns)."""
    given = None if label is None else torch.full((len(FIELDS),), label)
    log_prior = -model.prior_nll_nats(FIELDS, given)
    rows = []
    for field in FIELDS:
        decoded = model.vqvae.decode_indices(field[None])
        decoded = decoded.expand(len(IMAGES), *decoded.shape[1:])
        rows.append(-nll_nats(decoded, IMAGES))
    return log_prior[:, None] + torch.stack(rows)


def number_of(fields):
    """Each field's place in FIELDS."""
    return (fields.flatten(1) * torch.tensor([K, 1])).sum(dim=1)


def with_other_codes(model, fields):
    """The same model with an encoder that chooses these fields for the listed images."""
    model.vqvae.encode_indices = lambda levels: fields
    return model


# --------------------------------------------------------------------- the bound is a bound


@torch.no_grad()
@pytest.mark.parametrize("seed", range(20))
def test_the_bound_is_never_above_the_true_log_p(tiny_two_stage, seed):
    model = tiny_two_stage(seed)
    joint = log_joint(model)
    log_p = joint.logsumexp(dim=0)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-9)  # it is the truth
    bound = model.bound_nats(IMAGES)
    assert (bound <= log_p + 1e-9).all()
    assert bound.isfinite().all()


@torch.no_grad()
@pytest.mark.parametrize("seed", range(5))
def test_the_bound_misses_by_minus_log_of_how_sure_the_codes_are_given_the_image(
    tiny_two_stage, seed
):
    """log p(x) - bound = -log p(z|x), exactly: small if the decoder leaves no other choice."""
    model = tiny_two_stage(seed)
    joint = log_joint(model)
    chosen = number_of(model.vqvae.encode_indices(IMAGES))
    log_posterior = joint.log_softmax(dim=0).gather(0, chosen[None])[0]
    gap = joint.logsumexp(dim=0) - model.bound_nats(IMAGES)
    torch.testing.assert_close(gap, -log_posterior)


@torch.no_grad()
@pytest.mark.parametrize("choice", ["best", "worst", "random"])
def test_the_bound_holds_whatever_codes_the_encoder_chooses(tiny_two_stage, choice):
    model = tiny_two_stage(1)
    joint = log_joint(model)
    chosen = {
        "best": joint.argmax(dim=0),
        "worst": joint.argmin(dim=0),
        "random": torch.randint(len(FIELDS), (len(IMAGES),)),
    }[choice]
    bound = with_other_codes(model, FIELDS[chosen]).bound_nats(IMAGES)
    assert (bound <= joint.logsumexp(dim=0) + 1e-9).all()
    if choice == "best":  # one of nine terms of a sum is at least a ninth of it
        assert (bound >= joint.logsumexp(dim=0) - math.log(9)).all()


@torch.no_grad()
def test_where_the_decoder_ignores_the_codes_the_bound_misses_by_their_whole_rate(tiny_two_stage):
    """p(x|z) = p(x) there: the codes say nothing, and what they cost is lost."""
    model = tiny_two_stage()
    model.vqvae.decoder[0].weight.zero_()
    gap = log_joint(model).logsumexp(dim=0) - model.bound_nats(IMAGES)
    torch.testing.assert_close(gap, model.terms(IMAGES).prior_rate_nats)


@torch.no_grad()
def test_where_the_prior_is_sure_of_the_codes_the_bound_is_log_p_itself(tiny_two_stage):
    model = tiny_two_stage()
    sure = nn.Parameter(torch.tensor([0.0, 1000.0, 0.0], dtype=torch.float64))

    class AlwaysCodeOne(nn.Module):
        n_levels, n_colors, n_classes = K, 1, None

        def forward(self, levels):
            return (
                sure.view(1, K, 1, 1, 1)
                .expand(-1, -1, *levels.shape[1:])
                .repeat(len(levels), 1, 1, 1, 1)
            )

    model.prior = AlwaysCodeOne()
    with_other_codes(model, torch.ones(len(IMAGES), 1, 2, dtype=torch.long))
    torch.testing.assert_close(model.bound_nats(IMAGES), log_joint(model).logsumexp(dim=0))


@torch.no_grad()
def test_given_a_label_it_bounds_log_p_given_that_label(tiny_two_stage):
    model = tiny_two_stage(n_classes=2)
    bounds = []
    for label in (0, 1):
        log_p = log_joint(model, label).logsumexp(dim=0)
        bounds.append(model.bound_nats(IMAGES, torch.full((len(IMAGES),), label)))
        assert (bounds[-1] <= log_p + 1e-9).all()
    assert not torch.allclose(*bounds)


@torch.no_grad()
def test_a_decoder_term_without_the_rate_is_no_likelihood(tiny_two_stage):
    """The probe can fail: with the best code for each image and no rate, probabilities exceed 1."""
    model = tiny_two_stage(scale=2.0)
    best = FIELDS[log_joint(model).argmax(dim=0)]
    terms = with_other_codes(model, best).terms(IMAGES)
    assert torch.exp(-terms.decoder_nats).sum() > 1.5
    assert torch.exp(-terms.total_prior_nats).sum() <= 1 + 1e-9
    assert torch.exp(-terms.total_uniform_nats).sum() <= 1 + 1e-9


# -------------------------------------------------------------------------- its three terms


@torch.no_grad()
def test_the_terms_add_up_and_the_bound_is_minus_the_total(tiny_two_stage):
    terms = tiny_two_stage().terms(IMAGES)
    torch.testing.assert_close(terms.total_prior_nats, terms.decoder_nats + terms.prior_rate_nats)
    torch.testing.assert_close(
        terms.total_uniform_nats, terms.decoder_nats + terms.uniform_rate_nats
    )
    torch.testing.assert_close(tiny_two_stage().bound_nats(IMAGES), -terms.total_prior_nats)


@torch.no_grad()
def test_the_uniform_rate_is_n_log_k_and_a_uniform_prior_costs_the_same(tiny_two_stage):
    model = tiny_two_stage()
    model.prior.head[-1].weight.zero_()
    model.prior.head[-1].bias.zero_()
    terms = model.terms(IMAGES)
    expected = torch.full((len(IMAGES),), 2 * math.log(3), dtype=torch.float64)
    torch.testing.assert_close(terms.uniform_rate_nats, expected)
    torch.testing.assert_close(terms.prior_rate_nats, expected)
    rate_alone = bits_per_dim(terms.uniform_rate_nats, 8)
    assert rate_alone[0].item() == pytest.approx(2 * math.log2(3) / 8)


@torch.no_grad()
def test_the_prior_is_a_distribution_over_index_fields(tiny_two_stage):
    model = tiny_two_stage(n_classes=2)
    for label in (0, 1):
        cost = model.prior_nll_nats(FIELDS, torch.full((len(FIELDS),), label))
        assert torch.exp(-cost).sum().item() == pytest.approx(1, abs=1e-9)


def test_the_second_stage_sees_indices_and_no_embeddings(tiny_two_stage, own_messages):
    model = tiny_two_stage()
    with pytest.raises(TypeError, match="levels must be a torch.long tensor, got torch.float64"):
        model.prior_nll_nats(model.vqvae.quantizer.lookup(FIELDS)[:, 0])


def test_learning_the_prior_moves_nothing_in_the_first_stage(tiny_two_stage):
    model = tiny_two_stage()
    with torch.no_grad():
        fields = model.vqvae.encode_indices(IMAGES)
    model.prior_nll_nats(fields).mean().backward()
    assert all(p.grad is None for p in model.vqvae.parameters())
    assert any(p.grad is not None for p in model.prior.parameters())


# ----------------------------------------------------------------------------------- samples


@torch.no_grad()
def test_samples_follow_the_sum_over_all_codes(tiny_two_stage):
    """2x4 images in 16 groups (their upper left 2x2 pixels); 37.7 is passed once in 1,000 runs."""
    model, n = tiny_two_stage(), 4000
    corner = (IMAGES[:, 0, :, :2].flatten(1) * torch.tensor([8, 4, 2, 1])).sum(dim=1)
    probability = log_joint(model).logsumexp(dim=0).exp()
    expected = n * torch.zeros(16, dtype=torch.float64).index_add_(0, corner, probability)
    drawn = model.sample(
        n, shape=(2, 4), pixels="sample", generator=torch.Generator().manual_seed(2)
    )
    group = (drawn[:, 0, :, :2].flatten(1) * torch.tensor([8, 4, 2, 1])).sum(dim=1)
    counts = torch.bincount(group, minlength=16)
    assert ((counts - expected) ** 2 / expected).sum() < 37.7
    assert ((counts - n / 16) ** 2 / (n / 16)).sum() > 100  # the test can tell


@torch.no_grad()
def test_code_fields_are_drawn_from_the_prior_of_their_label(tiny_two_stage):
    """Nine fields: chi-square with 8 degrees of freedom passes 26.1 once in 1,000 runs."""
    model, n = tiny_two_stage(n_classes=2), 3000
    for label in (0, 1):
        labels = torch.full((n,), label)
        fields = model.sample_indices(
            n, latent_shape=(1, 2), label=labels, generator=torch.Generator().manual_seed(label)
        )
        counts = torch.bincount(number_of(fields), minlength=9)
        expected = n * torch.exp(-model.prior_nll_nats(FIELDS, labels[:9]))
        assert ((counts - expected) ** 2 / expected).sum() < 26.1


@torch.no_grad()
@pytest.mark.parametrize("pixels", ["mean", "sample"])
def test_samples_are_levels_of_the_shape_asked_for(tiny_two_stage, pixels):
    model = tiny_two_stage(n_levels=4)
    drawn = model.sample(5, shape=(4, 6), pixels=pixels)
    assert drawn.shape == (5, 1, 4, 6) and drawn.dtype == torch.long
    assert drawn.min() >= 0 and drawn.max() <= 3
    model.vqvae.encode_indices(drawn)  # they can be encoded and scored again


@torch.no_grad()
def test_the_mean_picture_of_a_sample_is_that_of_its_codes(tiny_two_stage):
    model = tiny_two_stage(n_levels=4, scale=2.0)
    noise = torch.Generator()
    fields = model.sample_indices(20, latent_shape=(2, 4), generator=noise.manual_seed(4))
    drawn = model.sample(20, shape=(4, 8), generator=noise.manual_seed(4))
    picture = model.vqvae.picture(model.vqvae.decode_indices(fields))
    assert torch.equal(drawn, (3 * picture).round().long())
    assert len(drawn.unique()) > 2


@torch.no_grad()
def test_the_same_seed_draws_the_same_and_a_number_is_a_label_for_all(tiny_two_stage):
    model = tiny_two_stage(n_classes=2)

    def draw(seed, label):
        noise = torch.Generator().manual_seed(seed)
        return model.sample(6, label, shape=(4, 8), pixels="sample", generator=noise)

    assert torch.equal(draw(1, 1), draw(1, torch.ones(6, dtype=torch.long)))
    assert not torch.equal(draw(1, 1), draw(2, 1))
    assert not torch.equal(draw(1, 1), draw(1, 0))


def test_samples_can_be_trained_on(tiny_two_stage):
    model = tiny_two_stage()
    drawn = model.sample(4, shape=(2, 4))
    model.vqvae(drawn).loss.backward()
    assert model.vqvae.encoder[0].weight.grad.any()


# -------------------------------------------------------------------------------- complaints


def test_a_vqvae_that_still_trains_is_not_scored(tiny_two_stage):
    model = tiny_two_stage()
    model.vqvae.train()
    with pytest.raises(ValueError, match=r"the VQVAE is in train mode: call model.eval\(\)"):
        model.bound_nats(IMAGES)


def test_a_gaussian_density_is_not_passed_off_as_a_likelihood(tiny_two_stage):
    model = tiny_two_stage(n_levels=None)
    for call in (model.terms, model.bound_nats):
        with pytest.raises(ValueError, match="Gaussian decoder, whose density is no likelihood"):
            call(IMAGES)
    with pytest.raises(ValueError, match="Gaussian decoder"):
        model.sample(1, shape=(2, 4))


@pytest.mark.parametrize(
    ("prior", "vqvae", "message"),
    [
        ({"n_levels": 4}, {}, "the prior must have n_levels=3 .* got n_levels=4 and n_colors=1"),
        ({"n_levels": 3, "n_colors": 2}, {}, "got n_levels=3 and n_colors=2"),
        ({"n_levels": 3}, {"n_dims": 1}, "the codes must be a 2-D field, got n_dims=1"),
    ],
)
def test_stages_that_do_not_fit_together_are_refused(prior, vqvae, message):
    first = VQVAE(in_channels=1, n_levels=2, n_codes=3, code_dim=2, n_channels=2, **vqvae)
    second = GatedPixelCNN(n_channels=2, n_layers=1, **prior)
    with pytest.raises(ValueError, match=message):
        TwoStageModel(first, second)


@pytest.mark.parametrize(
    ("n_classes", "label", "error", "message"),
    [
        (2, None, ValueError, r"this model draws by label: give label=0 .. 1"),
        (None, 1, ValueError, "label=1 was given, but this model was trained without labels"),
        (2, 2, ValueError, "label must lie in 0 .. 1, got values 2 .. 2"),
        (2, -1, ValueError, "label must lie in 0 .. 1, got values -1 .. -1"),
        (2, torch.zeros(2).long(), ValueError, r"label must have shape \(3\), got \(2,\)"),
        (2, torch.zeros(3), TypeError, "label must be a torch.long tensor, got torch.float32"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    tiny_two_stage, own_messages, n_classes, label, error, message
):
    with pytest.raises(error, match=message):
        tiny_two_stage(n_classes=n_classes).sample(3, label, shape=(2, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"shape": (3, 4)}, r"each a multiple of 2, got \(3, 4\)"),
        ({"pixels": "median"}, "pixels must be one of 'mean', 'sample', got 'median'"),
        ({"temperature": 0.0}, "temperature must be a finite number above 0"),
    ],
)
def test_samples_that_cannot_be_drawn_are_refused(tiny_two_stage, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny_two_stage().sample(**{"n": 1, "shape": (2, 4), **arguments})
