"""A small model that is asked row by row, for the exercises of chapter 06."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import symbols


class RowByRow(nn.Module):
    """Logits that depend strongly on the two rows above and the two pixels to the left.

    asked   which rows were begun and which places were asked for, in order
    """

    def __init__(self, n_levels: int, rng: torch.Generator):
        super().__init__()
        self.n_levels = n_levels
        shape = (n_levels, n_levels)  # out, in: a level is a 1 among zeros

        def weights(*taps: int) -> Tensor:
            return 1.5 * torch.randn(*shape, *taps, generator=rng, dtype=torch.float64)

        self.register_buffer("from_above", weights(2, 3))
        self.register_buffer("from_left", weights(1, 2))
        self.asked: list[tuple[int, ...]] = []

    def begin_row(self, levels: Tensor, row: int) -> Tensor:
        """What the rows above say about every pixel of a row: (B, 1, H, W) -> (B, L, W)."""
        self.asked.append((row,))
        two_above = F.pad(self._as_ones(levels), (1, 1, 2, 0))[:, :, row : row + 2]
        return F.conv2d(two_above, self.from_above)[:, :, 0]

    def logits(self, links: Tensor, levels: Tensor, row: int, column: int) -> Tensor:
        """Logits (B, L) of one pixel, given what `begin_row` returned for its row."""
        self.asked.append((row, column))
        left = F.pad(self._as_ones(levels[:, :, row : row + 1]), (2, 0))
        own = F.conv2d(left[..., column : column + 2], self.from_left)
        return links[:, :, column] + own[:, :, 0, 0]

    def _as_ones(self, levels: Tensor) -> Tensor:
        symbols("levels", levels, self.n_levels)
        ones = F.one_hot(levels[:, 0], self.n_levels).permute(0, 3, 1, 2)
        return ones.to(self.from_above.dtype)
