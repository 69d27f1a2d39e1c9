"""fit(): the steps it takes, by hand; what it keeps; and that it can be stopped anywhere.

A run that is interrupted and resumed must end with the very weights of one that was left alone.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats
from tutorial_lib.recipes.image_model import vae_step
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors
from tutorial_lib.training.config import FitConfig, History, TrainingDiverged, learning_rate_at
from tutorial_lib.training.loop import fit
from tutorial_lib.training.measures import evaluate
from tutorial_lib.training.run import epoch_batches

QUIET = {"progress": False, "save_every_seconds": 1e9}
ALWAYS = {"progress": False, "save_every_seconds": -1.0}  # a checkpoint after every step

# ----------------------------------------------------------------- small models and their steps


class Number(nn.Module):
    """One weight: enough to follow an optimiser by hand."""

    def __init__(self, start=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([start]))


def falling_step(model, x):
    """A loss whose gradient at w is always 1."""
    return {"loss": model.w.sum() + 0 * x.sum()}


def line_step(model, x, y):
    return {"loss": (model.w * x - y).square().mean()}


def line(n=32):
    x = torch.linspace(-1, 1, n)
    return x, 3 * x


class Noisy(nn.Module):
    """Dropout: its weights depend on the state of the random numbers at every step."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)


def noisy_step(model, x):
    return {"loss": (model(x) - x.sum(dim=1, keepdim=True)).square().mean()}


def gated_step(model, levels, label):
    nats = nll_nats(model(levels, label=label), levels).mean()
    return {"loss": nats / 12, "bits/dim": bits_per_dim(nats, 12)}


def vqvae_step(model, levels):
    out = model(levels.long())
    return {"loss": out.loss, "decoder bits/dim": bits_per_dim(out.nll_nats.mean(), 32)}


CASES = {
    "dropout": (Noisy, noisy_step, lambda: (torch.randn(25, 4),)),
    "gated PixelCNN": (
        lambda: GatedPixelCNN(n_channels=4, n_layers=2, n_classes=3),
        gated_step,
        lambda: (torch.randint(2, (25, 1, 3, 4)), torch.randint(3, (25,))),
    ),
    "vqvae, codes by gradient": (
        lambda: VQVAE(
            in_channels=1, n_levels=2, n_codes=8, code_dim=2, n_channels=4, update="gradient"
        ),
        vqvae_step,
        lambda: (torch.randint(2, (25, 1, 4, 8), dtype=torch.uint8),),
    ),
    "vqvae, codes by averages, dead ones restarted": (
        lambda: VQVAE(in_channels=1, n_levels=2, n_codes=64, code_dim=2, n_channels=4),
        vqvae_step,
        lambda: (torch.randint(2, (25, 1, 4, 8), dtype=torch.uint8),),
    ),
    "VAE, noise in every step": (
        lambda: GaussianVAE(size=(4, 8), n_channels=2),
        vae_step,
        lambda: (torch.randint(2, (25, 1, 4, 8), dtype=torch.uint8),),
    ),
}
CONFIG = FitConfig(epochs=3, batch_size=6, learning_rate=0.01, weight_decay=0.01, seed=5)
N_STEPS = 3 * (25 // 6)


def case(name):
    """A fresh model, its step and its data, the same at every call."""
    make, step, data = CASES[name]
    torch.manual_seed(17)
    return make(), step, data()


def stopping(step, after, how=None):
    """The step function, with the stop button pressed (or worse) during step number `after`."""
    taken = 0

    def counted(model, *batch):
        nonlocal taken
        taken += torch.is_grad_enabled()  # held-out data are not counted
        if taken == after and torch.is_grad_enabled():
            how() if how else signal.raise_signal(signal.SIGINT)
        return step(model, *batch)

    return counted


def power_cut():
    raise RuntimeError("power cut")


def same_weights(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def rows_of(folder):
    return [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]


def without_time(rows):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


# ------------------------------------------------------------------------------- by hand


def test_the_weight_falls_by_the_learning_rate_of_each_step():
    """With a gradient of 1 throughout, Adam moves by its rate: w = -(sum of the rates)."""
    config = FitConfig(epochs=2, batch_size=4, learning_rate=0.1, warmup=0.3)
    model = Number()
    fit(model, falling_step, (torch.zeros(20, 1),), config, **QUIET)
    rates = [learning_rate_at(step, 10, config) for step in range(10)]
    assert model.w.item() == pytest.approx(-sum(rates), rel=1e-4)


def test_weight_decay_shrinks_what_has_no_gradient_by_rate_times_decay():
    config = FitConfig(epochs=1, batch_size=4, learning_rate=0.1, weight_decay=0.5)
    model = Number(start=2.0)
    fit(model, lambda m, x: {"loss": 0 * m.w.sum()}, (torch.zeros(12, 1),), config, **QUIET)
    kept = math.prod(1 - 0.5 * learning_rate_at(step, 3, config) for step in range(3))
    assert model.w.item() == pytest.approx(2 * kept, rel=1e-5)


def test_gradients_longer_than_clip_norm_are_cut_to_it(monkeypatch):
    """Plain gradient descent in Adam's place shows the gradient that arrives: 1 cut to 0.25."""
    monkeypatch.setattr(torch.optim, "AdamW", lambda p, lr, **_: torch.optim.SGD(p, lr=lr))
    config = FitConfig(epochs=1, batch_size=4, learning_rate=0.1, clip_norm=0.25)
    model = Number()
    fit(model, falling_step, (torch.zeros(12, 1),), config, **QUIET)
    rates = sum(learning_rate_at(step, 3, config) for step in range(3))
    assert model.w.item() == pytest.approx(-0.25 * rates, rel=1e-4)


def test_the_learning_rate_rises_to_its_peak_and_falls_linearly_to_0():
    config = FitConfig(learning_rate=2.0, warmup=0.1)
    rates = [learning_rate_at(step, 100, config) for step in range(101)]
    assert rates[:10] == pytest.approx([0.2 * (i + 1) for i in range(10)])
    assert max(rates) == rates[9] == 2.0
    falls = [a - b for a, b in zip(rates[10:], rates[11:], strict=False)]
    assert falls == pytest.approx([2 / 90] * 90)
    assert rates[100] == 0 < rates[99]


@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.5, 0.99])
def test_even_the_shortest_run_learns_at_every_step(n_steps, warmup):
    config = FitConfig(learning_rate=1.0, warmup=warmup)
    assert all(0 < learning_rate_at(step, n_steps, config) <= 1 for step in range(n_steps))


def test_it_finds_the_slope_of_a_line_and_says_that_it_finished():
    model, config = Number(), FitConfig(epochs=20, batch_size=8, learning_rate=0.1)
    history = fit(model, line_step, line(), config, **QUIET)
    assert model.w.item() == pytest.approx(3, abs=0.05)
    assert history.finished and history.step == history.n_steps == 80
    assert history.rows[-1]["loss"] < 0.01 * history.rows[0]["loss"]
    assert history.seconds > 0
    assert not model.training


# ------------------------------------------------------------------------------ the batches


def test_an_epoch_shows_every_example_once_in_a_new_order():
    order = torch.cat(epoch_batches(100, 10, seed=0, epoch=0))
    assert torch.equal(order.sort().values, torch.arange(100))
    assert not torch.equal(order, torch.arange(100))  # it shuffles


def test_epochs_and_seeds_differ_and_repeat_themselves():
    orders = {
        tuple(torch.cat(epoch_batches(50, 10, seed, epoch)).tolist())
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(orders) == 16
    again = [torch.cat(epoch_batches(50, 10, 1, 2)) for _ in range(2)]
    assert torch.equal(*again)


def test_the_order_does_not_depend_on_other_random_numbers():
    first = torch.cat(epoch_batches(50, 10, 0, 0))
    torch.rand(7)
    assert torch.equal(torch.cat(epoch_batches(50, 10, 0, 0)), first)


def test_a_remainder_is_left_out_another_one_each_epoch():
    epochs = [epoch_batches(25, 6, 0, epoch) for epoch in range(3)]
    assert [len(batch) for batch in epochs[0]] == [6, 6, 6, 6]
    left_out = {(set(range(25)) - set(torch.cat(e).tolist())).pop() for e in epochs}
    assert len(left_out) > 1


def seen_batches(seed, **options):
    seen = []

    def step(model, x):
        if torch.is_grad_enabled():
            seen.append(x.flatten().tolist())
        return falling_step(model, x)

    config = FitConfig(epochs=2, batch_size=5, seed=seed)
    fit(Number(), step, (torch.arange(20.0).view(20, 1),), config, **QUIET, **options)
    return seen


def test_training_goes_through_the_batches_of_its_seed():
    expected = [b.tolist() for epoch in (0, 1) for b in epoch_batches(20, 5, 3, epoch)]
    assert seen_batches(3) == expected
    assert seen_batches(4) != expected


def test_held_out_examples_are_never_trained_on():
    held_out = (torch.full((5, 1), -1.0),)
    assert all(-1.0 not in batch for batch in seen_batches(0, valid=held_out))


def test_examples_stay_with_their_labels():
    def step(model, x, y):
        assert torch.equal(y, 10 * x)
        return falling_step(model, x)

    x = torch.arange(20.0)
    fit(Number(), step, (x, 10 * x), FitConfig(epochs=1, batch_size=5), **QUIET)


# -------------------------------------------------------------------- stopped and resumed


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory):
    """Each case trained without interruption: model, history and rows of metrics."""
    finished = {}
    for name in CASES:
        out = tmp_path_factory.mktemp("left-alone")
        model, step, data = case(name)
        history = fit(model, step, data, CONFIG, valid=data, out=out, log_every=1, **QUIET)
        finished[name] = (model, history, rows_of(out))
    return finished


@pytest.mark.parametrize("after", [1, 4, 6, N_STEPS], ids=lambda n: f"in step {n}")
@pytest.mark.parametrize("name", CASES)
def test_a_run_stopped_and_resumed_ends_with_the_weights_of_one_left_alone(
    tmp_path, left_alone, name, after
):
    """To the last bit; in the first step, at an epoch's end, inside an epoch, in the last step."""
    model, step, data = case(name)
    options = {"valid": data, "out": tmp_path, "log_every": 1, **QUIET}
    history = fit(model, stopping(step, after), data, CONFIG, **options)
    assert history.step == after
    assert history.finished == (after == N_STEPS)
    again, step, data = case(name)
    torch.manual_seed(99)  # another process would be somewhere else
    history = fit(again, step, data, CONFIG, **options)
    expected_model, expected_history, expected_rows = left_alone[name]
    assert history.finished
    assert same_weights(again, expected_model)
    assert without_time(history.rows) == without_time(expected_history.rows)
    assert without_time(history.valid_rows) == without_time(expected_history.valid_rows)
    assert without_time(rows_of(tmp_path)) == without_time(expected_rows)


WAYS_TO_END = {
    "stopped": (None, QUIET),
    "stopped, saved after every step": (None, ALWAYS),
    "died, saved after every step": (power_cut, ALWAYS),
}


@pytest.mark.parametrize("way", WAYS_TO_END)
@pytest.mark.parametrize("after", [2, 4, 6, 10], ids=lambda n: f"in step {n}")
def test_rows_over_several_steps_are_the_same_however_a_run_is_cut(tmp_path, after, way):
    """A row is due every five steps: no checkpoint and no end in between may cut it in two."""
    how, saves = WAYS_TO_END[way]
    model, step, data = case("dropout")
    options = {"valid": data, "log_every": 5}
    fit(model, step, data, CONFIG, out=tmp_path / "alone", **options, **QUIET)
    expected = without_time(rows_of(tmp_path / "alone"))
    assert [row["step"] for row in expected if "loss" in row] == [4, 5, 8, 10, 12]
    options |= {"out": tmp_path / "cut", **saves}
    with contextlib.suppress(RuntimeError):
        fit(case("dropout")[0], stopping(step, after, how), data, CONFIG, **options)
    torch.manual_seed(99)
    fit(case("dropout")[0], step, data, CONFIG, **options)
    assert without_time(rows_of(tmp_path / "cut")) == expected


def test_an_interrupted_run_tells_its_last_steps_until_it_goes_on(tmp_path):
    model, step, data = case("dropout")
    options = {"out": tmp_path, "log_every": 10, **QUIET}
    history = fit(model, stopping(step, 6), data, CONFIG, **options)
    assert [row["step"] for row in history.rows] == [4, 6] == [r["step"] for r in rows_of(tmp_path)]
    history = fit(model, step, data, CONFIG, **options)
    assert [row["step"] for row in history.rows] == [4, 8, 10, 12]


def test_checkpoints_of_earlier_versions_are_continued(tmp_path, left_alone):
    """They held no sums between rows, and did not say that a run had ended."""
    model, step, data = case("dropout")
    fit(model, stopping(step, 5), data, CONFIG, out=tmp_path, log_every=1, **QUIET)
    tensors, header = read_tensors(tmp_path / "checkpoint.safetensors")
    del header["sums"], header["summed_steps"], header["history"]["ended"]
    write_tensors(tmp_path / "checkpoint.safetensors", tensors, header)
    fit(model, step, data, CONFIG, out=tmp_path, log_every=1, **QUIET)
    assert same_weights(model, left_alone["dropout"][0])


def test_what_a_killed_writer_left_is_cleared_away(tmp_path):
    model, step, data = case("dropout")
    left = [tmp_path / f".{name}.x7k2.part" for name in ("checkpoint.safetensors", "other")]
    for path in left:
        path.write_text("half a checkpoint")
    fit(model, step, data, CONFIG, out=tmp_path, **QUIET)
    assert [path.exists() for path in left] == [False, True]


@pytest.mark.parametrize("name", CASES)
def test_a_run_with_another_seed_ends_elsewhere(left_alone, name):
    """The probe of the test above can fail."""
    model, step, data = case(name)
    fit(model, step, data, FitConfig(**{**CONFIG.__dict__, "seed": 6}), **QUIET)
    assert not same_weights(model, left_alone[name][0])


def test_a_run_may_be_stopped_again_and_again(tmp_path, left_alone):
    for _ in range(N_STEPS):
        model, step, data = case("dropout")
        history = fit(model, stopping(step, 1), data, CONFIG, out=tmp_path, **QUIET)
    assert history.finished
    assert same_weights(model, left_alone["dropout"][0])


def test_a_run_that_died_goes_on_from_its_last_checkpoint(tmp_path, left_alone):
    """No farewell at all, in step 7: the checkpoint after step 6 counts, rows after it do not."""
    model, step, data = case("dropout")
    options = {"valid": data, "out": tmp_path, "log_every": 1, **ALWAYS}
    with pytest.raises(RuntimeError, match="power cut"):
        fit(model, stopping(step, 7, power_cut), data, CONFIG, **options)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 7, "loss": 1.0, "seconds": 1.0}\n{"step": 8, "lo')
    again, step, data = case("dropout")
    fit(again, step, data, CONFIG, **options)
    assert same_weights(again, left_alone["dropout"][0])
    assert without_time(rows_of(tmp_path)) == without_time(left_alone["dropout"][2])


def test_a_run_that_died_before_its_first_checkpoint_starts_afresh_rows_included(tmp_path):
    model, step, data = case("dropout")
    options = {"out": tmp_path, "log_every": 1, **QUIET}
    with pytest.raises(RuntimeError, match="power cut"):
        fit(model, stopping(step, 3, power_cut), data, CONFIG, **options)
    fit(case("dropout")[0], step, data, CONFIG, **options)
    assert [row["step"] for row in rows_of(tmp_path)] == list(range(1, N_STEPS + 1))


def test_a_run_told_not_to_resume_starts_afresh_rows_included(tmp_path, left_alone):
    model, step, data = case("dropout")
    options = {"out": tmp_path, "log_every": 1, **QUIET}
    fit(model, stopping(step, 3), data, CONFIG, **options)
    again, step, data = case("dropout")
    fit(again, step, data, CONFIG, resume=False, **options)
    assert same_weights(again, left_alone["dropout"][0])
    assert [row["step"] for row in rows_of(tmp_path)] == list(range(1, N_STEPS + 1))


def test_a_finished_run_is_not_trained_further(tmp_path, left_alone):
    model, step, data = case("dropout")
    fit(model, step, data, CONFIG, out=tmp_path, log_every=1, **QUIET)
    rows = rows_of(tmp_path)
    again, step, data = case("dropout")
    history = fit(again, stopping(step, 1, power_cut), data, CONFIG, out=tmp_path, **QUIET)
    assert history.finished
    assert same_weights(again, left_alone["dropout"][0])
    assert rows_of(tmp_path) == rows


def test_a_stopped_model_can_be_used_at_once():
    model, step, data = case("gated PixelCNN")
    history = fit(model, stopping(step, 5), data, CONFIG, **QUIET)
    assert not history.finished and history.step == 5
    assert not model.training
    assert evaluate(model, step, data)["bits/dim"] < 2


def test_time_is_added_up_over_resumptions(tmp_path):
    model, step, data = case("dropout")
    first = fit(model, stopping(step, 5), data, CONFIG, out=tmp_path, **QUIET).seconds
    second = fit(model, step, data, CONFIG, out=tmp_path, **QUIET).seconds
    assert 0 < first < second


def test_the_stop_button_works_as_before_after_training():
    before = signal.getsignal(signal.SIGINT)
    model, step, data = case("dropout")
    fit(model, stopping(step, 2), data, CONFIG, **QUIET)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(RuntimeError, match="power cut"):
        fit(model, stopping(step, 2, power_cut), data, CONFIG, **QUIET)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("times", [1, 3])
def test_sigterm_saves_like_ctrl_c_however_often_it_is_sent(tmp_path, left_alone, times):
    """Whoever ends a job may send it to the launcher and to each process, and each passes it on."""

    def terminated():
        for _ in range(times):
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    model, step, data = case("dropout")
    history = fit(model, stopping(step, 5, terminated), data, CONFIG, out=tmp_path, **QUIET)
    assert (history.step, history.stopped_by, history.finished) == (5, signal.SIGTERM, False)
    assert signal.getsignal(signal.SIGTERM) is before
    history = fit(model, step, data, CONFIG, out=tmp_path, **QUIET)
    assert history.finished and history.stopped_by == 0
    assert same_weights(model, left_alone["dropout"][0])


def test_the_history_says_which_signal_ended_the_run():
    model, step, data = case("dropout")
    assert fit(model, stopping(step, 2), data, CONFIG, **QUIET).stopped_by == signal.SIGINT
    assert fit(model, step, data, CONFIG, **QUIET).stopped_by == 0


def test_a_second_interrupt_does_not_wait_for_the_step_to_end():
    def impatient():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    model, step, data = case("dropout")
    with pytest.raises(KeyboardInterrupt):
        fit(model, stopping(step, 2, impatient), data, CONFIG, **QUIET)


def test_training_works_in_a_thread_where_signals_cannot_be_caught(left_alone):
    model, step, data = case("dropout")
    done = []
    thread = threading.Thread(
        target=lambda: done.append(fit(model, step, data, CONFIG, **QUIET).finished)
    )
    thread.start()
    thread.join()
    assert done == [True]
    assert same_weights(model, left_alone["dropout"][0])


# ---------------------------------------------------------------------- what must not resume


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"epochs": 4}, "epochs: the run has 3, you ask for 4"),
        ({"learning_rate": 0.02}, "learning_rate: the run has 0.01, you ask for 0.02"),
        (
            {"batch_size": 5, "seed": 6},
            "batch_size: the run has 6, you ask for 5\n  seed: the run has 5, you ask for 6\n",
        ),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused_naming_the_difference(
    tmp_path, change, complaint
):
    model, step, data = case("dropout")
    fit(model, stopping(step, 2), data, CONFIG, out=tmp_path, **QUIET)
    other = FitConfig(**{**CONFIG.__dict__, **change})
    with pytest.raises(CheckpointError, match="belongs to another run") as caught:
        fit(model, step, data, other, out=tmp_path, **QUIET)
    assert complaint in str(caught.value)


def test_a_checkpoint_of_more_data_or_another_model_is_refused(tmp_path):
    model, step, data = case("dropout")
    fit(model, stopping(step, 2), data, CONFIG, out=tmp_path, **QUIET)
    with pytest.raises(CheckpointError, match="examples: the run has 25, you ask for 24"):
        fit(model, step, (data[0][:24],), CONFIG, out=tmp_path, **QUIET)
    model.layers[2] = nn.Linear(8, 2)
    with pytest.raises(CheckpointError, match="layers.2.weight"):
        fit(model, step, data, CONFIG, out=tmp_path, **QUIET)


def test_a_checkpoint_of_the_same_sizes_but_other_hyperparameters_is_refused(tmp_path):
    """beta changes no shape, yet half a run with one and half with another is a run of neither."""
    model, step, data = case("vqvae, codes by gradient")
    fit(model, stopping(step, 2), data, CONFIG, out=tmp_path, **QUIET)
    other = VQVAE(model.config, commitment_weight=1.0)
    with pytest.raises(CheckpointError, match="commitment_weight"):
        fit(other, step, data, CONFIG, out=tmp_path, **QUIET)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_refused_with_a_sentence(tmp_path, share):
    model, step, data = case("dropout")
    fit(model, stopping(step, 2), data, CONFIG, out=tmp_path, **QUIET)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointError, match="checkpoint.safetensors is not a whole safetensors"):
        fit(model, step, data, CONFIG, out=tmp_path, **QUIET)


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch, left_alone):
    model, step, data = case("dropout")
    replace, saves = os.replace, []

    def third_time_full(*paths):
        saves.append(paths)
        if len(saves) == 3:
            raise OSError(28, "No space left on device")
        replace(*paths)

    monkeypatch.setattr(os, "replace", third_time_full)
    with pytest.raises(OSError, match="No space left"):
        fit(model, step, data, CONFIG, out=tmp_path, **ALWAYS)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["checkpoint.safetensors", "lock", "metrics.jsonl"]
    again, step, data = case("dropout")
    assert fit(again, step, data, CONFIG, out=tmp_path, **QUIET).finished
    assert same_weights(again, left_alone["dropout"][0])


# ------------------------------------------------------------------------------- divergence


def diverging(step, after, value=math.nan):
    """The step function, whose loss is no number from step `after` on."""
    taken = 0

    def counted(model, *batch):
        nonlocal taken
        taken += 1
        metrics = step(model, *batch)
        return {**metrics, "loss": metrics["loss"] * (value if taken >= after else 1.0)}

    return counted


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run_saying_when_and_at_what_rate(value):
    model, step, data = case("dropout")
    with pytest.raises(TrainingDiverged) as caught:
        fit(model, diverging(step, 3, value), data, CONFIG, log_every=1, **QUIET)
    message = str(caught.value)
    rate = learning_rate_at(2, N_STEPS, CONFIG)
    told = f"the loss, or its gradient, stopped being finite in step 3 of {N_STEPS} "
    assert message.startswith(told)
    assert f"learning rate {rate:.2g}" in message
    assert "No checkpoint was saved" in message
    assert "lower learning rate" in message


def test_divergence_names_the_last_good_checkpoint_which_is_good(tmp_path):
    model, step, data = case("dropout")
    with pytest.raises(TrainingDiverged, match="The last good checkpoint is .*safetensors"):
        fit(model, diverging(step, 3), data, CONFIG, out=tmp_path, log_every=100, **ALWAYS)
    tensors, header = read_tensors(tmp_path / "checkpoint.safetensors")
    assert header["history"]["step"] == 2
    assert all(t.isfinite().all() for t in tensors.values() if t.is_floating_point())
    assert all(math.isfinite(row["loss"]) for row in header["history"]["rows"])


def test_weights_broken_by_an_infinite_gradient_are_not_saved_as_a_good_checkpoint(tmp_path):
    """The root of 0 is a finite loss of infinite slope: the weights break before any loss shows."""

    def rooted(model, x):
        return {"loss": (0 * model.w).abs().sqrt().sum()}

    model, config = Number(1.0), FitConfig(epochs=3, batch_size=4)
    with pytest.raises(TrainingDiverged):
        fit(model, rooted, (torch.zeros(8, 1),), config, out=tmp_path, log_every=1, **ALWAYS)
    if (tmp_path / "checkpoint.safetensors").exists():
        tensors, _ = read_tensors(tmp_path / "checkpoint.safetensors")
        assert tensors["model/w"].isfinite().all()


def test_a_diverging_run_does_not_finish_in_silence_between_two_rows(tmp_path):
    model, step, data = case("dropout")
    with pytest.raises(TrainingDiverged):
        fit(model, diverging(step, N_STEPS), data, CONFIG, out=tmp_path, log_every=1000, **QUIET)


# --------------------------------------------------------------------------------- metrics


def test_rows_are_means_since_the_last_row_under_the_names_of_their_units(tmp_path):
    """Losses 0, 1, 2, ... in steps of two: 0.5, 2.5, 4.5; the last row closes the epoch."""
    taken = iter(range(100))

    def counting(model, x):
        count = float(next(taken))
        return {"loss": 0 * model.w.sum() + count, "nats per image": torch.tensor(2 * count)}

    config = FitConfig(epochs=1, batch_size=4)
    history = fit(
        Number(), counting, (torch.zeros(28, 1),), config, out=tmp_path, log_every=2, **QUIET
    )
    assert [row["step"] for row in history.rows] == [2, 4, 6, 7]
    assert [row["loss"] for row in history.rows] == [0.5, 2.5, 4.5, 6.0]
    assert [row["nats per image"] for row in history.rows] == [1.0, 5.0, 9.0, 12.0]
    assert [row["epoch"] for row in history.rows] == pytest.approx(
        [2 / 7, 4 / 7, 6 / 7, 1], abs=1e-4
    )
    assert rows_of(tmp_path) == history.rows


def test_held_out_metrics_are_taken_at_the_end_of_each_epoch(tmp_path):
    model, config = Number(), FitConfig(epochs=3, batch_size=8, learning_rate=0.1)
    history = fit(model, line_step, line(), config, valid=line(10), out=tmp_path, **QUIET)
    assert [row["step"] for row in history.valid_rows] == [4, 8, 12]
    assert history.valid_rows[-1]["valid loss"] == pytest.approx(
        evaluate(model, line_step, line(10))["loss"]
    )
    steps = [row["step"] for row in rows_of(tmp_path)]
    assert steps == sorted(steps) and len(rows_of(tmp_path)) == 6


@pytest.mark.parametrize("name", CASES)
def test_looking_at_held_out_data_changes_nothing(left_alone, name):
    """Not the weights, not the averages of the codebook, not the random numbers."""
    model, step, data = case(name)
    fit(model, step, data, CONFIG, **QUIET)
    assert same_weights(model, left_alone[name][0])


def test_the_progress_bar_shows_the_unit_of_the_task(capsys):
    model, step, data = case("gated PixelCNN")
    options = {"log_every": 1, "save_every_seconds": 1e9}
    fit(model, step, data, CONFIG, progress=True, **options)
    assert "bits/dim" in capsys.readouterr().err
    fit(model, step, data, CONFIG, progress=False, **options)
    assert capsys.readouterr().err == ""


def test_whoever_watches_is_called_after_every_row_and_at_the_end(tmp_path):
    model, step, data = case("dropout")
    seen = []

    def watch(history):
        seen.append((len(history.rows), len(history.valid_rows), history.ended))

    fit(model, stopping(step, 7), data, CONFIG, valid=data, log_every=3, watch=watch, **QUIET)
    assert seen[:3] == [(1, 0, False), (2, 0, False), (2, 1, False)]  # steps 3 and 4, held out
    assert seen[3:] == [(3, 1, False), (4, 1, False), (4, 1, True)]  # steps 6 and 7, the end


def test_a_run_that_diverges_tells_its_watcher_that_it_has_ended():
    model, step, data = case("dropout")
    seen = []
    with pytest.raises(TrainingDiverged):
        fit(model, diverging(step, 3), data, CONFIG, watch=seen.append, log_every=1, **QUIET)
    assert len(seen) == 3 and seen[-1].ended and len(seen[-1].rows) == 2


def test_a_watcher_that_raises_is_called_no_more_and_the_run_goes_on(left_alone):
    model, step, data = case("dropout")
    calls = []

    def broken(history):
        calls.append(history.step)
        raise OSError("no display")

    with pytest.warns(UserWarning, match=r"watch raised OSError\('no display'\) at step 2: the tr"):
        history = fit(model, step, data, CONFIG, watch=broken, log_every=2, **QUIET)
    assert calls == [2] and history.finished
    assert same_weights(model, left_alone["dropout"][0])


@pytest.mark.parametrize("name", CASES)
def test_watching_changes_nothing(left_alone, name):
    """Not even if whoever watches draws random numbers and forgets the model in eval mode."""
    model, step, data = case(name)

    def careless(history):
        torch.manual_seed(0)
        model.eval()

    fit(model, step, data, CONFIG, watch=careless, log_every=1, **QUIET)
    assert same_weights(model, left_alone[name][0])


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 256])
def test_a_last_small_batch_weighs_as_many_examples_as_it_has(batch_size):
    """Ten examples, of which the last is 10: the mean is 1, however they are cut."""
    x = torch.tensor([0.0] * 9 + [10.0])
    found = evaluate(Number(), lambda m, x: {"loss": x.mean()}, (x,), batch_size=batch_size)
    assert found == {"loss": pytest.approx(1.0)}


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_runs_in_eval_mode_without_gradients_and_gives_the_mode_back(training):
    modes = []

    def watching(model, x):
        modes.append((model.training, torch.is_grad_enabled()))
        return {"loss": model(x).mean()}

    model = Noisy().train(training)
    data = (torch.randn(10, 4),)
    first, second = (evaluate(model, watching, data, batch_size=4) for _ in range(2))
    assert first == second
    assert set(modes) == {(False, False)}
    assert model.training is training


# ----------------------------------------------------------------------- precision, dimensions


def test_after_bfloat16_training_the_model_is_an_ordinary_float32_model():
    """Held-out numbers taken from it must be those of the same weights loaded from a file."""
    model, step, data = case("gated PixelCNN")
    config = FitConfig(**{**CONFIG.__dict__, "precision": "bf16"})
    assert fit(model, step, data, config, **QUIET).finished
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    loaded = GatedPixelCNN(model.config).eval()
    loaded.load_state_dict(model.state_dict())
    levels, label = data
    torch.testing.assert_close(model(levels, label=label), loaded(levels, label=label))


def test_a_model_whose_bfloat16_training_broke_off_is_trained_in_float32_afterwards():
    model, seen = GatedPixelCNN(n_channels=4, n_layers=1, n_classes=3), set()
    _, step, data = case("gated PixelCNN")
    config = {"epochs": 1, "batch_size": 25}
    broken, bf16 = stopping(step, 1, power_cut), FitConfig(**config, precision="bf16")
    with pytest.raises(RuntimeError, match="power cut"):
        fit(model, broken, data, bf16, **QUIET)
    model.layers[0].link.register_forward_hook(lambda m, i, out: seen.add(out.dtype))
    fit(model.train(), step, data, FitConfig(**config), **QUIET)
    assert seen == {torch.float32}


def test_bfloat16_computes_in_bfloat16_while_it_trains():
    """The probe of the test above: the precision asked for does reach the convolutions."""
    model, seen = GatedPixelCNN(n_channels=4, n_layers=1, n_classes=3), set()
    model.layers[0].link.register_forward_hook(lambda m, i, out: seen.add(out.dtype))
    _, step, data = case("gated PixelCNN")
    for precision in ("no", "bf16"):
        fit(model, step, data, FitConfig(epochs=1, batch_size=25, precision=precision), **QUIET)
    assert seen == {torch.float32, torch.bfloat16}


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_models_of_sound_images_and_video_can_be_trained(n_dims):
    model = VQVAE(
        n_dims=n_dims, in_channels=1, n_levels=2, n_codes=4, code_dim=2, n_channels=4, n_blocks=1
    )
    data = (torch.randint(2, (8, 1, *[4] * n_dims), dtype=torch.uint8),)
    step = vqvae_step
    assert fit(model, step, data, FitConfig(epochs=1, batch_size=4), **QUIET).finished


# ------------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be a finite number above 0"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate must be a finite number, got nan"),
        ({"clip_norm": -1.0}, ValueError, "clip_norm must be a finite number above 0, got -1.0"),
        ({"precision": "fp8"}, ValueError, "one of 'no', 'bf16', 'fp16', got 'fp8'"),
        ({"warmup": 1.0}, ValueError, "warmup must be a share, .* got 1.0"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must .* got -0.1"),
        ({"epochs": 1.5}, TypeError, r"epochs must be an integer, got 1.5 \(float\)"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(own_messages, arguments, error, message):
    with pytest.raises(error, match=message):
        FitConfig(**arguments)


def test_data_that_do_not_fill_a_batch_are_refused():
    with pytest.raises(ValueError, match="5 examples do not fill one batch of 6: lower batch_size"):
        fit(Number(), falling_step, (torch.zeros(5, 1),), CONFIG, **QUIET)


def test_data_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"equally long, got lengths \[7, 8\]"):
        fit(Number(), line_step, (torch.zeros(8), torch.zeros(7)), CONFIG, **QUIET)


def test_a_history_that_has_not_begun_is_not_called_finished():
    assert not History(n_steps=3).finished
    assert History(n_steps=3, step=3).finished


def test_the_loss_of_a_step_must_be_there():
    with pytest.raises(TypeError, match="loss"):
        fit(Number(), lambda m, x: {"bits": m.w.sum()}, (torch.zeros(6, 1),), CONFIG, **QUIET)


def test_weights_that_a_layer_shares_are_trained_once():
    """Cross-entropy of tied weights: a state that holds one tensor under two names."""

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inward, self.outward = nn.Embedding(4, 3), nn.Linear(3, 4, bias=False)
            self.outward.weight = self.inward.weight

        def forward(self, x):
            return self.outward(self.inward(x))

    def step(model, x):
        return {"loss": F.cross_entropy(model(x), x)}

    model = Tied()
    before = model.inward.weight.detach().clone()
    fit(model, step, (torch.randint(4, (12,)),), CONFIG, **QUIET)
    assert model.outward.weight is model.inward.weight
    assert not torch.equal(model.inward.weight, before)
