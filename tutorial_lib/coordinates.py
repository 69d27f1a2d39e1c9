"""Where a pixel is, as features: a convolution alone cannot tell one place from another.

Row and column run from -1 to 1. Waves of several lengths across the image, sin and cos of
k pi x / 2 for k = 1, 2, ..., let one linear layer single out a region that the bare numbers cannot.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.validation import require_float, require_int


def coordinate_features(
    height: int, width: int, n_frequencies: int = 0, *, like: Tensor | None = None
) -> Float[Tensor, "1 features height width"]:
    """Row, column and, for each frequency, sin and cos of both: 2 + 4 * n_frequencies features.

    like   features beside which they are used: computed on their device, given in their precision
    """
    require_int("n_frequencies", n_frequencies, at_least=0)
    device = None if like is None else require_float("like", like).device
    rows = torch.linspace(-1, 1, require_int("height", height, at_least=1), device=device)
    columns = torch.linspace(-1, 1, require_int("width", width, at_least=1), device=device)
    place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    waves = [math.pi / 2 * k * place for k in range(1, n_frequencies + 1)]
    place = torch.cat([place, *(f(wave) for wave in waves for f in (torch.sin, torch.cos))])[None]
    return place if like is None else place.to(like)
