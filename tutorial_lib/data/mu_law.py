"""Turns sound pressure into 256 levels and back, finely near silence and coarsely where it is loud.

    f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu),   mu = 255,   x in [-1, 1]

f is rounded to the nearest of 256 evenly spaced values from -1 to 1. Sixteen-bit audio, divided by
32768, becomes something that a softmax over 256 levels can predict, as in WaveNet (van den Oord et
al., 2016, arXiv 1609.03499, section 2.2), which decodes speech in the VQ-VAE paper too.
"""

import math

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tutorial_lib.contracts import checked, within

MU = 255
N_LEVELS = 256
LOG_256 = math.log1p(MU)
SILENCE = 128  # the level of x = 0


@checked
def encode(pressure: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """Levels 0 .. 255 of pressures in [-1, 1]; `ValueError` outside that range."""
    within("pressure", pressure, -1, 1)
    squeezed = pressure.sign() * torch.log1p(MU * pressure.abs()) / LOG_256
    return ((squeezed + 1) / 2 * MU + 0.5).floor().to(torch.uint8)


@checked
def decode(levels: UInt8[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The float32 pressure in [-1, 1] that each level stands for; `encode` gives the level back."""
    squeezed = levels.to(torch.float32) / MU * 2 - 1
    return squeezed.sign() * torch.expm1(squeezed.abs() * LOG_256) / MU
