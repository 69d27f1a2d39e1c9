"""FitConfig: how long and how fast a training runs. Without torch, so that it is light to load."""

from __future__ import annotations

from dataclasses import dataclass

from tutorial_lib.contracts.plain import (
    require_choice,
    require_int,
    require_number,
    require_positive,
    require_seed,
    store_plain,
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
    precision: str = "no"  # float32; "bf16" and "fp16": mixed, see profiles.fast_precision()
    seed: int = 0

    def __post_init__(self):
        store_plain(self)
        require_int("epochs", self.epochs, at_least=1)
        require_int("batch_size", self.batch_size, at_least=1)
        require_positive("learning_rate", self.learning_rate)
        require_positive("clip_norm", self.clip_norm)
        require_choice("precision", self.precision, ("no", "bf16", "fp16"))
        require_seed("seed", self.seed)
        if require_number("weight_decay", self.weight_decay) < 0:
            raise ValueError(f"weight_decay must be at least 0 and finite, got {self.weight_decay}")
        if self.minutes is not None:
            require_positive("minutes", self.minutes)
        for name in ("warmup", "average"):
            if not 0 <= require_number(name, getattr(self, name)) < 1:
                raise ValueError(
                    f"{name} is a share of all steps, 0 <= {name} < 1, got {getattr(self, name)}"
                )
