"""Solutions of chapter 06 that the library holds inside something larger, as functions.

`push_row` is what `cached_features.RowsAbove.push` does, `step_in_row` what a cached convolution
does at one pixel, and `sample_row_by_row` is the loop of `sampling.sample` around a cache.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.sampling.ancestral import draw


def positions_computed(height: int, width: int, n_colors: int = 1) -> tuple[int, int, int]:
    """At how many positions a layer is computed for one image: naive, row-cropped, cached.

    A pass is needed for each sub-pixel. Naive: a pass over all pixels. Row-cropped: a pass over the
    rows so far, the present one included. Cached: one position.
    """
    draws_in_a_row = width * n_colors
    naive = height * draws_in_a_row * height * width
    row_cropped = sum(draws_in_a_row * rows * width for rows in range(1, height + 1))
    return naive, row_cropped, height * draws_in_a_row


def push_row(rows: Tensor, finished: Tensor) -> Tensor:
    """The window (n_rows, W, C) one row further: the oldest row goes, `finished` is the last."""
    return torch.cat([rows[1:], finished[None]])


def step_in_row(row: Tensor, kernel: Tensor, above: Tensor, column: int) -> Tensor:
    """A convolution at one column: (B, O), from the own row's taps and the sum of those above."""
    taps = kernel.shape[2]
    window = F.pad(row, (taps - 1, 0))[:, :, column : column + taps]
    return above[:, :, column] + torch.einsum("bct,oct->bo", window, kernel)


@torch.no_grad()
def sample_row_by_row(model, uniforms: Tensor, known: Tensor) -> Tensor:
    """Draw what is -1 in `known`: the rows above are summed once a row, when it begins."""
    levels = known.clamp(min=0)
    _, _, height, width = known.shape
    for row in range(height):
        above = model.begin_row(levels, row)
        for column in range(width):
            place = (slice(None), 0, row, column)
            # Known pixels are asked for too: what a model keeps of a row, it keeps while it walks.
            drawn = draw(model.logits(above, levels, row, column), uniforms[place])
            levels[place] = torch.where(known[place] < 0, drawn, levels[place])
    return levels
