"""The commands below `train`: either stage or both, with the settings of a profile as defaults."""

# Without `from __future__ import annotations`: the classes of options are made when they are asked
# for, and only an annotation that is evaluated at once can name them.

import argparse
import importlib.util
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

from tyro.conf import arg

from tutorial_lib.cli.options import maybe, options_of, with_options
from tutorial_lib.cli.source import Source, source_of_run
from tutorial_lib.contracts import Count, Several
from tutorial_lib.data import catalog
from tutorial_lib.recipes.settings import Profile, pixel_presets, presets

Out = Annotated[
    Path, arg(help="Folder of the run, made if need be; an unfinished run in it goes on.")
]
Dataset = Annotated[str, arg(help="Data set of images; `data list` shows the names.")]
Images = maybe(
    Path,
    text="Folder of your own pictures, in the place of a data set; sub-folders are classes.",
    default="the data set",
)
Side = Annotated[Count, arg(help="Height and width that pictures of --images are brought to.")]
Colors = Annotated[Literal[1, 3], arg(help="Of pictures of --images: 1 is grey, 3 in colour.")]
SameDataset = maybe(str, text="Data set of images.", default="that of stage one")
Levels = maybe(
    Several, text="Put the levels of a pixel into so many equal groups.", default="as they are"
)
ProfileOption = Annotated[
    Profile,
    arg(help="Sets the other defaults: smoke (seconds, for a test), laptop (two cores), gpu."),
]


def chosen_profile(arguments: Sequence[str]) -> str:
    """The profile named in the arguments, else the one in force; it sets the other defaults."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", nargs="?")
    name = parser.parse_known_args(arguments)[0].profile  # of several, the last counts
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
    """The stages as commands, with the defaults of the profile named in the arguments.

    A command first looks at all it is told, then loads torch and asks which precision is fast.
    """
    if list(arguments[:1]) != ["train"]:  # its name is wanted alone, for the list of commands
        return dict.fromkeys(("pixels", "vqvae", "prior", "two-stage"), lambda: None)
    named = chosen_profile(arguments)
    light = presets(named, precision="no")
    one, two, both = options_of(light.vqvae), options_of(light.prior), options_of(light)
    light_pixels = pixel_presets(named)
    of_pixels = options_of(light_pixels, without=("network", "n_heads"))
    defaults = (one(), two(), both(), of_pixels())

    def pixels(
        out: Out,
        dataset: Dataset = catalog.SAMPLE,
        images: Images = None,
        side: Side = 32,
        colors: Colors = 3,
        n_levels: Levels = None,
        profile: ProfileOption = named,
        *,
        options: Annotated[of_pixels, arg(name="")] = defaults[3],
    ) -> None:
        """A gated PixelCNN over the pixels themselves, then the held-out numbers."""
        source = Source(dataset, images, side, colors, n_levels)
        source.require(with_options(light_pixels, options))
        from tutorial_lib import profiles
        from tutorial_lib.recipes import image_model as recipes

        settings = with_options(
            pixel_presets(profile, precision=profiles.fast_precision()), options
        )
        loaded = source.load(profile)
        recipe = recipes.recipe_over_pixels(loaded, settings)
        history, result = recipes.train_image_model(recipe, loaded, out)
        if not result:
            _interrupted(history, f" from {out}")
        _tell_numbers(result["test"], f"Weights and result.json are in {out}.")

    def vqvae(
        out: Out,
        dataset: Dataset = catalog.SAMPLE,
        images: Images = None,
        side: Side = 64,
        colors: Colors = 3,
        n_levels: Levels = None,
        profile: ProfileOption = named,
        *,
        options: Annotated[one, arg(name="")] = defaults[0],
    ) -> None:
        """Stage one: encoder, codebook and decoder."""
        source = Source(dataset, images, side, colors, n_levels)
        source.require(with_options(light.vqvae, options))
        from tutorial_lib.recipes import two_stage as recipes
        from tutorial_lib.recipes.preconditions import require_writable

        require_writable(out)
        settings = with_options(presets(profile).vqvae, options)
        _, history = recipes.train_vqvae(source.load(profile), settings, out=out)
        _tell(history, out / "vqvae.safetensors")

    def prior(
        out: Out,
        dataset: SameDataset = None,
        images: Images = None,
        profile: ProfileOption = named,
        *,
        options: Annotated[two, arg(name="")] = defaults[1],
    ) -> None:
        """Stage two: a prior over the codes of OUT/vqvae.safetensors."""
        settings = with_options(light.prior, options)
        if dataset is not None:
            Source(dataset).require(settings)
        from tutorial_lib.recipes import two_stage as recipes
        from tutorial_lib.recipes.pretrained import stage_one_facts

        facts = stage_one_facts(out)
        source = source_of_run(facts, dataset, images)
        source.require(settings)
        chosen = with_options(presets(profile).prior, options)
        history = recipes.add_prior(source.load(profile), chosen, out)
        _tell(history, out / "two-stage.safetensors")

    def two_stage(
        out: Out,
        dataset: Dataset = catalog.SAMPLE,
        images: Images = None,
        side: Side = 64,
        colors: Colors = 3,
        n_levels: Levels = None,
        profile: ProfileOption = named,
        *,
        options: Annotated[both, arg(name="")] = defaults[2],
    ) -> None:
        """Both stages, then the held-out numbers into OUT/result.json."""
        source = Source(dataset, images, side, colors, n_levels)
        source.require(with_options(light, options))
        from tutorial_lib.recipes import two_stage as recipes

        settings = with_options(presets(profile), options)
        history, result = recipes.train_two_stage(source.load(profile), settings, out)
        if not result:
            _interrupted(history, f" from {out}")
        _tell_numbers(result["test"], f"Weights and result.json are in {out}.")

    return {"pixels": pixels, "vqvae": vqvae, "prior": prior, "two-stage": two_stage}


# ---------------------------------------------------------------------------- what is told


def _tell(history, weights: Path) -> None:
    if not history.finished:
        _interrupted(history)
    row = {**history.rows[-1], **(history.valid_rows[-1] if history.valid_rows else {})}
    row["seconds/step"] = history.seconds / history.step
    _tell_numbers(row, f"Wrote {weights}.")


def _tell_numbers(numbers: dict[str, int | float], last: str) -> None:
    from tutorial_lib.training.distributed import say

    for name, value in numbers.items():
        say(f"{name:32} {value:.4g}")
    say(last)


def _interrupted(history, where: str = "") -> None:
    """Say so, and end with the status of the signal that it was."""
    from tutorial_lib.training.distributed import say

    of = f" of {history.n_steps}" if history.n_steps else ""
    say(f"Interrupted at step {history.step}{of}. The same command goes on{where}.")
    raise SystemExit(128 + (history.stopped_by or signal.SIGINT))
