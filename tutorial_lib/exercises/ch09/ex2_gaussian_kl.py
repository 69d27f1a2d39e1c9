"""Exercise 9.2: the KL of a Gaussian from the prior, in closed form."""

import math

import torch
from torch import Tensor

from tutorial_lib.codes.bounds import gaussian_kl as reference
from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial

gaussian_kl = Exercise(
    "9.2",
    "What a Gaussian code costs",
    goal="Write the KL of a Gaussian with independent axes from the standard normal prior.",
    minutes=10,
    reference=reference,
    otherwise="This is not the KL of q from the prior.",
    stub='''\
def gaussian_kl(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL(q || p) for q = N(mean, variance), its D axes independent, and p = N(0, 1) on each axis.

    mean, log_variance  (B, D); log_variance is the natural logarithm of the variance
    returns             (B,): nats per image

    By hand: mean [1, 0] and log_variance [0, log 4] give (1 + 1 - 1 - 0) / 2 = 0.5 for the first
             axis and (0 + 4 - 1 - 1.386) / 2 = 0.807 for the second: 1.307
    """
    ____
''',
    answer="""\
def gaussian_kl(mean, log_variance):
    variance = log_variance.exp()
    on_each_axis = (mean**2 + variance - 1 - log_variance) / 2  # (B, D)
    return on_each_axis.sum(dim=1)  # independent axes add up
""",
    hints=(
        """Each axis on its own first: a tensor (B, D) of KLs. Then add up the axes of each
        image.""",
        """`.square()`, `.exp()` and `.sum(dim=1)`. The variance is the exp of its logarithm, and
        the last term of the formula is what you were given.""",
        """A KL is 0 where mean and log-variance are 0, and positive everywhere else. If yours is
        negative somewhere, a sign or the -1 is off.""",
    ),
)

OVER_THE_BATCH = "The images were added up, and the axes kept. Every image has its own KL: dim=1."


def _trial(batch: int, dim: int, rng: torch.Generator) -> Trial:
    mean = 1.5 * torch.randn(batch, dim, generator=rng, dtype=torch.float64)
    log_variance = torch.randn(batch, dim, generator=rng, dtype=torch.float64) - 0.7
    return Trial((mean, log_variance))


@gaussian_kl.advises
def advice(shape, trial):
    batch, dim = trial.args[0].shape
    return OVER_THE_BATCH if shape == (dim,) else "One number an image."


@gaussian_kl.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    mean, log_variance = trial.args
    (i,) = first_difference(got, want)
    return (
        f"Image {i}: mean {numbers(mean[i])}, log-variance {numbers(log_variance[i])}. Its KL is "
        f"{number(want[i])} nats. Your function says {number(got[i])}."
    )


@gaussian_kl.trials("one axis, mean 0, several widths")
def narrow(rng):
    """Mean 0: what the width alone costs."""
    mean, log_variance = _trial(4, 1, rng).args
    return [Trial((torch.zeros_like(mean), log_variance))]


@gaussian_kl.trials("one axis, variance 1, several means")
def shifted(rng):
    """Variance 1: what the mean alone costs."""
    mean, log_variance = _trial(3, 1, rng).args
    return [Trial((mean, torch.zeros_like(log_variance)))]


gaussian_kl.trials("several images, several axes")(
    lambda rng: [_trial(3, 4, rng), _trial(2, 3, rng)]
)
gaussian_kl.also_try(lambda rng: [_trial(16, 2, rng), _trial(16, 5, rng)])


def _axes(mean, log_variance):
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


@gaussian_kl.terms
def terms(mean, log_variance):
    variance, on_axes = log_variance.exp(), _axes(mean, log_variance)
    summed = {
        "mean²": mean.square(),
        "variance": variance,
        "log variance": log_variance,
        "deviation": variance.sqrt(),
        "mean": mean,
        "abs(mean)": mean.abs(),
        "variance²": variance.square(),
        "(log variance)²": log_variance.square(),
        "mean² / variance": mean.square() / variance,
        "1 / variance": 1 / variance,
        "exp(mean)²": (2 * mean).exp(),
        "2 to the log variance": 2**log_variance,
        "10 to the log variance": 10**log_variance,
    }
    return {
        "D": torch.full_like(mean[:, 0], mean.shape[1]),
        **{f"Σ {name}": each.sum(dim=1) for name, each in summed.items()},
        "1": torch.ones_like(mean[:, 0]),
        "(Σ mean)²": mean.sum(dim=1).square(),
        "the length of the mean": mean.norm(dim=1),
        "the KL of the first axis": on_axes[:, 0],
        "the KL of the last axis": on_axes[:, -1],
        "the largest KL of an axis": on_axes.amax(dim=1),
    }


@gaussian_kl.mistakes
class Mistakes:
    def averaged_over_the_axes(mean, log_variance):
        """The axes are averaged. Independent axes *add up*: the mean makes the KL weigh D times
        less, and no bound can be made of it."""
        return _axes(mean, log_variance).mean(dim=1)

    @says(OVER_THE_BATCH)
    def over_the_batch(mean, log_variance):
        return _axes(mean, log_variance).sum(dim=0)

    def not_halved(mean, log_variance):
        """The factor 1/2 is missing: this is twice the KL."""
        return 2 * reference(mean, log_variance)

    def sign(mean, log_variance):
        """This is minus the KL. A KL is never below 0."""
        return -reference(mean, log_variance)

    def bits(mean, log_variance):
        """These are bits. Asked for are nats: the natural logarithm."""
        return reference(mean, log_variance) / math.log(2)

    def the_logarithm_of_the_deviation(mean, log_variance):
        """The log-variance is taken for the log of the standard deviation, and its exp for the
        deviation. It is the log of the variance: halve it for the deviation."""
        return reference(mean, 2 * log_variance)

    def already_the_variance(mean, log_variance):
        """The log-variance is taken for the variance itself. It can be negative; its exp is the
        variance."""
        return 0.5 * (mean.square() + log_variance - 1 - log_variance.abs().log()).sum(dim=1)

    def deviation_for_variance(mean, log_variance):
        """The second term is the standard deviation. The formula has the variance: exp of all of
        the log-variance, not of half."""
        return 0.5 * (mean.square() + (log_variance / 2).exp() - 1 - log_variance).sum(dim=1)

    def no_minus_one(mean, log_variance):
        """The -1 of each axis is missing: q = p must give exactly 0."""
        return 0.5 * (mean.square() + log_variance.exp() - log_variance).sum(dim=1)

    def log_added(mean, log_variance):
        """The log-variance is added. It has to be subtracted, so that a very narrow q costs
        much."""
        return 0.5 * (mean.square() + log_variance.exp() - 1 + log_variance).sum(dim=1)

    def no_log(mean, log_variance):
        """The last term, minus the log-variance, is missing: then a narrow q costs nothing."""
        return 0.5 * (mean.square() + log_variance.exp() - 1).sum(dim=1)

    def mean_not_squared(mean, log_variance):
        """The mean has to be squared."""
        return 0.5 * (mean + log_variance.exp() - 1 - log_variance).sum(dim=1)

    def no_mean(mean, log_variance):
        """The mean is not used: a q that lies far from the prior costs more."""
        return reference(torch.zeros_like(mean), log_variance)

    def mean_only(mean, log_variance):
        """Only the mean is used. A q that is narrower or wider than the prior has its price,
        too."""
        return reference(mean, torch.zeros_like(log_variance))

    def logarithm_of_the_log_variance(mean, log_variance):
        """The logarithm of the log-variance is taken, which is nan below 0. You are given the
        logarithm already; the variance is its exp."""
        return 0.5 * (mean.square() + log_variance - 1 - log_variance.log()).sum(dim=1)

    def multiplied(mean, log_variance):
        """The axes are multiplied. Logarithms of independent axes add up."""
        return _axes(mean, log_variance).prod(dim=1)

    def the_other_direction(mean, log_variance):
        """This is KL(p || q), with prior and posterior exchanged: the mean over the prior, not over
        q."""
        ratio = (1 + mean.square()) / log_variance.exp()
        return 0.5 * (ratio - 1 + log_variance).sum(dim=1)

    def mean_alone_halved(mean, log_variance):
        """Only the square of the mean is halved. The factor 1/2 belongs to all four terms."""
        return (0.5 * mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)

    def mean_not_halved(mean, log_variance):
        """The square of the mean is not halved. The factor 1/2 belongs to all four terms."""
        return (mean.square() + 0.5 * (log_variance.exp() - 1 - log_variance)).sum(dim=1)

    def log_not_halved(mean, log_variance):
        """The log-variance is not halved. The factor 1/2 belongs to all four terms."""
        return (0.5 * (mean.square() + log_variance.exp() - 1) - log_variance).sum(dim=1)

    def log_halved_twice(mean, log_variance):
        """The last term is halved twice: it is the log of the variance in the formula, not of the
        standard deviation."""
        on_axes = mean.square() + log_variance.exp() - 1 - log_variance / 2
        return 0.5 * on_axes.sum(dim=1)

    def mean_subtracted(mean, log_variance):
        """The square of the mean is subtracted. Far from the prior, a code costs more."""
        return 0.5 * (log_variance.exp() - 1 - log_variance - mean.square()).sum(dim=1)

    def variance_subtracted(mean, log_variance):
        """The variance is subtracted. A q that is wider than the prior costs more, not less."""
        return 0.5 * (mean.square() - log_variance.exp() - 1 - log_variance).sum(dim=1)

    def one_added(mean, log_variance):
        """The 1 is added. It has to be subtracted, so that q = p gives 0."""
        return 0.5 * (mean.square() + log_variance.exp() + 1 - log_variance).sum(dim=1)

    def one_for_all_axes(mean, log_variance):
        """The 1 is subtracted once for all axes. Each axis has its own."""
        total = (mean.square() + log_variance.exp() - log_variance).sum(dim=1)
        return 0.5 * (total - 1)

    def no_variance(mean, log_variance):
        """The variance itself, exp of the log-variance, is missing from the sum."""
        return 0.5 * (mean.square() - 1 - log_variance).sum(dim=1)

    def variance_squared(mean, log_variance):
        """The variance is squared. It is a square already."""
        on_axes = mean.square() + (2 * log_variance).exp() - 1 - log_variance
        return 0.5 * on_axes.sum(dim=1)

    def axes_kept(mean, log_variance):
        """There is one KL for each axis. Independent axes add up: one number an image."""
        return _axes(mean, log_variance)

    def one_number(mean, log_variance):
        """The whole batch is added up. Every image has its own KL."""
        return _axes(mean, log_variance).sum()

    def one_mean(mean, log_variance):
        """All is averaged to one number. Every image has its own KL, and axes add up."""
        return _axes(mean, log_variance).mean()

    def batch_mean(mean, log_variance):
        """The mean over the batch is taken. Every image has its own KL."""
        return _axes(mean, log_variance).sum(dim=1).mean()

    def the_first_axis(mean, log_variance):
        """Only the first axis is counted. All axes add up."""
        return _axes(mean, log_variance)[:, 0]

    def the_last_axis(mean, log_variance):
        """Only the last axis is counted. All axes add up."""
        return _axes(mean, log_variance)[:, -1]


@gaussian_kl.right
def by_distributions(mean, log_variance):
    normal = torch.distributions.Normal
    q = normal(mean, (0.5 * log_variance).exp())
    p = normal(torch.zeros_like(mean), torch.ones_like(mean))
    return torch.distributions.kl_divergence(q, p).sum(dim=-1)


@gaussian_kl.right
def axis_by_axis(mean, log_variance):
    totals = []
    for means, logs in zip(mean.tolist(), log_variance.tolist(), strict=True):
        pairs = zip(means, logs, strict=True)
        totals.append(sum((m * m + math.exp(v) - 1 - v) / 2 for m, v in pairs))
    return torch.tensor(totals, dtype=mean.dtype)
