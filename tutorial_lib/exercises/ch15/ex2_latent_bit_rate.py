"""Exercise 15.2: the field of codes of a sound or a clip, and its bits a second."""

import math

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import (
    first_difference,
    listed,
    number,
    number_result,
    numbers,
)
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(
    shape: tuple[int, ...], strides: list[tuple[int, ...]], n_codes: int, per_second: int
) -> tuple[tuple[int, ...], float]:
    """The shape of the field of codes, and what naming all its codes costs in bits a second."""
    latent_shape = tuple(
        side // math.prod(along)
        for side, along in zip(shape, zip(*strides, strict=True), strict=True)
    )
    seconds = shape[0] / per_second
    return latent_shape, math.prod(latent_shape) * math.log2(n_codes) / seconds


latent_bit_rate = Exercise(
    "15.2",
    "The field and its bit rate",
    goal="Work out the field of codes and its bits a second from the strides of an encoder.",
    minutes=10,
    reference=reference,
    otherwise="This is another field, or another rate.",
    stub='''\
def latent_bit_rate(
    shape: tuple[int, ...], strides: list[tuple[int, ...]], n_codes: int, per_second: int
) -> tuple[tuple[int, ...], float]:
    """The shape of the field of codes, and the bits a second that naming its codes takes.

    shape       of the signal, time first: (samples,) or (frames, height, width)
    strides     one tuple a layer of the encoder, with a stride for each axis of `shape`. A layer
                makes an axis shorter by its stride; every division is without remainder
    n_codes     K, all equally likely
    per_second  samples, or frames, in a second of the signal
    returns     (latent_shape, bits_per_second)

    By hand: 8000 samples at 8000 a second through strides (2,), (2,), (4,): a field (500,). With K
             = 256, 500 codes of 8 bits in one second: 4000 bits/s.
             A clip (16, 32, 32) of 8 frames a second through (1, 2, 2), (2, 2, 2): a field (8, 8,
             8). With K = 64, 512 codes of 6 bits in two seconds: 1536 bits/s
    """
    ____
''',
    answer="""\
def latent_bit_rate(shape, strides, n_codes, per_second):
    sides = list(shape)
    for layer in strides:
        for axis, stride in enumerate(layer):
            sides[axis] = sides[axis] // stride
    bits = math.prod(sides) * math.log2(n_codes)
    seconds = shape[0] / per_second  # of the signal: time is its first axis
    return tuple(sides), bits / seconds
""",
    hints=(
        """Follow one axis through the layers, then the next. At the end count: how many codes,
        how many bits each, how many seconds does the signal last?""",
        """`zip(*strides)` gives the strides of each axis; `math.prod` multiplies them, and the
        sides of the field too. `math.log2`. The signal lasts `shape[0] / per_second` seconds.""",
        """If sounds are right and clips are not, check which axis is time, and whether all codes
        of a moment are counted, not one.""",
    ),
)


def _pick(choices, rng: torch.Generator):
    return choices[int(torch.randint(len(choices), (), generator=rng))]


def _sound(codes, rng: torch.Generator, seconds=(2, 3, 5)) -> Trial:
    rate = _pick((6000, 12000, 24000), rng)
    strides = [_pick(((2,), (5,)), rng), (4,), _pick(((2,), (3,)), rng)]
    return Trial(((rate * _pick(seconds, rng),), strides, _pick(codes, rng), rate))


def _clip(codes, rng: torch.Generator) -> Trial:
    """Every axis has strides, and a length, of its own."""
    layers = [(1, 2, 2), (2, 2, 4), (_pick((2, 3), rng), 1, 1)]
    shape = (12 * _pick((2, 3, 5), rng), 8 * _pick((3, 5), rng), 24 * _pick((2, 4), rng))
    return Trial((shape, layers, _pick(codes, rng), _pick((5, 10, 25), rng)))


@latent_bit_rate.reads
def read(value: object, trial: Trial) -> Tensor:
    n_axes = len(trial.args[0])
    value = listed(value)
    fits = isinstance(value, (tuple, list)) and len(value) == 2
    if not fits or not isinstance(value[0], (tuple, list)) or len(value[0]) != n_axes:
        told = f"Expected a tuple of {n_axes} sides and a number, got {value!r:.80}."
        raise Failed(Failure("The result is not (latent_shape, bits_per_second).", told))
    return torch.stack([number_result(each) for each in (*value[0], value[1])])


@latent_bit_rate.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    shape, strides, n_codes, per_second = trial.args
    (i,) = first_difference(got, want)
    part = f"the field's axis {i}" if i < len(shape) else "bits a second"
    return (
        f"shape {shape}, strides {strides}, K = {n_codes}, {per_second} a second: the field is "
        f"{numbers(want[:-1])}, at {number(want[-1])} bits/s. Your function says "
        f"{numbers(got[:-1])} and {number(got[-1])} (first difference: {part})."
    )


@latent_bit_rate.trials("one second of sound")
def one_second(rng):
    """A second of sound, K a power of 2."""
    return [_sound((64, 512), rng, seconds=(1,))]


latent_bit_rate.trials("sounds of any length")(
    lambda rng: [_sound((100, 300), rng) for _ in range(2)]
)
latent_bit_rate.trials("clips, with other strides for each axis")(
    lambda rng: [_clip((20, 100, 300), rng) for _ in range(2)]
)
latent_bit_rate.also_try(lambda rng: [_clip((100, 500), rng), _sound((24, 48), rng)])


def _shape(shape, factors):
    return tuple(side // factor for side, factor in zip(shape, factors, strict=True))


def _bits(latent_shape, n_codes):
    return math.prod(latent_shape) * math.log2(n_codes)


def _for_shape(latent_shape, shape, n_codes, per_second):
    return latent_shape, _bits(latent_shape, n_codes) / (shape[0] / per_second)


def _factors(strides):
    return [math.prod(along) for along in zip(*strides, strict=True)]


@latent_bit_rate.mistakes
class Mistakes:
    def strides_added(shape, strides, n_codes, per_second):
        """The strides of an axis are added. Each layer divides what the one before it left, so they
        multiply."""
        factors = [sum(along) for along in zip(*strides, strict=True)]
        return _for_shape(_shape(shape, factors), shape, n_codes, per_second)

    def the_last_layer(shape, strides, n_codes, per_second):
        """Only the last layer's stride is applied."""
        return _for_shape(_shape(shape, strides[-1]), shape, n_codes, per_second)

    def the_first_layer(shape, strides, n_codes, per_second):
        """Only the first layer's stride is applied."""
        return _for_shape(_shape(shape, strides[0]), shape, n_codes, per_second)

    def all_strides_for_all_axes(shape, strides, n_codes, per_second):
        """Every axis is divided by all strides. It has those of its own: one of each layer."""
        factors = [math.prod(_factors(strides))] * len(shape)
        return _for_shape(_shape(shape, factors), shape, n_codes, per_second)

    def whole_seconds(shape, strides, n_codes, per_second):
        """The seconds are cut off to a whole number by `//`. A signal may last 2.4 of them."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) / max(1, shape[0] // per_second)

    def positions_in_the_logarithm(shape, strides, n_codes, per_second):
        """The logarithm is taken of positions times K. Each position costs log2 K, so their number
        stands outside."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        bits = math.log2(math.prod(latent_shape) * n_codes)
        return latent_shape, bits * per_second / shape[0]

    def one_choice_less(shape, strides, n_codes, per_second):
        """The logarithm is taken of K - 1, the largest number. From 0 to K - 1 there are K."""
        return reference(shape, strides, n_codes, per_second)[0], reference(
            shape, strides, n_codes - 1, per_second
        )[1]

    def bits_for_the_signal_itself(shape, strides, n_codes, per_second):
        """All samples, or pixels, of the signal are charged log2 K. Count the codes of the
        field."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(shape, n_codes) * per_second / shape[0]

    def a_tuple_an_axis(shape, strides, n_codes, per_second):
        """Each tuple is taken for the strides of an axis. It holds those of a *layer*, one for each
        axis: `zip(*strides)` turns the table over."""
        factors = [math.prod(along) for along in strides[: len(shape)]]
        return _for_shape(_shape(shape, factors), shape, n_codes, per_second)

    def strides_taken_off(shape, strides, n_codes, per_second):
        """The strides are subtracted. A layer makes an axis *as many times* shorter: divide."""
        sides = [
            side - sum(along) for side, along in zip(shape, zip(*strides, strict=True), strict=True)
        ]
        return _for_shape(tuple(sides), shape, n_codes, per_second)

    def multiplied(shape, strides, n_codes, per_second):
        """The sides are multiplied by the strides. A layer makes an axis shorter: divide."""
        sides = [n * f for n, f in zip(shape, _factors(strides), strict=True)]
        return _for_shape(tuple(sides), shape, n_codes, per_second)

    def the_shape_itself(shape, strides, n_codes, per_second):
        """The strides play no part: the field is as large as the signal."""
        return _for_shape(tuple(shape), shape, n_codes, per_second)

    def field_backwards(shape, strides, n_codes, per_second):
        """The sides of the field come in reverse order. Time stays first."""
        latent_shape, rate = reference(shape, strides, n_codes, per_second)
        return latent_shape[::-1], rate

    def rounded_up(shape, strides, n_codes, per_second):
        """The bits of each code are rounded up to a whole number. Codes can be written together, so
        that each takes log2 K bits on average, whole or not."""
        latent_shape, rate = reference(shape, strides, n_codes, per_second)
        return latent_shape, rate / math.log2(n_codes) * math.ceil(math.log2(n_codes))

    def rounded_down(shape, strides, n_codes, per_second):
        """The bits of each code are cut off to a whole number. log2 K stays as it is."""
        latent_shape, rate = reference(shape, strides, n_codes, per_second)
        return latent_shape, rate / math.log2(n_codes) * int(math.log2(n_codes))

    def whole_bits(shape, strides, n_codes, per_second):
        """The rate is rounded to a whole number. It is an average, so let it be fractional."""
        latent_shape, rate = reference(shape, strides, n_codes, per_second)
        return latent_shape, int(rate)

    def log10(shape, strides, n_codes, per_second):
        """These are decimal digits a second: the logarithm to base 10 was taken."""
        latent_shape, rate = reference(shape, strides, n_codes, per_second)
        return latent_shape, rate * math.log10(2)

    def bytes_(shape, strides, n_codes, per_second):
        """These are bytes a second: the bits are divided by 8."""
        latent_shape, rate = reference(shape, strides, n_codes, per_second)
        return latent_shape, rate / 8

    def kilobits(shape, strides, n_codes, per_second):
        """These are kilobits a second. Asked for are bits."""
        latent_shape, rate = reference(shape, strides, n_codes, per_second)
        return latent_shape, rate / 1000

    def sides_added(shape, strides, n_codes, per_second):
        """The sides of the field are added. It has as many codes as their product."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        bits = sum(latent_shape) * math.log2(n_codes)
        return latent_shape, bits * per_second / shape[0]

    def seconds_upside_down(shape, strides, n_codes, per_second):
        """The seconds are upside down: a signal lasts shape[0] / per_second seconds, and the bits
        are divided by them."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) * shape[0] / per_second

    def divided_by_the_samples_a_second(shape, strides, n_codes, per_second):
        """The bits are divided by the samples a second. Divide by the seconds that the signal
        lasts, shape[0] / per_second."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) / per_second

    def bits_a_sample(shape, strides, n_codes, per_second):
        """These are bits a sample or frame. There are per_second of them in a second."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) / shape[0]

    def all_numbers_of_the_signal(shape, strides, n_codes, per_second):
        """The seconds are counted over all axes. Only time, axis 0, takes time."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) / (math.prod(shape) / per_second)

    def time_last(shape, strides, n_codes, per_second):
        """The seconds are counted along the last axis. Time comes first: shape[0] frames, not
        shape[-1]."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) / (shape[-1] / per_second)

    def one_factor_for_all_axes(shape, strides, n_codes, per_second):
        """All axes are divided by what belongs to time. Every axis has strides of its own."""
        factors = [_factors(strides)[0]] * len(shape)
        return _for_shape(_shape(shape, factors), shape, n_codes, per_second)

    def a_code_for_every_sample(shape, strides, n_codes, per_second):
        """Every sample or frame gets a code of its own here. Count the codes of the field."""
        return reference(shape, strides, n_codes, per_second)[0], per_second * math.log2(n_codes)

    def times_the_samples_a_second(shape, strides, n_codes, per_second):
        """The bits of the whole signal are multiplied by the samples a second. Divide them by its
        seconds, shape[0] / per_second."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) * per_second

    def one_code_a_moment(shape, strides, n_codes, per_second):
        """Only one code is counted for each moment. A clip has a whole frame of codes there."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape[:1], n_codes) / (shape[0] / per_second)

    def bits_of_the_signal(shape, strides, n_codes, per_second):
        """These are the bits of the whole signal. Bits a second: divide by how long it lasts."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes)

    def nats(shape, strides, n_codes, per_second):
        """These are nats a second: a natural logarithm was taken."""
        latent_shape, bits = reference(shape, strides, n_codes, per_second)
        return latent_shape, bits * math.log(2)

    def without_a_logarithm(shape, strides, n_codes, per_second):
        """K is taken for the bits of a code. One of K choices takes log2 K bits."""
        latent_shape, bits = reference(shape, strides, n_codes, per_second)
        return latent_shape, bits / math.log2(n_codes) * n_codes

    def one_code_in_all(shape, strides, n_codes, per_second):
        """log K is the cost of one code. The field holds many."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, math.log2(n_codes) / (shape[0] / per_second)

    def seconds_of_the_field(shape, strides, n_codes, per_second):
        """The seconds are counted with the codes' own axis, as if a code were a sample. The field
        is shorter, and lasts as long."""
        latent_shape, _ = reference(shape, strides, n_codes, per_second)
        return latent_shape, _bits(latent_shape, n_codes) / (latent_shape[0] / per_second)

    def codes_a_second(shape, strides, n_codes, per_second):
        """These are codes a second. Each of them takes log2 K bits."""
        latent_shape, bits = reference(shape, strides, n_codes, per_second)
        return latent_shape, bits / math.log2(n_codes)


@latent_bit_rate.right
def layer_by_layer(shape, strides, n_codes, per_second):
    sides = list(shape)
    for layer in strides:
        sides = [side // stride for side, stride in zip(sides, layer, strict=True)]
    codes = torch.tensor(sides).prod() * per_second / shape[0]
    return sides, codes * torch.tensor(float(n_codes)).log2()


@latent_bit_rate.right
def by_moments(shape, strides, n_codes, per_second):
    """How many codes each moment has, times how many moments a second has."""
    factors = _factors(strides)
    field = _shape(shape, factors)
    return field, per_second / factors[0] * math.prod(field[1:]) * math.log(n_codes) / math.log(2)


@latent_bit_rate.right
def by_arrays(shape, strides, n_codes, per_second):
    sides = np.array(shape) // np.prod(strides, axis=0)
    return tuple(sides), np.prod(sides) * np.log2(n_codes) * per_second / shape[0]
