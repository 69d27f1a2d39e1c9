"""The examples in the stubs of chapter 16, and its exercises against the library they stand for."""

from __future__ import annotations

import pytest
import torch

from tutorial_lib.codes import FSQ, CausalAttention, ResidualQuantizer
from tutorial_lib.codes import rotate_to as library_rotate_to
from tutorial_lib.exercises import ch16


def test_the_worked_example_of_fsq_is_right():
    z_q, indices = ch16.fsq_quantize.reference(torch.tensor([[9.0, -9.0], [0.0, 0.0]]), (5, 4))
    assert z_q.tolist() == [[1, -1], [0, 0]]
    assert indices.tolist() == [4, 12]


def test_the_exercise_is_the_library_s_fsq():
    z_e = 2 * torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    z_q, indices = ch16.fsq_quantize.reference(z_e, (8, 5, 4, 3))
    theirs = FSQ((8, 5, 4, 3))(z_e)
    torch.testing.assert_close(z_q, theirs.z_q)
    assert torch.equal(indices, theirs.indices)


def test_the_worked_example_of_the_rotation_is_right():
    z_e = torch.tensor([[2.0, 0.0]], requires_grad=True)
    out = ch16.rotate_to.reference(z_e, torch.tensor([[0.0, 1.0]]))
    out[0, 1].backward()
    assert out.tolist() == [[0, 1]]
    assert z_e.grad.flatten().tolist() == pytest.approx([0.5, 0], abs=1e-6)


def test_the_exercise_is_the_library_s_rotation():
    rng = torch.Generator().manual_seed(1)
    z_e, z_q, weight = (torch.randn(2, 5, 7, generator=rng) for _ in range(3))
    grads = []
    for rotate in (ch16.rotate_to.reference, library_rotate_to):
        leaf = z_e.clone().requires_grad_()
        (weight * rotate(leaf, z_q)).sum().backward()
        grads.append(leaf.grad)
    torch.testing.assert_close(*grads)


def test_the_worked_example_of_residual_codes_is_right():
    books = torch.tensor([[[0.0], [10.0]], [[-2.0], [1.0]]])
    z_q, indices = ch16.residual_quantize.reference(torch.tensor([[7.5]]), books)
    assert z_q.tolist() == [[8]] and indices.tolist() == [[1, 0]]


def test_the_exercise_is_the_library_s_residual_quantizer():
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(6, 3, 4).eval()
    z_e = torch.randn(2, 3, 4, 5)
    books = torch.stack([each.codebook for each in quantizer.quantizers]).detach()
    z_q, indices = ch16.residual_quantize.reference(z_e, books)
    assert torch.equal(indices, quantizer.indices_of(z_e))
    torch.testing.assert_close(z_q, quantizer.lookup(indices))


def test_the_worked_example_of_attention_is_right():
    keys, values = (torch.tensor(each).view(1, 1, 3, 1) for each in ([1.0, 2, 3], [3.0, 6, 9]))
    out = ch16.attend.reference(torch.zeros(1, 1, 2, 1), keys, values)
    assert out.flatten().tolist() == pytest.approx([4.5, 6])


def test_the_exercise_is_the_library_s_attention():
    torch.manual_seed(0)
    layer, x = CausalAttention(12, 3), torch.randn(2, 5, 12)
    three = layer.queries_keys_values(x).chunk(3, dim=-1)
    heads = [each.unflatten(-1, (3, 4)).transpose(1, 2) for each in three]
    mine = layer.output(ch16.attend.reference(*heads).transpose(1, 2).flatten(2))
    torch.testing.assert_close(mine, layer(x))


def test_the_worked_example_of_filling_in_is_right():
    logits = torch.tensor([[[0.4, 0.6], [0.9, 0.1], [0.8, 0.2]]]).log()
    codes = torch.tensor([[-1, 1, -1]])
    filled = ch16.fill_in.reference(logits, codes, torch.full((1, 3), 0.5), 1)
    assert filled.tolist() == [[-1, 1, 0]]


def test_eight_passes_fill_all_and_change_nothing_that_was_known():
    rng = torch.Generator().manual_seed(0)
    codes = torch.full((3, 16), -1)
    for _ in range(8):
        logits, uniforms = torch.randn(3, 16, 5, generator=rng), torch.rand(3, 16, generator=rng)
        filled = ch16.fill_in.reference(logits, codes, uniforms, 2)
        assert torch.equal(filled[codes >= 0], codes[codes >= 0])
        assert ((filled >= 0).sum(dim=1) == (codes >= 0).sum(dim=1) + 2).all()
        codes = filled
    assert (codes >= 0).all()
