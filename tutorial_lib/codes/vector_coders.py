"""An encoder from an image to one vector, and a decoder back: what the auto-encoders share.

Two convolutions of stride 2 and one linear layer, and the same backwards. Nothing here says what
the vector means: a point (Autoencoder), the mean and variance of a Gaussian (GaussianVAE) or the
condition of a PixelCNN (PixelCNNAutoencoder).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.contracts import Count, Several, checked, symbols, that
from tutorial_lib.pixels.config import Config, built_from
from tutorial_lib.pixels.gated import GatedPixelCNN

REDUCTION = 4  # of each side: two convolutions of stride 2
_reducible = that(
    lambda size: not any(side % REDUCTION for side in size),
    f"be (H, W), each a multiple of {REDUCTION}",
)
ImageSize = Annotated[tuple[Count, Count], _reducible]


@dataclass(frozen=True, kw_only=True)
class VectorCodeConfig(Config):
    """Settings of an auto-encoder from images of one size to one vector each."""

    n_colors: Count = 1
    n_levels: Several = 2
    size: ImageSize = (28, 28)  # (H, W), multiples of 4
    code_dim: Count = 2  # numbers in the code
    n_channels: Count = 16  # of the outer convolution; the inner one has twice as many features


class CodeEncoder(nn.Module):
    """levels (B, C, H, W) of one fixed size -> code (B, code_dim)."""

    @built_from(VectorCodeConfig)
    def __init__(self, config: VectorCodeConfig):
        super().__init__()
        self.n_colors, self.n_levels, self.size = config.n_colors, config.n_levels, config.size
        (height, width), n_channels = (side // REDUCTION for side in config.size), config.n_channels
        self.layers = nn.Sequential(
            nn.Conv2d(config.n_colors, n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(n_channels, 2 * n_channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * n_channels * height * width, config.code_dim),
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


class VectorCodeModel(nn.Module):
    """What auto-encoders share: an encoder to one vector, and p(x|code) behind it.

    n_encoded   numbers that the encoder gives
    pixelcnn    None: sub-pixels are independent given the code. Or settings of a GatedPixelCNN,
                which has the code at every pixel as its context
    """

    def __init__(self, config: VectorCodeConfig, *, n_encoded: int, pixelcnn: dict | None):
        super().__init__()
        self.size, self.code_dim = config.size, config.code_dim
        self.n_colors, self.n_levels = n_colors, n_levels = config.n_colors, config.n_levels
        self.autoregressive = pixelcnn is not None
        self.encoder = CodeEncoder(config, code_dim=n_encoded)
        if self.autoregressive:
            levels = {"n_colors": n_colors, "n_levels": n_levels}
            self.decoder = GatedPixelCNN(**levels, context_channels=self.code_dim, **pixelcnn)
        else:
            sizes = {"size": self.size, "code_dim": self.code_dim, "n_channels": config.n_channels}
            self.decoder = CodeDecoder(n_outputs=n_levels * n_colors, **sizes)

    @checked
    def context(self, code: Float[Tensor, "B {self.code_dim}"]) -> Float[Tensor, "B D H W"]:
        """The code at every pixel, as a PixelCNN takes it."""
        return code[:, :, None, None].expand(-1, -1, *self.size)

    def decode(self, code: Float[Tensor, "B D"]) -> Float[Tensor, "B L C H W"]:
        """Logits of p(x|code), each sub-pixel independent of the others given the code."""
        return self.decoder(code).unflatten(1, (self.n_levels, self.n_colors))

    @checked
    def logits_given(
        self,
        levels: Int[Tensor, "B {self.n_colors} {self.size[0]} {self.size[1]}"],
        code: Float[Tensor, "B {self.code_dim}"],
    ) -> Float[Tensor, "B L C H W"]:
        """Logits of p(x|code), from wherever it comes; only a PixelCNN looks at earlier levels."""
        symbols("levels", levels, self.n_levels)
        if self.autoregressive:
            return self.decoder(levels, context=self.context(code))
        return self.decode(code)
