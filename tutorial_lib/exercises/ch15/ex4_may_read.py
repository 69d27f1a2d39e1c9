"""Exercise 15.4: which codes of a volume a prediction may read."""

import itertools
import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference
from tutorial_lib.exercises.engine import Exercise, says
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

FLAT = "All positions stand in one row. Give them the shape of the field: `.view(shape)`."
NUMBERS = "These are numbers, 1 and 0. Asked for are True and False, torch.bool."


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

    def the_future_and_itself(shape, place):
        """This is turned round: True where the prediction may *not* read."""
        return ~reference(shape, place)

    def everything_but_itself(shape, place):
        """Everything but the place itself may be read here, the future too."""
        return _order(shape) != _order(shape)[place]

    def nothing(shape, place):
        """Nothing may be read here. The past may."""
        return torch.zeros(shape, dtype=torch.bool)

    def only_before_along_time(shape, place):
        """Only what is earlier along the first axis may be read here. The beginning of its own
        frame, or row, is past as well."""
        return (_axis(shape, 0) < place[0]).expand(shape).clone()

    def up_to_its_own_frame(shape, place):
        """All of its own frame, or row, may be read here. What comes later in it is not drawn
        yet."""
        past = (_axis(shape, 0) <= place[0]).expand(shape).clone()
        past[place] = False
        return past

    @says(" ".join(up_to_its_own_frame.__doc__.split()))
    def up_to_its_own_frame_with_itself(shape, place):
        return (_axis(shape, 0) <= place[0]).expand(shape).clone()

    def its_row_is_missing(shape, place):
        """The codes before it in its own row are missing."""
        past = reference(shape, place)
        past[place[:-1]] = False
        return past

    def its_row_only(shape, place):
        """Only its own row may be read here. All of the rows and frames before it are past, too."""
        past = torch.zeros(shape, dtype=torch.bool)
        past[(*place[:-1], slice(0, place[-1]))] = True
        return past

    def columns_first(shape, place):
        """The columns are drawn one after the other here. Raster order goes row by row."""
        if len(shape) < 2:
            return reference(shape, place)
        order = _order((*shape[:-2], shape[-1], shape[-2])).mT
        return order < order[place]

    def counted_from_1(shape, place):
        """Places are counted from 0: this is the past of the position before it."""
        order = _order(shape)
        return order < order[place] - 1

    def one_before_only(shape, place):
        """Only the one position before it may be read here. All of the past may."""
        order = _order(shape)
        return order == order[place] - 1

    def before_along_any_axis(shape, place):
        """Whatever is before it along *any* axis may be read here. A later frame is future, however
        far to the left. The first axis along which two positions differ decides."""
        before = torch.zeros(shape, dtype=torch.bool)
        for axis, at in enumerate(place):
            before = before | (_axis(shape, axis) < at)
        return before

    @says(" ".join(not_after_along_any_axis.__doc__.split()))
    def not_after_along_any_axis_and_itself(shape, place):
        not_after = Mistakes.not_after_along_any_axis(shape, place)
        not_after[place] = True
        return not_after

    def axes_backwards(shape, place):
        """The order of the axes is turned round: the first runs fastest. In raster order the last
        one does, so a row is finished first."""
        if len(shape) < 3:
            return reference(shape, place)
        order = _order(shape[::-1]).permute(2, 1, 0)
        return order < order[place]

    def the_sum_of_the_places(shape, place):
        """The numbers of a place are added. A step along time is worth a whole frame, a step down
        a whole row: use the number in raster order."""
        return sum(_axis(shape, axis) for axis in range(len(shape))) < sum(place)

    @says(" ".join(the_sum_of_the_places.__doc__.split()))
    def the_sum_of_the_place(shape, place):
        return _order(shape) < sum(place)

    @says(FLAT)
    def flat(shape, place):
        return reference(shape, place).flatten()

    @says(NUMBERS)
    def whole_numbers(shape, place):
        return reference(shape, place).long()

    @says(NUMBERS)
    def floating(shape, place):
        return reference(shape, place).float()

    @says(NUMBERS)
    def the_8_bits(shape, place):
        return reference(shape, place).to(torch.uint8)

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
