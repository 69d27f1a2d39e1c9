"""What is trained on what, and how: settings of models of pixels and of the two stages.

Light: without torch, so that the command line can be told what is wrong at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Annotated, Literal, get_args

from tutorial_lib.contracts import (
    Count,
    Kernel,
    Natural,
    Positive,
    Several,
    at_least,
    check_fields,
    checked,
    that,
)
from tutorial_lib.training.config import FitConfig

ModelName = Literal[
    "PixelCNN",
    "RowLSTM",
    "DiagonalBiLSTM",
    "GatedPixelCNN",
    "CodePrior",
    "TransformerPrior",
    "Autoencoder",
    "GaussianVAE",
    "VQVAE",
]
MODELS = get_args(ModelName)
Levels = Annotated[
    tuple[Annotated[int, at_least(3)], ...], that(len, "hold a number of levels for each axis")
]
PowerOf2 = Annotated[Count, that(lambda n: n & (n - 1) == 0, "be a power of 2")]
Profile = Literal["smoke", "laptop", "gpu"]
Decoder = Literal["auto", "categorical", "logistics"]
Quantizer = Literal["codebook", "rotation", "fsq", "residual"]
Network = Literal["gated", "transformer"]
N_MIXTURES = 1  # logistics for a sub-pixel; the centre of ten, each for all colours, is often grey


@dataclass(frozen=True)
class ImageModelRecipe:
    """A model of pixels as a named result.

    model       name of a class of the library: PixelCNN, GatedPixelCNN, GaussianVAE, ...
    arguments   its keyword arguments, without n_levels, n_colors, n_classes and size: the data give
                these
    n_levels    levels of the images; a data set of more is coarsened to as many
    by_label    the model is told the class of each image
    """

    title: str
    dataset: str
    n_levels: Several
    fit: FitConfig
    model: ModelName = "GatedPixelCNN"
    arguments: Mapping[str, int | bool | str] = field(default_factory=dict)
    by_label: bool = False

    __post_init__ = check_fields


@dataclass(frozen=True)
class VQVAESettings:
    """Stage one: the shape of the codes, the width of the network, the training.

    quantizer   "codebook"; "rotation", the same with the rotation trick; "fsq", whose n_codes and
                code_dim follow from fsq_levels; "residual", `depth` codes at each place
    """

    quantizer: Quantizer = "codebook"
    n_codes: Count = 128
    code_dim: Count = 32
    fsq_levels: Levels = (8, 5, 5)
    depth: Count = 2
    downsample: PowerOf2 = 4
    beta: Positive = 0.25  # weight of the commitment term in eq. 3
    n_channels: Several = 64
    n_blocks: Natural = 2
    decoder: Decoder = "auto"  # of p(x|z); auto: logistics for colours in many levels
    fit: FitConfig = field(default_factory=FitConfig)

    __post_init__ = check_fields

    @property
    def all_codes(self) -> int:
        """K, of whatever quantizer."""
        return prod(self.fsq_levels) if self.quantizer == "fsq" else self.n_codes

    @property
    def codes_at_a_place(self) -> int:
        """M of residual codes, and 1 of all others."""
        return self.depth if self.quantizer == "residual" else 1

    def n_mixtures(self, n_colors: int, n_levels: int) -> int | None:
        """Logistics of the decoder for images of so many colours and levels; None: categorical."""
        if self.decoder == "auto":
            return N_MIXTURES if n_colors > 1 and n_levels >= 64 else None
        return N_MIXTURES if self.decoder == "logistics" else None


@dataclass(frozen=True)
class PriorSettings:
    """A gated PixelCNN: over the codes, as stage two, or over pixels; or a transformer, over codes.

    kernel_size   of the gated PixelCNN alone
    n_heads       of the transformer alone
    by_label      whether it is told the class of each image; None: if the data have labels
    """

    network: Network = "gated"
    n_channels: Count = 64
    n_layers: Count = 8
    kernel_size: Kernel = 3
    n_heads: Count = 4
    by_label: bool | None = None
    fit: FitConfig = field(default_factory=FitConfig)

    __post_init__ = check_fields


@dataclass(frozen=True)
class TwoStageSettings:
    """Both stages."""

    vqvae: VQVAESettings = field(default_factory=VQVAESettings)
    prior: PriorSettings = field(default_factory=PriorSettings)

    __post_init__ = check_fields


@dataclass(frozen=True)
class TwoStageRecipe:
    """Both stages as a named result: on what data, in how many levels, with which settings."""

    title: str
    dataset: str
    n_levels: Several
    settings: TwoStageSettings

    __post_init__ = check_fields

    model = "two-stage"  # as in the JSON of a result


@checked
def pixel_presets(
    profile: Profile, *, precision: Literal["no", "bf16", "fp16"] = "no"
) -> PriorSettings:
    """Settings of a gated PixelCNN over pixels, for a profile."""
    fit = FitConfig(
        epochs=12,
        batch_size=16,
        learning_rate=4e-3,
        weight_decay=0.02,
        average=0.1,
        precision=precision,
    )
    if profile == "smoke":
        return PriorSettings(n_channels=12, n_layers=2, fit=replace(fit, epochs=1, average=0.0))
    if profile == "laptop":
        return PriorSettings(n_channels=48, n_layers=6, kernel_size=5, fit=fit)
    fit = replace(fit, epochs=60, batch_size=64, learning_rate=2e-3)
    return PriorSettings(n_channels=96, n_layers=12, kernel_size=5, fit=fit)


@checked
def presets(
    profile: Profile, *, precision: Literal["no", "bf16", "fp16"] | None = None
) -> TwoStageSettings:
    """Settings of a profile: smoke (seconds), laptop (minutes on two cores), gpu (full length).

    precision   None: the one in which this device is fast, and float32 for smoke
    """
    if profile == "smoke":
        tiny = FitConfig(epochs=1, batch_size=16, learning_rate=2e-3, precision=precision or "no")
        return TwoStageSettings(
            VQVAESettings(n_codes=16, code_dim=8, n_channels=16, n_blocks=1, fit=tiny),
            PriorSettings(n_channels=16, n_layers=3, fit=tiny),
        )
    if precision is None:
        from tutorial_lib import profiles  # imports torch, and asks the GPU

        precision = profiles.fast_precision()
    if profile == "laptop":
        fit = FitConfig(learning_rate=2e-3, precision=precision)
        return TwoStageSettings(
            VQVAESettings(fit=replace(fit, epochs=4)), PriorSettings(fit=replace(fit, epochs=7))
        )
    fit = FitConfig(batch_size=128, precision=precision)
    return TwoStageSettings(
        VQVAESettings(n_channels=128, fit=replace(fit, epochs=40)),
        PriorSettings(n_channels=128, n_layers=12, fit=replace(fit, epochs=60)),
    )
