"""Variants of exercise 9.3: draws from other distributions, with gradients all the same."""

import math
from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch09
from tutorial_lib.exercises.ch09.ex3_reparameterize import gradients_of
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.trials import Trial

reparameterize = Variants(
    ch09.reparameterize,
    asked="A draw z of this mean and variance, made of noise that was drawn beforehand.",
    explained="{formula}",
    mean="(B, D): of z; the gradient has to reach both. log_variance is the natural logarithm of "
    "the variance",
    noise="(B, D): drawn evenly from 0 to 1 by the caller",
    returns="(B, D): z, where a larger noise gives a larger z",
    by_hand="mean 1, log_variance log 4 (so the standard deviation is 2) and noise 0.75 give "
    "{result}",
    examples=(
        "reparameterize(torch.zeros(1, 3), torch.zeros(1, 3), torch.tensor([[0.1, 0.5, 0.9]]))",
        "reparameterize(torch.tensor([[1.0]]), torch.tensor([[2.0]]), torch.tensor([[0.75]]))",
    ),
)


def _logistic(noise):
    return (torch.log(noise) - torch.log1p(-noise)) * math.sqrt(3) / math.pi


def _logistic_again(noise):
    return torch.logit(noise) / math.sqrt(math.pi**2 / 3)


def _even(noise):
    return math.sqrt(12) * (noise - 0.5)


def _even_again(noise):
    return (2 * noise - 1) * 3**0.5


def _laplace(noise):
    off = noise - 0.5
    return -off.sign() * torch.log1p(-2 * off.abs()) / math.sqrt(2)


def _laplace_again(noise):
    return torch.where(noise < 0.5, (2 * noise).log(), -(2 - 2 * noise).log()) * 0.5**0.5


def _drawn(says: str, formula: str, standard: Callable, again: Callable):
    """standard: noise from 0 to 1 -> a draw of mean 0 and variance 1."""

    result = f"{1 + 2 * float(standard(torch.tensor(0.75))):.3f}"

    @reparameterize.twist(says, formula=formula, result=result)
    def right(mean, log_variance, noise):
        return mean + (log_variance / 2).exp() * standard(noise)

    @reparameterize.right
    def other(mean, log_variance, noise):
        return torch.addcmul(mean, log_variance.exp().sqrt(), again(noise))


_drawn(
    "z is from a logistic distribution, and the noise is drawn evenly from 0 to 1.",
    "log(noise / (1 - noise)) is logistic, with mean 0 and variance pi**2 / 3.",
    _logistic,
    _logistic_again,
)
_drawn(
    "z is from an even (uniform) distribution, and the noise is drawn evenly from 0 to 1.",
    "An even distribution between 0 and 1 has mean 1/2 and variance 1/12.",
    _even,
    _even_again,
)
_drawn(
    "z is from a Laplace distribution, and the noise is drawn evenly from 0 to 1.",
    "With u = noise - 1/2, -sign(u) log(1 - 2|u|) is Laplace, with mean 0 and variance 2.",
    _laplace,
    _laplace_again,
)


def _trial(batch: int, dim: int, rng: torch.Generator) -> Trial:
    mean, log_variance = torch.randn(2, batch, dim, generator=rng, dtype=torch.float64)
    noise = 0.05 + 0.9 * torch.rand(batch, dim, generator=rng, dtype=torch.float64)
    return Trial((mean, 1.5 * log_variance, noise))


reparameterize.trials("one number, with the noise that was given")(lambda rng: [_trial(1, 1, rng)])
reparameterize.trials("several images and axes, each with its own noise")(
    lambda rng: [_trial(4, 3, rng), _trial(2, 5, rng)]
)


@reparameterize.judge("the gradients of mean and log-variance")
def gradients_agree(candidate, rng, twist):
    trial = _trial(3, 2, rng)
    got = candidate.measure(gradients_of, *trial.args)
    want = gradients_of(twist.right, *(each.clone() for each in trial.args))
    for name, mine, right in zip(("mean", "log_variance"), got, want, strict=True):
        if mine is None:
            return Failure(f"No gradient comes through to {name}.", "It is cut off from z.")
        place = first_difference(mine, right)
        if place is not None:
            told = f"{name}{list(place)}: {number(mine[place])}, expected {number(right[place])}."
            return Failure("The gradient of the sum of squares of z is not the right one.", told)
    return None
