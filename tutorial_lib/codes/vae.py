"""Autoencoder and GaussianVAE: what changes when the code is drawn instead of computed.

An auto-encoder maps an image to a point and back; it has no distribution over points, so it has no
p(x). The VAE adds a prior over codes and lets the encoder answer with a distribution:

    p(z) = N(0, I)      q(z|x) = N(mean(x), diag variance(x))      p(x|z) from the decoder
    log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z))                                    the ELBO

One draw of z gives an unbiased estimate of the first term (`gaussian_posterior`).

p(x|z) is a categorical over levels for each sub-pixel: independent given z, or a gated PixelCNN
that has z as its context. Both are likelihoods of the discrete image, so the bound is one on the
log-probability of levels, and may be compared with any other model of them.

References: Kingma and Welling 2014, Auto-Encoding Variational Bayes, secs. 2 and 3, app. B; the use
made of it in van den Oord et al. 2017, Neural Discrete Representation Learning, secs. 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tutorial_lib.codes.bounds import elbo_nats, gaussian_kl
from tutorial_lib.codes.gaussian_posterior import Posterior, reparameterize
from tutorial_lib.codes.vector_coders import VectorCodeConfig, VectorCodeModel
from tutorial_lib.contracts import Count, checked, where_it_draws
from tutorial_lib.pixels.config import built_from
from tutorial_lib.pixels.full_precision import exact_float32
from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.sampling.ancestral import draw, sample


class VAETerms(NamedTuple):
    """The two costs of each image, (B,) in nats per image: lower is better."""

    decoder_nats: Tensor  # -log p(x|z) at one z drawn from q(z|x)
    kl_nats: Tensor  # KL(q(z|x) || p(z))

    @property
    def elbo_nats(self) -> Tensor:
        """The bound on log p(x), estimated with one draw of z: nats per image, higher is better."""
        return elbo_nats(-self.decoder_nats, self.kl_nats)


class Autoencoder(VectorCodeModel):
    """levels (B, C, H, W) -> logits (B, L, C, H, W) from a code of `code_dim` numbers."""

    @built_from(VectorCodeConfig)
    def __init__(self, config: VectorCodeConfig):
        super().__init__(config, n_encoded=config.code_dim, pixelcnn=None)
        self.config = config

    def encode(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The code of each image."""
        return self.encoder(levels)

    def forward(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B L C H W"]:
        """Logits of every image given its own code; their cost is no cost of the image."""
        return self.decode(self.encode(levels))


@dataclass(frozen=True, kw_only=True)
class GaussianVAEConfig(VectorCodeConfig):
    """Settings of a GaussianVAE."""

    pixelcnn: dict | None = None  # settings of a PixelCNN in the place of the decoder, if any


class GaussianVAE(VectorCodeModel):
    """levels (B, C, H, W) -> VAETerms, the two costs of each image whose sum bounds -log p(x)."""

    @built_from(GaussianVAEConfig)
    def __init__(self, config: GaussianVAEConfig):
        super().__init__(config, n_encoded=2 * config.code_dim, pixelcnn=config.pixelcnn)
        self.config = config

    def encode(self, levels: Int[Tensor, "B C H W"]) -> Posterior:
        """q(z|x) of each image."""
        return Posterior(*self.encoder(levels).chunk(2, dim=1))

    def forward(
        self, levels: Int[Tensor, "B C H W"], noise: Float[Tensor, "B D"] | None = None
    ) -> VAETerms:
        """Both costs of each image; `noise` is standard normal, drawn here if not given."""
        q = self.encode(levels)
        noise = torch.randn_like(q.mean) if noise is None else noise
        logits = self.logits_given(levels, reparameterize(*q, noise))
        return VAETerms(nll_nats(logits, levels), gaussian_kl(*q))

    @checked
    @torch.no_grad()
    def sample(
        self,
        n: Count,
        *,
        code: Tensor | None = None,
        pixels: Literal["mean", "sample"] = "mean",
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, "n C H W"]:
        """Draw codes from the prior (or take `code`), then images: levels.

        pixels  "mean": the decoder's mean image, rounded to levels; "sample": each sub-pixel drawn
                from p(x|z). A PixelCNN decoder always draws, pixel by pixel.
        """
        noise = {"generator": generator, "device": where_it_draws(generator)}
        device = next(self.parameters()).device
        if code is None:
            code = torch.randn(n, self.code_dim, **noise)
        if len(context := self.context(code.to(device))) != n:
            raise ValueError(
                f"code must have shape ({n}, {self.code_dim}), got {tuple(code.shape)}"
            )
        shape = (n, self.n_colors, *self.size)
        if self.autoregressive:
            return sample(self.decoder, shape, context=context, generator=generator)
        with exact_float32(device):
            logits = self.decode(code.to(device))
        if pixels == "sample":
            uniforms = torch.rand(shape, dtype=torch.float64, **noise)
            return draw(logits, uniforms.to(device))
        levels = torch.arange(self.n_levels, device=device, dtype=logits.dtype)
        with exact_float32(device):
            mean = torch.einsum("blchw,l->bchw", logits.softmax(dim=1), levels)
        return mean.round().long()
