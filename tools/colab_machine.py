"""A machine like Colab's, as far as a registry can give one: an environment with its versions.

What Colab has and this lacks: its operating system image, its Python (this is the one that runs the
tool), its GPU, its front end, and a torch with CUDA.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import machine_checks
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from notebook_pairs import ROOT
from packaging.utils import canonicalize_name
from set_up import torch_pin, venv_python

PACKAGE = "from-pixels-to-codes"
# torch is the one that constraints.txt pins: Colab's own number, asked from a registry for Linux,
# would bring gigabytes of CUDA libraries. What matters is that the install leaves it alone.
VERSIONS = (
    "ipywidgets==7.7.1",
    "ipython==7.34.0",
    "ipykernel==6.17.1",
    "jupyter-client==7.4.9",
    "notebook==6.5.7",
    "tornado==6.5.1",
    "traitlets==5.7.1",
    "numpy==2.0.2",
    "matplotlib==3.10.0",
)
NOT_HANDED_ON = ("PYTHON", "TUTORIAL_", "JUPYTER", "IPYTHON", "VIRTUAL_ENV", "MPL")
SOURCES = ("pyproject.toml", "README.md", "LICENSE")


class MachineError(Exception):
    """The machine could not be made; the message holds what pip said, and what to do."""


def pip(python: Path | str, *arguments: str) -> None:
    """Run pip in silence; MachineError with its last words if it fails."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise MachineError(f"{words}\n{machine_checks.explain_pip_failure(done.stderr)}")


def build_wheel(folder: Path) -> Path:
    """The package as a wheel, built from a copy, so that no build folder is left in the project."""
    copy = folder / "project"
    copy.mkdir(parents=True)
    for name in SOURCES:
        shutil.copy(ROOT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tutorial_lib", copy / "tutorial_lib", ignore=ignored)
    pip(sys.executable, "wheel", "--quiet", "--no-deps", "-w", str(folder), str(copy))
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path) -> Path:
    """A virtual environment with Colab's versions and without the package; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = venv_python(folder)
    index = os.environ.get("TORCH_INDEX_URL")
    from_index = ["--index-url", index] if index else []
    pip(python, "install", "--quiet", torch_pin(), *from_index)
    pip(python, "install", "--quiet", torch_pin(), *VERSIONS)
    return python


def site_packages(environment: Path) -> Path:
    """Where the packages of a virtual environment lie, on Linux, macOS and Windows."""
    (found,) = [*environment.glob("lib/python*/site-packages"), *environment.glob("Lib/site-pac*")]
    return found


def installed(environment: Path) -> dict[str, tuple[str, int]]:
    """Version of every package, and when its list of files was written: an install writes it."""
    return {
        canonicalize_name(each.metadata["Name"]): (each.version, written(each))
        for each in metadata.distributions(path=[str(site_packages(environment))])
    }


def written(distribution: metadata.Distribution) -> int:
    records = [file for file in distribution.files or [] if file.name == "RECORD"]
    return records[0].locate().stat().st_mtime_ns if records else 0


def touched(before: dict[str, tuple], after: dict[str, tuple]) -> list[str]:
    """What was removed, replaced or installed again; nothing is said of what is new."""
    lines = []
    for name, (version, when) in before.items():
        if name not in after:
            lines.append(f"{name} {version} was removed")
        elif after[name][0] != version:
            lines.append(f"{name} {version} was replaced by {after[name][0]}")
        elif after[name][1] != when:
            lines.append(f"{name} {version} was installed again")
    return lines


def kernel_manager(python: Path, folder: Path) -> AsyncKernelManager:
    """Starts kernels of that Python; their description is written into `folder`."""
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = folder / "colab" / "kernel.json"
    specification.parent.mkdir(parents=True, exist_ok=True)
    content = {"argv": argv, "display_name": "Colab's versions", "language": "python"}
    specification.write_text(json.dumps(content), encoding="utf-8")
    kernels = KernelSpecManager(kernel_dirs=[str(folder)], ensure_native_kernel=False)
    return AsyncKernelManager(kernel_name="colab", kernel_spec_manager=kernels)


def environment_variables(folder: Path, package: Path | str) -> dict[str, str]:
    """For a kernel that knows nothing of this project: its state and data lie in `folder`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(NOT_HANDED_ON)}
    own = {"IPYTHONDIR": "ipython", "TUTORIAL_STATE_DIR": "state", "TUTORIAL_DATA_DIR": "data"}
    return {
        **kept,
        **{name: str(folder / place) for name, place in own.items()},
        "TUTORIAL_LIB_SPEC": str(package),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or every kernel says four lines about debuggers
    }
