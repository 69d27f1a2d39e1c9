"""Every downloaded data set, made small: files of its formats, and its entry of the catalog."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from small_data_files import amat_text, cifar_archive, idx_gz, spoken_digits_zip

from tutorial_lib.data.archives import content_sha256
from tutorial_lib.data.catalog import CATALOG

RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.integers(0, 256, (10, 28, 28))
LABELS = np.arange(10)
BINARY = RANDOM.integers(0, 2, (7, 28, 28))
COLOR = RANDOM.integers(0, 256, (12, 3, 32, 32))
SOUNDS = {
    f"{digit}_ann_{number}.wav": RANDOM.integers(-99, 99, 50)
    for digit in (0, 1)
    for number in (0, 5, 10, 11)
}

IDX_CONTENTS = [idx_gz(IMAGES[:7]), idx_gz(LABELS[:7]), idx_gz(IMAGES[7:]), idx_gz(LABELS[7:])]
PACKAGED = ("fashion-mnist-sample", "emoji")
EMBEDDED = (*PACKAGED, "voiced-tones", "bouncing-garments")
# For each downloaded set: the contents of its files, and the sizes of its three splits.
SMALL = {
    "fashion-mnist": (IDX_CONTENTS, (5, 2, 3)),
    "mnist": (IDX_CONTENTS, (5, 2, 3)),
    "binarized-mnist": (
        [amat_text(BINARY[part]) for part in (slice(0, 4), slice(4, 6), slice(6, 7))],
        (4, 2, 1),
    ),
    "cifar10": ([cifar_archive(COLOR, np.arange(12) % 10, batch=2)], (7, 3, 2)),
    "spoken-digits": ([spoken_digits_zip(SOUNDS)], (4, 2, 2)),
}


def small_entry(name: str, url_of: Callable[[str], str], contents: list[bytes] | None = None):
    """The catalog's entry standing for small files at other addresses; all else stays."""
    entry = CATALOG[name]
    usual, n_examples = SMALL[name]
    files = tuple(
        replace(
            file, urls=(url_of(f"/{name}/{place}"),), sha256=content_sha256(content, file.content)
        )
        for place, (file, content) in enumerate(zip(entry.files, contents or usual, strict=True))
    )
    return replace(entry, files=files, n_examples=n_examples)
