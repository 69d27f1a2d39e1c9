"""The cached sampler of a gated PixelCNN on one row: each feature is computed once.

Without a vertical stack nothing above has to be prepared: a layer's own row is all its past.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.pixels.gated_row import GatedRow, RowLayer
from tutorial_lib.sampling.features import Head, LevelTable, OwnRow, as_matrix


class LayerCache:
    """One layer's features so far, and the step to the next layer at one position."""

    def __init__(self, layer: RowLayer, batch: int, length: int, added: Tensor | int):
        kernel, bias = layer.horizontal.weight, layer.horizontal.bias
        self.own = OwnRow(
            (batch, length, kernel.shape[1]), layer.horizontal.reach, kernel.shape[3], kernel
        )
        self.kernel, self.output = as_matrix(kernel), as_matrix(layer.output.weight)
        self.output_bias, self.residual = layer.output.bias, layer.residual
        added = (bias[:, None, None] + added).expand(batch, -1, 1, length)
        self.added = added[:, :, 0].permute(2, 0, 1).contiguous().unbind(0)

    def step(self, x: int, out: Tensor) -> None:
        """From position x of this layer's features to `out`, the same position of the next's."""
        z = torch.addmm(self.added[x], self.own.slices[x], self.kernel)
        value, switch = z.chunk(2, dim=1)
        features = torch.tanh(value) * torch.sigmoid(switch)
        torch.addmm(self.output_bias, features, self.output, out=out)
        if self.residual:
            out += self.own.slots[x]


class RowCache:
    """Logits of a GatedRow from left to right, each feature computed once; see `gated_cache`."""

    walks = "row"

    def __init__(self, model: GatedRow, levels: Tensor, label: Tensor | None = None):
        batch, _, _, length = levels.shape
        self.levels = levels
        self.table = LevelTable(model, levels.device)
        place = model.place(self.table.table.new_zeros(1).expand(batch, 1, 1, length), label)
        self.layers = [
            LayerCache(layer, batch, length, layer.condition(label, place))
            for layer in model.layers
        ]
        self.final = self.table.table.new_empty(batch, model.layers[-1].output.out_channels)
        self.head = Head(model.head, 1)

    def begin_row(self, row: int) -> None:
        """There is one row, and nothing above it to prepare."""
        self.present = self.levels[:, :, row].permute(2, 0, 1).unbind(0)

    def logits(self, column: int, color: int) -> Tensor:
        """(B, L) for one position, given all those before it."""
        if column > 0:
            self.layers[0].own.slots[column - 1].copy_(self.table(self.present[column - 1]))
        outs = [layer.own.slots[column] for layer in self.layers[1:]] + [self.final]
        for layer, out in zip(self.layers, outs, strict=True):
            layer.step(column, out)
        return self.head(self.final, color)
