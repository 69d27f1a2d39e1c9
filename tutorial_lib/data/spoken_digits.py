"""Reads the Free Spoken Digit Dataset: spoken digits as 8 kHz, 16-bit, mono .wav files in a zip.

A file name says everything: `7_jackson_32.wav` is the recording number 32 of Jackson saying
"seven". The repository's rule puts numbers 0 to 4 into the test set; this package takes 5 to 9 of
the remaining ones for validation. Every split therefore holds every speaker: it tests new
utterances, not new voices.

Recordings last from 0.14 to 2.3 seconds. For batches they get one length, 8192 samples (1.024 s):
shorter ones are followed by silence, longer ones (17 of 3000) lose their end. `read_recordings`
gives them whole, with the speaker, whom the VQ-VAE paper's decoder is told about.
"""

import re
import struct
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.contracts import Count, checked
from tutorial_lib.data import mu_law
from tutorial_lib.data.archives import RECORDINGS, DataFormatError, read_zip_members
from tutorial_lib.data.dataset import Split

SAMPLE_RATE_HZ = 8000
N_SAMPLES = 8192
STREAMED = (0, 2**32 - 1)  # in the place of a length that was not known yet
TEST_NUMBERS = range(0, 5)
VALID_NUMBERS = range(5, 10)


@dataclass(frozen=True, eq=False)
class Recording:
    """One utterance. pressure: float32 in [-1, 1), at 8000 samples a second."""

    digit: int
    speaker: str
    number: int
    pressure: Float[Tensor, " t"]


@checked
def read_recordings(archive: bytes) -> list[Recording]:
    """All recordings in the zip, by number, then digit, then speaker."""
    members = read_zip_members(archive, RECORDINGS)
    if not members:
        raise DataFormatError("the zip has no .wav files in a folder `recordings`")
    recordings = []
    for name, content in members.items():
        parts = re.fullmatch(r"(\d)_([a-z]+)_(\d+)\.wav", name)
        if parts is None:
            raise DataFormatError(f"recording {name!r} is not named DIGIT_SPEAKER_NUMBER.wav")
        pressure = torch.from_numpy(read_wav(content, name=name))
        recordings.append(Recording(int(parts[1]), parts[2], int(parts[3]), pressure))
    # Not by digit first: any stretch of a split then holds every digit and speaker.
    return sorted(recordings, key=lambda one: (one.number, one.digit, one.speaker))


@checked
def read_wav(content: bytes, *, name: str = "this file") -> np.ndarray:
    """(T,) float32 pressure in [-1, 1) of a mono 16-bit file of 8000 samples a second."""
    chunks = _chunks(content)
    _, form = chunks.get(b"fmt ", (0, b""))
    if len(form) < 16 or form[:2] != b"\1\0" or b"data" not in chunks:
        raise DataFormatError(f"{name} is not a readable wav file of plain samples")
    n_channels, rate, _, _, bits = struct.unpack("<HIIHH", form[2:16])
    if (n_channels, bits, rate) != (1, 16, SAMPLE_RATE_HZ):
        raise DataFormatError(
            f"{name}: {n_channels} channels of {bits} bits at {rate} Hz, "
            f"expected 1 of 16 bits at {SAMPLE_RATE_HZ} Hz"
        )
    size, raw = chunks[b"data"]
    if size % 2:
        raise DataFormatError(f"{name}: {size} bytes of data end in half a sample")
    if len(raw) != size:
        raise DataFormatError(f"{name}: {len(raw) // 2} of {size // 2} samples; it is cut short")
    return np.frombuffer(raw, "<i2").astype(np.float32) / 32768


def _chunks(content: bytes) -> dict[bytes, tuple[int, bytes]]:
    """The parts of a wav file by their names: the size each says it has, and what is there of it.

    A streamed file begins before its length is known, and says 0 or as much as can be: its samples
    then go on to the end.
    """
    chunks, place = {}, 12  # after "RIFF", the length of the file and "WAVE"
    while content[:4] + content[8:12] == b"RIFFWAVE" and place + 8 <= len(content):
        name, size = struct.unpack("<4sI", content[place : place + 8])
        place += 8
        if name == b"data" and size in STREAMED:
            size = len(content) - place
        chunks.setdefault(name, (size, content[place : place + size]))
        place += size + size % 2
    return chunks


@checked
def fixed_length(recordings: list[Recording], n_samples: Count = N_SAMPLES) -> Split:
    """A Split of (N, 1, n_samples) mu-law levels, cut or followed by silence, and the digits."""
    if not all(isinstance(one, Recording) for one in recordings):
        raise TypeError(f"recordings must hold each a Recording, got {recordings!r:.60}")
    kept = [recording.pressure[:n_samples] for recording in recordings]
    # Encoded all at once: thousands of small tensor operations crawl on a busy machine.
    joined = mu_law.encode(torch.cat([*kept, torch.empty(0)]))
    pieces = joined.split([len(pressure) for pressure in kept])
    levels = torch.full((len(recordings), 1, n_samples), mu_law.SILENCE, dtype=torch.uint8)
    for row, piece in zip(levels, pieces, strict=True):
        row[0, : len(piece)] = piece
    return Split(levels, torch.tensor([one.digit for one in recordings], dtype=torch.int64))


@checked
def read_spoken_digits(archive: bytes, n_samples: Count = N_SAMPLES) -> tuple[Split, Split, Split]:
    """(train, valid, test), split by recording number."""
    recordings = read_recordings(archive)
    test = [one for one in recordings if one.number in TEST_NUMBERS]
    valid = [one for one in recordings if one.number in VALID_NUMBERS]
    train = [one for one in recordings if one.number >= VALID_NUMBERS.stop]
    return tuple(fixed_length(part, n_samples) for part in (train, valid, test))
