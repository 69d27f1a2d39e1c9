"""Variants of exercise 11.2: other rules for what a code costs."""

import math
from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch11
from tutorial_lib.exercises.trials import Trial

latent_rate = Variants(
    ch11.latent_rate,
    asked="What a field of codes costs.",
    n_codes="K, at least 3",
    examples=("latent_rate((2, 2), 5, 32)", "latent_rate((3,), 20, 10)"),
)


def _whole_bits(n, k):
    return n * (k - 1).bit_length()


def _whole_bits_in_nats(n, k):
    return n * math.ceil(math.log2(k)) * math.log(2)


def _background(n, k):
    return n * (1 + math.log2(k - 1) / 2)


def _background_in_nats(n, k):
    p = torch.full((k,), 0.5 / (k - 1), dtype=torch.float64)
    p[0] = 0.5
    return float(n * torch.special.entr(p).sum())


def _no_repetition(n, k):
    return sum(math.log2(k - used) for used in range(n))


def _no_repetition_in_nats(n, k):
    return math.lgamma(k + 1) - math.lgamma(k - n + 1)


def _twist(says: str, by_hand: str, bits: Callable, nats: Callable):
    """bits, nats: (positions, K) -> what a whole field costs, written in two ways."""

    @latent_rate.twist(says, by_hand=by_hand)
    def right(latent_shape, n_codes, n_dims):
        cost = bits(math.prod(latent_shape), n_codes)
        return cost * math.log(2), cost / n_dims

    @latent_rate.right
    def from_nats(latent_shape, n_codes, n_dims):
        cost = nats(torch.empty(latent_shape).numel(), n_codes)
        return cost, cost / math.log(2) / n_dims


_twist(
    "Every code is sent as a whole number of bits, as few as can tell K codes apart.",
    (
        "a 2x2 field of K = 20 codes for an image of D = 32 pixels: 5 bits a code, 20 bits in "
        "all, which are 20 * log 2 = 13.86 nats, and 20/32 = 0.625 bits/dim"
    ),
    _whole_bits,
    _whole_bits_in_nats,
)
_twist(
    "Code 0 has probability 1/2, the other K - 1 share the rest alike. Asked is the mean cost.",
    (
        "a 2x2 field of K = 5 codes for an image of D = 32 pixels: code 0 costs 1 bit, the others "
        "log2 8 = 3 bits, so 2 on average. 4 * 2 = 8 bits are 5.545 nats, and 8/32 = 0.25 "
        "bits/dim"
    ),
    _background,
    _background_in_nats,
)
_twist(
    "No code occurs twice in a field, and all fields that are left are equally likely.",
    (
        "a 1x2 field of K = 16 codes for an image of D = 32 pixels: 16 * 15 = 240 fields, log 240 "
        "= 5.481 nats, which are 7.907 bits: 0.247 bits/dim"
    ),
    _no_repetition,
    _no_repetition_in_nats,
)


def _drawn(low: int, high: int, rng: torch.Generator) -> int:
    return int(torch.randint(low, high, (), generator=rng))


def _trial(latent_shape: tuple[int, ...], n_dims: int, rng: torch.Generator) -> Trial:
    """More codes than positions, and their number is no power of 2."""
    n_codes = math.prod(latent_shape) + _drawn(3, 300, rng)
    if n_codes & (n_codes - 1) == 0:
        n_codes += 1
    return Trial((latent_shape, n_codes, n_dims))


latent_rate.trials("two codes, and three")(
    lambda rng: [_trial((2,), _drawn(4, 40, rng), rng), _trial((1, 3), _drawn(4, 40, rng), rng)]
)


@latent_rate.trials("fields of images")
def images(rng):
    sides = _drawn(3, 9, rng), _drawn(10, 16, rng)
    return [_trial((7, 7), 784, rng), _trial(sides, 3072, rng)]


@latent_rate.trials("fields of sounds and videos")
def sound_and_video(rng):
    video = 4, _drawn(3, 6, rng), _drawn(6, 9, rng)
    return [_trial((_drawn(30, 90, rng),), 8000, rng), _trial(video, 65536, rng)]
