"""Variants of exercise 15.2: other layers, and a first moment of its own."""

import math
from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch15
from tutorial_lib.exercises.trials import Trial


def _examples(twist) -> list[str]:
    off, off_sides = twist.words["off"]
    clip = 12 + off, 16 + off_sides, 24 + off_sides
    return [
        f"latent_bit_rate(({1000 + off},), [(2,), (5,)], 256, 1000)",
        f"latent_bit_rate({clip}, [(1, 2, 2), (2, 2, 3)], 64, 6)",
    ]


latent_bit_rate = Variants(
    ch15.latent_bit_rate,
    strides="one tuple a layer of the encoder, with a stride for each axis of `shape`. {layer}",
    returns="(latent_shape, bits_per_second); the signal has shape[0] / per_second seconds",
    examples=_examples,
)


def _rounded_up(side, stride, axis):
    return math.ceil(side / stride)


def _last_one_in(shape, strides):
    """Rounding up in every layer is rounding up once."""
    factors = map(math.prod, zip(*strides, strict=True))
    return [(side - 1) // factor + 1 for side, factor in zip(shape, factors, strict=True)]


def _without_padding(side, stride, axis):
    return (side - 2 * stride) // stride + 1


def _less_one(shape, strides):
    sides = torch.tensor(shape)
    for layer in strides:
        sides = sides.div(torch.tensor(layer), rounding_mode="floor") - 1
    return sides.tolist()


def _first_moment(side, stride, axis):
    return 1 + (side - 1) // stride if axis == 0 else side // stride


def _first_moment_again(shape, strides):
    time, *others = map(math.prod, zip(*strides, strict=True))
    rest = [side // factor for side, factor in zip(shape[1:], others, strict=True)]
    return [(shape[0] - 1) // time + 1, *rest]


def _twist(says: str, words: dict, shrink: Callable, sides_again: Callable):
    """shrink: (side, stride, axis) -> the side after a layer; sides_again: (shape, strides) -> all
    sides of the field, worked out otherwise."""

    @latent_bit_rate.twist(says, **words)
    def right(shape, strides, n_codes, per_second):
        sides = tuple(shape)
        for layer in strides:
            sides = tuple(map(shrink, sides, layer, range(len(sides))))
        bits = math.prod(sides) * math.log2(n_codes)
        return sides, bits * per_second / shape[0]

    @latent_bit_rate.right
    def other(shape, strides, n_codes, per_second):
        sides = sides_again(shape, strides)
        codes = int(torch.tensor(sides).prod())
        return list(sides), codes / (shape[0] / per_second) * math.log(n_codes) / math.log(2)


_twist(
    "Divisions may leave a remainder: every layer rounds the sides up.",
    {
        "off": (1, 1),
        "layer": ("A layer makes an axis shorter by its stride and rounds up"),
        "by_hand": (
            "1001 samples at 1000 a second through strides (2,), (5,): 501, then 101, a field "
            "(101,). With K = 256, 808 bits in 1.001 seconds: 807.2 bits/s. A clip (5, 9, 9) of 5 "
            "frames a second through (2, 2, 2): a field (3, 5, 5). With K = 64, 75 codes of 6 "
            "bits in one second: 450 bits/s"
        ),
    },
    _rounded_up,
    _last_one_in,
)
_twist(
    "The layers have no padding, and along each axis a kernel twice as long as the stride.",
    {
        "off": (0, 0),
        "layer": (
            "A layer "
            "with stride s turns a side n into the number of places where a kernel of length 2 s "
            "fits if it moves by s each time; a rest is not read"
        ),
        "by_hand": (
            "1000 samples at 1000 a second through strides (2,), (3,): kernels of 4 fit 499 "
            "times, then kernels of 6 fit 165 times. A field (165,). With K = 256, 165 codes of 8 "
            "bits in one second: 1320 bits/s"
        ),
    },
    _without_padding,
    _less_one,
)
_twist(
    "The first sample or frame is kept by itself: 1 + n of them become 1 + n / stride.",
    {
        "off": (1, 0),
        "layer": (
            "A layer "
            "turns 1 + n moments into 1 + n / stride; the other axes become shorter by their "
            "strides. Every division is without remainder"
        ),
        "by_hand": (
            "8001 samples at 8000 a second through strides (2,), (4,): 1 + 8000/8, a field "
            "(1001,). With K = 256, 8008 bits in 8001/8000 seconds: 8007 bits/s. A clip (9, 32, "
            "32) of 3 frames a second through (1, 2, 2), (2, 2, 2): a field (5, 8, 8). With K = "
            "64, 320 codes of 6 bits in three seconds: 640 bits/s"
        ),
    },
    _first_moment,
    _first_moment_again,
)


def _pick(choices, rng: torch.Generator):
    return choices[int(torch.randint(len(choices), (), generator=rng))]


def _sound(twist, rng: torch.Generator, seconds=(2, 3, 5)) -> Trial:
    """As many samples more than whole seconds as the twist wants."""
    off, _ = twist.words["off"]
    rate = _pick((6000, 12000, 24000), rng)
    strides = [_pick(((2,), (5,)), rng), (4,), _pick(((2,), (3,)), rng)]
    shape = (rate * _pick(seconds, rng) + off,)
    return Trial((shape, strides, _pick((64, 100, 300), rng), rate))


def _clip(twist, rng: torch.Generator) -> Trial:
    """Every axis has strides, and a length, of its own."""
    off, off_sides = twist.words["off"]
    layers = [(1, 2, 2), (2, 2, 4), (_pick((2, 3), rng), 1, 1)]
    frames, height, width = 12 * _pick((2, 3, 5), rng), 8 * _pick((3, 5), rng), 24 * 4
    shape = (frames + off, height + off_sides, width + off_sides)
    return Trial((shape, layers, _pick((20, 100, 300), rng), _pick((5, 10, 25), rng)))


latent_bit_rate.trials("about one second of sound")(
    lambda rng, twist: [_sound(twist, rng, seconds=(1,))]
)
latent_bit_rate.trials("sounds of any length")(
    lambda rng, twist: [_sound(twist, rng) for _ in range(2)]
)
latent_bit_rate.trials("clips, with other strides for each axis")(
    lambda rng, twist: [_clip(twist, rng) for _ in range(2)]
)
