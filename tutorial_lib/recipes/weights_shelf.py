"""The weights shipped with the package: their names, and what they were trained on. Without torch.

The header of a safetensors file is JSON behind its length, so it can be read alone: that is how a
wrong label is answered before torch is loaded.
"""

import json
import struct
from importlib import resources
from pathlib import Path

from tutorial_lib.codes.run_facts import RunFacts, facts_from_json
from tutorial_lib.contracts import checked
from tutorial_lib.data.catalog import facts_by_name

SUFFIX = ".safetensors"
HEADER = "tutorial_lib"  # the entry of the metadata that holds this library's JSON
LARGEST_HEADER = 10**8  # bytes, as safetensors has it
# What the weights that were shipped without their facts were trained on.
TRAINED_ON = {
    "gated-binarized-mnist": ("binarized-mnist", 2),
    "gated-fashion-mnist": ("fashion-mnist", 16),
    "pixelcnn-fashion-mnist": ("fashion-mnist", 16),
    "two-stage-fashion-mnist": ("fashion-mnist", 256),
    "two-stage-fashion-mnist-16": ("fashion-mnist", 16),
    "vae-fashion-mnist": ("fashion-mnist", 16),
}


def available() -> tuple[str, ...]:
    """Names of the weights shipped with the package."""
    folder = resources.files(__package__) / "weights"
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(each.removesuffix(SUFFIX) for each in names if each.endswith(SUFFIX)))


@checked
def facts_by_file_name(path: Path | str) -> RunFacts | None:
    """The facts of shipped weights that have none in their header, by the name of their file."""
    known = TRAINED_ON.get(path.name.removesuffix(SUFFIX))
    return facts_by_name(*known) if known else None


@checked
def told_facts(path: Path | str) -> RunFacts | None:
    """The facts in the header of a file of weights, or by its name; None if neither tells them.

    The file is not checked: `pretrained.load_weights` does that.
    """
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            told = json.loads(file.read(min(length, LARGEST_HEADER)))
        header = json.loads(told["__metadata__"][HEADER])
        if "facts" in header:
            return facts_from_json(header["facts"])
    except (OSError, ValueError, TypeError, KeyError, struct.error):
        return None
    return facts_by_file_name(path)


def shipped_path(name: str) -> Path:
    """The file of shipped weights, in a package that is a folder."""
    return Path(str(resources.files(__package__) / "weights" / (name + SUFFIX)))
