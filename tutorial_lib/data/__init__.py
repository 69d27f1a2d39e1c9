"""Data sets as integer levels: `data.load("fashion-mnist-sample")` and seven more.

dataset        Split and ImageDataset, what every loader returns
loading        load, fetch
description    describe, names: what is known without reading
catalog        every data set by name: sizes, licence, reader
sources        addresses and checksums
download       mirrors, verification, atomic placement
remote_file    one file and its checksum
cache          the folder of downloads
archives       gzip, tar and zip, opened in memory
idx, amat, cifar, spoken_digits, mu_law, sample    one format each
voiced_tones, bouncing_garments    sounds and clips made on the spot
commands       what `python -m tutorial_lib data ...` prints
contact_sheet  examples as a picture
errors         the two ways in which this can fail

Names are imported when they are first asked for: `describe` and the catalog need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutorial_lib.data.cache import cache_dir
    from tutorial_lib.data.dataset import UNLABELLED, ImageDataset, Split
    from tutorial_lib.data.description import DatasetInfo, describe, names
    from tutorial_lib.data.errors import DataFormatError, DataUnavailable
    from tutorial_lib.data.loading import fetch, load

__all__ = [
    "UNLABELLED",
    "DataFormatError",
    "DataUnavailable",
    "DatasetInfo",
    "ImageDataset",
    "Split",
    "cache_dir",
    "describe",
    "fetch",
    "load",
    "names",
]

_MODULES = {
    "cache": ("cache_dir",),
    "dataset": ("UNLABELLED", "ImageDataset", "Split"),
    "description": ("DatasetInfo", "describe", "names"),
    "errors": ("DataFormatError", "DataUnavailable"),
    "loading": ("fetch", "load"),
}
_WHERE = {name: module for module, names_ in _MODULES.items() for name in names_}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
