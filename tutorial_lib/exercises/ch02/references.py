"""Solutions of chapter 02 that the library holds inside something larger, as functions.

`masked_conv2d` is what `masks.MaskedConv2d` does with its weights; `influence_row` is one row of
`influence.influence_matrix`, for a model that is a plain function.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def masked_conv2d(x: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    """Convolve with the masked kernel, zeros outside: (B, in, H, W) -> (B, out, H, W).

    The product is a new tensor, so the weights stay as they are, and a masked weight gets no
    gradient.
    """
    return F.conv2d(x, weight * mask, bias, padding="same")


def influence_row(model_fn: Callable, image: Tensor, target: tuple[int, int]) -> Tensor:
    """Which input pixels move the outputs at `target`: bool (H, W).

    One backward pass for each logit of the target, so that none can cancel another.
    """
    row, column = target
    image = image.detach().clone().requires_grad_()
    logits = model_fn(image)[0, :, row, column]
    reads = torch.zeros(image.shape[-2:], dtype=torch.bool)
    for logit in logits:
        (gradient,) = torch.autograd.grad(logit, image, retain_graph=True)
        reads |= (gradient[0] != 0).any(dim=0)
    return reads
