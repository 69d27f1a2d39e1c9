"""Examples of a data set in one picture: ten of each class, in rows; of a clip, its frames.

Drawn on a bare `Figure`, which needs no display and leaves the figures of a notebook alone.
"""

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from tutorial_lib.contracts import Count, checked
from tutorial_lib.data import mu_law
from tutorial_lib.data.dataset import ImageDataset
from tutorial_lib.data.spoken_digits import SAMPLE_RATE_HZ
from tutorial_lib.data.tiles import GUTTER, tile

N_COLUMNS = {3: 3, 4: 10, 5: 1}  # examples in a row: sounds, images, clips, by the axes of `levels`
N_ROWS_UNLABELLED = 10


@checked
def contact_sheet(dataset: ImageDataset) -> Figure:
    """The first training examples of each class; for a set without labels, evenly spaced ones."""
    n_axes = dataset.train.levels.ndim
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.add_subplot()
    draw = _draw_sounds if n_axes == 3 else _draw_images
    draw(axes, dataset, example_rows(dataset, N_COLUMNS[n_axes]))
    which = "the first of each class" if dataset.class_names else "evenly spaced"
    axes.set_title(f"{dataset.name}: training examples, {which}")
    return figure


@checked
def example_rows(dataset: ImageDataset, n_columns: Count) -> list[Tensor]:
    """One tensor of positions in the training split for each row of the sheet."""
    labels = dataset.train.labels
    if dataset.class_names:
        each_class = range(len(dataset.class_names))
        return [torch.nonzero(labels == label)[:n_columns, 0] for label in each_class]
    n_shown = min(len(labels), N_ROWS_UNLABELLED * n_columns)
    return list((torch.arange(n_shown) * len(labels) // max(n_shown, 1)).split(n_columns))


def _draw_images(axes: Axes, dataset: ImageDataset, rows: list[Tensor]) -> None:
    """Rows of images, or one clip a row, frame by frame."""
    levels = dataset.train.levels
    pictures = levels[:, None] if levels.ndim == 4 else levels.movedim(2, 1)
    rows = [pictures[positions].flatten(0, 1) for positions in rows]
    n_columns = max(map(len, rows))
    white = torch.full_like(rows[0][:1], dataset.n_levels - 1)  # in the place of what is not there
    full = [torch.cat([row, white.repeat(n_columns - len(row), 1, 1, 1)]) for row in rows]
    sheet = tile(torch.cat(full).long(), n_columns=n_columns, n_levels=dataset.n_levels)
    axes.imshow(sheet, interpolation="nearest", cmap="gray", vmin=0, vmax=1)
    height = levels.shape[-2]
    middles = [row * (height + GUTTER) + height / 2 for row in range(len(dataset.class_names))]
    axes.set_xticks([])
    axes.set_yticks(middles, dataset.class_names, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_sounds(axes: Axes, dataset: ImageDataset, rows: list[Tensor]) -> None:
    for row, positions in enumerate(rows):
        pressure = mu_law.decode(dataset.train.levels[positions, 0]).flatten()
        seconds = torch.arange(len(pressure)) / SAMPLE_RATE_HZ
        # Half a row for the loudest possible sound, upwards on a downward axis.
        axes.plot(seconds, row - pressure / 2, linewidth=0.4, color="tab:blue")
    length = dataset.train.levels.shape[-1] / SAMPLE_RATE_HZ
    for column in range(1, N_COLUMNS[3]):
        axes.axvline(column * length, color="tab:gray", linewidth=0.8)
    axes.set_yticks(range(len(rows)), dataset.class_names)
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.set_ylabel("class")
