"""Shipped weights, their JSON, and the tables made from it."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import results_table
import torch
from evaluate_weights import PRINTED, differences, held_out

from tutorial_lib import data
from tutorial_lib.data import Split
from tutorial_lib.pixels.influence import influence_matrix
from tutorial_lib.recipes import image_model as image_models
from tutorial_lib.recipes import pretrained
from tutorial_lib.recipes import two_stage as recipes
from tutorial_lib.recipes.reproduction import images_of

ROOT = Path(__file__).parents[1]
NAMES = pretrained.available()
RESULTS = results_table.load_results()
TWO_STAGE = [name for name in NAMES if RESULTS[name]["model"] == "two-stage"]
IMAGE_MODELS = [name for name in NAMES if RESULTS[name]["model"] != "two-stage"]


def images_for(name):
    """Emoji, or the embedded garments, in as many levels as the model knows."""
    is_emoji = RESULTS[name]["dataset"] == "emoji"
    return images_of("emoji" if is_emoji else "fashion-mnist-sample", RESULTS[name].get("n_levels"))


def test_there_are_shipped_weights():
    assert "two-stage-fashion-mnist" in NAMES


@pytest.mark.parametrize("name", results_table.FILES)
def test_tables_are_those_of_the_json_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert (
        results_table.with_table(text, results_table.tables(results_table.load_results())) == text
    )


def test_a_table_that_was_edited_by_hand_is_noticed():
    text = f"{results_table.BEGIN}\n| 3.1 |\n{results_table.END}"
    assert results_table.with_table(text, "| 3.2 |") != text


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_the_ones_the_json_speaks_of(name):
    result = json.loads((ROOT / "results" / f"{name}.json").read_text())
    weights = ROOT / "tutorial_lib" / "recipes" / "weights" / f"{name}.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == result["weights_sha256"]
    assert result["provenance"]["device"] and result["training_minutes"]


@pytest.mark.parametrize("name", TWO_STAGE)
def test_a_shipped_model_scores_held_out_images_as_its_json_says(name):
    """200 images of the embedded test sample against the mean over the full test set."""
    stored = json.loads((ROOT / "results" / f"{name}.json").read_text())["test"]
    split = images_for(name).test.subset(200, seed=1)
    bill = recipes.evaluate_two_stage(pretrained.load_pretrained(name), split)
    for key in ("decoder_bits_per_dim", "prior_rate_bits_per_dim"):
        assert bill[key] == pytest.approx(stored[key], rel=0.1)
    assert bill["prior_rate_bits_per_dim"] < 0.8 * bill["uniform_rate_bits_per_dim"]


@pytest.mark.parametrize("name", TWO_STAGE)
def test_the_right_label_makes_codes_cheaper_than_a_wrong_one(name):
    """The prior listens to its label."""
    split: Split = images_for(name).test.subset(100, seed=2)
    model = pretrained.load_pretrained(name)
    with torch.inference_mode():
        codes = model.vqvae.encode_indices(split.levels.long())
        right = model.prior_nll_nats(codes, split.labels).mean()
        wrong = model.prior_nll_nats(codes, (split.labels + 2) % model.n_classes).mean()
    assert right < wrong - 1


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_a_shipped_model_of_pixels_is_causal_and_has_the_parameters_its_json_says(name):
    model = pretrained.load_pretrained(name)
    assert sum(p.numel() for p in model.parameters()) == RESULTS[name]["parameters"]
    if not RESULTS[name]["by_label"] and RESULTS[name]["model"] != "GaussianVAE":
        reads = influence_matrix(model, 3, 4, n_probes=1)
        assert torch.equal(reads, reads.tril(-1)) and reads.any()


@pytest.mark.parametrize(
    "name", [n for n in IMAGE_MODELS if RESULTS[n]["dataset"] != "binarized-mnist"]
)
def test_a_shipped_model_of_pixels_scores_held_out_images_as_its_json_says(name):
    """100 images of the embedded test sample against the mean over the full test set."""
    stored = RESULTS[name]
    split = images_for(name).test.subset(100, seed=1)
    found = image_models.evaluate_image_model(
        pretrained.load_pretrained(name), split, by_label=stored["by_label"]
    )
    assert found["bits_per_dim"] == pytest.approx(stored["test"]["bits_per_dim"], rel=0.1)


@pytest.mark.parametrize("name", [n for n in RESULTS if RESULTS[n]["model"] != "two-stage"])
def test_nats_and_bits_of_a_result_are_the_same_number(name):
    test = RESULTS[name]["test"]
    n_dims = test["nats_per_image"] / test["bits_per_dim"] / math.log(2)
    wanted = 3072 if RESULTS[name]["dataset"] == "emoji" else 784
    assert n_dims == pytest.approx(wanted, rel=1e-6)


def test_a_number_that_differs_in_a_printed_digit_is_told_and_one_that_does_not_is_not():
    stored = {"nats_per_image": 84.991, "bits_per_dim": 0.15641}
    assert differences(stored, {"nats_per_image": 84.994, "bits_per_dim": 0.15639}) == []
    told = differences(stored, {"nats_per_image": 85.11, "bits_per_dim": 0.15641})
    assert told == ["nats_per_image: 84.99 in results/, 85.11 now"]


@pytest.mark.parametrize("name", NAMES)
def test_everything_the_tables_print_of_shipped_weights_is_scored_again(monkeypatch, name):
    """The command behind `make results`, on 20 images."""
    few = few_images_like(name)
    monkeypatch.setattr(data, "load", lambda _: few)
    found = held_out(name, RESULTS[name], ("test",))["test"]
    assert found.keys() == RESULTS[name]["test"].keys() and found["images"] == 20
    printed = {key for key in PRINTED if key in found}
    assert printed and all(math.isfinite(found[key]) for key in printed)


def few_images_like(name):
    if RESULTS[name]["dataset"] == "binarized-mnist":
        zeros = Split(torch.zeros(20, 1, 28, 28, dtype=torch.uint8), torch.full((20,), -1))
        return data.ImageDataset("binarized-mnist", zeros, zeros, zeros, 2, ())
    images = data.load("emoji" if RESULTS[name]["dataset"] == "emoji" else "fashion-mnist-sample")
    return replace(images, test=images.test.subset(20))
