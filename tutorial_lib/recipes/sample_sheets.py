"""Samples of a two-stage model as PNG grids on disk: one class, every class, or a row for each."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import torch
from torch import Tensor

from tutorial_lib import profiles
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.contracts.plain import require_instance, require_int, require_png, require_seed
from tutorial_lib.data.tiles import tile
from tutorial_lib.training.write_errors import file_named

ZOOM = 4  # screen pixels for each pixel


def write_png(path: Path | str, sheet: np.ndarray, *, zoom: int = ZOOM) -> Path:
    """Write an array in [0, 1], (H, W) or (H, W, 3), as a PNG, each pixel `zoom` times as big."""
    path = require_png(path)
    require_int("zoom", zoom, at_least=1)
    shape = require_instance("sheet", sheet, np.ndarray).shape
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or 0 in shape:
        raise ValueError(f"sheet must be (H, W) or (H, W, 3), got {shape}")
    if not (sheet >= 0).all() or not (sheet <= 1).all():
        raise ValueError(f"sheet must lie in [0, 1], got values {sheet.min()} .. {sheet.max()}")
    big = sheet.repeat(zoom, axis=0).repeat(zoom, axis=1)
    with file_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        matplotlib.image.imsave(path, big, vmin=0, vmax=1, cmap="gray")
    return path


def write_sample_grids(
    model: TwoStageModel,
    *,
    n: int,
    label: int | str | None,
    out: Path | str,
    shape: tuple[int, int] | None = None,
    temperature: float = 1.0,
    pixels: str = "mean",
    seed: int = 0,
) -> list[Path]:
    """Draw and write; returns the files.

    label   a class: n images of it. "all": n images of each class, a file for each, named by the
            class. None: n images over all classes, a row for each (or a model without labels)
    shape   height and width; None: as the facts of the model say
    """
    require_int("n", n, at_least=1)
    require_seed("seed", seed)
    out = require_png(out)
    model = require_instance("model", model, TwoStageModel).to(profiles.device())
    generator = torch.Generator().manual_seed(seed)

    def grid(path: Path, labels: Tensor | None, count: int, n_columns: int) -> Path:
        levels = model.sample(
            count,
            labels,
            shape=shape,
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
