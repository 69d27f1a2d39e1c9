"""Exercise 1.4: from nats per image to bits per dimension."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number, number_result, tensor_result
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import bits_per_dim as reference

bits_per_dim = Exercise(
    "1.4",
    "Bits per dimension",
    goal="Bring costs of images of any size into one unit that can be compared.",
    minutes=5,
    reference=reference,
    stub='''\
def bits_per_dim(nll_nats: torch.Tensor | float, n_dims: int) -> torch.Tensor | float:
    """Nats per image to bits per dimension.

    nll_nats  (B,) costs of images in nats, or a single number
    n_dims    how many sub-pixels an image has
    returns   the same shape as nll_nats

    By hand: 784 binary pixels under a uniform model cost 784 * log 2 = 543.4 nats, and 1 bit/dim
    """
    ____
''',
    hints=(
        """Two changes of unit: from an image to a dimension, and from nats to bits. A nat is the
        larger unit, about 1.44 bits.""",
        """`math.log(2)` is the number of nats in a bit; it works for tensors and for plain
        numbers.""",
        """Test yourself on the uniform model: with 256 levels it costs log 256 nats a pixel, and
        the answer must be 8. If you get 5.5, the nats are still there; if 3.8, you multiplied
        by log 2.""",
    ),
)

ONE_EACH = "The mean over the batch was taken: one number is wanted for each image."


@bits_per_dim.reads
def read(value: object, trial: Trial) -> Tensor:
    cost = trial.args[0]
    if isinstance(cost, Tensor):
        return tensor_result(value, tuple(cost.shape), advice=ONE_EACH)
    return number_result(value)


@bits_per_dim.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    cost, n_dims = trial.args
    first = torch.as_tensor(cost).flatten()[0]
    return (
        f"{number(first)} nats over {n_dims} dimensions are {number(want.flatten()[0])} bits/dim, "
        f"but your function says {number(got.flatten()[0])}."
    )


@bits_per_dim.trials("a cost for each image of a batch")
def batches(rng):
    sizes = [(3, 784), (5, 3072), (2, 7)]
    return [
        Trial((n_dims * (0.1 + 5 * torch.rand(b, generator=rng)), n_dims)) for b, n_dims in sizes
    ]


@bits_per_dim.trials("a single number")
def numbers(rng):
    costs = (100 + 1000 * torch.rand(3, generator=rng)).tolist()
    return [Trial((cost, 49 * (i + 1))) for i, cost in enumerate(costs)]


@bits_per_dim.mistakes
class Mistakes:
    def times_log_2(nll_nats, n_dims):
        """You multiply by log 2. A nat is more than a bit, so the number has to grow: divide."""
        return nll_nats / n_dims * math.log(2)

    def still_in_nats(nll_nats, n_dims):
        """These are nats per dimension: the step from nats to bits is missing."""
        return nll_nats / n_dims

    def log_10(nll_nats, n_dims):
        """You divide by log 10, which gives decimal digits, not bits."""
        return nll_nats / (n_dims * math.log(10))

    def per_image(nll_nats, n_dims):
        """These are bits per image: the number of dimensions is not used."""
        return nll_nats / math.log(2)

    def log2_of_the_cost(nll_nats, n_dims):
        """You take log2 of the cost. The cost is a logarithm already, only its unit changes."""
        return torch.log2(torch.as_tensor(nll_nats)) / n_dims

    @says(ONE_EACH)
    def batch_averaged(nll_nats, n_dims):
        return torch.as_tensor(nll_nats).mean() / (n_dims * math.log(2))


@bits_per_dim.right
def log2_of_e(nll_nats, n_dims):
    return nll_nats * math.log2(math.e) / n_dims


@bits_per_dim.right
def through_tensors(nll_nats, n_dims):
    return torch.as_tensor(nll_nats, dtype=torch.float64) / torch.log(torch.tensor(2.0)) / n_dims
