"""Options: how one is read and told, and those of `train`, made from its settings.

A setting has one plain name, whatever stage or class it belongs to. Where both stages have it, as
`--epochs`, `train two-stage` sets it for both, `--vqvae.epochs` and `--prior.epochs` for one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import field, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

from tutorial_lib.files import file_named
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings, VQVAESettings

WORDS = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH"}


def maybe(kind: Any, *, text: str | None = None, default: str = "") -> Any:
    """The annotation of an option of this type or Literal; None if it is not given.

    tyro would call an `int | None` "{None}|INT", and answer `abc` with the complaints of both.

    text      its help; None: that of the docstring
    default   what happens then, for the help
    """
    choices = get_args(kind) if get_origin(kind) is Literal else None
    base = get_args(kind)[0] if get_origin(kind) is Annotated else kind

    def read(words: list[str]) -> Any:
        try:
            return words[0] if choices else base(words[0])
        except ValueError:
            raise ValueError(f"expected {WORDS[base]}, got {words[0]!r}") from None

    spec = PrimitiveConstructorSpec(
        nargs=1,
        metavar="{" + ",".join(choices) + "}" if choices else WORDS[base],
        instance_from_str=read,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(value)],
        choices=choices,
    )
    hint = f"(default: {default})" if default else "(optional)"
    return Annotated[kind | None, spec, arg(help=text, help_behavior_hint=hint)]


def free_place(name: str, out: Path) -> Path:
    """For Annotated: OSError, before the work is done, if a file could not be written after it."""
    found = next(each for each in out.absolute().parents if each.exists())
    with file_named(out):
        if out.is_dir():
            raise IsADirectoryError(errno.EISDIR, "")
        if not found.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "")
        if not os.access(out if out.exists() else found, os.W_OK):
            raise PermissionError(errno.EACCES, "")
    return out


# ------------------------------------------------------------------------------------- of `train`

Stage = VQVAESettings | PriorSettings
SETTINGS = {
    "n_codes": (int, "Codes in the codebook, K."),
    "code_dim": (int, "Numbers in a code, D."),
    "downsample": (
        int,
        "Height and width of an image over those of its field of codes: a power of 2.",
    ),
    "beta": (float, "Weight of the commitment term in eq. 3."),
    "n_channels": (int, "Width of the network."),
    "n_blocks": (int, "Residual blocks in the encoder, and as many in the decoder."),
    "decoder": (
        Literal["auto", "categorical", "logistics"],
        "Likelihood of a pixel: a categorical over its levels, or a logistic, which is "
        "quicker for many levels; auto: logistics for colours in 64 levels or more.",
    ),
    "n_layers": (int, "Layers of the gated PixelCNN."),
    "kernel_size": (int, "Side of its kernels: odd, at least 3."),
    "by_label": (
        Literal["auto", "yes", "no"],
        "Whether it is told the class of an image; auto: if there are labels.",
    ),
    "epochs": (int, "Passes over the training images."),
    "minutes": (float, "Train for so many minutes, in the place of epochs."),
    "batch_size": (int, "Images in a step, over all processes together."),
    "learning_rate": (float, "Peak of the learning rate, after the warm-up."),
    "warmup": (float, "Share of all steps in which the learning rate rises."),
    "weight_decay": (float, "Of AdamW."),
    "clip_norm": (float, "Largest norm of a step's gradient."),
    "average": (
        float,
        "End with the mean of the weights over about this last share; 0: without.",
    ),
    "precision": (
        Literal["auto", "no", "bf16", "fp16"],
        "Of the training; auto: what is fast on this machine. no is float32.",
    ),
    "seed": (int, "Of weights and batches."),
}


def options_of(preset: Stage | TwoStageSettings) -> type:
    """A dataclass of options, each None unless it is given: then the preset decides."""
    if not isinstance(preset, TwoStageSettings):
        return make_dataclass("Options", _fields(_defaults(preset)), frozen=True)
    one, two = _defaults(preset.vqvae), _defaults(preset.prior)
    both = {name: "see below" for name in one if name in two}
    own = {name: default for name, default in {**one, **two}.items() if name not in both}
    alone = []
    for stage, number, defaults in (("vqvae", "one", one), ("prior", "two", two)):
        shared = {name: defaults[name] for name in both}
        group = make_dataclass(stage, _fields(shared, f" Of stage {number} alone."), frozen=True)
        alone.append((stage, group, field(default=group())))
    options = [*_fields(own), *_fields(both, " For both stages."), *alone]
    return make_dataclass("Options", options, frozen=True)


def _defaults(stage: Stage) -> dict[str, Any]:
    """{name: default} of the options of a stage and of its training, in order."""
    found = {**vars(stage), **vars(stage.fit), "precision": "auto"}
    return {name: "auto" if name == "by_label" else found[name] for name in found if name != "fit"}


def _fields(defaults: Mapping[str, Any], which: str = "") -> list[tuple]:
    """Fields for make_dataclass."""
    found = []
    for name, default in defaults.items():
        kind, text = SETTINGS[name]
        told = "" if default is None else str(default)
        found.append((name, maybe(kind, text=text + which, default=told), field(default=None)))
    return found


def with_options(preset: Stage | TwoStageSettings, options: Any) -> Stage | TwoStageSettings:
    """The settings with the options that were given; one for a stage alone wins."""
    given = vars(options)
    if not isinstance(preset, TwoStageSettings):
        return _stage_with(preset, given)
    stages = {
        name: _stage_with(stage, given | _given(vars(given[name])))
        for name, stage in vars(preset).items()
    }
    return TwoStageSettings(**stages)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, "auto")}


def _stage_with(stage: Stage, options: Mapping[str, Any]) -> Stage:
    given = _given(options)
    if "by_label" in given:
        given["by_label"] = given["by_label"] == "yes"
    own, fit = (
        {name: value for name, value in given.items() if name in vars(part)}
        for part in (stage, stage.fit)
    )
    return replace(stage, **own, fit=replace(stage.fit, **fit))
