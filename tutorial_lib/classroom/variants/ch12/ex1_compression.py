"""Variants of exercise 12.1: other things that have to be sent."""

import math
from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch12
from tutorial_lib.exercises.trials import Trial

compression = Variants(
    ch12.compression,
    code_dim="D, the length of a code vector{codebook}",
    examples=(
        "compression((1, 8, 8), 5, (2, 2), 20, 3)",
        "compression((3, 4, 4), 4, (3,), 16, 2)",
    ),
)


def _twist(says: str, codebook: str, by_hand: str, bits: Callable, again: Callable):
    """bits, again: the arguments -> (raw_bits, code_bits), written in two ways."""

    @compression.twist(says, codebook=codebook, by_hand=by_hand)
    def right(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw_bits, code_bits = bits(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return raw_bits, code_bits, raw_bits / code_bits

    @compression.right
    def other(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw_bits, code_bits = again(image_shape, n_levels, latent_shape, n_codes, code_dim)
        return raw_bits, code_bits, raw_bits / code_bits


def _codebook_sent(per_number: int):
    def bits(image_shape, n_levels, latent_shape, n_codes, code_dim):
        raw = math.prod(image_shape) * math.log2(n_levels)
        codes = math.prod(latent_shape) * math.log2(n_codes)
        return raw, codes + per_number * n_codes * code_dim

    def again(image_shape, n_levels, latent_shape, n_codes, code_dim):
        book = sum(per_number * code_dim for _ in range(n_codes))
        n_images, n_fields = n_levels ** math.prod(image_shape), n_codes ** math.prod(latent_shape)
        return math.log2(n_images), book + math.log2(n_fields)

    codes = 16 + 16 * 3 * per_number
    _twist(
        f"The codebook travels with the image, {per_number} bits for each of its numbers.",
        ". The receiver has no codebook yet",
        (
            "(1, 8, 8) with 4 levels is 64 numbers of 2 bits, 128 bits. A field (2, 2) of 16 "
            f"codes is 4 * 4 = 16 bits; with D = 3 the codebook is 16 * 3 * {per_number} bits "
            f"more, {codes} bits in all. The ratio is {128 / codes:.4f}"
        ),
        bits,
        again,
    )


_codebook_sent(16)
_codebook_sent(32)


def bits(image_shape, n_levels, latent_shape, n_codes, code_dim):
    """(bits of the image, bits of the codes), each number in whole bits."""
    raw = math.prod(image_shape) * math.ceil(math.log2(n_levels))
    return raw, math.prod(latent_shape) * math.ceil(math.log2(n_codes))


def again(image_shape, n_levels, latent_shape, n_codes, code_dim):
    """The same, counted another way."""
    raw = torch.empty(image_shape).numel() * len(f"{n_levels - 1:b}")
    return float(raw), float(torch.empty(latent_shape).numel() * len(f"{n_codes - 1:b}"))


_twist(
    "Levels and codes are sent one by one, each in a whole number of bits, as few as will do.",
    ". Sender and receiver both hold the codebook",
    (
        "(1, 8, 8) with 5 levels is 64 numbers of 3 bits, 192 bits. A field (2, 2) of 20 codes is "
        "4 numbers of 5 bits, 20 bits. The ratio is 9.6, whatever D is"
    ),
    bits,
    again,
)


def bits(image_shape, n_levels, latent_shape, n_codes, code_dim):
    """(bits of the image, bits of two fields of codes)."""
    coarse = [math.ceil(side / 2) for side in latent_shape]
    n = math.prod(latent_shape) + math.prod(coarse)
    return math.prod(image_shape) * math.log2(n_levels), n * math.log2(n_codes)


def again(image_shape, n_levels, latent_shape, n_codes, code_dim):
    """The same, counted another way."""
    field = torch.ones(latent_shape)
    coarse = field[tuple(slice(None, None, 2) for _ in latent_shape)]
    n = int(field.sum() + coarse.sum())
    raw = math.log(n_levels) / math.log(2) * torch.empty(image_shape).numel()
    return raw, n * math.log(n_codes) / math.log(2)


_twist(
    "An image has two fields: this one, and a coarser one of half the sides, rounded up.",
    (". Sender and receiver both hold the codebook, which is the same for both fields"),
    (
        "(1, 8, 8) with 4 levels is 64 numbers of 2 bits, 128 bits. Fields (2, 3) and (1, 2) of "
        "16 codes are 6 + 2 numbers of 4 bits, 32 bits. The ratio is 4"
    ),
    bits,
    again,
)


def _pick(choices, rng: torch.Generator):
    return choices[int(torch.randint(len(choices), (), generator=rng))]


def _trial(rng: torch.Generator, n_colors: int, latent_shape: tuple[int, ...]) -> Trial:
    """Neither L nor K is a power of 2."""
    height, width = _pick((12, 20, 28), rng), _pick((16, 24, 36), rng)
    levels, code_dim = _pick((5, 10, 12), rng), _pick((3, 5, 12), rng)
    n_codes = _pick((20, 100, 300), rng)
    return Trial(((n_colors, height, width), levels, latent_shape, n_codes, code_dim))


compression.trials("grey images")(lambda rng: [_trial(rng, 1, (7, 5))])
compression.trials("colour images")(lambda rng: [_trial(rng, 3, (4, 6))])
compression.trials("fields of one and of three sides")(
    lambda rng: [_trial(rng, 1, shape) for shape in ((50,), (2, 4, 6))]
)
