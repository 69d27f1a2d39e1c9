"""How much work a notebook does: smoke for tests, laptop for two cores, gpu where there is CUDA.

The environment variable TUTORIAL_PROFILE decides; without it, `gpu` with CUDA, else `laptop`.
"""

from __future__ import annotations

import os
from typing import TypeVar

import torch

PROFILES = ("smoke", "laptop", "gpu")
T = TypeVar("T")


def current() -> str:
    """The profile in force: "smoke", "laptop" or "gpu". ValueError for any other name."""
    named = os.environ.get("TUTORIAL_PROFILE")
    if named is None:
        return "gpu" if torch.cuda.is_available() else "laptop"
    if named not in PROFILES:
        raise ValueError(f"TUTORIAL_PROFILE must be one of {', '.join(PROFILES)}, got {named!r}")
    return named


def choose(*, smoke: T, laptop: T, gpu: T) -> T:
    """The preset of the profile in force."""
    return {"smoke": smoke, "laptop": laptop, "gpu": gpu}[current()]


def device() -> torch.device:
    """Where models run: CUDA if it is there, else the CPU.

    Apple's GPU is left out on purpose: it has no float64, which exact sampling needs.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_precision() -> str:
    """ "bf16" where the device computes in bfloat16 at full speed, else "no", which is float32.

    On a processor that has it, training was measured to be about 1.4 times as fast; one that has
    not would imitate it, slowly.
    """
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    has_it = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    return "bf16" if has_it else "no"
