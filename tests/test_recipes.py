"""The two stages end to end, on garments small in number."""

import json
import math

import pytest
import torch

from tutorial_lib import data
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.recipes import two_stage as recipes
from tutorial_lib.recipes.pretrained import load_run, load_weights
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings, presets
from tutorial_lib.recipes.two_stage import evaluate_two_stage, train_two_stage
from tutorial_lib.training.config import FitConfig


@pytest.fixture(scope="module")
def garments():
    return recipes.cut_for_smoke(data.load("fashion-mnist-sample"), 64, 40)


@pytest.fixture(scope="module")
def finished_run(garments, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return out, train_two_stage(garments, presets("smoke"), out, progress=False)[1]


def test_a_run_leaves_weights_and_a_result_that_says_how_it_was_made(finished_run):
    out, result = finished_run
    stored = json.loads((out / "result.json").read_text())
    assert stored == json.loads(json.dumps(result))
    assert stored["settings"]["vqvae"]["n_codes"] == presets("smoke").vqvae.n_codes
    assert stored["training_images"] == 64 and stored["provenance"]["torch"] == torch.__version__


def test_the_bill_adds_up(finished_run):
    _, result = finished_run
    bill = result["test"]
    for prior in ("uniform", "prior"):
        parts = bill["decoder_bits_per_dim"] + bill[f"{prior}_rate_bits_per_dim"]
        assert bill[f"total_{prior}_bits_per_dim"] == pytest.approx(parts)
    assert bill["uniform_rate_bits_per_dim"] == pytest.approx(49 * math.log2(16) / 784)
    assert bill["bits_per_code_prior"] * 49 == pytest.approx(784 * bill["prior_rate_bits_per_dim"])


def test_evaluation_does_not_depend_on_how_the_images_are_batched(finished_run, garments):
    out, _ = finished_run
    model = load_run(out)
    whole, parts = (evaluate_two_stage(model, garments.test, batch_size=b) for b in (40, 7))
    assert whole == pytest.approx(parts, rel=1e-5)


def test_weights_read_back_give_the_result_that_was_stored(finished_run, garments):
    out, result = finished_run
    assert evaluate_two_stage(load_run(out), garments.test) == pytest.approx(
        result["test"], rel=1e-4
    )


def test_a_finished_run_is_not_trained_again(finished_run, garments):
    out, result = finished_run
    before = (out / "two-stage.safetensors").read_bytes()
    _, again = train_two_stage(garments, presets("smoke"), out, progress=False)
    assert again["training_minutes"] == result["training_minutes"]
    assert (out / "two-stage.safetensors").read_bytes() == before


def test_the_prior_is_trained_on_the_codes_of_a_frozen_vqvae(finished_run, garments):
    out, _ = finished_run
    frozen = load_weights(out / "vqvae.safetensors").state_dict()
    both = load_run(out).vqvae.state_dict()
    assert all(torch.equal(frozen[name], both[name]) for name in frozen)


def test_training_lowers_the_cost_of_held_out_codes(garments):
    """Stage two learns: after an epoch the prior is well under the uniform one."""
    torch.manual_seed(0)
    vqvae = VQVAE(in_channels=1, n_levels=256, n_codes=8, code_dim=4, n_channels=8).eval()
    settings = PriorSettings(
        n_channels=8, n_layers=2, fit=FitConfig(epochs=6, batch_size=16, learning_rate=1e-2)
    )
    prior, _ = recipes.train_prior(vqvae, garments, settings, progress=False)
    bill = evaluate_two_stage(TwoStageModel(vqvae, prior), garments.test)
    assert bill["bits_per_code_prior"] < 0.9 * bill["bits_per_code_uniform"]


def test_extracted_codes_are_those_of_each_image_in_order(garments):
    vqvae = VQVAE(in_channels=1, n_levels=256, n_codes=8, code_dim=4, n_channels=8).eval()
    levels = garments.test.levels[:10]
    one_by_one = [vqvae.encode_indices(x.long()[None])[0] for x in levels]
    assert torch.equal(recipes.extract_codes(vqvae, levels, batch_size=3), torch.stack(one_by_one))


def test_stage_two_without_stage_one_says_what_to_run(garments, tmp_path):
    with pytest.raises(FileNotFoundError, match="train vqvae --out"):
        recipes.add_prior(garments, presets("smoke").prior, tmp_path)


def test_every_profile_has_a_preset_and_another_name_is_refused():
    assert all(isinstance(presets(p), TwoStageSettings) for p in ("smoke", "laptop", "gpu"))
    with pytest.raises(ValueError, match="'fast'"):
        presets("fast")


def test_a_prior_over_other_codes_is_refused():
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=8, code_dim=4, n_channels=8)
    with pytest.raises(ValueError, match="n_levels=8"):
        TwoStageModel(vqvae, GatedPixelCNN(n_levels=7, n_channels=4, n_layers=1))


def test_drawn_images_and_extracted_codes_can_be_trained_on(finished_run, garments):
    """Tensors made in inference mode cannot be saved for a backward pass."""
    model = load_run(finished_run[0])
    for made in (model.sample(2, 1), recipes.extract_codes(model.vqvae, garments.test.levels[:2])):
        assert not made.is_inference()
