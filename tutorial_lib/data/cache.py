"""Where downloads are kept: one folder per user, shared by all notebooks and runs."""

import os
from pathlib import Path

import pooch


def cache_dir() -> Path:
    """TUTORIAL_DATA_DIR if that is set, else this user's cache folder of the operating system.

    The folder is made by the first download, not here. Files lie in it under their public names;
    those of MNIST in a subfolder `mnist`, because Fashion-MNIST uses the same names. A folder that
    somebody filled by hand is as good as a downloaded one: every file is verified whenever it is
    read.
    """
    override = os.environ.get("TUTORIAL_DATA_DIR", "").strip()
    if override:
        return Path(override).expanduser()
    return Path(pooch.os_cache("tutorial_lib"))
