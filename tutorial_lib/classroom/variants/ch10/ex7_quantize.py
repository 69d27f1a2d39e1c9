"""Variants of exercise 10.7: codes in columns, positions without a code, another commitment."""

import torch

from tutorial_lib.classroom.variants.ch10.judging import judge_parts
from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.codes.quantizer import nearest_code, straight_through, vq_losses
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.ch10.ex7_quantize import NAMES, look_up
from tutorial_lib.exercises.ch10.probes import quantized
from tutorial_lib.exercises.trials import Trial

quantize = Variants(
    ch10.quantize,
    asked="Equations 1 to 3: what the decoder gets, its names, and the two losses of the codebook.",
    returns=(
        "(z_q, indices, codebook_loss, commitment_loss): z_q (B, D, *positions), indices "
        "(B, *positions) torch.long. {special}"
    ),
    by_hand=(
        "codebook = [[0, 0], [4, 0]] and z_e = [[[1, 3], [1, -1]]]. The nearest codes are 0 and 1, "
        "the squared distances 2 and 2. {outcome}"
    ),
    examples=(
        "[each.tolist() for each in quantize(torch.tensor([[[1.0, 3.0, 8.0], [1.0, -1.0, 0.0]]]), "
        "torch.tensor([[0.0, 0.0], [4.0, 0.0]]))]",
    ),
)


@quantize.twist(
    "The second loss is the whole of the two weighted terms: codebook + commitment / 4.",
    special=(
        "In the place of commitment_loss stands codebook_loss + commitment_loss / 4, with the "
        "gradients of both"
    ),
    outcome="The losses are 2 and 2.5",
)
def whole_loss(z_e, codebook):
    indices = nearest_code(z_e.detach(), codebook.detach())
    e = look_up(codebook, indices)
    one, two = vq_losses(z_e, e)
    return straight_through(z_e, e), indices, one, one + two / 4


@quantize.right
def whole_loss_again(z_e, codebook):
    indices = nearest_code(z_e.detach(), codebook.detach())
    e = torch.nn.functional.embedding(indices, codebook).movedim(-1, 1)
    one = (z_e.detach() - e).square().sum(dim=1).mean()
    two = (z_e - e.detach()).square().sum(dim=1).mean()
    return [z_e + (e - z_e).detach(), indices, one, one + 0.25 * two]


def _summed(says: str, special: str, outcome: str, gather):
    @quantize.twist(says, special=special, outcome=outcome)
    def right(z_e, codebook):
        indices = nearest_code(z_e.detach(), codebook.detach())
        e = look_up(codebook, indices)
        still, moving = (z_e.detach() - e).square(), (z_e - e.detach()).square()
        return straight_through(z_e, e), indices, gather(still), gather(moving)

    @quantize.right
    def again(z_e, codebook):
        indices = nearest_code(z_e.detach(), codebook.detach())
        e = torch.nn.functional.embedding(indices, codebook).movedim(-1, 1)
        pairs = (z_e.detach(), e), (z_e, e.detach())
        return [z_e + (e - z_e).detach(), indices, *(gather((a - b) ** 2) for a, b in pairs)]


_summed(
    "The losses sum the squares over all positions of an image, then average over the images.",
    "The squares are summed over D and positions, then averaged over the images",
    "Both losses are 2 + 2 = 4",
    lambda squares: squares.flatten(1).sum(dim=1).mean(),
)
_summed(
    "Each loss is that of the worst position: the largest squared distance of the batch.",
    "The squares are summed over D; of all positions of all images, the largest sum counts",
    "Both losses are 2",
    lambda squares: squares.sum(dim=1).max(),
)


def _trial(batch: int, dim: int, positions: tuple[int, ...], n_codes: int, rng) -> Trial:
    z_e = torch.randn(batch, dim, *positions, generator=rng)
    codebook = 1.2 * torch.randn(n_codes, dim, generator=rng)
    weight = torch.randn(z_e.shape, generator=rng)
    return Trial((z_e, codebook, weight + 0.2 * weight.sign()))


def _check(what: str, *size):
    judge_parts(
        quantize,
        what,
        quantized,
        lambda rng: [_trial(*size, rng)],
        names=NAMES,
        parts=range(9),
    )


_check("values and gradients for lines of vectors", 2, 3, (4,), 5)
_check("values and gradients for images", 3, 4, (2, 5), 6)
_check("values and gradients for clips", 2, 2, (2, 3, 2), 5)
