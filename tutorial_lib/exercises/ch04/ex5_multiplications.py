"""Exercise 4.5: what a layer costs, and what a cropped kernel saves."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(kernel_size: int, n_channels: int) -> int:
    """Multiplications of one layer after the first, for each pixel, with cropped kernels."""
    rows = columns = kernel_size // 2 + 1
    both_halves = 2 * n_channels
    vertical = rows * kernel_size * n_channels * both_halves
    horizontal = columns * n_channels * both_halves
    link = both_halves * both_halves
    output = n_channels * n_channels
    return vertical + horizontal + link + output


multiplications_per_pixel = Exercise(
    "4.5",
    "What a layer costs",
    goal="Count the multiplications of one gated layer with cropped kernels, for each pixel.",
    minutes=5,
    reference=reference,
    otherwise="The sum of the four convolutions is another one.",
    stub='''\
def multiplications_per_pixel(kernel_size: int, n_channels: int) -> int:
    """Multiplications of one gated layer after the first, for each pixel, kernels cropped.

    kernel_size  k, an odd number: the vertical kernel is k wide
    n_channels   C, the features of each stack
    returns      a whole number: vertical + horizontal + link + output, biases left out

    By hand: k = 3 and C = 1 need 21 multiplications, 12 of them in the vertical convolution
    """
    ____
''',
    answer="""\
def multiplications_per_pixel(kernel_size, n_channels):
    kept = kernel_size // 2 + 1  # rows of one, columns of the other
    wide = 2 * n_channels  # values and switches
    vertical = kept * kernel_size * n_channels * wide
    horizontal = kept * n_channels * wide
    link = wide * wide
    output = n_channels * n_channels
    return vertical + horizontal + link + output
""",
    hints=(
        """Four convolutions, and each costs its taps times its channels in times its channels
        out. Cut from a k x k square, the vertical kernel keeps its middle row and those
        above; from a row of k, the horizontal kernel keeps the middle and what is to its
        left.""",
        """`kernel_size // 2 + 1` is the number of rows that the vertical kernel keeps, and the
        number of columns of the horizontal one. The gate needs 2C channels from both, and
        from the link.""",
        """If C = 1 is right and C = 4 is not, a number of channels is missing in a product. If k
        = 3 is right and k = 5 is not, a 2 is written out that follows from k.""",
    ),
)


def _trials(kernel_sizes, channels) -> list[Trial]:
    return [Trial((k, c)) for k in kernel_sizes for c in channels]


@multiplications_per_pixel.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    kernel_size, n_channels = trial.args
    kept = kernel_size // 2 + 1
    told = (
        f"kernel_size={kernel_size}, n_channels={n_channels}: the vertical kernel has "
        f"{kept} x {kernel_size} taps and the horizontal one {kept}. "
    )
    return told + f"Together {int(want)} multiplications; your function says {number(got)}."


multiplications_per_pixel.trials("one channel, kernels of four sizes")(
    lambda rng: _trials((3, 5, 7, 9), (1,))
)


@multiplications_per_pixel.trials("3x3 kernels, several numbers of channels")
def three(rng):
    channels = torch.randint(2, 65, (3,), generator=rng).tolist()
    return _trials((3,), channels)


@multiplications_per_pixel.trials("5x5 kernels as well")
def check_channels(rng):
    channels = torch.randint(2, 65, (3,), generator=rng).tolist()
    return _trials((3, 5), channels)


multiplications_per_pixel.also_try(lambda rng: _trials((3, 5, 7), (1, 4, 6)))


def _count(vertical_taps, horizontal_taps, n_channels, *, halves=2, link=True, output=1):
    """The same sum with other numbers: for mistakes."""
    wide = halves * n_channels
    total = (vertical_taps + horizontal_taps) * n_channels * wide
    return total + (wide * wide if link else 0) + output * n_channels * n_channels


def _kept(kernel_size):
    return kernel_size // 2 + 1


@multiplications_per_pixel.mistakes
class Mistakes:
    def full_kernels(kernel_size, n_channels):
        """These are the full kernels, k x k and 1 x k: about half of their taps would be zeros."""
        return _count(kernel_size**2, kernel_size, n_channels)

    def one_half(kernel_size, n_channels):
        """The gate halves the channels, so both convolutions and the link have 2C outputs."""
        kept = _kept(kernel_size)
        return _count(kept * kernel_size, kept, n_channels, halves=1)

    def no_link(kernel_size, n_channels):
        """The link is missing: a 1x1 convolution from 2C to 2C channels."""
        kept = _kept(kernel_size)
        return _count(kept * kernel_size, kept, n_channels, link=False)

    def no_output(kernel_size, n_channels):
        """The output is missing: a 1x1 convolution from C to C channels."""
        kept = _kept(kernel_size)
        return _count(kept * kernel_size, kept, n_channels, output=0)

    def wide_output(kernel_size, n_channels):
        """The output is counted twice: it follows the gate, so C channels go in and C come out."""
        kept = _kept(kernel_size)
        return _count(kept * kernel_size, kept, n_channels, output=2)

    def middle_left_out(kernel_size, n_channels):
        """The middle row and the centre are left out. After the shift, and in type B, they may be
        read."""
        kept = kernel_size // 2
        return _count(kept * kernel_size, kept, n_channels)

    def quarter_kernel(kernel_size, n_channels):
        """The vertical kernel is cropped on its right. Above, all columns may be read."""
        kept = _kept(kernel_size)
        return _count(kept * kept, kept, n_channels)

    def channels_added_up(kernel_size, n_channels):
        """A convolution costs channels in TIMES channels out: every output reads every input."""
        kept = _kept(kernel_size)
        return (kept * kernel_size + kept) * n_channels * 2 + 4 * n_channels + n_channels

    def always_3(kernel_size, n_channels):
        """The result is that of 3x3 kernels, whatever the kernel size."""
        return reference(3, n_channels)


@multiplications_per_pixel.right
def by_sizes(kernel_size, n_channels):
    kept = (kernel_size + 1) // 2
    shapes = [
        (2 * n_channels, n_channels, kept, kernel_size),
        (2 * n_channels, n_channels, 1, kept),
        (2 * n_channels, 2 * n_channels, 1, 1),
        (n_channels, n_channels, 1, 1),
    ]
    return sum(torch.Size(shape).numel() for shape in shapes)


@multiplications_per_pixel.right
def factored(kernel_size, n_channels):
    return n_channels**2 * ((kernel_size + 1) ** 2 + 5)
