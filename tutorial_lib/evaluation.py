"""evaluate(): the mean of every metric of a step over a data set. Looking changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Step = Callable[..., dict[str, Tensor]]


@torch.inference_mode()
def evaluate(
    model: nn.Module, step: Step, data: tuple[Tensor, ...], *, batch_size: int = 256
) -> dict[str, float]:
    """Mean of every metric of `step` over all of `data`, in eval mode, on the model's device."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    totals: dict[str, float] = {}
    try:
        for batch in zip(*(tensor.split(batch_size) for tensor in data), strict=True):
            for name, value in step(model, *(part.to(device) for part in batch)).items():
                totals[name] = totals.get(name, 0.0) + value.double().item() * len(batch[0])
    finally:
        model.train(was_training)
    return {name: total / len(data[0]) for name, total in totals.items()}


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Afterwards the random numbers and the modes of all modules are what they were before."""
    modes = [(module, module.training) for module in model.modules()]
    device = next(model.parameters()).device
    with torch.random.fork_rng([device.index or 0] if device.type == "cuda" else []):
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
