"""Make the project's environment, once, and start it: the same on Linux, macOS and Windows.

    python tools/set_up.py          create .venv and install everything (seconds when it is there)
    python tools/set_up.py lab      the same, then open JupyterLab on a copy of the notebooks

Only Python's standard library is used. `.venv/set_up.json` says what was installed from which
pyproject.toml and constraints.txt; it is marked complete only after torch and the package could be
imported, so an interrupted installation is thrown away instead of trusted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import machine_checks
from machine_checks import SetUpError
from one_at_a_time import one_at_a_time

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = VENV / "set_up.json"
LOCK = ROOT / ".venv.lock"
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
PINNED_FROM = (3, 11)  # constraints.txt holds for this Python and newer


def venv_python(venv: Path = VENV) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def venv_version(venv: Path = VENV) -> tuple[int, int] | None:
    """The (major, minor) Python of an environment, read from its configuration file."""
    try:
        lines = (venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for name, _, value in (line.partition("=") for line in lines):
        if name.strip() in ("version", "version_info"):
            major, minor = value.strip().split(".")[:2]
            return int(major), int(minor)
    return None


def torch_pin(constraints: Path = CONSTRAINTS) -> str:
    """The line `torch==...` of constraints.txt: the one place where the pin stands."""
    for line in constraints.read_text(encoding="utf-8").splitlines():
        if line.startswith("torch=="):
            return line.strip()
    raise SetUpError(f"{constraints.name} holds no line `torch==...`: restore it with git.")


def what_installs(pyproject: str) -> str:
    """The tables of pyproject.toml that decide what is installed: not those of ruff or pytest."""
    tables = re.split(r"^(?=\[)", pyproject, flags=re.MULTILINE)
    heads = ("[build-system", "[project", "[tool.setuptools")
    return "".join(table for table in tables if table.startswith(heads))


def inputs_key(
    python: tuple[int, int], pyproject: Path = PYPROJECT, constraints: Path = CONSTRAINTS
) -> str:
    """A fingerprint of everything that decides what gets installed."""
    parts = [repr(python), what_installs(pyproject.read_text(encoding="utf-8"))]
    parts.append(constraints.read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_state(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def new_state(status: str, extras: set, key: str) -> dict:
    return {"status": status, "extras": sorted(extras), "key": key, "root": str(ROOT)}


def write_state(path: Path, state: dict) -> None:
    """Replace the state file in one step, so that no reader ever finds half of it."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(state), encoding="utf-8")
    os.replace(part, path)


def decide(state: dict | None, key: str, extras: set, root: str) -> str:
    """What to do with the environment that is there: "ready", "update" or "afresh"."""
    if state is None:
        return "update"
    if state["status"] != "ready":
        return "afresh"
    if state["root"] != root:
        return "afresh"  # the folder was moved or copied, and a virtual environment can't be
    up_to_date = state["key"] == key and extras <= set(state["extras"])
    return "ready" if up_to_date else "update"


def create_environment(torch_index: str | None, hold: dict, *, afresh: bool) -> None:
    """Make .venv with a working pip; `afresh`, or when its Python is gone, empty it first."""
    python = venv_python()
    if python.exists() and not afresh:
        works = subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True)
        if works.returncode == 0:
            return
    machine_checks.raise_if_any(
        machine_checks.venv_problem(),
        machine_checks.disk_problem(shutil.disk_usage(str(ROOT)).free, torch_index),
    )
    print(f"1/3  creating .venv (Python {sys.version.split()[0]})", flush=True)
    clear = ["--clear"] if afresh or not python.exists() else []
    made = subprocess.run([sys.executable, "-m", "venv", *clear, str(VENV)], **hold)
    if made.returncode:
        raise SetUpError("Python could not create .venv: its message is above.")


def run_pip(arguments: list[str], hold: dict) -> None:
    """Run the environment's pip; its errors are shown as they come, and explained at the end."""
    command = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check"]
    options = {"cwd": str(ROOT), "stderr": subprocess.PIPE, "text": True, **hold}
    pip = subprocess.Popen(command + arguments, **options)
    errors = []
    for line in pip.stderr:
        errors.append(line)
        print(line, end="", file=sys.stderr, flush=True)
    if pip.wait():
        raise SetUpError(machine_checks.explain_pip_failure("".join(errors)))


def install(extras: set, python: tuple[int, int], torch_index: str | None, hold: dict) -> None:
    """torch by its exact pin first, then the rest: that order keeps pip from choosing a torch."""
    pin = torch_pin()
    print(f"2/3  installing {pin}", flush=True)
    hint = machine_checks.cuda_hint(torch_index)
    if hint:
        print(hint, flush=True)
    verbosity = [] if sys.stdout.isatty() else ["--quiet"]
    run_pip([*verbosity, pin, *(["--index-url", torch_index] if torch_index else [])], hold)
    print(f"3/3  installing the package with its extras {', '.join(sorted(extras))}", flush=True)
    pins = ["-c", str(CONSTRAINTS)] if python >= PINNED_FROM else []
    run_pip(["--quiet", *pins, "-e", f".[{','.join(sorted(extras))}]"], hold)
    check = [str(venv_python()), "-c", "import torch, tutorial_lib"]
    if subprocess.run(check, cwd=str(ROOT / "tools")).returncode:
        raise SetUpError("Everything was installed, but cannot be imported: the reason is above.")


def next_step(extras: set) -> tuple[str, set]:
    """What to do, and the extras to do it with: those asked for and those already there."""
    state = read_state(STATE)
    python = venv_version() or tuple(sys.version_info[:2])
    action = decide(state, inputs_key(python), extras, str(ROOT))
    if action == "ready" and not venv_python().exists():
        action = "afresh"
    return action, extras | set(state["extras"] if state else [])


def bring_up_to_date(extras: set, torch_index: str | None, hold: dict) -> None:
    action, extras = next_step(extras)
    if action == "ready":  # another process has done it in the meantime
        return
    started = time.monotonic()
    if action == "afresh":
        print("The last set-up did not finish, or the folder was moved: starting afresh.")
    create_environment(torch_index, hold, afresh=action == "afresh")
    python = venv_version() or tuple(sys.version_info[:2])
    machine_checks.raise_if_any(machine_checks.python_problem(python, where="The .venv folder"))
    before, key = read_state(STATE), inputs_key(python)
    write_state(STATE, new_state("installing", extras, key))
    try:
        install(extras, python, torch_index, hold)
    except SetUpError:
        if before:  # pip gave up in good order, so what was there before still is
            write_state(STATE, before)
        raise
    write_state(STATE, new_state("ready", extras, key))
    print(f"ready after {time.monotonic() - started:.0f} s (next time: at once)", flush=True)


def set_up(extras: set, torch_index: str | None = None) -> None:
    """Bring .venv to what pyproject.toml and constraints.txt ask for; at once if it is there."""
    if next_step(extras)[0] == "ready":
        return
    waiting = "Another set-up is at work in this folder: waiting until it is done."
    with one_at_a_time(LOCK, waiting) as hold:
        bring_up_to_date(extras, torch_index, hold)


def start_lab(rest: list[str]) -> int:
    """Become tools/open_lab.py in the environment; Windows can't, so wait for it there."""
    command = [str(venv_python()), str(ROOT / "tools" / "open_lab.py"), *rest]
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:
        return 0


def arguments(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description="Make the project's environment, and start JupyterLab in it.",
        epilog="What comes after `lab` and is not listed here: --port NUMBER, --copy FOLDER (where "
        "your copy of the notebooks lies), and all that JupyterLab takes.",
    )
    parser.add_argument("action", nargs="?", choices=["install", "lab"], default="install")
    parser.add_argument("--extras", help="default: lab,test (for `lab`: lab); also: course, site")
    parser.add_argument(
        "--torch-index",
        default=os.environ.get("TORCH_INDEX_URL"),
        metavar="URL",
        help="package index to take torch from, for a smaller or a GPU build",
    )
    known, rest = parser.parse_known_args(argv)
    known.extras = known.extras or ("lab" if known.action == "lab" else "lab,test")
    rest = [each for each in rest if each != "--"]
    if rest and known.action != "lab":
        parser.error("unknown: " + " ".join(rest))
    return known, rest


def main(argv: list[str]) -> int:
    machine_checks.show_any_folder()
    try:
        machine_checks.raise_if_any(
            machine_checks.python_problem(sys.version_info[:2]), machine_checks.platform_problem()
        )
        known, rest = arguments(argv)
        set_up({each.strip() for each in known.extras.split(",")}, known.torch_index)
        if known.action == "lab":
            return start_lab(rest)
    except SetUpError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except OSError as error:
        advice = "Put the project into a folder that you may write to, then run the command there."
        print(f"\nThe environment cannot be set up here ({error}). {advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
