"""Exercise 6.4: the loop around a cache, with known pixels."""

import torch
from torch import Tensor

from tutorial_lib.exercises.ch06.models import RowByRow
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.sampling.ancestral import draw


@torch.no_grad()
def reference(model, uniforms: Tensor, known: Tensor) -> Tensor:
    """Draw what is -1 in `known`: the rows above are summed once a row, when it begins."""
    levels = known.clamp(min=0)
    _, _, height, width = known.shape
    for row in range(height):
        links = model.begin_row(levels, row)
        for column in range(width):
            place = (slice(None), 0, row, column)
            # Known pixels are asked for too: what a model keeps of a row, it keeps while it walks.
            drawn = draw(model.logits(links, levels, row, column), uniforms[place])
            levels[place] = torch.where(known[place] < 0, drawn, levels[place])
    return levels


sample_row_by_row = Exercise(
    "6.4",
    "The loop around a cache",
    goal="Sample and complete images, with the work for the rows above done once a row.",
    minutes=15,
    reference=reference,
    otherwise="The images are not those that the model draws with this noise.",
    stub='''\
def sample_row_by_row(model, uniforms: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Complete images of one colour; what the rows above say is computed once a row.

    model.begin_row(levels, row)              what the rows above say about this row, so they must
                                              be finished. Hand it on as it is, as `links`
    model.logits(links, levels, row, column)  (B, L): one pixel, given the links and the pixels to
                                              its left
    uniforms  (B, 1, H, W) numbers in [0, 1), one for each pixel
    known     (B, 1, H, W) torch.long: a level to keep, or -1 where it is to be drawn. Ask for the
              logits of known pixels too: the model may have to walk through them
    returns   (B, 1, H, W) torch.long

    The draw is `draw(logits, uniforms)` of tutorial_lib.sampling: (B, L), (B,) -> (B,)

    By hand: known = [[1, -1]] keeps the 1, and draws the second pixel from logits that see it
    """
    ____
''',
    answer="""\
from tutorial_lib.sampling import draw


def sample_row_by_row(model, uniforms, known):
    levels = known.clamp(min=0)  # known levels are in place from the start
    height, width = known.shape[2:]
    for row in range(height):
        links = model.begin_row(levels, row)  # now all rows above are finished
        for column in range(width):
            logits = model.logits(links, levels, row, column)
            drawn = draw(logits, uniforms[:, 0, row, column])
            unknown = known[:, 0, row, column] < 0
            kept = levels[:, 0, row, column]
            levels[:, 0, row, column] = torch.where(unknown, drawn, kept)
    return levels
""",
    hints=(
        """Two loops. When a row begins, and not before, all rows above are finished: that is the
        moment for `begin_row`. A known pixel is in place from the start, so that everything
        after it sees it.""",
        """`levels = known.clamp(min=0)` starts from the known levels and zeros. At a pixel:
        `torch.where(known[:, 0, row, column] < 0, drawn, levels[:, 0, row, column])` keeps
        what is known in some images and takes the draw in the others.""",
        """If the first row is right and the second is not, look at when `begin_row` is called.
        If whole images are right and completions are not: does the model see known pixels
        while it draws?""",
    ),
)

TOO_OFTEN = (
    "The image is right, but `begin_row` runs at every pixel, not once for a row: that is the work "
    "that a cache is to save."
)
SKIPPED = (
    "Pixels that are known in every image are skipped. A model that keeps features must walk "
    "through them, or the pixels to their right read features that nobody computed."
)


def _trial(rng: torch.Generator, size: tuple[int, int, int], share_known: float) -> Trial:
    batch, height, width = size
    shape = (batch, 1, height, width)
    uniforms = torch.rand(shape, generator=rng, dtype=torch.float64)
    known = torch.randint(4, shape, generator=rng)
    unknown = torch.rand(shape, generator=rng) >= share_known
    unknown[0, 0, 0, 0] = True  # something is known in other images and not in the first
    if share_known > 0:
        unknown[:, 0, 0, 1] = False  # known in all images: nobody draws here
    return Trial((RowByRow(4, rng), uniforms, known.masked_fill(unknown, -1)))


@sample_row_by_row.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    known = trial.args[2]
    in_order = (got != want).flatten(2).any(dim=0)[0].nonzero()[0].item()
    row, column = divmod(in_order, got.shape[3])
    (image, *_) = first_difference(got[:, 0, row, column], want[:, 0, row, column])
    place = (image, 0, row, column)
    kind = f"known, {known[place].item()}" if known[place] >= 0 else "to be drawn"
    return (
        f"Image {image}, row {row}, column {column}, the first place that differs: it is {kind}. "
        f"It must be {number(want[place])}; you have {number(got[place])}."
    )


@sample_row_by_row.also_try
def more(_):
    rng = torch.Generator().manual_seed(0)
    return [_trial(rng, (8, 4, 3), 0.0), _trial(rng, (8, 4, 4), 0.5)]


def rows_begun(function, model: RowByRow, uniforms: Tensor, known: Tensor) -> list[int]:
    """Which rows the function began, in order."""
    function(model, uniforms, known)
    return [call[0] for call in model.asked if len(call) == 1]


def places_asked(function, model: RowByRow, uniforms: Tensor, known: Tensor) -> list[list[int]]:
    """Of which places the function asked for the logits, in order."""
    function(model, uniforms, known)
    return [list(call) for call in model.asked if len(call) == 2]


sample_row_by_row.trials("images of a single row")(lambda rng: [_trial(rng, (20, 1, 5), 0.0)])
sample_row_by_row.trials("images of several rows, every pixel", points=2)(
    lambda rng: [_trial(rng, (8, 4, 5), 0.0), _trial(rng, (8, 5, 2), 0.0)]
)
sample_row_by_row.trials("completions, other pixels known in each image", points=2)(
    lambda rng: [_trial(rng, (8, 4, 5), 0.5), _trial(rng, (8, 5, 3), 0.8)]
)


@sample_row_by_row.judge("rows begun once, known pixels walked through")
def work(candidate, rng: torch.Generator) -> Failure | None:
    trial = _trial(rng, (2, 4, 5), 0.0)
    begun = candidate.measure(rows_begun, *trial.args)
    for row in range(4):
        if row not in begun:
            told = f"Row {row} was never begun; {len(begun)} calls in all."
            return Failure("Your function does not ask the model about every row.", told)
        if begun.count(row) > len(trial.args[1]):  # image by image is fine too
            told = f"Row {row} was begun {begun.count(row)} times; 4 rows, {len(begun)} calls."
            return Failure(TOO_OFTEN, told)
    asked = candidate.measure(places_asked, *_trial(rng, (2, 4, 5), 0.5).args)
    if [0, 1] not in [list(place) for place in asked]:  # known in every image
        told = "Row 0, column 1 is known in every image, and its logits were never asked for."
        return Failure(SKIPPED, told)
    return None


ANOTHER_NUMBER = (
    "The noise of another pixel, or of another image, is used. Each pixel of each image has its "
    "own number, at its own place in `uniforms`."
)
KNOWN_TO_ALL = (
    "Where a pixel is known in some images and not in others, all are treated alike. Each image "
    "has its own: `torch.where`."
)
NOT_VISITED = "Not all pixels are visited: a row or a column stays as it was at the start."
STILL_EMPTY = (
    "The rows above are still empty when `begin_row` reads them: it runs for all rows beforehand, "
    "or the rows go from the last to the first."
)
LEFT_UNSEEN = (
    "A pixel is drawn without those to its left: the row goes from right to left, or what is drawn "
    "is not put into `levels` at once."
)
OTHER_LOGITS = "The logits are changed before the draw. `draw` takes them as the model gives them."


def _in_order(model, uniforms, known, rows, columns, *, seen=None):
    """The loop over these rows and columns; `seen` is what the model is shown of its own row."""
    levels = known.clamp(min=0)
    for row in rows:
        links = model.begin_row(levels, row)
        shown = seen(levels) if seen else levels
        for column in columns:
            place = (slice(None), 0, row, column)
            drawn = draw(model.logits(links, shown, row, column), uniforms[place])
            levels[place] = torch.where(known[place] < 0, drawn, levels[place])
    return levels


def _loop(model, uniforms, known, *, above_of=None, keep=True, rule=draw, noise_of=None):
    """The loop with one thing done differently."""
    levels = known.clamp(min=0) if keep else torch.zeros_like(known)
    kept, count = {}, 0
    for row in range(known.shape[2]):
        for column in range(known.shape[3]):
            links = _above(model, levels, row, column, kept, above_of)
            place = (slice(None), 0, row, column)
            logits = model.logits(links, levels, row, column)
            noise = noise_of(uniforms, count) if noise_of else uniforms[place]
            drawn = rule(logits, noise)
            unknown = known[place] < 0 if keep else torch.ones_like(drawn, dtype=torch.bool)
            levels[place] = torch.where(unknown, drawn, levels[place])
            count += int(unknown.any())
    return levels


def _above(model, levels, row, column, kept, above_of):
    if above_of is not None:
        return above_of(model, levels, row, column, kept)
    if column == 0:
        kept[0] = model.begin_row(levels, row)
    return kept[0]


@sample_row_by_row.mistakes
class Mistakes:
    def once_for_the_image(model, uniforms, known):
        """`begin_row` runs once, for the first row, and all rows go on with what it said. The cache
        is stale from the first row's end on."""

        def above_of(model, levels, row, column, kept):
            if row == 0 and column == 0:
                kept[0] = model.begin_row(levels, 0)
            return kept[0]

        return _loop(model, uniforms, known, above_of=above_of)

    @says(STILL_EMPTY)
    def all_rows_at_once(model, uniforms, known):

        def above_of(model, levels, row, column, kept):
            if not kept:
                kept.update({i: model.begin_row(levels, i) for i in range(levels.shape[2])})
            return kept[row]

        return _loop(model, uniforms, known, above_of=above_of)

    def one_pixel_too_early(model, uniforms, known):
        """`begin_row` runs before the last pixel of the row above is drawn. The image looks fine,
        and the end of each row is never heard below."""
        # The next row is begun before the last pixel of the present one is drawn.

        def above_of(model, levels, row, column, kept):
            if row == 0 and column == 0:
                kept[0] = model.begin_row(levels, 0)
            if column == levels.shape[3] - 1 and row + 1 < levels.shape[2]:
                kept[row + 1] = model.begin_row(levels, row + 1)
            return kept[row]

        return _loop(model, uniforms, known, above_of=above_of)

    def of_the_row_before(model, uniforms, known):
        """Each row is told what belongs to the row before it: begin_row(levels, row) wants the row
        that is about to be drawn."""

        def above_of(model, levels, row, column, kept):
            if column == 0:
                kept[0] = model.begin_row(levels, max(row - 1, 0))
            return kept[0]

        return _loop(model, uniforms, known, above_of=above_of)

    @says(TOO_OFTEN)
    def at_every_pixel(model, uniforms, known):
        def above_of(model, levels, row, column, kept):
            return model.begin_row(levels, row)

        return _loop(model, uniforms, known, above_of=above_of)

    def the_likeliest_level(model, uniforms, known):
        """You take the likeliest level, whatever the noise. Draw it."""
        return _loop(model, uniforms, known, rule=lambda logits, noise: logits.argmax(dim=1))

    def known_pixels_ignored(model, uniforms, known):
        """Known pixels are drawn over: where `known` is 0 or more, it has to stay."""
        return _loop(model, uniforms, known, keep=False)

    def known_pixels_put_in_at_the_end(model, uniforms, known):
        """Known pixels are put in at the end. The pixels after them were drawn without having seen
        them."""
        levels = _loop(model, uniforms, known, keep=False)
        return torch.where(known < 0, levels, known)

    def known_as_in_the_first_image(model, uniforms, known):
        """What is known in the first image is taken as known in all. Each image has its own."""
        pattern = torch.where(known[:1] < 0, torch.full_like(known, -1), known)
        return _loop(model, uniforms, pattern.clamp(min=-1))

    def noise_in_order_of_use(model, uniforms, known):
        """The noise is used up in order of the draws. Each pixel has its own uniform number, drawn
        or not."""

        def noise_of(uniforms, count):
            return uniforms.flatten(1)[:, min(count, uniforms[0].numel() - 1)]

        return _loop(model, uniforms, known, noise_of=noise_of)

    def the_0_taken_for_unknown(model, uniforms, known):
        """A known 0 is drawn over. 0 is a level like any other; only -1 means: draw it."""
        return _loop(model, uniforms, torch.where(known > 0, known, -1))

    @says(SKIPPED)
    def known_pixels_skipped(model, uniforms, known):
        levels = known.clamp(min=0)
        for row in range(known.shape[2]):
            links = model.begin_row(levels, row)
            for column in range(known.shape[3]):
                place = (slice(None), 0, row, column)
                if (known[place] < 0).any():
                    drawn = draw(model.logits(links, levels, row, column), uniforms[place])
                    levels[place] = torch.where(known[place] < 0, drawn, levels[place])
        return levels

    def column_by_column(model, uniforms, known):
        """You go down the columns: the rows above are not finished when a row needs them."""
        turned = known.clamp(min=0)
        for column in range(known.shape[3]):
            for row in range(known.shape[2]):
                place = (slice(None), 0, row, column)
                logits = model.logits(model.begin_row(turned, row), turned, row, column)
                drawn = draw(logits, uniforms[place])
                turned[place] = torch.where(known[place] < 0, drawn, turned[place])
        return turned

    @says(ANOTHER_NUMBER)
    def one_number_a_row(model, uniforms, known):
        return _loop(model, uniforms[..., :1].expand_as(uniforms), known)

    @says(ANOTHER_NUMBER)
    def one_number_an_image(model, uniforms, known):
        return _loop(model, uniforms[..., :1, :1].expand_as(uniforms), known)

    @says(ANOTHER_NUMBER)
    def one_number_a_column(model, uniforms, known):
        return _loop(model, uniforms[..., :1, :].expand_as(uniforms), known)

    @says(ANOTHER_NUMBER)
    def noise_of_the_first_image(model, uniforms, known):
        return _loop(model, uniforms[:1].expand_as(uniforms), known)

    @says(ANOTHER_NUMBER)
    def noise_down_the_columns(model, uniforms, known):
        return _loop(model, uniforms.transpose(2, 3).reshape(uniforms.shape), known)

    def noise_turned_round(model, uniforms, known):
        """The noise is turned round: 1 - u is used where u is given."""
        return _loop(model, 1 - uniforms, known)

    @says(KNOWN_TO_ALL)
    def drawn_only_where_all_draw(model, uniforms, known):
        some = (known >= 0).any(dim=0)
        return _loop(model, uniforms, torch.where(some, known.clamp(min=0), known))

    @says(KNOWN_TO_ALL)
    def drawn_over_where_one_draws(model, uniforms, known):
        some = (known < 0).any(dim=0)
        levels = known.clamp(min=0)
        for row in range(known.shape[2]):
            links = model.begin_row(levels, row)
            for column in range(known.shape[3]):
                logits = model.logits(links, levels, row, column)
                if some[0, row, column]:
                    levels[:, 0, row, column] = draw(logits, uniforms[:, 0, row, column])
        return levels

    def known_and_unknown_exchanged(model, uniforms, known):
        """Known pixels are drawn, and those to be drawn stay: the two sides of `where` are
        exchanged."""
        drawn = torch.where(known < 0, 0, -1)
        return _loop(model, uniforms, torch.where(known < 0, 0, drawn))

    @says(NOT_VISITED)
    def last_column_left_out(model, uniforms, known):
        return _in_order(model, uniforms, known, range(known.shape[2]), range(known.shape[3])[:-1])

    @says(NOT_VISITED)
    def first_column_left_out(model, uniforms, known):
        return _in_order(model, uniforms, known, range(known.shape[2]), range(known.shape[3])[1:])

    @says(NOT_VISITED)
    def last_row_left_out(model, uniforms, known):
        return _in_order(model, uniforms, known, range(known.shape[2])[:-1], range(known.shape[3]))

    @says(NOT_VISITED)
    def first_row_left_out(model, uniforms, known):
        return _in_order(model, uniforms, known, range(known.shape[2])[1:], range(known.shape[3]))

    @says(NOT_VISITED)
    def as_many_columns_as_rows(model, uniforms, known):
        return _in_order(
            model, uniforms, known, range(known.shape[2]), range(known.shape[3])[: known.shape[2]]
        )

    @says(LEFT_UNSEEN)
    def columns_from_the_right(model, uniforms, known):
        return _in_order(model, uniforms, known, range(known.shape[2]), range(known.shape[3])[::-1])

    @says(STILL_EMPTY)
    def rows_from_below(model, uniforms, known):
        return _in_order(model, uniforms, known, range(known.shape[2])[::-1], range(known.shape[3]))

    @says(LEFT_UNSEEN)
    def own_row_as_it_was(model, uniforms, known):
        return _in_order(
            model, uniforms, known, range(known.shape[2]), range(known.shape[3]), seen=torch.clone
        )

    def of_the_row_below(model, uniforms, known):
        """Each row is told what belongs to the row after it: begin_row(levels, row) wants the row
        that is about to be drawn."""

        def above_of(model, levels, row, column, kept):
            if column == 0:
                kept[0] = model.begin_row(levels, min(row + 1, levels.shape[2] - 1))
            return kept[0]

        return _loop(model, uniforms, known, above_of=above_of)

    @says(OTHER_LOGITS)
    def probabilities_for_logits(model, uniforms, known):
        return _loop(model, uniforms, known, rule=lambda z, u: draw(z.softmax(dim=1), u))

    @says(OTHER_LOGITS)
    def twice_as_sure(model, uniforms, known):
        return _loop(model, uniforms, known, rule=lambda z, u: draw(2 * z, u))

    @says(OTHER_LOGITS)
    def half_as_sure(model, uniforms, known):
        return _loop(model, uniforms, known, rule=lambda z, u: draw(z / 2, u))

    def without_the_model(model, uniforms, known):
        """The noise alone decides: all levels are taken for equally likely."""
        return _loop(model, uniforms, known, rule=lambda z, u: (u * z.shape[1]).long())

    def the_first_image_for_all(model, uniforms, known):
        """All images are the first one. Each has its own noise, and its own known pixels."""
        return reference(model, uniforms, known)[:1].expand_as(known).clone()

    def floating_point(model, uniforms, known):
        """Levels are whole numbers: `torch.long`, as in `known`."""
        return reference(model, uniforms, known).float()


@sample_row_by_row.right
def image_by_image(model, uniforms, known):
    images = []
    for noise, kept in zip(uniforms, known, strict=True):
        image = torch.where(kept < 0, 1, kept)[None]  # what is not drawn yet must not matter
        for row in range(kept.shape[1]):
            links = model.begin_row(image, row)
            for column in range(kept.shape[2]):
                logits = model.logits(links, image, row, column)
                if kept[0, row, column] < 0:
                    image[0, 0, row, column] = draw(logits, noise[None, 0, row, column])[0]
        images.append(image[0])
    return torch.stack(images)


@sample_row_by_row.right
def a_batch_at_once(model, uniforms, known):
    levels = known.clone().clamp(min=0)
    for row in range(known.shape[2]):
        links = model.begin_row(levels, row)
        for column in range(known.shape[3]):
            log_p = torch.log_softmax(model.logits(links, levels, row, column), dim=1)
            steps = log_p.exp().cumsum(dim=1)[:, :-1]
            drawn = (steps <= uniforms[:, 0, row, column, None]).sum(dim=1)
            free = known[:, 0, row, column] == -1
            levels[free, 0, row, column] = drawn[free]
    return levels


@sample_row_by_row.right
def in_raster_order(model, uniforms, known):
    levels, links = known.clamp(min=0), None
    width = known.shape[3]
    for place in range(known[0].numel()):
        row, column = divmod(place, width)
        links = model.begin_row(levels, row) if column == 0 else links
        drawn = draw(model.logits(links, levels, row, column), uniforms[:, 0, row, column])
        kept = known[:, 0, row, column]
        levels[:, 0, row, column] = drawn * (kept < 0) + kept * (kept >= 0)
    return levels
