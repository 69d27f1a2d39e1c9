"""The pretended GPU raises where CUDA does and counts what waits; each claim has its opposite."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from pretended_gpu import DeviceMismatch, pretended_gpu
from torch import nn
from torch.nn import functional as F


@pytest.fixture
def card():
    with pretended_gpu() as card:
        yield card


def on_gpu(*shape):
    return torch.ones(shape, device="cuda")


MIXES = {
    "a sum": lambda: on_gpu(2) + torch.ones(2),
    "a sum in place": lambda: torch.ones(2).add_(on_gpu(2)),
    "a number of the GPU beside a CPU tensor": lambda: torch.ones(2) + on_gpu(),
    "where, of a CPU tensor and a number of the GPU": lambda: torch.where(
        torch.ones(2) > 0, torch.ones(2), on_gpu()
    ),
    "a CPU number that is written to": lambda: torch.ones(()).add_(on_gpu()),
    "two CPU numbers": lambda: torch.addcmul(on_gpu(2), torch.ones(()), torch.ones(())),
    "a stack of numbers": lambda: torch.stack([on_gpu(), torch.ones(())]),
    "a layer and its input": lambda: nn.Linear(2, 2).cuda()(torch.ones(1, 2)),
    "a convolution": lambda: F.conv2d(torch.ones(1, 1, 3, 3), on_gpu(1, 1, 3, 3)),
    "an embedding": lambda: nn.Embedding(3, 2).to("cuda")(torch.tensor([1])),
    "a loss": lambda: F.cross_entropy(on_gpu(1, 2), torch.tensor([1])),
    "a CPU tensor looked into from the GPU": lambda: torch.ones(3)[on_gpu(1).long()],
    "a row of the GPU set to a CPU row": lambda: on_gpu(2, 2).__setitem__(0, torch.ones(2)),
    "a result that is given": lambda: torch.add(on_gpu(2), 1, out=torch.ones(2)),
    "a CUDA generator for the CPU": lambda: torch.rand(2, generator=torch.Generator("cuda")),
    "a CPU generator for the GPU": lambda: torch.rand(
        2, generator=torch.Generator(), device="cuda"
    ),
    "noise of a CPU generator written to the GPU": lambda: on_gpu(2).normal_(
        generator=torch.Generator()
    ),
    "a draw by a CPU generator": lambda: torch.multinomial(
        on_gpu(2), 1, generator=torch.Generator()
    ),
}


def test_a_block_on_a_device_makes_new_tensors_there(card):
    with torch.device("cuda"):
        assert torch.ones(2).is_cuda and (torch.zeros(()) + on_gpu(2)).is_cuda
    assert torch.ones(2).is_cpu


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_two_devices_in_one_call_are_refused(card, mix):
    with pytest.raises(DeviceMismatch, match=r"cuda|device"):
        mix()


ALLOWED = {
    "a CPU number beside the GPU": lambda: on_gpu(2) * torch.tensor(2.0),
    "a Python number": lambda: on_gpu(2) * 2,
    "clamp": lambda: on_gpu(2).clamp(min=torch.tensor(0.0)),
    "where with two CPU numbers": lambda: torch.where(
        on_gpu(2) > 0, torch.tensor(1.0), torch.tensor(0.0)
    ),
    "a copy to the GPU": lambda: on_gpu(2).copy_(torch.ones(2)),
    "a CPU index into the GPU": lambda: on_gpu(3)[torch.tensor([0, 2])],
    "an element set to a CPU number": lambda: _set(on_gpu(2), 0, torch.tensor(5.0)),
    "a generator of the same device": lambda: torch.rand(
        2, device="cuda", generator=torch.Generator("cuda")
    ),
    "a layer that moved": lambda: nn.Linear(2, 2).to("cuda")(on_gpu(1, 2)),
    "a new tensor like one of the GPU": lambda: (
        on_gpu(2).new_zeros(3) + torch.zeros_like(on_gpu(3))
    ),
    "a copy of a module": lambda: deepcopy(nn.Linear(2, 2).to("cuda"))(on_gpu(1, 2)),
    "a move to where another one is": lambda: torch.ones(2).to(on_gpu()) + on_gpu(2),
}


def _with_gradient(x):
    parameter = nn.Parameter(x)
    parameter.sum().backward()
    return parameter


def _set(tensor, index, value):
    tensor[index] = value
    return tensor


@pytest.mark.parametrize("call", ALLOWED.values(), ids=ALLOWED)
def test_what_cuda_allows_is_allowed_and_stays_on_the_gpu(card, call):
    result = call()
    assert result.device == torch.device("cuda", 0) and result.is_cuda and not result.is_cpu


def test_numpy_reads_the_cpu_alone(card):
    assert np.asarray(torch.ones(2)).sum() == 2
    assert on_gpu(2).cpu().numpy().sum() == 2
    for read in (lambda: on_gpu(2).numpy(), lambda: np.asarray(on_gpu(2))):
        with pytest.raises(TypeError, match="cuda:0"):
            read()


def test_a_move_is_a_copy(card):
    here = torch.ones(2)
    there = here.to("cuda")
    there.zero_()
    assert here.sum() == 2 and here.device.type == "cpu"


WAITS = {
    "item": lambda x: x.sum().item(),
    "a comparison that is asked": lambda x: bool(x.sum() > 0),
    "an if": lambda x: 1 if (x > 0).all() else 0,
    "int": lambda x: int(x.sum()),
    "float": lambda x: float(x.sum()),
    "tolist": lambda x: x.tolist(),
    "a copy to the CPU": lambda x: x.to("cpu"),
    "a copy to the GPU": lambda x: torch.ones(2).to(x.device),
    "a number put on the GPU": lambda x: torch.tensor(1.0, device=x.device),
    "an index of truth values": lambda x: x[x > 0],
    "an index from the CPU": lambda x: x[torch.tensor([0])],
    "an index by a number on the GPU": lambda x: x[x.sum().long() * 0],
    "nonzero": lambda x: x.nonzero(),
    "a print": lambda x: f"{x.sum()}",
    "synchronize": lambda x: torch.cuda.synchronize(),
}


@pytest.mark.parametrize("call", WAITS.values(), ids=WAITS)
def test_what_waits_is_counted_once(card, call):
    x = on_gpu(2)
    assert not card.waits
    call(x)
    assert card.waits.total() == 1, card.waits


NO_WAITS = {
    "arithmetic": lambda x: (x * 2 + 1).sum(),
    "a slice": lambda x: x[:1],
    "a new tensor of the GPU": lambda x: torch.zeros(2, device=x.device),
    "a copy that does not block": lambda x: torch.ones(2).to(x.device, non_blocking=True),
    "an index on the GPU": lambda x: x[torch.zeros(1, dtype=torch.long, device=x.device)],
    "a mask filled with a number": lambda x: _set(x, x > 0, 0.0),
    "a move to the same place": lambda x: x.to(x.device),
    "a number of the CPU": lambda x: torch.ones(()).item(),
    "clipping": lambda x: nn.utils.clip_grad_norm_([_with_gradient(x)], 1.0),
}


@pytest.mark.parametrize("call", NO_WAITS.values(), ids=NO_WAITS)
def test_what_does_not_wait_is_not_counted(card, call):
    call(on_gpu(2))
    assert not card.waits


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD])
def test_a_step_of_an_optimiser_is_that_of_the_cpu_and_waits_for_nothing(card, optimizer):
    weights = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        layer = nn.Linear(3, 2).to(device)
        steps = optimizer(layer.parameters(), lr=0.1)
        x = torch.ones(4, 3, device=device)
        card.waits.clear()
        for _ in range(3):
            F.cross_entropy(layer(x), torch.ones(4, dtype=torch.long, device=device)).backward()
            steps.step()
            steps.zero_grad()
        assert not card.waits and layer.weight.device.type == device
        weights.append(layer.weight.detach().cpu())
    torch.testing.assert_close(*weights)


def test_the_gradient_is_where_the_parameter_is(card):
    layer = nn.Linear(2, 1).to("cuda")
    layer(on_gpu(1, 2)).sum().backward()
    assert layer.weight.grad.is_cuda
    (gradient,) = torch.autograd.grad(layer(on_gpu(1, 2)).sum(), [layer.bias])
    assert gradient.is_cuda


def test_autocast_of_the_gpu_computes_in_half_precision(card):
    with torch.autocast("cuda", torch.bfloat16):
        assert torch.is_autocast_enabled("cuda")
        assert nn.Linear(2, 2).to("cuda")(on_gpu(1, 2)).dtype == torch.bfloat16
        with torch.autocast("cuda", enabled=False):
            assert nn.Linear(2, 2).to("cuda")(on_gpu(1, 2)).dtype == torch.float32


def test_only_the_cards_that_are_asked_for_are_visited():
    with pretended_gpu(n_cards=8) as card, torch.random.fork_rng([2], device_type="cuda"):
        assert card.visited == {2}
    with pretended_gpu(n_cards=8) as card, pytest.warns(UserWarning, match="available devices"):
        with torch.random.fork_rng(device_type="cuda"):
            assert card.visited == set(range(8))


def test_a_t4_emulates_bfloat16_and_says_so_when_asked():
    with pretended_gpu():
        assert torch.cuda.is_bf16_supported()
        assert not torch.cuda.is_bf16_supported(including_emulation=False)
    with pretended_gpu(half="bf16"):
        assert torch.cuda.is_bf16_supported(including_emulation=False)


def test_afterwards_all_is_as_before():
    before = torch.Generator, torch.cuda.is_available(), torch.nn.Parameter.__new__
    with pretended_gpu():
        pass
    assert before == (torch.Generator, torch.cuda.is_available(), torch.nn.Parameter.__new__)
    with torch.autocast("cpu", torch.bfloat16):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.bfloat16
