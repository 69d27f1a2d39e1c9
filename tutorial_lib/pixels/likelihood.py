"""Scoring images: negative log-likelihood in nats, bits per dimension, and sums over all images.

An autoregressive model writes p(x) = prod_i p(x_i | x_1, ..., x_{i-1}), one factor a sub-pixel
[Gated PixelCNN, eq. 1]. Its logits hold all the factors at once, so scoring an image is one forward
pass and one sum:

    -log p(x) = -sum_i log softmax(logits_i)[x_i]        nats per image
    bits/dim  = -log p(x) / (D log 2)                    D = C x H x W

Both numbers speak of the *discrete* image. A uniform model over L levels costs exactly log2(L)
bits/dim; 784 binary pixels under it cost 784 log 2 = 543.4 nats.
"""

import math
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import Count, Several, checked, having, symbols
from tutorial_lib.pixels.full_precision import exact_float32, require_float64

MAX_ENUMERATED = 2**20
PixelModel = Annotated[nn.Module, having("n_levels", "n_colors")]


@checked
def nll_nats(logits: Float[Tensor, "B L *dims"], levels: Int[Tensor, "B *dims"]) -> Tensor:
    """Negative log-likelihood of each image, summed over its sub-pixels: (B,), nats per image.

    `dims` is (C, H, W), or that of an index field. Half-precision logits are summed in float32.
    """
    require_float64(logits.device)
    symbols("levels", levels, logits.shape[1])
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return F.cross_entropy(logits, levels, reduction="none").flatten(1).sum(dim=1)


@checked
def bits_per_dim(nll_nats: Float[Tensor, "..."] | float, n_dims: Count) -> Tensor | float:
    """Nats per image to bits per dimension: divide by the number of dimensions and by log 2."""
    return nll_nats / (n_dims * math.log(2))


@checked
def enumerate_images(
    height: Count, width: Count, n_levels: Several = 2, *, n_colors: Count = 1
) -> Int[Tensor, "N C H W"]:
    """Every image of that size once, the last sub-pixel in raster order changing fastest.

    ValueError where that would be more than 2 ** 20 images.
    """
    n_dims = n_colors * height * width
    count = n_levels**n_dims
    if count > MAX_ENUMERATED:
        raise ValueError(
            f"{height}x{width}x{n_colors} with {n_levels} levels has {n_levels}**{n_dims} images: "
            f"too many to list (at most {MAX_ENUMERATED})"
        )
    place = n_levels ** torch.arange(n_dims - 1, -1, -1)
    digits = torch.arange(count)[:, None] // place % n_levels
    return digits.reshape(count, height, width, n_colors).permute(0, 3, 1, 2).contiguous()


@checked
@torch.inference_mode()
def total_probability(
    model: PixelModel, height: Count, width: Count, *, batch_size: Count = 4096
) -> float:
    """Sum of p(x) over every image of that size. A proper model gives 1, whatever its weights."""
    images = enumerate_images(height, width, model.n_levels, n_colors=model.n_colors)
    device = next(model.parameters()).device
    total = 0.0
    with exact_float32(device):
        for levels in images.split(batch_size):
            levels = levels.to(device)
            total += torch.exp(-nll_nats(model(levels), levels).double()).sum().item()
    return total
