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
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.full_precision import exact_float32
from tutorial_lib.likelihood import nll_nats
from tutorial_lib.plain_checks import plain, plain_numbers
from tutorial_lib.quantize import Quantized, VectorQuantizer, nearest_code
from tutorial_lib.run_facts import RunFacts
from tutorial_lib.validation import (
    may_be_read,
    require_choice,
    require_float,
    require_int,
    require_same_shape,
    require_shape,
    require_symbols,
    require_tensor,
)

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class ResidualBlock(nn.Module):
    """x + 1x1(ReLU(3x3(ReLU(x)))), in `n_dims` dimensions; the shape does not change."""

    def __init__(self, n_channels: int, n_dims: int):
        super().__init__()
        conv = CONVOLUTIONS[require_choice("n_dims", n_dims, tuple(CONVOLUTIONS))]
        require_int("n_channels", n_channels, at_least=2)
        self.wide = conv(n_channels, n_channels // 2, 3, padding=1)
        self.pointwise = conv(n_channels // 2, n_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, *shape) -> the same."""
        require_float("x", x, like=self.wide.weight)
        _require_field("x", x, self.wide)
        return x + self.pointwise(F.relu(self.wide(F.relu(x))))


def build_encoder(n_dims, in_channels, n_channels, code_dim, n_halvings, n_blocks) -> nn.Sequential:
    """(B, in_channels, *shape) -> (B, code_dim, *shape / 2 ** n_halvings)."""
    sizes = {"in_channels": in_channels, "code_dim": code_dim, "n_halvings": n_halvings}
    _check_sizes(n_dims, sizes, n_channels, n_blocks)
    conv = CONVOLUTIONS[n_dims]
    layers: list[nn.Module] = []
    for i in range(n_halvings):
        layers += [conv(n_channels if i else in_channels, n_channels, 4, stride=2, padding=1)]
        layers += [nn.ReLU()]
    layers += [conv(n_channels if n_halvings else in_channels, n_channels, 3, padding=1)]
    layers += [ResidualBlock(n_channels, n_dims) for _ in range(n_blocks)]
    return nn.Sequential(*layers, nn.ReLU(), conv(n_channels, code_dim, 1))


def build_decoder(
    n_dims, out_channels, n_channels, code_dim, n_doublings, n_blocks
) -> nn.Sequential:
    """(B, code_dim, *shape) -> (B, out_channels, *shape * 2 ** n_doublings)."""
    sizes = {"out_channels": out_channels, "code_dim": code_dim, "n_doublings": n_doublings}
    _check_sizes(n_dims, sizes, n_channels, n_blocks)
    conv, up = CONVOLUTIONS[n_dims], TRANSPOSED[n_dims]
    layers: list[nn.Module] = [conv(code_dim, n_channels, 3, padding=1)]
    layers += [ResidualBlock(n_channels, n_dims) for _ in range(n_blocks)]
    for _ in range(n_doublings):
        layers += [nn.ReLU(), up(n_channels, n_channels, 4, stride=2, padding=1)]
    return nn.Sequential(*layers, nn.ReLU(), conv(n_channels, out_channels, 1))


def _check_sizes(n_dims: int, sizes: dict[str, int], n_channels: int, n_blocks: int) -> None:
    require_choice("n_dims", n_dims, tuple(CONVOLUTIONS))
    for name, size in sizes.items():
        require_int(name, size, at_least=0 if name in ("n_halvings", "n_doublings") else 1)
    require_int("n_channels", n_channels, at_least=2)
    require_int("n_blocks", n_blocks, at_least=0)


def _require_field(name: str, value: Tensor, conv: nn.Module) -> None:
    """ValueError unless a convolution can read it: (B, its channels, *shape)."""
    require_shape(name, value, ("B", conv.in_channels, *["any"] * (conv.weight.ndim - 2)))


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

    @plain_numbers
    def __init__(
        self,
        *,
        n_dims: int = 2,
        in_channels: int,
        n_levels: int | None = None,
        n_codes: int,
        code_dim: int,
        downsample: int = 4,
        n_channels: int = 64,
        n_blocks: int = 2,
        update: str = "ema",
        commitment_weight: float = 0.25,
        restart_dead_codes: bool = True,
    ):
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        require_choice("n_dims", n_dims, tuple(CONVOLUTIONS))
        for name in ("in_channels", "downsample", "n_codes", "code_dim"):
            require_int(name, self.config[name], at_least=1)
        require_int("n_channels", n_channels, at_least=2)
        require_int("n_blocks", n_blocks, at_least=0)
        if n_levels is not None:
            require_int("n_levels", n_levels, at_least=2)
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
        if not len(image):
            raise ValueError(f"the image must be a batch of at least 1, got {tuple(image.shape)}")
        quantized = self.quantizer(z_e)
        decoded = self.decode(quantized.z_q)
        nll = self.decoder_nll_nats(decoded, image)
        beta = self.quantizer.commitment_weight
        dims = image[0].numel()
        loss = nll.mean() / dims + quantized.codebook_loss + beta * quantized.commitment_loss
        return VQVAEOutput(loss, nll, decoded, quantized)

    def encode(self, image: Tensor) -> Float[Tensor, "B D *latent"]:
        """z_e of levels (or of x, for a Gaussian decoder)."""
        self._check_image(image)
        x = image if self.n_levels is None else image.to(self._dtype) / (self.n_levels - 1)
        return self.encoder(2 * x - 1)

    def encode_indices(self, image: Tensor) -> Int[Tensor, "B *latent"]:
        """The codes of a batch: all that the second stage sees of an image. In full float32."""
        with exact_float32(self.quantizer.codebook.device):
            return nearest_code(self.encode(image), self.quantizer.codebook)

    def decode(self, z_q: Float[Tensor, "B D *latent"]) -> Tensor:
        """Logits (B, L, C, *shape), or the means (B, C, *shape) of the Gaussian, around [0, 1].

        A NaN in gives NaN: training looks at its loss.
        """
        require_float("z_q", z_q, like=self.decoder[0].weight)
        _require_field("z_q", z_q, self.decoder[0])
        out = self.decoder(z_q)
        if self.n_levels is None:
            return out
        return out.unflatten(1, (self.in_channels, self.n_levels)).transpose(1, 2)

    def decode_indices(self, indices: Int[Tensor, "B *latent"]) -> Tensor:
        """`decode` of the code vectors at these indices."""
        require_symbols("indices", indices, self.n_codes, like=self.quantizer.codebook)
        require_shape("indices", indices, ("B", *["any"] * self.n_dims))
        return self.decode(self.quantizer.lookup(indices))

    def decoder_nll_nats(self, decoded: Tensor, image: Tensor) -> Float[Tensor, "B"]:
        """-log p(x|z) for what `decode` returned: discrete nats, or nats of density (Gaussian)."""
        if self.n_levels is not None:
            require_float("decoded", decoded)
            if decoded.ndim > 1 and decoded.shape[1] != self.n_levels:
                raise ValueError(
                    f"decoded must have shape (B, {self.n_levels}, ...), got {tuple(decoded.shape)}"
                )
            return nll_nats(decoded, image)
        require_float("decoded", decoded)
        require_float("x", require_tensor("x", image, like=decoded))
        require_same_shape("decoded", decoded, "x", image)
        if decoded.ndim < 2:
            raise ValueError(f"decoded must have shape (B, C, ...), got {tuple(decoded.shape)}")
        z = (image - decoded.float()) * torch.exp(-self.log_sigma)
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

    def latent_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the index field of an image of that (height, width), length or clip."""
        if not isinstance(shape, (tuple, list)):
            raise TypeError(f"shape must be a tuple, got {shape!r} ({type(shape).__name__})")
        if len(shape) != self.n_dims or any(
            type(plain(side)) is not int or side % self.downsample or side < 1 for side in shape
        ):
            raise ValueError(
                f"an image must have {self.n_dims} axes, each a multiple of {self.downsample}, "
                f"got {tuple(shape)}"
            )
        return tuple(int(side) // self.downsample for side in shape)

    @property
    def _dtype(self) -> torch.dtype:
        return self.quantizer.codebook.dtype

    def _check_image(self, image: Tensor) -> None:
        if self.n_levels is None:
            require_float("x", image, like=self.quantizer.codebook)
            low, high = 0.0, 1.0
            if image.numel() and may_be_read():
                low, high = torch.stack(image.aminmax()).tolist()
            if not 0 <= low <= high <= 1:
                raise ValueError(f"x must lie in [0, 1], got values {low:.6g} .. {high:.6g}")
        else:
            require_symbols("levels", image, self.n_levels, like=self.quantizer.codebook)
        require_shape("the image", image, ("B", self.in_channels, *([None] * self.n_dims)))
        self.latent_shape(tuple(image.shape[2:]))
