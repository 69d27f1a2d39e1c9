"""What a run is told: how long, how fast, and in which order it sees the examples.

The learning rate rises over a short warm-up and falls linearly to 0 at the end. The end is a number
of epochs or, with `minutes`, a time: then what has passed of the time decides, so that the same
recipe makes the most of five minutes on any machine. Such a run takes as many steps as the machine
is fast, and is not repeatable to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tutorial_lib.validation import (
    require_choice,
    require_instance,
    require_int,
    require_number,
    require_positive,
)


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast; everything that decides the result, and nothing else."""

    epochs: int = 5
    minutes: float | None = None  # of training, in the place of epochs
    batch_size: int = 64  # over all processes together
    learning_rate: float = 1e-3  # peak; rises over the warm-up, then falls linearly to 0
    warmup: float = 0.05  # share of all steps
    weight_decay: float = 0.0
    clip_norm: float = 1.0  # largest gradient norm
    average: float = 0.0  # end with the mean of the weights over about this last share; 0: without
    precision: str = "no"  # "no" is float32; "bf16" is mixed precision
    seed: int = 0

    def __post_init__(self):
        require_int("epochs", self.epochs, at_least=1)
        require_int("batch_size", self.batch_size, at_least=1)
        require_positive("learning_rate", self.learning_rate)
        require_positive("clip_norm", self.clip_norm)
        require_choice("precision", self.precision, ("no", "bf16"))
        require_int("seed", self.seed, at_least=0)
        if require_number("weight_decay", self.weight_decay) < 0:
            raise ValueError(f"weight_decay must be at least 0 and finite, got {self.weight_decay}")
        if self.minutes is not None:
            require_positive("minutes", self.minutes)
        for name in ("warmup", "average"):
            if not 0 <= require_number(name, getattr(self, name)) < 1:
                raise ValueError(
                    f"{name} is a share of all steps, 0 <= {name} < 1, got {getattr(self, name)}"
                )


def learning_rate_at(step: int, n_steps: int, config: FitConfig) -> float:
    """Linear warm-up, then linearly towards 0: the rate of step n_steps, the first not taken."""
    require_int("step", step, at_least=0)
    require_int("n_steps", n_steps, at_least=1)
    require_instance("config", config, FitConfig)
    warm = max(1, round(config.warmup * n_steps))
    rising = (step + 1) / warm
    falling = (n_steps - step) / max(1, n_steps - warm)
    return config.learning_rate * min(1.0, rising, falling)


def epoch_batches(n: int, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, ...]:
    """The batches of an epoch as index tensors: a permutation cut up, the remainder left out."""
    require_int("batch_size", batch_size, at_least=1)
    for name, value in (("n", n), ("seed", seed), ("epoch", epoch)):
        require_int(name, value, at_least=0)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    return order[: n // batch_size * batch_size].split(batch_size)
