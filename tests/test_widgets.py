"""Widgets: the plain function behind each, and the shell around it."""

import time

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch

from tutorial_lib.codes.one_latent import blob_on_a_strip
from tutorial_lib.notebook.widgets import explorers
from tutorial_lib.notebook.widgets import picture as picture_module
from tutorial_lib.pixels.gated import GatedPixelCNN

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_type_b_first_is_called_out_and_type_a_is_not():
    assert "sees itself" in explorers.draw_mask_explorer(3, 2, "B").get_title()
    assert "sees itself" not in explorers.draw_mask_explorer(3, 2, "A").get_title()


def test_one_layer_of_type_a_reads_its_four_neighbours():
    title = explorers.draw_mask_explorer(3, 1, "A").get_title()
    assert title.startswith("4 of 71 earlier pixels")


def test_more_layers_read_more_until_the_blind_spot_is_left():
    counts = [
        int(explorers.draw_mask_explorer(3, depth, "A").get_title().split()[0])
        for depth in (1, 2, 4, 8, 10)
    ]
    assert counts == sorted(counts) and counts[-1] == counts[-2] < 71


def test_the_slowest_setting_answers_within_200_ms():
    explorers.draw_mask_explorer(7, 10, "A")  # the first call also imports
    seconds = []
    for _ in range(3):
        began = time.process_time()
        explorers.draw_mask_explorer(7, 10, "A")
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.2


def test_the_shell_shows_its_controls_and_a_move_redraws(monkeypatch):
    shown, drawn = [], []
    monkeypatch.setattr(explorers, "display", shown.append)
    monkeypatch.setattr(explorers, "draw_mask_explorer", lambda *a, **k: drawn.append(a))
    explorers.mask_explorer()
    (box,) = shown
    sliders = [child for child in box.children if isinstance(child, ipywidgets.IntSlider)]
    assert [slider.description for slider in sliders] == ["kernel size", "layers"]
    sliders[1].value = 7
    assert drawn[-1] == (3, 7, "A")


# ------------------------------------------------------------------------------ a live picture


def figure_with(number):
    figure = picture_module.new_figure(2.0, 1.0)
    figure.text(0.1, 0.5, f"{1 / (4 - number):.3f}")
    return figure


def test_a_picture_is_drawn_anew_and_never_wider_than_its_place():
    number = ipywidgets.IntSlider(value=3, max=6)
    image, _ = picture_module.live_picture(figure_with, {"number": number}).children
    first = image.value
    number.value = 2
    second = image.value
    number.value = 3
    assert first != second and image.value == first and bytes(first).startswith(b"\x89PNG")
    assert image.layout.width == "200px" and image.layout.max_width == "calc(100% - 4px)"
    assert plt.get_fignums() == []


def test_what_goes_wrong_in_a_callback_is_not_swallowed():
    """Without a notebook it is raised; tests/browser looks at what a notebook shows."""
    number = ipywidgets.IntSlider(value=3, max=6)
    picture_module.live_picture(figure_with, {"number": number})
    with pytest.raises(ZeroDivisionError):
        number.value = 4


# ----------------------------------------------------------------------- watching an image grow


@pytest.fixture
def model():
    """The size of the shipped model of digits."""
    options = {"n_channels": 32, "n_layers": 3, "kernel_size": 5, "first_kernel_size": 9}
    return GatedPixelCNN(**options, coordinates=True, n_frequencies=4).eval()


def picture(ax):
    """The pixels of the first image in an axes."""
    return torch.tensor(ax.images[0].get_array().data)


@pytest.mark.parametrize("n_rows", [0, 2, 5])
def test_rows_that_are_not_drawn_yet_are_grey_and_a_line_says_where_it_is(n_rows):
    ax = explorers.draw_sampled_rows(torch.ones(1, 1, 5, 4, dtype=torch.long), n_rows, 2)
    assert ax.get_title() == f"{n_rows} of 5 rows"
    assert (picture(ax)[:n_rows] == 1).all()
    assert (picture(ax)[n_rows:] == torch.tensor(0.6)).all()
    assert [line.get_ydata()[0] for line in ax.lines] == ([1.5] if n_rows == 2 else [])


def test_a_click_draws_the_image_row_by_row_at_the_temperature_of_the_slider(monkeypatch):
    shown, drawn, asked = [], [], []
    small = GatedPixelCNN(n_channels=2, n_layers=1)
    rows = explorers.sample_rows
    monkeypatch.setattr(explorers, "display", shown.append)
    show = explorers.draw_sampled_rows
    monkeypatch.setattr(
        explorers, "draw_sampled_rows", lambda *a, **k: drawn.append(a) or show(*a, **k)
    )
    monkeypatch.setattr(
        explorers, "sample_rows", lambda *a, **k: asked.append(k["temperature"]) or rows(*a, **k)
    )
    explorers.sampling_viewer(small, 4, 3)
    button, temperature, image, _ = shown[0].children
    empty = image.value
    temperature.value = 0.7
    button.click()
    assert [n_rows for _, n_rows, _ in drawn] == [0, 1, 2, 3, 4]
    assert drawn[-1][0].shape == (1, 1, 4, 3) and asked == [0.7]
    assert bytes(image.value).startswith(b"\x89PNG") and image.value != empty
    assert plt.get_fignums() == []


# ------------------------------------------------------------------- completing what was begun


@pytest.mark.parametrize("name", explorers.STROKES)
def test_a_stroke_begins_in_the_upper_half_and_is_a_line(name):
    image = explorers.stroke(name)
    assert image.shape == (1, 1, 28, 28) and image.unique().tolist() == [0, 1]
    assert image[:, :, :14].sum() > 20 and image.sum() < 120


def test_a_stroke_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="name must be one of .*, got 'spiral'"):
        explorers.stroke("spiral")


@pytest.mark.parametrize("n_rows", [0, 14, 28])
def test_completions_keep_what_was_given(model, n_rows):
    ax = explorers.draw_completions(model, "bar", n_rows)
    sheet, wanted = picture(ax), explorers.stroke("bar")[0, 0, :n_rows].float()
    for i in range(5):
        left = i * (sheet.shape[1] + 1) // 5
        assert torch.equal(sheet[:n_rows, left : left + 28], wanted)
    assert (sheet[n_rows:, :28] == torch.tensor(0.6)).all()
    assert [label.get_text() for label in ax.get_xticklabels()][:2] == ["given", "drawn 1"]


def test_completions_differ_from_each_other_and_the_seed_brings_them_back(model):
    def drawn(seed):
        return picture(explorers.draw_completions(model, "arc", 14, seed=seed))

    first = drawn(0)
    images = [first[:, i * 29 : i * 29 + 28] for i in range(1, 5)]
    assert not torch.equal(images[0], images[1])
    assert torch.equal(first, drawn(0)) and not torch.equal(first, drawn(1))


def test_half_an_image_is_completed_within_200_ms(model):
    explorers.draw_completions(model, "arc", 14)
    seconds = []
    for _ in range(3):
        began = time.process_time()  # of this process: others may be at work, too
        explorers.draw_completions(model, "arc", 14)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.2


def test_the_shell_of_completions_redraws_at_a_choice(monkeypatch, model):
    shown, drawn = [], []
    monkeypatch.setattr(explorers, "display", shown.append)
    monkeypatch.setattr(explorers, "draw_completions", lambda *a, **k: drawn.append(a[1:]))
    explorers.completion_explorer(model)
    name, n_rows, _ = shown[0].children
    name.value = "hook"
    n_rows.value = 20
    assert drawn[-2:] == [("hook", 14), ("hook", 20)]


# ------------------------------------------------------------------------- the bound and its gap


@pytest.fixture(scope="module")
def strip():
    return blob_on_a_strip()


ONE_BLOB = torch.tensor([0, 0, 0, 0, 1, 1, 0, 0, 0])


def test_the_bars_are_log_p_and_its_two_parts(strip):
    _, bars = explorers.draw_bound(strip, ONE_BLOB, 0.5, 0.3)
    evidence = strip.log_evidence_nats(ONE_BLOB).item()
    gap = strip.gap_nats(ONE_BLOB, 0.5, 0.3).item()
    heights = [patch.get_height() for patch in bars.patches]
    assert heights == pytest.approx([evidence, evidence, -gap])
    assert bars.get_title(loc="right") == f"{evidence:.2f} = {evidence - gap:.2f} + {gap:.2f}"


def test_the_curves_are_prior_posterior_and_q(strip):
    curves, _ = explorers.draw_bound(strip, ONE_BLOB, 0.5, 0.3)
    posterior, q = (torch.tensor(line.get_ydata()) for line in curves.lines)
    step = 5 * strip.dz
    assert (posterior.sum() * step).item() == pytest.approx(1, abs=1e-6)
    assert strip.z[::5][q.argmax()].item() == pytest.approx(0.5, abs=step)


@pytest.mark.parametrize("std", [0.05, 0.1, 0.3, 1.5])
def test_no_q_is_cut_off_and_the_scale_stays_while_it_need_not_grow(strip, std):
    curves, _ = explorers.draw_bound(strip, ONE_BLOB, 0.0, std)
    (_, top), q = curves.get_ylim(), curves.lines[1].get_ydata()
    assert q.max() < top
    (_, usual), _ = (ax.get_ylim() for ax in explorers.draw_bound(strip, ONE_BLOB, 0.0, 1.0))
    assert top == usual or q.max() > usual / 1.1


def test_a_move_of_the_bound_explorer_redraws(monkeypatch, strip):
    shown, drawn = [], []
    monkeypatch.setattr(explorers, "display", shown.append)
    monkeypatch.setattr(explorers, "draw_bound", lambda *a, **k: drawn.append(a[2:]))
    explorers.bound_explorer(strip, ONE_BLOB)
    mean, std, _ = shown[0].children
    mean.value = -0.7
    std.value = 0.4
    assert drawn[-2:] == [(-0.7, 1.0), (-0.7, 0.4)]
    assert (mean.min, mean.max, std.min) == (-3, 3, 0.05)


@pytest.mark.parametrize("std", [0.05, 1.5])
@pytest.mark.parametrize("mean", [-3.0, 3.0])
def test_the_bound_can_be_drawn_wherever_the_sliders_go_within_200_ms(strip, mean, std):
    seconds = []
    for _ in range(3):
        began = time.process_time()
        explorers.draw_bound(strip, ONE_BLOB, mean, std)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.2
