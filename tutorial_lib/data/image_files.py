"""Reads the files of the public image sets: IDX, the text of binarized MNIST, CIFAR-10's records.

`parse_...` takes the content of one file, `read_...` those of a whole set, in the catalog's order.
"""

import struct

import numpy as np
import torch

from tutorial_lib.contracts import Count, checked
from tutorial_lib.data.archives import DataFormatError, gunzip, read_tar_members
from tutorial_lib.data.dataset import UNLABELLED, Split

UNSIGNED_BYTE = 0x08
CIFAR_FOLDER = "cifar-10-batches-bin"
TRAIN_MEMBERS = [f"{CIFAR_FOLDER}/data_batch_{number}.bin" for number in range(1, 6)]
TEST_MEMBER = f"{CIFAR_FOLDER}/test_batch.bin"
CIFAR_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32


def _split(levels: np.ndarray, labels: np.ndarray) -> Split:
    """Copied, since torch wants memory that it may write to."""
    return Split(torch.from_numpy(np.array(levels)), torch.from_numpy(labels.astype(np.int64)))


def _rows(content: bytes, size: int, what: str) -> np.ndarray:
    """The content as rows of `size` bytes."""
    if len(content) % size:
        raise DataFormatError(
            f"{len(content):,} bytes are no whole number of {what} ({size:,} bytes each): the file "
            "is cut short or not in this format"
        )
    return np.frombuffer(content, np.uint8).reshape(-1, size)


# ------------------------------------------------------------------------- MNIST, Fashion-MNIST


@checked
def parse_idx(payload: bytes, *, n_dims: Count) -> np.ndarray:
    """The uint8 array in a decompressed IDX file; read-only, it shares the memory of `payload`.

        byte 0, 1   zero
        byte 2      type of the numbers; 0x08 means unsigned bytes, the only type these sets use
        byte 3      number of dimensions: 3 for images (N, H, W), 1 for labels (N,)
        then        each dimension as a big-endian 32-bit number
        then        the numbers, last dimension fastest

    `DataFormatError` for another type or number of dimensions, or another length than its header
    says.
    """
    header_size = 4 + 4 * n_dims
    expected = bytes([0, 0, UNSIGNED_BYTE, n_dims])
    if payload[:4] != expected or len(payload) < header_size:
        raise DataFormatError(
            f"not an IDX file of {n_dims}-dimensional unsigned bytes: "
            f"it starts with {payload[:4].hex(' ')}, expected {expected.hex(' ')}"
        )
    shape = struct.unpack(f">{n_dims}I", payload[4:header_size])
    n_expected, n_present = int(np.prod(shape, dtype=np.int64)), len(payload) - header_size
    if n_present != n_expected:
        raise DataFormatError(
            f"the IDX header promises {n_expected:,} bytes of data (shape {shape}), "
            f"the file holds {n_present:,}"
        )
    return np.frombuffer(payload, np.uint8, offset=header_size).reshape(shape)


@checked
def read_idx_pair(images_gz: bytes, labels_gz: bytes) -> Split:
    """A Split of (N, 1, H, W) levels from a gzipped image file and its gzipped label file."""
    images = parse_idx(gunzip(images_gz), n_dims=3)
    labels = parse_idx(gunzip(labels_gz), n_dims=1)
    if len(images) != len(labels):
        raise DataFormatError(f"{len(images):,} images, but {len(labels):,} labels")
    return _split(images[:, None], labels)


def read_idx(*files_gz: bytes) -> list[Split]:
    """[training pool, test] from images and labels of the one, then of the other."""
    return [read_idx_pair(*files_gz[:2]), read_idx_pair(*files_gz[2:])]


# ------------------------------------------------------------------------------ binarized MNIST


@checked
def parse_amat(text: bytes, *, height: Count = 28, width: Count = 28) -> Split:
    """A Split of (N, 1, height, width) binary levels: one image a line, its pixels as 0 or 1.

    The fixed binarisation of Larochelle and Murray (2011): each pixel was drawn once, as a coin
    whose probability of 1 is the intensity in MNIST. Numbers on this set compare with the PixelRNN
    paper's table of binarized MNIST; numbers on MNIST thresholded, or drawn anew every epoch, do
    not. It has no labels, so all are -1. `DataFormatError` names the first bad line.
    """
    # Every pixel takes two bytes, so the text is an array already.
    lines = _rows(text, 2 * height * width, f"lines of {height * width} pixels")
    pixels, separators = lines[:, 0::2] - ord("0"), lines[:, 1::2]
    good = (pixels <= 1).all(axis=1)  # other characters wrap around to 2 and above
    good &= (separators[:, :-1] == ord(" ")).all(axis=1) & (separators[:, -1] == ord("\n"))
    if not good.all():
        number = int(np.argmin(good)) + 1
        raise DataFormatError(
            f"line {number} is not {height * width} times 0 or 1 between single spaces"
        )
    return _split(pixels.reshape(-1, 1, height, width), np.full(len(pixels), UNLABELLED))


def read_amat(*texts: bytes) -> list[Split]:
    """[train, valid, test], the authors' own."""
    return [parse_amat(text) for text in texts]


# ------------------------------------------------------------------------------------- CIFAR-10


@checked
def parse_cifar(records: bytes) -> Split:
    """A Split of (N, 3, 32, 32) levels from concatenated records.

    1 byte      label 0 .. 9
    3072 bytes  1024 red, 1024 green, 1024 blue levels, each plane 32 x 32 in raster order
    """
    table = _rows(records, RECORD_BYTES, "records")
    if len(table) and table[:, 0].max() > 9:
        raise DataFormatError(f"label {table[:, 0].max()} in a set with labels 0 to 9")
    return _split(table[:, 1:].reshape(-1, *CIFAR_SHAPE), table[:, 0])


@checked
def read_cifar(archive: bytes) -> list[Split]:
    """[training pool, test] from the whole *binary* archive, batches in numbered order.

    The better known python archive holds pickles, and unpickling a downloaded file runs whatever
    code is in it.
    """
    *batches, test = read_tar_members(archive, [*TRAIN_MEMBERS, TEST_MEMBER])
    return [parse_cifar(b"".join(batches)), parse_cifar(test)]
