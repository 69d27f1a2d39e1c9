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
    answer="""\
def bits_per_dim(nll_nats, n_dims):
    nats_per_dim = nll_nats / n_dims
    nats_in_a_bit = math.log(2)
    return nats_per_dim / nats_in_a_bit
""",
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

    def sign(nll_nats, n_dims):
        """The sign is turned round: nll_nats is a cost already, and stays positive."""
        return -nll_nats / (n_dims * math.log(2))

    def numerator_and_denominator(nll_nats, n_dims):
        """The quotient is upside down: the cost is divided by the dimensions and log 2, not they by
        it."""
        return n_dims * math.log(2) / nll_nats

    def dimensions_over_cost(nll_nats, n_dims):
        """The quotient is upside down: the cost is divided by the dimensions, not they by it."""
        return n_dims / (nll_nats * math.log(2))

    def dimensions_over_cost_in_nats(nll_nats, n_dims):
        """The quotient is upside down, and the step from nats to bits is missing."""
        return n_dims / nll_nats

    def times_the_dimensions(nll_nats, n_dims):
        """The cost is multiplied by the number of dimensions. A dimension's share is wanted:
        divide."""
        return nll_nats * n_dims / math.log(2)

    def per_image_times_log_2(nll_nats, n_dims):
        """The cost is multiplied by log 2, and the number of dimensions is not used: divide by
        both."""
        return nll_nats * math.log(2)

    def nothing_done(nll_nats, n_dims):
        """The cost comes back as it was: two changes of unit are missing."""
        return nll_nats

    def log_2_subtracted(nll_nats, n_dims):
        """log 2 is subtracted. A change of unit is a division."""
        return nll_nats / n_dims - math.log(2)

    def divided_by_2(nll_nats, n_dims):
        """You divide by 2. A bit is log 2 = 0.693 nats: divide by log 2."""
        return nll_nats / n_dims / 2

    def divided_by_log_2_twice(nll_nats, n_dims):
        """The cost is divided by log 2 twice. Once makes bits of nats."""
        return nll_nats / (n_dims * math.log(2) ** 2)

    def log_256(nll_nats, n_dims):
        """The result is 8 times too small: there is a log 256, or a division by 8 (bytes). A bit
        is log 2 nats."""
        return nll_nats / (n_dims * math.log(256))

    def log2_of_the_dimensions(nll_nats, n_dims):
        """You divide by the log of the number of dimensions. Divide by the number itself, and by
        log 2."""
        return nll_nats / math.log2(n_dims)

    def log_of_the_dimensions(nll_nats, n_dims):
        """You divide by n_dims and by log(n_dims). The number of nats in a bit is log 2, whatever
        the image."""
        return nll_nats / (n_dims * math.log(n_dims))

    def log2_of_the_quotient(nll_nats, n_dims):
        """You take log2 of the nats per dimension. The cost is a logarithm already, only its unit
        changes."""
        return torch.log2(torch.as_tensor(nll_nats / n_dims))

    def exp_of_the_quotient(nll_nats, n_dims):
        """You take exp of the nats per dimension: that is a perplexity. Only the unit changes
        here."""
        return torch.exp(torch.as_tensor(nll_nats / n_dims))

    def power_of_2(nll_nats, n_dims):
        """You raise 2 to a power. The cost is a logarithm already, only its unit changes."""
        return 2.0 ** torch.as_tensor(nll_nats / n_dims)

    def root_of_the_dimensions(nll_nats, n_dims):
        """You divide by the square root of the number of dimensions. Costs add up over dimensions:
        divide by the number itself."""
        return nll_nats / (n_dims**0.5 * math.log(2))

    def one_dimension_less(nll_nats, n_dims):
        """You divide by n_dims - 1. It is a plain mean: divide by n_dims."""
        return nll_nats / ((n_dims - 1) * math.log(2))

    def always_784(nll_nats, n_dims):
        """The number of dimensions is written out as 784: it has to be n_dims."""
        return nll_nats / (784 * math.log(2))

    def divided_by_the_batch(nll_nats, n_dims):
        """You divide by the number of images, not by the number of dimensions."""
        return nll_nats / (torch.as_tensor(nll_nats).numel() * math.log(2))

    def divided_by_the_batch_too(nll_nats, n_dims):
        """You divide by the number of images as well. nll_nats has a cost for each of them
        already."""
        return nll_nats / (n_dims * torch.as_tensor(nll_nats).numel() * math.log(2))

    def rounded_down(nll_nats, n_dims):
        """The result is cut to a whole number: `//` divides without rest. Use `/`."""
        return nll_nats // (n_dims * math.log(2))

    def rounded(nll_nats, n_dims):
        """The result is rounded. Keep all digits."""
        return torch.as_tensor(nll_nats / (n_dims * math.log(2))).round()

    def times_both(nll_nats, n_dims):
        """The cost is multiplied by the dimensions and by log 2. Divide by both: cost / (n_dims *
        log 2)."""
        return nll_nats * n_dims * math.log(2)

    def batch_summed(nll_nats, n_dims):
        """The costs of the batch were added: one number is wanted for each image."""
        return torch.as_tensor(nll_nats).sum() / (n_dims * math.log(2))

    def first_image_only(nll_nats, n_dims):
        """Only the first image is scored: one number is wanted for each image."""
        return torch.as_tensor(nll_nats).flatten()[0] / (n_dims * math.log(2))

    @says(ONE_EACH)
    def batch_averaged(nll_nats, n_dims):
        return torch.as_tensor(nll_nats).mean() / (n_dims * math.log(2))


@bits_per_dim.right
def log2_of_e(nll_nats, n_dims):
    return nll_nats * math.log2(math.e) / n_dims


@bits_per_dim.right
def through_tensors(nll_nats, n_dims):
    return torch.as_tensor(nll_nats, dtype=torch.float64) / torch.log(torch.tensor(2.0)) / n_dims
