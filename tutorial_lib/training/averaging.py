"""A running mean of the weights, which is often better than the last weights and costs nothing.

Late in training the weights wander about a good place. Their mean over the last part of the run
lies nearer to it than any one of them [Polyak and Juditsky 1992]:

    mean <- mean + (weights - mean) / max(1, share x step)

so that, at any time, the mean looks back over about the last `share` of the steps so far. Only
parameters are averaged; statistics that a model gathers by itself (an EMA codebook) stay.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tutorial_lib.contracts.plain import require_int, require_share
from tutorial_lib.contracts.validation import require_model


class RunningAverage:
    """The mean of a model's parameters over about the last `share` of its steps."""

    def __init__(self, model: nn.Module, share: float):
        self.parameters = dict(require_model("model", model).named_parameters())
        self.share = require_share("share", share)
        self.mean: dict[str, Tensor] = {k: p.detach().clone() for k, p in self.parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step`, counted from 1."""
        require_int("step", step, at_least=1)
        newest = 1 / max(1.0, self.share * step)
        torch._foreach_lerp_(
            list(self.mean.values()), [p.detach() for p in self.parameters.values()], newest
        )

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the model's weights and the mean; a second call exchanges them back."""
        for name, parameter in self.parameters.items():
            weights = parameter.detach().clone()
            parameter.copy_(self.mean[name])
            self.mean[name].copy_(weights)
