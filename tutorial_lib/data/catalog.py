"""Every data set: whose it is, how its files are read, what must come out.

The readers need torch and are imported when a set is read, so that the table itself is light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.contracts.plain import require_int, require_text
from tutorial_lib.contracts.suggestions import did_you_mean
from tutorial_lib.data import sources
from tutorial_lib.data.errors import DataFormatError
from tutorial_lib.data.remote_file import RemoteFile

Splits = tuple[Any, Any, Any]  # three of dataset.Split
SPLITS = ("train", "valid", "test")
SAMPLE = "fashion-mnist-sample"
WORDS = ("ami", "ima", "olu", "ulo", "ane", "ena", "wei", "yao", "lam", "nul")
DIGITS = tuple("0123456789")
GARMENTS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
OBJECTS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@dataclass(frozen=True)
class CatalogEntry:
    """One data set.

    n_examples: in train, valid and test. example_shape: (C, H, W), (1, T) for audio, (1, T, H, W)
    for clips. files: none if the examples are part of the package, or made when they are loaded.
    substitute: the set without files that can stand for this one where there is no network.

    read: from the contents of `files`, in that order, to (train, valid, test). It is handed the
    entry too, since the official files of some sets leave the size of the validation split to us.
    """

    name: str
    title: str
    n_examples: tuple[int, int, int]
    example_shape: tuple[int, ...]
    n_levels: int
    class_names: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    read: Callable[[CatalogEntry, list[bytes]], Splits]
    licence: str
    source: str
    attribution: str
    note: str
    substitute: str = SAMPLE

    @property
    def kind(self) -> str:
        """ "sounds", "images" or "clips", by the axes of an example."""
        return {2: "sounds", 3: "images", 4: "clips"}[len(self.example_shape)]

    def parse(self, contents: list[bytes]) -> Any:
        """The ImageDataset in these contents; `DataFormatError` if a split has another shape."""
        from tutorial_lib.data.dataset import ImageDataset

        splits = self.read(self, contents)
        for split_name, split, n in zip(SPLITS, splits, self.n_examples, strict=True):
            if split.levels.shape != (n, *self.example_shape):
                raise DataFormatError(
                    f"{self.name}: the {split_name} split has shape {tuple(split.levels.shape)}, "
                    f"expected {(n, *self.example_shape)}"
                )
        return ImageDataset(self.name, *splits, self.n_levels, self.class_names)


def find(name: str) -> CatalogEntry:
    """The entry called `name`; `ValueError` with the names there are, and the nearest of them."""
    if require_text("the name of a data set", name) not in CATALOG:
        hint = did_you_mean(name, CATALOG)
        raise ValueError(f"no data set {name!r}.{hint} There are: {', '.join(CATALOG)}.")
    return CATALOG[name]


def _read_sample(entry: CatalogEntry, contents: list[bytes]) -> Splits:
    from tutorial_lib.data import sample

    return sample.read_sample()


def _read_idx(entry: CatalogEntry, contents: list[bytes]) -> Splits:
    from tutorial_lib.data import dataset, idx

    pool, test = idx.read_idx_pair(*contents[:2]), idx.read_idx_pair(*contents[2:])
    return *dataset.hold_out_last(pool, entry.n_examples[1]), test


def _read_amat(entry: CatalogEntry, contents: list[bytes]) -> Splits:
    from tutorial_lib.data import amat

    _, height, width = entry.example_shape
    return tuple(amat.read_amat(text, height=height, width=width) for text in contents)


def _read_cifar(entry: CatalogEntry, contents: list[bytes]) -> Splits:
    from tutorial_lib.data import cifar, dataset

    pool, test = cifar.read_cifar(*contents)
    return *dataset.hold_out_last(pool, entry.n_examples[1]), test


def _read_spoken_digits(entry: CatalogEntry, contents: list[bytes]) -> Splits:
    from tutorial_lib.data import spoken_digits

    return spoken_digits.read_spoken_digits(*contents)


def _read_voiced_tones(entry: CatalogEntry, contents: list[bytes]) -> Splits:
    from tutorial_lib.data import voiced_tones

    return voiced_tones.read_voiced_tones()


def _read_bouncing_garments(entry: CatalogEntry, contents: list[bytes]) -> Splits:
    from tutorial_lib.data import bouncing_garments

    return bouncing_garments.read_bouncing_garments()


ENTRIES = (
    CatalogEntry(
        name=SAMPLE,
        title="Sample of Fashion-MNIST",
        n_examples=(9_000, 1_000, 2_000),
        example_shape=(1, 28, 28),
        n_levels=256,
        class_names=GARMENTS,
        files=(),
        read=_read_sample,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
        attribution="Zalando Research: Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747",
        note="Part of the package, so it needs no network. Balanced over classes; each split is "
        "drawn from the same split of fashion-mnist.",
    ),
    CatalogEntry(
        name="fashion-mnist",
        title="Fashion-MNIST",
        n_examples=(55_000, 5_000, 10_000),
        example_shape=(1, 28, 28),
        n_levels=256,
        class_names=GARMENTS,
        files=sources.FASHION_MNIST,
        read=_read_idx,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
        attribution="Zalando Research: Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747",
        note="Valid is the last 5,000 of the 60,000 training images.",
    ),
    CatalogEntry(
        name="binarized-mnist",
        title="Binarized MNIST, fixed binarisation",
        n_examples=(50_000, 10_000, 10_000),
        example_shape=(1, 28, 28),
        n_levels=2,
        class_names=(),
        files=sources.BINARIZED_MNIST,
        read=_read_amat,
        licence="not stated (MNIST)",
        source="http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/",
        attribution="Larochelle and Murray 2011, from MNIST: LeCun, Cortes and Burges 1998",
        note="The authors' own three splits; no labels (all are -1). The test split is sorted by "
        "digit, so never judge by its head.",
    ),
    CatalogEntry(
        name="mnist",
        title="MNIST",
        n_examples=(55_000, 5_000, 10_000),
        example_shape=(1, 28, 28),
        n_levels=256,
        class_names=DIGITS,
        files=sources.MNIST,
        read=_read_idx,
        licence="CC BY-SA 3.0",
        source="http://yann.lecun.com/exdb/mnist/",
        attribution="LeCun, Cortes and Burges 1998",
        note="Valid is the last 5,000 of the 60,000 training images. Comes from mirrors, and the "
        "licence is the one usually stated.",
    ),
    CatalogEntry(
        name="cifar10",
        title="CIFAR-10",
        n_examples=(45_000, 5_000, 10_000),
        example_shape=(3, 32, 32),
        n_levels=256,
        class_names=OBJECTS,
        files=sources.CIFAR10,
        read=_read_cifar,
        licence="not stated",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        attribution="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
        note="Valid is the last 5,000 of the 50,000 training images. Its authors ask to be cited. "
        "From the binary archive, because the python one holds pickles.",
    ),
    CatalogEntry(
        name="spoken-digits",
        title="Free Spoken Digit Dataset",
        n_examples=(2_400, 300, 300),
        example_shape=(1, 8192),
        n_levels=256,
        class_names=DIGITS,
        files=sources.SPOKEN_DIGITS,
        read=_read_spoken_digits,
        licence="CC BY-SA 4.0",
        source="https://github.com/Jakobovski/free-spoken-digit-dataset",
        attribution="Zohar Jackson and contributors",
        note="Audio at 8 kHz as mu-law levels, 1.024 s by cropping or silence. Of every speaker "
        "and digit, recordings 0 to 4 are test and 5 to 9 valid.",
        substitute="voiced-tones",
    ),
    CatalogEntry(
        name="voiced-tones",
        title="Voiced tones: synthetic words in six voices",
        n_examples=(2_400, 300, 300),
        example_shape=(1, 8192),
        n_levels=256,
        class_names=WORDS,
        files=(),
        read=_read_voiced_tones,
        licence="MIT",
        source="made by tutorial_lib.data.voiced_tones",
        attribution="The From Pixels to Codes authors",
        note="Takes the place of spoken-digits where there is no network: the same rate, length, "
        "levels and sizes. Pulses through formants, not speech; easier than recordings. Made in a "
        "few seconds from a fixed seed, whenever it is loaded.",
    ),
    CatalogEntry(
        name="bouncing-garments",
        title="Bouncing garments: clips made of the sample",
        n_examples=(2_400, 300, 300),
        example_shape=(1, 16, 32, 32),
        n_levels=256,
        class_names=GARMENTS,
        files=(),
        read=_read_bouncing_garments,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
        attribution="The From Pixels to Codes authors, with garments of Zalando Research: Xiao, "
        "Rasul and Vollgraf 2017, arXiv 1708.07747",
        note="16 frames with one garment or two of fashion-mnist-sample, halved to 14x14; the "
        "label is the class of the one in front. Each split uses garments of the same split of the "
        "sample. Made in about a second from a fixed seed, whenever it is loaded.",
    ),
)
CATALOG = {entry.name: entry for entry in ENTRIES}


def facts_by_name(dataset: str, n_levels: int) -> RunFacts | None:
    """The facts of a run on a data set of the catalog in so many levels; None for another name."""
    require_text("dataset", dataset)
    require_int("n_levels", n_levels, at_least=2)
    entry = CATALOG.get(dataset)
    if entry is None:
        return None
    return RunFacts(entry.name, entry.example_shape, n_levels, entry.class_names)
