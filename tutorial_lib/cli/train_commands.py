"""The commands below `train`: either stage or both, with the settings of a profile as defaults."""

# Without `from __future__ import annotations`: the classes of options are made when they are asked
# for, and only an annotation that is evaluated at once can name them.

import importlib.util
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

from tyro.conf import arg

from tutorial_lib.cli.option_types import maybe
from tutorial_lib.cli.train_options import (
    given_for,
    options_of_both,
    options_of_stage,
    settings_of_both,
    settings_of_stage,
    settled,
)
from tutorial_lib.contracts.plain import require_int
from tutorial_lib.data import catalog
from tutorial_lib.recipes.settings import TwoStageSettings, presets

Profile = Literal["smoke", "laptop", "gpu"]
Out = Annotated[
    Path,
    arg(help="Folder of the run, made if need be; an unfinished run in it goes on."),
]
Dataset = Annotated[str, arg(help="Data set of images; `data list` shows the names.")]
Levels = maybe(
    int, text="Put the levels of a pixel into so many equal groups.", default="as they are"
)
ProfileOption = Annotated[
    Profile,
    arg(help="Sets the other defaults: smoke (seconds, for a test), laptop (two cores), gpu."),
]


def chosen_profile(arguments: Sequence[str]) -> str:
    """The profile named in the arguments, else the one in force; it sets the other defaults."""
    name = None
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=True):
        named = re.fullmatch(r"--profile(?:=(.*))?", argument)
        if named:  # of several, the last counts, as of any option
            name = after if named[1] is None else named[1]
    return name if name in get_args(Profile) else _profile_in_force()


def _profile_in_force() -> str:
    """As profiles.current() has it, which needs torch; a torch without CUDA need not be asked."""
    named = os.environ.get("TUTORIAL_PROFILE", "").strip()
    if named in get_args(Profile):
        return named
    if not named and not _torch_is_built_for_a_gpu():
        return "laptop"
    from tutorial_lib import profiles

    return profiles.current()


def _torch_is_built_for_a_gpu() -> bool:
    """What torch/version.py says of CUDA and ROCm; True if it cannot be read."""
    try:
        found = importlib.util.find_spec("torch")
        text = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    except (AttributeError, OSError, TypeError, ValueError):
        return True
    return bool(re.search(r"^(cuda|hip)\b[^=\n]*=\s*['\"]", text, re.MULTILINE))


def train_commands(arguments: Sequence[str]) -> dict[str, Callable[..., None]]:
    """The stages as commands, with the defaults of the profile named in the arguments."""
    if list(arguments[:1]) != ["train"]:  # its name is wanted alone, for the list of commands
        return dict.fromkeys(("vqvae", "prior", "two-stage"), lambda: None)
    profile_ = chosen_profile(arguments)
    preset = presets(profile_, precision="no")  # settled once torch is there
    one, two, both = (
        options_of_stage(preset.vqvae),
        options_of_stage(preset.prior),
        options_of_both(preset),
    )
    defaults = (one(), two(), both())

    def vqvae(
        out: Out,
        dataset: Dataset = catalog.SAMPLE,
        n_levels: Levels = None,
        profile: ProfileOption = profile_,
        *,
        options: Annotated[one, arg(name="")] = defaults[0],
    ) -> None:
        """Stage one: encoder, codebook and decoder."""
        settings = settings_of_stage(preset.vqvae, vars(options))
        _require_images(dataset, n_levels)
        from tutorial_lib.recipes import two_stage as recipes
        from tutorial_lib.recipes.preconditions import require_writable

        require_writable(out)
        settings = settled(settings, vars(options), profile)
        _, history = recipes.train_vqvae(_images(dataset, profile, n_levels), settings, out=out)
        _tell(history, out / "vqvae.safetensors")

    def prior(
        out: Out,
        dataset: maybe(str, text="Data set of images.", default="that of stage one") = None,
        profile: ProfileOption = profile_,
        *,
        options: Annotated[two, arg(name="")] = defaults[1],
    ) -> None:
        """Stage two: a gated PixelCNN over the codes of OUT/vqvae.safetensors."""
        settings = settings_of_stage(preset.prior, vars(options))
        if dataset is not None:
            _require_images(dataset, None, settings.by_label)
        from tutorial_lib.recipes import two_stage as recipes
        from tutorial_lib.recipes.pretrained import stage_one_facts

        facts = stage_one_facts(out)
        name = dataset or (facts.dataset if facts else catalog.SAMPLE)
        _require_images(name, None, settings.by_label)
        images = _images(name, profile, facts.n_levels if facts else None)
        history = recipes.add_prior(images, settled(settings, vars(options), profile), out)
        _tell(history, out / "two-stage.safetensors")

    def two_stage(
        out: Out,
        dataset: Dataset = catalog.SAMPLE,
        n_levels: Levels = None,
        profile: ProfileOption = profile_,
        *,
        options: Annotated[both, arg(name="")] = defaults[2],
    ) -> None:
        """Both stages, then the held-out numbers into OUT/result.json."""
        settings = settings_of_both(preset, options)
        _require_images(dataset, n_levels, settings.prior.by_label)
        from tutorial_lib.recipes import two_stage as recipes
        from tutorial_lib.training.distributed import say

        stages = {
            name: settled(stage, given_for(options, name), profile)
            for name, stage in vars(settings).items()
        }
        images = _images(dataset, profile, n_levels)
        history, result = recipes.train_two_stage(images, TwoStageSettings(**stages), out)
        if not result:
            _interrupted(history, f" from {out}")
        for name, value in result["test"].items():
            say(f"{name:32} {value:.4g}")
        say(f"Weights and result.json are in {out}.")

    return {"vqvae": vqvae, "prior": prior, "two-stage": two_stage}


# --------------------------------------------------------------------- data, and what is told


def _require_images(name: str, n_levels: int | None, by_label: bool | None = None) -> None:
    """ValueError, before torch is loaded, for a data set that these commands cannot use."""
    entry = catalog.describe(name)
    if entry.kind != "images":
        raise ValueError(
            f"--dataset must name images, got {name!r}, which holds {entry.kind} of shape "
            f"{entry.example_shape}: chapter 15 trains on those"
        )
    if by_label and not entry.class_names:
        raise ValueError(f"--by-label yes asks for labels, but {name} has none: leave it out")
    if n_levels is not None and entry.n_levels % require_int("--n-levels", n_levels, at_least=2):
        raise ValueError(f"--n-levels must divide the {entry.n_levels} of {name}, got {n_levels}")


def _images(name: str, profile: str, n_levels: int | None):
    """The data set in so many levels, cut to a few batches in the smoke profile."""
    from tutorial_lib import data
    from tutorial_lib.recipes import two_stage as recipes
    from tutorial_lib.training.distributed import main_first

    with main_first():
        dataset = data.load(name)
    if n_levels is not None:
        dataset = dataset.with_n_levels(n_levels)
    return recipes.cut_for_smoke(dataset) if profile == "smoke" else dataset


def _tell(history, weights: Path) -> None:
    from tutorial_lib.training.distributed import say

    if not history.finished:
        _interrupted(history)
    row = {**history.rows[-1], **(history.valid_rows[-1] if history.valid_rows else {})}
    row["seconds/step"] = history.seconds / history.step
    for name, value in row.items():
        say(f"{name:32} {value:.4g}")
    say(f"Wrote {weights}.")


def _interrupted(history, where: str = "") -> None:
    """Say so, and end with the status of the signal that it was."""
    from tutorial_lib.training.distributed import say

    of = f" of {history.n_steps}" if history.n_steps else ""
    say(f"Interrupted at step {history.step}{of}. The same command goes on{where}.")
    raise SystemExit(128 + (history.stopped_by or signal.SIGINT))
