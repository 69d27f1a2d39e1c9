"""Synthetic words: the same everywhere, told apart by their sounds, and like spoken-digits outside.

What is said of the sounds is measured from the levels, as a listener would: pitch by
autocorrelation, formants by the peaks of a spectrum.
"""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
import torch

from tutorial_lib import data
from tutorial_lib.data import mu_law, spoken_digits, voiced_tones
from tutorial_lib.data.contact_sheet import contact_sheet
from tutorial_lib.data.voiced_tones import SOUNDS, SPEAKERS, WORDS

RATE = spoken_digits.SAMPLE_RATE_HZ
SHA256_OF_THE_FIRST_60 = "8f28afa36642a3173b239b13bf3f09c34e32b7ac603c6fb19a6ce58ec19c768e"


@pytest.fixture(scope="module")
def tones():
    return data.load("voiced-tones")


def utterances(split, word, speaker):
    """(n, T) pressure of all utterances of a word by a speaker."""
    chosen = (split.labels == WORDS.index(word)) & (
        voiced_tones.speaker_labels(len(split)) == speaker
    )
    return mu_law.decode(split.levels[chosen, 0]).double()


def seconds_of(pressure):
    """How long each sounds."""
    last = (pressure.abs() > 1e-3) * torch.arange(pressure.shape[1])
    return last.amax(dim=1) / RATE


def pitch_hz(pressure):
    """The shift between 60 and 350 Hz at which a stretch of sound is most like itself."""
    shifts = range(RATE // 350, RATE // 60)
    alike = torch.stack([(pressure[:-s] * pressure[s:]).mean() for s in shifts])
    # The first peak nearly as high as the highest: a sound is also like itself two periods on.
    return RATE / (shifts[0] + int(torch.nonzero(alike > 0.9 * alike.max())[0]))


def spectrum_db(pressure):
    """(bins,) mean spectrum of stretches of 512 samples, smoothed over the harmonics."""
    window = torch.hann_window(512, periodic=False, dtype=torch.float64)
    power = torch.fft.rfft(pressure * window).abs().square().mean(dim=0)
    kernel = torch.ones(1, 1, 9, dtype=torch.float64) / 9
    return 10 * torch.nn.functional.conv1d(power[None, None], kernel, padding=4)[0, 0].log10()


def loudest_hz(spectrum, low, high):
    hertz = torch.arange(len(spectrum)) * RATE / 512
    inside = (hertz >= low) & (hertz < high)
    return hertz[inside][spectrum[inside].argmax()].item()


# -------------------------------------------------------------------- outside: as spoken-digits


def test_it_has_the_shape_levels_and_sizes_of_spoken_digits(tones):
    recorded = data.describe("spoken-digits")
    assert {k: tuple(v.levels.shape) for k, v in tones.splits().items()} == recorded.shapes
    assert tones.n_levels == recorded.n_levels and len(tones.class_names) == 10
    assert tones.class_names == WORDS and len(set(WORDS)) == 10


def test_every_split_has_every_word_of_every_speaker_equally_often(tones):
    for split, each in zip(tones.splits().values(), (40, 5, 5), strict=True):
        pairs = split.labels * 6 + voiced_tones.speaker_labels(len(split))
        assert torch.equal(torch.bincount(pairs), torch.full((60,), each))


def test_no_utterance_is_heard_twice(tones):
    every = torch.cat([split.levels[:, 0] for split in tones.splits().values()])
    assert len(torch.unique(every, dim=0)) == 3000


def test_a_word_fits_into_4096_samples_and_is_followed_by_silence(tones):
    for split in tones.splits().values():
        assert (split.levels[..., 4096:] == mu_law.SILENCE).all()
        seconds = seconds_of(mu_law.decode(split.levels[:, 0]))
        assert 0.2 < seconds.min() and seconds.max() < 0.51
        assert seconds.std() > 0.03


def test_it_is_neither_faint_nor_cut_off(tones):
    loudest = mu_law.decode(tones.train.levels).abs().amax(dim=(1, 2))
    assert loudest.min() > 0.38 and loudest.max() < 0.92
    assert loudest.std() > 0.05


def test_it_needs_no_network_no_file_and_little_time(monkeypatch, tmp_path):
    monkeypatch.setenv("TUTORIAL_DATA_DIR", str(tmp_path / "cache"))
    began = time.process_time()
    data.load("voiced-tones")
    assert time.process_time() - began < 15
    assert not (tmp_path / "cache").exists()
    info = data.describe("voiced-tones")
    assert info.embedded and info.generated and info.download_bytes == 0
    assert data.fetch("voiced-tones") == []


def test_where_recordings_cannot_be_had_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TUTORIAL_DATA_DIR", str(tmp_path))
    failure = data.loading._Failed("no connection", offline=True)

    def refuse(*_):
        raise failure

    monkeypatch.setattr("tutorial_lib.data.loading._download", refuse)
    with pytest.raises(data.DataUnavailable, match=r'data.load\("voiced-tones"\) always works'):
        data.load("spoken-digits", progress=False)
    with pytest.raises(data.DataUnavailable, match=r'data.load\("fashion-mnist-sample"\) always'):
        data.load("mnist", progress=False)


def test_its_examples_can_be_drawn(tones):
    axes = contact_sheet(tones).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == list(WORDS)


# ----------------------------------------------------------------------- the same everywhere


def test_the_levels_are_the_same_on_every_machine(tones):
    """Of the first 60 utterances, one of each word by each speaker."""
    levels = tones.test.levels[:60].numpy().tobytes()
    assert hashlib.sha256(levels).hexdigest() == SHA256_OF_THE_FIRST_60


def test_no_global_random_number_is_used_or_changed():
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(1).item(), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    first = voiced_tones._block(0)
    assert (torch.rand(1).item(), np.random.rand()) == expected
    assert torch.equal(first, voiced_tones._block(0))
    assert not torch.equal(first, voiced_tones._block(10))


# ------------------------------------------------------------------------------- inside: sounds


@pytest.mark.parametrize("speaker", range(6), ids=[one.name for one in SPEAKERS])
def test_a_speaker_has_a_pitch_of_their_own(tones, speaker):
    heard = [pitch_hz(one[400:1200]) for one in utterances(tones.train, "ami", speaker)]
    assert np.median(heard) == pytest.approx(SPEAKERS[speaker].pitch_hz, rel=0.12)


def test_the_melody_falls(tones):
    for speaker in (1, 5):
        sounds = utterances(tones.train, "olu", speaker)
        early, late = (
            np.mean([pitch_hz(one[part]) for one in sounds])
            for part in (slice(300, 1000), slice(1500, 2200))
        )
        assert early > 1.02 * late


def test_a_speaker_has_a_pace_of_their_own(tones):
    means = [seconds_of(utterances(tones.train, "ane", i)).mean().item() for i in range(6)]
    paces = [one.pace for one in SPEAKERS]
    assert np.corrcoef(means, paces)[0, 1] > 0.97
    assert max(means) > 1.15 * min(means)


@pytest.mark.parametrize("speaker", [0, 2, 4])
@pytest.mark.parametrize(("word", "vowel"), [("ima", "i"), ("ena", "e")])
def test_the_formants_of_the_first_vowel_are_where_the_table_says(tones, word, vowel, speaker):
    """The low voices, whose close harmonics show where a resonance is."""
    spectrum = spectrum_db(utterances(tones.train, word, speaker)[:, 300:812])
    first, second = (hertz * SPEAKERS[speaker].tract for hertz in SOUNDS[vowel][:2])
    assert loudest_hz(spectrum, 150, 1000) == pytest.approx(first, abs=130)
    assert loudest_hz(spectrum, 1200, 2400) == pytest.approx(second, rel=0.12)


def test_vowels_differ_in_how_high_their_energy_lies(tones):
    """Of i, o and a, the first resonance is low, middle and high; above 1500 Hz, i is brightest."""
    spectra = {
        word[0]: spectrum_db(utterances(tones.train, word, 0)[:, 300:812])
        for word in ("ima", "olu", "ami")
    }
    first = {vowel: loudest_hz(spectrum, 150, 900) for vowel, spectrum in spectra.items()}
    assert first["i"] < first["o"] < first["a"]
    bright = {
        vowel: (spectrum[96:].max() - spectrum.max()).item() for vowel, spectrum in spectra.items()
    }
    assert bright["i"] > bright["a"] > bright["o"]


def test_the_same_sounds_in_reverse_are_other_words(tones):
    """ami ends as ima begins: bright in the first half against bright in the second."""

    def first_half_louder(word):
        power = utterances(tones.train, word, 2).square()
        return (power[:, :1200].sum(dim=1) > power[:, 1200:].sum(dim=1)).double()

    assert first_half_louder("ami").mean() > 0.95
    assert first_half_louder("ima").mean() < 0.05
    assert sorted("ami") == sorted("ima") and sorted("olu") == sorted("ulo")


def test_words_are_told_apart_by_their_spectra_whoever_speaks(tones):
    """The nearest mean spectrogram over the other five speakers: far better than a tenth."""

    def features(split):
        pressure = mu_law.decode(split.levels[:, 0, :4096])
        window = torch.hann_window(256)
        frames = torch.stft(pressure, 256, 256, window=window, return_complex=True).abs()
        return torch.log10(frames + 0.05).flatten(1)

    train, test = features(tones.train), features(tones.test)
    speaker, speaker_of_test = (
        voiced_tones.speaker_labels(len(split)) for split in (tones.train, tones.test)
    )
    right = []
    for held_out in range(6):
        others = speaker != held_out
        means = torch.stack(
            [train[others & (tones.train.labels == word)].mean(dim=0) for word in range(10)]
        )
        asked = speaker_of_test == held_out
        nearest = torch.cdist(test[asked], means).argmin(dim=1)
        right.append((nearest == tones.test.labels[asked]).double().mean().item())
    assert np.mean(right) > 0.6, right


def test_nothing_is_mirrored_at_half_the_rate(tones):
    """Between its harmonics a steady vowel is quiet: aliases of pulses would lie there."""
    one = utterances(tones.train, "ima", 0)[0]
    part = one[300:1324] * torch.hann_window(1024, dtype=torch.float64)
    power = torch.fft.rfft(part).abs().square()
    pitch = pitch_hz(one[300:1324])
    bins = torch.arange(len(power)) * RATE / 1024 / pitch
    low = bins < 6  # higher up, the trembling of the pitch widens the harmonics
    on = (bins - bins.round()).abs() < 0.2
    between = (bins - bins.round()).abs() > 0.4
    assert power[low & on].mean() > 100 * power[low & between].mean()
