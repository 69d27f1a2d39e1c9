"""Figures: what they show, where it can be checked."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from tutorial_lib.data.tiles import tile
from tutorial_lib.notebook import charts, plotting
from tutorial_lib.recipes.sample_sheets import write_png

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_sheet_places_images_in_reading_order_with_a_white_gutter():
    images = torch.zeros(3, 1, 2, 2)
    images[1] = 0.5
    sheet = tile(images, n_columns=2)
    assert sheet.shape == (5, 5)
    assert np.all(sheet[:2, :2] == 0) and np.all(sheet[:2, 3:] == 0.5)
    assert np.all(sheet[2] == 1) and np.all(sheet[:, 2] == 1)
    assert np.all(sheet[3:, 3:] == 1)  # no fourth image


def test_levels_are_scaled_by_their_number_and_colours_kept():
    levels = torch.tensor([0, 3, 1]).view(1, 3, 1, 1)
    assert tile(levels, n_columns=1, n_levels=4).flatten().tolist() == pytest.approx([0, 1, 1 / 3])


def test_levels_without_their_number_are_refused():
    with pytest.raises(ValueError, match="n_levels"):
        tile(torch.zeros(1, 1, 2, 2, dtype=torch.long), n_columns=1)


def test_images_of_two_channels_are_refused():
    with pytest.raises((ValueError, TypeError), match="2"):
        tile(torch.zeros(1, 2, 2, 2), n_columns=1)


def test_the_influence_map_tells_read_unread_and_future_apart():
    reads = torch.zeros(6, dtype=torch.bool)
    reads[0] = True
    ax = plotting.show_influence(reads, 2, 3, (1, 0))
    assert ax.images[0].get_array().tolist() == [[0, 1, 1], [2, 2, 2]]
    outline = ax.patches[0]
    assert (outline.get_x(), outline.get_y()) == (-0.5, 0.5)


def test_hidden_pixels_have_a_colour_that_no_level_has():
    levels = torch.arange(16).view(1, 1, 4, 4)
    hidden = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    hidden[0, 0, 2:] = True
    shown = plotting.hide(levels, hidden, n_levels=16)
    red, green, blue = shown[0]
    assert torch.equal(red == blue, ~hidden[0, 0]) and torch.equal(red == green, ~hidden[0, 0])
    assert torch.equal(red[:2], levels[0, 0, :2] / 15)
    assert len(shown[0, :, 2:].flatten(1).unique(dim=1).T) == 1  # whatever was there


def test_completions_stand_between_what_was_given_and_the_truth():
    truth = torch.tensor([0, 3]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    drawn = torch.tensor([1, 1, 2, 2]).view(4, 1, 1, 1).expand(4, 1, 2, 2)
    known = torch.tensor([[True, True], [False, False]])
    ax = plotting.show_completions(truth, known, drawn, 4)
    sheet = torch.tensor(ax.images[0].get_array().data)
    columns = [sheet[:, 3 * i] for i in range(4)]  # three pixels an image with its gutter
    for row, (true, guess) in enumerate([(0, 1), (1, 2)]):
        top, below = 3 * row, 3 * row + 1
        assert (columns[0][top] == true).all()
        assert columns[0][below].tolist() == pytest.approx(plotting.HIDDEN)
        for column, level in zip(columns[1:], (guess, guess, 3 * true), strict=True):
            torch.testing.assert_close(column[[top, below]], torch.full((2, 3), level / 3))
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["given", "drawn 1", "drawn 2", "truth"]


def test_drawings_that_do_not_divide_among_the_images_are_refused():
    images, known = torch.zeros(2, 1, 2, 2).long(), torch.ones(2, 2).bool()
    with pytest.raises(ValueError, match=r"equally many images for each of the 2, got \(3, 1"):
        plotting.show_completions(images, known, torch.zeros(3, 1, 2, 2).long(), 4)


def test_an_outline_lies_around_its_pixel_and_leaves_it_visible():
    ax = plotting.show_influence(torch.zeros(35), 5, 7, (2, 6))
    (outline,) = ax.patches
    assert (outline.get_x(), outline.get_y()) == (5.5, 1.5) and not outline.get_fill()
    assert (outline.get_width(), outline.get_height()) == (1, 1)


def test_usage_bars_are_sorted_and_their_title_has_the_perplexity():
    ax = charts.show_usage(torch.tensor([1.0, 6.0, 3.0]), 2.46)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([60, 30, 10])
    assert "perplexity 2 of 3" in ax.get_title()


def test_stacked_bits_print_the_total():
    ax = charts.show_stacked_bits({"a": (3.0, 0.25), "b": (2.0, 0.5)})
    assert [text.get_text().strip() for text in ax.texts] == ["3.250", "2.500"]


def test_reconstructions_share_their_limits():
    images = torch.rand(3, 1, 8, 8)
    codes = torch.randint(4, (3, 2, 2))
    axes = plotting.show_reconstructions(images, images / 2, codes, 4)
    assert {axes[r, c].images[0].get_clim() for r in (0, 1) for c in range(3)} == {(0, 1)}


def test_figures_are_at_most_seven_inches_wide_and_given_axes_are_used():
    images = torch.rand(40, 1, 8, 8)
    assert plotting.show_images(images).figure.get_figwidth() <= 7.0
    _, ax = plt.subplots()
    assert plotting.show_images(images, ax=ax) is ax


def test_png_pixels_are_zoomed_without_smoothing(tmp_path):
    path = write_png(tmp_path / "a.png", np.array([[0.0, 1.0]]), zoom=3)
    pixels = matplotlib.image.imread(path)[..., 0]
    assert pixels.shape == (3, 6) and np.all(pixels[:, :3] == 0) and np.all(pixels[:, 3:] == 1)


def test_another_format_than_png_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a.jpg"):
        write_png(tmp_path / "a.jpg", np.zeros((1, 1)))


def test_a_run_that_was_stopped_before_its_first_row_has_an_empty_curve():
    curves = {"training": ([1, 2], [3.0, 2.0]), "held-out": tuple(zip(*[], strict=True))}
    ax = charts.show_curves(curves, xlabel="step", ylabel="bits/dim")
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 0]
