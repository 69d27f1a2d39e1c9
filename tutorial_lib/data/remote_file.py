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

from tutorial_lib.data.archives import gunzip, read_zip_members
from tutorial_lib.data.errors import DataFormatError

RECORDINGS = r"[^/]+/recordings/[^/]+\.wav"


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
    content: Literal["file", "gzip", "recordings"] = "file"

    def places(self, cache: Path) -> list[Path]:
        """Where an intact copy is used: its own place, and the cache folder itself.

        The latter is where earlier versions put it.
        """
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


def content_sha256(raw: bytes, content: str) -> str:
    """SHA-256 in hexadecimal of what `content` says is compared (see the module's docstring)."""
    digest = hashlib.sha256()
    for piece in _compared_pieces(raw, content):
        digest.update(piece)
    return digest.hexdigest()


def _compared_pieces(raw: bytes, content: str) -> Iterator[bytes]:
    if content == "file":
        yield raw
    elif content == "gzip":
        yield gunzip(raw)
    elif content == "recordings":
        for name, recording in read_zip_members(raw, RECORDINGS).items():
            # Name and length first: no byte can move from one recording to the next unnoticed.
            yield f"{name} {len(recording)}\n".encode()
            yield recording
    else:
        raise ValueError(f"content must be 'file', 'gzip' or 'recordings', not {content!r}")
