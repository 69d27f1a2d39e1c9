"""What a run is told: how long, how fast, and in which order it sees the examples.

The learning rate rises over a short warm-up and falls linearly to 0 at the end. The end is a number
of epochs or, with `minutes`, a time: then what has passed of the time decides, so that the same
recipe makes the most of five minutes on any machine. Such a run takes as many steps as the machine
is fast, and is not repeatable to the last bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.contracts.plain import require_instance, require_int
from tutorial_lib.training.config import FitConfig


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
