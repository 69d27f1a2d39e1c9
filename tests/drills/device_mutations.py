"""Does the pretended GPU notice a forgotten device? Nineteen are taken out, one by one.

Each place is changed in a copy of the library, and the tests of `tests/test_gpu_path.py` that are
named for it run on the copy. A place is caught if one of them fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from drills import Drill

ROOT = Path(__file__).parents[2]


class Place(NamedTuple):
    """Where a device stands, what stands there without it, which tests go there."""

    file: str
    old: str
    new: str
    tests: str
    harmless: str = ""  # why nothing has to notice


PLACES = [
    Place("pixels/bayes.py", "part.to(device)", "part", "bayes"),
    Place("pixels/bayes.py", ", device=levels.device", "", "bayes"),
    Place(
        "sampling/features.py", "(model.n_levels, device=device)", "(model.n_levels)", "rows_are"
    ),
    Place("training/measures.py", "part.to(device)", "part", "evaluation_reads"),
    Place(
        "pixels/gated.py",
        "self.config.n_frequencies, like=features)",
        "self.config.n_frequencies)",
        "cpu and everything and step_on",
    ),
    Place(
        "codes/gated_frames.py",
        "n_frames, device=weight.device, dtype",
        "n_frames, dtype",
        "priors_of_every and 3",
        "the times are moved where they are used; made on the GPU they save a wait",
    ),
    Place(
        "codes/gated_frames.py",
        "dtype=torch.long, device=device",
        "dtype=torch.long",
        "priors and 3",
    ),
    Place(
        "pixels/gated_row.py",
        "self.config.n_frequencies, like=features)",
        "self.config.n_frequencies)",
        "priors",
    ),
    Place(
        "codes/gaussian_posterior.py",
        "noise.to(mean.device)",
        "noise",
        "evidence and GaussianVAE-mean",
    ),
    Place("pixels/influence.py", "generator=noise).to(device)", "generator=noise)", "influence"),
    Place("pixels/likelihood.py", "levels = levels.to(device)", "levels = levels", "sum_to_one"),
    Place(
        "codes/quantizer.py",
        "dtype=torch.long, device=vectors.device",
        "dtype=torch.long",
        "quantizer",
    ),
    Place(
        "recipes/two_stage.py", "encode_indices(x.to(device))", "encode_indices(x)", "each_stage"
    ),
    Place(
        "sampling/ancestral.py",
        "uniforms, generator).to(weight.device)",
        "uniforms, generator)",
        "rows_are",
    ),
    Place(
        "sampling/ancestral.py",
        "known = known.to(device)",
        "known = known",
        "methods and PixelCNN-cached",
    ),
    Place("codes/two_stage.py", "uniforms.to(decoded.device)", "uniforms", "every_dimension_draw"),
    Place(
        "codes/vae.py", "draw(logits, uniforms.to(device))", "draw(logits, uniforms)", "evidence"
    ),
    Place("codes/vae.py", "log_weight.to(levels.device)", "log_weight", "evidence and mean"),
    Place("codes/vqvae.py", ", device=decoded.device", "", "each_stage"),
]


def copied(folder: Path) -> Path:
    """What the tests need, in a folder of their own."""
    for name in ("tutorial_lib", "tests", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def looked_at(folder: Path, place: Place) -> str | None:
    """Whether a test of the GPU's path fails without this device. What went wrong, or None."""
    path = folder / "tutorial_lib" / place.file
    text = path.read_text("utf-8") if path.exists() else ""
    if place.old not in text:
        return f"{place.file} does not hold {place.old!r} any more"
    path.write_text(text.replace(place.old, place.new, 1), "utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["-o", "addopts=", "tests/test_gpu_path.py", "-k", place.tests]
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env={**os.environ, **own}, capture_output=True)
    path.write_text(text, "utf-8")
    if done.returncode not in (0, 1):
        return f"no test of -k {place.tests!r} was run: {done.stdout.decode()[-400:]}"
    if done.returncode == 0 and not place.harmless:
        return f"nothing noticed that {place.file} does without {place.old!r}"
    return None


def forgotten_devices(rounds: int, rng: Random) -> Iterator[str | None]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = copied(Path(temporary) / "copy")
        for place in islice(cycle(PLACES), rounds):
            yield looked_at(folder, place)


DRILLS = (Drill("a device that was forgotten", forgotten_devices, len(PLACES), 0),)
