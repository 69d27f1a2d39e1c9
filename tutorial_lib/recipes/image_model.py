"""Models of pixels as recipes, PixelCNNs and VAEs: model, data, training, held-out numbers, JSON.

A run folder holds

    training/             checkpoint and metrics
    weights.safetensors   finished weights
    result.json           settings, device, versions, time and held-out numbers

and a run that was stopped goes on where it was when it is started again.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Integer
from torch import Tensor, nn

from tutorial_lib import profiles
from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.contracts import around, checked, having, inside, unwrapped
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.pixels.full_precision import exact_float32
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats
from tutorial_lib.recipes.preconditions import require_held_out, require_writable
from tutorial_lib.recipes.pretrained import CLASSES, load_weights, save_weights
from tutorial_lib.recipes.results import provenance, write_result
from tutorial_lib.recipes.settings import ImageModelRecipe, PriorSettings
from tutorial_lib.training.config import History
from tutorial_lib.training.distributed import once
from tutorial_lib.training.loop import fit
from tutorial_lib.training.measures import Step, evaluate, undisturbed

OfLevels = Annotated[nn.Module, around(having("n_levels"))]


@checked
def image_step(
    model: OfLevels, levels: Integer[Tensor, "B ..."], label: Tensor | None = None
) -> dict[str, Tensor]:
    """Eq. 1 on a batch of levels: nats per image, and per dimension as the loss."""
    levels = levels.long()  # as the contract does, which a compiled graph skips
    given = {} if label is None else {"label": label}
    nats = nll_nats(model(levels, **given), levels).mean()
    n_dims = levels[0].numel()
    return {"loss": nats / n_dims, "nats/image": nats, "bits/dim": bits_per_dim(nats, n_dims)}


@checked
def vae_step(
    model: Annotated[nn.Module, around(inside(GaussianVAE))], levels: Integer[Tensor, "B ..."]
) -> dict[str, Tensor]:
    """The negative ELBO on a batch of levels, and its two parts, each in nats per image."""
    terms = model(levels.long())  # as above
    decoder, kl = terms.decoder_nats.mean(), terms.kl_nats.mean()
    n_dims = levels[0].numel()
    return {
        "loss": (decoder + kl) / n_dims,
        "nats/image": decoder + kl,
        "KL nats": kl,
        "bits/dim": bits_per_dim(decoder + kl, n_dims),
    }


@checked
def step_of(model: OfLevels) -> Step:
    """What one step of training does with this model."""
    return vae_step if isinstance(unwrapped(model), GaussianVAE) else image_step


@checked
def build_model(recipe: ImageModelRecipe, dataset: ImageDataset) -> nn.Module:
    """The untrained model of a recipe; the seed of its training decides the weights."""
    if recipe.by_label and not dataset.class_names:
        raise ValueError(f"by_label is True, but the images of {dataset.name} have no labels")
    torch.manual_seed(recipe.fit.seed)
    n_colors, *size = dataset.train.levels.shape[1:]
    given = {"n_colors": n_colors, "n_levels": dataset.n_levels, **recipe.arguments}
    if recipe.by_label:
        given["n_classes"] = len(dataset.class_names)
    if CLASSES[recipe.model] is GaussianVAE:
        given["size"] = tuple(size)
    model = CLASSES[recipe.model](**given)
    model.facts = dataset.facts
    return model


@checked
def recipe_over_pixels(dataset: ImageDataset, settings: PriorSettings) -> ImageModelRecipe:
    """The gated PixelCNN of these settings for these images; left open, their labels decide."""
    if settings.network != "gated":
        raise ValueError(f"network must be 'gated' over pixels, got {settings.network!r}")
    by_label = settings.by_label
    return ImageModelRecipe(
        title=f"gated PixelCNN of {dataset.name}",
        dataset=dataset.name,
        n_levels=dataset.n_levels,
        fit=settings.fit,
        arguments={
            # A multiple of the colours, into which the channels are divided.
            "n_channels": -(-settings.n_channels // dataset.facts.shape[0])
            * dataset.facts.shape[0],
            "n_layers": settings.n_layers,
            "kernel_size": settings.kernel_size,
            "coordinates": True,
            "n_frequencies": 4,
        },
        by_label=bool(dataset.class_names) if by_label is None else by_label,
    )


@checked
def evaluate_image_model(
    model: OfLevels, split: Split, *, by_label: bool = False
) -> dict[str, int | float]:
    """Held-out numbers: nats per image and bits/dim, means over all of a split.

    Of a VAE they are the bound (with one draw of z for each image, the same at every call), and the
    KL is told beside it.
    """
    with undisturbed(model):
        torch.manual_seed(0)
        with exact_float32(next(model.parameters()).device):
            means = evaluate(model, step_of(model), _examples(split, by_label))
    names = {"nats_per_image": "nats/image", "bits_per_dim": "bits/dim", "kl_nats": "KL nats"}
    return {"images": len(split)} | {k: means[v] for k, v in names.items() if v in means}


@checked
def train_image_model(
    recipe: ImageModelRecipe, dataset: ImageDataset, out: Path | str, *, progress: bool = True
) -> tuple[History, dict]:
    """Train into the folder `out`, then score valid and test; returns history and result.json.

    `dataset` has the levels of the recipe already. An interrupted run returns an empty result: the
    same call goes on from its checkpoint.
    """
    began_as = provenance()
    model = build_model(recipe, dataset).to(profiles.device())
    require_held_out(dataset)
    require_writable(out)
    train = _examples(dataset.train, recipe.by_label)
    history = fit(model, step_of(model), train, recipe.fit, out=out / "training", progress=progress)
    if history.stopped_by or not history.finished:
        return history, {}
    once(save_weights, out / "weights.safetensors", model)
    model = load_weights(out / "weights.safetensors").to(profiles.device())
    told = {
        **asdict(replace(recipe, arguments=dict(recipe.arguments))),
        "facts": model.facts.as_json(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "training_images": len(dataset.train),
        "steps": history.step,
        "epochs": round(history.step * recipe.fit.batch_size / len(dataset.train), 2),
        "training_minutes": round(history.seconds / 60, 2),
        "provenance": began_as,
    }

    def held_out(split: Split) -> dict[str, int | float]:
        return evaluate_image_model(model, split, by_label=recipe.by_label)

    return history, write_result(out, told, dataset, held_out)


def _examples(split: Split, by_label: bool) -> tuple[Tensor, ...]:
    return tuple(split[:]) if by_label else (split.levels,)
