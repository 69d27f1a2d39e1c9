"""From a folder of pictures to weights, samples, reconstructions and codes, by commands."""

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

from tutorial_lib import cli
from tutorial_lib.recipes.pretrained import load_run


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(200):
        place = folder / ("blots" if i % 2 else "dots") / f"{i}.png"
        place.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((20, 20)).save(place)
    return folder


@pytest.fixture(scope="module")
def run(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("own") / "run"
    arguments = ["--images", str(pictures), "--side", "16", "--profile", "smoke", "--out", str(out)]
    cli.main(["train", "two-stage", *arguments])
    return out


def test_a_run_on_a_folder_knows_its_pictures(run, pictures):
    model = load_run(run)
    assert model.facts.shape == (3, 16, 16) and model.facts.class_names == ("blots", "dots")
    assert model.facts.dataset == f"folder {pictures.name}"
    assert model.vqvae.n_mixtures == 1  # colours in 256 levels


def test_it_draws_by_the_names_of_the_sub_folders(run, tmp_path):
    out = tmp_path / "grid.png"
    cli.main(["sample", "--run", str(run), "--n", "4", "--label", "dots", "--out", str(out)])
    assert matplotlib.image.imread(out).shape[:2] == (4 * 33, 4 * 33)


def test_pictures_become_a_sheet_and_codes_and_pictures_again(run, pictures, tmp_path, capsys):
    told = ["--run", str(run), "--images", str(pictures)]
    sheet, codes, back = (tmp_path / name for name in ("r.png", "c.safetensors", "back.png"))
    cli.main(["reconstruct", *told, "--n", "4", "--out", str(sheet)])
    cli.main(["encode", *told, "--out", str(codes)])
    cli.main(["decode", str(codes), "--out", str(back)])
    assert sheet.exists() and back.exists()
    assert "20 images of folder" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "two-stage", "--images", "nowhere"], "is not there"),
        (["train", "vqvae", "--images", "{}", "--side", "30"], "multiple of --downsample 4"),
        (["train", "vqvae", "--images", "{}", "--n-levels", "7"], "must divide 256"),
        (["train", "two-stage", "--images", "{}/dots/0.png"], "is a file"),
    ],
)
def test_what_cannot_be_trained_on_is_said_at_once(pictures, tmp_path, capsys, arguments, said):
    told = [each.format(pictures) for each in arguments]
    with pytest.raises(SystemExit) as ended:
        cli.main([*told, "--out", str(tmp_path / "run")])
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_whose_pictures_are_elsewhere_asks_for_them(run, capsys):
    with pytest.raises(SystemExit):
        cli.main(["reconstruct", "--run", str(run)])
    assert "--images with a folder of pictures" in capsys.readouterr().err


def test_a_model_of_pixels_learns_a_folder_and_draws_from_it(pictures, tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "grid.png"
    told = ["--images", str(pictures), "--side", "8", "--n-levels", "4", "--profile", "smoke"]
    cli.main(["train", "pixels", *told, "--out", str(run)])
    assert "bits per dim" in capsys.readouterr().out.replace("_", " ")
    cli.main(["sample", "--run", str(run), "--n", "4", "--label", "dots", "--out", str(out)])
    assert matplotlib.image.imread(out).shape[:2] == (4 * 17, 4 * 17)
