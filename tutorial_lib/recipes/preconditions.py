"""What both stages of a training need, looked at before the first step of stage one."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from torch import nn

from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.data import ImageDataset
from tutorial_lib.files import file_named, newest
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.recipes.settings import PriorSettings, VQVAESettings
from tutorial_lib.training import distributed as processes
from tutorial_lib.training.checkpoint import (
    LENGTHS,
    CheckpointError,
    read_tensors,
    require_same_run,
)
from tutorial_lib.training.config import FitConfig


def require_stage_one(dataset: ImageDataset, settings: VQVAESettings) -> None:
    """ValueError unless a VQVAE of these settings can be trained on the data set."""
    shape = tuple(dataset.train.levels.shape[1:])
    if len(shape) != 3:
        raise ValueError(
            f"dataset must hold images (C, H, W), got {dataset.name} with examples of shape "
            f"{shape}: chapter 15 trains on sounds and clips"
        )
    if any(side % settings.downsample for side in shape[1:]):
        raise ValueError(
            f"downsample must divide the height and width of the images, got {settings.downsample} "
            f"for the {shape[1]}x{shape[2]} images of {dataset.name}"
        )
    _require_batches(dataset, settings.fit)


def require_stage_two(
    dataset: ImageDataset, settings: PriorSettings, vqvae: VQVAE | None = None
) -> None:
    """ValueError unless a prior of these settings can be trained on the codes of the data set."""
    if settings.by_label and not dataset.class_names:
        raise ValueError(
            f"by_label must be False or left out, got True: the images of {dataset.name} have no "
            f"labels"
        )
    _require_batches(dataset, settings.fit)
    if vqvae is None:
        return
    there = (vqvae.in_channels, vqvae.n_levels)
    here = (dataset.train.levels.shape[1], dataset.n_levels)
    if vqvae.n_dims == 2 and there != here:
        raise ValueError(
            f"dataset must hold images of {there[0]} channels in {there[1]} levels, as the VQVAE "
            f"was made for, got {dataset.name} with {here[0]} in {here[1]}"
        )


def require_held_out(dataset: ImageDataset, names: Sequence[str] = ("valid", "test")) -> None:
    """ValueError unless there are images for the numbers that a training ends with."""
    for name in names:
        if not len(getattr(dataset, name)):
            raise ValueError(
                f"dataset must hold images in each split, got {dataset.name}, whose {name} split "
                f"is empty: a run ends with held-out numbers"
            )


def require_own_weights(weights: Path, run: Path) -> None:
    """CheckpointError if weights lie there without the run that made them: whose are they?"""
    if weights.exists() and not newest(run / "checkpoint.safetensors").exists():
        raise CheckpointError(
            f"{weights} was not made by a run in {run}, and would be overwritten: choose another "
            f"folder, or move it. It is left as it is"
        )


def require_writable(folder: Path) -> None:
    """OSError that names the folder unless files can be written into it; it is made if need be.

    Of several processes the main one looks, which alone writes.
    """
    if not processes.is_main():
        return
    with file_named(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def require_same_prior(folder: Path, prior: nn.Module, n_examples: int, fit: FitConfig) -> None:
    """CheckpointError if `folder` holds the checkpoint of a stage two that this one is not."""
    path = newest(folder / "checkpoint.safetensors")
    if not path.exists():
        return
    model = {f"model.{name}": value for name, value in settings_of(prior).items()}
    told = json.loads(json.dumps({**asdict(fit), **model, "examples": n_examples}))
    header = read_tensors(path)[1]
    saved = header.get("fingerprint", {}).items()
    saved = {k: v for k, v in saved if k in told or k.startswith("model.")}
    of_model = {k for k in told if k.startswith("model.")}
    told = {k: told[k] for k in told if k in saved.keys() | of_model}
    require_same_run(path, {**header, "fingerprint": saved}, told)


def require_stage_one_unchanged(out: Path, fit: FitConfig) -> None:
    """CheckpointError if stage one is to be made longer, and `out` holds a stage two on its codes.

    More steps would change the codes, on which a finished or half-trained stage two has learnt.
    """
    first, second = (newest(out / name / "checkpoint.safetensors") for name in ("vqvae", "prior"))
    if not (first.exists() and second.exists()):
        return
    saved = read_tensors(first)[1].get("fingerprint", {})
    for name in LENGTHS:
        if name in saved and saved[name] != getattr(fit, name):
            raise CheckpointError(
                f"{second} was trained on the codes of a stage one with {saved[name]} {name}, you "
                f"ask for {getattr(fit, name)}, which would change the codes. Choose another "
                f"folder, or delete {second.parent} to train stage two afresh"
            )


def _require_batches(dataset: ImageDataset, fit: FitConfig) -> None:
    if fit.batch_size > len(dataset.train):
        raise ValueError(
            f"batch_size must be at most {len(dataset.train)}, the training images of "
            f"{dataset.name}, got {fit.batch_size}"
        )
    require_held_out(dataset, ["valid"])
    processes.require_equal_shares(fit.batch_size)
