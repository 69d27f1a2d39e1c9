"""What both stages need is looked at before the first step of stage one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tutorial_lib import data
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.recipes import two_stage as recipes
from tutorial_lib.recipes.image_model import train_image_model
from tutorial_lib.recipes.pretrained import load_run
from tutorial_lib.recipes.settings import (
    ImageModelRecipe,
    PriorSettings,
    TwoStageSettings,
    VQVAESettings,
)
from tutorial_lib.training.checkpoint import CheckpointError
from tutorial_lib.training.config import FitConfig

BRIEF = FitConfig(epochs=1, batch_size=4)
TINY = TwoStageSettings(
    VQVAESettings(n_codes=5, code_dim=2, downsample=2, n_channels=4, n_blocks=0, fit=BRIEF),
    PriorSettings(n_channels=4, n_layers=1, fit=BRIEF),
)


def pictures(shape=(1, 8, 8), class_names=("a", "b"), sizes=(8, 4, 4)):
    def split(n):
        labels = torch.arange(n) % len(class_names) if class_names else torch.full((n,), -1)
        return data.Split((torch.rand(n, *shape) < 0.5).byte(), labels)

    return data.ImageDataset("own", *map(split, sizes), 2, class_names)


@pytest.fixture
def no_training(monkeypatch):
    """Any step of training is a failure."""

    def refuse(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr(recipes, "fit", refuse)
    monkeypatch.setattr("tutorial_lib.recipes.image_model.fit", refuse)


def prior(**changes):
    return replace(TINY, prior=replace(TINY.prior, **changes))


def longer_batches(stage):
    changed = replace(getattr(TINY, stage), fit=replace(BRIEF, batch_size=9))
    return replace(TINY, **{stage: changed})


REFUSED = {
    "labels asked for where there are none": (
        pictures(class_names=()),
        prior(by_label=True),
        "by_label must be False",
    ),
    "sounds": (pictures(shape=(1, 64)), TINY, "must hold images"),
    "clips": (pictures(shape=(1, 4, 8, 8)), TINY, "must hold images"),
    "an odd height": (pictures(shape=(1, 7, 8)), TINY, "downsample must divide"),
    "an odd width": (pictures(shape=(1, 8, 7)), TINY, "downsample must divide"),
    "batches of stage one": (pictures(), longer_batches("vqvae"), "batch_size must be at most 8"),
    "batches of stage two": (pictures(), longer_batches("prior"), "batch_size must be at most 8"),
    "no valid images": (pictures(sizes=(8, 0, 4)), TINY, "valid split is empty"),
    "no test images": (pictures(sizes=(8, 4, 0)), TINY, "test split is empty"),
}


@pytest.mark.parametrize(("dataset", "settings", "told"), REFUSED.values(), ids=REFUSED)
def test_what_a_stage_cannot_use_is_refused_before_the_first_step(
    no_training, tmp_path, dataset, settings, told
):
    with pytest.raises(ValueError, match=told):
        recipes.train_two_stage(dataset, settings, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_what_both_stages_can_use_begins(no_training, tmp_path):
    """The probe of the tests above sees a training that begins."""
    with pytest.raises(AssertionError, match="training began"):
        recipes.train_two_stage(pictures(), TINY, tmp_path, progress=False)


def test_a_folder_that_cannot_be_written_is_named_before_the_first_step(no_training, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("mine")
    for out in (in_the_way, in_the_way / "run"):
        with pytest.raises(OSError, match="file"):
            recipes.train_two_stage(pictures(), TINY, out, progress=False)
    assert in_the_way.read_text() == "mine"


def test_unlabelled_images_give_a_prior_without_labels(tmp_path):
    _, result = recipes.train_two_stage(pictures(class_names=()), TINY, tmp_path, progress=False)
    assert load_run(tmp_path).n_classes is None
    assert result["settings"]["prior"]["by_label"] is False


def test_labels_are_used_where_there_are_any_and_can_be_left_out(tmp_path):
    recipes.train_two_stage(pictures(), TINY, tmp_path / "with", progress=False)
    assert load_run(tmp_path / "with").n_classes == 2
    recipes.train_two_stage(pictures(), prior(by_label=False), tmp_path / "without", progress=False)
    assert load_run(tmp_path / "without").n_classes is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"n_channels": 6}, "  n_channels: the run has 4, you ask for 6"),
        ({"by_label": False}, "  n_classes: the run has 2, you ask for None"),
        ({"fit": replace(BRIEF, learning_rate=0.5)}, "learning_rate"),
    ],
)
def test_another_stage_two_in_the_folder_is_told_before_stage_one_goes_on(
    tmp_path, monkeypatch, changes, told
):
    recipes.train_two_stage(pictures(), TINY, tmp_path, progress=False)

    def refuse(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr(recipes, "fit", refuse)
    with pytest.raises(CheckpointError, match=told):
        recipes.train_two_stage(pictures(), prior(**changes), tmp_path, progress=False)
    with pytest.raises(AssertionError):  # the same settings go on
        recipes.train_two_stage(pictures(), TINY, tmp_path, progress=False)


def test_the_prior_of_a_vqvae_of_other_images_is_refused(no_training):
    vqvae = VQVAE(in_channels=1, n_levels=16, n_codes=5, code_dim=2, n_channels=4)
    with pytest.raises(ValueError, match="1 channels in 16 levels"):
        recipes.train_prior(vqvae, pictures(), TINY.prior, progress=False)


def test_a_model_of_pixels_asks_for_labels_and_held_out_images_first(no_training, tmp_path):
    arguments = {"n_channels": 4, "n_layers": 1}
    recipe = ImageModelRecipe("t", "own", 2, BRIEF, arguments=arguments, by_label=True)
    with pytest.raises(ValueError, match="have no labels"):
        train_image_model(recipe, pictures(class_names=()), tmp_path, progress=False)
    with pytest.raises(ValueError, match="test split is empty"):
        train_image_model(recipe, pictures(sizes=(8, 4, 0)), tmp_path, progress=False)
    with pytest.raises(AssertionError, match="training began"):
        train_image_model(recipe, pictures(), tmp_path, progress=False)


def test_weights_that_no_run_in_the_folder_made_are_not_overwritten(tmp_path):
    recipes.train_vqvae(pictures(), TINY.vqvae, out=tmp_path / "one", progress=False)
    weights = (tmp_path / "one" / "vqvae.safetensors").read_bytes()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "vqvae.safetensors").write_bytes(weights)
    with pytest.raises(CheckpointError, match="would be overwritten"):
        recipes.train_two_stage(pictures(), TINY, tmp_path / "two", progress=False)
    assert (tmp_path / "two" / "vqvae.safetensors").read_bytes() == weights
    recipes.add_prior(pictures(), TINY.prior, tmp_path / "two")  # to use them is fine
    recipes.train_vqvae(pictures(), TINY.vqvae, out=tmp_path / "one", progress=False)


def test_a_record_of_another_program_is_not_overwritten(tmp_path):
    metrics = tmp_path / "vqvae" / "metrics.jsonl"
    metrics.parent.mkdir()
    metrics.write_text('{"my": "notes"}\n')
    with pytest.raises(CheckpointError, match="is no record of a training"):
        recipes.train_vqvae(pictures(), TINY.vqvae, out=tmp_path, progress=False)
    assert metrics.read_text() == '{"my": "notes"}\n'
    metrics.write_text('{"step": 1, "epoch": 0.5}\n')  # of a run that died before it was saved
    recipes.train_vqvae(pictures(), TINY.vqvae, out=tmp_path, progress=False)
