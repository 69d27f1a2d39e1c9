"""Reads the text files of binarized MNIST: one image a line, its 784 pixels as 0 or 1.

The fixed binarisation of Larochelle and Murray (2011): each pixel was drawn once, as a coin whose
probability of 1 is the intensity in MNIST. Numbers on this set compare with the PixelRNN paper's
table of binarized MNIST; numbers on MNIST thresholded, or drawn anew every epoch, do not.

Since every pixel takes two bytes, the text is a byte array already: 110 MB parse in a fraction of a
second.
"""

import numpy as np
import torch

from tutorial_lib.contracts.plain import require_bytes, require_int
from tutorial_lib.data.dataset import UNLABELLED, Split
from tutorial_lib.data.errors import DataFormatError


def parse_amat(text: bytes, *, height: int = 28, width: int = 28) -> np.ndarray:
    """(N, height, width) uint8 of 0 and 1; `DataFormatError` that names the first bad line."""
    require_bytes("text", text)
    require_int("height", height, at_least=1)
    require_int("width", width, at_least=1)
    line_size = 2 * height * width
    if len(text) % line_size:
        raise DataFormatError(
            f"{len(text):,} bytes are no whole number of lines of {height * width} pixels "
            f"({line_size:,} bytes each): the file is cut short or not in this format"
        )
    lines = np.frombuffer(text, np.uint8).reshape(-1, line_size)
    pixels, separators = lines[:, 0::2] - ord("0"), lines[:, 1::2]
    good = (pixels <= 1).all(axis=1)  # other characters wrap around to 2 and above
    good &= (separators[:, :-1] == ord(" ")).all(axis=1) & (separators[:, -1] == ord("\n"))
    if not good.all():
        number = int(np.argmin(good)) + 1
        raise DataFormatError(
            f"line {number} is not {height * width} times 0 or 1 between single spaces"
        )
    return pixels.reshape(-1, height, width)


def read_amat(text: bytes, *, height: int = 28, width: int = 28) -> Split:
    """A Split of (N, 1, height, width) binary levels; the set has no labels, so all are -1."""
    pixels = parse_amat(text, height=height, width=width)
    labels = torch.full((len(pixels),), UNLABELLED, dtype=torch.int64)
    return Split(torch.from_numpy(pixels[:, None]), labels)
