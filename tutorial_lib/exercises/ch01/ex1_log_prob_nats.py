"""Exercise 1.1: the chain rule, one factor a pixel."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.ch01.tables import entry, given, random_tables
from tutorial_lib.exercises.comparing import agree, number, number_result, numbers
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import enumerate_images
from tutorial_lib.pixels.tabular import log_prob_nats as reference

log_prob_nats = Exercise(
    "1.1",
    "The chain rule",
    goal="Multiply the conditionals of an image into its probability, and return the log.",
    minutes=10,
    reference=reference,
    stub='''\
def log_prob_nats(p_one: list[torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    """log p(pixels) in nats, by the chain rule.

    p_one    a table for each of D pixels: p_one[i][x_0, ..., x_(i-1)] is the probability that
             pixel i is 1, given the pixels before it. p_one[0] is a single number
    pixels   (D,) zeros and ones, torch.long, in the order of the tables
    returns  one number, a tensor of shape (); -inf for an image of probability 0

    By hand: p_one = [0.25, [0.5, 0.125]] and pixels = [0, 1] give
             p = (1 - 0.25) * 0.5 = 0.375, so log p = -0.98
    """
    ____
''',
    hints=(
        """Each pixel contributes one factor: the probability of the value that it has, given the
        values before it. A table holds the probability of a 1. What is the probability of a
        0?""",
        """`p_one[i][tuple(pixels[:i])]` looks up one entry; for i = 0 the tuple is empty, and
        that works too. `torch.where(pixels[i] == 1, p, 1 - p)` chooses between the two
        values, and `torch.log` of a tensor gives -inf at 0.""",
        """If only images full of ones come out right, the zeros are missing. If the result is
        nan where a pixel is certain, you have multiplied 0 by log 0: choose the factor first,
        then take its log.""",
    ),
)


def _ones(p_one, pixels):
    return torch.stack([entry(table, pixels[:i]) for i, table in enumerate(p_one)])


def _factors(p_one, pixels):
    ones = _ones(p_one, pixels)
    return torch.where(pixels == 1, ones, 1 - ones)


@log_prob_nats.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    p_one, pixels = trial.args
    product = " * ".join(number(factor) for factor in _factors(p_one, pixels))
    return (
        f"Pixels {numbers(pixels)}: log({product}) = {number(want)} nats, but your function says "
        f"{number(got)}."
    )


def _not_certain(certain: list[Tensor], x: Tensor, got: Tensor, want: float) -> Failure:
    last = f"p(x_3 = 1{given(x[:3])}) = {number(entry(certain[3], x[:3]))} and x_3 = {x[3]}"
    told = f"Where {last}, log p is {number(want)}, but your function says {number(got)}."
    if got.isnan():
        return Failure(log_prob_nats.misconceptions[-1].says, told)
    return Failure("A certain image has log p = 0, an impossible one -inf.", told)


@log_prob_nats.trials("log p of images of 3, 4 and 6 pixels, in nats", points=2)
def values(rng):
    trials = []
    for n_pixels in (4, 4, 4, 4, 4, 4, 3, 6):
        pixels = torch.randint(2, (n_pixels,), generator=rng)
        pixels[int(torch.randint(n_pixels, (), generator=rng))] = 0  # never all ones
        trials.append(Trial((random_tables(n_pixels, rng), pixels)))
    return trials


@log_prob_nats.judge("the 16 probabilities of 2x2 images sum to 1")
def check_total(candidate, rng: torch.Generator) -> Failure | None:
    p_one = random_tables(4, rng)
    images = enumerate_images(2, 2).flatten(1)
    total = sum(math.exp(number_result(candidate(p_one, pixels))) for pixels in images)
    if abs(total - 1) < 1e-4:
        return None
    return Failure(
        "The probabilities of all sixteen 2x2 images do not sum to 1.",
        f"exp(log p), added up over the images, is {number(total)}.",
    )


@log_prob_nats.judge("images that are certain, and images that are impossible")
def check_certain(candidate, rng: torch.Generator) -> Failure | None:
    for _ in range(4):
        certain = [(table > 0.5).double() for table in random_tables(4, rng)]
        pixels = torch.zeros(4, dtype=torch.long)
        for i, table in enumerate(certain):
            pixels[i] = entry(table, pixels[:i]).long()
        impossible = pixels.clone()
        impossible[3] = 1 - impossible[3]
        for x, want in ((pixels, 0.0), (impossible, -math.inf)):
            got = number_result(candidate(certain, x))
            if not agree(got, torch.tensor(want)):
                return _not_certain(certain, x, got, want)
    return None


@log_prob_nats.mistakes
class Mistakes:
    def every_pixel_is_taken_for_a_1(p_one, pixels):
        """You take the probability of a 1 for every pixel, even for a pixel that is 0: there the
        factor is 1 - p."""
        return _ones(p_one, pixels).log().sum()

    def bits_called_nats(p_one, pixels):
        """These are bits: log2 instead of the natural logarithm."""
        return _factors(p_one, pixels).log2().sum()

    def mean_instead_of_sum(p_one, pixels):
        """This is the mean over the pixels. The chain rule multiplies all factors, so their logs
        are added."""
        return _factors(p_one, pixels).log().mean()

    def log_of_a_sum(p_one, pixels):
        """You add the factors before taking the log. The chain rule multiplies them."""
        return _factors(p_one, pixels).sum().log()

    def a_cost(p_one, pixels):
        """The sign is turned round: this is the cost -log p(x)."""
        return -_factors(p_one, pixels).log().sum()

    def no_log(p_one, pixels):
        """This is p(x) itself; the log is still missing."""
        return _factors(p_one, pixels).prod()

    def context_backwards(p_one, pixels):
        """The pixels before are read backwards: the first axis of a table belongs to the first
        pixel."""
        ones = torch.stack([entry(t, pixels[:i].flip(0)) for i, t in enumerate(p_one)])
        return torch.where(pixels == 1, ones, 1 - ones).log().sum()

    def context_ignored(p_one, pixels):
        """Every table is read as if all pixels before were 0. Look up the values they have."""
        ones = torch.stack([table.flatten()[0] for table in p_one])
        return torch.where(pixels == 1, ones, 1 - ones).log().sum()

    def the_0_log_0(p_one, pixels):
        """A pixel that is certain makes the result nan: 0 times log 0. Choose the factor first,
        then take its log."""
        ones = _ones(p_one, pixels)
        return (pixels * ones.log() + (1 - pixels) * (1 - ones).log()).sum()


@log_prob_nats.right
def product_first(p_one, pixels):
    probability = torch.tensor(1.0, dtype=torch.float64)
    for i, value in enumerate(pixels.tolist()):
        table = p_one[i]
        for before in pixels[:i].tolist():
            table = table[before]
        probability = probability * (table if value else 1 - table)
    return torch.log(probability)


@log_prob_nats.right
def both_values_in_one_table(p_one, pixels):
    total = 0.0
    for i, ones in enumerate(p_one):
        both = torch.stack([1 - ones, ones], dim=-1).log()
        total = total + both[tuple(pixels[: i + 1])]
    return total
