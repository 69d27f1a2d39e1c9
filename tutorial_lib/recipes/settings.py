"""Settings of the two stages: codes, networks, training; named results; presets of profiles."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tutorial_lib.contracts.plain import (
    check_kernel,
    require_bool,
    require_instance,
    require_int,
    require_positive,
    require_text,
    store_plain,
)
from tutorial_lib.training.config import FitConfig


@dataclass(frozen=True)
class VQVAESettings:
    """Stage one: the shape of the codes, the width of the network, the training."""

    n_codes: int = 128
    code_dim: int = 32
    downsample: int = 4
    beta: float = 0.25  # weight of the commitment term in eq. 3
    n_channels: int = 64
    n_blocks: int = 2
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self):
        store_plain(self)
        for name in ("n_codes", "code_dim", "downsample"):
            require_int(name, getattr(self, name), at_least=1)
        if self.downsample & (self.downsample - 1):
            raise ValueError(f"downsample must be a power of 2, got {self.downsample}")
        require_positive("beta", self.beta)
        require_int("n_channels", self.n_channels, at_least=2)
        require_int("n_blocks", self.n_blocks, at_least=0)
        require_instance("fit", self.fit, FitConfig)


@dataclass(frozen=True)
class PriorSettings:
    """Stage two: the gated PixelCNN over the codes.

    by_label   whether it is told the class of each image; None: if the data have labels
    """

    n_channels: int = 64
    n_layers: int = 8
    kernel_size: int = 3
    by_label: bool | None = None
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self):
        store_plain(self)
        require_int("n_channels", self.n_channels, at_least=1)
        require_int("n_layers", self.n_layers, at_least=1)
        check_kernel("kernel_size", self.kernel_size)
        if self.by_label is not None:
            require_bool("by_label", self.by_label)
        require_instance("fit", self.fit, FitConfig)


@dataclass(frozen=True)
class TwoStageSettings:
    """Both stages."""

    vqvae: VQVAESettings = field(default_factory=VQVAESettings)
    prior: PriorSettings = field(default_factory=PriorSettings)

    def __post_init__(self):
        store_plain(self)
        require_instance("vqvae", self.vqvae, VQVAESettings)
        require_instance("prior", self.prior, PriorSettings)


@dataclass(frozen=True)
class TwoStageRecipe:
    """Both stages as a named result: on what data, in how many levels, with which settings."""

    title: str
    dataset: str
    n_levels: int
    settings: TwoStageSettings

    def __post_init__(self):
        store_plain(self)
        require_text("title", self.title)
        require_text("dataset", self.dataset)
        require_int("n_levels", self.n_levels, at_least=2)
        require_instance("settings", self.settings, TwoStageSettings)

    @property
    def model(self) -> str:
        """As in the JSON of a result."""
        return "two-stage"


def presets(profile: str, *, precision: str | None = None) -> TwoStageSettings:
    """Settings of a profile: smoke (seconds), laptop (minutes on two cores), gpu (full length).

    precision   None: the one in which this device is fast, and float32 for smoke
    """
    if require_text("profile", profile) == "smoke":
        tiny = FitConfig(epochs=1, batch_size=16, learning_rate=2e-3, precision=precision or "no")
        return TwoStageSettings(
            VQVAESettings(n_codes=16, code_dim=8, n_channels=16, n_blocks=1, fit=tiny),
            PriorSettings(n_channels=16, n_layers=3, fit=tiny),
        )
    if profile not in ("laptop", "gpu"):
        raise ValueError(f"there are presets for smoke, laptop and gpu, got profile={profile!r}")
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
