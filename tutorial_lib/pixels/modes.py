"""A model is handed back in the modes it came in: every module of it, also when something fails."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

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
