"""evaluate(): the mean of every metric of a step over a data set. Looking changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tutorial_lib.contracts import Count, checked
from tutorial_lib.contracts.validation import require_tensor
from tutorial_lib.pixels.full_precision import require_float64
from tutorial_lib.pixels.modes import in_eval_mode, modes_put_back
from tutorial_lib.sampling.out_of_memory import memory_explained

Step = Callable[..., dict[str, Tensor]]


def require_examples(name: str, value: object) -> tuple[Tensor, ...]:
    """`value` itself, if it is a tuple of tensors that hold equally many examples."""
    if not isinstance(value, (tuple, list)) or not value:
        raise TypeError(f"{name} must be a tuple of tensors, got {value!r:.60}")
    for i, each in enumerate(value):
        if not require_tensor(f"{name}[{i}]", each).ndim:
            raise ValueError(f"{name}[{i}] must hold examples, got shape {tuple(each.shape)}")
    lengths = {len(tensor) for tensor in value}
    if len(lengths) != 1:
        raise ValueError(
            f"the tensors of {name} must be equally long, got lengths {sorted(lengths)} in a "
            f"{type(value).__name__}"
        )
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


@checked
@torch.inference_mode()
def evaluate(
    model: nn.Module, step: Step, data: Sequence, *, batch_size: Count = 256
) -> dict[str, float]:
    """Mean of every metric of `step` over all of `data`, in eval mode, on the model's device."""
    require_float64(model)
    if not len(require_examples("data", data)[0]):
        raise ValueError(f"data must hold an example at least, got a {type(data).__name__} of none")
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
