"""Variants of exercise 10.3: other norms, and sums in the place of means."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.ch10.judging import judge_parts
from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.ch10.probes import losses
from tutorial_lib.exercises.trials import Trial

vq_losses = Variants(
    ch10.vq_losses,
    asked=(
        "The codebook loss, which moves the codes, and the commitment loss, which moves the "
        "encoder."
    ),
    returns=(
        "(codebook_loss, commitment_loss), two numbers, without their weights. The first has no "
        "gradient at z_e, the second none at e. {measure}"
    ),
    by_hand=(
        "one image, D = 2 and two positions, where z_e - e is (3, 4) and (1, 0). Both losses are "
        "{outcome}"
    ),
    examples=(
        "vq_losses(torch.tensor([[[3.0, 1.0], [4.0, 0.0]]]), torch.zeros(1, 2, 2))",
        "vq_losses(torch.tensor([[[0.5, 2.0]]]), torch.tensor([[[0.0, 0.5]]]))",
    ),
)

NAMES = (
    "values",
    "gradient of codebook_loss at z_e",
    "gradient of codebook_loss at e",
    "gradient of commitment_loss at z_e",
    "gradient of commitment_loss at e",
)


def _city(z_e, e):
    return (z_e - e).abs().sum(dim=1).mean()


def _city_again(z_e, e):
    return z_e.shape[1] * F.l1_loss(z_e, e)


def _length(z_e, e):
    return (z_e - e).square().sum(dim=1).sqrt().mean()


def _length_again(z_e, e):
    return torch.linalg.vector_norm(z_e.movedim(1, -1) - e.movedim(1, -1), dim=-1).mean()


def _whole_image(z_e, e):
    return (z_e - e).square().flatten(1).sum(dim=1).mean()


def _whole_image_again(z_e, e):
    return F.mse_loss(z_e, e, reduction="sum") / len(z_e)


def _huber(z_e, e):
    off = (z_e - e).abs()
    return torch.where(off < 1, 0.5 * off.square(), off - 0.5).sum(dim=1).mean()


def _huber_again(z_e, e):
    return z_e.shape[1] * F.smooth_l1_loss(z_e, e)


def _twist(says: str, measure: str, by_hand: str, loss: Callable, again: Callable):
    @vq_losses.twist(says, measure=measure, outcome=by_hand)
    def right(z_e, e):
        return loss(z_e.detach(), e), loss(z_e, e.detach())

    @vq_losses.right
    def other(z_e, e):
        return [again(z_e.detach(), e), again(z_e, e.detach())]


_twist(
    "The losses are sums of |differences|, not of squares.",
    ("|z_e - e| is summed over D, then averaged over all positions of all images"),
    "(7 + 1) / 2 = 4",
    _city,
    _city_again,
)
_twist(
    "The losses are distances ||z_e - e||, not their squares.",
    ("The distances are averaged over all positions of all images"),
    "(5 + 1) / 2 = 3",
    _length,
    _length_again,
)
_twist(
    "The squares are summed over all positions of an image, then averaged over images.",
    ("The squares are summed over D and positions, then averaged over the images"),
    "25 + 1 = 26",
    _whole_image,
    _whole_image_again,
)
_twist(
    "The losses are Huber losses: d**2 / 2 where |d| < 1, and |d| - 1/2 from there on.",
    ("d is z_e - e; summed over D, then averaged over all positions of all images"),
    "(2.5 + 3.5 + 0.5 + 0) / 2 = 3.25",
    _huber,
    _huber_again,
)


def _trial(shape: tuple[int, ...], rng: torch.Generator) -> Trial:
    z_e, off = (torch.randn(shape, generator=rng) for _ in range(2))
    return Trial((z_e, z_e + off + 0.2 * off.sign()))


def _check(what: str, *parts: int):
    judge_parts(
        vq_losses,
        what,
        losses,
        lambda rng: [_trial(shape, rng) for shape in ((2, 3, 4), (3, 2, 2, 5))],
        names=NAMES,
        parts=parts,
    )


_check("the two values", 0)
_check("what the codebook loss moves", 1, 2)
_check("what the commitment loss moves", 3, 4)
