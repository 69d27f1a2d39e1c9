"""FSQ, the rotation trick, residual codes, the transformer prior: exact, and as others have them.

vector-quantize-pytorch is a public implementation of the first three by another hand; on the same
numbers it must give the same codes, values and gradients.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from vector_quantize_pytorch import FSQ as PublicFSQ
from vector_quantize_pytorch import ResidualVQ
from vector_quantize_pytorch.vector_quantize_pytorch import rotate_to as public_rotate_to

from tutorial_lib import cli
from tutorial_lib.codes.fsq import FSQ, fsq_bound
from tutorial_lib.codes.quantizer import VectorQuantizer, straight_through
from tutorial_lib.codes.residual import ResidualQuantizer
from tutorial_lib.codes.rotation import RotationQuantizer, rotate_to
from tutorial_lib.codes.transformer_prior import TransformerPrior
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.influence import influence_matrix
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats, total_probability
from tutorial_lib.recipes.pretrained import load_run, load_weights, save_weights
from tutorial_lib.sampling.ancestral import sample
from tutorial_lib.training.checkpoint import CheckpointError, require_same_run

LEVELS = [(3,), (4, 3), (8, 5, 5), (5, 5, 5), (7, 5, 5, 5)]
QUANTIZERS = ["codebook", "rotation", "fsq", "residual"]
every_quantizer = pytest.mark.parametrize("quantizer", QUANTIZERS)


def field(*shape, seed=0, scale=2.0):
    """Random numbers whose gradient can be asked for."""
    noise = torch.Generator().manual_seed(seed)
    numbers = scale * torch.randn(*shape, generator=noise, dtype=torch.float64)
    return numbers.requires_grad_()


def gradient_of(carry, z_e, z_q, above):
    """What reaches z_e of a gradient `above` at the output of carry(z_e, z_q)."""
    z_e = z_e.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(carry(z_e, z_q), z_e, above)
    return gradient


# ---------------------------------------------------------------------------------------- FSQ


@pytest.mark.parametrize("levels", LEVELS)
def test_every_index_comes_back_from_its_code(levels):
    fsq = FSQ(levels)
    every = torch.arange(fsq.n_codes)
    codes = fsq.lookup(every)
    assert len(codes.unique(dim=0)) == fsq.n_codes == math.prod(levels)
    assert codes.abs().max() == 1
    # A vector whose squeezed value is the code: the index is the code's own.
    half = torch.tensor(levels) // 2
    n_levels = torch.tensor(levels)
    offset = (n_levels % 2 == 0) / 2
    reach = (n_levels - 1) * 1.001 / 2
    z_e = torch.atanh((codes * half + offset) / reach) - torch.atanh(offset / reach)
    assert torch.equal(fsq.indices_of(z_e), every)
    assert torch.equal(fsq(z_e).z_q, codes)


@pytest.mark.parametrize("levels", LEVELS)
def test_a_number_is_rounded_to_one_of_its_levels_and_no_other(levels):
    z_e = field(500, len(levels), scale=20)
    rounded = fsq_bound(z_e, levels).round()
    for column, n_levels in zip(rounded.T, levels, strict=True):
        assert column.unique().tolist() == [k - n_levels // 2 for k in range(n_levels)]


@pytest.mark.parametrize("training", [True, False])
def test_the_codes_of_fsq_are_looked_up_from_its_indices(training):
    fsq = FSQ((8, 5, 5)).train(training)
    z_e = field(2, 3, 4, 5).float()
    out = fsq(z_e)
    assert out.indices.shape == (2, 4, 5)
    assert torch.equal(out.z_q, fsq.lookup(out.indices))
    assert torch.equal(out.indices, fsq.indices_of(z_e))
    assert out.codebook_loss == out.commitment_loss == 0
    assert not list(fsq.parameters()) and not fsq.state_dict()


def test_the_gradient_of_fsq_is_that_of_the_squeezing():
    """d z_q / d z_e = h (1 - tanh^2(z + s)) / floor(L / 2): the rounding is passed as it is."""
    z_e = field(6, 1)
    FSQ((5,)).double()(z_e).z_q.sum().backward()
    half = 4 * 1.001 / 2
    torch.testing.assert_close(z_e.grad, half * (1 - torch.tanh(z_e.detach()) ** 2) / 2)


@pytest.mark.parametrize("levels", LEVELS)
def test_fsq_is_that_of_the_public_package(levels):
    ours, theirs = field(3, len(levels), 4, 5, scale=3), field(3, len(levels), 4, 5, scale=3)
    above = field(3, len(levels), 4, 5, seed=1).detach()
    out = FSQ(levels).double()(ours)
    z_q, indices = PublicFSQ(list(levels))(theirs)
    assert torch.equal(out.indices, indices.long())
    torch.testing.assert_close(out.z_q, z_q)
    (out.z_q * above).sum().backward(), (z_q * above).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_broken_vector_shows_in_training_and_is_refused_in_eval():
    z_e = torch.tensor([[float("nan"), 0.0, 0.0]])
    assert FSQ((8, 5, 5))(z_e).z_q.isnan().any()
    with pytest.raises(ValueError, match="z_e"):
        FSQ((8, 5, 5)).eval()(z_e)


# -------------------------------------------------------------------------------- the rotation


def rotation_matrix(e, q):
    """s R of one pair of vectors, as the paper writes it."""
    scale = q.norm() / e.norm()
    e, q = e / e.norm(), q / q.norm()
    r = (e + q) / (e + q).norm()
    return scale * (torch.eye(len(e)).double() - 2 * torch.outer(r, r) + 2 * torch.outer(q, e))


def test_the_rotation_takes_each_vector_to_its_code_and_keeps_angles():
    z_e, z_q = field(7, 4).detach(), field(7, 4, seed=1).detach()
    for e, q in zip(z_e, z_q, strict=True):
        matrix = rotation_matrix(e, q)
        torch.testing.assert_close(matrix @ e, q)
        scale = (q.norm() / e.norm()) ** 2
        torch.testing.assert_close(matrix @ matrix.T, scale * torch.eye(4).double())


def test_the_gradient_of_rotate_to_is_that_of_the_written_matrix():
    z_e, z_q, above = (field(7, 4, seed=seed).detach() for seed in range(3))
    gradient = gradient_of(rotate_to, z_e, z_q, above)
    matrices = torch.stack([rotation_matrix(e, q) for e, q in zip(z_e, z_q, strict=True)])
    torch.testing.assert_close(gradient, torch.einsum("nij,ni->nj", matrices, above))


def test_the_gradient_stands_to_z_e_as_it_stood_to_z_q():
    z_e, z_q, above = (field(7, 4, seed=seed).detach() for seed in range(3))
    gradient = gradient_of(rotate_to, z_e, z_q, above)
    angles = [torch.cosine_similarity(*each) for each in ((above, z_q), (gradient, z_e))]
    torch.testing.assert_close(*angles)
    assert not torch.allclose(torch.cosine_similarity(above, z_e), angles[0])  # straight-through


def test_the_value_is_the_code_to_the_last_bit_and_the_code_gets_no_gradient():
    z_e, z_q = field(5, 3, 2, 2), field(5, 3, 2, 2, seed=1)
    out = rotate_to(z_e, z_q)
    assert torch.equal(out, z_q)
    out.sum().backward()
    assert z_q.grad is None and z_e.grad.any()


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_rotate_to_is_that_of_the_public_package(scale):
    z_e, z_q, above = (field(9, 6, seed=seed, scale=scale).detach() for seed in range(3))
    torch.testing.assert_close(rotate_to(z_e, z_q), public_rotate_to(z_e, z_q))
    ours = gradient_of(rotate_to, z_e, z_q, above)
    torch.testing.assert_close(ours, gradient_of(public_rotate_to, z_e, z_q, above))


def test_opposite_and_missing_directions_give_finite_gradients():
    z_e = torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 2.0]])
    z_q = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert gradient_of(rotate_to, z_e, z_q, torch.ones(3, 2)).isfinite().all()


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_the_rotation_changes_the_gradient_and_nothing_else(update):
    torch.manual_seed(0)
    plain, turned = (kind(8, 3, update=update) for kind in (VectorQuantizer, RotationQuantizer))
    turned.load_state_dict(plain.state_dict())
    z_a, z_b = (field(4, 3, 5).detach().float().requires_grad_() for _ in range(2))
    a, b = plain(z_a), turned(z_b)
    assert all(torch.equal(one, other) for one, other in zip(a, b, strict=True))
    assert torch.equal(plain.codebook, turned.codebook)
    a.z_q.square().sum().backward(), b.z_q.square().sum().backward()
    assert not torch.allclose(z_a.grad, z_b.grad)


# -------------------------------------------------------------------------------- residual codes


def residual_quantizer(depth=4, **options):
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(16, 3, depth, **options)
    for level, each in enumerate(quantizer.quantizers):
        each.set_codebook(torch.randn(16, 3) / 2**level)
    return quantizer


def test_each_codebook_quantises_what_the_ones_before_left_over():
    quantizer, z_e = residual_quantizer().eval(), field(5, 3, 2, 7, scale=1).float()
    indices = quantizer.indices_of(z_e)
    assert indices.shape == (5, 4, 2, 7)
    left = z_e
    for level, each in enumerate(quantizer.quantizers):
        assert torch.equal(indices[:, level], each.indices_of(left))
        left = left - each.lookup(indices[:, level])
    torch.testing.assert_close(quantizer.lookup(indices), z_e - left)


def test_more_codebooks_leave_less_over():
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(16, 3, 4, update="ema", restart_dead_codes=True)
    for _ in range(60):
        quantizer(torch.randn(512, 3))
    z_e = torch.randn(512, 3)
    indices = quantizer.eval().indices_of(z_e)
    errors = [(quantizer.lookup(indices[:, :m]) - z_e).square().mean().item() for m in (1, 2, 3, 4)]
    assert all(after < 0.7 * before for before, after in zip(errors, errors[1:], strict=False))


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_one_residual_codebook_is_a_plain_codebook(update):
    torch.manual_seed(0)
    one, plain = ResidualQuantizer(8, 3, 1, update=update), VectorQuantizer(8, 3, update=update)
    one.quantizers[0].load_state_dict(plain.state_dict())
    z_e = field(4, 3, 5).detach().float()
    a, b = one(z_e), plain(z_e)
    assert torch.equal(a.indices[:, 0], b.indices)
    for left, right in zip(a[:1] + a[2:], b[:1] + b[2:], strict=True):
        torch.testing.assert_close(left, right)


def test_the_gradient_through_residual_codes_is_straight_through_and_the_value_their_sum():
    quantizer, z_e = residual_quantizer().train(), field(5, 3, 4).float().detach()
    z_e.requires_grad_()
    out = quantizer(z_e)
    assert torch.equal(out.indices, quantizer.indices_of(z_e))
    torch.testing.assert_close(out.z_q, quantizer.lookup(out.indices))
    above = torch.randn(5, 3, 4)
    (gradient,) = torch.autograd.grad(out.z_q, z_e, above)
    torch.testing.assert_close(gradient, above)


def test_residual_codes_are_those_of_the_public_package():
    ours = residual_quantizer().eval()
    theirs = ResidualVQ(dim=3, codebook_size=16, num_quantizers=4).eval()
    for mine, layer in zip(ours.quantizers, theirs.layers, strict=True):
        layer._codebook.embed.data.copy_(mine.codebook[None])
        layer._codebook.initted.fill_(True)
    z_e = field(5, 3, 7, scale=1).detach().float()
    z_q, indices, _ = theirs(z_e.movedim(1, -1))
    assert torch.equal(ours.indices_of(z_e), indices.movedim(-1, 1))
    torch.testing.assert_close(ours(z_e).z_q, z_q.movedim(-1, 1))


def test_more_codes_than_there_are_codebooks_are_refused():
    with pytest.raises(ValueError, match=r"indices must have 1 \.\. 2 codes in axis 1, got shape"):
        residual_quantizer(2).lookup(torch.zeros(1, 3, 2).long())


# ------------------------------------------------------------------------- the transformer prior


@pytest.fixture
def tiny(randomized):
    """A function that makes a small transformer in float64 with large random weights."""

    def make(seed=0, scale=0.5, **changes):
        sizes = {"n_levels": 3, "n_channels": 8, "n_layers": 2, "n_heads": 2}
        return randomized(TransformerPrior(**{**sizes, **changes}), seed, scale).double().eval()

    return make


@pytest.mark.parametrize("n_colors", [1, 2, 3])
@pytest.mark.parametrize("training", [True, False])
def test_a_slot_reads_the_whole_past_and_nothing_else_in_one_layer(tiny, n_colors, training):
    model = tiny(n_colors=n_colors, n_layers=1).train(training)
    reads = influence_matrix(model, 3, 4)
    assert torch.equal(reads, torch.ones_like(reads).tril(-1))


@pytest.mark.parametrize(("n_colors", "height", "width"), [(1, 2, 3), (2, 1, 3), (1, 1, 1)])
def test_the_probabilities_of_all_fields_sum_to_1(tiny, n_colors, height, width):
    model = tiny(n_colors=n_colors)
    assert total_probability(model, height, width) == pytest.approx(1, abs=1e-12)


def test_they_do_for_every_label_and_each_label_has_its_own(tiny):
    model, fields = tiny(n_classes=2), enumerate_images(2, 2, 3)
    label = torch.zeros(len(fields), dtype=torch.long)
    nats = torch.stack([nll_nats(model(fields, label=label + k), fields) for k in (0, 1)])
    torch.testing.assert_close((-nats).exp().sum(dim=1), torch.ones(2).double())
    assert not torch.allclose(nats[0], nats[1])


@pytest.mark.parametrize("n_colors", [1, 2])
@pytest.mark.parametrize("known", [False, True])
def test_keys_and_values_kept_draw_the_same_fields_as_full_passes(tiny, n_colors, known):
    model = tiny(n_colors=n_colors, n_levels=5, n_classes=3)
    shape = (6, n_colors, 3, 4)
    given = {"label": torch.arange(6) % 3, "uniforms": torch.rand(shape).double()}
    if known:
        field = torch.randint(5, shape)
        given["known"] = torch.where(torch.rand(shape) < 0.5, field, -1)
    drawn = {name: sample(model, shape, method=name, **given) for name in ("naive", "cached")}
    assert torch.equal(drawn["naive"], drawn["cached"])
    assert torch.equal(sample(model, shape, **given), drawn["cached"])  # what is taken unasked
    cropped = sample(model, shape, method="row-cropped", **given)
    assert torch.equal(cropped, drawn["naive"])


def test_rows_and_columns_are_told_apart(tiny):
    places = tiny().places(3, 4)
    assert len(places.unique(dim=0)) == 12


def test_heads_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="cannot be divided among 3 heads: use a multiple"):
        TransformerPrior(n_levels=3, n_channels=8, n_heads=3)


# ------------------------------------------------------------------------------- as one model


def two_stage(randomized, quantizer, network, n_dims=2):
    """A tiny model of both stages in float64 with large random weights."""
    of_codebook = {} if quantizer == "fsq" else {"n_codes": 3, "code_dim": 2}
    vqvae = VQVAE(
        n_dims=n_dims,
        in_channels=1,
        n_levels=2,
        quantizer=quantizer,
        fsq_levels=(3,),
        downsample=2,
        n_channels=4,
        n_blocks=0,
        **of_codebook,
    )
    randomized(vqvae, 0, 0.7).double()
    sizes = {"n_levels": 3, "n_colors": vqvae.depth or 1, "n_channels": 8, "n_layers": 2}
    if network == "transformer":
        prior = TransformerPrior(**sizes, n_heads=2, n_classes=2)
    else:
        prior = GatedPixelCNN(**sizes, n_classes=2, ordered=False, coordinates=True)
    return TwoStageModel(vqvae, randomized(prior, 1, 0.5).double()).eval()


@torch.no_grad()
@every_quantizer
@pytest.mark.parametrize("network", ["gated", "transformer"])
def test_the_bound_of_every_pair_is_one_term_of_the_true_log_p(randomized, quantizer, network):
    """p(x) is summed over every field of codes there is; nothing is approximate."""
    model = two_stage(randomized, quantizer, network)
    images, depth = enumerate_images(2, 4), model.vqvae.depth or 1
    fields = enumerate_images(depth, 2, 3).unflatten(2, (depth, 1)).squeeze(1)  # (N, M, 1, 2)
    fields = fields if model.vqvae.depth else fields[:, 0]
    label = torch.ones(len(images), dtype=torch.long)
    joint = []
    for each in fields:
        decoded = model.vqvae.decode_indices(each[None]).expand(len(images), 2, 1, 2, 4)
        prior = model.prior_nll_nats(each[None], torch.tensor([1]))
        joint.append(-nll_nats(decoded, images) - prior)
    log_p = torch.stack(joint).logsumexp(dim=0)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-9)
    assert (model.bound_nats(images, label) <= log_p + 1e-9).all()
    rate = model.terms(images, label).uniform_rate_nats
    torch.testing.assert_close(rate, torch.full_like(rate, 2 * depth * math.log(3)))


@every_quantizer
def test_every_quantizer_trains_and_decodes_what_it_encodes(quantizer):
    torch.manual_seed(0)
    of_codebook = {} if quantizer == "fsq" else {"n_codes": 8, "code_dim": 4}
    sizes = {"in_channels": 1, "n_levels": 4, "n_channels": 8, "n_blocks": 1, **of_codebook}
    model = VQVAE(quantizer=quantizer, depth=3, **sizes)
    optimizer, levels = torch.optim.AdamW(model.parameters(), 1e-2), torch.randint(4, (8, 1, 8, 8))
    losses = []
    for _ in range(20):
        out = model(levels)
        optimizer.zero_grad(), out.loss.backward(), optimizer.step()
        assert all(p.grad is not None for p in model.encoder.parameters())
        losses.append(out.nll_nats.mean().item())
    assert losses[-1] < losses[0]
    indices = model.eval().encode_indices(levels)
    assert indices.shape == ((8, 3, 2, 2) if quantizer == "residual" else (8, 2, 2))
    torch.testing.assert_close(model.decode_indices(indices), model(levels).decoded)


@torch.no_grad()
@every_quantizer
@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_sounds_images_and_clips_come_out_of_a_transformer(randomized, quantizer, n_dims):
    model = two_stage(randomized, quantizer, "transformer", n_dims)
    shape = (4, 8, 6)[:n_dims]
    drawn = model.sample(3, torch.tensor([0, 1, 0]), shape=shape, pixels="sample")
    assert drawn.shape == (3, 1, *shape)
    assert model.bound_nats(drawn, torch.tensor([0, 1, 0])).isfinite().all()


@torch.no_grad()
@every_quantizer
def test_both_stages_of_every_quantizer_come_back_from_one_file(tmp_path, randomized, quantizer):
    model = two_stage(randomized, quantizer, "transformer").float()
    save_weights(tmp_path / "m.safetensors", model)
    again = load_weights(tmp_path / "m.safetensors")
    assert settings_of(again.vqvae) == settings_of(model.vqvae)
    images, label = enumerate_images(2, 4), torch.zeros(256, dtype=torch.long)
    assert torch.equal(again.bound_nats(images, label), model.bound_nats(images, label))


def test_coarse_residual_codes_alone_can_be_decoded():
    torch.manual_seed(0)
    sizes = {"in_channels": 1, "n_levels": 4, "n_codes": 8, "code_dim": 4, "n_channels": 8}
    model = VQVAE(quantizer="residual", depth=3, **sizes).eval()
    indices = model.encode_indices(torch.randint(4, (2, 1, 8, 8)))
    shapes = [model.decode_indices(indices[:, :m]).shape for m in (1, 2, 3)]
    assert set(shapes) == {(2, 4, 1, 8, 8)}


def test_sizes_that_contradict_the_levels_are_refused():
    with pytest.raises(ValueError, match="n_codes must be left out, or 200 as follows"):
        VQVAE(in_channels=1, quantizer="fsq", n_codes=128)
    with pytest.raises(TypeError, match="n_codes must be an integer, got None"):
        VQVAE(in_channels=1, code_dim=2)


def test_straight_through_is_what_the_other_quantizers_carry():
    assert VectorQuantizer.carry is straight_through and RotationQuantizer.carry is rotate_to


# ---------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("options", "n_codes", "n_colors"),
    [
        (["--quantizer", "fsq", "--fsq-levels", "5x4"], 20, 1),
        (["--quantizer", "residual", "--depth", "3", "--prior.n-channels", "12"], 16, 3),
    ],
)
def test_both_stages_are_trained_by_one_command(tmp_path, capsys, options, n_codes, n_colors):
    command = ["train", "two-stage", "--profile", "smoke", "--out", str(tmp_path), *options]
    cli.main([*command, "--prior", "transformer", "--n-heads", "2"])
    model = load_run(tmp_path)
    assert type(model.prior) is TransformerPrior and model.prior.config.n_heads == 2
    assert (model.vqvae.n_codes, model.prior.n_colors) == (n_codes, n_colors)
    told = json.loads((tmp_path / "result.json").read_text())["test"]
    assert told["bits_per_code_uniform"] == pytest.approx(math.log2(n_codes))
    n_latents = 49 * n_colors
    assert told["uniform_rate_bits_per_dim"] * 784 == pytest.approx(n_latents * math.log2(n_codes))
    assert 1 <= told["codebook_perplexity"] <= n_codes
    cli.main(["sample", "--run", str(tmp_path), "--n", "1", "--out", str(tmp_path / "one.png")])
    with pytest.raises(SystemExit):
        cli.main(command)  # asks for a gated PixelCNN
    assert "belongs to another run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--quantizer", "fsq", "--n-codes", "64"], "--n-codes follows from --fsq-levels"),
        (["--fsq-levels", "2x5"], "each number of fsq_levels must be at least 3, got 2"),
        (["--quantizer", "vq"], "invalid choice 'vq'"),
        (["--n-heads", "3", "--prior", "transformer"], "cannot be divided among 3 heads"),
        (["--quantizer", "residual", "--depth", "3"], "cannot be divided among 3 colours"),
    ],
)
def test_a_wrong_option_is_answered_before_anything_is_trained(tmp_path, capsys, options, told):
    with pytest.raises(SystemExit):
        cli.main(["train", "two-stage", "--profile", "smoke", "--out", str(tmp_path), *options])
    assert told in capsys.readouterr().err
    assert not (tmp_path / "vqvae").exists()


def test_a_run_from_before_there_were_quantizers_goes_on_with_a_codebook_alone():
    before = {"model.n_codes": 8, "epochs": 1}
    now = {**before, "model.fsq_levels": [8, 5, 5], "model.depth": 2}
    require_same_run(Path("run"), {"fingerprint": before}, {**now, "model.quantizer": "codebook"})
    with pytest.raises(CheckpointError, match="quantizer: the run has 'codebook', you ask for"):
        turned = {**now, "model.quantizer": "rotation"}
        require_same_run(Path("run"), {"fingerprint": before}, turned)
