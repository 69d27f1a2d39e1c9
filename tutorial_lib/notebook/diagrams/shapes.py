"""Shapes for the arrows, from the model itself: a small batch goes through, and each part tells."""

import copy
import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from tutorial_lib.pixels.modes import in_eval_mode


def on_the_cpu(draw: Callable) -> Callable:
    """The drawing of a model and an image wherever they lie: of copies of them on the CPU."""

    @functools.wraps(draw)
    def call(model: nn.Module, *given, **named):
        if any(weight.device.type != "cpu" for weight in model.parameters()):
            model = copy.deepcopy(model).cpu()
        return draw(model, *(g.cpu() if isinstance(g, Tensor) else g for g in given), **named)

    return call


class Passed(NamedTuple):
    """What went into a part of a model and what came out, the first tensor of each."""

    entered: Tensor
    left: Tensor


def traced(model: nn.Module, run: Callable[[], object]) -> dict[str, Passed]:
    """What passes each part of `model`, by its name, while `run()` calls the model in eval mode.

    >>> import torch
    >>> layers = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())
    >>> said(traced(layers, lambda: layers(torch.zeros(1, 1, 28, 28)))["0"].left)
    '8×26×26'
    """
    passed, hooks = {}, []

    def first(value: object) -> object:
        return first(value[0]) if isinstance(value, (tuple, list)) else value

    for name, part in model.named_modules():

        def keep(_part, entered, left, name=name):
            passed[name] = Passed(first(entered), first(left))

        hooks.append(part.register_forward_hook(keep))
    try:
        with in_eval_mode(model):
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return passed


def said(value: Tensor | Sequence[int]) -> str:
    """The shape of a tensor without its batch, or these numbers: 64×28×28."""
    shape = value.shape[1:] if isinstance(value, Tensor) else value
    return "×".join(map(str, shape))
