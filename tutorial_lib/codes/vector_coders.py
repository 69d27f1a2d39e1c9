"""An encoder from an image to one vector, and a decoder back: what the auto-encoders share.

Two convolutions of stride 2 and one linear layer, and the same backwards. Nothing here says what
the vector means: a point (Autoencoder), the mean and variance of a Gaussian (GaussianVAE) or the
condition of a PixelCNN (PixelCNNAutoencoder).
"""

from __future__ import annotations

from typing import Annotated

from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.contracts import Count, Several, checked, symbols

REDUCTION = 4  # of each side: two convolutions of stride 2


def _reducible(name: str, size: tuple[int, int]) -> tuple[int, int]:
    if any(side % REDUCTION for side in size):
        raise ValueError(f"{name} must be (H, W), each a multiple of {REDUCTION}, got {size}")
    return size


ImageSize = Annotated[tuple[Count, Count], _reducible]


class CodeEncoder(nn.Module):
    """levels (B, C, H, W) of one fixed size -> code (B, code_dim)."""

    @checked
    def __init__(
        self,
        *,
        n_colors: Count,
        n_levels: Several,
        size: ImageSize,
        code_dim: Count,
        n_channels: Count,
    ):
        super().__init__()
        height, width = (side // REDUCTION for side in size)
        self.n_colors, self.n_levels, self.size = n_colors, n_levels, size
        self.layers = nn.Sequential(
            nn.Conv2d(n_colors, n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(n_channels, 2 * n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * n_channels * height * width, code_dim),
        )

    @checked
    def forward(
        self, levels: Int[Tensor, "B {self.n_colors} {self.size[0]} {self.size[1]}"]
    ) -> Float[Tensor, "B D"]:
        """The code of each image; levels 0 .. L-1 reach the first layer as -1 .. 1."""
        symbols("levels", levels, self.n_levels)
        x = levels.to(self.layers[0].weight.dtype) * (2 / (self.n_levels - 1)) - 1
        return self.layers(x)


class CodeDecoder(nn.Module):
    """code (B, code_dim) -> a map (B, n_outputs, H, W): the encoder's layers backwards."""

    @checked
    def __init__(self, *, n_outputs: Count, size: ImageSize, code_dim: Count, n_channels: Count):
        super().__init__()
        height, width = (side // REDUCTION for side in size)
        self.code_dim, wide = code_dim, 2 * n_channels
        self.layers = nn.Sequential(
            nn.Linear(code_dim, wide * height * width),
            nn.ReLU(),
            nn.Unflatten(1, (wide, height, width)),
            nn.ConvTranspose2d(wide, n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(n_channels, n_outputs, 4, stride=2, padding=1),
        )

    @checked
    def forward(self, code: Float[Tensor, "B {self.code_dim}"]) -> Float[Tensor, "B outputs H W"]:
        """The map that belongs to each code. A NaN in gives NaN: training looks at its loss."""
        return self.layers(code)
