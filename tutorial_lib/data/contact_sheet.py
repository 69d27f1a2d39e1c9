"""Examples of a data set in one picture: ten of each class, in rows; of a clip, its frames.

Drawn on a bare `Figure`, which needs no display and leaves the figures of a notebook alone.
"""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from tutorial_lib.contracts.plain import require_instance, require_int
from tutorial_lib.data import mu_law
from tutorial_lib.data.dataset import ImageDataset
from tutorial_lib.data.spoken_digits import SAMPLE_RATE_HZ

N_COLUMNS = 10
N_SOUND_COLUMNS = 3
N_ROWS_UNLABELLED = 10
GUTTER = 1  # pixels between images


def contact_sheet(dataset: ImageDataset) -> Figure:
    """The first training examples of each class; for a set without labels, evenly spaced ones."""
    require_instance("dataset", dataset, ImageDataset)
    n_columns, draw = _LAYOUTS[dataset.train.levels.ndim]
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.add_subplot()
    draw(axes, dataset, example_rows(dataset, n_columns))
    which = "the first of each class" if dataset.class_names else "evenly spaced"
    axes.set_title(f"{dataset.name}: training examples, {which}")
    return figure


def example_rows(dataset: ImageDataset, n_columns: int) -> list[Tensor]:
    """One tensor of positions in the training split for each row of the sheet."""
    require_int("n_columns", n_columns, at_least=1)
    labels = require_instance("dataset", dataset, ImageDataset).train.labels
    if dataset.class_names:
        each_class = range(len(dataset.class_names))
        return [torch.nonzero(labels == label)[:n_columns, 0] for label in each_class]
    n_shown = min(len(labels), N_ROWS_UNLABELLED * n_columns)
    return list((torch.arange(n_shown) * len(labels) // max(n_shown, 1)).split(n_columns))


def _draw_images(axes: Axes, dataset: ImageDataset, rows: list[Tensor]) -> None:
    _draw_grid(axes, dataset, [dataset.train.levels[positions] for positions in rows], N_COLUMNS)


def _draw_clips(axes: Axes, dataset: ImageDataset, rows: list[Tensor]) -> None:
    """One clip a row, frame by frame."""
    clips = [dataset.train.levels[positions].movedim(2, 1).flatten(0, 1) for positions in rows]
    _draw_grid(axes, dataset, clips, dataset.train.levels.shape[2])


def _draw_grid(axes: Axes, dataset: ImageDataset, rows: list[Tensor], n_columns: int) -> None:
    """Rows of images (at most n_columns, C, H, W) with a gutter between them."""
    n_colors, height, width = rows[0].shape[1:]
    row_step, column_step = height + GUTTER, width + GUTTER
    sheet = np.ones((len(rows) * row_step, n_columns * column_step, n_colors))
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = row * row_step, column * column_step
            place = sheet[top : top + height, left : left + width]
            place[:] = image.movedim(0, -1) / (dataset.n_levels - 1)
    axes.imshow(sheet.repeat(3, axis=2) if n_colors == 1 else sheet, interpolation="nearest")
    axes.set_xticks([])
    middles = [row * row_step + height / 2 for row in range(len(dataset.class_names))]
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
    for column in range(1, N_SOUND_COLUMNS):
        axes.axvline(column * length, color="tab:gray", linewidth=0.8)
    axes.set_yticks(range(len(rows)), dataset.class_names)
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.set_ylabel("class")


_LAYOUTS = {  # by the axes of `levels`: examples in a row, and who draws them
    3: (N_SOUND_COLUMNS, _draw_sounds),
    4: (N_COLUMNS, _draw_images),
    5: (1, _draw_clips),
}
