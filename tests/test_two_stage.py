"""The two-stage model: its bound against the true log p(x), by summing over every code.

    p(x) = sum over all code fields z of p(z) p(x|z)

On 2x4 images with two latents of three codes there are nine fields and 256 images: nothing is
sampled and nothing is approximate.
"""

from __future__ import annotations

import math

import pytest
import torch
from few import few
from torch.nn.functional import one_hot

from tutorial_lib.codes.bounds import categorical_kl, elbo_nats
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import bits_per_dim, enumerate_images, nll_nats

K = 3
IMAGES = enumerate_images(2, 4)
FIELDS = enumerate_images(1, 2, K).squeeze(1)  # (9, 1, 2)
EACH_NUMBER = pytest.mark.parametrize("number", few(range(100), 30))


@pytest.fixture
def tiny_two_stage(randomized, tiny_gated):
    """A function that makes a two-stage model in float64 with large random weights."""

    def make(seed=0, n_classes=None, scale=0.7, n_levels=2, n_codes=K):
        vqvae = VQVAE(
            in_channels=1,
            n_levels=n_levels,
            n_codes=n_codes,
            code_dim=2,
            downsample=2,
            n_channels=4,
            n_blocks=0,
        )
        randomized(vqvae, seed, scale).double()
        noise = torch.Generator().manual_seed(seed)
        vqvae.quantizer.codebook.copy_(torch.randn(n_codes, 2, generator=noise))
        prior = tiny_gated(
            seed, 1.0, n_levels=n_codes, ordered=False, coordinates=True, n_classes=n_classes
        )
        return TwoStageModel(vqvae, prior).eval()

    return make


@pytest.fixture
def random_two_stage(tiny_two_stage):
    """A function: number -> a model of 2 to 4 codes, all its images and all its 2 to 16 fields."""

    def make(number):
        n_codes, n_latents = 2 + number % 3, 1 + number % 2
        model = tiny_two_stage(number, scale=0.3 + 0.3 * (number % 5), n_codes=n_codes)
        fields = enumerate_images(1, n_latents, n_codes).squeeze(1)
        return model, enumerate_images(2, 2 * n_latents), fields

    return make


def log_joint(model, label=None, images=IMAGES, fields=FIELDS):
    """log p(z) + log p(x|z) for every code field (rows) and every image (columns)."""
    return log_prior(model, label, fields)[:, None] + log_likelihood(model, images, fields)


def log_prior(model, label=None, fields=FIELDS):
    """log p(z) of every code field."""
    given = None if label is None else torch.full((len(fields),), label)
    return -model.prior_nll_nats(fields, given)


def log_likelihood(model, images=IMAGES, fields=FIELDS):
    """log p(x|z) for every code field (rows) and every image (columns)."""
    rows = []
    for field in fields:
        decoded = model.vqvae.decode_indices(field[None])
        decoded = decoded.expand(len(images), *decoded.shape[1:])
        rows.append(-nll_nats(decoded, images))
    return torch.stack(rows)


def place_of(chosen, fields=FIELDS):
    """Each chosen field's place in the list of all fields."""
    return (chosen[:, None] == fields).flatten(2).all(dim=2).long().argmax(dim=1)


def with_other_codes(model, fields):
    """The same model with an encoder that chooses these fields for the listed images."""
    model.vqvae.encode_indices = lambda levels: fields
    return model


# --------------------------------------------------------------------- the bound is a bound


@torch.no_grad()
@EACH_NUMBER
def test_the_bound_is_never_above_the_true_log_p(random_two_stage, number):
    model, images, fields = random_two_stage(number)
    log_p = log_joint(model, images=images, fields=fields).logsumexp(dim=0)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-9)  # it is the truth
    bound = model.bound_nats(images)
    assert (bound <= log_p + 1e-9).all()
    assert bound.isfinite().all()


@torch.no_grad()
@EACH_NUMBER
def test_the_bound_misses_by_minus_log_of_how_sure_the_codes_are_given_the_image(
    random_two_stage, number
):
    """log p(x) - bound = -log p(z|x), exactly: small if the decoder leaves no other choice."""
    model, images, fields = random_two_stage(number)
    joint = log_joint(model, images=images, fields=fields)
    chosen = place_of(model.vqvae.encode_indices(images), fields)
    log_posterior = joint.log_softmax(dim=0).gather(0, chosen[None])[0]
    gap = joint.logsumexp(dim=0) - model.bound_nats(images)
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


def ignore_the_codes(model):
    """Let the decoder give the same p(x|z) for all z."""
    model.vqvae.decoder[0].weight.zero_()


def be_sure_of_one_code(model):
    """Let the encoder say one code for all images and positions, and the prior expect that code."""
    model.vqvae.encoder[-1].weight.zero_()
    code = model.vqvae.encode_indices(IMAGES)[0, 0, 0]
    last = model.prior.head[-1]
    last.weight.zero_()
    last.bias.zero_()[code] = 1000


@torch.no_grad()
@EACH_NUMBER
def test_where_the_decoder_ignores_the_codes_the_bound_misses_by_their_whole_rate(
    random_two_stage, number
):
    """p(x|z) = p(x) there: the decoder term alone is log p(x), and what the codes cost is lost."""
    model, images, fields = random_two_stage(number)
    ignore_the_codes(model)
    log_p = log_joint(model, images=images, fields=fields).logsumexp(dim=0)
    terms = model.terms(images)
    torch.testing.assert_close(log_p, -terms.decoder_nats)
    torch.testing.assert_close(log_p - model.bound_nats(images), terms.prior_rate_nats)
    assert (terms.prior_rate_nats > 0).all()  # so it is never equal, but for a prior that is sure


@torch.no_grad()
@EACH_NUMBER
def test_where_the_decoder_ignores_the_codes_the_elbo_of_an_encoder_that_does_is_log_p(
    random_two_stage, number
):
    """Codes drawn from the prior cost KL = 0. A sure encoder's ELBO is the two-stage bound."""
    model, images, fields = random_two_stage(number)
    ignore_the_codes(model)
    prior = log_prior(model, fields=fields).exp()
    sure = one_hot(place_of(model.vqvae.encode_indices(images), fields), len(fields)).double()
    likelihood = log_likelihood(model, images, fields).T
    elbos = [
        elbo_nats((q * likelihood).sum(dim=1), categorical_kl(q, prior))
        for q in (prior.expand_as(sure), sure)
    ]
    log_p = log_joint(model, images=images, fields=fields).logsumexp(dim=0)
    torch.testing.assert_close(elbos[0], log_p)
    torch.testing.assert_close(elbos[1], model.bound_nats(images))
    assert (elbos[1] < log_p).all()


@torch.no_grad()
@pytest.mark.parametrize("ignores", [False, True])
@EACH_NUMBER
def test_where_the_prior_is_sure_of_the_codes_the_bound_is_log_p_itself(
    random_two_stage, number, ignores
):
    """Whether the decoder ignores the codes or not: no other field has any probability."""
    model, images, fields = random_two_stage(number)
    be_sure_of_one_code(model)
    if ignores:
        ignore_the_codes(model)
    log_p = log_joint(model, images=images, fields=fields).logsumexp(dim=0)
    torch.testing.assert_close(model.bound_nats(images), log_p)
    assert (model.terms(images).prior_rate_nats == 0).all()


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
    assert torch.exp(-(terms.decoder_nats + terms.prior_rate_nats)).sum() <= 1 + 1e-9
    assert torch.exp(-(terms.decoder_nats + terms.uniform_rate_nats)).sum() <= 1 + 1e-9


# -------------------------------------------------------------------------- its three terms


@torch.no_grad()
def test_the_bound_is_minus_the_sum_of_its_terms(tiny_two_stage):
    terms = tiny_two_stage().terms(IMAGES)
    torch.testing.assert_close(
        tiny_two_stage().bound_nats(IMAGES), -(terms.decoder_nats + terms.prior_rate_nats)
    )


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
        counts = torch.bincount(place_of(fields), minlength=9)
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
