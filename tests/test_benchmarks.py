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

from tutorial_lib.gated import GatedPixelCNN

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


@pytest.fixture
def gated_step(monkeypatch):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("gated_step", FOLDER / "gated_step.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gated_step", module)
    spec.loader.exec_module(module)
    return module


def numbers(value):
    """Every number in nested lists and dictionaries."""
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in numbers(part)]
    return [value] if isinstance(value, (int, float)) else []


def test_there_are_benchmarks():
    assert "gated_step.py" in {script.name for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
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
