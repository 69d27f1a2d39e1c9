"""Reads CIFAR-10 from its *binary* archive.

The better known python archive holds pickles, and unpickling a downloaded file runs whatever code
is in it. The binary archive of the same authors holds the same images as plain records:

    1 byte      label 0 .. 9
    3072 bytes  1024 red, then 1024 green, then 1024 blue levels, each plane 32 x 32 in raster order

so a file is an array of shape (N, 3073), and the planes already lie as (C, H, W).
"""

import numpy as np
import torch

from tutorial_lib.contracts.plain import require_bytes
from tutorial_lib.data.archives import read_tar_members
from tutorial_lib.data.dataset import Split
from tutorial_lib.data.errors import DataFormatError

FOLDER = "cifar-10-batches-bin"
TRAIN_MEMBERS = [f"{FOLDER}/data_batch_{number}.bin" for number in range(1, 6)]
TEST_MEMBER = f"{FOLDER}/test_batch.bin"
IMAGE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32


def parse_cifar(records: bytes) -> Split:
    """A Split of (N, 3, 32, 32) levels from concatenated records."""
    if len(require_bytes("records", records)) % RECORD_BYTES:
        raise DataFormatError(
            f"{len(records):,} bytes are no whole number of records of {RECORD_BYTES:,} bytes: "
            "the file is cut short or not in this format"
        )
    table = np.frombuffer(records, np.uint8).reshape(-1, RECORD_BYTES)
    if len(table) and table[:, 0].max() > 9:
        raise DataFormatError(f"label {table[:, 0].max()} in a set with labels 0 to 9")
    levels = torch.from_numpy(np.array(table[:, 1:])).reshape(-1, *IMAGE_SHAPE)
    return Split(levels, torch.from_numpy(table[:, 0].astype(np.int64)))


def read_cifar(archive: bytes) -> tuple[Split, Split]:
    """(training pool, test) from the whole cifar-10-binary.tar.gz, batches in numbered order."""
    require_bytes("archive", archive)
    *batches, test = read_tar_members(archive, [*TRAIN_MEMBERS, TEST_MEMBER])
    return parse_cifar(b"".join(batches)), parse_cifar(test)
