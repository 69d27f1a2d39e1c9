"""Every data set of catalog.json: whose it is, where its files are, how they are read.

The readers need torch and are imported when a set is read, so that the table itself is light.

The checksums of Fashion-MNIST, binarized MNIST (also its published ones) and the spoken digits were
computed from full copies; those of MNIST and CIFAR-10 are quoted from several independent projects
that agree. A wrong quotation cannot let wrong data in: a good download would be refused, loudly.
Should the master branch of the spoken digits move on, the last release with these six speakers is
asked.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path
from typing import Any

from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.contracts import Several, checked, did_you_mean
from tutorial_lib.data.archives import Content, DataFormatError, content_sha256
from tutorial_lib.files import expanded, user_cache_dir

SPLITS = ("train", "valid", "test")
SAMPLE = "fashion-mnist-sample"


def cache_dir() -> Path:
    """TUTORIAL_DATA_DIR if that is set, else this user's cache folder of the operating system.

    The folder is made by the first download, not here. Each data set has a folder of its own in it,
    where its files lie under their public names. One that was filled by hand is as good: every file
    is verified whenever it is read, and none that is here is ever deleted.
    """
    override = os.environ.get("TUTORIAL_DATA_DIR", "").strip()
    return expanded(override) if override else user_cache_dir()


@dataclass(frozen=True)
class RemoteFile:
    """A file with its addresses (tried in order), SHA-256 and download size.

    filename: path below the cache folder, in the folder of its data set. n_bytes: size of the
    download, for display and progress bars; the checksum alone decides whether a file is intact.
    """

    filename: str
    urls: tuple[str, ...]
    sha256: str
    n_bytes: int
    content: Content = "file"

    def places(self, cache: Path) -> list[Path]:
        """Where a copy is used: its own place, and the cache folder, as in earlier versions."""
        own = cache / self.filename
        return list(dict.fromkeys([own, cache / own.name]))

    def is_in(self, cache: Path) -> bool:
        """True if a file of this name is there; whether it is intact, `problem` says."""
        return any(os.path.isfile(place) for place in self.places(cache))

    def problem(self, raw: bytes) -> str | None:
        """None if `raw` is this file, undamaged; otherwise what is wrong with it, in words."""
        try:
            actual = content_sha256(raw, self.content)
        except DataFormatError as error:
            return f"{error}; {len(raw):,} bytes"
        if actual != self.sha256:
            return f"wrong checksum: SHA-256 {actual}, expected {self.sha256}; {len(raw):,} bytes"
        return None


@dataclass(frozen=True)
class DatasetInfo:
    """One data set, before it is read.

    n_examples: in train, valid and test. example_shape: (C, H, W), (1, T) for sounds, (1, T, H, W)
    for clips. files: none if the examples are part of the package, or made when they are loaded.
    substitute: the set without files that can stand for this one where there is no network.
    packaged: the name of the file of this room that holds the examples.

    reader: "module.function" of this room, from the contents of `files`, in that order, to three
    splits, or to a training pool, whose last examples become the validation split, and test.
    """

    name: str
    title: str
    n_examples: tuple[int, int, int]
    example_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    reader: str
    licence: str
    source: str
    attribution: str
    note: str
    files: tuple[RemoteFile, ...] = ()
    n_levels: int = 256
    substitute: str = SAMPLE
    packaged: str = ""

    @property
    def kind(self) -> str:
        """ "sounds", "images" or "clips", by the axes of an example."""
        return {2: "sounds", 3: "images", 4: "clips"}[len(self.example_shape)]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """{"train": (N, C, H, W), "valid": ..., "test": ...}."""
        shapes = [(n, *self.example_shape) for n in self.n_examples]
        return dict(zip(SPLITS, shapes, strict=True))

    @property
    def download_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files)

    @property
    def embedded(self) -> bool:
        """Does it need no network?"""
        return not self.files

    @property
    def generated(self) -> bool:
        """Is it made whenever it is loaded, since no file holds it?"""
        return self.embedded and not self.packaged

    @property
    def cached(self) -> bool:
        """Do all its files lie in the cache folder? They are verified when they are read."""
        return not self.embedded and all(file.is_in(cache_dir()) for file in self.files)

    def parse(self, contents: list[bytes]) -> Any:
        """The ImageDataset in these contents; `DataFormatError` if a split has another shape."""
        from tutorial_lib.data.dataset import ImageDataset, hold_out_last

        module, reader = self.reader.split(".")
        splits = getattr(import_module(f"tutorial_lib.data.{module}"), reader)(*contents)
        if len(splits) == 2:
            splits = (*hold_out_last(splits[0], self.n_examples[1]), splits[1])
        for split, (split_name, shape) in zip(splits, self.shapes.items(), strict=True):
            if split.levels.shape != shape:
                raise DataFormatError(
                    f"{self.name}: the {split_name} split has shape {tuple(split.levels.shape)}, "
                    f"expected {shape}"
                )
        return ImageDataset(self.name, *splits, self.n_levels, self.class_names)


def _entry(*, files: Sequence[dict] = (), **told: Any) -> DatasetInfo:
    """An entry of catalog.json, whose lists are tuples here."""
    found = tuple(RemoteFile(**each | {"urls": tuple(each["urls"])}) for each in files)
    told = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
    return DatasetInfo(**told, files=found)


TABLE = json.loads(resources.files(__package__).joinpath("catalog.json").read_text("utf-8"))
CATALOG = {told["name"]: _entry(**told) for told in TABLE}


def names() -> tuple[str, ...]:
    """The names of all data sets; the sample that is part of the package comes first."""
    return tuple(CATALOG)


@checked
def describe(name: str) -> DatasetInfo:
    """Title, licence, sizes and whereabouts of `name`, without reading or downloading it.

    `ValueError` with the names there are, and the nearest of them.
    """
    if name not in CATALOG:
        hint = did_you_mean(name, CATALOG)
        raise ValueError(f"no data set {name!r}.{hint} There are: {', '.join(CATALOG)}.")
    return CATALOG[name]


@checked
def facts_by_name(dataset: str, n_levels: Several) -> RunFacts | None:
    """The facts of a run on a data set of the catalog in so many levels; None for another name."""
    entry = CATALOG.get(dataset)
    if entry is None:
        return None
    return RunFacts(entry.name, entry.example_shape, n_levels, entry.class_names)
