"""Residual codes (RVQ): what one code leaves over is quantised by the next.

    r_1 = z_e      e_m = nearest code to r_m in codebook m      r_(m+1) = r_m - e_m
    z_q = e_1 + e_2 + ... + e_M                                          [SoundStream, sec. III-C]

M codebooks of K codes say K^M things at one position, and are searched in M K steps. A field of
vectors (B, D, *positions) becomes indices (B, M, *positions), so N latents cost N M log K nats
under a uniform prior. The first codes alone give a coarse z_q, each one more a finer: `lookup`
takes the first m of the M.

To a prior the M codes of a position are what R, G and B are to a pixel: GatedPixelCNN(n_colors=M)
and TransformerPrior(n_colors=M) predict them in order, position by position.

Where this leaves SoundStream: every codebook is used in every step (it drops the last ones at
random, so that one model serves several rates).

References: Zeghidour et al. 2021, SoundStream, arXiv 2107.03312; for images Lee et al. 2022,
Autoregressive Image Generation using Residual Quantization, arXiv 2203.01941.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Inexact, Int
from torch import Tensor, nn

from tutorial_lib.codes.quantizer import Quantized, VectorQuantizer, straight_through
from tutorial_lib.contracts import Count, checked


class ResidualQuantizer(nn.Module):
    """z_e (B, D, *positions) -> Quantized, whose indices are (B, M, *positions).

    n_codes K, code_dim D     of each codebook
    depth M                   codebooks, coarse to fine
    options                   those of VectorQuantizer, for each of them
    """

    @checked
    def __init__(self, n_codes: Count, code_dim: Count, depth: Count, **options):
        super().__init__()
        self.n_codes, self.code_dim, self.depth = n_codes, code_dim, depth
        self.quantizers = nn.ModuleList(
            VectorQuantizer(n_codes, code_dim, **options) for _ in range(depth)
        )
        self.commitment_weight = self.quantizers[0].commitment_weight

    @checked
    def forward(self, z_e: Float[Tensor, "B {self.code_dim} *positions"]) -> Quantized:
        """Quantise, straight-through from the sum to z_e; in train mode move the averages.

        The losses are sums over the M codebooks; the perplexity is their geometric mean.
        """
        z = z_e.to(self.quantizers[0].codebook.dtype)
        residual, steps = z, []
        for quantizer in self.quantizers:
            steps.append(quantizer(residual))
            residual = residual - steps[-1].z_q.detach()
        z_q, indices, codebook_losses, commitment_losses, usages = zip(*steps, strict=True)
        return Quantized(
            straight_through(z, sum(each.detach() for each in z_q)),
            torch.stack(indices, dim=1),
            sum(codebook_losses),
            sum(commitment_losses),
            torch.stack(usages).log().mean().exp(),
        )

    @checked
    def indices_of(
        self, z_e: Inexact[Tensor, "B {self.code_dim} *positions"]
    ) -> Int[Tensor, "B M *positions"]:
        """The M indices at each position, coarse to fine; ValueError for NaN or infinity."""
        residual, found = z_e.to(self.quantizers[0].codebook.dtype), []
        for quantizer in self.quantizers:
            found.append(quantizer.indices_of(residual))
            residual = residual - quantizer.lookup(found[-1])
        return torch.stack(found, dim=1)

    @checked
    def lookup(self, indices: Int[Tensor, "B m *positions"]) -> Float[Tensor, "B D *positions"]:
        """The sum of the code vectors of the first m codebooks, 1 <= m <= M.

        >>> quantizer = ResidualQuantizer(n_codes=2, code_dim=1, depth=2)
        >>> quantizer.quantizers[0].codebook = torch.tensor([[0.0], [10.0]])
        >>> quantizer.quantizers[1].codebook = torch.tensor([[-1.0], [1.0]])
        >>> quantizer.lookup(torch.tensor([[1, 0]])).item()  # 10 - 1
        9.0
        >>> quantizer.lookup(torch.tensor([[1]])).item()  # the coarse code alone
        10.0
        """
        if not 1 <= indices.shape[1] <= self.depth:
            raise ValueError(
                f"indices must have 1 .. {self.depth} codes in axis 1, got shape "
                f"{tuple(indices.shape)}"
            )
        pairs = zip(self.quantizers, indices.unbind(1), strict=False)
        return sum(quantizer.lookup(each) for quantizer, each in pairs)

    def extra_repr(self) -> str:
        """K, D and M."""
        return f"n_codes={self.n_codes}, code_dim={self.code_dim}, depth={self.depth}"
