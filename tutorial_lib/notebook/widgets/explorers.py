"""Explorers: what a pixel reads, an image that is sampled, a stroke that is completed, a bound.

Each is a plain drawing function and, after it, the controls around it.
"""

import math
from typing import Literal

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import display
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.distributions import Normal

from tutorial_lib.codes.one_latent import OneLatentModel
from tutorial_lib.contracts import Count, Natural, Positive, Several, checked, symbols
from tutorial_lib.notebook.diagrams.pixelcnn import reach_of
from tutorial_lib.notebook.plotting import (
    FUTURE,
    READ,
    READING,
    TARGET,
    UNREAD,
    WIDTH,
    show_images,
    show_influence,
)
from tutorial_lib.notebook.widgets import picture
from tutorial_lib.notebook.widgets.picture import WIDE, explorer
from tutorial_lib.pixels.likelihood import PixelModel
from tutorial_lib.sampling.ancestral import sample, sample_rows

EXPLORER_SIDE, EXPLORER_TARGET = 11, (6, 5)
STROKE_SIDE, STROKE_RADIUS = 28, 1.3  # pixels
STROKES = {  # corners as (row, column), drawn one after the other
    "arc": [(12 - 7 * math.sin(a / 6), 14 - 6 * math.cos(a / 6)) for a in range(19)],
    "bar": [(5, 8), (5, 20)],
    "slash": [(4, 19), (24, 9)],
    "hook": [(5, 19), (5, 10), (13, 9)],
    "angle": [(4, 11), (14, 9), (14, 20)],
}
Stroke = Literal[tuple(STROKES)]
SHOWN = 4.0  # of z, to both sides of the bound


def _buttons(options: list[str], description: str) -> ipywidgets.ToggleButtons:
    style = {"button_width": "60px"}
    return ipywidgets.ToggleButtons(options=options, description=description, style=style)


@checked
def draw_mask_explorer(
    kernel_size: int, n_layers: Count, first_type: str, *, ax: Axes | None = None
) -> Axes:
    """What one pixel of an 11x11 image reads through a stack of masked convolutions.

    The first layer is of type `first_type` ("A" or "B"), all others of type B. The title counts the
    pixels of the past that are read, and says so if the pixel sees itself.
    """
    side, (row, column) = EXPLORER_SIDE, EXPLORER_TARGET
    kinds = reach_of(kernel_size, n_layers, side, EXPLORER_TARGET, first_type)
    reads, n_past = torch.from_numpy(kinds.flatten() == 0), row * side + column
    ax = show_influence(reads, side, side, EXPLORER_TARGET, ax=ax)
    leak = "; it sees itself!" if reads[n_past] else ""
    ax.set_title(f"{reads[:n_past].sum()} of {n_past} earlier pixels read{leak}")
    return ax


def mask_explorer() -> None:
    """Sliders for kernel size and depth and a switch for the first layer's type."""
    controls = {
        "kernel_size": ipywidgets.IntSlider(3, min=3, max=7, step=2, description="kernel size"),
        "n_layers": ipywidgets.IntSlider(4, min=1, max=10, description="layers"),
        "first_type": _buttons(["A", "B"], "first layer"),
    }

    def draw(ax: Axes, kernel_size: int, n_layers: int, first_type: str) -> None:
        draw_mask_explorer(kernel_size, n_layers, first_type, ax=ax)
        ax.set_xlabel(READING, fontsize=8)

    display(explorer(draw, controls, size=(3.4, 3.9), places=[(0.01, 0.07, 0.98, 0.85)]))


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
        figure = picture.new_figure(3.0, 3.2)
        ax = figure.add_axes((0.02, 0.02, 0.96, 0.88))
        draw_sampled_rows(levels, n_rows, model.n_levels, ax=ax)
        return figure

    image = picture.image_of(figure_of(torch.zeros(shape, dtype=torch.long), 0))
    errors = ipywidgets.Output()

    def draw(_: object) -> None:
        with picture.errors_shown_in(errors), picture.one_thread():
            rows = sample_rows(model, shape, temperature=temperature.value)
            for n_rows, levels in enumerate(rows, start=1):
                image.value = picture.as_png(figure_of(levels.cpu(), n_rows))

    button.on_click(draw)
    display(ipywidgets.VBox([button, temperature, image, errors]))


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
    when_let_go = {"description": "rows", "continuous_update": False}
    rows = ipywidgets.IntSlider(14, min=0, max=STROKE_SIDE, **when_let_go)
    controls = {"name": _buttons(list(STROKES), "stroke"), "n_rows": rows}

    def draw(ax: Axes, name: str, n_rows: int) -> None:
        draw_completions(model, name, n_rows, ax=ax)

    display(explorer(draw, controls, size=(WIDTH, 1.65), places=[(0.01, 0.02, 0.98, 0.83)]))


@checked
def draw_bound(
    model: OneLatentModel,
    levels: Int[Tensor, "n"],
    mean: float,
    std: Positive,
    *,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Left: prior, true posterior and q = N(mean, std^2). Right: log p(x) as bound plus gap."""
    model.elbo_nats(levels, mean, std)  # complains before anything is drawn
    if axes is None:
        shape = {"figsize": (7, 2.8), "width_ratios": (3, 1), "layout": "tight"}
        axes = tuple(plt.subplots(1, 2, **shape)[1])
    curves, bars = axes
    z, posterior = model.z[::5], model.posterior(levels)[::5]
    curves.fill_between(z, model.log_prior_nats(z).exp(), color=FUTURE, label="prior p(z)")
    curves.plot(z, posterior, color=READ, lw=2, label="posterior p(z|x)")
    q = Normal(mean, std).log_prob(z).exp()
    curves.plot(z, q, color=UNREAD, lw=2, label="q(z)")
    # The same while the sliders move, until q is so narrow that it would be cut off.
    top = max(1.5 * posterior.max().item(), 1.2, 1.1 * q.max().item())
    curves.set(xlim=(-SHOWN, SHOWN), ylim=(0, top), xlabel="z", ylabel="density")
    curves.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    _draw_bars(model, levels, mean, std, bars)
    return axes


def _draw_bars(model: OneLatentModel, levels: Tensor, mean: float, std: float, ax: Axes) -> None:
    evidence = model.log_evidence_nats(levels).item()
    bound = model.elbo_nats(levels, mean, std).item()
    gap = model.gap_nats(levels, mean, std).item()
    ax.bar(["log p(x)"], [evidence], color=READ, width=0.6)
    ax.bar(["bound"], [evidence], color=UNREAD, width=0.6)
    ax.bar(["bound"], [-gap], bottom=evidence, color=TARGET, width=0.6, label="gap")
    ax.set_ylim(min(3 * evidence, -10), 0)  # the same while the sliders move
    ax.set_ylabel("nats for the image")
    ax.set_title(f"{evidence:.2f} = {bound:.2f} + {gap:.2f}", loc="right")  # may grow to the left
    ax.legend(loc="lower left")


@checked
def bound_explorer(model: OneLatentModel, levels: Int[Tensor, "n"]) -> None:
    """Sliders for the mean and the width of q."""
    model.log_evidence_nats(levels)  # complains before anything is drawn
    slider = ipywidgets.FloatSlider
    controls = {
        "mean": slider(0, min=-3, max=3, step=0.1, description="mean of q", style=WIDE),
        "std": slider(1, min=0.05, max=1.5, step=0.05, description="width of q", style=WIDE),
    }

    def draw(curves: Axes, bars: Axes, mean: float, std: float) -> None:
        draw_bound(model, levels, mean, std, axes=(curves, bars))

    places = [(0.1, 0.18, 0.55, 0.68), (0.79, 0.18, 0.2, 0.68)]
    display(explorer(draw, controls, size=(WIDTH, 2.8), places=places))
