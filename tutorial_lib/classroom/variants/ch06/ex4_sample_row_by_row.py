"""Variants of exercise 6.4: what is known of a pixel, and what may be drawn."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch06
from tutorial_lib.exercises.ch06.ex4_sample_row_by_row import TOO_OFTEN, rows_begun
from tutorial_lib.exercises.ch06.models import RowByRow
from tutorial_lib.exercises.comparing import agree
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.trials import Trial, read_as_of
from tutorial_lib.sampling.ancestral import draw


def _examples(twist) -> list[str]:
    model = (
        "type('Model', (), {'begin_row': lambda self, levels, row: None, 'logits': lambda self, "
        "links, levels, row, column: torch.tensor([[0.4, 0.1, 0.2, 0.3]]).log()})()"
    )
    known = f"torch.tensor([-1, 2, {twist.words['lowest']}, 0, 3, -1]).view(1, 1, 2, 3)"
    uniforms = "torch.tensor([0.45, 0.5, 0.55, 0.6, 0.2, 0.55]).view(1, 1, 2, 3)"
    return [f"sample_row_by_row({model}, {uniforms}, {known})"]


sample_row_by_row = Variants(
    ch06.sample_row_by_row,
    known="(B, 1, H, W) torch.long: {meaning}",
    meaning="a level to keep, or -1 where it is to be drawn",
    lowest=-1,
    examples=_examples,
)


def _twist(says: str, chosen, **words: object):
    """chosen(logits, uniforms, known) are the levels (B,) of one pixel."""

    @sample_row_by_row.twist(says, **words)
    @torch.no_grad()
    def right(model, uniforms, known):
        levels = known.clamp(min=0)
        for row in range(known.shape[2]):
            links = model.begin_row(levels, row)
            for column in range(known.shape[3]):
                place = (slice(None), 0, row, column)
                logits = model.logits(links, levels, row, column)
                levels[place] = chosen(logits, uniforms[place], known[place])
        return levels

    @sample_row_by_row.right
    def image_by_image(model, uniforms, known):
        images = []
        for noise, kept in zip(uniforms, known, strict=True):
            image = torch.zeros_like(kept)[None]
            for row in range(kept.shape[1]):
                links = model.begin_row(image, row)
                for column in range(kept.shape[2]):
                    here = model.logits(links, image, row, column)
                    here = here, noise[:, row, column], kept[:, row, column]
                    image[0, :, row, column] = chosen(*here)
            images.append(image[0])
        return torch.stack(images)


def _at_least(logits, uniforms, known):
    ranks = torch.arange(logits.shape[1])
    allowed = logits.masked_fill(ranks < known[:, None], -torch.inf)
    return draw(allowed, uniforms)


_twist(
    "A level in `known` is a lower bound: the pixel is drawn among the levels from there on, "
    "with their probabilities divided by their sum.",
    _at_least,
    meaning=("the smallest level allowed, or -1 where all are"),
    by_hand=(
        "one pixel, four levels of probability 0.4, 0.1, 0.2, 0.3, known = [[2]]: levels 2 "
        "and 3 have 0.4 and 0.6, so a uniform number of 0.3 draws 2, and one of 0.5 draws 3"
    ),
)


def _on_demand(logits, uniforms, known):
    levels = torch.where(known == -2, logits.argmax(dim=1), draw(logits, uniforms))
    return torch.where(known >= 0, known, levels)


_twist(
    "There are two kinds of unknown pixels: -1 is drawn, and -2 takes the likeliest level, "
    "whatever its uniform number.",
    _on_demand,
    meaning=(
        "a level to keep, or -1 where it is to be drawn, or -2 where the likeliest is to be taken"
    ),
    by_hand=(
        "known = [[1, -2, -1]] keeps the 1, takes the likeliest level of the second pixel "
        "after a 1, and draws the third from logits that see both"
    ),
    lowest=-2,
)


def _among_two(logits, uniforms, known):
    lowest = logits.topk(2, dim=1).values[:, -1:]
    drawn = draw(logits.masked_fill(logits < lowest, -torch.inf), uniforms)
    return torch.where(known >= 0, known, drawn)


_twist(
    "Only the two likeliest levels of a pixel may be drawn; their probabilities are divided by "
    "their sum.",
    _among_two,
    by_hand=(
        "one pixel to be drawn, levels of probability 0.4, 0.1, 0.2, 0.3: levels 0 and 3 have "
        "4/7 and 3/7, so a uniform number of 0.5 draws 0, one of 0.6 draws 3"
    ),
)


def _draw(*sizes: tuple[int, int, int], share_known: float):
    """Trials whose unknown pixels are -1, or anything from the twist's lowest to -1."""

    def draw_trials(rng: torch.Generator, twist) -> list[Trial]:
        trials = []
        for batch, height, width in sizes:
            shape = (batch, 1, height, width)
            uniforms = torch.rand(shape, generator=rng, dtype=torch.float64)
            levels = torch.randint(4, shape, generator=rng)
            unknown = torch.randint(twist.words["lowest"], 0, shape, generator=rng)
            known = torch.rand(shape, generator=rng) < share_known
            trials.append(Trial((RowByRow(4, rng), uniforms, torch.where(known, levels, unknown))))
        return trials

    return draw_trials


sample_row_by_row.trials("images of a single row")(_draw((20, 1, 5), share_known=0.3))
sample_row_by_row.trials("images of several rows", points=2)(
    _draw((8, 4, 5), (8, 5, 2), share_known=0.2)
)
sample_row_by_row.trials("more pixels known", points=2)(
    _draw((8, 4, 5), (8, 5, 3), share_known=0.7)
)


@sample_row_by_row.judge("how often the rows above are asked")
def work(candidate, rng, twist):
    (trial,) = sample_row_by_row.telling(_draw((2, 4, 5), share_known=0.3), rng, twist)
    got = read_as_of(twist.right, candidate(*trial.args), trial)
    if not agree(got, read_as_of(twist.right, trial.call(twist.right), trial)):
        return Failure(f"These are not the images that the card asks for: {twist.says}")
    begun = candidate.measure(rows_begun, *trial.args)
    if max(begun.count(row) for row in range(4)) > len(trial.args[1]):
        return Failure(TOO_OFTEN, f"4 rows, 2 images, and {len(begun)} calls of begin_row.")
    return None
