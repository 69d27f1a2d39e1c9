"""An image watched while it is sampled, row by row, at a temperature of one's choice."""

from __future__ import annotations

import ipywidgets
import torch
from IPython.display import display
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from tutorial_lib.contracts import Count, Natural, Several, checked, symbols
from tutorial_lib.notebook.plotting import TARGET, show_images
from tutorial_lib.notebook.widgets.picture import (
    WIDE,
    as_png,
    errors_shown_in,
    image_of,
    new_figure,
    one_thread,
)
from tutorial_lib.pixels.likelihood import PixelModel
from tutorial_lib.sampling.ancestral import sample_rows


@checked
def draw_sampled_rows(
    levels: Int[Tensor, "N C H W"], n_rows: Natural, n_levels: Several, *, ax: Axes | None = None
) -> Axes:
    """Images (N, C, H, W) of which `n_rows` rows are drawn: the others grey, a line below."""
    height = symbols("levels", levels, n_levels).shape[2]
    if n_rows > height:
        raise ValueError(f"n_rows must be at most the {height} rows there are, got {n_rows}")
    images = levels.float() / (n_levels - 1)
    images[:, :, n_rows:] = 0.6
    ax = show_images(images, ax=ax)
    if 0 < n_rows < height:
        ax.axhline(n_rows - 0.5, color=TARGET, lw=1.5)
    ax.set_title(f"{n_rows} of {height} rows")
    return ax


@checked
def sampling_viewer(model: PixelModel, height: Count, width: Count) -> None:
    """A button that draws an image while it is sampled, row by row; a slider for temperature."""
    button = ipywidgets.Button(description="draw")
    temperature = ipywidgets.FloatSlider(
        1.0, min=0.4, max=1.6, step=0.1, description="temperature", style=WIDE
    )
    shape = (1, model.n_colors, height, width)

    def figure_of(levels: Tensor, n_rows: int) -> Figure:
        figure = new_figure(3.0, 3.2)
        ax = figure.add_axes((0.02, 0.02, 0.96, 0.88))
        draw_sampled_rows(levels, n_rows, model.n_levels, ax=ax)
        return figure

    picture = image_of(figure_of(torch.zeros(shape, dtype=torch.long), 0))
    errors = ipywidgets.Output()

    def draw(_: object) -> None:
        with errors_shown_in(errors), one_thread():
            rows = sample_rows(model, shape, temperature=temperature.value)
            for n_rows, levels in enumerate(rows, start=1):
                picture.value = as_png(figure_of(levels.cpu(), n_rows))

    button.on_click(draw)
    display(ipywidgets.VBox([button, temperature, picture, errors]))
