"""Solutions of chapter 05 that the library holds inside something larger, as functions.

`conditional_gate` and `spatial_context` are what `gated.GatedLayer` does with a label and a
context, for one of its two stacks. `soft_labels` stands for itself.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.pixels.gated_layer import gate


def conditional_gate(features: Tensor, label: Tensor, table: Tensor) -> Tensor:
    """Eq. 4: both arguments of the gate are moved by the label: (B, 2C, H, W) -> (B, C, H, W).

    A one-hot vector times a matrix is a row of the matrix, so V h is a look-up.
    """
    return gate(features + table[label][:, :, None, None])


def spatial_context(coarse: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
    """Eq. 5: V * s for a map with one cell a block of pixels: (B, S, h, w) -> (B, 2C, H, W).

    A 1x1 convolution sees one pixel at a time, so enlarging before or after it is the same.
    """
    height, width = (big // small for big, small in zip(size, coarse.shape[2:], strict=True))
    enlarged = coarse.repeat_interleave(height, dim=2).repeat_interleave(width, dim=3)
    return F.conv2d(enlarged, weight[:, :, None, None])


def soft_labels(first: int, second: int, n_steps: int, n_classes: int) -> Tensor:
    """One-hot vectors on a straight line from one label to another: (n_steps, n_classes)."""
    share = torch.linspace(0, 1, n_steps)[:, None]
    one_hot = torch.eye(n_classes)
    return (1 - share) * one_hot[first] + share * one_hot[second]
