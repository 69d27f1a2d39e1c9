"""Variants of exercise 10.2: the gradient is shared, or stopped where the code is far."""

from fractions import Fraction

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.ch10.judging import judge_parts
from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.ch10.probes import through
from tutorial_lib.exercises.trials import Trial

straight_through = Variants(
    ch10.straight_through,
    asked="The value of z_q, with a gradient of its own.",
    returns="the same shape. Forward: z_q. Backward: {backward}",
    examples=(
        "(lambda z_e: torch.autograd.grad((10 * straight_through(z_e, torch.tensor([[3.2, 4.0]])))"
        ".sum(), z_e)[0])(torch.tensor([[3.0, 1.0]], requires_grad=True))",
    ),
)


class _Weighted(torch.autograd.Function):
    """The value of z_q; the gradient times one weight for each of the two."""

    @staticmethod
    def forward(ctx, z_e: Tensor, z_q: Tensor, of_z_e: Tensor, of_z_q: Tensor) -> Tensor:
        ctx.save_for_backward(of_z_e, of_z_q)
        return z_q.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple:
        return *(weight * gradient for weight in ctx.saved_tensors), None, None


def _shared(share: Fraction):
    to_z_e = float(share)

    @straight_through.twist(
        f"{share} of the gradient goes to z_e, and the other {1 - share} goes to z_q.",
        backward=f"{share} of the gradient goes to z_e, {1 - share} to z_q",
        by_hand=(
            "z_e = 3 and z_q = 5 give 5. If the loss is 10 times this result, the gradient is "
            f"{10 * to_z_e:g} at z_e and {10 - 10 * to_z_e:g} at z_q"
        ),
    )
    def right(z_e, z_q):
        way = to_z_e * z_e + (1 - to_z_e) * z_q
        return z_q.detach() + (way - way.detach())

    @straight_through.right
    def own_backward(z_e, z_q):
        weight = torch.full_like(z_e, to_z_e).detach()
        return _Weighted.apply(z_e, z_q, weight, 1 - weight)


_shared(Fraction(3, 4))
_shared(Fraction(1, 4))


def _near_only(limit: float):
    @straight_through.twist(
        f"The gradient reaches z_e only where |z_e - z_q| is at most {limit:g}; else it stops.",
        backward=(
            "number by number, all of the "
            f"gradient goes to z_e if |z_e - z_q| <= {limit:g}, else none; none to z_q"
        ),
        by_hand=(
            "z_e = [3, 1] and z_q = [3.2, 4] give [3.2, 4]. If the loss is 10 times the sum "
            "of this, the gradient is [10, 0] at z_e and [0, 0] at z_q"
        ),
    )
    def right(z_e, z_q):
        near = (z_e - z_q).detach().abs() <= limit
        return z_q.detach() + torch.where(near, z_e - z_e.detach(), 0.0)

    @straight_through.right
    def own_backward(z_e, z_q):
        near = ((z_e - z_q).abs() <= limit).to(z_e.dtype).detach()
        return _Weighted.apply(z_e, z_q, near, torch.zeros_like(near))


_near_only(0.5)
_near_only(1.0)


def _trial(shape: tuple[int, ...], rng: torch.Generator) -> Trial:
    """A third of the distances each: below 0.4, between the limits of two twists, above 1.1."""
    z_e, weight = (torch.randn(shape, generator=rng) for _ in range(2))
    band = torch.randperm(z_e.numel(), generator=rng).view(shape) % 3
    off = 0.1 + 0.3 * torch.rand(shape, generator=rng) + 0.5 * band
    side = torch.randint(2, shape, generator=rng) * 2 - 1
    return Trial((z_e, z_e + side * off, weight + 0.2 * weight.sign()))


def _check(what: str, *shapes: tuple[int, ...]):
    judge_parts(
        straight_through,
        what,
        through,
        lambda rng: [_trial(shape, rng) for shape in shapes],
        names=("value", "gradient at z_e", "gradient at z_q"),
        parts=(0, 1, 2),
    )


_check("value and gradients for lines of vectors", (2, 3, 4))
_check("value and gradients for images", (1, 2, 3, 2), (3, 4, 2, 2))
_check("value and gradients for clips", (2, 2, 2, 1, 3))
