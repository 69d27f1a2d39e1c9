"""The record of a training run: what was measured, how long it took, whether it came to its end."""

from __future__ import annotations

from dataclasses import dataclass, field


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
