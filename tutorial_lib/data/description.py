"""What is known of a data set before it is read, from the catalog: without torch or a network."""

from dataclasses import dataclass

from tutorial_lib.data import catalog
from tutorial_lib.data.cache import cache_dir


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is read.

    kind: "images", "sounds" or "clips". shapes: {"train": (N, C, H, W), "valid": ..., "test": ...},
    (N, 1, T) for sounds, (N, 1, T, H, W) for clips. embedded: it needs no network, and
    download_bytes is 0. generated: no file holds it, it is made whenever it is loaded. cached: all
    its files lie in the cache folder; whether they are intact is checked when they are read.
    """

    name: str
    kind: str
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


def describe(name: str) -> DatasetInfo:
    """Title, licence, sizes and whereabouts of `name`, without reading or downloading it."""
    entry = catalog.find(name)
    embedded, folder = not entry.files, cache_dir()
    shapes = [(n, *entry.example_shape) for n in entry.n_examples]
    return DatasetInfo(
        name=entry.name,
        kind=entry.kind,
        title=entry.title,
        licence=entry.licence,
        source=entry.source,
        attribution=entry.attribution,
        note=entry.note,
        download_bytes=sum(file.n_bytes for file in entry.files),
        shapes=dict(zip(catalog.SPLITS, shapes, strict=True)),
        n_levels=entry.n_levels,
        class_names=entry.class_names,
        embedded=embedded,
        generated=embedded and name != catalog.SAMPLE,
        cached=not embedded and all(file.is_in(folder) for file in entry.files),
    )
