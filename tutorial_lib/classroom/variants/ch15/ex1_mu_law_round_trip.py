"""Variants of exercise 15.1: other curves, and levels that stand for the middle of a cell."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch15
from tutorial_lib.exercises.trials import Trial

mu_law_round_trip = Variants(
    ch15.mu_law_round_trip,
    mu="the highest level{and_more}",
    returns=(
        "levels (T,) torch.long: {curve}, from -1 to 1, is {spread}.\nback (T,) floats from -1 to "
        "1: {back}"
    ),
    and_more="",
    spread="spread over 0 .. mu and rounded to the nearest level",
    back="the x whose f is exactly the level",
    examples=(
        "mu_law_round_trip(torch.tensor([1.0, 0.3, -0.04, -1.0]), 15)",
        "mu_law_round_trip(torch.tensor([0.25, -0.6]), 7)",
    ),
)


@dataclass(frozen=True)
class Law:
    """A curve from pressure to f, both from 0 to 1, and back, for the sizes without their signs.

    f of a level is (level + of_cell) / (mu + 2 * of_cell) * 2 - 1: of_cell is 0 if the levels lie
    on both ends, 1/2 if each is the middle of one of mu + 1 cells.
    """

    squeeze: Callable
    expand: Callable
    of_cell: float

    def levels(self, pressure: Tensor, mu: int) -> Tensor:
        f = pressure.sign() * self.squeeze(pressure.abs(), mu)
        exact = (f + 1) / 2 * (mu + 2 * self.of_cell) - self.of_cell
        return (exact + 0.5).floor().long().clamp(0, mu)

    def back(self, levels: Tensor, mu: int) -> Tensor:
        f = (levels + self.of_cell) / (mu + 2 * self.of_cell) * 2 - 1
        return f.sign() * self.expand(f.abs(), mu)


def _mu_law(size, mu):
    return torch.log1p(mu * size) / math.log1p(mu)


def _mu_law_back(f, mu):
    return torch.expm1(f * math.log1p(mu)) / mu


def _a_law(size, mu):
    loud = 1 + (mu * size).clamp(min=1).log()
    return torch.where(size < 1 / mu, mu * size, loud) / (1 + math.log(mu))


def _a_law_back(f, mu):
    f = f * (1 + math.log(mu))
    return torch.where(f < 1, f, (f - 1).exp()) / mu


def _root(size, mu):
    return size.sqrt()


def _root_back(f, mu):
    return f.square()


def _cube_root(size, mu):
    return size ** (1 / 3)


def _cube_root_back(f, mu):
    return f**3


def _by_table(law: Law) -> Callable:
    """The pressure of every level first; then the level whose f is nearest."""

    def right(pressure, mu):
        f_of_level = torch.arange(mu + 1, dtype=torch.float64)
        f_of_level = (f_of_level + law.of_cell) / (mu / 2 + law.of_cell) - 1
        of_level = f_of_level.sign() * law.expand(f_of_level.abs(), mu)
        f = pressure.sign() * law.squeeze(pressure.abs(), mu)
        levels = (f.double()[:, None] - f_of_level).abs().argmin(dim=1)
        return levels, of_level[levels].to(pressure.dtype)

    return right


def _twist(says: str, law: Law, words: dict[str, object]):
    @mu_law_round_trip.twist(says, **words, law=law)
    def right(pressure, mu):
        levels = law.levels(pressure, mu)
        return levels, law.back(levels, mu).to(pressure.dtype)

    mu_law_round_trip.right(_by_table(law))


_twist(
    "The curve is a square root, not a logarithm.",
    Law(_root, _root_back, 0.0),
    {
        "curve": "f(x) = sign(x) sqrt(|x|)",
        "by_hand": (
            "mu = 3 and pressure = [1, 1/4, -1]. f is 1, 1/2 and -1. From -1 .. 1 to 0 .. 3: 3, "
            "2.25, 0, so the levels are [3, 2, 0]. Level 2 is f = 1/3, and x = 1/9. So back = [1, "
            "0.111, -1]"
        ),
    },
)
_twist(
    "The curve is a cube root, not a logarithm.",
    Law(_cube_root, _cube_root_back, 0.0),
    {
        "curve": "f(x) = sign(x) |x|^(1/3)",
        "by_hand": (
            "mu = 3 and pressure = [1, 1/8, -1]. f is 1, 1/2 and -1. From -1 .. 1 to 0 .. 3: 3, "
            "2.25, 0, so the levels are [3, 2, 0]. Level 2 is f = 1/3, and x = 1/27. So back = "
            "[1, 0.037, -1]"
        ),
    },
)
_twist(
    "The curve is the A-law: a line near silence, then a logarithm. A is mu.",
    Law(_a_law, _a_law_back, 0.0),
    {
        "and_more": ", and the A of the A-law. It is at least 2",
        "curve": (
            "with c = 1 + log A, f(x) = A x / c where |x| < 1/A, and sign(x) (1 + log(A |x|)) / c "
            "elsewhere"
        ),
        "by_hand": (
            "mu = 3 and pressure = [1, 1/4, -1]. c is 2.099, 1/4 is below 1/3, and f is 1, 0.357, "
            "-1. From -1 .. 1 to 0 .. 3: 3, 2.04, 0, so the levels are [3, 2, 0]. Level 2 is f = "
            "1/3, on the line, and x = c / 9 = 0.233. So back = [1, 0.233, -1]"
        ),
    },
)
_twist(
    "The levels are cells: -1 .. 1 is cut into mu + 1 equal parts, and back is the middle.",
    Law(_mu_law, _mu_law_back, 0.5),
    {
        "curve": "f(x) = sign(x) log(1 + mu |x|) / log(1 + mu)",
        "spread": "in one of the mu + 1 cells, 0 at -1 and mu at 1, all equally wide in f",
        "back": "the x whose f is the middle of the cell",
        "by_hand": (
            "mu = 3 and pressure = [1, 1/4, -1]. f is 1, log 1.75 / log 4 = 0.404, and -1. The "
            "cells end at -1/2, 0, 1/2 and 1, so the levels are [3, 2, 0]. Their middles are f = "
            "3/4, 1/4 and -3/4, and back = [0.609, 0.138, -0.609]"
        ),
    },
)


def _trial(signs: str, mu: int, n: int, twist, rng: torch.Generator) -> Trial:
    """Pressures well inside their levels, so that no rounding of arithmetic can move them."""
    law = twist.words["law"]
    lowest = mu // 2 + 1 if signs == "positive" else 0
    level = torch.randint(lowest, mu + 1, (n,), generator=rng)
    off = 0.3 * (2 * torch.rand(n, generator=rng, dtype=torch.float64) - 1)
    f = ((level + off + law.of_cell) / (mu + 2 * law.of_cell) * 2 - 1).clamp(-1, 1)
    f[0] = 1.0
    if signs != "positive":
        f[1] = -1.0
    return Trial((f.sign() * law.expand(f.abs(), mu), mu))


mu_law_round_trip.trials("few levels")(lambda rng, twist: [_trial("both", 7, 20, twist, rng)])
mu_law_round_trip.trials("positive pressures of all magnitudes")(
    lambda rng, twist: [_trial("positive", 255, 30, twist, rng)]
)
mu_law_round_trip.trials("pressures of both signs, several values of mu")(
    lambda rng, twist: [_trial("both", mu, 30, twist, rng) for mu in (255, 31)]
)
