"""Options: how one is read and told, and those of `train`, made from its settings.

A setting has one plain name, whatever stage or class it belongs to. Where both stages have it, as
`--epochs`, `train two-stage` sets it for both, `--vqvae.epochs` and `--prior.epochs` for one.
"""

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import field, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

from tutorial_lib.files import file_named
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings, VQVAESettings


class Levels(tuple):
    """Numbers of levels from a word such as 8x5x5."""

    def __new__(cls, word: str):
        return super().__new__(cls, (int(each) for each in word.lower().split("x")))


WORDS = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH", Levels: "8x5x5"}


def maybe(kind: Any, *, text: str | None = None, default: str = "", name: str = "") -> Any:
    """The annotation of an option of this type or Literal; None if it is not given.

    tyro would call an `int | None` "{None}|INT", and answer `abc` with the complaints of both.

    text      its help; None: that of the docstring
    default   what happens then, for the help
    name      of the option, if it is not that of the field
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
    name = name or None
    return Annotated[kind | None, spec, arg(name=name, help=text, help_behavior_hint=hint)]


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
RENAMED = {"network": "prior"}  # where the option has another name than the setting
SETTINGS = {
    "quantizer": (
        Literal["codebook", "rotation", "fsq", "residual"],
        "What makes an image discrete: a codebook; the same with the rotation trick; fsq, each "
        "number rounded to a few levels; residual, several codes at a place.",
    ),
    "fsq_levels": (Levels, "Levels of each number, as 8x5x5, for --quantizer fsq."),
    "depth": (int, "Codes at a place, for --quantizer residual."),
    "network": (
        Literal["gated", "transformer"],
        "Network of the prior: the gated PixelCNN, or a transformer.",
    ),
    "n_codes": (int, "Codes in the codebook, K; those of fsq follow from --fsq-levels."),
    "code_dim": (int, "Numbers in a code, D; of fsq as many as --fsq-levels has."),
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
    "n_layers": (int, "Layers of the gated PixelCNN, or of the transformer."),
    "kernel_size": (int, "Side of the gated PixelCNN's kernels: odd, at least 3."),
    "n_heads": (int, "Heads of the transformer's attention; they divide --n-channels."),
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


def options_of(preset: Stage | TwoStageSettings, *, without: Sequence[str] = ()) -> type:
    """A dataclass of options, each None unless it is given: then the preset decides.

    without   settings that have no option
    """
    if not isinstance(preset, TwoStageSettings):
        told = {k: v for k, v in _defaults(preset).items() if k not in without}
        return make_dataclass("Options", _fields(told), frozen=True)
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
        default = "x".join(map(str, default)) if kind is Levels else default
        told = "" if default is None else str(default)
        option = maybe(kind, text=text + which, default=told, name=RENAMED.get(name, ""))
        found.append((name, option, field(default=None)))
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
    of_codebook = {"n_codes", "code_dim"} & given.keys()
    if of_codebook and given.get("quantizer") == "fsq":
        option = "--" + min(of_codebook).replace("_", "-")
        raise ValueError(f"{option} follows from --fsq-levels with --quantizer fsq: leave it out")
    if "by_label" in given:
        given["by_label"] = given["by_label"] == "yes"
    own, fit = (
        {name: value for name, value in given.items() if name in vars(part)}
        for part in (stage, stage.fit)
    )
    return replace(stage, **own, fit=replace(stage.fit, **fit))
