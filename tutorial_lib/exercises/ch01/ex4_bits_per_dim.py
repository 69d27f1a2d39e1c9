"""Exercise 1.4: from nats per image to bits per dimension."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number, number_result, tensor_result
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.likelihood import bits_per_dim as reference

STUB = '''\
def bits_per_dim(nll_nats: torch.Tensor | float, n_dims: int) -> torch.Tensor | float:
    """Nats per image to bits per dimension.

    nll_nats  (B,) costs of images in nats, or a single number
    n_dims    how many sub-pixels an image has
    returns   the same shape as nll_nats

    By hand: 784 binary pixels under a uniform model cost 784 * log 2 = 543.4 nats, and 1 bit/dim
    """
    ____
'''

HINTS = (
    """Two changes of unit: from an image to a dimension, and from nats to bits. A nat is the larger
    unit, about 1.44 bits.""",
    """`math.log(2)` is the number of nats in a bit; it works for tensors and for plain numbers.""",
    """Test yourself on the uniform model: with 256 levels it costs log 256 nats a pixel, and the
    answer must be 8. If you get 5.5, the nats are still there; if 3.8, you multiplied by log 2.""",
)


def _times_log_2(nll_nats, n_dims):
    return nll_nats / n_dims * math.log(2)


def _still_nats(nll_nats, n_dims):
    return nll_nats / n_dims


def _log_10(nll_nats, n_dims):
    return nll_nats / (n_dims * math.log(10))


def _per_image(nll_nats, n_dims):
    return nll_nats / math.log(2)


def _log_of_the_cost(nll_nats, n_dims):
    return torch.log2(torch.as_tensor(nll_nats)) / n_dims


def _batch_averaged(nll_nats, n_dims):
    return torch.as_tensor(nll_nats).mean() / (n_dims * math.log(2))


ONE_EACH = "The mean over the batch was taken: one number is wanted for each image."
MISCONCEPTIONS = (
    Misconception(
        "times log 2",
        _times_log_2,
        "You multiply by log 2. A nat is more than a bit, so the number has to grow: divide.",
    ),
    Misconception(
        "still in nats",
        _still_nats,
        "These are nats per dimension: the step from nats to bits is missing.",
    ),
    Misconception("log 10", _log_10, "You divide by log 10, which gives decimal digits, not bits."),
    Misconception(
        "per image", _per_image, "These are bits per image: the number of dimensions is not used."
    ),
    Misconception(
        "log2 of the cost",
        _log_of_the_cost,
        "You take log2 of the cost. The cost is a logarithm already, only its unit changes.",
    ),
    Misconception("batch averaged", _batch_averaged, ONE_EACH),
)


def _read(value: object, trial: Trial) -> Tensor:
    cost = trial.args[0]
    if isinstance(cost, Tensor):
        return tensor_result(value, tuple(cost.shape), advice=ONE_EACH)
    return number_result(value)


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    cost, n_dims = trial.args
    first = torch.as_tensor(cost).flatten()[0]
    return (
        f"{number(first)} nats over {n_dims} dimensions are {number(want.flatten()[0])} bits/dim, "
        f"but your function says {number(got.flatten()[0])}."
    )


def _check(candidate, trials: list[Trial]) -> Failure | None:
    return compare(
        candidate, reference, trials, read=_read, evidence=_evidence, misconceptions=MISCONCEPTIONS
    )


def _check_batches(candidate, rng: torch.Generator) -> Failure | None:
    sizes = [(3, 784), (5, 3072), (2, 7)]
    return _check(
        candidate,
        [Trial((n_dims * (0.1 + 5 * torch.rand(b, generator=rng)), n_dims)) for b, n_dims in sizes],
    )


def _check_numbers(candidate, rng: torch.Generator) -> Failure | None:
    costs = (100 + 1000 * torch.rand(3, generator=rng)).tolist()
    return _check(candidate, [Trial((cost, 49 * (i + 1))) for i, cost in enumerate(costs)])


def _log2_of_e(nll_nats, n_dims):
    return nll_nats * math.log2(math.e) / n_dims


def _through_tensors(nll_nats, n_dims):
    return torch.as_tensor(nll_nats, dtype=torch.float64) / torch.log(torch.tensor(2.0)) / n_dims


bits_per_dim = Exercise(
    number="1.4",
    name="bits_per_dim",
    title="Bits per dimension",
    goal="Bring costs of images of any size into one unit that can be compared.",
    minutes=5,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("a cost for each image of a batch", 1, _check_batches),
        Check("a single number", 1, _check_numbers),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_log2_of_e, _through_tensors),
)
