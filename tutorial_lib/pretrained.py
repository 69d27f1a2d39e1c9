"""Weights of models as safetensors files, and the ones shipped with the package.

A file holds the weights and, as JSON in its header, the class and arguments of the model. Only the
classes listed here are ever built, with arguments that pass their own checks; nothing is unpickled.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from torch import nn

from tutorial_lib.checkpoint import CheckpointError, read_tensors, write_tensors
from tutorial_lib.code_prior import CodePrior
from tutorial_lib.gated import GatedPixelCNN
from tutorial_lib.pixelcnn import PixelCNN
from tutorial_lib.pixelrnn import DiagonalBiLSTM, RowLSTM
from tutorial_lib.two_stage import TwoStageModel
from tutorial_lib.vae import Autoencoder, GaussianVAE
from tutorial_lib.vqvae import VQVAE

KNOWN = (
    PixelCNN,
    RowLSTM,
    DiagonalBiLSTM,
    GatedPixelCNN,
    CodePrior,
    Autoencoder,
    GaussianVAE,
    VQVAE,
)
CLASSES = {each.__name__: each for each in KNOWN}
SUFFIX = ".safetensors"


def describe(model: nn.Module) -> dict:
    """Class and arguments of a model, as JSON. TypeError for a class this library does not know."""
    if isinstance(model, TwoStageModel):
        parts = {"vqvae": describe(model.vqvae), "prior": describe(model.prior)}
        return {"class": "TwoStageModel", "parts": parts}
    name = type(model).__name__
    if name not in CLASSES:
        raise TypeError(f"cannot save a {name}: expected TwoStageModel or one of {sorted(CLASSES)}")
    return {"class": name, "config": model.config}


def build(description: dict) -> nn.Module:
    """An untrained model from `describe`. CheckpointError for anything else."""
    try:
        if description["class"] == "TwoStageModel":
            parts = description["parts"]
            return TwoStageModel(build(parts["vqvae"]), build(parts["prior"]))
        return CLASSES[description["class"]](**description["config"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"these weights describe no model of this library: {error}"
        ) from error


def save_weights(path: Path | str, model: nn.Module) -> None:
    """Write the weights of a model and what it takes to build it again."""
    write_tensors(Path(path), model.state_dict(), {"model": describe(model)})


def load_weights(path: Path | str) -> nn.Module:
    """The model of a file by `save_weights`, in eval mode on the CPU.

    Raises FileNotFoundError, or CheckpointError for a file that is damaged or of another kind.
    """
    tensors, header = read_tensors(Path(path))
    if "model" not in header:
        raise CheckpointError(f"{path} holds the state of a run, not the weights of a model")
    model = build(header["model"])
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {path} do not fit their model: {error}") from error
    return model.eval()


def available() -> tuple[str, ...]:
    """Names of the weights shipped with the package."""
    folder = resources.files("tutorial_lib") / "weights"
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(f.name.removesuffix(SUFFIX) for f in folder.iterdir() if f.name.endswith(SUFFIX))
    )


def load_pretrained(name: str) -> nn.Module:
    """A shipped model, in eval mode on the CPU. ValueError lists the names there are."""
    if name not in available():
        raise ValueError(f"no weights named {name!r}: there are {', '.join(available()) or 'none'}")
    with resources.as_file(resources.files("tutorial_lib") / "weights" / (name + SUFFIX)) as path:
        return load_weights(path)
