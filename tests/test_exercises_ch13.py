"""The examples in the stubs of chapter 13, and its exercises against the library they stand for."""

from __future__ import annotations

import pytest
import torch

from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.exercises import ch13
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.sampling.ancestral import sample


def line(*places):
    """Points on the number line, as (N, 1)."""
    return torch.tensor(places, dtype=torch.float64).unsqueeze(1)


def tiny_vqvae():
    torch.manual_seed(0)
    return VQVAE(in_channels=1, n_levels=4, n_codes=5, code_dim=2, downsample=2, n_channels=4)


def test_the_worked_example_of_the_codes_is_right():
    levels = torch.randint(4, (5, 1, 4, 8)).to(torch.uint8)
    vqvae = tiny_vqvae()
    fields = ch13.extract_codes.reference(vqvae, levels, batch_size=2)
    assert fields.shape == (5, 2, 4) and fields.dtype == torch.long
    assert torch.equal(fields[4], vqvae.encode_indices(levels[4:].long())[0])


def test_the_worked_example_of_codes_by_position_is_right():
    train_codes, pick = torch.tensor([[[1, 2]], [[3, 4]]]), torch.tensor([[[1, 0]]])
    assert ch13.codes_by_position.reference(train_codes, pick).tolist() == [[[3, 2]]]


def test_the_worked_example_of_the_whole_sample_is_right():
    def prior(codes):  # code 1 has 0.9 at the start of a row and after a 0, and 0.1 after a 1
        after = torch.cat([torch.zeros_like(codes[..., :1]), codes[..., :-1]], dim=2)
        one = 0.9 - 0.8 * after
        return torch.stack([1 - one, one], dim=1).log()

    kept, uniforms = torch.tensor([[[-1, 1, -1]]]), torch.tensor([[[0.5, 0.5, 0.95]]])
    codes = ch13.two_stage_sample.reference(prior, lambda codes: codes, kept, uniforms)
    assert codes.tolist() == [[[1, 1, 1]]]


def test_the_worked_example_of_the_total_is_right():
    two, three = torch.tensor([2.0]), torch.tensor([3.0])
    total = ch13.total_bits_per_dim.reference(two, three, (1, 4, 4), (2, 2))
    assert total.tolist() == [2.75]


def test_the_worked_example_of_precision_and_recall_is_right():
    found = ch13.precision_and_recall.reference(line(0, 1, 3), line(1, 2, 9), k=1)
    assert tuple(found) == (pytest.approx(2 / 3), 1)


def test_codes_drawn_by_position_occur_as_often_as_in_training():
    train_codes = torch.tensor([[[0, 7]], [[0, 8]], [[1, 8]], [[2, 8]]])
    pick = torch.randint(4, (40_000, 1, 2))
    drawn = ch13.codes_by_position.reference(train_codes, pick)
    for column, codes in enumerate([(0, 0.5), (1, 0.25), (2, 0.25)]):
        share = (drawn[:, 0, 0] == codes[0]).double().mean().item()
        assert share == pytest.approx(codes[1], abs=0.02), column
    together = ((drawn[:, 0, 0] == 0) & (drawn[:, 0, 1] == 7)).double().mean().item()
    assert together == pytest.approx(1 / 8, abs=0.02)  # in training it is 1/4: they know each other


def test_a_whole_sample_is_that_of_the_two_stage_model_and_keeps_what_is_kept():
    torch.manual_seed(1)
    prior = GatedPixelCNN(n_levels=5, n_channels=4, n_layers=2, ordered=False)
    model = TwoStageModel(tiny_vqvae(), prior).double().eval()
    net, noise = model.vqvae, torch.Generator().manual_seed(0)
    uniforms = torch.rand(6, 4, 3, generator=noise, dtype=torch.float64)
    functions = (
        lambda codes: prior(codes[:, None])[:, :, 0],
        lambda codes: (3 * net.picture(net.decode_indices(codes))).round().long(),
    )
    nothing = torch.full((6, 4, 3), -1)
    images = ch13.two_stage_sample.reference(*functions, nothing, uniforms)
    same = torch.Generator().manual_seed(0)
    assert torch.equal(images, model.sample(6, shape=(8, 6), generator=same))
    kept = torch.randint(5, (6, 4, 3))
    kept[:, 2:] = -1
    draws = ch13.two_stage_sample.reference(functions[0], lambda codes: codes, kept, uniforms)
    assert torch.equal(draws[:, :2], kept[:, :2])
    assert torch.equal(
        draws, sample(prior, (6, 1, 4, 3), known=kept[:, None], uniforms=uniforms[:, None])[:, 0]
    )
    assert draws.min() >= 0 and len(draws[:, 2:].unique(dim=0)) > 1


@torch.no_grad()
def test_the_total_of_the_exercise_is_that_of_the_two_stage_model():
    vqvae = tiny_vqvae()
    prior = GatedPixelCNN(n_levels=5, n_channels=4, n_layers=2, ordered=False)
    model = TwoStageModel(vqvae, prior).double().eval()
    levels = torch.randint(4, (3, 1, 4, 8))
    terms, log2 = model.terms(levels), torch.tensor(2.0, dtype=torch.float64).log()
    decoder, code = terms.decoder_nats / 32 / log2, terms.prior_rate_nats / 8 / log2
    total = ch13.total_bits_per_dim.reference(decoder, code, (1, 4, 8), (2, 4))
    torch.testing.assert_close(total, -model.bound_nats(levels) / 32 / log2)
