"""VQVAE: encoder, codebook, decoder, for signals of 1, 2 or 3 dimensions.

    x -> encoder -> z_e (B, D, *latent shape) -> nearest codes z_q -> decoder -> p(x | z_q)

One argument, `n_dims`, turns the same code from images (2) to sound (1) or video (3): it picks the
convolution, and the field of indices gets as many axes. Two kinds of decoder:

- `n_levels=L`: p(x|z) is a categorical over L levels for each sub-pixel, independent given z. Its
  log-likelihood is that of the discrete image: with the rate of the latents added it is a real
  bound on log p(x), and may be compared with a PixelCNN's in bits/dim.
- `n_levels=None`: a Gaussian with one learned spread, for pictures. Its log-likelihood is a log
  *density*: it can have any sign and must not be compared with discrete nats or bits.

The training loss is eq. 3 of the paper with the first term in nats *per dimension*, so that beta
means the same for every image size: -log p(x|z)/dims + codebook + beta * commitment.

Where this leaves the paper: 1x1 convolutions into and out of the codebook, so that code_dim is
free; no batch norm. Reference: van den Oord et al. 2017, sec. 3 and 4.1.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.codes.quantizer import Quantized, VectorQuantizer, nearest_code
from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.contracts import Count, Natural, Positive, Several, checked, filled, within
from tutorial_lib.contracts.validation import require_float, require_shape, require_symbols
from tutorial_lib.pixels.full_precision import exact_float32
from tutorial_lib.pixels.likelihood import nll_nats

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
Dims = Literal[1, 2, 3]


class ResidualBlock(nn.Module):
    """x + 1x1(ReLU(3x3(ReLU(x)))), in `n_dims` dimensions; the shape does not change."""

    @checked
    def __init__(self, n_channels: Several, n_dims: Dims):
        super().__init__()
        conv = CONVOLUTIONS[n_dims]
        self.wide = conv(n_channels, n_channels // 2, 3, padding=1)
        self.pointwise = conv(n_channels // 2, n_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, *shape) -> the same."""
        return x + self.pointwise(F.relu(self.wide(F.relu(x))))


@checked
def build_encoder(
    n_dims: Dims,
    in_channels: Count,
    n_channels: Several,
    code_dim: Count,
    n_halvings: Natural,
    n_blocks: Natural,
) -> nn.Sequential:
    """(B, in_channels, *shape) -> (B, code_dim, *shape / 2 ** n_halvings)."""
    conv = CONVOLUTIONS[n_dims]
    layers: list[nn.Module] = []
    for i in range(n_halvings):
        layers += [conv(n_channels if i else in_channels, n_channels, 4, stride=2, padding=1)]
        layers += [nn.ReLU()]
    layers += [conv(n_channels if n_halvings else in_channels, n_channels, 3, padding=1)]
    layers += [ResidualBlock(n_channels, n_dims) for _ in range(n_blocks)]
    return nn.Sequential(*layers, nn.ReLU(), conv(n_channels, code_dim, 1))


@checked
def build_decoder(
    n_dims: Dims,
    out_channels: Count,
    n_channels: Several,
    code_dim: Count,
    n_doublings: Natural,
    n_blocks: Natural,
) -> nn.Sequential:
    """(B, code_dim, *shape) -> (B, out_channels, *shape * 2 ** n_doublings)."""
    conv, up = CONVOLUTIONS[n_dims], TRANSPOSED[n_dims]
    layers: list[nn.Module] = [conv(code_dim, n_channels, 3, padding=1)]
    layers += [ResidualBlock(n_channels, n_dims) for _ in range(n_blocks)]
    for _ in range(n_doublings):
        layers += [nn.ReLU(), up(n_channels, n_channels, 4, stride=2, padding=1)]
    return nn.Sequential(*layers, nn.ReLU(), conv(n_channels, out_channels, 1))


class VQVAEOutput(NamedTuple):
    """One forward pass: the loss, its three terms, and what they were computed from."""

    loss: Tensor  # nll_nats.mean() / dims + codebook_loss + beta * commitment_loss
    nll_nats: Tensor  # (B,), -log p(x|z), nats per image (a density if n_levels is None)
    decoded: Tensor  # what the decoder says: logits (B, L, C, *shape), or means (B, C, *shape)
    quantized: Quantized


class VQVAE(nn.Module):
    """Levels (B, C, *shape) in, or x (B, C, *shape) in [0, 1] for a Gaussian decoder.

    n_dims          1, 2 or 3: the number of axes of `shape`
    n_levels        L, or None for a Gaussian decoder
    n_codes K, code_dim D, update, commitment_weight, restart_dead_codes: see VectorQuantizer
    downsample      a power of 2; each axis of the latent shape is that much shorter
    n_channels, n_blocks   width, and residual blocks on each side

    `facts` tells on which data it was trained (`run_facts`), and None of a model made by hand.
    """

    facts: RunFacts | None = None

    @checked
    def __init__(
        self,
        *,
        n_dims: Dims = 2,
        in_channels: Count,
        n_levels: Several | None = None,
        n_codes: Count,
        code_dim: Count,
        downsample: Count = 4,
        n_channels: Several = 64,
        n_blocks: Natural = 2,
        update: Literal["gradient", "ema"] = "ema",
        commitment_weight: Positive = 0.25,
        restart_dead_codes: bool = True,
    ):
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        halvings = downsample.bit_length() - 1
        if 2**halvings != downsample:
            raise ValueError(f"downsample must be a power of 2, got {downsample}")
        self.n_dims, self.in_channels, self.n_levels = n_dims, in_channels, n_levels
        self.downsample, self.n_codes = downsample, n_codes
        outputs = in_channels * (n_levels or 1)
        self.encoder = build_encoder(n_dims, in_channels, n_channels, code_dim, halvings, n_blocks)
        self.quantizer = VectorQuantizer(
            n_codes,
            code_dim,
            update=update,
            commitment_weight=commitment_weight,
            restart_dead_codes=restart_dead_codes,
        )
        self.decoder = build_decoder(n_dims, outputs, n_channels, code_dim, halvings, n_blocks)
        self.log_sigma = nn.Parameter(torch.tensor(-1.0)) if n_levels is None else None

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
        self._check_image(image)
        x = image if self.n_levels is None else image.to(self._dtype) / (self.n_levels - 1)
        return self.encoder(2 * x - 1)

    def encode_indices(self, image: Tensor) -> Int[Tensor, "B *latent"]:
        """The codes of a batch: all that the second stage sees of an image. In full float32."""
        with exact_float32(self.quantizer.codebook.device):
            return nearest_code(self.encode(image), self.quantizer.codebook)

    @checked
    def decode(self, z_q: Float[Tensor, "B {self.quantizer.code_dim} *latent"]) -> Tensor:
        """Logits (B, L, C, *shape), or the means (B, C, *shape) of the Gaussian, around [0, 1].

        A NaN in gives NaN: training looks at its loss.
        """
        self._look_at_axes("z_q", z_q, 2)
        out = self.decoder(z_q)
        if self.n_levels is None:
            return out
        return out.unflatten(1, (self.in_channels, self.n_levels)).transpose(1, 2)

    @checked
    def decode_indices(self, indices: Int[Tensor, "B *latent"]) -> Tensor:
        """`decode` of the code vectors at these indices."""
        self._look_at_axes("indices", indices, 1)
        return self.decode(self.quantizer.lookup(indices))

    def decoder_nll_nats(self, decoded: Tensor, image: Tensor) -> Float[Tensor, "B"]:
        """-log p(x|z) for what `decode` returned: discrete nats, or nats of density (Gaussian)."""
        if self.n_levels is not None:
            return self._discrete_nats(decoded, image)
        return self._density_nats(decoded, image)

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
        """The decoder's mean image in [0, 1]: smooth, for eyes; not a sample of p(x|z).

        A NaN stays one.
        """
        levels = () if self.n_levels is None else (self.n_levels,)
        expected = ("B", *levels, self.in_channels, *["any"] * self.n_dims)
        require_shape("decoded", require_float("decoded", decoded), expected)
        if self.n_levels is None:
            return decoded.clamp(0, 1)
        values = torch.linspace(0, 1, self.n_levels, device=decoded.device)
        with exact_float32(decoded.device):
            return torch.einsum("bl...,l->b...", decoded.float().softmax(dim=1), values)

    @checked
    def latent_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the index field of an image of that (height, width), length or clip."""
        if len(shape) != self.n_dims or any(s < 1 or s % self.downsample for s in shape):
            raise ValueError(
                f"an image must have {self.n_dims} axes, each a multiple of {self.downsample}, "
                f"got {tuple(shape)}"
            )
        return tuple(side // self.downsample for side in shape)

    @property
    def _dtype(self) -> torch.dtype:
        return self.quantizer.codebook.dtype

    def _check_image(self, image: Tensor) -> None:
        if self.n_levels is None:
            require_float("x", image, like=self.quantizer.codebook)
            within("x", image, 0, 1)
        else:
            require_symbols("levels", image, self.n_levels)
        self.latent_shape(tuple(image.shape[2:]))

    def _look_at_axes(self, name: str, value: Tensor, n_before: int) -> None:
        if value.ndim != n_before + self.n_dims:
            raise ValueError(f"{name} must have {self.n_dims} axes, got shape {tuple(value.shape)}")
