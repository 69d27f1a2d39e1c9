"""Solutions of chapter 10 that the library holds inside something larger, as functions.

`learning_rate` is `schedule.learning_rate_at` with the warm-up counted in steps, `train_from` what
`run` and `checkpoint` do together, with three numbers in the place of a network, and
`code_under_autocast` the core of `quantize.nearest_code`. `compression` and `normalized_mse` stand
for themselves.
"""

from __future__ import annotations

import math

import torch
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


def train_from(state: dict, data: Tensor, n_steps: int, noise: float) -> dict:
    """n_steps of noisy training from a state; returns the whole state that they end in.

    All that the next step reads is in the state: weight, momentum, step and random numbers.
    """
    weight, momentum, step = state["weight"], state["momentum"], state["step"]
    generator = torch.Generator()
    generator.set_state(state["rng"])
    for _ in range(n_steps):
        drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        gradient = weight - data[step % len(data)] + noise * drawn
        momentum = momentum / 2 + gradient
        weight = weight - momentum / (2 * (step + 1))
        step += 1
    return {"weight": weight, "momentum": momentum, "step": step, "rng": generator.get_state()}


def normalized_mse(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Squared error over that of the best constant answer, the mean image of x."""
    error = (x - reconstruction).square().sum()
    spread = (x - x.mean(dim=0)).square().sum()
    return error / spread


def code_under_autocast(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest code, in float32 whatever autocast would like: (n, D), (K, D) -> (n,).

    `.float()` alone is not enough: inside the context a matrix product is taken in bfloat16 again.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        vectors, codebook = vectors.float(), codebook.float()
        products = vectors @ codebook.T
        return (codebook.square().sum(dim=1) - 2 * products).argmin(dim=1)
