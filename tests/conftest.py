"""What every test gets: the same random numbers, one thread, and models that are quick to make."""

from __future__ import annotations

import random
import signal
import time

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import settings

from tutorial_lib.pixels.gated import GatedPixelCNN

# A shell that starts a command in the background has it ignore Ctrl-C, and so would every kernel
# and training started here: the tests of interruptions need it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Several workers share the cores of a laptop: with one thread each, none waits for another.
torch.set_num_threads(1)

BEGAN = time.monotonic()


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, help="skip what has not begun by then")


def pytest_runtest_setup(item):
    seconds = item.config.getoption("seconds")
    if seconds is not None and time.monotonic() > BEGAN + seconds:
        pytest.skip(f"after {seconds:.0f} seconds: `make test` runs it")


settings.register_profile("tutorial", derandomize=True, deadline=None, database=None)
settings.load_profile("tutorial")


@pytest.fixture(autouse=True)
def same_random_numbers():
    """Every test starts from the same seeds, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def own_messages():
    """Let the library's own complaints through.

    The test run checks shapes and types at every call and would answer a wrong argument first; a
    learner has no such checks and reads the message of the library.
    """
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def randomized():
    """A function that gives a model far larger random weights than an untrained one has."""

    def randomize(model, seed=0, scale=0.5):
        noise = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(scale * torch.randn(parameter.shape, generator=noise))
        return model

    return randomize


@pytest.fixture
def tiny_gated(randomized):
    """A function that makes a small gated PixelCNN in float64 with large random weights."""

    def make(seed=0, scale=0.5, **changes):
        arguments = {"n_channels": 6, "n_layers": 2, "kernel_size": 3, **changes}
        return randomized(GatedPixelCNN(**arguments), seed, scale).double()

    return make
