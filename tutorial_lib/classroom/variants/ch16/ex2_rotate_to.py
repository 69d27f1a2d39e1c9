"""Variants of exercise 16.2: the turn alone, or the stretch alone, for the gradient."""

import torch

from tutorial_lib.classroom.variants.ch10.judging import judge_parts
from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch16
from tutorial_lib.exercises.ch10.probes import through
from tutorial_lib.exercises.ch16.ex2_rotate_to import (
    NAMES,
    dot,
    scale_of,
    turned,
    unit,
)
from tutorial_lib.exercises.trials import Trial

rotate_to = Variants(
    ch16.rotate_to,
    asked="The value of z_q, with a gradient of its own.",
    returns=(
        "the same shape. Forward: z_q. Backward, with s = |z_q| / |z_e| and R z = z - 2 r (r . z) "
        "+ 2 q (e . z) as constants (e and q the unit vectors of z_e and z_q, r that of e + q): "
        "the gradient at z_e is that of {backward}. None goes to z_q"
    ),
    by_hand=(
        "D = 2, z_e = (2, 0), z_q = (0, 1): s is 1/2, R turns by 90 degrees to the left. If the "
        "gradient at z_q is (0, 1), it is {outcome} at z_e"
    ),
    examples=(
        "(lambda z: torch.autograd.grad(rotate_to(z, torch.tensor([[0.0, 1.0]]))[0, 1], z)[0])"
        "(torch.tensor([[2.0, 0.0]], requires_grad=True))",
    ),
)


def _way(says: str, backward: str, outcome: str, way, again):
    @rotate_to.twist(says, backward=backward, outcome=outcome)
    def right(z_e, z_q):
        found = way(z_e, z_q)
        return z_q.detach() + (found - found.detach())

    @rotate_to.right
    def other(z_e, z_q):
        found = again(z_e, z_q)
        return found + (z_q - found).detach()


def _turn(z_e, z_q):
    return turned(z_e, unit(z_e.detach()), unit(z_q.detach()))


def _by_matrix(z_e, z_q):
    e, q = (unit(each.detach()).movedim(1, -1) for each in (z_e, z_q))
    r = unit((e + q).movedim(-1, 1)).movedim(1, -1)
    matrix = torch.eye(e.shape[-1], dtype=e.dtype) - 2 * r[..., :, None] * r[..., None, :]
    matrix = matrix + 2 * q[..., :, None] * e[..., None, :]
    return (matrix @ z_e.movedim(1, -1)[..., None])[..., 0].movedim(-1, 1)


_way(
    "The gradient is turned and not scaled: s is left out of it.",
    "R z_e, without s",
    "(1, 0)",
    _turn,
    _by_matrix,
)
_way(
    "The gradient is scaled and not turned: R is left out of it.",
    "s z_e, without R",
    "(0, 0.5)",
    lambda z_e, z_q: scale_of(z_e, z_q) * z_e,
    lambda z_e, z_q: z_e * (z_q.square().sum(1, True) / z_e.square().sum(1, True)).sqrt().detach(),
)
_way(
    "The gradient is turned, and scaled by 1 / s in place of s.",
    "R z_e / s",
    "(2, 0)",
    lambda z_e, z_q: _turn(z_e, z_q) / scale_of(z_e, z_q),
    lambda z_e, z_q: _by_matrix(z_e, z_q) * scale_of(z_q, z_e),
)


def _trial(batch, dim, positions, rng) -> Trial:
    shape = (batch, dim, *positions)
    z_e, side, weight = (torch.randn(shape, generator=rng) for _ in range(3))
    z_e = z_e + 0.5 * unit(z_e)
    side = unit(side - unit(z_e) * dot(unit(z_e), side))
    length = 0.5 + 2 * torch.rand((batch, 1, *positions), generator=rng)
    z_q = length * (unit(z_e) + (0.4 + torch.rand(length.shape, generator=rng)) * side)
    return Trial((z_e, z_q, weight + 0.2 * weight.sign()))


def _check(what, *size):
    judge_parts(
        rotate_to,
        what,
        through,
        lambda rng: [_trial(*size, rng)],
        names=NAMES,
        parts=range(3),
    )


_check("single vectors", 4, 2, ())
_check("lines of vectors", 2, 3, (4,))
_check("images of vectors", 2, 4, (2, 3))
