"""A machine check: what is installed, what is missing, and how long things will take here."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from tutorial_lib import data, profiles
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.pixels.modes import to_fast_format
from tutorial_lib.recipes import pretrained

REQUIRED = ("torch", "numpy", "matplotlib", "ipywidgets", "tqdm", "pooch", "safetensors")
REQUIRED += ("jaxtyping", "tyro")
FREE_DISK_GB = 1.0
SLOW_STEP_SECONDS = 1.5  # beyond this, the minutes that the chapters promise are wrong


@dataclass(frozen=True)
class Finding:
    """One line of the report: `advice` is empty where all is well."""

    subject: str
    fact: str
    advice: str = ""


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_versions() -> Finding:
    """Python and the packages the library imports."""
    found = {name: _version(name) for name in REQUIRED}
    missing = [name for name, version in found.items() if version is None]
    here = [f"{name} {version}" for name, version in found.items() if version]
    advice = f"pip install {' '.join(missing)}" if missing else ""
    return Finding("packages", ", ".join([f"Python {platform.python_version()}", *here]), advice)


def check_device() -> Finding:
    """Where models will run, and the profile that follows from it."""
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        where = f"{torch.cuda.get_device_name()} with {memory:.0f} GiB"
    else:
        where = f"CPU, {torch.get_num_threads()} threads"
        if torch.backends.mps.is_available():
            where += " (Apple's GPU is not used: it has no float64, and nothing was tried on it)"
    named = os.environ.get("TUTORIAL_PROFILE", "").strip()
    return Finding("device", f"{where}; profile {profiles.current()}{' (set)' if named else ''}")


def check_speed() -> Finding:
    """Seconds of one training step of a small gated PixelCNN, the median of five."""
    model = to_fast_format(GatedPixelCNN(n_channels=32, n_layers=5).to(profiles.device()))
    levels = torch.randint(2, (64, 1, 28, 28), device=profiles.device())
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        nll_nats(model(levels), levels).mean().backward()
        model.zero_grad()
        seconds.append(time.perf_counter() - began)
    median = sorted(seconds[1:])[2]
    slow = "the times in the notebooks will be exceeded: close other programs"
    advice = slow if median > SLOW_STEP_SECONDS else ""
    return Finding("speed", f"{1000 * median:.0f} ms a step (64 images, 5 gated layers)", advice)


def check_data() -> Finding:
    """The embedded sample, where downloads go, and whether there is room for them."""
    sample = data.load("fashion-mnist-sample")
    folder = data.cache_dir()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    advice = "" if free > FREE_DISK_GB else f"free some disk: under {FREE_DISK_GB:g} GiB is left"
    n_images = sum(len(split) for split in (sample.train, sample.valid, sample.test))
    shown = str(folder).replace(os.path.expanduser("~"), "~", 1)
    return Finding("data", f"{n_images} images embedded; downloads go to {shown}", advice)


def check_weights() -> Finding:
    """Every shipped model can be read and built."""
    names = pretrained.available()
    for name in names:
        pretrained.load_pretrained(name)
    return Finding("weights", ", ".join(names) or "none", "" if names else "reinstall the package")


def check_jupyter() -> Finding:
    """The programs that open the notebooks."""
    if lab := _version("jupyterlab"):
        return Finding("jupyter", f"JupyterLab {lab}")
    if kernel := _version("ipykernel"):
        return Finding("jupyter", f"no JupyterLab here, but a kernel ({kernel}), as on Colab")
    return Finding("jupyter", "not installed", "pip install 'from-pixels-to-codes[lab]'")


CHECKS = (check_versions, check_jupyter, check_device, check_speed, check_data, check_weights)


def run_checks(checks: Sequence[Callable[[], Finding]] = CHECKS) -> list[Finding]:
    """All findings; a check that fails becomes a finding with the error as its advice."""
    findings = []
    for check in checks:
        try:
            findings.append(check())
        except Exception as error:  # the doctor reports whatever is wrong and goes on
            subject = check.__name__.removeprefix("check_")
            findings.append(Finding(subject, "failed", f"{type(error).__name__}: {error}"))
    return findings


def report(findings: list[Finding] | None = None) -> bool:
    """Print the findings, each with its advice where one is due; True if all is well."""
    findings = run_checks() if findings is None else findings
    for finding in findings:
        print(f"{'  ' if finding.advice else 'ok'}  {finding.subject:9} {finding.fact}")
        if finding.advice:
            print(f"    {'':9} -> {finding.advice}")
    well = not any(finding.advice for finding in findings)
    print("All well." if well else "Something needs attention: see the arrows above.")
    return well
