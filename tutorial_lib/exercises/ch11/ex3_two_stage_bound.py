"""Exercise 11.3: the bound of section 3.2, from the logits of both stages."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import nll_nats


def reference(
    decoder_logits: Tensor, levels: Tensor, prior_logits: Tensor, indices: Tensor
) -> Tensor:
    """log p(x|z) + log p(z), each summed over its own positions: (B,), nats per image.

    `nll_nats` is a cost, and asks for log-softmax of the logits at what is really there.
    """
    return -nll_nats(decoder_logits, levels) - nll_nats(prior_logits, indices)


two_stage_bound = Exercise(
    "11.3",
    "The bound of the two stages",
    goal="Add up what the decoder and the prior say of an image and its codes.",
    minutes=10,
    reference=reference,
    otherwise="This is another combination of the two terms.",
    stub='''\
def two_stage_bound(
    decoder_logits: torch.Tensor,
    levels: torch.Tensor,
    prior_logits: torch.Tensor,
    indices: torch.Tensor,
) -> torch.Tensor:
    """log p(x|z) + log p(z) at z = z_q(x): a lower bound on log p(x). [VQ-VAE, sec. 3.2]

    decoder_logits  (B, L, C, H, W), what the decoder says of every sub-pixel
    levels          (B, C, H, W) torch.long, the images
    prior_logits    (B, K, h, w), what the prior says of every code
    indices         (B, h, w) torch.long, the codes of the images
    returns         (B,), nats per image

    By hand: one pixel of level 1 with decoder logits [0, log 3], and one code, number 0, with prior
             logits [0, 0]: log(3/4) + log(1/2) = log(3/8) = -0.981
    """
    ____
''',
    answer="""\
def two_stage_bound(decoder_logits, levels, prior_logits, indices):
    total = 0
    for logits, symbols in ((decoder_logits, levels), (prior_logits, indices)):
        log_p = torch.log_softmax(logits, dim=1)  # of every level, or of every code
        chosen = log_p.gather(1, symbols[:, None])  # of the one that is there
        total = total + chosen.flatten(1).sum(dim=1)  # all positions of an image
    return total
""",
    hints=(
        """Two independent questions. How probable are these levels, if the decoder is right? How
        probable are these codes, if the prior is right? Each answer is a sum of logarithms
        over all positions of an image, and the two sums are added.""",
        """`tutorial_lib.pixels.nll_nats(logits, symbols)` is exercise 1.3: a cost for each
        image, for fields of any shape. Or `torch.log_softmax(logits, dim=1)`, then `gather`
        along dim=1 with `symbols[:, None]`, then a sum over all but the batch.""",
        """A bound on a log-probability is below 0. If yours is above, it is a cost, or the
        logits have not been through a log-softmax. If an unlikely code does not lower it, the
        prior is missing.""",
    ),
)


def _parts(decoder_logits, levels, prior_logits, indices):
    """log p(x|z) and log p(z), (B,) each."""
    return -nll_nats(decoder_logits, levels), -nll_nats(prior_logits, indices)


ONE_EACH = "There is one bound for each image of the batch."


def draw_trial(batch: int, image: tuple, field: tuple, sizes: tuple, rng: torch.Generator) -> Trial:
    """Images of shape (C, H, W) in L levels and fields (h, w) of K codes, under random logits."""
    n_levels, n_codes = sizes
    decoder = 2 * torch.randn(batch, n_levels, *image, generator=rng)
    prior = 2 * torch.randn(batch, n_codes, *field, generator=rng)
    levels = torch.randint(n_levels, (batch, *image), generator=rng)
    indices = torch.randint(n_codes, (batch, *field), generator=rng)
    return Trial((decoder, levels, prior, indices))


@two_stage_bound.advises
def advice(shape, trial):
    return ONE_EACH


@two_stage_bound.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (b,) = first_difference(got, want)
    given, prior = (each[b] for each in _parts(*trial.args))
    n_pixels, n_codes = (trial.args[i][0].numel() for i in (1, 3))
    return (
        f"Image {b}: log p(x|z) over {n_pixels} sub-pixels is {number(given)}, log p(z) over "
        f"{n_codes} codes is {number(prior)}, together {number(want[b])} nats. Your function says "
        f"{number(got[b])}."
    )


@two_stage_bound.trials("a prior that is sure of the codes")
def sure_prior(rng):
    """A prior that is sure of the codes takes nothing: the decoder's term alone."""
    decoder, levels, prior, indices = draw_trial(2, (1, 4, 4), (2, 2), (3, 4), rng).args
    prior = 200 * F.one_hot(indices, prior.shape[1]).movedim(-1, 1).float()
    return [Trial((decoder, levels, prior, indices))]


two_stage_bound.trials("one image and its four codes")(
    lambda rng: [draw_trial(1, (1, 4, 4), (2, 2), (2, 8), rng)]
)
two_stage_bound.trials("a batch of colour images that are not square")(
    lambda rng: [draw_trial(4, (3, 6, 4), (3, 2), (16, 32), rng)]
)
two_stage_bound.also_try(
    lambda rng: [
        draw_trial(12, (1, 4, 4), (2, 2), (4, 5), rng),
        draw_trial(12, (3, 2, 4), (1, 3), (3, 6), rng),
        draw_trial(12, (2, 2, 3), (2, 3), (5, 4), rng),
    ]
)


@two_stage_bound.terms
def terms(decoder_logits, levels, prior_logits, indices):
    given, prior = _parts(decoder_logits, levels, prior_logits, indices)
    (n, n_codes), k = (each[0].numel() for each in (levels, indices)), prior_logits.shape[1]
    alike = torch.ones_like(given)

    def raw(logits, symbols):
        return logits.gather(1, symbols[:, None]).flatten(1).sum(dim=1)

    def chance(logits, symbols):
        return raw(logits.softmax(dim=1), symbols)

    guess, favourite = decoder_logits.argmax(dim=1), prior_logits.argmax(dim=1)
    return {
        "log p(x|z)": given,
        "log p(z)": prior,
        "log p(x|z) / sub-pixels": given / n,
        "log p(z) / codes": prior / n_codes,
        "log p(z) / sub-pixels": prior / n,
        "log p(x|z) / channels": given / levels.shape[1],
        "log p(x|z) · sub-pixels": given * n,
        "log p(z) · sub-pixels / codes": prior * n / n_codes,
        "N log K": alike * n_codes * math.log(k),
        "log K": alike * math.log(k),
        "log p(x|z) of the whole batch": alike * given.sum(),
        "log p(z) of the whole batch": alike * prior.sum(),
        "the mean log p(x|z) of the batch": alike * given.mean(),
        "the mean log p(z) of the batch": alike * prior.mean(),
        "the decoder's logits": raw(decoder_logits, levels),
        "the prior's logits": raw(prior_logits, indices),
        "the decoder's probabilities": chance(decoder_logits, levels),
        "the prior's probabilities": chance(prior_logits, indices),
        "log p of the decoder's favourite levels": -nll_nats(decoder_logits, guess),
        "log p of the prior's favourite codes": -nll_nats(prior_logits, favourite),
        "log p(x|z) · log p(z)": given * prior,
        "log p(z) of the first code": prior_logits.log_softmax(dim=1)
        .gather(1, indices[:, None])
        .flatten(1)[:, 0],
    }


@two_stage_bound.mistakes
class Mistakes:
    def rate_left_out(decoder_logits, levels, prior_logits, indices):
        """The latent rate is left out: this is log p(x|z) alone, as if the codes came free of
        charge. Nothing bounds log p(x) without log p(z)."""
        return -nll_nats(decoder_logits, levels)

    def decoder_left_out(decoder_logits, levels, prior_logits, indices):
        """The decoder is left out: this is log p(z), the log-likelihood of the codes, not of the
        image."""
        return -nll_nats(prior_logits, indices)

    def uniform_rate(decoder_logits, levels, prior_logits, indices):
        """N log K is taken off, whatever the prior says. That is the rate under the uniform prior;
        here the logits of a prior are given."""
        rate = indices[0].numel() * math.log(prior_logits.shape[1])
        return -nll_nats(decoder_logits, levels) - rate

    def log_K_once(decoder_logits, levels, prior_logits, indices):
        """log K is taken off, once. That is one code under a uniform prior; here there is a field
        of codes, and logits of a prior."""
        return -nll_nats(decoder_logits, levels) - math.log(prior_logits.shape[1])

    def a_cost(*args):
        """The sign is turned round: this is the cost, -log p(x|z) - log p(z). A bound on log p(x)
        lies below it, and log p(x) is below 0."""
        given, prior = _parts(*args)
        return -given - prior

    def prior_subtracted(*args):
        """log p(z) is subtracted. It is negative, so the codes would earn nats instead of costing
        them."""
        given, prior = _parts(*args)
        return given - prior

    def prior_per_code(*args):
        """log p(z) is averaged over the codes. p(z) is the probability of the whole field: add up
        over its positions."""
        given, prior = _parts(*args)
        return given + prior / args[3][0].numel()

    def means_of_both(*args):
        """Both terms are averaged over their own positions. There are more pixels than codes, so
        the two means are in different units and cannot be added."""
        given, prior = _parts(*args)
        return given / args[1][0].numel() + prior / args[3][0].numel()

    def in_bits(*args):
        """These are bits. The bound is asked for in nats."""
        return reference(*args) / math.log(2)

    def the_likeliest_codes(decoder_logits, levels, prior_logits, indices):
        """The prior is asked for its own favourite codes. It has to pay for the codes that the
        encoder chose, `indices`."""
        return reference(decoder_logits, levels, prior_logits, prior_logits.argmax(dim=1))

    def without_log_softmax(decoder_logits, levels, prior_logits, indices):
        """The logits are added up as they are. They become log-probabilities by a log-softmax over
        dim=1."""
        pairs = ((decoder_logits, levels), (prior_logits, indices))
        sums = [logits.gather(1, s[:, None]).flatten(1).sum(dim=1) for logits, s in pairs]
        return sums[0] + sums[1]

    def softmax_over_the_last_axis(decoder_logits, levels, prior_logits, indices):
        """The log-softmax runs over the last axis, a position. It has to run over the levels and
        codes, dim=1."""
        pairs = ((decoder_logits, levels), (prior_logits, indices))
        logs = [lg.log_softmax(dim=-1).gather(1, s[:, None]).flatten(1) for lg, s in pairs]
        return logs[0].sum(dim=1) + logs[1].sum(dim=1)

    def a_probability(*args):
        """This is exp of the bound, which is 0 in any precision for a real image. Stay with
        logarithms."""
        return reference(*args).exp()

    @says(ONE_EACH)
    def one_number_for_the_batch(*args):
        return reference(*args).sum()

    def decoder_subtracted(*args):
        """The decoder's term has the sign of a cost, the prior's has not. Both are logarithms of
        probabilities: add."""
        given, prior = _parts(*args)
        return prior - given

    def decoder_per_pixel(*args):
        """The decoder's term is averaged over its sub-pixels, the prior's is not. Both add up."""
        given, prior = _parts(*args)
        return given / args[1][0].numel() + prior

    def prior_in_bits(*args):
        """The prior's term is in bits, the decoder's in nats. Both have to be nats."""
        given, prior = _parts(*args)
        return given + prior / math.log(2)

    def decoder_in_bits(*args):
        """The decoder's term is in bits, the prior's in nats. Both have to be nats."""
        given, prior = _parts(*args)
        return given / math.log(2) + prior

    def bits_per_dimension(*args):
        """This is in bits per dimension. Asked for are nats per image."""
        given, prior = _parts(*args)
        return (given + prior) / args[1][0].numel() / math.log(2)

    def nats_per_pixel(*args):
        """The sum is divided by the number of sub-pixels. Asked for are nats per image."""
        given, prior = _parts(*args)
        return (given + prior) / args[1][0].numel()

    def multiplied(*args):
        """The two logarithms are multiplied. The probabilities are; their logarithms are added."""
        given, prior = _parts(*args)
        return given * prior

    def rate_twice(*args):
        """N log K is subtracted as well. The prior's term is the whole cost of the codes."""
        given, prior = _parts(*args)
        return given + prior - args[3][0].numel() * math.log(args[2].shape[1])

    def uniform_rate_added(decoder_logits, levels, prior_logits, indices):
        """N log K is added. The codes cost something: log p(z) is below 0, and is that of *this*
        prior."""
        given, _ = _parts(decoder_logits, levels, prior_logits, indices)
        return given + indices[0].numel() * math.log(prior_logits.shape[1])

    def the_likeliest_levels(decoder_logits, levels, prior_logits, indices):
        """The decoder's term is that of the likeliest levels. Take the levels that are there."""
        likeliest = decoder_logits.argmax(dim=1)
        return sum(_parts(decoder_logits, likeliest, prior_logits, indices))

    def batch_averaged(*args):
        """The bounds are averaged to one number. Asked for is one an image."""
        return sum(_parts(*args)).mean()

    def every_pair(*args):
        """Each image's decoder term is combined with every image's prior term: (B, B). Both belong
        to one image."""
        given, prior = _parts(*args)
        return given[:, None] + prior

    def two_results(*args):
        """The two terms come back apart. Add them: one bound an image."""
        return torch.stack(_parts(*args), dim=1)

    def prior_of_the_batch(*args):
        """The prior's terms of all images are added up. Each image has its own codes."""
        given, prior = _parts(*args)
        return given + prior.sum()

    def prior_averaged_over_the_batch(*args):
        """All images get the mean prior term of the batch. Each has its own codes."""
        given, prior = _parts(*args)
        return given + prior.mean()

    def the_first_code(decoder_logits, levels, prior_logits, indices):
        """Only the first code of the field is counted. All N of them are sent."""
        given, _ = _parts(decoder_logits, levels, prior_logits, indices)
        log_p = prior_logits.log_softmax(dim=1)[:, :, 0, 0]
        return given + log_p.gather(1, indices[:, 0, :1])[:, 0]

    def logits_of_the_prior(decoder_logits, levels, prior_logits, indices):
        """The prior's logits are added as they are. Only after a log-softmax are they
        log-probabilities."""
        given, _ = _parts(decoder_logits, levels, prior_logits, indices)
        return given + prior_logits.gather(1, indices[:, None]).flatten(1).sum(dim=1)


@two_stage_bound.right
def by_gathering(decoder_logits, levels, prior_logits, indices):
    total = 0
    for logits, symbols in ((decoder_logits, levels), (prior_logits, indices)):
        chosen = torch.log_softmax(logits, dim=1).gather(1, symbols.unsqueeze(1))
        total = total + chosen.flatten(1).sum(dim=1)
    return total


@two_stage_bound.right
def by_distributions(decoder_logits, levels, prior_logits, indices):
    categorical = torch.distributions.Categorical
    given = categorical(logits=decoder_logits.movedim(1, -1)).log_prob(levels).sum(dim=(1, 2, 3))
    return given + categorical(logits=prior_logits.movedim(1, -1)).log_prob(indices).sum(dim=(1, 2))
