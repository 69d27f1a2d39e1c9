"""An image watched while it is sampled, row by row, at a temperature of one's choice."""

from __future__ import annotations

import ipywidgets
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from tutorial_lib.plotting import show_images
from tutorial_lib.sampling import sample_rows
from tutorial_lib.validation import require_int, require_model, require_symbols
from tutorial_lib.widgets.picture import (
    as_png,
    errors_shown_in,
    image_of,
    new_figure,
    one_thread,
)


def draw_sampled_rows(
    levels: torch.Tensor, n_rows: int, n_levels: int, *, ax: Axes | None = None
) -> Axes:
    """Images (N, C, H, W) of which `n_rows` rows are drawn: the others grey, a line below."""
    require_int("n_levels", n_levels, at_least=2)
    if require_symbols("levels", levels, n_levels).ndim != 4:
        raise ValueError(f"levels must be (N, C, H, W), got {tuple(levels.shape)}")
    height = levels.shape[2]
    if require_int("n_rows", n_rows, at_least=0) > height:
        raise ValueError(f"n_rows must be at most the {height} rows there are, got {n_rows}")
    images = levels.float() / (n_levels - 1)
    images[:, :, n_rows:] = 0.6
    ax = show_images(images, ax=ax)
    if 0 < n_rows < height:
        ax.axhline(n_rows - 0.5, color="#d62728", lw=1.5)
    ax.set_title(f"{n_rows} of {height} rows")
    return ax


def sampling_viewer(model: nn.Module, height: int, width: int) -> None:
    """A button that draws an image while it is sampled, row by row; a slider for temperature."""
    require_model("model", model, "n_levels", "n_colors")
    require_int("height", height, at_least=1)
    require_int("width", width, at_least=1)
    button = ipywidgets.Button(description="draw")
    temperature = ipywidgets.FloatSlider(
        value=1.0,
        min=0.4,
        max=1.6,
        step=0.1,
        description="temperature",
        style={"description_width": "initial"},
    )
    shape = (1, model.n_colors, height, width)

    def figure_of(levels: torch.Tensor, n_rows: int) -> Figure:
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
