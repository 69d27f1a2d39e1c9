"""Several processes that train one model: what each does for itself, and what they agree on.

    accelerate launch --multi_gpu --num_processes N -m tutorial_lib train ...

runs the same program N times, once for each GPU. Every process holds the whole model and takes its
share of each batch; between the backward pass and the optimiser's step, gradients are averaged:

    gradient = (1/N) x the sum of the gradients of all processes

A loss that is a mean over examples has the same gradient over N equal shares as over the whole
batch, so all replicas take the very step that one process would have taken, and stay identical.

torch's DistributedDataParallel does this too, and faster: it sends the first gradients while the
backward pass still works on the last. Here it is done in the open, after the pass. In return a step
may call any method of the model, parameters that a batch does not reach need no care, and sums are
formed in the same order in every run, so that a resumed one repeats every bit.

With one process, every function here returns what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def n_processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, 0 for the main one."""
    return dist.get_rank() if n_processes() > 1 else 0


def is_main() -> bool:
    """True in the one process that writes files and shows progress."""
    return rank() == 0


def own_seed(seed: int) -> int:
    """A seed for this process: `seed` itself in the main one, so that noise differs elsewhere."""
    return seed + 999_983 * rank()


def require_equal_shares(batch_size: int) -> None:
    """ValueError unless every process gets as many examples of a batch as every other."""
    if batch_size % n_processes():
        raise ValueError(
            f"a batch of {batch_size} examples cannot be shared equally by {n_processes()} "
            f"processes: batch_size counts the examples of all processes together, choose a "
            f"multiple of {n_processes()}"
        )


def share_of(batch: Tensor) -> Tensor:
    """This process's part of a batch. In the order of their ranks, the parts are the batch."""
    return batch.chunk(n_processes())[rank()]


@torch.no_grad()
def start_alike(model: nn.Module) -> None:
    """Give all processes the weights and statistics of the main one, those not stored too."""
    if n_processes() > 1:
        for tensor in {**model.state_dict(), **dict(model.named_buffers())}.values():
            sent = tensor.contiguous()
            dist.broadcast(sent, src=0)
            tensor.copy_(sent)


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes.

    A parameter that only some processes have used counts as 0 in the others. One that none has used
    keeps no gradient, as in a single process: an optimiser then leaves it alone.
    """
    if n_processes() == 1:
        return
    parameters = [p for p in parameters if p.requires_grad]
    used = [float(p.grad is not None) for p in parameters]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    together = torch.cat([g.flatten() for g in gradients] + [gradients[0].new_tensor(used)])
    dist.all_reduce(together)
    *sums, users = together.split([g.numel() for g in gradients] + [len(used)])
    for parameter, gradient, total, n in zip(
        parameters, gradients, sums, users.tolist(), strict=True
    ):
        if n:
            parameter.grad = gradient.copy_(total.view_as(gradient) / n_processes())


def mean(values: Tensor) -> Tensor:
    """The mean of a tensor over the processes."""
    if n_processes() == 1:
        return values
    values = values.clone()
    dist.all_reduce(values)
    return values / n_processes()


def largest(*numbers: float, device: torch.device) -> list[float]:
    """The largest value of each number in any process: for what all must do in the same step."""
    if n_processes() == 1:
        return list(numbers)
    told = torch.tensor(numbers, dtype=torch.float64, device=device)
    dist.all_reduce(told, op=dist.ReduceOp.MAX)
    return told.tolist()


def gathered(state: dict) -> list[dict]:
    """The `state` of every process, in the order of their ranks."""
    states: list[Any] = [state]
    if n_processes() > 1:
        states = [None] * n_processes()
        dist.all_gather_object(states, state)
    return states


def once(write: Callable, *arguments: Any) -> None:
    """Call `write(*arguments)` in the main process alone; the others wait until it is done."""
    if is_main():
        write(*arguments)
    if n_processes() > 1:
        dist.barrier()
