"""Exercise 6.1: how much work each way of sampling is."""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.exercises.ch06.references import positions_computed as reference
from tutorial_lib.exercises.comparing import number, number_result
from tutorial_lib.exercises.definition import Check, Failed, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare

STUB = '''\
def positions_computed(height: int, width: int, n_colors: int = 1) -> tuple[int, int, int]:
    """At how many positions a layer is computed while one image is sampled.

    height, width  of the image, in pixels: a layer has one position for each pixel
    n_colors       sub-pixels of a pixel; each is a draw of its own
    returns        three whole numbers: naive (each draw computes all positions), row-cropped (each
                   draw computes the rows so far, its own row included, in full), cached (each draw
                   computes the one position of its pixel)

    By hand: 2 rows of 3 pixels, one colour, so 6 draws.
             naive 6 draws * 6 positions = 36; row-cropped 3 * 3 + 3 * 6 = 27; cached 6
    """
    ____
'''

HINTS = (
    """Count in two steps: how many draws are there, and how many positions does each of them
    compute? For row-cropped sampling the second number differs from row to row.""",
    """`sum(... for rows in range(1, height + 1))` adds up over the rows of the image: a row holds
    `width * n_colors` draws, and while it is drawn `rows * width` positions are computed each
    time.""",
    """If square images are right and others are not, a height stands where a width belongs. If one
    colour is right and three are not: colours make more draws, not more positions.""",
)
METHODS = ("naive", "row-cropped", "cached")


def _row_before_only(height, width, n_colors=1):
    naive, _, cached = reference(height, width, n_colors)
    return naive, sum(width * n_colors * rows * width for rows in range(height)), cached


def _up_to_the_pixel(height, width, n_colors=1):
    naive, _, cached = reference(height, width, n_colors)
    pixels = height * width
    return naive, n_colors * pixels * (pixels + 1) // 2, cached


def _exactly_half(height, width, n_colors=1):
    naive, _, cached = reference(height, width, n_colors)
    return naive, naive // 2, cached


def _colors_left_out(height, width, n_colors=1):
    return reference(height, width)


def _colors_have_positions(height, width, n_colors=1):
    return tuple(n_colors * count for count in reference(height, width, n_colors))


def _one_pass_a_row(height, width, n_colors=1):
    naive, row_cropped, cached = reference(height, width, n_colors)
    draws = width * n_colors
    return naive // draws, row_cropped // draws, cached


def _square(height, width, n_colors=1):
    return reference(height, height, n_colors)


def _cached_whole_row(height, width, n_colors=1):
    naive, row_cropped, cached = reference(height, width, n_colors)
    return naive, row_cropped, cached * width


def _draws_squared(height, width, n_colors=1):
    naive, row_cropped, cached = reference(height, width, n_colors)
    return n_colors * naive, row_cropped, cached


def _colors_wider(height, width, n_colors=1):
    naive, row_cropped, cached = reference(height, width, n_colors)
    return n_colors * naive, n_colors * row_cropped, cached


def _layers_once(height, width, n_colors=1):
    return height * width, height * width, height * width


MISCONCEPTIONS = (
    Misconception(
        "without the own row",
        _row_before_only,
        "The rows so far leave out the row that is being drawn. Its pixels to the left are read, "
        "so it has to be computed too.",
    ),
    Misconception(
        "cut at the pixel",
        _up_to_the_pixel,
        "Row-cropped sampling cuts between rows: the present row is computed in full, not up to "
        "the pixel.",
    ),
    Misconception(
        "exactly half",
        _exactly_half,
        "Row-cropped is a little more than half of naive: the row being drawn counts too, so a "
        "draw computes (height + 1) / 2 rows on average, not height / 2.",
    ),
    Misconception(
        "colours left out",
        _colors_left_out,
        "The colours are left out: each sub-pixel is a draw of its own, and each draw is a pass.",
    ),
    Misconception(
        "colours as positions",
        _colors_have_positions,
        "Colours are counted twice. They make more draws, but a layer has one position a pixel, "
        "whatever the colours.",
    ),
    Misconception(
        "draws times draws",
        _draws_squared,
        "Naive is not draws times draws. Colours make more draws, but each draw computes H * W "
        "positions: a layer has one position a pixel.",
    ),
    Misconception(
        "rows as wide as their draws",
        _colors_wider,
        "Colours make more draws, and not wider rows: a row has W positions, whatever the colours.",
    ),
    Misconception(
        "one pass a row",
        _one_pass_a_row,
        "You count one pass a row. Every pixel must know its left neighbour, so each draw needs a "
        "pass.",
    ),
    Misconception(
        "square images",
        _square,
        "The height stands where the width belongs: the image is not square.",
    ),
    Misconception(
        "a whole row for each draw",
        _cached_whole_row,
        "With the cache a draw computes one position; you count a whole row for each.",
    ),
    Misconception(
        "one pass for the image",
        _layers_once,
        "That is a single pass over the image. It is what training needs; sampling needs a pass "
        "for each draw.",
    ),
)


def _trials(sizes, colors) -> list[Trial]:
    return [Trial((height, width, c)) for height, width in sizes for c in colors]


def _read(value: object, trial: Trial) -> Tensor:
    if isinstance(value, Tensor):
        value = value.flatten().tolist()
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        told = f"Expected three numbers, got {value!r}."[:200]
        raise Failed(Failure("The result is not three numbers: naive, row-cropped, cached.", told))
    return torch.stack([number_result(each) for each in value])


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    height, width, n_colors = trial.args
    colors = "1 colour" if n_colors == 1 else f"{n_colors} colours"
    lines = [f"{height} rows of {width} pixels, {colors}: {height * width * n_colors} draws."]
    for name, mine, theirs in zip(METHODS, got.tolist(), want.tolist(), strict=True):
        lines.append(f"{name}: {theirs:.0f} positions; your function says {number(mine)}.")
    return "\n".join(lines)


def _check(candidate, trials: list[Trial]) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        diagnose_on=_trials([(2, 3), (3, 3), (5, 4)], (1, 3)),
        otherwise="The number of positions is another one.",
    )


def _check_square(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, _trials([(2, 2), (3, 3), (8, 8)], (1,)))


def _check_sides(candidate, rng: torch.Generator) -> Failure | None:
    height, width = torch.randint(9, 40, (2,), generator=rng).tolist()
    return _check(candidate, _trials([(2, 3), (5, 2), (height, width)], (1,)))


def _check_colors(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, _trials([(2, 2), (4, 7)], (2, 3)))


def _by_triangle_numbers(height, width, n_colors=1):
    draws = height * width * n_colors
    return draws * height * width, draws * width * (height + 1) // 2, draws


def _by_counting(height, width, n_colors=1):
    naive = row_cropped = cached = 0
    for row in range(height):
        for _ in range(width * n_colors):
            naive += height * width
            row_cropped += (row + 1) * width
            cached += 1
    return naive, row_cropped, cached


positions_computed = Exercise(
    number="6.1",
    name="positions_computed",
    title="Count the work",
    goal="Count the positions that a layer computes while an image is sampled, in three ways.",
    minutes=10,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("square images of one colour", 1, _check_square),
        Check("images that are not square", 1, _check_sides),
        Check("two and three colours", 1, _check_colors),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_by_triangle_numbers, _by_counting),
)
