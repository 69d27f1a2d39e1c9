"""VQVAE: encoder, codebook, decoder, for signals of 1, 2 or 3 dimensions.

    x -> encoder -> z_e (B, D, *latent shape) -> nearest codes z_q -> decoder -> p(x | z_q)

One argument, `n_dims`, turns the same code from images (2) to sound (1) or video (3): it picks the
convolution, and the field of indices gets as many axes. Three kinds of decoder:

- `n_levels=L`: p(x|z) is a categorical over L levels for each sub-pixel, independent given z. Its
  log-likelihood is that of the discrete image: with the rate of the latents added it is a real
  bound on log p(x), and may be compared with a PixelCNN's in bits/dim.
- `n_levels=L, n_mixtures=M`: p(x|z) is a mixture of M logistics over the same L levels, the choice
  shared by the colours of a pixel (`pixels.logistics`). Also a likelihood of the discrete image, in
  the same bits/dim, at a tenth of the cost for 256 levels in colour.
- `n_levels=None`: a Gaussian with one learned spread, for pictures. Its log-likelihood is a log
  *density*: it can have any sign and must not be compared with discrete nats or bits.

What stands between encoder and decoder, `quantizer`: a codebook with straight-through gradient or
with the rotation trick, FSQ, or residual codes, whose indices are (B, depth, *latent).

The training loss is eq. 3 of the paper with the first term in nats *per dimension*, so that beta
means the same for every image size: -log p(x|z)/dims + codebook + beta * commitment.

Where this leaves the paper: 1x1 convolutions into and out of the codebook, so that code_dim is
free; no batch norm. Reference: van den Oord et al. 2017, sec. 3 and 4.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.codes.fsq import FSQ, Levels
from tutorial_lib.codes.quantizer import Quantized, VectorQuantizer
from tutorial_lib.codes.residual import ResidualQuantizer
from tutorial_lib.codes.rotation import RotationQuantizer
from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.contracts import (
    Count,
    Natural,
    Positive,
    Several,
    checked,
    filled,
    held,
    symbols,
    that,
    where_it_draws,
    within,
)
from tutorial_lib.pixels import logistics
from tutorial_lib.pixels.config import Config, built_from
from tutorial_lib.pixels.full_precision import exact_float32
from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.sampling.ancestral import draw

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
Dims = Literal[1, 2, 3]
QUANTIZERS = {
    "codebook": VectorQuantizer,
    "rotation": RotationQuantizer,
    "fsq": FSQ,
    "residual": ResidualQuantizer,
}
PowerOfTwo = that(lambda n: n & (n - 1) == 0, "be a power of 2")


@dataclass(frozen=True, kw_only=True)
class VQVAEConfig(Config):
    """Settings of a VQVAE. Those of its codebook are described in VectorQuantizer.

    With quantizer="fsq", n_codes and code_dim follow from fsq_levels and may be left out.
    """

    n_dims: Dims = 2  # axes of the signal: 1 for sound, 2 for images, 3 for video
    in_channels: Count
    n_levels: Several | None = None  # L, or None for a Gaussian decoder
    n_mixtures: Count | None = None  # logistics over the L levels; None: a categorical
    quantizer: Literal["codebook", "rotation", "fsq", "residual"] = "codebook"
    fsq_levels: Levels = (8, 5, 5)  # for quantizer="fsq" alone: levels of each number of a code
    depth: Count = 2  # for quantizer="residual" alone: M, codes at one place
    n_codes: Count | None = None  # K
    code_dim: Count | None = None  # D
    downsample: Annotated[Count, PowerOfTwo] = 4  # each axis of the latent shape is that shorter
    n_channels: Several = 64  # width of encoder and decoder
    n_blocks: Natural = 2  # residual blocks on each side
    update: Literal["gradient", "ema"] = "ema"
    commitment_weight: Positive = 0.25
    restart_dead_codes: bool = True

    def __post_init__(self):
        super().__post_init__()
        if self.quantizer == "fsq":
            follow = {"n_codes": math.prod(self.fsq_levels), "code_dim": len(self.fsq_levels)}
            for name, value in follow.items():
                if getattr(self, name) not in (None, value):
                    raise ValueError(
                        f"{name} must be left out, or {value} as follows from fsq_levels="
                        f"{self.fsq_levels}, got {getattr(self, name)}"
                    )
                object.__setattr__(self, name, value)
        for name in ("n_codes", "code_dim"):
            if getattr(self, name) is None:
                raise TypeError(
                    f"{name} must be an integer, got None: with quantizer='fsq' alone may it be "
                    f"left out"
                )
        if self.n_mixtures is not None and self.n_levels is None:
            raise ValueError(
                f"n_mixtures needs n_levels, over which its logistics lie: got n_mixtures="
                f"{self.n_mixtures} and n_levels=None"
            )

    @property
    def n_outputs(self) -> int:
        """Numbers that the decoder gives for each place of the signal."""
        if self.n_mixtures is None:
            return self.in_channels * (self.n_levels or 1)
        return logistics.n_outputs(self.n_mixtures, self.in_channels)

    @property
    def halvings(self) -> int:
        """How often each axis is halved on the way to the codes."""
        return self.downsample.bit_length() - 1


def quantizer_of(config: VQVAEConfig) -> nn.Module:
    """What stands between encoder and decoder: z_e (B, code_dim, *latent) -> Quantized."""
    if config.quantizer == "fsq":
        return FSQ(config.fsq_levels)
    named = ["n_codes", "code_dim", "update", "commitment_weight", "restart_dead_codes"]
    named += ["depth"] * (config.quantizer == "residual")
    return QUANTIZERS[config.quantizer](**{name: getattr(config, name) for name in named})


class ResidualBlock(nn.Module):
    """x + 1x1(ReLU(3x3(ReLU(x)))), in `n_dims` dimensions; the shape does not change."""

    def __init__(self, n_channels: int, n_dims: int):
        super().__init__()
        conv = CONVOLUTIONS[n_dims]
        self.wide = conv(n_channels, n_channels // 2, 3, padding=1)
        self.pointwise = conv(n_channels // 2, n_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, *shape) -> the same."""
        return x + self.pointwise(F.relu(self.wide(F.relu(x))))


def encoder_of(config: VQVAEConfig) -> nn.Sequential:
    """(B, in_channels, *shape) -> (B, code_dim, *shape / downsample)."""
    conv, n_channels, inputs = CONVOLUTIONS[config.n_dims], config.n_channels, config.in_channels
    layers: list[nn.Module] = []
    for _ in range(config.halvings):
        layers += [conv(inputs, n_channels, 4, stride=2, padding=1), nn.ReLU()]
        inputs = n_channels
    layers.append(conv(inputs, n_channels, 3, padding=1))
    layers += [ResidualBlock(n_channels, config.n_dims) for _ in range(config.n_blocks)]
    return nn.Sequential(*layers, nn.ReLU(), conv(n_channels, config.code_dim, 1))


def decoder_of(config: VQVAEConfig) -> nn.Sequential:
    """(B, code_dim, *shape) -> (B, n_outputs, *shape * downsample)."""
    conv, up, n_channels = CONVOLUTIONS[config.n_dims], TRANSPOSED[config.n_dims], config.n_channels
    layers: list[nn.Module] = [conv(config.code_dim, n_channels, 3, padding=1)]
    layers += [ResidualBlock(n_channels, config.n_dims) for _ in range(config.n_blocks)]
    for _ in range(config.halvings):
        layers += [nn.ReLU(), up(n_channels, n_channels, 4, stride=2, padding=1)]
    last = conv(n_channels, config.n_outputs, 1)
    if config.n_mixtures is not None:
        with torch.no_grad():
            last.bias.copy_(logistics.starting_bias(config.n_mixtures, config.in_channels))
    return nn.Sequential(*layers, nn.ReLU(), last)


class VQVAEOutput(NamedTuple):
    """One forward pass: the loss, its three terms, and what they were computed from."""

    loss: Tensor  # nll_nats.mean() / dims + codebook_loss + beta * commitment_loss
    nll_nats: Tensor  # (B,), -log p(x|z), nats per image (a density if n_levels is None)
    decoded: Tensor  # what the decoder says: logits (B, L, C, *shape), means (B, C, *shape), ...
    quantized: Quantized


class VQVAE(nn.Module):
    """Levels (B, C, *shape) in, or x (B, C, *shape) in [0, 1] for a Gaussian decoder."""

    facts: RunFacts | None = None  # on which data it was trained, unless it was made by hand

    @built_from(VQVAEConfig)
    def __init__(self, config: VQVAEConfig):
        super().__init__()
        self.config, self.n_dims, self.in_channels = config, config.n_dims, config.in_channels
        self.n_levels, self.n_codes = config.n_levels, config.n_codes
        self.n_mixtures = config.n_mixtures
        self.encoder = encoder_of(config)
        self.quantizer = quantizer_of(config)
        self.decoder = decoder_of(config)
        self.log_sigma = None if config.n_levels else nn.Parameter(torch.tensor(-1.0))

    def forward(self, image: Tensor) -> VQVAEOutput:
        """Encode, quantise, decode and score a batch; the loss of eq. 3, ready for backward()."""
        z_e = self.encode(image)
        filled("the image", image)
        quantized = self.quantizer(z_e)
        decoded = self.decode(quantized.z_q)
        nll = self.decoder_nll_nats(decoded, image)
        beta = self.quantizer.commitment_weight
        dims = image[0].numel()
        loss = nll.mean() / dims + quantized.codebook_loss + beta * quantized.commitment_loss
        return VQVAEOutput(loss, nll, decoded, quantized)

    @checked
    def encode(
        self, image: Shaped[Tensor, "B {self.in_channels} *shape"]
    ) -> Float[Tensor, "B D *latent"]:
        """z_e of levels (or of x, for a Gaussian decoder)."""
        like = next(self.encoder.parameters())
        if self.n_levels is None:
            x = within("x", held("x", image, Float[Tensor, "..."], model=self), 0, 1)
        else:
            levels = symbols("levels", held("levels", image, Int[Tensor, "..."]), self.n_levels)
            x = levels.to(like.dtype) / (self.n_levels - 1)
        self.latent_shape(tuple(image.shape[2:]))
        return self.encoder(2 * x - 1)

    def encode_indices(self, image: Tensor) -> Int[Tensor, "B *latent"]:
        """The codes of a batch: all that the second stage sees of an image. In full float32."""
        with exact_float32(next(self.encoder.parameters()).device):
            return self.quantizer.indices_of(self.encode(image))

    @checked
    def decode(self, z_q: Float[Tensor, "B {self.quantizer.code_dim} *latent"]) -> Tensor:
        """Logits (B, L, C, *shape), or the means (B, C, *shape) of the Gaussian, around [0, 1].

        With n_mixtures, the numbers of the logistics: (B, M · (1 + 2C), *shape).
        """
        self._look_at_axes("z_q", z_q, 2)
        out = self.decoder(z_q)
        if self.n_levels is None or self.n_mixtures is not None:
            return out
        return out.unflatten(1, (self.in_channels, self.n_levels)).transpose(1, 2)

    @property
    def depth(self) -> int | None:
        """M, the codes at one place, whose indices are (B, M, *latent); None for (B, *latent)."""
        return self.config.depth if self.config.quantizer == "residual" else None

    @checked
    def decode_indices(self, indices: Int[Tensor, "B *latent"]) -> Tensor:
        """`decode` of the code vectors at these indices; of residual codes the first may do."""
        self._look_at_axes("indices", indices, 1 if self.depth is None else 2)
        return self.decode(self.quantizer.lookup(indices))

    def decoder_nll_nats(self, decoded: Tensor, image: Tensor) -> Float[Tensor, "B"]:
        """-log p(x|z) for what `decode` returned: discrete nats, or nats of density (Gaussian)."""
        if self.n_mixtures is not None:
            return logistics.mixture_nll_nats(decoded, image, self.n_levels, self.n_mixtures)
        score = self._density_nats if self.n_levels is None else self._discrete_nats
        return score(decoded, image)

    @checked
    def _discrete_nats(
        self,
        decoded: Float[Tensor, "B {self.n_levels} C *shape"],
        levels: Int[Tensor, "B C *shape"],
    ) -> Float[Tensor, "B"]:
        return nll_nats(decoded, levels)

    @checked
    def _density_nats(
        self, decoded: Float[Tensor, "B C *shape"], x: Float[Tensor, "B C *shape"]
    ) -> Float[Tensor, "B"]:
        z = (x - decoded.float()) * torch.exp(-self.log_sigma)
        each = 0.5 * z.square() + self.log_sigma + 0.5 * math.log(2 * math.pi)
        return each.flatten(1).sum(dim=1)

    def picture(self, decoded: Tensor) -> Float[Tensor, "B C *shape"]:
        """The decoder's mean image in [0, 1]: smooth, for eyes; not a sample of p(x|z)."""
        if self.n_mixtures is not None:
            return logistics.mixture_mean(decoded, self.n_mixtures, self.in_channels)
        levels = () if self.n_levels is None else (self.n_levels,)
        axes = ("B", *levels, self.in_channels, *["_"] * self.n_dims)
        held("decoded", decoded, Float[Tensor, " ".join(map(str, axes))])
        if self.n_levels is None:
            return decoded.clamp(0, 1)
        values = torch.linspace(0, 1, self.n_levels, device=decoded.device)
        with exact_float32(decoded.device):
            return torch.einsum("bl...,l->b...", decoded.float().softmax(dim=1), values)

    @checked
    def draw_levels(
        self, decoded: Tensor, generator: torch.Generator | None = None
    ) -> Int[Tensor, "B C *shape"]:
        """A level for each sub-pixel, drawn from p(x|z) for what `decode` returned."""
        if self.n_levels is None:
            raise ValueError("decoded is that of a Gaussian decoder, which has no levels to draw")
        if self.n_mixtures is not None:
            told = self.n_levels, self.n_mixtures, self.in_channels
            return logistics.mixture_sample(decoded, *told, generator)
        noise = {"generator": generator, "device": where_it_draws(generator)}
        uniforms = torch.rand(decoded[:, 0].shape, dtype=torch.float64, **noise)
        return draw(decoded, uniforms.to(decoded.device))

    @checked
    def latent_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the index field of an image of that (height, width), length or clip."""
        down = self.config.downsample
        if len(shape) != self.n_dims or any(side < 1 or side % down for side in shape):
            raise ValueError(
                f"an image must have {self.n_dims} axes, each a multiple of {down}, got {shape}"
            )
        return tuple(side // down for side in shape)

    def _look_at_axes(self, name: str, value: Tensor, n_before: int) -> None:
        if value.ndim != n_before + self.n_dims:
            raise ValueError(f"{name} must have {self.n_dims} axes, got shape {tuple(value.shape)}")
