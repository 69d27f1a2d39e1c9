"""The figures of the series in one style: image grids, influence maps, index maps, usage, curves.

Every function takes `ax=None`, draws into it or into a new figure, and returns the axes; nothing is
shown or saved here. Images are drawn pixel by pixel (no smoothing) with fixed limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from tutorial_lib.contracts import (
    Count,
    Positive,
    Several,
    checked,
    filled,
    finite,
    symbols,
)
from tutorial_lib.data.tiles import GUTTER, Grey, tile

WIDTH = 7.0  # inches, the widest figure
SEQUENTIAL = "viridis"
READ, UNREAD, FUTURE = "#3b76af", "#e6a04c", "#e9e9e9"
TARGET = "#d62728"
READING = "blue: read · orange: past, unread · grey: the rest"


def use_style() -> None:
    """Set the style of all figures: white background (also on a dark page), light grid, 10 pt."""
    plt.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.0),
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.facecolor": "white",
            "axes.facecolor": "white",
            "savefig.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "font.size": 10,
            "legend.frameon": False,
            "image.interpolation": "nearest",
            "image.cmap": "gray",
        }
    )


def _axes(ax: Axes | None, width: float = WIDTH, height: float = 3.0) -> Axes:
    return plt.subplots(figsize=(width, height), layout="tight")[1] if ax is None else ax


def _bare(ax: Axes) -> Axes:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


@checked
def show_images(
    images: Shaped[Tensor, "N C H W"],
    *,
    n_levels: Several | None = None,
    n_columns: Count = 10,
    titles: Sequence[str] | None = None,
    row_labels: Sequence[str] | None = None,
    gutter: Grey = 1.0,
    ax: Axes | None = None,
) -> Axes:
    """A grid of images; `titles` name the columns, `row_labels` the rows. Images as for `tile`."""
    n_columns = min(n_columns, len(filled("images", images)))
    sheet = tile(images, n_columns=n_columns, n_levels=n_levels, gutter=gutter)
    wide = WIDTH if n_columns > 4 else 0.5 + 1.3 * n_columns
    ax = _bare(_axes(ax, wide, wide * sheet.shape[0] / sheet.shape[1] + 0.3))
    ax.imshow(sheet, vmin=0, vmax=1)
    height, width = images.shape[2] + GUTTER, images.shape[3] + GUTTER
    if titles is not None:
        ax.set_xticks([(i + 0.5) * width - 1 for i in range(len(titles))], titles, fontsize=8)
        ax.xaxis.tick_top()
    if row_labels is not None:
        ax.set_yticks([(i + 0.5) * height - 1 for i in range(len(row_labels))], row_labels)
    ax.tick_params(length=0)
    return ax


@checked
def show_mask(mask: Shaped[Tensor, "height width"], *, ax: Axes | None = None) -> Axes:
    """A 0/1 matrix in two flat colours, a cell for each entry: blue is 1, grey is 0."""
    if not ((mask == 0) | (mask == 1)).all():
        low, high = mask.min().item(), mask.max().item()
        raise ValueError(f"mask must hold 0 and 1, got values {low} .. {high}")
    ax = _bare(_axes(ax, 2.5, 2.5))
    ax.imshow(mask.float().numpy(), cmap=ListedColormap([FUTURE, READ]), vmin=0, vmax=1)
    return _cells(ax, *mask.shape)


def _cells(ax: Axes, height: int, width: int) -> Axes:
    """Thin white lines between the cells of a small map."""
    if max(height, width) <= 16:
        ax.set_xticks(np.arange(width - 1) + 0.5, minor=True)
        ax.set_yticks(np.arange(height - 1) + 0.5, minor=True)
        ax.grid(which="minor", color="white", alpha=1, lw=0.8)
        ax.tick_params(which="minor", length=0)
    return ax


@checked
def show_influence(
    reads: Shaped[Tensor, "{height*width}"],
    height: Count,
    width: Count,
    target: tuple[int, int],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Which pixels a target reads: one row of an influence matrix of one colour, as a map.

    `reads` is the row (height * width,); the target is outlined, the unread past stands out.
    """
    if not (0 <= target[0] < height and 0 <= target[1] < width):
        raise ValueError(f"target must lie in {height}x{width}, got {target}")
    position = target[0] * width + target[1]
    order = torch.arange(height * width)
    kind = torch.where(reads.bool(), 0, torch.where(order < position, 1, 2)).view(height, width)
    ax = _bare(_axes(ax, 3.2, 3.2 * height / width + 0.4))
    ax.imshow(kind.numpy(), cmap=ListedColormap([READ, UNREAD, FUTURE]), vmin=0, vmax=2)
    outline = Rectangle(
        (target[1] - 0.5, target[0] - 0.5), 1, 1, fill=False, ec=TARGET, lw=2, zorder=3
    )
    ax.add_patch(outline)
    ax.set_title(READING, fontsize=8)
    return _cells(ax, height, width)


@checked
def show_index_map(indices: Int[Tensor, "h w"], n_codes: Count, *, ax: Axes | None = None) -> Axes:
    """A 2-D field of code indices as colours. Neighbouring colours are not neighbouring codes."""
    symbols("indices", indices, n_codes)
    ax = _bare(_axes(ax, 2.5, 2.5))
    ax.imshow(indices.cpu().numpy(), cmap="nipy_spectral", vmin=0, vmax=n_codes - 1)
    return ax


@checked
def show_reconstructions(
    original: Float[Tensor, "n C H W"],
    reconstruction: Float[Tensor, "n C H W"],
    indices: Int[Tensor, "n h w"],
    n_codes: Count,
    *,
    title: str = "",
) -> np.ndarray:
    """original | reconstruction | index map, one image a column; returns the axes (3, n).

    original, reconstruction (n, C, H, W) in [0, 1]; indices (n, h, w).
    """
    n = len(finite("original", original))
    finite("reconstruction", reconstruction)
    symbols("indices", indices, n_codes)
    figure, axes = plt.subplots(3, n, figsize=(WIDTH, 3 * WIDTH / n + 0.3), layout="tight")
    for column in range(n):
        for row, images in enumerate((original, reconstruction)):
            picture = tile(images[column : column + 1], n_columns=1)
            _bare(axes[row, column]).imshow(picture, vmin=0, vmax=1)
        show_index_map(indices[column], n_codes, ax=axes[2, column])
    for row, name in enumerate(("original", "decoded", "indices")):
        axes[row, 0].set_ylabel(name)
    figure.suptitle(title, fontsize=10)
    return axes


@checked
def show_usage(
    counts: Shaped[Tensor, "K"],
    perplexity: Positive | Float[Tensor, ""],
    *,
    ax: Axes | None = None,
) -> Axes:
    """How often each code is used, most used first, against a uniform usage."""
    if not (counts >= 0).all() or not 0 < counts.sum() < torch.inf:
        raise ValueError(f"counts must be finite, none negative, some positive; got {counts}")
    share = (counts / counts.sum()).sort(descending=True).values.cpu().numpy()
    ax = _axes(ax, WIDTH, 2.5)
    ax.bar(range(len(share)), 100 * share, width=1.0, color=READ)
    ax.axhline(100 / len(share), color=TARGET, lw=1, label="uniform")
    ax.set(xlabel="code, most used first", ylabel="share of positions (%)")
    ax.set_title(f"perplexity {perplexity:.0f} of {len(share)} codes")
    ax.legend()
    return ax


@checked
def show_curves(
    curves: dict[str, tuple],
    *,
    xlabel: str,
    ylabel: str,
    ax: Axes | None = None,
) -> Axes:
    """Named curves (x, y), two sequences each; a name that begins with "held-out" gets markers.

    An empty curve, of a run that was stopped before its first row, has its name and no line.
    """
    ax = _axes(ax)
    curves = {name: ((), ()) if curve == () else curve for name, curve in curves.items()}
    for name, curve in curves.items():
        fits = isinstance(curve, (tuple, list)) and len(curve) == 2
        if not fits or len(curve[0]) != len(curve[1]) or not isinstance(name, str):
            raise ValueError(f"curves must be {{name: (x, y)}}, got {name!r}: {curve!r:.60}")
    for name, (x, y) in curves.items():
        ax.plot(x, y, marker="o" if name.startswith("held-out") else None, ms=4, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


@checked
def show_stacked_bits(rows: dict[str, tuple[float, float]], *, ax: Axes | None = None) -> Axes:
    """Total bits/dim as bars of two parts: name -> (decoder term, latent rate)."""
    for name, row in filled("rows", rows).items():
        fits = isinstance(row, (tuple, list)) and len(row) == 2
        if not fits or not all(isinstance(part, Real) and math.isfinite(part) for part in row):
            raise ValueError(f"rows must be {{name: (decoder, rate)}}, got {name!r}: {row!r:.60}")
    ax = _axes(ax, WIDTH, 0.6 + 0.5 * len(rows))
    names = list(rows)
    decoder = [rows[name][0] for name in names]
    rate = [rows[name][1] for name in names]
    ax.barh(names, decoder, color=READ, label="decoder term")
    ax.barh(names, rate, left=decoder, color=UNREAD, label="latent rate")
    for y, (a, b) in enumerate(zip(decoder, rate, strict=True)):
        ax.text(a + b, y, f" {a + b:.3f}", va="center")
    ax.set(xlabel="bits/dim", xlim=(0, 1.12 * max(a + b for a, b in rows.values())))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.35), ncols=2)
    return ax
