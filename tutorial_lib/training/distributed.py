"""Several processes that train one model: what each does for itself, and what they agree on.

    torchrun --standalone --nproc-per-node=N -m tutorial_lib train ...

runs the same program N times, once for each GPU. Every process holds the whole model and takes its
share of each batch; between the backward pass and the optimiser's step, gradients are averaged:

    gradient = (1/N) x the sum of the gradients of all processes

A loss that is a mean over examples has the same gradient over N equal shares as over the whole
batch, so all replicas take the step that one process would have taken, and stay identical.

torch's DistributedDataParallel does this too, and faster, since it sends gradients during the pass.
Here it is done in the open, after the pass: a step may call any method of the model, and sums are
formed in one order, so that a resumed run repeats every bit.

Tensors of a GPU travel by NCCL; clocks, flags and other numbers of the host travel by Gloo, so that
no process waits for its GPU. With one process, every function here returns what it was given.
"""

import atexit
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tutorial_lib import profiles

TORCHRUN_SETS = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
OTHERS_SET = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")


def n_processes() -> int:
    """How many processes train together; the first call meets those that torchrun started."""
    if not dist.is_available():
        return 1
    if not dist.is_initialized():
        _meet()
    return dist.get_world_size() if dist.is_initialized() else 1


def _meet() -> None:
    """Join torchrun's processes, if there are several. ValueError if each would train alone."""
    if not all(name in os.environ for name in TORCHRUN_SETS):
        for name in OTHERS_SET:
            if os.environ.get(name, "1") not in ("", "0", "1"):
                raise ValueError(
                    f"{name} is {os.environ[name]}: several processes were started, but not by "
                    f"torchrun, and each would train alone. Start them by `torchrun "
                    f"--nproc-per-node=N -m tutorial_lib ...`; if they are to be trainings of "
                    f"their own, unset {name}"
                )
        return
    if os.environ["WORLD_SIZE"] == "1":
        return
    device = profiles.device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    atexit.register(lambda: dist.is_initialized() and dist.destroy_process_group())
    if dist.get_rank():
        warnings.simplefilter("ignore")  # the main process gives the same warnings


def rank() -> int:
    """The number of this process, 0 for the main one."""
    return dist.get_rank() if n_processes() > 1 else 0


def is_main() -> bool:
    """True in the one process that writes files and says what there is to say."""
    return rank() == 0


def say(*words: object) -> None:
    """`print`, in the main process alone."""
    if is_main():
        print(*words)


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
    used = largest(*(float(p.grad is not None) for p in parameters))
    parameters = [p for p, somewhere in zip(parameters, used, strict=True) if somewhere]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    together = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(together)
    parts = (together / n_processes()).split([g.numel() for g in gradients])
    for parameter, gradient, part in zip(parameters, gradients, parts, strict=True):
        parameter.grad = gradient.copy_(part.view_as(gradient))


def largest(*numbers: float) -> list[float]:
    """The largest value of each number in any process: for what all must do in the same step."""
    if n_processes() == 1:
        return list(numbers)
    told = torch.tensor(numbers, dtype=torch.float64)
    dist.all_reduce(told, op=dist.ReduceOp.MAX)
    return told.tolist()


def gathered(own: Any) -> list[Any]:
    """What every process hands in, in the order of their ranks."""
    everybody = [own] * n_processes()
    if n_processes() > 1:
        dist.all_gather_object(everybody, own)
    return everybody


def wait_for_all() -> None:
    """Return when every process has come here."""
    largest(0.0)


def once(write: Callable, *arguments: Any) -> None:
    """Call `write(*arguments)` in the main process alone; the others wait until it is done."""
    if is_main():
        write(*arguments)
    wait_for_all()


@contextmanager
def main_first() -> Iterator[None]:
    """Run the block in the main process before the others: what it downloads, they find."""
    if not is_main():
        wait_for_all()
    yield
    if is_main():
        wait_for_all()
