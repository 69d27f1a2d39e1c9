"""The command line, run in this process."""

import matplotlib.image
import pytest

from tutorial_lib import cli
from tutorial_lib.train_commands import chosen_profile


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TUTORIAL_PROFILE", raising=False)
        cli.main(["train", "two-stage", "--profile", "smoke", "--out", str(out)])
    return out


def test_training_by_command_takes_its_defaults_from_the_named_profile(run_folder):
    assert (run_folder / "two-stage.safetensors").exists()
    assert '"n_codes": 16' in (run_folder / "result.json").read_text()


def test_stages_can_be_trained_one_after_the_other(tmp_path, capsys):
    for stage in ("vqvae", "prior"):
        cli.main(["train", stage, "--profile=smoke", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "decoder bits/dim" in printed and "bits/code" in printed
    assert (tmp_path / "two-stage.safetensors").exists()


def test_every_setting_is_an_option(tmp_path, capsys):
    arguments = ["--profile", "smoke", "--out", str(tmp_path), "--n-codes", "5"]
    cli.main(["train", "vqvae", *arguments, "--fit.epochs", "2"])
    assert "n_codes" in (tmp_path / "vqvae.safetensors").read_bytes()[:2000].decode("latin-1")
    assert "epoch                            2" in capsys.readouterr().out


def test_a_grid_of_one_class_has_the_size_of_its_images(run_folder, tmp_path):
    out = tmp_path / "grid.png"
    cli.main(["sample", "--run", str(run_folder), "--n", "4", "--label", "3", "--out", str(out)])
    assert matplotlib.image.imread(out).shape[:2] == (4 * 57, 4 * 57)  # 2 x 28 and a gutter


def test_one_grid_for_each_class(run_folder, tmp_path):
    out = tmp_path / "grid.png"
    cli.main(["sample", "--run", str(run_folder), "--n", "1", "--label", "all", "--out", str(out)])
    assert len(list(tmp_path.glob("grid-*.png"))) == 10


def test_the_same_seed_draws_the_same_grid_and_another_seed_another(run_folder, tmp_path):
    def draw(seed: int) -> bytes:
        out = tmp_path / f"{seed}.png"
        options = ["--n", "4", "--pixels", "sample", "--seed", str(seed), "--out", str(out)]
        cli.main(["sample", "--run", str(run_folder), *options])
        return out.read_bytes()

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["data", "fetch", "fashion-minst"], "fashion-mnist"),
        (["sample", "--run", "/nowhere"], "train two-stage"),
        (["sample", "--weights", "nothing"], "no weights named 'nothing'"),
        (["train", "two-stage", "--dataset", "nothing", "--out", "/tmp/never"], "nothing"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_status_2(arguments, told, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    error = capsys.readouterr().err
    assert exit_.value.code == 2 and told in error and "Traceback" not in error


def test_a_label_out_of_range_writes_no_picture(run_folder, tmp_path, capsys):
    out = tmp_path / "grid.png"
    with pytest.raises(SystemExit) as exit_:
        cli.main(["sample", "--run", str(run_folder), "--label", "10", "--out", str(out)])
    assert exit_.value.code == 2 and "0 .. 9" in capsys.readouterr().err and not out.exists()


def test_the_list_of_data_sets_names_the_embedded_sample(capsys):
    cli.main(["data", "list"])
    assert "fashion-mnist-sample" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "profile"),
    [
        (["train", "vqvae", "--profile", "gpu"], "gpu"),
        (["train", "vqvae", "--profile=smoke"], "smoke"),
        (["train", "vqvae", "--profile"], "laptop"),
        (["train", "vqvae"], "laptop"),
    ],
)
def test_the_profile_is_read_before_the_other_options(arguments, profile, monkeypatch):
    monkeypatch.setenv("TUTORIAL_PROFILE", "laptop")
    assert chosen_profile(arguments) == profile
