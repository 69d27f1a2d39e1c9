"""Variants of exercise 16.3: what is left over is scaled up, or handed back."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.exercises import ch16
from tutorial_lib.exercises.ch16.ex3_residual_quantize import look_up, read
from tutorial_lib.exercises.trials import Trial

residual_quantize = Variants(
    ch16.residual_quantize,
    asked="Each codebook quantises what the codebooks before it have left over.",
    returns="(z_q, indices): z_q (B, D, *positions), indices (B, M, *positions). {special}",
    by_hand="D = 1, codebooks [[[0], [10]], [[-2], [1]]] and one vector 7.5. {outcome}",
    examples=(
        "[each.tolist() for each in residual_quantize(torch.tensor([[7.5]]), "
        "torch.tensor([[[0.0], [10.0]], [[-2.0], [1.0]]]))]",
    ),
)
residual_quantize.reads(read)


@residual_quantize.twist(
    "What is left over is doubled before the next codebook sees it, and its code is halved again.",
    special=(
        "Codebook m (0, 1, ...) quantises 2^m times what is left over, and its code counts "
        "2^-m times in the sum and in what is left over"
    ),
    outcome=(
        "The first code is 10 and leaves -2.5, doubled -5; the nearest to that is -2, which "
        "counts -1. So z_q = 9, indices = [[1, 0]]"
    ),
)
def doubled(z_e, codebooks):
    rest, indices = z_e, []
    for m, codebook in enumerate(codebooks):
        indices.append(nearest_code(rest * 2**m, codebook))
        rest = rest - look_up(codebook, indices[-1]) / 2**m
    return z_e - rest, torch.stack(indices, dim=1)


@residual_quantize.right
def halved_codebooks(z_e, codebooks):
    sizes = 2.0 ** -torch.arange(len(codebooks))[:, None, None]
    return ch16.residual_quantize.reference(z_e, codebooks * sizes)


@residual_quantize.twist(
    "In the place of the sum stands what is left over in the end: z_e minus the sum.",
    special="z_q is replaced by what all M codes leave over: z_e minus their sum",
    outcome="The codes are 10 and -2, so the result is 7.5 - 8 = -0.5, indices = [[1, 0]]",
)
def what_is_left(z_e, codebooks):
    z_q, indices = ch16.residual_quantize.reference(z_e, codebooks)
    return z_e - z_q, indices


@residual_quantize.right
def what_is_left_again(z_e, codebooks):
    rest, indices = z_e, []
    for codebook in codebooks:
        indices.append(nearest_code(rest, codebook))
        rest = rest - torch.nn.functional.embedding(indices[-1], codebook).movedim(-1, 1)
    return [rest, torch.stack(indices, dim=1)]


@residual_quantize.twist(
    "The codebooks stand fine to coarse: the last one is asked first.",
    special=(
        "The last codebook quantises z_e, the one before it what that leaves over, and so on; the "
        "indices stand in the order of the codebooks"
    ),
    outcome=(
        "The last is asked first: its 1 leaves 6.5, for which the first has 10. So z_q = 11, "
        "indices = [[1, 1]]"
    ),
)
def last_first(z_e, codebooks):
    z_q, indices = ch16.residual_quantize.reference(z_e, codebooks.flip(0))
    return z_q, indices.flip(1)


@residual_quantize.right
def last_first_again(z_e, codebooks):
    rest, indices = z_e, [None] * len(codebooks)
    for m in reversed(range(len(codebooks))):
        indices[m] = nearest_code(rest, codebooks[m])
        rest = rest - look_up(codebooks[m], indices[m])
    return z_e - rest, torch.stack(indices, dim=1)


def _trial(batch, dim, positions, depth, n_codes, rng) -> Trial:
    z_e = 2 * torch.randn(batch, dim, *positions, generator=rng)
    codebooks = 1.5 * (torch.randn(depth, n_codes, dim, generator=rng) + 0.3)
    return Trial((z_e.round(decimals=3), codebooks.round(decimals=3)))


residual_quantize.trials("two codebooks")(
    lambda rng: [_trial(12, 3, (), 2, 6, rng), _trial(2, 2, (7,), 2, 5, rng)]
)
residual_quantize.trials("images of vectors")(
    lambda rng: [_trial(2, 4, (3, 5), 4, 6, rng), _trial(3, 3, (2, 2), 3, 8, rng)]
)
residual_quantize.trials("clips")(lambda rng: [_trial(2, 2, (2, 3, 2), 3, 4, rng)])
