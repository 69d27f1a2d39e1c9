"""Any folder of pictures becomes a data set, and whatever is wrong with it is said."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_lib import data
from tutorial_lib.data import own_pictures, picture_files


def gradient(size=(48, 32)) -> Image.Image:
    """Red from left to right, green from top to bottom."""
    width, height = size
    across = np.tile(np.linspace(0, 255, width), (height, 1))
    down = np.tile(np.linspace(0, 255, height)[:, None], (1, width))
    return Image.fromarray(np.stack([across, down, np.full_like(down, 40)], -1).astype(np.uint8))


def noise(seed: int, side: int = 16) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3))
    return Image.fromarray(pixels.astype(np.uint8)).resize((side, side))


@pytest.fixture
def folder(tmp_path):
    """Thirty pictures of two classes."""
    for i in range(30):
        place = tmp_path / ("cats" if i % 3 else "dogs") / f"{i:02d}.png"
        place.parent.mkdir(exist_ok=True)
        noise(i).save(place)
    return tmp_path


def read(folder, **options):
    return data.from_folder(folder, **{"side": 8, "progress": False, **options})


def orientation(code: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = code
    return exif


# -- formats -------------------------------------------------------------------------------------

WAYS = {
    "png": lambda image, path: image.save(path),
    "jpg": lambda image, path: image.save(path, quality=95),
    "webp": lambda image, path: image.save(path, lossless=True),
    "bmp": lambda image, path: image.save(path),
    "palette.png": lambda image, path: image.quantize(255).save(path),
    "gif": lambda image, path: image.save(path, save_all=True, append_images=[noise(1, 48)]),
    "cmyk.jpg": lambda image, path: image.convert("CMYK").save(path, quality=95),
    "alpha.png": lambda image, path: image.convert("RGBA").save(path),
    "turned.jpg": lambda image, path: image.transpose(Image.Transpose.ROTATE_90).save(
        path, quality=95, exif=orientation(6)
    ),
}


@pytest.mark.parametrize("ending", WAYS)
def test_every_format_shows_the_same_picture(tmp_path, ending):
    WAYS[ending](gradient(), path := tmp_path / f"picture.{ending}")
    expected = np.asarray(gradient().crop((8, 0, 40, 32)).resize((8, 8), Image.Resampling.LANCZOS))
    shown = picture_files.read_picture(path, side=8)
    assert shown.shape == (3, 8, 8) and shown.dtype == np.uint8
    assert np.abs(shown.transpose(1, 2, 0).astype(int) - expected).mean() < 8


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path):
    shades = np.tile(np.linspace(0, 65535, 16), (16, 1)).astype(np.uint16)
    Image.fromarray(shades).save(tmp_path / "deep.png")
    row = picture_files.read_picture(tmp_path / "deep.png", side=16, colors=1)[0, 0]
    assert np.abs(row.astype(int) - shades[0] / 257).max() <= 1


def test_what_is_clear_becomes_white(tmp_path):
    half = gradient().convert("RGBA")
    half.putalpha(Image.linear_gradient("L").resize(half.size).point(lambda a: 255 * (a > 127)))
    half.save(tmp_path / "half.png")
    shown = picture_files.read_picture(tmp_path / "half.png", side=8)
    assert (shown[:, 0] == 255).all() and (shown[2, -1] < 60).all()


def test_padding_keeps_all_of_a_picture_and_cropping_its_middle(tmp_path):
    gradient((64, 32)).save(tmp_path / "wide.png")
    padded = picture_files.read_picture(tmp_path / "wide.png", side=16, fit="pad")
    cropped = picture_files.read_picture(tmp_path / "wide.png", side=16, fit="crop")
    assert (padded[:, 0] == 255).all() and padded[0, 8].min() < 20 and padded[0, 8].max() > 235
    assert cropped[0].min() > 50 and cropped[0].max() < 205


def test_grey_pictures_of_few_levels_can_be_asked_for(folder):
    grey = read(folder, colors=1, n_levels=4)
    assert grey.train.levels.shape[1:] == (1, 8, 8) and grey.train.levels.max() <= 3
    full = read(folder, colors=1)
    assert torch.equal(full.train.levels // 64, grey.train.levels)


# -- labels and splits ---------------------------------------------------------------------------


def test_sub_folders_are_classes(folder):
    found = read(folder)
    assert found.class_names == ("cats", "dogs") and found.name == f"folder {folder.name}"
    for name, split in found.splits().items():
        own = [found.class_names[label] for label in split.labels]
        assert own == [path.parts[0] for path in found.paths[name]]


def test_without_sub_folders_there_are_no_labels(tmp_path):
    for i in range(12):
        noise(i).save(tmp_path / f"{i}.png")
    found = read(tmp_path)
    assert found.class_names == () and (found.train.labels == -1).all()


def test_each_picture_is_in_one_split_and_the_same_one_each_time(folder, tmp_path_factory):
    found = read(folder)
    paths = [path for split in found.paths.values() for path in split]
    assert len(paths) == len(set(paths)) == 30
    assert [len(split) for split in found.splits().values()] == [24, 3, 3]
    moved = tmp_path_factory.mktemp("elsewhere") / "copy"
    moved.symlink_to(folder)
    assert read(moved).paths == found.paths
    assert read(folder, seed=1).paths != found.paths


def test_it_goes_through_the_library_as_any_data_set(folder):
    found = read(folder).with_n_levels(16)
    assert found.n_levels == 16 and found.facts.shape == (3, 8, 8)


def test_pictures_that_look_the_same_on_both_sides_are_reported(folder):
    found = read(folder)
    assert found.alike == []
    twin, original = found.paths["test"][0], found.paths["train"][0]
    Image.open(folder / original).resize((20, 20)).save(folder / twin)
    assert read(folder).alike == [(original, twin)]
    assert f"{original} = {twin}" in read(folder).summary()


# -- what is wrong -------------------------------------------------------------------------------


def test_broken_files_are_skipped_with_their_reasons_and_nothing_is_changed(folder):
    whole = (folder / "cats" / "01.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[:60])
    (folder / "empty.gif").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture")
    (folder / "phone.heic").write_bytes(b"x")
    (folder / "notes.txt").write_text("not looked at")
    (folder / ".hidden.png").write_bytes(b"not looked at")
    before = sorted(folder.rglob("*"))
    found = read(folder)
    reasons = {path.name: reason for path, reason in found.skipped}
    assert reasons.keys() == {"cut.png", "empty.gif", "text.jpg", "phone.heic"}
    assert "heic is not read: save it as PNG" in reasons["phone.heic"]
    assert len(found.train) == 24 and sorted(folder.rglob("*")) == before


def test_too_many_pixels_and_too_large_files_are_skipped(folder, monkeypatch):
    Image.new("1", (12_000, 12_000)).save(folder / "huge.png")
    monkeypatch.setattr(picture_files, "MOST_FILE_BYTES", 20_000)
    (folder / "large.png").write_bytes(bytes(30_000))
    reasons = {path.name: reason for path, reason in read(folder).skipped}
    assert "pixels" in reasons["huge.png"] and "MiB" in reasons["large.png"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_loop_end_and_two_paths_to_a_file_count_once(folder):
    (folder / "again").symlink_to(folder)
    (folder / "cats" / "twin.png").symlink_to(folder / "cats" / "01.png")
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    found = read(folder)
    assert sum(len(split) for split in found.splits().values()) == 30
    assert [reason for _, reason in found.skipped] == ["a link that leads nowhere"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda place: place / "missing", "there is no folder"),
        (lambda place: place, "holds 0 pictures"),
        (lambda place: (place / "file", (place / "file").write_text("x"))[0], "is a file"),
    ],
    ids=["missing", "empty", "a file"],
)
def test_a_folder_that_cannot_be_used_is_answered_with_a_sentence(tmp_path, make, said):
    with pytest.raises(own_pictures.FolderError, match=said):
        read(make(tmp_path))


def test_a_folder_of_broken_pictures_says_what_they_are(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02d}.png").write_bytes(b"x")
    with pytest.raises(own_pictures.FolderError, match=r"00\.png \(not a picture.*and 15 more"):
        read(tmp_path)


def test_more_pictures_than_memory_are_refused_before_any_is_read(folder, monkeypatch):
    monkeypatch.setattr(own_pictures, "MOST_BYTES", 1000)
    with pytest.raises(own_pictures.FolderError, match="30 pictures of side 8"):
        read(folder)


def test_the_summary_is_printed_where_progress_is_shown(folder, capsys):
    data.from_folder(folder, side=8)
    assert "24 train, 3 valid, 3 test; 3x8x8 in 256 levels" in capsys.readouterr().out
