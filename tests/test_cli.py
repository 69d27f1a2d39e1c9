"""The command line, run in this process."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from few import few

import tutorial_lib
from tutorial_lib import cli, data, profiles
from tutorial_lib.cli.commands import commands
from tutorial_lib.cli.options import options_of, with_options
from tutorial_lib.cli.train_commands import chosen_profile
from tutorial_lib.recipes.code_files import read_codes
from tutorial_lib.recipes.pretrained import load_run, load_weights
from tutorial_lib.recipes.settings import presets
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors
from tutorial_lib.training.config import History

PROGRAM = [sys.executable, "-m", "tutorial_lib"]


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
    options = ["--epochs", "2", "--batch-size", "32", "--beta", "0.5", "--n-levels", "16"]
    cli.main(["train", "vqvae", *arguments, *options])
    model = load_weights(tmp_path / "vqvae.safetensors")
    assert (model.n_codes, model.n_levels, model.quantizer.commitment_weight) == (5, 16, 0.5)
    printed = capsys.readouterr().out
    assert "epoch                            2" in printed
    assert "batch perplexity" in printed and "seconds/step" in printed
    row = json.loads((tmp_path / "vqvae" / "metrics.jsonl").read_text().splitlines()[0])
    assert row["step"] == 8  # an epoch of 256 images
    assert 1 <= row["batch perplexity"] <= 5 and row["seconds"] > 0


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
        (["sample", "--weights", "two-stage-fashion"], "Did you mean 'two-stage-fashion-mnist'"),
        (["sample", "--weights", "vae-fashion-mnist"], "no weights named 'vae-fashion-mnist'"),
        (["sample", "--label", "drss"], "Did you mean 'Dress'"),
        (["sample", "--label", "10"], "0 .. 9"),
        (["sample", "--shape", "28"], "HEIGHTxWIDTH"),
        (["sample", "--out", "grid.jpg"], "must end in .png"),
        (["sample", "--n", "0"], "n must be at least 1"),
        (["samples"], "Did you mean 'sample'"),
        (["data", "lst"], "Did you mean 'list'"),
        (["data", "show", "cifar"], "Did you mean 'cifar10'"),
        (["--verison"], "no option '--verison'"),
        (["train", "vqvae", "--epoch", "3"], "Did you mean --epochs?"),
        (["train", "vqvae", "--fit.epochs", "3"], "Did you mean --epochs?"),
        (["train", "two-stage", "--vqvae.fit.epochs=3"], "Did you mean --vqvae.epochs?"),
        (["train", "two-stage", "--vqvae.n-codes", "3"], "Did you mean --n-codes?"),
        (["train", "vqvae", "--out", "x", "--epochs", "many"], "expected INT, got 'many'"),
        (["train", "vqvae", "--out", "x", "--epochs", "0"], "epochs must be at least 1, got 0"),
        (["train", "vqvae", "--out", "x", "--dataset", "voiced-tones"], "which holds sounds"),
        (["train", "two-stage", "--out", "x", "--dataset", "bouncing-garments"], "holds clips"),
        (
            ["train", "two-stage", "--out", "x", "--dataset=binarized-mnist", "--by-label=yes"],
            "binarized-mnist has none",
        ),
        (["train", "vqvae", "--out", "x", "--n-levels", "7"], "must divide the 256"),
        (["reproduce", "pixelcnn-cpy"], "Did you mean 'pixelcnn-cpu'"),
        (["decode", "nowhere.safetensors"], "no file nowhere.safetensors"),
        (["encode", "--out", "codes.npz"], "must end in .safetensors"),
        (["reconstruct", "--dataset", "voiced-tones"], "which holds sounds"),
        (["data", "fetch"], "NAME"),
        (["train", "vqvae", "--out", ""], "--out is empty"),
        (["train", "vqvae", "--out="], "--out is empty"),
        (["course", "build", ""], "an argument is empty"),
        (
            ["train", "vqvae", "--n-layers", "3"],
            "It is an option of 'pixels', 'prior' and 'two-stage'",
        ),
        (["train", "prior", "--n-codes", "3"], "It is an option of 'vqvae' and 'two-stage'"),
        (["train", "vqvae", "--out", "x", "--seed", "9" * 20], "seed must be at most 2**63 - 1"),
        (["sample", "--seed", "9" * 20], "seed must be at most 2**63 - 1"),
        (["train", "two-stage", "--dataset", "nothing", "--out", "/tmp/never"], "nothing"),
    ],
)
def test_a_mistake_is_told_with_status_2(arguments, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    error = capsys.readouterr().err
    assert exit_.value.code == 2 and told in error and "Traceback" not in error
    assert "dummy" not in error and not list(tmp_path.iterdir())


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


# ------------------------------------------------------------------------ help, at once


def leaves(found, words=()):
    for name, each in found.items():
        if isinstance(each, dict):
            yield from leaves(each, (*words, name))
        else:
            yield (*words, name)


LEAVES = list(leaves(commands([])))


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_option_of_every_command_has_a_text(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    cli.main([*words, "--help"])
    printed = capsys.readouterr().out
    assert f"python -m tutorial_lib {' '.join(words)}" in printed and "dummy" not in printed
    told = re.findall(r"^. (--[a-z][\w.-]*|[A-Z]+)(?=[ ,])(.*)$", printed, re.MULTILINE)
    assert told or words in (("doctor",), ("equations",), ("data", "list")) or "exercises" in words
    rows = printed.splitlines()
    for i, row in enumerate(rows):
        if re.match(r"^\S (--[a-z][\w.-]*|[A-Z]+) ", row):
            text = re.sub(r"^\S (--)?\S+( [A-Z]+| \{[\w,-]+\})?,?", "", row) + rows[i + 1]
            assert re.search(r"[A-Za-z]\w+ \w+", text), row


@pytest.mark.parametrize("words", [[], ["data"], ["train"]])
def test_groups_list_their_commands(words, capsys):
    cli.main([*words, "--help"])
    printed = capsys.readouterr().out
    wanted = {leaf[len(words)] for leaf in LEAVES if list(leaf[: len(words)]) == words}
    assert all(re.search(rf"^  {name} +\S", printed, re.MULTILINE) for name in wanted)
    with pytest.raises(SystemExit) as exit_:
        cli.main(words)
    assert exit_.value.code == 2 and capsys.readouterr().err == printed


def test_the_version_is_told(capsys):
    cli.main(["--version"])
    assert capsys.readouterr().out.split()[-1] == tutorial_lib.__version__


LIGHT = """
import sys
from tutorial_lib import cli
for arguments in {calls}:
    try:
        cli.main(arguments)
    except SystemExit as exit_:
        print("status", exit_.code)
    print("torch" in sys.modules, arguments)
"""


def test_help_lists_and_mistakes_need_no_torch(tmp_path):
    quick = [
        ["--help"],
        ["--version"],
        ["data", "list"],
        ["data", "--help"],
        ["train", "two-stage", "--help"],
        ["sample", "--help"],
        ["trian"],
        ["data", "fetch", "minst"],
        ["sample", "--weights", "nothing"],
        ["sample", "--label", "drss"],
        ["train", "two-stage", "--out", "x", "--dataset", "voiced-tones"],
        ["train", "vqvae", "--out", "x", "--epochs", "0"],
        ["train", "vqvae", "--fit.epochs", "1"],
        ["reproduce", "list"],
        ["reproduce", "pixelcnn-cpy"],
        ["equations"],
    ]
    environment = {k: v for k, v in os.environ.items() if k != "TUTORIAL_PROFILE"}
    environment["TUTORIAL_PROFILE"] = "laptop"  # a torch with CUDA would be asked for a GPU
    slow = ["sample", "--run", "."]  # reads weights: the probe sees torch
    program = LIGHT.format(calls=repr([*quick, slow]))
    options = {"cwd": tmp_path, "capture_output": True, "text": True, "env": environment}
    run = subprocess.run([sys.executable, "-c", program], timeout=120, **options)
    told = [line for line in run.stdout.splitlines() if line.startswith(("True", "False"))]
    assert [line.split()[0] for line in told] == ["False"] * len(quick) + ["True"], run.stdout


# ------------------------------------------------------------------- terminals of any kind


@pytest.mark.parametrize("encoding", few(["ascii", "cp932", "cp437", "cp850", "gbk"], 2))
def test_any_terminal_can_show_what_is_printed(encoding):
    """Help with boxes, a list, a table with a bullet in it, and an error."""
    program = """
import sys
from tutorial_lib import cli
for arguments in (["--help"], ["data", "list"], ["sample", "--help"], ["trian"],
                  ["train", "vqvae", "--out", "x", "--epochs", "many"], ["data", "fetch"]):
    try:
        cli.main(arguments)
    except SystemExit:
        pass
print("every one: \u2022 \u2013 \u4e2d \u00e9 \u2588", flush=True)
"""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "TUTORIAL_PROFILE": "laptop"}
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, env=environment, timeout=120)
    assert run.returncode == 0, run.stderr
    assert b"every one: " in run.stdout and b"UnicodeEncodeError" not in run.stderr
    assert b"expected INT, got 'many'" in run.stderr and b"Did you mean 'train'" in run.stderr


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is told otherwise there")
@pytest.mark.parametrize("words", few(["data list", "--help", "train two-stage --help"], 1))
def test_a_closed_pipe_ends_a_command_quietly(words):
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [*PROGRAM, *words.split()], stdout=writer, stderr=subprocess.PIPE, timeout=120
    )
    os.close(writer)
    assert run.returncode == 141 and run.stderr == b""


# --------------------------------------------------------------------------- exit status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("wrong"), 2),
        (FileNotFoundError("no file"), 2),
        (CheckpointError("another run"), 2),
        (OSError(28, "No space left on device"), 1),
        (data.DataUnavailable("no network"), 1),
        (MemoryError(), 1),
        (RuntimeError("DefaultCPUAllocator: not enough memory"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_exit_status_tells_a_mistake_from_a_failure(error, status, monkeypatch, capsys):
    def fail():
        raise error

    monkeypatch.setattr("tutorial_lib.data.commands.list_datasets", fail)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["data", "list"])
    told = capsys.readouterr().err
    assert exit_.value.code == status and len(told.splitlines()) == 1


def test_a_training_that_is_interrupted_beside_its_steps_says_that_it_goes_on(
    monkeypatch, tmp_path, capsys
):
    def between_the_stages(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("tutorial_lib.recipes.two_stage.train_two_stage", between_the_stages)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "two-stage", "--profile", "smoke", "--out", str(tmp_path / "run")])
    assert exit_.value.code == 130
    assert capsys.readouterr().err == "Interrupted. The same command goes on.\n"


def test_a_mistake_of_the_program_itself_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("tutorial_lib.data.commands.list_datasets", lambda: None + 1)
    with pytest.raises(TypeError):
        cli.main(["data", "list"])


@pytest.mark.parametrize(("kind", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_training_says_so_by_its_status(kind, status, monkeypatch, tmp_path, capsys):
    history = History(step=3, n_steps=9, stopped_by=int(kind))
    monkeypatch.setattr(
        "tutorial_lib.recipes.two_stage.train_vqvae", lambda *_, **__: (None, history)
    )
    monkeypatch.setattr(
        "tutorial_lib.recipes.two_stage.train_two_stage", lambda *_, **__: (history, {})
    )
    for stage in ("vqvae", "two-stage"):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["train", stage, "--profile", "smoke", "--out", str(tmp_path)])
        assert exit_.value.code == status
        assert "Interrupted at step 3 of 9." in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
def test_ctrl_c_in_a_real_training_saves_and_ends_with_130(tmp_path):
    command = [*PROGRAM, "train", "vqvae", "--profile", "smoke", "--epochs", "5000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    metrics = tmp_path / "vqvae" / "metrics.jsonl"
    for _ in range(600):
        time.sleep(0.2)
        if metrics.exists() and metrics.stat().st_size:
            break
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 130 and "The same command goes on" in printed
    assert (tmp_path / "vqvae" / "checkpoint.safetensors").exists()


# ----------------------------------------------------------------------- options of two stages


def settings_for(*options):
    """The settings that `train two-stage` makes of these options."""
    import tyro

    preset = presets("laptop", precision="no")
    return with_options(preset, tyro.cli(options_of(preset), args=list(options))), preset


def test_without_options_both_stages_are_those_of_the_profile():
    settings, preset = settings_for()
    assert settings == preset


def test_an_option_for_both_stages_and_one_for_one_of_them():
    settings, preset = settings_for("--epochs", "3", "--prior.epochs", "7", "--n-codes", "9")
    assert (settings.vqvae.fit.epochs, settings.prior.fit.epochs) == (3, 7)
    assert settings.vqvae.n_codes == 9 and settings.prior.n_layers == preset.prior.n_layers
    settings, _ = settings_for("--by-label", "no", "--vqvae.learning-rate", "0.5", "--seed", "4")
    assert settings.prior.by_label is False and settings.vqvae.fit.learning_rate == 0.5
    assert settings.prior.fit.learning_rate == preset.prior.fit.learning_rate
    assert settings.vqvae.fit.seed == settings.prior.fit.seed == 4


# --------------------------------------------------------------- labels, codes, reconstructions


def test_a_label_may_be_given_by_name(run_folder, tmp_path):
    def drawn(label):
        out = tmp_path / f"{label}.png"
        options = ["--n", "2", "--label", label, "--out", str(out)]
        cli.main(["sample", "--run", str(run_folder), *options])
        return out.read_bytes()

    assert drawn("dress") == drawn("3")


def test_a_reconstruction_shows_original_reconstruction_and_codes(run_folder, tmp_path):
    out = tmp_path / "sheet.png"
    cli.main(["reconstruct", "--run", str(run_folder), "--n", "3", "--out", str(out)])
    sheet = matplotlib.image.imread(out)[::4, ::4, :3]
    assert sheet.shape == (3 * 29 - 1, 3 * 29 - 1, 3)
    images = data.load("fashion-mnist-sample").test.levels[:3, 0].numpy() / 255
    assert np.allclose(sheet[:28, 29:57], images[1, ..., None], atol=1 / 250)
    assert not np.allclose(sheet[29:57, :28], sheet[:28, :28], atol=0.02)
    codes = sheet[58:, :28]
    assert len(np.unique(codes[::4, ::4].reshape(-1, 3), axis=0)) <= 16
    assert np.array_equal(codes[::4, ::4].repeat(4, 0).repeat(4, 1), codes)


def test_images_become_a_file_of_codes_and_come_back(run_folder, tmp_path, capsys):
    codes, grid, arrays = (tmp_path / name for name in ("c.safetensors", "g.png", "a.npz"))
    cli.main(["encode", "--run", str(run_folder), "--n", "4", "--out", str(codes)])
    assert "784 bytes of levels an image became 24 bytes of codes" in capsys.readouterr().out
    test = data.load("fashion-mnist-sample").test
    vqvae, stored = load_run(run_folder).vqvae, read_codes(codes)
    with torch.no_grad():
        indices = vqvae.encode_indices(test.levels[:4].long())
        picture = vqvae.picture(vqvae.decode_indices(indices))
    assert torch.equal(stored.indices, indices) and torch.equal(stored.labels, test.labels[:4])
    assert stored.facts == data.load("fashion-mnist-sample").facts
    assert read_tensors(codes)[0]["indices"].dtype == torch.uint8
    cli.main(["decode", str(codes), "--out", str(arrays)])  # the file says which weights
    with np.load(arrays) as back:
        assert np.array_equal(back["levels"], (picture * 255).round().numpy())
        assert back["labels"].tolist() == test.labels[:4].tolist()
    cli.main(["decode", str(codes), "--run", str(run_folder), "--out", str(grid)])
    assert matplotlib.image.imread(grid).shape[:2] == (4 * 57, 4 * 57)


def test_codes_of_other_weights_or_none_are_refused(run_folder, tmp_path, capsys):
    codes = tmp_path / "c.safetensors"
    cli.main(["encode", "--run", str(run_folder), "--n", "2", "--out", str(codes)])
    tensors, header = read_tensors(codes)
    wrong = tmp_path / "wrong.safetensors"
    write_tensors(wrong, {**tensors, "indices": tensors["indices"] + 200}, header)
    capsys.readouterr()
    for arguments, told in (
        ([codes, "--weights", "two-stage-fashion-mnist"], "made by other weights"),
        ([wrong], "indices must lie in 0 .. 15"),
        ([run_folder / "vqvae.safetensors"], "holds no codes"),
    ):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["decode", *map(str, arguments), "--out", str(tmp_path / "g.png")])
        assert exit_.value.code == 2 and told in capsys.readouterr().err
    assert not (tmp_path / "g.png").exists()


# ------------------------------------------------------------------------- odd paths, odd words


def test_a_home_sign_that_the_shell_left_alone_is_expanded(tmp_path, monkeypatch, run_folder):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    cli.main(["sample", f"--run={run_folder}", "--n", "1", "--out=~/mine.png"])
    assert [each.name for each in tmp_path.iterdir()] == ["mine.png"]


@pytest.mark.parametrize(
    "words",
    [
        "sample --out",
        "reconstruct --out",
        "encode --out",
        "decode codes.safetensors --out",
        "data show fashion-mnist-sample --out",
    ],
)
def test_a_file_in_the_place_of_a_folder_is_told_before_the_work(
    words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text("hello")
    for module in ("recipes.pretrained.load_pretrained", "data.commands.show_dataset"):
        monkeypatch.setattr(f"tutorial_lib.{module}", lambda *_: pytest.fail("worked first"))
    name = "x.safetensors" if "encode" in words else "x.png"
    with pytest.raises(SystemExit) as exit_:
        cli.main([*words.split(), f"mine/{name}"])
    told = capsys.readouterr().err
    assert (
        exit_.value.code == 2 and "choose another path" in told and str(Path("mine", name)) in told
    )
    assert Path("mine").read_text() == "hello"


def test_a_run_in_the_place_of_a_file_is_answered_with_what_to_do(tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.write_text("hello")
    for out in (mine, mine / "run"):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["train", "vqvae", "--profile", "smoke", "--out", str(out)])
        assert exit_.value.code == 2 and "choose another path" in capsys.readouterr().err
    assert mine.read_text() == "hello"


def test_of_two_profiles_the_last_counts_for_every_default():
    arguments = ["train", "vqvae", "--profile", "smoke", "--profile=laptop"]
    assert chosen_profile(arguments) == "laptop"
    assert chosen_profile([*arguments, "--profile", "smoke"]) == "smoke"


@pytest.mark.parametrize("named", ["", " ", " smoke "])
def test_an_empty_profile_is_none_and_spaces_do_not_count(named, monkeypatch):
    monkeypatch.setenv("TUTORIAL_PROFILE", named)
    expected = named.strip() or ("gpu" if torch.cuda.is_available() else "laptop")
    assert profiles.current() == expected == chosen_profile(["train"])


LOADING = """
import os, signal, sys
from tutorial_lib import cli
class Finder:  # presses Ctrl-C when torch, half loaded, asks for its second module
    def find_spec(self, name, path=None, target=None):
        if name.startswith("torch.") and {press}:
            os.kill(os.getpid(), signal.SIGINT)
            print("went on", flush=True)
sys.meta_path.insert(0, Finder())
cli.main(["reproduce", "pixelcnn-cpu", "--profile", "smoke", "--minutes", "{minutes}"])
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
def test_ctrl_c_while_torch_is_loaded_ends_at_once_with_130():
    program = LOADING.format(press=True, minutes=1)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert run.returncode == 130 and run.stderr == b"Interrupted.\n" and run.stdout == b""
    program = LOADING.format(press=False, minutes=-1)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert run.returncode == 2


def test_weights_of_another_model_in_the_place_of_stage_one_are_named(run_folder, tmp_path, capsys):
    whole = (run_folder / "two-stage.safetensors").read_bytes()
    (tmp_path / "vqvae.safetensors").write_bytes(whole)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "prior", "--profile", "smoke", "--out", str(tmp_path)])
    assert exit_.value.code == 2
    assert "holds a TwoStageModel, not a VQVAE" in capsys.readouterr().err


def test_without_torch_a_command_says_what_to_install():
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Missing())
from tutorial_lib import cli
cli.main(["sample", "--n", "1"])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert run.returncode == 1
    assert run.stderr.split(b"\n")[0] == b"error: torch is not installed here: pip install torch"
    assert b"Traceback" not in run.stderr
