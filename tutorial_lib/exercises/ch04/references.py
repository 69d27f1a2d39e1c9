"""Solutions of chapter 04 that the library holds inside something larger, as functions.

`horizontal_conv` is what `gated.HorizontalConv2d` does for one colour, `gated_layer` is
`gated.GatedLayer.forward` without conditions, and `multiplications_per_pixel` counts the weights of
a `GatedLayer`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.pixels.gated_layer import gate


def horizontal_conv(x: Tensor, weight: Tensor, *, mask_type: str) -> Tensor:
    """Read to the left in the own row, and the centre in type B: (B, in, H, W) -> (B, out, H, W).

    A kernel without its right half needs no mask: zeros on the left put it in place. Type A has no
    centre tap, so its last tap must fall on the neighbour, and the last column is cut off.
    """
    n_taps = weight.shape[-1]
    left, right = (n_taps, -1) if mask_type == "A" else (n_taps - 1, 0)
    return F.conv2d(F.pad(x, (left, right)), weight)


def gated_layer(
    v: Tensor,
    h: Tensor,
    vertical: Callable,
    horizontal: Callable,
    link: Callable,
    output: Callable,
    *,
    first: bool,
) -> tuple[Tensor, Tensor]:
    """Figure 2: the features of both stacks, one layer on."""
    before_gate = vertical(v)
    out = output(gate(horizontal(h) + link(before_gate)))
    return gate(before_gate), out if first else h + out


def multiplications_per_pixel(kernel_size: int, n_channels: int) -> int:
    """Multiplications of one layer after the first, for each pixel, with cropped kernels."""
    rows = columns = kernel_size // 2 + 1
    both_halves = 2 * n_channels
    vertical = rows * kernel_size * n_channels * both_halves
    horizontal = columns * n_channels * both_halves
    link = both_halves * both_halves
    output = n_channels * n_channels
    return vertical + horizontal + link + output
