"""Speech-like sounds made on the spot: ten words of vowels and other voiced sounds, six voices.

What takes the place of `spoken-digits` where there is no network: the same rate, length, levels,
sizes and order, so that the same code reads either. Sounds are made as speech is, by a source and a
filter:

    pulses of the vocal folds (pitch) + breath  ->  low-pass  ->  four resonances (formants)

A word is a fixed sequence of three sounds, each a set of formant frequencies. A speaker is a pitch,
a vocal tract (a factor on three formants), a pace and a breathiness. Every utterance has its own
melody, durations and loudness, so no two are alike. Three pairs of words (ami and ima, olu and ulo,
ane and ena) are made of the same sounds in reverse: only the order tells them apart.

It is not speech: there are no hisses and no stops. A model finds it easier than recordings.

All in float64 from the frozen generator `RandomState`, then rounded to 256 levels: the last bit of
another machine's sin and exp reaches a level only where a value lies within 1e-14 of a border.

References: Klatt 1980, Software for a cascade/parallel formant synthesizer, JASA 67, 971. Formants
of the vowels after Peterson and Barney 1952, JASA 24, 175.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from tutorial_lib.contracts import Natural, checked
from tutorial_lib.data import mu_law
from tutorial_lib.data.catalog import CATALOG
from tutorial_lib.data.dataset import Split
from tutorial_lib.data.spoken_digits import N_SAMPLES, SAMPLE_RATE_HZ, TEST_NUMBERS, VALID_NUMBERS

NAME = "voiced-tones"
WORDS = CATALOG[NAME].class_names
N_NUMBERS = 50  # utterances of each word by each speaker
SEED = 12

# First three formants in Hz, loudness, seconds.
SOUNDS = {
    "a": (730, 1090, 2440, 1.00, 0.16),
    "e": (530, 1840, 2480, 0.95, 0.15),
    "i": (270, 2250, 2900, 0.85, 0.15),
    "o": (490, 840, 2410, 0.95, 0.16),
    "u": (300, 870, 2240, 0.85, 0.15),
    "m": (250, 1050, 2200, 0.30, 0.09),
    "n": (260, 1600, 2450, 0.30, 0.08),
    "l": (360, 1250, 2700, 0.50, 0.08),
    "w": (290, 640, 2150, 0.55, 0.08),
    "y": (265, 2100, 2850, 0.55, 0.08),
}
FOURTH_FORMANT_HZ = 3350  # of all sounds and voices
BANDWIDTHS_HZ = np.array([70.0, 110.0, 220.0, 450.0])[:, None]
LOW_PASS_HZ = (150, 1500)  # above them the source falls by 6, then by 12 dB an octave
TRANSITION_S, ATTACK_S, RELEASE_S = 0.06, 0.03, 0.07
FRAME = 16  # samples, 2 ms: how often the resonances are set anew
BLOCK = 10  # numbers made at once, each with all words and speakers


class Speaker(NamedTuple):
    """A voice: mean pitch, factor on three formants, factor on all durations, share of breath."""

    name: str
    pitch_hz: float
    tract: float
    pace: float
    breath: float


SPEAKERS = (
    Speaker("bruno", 98, 0.89, 1.12, 0.010),
    Speaker("carla", 205, 1.07, 0.95, 0.020),
    Speaker("david", 122, 0.98, 0.88, 0.015),
    Speaker("elena", 178, 1.03, 1.08, 0.035),
    Speaker("felix", 146, 0.94, 1.00, 0.030),
    Speaker("greta", 236, 1.11, 0.85, 0.015),
)


def read_voiced_tones() -> tuple[Split, Split, Split]:
    """(train, valid, test), split by number as `spoken-digits` is: every split has every voice.

    By number, then word, then speaker, as there: example i is spoken by speaker i % 6.
    """
    levels = torch.cat([_block(first) for first in range(0, N_NUMBERS, BLOCK)])
    labels, _ = _words_and_speakers(N_NUMBERS)
    whole = Split(levels[:, None], torch.from_numpy(labels))
    each = len(WORDS) * len(SPEAKERS)
    test = slice(TEST_NUMBERS.start * each, TEST_NUMBERS.stop * each)
    valid = slice(VALID_NUMBERS.start * each, VALID_NUMBERS.stop * each)
    train = slice(VALID_NUMBERS.stop * each, None)
    return tuple(Split(*whole[part]) for part in (train, valid, test))


@checked
def speaker_labels(n_examples: Natural) -> Int[Tensor, " n"]:
    """Who speaks in the first examples of any split, of this set and of spoken-digits: 0 .. 5."""
    return torch.arange(n_examples) % len(SPEAKERS)


def _words_and_speakers(n_numbers: int) -> tuple[np.ndarray, np.ndarray]:
    """The word and the speaker of each utterance in order, (n,) int64 each."""
    word, speaker = np.divmod(np.arange(len(WORDS) * len(SPEAKERS)), len(SPEAKERS))
    return np.tile(word, n_numbers).astype(np.int64), np.tile(speaker, n_numbers)


def _block(first_number: int) -> Tensor:
    """(utterances, N_SAMPLES) levels of BLOCK numbers from `first_number` on."""
    random = np.random.RandomState([SEED, first_number])
    word, speaker = _words_and_speakers(BLOCK)
    voice = np.array([one[1:] for one in SPEAKERS])[speaker].T  # pitch, tract, pace, breath
    sounds = np.array([[SOUNDS[sound] for sound in name] for name in WORDS])[word]
    sounds = sounds.transpose(2, 1, 0)  # (formants, loudness, seconds; sound; utterance)
    seconds = sounds[4] * voice[2] * random.uniform(0.85, 1.15, sounds[4].shape)
    formants = sounds[:3] * voice[1] * random.uniform(0.97, 1.03, (3, 1, len(word)))
    ends = seconds.cumsum(axis=0)
    n_frames = int(ends[-1].max() * SAMPLE_RATE_HZ) // FRAME + 2
    time = np.arange(n_frames)[:, None] * FRAME / SAMPLE_RATE_HZ
    source = _source(random, time / ends[-1], pitch=voice[0], breath=voice[3])
    sound = _resonate(source, _glide(formants, ends, time))
    sound *= _every_sample(_glide(sounds[3:4], ends, time)[0] * _envelope(time, ends[-1]))
    sound *= random.uniform(0.4, 0.9, len(word)) / np.abs(sound).max(axis=0)
    levels = torch.full((len(word), N_SAMPLES), mu_law.SILENCE, dtype=torch.uint8)
    levels[:, : len(sound)] = mu_law.encode(torch.from_numpy(sound)).T
    return levels


def _source(random, share: np.ndarray, *, pitch: np.ndarray, breath: np.ndarray) -> np.ndarray:
    """(samples, utterances) pulses at a falling, slightly trembling pitch, and breath.

    share: of the utterance that has passed at each frame. The pulse is the sum of as many cosines,
    all alike, as fit below half the sampling rate, so none is mirrored into the audible range.
    """
    n = len(pitch)
    fall, tremble, start = random.uniform([[0.05], [3], [0]], [[0.25], [5], [1]], (3, n))
    trembling = 0.012 * np.sin(2 * np.pi * (tremble * share + start))
    pitch = pitch * random.uniform(0.92, 1.08, n) * (1 + fall * (0.5 - share) + trembling)
    phase = (_every_sample(pitch) / SAMPLE_RATE_HZ).cumsum(axis=0)
    phase -= np.rint(phase)  # -1/2 .. 1/2, where the quotient of two sines keeps its digits
    phase[np.abs(phase) < 1e-9] = 1e-9
    width = 2 * np.floor(0.5 * SAMPLE_RATE_HZ / pitch.max(axis=0)) + 1
    pulses = np.sin(np.pi * width * phase) / (width * np.sin(np.pi * phase)) - 1 / width
    return pulses + breath * random.uniform(-1, 1, pulses.shape)


def _glide(values: np.ndarray, ends: np.ndarray, time: np.ndarray) -> np.ndarray:
    """(kinds, sounds, utterances) -> (kinds, times, utterances), smooth where two sounds meet."""
    glided = np.repeat(values[:, :1], len(time), axis=1)
    for sound in range(1, len(ends)):
        step = _smooth_step((time - ends[sound - 1]) / TRANSITION_S + 0.5)
        glided = glided + (values[:, sound] - values[:, sound - 1])[:, None] * step
    return glided


def _envelope(time: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(times, utterances), 0 at both ends and after."""
    return _smooth_step(time / ATTACK_S) * _smooth_step((end - time) / RELEASE_S)


def _every_sample(frames: np.ndarray) -> np.ndarray:
    """Values at frames as values at samples, along straight lines: (frames - 1) * FRAME of them."""
    share = (np.arange(FRAME) / FRAME)[:, None]
    lines = frames[:-1, None] + (frames[1:] - frames[:-1])[:, None] * share
    return lines.reshape(-1, frames.shape[-1])


def _smooth_step(share: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1 along 3 s^2 - 2 s^3."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _resonate(source: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """The source after a low-pass and four resonances in a row, each y = g x + b y' + c y''.

    formants: (3, frames, utterances) in Hz. All five filters take a step at once, so each gets the
    one before it a sample late: a shift that nobody hears, and one loop in place of five.
    """
    fourth = np.full_like(formants[:1], FOURTH_FORMANT_HZ)
    hertz = np.concatenate([formants, fourth]).transpose(1, 0, 2)
    damping = np.exp(-np.pi * BANDWIDTHS_HZ / SAMPLE_RATE_HZ)
    to_one = 2 * damping * np.cos(2 * np.pi * hertz / SAMPLE_RATE_HZ)
    poles = np.exp(-2 * np.pi * np.array(LOW_PASS_HZ) / SAMPLE_RATE_HZ)
    b = np.concatenate([np.full_like(to_one[:, :1], poles.sum()), to_one], axis=1)
    c = np.concatenate([np.full((1, 1), -poles.prod()), -damping * damping])
    gain = 1 - b - c  # a constant passes unchanged
    filtered, last, before = np.empty_like(source), np.zeros_like(b[0]), np.zeros_like(b[0])
    for t in range(len(source)):
        inputs = np.concatenate([source[t : t + 1], last[:-1]])
        frame = t // FRAME
        last, before = gain[frame] * inputs + b[frame] * last + c * before, last
        filtered[t] = last[-1]
    return filtered
