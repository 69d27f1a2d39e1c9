"""The emoji in the package: whole, in colour, split so that no emoji stands on two sides."""

import zipfile

import numpy as np
import pytest
import torch

from tutorial_lib import data
from tutorial_lib.data import emoji
from tutorial_lib.data.archives import DataFormatError
from tutorial_lib.data.sample import read_arrays


@pytest.fixture(scope="module")
def loaded():
    return data.load("emoji")


def test_they_are_colour_images_of_nine_groups(loaded):
    assert loaded.n_levels == 256 and loaded.class_names == emoji.GROUPS
    for split in loaded.splits().values():
        assert split.levels.shape[1:] == (3, 32, 32)
        assert split.labels.unique().tolist() == list(range(9))
    red, green, blue = loaded.train.levels.float().mean(dim=(0, 2, 3)).tolist()
    assert red > green > blue  # faces are yellow


def test_no_emoji_stands_in_two_splits_and_none_is_lost():
    names = {split: emoji.names_in(split) for split in ("train", "valid", "test")}
    once = {split: set(own) for split, own in names.items()}
    assert all(len(once[split]) * 2 == len(names[split]) for split in names)
    assert len(once["train"] | once["valid"] | once["test"]) == 1906
    assert not once["train"] & once["test"] and not once["train"] & once["valid"]
    assert not once["valid"] & once["test"]


def test_the_two_drawings_of_an_emoji_follow_each_other(loaded):
    arrays = read_arrays(emoji.EMOJI_PATH, emoji.EMOJI_SHA256)
    row = arrays["name"].tolist().index(emoji.names_in("test")[0])
    for position, style in enumerate(("noto", "twemoji")):
        drawn = loaded.test.levels[position].permute(1, 2, 0).numpy()
        assert np.array_equal(drawn, arrays[style][row])
    assert emoji.names_in("test")[0] == emoji.names_in("test")[1]


def test_each_group_gives_a_tenth_to_valid_and_to_test(loaded):
    total = sum(torch.bincount(split.labels) for split in loaded.splits().values())
    for split in (loaded.valid, loaded.test):
        share = torch.bincount(split.labels) / total
        assert (share > 0.08).all() and (share <= 0.1).all()


def test_a_style_can_be_part_of_the_label(loaded):
    both = emoji.with_styles(loaded)
    assert len(both.class_names) == 18 and both.class_names[1] == "Smileys & Emotion, Twemoji"
    assert torch.equal(both.train.labels // 2, loaded.train.labels)
    assert torch.equal(both.train.labels % 2, emoji.styles(len(both.train)))
    assert torch.equal(both.test.levels, loaded.test.levels)


def test_they_need_no_network_and_both_notices_lie_beside_them():
    assert data.fetch("emoji") == [emoji.EMOJI_PATH]
    notices = emoji.EMOJI_PATH.with_name("EMOJI_LICENSES.txt").read_text(encoding="utf-8")
    for words in ("Apache License", "Version 2.0", "CC BY 4.0", "Twemoji", "Noto Color Emoji"):
        assert words in notices
    assert emoji.EMOJI_PATH.stat().st_size < 5_000_000


def test_a_damaged_file_is_refused(tmp_path):
    damaged = tmp_path / "emoji32.npz"
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("noto.npy", b"\x93NUMPY nothing")
    with pytest.raises(DataFormatError, match="install the package again"):
        read_arrays(damaged, emoji.EMOJI_SHA256)
