"""Clips of garments: what is in them, how it moves, and that no garment is in two splits."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from tutorial_lib import data
from tutorial_lib.data import bouncing_garments
from tutorial_lib.data.bouncing_garments import bounced, halved
from tutorial_lib.data.commands import fetch_dataset, show_dataset
from tutorial_lib.data.contact_sheet import contact_sheet
from tutorial_lib.data.sample import read_arrays

SHA256 = {
    "train": "99e096f3cd54e7e4a6ed9505ce0f927a88088b3d4486346748a408a73bef4f7e",
    "valid": "0b115b5285e4cea8a96c7505f493b467cc5fb2a78b46824695affc058e777b40",
    "test": "8dc788de0a9feb6fc303fc8b64f4053b831d6242370855e598dc8f71f534db8d",
}


@pytest.fixture(scope="module")
def clips():
    return data.load("bouncing-garments")


@pytest.fixture(scope="module")
def garments():
    """{"train": (garments (N, 14, 14), labels), ...} of the sample, by split."""
    arrays = read_arrays()
    return {
        name: (halved(arrays[f"{name}_levels"]), arrays[f"{name}_labels"])
        for name in ("train", "valid", "test")
    }


def alone(split):
    """Clips (n, 16, 32, 32) that show one garment, and their labels."""
    one = torch.arange(len(split)) // 10 % 2 == 0
    return split.levels[one, 0].numpy(), split.labels[one]


def box(clip):
    """Where anything is: (first row, last row, first column, last column) of each frame."""
    rows, columns = clip.any(axis=2), clip.any(axis=1)
    first = [seen.argmax(axis=1) for seen in (rows, columns)]
    last = [seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1) for seen in (rows, columns)]
    return np.stack([first[0], last[0], first[1], last[1]], axis=1)


def cut_out(frame):
    """The bytes of what is in a frame, wherever it is."""
    top, bottom, left, right = box(frame[None])[0]
    return frame[top : bottom + 1, left : right + 1].tobytes()


# ------------------------------------------------------------------------- shapes and splits


def test_shapes_levels_and_labels_are_as_announced(clips):
    info = data.describe("bouncing-garments")
    assert {k: tuple(v.levels.shape) for k, v in clips.splits().items()} == info.shapes
    assert info.shapes["train"] == (2400, 1, 16, 32, 32)
    assert info.embedded and info.generated and info.download_bytes == 0
    assert clips.n_levels == 256 and clips.with_n_levels(16).train.levels.max() == 15
    assert clips.class_names == data.load("fashion-mnist-sample").class_names
    for split in clips.splits().values():
        assert torch.equal(split.labels, torch.arange(len(split)) % 10)
        assert split.levels.is_contiguous()


def test_no_garment_is_in_two_splits(clips, garments):
    """Each single garment is found in its own split of the sample; the splits themselves differ."""
    shelves = {
        name: {cut_out(np.pad(one, 1)) for one in images} for name, (images, _) in garments.items()
    }
    for name, split in clips.splits().items():
        shown = [cut_out(clip[0]) for clip in alone(split)[0]]
        assert all(one in shelves[name] for one in shown)
        others = [shelves[other] for other in shelves if other != name]
        assert not any(one in shelf for one in shown for shelf in others)
        assert len(set(shown)) == len(shown)


def test_the_label_is_the_class_of_the_garment(clips, garments):
    images, labels = garments["test"]
    class_of = {
        cut_out(np.pad(one, 1)): int(label) for one, label in zip(images, labels, strict=True)
    }
    for clip, label in zip(*alone(clips.test), strict=True):
        assert class_of[cut_out(clip[0])] == label


def test_of_two_garments_the_labelled_one_is_in_front(clips, garments):
    """It is whole in every frame; the other one is not."""
    images, labels = garments["test"]
    two = torch.arange(300) // 10 % 2 == 1
    hidden = 0
    for clip, label in zip(
        clips.test.levels[two, 0].numpy()[:40], clips.test.labels[two], strict=False
    ):
        windows = np.lib.stride_tricks.sliding_window_view(clip, (14, 14), axis=(1, 2))
        windows = windows.reshape(16, -1, 14, 14)
        for front in images[labels == int(label)]:
            drawn = front > 0
            whole = (windows[:, :, drawn] == front[drawn]).all(axis=2).any(axis=1)
            if whole.all():
                break
        else:
            pytest.fail(f"no garment of class {int(label)} is whole in all frames")
        hidden += len({(frame > 0).sum() for frame in clip}) > 1
    assert hidden > 20  # in most clips the two meet: fewer pixels are lit


# ---------------------------------------------------------------------------------- motion


def test_a_garment_keeps_its_look_and_stays_on_the_screen(clips):
    for clip in alone(clips.valid)[0]:
        assert len({cut_out(frame) for frame in clip}) == 1


def test_it_moves_in_every_clip_and_turns_round_at_walls(clips):
    singles = alone(clips.train)[0]
    turns = 0
    for clip in singles:
        places = box(clip)[:, [0, 2]]
        steps = np.diff(places, axis=0)
        assert (np.abs(steps) <= 3).all() and (np.abs(steps).sum(axis=0) > 3).all()
        for step in steps.T:
            directions = np.sign(step[step != 0])
            turns += (np.diff(directions) != 0).sum()
    assert 0.5 * len(singles) < turns < 4 * len(singles)


def test_positions_are_spread_over_the_screen_and_over_both_directions(clips):
    lit = alone(clips.train)[0].any(axis=(0, 1))
    assert lit[2:-2, 2:-2].all()
    steps = np.concatenate(
        [np.diff(box(clip)[:, [0, 2]], axis=0) for clip in alone(clips.train)[0]]
    )
    assert (np.abs((steps > 0).mean(axis=0) - (steps < 0).mean(axis=0)) < 0.1).all()


def test_a_folded_line_goes_back_and_forth():
    assert bounced(np.arange(-2, 9), 3).tolist() == [2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]


def test_halving_averages_two_by_two_and_rounds_halves_up():
    image = np.array([[[0, 1, 255, 255], [1, 0, 255, 254]]], dtype=np.uint8)
    assert halved(image).tolist() == [[[1, 255]]]
    assert halved(np.full((1, 2, 2), 255, np.uint8)).item() == 255


# ----------------------------------------------------------------- the same, quick and offline


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_the_clips_are_the_same_on_every_machine(clips, name):
    levels = clips.splits()[name].levels.numpy().tobytes()
    assert hashlib.sha256(levels).hexdigest() == SHA256[name]


def test_it_is_made_in_little_time_without_a_file(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TUTORIAL_DATA_DIR", str(tmp_path / "cache"))
    began = time.process_time()
    data.load("bouncing-garments")
    assert time.process_time() - began < 8
    fetch_dataset("bouncing-garments")
    assert "made whenever it is loaded" in capsys.readouterr().out
    assert not (tmp_path / "cache").exists()


def test_no_global_random_number_is_used_or_changed():
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(1).item(), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    bouncing_garments.read_bouncing_garments()
    assert (torch.rand(1).item(), np.random.rand()) == expected


def test_the_sheet_shows_a_clip_of_each_class_frame_by_frame(clips, tmp_path, capsys):
    (shown,) = contact_sheet(clips).axes[0].get_images()
    pixels = np.asarray(shown.get_array())
    assert pixels.shape == (10 * 33 - 1, 16 * 33 - 1)
    trousers = clips.train.levels[1, 0, 3].numpy() / 255
    np.testing.assert_allclose(pixels[33:65, 3 * 33 : 3 * 33 + 32], trousers, atol=1e-7)
    path = show_dataset("bouncing-garments", tmp_path / "clips.png")
    assert imread(path).std() > 0.05 and "0 T-shirt/top" in capsys.readouterr().out
