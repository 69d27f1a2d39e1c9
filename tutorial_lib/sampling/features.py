"""What a sampler need not compute twice: features of pixels that are drawn already.

A feature depends on the past alone, and the past does not change: it can be kept. What is left is

- once a row: all that reads only rows above. For the gated PixelCNN that is its vertical stack with
  the links; for the plain one, the taps of every kernel that lie above the pixel;
- once a sub-pixel: the horizontal stack, or the taps in the pixel's own row, at one position.

So an image of H x W pixels costs about one forward pass, in place of H x W of them. At one position
a convolution is a product with a matrix.

Reference: Ramachandran et al. 2017, Fast Generation for Convolutional Autoregressive Models, arXiv
1704.06001. Its code, too, runs the vertical stack a row at a time.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def masked_weight(conv: nn.Conv2d) -> Tensor:
    """The kernel as it is used, its mask multiplied in if it has one."""
    mask = getattr(conv, "mask", None)
    return conv.weight if mask is None else conv.weight * mask


def as_matrix(kernel: Tensor) -> Tensor:
    """A kernel (out, in, rows, columns) as a matrix (rows * columns * in, out)."""
    return kernel.permute(2, 3, 1, 0).flatten(0, 2).contiguous()


class RowsAbove:
    """Features of the last `n_rows` rows (batch, width, channels), zeros around them."""

    def __init__(self, shape: tuple[int, int, int], n_rows: int, reach: int, like: Tensor):
        batch, width, channels = shape
        self.rows = like.new_zeros(n_rows, reach + width + reach, batch, channels)
        self.newest = self.rows[-1:, reach : reach + width]
        windows = self.rows.unfold(1, 2 * reach + 1, 1)  # (rows, W, B, C, columns), no copy
        self.windows = windows.permute(1, 2, 0, 4, 3)

    def push(self, row: Tensor) -> None:
        """The oldest row goes, and `row` (W, B, C) comes in below the others."""
        self.rows[:-1] = self.rows[1:].clone()
        self.newest.copy_(row)

    def read(self, matrix: Tensor, bias: Tensor) -> Tensor:
        """The kernel at every column: (W, B, out)."""
        width, batch = self.windows.shape[:2]
        taps = self.windows.reshape(width * batch, -1)
        return torch.addmm(bias, taps, matrix).view(width, batch, -1)


class OwnRow:
    """Features of the present row (batch, width, channels), zeros to its left.

    A pixel is written, then read by a kernel of `taps`: `reach` to its left, and maybe its own.
    """

    def __init__(self, shape: tuple[int, int, int], reach: int, taps: int, like: Tensor):
        batch, width, channels = shape
        features = like.new_zeros(batch, reach + width, channels)
        self.row = features[:, reach:].transpose(0, 1)  # (W, B, C)
        self.slots = self.row.unbind(0)
        # Views, made once: making one costs as much as a small product with a matrix.
        self.slices = [features[:, x : x + taps].view(batch, taps * channels) for x in range(width)]


class LevelTable:
    """The numbers that stand for a level, looked up: what `model.embed` gives for one pixel."""

    def __init__(self, model: nn.Module, device: torch.device):
        levels = torch.arange(model.n_levels, device=device).view(-1, 1, 1, 1)
        every_color = model.embed(levels.expand(-1, model.n_colors, 1, 1)).flatten(1)
        self.size = every_color.shape[1]
        self.table = every_color[:, : self.size // model.n_colors].contiguous()

    def __call__(self, levels: Tensor) -> Tensor:
        """(..., C) levels -> (..., C * E) features, colour by colour."""
        return F.embedding(levels, self.table).flatten(-2)


class Pointwise:
    """A 1x1 convolution at one position: (B, in) -> (B, out)."""

    def __init__(self, conv: nn.Conv2d):
        self.matrix, self.bias = as_matrix(masked_weight(conv)), conv.bias

    def __call__(self, features: Tensor) -> Tensor:
        return torch.addmm(self.bias, features, self.matrix)


class Head:
    """ReLU, 1x1, ReLU, 1x1 at one position: (B, features) -> (B, L) for one colour."""

    def __init__(self, head: nn.Sequential, n_colors: int):
        self.first, last = Pointwise(head[1]), Pointwise(head[3])
        self.last = [weight.contiguous() for weight in last.matrix.chunk(n_colors, dim=1)]
        self.last_bias = last.bias.chunk(n_colors)

    def __call__(self, features: Tensor, color: int) -> Tensor:
        hidden = self.first(features.relu()).relu_()
        return torch.addmm(self.last_bias[color], hidden, self.last[color])


class Cache:
    """Logits of a model in raster order, from features that are kept: what the caches share."""

    def __init__(self, model: nn.Module, levels: Tensor):
        self.pixels = levels.permute(2, 3, 0, 1)
        self.table = LevelTable(model, levels.device)
        self.head = Head(model.head, model.n_colors)

    def write_newest(self, own: OwnRow, row: tuple[Tensor, ...], column: int, color: int):
        """Before (column, color) is asked for: what was drawn last goes into the first layer."""
        x = column if color else column - 1
        if x >= 0:
            own.slots[x].copy_(self.table(row[x]))
