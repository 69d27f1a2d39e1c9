"""Solutions of chapter 12 that the library holds inside something larger, as functions.

`learning_rate` is `schedule.learning_rate_at` with the warm-up counted in steps. `compression` and
`normalized_mse` stand for themselves.
"""

from __future__ import annotations

import math

from torch import Tensor


def compression(
    image_shape: tuple[int, ...],
    n_levels: int,
    latent_shape: tuple[int, ...],
    n_codes: int,
    code_dim: int,
) -> tuple[float, float, float]:
    """Bits per image of the levels, bits per image of the codes, and the first over the second.

    code_dim is not needed: sender and receiver both hold the codebook, so only row numbers travel.
    """
    raw_bits = math.prod(image_shape) * math.log2(n_levels)
    code_bits = math.prod(latent_shape) * math.log2(n_codes)
    return raw_bits, code_bits, raw_bits / code_bits


def learning_rate(step: int, n_steps: int, peak: float, n_warm: int) -> float:
    """A line up over the first n_warm steps, then a line down that meets 0 at step n_steps."""
    rising = (step + 1) / n_warm
    falling = (n_steps - step) / (n_steps - n_warm)
    return peak * min(1.0, rising, falling)


def normalized_mse(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Squared error over that of the best constant answer, the mean image of x."""
    error = (x - reconstruction).square().sum()
    spread = (x - x.mean(dim=0)).square().sum()
    return error / spread
