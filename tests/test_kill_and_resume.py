"""The benchmark that kills trainings: it runs, and a difference would not escape it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tutorial_lib.training.checkpoint import read_tensors, write_tensors

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kill_and_resume.py"


@pytest.fixture
def script(monkeypatch):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("kill_and_resume", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "kill_and_resume", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def finished(script, tmp_path):
    """The folder of a run that came to its end, in this process, and a copy of it."""
    settings = script.Settings(n_images=32, n_held_out=8, batch_size=8, epochs=1)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    script.train("vae", one, settings)
    shutil.copytree(one, other)
    return one, other


def test_killed_trainings_end_on_the_same_bits(tmp_path):
    out = tmp_path / "result.json"
    command = [sys.executable, str(SCRIPT), "--quick", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["benchmark"] == SCRIPT.stem and result["settings"] and result["provenance"]
    rows = result["rows"]
    assert [row["differing"] for row in rows] == [[], []]
    for row in rows:
        assert row["kills"]
        assert all(0 <= k["resumed_from"] <= k["at_step"] < row["steps"] for k in row["kills"])
    assert any(k["saving"] for k in rows[1]["kills"])
    assert done.stdout.count("bit-identical") == 3 and "DIFFER" not in done.stdout


def test_every_step_is_counted_and_the_same_training_again_ends_on_the_same_bits(
    script, finished, tmp_path
):
    one, other = finished
    assert (one / "steps").read_bytes() == b"...."
    assert script.saved_step(one) == 4 and not script.is_saving(one)
    again = tmp_path / "again"
    again.mkdir()
    script.train("vae", again, script.Settings(n_images=32, n_held_out=8, batch_size=8, epochs=1))
    assert script.differing(one, again) == script.differing(one, other) == []


@pytest.mark.parametrize("file", ["end.safetensors", "run/checkpoint.safetensors"])
def test_a_single_bit_makes_a_difference(script, finished, file):
    one, other = finished
    tensors, header = read_tensors(other / file)
    name = next(k for k, v in tensors.items() if v.is_floating_point() and v.ndim > 1)
    tensors[name].view(torch.int32).view(-1)[0] ^= 1
    write_tensors(other / file, tensors, header)
    assert script.differing(one, other) == [f"{file}: {name}"]


def test_the_sign_of_a_zero_makes_a_difference(script, tmp_path):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"w": torch.tensor([0.0])}, {})
    before = script.bits_of(path)
    write_tensors(path, {"w": torch.tensor([-0.0])}, {})
    assert script.bits_of(path) != before


def test_a_row_that_is_lost_or_doubled_makes_a_difference_another_time_does_not(script, finished):
    one, other = finished
    path = other / "run" / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    for changed, expected in (
        (lines + lines[-1:], ["run/metrics.jsonl"]),
        (lines[:-1], ["run/metrics.jsonl"]),
        ([line.replace('"seconds": ', '"seconds": 1') for line in lines], []),
    ):
        path.write_text("".join(changed))
        assert script.differing(one, other) == expected


def test_a_difference_ends_the_script_with_status_1_and_stands_in_the_table(
    script, monkeypatch, tmp_path, capsys
):
    rows = iter([[], ["end.safetensors: w"]])

    def play(name, round_, *_):
        kills = [{"at_step": 7, "resumed_from": 5, "saving": True}]
        found = {"differing": next(rows), "kills": kills, "steps": 9}
        return {"model": name, "round": round_, **found}

    monkeypatch.setattr(script, "come_to_the_end", lambda *_: 0.0)
    monkeypatch.setattr(script, "play", play)
    with pytest.raises(SystemExit) as ended:
        script.main(script.QUICK, quick=True, out=tmp_path / "result.json")
    assert ended.value.code == 1
    table = capsys.readouterr().out
    assert "1 DIFFER" in table and "7*" in table
    assert "1 of 2 runs of 9 steps ended bit-identical" in table
    assert json.loads((tmp_path / "result.json").read_text())["rows"][1]["differing"]
