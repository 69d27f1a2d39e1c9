"""The dashboard: what it draws, when it draws, and what it leaves behind in a notebook."""

from __future__ import annotations

import base64
import itertools
import struct
import time
from types import SimpleNamespace

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn

from tutorial_lib.notebook import dashboard
from tutorial_lib.notebook.dashboard import Dashboard, draw_progress, panels_of, state_of, unit_of
from tutorial_lib.training.config import FitConfig, History
from tutorial_lib.training.loop import fit


def history_of(n_rows=20, n_steps=40, **changes):
    """A run that falls fast and then slowly; a held-out value every ten rows."""
    rows = [
        {"step": i, "epoch": i / 10, "seconds": i / 10, "loss": 9 / i, "bits/dim": 3 + 9 / i**2}
        for i in range(1, n_rows + 1)
    ]
    valid = [{"step": i, "valid loss": 1.0, "valid bits/dim": 3 + 1 / i} for i in (10, 20)]
    given = {"rows": rows, "valid_rows": valid, "step": n_rows, "n_steps": n_steps, **changes}
    return History(seconds=n_rows / 10, **given)


# -------------------------------------------------------------------------------- the figure


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("bits/dim", "bits/dim"),
        ("decoder bits/dim", "bits/dim"),
        ("KL nats", "nats"),
        ("total nats per image", "nats per image"),
        ("bits/code", "bits/code"),
        ("commitment", "commitment"),
        ("loss", "loss"),
    ],
)
def test_the_unit_of_a_metric_is_read_from_its_name(metric, unit):
    assert unit_of(metric) == unit


@pytest.mark.parametrize(
    ("row", "panels"),
    [
        (["loss"], {"loss": ["loss"]}),
        (["loss", "bits/dim"], {"bits/dim": ["bits/dim"]}),
        (
            ["loss", "nats/image", "KL nats", "bits/dim"],
            {"bits/dim": ["bits/dim"], "nats/image": ["nats/image"]},
        ),
        (
            ["loss", "decoder bits/dim", "rate bits/dim"],
            {"bits/dim": ["decoder bits/dim", "rate bits/dim"]},
        ),
    ],
)
def test_metrics_of_one_unit_share_a_panel_and_bits_come_first(row, panels):
    found = panels_of(History(rows=[dict.fromkeys(["step", "epoch", "seconds", *row], 1.0)]))
    assert found == panels and list(found) == list(panels)


def test_named_metrics_are_drawn_and_no_others():
    assert panels_of(history_of(), ["loss", "bits/dim"]) == {
        "loss": ["loss"],
        "bits/dim": ["bits/dim"],
    }
    with pytest.raises(ValueError, match="no metric 'bpd': the rows have loss, bits/dim"):
        panels_of(history_of(), ["bpd"])


def test_curves_hold_every_row_and_points_every_held_out_value():
    (ax,) = draw_progress(history_of()).axes
    training, held_out = ax.lines
    assert training.get_xdata().tolist() == list(range(1, 21))
    assert training.get_ydata().tolist() == pytest.approx([3 + 9 / i**2 for i in range(1, 21)])
    assert held_out.get_xdata().tolist() == [10, 20] and held_out.get_marker() == "o"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "bits/dim")
    assert ax.get_xlim() == (0, 40)


def test_the_first_steps_do_not_press_the_others_flat():
    low, high = draw_progress(history_of()).axes[0].get_ylim()
    assert high < 5 < 12 and low < 3.03


@pytest.mark.parametrize("n_images", [1, 8, 16])
def test_pictures_stand_below_the_curves_and_nothing_overlaps(n_images):
    figure = draw_progress(history_of(), images=torch.rand(n_images, 1, 28, 28))
    curve, strip = (ax.get_position() for ax in figure.axes)
    assert strip.y1 < curve.y0 and strip.y0 > 0 and curve.y1 < 0.95
    assert figure.get_size_inches()[0] == 7


def test_the_title_says_how_far_the_run_is_and_how_it_ended():
    assert state_of(history_of()) == "step 20 of 40, 2 s"
    assert state_of(history_of(ended=True)) == "stopped at step 20 of 40, 2 s"
    assert state_of(history_of(n_steps=20, ended=True)) == "step 20 of 20, 2 s"
    assert state_of(history_of(n_steps=None)) == "step 20, 2 s"


@pytest.mark.parametrize("n_rows", [1, 2])
def test_one_row_or_a_constant_metric_can_be_drawn(n_rows):
    rows = [{"step": i, "loss": 0.0} for i in range(1, n_rows + 1)]
    figure = draw_progress(History(rows=rows, step=n_rows))
    figure.canvas.draw()
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [n_rows]


# ------------------------------------------------------------------------------ when it draws


class Shown:
    """Stands for the notebook: every version of every figure."""

    def __init__(self):
        self.figures = []

    def display(self, output, *, raw, display_id):
        assert raw and display_id
        self.figures.append([output])
        return self

    def update(self, output, *, raw):
        assert raw
        self.figures[-1].append(output)


@pytest.fixture
def shown(monkeypatch):
    notebook = Shown()
    monkeypatch.setattr(dashboard, "in_notebook", lambda: True)
    monkeypatch.setattr(dashboard, "display", notebook.display)
    return notebook


class Clock:
    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.mark.parametrize("cost", [0.001, 0.1])
def test_it_draws_twice_a_second_at_most_and_spends_a_small_share_of_the_time(
    shown, monkeypatch, cost
):
    """A hundred rows a second for a minute, and drawings that take `cost` seconds."""
    clock, board = Clock(), Dashboard()
    monkeypatch.setattr(dashboard, "time", clock)

    def show(figure, text):
        clock.now += cost
        drawn.append(clock.now)
        board._output = shown

    drawn, history = [], history_of()
    monkeypatch.setattr(board, "draw", lambda history: None)
    monkeypatch.setattr(board, "_show", show)
    while clock.now < 60:
        clock.now += 0.01
        board(history)
    assert len(drawn) <= 121 and board.seconds <= dashboard.LARGEST_SHARE * 60 + cost
    assert len(drawn) >= (100 if cost == 0.001 else 10)
    assert min(b - a for a, b in itertools.pairwise(drawn)) >= 0.5


def test_the_last_state_is_drawn_however_soon_it_comes_and_the_next_run_has_its_own_figure(shown):
    board = Dashboard(every_seconds=1e9)
    for _ in range(2):
        for n_rows in (1, 2, 3):
            board(history_of(n_rows))
        board(history_of(3, ended=True))
    told = [[version["text/plain"] for version in figure] for figure in shown.figures]
    assert told == [["step 1 of 40, 0 s", "stopped at step 3 of 40, 0 s"]] * 2
    png = base64.b64decode(shown.figures[0][-1]["image/png"])
    assert png.startswith(b"\x89PNG") and struct.unpack(">II", png[16:24]) == (700, 260)


def test_pictures_are_asked_for_with_every_drawing_and_without_gradients(shown):
    asked = []

    def pictures():
        asked.append(torch.is_grad_enabled())
        return torch.zeros(2, 1, 4, 4, dtype=torch.long)

    board = Dashboard(pictures=pictures, n_levels=4, every_seconds=1e9)
    for history in (history_of(), history_of(), history_of(ended=True)):
        board(history)
    assert asked == [False, False]


def test_outside_a_notebook_it_does_nothing():
    board = Dashboard(pictures=lambda: 1 / 0)
    board(history_of())
    board(history_of(ended=True))
    assert board.seconds == 0


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_time_that_means_nothing_is_refused(seconds):
    with pytest.raises(ValueError, match="every_seconds must be a finite number"):
        Dashboard(every_seconds=seconds)


class Number(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))


def test_training_with_steps_of_20_ms_is_slowed_down_by_less_than_5_percent(shown, monkeypatch):
    """In time of the processor: others may be at work, too."""
    monkeypatch.setattr(dashboard, "time", SimpleNamespace(perf_counter=time.process_time))

    def step(model, x):
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        loss = model.w.sum() + 0 * x.sum()
        return {"loss": loss, "bits/dim": loss}

    board = Dashboard(pictures=lambda: torch.rand(8, 1, 28, 28))
    config, examples = FitConfig(epochs=75, batch_size=2), (torch.zeros(8, 1),)
    began = time.process_time()
    fit(Number(), step, examples, config, watch=board, log_every=1, progress=False)
    share = board.seconds / (time.process_time() - began)
    print(f"{share:.1%} of the time for {len(shown.figures[0])} drawings")
    assert len(shown.figures[0]) >= 2 and share < 0.05


# --------------------------------------------------------------------------- in a real notebook

SETUP = """
import time
import torch
from torch import nn
from tutorial_lib.notebook.dashboard import Dashboard
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit

class Number(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

def step(model, x):
    time.sleep(0.01)
    loss = (model.w - 1).square().sum() + 0 * x.sum()
    return {"loss": loss, "bits/dim": loss}

data = (torch.zeros(8, 1),)
board = Dashboard(pictures=lambda: torch.rand(4, 1, 8, 8), every_seconds=0.05)
import tutorial_lib.notebook.dashboard
tutorial_lib.notebook.dashboard.LARGEST_SHARE = 0.5  # so that a short run draws often
"""
TRAIN = """
fit(Number(), step, data, FitConfig(epochs=25, batch_size=2), valid=data, watch=board, log_every=1);
"""


class CountingClient(NotebookClient):
    """Runs a notebook and writes down which messages arrive."""

    def process_message(self, message, cell, cell_index):
        self.__dict__.setdefault("kinds", []).append(message["msg_type"])
        return super().process_message(message, cell, cell_index)


@pytest.fixture(scope="module")
def run_notebook():
    notebook = new_notebook(cells=[new_code_cell(text) for text in (SETUP, TRAIN, TRAIN)])
    client = CountingClient(notebook, timeout=120, kernel_name="python3")
    client.execute()
    nbformat.validate(client.nb)
    return client


@pytest.mark.parametrize("cell", [1, 2])
def test_a_finished_run_leaves_one_png_of_its_last_step(run_notebook, cell):
    """And the second run with the same dashboard leaves another one, in its own cell."""
    outputs = run_notebook.nb.cells[cell].outputs
    figures = [each for each in outputs if "image/png" in each.get("data", {})]
    assert len(figures) == 1
    assert figures[0].data["text/plain"].startswith("step 100 of 100, ")
    assert len(base64.b64decode(figures[0].data["image/png"])) < 100_000


def test_on_its_way_it_updates_and_adds_nothing(run_notebook):
    kinds = run_notebook.kinds
    assert kinds.count("update_display_data") > 4
    others = [
        each
        for cell in run_notebook.nb.cells
        for each in cell.outputs
        if "image/png" not in each.get("data", {})
    ]
    assert len(others) <= 2  # the progress bar of each run
