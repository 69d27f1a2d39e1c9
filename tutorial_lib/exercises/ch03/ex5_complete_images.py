"""Exercise 3.5: draw the missing pixels of images, and keep the others."""

from collections.abc import Callable

import torch
from torch import Tensor

from tutorial_lib.exercises.ch03.ex4_sample_images import OWN_NOISE, _places
from tutorial_lib.exercises.ch03.models import CausalPixels
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.sampling.ancestral import draw

CHANGED = "`known` is changed: copy it before you write into it, `known.clone()`."


@torch.no_grad()
def reference(model_fn: Callable, known: Tensor, uniforms: Tensor) -> Tensor:
    """`known` with each -1 drawn given all that comes before it: (B, C, H, W) long."""
    levels = known.clamp(min=0)
    for color, row, column in _places(known.shape):
        place = (slice(None), color, row, column)
        drawn = draw(model_fn(levels)[:, :, color, row, column], uniforms[place])
        levels[place] = torch.where(known[place] < 0, drawn, known[place])
    return levels


complete_images = Exercise(
    "3.5",
    "Complete images",
    goal="Draw the pixels that are missing in each image, given those that are there.",
    minutes=15,
    reference=reference,
    when_changed={"known": CHANGED},
    stub='''\
def complete_images(model_fn, known: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draw what is missing, in raster order, each sub-pixel given all that come before it.

    model_fn  a function: levels (B, C, H, W) torch.long, from 0 to L - 1 -> logits (B, L, C, H, W)
    known     (B, C, H, W) torch.long: a level, or -1 where one is to be drawn. The images need not
              miss the same places
    uniforms  (B, C, H, W) numbers in [0, 1); a place that is drawn uses its own, with `draw`
    returns   (B, C, H, W) torch.long: the known levels as they were, the others drawn

    By hand: one row of three pixels, known = [1, -1, 0]. After a 1, the model gives level 1
             probability 0.1; the uniform number there is 0.5. 0.5 < 0.9 draws 0: [1, 0, 0]
    """
    ____
''',
    answer="""\
def complete_images(model_fn, known, uniforms):
    levels = known.clamp(min=0)  # a copy; 0 stands where nothing is drawn yet
    _, n_colors, height, width = known.shape
    for row in range(height):
        for column in range(width):
            for color in range(n_colors):
                with torch.no_grad():
                    logits = model_fn(levels)[:, :, color, row, column]
                drawn = draw(logits, uniforms[:, color, row, column])
                given = known[:, color, row, column]
                levels[:, color, row, column] = torch.where(given < 0, drawn, given)
    return levels
""",
    hints=(
        """It is the loop of exercise 3.4, begun from the known levels. At each place, the images
        that know their level keep it, the others take the one that was drawn.""",
        """`known.clamp(min=0)` is a copy without the -1. `torch.where(given < 0, drawn, given)`
        chooses image by image. Or: give every other level of a known place the logit -inf, and
        hand the changed model to `sample_images`.""",
        """If only the known places are right, look at what the model is shown: the known levels
        have to be there before the first draw after them. If one image is right and the others are
        not, the mask of the first was used for all.""",
    ),
)


def _trial(
    rng: torch.Generator, shape: tuple[int, int, int, int], n_levels: int, hidden: str = "some"
) -> Trial:
    """hidden: "some" of the places, different ones in each image, or the lower or upper "half"."""
    model = CausalPixels(shape[1], n_levels, rng)
    known = torch.randint(n_levels, shape, generator=rng)
    if hidden == "lower":
        known[:, :, shape[2] // 2 :] = -1
    elif hidden == "upper":
        known[:, :, : shape[2] // 2] = -1
    else:
        known[torch.rand(shape, generator=rng) < 0.5] = -1
    return Trial((model, known, torch.rand(shape, generator=rng, dtype=torch.float64)))


@complete_images.also_try
def further(rng):
    return [
        _trial(rng, (4, 1, 4, 3), 4),
        _trial(rng, (4, 3, 2, 3), 4),
        _trial(rng, (5, 1, 3, 5), 5),
        _trial(rng, (4, 1, 4, 4), 4, "lower"),
    ]


@complete_images.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    model, known, uniforms = trial.args
    for color, row, column in _places(known.shape):
        place = (slice(None), color, row, column)
        if differs := first_difference(got[place], want[place]):
            break
    b = differs[0]
    where = f"Image {b} of {len(known)}, colour {color}, row {row}, column {column}"
    lines = [f"{where}: the first place, in order, that differs."]
    given, mine = known[b, color, row, column], number(got[b, color, row, column])
    if given >= 0:
        return "\n".join([*lines, f"Level {given} is known there, your function has {mine}."])
    with torch.no_grad():
        logits = model(want.long())[b, :, color, row, column]
    shares = " ".join(number(p) for p in torch.softmax(logits, dim=0))
    lines.append(f"Given what comes before, the levels have probabilities {shares}.")
    level = number(want[b, color, row, column])
    lines.append(f"Uniform number {number(uniforms[b, color, row, column])}: level {level}.")
    return "\n".join([*lines, f"Your function has {mine} there."])


@complete_images.judge("all of an image missing, twice with the same noise")
def from_nothing(candidate, rng: torch.Generator) -> Failure | None:
    model, known, uniforms = _trial(rng, (6, 1, 2, 3), 4).args
    trial = Trial((model, torch.full_like(known, -1), uniforms))
    first, again = (complete_images.read(candidate(*trial.args), trial) for _ in range(2))
    if not torch.equal(first, again):
        (b, *_) = first_difference(first, again)
        told = f"Image {b}: {number(first[b].flatten()[0])}, then {number(again[b].flatten()[0])}."
        return Failure(OWN_NOISE, told)
    return complete_images.compare(candidate, [trial], further(rng))


complete_images.trials("lower halves missing")(lambda rng: [_trial(rng, (3, 1, 4, 5), 4, "lower")])
complete_images.trials("other places missing in each image", points=2)(
    lambda rng: [_trial(rng, (4, 1, 3, 5), 4), _trial(rng, (3, 1, 5, 3), 2)]
)
complete_images.trials("images with colours, some colours of a pixel known")(
    lambda rng: [_trial(rng, (4, 3, 2, 3), 3), _trial(rng, (5, 3, 3, 2), 5)]
)


def _loop(
    model_fn,
    known,
    uniforms,
    *,
    start=None,
    missing=None,
    places=_places,
    rule=draw,
    every=lambda place: True,
    keep=True,
):
    """The loop with one thing done differently.

    start    what the model is shown at first; missing: (B, C, H, W), which places are drawn
    every    whether the model runs anew before this place; keep: known levels stay
    """
    levels = known.clamp(min=0) if start is None else start.clone()
    missing = known < 0 if missing is None else missing
    for i, (color, row, column) in enumerate(places(known.shape)):
        place = (slice(None), color, row, column)
        if i == 0 or every((color, row, column)):
            logits = model_fn(levels)
        drawn = rule(logits[:, :, color, row, column], uniforms[place])
        levels[place] = torch.where(missing[place], drawn, known[place]) if keep else drawn
    return levels


@complete_images.mistakes
class Mistakes:
    def pasted_over_at_the_end(model_fn, known, uniforms):
        """The known levels are put in at the end. What was drawn before never saw them: put each in
        before the next draw."""
        drawn = _loop(model_fn, known, uniforms, start=torch.zeros_like(known), keep=False)
        return torch.where(known < 0, drawn, known)

    def known_levels_lost(model_fn, known, uniforms):
        """Known levels are drawn anew. Keep them as they are."""
        return _loop(model_fn, known, uniforms, keep=False)

    def zero_counts_as_missing(model_fn, known, uniforms):
        """A known level 0 is drawn anew: 0 is a level like any other, only -1 is missing."""
        return _loop(model_fn, known, uniforms, missing=known <= 0)

    def only_zeros_are_drawn(model_fn, known, uniforms):
        """The places with level 0 are drawn, those with -1 are not: -1 marks what is missing."""
        return _loop(model_fn, known, uniforms, missing=known == 0).clamp(min=0)

    def the_wrong_way_round(model_fn, known, uniforms):
        """What is known is drawn anew, and what is missing stays as it is: `where` is the wrong way
        round."""
        return _loop(model_fn, known.clamp(min=0), uniforms, missing=known >= 0)

    def missing_in_the_first_image(model_fn, known, uniforms):
        """Every image is drawn where the first one misses a level. Each image has its own
        places."""
        levels, missing = known.clamp(min=0), (known[:1] < 0).expand_as(known)
        return _loop(model_fn, levels, uniforms, missing=missing)

    def where_all_are_missing(model_fn, known, uniforms):
        """A place is drawn only if all images miss it. Each image has its own places."""
        levels, missing = known.clamp(min=0), (known < 0).all(dim=0).expand_as(known)
        return _loop(model_fn, levels, uniforms, missing=missing)

    def where_any_is_missing(model_fn, known, uniforms):
        """A place is drawn in all images if one of them misses it. Each image has its own
        places."""
        missing = (known < 0).any(dim=0).expand_as(known)
        return _loop(model_fn, known.clamp(min=0), uniforms, missing=missing)

    def missing_pixels_of_the_first_colour(model_fn, known, uniforms):
        """A pixel is drawn in all colours if its first colour is missing. Some colours of a pixel
        may be known."""
        levels, missing = known.clamp(min=0), (known[:, :1] < 0).expand_as(known)
        return _loop(model_fn, levels, uniforms, missing=missing)

    def the_likeliest_level(model_fn, known, uniforms):
        """You take the likeliest level of each place, whatever the noise."""
        return _loop(model_fn, known, uniforms, rule=lambda logits, u: logits.argmax(dim=1))

    def one_pass_for_all(model_fn, known, uniforms):
        """All that is missing is drawn as if none of it had been drawn before: from one pass of the
        model, or from the last place to the first. Go from the first to the last, and run the model
        after each draw."""
        return _loop(model_fn, known, uniforms, every=lambda place: False)

    def one_pass_a_row(model_fn, known, uniforms):
        """The model runs once for each row, so a pixel does not know what was drawn on its left.
        Run it after each draw."""
        return _loop(model_fn, known, uniforms, every=lambda p: p[0] == 0 and p[2] == 0)

    def colours_at_once(model_fn, known, uniforms):
        """No colour of a pixel sees those of the same pixel that were drawn before it: a pass of
        the model for each sub-pixel."""
        return _loop(model_fn, known, uniforms, every=lambda place: place[0] == 0)

    def column_by_column(model_fn, known, uniforms):
        """You go down the columns. Raster order goes along the rows."""

        def places(shape):
            return sorted(_places(shape), key=lambda p: (p[2], p[1], p[0]))

        return _loop(model_fn, known, uniforms, places=places)

    def colour_by_colour(model_fn, known, uniforms):
        """You draw a whole colour before the next. All colours of a pixel come before the pixel to
        its right."""
        return _loop(model_fn, known, uniforms, places=lambda shape: sorted(_places(shape)))

    def noise_in_a_row(model_fn, known, uniforms):
        """The uniform numbers are used up in order, one for each draw. A place uses the number that
        stands at its own place."""
        moved = uniforms.clone()
        for image, noise, own in zip(known, moved, uniforms, strict=True):
            missing = image.permute(1, 2, 0).flatten() < 0
            numbers = own.permute(1, 2, 0).flatten()
            row = numbers.clone()
            row[missing] = numbers[: int(missing.sum())]
            noise.copy_(row.view(*image.shape[1:], -1).permute(2, 0, 1))
        return _loop(model_fn, known, moved)

    def the_noise_of_the_first_image(model_fn, known, uniforms):
        """Every image uses the noise of the first one."""
        return _loop(model_fn, known, uniforms[:1].expand_as(uniforms))

    def one_number_for_all_colours(model_fn, known, uniforms):
        """All colours of a pixel use the number of the first. Each draw has its own."""
        return _loop(model_fn, known, uniforms[:, :1].expand_as(uniforms))

    def one_number_an_image(model_fn, known, uniforms):
        """An image uses its first uniform number for all of its pixels."""
        return _loop(model_fn, known, uniforms[:, :1, :1, :1].expand_as(uniforms))

    def uniform_turned_round(model_fn, known, uniforms):
        """1 - u is used in place of u."""
        return _loop(model_fn, known, 1 - uniforms)

    def logits_of_the_pixel_before(model_fn, known, uniforms):
        """The logits are read one column to the left. The mask shifts in the model, not here."""

        def shifted(levels):
            return model_fn(levels).roll(1, dims=4)

        return _loop(shifted, known, uniforms)

    def logits_of_the_first_image(model_fn, known, uniforms):
        """Every image uses the logits of the first image."""

        def first(levels):
            logits = model_fn(levels)
            return logits[:1].expand_as(logits)

        return _loop(first, known, uniforms)

    def shown_minus_one(model_fn, known, uniforms):
        """The model is shown -1 in every place where a draw stands: put the drawn level in, so that
        the next place sees it."""

        def blind(levels):
            return model_fn(torch.where(known < 0, -1, known))

        return _loop(blind, known, uniforms)

    def softmax_twice(model_fn, known, uniforms):
        """The softmax is taken twice: `draw` wants logits, not probabilities."""
        return _loop(model_fn, known, uniforms, rule=lambda logits, u: draw(logits.softmax(1), u))

    def not_drawn(model_fn, known, uniforms):
        """The missing levels are 0: nothing is drawn, or it is not written down."""
        return known.clamp(min=0)

    def left_at_minus_one(model_fn, known, uniforms):
        """This is `known` as it came, with -1 where a level was to be drawn."""
        return known.clone()

    @says(OWN_NOISE)
    def noise_of_its_own(model_fn, known, uniforms):
        return _loop(model_fn, known, torch.rand(uniforms.shape))

    @says(CHANGED)
    def in_place(model_fn, known, uniforms):
        known.copy_(_loop(model_fn, known, uniforms))
        return known


@complete_images.right
def with_certain_logits(model_fn, known, uniforms):
    levels = torch.zeros(known.shape, dtype=torch.long)
    with torch.no_grad():
        for color, row, column in _places(known.shape):
            logits = model_fn(levels)[:, :, color, row, column]
            given = known[:, color, row, column, None]
            other = (given >= 0) & (given != torch.arange(logits.shape[1]))
            logits = logits.masked_fill(other, -torch.inf)
            levels[:, color, row, column] = draw(logits, uniforms[:, color, row, column])
    return levels


@complete_images.right
def image_by_image(model_fn, known, uniforms):
    images = known.clone()
    for image, noise in zip(images, uniforms, strict=True):
        _, height, width = image.shape
        for row in range(height):
            for column in range(width):
                for color in range(len(image)):
                    if image[color, row, column] < 0:
                        shown = image[None].clamp(min=0)
                        logits = model_fn(shown)[:, :, color, row, column].detach()
                        image[color, row, column] = draw(logits, noise[None, color, row, column])[0]
    return images
