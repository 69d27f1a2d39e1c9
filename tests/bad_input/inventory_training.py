"""Calls around a training: settings, fit, steps, evaluation, recipes, weights, profiles."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import small_models as small
import torch
from inventory_codes import QUANTIZER
from inventory_pixels import LABELS
from kinds import (
    INF,
    NAN,
    also,
    but,
    choice,
    count,
    flag,
    function,
    model,
    mutation,
    name,
    number,
    optional,
    path,
    positive,
    seed,
    share,
    sizes,
    symbols,
    thing,
)
from named import call
from torch import Tensor, nn

from tutorial_lib import profiles
from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.recipes import pretrained
from tutorial_lib.recipes.code_files import CodeFile, read_codes, write_codes
from tutorial_lib.recipes.image_model import image_step
from tutorial_lib.recipes.named import Presets
from tutorial_lib.recipes.settings import (
    ImageModelRecipe,
    PriorSettings,
    TwoStageRecipe,
    TwoStageSettings,
    VQVAESettings,
)
from tutorial_lib.training.checkpoint import CheckpointError, write_tensors
from tutorial_lib.training.config import FitConfig, History
from tutorial_lib.training.run import RunningAverage

BRIEF = FitConfig(epochs=1, batch_size=4)
FIT = thing(lambda: BRIEF)
FIT_ARGUMENTS = {
    "epochs": count(2),
    "minutes": optional(positive(0.5)),
    "batch_size": count(4),
    "learning_rate": positive(1e-3),
    "warmup": share(0.1),
    "weight_decay": also(but(positive(0.1), "not above 0"), "negative", -0.1, -3),
    "clip_norm": positive(1.0),
    "average": share(0.2),
    "precision": choice("no", "fp8"),
    "seed": seed(),
}


def pictures(n: int = 8, seed: int = 0) -> Split:
    """Images of 4x4 in three levels, of three classes."""
    noise = torch.Generator().manual_seed(seed)
    levels = torch.randint(3, (n, 1, 4, 4), generator=noise).to(torch.uint8)
    return Split(levels, torch.arange(n) % 3)


def dataset() -> ImageDataset:
    """Three splits of them."""
    return ImageDataset("dots", pictures(8), pictures(4, 1), pictures(4, 2), 3, ("a", "b", "c"))


SPLIT, DATASET = thing(pictures), thing(dataset)
EXAMPLES = also(
    thing(lambda: (pictures().levels, pictures().labels)),
    "wrong tensors",
    lambda: (),
    lambda: (pictures().levels, pictures(4).labels),
    lambda: (pictures().levels, [0] * 8),
    lambda: (pictures(0).levels, pictures(0).labels),
    lambda: pictures().levels,
)


def other_step(model, *batch):
    """Forgets the loss."""
    return {"bits/dim": torch.zeros(())}


def wordless_step(model, *batch):
    """Returns a tensor in the place of metrics."""
    return torch.zeros(())


STEP = also(function(image_step), "no metrics", lambda: other_step, lambda: wordless_step)
ANY_MODULE = also(
    but(model(small.gated), "no model"), "no module", "model", 3, nn.Linear, lambda: {}
)
RUNS = [
    call("training.config.FitConfig", FitConfig, FIT_ARGUMENTS),
    call(
        "training.config.learning_rate_at",
        float,
        {"step": count(2, at_least=0), "n_steps": count(10), "config": FIT},
    ),
    call(
        "training.run.epoch_batches",
        tuple,
        {
            "n": count(9, at_least=0),
            "batch_size": count(4),
            "seed": seed(),
            "epoch": count(1, at_least=0),
        },
    ),
    call(
        "training.run.RunningAverage",
        RunningAverage,
        {"model": ANY_MODULE, "share": share(0.5)},
    ),
    call("pixels.modes.to_fast_format", nn.Module, {"model": ANY_MODULE}),
    call(
        "training.run.RunningAverage.update",
        type(None),
        {"step": count(3)},
        of=lambda: RunningAverage(small.gated(), 0.5).update,
    ),
    call(
        "training.loop.fit",
        History,
        {
            "model": model(small.labelled),
            "step": STEP,
            "data": also(
                EXAMPLES, "no whole batch", lambda: (pictures(2).levels, pictures(2).labels)
            ),
            "config": FIT,
            "valid": optional(but(EXAMPLES)),
            "out": optional(path(lambda: None)),
            "resume": flag(True),
            "progress": flag(False),
            "watch": optional(function(print)),
            "log_every": count(2),
            "save_every_seconds": also(but(number(60.0), "not finite"), "no end", NAN, -INF),
            "made_by": choice("a model")._replace(wrong=(mutation("no text", None, 3, True),)),
        },
    ),
    call(
        "training.measures.evaluate",
        dict,
        {
            "model": model(small.labelled),
            "step": STEP,
            "data": EXAMPLES,
            "batch_size": count(4),
        },
    ),
]

TRAINED = [
    call(
        "recipes.settings.ImageModelRecipe",
        ImageModelRecipe,
        {
            "title": choice("a title")._replace(wrong=(mutation("no text", None, 3, True),)),
            "dataset": but(name("mnist"), "another word"),
            "n_levels": count(16, at_least=2),
            "fit": FIT,
            "model": choice("PixelCNN"),
            "arguments": thing(lambda: {"n_channels": 4}),
            "by_label": flag(True),
        },
    ),
    call(
        "recipes.image_model.image_step",
        dict,
        {
            "model": model(small.labelled),
            "levels": but(
                symbols((2, 1, 4, 4), 3, pinned=(0, 1), dtype=torch.uint8),
                "too low",
            ),
            "label": LABELS,
        },
    ),
    call(
        "recipes.image_model.vae_step",
        dict,
        {
            "model": model(small.vae),
            "levels": but(symbols((2, 1, 4, 4), 3, pinned=(1, 2, 3), dtype=torch.uint8)),
        },
    ),
    call("recipes.image_model.step_of", lambda step: callable(step), {"model": model(small.vae)}),
    call(
        "recipes.two_stage.vqvae_step",
        dict,
        {
            "model": model(small.vqvae),
            "levels": but(
                symbols((2, 1, 4, 4), 3, pinned=(1,), dtype=torch.uint8),
                says=("levels", "image"),
            ),
        },
    ),
    call(
        "recipes.two_stage.prior_step",
        dict,
        {
            "model": model(small.labelled),
            "indices": but(
                symbols((2, 4, 4), 3, pinned=(0,), dtype=torch.uint8),
                says=("indices", "levels"),
            ),
            "label": LABELS,
        },
    ),
]

RECIPE = ImageModelRecipe(
    "dots", "mnist", 3, BRIEF, arguments={"n_channels": 4, "n_layers": 1}, by_label=True
)
OF_VQVAE = VQVAESettings(n_codes=5, code_dim=2, downsample=2, n_channels=4, n_blocks=1, fit=BRIEF)
OF_PRIOR = PriorSettings(n_channels=4, n_layers=1, fit=BRIEF)


def _run_folder() -> Path:
    folder = Path("finished")
    pretrained.save_weights(folder / "two-stage.safetensors", small.two_stage())
    pretrained.save_weights(folder / "vqvae.safetensors", small.vqvae())
    return folder


def _codes() -> Path:
    """A file of codes by the small VQVAE."""
    path, levels = Path("codes.safetensors"), torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    facts = RunFacts("dots", (1, 4, 4), 3)
    write_codes(path, small.vqvae(), levels, torch.zeros(2).long(), facts, weights="mine")
    return path


def _facts() -> dict:
    return RunFacts("dots", (1, 4, 6), 3, ("a", "b")).as_json()


TEXT = choice("mnist")._replace(wrong=(mutation("no text", None, 3, True),))
MISSING = path(_run_folder)
RECIPES = [
    call(
        "recipes.image_model.build_model",
        nn.Module,
        {"recipe": thing(lambda: RECIPE), "dataset": DATASET},
    ),
    call(
        "recipes.image_model.recipe_over_pixels",
        ImageModelRecipe,
        {"dataset": DATASET, "settings": thing(lambda: OF_PRIOR)},
    ),
    call(
        "recipes.image_model.evaluate_image_model",
        dict,
        {"model": model(small.labelled), "split": SPLIT, "by_label": flag(True)},
    ),
    call(
        "recipes.image_model.train_image_model",
        tuple,
        {
            "recipe": thing(lambda: RECIPE),
            "dataset": DATASET,
            "out": path(lambda: Path("image-model")),
            "progress": flag(False),
        },
    ),
    call(
        "recipes.settings.VQVAESettings",
        VQVAESettings,
        {
            **QUANTIZER,
            "n_codes": count(5),
            "decoder": choice("logistics", "gaussian"),
            "code_dim": count(2),
            "downsample": also(count(2), "no power of 2", 3, 6),
            "beta": positive(0.25),
            "n_channels": count(4, at_least=2),
            "n_blocks": count(1, at_least=0),
            "fit": FIT,
        },
    ),
    call(
        "recipes.settings.PriorSettings",
        PriorSettings,
        {
            "network": choice("transformer", "Gated"),
            "n_heads": count(2),
            "n_channels": count(4),
            "n_layers": count(1),
            "kernel_size": also(but(count(3), "too small"), "even or too small", 2, 1, 0, -3),
            "by_label": optional(flag(True)),
            "fit": FIT,
        },
    ),
    call(
        "recipes.settings.TwoStageSettings",
        TwoStageSettings,
        {"vqvae": thing(lambda: OF_VQVAE), "prior": thing(lambda: OF_PRIOR)},
    ),
    call(
        "recipes.settings.TwoStageRecipe",
        TwoStageRecipe,
        {
            "title": choice("a title")._replace(wrong=(mutation("no text", None, 3, True),)),
            "dataset": but(name("mnist"), "another word"),
            "n_levels": count(16, at_least=2),
            "settings": thing(lambda: TwoStageSettings(OF_VQVAE, OF_PRIOR)),
        },
    ),
    call(
        "recipes.settings.pixel_presets",
        PriorSettings,
        {"profile": choice("smoke", "Smoke"), "precision": choice("no", "fp8")},
    ),
    call(
        "recipes.settings.presets",
        TwoStageSettings,
        {"profile": choice("smoke", "Smoke"), "precision": optional(choice("no", "fp8"))},
    ),
    call(
        "recipes.two_stage.train_vqvae",
        tuple,
        {
            "dataset": DATASET,
            "settings": thing(lambda: OF_VQVAE),
            "out": optional(path(lambda: None)),
            "progress": flag(False),
        },
    ),
    call(
        "recipes.two_stage.extract_codes",
        (8, 2, 2),
        {
            "vqvae": model(small.vqvae),
            "levels": but(
                symbols((8, 1, 4, 4), 3, pinned=(1,), dtype=torch.uint8, alone=True),
                says=("levels", "image"),
            ),
            "batch_size": count(4),
        },
    ),
    call(
        "recipes.code_files.write_codes",
        CodeFile,
        {
            "path": path(lambda: Path("codes.safetensors")),
            "vqvae": model(small.vqvae),
            "levels": but(
                symbols((8, 1, 4, 4), 3, pinned=(1,), dtype=torch.uint8, alone=True),
                says=("levels", "image"),
            ),
            "labels": but(symbols((8,), 2, pinned=(0,), alone=True), "too low", "too high"),
            "facts": thing(lambda: RunFacts("dots", (1, 4, 4), 3)),
            "weights": choice("mine")._replace(wrong=(mutation("no text", None, 3, True),)),
        },
    ),
    call("recipes.code_files.read_codes", CodeFile, {"path": path(_codes)}),
    call(
        "recipes.code_files.decode_codes",
        Tensor,
        {
            "vqvae": model(small.vqvae),
            "codes": thing(lambda: read_codes(_codes())),
            "batch_size": count(4),
        },
    ),
    call(
        "recipes.code_files.reconstruction_sheet",
        np.ndarray,
        {
            "vqvae": model(small.vqvae),
            "levels": but(
                symbols((8, 1, 4, 4), 3, pinned=(1,), dtype=torch.uint8, alone=True),
                says=("levels", "image"),
            ),
            "n_columns": count(4),
        },
    ),
    call(
        "recipes.two_stage.train_prior",
        tuple,
        {
            "vqvae": model(small.vqvae),
            "dataset": DATASET,
            "settings": thing(lambda: OF_PRIOR),
            "out": optional(path(lambda: None)),
            "progress": flag(False),
        },
    ),
    call(
        "recipes.two_stage.add_prior",
        History,
        {"dataset": DATASET, "settings": thing(lambda: OF_PRIOR), "out": MISSING},
    ),
    call(
        "recipes.two_stage.cut_for_smoke",
        ImageDataset,
        {
            "dataset": DATASET,
            "n_train": also(count(4, at_least=0), "too many", 99),
            "n_held_out": also(count(2, at_least=0), "too many", 99),
        },
    ),
    call(
        "recipes.two_stage.evaluate_two_stage",
        dict,
        {"model": model(small.two_stage), "split": SPLIT, "batch_size": count(4)},
    ),
    call(
        "recipes.two_stage.train_two_stage",
        tuple,
        {
            "dataset": DATASET,
            "settings": thing(lambda: TwoStageSettings(OF_VQVAE, OF_PRIOR)),
            "out": path(lambda: Path("two-stage")),
            "progress": flag(False),
        },
    ),
    call(
        "recipes.two_stage.require_two_stage",
        type(None),
        {
            "dataset": DATASET,
            "settings": thing(lambda: TwoStageSettings(OF_VQVAE, OF_PRIOR)),
            "out": optional(path(lambda: Path("two-stage"))),
        },
    ),
    call("recipes.pretrained.stage_one_facts", type(None), {"folder": MISSING}),
    call("recipes.pretrained.load_stage_one", nn.Module, {"folder": MISSING}),
    call("recipes.named.find", Presets, {"name": name("pixelcnn-cpu")}),
    call("recipes.pretrained.load_run", TwoStageModel, {"folder": MISSING}),
    call(
        "codes.run_facts.RunFacts",
        RunFacts,
        {
            "dataset": TEXT,
            "shape": but(sizes((1, 4, 6)), "too long", "too short"),
            "n_levels": count(3, at_least=2),
            "class_names": also(
                thing(lambda: ("a", "b")), "no names", "abc", 3, ("a", 3), ["a", "b"]
            ),
        },
    ),
    call("codes.run_facts.facts_from_json", RunFacts, {"told": thing(_facts)}),
    call(
        "data.catalog.facts_by_name",
        RunFacts,
        {"dataset": TEXT, "n_levels": count(16, at_least=2)},
    ),
    call(
        "recipes.named.same",
        Presets,
        {"recipe": thing(lambda: RECIPE)},
    ),
    call(
        "recipes.named.larger",
        Presets,
        {"recipe": thing(lambda: RECIPE), "fit": FIT},
    ),
    call(
        "recipes.named.two_stage",
        Presets,
        {
            "title": choice("a title")._replace(wrong=(mutation("no text", None, 3, True),)),
            "n_levels": count(16, at_least=2),
            "settings": thing(lambda: TwoStageSettings(OF_VQVAE, OF_PRIOR)),
        },
    ),
    call(
        "recipes.reproduction.images_of",
        ImageDataset,
        {
            "dataset": but(name("emoji"), "another word"),
            "n_levels": optional(count(16, at_least=2)),
        },
    ),
    call(
        "recipes.reproduction.recipe_named",
        ImageModelRecipe,
        {
            "name": name("pixelcnn-cpu"),
            "minutes": optional(positive(1.0)),
            "preset": optional(choice("cpu", "CPU")),
        },
    ),
]


def _weights() -> Path:
    pretrained.save_weights(Path("gated.safetensors"), small.gated())
    return Path("gated.safetensors")


def _described() -> dict:
    return pretrained.describe(small.gated())


def _run_state() -> Path:
    write_tensors(Path("state.safetensors"), {"x": torch.zeros(2)}, {"step": 3})
    return Path("state.safetensors")


FILES = (CheckpointError, FileNotFoundError)
WEIGHTS = [
    call("recipes.pretrained.describe", dict, {"model": model(small.gated)}),
    call(
        "recipes.pretrained.build",
        nn.Module,
        {
            "description": but(
                also(
                    thing(_described),
                    "another description",
                    lambda: {},
                    lambda: {"class": "Linear", "config": {}},
                    lambda: {"class": "GatedPixelCNN", "config": {"n_layers": 0}},
                    lambda: {"class": ["GatedPixelCNN"], "config": {}},
                    lambda: {"class": "TwoStageModel", "parts": 3},
                ),
                says=("weights describe",),
            )
        },
        raises=(CheckpointError,),
    ),
    call(
        "recipes.pretrained.save_weights",
        type(None),
        {"path": path(lambda: Path("saved.safetensors")), "model": model(small.gated)},
    ),
    call("recipes.pretrained.load_weights", nn.Module, {"path": path(_weights)}),
    call(
        "recipes.pretrained.load_pretrained",
        nn.Module,
        {"name": name("gated-binarized-mnist")},
    ),
    call(
        "training.checkpoint.write_tensors",
        type(None),
        {
            "path": path(lambda: Path("tensors.safetensors")),
            "tensors": thing(lambda: {"x": torch.zeros(2)}),
            "header": thing(lambda: {"step": 3}),
        },
    ),
    call("training.checkpoint.read_tensors", tuple, {"path": path(_run_state)}),
]


def _current(profile) -> str:
    """`profiles.current` under an environment that says so."""
    before = os.environ.get("TUTORIAL_PROFILE")
    os.environ["TUTORIAL_PROFILE"] = profile
    try:
        return profiles.current()
    finally:
        os.environ.pop("TUTORIAL_PROFILE")
        if before is not None:
            os.environ["TUTORIAL_PROFILE"] = before


PROFILES = [
    call(
        "profiles.current",
        str,
        {"profile": but(choice("smoke", "SMOKE"), "no word", "None", says=("TUTORIAL_PROFILE",))},
        of=lambda: _current,
    ),
]

TRAINING = [*RUNS, *TRAINED, *RECIPES, *WEIGHTS, *PROFILES]
