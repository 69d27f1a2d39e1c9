"""Nothing changes the mode of a user's model: not that of any part, nor when it fails."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

import tutorial_lib
from tutorial_lib.codes.code_prior import CodePrior
from tutorial_lib.codes.pixelcnn_autoencoder import PixelCNNAutoencoder
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.data import Split
from tutorial_lib.pixels.bayes import label_log_likelihoods
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.influence import influence_map, influence_matrix
from tutorial_lib.pixels.likelihood import total_probability
from tutorial_lib.pixels.modes import in_eval_mode
from tutorial_lib.recipes.image_model import evaluate_image_model, image_step
from tutorial_lib.recipes.two_stage import evaluate_two_stage, extract_codes
from tutorial_lib.sampling.ancestral import sample, sample_rows
from tutorial_lib.training.measures import evaluate, undisturbed

SMALL = {"n_channels": 4, "n_layers": 1, "kernel_size": 3}
LEVELS = torch.zeros(3, 1, 4, 4, dtype=torch.long)
SPLIT = Split(LEVELS.byte(), torch.zeros(3, dtype=torch.long))


def gated():
    return GatedPixelCNN(n_classes=2, **SMALL)


def vqvae():
    return VQVAE(in_channels=1, n_levels=2, n_codes=4, code_dim=2, n_channels=4)


def two_stage():
    return TwoStageModel(vqvae(), CodePrior(n_dims=2, n_codes=4, **SMALL))


def vae(**changes):
    return GaussianVAE(size=(4, 4), n_channels=2, **changes)


def first_row(model):
    return next(sample_rows(model, (1, 1, 2, 2), label=LABEL))


LABEL = torch.tensor([1])
CALLS = {
    "sample": (gated, lambda m: sample(m, (1, 1, 2, 2), label=LABEL)),
    "sample, naive": (gated, lambda m: sample(m, (1, 1, 2, 2), label=LABEL, method="naive")),
    "sample_rows, not to the end": (gated, first_row),
    "evaluate": (gated, lambda m: evaluate(m, image_step, (LEVELS, SPLIT.labels))),
    "evaluate_image_model": (gated, lambda m: evaluate_image_model(m, SPLIT, by_label=True)),
    "label_log_likelihoods": (gated, lambda m: label_log_likelihoods(m, LEVELS)),
    "total_probability": (
        lambda: GatedPixelCNN(**SMALL),
        lambda m: total_probability(m, 1, 2),
    ),
    "influence_matrix": (lambda: GatedPixelCNN(**SMALL), lambda m: influence_matrix(m, 2, 2)),
    "influence_map": (lambda: GatedPixelCNN(**SMALL), lambda m: influence_map(m, 2, 2, (1, 1))),
    "extract_codes": (vqvae, lambda m: extract_codes(m, LEVELS)),
    "encode_indices": (vqvae, lambda m: m.encode_indices(LEVELS)),
    "evaluate_two_stage": (two_stage, lambda m: evaluate_two_stage(m, SPLIT)),
    "two-stage sample": (two_stage, lambda m: m.sample(1, shape=(4, 4))),
    "sound codes": (
        lambda: CodePrior(n_dims=1, n_codes=4, **SMALL),
        lambda m: m.sample(1, (3,)),
    ),
    "clip codes": (
        lambda: CodePrior(n_dims=3, n_codes=4, **SMALL),
        lambda m: m.sample(1, (2, 2, 2)),
    ),
    "VAE sample": (vae, lambda m: m.sample(1)),
    "VAE with a PixelCNN": (lambda: vae(pixelcnn=SMALL), lambda m: m.sample(1)),
    "autoencoder": (
        lambda: PixelCNNAutoencoder(size=(4, 4), **SMALL),
        lambda m: m.sample(torch.zeros(1, 10)),
    ),
}


def mixed_modes(model):
    """Train mode with every third module in eval mode, or the other way round."""
    for i, module in enumerate(model.modules()):
        module.training = i % 3 > 0
    return model


def modes_of(model):
    return [module.training for module in model.modules()]


def state_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize(("make", "call"), CALLS.values(), ids=CALLS)
def test_a_call_leaves_the_modes_of_all_modules_and_all_numbers_as_they_were(make, call, top):
    model = mixed_modes(make())
    model.training = top
    modes, state = modes_of(model), state_of(model)
    assert True in modes and False in modes
    call(model)
    assert modes_of(model) == modes
    after = model.state_dict()
    assert [name for name in state if not torch.equal(after[name], state[name])] == []


class Broken(Exception):
    pass


@pytest.mark.parametrize(("make", "call"), CALLS.values(), ids=CALLS)
def test_a_call_that_fails_leaves_the_modes_as_they_were(make, call, monkeypatch):
    model = mixed_modes(make())
    modes = modes_of(model)

    def fail(*_, **__):
        raise Broken

    for name in ("conv2d", "conv_transpose2d", "linear", "embedding", "relu"):
        monkeypatch.setattr(nn.functional, name, fail)
    with pytest.raises(Broken):
        call(model)
    assert modes_of(model) == modes


def test_what_runs_inside_sees_eval_mode_everywhere():
    model = mixed_modes(gated())
    with in_eval_mode(model):
        assert not any(modes_of(model))


def test_to_put_the_top_ones_mode_back_would_not_do():
    """The probe can fail: train(training) moves all parts into one mode."""
    model = mixed_modes(gated())
    modes, was_training = modes_of(model), model.training
    model.eval()
    model.train(was_training)
    assert modes_of(model) != modes


def test_what_a_watcher_does_to_the_modes_is_taken_back():
    model = mixed_modes(gated())
    modes = modes_of(model)
    with undisturbed(model):
        model.eval()
    assert modes_of(model) == modes


MAY_SET_MODES = {
    "pixels/modes.py",  # puts them back
    "recipes/pretrained.py",  # of a model it has just built
    "training/run.py",  # fit says so
}


def test_no_other_file_of_the_library_sets_a_mode():
    """A new `.eval()` or `.train()` has to go through `in_eval_mode`."""
    found, library = set(), Path(tutorial_lib.__file__).parent
    for path in library.rglob("*.py"):
        if path.relative_to(library).parts[0] in ("exercises", "classroom"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("eval", "train"):
                    found.add(path.relative_to(library).as_posix())
    assert found == MAY_SET_MODES


def test_a_codebook_goes_on_learning_after_its_codes_were_extracted():
    """In eval mode it would stand still, and nobody would notice."""
    model = vqvae().train()
    extract_codes(model, LEVELS)
    before = model.quantizer.codebook.clone()
    model(torch.randint(2, (3, 1, 4, 4)))
    assert not torch.equal(model.quantizer.codebook, before)
