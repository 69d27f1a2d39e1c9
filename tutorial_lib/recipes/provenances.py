"""Where a result comes from: device, threads, versions, commit; stored beside every long result."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import torch

import tutorial_lib


def provenance() -> dict:
    """Where a result comes from: device, threads, versions, and the commit where git knows one."""
    device = "cpu"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    return {
        "device": device,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "tutorial_lib": tutorial_lib.__version__,
        "commit": _commit(),
    }


def _commit() -> str | None:
    folder = Path(tutorial_lib.__file__).parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
