"""What every notebook does first: one plotting style, one seed, one line about the machine."""

import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from tutorial_lib import plotting, profiles

PACKAGE = "from-pixels-to-codes"


def device_name(device: torch.device) -> str:
    """The GPU by its name, anything else by its kind; a CPU with the threads torch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU ({torch.get_num_threads()} threads)"
    return device.type.upper()


def package_version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:  # the folder is on the path, but was never installed
        return "(not installed)"


def summary() -> str:
    """Device, profile and versions in one line."""
    return (
        f"{device_name(profiles.device())} · {profiles.current()} profile · "
        f"tutorial_lib {package_version()} · torch {torch.__version__} · "
        f"Python {platform.python_version()}"
    )


def start() -> None:
    """Prepare a notebook; calling it again does no harm."""
    plotting.use_style()
    torch.manual_seed(0)
    print(summary())
