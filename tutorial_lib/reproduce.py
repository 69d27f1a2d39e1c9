"""The long results of the series as named recipes: what is trained, on what, for how long.

python -m tutorial_lib reproduce NAME runs one into a folder, resumes it if it was stopped, and ends
with held-out numbers in result.json. Where the recipes for binarized MNIST leave the paper:
a smaller network with wider kernels, each layer is told the row and column of its pixels, AdamW
with a rate that falls to 0, the mean of the last weights, and minutes in the place of days.

References: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 5 and table 4 (MNIST).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tutorial_lib import data, profiles
from tutorial_lib.history import History
from tutorial_lib.image_models import ImageModelRecipe, train_image_model
from tutorial_lib.recipes import (
    PriorSettings,
    TwoStageRecipe,
    TwoStageSettings,
    VQVAESettings,
    cut_for_smoke,
    train_two_stage,
)
from tutorial_lib.training import FitConfig

Recipe = ImageModelRecipe | TwoStageRecipe

RECIPES: dict[str, Recipe] = {
    "pixelcnn-cpu": ImageModelRecipe(
        title="gated PixelCNN on binarized MNIST, five minutes on two cores",
        dataset="binarized-mnist",
        n_levels=2,
        arguments={
            "n_channels": 32,
            "n_layers": 3,
            "kernel_size": 5,
            "coordinates": True,
            "n_frequencies": 4,
            "first_kernel_size": 9,
        },
        fit=FitConfig(
            minutes=5.0, batch_size=16, learning_rate=0.01, warmup=0.02, weight_decay=0.01
        ),
    ),
    "pixelcnn-gpu": ImageModelRecipe(
        title="gated PixelCNN on binarized MNIST, ten minutes on one GPU",
        dataset="binarized-mnist",
        n_levels=2,
        arguments={"n_channels": 64, "n_layers": 8, "kernel_size": 5, "coordinates": True},
        fit=FitConfig(
            minutes=10.0, batch_size=128, learning_rate=0.004, warmup=0.02, weight_decay=0.01
        ),
    ),
    "gated-fashion-mnist": ImageModelRecipe(
        title="gated PixelCNN of Fashion-MNIST in 16 levels, told the class (chapter 05)",
        dataset="fashion-mnist",
        n_levels=16,
        by_label=True,
        arguments={
            "n_channels": 32,
            "n_layers": 8,
            "coordinates": True,
            "n_frequencies": 4,
            "first_kernel_size": 9,
        },
        fit=FitConfig(epochs=2, batch_size=32, learning_rate=3e-3, average=0.1),
    ),
    "pixelcnn-fashion-mnist": ImageModelRecipe(
        title="plain PixelCNN on Fashion-MNIST in 16 levels (chapter 03)",
        dataset="fashion-mnist",
        n_levels=16,
        model="PixelCNN",
        arguments={"n_channels": 64, "n_layers": 8},
        fit=FitConfig(epochs=3, batch_size=32, learning_rate=2e-3, average=0.1),
    ),
    "vae-fashion-mnist": ImageModelRecipe(
        title="Gaussian VAE of Fashion-MNIST in 16 levels, pixels independent given z (chapter 09)",
        dataset="fashion-mnist",
        n_levels=16,
        model="GaussianVAE",
        arguments={"code_dim": 32, "n_channels": 48},
        fit=FitConfig(epochs=12, batch_size=64, learning_rate=2e-3, average=0.1),
    ),
    "two-stage-fashion-mnist-16": TwoStageRecipe(
        title="VQ-VAE of Fashion-MNIST in 16 levels, gated PixelCNN over its codes (chapter 09)",
        dataset="fashion-mnist",
        n_levels=16,
        settings=TwoStageSettings(
            VQVAESettings(n_channels=48, fit=FitConfig(epochs=8, learning_rate=2e-3)),
            PriorSettings(
                n_channels=48,
                n_layers=8,
                fit=FitConfig(epochs=8, learning_rate=2e-3, weight_decay=0.01, average=0.1),
            ),
        ),
    ),
}


def recipe_named(name: str, *, minutes: float | None = None) -> Recipe:
    """A recipe in the precision that is fast here, each training of it `minutes` long if given.

    ValueError lists the names there are.
    """
    if name not in RECIPES:
        raise ValueError(f"no recipe named {name!r}: there are {', '.join(RECIPES)}")
    changes = {"precision": profiles.fast_precision()}
    if minutes is not None:
        changes["minutes"] = minutes
    return _with_fit(RECIPES[name], **changes)


def _with_fit(recipe: Recipe, **changes) -> Recipe:
    """The recipe with other settings of training, in both stages if it has two."""
    if isinstance(recipe, ImageModelRecipe):
        return replace(recipe, fit=replace(recipe.fit, **changes))
    stages = {
        name: replace(stage, fit=replace(stage.fit, **changes))
        for name, stage in vars(recipe.settings).items()
    }
    return replace(recipe, settings=TwoStageSettings(**stages))


def reproduce(
    name: str,
    out: Path | None = None,
    *,
    minutes: float | None = None,
    smoke: bool = False,
    progress: bool = True,
) -> tuple[Path, History, dict]:
    """Run a recipe into `out` (default: runs/NAME); returns folder, history and result.

    `smoke` takes a few images and a few steps: the same path in seconds, for tests.
    """
    recipe = recipe_named(name, minutes=minutes)
    out = Path("runs") / name if out is None else Path(out)
    dataset = data.load(recipe.dataset).with_n_levels(recipe.n_levels)
    if smoke:
        dataset = cut_for_smoke(dataset, 96, 32)
        recipe = _with_fit(recipe, minutes=None, epochs=1, batch_size=32, precision="no")
    if isinstance(recipe, TwoStageRecipe):
        history, result = train_two_stage(dataset, recipe.settings, out, progress=progress)
    else:
        history, result = train_image_model(recipe, dataset, out, progress=progress)
    return out, history, result
