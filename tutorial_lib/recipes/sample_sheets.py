"""Samples of a model as PNG grids on disk: one class, every class, or a row for each."""

from pathlib import Path
from typing import Literal

import matplotlib.image
import numpy as np
import torch
from torch import Tensor

from tutorial_lib import profiles
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.contracts import PNG, Count, Positive, Seed, checked
from tutorial_lib.data.tiles import tile
from tutorial_lib.files import file_named
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.sampling import sample

ZOOM = 4  # screen pixels for each pixel


@checked
def write_png(path: PNG, sheet: np.ndarray, *, zoom: Count = ZOOM) -> Path:
    """Write an array in [0, 1], (H, W) or (H, W, 3), as a PNG, each pixel `zoom` times as big."""
    shape = sheet.shape
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or 0 in shape:
        raise ValueError(f"sheet must be (H, W) or (H, W, 3), got {shape}")
    if not (sheet >= 0).all() or not (sheet <= 1).all():
        raise ValueError(f"sheet must lie in [0, 1], got values {sheet.min()} .. {sheet.max()}")
    big = sheet.repeat(zoom, axis=0).repeat(zoom, axis=1)
    with file_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        matplotlib.image.imsave(path, big, vmin=0, vmax=1, cmap="gray")
    return path


@checked
def write_sample_grids(
    model: TwoStageModel | GatedPixelCNN,
    *,
    n: Count,
    label: int | Literal["all"] | None,
    out: PNG,
    shape: tuple[int, int] | None = None,
    temperature: Positive = 1.0,
    pixels: Literal["mean", "sample"] = "mean",
    seed: Seed = 0,
) -> list[Path]:
    """Draw and write; returns the files.

    label   a class: n images of it. "all": n images of each class, a file for each, named by the
            class. None: n images over all classes, a row for each (or a model without labels)
    shape   height and width; None: as the facts of the model say
    pixels  of a two-stage model; one of pixels draws each of them
    """
    model = model.to(profiles.device())
    generator = torch.Generator().manual_seed(seed)

    def grid(path: Path, labels: Tensor | None, count: int, n_columns: int) -> Path:
        drawing = {"temperature": temperature, "generator": generator, "progress": True}
        if isinstance(model, TwoStageModel):
            n_levels = model.vqvae.n_levels
            levels = model.sample(count, labels, shape=shape, pixels=pixels, **drawing)
        else:
            n_levels, size = model.n_levels, shape or model.facts.shape[1:]
            levels = sample(model, (count, model.n_colors, *size), label=labels, **drawing)
        sheet = tile(levels, n_columns=n_columns, n_levels=n_levels)
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
