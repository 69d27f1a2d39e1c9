"""Where runs live: in the folder that TUTORIAL_RUNS_DIR names, else among this user's own data.

The operating system has a folder for what a program keeps for a user. No cleaner empties it, as one
may empty a cache, and no update of the project touches it. Points lie beside the runs.

A machine that may be taken away, as Colab's is, keeps nothing. With the variable set to a folder of
a mounted drive, the long trainings of the chapters and of `reproduction` are kept there and go on
where they were, from any working folder and on any machine that mounts the same drive.
"""

from __future__ import annotations

import os
from pathlib import Path

from tutorial_lib import profiles
from tutorial_lib.user_folders import expanded, user_data_dir

VARIABLE = "TUTORIAL_RUNS_DIR"
DRIVE = Path("/content/drive")  # where Colab mounts a drive


def runs_dir() -> Path:
    """The folder in which runs live. ValueError if TUTORIAL_RUNS_DIR cannot be meant."""
    named = os.environ.get(VARIABLE, "").strip()
    if not named:
        return user_data_dir() / "runs"
    folder = expanded(named)
    if not folder.is_absolute():
        raise ValueError(f"{VARIABLE} must be an absolute path, got {named!r}")
    if DRIVE in (folder, *folder.parents) and not DRIVE.is_mount():
        # To make the folder now would put the run on this machine, and block the mount later.
        raise ValueError(f"{VARIABLE} is {named!r}, but no drive is mounted: mount it first")
    return folder


def kept_run(name: str) -> Path | None:
    """The folder for a chapter's run, one for each profile; None if TUTORIAL_RUNS_DIR is not set.

    Meant for `fit(..., out=kept_run("chapter-13/stage-two"))`, where None keeps nothing.
    """
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise ValueError(f"name must be a path inside the folder of runs, got {name!r}")
    if not os.environ.get(VARIABLE, "").strip():
        return None
    return runs_dir() / profiles.current() / name
