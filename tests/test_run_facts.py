"""What a run is stands with its weights: shape, levels, labels and name of the data."""

from __future__ import annotations

import json

import matplotlib.image
import pytest
import torch

from tutorial_lib import cli, data
from tutorial_lib.codes.run_facts import RunFacts, facts_from_json, label_named
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.data import catalog
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.recipes import two_stage as recipes
from tutorial_lib.recipes.image_model import build_model
from tutorial_lib.recipes.pretrained import (
    CLASSES,
    load_pretrained,
    load_run,
    load_weights,
    save_weights,
)
from tutorial_lib.recipes.settings import (
    MODELS,
    ImageModelRecipe,
    PriorSettings,
    TwoStageSettings,
    VQVAESettings,
)
from tutorial_lib.recipes.weights_shelf import available
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors
from tutorial_lib.training.config import FitConfig

BRIEF = FitConfig(epochs=1, batch_size=4)
TINY = TwoStageSettings(
    VQVAESettings(n_codes=5, code_dim=2, n_channels=4, n_blocks=0, fit=BRIEF),
    PriorSettings(n_channels=4, n_layers=1, fit=BRIEF),
)
SHAPES = {
    "64x64 in colour": ((3, 64, 64), 4, ("cat", "dog", "eel")),
    "32x32": ((1, 32, 32), 2, ("zero", "one")),
    "16x24 without labels": ((1, 16, 24), 3, ()),
}


def pictures(shape, n_levels, class_names, n=8):
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(n_levels, (n, *shape), generator=generator).to(torch.uint8)
    labels = torch.arange(n) % len(class_names) if class_names else torch.full((n,), -1)
    split = data.Split(levels, labels)
    return data.ImageDataset("own pictures", split, split, split, n_levels, class_names)


@pytest.fixture(scope="module", params=SHAPES.values(), ids=SHAPES)
def finished_run(request, tmp_path_factory):
    """(folder, data set) of a run on images of another shape than 28x28."""
    out, dataset = tmp_path_factory.mktemp("run"), pictures(*request.param)
    recipes.train_two_stage(dataset, TINY, out, progress=False)
    return out, dataset


def test_the_facts_of_a_run_are_in_its_weights_and_in_its_result(finished_run):
    out, dataset = finished_run
    expected = dataset.facts
    assert expected.shape == tuple(dataset.train.levels.shape[1:]) and expected.n_dims == 2
    for file in ("vqvae.safetensors", "two-stage.safetensors"):
        assert load_weights(out / file).facts == expected
        assert read_tensors(out / file)[1]["facts"]["n_dims"] == 2
    assert load_run(out).facts == expected
    assert facts_from_json(json.loads((out / "result.json").read_text())["facts"]) == expected


def test_a_grid_of_a_run_has_the_shape_of_its_images(finished_run, tmp_path):
    out, dataset = finished_run
    grid = tmp_path / "grid.png"
    n_rows = len(dataset.class_names) or 2
    options = ["--n", str(2 * n_rows), "--pixels", "sample", "--out", str(grid)]
    cli.main(["sample", "--run", str(out), *options])
    height, width = dataset.train.levels.shape[2:]
    picture = matplotlib.image.imread(grid)[..., :3]
    assert picture.shape[:2] == (4 * (n_rows * (height + 1) - 1), 4 * (2 * (width + 1) - 1))
    is_grey = bool((picture == picture[..., :1]).all())
    assert is_grey == (dataset.train.levels.shape[1] == 1)


def test_a_run_of_an_earlier_version_is_told_by_its_result_or_asked_for_its_shape(
    finished_run, tmp_path, capsys
):
    out, dataset = finished_run
    tensors, header = read_tensors(out / "two-stage.safetensors")
    header.pop("facts")
    write_tensors(tmp_path / "two-stage.safetensors", tensors, header)
    assert load_run(tmp_path).facts is None
    with pytest.raises(SystemExit) as exit_:
        cli.main(["sample", "--run", str(tmp_path), "--n", "1"])
    told = capsys.readouterr().err
    assert exit_.value.code == 2 and "--shape" in told and "28" not in told
    height, width = dataset.train.levels.shape[2:]
    options = ["--n", "1", "--shape", f"{height}x{width}", "--out", str(tmp_path / "grid.png")]
    if dataset.class_names:
        options += ["--label", "1"]
    cli.main(["sample", "--run", str(tmp_path), *options])
    assert matplotlib.image.imread(tmp_path / "grid.png").shape[:2] == (4 * height, 4 * width)
    (tmp_path / "result.json").write_text(json.dumps({"dataset": "cifar10"}))
    assert load_run(tmp_path).facts.shape == (3, 32, 32)


def test_all_shipped_weights_know_their_data_though_their_files_are_older():
    for name in available():
        facts = load_pretrained(name).facts
        assert facts.dataset in data.names()
        assert facts.shape == catalog.describe(facts.dataset).example_shape
        assert bool(facts.class_names) == (facts.dataset != "binarized-mnist")
    assert load_pretrained("two-stage-fashion-mnist-16").vqvae.facts.n_levels == 16


def test_a_model_made_by_hand_does_not_guess_a_shape(own_messages):
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=3, code_dim=2, n_channels=4)
    prior = GatedPixelCNN(n_levels=3, n_channels=4, n_layers=1, ordered=False)
    model = TwoStageModel(vqvae, prior).eval()
    with pytest.raises(ValueError, match=r"shape=\(height, width\)"):
        model.sample(1)
    assert model.sample(1, shape=(8, 12)).shape == (1, 1, 8, 12)
    model.facts = RunFacts("own", (1, 12, 8), 2)
    assert model.sample(1).shape == (1, 1, 12, 8)


def test_a_recipe_may_name_every_class_of_weights():
    assert MODELS == tuple(CLASSES)


def test_models_of_pixels_know_their_data_too(tmp_path):
    dataset = pictures((1, 6, 8), 2, ("a", "b"))
    recipe = ImageModelRecipe("t", "own", 2, BRIEF, arguments={"n_channels": 4, "n_layers": 1})
    save_weights(tmp_path / "w.safetensors", build_model(recipe, dataset))
    assert load_weights(tmp_path / "w.safetensors").facts == dataset.facts


@pytest.mark.parametrize(
    "facts",
    [
        {"dataset": "own", "shape": [3, 8, 8], "n_levels": 2, "class_names": []},
        {"dataset": "own", "shape": [1, 8, 8], "n_levels": 3, "class_names": []},
        {"dataset": "own", "shape": [1, 8], "n_levels": 2, "class_names": []},
        {"dataset": "own", "shape": [1, 8, 0], "n_levels": 2, "class_names": []},
        {"dataset": "own", "shape": "1x8x8", "n_levels": 2, "class_names": []},
        {"shape": [1, 8, 8], "n_levels": 2, "class_names": []},
        ["own"],
    ],
)
def test_facts_that_are_none_or_fit_another_model_are_refused(tmp_path, own_messages, facts):
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=3, code_dim=2, n_channels=4)
    vqvae.facts = RunFacts("own", (1, 8, 8), 2)
    save_weights(tmp_path / "m.safetensors", vqvae)
    assert load_weights(tmp_path / "m.safetensors").facts == vqvae.facts
    tensors, header = read_tensors(tmp_path / "m.safetensors")
    write_tensors(tmp_path / "m.safetensors", tensors, {**header, "facts": facts})
    with pytest.raises(CheckpointError, match="the facts in"):
        load_weights(tmp_path / "m.safetensors")


NAMES = ("T-shirt/top", "Dress", "7")


@pytest.mark.parametrize(("text", "label"), [("dress", 1), ("DRESS", 1), ("2", 2), ("7", 2)])
def test_a_label_is_named_by_its_class_or_its_number(text, label):
    assert label_named(text, 3, NAMES) == label


@pytest.mark.parametrize(
    ("text", "told"), [("dres", "Did you mean 'Dress'"), ("3", "0 .. 2"), ("-1", "0 .. 2")]
)
def test_a_label_that_is_none_is_answered_with_the_classes(text, told):
    with pytest.raises(ValueError, match=told) as caught:
        label_named(text, 3, NAMES)
    assert "1 Dress" in str(caught.value)


def test_a_label_of_a_model_without_labels_is_refused():
    with pytest.raises(ValueError, match="trained without labels"):
        label_named("0", None, ())
