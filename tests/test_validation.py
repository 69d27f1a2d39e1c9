"""Complaints quote what came in and say what was expected; what is right comes back untouched."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from tutorial_lib.contracts import Count, Positive, check_of, held, symbols

BOX = Shaped[Tensor, "batch 2 width"]


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (lambda v: check_of(Count)("n", v), 1),
        (lambda v: check_of(Literal["a", "b"])("mode", v), "b"),
        (lambda v: held("x", v, Shaped[Tensor, "..."]), torch.zeros(0)),
        (lambda v: held("x", v, Float[Tensor, "..."]), torch.zeros(2, dtype=torch.bfloat16)),
        (lambda v: symbols("x", v, 3), torch.tensor([0, 2])),
        (lambda v: symbols("x", v, 3), torch.zeros(0, dtype=torch.long)),
        (lambda v: held("x", v, BOX), torch.zeros(5, 2, 7)),
    ],
)
def test_a_value_that_fits_comes_back_as_the_same_object(check, value):
    assert check(value) is value


def test_a_whole_number_is_taken_where_a_positive_one_is_asked():
    assert check_of(Positive)("rate", 2) == 2.0


@pytest.mark.parametrize("value", [1.0, "1", None, True, torch.tensor(1)])
def test_only_an_integer_is_an_integer(value):
    with pytest.raises(TypeError, match="n must be an integer, got .*"):
        check_of(int)("n", value)


def test_an_integer_below_the_least_is_quoted():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        check_of(Count)("n", 0)


@pytest.mark.parametrize("value", [0, -1.5, float("inf"), float("nan")])
def test_a_positive_number_is_above_0_and_finite(value):
    with pytest.raises(ValueError, match="rate must be a finite number"):
        check_of(Positive)("rate", value)


@pytest.mark.parametrize("value", [True, "1", None])
def test_only_a_number_is_positive(value):
    with pytest.raises(TypeError, match="rate must be a number, got "):
        check_of(Positive)("rate", value)


def test_a_wrong_choice_is_answered_with_the_right_ones():
    with pytest.raises(ValueError, match="mask_type must be one of 'A', 'B', got 'C'"):
        check_of(Literal["A", "B"])("mask_type", "C")


def test_an_array_of_another_kind_is_no_tensor():
    with pytest.raises(TypeError, match=r"x must be a torch.Tensor, got \[1.0\] \(list\)"):
        held("x", [1.0], Shaped[Tensor, "..."])


def test_integers_are_not_cast_to_floats():
    with pytest.raises(TypeError, match="x must be a floating-point tensor, got torch.uint8"):
        held("x", torch.zeros(2, dtype=torch.uint8), Float[Tensor, "..."])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float32, torch.bool])
def test_symbols_of_another_type_are_not_cast(dtype):
    with pytest.raises(TypeError, match=r"levels must be a torch.long tensor.*use levels.long\(\)"):
        held("levels", torch.zeros(2, dtype=dtype), Int[Tensor, "..."])


@pytest.mark.parametrize("values", [[0, 3], [-1, 0]])
def test_symbols_out_of_range_are_not_clamped(values):
    with pytest.raises(ValueError, match=r"label must lie in 0 .. 2, got values"):
        symbols("label", torch.tensor(values), 3)


@pytest.mark.parametrize("shape", [(5, 2), (5, 3, 7), (5, 2, 7, 1), (2,)])
def test_a_shape_that_could_be_broadcast_is_refused_all_the_same(shape):
    with pytest.raises(ValueError, match=r"x must have shape \(batch, 2, width\), got"):
        held("x", torch.zeros(shape), BOX)
