"""The readers on the real public files, where full copies lie beside the repository."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from make_fashion_mnist_sample import make_sample

from tutorial_lib import data
from tutorial_lib.data.sample import SAMPLE_PATH, SAMPLE_SHA256, arrays_sha256, read_arrays
from tutorial_lib.data.spoken_digits import read_recordings

UNPACK = Path(__file__).parents[1].parent / "shared/data/unpack.py"
NAMES = ["fashion-mnist", "binarized-mnist", "spoken-digits"]

pytestmark = pytest.mark.skipif(
    not UNPACK.is_file(), reason="no copies of the real data sets in ../shared/data"
)


@pytest.fixture(scope="module")
def real_cache(tmp_path_factory):
    """A cache folder with the public files of these data sets; no address is asked for anything."""
    folder = tmp_path_factory.mktemp("real")
    subprocess.run([sys.executable, UNPACK, folder], check=True, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTORIAL_DATA_DIR", str(folder))
        patch.setattr("tutorial_lib.data.loading._download", _refuse)
        yield folder


def _refuse(url, *_):
    raise AssertionError(f"{url} was asked for, although its file is here")


@pytest.fixture(scope="module")
def loaded(real_cache):
    return {name: data.load(name, progress=False) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_real_files_have_the_catalogs_checksums_and_shapes(real_cache, loaded, name):
    assert data.describe(name).cached
    shapes = {key: tuple(split.levels.shape) for key, split in loaded[name].splits().items()}
    assert shapes == data.describe(name).shapes


def test_fashion_mnist_has_its_known_labels_and_class_sizes(loaded):
    dataset = loaded["fashion-mnist"]
    assert dataset.train.labels[:8].tolist() == [9, 0, 0, 3, 0, 2, 7, 2]
    assert dataset.test.labels[:8].tolist() == [9, 2, 1, 1, 6, 1, 4, 6]
    pool = torch.cat([dataset.train.labels, dataset.valid.labels])
    assert torch.bincount(pool).tolist() == [6000] * 10
    assert torch.bincount(dataset.test.labels).tolist() == [1000] * 10


def test_binarized_mnist_is_binary_and_about_as_bright_in_every_split(loaded):
    dataset = loaded["binarized-mnist"]
    assert dataset.n_levels == 2 and dataset.class_names == ()
    for split in dataset.splits().values():
        assert split.levels.min() == 0 and split.levels.max() == 1
        assert 0.12 < split.levels.float().mean() < 0.14
        assert (split.labels == data.UNLABELLED).all()


def test_the_test_split_of_binarized_mnist_is_sorted_as_the_note_warns(loaded):
    # It begins with the zeros: rings, dark in the middle; the later digits mostly are not.
    middles = loaded["binarized-mnist"].test.levels[:, 0, 12:16, 12:16].float().mean(dim=(1, 2))
    assert middles[:900].mean() < 0.1 < 0.3 < middles.mean()


def test_every_split_of_spoken_digits_has_every_digit_of_every_speaker(real_cache, loaded):
    for split, per_digit in zip(
        loaded["spoken-digits"].splits().values(), (240, 30, 30), strict=True
    ):
        assert torch.bincount(split.labels).tolist() == [per_digit] * 10
    recordings = read_recordings((real_cache / "free-spoken-digit-dataset.zip").read_bytes())
    each = {(one.digit, one.speaker, one.number) for one in recordings}
    assert len(each) == len(recordings) == 10 * 6 * 50
    assert sum(len(one.pressure) > 8192 for one in recordings) == 17  # as the docstring says


def test_no_recording_of_the_test_split_is_in_another(loaded):
    splits = loaded["spoken-digits"].splits().values()
    sounds = [row.numpy().tobytes() for split in splits for row in split.levels]
    assert len(set(sounds)) == len(sounds) == 3000


def test_the_embedded_sample_is_made_again_bit_for_bit(loaded):
    made, embedded = make_sample(loaded["fashion-mnist"]), read_arrays(SAMPLE_PATH)
    assert made.keys() == embedded.keys()
    assert all(np.array_equal(made[name], embedded[name]) for name in made)
    assert arrays_sha256(made) == SAMPLE_SHA256


def test_each_split_of_the_sample_lies_in_the_same_split_of_the_full_set(loaded):
    full, sample, arrays = loaded["fashion-mnist"], data.load("fashion-mnist-sample"), read_arrays()
    for name, first in (("train", 0), ("valid", 55_000), ("test", 0)):
        where = torch.from_numpy(arrays[f"{name}_positions"]).long() - first
        assert torch.equal(full.splits()[name].levels[where], sample.splits()[name].levels)
        assert torch.equal(full.splits()[name].labels[where], sample.splits()[name].labels)
