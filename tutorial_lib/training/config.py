"""What a run is told, FitConfig, and what it tells, History. Without torch: light to load.

The learning rate rises over a short warm-up and falls linearly to 0 at the end. The end is a number
of epochs or, with `minutes`, a time: then what has passed of the time decides, so that the same
recipe makes the most of five minutes on any machine. Such a run takes as many steps as the machine
is fast, and is not repeatable to the last bit.
"""

from dataclasses import dataclass, field
from typing import Literal

from tutorial_lib.contracts import (
    Count,
    Natural,
    NotNegative,
    Positive,
    Seed,
    Share,
    check_fields,
    checked,
)


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast; everything that decides the result, and nothing else."""

    epochs: Count = 5
    minutes: Positive | None = None  # of training, in the place of epochs
    batch_size: Count = 64  # over all processes together
    learning_rate: Positive = 1e-3  # peak; rises over the warm-up, then falls linearly to 0
    warmup: Share = 0.05  # share of all steps
    weight_decay: NotNegative = 0.0
    clip_norm: Positive = 1.0  # largest gradient norm
    average: Share = 0.0  # end with the mean of the weights over about this last share; 0: without
    precision: Literal["no", "bf16", "fp16"] = "no"  # float32, or mixed: profiles.fast_precision()
    seed: Seed = 0

    __post_init__ = check_fields


@checked
def learning_rate_at(step: Natural, n_steps: Count, config: FitConfig) -> float:
    """Linear warm-up, then linearly towards 0: the rate of step n_steps, the first not taken."""
    warm = max(1, round(config.warmup * n_steps))
    rising = (step + 1) / warm
    falling = (n_steps - step) / max(1, n_steps - warm)
    return config.learning_rate * min(1.0, rising, falling)


@dataclass
class History:
    """What happened: a row every few steps, a row of held-out metrics at each epoch's end."""

    rows: list[dict] = field(default_factory=list)
    valid_rows: list[dict] = field(default_factory=list)
    seconds: float = 0.0  # of training, over all resumptions, held-out metrics included
    step: int = 0
    n_steps: int | None = 0  # None as long as nobody knows: a run by the clock
    skipped: int = 0  # of the steps, those in which float16 overflowed and no weight moved
    stopped_by: int = 0  # signal.SIGINT or signal.SIGTERM, if one asked fit to end; else 0
    ended: bool = False  # True once fit has come back, at its end or after an interrupt

    @property
    def finished(self) -> bool:
        """False if the run was interrupted; call fit again with the same `out` to go on."""
        return self.step == self.n_steps


class TrainingDiverged(RuntimeError):
    """The loss, or its gradient, is no longer a finite number."""
