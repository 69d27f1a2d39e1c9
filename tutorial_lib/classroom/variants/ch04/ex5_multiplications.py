"""Variants of exercise 4.5: layers that are built differently."""

import itertools

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

CROPPED, UNCROPPED, SEPARABLE = "cropped", "uncropped", "separable"
KERNELS = {
    CROPPED: "",
    UNCROPPED: (
        "The kernels are masked, not cropped: the vertical one has k x k taps and the horizontal "
        "one 1 x k, and a tap under a 0 of the mask is multiplied like any other."
    ),
    SEPARABLE: (
        "The vertical convolution is done in two steps: first down its (k + 1) / 2 rows, one "
        "column wide, from C to C channels, then along the row, 1 x k, from C to 2C."
    ),
}
SKIP = (
    "A fifth convolution, 1x1 from C to 4C channels, leads from the gated features of the "
    "horizontal stack to the end of the network (a skip connection)."
)
LINK = (
    "The link leaves the vertical stack behind its gate, where there are C channels, and joins "
    "the horizontal stack before its gate."
)
BY_HAND = {
    CROPPED: ("vertical 6 x 1 x 2", "horizontal 2 x 1 x 2"),
    UNCROPPED: ("vertical 9 x 1 x 2", "horizontal 3 x 1 x 2"),
    SEPARABLE: ("vertical 2 x 1 x 1 and 3 x 1 x 2", "horizontal 2 x 1 x 2"),
}


def _built(kernels: str, skip: bool, late_link: bool):
    def by_hand(right):
        link = "link 1 x 1 x 2" if late_link else "link 1 x 2 x 2"
        parts = [*BY_HAND[kernels], link, "output 1 x 1 x 1", *["skip 1 x 1 x 4"] * skip]
        return f"{', '.join(parts)}: {right(3, 1)}"

    @multiplications_per_pixel.twist(
        " ".join(filter(None, [KERNELS[kernels], SKIP * skip, LINK * late_link])),
        cropped="" if kernels == UNCROPPED else ", kernels cropped",
        more=" + skip" if skip else "",
        outcome=by_hand,
    )
    def right(kernel_size, n_channels):
        kept = kernel_size if kernels == UNCROPPED else kernel_size // 2 + 1
        vertical = kept + 2 * kernel_size if kernels == SEPARABLE else 2 * kept * kernel_size
        link, output = 2 if late_link else 4, 5 if skip else 1
        return n_channels**2 * (vertical + 2 * kept + link + output)

    @multiplications_per_pixel.right
    def by_sizes(kernel_size, n_channels):
        k, c = kernel_size, n_channels
        kept = k if kernels == UNCROPPED else (k + 1) // 2
        down, along = (c, c, kept), (2 * c, c, k)
        shapes = [down, along] if kernels == SEPARABLE else [(2 * c, c, kept, k)]
        shapes += [(2 * c, c, 1, kept), (2 * c, c if late_link else 2 * c), (c, c)]
        shapes += [(4 * c, c)] * skip
        return sum(torch.Size(shape).numel() for shape in shapes)


AS_MANY = (CROPPED, False, False), (SEPARABLE, True, False)  # as the chapter's, the last for k = 3
for _kernels, _skip, _late in itertools.product(KERNELS, (False, True), (False, True)):
    if (_kernels, _skip, _late) not in AS_MANY:
        _built(_kernels, _skip, _late)


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
