"""Solutions of chapter 11 that the library holds inside something larger, as functions.

`latent_rate` is `bounds.latent_rate_nats` for a field of any shape, in both units.
`two_stage_bound` is `TwoStageModel.bound_nats` from the logits of its two halves. `exact_log_p` is
what the tests of `two_stage` hold the bound against; `unigram_bits` stands for itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tutorial_lib.codes.bounds import latent_rate_nats
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats


def latent_rate(latent_shape: tuple[int, ...], n_codes: int, n_dims: int) -> tuple[float, float]:
    """N log K for a field of N codes, all equally likely: (nats per image, bits/dim)."""
    nats = latent_rate_nats(math.prod(latent_shape), n_codes)
    return nats, bits_per_dim(nats, n_dims)


def two_stage_bound(
    decoder_logits: Tensor, levels: Tensor, prior_logits: Tensor, indices: Tensor
) -> Tensor:
    """log p(x|z) + log p(z), each summed over its own positions: (B,), nats per image.

    `nll_nats` is a cost, and asks for log-softmax of the logits at what is really there.
    """
    return -nll_nats(decoder_logits, levels) - nll_nats(prior_logits, indices)


def exact_log_p(log_prior: Tensor, log_likelihood: Tensor) -> Tensor:
    """log p(x) = log sum over all fields of p(z) p(x|z): (F,) and (B, F) -> (B,), in nats."""
    return torch.logsumexp(log_prior + log_likelihood, dim=1)


def unigram_bits(train_codes: Tensor, held_out_codes: Tensor, n_codes: int) -> Tensor:
    """Mean bits of a held-out code under the add-one frequencies of the training codes: ()."""
    counts = torch.bincount(train_codes.flatten(), minlength=n_codes).double() + 1
    bits = -(counts / counts.sum()).log2()
    return bits[held_out_codes].mean()
