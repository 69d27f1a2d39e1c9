"""How a model is run: in eval mode and back, and in the order of memory that is fast.

A model is handed back in the modes it came in, every module of it, also when something fails.

On a CPU, training on images was measured to be 1.2 to 1.4 times as fast with channels last. A GPU
was not measured, and sounds and clips have no such order: there all stays as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tutorial_lib.contracts import checked


@contextmanager
@checked
def modes_put_back(model: nn.Module) -> Iterator[None]:
    """Afterwards every module of the model is in the mode it was in before."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """The whole model in eval mode, for as long as the block lasts."""
    with modes_put_back(model):
        model.eval()
        yield


@checked
def in_fast_format(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """The same numbers, in memory as the convolutions of their device are fast with."""
    if images.device.type == "cpu":
        return images.contiguous(memory_format=torch.channels_last)
    return images


@checked
def to_fast_format(model: nn.Module) -> nn.Module:
    """The same model, its kernels in memory as the convolutions of their device are fast with."""
    kernels = [p for p in model.parameters() if p.ndim > 3]
    if all(kernel.ndim == 4 and kernel.device.type == "cpu" for kernel in kernels):
        model.to(memory_format=torch.channels_last)
    return model
