"""The examples in the stubs of chapter 12, and its exercises against the library they stand for."""

from __future__ import annotations

import pytest
import torch

from tutorial_lib.exercises import ch12
from tutorial_lib.training.config import FitConfig, learning_rate_at


def doubles(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_the_worked_example_of_the_compression_is_right():
    for code_dim in (1, 64):
        bits = ch12.compression.reference((1, 8, 8), 4, (2, 2), 16, code_dim)
        assert bits == (128, 16, 8)


def test_the_worked_example_of_the_learning_rate_is_right():
    rates = [ch12.learning_rate.reference(step, 6, 1.0, 2) for step in range(6)]
    assert rates == [1 / 2, 1, 1, 3 / 4, 1 / 2, 1 / 4]


def test_the_worked_example_of_the_error_is_right_and_the_mean_image_gets_1():
    x = doubles([0, 6], [4, 6]).view(2, 1, 1, 2)
    answer = doubles([1, 6], [4, 7]).view(2, 1, 1, 2)
    error = ch12.normalized_mse.reference
    assert error(x, answer).item() == 0.25
    assert error(x, x.mean(dim=0).expand_as(x)).item() == 1
    assert error(x, x).item() == 0


@pytest.mark.parametrize("n_steps", [10, 57])
def test_the_schedule_is_that_of_fit(n_steps):
    config = FitConfig(learning_rate=3e-3, warmup=0.1)
    n_warm = max(1, round(0.1 * n_steps))
    for step in range(n_steps):
        rate = ch12.learning_rate.reference(step, n_steps, 3e-3, n_warm)
        assert rate == pytest.approx(learning_rate_at(step, n_steps, config))
