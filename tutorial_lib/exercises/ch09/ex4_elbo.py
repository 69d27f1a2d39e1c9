"""Exercise 9.4: the ELBO of an image, with the right sign and in the right unit."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.codes.bounds import elbo_nats, gaussian_kl
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(logits: Tensor, levels: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean over draws of log p(x|z), less the KL: (S, B, n), (B, n) and two (B, D) -> (B,)."""
    levels = levels.to(logits.dtype).expand_as(logits)
    cost = F.binary_cross_entropy_with_logits(logits, levels, reduction="none")
    log_likelihood = -cost.sum(dim=2).mean(dim=0)
    return elbo_nats(log_likelihood, gaussian_kl(mean, log_variance))


elbo = Exercise(
    "9.4",
    "The bound, in nats per image",
    goal="Put the two terms of the ELBO together, with the right signs and in one unit.",
    minutes=15,
    reference=reference,
    otherwise="This is not the evidence lower bound.",
    advice="One number an image.",
    stub='''\
def elbo(
    logits: torch.Tensor, levels: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor
) -> torch.Tensor:
    """The evidence lower bound of binary images: E_q[log p(x|z)] - KL(q || p), in nats per image.

    logits              (S, B, n): what the decoder says of n pixels, for S codes drawn from q(z|x)
                        of each image; sigmoid(logit) is the probability of a 1
    levels              (B, n) torch.long: the images, 0 and 1
    mean, log_variance  (B, D): q(z|x) of each image; the prior is N(0, 1) on each axis
    returns             (B,): a bound on log p(x), so higher is better

    By hand: one draw, one pixel, logit 0 and level 1 give log(1/2) = -0.693. With mean 1 and
             log_variance 0 the KL is 0.5 (exercise 9.2). The bound is -0.693 - 0.5 = -1.193
    """
    ____
''',
    answer="""\
def elbo(logits, levels, mean, log_variance):
    target = levels.to(logits.dtype).expand_as(logits)  # the same for all S draws
    cost = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    log_p = -cost.sum(dim=2)  # (S, B): log p(x|z) of whole images
    return log_p.mean(dim=0) - gaussian_kl(mean, log_variance)  # exercise 9.2
""",
    hints=(
        """Two terms. How well do the drawn codes explain the image, on average over the draws?
        And what do they cost? An image is all of its pixels, a code is all of its axes: both
        add up.""",
        """`F.binary_cross_entropy_with_logits(logits, target, reduction="none")` is -log p of
        each pixel; it wants a floating-point target of the same shape (`.expand_as`). Sum
        over dim=2, mean over dim=0. `gaussian_kl` is exercise 9.2.""",
        """The bound on the log-probability of a discrete image is never above 0. If yours is a
        small number near 0 for a large image, something was averaged that has to be summed.""",
    ),
)


def _log_pixels(logits, levels):
    levels = levels.to(logits.dtype).expand_as(logits)
    return -F.binary_cross_entropy_with_logits(logits, levels, reduction="none")


def _explained(logits, levels):
    return _log_pixels(logits, levels).sum(dim=2)


def _trial(n_draws: int, batch: int, n_pixels: int, dim: int, rng: torch.Generator) -> Trial:
    logits = 2 * torch.randn(n_draws, batch, n_pixels, generator=rng, dtype=torch.float64)
    levels = torch.randint(2, (batch, n_pixels), generator=rng)
    mean = 1 + torch.randn(batch, dim, generator=rng, dtype=torch.float64)
    log_variance = -1 - torch.rand(batch, dim, generator=rng, dtype=torch.float64)
    return Trial((logits, levels, mean, log_variance))


@elbo.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    logits, levels, mean, log_variance = trial.args
    (i,) = first_difference(got, want)
    explained = _explained(logits, levels)[:, i]
    kl = gaussian_kl(mean, log_variance)[i]
    return (
        f"Image {i} of {levels.shape[1]} pixels, {len(logits)} draws, {mean.shape[1]} axes: "
        f"log p(x|z) is {number(explained[0])} nats at the first draw and "
        f"{number(explained.mean())} on average, the KL is {number(kl)}. The bound is "
        f"{number(want[i])}. Your function says {number(got[i])}."
    )


@elbo.trials("one image, one draw, a code that costs nothing")
def free_code(rng):
    """q is the prior, so the code costs nothing: the first term alone."""
    logits, levels, mean, _ = _trial(1, 1, 6, 1, rng).args
    return [Trial((logits, levels, 0 * mean, 0 * mean))]


elbo.trials("several images, a code of one axis, one draw")(lambda rng: [_trial(1, 3, 6, 1, rng)])
elbo.trials("several images, axes and draws", points=2)(lambda rng: [_trial(4, 3, 5, 3, rng)])
elbo.also_try(lambda rng: [_trial(3, 16, 5, 2, rng), _trial(2, 12, 7, 4, rng)])


@elbo.terms
def terms(logits, levels, mean, log_variance):
    log_p, each = _explained(logits, levels), _log_pixels(logits, levels)
    kl, (n_draws, _, n) = gaussian_kl(mean, log_variance), logits.shape
    right = each.exp()
    return {
        "log p(x|z)": log_p.mean(dim=0),
        "the KL": kl,
        "log p(x|z) / n": log_p.mean(dim=0) / n,
        "the KL / n": kl / n,
        "the KL / D": kl / mean.shape[1],
        "S · log p(x|z)": log_p.sum(dim=0),
        "S · the KL": n_draws * kl,
        "the KL / S": kl / n_draws,
        "log p(x|z) of the first draw": log_p[0],
        "log p(x|z) of the last draw": log_p[-1],
        "log p(x|z) of the best draw": log_p.amax(dim=0),
        "log p(x|z) of the worst draw": log_p.amin(dim=0),
        "the log of the summed p(x|z)": log_p.logsumexp(dim=0),
        "log S": torch.tensor(math.log(n_draws)),
        "log p(x|z) of the mean logits": _explained(logits.mean(dim=0, keepdim=True), levels)[0],
        "log p(x|z) of the mean probabilities": right.mean(dim=0).log().sum(dim=1),
        "the mean log-probability of all pixels": each.mean().expand_as(kl),
        "log p(x|z) of the whole batch, all draws added": each.sum().expand_as(kl),
        "the log-probability of the ones alone": (each * levels).sum(dim=2).mean(dim=0),
        "log sigmoid(logit) whatever the level": F.logsigmoid(logits).sum(dim=2).mean(dim=0),
        "the probabilities of the pixels": right.sum(dim=2).mean(dim=0),
        "p(x|z)": log_p.exp().mean(dim=0),
        "the squared error of the probabilities": (1 - right).square().sum(dim=2).mean(dim=0),
        "the mean squared error": (1 - right).square().mean(dim=(0, 2)),
        "the squared error of the logits": (logits - levels).square().sum(dim=2).mean(dim=0),
        "the KL of the whole batch": kl.sum().expand_as(kl),
        "the mean KL of the batch": kl.mean().expand_as(kl),
        "the mean log p(x|z) of the batch": log_p.mean().expand_as(kl),
        "log p(x|z) of the whole batch": log_p.mean(dim=0).sum().expand_as(kl),
        "the KL with doubled log-variance": gaussian_kl(mean, 2 * log_variance),
        "the KL from prior to q": 0.5
        * ((1 + mean**2) / log_variance.exp() - 1 + log_variance).sum(dim=1),
    }


@elbo.mistakes
class Mistakes:
    def KL_added(logits, levels, mean, log_variance):
        """The KL is added. The code has a price, so it is subtracted; with a plus, the result can
        exceed log p(x)."""
        return _explained(logits, levels).mean(dim=0) + gaussian_kl(mean, log_variance)

    def a_loss(logits, levels, mean, log_variance):
        """This is minus the ELBO, the loss. A bound on log p(x) is at most 0 here."""
        return -reference(logits, levels, mean, log_variance)

    def pixels_averaged(logits, levels, mean, log_variance):
        """The pixels are averaged, and the KL is not: that weighs the KL n times too much. The
        probability of an image is the product over all of its pixels, so logarithms add up."""
        return _log_pixels(logits, levels).mean(dim=(0, 2)) - gaussian_kl(mean, log_variance)

    def axes_averaged(logits, levels, mean, log_variance):
        """The axes of the KL are averaged. They add up; a KL that is D times too small makes no
        bound."""
        kl = gaussian_kl(mean, log_variance) / mean.shape[1]
        return _explained(logits, levels).mean(dim=0) - kl

    def KL_over_pixels(logits, levels, mean, log_variance):
        """The KL is divided by the number of pixels, though the other term is not. The code is paid
        for once per image, in full."""
        kl = gaussian_kl(mean, log_variance) / levels.shape[1]
        return _explained(logits, levels).mean(dim=0) - kl

    def per_pixel(logits, levels, mean, log_variance):
        """The unit is wrong: these are nats per pixel. Asked for are nats per image."""
        return reference(logits, levels, mean, log_variance) / levels.shape[1]

    def draws_summed(logits, levels, mean, log_variance):
        """The draws are added up. They estimate an expectation: average them."""
        return _explained(logits, levels).sum(dim=0) - gaussian_kl(mean, log_variance)

    def first_draw(logits, levels, mean, log_variance):
        """Only the first draw is used. Average over all of them."""
        return _explained(logits, levels)[0] - gaussian_kl(mean, log_variance)

    def log_of_the_mean(logits, levels, mean, log_variance):
        """The probabilities of the draws are averaged, then the logarithm is taken. The ELBO has
        the mean of the logarithms; Jensen's inequality stands between the two."""
        average = torch.logsumexp(_explained(logits, levels), dim=0) - math.log(len(logits))
        return average - gaussian_kl(mean, log_variance)

    def squared_error(logits, levels, mean, log_variance):
        """The first term is a squared error. It has to be log p(x|z), which for 0 and 1 is the
        cross-entropy."""
        error = (torch.sigmoid(logits) - levels).square().sum(dim=2).mean(dim=0)
        return -error - gaussian_kl(mean, log_variance)

    def no_KL(logits, levels, mean, log_variance):
        """The KL is missing: the code was free. Then nothing is bounded."""
        return _explained(logits, levels).mean(dim=0)

    def KL_averaged_over_the_batch(logits, levels, mean, log_variance):
        """All images get the mean KL of the batch. Every image pays for its own code."""
        kl = gaussian_kl(mean, log_variance).mean()
        return _explained(logits, levels).mean(dim=0) - kl

    def bits(logits, levels, mean, log_variance):
        """The unit is wrong: these are bits. Asked for are nats."""
        return reference(logits, levels, mean, log_variance) / math.log(2)

    def logits_as_log_probabilities(logits, levels, mean, log_variance):
        """The logits are used as if they were log-probabilities. log sigmoid(logit) is the log of
        the probability of a 1."""
        picked = torch.where(levels == 1, logits, -logits).sum(dim=2).mean(dim=0)
        return picked - gaussian_kl(mean, log_variance)

    def sigmoid_twice(logits, levels, mean, log_variance):
        """The logits go through the sigmoid twice: `..._with_logits` takes logits as they are."""
        return reference(torch.sigmoid(logits), levels, mean, log_variance)

    def softmax_over_pixels(logits, levels, mean, log_variance):
        """A softmax runs over the pixels. Each pixel is 0 or 1 for itself: sigmoid."""
        picked = (torch.log_softmax(logits, dim=2) * levels).sum(dim=2).mean(dim=0)
        return picked - gaussian_kl(mean, log_variance)

    def levels_exchanged(logits, levels, mean, log_variance):
        """The levels are exchanged: sigmoid(logit) is the probability of a 1, not of a 0."""
        return reference(-logits, levels, mean, log_variance)

    def last_draw(logits, levels, mean, log_variance):
        """Only the last draw is used. Average over all of them."""
        return _explained(logits, levels)[-1] - gaussian_kl(mean, log_variance)

    def best_draw(logits, levels, mean, log_variance):
        """Only the best draw is used. An expectation averages over all of them."""
        return _explained(logits, levels).amax(dim=0) - gaussian_kl(mean, log_variance)

    def logits_averaged(logits, levels, mean, log_variance):
        """The logits of the draws are averaged before the cross-entropy. Average log p(x|z): first
        the logarithm of each draw, then the mean."""
        return reference(logits.mean(dim=0, keepdim=True), levels, mean, log_variance)

    def probabilities_averaged(logits, levels, mean, log_variance):
        """The probabilities of single pixels are averaged over the draws. A draw explains the image
        as a whole: the mean of log p(x|z) is over whole images."""
        each = _log_pixels(logits, levels).exp().mean(dim=0).log().sum(dim=1)
        return each - gaussian_kl(mean, log_variance)

    def draws_kept(logits, levels, mean, log_variance):
        """There is one bound for each draw. Average over the draws: dim=0."""
        return _explained(logits, levels) - gaussian_kl(mean, log_variance)

    def KL_once_a_draw(logits, levels, mean, log_variance):
        """The KL is subtracted once for each draw. It is one number for q, whatever is drawn."""
        kl = len(logits) * gaussian_kl(mean, log_variance)
        return _explained(logits, levels).mean(dim=0) - kl

    def KL_shared_by_the_draws(logits, levels, mean, log_variance):
        """The KL is divided by the number of draws. It is one number for q, whatever is drawn."""
        kl = gaussian_kl(mean, log_variance) / len(logits)
        return _explained(logits, levels).mean(dim=0) - kl

    def KL_not_halved(logits, levels, mean, log_variance):
        """The KL is twice as large as it should be: its factor 1/2 is missing."""
        return _explained(logits, levels).mean(dim=0) - 2 * gaussian_kl(mean, log_variance)

    def KL_halved(logits, levels, mean, log_variance):
        """The KL is halved once more: only half of the code's cost is subtracted."""
        return _explained(logits, levels).mean(dim=0) - gaussian_kl(mean, log_variance) / 2

    def KL_of_the_batch(logits, levels, mean, log_variance):
        """The KL of all images together is subtracted from each. Every image has its own."""
        return _explained(logits, levels).mean(dim=0) - gaussian_kl(mean, log_variance).sum()

    def KL_of_the_log_as_deviation(logits, levels, mean, log_variance):
        """In the KL, the log-variance is taken for the log of the standard deviation."""
        return _explained(logits, levels).mean(dim=0) - gaussian_kl(mean, 2 * log_variance)

    def KL_the_other_way(logits, levels, mean, log_variance):
        """The KL is that of the prior from q. The bound has KL(q || p): first q, then the prior."""
        ratio = (1 + mean.square()) / log_variance.exp()
        kl = 0.5 * (ratio - 1 + log_variance).sum(dim=1)
        return _explained(logits, levels).mean(dim=0) - kl

    def KL_alone(logits, levels, mean, log_variance):
        """This is minus the KL alone. What the decoder says of the image is missing."""
        return -gaussian_kl(mean, log_variance)

    def ones_only(logits, levels, mean, log_variance):
        """Only pixels of level 1 are counted. A 0 has its probability, too: 1 - sigmoid(logit)."""
        each = (_log_pixels(logits, levels) * levels).sum(dim=2).mean(dim=0)
        return each - gaussian_kl(mean, log_variance)

    def levels_ignored(logits, levels, mean, log_variance):
        """All pixels are taken for ones: log sigmoid(logit) is the log-probability of a 1."""
        each = F.logsigmoid(logits).sum(dim=2).mean(dim=0)
        return each - gaussian_kl(mean, log_variance)

    def probabilities_added(logits, levels, mean, log_variance):
        """The probabilities of the pixels are added. Add their logarithms."""
        each = _log_pixels(logits, levels).exp().sum(dim=2).mean(dim=0)
        return each - gaussian_kl(mean, log_variance)

    def everything_averaged(logits, levels, mean, log_variance):
        """`reduction="none"` is missing: the first term is one mean over draws, images and
        pixels."""
        return _log_pixels(logits, levels).mean() - gaussian_kl(mean, log_variance)

    def batch_averaged(logits, levels, mean, log_variance):
        """The bounds of the images are averaged to one number. Asked for is one an image."""
        return reference(logits, levels, mean, log_variance).mean()

    def batch_added(logits, levels, mean, log_variance):
        """The bounds of the images are added up to one number. Asked for is one an image."""
        return reference(logits, levels, mean, log_variance).sum()

    def first_term_in_bits(logits, levels, mean, log_variance):
        """The first term is in bits and the KL in nats. Both have to be nats."""
        explained = _explained(logits, levels).mean(dim=0) / math.log(2)
        return explained - gaussian_kl(mean, log_variance)


@elbo.right
def by_bernoulli(logits, levels, mean, log_variance):
    log_p = torch.distributions.Bernoulli(logits=logits).log_prob(levels.to(logits.dtype))
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)
    return log_p.sum(-1).mean(0) - kl


@elbo.right
def by_signs(logits, levels, mean, log_variance):
    signed = logits * (2 * levels - 1)
    per_draw = F.logsigmoid(signed).sum(dim=-1) - gaussian_kl(mean, log_variance)
    return per_draw.mean(dim=0)
