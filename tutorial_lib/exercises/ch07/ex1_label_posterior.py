"""Exercise 7.1: Bayes' rule, from p(x|y) to p(y|x)."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise
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
    lambda rng: [draw_trial(4, 10, 3072, rng)]
)
label_posterior.also_try(lambda rng: [draw_trial(3, 4, 6, rng), draw_trial(2, 3, 3000, rng)])


def _divided(log_joint):
    return torch.log_softmax(log_joint, dim=1)


def _nats(bits_per_dim, n_dims):
    return -bits_per_dim * n_dims * math.log(2)


@label_posterior.mistakes
class Mistakes:
    def bits_dim_as_they_are(bits_per_dim, n_dims, prior):
        """The bits are still per dimension. All D sub-pixels together are the image: multiply by D,
        or the labels come out almost alike."""
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

    def exponentials_of_whole_images(bits_per_dim, n_dims, prior):
        """exp of a whole image's log-likelihood is 0 even in float64, and 0 / 0 is not a number.
        Stay with logarithms."""
        joint = _nats(bits_per_dim, n_dims).exp() * prior
        return (joint / joint.sum(dim=1, keepdim=True)).log()

    def divided_before_the_prior(bits_per_dim, n_dims, prior):
        """The prior is added after the division, so the probabilities do not sum to 1 any more."""
        return _divided(_nats(bits_per_dim, n_dims)) + prior.log()

    def the_answer_in_bits(bits_per_dim, n_dims, prior):
        """These are logarithms to base 2. The result is asked for in nats: a bit is log 2 of
        them."""
        return _divided(Mistakes.not_divided(bits_per_dim, n_dims, prior)) / math.log(2)


@label_posterior.right
def by_logsumexp(bits_per_dim, n_dims, prior):
    joint = torch.log(prior) - n_dims * math.log(2) * bits_per_dim
    return joint - torch.logsumexp(joint, dim=1, keepdim=True)


@label_posterior.right
def from_the_best_label(bits_per_dim, n_dims, prior):
    spare = (bits_per_dim.amin(dim=1, keepdim=True) - bits_per_dim) * n_dims
    joint = 2.0**spare * prior
    return spare * math.log(2) + prior.log() - joint.sum(dim=1, keepdim=True).log()
