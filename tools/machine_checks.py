"""What a machine may lack for the set-up, each as one sentence that says what to do about it.

Every check returns the sentence, or None when all is well.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys

OLDEST, NEWEST = (3, 10), (3, 14)
GIGABYTE = 1_000_000_000


class SetUpError(Exception):
    """A problem that its message explains to the person at the keyboard."""


def show_any_folder() -> None:
    """Print names of folders on any terminal, with marks for letters that it does not know."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def raise_if_any(*problems: str | None) -> None:
    found = [problem for problem in problems if problem]
    if found:
        raise SetUpError("\n".join(found))


def dotted(version: tuple) -> str:
    return ".".join(str(part) for part in version[:2])


def python_problem(version: tuple, where: str = "This") -> str | None:
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    advice = "start it with another one, as in `make lab PYTHON=python3.12` or `py -3.12 tools/..`"
    if where != "This":
        advice = "delete that folder and run the same command again"
    return (
        f"{where} is Python {dotted(version)}; the tutorial needs {dotted(OLDEST)} to "
        f"{dotted(NEWEST)}: {advice}."
    )


def platform_problem(system: str | None = None, processor: str | None = None) -> str | None:
    system, processor = system or platform.system(), processor or platform.machine()
    if (system, processor) != ("Darwin", "x86_64"):
        return None
    return (
        "torch no longer comes for Macs with an Intel processor (or this Python is an Intel build "
        "on an Apple processor: then install a native one). Open the notebooks on Colab instead."
    )


def venv_problem(
    find_spec=importlib.util.find_spec, version: tuple = sys.version_info
) -> str | None:
    missing = [name for name in ("venv", "ensurepip") if find_spec(name) is None]
    if not missing:
        return None
    return (
        f"This Python lacks its module {' and '.join(missing)}. On Debian and Ubuntu:\n"
        f"    apt install python3-venv        (or python{dotted(version)}-venv)\n"
        "Elsewhere: install Python from python.org or with conda, and run the same command again."
    )


def disk_problem(
    free_bytes: int, torch_index: str | None = None, system: str | None = None
) -> str | None:
    """On Linux the registry's torch may bring CUDA libraries; any other build is far smaller."""
    with_cuda = (system or platform.system()) == "Linux" and not torch_index
    needed = 8 if with_cuda else 3
    if free_bytes >= needed * GIGABYTE:
        return None
    return (
        f"Only {free_bytes / GIGABYTE:.1f} GB are free on this disk; the environment may need "
        f"{needed} GB: make room and run the same command again."
    )


def cuda_hint(torch_index: str | None, system: str | None = None, which=shutil.which) -> str | None:
    """Linux without an NVIDIA driver: the registry's torch may bring CUDA libraries in vain."""
    if torch_index or (system or platform.system()) != "Linux" or which("nvidia-smi"):
        return None
    return (
        "     (no NVIDIA GPU here: if this downloads gigabytes of CUDA libraries, stop it and\n"
        "     pass --torch-index with the CPU address that PyTorch's installation page gives)"
    )


PIP_FAILURES = [
    (
        ("No space left on device", "not enough space on the disk"),
        "The disk is full. Make room and run the same command again: it starts afresh.",
    ),
    (
        ("certificate verify failed", "SSLError", "SSL:"),
        "The registry's certificate was not accepted: on a network that inspects traffic, name "
        "your organisation's certificate with PIP_CERT.",
    ),
    (
        (
            "NewConnectionError",
            "NameResolutionError",
            "Temporary failure in name resolution",
            "ProxyError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "Read timed out",
            "Network is unreachable",
            "Connection refused",
        ),
        "pip could not reach the package registry. Check the network; behind a proxy, set "
        "HTTPS_PROXY. Then run the same command again.",
    ),
    (
        ("Long Path", "long path"),
        "Windows cut off a path that is too long: enable long paths, or move this folder up.",
    ),
    (
        ("No matching distribution", "Could not find a version"),
        f"The registry has no build of a package for Python {dotted(sys.version_info)} on this "
        f"machine ({platform.system()}, {platform.machine()}). Python 3.11 or 3.12 is the safest.",
    ),
]


def explain_pip_failure(errors: str) -> str:
    """One sentence for what pip said at length; the first known symptom wins."""
    for symptoms, sentence in PIP_FAILURES:
        if any(symptom in errors for symptom in symptoms):
            return sentence
    return "pip could not finish: its own message is above. Run the same command again after a fix."
