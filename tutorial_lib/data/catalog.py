"""Every data set: whose it is, where its files are, how they are read, what must come out.

The readers need torch and are imported when a set is read, so that the table itself is light.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.contracts import Several, checked
from tutorial_lib.contracts.suggestions import did_you_mean
from tutorial_lib.data import sources
from tutorial_lib.data.errors import DataFormatError
from tutorial_lib.data.remote_file import RemoteFile, cache_dir

SPLITS = ("train", "valid", "test")
SAMPLE = "fashion-mnist-sample"


@dataclass(frozen=True)
class DatasetInfo:
    """One data set, before it is read.

    n_examples: in train, valid and test. example_shape: (C, H, W), (1, T) for sounds, (1, T, H, W)
    for clips. files: none if the examples are part of the package, or made when they are loaded.
    substitute: the set without files that can stand for this one where there is no network.

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
        return self.embedded and self.name != SAMPLE

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


WORDS = tuple("ami ima olu ulo ane ena wei yao lam nul".split())
DIGITS = tuple("0123456789")
GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
OBJECTS = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
FASHION_MNIST = "https://github.com/zalandoresearch/fashion-mnist"
ZALANDO = "Zalando Research: Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747"
AUTHORS = "The From Pixels to Codes authors"
ENTRIES = (
    DatasetInfo(
        SAMPLE,
        "Sample of Fashion-MNIST",
        (9_000, 1_000, 2_000),
        (1, 28, 28),
        GARMENTS,
        "sample.read_sample",
        licence="MIT",
        source=FASHION_MNIST,
        attribution=ZALANDO,
        note="Part of the package, so it needs no network. Balanced over classes; each split is "
        "drawn from the same split of fashion-mnist.",
    ),
    DatasetInfo(
        "fashion-mnist",
        "Fashion-MNIST",
        (55_000, 5_000, 10_000),
        (1, 28, 28),
        GARMENTS,
        "image_files.read_idx",
        licence="MIT",
        source=FASHION_MNIST,
        attribution=ZALANDO,
        note="Valid is the last 5,000 of the 60,000 training images.",
        files=sources.FASHION_MNIST,
    ),
    DatasetInfo(
        "binarized-mnist",
        "Binarized MNIST, fixed binarisation",
        (50_000, 10_000, 10_000),
        (1, 28, 28),
        (),
        "image_files.read_amat",
        licence="not stated (MNIST)",
        source=sources.LAROCHELLE,
        attribution="Larochelle and Murray 2011, from MNIST: LeCun, Cortes and Burges 1998",
        note="The authors' own three splits; no labels (all are -1). The test split is sorted by "
        "digit, so never judge by its head.",
        files=sources.BINARIZED_MNIST,
        n_levels=2,
    ),
    DatasetInfo(
        "mnist",
        "MNIST",
        (55_000, 5_000, 10_000),
        (1, 28, 28),
        DIGITS,
        "image_files.read_idx",
        licence="CC BY-SA 3.0",
        source="http://yann.lecun.com/exdb/mnist/",
        attribution="LeCun, Cortes and Burges 1998",
        note="Valid is the last 5,000 of the 60,000 training images. Comes from mirrors, and the "
        "licence is the one usually stated.",
        files=sources.MNIST,
    ),
    DatasetInfo(
        "cifar10",
        "CIFAR-10",
        (45_000, 5_000, 10_000),
        (3, 32, 32),
        OBJECTS,
        "image_files.read_cifar",
        licence="not stated",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        attribution="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
        note="Valid is the last 5,000 of the 50,000 training images. Its authors ask to be cited. "
        "From the binary archive, because the python one holds pickles.",
        files=sources.CIFAR10,
    ),
    DatasetInfo(
        "spoken-digits",
        "Free Spoken Digit Dataset",
        (2_400, 300, 300),
        (1, 8192),
        DIGITS,
        "spoken_digits.read_spoken_digits",
        licence="CC BY-SA 4.0",
        source="https://github.com/Jakobovski/free-spoken-digit-dataset",
        attribution="Zohar Jackson and contributors",
        note="Audio at 8 kHz as mu-law levels, 1.024 s by cropping or silence. Of every speaker "
        "and digit, recordings 0 to 4 are test and 5 to 9 valid.",
        files=sources.SPOKEN_DIGITS,
        substitute="voiced-tones",
    ),
    DatasetInfo(
        "voiced-tones",
        "Voiced tones: synthetic words in six voices",
        (2_400, 300, 300),
        (1, 8192),
        WORDS,
        "voiced_tones.read_voiced_tones",
        licence="MIT",
        source="made by tutorial_lib.data.voiced_tones",
        attribution=AUTHORS,
        note="Takes the place of spoken-digits where there is no network: the same rate, length, "
        "levels and sizes. Pulses through formants, not speech; easier than recordings. Made in a "
        "few seconds from a fixed seed, whenever it is loaded.",
    ),
    DatasetInfo(
        "bouncing-garments",
        "Bouncing garments: clips made of the sample",
        (2_400, 300, 300),
        (1, 16, 32, 32),
        GARMENTS,
        "bouncing_garments.read_bouncing_garments",
        licence="MIT",
        source=FASHION_MNIST,
        attribution=f"{AUTHORS}, with garments of {ZALANDO}",
        note="16 frames with one garment or two of fashion-mnist-sample, halved to 14x14; the "
        "label is the class of the one in front. Each split uses garments of the same split of the "
        "sample. Made in about a second from a fixed seed, whenever it is loaded.",
    ),
)
CATALOG = {entry.name: entry for entry in ENTRIES}


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
