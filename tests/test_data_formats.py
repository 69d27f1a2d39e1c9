"""Each reader gives back what was written, and refuses what is not in its format."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_data_files import (
    amat_text,
    cifar_archive,
    cifar_records,
    idx_gz,
    idx_payload,
    spoken_digits_zip,
    tar_gz,
    wav_bytes,
    zip_bytes,
)

from tutorial_lib.data import DataFormatError, ImageDataset, Split, mu_law
from tutorial_lib.data.archives import gunzip, read_tar_members, read_zip_members
from tutorial_lib.data.dataset import hold_out_last
from tutorial_lib.data.image_files import (
    parse_amat,
    parse_cifar,
    parse_idx,
    read_cifar,
    read_idx_pair,
)
from tutorial_lib.data.spoken_digits import (
    N_SAMPLES,
    fixed_length,
    read_recordings,
    read_spoken_digits,
    read_wav,
)

RANDOM = np.random.default_rng(0)


def levels(*shape: int, n_levels: int = 256) -> np.ndarray:
    return RANDOM.integers(0, n_levels, shape)


def a_split(n: int = 6, n_levels: int = 256) -> Split:
    labels = torch.arange(n) % 3
    return Split(torch.from_numpy(levels(n, 1, 2, 3, n_levels=n_levels).astype(np.uint8)), labels)


# IDX


def test_idx_of_four_known_bytes():
    payload = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 10, 20, 30, 40])
    assert parse_idx(payload, n_dims=3).tolist() == [[[10, 20], [30, 40]]]


def test_idx_images_keep_height_and_width_apart():
    images, labels = levels(5, 2, 3), np.array([9, 0, 0, 3, 1])
    split = read_idx_pair(idx_gz(images), idx_gz(labels))
    assert split.levels.shape == (5, 1, 2, 3)
    assert torch.equal(split.levels[:, 0], torch.from_numpy(images.astype(np.uint8)))
    assert split.labels.tolist() == [9, 0, 0, 3, 1]


WRONG_IDX = {
    "labels where images belong": (idx_payload(levels(5)), "00 00 08 01, expected 00 00 08 03"),
    "floats": (idx_payload(levels(5, 2, 3), type_code=0x0D), "00 00 0d 03"),
    "not idx at all": (b"<html>", "3c 68 74 6d"),
    "empty": (b"", "it starts with , expected"),
    "header cut": (idx_payload(levels(5, 2, 3))[:9], "not an IDX file"),
    "data cut": (idx_payload(levels(5, 2, 3))[:-1], "promises 30 bytes .* holds 29"),
    "data too long": (idx_payload(levels(5, 2, 3)) + b"!", "promises 30 bytes .* holds 31"),
}


@pytest.mark.parametrize(("payload", "reason"), WRONG_IDX.values(), ids=WRONG_IDX.keys())
def test_a_wrong_idx_file_is_refused_with_the_reason(payload, reason):
    with pytest.raises(DataFormatError, match=reason):
        parse_idx(payload, n_dims=3)


def test_images_and_labels_must_be_equally_many():
    with pytest.raises(DataFormatError, match="5 images, but 4 labels"):
        read_idx_pair(idx_gz(levels(5, 2, 3)), idx_gz(levels(4, n_levels=10)))


# the text files of binarized MNIST


def test_amat_of_a_known_line():
    split = parse_amat(b"0 1 1 0 0 1\n", height=2, width=3)
    assert split.levels.tolist() == [[[[0, 1, 1], [0, 0, 1]]]]
    assert split.labels.tolist() == [-1]


def test_amat_gives_back_what_was_written():
    images = levels(7, 28, 28, n_levels=2)
    read = parse_amat(amat_text(images)).levels[:, 0]
    assert torch.equal(read, torch.from_numpy(images.astype(np.uint8)))


WRONG_AMAT = {
    "cut": (b"0 1 1 0 0 1\n0 1 1 0", "no whole number of lines"),
    "a level of 2": (b"0 1 1 0 0 1\n0 1 2 0 0 1\n", "line 2"),
    "a letter": (b"a 1 1 0 0 1\n", "line 1"),
    "commas": (b"0,1,1,0,0,1\n", "line 1"),
    "no line end": (b"0 1 1 0 0 1 ", "line 1"),
}


@pytest.mark.parametrize(("text", "reason"), WRONG_AMAT.values(), ids=WRONG_AMAT.keys())
def test_a_wrong_amat_file_is_refused_with_its_line(text, reason):
    with pytest.raises(DataFormatError, match=reason):
        parse_amat(text, height=2, width=3)


# CIFAR-10


def test_cifar_planes_are_red_green_blue_in_raster_order():
    image = np.zeros((3, 32, 32))
    image[0, 0, 1], image[1, 1, 0], image[2, 31, 31] = 10, 20, 30
    record = cifar_records(image[None], np.array([7]))
    assert (record[0], record[1 + 1], record[1 + 1024 + 32], record[3072]) == (7, 10, 20, 30)
    split = parse_cifar(record)
    assert split.labels.tolist() == [7]
    assert torch.equal(split.levels[0], torch.from_numpy(image.astype(np.uint8)))


def test_cifar_batches_are_read_in_numbered_order():
    images, labels = levels(12, 3, 32, 32), np.arange(12) % 10
    pool, test = read_cifar(cifar_archive(images, labels, batch=2))
    assert pool.labels.tolist() == labels[:10].tolist()
    assert test.labels.tolist() == labels[10:].tolist()
    both = torch.cat([pool.levels, test.levels])
    assert torch.equal(both, torch.from_numpy(images.astype(np.uint8)))


def test_wrong_cifar_files_are_refused():
    records = cifar_records(levels(2, 3, 32, 32), np.array([1, 2]))
    with pytest.raises(DataFormatError, match="no whole number of records"):
        parse_cifar(records[:-1])
    with pytest.raises(DataFormatError, match="label 11"):
        parse_cifar(bytes([11]) + records[1:])
    with pytest.raises(DataFormatError, match="no file 'cifar-10-batches-bin/data_batch_1.bin'"):
        read_cifar(tar_gz({"cifar-10-batches-py/data_batch_1": b"a pickle"}))


# archives


def test_members_of_archives_are_found_by_name_and_never_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hostile = {"../escaped": b"1", "/tmp/escaped": b"2", "a/b": b"3"}
    assert read_tar_members(tar_gz(hostile), ["a/b", "../escaped"]) == [b"3", b"1"]
    assert read_zip_members(zip_bytes(hostile), "a/*") == {"b": b"3"}
    assert list(tmp_path.iterdir()) == [] and not (tmp_path.parent / "escaped").exists()


def test_a_folder_or_a_link_is_not_a_file():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    with pytest.raises(DataFormatError, match="'folder' .* is not a plain file"):
        read_tar_members(stream.getvalue(), ["folder"])


TEXT = bytes(range(256)) * 4
PACKED = {
    "gzip": (gzip.compress(TEXT, mtime=0), gunzip, TEXT),
    "tar": (tar_gz({"a": TEXT}), lambda raw: read_tar_members(raw, ["a"]), [TEXT]),
    "zip": (zip_bytes({"a": TEXT}), lambda raw: read_zip_members(raw, "a"), {"a": TEXT}),
    "zip, lzma": (
        zip_bytes({"a": TEXT}, compression=zipfile.ZIP_LZMA),
        lambda raw: read_zip_members(raw, "a"),
        {"a": TEXT},
    ),
}


@pytest.mark.parametrize(("packed", "read", "content"), PACKED.values(), ids=PACKED.keys())
def test_every_truncation_of_an_archive_is_noticed(packed, read, content):
    assert read(packed) == content
    for length in range(0, len(packed) - 12):
        try:
            assert read(packed[:length]) == content  # tar: only padding was lost
        except DataFormatError as error:
            assert "truncated or damaged" in str(error) or "has no file" in str(error)


@pytest.mark.parametrize(("packed", "read", "content"), PACKED.values(), ids=PACKED.keys())
@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_damage_in_an_archive_never_raises_anything_else(packed, read, content, data):
    damaged = bytearray(packed)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(damaged))
    except DataFormatError:
        pass


# speech


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_wav_samples_are_divided_by_32768(samples):
    pressure = read_wav(wav_bytes(np.array(samples)))
    assert (pressure * 32768).tolist() == samples


WRONG_WAV = {
    "rate": (wav_bytes(np.arange(9), rate=16000), "1 channels of 16 bits at 16000 Hz"),
    "stereo": (wav_bytes(np.arange(10), n_channels=2), "2 channels"),
    "cut": (wav_bytes(np.arange(9))[:-4], "7 of 9 samples"),
    "not wav": (b"<html></html>", "not a readable wav file"),
    "empty": (b"", "not a readable wav file"),
}


@pytest.mark.parametrize(("content", "reason"), WRONG_WAV.values(), ids=WRONG_WAV.keys())
def test_a_wrong_wav_file_is_refused(content, reason):
    with pytest.raises(DataFormatError, match=reason):
        read_wav(content, name="7_ann_1.wav")


def with_size(content, size, *, more=b""):
    """A wav file whose data chunk says that it has `size` bytes."""
    return content[:40] + size.to_bytes(4, "little") + content[44:] + more


@pytest.mark.parametrize("size", [0, 2**32 - 1])
@pytest.mark.parametrize("of_file", [0, 2**32 - 1, None])
def test_a_streamed_wav_file_is_read_to_its_end(size, of_file):
    """It begins before its length is known: nothing, or as much as can be, stands in its place."""
    samples = np.arange(-20, 30)
    content = with_size(wav_bytes(samples), size)
    if of_file is not None:
        content = content[:4] + of_file.to_bytes(4, "little") + content[8:]
    assert (read_wav(content) * 32768).tolist() == samples.tolist()


def test_a_wav_file_of_no_samples_has_none():
    assert len(read_wav(wav_bytes(np.arange(0)))) == 0


def test_chunks_before_and_after_the_samples_are_passed_over():
    content = wav_bytes(np.arange(5))
    note = b"LIST" + (3).to_bytes(4, "little") + b"abc\0"  # of odd length: one byte is filled up
    noted = content[:36] + note + content[36:] + note
    noted = noted[:4] + (len(noted) - 8).to_bytes(4, "little") + noted[8:]
    assert (read_wav(noted) * 32768).tolist() == list(range(5))


@pytest.mark.parametrize("more", [b"\7", b"\7\0"])
def test_half_a_sample_is_not_dropped_in_silence(more):
    content = with_size(wav_bytes(np.arange(5)), 11, more=more)
    with pytest.raises(DataFormatError, match="11 bytes of data end in half a sample"):
        read_wav(content)
    streamed = with_size(wav_bytes(np.arange(5)), 0, more=b"\7")
    with pytest.raises(DataFormatError, match="11 bytes of data end in half a sample"):
        read_wav(streamed)


def test_mu_law_at_points_worked_out_by_hand():
    # |x| = 15/255 gives ln 16 / ln 256 = 1/2, hence 127.5 +- 63.75, rounded.
    pressure = torch.tensor([-1.0, -15 / 255, 0.0, 15 / 255, 1.0])
    assert mu_law.encode(pressure).tolist() == [0, 64, 128, 191, 255]
    assert mu_law.SILENCE == 128
    assert mu_law.decode(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]


def test_every_mu_law_level_survives_decoding_and_encoding():
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(mu_law.encode(mu_law.decode(every)), every)
    assert (mu_law.decode(every).diff() > 0).all()


def test_mu_law_is_finer_near_silence_than_linear_levels():
    quiet = torch.linspace(-0.01, 0.01, 1001)
    linear = ((quiet + 1) / 2 * 255).round() / 255 * 2 - 1
    error = (mu_law.decode(mu_law.encode(quiet)) - quiet).abs().max()
    assert error < (linear - quiet).abs().max() / 10


@pytest.mark.parametrize("wrong", [1.01, -2.0, float("nan")])
def test_mu_law_refuses_pressures_outside_its_range(wrong):
    with pytest.raises(ValueError, match="must lie in"):
        mu_law.encode(torch.tensor([0.0, wrong]))


def sounds(numbers: range, length: int = 100) -> dict[str, np.ndarray]:
    return {
        f"{digit}_{speaker}_{number}.wav": RANDOM.integers(-9000, 9000, length)
        for digit in (1, 0)
        for speaker in ("bob", "ann")
        for number in numbers
    }


def test_recordings_are_split_by_their_number_and_mixed_within_a_split():
    archive = spoken_digits_zip(sounds(range(12)))
    train, valid, test = read_spoken_digits(archive)
    assert (len(train), len(valid), len(test)) == (8, 20, 20)
    assert test.labels[:8].tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    numbers = [one.number for one in read_recordings(archive)]
    assert numbers == sorted(numbers)
    speakers = [one.speaker for one in read_recordings(archive)]
    assert speakers[:4] == ["ann", "bob", "ann", "bob"]


def test_recordings_get_one_length_by_cutting_or_by_silence():
    short, long = np.full(3, 16384), np.full(N_SAMPLES + 5, -32768)
    long[N_SAMPLES:] = 16384
    archive = spoken_digits_zip({"4_ann_0.wav": short, "5_ann_0.wav": long})
    split = fixed_length(read_recordings(archive))
    assert split.levels.shape == (2, 1, N_SAMPLES) and split.labels.tolist() == [4, 5]
    loud = int(mu_law.encode(torch.tensor([0.5])))
    assert split.levels[0, 0, :3].tolist() == [loud] * 3
    assert (split.levels[0, 0, 3:] == mu_law.SILENCE).all()
    assert (split.levels[1] == 0).all()


def test_a_zip_without_recordings_or_with_odd_names_is_refused():
    with pytest.raises(DataFormatError, match="no .wav files"):
        read_recordings(zip_bytes({"d/README.md": b""}))
    with pytest.raises(DataFormatError, match="'seven_ann_1.wav' is not named"):
        read_recordings(spoken_digits_zip({"seven_ann_1.wav": np.arange(4)}))


# what every loader returns


def test_held_out_examples_are_the_last_ones():
    pool = a_split(6)
    train, valid = hold_out_last(pool, 2)
    assert torch.equal(train.levels, pool.levels[:4]) and torch.equal(valid.labels, pool.labels[4:])
    with pytest.raises(ValueError, match="cannot hold 7 examples out of 6"):
        hold_out_last(pool, 7)


def test_a_subset_has_no_example_twice_and_depends_on_its_seed():
    split = Split(torch.arange(50, dtype=torch.uint8).reshape(50, 1, 1, 1), torch.arange(50))
    drawn = split.subset(20, seed=1)
    assert len(set(drawn.labels.tolist())) == 20
    assert torch.equal(drawn.levels.flatten().long(), drawn.labels)  # labels stay with their images
    assert torch.equal(drawn.labels, split.subset(20, seed=1).labels)
    assert not torch.equal(drawn.labels, split.subset(20, seed=2).labels)
    with pytest.raises(ValueError, match="cannot draw 51"):
        split.subset(51)


def test_a_split_feeds_a_data_loader():
    split = a_split(6)
    batches = list(torch.utils.data.DataLoader(split, batch_size=4))
    assert [len(labels) for _, labels in batches] == [4, 2]
    assert torch.equal(torch.cat([images for images, _ in batches]), split.levels)


def test_a_split_refuses_other_types_and_numbers(own_messages):
    images, labels = torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)
    assert len(Split(images, labels)) == 3
    with pytest.raises(TypeError, match="levels must be a torch.uint8 tensor, got torch.float32"):
        Split(images / 255, labels)
    with pytest.raises(ValueError, match=r"labels must have shape \(3\), got \(2,\)"):
        Split(images, labels[:2])


def test_a_data_set_refuses_levels_and_labels_out_of_range():
    split = a_split(6, n_levels=4)
    assert ImageDataset("toy", split, split, split, 4, ("a", "b", "c")).n_levels == 4
    with pytest.raises(ValueError, match="toy: the train split holds level 3"):
        ImageDataset("toy", split, split, split, 3, ("a", "b", "c"))
    with pytest.raises(ValueError, match="holds label 2, but its labels are 0 to 1"):
        ImageDataset("toy", split, split, split, 4, ("a", "b"))
    with pytest.raises(ValueError, match="its labels are -1 to -1"):
        ImageDataset("toy", split, split, split, 4, ())
