"""Apple's GPU has no float64: a sentence says so where work begins, and not an error deep inside.

There is no such machine here, so the CPU is taken for one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tutorial_lib import profiles
from tutorial_lib.codes.code_prior import CodePrior
from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.data import Split
from tutorial_lib.pixels import full_precision
from tutorial_lib.pixels.bayes import label_log_likelihoods
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import nll_nats, total_probability
from tutorial_lib.recipes import doctor
from tutorial_lib.recipes.image_model import evaluate_image_model, image_step
from tutorial_lib.recipes.two_stage import evaluate_two_stage, extract_codes
from tutorial_lib.sampling.ancestral import draw, sample, sample_rows
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit
from tutorial_lib.training.measures import evaluate

SMALL = {"n_channels": 4, "n_layers": 1, "kernel_size": 3}
LEVELS = torch.zeros(4, 1, 4, 4, dtype=torch.long)
SPLIT = Split(LEVELS.byte(), torch.zeros(4, dtype=torch.long))


def gated(**changes):
    return GatedPixelCNN(**SMALL, **changes)


def vqvae():
    return VQVAE(in_channels=1, n_levels=2, n_codes=4, code_dim=2, n_channels=4)


def two_stage():
    return TwoStageModel(vqvae(), CodePrior(n_dims=2, n_codes=4, **SMALL)).eval()


def vae():
    return GaussianVAE(size=(4, 4), n_channels=2)


CALLS = {
    "sample": lambda: sample(gated(), (1, 1, 2, 2)),
    "sample_rows": lambda: next(sample_rows(gated(), (1, 1, 2, 2))),
    "draw": lambda: draw(torch.zeros(1, 2), torch.zeros(1)),
    "fit": lambda: fit(gated(), image_step, (LEVELS,), FitConfig(batch_size=2), progress=False),
    "evaluate": lambda: evaluate(gated(), image_step, (LEVELS,)),
    "evaluate_image_model": lambda: evaluate_image_model(gated(), SPLIT),
    "evaluate_two_stage": lambda: evaluate_two_stage(two_stage(), SPLIT),
    "loss of pixels": lambda: image_step(gated(), LEVELS),
    "loss of a VQ-VAE": lambda: vqvae()(LEVELS),
    "loss of a VAE": lambda: vae()(LEVELS),
    "nll_nats": lambda: nll_nats(torch.zeros(1, 2, 3), torch.zeros(1, 3).long()),
    "nearest_code": lambda: nearest_code(torch.zeros(1, 2), torch.zeros(3, 2)),
    "extract_codes": lambda: extract_codes(vqvae(), LEVELS),
    "label_log_likelihoods": lambda: label_log_likelihoods(gated(n_classes=2), LEVELS),
    "total_probability": lambda: total_probability(gated(), 1, 1),
    "two-stage sample": lambda: two_stage().sample(1, shape=(4, 4)),
    "two-stage terms": lambda: two_stage().terms(LEVELS),
    "VAE sample": lambda: vae().sample(1),
    "sound codes": lambda: CodePrior(n_dims=1, n_codes=4, **SMALL).sample(1, (3,)),
    "clip codes": lambda: CodePrior(n_dims=3, n_codes=4, **SMALL).sample(1, (1, 2, 2)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_model_moved_to_apples_gpu_is_answered_with_a_sentence(call, monkeypatch):
    call()  # which is right elsewhere
    monkeypatch.setattr(full_precision, "WITHOUT_FLOAT64", ("cpu",))
    with pytest.raises(ValueError, match=r"on cpu: Apple's GPU is not used here.*\.to\(.cpu.\)"):
        call()


def test_the_name_of_the_device_is_apples():
    with pytest.raises(ValueError, match="on mps:0: Apple's GPU"):
        full_precision.require_float64(torch.device("mps", 0))
    for name in ("cpu", "cuda"):
        full_precision.require_float64(torch.device(name))


def test_models_run_on_the_cpu_there_and_doctor_says_why(monkeypatch):
    assert "Apple" not in doctor.check_device().fact
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert profiles.device().type == "cpu"
    finding = doctor.check_device()
    assert "Apple's GPU is not used: it has no float64" in finding.fact
    assert not finding.advice  # nothing is wrong with that machine


def test_the_readme_says_so_too():
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    assert "Apple's GPU is not used" in " ".join(readme.split())
