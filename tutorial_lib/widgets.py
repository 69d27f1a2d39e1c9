"""Controls to play with: each a plain drawing function and a thin ipywidgets shell around it.

The plain function can be called, tested and stored as a still; the shell only connects it to
sliders. Only what ipywidgets 7 and 8 share is used.
"""

from __future__ import annotations

import io
import math

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from tutorial_lib.influence import as_model, influence_map
from tutorial_lib.masks import MaskedConv2d
from tutorial_lib.plotting import show_images, show_influence
from tutorial_lib.sampling import sample, sample_rows
from tutorial_lib.validation import require_choice, require_int

EXPLORER_SIDE, EXPLORER_TARGET = 11, (6, 5)
STROKE_SIDE, STROKE_RADIUS = 28, 1.3  # pixels
STROKES = {  # corners as (row, column), drawn one after the other
    "arc": [(12 - 7 * math.sin(a / 6), 14 - 6 * math.cos(a / 6)) for a in range(19)],
    "bar": [(5, 8), (5, 20)],
    "slash": [(4, 19), (24, 9)],
    "hook": [(5, 19), (5, 10), (13, 9)],
    "angle": [(4, 11), (14, 9), (14, 20)],
}


def draw_mask_explorer(
    kernel_size: int, n_layers: int, first_type: str, *, ax: Axes | None = None
) -> Axes:
    """What one pixel of an 11x11 image reads through a stack of masked convolutions.

    The first layer is of type `first_type` ("A" or "B"), all others of type B. The title counts the
    pixels of the past that are read, and says so if the pixel sees itself.
    """
    stack = nn.Sequential(
        *(
            MaskedConv2d(1, 1, kernel_size, mask_type="B" if i else first_type)
            for i in range(n_layers)
        )
    )
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
    kernel_size = ipywidgets.IntSlider(value=3, min=3, max=7, step=2, description="kernel size")
    n_layers = ipywidgets.IntSlider(value=4, min=1, max=10, description="layers")
    first_type = ipywidgets.ToggleButtons(options=["A", "B"], description="first layer")

    def draw(kernel_size: int, n_layers: int, first_type: str) -> None:
        draw_mask_explorer(kernel_size, n_layers, first_type)
        plt.show()

    controls = {"kernel_size": kernel_size, "n_layers": n_layers, "first_type": first_type}
    picture = ipywidgets.interactive_output(draw, controls)
    display(ipywidgets.VBox([kernel_size, n_layers, first_type, picture]))


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


def stroke(name: str) -> torch.Tensor:
    """A line through a few corners, (1, 1, 28, 28) of 0 and 1: the beginning of a digit."""
    require_choice("name", name, tuple(STROKES))
    corners = torch.tensor(STROKES[name], dtype=torch.float64)
    start, step = corners[:-1], corners.diff(dim=0)
    axis = torch.arange(STROKE_SIDE, dtype=torch.float64)
    pixels = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).unsqueeze(2)
    # How far along each piece of the line its nearest point to the pixel lies, from 0 to 1.
    along = ((pixels - start) * step).sum(dim=-1) / step.square().sum(dim=-1)
    nearest = start + along.clamp(0, 1).unsqueeze(-1) * step
    distance = (pixels - nearest).square().sum(dim=-1).sqrt().amin(dim=-1)
    return (distance < STROKE_RADIUS).long()[None, None]


def draw_completions(
    model: nn.Module, name: str, n_rows: int, *, n: int = 4, seed: int = 0, ax: Axes | None = None
) -> Axes:
    """The upper rows of a stroke, and `n` ways in which a model of 28x28 images goes on."""
    require_int("n_rows", n_rows, at_least=0)
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
    name = ipywidgets.ToggleButtons(options=list(STROKES), description="stroke")
    n_rows = ipywidgets.IntSlider(
        value=14, min=0, max=STROKE_SIDE, description="rows", continuous_update=False
    )

    def draw(name: str, n_rows: int) -> None:
        draw_completions(model, name, n_rows)
        plt.show()

    picture = ipywidgets.interactive_output(draw, {"name": name, "n_rows": n_rows})
    display(ipywidgets.VBox([name, n_rows, picture]))
