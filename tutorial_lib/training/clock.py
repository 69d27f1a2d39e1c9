"""The clock of a run: what has passed of its steps or its time, and the learning rate there.

With `minutes` the learning rate hangs on the time, and the clocks and signals of several processes
differ. One answer holds for all of them: the latest time, and "yes" as soon as one says so.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from tqdm.auto import tqdm

from tutorial_lib.training import distributed as processes
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.history import History
from tutorial_lib.training.record import RunRecord
from tutorial_lib.training.schedule import learning_rate_at


class Agreement(NamedTuple):
    """What all processes do after the present step."""

    stop: bool
    save: bool


class RunClock:
    """Reads the time into the history of `record`."""

    def __init__(self, config: FitConfig, record: RunRecord):
        self.config, self.record = config, record
        self.began = self.saved_at = time.monotonic()

    @property
    def history(self) -> History:
        return self.record.history  # another one after a checkpoint was read

    def go_on(self, n_steps: int | None) -> None:
        """Count on from the seconds that the history has, to an end that may have been put off."""
        self.began = time.monotonic() - self.history.seconds
        if not self.is_over():
            self.history.n_steps = n_steps

    def tick(self) -> None:
        """Read the clock."""
        (self.history.seconds,) = processes.largest(time.monotonic() - self.began)

    def has_saved(self) -> None:
        """The next checkpoint is due from now on."""
        self.saved_at = time.monotonic()

    def agree(self, stopped_by: int, save_every_seconds: float) -> Agreement:
        """Read the clock after a step, and ask all processes what follows."""
        due = time.monotonic() - self.saved_at > save_every_seconds
        self.history.seconds, stop, save = processes.largest(
            time.monotonic() - self.began, float(stopped_by), float(due)
        )
        if self.is_over():
            self.history.n_steps = self.history.step
        return Agreement(bool(stop), bool(save))

    def is_over(self) -> bool:
        """Whether the time of a run by the clock has passed."""
        return self.config.minutes is not None and self.time_spent() >= 1

    def time_spent(self) -> float:
        """The share of `config.minutes` that has passed."""
        return self.history.seconds / (60 * self.config.minutes)

    def learning_rate(self) -> float:
        """Of the present step, counted in steps or in thousandths of the time."""
        if self.config.minutes is None:
            return learning_rate_at(self.history.step, self.history.n_steps, self.config)
        return learning_rate_at(int(1000 * min(self.time_spent(), 0.999)), 1000, self.config)

    def progress(self) -> int:
        """What the bar counts: steps, or seconds up to the full time."""
        if self.config.minutes is None:
            return self.history.step
        return round(60 * self.config.minutes * min(1.0, self.time_spent()))

    def bar(self, progress: bool) -> tqdm:
        """A progress bar over the steps or, for a run by the clock, over its seconds."""
        by_clock = self.config.minutes is not None
        return tqdm(
            total=round(60 * self.config.minutes) if by_clock else self.history.n_steps,
            initial=self.progress(),
            desc="training",
            unit="s" if by_clock else "step",
            leave=False,
            disable=not progress or not processes.is_main(),
        )
