"""Exercise 15.1: sound pressure as levels, and back."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(pressure: Tensor, mu: int) -> tuple[Tensor, Tensor]:
    """Levels 0 .. mu of pressures in [-1, 1], and the pressures that these levels stand for."""
    squeezed = pressure.sign() * torch.log1p(mu * pressure.abs()) / math.log1p(mu)
    levels = ((squeezed + 1) / 2 * mu + 0.5).floor().long()
    squeezed = levels.to(pressure.dtype) / mu * 2 - 1
    back = squeezed.sign() * torch.expm1(squeezed.abs() * math.log1p(mu)) / mu
    return levels, back


mu_law_round_trip = Exercise(
    "15.1",
    "Pressure, level, pressure",
    goal="Turn sound pressure into mu-law levels and back.",
    minutes=15,
    reference=reference,
    otherwise="Some pressures get another level, or come back as another pressure.",
    stub='''\
def mu_law_round_trip(pressure: torch.Tensor, mu: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sound pressure as mu + 1 levels, fine near silence and coarse where it is loud, and back.

    pressure  (T,) floats from -1 to 1; stays as it is
    mu        the highest level
    returns   levels (T,) torch.long: f(x) = sign(x) log(1 + mu |x|) / log(1 + mu), from -1 to 1, is
              spread over 0 .. mu and rounded to the nearest level.
              back (T,) floats from -1 to 1: the x whose f is exactly the level

    By hand: mu = 3 and pressure = [1, 1/3, -1]. f is 1, log 2 / log 4 = 1/2, and -1. From -1 .. 1
             to 0 .. 3: 3, 2.25, 0, so the levels are [3, 2, 0]. Level 2 is f = 1/3, and
             x = (4^(1/3) - 1) / 3 = 0.196. So back = [1, 0.196, -1]
    """
    ____
''',
    answer="""\
def mu_law_round_trip(pressure, mu):
    f = pressure.sign() * torch.log1p(mu * pressure.abs()) / math.log1p(mu)
    levels = ((f + 1) / 2 * mu).round().long()  # -1 .. 1 becomes 0 .. mu
    f = 2 * levels / mu - 1  # the same steps backwards, from the level alone
    back = f.sign() * torch.expm1(f.abs() * math.log1p(mu)) / mu
    return levels, back.to(pressure.dtype)
""",
    hints=(
        """Three steps there (squeeze, spread over 0 .. mu, round) and the same three undone on
        the way back, the last one first. Rounding is the one step that cannot be undone.""",
        """`torch.log1p`, `torch.expm1`, `pressure.sign()`. From -1 .. 1 to 0 .. mu: add 1,
        divide by 2, times mu. `.round().long()`.""",
        """If loud sounds come back right and quiet ones do not, one of the two directions is
        linear. If all negative pressures go wrong, the sign was lost inside the logarithm.""",
    ),
)


def _expand(f, mu):
    return f.sign() * torch.expm1(f.abs() * math.log1p(mu)) / mu


PARTS = ("levels", "back")


def _trial(signs: str, mu: int, n: int, rng: torch.Generator) -> Trial:
    """Pressures well inside their levels, so that no rounding of arithmetic can move them.

    All magnitudes are spread over the logarithmic scale, and the loudest possible is among them.
    """
    middle = (mu + 1) // 2
    lowest = middle + 1 if signs == "positive" else 0
    level = torch.randint(lowest, mu + 1, (n,), generator=rng)
    off = 0.35 * (2 * torch.rand(n, generator=rng, dtype=torch.float64) - 1)
    f = ((level + off) / mu * 2 - 1).clamp(-1, 1)
    f[0], f[1] = 1.0, 1.0 - 0.4 * 2 / mu
    f[2], f[5] = (middle + 1.3) / mu * 2 - 1, (mu - 0.6) / mu * 2 - 1
    if signs != "positive":
        f[3], f[4] = -1.0, -f[2]
    return Trial((_expand(f, mu), mu))


@mu_law_round_trip.reads
def read(value: object, trial: Trial) -> Tensor:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        told = f"Expected 2 tensors, got a value of type {type(value).__name__}."
        raise Failed(Failure("The result is not (levels, back).", told))
    shape = trial.args[0].shape
    levels = tensor_result(value[0], shape, kind="long", advice="That holds for the levels.")
    return torch.stack([levels, tensor_result(value[1], shape)])


@mu_law_round_trip.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    pressure, mu = trial.args
    part, place = first_difference(got, want)
    wrong, right = (", ".join(number(v) for v in each[:, place]) for each in (got, want))
    return (
        f"mu = {mu}, pressure {number(pressure[place])}: level and pressure should be {right}. "
        f"Your function says {wrong} (first difference in `{PARTS[part]}`)."
    )


@mu_law_round_trip.trials("the loudest pressures, 1 and -1")
def the_ends(rng):
    """The loudest sound of either sign, which even steps and others get right."""
    ends = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    return [Trial((ends, 255)), Trial((ends, 7))]


mu_law_round_trip.trials("positive pressures of all magnitudes")(
    lambda rng: [_trial("positive", 255, 30, rng)]
)
mu_law_round_trip.trials("pressures of both signs, several values of mu")(
    lambda rng: [_trial("both", 255, 40, rng), _trial("both", 7, 20, rng)]
)
mu_law_round_trip.also_try(lambda rng: [_trial("both", 63, 40, rng), _trial("both", 15, 30, rng)])


def _levels(f, mu):
    return ((f + 1) / 2 * mu).round().long()


def _centre(levels, mu, like):
    return levels.to(like.dtype) / mu * 2 - 1


def _squeeze(x, mu):
    return x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)


@mu_law_round_trip.mistakes
class Mistakes:
    def even_steps(pressure, mu):
        """These are levels in even steps, without the logarithm: a whisper gets one or two of
        them."""
        levels = _levels(pressure, mu)
        return levels, _centre(levels, mu, pressure)

    def not_expanded(pressure, mu):
        """The levels are right, but on the way back the squeezing is not undone: quiet sounds come
        back far too loud."""
        levels = reference(pressure, mu)[0]
        return levels, _centre(levels, mu, pressure)

    def rounded_down(pressure, mu):
        """The levels are cut off, not rounded to the nearest: every pressure comes out a little
        lower, half a level on average."""
        levels = ((_squeeze(pressure, mu) + 1) / 2 * mu).long()
        return levels, _expand(_centre(levels, mu, pressure), mu)

    def one_level_too_many(pressure, mu):
        """The range is spread over mu + 1 steps, so that the loudest sound gets level mu + 1. With
        levels 0 .. mu there are mu steps."""
        levels = ((_squeeze(pressure, mu) + 1) / 2 * (mu + 1)).round().long()
        return levels, _expand(levels.to(pressure.dtype) / (mu + 1) * 2 - 1, mu)

    def rounded_up(pressure, mu):
        """The levels are rounded up, not to the nearest: every pressure comes out a little higher,
        half a level on average."""
        levels = ((_squeeze(pressure, mu) + 1) / 2 * mu).ceil().long()
        return levels, _expand(_centre(levels, mu, pressure), mu)

    def rounded_too_soon(pressure, mu):
        """It is rounded before it is spread over 0 .. mu, so only 0 and mu are left."""
        levels = (((_squeeze(pressure, mu) + 1) / 2).round() * mu).long()
        return levels, _expand(_centre(levels, mu, pressure), mu)

    def rounded_twice(pressure, mu):
        """A half is added and then it is rounded: a half too much. Either add a half and cut off,
        or round."""
        levels = ((_squeeze(pressure, mu) + 1) / 2 * mu + 0.5).round().long()
        return levels, _expand(_centre(levels, mu, pressure), mu)

    def floating_levels(pressure, mu):
        """The levels are floating-point. Level numbers are torch.long."""
        levels, back = reference(pressure, mu)
        return levels.to(pressure.dtype), back

    @says(" ".join(floating_levels.__doc__.split()))
    def levels_in_float32(pressure, mu):
        levels, back = reference(pressure, mu)
        return levels.float(), back

    def small_levels(pressure, mu):
        """The levels are right, in another dtype. Level numbers are torch.long."""
        levels, back = reference(pressure, mu)
        return levels.int(), back

    @says(" ".join(small_levels.__doc__.split()))
    def levels_in_8_bits(pressure, mu):
        levels, back = reference(pressure, mu)
        return levels.to(torch.uint8), back

    def exchanged(pressure, mu):
        """The two results are exchanged: first the levels, then the pressures."""
        return reference(pressure, mu)[::-1]

    def levels_alone(pressure, mu):
        """Only the levels come back. The pressures that they stand for are asked for as well."""
        return reference(pressure, mu)[0]

    def back_alone(pressure, mu):
        """Only the pressures come back. The levels are asked for as well."""
        return reference(pressure, mu)[1]

    def always_255(pressure, mu):
        """`mu` plays no part: 255 is built in."""
        return reference(pressure, 255)

    def without_the_1_on_the_way_back(pressure, mu):
        """The levels are right. On the way back the 1 is not taken off the power: silence comes
        back as 1 / mu. `torch.expm1` takes it off."""
        levels = reference(pressure, mu)[0]
        f = _centre(levels, mu, pressure)
        return levels, f.sign() * (f.abs() * math.log1p(mu)).exp() / mu

    def not_divided_by_mu_on_the_way_back(pressure, mu):
        """The levels are right. On the way back the division by mu is missing, so pressures run up
        to mu."""
        levels = reference(pressure, mu)[0]
        return levels, _expand(_centre(levels, mu, pressure), mu) * mu

    def e_on_the_way_back(pressure, mu):
        """The levels are right. On the way back f is not multiplied by log(1 + mu): the power is
        one of e, and (1 + mu) to the power |f| is needed."""
        levels = reference(pressure, mu)[0]
        f = _centre(levels, mu, pressure)
        return levels, f.sign() * torch.expm1(f.abs()) / mu

    def mu_to_the_power(pressure, mu):
        """The levels are right. On the way back the power is one of mu. It must be one of
        1 + mu."""
        levels = reference(pressure, mu)[0]
        f = _centre(levels, mu, pressure)
        return levels, f.sign() * (float(mu) ** f.abs() - 1) / mu

    def squeezed_again(pressure, mu):
        """The levels are right. On the way back f is squeezed a second time. Undo it."""
        levels = reference(pressure, mu)[0]
        return levels, _squeeze(_centre(levels, mu, pressure), mu)

    def without_a_sign_on_the_way_back(pressure, mu):
        """The levels are right. On the way back the sign is not put on again: negative pressures
        come back positive."""
        levels, back = reference(pressure, mu)
        return levels, back.abs()

    def middle_of_a_bin(pressure, mu):
        """The levels are right. On the way back a half is added to them, as for mu + 1 bins. A
        level stands for f = 2 level / mu - 1."""
        levels = reference(pressure, mu)[0]
        f = 2 * (levels.to(pressure.dtype) + 0.5) / (mu + 1) - 1
        return levels, _expand(f, mu)

    def mu_plus_1_on_the_way_back(pressure, mu):
        """The levels are right. On the way back they are divided by mu + 1. The highest level is
        mu, and it must come back as f = 1."""
        levels = reference(pressure, mu)[0]
        return levels, _expand(levels.to(pressure.dtype) / (mu + 1) * 2 - 1, mu)

    def divided_by_log_mu(pressure, mu):
        """The logarithm is divided by log mu, not by log(1 + mu): the loudest sound gets a level
        above mu, or one that is cut off there."""
        f = _squeeze(pressure, mu) * math.log1p(mu) / math.log(mu)
        levels = _levels(f, mu)
        return levels, _expand(_centre(levels, mu, pressure), mu)

    def spread_without_the_half(pressure, mu):
        """f runs from -1 to 1. Add 1 *and halve* before it is multiplied by mu: the levels run to
        2 mu."""
        levels = ((_squeeze(pressure, mu) + 1) * mu).round().long()
        return levels, _expand(levels.to(pressure.dtype) / mu - 1, mu)

    @says(" ".join(spread_without_the_half.__doc__.split()))
    def spread_without_the_half_and_back(pressure, mu):
        levels = ((_squeeze(pressure, mu) + 1) * mu).round().long()
        return levels, _expand(_centre(levels, mu, pressure), mu)

    def the_sign_is_lost(pressure, mu):
        """The sign is lost: positive and negative pressure get the same level."""
        return reference(pressure.abs(), mu)

    def the_sign_is_lost_on_the_way_back(pressure, mu):
        """The levels are right. On the way back the power is taken of f, not of |f|: negative
        pressures come back almost as silence. Take |f|, and put the sign on afterwards."""
        levels = reference(pressure, mu)[0]
        return levels, torch.expm1(_centre(levels, mu, pressure) * math.log1p(mu)) / mu

    def the_0_to_1_on_the_way_back(pressure, mu):
        """The levels are right. On the way back they are left in 0 .. 1, but f runs from -1 to 1:
        times 2, minus 1, comes first."""
        levels = reference(pressure, mu)[0]
        return levels, torch.expm1(levels.to(pressure.dtype) / mu * math.log1p(mu)) / mu

    def not_divided_by_log_1_mu(pressure, mu):
        """The logarithm is not divided by log(1 + mu), so f runs past 1 and levels past mu."""
        levels = _levels(pressure.sign() * torch.log1p(mu * pressure.abs()), mu)
        f = _centre(levels, mu, pressure)
        return levels, f.sign() * torch.expm1(f.abs()) / mu

    def from_mu_to_mu(pressure, mu):
        """These levels run from -mu to mu. They must be 0 .. mu: first add 1 to f, then halve
        it."""
        levels = (_squeeze(pressure, mu) * mu).round().long()
        return levels, _expand(levels.to(pressure.dtype) / mu, mu)

    def nothing_is_lost(pressure, mu):
        """The pressure that comes back is the one that was put in. It has to be worked out from the
        levels alone."""
        return reference(pressure, mu)[0], pressure.clone()

    def log_without_1(pressure, mu):
        """The 1 in log(1 + mu |x|) is missing: near silence that logarithm is far below 0, and the
        sign turns over."""
        f = pressure.sign() * (mu * pressure.abs()).clamp_min(1e-9).log() / math.log1p(mu)
        levels = _levels(f, mu)
        back = _centre(levels, mu, pressure)
        return levels, back.sign() * (back.abs() * math.log1p(mu)).exp() / mu


@mu_law_round_trip.right
def with_powers(pressure, mu):
    """Base-2 logarithms, powers of 1 + mu, and rounding by adding a half."""
    f = pressure.sign() * torch.log2(1 + mu * pressure.abs()) / math.log2(1 + mu)
    levels = (mu * (0.5 * f + 0.5) + 0.5).floor().long()
    f = 2 * levels.double() / mu - 1
    return levels, f.sign() * ((1 + mu) ** f.abs() - 1) / mu


@mu_law_round_trip.right
def by_table(pressure, mu):
    """The pressure of every level first; then the level whose f is nearest."""
    f_of_level = torch.linspace(-1, 1, mu + 1, dtype=torch.float64)
    of_level = f_of_level.sign() * ((1.0 + mu) ** f_of_level.abs() - 1) / mu
    f = torch.where(pressure < 0, -1, 1) * torch.log(1 + mu * pressure.abs()) / math.log(1 + mu)
    levels = (f.double()[:, None] - f_of_level).abs().argmin(dim=1)
    return levels, of_level[levels].to(pressure.dtype)
