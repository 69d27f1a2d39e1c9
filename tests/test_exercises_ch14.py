"""The examples in the stubs of chapter 14, and its exercises against the library they stand for."""

from __future__ import annotations

import pytest
import torch

from tutorial_lib.data.emoji import names_in
from tutorial_lib.exercises import ch14
from tutorial_lib.pixels import logistics


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_worked_example_of_a_level_is_right():
    nats = ch14.logistic_nats.reference(torch.arange(3), torch.zeros(3), torch.zeros(3), 3)
    assert nats.tolist() == pytest.approx([0.974, 1.407, 0.974], abs=1e-3)


def test_the_worked_example_of_the_mixture_is_right():
    weights = torch.full((1, 2, 1, 1), 0.5).log()
    nats = -torch.tensor([[0.5, 0.25], [0.5, 0.5]]).log().view(1, 2, 2, 1, 1)
    assert ch14.mixture_nats.reference(weights, nats).item() == pytest.approx(1.674, abs=1e-3)


def test_the_worked_example_of_the_split_is_right():
    found = ch14.split_by_concept.reference(
        torch.tensor([3, 1, 3, 0, 2]), torch.tensor([3, 0, 2, 1]), 2
    )
    assert found.tolist() == [True, False, True, True, False]


def test_the_worked_example_of_the_completion_is_right():
    levels = torch.tensor([[[[7, 9], [5, 255]]]], dtype=torch.uint8)
    known, labels = ch14.to_complete.reference(levels, torch.tensor([3]), 2)
    assert known.tolist() == 2 * [[[[7, 9], [-1, -1]]]] and labels.tolist() == [3, 3]
    assert levels.max() == 255


def test_both_functions_together_are_the_library_s_likelihood():
    out, levels = noise(2, 28, 3, 4), torch.randint(256, (2, 3, 3, 4))
    bumps = logistics.bumps_of(out, 4, 3)
    each = levels[:, None].expand(bumps.centres.shape)
    nats = ch14.logistic_nats.reference(each, bumps.centres, bumps.log_widths, 256)
    found = ch14.mixture_nats.reference(bumps.log_weights[:, :, 0], nats)
    assert torch.allclose(found, logistics.mixture_nll_nats(out, levels, 256, 4))


@pytest.mark.parametrize("log_width", [0.0, -3.0, -7.0])
def test_the_shares_of_all_levels_add_up_to_1(log_width):
    centres, widths = torch.full((256,), 0.3).double(), torch.full((256,), log_width).double()
    nats = ch14.logistic_nats.reference(torch.arange(256), centres, widths, 256)
    assert torch.exp(-nats).sum().item() == pytest.approx(1)


def test_the_library_s_split_of_emoji_is_one_by_concept():
    sides = [set(names_in(split)) for split in ("train", "valid", "test")]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
