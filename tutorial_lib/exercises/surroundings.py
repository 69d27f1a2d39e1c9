"""A check leaves no trace: random numbers, settings of torch, the printed page stay as they were.

So a notebook gives the same numbers whether or not its exercises were done, and once or ten times.
"""

from __future__ import annotations

import contextlib
import io
import random
import sys
from collections.abc import Iterator

import numpy as np
import torch

KEPT_LINES = 5
KEPT_CHARACTERS = 400


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put back random states, default dtype and device, gradient mode and recursion limit.

    Inside, gradients are recorded, new tensors are float32 on the CPU, whatever the notebook set.
    """
    states = random_states()
    # Of the GPU in use alone: to ask the others would start them.
    cuda_state = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
    dtype, recursion_limit = torch.get_default_dtype(), sys.getrecursionlimit()
    recording = torch.is_grad_enabled()
    try:
        with torch.inference_mode(False), torch.enable_grad(), _on_the_cpu():
            torch.set_default_dtype(torch.float32)
            yield
    finally:
        torch.set_grad_enabled(recording)
        torch.set_default_dtype(dtype)
        sys.setrecursionlimit(recursion_limit)
        set_random_states(states)
        if cuda_state is not None:
            torch.cuda.set_rng_state(cuda_state)


def _on_the_cpu() -> contextlib.AbstractContextManager:
    """New tensors on the CPU; nothing to do, and nothing to pay, where that is so already."""
    if torch.get_default_device().type == "cpu":
        return contextlib.nullcontext()
    return torch.device("cpu")


def random_states() -> tuple:
    """Of Python's, numpy's and torch's generators on the CPU."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def set_random_states(states: tuple) -> None:
    """Draw again what was drawn after `random_states`."""
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def seed_everything(seed: int) -> None:
    """The same random numbers for a function that draws its own."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class Printed(io.TextIOBase):
    """Takes what is printed: the first lines are kept, the rest is counted."""

    def __init__(self):
        self.kept, self.n_lines, self.at_line_start = "", 0, True

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text:
            self.n_lines += text.count("\n") + (not text.endswith("\n")) - (not self.at_line_start)
            self.at_line_start = text.endswith("\n")
            self.kept += text[: max(KEPT_CHARACTERS - len(self.kept), 0)]
        return len(text)

    def capturing(self) -> contextlib.ExitStack:
        """A context in which print, and messages to the error stream, end here."""
        stack = contextlib.ExitStack()
        stack.enter_context(contextlib.redirect_stdout(self))
        stack.enter_context(contextlib.redirect_stderr(self))
        return stack

    def summary(self) -> str:
        """The first lines, and how many there were; empty if nothing was printed."""
        lines = self.kept.splitlines()[:KEPT_LINES]
        shortened = self.n_lines > len(lines) or len(self.kept) >= KEPT_CHARACTERS
        return "\n".join(
            [*lines, f"... (lines printed in all: {self.n_lines:,})"] if shortened else lines
        )
