"""This user's own folders, as the operating system has them: for what is to last, and for a cache.

A user without a home, as containers have them, gets a folder among the temporary files.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

NAME = "tutorial_lib"


def user_data_dir() -> Path:
    """For what is to last; made by the first write, not here."""
    return _known_or_temporary(lambda: platformdirs.user_data_path(NAME, appauthor=False), "data")


def user_cache_dir() -> Path:
    """For what can be downloaded again; made by the first write, not here."""
    return _known_or_temporary(lambda: platformdirs.user_cache_path(NAME), "cache")


def expanded(named: str) -> Path:
    """The folder of that name, with `~` for the home; a name like ~nobody is one like any other."""
    return Path(os.path.expanduser(named))


def _known_or_temporary(folder, kind: str) -> Path:
    try:
        known = folder()
    except RuntimeError:  # platformdirs finds no home; older ones leave its `~` in the path
        known = Path()
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    temporary = Path(tempfile.gettempdir(), f"{NAME}-{owner}", kind)
    return known if known.is_absolute() else temporary
