"""The sample of Fashion-MNIST in the package, with which every notebook runs without a network.

    train   9,000 images, 900 of each class, from the first 55,000 training images
    valid   1,000 images, 100 of each class, from the last 5,000 training images
    test    2,000 images, 200 of each class, from the 10,000 test images

Each split is drawn from the same split of the full "fashion-mnist", so a model trained on either
never saw the validation or test images of the other. Beside its images, the file says for each
which image of the full set it is. `tools/make_fashion_mnist_sample.py` makes it again from the full
set.

Fashion-MNIST: Xiao, Rasul and Vollgraf (2017), arXiv 1708.07747. MIT licence, Zalando SE; the
licence text lies beside the file.
"""

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from tutorial_lib.data.archives import DataFormatError, DataUnavailable
from tutorial_lib.data.catalog import SPLITS
from tutorial_lib.data.dataset import Split

SAMPLE_PATH = Path(__file__).with_name("fashion_mnist_sample.npz")
SAMPLE_SHA256 = "d7627a8781655a1f42fdff1a168cb9c3f199b7d6b454a99ab649dc0b543a6a58"


def read_arrays(path: Path = SAMPLE_PATH, sha256: str = SAMPLE_SHA256) -> dict[str, np.ndarray]:
    """The arrays of a file of the package by name, verified by the checksum of their content.

    Of the sample: {"train_levels": (9000, 28, 28) uint8, "train_labels": (9000,) uint8, ...};
    "train_positions" and so on are (N,) int32 rows of the official files: of the 60,000 training
    images for train and valid, of the 10,000 test images for test.
    """
    try:
        # Opened here because np.load leaves a damaged file open.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise DataUnavailable(f"{path} is missing: install the package again") from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataFormatError(f"{path} is damaged ({error}): install the package again") from error
    actual = arrays_sha256(arrays)
    if actual != sha256:
        raise DataFormatError(
            f"{path} is damaged (SHA-256 of its arrays {actual}, expected {sha256}): "
            "install the package again"
        )
    return arrays


def arrays_sha256(arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and values: the same however the file was compressed."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def read_sample() -> tuple[Split, Split, Split]:
    """(train, valid, test) Splits of (N, 1, 28, 28) levels from the shipped file."""
    arrays = {name: torch.from_numpy(array) for name, array in read_arrays().items()}
    return tuple(
        Split(arrays[f"{name}_levels"][:, None], arrays[f"{name}_labels"].long()) for name in SPLITS
    )
