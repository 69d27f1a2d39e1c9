"""Exercise 16.3: what one code leaves over, the next one quantises."""

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def look_up(codebook: Tensor, indices: Tensor) -> Tensor:
    """(K, D), (B, *positions) -> (B, D, *positions)."""
    return codebook[indices].movedim(-1, 1)


def reference(z_e: Tensor, codebooks: Tensor) -> tuple[Tensor, Tensor]:
    """(z_q, indices) of residual codes. `codes.ResidualQuantizer` holds the same in a class."""
    rest, indices = z_e, []
    for codebook in codebooks:
        indices.append(nearest_code(rest, codebook))
        rest = rest - look_up(codebook, indices[-1])
    return z_e - rest, torch.stack(indices, dim=1)


residual_quantize = Exercise(
    "16.3",
    "Codes for what is left over",
    goal="Quantise a field of vectors with several codebooks, one after the other.",
    minutes=10,
    reference=reference,
    otherwise="The sum of the codes or their numbers are not the expected ones.",
    stub='''\
def residual_quantize(
    z_e: torch.Tensor, codebooks: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each codebook quantises what the codebooks before it have left over. [SoundStream, III-C]

    z_e        (B, D, *positions): what the encoder said; stays as it is
    codebooks  (M, K, D): M codebooks of K codes, coarse to fine
    returns    (z_q, indices)
               z_q      (B, D, *positions): the sum of the M chosen codes
               indices  (B, M, *positions) torch.long, 0 .. K - 1: the codes in their order

    `nearest_code(z, codebook)` of tutorial_lib.codes gives (B, *positions) for a codebook (K, D)

    By hand: D = 1, codebooks [[[0], [10]], [[-2], [1]]] and one vector 7.5. The nearest of the
             first is 10, which leaves -2.5; the nearest to that is -2. So z_q = 8, indices [[1, 0]]
    """
    ____
''',
    answer="""\
def residual_quantize(z_e, codebooks):
    rest, z_q, indices = z_e, 0, []
    for codebook in codebooks:
        index = nearest_code(rest, codebook)  # (B, *positions)
        code = codebook[index].movedim(-1, 1)  # D back into second place
        rest, z_q = rest - code, z_q + code
        indices.append(index)
    return z_q, torch.stack(indices, dim=1)
""",
    hints=(
        """Keep three things while you go through the codebooks: what is still left over, the sum
        of the codes so far, and the list of their numbers.""",
        """`codebook[index]` is (B, *positions, D); `.movedim(-1, 1)` brings D back to axis 1.
        `torch.stack(indices, dim=1)` makes the axis M.""",
        """If all M numbers of a vector are much alike, look at what the second codebook is asked:
        z_e again, or what the first left over?""",
    ),
)


@residual_quantize.reads
def read(value: object, trial: Trial) -> Tensor:
    """z_q and the indices in one field: (B, D + M, *positions)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        told = f"Expected 2 tensors, got a value of type {type(value).__name__}."
        raise Failed(Failure("The result is not a pair (z_q, indices).", told))
    z_e, codebooks = trial.args
    shape = (len(z_e), len(codebooks), *z_e.shape[2:])
    z_q = tensor_result(value[0], z_e.shape, advice="z_q has the shape of z_e.")
    advice = "The indices are (B, M, *positions): M in second place."
    return torch.cat([z_q, tensor_result(value[1], shape, kind="long", advice=advice)], dim=1)


@residual_quantize.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    z_e, codebooks = trial.args
    place = first_difference(got, want)
    at = (place[0], slice(None), *place[2:])
    n_dims = z_e.shape[1]
    vector = ", ".join(number(each) for each in z_e[at])
    mine, right = ([round(v, 3) for v in each[at].tolist()] for each in (got, want))
    return (
        f"codebooks {tuple(codebooks.shape)}, the vector is ({vector}). Your z_q is "
        f"{mine[:n_dims]} and your indices are {[int(v) for v in mine[n_dims:]]}; expected "
        f"{right[:n_dims]} and {[int(v) for v in right[n_dims:]]}."
    )


def _trial(batch: int, dim: int, positions: tuple[int, ...], depth: int, n_codes: int, rng):
    z_e = 2 * torch.randn(batch, dim, *positions, generator=rng)
    finer = 2 * 0.6 ** torch.arange(depth)[:, None, None]
    codebooks = finer * (torch.randn(depth, n_codes, dim, generator=rng) + 0.3)
    return Trial((z_e.round(decimals=3), codebooks.round(decimals=3)))


residual_quantize.trials("two codebooks")(
    lambda rng: (
        [_trial(12, 3, (), 2, 6, rng), _trial(2, 2, (7,), 2, 5, rng)],
        [_trial(6, 3, (2, 3), 3, 6, rng)],
    )
)
residual_quantize.trials("several codebooks, images of vectors")(
    lambda rng: (
        [_trial(2, 4, (3, 5), 4, 6, rng), _trial(3, 3, (2, 2), 3, 8, rng)],
        [_trial(2, 2, (4, 3), 2, 5, rng)],
    )
)
residual_quantize.trials("one codebook, and clips")(
    lambda rng: (
        [_trial(2, 3, (4,), 1, 6, rng), _trial(2, 2, (2, 3, 2), 3, 4, rng)],
        [_trial(2, 3, (4, 2), 4, 5, rng)],
    )
)


def _walk(z_e, codebooks, choose=nearest_code, leave=lambda rest, code, z_e: rest - code):
    """(sum of the codes, list of numbers, list of codes) with one piece exchanged."""
    rest, codes, indices = z_e, [], []
    for codebook in codebooks:
        indices.append(choose(rest, codebook))
        codes.append(look_up(codebook, indices[-1]))
        rest = leave(rest, codes[-1], z_e)
    return sum(codes), torch.stack(indices, dim=1), codes


def _far(rest, codebook):
    distances = torch.cdist(rest.movedim(1, -1).flatten(0, -2), codebook)
    return distances.argmax(dim=1).view(rest.shape[:1] + rest.shape[2:])


def _by_product(rest, codebook):
    products = rest.movedim(1, -1).flatten(0, -2) @ codebook.T
    return products.argmax(dim=1).view(rest.shape[:1] + rest.shape[2:])


@residual_quantize.mistakes
class Mistakes:
    def the_same_vector_again(z_e, codebooks):
        """Every codebook quantises z_e itself. From the second on it has to be what the codes so
        far have left over: z_e minus their sum."""
        return _walk(z_e, codebooks, leave=lambda rest, code, z_e: rest)[:2]

    def left_over_of_the_last_alone(z_e, codebooks):
        """What is left over is z_e minus the *last* code. All codes so far have to be taken off."""
        return _walk(z_e, codebooks, leave=lambda rest, code, z_e: z_e - code)[:2]

    def added_instead(z_e, codebooks):
        """The code is added to what is left over, instead of being taken off."""
        return _walk(z_e, codebooks, leave=lambda rest, code, z_e: rest + code)[:2]

    def left_over_with_the_wrong_sign(z_e, codebooks):
        """What is left over has the wrong sign: code minus vector. The next code would then be
        added in the wrong direction."""
        return _walk(z_e, codebooks, leave=lambda rest, code, z_e: code - rest)[:2]

    def the_code_is_quantised_again(z_e, codebooks):
        """The second codebook quantises the code of the first. It is asked for what the code left
        over."""
        return _walk(z_e, codebooks, leave=lambda rest, code, z_e: code)[:2]

    def the_last_code_alone(z_e, codebooks):
        """z_q is the last code alone. It is the sum of all M."""
        _, indices, codes = _walk(z_e, codebooks)
        return codes[-1], indices

    def the_first_code_alone(z_e, codebooks):
        """z_q is the first code alone. It is the sum of all M."""
        _, indices, codes = _walk(z_e, codebooks)
        return codes[0], indices

    def the_mean(z_e, codebooks):
        """z_q is the mean of the codes. They are added up."""
        z_q, indices = reference(z_e, codebooks)
        return z_q / len(codebooks), indices

    def without_the_last(z_e, codebooks):
        """The last code is missing in the sum."""
        z_q, indices, codes = _walk(z_e, codebooks)
        return z_q - codes[-1], indices

    def without_the_first(z_e, codebooks):
        """The first code is missing in the sum."""
        z_q, indices, codes = _walk(z_e, codebooks)
        return z_q - codes[0], indices

    def what_is_left_over(z_e, codebooks):
        """z_q is what is left over in the end. It has to be z_e minus that: the sum of the
        codes."""
        z_q, indices = reference(z_e, codebooks)
        return z_e - z_q, indices

    def not_quantised(z_e, codebooks):
        """z_q is z_e itself: the sum of the codes is asked for."""
        return z_e * 1, reference(z_e, codebooks)[1]

    def first_codebook_for_all(z_e, codebooks):
        """The first codebook is used M times. Every step has its own."""
        return reference(z_e, codebooks[:1].expand_as(codebooks))

    def fine_to_coarse(z_e, codebooks):
        """The codebooks are taken from the last to the first. They stand coarse to fine."""
        z_q, indices = reference(z_e, codebooks.flip(0))
        return z_q, indices.flip(1)

    def numbers_backwards(z_e, codebooks):
        """The numbers stand in the opposite order: that of the first codebook comes first."""
        z_q, indices = reference(z_e, codebooks)
        return z_q, indices.flip(1)

    def numbers_of_the_first(z_e, codebooks):
        """All M numbers are those of the first codebook."""
        z_q, indices = reference(z_e, codebooks)
        return z_q, indices[:, :1].expand_as(indices).clone()

    def numbers_running_on(z_e, codebooks):
        """The numbers of the later codebooks run on from K. In each they are 0 .. K - 1."""
        z_q, indices = reference(z_e, codebooks)
        start = torch.arange(len(codebooks)) * codebooks.shape[1]
        return z_q, indices + start.view(1, -1, *[1] * (z_e.ndim - 2))

    def from_one(z_e, codebooks):
        """The numbers are counted from 1. They run from 0 to K - 1."""
        z_q, indices = reference(z_e, codebooks)
        return z_q, indices + 1

    def farthest(z_e, codebooks):
        """These are the farthest codes: argmax of the distances, where argmin belongs."""
        return _walk(z_e, codebooks, choose=_far)[:2]

    def largest_product(z_e, codebooks):
        """The codes with the largest product z . e are taken, so long codes win over near ones.
        Use `nearest_code`."""
        return _walk(z_e, codebooks, choose=_by_product)[:2]

    def codes_of_the_first_image(z_e, codebooks):
        """All images get the codes of the first one."""
        z_q, indices = reference(z_e[:1], codebooks)
        return z_q.expand_as(z_e).clone(), indices.expand(len(z_e), *indices.shape[1:]).clone()


@residual_quantize.right
def from_the_sum(z_e, codebooks):
    z_q, indices = torch.zeros_like(z_e), []
    for m in range(len(codebooks)):
        indices.append(nearest_code(z_e - z_q, codebooks[m]))
        z_q = z_q + torch.nn.functional.embedding(indices[m], codebooks[m]).movedim(-1, 1)
    return [z_q, torch.stack(indices, 1)]


@residual_quantize.right
def by_recursion(z_e, codebooks):
    index = nearest_code(z_e, codebooks[0])
    code = look_up(codebooks[0], index)
    if len(codebooks) == 1:
        return code, index[:, None]
    rest, later = by_recursion(z_e - code, codebooks[1:])
    return code + rest, torch.cat([index[:, None], later], dim=1)
