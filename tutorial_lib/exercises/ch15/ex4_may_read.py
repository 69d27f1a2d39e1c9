"""Exercise 15.4: which codes of a volume a prediction may read."""

import itertools
import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(shape: tuple[int, ...], place: tuple[int, ...]) -> Tensor:
    """True at every position before `place` in raster order: the first axis slowest."""
    n = math.prod(shape)
    order = torch.arange(n).view(shape)
    return order < order[place]


may_read = Exercise(
    "15.4",
    "The past in space and time",
    goal="Mark the codes of a sound, an image or a clip that the prediction of one code may read.",
    minutes=10,
    reference=reference,
    otherwise="This is not the past of the place in raster order.",
    advice="It is that of the field.",
    stub='''\
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
''',
    answer="""\
def may_read(shape, place):
    order = torch.arange(math.prod(shape)).view(shape)  # the last axis runs fastest
    return order < order[tuple(place)]
""",
    hints=(
        """Number all positions in the order in which they are drawn. What may be read are those
        with a smaller number.""",
        """`torch.arange(math.prod(shape)).view(shape)` numbers the positions with the last axis
        fastest, which is raster order. `order[place]`, with a tuple, is the number at a
        place.""",
        """If sounds and images come out right and clips do not, ask two things. Is the *whole*
        of an earlier frame past, also below and to the right of the place? Is nothing of a
        later frame?""",
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


@may_read.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    shape, place = trial.args
    at = first_difference(got, want)
    may, says = ("may" if each[at] else "may not" for each in (want, got))
    return (
        f"Field {shape}, place {place}: the code at {at} {may} be read, and your function says it "
        f"{says}. In all {int(want.sum())} may be read; your function has {int(got.sum())}."
    )


@may_read.trials("the first positions of a field")
def beginnings(rng):
    """The first position of all, which has no past, and the one after it."""
    return [Trial(((4, 3, 3), (0, 0, 0))), Trial(((5,), (0,))), Trial(((4, 3, 3), (0, 0, 1)))]


may_read.trials("lines and images")(lambda rng: [_trial((7,), rng), _trial((4, 5), rng)])
may_read.trials("space and time")(lambda rng: [_trial((4, 3, 5), rng), _trial((5, 4, 4), rng)])
may_read.also_try(lambda rng: [_trial((4, 4, 5), rng), _trial((5, 3, 4), rng), _trial((5,), rng)])


def _order(shape):
    return torch.arange(math.prod(shape)).view(shape)


def _axis(shape, axis):
    view = [1] * len(shape)
    view[axis] = shape[axis]
    return torch.arange(shape[axis]).view(view)


@may_read.mistakes
class Mistakes:
    def itself_too(shape, place):
        """The code that is to be predicted may be read itself: it would be copied."""
        return _order(shape) <= _order(shape)[place]

    def time_last(shape, place):
        """The first axis runs fastest here, as if time came last. Then codes of later frames are
        read before this frame is complete."""
        order = _order((*shape[1:], shape[0])).movedim(-1, 0)
        return order < order[place]

    def not_after_along_any_axis(shape, place):
        """Only what is not after it along *every* axis may be read here. That leaves out the upper
        right of its own frame, and most of the earlier frames."""
        not_after = torch.ones(shape, dtype=torch.bool)
        for axis, at in enumerate(place):
            not_after &= _axis(shape, axis) <= at
        not_after[place] = False
        return not_after

    def before_along_every_axis(shape, place):
        """Only what is before it along *all* axes at once may be read here. One axis decides: the
        first along which two positions differ."""
        before = torch.ones(shape, dtype=torch.bool)
        for axis, at in enumerate(place):
            before &= _axis(shape, axis) < at
        return before

    def its_own_frame_only(shape, place):
        """The earlier frames are forgotten: each frame would be drawn as if it were the first."""
        past = reference(shape, place)
        return past & (_axis(shape, 0) == place[0]) if len(shape) == 3 else past

    def the_same_part_of_every_frame(shape, place):
        """Every frame may be read up to this position, the later ones too. That is the future."""
        if len(shape) < 3:
            return reference(shape, place)
        return reference(shape[1:], place[1:]).expand(shape).clone()

    def the_same_part_of_earlier_frames(shape, place):
        """Of the earlier frames, only the part up to this position may be read here. They are past
        as a whole."""
        past = Mistakes.the_same_part_of_every_frame(shape, place)
        return past & (_axis(shape, 0) <= place[0]) if len(shape) == 3 else past

    def the_same_spot_of_earlier_frames(shape, place):
        """Of the earlier frames, only this very position may be read here: whatever moves comes
        from another place."""
        # Earlier frames at this position alone, and the past of the own frame.
        if len(shape) < 3:
            return reference(shape, place)
        past = Mistakes.its_own_frame_only(shape, place)
        past[(slice(0, place[0]), *place[1:])] = True
        return past

    def one_frame_back(shape, place):
        """Only the frame before this one may be read here. A model may stop there to save work; the
        chain rule allows all of the past."""
        past = reference(shape, place)
        return past & (_axis(shape, 0) >= place[0] - 1) if len(shape) == 3 else past

    def the_future(shape, place):
        """This is the future: what comes after the place."""
        return _order(shape) > _order(shape)[place]

    def the_whole_row(shape, place):
        """The rest of its own row may be read too. What stands to the right is not drawn yet."""
        past = reference(shape, place)
        past[place[:-1]] = True
        past[place] = False
        return past


@may_read.right
def one_by_one(shape, place):
    """Tuples are compared as words in a dictionary, which is raster order."""
    places = itertools.product(*map(range, shape))
    return torch.tensor([each < tuple(place) for each in places]).view(shape)


@may_read.right
def axis_by_axis(shape, place):
    """Past if equal along the first axes and smaller along the next."""
    past, equal = torch.zeros(shape, dtype=torch.bool), torch.ones(shape, dtype=torch.bool)
    for axis, at in enumerate(place):
        past |= equal & (_axis(shape, axis) < at)
        equal &= _axis(shape, axis) == at
    return past
