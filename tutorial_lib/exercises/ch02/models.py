"""Small models with known habits, for the exercises of chapter 02 that look at influence."""

import torch
from torch import Tensor, nn

from tutorial_lib.pixels.masks import MaskedConv2d


class Opposed(nn.Module):
    """Two logits that are each other's negative: their sum depends on nothing."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        out = self.inner(x)[:, :1]
        return torch.cat([out, -out], dim=1)


class SideBySide(nn.Module):
    """The logits of two models, one after the other."""

    def __init__(self, first: nn.Module, second: nn.Module):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.first(x), self.second(x)], dim=1)


def masked_stack(rng: torch.Generator, kernel_size: int | tuple[int, int] = 3) -> nn.Module:
    """Two masked layers, two logits a pixel, random weights of both signs, float64."""
    first = MaskedConv2d(1, 3, kernel_size, mask_type="A")
    stack = nn.Sequential(first, nn.Tanh(), MaskedConv2d(3, 2, kernel_size, mask_type="B")).double()
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
    return stack


def unmasked(rng: torch.Generator, n_logits: int) -> nn.Module:
    """A plain 3x3 convolution, which reads its own pixel and the future."""
    layer = nn.Conv2d(1, n_logits, 3, padding=1).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
    return layer
