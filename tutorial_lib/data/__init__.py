"""Data sets as integer levels: `data.load("fashion-mnist-sample")` and seven more.

dataset        Split and ImageDataset, what every loader returns
loading        load, fetch, describe, names
catalog        every data set by name: sizes, licence, reader
sources        addresses and checksums
download       mirrors, verification, atomic placement
remote_file    one file and its checksum
cache          the folder of downloads
archives       gzip, tar and zip, opened in memory
idx, amat, cifar, spoken_digits, mu_law, sample    one format each
voiced_tones, bouncing_garments    sounds and clips made on the spot
commands       what `python -m tutorial_lib data ...` prints
contact_sheet  examples as a picture
errors         the two ways in which this can fail
"""

from tutorial_lib.data.cache import cache_dir
from tutorial_lib.data.dataset import UNLABELLED, ImageDataset, Split
from tutorial_lib.data.errors import DataFormatError, DataUnavailable
from tutorial_lib.data.loading import DatasetInfo, describe, fetch, load, names

__all__ = [
    "UNLABELLED",
    "DataFormatError",
    "DataUnavailable",
    "DatasetInfo",
    "ImageDataset",
    "Split",
    "cache_dir",
    "describe",
    "fetch",
    "load",
    "names",
]
