"""The commands below `train`: either stage or both, with the settings of a profile as defaults."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.extras import SubcommandApp

from tutorial_lib import recipes
from tutorial_lib.processes import main_first, say
from tutorial_lib.two_stage_settings import (
    PriorSettings,
    TwoStageSettings,
    VQVAESettings,
    presets,
)

Profile = Literal["smoke", "laptop", "gpu"]


def chosen_profile(arguments: Sequence[str]) -> str:
    """The profile named in the arguments, else the one in force; it sets the other defaults."""
    from tutorial_lib import profiles

    for i, argument in enumerate(arguments):
        named = re.fullmatch(r"--profile(?:=(.+))?", argument)
        if named:
            name = named[1] or (arguments[i + 1] if i + 1 < len(arguments) else "")
            return name if name in profiles.PROFILES else profiles.current()
    return profiles.current()


def train_app(arguments: Sequence[str]) -> SubcommandApp:
    """The stages as commands, with the defaults of the profile named in the arguments."""
    default_profile = chosen_profile(arguments)
    preset = presets(default_profile)
    app = SubcommandApp()

    @app.command
    def vqvae(
        out: Path,
        dataset: str = "fashion-mnist-sample",
        profile: Profile = default_profile,
        settings: Annotated[VQVAESettings, tyro.conf.arg(name="")] = preset.vqvae,
    ) -> None:
        """Stage one: encoder, codebook and decoder. Goes on if OUT holds an unfinished run."""
        _, history = recipes.train_vqvae(_dataset(dataset, profile), settings, out=out)
        _tell(history, out / "vqvae.safetensors")

    @app.command
    def prior(
        out: Path,
        dataset: str = "fashion-mnist-sample",
        profile: Profile = default_profile,
        settings: Annotated[PriorSettings, tyro.conf.arg(name="")] = preset.prior,
    ) -> None:
        """Stage two: a gated PixelCNN over the codes of OUT/vqvae.safetensors."""
        history = recipes.add_prior(_dataset(dataset, profile), settings, out)
        _tell(history, out / "two-stage.safetensors")

    @app.command(name="two-stage")
    def two_stage(
        out: Path,
        dataset: str = "fashion-mnist-sample",
        profile: Profile = default_profile,
        settings: Annotated[TwoStageSettings, tyro.conf.arg(name="")] = preset,
    ) -> None:
        """Both stages, then the held-out numbers into OUT/result.json."""
        _, result = recipes.train_two_stage(_dataset(dataset, profile), settings, out)
        if not result:
            say(f"Interrupted. The same command goes on from {out}.")
            return
        for name, value in result["test"].items():
            say(f"{name:32} {value:.4g}")
        say(f"Weights and result.json are in {out}.")

    return app


def _dataset(name: str, profile: str):
    """The data set, cut to a few batches in the smoke profile."""
    from tutorial_lib import data

    with main_first():
        dataset = data.load(name)
    return recipes.cut_for_smoke(dataset) if profile == "smoke" else dataset


def _tell(history, weights: Path) -> None:
    if not history.finished:
        say(f"Interrupted at step {history.step} of {history.n_steps}. The same command goes on.")
        return
    row = {**history.rows[-1], **(history.valid_rows[-1] if history.valid_rows else {})}
    for name, value in row.items():
        say(f"{name:32} {value:.4g}")
    say(f"Wrote {weights}.")
