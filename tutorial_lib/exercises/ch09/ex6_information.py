"""Exercise 9.6: what a code says about which image it came from."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(log_q: Tensor) -> Tensor:
    """Mean of log q(z_i|x_i) - log q(z_i), where q(z) is the mean of all posteriors; nats."""
    log_mixture = torch.logsumexp(log_q, dim=1) - math.log(len(log_q))
    return (log_q.diagonal() - log_mixture).mean()


information = Exercise(
    "9.6",
    "How much the code says",
    goal="Measure how much the codes tell about the images that they were drawn for.",
    minutes=10,
    reference=reference,
    otherwise="This is not the information between image and code.",
    stub='''\
def information(log_q: torch.Tensor) -> torch.Tensor:
    """What a code says about the image that it was drawn for: the mean of log q(z|x) - log q(z).

    log_q    (N, N) torch.float64, at least 2 images: entry [i, j] is log q(z_i | x_j), where z_i
             was drawn for image i
    returns  a number in nats: the mean over i of log q(z_i | x_i) - log q(z_i), where q(z) is the
             average of the N posteriors q(z | x_j), that of image i included

    By hand: q = [[0.9, 0.1], [0.1, 0.9]]. Each code has 0.9 under its own image and (0.9 + 0.1) / 2
             = 0.5 on average: log(0.9 / 0.5) = 0.588 nats, of log 2 = 0.693 at most
    """
    ____
''',
    answer="""\
import math


def information(log_q):
    n = len(log_q)
    log_own = log_q.diagonal()  # log q(z_i | x_i)
    log_average = torch.logsumexp(log_q, dim=1) - math.log(n)  # log q(z_i)
    return (log_own - log_average).mean()
""",
    hints=(
        """Somebody shows you a code. If it is as probable for all images alike, it says nothing.
        Compare how probable it is for its own image with how probable it is for the average
        image.""",
        """`log_q.diagonal()` holds log q(z_i | x_i). The log of an average is
        `torch.logsumexp(..., dim=1)` minus log N.""",
        """Feed it a matrix in which all entries of a row are equal: the result must be 0. Feed
        it 0 on the diagonal and -1000 elsewhere: it must be log N.""",
    ),
)


def draw_trial(n: int, closeness: float, shift: float, rng: torch.Generator) -> Trial:
    """Codes at random places, each drawn near its image; `shift` as many further axes would."""
    places = torch.randn(n, 2, generator=rng, dtype=torch.float64)
    codes = places + closeness * torch.randn(n, 2, generator=rng, dtype=torch.float64)
    squares = ((codes[:, None] - places) / closeness).square().sum(dim=2)
    widths = torch.rand(n, generator=rng, dtype=torch.float64)  # some posteriors are denser
    return Trial((shift - 0.5 * squares + widths,))


def _misleading(rng: torch.Generator) -> Trial:
    """Some codes are less probable under their own image than on average."""
    while True:
        trial = draw_trial(6, 0.7, 2.0, rng)
        if (_own(*trial.args) - _mixture(*trial.args)).min() < -0.05:
            return trial


def _far_apart(rng: torch.Generator) -> Trial:
    """Densities far below what exp can hold, and some codes far below the others."""
    (log_q,) = draw_trial(4, 1.0, -1000.0, rng).args
    return Trial((log_q - torch.tensor([0.0, 2000, 0, 1000], dtype=torch.float64)[:, None],))


@information.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (log_q,) = trial.args
    return (
        f"{len(log_q)} images; the diagonal has the mean {number(log_q.diagonal().mean())}, the "
        f"matrix {number(log_q.mean())}. The information is {number(want)} nats, of log "
        f"{len(log_q)} = {number(math.log(len(log_q)))} at most. Your function says {number(got)}."
    )


@information.trials("codes that say nothing")
def empty(rng):
    """Every code is as probable for one image as for another."""
    rows = torch.randn(4, 1, generator=rng, dtype=torch.float64)
    return [Trial((rows.expand(4, 4).clone(),))]


@information.trials("codes that say everything")
def full(rng):
    """Every code is possible for its own image only."""
    n = int(torch.randint(3, 8, (), generator=rng))
    log_q = torch.full((n, n), -500.0, dtype=torch.float64).fill_diagonal_(0)
    return [Trial((log_q,))]


information.trials("codes in between, and very small densities")(
    lambda rng: [_misleading(rng), _far_apart(rng)]
)
information.also_try(
    lambda rng: (
        [draw_trial(3 + i % 5, 0.4 + 0.1 * (i % 6), i - 5.0, rng) for i in range(22)]
        + [draw_trial(5, 1.0, -900.0, rng)]
    )
)


def _own(log_q):
    return log_q.diagonal()


def _mixture(log_q):
    return torch.logsumexp(log_q, dim=1) - math.log(len(log_q))


@information.terms
def terms(log_q):
    own, mixture, n = _own(log_q), _mixture(log_q), len(log_q)
    others = log_q.masked_fill(torch.eye(n, dtype=torch.bool), -math.inf)
    return {
        "the mean of log q(z|x)": own.mean(),
        "the mean of log q(z)": mixture.mean(),
        "log N": torch.tensor(math.log(n)),
        "the mean of all log q(z_i|x_j)": log_q.mean(),
        "the mean over the columns' log-sum-exp": torch.logsumexp(log_q, dim=0).mean(),
        "the mean over the other images' log-sum-exp": torch.logsumexp(others, dim=1).mean(),
        "log(N - 1)": torch.tensor(math.log(n - 1)),
        "the log-sum-exp of the whole matrix": torch.logsumexp(log_q.flatten(), dim=0),
        "the sum of log q(z|x)": own.sum(),
        "the sum of log q(z)": mixture.sum(),
        "1": torch.tensor(1.0),
        "log q(z|x) of the first code": own[0],
        "log q(z) of the first code": mixture[0],
        "the mean of the largest log q of each code": log_q.amax(dim=1).mean(),
        "the log of the mean q(z)": torch.logsumexp(mixture, dim=0) - math.log(n),
    }


@information.mistakes
class Mistakes:
    def sum_for_average(log_q):
        """q(z) is the *sum* of the posteriors, so log N is missing, and the result is never above
        0. Divide by N."""
        return (_own(log_q) - torch.logsumexp(log_q, dim=1)).mean()

    def mean_of_logs(log_q):
        """The logarithms are averaged. q(z) is the average of the probabilities; take the logarithm
        after that."""
        return (_own(log_q) - log_q.mean(dim=1)).mean()

    def the_others_only(log_q):
        """The image's own posterior is left out of q(z). It belongs to the average; without it, the
        result has no upper limit."""
        n = len(log_q)
        others = log_q.masked_fill(torch.eye(n, dtype=torch.bool), -math.inf)
        return (_own(log_q) - torch.logsumexp(others, dim=1) + math.log(n - 1)).mean()

    def the_other_axis(log_q):
        """The average runs over the codes, for one image. It has to run over the images, for one
        code: dim=1."""
        return (_own(log_q) - torch.logsumexp(log_q, dim=0) + math.log(len(log_q))).mean()

    def own_only(log_q):
        """log q(z) is not subtracted: how dense a code lies says nothing until it is compared."""
        return _own(log_q).mean()

    def mixture_only(log_q):
        """This is -log q(z) alone. The first term, log q(z|x) of the own image, is missing."""
        return -_mixture(log_q).mean()

    def summed(log_q):
        """The images are added up. Asked for is the mean over the images."""
        return (_own(log_q) - _mixture(log_q)).sum()

    def sign(log_q):
        """The sign is turned round: information is positive."""
        return -reference(log_q)

    def bits(log_q):
        """These are bits. Asked for are nats."""
        return reference(log_q) / math.log(2)

    def the_whole_matrix(log_q):
        """All pairs are averaged, where the first term wants each code under its *own* image: the
        diagonal."""
        return (log_q - _mixture(log_q)[:, None]).mean()

    def exponentials(log_q):
        """exp of a log-density below -745 is 0, and 0 / 0 is not a number. Stay with logarithms."""
        return (log_q.exp().diagonal() / log_q.exp().mean(dim=1)).log().mean()

    def exponentials_averaged(log_q):
        """q(z) is averaged as a density: exp of a log-density below -745 is 0, and its log -inf.
        `torch.logsumexp` gives the log of a sum without that."""
        return (_own(log_q) - log_q.exp().mean(dim=1).log()).mean()

    def a_probability(log_q):
        """This is the mean of a ratio or of a softmax, without a logarithm. Asked for is the mean
        of log q(z|x) - log q(z)."""
        return torch.softmax(log_q, dim=1).diagonal().mean()

    def ratios_averaged(log_q):
        """The ratios q(z|x) / q(z) are averaged before the logarithm. Average the logarithms."""
        return (_own(log_q) - _mixture(log_q)).exp().mean().log()

    def weighted_again(log_q):
        """The logarithms are weighted with q once more. The codes were drawn from q already: take
        the plain mean over the codes."""
        return (log_q.exp() * (log_q - _mixture(log_q)[:, None])).sum(dim=1).mean()

    def own_weighted_again(log_q):
        """Each logarithm is multiplied by q(z|x). The codes were drawn from q already: take the
        plain mean over the codes."""
        return (_own(log_q).exp() * (_own(log_q) - _mixture(log_q))).sum()

    def never_negative(log_q):
        """Single codes that say less than nothing are set to 0. Only the mean is information."""
        return (_own(log_q) - _mixture(log_q)).clamp(min=0).mean()

    def one_maximum(log_q):
        """One maximum is taken out for the whole matrix, so that exp of a row of far smaller
        densities is 0. Each row needs its own: `torch.logsumexp`."""
        most = log_q.max()
        return (_own(log_q) - (log_q - most).exp().mean(dim=1).log() - most).mean()

    def not_a_logarithm(log_q):
        """log_q is taken for a probability. It is a logarithm already."""
        return (_own(log_q).log() - log_q.mean(dim=1).log()).mean()

    def a_share(log_q):
        """The result is divided by log N. Asked for are nats, not a share of the most there can
        be."""
        return reference(log_q) / math.log(len(log_q))

    def one_each(log_q):
        """There is one number for each image. Asked for is their mean."""
        return _own(log_q) - _mixture(log_q)

    def N_minus_one(log_q):
        """The sum of all N posteriors is divided by N - 1. The image's own is in it: divide by
        N."""
        return (_own(log_q) - torch.logsumexp(log_q, dim=1)).mean() + math.log(len(log_q) - 1)

    def N_divided_wrongly(log_q):
        """log N is subtracted where it should be added: the average in the denominator is divided
        by N, so its logarithm loses log N."""
        return (_own(log_q) - torch.logsumexp(log_q, dim=1)).mean() - math.log(len(log_q))

    def mixture_of_everything(log_q):
        """One average over the whole matrix stands for q(z). Each code has its own: dim=1."""
        n = len(log_q)
        return _own(log_q).mean() - torch.logsumexp(log_q.flatten(), dim=0) + 2 * math.log(n)

    def the_best_image(log_q):
        """The first term is the image under which the code is likeliest. It has to be the code's
        own image: the diagonal."""
        return (log_q.amax(dim=1) - _mixture(log_q)).mean()

    def the_largest_for_the_average(log_q):
        """The largest log q stands for log q(z). q(z) is the average over all images."""
        return (_own(log_q) - log_q.amax(dim=1)).mean()

    def added(log_q):
        """log q(z) is added. It has to be subtracted: information is a ratio of probabilities."""
        return (_own(log_q) + _mixture(log_q)).mean()

    def the_first_code(log_q):
        """Only the first code is looked at. Asked for is the mean over all of them."""
        return (_own(log_q) - _mixture(log_q))[0]

    def divided(log_q):
        """The two logarithms are divided. The log of a ratio is a difference."""
        return (_own(log_q) / _mixture(log_q)).mean()

    def summed_over_N_twice(log_q):
        """The mean is divided by N once more."""
        return reference(log_q) / len(log_q)


@information.right
def by_softmax(log_q):
    return torch.log_softmax(log_q, dim=1).diagonal().mean() + math.log(len(log_q))


@information.right
def row_by_row(log_q):
    total = 0.0
    for i, row in enumerate(log_q):
        relative = (row - row[i]).clamp(max=700)
        total -= math.log(float(relative.exp().mean()))
    return total / len(log_q)
