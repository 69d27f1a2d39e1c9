"""Exercise 1.3: the cost of images under logits, in nats."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import nll_nats as reference

nll_nats = Exercise(
    "1.3",
    "The cost of an image",
    goal="Turn logits and the levels of images into -log p(x), in nats per image.",
    minutes=10,
    reference=reference,
    stub='''\
def nll_nats(logits: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """-log p(x) of each image, in nats: the sum over all of its pixels.

    logits   (B, L, C, H, W) unnormalised log-probabilities of the L levels
    levels   (B, C, H, W) torch.long, 0 .. L-1
    returns  (B,)

    By hand: one image of two pixels, two levels, all logits 0. Each level has probability 1/2,
             so the cost is log 2 + log 2 = 1.386
    """
    ____
''',
    answer="""\
def nll_nats(logits, levels):
    log_p = torch.log_softmax(logits, dim=1)  # (B, L, C, H, W): axis 1 holds the levels
    chosen = log_p.gather(1, levels.unsqueeze(1))  # of the level that each pixel has
    return -chosen.flatten(1).sum(dim=1)
""",
    hints=(
        """A softmax over the levels turns logits into probabilities. Look up the probability of
        the level that the pixel has, take -log, and add over the pixels of each image.""",
        """`torch.log_softmax(logits, dim=1)` does the first two steps without rounding to 0;
        `.gather(1, levels.unsqueeze(1))` looks up; `.flatten(1).sum(dim=1)` adds over
        everything but the batch. `torch.nn.functional.cross_entropy(..., reduction="none")`
        does most of it.""",
        """A single number for a whole batch comes from the default of `cross_entropy`, a mean. A
        result that is inf where logits are large comes from `log(softmax(...))` in two steps.""",
    ),
)

ONE_A_BATCH = "The batch was reduced as well: one number is wanted for each image."
ONE_A_PIXEL = "Here is a number for each pixel: add them up over each image."
ROUNDING = (
    "The cost of a very unlikely level is lost: softmax rounds its probability to 0 before the "
    "log. Use log_softmax."
)


def _random_images(shape: tuple[int, ...], rng: torch.Generator, scale: float = 2.0) -> Trial:
    batch, n_levels, *dims = shape
    logits = scale * torch.randn(shape, generator=rng)
    return Trial((logits, torch.randint(n_levels, (batch, *dims), generator=rng)))


@nll_nats.advises
def advice(shape, trial):
    return ONE_A_PIXEL if len(shape) > 1 else ONE_A_BATCH


@nll_nats.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (b,) = first_difference(got, want)
    batch, n_levels, *dims = trial.args[0].shape
    told = f"Image {b} of {batch}, {'x'.join(map(str, dims))} pixels with {n_levels} levels"
    return f"{told}: {number(want[b])} nats, but your function says {number(got[b])}."


@nll_nats.trials("random logits: batch, colours, height and width all different", points=2)
def random(rng):
    shapes = [(3, 4, 1, 2, 5), (2, 5, 3, 2, 6), (1, 3, 1, 4, 2)]
    return [_random_images(shape, rng) for shape in shapes]


@nll_nats.judge("a uniform model costs log L a pixel")
def uniform(candidate, rng: torch.Generator) -> Failure | None:
    n_levels, width = (int(torch.randint(2, 9, (), generator=rng)) for _ in range(2))
    trial = _random_images((2, n_levels, 1, 3, width), rng, scale=0.0)
    want = 3 * width * math.log(n_levels)
    got = nll_nats.read(candidate(*trial.args), trial)
    if torch.allclose(got, torch.full_like(got, want), rtol=1e-4):
        return None
    return Failure(
        "A uniform model must cost log L nats a pixel, L being the number of levels.",
        f"{3 * width} pixels of {n_levels} levels: {number(want)} nats, got {number(got[0])}.",
    )


@nll_nats.judge("levels that are all but impossible")
def unlikely(candidate, rng: torch.Generator) -> Failure | None:
    trial = _random_images((2, 3, 1, 2, 2), rng, scale=0.0)
    logits, levels = trial.args
    logits.scatter_(1, levels.unsqueeze(1), -400.0)
    both = candidate(*trial.args), trial.call(reference)
    got, want = (nll_nats.read(values, trial) for values in both)
    if first_difference(got, want) is None:
        return None
    return Failure(ROUNDING, evidence(trial, got, want))


def _costs(logits, levels):
    return F.cross_entropy(logits, levels, reduction="none")


def _at_level(values, levels):
    return values.gather(1, levels.unsqueeze(1)).flatten(1)


@nll_nats.mistakes
class Mistakes:
    def mean_over_pixels(logits, levels):
        """This is the mean over the pixels, nats per dimension. The cost of an image is the sum."""
        return _costs(logits, levels).flatten(1).mean(dim=1)

    @says(ONE_A_BATCH)
    def batch_reduced(logits, levels):
        return F.cross_entropy(logits, levels)

    @says(ONE_A_PIXEL)
    def not_summed(logits, levels):
        return _costs(logits, levels)

    def bits_called_nats(logits, levels):
        """These are bits: the sum was divided by log 2, or taken as log2."""
        return _costs(logits, levels).flatten(1).sum(dim=1) / math.log(2)

    def log_likelihood(logits, levels):
        """The sign is turned round: this is log p(x), and a cost is -log p(x)."""
        return -_costs(logits, levels).flatten(1).sum(dim=1)

    def softmax_over_the_width(logits, levels):
        """The softmax runs over the width: the levels are axis 1 of the logits."""
        return -_at_level(torch.log_softmax(logits, dim=-1), levels).sum(dim=1)

    def softmax_over_the_height(logits, levels):
        """The softmax runs over the height: the levels are axis 1 of the logits."""
        return -_at_level(torch.log_softmax(logits, dim=3), levels).sum(dim=1)

    def softmax_over_the_colours(logits, levels):
        """The softmax runs over the colours: the levels are axis 1 of the logits."""
        return -_at_level(torch.log_softmax(logits, dim=2), levels).sum(dim=1)

    def softmax_over_the_batch(logits, levels):
        """The softmax runs over the images of the batch: the levels are axis 1 of the logits."""
        return -_at_level(torch.log_softmax(logits, dim=0), levels).sum(dim=1)

    def softmax_over_everything(logits, levels):
        """One softmax runs over all logits of an image. Each pixel has its own, over its levels:
        axis 1."""
        log_p = logits.flatten(1).log_softmax(dim=1).view_as(logits)
        return -_at_level(log_p, levels).sum(dim=1)

    def softmax_twice(logits, levels):
        """The softmax is taken twice: `cross_entropy` and `log_softmax` want logits, not
        probabilities."""
        return _costs(logits.softmax(dim=1), levels).flatten(1).sum(dim=1)

    def sigmoid(logits, levels):
        """A sigmoid is taken of each logit by itself. The probabilities of the L levels sum to 1: a
        softmax over axis 1."""
        return -_at_level(F.logsigmoid(logits), levels).sum(dim=1)

    def no_exp(logits, levels):
        """The logits are divided by their sum, without exp: that is no softmax, and the log of what
        is negative is nan."""
        return -_at_level((logits / logits.sum(dim=1, keepdim=True)).log(), levels).sum(dim=1)

    def no_log(logits, levels):
        """These are sums of probabilities, with a minus: the log is missing."""
        return -_at_level(torch.softmax(logits, dim=1), levels).sum(dim=1)

    def no_log_no_sign(logits, levels):
        """These are sums of probabilities: -log of each is wanted, before the sum."""
        return _at_level(torch.softmax(logits, dim=1), levels).sum(dim=1)

    def the_probability(logits, levels):
        """This is the probability of the image, a product: the cost is its -log."""
        return _at_level(torch.softmax(logits, dim=1), levels).prod(dim=1)

    def log_of_a_sum(logits, levels):
        """The probabilities of the pixels are added and the log is taken then. Take the log of
        each, then add."""
        return -_at_level(torch.softmax(logits, dim=1), levels).sum(dim=1).log()

    def log_of_a_mean(logits, levels):
        """The probabilities of the pixels are averaged and the log is taken then. Take the log of
        each, then add."""
        return -_at_level(torch.softmax(logits, dim=1), levels).mean(dim=1).log()

    def the_whole_batch_for_each_image(logits, levels):
        """Every image gets the cost of the whole batch: sum over the pixels of one image alone."""
        return _costs(logits, levels).sum().expand(len(logits))

    def mean_over_the_batch(logits, levels):
        """Every image gets the mean cost of the batch: sum over the pixels of one image alone."""
        return _costs(logits, levels).sum().expand(len(logits)) / len(logits)

    def mean_of_all_pixels(logits, levels):
        """Every image gets the mean over all pixels of the batch, the default of `cross_entropy`.
        Use reduction="none" and sum over each image."""
        return F.cross_entropy(logits, levels).expand(len(logits))

    def bits_per_dimension(logits, levels):
        """These are bits per dimension: a mean over the pixels, and divided by log 2. The cost of
        an image is the sum, in nats."""
        return _costs(logits, levels).flatten(1).mean(dim=1) / math.log(2)

    def mean_over_the_pixels_of_a_colour(logits, levels):
        """Within each colour, this is a mean over height and width. The cost of an image is the sum
        over all its pixels."""
        return _costs(logits, levels).mean(dim=(2, 3)).sum(dim=1)

    def mean_over_the_colours(logits, levels):
        """The colours are averaged: their costs add up like those of the pixels."""
        return _costs(logits, levels).mean(dim=1).flatten(1).sum(dim=1)

    def first_colour_only(logits, levels):
        """Only the first colour is counted: add over axis 1 of the costs, the colours, as well."""
        return _costs(logits, levels)[:, 0].flatten(1).sum(dim=1)

    def colours_not_summed(logits, levels):
        """Here is a number for each colour of each image: add over the colours, too."""
        return _costs(logits, levels).sum(dim=(2, 3))

    def axes_mixed_up(logits, levels):
        """The logits are reshaped to rows of L as they lie in memory. A row then holds neighbouring
        pixels, not the levels of one: move axis 1 to the end first."""
        rows = logits.reshape(-1, logits.shape[1])
        return _costs(rows, levels.flatten()).view(len(logits), -1).sum(dim=1)

    def pixels_in_another_order(logits, levels):
        """The levels are moved last in the logits, but the pixels of logits and levels are in
        different orders: logits.movedim(1, -1) fits levels as they are."""
        rows = logits.permute(0, 2, 3, 4, 1).reshape(-1, logits.shape[1])
        other = levels.permute(0, 2, 3, 1).flatten()
        return _costs(rows, other).view(len(logits), -1).sum(dim=1)

    def all_levels(logits, levels):
        """The costs of all L levels are added. An image costs what its own levels cost."""
        return -torch.log_softmax(logits, dim=1).flatten(1).sum(dim=1)

    def the_entropy(logits, levels):
        """This is the entropy of the model's distributions, which does not look at the image."""
        return torch.special.entr(torch.softmax(logits, dim=1)).flatten(1).sum(dim=1)

    def the_least_likely_level(logits, levels):
        """You score the least likely level of each pixel, not the level that the pixel has."""
        return -torch.log_softmax(logits, dim=1).amin(dim=1).flatten(1).sum(dim=1)

    def level_0(logits, levels):
        """You score level 0 of each pixel, not the level that the pixel has."""
        return _costs(logits, torch.zeros_like(levels)).flatten(1).sum(dim=1)

    def the_next_level(logits, levels):
        """You score the level above the one that the pixel has: levels count from 0."""
        return _costs(logits, (levels + 1) % logits.shape[1]).flatten(1).sum(dim=1)

    def the_level_before(logits, levels):
        """You score the level below the one that the pixel has: levels count from 0."""
        return -_at_level(logits.log_softmax(dim=1).roll(1, dims=1), levels).sum(dim=1)

    def indexed_without_gather(logits, levels):
        """`log_p[:, levels]` combines every image and pixel with the levels of every other.
        `gather(1, ...)` looks up one level at each pixel."""
        return -logits.log_softmax(dim=1)[:, levels].flatten(1).sum(dim=1)

    def the_first_image(logits, levels):
        """Every image gets the cost of the first one."""
        return _costs(logits, levels).flatten(1).sum(dim=1)[:1].expand(len(logits))

    def the_level_before_or_0(logits, levels):
        """You score the level below the one that the pixel has: levels count from 0, so nothing is
        to be subtracted."""
        return _costs(logits, (levels - 1).clamp(min=0)).flatten(1).sum(dim=1)

    def log_normaliser_without_log(logits, levels):
        """The sum of exp(logits) lacks its log: the cost is log(sum of exp) minus the logit."""
        normaliser = logits.exp().sum(dim=1).flatten(1)
        return (normaliser - _at_level(logits, levels)).sum(dim=1)

    def logit_added(logits, levels):
        """The logit of the level is added to the log of the normaliser. -log p is the normaliser
        minus the logit."""
        return (logits.logsumexp(dim=1).flatten(1) + _at_level(logits, levels)).sum(dim=1)

    @says(ROUNDING)
    def product_then_log(logits, levels):
        return -_at_level(torch.softmax(logits, dim=1), levels).prod(dim=1).log()

    def levels_counted(logits, levels):
        """You count pixels where the likeliest level is not the right one. The cost is -log of the
        probability."""
        return (logits.argmax(dim=1) != levels).flatten(1).sum(dim=1).double()

    def not_normalised(logits, levels):
        """These are the sums of the logits: neither softmax nor minus."""
        return _at_level(logits, levels).sum(dim=1)

    def no_softmax(logits, levels):
        """The logits are used as if they were log-probabilities: the softmax over the levels is
        missing."""
        return -_at_level(logits, levels).sum(dim=1)

    def the_likeliest_level(logits, levels):
        """You score the likeliest level of each pixel, not the level that the pixel has."""
        return -torch.log_softmax(logits, dim=1).amax(dim=1).flatten(1).sum(dim=1)

    @says(ROUNDING)
    def softmax_then_log(logits, levels):
        return -_at_level(torch.softmax(logits, dim=1), levels).log().sum(dim=1)


@nll_nats.right
def log_sum_exp(logits, levels):
    chosen = logits.gather(1, levels[:, None]).squeeze(1)
    return (logits.logsumexp(dim=1) - chosen).sum(dim=(1, 2, 3))


@nll_nats.right
def one_hot(logits, levels):
    chosen = F.one_hot(levels, logits.shape[1]).movedim(-1, 1)
    return -(torch.log_softmax(logits, dim=1) * chosen).flatten(1).sum(dim=1)
