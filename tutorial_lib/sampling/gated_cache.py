"""Cached sampling for GatedPixelCNN: the vertical stack once a row, the horizontal once a pixel.

The two stacks divide the past between them, and the division pays here: the vertical stack reads
nothing of the present row, so one sweep at the row's beginning serves all of its pixels. At a pixel
only the horizontal stack is left, at a single position:

    z = link_x + W_left h_(x-k), ..., h_(x)        h' = h + W_out gate(z)        [fig. 2]

A cache is asked for logits in raster order, R, G, B within a pixel, and reads the levels drawn so
far from the canvas that it was given. Given the same noise, the image is the naive sampler's.

Inside, tanh(a) sigmoid(b) is computed as tanh(a) (1 + tanh(b / 2)) / 2, with the halves multiplied
into the weights: one call of tanh for both.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_layer import GatedLayer, gate
from tutorial_lib.sampling.features import (
    Head,
    LevelTable,
    OwnRow,
    RowsAbove,
    as_matrix,
    masked_weight,
)


class VerticalCache:
    """The vertical stack of one layer, and its link: all of it depends on rows above alone."""

    def __init__(self, layer: GatedLayer, shape: tuple[int, int, int], conditions, halves: Tensor):
        reach = layer.vertical.reach
        self.layer, self.above = layer, RowsAbove(shape, reach + 1, reach, layer.vertical.weight)
        self.matrix = as_matrix(layer.vertical.weight)
        to_vertical, to_horizontal = conditions
        self.to_vertical = _by_rows(to_vertical)
        self.to_horizontal = [row * halves for row in _by_rows(to_horizontal)]
        self.link = as_matrix(layer.link.weight) * halves
        self.link_bias = (layer.link.bias + layer.horizontal.bias) * halves

    def next_row(self, v: Tensor, row: int, last: bool) -> tuple[Tensor, Tensor | None]:
        """v (W, B, C) of a row -> what the link adds to the horizontal stack, and the next v."""
        self.above.push(v)
        v = self.above.read(self.matrix, self.layer.vertical.bias)
        link = torch.addmm(self.link_bias, v.flatten(0, 1), self.link).view_as(v)
        link = link + _of_row(self.to_horizontal, row)
        if last:
            return link, None
        v = (v + _of_row(self.to_vertical, row)).flatten(0, 1)
        return link, self.layer.activate(v[..., None, None]).view(*link.shape[:2], -1)


class HorizontalCache:
    """The horizontal stack of one layer: its own row's features, and the step to the next layer."""

    def __init__(self, layer: GatedLayer, shape: tuple[int, int, int], halves: Tensor):
        weight, n_channels = masked_weight(layer.horizontal), layer.output.in_channels
        self.own = OwnRow(shape, layer.horizontal.reach, weight.shape[3], weight)
        self.matrix = as_matrix(weight) * halves
        self.gated, self.residual = layer.activate is gate, layer.residual
        output = as_matrix(masked_weight(layer.output)) * (0.5 if self.gated else 1.0)
        self.output = torch.cat([output, layer.output.bias[None]])
        batch = shape[0]
        self.z = weight.new_empty(batch, len(halves))
        self.value, self.switch = self.z[:, :n_channels], self.z[:, n_channels:]
        self.features_and_one = weight.new_ones(batch, n_channels + 1)  # the 1 brings in the bias
        self.features = self.features_and_one[:, :n_channels]

    def step(self, x: int, link: Tensor, out: Tensor) -> None:
        """From column x of this layer's row to `out`, the same column of the next layer's."""
        torch.addmm(link, self.own.slices[x], self.matrix, out=self.z)
        if self.gated:
            self.z.tanh_()
            torch.addcmul(self.value, self.value, self.switch, out=self.features)
        else:
            torch.relu_(self.features.copy_(self.z))
        if self.residual:
            torch.addmm(self.own.slots[x], self.features_and_one, self.output, out=out)
        else:
            torch.mm(self.features_and_one, self.output, out=out)


class GatedCache:
    """Logits of a GatedPixelCNN in raster order, reading `levels` (B, C, H, W) as they come."""

    walks = "row"  # to the last unknown pixel of each row: no other row reads horizontal features

    def __init__(self, model: GatedPixelCNN, levels: Tensor, label=None, context=None):
        batch, _, height, width = levels.shape
        self.pixels = levels.permute(2, 3, 0, 1)
        self.table = LevelTable(model, levels.device)
        place = self.table.table.new_zeros(1).expand(batch, 1, height, width)
        context = model.context_of_layers(place, label, context)
        self.vertical, self.horizontal, channels = [], [], self.table.size
        for layer in model.layers:
            halves, shape = _halves(layer), (batch, width, channels)
            conditions = layer.condition(label, context)
            self.vertical.append(VerticalCache(layer, shape, conditions, halves))
            self.horizontal.append(HorizontalCache(layer, shape, halves))
            channels = layer.output.out_channels
        self.final = place.new_empty(batch, channels)
        self.head = Head(model.head, model.n_colors)

    def begin_row(self, row: int) -> None:
        """Run the vertical stack for one row, given all rows above it."""
        self.present, self.links = self.pixels[row].unbind(0), []
        v = self.table(self.pixels[row - 1]) if row > 0 else 0 * self.table(self.pixels[0])
        for i, layer in enumerate(self.vertical):
            link, v = layer.next_row(v, row, last=i == len(self.vertical) - 1)
            self.links.append(link.unbind(0))

    def logits(self, column: int, color: int) -> Tensor:
        """(B, L) for one sub-pixel of the present row, given all those before it."""
        first = self.horizontal[0].own.slots
        if column > 0 and color == 0:
            first[column - 1].copy_(self.table(self.present[column - 1]))
        if color > 0:
            first[column].copy_(self.table(self.present[column]))
        outs = [layer.own.slots[column] for layer in self.horizontal[1:]] + [self.final]
        for layer, link, out in zip(self.horizontal, self.links, outs, strict=True):
            layer.step(column, link[column], out)
        return self.head(self.final, color)


def _halves(layer: GatedLayer) -> Tensor:
    """1/2 for the channels whose sigmoid is computed as a tanh, 1 for all others."""
    weight = layer.horizontal.weight
    halves = weight.new_ones(len(weight))
    if layer.activate is gate:
        halves[len(weight) // 2 :] = 0.5
    return halves


def _by_rows(condition: Tensor | int) -> Tensor | list:
    """What a condition adds, as rows (W, B, C): one for all rows, or one for each; or none."""
    return [] if isinstance(condition, int) else condition.permute(2, 3, 0, 1).contiguous()


def _of_row(rows, row: int):
    return rows[row if len(rows) > 1 else 0] if len(rows) else 0
