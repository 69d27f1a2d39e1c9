"""Runs that end when their time is up, and the mean of the weights: hand-made clocks."""

from __future__ import annotations

import signal

import pytest
import torch
from torch import nn

from tutorial_lib.training import run as training_run
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit
from tutorial_lib.training.run import RunningAverage

QUIET = {"progress": False, "save_every_seconds": 1e9}
DATA = (torch.zeros(8, 1),)


class Number(nn.Module):
    """One weight: enough to follow an optimiser by hand."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))


class Watch:
    """A clock that goes on by one second whenever a step is taken."""

    def __init__(self, monkeypatch, per_step=1.0):
        self.now, self.per_step, self.seen = 100.0, per_step, []
        monkeypatch.setattr(training_run.time, "monotonic", lambda: self.now)

    def step(self, model, x):
        self.now += self.per_step
        self.seen.append(model.w.item())
        return {"loss": model.w.sum() + 0 * x.sum()}  # its gradient at w is always 1


def stopping(step, after):
    taken = 0

    def counted(model, *batch):
        nonlocal taken
        taken += 1
        if taken == after:
            signal.raise_signal(signal.SIGINT)
        return step(model, *batch)

    return counted


# ------------------------------------------------------------------------------ by the clock


def test_a_run_by_the_clock_ends_with_the_first_step_after_its_time(monkeypatch):
    watch = Watch(monkeypatch)
    history = fit(Number(), watch.step, DATA, FitConfig(minutes=0.5, batch_size=4), **QUIET)
    assert history.step == history.n_steps == 30 and history.finished
    assert history.seconds == pytest.approx(30)
    assert history.rows[-1]["step"] == 30


def test_a_faster_machine_takes_more_steps_through_the_same_learning_rates(monkeypatch):
    rates = {}
    for per_step in (1.0, 0.25):
        watch = Watch(monkeypatch, per_step)
        rate = training_run.learning_rate_at
        seen = rates.setdefault(per_step, [])
        monkeypatch.setattr(
            training_run, "learning_rate_at", lambda *a, r=rate, s=seen: s.append(r(*a)) or s[-1]
        )
        fit(Number(), watch.step, DATA, FitConfig(minutes=0.5, batch_size=4), **QUIET)
        monkeypatch.setattr(training_run, "learning_rate_at", rate)
    assert [len(seen) for seen in rates.values()] == [30, 120]
    for slow, fast in zip(rates[1.0], rates[0.25][::4], strict=True):
        assert slow == pytest.approx(fast, rel=1e-3)
    assert max(rates[1.0]) <= 1e-3 and rates[0.25][-1] < 2e-5


def test_a_run_by_the_clock_counts_its_time_over_resumptions(monkeypatch, tmp_path):
    watch = Watch(monkeypatch)
    config = FitConfig(minutes=0.5, batch_size=4)
    first = fit(Number(), stopping(watch.step, 10), DATA, config, out=tmp_path, **QUIET)
    assert not first.finished and first.step == 10
    watch.now += 1000  # the machine was off
    second = fit(Number(), watch.step, DATA, config, out=tmp_path, **QUIET)
    assert second.finished and second.step == 30
    third = fit(Number(), watch.step, DATA, config, out=tmp_path, **QUIET)
    assert third.finished and third.step == 30


def test_the_bar_of_a_run_by_the_clock_counts_seconds(monkeypatch, capsys):
    watch = Watch(monkeypatch)
    fit(Number(), watch.step, DATA, FitConfig(minutes=0.5, batch_size=4), save_every_seconds=1e9)
    shown = capsys.readouterr().err
    assert "/30" in shown and "/8" not in shown


def test_held_out_metrics_are_taken_when_the_time_is_up(monkeypatch):
    watch = Watch(monkeypatch)
    config = FitConfig(minutes=5 / 60, batch_size=4)
    history = fit(Number(), watch.step, DATA, config, valid=DATA, **QUIET)
    assert history.valid_rows[-1]["step"] == history.step and history.finished


# --------------------------------------------------------------------------------- averaging


def test_the_mean_looks_back_over_its_share_of_the_steps():
    """Weights 1, 2, 3, ... and a share of everything: their plain mean."""
    model = Number()
    average = RunningAverage(model, 0.999999)
    for step in range(1, 101):
        model.w.data.fill_(float(step))
        average.update(step)
    assert average.mean["w"].item() == pytest.approx(50.5, rel=1e-3)
    short = RunningAverage(model, 0.1)
    for step in range(1, 1001):
        model.w.data.fill_(float(step))
        short.update(step)
    # weights proportional to (steps so far) ** 9 have mean n * 10 / 11
    assert short.mean["w"].item() == pytest.approx(1000 * 10 / 11, rel=0.01)


def test_swapping_twice_changes_nothing():
    model = Number()
    average = RunningAverage(model, 0.5)
    model.w.data.fill_(3.0)
    average.swap()
    assert (model.w.item(), average.mean["w"].item()) == (0.0, 3.0)
    average.swap()
    assert (model.w.item(), average.mean["w"].item()) == (3.0, 0.0)


def test_a_run_ends_with_the_mean_and_trains_on_the_weights_themselves(monkeypatch):
    plain, averaged = Watch(monkeypatch), Watch(monkeypatch)
    config = {"epochs": 20, "batch_size": 4, "learning_rate": 0.01}
    one, other = Number(), Number()
    fit(one, plain.step, DATA, FitConfig(**config), **QUIET)
    fit(other, averaged.step, DATA, FitConfig(**config, average=0.5), valid=DATA, **QUIET)
    training = [w for i, w in enumerate(averaged.seen) if (i + 1) % 3]  # every third is held out
    assert training == plain.seen
    assert one.w.item() < other.w.item() < 0  # w falls at every step; its mean lags behind


def test_a_stopped_run_goes_on_from_weights_and_mean(tmp_path):
    config = FitConfig(epochs=10, batch_size=4, learning_rate=0.01, average=0.3)

    def step(model, x):
        return {"loss": (model.w - 1).square().sum() + 0 * x.sum()}

    alone, resumed, again = Number(), Number(), Number()
    fit(alone, step, DATA, config, **QUIET)
    fit(resumed, stopping(step, 7), DATA, config, out=tmp_path, **QUIET)
    assert not torch.equal(alone.w, resumed.w)
    fit(again, step, DATA, config, out=tmp_path, **QUIET)
    assert torch.equal(alone.w, again.w)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minutes": 0.0}, "minutes must be a finite number above 0"),
        ({"minutes": float("inf")}, "minutes must be a finite number, got inf"),
        ({"average": 1.0}, "average must be a share, .* got 1.0"),
        ({"average": -0.1}, "average must be a share, .* got -0.1"),
    ],
)
def test_times_and_shares_that_mean_nothing_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FitConfig(**arguments)
