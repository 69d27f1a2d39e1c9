"""Exercise 12.4: which codes of a volume a prediction may read."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from tutorial_lib.exercises.ch12.references import may_read as reference
from tutorial_lib.exercises.comparing import first_difference, tensor_result
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare

STUB = '''\
def may_read(shape: tuple[int, ...], place: tuple[int, ...]) -> torch.Tensor:
    """The past of one position of a field of codes, in raster order with time first.

    shape    (length,), (height, width) or (time, height, width)
    place    of the code that is to be predicted, one number for each axis
    returns  torch.bool of that shape: True where the prediction may read. All of an earlier frame
             is past; within the same frame, all of an earlier row; within the same row, what stands
             before it. Nothing else is

    By hand: shape (2, 2, 2), place (1, 0, 1). All four codes of frame 0, and in frame 1 the one
             before it: [[[1, 1], [1, 1]], [[1, 0], [0, 0]]]
    """
    ____
'''

HINTS = (
    """Number all positions in the order in which they are drawn. What may be read are those with a
    smaller number.""",
    """`torch.arange(math.prod(shape)).view(shape)` numbers the positions with the last axis
    fastest, which is raster order. `order[place]`, with a tuple, is the number at a place.""",
    """If sounds and images come out right and clips do not, ask two things. Is the *whole* of an
    earlier frame past, also below and to the right of the place? Is nothing of a later frame?""",
)


def _order(shape):
    return torch.arange(math.prod(shape)).view(shape)


def _axis(shape, axis):
    view = [1] * len(shape)
    view[axis] = shape[axis]
    return torch.arange(shape[axis]).view(view)


def _itself_too(shape, place):
    return _order(shape) <= _order(shape)[place]


def _time_last(shape, place):
    order = _order((*shape[1:], shape[0])).movedim(-1, 0)
    return order < order[place]


def _corner(shape, place):
    not_after = torch.ones(shape, dtype=torch.bool)
    for axis, at in enumerate(place):
        not_after &= _axis(shape, axis) <= at
    not_after[place] = False
    return not_after


def _strictly_before(shape, place):
    before = torch.ones(shape, dtype=torch.bool)
    for axis, at in enumerate(place):
        before &= _axis(shape, axis) < at
    return before


def _own_frame(shape, place):
    past = reference(shape, place)
    return past & (_axis(shape, 0) == place[0]) if len(shape) == 3 else past


def _every_frame(shape, place):
    if len(shape) < 3:
        return reference(shape, place)
    return reference(shape[1:], place[1:]).expand(shape).clone()


def _every_frame_so_far(shape, place):
    past = _every_frame(shape, place)
    return past & (_axis(shape, 0) <= place[0]) if len(shape) == 3 else past


def _same_spot(shape, place):
    """Earlier frames at this position alone, and the past of the own frame."""
    if len(shape) < 3:
        return reference(shape, place)
    past = _own_frame(shape, place)
    past[(slice(0, place[0]), *place[1:])] = True
    return past


def _previous_frame_only(shape, place):
    past = reference(shape, place)
    return past & (_axis(shape, 0) >= place[0] - 1) if len(shape) == 3 else past


def _future(shape, place):
    return _order(shape) > _order(shape)[place]


def _whole_row(shape, place):
    past = reference(shape, place)
    past[place[:-1]] = True
    past[place] = False
    return past


MISCONCEPTIONS = (
    Misconception(
        "itself too",
        _itself_too,
        "The code that is to be predicted may be read itself: it would be copied.",
    ),
    Misconception(
        "time last",
        _time_last,
        "The first axis runs fastest here, as if time came last. Then codes of later frames are "
        "read before this frame is complete.",
    ),
    Misconception(
        "not after along any axis",
        _corner,
        "Only what is not after it along *every* axis may be read here. That leaves out the upper "
        "right of its own frame, and most of the earlier frames.",
    ),
    Misconception(
        "before along every axis",
        _strictly_before,
        "Only what is before it along *all* axes at once may be read here. One axis decides: the "
        "first along which two positions differ.",
    ),
    Misconception(
        "its own frame only",
        _own_frame,
        "The earlier frames are forgotten: each frame would be drawn as if it were the first.",
    ),
    Misconception(
        "the same part of every frame",
        _every_frame,
        "Every frame may be read up to this position, the later ones too. That is the future.",
    ),
    Misconception(
        "the same part of earlier frames",
        _every_frame_so_far,
        "Of the earlier frames, only the part up to this position may be read here. They are past "
        "as a whole.",
    ),
    Misconception(
        "the same spot of earlier frames",
        _same_spot,
        "Of the earlier frames, only this very position may be read here: whatever moves comes "
        "from another place.",
    ),
    Misconception(
        "one frame back",
        _previous_frame_only,
        "Only the frame before this one may be read here. A model may stop there to save work; "
        "the chain rule allows all of the past.",
    ),
    Misconception("the future", _future, "This is the future: what comes after the place."),
    Misconception(
        "the whole row",
        _whole_row,
        "The rest of its own row may be read too. What stands to the right is not drawn yet.",
    ),
)


def _inside(side: int, rng: torch.Generator) -> int:
    """Neither first nor last."""
    return int(torch.randint(1, side - 1, (), generator=rng))


def _trial(shape: tuple[int, ...], rng: torch.Generator) -> Trial:
    place = [_inside(side, rng) for side in shape]
    if len(shape) == 3:
        place[0] = max(2, place[0])  # two frames before it, one after it
    return Trial((shape, tuple(place)))


def _read(value: object, trial: Trial) -> Tensor:
    return tensor_result(value, trial.args[0], kind="bool", advice="It is that of the field.")


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    shape, place = trial.args
    at = first_difference(got, want)
    may, says = ("may" if each[at] else "may not" for each in (want, got))
    return (
        f"Field {shape}, place {place}: the code at {at} {may} be read, and your function says it "
        f"{says}. In all {int(want.sum())} may be read; your function has {int(got.sum())}."
    )


def _check(candidate, trials: list[Trial], rng: torch.Generator) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        diagnose_on=[_trial((4, 4, 5), rng), _trial((5, 3, 4), rng), _trial((5,), rng)],
        otherwise="This is not the past of the place in raster order.",
    )


def _check_beginnings(candidate, rng: torch.Generator) -> Failure | None:
    """The first position of all, which has no past, and the one after it."""
    trials = [Trial(((4, 3, 3), (0, 0, 0))), Trial(((5,), (0,))), Trial(((4, 3, 3), (0, 0, 1)))]
    return _check(candidate, trials, rng)


def _check_lines_and_images(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial((7,), rng), _trial((4, 5), rng)], rng)


def _check_volumes(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial((4, 3, 5), rng), _trial((5, 4, 4), rng)], rng)


def _one_by_one(shape, place):
    """Tuples are compared as words in a dictionary, which is raster order."""
    places = itertools.product(*map(range, shape))
    return torch.tensor([each < tuple(place) for each in places]).view(shape)


def _axis_by_axis(shape, place):
    """Past if equal along the first axes and smaller along the next."""
    past, equal = torch.zeros(shape, dtype=torch.bool), torch.ones(shape, dtype=torch.bool)
    for axis, at in enumerate(place):
        past |= equal & (_axis(shape, axis) < at)
        equal &= _axis(shape, axis) == at
    return past


may_read = Exercise(
    number="12.4",
    name="may_read",
    title="The past in space and time",
    goal="Mark the codes of a sound, an image or a clip that the prediction of one code may read.",
    minutes=10,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("the first positions of a field", 1, _check_beginnings),
        Check("lines and images", 1, _check_lines_and_images),
        Check("space and time", 1, _check_volumes),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_one_by_one, _axis_by_axis),
)
