"""The calls that notebooks make: load a data set, fetch its files."""

from pathlib import Path

from tutorial_lib.contracts import checked
from tutorial_lib.data import sample
from tutorial_lib.data.catalog import SAMPLE, DatasetInfo, cache_dir, describe
from tutorial_lib.data.dataset import ImageDataset
from tutorial_lib.data.download import find_here, obtain


@checked
def load(name: str, *, progress: bool = True) -> ImageDataset:
    """The data set `name`, made or read from the package or the cache, else downloaded first.

    Raises `ValueError` for an unknown name, `DataUnavailable` if a file is neither in the cache nor
    to be had, `DataFormatError` if a file is not what its format promises. progress: show download
    bars.
    """
    info = describe(name)
    return info.parse([content for _, content in _obtained(info, progress)])


@checked
def fetch(name: str, *, progress: bool = True) -> list[Path]:
    """The paths of the files of `name`, all verified, after downloading those that were missing.

    None for a set that is made when it is loaded.
    """
    info = describe(name)
    if name == SAMPLE:
        sample.read_arrays()
        return [sample.SAMPLE_PATH]
    return [path for path, _ in _obtained(info, progress)]


@checked
def load_if_here(name: str) -> ImageDataset | None:
    """The data set `name` if it needs no download, else None: nothing is fetched."""
    info = describe(name)
    found = [find_here(file, cache_dir()) for file in info.files]
    return None if None in found else info.parse([content for _, content in found])


def _obtained(info: DatasetInfo, progress: bool) -> list[tuple[Path, bytes]]:
    return obtain(info.files, cache_dir(), progress=progress, substitute=info.substitute)
