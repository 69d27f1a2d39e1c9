"""Reads IDX, the format of MNIST and Fashion-MNIST.

    byte 0, 1   zero
    byte 2      type of the numbers; 0x08 means unsigned bytes, the only type these sets use
    byte 3      number of dimensions: 3 for images (N, H, W), 1 for labels (N,)
    then        each dimension as a big-endian 32-bit number
    then        the numbers, last dimension fastest

The files come gzipped.
"""

import struct

import numpy as np
import torch

from tutorial_lib.contracts.plain import require_bytes, require_int
from tutorial_lib.data.archives import gunzip
from tutorial_lib.data.dataset import Split
from tutorial_lib.data.errors import DataFormatError

UNSIGNED_BYTE = 0x08


def parse_idx(payload: bytes, *, n_dims: int) -> np.ndarray:
    """The uint8 array in a decompressed IDX file; read-only, it shares the memory of `payload`.

    `DataFormatError` if the magic number is another one than `n_dims` dimensions of unsigned bytes,
    or if the file is longer or shorter than its header says.
    """
    require_bytes("payload", payload)
    require_int("n_dims", n_dims, at_least=1)
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


def read_idx_pair(images_gz: bytes, labels_gz: bytes) -> Split:
    """A Split of (N, 1, H, W) levels from a gzipped image file and its gzipped label file."""
    require_bytes("images_gz", images_gz)
    require_bytes("labels_gz", labels_gz)
    images = parse_idx(gunzip(images_gz), n_dims=3)
    labels = parse_idx(gunzip(labels_gz), n_dims=1)
    if len(images) != len(labels):
        raise DataFormatError(f"{len(images):,} images, but {len(labels):,} labels")
    # np.array copies: torch wants memory that it may write to.
    levels = torch.from_numpy(np.array(images[:, None]))
    return Split(levels, torch.from_numpy(labels.astype(np.int64)))
