"""Every chapter runs on every right answer, of whatever kind, on the CPU and on a GPU.

A run answers all exercises of a chapter at once: with the k-th of the differently written versions
that each exercise lists, and with results of another kind than the library's. `make test` runs the
first two chapters on each kind, `make faults` all.

The GPU computes in float32: a CPU that imitates float16 takes three times as long. Half precision
has its tests in `test_gpu_path` and `test_half_precision`.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from chapter_cells import CHAPTERS, exercises_in, run_chapter
from few import few
from pretended_gpu import pretended_gpu
from torch import Tensor

from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.kinds import as_written


def float64(value):
    """Tensors in float64; a float for a tensor of shape (), and the other way round."""
    if isinstance(value, Tensor) and value.dim() == 0:
        return value.item()
    if isinstance(value, (int, float)):
        return torch.tensor(value)
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


def numpy(value):
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()[()]
    return np.float32(value) if isinstance(value, float) else np.asarray(value)[()]


def on_the_cpu(value):
    return value.cpu() if isinstance(value, Tensor) else value


def in_parts(kind, value):
    """The kind of each part of a result."""
    if type(value) in (list, tuple):
        return type(value)(in_parts(kind, each) for each in value)
    return kind(value)


def of_kind(function, kind):
    @functools.wraps(function)
    def answer(*args, **kwargs):
        return in_parts(kind, function(*args, **kwargs))

    return answer


def versions(path: Path, k: int, kind) -> dict:
    """The k-th alternative of each exercise (the reference where there are fewer), of this kind."""
    written = {each.name: [*each.alternatives, each.reference] for each in exercises_in(path)}
    return {name: of_kind(all_[min(k, len(all_) - 1)], kind) for name, all_ in written.items()}


@pytest.fixture(autouse=True)
def smoke(own_messages, monkeypatch, tmp_path):
    monkeypatch.setenv("TUTORIAL_PROFILE", "smoke")
    monkeypatch.setenv("TUTORIAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


WITH_EXERCISES = [path for path in CHAPTERS if exercises_in(path)]
KINDS = {"float64": (0, float64), "NumPy": (1, numpy)}
# Their results are differentiated, so a number without a graph is no right answer.
LEARNED_FROM = set(
    "masked_conv2d residual_block vertical_conv horizontal_conv reparameterize"
    " straight_through vq_losses gated_layer conditional_gate spatial_context vae_step"
    " lstm_step skew unskew logistic_nats mixture_nats fsq_quantize rotate_to attend".split()
)
KINDS_ON_A_GPU = {"on the CPU": (2, on_the_cpu)}


def names(paths, n):
    return {"argvalues": few(paths, n), "ids": [path.stem for path in paths]}


def run_on(path, k, kind):
    answers = versions(path, k, kind)
    left = run_chapter(path, answers, kind=f"alternative {k}, {kind.__name__}")
    refused = {name for name in answers if as_written(left[name]) is not answers[name]}
    assert refused <= (LEARNED_FROM if kind is not on_the_cpu else set())


def test_every_alternative_of_every_exercise_has_its_turn():
    placed = [each for path in CHAPTERS for each in exercises_in(path)]
    assert {each.address for each in placed} == {each.address for each in all_exercises()}
    assert max(len(each.alternatives) for each in placed) <= len(KINDS | KINDS_ON_A_GPU)


@pytest.mark.parametrize("path", **names(WITH_EXERCISES, 2))
@pytest.mark.parametrize("k, kind", KINDS.values(), ids=KINDS)
def test_a_chapter_runs_on_answers_of_this_kind(path, k, kind):
    run_on(path, k, kind)


@pytest.mark.parametrize("path", **names(WITH_EXERCISES, 2))
@pytest.mark.parametrize("k, kind", KINDS_ON_A_GPU.values(), ids=KINDS_ON_A_GPU)
def test_a_chapter_runs_on_answers_of_this_kind_on_a_gpu(path, k, kind):
    with pretended_gpu(half="no"):
        run_on(path, k, kind)


@pytest.mark.parametrize("path", **names(CHAPTERS, 3))
def test_an_untouched_chapter_runs_on_a_gpu(path):
    with pretended_gpu(half="no"):
        left = run_chapter(path, {}, kind="none")
    assert "profiles" in left  # the cells did run, and left their names
