"""Runs are kept where TUTORIAL_RUNS_DIR says, go on there, and never two in one folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import platformdirs
import pytest
import torch

import tutorial_lib
from tutorial_lib import data, files
from tutorial_lib.exercises import progress
from tutorial_lib.exercises.definition import Grade
from tutorial_lib.files import kept_run, runs_dir
from tutorial_lib.recipes import reproduction as reproduce
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors
from tutorial_lib.training.config import FitConfig, History
from tutorial_lib.training.loop import fit

VARIABLE = "TUTORIAL_RUNS_DIR"
DATA = (torch.randn(64, 3),)
CONFIG = FitConfig(epochs=2, batch_size=8)
QUIET = {"progress": False}


def step(model, x):
    return {"loss": model(x).square().mean()}


# -- where ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [None, "", " "])
def test_without_the_variable_a_chapter_keeps_nothing_and_long_runs_are_user_data(
    monkeypatch, tmp_path, named
):
    monkeypatch.delenv(VARIABLE, raising=False)
    if named is not None:
        monkeypatch.setenv(VARIABLE, named)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # where Linux keeps user data
    assert kept_run("chapter-12") is None
    assert runs_dir().is_absolute() and runs_dir().parts[-2:] == ("tutorial_lib", "runs")
    if sys.platform == "linux":
        assert runs_dir() == tmp_path / "tutorial_lib" / "runs"


def test_what_is_to_last_does_not_lie_in_the_cache(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    cache = Path(platformdirs.user_cache_dir("tutorial_lib"))
    assert cache not in runs_dir().parents


def test_with_it_every_profile_has_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("TUTORIAL_PROFILE", "smoke")
    assert runs_dir() == tmp_path
    assert kept_run("chapter-13/stage-two") == tmp_path / "smoke" / "chapter-13" / "stage-two"
    monkeypatch.setenv(VARIABLE, "~/runs")
    assert runs_dir() == Path.home() / "runs"


def test_a_recipe_is_trained_there(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    taken, sample = [], data.load("fashion-mnist-sample")
    monkeypatch.setattr(data, "load", lambda name: sample)

    def train(recipe, dataset, out, *, progress):
        taken.append(out)
        return History(), {}

    monkeypatch.setattr(reproduce, "train_image_model", train)
    assert reproduce.reproduce("pixelcnn-cpu", smoke=True)[0] == tmp_path / "pixelcnn-cpu"
    assert taken == [tmp_path / "pixelcnn-cpu"]


def test_a_path_that_depends_on_the_working_folder_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "runs/mine")
    with pytest.raises(ValueError, match="absolute path, got 'runs/mine'"):
        runs_dir()


def test_a_drive_that_is_not_mounted_is_not_mistaken_for_a_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "DRIVE", tmp_path / "drive")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "drive" / "MyDrive" / "runs"))
    with pytest.raises(ValueError, match="no drive is mounted: mount it first"):
        kept_run("chapter-12")
    monkeypatch.setattr(files, "DRIVE", Path("/"))  # which is always mounted
    assert kept_run("chapter-12").name == "chapter-12"


@pytest.mark.parametrize("name", ["", "/tmp", "../elsewhere", "a/../../b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name):
    with pytest.raises(ValueError, match="inside the folder of runs"):
        kept_run(name)


# -- one at a time -------------------------------------------------------------------------------


def test_a_second_run_in_a_folder_is_refused_and_the_first_goes_on(tmp_path):
    refused = []

    def intruding(model, x):
        if not refused:
            refused.append(True)
            with pytest.raises(CheckpointError, match=f"another run is writing into {tmp_path}"):
                fit(torch.nn.Linear(3, 1), step, DATA, CONFIG, out=tmp_path, **QUIET)
        return step(model, x)

    assert fit(torch.nn.Linear(3, 1), intruding, DATA, CONFIG, out=tmp_path, **QUIET).finished
    assert refused and len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2
    assert fit(torch.nn.Linear(3, 1), step, DATA, CONFIG, out=tmp_path, **QUIET).finished


def test_a_run_that_fails_lets_go_of_its_folder(tmp_path):
    def failing(model, x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(torch.nn.Linear(3, 1), failing, DATA, CONFIG, out=tmp_path, **QUIET)
    assert fit(torch.nn.Linear(3, 1), step, DATA, CONFIG, out=tmp_path, **QUIET).finished


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL])
def test_a_drive_without_locks_is_trained_on_all_the_same(tmp_path, monkeypatch, number):
    def no_locks(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert fit(torch.nn.Linear(3, 1), step, DATA, CONFIG, out=tmp_path, **QUIET).finished


# -- cut off -------------------------------------------------------------------------------------

TRAINING = """
import sys, time
import torch
from tutorial_lib.exercises import progress
from tutorial_lib.exercises.definition import Grade
from tutorial_lib.training.config import History
from tutorial_lib.files import kept_run
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
data = torch.randn(128, 1, 6, 6, generator=generator)
torch.manual_seed(int(sys.argv[1]))
layers = [torch.nn.Conv2d(1, 8, 3), torch.nn.Dropout(0.2), torch.nn.Conv2d(8, 1, 3)]
model = torch.nn.Sequential(*layers)

def step(model, x):
    time.sleep(float(sys.argv[2]))
    return {"loss": (model(x) - x[..., 2:4, 2:4]).square().mean()}

config = FitConfig(epochs=6, batch_size=8, average=0.2)
fit(model, step, (data,), config, out=kept_run("cut"), progress=False, save_every_seconds=0.05)
"""


def begin(folder, runs, seed=0, pause=0.0):
    """A process that trains, from a working folder of its own."""
    folder.mkdir()
    environment = {**os.environ, VARIABLE: str(runs), "TUTORIAL_PROFILE": "smoke"}
    environment |= {"PYTHONPATH": str(Path(tutorial_lib.__file__).parents[1])}
    command = [sys.executable, "-c", TRAINING, str(seed), str(pause)]
    return subprocess.Popen(command, cwd=folder, env=environment)


def bits(runs):
    """What was trained, and the tensors to go on from, as bytes."""
    tensors, header = read_tensors(runs / "smoke" / "cut" / "checkpoint.safetensors")
    assert header["history"]["step"] == header["history"]["n_steps"] == 96
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


@pytest.mark.long
def test_a_run_that_is_killed_goes_on_from_another_working_folder_to_the_same_bits(tmp_path):
    assert begin(tmp_path / "a", tmp_path / "left-alone").wait(timeout=120) == 0
    process = begin(tmp_path / "b", tmp_path / "drive", pause=0.05)
    checkpoint = tmp_path / "drive" / "smoke" / "cut" / "checkpoint.safetensors"
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.01)
    process.kill()
    assert process.wait(timeout=60) != 0
    step_then = read_tensors(checkpoint)[1]["history"]["step"]
    assert 0 < step_then < 96
    assert begin(tmp_path / "c", tmp_path / "drive", seed=9).wait(timeout=120) == 0
    assert bits(tmp_path / "drive") == bits(tmp_path / "left-alone")
    assert [list((tmp_path / each).iterdir()) for each in "abc"] == [[], [], []]


# -- a user without a home -----------------------------------------------------------------------


@pytest.fixture(params=["refused", "left in the path"])
def no_home(request, monkeypatch, tmp_path):
    """As in a container whose user no list of users knows; older platformdirs leave the `~` in."""

    def refuse(*_, **__):
        raise RuntimeError("could not determine the home directory")

    named = (lambda *_, **__: Path("~/.local")) if request.param != "refused" else refuse
    for kind in ("user_data_path", "user_cache_path"):
        monkeypatch.setattr(platformdirs, kind, named)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    for variable in ("TUTORIAL_RUNS_DIR", "TUTORIAL_DATA_DIR", "TUTORIAL_STATE_DIR"):
        monkeypatch.delenv(variable, raising=False)


def test_a_user_without_a_home_gets_a_folder_among_the_temporary_files(no_home, tmp_path):
    for folder in (runs_dir(), data.cache_dir(), progress.state_dir()):
        assert tmp_path in folder.parents


def test_a_chapter_goes_on_for_a_user_without_a_home(no_home, tmp_path):
    assert len(data.load("fashion-mnist-sample").train) > 0
    assert progress.record("ch07", "double", Grade("failed", [], 0)) == ""
    assert progress.read("ch07") == ({"double": progress.Entry("failed", 0, 1)}, "")


@pytest.mark.parametrize("variable", ["TUTORIAL_DATA_DIR", "TUTORIAL_STATE_DIR"])
def test_the_home_of_a_user_that_is_not_there_is_a_folder_like_any_other(monkeypatch, variable):
    monkeypatch.setenv(variable, "~no-such-user/mine")
    folder = data.cache_dir() if variable == "TUTORIAL_DATA_DIR" else progress.state_dir()
    assert folder == Path("~no-such-user/mine")
