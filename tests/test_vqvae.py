"""The VQVAE: three terms, beta in its place, two decoders, and signals of 1, 2 or 3 dimensions."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE, ResidualBlock
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats

SHAPES = {1: (8,), 2: (4, 8), 3: (4, 8, 12)}  # no two axes alike
BOTH_DECODERS = pytest.mark.parametrize("n_levels", [3, None], ids=["categorical", "gaussian"])


def tiny(**changes):
    """A VQVAE in float64 of a few hundred weights."""
    arguments = {
        "in_channels": 1,
        "n_levels": 3,
        "n_codes": 5,
        "code_dim": 2,
        "n_channels": 4,
        "n_blocks": 1,
        **changes,
    }
    return VQVAE(**arguments).double()


def images_for(model, batch=2, shape=None):
    """Random levels, or random numbers in [0, 1] for a Gaussian decoder."""
    size = (batch, model.in_channels, *(shape or SHAPES[model.n_dims]))
    if model.n_levels is None:
        return torch.rand(size, dtype=torch.float64)
    return torch.randint(model.n_levels, size)


# -------------------------------------------------------------------- one argument: n_dims


@BOTH_DECODERS
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_one_argument_turns_images_into_sound_or_video(n_dims, training, n_levels):
    model = tiny(n_dims=n_dims, n_levels=n_levels, in_channels=2, n_channels=16).train(training)
    image = images_for(model)
    out = model(image)
    latent = tuple(side // 4 for side in SHAPES[n_dims])
    assert model.latent_shape(SHAPES[n_dims]) == latent
    assert out.quantized.indices.shape == (2, *latent)
    assert out.quantized.z_q.shape == (2, 2, *latent)
    assert out.nll_nats.shape == (2,)
    expected = image.shape if n_levels is None else (2, n_levels, *image.shape[1:])
    assert out.decoded.shape == expected
    out.loss.backward()
    assert all(p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("downsample", [1, 2, 8])
def test_each_axis_of_the_codes_is_shorter_by_the_factor_asked_for(downsample):
    model = tiny(downsample=downsample)
    indices = model.encode_indices(images_for(model, shape=(8, 16)))
    assert indices.shape == (2, 8 // downsample, 16 // downsample)
    assert model.decode_indices(indices).shape == (2, 3, 1, 8, 16)


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_a_residual_block_by_hand(n_dims):
    """x = (1, -5): ReLU gives (1, 0), the centre taps 1 + 0, the 1x1 twice and three times that."""
    block = ResidualBlock(2, n_dims)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        block.wide.weight[(slice(None), slice(None), *[1] * n_dims)] = 1.0
        block.pointwise.weight[:, 0] = torch.tensor([2.0, 3.0]).view(2, *[1] * n_dims)
    x = torch.tensor([1.0, -5.0]).view(1, 2, *[1] * n_dims)
    assert block(x).flatten().tolist() == [3.0, -2.0]
    assert block(-x).flatten().tolist() == [-1 + 2 * 5, 5 + 3 * 5]


# ------------------------------------------------------------------------ the three terms


@BOTH_DECODERS
@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_the_loss_is_nats_per_dimension_plus_codebook_plus_beta_times_commitment(update, n_levels):
    model = tiny(
        update=update, n_levels=n_levels, commitment_weight=0.7, restart_dead_codes=False
    )  # with restarts the few codes start exactly on the few vectors, and both terms are 0
    out = model(images_for(model))
    dims, (_, _, codebook_loss, commitment_loss, _) = 4 * 8, out.quantized
    expected = out.nll_nats.mean() / dims + codebook_loss + 0.7 * commitment_loss
    torch.testing.assert_close(out.loss, expected)
    assert commitment_loss > 0 and (codebook_loss > 0) == (update == "gradient")


def losses_and_gradients(beta):
    """Gradients of the total loss at the codebook and at the encoder, for one beta."""
    torch.manual_seed(3)
    model = tiny(update="gradient", commitment_weight=beta)
    model(images_for(model)).loss.backward()
    return model.quantizer.codebook.grad, model.encoder[-1].weight.grad


def test_beta_weighs_the_commitment_and_not_the_codebook():
    """At least eight public repositories have it on the other term."""
    (codes, encoder), (codes_heavy, encoder_heavy) = map(losses_and_gradients, (0.25, 2.0))
    assert torch.equal(codes, codes_heavy)
    assert not torch.allclose(encoder, encoder_heavy)


def test_the_reconstruction_teaches_the_encoder_and_leaves_the_codebook_alone():
    model = tiny(update="gradient")
    out = model(images_for(model))
    out.nll_nats.sum().backward()
    assert model.quantizer.codebook.grad is None or not model.quantizer.codebook.grad.any()
    assert all(p.grad.any() for p in [*model.encoder.parameters(), *model.decoder.parameters()])


def test_the_encoder_gets_the_gradient_of_the_decoder_input_as_it_is():
    """Straight through: d loss / d z_e equals d loss / d z_q, position by position."""
    model = tiny(update="gradient").eval()
    image = images_for(model)
    z_e = model.encode(image).detach().requires_grad_()
    z_q = model.quantizer(z_e).z_q
    (by_encoder,) = torch.autograd.grad(model.decoder_nll_nats(model.decode(z_q), image).sum(), z_e)
    free = z_q.detach().requires_grad_()
    (by_decoder,) = torch.autograd.grad(
        model.decoder_nll_nats(model.decode(free), image).sum(), free
    )
    torch.testing.assert_close(by_encoder, by_decoder)
    assert by_decoder.any()


# ------------------------------------------------------------------------- train and eval


def test_only_train_mode_moves_the_codes():
    model = tiny(update="ema")
    image, before = images_for(model), copy.deepcopy(model.state_dict())
    model.eval()(image)
    after = model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    model.train()(image)
    assert not torch.equal(model.quantizer.codebook, before["quantizer.codebook"])


@pytest.mark.parametrize("training", [True, False])
def test_images_of_a_batch_do_not_see_each_other(training):
    """No batch norm: alone or in company, in both modes, an image gets the same score."""
    model = tiny(update="gradient").train(training)
    image = images_for(model, batch=3)
    alone = torch.cat([model(image[i : i + 1]).nll_nats for i in range(3)])
    torch.testing.assert_close(model(image).nll_nats, alone)


def test_the_short_cuts_say_what_the_forward_pass_says():
    model = tiny().eval()
    image = images_for(model)
    out = model(image)
    indices = model.encode_indices(image)
    assert torch.equal(indices, out.quantized.indices)
    torch.testing.assert_close(model.decode_indices(indices), out.decoded)
    torch.testing.assert_close(model.decoder_nll_nats(out.decoded, image), out.nll_nats)


def test_the_arguments_are_enough_to_build_the_model_again():
    model = tiny(n_dims=1, commitment_weight=0.5).eval()
    again = VQVAE(copy.deepcopy(model.config)).double().eval()
    again.load_state_dict(model.state_dict())
    image = images_for(model)
    assert torch.equal(again(image).decoded, model(image).decoded)
    assert again.quantizer.commitment_weight == 0.5


# ------------------------------------------------------------------ the categorical decoder


def test_levels_reach_the_encoder_scaled_to_minus_1_to_1():
    model, seen = tiny(), []
    model.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model.encode(torch.tensor([0, 1, 2, 1]).view(1, 1, 1, 4).expand(1, 1, 4, 4))
    assert seen[0][0, 0, 0].tolist() == [-1, 0, 1, 0]


def test_given_the_codes_the_probabilities_of_all_images_sum_to_1(randomized):
    model = randomized(tiny(n_levels=2, n_codes=3, downsample=2))
    images = enumerate_images(2, 4)
    for codes in ([0, 1], [2, 2]):
        decoded = model.decode_indices(torch.tensor(codes).view(1, 1, 2))
        cost = model.decoder_nll_nats(decoded.expand(len(images), -1, -1, -1, -1), images)
        assert torch.exp(-cost).sum().item() == pytest.approx(1, abs=1e-9)
        assert cost.max() > cost.min() + 0.1


def test_the_score_is_that_of_the_discrete_image_in_nats_summed_over_it():
    model = tiny(in_channels=2).eval()
    image = images_for(model)
    out = model(image)
    torch.testing.assert_close(out.nll_nats, nll_nats(out.decoded, image))
    assert (out.nll_nats > 0).all()


def test_each_channel_is_scored_by_its_own_logits():
    """A bias on the logits of level 0 of the second channel makes that channel, only it, black."""
    model = tiny(in_channels=2)
    with torch.no_grad():
        model.decoder[-1].bias.zero_()
        model.decoder[-1].bias[3 * 1 + 0] = 50.0
        model.decoder[-1].weight.zero_()
    decoded = model.decode_indices(torch.zeros(1, 1, 2, dtype=torch.long))
    picture = model.picture(decoded)
    torch.testing.assert_close(picture[0, 1], torch.zeros(4, 8))
    torch.testing.assert_close(picture[0, 0], torch.full((4, 8), 0.5))


def test_the_picture_is_the_mean_level_in_0_to_1():
    """Probabilities 1/4, 1/4, 1/2 of levels 0, 1, 2: mean 1.25 of 2."""
    logits = torch.tensor([1.0, 1, 2]).log().view(1, 3, 1, 1, 1).expand(1, 3, 1, 4, 4)
    torch.testing.assert_close(tiny().picture(logits), torch.full((1, 1, 4, 4), 1.25 / 2))


def test_under_bfloat16_autocast_the_score_is_summed_in_float32():
    model = tiny().float()
    image = images_for(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(image)
    assert out.nll_nats.dtype == out.loss.dtype == torch.float32
    out.loss.backward()


# --------------------------------------------------------------------- the Gaussian decoder


def test_the_gaussian_score_is_the_density_of_torch():
    model = tiny(n_levels=None, in_channels=2)
    with torch.no_grad():
        model.log_sigma.fill_(-0.4)
    image = images_for(model)
    means = torch.randn_like(image)
    normal = torch.distributions.Normal(means.float(), math.exp(-0.4))
    expected = -normal.log_prob(image).flatten(1).sum(dim=1)
    torch.testing.assert_close(model.decoder_nll_nats(means, image), expected)


def test_a_density_can_be_above_1_so_its_nats_must_not_be_compared_with_discrete_ones():
    model = tiny(n_levels=None)
    with torch.no_grad():
        model.log_sigma.fill_(-3.0)
    image = images_for(model)
    assert (model.decoder_nll_nats(image, image) < 0).all()


def test_the_spread_of_the_gaussian_is_learned():
    """At sigma = 1 and an error of 2 the spread must grow: d/d log sigma = 1 - error^2 = -3."""
    model = tiny(n_levels=None)
    with torch.no_grad():
        model.log_sigma.zero_()
    image = torch.zeros(1, 1, 4, 8, dtype=torch.float64)
    model.decoder_nll_nats(image + 2, image).sum().backward()
    assert model.log_sigma.grad.item() == pytest.approx(-3 * 32)
    assert tiny().log_sigma is None


def test_the_picture_of_a_gaussian_is_its_mean_kept_in_0_to_1():
    model = tiny(n_levels=None)
    means = torch.tensor([-0.5, 0.25, 1.5]).view(1, 1, 1, 3)
    assert model.picture(means).flatten().tolist() == [0.0, 0.25, 1.0]


# ------------------------------------------------------------------------------ complaints


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (torch.full((2, 1, 4, 8), 3), ValueError, "levels must lie in 0 .. 2, got values 3 .. 3"),
        (torch.rand(2, 1, 4, 8), TypeError, "levels must be a torch.long tensor, got torch.float"),
        (torch.zeros(2, 1, 4, 8).byte(), TypeError, r"use levels.long\(\)"),
        (torch.zeros(2, 2, 4, 8).long(), ValueError, r"image must have shape \(B, 1, \*shape\)"),
        (torch.zeros(2, 1, 4).long(), ValueError, "an image must have 2 axes"),
        (torch.zeros(2, 1, 4, 6).long(), ValueError, r"each a multiple of 4, got \(4, 6\)"),
    ],
)
def test_images_that_do_not_fit_are_refused(own_messages, image, error, message):
    model = tiny()
    for call in (model, model.encode, model.encode_indices):
        with pytest.raises(error, match=message):
            call(image)


def test_levels_are_not_taken_for_x(own_messages):
    with pytest.raises(TypeError, match="x must be a floating-point tensor, got torch.int64"):
        tiny(n_levels=None)(torch.zeros(2, 1, 4, 8).long())


@pytest.mark.parametrize("shape", [(4,), (4, 4, 4), (4, 0), (2, 4)])
def test_a_shape_without_codes_is_refused(shape):
    with pytest.raises(ValueError, match="an image must have 2 axes, each a multiple of 4"):
        tiny().latent_shape(shape)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_dims": 4}, ValueError, "n_dims must be one of 1, 2, 3, got 4"),
        ({"downsample": 3}, ValueError, "downsample must be a power of 2, got 3"),
        ({"downsample": 0}, ValueError, "downsample must be at least 1, got 0"),
        ({"n_levels": 1}, ValueError, "n_levels must be at least 2, got 1"),
        ({"in_channels": 0}, ValueError, "in_channels must be at least 1, got 0"),
        ({"n_channels": 1}, ValueError, "n_channels must be at least 2, got 1"),
        ({"n_blocks": -1}, ValueError, "n_blocks must be at least 0, got -1"),
        ({"n_codes": 0}, ValueError, "n_codes must be at least 1, got 0"),
        ({"code_dim": 0}, ValueError, "code_dim must be at least 1, got 0"),
        ({"code_dim": -1}, ValueError, "code_dim must be at least 1, got -1"),
        ({"code_dim": "2"}, TypeError, "code_dim must be an integer or None, got '2'"),
        ({"update": "sgd"}, ValueError, "update must be one of"),
        ({"commitment_weight": 0.0}, ValueError, "commitment_weight must be a finite number above"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(own_messages, arguments, error, message):
    with pytest.raises(error, match=message):
        tiny(**arguments)


# -- a mixture of logistics as decoder -----------------------------------------------------------


def colour_vqvae(**settings):
    torch.manual_seed(0)
    given = dict(in_channels=3, n_levels=256, n_mixtures=4, n_codes=8, code_dim=4, n_channels=16)
    return VQVAE(**given | settings).eval()


def test_a_mixture_decoder_scores_draws_and_shows_images():
    model = colour_vqvae()
    levels = torch.randint(256, (2, 3, 8, 12), generator=torch.Generator().manual_seed(0))
    out = model(levels)
    assert out.decoded.shape == (2, 4 * 7, 8, 12) and out.nll_nats.isfinite().all()
    assert model.picture(out.decoded).shape == levels.shape
    drawn = model.draw_levels(out.decoded, torch.Generator().manual_seed(0))
    assert drawn.shape == levels.shape and 0 <= drawn.min() and drawn.max() <= 255
    out.loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_the_probabilities_of_a_mixture_decoder_add_up_to_1():
    """All 2x2 images in 4 levels, decoded from one code."""
    model = colour_vqvae(in_channels=1, n_levels=4, downsample=2).double()
    images = enumerate_images(2, 2, 4)
    decoded = model.decode_indices(torch.tensor([[[3]]])).expand(len(images), -1, 2, 2)
    nats = model.decoder_nll_nats(decoded, images)
    assert torch.exp(-nats).sum().item() == pytest.approx(1, abs=1e-9)


def test_a_mixture_needs_levels():
    with pytest.raises(ValueError, match="n_mixtures needs n_levels"):
        colour_vqvae(n_levels=None)


def test_a_two_stage_model_with_a_mixture_is_bounded_and_draws():
    prior = GatedPixelCNN(n_levels=8, n_channels=8, n_layers=2)
    model = TwoStageModel(colour_vqvae(), prior).eval()
    levels = torch.randint(256, (2, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    assert model.bound_nats(levels).isfinite().all()
    for pixels in ("mean", "sample"):
        drawn = model.sample(2, shape=(8, 8), pixels=pixels)
        assert drawn.shape == (2, 3, 8, 8) and drawn.dtype == torch.int64
