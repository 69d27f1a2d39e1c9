"""ImageModelRecipe: which model of pixels is trained on what, and how. Light: without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tutorial_lib.contracts.plain import (
    require_bool,
    require_choice,
    require_instance,
    require_int,
    require_text,
    store_plain,
)
from tutorial_lib.training.config import FitConfig

# The classes of `pretrained.CLASSES`.
MODELS = (
    "PixelCNN",
    "RowLSTM",
    "DiagonalBiLSTM",
    "GatedPixelCNN",
    "CodePrior",
    "Autoencoder",
    "GaussianVAE",
    "VQVAE",
)


@dataclass(frozen=True)
class ImageModelRecipe:
    """What to train on what.

    model       name of a class of the library: PixelCNN, GatedPixelCNN, GaussianVAE, ...
    arguments   its keyword arguments, without n_levels, n_colors, n_classes and size: the data give
                these
    n_levels    levels of the images; a data set of more is coarsened to as many
    by_label    the model is told the class of each image
    """

    title: str
    dataset: str
    n_levels: int
    fit: FitConfig
    model: str = "GatedPixelCNN"
    arguments: Mapping[str, int | bool | str] = field(default_factory=dict)
    by_label: bool = False

    def __post_init__(self):
        store_plain(self)
        require_text("title", self.title)
        require_text("dataset", self.dataset)
        require_int("n_levels", self.n_levels, at_least=2)
        require_instance("fit", self.fit, FitConfig)
        require_choice("model", self.model, MODELS)
        require_instance("arguments", self.arguments, Mapping)
        require_bool("by_label", self.by_label)
