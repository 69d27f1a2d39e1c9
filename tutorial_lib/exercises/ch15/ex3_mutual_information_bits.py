"""Exercise 15.3: what a code tells about a label, in bits."""

import math
from collections import Counter

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(codes: Tensor, labels: Tensor) -> Tensor:
    """I(code; label) = sum p(k, y) log2 p(k, y) / (p(k) p(y)), over all positions of all signals.

    A pair that never occurs adds nothing, since t log t goes to 0 with t.
    """
    every_label = labels.view(-1, *[1] * (codes.ndim - 1)).expand_as(codes)
    pairs = codes * (labels.max() + 1) + every_label
    counts = torch.bincount(pairs.flatten(), minlength=int((codes.max() + 1) * (labels.max() + 1)))
    joint = counts.view(-1, int(labels.max()) + 1).double() / counts.sum()
    apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    seen = joint > 0
    return (joint[seen] * (joint[seen] / apart[seen]).log2()).sum()


mutual_information_bits = Exercise(
    "15.3",
    "What a code tells about the word",
    goal="Measure in bits how much a code from anywhere in a signal tells about its label.",
    minutes=15,
    reference=reference,
    otherwise="This is another number than the mutual information in bits.",
    stub='''\
def mutual_information_bits(codes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How many bits one code, from anywhere in a signal, tells about the signal's label.

    codes    (N, *positions) torch.long from 0, a field for each of N signals
    labels   (N,) torch.long from 0: every code of signal n is paired with labels[n]
    returns  one number: the sum over pairs (k, y) of p(k, y) log2( p(k, y) / (p(k) p(y)) ), where
             p are the shares among all pairs. A pair that never occurs adds nothing

    By hand: codes [[0, 0], [1, 1]] with labels [0, 1]: the code names the label, and the label is
             one of two. p(0, 0) = p(1, 1) = 1/2, each log2( (1/2) / (1/4) ) = 1, so 1 bit.
             codes [[0, 1], [0, 1]], same labels: all four pairs have 1/4, and log2 1 = 0. So 0 bits
    """
    ____
''',
    answer="""\
def mutual_information_bits(codes, labels):
    codes = codes.flatten(1)  # (N, positions)
    n_codes, n_labels = int(codes.max()) + 1, int(labels.max()) + 1
    counts = torch.zeros(n_codes, n_labels)
    for field, y in zip(codes, labels):
        counts[:, y] += torch.bincount(field, minlength=n_codes)
    p = counts / counts.sum()  # p(k, y)
    p_code, p_label = p.sum(dim=1, keepdim=True), p.sum(dim=0)
    seen = p > 0  # a pair that never occurs adds nothing
    return (p[seen] * torch.log2(p[seen] / (p_code * p_label)[seen])).sum()
""",
    hints=(
        """Count pairs into a table, K rows and as many columns as labels. Everything is in it:
        divided by the total it is p(k, y), its row sums are p(k), its column sums p(y).""",
        """`labels[:, None].expand_as(codes)` for lines of codes, or
        `labels.repeat_interleave(...)`. `torch.bincount(k * n_labels + y)`, or
        `table.index_put_(..., accumulate=True)`. `torch.xlogy` makes 0 log 0 = 0.""",
        """Test yourself with codes that are the label itself (the entropy of the labels must
        come out) and with codes that are always the same (0 must come out).""",
    ),
)


def _trial(n: int, shape: tuple[int, ...], n_labels: int, rng: torch.Generator) -> Trial:
    """Codes that lean towards their label and towards their position, some pairs never."""
    labels = torch.cat([torch.arange(n_labels), torch.randint(n_labels, (n,), generator=rng)])
    n_positions = math.prod(shape)
    lean = labels[:, None] + torch.arange(n_positions) % 2
    codes = lean + torch.randint(3, lean.shape, generator=rng) ** 2 // 2
    return Trial((codes.view(len(labels), *shape), labels))


@mutual_information_bits.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    codes, labels = trial.args
    shown = "; ".join(
        f"{codes[i].flatten()[:6].tolist()} with label {labels[i]}"
        for i in range(min(3, len(codes)))
    )
    return (
        f"{len(codes)} signals of {codes[0].numel()} codes, beginning {shown}: {number(want)} "
        f"bits. Your function says {number(got)}."
    )


@mutual_information_bits.trials("codes that name the label, and codes that tell nothing")
def all_or_nothing(rng):
    """Codes that name one of four labels, and codes that are always the same."""
    labels = torch.randperm(4, generator=rng)
    naming = labels[:, None].expand(4, 3).contiguous()
    return [Trial((naming, labels)), Trial((torch.zeros(4, 2).long(), labels))]


mutual_information_bits.trials("lines of codes that lean towards a label")(
    lambda rng: [_trial(20, (5,), 3, rng)]
)
mutual_information_bits.trials("fields of two and three axes")(
    lambda rng: [_trial(20, (2, 3), 4, rng), _trial(15, (2, 2, 3), 3, rng)]
)
mutual_information_bits.also_try(lambda rng: [_trial(9, (4,), 3, rng), _trial(12, (2, 3), 4, rng)])


def _entropy(p):
    return -torch.xlogy(p, p).sum() / math.log(2)


def _joint(codes, labels):
    every_label = labels.view(-1, *[1] * (codes.ndim - 1)).expand_as(codes)
    table = torch.zeros(int(codes.max()) + 1, int(labels.max()) + 1, dtype=torch.float64)
    one = torch.ones((), dtype=torch.float64).expand(codes.numel())
    table.index_put_((codes.flatten(), every_label.flatten()), one, accumulate=True)
    return table / table.sum()


def _entropies(codes, labels):
    """Of code, of label, of both, in bits."""
    joint = _joint(codes, labels)
    return _entropy(joint.sum(dim=1)), _entropy(joint.sum(dim=0)), _entropy(joint)


@mutual_information_bits.mistakes
class Mistakes:
    def once_a_signal(codes, labels):
        """A pair that occurs several times at once is counted once. `table[codes, y] += 1` does
        that: an index that is repeated is added to once. Use `bincount`, or `index_put_` with
        `accumulate=True`."""
        # `table[codes, y] += 1`: an index that occurs twice is written once.
        flat = codes.flatten(1)
        table = torch.zeros(int(flat.max()) + 1, int(labels.max()) + 1, dtype=torch.float64)
        for field, label in zip(flat, labels, strict=True):
            table[field, label] += 1
        joint = table / table.sum()
        return _entropy(joint.sum(dim=1)) + _entropy(joint.sum(dim=0)) - _entropy(joint)

    @says(" ".join(once_a_signal.__doc__.split()))
    def once_in_all(codes, labels):
        joint = (_joint(codes, labels) > 0).double()
        joint = joint / joint.sum()
        return _entropy(joint.sum(dim=1)) + _entropy(joint.sum(dim=0)) - _entropy(joint)

    def nats(codes, labels):
        """These are nats. Bits need log2, or nats divided by log 2."""
        return reference(codes, labels) * math.log(2)

    def log10(codes, labels):
        """These are decimal digits: the logarithm to base 10 was taken. Bits need log2."""
        return reference(codes, labels) * math.log10(2)

    def entropies_added(codes, labels):
        """The joint entropy is added. Take it off: H(code) + H(label) - H(both)."""
        return sum(_entropies(codes, labels))

    def joint_entropy_left_out(codes, labels):
        """The two entropies are added, and the joint entropy is not taken off."""
        code, label, _ = _entropies(codes, labels)
        return code + label

    def turned_round(codes, labels):
        """The two distributions are exchanged: p(k) p(y) is weighed against p(k, y). Weigh by
        p(k, y), and divide by p(k) p(y)."""
        joint = _joint(codes, labels)
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        seen = joint > 0
        return (apart[seen] * (apart[seen] / joint[seen]).log2()).sum()

    def the_label_twice(codes, labels):
        """p(y) p(y) stands in the denominator. One sum goes along the rows, the other along the
        columns."""
        joint = _joint(codes, labels)
        seen = joint > 0
        apart = joint.sum(dim=0).square().expand_as(joint)
        return (joint[seen] * (joint[seen] / apart[seen]).log2()).sum()

    def the_code_twice(codes, labels):
        """p(k) p(k) stands in the denominator. One sum goes along the rows, the other along the
        columns."""
        joint = _joint(codes, labels)
        seen = joint > 0
        apart = joint.sum(dim=1, keepdim=True).square().expand_as(joint)
        return (joint[seen] * (joint[seen] / apart[seen]).log2()).sum()

    def divided_by_the_positions(codes, labels):
        """This is divided by the number of positions. The shares take care of it already."""
        return reference(codes, labels) / codes[0].numel()

    def largest_term(codes, labels):
        """The largest logarithm comes back. Add them all, each weighed by p(k, y)."""
        joint = _joint(codes, labels)
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        return (joint / apart).log2().max()

    def guessed_rightly(codes, labels):
        """This is how often the label is guessed from the code. Asked for are bits."""
        return _joint(codes, labels).max(dim=1).values.sum()

    def negative(codes, labels):
        """The sign is turned round. Nothing can tell less than 0 bits."""
        return -reference(codes, labels)

    def entropy_of_the_labels(codes, labels):
        """This is the entropy of the label: what there is to be told, not what the code tells."""
        return _entropies(codes, labels)[1]

    def what_is_left_of_the_code(codes, labels):
        """This is the entropy of the *code* that is left once the label is known. What they tell of
        each other is the entropy before, less this."""
        _, label, both = _entropies(codes, labels)
        return both - label

    def a_share(codes, labels):
        """The information is divided by an entropy. Asked for are bits, not a share."""
        return reference(codes, labels) / _entropies(codes, labels)[1]

    @says(" ".join(a_share.__doc__.split()))
    def a_share_of_the_code(codes, labels):
        return reference(codes, labels) / _entropies(codes, labels)[0]

    @says(" ".join(a_share.__doc__.split()))
    def a_share_of_both(codes, labels):
        code, label, _ = _entropies(codes, labels)
        return 2 * reference(codes, labels) / (code + label)

    @says(" ".join(a_share.__doc__.split()))
    def a_share_of_the_root(codes, labels):
        code, label, _ = _entropies(codes, labels)
        return reference(codes, labels) / (code * label).sqrt()

    def divided_by_the_signals(codes, labels):
        """The counts are divided by the number of signals. There are as many pairs as codes:
        p(k, y) must add up to 1."""
        joint = _joint(codes, labels) * codes[0].numel()
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        seen = joint > 0
        return (joint[seen] * (joint[seen] / apart[seen]).log2()).sum()

    def counts_for_shares(codes, labels):
        """Counts stand where shares belong: divide the table by its sum first."""
        joint = _joint(codes, labels) * codes.numel()
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        seen = joint > 0
        return (joint[seen] * (joint[seen] / apart[seen]).log2()).sum()

    def labels_taken_as_uniform(codes, labels):
        """p(y) is taken to be the same for all labels. It is the column sum of the table."""
        code, _, both = _entropies(codes, labels)
        return code + math.log2(_joint(codes, labels).shape[1]) - both

    def weighed_by_the_product(codes, labels):
        """The logarithms are weighed by p(k) p(y). Weigh each by p(k, y)."""
        joint = _joint(codes, labels)
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        seen = joint > 0
        return (apart[seen] * (joint[seen] / apart[seen]).log2()).sum()

    def summed_without_weights(codes, labels):
        """The logarithms are added without weights, rare pairs as much as common ones. Weigh each
        by p(k, y)."""
        joint = _joint(codes, labels)
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        seen = joint > 0
        return (joint[seen] / apart[seen]).log2().sum()

    def mean_over_the_pairs(codes, labels):
        """The terms are averaged. Each is weighed by p(k, y) already, so add them."""
        joint = _joint(codes, labels)
        return reference(codes, labels) / (joint > 0).sum()

    @says(" ".join(mean_over_the_pairs.__doc__.split()))
    def mean_over_the_table(codes, labels):
        return reference(codes, labels) / _joint(codes, labels).numel()

    def one_added_to_every_count(codes, labels):
        """1 is added to every count, so that none is 0. That is another table: a pair that never
        occurs adds nothing."""
        joint = _joint(codes, labels) * codes.numel() + 1
        joint = joint / joint.sum()
        entropies = [_entropy(p) for p in (joint.sum(dim=1), joint.sum(dim=0), joint)]
        return entropies[0] + entropies[1] - entropies[2]

    def the_last_position(codes, labels):
        """Only the last code of each signal is looked at."""
        return reference(codes.flatten(1)[:, -1:], labels)

    def the_most_frequent_code(codes, labels):
        """Each signal is represented by its most frequent code. Every code makes a pair."""
        return reference(codes.flatten(1).mode(dim=1, keepdim=True).values, labels)

    def summed_over_the_positions(codes, labels):
        """The information is worked out for each position apart and then added up. Asked for is a
        code from *anywhere*: one table for all positions together."""
        flat = codes.flatten(1)
        return sum(reference(flat[:, i : i + 1], labels) for i in range(flat.shape[1]))

    def signal_by_signal(codes, labels):
        """Each signal is counted by itself, and has one label: 0 bits. Count all signals into one
        table."""
        return torch.zeros(())

    def entropy_of_the_codes(codes, labels):
        """This is the entropy of the codes: how varied they are, whatever the label. Noise is
        varied too."""
        return _entropies(codes, labels)[0]

    def what_is_left(codes, labels):
        """This is the entropy of the label that is *left* once the code is known. What the code
        tells is the entropy before, less this."""
        code, _, both = _entropies(codes, labels)
        return both - code

    def entropy_of_pairs(codes, labels):
        """This is the joint entropy of pairs. It is large where code and label have nothing to do
        with each other."""
        return _entropies(codes, labels)[2]

    def codes_taken_as_uniform(codes, labels):
        """p(k) is taken to be 1/K. Codes are not used alike: p(k) is the row sum of the table."""
        joint = _joint(codes, labels)
        _, label, both = _entropies(codes, labels)
        return math.log2(len(joint)) + label - both

    def nan_for_empty_pairs(codes, labels):
        """A pair that never occurs gives 0 · log 0, which a computer calls nan. It has to add 0."""
        joint = _joint(codes, labels)
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        return (joint * (joint / apart).log2()).sum()

    def not_weighted(codes, labels):
        """The logarithms are averaged over the pairs that occur, rare ones as much as common ones.
        Weigh each by p(k, y)."""
        joint = _joint(codes, labels)
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
        seen = joint > 0
        return (joint[seen] / apart[seen]).log2().mean()

    def the_first_position(codes, labels):
        """Only the first code of each signal is looked at."""
        return reference(codes.flatten(1)[:, :1], labels)

    def position_by_position(codes, labels):
        """The information is worked out for each position apart and then averaged. Asked for is a
        code from *anywhere*: one table for all positions together."""
        flat = codes.flatten(1)
        return torch.stack(
            [reference(flat[:, i : i + 1], labels) for i in range(flat.shape[1])]
        ).mean()

    def times_the_positions(codes, labels):
        """This is multiplied by the number of positions, as if every code told something new."""
        return codes[0].numel() * reference(codes, labels)

    def labels_in_the_wrong_order(codes, labels):
        """Codes and labels are paired wrongly: flattened codes run through signal 0 first, so label
        0 has to be repeated first, not all labels in turn."""
        # Labels repeated in the wrong order: y0 y1 y2 y0 y1 y2 in the place of y0 y0 y1 y1.
        every_label = labels.repeat(codes[0].numel())
        return reference(codes.reshape(-1, 1), every_label)


@mutual_information_bits.right
def from_entropies(codes, labels):
    """H(code) + H(label) - H(both)."""
    code, label, both = _entropies(codes, labels)
    return code + label - both


@mutual_information_bits.right
def pair_by_pair(codes, labels):
    """Plain counting, as a Python float."""
    pairs = [
        (k, y)
        for field, y in zip(codes.flatten(1).tolist(), labels.tolist(), strict=True)
        for k in field
    ]
    both, n = Counter(pairs), len(pairs)
    code, label = (Counter(pair[i] for pair in pairs) for i in (0, 1))
    return sum(c / n * math.log2(c * n / (code[k] * label[y])) for (k, y), c in both.items())
