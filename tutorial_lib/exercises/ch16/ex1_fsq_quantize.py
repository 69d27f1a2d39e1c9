"""Exercise 16.1: a grid in the place of the codebook."""

from math import prod

import torch
from torch import Tensor

from tutorial_lib.exercises.ch10.probes import compare_parts
from tutorial_lib.exercises.ch16.probes import rounded, tell_fsq
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial

SLACK = 1.001  # the range is a little wider than its outer levels, so that these can be reached


def along_axis_1(numbers, like: Tensor) -> Tensor:
    """D numbers as (1, D, 1, ...), to stand beside a field (B, D, *positions)."""
    numbers = torch.as_tensor(numbers, dtype=like.dtype, device=like.device)
    return numbers.view(1, -1, *[1] * (like.ndim - 2))


def bounded(z_e: Tensor, levels: tuple[int, ...]) -> Tensor:
    """h tanh(z + artanh(o / h)) - o: where rounding leaves L whole numbers around 0."""
    n = along_axis_1(levels, z_e)
    h, o = SLACK * (n - 1) / 2, (n % 2 == 0) / 2
    return h * torch.tanh(z_e + torch.atanh(o / h)) - o


def passed_through(value: Tensor, way: Tensor) -> Tensor:
    """The value of the first, the gradient of the second."""
    return value.detach() + (way - way.detach())


def named(whole: Tensor, levels: tuple[int, ...]) -> Tensor:
    """Whole numbers around 0 as one index, the first axis counting fastest."""
    half = along_axis_1([n // 2 for n in levels], whole)
    place = along_axis_1([prod(levels[:d]) for d in range(len(levels))], whole)
    return ((whole.detach() + half) * place).sum(dim=1).long()


def reference(z_e: Tensor, levels: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """(z_q, indices) of finite scalar quantization. `codes.FSQ` holds the same in a class."""
    f = bounded(z_e, levels)
    half = along_axis_1([n // 2 for n in levels], f)
    return passed_through(f.round(), f) / half, named(f.round(), levels)


fsq_quantize = Exercise(
    "16.1",
    "A grid in the place of the codebook",
    goal="Squeeze, round, and name the result: a quantizer with nothing to learn.",
    minutes=15,
    reference=reference,
    stub='''\
def fsq_quantize(z_e: torch.Tensor, levels: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Finite scalar quantization: every number of a vector is rounded to one of L. [FSQ, sec. 3]

    z_e      (B, D, *positions): what the encoder said
    levels   (L_1, ..., L_D): how many values each of the D numbers may take
    returns  (z_q, indices)
             z_q      (B, D, *positions): round(f) / (L // 2), with
                      f = h tanh(z_e + artanh(o / h)) - o,  h = 1.001 (L - 1) / 2,
                      o = 1/2 if L is even, else 0. Backward: the rounding lets the gradient of f
                      through as it is, as straight-through does
             indices  (B, *positions) torch.long: round(f) + L // 2 is a digit 0 .. L - 1, and the
                      index is digit_1 + digit_2 L_1 + digit_3 L_1 L_2 + ...

    By hand: levels = (5, 4) and the vectors (9, -9), (0, 0). f rounds to (2, -2) and (0, 0), so z_q
             is (1, -1) and (0, 0). The digits are (4, 0) and (2, 2), the indices 4 and 12
    """
    ____
''',
    answer="""\
def fsq_quantize(z_e, levels):
    along = (1, -1, *[1] * (z_e.ndim - 2))  # D stands in axis 1
    n = torch.tensor(levels, device=z_e.device).view(along)
    h, o = 1.001 * (n - 1) / 2, (n % 2 == 0) / 2
    f = h * torch.tanh(z_e + torch.atanh(o / h)) - o
    whole = f.round().detach()
    digits = whole.long() + n // 2
    place = torch.tensor((1, *levels[:-1]), device=z_e.device).cumprod(0).view(along)
    z_q = whole + (f - f.detach())  # the value is whole, the gradient that of f
    return z_q / (n // 2), (digits * place).sum(dim=1)
""",
    hints=(
        """Three steps that do not know of each other: f for every number by itself; rounding,
        with the gradient of f; and D digits written as one whole number.""",
        """Give `levels` the shape (1, D, 1, ...), so that it stands beside z_e. `torch.atanh`,
        `torch.tanh`, `.round()`. For the gradient, `whole + (f - f.detach())`. The place values
        are 1, L_1, L_1 L_2, ...: `torch.tensor((1, *levels[:-1])).cumprod(0)`.""",
        """If the value is right and the encoder never learns, the rounding has stopped the
        gradient: the derivative of `round` is 0 everywhere. If indices come out negative, the
        digits still count from the middle.""",
    ),
)


def _trial(batch: int, levels: tuple[int, ...], positions: tuple[int, ...], rng) -> Trial:
    """Vectors of every size, none so near to a border that rounding errors decide."""
    while True:
        z_e = 1.5 * torch.randn(batch, len(levels), *positions, generator=rng)
        f = bounded(z_e, levels)
        if ((f - f.floor() - 0.5).abs() > 0.01).all():
            break
    weight = torch.randn(z_e.shape, generator=rng)
    return Trial((z_e, levels, weight + 0.2 * weight.sign()))


def _check(candidate, parts: list[int], what: str, rng: torch.Generator) -> Failure | None:
    sizes = ((3, (5, 4), (4,)), (2, (4, 3, 6), (2, 3)), (2, (7, 5, 4, 3), (2, 2)), (9, (8, 3), ()))
    return compare_parts(
        candidate,
        rounded,
        reference,
        [_trial(*size, rng) for size in sizes],
        parts=parts,
        evidence=tell_fsq,
        misconceptions=fsq_quantize.misconceptions,
        otherwise=f"{what} not the expected one.",
    )


@fsq_quantize.judge("the rounded vectors")
def vectors(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [0], "z_q is", rng)


@fsq_quantize.judge("their names")
def names(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [1], "An index is", rng)


@fsq_quantize.judge("the gradient that reaches the encoder")
def gradient(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [2], "The gradient at z_e is", rng)


def _half(z_e, levels):
    return along_axis_1([n // 2 for n in levels], z_e)


def _of(f, z_e, levels):
    """All of the answer after f."""
    return passed_through(f.round(), f) / _half(z_e, levels), named(f.round(), levels)


def _indices(z_e, levels, change):
    """The right vectors, and other names: `change` is given the digits 0 .. L - 1."""
    z_q, _ = reference(z_e, levels)
    digits = bounded(z_e, levels).round().detach() + _half(z_e, levels)
    return z_q, change(digits).long()


@fsq_quantize.mistakes
class Mistakes:
    def no_gradient(z_e, levels):
        """No gradient passes the rounding: its derivative is 0 everywhere. Add f - f.detach() to
        the rounded value."""
        z_q, indices = reference(z_e, levels)
        return z_q.detach(), indices

    def gradient_past_the_squeezing(z_e, levels):
        """The gradient is handed to z_e itself. Only the rounding is skipped: the squeezing by tanh
        has a derivative, and it belongs in."""
        z_q, indices = reference(z_e, levels)
        return passed_through(z_q, z_e / _half(z_e, levels)), indices

    def gradient_not_divided(z_e, levels):
        """The value is divided by L // 2 and the gradient is not: straight-through comes after the
        division. Divide the sum."""
        z_q, indices = reference(z_e, levels)
        return passed_through(z_q, bounded(z_e, levels)), indices

    def gradient_copied_as_it_comes(z_e, levels):
        """The gradient at z_q is copied to z_e as it comes. Straight-through skips the rounding
        alone: the derivative of f belongs in, and the division by L // 2."""
        z_q, indices = reference(z_e, levels)
        return passed_through(z_q, z_e), indices

    def not_squeezed(z_e, levels):
        """z_e is rounded without being squeezed, so there is no end to the whole numbers: tanh
        bounds them."""
        return _of(z_e * 1, z_e, levels)

    def cut_off(z_e, levels):
        """z_e is cut off at the ends of its range instead of squeezed by tanh: outside, the
        gradient would be 0."""
        half = _half(z_e, levels)
        odd = along_axis_1([n % 2 for n in levels], z_e)
        return _of(torch.minimum(torch.maximum(z_e, -half), half - 1 + odd), z_e, levels)

    def tanh_alone(z_e, levels):
        """This is tanh(z) without the factor h: only -1, 0 and 1 come out, whatever L is."""
        return _of(torch.tanh(z_e), z_e, levels)

    def no_shift_and_no_offset(z_e, levels):
        """The half step o for even L is missing: h tanh(z) lies around 0, and for even L that range
        rounds to L + 1 values or to L - 1."""
        n = along_axis_1(levels, z_e)
        return _of(SLACK * (n - 1) / 2 * torch.tanh(z_e), z_e, levels)

    def no_shift(z_e, levels):
        """The shift artanh(o / h) inside the tanh is missing: for even L, f(0) is -1/2 and not
        0."""
        n = along_axis_1(levels, z_e)
        h, o = SLACK * (n - 1) / 2, (n % 2 == 0) / 2
        return _of(h * torch.tanh(z_e) - o, z_e, levels)

    def no_offset(z_e, levels):
        """The offset o is not subtracted after the tanh: for even L, one value too many lies above
        0."""
        return _of(bounded(z_e, levels) + (along_axis_1(levels, z_e) % 2 == 0) / 2, z_e, levels)

    def shift_without_artanh(z_e, levels):
        """The shift inside the tanh is o / h. It has to be artanh(o / h), so that f(0) is 0."""
        n = along_axis_1(levels, z_e)
        h, o = SLACK * (n - 1) / 2, (n % 2 == 0) / 2
        return _of(h * torch.tanh(z_e + o / h) - o, z_e, levels)

    def shift_the_other_way(z_e, levels):
        """The shift inside the tanh has the wrong sign: z + artanh(o / h)."""
        n = along_axis_1(levels, z_e)
        h, o = SLACK * (n - 1) / 2, (n % 2 == 0) / 2
        return _of(h * torch.tanh(z_e - torch.atanh(o / h)) - o, z_e, levels)

    def offset_for_odd_levels(z_e, levels):
        """The half step is taken for odd L. It belongs to even L: an odd number of levels has one
        at 0 anyway."""
        n = along_axis_1(levels, z_e)
        h, o = SLACK * (n - 1) / 2, (n % 2 == 1) / 2
        return _of(h * torch.tanh(z_e + torch.atanh(o / h)) - o, z_e, levels)

    def sigmoid(z_e, levels):
        """A sigmoid stands where tanh belongs: nothing below 0 comes out."""
        n = along_axis_1(levels, z_e)
        return _of(SLACK * (n - 1) / 2 * torch.sigmoid(z_e), z_e, levels)

    def range_of_L(z_e, levels):
        """The range is L / 2 to each side. L values have L - 1 steps: h = 1.001 (L - 1) / 2."""
        n = along_axis_1(levels, z_e)
        h, o = SLACK * n / 2, (n % 2 == 0) / 2
        return _of(h * torch.tanh(z_e + torch.atanh(o / h)) - o, z_e, levels)

    def first_levels_for_all(z_e, levels):
        """All D numbers are rounded to L_1 values. Every axis has its own L."""
        return _of(bounded(z_e, levels[:1] * len(levels)), z_e, levels)

    def not_rounded(z_e, levels):
        """z_q is not rounded: this is f / (L // 2). Forward, the decoder must see the grid."""
        f = bounded(z_e, levels)
        return f / _half(z_e, levels), named(f.round(), levels)

    def rounded_down(z_e, levels):
        """The numbers are rounded down (floor), not to the nearest."""
        f = bounded(z_e, levels)
        return passed_through(f.floor(), f) / _half(z_e, levels), named(f.floor(), levels)

    def rounded_towards_zero(z_e, levels):
        """The numbers are cut off after the point (trunc, or `.long()`), not rounded to the
        nearest."""
        f = bounded(z_e, levels)
        return passed_through(f.trunc(), f) / _half(z_e, levels), named(f.trunc(), levels)

    def not_divided(z_e, levels):
        """z_q is not divided by L // 2, so that an axis of many levels outweighs one of few."""
        f = bounded(z_e, levels)
        return passed_through(f.round(), f), named(f.round(), levels)

    def divided_by_L(z_e, levels):
        """z_q is divided by L. The outermost value is L // 2, which has to become 1."""
        f = bounded(z_e, levels)
        return passed_through(f.round(), f) / along_axis_1(levels, z_e), named(f.round(), levels)

    def divided_by_h(z_e, levels):
        """z_q is divided by half of L - 1, which is no whole number for even L. The paper divides
        by L // 2."""
        f = bounded(z_e, levels)
        half = (along_axis_1(levels, z_e) - 1) / 2
        return passed_through(f.round(), f) / half, named(f.round(), levels)

    def digits_from_the_middle(z_e, levels):
        """The digits still count from the middle, so some indices are negative. Add L // 2."""
        return _indices(
            z_e,
            levels,
            lambda digits: named(digits - 2 * _half(z_e, levels), levels),
        )

    def digits_from_one(z_e, levels):
        """The digits count from 1. They run from 0 to L - 1: add L // 2 and no more."""
        return _indices(z_e, levels, lambda digits: named(digits - _half(z_e, levels) + 1, levels))

    def last_axis_fastest(z_e, levels):
        """The last number counts fastest here. Asked for is digit_1 + digit_2 L_1 + ..."""
        place = [prod(levels[d + 1 :]) for d in range(len(levels))]
        return _indices(z_e, levels, lambda digits: (digits * along_axis_1(place, z_e)).sum(dim=1))

    def place_values_one_too_far(z_e, levels):
        """The place values are L_1, L_1 L_2, ...: one axis too far. The first digit counts 1."""
        place = [prod(levels[: d + 1]) for d in range(len(levels))]
        return _indices(z_e, levels, lambda digits: (digits * along_axis_1(place, z_e)).sum(dim=1))

    def place_values_not_multiplied(z_e, levels):
        """The place values are 1, L_1, L_2, ...: they have to be multiplied up, 1, L_1, L_1 L_2,
        ..."""
        place = (1, *levels[:-1])
        return _indices(z_e, levels, lambda digits: (digits * along_axis_1(place, z_e)).sum(dim=1))

    def digits_added(z_e, levels):
        """The digits are added up without place values: different codes get one name."""
        return _indices(z_e, levels, lambda digits: digits.sum(dim=1))

    def powers_of_the_first(z_e, levels):
        """The place values are powers of L_1, as if all axes had the same number of levels."""
        place = [levels[0] ** d for d in range(len(levels))]
        return _indices(z_e, levels, lambda digits: (digits * along_axis_1(place, z_e)).sum(dim=1))


@fsq_quantize.right
def axis_by_axis(z_e, levels):
    z_q, index, place = [], 0, 1
    for n, z in zip(levels, z_e.unbind(1), strict=True):
        h, o = 1.001 * (n - 1) / 2, 0.5 if n % 2 == 0 else 0.0
        f = h * torch.tanh(z + torch.atanh(torch.tensor(o / h, dtype=z.dtype))) - o
        whole = f.round().detach()
        z_q.append((f + (whole - f).detach()) / (n // 2))
        index = index + (whole.long() + n // 2) * place
        place *= n
    return torch.stack(z_q, dim=1), index


@fsq_quantize.right
def by_horner(z_e, levels):
    f = bounded(z_e, levels)
    half = _half(z_e, levels)
    digits = (f.detach().round() + half).long()
    index = torch.zeros_like(digits[:, 0])
    for d in reversed(range(len(levels))):
        index = index * levels[d] + digits[:, d]
    return [(f + (f.round() - f).detach()) / half, index]
