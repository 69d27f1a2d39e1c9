"""Exercise 11.6: the simplest learned prior, and what it charges for codes that it has not seen."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(train_codes: Tensor, held_out_codes: Tensor, n_codes: int) -> Tensor:
    """Mean bits of a held-out code under the add-one frequencies of the training codes: ()."""
    counts = torch.bincount(train_codes.flatten(), minlength=n_codes).double() + 1
    bits = -(counts / counts.sum()).log2()
    return bits[held_out_codes].mean()


unigram_bits = Exercise(
    "11.6",
    "The simplest learned prior",
    goal="Count a prior over single codes, and measure what held-out codes cost under it.",
    minutes=10,
    reference=reference,
    otherwise="This is another mean, or other frequencies.",
    stub='''\
def unigram_bits(
    train_codes: torch.Tensor, held_out_codes: torch.Tensor, n_codes: int
) -> torch.Tensor:
    """What a held-out code costs on average, in bits, if p(z) is how often each code was used.

    train_codes     (N, h, w) torch.long: p is counted on these, every count one larger than it is,
                    so that a code without a use keeps some probability
    held_out_codes  (M, h, w) torch.long: the mean is over these
    n_codes         K
    returns         one number: bits per code

    By hand: training codes 0 0 1 and K = 3 give the counts 2 1 0, one more each 3 2 1, so
             p = 3/6, 2/6, 1/6. The held-out codes 0 2 cost 1 and 2.585 bits: 1.792 on average
    """
    ____
''',
    answer="""\
def unigram_bits(train_codes, held_out_codes, n_codes):
    counts = torch.ones(n_codes, dtype=torch.float64)  # one more of each
    for k in train_codes.flatten().tolist():  # or torch.bincount
        counts[k] += 1
    p = counts / counts.sum()
    bits = -p.log2()  # (K,): the cost of each code
    return bits[held_out_codes].mean()
""",
    hints=(
        """Two steps. From the training codes: a table of K prices, -log2 p. From the held-out
        codes: a look-up of each one's price, and the mean.""",
        """`torch.bincount(codes.flatten(), minlength=n_codes)` counts. `prices[codes]` looks up
        a price for each code of a field.""",
        """inf is the sign of a held-out code that training never used. A cost below the entropy
        of the held-out codes is the sign that the prices were made from the very codes that
        are scored, or that the probabilities do not sum to 1.""",
    ),
)


def _counts(codes, n_codes):
    return torch.bincount(codes.flatten(), minlength=n_codes).double()


def _codes(n: int, n_codes: int, power: float, rng: torch.Generator) -> Tensor:
    """Fields (n, 2, 3) in which low numbers are the more frequent the higher the power."""
    uniforms = torch.rand(n, 2, 3, generator=rng, dtype=torch.float64)
    return (n_codes * uniforms**power).long()


def _uneven(n_train: int, n_held_out: int, n_codes: int, rng: torch.Generator) -> Trial:
    """Held-out codes reach further up than training codes, so some were never seen."""
    train = _codes(n_train, n_codes, 3.0, rng) * 2 // 3
    held_out = _codes(n_held_out, n_codes, 1.5, rng)
    held_out[0, 0, 0] = n_codes - 1
    return Trial((train, held_out, n_codes))


def _with_idle_codes(rng: torch.Generator) -> Trial:
    """The highest numbers occur nowhere, and yet are codes."""
    train, held_out, n_codes = _uneven(8, 6, 9, rng).args
    return Trial((train, held_out, n_codes + 6))


@unigram_bits.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    train, held_out, n_codes = trial.args
    unseen = int((_counts(train, n_codes)[held_out] == 0).sum())
    return (
        f"{train.numel()} training codes and {held_out.numel()} held-out codes, K = {n_codes}; "
        f"{unseen} of the held-out codes never occur in training. They cost {number(want)} bits "
        f"per code. Your function says {number(got)}."
    )


@unigram_bits.trials("so many training codes that smoothing hardly counts")
def many(rng):
    """So many training codes that one more of each hardly counts."""
    train, held_out = _codes(50_000, 4, 2.0, rng), _codes(60, 4, 1.0, rng)
    return [Trial((train, held_out, 4))]


@unigram_bits.trials("few training codes, in which every code occurs")
def few(rng):
    train, held_out = _codes(9, 5, 1.2, rng), _codes(6, 5, 1.2, rng)
    train[0] = torch.tensor([[0, 1, 2], [3, 4, 0]])
    return [Trial((train, held_out, 5))]


unigram_bits.trials("held-out codes that training never used")(
    lambda rng: [_uneven(12, 9, 40, rng), _with_idle_codes(rng)]
)
unigram_bits.also_try(
    lambda rng: (
        [_uneven(8, 6, 12, rng), _uneven(20, 5, 9, rng)]
        + [_uneven(6 + 2 * i, 4 + i % 5, 7 + i % 6, rng) for i in range(26)]
    )
)


def _bits(weights):
    return -(weights / weights.sum()).log2()


@unigram_bits.terms
def terms(train_codes, held_out_codes, n_codes):
    def cost(counted, scored, more=1.0, total=None):
        counts = _counts(counted, n_codes) + more
        return -(counts / (total or counts.sum())).log2()[scored].mean()

    train, held_out = train_codes, held_out_codes
    p = 2 ** -_bits(_counts(train, n_codes) + 1)
    seen = _counts(train, n_codes) > 0
    return {
        "the cost": cost(train, held_out),
        "log2 K": torch.tensor(math.log2(n_codes)),
        "the cost of the training codes": cost(train, train),
        "the cost by the held-out counts": cost(held_out, held_out),
        "the cost with half added to each count": cost(train, held_out, 0.5),
        "the cost with 1/K added to each count": cost(train, held_out, 1 / n_codes),
        "the cost with 2 added to each count": cost(train, held_out, 2.0),
        "the cost with 0.001 added to each count": cost(train, held_out, 1e-3),
        "the cost with 1e-6 added to each count": cost(train, held_out, 1e-6),
        "the cost where 1 was added to the total once": cost(
            train, held_out, 1.0, train.numel() + 1
        ),
        "the entropy of p": -(p * p.log2()).sum(),
        "the mean cost of the K codes": -p.log2().mean(),
        "the cost times the positions": cost(train, held_out) * held_out[0].numel(),
        "the cost times the fields": cost(train, held_out) * len(held_out),
        "2 to the cost": 2 ** cost(train, held_out),
        "the mean p": p[held_out].mean(),
        "the median cost": -p.log2()[held_out].median(),
        "the largest cost": -p.log2()[held_out].max(),
        "the cost by both counts together": cost(torch.cat([train, held_out]), held_out),
        "the share of unseen codes": (~seen)[held_out].double().mean(),
        "the cost of the first field": -p.log2()[held_out[0]].mean(),
        "1": torch.tensor(1.0),
        "the cost by position": -p.log2()[held_out].mean(dim=0).amax(),
    }


@unigram_bits.mistakes
class Mistakes:
    def not_smoothed(train_codes, held_out_codes, n_codes):
        """The counts are taken as they are. A held-out code that training never used then costs
        infinitely many bits: add 1 to every count."""
        return _bits(_counts(train_codes, n_codes))[held_out_codes].mean()

    def unseen_codes_left_out(train_codes, held_out_codes, n_codes):
        """Codes that training never used are left out of the mean. They have to be sent as well."""
        bits = _bits(_counts(train_codes, n_codes))[held_out_codes]
        return bits[bits.isfinite()].mean()

    def only_unseen_codes_smoothed(train_codes, held_out_codes, n_codes):
        """Only counts of 0 became 1. Then a code used once and a code never used cost the same: add
        1 to every count."""
        return _bits(_counts(train_codes, n_codes).clamp(min=1))[held_out_codes].mean()

    def not_divided_by_the_new_sum(train_codes, held_out_codes, n_codes):
        """The probabilities sum to more than 1: after adding 1 to each of K counts, their sum is
        larger by K."""
        counts = _counts(train_codes, n_codes)
        return -((counts + 1) / counts.sum()).log2()[held_out_codes].mean()

    def counted_on_the_held_out_codes(train_codes, held_out_codes, n_codes):
        """The frequencies are counted on the held-out codes themselves. A prior has to be fixed
        before it sees what it is scored on."""
        return reference(held_out_codes, held_out_codes, n_codes)

    def scored_on_the_training_codes(train_codes, held_out_codes, n_codes):
        """The training codes are scored. What a prior is worth shows on codes that it has not
        seen."""
        return reference(train_codes, train_codes, n_codes)

    def exchanged(train_codes, held_out_codes, n_codes):
        """Training and held-out codes are exchanged."""
        return reference(held_out_codes, train_codes, n_codes)

    def in_nats(train_codes, held_out_codes, n_codes):
        """This is in nats: the natural logarithm was used."""
        return reference(train_codes, held_out_codes, n_codes) * math.log(2)

    def uniform(train_codes, held_out_codes, n_codes):
        """This is log2 K, the price under the uniform prior, whatever is used."""
        return torch.tensor(math.log2(n_codes))

    def mean_over_the_codebook(train_codes, held_out_codes, n_codes):
        """The prices are averaged over the K codes of the codebook. The mean is over the codes that
        are sent, so a frequent code counts often."""
        return _bits(_counts(train_codes, n_codes) + 1).mean()

    def bits_per_field(train_codes, held_out_codes, n_codes):
        """These are bits for a whole field. Divide by its number of positions."""
        return reference(train_codes, held_out_codes, n_codes) * held_out_codes[0].numel()

    def bits_in_all(train_codes, held_out_codes, n_codes):
        """These are the bits of all held-out codes together: take the mean."""
        return reference(train_codes, held_out_codes, n_codes) * held_out_codes.numel()

    def n_codes_not_used(train_codes, held_out_codes, n_codes):
        """K is taken to be the largest number that occurs, plus 1. The codes above it are codes as
        well: use `n_codes`."""
        highest = int(max(train_codes.max(), held_out_codes.max()))
        return reference(train_codes, held_out_codes, highest + 1)

    def each_code_once(train_codes, held_out_codes, n_codes):
        """The mean runs over the different held-out codes, each once. A code counts as often as it
        is sent."""
        return reference(train_codes, held_out_codes.unique(), n_codes)

    def weighted_again(train_codes, held_out_codes, n_codes):
        """Each cost is multiplied by p once more. The held-out codes come as often as they are
        sent: take their plain mean."""
        bits = _bits(_counts(train_codes, n_codes) + 1)
        return (2**-bits * bits)[held_out_codes].mean()

    def log_of_the_mean(train_codes, held_out_codes, n_codes):
        """The probabilities were averaged before the logarithm. Each code is paid for by itself:
        average the bits."""
        p = 2 ** -_bits(_counts(train_codes, n_codes) + 1)
        return -p[held_out_codes].mean().log2()

    def negative(train_codes, held_out_codes, n_codes):
        """The sign is turned round: a cost is -log2 p."""
        return -reference(train_codes, held_out_codes, n_codes)

    def by_position(train_codes, held_out_codes, n_codes):
        """The codes are counted at each position apart. This prior has one table for all places."""
        flat, seen = train_codes.flatten(1), held_out_codes.flatten(1)
        tables = [_bits(_counts(place, n_codes) + 1) for place in flat.T]
        return torch.stack([t[c] for t, c in zip(tables, seen.T, strict=True)]).mean()

    def entropy_of_the_prior(train_codes, held_out_codes, n_codes):
        """This is the entropy of p: the mean is weighted with p itself. Asked for is the mean over
        the held-out codes."""
        counts = _counts(train_codes, n_codes) + 1
        return (counts / counts.sum() * _bits(counts)).sum()

    def two_added(train_codes, held_out_codes, n_codes):
        """Every count is two larger than it is. One is enough."""
        return _bits(_counts(train_codes, n_codes) + 2)[held_out_codes].mean()

    def a_fraction_added(train_codes, held_out_codes, n_codes):
        """Every count is made larger by 1/K. The card says by one."""
        return _bits(_counts(train_codes, n_codes) + 1 / n_codes)[held_out_codes].mean()

    def half_added(train_codes, held_out_codes, n_codes):
        """Every count is made larger by one half. The card says by one."""
        return _bits(_counts(train_codes, n_codes) + 0.5)[held_out_codes].mean()

    def perplexity(train_codes, held_out_codes, n_codes):
        """This is 2 to the power of the bits, a perplexity. Asked for are the bits."""
        return 2 ** _bits(_counts(train_codes, n_codes) + 1)[held_out_codes].mean()

    def a_mean_probability(train_codes, held_out_codes, n_codes):
        """This is the mean probability of the codes. Asked for is the mean of -log2 of it."""
        return (-_bits(_counts(train_codes, n_codes) + 1))[held_out_codes].exp2().mean()

    def one_a_field(train_codes, held_out_codes, n_codes):
        """There is one number for each field. Asked for is one mean over all held-out codes."""
        return _bits(_counts(train_codes, n_codes) + 1)[held_out_codes].flatten(1).mean(dim=1)

    def counted_on_both(train_codes, held_out_codes, n_codes):
        """Training and held-out codes are counted together. Held-out codes must not make their own
        prior."""
        counts = _counts(train_codes, n_codes) + _counts(held_out_codes, n_codes) + 1
        return _bits(counts)[held_out_codes].mean()

    def base_ten(train_codes, held_out_codes, n_codes):
        """The logarithm has base 10. Bits take log2."""
        return _bits(_counts(train_codes, n_codes) + 1)[held_out_codes].mean() * math.log10(2)


@unigram_bits.right
def by_cross_entropy(train_codes, held_out_codes, n_codes):
    logits = (torch.nn.functional.one_hot(train_codes, n_codes).sum(dim=(0, 1, 2)) + 1.0).log()
    targets = held_out_codes.flatten()
    nats = torch.nn.functional.cross_entropy(logits.expand(len(targets), -1), targets)
    return nats / math.log(2)


@unigram_bits.right
def by_counting(train_codes, held_out_codes, n_codes):
    seen, total = train_codes.flatten().tolist(), train_codes.numel() + n_codes
    counts = {k: 1 for k in range(n_codes)}
    for code in seen:
        counts[code] += 1
    bits = [math.log2(total / counts[code]) for code in held_out_codes.flatten().tolist()]
    return sum(bits) / len(bits)
