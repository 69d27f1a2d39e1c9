"""Solutions of chapter 03 that the library holds inside something larger, as functions.

`residual_block` is what `pixelcnn.MaskedResidualBlock` does with its weights; `held_out_score` is
`training.evaluate` for one model and two units; `sample_images` is the core of `sampling.sample`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats
from tutorial_lib.pixels.masks import causal_mask
from tutorial_lib.sampling.ancestral import draw


def residual_block(x: Tensor, shrink: Tensor, kernel: Tensor, widen: Tensor) -> Tensor:
    """x plus three convolutions, each with a ReLU before it: (B, 2h, H, W) -> (B, 2h, H, W).

    The sum is the last step, so that a row of blocks passes x on untouched.
    """
    mask = causal_mask(tuple(kernel.shape[-2:]), include_center=True).to(kernel)
    h = F.conv2d(F.relu(x), shrink)
    h = F.conv2d(F.relu(h), kernel * mask, padding="same")
    return x + F.conv2d(F.relu(h), widen)


@torch.no_grad()
def held_out_score(model_fn: Callable, images: Tensor, batch_size: int) -> tuple[float, float]:
    """(nats per image, bits/dim), means over all images; a smaller last batch counts as such."""
    total = 0.0
    for batch in images.split(batch_size):
        total += nll_nats(model_fn(batch), batch).double().sum().item()
    nats = total / len(images)
    return nats, bits_per_dim(nats, images[0].numel())


@torch.no_grad()
def sample_images(model_fn: Callable, uniforms: Tensor, temperature: float = 1.0) -> Tensor:
    """Images drawn sub-pixel by sub-pixel, each fed back before the next: (B, C, H, W) long."""
    levels = torch.zeros(uniforms.shape, dtype=torch.long)
    _, n_colors, height, width = uniforms.shape
    for row in range(height):
        for column in range(width):
            for color in range(n_colors):
                logits = model_fn(levels)[:, :, color, row, column]
                drawn = draw(logits / temperature, uniforms[:, color, row, column])
                levels[:, color, row, column] = drawn
    return levels
