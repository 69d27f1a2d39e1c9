"""Exercise 10.6: a dead code begins again, and so do its statistics."""

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import restart_dead_codes as reference
from tutorial_lib.exercises.ch10.probes import counts_sums_and_codes
from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial

IN_PLACE = "Somebody may still need the old averages. Build new tensors, with `torch.where`."


restart_dead_codes = Exercise(
    "10.6",
    "A second life for dead codes",
    goal="Restart the codes that are hardly used, with averages that belong to their new place.",
    minutes=10,
    reference=reference,
    when_changed={"counts": IN_PLACE, "sums": IN_PLACE},
    otherwise="Counts, sums and codes are not those after a restart.",
    stub='''\
def restart_dead_codes(
    counts: torch.Tensor, sums: torch.Tensor, candidates: torch.Tensor, below: float = 0.02
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Move codes that are hardly used any more onto vectors of the present batch.

    counts      (K,) averaged counts; stays as it is
    sums        (K, D) averaged sums, so that a code is sums / counts; stays as it is
    candidates  (K, D) vectors of the batch: a dead code k moves onto candidates[k]
    below       code k is dead if counts[k] < below * fair, where fair is the mean of the counts
    returns     (counts, sums, codebook): a restarted code gets the count fair, and the sum that
                belongs to its new place. All other codes keep everything

    By hand: D = 1, counts = [11.95, 0.05], sums = [[23.9], [5]], candidates = [[7], [3]]. fair is
             6, so code 1 is dead. The result is [11.95, 6], [[23.9], [18]] and [[2], [3]]
    """
    ____
''',
    answer="""\
def restart_dead_codes(counts, sums, candidates, below=0.02):
    fair = counts.mean()
    new_counts, new_sums = counts.clone(), sums.clone()
    for k in range(len(counts)):
        if counts[k] < below * fair:  # dead
            new_counts[k] = fair
            new_sums[k] = fair * candidates[k]  # so that sum / count is its new place
    # without the loop: dead = counts < below * fair, then torch.where
    return new_counts, new_sums, new_sums / new_counts[:, None]
""",
    hints=(
        """A code of an EMA codebook is not stored, it follows from two averages. To move it for
        good, move what it follows from.""",
        """`dead = counts < below * counts.mean()` is (K,); `torch.where(dead[:, None], ...,
        sums)` chooses row by row. code = sum / count, so sum = count * code.""",
        """If a restarted code is right now and back at its old place after the next step, its
        sum still tells of the old place. If it is dead again at once, its count was not
        raised.""",
    ),
)

NAMES = ("counts", "sums", "codebook")


def _trial(n_codes: int, dim: int, n_dead: int, rng: torch.Generator, below: float = 0.02) -> Trial:
    """Dead counts above and below the number `below` itself; living ones within a share of all."""
    counts = 30 + 40 * torch.rand(n_codes, generator=rng)
    dead = 1 + torch.randperm(n_codes - 1, generator=rng)[:n_dead]
    fair = counts.sum() / n_codes
    counts[dead] = below * fair * torch.linspace(0.1, 0.4, n_dead)
    counts[0] = below * n_codes * 8
    codes = torch.randn(n_codes, dim, generator=rng) + 2
    candidates = torch.randn(n_codes, dim, generator=rng) - 2
    return Trial((counts, counts[:, None] * codes, candidates, below))


restart_dead_codes.reads(counts_sums_and_codes)


def _more(rng: torch.Generator) -> list[Trial]:
    drawn = [_trial(6, 2, 2, rng), _trial(8, 3, 3, rng, below=0.05)]
    return drawn + [_trial(7, 3, 4, rng, below=0.03)]


@restart_dead_codes.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    counts, sums, candidates, below = trial.args
    code, column = first_difference(got, want)
    name = NAMES[0 if column == 0 else 1 + (column - 1) // sums.shape[1]]
    state = "dead" if counts[code] < below * counts.mean() else "alive"
    return (
        f"The counts are {numbers(counts)}, so fair is {number(counts.mean())} and below * fair "
        f"is {number(below * counts.mean())}. Code {code} is {state}; its candidate is "
        f"({numbers(candidates[code])}). In `{name}`, {number(want[code, column])} was expected; "
        f"your function says {number(got[code, column])}."
    )


@restart_dead_codes.trials("nothing happens while all codes are in use")
def none_dead(rng):
    """All alive, far above any threshold: nothing may happen."""
    counts, sums, candidates, below = _trial(4, 2, 0, rng).args
    counts = counts + 40
    return [Trial((counts, 2 * sums, candidates, below))]


restart_dead_codes.trials("dead codes among living ones")(lambda rng: [_trial(6, 2, 2, rng)])
restart_dead_codes.trials("another threshold")(lambda rng: [_trial(7, 1, 3, rng, below=0.1)])
restart_dead_codes.also_try(lambda rng: _more(rng))


def _dead(counts, below):
    return counts < below * counts.mean()


def _built(counts, sums, dead, new_counts, new_sums, codebook=None):
    new_counts = torch.where(dead, new_counts, counts)
    new_sums = torch.where(dead[:, None], new_sums, sums)
    return new_counts, new_sums, new_sums / new_counts[:, None] if codebook is None else codebook


@restart_dead_codes.terms
def terms(counts, sums, candidates, below=0.02):
    dead, fair = _dead(counts, below), counts.mean()
    gone, kept = dead[:, None], ~dead[:, None]
    living, old = counts[~dead].mean(), sums / counts[:, None]
    worth = {"fair": fair, "their total": counts.sum(), "their median": counts.median()}
    worth |= {"the largest count": counts.max(), "the mean of the living": living}
    worth |= {"below · fair": below * fair, "1": torch.tensor(1.0), "1 / fair": 1 / fair}
    return {
        "counts": {
            "the old counts of the living": counts * ~dead,
            **{f"{name} for the dead": each * dead for name, each in worth.items()},
            "the old counts of the dead": counts * dead,
            "fair for the living": fair * ~dead,
            "the old counts of all · (old total / new total)": counts * counts.sum(),
        },
        "sums": {
            "the old sums of the living": sums * kept,
            **{
                f"{n} · the candidates of the dead": each * candidates * gone
                for n, each in worth.items()
            },
            "the old sums of the dead": sums * gone,
            "their tiny counts · the candidates of the dead": counts[:, None] * candidates * gone,
            "fair · the candidates of the living": fair * candidates * kept,
            "fair · the mean candidate for the dead": fair * candidates.mean(dim=0) * gone,
        },
        "codebook": {
            "the old codes of the living": old * kept,
            "the candidates of the dead": candidates * gone,
            "the old codes of the dead": old * gone,
            "the candidates of the living": candidates * kept,
            "the candidates of the dead / fair": candidates / fair * gone,
            "fair · the candidates of the dead": candidates * fair * gone,
            "the old sums of the dead / fair": sums / fair * gone,
            "the old sums of the living": sums * kept,
            "the mean candidate for the dead": candidates.mean(dim=0) * gone,
        },
    }


@restart_dead_codes.mistakes
class Mistakes:
    def only_the_codebook(counts, sums, candidates, below=0.02):
        """The code has moved, and its averages still tell of the old place: with the next step it
        jumps back."""
        codes = torch.where(_dead(counts, below)[:, None], candidates, sums / counts[:, None])
        return counts.clone(), sums.clone(), codes

    def the_count_is_kept(counts, sums, candidates, below=0.02):
        """A restarted code keeps its tiny count, so it counts as dead at once and is moved again
        and again."""
        dead = _dead(counts, below)
        return _built(counts, sums, dead, counts, counts[:, None] * candidates)

    def the_sum_without_the_count(counts, sums, candidates, below=0.02):
        """The sum of a restarted code is the candidate itself. A sum of `fair` vectors is fair
        times as long, or sum / count is another place."""
        dead, fair = _dead(counts, below), counts.mean()
        codes = torch.where(dead[:, None], candidates, sums / counts[:, None])
        return _built(counts, sums, dead, fair, candidates, codes)

    def the_sum_is_kept(counts, sums, candidates, below=0.02):
        """The count of a restarted code is new, and its sum is the old one: sum / count is near 0,
        and there the next step takes the code."""
        dead, fair = _dead(counts, below), counts.mean()
        codes = torch.where(dead[:, None], candidates, sums / counts[:, None])
        return _built(counts, sums, dead, fair, sums, codes)

    def count_one(counts, sums, candidates, below=0.02):
        """A restarted code gets the count 1. It should get a fair share, the mean of the counts."""
        return _built(counts, sums, _dead(counts, below), torch.ones_like(counts), candidates)

    def absolute_threshold(counts, sums, candidates, below=0.02):
        """The counts are compared with `below` itself. It is a share of the fair share, which grows
        with the batch."""
        fair = counts.mean()
        return _built(counts, sums, counts < below, fair, fair * candidates)

    def share_of_the_total(counts, sums, candidates, below=0.02):
        """The counts are compared with a share of their *total*. With many codes even a fair share
        is less than that."""
        fair = counts.mean()
        return _built(counts, sums, counts < below * counts.sum(), fair, fair * candidates)

    def all_move(counts, sums, candidates, below=0.02):
        """Codes in use are moved as well. Only the dead ones may."""
        fair = counts.mean()
        return _built(counts, sums, torch.ones_like(counts).bool(), fair, fair * candidates)

    def the_living_move(counts, sums, candidates, below=0.02):
        """The comparison is turned round: the codes in use move, and the dead ones stay."""
        fair = counts.mean()
        return _built(counts, sums, ~_dead(counts, below), fair, fair * candidates)

    def one_candidate_for_all(counts, sums, candidates, below=0.02):
        """All dead codes move onto the same candidate, where all but one would die again."""
        fair = counts.mean()
        return _built(counts, sums, _dead(counts, below), fair, fair * candidates[:1])

    def candidates_by_rank(counts, sums, candidates, below=0.02):
        """The candidates are handed out in order, the first to the first dead code. A dead code k
        takes candidates[k]."""
        dead, fair = _dead(counts, below), counts.mean()
        place = (dead.cumsum(dim=0) - 1).clamp(min=0)
        return _built(counts, sums, dead, fair, fair * candidates[place])

    def below_fair(counts, sums, candidates, below=0.02):
        """Every code below the mean count is taken for dead, whatever `below` is."""
        fair = counts.mean()
        return _built(counts, sums, counts < fair, fair, fair * candidates)

    def a_constant_threshold(counts, sums, candidates, below=0.02):
        """The share is 0.02, whatever `below` is."""
        fair = counts.mean()
        return _built(counts, sums, _dead(counts, 0.02), fair, fair * candidates)

    def below_one(counts, sums, candidates, below=0.02):
        """A code counts as dead below a count of 1, whatever `below` and the other counts are."""
        fair = counts.mean()
        return _built(counts, sums, counts < 1, fair, fair * candidates)

    def only_the_least(counts, sums, candidates, below=0.02):
        """Only the code with the least count is moved. All dead codes move."""
        fair = counts.mean()
        return _built(counts, sums, counts == counts.min(), fair, fair * candidates)

    def fair_is_computed_anew(counts, sums, candidates, below=0.02):
        """Fair is computed again after each code that has moved. It is the mean of the counts as
        they came."""
        counts, sums = counts.clone(), sums.clone()
        for k in range(len(counts)):
            if counts[k] < below * counts.mean():
                counts[k] = counts.mean()
                sums[k] = counts[k] * candidates[k]
        return counts, sums, sums / counts[:, None]

    def in_another_order(counts, sums, candidates, below=0.02):
        """The codebook comes first. The order is counts, sums, codebook."""
        new_counts, new_sums, codes = reference(counts, sums, candidates, below)
        return codes, new_counts, new_sums

    @says(IN_PLACE)
    def in_place(counts, sums, candidates, below=0.02):
        dead, fair = _dead(counts, below), counts.mean()
        counts[dead] = fair
        sums[dead] = fair * candidates[dead]
        return counts.clone(), sums.clone(), sums / counts[:, None]


@restart_dead_codes.right
def code_by_code(counts, sums, candidates, below=0.02):
    fair = sum(counts.tolist()) / len(counts)
    new_counts, new_sums = counts.clone(), sums.clone()
    for k, count in enumerate(counts.tolist()):
        if count < below * fair:
            new_counts[k], new_sums[k] = fair, candidates[k] * fair
    return new_counts, new_sums, new_sums / new_counts.unsqueeze(1)


@restart_dead_codes.right
def by_a_mask(counts, sums, candidates, below=0.02):
    dead = (counts * len(counts) < below * counts.sum()).to(counts.dtype)
    new_counts = dead * counts.mean() + (1 - dead) * counts
    codes = dead[:, None] * candidates + (1 - dead[:, None]) * (sums / counts[:, None])
    return [new_counts, codes * new_counts[:, None], codes]
