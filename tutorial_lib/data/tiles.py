"""Images side by side in one array, as figures and PNG files show them."""

from typing import Annotated

import numpy as np
import torch
from jaxtyping import Shaped

from tutorial_lib.contracts import Count, Several, at_least, at_most, checked, finite, symbols

GUTTER = 1  # pixels between the images of a grid
Grey = Annotated[float, at_least(0), at_most(1)]


def unit_range(images: Shaped[torch.Tensor, "N C H W"], n_levels: int | None) -> torch.Tensor:
    """Levels or floats as floats in [0, 1], on the CPU."""
    if images.shape[1] not in (1, 3):
        raise ValueError(f"images must be (N, 1 or 3, H, W), got {tuple(images.shape)}")
    if not images.is_floating_point():
        if n_levels is None:
            raise ValueError(
                f"integer levels need n_levels=..., to know which level is white: give it "
                f"for images of {images.dtype}"
            )
        images = symbols("images", images.long(), n_levels).float() / (n_levels - 1)
    return finite("images", images).detach().cpu().float().clamp(0, 1)


@checked
def tile(
    images: Shaped[torch.Tensor, "N C H W"],
    *,
    n_columns: Count,
    n_levels: Several | None = None,
    gutter: Grey = 1.0,
) -> np.ndarray:
    """Images (N, C, H, W) with C = 1 or 3 side by side as one array in [0, 1].

    `n_levels` is needed for integer levels; floats are taken to be in [0, 1] already. `gutter` is
    the grey between the images and in empty places, 1 for white. A float below 0 is drawn black,
    one above 1 white.

    >>> tile(torch.tensor([[[[0, 1]]], [[[3, 3]]]]), n_columns=2, n_levels=4, gutter=0.5).round(2)
    array([[0.  , 0.33, 0.5 , 1.  , 1.  ]], dtype=float32)
    """
    images = unit_range(images, n_levels)
    n, channels, height, width = images.shape
    n_rows = -(-n // n_columns)
    shape = (n_rows * (height + GUTTER) - GUTTER, n_columns * (width + GUTTER) - GUTTER, channels)
    sheet = np.full(shape, gutter, dtype=np.float32)
    for i, image in enumerate(images):
        top, left = (i // n_columns) * (height + GUTTER), (i % n_columns) * (width + GUTTER)
        sheet[top : top + height, left : left + width] = image.permute(1, 2, 0).numpy()
    return sheet.squeeze(-1) if channels == 1 else sheet
