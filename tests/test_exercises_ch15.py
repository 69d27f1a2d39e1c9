"""The examples in the stubs of chapter 15, and its exercises against the library they stand for."""

from __future__ import annotations

import math

import pytest
import torch

from tutorial_lib.codes.bounds import latent_rate_nats
from tutorial_lib.codes.code_prior import CodePrior
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.data import mu_law
from tutorial_lib.exercises import ch15


def test_the_worked_example_of_the_round_trip_is_right():
    pressure = torch.tensor([1, 1 / 3, -1], dtype=torch.float64)
    levels, back = ch15.mu_law_round_trip.reference(pressure, 3)
    assert levels.tolist() == [3, 2, 0]
    assert back.tolist() == pytest.approx([1, (4 ** (1 / 3) - 1) / 3, -1])
    assert back[1].item() == pytest.approx(0.196, abs=1e-3)


def test_with_mu_255_it_is_how_the_library_reads_sound():
    pressure = torch.linspace(-1, 1, 5001)
    levels, back = ch15.mu_law_round_trip.reference(pressure, mu_law.MU)
    assert torch.equal(levels, mu_law.encode(pressure).long())
    torch.testing.assert_close(back, mu_law.decode(levels.to(torch.uint8)))


def test_the_worked_examples_of_the_bit_rate_are_right():
    sound = ch15.latent_bit_rate.reference((8000,), [(2,), (2,), (4,)], 256, 8000)
    assert sound == ((500,), 4000)
    clip = ch15.latent_bit_rate.reference((16, 32, 32), [(1, 2, 2), (2, 2, 2)], 64, 8)
    assert clip == ((8, 8, 8), 1536)


@pytest.mark.parametrize("shape", [(64,), (8, 12), (8, 12, 16)], ids=str)
def test_the_field_is_that_of_the_library(shape):
    """In one second, so that bits of the signal are bits a second."""
    n_dims = len(shape)
    vqvae = VQVAE(n_dims=n_dims, in_channels=1, n_codes=5, code_dim=2, downsample=4, n_channels=4)
    strides = [(2,) * n_dims] * 2
    field, bits = ch15.latent_bit_rate.reference(shape, strides, 5, shape[0])
    assert field == vqvae.latent_shape(shape)
    assert bits * math.log(2) == pytest.approx(latent_rate_nats(math.prod(field), 5))


def test_the_worked_examples_of_the_mutual_information_are_right():
    labels = torch.tensor([0, 1])
    for codes, bits in (([[0, 0], [1, 1]], 1), ([[0, 1], [0, 1]], 0)):
        found = ch15.mutual_information_bits.reference(torch.tensor(codes), labels)
        assert found.item() == pytest.approx(bits, abs=1e-12)


def test_the_worked_example_of_the_past_is_right():
    past = ch15.may_read.reference((2, 2, 2), (1, 0, 1))
    assert past.long().tolist() == [[[1, 1], [1, 1]], [[1, 0], [0, 0]]]


@pytest.mark.parametrize("shape", [(6,), (3, 4), (3, 3, 4)], ids=str)
def test_the_librarys_priors_read_within_that_past_and_some_of_it(shape):
    """Every code is changed in turn; the logits at one place answer to the past alone."""
    torch.manual_seed(0)
    prior = CodePrior(n_dims=len(shape), n_codes=3, n_channels=8, n_layers=2).double().eval()
    place = tuple(side // 2 for side in shape)
    indices = torch.randint(3, (1, *shape))
    n = math.prod(shape)
    changed = indices.repeat(n, *[1] * len(shape)).flatten(1)
    changed[torch.arange(n), torch.arange(n)] = (indices.flatten() + 1) % 3
    with torch.no_grad():
        logits = prior(changed.view(n, *shape)) - prior(indices)
    reads = (logits[(slice(None), slice(None), *place)].abs() > 1e-12).any(dim=1).view(shape)
    past = ch15.may_read.reference(shape, place)
    assert reads.any() and not (reads & ~past).any()
