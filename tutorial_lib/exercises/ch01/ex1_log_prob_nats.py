"""Exercise 1.1: the chain rule, one factor a pixel."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.ch01.tables import entry, given, random_tables
from tutorial_lib.exercises.comparing import agree, number, number_result, numbers
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
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
    answer="""\
def log_prob_nats(p_one, pixels):
    log_p = torch.tensor(0.0)
    for i in range(len(pixels)):
        one = p_one[i][tuple(pixels[:i])]  # for i = 0 the tuple is empty
        factor = one if pixels[i] == 1 else 1 - one
        log_p = log_p + torch.log(factor)  # -inf where the factor is 0
    return log_p
""",
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


def _factors(p_one, pixels, ones=None):
    ones = _ones(p_one, pixels) if ones is None else ones
    return torch.where(pixels == 1, ones, 1 - ones)


def _by_context(p_one, pixels, context):
    """log p where the table of pixel i is looked up at context(i)."""
    ones = torch.stack([entry(table, context(i)) for i, table in enumerate(p_one)])
    return _factors(p_one, pixels, ones).log().sum()


@log_prob_nats.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    p_one, pixels = trial.args
    product = " * ".join(number(factor) for factor in _factors(p_one, pixels))
    return (
        f"Pixels {numbers(pixels)}: log({product}) = {number(want)} nats, but your function says "
        f"{number(got)}."
    )


NAN = (
    "A pixel that is certain makes the result nan: 0 times log 0. Choose the factor first, then "
    "take its log."
)
FLOOR = (
    "A small number keeps the log finite (an epsilon, a clamp, or the floor of "
    "`binary_cross_entropy` at -100). An image of probability 0 has log p = -inf."
)


def _not_certain(certain: list[Tensor], x: Tensor, got: Tensor, want: float) -> Failure:
    last = f"p(x_3 = 1{given(x[:3])}) = {number(entry(certain[3], x[:3]))} and x_3 = {x[3]}"
    told = f"Where {last}, log p is {number(want)}, but your function says {number(got)}."
    if got.isnan():
        return Failure(NAN, told)
    if want == -math.inf and got.isfinite():
        return Failure(FLOOR, told)
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
        return _by_context(p_one, pixels, lambda i: pixels[:i].flip(0))

    def context_ignored(p_one, pixels):
        """Every table is read as if all pixels before were 0. Look up the values they have."""
        return _by_context(p_one, pixels, lambda i: torch.zeros_like(pixels[:i]))

    def context_of_ones(p_one, pixels):
        """Every table is read as if all pixels before were 1. Look up the values they have."""
        return _by_context(p_one, pixels, lambda i: torch.ones_like(pixels[:i]))

    def context_includes_the_pixel(p_one, pixels):
        """The values looked up are those of pixels 1 to i. Before pixel i come pixels 0 to i - 1:
        pixels[:i]."""
        return _by_context(p_one, pixels, lambda i: pixels[1 : i + 1])

    def context_from_the_end(p_one, pixels):
        """The values looked up are those of the last i pixels of the image. Before pixel i come the
        first i: pixels[:i]."""
        return _by_context(p_one, pixels, lambda i: pixels[len(pixels) - i :])

    def only_the_pixel_right_before(p_one, pixels):
        """Only the pixel right before is looked up, all earlier ones as if they were 0. A table has
        an axis for each pixel before."""

        def context(i):
            return torch.where(torch.arange(i) == i - 1, pixels[:i], 0)

        return _by_context(p_one, pixels, context)

    def context_averaged(p_one, pixels):
        """The mean of each table is taken, whatever the pixels before it are. Look up the entry of
        the values they have."""
        return _factors(p_one, pixels, torch.stack([t.mean() for t in p_one])).log().sum()

    def zeros_and_ones_exchanged(p_one, pixels):
        """The two values are exchanged: a pixel that is 1 has the factor p, a pixel that is 0 the
        factor 1 - p."""
        return _factors(p_one, 1 - pixels, _ones(p_one, pixels)).log().sum()

    def zeros_left_out(p_one, pixels):
        """Pixels that are 0 contribute nothing here. Each has a factor, too: 1 - p."""
        return (pixels * _ones(p_one, pixels).log()).sum()

    def every_pixel_is_taken_for_a_0(p_one, pixels):
        """You take 1 - p for every pixel, even for a pixel that is 1: there the factor is p."""
        return (1 - _ones(p_one, pixels)).log().sum()

    def one_minus_the_log(p_one, pixels):
        """For a pixel that is 0 you take 1 - log p. The factor is 1 - p, and its log log(1 - p)."""
        logs = _ones(p_one, pixels).log()
        return torch.where(pixels == 1, logs, 1 - logs).sum()

    def minus_the_log(p_one, pixels):
        """For a pixel that is 0 you take -log p. The factor is 1 - p, and its log log(1 - p)."""
        logs = _ones(p_one, pixels).log()
        return torch.where(pixels == 1, logs, -logs).sum()

    def first_factor_missing(p_one, pixels):
        """The factor of the first pixel is missing. Its table is a single number, and it counts."""
        return _factors(p_one, pixels)[1:].log().sum()

    def last_factor_missing(p_one, pixels):
        """The factor of the last pixel is missing."""
        return _factors(p_one, pixels)[:-1].log().sum()

    def last_factor_only(p_one, pixels):
        """This is the log of the last factor alone: add the logs of all factors."""
        return _factors(p_one, pixels)[-1].log()

    def product_of_logs(p_one, pixels):
        """The logs are multiplied. The log of a product is the sum of the logs."""
        return _factors(p_one, pixels).log().prod()

    def log_odds(p_one, pixels):
        """These are log odds, log p - log(1 - p). The factor of a pixel is p or 1 - p alone."""
        return torch.logit(_factors(p_one, pixels)).sum()

    def cost_in_bits(p_one, pixels):
        """The sign is turned round and the unit is bits: this is -log2 p(x), asked is log p(x)."""
        return -_factors(p_one, pixels).log2().sum()

    def mean_cost(p_one, pixels):
        """This is a mean of costs over the pixels (`binary_cross_entropy` gives it): log p is the
        sum, with the other sign."""
        return -_factors(p_one, pixels).log().mean()

    def not_summed(p_one, pixels):
        """Here is one log for each pixel: the log of a product is their sum."""
        return _factors(p_one, pixels).log()

    def running_sums(p_one, pixels):
        """Here are the running sums of the logs; asked is the last of them, the sum over all."""
        return _factors(p_one, pixels).log().cumsum(0)

    def log1p_of_the_factor(p_one, pixels):
        """You take log(1 + factor), as `log1p` does. The log of the factor itself is wanted."""
        return _factors(p_one, pixels).log1p().sum()

    def log_of_the_mean_factor(p_one, pixels):
        """You average the factors before taking the log. The chain rule multiplies them."""
        return _factors(p_one, pixels).mean().log()

    @says(FLOOR)
    def epsilon_in_the_log(p_one, pixels):
        return (_factors(p_one, pixels) + 1e-8).log().sum()

    @says(NAN)
    def the_0_log_0(p_one, pixels):
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
