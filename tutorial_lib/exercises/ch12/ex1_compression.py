"""Exercise 12.1: bits of an image, bits of its codes."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise
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


def _trial(rng: torch.Generator, *, n_colors: int, latent_shape, codes) -> Trial:
    height, width = _pick((12, 20, 28), rng), _pick((16, 24, 36), rng)
    levels, code_dim = _pick((4, 8, 16), rng), _pick((3, 5, 12), rng)
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
        _trial(rng, n_colors=1, latent_shape=(4, 2, 3), codes=(24, 48)),
    ]
)
compression.trials("grey images, K a power of 2")(
    lambda rng: [_trial(rng, n_colors=1, latent_shape=(7, 5), codes=(64, 128))]
)
compression.trials("colour images")(
    lambda rng: [_trial(rng, n_colors=3, latent_shape=(4, 6), codes=(32, 512))]
)


@compression.trials("fields of one and of three sides, any K")
def other_fields(rng):
    """Fields of one and three sides, and a K that is no power of 2."""
    shapes = ((50,), (2, 4, 6))
    return [_trial(rng, n_colors=1, latent_shape=each, codes=(20, 100, 300)) for each in shapes]


def _result(raw_bits, code_bits):
    return raw_bits, code_bits, raw_bits / code_bits


@compression.mistakes
class Mistakes:
    def nats(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """These are nats: the natural logarithm was taken. The ratio is right, since the unit
        cancels; bits need log2."""
        n, n_latents = math.prod(image_shape), math.prod(latent_shape)
        return _result(n * math.log(n_levels), n_latents * math.log(n_codes))

    def one_latent(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """This is the cost of *one* code. An image has one at every position of the field."""
        return _result(math.prod(image_shape) * math.log2(n_levels), math.log2(n_codes))

    def vectors_sent(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The code *vectors* are paid for, 32 bits for each of their numbers. The receiver holds
        the codebook: only the row number has to be told."""
        raw, _, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, math.prod(latent_shape) * code_dim * 32)

    def a_code_for_each_dimension(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """Every position is charged D codes. It holds one code, whose vector has D numbers."""
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, codes * code_dim)

    def the_codebook_sent(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The whole codebook is charged to a single image. It is part of the model, as the
        decoder's weights are, and is sent once for all images."""
        raw, codes, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, codes + 32 * n_codes * code_dim)

    def colours_forgotten(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """Only H × W levels are counted. A colour image has C of them at every pixel."""
        return reference(image_shape[-2:], n_levels, latent_shape, n_codes, code_dim)

    def bits_per_dimension(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """These are bits per *dimension*. Asked for are bits per image: all sub-pixels together."""
        _, codes, ratio = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return math.log2(n_levels), codes / math.prod(image_shape), ratio

    def ratio_upside_down(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The ratio is upside down: 8 means that the codes take an eighth of the raw bits."""
        raw, codes, ratio = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return raw, codes, 1 / ratio

    def rounded_up(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The bits of each code are rounded up to a whole number. Codes can be written together, so
        that each takes log2 K bits on average, whole or not."""
        raw, _, _ = reference(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return _result(raw, math.prod(latent_shape) * math.ceil(math.log2(n_codes)))

    def without_a_logarithm(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The number of choices is taken for a number of bits. One of 16 choices is 4 bits."""
        return _result(math.prod(image_shape) * n_levels, math.prod(latent_shape) * n_codes)

    def positions_only(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """Only the positions are counted. A level and a code do not cost the same."""
        return _result(math.prod(image_shape), math.prod(latent_shape))

    def always_8_bits(image_shape, n_levels, latent_shape, n_codes, code_dim):
        """The raw image is charged 8 bits for every level. That holds for 256 levels; with fewer,
        the comparison flatters the codes."""
        return reference(image_shape, 256, latent_shape, n_codes, code_dim)


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
