"""An encoder from an image to one vector, and a decoder back: what the auto-encoders share.

Two convolutions of stride 2 and one linear layer, and the same backwards. Nothing here says what
the vector means: a point (Autoencoder), the mean and variance of a Gaussian (GaussianVAE) or the
condition of a PixelCNN (PixelCNNAutoencoder).
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.validation import (
    require_float,
    require_int,
    require_shape,
    require_sizes,
    require_symbols,
)

REDUCTION = 4  # of each side: two convolutions of stride 2


class CodeEncoder(nn.Module):
    """levels (B, C, H, W) of one fixed size -> code (B, code_dim)."""

    def __init__(
        self, *, n_colors: int, n_levels: int, size: Sequence[int], code_dim: int, n_channels: int
    ):
        super().__init__()
        height, width = _reduced(size)
        require_int("n_colors", n_colors, at_least=1)
        require_int("n_levels", n_levels, at_least=2)
        require_int("code_dim", code_dim, at_least=1)
        require_int("n_channels", n_channels, at_least=1)
        self.n_colors, self.n_levels, self.size = n_colors, n_levels, tuple(size)
        self.layers = nn.Sequential(
            nn.Conv2d(n_colors, n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(n_channels, 2 * n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * n_channels * height * width, code_dim),
        )

    def forward(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The code of each image; levels 0 .. L-1 reach the first layer as -1 .. 1."""
        require_symbols("levels", levels, self.n_levels, like=self.layers[0].weight)
        require_shape("levels", levels, ("batch", self.n_colors, *self.size))
        x = levels.to(self.layers[0].weight.dtype) * (2 / (self.n_levels - 1)) - 1
        return self.layers(x)


class CodeDecoder(nn.Module):
    """code (B, code_dim) -> a map (B, n_outputs, H, W): the encoder's layers backwards."""

    def __init__(self, *, n_outputs: int, size: Sequence[int], code_dim: int, n_channels: int):
        super().__init__()
        height, width = _reduced(size)
        require_int("n_outputs", n_outputs, at_least=1)
        self.code_dim = require_int("code_dim", code_dim, at_least=1)
        require_int("n_channels", n_channels, at_least=1)
        wide = 2 * n_channels
        self.layers = nn.Sequential(
            nn.Linear(code_dim, wide * height * width),
            nn.ReLU(),
            nn.Unflatten(1, (wide, height, width)),
            nn.ConvTranspose2d(wide, n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(n_channels, n_outputs, 4, stride=2, padding=1),
        )

    def forward(self, code: Float[Tensor, "B D"]) -> Float[Tensor, "B outputs H W"]:
        """The map that belongs to each code. A NaN in gives NaN: training looks at its loss."""
        require_float("code", code, like=self.layers[0].weight)
        require_shape("code", code, ("batch", self.code_dim))
        return self.layers(code)


def _reduced(size: Sequence[int]) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) == 2:
        require_sizes("size", size, ("height", "width"))
    if len(size) != 2 or any(side % REDUCTION for side in size):
        raise ValueError(f"size must be (H, W), each a multiple of {REDUCTION}, got {tuple(size)}")
    return size[0] // REDUCTION, size[1] // REDUCTION
