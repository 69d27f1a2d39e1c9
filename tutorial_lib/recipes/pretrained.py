"""Weights of models as safetensors files, and the ones shipped with the package.

A file holds the weights and, as JSON in its header, the class and arguments of the model. Only the
classes listed here are ever built, with arguments that pass their own checks; nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from tutorial_lib.codes.code_prior import CodePrior
from tutorial_lib.codes.run_facts import RunFacts, facts_from_json
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vae import Autoencoder, GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts.plain import require_instance, require_path, require_text, unwrapped
from tutorial_lib.contracts.suggestions import did_you_mean
from tutorial_lib.contracts.validation import require_model
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.pixels.pixelrnn import DiagonalBiLSTM, RowLSTM
from tutorial_lib.recipes.weights_shelf import SUFFIX, available, facts_by_file_name
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors

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


def describe(model: nn.Module) -> dict:
    """Class and arguments of a model, as JSON. TypeError for a class this library does not know."""
    model = unwrapped(require_model("model", model))
    if isinstance(model, TwoStageModel):
        parts = {"vqvae": describe(model.vqvae), "prior": describe(model.prior)}
        return {"class": "TwoStageModel", "parts": parts}
    name = type(model).__name__
    if name not in CLASSES:
        raise TypeError(
            f"cannot save a {name}: expected TwoStageModel or one of {sorted(CLASSES)} as the model"
        )
    return {"class": name, "config": settings_of(model)}


def build(description: dict) -> nn.Module:
    """An untrained model from `describe`. CheckpointError for anything else."""
    try:
        require_instance("the description", description, dict)
        if description["class"] == "TwoStageModel":
            parts = description["parts"]
            return TwoStageModel(build(parts["vqvae"]), build(parts["prior"]))
        return CLASSES[description["class"]](**description["config"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"these weights describe no model of this library: {error} ({description!r:.200})"
        ) from error


def save_weights(path: Path | str, model: nn.Module) -> None:
    """Write the weights of a model, what it takes to build it again and, if known, its facts.

    The facts (`run_facts`) tell on which data it was trained; they are the attribute `facts`.
    """
    header, model = {"model": describe(model)}, unwrapped(model)
    facts = getattr(model, "facts", None)
    if facts is not None:
        header["facts"] = require_instance("facts", facts, RunFacts).as_json()
    write_tensors(require_path("path", path), model.state_dict(), header)


def load_weights(path: Path | str) -> nn.Module:
    """The model of a file by `save_weights`, in eval mode on the CPU.

    Its attribute `facts` tells on which data it was trained, or is None where nobody knows.

    Raises FileNotFoundError, or CheckpointError for a file that is damaged or of another kind.
    """
    tensors, header = read_tensors(require_path("path", path))
    if "model" not in header:
        raise CheckpointError(f"{path} holds the state of a run, not the weights of a model")
    _require_fitting(path, header["model"], tensors)
    model = build(header["model"])
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {path} do not fit their model: {error}") from error
    model.facts = _facts(path, header, model)
    return model.eval()


def _facts(path: Path | str, header: dict, model: nn.Module) -> RunFacts | None:
    """The facts in the header, or those of shipped weights of that name that have none."""
    part = model.vqvae if isinstance(model, TwoStageModel) else model
    n_levels = getattr(part, "n_levels", None)
    try:
        facts = facts_from_json(header["facts"]) if "facts" in header else facts_by_file_name(path)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the facts in {path} are none: {error}") from error
    if facts is None:
        return None
    n_channels = getattr(part, "in_channels", getattr(part, "n_colors", facts.shape[0]))
    there = (getattr(part, "n_dims", facts.n_dims), n_channels, n_levels or facts.n_levels)
    told = (facts.n_dims, facts.shape[0], facts.n_levels)
    if there != told and "facts" not in header:
        return None  # another model under the name of a shipped one
    if there != told:
        raise CheckpointError(
            f"the facts in {path} do not fit its model: axes, channels and levels are {told}, the "
            f"model has {there}"
        )
    return facts


def _require_fitting(path: Path | str, description: object, tensors: dict[str, Tensor]) -> None:
    """CheckpointError for a model that these tensors can't fill, before it takes up any memory.

    A file from elsewhere may describe a model of any size. No size in a description is larger than
    the number of stored numbers, no number of layers larger than that of tensors.
    """
    n_numbers = max(1024, sum(tensor.numel() for tensor in tensors.values()))
    for name, value in _sizes(description):
        most = len(tensors) if name == "n_layers" else n_numbers
        if value > most:
            raise CheckpointError(f"the weights in {path} do not fit their model: {name} = {value}")
    with torch.device("meta"):
        wanted = build(description).state_dict()
    flags = {name for name, tensor in wanted.items() if tensor.dtype == torch.bool}
    for name in sorted(wanted.keys() - flags | tensors.keys()):  # older files hold no flags
        shapes = [tuple(each[name].shape) if name in each else None for each in (tensors, wanted)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"the weights in {path} do not fit their model: {name} is {shapes[0]} in the file, "
                f"{shapes[1]} in the model"
            )


def _sizes(description: object) -> Iterator[tuple[str, int]]:
    """(name, number) of every whole number in a description, at any depth."""
    pairs = description.items() if isinstance(description, dict) else ()
    for name, value in pairs:
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(each, dict):
                yield from _sizes(each)
            elif isinstance(each, int):
                yield str(name), each


def load_pretrained(name: str) -> nn.Module:
    """A shipped model, in eval mode on the CPU. ValueError lists the names there are."""
    if require_text("name", name) not in available():
        near = did_you_mean(name, available())
        names = ", ".join(available()) or "none"
        raise ValueError(f"no weights named {name!r}.{near} There are: {names}.")
    with resources.as_file(resources.files(__package__) / "weights" / (name + SUFFIX)) as path:
        return load_weights(path)
