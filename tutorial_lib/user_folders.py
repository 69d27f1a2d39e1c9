"""This user's own folders, as the operating system has them: for what is to last, and for a cache.

A user without a home, as containers have them, gets a folder among the temporary files.

Long trainings and points lie among what is to last: no cleaner empties it, and no update of the
project touches it. A machine that may be taken away, as Colab's is, keeps nothing. With
TUTORIAL_RUNS_DIR set to a folder of a mounted drive, trainings are kept there and go on where they
were, from any working folder and on any machine that mounts the same drive.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

NAME = "tutorial_lib"
RUNS = "TUTORIAL_RUNS_DIR"
DRIVE = Path("/content/drive")  # where Colab mounts a drive


def user_data_dir() -> Path:
    """For what is to last; made by the first write, not here."""
    return _known_or_temporary(lambda: platformdirs.user_data_path(NAME, appauthor=False), "data")


def user_cache_dir() -> Path:
    """For what can be downloaded again; made by the first write, not here."""
    return _known_or_temporary(lambda: platformdirs.user_cache_path(NAME), "cache")


def expanded(named: str) -> Path:
    """The folder of that name, with `~` for the home; a name like ~nobody is one like any other."""
    return Path(os.path.expanduser(named))


def runs_dir() -> Path:
    """The folder in which runs live. ValueError if TUTORIAL_RUNS_DIR cannot be meant."""
    named = os.environ.get(RUNS, "").strip()
    if not named:
        return user_data_dir() / "runs"
    folder = expanded(named)
    if not folder.is_absolute():
        raise ValueError(f"{RUNS} must be an absolute path, got {named!r}")
    if DRIVE in (folder, *folder.parents) and not DRIVE.is_mount():
        # To make the folder now would put the run on this machine, and block the mount later.
        raise ValueError(f"{RUNS} is {named!r}, but no drive is mounted: mount it first")
    return folder


def kept_run(name: str) -> Path | None:
    """The folder for a chapter's run, one for each profile; None if TUTORIAL_RUNS_DIR is not set.

    Meant for `fit(..., out=kept_run("chapter-13/stage-two"))`, where None keeps nothing.
    """
    from tutorial_lib import profiles  # it loads torch

    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise ValueError(f"name must be a path inside the folder of runs, got {name!r}")
    kept = os.environ.get(RUNS, "").strip()
    return runs_dir() / profiles.current() / name if kept else None


def _known_or_temporary(folder, kind: str) -> Path:
    try:
        known = folder()
    except RuntimeError:  # platformdirs finds no home; older ones leave its `~` in the path
        known = Path()
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    temporary = Path(tempfile.gettempdir(), f"{NAME}-{owner}", kind)
    return known if known.is_absolute() else temporary
