"""Exercise 9.1: log p(x) as a sum over a grid of codes."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(log_likelihood: Tensor, z: Tensor) -> Tensor:
    """log p(x) = log sum over the grid of p(x|z) p(z) dz: (B, G) and (G,) -> (B,), in nats."""
    log_prior = -0.5 * z.square() - 0.5 * math.log(2 * math.pi)
    log_step = (z[1] - z[0]).log()
    return torch.logsumexp(log_likelihood + log_prior + log_step, dim=1)


log_evidence = Exercise(
    "9.1",
    "log p(x), by adding up all codes",
    goal="Compute the evidence of a model with one latent number by quadrature.",
    minutes=10,
    reference=reference,
    otherwise="This is not log p(x).",
    stub='''\
def log_evidence(log_likelihood: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """log p(x), by adding up all codes: the integral of p(x|z) N(z; 0, 1) dz as a sum over a grid.

    log_likelihood  (B, G) torch.float64: log p(x|z) of each image at each code of the grid, in nats
    z               (G,) torch.float64: the codes, evenly spaced, far beyond the prior on both sides
    returns         (B,): log p(x) in nats per image. An image may cost thousands of nats

    By hand: at z = [-1, 0, 1] the prior is [0.242, 0.399, 0.242], and the codes are 1 apart.
             p(x|z) = [1/4, 1/2, 1] gives log(0.0605 + 0.1995 + 0.242) = log(0.502) = -0.689
    """
    ____
''',
    answer="""\
import math


def log_evidence(log_likelihood, z):
    log_prior = -(z**2) / 2 - math.log(2 * math.pi) / 2  # log N(z; 0, 1) at each code
    width = z[1] - z[0]  # of the strip around a code
    log_area = log_likelihood + log_prior + width.log()  # (B, G), of each strip
    highest = log_area.max(dim=1, keepdim=True).values  # else exp gives 0
    total = (log_area - highest).exp().sum(dim=1)
    return total.log() + highest[:, 0]  # or torch.logsumexp(log_area, dim=1) for it all
""",
    hints=(
        """The area under the curve p(x|z) p(z): at each code a small rectangle, as high as the
        product and as wide as the distance between two codes. Add the rectangles, and take
        the logarithm.""",
        """A product of probabilities is a sum of logarithms: log p(x|z) + log p(z) + log dz,
        with log p(z) = -z**2 / 2 - log(2 * pi) / 2. `torch.logsumexp(..., dim=1)` is the log
        of the sum of exponentials, and takes care that none of them becomes 0.""",
        """If all results are off by the same amount, the width of the rectangles or the constant
        of the prior is missing. If they are -inf, exp was taken of a number below -745.""",
    ),
)

OVER_THE_IMAGES = "The sum has run over the images. It has to run over the codes, dim=1."


def _trial(
    batch: int, cost: float | int, rng: torch.Generator, n_codes: int = 161, end: float | int = 8
) -> Trial:
    """Images that are each best explained somewhere between -2 and 2, at `cost` nats or more."""
    z = torch.linspace(-end, end, n_codes, dtype=torch.float64)
    best = 4 * torch.rand(batch, 1, generator=rng, dtype=torch.float64) - 2
    width = 0.4 + torch.rand(batch, 1, generator=rng, dtype=torch.float64)
    spare = cost * (1 + torch.rand(batch, 1, generator=rng, dtype=torch.float64))
    return Trial((-spare - ((z - best) / width).square(), z))


@log_evidence.advises
def advice(shape, trial):
    log_likelihood, z = trial.args
    return OVER_THE_IMAGES if shape == (len(z),) else "One number an image."


@log_evidence.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    log_likelihood, z = trial.args
    (i,) = first_difference(got, want)
    best = log_likelihood[i].argmax()
    return (
        f"{len(z)} codes from {number(z[0])} to {number(z[-1])}. Image {i} has its largest "
        f"log p(x|z), {number(log_likelihood[i, best])} nats, at z = {number(z[best])}; log p(x) "
        f"is {number(want[i])}. Your function says {number(got[i])}."
    )


@log_evidence.trials("an image that all codes explain alike")
def alike(rng):
    """p(x|z) alike for all codes, so that p(x) is the same number."""
    log_likelihood, z = _trial(2, 2, rng).args
    return [Trial((torch.full_like(log_likelihood, -3.0), z))]


log_evidence.trials("images that some codes explain better")(
    lambda rng: [_trial(4, 6, rng), _trial(2, 3, rng, 241)]
)


@log_evidence.trials("images that cost thousands of nats")
def expensive(rng):
    """In one batch with an image that costs a few nats: each needs its own largest number."""
    (cheap, z), (dear, _) = _trial(1, 3, rng).args, _trial(3, 1000, rng).args
    return [Trial((dear, z)), Trial((torch.cat([cheap, dear]), z))]


log_evidence.also_try(
    lambda rng: [_trial(8, 5, rng, 201, 10), _trial(8, 8, rng, 331, 9), _trial(4, 900, rng)]
)


def _log_prior(z):
    return -0.5 * z.square() - 0.5 * math.log(2 * math.pi)


def _log_step(z):
    return (z[1] - z[0]).log()


@log_evidence.terms
def terms(log_likelihood, z):
    joint, log_prior = log_likelihood + _log_prior(z), _log_prior(z)
    return {
        "log p(x)": reference(log_likelihood, z),
        "log dz": _log_step(z),
        "log G": torch.tensor(math.log(len(z))),
        "log(2 pi)": torch.tensor(math.log(2 * math.pi)),
        "the log of the sum of p(x|z)": torch.logsumexp(log_likelihood, dim=1),
        "the largest log p(x|z)": log_likelihood.amax(dim=1),
        "the largest log p(x, z)": joint.amax(dim=1),
        "the sum of log p(x|z)": log_likelihood.sum(dim=1),
        "the mean of log p(x|z)": log_likelihood.mean(dim=1),
        "the sum of log p(z)": log_prior.sum(),
        "dz": z[1] - z[0],
        "the area under log p(x, z)": torch.trapezoid(joint, z, dim=1),
        "1": torch.tensor(1.0),
        "dz · the sum of log p(x, z)": joint.sum(dim=1) * (z[1] - z[0]),
        "log p(x|z) at the middle code": log_likelihood[:, len(z) // 2],
        "log p(x|z) at the first code": log_likelihood[:, 0],
        "log p(x|z), averaged with the weights p(z)": (log_likelihood * log_prior.exp()).sum(dim=1),
    }


@log_evidence.mistakes
class Mistakes:
    def no_step(log_likelihood, z):
        """The heights are added up without their width. Each code stands for a strip that is as
        wide as the distance between two codes."""
        return torch.logsumexp(log_likelihood + _log_prior(z), dim=1)

    def no_prior(log_likelihood, z):
        """The prior is not used: a code that the prior hardly ever draws counts like any other."""
        return torch.logsumexp(log_likelihood + _log_step(z), dim=1)

    def all_codes_alike(log_likelihood, z):
        """This is the plain average over the grid, as if the prior were flat on it. Weigh each code
        with N(z; 0, 1)."""
        return torch.logsumexp(log_likelihood, dim=1) - math.log(len(z))

    def log_inside(log_likelihood, z):
        """The logarithm is taken before the sum: that is the mean of log p(x|z) over the prior,
        which Jensen's inequality puts below log p(x). Sum the probabilities first."""
        return (log_likelihood * (_log_prior(z) + _log_step(z)).exp()).sum(dim=1)

    def best_code(log_likelihood, z):
        """This is log p(x|z) at the best code alone. p(x) adds up all codes, and weighs them."""
        return log_likelihood.amax(dim=1)

    def the_likeliest_pair(log_likelihood, z):
        """This is the largest log p(x, z), the height of the curve. Asked for is the area under
        it."""
        return (log_likelihood + _log_prior(z)).amax(dim=1)

    def constant_forgotten(log_likelihood, z):
        """The prior lacks its factor 1 / sqrt(2 pi), so it does not integrate to 1."""
        return torch.logsumexp(log_likelihood - 0.5 * z.square() + _log_step(z), dim=1)

    def square_not_halved(log_likelihood, z):
        """The square in the exponent of the prior is not halved: N(z; 0, 1) has exp(-z**2 / 2)."""
        log_prior = -z.square() - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(log_likelihood + log_prior + _log_step(z), dim=1)

    def exponentials_of_whole_images(log_likelihood, z):
        """exp of a whole image's log-likelihood is 0 in any precision. Stay with logarithms."""
        return (log_likelihood.exp() * (_log_prior(z) + _log_step(z)).exp()).sum(dim=1).log()

    def a_cost(log_likelihood, z):
        """The sign is turned round: this is -log p(x), a cost."""
        return -reference(log_likelihood, z)

    def bits(log_likelihood, z):
        """These are bits. Asked for are nats: the natural logarithm."""
        return reference(log_likelihood, z) / math.log(2)

    def a_probability(log_likelihood, z):
        """This is p(x) itself. Asked for is its logarithm."""
        return reference(log_likelihood, z).exp()

    def prior_without_log(log_likelihood, z):
        """p(z) is added to a logarithm. A product of probabilities is a sum of logarithms: add
        log p(z)."""
        return torch.logsumexp(log_likelihood + _log_prior(z).exp() + _log_step(z), dim=1)

    def prior_multiplied(log_likelihood, z):
        """log p(x|z) is multiplied by p(z). To multiply probabilities, add their logarithms."""
        return torch.logsumexp(log_likelihood * _log_prior(z).exp() + _log_step(z), dim=1)

    def step_without_log(log_likelihood, z):
        """The step dz is added to a logarithm. Add log dz."""
        return torch.logsumexp(log_likelihood + _log_prior(z) + z[1] - z[0], dim=1)

    def step_multiplied(log_likelihood, z):
        """The logarithm is multiplied by the step dz. The probabilities are: add log dz."""
        return torch.logsumexp(log_likelihood + _log_prior(z), dim=1) * (z[1] - z[0])

    def square_with_plus(log_likelihood, z):
        """The square in the exponent of the prior has no minus: the prior grows outwards."""
        log_prior = 0.5 * z.square() - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(log_likelihood + log_prior + _log_step(z), dim=1)

    def averaged(log_likelihood, z):
        """The products p(x|z) p(z) are averaged over the grid. A rectangle is as wide as one step,
        so multiply their sum by dz, whatever the number of codes."""
        return torch.logsumexp(log_likelihood + _log_prior(z), dim=1) - math.log(len(z))

    def steps_counted_wrongly(log_likelihood, z):
        """The step is the range of z divided by G. G codes have G - 1 steps between them."""
        wide = ((z[-1] - z[0]) / len(z)).log()
        return torch.logsumexp(log_likelihood + _log_prior(z), dim=1) + wide

    def range_for_step(log_likelihood, z):
        """Each rectangle is as wide as the whole grid. It is one step wide, z[1] - z[0]."""
        return torch.logsumexp(log_likelihood + _log_prior(z), dim=1) + (z[-1] - z[0]).log()

    def maximum_not_put_back(log_likelihood, z):
        """The largest log p(x|z) of each image was taken out before exp, and not added again."""
        return reference(log_likelihood, z) - log_likelihood.amax(dim=1)

    def one_maximum_for_the_batch(log_likelihood, z):
        """One maximum is taken out for the whole batch, so that exp of the other images is 0. Each
        image needs its own: `amax(dim=1)`."""
        most, prior = log_likelihood.max(), _log_prior(z).exp()
        return ((log_likelihood - most).exp() * prior).sum(dim=1).log() + most + _log_step(z)

    def likelihood_normalised(log_likelihood, z):
        """p(x|z) is normalised over the codes. It is a distribution over images, not over codes:
        use it as it is."""
        return reference(log_likelihood.log_softmax(dim=1), z)

    def posterior_mean(log_likelihood, z):
        """This is the mean of log p(x|z) over the posterior. Sum the probabilities, weighted with
        the prior, and take the logarithm last."""
        return ((log_likelihood + _log_prior(z)).softmax(dim=1) * log_likelihood).sum(dim=1)

    def sum_of_the_logarithms(log_likelihood, z):
        """The logarithms are added up over the codes, which multiplies the probabilities. Add the
        probabilities: log-sum-exp."""
        return (log_likelihood + _log_prior(z)).sum(dim=1)

    @says(OVER_THE_IMAGES)
    def over_the_images(log_likelihood, z):
        return torch.logsumexp(log_likelihood + _log_prior(z) + _log_step(z), dim=0)


@log_evidence.right
def by_a_normalized_weight(log_likelihood, z):
    return torch.logsumexp(log_likelihood + torch.log_softmax(-0.5 * z**2, dim=0), dim=1)


@log_evidence.right
def by_trapezoids(log_likelihood, z):
    highest = log_likelihood.amax(dim=1, keepdim=True)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).exp()
    area = torch.trapezoid((log_likelihood - highest).exp() * prior, z, dim=1)
    return area.log() + highest[:, 0]
