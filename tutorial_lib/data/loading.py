"""The calls that notebooks make: load a data set, fetch its files, describe it."""

import os
from dataclasses import dataclass
from pathlib import Path

from tutorial_lib.data import catalog, sample
from tutorial_lib.data.cache import cache_dir
from tutorial_lib.data.dataset import ImageDataset
from tutorial_lib.data.download import obtain
from tutorial_lib.validation import require_bool


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is read.

    shapes: {"train": (N, C, H, W), "valid": ..., "test": ...}; (N, 1, T) for audio, (N, 1, T, H, W)
    for clips. embedded: it needs no network, and download_bytes is 0. generated: no file holds it,
    it is made whenever it is loaded. cached: all its files lie in the cache folder; whether they
    are intact is checked when they are read.
    """

    name: str
    title: str
    licence: str
    source: str
    attribution: str
    note: str
    download_bytes: int
    shapes: dict[str, tuple[int, ...]]
    n_levels: int
    class_names: tuple[str, ...]
    embedded: bool
    generated: bool
    cached: bool


def names() -> tuple[str, ...]:
    """The names of all data sets; the sample that is part of the package comes first."""
    return tuple(catalog.CATALOG)


def load(name: str, *, progress: bool = True) -> ImageDataset:
    """The data set `name`, made or read from the package or the cache, else downloaded first.

    Raises `ValueError` for an unknown name, `DataUnavailable` if a file is neither in the cache nor
    to be had, `DataFormatError` if a file is not what its format promises. progress: show download
    bars.
    """
    entry = catalog.find(name)
    require_bool("progress", progress)
    contents = obtain(entry.files, cache_dir(), progress=progress, substitute=entry.substitute)
    return entry.parse(contents)


def fetch(name: str, *, progress: bool = True) -> list[Path]:
    """The paths of the files of `name`, all verified, after downloading those that were missing.

    None for a set that is made when it is loaded.
    """
    entry = catalog.find(name)
    require_bool("progress", progress)
    if name == sample.NAME:
        sample.read_arrays()
        return [sample.SAMPLE_PATH]
    folder = cache_dir()
    obtain(entry.files, folder, progress=progress, substitute=entry.substitute)
    return [folder / file.filename for file in entry.files]


def describe(name: str) -> DatasetInfo:
    """Title, licence, sizes and whereabouts of `name`, without reading or downloading it."""
    entry = catalog.find(name)
    embedded, folder = not entry.files, cache_dir()
    shapes = [(n, *entry.example_shape) for n in entry.n_examples]
    return DatasetInfo(
        name=entry.name,
        title=entry.title,
        licence=entry.licence,
        source=entry.source,
        attribution=entry.attribution,
        note=entry.note,
        download_bytes=sum(file.n_bytes for file in entry.files),
        shapes=dict(zip(sample.SPLITS, shapes, strict=True)),
        n_levels=entry.n_levels,
        class_names=entry.class_names,
        embedded=embedded,
        generated=embedded and name != sample.NAME,
        cached=not embedded and all(os.path.isfile(folder / file.filename) for file in entry.files),
    )
