"""Variants of exercise 4.5: layers that are built differently."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch04
from tutorial_lib.exercises.trials import Trial

multiplications_per_pixel = Variants(
    ch04.multiplications_per_pixel,
    asked="Multiplications of one gated layer after the first, for each pixel{cropped}.",
    returns="a whole number: vertical + horizontal + link + output{more}, biases left out",
    by_hand=(
        "k = 3, C = 1. Each convolution needs (taps) x (channels in) x (channels out): {outcome}"
    ),
    examples=("multiplications_per_pixel(3, 1)", "multiplications_per_pixel(5, 2)"),
)

CROPPED = ", kernels cropped"
LAST_TWO = "link 1 x 2 x 2, output 1 x 1 x 1"


@multiplications_per_pixel.twist(
    "The kernels are masked, not cropped: the vertical one has k x k taps and the horizontal "
    "one 1 x k, and a tap under a 0 of the mask is multiplied like any other.",
    cropped="",
    more="",
    outcome=f"vertical 9 x 1 x 2, horizontal 3 x 1 x 2, {LAST_TWO}: 29",
)
def uncropped(kernel_size, n_channels):
    taps = kernel_size * kernel_size + kernel_size
    return n_channels**2 * (2 * taps + 4 + 1)


@multiplications_per_pixel.right
def by_sizes(kernel_size, n_channels):
    k, c = kernel_size, n_channels
    shapes = (2 * c, c, k, k), (2 * c, c, 1, k), (2 * c, 2 * c, 1, 1), (c, c, 1, 1)
    return sum(torch.Size(shape).numel() for shape in shapes)


@multiplications_per_pixel.twist(
    "A fifth convolution, 1x1 from C to 4C channels, leads from the gated features of the "
    "horizontal stack to the end of the network (a skip connection).",
    cropped=CROPPED,
    more=" + skip",
    outcome=(f"vertical 6 x 1 x 2, horizontal 2 x 1 x 2, {LAST_TWO}, skip 1 x 1 x 4: 25"),
)
def skip(kernel_size, n_channels):
    kept = kernel_size // 2 + 1
    taps = kept * kernel_size + kept
    return n_channels**2 * (2 * taps + 4 + 1 + 4)


@multiplications_per_pixel.right
def skip_by_sizes(kernel_size, n_channels):
    k, c, kept = kernel_size, n_channels, (kernel_size + 1) // 2
    shapes = (2 * c, c, kept, k), (2 * c, c, 1, kept), (2 * c, 2 * c), (c, c), (4 * c, c)
    return sum(torch.Size(shape).numel() for shape in shapes)


@multiplications_per_pixel.twist(
    "The link leaves the vertical stack behind its gate, where there are C channels, and joins "
    "the horizontal stack before its gate.",
    cropped=CROPPED,
    more="",
    outcome=("vertical 6 x 1 x 2, horizontal 2 x 1 x 2, link 1 x 1 x 2, output 1 x 1 x 1: 19"),
)
def link_after_the_gate(kernel_size, n_channels):
    kept = kernel_size // 2 + 1
    taps = kept * kernel_size + kept
    return n_channels**2 * (2 * taps + 2 + 1)


@multiplications_per_pixel.right
def link_after_the_gate_by_sizes(kernel_size, n_channels):
    k, c, kept = kernel_size, n_channels, (kernel_size + 1) // 2
    shapes = (2 * c, c, kept, k), (2 * c, c, 1, kept), (2 * c, c), (c, c)
    return sum(torch.Size(shape).numel() for shape in shapes)


@multiplications_per_pixel.twist(
    "The vertical convolution is done in two steps: first down its (k + 1) / 2 rows, one "
    "column wide, from C to C channels, then along the row, 1 x k, from C to 2C.",
    cropped=CROPPED,
    more="",
    outcome=(
        "vertical 2 x 1 x 1 and 3 x 1 x 2, horizontal 2 x 1 x 2, link 1 x 2 x 2, output 1 x 1 "
        "x 1: 17"
    ),
)
def separable(kernel_size, n_channels):
    kept = kernel_size // 2 + 1
    vertical = kept + 2 * kernel_size
    return n_channels**2 * (vertical + 2 * kept + 4 + 1)


@multiplications_per_pixel.right
def separable_by_sizes(kernel_size, n_channels):
    k, c, kept = kernel_size, n_channels, (kernel_size + 1) // 2
    shapes = (c, c, kept), (2 * c, c, k), (2 * c, c, kept), (2 * c, 2 * c), (c, c)
    return sum(torch.Size(shape).numel() for shape in shapes)


def _trials(rng: torch.Generator, kernel_sizes: tuple[int, ...]) -> list[Trial]:
    channels = torch.randint(2, 65, (3,), generator=rng).tolist()
    return [Trial((k, c)) for k in kernel_sizes for c in channels]


multiplications_per_pixel.trials("one channel, kernels of four sizes")(
    lambda rng: [Trial((k, 1)) for k in (3, 5, 7, 9)]
)
multiplications_per_pixel.trials("3x3 kernels, several numbers of channels")(
    lambda rng: _trials(rng, (3,))
)
multiplications_per_pixel.trials("5x5 and 7x7 kernels as well")(lambda rng: _trials(rng, (3, 5, 7)))
