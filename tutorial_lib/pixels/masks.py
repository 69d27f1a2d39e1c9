"""Which taps of a convolution may be read: masks A and B, for grey and for coloured images.

A convolution that predicts pixel i may read only pixels before i in raster order: a mask on its
kernel is enough. For colour, each pixel is three sub-pixels, R then G then B, and channels are
three equal *contiguous* groups [PixelRNN, sec. 3.4].

The mask is multiplied in on the way (`weight * mask`), not written into the weights: then masked
weights get no gradient either, and cannot inflate gradient clipping or weight decay.

References: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 3.4 and fig. 2.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import Count, OddSides, checked


@checked
def kernel_sides(kernel_size: OddSides) -> tuple[int, int]:
    """(height, width) of a kernel, both odd, from one number or two."""
    return kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)


@checked
def causal_mask(kernel_size: OddSides, *, include_center: bool) -> Float[Tensor, "height width"]:
    """Taps a raster-scan convolution may read: the rows above, then left in its own row.

        type A (include_center=False)    type B (True)
              1 1 1                          1 1 1
              1 0 0                          1 1 0
              0 0 0                          0 0 0

    Type A reads raw pixels, so only a first layer uses it; type B reads features that already
    exclude the present pixel. [PixelRNN, sec. 3.4]

    >>> causal_mask(3, include_center=True)[1].tolist()
    [1.0, 1.0, 0.0]
    """
    height, width = kernel_sides(kernel_size)
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2 + include_center] = 1
    return mask


@checked
def color_groups(n_channels: Count, n_colors: Count) -> Int[Tensor, "n_channels"]:
    """The colour that each channel belongs to: (n_channels,) in 0 .. n_colors-1, contiguous.

    >>> color_groups(6, 3).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    if n_channels % n_colors:
        raise ValueError(
            f"{n_channels} channels cannot be divided among {n_colors} colours: "
            f"use a multiple of {n_colors}"
        )
    return torch.arange(n_channels) // (n_channels // n_colors)


@checked
def color_causal_mask(
    out_channels: Count,
    in_channels: Count,
    kernel_size: OddSides,
    *,
    n_colors: Count,
    include_center: bool,
) -> Float[Tensor, "out_channels in_channels height width"]:
    """The causal mask with the R -> G -> B rule at the centre tap.

    At the centre, group `o` of the outputs reads group `i` of the inputs if i < o (type A) or
    i <= o (type B): G sees R, B sees R and G, and only type B sees its own group.
    """
    out_group = color_groups(out_channels, n_colors)[:, None]
    in_group = color_groups(in_channels, n_colors)[None, :]
    center = (in_group <= out_group) if include_center else (in_group < out_group)
    height, width = kernel_sides(kernel_size)
    mask = causal_mask(kernel_size, include_center=False).repeat(out_channels, in_channels, 1, 1)
    mask[:, :, height // 2, width // 2] = center.float()
    return mask


class MaskedConv2d(nn.Conv2d):
    """A convolution that keeps raster order: (B, in, H, W) -> (B, out, H, W).

    `mask_type="A"` for the layer that reads the image, "B" for every layer after it.
    """

    @checked
    def __init__(
        self,
        in_channels: Count,
        out_channels: Count,
        kernel_size: OddSides,
        *,
        mask_type: Literal["A", "B"],
        n_colors: Count = 1,
    ):
        options = {"n_colors": n_colors, "include_center": mask_type == "B"}
        mask = color_causal_mask(out_channels, in_channels, kernel_size, **options)
        super().__init__(in_channels, out_channels, kernel_sides(kernel_size), padding="same")
        self.mask_type = mask_type
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Float[Tensor, "B in H W"]) -> Float[Tensor, "B out H W"]:
        """Convolve with the masked kernel, zeros outside the image."""
        return F.conv2d(x, self.weight * self.mask, self.bias, padding="same")


def pointwise(in_channels: int, out_channels: int, n_colors: int) -> nn.Conv2d:
    """A 1x1 convolution that keeps R -> G -> B, which for one colour needs no mask at all."""
    if n_colors == 1:
        return nn.Conv2d(in_channels, out_channels, 1)
    return MaskedConv2d(in_channels, out_channels, 1, mask_type="B", n_colors=n_colors)


def head(n_channels: int, n_outputs: int, n_colors: int) -> nn.Sequential:
    """From the features of a pixel to its logits: ReLU, 1x1, ReLU, 1x1. [PixelRNN, table 1]"""
    return nn.Sequential(
        nn.ReLU(),
        pointwise(n_channels, n_channels, n_colors),
        nn.ReLU(),
        pointwise(n_channels, n_outputs, n_colors),
    )
