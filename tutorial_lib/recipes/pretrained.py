"""Weights of models as safetensors files, and the ones shipped with the package.

A file holds the weights and, as JSON in its header, the class and arguments of the model. Only the
classes listed here are ever built, with arguments that pass their own checks; nothing is unpickled.
"""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from tutorial_lib import codes, pixels
from tutorial_lib.codes.run_facts import RunFacts, facts_from_json
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts import checked, did_you_mean, unwrapped
from tutorial_lib.data.catalog import facts_by_name
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.recipes.settings import MODELS
from tutorial_lib.recipes.weights_shelf import SUFFIX, available, facts_by_file_name, told_facts
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors

CLASSES = {each: getattr(codes if each in codes.__all__ else pixels, each) for each in MODELS}
Model = TypeVar("Model", bound=nn.Module)


@checked
def describe(model: nn.Module) -> dict:
    """Class and arguments of a model, as JSON. TypeError for a class this library does not know."""
    model = unwrapped(model)
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
        if description["class"] == "TwoStageModel":
            parts = description["parts"]
            return TwoStageModel(build(parts["vqvae"]), build(parts["prior"]))
        told = description["config"].items()  # JSON knows no tuples
        settings = {name: tuple(v) if isinstance(v, list) else v for name, v in told}
        return CLASSES[description["class"]](**settings)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"these weights describe no model of this library: {error} ({description!r:.200})"
        ) from error


@checked
def save_weights(path: Path | str, model: nn.Module) -> None:
    """Write the weights of a model, what it takes to build it again and, if known, its facts.

    The facts (`run_facts`) tell on which data it was trained; they are the attribute `facts`.
    """
    header, model = {"model": describe(model)}, unwrapped(model)
    facts = getattr(model, "facts", None)
    if facts is not None:
        header["facts"] = facts.as_json()
    write_tensors(path, model.state_dict(), header)


@checked
def load_weights(path: Path | str) -> nn.Module:
    """The model of a file by `save_weights`, in eval mode on the CPU.

    Its attribute `facts` tells on which data it was trained, or is None where nobody knows.

    Raises FileNotFoundError, or CheckpointError for a file that is damaged or of another kind.
    """
    tensors, header = read_tensors(path)
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


@checked
def load_pretrained(name: str) -> nn.Module:
    """A shipped model, in eval mode on the CPU. ValueError lists the names there are."""
    if name not in available():
        near = did_you_mean(name, available())
        names = ", ".join(available()) or "none"
        raise ValueError(f"no weights named {name!r}.{near} There are: {names}.")
    with resources.as_file(resources.files(__package__) / "weights" / (name + SUFFIX)) as path:
        return load_weights(path)


# ------------------------------------------------------------------------ the folder of a run


@checked
def load_run(folder: Path | str) -> TwoStageModel:
    """The finished two-stage model of a run folder, in eval mode on the CPU.

    Its `facts` are those stored with the weights; of a run by an earlier version, what result.json
    and the catalog of data sets say; None if neither does.
    """
    weights = _finished(folder, "two-stage", "two-stage model")
    model = _load(weights, TwoStageModel)
    if model.facts is None and model.vqvae.n_levels:
        try:
            told = json.loads((folder / "result.json").read_text("utf-8"))
            model.facts = facts_by_name(told["dataset"], model.vqvae.n_levels)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # nobody knows: whoever draws must say the shape
    return model


@checked
def load_stage_one(folder: Path | str) -> VQVAE:
    """The VQVAE of a run folder whose stage one has finished, in eval mode on the CPU."""
    return _load(_finished(folder, "vqvae", "stage one"), VQVAE)


@checked
def stage_one_facts(folder: Path | str) -> RunFacts | None:
    """What the finished stage one was trained on; None if it is older and does not say."""
    return told_facts(_finished(folder, "vqvae", "stage one"))


def _finished(folder: Path, name: str, what: str) -> Path:
    """The weights of that name in a run folder; FileNotFoundError says how to train them."""
    weights = folder / (name + SUFFIX)
    if not weights.exists():
        raise FileNotFoundError(
            f"{folder} holds no finished {what} (no {weights.name}): train it with "
            f"`python -m tutorial_lib train {name} --out {folder}`"
        )
    return weights


def _load(weights: Path, kind: type[Model]) -> Model:
    model = load_weights(weights)
    if not isinstance(model, kind):
        raise CheckpointError(f"{weights} holds a {type(model).__name__}, not a {kind.__name__}")
    return model
