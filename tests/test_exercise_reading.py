"""What a check says of wrong numbers that no listed mistake explains is so."""

from __future__ import annotations

import math

import pytest
import torch

from tutorial_lib.exercises.comparing import shape_seen
from tutorial_lib.exercises.formulas import formula_of
from tutorial_lib.exercises.patterns import pattern_of
from tutorial_lib.exercises.trials import Trial


def square(x):
    return x.square()


def _drawn(function, trials):
    return [trial.call(function) for trial in trials]


@pytest.fixture
def trials():
    rng = torch.Generator().manual_seed(0)
    shapes = ((3, 4), (5, 6))
    return [Trial((0.5 + torch.rand(s, generator=rng, dtype=torch.float64),)) for s in shapes]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda x: x, "the argument `x` itself"),
        (lambda x: x**2 / x.shape[1], "too small by the factor `x.shape[1]`"),
        (lambda x: (x - 1).log(), "nan"),
        (lambda x: (x**2).clamp(min=0.9), "Results below 0.9 all come out as 0.9"),
        (lambda x: x**3, ""),
    ],
)
def test_a_pattern_is_named_and_a_stranger_is_not(trials, wrong, told):
    seen = pattern_of(square, trials, _drawn(wrong, trials), _drawn(square, trials))
    assert told in seen if told else not seen


def _terms(x):
    return {"x²": x**2, "x": x, "|x|³": x**3, "1": torch.ones_like(x)}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda x: x**2 + x, "Your result is x² + x. Asked for is x²."),
        (lambda x: x / math.log(2) - 4, "Your result is 1 / log 2 · x - 4. Asked for is x²."),
        (lambda x: x.sin(), ""),
    ],
)
def test_a_wrong_sum_is_told_term_by_term(trials, wrong, told):
    seen = formula_of(_terms, trials, _drawn(wrong, trials), _drawn(square, trials))
    assert seen == told


@pytest.mark.parametrize(
    ("got", "want", "told"),
    [
        ((3, 1), (3,), "axis 1, of size 1"),
        ((3, 4), (3,), "axis 1, of size 4"),
        ((), (3,), "Axis 0, of size 3, is gone"),
        ((), (3, 4), "one number"),
        ((4, 3), (3, 4), "another order"),
        ((3, 5), (3, 4), "Axis 1 has 5 entries instead of 4"),
    ],
)
def test_a_wrong_shape_is_told_by_its_axis(got, want, told):
    assert told in shape_seen(got, want)
