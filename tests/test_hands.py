"""What comes in from other hands: NumPy's numbers, wrapped models, channels last, odd steps."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from typing import Annotated

import numpy as np
import pytest
import torch
from torch import nn

from tutorial_lib.codes.code_prior import CodePrior
from tutorial_lib.codes.gated_frames import GatedFrames
from tutorial_lib.codes.pixelcnn_autoencoder import MSEAutoencoder, PixelCNNAutoencoder
from tutorial_lib.codes.quantizer import VectorQuantizer
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vae import Autoencoder, GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts import Count, Positive, at_least, check_of
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.pixels.bayes import label_log_likelihoods
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_row import GatedRow
from tutorial_lib.pixels.influence import influence_map
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.pixels.pixelrnn import DiagonalBiLSTM, RowLSTM
from tutorial_lib.recipes.image_model import evaluate_image_model, image_step, vae_step
from tutorial_lib.recipes.pretrained import load_weights, save_weights
from tutorial_lib.recipes.settings import ImageModelRecipe, PriorSettings, VQVAESettings
from tutorial_lib.recipes.two_stage import evaluate_two_stage, extract_codes, vqvae_step
from tutorial_lib.sampling.ancestral import sample
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit
from tutorial_lib.training.measures import evaluate

SMALL = {"n_channels": 4, "n_layers": 1, "kernel_size": 3}
LEVELS = torch.zeros(4, 1, 4, 4, dtype=torch.long)
SPLIT = Split(LEVELS.byte(), torch.zeros(4, dtype=torch.long))

# ------------------------------------------------------------------------- numbers of NumPy


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64])
def test_integers_of_numpy_are_integers(own_messages, kind):
    value = check_of(Count)("n", kind(3))
    assert value == 3 and type(value) is int
    with pytest.raises(ValueError, match="n must be at least 4, got 3"):
        check_of(Annotated[int, at_least(4)])("n", kind(3))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("require", [check_of(float), check_of(Positive)])
def test_numbers_of_numpy_are_numbers(own_messages, kind, require):
    value = require("x", kind(2))
    assert value == 2 and type(value) is float
    if kind is not np.int64:
        with pytest.raises(ValueError, match="x must be a finite number"):
            require("x", kind(np.nan))


@pytest.mark.parametrize("value", [True, np.bool_(True), np.float64(3), np.array([3]), "3"])
def test_truth_values_and_arrays_are_no_integers(own_messages, value):
    with pytest.raises(TypeError, match="n must be an integer"):
        check_of(int)("n", value)


def test_a_number_is_no_truth_value(own_messages):
    with pytest.raises(TypeError, match="yes must be True or False"):
        check_of(bool)("yes", np.int64(1))


def of_numpy(value):
    """The same arguments in numbers of NumPy."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return np.int64(value)
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, (list, tuple)):
        return type(value)(of_numpy(each) for each in value)
    return {k: of_numpy(v) for k, v in value.items()} if isinstance(value, dict) else value


STACK = {"n_levels": 3, "n_colors": 1, "n_channels": 4, "n_layers": 1}
MODELS = {
    GatedPixelCNN: {**SMALL, "n_levels": 3, "n_colors": 1, "n_classes": 2, "first_kernel_size": 5},
    PixelCNN: {**SMALL, **STACK},
    RowLSTM: STACK,
    DiagonalBiLSTM: STACK,
    GatedRow: {**SMALL, "n_levels": 3, "n_frequencies": 1},
    GatedFrames: {**SMALL, "n_levels": 3, "n_past_frames": 1},
    CodePrior: {**SMALL, "n_dims": 2, "n_codes": 4},
    Autoencoder: {"n_levels": 3, "size": (4, 4), "code_dim": 2, "n_channels": 2},
    GaussianVAE: {"n_levels": 3, "size": [4, 4], "code_dim": 2, "pixelcnn": SMALL},
    PixelCNNAutoencoder: {"size": (4, 4), "code_dim": 2, **SMALL},
    MSEAutoencoder: {"size": (4, 4), "code_dim": 2, "encoder_channels": 2},
    VQVAE: {"n_dims": 2, "in_channels": 1, "n_levels": 3, "n_codes": 4, "code_dim": 2}
    | {"downsample": 2, "n_channels": 4, "n_blocks": 1, "commitment_weight": 0.5},
    FitConfig: {"epochs": 2, "minutes": 1.5, "batch_size": 2, "learning_rate": 0.5, "seed": 3},
    VQVAESettings: {"n_codes": 4, "code_dim": 2, "downsample": 2, "beta": 0.5, "n_blocks": 1},
    PriorSettings: {"n_channels": 4, "n_layers": 2, "kernel_size": 3},
    ImageModelRecipe: {"title": "a", "dataset": "b", "n_levels": 3, "fit": FitConfig()}
    | {"arguments": SMALL},
}


def numbers_of(thing):
    """All that a model or a setting keeps of its arguments."""
    if not isinstance(thing, nn.Module):
        return asdict(thing)
    kept = {k: v for k, v in vars(thing).items() if isinstance(v, (int, float, dict, tuple))}
    return {k: v for k, v in kept.items() if not k.startswith("_")} | settings_of(thing)


@pytest.mark.parametrize(("make", "arguments"), MODELS.items(), ids=lambda each: str(each)[:40])
def test_models_and_settings_take_numbers_of_numpy_and_keep_pythons(own_messages, make, arguments):
    plain, numpys = make(**arguments), make(**of_numpy(arguments))
    assert numbers_of(numpys) == numbers_of(plain)
    assert "np." not in repr(numbers_of(numpys))
    json.dumps(settings_of(numpys))


def test_calls_take_numbers_of_numpy(own_messages, tmp_path):
    model = GatedPixelCNN(**SMALL, n_classes=2)
    assert sample(model, tuple(np.array([2, 1, 3, 4])), label=torch.zeros(2).long()).shape[0] == 2
    prior = CodePrior(n_dims=1, n_codes=4, n_classes=2, **SMALL)
    assert prior.sample(np.int64(2), (np.int64(3),), label=np.int64(1)).shape == (2, 3)
    assert influence_map(PixelCNN(**SMALL), 3, 3, (np.int64(1), np.int64(2))).shape == (1, 3, 3)
    data = ImageDataset("a", SPLIT, SPLIT, SPLIT, np.int64(4), ("x",)).with_n_levels(np.int64(2))
    assert data.n_levels == 2
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=4, code_dim=2)
    assert vqvae.latent_shape(tuple(np.array([8, 12]))) == (2, 3)
    assert VectorQuantizer(np.int64(3), np.int64(2), decay=np.float32(0.5)).decay == 0.5


# ----------------------------------------------------------------------------- wrapped models


def compiled(model):
    """As torch.compile wraps it; computed without a compiler, which need not be there."""
    return torch.compile(model, backend="eager")


WRAPPERS = pytest.mark.parametrize("wrap", [compiled, nn.DataParallel], ids=["compile", "parallel"])


def gated(**changes):
    return GatedPixelCNN(**SMALL, **changes)


def vqvae():
    return VQVAE(in_channels=1, n_levels=2, n_codes=4, code_dim=2, n_channels=4)


def two_stage():
    return TwoStageModel(vqvae(), CodePrior(n_dims=2, n_codes=4, **SMALL))


def drawn(model):
    shape = (2, 1, 3, 3)
    return sample(model, shape, generator=torch.Generator().manual_seed(0))


WRAPPED = {
    "sample": (gated, drawn),
    "evaluate": (gated, lambda m: evaluate(m, image_step, (LEVELS,))),
    "evaluate_image_model": (gated, lambda m: evaluate_image_model(m, SPLIT)),
    "labels": (lambda: gated(n_classes=2), lambda m: label_log_likelihoods(m, LEVELS)),
    "influence": (gated, lambda m: influence_map(m, 3, 3, (1, 1))),
    "extract_codes": (vqvae, lambda m: extract_codes(m, LEVELS)),
    "two stages": (two_stage, lambda m: evaluate_two_stage(m, SPLIT)),
    "step": (lambda: vqvae().eval(), lambda m: vqvae_step(m, LEVELS)),
}


# Dynamo looks at every attribute of a tensor, also at those that warn.
DYNAMO = pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")


@DYNAMO
@WRAPPERS
@pytest.mark.parametrize(("make", "call"), WRAPPED.values(), ids=WRAPPED)
def test_a_wrapped_model_is_taken_for_the_model_inside(own_messages, make, call, wrap):
    torch.manual_seed(0)
    model = make()
    torch.testing.assert_close(call(wrap(model)), call(model))


@WRAPPERS
def test_the_weights_of_a_wrapped_model_are_stored_under_their_own_names(wrap, tmp_path):
    model = gated()
    save_weights(tmp_path / "a.safetensors", wrap(model))
    loaded = load_weights(tmp_path / "a.safetensors")
    torch.testing.assert_close(loaded.state_dict(), model.state_dict())


@WRAPPERS
def test_a_run_of_a_wrapped_model_goes_on_with_the_bare_one_and_the_other_way_round(
    own_messages, wrap, tmp_path
):
    one, two = (FitConfig(epochs=n, batch_size=2, average=0.5) for n in (1, 2))
    model = gated()
    for wrapped_first in (True, False):
        out, other = tmp_path / str(wrapped_first), copy.deepcopy(model)
        first, second = (wrap(other), other) if wrapped_first else (other, wrap(other))
        fit(first, image_step, (LEVELS,), one, out=out, progress=False)
        history = fit(second, image_step, (LEVELS,), two, out=out, progress=False)
        assert history.finished and history.step == 4


@WRAPPERS
def test_where_a_wrapped_model_does_not_fit_the_message_says_what_to_unwrap(own_messages, wrap):
    name = "_orig_mod" if wrap is compiled else "module"
    with pytest.raises(TypeError, match=rf"give vqvae\.{name}, the model inside"):
        TwoStageModel(wrap(vqvae()), CodePrior(n_dims=2, n_codes=4, **SMALL))


# ---------------------------------------------------------------------------- channels last


@pytest.mark.parametrize(
    "shape", [(5, 28, 28, 1), (5, 32, 32, 3), (5, 16, 24, 4), (5, 8, 9, 10, 3)]
)
def test_examples_with_their_colours_at_the_end_are_refused(shape):
    levels = torch.zeros(shape, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"looks like channels last, use levels\.permute\(0, ."):
        Split(levels, torch.zeros(5, dtype=torch.long))
    order = (0, len(shape) - 1, *range(1, len(shape) - 1))
    Split(levels.permute(order), torch.zeros(5, dtype=torch.long))  # as the message says


SHAPES = [(5, 1, 28, 28), (5, 3, 32, 32), (5, 3, 2, 2), (5, 2, 4, 3), (5, 1, 64), (5, 1, 8, 9, 3)]


@pytest.mark.parametrize("shape", [*SHAPES, (5, 1, 28, 1), (5, 3, 1, 4), (5,), (0, 1, 28, 28)])
def test_small_and_narrow_examples_are_taken(shape):
    split = Split(torch.zeros(shape, dtype=torch.uint8), torch.zeros(shape[0], dtype=torch.long))
    assert tuple(split.levels.shape) == shape and len(split) == shape[0]


def test_a_model_that_gets_them_says_so_too(own_messages):
    levels = torch.zeros(2, 28, 28, 1, dtype=torch.long)
    for call in (gated(), PixelCNN(**SMALL), lambda x: extract_codes(vqvae(), x)):
        with pytest.raises(ValueError, match="looks like channels last"):
            call(levels)


# ------------------------------------------------------------------------------- odd steps


def trained(step, model=None, **options):
    config = FitConfig(epochs=1, batch_size=2)
    return fit(model or gated(), step, (LEVELS,), config, progress=False, **options)


def test_a_loss_that_is_a_float_is_answered_with_what_to_leave_out(own_messages):
    def step(model, levels):
        return {"loss": image_step(model, levels)["loss"].item()}

    told = r'number as "loss" \(without .item\(\)\), got \d\.\d+ \(float\)'
    for call in (lambda: trained(step), lambda: evaluate(gated(), step, (LEVELS,))):
        with pytest.raises(TypeError, match=told):
            call()


def test_a_metric_of_another_kind_or_shape_is_named(own_messages):
    def step(model, levels):
        return image_step(model, levels) | {"accuracy": 0.5}

    def long_step(model, levels):
        return image_step(model, levels) | {"each": torch.ones(3)}

    for each, name in ((step, "accuracy"), (long_step, "each")):
        with pytest.raises(TypeError, match=f'tensor of one number as "{name}"'):
            trained(each)


def test_a_model_whose_weights_are_all_frozen_is_answered_with_a_sentence(own_messages):
    with pytest.raises(ValueError, match="nothing to train: GatedPixelCNN .* all of them are froz"):
        trained(image_step, gated().requires_grad_(False))
    partly = gated()
    partly.layers.requires_grad_(False)
    assert trained(image_step, partly).finished  # a part that is frozen is no harm


def test_a_loss_without_a_way_back_to_the_weights_is_answered_with_a_sentence(own_messages):
    def step(model, levels):
        return {"loss": image_step(model, levels)["loss"].detach()}

    with pytest.raises(ValueError, match="does not depend on any weight that is trained"):
        trained(step)


@DYNAMO
def test_a_vae_step_takes_a_compiled_vae(own_messages):
    model = GaussianVAE(size=(4, 4), n_channels=2)
    torch.manual_seed(0)
    plain = vae_step(model, LEVELS)
    torch.manual_seed(0)
    torch.testing.assert_close(vae_step(compiled(model), LEVELS), plain)
