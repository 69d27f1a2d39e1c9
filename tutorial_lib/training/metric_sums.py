"""The metrics of the steps since the last row, added up where they were computed.

They are read only when a row is due, or before a checkpoint: reading a number from a GPU makes it
wait. The first step whose numbers were not finite is noted there too, so that it can be named
afterwards. A checkpoint keeps the sums, so that the first row after a resumption is the mean over
the same steps as in a run that was left alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tutorial_lib.training import distributed as processes


class MetricSums:
    """Sums of named metrics over a number of steps."""

    def __init__(self, device: torch.device):
        self.device = device
        self.sums: dict[str, Tensor] = {}
        self.n_steps = 0
        self.broken_at = torch.full((), math.inf, device=device)

    def add(self, metrics: dict[str, Tensor], step: int, watched: Tensor) -> None:
        """Take in the metrics of a step, each a scalar, and whether `watched` is finite in it."""
        for name, value in metrics.items():
            value = self._scalar(value)
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        breaks = ~self._scalar(watched).isfinite() & self.broken_at.isinf()
        self.broken_at.masked_fill_(breaks, step)
        self.n_steps += 1

    def _scalar(self, value: Tensor) -> Tensor:
        return value.detach().to(self.device, torch.float32).reshape(())

    def read(self) -> tuple[dict[str, float], int | None]:
        """The mean of each metric over steps and processes; the step that broke, if one did."""
        sums = processes.mean(torch.stack(list(self.sums.values())))
        *sums, broken_at = torch.stack([*sums, processes.smallest(self.broken_at)]).tolist()
        means = {k: v / self.n_steps for k, v in zip(self.sums, sums, strict=True)}
        return means, None if math.isinf(broken_at) else int(broken_at)

    def clear(self) -> None:
        """Begin with the next row."""
        self.sums, self.n_steps = {}, 0

    def state(self) -> dict[str, float]:
        """The sums of this process as JSON; float32 survives that to the last bit."""
        return {name: value.item() for name, value in self.sums.items()}

    def restore(self, states: list[dict[str, float]], n_steps: int) -> None:
        """Go on from the states of all processes; their mean, if there were more or fewer then."""
        if len(states) != processes.n_processes():
            joint = {k: sum(each[k] for each in states) / len(states) for k in states[0]}
            states = [joint] * processes.n_processes()
        mine = states[processes.rank()]
        self.sums = {
            k: torch.tensor(v, dtype=torch.float32, device=self.device) for k, v in mine.items()
        }
        self.n_steps = n_steps
