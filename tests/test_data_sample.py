"""The embedded sample is balanced, disjoint, verified, small and quick to load."""

import time

import numpy as np
import pytest
import torch
from make_fashion_mnist_sample import select

from tutorial_lib import data
from tutorial_lib.data.archives import DataFormatError, DataUnavailable
from tutorial_lib.data.sample import SAMPLE_PATH, arrays_sha256, read_arrays


@pytest.fixture(scope="module")
def sample():
    return data.load("fashion-mnist-sample")


@pytest.fixture(scope="module")
def arrays():
    return read_arrays()


def test_its_splits_are_balanced_over_the_classes(sample):
    assert sample.n_levels == 256 and len(sample.class_names) == 10
    for split, per_class in zip(sample.splits().values(), (900, 100, 200), strict=True):
        assert split.levels.shape == (10 * per_class, 1, 28, 28)
        assert torch.bincount(split.labels).tolist() == [per_class] * 10


def test_its_splits_are_shuffled(sample):
    for split in sample.splits().values():
        assert torch.bincount(split.labels[:100], minlength=10).min() > 0


def test_it_holds_pictures_with_many_levels(sample):
    assert len(sample.train.levels.unique()) == 256
    assert 0.2 < sample.train.levels.float().mean() / 255 < 0.4


def test_no_image_is_drawn_twice_and_validation_comes_from_the_last_5000(arrays):
    train, valid = arrays["train_positions"], arrays["valid_positions"]
    test = arrays["test_positions"]
    assert train.min() >= 0 and train.max() < 55_000
    assert valid.min() >= 55_000 and valid.max() < 60_000
    assert test.min() >= 0 and test.max() < 10_000
    for positions, n in ((train, 9_000), (valid, 1_000), (test, 2_000)):
        assert len(np.unique(positions)) == n


def test_it_loads_without_network_or_cache(sample, monkeypatch, tmp_path):
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("not a folder")
    monkeypatch.setenv("TUTORIAL_DATA_DIR", str(in_the_way))
    assert torch.equal(data.load("fashion-mnist-sample").test.levels, sample.test.levels)
    assert data.fetch("fashion-mnist-sample") == [SAMPLE_PATH]


def test_two_loads_share_no_memory():
    first, second = data.load("fashion-mnist-sample"), data.load("fashion-mnist-sample")
    first.train.levels.zero_()
    assert second.train.levels.any()


def test_it_is_small_and_quick():
    assert SAMPLE_PATH.stat().st_size < 5_500_000
    seconds = []
    for _ in range(3):
        started = time.process_time()
        data.load("fashion-mnist-sample")
        seconds.append(time.process_time() - started)
    assert min(seconds) < 1  # a tenth of it is usual; the best of three on a busy machine


def test_its_licence_lies_beside_it():
    text = SAMPLE_PATH.with_name("FASHION_MNIST_LICENSE.txt").read_text(encoding="utf-8")
    assert "MIT License" in text and "Zalando" in text and "1708.07747" in text


def test_a_changed_level_is_noticed(arrays, tmp_path):
    path = tmp_path / "sample.npz"
    np.savez(path, **arrays)
    assert read_arrays(path).keys() == arrays.keys()  # packed otherwise, but the same
    changed = {**arrays, "valid_levels": arrays["valid_levels"].copy()}
    changed["valid_levels"][5, 5, 5] ^= 1
    np.savez(path, **changed)
    with pytest.raises(DataFormatError, match="install the package again"):
        read_arrays(path)


def test_a_damaged_missing_or_pickled_file_is_refused(tmp_path):
    whole = SAMPLE_PATH.read_bytes()
    damaged = tmp_path / "sample.npz"
    for content in (whole[:1000], whole[:-100], b"", b"<html>", whole[:99] + b"?" + whole[100:]):
        damaged.write_bytes(content)
        with pytest.raises(DataFormatError, match="damaged"):
            read_arrays(damaged)
    np.savez(damaged, train_levels=np.array([{"a": "pickle"}], dtype=object))
    with pytest.raises(DataFormatError, match="allow_pickle=False"):
        read_arrays(damaged)
    with pytest.raises(DataUnavailable, match="is missing"):
        read_arrays(tmp_path / "nothing.npz")


def test_its_checksum_is_about_names_types_shapes_and_values():
    plain = {"a": np.arange(6, dtype=np.uint8)}
    sums = [
        arrays_sha256(each)
        for each in (
            plain,
            {"b": plain["a"]},
            {"a": plain["a"].astype(np.int16)},
            {"a": plain["a"].reshape(2, 3)},
            {"a": plain["a"][::-1]},
        )
    ]
    assert len(set(sums)) == len(sums)
    assert arrays_sha256({"a": np.arange(6, dtype=np.uint8)}) == sums[0]


def test_the_tool_draws_the_same_balanced_examples_every_time():
    labels = np.arange(1000) % 10
    chosen = select(labels, 7, np.random.RandomState(3))
    assert np.bincount(labels[chosen]).tolist() == [7] * 10 and len(set(chosen)) == 70
    assert np.array_equal(chosen, select(labels, 7, np.random.RandomState(3)))
    assert not np.array_equal(chosen, select(labels, 7, np.random.RandomState(4)))
