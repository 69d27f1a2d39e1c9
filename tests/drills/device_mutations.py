"""Does the pretended GPU notice a forgotten device? Twenty are taken out, one by one.

    python tests/drills/device_mutations.py            the tests named for each place, minutes
    python tests/drills/device_mutations.py --all      all tests of the GPU's path, for each that
                                                       the named ones did not catch

Each place is changed in a copy of the library, and `tests/test_gpu_path.py` runs on the copy. A
place is caught if a test fails. Exit status: 1 if one that should be caught is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

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
    Place("evaluation.py", "part.to(device)", "part", "evaluation_reads"),
    Place(
        "pixels/gated.py",
        "self.config.n_frequencies, like=features)",
        "self.config.n_frequencies)",
        "cpu and everything and step_on",
    ),
    Place("gated_frames.py", ", device=indices.device", "", "seldom and 3"),
    Place(
        "gated_frames.py",
        "times = torch.linspace(-1, 1, n_frames, device=device)",
        "times = torch.linspace(-1, 1, n_frames)",
        "priors_of_every and 3",
        "the times are moved where they are used; made on the GPU they save a wait",
    ),
    Place("gated_frames.py", "dtype=torch.long, device=device", "dtype=torch.long", "priors and 3"),
    Place(
        "pixels/gated_row.py",
        "self.config.n_frequencies, like=features)",
        "self.config.n_frequencies)",
        "priors",
    ),
    Place(
        "gaussian_posterior.py", "noise.to(mean.device)", "noise", "evidence and GaussianVAE-mean"
    ),
    Place("pixels/influence.py", "generator=noise).to(device)", "generator=noise)", "influence"),
    Place("pixels/likelihood.py", "levels = levels.to(device)", "levels = levels", "sum_to_one"),
    Place(
        "quantize.py", "dtype=torch.long, device=vectors.device", "dtype=torch.long", "quantizer"
    ),
    Place("recipes.py", "encode_indices(x.to(device))", "encode_indices(x)", "each_stage"),
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
    Place("two_stage.py", "uniforms.to(decoded.device)", "uniforms", "every_dimension_draw"),
    Place("vae.py", "draw(logits, uniforms.to(device))", "draw(logits, uniforms)", "evidence"),
    Place("vae.py", "log_weight.to(levels.device)", "log_weight", "evidence and mean"),
    Place("vqvae.py", ", device=decoded.device", "", "each_stage"),
]


def copied(folder: Path) -> Path:
    """What the tests need, in a folder of their own."""
    for name in ("tutorial_lib", "tests", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def is_caught(folder: Path, tests: str) -> bool:
    """Whether a test of the GPU's path fails in the copy. RuntimeError if none was run."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["-o", "addopts=", "tests/test_gpu_path.py"] + (["-k", tests] if tests else [])
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"no test of -k {tests!r} was run: {done.stdout.decode()[-400:]}")
    return done.returncode == 1


def main(arguments: list[str]) -> int:
    """Take each device out, and tell whether it was missed."""
    n_caught, missed = 0, []
    with tempfile.TemporaryDirectory() as temporary:
        folder = copied(Path(temporary) / "copy")
        for place in PLACES:
            path = folder / "tutorial_lib" / place.file
            text = path.read_text("utf-8")
            if place.old not in text:
                raise SystemExit(f"{place.file} does not hold {place.old!r} any more")
            path.write_text(text.replace(place.old, place.new, 1), "utf-8")
            caught = is_caught(folder, place.tests)
            if not caught and "--all" in arguments:
                caught = is_caught(folder, "")
            path.write_text(text, "utf-8")
            n_caught += caught
            if not caught and not place.harmless:
                missed.append(place)
            told = "caught" if caught else place.harmless or "NOT CAUGHT"
            print(f"{place.file:24} {place.old[:44]:46} {told}", flush=True)
    print(f"{n_caught} of {len(PLACES)} caught, {len(missed)} missed without a reason")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
