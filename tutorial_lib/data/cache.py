"""Where downloads are kept: one folder per user, shared by all notebooks and runs."""

import os
from pathlib import Path

from tutorial_lib.user_folders import expanded, user_cache_dir


def cache_dir() -> Path:
    """TUTORIAL_DATA_DIR if that is set, else this user's cache folder of the operating system.

    The folder is made by the first download, not here. Each data set has a folder of its own in it,
    where its files lie under their public names. A folder that somebody filled by hand is as good
    as a downloaded one, and so is a file in the folder above, where earlier versions put some:
    every file is verified whenever it is read, and none that is here is ever deleted.
    """
    override = os.environ.get("TUTORIAL_DATA_DIR", "").strip()
    if override:
        return expanded(override)
    return user_cache_dir()
