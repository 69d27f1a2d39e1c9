"""Samples of a two-stage model as PNG grids on disk: one class, every class, or a row for each."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import torch
from torch import Tensor

from tutorial_lib import profiles
from tutorial_lib.plotting import tile
from tutorial_lib.two_stage import TwoStageModel
from tutorial_lib.validation import require_int

ZOOM = 4  # screen pixels for each pixel


def write_png(path: Path | str, sheet: np.ndarray, *, zoom: int = ZOOM) -> Path:
    """Write an array in [0, 1], (H, W) or (H, W, 3), as a PNG, each pixel `zoom` times as big."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"the picture must be a .png file, got {path.name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    big = sheet.repeat(zoom, axis=0).repeat(zoom, axis=1)
    matplotlib.image.imsave(path, big, vmin=0, vmax=1, cmap="gray")
    return path


def write_sample_grids(
    model: TwoStageModel,
    *,
    n: int,
    label: int | str | None,
    out: Path | str,
    temperature: float = 1.0,
    pixels: str = "mean",
    seed: int = 0,
) -> list[Path]:
    """Draw and write; returns the files.

    label   a class: n images of it. "all": n images of each class, a file for each, named by the
            class. None: n images over all classes, a row for each (or a model without labels)
    """
    require_int("n", n, at_least=1)
    model = model.to(profiles.device())
    generator = torch.Generator().manual_seed(seed)
    out = Path(out)

    def grid(path: Path, labels: Tensor | None, count: int, n_columns: int) -> Path:
        levels = model.sample(
            count,
            labels,
            temperature=temperature,
            pixels=pixels,
            generator=generator,
            progress=True,
        )
        sheet = tile(levels, n_columns=n_columns, n_levels=model.vqvae.n_levels)
        return write_png(path, sheet)

    square = round(n**0.5) or 1
    if label == "all":
        if not model.n_classes:
            raise ValueError("this model was trained without labels: leave out --label")
        return [
            grid(out.with_stem(f"{out.stem}-{k}"), torch.full((n,), k), n, square)
            for k in range(model.n_classes)
        ]
    if label is None and model.n_classes:
        columns = -(-n // model.n_classes)
        labels = torch.arange(model.n_classes).repeat_interleave(columns)
        return [grid(out, labels, len(labels), columns)]
    return [grid(out, None if label is None else torch.full((n,), label), n, square)]
