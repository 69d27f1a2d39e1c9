"""Where a pixel is, as features: a convolution alone cannot tell one place from another.

Row and column run from -1 to 1. Waves of several lengths across the image, sin and cos of
k pi x / 2 for k = 1, 2, ..., let one linear layer single out a region that the bare numbers cannot.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.contracts import Count, Natural, checked


@checked
def coordinate_features(
    height: Count,
    width: Count,
    n_frequencies: Natural = 0,
    *,
    like: Float[Tensor, "..."] | None = None,
) -> Float[Tensor, "1 features height width"]:
    """Row, column and, for each frequency, sin and cos of both, on the device and dtype of `like`.

    >>> coordinate_features(1, 3)[0, 1]  # the columns; a single row lies at -1
    tensor([[-1.,  0.,  1.]])
    """
    device = None if like is None else like.device
    rows = torch.linspace(-1, 1, height, device=device)
    columns = torch.linspace(-1, 1, width, device=device)
    place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    waves = [math.pi / 2 * k * place for k in range(1, n_frequencies + 1)]
    place = torch.cat([place, *(f(wave) for wave in waves for f in (torch.sin, torch.cos))])[None]
    return place if like is None else place.to(like)
