"""Exercise 10.5: how many codes are at work, over many batches."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import code_counts, perplexity
from tutorial_lib.exercises.comparing import number, numbers
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(batches: Sequence[Tensor], n_codes: int) -> Tensor:
    """exp(entropy) of the usage in all batches together: counts first, then one perplexity."""
    counts = torch.stack([code_counts(indices, n_codes) for indices in batches]).sum(dim=0)
    return perplexity(counts)


usage_perplexity = Exercise(
    "10.5",
    "How many codes are at work",
    goal="Compute the perplexity of the code usage over many batches.",
    minutes=10,
    reference=reference,
    otherwise="This is another number than exp(entropy).",
    stub='''\
def usage_perplexity(batches: list[torch.Tensor], n_codes: int) -> torch.Tensor:
    """exp(entropy) of how often each code is used, in all batches together.

    batches  fields of code numbers, torch.long 0 .. K - 1, of any shapes and sizes
    n_codes  K. Some codes may never occur
    returns  one number, 1 to K: K if all codes are used alike, 1 if a single one is used

    By hand: the batches [0, 0, 0] and [1] with K = 3 have the counts 3, 1 and 0. The entropy is
             -(3/4) log(3/4) - (1/4) log(1/4) = 0.562 nats, and exp(0.562) = 1.755
    """
    ____
''',
    answer="""\
def usage_perplexity(batches, n_codes):
    counts = torch.zeros(n_codes)
    for indices in batches:
        for k in indices.flatten().tolist():
            counts[k] += 1
    # without the inner loop: torch.bincount(indices.flatten(), minlength=n_codes)
    share = counts / counts.sum()
    used = share[share > 0]  # 0 log 0 is 0: a code without a use adds nothing
    return torch.exp(-(used * used.log()).sum())
""",
    hints=(
        """Usage is a property of all batches together. A batch of one garment uses few codes;
        the next may use quite different ones.""",
        """`torch.bincount(batch.flatten(), minlength=n_codes)`, added up over the batches, then
        divided by the total. `torch.xlogy(p, p)` is p log p with 0 log 0 = 0.""",
        """Test yourself with one batch that holds every code once: K must come out. If it does
        not, the base of the logarithm and that of the power differ. If nan comes out, a code
        was not used.""",
    ),
)


def _uneven(size: int, n_used: int, rng: torch.Generator) -> Tensor:
    """Indices of which small ones are the more common."""
    weights = torch.linspace(3.0, 0.5, n_used)
    return torch.multinomial(weights, size, replacement=True, generator=rng)


def draw_trial(sizes: tuple[int, ...], n_used: int, n_codes: int, rng: torch.Generator) -> Trial:
    """Batches of unlike usage: each moved along the codes, and the last code never in use."""
    batches = [(_uneven(n, n_used, rng) + i) % (n_codes - 1) for i, n in enumerate(sizes)]
    return Trial(([each.view(-1, 2) for each in batches], n_codes))


@usage_perplexity.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    batches, n_codes = trial.args
    rows = [numbers(code_counts(each, n_codes)) for each in batches]
    return (
        f"K = {n_codes}. How often codes 0 to {n_codes - 1} occur in each batch: "
        f"{'; '.join(rows)}. The perplexity of all together is {number(want)}. Your function says "
        f"{number(got)}."
    )


@usage_perplexity.trials("one batch whose answer is known: all codes alike, or one of K")
def known_answers(rng):
    """One batch: all four codes alike, or a single one of four."""
    uniform, single = torch.randperm(4, generator=rng), torch.full((5,), 2)
    return [Trial(([uniform], 4)), Trial(([single], 4))]


@usage_perplexity.trials("one batch that uses some codes more than others")
def one_uneven_batch(rng):
    batch = torch.cat([torch.zeros(5).long(), _uneven(15, 4, rng), torch.arange(4)])
    return [Trial(([batch.view(2, 3, 4)], 4))]


usage_perplexity.trials("several batches of unlike size and usage")(
    lambda rng: [draw_trial((30, 8, 16), 3, 8, rng)]
)
usage_perplexity.also_try(
    lambda rng: (
        [draw_trial((40, 12, 24), 3, 7, rng), draw_trial((10, 60), 4, 9, rng)]
        + [draw_trial((8 + 2 * i, 30 - 2 * i, 12), 2 + i % 4, 7 + i % 3, rng) for i in range(14)]
        + [draw_trial((20, 26 - 2 * i), 3 + i % 3, 8 + i % 2, rng) for i in range(12)]
    )
)


def _shares(batches, n_codes):
    counts = torch.stack([code_counts(each, n_codes) for each in batches])
    return counts / counts.sum(dim=1, keepdim=True), counts.sum(dim=0) / counts.sum()


def _entropy(share):
    return -torch.xlogy(share, share).sum()


@usage_perplexity.terms
def terms(batches, n_codes):
    each, share = _shares(batches, n_codes)
    own = torch.stack([_entropy(row) for row in each]).exp()
    counts = sum(code_counts(batch, n_codes) for batch in batches)
    sizes, entropy = torch.tensor([batch.numel() for batch in batches]), _entropy(share)
    used = share[share > 0]
    return {
        "the perplexity": entropy.exp(),
        "the perplexity / K": entropy.exp() / n_codes,
        "the entropy": entropy,
        "the entropy / log K": entropy / math.log(n_codes),
        "exp of the entropy / K": (entropy / n_codes).exp(),
        "10 to the entropy": 10**entropy,
        "the mean of the batches' perplexities": own.mean(),
        "the mean of the batches' perplexities, weighted with their sizes": (
            (own * sizes).sum() / sizes.sum()
        ),
        "the sum of the batches' perplexities": own.sum(),
        "the largest perplexity of a batch": own.max(),
        "the median of the batches' perplexities": own.median(),
        "the perplexity of the first batch": own[0],
        "the perplexity of the last batch": own[-1],
        "the number of codes in use": (share > 0).sum(),
        "the mean number of codes in use in a batch": (each > 0).sum(dim=1).double().mean(),
        "K": torch.tensor(n_codes),
        "1": torch.tensor(1.0),
        "1 / the largest share": 1 / share.max(),
        "the perplexity with each count one larger": perplexity(counts + 1),
        "the perplexity of a softmax of the counts": perplexity(torch.softmax(counts.float(), 0)),
        "the geometric mean of 1 / share": used.log().mean().neg().exp(),
        "the sum over the codes of exp(-p log p)": torch.exp(-torch.xlogy(share, share)).sum(),
        "the perplexity of counts of the batches that use a code": perplexity(
            (each > 0).sum(dim=0).double()
        ),
    }


@usage_perplexity.mistakes
class Mistakes:
    def mean_of_perplexities(batches, n_codes):
        """This is the mean of the batches' own perplexities. Ten batches that each use one code,
        always another, have a mean of 1, and all together use ten. Add the counts first."""
        return torch.stack([perplexity(code_counts(each, n_codes)) for each in batches]).mean()

    def mean_of_entropies(batches, n_codes):
        """The entropies of the batches are averaged. Add up the counts before taking one
        entropy."""
        return torch.stack([_entropy(share) for share in _shares(batches, n_codes)[0]]).mean().exp()

    def mean_of_shares(batches, n_codes):
        """Every batch has the same say, whatever its size. Add counts, not shares."""
        return _entropy(_shares(batches, n_codes)[0].mean(dim=0)).exp()

    def the_last_batch(batches, n_codes):
        """Only the last batch is looked at."""
        return perplexity(code_counts(batches[-1], n_codes))

    def bits_with_exp(batches, n_codes):
        """The entropy is in bits (log2), the power in base e (exp). They must match: a uniform
        usage has to give K."""
        return (_entropy(_shares(batches, n_codes)[1]) / math.log(2)).exp()

    def nats_with_a_power_of_two(batches, n_codes):
        """The entropy is in nats and the power is 2 to the entropy. The bases must match."""
        return 2 ** _entropy(_shares(batches, n_codes)[1])

    def only_the_entropy(batches, n_codes):
        """This is the entropy in nats. The perplexity is exp of it."""
        return _entropy(_shares(batches, n_codes)[1])

    def sign(batches, n_codes):
        """The minus of the entropy is missing: this is 1 / perplexity."""
        return (-_entropy(_shares(batches, n_codes)[1])).exp()

    def codes_in_use(batches, n_codes):
        """This counts the codes that occur at all. A code used once in a million counts as much as
        any other; perplexity weighs them."""
        return (_shares(batches, n_codes)[1] > 0).sum().float()

    def nan_for_unused_codes(batches, n_codes):
        """A code that never occurs gives 0 · log 0, which a computer calls nan. The limit of t log
        t is 0."""
        share = _shares(batches, n_codes)[1]
        return torch.exp(-(share * share.log()).sum())

    def counts_not_divided(batches, n_codes):
        """The counts are not divided by their total: an entropy needs shares that sum to 1."""
        counts = sum(code_counts(each, n_codes) for each in batches)
        return _entropy(counts).exp()

    def divided_by_the_first_size(batches, n_codes):
        """The counts of all batches are divided by the size of the first. The shares have to sum to
        1: divide by the total."""
        return _entropy(sum(code_counts(x, n_codes) for x in batches) / batches[0].numel()).exp()

    def divided_by_K(batches, n_codes):
        """The counts are divided by K. The shares have to sum to 1: divide by the total count."""
        return _entropy(sum(code_counts(x, n_codes) for x in batches) / n_codes).exp()

    def divided_by_the_number_of_batches(batches, n_codes):
        """The counts are divided by the number of batches. The shares have to sum to 1: divide by
        the total count."""
        return _entropy(sum(code_counts(x, n_codes) for x in batches) / len(batches)).exp()

    def unweighted(batches, n_codes):
        """The logarithms of the shares are added without their weights: each counts with its
        share."""
        share = _shares(batches, n_codes)[1]
        return share[share > 0].log().sum().neg().exp()

    def a_small_number_added(batches, n_codes):
        """A small number, 0.001, is added inside the logarithm, and changes the result. Leave out
        the codes without a use, or take `torch.xlogy`."""
        share = _shares(batches, n_codes)[1]
        return torch.exp(-(share * (share + 1e-3).log()).sum())

    def one_each(batches, n_codes):
        """There is one perplexity for each batch. Asked for is one of all together."""
        return torch.stack([perplexity(code_counts(each, n_codes)) for each in batches])

    def inverse_of_the_squares(batches, n_codes):
        """This is 1 / sum of squared shares, another measure of diversity. It has no logarithm."""
        return 1 / _shares(batches, n_codes)[1].square().sum()


@usage_perplexity.right
def in_bits(batches, n_codes):
    together = torch.cat([each.flatten() for each in batches])
    share = torch.bincount(together, minlength=n_codes) / len(together)
    used = share[share > 0]
    return 2 ** -(used * used.log2()).sum()


@usage_perplexity.right
def as_a_geometric_mean(batches, n_codes):
    counts = [0] * n_codes
    for each in batches:
        for index in each.flatten().tolist():
            counts[index] += 1
    total = sum(counts)
    return math.prod((total / c) ** (c / total) for c in counts if c)
