"""Exercise 10.2: forward the code, backward the encoder."""

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import straight_through as reference
from tutorial_lib.exercises.ch10.probes import compare_parts, through
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial

straight_through = Exercise(
    "10.2",
    "Straight through",
    goal="Give the decoder the code, and the encoder the decoder's gradient.",
    minutes=10,
    reference=reference,
    stub='''\
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
''',
    answer="""\
def straight_through(z_e, z_q):
    step = (z_q - z_e).detach()  # a constant for the backward pass
    return z_e + step  # forward z_q, and the derivative by z_e is 1
""",
    hints=(
        """You need a sum of two things: one has the right value and lets no gradient through,
        the other has the value 0 and the right gradient.""",
        """`t.detach()` is t for the forward pass and a constant for the backward pass. So `t -
        t.detach()` is 0, and its derivative by t is 1.""",
        """If the loss falls while the encoder stays where it was, look at which of the two the
        gradient reaches: the value alone does not tell you.""",
    ),
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
        misconceptions=straight_through.misconceptions,
        otherwise=f"The {NAMES[part]} is not the expected one.",
    )


@straight_through.judge("the value")
def value(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, VALUE, rng)


@straight_through.judge("the gradient that reaches z_e")
def gradient_at_z_e(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, BY_Z_E, rng)


@straight_through.judge("the gradient that does not reach z_q")
def gradient_at_z_q(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, BY_Z_Q, rng)


@straight_through.mistakes
class Mistakes:
    def gradient_to_the_codes(z_e, z_q):
        """The value is right and all of the gradient goes to z_q: the encoder learns nothing. It is
        z_q that must be detached, and z_e that must not."""
        return z_e.detach() + (z_q - z_e.detach())

    def exchanged(z_e, z_q):
        """The roles are exchanged: this has the value of z_e and the gradient of z_q."""
        return z_q + (z_e - z_q).detach()

    def not_quantised(z_e, z_q):
        """This is z_e itself, value and gradient: the decoder would never see a code."""
        return z_e + 0 * z_q

    def no_gradient_at_all(z_e, z_q):
        """No gradient arrives anywhere: the value is cut off from both. Add something that is 0 and
        has the derivative 1."""
        return z_q.detach()

    def to_both(z_e, z_q):
        """The gradient reaches z_e *and* z_q. The decoder's error would then move the codes as
        well, past the codebook loss."""
        return z_q + (z_e - z_e.detach())

    def opposite_sign(z_e, z_q):
        """The gradient arrives with its sign turned round: the encoder would climb."""
        return z_q.detach() - (z_e - z_e.detach())

    def half_way(z_e, z_q):
        """This lies half-way between z_e and z_q. Forward, the decoder must see the code itself."""
        return (z_e + z_q.detach()) / 2

    def added(z_e, z_q):
        """z_e and z_q are added. Add the *step* from z_e to z_q, detached, and z_q comes out."""
        return z_e + z_q

    def code_added_detached(z_e, z_q):
        """z_e is added to the detached code. Its own value has to be taken off: z_e - z_e.detach()
        is 0 and has the derivative 1."""
        return z_e + z_q.detach()

    def step_the_wrong_way(z_e, z_q):
        """The step goes the wrong way: z_e + (z_e - z_q) lies as far beyond z_e. It has to be z_q -
        z_e."""
        return z_e + (z_e - z_q).detach()

    def half_the_gradient(z_e, z_q):
        """Only half of the gradient reaches z_e. All of it has to, as it comes."""
        return z_q.detach() + 0.5 * (z_e - z_e.detach())

    def twice_the_gradient(z_e, z_q):
        """The gradient reaches z_e twice. It has to arrive as it comes."""
        return z_q.detach() + 2 * (z_e - z_e.detach())

    def multiplied(z_e, z_q):
        """z_e is multiplied by a constant: the value is z_q, but the gradient at z_e comes scaled
        by z_q / z_e. Add a constant instead."""
        return z_e * (z_q / z_e).detach()

    def gradients_exchanged_among_places(z_e, z_q):
        """The gradient of each place is spread over all of them by a mean. Every place has its
        own."""
        return z_q.detach() + (z_e - z_e.detach()).mean()

    def gradient_summed_over_D(z_e, z_q):
        """Each channel gets the gradients of all D channels of its position, added up. Every number
        has its own."""
        return z_q.detach() + (z_e - z_e.detach()).sum(dim=1, keepdim=True)

    def zero(z_e, z_q):
        """The value is 0: this is the half that carries the gradient. The code, detached, is still
        to be added."""
        return z_e - z_e.detach()

    def to_both_with_a_minus(z_e, z_q):
        """The gradient reaches z_q, and reaches z_e with its sign turned round: where z_e is not
        detached, it stands with a minus, and z_q is not detached at all."""
        return z_q - (z_e - z_e.detach())

    def code_not_detached_twice(z_e, z_q):
        """The value is z_e: the code is added and taken off again. Take off z_e.detach()."""
        return z_q.detach() + z_e - z_q

    def rounded(z_e, z_q):
        """z_e is rounded, and z_q is not used. The value has to be z_q."""
        return z_e.round() + 0 * z_q

    def rescaled(z_e, z_q):
        """z_e is given the length of z_q and keeps its own direction. The value has to be z_q."""
        return z_e * (z_q.norm(dim=1, keepdim=True) / z_e.norm(dim=1, keepdim=True)).detach()

    def both_averaged(z_e, z_q):
        """This is the mean of z_e and z_q, and the gradient reaches both. Forward, the decoder must
        see z_q."""
        return (z_e + z_q) / 2

    def the_difference(z_e, z_q):
        """This is the difference of the two. The code is still to be added, detached."""
        return z_e - z_q.detach()

    def in_place(z_e, z_q):
        """Your function writes into its argument `z_e`"""
        z_e += (z_q - z_e).detach()
        return z_e


class _Copy(torch.autograd.Function):
    """The same as a function with a backward pass of its own."""

    @staticmethod
    def forward(ctx, z_e: Tensor, z_q: Tensor) -> Tensor:
        return z_q.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple:
        return gradient, None


@straight_through.right
def usual(z_e, z_q):
    return z_e + (z_q - z_e).detach()


@straight_through.right
def own_backward(z_e, z_q):
    return _Copy.apply(z_e, z_q)
