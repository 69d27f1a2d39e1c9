"""Exercise 7.1: Bayes' rule, from p(x|y) to p(y|x)."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(bits_per_dim: Tensor, n_dims: int, prior: Tensor) -> Tensor:
    """log p(y|x) in nats, (B, K), by Bayes' rule in log space.

    log-softmax subtracts the log of a sum of exponentials, and takes care that none underflows.
    """
    log_likelihood = -bits_per_dim * n_dims * math.log(2)
    return torch.log_softmax(log_likelihood + prior.log(), dim=1)


label_posterior = Exercise(
    "7.1",
    "Bayes' rule",
    goal="Turn what an image costs under each label into log-probabilities of the labels.",
    minutes=15,
    reference=reference,
    otherwise="These are not the logarithms of p(y|x).",
    stub='''\
def label_posterior(bits_per_dim: torch.Tensor, n_dims: int, prior: torch.Tensor) -> torch.Tensor:
    """Bayes' rule: log p(y|x) from what each image costs under each label.

    bits_per_dim  (B, K) torch.float64: -log p(x|y) in bits per dimension
    n_dims        D, the sub-pixels of an image
    prior         (K,) torch.float64: p(y), all above 0
    returns       (B, K): log p(y|x) in nats. An image may cost thousands of nats

    By hand: 0.5 and 1.5 bits/dim with D = 2 mean p(x|y) = 1/2 and 1/8. With p(y) = 1/4 and 3/4 the
             products are 4/32 and 3/32, so the result is log(4/7) and log(3/7)
    """
    ____
''',
    answer="""\
def label_posterior(bits_per_dim, n_dims, prior):
    bits = bits_per_dim * n_dims  # of the whole image
    log_likelihood = -bits * math.log(2)  # log p(x|y), in nats
    joint = log_likelihood + prior.log()  # log of p(x|y) p(y)
    best = joint.max(dim=1, keepdim=True).values  # taken out: exp must not underflow
    log_sum = best + (joint - best).exp().sum(dim=1, keepdim=True).log()  # log p(x)
    return joint - log_sum
""",
    hints=(
        """p(y|x) is p(x|y) p(y), divided by the sum of this product over all labels of the same
        image. Work with logarithms: a product becomes a sum. And p(x|y) is the probability of
        the *whole* image.""",
        """Bits/dim times D times log 2 are nats per image, with a minus the log-likelihood.
        `torch.log_softmax(..., dim=1)` subtracts the log of the sum of exponentials.""",
        """If the results are nan or -inf for real images, exp was taken of a number below -745.
        If all labels come out almost alike, the bits are still per dimension.""",
    ),
)


def draw_trial(batch: int, n_classes: int, n_dims: int, rng: torch.Generator) -> Trial:
    """Labels some nats apart, whatever D is, and a prior far from uniform."""
    apart = 3 * torch.rand(batch, n_classes, generator=rng, dtype=torch.float64)
    base = 1.5 + 0.2 * torch.rand(batch, 1, generator=rng, dtype=torch.float64)
    prior = torch.rand(n_classes, generator=rng, dtype=torch.float64) + 0.05
    return Trial((base + apart / n_dims, n_dims, prior / prior.sum()))


def far_apart(rng: torch.Generator) -> Trial:
    """Images of 784 dimensions from 0.4 to 2.6 bits/dim, whose labels lie up to 60 bits apart."""
    base = torch.tensor([[0.4], [1.5], [2.6]], dtype=torch.float64)
    apart = 60 * torch.rand(3, 5, generator=rng, dtype=torch.float64)
    return Trial((base + apart / 784, 784, draw_trial(1, 5, 1, rng).args[2]))


@label_posterior.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    bits, n_dims, prior = trial.args
    image, label = first_difference(got, want)
    spare = (bits[image] - bits[image].min()) * n_dims * math.log(2)
    return (
        f"D = {n_dims}. Image {image} costs {number(bits[image].min())} bits/dim under the label "
        f"that suits it best; as nats per image, its labels cost {numbers(spare)} more than that. "
        f"Their priors are {numbers(prior)}. For label {label}, log p(y|x) is "
        f"{number(want[image, label])}. Your function says {number(got[image, label])}; exp of its "
        f"row sums to {number(got[image].exp().sum())}."
    )


@label_posterior.trials("one image of one dimension, all labels alike beforehand")
def one_dimension(rng):
    """One dimension and all labels alike beforehand: the division alone."""
    (bits, n_dims, prior) = draw_trial(1, 4, 1, rng).args
    return [Trial((bits, n_dims, torch.full_like(prior, 0.25)))]


label_posterior.trials("several images, and labels of different prior")(
    lambda rng: [draw_trial(3, 5, 8, rng)]
)
label_posterior.trials("images of thousands of dimensions")(
    lambda rng: [draw_trial(4, 10, 3072, rng), far_apart(rng)]
)
label_posterior.also_try(
    lambda rng: [draw_trial(3, 4, 6, rng), draw_trial(2, 3, 3000, rng), far_apart(rng)]
)


PER_DIMENSION = (
    "The bits are still per dimension. All D sub-pixels together are the image: multiply by D, or "
    "the labels come out almost alike."
)
UNDERFLOW = (
    "exp of a whole image's log-likelihood is 0 even in float64, and 0 / 0 is not a number. Stay "
    "with logarithms."
)
ONE_MAXIMUM = (
    "One maximum is taken for the whole batch, so an image that costs far more than the best one "
    "still underflows. Each image needs its own: dim=1."
)
FLOOR = "Small probabilities are lifted to a floor before the log. Stay with logarithms instead."
NOT_THE_SUM = (
    "What is subtracted is not log p(x), the logarithm of the sum over the labels of p(x|y) p(y)."
)
PRIOR_LOG = "The prior is not added as its natural logarithm, next to a log-likelihood in nats."


def _divided(log_joint):
    return torch.log_softmax(log_joint, dim=1)


def _nats(bits_per_dim, n_dims):
    return -bits_per_dim * n_dims * math.log(2)


@label_posterior.mistakes
class Mistakes:
    @says(PER_DIMENSION)
    def bits_dim_as_they_are(bits_per_dim, n_dims, prior):
        return _divided(-bits_per_dim * math.log(2) + prior.log())

    def bits_for_nats(bits_per_dim, n_dims, prior):
        """Bits are taken for nats: exp and log belong to nats, and a bit is log 2 of them."""
        return _divided(-bits_per_dim * n_dims + prior.log())

    def divided_by_log_2(bits_per_dim, n_dims, prior):
        """The bits are divided by log 2. That is the way from nats to bits, not back."""
        return _divided(-bits_per_dim * n_dims / math.log(2) + prior.log())

    def prior_forgotten(bits_per_dim, n_dims, prior):
        """The prior is not used: a label that is rare to begin with needs better evidence."""
        return _divided(_nats(bits_per_dim, n_dims))

    def prior_without_log(bits_per_dim, n_dims, prior):
        """The prior is added as a probability. Next to log-likelihoods it needs its logarithm."""
        return _divided(_nats(bits_per_dim, n_dims) + prior)

    def over_the_batch(bits_per_dim, n_dims, prior):
        """The sum runs over the images of the batch. It has to run over the labels of one image,
        dim=1."""
        return torch.log_softmax(_nats(bits_per_dim, n_dims) + prior.log(), dim=0)

    def sign(bits_per_dim, n_dims, prior):
        """The sign is turned round: the label under which an image costs most gets the most
        probability."""
        return _divided(-_nats(bits_per_dim, n_dims) + prior.log())

    def not_divided(bits_per_dim, n_dims, prior):
        """This is log p(x|y) + log p(y). The log of its sum over the labels, log p(x), is still to
        be subtracted."""
        return _nats(bits_per_dim, n_dims) + prior.log()

    def probabilities(bits_per_dim, n_dims, prior):
        """These are probabilities. What is asked for is their logarithm."""
        return _divided(Mistakes.not_divided(bits_per_dim, n_dims, prior)).exp()

    @says(UNDERFLOW)
    def exponentials_of_whole_images(bits_per_dim, n_dims, prior):
        joint = _nats(bits_per_dim, n_dims).exp() * prior
        return (joint / joint.sum(dim=1, keepdim=True)).log()

    def divided_before_the_prior(bits_per_dim, n_dims, prior):
        """The prior is added after the division, so the probabilities do not sum to 1 any more."""
        return _divided(_nats(bits_per_dim, n_dims)) + prior.log()

    def the_answer_in_bits(bits_per_dim, n_dims, prior):
        """These are logarithms to base 2. The result is asked for in nats: a bit is log 2 of
        them."""
        return _divided(Mistakes.not_divided(bits_per_dim, n_dims, prior)) / math.log(2)

    @says(ONE_MAXIMUM)
    def one_maximum_for_the_batch(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        joint = joint - joint.max()
        return joint - joint.exp().sum(dim=1, keepdim=True).log()

    @says(ONE_MAXIMUM)
    def one_maximum_and_a_division(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        shares = (joint - joint.max()).exp()
        return (shares / shares.sum(dim=1, keepdim=True)).log()

    @says(FLOOR)
    def probabilities_from_1e_8(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return joint.softmax(dim=1).clamp(min=1e-8).log()

    @says(FLOOR)
    def probabilities_from_1e_12(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return joint.softmax(dim=1).clamp(min=1e-12).log()

    @says(FLOOR)
    def probabilities_and_1e_8(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return (joint.softmax(dim=1) + 1e-8).log()

    @says(FLOOR)
    def probabilities_and_1e_12(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return (joint.softmax(dim=1) + 1e-12).log()

    @says(PER_DIMENSION)
    def bits_dim_without_log_2(bits_per_dim, n_dims, prior):
        return _divided(-bits_per_dim + prior.log())

    @says(PER_DIMENSION)
    def divided_by_D(bits_per_dim, n_dims, prior):
        return _divided(_nats(bits_per_dim, 1) / n_dims + prior.log())

    @says(NOT_THE_SUM)
    def minus_the_sum_of_logs(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return joint - joint.sum(dim=1, keepdim=True)

    @says(NOT_THE_SUM)
    def minus_the_best(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return joint - joint.amax(dim=1, keepdim=True)

    @says(NOT_THE_SUM)
    def plus_the_sum(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return joint + joint.logsumexp(dim=1, keepdim=True)

    @says(NOT_THE_SUM)
    def divided_by_the_log(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return joint / joint.logsumexp(dim=1, keepdim=True)

    @says(NOT_THE_SUM)
    def minus_the_log_of_the_mean(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return _divided(joint) + math.log(joint.shape[1])

    @says(NOT_THE_SUM)
    def minus_the_sum_of_the_batch(bits_per_dim, n_dims, prior):
        joint = Mistakes.not_divided(bits_per_dim, n_dims, prior)
        return joint - joint.logsumexp(dim=(0, 1))

    @says(PRIOR_LOG)
    def prior_to_base_2(bits_per_dim, n_dims, prior):
        return _divided(_nats(bits_per_dim, n_dims) + prior.log2())

    @says(PRIOR_LOG)
    def prior_subtracted(bits_per_dim, n_dims, prior):
        return _divided(_nats(bits_per_dim, n_dims) - prior.log())

    @says(PRIOR_LOG)
    def prior_multiplied(bits_per_dim, n_dims, prior):
        return _divided(_nats(bits_per_dim, n_dims) * prior)

    def prior_for_each_dimension(bits_per_dim, n_dims, prior):
        """The prior is counted D times. It belongs to the image, once."""
        return _divided(_nats(bits_per_dim, n_dims) + n_dims * prior.log())

    def all_in_bits(bits_per_dim, n_dims, prior):
        """Bits are added up and then taken for nats: before exp, multiply by log 2."""
        return _divided(-bits_per_dim * n_dims + prior.log2())

    def likelihood_alone(bits_per_dim, n_dims, prior):
        """This is log p(x|y). Bayes' rule also has the prior, and a division."""
        return _nats(bits_per_dim, n_dims)

    def minus_the_answer(bits_per_dim, n_dims, prior):
        """The sign of the result is turned round. The logarithm of a probability is never above
        0."""
        return -_divided(Mistakes.not_divided(bits_per_dim, n_dims, prior))

    def to_base_10(bits_per_dim, n_dims, prior):
        """These are logarithms to base 10. The result is asked for in nats."""
        return _divided(Mistakes.not_divided(bits_per_dim, n_dims, prior)) / math.log(10)

    def the_likeliest(bits_per_dim, n_dims, prior):
        """This is the likeliest label. What is asked for is log p(y|x) of each."""
        return Mistakes.not_divided(bits_per_dim, n_dims, prior).argmax(dim=1)


@label_posterior.right
def by_logsumexp(bits_per_dim, n_dims, prior):
    joint = torch.log(prior) - n_dims * math.log(2) * bits_per_dim
    return joint - torch.logsumexp(joint, dim=1, keepdim=True)


@label_posterior.right
def from_the_best_label(bits_per_dim, n_dims, prior):
    spare = (bits_per_dim.amin(dim=1, keepdim=True) - bits_per_dim) * n_dims
    joint = 2.0**spare * prior
    return spare * math.log(2) + prior.log() - joint.sum(dim=1, keepdim=True).log()
