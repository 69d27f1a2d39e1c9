"""Exercise 12.1: bits of an image, bits of its codes."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(
    image_shape: tuple[int, ...],
    n_levels: int,
    latent_shape: tuple[int, ...],
    n_codes: int,
    code_dim: int,
) -> tuple[float, float, float]:
    """Bits per image of the levels, bits per image of the codes, and the first over the second.

    code_dim is not needed: sender and receiver both hold the codebook, so only row numbers travel.
    """
    raw_bits = math.prod(image_shape) * math.log2(n_levels)
    code_bits = math.prod(latent_shape) * math.log2(n_codes)
    return raw_bits, code_bits, raw_bits / code_bits


compression = Exercise(
    "12.1",
    "How much smaller?",
    goal="Count the bits of an image, the bits of its codes, and the compression ratio.",
    minutes=10,
    reference=reference,
    parts="(raw_bits, code_bits, ratio)",
    otherwise="These are not the bits of an image and of its codes.",
    stub='''\
def compression(
    image_shape: tuple[int, ...],
    n_levels: int,
    latent_shape: tuple[int, ...],
    n_codes: int,
    code_dim: int,
) -> tuple[float, float, float]:
    """What an image costs as levels, what it costs as codes, and how many times less that is.

    image_shape   (C, H, W); each of its sub-pixels has one of n_levels L levels, all equally likely
    latent_shape  of the field of codes: one, two or three sides
    n_codes       K, all equally likely; K need not be a power of 2
    code_dim      D, the length of a code vector. Sender and receiver both hold the codebook
    returns       (raw_bits, code_bits, ratio): bits per image, bits per image, raw over codes

    By hand: (1, 8, 8) with 4 levels is 64 numbers of 2 bits, 128 bits. A field (2, 2) of 16 codes
             is 4 numbers of 4 bits, 16 bits. The ratio is 8, whatever D is
    """
    ____
''',
    answer="""\
import math


def compression(image_shape, n_levels, latent_shape, n_codes, code_dim):
    n_sub_pixels = math.prod(image_shape)
    n_positions = math.prod(latent_shape)
    raw_bits = n_sub_pixels * math.log2(n_levels)
    code_bits = n_positions * math.log2(n_codes)  # only numbers are sent
    return raw_bits, code_bits, raw_bits / code_bits
""",
    hints=(
        """One of L equally likely levels takes log2 L bits to name, one of K codes log2 K bits.
        Then count: how many levels does an image have, how many codes?""",
        """`math.log2`, and `math.prod(shape)` for the product of the sides.""",
        """If colour images come out three times too small, C is missing. If only a K such as 100
        goes wrong, the bits of a code were rounded up: many codes together can share a bit.""",
    ),
)

PARTS = ("raw_bits", "code_bits", "ratio")


def _pick(choices, rng: torch.Generator):
    return choices[int(torch.randint(len(choices), (), generator=rng))]


def _trial(rng: torch.Generator, *, n_colors: int, latent_shape, codes, levels=(4, 16)) -> Trial:
    height, width = _pick((12, 20, 28), rng), _pick((16, 24, 36), rng)
    levels, code_dim = _pick(levels, rng), _pick((3, 5, 12), rng)
    return Trial(((n_colors, height, width), levels, latent_shape, _pick(codes, rng), code_dim))


@compression.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    image_shape, n_levels, latent_shape, n_codes, code_dim = trial.args
    (i,) = first_difference(got, want)
    return (
        f"An image {image_shape} of {n_levels} levels and a field {latent_shape} of {n_codes} "
        f"codes with D = {code_dim}: {PARTS[i]} should be {number(want[i])}. Your function says "
        f"{number(got[i])}."
    )


compression.also_try(
    lambda rng: [
        _trial(rng, n_colors=3, latent_shape=(3, 5), codes=(100, 500)),
        _trial(rng, n_colors=1, latent_shape=(4, 2, 3), codes=(24, 48), levels=(5, 7)),
    ]
)
compression.trials("grey images, K a power of 2")(
    lambda rng: [_trial(rng, n_colors=1, latent_shape=(7, 5), codes=(64, 128))]
)
compression.trials("colour images")(
    lambda rng: [_trial(rng, n_colors=3, latent_shape=(4, 6), codes=(32, 512))]
)


@compression.trials("fields of one and of three sides, any K and L")
def other_fields(rng):
    """Fields of one and three sides; a K and an L that are no powers of 2."""
    one, three = {"codes": (20, 100), "levels": (10, 12)}, {"codes": (100, 300), "levels": (4, 6)}
    return [
        _trial(rng, n_colors=1, latent_shape=(50,), **one),
        _trial(rng, n_colors=1, latent_shape=(2, 4, 6), **three),
    ]


def _result(raw_bits, code_bits):
    return raw_bits, code_bits, raw_bits / code_bits


def _wrong_cost(name: str, says: str, cost) -> None:
    """cost(shape, choices) in the place of the bits: of the image, of the codes, of both."""

    def image(image_shape, n_levels, latent_shape, n_codes, code_dim):
        _, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(cost(image_shape, n_levels), codes)

    def codes(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw, _, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, cost(latent_shape, n_codes))

    def both(image_shape, n_levels, latent_shape, n_codes, code_dim):
        return _result(cost(image_shape, n_levels), cost(latent_shape, n_codes))

    for function in (image, codes, both):
        function.__name__ = f"{name} ({function.__name__})"
        compression.wrong(says)(function)


_wrong_cost(
    "nats",
    "These are nats: the natural logarithm was taken. Bits need log2.",
    lambda shape, choices: math.prod(shape) * math.log(choices),
)
_wrong_cost(
    "log10",
    "These are decimal digits: the logarithm to base 10 was taken. Bits need log2.",
    lambda shape, choices: math.prod(shape) * math.log10(choices),
)
_wrong_cost(
    "one symbol",
    "This is the cost of *one* level or *one* code. An image has a level at every sub-pixel and a "
    "code at every position of the field.",
    lambda shape, choices: math.log2(choices),
)
_wrong_cost(
    "without a logarithm",
    "The number of choices is taken for a number of bits. One of 16 choices is 4 bits.",
    lambda shape, choices: math.prod(shape) * choices,
)
_wrong_cost(
    "positions only",
    "Only the positions are counted. A level and a code do not cost one bit each.",
    lambda shape, choices: math.prod(shape),
)
_wrong_cost(
    "logarithm of the product",
    "The logarithm is taken of positions times choices. Each of n positions costs log2 of its "
    "choices, so n stands outside the logarithm.",
    lambda shape, choices: math.log2(math.prod(shape) * choices),
)
_wrong_cost(
    "sides added",
    "The sides of a shape are added. An array has as many entries as their product.",
    lambda shape, choices: sum(shape) * math.log2(choices),
)
_wrong_cost(
    "first side",
    "Only the first side of a shape is counted. An array has as many entries as all its sides "
    "multiplied.",
    lambda shape, choices: shape[0] * math.log2(choices),
)
_wrong_cost(
    "rounded up",
    "The bits of each level or code are rounded up to a whole number. Codes can be written "
    "together, so that each takes log2 K bits on average, whole or not.",
    lambda shape, choices: math.prod(shape) * math.ceil(math.log2(choices)),
)
_wrong_cost(
    "rounded down",
    "The bits of each level or code are cut off to a whole number: 6 bits name only 64 of 100 "
    "codes. log2 K stays as it is, whole or not.",
    lambda shape, choices: math.prod(shape) * int(math.log2(choices)),
)
_wrong_cost(
    "bit length",
    "`bit_length` counts the digits of K itself, and the numbers run from 0 to K - 1. For 16 codes "
    "it says 5, where log2 says 4.",
    lambda shape, choices: math.prod(shape) * choices.bit_length(),
)
_wrong_cost(
    "one choice less",
    "The logarithm is taken of the largest number, K - 1 or L - 1. From 0 to K - 1 there are K.",
    lambda shape, choices: math.prod(shape) * math.log2(choices - 1),
)
_wrong_cost(
    "one choice more",
    "The logarithm is taken of one choice too many: there are L levels and K codes, not L + 1.",
    lambda shape, choices: math.prod(shape) * math.log2(choices + 1),
)
_wrong_cost(
    "bytes",
    "These are bytes: the bits are divided by 8.",
    lambda shape, choices: math.prod(shape) * math.log2(choices) / 8,
)


@compression.mistakes
class Mistakes:
    def vectors_sent(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The code *vectors* are paid for, 32 bits for each of their numbers. The receiver holds
        the codebook: only the row number has to be told."""
        raw, _, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, math.prod(latent_shape) * code_dim * 32)

    def a_code_for_each_dimension(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """Every position is charged D codes. It holds one code, whose vector has D numbers."""
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, codes * code_dim)

    def D_among_the_choices(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """D stands in the logarithm, as if there were K times D codes. There are K, whatever the
        length of their vectors."""
        return reference(image_shape, n_levels, latent_shape, n_codes * code_dim, code_dim)

    def D_for_K(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The logarithm is taken of D, the length of a code vector. One of K codes is named."""
        return reference(image_shape, n_levels, latent_shape, code_dim, code_dim)

    def the_codebook_sent(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The whole codebook is charged to a single image. It is part of the model, as the
        decoder's weights are, and is sent once for all images."""
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, codes + 32 * n_codes * code_dim)

    @says(" ".join(the_codebook_sent.__doc__.split()))
    def a_bit_for_each_number(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, codes + n_codes * code_dim)

    def codes_for_each_colour(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The codes are charged once for every colour. The field holds one code at a position, for
        all colours together."""
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, codes * image_shape[0])

    def colours_forgotten(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """Only H × W levels are counted. A colour image has C of them at every pixel."""
        return reference(image_shape[-2:], n_levels, latent_shape, n_codes, code_dim)

    def levels_and_codes_exchanged(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """K and L are exchanged: a level is one of n_levels, a code is one of n_codes."""
        return reference(image_shape, n_codes, latent_shape, n_levels, code_dim)

    def levels_for_both(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """A code is charged like a level, log2 L. It is one of K."""
        return reference(image_shape, n_levels, latent_shape, n_levels, code_dim)

    def bits_per_dimension(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """These are bits per *dimension*. Asked for are bits per image: all sub-pixels together."""
        _, codes, ratio = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return math.log2(n_levels), codes / math.prod(image_shape), ratio

    def always_8_bits(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The raw image is charged 8 bits for every level. That holds for 256 levels; with fewer,
        the comparison flatters the codes."""
        return reference(image_shape, 256, latent_shape, n_codes, code_dim)

    def results_exchanged(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The results come in another order than (raw_bits, code_bits, ratio)."""
        raw, codes, ratio = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return codes, raw, ratio

    @says(" ".join(results_exchanged.__doc__.split()))
    def ratio_second(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw, codes, ratio = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return raw, ratio, codes

    @says(" ".join(results_exchanged.__doc__.split()))
    def ratio_first(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw, codes, ratio = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return ratio, raw, codes

    def whole_bits(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The total is rounded to whole bits. It is an average over images, so let it be
        fractional."""
        raw, codes, ratio = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return int(raw), int(codes), ratio

    @says(" ".join(whole_bits.__doc__.split()))
    def whole_bits_before_the_ratio(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(int(raw), int(codes))

    @says(" ".join(whole_bits.__doc__.split()))
    def whole_bits_above(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(math.ceil(raw), math.ceil(codes))


def _wrong_ratio(name: str, told: str, ratio) -> None:
    """ratio(raw, codes, trial's arguments) beside bits that are right."""

    def function(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return raw, codes, ratio(raw, codes, math.prod(image_shape) / math.prod(latent_shape))

    function.__name__ = name
    compression.wrong(f"raw_bits and code_bits are right. {told}")(function)


_wrong_ratio(
    "ratio upside down",
    "The ratio is upside down: 8 means that the codes take an eighth of the raw bits.",
    lambda raw, codes, n: codes / raw,
)
_wrong_ratio(
    "saving",
    "The third number is the share that is saved. Asked for is how many times less the codes take.",
    lambda raw, codes, n: 1 - codes / raw,
)
_wrong_ratio(
    "percent",
    "The ratio is in percent. Leave the 100 out.",
    lambda raw, codes, n: 100 * raw / codes,
)
_wrong_ratio(
    "difference",
    "The third number is the difference of the two. Divide them.",
    lambda raw, codes, n: raw - codes,
)
_wrong_ratio(
    "ratio of positions",
    "The ratio is that of sub-pixels to codes. A level and a code take "
    "different bits: divide the bits.",
    lambda raw, codes, n: n,
)
_wrong_ratio(
    "whole ratio",
    "The ratio is rounded to a whole number: `/` keeps what `//` and `int` cut off.",
    lambda raw, codes, n: raw // codes,
)
_wrong_ratio(
    "ratio rounded",
    "The ratio is rounded to the nearest whole number. Leave it as it is.",
    lambda raw, codes, n: round(raw / codes),
)


@compression.right
def by_counting_images(image_shape, n_levels, latent_shape, n_codes, code_dim):
    """How many images and how many fields there are; the logarithm of huge whole numbers."""
    raw_bits = math.log2(n_levels ** math.prod(image_shape))
    code_bits = math.log2(n_codes ** math.prod(latent_shape))
    return [raw_bits, code_bits, raw_bits / code_bits]


@compression.right
def with_tensors(image_shape, n_levels, latent_shape, n_codes, code_dim):
    raw_bits = torch.empty(image_shape).numel() * torch.tensor(float(n_levels)).log2()
    code_bits = torch.tensor(latent_shape).prod() * torch.tensor(float(n_codes)).log2()
    return raw_bits, code_bits, raw_bits / code_bits
