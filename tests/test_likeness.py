"""What a wrong result has in common with the right one is told only where it is so."""

import math

import pytest
import torch

from tutorial_lib.exercises.likeness import likeness

WANT = [torch.randn(3, 4, generator=torch.Generator().manual_seed(i)) for i in range(2)]
CASES = {
    "the sign is turned round": lambda w: -w,
    "times the expected one: divided by log 2": lambda w: w / math.log(2),
    "3 times the expected one.": lambda w: 3 * w,
    "2 more than expected": lambda w: w + 2,
    "1 minus the expected": lambda w: 1 - w,
    "1 divided by the expected": lambda w: 1 / w,
    "in reverse order along axis 1": lambda w: w.flip(1),
    "one place too far along axis 0": lambda w: w.roll(1, 0),
    "one place too early along axis 1": lambda w: w.roll(-1, 1),
    "Axes 0 and 1 of the result are exchanged": lambda w: w.T,
    "The mean over axis 0 was taken": lambda w: w.mean(0),
    "The sum over axis 2 of your result is still to be taken": lambda w: torch.stack(
        [w / 2, w / 2], 2
    ),
    "axes of length 1 differ": lambda w: w[None],
    "All numbers that were compared are 7": lambda w: torch.full_like(w, 7.0),
}


@pytest.mark.parametrize("told", CASES)
def test_what_holds_on_all_trials_is_told(told):
    assert told in likeness([CASES[told](w) for w in WANT], WANT)


@pytest.mark.parametrize("told", CASES)
def test_what_holds_on_one_trial_only_is_not_told(told):
    other = [CASES[told](WANT[0]), torch.randn(CASES[told](WANT[1]).shape)]
    assert likeness(other, WANT) == ""


def test_of_results_that_are_all_equal_no_factor_is_told():
    assert likeness([torch.tensor(4.0)], [torch.tensor(2.0)]) == ""
