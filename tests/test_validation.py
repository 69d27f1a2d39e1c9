"""Complaints quote what came in and say what was expected; what is right comes back untouched."""

from __future__ import annotations

import pytest
import torch

from tutorial_lib.contracts.plain import require_choice, require_int, require_positive
from tutorial_lib.contracts.validation import (
    require_float,
    require_shape,
    require_symbols,
    require_tensor,
)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (lambda v: require_int("n", v, at_least=1), 1),
        (lambda v: require_choice("mode", v, ("a", "b")), "b"),
        (lambda v: require_tensor("x", v), torch.zeros(0)),
        (lambda v: require_float("x", v), torch.zeros(2, dtype=torch.bfloat16)),
        (lambda v: require_symbols("x", v, 3), torch.tensor([0, 2])),
        (lambda v: require_symbols("x", v, 3), torch.zeros(0, dtype=torch.long)),
        (lambda v: require_shape("x", v, ("batch", 2, None)), torch.zeros(5, 2, 7)),
    ],
)
def test_a_value_that_fits_comes_back_as_the_same_object(check, value):
    assert check(value) is value


def test_a_whole_number_is_taken_where_a_positive_one_is_asked():
    assert require_positive("rate", 2) == 2.0


@pytest.mark.parametrize("value", [1.0, "1", None, True, torch.tensor(1)])
def test_only_an_integer_is_an_integer(own_messages, value):
    with pytest.raises(TypeError, match="n must be an integer, got .*"):
        require_int("n", value, at_least=0)


def test_an_integer_below_the_least_is_quoted():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        require_int("n", 0, at_least=1)


@pytest.mark.parametrize("value", [0, -1.5, float("inf"), float("nan")])
def test_a_positive_number_is_above_0_and_finite(value):
    with pytest.raises(ValueError, match="rate must be a finite number above 0, got "):
        require_positive("rate", value)


@pytest.mark.parametrize("value", [True, "1", None])
def test_only_a_number_is_positive(own_messages, value):
    with pytest.raises(TypeError, match="rate must be a number, got "):
        require_positive("rate", value)


def test_a_wrong_choice_is_answered_with_the_right_ones():
    with pytest.raises(ValueError, match="mask_type must be one of 'A', 'B', got 'C'"):
        require_choice("mask_type", "C", ("A", "B"))


def test_an_array_of_another_kind_is_no_tensor(own_messages):
    with pytest.raises(TypeError, match="x must be a torch.Tensor, got list"):
        require_tensor("x", [1.0])


def test_integers_are_not_cast_to_floats(own_messages):
    with pytest.raises(TypeError, match="x must be a floating-point tensor, got torch.uint8"):
        require_float("x", torch.zeros(2, dtype=torch.uint8))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float32, torch.bool])
def test_symbols_of_another_type_are_not_cast(own_messages, dtype):
    with pytest.raises(TypeError, match=r"levels must be a torch.long tensor.*use levels.long\(\)"):
        require_symbols("levels", torch.zeros(2, dtype=dtype), 2)


@pytest.mark.parametrize("values", [[0, 3], [-1, 0]])
def test_symbols_out_of_range_are_not_clamped(values):
    with pytest.raises(ValueError, match=r"label must lie in 0 .. 2, got values"):
        require_symbols("label", torch.tensor(values), 3)


@pytest.mark.parametrize("shape", [(5, 2), (5, 3, 7), (5, 2, 7, 1), (2,)])
def test_a_shape_that_could_be_broadcast_is_refused_all_the_same(shape):
    with pytest.raises(ValueError, match=r"x must have shape \(batch, 2, any\), got"):
        require_shape("x", torch.zeros(shape), ("batch", 2, None))
