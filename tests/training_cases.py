"""Every model of the library at its smallest, with the step that trains it and examples for it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

import tutorial_lib
from tutorial_lib.codes.code_prior import CodePrior, code_prior_step
from tutorial_lib.codes.pixelcnn_autoencoder import MSEAutoencoder, PixelCNNAutoencoder
from tutorial_lib.codes.transformer_prior import TransformerPrior
from tutorial_lib.codes.vae import Autoencoder, GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.influence import as_model
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.pixels.pixelrnn import DiagonalBiLSTM, RowLSTM
from tutorial_lib.recipes.image_model import image_step, vae_step
from tutorial_lib.recipes.two_stage import prior_step, vqvae_step

N = 12  # examples
SMALL = {"n_channels": 4, "n_layers": 2, "kernel_size": 3}
STACK = {"n_levels": 3, "first_kernel_size": 3, **SMALL}
CODES = {"n_codes": 5, "code_dim": 2, "downsample": 2, "n_channels": 4, "n_blocks": 1}
TRANSFORMER = {"n_levels": 5, "n_channels": 4, "n_layers": 2, "n_heads": 2}
VECTOR = {"n_levels": 3, "size": (4, 8)}


class Case(NamedTuple):
    """model() is always the same; step(model, *examples()) is one step of its training."""

    model: Callable[[], nn.Module]
    step: Callable[..., dict[str, Tensor]]
    examples: Callable[[], tuple[Tensor, ...]]


def seeded(make, *arguments, **options) -> Callable[[], nn.Module]:
    def model():
        torch.manual_seed(1)
        return make(*arguments, **options)

    return model


def levels(*shape, n_levels=3, dtype=torch.uint8):
    noise = torch.Generator().manual_seed(2)
    return torch.randint(n_levels, (N, *shape), generator=noise).to(dtype)


def labels(n_classes=3):
    return torch.arange(N) % n_classes


def grey():
    return (levels(1, 4, 8),)


def labelled_grey():
    return levels(1, 4, 8), labels()


def context_step(model, images, label, context):
    images = images.long()
    logits = model(images, label=label, context=context)
    return {"loss": nn.functional.cross_entropy(logits, images)}


def squared_step(model, images):
    return {"loss": model.squared_error(images.long()).mean()}


def field_step(model, x):
    return {"loss": model(x).loss}


def prior(n_dims, *shape, n_classes=3):
    make = seeded(CodePrior, n_dims=n_dims, n_codes=5, n_classes=n_classes, **SMALL)
    return Case(
        make,
        code_prior_step,
        lambda: (levels(*shape, n_levels=5, dtype=torch.long), *([labels()] if n_classes else [])),
    )


def vqvae(examples=grey, step=vqvae_step, **changes):
    options = {"in_channels": 1, "n_levels": 3, **CODES, **changes}
    return Case(seeded(VQVAE, **options), step, examples)


def vae(**changes):
    return Case(seeded(GaussianVAE, **VECTOR, n_channels=2, **changes), vae_step, grey)


CASES = {
    "PixelCNN": Case(seeded(PixelCNN, **STACK), image_step, grey),
    "PixelCNN of colours": Case(
        seeded(PixelCNN, **{**STACK, "n_channels": 12}, n_colors=3),
        image_step,
        lambda: (levels(3, 4, 8),),
    ),
    "RowLSTM": Case(seeded(RowLSTM, **STACK), image_step, grey),
    "DiagonalBiLSTM": Case(seeded(DiagonalBiLSTM, **{**STACK, "kernel_size": 2}), image_step, grey),
    "GatedPixelCNN": Case(seeded(GatedPixelCNN, n_levels=3, **SMALL), image_step, grey),
    "GatedPixelCNN of colours": Case(
        seeded(GatedPixelCNN, n_levels=3, n_colors=2, **SMALL),
        image_step,
        lambda: (levels(2, 4, 8),),
    ),
    "GatedPixelCNN with labels": Case(
        seeded(GatedPixelCNN, n_levels=3, n_classes=3, **SMALL), image_step, labelled_grey
    ),
    "GatedPixelCNN with everything": Case(
        seeded(
            GatedPixelCNN,
            n_levels=3,
            n_classes=3,
            context_channels=2,
            coordinates=True,
            n_frequencies=1,
            ordered=False,
            **SMALL,
        ),
        context_step,
        lambda: (*labelled_grey(), torch.rand(N, 2, 4, 8)),
    ),
    "CodePrior of 1 dimension": prior(1, 9),
    "CodePrior of 2 dimensions": prior(2, 3, 4),
    "CodePrior of 3 dimensions": prior(3, 3, 3, 4),
    "TransformerPrior": Case(
        seeded(TransformerPrior, n_colors=2, n_classes=3, **TRANSFORMER),
        prior_step,
        lambda: (levels(2, 3, 4, n_levels=5, dtype=torch.long), labels()),
    ),
    "TransformerPrior without labels": Case(
        seeded(TransformerPrior, **TRANSFORMER),
        prior_step,
        lambda: (levels(3, 4, n_levels=5, dtype=torch.long),),
    ),
    "CodePrior without labels": prior(2, 3, 4, n_classes=None),
    "Autoencoder": Case(seeded(Autoencoder, **VECTOR, n_channels=2), image_step, grey),
    "GaussianVAE": vae(),
    "GaussianVAE with a PixelCNN": vae(pixelcnn=dict(SMALL)),
    "PixelCNNAutoencoder": Case(
        seeded(PixelCNNAutoencoder, **VECTOR, code_dim=2, encoder_channels=2, **SMALL),
        image_step,
        grey,
    ),
    "MSEAutoencoder": Case(
        seeded(MSEAutoencoder, **VECTOR, code_dim=2, encoder_channels=2), squared_step, grey
    ),
    "VQVAE by averages": vqvae(),
    "VQVAE by averages, no restarts": vqvae(restart_dead_codes=False),
    "VQVAE by gradient": vqvae(update="gradient"),
    "VQVAE by gradient, no restarts": vqvae(update="gradient", restart_dead_codes=False),
    "VQVAE with the rotation trick": vqvae(quantizer="rotation"),
    "VQVAE with FSQ": vqvae(quantizer="fsq", fsq_levels=(4, 3), n_codes=None, code_dim=None),
    "VQVAE with residual codes": vqvae(quantizer="residual"),
    "VQVAE of sounds": vqvae(lambda: (levels(1, 8),), n_dims=1),
    "VQVAE of clips": vqvae(lambda: (levels(1, 2, 4, 4),), n_dims=3),
    "VQVAE with a Gaussian decoder": vqvae(
        lambda: (torch.rand(N, 1, 4, 8),), field_step, n_levels=None
    ),
    "a stack of convolutions": Case(
        seeded(lambda: as_model(MaskedConv2d(1, 3, 3, mask_type="A"), n_levels=3)),
        image_step,
        grey,
    ),
}


def all_modules() -> set[type[nn.Module]]:
    """Every class of modules that the library defines, those of exercises left out."""
    found = set()
    for info in pkgutil.walk_packages(tutorial_lib.__path__, "tutorial_lib."):
        if info.name.split(".")[1] in ("exercises", "classroom", "__main__", "browser"):
            continue
        for _, value in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
            if issubclass(value, nn.Module) and value.__module__.startswith("tutorial_lib"):
                found.add(value)
    return found
