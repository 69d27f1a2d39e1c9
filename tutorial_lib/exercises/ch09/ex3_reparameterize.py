"""Exercise 9.3: a draw that the gradient can pass."""

from collections.abc import Callable

import torch
from torch import Tensor

from tutorial_lib.codes.gaussian_posterior import reparameterize as reference
from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial

reparameterize = Exercise(
    "9.3",
    "A draw that the gradient can pass",
    goal="Turn standard noise into a draw from q(z|x), so that mean and variance get gradients.",
    minutes=5,
    reference=reference,
    stub='''\
def reparameterize(
    mean: torch.Tensor, log_variance: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """A draw from N(mean, variance), made of noise that was drawn beforehand.

    mean, log_variance  (B, D): of the Gaussian; the gradient has to reach both
    noise               (B, D): drawn from N(0, 1) by the caller
    returns             (B, D): mean + standard deviation * noise

    By hand: mean 1, log_variance log 4 (so the standard deviation is 2) and noise 0.5 give 2
    """
    ____
''',
    answer="""\
def reparameterize(mean, log_variance, noise):
    deviation = torch.exp(log_variance / 2)  # the root of exp(v) is exp(v / 2)
    return mean + deviation * noise
""",
    hints=(
        """Noise of mean 0 and variance 1, stretched by the standard deviation and moved by the
        mean, is noise of that mean and variance. The randomness comes from outside, so all
        that is left is arithmetic, and arithmetic has derivatives.""",
        """The standard deviation is the root of the variance, and the root of exp(v) is exp(v /
        2): `torch.exp(log_variance / 2)`.""",
        """If the draws scatter too widely or too little, the root is missing. If the encoder
        learns nothing of its variance, a `.detach()`, a `torch.no_grad()` or `torch.normal`
        stands in the way.""",
    ),
)

OWN_NOISE = (
    "The function draws noise of its own: the same arguments give another result each time. Use "
    "the noise that you are given."
)
OTHERWISE = "This is not mean + standard deviation * noise."
NOISE_UNUSED = (
    "With other noise the result is the same: `noise` is not used. A draw with a fixed seed is the "
    "same each time, too."
)
NO_GRADIENT = {
    (True, True): "No gradient comes through: the result is cut off from mean and log-variance, so "
    "an encoder behind it would learn nothing.",
    (True, False): "The mean gets no gradient, though the log-variance does.",
    (False, True): "The log-variance gets no gradient, though the mean does: the width of q would "
    "never be learned.",
}


def _trial(batch: int, dim: int, rng: torch.Generator) -> Trial:
    mean, log_variance, noise = torch.randn(3, batch, dim, generator=rng, dtype=torch.float64)
    return Trial((mean, 1.5 * log_variance, noise))


@reparameterize.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    i, j = place = first_difference(got, want)
    mean, log_variance, noise = (number(each[place]) for each in trial.args)
    return (
        f"Image {i}, axis {j}: mean {mean}, log-variance {log_variance}, noise {noise} give "
        f"{number(want[place])}. Your function says {number(got[place])}."
    )


def _draws_noise(candidate, trial: Trial) -> Failure | None:
    first, second = (reparameterize.read(candidate(*trial.args), trial) for _ in range(2))
    place = first_difference(first, second)
    if place is None:
        return None
    told = f"Called twice: {number(first[place])}, then {number(second[place])} at {list(place)}."
    return Failure(OWN_NOISE, told)


def _check(candidate, trials: list[Trial], rng: torch.Generator) -> Failure | None:
    failure = _draws_noise(candidate, trials[0]) or reparameterize.compare(
        candidate,
        trials,
        further=[_trial(6, 2, rng), _trial(4, 4, rng)],
        otherwise=OTHERWISE,
    )
    if failure and failure.message == OTHERWISE and _ignores_noise(candidate, trials[0]):
        return Failure(f"{OTHERWISE} {NOISE_UNUSED}", failure.evidence)
    return failure


def _ignores_noise(candidate, trial: Trial) -> bool:
    mean, log_variance, noise = trial.args
    return torch.equal(candidate(*trial.args), candidate(mean, log_variance, noise + 1))


def gradients_of(function: Callable, mean: Tensor, log_variance: Tensor, noise: Tensor) -> list:
    """The gradients of the sum of squares of the draw for mean and log-variance; None: cut off."""
    inputs = [mean.requires_grad_(), log_variance.requires_grad_()]
    value = function(*inputs, noise)
    tensor_result(value, tuple(mean.shape))
    if not value.requires_grad:
        return [None, None]
    return list(torch.autograd.grad(value.square().sum(), inputs, allow_unused=True))


def _compare_gradients(candidate, got: list, want: list, rng: torch.Generator) -> Failure | None:
    """Wrong values explain wrong gradients: they are told first."""
    for name, mine, right in zip(("mean", "log_variance"), got, want, strict=True):
        place = first_difference(mine.double(), right)
        if place is not None:
            told = f"{name}{list(place)}: {number(mine[place])}, expected {number(right[place])}."
            wrong = _check(candidate, [_trial(3, 2, rng)], rng)
            return wrong or Failure("The values are right, and a gradient is wrong.", told)
    return None


@reparameterize.judge("one number, with the noise that was given")
def one(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial(1, 1, rng)], rng)


@reparameterize.judge("several images and axes, each with its own noise")
def check_batch(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial(4, 3, rng), _trial(2, 5, rng)], rng)


@reparameterize.judge("the gradients of mean and log-variance")
def gradient(candidate, rng: torch.Generator) -> Failure | None:
    trial = _trial(3, 2, rng)
    failure = _draws_noise(candidate, trial)
    if failure:
        return failure
    got = candidate.measure(gradients_of, *trial.args)
    want = gradients_of(reference, *(each.clone() for each in trial.args))
    cut = tuple(each is None for each in got)
    if any(cut):
        told = f"At [0, 0] they must be {number(want[0][0, 0])} and {number(want[1][0, 0])}."
        return Failure(NO_GRADIENT[cut], f"The gradients of the sum of squares of z: {told}")
    return _compare_gradients(candidate, got, want, rng)


def _deviation(log_variance):
    return torch.exp(log_variance / 2)


@reparameterize.terms
def terms(mean, log_variance, noise):
    variance, deviation = log_variance.exp(), _deviation(log_variance)
    return {
        "mean": mean,
        "deviation · noise": deviation * noise,
        "variance · noise": variance * noise,
        "log-variance · noise": log_variance * noise,
        "noise": noise,
        "deviation": deviation,
        "variance": variance,
        "log-variance": log_variance,
        "mean · deviation": mean * deviation,
        "mean · noise": mean * noise,
        "mean · deviation · noise": mean * deviation * noise,
        "noise / deviation": noise / deviation,
        "variance² · noise": variance**2 * noise,
        "exp(log-variance / 4) · noise": (log_variance / 4).exp() * noise,
        "2 to the (log-variance / 2) · noise": 2 ** (log_variance / 2) * noise,
        "softplus(log-variance) · noise": log_variance.exp().log1p() * noise,
        "deviation · abs(noise)": deviation * noise.abs(),
        "deviation · the mean noise": deviation * noise.mean(),
        "deviation · the mean noise of the batch": deviation * noise.mean(dim=0),
        "deviation · the mean noise of the image": deviation * noise.mean(dim=1, keepdim=True),
        "the mean deviation of the image · noise": deviation.mean(dim=1, keepdim=True) * noise,
    }


@reparameterize.mistakes
class Mistakes:
    def variance_for_deviation(mean, log_variance, noise):
        """The noise is multiplied by the variance. The width of a Gaussian is the root of it,
        exp(log_variance / 2)."""
        return mean + log_variance.exp() * noise

    def the_log_variance_itself(mean, log_variance, noise):
        """The noise is multiplied by the log-variance, which can be negative or 0. Take exp of half
        of it."""
        return mean + log_variance * noise

    def root_of_the_logarithm(mean, log_variance, noise):
        """The root is taken of the log-variance. Take exp first, then the root."""
        return mean + log_variance.abs().sqrt() * noise

    def no_width(mean, log_variance, noise):
        """The noise is added as it is: the log-variance is not used."""
        return mean + noise

    def no_mean(mean, log_variance, noise):
        """The mean is missing: all draws lie around 0."""
        return _deviation(log_variance) * noise

    def mean_stretched(mean, log_variance, noise):
        """The mean is stretched together with the noise. Stretch first, then add the mean."""
        return _deviation(log_variance) * (mean + noise)

    def only_the_mean(mean, log_variance, noise):
        """The result is the mean, without noise: that is an ordinary auto-encoder."""
        return mean + 0 * noise * log_variance

    def noise_not_stretched(mean, log_variance, noise):
        """Mean, deviation and noise are added up. The deviation has to multiply the noise."""
        return mean + _deviation(log_variance) + noise

    def the_noise_of_the_first_image(mean, log_variance, noise):
        """All images get the noise of the first one. Every image has its own."""
        return mean + _deviation(log_variance) * noise[:1]

    def the_noise_of_the_first_axis(mean, log_variance, noise):
        """All axes get the noise of the first one. Every axis has its own."""
        return mean + _deviation(log_variance) * noise[:, :1]

    @says(OWN_NOISE)
    def own_noise(mean, log_variance, noise):
        return mean + _deviation(log_variance) * torch.randn_like(mean)

    @says(NO_GRADIENT[True, True])
    def cut_off(mean, log_variance, noise):
        return reference(mean, log_variance, noise).detach()

    @says(NO_GRADIENT[True, False])
    def mean_cut_off(mean, log_variance, noise):
        return reference(mean.detach(), log_variance, noise)

    @says(NO_GRADIENT[False, True])
    def width_cut_off(mean, log_variance, noise):
        return reference(mean, log_variance.detach(), noise)

    def root_twice(mean, log_variance, noise):
        """The root is taken twice: exp(log_variance / 2) is the standard deviation already."""
        return mean + (log_variance / 4).exp() * noise

    def half_of_the_log(mean, log_variance, noise):
        """The noise is multiplied by half the log-variance. The exp is missing."""
        return mean + log_variance / 2 * noise

    def divided(mean, log_variance, noise):
        """The noise is divided by the standard deviation. Multiply: a wide q scatters more."""
        return mean + noise / _deviation(log_variance)

    def noise_subtracted(mean, log_variance, noise):
        """The noise is subtracted. The draw is the mean *plus* the stretched noise."""
        return mean - _deviation(log_variance) * noise

    def half_of_the_variance(mean, log_variance, noise):
        """Half of the variance stands in the place of its root: exp first, then the root."""
        return mean + log_variance.exp() / 2 * noise

    def variance_squared(mean, log_variance, noise):
        """The noise is multiplied by the variance squared, exp(2 * log_variance). Half the exponent
        is its root, twice the exponent is its square."""
        return mean + (2 * log_variance).exp() * noise

    def mean_times_noise(mean, log_variance, noise):
        """Mean and standard deviation are exchanged: the deviation multiplies the noise, the mean
        is added."""
        return _deviation(log_variance) + mean * noise

    def noise_alone(mean, log_variance, noise):
        """The noise comes back as it is: a draw from the prior, which knows nothing of the
        image."""
        return noise + 0 * mean * log_variance

    def absolute_noise(mean, log_variance, noise):
        """The noise has lost its sign: all draws lie on one side of the mean."""
        return mean + _deviation(log_variance) * noise.abs()

    def power_of_two(mean, log_variance, noise):
        """A power of 2 is taken. The logarithm is natural: `torch.exp`."""
        return mean + 2 ** (log_variance / 2) * noise

    def exp_of_the_draw(mean, log_variance, noise):
        """exp is taken of the product of noise and log-variance. First exp, then multiply."""
        return mean + (log_variance / 2 * noise).exp()

    def mean_of_the_batch(mean, log_variance, noise):
        """All images get the mean of the batch. Every image has its own."""
        return mean.mean(dim=0, keepdim=True) + _deviation(log_variance) * noise

    def width_of_the_batch(mean, log_variance, noise):
        """All images get the average log-variance of the batch. Every image has its own."""
        return mean + _deviation(log_variance.mean(dim=0, keepdim=True)) * noise

    def noise_added_before_exp(mean, log_variance, noise):
        """The noise is added to the log-variance before exp. It has to multiply the deviation."""
        return mean + (log_variance / 2 + noise).exp()


@reparameterize.right
def by_addcmul(mean, log_variance, noise):
    return torch.addcmul(mean, log_variance.exp().sqrt(), noise)


@reparameterize.right
def by_inverting(mean, log_variance, noise):
    precision = torch.exp(-log_variance)
    return noise * precision**-0.5 + mean
