"""Every benchmark runs, and what it compares is the same computation. How fast, no test says."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from few import few

from tutorial_lib.pixels.gated import GatedPixelCNN

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))
# test_kill_and_resume runs the first; the last starts processes to measure their memory.
RUN_HERE = [each for each in SCRIPTS if each.stem not in ("kill_and_resume", "quantizer")]
RUN_HERE += [each for each in SCRIPTS if each.stem == "quantizer"]


def script_as_module(name, monkeypatch):
    """A script of the folder, imported."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gated_step(monkeypatch):
    """The script as a module."""
    return script_as_module("gated_step", monkeypatch)


@pytest.fixture
def quantizer(monkeypatch):
    """The script as a module."""
    return script_as_module("quantizer", monkeypatch)


def numbers(value):
    """Every number in nested lists and dictionaries."""
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in numbers(part)]
    return [value] if isinstance(value, (int, float)) else []


def test_there_are_benchmarks():
    assert "gated_step.py" in {script.name for script in SCRIPTS}


@pytest.mark.parametrize(
    "script", few(RUN_HERE, len(RUN_HERE) - 1), ids=[each.name for each in RUN_HERE]
)
def test_a_benchmark_runs_and_says_what_it_measured_and_where(script, tmp_path):
    out = tmp_path / "new folder" / "result.json"
    command = [sys.executable, str(script), "--quick", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["benchmark"] == script.stem
    assert result["quick"] is True
    assert result["settings"]
    assert {"device", "threads", "python", "torch", "commit"} <= set(result["provenance"])
    assert result["rows"]
    assert all(math.isfinite(number) for number in numbers(result["rows"]))
    assert len(done.stdout.splitlines()) > len(result["rows"])  # a table with a head


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_benchmark_is_explained_and_its_stored_result_is_no_quick_one(script):
    assert f"`{script.name}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
    stored = FOLDER / "results" / f"{script.stem}.json"
    if stored.exists():
        assert json.loads(stored.read_text(encoding="utf-8"))["quick"] is False


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_masked_kernels_give_the_logits_of_cropped_ones(gated_step, randomized, kernel_size):
    model = GatedPixelCNN(n_channels=4, n_layers=3, kernel_size=kernel_size)
    model = randomized(model, scale=0.3)
    levels = torch.randint(2, (2, 1, 5, 7))
    whole = gated_step.with_whole_kernels(model)
    assert gated_step.require_same_logits(model, whole, levels) < 1e-9
    assert whole.layers[0].vertical.weight.shape[-2:] == (kernel_size, kernel_size)
    assert whole.layers[1].horizontal.weight.shape[-2:] == (1, kernel_size)


@torch.no_grad()
@pytest.mark.parametrize("part", ["vertical", "horizontal"])
def test_networks_that_disagree_are_not_timed(gated_step, part):
    model = GatedPixelCNN(n_channels=4, n_layers=3)
    whole = gated_step.with_whole_kernels(model)
    getattr(whole.layers[1], part).weight[:, :, 0, 0] += 0.1
    with pytest.raises(RuntimeError, match="the two networks disagree: their logits differ by"):
        gated_step.require_same_logits(model, whole, torch.randint(2, (2, 1, 5, 7)))


# ------------------------------------------------------------------------------ quantizer.py


@pytest.mark.parametrize("task", ["look-up", "gradient", "ema"])
def test_quantizers_that_agree_may_be_timed(quantizer, task):
    z_e, codes = quantizer.problem(50, 5, 7, 3)
    quantizer.require_same(quantizer.Ours(task, codes), quantizer.Ours(task, codes), task, z_e)
    assert (z_e.grad is not None) == (task != "look-up")


def test_the_naive_look_up_is_the_same_look_up(quantizer):
    z_e, codes = quantizer.problem(50, 5, 7, 3)
    indices = [quantizer.SIDES[name]("look-up", codes).run(z_e) for name in ("ours", "naive")]
    assert torch.equal(indices[0].flatten(), indices[1])
    assert len(indices[0].unique()) > 3


def test_quantizers_with_other_indices_are_not_timed(quantizer):
    z_e, codes = quantizer.problem(50, 5, 7, 3)
    sides = quantizer.Ours("look-up", codes), quantizer.Ours("look-up", codes.flip(0))
    with pytest.raises(RuntimeError, match="look-up: .*% of the indices differ from those of vec"):
        quantizer.require_same(*sides, "look-up", z_e)


def test_quantizers_with_other_gradients_are_not_timed(quantizer):
    """The same indices, but codes a little off: only the gradients tell."""
    z_e, codes = quantizer.problem(50, 5, 7, 3)
    sides = quantizer.Ours("gradient", codes), quantizer.Ours("gradient", codes + 1e-3)
    with pytest.raises(RuntimeError, match="gradient: gradients of the z_e differ by up to"):
        quantizer.require_same(*sides, "gradient", z_e)


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not tell")
def test_the_memory_of_a_run_is_seen_and_a_look_up_holds_no_table_of_all_differences(
    quantizer, monkeypatch
):
    """2,048 vectors and codes of 4 numbers: the naive look-up holds 64 MiB of differences."""
    monkeypatch.syspath_prepend(str(FOLDER))  # for the processes that it starts
    memory = quantizer.measure_memory(["ours", "naive"], "look-up", (2048, 8, 2048, 4), 1)
    table, held = memory["table_n_k_d_bytes"], memory["peak_growth_bytes"]
    assert table == 2048 * 2048 * 4 * 4
    assert held["naive"] > 0.95 * table
    assert held["ours"] < 0.5 * table
