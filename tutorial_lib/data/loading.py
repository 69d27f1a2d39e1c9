"""The calls that notebooks make: load a data set, fetch its files."""

from pathlib import Path

from tutorial_lib.contracts.plain import require_bool
from tutorial_lib.data import catalog, sample
from tutorial_lib.data.cache import cache_dir
from tutorial_lib.data.dataset import ImageDataset
from tutorial_lib.data.download import find_here, obtain, obtain_with_paths


def load(name: str, *, progress: bool = True) -> ImageDataset:
    """The data set `name`, made or read from the package or the cache, else downloaded first.

    Raises `ValueError` for an unknown name, `DataUnavailable` if a file is neither in the cache nor
    to be had, `DataFormatError` if a file is not what its format promises. progress: show download
    bars.
    """
    entry = catalog.find(name)
    require_bool("progress", progress)
    contents = obtain(entry.files, cache_dir(), progress=progress, substitute=entry.substitute)
    return entry.parse(contents)


def fetch(name: str, *, progress: bool = True) -> list[Path]:
    """The paths of the files of `name`, all verified, after downloading those that were missing.

    None for a set that is made when it is loaded.
    """
    entry = catalog.find(name)
    require_bool("progress", progress)
    if name == sample.NAME:
        sample.read_arrays()
        return [sample.SAMPLE_PATH]
    options = {"progress": progress, "substitute": entry.substitute}
    return [path for path, _ in obtain_with_paths(entry.files, cache_dir(), **options)]


def load_if_here(name: str) -> ImageDataset | None:
    """The data set `name` if it needs no download, else None: nothing is fetched."""
    entry = catalog.find(name)
    found = [find_here(file, cache_dir()) for file in entry.files]
    return None if None in found else entry.parse([content for _, content in found])
