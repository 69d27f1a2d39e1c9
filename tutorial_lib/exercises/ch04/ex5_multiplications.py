"""Exercise 4.5: what a layer costs, and what a cropped kernel saves."""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.exercises.ch04.references import multiplications_per_pixel as reference
from tutorial_lib.exercises.comparing import number, number_result
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare

STUB = '''\
def multiplications_per_pixel(kernel_size: int, n_channels: int) -> int:
    """Multiplications of one gated layer after the first, for each pixel, kernels cropped.

    kernel_size  k, an odd number: the vertical kernel is k wide
    n_channels   C, the features of each stack
    returns      a whole number: vertical + horizontal + link + output, biases left out

    By hand: k = 3, C = 1. Each convolution needs (taps) x (channels in) x (channels out):
             vertical 6 x 1 x 2, horizontal 2 x 1 x 2, link 1 x 2 x 2, output 1 x 1 x 1: 21
    """
    ____
'''

HINTS = (
    """Four convolutions, and each costs its taps times its channels in times its channels out. Cut
    from a k x k square, the vertical kernel keeps its middle row and those above; from a row of k,
    the horizontal kernel keeps the middle and what is to its left.""",
    """`kernel_size // 2 + 1` is the number of rows that the vertical kernel keeps, and the number
    of columns of the horizontal one. The gate needs 2C channels from both, and from the link.""",
    """If C = 1 is right and C = 4 is not, a number of channels is missing in a product. If k = 3
    is right and k = 5 is not, a 2 is written out that follows from k.""",
)


def _count(vertical_taps, horizontal_taps, n_channels, *, halves=2, link=True, output=1):
    """The same sum with other numbers: for mistakes."""
    wide = halves * n_channels
    total = (vertical_taps + horizontal_taps) * n_channels * wide
    return total + (wide * wide if link else 0) + output * n_channels * n_channels


def _kept(kernel_size):
    return kernel_size // 2 + 1


def _full_kernels(kernel_size, n_channels):
    return _count(kernel_size**2, kernel_size, n_channels)


def _one_half(kernel_size, n_channels):
    kept = _kept(kernel_size)
    return _count(kept * kernel_size, kept, n_channels, halves=1)


def _no_link(kernel_size, n_channels):
    kept = _kept(kernel_size)
    return _count(kept * kernel_size, kept, n_channels, link=False)


def _no_output(kernel_size, n_channels):
    kept = _kept(kernel_size)
    return _count(kept * kernel_size, kept, n_channels, output=0)


def _wide_output(kernel_size, n_channels):
    kept = _kept(kernel_size)
    return _count(kept * kernel_size, kept, n_channels, output=2)


def _middle_left_out(kernel_size, n_channels):
    kept = kernel_size // 2
    return _count(kept * kernel_size, kept, n_channels)


def _quarter_kernel(kernel_size, n_channels):
    kept = _kept(kernel_size)
    return _count(kept * kept, kept, n_channels)


def _channels_in_only(kernel_size, n_channels):
    kept = _kept(kernel_size)
    return (kept * kernel_size + kept) * n_channels * 2 + 4 * n_channels + n_channels


def _three_written_out(kernel_size, n_channels):
    return reference(3, n_channels)


MISCONCEPTIONS = (
    Misconception(
        "full kernels",
        _full_kernels,
        "These are the full kernels, k x k and 1 x k: about half of their taps would be zeros.",
    ),
    Misconception(
        "one half",
        _one_half,
        "The gate halves the channels, so both convolutions and the link have 2C outputs.",
    ),
    Misconception(
        "no link", _no_link, "The link is missing: a 1x1 convolution from 2C to 2C channels."
    ),
    Misconception(
        "no output", _no_output, "The output is missing: a 1x1 convolution from C to C channels."
    ),
    Misconception(
        "wide output",
        _wide_output,
        "The output is counted twice: it follows the gate, so C channels go in and C come out.",
    ),
    Misconception(
        "middle left out",
        _middle_left_out,
        "The middle row and the centre are left out. After the shift, and in type B, they may be "
        "read.",
    ),
    Misconception(
        "quarter kernel",
        _quarter_kernel,
        "The vertical kernel is cropped on its right. Above, all columns may be read.",
    ),
    Misconception(
        "channels added up",
        _channels_in_only,
        "A convolution costs channels in TIMES channels out: every output reads every input.",
    ),
    Misconception(
        "always 3",
        _three_written_out,
        "The result is that of 3x3 kernels, whatever the kernel size.",
    ),
)


def _trials(kernel_sizes, channels) -> list[Trial]:
    return [Trial((k, c)) for k in kernel_sizes for c in channels]


def _read(value: object, trial: Trial) -> Tensor:
    return number_result(value)


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    kernel_size, n_channels = trial.args
    kept = kernel_size // 2 + 1
    told = (
        f"kernel_size={kernel_size}, n_channels={n_channels}: the vertical kernel has "
        f"{kept} x {kernel_size} taps and the horizontal one {kept}. "
    )
    return told + f"Together {int(want)} multiplications; your function says {number(got)}."


def _check(candidate, trials: list[Trial]) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        diagnose_on=_trials((3, 5, 7), (1, 4, 6)),
        otherwise="The sum of the four convolutions is another one.",
    )


def _check_taps(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, _trials((3, 5, 7, 9), (1,)))


def _check_channels(candidate, rng: torch.Generator) -> Failure | None:
    channels = torch.randint(2, 65, (3,), generator=rng).tolist()
    return _check(candidate, _trials((3, 5), channels))


def _check_three(candidate, rng: torch.Generator) -> Failure | None:
    channels = torch.randint(2, 65, (3,), generator=rng).tolist()
    return _check(candidate, _trials((3,), channels))


def _by_sizes(kernel_size, n_channels):
    kept = (kernel_size + 1) // 2
    shapes = [
        (2 * n_channels, n_channels, kept, kernel_size),
        (2 * n_channels, n_channels, 1, kept),
        (2 * n_channels, 2 * n_channels, 1, 1),
        (n_channels, n_channels, 1, 1),
    ]
    return sum(torch.Size(shape).numel() for shape in shapes)


def _factored(kernel_size, n_channels):
    return n_channels**2 * ((kernel_size + 1) ** 2 + 5)


multiplications_per_pixel = Exercise(
    number="4.5",
    name="multiplications_per_pixel",
    title="What a layer costs",
    goal="Count the multiplications of one gated layer with cropped kernels, for each pixel.",
    minutes=5,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("one channel, kernels of four sizes", 1, _check_taps),
        Check("3x3 kernels, several numbers of channels", 1, _check_three),
        Check("5x5 kernels as well", 1, _check_channels),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_by_sizes, _factored),
)
