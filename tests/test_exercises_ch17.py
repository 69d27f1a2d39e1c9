"""The examples in the stubs of chapter 17, and its exercises against the library they stand for."""

from __future__ import annotations

import pytest
import torch

from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.exercises import ch17


def doubles(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def a_state(dim=1):
    return {
        "weight": torch.ones(dim, dtype=torch.float64),
        "momentum": torch.zeros(dim, dtype=torch.float64),
        "step": 0,
        "rng": torch.Generator().manual_seed(4).get_state(),
    }


def test_the_worked_example_of_the_training_loop_is_right():
    state, data = a_state(), doubles([0], [2])
    once = ch17.train_from.reference(state, data, 1, 0.0)
    assert (once["momentum"].item(), once["weight"].item(), once["step"]) == (1, 0.5, 1)
    twice = ch17.train_from.reference(once, data, 1, 0.0)
    assert (twice["momentum"].item(), twice["weight"].item(), twice["step"]) == (-1, 0.75, 2)


@pytest.mark.parametrize("cut", range(8))
def test_the_reference_may_be_cut_anywhere(cut):
    data = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    run = ch17.train_from.reference
    whole = run(a_state(2), data, 7, 0.3)
    in_two = run(run(a_state(2), data, cut, 0.3), data, 7 - cut, 0.3)
    assert all(torch.equal(whole[k], in_two[k]) for k in ("weight", "momentum", "rng"))
    assert whole["step"] == in_two["step"] == 7


def test_a_state_without_its_random_numbers_is_told_so():
    def forgets(state, data, n_steps, noise):
        whole = ch17.train_from.reference(state, data, n_steps, noise)
        return {k: v for k, v in whole.items() if k != "rng"}

    failure = ch17.train_from.grade(forgets, 1).failure
    assert "not a whole state" in failure.message and "rng" in failure.evidence


def test_the_worked_example_of_the_nearest_code_is_right():
    codes = torch.tensor([[1.2], [1.1], [0.8]])
    for vector in (torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bfloat16)):
        with torch.autocast("cpu", torch.bfloat16):
            assert ch17.code_under_autocast.reference(vector, codes).tolist() == [1]


def crowded():
    """Codes too near to each other for bfloat16."""
    rng = torch.Generator().manual_seed(0)
    codebook = 6 + 0.2 * torch.rand(64, 4, generator=rng)
    return (6 + torch.rand(200, 4, generator=rng)).bfloat16(), codebook


def test_under_autocast_the_exercise_finds_the_codes_of_the_library_and_a_plain_product_does_not():
    vectors, codebook = crowded()
    want = nearest_code(vectors.float().double(), codebook.double())
    with torch.autocast("cpu", torch.bfloat16):
        own = ch17.code_under_autocast.reference(vectors, codebook)
        library = nearest_code(vectors, codebook)
        products = vectors.float() @ codebook.T
        naive = (codebook.square().sum(dim=1) - 2 * products).argmin(dim=1)
    for indices in (own, library):
        assert (indices == want).double().mean() > 0.99  # nearly equal distances may round apart
    assert (naive == want).double().mean() < 0.9
