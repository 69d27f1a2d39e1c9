"""Run a named recipe: python -m tutorial_lib reproduce NAME.

It trains into a folder, goes on where it was if it was stopped, and ends with held-out numbers in
result.json. Under `torchrun` all processes work on one training.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from tutorial_lib import data, profiles
from tutorial_lib.contracts import Positive, Several, checked
from tutorial_lib.data.emoji import GROUPS, with_styles
from tutorial_lib.files import runs_dir
from tutorial_lib.recipes import named
from tutorial_lib.recipes.image_model import train_image_model
from tutorial_lib.recipes.settings import ImageModelRecipe, TwoStageSettings
from tutorial_lib.recipes.two_stage import cut_for_smoke, train_two_stage
from tutorial_lib.training.config import History
from tutorial_lib.training.distributed import main_first

Preset = Literal["cpu", "gpu"]


@checked
def recipe_named(
    name: str, *, minutes: Positive | None = None, preset: Preset | None = None
) -> named.Recipe:
    """A recipe in the precision that is fast here, each training of it `minutes` long if given.

    preset  "cpu" or "gpu": the sizes for such a machine; None: those for this one

    ValueError lists the names there are.
    """
    here = "gpu" if torch.cuda.is_available() else "cpu"
    recipe = getattr(named.find(name), preset or here)
    changes = {} if minutes is None else {"minutes": minutes}
    return _with_fit(recipe, precision=profiles.fast_precision(), **changes)


@checked
def images_of(dataset: str, n_levels: Several | None = None) -> data.ImageDataset:
    """The images of a long result. Of emoji the style is part of the label: samples keep to one."""
    images = data.load(dataset)
    images = with_styles(images) if images.class_names == GROUPS else images
    return images if n_levels is None else images.with_n_levels(n_levels)


def _with_fit(recipe: named.Recipe, **changes) -> named.Recipe:
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
    preset: str | None = None,
    smoke: bool = False,
    progress: bool = True,
) -> tuple[Path, History, dict]:
    """Run a recipe into `out` (default: NAME in `runs_dir()`); returns folder, history and result.

    `smoke` takes a few images and a few steps: the same path in seconds, for tests.
    """
    recipe = recipe_named(name, minutes=minutes, preset=preset)
    out = runs_dir() / name if out is None else Path(out)
    with main_first():
        dataset = images_of(recipe.dataset, recipe.n_levels)
    if smoke:
        dataset = cut_for_smoke(dataset, 96, 32)
        recipe = _with_fit(recipe, minutes=None, epochs=1, batch_size=32, precision="no")
    if isinstance(recipe, ImageModelRecipe):
        return out, *train_image_model(recipe, dataset, out, progress=progress)
    return out, *train_two_stage(dataset, recipe.settings, out, progress=progress)
