"""Channels last where it was measured to pay, and nowhere else."""

import pytest
import torch
from pretended_gpu import pretended_gpu
from torch import nn
from training_cases import CASES

from tutorial_lib.pixels.modes import in_fast_format, to_fast_format


def is_channels_last(tensor):
    return tensor.is_contiguous(memory_format=torch.channels_last)


def test_images_on_a_cpu_have_their_channels_last_and_the_same_numbers():
    images = torch.randn(2, 3, 4, 5)
    fast = in_fast_format(images)
    assert is_channels_last(fast) and not is_channels_last(images) and torch.equal(fast, images)


def test_a_gpu_was_not_measured_and_keeps_what_it_gets():
    with pretended_gpu():
        images = torch.randn(2, 3, 4, 5).to("cuda")
        assert not is_channels_last(in_fast_format(images))
        layer = nn.Conv2d(3, 4, 3).to("cuda")
        assert not is_channels_last(to_fast_format(layer).weight)


@pytest.mark.parametrize("name", ["GatedPixelCNN", "RowLSTM", "VQVAE by averages"])
def test_kernels_of_images_have_their_channels_last(name):
    model = to_fast_format(CASES[name].model())
    assert all(is_channels_last(p) for p in model.parameters() if p.ndim == 4)


@pytest.mark.parametrize("name", ["VQVAE of clips", "VQVAE of sounds"])
def test_clips_and_sounds_have_no_such_order(name):
    before = CASES[name].model()
    after = to_fast_format(CASES[name].model())
    for old, new in zip(before.parameters(), after.parameters(), strict=True):
        assert old.stride() == new.stride()
