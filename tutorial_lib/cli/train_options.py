"""The options of `train`: made from the settings, one plain name and one sentence for each.

A setting has one plain name, whatever stage or class it belongs to. Where both stages have it, as
`--epochs`, `train two-stage` sets it for both, `--vqvae.epochs` and `--prior.epochs` for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, make_dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

from tutorial_lib.cli.option_types import WORDS, maybe
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings, VQVAESettings
from tutorial_lib.training.config import FitConfig

Precision = Literal["auto", "no", "bf16", "fp16"]
ByLabel = Literal["auto", "yes", "no"]
SAYS = {
    "n_codes": "Codes in the codebook, K.",
    "code_dim": "Numbers in a code, D.",
    "downsample": "Height and width of an image over those of its field of codes: a power of 2.",
    "beta": "Weight of the commitment term in eq. 3.",
    "n_channels": "Width of the network.",
    "n_blocks": "Residual blocks in the encoder, and as many in the decoder.",
    "n_layers": "Layers of the prior.",
    "kernel_size": "Side of the prior's kernels: odd, at least 3.",
    "by_label": "Whether the prior is told the class of an image; auto: if there are labels.",
    "epochs": "Passes over the training images.",
    "minutes": "Train for so many minutes, in the place of epochs.",
    "batch_size": "Images in a step, over all processes together.",
    "learning_rate": "Peak of the learning rate, after the warm-up.",
    "warmup": "Share of all steps in which the learning rate rises.",
    "weight_decay": "Of AdamW.",
    "clip_norm": "Largest norm of a step's gradient.",
    "average": "End with the mean of the weights over about this last share; 0: without.",
    "precision": "Of the training; auto: what is fast on this machine. no is float32.",
    "seed": "Of weights and batches.",
}

# ----------------------------------------------------------------- from settings to options


def _flat(settings: VQVAESettings | PriorSettings) -> dict[str, tuple[Any, Any]]:
    """{name: (type, value)} of a stage's settings and of its training, in order, as options."""
    found = {}
    for part in (settings, settings.fit):
        types = get_type_hints(type(part))
        for each in fields(part):
            if each.name != "fit":
                found[each.name] = (types[each.name], getattr(part, each.name))
    found["precision"] = (Precision, "auto")
    if "by_label" in found:
        found["by_label"] = (ByLabel, "auto")
    return found


def options_of_stage(settings: VQVAESettings | PriorSettings) -> type:
    """A dataclass of the options of one stage: None where the profile decides."""
    return make_dataclass(
        f"{type(settings).__name__}Options",
        [_option(name, kind, SAYS[name], value) for name, (kind, value) in _flat(settings).items()],
        frozen=True,
    )


def options_of_both(preset: TwoStageSettings) -> type:
    """A dataclass of the options of both stages: None where the profile decides."""
    stages = {name: _flat(stage) for name, stage in vars(preset).items()}
    shared = [name for name in stages["vqvae"] if name in stages["prior"]]
    groups, own = [], []
    for number, (stage, found) in zip(("one", "two"), stages.items(), strict=True):
        alone = [
            _option(name, found[name][0], f"{SAYS[name]} Of stage {number} alone.", found[name][1])
            for name in shared
        ]
        group = make_dataclass(f"{stage.title()}Options", alone, frozen=True)
        groups.append((stage, group, field(default=group())))
        own += [
            _option(name, kind, SAYS[name], value)
            for name, (kind, value) in found.items()
            if name not in shared
        ]
    for_both = [
        _option(name, stages["vqvae"][name][0], f"{SAYS[name]} For both stages.", "see below")
        for name in shared
    ]
    return make_dataclass("TwoStageOptions", [*own, *for_both, *groups], frozen=True)


def _option(name: str, kind: Any, text: str, default: object) -> tuple:
    """A field for make_dataclass, which is None unless the option is given."""
    kind = next((each for each in get_args(kind) if each in WORDS), kind)  # of float | None: float
    told = "" if default is None else str(default)
    return name, maybe(kind, text=text, default=told), field(default=None)


# ----------------------------------------------------------------- from options to settings


def settings_of_both(preset: TwoStageSettings, options: Any) -> TwoStageSettings:
    """The settings of both stages."""
    stages = {
        name: settings_of_stage(settings, given_for(options, name))
        for name, settings in vars(preset).items()
    }
    return TwoStageSettings(**stages)


def given_for(options: Any, stage: str) -> dict[str, Any]:
    """What was given for a stage: for it alone, which wins, or for both."""
    layers = [vars(options), vars(getattr(options, stage))]
    return {name: v for layer in layers for name, v in layer.items() if v is not None}


def settings_of_stage(settings: Any, options: Mapping[str, Any]) -> Any:
    """The settings of a stage with these options; precision "auto" is settled later."""
    known = _flat(settings)
    given = {k: v for k, v in options.items() if k in known and v not in (None, "auto")}
    if "by_label" in given:
        given["by_label"] = given["by_label"] == "yes"
    names = {each.name for each in fields(FitConfig)}
    fit = replace(settings.fit, **{k: v for k, v in given.items() if k in names})
    return replace(settings, **{k: v for k, v in given.items() if k not in names}, fit=fit)


def settled(settings: Any, options: Mapping[str, Any], profile: str) -> Any:
    """In the precision that is fast here, unless one was asked for; a test takes float32."""
    if options.get("precision") not in (None, "auto") or profile == "smoke":
        return settings
    from tutorial_lib import profiles

    return replace(settings, fit=replace(settings.fit, precision=profiles.fast_precision()))
