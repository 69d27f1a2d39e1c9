"""Solutions of chapter 17 that the library holds inside something larger, as functions.

`train_from` is what `run` and `checkpoint` do together, with three numbers in the place of a
network, and `code_under_autocast` the core of `quantizer.nearest_code`.
"""

from __future__ import annotations

import torch
from torch import Tensor


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


def code_under_autocast(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest code, in float32 whatever autocast would like: (n, D), (K, D) -> (n,).

    `.float()` alone is not enough: inside the context a matrix product is taken in bfloat16 again.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        vectors, codebook = vectors.float(), codebook.float()
        products = vectors @ codebook.T
        return (codebook.square().sum(dim=1) - 2 * products).argmin(dim=1)
