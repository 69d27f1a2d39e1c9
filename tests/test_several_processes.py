"""Two processes train as one: same rows, same weights, one writer; stopped and resumed together.

The processes are real: `torchrun` starts them, and they meet on the loopback address.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import shared_trainings
import torch
from shared_trainings import CASES, CONFIG, N_STEPS, case, train_case, train_noisy

import tutorial_lib
from tutorial_lib import cli, profiles
from tutorial_lib.training import distributed as processes
from tutorial_lib.training.checkpoint import read_tensors
from tutorial_lib.training.loop import fit

SCRIPT = Path(shared_trainings.__file__)
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


def launch(*arguments):
    """`torchrun` with two processes on the CPU, started and not waited for."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment |= {"PYTHONPATH": str(Path(tutorial_lib.__file__).parents[1])}
    environment |= {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    command = [sys.executable, *TORCHRUN, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def rows_of(folder):
    return [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]


def without_time(rows):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The folder of all trainings by two processes, and what each of the two ended with."""
    folder = tmp_path_factory.mktemp("together")
    running = launch(SCRIPT, folder)
    try:
        output, _ = running.communicate(timeout=300)
    finally:
        running.kill()
    assert running.returncode == 0, output
    return folder, [read_tensors(folder / f"{rank}.safetensors") for rank in range(2)]


@pytest.fixture(scope="module")
def weights(together):
    """The weights of process 0 after each training, by name."""
    _, ((tensors, _), _) = together
    found = {}
    for key, tensor in tensors.items():
        name, parameter = key.split("/", 1)
        found.setdefault(name, {})[parameter] = tensor
    return found


# ------------------------------------------------------------------------- as one process


def test_there_were_two_processes(together):
    assert [header["n_processes"] for _, header in together[1]] == [2, 2]


def test_all_processes_end_with_identical_weights_and_codebooks(together):
    (one, _), (two, _) = together[1]
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


@pytest.mark.parametrize("name", CASES)
def test_two_processes_tell_the_rows_and_reach_the_weights_of_one(
    tmp_path, together, weights, name
):
    """The batches are the same, so all that may differ is the rounding of sums."""
    model, _ = train_case(name, tmp_path)
    rows = rows_of(together[0] / name)
    for row, expected in zip(without_time(rows), without_time(rows_of(tmp_path)), strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for parameter, value in model.state_dict().items():
        torch.testing.assert_close(weights[name][parameter], value, rtol=1e-3, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_half_of_every_batch_alone_would_lead_elsewhere(tmp_path, weights, name, monkeypatch):
    """The probe of the test above can fail."""
    monkeypatch.setattr(processes, "share_of", lambda batch: batch[: len(batch) // 2])
    model, _ = train_case(name, tmp_path)
    furthest = max(
        (weights[name][parameter].double() - value.double()).abs().max()
        for parameter, value in model.state_dict().items()
    )
    assert furthest > 1e-3


def test_restarted_codes_are_the_same_in_both_processes_and_did_restart(together, weights):
    """Compared in the test of identical weights; here, that there was something to compare."""
    for how in ("gradient", "averages"):
        name = f"codes by {how}, restarted"
        start = case(name)[0].quantizer.codebook
        moved = (weights[name]["quantizer.codebook"] - start).norm(dim=1)
        assert (moved > 0.05).sum() > 10


def test_a_part_that_no_example_needs_is_left_alone_as_by_one_process(weights):
    """Not even weight decay touches it. A part that one process needed did move."""
    model, _, examples = case("parts used now and then")
    trained = weights["parts used now and then"]
    assert torch.equal(trained["idle.weight"], model.idle.weight)
    assert not torch.equal(trained["rare.weight"], model.rare.weight)
    few = (examples[0][:, 0] > 1).sum()
    assert 0 < few < 6  # so that often neither process, or only one of them, needs it


def test_the_mean_of_the_weights_is_kept_as_by_one_process(tmp_path, weights):
    model, step, examples = case("gated PixelCNN")
    fit(model, step, examples, replace(CONFIG, epochs=1), progress=False)
    fit(model, step, examples, replace(CONFIG, average=0.5), progress=False)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(weights["averaged"][name], value, rtol=1e-3, atol=1e-5)


def test_every_process_draws_noise_of_its_own_the_main_one_from_the_seed_of_the_run(
    tmp_path, together
):
    (_, main), (_, other) = together[1]
    _, alone, _ = train_noisy(tmp_path)
    assert len(main["noise"]) == N_STEPS and main["noise"][0] == alone[0]
    assert not set(main["noise"]) & set(other["noise"])


# --------------------------------------------------------------------------------- one writer


def test_the_main_process_alone_writes(together):
    """Checkpoints, metrics, weights and result.json, of fit and of both kinds of recipes."""
    folder, ((_, main), (_, other)) = together
    assert other["written"] == []
    names = {Path(path).name for path in main["written"]}
    assert {"checkpoint.safetensors", "metrics.jsonl", "result.json"} <= names
    assert {"vqvae.safetensors", "two-stage.safetensors", "weights.safetensors"} <= names
    assert {path.name for path in folder.rglob("*.part")} == set()


def test_rows_are_told_once_and_shown_once(together):
    folder, ((_, main), (_, other)) = together
    steps = [row["step"] for row in rows_of(folder / "gated PixelCNN") if "loss" in row]
    assert steps == [3, 4, 6, 8, 9, 12]
    assert main["shown"] == [4, 8, 12, 12] * 2 and other["shown"] == []


# ----------------------------------------------------------------------- stopped and resumed


def test_a_ctrl_c_in_one_process_stops_both_after_the_same_step(together):
    for _, header in together[1]:
        assert header["steps"] == [4, 11, N_STEPS]


def test_a_stopped_and_resumed_run_ends_with_the_weights_of_one_left_alone(together, weights):
    """To the last bit, dropout included: each process goes on with random numbers of its own."""
    folder = together[0]
    for name, value in weights["noisy"].items():
        assert torch.equal(weights["noisy, stopped"][name], value)
    for _, header in together[1]:
        assert header["noise, stopped"] == header["noise"]
    told = [without_time(rows_of(folder / name)) for name in ("noisy", "noisy, stopped")]
    assert told[0] == told[1]


def test_one_process_can_go_on_where_two_were_stopped(tmp_path, together):
    name = "codes by averages"
    shutil.copytree(together[0] / "half", tmp_path / "half")
    assert read_tensors(tmp_path / "half/checkpoint.safetensors")[1]["history"]["step"] == 5
    alone, _ = train_case(name, tmp_path / "alone", valid=None, log_every=20)
    model, history = train_case(name, tmp_path / "half", valid=None, log_every=20)
    assert history.finished
    for parameter, value in alone.state_dict().items():
        torch.testing.assert_close(model.state_dict()[parameter], value, rtol=1e-3, atol=1e-5)
    for row, expected in zip(
        without_time(rows_of(tmp_path / "half")),
        without_time(rows_of(tmp_path / "alone")),
        strict=True,
    ):
        assert row == pytest.approx(expected, rel=1e-4)


def test_clocks_that_differ_lead_to_the_same_rate_the_same_saves_and_the_same_end(together):
    """The faster clock, 1.3 s a step, decides: 24 seconds are over after 19 steps.

    That the weights agree, and with them the learning rates, is tested above with all others.
    """
    folder, ends = together
    assert [header["clock"] for _, header in ends] == [19, 19]
    assert rows_of(folder / "clock")[-1]["seconds"] == pytest.approx(19 * 1.3)


def test_a_ctrl_c_at_the_launcher_ends_all_processes_with_a_checkpoint(tmp_path):
    running = launch(SCRIPT, tmp_path, "long")
    try:
        for _ in range(1200):
            if (tmp_path / "metrics.jsonl").exists() and rows_of(tmp_path)[5:]:
                break
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
    finally:
        running.kill()
    ends = [read_tensors(tmp_path / f"{rank}.safetensors")[1]["step"] for rank in range(2)]
    _, header = read_tensors(tmp_path / "checkpoint.safetensors")
    assert ends == [header["history"]["step"]] * 2, output
    assert ends[0] > 5 and header["history"]["n_steps"] > 1000


# ------------------------------------------------------------------------------ command line

COMMAND = ["-m", "tutorial_lib", "train", "vqvae", "--profile", "smoke"]


def ended(running):
    """What a command printed, once it has ended."""
    try:
        return running.communicate(timeout=300)[0]
    finally:
        running.kill()


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    """The folder of a stage one by two processes, and what the command printed."""
    folder = tmp_path_factory.mktemp("commanded")
    running = launch(*COMMAND, "--out", folder)
    output = ended(running)
    assert running.returncode == 0, output
    return folder, output


@pytest.mark.long
def test_the_command_line_trains_the_same_vqvae_in_two_processes_as_in_one(tmp_path, commanded):
    """Garments, an EMA codebook, and restarts: the same rows, whoever counts the images."""
    cli.main([*COMMAND[2:], "--out", str(tmp_path)])
    assert (commanded[0] / "vqvae.safetensors").exists()
    one, two = (without_time(rows_of(out / "vqvae")) for out in (tmp_path, commanded[0]))
    assert [row["step"] for row in two] == [16, 16]
    for row, expected in zip(two, one, strict=True):
        assert row == pytest.approx(expected, rel=1e-3)


@pytest.mark.long
def test_the_command_says_each_thing_once(commanded):
    """Of the progress bar, which rewrites its line, the last word counts."""
    folder, output = commanded
    said = [line.split("\r")[-1].strip() for line in output.splitlines()]
    said = [line for line in said if line]
    assert said.count(f"Wrote {folder / 'vqvae.safetensors'}.") == 1
    assert len([line for line in said if line.startswith("valid loss ")]) == 1
    assert len(said) == len(set(said))
    assert output.count("training:   0%") <= 1


@pytest.mark.long
def test_an_error_is_told_once(tmp_path):
    running = launch(*COMMAND, "--dataset", "nothing", "--out", tmp_path)
    output = ended(running)
    assert running.returncode != 0
    assert len([line for line in output.splitlines() if "error: no data set" in line]) == 1, output


@pytest.mark.long
def test_a_command_ended_by_sigterm_and_given_again_ends_with_the_same_weights(tmp_path):
    """Sent to torchrun and to both processes, as SLURM does; torchrun passes it on once more."""
    command = [*COMMAND, "--epochs", "4", "--out"]
    alone = launch(*command, tmp_path / "alone")
    assert "Wrote" in ended(alone)
    stopped = launch(*command, tmp_path / "stopped")
    checkpoint = tmp_path / "stopped" / "vqvae" / "checkpoint.safetensors"
    rows = tmp_path / "stopped" / "vqvae" / "metrics.jsonl"
    for _ in range(1200):
        if rows.exists() and rows.read_text():
            break
        time.sleep(0.05)
    for process in children_of(stopped.pid):
        os.kill(process, signal.SIGTERM)
    stopped.terminate()
    output = ended(stopped)
    step = read_tensors(checkpoint)[1]["history"]["step"]
    assert 16 <= step < 64, output
    assert output.count("Interrupted at step") == 1
    assert not (tmp_path / "stopped" / "vqvae.safetensors").exists()
    again = launch(*command, tmp_path / "stopped")
    assert "Wrote" in ended(again)
    one, two = (
        read_tensors(tmp_path / name / "vqvae" / "checkpoint.safetensors")[0]
        for name in ("alone", "stopped")
    )
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def children_of(pid):
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.parametrize("name", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"])
def test_several_processes_without_torchrun_are_refused_and_do_not_train_alone(monkeypatch, name):
    monkeypatch.setenv(name, "2")
    with pytest.raises(ValueError, match=f"{name} is 2: several processes .* by `torchrun"):
        train_case("gated PixelCNN", None)
    monkeypatch.setenv(name, "1")
    assert processes.n_processes() == 1


def test_each_process_takes_the_gpu_of_its_number_and_is_told_if_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert profiles.device() == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert profiles.device() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="process 2 has no GPU of its own: this machine has 2"):
        profiles.device()


# --------------------------------------------------------------------------------- complaints


def test_a_batch_that_cannot_be_shared_equally_is_refused(together):
    for _, header in together[1]:
        assert header["complaint"].startswith(
            "a batch of 5 examples cannot be shared equally by 2 processes: batch_size counts the "
            "examples of all processes together, choose a multiple of 2"
        )


def test_a_loss_that_broke_in_one_process_ends_all_with_its_step_and_no_checkpoint(together):
    folder, ((_, main), (_, other)) = together
    assert main["diverged"].startswith("the loss, or its gradient, stopped being finite in step 3 ")
    assert other["diverged"] == main["diverged"]
    assert not (folder / "diverged" / "checkpoint.safetensors").exists()


def test_a_process_that_fails_alone_says_which_it_is(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(cli, "SECONDS_TO_BE_ENDED", 0)
    with pytest.raises(SystemExit):
        cli.main([*COMMAND[2:], "--dataset", "nothing", "--out", "never-made"])
    assert capsys.readouterr().err.startswith("process 1: error: no data set")
