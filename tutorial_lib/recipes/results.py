"""result.json of a long run: where it was trained, and its held-out numbers."""

import json
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch

import tutorial_lib
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.files import write_whole
from tutorial_lib.training.distributed import once


def provenance() -> dict:
    """Where a result comes from: device, threads, versions, and the commit where git knows one."""
    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
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


def write_result(
    out: Path, told: dict, dataset: ImageDataset, evaluate: Callable[[Split], dict]
) -> dict:
    """Score valid and test, and write all of it to out/result.json; returns what is in it."""
    result = {**told, "valid": evaluate(dataset.valid), "test": evaluate(dataset.test)}
    content = json.dumps(result, indent=2) + "\n"
    once(write_whole, out / "result.json", content.encode())
    return result
