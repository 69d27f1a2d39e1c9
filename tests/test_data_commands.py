"""The data commands print what they promise and draw what they show."""

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from tutorial_lib import data
from tutorial_lib.data.commands import fetch_dataset, list_datasets, show_dataset
from tutorial_lib.data.contact_sheet import contact_sheet, example_rows


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_DATA_DIR", str(tmp_path / "cache"))


def toy(shape=(1, 4, 6), n_levels=256, class_names=("a", "b"), n=30):
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(n_levels, (n, *shape), generator=generator).to(torch.uint8)
    labels = torch.arange(n) % 2 if class_names else torch.full((n,), data.UNLABELLED)
    split = data.Split(levels, labels)
    return data.ImageDataset("toy", split, split, split, n_levels, class_names)


def test_list_prints_a_line_for_each_data_set(capsys, tmp_path):
    list_datasets()
    lines = capsys.readouterr().out.splitlines()
    for name, line in zip(data.names(), lines[1:], strict=False):
        assert line.startswith(name + " ") and data.describe(name).licence in line
    row = next(line for line in lines if line.startswith("cifar10"))
    assert row.split()[1:7] == ["images", "10", "45,000", "5,000", "10,000", "3x32x32"]
    assert lines[1].endswith("in the package") and row.endswith("  no")
    assert str(tmp_path / "cache") in lines[-2]
    assert next(line for line in lines if line.startswith("binarized-mnist")).split()[2] == "none"
    assert all(line == line.rstrip() for line in lines)


def test_fetch_of_the_embedded_sample_has_nothing_to_download(capsys):
    fetch_dataset("fashion-mnist-sample")
    printed = capsys.readouterr().out
    assert "part of the package" in printed and "fashion_mnist_sample.npz" in printed
    assert "5.3 MB" in printed


def test_show_prints_splits_and_classes_and_writes_a_picture(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = show_dataset("fashion-mnist-sample")
    printed = capsys.readouterr().out
    assert "MIT" in printed and "256 (0 to 255)" in printed
    assert ["9", "Ankle", "boot", "900", "100", "200"] in [
        row.split() for row in printed.split("\n")
    ]
    assert "fashion-mnist-sample.png (--out chooses another path)" in printed
    picture = imread(tmp_path / path)
    assert picture.shape[:2] == (840, 840) and picture.std() > 0.1


def test_show_writes_where_it_is_told(capsys, tmp_path):
    out = tmp_path / "new folder" / "garments.png"
    assert show_dataset("fashion-mnist-sample", out) == out
    assert out.read_bytes().startswith(b"\x89PNG")
    assert str(out) in capsys.readouterr().out


def test_show_of_a_set_that_is_not_here_downloads_nothing_and_says_how(
    capsys, tmp_path, monkeypatch
):
    def refuse(*_):
        raise AssertionError("something was downloaded")

    monkeypatch.setattr("tutorial_lib.data.loading._download", refuse)
    assert show_dataset("cifar10", tmp_path / "cifar.png") is None
    printed = capsys.readouterr().out
    assert "python -m tutorial_lib data fetch cifar10" in printed and "170.1 MB" in printed
    assert "45,000" in printed and "3x32x32" in printed and "airplane" in printed
    assert not (tmp_path / "cifar.png").exists() and not (tmp_path / "cache").exists()
    with pytest.raises(AssertionError):  # the probe sees a download
        fetch_dataset("cifar10", progress=False)


@pytest.mark.parametrize("command", [fetch_dataset, show_dataset])
def test_an_unknown_name_is_an_error(command):
    with pytest.raises(ValueError, match="Did you mean 'mnist'"):
        command("minst")


def test_rows_of_the_sheet_are_classes_in_order():
    rows = example_rows(toy(), n_columns=3)
    assert [row.tolist() for row in rows] == [[0, 2, 4], [1, 3, 5]]


def test_rows_without_labels_are_spread_over_the_whole_split():
    rows = example_rows(toy(class_names=(), n=1000), n_columns=10)
    assert [row.tolist() for row in rows[:2]] == [
        list(range(0, 100, 10)),
        list(range(100, 200, 10)),
    ]
    assert len(rows) == 10
    few = example_rows(toy(class_names=(), n=13), n_columns=10)
    assert [row.tolist() for row in few] == [list(range(10)), [10, 11, 12]]


@pytest.mark.parametrize("shape", [(1, 4, 6), (3, 4, 6)])
@pytest.mark.parametrize("n_levels", [2, 256])
def test_the_sheet_shows_the_levels_of_its_images(shape, n_levels):
    dataset = toy(shape, n_levels)
    (shown,) = contact_sheet(dataset).axes[0].get_images()
    pixels = np.asarray(shown.get_array(), dtype=np.float64).reshape(2 * 5 - 1, 10 * 7 - 1, -1)
    assert pixels.shape[2] == shape[0]
    third_b = dataset.train.levels[5].movedim(0, -1).numpy() / (n_levels - 1)
    np.testing.assert_allclose(pixels[5:9, 14:20], third_b, atol=1e-7)
    assert (pixels[4] == 1).all()  # the gutter


def test_the_sheet_of_a_sound_has_a_line_for_each_digit():
    axes = contact_sheet(toy((1, 80))).axes[0]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) == 3 * 80]
    assert len(lines) == 2
    assert axes.get_xlabel() == "seconds"
    assert lines[0].get_xdata()[-1] == pytest.approx((3 * 80 - 1) / 8000)
