"""Cached sampling for gated models: the vertical stack once a row, the horizontal once a pixel.

The vertical stack reads nothing of the present row: one sweep serves all of its pixels. At a pixel
only the horizontal stack is left, at a single position:

    z = link_x + W_left h_(x-k), ..., h_(x)        h' = h + W_out gate(z)        [fig. 2]

A gated PixelCNN on one row has no vertical stack: there the links are what its conditions add.

Inside, tanh(a) sigmoid(b) is computed as tanh(a) (1 + tanh(b / 2)) / 2, with the factors of a half
multiplied into the weights: one call of tanh for both.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

import torch
from torch import Tensor

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_layer import GatedLayer, gate
from tutorial_lib.pixels.gated_row import GatedRow, RowLayer
from tutorial_lib.sampling.features import Cache, OwnRow, RowsAbove, as_matrix, masked_weight


def by_rows(condition: Tensor, height: int) -> tuple[Tensor, ...]:
    """(B or 1, C, H or 1, W or 1), what a condition adds, as (W or 1, B or 1, C) for each row."""
    return condition.permute(2, 3, 0, 1).contiguous().expand(height, -1, -1, -1).unbind(0)


class HorizontalCache:
    """The horizontal stack of one layer: its own row's features, and the step to the next layer.

    What is added to this layer has to be multiplied by `scale`: 1/2 where a sigmoid is a tanh.
    """

    def __init__(self, layer: GatedLayer | RowLayer, shape: tuple[int, int, int]):
        weight, n_channels = masked_weight(layer.horizontal), layer.output.in_channels
        self.gated, self.residual = layer.activate is gate, layer.residual
        self.scale = weight.new_ones(len(weight))
        self.scale[n_channels:] = 0.5  # nothing, for a ReLU
        self.own = OwnRow(shape, layer.horizontal.reach, weight.shape[3], weight)
        self.matrix = as_matrix(weight) * self.scale
        output = as_matrix(masked_weight(layer.output)) * (0.5 if self.gated else 1.0)
        self.output = torch.cat([output, layer.output.bias[None]])
        batch = shape[0]
        self.z = weight.new_empty(batch, len(weight))
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


class VerticalCache:
    """The vertical stack of one layer, and its link: all of it depends on rows above alone."""

    def __init__(self, layer: GatedLayer, shape: tuple[int, int, int], conditions, scale: Tensor):
        reach = layer.vertical.reach
        self.layer, self.above = layer, RowsAbove(shape, reach + 1, reach, layer.vertical.weight)
        self.matrix = as_matrix(layer.vertical.weight)
        self.to_vertical, to_horizontal = conditions
        self.to_horizontal = [row * scale for row in to_horizontal]
        self.link = as_matrix(layer.link.weight) * scale
        self.link_bias = (layer.link.bias + layer.horizontal.bias) * scale

    def next_row(self, v: Tensor, row: int, last: bool) -> tuple[Tensor, Tensor | None]:
        """v (W, B, C) of a row -> what the link adds to the horizontal stack, and the next v."""
        self.above.push(v)
        v = self.above.read(self.matrix, self.layer.vertical.bias)
        link = torch.addmm(self.link_bias, v.flatten(0, 1), self.link).view_as(v)
        link = link + self.to_horizontal[row]
        if last:
            return link, None
        v = (v + self.to_vertical[row]).flatten(0, 1)
        return link, self.layer.activate(v[..., None, None]).view(*link.shape[:2], -1)


class HorizontalStackCache(Cache):
    """The horizontal layers at one position; `begin_row` says in `links` what is added to each."""

    walks = "row"  # to the last unknown pixel of each row: no other row reads horizontal features

    def __init__(self, model: GatedPixelCNN | GatedRow, levels: Tensor):
        super().__init__(model, levels)
        batch, _, _, width = levels.shape
        self.horizontal, channels = [], self.table.size
        for layer in model.layers:
            self.horizontal.append(HorizontalCache(layer, (batch, width, channels)))
            channels = layer.output.out_channels
        self.final = self.table.table.new_empty(batch, channels)

    def logits(self, column: int, color: int) -> Tensor:
        """(B, L) for one sub-pixel of the present row, given all those before it."""
        self.write_newest(self.horizontal[0].own, self.present, column, color)
        outs = [layer.own.slots[column] for layer in self.horizontal[1:]] + [self.final]
        for layer, link, out in zip(self.horizontal, self.links, outs, strict=True):
            layer.step(column, link[column], out)
        return self.head(self.final, color)


class GatedCache(HorizontalStackCache):
    """Logits of a GatedPixelCNN in raster order, reading `levels` (B, C, H, W) as they come."""

    def __init__(self, model: GatedPixelCNN, levels: Tensor, label=None, context=None):
        super().__init__(model, levels)
        batch, _, height, width = levels.shape
        nothing = self.table.table.new_zeros(1, 1, 1, 1)
        place = nothing.expand(batch, 1, height, width)
        context = model.context_of_layers(place, label, context)
        self.vertical = []
        for layer, cache in zip(model.layers, self.horizontal, strict=True):
            conditions = layer.condition(label, context) or (nothing, nothing)
            rows = [by_rows(each, height) for each in conditions]
            shape = (batch, width, layer.vertical.in_channels)
            self.vertical.append(VerticalCache(layer, shape, rows, cache.scale))

    def begin_row(self, row: int) -> None:
        """Run the vertical stack for one row, given all rows above it."""
        self.present, self.links = self.pixels[row].unbind(0), []
        v = self.table(self.pixels[max(row - 1, 0)])
        v = v if row else torch.zeros_like(v)
        for i, layer in enumerate(self.vertical):
            link, v = layer.next_row(v, row, last=i == len(self.vertical) - 1)
            self.links.append(link.unbind(0))


class RowCache(HorizontalStackCache):
    """Logits of a GatedRow from left to right, reading `levels` (B, 1, 1, T) as they come."""

    def __init__(self, model: GatedRow, levels: Tensor, label: Tensor | None = None):
        super().__init__(model, levels)
        batch, _, _, length = levels.shape
        place = model.place(self.table.table.new_zeros(1).expand(batch, 1, 1, length), label)
        self.links = []
        for layer, cache in zip(model.layers, self.horizontal, strict=True):
            added = layer.horizontal.bias[:, None, None]
            condition = layer.condition(label, place)
            added = added if condition is None else added + condition
            (row,) = by_rows(added.expand(batch, -1, 1, length), 1)
            self.links.append((row * cache.scale).unbind(0))

    def begin_row(self, row: int) -> None:
        """There is one row, and nothing above it to prepare."""
        self.present = self.pixels[row].unbind(0)
