"""Exercise 10.1: equation 1 at every position of a field."""

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import nearest_code as reference
from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial

nearest_code = Exercise(
    "10.1",
    "The nearest code, at every position",
    goal="Write the look-up of equation 1 for fields of vectors with any number of axes.",
    minutes=10,
    reference=reference,
    otherwise="Some positions get another code than the nearest one.",
    stub='''\
def nearest_code(z_e: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """Equation 1 at every position: the number of the code that is nearest to the vector there.

    z_e       (B, D, *positions): D comes second, then none, one, two or three axes of positions
    codebook  (K, D), one code a row
    returns   (B, *positions) torch.long, from 0 to K - 1

    By hand: codebook = [[0, 0], [4, 0]]. A line of three positions with the vectors (1, 1), (3, -1)
             and (0, 5) is z_e = [[[1, 3, 0], [1, -1, 5]]]. The squared distances are 2 and 10, 10
             and 2, 25 and 41. So the result is [[0, 1, 0]]
    """
    ____
''',
    answer="""\
def nearest_code(z_e, codebook):
    vectors = z_e.movedim(1, -1)  # (B, *positions, D), D last
    rows = vectors.reshape(-1, codebook.shape[1])  # one row a position
    differences = rows[:, None] - codebook  # (N, K, D): each row against each code
    squared = differences.square().sum(dim=2)
    nearest = squared.argmin(dim=1)  # of equal distances, the lower number
    return nearest.view(vectors.shape[:-1])
""",
    hints=(
        """A field is a list of vectors in disguise, one for each position of each image. Make
        the list, look up every vector by itself, and give the list of numbers the shape of
        the field.""",
        """`z_e.movedim(1, -1)` is (B, *positions, D); `.flatten(0, -2)` or `.reshape(-1, D)`
        makes the list. `torch.cdist(vectors, codebook)` is (N, K), and `.argmin(dim=1)` reads
        a row at a time. `indices.view(len(z_e), *z_e.shape[2:])`.""",
        """If one vector comes out right and a field does not, look at what stands in a row of
        your list before anything is compared: D numbers of *one* position, or neighbours of
        one channel?""",
    ),
)


def _trial(batch: int, dim: int, positions: tuple[int, ...], n_codes: int, rng) -> Trial:
    """Codes of very different lengths and, somewhere off 0, vectors of both signs."""
    lengths = torch.linspace(0.3, 2.5, n_codes)[:, None]
    codebook = lengths * torch.randn(n_codes, dim, generator=rng)
    z_e = 1.2 * torch.randn(batch, dim, *positions, generator=rng)
    return Trial((z_e.round(decimals=3), codebook.round(decimals=3)))


@nearest_code.advises
def advice(shape, trial):
    return "Give the list of numbers the shape of the field." if len(shape) == 1 else ""


@nearest_code.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    z_e, codebook = trial.args
    place = first_difference(got, want)
    vector = z_e.movedim(1, -1)[place]
    squared = (codebook - vector).square().sum(dim=1)
    where = f"position {place[1:]}" if len(place) > 1 else "the only position"
    return (
        f"z_e {tuple(z_e.shape)}, codebook {tuple(codebook.shape)}. Image {place[0]}, {where}: the "
        f"vector is ({numbers(vector)}), its squared distances to the codes are "
        f"{numbers(squared[:8])}{' ...' if len(squared) > 8 else ''}, so the code is "
        f"{number(want[place])}. Your function says {number(got[place])}."
    )


@nearest_code.trials("single vectors")
def check_vectors(rng):
    """K = D, as with the notes' matrix, so that columns would do as well."""
    more = [_trial(2, 4, (3, 2), 4, rng), _trial(3, 3, (4,), 3, rng)]
    return [_trial(40, 3, (), 3, rng)], more


@nearest_code.trials("lines and images of vectors")
def fields(rng):
    trials = [_trial(2, 3, (12,), 5, rng), _trial(2, 4, (5, 6), 7, rng)]
    return trials, [_trial(3, 2, (3, 4), 6, rng)]


nearest_code.trials("clips: three axes of positions")(
    lambda rng: ([_trial(2, 3, (3, 4, 5), 6, rng)], [_trial(2, 2, (2, 3, 2), 4, rng)])
)


def _field(indices, z_e):
    return indices.view(len(z_e), *z_e.shape[2:])


def _list(z_e):
    return z_e.movedim(1, -1).flatten(0, -2)


@nearest_code.mistakes
class Mistakes:
    def as_it_lies(z_e, codebook):
        """The field is flattened as it lies in memory. A row of your list then holds D neighbours
        of one channel, not the D numbers of one position: move D last first."""
        vectors = z_e.reshape(-1, codebook.shape[1])
        return _field(torch.cdist(vectors, codebook).argmin(dim=1), z_e)

    def farthest(z_e, codebook):
        """This is the *farthest* code: argmax of the distances. Equation 1 has argmin."""
        return _field(torch.cdist(_list(z_e), codebook).argmax(dim=1), z_e)

    def no_squared_norm_of_the_codes(z_e, codebook):
        """The largest z·e is taken, without the ||e||^2 that belongs to the distance: long codes
        win over near ones."""
        return _field((_list(z_e) @ codebook.T).argmax(dim=1), z_e)

    def cosine(z_e, codebook):
        """This compares directions (cosines): a code may point the right way and be far off.
        Equation 1 has distances."""
        directions = codebook / codebook.norm(dim=1, keepdim=True)
        return _field((_list(z_e) @ directions.T).argmax(dim=1), z_e)

    def city_block(z_e, codebook):
        """This is the sum of absolute differences. The norm in equation 1 is the Euclidean one:
        squares."""
        return _field(torch.cdist(_list(z_e), codebook, p=1).argmin(dim=1), z_e)

    def columns(z_e, codebook):
        """The columns of the codebook are taken for the codes, as in the notes. Here a code is a
        row, as in the paper."""
        return _field(torch.cdist(_list(z_e), codebook.T.contiguous()).argmin(dim=1), z_e)

    def one_code_for_the_whole_image(z_e, codebook):
        """All positions of an image get one code, the best on average. Every position chooses for
        itself."""
        squared = torch.cdist(_list(z_e), codebook).square().view(len(z_e), -1, len(codebook))
        best = squared.sum(dim=1).argmin(dim=1)
        return best.view(-1, *[1] * (z_e.ndim - 2)).expand(len(z_e), *z_e.shape[2:]).clone()

    def the_largest_difference(z_e, codebook):
        """Only the largest of the D differences counts here. The norm in equation 1 is the
        Euclidean one: the squares of all of them."""
        return _field(torch.cdist(_list(z_e), codebook, p=torch.inf).argmin(dim=1), z_e)

    def smallest_product(z_e, codebook):
        """This is the code with the smallest product z·e, the one that points away the most.
        Equation 1 has the smallest distance."""
        return _field((_list(z_e) @ codebook.T).argmin(dim=1), z_e)

    def smallest_cosine(z_e, codebook):
        """This is the code whose direction differs the most: argmin of a cosine."""
        directions = codebook / codebook.norm(dim=1, keepdim=True)
        return _field((_list(z_e) @ directions.T).argmin(dim=1), z_e)

    def product_not_doubled(z_e, codebook):
        """The factor 2 is missing: ||z - e||^2 = ||z||^2 - 2 z·e + ||e||^2."""
        norms = codebook.square().sum(dim=1)
        return _field((norms - _list(z_e) @ codebook.T).argmin(dim=1), z_e)

    def product_added(z_e, codebook):
        """z·e is added. In ||z - e||^2 = ||z||^2 - 2 z·e + ||e||^2 it has a minus."""
        norms = codebook.square().sum(dim=1)
        return _field((norms + 2 * _list(z_e) @ codebook.T).argmin(dim=1), z_e)

    def norm_not_squared(z_e, codebook):
        """The length of a code stands where its square belongs: ||z||^2 - 2 z·e + ||e||^2."""
        norms = codebook.norm(dim=1)
        return _field((norms - 2 * _list(z_e) @ codebook.T).argmin(dim=1), z_e)

    def the_runner_up(z_e, codebook):
        """This is the second nearest code."""
        distances = torch.cdist(_list(z_e), codebook)
        return _field(distances.topk(2, largest=False).indices[:, 1], z_e)

    def smallest_signed_difference(z_e, codebook):
        """The smallest of the signed differences is taken, so the code that lies farthest on one
        side wins. Square the differences first."""
        return _field((_list(z_e)[:, None] - codebook).sum(dim=2).argmin(dim=1), z_e)

    def each_channel_by_itself(z_e, codebook):
        """The codes are compared channel by channel, and one channel decides. Sum the squares over
        D before argmin."""
        return _field((_list(z_e)[:, None] - codebook).square().argmin(dim=1)[:, -1], z_e)

    def the_codes_of_the_first_image(z_e, codebook):
        """All images get the codes of the first one."""
        return reference(z_e[:1], codebook).expand(len(z_e), *z_e.shape[2:]).clone()

    def one_code_for_all(z_e, codebook):
        """All positions of all images get one code. Every position chooses for itself: argmin over
        the codes, dim=1, not over the mean."""
        squared = torch.cdist(_list(z_e), codebook).square().mean(dim=0)
        return squared.argmin().expand(len(z_e), *z_e.shape[2:]).clone()

    def the_distances(z_e, codebook):
        """These are the distances to the nearest codes. Asked for are the codes' numbers:
        argmin."""
        return _field(torch.cdist(_list(z_e), codebook).amin(dim=1), z_e)

    def the_vectors(z_e, codebook):
        """These are the nearest codes themselves, the vectors. Asked for are their numbers."""
        return codebook[reference(z_e, codebook)].movedim(-1, 1)

    def as_floats(z_e, codebook):
        """The numbers of the codes are floating-point. An index has to be torch.long."""
        return reference(z_e, codebook).float()

    def a_list(z_e, codebook):
        """The result is still the list of all positions. Give it the shape of the field:
        (B, *positions)."""
        return reference(z_e, codebook).flatten()

    def one_hot(z_e, codebook):
        """The result is one-hot. Asked for is the number of the code at each position."""
        return torch.nn.functional.one_hot(reference(z_e, codebook), len(codebook))

    def from_one(z_e, codebook):
        """The codes are counted from 1, as in the paper. In the library they run from 0 to K -
        1."""
        return reference(z_e, codebook) + 1

    def the_first_channel_decides(z_e, codebook):
        """Only the first of the D numbers is compared."""
        return _field(torch.cdist(_list(z_e)[:, :1], codebook[:, :1]).argmin(dim=1), z_e)

    def signed_differences(z_e, codebook):
        """The differences are added with their signs, so that they cancel. Square them first."""
        differences = (_list(z_e)[:, None] - codebook).sum(dim=2)
        return _field(differences.abs().argmin(dim=1), z_e)


@nearest_code.right
def by_broadcasting(z_e, codebook):
    shape = (1, *codebook.shape, *[1] * (z_e.ndim - 2))
    return (z_e[:, None] - codebook.view(shape)).square().sum(dim=2).argmin(dim=1)


@nearest_code.right
def one_by_one(z_e, codebook):
    moved = torch.einsum("bd...->b...d", z_e)
    best = [min(range(len(codebook)), key=lambda k: torch.dist(v, codebook[k])) for v in _list(z_e)]
    return torch.tensor(best).reshape(moved.shape[:-1])
