"""float16 with a scaled loss: a step that overflows is routine, a loss that is no number is not.

The weight of `line` has the gradient 1; times the first scale, 65536, that is more than float16
holds. So the first step of its training is left out, and the second is taken.
"""

from __future__ import annotations

import math
import signal

import pytest
import torch
from pretended_gpu import pretended_gpu
from torch import nn

from tutorial_lib import profiles
from tutorial_lib.recipes.named import RECIPES, Presets
from tutorial_lib.recipes.reproduction import recipe_named
from tutorial_lib.recipes.settings import presets
from tutorial_lib.training.checkpoint import read_tensors
from tutorial_lib.training.config import FitConfig, TrainingDiverged, learning_rate_at
from tutorial_lib.training.loop import fit
from tutorial_lib.training.run import RunningAverage

CONFIG = FitConfig(epochs=2, batch_size=4, learning_rate=0.1, precision="fp16")
N_STEPS = 6
QUIET = {"progress": False, "save_every_seconds": 1e9}
DATA = (torch.ones(12, 1),)


def line():
    """One weight, which begins at 0."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def overflowing(model, x):
    return {"loss": model(x).float().mean()}


def with_float32(**changes):
    return FitConfig(**{**vars(CONFIG), "precision": "no", **changes})


# ------------------------------------------------------------------------ a step that is left out


def test_a_step_in_which_float16_overflows_is_left_out_and_is_no_divergence():
    """With a gradient of one sign, Adam moves by its rate in every step that is taken."""
    model = line()
    history = fit(model, overflowing, DATA, CONFIG, log_every=1, **QUIET)
    assert history.finished and history.skipped == 1
    rates = [learning_rate_at(step, N_STEPS, CONFIG) for step in range(N_STEPS)]
    assert model.weight.item() == pytest.approx(-sum(rates[1:]), rel=1e-3)
    assert all(math.isfinite(row["loss"]) for row in history.rows)


def test_in_float32_nothing_overflows():
    model = line()
    assert fit(model, overflowing, DATA, with_float32(), **QUIET).skipped == 0
    rates = [learning_rate_at(step, N_STEPS, CONFIG) for step in range(N_STEPS)]
    assert model.weight.item() == pytest.approx(-sum(rates), rel=1e-3)


def test_the_mean_of_the_weights_takes_in_no_step_that_was_left_out(monkeypatch):
    taken = []
    monkeypatch.setattr(RunningAverage, "update", lambda self, step: taken.append(step))
    fit(line(), overflowing, DATA, FitConfig(**{**vars(CONFIG), "average": 0.5}), **QUIET)
    assert taken == list(range(1, N_STEPS))


def test_gradients_are_clipped_in_their_own_size_not_in_that_of_the_scaled_loss(monkeypatch):
    """Plain gradient descent in Adam's place shows the gradient that arrives: 1 cut to 0.25."""
    monkeypatch.setattr(torch.optim, "AdamW", lambda p, lr, **_: torch.optim.SGD(p, lr=lr))
    model = line()
    fit(model, overflowing, DATA, FitConfig(**{**vars(CONFIG), "clip_norm": 0.25}), **QUIET)
    rates = sum(learning_rate_at(step, N_STEPS, CONFIG) for step in range(1, N_STEPS))
    assert model.weight.item() == pytest.approx(-0.25 * rates, rel=1e-3)


# ------------------------------------------------------------------------------------- divergence


def broken_in(step, *, value):
    taken = 0

    def counted(model, x):
        nonlocal taken
        taken += 1
        loss = overflowing(model, x)["loss"]
        return {"loss": loss * value if taken >= step else loss}

    return counted


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run_and_leaves_no_checkpoint(tmp_path, value):
    with pytest.raises(TrainingDiverged, match=f"in step 2 of {N_STEPS} .*seen after step 3,"):
        fit(line(), broken_in(2, value=value), DATA, CONFIG, out=tmp_path, log_every=9, **QUIET)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_gradients_that_overflow_at_every_scale_end_the_run():
    """The root of 0 is a finite loss of infinite slope: no scale is small enough."""

    def rooted(model, x):
        return {"loss": (0 * model(x)).abs().float().sqrt().sum()}

    config = FitConfig(**{**vars(CONFIG), "epochs": 20})
    with pytest.raises(
        TrainingDiverged, match="gradients overflow float16, although .* by 3.1e-05"
    ):
        fit(line(), rooted, DATA, config, log_every=1000, **QUIET)


# ----------------------------------------------------------------------------- stopped and resumed


def stopping(step, after):
    taken = 0

    def counted(model, x):
        nonlocal taken
        taken += 1
        if taken == after:
            signal.raise_signal(signal.SIGINT)
        return step(model, x)

    return counted


@pytest.mark.parametrize("after", [1, 2, 5])
def test_a_stopped_run_goes_on_with_its_scale_and_ends_on_the_same_weights(tmp_path, after):
    alone, again = line(), line()
    history = fit(alone, overflowing, DATA, CONFIG, **QUIET)
    fit(line(), stopping(overflowing, after), DATA, CONFIG, out=tmp_path, **QUIET)
    _, header = read_tensors(tmp_path / "checkpoint.safetensors")
    assert header["scaler"]["scale"] == 2**15
    resumed = fit(again, overflowing, DATA, CONFIG, out=tmp_path, **QUIET)
    assert torch.equal(again.weight, alone.weight)
    assert resumed.skipped == history.skipped == 1


# ------------------------------------------------------------------------------ waits, by the step


@pytest.mark.parametrize(("precision", "waits"), [("no", 0), ("bf16", 0), ("fp16", 1)])
def test_between_two_rows_a_step_waits_for_the_gpu_in_float16_alone_and_once(precision, waits):
    """The loss is looked at when a row is due; whether a step was left out, in each."""
    config, counts = FitConfig(epochs=1, batch_size=4, precision=precision, average=0.5), []
    for n_steps in (3, 15):
        with pretended_gpu(half="bf16") as card:
            examples = (torch.ones(4 * n_steps, 1),)
            history = fit(line(), overflowing, examples, config, log_every=1000, **QUIET)
            counts.append(sum(card.waits.values()))
        assert history.step == n_steps
    assert counts[1] - counts[0] == waits * 12


def test_a_row_in_every_step_waits_in_every_step():
    """The probe of the test above can fail."""
    with pretended_gpu() as card:
        fit(line(), overflowing, DATA, with_float32(), log_every=1, **QUIET)
    assert card.waits["tolist"] >= N_STEPS


# --------------------------------------------------------------------------- chosen by the machine


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((6, 1), "no"), ((7, 0), "fp16"), ((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")],
)
def test_a_gpu_without_bfloat16_gets_float16_and_never_an_imitation(
    monkeypatch, capability, precision
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)  # imitations count
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
    assert profiles.fast_precision() == precision


def fits_of(recipe):
    stages = [recipe] if hasattr(recipe, "fit") else vars(recipe.settings).values()
    return [stage.fit for stage in stages]


def test_every_preset_and_recipe_trains_in_the_precision_of_the_machine(monkeypatch):
    monkeypatch.setattr(profiles, "fast_precision", lambda: "fp16")
    for profile in ("laptop", "gpu"):
        assert {stage.fit.precision for stage in vars(presets(profile)).values()} == {"fp16"}
    assert {stage.fit.precision for stage in vars(presets("smoke")).values()} == {"no"}
    for name in RECIPES:
        assert {fit.precision for fit in fits_of(recipe_named(name))} == {"fp16"}


def test_a_recipe_asks_no_gpu_before_it_is_run(monkeypatch):
    """What is made when the module is loaded knows no precision but float32."""
    recipes = [recipe for each in RECIPES.values() for recipe in vars(each).values()]
    assert isinstance(RECIPES["pixelcnn-cpu"], Presets) and recipes
    assert {fit.precision for recipe in recipes for fit in fits_of(recipe)} == {"no"}
