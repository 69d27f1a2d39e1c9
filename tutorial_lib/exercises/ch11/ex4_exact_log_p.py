"""Exercise 11.4: log p(x) itself, by summing over every field of codes."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(log_prior: Tensor, log_likelihood: Tensor) -> Tensor:
    """log p(x) = log sum over all fields of p(z) p(x|z): (F,) and (B, F) -> (B,), in nats."""
    return torch.logsumexp(log_prior + log_likelihood, dim=1)


exact_log_p = Exercise(
    "11.4",
    "log p(x), by summing over all codes",
    goal="Compute the exact log-likelihood of an image by summing over every field of codes.",
    minutes=10,
    reference=reference,
    otherwise="This is not the log of the sum over all fields.",
    stub='''\
def exact_log_p(log_prior: torch.Tensor, log_likelihood: torch.Tensor) -> torch.Tensor:
    """log p(x) = log sum_z p(z) p(x|z), over all fields of codes. No bound: the thing itself.

    log_prior       (F,): log p(z) of every field there is, in nats. A field may be impossible
    log_likelihood  (B, F): log p(x|z) of every image given every field; an image may cost thousands
    returns         (B,): log p(x), in nats

    By hand: two fields with p(z) = 1/4 and 3/4 and an image with p(x|z) = 1/2 and 1/6:
             log(1/8 + 1/8) = log(1/4) = -1.386
    """
    ____
''',
    answer="""\
def exact_log_p(log_prior, log_likelihood):
    joint = log_prior + log_likelihood  # (B, F): log of p(z) p(x|z)
    highest = joint.max(dim=1, keepdim=True).values  # taken out, or exp would give 0
    total = (joint - highest).exp().sum(dim=1)
    return total.log() + highest[:, 0]  # or torch.logsumexp(joint, dim=1)
""",
    hints=(
        """The image could have come from any field. Each is a way of its own: first the field,
        p(z), then the image, p(x|z). The probabilities of different ways add up. The
        logarithm comes last.""",
        """`torch.logsumexp(..., dim=1)` is log of a sum of exponentials, and takes the largest
        term out before exp, so that nothing becomes 0. What goes in is the logarithm of p(z)
        p(x|z).""",
        """If the result is -inf for real images, exp was taken too early. If it is a little too
        low everywhere, only the best field was counted, which gives the bound of exercise
        11.3.""",
    ),
)

POSTERIOR = (
    "There is one number for each image *and* field. log p(x) is one number for each image, with "
    "all fields summed out."
)
OVER_THE_BATCH = "The sum runs over the images; it has to run over the fields, dim=1."


def _trial(batch: int, n_fields: int, nats: float, rng: torch.Generator) -> Trial:
    """Fields a few nats apart, whatever an image costs, so that several of them count."""
    likelihood = -nats - 3 * torch.rand(batch, n_fields, generator=rng, dtype=torch.float64)
    prior = torch.log_softmax(torch.randn(n_fields, generator=rng, dtype=torch.float64), dim=0)
    return Trial((prior, likelihood))


@exact_log_p.advises
def advice(shape, trial):
    batch, n_fields = trial.args[1].shape
    advice = {(batch, n_fields): POSTERIOR, (n_fields,): OVER_THE_BATCH}
    return advice.get(shape, "")


@exact_log_p.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    log_prior, log_likelihood = trial.args
    (b,) = first_difference(got, want)
    more = " ..." if len(log_prior) > 6 else ""
    return (
        f"{len(log_prior)} fields with log p(z) = {numbers(log_prior[:6])}{more}. Image {b} has "
        f"log p(x|z) = {numbers(log_likelihood[b, :6])}{more}. So log p(x) is {number(want[b])}. "
        f"Your function says {number(got[b])}."
    )


@exact_log_p.trials("a uniform prior over four fields")
def uniform(rng):
    log_prior, log_likelihood = _trial(2, 4, 2.0, rng).args
    log_prior = torch.full_like(log_prior, -math.log(4))
    return [Trial((log_prior, log_likelihood))]


@exact_log_p.trials("an uneven prior, with an impossible field")
def uneven(rng):
    """An uneven prior under which the last field is impossible."""
    log_prior, log_likelihood = _trial(3, 6, 1.0, rng).args
    log_prior[-1] = -math.inf
    log_likelihood[:, -1] += 40  # it would explain the images best
    log_prior = log_prior.log_softmax(dim=0)
    return [Trial((log_prior, log_likelihood))]


@exact_log_p.trials("images that cost thousands of nats")
def expensive(rng):
    """In one batch with a cheap one: each image needs its own largest number."""
    log_prior, log_likelihood = _trial(4, 81, 1500.0, rng).args
    mixed = log_likelihood + torch.tensor([1500.0, 0, 0, -1500]).double()[:, None]
    return [Trial((log_prior, log_likelihood)), Trial((log_prior, mixed))]


exact_log_p.also_try(
    lambda rng: [_trial(12, 5, 1.0, rng), _trial(12, 7, 2.0, rng), _trial(2, 9, 3000.0, rng)]
)


def _joint(log_prior, log_likelihood):
    return log_prior + log_likelihood


@exact_log_p.terms
def terms(log_prior, log_likelihood):
    joint, log_f = _joint(log_prior, log_likelihood), math.log(len(log_prior))
    image = torch.ones_like(log_likelihood[:, 0])
    return {
        "log p(x)": reference(log_prior, log_likelihood),
        "the log of the sum of p(x|z)": torch.logsumexp(log_likelihood, dim=1),
        "log F": image * log_f,
        "the largest log p(x|z)": log_likelihood.amax(dim=1),
        "the largest log p(z) + log p(x|z)": joint.amax(dim=1),
        "the mean of log p(x|z)": log_likelihood.mean(dim=1),
        "the sum of log p(x|z)": log_likelihood.sum(dim=1),
        "the mean of log p(x|z) under the prior": log_likelihood @ log_prior.exp(),
        "the sum of log p(z)": image * log_prior.sum(),
        "the mean of log p(z)": image * log_prior.mean(),
        "the largest log p(z)": image * log_prior.max(),
        "log p(x|z) of the most probable field": log_likelihood[:, log_prior.argmax()],
        "log p(x|z) of the first field": log_likelihood[:, 0],
        "log p(z) of the first field": image * log_prior[0],
        "log p(z) of the field with the largest log p(x|z)": log_prior[log_likelihood.argmax(1)],
        "the mean of log p(x|z) under p(z|x)": (joint.softmax(dim=1) * log_likelihood).sum(dim=1),
        "the entropy of the prior": image * -torch.xlogy(log_prior.exp(), log_prior.exp()).sum(),
        "1": image,
    }


@exact_log_p.mistakes
class Mistakes:
    def the_best_field(log_prior, log_likelihood):
        """Only the best field is counted. That is a lower bound; all other fields could have made
        the image, too."""
        return _joint(log_prior, log_likelihood).max(dim=1).values

    def prior_forgotten(log_prior, log_likelihood):
        """The prior is not used: p(x|z) is added up over the fields as if each were certain."""
        return torch.logsumexp(log_likelihood, dim=1)

    def uniform_prior(log_prior, log_likelihood):
        """All fields count alike. That is right for a uniform prior only; here each has its own log
        p(z)."""
        return Mistakes.prior_forgotten(log_prior, log_likelihood) - math.log(len(log_prior))

    def mean_of_the_logarithms(log_prior, log_likelihood):
        """This is the mean of log p(x|z) under the prior. The log of a mean is wanted, not the mean
        of logs, which is lower (an ELBO whose q is the prior)."""
        return log_likelihood @ log_prior.exp()

    def sum_of_the_logarithms(log_prior, log_likelihood):
        """The logarithms are added up over the fields, which multiplies the probabilities. One
        field *or* another made the image: add probabilities."""
        return _joint(log_prior, log_likelihood).sum(dim=1)

    def exponentials_of_whole_images(log_prior, log_likelihood):
        """exp of a whole image's log-likelihood is 0 in any precision, and log 0 is -inf. Use
        log-sum-exp."""
        return (log_prior.exp() * log_likelihood.exp()).sum(dim=1).log()

    def prior_without_log(log_prior, log_likelihood):
        """p(z) is added to a logarithm. A product of probabilities is a sum of *logarithms*: add
        log p(z)."""
        return torch.logsumexp(log_likelihood + log_prior.exp(), dim=1)

    def logarithms_multiplied(log_prior, log_likelihood):
        """The two logarithms are multiplied. The probabilities are; their logarithms are added."""
        return torch.logsumexp(torch.where(log_prior > -99, log_prior, 0) * log_likelihood, dim=1)

    def a_probability(log_prior, log_likelihood):
        """This is p(x). What is asked for is its logarithm."""
        return reference(log_prior, log_likelihood).exp()

    def a_cost(log_prior, log_likelihood):
        """The sign is turned round: this is the cost, -log p(x)."""
        return -reference(log_prior, log_likelihood)

    def one_maximum_for_the_batch(log_prior, log_likelihood):
        """One maximum is taken out for the whole batch, so that exp of the other images is 0. Each
        image needs its own: `amax(dim=1)`."""
        joint = _joint(log_prior, log_likelihood)
        return (joint - joint.max()).exp().sum(dim=1).log() + joint.max()

    def maximum_not_put_back(log_prior, log_likelihood):
        """The largest number of each image was taken out before exp, and not added again."""
        joint = _joint(log_prior, log_likelihood)
        return (joint - joint.amax(dim=1, keepdim=True)).exp().sum(dim=1).log()

    def prior_subtracted(log_prior, log_likelihood):
        """log p(z) is subtracted, so the rarest fields count the most. Add it."""
        return torch.logsumexp(log_likelihood - log_prior, dim=1)

    def likelihood_normalised(log_prior, log_likelihood):
        """p(x|z) is normalised over the fields. It is a distribution over images: use it as it
        is."""
        return reference(log_prior, log_likelihood.log_softmax(dim=1))

    @says(POSTERIOR)
    def one_for_each_field(log_prior, log_likelihood):
        return torch.log_softmax(_joint(log_prior, log_likelihood), dim=1)

    @says(OVER_THE_BATCH)
    def over_the_batch(log_prior, log_likelihood):
        return torch.logsumexp(_joint(log_prior, log_likelihood), dim=0)

    def divided_by_the_fields(log_prior, log_likelihood):
        """The sum is divided by the number of fields. The prior's weights are in it already: a
        plain sum."""
        joint = _joint(log_prior, log_likelihood)
        return torch.logsumexp(joint, dim=1) - math.log(len(log_prior))

    def bits(log_prior, log_likelihood):
        """These are bits. Asked for are nats."""
        return reference(log_prior, log_likelihood) / math.log(2)

    def the_likeliest_field_given_x(log_prior, log_likelihood):
        """Only the field with the largest p(x|z) is counted, with its prior. All fields count."""
        best = log_likelihood.argmax(dim=1, keepdim=True)
        return _joint(log_prior, log_likelihood).gather(1, best)[:, 0]

    def the_best_likelihood(log_prior, log_likelihood):
        """This is the largest p(x|z) alone: one field, and no prior."""
        return log_likelihood.amax(dim=1)

    def the_field_of_the_prior(log_prior, log_likelihood):
        """Only the field that the prior likes best is counted. All fields count."""
        return log_likelihood[:, log_prior.argmax()]

    def the_field_of_the_prior_with_p(log_prior, log_likelihood):
        """Only the field that the prior likes best is counted, with its p(z). All fields count."""
        return _joint(log_prior, log_likelihood)[:, log_prior.argmax()]

    def one_number(log_prior, log_likelihood):
        """The whole batch is added up to one number. Each image has its own log p(x)."""
        return reference(log_prior, log_likelihood).sum()

    def one_mean(log_prior, log_likelihood):
        """The images are averaged to one number. Each image has its own log p(x)."""
        return reference(log_prior, log_likelihood).mean()

    def squared_prior(log_prior, log_likelihood):
        """The prior is counted twice. p(z) is multiplied in once."""
        return torch.logsumexp(2 * log_prior + log_likelihood, dim=1)

    def likelihood_subtracted(log_prior, log_likelihood):
        """log p(x|z) is subtracted. Probabilities are multiplied, so logarithms are added."""
        return torch.logsumexp(log_prior - log_likelihood, dim=1)

    def mean_of_the_joint(log_prior, log_likelihood):
        """The logarithms are averaged over the fields. Add the probabilities, then take the
        logarithm."""
        return _joint(log_prior, log_likelihood).mean(dim=1)


@exact_log_p.right
def from_the_best(log_prior, log_likelihood):
    joint = log_likelihood + log_prior
    best = joint.amax(dim=1)
    return best + (joint - best[:, None]).exp().sum(dim=1).log()


@exact_log_p.right
def one_by_one(log_prior, log_likelihood):
    total = torch.full((len(log_likelihood),), -math.inf, dtype=log_likelihood.dtype)
    for field, each in enumerate(log_prior):
        total = torch.logaddexp(total, each + log_likelihood[:, field])
    return total
