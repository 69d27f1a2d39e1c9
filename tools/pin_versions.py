"""Rewrite constraints.txt with the newest versions that work together: `make constraints`.

pip resolves the package with its extras `lab`, `test`, `course` and `site`, and installs nothing.
The pin of torch stays as it is unless `--torch VERSION` moves it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from set_up import CONSTRAINTS, ROOT, torch_pin

OLDEST_PYTHON = "3.11.0"
# Releases that need a later Python 3.11 than the one Debian 12 ships are held back by name.
HELD_BACK = ["soupsieve<3"]
HEADER = """\
# The exact versions that `make test` and CI run, for Python 3.11 and newer.
# Written by `make constraints` (or `python tools/pin_versions.py --torch VERSION`): don't edit.
"""


def resolve(torch: str) -> list[dict]:
    """Everything that pip would install into an empty environment, as its report lists it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--report", str(report)]
        command += [torch, *HELD_BACK, "-e", f"{ROOT}[lab,test,course,site]"]
        subprocess.run(command, check=True)
        return json.loads(report.read_text(encoding="utf-8"))["install"]


def constraint_lines(installs: list[dict], *, project: str) -> list[str]:
    """Sorted `name==version` lines, without the project itself and local labels like +cpu."""
    pins = {}
    for install in installs:
        name = canonicalize_name(install["metadata"]["name"])
        if name != canonicalize_name(project):
            pins[name] = Version(install["metadata"]["version"]).public
    return [f"{name}=={version}" for name, version in sorted(pins.items())]


def needing_newer_python(installs: list[dict], python: str = OLDEST_PYTHON) -> list[str]:
    """Names of releases that the oldest Python we pin for cannot install."""
    metadata = [install["metadata"] for install in installs]
    return [
        f"{each['name']} {each['version']} needs Python {each['requires_python']}"
        for each in metadata
        if python not in SpecifierSet(each.get("requires_python") or "")
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", metavar="VERSION", help="move the pin of torch")
    asked = parser.parse_args().torch
    installs = resolve(f"torch=={asked}" if asked else torch_pin())
    too_new = needing_newer_python(installs)
    if too_new:
        print("Add an older bound to HELD_BACK in tools/pin_versions.py for:", *too_new, sep="\n  ")
        return 1
    lines = constraint_lines(installs, project="from-pixels-to-codes")
    CONSTRAINTS.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"constraints.txt: {len(lines)} versions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
