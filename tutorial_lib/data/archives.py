"""Opens compressed files in memory, and turns every kind of damage into one error.

Nothing is extracted to disk: members are asked for by exact name, so a name such as
`../../.profile` in a hostile archive can write nowhere. Members are plain bytes; no reader of this
package unpickles anything.
"""

import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib

from tutorial_lib.contracts.plain import require_bytes, require_instance, require_text
from tutorial_lib.data.errors import DataFormatError

# What the standard library raises on damaged input. EOFError: the stream stops early. OSError: no
# gzip header, or a wrong CRC. RuntimeError, NotImplementedError: a zip member that asks for a
# password or for an unknown compression.
_DAMAGE = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def gunzip(raw: bytes) -> bytes:
    """The payload of a whole .gz file; `DataFormatError` if it is cut short or damaged."""
    if not require_bytes("raw", raw):
        raise DataFormatError("truncated or damaged gzip file (it is empty)")
    try:
        return gzip.decompress(raw)
    except _DAMAGE as error:
        raise DataFormatError(f"truncated or damaged gzip file ({error})") from error


def read_tar_members(raw: bytes, names: list[str]) -> list[bytes]:
    """The files called `names` inside a .tar.gz file, in that order."""
    require_bytes("raw", raw)
    for name in require_instance("names", names, list):
        require_text("each of names", name)
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
            return [_read_tar_member(archive, name) for name in names]
    except DataFormatError:
        raise
    except _DAMAGE as error:
        raise DataFormatError(f"truncated or damaged tar.gz file ({error})") from error


def _read_tar_member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        member = archive.extractfile(name)
    except KeyError as error:
        raise DataFormatError(f"the archive has no file {name!r}") from error
    if member is None:
        raise DataFormatError(f"{name!r} in the archive is not a plain file")
    return member.read()


def read_zip_members(raw: bytes, pattern: str) -> dict[str, bytes]:
    """{base name: content} of members whose whole path matches `pattern`, sorted by base name."""
    require_bytes("raw", raw)
    try:
        re.compile(require_text("pattern", pattern))
    except re.error as error:
        raise ValueError(f"pattern must be a regular expression, got {pattern!r}") from error
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            paths = [path for path in archive.namelist() if re.fullmatch(pattern, path)]
            contents = {path.rpartition("/")[2]: archive.read(path) for path in paths}
    except _DAMAGE as error:
        raise DataFormatError(f"truncated or damaged zip file ({error})") from error
    return dict(sorted(contents.items()))
