"""Exercise 16.2: the step to the code as a rotation, held still for the gradient."""

import torch
from torch import Tensor

from tutorial_lib.exercises.ch10.probes import compare_parts, through
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def unit(vectors: Tensor) -> Tensor:
    """Every vector, along axis 1, with length 1."""
    return vectors / vectors.norm(dim=1, keepdim=True).clamp(min=1e-6)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """(B, D, *positions) twice -> (B, 1, *positions)."""
    return (a * b).sum(dim=1, keepdim=True)


def turned(z: Tensor, e: Tensor, q: Tensor) -> Tensor:
    """z - 2 r (r.z) + 2 q (e.z): the rotation that carries e to q, for unit vectors e and q."""
    r = unit(e + q)
    return z - 2 * r * dot(r, z) + 2 * q * dot(e, z)


def scale_of(z_e: Tensor, z_q: Tensor) -> Tensor:
    """|z_q| / |z_e|, a constant."""
    return (z_q.norm(dim=1, keepdim=True) / z_e.norm(dim=1, keepdim=True)).detach()


def reference(z_e: Tensor, z_q: Tensor) -> Tensor:
    """The value of z_q, the gradient of s R z_e with s and R held still."""
    way = scale_of(z_e, z_q) * turned(z_e, unit(z_e.detach()), unit(z_q.detach()))
    return z_q.detach() + (way - way.detach())


rotate_to = Exercise(
    "16.2",
    "The rotation trick",
    goal="Hand the encoder the decoder's gradient, turned and scaled as its vector was.",
    minutes=15,
    reference=reference,
    stub='''\
def rotate_to(z_e: torch.Tensor, z_q: torch.Tensor) -> torch.Tensor:
    """The value of z_q, with the gradient of s R z_e. [rotation trick, sec. 4]

    z_e, z_q  (B, D, *positions): what the encoder said, and the codes nearest to it; none has
              length 0, and no two are opposite
    returns   the same shape, s R z_e = z_q, where s and R are constants for the backward pass:
              s = |z_q| / |z_e|, and R z = z - 2 r (r . z) + 2 q (e . z), with e and q the unit
              vectors of z_e and z_q, and r the unit vector of e + q. All of them are vectors of D
              numbers, one at each position. No gradient goes to z_q

    By hand: D = 2, z_e = (2, 0) and z_q = (0, 1). s is 1/2, R turns by 90 degrees to the left. If
             the gradient at z_q is (0, 1), it is turned back and halved: (0.5, 0) at z_e
    """
    ____
''',
    answer="""\
def rotate_to(z_e, z_q):
    z, code = z_e.detach(), z_q.detach()
    length, new_length = z.norm(dim=1, keepdim=True), code.norm(dim=1, keepdim=True)
    e, q = z / length, code / new_length
    r = (e + q) / (e + q).norm(dim=1, keepdim=True)
    along_r = (r * z_e).sum(dim=1, keepdim=True)  # dot products, one at each position
    along_e = (e * z_e).sum(dim=1, keepdim=True)
    return new_length / length * (z_e - 2 * r * along_r + 2 * q * along_e)
""",
    hints=(
        """s, e, q and r are computed from detached copies. The only z_e with a gradient is the one
        that is turned and scaled in the last line.""",
        """`v / v.norm(dim=1, keepdim=True)` are unit vectors along axis 1. A dot product at every
        position is `(a * b).sum(dim=1, keepdim=True)`, which stands beside a field.""",
        """If the value is right and the gradient is not, look for a z_e that was not detached: a
        scale that depends on z_e has a gradient of its own, and takes out the part along
        z_e.""",
    ),
)

NAMES = ("value", "gradient at z_e", "gradient at z_q")


def _trial(batch: int, dim: int, positions: tuple[int, ...], rng: torch.Generator) -> Trial:
    """Codes within a quarter turn of their vectors, of other lengths, and not the same."""
    shape = (batch, dim, *positions)
    z_e, side, weight = (torch.randn(shape, generator=rng) for _ in range(3))
    z_e = z_e + 0.5 * unit(z_e)
    side = unit(side - unit(z_e) * dot(unit(z_e), side))
    length = 0.5 + 2 * torch.rand((batch, 1, *positions), generator=rng)
    z_q = length * (unit(z_e) + (0.4 + torch.rand(length.shape, generator=rng)) * side)
    return Trial((z_e, z_q, weight + 0.2 * weight.sign()))


def _evidence(trial: Trial, got: tuple, want: tuple) -> str:
    z_e, z_q, _ = trial.args
    for name, mine, right in zip(NAMES, got, want, strict=True):
        place = first_difference(mine.double(), right.double())
        if place is not None:
            at = (place[0], slice(None), *place[2:])
            vectors = [", ".join(number(each) for each in v[at]) for v in (z_e, z_q)]
            return (
                f"z_e is ({vectors[0]}) there and z_q is ({vectors[1]}). {name}{list(place)} is "
                f"{number(mine[place])}, expected {number(right[place])}."
            )
    return ""


def _check(candidate, part: int, rng: torch.Generator) -> Failure | None:
    return compare_parts(
        candidate,
        through,
        reference,
        [_trial(*size, rng) for size in ((4, 2, ()), (2, 3, (4,)), (2, 4, (2, 3)))],
        parts=[part],
        evidence=_evidence,
        misconceptions=rotate_to.misconceptions,
        otherwise=f"The {NAMES[part]} is not the expected one.",
    )


@rotate_to.judge("the value")
def value(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, 0, rng)


@rotate_to.judge("the gradient that reaches z_e")
def gradient_at_z_e(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, 1, rng)


@rotate_to.judge("the gradient that does not reach z_q")
def gradient_at_z_q(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, 2, rng)


def _units(z_e, z_q):
    return unit(z_e.detach()), unit(z_q.detach())


@rotate_to.mistakes
class Mistakes:
    def straight_through(z_e, z_q):
        """This is straight-through: the gradient is copied, neither turned nor scaled."""
        return z_q.detach() + (z_e - z_e.detach())

    def no_gradient(z_e, z_q):
        """No gradient arrives: the z_e that is turned is detached as well."""
        return reference(z_e.detach(), z_q.detach())

    def nothing_held_still(z_e, z_q):
        """Nothing is detached, so all of s R z_e is differentiated: that is z_q, and z_e gets
        nothing of the gradient. Take s, e, q and r from detached copies."""
        return z_q + 0 * z_e

    def scale_not_held_still(z_e, z_q):
        """The scale s still depends on z_e, and its gradient takes out the part along z_e. It has
        to be a constant: detach it."""
        s = z_q.detach().norm(dim=1, keepdim=True) / z_e.norm(dim=1, keepdim=True)
        return s * turned(z_e, *_units(z_e, z_q))

    def rotation_not_held_still(z_e, z_q):
        """The unit vectors in R still depend on z_e. They have to be constants: take them from
        z_e.detach()."""
        return scale_of(z_e, z_q) * turned(z_e, unit(z_e), unit(z_q.detach()))

    def gradient_to_the_codes(z_e, z_q):
        """The gradient reaches z_q too: the value is added without being detached."""
        return z_q + reference(z_e, z_q) - z_q.detach()

    def not_scaled(z_e, z_q):
        """The vector is turned and not scaled: s = |z_q| / |z_e| is missing."""
        return turned(z_e, *_units(z_e, z_q))

    def not_turned(z_e, z_q):
        """The vector is scaled and not turned: it has the length of z_q and the direction of
        z_e."""
        return scale_of(z_e, z_q) * z_e

    def scaled_upside_down(z_e, z_q):
        """The scale is upside down: s = |z_q| / |z_e|."""
        return turned(z_e, *_units(z_e, z_q)) / scale_of(z_e, z_q)

    def scaled_twice(z_e, z_q):
        """The scale counts twice: s is a factor in front of R z_e, once."""
        return scale_of(z_e, z_q).square() * turned(z_e, *_units(z_e, z_q))

    def gradient_not_scaled(z_e, z_q):
        """The value is right, and the gradient is turned and not scaled by s."""
        way = turned(z_e, *_units(z_e, z_q))
        return z_q.detach() + (way - way.detach())

    def gradient_not_turned(z_e, z_q):
        """The value is right, and the gradient is scaled and not turned."""
        way = scale_of(z_e, z_q) * z_e
        return z_q.detach() + (way - way.detach())

    def turned_the_other_way(z_e, z_q):
        """The rotation goes the other way: e and q are exchanged. R carries e to q."""
        e, q = _units(z_e, z_q)
        return scale_of(z_e, z_q) * turned(z_e, q, e)

    def gradient_turned_forward(z_e, z_q):
        """The value is right, and the gradient is turned forward once more instead of back:
        autograd of R z_e does that by itself, with R a constant."""
        e, q = _units(z_e, z_q)
        way = scale_of(z_e, z_q) * turned(z_e, q, e)
        return z_q.detach() + (way - way.detach())

    def reflection_alone(z_e, z_q):
        """Only z - 2 r (r . z) is there: that mirrors. The last term, 2 q (e . z), is missing."""
        e, q = _units(z_e, z_q)
        r = unit(e + q)
        return scale_of(z_e, z_q) * (z_e - 2 * r * dot(r, z_e))

    def mirror_of_the_difference(z_e, z_q):
        """This mirrors z_e at the plane between the two: r is the unit vector of e - q, and the
        last term is missing. The value is right, and a mirror image is no rotation."""
        e, q = _units(z_e, z_q)
        r = unit(e - q)
        return scale_of(z_e, z_q) * (z_e - 2 * r * dot(r, z_e))

    def r_not_of_unit_length(z_e, z_q):
        """r is e + q as it comes. It has to have length 1."""
        e, q = _units(z_e, z_q)
        r = e + q
        way = z_e - 2 * r * dot(r, z_e) + 2 * q * dot(e, z_e)
        return scale_of(z_e, z_q) * way

    def factor_2_missing(z_e, z_q):
        """The factors 2 are missing in R z = z - 2 r (r . z) + 2 q (e . z)."""
        e, q = _units(z_e, z_q)
        r = unit(e + q)
        return scale_of(z_e, z_q) * (z_e - r * dot(r, z_e) + q * dot(e, z_e))

    def minus_and_plus_exchanged(z_e, z_q):
        """The signs are exchanged: minus at r, plus at q."""
        e, q = _units(z_e, z_q)
        r = unit(e + q)
        return scale_of(z_e, z_q) * (z_e + 2 * r * dot(r, z_e) - 2 * q * dot(e, z_e))

    def not_unit_vectors(z_e, z_q):
        """R is built from z_e and z_q as they come. e and q have to have length 1."""
        e, q = z_e.detach(), z_q.detach()
        r = unit(e + q)
        return scale_of(z_e, z_q) * (z_e - 2 * r * dot(r, z_e) + 2 * q * dot(e, z_e))

    def along_the_last_axis(z_e, z_q):
        """Lengths and products are taken along the last axis. A vector lies along axis 1."""
        moved = [each.transpose(1, -1) for each in (z_e, z_q)]
        return reference(*moved).transpose(1, -1)

    def one_length_for_the_batch(z_e, z_q):
        """The lengths are those of the whole batch. Every position has a vector of its own."""
        s = (z_q.norm() / z_e.norm()).detach()
        return s * turned(z_e, *_units(z_e, z_q))

    def not_quantised(z_e, z_q):
        """This is z_e itself, value and gradient."""
        return z_e + 0 * z_q

    def opposite_sign(z_e, z_q):
        """The gradient arrives with its sign turned round: the encoder would climb."""
        way = reference(z_e, z_q)
        return z_q.detach() - (way - way.detach())


@rotate_to.right
def by_matrices(z_e, z_q):
    z, code = (each.movedim(1, -1) for each in (z_e, z_q.detach()))
    e, q = unit(z_e.detach()).movedim(1, -1), unit(z_q.detach()).movedim(1, -1)
    r = unit((e + q).movedim(-1, 1)).movedim(1, -1)
    rotation = torch.eye(z.shape[-1], dtype=z.dtype) - 2 * r[..., :, None] * r[..., None, :]
    rotation = rotation + 2 * q[..., :, None] * e[..., None, :]
    s = code.norm(dim=-1, keepdim=True) / z.detach().norm(dim=-1, keepdim=True)
    return (s * (rotation @ z[..., None])[..., 0]).movedim(-1, 1)


@rotate_to.right
def value_added(z_e, z_q):
    way = scale_of(z_e, z_q) * turned(z_e, *_units(z_e, z_q))
    return way + (z_q - way).detach()
