"""Figures of a page have twice the dots, the same size on the page, and small files."""

import base64
import io
import os

import matplotlib.pyplot as plt
import nbformat
import notebook_run
import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_lib.notebook import setup as sharp


def png_size(data: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(data)).size


@pytest.fixture
def curve():
    figure, ax = plt.subplots(figsize=(4, 2))
    ax.plot([0, 1, 4])
    yield figure
    plt.close(figure)


def test_a_figure_has_twice_the_dots_of_its_size_on_the_page(curve):
    data, size = sharp.sharp_png(curve)
    width, height = png_size(data)
    assert abs(width - 2 * size["width"]) <= 1 and abs(height - 2 * size["height"]) <= 1
    assert size["width"] > 300


def test_a_curve_takes_fewer_bytes_than_with_all_its_colours(curve):
    whole = io.BytesIO()
    curve.savefig(whole, format="png", dpi=2 * curve.dpi, bbox_inches="tight")
    data, _ = sharp.sharp_png(curve)
    assert len(data) < 0.7 * len(whole.getvalue())


def test_few_colours_change_no_grey_level_of_an_image():
    grey = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)
    small = sharp.few_colors(Image.fromarray(grey))
    assert np.array_equal(np.asarray(small.convert("L")), grey)


def test_a_picture_of_many_colours_keeps_them():
    noise = torch.randint(0, 256, (64, 64, 3), generator=torch.Generator().manual_seed(0))
    image = Image.fromarray(noise.numpy().astype(np.uint8))
    assert np.array_equal(np.asarray(sharp.few_colors(image)), np.asarray(image))


def test_an_empty_figure_is_no_picture():
    figure = plt.figure()
    assert sharp.sharp_png(figure) is None
    plt.close(figure)


def test_a_notebook_that_starts_as_all_do_stores_sharp_figures(tmp_path):
    cells = [
        "from tutorial_lib.notebook import start\nstart()",
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(3, 2)); plt.plot([1, 2]);",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    inline = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    options = {"profile": "smoke", "environment": inline}
    (shown,) = notebook_run.execute(notebook, tmp_path, **options).cells[1].outputs
    wide = png_size(base64.b64decode(shown.data["image/png"]))[0]
    assert abs(wide - 2 * shown.metadata["image/png"]["width"]) <= 1
