"""Variants of exercise 15.4: other orders of drawing the codes of a field."""

import itertools
from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch15
from tutorial_lib.exercises.trials import Trial

may_read = Variants(
    ch15.may_read,
    asked="The past of one position of a field of codes: all that is drawn before it.",
    returns=(
        "torch.bool of that shape: True where the prediction may read, which is everywhere before "
        "`place` in this order and nowhere else. {order}"
    ),
    by_hand="shape (2, 2, 2), place (1, 1, 0): {outcome}",
    examples=("may_read((2, 2, 3), (1, 1, 0))", "may_read((3, 3), (1, 0))"),
)


def _first_axis_fastest(shape, place):
    order = torch.arange(torch.empty(shape).numel()).view(shape[::-1])
    order = order.permute(*range(len(shape) - 1, -1, -1))
    return order < order[tuple(place)]


def _backwards(shape, place):
    order = torch.arange(torch.empty(shape).numel()).view(shape)
    return order > order[tuple(place)]


def _snake(shape, place):
    order = torch.arange(torch.empty(shape).numel()).view(shape).clone()
    if len(shape) > 1:
        order[..., 1::2, :] = order[..., 1::2, :].flip(-1)
    return order < order[tuple(place)]


def _snake_rank(place):
    turned = len(place) > 1 and place[-2] % 2 == 1
    return *place[:-1], -place[-1] if turned else place[-1]


def _twist(says: str, order: str, rank: Callable, again: Callable):
    """rank: place -> a key that grows in the order of drawing."""

    def by_hand(right):
        return right((2, 2, 2), (1, 1, 0)).long().tolist()

    @may_read.twist(says, order=order, outcome=by_hand)
    def right(shape, place):
        place = tuple(place)
        places = itertools.product(*map(range, shape))
        past = [rank(each) < rank(place) for each in places]
        return torch.tensor(past).view(shape)

    may_read.right(again)


_twist(
    "The order is turned inside out: the first axis runs fastest, the last one slowest.",
    (
        "In a clip, the code "
        "at row 0, column 0 of all frames comes first, then that at row 1, column 0"
    ),
    lambda place: tuple(reversed(place)),
    _first_axis_fastest,
)
_twist(
    "The order is raster order from the end: the last code of the last frame comes first.",
    (
        "So all of a later "
        "frame is past; within the same frame, all of a later row; within the same row, what "
        "stands after it"
    ),
    lambda place: tuple(-at for at in place),
    _backwards,
)
_twist(
    "Rows are drawn to and fro: rows 0, 2, .. of a frame forwards, rows 1, 3, .. backwards.",
    ("Otherwise it is raster order: frame by frame, row by row from the top. A line is one row, 0"),
    _snake_rank,
    _snake,
)


def _trials(shape: tuple[int, ...], n: int, rng: torch.Generator) -> list[Trial]:
    """Places anywhere in the field."""
    return [
        Trial((shape, tuple(int(torch.randint(side, (), generator=rng)) for side in shape)))
        for _ in range(n)
    ]


may_read.trials("lines and images")(lambda rng: _trials((7,), 2, rng) + _trials((4, 5), 8, rng))
may_read.trials("a small clip")(lambda rng: _trials((2, 3, 4), 8, rng))
may_read.trials("longer clips")(lambda rng: _trials((4, 3, 5), 5, rng) + _trials((5, 4, 4), 5, rng))
