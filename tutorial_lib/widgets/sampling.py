"""An image watched while it is sampled, row by row, at a temperature of one's choice."""

from __future__ import annotations

import io

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from tutorial_lib.plotting import show_images
from tutorial_lib.sampling import sample_rows
from tutorial_lib.validation import require_int


def draw_sampled_rows(
    levels: torch.Tensor, n_rows: int, n_levels: int, *, ax: Axes | None = None
) -> Axes:
    """Images (N, C, H, W) of which `n_rows` rows are drawn: the others grey, a line below."""
    height = levels.shape[2]
    require_int("n_rows", n_rows, at_least=0)
    images = levels.float() / (n_levels - 1)
    images[:, :, n_rows:] = 0.6
    ax = show_images(images, ax=ax)
    if 0 < n_rows < height:
        ax.axhline(n_rows - 0.5, color="#d62728", lw=1.5)
    ax.set_title(f"{n_rows} of {height} rows")
    return ax


def sampling_viewer(model: nn.Module, height: int, width: int) -> None:
    """A button that draws an image while it is sampled, row by row; a slider for temperature."""
    button = ipywidgets.Button(description="draw")
    temperature = ipywidgets.FloatSlider(
        value=1.0,
        min=0.4,
        max=1.6,
        step=0.1,
        description="temperature",
        style={"description_width": "initial"},
    )
    picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(width="300px"))
    shape = (1, model.n_colors, height, width)

    def show(levels: torch.Tensor, n_rows: int) -> None:
        figure, ax = plt.subplots(figsize=(3, 3), layout="tight")
        draw_sampled_rows(levels, n_rows, model.n_levels, ax=ax)
        picture.value = _as_png(figure)

    def draw(_: object) -> None:
        rows = sample_rows(model, shape, temperature=temperature.value)
        for n_rows, levels in enumerate(rows, start=1):
            show(levels.cpu(), n_rows)

    button.on_click(draw)
    show(torch.zeros(shape, dtype=torch.long), 0)
    display(ipywidgets.VBox([button, temperature, picture]))


def _as_png(figure: Figure) -> bytes:
    """The figure as a file; it is closed, so that no notebook shows it once more."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)
    return file.getvalue()
