"""The worked examples of chapter 10 are right, and its probes can see what they are asked."""

import math

import pytest
import torch

from tutorial_lib.codes.quantizer import VectorQuantizer
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.ch10 import probes


def test_the_nearest_code_at_three_positions():
    codebook = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    z_e = torch.tensor([[[1.0, 3.0, 0.0], [1.0, -1.0, 5.0]]])
    assert ch10.nearest_code.reference(z_e, codebook).tolist() == [[0, 1, 0]]


def test_the_code_of_the_reading_notes():
    """Codes in columns there, in rows here; their rows would give another code."""
    notes = torch.tensor([[1, 1.2, 3], [3.2, 23, -1], [1.32, 0, 1.352]])
    z_e = torch.tensor([[2, 4.2, -9]])
    squared = (z_e - notes.T).square().sum(dim=1)
    assert squared.tolist() == pytest.approx([108.5024, 435.08, 135.203904], abs=1e-4)
    assert ch10.nearest_code.reference(z_e, notes.T.contiguous()).item() == 0
    assert ch10.nearest_code.reference(z_e, notes).item() == 2


def test_the_gradient_of_10_goes_to_z_e():
    three, five = torch.full((1, 1), 3.0), torch.full((1, 1), 5.0)
    parts = probes.through(ch10.straight_through.reference, three, five, torch.tensor(10.0))
    assert [part.item() for part in parts] == [5, 10, 0]


def test_both_losses_of_two_positions_are_13_and_each_moves_one_side():
    z_e = torch.tensor([[[3.0, 1.0], [4.0, 0.0]]])
    values, *moves = probes.losses(ch10.vq_losses.reference, z_e, torch.zeros(1, 2, 2))
    assert values.tolist() == [13, 13]
    assert [bool(each.any()) for each in moves] == [False, True, True, False]


def test_one_ema_step_by_hand():
    counts, sums = torch.tensor([2.0, 1.0]), torch.tensor([[6.0], [7.0]])
    batch = torch.tensor([[1.0], [9.0]]), torch.tensor([0, 0])
    parts = ch10.ema_step.reference(counts, sums, *batch, 0.5)
    assert [part.flatten().tolist() for part in parts] == [[2, 0.5], [8, 3.5], [4, 7]]


def test_the_perplexity_of_two_batches_together():
    batches = [torch.tensor([0, 0, 0]), torch.tensor([1])]
    found = ch10.usage_perplexity.reference(batches, 3).item()
    assert found == pytest.approx(math.exp(0.562), abs=1e-3) == pytest.approx(1.755, abs=1e-3)


def test_a_restart_by_hand():
    counts, sums = torch.tensor([11.95, 0.05]), torch.tensor([[23.9], [5.0]])
    parts = ch10.restart_dead_codes.reference(counts, sums, torch.tensor([[7.0], [3.0]]))
    found = [part.flatten().tolist() for part in parts]
    assert found == [pytest.approx(each) for each in ([11.95, 6], [23.9, 18], [2, 3])]


def test_the_functions_of_the_exercises_are_what_the_quantizer_does():
    """Over steps in which codes die, restart and move again."""
    torch.manual_seed(0)
    quantizer = VectorQuantizer(6, 2, update="ema", decay=0.8, restart_dead_codes=True)
    quantizer.set_codebook(torch.randn(6, 2))
    quantizer._candidates = lambda vectors: vectors[:6]
    counts, sums = quantizer.counts.clone(), quantizer.sums.clone()
    n_restarted = 0
    for _ in range(40):
        vectors = 5 + torch.randn(30, 2)
        indices = ch10.nearest_code.reference(vectors, quantizer.codebook)
        out = quantizer(vectors)
        assert torch.equal(out.indices, indices)
        counts, sums, _ = ch10.ema_step.reference(counts, sums, vectors, indices, 0.8)
        before = counts
        counts, sums, codes = ch10.restart_dead_codes.reference(counts, sums, vectors[:6])
        n_restarted += int((counts != before).sum())
        torch.testing.assert_close(quantizer.counts, counts)
        torch.testing.assert_close(quantizer.codebook, codes)
        torch.testing.assert_close(quantizer.sums, sums)
    assert n_restarted > 0


@pytest.mark.parametrize("name", ["exchanged", "no gradient at all", "to both"])
def test_the_probe_of_straight_through_tells_wrong_gradients_from_right_ones(name):
    (wrong,) = (m.wrong for m in ch10.straight_through.misconceptions if m.name == name)
    args = torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.ones(2, 3, 4)
    right, found = (
        torch.stack(probes.through(function, *args))
        for function in (ch10.straight_through.reference, wrong)
    )
    assert not torch.allclose(right, found)


def test_a_usage_that_is_wrong_on_one_check_and_raises_on_others_is_told_what_is_wrong():
    """A difference in the one, an error in the others: the check must still read the result."""

    def forgets_flatten_and_unused_codes(batches, n_codes):
        counts = torch.bincount(torch.cat(batches), minlength=n_codes).float()
        share = counts / counts.sum()
        return torch.exp(-(share * share.log()).sum())

    grade = ch10.usage_perplexity.grade(forgets_flatten_and_unused_codes)
    first, *others = grade.details
    assert "nan" in first.failure.message
    assert all("bincount" in each.failure.evidence for each in others)
