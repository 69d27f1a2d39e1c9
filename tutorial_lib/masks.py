"""Which taps of a convolution may be read: masks A and B, for grey and for coloured images.

A convolution that predicts pixel i may read only pixels before i in raster order (row by row, left
to right). A mask on the kernel is enough, since a kernel slides without turning. For colour, each
pixel is three sub-pixels, R then G then B, and channels are divided into three equal *contiguous*
groups: the first third belongs to R, the second to G, the last to B [PixelRNN, sec. 3.4].

The mask is multiplied in on the way (`weight * mask`), not written into the weights: then masked
weights get no gradient either, and cannot inflate gradient clipping or weight decay.

References: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 3.4 and fig. 2.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.validation import (
    require_bool,
    require_choice,
    require_image_features,
    require_int,
)


def kernel_sides(kernel_size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a kernel, both odd, from one number or two."""
    sides = tuple(kernel_size) if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    if len(sides) != 2:
        raise ValueError(f"kernel_size must be one number or two, got {kernel_size!r}")
    for side in sides:
        if require_int("kernel_size", side, at_least=1) % 2 == 0:
            raise ValueError(f"kernel_size must be odd, so that it has a centre, got {kernel_size}")
    return sides


def causal_mask(
    kernel_size: int | tuple[int, int], *, include_center: bool
) -> Float[Tensor, "height width"]:
    """Taps a raster-scan convolution may read: the rows above, then left in its own row.

        type A (include_center=False)    type B (True)
              1 1 1                          1 1 1
              1 0 0                          1 1 0
              0 0 0                          0 0 0

    Type A reads raw pixels, so only a first layer uses it; type B reads features that already
    exclude the present pixel. [PixelRNN, sec. 3.4]
    """
    height, width = kernel_sides(kernel_size)
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2] = 1
    mask[height // 2, width // 2] = float(require_bool("include_center", include_center))
    return mask


def color_groups(n_channels: int, n_colors: int) -> Tensor:
    """The colour that each channel belongs to: (n_channels,) in 0 .. n_colors-1, contiguous."""
    require_int("n_colors", n_colors, at_least=1)
    if require_int("n_channels", n_channels, at_least=1) % n_colors:
        raise ValueError(
            f"{n_channels} channels cannot be divided among {n_colors} colours: "
            f"use a multiple of {n_colors}"
        )
    return torch.arange(n_channels) // (n_channels // n_colors)


def color_causal_mask(
    out_channels: int,
    in_channels: int,
    kernel_size: int | tuple[int, int],
    *,
    n_colors: int,
    include_center: bool,
) -> Float[Tensor, "out_channels in_channels height width"]:
    """The causal mask with the R -> G -> B rule at the centre tap.

    Away from the centre every colour reads every colour. At the centre, group `o` of the outputs
    reads group `i` of the inputs if i < o (type A) or i <= o (type B): G sees R, B sees R and G,
    and only type B sees its own group.
    """
    require_int("out_channels", out_channels, at_least=1)
    require_int("in_channels", in_channels, at_least=1)
    out_group = color_groups(out_channels, n_colors)[:, None]
    in_group = color_groups(in_channels, n_colors)[None, :]
    at_center = require_bool("include_center", include_center)
    center = (in_group <= out_group) if at_center else (in_group < out_group)
    height, width = kernel_sides(kernel_size)
    mask = causal_mask((height, width), include_center=False).repeat(
        out_channels, in_channels, 1, 1
    )
    mask[:, :, height // 2, width // 2] = center.float()
    return mask


class MaskedConv2d(nn.Conv2d):
    """A convolution that keeps raster order: (B, in, H, W) -> (B, out, H, W).

    `mask_type="A"` for the layer that reads the image, "B" for every layer after it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        mask_type: str,
        n_colors: int = 1,
    ):
        require_choice("mask_type", mask_type, ("A", "B"))
        mask = color_causal_mask(
            out_channels,
            in_channels,
            kernel_size,
            n_colors=n_colors,
            include_center=mask_type == "B",
        )
        super().__init__(in_channels, out_channels, kernel_sides(kernel_size), padding="same")
        self.mask_type = mask_type
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Float[Tensor, "B in H W"]) -> Float[Tensor, "B out H W"]:
        """Convolve with the masked kernel, zeros outside the image. A NaN spreads, as it came."""
        require_image_features("x", x, self.in_channels, like=self.weight)
        return F.conv2d(x, self.weight * self.mask, self.bias, padding="same")
