"""Exercise 14.1: a logistic density, cut into shares for the levels."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def log_share(lower: Tensor, upper: Tensor) -> Tensor:
    """log(σ(upper) - σ(lower)), also where both are near 1."""
    return F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(lower - upper))


def _ends(levels, centres, log_widths, n_levels):
    """Both ends of each level's interval, in widths from the centre."""
    half = 1 / (n_levels - 1)
    value = levels.to(centres.dtype) * 2 * half - 1
    narrow = torch.exp(-log_widths)
    return (value - half - centres) * narrow, (value + half - centres) * narrow


def _nats(lower, upper, levels, n_levels):
    """The cost of the share between two ends; the outer ends of both outer levels are open."""
    share = torch.where(levels == 0, F.logsigmoid(upper), log_share(lower, upper))
    return -torch.where(levels == n_levels - 1, F.logsigmoid(-lower), share)


def reference(levels: Tensor, centres: Tensor, log_widths: Tensor, n_levels: int) -> Tensor:
    """-log P(level) of each sub-pixel under its own discretised logistic, in nats."""
    return _nats(*_ends(levels, centres, log_widths, n_levels), levels, n_levels)


logistic_nats = Exercise(
    "14.1",
    "A logistic, level by level",
    goal="Write the cost of a level under a logistic that is cut into shares.",
    minutes=15,
    reference=reference,
    differentiated=True,
    otherwise="Some levels cost something else.",
    stub='''\
def logistic_nats(
    levels: torch.Tensor, centres: torch.Tensor, log_widths: torch.Tensor, n_levels: int
) -> torch.Tensor:
    """What each level costs, in nats, if a logistic density is cut into shares for the levels.

    levels      torch.long, any shape: 0 .. L-1. Level v lies at 2 v / (L-1) - 1, from -1 to 1
    centres     floats, the same shape: μ, on the same axis
    log_widths  floats, the same shape: log s
    n_levels    L
    returns     -log P, the same shape. A level gets the share of the logistic between half a step
                below it and half a step above it: P = σ((above - μ) / s) - σ((below - μ) / s).
                The lowest level gets all that lies below as well, the highest all that lies above

    Far from μ both σ round to 1. log(σ(b) - σ(a)) = logσ(b) + logσ(-a) + log(1 - exp(a - b)) does
    not, with logσ = F.logsigmoid and -torch.expm1(a - b) for 1 - exp(a - b)

    By hand: L = 3: levels at -1, 0, 1, half a step is 1/2. μ = 0, log s = 0. σ(1/2) = 0.622, so
             P = 0.378, 0.622 - 0.378 = 0.245, 0.378: together 1. They cost 0.974, 1.407, 0.974
    """
    ____
''',
    answer="""\
def logistic_nats(levels, centres, log_widths, n_levels):
    half = 1 / (n_levels - 1)  # half a step between levels
    value = 2 * half * levels - 1
    below = (value - half - centres) * torch.exp(-log_widths)
    above = (value + half - centres) * torch.exp(-log_widths)
    inside = torch.log(-torch.expm1(below - above))
    share = F.logsigmoid(above) + F.logsigmoid(-below) + inside
    share = torch.where(levels == 0, F.logsigmoid(above), share)
    share = torch.where(levels == n_levels - 1, F.logsigmoid(-below), share)
    return -share
""",
    hints=(
        """Draw the bell of the logistic over the axis from -1 to 1 and cut the axis half-way
        between two levels. The area of a piece is the probability of its level. σ is the area to
        the left of a point, so a piece is a difference of two σ.""",
        """`F.logsigmoid(x)` is log σ(x), and σ(-x) = 1 - σ(x): what lies above a point. Dividing
        by s is multiplying by `torch.exp(-log_widths)`. `torch.where(levels == 0, ..., ...)` for
        the two ends.""",
        """If the probabilities of all levels add up to less than 1, both ends are still cut off.
        If they add up to about 2, the intervals overlap. If a cost is inf, a difference of two
        numbers near 1 was rounded to 0.""",
    ),
)


def _trial(shape, n_levels, rng, *, ends=False, log_width=-1.5, inner=False, dtype=torch.float64):
    """Levels near and far from their centres; `ends`: the outer levels only."""
    levels = torch.randint(1 if inner else 0, n_levels - inner, shape, generator=rng)
    if ends:
        levels = levels % 2 * (n_levels - 1)
    centres = 2.4 * torch.rand(shape, generator=rng, dtype=dtype) - 1.2
    log_widths = log_width + torch.rand(shape, generator=rng, dtype=dtype)
    return Trial((levels, centres, log_widths, n_levels))


@logistic_nats.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    levels, centres, log_widths, n_levels = trial.args
    place = first_difference(got, want)
    return (
        f"L = {n_levels}, μ = {number(centres[place])}, log s = {number(log_widths[place])}: level "
        f"{int(levels[place])} costs {number(want[place])} nats. Your function says "
        f"{number(got[place])}."
    )


logistic_nats.trials("levels between the ends")(
    lambda rng: [_trial((7,), 16, rng, inner=True), _trial((3, 4), 5, rng, inner=True)]
)
logistic_nats.trials("the lowest and the highest level")(
    lambda rng: [_trial((8,), 4, rng, ends=True), _trial((2, 3), 256, rng, ends=True)]
)
logistic_nats.trials("256 levels far from a narrow centre")(
    lambda rng: [_trial((2, 3, 8), 256, rng, log_width=-5.5, dtype=torch.float32)]
)
logistic_nats.also_try(
    lambda rng: [
        _trial((60,), 6, rng),
        _trial((40,), 256, rng),
        _trial((12,), 2, rng),
        _trial((40,), 256, rng, log_width=-4.0),
    ]
)


@logistic_nats.mistakes
class Mistakes:
    def a_density(levels, centres, log_widths, n_levels):
        """This is the density at the level, which may be larger than 1: no probability. A level has
        the area over its interval."""
        value = 2 * levels / (n_levels - 1) - 1
        z = (value - centres) * torch.exp(-log_widths)
        return -(F.logsigmoid(z) + F.logsigmoid(-z) - log_widths)

    def height_times_step(levels, centres, log_widths, n_levels):
        """The area is taken to be the height at the level times the step. Where the bell is narrow
        or an end is open, that is not the area."""
        value = 2 * levels / (n_levels - 1) - 1
        z = (value - centres) * torch.exp(-log_widths)
        step = math.log(2 / (n_levels - 1))
        return -(F.logsigmoid(z) + F.logsigmoid(-z) - log_widths + step)

    def both_ends_cut_off(levels, centres, log_widths, n_levels):
        """What lies beyond both ends belongs to no level, so all levels together have less than 1.
        The lowest gets all below, the highest all above."""
        return -log_share(*_ends(levels, centres, log_widths, n_levels))

    def the_highest_is_cut_off(levels, centres, log_widths, n_levels):
        """The lowest level is open downwards, as it should be; the highest is still cut off
        above."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        return -torch.where(levels == 0, F.logsigmoid(upper), log_share(lower, upper))

    def the_lowest_is_cut_off(levels, centres, log_widths, n_levels):
        """The highest level is open upwards, as it should be; the lowest is still cut off
        below."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        return -torch.where(levels == n_levels - 1, F.logsigmoid(-lower), log_share(lower, upper))

    def ends_exchanged(levels, centres, log_widths, n_levels):
        """The two ends are exchanged: the lowest level gets all that lies above it."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        share = torch.where(levels == 0, F.logsigmoid(-lower), log_share(lower, upper))
        return -torch.where(levels == n_levels - 1, F.logsigmoid(upper), share)

    def ends_with_the_wrong_sign(levels, centres, log_widths, n_levels):
        """At the ends, what lies on the other side of the border is taken: σ(x) is the area below
        x, σ(-x) the area above it."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        share = torch.where(levels == 0, F.logsigmoid(-upper), log_share(lower, upper))
        return -torch.where(levels == n_levels - 1, F.logsigmoid(lower), share)

    def a_whole_step_to_each_side(levels, centres, log_widths, n_levels):
        """The interval reaches a whole step to each side, so neighbours overlap and all levels
        together have about 2. Cut half-way."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        spare = torch.exp(-log_widths) / (n_levels - 1)
        return _nats(lower - spare, upper + spare, levels, n_levels)

    def a_quarter_to_each_side(levels, centres, log_widths, n_levels):
        """The interval is half as wide as a step. From one level to the next is 2 / (L - 1), half
        of that is 1 / (L - 1)."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        spare = torch.exp(-log_widths) / (n_levels - 1) / 2
        return _nats(lower + spare, upper - spare, levels, n_levels)

    def half_a_step_of_L(levels, centres, log_widths, n_levels):
        """Half a step is taken to be 1 / L. L levels from -1 to 1 have L - 1 steps between
        them."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        spare = torch.exp(-log_widths) * (1 / (n_levels - 1) - 1 / n_levels)
        return _nats(lower + spare, upper - spare, levels, n_levels)

    def steps_of_L(levels, centres, log_widths, n_levels):
        """Level v is put at 2 v / L - 1. Then the highest level lies below 1: divide by L - 1."""
        return reference_at(2 * levels / n_levels - 1, levels, centres, log_widths, n_levels)

    def from_0_to_1(levels, centres, log_widths, n_levels):
        """The levels are put from 0 to 1. Centres live on the axis from -1 to 1."""
        return reference_at(levels / (n_levels - 1), levels, centres, log_widths, n_levels)

    def not_scaled(levels, centres, log_widths, n_levels):
        """The levels are compared with the centres as they are. Put level v at 2 v / (L - 1) - 1
        first."""
        return reference_at(levels.to(centres.dtype), levels, centres, log_widths, n_levels)

    def the_log_as_a_width(levels, centres, log_widths, n_levels):
        """You divide by log s. The width is s, so divide by its exponential."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        scale = torch.exp(log_widths) / log_widths
        return _nats(lower * scale, upper * scale, levels, n_levels)

    def multiplied_by_the_width(levels, centres, log_widths, n_levels):
        """You multiply by s. The larger the width, the smaller the distance in widths: divide."""
        return reference(levels, centres, -log_widths, n_levels)

    def half_the_log_width(levels, centres, log_widths, n_levels):
        """log s is read as the log of a square, as the log variance of a Gaussian. It is the log
        of the width itself."""
        return reference(levels, centres, log_widths / 2, n_levels)

    def centre_added(levels, centres, log_widths, n_levels):
        """The centre is added to the level. Its distance is level minus centre."""
        return reference(levels, -centres, log_widths, n_levels)

    def one_step_up(levels, centres, log_widths, n_levels):
        """The interval begins at the level and ends at the next. The level is its middle."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        half = torch.exp(-log_widths) / (n_levels - 1)
        return _nats(lower + half, upper + half, levels, n_levels)

    def one_step_down(levels, centres, log_widths, n_levels):
        """The interval begins at the level below and ends at the level. The level is its
        middle."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        half = torch.exp(-log_widths) / (n_levels - 1)
        return _nats(lower - half, upper - half, levels, n_levels)

    def log_probability(levels, centres, log_widths, n_levels):
        """This is log P. A cost is -log P."""
        return -reference(levels, centres, log_widths, n_levels)

    def probability(levels, centres, log_widths, n_levels):
        """This is P itself. Asked for is its cost, -log P."""
        return torch.exp(-reference(levels, centres, log_widths, n_levels))

    def in_bits(levels, centres, log_widths, n_levels):
        """The cost is in bits. Asked for are nats: no division by log 2."""
        return reference(levels, centres, log_widths, n_levels) / math.log(2)

    def rounded_to_0(levels, centres, log_widths, n_levels):
        """Far from the centre, σ(b) and σ(a) both round to 1 (or to 0) and their difference to 0,
        whose log is -inf. Use the form with `F.logsigmoid`."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        p = torch.sigmoid(upper) - torch.sigmoid(lower)
        p = torch.where(levels == 0, torch.sigmoid(upper), p)
        return -torch.where(levels == n_levels - 1, 1 - torch.sigmoid(lower), p).log()

    def cut_off_at_a_small_number(levels, centres, log_widths, n_levels):
        """Probabilities below 1e-12 are set to 1e-12, so far levels all cost 27.6 nats and get no
        gradient. The form with `F.logsigmoid` needs no such help."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        p = torch.sigmoid(upper) - torch.sigmoid(lower)
        p = torch.where(levels == 0, torch.sigmoid(upper), p)
        p = torch.where(levels == n_levels - 1, 1 - torch.sigmoid(lower), p)
        return -p.clamp(min=1e-12).log()

    def a_gaussian(levels, centres, log_widths, n_levels):
        """The areas are those of a Gaussian. A logistic has σ in the place of its Φ."""
        lower, upper = _ends(levels, centres, log_widths, n_levels)
        p = torch.special.ndtr(upper) - torch.special.ndtr(lower)
        p = torch.where(levels == 0, torch.special.ndtr(upper), p)
        return -torch.where(levels == n_levels - 1, torch.special.ndtr(-lower), p).log()

    def added_up(levels, centres, log_widths, n_levels):
        """All sub-pixels are added up. Asked for is the cost of each."""
        return reference(levels, centres, log_widths, n_levels).sum()

    def averaged(levels, centres, log_widths, n_levels):
        """The mean over all sub-pixels is returned. Asked for is the cost of each."""
        return reference(levels, centres, log_widths, n_levels).mean()

    def the_first_width_for_all(levels, centres, log_widths, n_levels):
        """Every sub-pixel uses the first width. Each has its own."""
        first = log_widths.flatten()[0].expand_as(log_widths)
        return reference(levels, centres, first, n_levels)


def reference_at(value, levels, centres, log_widths, n_levels):
    """The reference with its levels at other places on the axis."""
    half, narrow = 1 / (n_levels - 1), torch.exp(-log_widths)
    ends = (value - half - centres) * narrow, (value + half - centres) * narrow
    return _nats(*ends, levels, n_levels)


@logistic_nats.right
def on_the_near_side(levels, centres, log_widths, n_levels):
    """Both ends are mirrored to the side where σ is small, and tails are multiplied out."""
    lower, upper = _ends(levels, centres, log_widths, n_levels)
    lower = torch.where(levels == 0, -torch.inf, lower.double())
    upper = torch.where(levels == n_levels - 1, torch.inf, upper.double())
    left = torch.where(lower > 0, -upper, lower)
    right = torch.where(lower > 0, -lower, upper)
    tail = (F.logsigmoid(left) - F.logsigmoid(right)).exp()
    return -(F.logsigmoid(right) + torch.log1p(-tail)).to(centres.dtype)


@logistic_nats.right
def by_softplus(levels, centres, log_widths, n_levels):
    below, above = _ends(levels, centres, log_widths, n_levels)
    inside = F.softplus(-above) + F.softplus(below) - torch.log(1 - torch.exp(below - above))
    inside = torch.where(levels == 0, F.softplus(-above), inside)
    return torch.where(levels == n_levels - 1, F.softplus(below), inside)
