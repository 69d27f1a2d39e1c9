"""What every notebook does first: one plotting style, one seed, one line about the machine."""

import platform

import torch

from tutorial_lib import __version__, profiles
from tutorial_lib.notebook import plotting, sharp


def device_name(device: torch.device) -> str:
    """The GPU by its name, anything else by its kind; a CPU with the threads torch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU ({torch.get_num_threads()} threads)"
    return device.type.upper()


def summary() -> str:
    """Device, profile and versions in one line."""
    return (
        f"{device_name(profiles.device())} · {profiles.current()} profile · "
        f"tutorial_lib {__version__} · torch {torch.__version__} · "
        f"Python {platform.python_version()}"
    )


def start(written_for: str | None = None) -> None:
    """Prepare a notebook; calling it again does no harm.

    written_for: the version of the library that the notebook goes with. Another one is named.
    """
    plotting.use_style()
    sharp.use_sharp_figures()
    torch.manual_seed(0)
    print(summary())
    if written_for not in (None, __version__):
        print(
            f"This notebook was written for tutorial_lib {written_for}, and {__version__} is here. "
            "If a cell fails, open the chapter's new version, or install that version."
        )
