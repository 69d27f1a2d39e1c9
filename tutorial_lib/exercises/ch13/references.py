"""Solutions of chapter 13 that stand for themselves, or that the library holds in something larger.

`total_bits_per_dim` is what `recipes.evaluate_two_stage` adds up, from numbers per dimension and
per code. `extract_codes` is the library's own (`recipes`), and so is `precision_and_recall`
(`sample_quality`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def codes_by_position(train_codes: Tensor, pick: Tensor) -> Tensor:
    """At each position the code that the picked training field has there: (B, h, w)."""
    return train_codes.gather(0, pick)


def completion_canvas(indices: Tensor, n_rows: int, n_draws: int) -> Tensor:
    """The first rows of every field, -1 below, each n_draws times in a row: (B*n_draws, 1, h, w).

    0 is a code like any other, so what is to be drawn needs a number that no code has.
    """
    canvas = torch.full_like(indices, -1)
    canvas[:, :n_rows] = indices[:, :n_rows]
    return canvas.repeat_interleave(n_draws, dim=0).unsqueeze(1)


def total_bits_per_dim(
    decoder_bits_per_dim: Tensor,
    bits_per_code: Tensor,
    image_shape: tuple[int, ...],
    latent_shape: tuple[int, ...],
) -> Tensor:
    """Decoder term and latent rate of each image in bits per dimension of the image: (B,)."""
    return decoder_bits_per_dim + bits_per_code * math.prod(latent_shape) / math.prod(image_shape)
