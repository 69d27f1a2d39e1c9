"""Exercise 11.1: the KL divergence of two categorical distributions, zeros included."""

import torch
from torch import Tensor

from tutorial_lib.codes.bounds import categorical_kl as reference
from tutorial_lib.exercises.comparing import first_difference, number, numbers, tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial, compare

categorical_kl = Exercise(
    "11.1",
    "The KL of two categoricals",
    goal="Write the KL divergence so that it is right where a probability is exactly 0.",
    minutes=10,
    reference=reference,
    stub='''\
def categorical_kl(q: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """KL(q || p) over the last axis, in nats. A probability may be exactly 0.

    q, p     (B, K), rows that sum to 1
    returns  (B,). What q never does costs nothing, whatever p says of it; what q does and p
             never does costs infinitely much

    By hand: q = [0, 1] and p = [1/4, 3/4] give 0 + 1 * log(1 / (3/4)) = 0.288
             q = [1/2, 1/2] and p = [1, 0] give 1/2 * log(1/2) + inf = inf
    """
    ____
''',
    answer="""\
def categorical_kl(q, p):
    rows = []
    for q_row, p_row in zip(q, p):
        used = q_row > 0  # what q never does costs nothing
        log_ratio = q_row[used].log() - p_row[used].log()  # inf where p is 0
        rows.append((q_row[used] * log_ratio).sum())
    return torch.stack(rows)
    # without the loop: (torch.xlogy(q, q) - torch.xlogy(q, p)).sum(dim=1)
""",
    hints=(
        """Each code k adds q_k times log(q_k / p_k): how much more probable q holds it than p
        does, weighed with how often it happens under q. Where q_k is 0, the limit of t log t
        for t → 0 says what it adds: 0.""",
        """`torch.xlogy(q, q)` is q log q with 0 where q is 0. `torch.where(q > 0, q, 1)` puts a
        number there whose logarithm is harmless.""",
        """nan is the sign of 0 times -inf. A negative result is the sign of a fraction upside
        down: no KL divergence is below 0. If nothing is ever inf, a small number was added
        somewhere.""",
    ),
)

FINITE = (
    "What q does and p never does costs infinitely much; your result is finite. A small number "
    "added inside the logarithm, a clamp and `nan_to_num` all hide this case."
)


def draw_distributions(batch: int, n_codes: int, rng: torch.Generator) -> Tensor:
    """Rows of positive probabilities, far from uniform."""
    weights = 0.05 + torch.rand(batch, n_codes, generator=rng, dtype=torch.float64) ** 2
    return weights / weights.sum(dim=1, keepdim=True)


def _with_zeros(batch: int, n_codes: int, rng: torch.Generator, n_zeros: int = 2) -> Tensor:
    """The same with zeros in each row."""
    rows = draw_distributions(batch, n_codes, rng)
    for row in rows:
        row[torch.randperm(n_codes, generator=rng)[:n_zeros]] = 0
    return rows / rows.sum(dim=1, keepdim=True)


def _read(value: object, trial: Trial) -> Tensor:
    (batch, _) = trial.args[0].shape
    advice = "There is one KL for each row: sum over the last axis only."
    return tensor_result(value, (batch,), advice=advice)


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    q, p = trial.args
    (row,) = first_difference(got, want)
    more = " ..." if q.shape[1] > 6 else ""
    return (
        f"q = {numbers(q[row, :6])}{more} and p = {numbers(p[row, :6])}{more} are "
        f"{number(want[row])} nats apart. Your function says {number(got[row])}."
    )


def _check(
    candidate, trials, diagnose_on, otherwise, among=categorical_kl.misconceptions
) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=among,
        diagnose_on=diagnose_on,
        terms=_of_positive,
        otherwise=otherwise,
    )


@categorical_kl.judge("distributions without a zero")
def positive(candidate, rng: torch.Generator) -> Failure | None:
    trials = [
        Trial((draw_distributions(b, k, rng), draw_distributions(b, k, rng)))
        for b, k in ((1, 3), (4, 5))
    ]
    more = [Trial((draw_distributions(12, k, rng), draw_distributions(12, k, rng))) for k in (4, 6)]
    return _check(candidate, trials, more, "The sum is another one.")


@categorical_kl.judge("a one-hot q against the uniform p")
def check_one_hot(candidate, rng: torch.Generator) -> Failure | None:
    """Against a uniform p, whose KL is log K, and against one that is not."""
    one_hot = torch.eye(4, dtype=torch.float64)[torch.randperm(4, generator=rng)]
    trials = [Trial((one_hot, torch.full((4, 4), 0.25, dtype=torch.float64)))]
    soft = [
        Trial((one_hot, draw_distributions(4, 4, rng))),
        Trial((draw_distributions(3, 5, rng), draw_distributions(3, 5, rng))),
    ]
    return _check(candidate, trials, soft, "A one-hot q goes wrong.")


@categorical_kl.judge("zeros in q, and in both")
def zeros(candidate, rng: torch.Generator) -> Failure | None:
    """Zeros of q over positive p, then the same zeros in both."""
    q = _with_zeros(3, 6, rng)
    both = torch.where(q > 0, draw_distributions(3, 6, rng), 0)
    both = both / both.sum(dim=1, keepdim=True)
    trials = [Trial((q, draw_distributions(3, 6, rng))), Trial((q, both))]
    return _check(candidate, trials, (), "Codes that q never chooses go wrong.")


@categorical_kl.judge("zeros in p alone: infinite")
def forbidden(candidate, rng: torch.Generator) -> Failure | None:
    q, p = draw_distributions(4, 5, rng), _with_zeros(4, 5, rng, n_zeros=1)
    soft = [Trial((draw_distributions(3, 5, rng), draw_distributions(3, 5, rng)))]
    hidden = [m for m in categorical_kl.misconceptions if m.says != FINITE]
    return _check(candidate, [Trial((q, p))], soft, FINITE, hidden)


def _log_ratio(q, p):
    """log(q / p) where q is above 0, elsewhere 0."""
    return torch.where(q > 0, q, 1).log() - torch.where(q > 0, p, 1).log()


def _terms(q, p):
    return q * _log_ratio(q, p)


def _of_positive(q, p):
    """The terms that a wrong sum may hold."""
    k, terms = q.shape[1], {"q log q": torch.xlogy(q, q), "q log p": torch.xlogy(q, p)}
    terms |= {"p log p": torch.xlogy(p, p), "p log q": torch.xlogy(p, q)}
    terms |= {"log q": q.log(), "log p": p.log(), "q²": q * q, "q p": q * p, "p²": p * p}
    terms |= {"abs(q - p)": (q - p).abs(), "q²/p": q * q / p, "p/q": p / q, "q/p": q / p}
    terms |= {"q abs(log(q/p))": q * (q / p).log().abs(), "abs(log(q/p))": (q / p).log().abs()}
    mixed = (q + p) / 2
    return {
        **{f"Σ {name}": each.sum(dim=1) for name, each in terms.items()},
        "Σ of q log and p log of (q + p) / 2": torch.xlogy(q + p, mixed).sum(dim=1),
        "Σ q log(q/p) / K": _terms(q, p).sum(dim=1) / k,
        "log K": torch.full_like(q[:, 0], k).log(),
        "1": torch.ones_like(q[:, 0]),
        "the largest q log(q/p)": _terms(q, p).amax(dim=1),
        "the last q log(q/p)": _terms(q, p)[:, -1],
    }


@categorical_kl.mistakes
class Mistakes:
    def nan_at_0(q, p):
        """0 log 0 comes out as nan: 0 times -inf. A code that q never chooses adds 0."""
        return (q * (q / p).log()).sum(dim=-1)

    def sign(q, p):
        """The sign is turned round. A KL divergence is never below 0: with the minus in front the
        fraction is p / q, without it q / p."""
        return -_terms(q, p).sum(dim=-1)

    def exchanged(q, p):
        """This is KL(p || q): the two are exchanged, and the KL is not symmetric. The weights are
        the probabilities of q, the first of the two."""
        return _terms(p, q).sum(dim=-1)

    def in_bits(q, p):
        """This is the KL in bits. For nats, take the natural logarithm."""
        return _terms(q, p).sum(dim=-1) / torch.log(torch.tensor(2.0))

    def mean_of_the_terms(q, p):
        """The K terms were averaged. Their weights q_k are in them already: add."""
        return _terms(q, p).mean(dim=-1)

    def cross_entropy(q, p):
        """This is the cross-entropy, -sum q log p. The KL takes the entropy of q off; for a one-hot
        q that is 0, so only a softer q tells them apart."""
        return -torch.xlogy(q, torch.where(q > 0, p, 1)).sum(dim=-1)

    def log_K_always(q, p):
        """This is log K, whatever q and p are. It is what comes out for a one-hot q and a uniform
        p, not what goes in."""
        return torch.full(q.shape[:-1], q.shape[-1], dtype=q.dtype).log()

    def p_taken_as_uniform(q, p):
        """p is taken to be uniform, whatever it is."""
        return Mistakes.log_K_always(q, p) + torch.xlogy(q, q).sum(dim=-1)

    def unweighted(q, p):
        """The logarithms are added without their weights: each counts with its probability q_k."""
        return _log_ratio(q, p).sum(dim=-1)

    @says(FINITE)
    def a_small_number_added(q, p):
        return (q * ((q + 1e-10) / (p + 1e-10)).log()).sum(dim=-1)

    def zeros_of_p_skipped(q, p):
        """Terms are left out where p is 0. It is the zeros of q that cost nothing; a zero of p
        under a q above 0 costs infinitely much."""
        return torch.where(p > 0, _terms(q, p), 0).sum(dim=-1)

    def entropy_added(q, p):
        """The entropy of q is added to the cross-entropy. The KL takes it off."""
        cross = -torch.xlogy(q, torch.where(q > 0, p, 1)).sum(dim=-1)
        return cross - torch.xlogy(q, q).sum(dim=-1)

    def entropy_alone(q, p):
        """This is the entropy of q: p is not used."""
        return -torch.xlogy(q, q).sum(dim=-1)

    def minus_the_entropy(q, p):
        """This is sum q log q: p is not used."""
        return torch.xlogy(q, q).sum(dim=-1)

    def difference_of_entropies(q, p):
        """The entropies of p and q are subtracted. In the KL both logarithms have the weights of
        q."""
        return torch.xlogy(q, q).sum(dim=-1) - torch.xlogy(p, p).sum(dim=-1)

    def weighted_with_p(q, p):
        """The logarithms are weighted with p. The mean is over draws from q."""
        return torch.where(p > 0, p * _log_ratio(q, p), 0).sum(dim=-1)

    def both_ways(q, p):
        """KL(q || p) and KL(p || q) are added. Asked for is the first alone."""
        return _terms(q, p).sum(dim=-1) + _terms(p, q).sum(dim=-1)

    def to_the_middle(q, p):
        """q is compared with the average of q and p. Compare it with p itself."""
        return _terms(q, (q + p) / 2).sum(dim=-1)

    def no_logarithm_of_p(q, p):
        """p stands there without its logarithm. `F.kl_div` wants log p as its first argument."""
        return (torch.xlogy(q, q) - q * p).sum(dim=-1)

    def log_of_the_mean(q, p):
        """The ratios are averaged, then the logarithm is taken. The KL is a mean of logarithms."""
        return torch.where(q > 0, q * q / p, 0).sum(dim=-1).log()

    def absolute_terms(q, p):
        """The terms have lost their signs. Some are negative, and belong so."""
        return _terms(q, p).abs().sum(dim=-1)

    def negative_terms_left_out(q, p):
        """Negative terms are left out. Where q is below p the term is negative, and counts."""
        return _terms(q, p).clamp(min=0).sum(dim=-1)

    def taken_as_logits(q, p):
        """A softmax is taken of q and p. They are probabilities already."""
        return _terms(q.softmax(dim=-1), p.softmax(dim=-1)).sum(dim=-1)

    def largest_only(q, p):
        """Only the code where q is largest is counted. That is right for a one-hot q."""
        most = q.argmax(dim=-1, keepdim=True)
        return _terms(q, p).gather(-1, most)[..., 0]

    def likeliest_code_of_p(q, p):
        """This is -log p at the code where q is largest. That is right for a one-hot q."""
        return -p.gather(-1, q.argmax(dim=-1, keepdim=True))[..., 0].log()

    def one_number(q, p):
        """The whole batch is added up. Each row has its own KL."""
        return _terms(q, p).sum()

    def one_mean(q, p):
        """The rows are averaged to one number. Each row has its own KL."""
        return _terms(q, p).sum(dim=-1).mean()

    def over_the_batch(q, p):
        """The sum runs over the rows. It has to run over the codes, the last axis."""
        return _terms(q, p).sum(dim=0)

    def terms_kept(q, p):
        """The terms of the codes are not added up: there is one KL for each row."""
        return _terms(q, p)


@categorical_kl.right
def row_by_row(q, p):
    rows = []
    for q_row, p_row in zip(q, p, strict=True):
        used = q_row > 0
        rows.append((q_row[used] * torch.log(q_row[used] / p_row[used])).sum())
    return torch.stack(rows)


@categorical_kl.right
def by_xlogy(q, p):
    return torch.xlogy(q, q).sum(dim=-1) - torch.xlogy(q, p).sum(dim=-1)
