"""The figures of the series in one style: images, masks, and maps of what belongs to each pixel.

Every function takes `ax=None`, draws into it or into a new figure, and returns the axes; nothing is
shown or saved here. Images are drawn pixel by pixel (no smoothing) with fixed limits.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from tutorial_lib.contracts import Count, Several, checked, filled, finite, symbols
from tutorial_lib.data.tiles import GUTTER, Grey, tile, unit_range
from tutorial_lib.notebook.diagrams.card import FUTURE, HIDDEN, READ, TARGET, UNREAD

WIDTH = 7.0  # inches, the widest figure
READING = "blue: read · orange: past, unread · grey: the rest"


def use_style() -> None:
    """Set the style of all figures: white also on a dark page, a light grid, 10 pt."""
    plt.style.use("tutorial_lib.notebook.figures")


def new_axes(ax: Axes | None, width: float = WIDTH, height: float = 3.0) -> Axes:
    """The axes that are given, or those of a new figure of this size in inches."""
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
    ax = _bare(new_axes(ax, wide, wide * sheet.shape[0] / sheet.shape[1] + 0.3))
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
def hide(
    images: Shaped[Tensor, "N C H W"],
    hidden: Bool[Tensor, "N 1 H W"],
    *,
    n_levels: Several | None = None,
) -> Float[Tensor, "N 3 H W"]:
    """Images as for `show_images`, in colour and in [0, 1], with the hidden pixels in pale blue.

    >>> hide(torch.tensor([[[[3, 0]]]]), torch.tensor([[[[False, True]]]]), n_levels=4)[0, :, 0].T
    tensor([[1.0000, 1.0000, 1.0000],
            [0.7200, 0.8500, 0.9500]])
    """
    images = unit_range(images, n_levels)
    return torch.where(hidden.cpu(), torch.tensor(HIDDEN).view(3, 1, 1), images)


@checked
def show_completions(
    truth: Int[Tensor, "N C H W"],
    known: Bool[Tensor, "H W"],
    drawn: Int[Tensor, "M C H W"],
    n_levels: Several,
    *,
    ax: Axes | None = None,
) -> Axes:
    """A row for each image: what was given of it, what was drawn for it, the truth.

    known: the pixels that were given. drawn: equally many for each image, those of the first image
    first, as `sample` gives them for `known=....repeat_interleave(n, dim=0)`.
    """
    n = len(filled("truth", symbols("truth", truth, n_levels)))
    symbols("drawn", drawn, n_levels)
    if len(filled("drawn", drawn)) % n:
        raise ValueError(
            f"drawn must hold equally many images for each of the {n}, got {tuple(drawn.shape)}"
        )
    rows = [truth[:, None], drawn.unflatten(0, (n, -1)), truth[:, None]]
    images = torch.cat(rows, dim=1)  # (image, column, C, H, W)
    hidden = torch.zeros_like(images[:, :, :1], dtype=torch.bool)
    hidden[:, 0] = ~known
    titles = ["given", *(f"drawn {i + 1}" for i in range(images.shape[1] - 2)), "truth"]
    pictures = hide(images.flatten(0, 1), hidden.flatten(0, 1), n_levels=n_levels)
    return show_images(pictures, n_columns=len(titles), titles=titles, ax=ax)


@checked
def show_mask(mask: Shaped[Tensor, "height width"], *, ax: Axes | None = None) -> Axes:
    """A 0/1 matrix in two flat colours, a cell for each entry: blue is 1, grey is 0."""
    if not ((mask == 0) | (mask == 1)).all():
        low, high = mask.min().item(), mask.max().item()
        raise ValueError(f"mask must hold 0 and 1, got values {low} .. {high}")
    ax = _bare(new_axes(ax, 2.5, 2.5))
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
    ax = _bare(new_axes(ax, 3.2, 3.2 * height / width + 0.4))
    ax.imshow(kind.numpy(), cmap=ListedColormap([READ, UNREAD, FUTURE]), vmin=0, vmax=2)
    corner = (target[1] - 0.5, target[0] - 0.5)
    ax.add_patch(Rectangle(corner, 1, 1, fill=False, ec=TARGET, lw=2, zorder=3))
    ax.set_title(READING, fontsize=8)
    return _cells(ax, height, width)


@checked
def show_index_map(indices: Int[Tensor, "h w"], n_codes: Count, *, ax: Axes | None = None) -> Axes:
    """A 2-D field of code indices as colours. Neighbouring colours are not neighbouring codes."""
    symbols("indices", indices, n_codes)
    ax = _bare(new_axes(ax, 2.5, 2.5))
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
