"""What a sampler need not compute twice: features of pixels that are drawn already.

Naive sampling runs the network over the whole image for every sub-pixel. But a feature depends on
the past alone, and the past does not change: once computed, it can be kept. What is left to do is

- once a row: all that reads only rows above. For the gated PixelCNN that is its vertical stack with
  the links; for the plain one, the taps of every kernel that lie above the pixel;
- once a sub-pixel: the horizontal stack, or the taps in the pixel's own row, at one position.

So an image of H x W pixels costs about what one forward pass costs, in place of H x W of them. A
cache is asked for logits in raster order, R, G, B within a pixel, and reads the levels drawn so far
from the canvas that it was given. Given the same noise, the image is the naive sampler's.

Inside, tanh(a) sigmoid(b) is computed as tanh(a) (1 + tanh(b / 2)) / 2, with the halves multiplied
into the weights: one call of tanh for both.

References: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2;
Ramachandran et al. 2017, Fast Generation for Convolutional Autoregressive Models, arXiv 1704.06001.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.gated import GatedLayer, GatedPixelCNN, gate
from tutorial_lib.masks import MaskedConv2d
from tutorial_lib.pixelcnn import PixelCNN


def masked_weight(conv: nn.Conv2d) -> Tensor:
    """The kernel as it is used, its mask multiplied in if it has one."""
    mask = getattr(conv, "mask", None)
    return conv.weight if mask is None else conv.weight * mask


def as_matrix(kernel: Tensor) -> Tensor:
    """A kernel (out, in, 1, taps) as the matrix (taps * in, out) that multiplies a row's slice."""
    return kernel[:, :, 0].permute(2, 1, 0).flatten(0, 1).contiguous()


class RowBuffer:
    """Features of the present row, with zeros to its left; a slice of it is a matrix's argument.

    batch, n_channels   of the features
    reach               pixels to the left that are read
    taps                of the kernel: reach, and one more if it reads the present pixel too
    """

    def __init__(
        self, batch: int, width: int, n_channels: int, reach: int, taps: int, like: Tensor
    ):
        self.features = like.new_zeros(batch, reach + width, n_channels)
        self.slots = [self.features[:, reach + x] for x in range(width)]
        step = (self.features.stride(0), 1)
        size = (batch, taps * n_channels)
        self.slices = [self.features.as_strided(size, step, x * n_channels) for x in range(width)]
        self.reach = reach

    def row(self) -> Tensor:
        """The whole row: (B, C, 1, W)."""
        return self.features[:, self.reach :].transpose(1, 2).unsqueeze(2)


class LevelTable:
    """The numbers that stand for a level, looked up: what `model.embed` gives for one pixel."""

    def __init__(self, model: nn.Module, device: torch.device):
        levels = torch.arange(model.n_levels, device=device).view(-1, 1, 1, 1)
        self.table = model.embed(levels.expand(-1, model.n_colors, 1, 1))
        self.table = self.table.flatten(1)[:, : self.table.shape[1] // model.n_colors].contiguous()
        self.size = self.table.shape[1] * model.n_colors

    def __call__(self, levels: Tensor) -> Tensor:
        """(B, C) or (B, C, W) levels -> (B, C * E) or (B, C * E, W) features."""
        found = self.table[levels]
        return found.flatten(1) if levels.ndim == 2 else found.transpose(2, 3).flatten(1, 2)


class Head:
    """ReLU, 1x1, ReLU, 1x1 at one position: (B, C) -> (B, L) for one colour."""

    def __init__(self, head: nn.Sequential, n_colors: int):
        first, last = head[1], head[3]
        self.first = as_matrix(masked_weight(first)), first.bias
        weights, biases = (
            as_matrix(masked_weight(last)).chunk(n_colors, 1),
            last.bias.chunk(n_colors),
        )
        self.last = [(w.contiguous(), b) for w, b in zip(weights, biases, strict=True)]

    def __call__(self, features: Tensor, color: int) -> Tensor:
        weight, bias = self.first
        hidden = torch.addmm(bias, features.relu(), weight).relu_()
        weight, bias = self.last[color]
        return torch.addmm(bias, hidden, weight)


class GatedLayerCache:
    """One gated layer: the rows that its vertical stack still needs, and its own row's features."""

    def __init__(self, layer: GatedLayer, buffer: RowBuffer, conditions, rows_above: Tensor):
        self.layer, self.buffer, self.above = layer, buffer, rows_above
        self.to_vertical, self.to_horizontal = conditions
        self.gated = layer.activate is gate
        weight, self.half = as_matrix(masked_weight(layer.horizontal)), None
        n_channels = layer.output.in_channels
        if self.gated:
            self.half = weight.new_ones(2 * n_channels)
            self.half[n_channels:] = 0.5  # tanh(b / 2) in the place of sigmoid(b)
            weight = weight * self.half
        self.weight = weight
        output = as_matrix(masked_weight(layer.output)) * (0.5 if self.gated else 1.0)
        self.output = torch.cat([output, layer.output.bias[None]])
        batch = buffer.features.shape[0]
        self.z = weight.new_empty(batch, weight.shape[1])
        self.value, self.switch = self.z[:, :n_channels], self.z[:, n_channels:]
        self.gate_and_one = weight.new_ones(batch, n_channels + 1)  # the 1 brings in the bias
        self.gate = self.gate_and_one[:, :n_channels]

    def begin_row(self, v: Tensor, row: int, last: bool) -> Tensor | None:
        """Vertical stack and link for one row: v (B, C, 1, W) in, v of the next layer out."""
        layer = self.layer
        self.above = torch.cat([self.above[:, :, 1:], v], dim=2)
        v = F.conv2d(F.pad(self.above, (layer.vertical.reach,) * 2), layer.vertical.weight)
        v = v + layer.vertical.bias.view(1, -1, 1, 1)
        part = layer.link(v) + layer.horizontal.bias.view(1, -1, 1, 1)
        part = part + _row_of(self.to_horizontal, row)
        part = part[:, :, 0].permute(2, 0, 1)
        self.part = (part * self.half if self.gated else part).contiguous().unbind(0)
        return None if last else layer.activate(v + _row_of(self.to_vertical, row))

    def step(self, x: int, out: Tensor) -> None:
        """The horizontal stack at column x, into `out`, a slot of the next layer's row."""
        torch.addmm(self.part[x], self.buffer.slices[x], self.weight, out=self.z)
        if self.gated:
            self.z.tanh_()
            torch.addcmul(self.value, self.value, self.switch, out=self.gate)
        else:
            self.gate.copy_(self.z.relu_())
        if self.layer.residual:
            torch.addmm(self.buffer.slots[x], self.gate_and_one, self.output, out=out)
        else:
            torch.mm(self.gate_and_one, self.output, out=out)


def _row_of(condition: Tensor | int, row: int) -> Tensor | int:
    """What a condition adds in one row; a label adds the same in all of them."""
    if isinstance(condition, int) or condition.shape[2] == 1:
        return condition
    return condition[:, :, row : row + 1]


class GatedCache:
    """Logits of a GatedPixelCNN in raster order, reading `levels` (B, C, H, W) as they come."""

    walks = "row"  # to the last unknown pixel of each row: no other row reads horizontal features

    def __init__(self, model: GatedPixelCNN, levels: Tensor, label=None, context=None):
        self.model, self.levels = model, levels
        batch, _, height, width = levels.shape
        self.table = LevelTable(model, levels.device)
        place = self.table.table.new_zeros(1).expand(batch, 1, height, width)
        context = model.with_coordinates(place, context)
        self.layers, channels = [], self.table.size
        for layer in model.layers:
            taps = layer.horizontal.kernel_size[1]
            buffer = RowBuffer(batch, width, channels, layer.horizontal.reach, taps, place)
            above = place.new_zeros(batch, channels, layer.vertical.reach + 1, width)
            conditions = layer.condition(label, context)
            self.layers.append(GatedLayerCache(layer, buffer, conditions, above))
            channels = layer.output.out_channels
        self.final = place.new_empty(batch, channels)
        self.head = Head(model.head, model.n_colors)

    def begin_row(self, row: int) -> None:
        """Run the vertical stack for one row, given all rows above it."""
        self.row = row
        if row == 0:
            v = self.final.new_zeros(len(self.levels), self.table.size, 1, self.levels.shape[3])
        else:
            v = self.table(self.levels[:, :, row - 1]).unsqueeze(2)
        for i, layer in enumerate(self.layers):
            v = layer.begin_row(v, row, last=i == len(self.layers) - 1)

    def logits(self, column: int, color: int) -> Tensor:
        """(B, L) for one sub-pixel of the present row, given all those before it."""
        first = self.layers[0].buffer.slots
        if column > 0 and color == 0:
            first[column - 1].copy_(self.table(self.levels[:, :, self.row, column - 1]))
        if color > 0:
            first[column].copy_(self.table(self.levels[:, :, self.row, column]))
        for layer, following in zip(self.layers, self.layers[1:], strict=False):
            layer.step(column, following.buffer.slots[column])
        self.layers[-1].step(column, self.final)
        return self.head(self.final, color)


class TapsCache:
    """A k x k masked convolution, taken apart: taps in the rows above, and taps in the own row."""

    def __init__(self, conv: MaskedConv2d, batch: int, width: int):
        weight, (_, kernel_width) = masked_weight(conv), conv.kernel_size
        self.rows_above, self.reach = conv.kernel_size[0] // 2, kernel_width // 2
        self.from_above = weight[:, :, : self.rows_above]
        own_row = weight[:, :, self.rows_above :, : self.reach + 1][:, :, :1]
        self.bias, self.own_row = conv.bias, as_matrix(own_row)
        channels = conv.in_channels
        self.buffer = RowBuffer(batch, width, channels, self.reach, self.reach + 1, weight)
        self.above = weight.new_zeros(batch, channels, self.rows_above, width)

    def begin_row(self) -> None:
        """Sum the taps above, for all columns at once; the row that was finished joins them."""
        part = F.conv2d(F.pad(self.above, (self.reach, self.reach)), self.from_above, self.bias)
        self.part = part[:, :, 0].permute(2, 0, 1).contiguous().unbind(0)

    def end_row(self) -> None:
        """Keep the present row for those that follow."""
        self.above = torch.cat([self.above[:, :, 1:], self.buffer.row()], dim=2)

    def step(self, x: int) -> Tensor:
        """The convolution at column x, whose input lies in the row buffer already."""
        return torch.addmm(self.part[x], self.buffer.slices[x], self.own_row)


class PixelCNNCache:
    """Logits of a PixelCNN in raster order, reading `levels` (B, C, H, W) as they come."""

    walks = "image"  # through every pixel up to the last unknown one: rows below read features

    def __init__(self, model: PixelCNN, levels: Tensor):
        self.model, self.levels, self.row = model, levels, None
        batch, _, _, width = levels.shape
        self.table = LevelTable(model, levels.device)
        self.first = TapsCache(model.first, batch, width)
        self.blocks = []
        for block in model.layers:
            _, squeeze, _, around, _, widen = block.layers
            outer = [(as_matrix(masked_weight(c)), c.bias) for c in (squeeze, widen)]
            self.blocks.append((*outer, TapsCache(around, batch, width)))
        self.head = Head(model.head, model.n_colors)

    def begin_row(self, row: int) -> None:
        """Sum what every kernel reads in the rows above, for the whole row."""
        caches = [self.first, *(taps for _, _, taps in self.blocks)]
        if self.row is not None:
            for place, slot in enumerate(self.first.buffer.slots):
                slot.copy_(self.table(self.levels[:, :, self.row, place]))
            for taps in caches:
                taps.end_row()
        self.row = row
        for taps in caches:
            taps.begin_row()

    def logits(self, column: int, color: int) -> Tensor:
        """(B, L) for one sub-pixel of the present row, given all those before it."""
        for x in range(max(0, column - 1), column + 1):
            self.first.buffer.slots[x].copy_(self.table(self.levels[:, :, self.row, x]))
        features = self.first.step(column)
        for (squeeze, squeeze_bias), (widen, widen_bias), taps in self.blocks:
            hidden = torch.addmm(squeeze_bias, features.relu(), squeeze).relu_()
            taps.buffer.slots[column].copy_(hidden)
            added = torch.addmm(widen_bias, taps.step(column).relu_(), widen)
            features = features + added
        return self.head(features, color)
