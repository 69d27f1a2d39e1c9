"""One downloadable file: where it is, what it is called here, and how to know that it is intact.

The checksum is taken of whatever stays the same when a file is packed again:

    content="file"        the bytes as downloaded
    content="gzip"        the decompressed payload: distributions of one file differ in the header
    content="recordings"  names and contents of the .wav files in the folder `recordings` of a zip:
                          a code host packs a repository on demand and does not promise its bytes

So an intact copy is accepted wherever it comes from.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tutorial_lib.contracts import checked
from tutorial_lib.data.archives import DataFormatError, gunzip, read_zip_members
from tutorial_lib.files import expanded, user_cache_dir

RECORDINGS = "*/recordings/*.wav"
Content = Literal["file", "gzip", "recordings"]


def cache_dir() -> Path:
    """TUTORIAL_DATA_DIR if that is set, else this user's cache folder of the operating system.

    The folder is made by the first download, not here. Each data set has a folder of its own in it,
    where its files lie under their public names. One that was filled by hand is as good: every file
    is verified whenever it is read, and none that is here is ever deleted.
    """
    override = os.environ.get("TUTORIAL_DATA_DIR", "").strip()
    return expanded(override) if override else user_cache_dir()


@dataclass(frozen=True)
class RemoteFile:
    """A file with its addresses (tried in order), SHA-256 and download size.

    filename: path below the cache folder, in the folder of its data set. n_bytes: size of the
    download, for display and progress bars; the checksum alone decides whether a file is intact.
    """

    filename: str
    urls: tuple[str, ...]
    sha256: str
    n_bytes: int
    content: Content = "file"

    def places(self, cache: Path) -> list[Path]:
        """Where a copy is used: its own place, and the cache folder, as in earlier versions."""
        own = cache / self.filename
        return list(dict.fromkeys([own, cache / own.name]))

    def is_in(self, cache: Path) -> bool:
        """True if a file of this name is there; whether it is intact, `problem` says."""
        return any(os.path.isfile(place) for place in self.places(cache))

    def problem(self, raw: bytes) -> str | None:
        """None if `raw` is this file, undamaged; otherwise what is wrong with it, in words."""
        try:
            actual = content_sha256(raw, self.content)
        except DataFormatError as error:
            return f"{error}; {len(raw):,} bytes"
        if actual != self.sha256:
            return f"wrong checksum: SHA-256 {actual}, expected {self.sha256}; {len(raw):,} bytes"
        return None


@checked
def content_sha256(raw: bytes, content: Content) -> str:
    """SHA-256 in hexadecimal of what `content` says is compared (see the module's docstring)."""
    digest = hashlib.sha256()
    for piece in _compared_pieces(raw, content):
        digest.update(piece)
    return digest.hexdigest()


def _compared_pieces(raw: bytes, content: Content) -> Iterator[bytes]:
    if content != "recordings":
        yield gunzip(raw) if content == "gzip" else raw
        return
    for name, recording in read_zip_members(raw, RECORDINGS).items():
        # Name and length first: no byte can move from one recording to the next unnoticed.
        yield f"{name} {len(recording)}\n".encode()
        yield recording
