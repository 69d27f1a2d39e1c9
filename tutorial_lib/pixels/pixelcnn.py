"""PixelCNN: a deep stack of masked convolutions, residual blocks between a first layer and a head.

What it adds to the masked convolution: depth. Each k x k layer of type B lets the past reach k//2
pixels further, and residual connections keep a deep stack trainable. A block is

    y = x + W_3 relu(W_2 * relu(W_1 relu(x)))        2h -> h, k x k on h, h -> 2h   [fig. 5, left]

and the whole network is: k x k of type A, blocks of type B, two 1x1 layers of type B, softmax
[table 1]. What the stack cannot see is its blind spot: no depth brings in the upper right.

`MaskedStack` holds all but the blocks, since both PixelRNNs have the same first layer and head.
Where the code deviates:

- `n_channels` is the paper's 2h, the width between the blocks; defaults are smaller than its own.
- Levels enter as numbers from -1 to 1, and two levels get a softmax too where the paper uses a
  sigmoid: the distribution is the same, and so is the code around it.

Reference: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 3.3 to 3.5, fig. 5 and
table 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.contracts import Count, Kernel, Odd, Several, checked, symbols
from tutorial_lib.pixels.config import Config, built_from
from tutorial_lib.pixels.masks import MaskedConv2d, head
from tutorial_lib.pixels.modes import in_fast_format


@checked
def half_of(n_channels: Count, n_colors: Count) -> int:
    """n_channels // 2. ValueError unless that can be divided among the colours."""
    if n_channels % (2 * n_colors):
        colors = "1 colour" if n_colors == 1 else f"{n_colors} colours"
        raise ValueError(
            f"half of n_channels={n_channels} cannot be divided among {colors}: "
            f"use a multiple of {2 * n_colors}"
        )
    return n_channels // 2


class MaskedResidualBlock(nn.Module):
    """Shrink to half the channels, look around, widen again, add the input. [fig. 5, left]

    All of type B. n_channels must be a multiple of 2 * n_colors.
    """

    @checked
    def __init__(self, n_channels: Count, kernel_size: Odd, *, n_colors: Count = 1):
        super().__init__()
        half = half_of(n_channels, n_colors)
        options = {"mask_type": "B", "n_colors": n_colors}
        self.shrink = MaskedConv2d(n_channels, half, 1, **options)
        self.kernel = MaskedConv2d(half, half, kernel_size, **options)
        self.widen = MaskedConv2d(half, n_channels, 1, **options)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The input, and what the block adds to it."""
        hidden = self.shrink(features.relu())
        hidden = self.kernel(hidden.relu())
        return features + self.widen(hidden.relu())


@dataclass(frozen=True, kw_only=True)
class PixelCNNConfig(Config):
    """Settings of a PixelCNN, and of a RowLSTM, which has layers in place of blocks."""

    n_colors: Count = 1  # sub-pixels of a pixel, predicted in order (R, G, B)
    n_levels: Several = 2  # L, the number of values of a sub-pixel
    n_channels: Count = 64  # features between the blocks: a multiple of 2 * n_colors
    n_layers: Count = 7  # residual blocks
    kernel_size: Kernel = 3  # k of the middle convolution of a block, odd and at least 3
    first_kernel_size: Kernel = 7  # k of the first layer, the one of type A, odd and at least 3

    def __post_init__(self):
        super().__post_init__()
        half_of(self.n_channels, self.n_colors)


class MaskedStack(nn.Module):
    """levels (B, C, H, W) -> logits (B, L, C, H, W): a first layer, blocks, a head."""

    def __init__(self, config: PixelCNNConfig, make_block: Callable[[], nn.Module]):
        super().__init__()
        self.config, self.n_colors, self.n_levels = config, config.n_colors, config.n_levels
        width, n_colors = config.n_channels, config.n_colors
        self.first = MaskedConv2d(
            n_colors, width, config.first_kernel_size, mask_type="A", n_colors=n_colors
        )
        self.blocks = nn.Sequential(*(make_block() for _ in range(config.n_layers)))
        self.head = head(width, n_colors * self.n_levels, n_colors)

    def forward(self, levels) -> Float[Tensor, "B L C H W"]:
        """Logits of every sub-pixel given those before it that the stack can see, in one pass."""
        return self.logits_from(self.embed(levels))

    @checked
    def embed(self, levels: Int[Tensor, "B {self.n_colors} H W"]) -> Float[Tensor, "B C H W"]:
        """Levels as numbers from -1 to 1."""
        symbols("levels", levels, self.n_levels)
        return levels.to(self.first.weight.dtype) * (2 / (self.n_levels - 1)) - 1

    @checked
    def logits_from(
        self, features: Float[Tensor, "B {self.n_colors} H W"]
    ) -> Float[Tensor, "B L C H W"]:
        """The network after `embed`; the channels of the head are grouped by colour."""
        # Only here: an image of one channel has no order of channels in memory to be changed.
        features = in_fast_format(self.first(features))
        logits = self.head(self.blocks(features))
        return logits.unflatten(1, (self.n_colors, self.n_levels)).transpose(1, 2)


class PixelCNN(MaskedStack):
    """levels (B, C, H, W) -> logits (B, L, C, H, W), for any height and width."""

    @built_from(PixelCNNConfig)
    def __init__(self, config: PixelCNNConfig):
        sizes = (config.n_channels, config.kernel_size)
        super().__init__(config, lambda: MaskedResidualBlock(*sizes, n_colors=config.n_colors))
