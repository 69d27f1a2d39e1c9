"""Autoencoder and GaussianVAE: both costs, the bound against log p(x), samples, gradients."""

from __future__ import annotations

import pytest
import torch
from few import few
from torch.distributions import Normal, kl_divergence

from tutorial_lib.codes.vae import Autoencoder, GaussianVAE
from tutorial_lib.codes.vector_coders import CodeDecoder, CodeEncoder
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats
from tutorial_lib.recipes.pretrained import load_weights, save_weights

PIXELCNN = {"n_channels": 4, "n_layers": 1}
DECODERS = pytest.mark.parametrize("pixelcnn", [None, PIXELCNN], ids=["independent", "pixelcnn"])


def vae(**changes):
    torch.manual_seed(0)
    model = GaussianVAE(**{"size": (4, 8), "code_dim": 2, "n_channels": 4, **changes})
    with torch.no_grad():  # further from "no idea" than a fresh network is
        for weights in model.parameters():
            weights.mul_(2.0)
    return model.eval()


def images(n=5, n_levels=2, size=(4, 8), n_colors=1):
    noise = torch.Generator().manual_seed(1)
    return torch.randint(n_levels, (n, n_colors, *size), generator=noise)


# -------------------------------------------------------------------------------------- the costs


@DECODERS
def test_both_costs_are_those_of_torch_distributions(pixelcnn):
    model, levels = vae(pixelcnn=pixelcnn).double(), images()
    noise = torch.randn(5, 2, dtype=torch.float64)
    terms = model(levels, noise)
    q = model.encode(levels)
    normal = Normal(q.mean, (q.log_variance / 2).exp())
    kl = kl_divergence(normal, Normal(torch.zeros(2).double(), torch.ones(2).double())).sum(dim=1)
    logits = model.logits_given(levels, q.mean + (q.log_variance / 2).exp() * noise)
    assert torch.allclose(terms.kl_nats, kl)
    assert torch.allclose(terms.decoder_nats, nll_nats(logits, levels))
    assert torch.allclose(terms.elbo_nats, -terms.decoder_nats - kl)


def log_evidence_nats(model, levels, *, limit=5.0, n_points=41):
    """log p(x) as a sum over a grid of codes of p(x|z) p(z) dz, nats per image."""
    axis = torch.linspace(-limit, limit, n_points, dtype=torch.float64)
    codes = torch.cartesian_prod(*[axis] * model.code_dim).view(-1, model.code_dim)
    log_weight = Normal(0, 1).log_prob(codes).sum(dim=1)
    log_weight += model.code_dim * (axis[1] - axis[0]).log()
    each = (model.logits_given(levels, z.expand(len(levels), -1)) for z in codes)
    log_p = torch.stack([-nll_nats(logits, levels) for logits in each], dim=1)
    return torch.logsumexp(log_p + log_weight, dim=1)


@DECODERS
@pytest.mark.parametrize("code_dim", [1, 2])
def test_the_bound_stays_below_log_p_on_average_over_draws(pixelcnn, code_dim):
    model, levels = vae(pixelcnn=pixelcnn, code_dim=code_dim).double(), images(3)
    torch.manual_seed(0)
    with torch.inference_mode():
        bound = torch.stack([model(levels).elbo_nats for _ in range(400)]).mean(dim=0)
        exact = log_evidence_nats(model, levels)
    assert (bound < exact + 1e-3).all() and (bound > exact - 20).all()


@pytest.mark.parametrize("pixelcnn", few([None, PIXELCNN], 1), ids=["independent", "pixelcnn"])
def test_the_probabilities_of_all_images_sum_to_1(pixelcnn):
    """All 2^16 images of 4x4 pixels under the integral over a code of one number."""
    model = vae(size=(4, 4), code_dim=1, n_channels=1, pixelcnn=pixelcnn).double()
    total = sum(
        log_evidence_nats(model, part, n_points=25).exp().sum()
        for part in enumerate_images(4, 4).split(16384)
    )
    assert total.item() == pytest.approx(1, abs=1e-5)


@DECODERS
def test_encoder_and_decoder_learn_from_both_costs(pixelcnn):
    model = vae(pixelcnn=pixelcnn)
    terms = model(images())
    reached = {}
    for name, cost in terms._asdict().items():
        model.zero_grad()
        cost.sum().backward(retain_graph=True)
        reached[name] = tuple(
            any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
            for part in (model.encoder, model.decoder)
        )
    assert reached == {"decoder_nats": (True, True), "kl_nats": (True, False)}


def test_independent_pixels_ignore_the_image_and_a_pixelcnn_reads_only_its_past():
    levels, code = images(1), torch.zeros(1, 2)
    other = levels.clone()
    other[:, :, 2, 3] = 1 - other[:, :, 2, 3]
    independent, autoregressive = vae(), vae(pixelcnn=PIXELCNN)
    assert torch.equal(
        independent.logits_given(levels, code), independent.logits_given(other, code)
    )
    changed = (
        (autoregressive.logits_given(levels, code) != autoregressive.logits_given(other, code))
        .any(dim=1)
        .flatten()
    )
    assert changed.any() and not changed[: 2 * 8 + 4].any()


@DECODERS
@pytest.mark.parametrize("pixels", ["mean", "sample"])
def test_samples_are_levels_and_the_seed_brings_them_back(pixelcnn, pixels):
    model = vae(pixelcnn=pixelcnn, n_levels=4, n_colors=2)

    def drawn(seed):
        return model.sample(6, pixels=pixels, generator=torch.Generator().manual_seed(seed))

    assert drawn(0).shape == (6, 2, 4, 8) and drawn(0).dtype == torch.long
    assert 0 <= drawn(0).min() and drawn(0).max() < 4
    assert torch.equal(drawn(0), drawn(0)) and not torch.equal(drawn(0), drawn(1))


def test_a_sample_follows_its_code():
    model = vae()
    logits = model.logits_given(images(2), torch.tensor([[3.0, 0.0], [-3.0, 0.0]]))
    code = torch.tensor([[3.0, 0.0], [-3.0, 0.0]])
    levels = model.sample(2, code=code)
    assert torch.equal(levels, logits.softmax(dim=1)[:, 1].round().long())


@pytest.mark.parametrize("pixelcnn", [None, PIXELCNN])
def test_weights_are_read_back_as_the_same_model(pixelcnn, tmp_path):
    model, noise = vae(pixelcnn=pixelcnn), torch.randn(5, 2)
    save_weights(tmp_path / "vae.safetensors", model)
    again = load_weights(tmp_path / "vae.safetensors")
    assert torch.equal(again(images(), noise).elbo_nats, model(images(), noise).elbo_nats)


# ------------------------------------------------------------------ autoencoder, encoder, decoder


def test_an_autoencoder_gives_logits_of_every_level():
    torch.manual_seed(0)
    model = Autoencoder(size=(8, 4), n_levels=3, n_colors=2, code_dim=5, n_channels=2)
    levels = images(3, 3, (8, 4), 2)
    assert model.encode(levels).shape == (3, 5)
    assert torch.equal(model(levels), model.decode(model.encode(levels)))
    assert model(levels).shape == (3, 3, 2, 8, 4)


def test_an_autoencoder_learns_to_bring_images_back():
    torch.manual_seed(0)
    model, levels = Autoencoder(size=(4, 4), code_dim=8, n_channels=8), images(8, size=(4, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    before = nll_nats(model(levels), levels).mean().item()
    for _ in range(150):
        optimizer.zero_grad()
        nll_nats(model(levels), levels).mean().backward()
        optimizer.step()
    assert before > 8 and nll_nats(model(levels), levels).mean().item() < 1


def test_levels_reach_the_encoder_as_minus_1_to_1():
    encoder = CodeEncoder(n_colors=1, n_levels=5, size=(4, 4), code_dim=1, n_channels=2)
    seen = []
    encoder.layers[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder(torch.arange(5).view(5, 1, 1, 1).expand(-1, 1, 4, 4))
    assert torch.allclose(seen[0][:, 0, 0, 0], torch.linspace(-1, 1, 5))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: vae(size=(6, 8)), ValueError, r"multiple of 4, got \(6, 8\)"),
        (lambda: vae(code_dim=0), ValueError, "code_dim must be at least 1, got 0"),
        (lambda: vae(n_levels=1), ValueError, "n_levels must be at least 2, got 1"),
        (lambda: vae()(images(n_levels=3)), ValueError, "levels must lie in 0 .. 1, got values"),
        (lambda: vae()(images(size=(8, 4))), ValueError, r"got \(5, 1, 8, 4\)"),
        (lambda: vae()(images(), torch.zeros(1, 2)), ValueError, r"noise must have shape \(5, 2\)"),
        (lambda: vae().logits_given(images(), torch.zeros(5, 3)), ValueError, r"got \(5, 3\)"),
        (lambda: vae().sample(2, pixels="best"), ValueError, "pixels must be one of"),
        (lambda: vae().sample(0), ValueError, "n must be at least 1, got 0"),
        (lambda: Autoencoder(n_channels=0), ValueError, "n_channels must be at least 1, got 0"),
        (
            lambda: CodeDecoder(n_outputs=1, size=(4, 4), code_dim=2, n_channels=1)(
                torch.zeros(3, 1)
            ),
            ValueError,
            r"code must have shape \(B, 2\), got \(3, 1\)",
        ),
    ],
)
def test_what_cannot_be_built_or_coded_is_refused(own_messages, make, error, message):
    with pytest.raises(error, match=message):
        make()
