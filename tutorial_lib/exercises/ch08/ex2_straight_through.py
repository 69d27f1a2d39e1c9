"""Exercise 8.2: forward the code, backward the encoder."""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.exercises.ch08.probes import compare_parts, through
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.quantize import straight_through as reference

STUB = '''\
def straight_through(z_e: torch.Tensor, z_q: torch.Tensor) -> torch.Tensor:
    """The value of z_q, with the gradient handed to z_e. [VQ-VAE, sec. 3.2]

    z_e, z_q  (B, D, *positions): what the encoder said, and the codes nearest to it; stay as they
              are
    returns   the same shape. Forward: z_q. Backward: all of the gradient goes to z_e as it comes,
              none to z_q

    By hand: z_e = 3 and z_q = 5 give 5. If the loss is 10 times this result, the gradient is 10 at
             z_e and 0 at z_q
    """
    ____
'''

HINTS = (
    """You need a sum of two things: one has the right value and lets no gradient through, the other
    has the value 0 and the right gradient.""",
    """`t.detach()` is t for the forward pass and a constant for the backward pass. So `t -
    t.detach()` is 0, and its derivative by t is 1.""",
    """If the loss falls while the encoder stays where it was, look at which of the two the gradient
    reaches: the value alone does not tell you.""",
)


def _to_the_codes(z_e, z_q):
    return z_e.detach() + (z_q - z_e.detach())


def _exchanged(z_e, z_q):
    return z_q + (z_e - z_q).detach()


def _not_quantised(z_e, z_q):
    return z_e + 0 * z_q


def _no_gradient(z_e, z_q):
    return z_q.detach()


def _to_both(z_e, z_q):
    return z_q + (z_e - z_e.detach())


def _opposite(z_e, z_q):
    return z_q.detach() - (z_e - z_e.detach())


def _half_way(z_e, z_q):
    return (z_e + z_q.detach()) / 2


def _difference(z_e, z_q):
    return z_e - z_q.detach()


def _in_place(z_e, z_q):
    z_e += (z_q - z_e).detach()
    return z_e


MISCONCEPTIONS = (
    Misconception(
        "gradient to the codes",
        _to_the_codes,
        "The value is right and all of the gradient goes to z_q: the encoder learns nothing. It is "
        "z_q that must be detached, and z_e that must not.",
    ),
    Misconception(
        "exchanged",
        _exchanged,
        "The roles are exchanged: this has the value of z_e and the gradient of z_q.",
    ),
    Misconception(
        "not quantised",
        _not_quantised,
        "This is z_e itself, value and gradient: the decoder would never see a code.",
    ),
    Misconception(
        "no gradient at all",
        _no_gradient,
        "No gradient arrives anywhere: the value is cut off from both. Add something that is 0 and "
        "has the derivative 1.",
    ),
    Misconception(
        "to both",
        _to_both,
        "The gradient reaches z_e *and* z_q. The decoder's error would then move the codes as "
        "well, past the codebook loss.",
    ),
    Misconception(
        "opposite sign",
        _opposite,
        "The gradient arrives with its sign turned round: the encoder would climb.",
    ),
    Misconception(
        "half-way",
        _half_way,
        "This lies half-way between z_e and z_q. Forward, the decoder must see the code itself.",
    ),
    Misconception(
        "the difference",
        _difference,
        "This is the difference of the two. The code is still to be added, detached.",
    ),
    Misconception("in place", _in_place, "Your function writes into its argument `z_e`"),
)
VALUE, BY_Z_E, BY_Z_Q = range(3)
NAMES = ("value", "gradient at z_e", "gradient at z_q")


def _trial(shape: tuple[int, ...], rng: torch.Generator) -> Trial:
    """Two fields and what arrives from the decoder, none of its numbers near 0."""
    z_e, z_q, weight = (torch.randn(shape, generator=rng) for _ in range(3))
    return Trial((z_e, z_q + 0.2 * z_q.sign(), weight + 0.2 * weight.sign()))


def _evidence(trial: Trial, got: tuple, want: tuple) -> str:
    z_e, z_q, weight = trial.args
    places = [first_difference(g.double(), w.double()) for g, w in zip(got, want, strict=True)]
    place = next(each for each in places if each is not None)
    lines = [
        f"{name}: {number(g[place])}, expected {number(w[place])}"
        for name, g, w in zip(NAMES, got, want, strict=True)
    ]
    return (
        f"At {place}, z_e is {number(z_e[place])}, z_q is {number(z_q[place])}, and a gradient of "
        f"{number(weight[place])} arrives. {'; '.join(lines)}."
    )


def _check(candidate, part: int, rng: torch.Generator) -> Failure | None:
    return compare_parts(
        candidate,
        through,
        reference,
        [_trial(shape, rng) for shape in ((2, 3, 4), (1, 2, 3, 2), (2, 2, 2, 1, 3))],
        parts=[part],
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        otherwise=f"The {NAMES[part]} is not the expected one.",
    )


def _check_value(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, VALUE, rng)


def _check_gradient_at_z_e(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, BY_Z_E, rng)


def _check_gradient_at_z_q(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, BY_Z_Q, rng)


def _usual(z_e, z_q):
    return z_e + (z_q - z_e).detach()


class _Copy(torch.autograd.Function):
    """The same as a function with a backward pass of its own."""

    @staticmethod
    def forward(ctx, z_e: Tensor, z_q: Tensor) -> Tensor:
        return z_q.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple:
        return gradient, None


def _own_backward(z_e, z_q):
    return _Copy.apply(z_e, z_q)


straight_through = Exercise(
    number="8.2",
    name="straight_through",
    title="Straight through",
    goal="Give the decoder the code, and the encoder the decoder's gradient.",
    minutes=10,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("the value", 1, _check_value),
        Check("the gradient that reaches z_e", 1, _check_gradient_at_z_e),
        Check("the gradient that does not reach z_q", 1, _check_gradient_at_z_q),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_usual, _own_backward),
)
