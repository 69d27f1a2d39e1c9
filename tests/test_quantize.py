"""The codebook: nearest codes, which gradient reaches what, and averages that stay put.

The gradient claims are exact equalities of the paper, so they are tested as such, in float64.
"""

from __future__ import annotations

import copy
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tutorial_lib.codes import quantizer as quantize
from tutorial_lib.codes.quantizer import (
    VectorQuantizer,
    code_counts,
    nearest_code,
    perplexity,
    straight_through,
    vectors_of,
)
from tutorial_lib.training.checkpoint import read_tensors

# Two codes on a line, and four vectors of which three are nearest to the first.
CODES = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
FOUR = torch.tensor([[1.0, 0], [2, 0], [-1, 3], [9, 1]])


def field_of(vectors, batch=1):
    """Vectors (N, D) as a field (B, D, N / B)."""
    return vectors.unflatten(0, (batch, -1)).movedim(-1, 1).contiguous()


def quantizer_with(codes, **options):
    """A VectorQuantizer whose codes are given, in their precision."""
    quantizer = VectorQuantizer(*codes.shape, **options).to(codes.dtype)
    quantizer.set_codebook(codes)
    return quantizer


def brute_force(z_e, codebook):
    """The definition: the distance to every code, one vector at a time."""
    vectors = z_e.movedim(1, -1).flatten(0, -2)
    rows = [torch.stack([(z - e).square().sum() for e in codebook]).argmin() for z in vectors]
    return torch.stack(rows).reshape(z_e.shape[0], *z_e.shape[2:])


# ------------------------------------------------------------------------ nearest code


def test_the_nearest_of_two_codes_by_hand():
    assert nearest_code(field_of(FOUR), CODES).tolist() == [[0, 0, 0, 1]]


@given(
    seed=st.integers(0, 2**31),
    n_codes=st.integers(1, 9),
    code_dim=st.integers(1, 5),
    shape=st.lists(st.integers(1, 4), min_size=0, max_size=3),
)
def test_indices_are_those_of_a_brute_force_search(seed, n_codes, code_dim, shape):
    """Codes of very different lengths, which tells a distance without its ||e||^2."""
    noise = torch.Generator().manual_seed(seed)
    lengths = torch.logspace(-1, 1, n_codes, dtype=torch.float64)[:, None]
    codebook = lengths * torch.randn(n_codes, code_dim, generator=noise, dtype=torch.float64)
    z_e = 3 * torch.randn(2, code_dim, *shape, generator=noise, dtype=torch.float64)
    assert torch.equal(nearest_code(z_e, codebook), brute_force(z_e, codebook))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_the_quantizer_tells_codes_apart_that_only_float64_can(update, training):
    codebook, z_e = (
        1 + 1e-5 * torch.randn(*shape, dtype=torch.float64) for shape in ((50, 3), (2, 3, 4, 5))
    )
    out = quantizer_with(codebook, update=update).train(training)(z_e)
    assert torch.equal(out.indices, brute_force(z_e, codebook))
    in_float32 = nearest_code(z_e.float(), codebook.float())
    assert (in_float32 != out.indices).float().mean() > 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        lambda z, e: (z @ e.T).argmax(dim=1),  # no ||e||^2
        lambda z, e: torch.cdist(z, e).argmax(dim=1),  # the farthest
    ],
)
def test_common_wrong_distances_would_be_told_apart(wrong):
    codebook = torch.logspace(-1, 1, 6)[:, None] * torch.randn(6, 3)
    z_e = 3 * torch.randn(50, 3)
    assert not torch.equal(wrong(z_e, codebook), nearest_code(field_of(z_e), codebook).flatten())


def test_d_is_moved_last_before_the_field_is_flattened():
    """B = D = H = W = 2: a field flattened as it lies has the right shape and the wrong vectors."""
    z_e = torch.randn(2, 2, 2, 2, dtype=torch.float64)
    codebook = torch.randn(5, 2, dtype=torch.float64)
    indices = nearest_code(z_e, codebook)
    assert torch.equal(indices, brute_force(z_e, codebook))
    as_it_lies = nearest_code(z_e.reshape(-1, 2), codebook).reshape(2, 2, 2)
    assert not torch.equal(indices, as_it_lies)
    assert torch.equal(vectors_of(z_e)[1], z_e[0, :, 0, 1])


def test_of_equally_near_codes_the_lower_index_is_taken():
    codebook = torch.tensor([[5.0, 0], [1, 0], [-1, 0], [1, 0]])
    assert nearest_code(torch.zeros(1, 2, 1), codebook).item() == 1


def test_a_table_held_in_pieces_gives_the_same_indices(monkeypatch):
    z_e, codebook = torch.randn(3, 4, 5, 7), torch.randn(9, 4)
    whole = nearest_code(z_e, codebook)
    for elements in (1, 9, 100):
        monkeypatch.setattr(quantize, "CHUNK_ELEMENTS", elements)
        assert torch.equal(nearest_code(z_e, codebook), whole)


def fields_in(dtype):
    """Codes close together: their distances differ by less than half precision can hold."""
    codebook = 4 + 0.05 * torch.randn(64, 8)
    return (4 + 0.05 * torch.randn(2, 8, 10, 10)).to(dtype), codebook


@pytest.mark.parametrize("training", [True, False])
def test_under_bfloat16_autocast_the_indices_are_those_of_float32(training):
    z_e, codebook = fields_in(torch.float32)
    quantizer = quantizer_with(codebook).train(training)
    plain = quantizer(z_e)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = quantizer(z_e)
    assert torch.equal(mixed.indices, plain.indices)
    assert mixed.z_q.dtype == torch.float32
    torch.testing.assert_close(mixed.commitment_loss, plain.commitment_loss)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_vectors_are_compared_in_float32(dtype):
    z_e, codebook = fields_in(dtype)
    assert torch.equal(nearest_code(z_e, codebook), nearest_code(z_e.float(), codebook))


def test_distances_in_half_precision_would_pick_other_codes():
    """The probe of the two tests above can fail."""
    z_e, codebook = fields_in(torch.bfloat16)
    codes, vectors = codebook.bfloat16(), vectors_of(z_e)
    rough = (codes.square().sum(dim=1) - 2 * vectors @ codes.T).argmin(dim=1)
    assert (rough != nearest_code(z_e, codebook).flatten()).float().mean() > 0.5


@pytest.mark.parametrize("shape", [(24,), (4, 6), (6, 4), (2, 3, 4)])
@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_fields_of_one_two_and_three_dimensions_are_quantised_alike(shape, update):
    codes = torch.randn(5, 3, dtype=torch.float64)
    z_e = torch.randn(2, 3, 24, dtype=torch.float64)
    flat_quantizer, quantizer = (quantizer_with(codes, update=update) for _ in range(2))
    flat, field = flat_quantizer(z_e), quantizer(z_e.reshape(2, 3, *shape))
    assert torch.equal(field.indices, flat.indices.reshape(2, *shape))
    assert torch.equal(field.z_q, flat.z_q.reshape(2, 3, *shape))
    torch.testing.assert_close(field[2:], flat[2:])
    torch.testing.assert_close(quantizer.state_dict(), flat_quantizer.state_dict())


# -------------------------------------------------------- the losses and their gradients


def test_the_losses_are_summed_over_d_and_averaged_over_positions():
    """Squared distances 1, 4, 10 and 2: a mean over D as well would quietly halve beta."""
    out = quantizer_with(CODES)(field_of(FOUR))
    assert out.codebook_loss.item() == pytest.approx((1 + 4 + 10 + 2) / 4)
    assert out.commitment_loss.item() == pytest.approx((1 + 4 + 10 + 2) / 4)


def test_the_weight_beta_is_not_applied_to_either_loss():
    """It belongs on the commitment term, in the sum that the caller writes."""
    light, heavy = (quantizer_with(CODES, commitment_weight=w)(field_of(FOUR)) for w in (0.1, 9.0))
    assert light.codebook_loss == heavy.codebook_loss
    assert light.commitment_loss == heavy.commitment_loss


@pytest.fixture
def quantised():
    """z_e with gradient, a gradient quantizer, and what it returned: 40 vectors, 5 codes."""
    z_e = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    quantizer = quantizer_with(torch.randn(5, 3, dtype=torch.float64))
    return z_e, quantizer, quantizer(z_e)


def gradients(loss, *tensors):
    """d loss / d each tensor, zero where there is none."""
    found = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for t, g in zip(tensors, found, strict=True)]


def test_the_codebook_loss_moves_each_code_by_2_e_minus_z_over_n_and_nothing_else(quantised):
    z_e, quantizer, out = quantised
    by_code, by_z = gradients(out.codebook_loss, quantizer.codebook, z_e)
    vectors, indices = vectors_of(z_e.detach()), out.indices.flatten()
    expected = torch.zeros_like(by_code)
    for vector, index in zip(vectors, indices, strict=True):
        expected[index] += 2 * (quantizer.codebook.detach()[index] - vector) / len(vectors)
    torch.testing.assert_close(by_code, expected)
    assert (by_z == 0).all()


def test_the_commitment_loss_moves_each_vector_by_2_z_minus_e_over_n_and_nothing_else(quantised):
    z_e, quantizer, out = quantised
    by_code, by_z = gradients(out.commitment_loss, quantizer.codebook, z_e)
    torch.testing.assert_close(by_z, 2 * (z_e - quantizer.lookup(out.indices)).detach() / 40)
    assert (by_code == 0).all()


def test_the_reconstruction_reaches_the_encoder_unchanged_and_the_codebook_not_at_all(quantised):
    """Of codes, the reconstruction alone moves none: exactly 0."""
    z_e, quantizer, out = quantised
    target = torch.randn_like(out.z_q)
    loss = (out.z_q - target).square().sum()
    by_code, by_z = gradients(loss, quantizer.codebook, z_e)
    assert torch.equal(by_z, 2 * (out.z_q - target).detach())
    assert (by_code == 0).all()


def test_terms_without_stop_gradients_would_be_told_apart(quantised):
    """The probe can fail: undetached, a term moves both sides; after straight-through, none."""
    z_e, quantizer, out = quantised
    undetached = (z_e - quantizer.lookup(out.indices)).square().sum(dim=1).mean()
    assert all(g.any() for g in gradients(undetached, quantizer.codebook, z_e))
    after = (z_e.detach() - out.z_q).square().sum(dim=1).mean()
    assert not gradients(after, quantizer.codebook)[0].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_straight_through_has_the_value_of_the_code_to_the_last_bit(dtype):
    """z_e + (z_q - z_e) rounds: with numbers of different size it is off."""
    z_e, z_q = 1000 * torch.randn(4, 3, 5, dtype=dtype), torch.randn(4, 3, 5, dtype=dtype)
    assert torch.equal(straight_through(z_e, z_q), z_q)
    assert not torch.equal(z_e + (z_q - z_e), z_q)


def test_straight_through_has_the_gradient_of_the_encoder_output_only():
    z_e, z_q, sent = (torch.randn(2, 3, 4, dtype=torch.float64) for _ in range(3))
    z_e.requires_grad_(), z_q.requires_grad_()
    by_z, by_code = gradients((straight_through(z_e, z_q) * sent).sum(), z_e, z_q)
    assert torch.equal(by_z, sent)
    assert (by_code == 0).all()


def test_straight_through_reversed_has_the_right_value_and_teaches_the_encoder_nothing():
    """The probe of the test above can fail."""
    z_e, z_q = (torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    reversed_ = z_e.detach() + (z_q - z_e.detach())
    torch.testing.assert_close(reversed_, z_q)
    by_z, by_code = gradients(reversed_.sum(), z_e, z_q)
    assert not by_z.any() and by_code.all()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_z_q_is_the_code_at_each_index(update, training):
    quantizer = VectorQuantizer(7, 3, update=update).train(training)
    codes = quantizer.codebook.detach().clone()
    out = quantizer(torch.randn(2, 3, 4, 5))
    assert out.indices.shape == (2, 4, 5) and out.indices.dtype == torch.long
    assert torch.equal(out.z_q.movedim(1, -1), codes[out.indices])


# ------------------------------------------------------------------------ EMA codebook


def test_two_steps_of_the_averages_by_hand():
    """Decay 1/2. Counts start at 1 and sums at the codes (0, 0) and (10, 0).

    First batch: code 0 gets (1, 0), (2, 0), (-1, 3), sum (2, 3); code 1 gets (9, 1).
    Second batch: code 0, now at (0.5, 0.75), gets (2, 0); code 1, at (9.5, 0.5), nothing.
    """
    quantizer = quantizer_with(CODES, update="ema", decay=0.5)
    quantizer(field_of(FOUR))
    assert quantizer.counts.tolist() == [(1 + 3) / 2, (1 + 1) / 2]
    assert quantizer.sums.tolist() == [[1, 1.5], [9.5, 0.5]]
    assert quantizer.codebook.tolist() == [[0.5, 0.75], [9.5, 0.5]]
    quantizer(torch.tensor([2.0, 0]).view(1, 2, 1))
    assert quantizer.counts.tolist() == [(2 + 1) / 2, 1 / 2]
    assert quantizer.sums.tolist() == [[(1 + 2) / 2, 0.75], [4.75, 0.25]]
    assert quantizer.codebook.tolist() == [[1.0, 0.5], [9.5, 0.5]]


def test_the_averages_of_a_new_codebook_start_at_its_codes():
    """So the first step leaves a code that nobody uses where it was, to the last digits."""
    quantizer = VectorQuantizer(5, 3, update="ema")
    before = quantizer.codebook.clone()
    idle = quantizer(torch.randn(1, 3, 1)).indices.item() != torch.arange(5)
    torch.testing.assert_close(quantizer.codebook[idle], before[idle])
    assert not torch.equal(quantizer.codebook[~idle], before[~idle])


def test_codes_move_after_they_were_looked_up():
    quantizer = quantizer_with(CODES, update="ema", decay=0.5)
    out = quantizer(field_of(FOUR))
    assert torch.equal(out.z_q, field_of(CODES[[0, 0, 0, 1]]))
    assert not torch.equal(quantizer.codebook, CODES)


@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_nothing_moves_in_eval_mode(update):
    quantizer = quantizer_with(CODES, update=update, restart_dead_codes=True).eval()
    before = copy.deepcopy(quantizer.state_dict())
    for _ in range(5):
        quantizer(field_of(FOUR))
    after = quantizer.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    quantizer.train()(field_of(FOUR))  # and in train mode something does
    assert any(not torch.equal(quantizer.state_dict()[name], before[name]) for name in before)


def test_the_ema_codebook_is_no_parameter_and_has_no_codebook_loss():
    quantizer = quantizer_with(CODES, update="ema")
    assert list(quantizer.parameters()) == []
    z_e = field_of(FOUR).requires_grad_()
    out = quantizer(z_e)
    assert out.codebook_loss == 0 and not out.codebook_loss.requires_grad
    assert out.commitment_loss.item() == pytest.approx(17 / 4)
    assert gradients(out.commitment_loss, z_e)[0].any()


# 0.9 ** 1908 = 0.99 ** 20000: the second case is 20,000 idle steps of the usual decay, and more.
@pytest.mark.parametrize(("decay", "steps"), [(0.99, 1000), (0.9, 2000)])
def test_a_code_that_nobody_uses_stays_where_it_is(decay, steps, own_messages):
    """Started at count 0, it would grow 10^5-fold at once; later both averages underflow."""
    idle = torch.tensor([50.0, -0.02])
    quantizer = quantizer_with(torch.stack([torch.zeros(2), idle]), update="ema", decay=decay)
    z_e = torch.randn(1, 2, 8)
    for step in range(steps):
        quantizer(z_e)
        if step % 50 == 0:
            torch.testing.assert_close(quantizer.codebook[1], idle, rtol=1e-3, atol=0)
    torch.testing.assert_close(quantizer.codebook[1], idle, rtol=1e-3, atol=0)
    torch.testing.assert_close(quantizer.codebook[0], z_e.mean(dim=(0, 2)))
    quantizer(50 + torch.zeros(1, 2, 3))  # it can be used again
    assert (quantizer.codebook[1] > 0).all() and quantizer.codebook.isfinite().all()


def test_raw_counts_are_kept_so_two_half_batches_weigh_like_their_users():
    """Smoothed counts written over the raw ones would drift away from sum = count x code."""
    quantizer = quantizer_with(torch.randn(6, 3, dtype=torch.float64), update="ema", decay=0.9)
    for _ in range(50):
        quantizer(torch.randn(2, 3, 4, 5, dtype=torch.float64))
    torch.testing.assert_close(quantizer.sums, quantizer.counts[:, None] * quantizer.codebook)
    total = 0.9**50 * 6 + (1 - 0.9**50) * 40
    assert quantizer.counts.sum().item() == pytest.approx(total)


def test_averages_stay_in_float32_under_autocast():
    quantizer = VectorQuantizer(4, 3, update="ema")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        quantizer(torch.randn(2, 3, 5).bfloat16())
    numbers = [v.dtype for v in quantizer.state_dict().values() if v.is_floating_point()]
    assert numbers == 3 * [torch.float32]


def test_online_k_means_finds_the_centres_of_two_clouds():
    centers = torch.tensor([[-3.0, 0], [3, 1]])
    quantizer = quantizer_with(torch.tensor([[-0.5, 0], [0.5, 0]]), update="ema", decay=0.8)
    for _ in range(60):
        vectors = centers.repeat(50, 1) + 0.1 * torch.randn(100, 2)
        quantizer(field_of(vectors))
    torch.testing.assert_close(quantizer.codebook, centers, atol=0.05, rtol=0)


# -------------------------------------------------------------------- restart of dead codes


def starved(update, steps=60, **options):
    """Three codes of which two are far from all data, after some steps, and the last batch."""
    codes = torch.tensor([[0.0, 0], [90, 90], [-90, 70]])
    quantizer = quantizer_with(codes, update=update, decay=0.9, **options)
    for _ in range(steps):
        vectors = torch.randn(30, 2)
        before = quantizer.codebook.detach().clone()
        quantizer(field_of(vectors))
        if options.get("restart_dead_codes") and (quantizer.codebook - before).abs().max() > 50:
            break
    return quantizer, vectors


@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_a_dead_code_restarts_on_a_vector_of_the_batch(update):
    quantizer, vectors = starved(update, restart_dead_codes=True)
    for code in quantizer.codebook[1:]:
        assert (code == vectors).all(dim=1).any()
    assert not (quantizer.codebook[0] == vectors).all(dim=1).any()


@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_without_the_switch_dead_codes_stay(update):
    """The probe of the test above can fail."""
    quantizer, _ = starved(update)
    assert (quantizer.codebook[1:].abs() > 60).all()


def test_a_restarted_code_takes_its_statistics_along_and_does_not_jump_back():
    """With the old sums and counts it would return to where it died, at the next step."""
    quantizer, _ = starved("ema", restart_dead_codes=True)
    fair = quantizer.counts.sum() / 3
    assert (quantizer.counts[1:] > 0.3 * fair).all()
    torch.testing.assert_close(quantizer.sums, quantizer.counts[:, None] * quantizer.codebook)
    quantizer(torch.zeros(1, 2, 30))
    assert (quantizer.codebook.abs() < 10).all()


def test_codes_in_use_are_not_restarted_however_rare():
    """Three of four are used once in 20 times: a fifth of their fair share."""
    quantizer = quantizer_with(torch.randn(4, 2), restart_dead_codes=True)
    before = quantizer.codebook.detach().clone()
    for _ in range(200):
        quantizer(field_of(before[[0] * 17 + [1, 2, 3]]))
    assert torch.equal(quantizer.codebook.detach(), before)


def test_a_restart_between_forward_and_backward_does_not_disturb_the_gradient():
    quantizer, _ = starved("gradient", steps=36)
    quantizer.restart_dead_codes = True
    z_e, before = torch.randn(1, 2, 30, requires_grad=True), quantizer.codebook.detach().clone()
    out = quantizer(z_e)
    assert not torch.equal(quantizer.codebook.detach(), before)
    (out.codebook_loss + out.commitment_loss + out.z_q.sum()).backward()
    expected = 2 * (before[0] - vectors_of(z_e.detach())).sum(dim=0) / 30
    torch.testing.assert_close(quantizer.codebook.grad[0], expected)


# ---------------------------------------------------------------- a thousand steps of training

OLD_PLACE, NEW_PLACE = -5.0, 5.0  # of the vectors: most codes are dead after the move


@pytest.fixture(scope="module")
def after_1000_steps():
    """A function: the quantizer after 1,000 steps, and how often each code was used.

    The vectors move after 200 steps; uses are counted from 100 steps after that.
    """

    def train(update, restart):
        torch.manual_seed(0)
        codes = OLD_PLACE + torch.randn(32, 2)
        quantizer = quantizer_with(codes, update=update, restart_dead_codes=restart)
        optimizer = torch.optim.SGD(quantizer.parameters(), lr=0.5) if update != "ema" else None
        uses = torch.zeros(32)
        for step in range(1000):
            z_e = (OLD_PLACE if step < 200 else NEW_PLACE) + torch.randn(4, 2, 16)
            out = quantizer(z_e)
            if optimizer:
                quantizer.zero_grad()
                out.codebook_loss.backward()
                optimizer.step()
            if step >= 300:
                uses += code_counts(out.indices, 32)
        return quantizer, uses

    return functools.cache(train)


EVERY_WAY = [(update, restart) for update in ("gradient", "ema") for restart in (False, True)]


@pytest.mark.parametrize(("update", "restart"), EVERY_WAY)
def test_after_1000_steps_no_code_has_left_the_room_between_all_vectors(
    after_1000_steps, update, restart
):
    """Every step puts a code between where it was and its vectors: nothing explodes."""
    quantizer, _ = after_1000_steps(update, restart)
    assert quantizer.codebook.isfinite().all()
    assert quantizer.codebook.min() > OLD_PLACE - 5 and quantizer.codebook.max() < NEW_PLACE + 5
    total = 0.99**1000 * 32 + (1 - 0.99**1000) * 64
    if not restart:
        assert quantizer.counts.sum().item() == pytest.approx(total, rel=1e-3)
    assert (quantizer.counts > 0).all() and quantizer.counts.sum() < 2 * total


@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_without_restarts_dead_codes_stay_where_the_vectors_left_them(after_1000_steps, update):
    """They do not vanish, either: at a distance of 7 from 0, where they were at step 200."""
    quantizer, uses = after_1000_steps(update, False)
    dead = quantizer.codebook[uses == 0]
    assert len(dead) > 16
    assert (dead - OLD_PLACE).norm(dim=1).max() < 4
    assert (quantizer.codebook[uses > 0] - NEW_PLACE).norm(dim=1).max() < 4


@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_with_restarts_all_codes_follow_the_vectors_and_are_used(after_1000_steps, update):
    quantizer, uses = after_1000_steps(update, True)
    assert (uses > 0).all()
    assert (quantizer.codebook - NEW_PLACE).norm(dim=1).max() < 4
    assert perplexity(uses) > 3 * perplexity(after_1000_steps(update, False)[1])


def test_a_count_that_starts_at_0_blows_an_unused_code_up_at_once():
    """The probe of the tests above can fail: 0 + 1e-5 for safety, and the sum at the code."""
    codes, counts = torch.tensor([[0.0, 0], [5, 5]]), torch.zeros(2)
    batch = torch.randn(8, 2)
    indices = nearest_code(batch, codes)
    counts = counts.lerp(code_counts(indices, 2), 0.01) + 1e-5
    sums = codes.lerp(torch.zeros(2, 2).index_add_(0, indices, batch), 0.01)
    assert (sums / counts[:, None])[1].min() > 1e5


# ------------------------------------------------------------------------------ perplexity


@pytest.mark.parametrize("n_codes", [1, 2, 7, 512])
def test_uniform_usage_has_perplexity_k_and_constant_usage_1(n_codes):
    """A logarithm to base 2 under an exponential to base e would miss both but for K = 1."""
    assert perplexity(torch.ones(n_codes)).item() == pytest.approx(n_codes, rel=1e-5)
    constant = code_counts(torch.zeros(5, 4, dtype=torch.long), n_codes)
    assert perplexity(constant).item() == pytest.approx(1)


def test_the_perplexity_of_a_quarter_and_three_quarters_by_hand():
    """exp(-(1/4) log(1/4) - (3/4) log(3/4)) = 4 / 3^(3/4)."""
    assert perplexity(torch.tensor([1.0, 3])).item() == pytest.approx(4 / 3**0.75)


@pytest.mark.parametrize("size", [1, 3, 7, 64])
def test_counts_add_up_to_the_same_perplexity_however_the_batches_are_split(size):
    indices = torch.randint(9, (64, 2, 2))
    counts = sum(code_counts(part, 9) for part in indices.split(size))
    assert torch.equal(counts, code_counts(indices, 9))
    assert perplexity(counts) == perplexity(code_counts(indices, 9))


def test_perplexities_averaged_over_batches_would_be_wrong():
    """Each batch uses one code, all together use eight: why counts are added up first."""
    indices = torch.arange(8).repeat_interleave(10)
    parts = [perplexity(code_counts(part, 8)) for part in indices.split(10)]
    assert torch.stack(parts).mean() == 1
    assert perplexity(code_counts(indices, 8)).item() == pytest.approx(8)


def test_the_quantizer_reports_the_perplexity_of_its_batch():
    out = quantizer_with(CODES)(field_of(FOUR))
    assert out.perplexity.item() == pytest.approx(4 / 3**0.75)


# ---------------------------------------------------------------------- several processes

REPLICA = """
import datetime, sys
from pathlib import Path
import torch
import torch.distributed as dist
from tutorial_lib.training.checkpoint import write_tensors
from tutorial_lib.codes.quantizer import VectorQuantizer

rank, folder = int(sys.argv[1]), Path(sys.argv[2])
torch.set_num_threads(1)
dist.init_process_group(
    "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2,
    timeout=datetime.timedelta(seconds=300),
)
data = torch.Generator().manual_seed(5)
batches = torch.randn(6, 8, 3, 5, generator=data, dtype=torch.float64)
states = {}
for update in ("ema", "gradient"):
    torch.manual_seed(0)
    quantizer = VectorQuantizer(4, 3, update=update, decay=0.7).double()
    torch.manual_seed(rank)
    for batch in batches:
        quantizer(batch[rank::2])
    states |= {f"{update}/{k}": v.clone() for k, v in quantizer.state_dict().items()}
torch.manual_seed(0)
quantizer = VectorQuantizer(40, 3, update="ema", decay=0.5, restart_dead_codes=True).double()
before = quantizer.codebook.clone()
torch.manual_seed(rank)
for batch in batches:
    quantizer(batch[rank::2])
states |= {f"restarted/{k}": v.clone() for k, v in quantizer.state_dict().items()}
states["restarted/before"] = before
write_tensors(folder / f"{rank}.safetensors", states, {})
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    """The quantizers of two processes that each saw half of every batch."""
    folder = tmp_path_factory.mktemp("replicas")
    (folder / "replica.py").write_text(REPLICA)
    root = str(Path(quantize.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    environment |= {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    command = [sys.executable, str(folder / "replica.py")]
    running = [
        subprocess.Popen([*command, str(rank), str(folder)], env=environment) for rank in range(2)
    ]
    try:
        assert [process.wait(timeout=300) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    return [read_tensors(folder / f"{rank}.safetensors")[0] for rank in range(2)]


@pytest.mark.long
def test_two_processes_keep_identical_codebooks(replicas):
    one, two = replicas
    assert one.keys() == two.keys()
    different = [name for name in one if not torch.equal(one[name], two[name])]
    assert different == []


@pytest.mark.long
def test_two_processes_end_where_one_with_the_joint_batch_ends(replicas):
    batches = torch.randn(
        6, 8, 3, 5, generator=torch.Generator().manual_seed(5), dtype=torch.float64
    )
    for update in ("ema", "gradient"):
        torch.manual_seed(0)
        quantizer = VectorQuantizer(4, 3, update=update, decay=0.7).double()
        for batch in batches:
            quantizer(batch)
        for name, value in quantizer.state_dict().items():
            torch.testing.assert_close(replicas[0][f"{update}/{name}"], value)


@pytest.mark.long
def test_half_of_each_batch_alone_would_lead_elsewhere(replicas):
    """The probe of the two tests above can fail: without the reduction, replicas drift."""
    batches = torch.randn(
        6, 8, 3, 5, generator=torch.Generator().manual_seed(5), dtype=torch.float64
    )
    torch.manual_seed(0)
    quantizer = VectorQuantizer(4, 3, update="ema", decay=0.7).double()
    for batch in batches:
        quantizer(batch[0::2])
    assert (quantizer.codebook - replicas[0]["ema/codebook"]).abs().max() > 0.01


def test_two_processes_restart_the_same_codes_on_the_same_vectors(replicas):
    """Each process draws its own candidates; those of the first are used by both."""
    before, after = (replicas[0][f"restarted/{name}"] for name in ("before", "codebook"))
    assert (before != after).any(dim=1).sum() > 0
    assert torch.equal(after, replicas[1]["restarted/codebook"])


# ------------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("z_e", "error", "message"),
    [
        (torch.zeros(2, 3, 4), ValueError, r"must have shape \((B, 2, \*positions|K, 3)\), got"),
        (torch.zeros(2), ValueError, r"z_e must have shape \(B, (2|D), \*positions\)"),
        (torch.zeros(2, 2, 4).long(), TypeError, "z_e must be a floating-point tensor, got torch"),
    ],
)
def test_vectors_of_another_size_are_refused(own_messages, z_e, error, message):
    with pytest.raises(error, match=message):
        nearest_code(z_e, CODES)
    with pytest.raises(error, match=message):
        quantizer_with(CODES)(z_e)


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_without_a_code_is_refused(index):
    with pytest.raises(ValueError, match=f"indices must lie in 0 .. 1, got values {index}"):
        quantizer_with(CODES).lookup(torch.tensor([[index]]))


@pytest.mark.parametrize(
    "counts", [torch.zeros(3), torch.tensor([1.0, -1]), torch.ones(2, 2), torch.tensor(3.0)]
)
def test_counts_without_a_perplexity_are_refused(own_messages, counts):
    with pytest.raises(
        ValueError, match=r"counts must (be finite, none negative|have shape \(K\))"
    ):
        perplexity(counts)


def test_fields_that_do_not_match_are_not_broadcast(own_messages):
    with pytest.raises(ValueError, match=r"z_q must have shape \(2, 3, 4\), got \(2, 3, 1\)"):
        straight_through(torch.zeros(2, 3, 4), torch.zeros(2, 3, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"update": "kmeans"}, "update must be one of 'gradient', 'ema', got 'kmeans'"),
        ({"decay": 1.0}, "decay must be below 1, got 1.0"),
        ({"decay": 0.0}, "decay must be a finite number above 0"),
        ({"commitment_weight": -1.0}, "commitment_weight must be a finite number above 0, got -1"),
        ({"n_codes": 0}, "n_codes must be at least 1, got 0"),
        ({"code_dim": 0}, "code_dim must be at least 1, got 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        VectorQuantizer(**{"n_codes": 2, "code_dim": 2, **options})


@pytest.mark.parametrize("update", ["gradient", "ema"])
def test_with_restarts_the_codes_start_on_vectors_of_the_first_batch(update):
    """Codes far from the encoder's vectors let the commitment term pull these into one point."""
    quantizer = VectorQuantizer(4, 2, update=update, restart_dead_codes=True)
    z_e = 100 + torch.randn(8, 2, 3)
    out = quantizer(z_e)
    first_codes = out.z_q.movedim(1, -1).flatten(0, -2)
    vectors = z_e.movedim(1, -1).flatten(0, -2)
    assert torch.cdist(first_codes, vectors).amin(dim=1).max() < 1e-3
    assert quantizer.codebook.min() > 90  # also after the first step of the averages
    without = VectorQuantizer(4, 2, update=update)
    assert without(z_e).commitment_loss > 1000 > out.commitment_loss


def test_codes_that_have_been_trained_do_not_start_again():
    """Also not after a resumption: a flag is saved with them."""
    quantizer = VectorQuantizer(4, 2, update="ema", restart_dead_codes=True)
    quantizer(torch.randn(8, 2, 3))
    resumed = VectorQuantizer(4, 2, update="ema", restart_dead_codes=True)
    resumed.load_state_dict(quantizer.state_dict())
    before = resumed.codebook.clone()
    out = resumed(torch.randn(8, 2, 3))
    assert (torch.cdist(out.z_q.movedim(1, -1).flatten(0, -2), before).amin(dim=1) < 1e-4).all()


def test_eval_mode_does_not_move_codes_onto_the_batch():
    quantizer = VectorQuantizer(4, 2, restart_dead_codes=True).eval()
    before = quantizer.codebook.clone()
    quantizer(100 + torch.randn(8, 2, 3))
    assert torch.equal(quantizer.codebook, before)
