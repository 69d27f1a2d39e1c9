"""Exercise 10.4: equations 6 to 8, one step of online k-means."""

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import code_counts
from tutorial_lib.codes.quantizer import ema_step as reference
from tutorial_lib.exercises.ch10.probes import counts_sums_and_codes
from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial

IN_PLACE = "The caller decides when the averages change. Build new tensors."


ema_step = Exercise(
    "10.4",
    "One step of online k-means",
    goal="Move the averages of equations 6 and 7 by one batch and read off the codes.",
    minutes=15,
    reference=reference,
    when_changed={"counts": IN_PLACE, "sums": IN_PLACE},
    otherwise="These are not the averages of equations 6 to 8.",
    stub='''\
def ema_step(
    counts: torch.Tensor,
    sums: torch.Tensor,
    vectors: torch.Tensor,
    indices: torch.Tensor,
    decay: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One step of equations 6 to 8: both averages move, the codes follow.

    counts   (K,) N of the paper, all above 0; stays as it is
    sums     (K, D) m of the paper; stays as it is
    vectors  (n, D) the encoder's vectors of this batch
    indices  (n,) torch.long: the code that each of them chose. A code may be chosen by none
    decay    gamma, the share of the old average that stays
    returns  (counts, sums, codebook): (K,), (K, D) and (K, D), after the step

    By hand: D = 1, decay 0.5, counts = [2, 1], sums = [[6], [7]]. The vectors 1 and 9 both chose
             code 0. Then counts = [(2 + 2) / 2, 1 / 2] = [2, 0.5], sums = [[8], [3.5]] and the
             codes are [[4], [7]]: the second has stayed where it was
    """
    ____
''',
    answer="""\
def ema_step(counts, sums, vectors, indices, decay):
    batch_counts, batch_sums = torch.zeros_like(counts), torch.zeros_like(sums)
    for k, vector in zip(indices.tolist(), vectors):
        batch_counts[k] += 1
        batch_sums[k] += vector
    # without the loop: torch.bincount, and torch.zeros_like(sums).index_add(0, ...)
    new_counts = decay * counts + (1 - decay) * batch_counts
    new_sums = decay * sums + (1 - decay) * batch_sums
    return new_counts, new_sums, new_sums / new_counts[:, None]
""",
    hints=(
        """Two averages, kept by the same rule: old times gamma, plus new times (1 - gamma). New
        is what this batch says: how many vectors chose the code, and what they add up to. The
        code is the second average divided by the first.""",
        """`torch.bincount(indices, minlength=len(counts))` counts.
        `torch.zeros_like(sums).index_add(0, indices, vectors)` adds every vector to the row
        of its code.""",
        """If a code that nobody chose moves, one of its averages shrank and the other did not.
        If codes jump, gamma and 1 - gamma may have changed places.""",
    ),
)

NAMES = ("counts", "sums", "codebook")


def _trial(n: int, n_codes: int, dim: int, rng: torch.Generator, *, idle: bool) -> Trial:
    """Every code chosen at least twice; or the last one by none."""
    used = n_codes - idle
    indices = torch.cat([torch.arange(used).repeat(2), torch.randint(used, (n,), generator=rng)])
    indices = indices[torch.randperm(len(indices), generator=rng)]
    vectors = torch.randn(len(indices), dim, generator=rng) + 1
    counts = 0.5 + 3 * torch.rand(n_codes, generator=rng)
    counts[-1] = 0.7 if idle else counts[-1]  # below 1: no reason to stop there
    sums = counts[:, None] * (torch.randn(n_codes, dim, generator=rng) - 1)
    decay = 0.6 + 0.3 * float(torch.rand((), generator=rng))
    return Trial((counts, sums, vectors, indices, round(decay, 3)))


ema_step.reads(counts_sums_and_codes)


@ema_step.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    counts, sums, vectors, indices, decay = trial.args
    code, column = first_difference(got, want)
    dim = sums.shape[1]
    name = NAMES[0 if column == 0 else 1 + (column - 1) // dim]
    chosen = vectors[indices == code]
    return (
        f"Code {code} with decay {decay}: its count was {number(counts[code])}, its sum "
        f"({numbers(sums[code])}). {len(chosen)} vectors chose it, which add up to "
        f"({numbers(chosen.sum(dim=0))}). In `{name}`, {number(want[code, column])} was expected; "
        f"your function says {number(got[code, column])}."
    )


ema_step.also_try(
    lambda rng: (
        [_trial(6, 4, 2, rng, idle=False), _trial(9, 5, 3, rng, idle=True)]
        + [_trial(5, 7, 3, rng, idle=True)]
    )
)
ema_step.trials("a batch in which every code is chosen")(
    lambda rng: [_trial(9, 3, 2, rng, idle=False)]
)
ema_step.trials("a code that no vector chose")(lambda rng: [_trial(8, 4, 3, rng, idle=True)])
ema_step.trials("vectors of one number each")(lambda rng: [_trial(3, 6, 1, rng, idle=True)])


def _batch(counts, sums, vectors, indices):
    return code_counts(indices, len(counts)), torch.zeros_like(sums).index_add(0, indices, vectors)


def _moved(old, new, decay):
    return decay * old + (1 - decay) * new


def _ratio(counts, sums):
    return counts, sums, sums / counts[:, None]


@ema_step.terms
def terms(counts, sums, vectors, indices, decay):
    n, m = _batch(counts, sums, vectors, indices)
    means = m / n.clamp(min=1)[:, None]
    new_counts, new_sums, codes = reference(counts, sums, vectors, indices, decay)
    old, here = sums / counts[:, None], n[:, None] > 0
    moved = {"the old {}": (counts, sums), "what this batch says": (n, m)}
    moved["what this batch says, divided by its size"] = (n / len(indices), m / len(indices))
    moved["1 for each code chosen, or the mean of its vectors"] = ((n > 0).float(), means)
    moved["the number, or the sum, of all vectors"] = (
        torch.full_like(n, len(indices)),
        vectors.sum(dim=0).expand_as(sums),
    )
    weights = {"decay · ": decay, "(1 - decay) · ": 1 - decay, "": 1.0}
    counts_terms, sums_terms = (
        {
            f"{w}{name.format(kind)}": by * each[i]
            for w, by in weights.items()
            for name, each in moved.items()
        }
        for i, kind in enumerate(("counts", "sums"))
    )
    codebook = {
        "sums / counts, both after the step": codes,
        "the new sums / the old counts": new_sums / counts[:, None],
        "the old codes": old,
        "decay · the old codes": decay * old,
        "(1 - decay) · the batch's means": (1 - decay) * means,
        "the batch's means": means,
        "the new sums": new_sums,
        "the new sums / this batch's counts": new_sums / n.clamp(min=1)[:, None],
        "the new sums / counts that are at least 1": new_sums / new_counts.clamp(min=1)[:, None],
        "the new counts / the new sums": new_counts[:, None] / new_sums,
        "the new code, where it was chosen": codes * here,
        "the old code, where nobody chose it": old * ~here,
    }
    return {"counts": counts_terms, "sums": sums_terms, "codebook": codebook}


@ema_step.mistakes
class Mistakes:
    def decay_exchanged(counts, sums, vectors, indices, decay):
        """Gamma stands at the new value: it is the *old* average that keeps the share gamma."""
        return reference(counts, sums, vectors, indices, 1 - decay)

    def means_for_sums(counts, sums, vectors, indices, decay):
        """The mean of a code's vectors goes into `sums`. It has to be their sum: the division comes
        at the end, by the averaged count."""
        n, m = _batch(counts, sums, vectors, indices)
        mean = m / n.clamp(min=1)[:, None]
        return _ratio(_moved(counts, n, decay), _moved(sums, mean, decay))

    def shares_for_counts(counts, sums, vectors, indices, decay):
        """The counts are divided by the size of the batch, and the sums are not."""
        n, m = _batch(counts, sums, vectors, indices)
        return _ratio(_moved(counts, n / len(indices), decay), _moved(sums, m, decay))

    def divided_by_the_batchs_counts(counts, sums, vectors, indices, decay):
        """The averaged sums are divided by the counts of this batch alone. Both parts of the ratio
        must be averages."""
        n, m = _batch(counts, sums, vectors, indices)
        new_counts, new_sums, _ = reference(counts, sums, vectors, indices, decay)
        return new_counts, new_sums, new_sums / n.clamp(min=1)[:, None]

    def divided_by_the_old_counts(counts, sums, vectors, indices, decay):
        """The new sums are divided by the counts from before the step."""
        new_counts, new_sums, _ = reference(counts, sums, vectors, indices, decay)
        return new_counts, new_sums, new_sums / counts[:, None]

    def codes_before_the_step(counts, sums, vectors, indices, decay):
        """The codes come from the averages before the step, so this batch has not moved them."""
        new_counts, new_sums, _ = reference(counts, sums, vectors, indices, decay)
        return new_counts, new_sums, sums / counts[:, None]

    def idle_counts_do_not_shrink(counts, sums, vectors, indices, decay):
        """The sum of a code that nobody chose shrinks and its count does not, so that the code
        drifts towards 0."""
        n, m = _batch(counts, sums, vectors, indices)
        new_counts = torch.where(n > 0, _moved(counts, n, decay), counts)
        return _ratio(new_counts, _moved(sums, m, decay))

    def idle_codes_are_skipped(counts, sums, vectors, indices, decay):
        """The averages of codes that nobody chose are left as they were. The codes are right, and
        the counts will never tell that a code is dead."""
        n, m = _batch(counts, sums, vectors, indices)
        used = n > 0
        new_counts = torch.where(used, _moved(counts, n, decay), counts)
        return _ratio(new_counts, torch.where(used[:, None], _moved(sums, m, decay), sums))

    def nothing_remembered(counts, sums, vectors, indices, decay):
        """Only this batch counts: nothing of the old averages is kept."""
        n, m = _batch(counts, sums, vectors, indices)
        codes = torch.where(n[:, None] > 0, m / n.clamp(min=1)[:, None], sums / counts[:, None])
        return n, m, codes

    def the_last_one_wins(counts, sums, vectors, indices, decay):
        """Of several vectors with one code only the last is kept. `x[indices] = ...` overwrites;
        they have to be added."""
        n, m = torch.zeros_like(counts), torch.zeros_like(sums)
        for index, vector in zip(indices.tolist(), vectors, strict=True):
            n[index], m[index] = 1, vector
        return _ratio(_moved(counts, n, decay), _moved(sums, m, decay))

    def codes_averaged(counts, sums, vectors, indices, decay):
        """The codes themselves are averaged with the batch's means. Then three vectors weigh as
        much as three hundred: average counts and sums, and divide."""
        n, m = _batch(counts, sums, vectors, indices)
        new_counts, new_sums, _ = reference(counts, sums, vectors, indices, decay)
        old = sums / counts[:, None]
        mean = torch.where(n[:, None] > 0, m / n.clamp(min=1)[:, None], old)
        return new_counts, new_sums, _moved(old, mean, decay)

    def idle_sums_do_not_shrink(counts, sums, vectors, indices, decay):
        """The count of a code that nobody chose shrinks and its sum does not, so that the code runs
        away from 0."""
        n, m = _batch(counts, sums, vectors, indices)
        new_sums = torch.where(n[:, None] > 0, _moved(sums, m, decay), sums)
        return _ratio(_moved(counts, n, decay), new_sums)

    def one_after_the_other(counts, sums, vectors, indices, decay):
        """The averages move once for each vector. They move once for the batch, by its counts and
        sums."""
        counts, sums = counts.clone(), sums.clone()
        for k, vector in zip(indices.tolist(), vectors, strict=True):
            counts[k], sums[k] = _moved(counts[k], 1, decay), _moved(sums[k], vector, decay)
        return _ratio(counts, sums)

    def all_shrink_with_each_vector(counts, sums, vectors, indices, decay):
        """All averages shrink with every vector of the batch. They shrink once."""
        counts, sums = counts.clone(), sums.clone()
        for k, vector in zip(indices.tolist(), vectors, strict=True):
            counts, sums = decay * counts, decay * sums
            counts[k] += 1 - decay
            sums[k] += (1 - decay) * vector
        return _ratio(counts, sums)

    def an_idle_batch_mean_divided_by_0(counts, sums, vectors, indices, decay):
        """The batch's sums are divided by its counts, which are 0 where nobody chose: nan. Average
        the sums as they are."""
        n, m = _batch(counts, sums, vectors, indices)
        return _ratio(_moved(counts, n, decay), _moved(sums, m / n[:, None], decay))

    def the_batch_divided_by_0(counts, sums, vectors, indices, decay):
        """The codes are the means of this batch, nan where nobody chose one. Divide the averaged
        sums by the averaged counts."""
        n, m = _batch(counts, sums, vectors, indices)
        new_counts, new_sums, _ = reference(counts, sums, vectors, indices, decay)
        return new_counts, new_sums, m / n[:, None]

    def a_constant_decay(counts, sums, vectors, indices, decay):
        """Gamma is 0.99, whatever `decay` is."""
        return reference(counts, sums, vectors, indices, 0.99)

    def one_of_the_vectors_kept(counts, sums, vectors, indices, decay):
        """The counts are right, and of several vectors with one code only the last is in the sum.
        `x[indices] += ...` does not add twice at one place: `index_add`."""
        n, m = code_counts(indices, len(counts)), torch.zeros_like(sums)
        for index, vector in zip(indices.tolist(), vectors, strict=True):
            m[index] = vector
        return _ratio(_moved(counts, n, decay), _moved(sums, m, decay))

    def in_another_order(counts, sums, vectors, indices, decay):
        """The codebook comes first. The order is counts, sums, codebook."""
        new_counts, new_sums, codes = reference(counts, sums, vectors, indices, decay)
        return codes, new_counts, new_sums

    @says(IN_PLACE)
    def in_place(counts, sums, vectors, indices, decay):
        n, m = _batch(counts, sums, vectors, indices)
        counts.lerp_(n, 1 - decay)
        sums.lerp_(m, 1 - decay)
        return _ratio(counts.clone(), sums.clone())


@ema_step.right
def by_one_hot(counts, sums, vectors, indices, decay):
    chosen = torch.nn.functional.one_hot(indices, len(counts)).to(vectors.dtype)
    counts = counts.lerp(chosen.sum(dim=0), 1 - decay)
    sums = sums.lerp(chosen.T @ vectors, 1 - decay)
    return counts, sums, sums / counts.unsqueeze(1)


@ema_step.right
def code_by_code(counts, sums, vectors, indices, decay):
    rows = []
    for k in range(len(counts)):
        mine = vectors[indices == k]
        count = counts[k] * decay + len(mine) * (1 - decay)
        total = sums[k] * decay + mine.sum(dim=0) * (1 - decay)
        rows.append((count, total, total / count))
    return [torch.stack(column) for column in zip(*rows, strict=True)]
