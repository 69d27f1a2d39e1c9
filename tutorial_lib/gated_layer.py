"""One layer of the gated PixelCNN: two convolutions without masks, a link, and two gates.

What stands between two layers is the gate in place of the ReLU [eq. 2], with conditions inside it:
V_f h and V_g h for a label h [eq. 4], V * s for a spatial map s [eq. 5]. Every connection of the
paper's figure 2 is in `GatedLayer.forward`. Kernels are cropped to the taps that may be read,
k//2 + 1 rows and k//2 + 1 columns, so that nothing is multiplied by a masked zero.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.masks import MaskedConv2d, color_causal_mask, kernel_sides


def shift_down(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Every row one down and zeros in the first: row i holds what was known above it."""
    return F.pad(features, (0, 0, 1, -1))


def gate(features: Float[Tensor, "B twoC H W"]) -> Float[Tensor, "B C H W"]:
    """tanh of the first half of the channels times sigmoid of the second. [eq. 2]"""
    value, switch = features.chunk(2, dim=1)
    return torch.tanh(value) * torch.sigmoid(switch)


ACTIVATIONS = {"gate": (gate, 2), "relu": (torch.relu, 1)}  # and the channels it takes for one


def plus(features: Tensor, condition: Tensor | int) -> Tensor:
    """Their sum; without a condition, which is then the number 0, the features as they are."""
    return features if isinstance(condition, int) else features + condition


def pointwise(in_channels: int, out_channels: int, n_colors: int) -> nn.Conv2d:
    """A 1x1 convolution that keeps R -> G -> B, which for one colour needs no mask at all."""
    if n_colors == 1:
        return nn.Conv2d(in_channels, out_channels, 1)
    return MaskedConv2d(in_channels, out_channels, 1, mask_type="B", n_colors=n_colors)


class VerticalConv2d(nn.Conv2d):
    """Reads its own row and the k//2 rows above it: (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int):
        self.reach = kernel_sides(kernel_size)[0] // 2
        super().__init__(in_channels, out_channels, (self.reach + 1, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, zeros above the image and beside it."""
        return super().forward(F.pad(x, (self.reach, self.reach, self.reach, 0)))


class HorizontalConv2d(nn.Conv2d):
    """Reads k//2 pixels to the left in its own row, and the centre as the mask type allows.

    Type A, one colour: the centre tap does not exist. Otherwise it is the last tap, with the
    R -> G -> B rule where there are colours. Output channels are `halves` blocks (the two arguments
    of a gate), each grouped by colour.
    """

    def __init__(self, in_channels, out_channels, kernel_size, *, mask_type, n_colors, halves=2):
        self.reach = kernel_sides(kernel_size)[1] // 2
        self.has_center = mask_type == "B" or n_colors > 1
        super().__init__(in_channels, out_channels, (1, self.reach + self.has_center))
        mask = None
        if n_colors > 1:
            mask = color_causal_mask(
                out_channels // halves,
                in_channels,
                (1, 2 * self.reach + 1),
                n_colors=n_colors,
                include_center=mask_type == "B",
            )[..., : self.reach + 1].repeat(halves, 1, 1, 1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, zeros to the left of the image."""
        x = F.pad(x, (self.reach, 0 if self.has_center else -1))
        weight = self.weight if self.mask is None else self.weight * self.mask
        return F.conv2d(x, weight, self.bias)


class GatedLayer(nn.Module):
    """One layer of both stacks (figure 2): vertical, horizontal -> vertical, horizontal."""

    def __init__(
        self,
        vertical_channels: int,
        horizontal_channels: int,
        n_channels: int,
        kernel_size: int,
        *,
        mask_type: str,
        n_colors: int,
        n_classes: int | None,
        context_channels: int,
        activation: str = "gate",
    ):
        super().__init__()
        self.activate, halves = ACTIVATIONS[activation]
        width = halves * n_channels
        self.vertical = VerticalConv2d(vertical_channels, width, kernel_size)
        self.link = nn.Conv2d(width, width, 1)
        self.horizontal = HorizontalConv2d(
            horizontal_channels,
            width,
            kernel_size,
            mask_type=mask_type,
            n_colors=n_colors,
            halves=halves,
        )
        self.output = pointwise(n_channels, n_channels, n_colors)
        self.label = nn.Embedding(n_classes, 2 * width) if n_classes else None
        self.context = nn.Conv2d(context_channels, 2 * width, 1) if context_channels else None
        # The first layer is type A: adding its input back would show each pixel to itself.
        self.residual = mask_type == "B"

    def condition(self, label: Tensor | None, context: Tensor | None):
        """What the conditions add to the gates of the vertical and of the horizontal stack."""
        added = 0
        if self.label is not None:
            added = self.label(label)[:, :, None, None]
        if self.context is not None:
            added = added + self.context(context)
        return (added, added) if isinstance(added, int) else added.chunk(2, dim=1)

    def forward(self, v, h, *, label=None, context=None, last: bool = False):
        """Features of the two stacks, one layer on. `last` leaves out what nobody reads."""
        to_vertical, to_horizontal = self.condition(label, context)
        v = self.vertical(v)
        link = self.link(v)  # taken before the gate: figure 2
        out = self.output(self.activate(plus(self.horizontal(h) + link, to_horizontal)))
        v = None if last else self.activate(plus(v, to_vertical))
        return v, (h + out if self.residual else out)
