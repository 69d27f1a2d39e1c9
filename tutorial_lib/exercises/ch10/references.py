"""Solutions of chapter 10 that the library holds inside something larger, as functions.

`vq_losses`, `ema_step` and `restart_dead_codes` are what `quantize.VectorQuantizer` does in
`forward`, `_move_codes` and `_restart`. `usage_perplexity` puts `code_counts` and `perplexity`
together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import DEAD_BELOW, code_counts, perplexity


def vq_losses(z_e: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """The second and the third term of eq. 3, without beta: summed over D, averaged over the rest.

    Both have the same value; they differ in what is held still.
    """
    codebook_loss = (z_e.detach() - e).square().sum(dim=1).mean()
    commitment_loss = (z_e - e.detach()).square().sum(dim=1).mean()
    return codebook_loss, commitment_loss


def ema_step(
    counts: Tensor, sums: Tensor, vectors: Tensor, indices: Tensor, decay: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Eqs. 6 to 8: the averages after one batch, and the codes that follow from them."""
    batch_counts = code_counts(indices, len(counts)).to(counts)
    batch_sums = torch.zeros_like(sums).index_add(0, indices, vectors)
    counts = decay * counts + (1 - decay) * batch_counts
    sums = decay * sums + (1 - decay) * batch_sums
    return counts, sums, sums / counts[:, None]


def usage_perplexity(batches: Sequence[Tensor], n_codes: int) -> Tensor:
    """exp(entropy) of the usage in all batches together: counts first, then one perplexity."""
    counts = torch.stack([code_counts(indices, n_codes) for indices in batches]).sum(dim=0)
    return perplexity(counts)


def restart_dead_codes(
    counts: Tensor, sums: Tensor, candidates: Tensor, below: float = DEAD_BELOW
) -> tuple[Tensor, Tensor, Tensor]:
    """Dead codes move onto their candidates and get a fair share of the counts.

    The sum follows as count times code, or the next step would carry the code back.
    """
    fair = counts.sum() / len(counts)
    dead = counts < below * fair
    new_counts = torch.where(dead, fair, counts)
    new_sums = torch.where(dead[:, None], fair * candidates, sums)
    return new_counts, new_sums, new_sums / new_counts[:, None]
