"""A finished run is made longer; what must still agree is told in few lines."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

from tutorial_lib import cli, data
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.recipes import two_stage as recipes
from tutorial_lib.recipes.image_model import image_step
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings, VQVAESettings
from tutorial_lib.training import run as training_run
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors
from tutorial_lib.training.config import FitConfig, learning_rate_at
from tutorial_lib.training.loop import fit

CONFIG = FitConfig(epochs=2, batch_size=4, learning_rate=0.1)
LONGER = replace(CONFIG, epochs=5)
DATA = (torch.zeros(20, 1),)  # five steps an epoch
QUIET = {"progress": False, "save_every_seconds": 1e9}


class Number(nn.Module):
    """One weight: enough to follow an optimiser by hand."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))


def falling_step(model, x):
    """A loss whose gradient at w is always 1: Adam moves w by its rate."""
    return {"loss": model.w.sum() + 0 * x.sum()}


def stopping(step, after):
    taken = 0

    def counted(model, *batch):
        nonlocal taken
        taken += 1
        if taken == after:
            signal.raise_signal(signal.SIGINT)
        return step(model, *batch)

    return counted


def train(out, config, step=falling_step, **options):
    model = Number()
    return model, fit(model, step, DATA, config, out=out, **QUIET, **options)


# ------------------------------------------------------------------------------------ more epochs


def test_the_added_steps_take_the_rates_that_the_longer_run_has_from_there_on(tmp_path):
    train(tmp_path, CONFIG)
    model, history = train(tmp_path, LONGER)
    assert history.finished and history.step == history.n_steps == 25
    short = [learning_rate_at(step, 10, CONFIG) for step in range(10)]
    long = [learning_rate_at(step, 25, LONGER) for step in range(10, 25)]
    assert model.w.item() == pytest.approx(-sum(short) - sum(long), rel=1e-4)
    assert long[0] > short[-1] and long[-1] < 0.1 * long[0]


def test_rows_and_time_go_on_too(tmp_path):
    _, before = train(tmp_path, CONFIG, log_every=5)
    _, after = train(tmp_path, LONGER, log_every=5)
    assert [row["step"] for row in after.rows] == [5, 10, 15, 20, 25]
    assert after.rows[:2] == before.rows and after.seconds > before.seconds


def test_it_goes_on_from_the_weights_themselves_not_from_their_mean(tmp_path):
    """fit hands back the mean, the checkpoint holds both."""
    seen = []

    def watched(model, x):
        seen.append(model.w.item())
        return falling_step(model, x)

    averaged = replace(CONFIG, average=0.5)
    model, _ = train(tmp_path, averaged)
    tensors, _ = read_tensors(tmp_path / "checkpoint.safetensors")
    raw = tensors["model/w"].item()
    assert model.w.item() == tensors["extra/w"].item() > raw
    train(tmp_path, replace(averaged, epochs=3), watched)
    assert seen[0] == raw


@pytest.mark.parametrize("after", [1, 7, 15])
def test_a_longer_run_that_is_stopped_ends_with_the_weights_of_one_that_is_not(tmp_path, after):
    noise = replace(CONFIG, average=0.3), replace(LONGER, average=0.3)
    for folder in (tmp_path / "alone", tmp_path / "stopped"):
        train(folder, noise[0])
    alone, _ = train(tmp_path / "alone", noise[1])
    stopped, history = train(tmp_path / "stopped", noise[1], stopping(falling_step, after))
    assert history.step == 10 + after and history.finished == (after == 15)
    again, history = train(tmp_path / "stopped", noise[1])
    assert history.finished and torch.equal(again.w, alone.w)


def test_a_run_by_the_clock_is_given_more_minutes(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(training_run.time, "monotonic", lambda: now)

    def step(model, x):
        nonlocal now
        now += 1
        return falling_step(model, x)

    by_clock = replace(CONFIG, minutes=0.5)
    assert train(tmp_path, by_clock, step)[1].step == 30
    now += 1000  # the machine was off
    _, history = train(tmp_path, replace(by_clock, minutes=0.75), step)
    assert history.finished and history.step == history.n_steps == 45


def test_the_command_line_makes_a_run_longer(tmp_path, capsys):
    command = ["train", "vqvae", "--profile", "smoke", "--out", str(tmp_path)]
    cli.main(command)
    first = (tmp_path / "vqvae.safetensors").read_bytes()
    cli.main([*command, "--epochs", "2"])
    assert "Interrupted" not in capsys.readouterr().out
    _, header = read_tensors(tmp_path / "vqvae" / "checkpoint.safetensors")
    assert header["history"]["step"] == header["history"]["n_steps"] == 32
    assert (tmp_path / "vqvae.safetensors").read_bytes() != first


# --------------------------------------------------------------------------------- what is refused


def complaint(out, config, step=falling_step):
    with pytest.raises(CheckpointError) as caught:
        train(out, config, step)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"epochs": 1}, "  epochs: the run has 2, you ask for 1"),
        ({"minutes": 9.0}, "  minutes: the run has None, you ask for 9.0"),
        ({"epochs": 5, "seed": 1}, "  seed: the run has 0, you ask for 1"),
    ],
)
def test_a_run_is_not_made_shorter_nor_longer_with_anything_else_changed(tmp_path, change, line):
    train(tmp_path, CONFIG)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    assert line in complaint(tmp_path, replace(CONFIG, **change)).splitlines()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_an_unfinished_run_comes_to_its_end_before_it_is_made_longer(tmp_path):
    train(tmp_path, CONFIG, stopping(falling_step, 3))
    told = complaint(tmp_path, LONGER)
    assert "epochs: the run has 2, you ask for 5" in told
    assert "A run can be made longer when it has finished" in told
    assert train(tmp_path, CONFIG)[1].finished
    assert train(tmp_path, LONGER)[1].step == 25


def test_another_width_is_told_in_four_short_lines(tmp_path):
    """The shapes of all parameters differ, and none of them is told."""
    images = (torch.zeros(8, 1, 4, 4, dtype=torch.long),)
    widths = [GatedPixelCNN(n_channels=n, n_layers=3) for n in (4, 8)]
    fit(widths[0], image_step, images, CONFIG, out=tmp_path, **QUIET)
    with pytest.raises(CheckpointError) as caught:
        fit(widths[1], image_step, images, CONFIG, out=tmp_path, **QUIET)
    first, *lines, advice = str(caught.value).splitlines()
    assert first == f"{tmp_path / 'checkpoint.safetensors'} belongs to another run:"
    assert lines == ["  n_channels: the run has 4, you ask for 8"]
    assert advice.startswith("Choose another folder")


def test_of_many_other_shapes_one_is_told_and_the_others_are_counted(tmp_path):
    for width in (2, 3):
        model = nn.Sequential(nn.Linear(1, width), nn.Linear(width, 1))  # it tells no settings
        if width == 2:
            fit(model, lambda m, x: {"loss": m(x).mean()}, DATA, CONFIG, out=tmp_path, **QUIET)
    with pytest.raises(CheckpointError, match=r"0.weight: \[2, 1\] there, \[3, 1\] here; and 2 m"):
        fit(model, lambda m, x: {"loss": m(x).mean()}, DATA, CONFIG, out=tmp_path, **QUIET)


# ----------------------------------------------------------------------------------- the two stages

BRIEF = FitConfig(epochs=1, batch_size=8)
SETTINGS = TwoStageSettings(
    VQVAESettings(n_codes=8, code_dim=4, n_channels=4, n_blocks=1, fit=BRIEF),
    PriorSettings(n_channels=4, n_layers=1, fit=BRIEF),
)


@pytest.fixture(scope="module")
def garments():
    return recipes.cut_for_smoke(data.load("fashion-mnist-sample"), 16, 8)


def more(stage, epochs):
    return replace(stage, fit=replace(stage.fit, epochs=epochs))


def test_stage_two_can_be_made_longer_alone(tmp_path, garments):
    recipes.train_two_stage(garments, SETTINGS, tmp_path, progress=False)
    longer = replace(SETTINGS, prior=more(SETTINGS.prior, 3))
    history, result = recipes.train_two_stage(garments, longer, tmp_path, progress=False)
    assert history.step == 6 and result["settings"]["prior"]["fit"]["epochs"] == 3


def test_a_prior_is_not_taken_for_that_of_a_stage_one_that_was_made_longer(tmp_path, garments):
    """Its codes are others now."""
    recipes.train_two_stage(garments, SETTINGS, tmp_path, progress=False)
    recipes.train_vqvae(garments, more(SETTINGS.vqvae, 2), out=tmp_path, progress=False)
    with pytest.raises(CheckpointError, match="examples made by: the run has 'the stage one of"):
        recipes.add_prior(garments, SETTINGS.prior, tmp_path)


def test_stage_one_is_not_made_longer_below_a_stage_two_and_that_is_seen_first(tmp_path, garments):
    recipes.train_two_stage(garments, SETTINGS, tmp_path, progress=False)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    longer = replace(SETTINGS, vqvae=more(SETTINGS.vqvae, 2))
    with pytest.raises(CheckpointError, match="a stage one with 1 epochs, you ask for 2, which"):
        recipes.train_two_stage(garments, longer, tmp_path, progress=False)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
