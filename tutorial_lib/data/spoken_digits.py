"""Reads the Free Spoken Digit Dataset: spoken digits as 8 kHz, 16-bit, mono .wav files in a zip.

A file name says everything: `7_jackson_32.wav` is the recording number 32 of Jackson saying
"seven". The repository's rule puts numbers 0 to 4 into the test set; this package takes 5 to 9 of
the remaining ones for validation. Every split therefore holds every speaker: it tests new
utterances, not new voices.

Recordings last from 0.14 to 2.3 seconds. For batches they get one length, 8192 samples (1.024 s):
shorter ones are followed by silence, longer ones (17 of 3000) lose their end. `read_recordings`
gives them whole, with the speaker, whom the VQ-VAE paper's decoder is told about.
"""

import io
import re
import wave
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.contracts.plain import require_bytes, require_instance, require_int, require_text
from tutorial_lib.data import mu_law
from tutorial_lib.data.archives import read_zip_members
from tutorial_lib.data.dataset import Split
from tutorial_lib.data.errors import DataFormatError
from tutorial_lib.data.remote_file import RECORDINGS

SAMPLE_RATE_HZ = 8000
N_SAMPLES = 8192
STREAMED = 2**32 - 1  # in the place of a length that was not known yet
TEST_NUMBERS = range(0, 5)
VALID_NUMBERS = range(5, 10)


@dataclass(frozen=True, eq=False)
class Recording:
    """One utterance. pressure: (T,) float32 in [-1, 1), at 8000 samples a second."""

    digit: int
    speaker: str
    number: int
    pressure: Float[Tensor, " t"]


def read_recordings(archive: bytes) -> list[Recording]:
    """All recordings in the zip, by number, then digit, then speaker."""
    require_bytes("archive", archive)
    members = read_zip_members(archive, RECORDINGS)
    if not members:
        raise DataFormatError("the zip has no .wav files in a folder `recordings`")
    recordings = [_read_recording(name, content) for name, content in members.items()]
    # Not by digit first: any stretch of a split then holds every digit and speaker.
    return sorted(recordings, key=lambda one: (one.number, one.digit, one.speaker))


def _read_recording(name: str, content: bytes) -> Recording:
    parts = re.fullmatch(r"(\d)_([a-z]+)_(\d+)\.wav", name)
    if parts is None:
        raise DataFormatError(f"recording {name!r} is not named DIGIT_SPEAKER_NUMBER.wav")
    pressure = torch.from_numpy(read_wav(content, name=name))
    return Recording(int(parts[1]), parts[2], int(parts[3]), pressure)


def read_wav(content: bytes, *, name: str = "this file") -> np.ndarray:
    """(T,) float32 pressure in [-1, 1) of a mono 16-bit file of 8000 samples a second."""
    require_bytes("content", content)
    require_text("name", name)
    content = _with_true_size(content)
    try:
        with wave.open(io.BytesIO(content)) as sound:
            found = (sound.getnchannels(), 8 * sound.getsampwidth(), sound.getframerate())
            n_promised, raw = sound.getnframes(), sound.readframes(sound.getnframes())
    except (wave.Error, EOFError) as error:
        raise DataFormatError(f"{name} is not a readable wav file ({error})") from error
    if found != (1, 16, SAMPLE_RATE_HZ):
        raise DataFormatError(
            f"{name}: {found[0]} channels of {found[1]} bits at {found[2]} Hz, "
            f"expected 1 of 16 bits at {SAMPLE_RATE_HZ} Hz"
        )
    if _data_size(content) % 2:
        raise DataFormatError(f"{name}: {_data_size(content)} bytes of data end in half a sample")
    if len(raw) != 2 * n_promised:
        raise DataFormatError(f"{name}: {len(raw) // 2} of {n_promised} samples; it is cut short")
    return np.frombuffer(raw, "<i2").astype(np.float32) / 32768


def _data_at(content: bytes) -> int | None:
    """Where the length of the samples stands in a wav file, a list of chunks."""
    place = 12  # after "RIFF", the length of the file and "WAVE"
    while place + 8 <= len(content):
        if content[place : place + 4] == b"data":
            return place + 4
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return None


def _data_size(content: bytes) -> int:
    """How many bytes of samples the file says it has."""
    place = _data_at(content)
    return 0 if place is None else int.from_bytes(content[place : place + 4], "little")


def _with_true_size(content: bytes) -> bytes:
    """The same file, with its length put in if it was streamed.

    Such a file begins before its length is known, and says 0 or as much as can be: its samples then
    go on to the end.
    """
    place = _data_at(content)
    if place is None or _data_size(content) not in (0, STREAMED):
        return content
    lengths = len(content) - 8, len(content) - place - 4  # of the file, of the samples
    of_file, of_data = (length.to_bytes(4, "little") for length in lengths)
    return content[:4] + of_file + content[8:place] + of_data + content[place + 4 :]


def fixed_length(recordings: list[Recording], n_samples: int = N_SAMPLES) -> Split:
    """A Split of (N, 1, n_samples) mu-law levels, cut or followed by silence, and the digits."""
    require_int("n_samples", n_samples, at_least=1)
    for one in require_instance("recordings", recordings, list):
        require_instance("each of recordings", one, Recording)
    kept = [recording.pressure[:n_samples] for recording in recordings]
    # Encoded all at once: thousands of small tensor operations crawl on a busy machine.
    joined = mu_law.encode(torch.cat([*kept, torch.empty(0)]))
    pieces = joined.split([len(pressure) for pressure in kept])
    levels = torch.full((len(recordings), 1, n_samples), mu_law.SILENCE, dtype=torch.uint8)
    for row, piece in zip(levels, pieces, strict=True):
        row[0, : len(piece)] = piece
    return Split(levels, torch.tensor([one.digit for one in recordings], dtype=torch.int64))


def read_spoken_digits(archive: bytes, n_samples: int = N_SAMPLES) -> tuple[Split, Split, Split]:
    """(train, valid, test), split by recording number."""
    require_int("n_samples", n_samples, at_least=1)
    recordings = read_recordings(archive)
    test = [one for one in recordings if one.number in TEST_NUMBERS]
    valid = [one for one in recordings if one.number in VALID_NUMBERS]
    train = [one for one in recordings if one.number >= VALID_NUMBERS.stop]
    return tuple(fixed_length(part, n_samples) for part in (train, valid, test))
