"""One interface for priors over sequences, fields and volumes of codes: exact in all three.

Every property is tested for n_dims 1, 2 and 3 alike. Tiny priors with large random weights in
float64 are small enough to list every field there is: nothing has to be believed.
"""

from __future__ import annotations

import json
import math
from itertools import product

import pytest
import torch

from tutorial_lib.codes.code_prior import CodePrior, code_prior_step
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_row import GatedRow
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats
from tutorial_lib.recipes.pretrained import load_weights, save_weights
from tutorial_lib.sampling.ancestral import draw, sample
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit

K = 3
SMALL = {1: (4,), 2: (2, 2), 3: (2, 1, 2)}  # 81 fields of three codes each
SHAPES = {1: (9,), 2: (3, 5), 3: (4, 3, 2)}  # no two axes alike
EVERY_N_DIMS = pytest.mark.parametrize("n_dims", [1, 2, 3])


@pytest.fixture
def tiny(randomized):
    """A function that makes a small prior in float64 with large random weights."""

    def make(n_dims, *, seed=0, scale=0.5, **changes):
        arguments = {"n_codes": K, "n_channels": 6, "n_layers": 2, **changes}
        return randomized(CodePrior(n_dims=n_dims, **arguments), seed, scale).double().eval()

    return make


def every_field(n_dims):
    """All fields of the small shape, in counting order."""
    shape = SMALL[n_dims]
    return enumerate_images(1, math.prod(shape), K).reshape(-1, *shape)


def reads(model, shape, **given):
    """(N, N) bool in raster order: does changing code j change the logits of code i?"""
    n = math.prod(shape)
    field = torch.randint(model.n_codes, (1, *shape))
    changed = field.flatten(1).repeat(2 * n, 1)
    for j, step in product(range(n), (1, 2)):
        changed[2 * j + step - 1, j] = (changed[2 * j + step - 1, j] + step) % model.n_codes
    with torch.no_grad():
        before = model(field, **given).flatten(2)
        after = model(changed.view(-1, *shape), **{k: v.expand(2 * n) for k, v in given.items()})
    moved = (after.flatten(2) - before).abs().amax(dim=1) > 1e-12  # (2n, n): input, output
    return moved.view(n, 2, n).any(dim=1).T


def the_past(shape, memory):
    """What a prediction may read: all before it, and no more than `memory` steps of the first axis.

    memory: counted along the first axis; None for all of it.
    """
    n = math.prod(shape)
    past = torch.ones(n, n, dtype=torch.bool).tril(-1)
    if memory is None:
        return past
    time = torch.arange(n) // math.prod(shape[1:])
    return past & (time[:, None] - time[None] <= memory)


# --------------------------------------------------------------------- what a prediction reads


@EVERY_N_DIMS
@pytest.mark.parametrize("training", [True, False])
def test_a_code_is_predicted_from_all_before_it_and_nothing_else(tiny, n_dims, training):
    model = tiny(n_dims, n_layers=9, n_channels=16, scale=0.3, n_past_frames=3).train(training)
    read = reads(model, SHAPES[n_dims])
    assert torch.equal(read, the_past(SHAPES[n_dims], None))


@EVERY_N_DIMS
def test_a_label_changes_none_of_that(tiny, n_dims):
    model = tiny(n_dims, n_layers=9, n_channels=16, scale=0.3, n_past_frames=3, n_classes=2)
    read = reads(model, SHAPES[n_dims], label=torch.tensor([1]))
    assert torch.equal(read, the_past(SHAPES[n_dims], None))


@pytest.mark.parametrize(("n_layers", "kernel_size", "memory"), [(1, 3, 1), (2, 3, 2), (2, 7, 6)])
def test_a_sequence_is_remembered_as_far_as_the_layers_reach(tiny, n_layers, kernel_size, memory):
    model = tiny(1, n_layers=n_layers, kernel_size=kernel_size, n_channels=16)
    assert model.memory == memory
    assert torch.equal(reads(model, (11,)), the_past((11,), memory))


@pytest.mark.parametrize("memory", [1, 2, 3])
def test_a_volume_remembers_so_many_whole_frames(tiny, memory):
    model = tiny(3, n_past_frames=memory, n_layers=4, n_channels=16, scale=0.3)
    assert model.memory == memory
    assert torch.equal(reads(model, (5, 2, 3)), the_past((5, 2, 3), memory))


@pytest.mark.parametrize(("n_layers", "kernel_size", "memory"), [(1, 3, 2), (2, 5, 5)])
def test_a_field_remembers_so_many_rows(tiny, n_layers, kernel_size, memory):
    model = tiny(2, n_layers=n_layers, kernel_size=kernel_size, n_channels=16)
    assert model.memory == memory
    rows_back = [int(i) // 2 - int(j) // 2 for i, j in torch.nonzero(reads(model, (8, 2))).tolist()]
    assert max(rows_back) == memory


def test_the_probe_sees_a_leak(tiny):
    """A prior shown its own code, and one told the next frame, are caught by `reads`."""
    model = tiny(1)
    first = model.network.layers[0].horizontal
    first.has_center, first.reach = True, 0
    assert reads(model, (5,)).diagonal().all()
    model, past = tiny(3), tiny(3).network.past.forward
    model.network.past.forward = lambda indices: past(indices).roll(-1, dims=1)
    assert not torch.equal(reads(model, (3, 2, 2)), reads(model, (3, 2, 2)).tril(-1))


# ------------------------------------------------------------------- a distribution, and draws


@torch.no_grad()
@EVERY_N_DIMS
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_classes", [None, 2])
def test_the_probabilities_of_all_fields_sum_to_1(tiny, n_dims, seed, n_classes):
    model, fields = tiny(n_dims, seed=seed, scale=1.0, n_classes=n_classes), every_field(n_dims)
    for label in range(n_classes or 1):
        given = torch.full((len(fields),), label) if n_classes else None
        probability = torch.exp(-model.nll_nats(fields, given))
        assert probability.dtype == torch.float64
        assert probability.sum().item() == pytest.approx(1, abs=1e-12)
        assert probability.max() > 3 / 81  # and it is not the uniform one


@torch.no_grad()
@EVERY_N_DIMS
def test_draws_follow_the_enumerated_distribution(tiny, n_dims):
    """81 fields, the rare ones together in one group; 124.8 is passed once in 1,000 runs."""
    model, n = tiny(n_dims, scale=0.7, n_classes=2), 4000
    fields = every_field(n_dims)
    for label in (0, 1):
        noise = torch.Generator().manual_seed(5 + label)
        drawn = model.sample(n, SMALL[n_dims], label=label, generator=noise)
        place = (drawn.flatten(1) * K ** torch.arange(3, -1, -1)).sum(dim=1)
        counts = torch.bincount(place, minlength=81).double()
        expected = n * torch.exp(-model.nll_nats(fields, torch.full((81,), label)))
        other = n * torch.exp(-model.nll_nats(fields, torch.full((81,), 1 - label)))
        assert chi_square(counts, expected) < 124.8
        assert chi_square(counts, other) > 500  # the test can tell


def chi_square(counts, expected):
    rare = expected < 5
    counts = torch.cat([counts[~rare], counts[rare].sum()[None]])
    expected = torch.cat([expected[~rare], expected[rare].sum().clamp(min=1e-9)[None]])
    return ((counts - expected) ** 2 / expected).sum().item()


@torch.no_grad()
@EVERY_N_DIMS
@pytest.mark.parametrize("changes", [{}, {"coordinates": False}, {"kernel_size": 5}])
def test_a_field_is_made_of_the_draws_that_its_own_conditionals_give(tiny, n_dims, changes):
    """Fed back into the full pass with the same noise, every code is drawn again: no short cut of
    the sampler, which takes a volume frame by frame, changes any conditional."""
    model, shape = tiny(n_dims, n_codes=7, n_classes=3, n_layers=3, **changes), SHAPES[n_dims]
    label, noise = torch.tensor([2, 0, 1, 1]), torch.Generator()
    drawn = model.sample(4, shape, label=label, generator=noise.manual_seed(6), temperature=0.8)
    noise.manual_seed(6)
    frames, size = (shape[0], shape[1:]) if n_dims == 3 else (1, shape)
    uniforms = [torch.rand(4, *size, generator=noise, dtype=torch.float64) for _ in range(frames)]
    uniforms = torch.stack(uniforms, dim=1).view(4, *shape)
    assert torch.equal(draw(model(drawn, label), uniforms, 0.8), drawn)
    assert not torch.equal(draw(model(drawn, label.roll(1)), uniforms, 0.8), drawn)
    assert len(drawn.unique()) > 3


@torch.no_grad()
@pytest.mark.parametrize("changes", [{}, {"coordinates": False}, {"n_frequencies": 2}])
@pytest.mark.parametrize("n_layers", [1, 3])
def test_cached_and_naive_draw_the_same_sequence(tiny, n_layers, changes):
    row = tiny(1, n_codes=7, n_classes=3, n_layers=n_layers, **changes).network
    noise, label = torch.rand(5, 1, 1, 12, dtype=torch.float64), torch.tensor([0, 2, 1, 1, 0])
    naive, cached = (
        sample(row, (5, 1, 1, 12), label=label, uniforms=noise, method=method)
        for method in ("naive", "cached")
    )
    assert torch.equal(naive, cached) and len(naive.unique()) == 7
    known = torch.where(torch.rand(5, 1, 1, 12) < 0.5, naive, -1)
    completed = sample(row, (5, 1, 1, 12), label=label, uniforms=noise, known=known)
    assert torch.equal(completed, naive)


@EVERY_N_DIMS
def test_draws_can_be_repeated_have_the_shape_asked_for_and_can_be_trained_on(tiny, n_dims):
    model, shape = tiny(n_dims).train(), SHAPES[n_dims]

    def drawn(seed):
        return model.sample(3, shape, generator=torch.Generator().manual_seed(seed))

    assert drawn(1).shape == (3, *shape) and drawn(1).dtype == torch.long
    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    assert model.training
    model.nll_nats(drawn(1)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@EVERY_N_DIMS
@pytest.mark.parametrize("progress", [True, False])
def test_a_progress_bar_is_shown_only_if_asked_for(tiny, n_dims, progress, capsys):
    tiny(n_dims).sample(1, SMALL[n_dims], progress=progress)
    assert ("sampling" in capsys.readouterr().err) is progress


# ------------------------------------------------------------------ the three are one another


@torch.no_grad()
@EVERY_N_DIMS
def test_the_cost_of_a_field_is_that_of_its_logits(tiny, n_dims):
    model, fields = tiny(n_dims), torch.randint(K, (5, *SHAPES[n_dims]))
    logits = model(fields)
    assert logits.shape == (5, K, *SHAPES[n_dims])
    by_hand = -logits.log_softmax(dim=1).gather(1, fields[:, None]).flatten(1).sum(dim=1)
    torch.testing.assert_close(model.nll_nats(fields), by_hand)


@torch.no_grad()
def test_of_a_field_it_is_the_gated_pixelcnn(tiny):
    """n_dims=2 adds nothing to the model of chapter 4: the same weights, the same logits."""
    model, fields = tiny(2, n_classes=2), torch.randint(K, (4, 3, 5))
    plain = GatedPixelCNN(
        n_levels=K, n_channels=6, n_layers=2, n_classes=2, ordered=False, coordinates=True
    ).double()
    plain.load_state_dict(model.network.state_dict())
    label = torch.tensor([0, 1, 1, 0])
    logits = plain(fields[:, None], label=label)
    torch.testing.assert_close(model(fields, label), logits[:, :, 0], rtol=0, atol=0)


@torch.no_grad()
def test_of_a_sequence_it_is_the_gated_pixelcnn_on_one_row(tiny):
    """With nothing in the links, the vertical stack could as well be left out: and so it is."""
    sequence, image = tiny(1, coordinates=False), tiny(2, coordinates=False)
    image.network.symbols.load_state_dict(sequence.network.symbols.state_dict())
    image.network.head.load_state_dict(sequence.network.head.state_dict())
    for row, layer in zip(sequence.network.layers, image.network.layers, strict=True):
        layer.horizontal.load_state_dict(row.horizontal.state_dict())
        layer.output.load_state_dict(row.output.state_dict())
        layer.link.weight.zero_()
        layer.link.bias.zero_()
    codes = torch.randint(K, (4, 11))
    torch.testing.assert_close(sequence(codes), image(codes[:, None]).squeeze(2))


@torch.no_grad()
def test_of_a_volume_it_is_frame_by_frame_the_one_of_a_field(tiny):
    """Where the frames before say nothing, every frame is an image of its own."""
    field, volume = tiny(2, coordinates=False), tiny(3, coordinates=False)
    for convolution in volume.network.past.convolutions:
        convolution.weight.zero_()
        convolution.bias.zero_()
    for one, other in zip(field.network.layers, volume.network.frame.layers, strict=True):
        other.load_state_dict(one.state_dict(), strict=False)
        other.context.bias.zero_()
    volume.network.frame.symbols.load_state_dict(field.network.symbols.state_dict())
    volume.network.frame.head.load_state_dict(field.network.head.state_dict())
    clips = torch.randint(K, (2, 4, 3, 5))
    each = torch.stack([field(frame) for frame in clips.unbind(1)], dim=2)
    torch.testing.assert_close(volume(clips), each)


@torch.no_grad()
@EVERY_N_DIMS
def test_labels_matter_example_by_example(tiny, n_dims):
    model, fields = tiny(n_dims, n_classes=3), torch.randint(K, (3, *SHAPES[n_dims]))
    label = torch.tensor([2, 0, 1])
    together = model.nll_nats(fields, label)
    alone = [model.nll_nats(fields[i : i + 1], label[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    assert (together - model.nll_nats(fields, label.roll(1))).abs().min() > 1e-3


@torch.no_grad()
@EVERY_N_DIMS
def test_a_prior_told_where_it_is_can_tell_and_another_cannot(tiny, n_dims):
    """The same codes all over, seen from the middle of a long field: only the place differs."""
    shape, here, there = {
        1: ((12,), (5,), (6,)),
        2: ((12, 12), (6, 5), (6, 6)),
        3: ((6, 2, 2), (3, 0, 0), (4, 0, 0)),
    }[n_dims]
    for coordinates in (True, False):
        model = tiny(n_dims, coordinates=coordinates, n_layers=1, n_past_frames=1)
        logits = model(torch.ones(1, *shape, dtype=torch.long))[0]
        apart = (logits[(slice(None), *here)] - logits[(slice(None), *there)]).abs().max().item()
        assert (apart > 1e-6) is coordinates


# --------------------------------------------------------------------------- learning, saving


@EVERY_N_DIMS
def test_it_learns_that_codes_repeat(n_dims):
    """Half of all fields are 0 everywhere and half are 1: one bit a field, and it gets there."""
    torch.manual_seed(0)
    shape = SHAPES[n_dims]
    fields = (torch.arange(64) % 2).view(-1, *[1] * n_dims).expand(64, *shape).contiguous()
    model = CodePrior(n_dims=n_dims, n_codes=K, n_channels=8, n_layers=2)
    fit(
        model,
        code_prior_step,
        (fields,),
        FitConfig(epochs=40, batch_size=16, learning_rate=1e-2),
        progress=False,
    )
    with torch.no_grad():
        assert model.nll_nats(fields).mean().item() < 1.5 * math.log(2)
        first = model(fields)[(slice(None), slice(None), *[0] * n_dims)].softmax(dim=1)
        assert (first[:, :2] - 0.5).abs().max() < 0.1


@EVERY_N_DIMS
def test_a_step_reports_bits_of_a_code(tiny, n_dims):
    model, fields = tiny(n_dims), torch.randint(K, (5, *SHAPES[n_dims]))
    shown = code_prior_step(model, fields)
    nats = model.nll_nats(fields).mean() / math.prod(SHAPES[n_dims])
    torch.testing.assert_close(shown["loss"], nats)
    torch.testing.assert_close(shown["bits/code"], nats / math.log(2))


@torch.no_grad()
@EVERY_N_DIMS
def test_weights_come_back_from_a_file(tiny, n_dims, tmp_path):
    model = tiny(n_dims, n_classes=2).float()
    save_weights(tmp_path / "prior.safetensors", model)
    loaded = load_weights(tmp_path / "prior.safetensors")
    settings = settings_of(model)
    assert loaded.config == model.config and json.loads(json.dumps(settings)) == settings
    fields, label = torch.randint(K, (4, *SHAPES[n_dims])), torch.tensor([0, 1, 1, 0])
    assert torch.equal(loaded.nll_nats(fields, label), model.nll_nats(fields, label))


# ---------------------------------------------------------------- as the prior of a second stage

SIGNAL = {1: (8,), 2: (2, 4), 3: (2, 2, 4)}  # 4, 2 and 2 codes


@pytest.fixture
def two_stage(tiny, randomized):
    """A function that makes a tiny two-stage model in float64, with a CodePrior."""

    def make(n_dims, **changes):
        vqvae = VQVAE(
            n_dims=n_dims,
            in_channels=1,
            n_levels=2,
            n_codes=K,
            code_dim=2,
            downsample=2,
            n_channels=4,
            n_blocks=0,
        )
        randomized(vqvae, 1, 0.7).double()
        noise = torch.Generator().manual_seed(2)
        with torch.no_grad():
            vqvae.quantizer.codebook.copy_(torch.randn(K, 2, generator=noise))
        return TwoStageModel(vqvae, tiny(n_dims, **changes)).eval()

    return make


@torch.no_grad()
@EVERY_N_DIMS
@pytest.mark.parametrize("n_classes", [None, 2])
def test_the_bound_of_a_signal_of_any_dimension_is_never_above_the_true_log_p(
    two_stage, n_dims, n_classes
):
    model, shape = two_stage(n_dims, n_classes=n_classes), SIGNAL[n_dims]
    signals = enumerate_images(1, math.prod(shape)).reshape(-1, 1, *shape)[::7]
    latent = model.vqvae.latent_shape(shape)
    fields = enumerate_images(1, math.prod(latent), K).reshape(-1, *latent)
    given = torch.ones(len(fields), dtype=torch.long) if n_classes else None
    rows = [
        nll_nats(
            model.vqvae.decode_indices(field[None]).expand(len(signals), -1, -1, *shape), signals
        )
        for field in fields
    ]
    joint = -model.prior_nll_nats(fields, given)[:, None] - torch.stack(rows)
    of_signals = torch.ones(len(signals), dtype=torch.long) if n_classes else None
    bound = model.bound_nats(signals, of_signals)
    log_p = joint.logsumexp(dim=0)
    assert (bound <= log_p + 1e-9).all() and (bound > joint.amin(dim=0) - 1e-9).all()
    terms = model.terms(signals, of_signals)
    torch.testing.assert_close(bound, -(terms.decoder_nats + terms.prior_rate_nats))
    assert terms.uniform_rate_nats[0].item() == pytest.approx(math.prod(latent) * math.log(K))


@EVERY_N_DIMS
@pytest.mark.parametrize("pixels", ["mean", "sample"])
def test_signals_of_any_dimension_are_drawn_by_label(two_stage, n_dims, pixels):
    model, shape = two_stage(n_dims, n_classes=2), SIGNAL[n_dims]
    noise = torch.Generator()
    drawn = model.sample(6, 1, shape=shape, pixels=pixels, generator=noise.manual_seed(3))
    assert drawn.shape == (6, 1, *shape) and drawn.dtype == torch.long
    model.bound_nats(drawn, torch.ones(6, dtype=torch.long))
    fields = model.sample_indices(
        6, latent_shape=model.vqvae.latent_shape(shape), label=1, generator=noise.manual_seed(3)
    )
    picture = model.vqvae.picture(model.vqvae.decode_indices(fields))
    if pixels == "mean":
        assert torch.equal(drawn, picture.round().long())


@torch.no_grad()
@EVERY_N_DIMS
def test_both_stages_come_back_from_one_file(two_stage, n_dims, tmp_path):
    model = two_stage(n_dims).float()
    save_weights(tmp_path / "both.safetensors", model)
    loaded = load_weights(tmp_path / "both.safetensors")
    assert isinstance(loaded, TwoStageModel) and isinstance(loaded.prior, CodePrior)
    levels = torch.randint(2, (3, 1, *SIGNAL[n_dims]))
    assert torch.equal(loaded.bound_nats(levels), model.bound_nats(levels))


# --------------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("vqvae", "prior", "message"),
    [
        (1, {"n_dims": 2}, "must have n_dims=1 and n_codes=3, .* got n_dims=2 and n_codes=3"),
        (3, {"n_dims": 1}, "must have n_dims=3 and n_codes=3"),
        (2, {"n_dims": 2, "n_codes": 4}, "got n_dims=2 and n_codes=4"),
    ],
)
def test_a_prior_of_another_dimension_or_codebook_is_refused(tiny, vqvae, prior, message):
    first = VQVAE(n_dims=vqvae, in_channels=1, n_levels=2, n_codes=K, code_dim=2, n_channels=2)
    with pytest.raises(ValueError, match=message):
        TwoStageModel(first, tiny(**prior))


def test_an_image_prior_of_a_sound_is_refused_and_the_right_one_named():
    first = VQVAE(n_dims=1, in_channels=1, n_levels=2, n_codes=K, code_dim=2, n_channels=2)
    with pytest.raises(ValueError, match=r"2-D field, got n_dims=1: for those, use CodePrior\(n_d"):
        TwoStageModel(first, GatedPixelCNN(n_levels=K, n_channels=2, n_layers=1))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_dims": 4}, ValueError, "n_dims must be one of 1, 2, 3, got 4"),
        ({"n_codes": 1}, ValueError, "n_codes must be at least 2, got 1"),
        ({"n_codes": 2.0}, TypeError, "n_codes must be an integer, got 2.0"),
        ({"kernel_size": 4}, ValueError, "kernel_size"),
        ({"n_layers": 0}, ValueError, "n_layers must be at least 1, got 0"),
        ({"n_channels": 0}, ValueError, "n_channels must be at least 1, got 0"),
        ({"n_dims": 3, "n_past_frames": 0}, ValueError, "n_past_frames must be at least 1, got 0"),
    ],
)
@EVERY_N_DIMS
def test_sizes_that_make_no_prior_are_refused(own_messages, n_dims, arguments, error, message):
    with pytest.raises(error, match=message):
        CodePrior(**{"n_dims": n_dims, "n_codes": K, **arguments})


@EVERY_N_DIMS
def test_fields_that_do_not_fit_are_refused(tiny, own_messages, n_dims):
    model, axes = tiny(n_dims), SHAPES[n_dims]
    good = torch.zeros(2, *axes, dtype=torch.long)
    for call in (model, model.nll_nats):
        with pytest.raises(TypeError, match="indices must be a torch.long tensor, got torch.float"):
            call(good.float())
        with pytest.raises(ValueError, match="indices must lie in 0 .. 2, got values 3 .. 3"):
            call(good + 3)
        with pytest.raises(ValueError, match=r"indices must have shape \(batch, "):
            call(good[None])
        with pytest.raises(ValueError, match=r"indices must have shape \(batch, "):
            call(good[0])


@EVERY_N_DIMS
@pytest.mark.parametrize(
    ("n_classes", "label", "error", "message"),
    [
        (2, None, ValueError, "built with n_classes=2: give it label="),
        (None, torch.zeros(2).long(), ValueError, "label was given, .* without n_classes"),
        (2, torch.full((2,), 2), ValueError, "label must lie in 0 .. 1, got values 2 .. 2"),
        (2, torch.zeros(3).long(), ValueError, r"label must have shape \(2\), got \(3,\)"),
        (2, torch.zeros(2), TypeError, "label must be a torch.long tensor, got torch.float32"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    tiny, own_messages, n_dims, n_classes, label, error, message
):
    fields = torch.zeros(2, *SHAPES[n_dims], dtype=torch.long)
    with pytest.raises(error, match=message):
        tiny(n_dims, n_classes=n_classes)(fields, label)


@EVERY_N_DIMS
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be at least 1, got 0"),
        ({"shape": (2, 2, 2, 2)}, ValueError, r"shape must be \(.*\), got \(2, 2, 2, 2\)"),
        ({"label": 1}, ValueError, "label=1 was given, but this model was trained without labels"),
        ({"temperature": 0.0}, ValueError, "temperature must be a finite number above 0"),
    ],
)
def test_draws_that_cannot_be_made_are_refused(
    tiny, own_messages, n_dims, arguments, error, message
):
    with pytest.raises(error, match=message):
        tiny(n_dims).sample(**{"n": 1, "shape": SMALL[n_dims], **arguments})


@EVERY_N_DIMS
def test_an_axis_of_no_length_is_refused(tiny, n_dims):
    with pytest.raises(ValueError, match="each number of shape must be at least 1, got 0"):
        tiny(n_dims).sample(1, (*SMALL[n_dims][:-1], 0))


@EVERY_N_DIMS
def test_draws_by_label_ask_for_one(tiny, n_dims):
    with pytest.raises(ValueError, match="this model draws by label: give label=0 .. 2"):
        tiny(n_dims, n_classes=3).sample(1, SMALL[n_dims])


@pytest.mark.parametrize(("n_classes", "label"), [(2, None), (None, torch.zeros(1).long())])
def test_a_row_by_itself_refuses_such_labels_too(own_messages, n_classes, label):
    row = GatedRow(n_levels=K, n_channels=2, n_layers=1, n_classes=n_classes)
    with pytest.raises(ValueError, match="this model was built with"):
        row(torch.zeros(1, 1, 1, 3).long(), label=label)
