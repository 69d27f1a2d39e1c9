"""Exercise 16.4: causal attention, for all places at once and for the newest alone."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def past_of(n_new: int, n_all: int) -> Tensor:
    """True where one of the newest slots may read one of all slots: (n_new, n_all)."""
    return torch.ones(n_new, n_all, dtype=torch.bool).tril(n_all - n_new)


def attended(scores: Tensor, may_read: Tensor, values: Tensor) -> Tensor:
    """softmax of the scores that may be read, as weights of the values."""
    return scores.masked_fill(~may_read, -torch.inf).softmax(dim=-1) @ values


def scores_of(queries: Tensor, keys: Tensor) -> Tensor:
    """q . k / sqrt(d) for all pairs."""
    return queries @ keys.mT / math.sqrt(queries.shape[-1])


def reference(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Causal attention of the newest slots. `codes.CausalAttention` holds the same."""
    may_read = past_of(queries.shape[-2], keys.shape[-2]).to(queries.device)
    return attended(scores_of(queries, keys), may_read, values)


attend = Exercise(
    "16.4",
    "Attention to the past",
    goal="Let every slot read itself and what came before it, with or without a cache.",
    minutes=15,
    reference=reference,
    differentiated=True,
    otherwise="The weighted sums of the values are not the expected ones.",
    stub='''\
def attend(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Causal attention: softmax(Q K^T / sqrt(d), the future left out) V. [Vaswani 2017, eq. 1]

    queries  (B, heads, n, d): of the newest n slots
    keys     (B, heads, N, d): of all N slots, N >= n, the newest last
    values   (B, heads, N, d)
    returns  (B, heads, n, d): for each query the mean of the values that it may read, weighted by
             softmax over their scores q . k / sqrt(d). A slot reads itself and all slots before it.
             So the last query reads everything, the one before it all but the last slot, and so on.
             n = N is training, n = 1 is a step of a sampler whose keys and values are kept

    By hand: B = heads = d = 1. Queries 0, 0, keys 1, 2, 3 and values 3, 6, 9: all scores are 0. The
             last query reads all three slots and gets 6, the one before it two and gets 4.5
    """
    ____
''',
    answer="""\
def attend(queries, keys, values):
    n, n_all = queries.shape[-2], keys.shape[-2]
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5  # (B, heads, n, N)
    own = torch.arange(n_all - n, n_all, device=queries.device)  # of the queries
    slots = torch.arange(n_all, device=queries.device)
    future = slots[None, :] > own[:, None]  # (n, N)
    weights = scores.masked_fill(future, -torch.inf).softmax(dim=-1)
    return weights @ values
""",
    hints=(
        """Query i of n belongs to slot N - n + i. It may read slots 0 to N - n + i.""",
        """`queries @ keys.mT` multiplies the last two axes. `torch.ones(n, N).tril(N - n)` is 1
        where reading is allowed. `scores.masked_fill(future, -torch.inf)` before the softmax gives
        the weight 0.""",
        """If n = N comes out right and n = 1 does not, the only query is taken for slot 0 and not
        for the last one: where does the diagonal lie when the table is not square?""",
    ),
)


def _trial(batch: int, heads: int, n: int, n_all: int, dim: int, rng: torch.Generator) -> Trial:
    queries = 1.5 * torch.randn(batch, heads, n, dim, generator=rng)
    keys, values = (torch.randn(batch, heads, n_all, dim, generator=rng) for _ in range(2))
    return Trial((queries, keys, values))


@attend.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    queries, keys, _ = trial.args
    place = first_difference(got, want)
    n, n_all = queries.shape[-2], keys.shape[-2]
    slot = n_all - n + place[2]
    return (
        f"queries {tuple(queries.shape)}, keys {tuple(keys.shape)}. Query {place[2]} belongs to "
        f"slot {slot} of 0 .. {n_all - 1} and reads slots 0 to {slot}. The result at "
        f"{list(place)} is {number(got[place])}, expected {number(want[place])}."
    )


def _telling(rng):
    return [_trial(2, 2, 4, 4, 3, rng), _trial(2, 3, 2, 5, 4, rng), _trial(2, 2, 1, 4, 3, rng)]


attend.trials("all slots at once")(
    lambda rng: ([_trial(2, 3, 5, 5, 4, rng), _trial(3, 1, 6, 6, 2, rng)], _telling(rng))
)
attend.trials("the newest slot alone")(
    lambda rng: ([_trial(3, 2, 1, 5, 4, rng), _trial(2, 2, 1, 1, 3, rng)], _telling(rng))
)
attend.trials("the newest few")(
    lambda rng: ([_trial(2, 2, 3, 7, 4, rng), _trial(2, 1, 2, 4, 5, rng)], _telling(rng))
)


def _with(change):
    """Causal attention whose scores are changed: change(scores, may_read, queries)."""

    def wrong(queries, keys, values):
        may_read = past_of(queries.shape[-2], keys.shape[-2])
        scores = change(scores_of(queries, keys), may_read, queries)
        return attended(scores, may_read, values)

    return wrong


def _reading(may_read_of):
    """Attention with another mask: may_read_of(n, N)."""

    def wrong(queries, keys, values):
        may_read = may_read_of(queries.shape[-2], keys.shape[-2])
        weights = scores_of(queries, keys).masked_fill(~may_read, -torch.inf).softmax(dim=-1)
        return weights.nan_to_num() @ values

    return wrong


def _past(n, n_all, shift):
    return torch.ones(n, n_all, dtype=torch.bool).tril(n_all - n + shift)


@attend.mistakes
class Mistakes:
    def no_mask(queries, keys, values):
        """Nothing is left out: a slot reads slots after it, which are not known yet when a sampler
        gets there."""
        return scores_of(queries, keys).softmax(dim=-1) @ values

    def not_itself(queries, keys, values):
        """A slot does not read itself. Slot i holds code i - 1 and predicts code i, so it may."""
        return _reading(lambda n, n_all: _past(n, n_all, -1))(queries, keys, values)

    def one_too_many(queries, keys, values):
        """A slot reads the one after it as well. That slot holds the code that is to be
        predicted."""
        return _reading(lambda n, n_all: _past(n, n_all, 1))(queries, keys, values)

    def the_future(queries, keys, values):
        """The mask is the wrong way round: a slot reads itself and what comes *after* it."""
        return _reading(lambda n, n_all: torch.ones(n, n_all, dtype=torch.bool).triu(n_all - n))(
            queries, keys, values
        )

    def diagonal_from_the_first_slot(queries, keys, values):
        """The queries are taken for the *first* n slots. They are the newest: query i belongs to
        slot N - n + i."""
        return _reading(lambda n, n_all: torch.ones(n, n_all, dtype=torch.bool).tril())(
            queries, keys, values
        )

    def itself_alone(queries, keys, values):
        """Every slot reads itself alone."""
        own = _past
        return _reading(lambda n, n_all: own(n, n_all, 0) & ~own(n, n_all, -1))(
            queries, keys, values
        )

    def last_two_alone(queries, keys, values):
        """Every slot reads itself and the one before it alone. All of the past may be read."""
        return _reading(lambda n, n_all: _past(n, n_all, 0) & ~_past(n, n_all, -2))(
            queries, keys, values
        )

    def not_scaled(queries, keys, values):
        """The scores are not divided by sqrt(d)."""
        return _with(lambda scores, may, q: scores * math.sqrt(q.shape[-1]))(queries, keys, values)

    def divided_by_d(queries, keys, values):
        """The scores are divided by d. It is its square root."""
        return _with(lambda scores, may, q: scores / math.sqrt(q.shape[-1]))(queries, keys, values)

    def multiplied_by_the_root(queries, keys, values):
        """The scores are multiplied by sqrt(d). They are divided by it."""
        return _with(lambda scores, may, q: scores * q.shape[-1])(queries, keys, values)

    def scaled_by_the_slots(queries, keys, values):
        """The scores are divided by the root of the number of slots. It is the root of d, the
        length of a query."""
        d, n_all = queries.shape[-1], keys.shape[-2]
        return _with(lambda scores, may, q: scores * (d / n_all) ** 0.5)(queries, keys, values)

    def masked_with_zero(queries, keys, values):
        """The scores of the future are set to 0, which is a score like any other: exp(0) = 1. It
        has to be minus infinity."""
        may_read = past_of(queries.shape[-2], keys.shape[-2])
        return scores_of(queries, keys).masked_fill(~may_read, 0.0).softmax(dim=-1) @ values

    def masked_after_the_softmax(queries, keys, values):
        """The weights are set to 0 after the softmax, so those that are left do not sum to 1: mask
        the scores."""
        may_read = past_of(queries.shape[-2], keys.shape[-2])
        return (scores_of(queries, keys).softmax(dim=-1) * may_read) @ values

    def softmax_over_the_queries(queries, keys, values):
        """The softmax runs over the queries. The weights of one query sum to 1 over the slots:
        dim=-1."""
        may_read = past_of(queries.shape[-2], keys.shape[-2])
        scores = scores_of(queries, keys).masked_fill(~may_read, -torch.inf)
        return scores.softmax(dim=-2).nan_to_num() @ values

    def no_softmax(queries, keys, values):
        """There is no softmax: the scores themselves are the weights."""
        may_read = past_of(queries.shape[-2], keys.shape[-2])
        return (scores_of(queries, keys) * may_read) @ values

    def a_plain_mean(queries, keys, values):
        """All slots of the past count alike. The scores decide."""
        return _with(lambda scores, may, q: 0 * scores)(queries, keys, values)

    def keys_for_values(queries, keys, values):
        """The keys are averaged. Their scores weigh the *values*."""
        return reference(queries, keys, keys)

    def keys_and_values_exchanged(queries, keys, values):
        """Keys and values are exchanged."""
        return reference(queries, values, keys)

    def hardest_alone(queries, keys, values):
        """Only the slot with the largest score is read. A softmax reads all, with weights."""
        may_read = past_of(queries.shape[-2], keys.shape[-2])
        best = scores_of(queries, keys).masked_fill(~may_read, -torch.inf).argmax(dim=-1)
        return torch.nn.functional.one_hot(best, keys.shape[-2]).to(values) @ values

    def negative_scores(queries, keys, values):
        """The scores have the wrong sign: what fits worst counts most."""
        return _with(lambda scores, may, q: -scores)(queries, keys, values)

    def one_head_for_all(queries, keys, values):
        """All heads get the result of the first."""
        return reference(queries, keys, values)[:, :1].expand_as(queries).clone()

    def heads_averaged(queries, keys, values):
        """The scores of the heads are averaged. Every head has weights of its own."""
        mean = scores_of(queries, keys).mean(dim=1, keepdim=True)
        return _with(lambda scores, may, q: mean.expand_as(scores))(queries, keys, values)


@attend.right
def by_torch(queries, keys, values):
    may_read = past_of(queries.shape[-2], keys.shape[-2])
    return torch.nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=may_read
    )


@attend.right
def query_by_query(queries, keys, values):
    out, n, n_all = [], queries.shape[-2], keys.shape[-2]
    for i in range(n):
        end = n_all - n + i + 1
        scores = torch.einsum("bhd,bhnd->bhn", queries[:, :, i], keys[:, :, :end])
        weights = (scores / queries.shape[-1] ** 0.5).softmax(dim=-1)
        out.append(torch.einsum("bhn,bhnd->bhd", weights, values[:, :, :end]))
    return torch.stack(out, dim=2)
