"""Cached sampling for PixelCNN: taps in the rows above once a row, taps to the left once a pixel.

One masked stack has no stack of its own for the rows above, so nothing can be finished before a row
begins. But of every k x k kernel the taps above the centre read finished rows, and their sum can be
had for a whole row at once. What is left at a pixel are k//2 + 1 taps of each kernel.

Features of finished rows are read from below: even known pixels must be walked through.
"""

import torch
from torch import Tensor

from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import MaskedResidualBlock, PixelCNN
from tutorial_lib.sampling.features import (
    Cache,
    OwnRow,
    Pointwise,
    RowsAbove,
    as_matrix,
    masked_weight,
)


class ConvCache:
    """A k x k masked convolution, taken apart: taps in the rows above, and taps in the own row."""

    def __init__(self, conv: MaskedConv2d, batch: int, width: int):
        weight, (rows, reach) = masked_weight(conv), (k // 2 for k in conv.kernel_size)
        shape = (batch, width, conv.in_channels)
        self.above = RowsAbove(shape, rows, reach, weight)
        self.own = OwnRow(shape, reach, reach + 1, weight)
        self.from_above = as_matrix(weight[:, :, :rows])
        self.from_own = as_matrix(weight[:, :, rows : rows + 1, : reach + 1])
        self.bias = conv.bias

    def begin_row(self) -> None:
        """Sum the taps above, for all columns at once."""
        self.parts = self.above.read(self.from_above, self.bias).unbind(0)

    def end_row(self) -> None:
        """The present row is finished, and joins those above."""
        self.above.push(self.own.row)

    def step(self, x: int) -> Tensor:
        """The convolution at column x, whose input lies in the own row already."""
        return torch.addmm(self.parts[x], self.own.slices[x], self.from_own)


class BlockCache:
    """One residual block at one position; only its k x k convolution reads other pixels."""

    def __init__(self, block: MaskedResidualBlock, batch: int, width: int):
        self.shrink, self.widen = Pointwise(block.shrink), Pointwise(block.widen)
        self.kernel = ConvCache(block.kernel, batch, width)

    def step(self, x: int, features: Tensor) -> Tensor:
        """Features (B, C) of column x, one block on."""
        self.kernel.own.slots[x].copy_(self.shrink(features.relu()).relu_())
        return features + self.widen(self.kernel.step(x).relu_())


class PixelCNNCache(Cache):
    """Logits of a PixelCNN in raster order, reading `levels` (B, C, H, W) as they come."""

    walks = "image"  # through every pixel up to the last unknown one: rows below read features

    def __init__(self, model: PixelCNN, levels: Tensor):
        super().__init__(model, levels)
        batch, _, _, width = levels.shape
        self.first, self.row = ConvCache(model.first, batch, width), None
        self.blocks = [BlockCache(block, batch, width) for block in model.blocks]
        self.convs = [self.first, *(block.kernel for block in self.blocks)]

    def begin_row(self, row: int) -> None:
        """Sum what every kernel reads in the rows above, for the whole row."""
        if self.row is not None:
            self.first.own.row.copy_(self.table(self.pixels[self.row]))
            for conv in self.convs:
                conv.end_row()
        self.row, self.present = row, self.pixels[row].unbind(0)
        for conv in self.convs:
            conv.begin_row()

    def logits(self, column: int, color: int) -> Tensor:
        """(B, L) for one sub-pixel of the present row, given all those before it."""
        self.write_newest(self.first.own, self.present, column, color)
        features = self.first.step(column)
        for block in self.blocks:
            features = block.step(column, features)
        return self.head(features, color)
