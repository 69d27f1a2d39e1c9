"""A few strokes of a pen, given to a model of digits that draws the rest."""

from __future__ import annotations

import math
from typing import Literal

import ipywidgets
import torch
from IPython.display import display
from matplotlib.axes import Axes
from torch import nn

from tutorial_lib.contracts import Count, Natural, checked
from tutorial_lib.notebook.plotting import WIDTH, show_images
from tutorial_lib.notebook.widgets.picture import explorer
from tutorial_lib.sampling.ancestral import sample

STROKE_SIDE, STROKE_RADIUS = 28, 1.3  # pixels
STROKES = {  # corners as (row, column), drawn one after the other
    "arc": [(12 - 7 * math.sin(a / 6), 14 - 6 * math.cos(a / 6)) for a in range(19)],
    "bar": [(5, 8), (5, 20)],
    "slash": [(4, 19), (24, 9)],
    "hook": [(5, 19), (5, 10), (13, 9)],
    "angle": [(4, 11), (14, 9), (14, 20)],
}
Stroke = Literal[tuple(STROKES)]


@checked
def stroke(name: Stroke) -> torch.Tensor:
    """A line through a few corners, (1, 1, 28, 28) of 0 and 1: the beginning of a digit."""
    corners = torch.tensor(STROKES[name], dtype=torch.float64)
    start, step = corners[:-1], corners.diff(dim=0)
    axis = torch.arange(STROKE_SIDE, dtype=torch.float64)
    pixels = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).unsqueeze(2)
    # How far along each piece of the line its nearest point to the pixel lies, from 0 to 1.
    along = ((pixels - start) * step).sum(dim=-1) / step.square().sum(dim=-1)
    nearest = start + along.clamp(0, 1).unsqueeze(-1) * step
    distance = (pixels - nearest).square().sum(dim=-1).sqrt().amin(dim=-1)
    return (distance < STROKE_RADIUS).long()[None, None]


@checked
def draw_completions(
    model: nn.Module,
    name: Stroke,
    n_rows: Natural,
    *,
    n: Count = 4,
    seed: Natural = 0,
    ax: Axes | None = None,
) -> Axes:
    """The upper rows of a stroke, and `n` ways in which a model of 28x28 images goes on."""
    known = stroke(name).clone()
    known[:, :, n_rows:] = -1
    noise = torch.Generator().manual_seed(seed)
    known = known.expand(n, -1, -1, -1)
    drawn = sample(model, tuple(known.shape), known=known, method="cached", generator=noise).cpu()
    given = torch.where(known[:1] < 0, 0.6, known[:1].float())
    titles = ["given", *(f"drawn {i + 1}" for i in range(n))]
    return show_images(torch.cat([given, drawn.float()]), titles=titles, ax=ax)


def completion_explorer(model: nn.Module) -> None:
    """Choose a stroke and how many of its rows are given; the model draws the rest."""
    controls = {
        "name": ipywidgets.ToggleButtons(
            options=list(STROKES), description="stroke", style={"button_width": "60px"}
        ),
        "n_rows": ipywidgets.IntSlider(
            14, min=0, max=STROKE_SIDE, description="rows", continuous_update=False
        ),
    }

    def draw(ax: Axes, name: str, n_rows: int) -> None:
        draw_completions(model, name, n_rows, ax=ax)

    display(explorer(draw, controls, size=(WIDTH, 1.65), places=[(0.01, 0.02, 0.98, 0.83)]))
