"""The parts of one small layer, for the exercise that connects them, and what depends on what."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tutorial_lib.pixels.gated_layer import HorizontalConv2d, VerticalConv2d

TOO_LATE = "The link starts from the vertical features before their gate."


class Told(nn.Conv2d):
    """A 1x1 convolution that says what it was given, and `where` it stands in the layer."""

    def __init__(self, name: str, where: str, n_in: int):
        super().__init__(n_in, n_in, 1)
        self.name, self.where = name, where

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W). ValueError for any other number of channels."""
        if x.shape[1] != self.in_channels:
            given = f"{self.name} was given {x.shape[1]} channels and takes {self.in_channels}."
            raise ValueError(f"{given} {self.where}")
        return super().forward(x)


class Parts(NamedTuple):
    """The four convolutions of a layer, in the order in which the exercise takes them."""

    vertical: nn.Module
    horizontal: nn.Module
    link: nn.Module
    output: nn.Module


def layer_parts(n_channels: int, rng: torch.Generator, *, first: bool) -> Parts:
    """A layer of 3x3 kernels with random weights of both signs, in float64."""
    n_in, both_halves = (1 if first else n_channels), 2 * n_channels
    mask_type = "A" if first else "B"
    parts = Parts(
        VerticalConv2d(n_in, both_halves, 3),
        HorizontalConv2d(n_in, both_halves, 3, mask_type=mask_type, n_colors=1),
        Told("link", f"{TOO_LATE} After the gate half of them are left.", both_halves),
        Told("output", "It follows the gate, which halves the channels.", n_channels),
    )
    with torch.no_grad():
        for part in parts:
            for parameter in part.double().parameters():
                noise = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
                parameter.copy_(noise / 2)
    return parts


def pixels_read(
    function: Callable, v: Tensor, h: Tensor, parts: tuple, first: bool, out: int, source: int
) -> Tensor:
    """Bool (N, N): which pixels of an input (v 0, h 1) each pixel of an output depends on."""
    inputs = [v[:1].clone().requires_grad_(), h[:1].clone().requires_grad_()]
    result = function(*inputs, *parts, first=first)[out]
    mixed = (result[0] * torch.linspace(1, 2, result.shape[1])[:, None, None]).sum(0).flatten()
    read, rows = inputs[source], []
    for each in mixed:
        (gradient,) = torch.autograd.grad(each, read, retain_graph=True, allow_unused=True)
        gradient = torch.zeros_like(read) if gradient is None else gradient
        rows.append((gradient[0] != 0).any(dim=0).flatten())
    return torch.stack(rows)
