"""The named long runs: every recipe takes a few steps here, on a few images."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import pytest
import torch
from few import few

from tutorial_lib import cli, data, profiles
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.pixels.influence import influence_matrix
from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.recipes import image_model as image_models
from tutorial_lib.recipes import reproduction as reproduce
from tutorial_lib.recipes.image_model import evaluate_image_model
from tutorial_lib.recipes.named import RECIPES
from tutorial_lib.recipes.pretrained import CLASSES, load_weights
from tutorial_lib.recipes.settings import ImageModelRecipe
from tutorial_lib.recipes.two_stage import evaluate_two_stage
from tutorial_lib.training.config import FitConfig

EACH = pytest.mark.parametrize("name", RECIPES)
OF_PIXELS = [name for name, r in RECIPES.items() if isinstance(r.cpu, ImageModelRecipe)]
TWO_STAGE = [name for name in RECIPES if name not in OF_PIXELS]
EACH_OF_PIXELS = pytest.mark.parametrize("name", OF_PIXELS)


def random_images(n, n_levels, n_classes, seed):
    noise = torch.Generator().manual_seed(seed)
    levels = torch.randint(n_levels, (n, 1, 28, 28), generator=noise, dtype=torch.uint8)
    labels = torch.arange(n) % n_classes if n_classes else torch.full((n,), -1)
    return Split(levels, labels)


def small_dataset(name):
    """Random images in the levels and classes of the data set of that name."""
    n_levels, n_classes = (2, 0) if name == "binarized-mnist" else (256, 10)
    splits = (random_images(n, n_levels, n_classes, n) for n in (100, 40, 41))
    return ImageDataset(name, *splits, n_levels, tuple(map(str, range(n_classes))))


def fits_of(recipe):
    """The trainings of a recipe: one, or one for each stage."""
    if isinstance(recipe, ImageModelRecipe):
        return [recipe.fit]
    return [recipe.settings.vqvae.fit, recipe.settings.prior.fit]


@pytest.fixture(autouse=True)
def small_data(monkeypatch):
    monkeypatch.setattr(data, "load", small_dataset)


TINY = ImageModelRecipe(
    title="tiny",
    dataset="binarized-mnist",
    n_levels=2,
    arguments={"n_channels": 4, "n_layers": 1},
    fit=FitConfig(epochs=2, batch_size=20, learning_rate=0.01),
)


# ------------------------------------------------------------------------------- every recipe


FOR_A_CPU = [name for name in OF_PIXELS if not name.endswith("-gpu")]


@pytest.mark.parametrize(
    "name", few([*FOR_A_CPU, *sorted({*OF_PIXELS} - {*FOR_A_CPU})], len(FOR_A_CPU))
)
def test_every_recipe_takes_a_few_steps_and_says_what_it_did(name, tmp_path):
    folder, history, result = reproduce.reproduce(name, tmp_path, smoke=True, progress=False)
    assert history.finished and result["steps"] == history.step >= 3
    assert json.loads((folder / "result.json").read_text()) == json.loads(json.dumps(result))
    model = load_weights(folder / "weights.safetensors")
    assert result["parameters"] == sum(p.numel() for p in model.parameters())
    assert result["provenance"]["torch"] == torch.__version__
    recipe = RECIPES[name].cpu
    dataset = small_dataset(recipe.dataset).with_n_levels(recipe.n_levels)
    again = evaluate_image_model(
        model, dataset.test.subset(result["test"]["images"]), by_label=recipe.by_label
    )
    assert again == pytest.approx(result["test"], rel=1e-4)


@pytest.mark.parametrize("name", TWO_STAGE)
def test_every_recipe_of_two_stages_trains_both_and_says_what_they_cost(name, tmp_path):
    folder, history, result = reproduce.reproduce(name, tmp_path, smoke=True, progress=False)
    assert history.finished and result["n_levels"] == RECIPES[name].cpu.n_levels
    assert json.loads((folder / "result.json").read_text()) == json.loads(json.dumps(result))
    model = load_weights(folder / "two-stage.safetensors")
    dataset = small_dataset(RECIPES[name].cpu.dataset).with_n_levels(result["n_levels"])
    split = dataset.test.subset(result["test"]["images"])
    assert evaluate_two_stage(model, split) == pytest.approx(result["test"], rel=1e-4)


@EACH_OF_PIXELS
@pytest.mark.parametrize("preset", ("cpu", "gpu"))
def test_every_recipe_builds_a_causal_model_of_its_data(name, preset):
    recipe = getattr(RECIPES[name], preset)
    dataset = small_dataset(recipe.dataset).with_n_levels(recipe.n_levels)
    model = image_models.build_model(recipe, dataset)
    assert isinstance(model, CLASSES[recipe.model]) and model.n_levels == recipe.n_levels
    if not recipe.by_label and recipe.model != "GaussianVAE":
        reads = influence_matrix(model, 3, 4, n_probes=1)
        assert torch.equal(reads, reads.tril(-1))


@EACH
def test_precision_is_what_the_device_is_fast_in_and_minutes_can_be_set(name, monkeypatch):
    monkeypatch.setattr(profiles, "fast_precision", lambda: "bf16")
    for fit in fits_of(reproduce.recipe_named(name, minutes=2.5)):
        assert (fit.precision, fit.minutes) == ("bf16", 2.5)
    as_it_is = fits_of(reproduce.recipe_named(name, preset="cpu"))
    assert [f.minutes for f in as_it_is] == [f.minutes for f in fits_of(RECIPES[name].cpu)]


@EACH
def test_a_preset_is_chosen_by_the_device_or_by_name(name, monkeypatch):
    presets = RECIPES[name]
    for has_gpu, expected in ((False, presets.cpu), (True, presets.gpu)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda has_gpu=has_gpu: has_gpu)
        monkeypatch.setattr(profiles, "fast_precision", lambda: "bf16")
        found = reproduce.recipe_named(name)
        assert fits_of(found) == [replace(fit, precision="bf16") for fit in fits_of(expected)]
    assert fits_of(reproduce.recipe_named(name, preset="cpu"))[0].epochs == (
        fits_of(presets.cpu)[0].epochs
    )


def test_a_preset_for_another_machine_is_refused():
    with pytest.raises(ValueError, match="preset must be one of 'cpu', 'gpu', got 'tpu'"):
        reproduce.recipe_named("pixelcnn-cpu", preset="tpu")


def test_an_unknown_recipe_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="no recipe named 'pixelcnn'.* There are: pixelcnn-cpu, "):
        reproduce.reproduce("pixelcnn")


# ------------------------------------------------------------------------------ image models


def test_held_out_numbers_are_means_over_all_images():
    """41 images in batches that do not divide them, against one batch in float64 by hand."""
    dataset = small_dataset("binarized-mnist")
    model = image_models.build_model(TINY, dataset)
    found = evaluate_image_model(model, dataset.test)
    levels = dataset.test.levels.long()
    with torch.inference_mode():
        nats = nll_nats(model.double()(levels), levels).mean().item()
    assert found["images"] == 41
    assert found["nats_per_image"] == pytest.approx(nats, rel=1e-5)
    assert found["bits_per_dim"] == pytest.approx(nats / 784 / 0.6931471805599453, rel=1e-5)


def test_a_run_that_was_stopped_goes_on_and_one_that_is_finished_is_only_scored(tmp_path):
    dataset, step = small_dataset("binarized-mnist"), image_models.image_step

    def stopped(model, levels):
        signal.raise_signal(signal.SIGINT)
        return step(model, levels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_models, "image_step", stopped)
        history, result = image_models.train_image_model(TINY, dataset, tmp_path, progress=False)
    assert (history.step, result) == (1, {}) and not (tmp_path / "result.json").exists()
    history, result = image_models.train_image_model(TINY, dataset, tmp_path, progress=False)
    assert history.step == 10 and result["epochs"] == 2.0
    again, same = image_models.train_image_model(TINY, dataset, tmp_path, progress=False)
    assert again.step == 10 and same["test"] == result["test"]


def test_a_recipe_by_label_tells_the_model_the_class(tmp_path):
    recipe = ImageModelRecipe(
        title="by label",
        dataset="fashion-mnist",
        n_levels=4,
        arguments={"n_channels": 4, "n_layers": 1},
        by_label=True,
        fit=FitConfig(epochs=1, batch_size=50),
    )
    dataset = small_dataset("fashion-mnist").with_n_levels(4)
    _, result = image_models.train_image_model(recipe, dataset, tmp_path, progress=False)
    assert load_weights(tmp_path / "weights.safetensors").n_classes == 10
    assert result["by_label"] is True


# -------------------------------------------------------------------------------- the command


def test_the_command_prints_held_out_numbers_and_where_the_files_are(tmp_path, capsys):
    out = tmp_path / "run"
    cli.main(["reproduce", "pixelcnn-cpu", "--profile", "smoke", "--out", str(out)])
    printed = capsys.readouterr().out
    assert "3 steps" in printed and "nats per image" in printed and str(out) in printed
    assert (out / "result.json").exists()


def test_the_command_lists_the_recipes(capsys):
    cli.main(["reproduce", "list"])
    printed = capsys.readouterr().out
    assert all(f"{name} " in printed for name in RECIPES)


def test_the_command_refuses_an_unknown_name_in_one_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["reproduce", "pixelcnn-tpu"])
    assert stopped.value.code == 2
    assert "error: no recipe named 'pixelcnn-tpu'" in capsys.readouterr().err


# ---------------------------------------------------------------------------- levels, precision


def test_levels_are_put_together_in_equal_groups():
    dataset = small_dataset("fashion-mnist")
    coarse = dataset.with_n_levels(16)
    assert coarse.n_levels == 16 and torch.equal(coarse.test.labels, dataset.test.labels)
    assert torch.equal(coarse.train.levels, dataset.train.levels // 16)
    assert torch.equal(dataset.with_n_levels(2).valid.levels, (dataset.valid.levels > 127).byte())
    assert torch.equal(dataset.with_n_levels(256).test.levels, dataset.test.levels)


EQUAL_GROUPS = "has 256 levels, which cannot be put into {} equal groups"


@pytest.mark.parametrize(
    ("n_levels", "message"),
    [
        (3, EQUAL_GROUPS.format(3)),
        (512, EQUAL_GROUPS.format(512)),
        (1, "n_levels must be at least 2, got 1"),
        (2.0, "n_levels must be an integer, got 2.0"),
    ],
)
def test_groups_that_cannot_be_equal_are_refused(own_messages, n_levels, message):
    with pytest.raises((ValueError, TypeError), match=message):
        small_dataset("fashion-mnist").with_n_levels(n_levels)


@pytest.mark.parametrize(
    ("capabilities", "precision"), [({"avx512_bf16": True}, "bf16"), ({"avx2": True}, "no")]
)
def test_bfloat16_is_used_only_where_the_processor_has_it(monkeypatch, capabilities, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert profiles.fast_precision() == precision
