"""Exercise 11.5: the bound of any q over fields of codes, and how far it lies below log p(x)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(q: Tensor, log_prior: Tensor, log_likelihood: Tensor) -> tuple[Tensor, Tensor]:
    """The ELBO and KL(q || p(z|x)) of each image, (B,) in nats; where q is 0, a term is 0."""
    joint = log_prior + log_likelihood
    return _mean(q, joint) + _entropy(q), -_entropy(q) - _mean(q, joint.log_softmax(dim=1))


def _mean(q: Tensor, values: Tensor) -> Tensor:
    """E_q[values] of each image; a field that q never takes adds 0, whatever its value."""
    return torch.where(q > 0, q * values, 0).sum(dim=1)


def _entropy(q: Tensor) -> Tensor:
    return -torch.xlogy(q, q).sum(dim=1)


bound_and_gap = Exercise(
    "11.5",
    "The bound, the gap, and log p(x)",
    goal="For codes that can be listed, compute the ELBO of any q and its distance from log p(x).",
    minutes=15,
    reference=reference,
    otherwise="This is not the pair (bound, gap).",
    advice="Two tensors of shape (B,): one bound and one gap an image.",
    parts="(bound, gap)",
    stub='''\
def bound_and_gap(
    q: torch.Tensor, log_prior: torch.Tensor, log_likelihood: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The ELBO of each image and how far it lies below log p(x), for codes that can be listed.

    q               (B, F): q(z|x) over all F fields, rows that sum to 1. A q may be exactly 0
    log_prior       (F,): log p(z) of every field, in nats. A field that q never takes may be
                    impossible
    log_likelihood  (B, F): log p(x|z) of every image given every field; an image may cost thousands
    returns         the bound E_q[log p(x|z)] - KL(q || p(z)), and the gap KL(q || p(z|x)): each
                    (B,), in nats. Their sum is log p(x)

    By hand: two fields, p(z) = [1/4, 3/4], p(x|z) = [1/2, 1/6] and q = [1, 0]. The bound is
             log(1/2) - log(4) = -2.079. The posterior is [1/2, 1/2], so the gap is log 2 = 0.693
    """
    ____
''',
    answer="""\
def bound_and_gap(q, log_prior, log_likelihood):
    joint = log_prior + log_likelihood  # (B, F): log p(z) p(x|z)
    log_p = torch.logsumexp(joint, dim=1)  # exercise 11.4
    used = q > 0  # a field that q never takes adds nothing
    log_q = torch.where(used, q, 1).log()
    terms = torch.where(used, q * (joint - log_q), 0)
    bound = terms.sum(dim=1)
    return bound, log_p - bound
""",
    hints=(
        """The bound is one sum over fields: q times log of p(x|z) p(z) / q. The gap is the rest
        up to log p(x), or, computed for itself, the sum of q times log of q / p(z|x).""",
        """`torch.logsumexp(log_prior + log_likelihood, dim=1)` is log p(x).
        `torch.where(q > 0, ..., 0)` leaves out the fields that q never takes, whose terms would
        be 0 times infinity.""",
        """Feed it q = p(z|x), the softmax of log_prior + log_likelihood: the gap must be 0. Feed
        it a one-hot q: the bound must be log p(x|z) + log p(z) at that field.""",
    ),
)


def _trial(batch: int, n_fields: int, nats: float, rng: torch.Generator) -> Trial:
    """Fields a few nats apart, and a q that is above 0 everywhere."""
    likelihood = -nats - 3 * torch.rand(batch, n_fields, generator=rng, dtype=torch.float64)
    prior = torch.log_softmax(torch.randn(n_fields, generator=rng, dtype=torch.float64), dim=0)
    q = torch.randn(batch, n_fields, generator=rng, dtype=torch.float64).softmax(dim=1)
    return Trial((q, prior, likelihood))


def with_zeros(
    batch: int, n_fields: int, nats: float, rng: torch.Generator, *, impossible: bool = True
) -> Trial:
    """Some q are 0, the first image's is one-hot, and the last field may be impossible."""
    q, prior, likelihood = _trial(batch, n_fields, nats, rng).args
    q[:, -1] = 0
    q[1::2, 0] = 0
    q[0] = 0
    q[0, int(torch.randint(n_fields - 1, (), generator=rng))] = 1
    if impossible:
        prior[-1] = -math.inf
    return Trial((q / q.sum(dim=1, keepdim=True), prior.log_softmax(dim=0), likelihood))


@bound_and_gap.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    q, log_prior, log_likelihood = trial.args
    (place,) = first_difference(got, want)
    which, b = ("bound", "gap")[place // len(q)], place % len(q)
    more = " ..." if len(log_prior) > 5 else ""
    return (
        f"Image {b}: q = {numbers(q[b, :5])}{more}, log p(z) = {numbers(log_prior[:5])}{more}, "
        f"log p(x|z) = {numbers(log_likelihood[b, :5])}{more}. The {which} is "
        f"{number(want[place])} nats. Your function says {number(got[place])}."
    )


bound_and_gap.trials("a q that is above 0 everywhere")(lambda rng: [_trial(3, 4, 2.0, rng)])
bound_and_gap.trials("a q with zeros, one-hot too, and an impossible field", points=2)(
    lambda rng: [with_zeros(4, 6, 2.0, rng, impossible=False), with_zeros(4, 6, 2.0, rng)]
)
bound_and_gap.trials("images that cost thousands of nats")(
    lambda rng: [_trial(3, 5, 2000.0, rng), with_zeros(4, 7, 1500.0, rng)]
)
bound_and_gap.also_try(
    lambda rng: [
        _trial(6, 5, 1.0, rng),
        _trial(5, 3, 0.5, rng),
        with_zeros(6, 5, 1.0, rng),
        with_zeros(5, 4, 1.0, rng, impossible=False),
        _trial(2, 6, 2500.0, rng),
    ]
)


def _joint(log_prior, log_likelihood):
    return log_prior + log_likelihood


def _rest(bound, log_prior, log_likelihood):
    """The bound, and what is missing up to log p(x)."""
    return bound, torch.logsumexp(_joint(log_prior, log_likelihood), dim=1) - bound


@bound_and_gap.mistakes
class Mistakes:
    def exchanged(q, log_prior, log_likelihood):
        """The two results are exchanged: the bound comes first, then the gap."""
        return reference(q, log_prior, log_likelihood)[::-1]

    def no_care_for_zeros(q, log_prior, log_likelihood):
        """Where q is 0, the term is 0 times minus infinity: not a number, and the sum is none
        either. A field that q never takes adds 0."""
        bound = (q * (_joint(log_prior, log_likelihood) - q.log())).sum(dim=1)
        return _rest(bound, log_prior, log_likelihood)

    def clamped(q, log_prior, log_likelihood):
        """The logarithm of q is kept finite, but 0 times the minus infinity of an *impossible*
        field is not a number either. Leave out the whole term where q is 0."""
        log_q = q.clamp(min=1e-12).log()
        bound = (q * (_joint(log_prior, log_likelihood) - log_q)).sum(dim=1)
        return _rest(bound, log_prior, log_likelihood)

    def no_entropy(q, log_prior, log_likelihood):
        """log q is missing: this bound is E_q[log p(x|z) + log p(z)], which is right for a one-hot
        q alone. Any other q has an entropy."""
        return _rest(_mean(q, _joint(log_prior, log_likelihood)), log_prior, log_likelihood)

    def entropy_subtracted(q, log_prior, log_likelihood):
        """log q is added where it should be subtracted: the entropy of q makes the KL smaller."""
        bound = _mean(q, _joint(log_prior, log_likelihood)) - _entropy(q)
        return _rest(bound, log_prior, log_likelihood)

    def kl_added(q, log_prior, log_likelihood):
        """The KL to the prior is added to the bound. It has to be subtracted."""
        kl = -_entropy(q) - _mean(q, log_prior.expand_as(q))
        return _rest(_mean(q, log_likelihood) + kl, log_prior, log_likelihood)

    def no_kl(q, log_prior, log_likelihood):
        """The first result is E_q[log p(x|z)] alone. The KL to the prior is missing."""
        return _rest(_mean(q, log_likelihood), log_prior, log_likelihood)

    def no_prior(q, log_prior, log_likelihood):
        """The prior is missing from the bound: E_q[log p(x|z)] plus the entropy is not enough."""
        bound = _mean(q, log_likelihood) + _entropy(q)
        return _rest(bound, log_prior, log_likelihood)

    def log_of_the_mean(q, log_prior, log_likelihood):
        """The mean of the ratios is taken, then the logarithm: line 2 of chapter 09. The bound is
        the mean of the logarithms."""
        seen = _joint(log_prior, log_likelihood).masked_fill(q == 0, -math.inf)
        return _rest(torch.logsumexp(seen, dim=1), log_prior, log_likelihood)

    def log_of_the_mean_likelihood(q, log_prior, log_likelihood):
        """The first term is log E_q[p(x|z)]. Asked for is the mean of the logarithms."""
        kl = -_entropy(q) - _mean(q, log_prior.expand_as(q))
        first = torch.logsumexp(q.log() + log_likelihood, dim=1)
        return _rest(first - kl, log_prior, log_likelihood)

    def evidence_for_gap(q, log_prior, log_likelihood):
        """The second result is log p(x). Asked for is the gap: log p(x) minus the bound."""
        bound, gap = reference(q, log_prior, log_likelihood)
        return bound, bound + gap

    def negative_gap(q, log_prior, log_likelihood):
        """The gap has the wrong sign: a KL is never below 0."""
        bound, gap = reference(q, log_prior, log_likelihood)
        return bound, -gap

    def kl_to_the_prior_for_gap(q, log_prior, log_likelihood):
        """The second result is KL(q || p(z)), to the *prior*. The gap is the KL to the posterior
        p(z|x)."""
        bound, _ = reference(q, log_prior, log_likelihood)
        return bound, -_entropy(q) - _mean(q, log_prior.expand_as(q))

    def joint_for_posterior(q, log_prior, log_likelihood):
        """The gap compares q with the joint p(x|z) p(z). Divide that by p(x) first: only the
        posterior sums to 1."""
        bound, _ = reference(q, log_prior, log_likelihood)
        return bound, -bound

    def likelihood_for_posterior(q, log_prior, log_likelihood):
        """The posterior is made of the likelihood alone, without the prior."""
        bound, _ = reference(q, log_prior, log_likelihood)
        return bound, -_entropy(q) - _mean(q, log_likelihood.log_softmax(dim=1))

    def the_other_way(q, log_prior, log_likelihood):
        """This gap is KL(p(z|x) || q), the other way round: infinite where q is 0."""
        bound, _ = reference(q, log_prior, log_likelihood)
        log_post = _joint(log_prior, log_likelihood).log_softmax(dim=1)
        return bound, _mean(log_post.exp(), log_post - q.log())

    def gap_of_the_best_field(q, log_prior, log_likelihood):
        """The gap is -log p(z|x) at the field where q is largest: right for a one-hot q alone."""
        bound, _ = reference(q, log_prior, log_likelihood)
        log_post = _joint(log_prior, log_likelihood).log_softmax(dim=1)
        return bound, -log_post.gather(1, q.argmax(dim=1, keepdim=True))[:, 0]

    def gap_without_entropy(q, log_prior, log_likelihood):
        """The gap is E_q[-log p(z|x)]: its log q is missing. That is right for a one-hot q
        alone."""
        bound, gap = reference(q, log_prior, log_likelihood)
        return bound, gap + _entropy(q)

    def made_one_hot(q, log_prior, log_likelihood):
        """q is replaced by a one-hot at its largest entry. Any q is asked for."""
        hard = torch.zeros_like(q).scatter(1, q.argmax(dim=1, keepdim=True), 1)
        return reference(hard, log_prior, log_likelihood)

    def posterior_over_images(q, log_prior, log_likelihood):
        """The sum for p(x) runs over the images. It has to run over the fields: dim=1."""
        joint = _joint(log_prior, log_likelihood)
        bound, _ = reference(q, log_prior, log_likelihood)
        return bound, -_entropy(q) - _mean(q, joint.log_softmax(dim=0))

    def over_the_batch(q, log_prior, log_likelihood):
        """The sums run over the images. Each image has its own bound: sum over the fields,
        dim=1."""
        joint = _joint(log_prior, log_likelihood)
        terms = torch.where(q > 0, q * (joint - torch.where(q > 0, q, 1).log()), 0)
        return terms.sum(dim=0), torch.logsumexp(joint, dim=0) - terms.sum(dim=0)

    def batch_averaged(q, log_prior, log_likelihood):
        """The results are averaged over the images. Asked for is one pair an image."""
        return tuple(each.mean() for each in reference(q, log_prior, log_likelihood))

    def averaged_over_fields(q, log_prior, log_likelihood):
        """The terms are averaged over the fields. They are weighted by q already: add them up."""
        bound, _ = reference(q, log_prior, log_likelihood)
        return _rest(bound / q.shape[1], log_prior, log_likelihood)

    def not_weighted(q, log_prior, log_likelihood):
        """The terms are not weighted by q: a plain mean over the fields is no mean over draws from
        q."""
        terms = _joint(log_prior, log_likelihood) - q.log()
        return _rest(terms.mean(dim=1), log_prior, log_likelihood)

    def costs(q, log_prior, log_likelihood):
        """The first result is a cost, minus the bound. A bound on log p(x) is below 0 here."""
        bound, gap = reference(q, log_prior, log_likelihood)
        return -bound, gap

    def bits(q, log_prior, log_likelihood):
        """The unit is wrong: these are bits. Asked for are nats."""
        return tuple(each / math.log(2) for each in reference(q, log_prior, log_likelihood))

    def exp_too_early(q, log_prior, log_likelihood):
        """exp of minus thousands is 0, and its logarithm minus infinity. `torch.logsumexp` takes
        the largest term out first."""
        bound, _ = reference(q, log_prior, log_likelihood)
        return bound, _joint(log_prior, log_likelihood).exp().sum(dim=1).log() - bound

    def bound_only(q, log_prior, log_likelihood):
        """Only the bound is returned. The gap is missing."""
        return reference(q, log_prior, log_likelihood)[0]

    def prior_as_a_weight(q, log_prior, log_likelihood):
        """The likelihood is averaged under the prior. The bound averages under q."""
        kl = -_entropy(q) - _mean(q, log_prior.expand_as(q))
        weight = log_prior.exp().expand_as(q)
        return _rest(_mean(weight, log_likelihood) - kl, log_prior, log_likelihood)

    def prior_taken_twice(q, log_prior, log_likelihood):
        """The prior is counted twice: it stands in the joint already, and in the KL once more."""
        kl = -_entropy(q) - _mean(q, log_prior.expand_as(q))
        bound = _mean(q, _joint(log_prior, log_likelihood)) - kl
        return _rest(bound, log_prior, log_likelihood)

    def gap_beyond_zero(q, log_prior, log_likelihood):
        """The gap is log p(x) *plus* the bound. It is the difference of the two."""
        bound, gap = reference(q, log_prior, log_likelihood)
        return bound, 2 * bound + gap


@bound_and_gap.right
def by_two_kls(q, log_prior, log_likelihood):
    def kl(log_p):
        return torch.where(q > 0, torch.xlogy(q, q) - q * log_p, 0).sum(dim=1)

    first = torch.where(q > 0, q * log_likelihood, 0).sum(dim=1)
    posterior = (log_prior + log_likelihood).log_softmax(dim=1)
    return first - kl(log_prior.expand_as(q)), kl(posterior)


@bound_and_gap.right
def image_by_image(q, log_prior, log_likelihood):
    bounds, gaps = [], []
    for weights, given in zip(q, log_likelihood, strict=True):
        joint = (given + log_prior).tolist()
        best = max(joint)
        log_p = best + math.log(sum(math.exp(each - best) for each in joint))
        pairs = [(w, j) for w, j in zip(weights.tolist(), joint, strict=True) if w > 0]
        bounds.append(sum(w * (j - math.log(w)) for w, j in pairs))
        gaps.append(log_p - bounds[-1])
    return torch.tensor(bounds), torch.tensor(gaps)
