"""exact_float32: a block in which float32 is float32, whatever the user has switched on.

Autocast hands convolutions and products of matrices half-precision copies; TF32 cuts the factors
to 10 binary digits (cuDNN's convolutions do that unless they are told not to). A sampler that keeps
features adds up in another order than a full pass does: only in full float32 both draw the same.

torch has two sets of names for the second switch. The older ones work in every version, but can't
be read any more once the newer ones were used, so both are set, and put back.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

WITHOUT_FLOAT64 = ("mps",)  # Apple's GPU
WORK = ("cudnn.conv", "cudnn.rnn", "cuda.matmul", "mkldnn.conv", "mkldnn.rnn", "mkldnn.matmul")
FOUND = [getattr(getattr(torch.backends, a), b, None) for a, b in (w.split(".") for w in WORK)]
OLDER = (  # how products of matrices and cuDNN's convolutions are read and set
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (
        lambda: torch.backends.cudnn.allow_tf32,
        lambda allowed: setattr(torch.backends.cudnn, "allow_tf32", allowed),
    ),
)
HOLDERS = [each for each in FOUND if hasattr(each, "fp32_precision")]  # none before torch 2.9
ON_A_CPU = HOLDERS[-3:]


def require_float64(holder: nn.Module | Tensor | torch.device) -> None:
    """ValueError for a model or a tensor on Apple's GPU, which the library does not use."""
    if isinstance(holder, nn.Module):
        holder = next(holder.parameters(), torch.empty(0))
    device = getattr(holder, "device", holder)
    if device.type in WITHOUT_FLOAT64:
        raise ValueError(
            f"the model or its numbers are on {device}: Apple's GPU is not used here, since it has "
            'no float64, in which draws and bounds are computed. Use .to("cpu")'
        )


def exact_float32(device: torch.device) -> AbstractContextManager:
    """A context for work on `device`: no autocast, no TF32; afterwards all is as it was before.

    In a graph being compiled only autocast is left out: its other precisions are set outside.
    """
    require_float64(device)
    if torch.compiler.is_compiling():
        return torch.autocast(device.type, enabled=False)
    return nullcontext() if _is_exact(device) else _exact_float32(device)


def _is_exact(device: torch.device) -> bool:
    """Is nothing switched on? Asked of a CPU alone, where setting all takes longer than a layer."""
    if device.type != "cpu" or not ON_A_CPU or torch.is_autocast_enabled("cpu"):
        return False
    return all(holder.fp32_precision in ("none", "ieee") for holder in ON_A_CPU)


@contextmanager
def _exact_float32(device: torch.device) -> Iterator[None]:
    newer = {holder: holder.fp32_precision for holder in HOLDERS}
    older = [_older_name(read) for read, _ in OLDER]
    try:
        for (_, write), value in zip(OLDER, ("highest", False), strict=True):
            _older_name(write, value)
        for holder in HOLDERS:
            holder.fp32_precision = "ieee"
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for (_, write), value in zip(OLDER, older, strict=True):
            if value is not None:
                _older_name(write, value)
        for holder, precision in newer.items():
            holder.fp32_precision = precision


def _older_name(use: Callable, *value):
    """Read or write a switch by its older name; None where the newer ones say more than it can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return use(*value)
        except RuntimeError:
            if value:
                raise
            return None
