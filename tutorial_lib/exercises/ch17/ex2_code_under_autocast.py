"""Exercise 17.2: float32 in the midst of bfloat16."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, numbers
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest code, in float32 whatever autocast would like: (n, D), (K, D) -> (n,).

    `.float()` alone is not enough: inside the context a matrix product is taken in bfloat16 again.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        vectors, codebook = vectors.float(), codebook.float()
        products = vectors @ codebook.T
        return (codebook.square().sum(dim=1) - 2 * products).argmin(dim=1)


code_under_autocast = Exercise(
    "17.2",
    "Float32 in the midst of bfloat16",
    goal="Find nearest codes in float32 although the training step runs under autocast.",
    minutes=15,
    reference=reference,
    stub='''\
def code_under_autocast(vectors: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """The nearest code of every vector, in float32, although the call happens under autocast.

    vectors   (n, D) from the encoder: torch.bfloat16, or torch.float32
    codebook  (K, D) torch.float32
    returns   (n,) torch.long: argmin over the codes of the squared distance; the lower index where
              two are equally near

    The check calls you inside `with torch.autocast("cpu", torch.bfloat16):`, where a matrix product
    is taken in bfloat16 whatever is handed to it.

    By hand: the vector [1] with the codes [[1.2], [1.1], [0.8]] gives 1: the distances are 0.04,
             0.01 and 0.04
    """
    ____
''',
    answer="""\
def code_under_autocast(vectors, codebook):
    with torch.autocast(vectors.device.type, enabled=False):  # `@` would round
        vectors, codebook = vectors.float(), codebook.float()
        products = vectors @ codebook.T  # (n, K)
        lengths = codebook.square().sum(dim=1)
        # |z - e|^2 = |z|^2 - 2 z·e + |e|^2, and |z|^2 is the same for all codes
        return (lengths - 2 * products).argmin(dim=1)
""",
    hints=(
        """bfloat16 keeps 8 binary digits, less than three decimal ones. Two codes whose
        distances agree in those are the same to it. So everything from the inputs to the
        argmin has to be float32.""",
        """`with torch.autocast(vectors.device.type, enabled=False):` ends autocast for a block;
        inside it, `.float()` both arguments. (Autocast leaves subtraction, squares and sums
        alone: without a matrix product you need no block.)""",
        """Print the dtype of your distances. If it says bfloat16 although all inputs are
        float32, a matrix product was taken under autocast.""",
    ),
)


def _distances(vectors, codebook):
    return (vectors[:, None] - codebook[None]).square().sum(dim=2)


def _apart(rng: torch.Generator, n: int, dim: int) -> Trial:
    """Codes and vectors far from each other, in eighths: no rounding matters much."""
    codebook = torch.randint(-12, 13, (5, dim), generator=rng) / 4
    vectors = torch.randint(-12, 13, (n, dim), generator=rng) / 4
    return Trial((vectors.bfloat16(), codebook))


def _crowded(rng: torch.Generator, n: int, dim: int, dtype=torch.bfloat16) -> Trial:
    """A cluster of codes that bfloat16 can hardly tell apart, and vectors that lie beside it.

    Numbers are multiples of 1/128, so that float32 is exact in any order of the sums; the vectors
    are multiples of 1/32 below 8, which bfloat16 holds. In float32 they have digits beyond those.
    """
    center = torch.randint(5, 7, (1, dim), generator=rng) * 128.0
    codebook = center + torch.randint(-28, 29, (64, dim), generator=rng)
    side = torch.randint(2, (n, dim), generator=rng) * 2 - 1
    vectors = center + side * torch.randint(32, 64, (n, dim), generator=rng) * 4
    if dtype == torch.float32:
        vectors = vectors + torch.randint(-3, 4, (n, dim), generator=rng)
    return Trial(((vectors / 128).to(dtype), codebook / 128))


@code_under_autocast.advises
def advice(shape, trial):
    return _message_of("a vector for every code") if shape == (len(trial.args[1]),) else ""


def _message_of(name: str) -> str:
    return next(each.says for each in code_under_autocast.misconceptions if each.name == name)


@code_under_autocast.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    vectors, codebook = trial.args
    (i,) = first_difference(got, want)
    distances = _distances(vectors.float()[i : i + 1], codebook)[0]
    right, wrong = int(want[i]), int(got[i])
    said = f"{distances[wrong]:.6g}" if 0 <= wrong < len(codebook) else "no distance at all"
    differ = int((got != want).sum())
    return (
        f"{differ} of {len(vectors)} vectors get another code. Vector {i}, ({numbers(vectors[i])}):"
        f" the squared distance of code {right} is {distances[right]:.6g}, that of code {wrong}, "
        f"which your function chose, {said}."
    )


def _check(candidate, trials: list[Trial], rng: torch.Generator) -> Failure | None:
    """Everything, the misconceptions too, runs under autocast as in a training step."""
    more = [_crowded(rng, 300, dim) for dim in (2, 5)] + [_apart(rng, 40, 3)]
    with torch.autocast("cpu", torch.bfloat16):
        return code_under_autocast.compare(
            candidate, trials, further=more, otherwise="These are not the nearest codes."
        )


@code_under_autocast.judge("codes far apart")
def apart(candidate, rng: torch.Generator) -> Failure | None:
    """One code near to each vector, all others far away, and all of one length."""
    spots = torch.tensor([[3.0, 0.0], [0.0, 3.0], [-3.0, 0.0], [0.0, -3.0]])
    order = torch.randperm(4, generator=rng)
    vectors = spots[torch.randint(4, (9,), generator=rng)] + 0.25
    return _check(candidate, [Trial((vectors.bfloat16(), spots[order]))], rng)


@code_under_autocast.judge("codes that bfloat16 can hardly tell apart", points=2)
def crowded(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_crowded(rng, 300, 4)], rng)


@code_under_autocast.judge("the same with vectors in float32")
def float32(candidate, rng: torch.Generator) -> Failure | None:
    """An encoder that runs in float32 hands over float32."""
    return _check(candidate, [_crowded(rng, 300, 3, torch.float32)], rng)


def _products(vectors, codebook):
    return (vectors.float()[:, None] * codebook[None]).sum(dim=2)


@code_under_autocast.mistakes
class Mistakes:
    def all_in_bfloat16(vectors, codebook):
        """Everything is rounded to bfloat16: vectors, codes and distances."""
        return _distances(vectors.bfloat16(), codebook.bfloat16()).argmin(dim=1)

    @says(" ".join(all_in_bfloat16.__doc__.split()))
    def all_in_the_dtype_of_the_vectors(vectors, codebook):
        return _distances(vectors, codebook.to(vectors.dtype)).argmin(dim=1)

    def all_in_float16(vectors, codebook):
        """Everything is rounded to float16. It has three digits more than bfloat16, and still fewer
        than these codes need."""
        return _distances(vectors.half(), codebook.half()).argmin(dim=1)

    def the_vectors_rounded(vectors, codebook):
        """The *vectors* are rounded to bfloat16. Those that come in float32 lose their digits."""
        return _distances(vectors.bfloat16().float(), codebook).argmin(dim=1)

    def a_table_of_distances(vectors, codebook):
        """The distances themselves come back, one for each vector and code. Asked for is the index
        of the smallest in each row."""
        return _distances(vectors.float(), codebook)

    def the_smallest_distance(vectors, codebook):
        """The smallest distance comes back. Asked for is the index where it stands: `argmin`."""
        return _distances(vectors.float(), codebook).min(dim=1).values

    def the_code_itself(vectors, codebook):
        """The nearest code itself comes back. Asked for is its index."""
        return codebook[_distances(vectors.float(), codebook).argmin(dim=1)]

    def one_index_in_all(vectors, codebook):
        """Without `dim=1`, `argmin` looks for one place in the whole table."""
        return _distances(vectors.float(), codebook).argmin()

    def a_column(vectors, codebook):
        """The indices stand in a column, (n, 1). Asked for is (n,): leave `keepdim` out."""
        return _distances(vectors.float(), codebook).argmin(dim=1, keepdim=True)

    def the_32_bits(vectors, codebook):
        """The indices are the right ones, in another dtype. Indices are torch.long."""
        return _distances(vectors.float(), codebook).argmin(dim=1).int()

    def one_hot(vectors, codebook):
        """The choice comes back as a row of zeros and a one. Asked for is the index of the one."""
        indices = _distances(vectors.float(), codebook).argmin(dim=1)
        return torch.nn.functional.one_hot(indices, len(codebook))

    def from_one(vectors, codebook):
        """The codes are counted from 1. They run from 0 to K - 1."""
        return _distances(vectors.float(), codebook).argmin(dim=1) + 1

    def cosine(vectors, codebook):
        """Directions (cosines) are compared. A code may point the right way and be far off."""
        directions = codebook / codebook.norm(dim=1, keepdim=True)
        return _products(vectors, directions).argmax(dim=1)

    def the_first_number_only(vectors, codebook):
        """Only the first of the D numbers is compared."""
        return _distances(vectors.float()[:, :1], codebook[:, :1]).argmin(dim=1)

    def signed_differences(vectors, codebook):
        """The differences are added with their signs, so that they cancel. Square them first."""
        return (vectors.float()[:, None] - codebook).sum(dim=2).abs().argmin(dim=1)

    def the_largest_difference(vectors, codebook):
        """The largest of the D differences decides. Distance here means the sum of their
        squares."""
        return (vectors.float()[:, None] - codebook).abs().amax(dim=2).argmin(dim=1)

    def the_product_added(vectors, codebook):
        """The product is added. In the squared distance it has a minus: |z|^2 - 2 z·e + |e|^2."""
        return (codebook.square().sum(dim=1) + 2 * _products(vectors, codebook)).argmin(dim=1)

    def the_norm_not_squared(vectors, codebook):
        """The length of the code is not squared. The squared distance has |e|^2."""
        return (codebook.norm(dim=1) - 2 * _products(vectors, codebook)).argmin(dim=1)

    def always_the_first(vectors, codebook):
        """Every vector gets code 0."""
        return torch.zeros(len(vectors), dtype=torch.long)

    def the_product_under_autocast(vectors, codebook):
        """The arguments are float32, but their matrix product is taken under autocast, which rounds
        it to bfloat16 all the same. End autocast for these lines."""
        products = vectors.float() @ codebook.T
        return (codebook.square().sum(dim=1) - 2 * products).argmin(dim=1)

    def the_codebook_rounded(vectors, codebook):
        """The *codes* are rounded to bfloat16 before they are compared: two codes can become
        one."""
        return _distances(vectors.float(), codebook.bfloat16().float()).argmin(dim=1)

    def the_distances_rounded(vectors, codebook):
        """The distances are right and are then rounded to bfloat16: near ones become equal, and the
        first of them wins."""
        return _distances(vectors.float(), codebook).bfloat16().argmin(dim=1)

    def farthest(vectors, codebook):
        """This is the farthest code: argmax in the place of argmin."""
        return _distances(vectors.float(), codebook).argmax(dim=1)

    def without_the_norms(vectors, codebook):
        """The product z·e alone decides, so that a long code wins over a near one. The squared
        length of the code belongs to its distance."""
        return _products(vectors, codebook).argmax(dim=1)

    def half_the_product(vectors, codebook):
        """‖e‖² is compared with z·e. In the squared distance the product counts twice."""
        return (codebook.square().sum(dim=1) - _products(vectors, codebook)).argmin(dim=1)

    def absolute_differences(vectors, codebook):
        """Absolute differences are added. Distance here means the sum of their squares."""
        return (vectors.float()[:, None] - codebook[None]).abs().sum(dim=2).argmin(dim=1)

    def a_vector_for_every_code(vectors, codebook):
        """One answer came back for every code, where one for every vector is asked for: the argmin
        runs along the wrong dimension."""
        return _distances(vectors.float(), codebook).argmin(dim=0)


@code_under_autocast.right
def by_differences(vectors, codebook):
    return _distances(vectors.float(), codebook).argmin(dim=1)


@code_under_autocast.right
def in_float64(vectors, codebook):
    with torch.autocast(vectors.device.type, enabled=False):
        return torch.cdist(vectors.double(), codebook.double()).argmin(dim=1)


@code_under_autocast.right
def one_by_one(vectors, codebook):
    rows = [(codebook - vector.float()).square().sum(dim=1).argmin() for vector in vectors]
    return torch.stack(rows)
