"""Which long results the series has, and how each is trained: on two CPU cores, and on one GPU.

The precision is chosen where a recipe is run (`reproduction.recipe_named`).

Where the recipes for binarized MNIST leave the paper: a smaller network with wider kernels, each
layer is told the row and column of its pixels, AdamW with a rate that falls to 0, the mean of the
last weights, and minutes in the place of days.

References: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 5 and table 4 (MNIST).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tutorial_lib.contracts import Several, check_fields, checked, did_you_mean
from tutorial_lib.recipes.settings import (
    ImageModelRecipe,
    PriorSettings,
    TwoStageRecipe,
    TwoStageSettings,
    VQVAESettings,
    presets,
)
from tutorial_lib.training.config import FitConfig

Recipe = ImageModelRecipe | TwoStageRecipe


@dataclass(frozen=True)
class Presets:
    """One result on two kinds of machine: two CPU cores, and one GPU."""

    cpu: Recipe
    gpu: Recipe

    __post_init__ = check_fields

    @property
    def title(self) -> str:
        """What is trained on what."""
        return self.cpu.title


@checked
def find(name: str) -> Presets:
    """The recipe of that name; ValueError lists the names there are."""
    if name not in RECIPES:
        near = did_you_mean(name, RECIPES)
        raise ValueError(f"no recipe named {name!r}.{near} There are: {', '.join(RECIPES)}.")
    return RECIPES[name]


@checked
def same(recipe: Recipe) -> Presets:
    """A recipe that is meant for one kind of machine, and taken as it is on the other."""
    return Presets(recipe, recipe)


@checked
def larger(recipe: ImageModelRecipe, fit: FitConfig, **arguments) -> Presets:
    """A recipe of pixels and, for a GPU, the same with other sizes and a longer training."""
    return Presets(recipe, replace(recipe, fit=fit, arguments={**recipe.arguments, **arguments}))


@checked
def two_stage(title: str, n_levels: Several, settings: TwoStageSettings) -> Presets:
    """Both stages on Fashion-MNIST; on a GPU with the sizes of `train two-stage --profile gpu`."""
    recipe = TwoStageRecipe(title, "fashion-mnist", n_levels, settings)
    return Presets(recipe, replace(recipe, settings=presets("gpu", precision="no")))


RECIPES: dict[str, Presets] = {
    "pixelcnn-cpu": same(
        ImageModelRecipe(
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
    ),
    "pixelcnn-gpu": same(
        ImageModelRecipe(
            title="gated PixelCNN on binarized MNIST, ten minutes on one GPU",
            dataset="binarized-mnist",
            n_levels=2,
            arguments={"n_channels": 64, "n_layers": 8, "kernel_size": 5, "coordinates": True},
            fit=FitConfig(
                minutes=10.0, batch_size=128, learning_rate=0.004, warmup=0.02, weight_decay=0.01
            ),
        ),
    ),
    "gated-fashion-mnist": larger(
        ImageModelRecipe(
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
        FitConfig(epochs=40, batch_size=128, learning_rate=3e-3, average=0.1),
        n_channels=64,
        n_layers=12,
    ),
    "gated-emoji": same(
        ImageModelRecipe(
            title="gated PixelCNN of emoji in colour, told group and style (chapter 14)",
            dataset="emoji",
            n_levels=256,
            by_label=True,
            arguments={
                "n_channels": 48,
                "n_layers": 6,
                "kernel_size": 5,
                "coordinates": True,
                "n_frequencies": 4,
            },
            fit=FitConfig(
                epochs=12, batch_size=16, learning_rate=4e-3, weight_decay=0.02, average=0.1
            ),
        ),
    ),
    "pixelcnn-fashion-mnist": larger(
        ImageModelRecipe(
            title="plain PixelCNN on Fashion-MNIST in 16 levels (chapter 03)",
            dataset="fashion-mnist",
            n_levels=16,
            model="PixelCNN",
            arguments={"n_channels": 64, "n_layers": 8},
            fit=FitConfig(epochs=3, batch_size=32, learning_rate=2e-3, average=0.1),
        ),
        FitConfig(epochs=40, batch_size=128, learning_rate=2e-3, average=0.1),
        n_channels=128,
        n_layers=12,
    ),
    "vae-fashion-mnist": larger(
        ImageModelRecipe(
            title="Gaussian VAE of Fashion-MNIST in 16 levels, independent pixels (chapter 11)",
            dataset="fashion-mnist",
            n_levels=16,
            model="GaussianVAE",
            arguments={"code_dim": 32, "n_channels": 48},
            fit=FitConfig(epochs=12, batch_size=64, learning_rate=2e-3, average=0.1),
        ),
        FitConfig(epochs=60, batch_size=256, learning_rate=2e-3, average=0.1),
        n_channels=96,
    ),
    "two-stage-fashion-mnist-16": two_stage(
        "VQ-VAE of Fashion-MNIST in 16 levels, gated PixelCNN over its codes (chapter 11)",
        16,
        TwoStageSettings(
            VQVAESettings(n_channels=48, fit=FitConfig(epochs=8, learning_rate=2e-3)),
            PriorSettings(
                n_channels=48,
                n_layers=8,
                fit=FitConfig(epochs=8, learning_rate=2e-3, weight_decay=0.01, average=0.1),
            ),
        ),
    ),
    "two-stage-emoji": same(
        TwoStageRecipe(
            "VQ-VAE of emoji in colour, gated PixelCNN over its codes (chapter 14)",
            "emoji",
            256,
            TwoStageSettings(
                VQVAESettings(
                    n_codes=256, fit=FitConfig(epochs=150, batch_size=32, learning_rate=2e-3)
                ),
                PriorSettings(
                    n_channels=48,
                    n_layers=6,
                    fit=FitConfig(
                        epochs=12, batch_size=32, learning_rate=2e-3, weight_decay=0.05, average=0.1
                    ),
                ),
            ),
        ),
    ),
    "two-stage-fashion-mnist": two_stage(
        "VQ-VAE of 8-bit Fashion-MNIST, gated PixelCNN over its codes (chapter 13)",
        256,
        TwoStageSettings(
            VQVAESettings(fit=FitConfig(epochs=8, learning_rate=2e-3)),
            PriorSettings(
                n_layers=10, fit=FitConfig(epochs=10, learning_rate=2e-3, weight_decay=0.01)
            ),
        ),
    ),
}
