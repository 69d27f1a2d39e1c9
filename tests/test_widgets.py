"""Widgets: the plain function behind each, and the shell around it."""

import time

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import pytest

from tutorial_lib import widgets

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_type_b_first_is_called_out_and_type_a_is_not():
    assert "sees itself" in widgets.draw_mask_explorer(3, 2, "B").get_title()
    assert "sees itself" not in widgets.draw_mask_explorer(3, 2, "A").get_title()


def test_one_layer_of_type_a_reads_its_four_neighbours():
    title = widgets.draw_mask_explorer(3, 1, "A").get_title()
    assert title.startswith("4 of 71 earlier pixels")


def test_more_layers_read_more_until_the_blind_spot_is_left():
    counts = [
        int(widgets.draw_mask_explorer(3, depth, "A").get_title().split()[0])
        for depth in (1, 2, 4, 8, 10)
    ]
    assert counts == sorted(counts) and counts[-1] == counts[-2] < 71


def test_the_slowest_setting_answers_within_200_ms():
    widgets.draw_mask_explorer(7, 10, "A")  # the first call also imports
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        widgets.draw_mask_explorer(7, 10, "A")
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.2


def test_the_shell_shows_its_controls_and_a_move_redraws(monkeypatch):
    shown, drawn = [], []
    monkeypatch.setattr(widgets, "display", shown.append)
    monkeypatch.setattr(widgets, "draw_mask_explorer", lambda *a, **k: drawn.append(a))
    widgets.mask_explorer()
    (box,) = shown
    sliders = [child for child in box.children if isinstance(child, ipywidgets.IntSlider)]
    assert [slider.description for slider in sliders] == ["kernel size", "layers"]
    sliders[1].value = 7
    assert drawn[-1] == (3, 7, "A")
