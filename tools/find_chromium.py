"""Where a Chromium is, for the tests that drive a browser.

python tools/find_chromium.py    prints its path, or how to get one (then the exit code is 1)

Looked for in this order: the environment variable TUTORIAL_CHROMIUM, the usual names on the PATH,
the browsers that playwright has downloaded. Only Python's standard library is used.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "TUTORIAL_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW_TO_GET_ONE = (
    "No Chromium was found: install one (Debian and Ubuntu: `apt install chromium`; anywhere: "
    f"`.venv/bin/python -m playwright install chromium`), or name yours in {VARIABLE}."
)
PLAYWRIGHT_FOLDERS = {
    "linux": "~/.cache/ms-playwright",
    "darwin": "~/Library/Caches/ms-playwright",
    "win32": "~/AppData/Local/ms-playwright",
}
PLAYWRIGHT_PROGRAMS = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium-*/chrome-win*/chrome.exe",
)


class NoChromium(Exception):
    """There is none; the message says how to get one."""


def find_chromium(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The program to start. NoChromium if there is none, or none where the variable says."""
    named = environ.get(VARIABLE, "").strip()
    if named:
        if not Path(named).is_file():
            raise NoChromium(f"{VARIABLE} names {named!r}, which is no file: correct or unset it.")
        return Path(named)
    on_path = (shutil.which(name, path=environ.get("PATH", "")) for name in NAMES)
    found = next(filter(None, on_path), None) or _of_playwright(environ, platform)
    if found is None:
        raise NoChromium(HOW_TO_GET_ONE)
    return Path(found)


def _of_playwright(environ: Mapping[str, str], platform: str) -> Path | None:
    """The newest Chromium that `playwright install chromium` has put into the user's cache."""
    default = PLAYWRIGHT_FOLDERS.get(platform, PLAYWRIGHT_FOLDERS["linux"])
    folder = Path(environ.get("PLAYWRIGHT_BROWSERS_PATH") or default).expanduser()
    programs = [path for pattern in PLAYWRIGHT_PROGRAMS for path in folder.glob(pattern)]
    return max(programs, key=lambda path: path.stat().st_mtime, default=None)


def main() -> int:
    try:
        print(find_chromium())
    except NoChromium as problem:
        print(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
