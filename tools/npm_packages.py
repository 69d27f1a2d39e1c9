"""The few npm packages that the site's pages are set in, fetched once, by exact versions."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

NO_NPM = (
    "The site needs npm, which fetches its mathematics and fonts, and there is none on the PATH: "
    "install Node.js (Debian and Ubuntu: `apt install npm`)."
)


class NpmError(Exception):
    """The packages cannot be had; the message says why."""


def pins(package_json: Path) -> dict[str, str]:
    return json.loads(package_json.read_text(encoding="utf-8"))["dependencies"]


def missing(wanted: dict[str, str], modules: Path) -> list[str]:
    """Packages that are not there in the version wanted."""
    return [name for name, version in wanted.items() if _version(modules / name) != version]


def _version(package: Path) -> str | None:
    try:
        return json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError):
        return None


def fetch(package_json: Path, folder: Path) -> Path:
    """The folder node_modules with those packages, below `folder`. Or NpmError."""
    wanted, modules = pins(package_json), folder / "node_modules"
    if not missing(wanted, modules):
        return modules
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError(NO_NPM)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(package_json, folder)
    command = [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run([*command, "--silent"], cwd=folder)
    if done.returncode or (lacking := missing(wanted, modules)):
        what = ", ".join(lacking if not done.returncode else missing(wanted, modules))
        raise NpmError(f"npm could not install {what}: its message is above.")
    return modules
