"""Random tables of conditionals for the exercises of chapter 01."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import numbers


def random_tables(n_pixels: int, rng: torch.Generator) -> list[Tensor]:
    """A full table for each pixel, (2,) * i for pixel i: probabilities between 0.05 and 0.95."""
    shapes = [(2,) * i for i in range(n_pixels)]
    return [0.05 + 0.9 * torch.rand(shape, generator=rng, dtype=torch.float64) for shape in shapes]


def entry(table: Tensor, pixels: Tensor) -> Tensor:
    """The probability of a 1 after these pixels."""
    return table[pixels.unbind()]


def given(pixels: Tensor) -> str:
    """The condition, in words: " | 0 1", or nothing where nothing came before."""
    return f" | {numbers(pixels)}" if len(pixels) else ""
