"""Loads a data set, getting its files into the cache folder. Nothing unverified is ever trusted.

`pooch` does the transport (HTTP, timeouts, the progress bar). This module adds what its `retrieve`
lacks: mirrors, checksums of a payload rather than of a file, a check at every use rather than once,
and an error that tells a learner without a network what to do.

A download goes to a name of its own, is verified, and only then renamed into place, which is
atomic: two processes at once both end with a good file. A file with another content than it should
have may be somebody's own: it is never deleted nor overwritten. In a data set's own folder it is
refused, by name; outside it is left alone.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pooch
from requests import exceptions
from tqdm.auto import tqdm

from tutorial_lib.contracts import checked
from tutorial_lib.data.archives import DataUnavailable
from tutorial_lib.data.catalog import SAMPLE, DatasetInfo, RemoteFile, cache_dir, describe
from tutorial_lib.data.dataset import ImageDataset

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 2**16


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
    if info.packaged:
        info.parse([])
        return [Path(__file__).with_name(info.packaged)]
    return [path for path, _ in _obtained(info, progress)]


@checked
def load_if_here(name: str) -> ImageDataset | None:
    """The data set `name` if it needs no download, else None: nothing is fetched."""
    info = describe(name)
    found = [find_here(file, cache_dir()) for file in info.files]
    return None if None in found else info.parse([content for _, content in found])


def _obtained(info: DatasetInfo, progress: bool) -> list[tuple[Path, bytes]]:
    return obtain(info.files, cache_dir(), progress=progress, substitute=info.substitute)


class _Failed(Exception):
    """An address did not give the file, for the reason in the message; offline: none answered."""

    def __init__(self, reason: str, *, offline: bool = False):
        super().__init__(reason)
        self.offline = offline


def obtain(
    files: Sequence[RemoteFile], folder: Path, *, progress: bool = True, substitute: str = SAMPLE
) -> list[tuple[Path, bytes]]:
    """Where each file lies, and its verified bytes; what is not in `folder` is downloaded into it.

    Raises `DataUnavailable` at the first file that cannot be had; its message names `substitute`,
    the data set that needs no network.
    """
    found = []
    for file in files:
        try:
            found.append(find_here(file, folder) or _fetch(file, folder, progress))
        except _Failed as failure:
            offline, broken = "there is no network connection", "no address gave it intact"
            absent = [other for other in files if not other.is_in(folder)]
            places = [f"    {other.urls[0]}  ->  {folder / other.filename}" for other in absent]
            raise DataUnavailable(
                f"{file.filename} is not in the cache folder {folder}, and "
                f"{offline if failure.offline else broken}:\n{failure}\n"
                "Try again later, or download by hand and save as:\n" + "\n".join(places) + "\n"
                "(TUTORIAL_DATA_DIR names another cache folder.)\n"
                f'Without a network, data.load("{substitute}") always works.'
            ) from failure
        except OSError as error:
            raise DataUnavailable(
                f"the cache folder {folder} cannot be used: {error}.\nSet TUTORIAL_DATA_DIR to a "
                f'folder that you may write to and that has room, or use data.load("{substitute}").'
            ) from error
    return found


def find_here(file: RemoteFile, folder: Path) -> tuple[Path, bytes] | None:
    """Where an intact copy of the file lies, and its content; None if none is here."""
    for place in file.places(folder):
        content = _read_if_present(place)
        if content is not None and file.problem(content) is None:
            return place, content
    return None


def _fetch(file: RemoteFile, folder: Path, progress: bool) -> tuple[Path, bytes]:
    path, failures = folder / file.filename, {}
    _require_free(path, file)
    for url in file.urls:
        try:
            return path, _download(url, file, path, progress)
        except _Failed as failure:
            failures[url] = failure
    reasons = "\n".join(f"    {url}: {failure}" for url, failure in failures.items())
    raise _Failed(reasons, offline=all(failure.offline for failure in failures.values()))


def _require_free(path: Path, file: RemoteFile) -> None:
    """DataUnavailable if another file lies where this one belongs: it is not ours to delete."""
    content = _read_if_present(path)
    problem = None if content is None else file.problem(content)
    if problem is not None:
        raise DataUnavailable(
            f"{path} is not the file of that name that this data set needs ({problem}). It is left "
            f"as it is. If it is a download that was damaged, delete it; if it is a file of yours, "
            f"move it, or let TUTORIAL_DATA_DIR name another folder. Then run this again."
        )


def _read_if_present(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _download(url: str, file: RemoteFile, path: Path, progress: bool) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as stream:
            _transfer(url, stream, file, progress)
        raw = part.read_bytes()
        problem = file.problem(raw)
        if problem is not None:
            raise _Failed(problem)
        if _read_if_present(path) is None:
            os.replace(part, path)
        _require_free(path, file)  # another process, or a user, may have been faster
    finally:
        part.unlink(missing_ok=True)
    return raw


def _transfer(url: str, stream: BinaryIO, file: RemoteFile, progress: bool) -> None:
    """Write what `url` serves to `stream`; `_Failed` with the reason if that breaks off."""
    name, size = file.filename, file.n_bytes
    with tqdm(total=size, desc=name, unit="B", unit_scale=True, disable=not progress) as bar:
        download = pooch.HTTPDownloader(
            progressbar=bar if progress else False,
            chunk_size=CHUNK_BYTES,
            timeout=TIMEOUT_SECONDS,
            # Without this a server may send a .gz file as "plain bytes, compressed for transport".
            headers={"Accept-Encoding": "identity"},
        )
        try:
            download(url, stream, None)
        except exceptions.RequestException as error:
            if error.response is not None:
                error.response.close()  # pooch leaves the connection of a refused request open
            raise _explain(error) from error


def _explain(error: exceptions.RequestException) -> _Failed:
    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        code, reason = error.response.status_code, error.response.reason or ""
        return _Failed(f"the server answered {code} {reason}".strip())
    if isinstance(error, exceptions.Timeout):
        return _Failed(f"no answer within {TIMEOUT_SECONDS} seconds", offline=True)
    if isinstance(error, exceptions.ChunkedEncodingError):
        return _Failed("the connection broke before the end of the file")
    if isinstance(error, exceptions.ConnectionError):
        kind = type(error).__name__  # a subclass, such as ProxyError or SSLError, tells more
        detail = "" if kind == "ConnectionError" else f" ({kind})"
        return _Failed(f"no connection{detail}", offline=True)
    return _Failed(f"{type(error).__name__}: {error}")
