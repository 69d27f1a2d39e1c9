"""Opens compressed files in memory, and turns every kind of damage into one error, DataFormatError.

Nothing is extracted to disk: members are asked for by name, so a name such as `../../.profile` in a
hostile archive can write nowhere. Members are plain bytes; no reader of this room unpickles.
"""

import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Literal

from tutorial_lib.contracts import checked

RECORDINGS = "*/recordings/*.wav"
Content = Literal["file", "gzip", "recordings"]


class DataUnavailable(RuntimeError):
    """A data set is neither in the cache folder nor to be had; the message says what to do."""


class DataFormatError(ValueError):
    """A file does not follow its format, or holds another number of examples than it should."""


# What the standard library raises on damaged input. EOFError: the stream stops early. OSError: no
# gzip header, or a wrong CRC. RuntimeError, NotImplementedError: a zip member that asks for a
# password or for an unknown compression.
_DAMAGE = (
    *(EOFError, NotImplementedError, OSError, RuntimeError, ValueError),
    *(lzma.LZMAError, struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error),
)


@contextmanager
def _damage_named(kind: str) -> Iterator[None]:
    try:
        yield
    except DataFormatError:
        raise
    except _DAMAGE as error:
        raise DataFormatError(f"truncated or damaged {kind} file ({error})") from error


@checked
def gunzip(raw: bytes) -> bytes:
    """The payload of a whole .gz file; `DataFormatError` if it is cut short or damaged."""
    with _damage_named("gzip"):
        if not raw:
            raise EOFError("it is empty")
        return gzip.decompress(raw)


@checked
def read_tar_members(raw: bytes, names: list[str]) -> list[bytes]:
    """The files called `names` inside a .tar.gz file, in that order."""
    with _damage_named("tar.gz"), tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
        files = {member.name: member for member in archive.getmembers()}
        for name in names:
            if name not in files:
                raise DataFormatError(f"the archive has no file {name!r}")
            if not files[name].isfile():
                raise DataFormatError(f"{name!r} in the archive is not a plain file")
        return [archive.extractfile(files[name]).read() for name in names]


@checked
def read_zip_members(raw: bytes, pattern: str) -> dict[str, bytes]:
    """{base name: content} of members whose path matches, as "*.wav" does, by base name."""
    with _damage_named("zip"), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        paths = [path for path in archive.namelist() if fnmatchcase(path, pattern)]
        contents = {path.rpartition("/")[2]: archive.read(path) for path in paths}
    return dict(sorted(contents.items()))


@checked
def content_sha256(raw: bytes, content: Content) -> str:
    """SHA-256 in hexadecimal of what stays the same when a file is packed again.

        "file"        the bytes as downloaded
        "gzip"        the decompressed payload: distributions of one file differ in the header
        "recordings"  names and contents of the .wav files in the folder `recordings` of a zip: a
                      code host packs a repository on demand and does not promise its bytes

    So an intact copy is accepted wherever it comes from.
    """
    if content != "recordings":
        return hashlib.sha256(gunzip(raw) if content == "gzip" else raw).hexdigest()
    digest = hashlib.sha256()
    for name, recording in read_zip_members(raw, RECORDINGS).items():
        # Name and length first: no byte can move from one recording to the next unnoticed.
        digest.update(f"{name} {len(recording)}\n".encode() + recording)
    return digest.hexdigest()
