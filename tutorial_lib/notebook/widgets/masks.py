"""What one pixel reads through masked convolutions: kernel size, depth and type under sliders."""

from __future__ import annotations

import ipywidgets
import torch
from IPython.display import display
from matplotlib.axes import Axes
from torch import nn

from tutorial_lib.contracts import Count, checked
from tutorial_lib.notebook.plotting import READING, show_influence
from tutorial_lib.notebook.widgets.picture import explorer
from tutorial_lib.pixels.influence import as_model, influence_map
from tutorial_lib.pixels.masks import MaskedConv2d

EXPLORER_SIDE, EXPLORER_TARGET = 11, (6, 5)


@checked
def draw_mask_explorer(
    kernel_size: int, n_layers: Count, first_type: str, *, ax: Axes | None = None
) -> Axes:
    """What one pixel of an 11x11 image reads through a stack of masked convolutions.

    The first layer is of type `first_type` ("A" or "B"), all others of type B. The title counts the
    pixels of the past that are read, and says so if the pixel sees itself.
    """
    types = [first_type, *"B" * (n_layers - 1)]
    stack = nn.Sequential(*(MaskedConv2d(1, 1, kernel_size, mask_type=each) for each in types))
    for weights in stack.parameters():
        nn.init.ones_(weights)
    side, (row, column) = EXPLORER_SIDE, EXPLORER_TARGET
    reads = influence_map(as_model(stack), side, side, EXPLORER_TARGET, n_probes=1)[0] > 0
    past = torch.arange(side * side).view(side, side) < row * side + column
    ax = show_influence(reads.flatten(), side, side, EXPLORER_TARGET, ax=ax)
    leak = "; it sees itself!" if reads[row, column] else ""
    ax.set_title(f"{(reads & past).sum()} of {past.sum()} earlier pixels read{leak}")
    return ax


def mask_explorer() -> None:
    """Sliders for kernel size and depth and a switch for the first layer's type."""
    controls = {
        "kernel_size": ipywidgets.IntSlider(3, min=3, max=7, step=2, description="kernel size"),
        "n_layers": ipywidgets.IntSlider(4, min=1, max=10, description="layers"),
        "first_type": ipywidgets.ToggleButtons(
            options=["A", "B"], description="first layer", style={"button_width": "60px"}
        ),
    }

    def draw(ax: Axes, kernel_size: int, n_layers: int, first_type: str) -> None:
        draw_mask_explorer(kernel_size, n_layers, first_type, ax=ax)
        ax.set_xlabel(READING, fontsize=8)

    display(explorer(draw, controls, size=(3.4, 3.9), places=[(0.01, 0.07, 0.98, 0.85)]))
