"""Exercise 14.4: half an image, in many copies, ready to be completed."""

import torch
from jaxtyping import Int
from torch import Tensor

from tutorial_lib.exercises.comparing import tensor_result
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(
    levels: Tensor, labels: Tensor, n_draws: int
) -> tuple[Int[Tensor, "M C H W"], Int[Tensor, "M"]]:
    """The upper halves n_draws times each, -1 below, and the labels that go with them."""
    known = levels.long().repeat_interleave(n_draws, dim=0)
    known[:, :, levels.shape[2] // 2 :] = -1
    return known, labels.repeat_interleave(n_draws)


to_complete = Exercise(
    "14.4",
    "Half an image, twelve times",
    goal="Prepare images of which the upper half is given, for several draws each.",
    minutes=10,
    reference=reference,
    when_changed={"levels": "The images are the data set's. Work on a copy: `.long()` makes one."},
    otherwise="Something else would be drawn.",
    parts="(known, labels)",
    stub='''\
def to_complete(
    levels: torch.Tensor, labels: torch.Tensor, n_draws: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a sampler is told so that it draws the lower half of each image in several ways.

    levels   (N, C, H, W) torch.uint8, 0 .. 255; stays as it is
    labels   (N,) torch.long
    n_draws  copies of each image
    returns  known (N * n_draws, C, H, W) torch.long: the levels in the upper H // 2 rows, -1 in all
             others, which stands for "draw it". The copies of the first image come first, then
             those of the second.
             labels (N * n_draws,) torch.long: the label of each of them

    By hand: one image of one colour, 2 rows: [[7, 9], [5, 255]]; label 3; n_draws = 2. known has
             [[7, 9], [-1, -1]] twice, and labels = [3, 3]
    """
    ____
''',
    answer="""\
def to_complete(levels, labels, n_draws):
    known = levels.long().repeat_interleave(n_draws, dim=0)  # torch.uint8 has no -1
    n_rows = levels.shape[2] // 2
    known[:, :, n_rows:] = -1
    return known, labels.repeat_interleave(n_draws)
""",
    hints=(
        """Copy first, then cover the lower rows. Labels are copied in the same order as the
        images, or the sampler completes one image with another's label.""",
        """`x.repeat_interleave(n, dim=0)` copies each entry n times in a row; `x.repeat(n, ...)`
        copies the whole list n times. `known[:, :, n_rows:]` are the lower rows of all colours.
        """,
        """If the lower half comes out white and nothing is drawn, -1 was written into torch.uint8,
        where it is 255. If draws of one image have the colours of another, `repeat` was used for
        one of the two results and `repeat_interleave` for the other.""",
    ),
)

TORN = (
    "Images and labels are copied in different orders, so a draw would get another image's label. "
    "Use `repeat_interleave` for both."
)


@to_complete.reads
def read(value: object, trial: Trial) -> Tensor:
    """Both results in one row; whole numbers of any dtype that holds -1."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        told = f"Expected 2 tensors, got a value of type {type(value).__name__}."
        raise Failed(Failure("The result is not (known, labels).", told))
    levels, labels, n_draws = trial.args
    n = len(levels) * n_draws
    shapes = (n, *levels.shape[1:]), (n,)
    kinds = [
        each.long() if isinstance(each, Tensor) and each.dtype == torch.uint8 else each
        for each in value
    ]
    advice = (f"That holds for `{name}`." for name in ("known", "labels"))
    parts = zip(kinds, shapes, advice, strict=True)
    return torch.cat([tensor_result(v, s, kind="long", advice=a).flatten() for v, s, a in parts])


def _trial(n, shape, n_draws, rng):
    levels = torch.randint(1, 255, (n, *shape), generator=rng).to(torch.uint8)
    return Trial((levels, torch.randperm(20, generator=rng)[:n], n_draws))


@to_complete.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    levels, _, n_draws = trial.args
    n, n_colors, height, width = levels.shape
    place = int((got != want).nonzero()[0, 0])
    of_image = n_colors * height * width
    told = f"{n} images of {n_colors}x{height}x{width}, {n_draws} draws each: "
    if place >= n * n_draws * of_image:
        told += f"label {place - n * n_draws * of_image}"
    else:
        copy, rest = divmod(place, of_image)
        color, rest = divmod(rest, height * width)
        told += f"known[{copy}, {color}, {rest // width}, {rest % width}]"
    return f"{told} is {want[place]:.0f}. Your function says {got[place]:.0f}."


to_complete.trials("one image, one draw")(lambda rng: [_trial(1, (1, 4, 4), 1, rng)])
to_complete.trials("one image in colour, several draws")(
    lambda rng: [_trial(1, (3, 6, 4), 5, rng), _trial(1, (3, 7, 5), 3, rng)]
)
to_complete.trials("several images, several draws")(
    lambda rng: [_trial(3, (3, 4, 6), 2, rng), _trial(2, (3, 5, 5), 4, rng)]
)
to_complete.also_try(lambda rng: [_trial(4, (3, 6, 8), 3, rng), _trial(3, (3, 7, 7), 3, rng)])


def _hidden(levels, labels, n_draws, cover):
    """Copies of which `cover` is drawn: a function that writes -1 into them."""
    known = levels.long().repeat_interleave(n_draws, dim=0)
    cover(known)
    return known, labels.repeat_interleave(n_draws)


def _cover(*place):
    def write(known):
        known[place] = -1

    return write


ALL = slice(None)


@to_complete.mistakes
class Mistakes:
    def without_a_sign(levels, labels, n_draws):
        """-1 was written into torch.uint8, which has no sign: it became 255, a white pixel that
        the sampler keeps. Convert to torch.long first."""
        known, labels = reference(levels, labels, n_draws)
        return known.to(torch.uint8).long(), labels

    @says(TORN)
    def labels_in_turns(levels, labels, n_draws):
        return reference(levels, labels, n_draws)[0], labels.repeat(n_draws)

    @says(TORN)
    def images_in_turns(levels, labels, n_draws):
        known, copied = reference(levels, labels, n_draws)
        return known.unflatten(0, (-1, n_draws)).transpose(0, 1).flatten(0, 1), copied

    def both_in_turns(levels, labels, n_draws):
        """The images take turns. All copies of the first come first: `repeat_interleave`, not
        `repeat`."""
        known, _ = reference(levels, labels, n_draws)
        return known.unflatten(0, (-1, n_draws)).transpose(0, 1).flatten(0, 1), labels.repeat(
            n_draws
        )

    def the_lower_half_kept(levels, labels, n_draws):
        """The lower half is kept and the upper is to be drawn. Raster order gives p(lower given
        upper) only."""
        return _hidden(levels, labels, n_draws, _cover(ALL, ALL, slice(levels.shape[2] // 2)))

    def the_left_half_kept(levels, labels, n_draws):
        """The left half is kept: axis 3 are the columns. Rows are axis 2."""
        half = slice(levels.shape[3] // 2, None)
        return _hidden(levels, labels, n_draws, _cover(ALL, ALL, ALL, half))

    def half_the_width_of_rows(levels, labels, n_draws):
        """The number of rows is half the width. Take half the height, axis 2."""
        half = slice(levels.shape[3] // 2, None)
        return _hidden(levels, labels, n_draws, _cover(ALL, ALL, half))

    def one_colour_hidden(levels, labels, n_draws):
        """Only the first colour is to be drawn; the others still show the lower half."""
        half = slice(levels.shape[2] // 2, None)
        return _hidden(levels, labels, n_draws, _cover(ALL, 0, half))

    def everything_hidden(levels, labels, n_draws):
        """Everything is to be drawn: nothing of the image is given."""
        return _hidden(levels, labels, n_draws, _cover(ALL))

    def nothing_hidden(levels, labels, n_draws):
        """Nothing is to be drawn: the whole image is given."""
        return _hidden(levels, labels, n_draws, lambda known: None)

    def one_row_hidden(levels, labels, n_draws):
        """Only one row is to be drawn. Everything from it downwards is: `n_rows:`."""
        return _hidden(levels, labels, n_draws, _cover(ALL, ALL, levels.shape[2] // 2))

    def one_row_more_kept(levels, labels, n_draws):
        """One row too many is kept: the first row to be drawn has the number H // 2."""
        half = slice(levels.shape[2] // 2 + 1, None)
        return _hidden(levels, labels, n_draws, _cover(ALL, ALL, half))

    def one_row_fewer_kept(levels, labels, n_draws):
        """One row too few is kept."""
        half = slice(levels.shape[2] // 2 - 1, None)
        return _hidden(levels, labels, n_draws, _cover(ALL, ALL, half))

    def rounded_up(levels, labels, n_draws):
        """Of an odd number of rows the larger half is kept. H // 2 rounds down."""
        half = slice((levels.shape[2] + 1) // 2, None)
        return _hidden(levels, labels, n_draws, _cover(ALL, ALL, half))

    def black_below(levels, labels, n_draws):
        """The lower half is 0, which is a level: the sampler would keep a black half. -1 says that
        it is to be drawn."""
        known, labels = reference(levels, labels, n_draws)
        return known.clamp(min=0), labels

    def one_copy(levels, labels, n_draws):
        """Each image stands there once. Copy it `n_draws` times."""
        return reference(levels, labels, 1)

    def labels_once(levels, labels, n_draws):
        """The labels are not copied: there is one for each image, not for each draw."""
        return reference(levels, labels, n_draws)[0], labels.clone()

    def the_first_label_for_all(levels, labels, n_draws):
        """Every draw gets the first label. Each image has its own."""
        known, copied = reference(levels, labels, n_draws)
        return known, labels[0].expand_as(copied).clone()

    def numbers_of_images(levels, labels, n_draws):
        """The numbers of the images are in the place of their labels."""
        return reference(levels, torch.arange(len(levels)), n_draws)

    def the_first_image_for_all(levels, labels, n_draws):
        """Every draw gets the first image."""
        known, copied = reference(levels, labels, n_draws)
        return known[:1].expand_as(known).clone(), copied

    def one_draw_too_many(levels, labels, n_draws):
        """There is one copy too many of each image: the original counts as well."""
        return reference(levels, labels, n_draws + 1)

    def upside_down(levels, labels, n_draws):
        """The images are upside down."""
        return reference(levels.flip(2), labels, n_draws)

    def known_alone(levels, labels, n_draws):
        """The labels are missing: a pair is asked for."""
        return reference(levels, labels, n_draws)[0]

    def a_mask(levels, labels, n_draws):
        """The upper half is 1 and the lower 0: a mask. Asked for are the levels, and -1."""
        known, labels = reference(levels, labels, n_draws)
        return (known >= 0).long(), labels

    def colours_last(levels, labels, n_draws):
        """The colours stand last. The sampler wants (N, C, H, W)."""
        known, labels = reference(levels, labels, n_draws)
        return known.permute(0, 2, 3, 1), labels


@to_complete.right
def by_joining(levels, labels, n_draws):
    half = levels.shape[2] // 2
    upper, lower = levels.long().split([half, levels.shape[2] - half], dim=2)
    whole = torch.cat([upper, torch.full_like(lower, -1)], dim=2)
    copies = torch.stack([whole] * n_draws, dim=1).flatten(0, 1)
    return copies, torch.stack([labels] * n_draws, dim=1).flatten()


@to_complete.right
def by_places(levels, labels, n_draws):
    index = torch.arange(len(levels) * n_draws) // n_draws
    rows = torch.arange(levels.shape[2]).view(-1, 1)
    known = torch.where(rows < levels.shape[2] // 2, levels[index].long(), -1)
    return known, labels[index]
