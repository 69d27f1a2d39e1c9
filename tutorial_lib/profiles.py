"""How much work a notebook does: smoke for tests, laptop for two cores, gpu where there is CUDA.

The environment variable TUTORIAL_PROFILE decides; without it, `gpu` with CUDA, else `laptop`.
"""

import os
from typing import TypeVar

import torch

PROFILES = ("smoke", "laptop", "gpu")
T = TypeVar("T")


def current() -> str:
    """The profile in force: "smoke", "laptop" or "gpu". ValueError for any other name."""
    named = os.environ.get("TUTORIAL_PROFILE", "").strip()
    if not named:
        return "gpu" if torch.cuda.is_available() else "laptop"
    if named not in PROFILES:
        raise ValueError(f"TUTORIAL_PROFILE must be one of {', '.join(PROFILES)}, got {named!r}")
    return named


def choose(*, smoke: T, laptop: T, gpu: T) -> T:
    """The preset of the profile in force."""
    return {"smoke": smoke, "laptop": laptop, "gpu": gpu}[current()]


def device() -> torch.device:
    """Where models run: CUDA if it is there, else the CPU.

    One of several processes that torchrun started takes the GPU of its number, LOCAL_RANK.
    Apple's GPU is left out on purpose: it has no float64, which exact sampling needs.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local = os.environ.get("LOCAL_RANK")
    if local is None:
        return torch.device("cuda")
    if int(local) >= torch.cuda.device_count():
        raise ValueError(
            f"process {local} has no GPU of its own: this machine has {torch.cuda.device_count()}, "
            f"so start at most as many processes here (torchrun --nproc-per-node)"
        )
    return torch.device("cuda", int(local))


def fast_precision() -> str:
    """The precision in which this device trains at full speed: "bf16", "fp16" or "no" (float32).

    A GPU computes in bfloat16 from compute capability 8.0 on (A100); older ones imitate it, slowly,
    but have tensor cores for float16 from 7.0 on (V100, T4). On a processor that has bfloat16,
    training was measured to be about 1.4 times as fast; one that has not would imitate it.
    """
    if torch.cuda.is_available():
        capability = torch.cuda.get_device_capability(device())
        return "bf16" if capability >= (8, 0) else "fp16" if capability >= (7, 0) else "no"
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    has_it = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    return "bf16" if has_it else "no"
