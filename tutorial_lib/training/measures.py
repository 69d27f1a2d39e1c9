"""What a step measures: on a batch, on a whole data set, and over the steps since the last row."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tutorial_lib.contracts import Count, checked
from tutorial_lib.pixels.full_precision import require_float64
from tutorial_lib.pixels.modes import in_eval_mode, modes_put_back
from tutorial_lib.sampling.out_of_memory import memory_explained
from tutorial_lib.training import distributed as processes

Step = Callable[..., dict[str, Tensor]]


def require_examples(name: str, value: object) -> tuple[Tensor, ...]:
    """`value` itself, if it is a tuple of tensors that hold equally many examples, one at least."""
    if not isinstance(value, (tuple, list)) or not value:
        raise TypeError(f"{name} must be a tuple of tensors, got {value!r:.60}")
    for i, each in enumerate(value):
        if not isinstance(each, Tensor):
            raise TypeError(f"{name}[{i}] must be a torch.Tensor, got {type(each).__name__}")
        if not each.ndim:
            raise ValueError(f"{name}[{i}] must hold examples, got shape {tuple(each.shape)}")
    lengths = {len(tensor) for tensor in value}
    kind = type(value).__name__
    if len(lengths) != 1:
        raise ValueError(
            f"the tensors of {name} must be equally long, got lengths {sorted(lengths)} in a {kind}"
        )
    if lengths == {0}:
        raise ValueError(f"{name} must hold an example at least, got a {kind} of none")
    return value


def metrics_of(step: Step, model: nn.Module, batch: Sequence[Tensor]) -> dict[str, Tensor]:
    """What a step says of a batch. TypeError unless it is a dictionary of tensors with a "loss"."""
    metrics = step(model, *batch)
    if not isinstance(metrics, dict) or "loss" not in metrics:
        raise TypeError(
            f'step must return a dictionary with a "loss", got {metrics!r:.60} from '
            f"{getattr(step, '__name__', step)} ({type(step).__name__})"
        )
    for name, value in metrics.items():
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise TypeError(
                f'step must return a tensor of one number as "{name}" (without .item()), got '
                f"{value!r:.60} ({type(value).__name__})"
            )
    return metrics


def loss_and_metrics(
    step: Step, model: nn.Module, batch: Sequence[Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss to be minimised, in float32, and all metrics as numbers that hold no graph."""
    metrics = metrics_of(step, model, batch)
    loss = metrics["loss"].float()
    if not loss.requires_grad:
        raise ValueError(
            f"the loss {loss.item():.6g} does not depend on any weight that is trained: step must "
            "compute it with the model, without detach() or no_grad()"
        )
    return loss, {name: value.detach() for name, value in metrics.items()}


@checked
@torch.inference_mode()
def evaluate(
    model: nn.Module, step: Step, data: Sequence, *, batch_size: Count = 256
) -> dict[str, float]:
    """Mean of every metric of `step` over all of `data`, in eval mode, on the model's device."""
    require_float64(model)
    require_examples("data", data)
    device = next(model.parameters()).device
    totals: dict[str, Tensor] = {}
    with in_eval_mode(model):
        for batch in zip(*(tensor.split(batch_size) for tensor in data), strict=True):
            with memory_explained(lambda: f"over a batch: lower batch_size (it is {batch_size})"):
                metrics = metrics_of(step, model, [part.to(device) for part in batch])
            for name, value in metrics.items():
                totals[name] = totals.get(name, 0.0) + value.double() * len(batch[0])
    return {name: total.item() / len(data[0]) for name, total in totals.items()}


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Afterwards the random numbers and the modes of all modules are what they were before."""
    device = next(model.parameters()).device
    with torch.random.fork_rng([device.index or 0] if device.type == "cuda" else []):
        with modes_put_back(model):
            yield


class MetricSums:
    """Metrics added up where they are computed, and read only when a row or a checkpoint is due.

    To read a number from a GPU makes it wait. The first step whose numbers were not finite is noted
    there too, so that it can be named afterwards.
    """

    def __init__(self, device: torch.device):
        self.device, self.n_steps = device, 0
        self.sums: dict[str, Tensor] = {}
        self.broken_at = torch.full((), math.inf, device=device)

    def add(self, metrics: dict[str, Tensor], step: int, watched: Tensor) -> None:
        """Take in the metrics of a step, each one number, and whether `watched` is finite in it."""
        for name, value in metrics.items():
            value = self._number(value)
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        breaks = ~self._number(watched).isfinite() & self.broken_at.isinf()
        self.broken_at.masked_fill_(breaks, step)
        self.n_steps += 1

    def _number(self, value: Tensor) -> Tensor:
        return value.to(self.device, torch.float32).reshape(())

    def read(self) -> tuple[dict[str, float], int | None]:
        """The mean of each metric over steps and processes; the step that broke, if one did."""
        mine = torch.stack([*self.sums.values(), self.broken_at]).tolist()
        *sums, broken_at = zip(*processes.gathered(mine), strict=True)
        means = [sum(each) / len(each) / self.n_steps for each in sums]
        first = min(broken_at)
        return dict(zip(self.sums, means, strict=True)), None if first == math.inf else int(first)

    def clear(self) -> None:
        """Begin with the next row."""
        self.sums, self.n_steps = {}, 0

    def state(self) -> dict[str, float]:
        """The sums of this process as JSON; float32 survives that to the last bit."""
        return {name: value.item() for name, value in self.sums.items()}

    def restore(self, states: list[dict[str, float]], n_steps: int) -> None:
        """Go on from the states of all processes; their mean, if there were more or fewer then.

        So the first row after a resumption is the mean over the same steps as in a run left alone.
        """
        mine = {k: sum(each[k] for each in states) / len(states) for k in states[0]}
        if len(states) == processes.n_processes():
            mine = states[processes.rank()]
        self.sums = {
            k: torch.tensor(v, dtype=torch.float32, device=self.device) for k, v in mine.items()
        }
        self.n_steps = n_steps
