"""Exercise 3.4: draw images from a model, one sub-pixel at a time."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from tutorial_lib.exercises.ch03.models import CausalPixels
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.sampling.ancestral import draw


@torch.no_grad()
def reference(model_fn: Callable, uniforms: Tensor, temperature: float = 1.0) -> Tensor:
    """Images drawn sub-pixel by sub-pixel, each fed back before the next: (B, C, H, W) long."""
    levels = torch.zeros(uniforms.shape, dtype=torch.long)
    _, n_colors, height, width = uniforms.shape
    for row in range(height):
        for column in range(width):
            for color in range(n_colors):
                logits = model_fn(levels)[:, :, color, row, column]
                drawn = draw(logits / temperature, uniforms[:, color, row, column])
                levels[:, color, row, column] = drawn
    return levels


sample_images = Exercise(
    "3.4",
    "Draw images",
    goal="Draw images from any model of pixels, one forward pass for each sub-pixel.",
    minutes=15,
    reference=reference,
    stub='''\
def sample_images(model_fn, uniforms: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Draw images in raster order, each sub-pixel given all that were drawn before it.

    model_fn     a function: levels (B, C, H, W) torch.long -> logits (B, L, C, H, W)
    uniforms     (B, C, H, W) numbers in [0, 1), one for each draw
    temperature  divides the logits
    returns      (B, C, H, W) torch.long; within a pixel, colour 0 is drawn first

    The draw itself is `draw(logits, uniforms)` of tutorial_lib.sampling: (B, L), (B,) -> (B,)

    By hand: one row of three pixels, two levels. The model gives level 1 probability 0.9 at the
             first pixel and after a 0, and 0.1 after a 1. uniforms 0.5, 0.5, 0.95: 0.5 >= 0.1
             draws 1; 0.5 < 0.9 draws 0; 0.95 >= 0.1 draws 1. What is not drawn yet may hold any
             level, 0 say
    """
    ____
''',
    answer="""\
def sample_images(model_fn, uniforms, temperature=1.0):
    levels = torch.zeros(uniforms.shape, dtype=torch.long)
    _, n_colors, height, width = uniforms.shape
    for row in range(height):
        for column in range(width):
            for color in range(n_colors):
                with torch.no_grad():  # a pass for each sub-pixel
                    logits = model_fn(levels)[:, :, color, row, column] / temperature
                noise = uniforms[:, color, row, column]
                levels[:, color, row, column] = draw(logits, noise)
    return levels
""",
    hints=(
        """Keep one tensor of levels for the whole batch, zeros at first. For each place in turn:
        run the model on what is there, draw that place from its logits, write it down. The
        next pass sees it.""",
        """`levels = torch.zeros(uniforms.shape, dtype=torch.long)`; three loops, over rows,
        columns and colours; `model_fn(levels)[:, :, color, row, column]` are the logits of
        one place, (B, L), and `uniforms[:, color, row, column]` its noise. `torch.no_grad()`
        saves memory.""",
        """If the first pixel is right and the others are not, the model does not see what was
        drawn. If grey images are right and coloured ones are not, look at how often the model
        runs for a pixel. All images alike: the noise is not used.""",
    ),
)


def _places(shape):
    """(colour, row, column) in the right order."""
    _, n_colors, height, width = shape
    return [(c, i, j) for i, j, c in product(range(height), range(width), range(n_colors))]


OWN_NOISE = (
    "The same noise gave two different images: your function draws numbers of its own. Use "
    "`uniforms`."
)


def _trial(
    rng: torch.Generator, shape: tuple[int, int, int, int], n_levels: int, temperature: float = 1.0
) -> Trial:
    model = CausalPixels(shape[1], n_levels, rng)
    uniforms = torch.rand(shape, generator=rng, dtype=torch.float64)
    return Trial((model, uniforms, temperature))


def _grey(rng: torch.Generator) -> list[Trial]:
    return [
        _trial(rng, (4, 1, 3, 5), 4),
        _trial(rng, (3, 1, 5, 4), 2),
        _trial(rng, (1, 1, 4, 4), 6),
    ]


def _further(rng: torch.Generator) -> list[Trial]:
    """Grey, coloured and at another temperature, to tell the mistakes apart."""
    sizes = ((4, 1, 3, 4), 4, 1.0), ((4, 3, 2, 3), 4, 1.0), ((4, 1, 4, 3), 5, 0.4)
    return [_trial(rng, *size) for size in sizes]


@sample_images.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    model, uniforms, temperature = trial.args
    shape = uniforms.shape
    for place in _places(shape):
        differs = first_difference(got[(slice(None), *place)], want[(slice(None), *place)])
        if differs:
            break
    b, (color, row, column) = differs[0], place
    with torch.no_grad():
        logits = model(want.long())[b, :, color, row, column] / temperature
    shares = " ".join(number(p) for p in torch.softmax(logits, dim=0))
    where = f"Image {b} of {shape[0]}, colour {color}, row {row}, column {column}"
    noise, level = number(uniforms[b, color, row, column]), number(want[b, color, row, column])
    return "\n".join(
        [
            f"{where}: the first place, in order, that differs.",
            f"Given what comes before, the levels have probabilities {shares}.",
            f"Temperature {temperature:g}, uniform number {noise}: level {level}.",
            f"Your function has {number(got[b, color, row, column])} there.",
        ]
    )


@sample_images.judge("images of a single pixel, twice with the same noise")
def first_pixel(candidate, rng: torch.Generator) -> Failure | None:
    trial = _trial(rng, (40, 1, 1, 1), 5)
    first, again = (sample_images.read(candidate(*trial.args), trial) for _ in range(2))
    if not torch.equal(first, again):
        (b, *_) = first_difference(first, again)
        return Failure(OWN_NOISE, f"Image {b}: level {number(first[b])}, then {number(again[b])}.")
    return sample_images.compare(candidate, [trial], _further(rng))


sample_images.trials("grey images that are not square, every pixel", points=2)(
    lambda rng: (_grey(rng), _further(rng))
)
sample_images.also_try(lambda rng: _further(rng))
sample_images.trials("images with colours")(
    lambda rng: [_trial(rng, (4, 3, 2, 3), 3), _trial(rng, (3, 2, 3, 2), 4)]
)
sample_images.trials("temperatures below and above 1")(
    lambda rng: [_trial(rng, (4, 1, 3, 4), 4, t) for t in (0.4, 2.5)]
)


def _loop(
    model_fn, uniforms, temperature=1.0, *, places=_places, rule=draw, seen=None, every=lambda p: 1
):
    """The loop with one thing done differently.

    places   the order; rule: how a level comes from logits and noise
    seen     what the model is shown in place of the drawn level
    every    whether the model runs anew before this place
    """
    levels = torch.zeros(uniforms.shape, dtype=torch.long)
    shown = torch.zeros(uniforms.shape, dtype=torch.float64)
    for number_, (color, row, column) in enumerate(places(uniforms.shape)):
        place = (slice(None), color, row, column)
        if number_ == 0 or every((color, row, column)):
            logits = model_fn(levels if seen is None else shown) / temperature
        here = logits[:, :, color, row, column]
        levels[place] = rule(here, uniforms[place])
        if seen is not None:
            shown[place] = seen(here, levels[place])
    return levels


@sample_images.mistakes
class Mistakes:
    def the_likeliest_level(model_fn, uniforms, temperature=1.0):
        """You take the likeliest level of each place, whatever the noise: that is one image for
        ever, and no sample."""
        return _loop(model_fn, uniforms, temperature, rule=lambda logits, u: logits.argmax(dim=1))

    def one_pass_for_all(model_fn, uniforms, temperature=1.0):
        """Every pixel is drawn as if none had been drawn before it: the model runs only once, or is
        never shown what was drawn, or the order is turned round. Go from the first pixel to the
        last, write each level down, then run the model on it."""
        return _loop(model_fn, uniforms, temperature, every=lambda place: False)

    def one_pass_a_row(model_fn, uniforms, temperature=1.0):
        """The model runs once for each row, so a pixel does not know its left neighbour. Run it
        after each draw."""
        return _loop(model_fn, uniforms, temperature, every=lambda p: p[0] == 0 and p[2] == 0)

    def colours_at_once(model_fn, uniforms, temperature=1.0):
        """No colour of a pixel sees those before it: they come from one pass, or are drawn in the
        wrong order. Colour 0 first, and a pass of the model for each sub-pixel."""
        return _loop(model_fn, uniforms, temperature, every=lambda place: place[0] == 0)

    def column_by_column(model_fn, uniforms, temperature=1.0):
        """You go down the columns. Raster order goes along the rows: the model relies on it."""

        def places(shape):
            return sorted(_places(shape), key=lambda p: (p[2], p[1], p[0]))

        return _loop(model_fn, uniforms, temperature, places=places)

    def colour_by_colour(model_fn, uniforms, temperature=1.0):
        """You draw a whole colour before the next. All colours of a pixel come before the pixel to
        its right."""
        return _loop(model_fn, uniforms, temperature, places=lambda shape: sorted(_places(shape)))

    def the_mean_is_fed_back(model_fn, uniforms, temperature=1.0):
        """The model is shown the mean of each distribution, not the level that was drawn. Nothing
        agrees with what is in the image then."""

        def mean(logits, drawn):
            levels = torch.arange(logits.shape[1], dtype=logits.dtype)
            return torch.softmax(logits, dim=1) @ levels

        return _loop(model_fn, uniforms, temperature, seen=mean)

    def levels_scaled(model_fn, uniforms, temperature=1.0):
        """The model is shown levels divided by L - 1. It was trained on levels as they are, and
        scales them itself."""

        def scaled(logits, drawn):
            return drawn.double() / (logits.shape[1] - 1)

        return _loop(model_fn, uniforms, temperature, seen=scaled)

    def softmax_over_the_images(model_fn, uniforms, temperature=1.0):
        """The softmax runs over the images of the batch. Of logits (B, L), the levels are axis
        1."""

        def rule(logits, u):
            steps = torch.softmax(logits, dim=0).cumsum(dim=1)
            return (steps[:, :-1] <= u[:, None]).sum(dim=1)

        return _loop(model_fn, uniforms, temperature, rule=rule)

    def no_softmax(model_fn, uniforms, temperature=1.0):
        """The logits are added up as if they were probabilities: the softmax is missing."""

        def rule(logits, u):
            return (logits.cumsum(dim=1)[:, :-1] <= u[:, None]).sum(dim=1)

        return _loop(model_fn, uniforms, temperature, rule=rule)

    def softmax_twice(model_fn, uniforms, temperature=1.0):
        """The softmax is taken twice: `draw` wants logits, not probabilities."""
        return _loop(
            model_fn, uniforms, temperature, rule=lambda logits, u: draw(logits.softmax(dim=1), u)
        )

    def the_noise_of_the_first_image(model_fn, uniforms, temperature=1.0):
        """Every image uses the noise of the first one, so all images are the same."""
        return _loop(model_fn, uniforms[:1].expand_as(uniforms), temperature)

    def one_number_an_image(model_fn, uniforms, temperature=1.0):
        """An image uses its first uniform number for all of its pixels. Each draw needs its own."""
        return _loop(model_fn, uniforms[:, :1, :1, :1].expand_as(uniforms), temperature)

    def rows_from_below(model_fn, uniforms, temperature=1.0):
        """You begin with the last row. Raster order goes from the top to the bottom."""

        def places(shape):
            return sorted(_places(shape), key=lambda p: (-p[1], p[2], p[0]))

        return _loop(model_fn, uniforms, temperature, places=places)

    def columns_from_the_right(model_fn, uniforms, temperature=1.0):
        """You go along a row from right to left. Raster order goes from left to right."""

        def places(shape):
            return sorted(_places(shape), key=lambda p: (p[1], -p[2], p[0]))

        return _loop(model_fn, uniforms, temperature, places=places)

    def one_number_a_row(model_fn, uniforms, temperature=1.0):
        """A row uses the uniform number of its first pixel for all of them. Each draw needs its
        own."""
        return _loop(model_fn, uniforms[..., :1].expand_as(uniforms), temperature)

    def one_number_a_column(model_fn, uniforms, temperature=1.0):
        """A column uses the uniform number of its first pixel for all of them. Each draw needs its
        own."""
        return _loop(model_fn, uniforms[:, :, :1].expand_as(uniforms), temperature)

    def one_number_for_all_colours(model_fn, uniforms, temperature=1.0):
        """All colours of a pixel use the number of the first. Each draw needs its own."""
        return _loop(model_fn, uniforms[:, :1].expand_as(uniforms), temperature)

    def noise_of_the_pixel_before(model_fn, uniforms, temperature=1.0):
        """A pixel uses the uniform number of the pixel to its left: take it at the place that is
        drawn."""
        return _loop(model_fn, uniforms.roll(1, dims=3), temperature)

    def noise_of_the_row_before(model_fn, uniforms, temperature=1.0):
        """A pixel uses the uniform number of the pixel above: take it at the place that is
        drawn."""
        return _loop(model_fn, uniforms.roll(1, dims=2), temperature)

    def noise_of_another_image(model_fn, uniforms, temperature=1.0):
        """An image uses the noise of another image of the batch."""
        return _loop(model_fn, uniforms.roll(1, dims=0), temperature)

    def uniform_turned_round(model_fn, uniforms, temperature=1.0):
        """1 - u is used in place of u: the steps of the inverse CDF go from level 0 up."""
        return _loop(model_fn, 1 - uniforms, temperature)

    def last_column_never_drawn(model_fn, uniforms, temperature=1.0):
        """The last column is never drawn: `range(width)` ends by itself at width - 1."""

        def places(shape):
            return [p for p in _places(shape) if p[2] < shape[3] - 1]

        return _loop(model_fn, uniforms, temperature, places=places)

    def last_row_never_drawn(model_fn, uniforms, temperature=1.0):
        """The last row is never drawn: `range(height)` ends by itself at height - 1."""

        def places(shape):
            return [p for p in _places(shape) if p[1] < shape[2] - 1]

        return _loop(model_fn, uniforms, temperature, places=places)

    def first_pixel_never_drawn(model_fn, uniforms, temperature=1.0):
        """The first pixel is never drawn: it has no past, but a distribution."""

        def places(shape):
            return [p for p in _places(shape) if p[1:] != (0, 0)]

        return _loop(model_fn, uniforms, temperature, places=places)

    def first_row_and_column_never_drawn(model_fn, uniforms, temperature=1.0):
        """The first row and column are never drawn: loops begin at 0."""

        def places(shape):
            return [p for p in _places(shape) if p[1] and p[2]]

        return _loop(model_fn, uniforms, temperature, places=places)

    def first_colour_only(model_fn, uniforms, temperature=1.0):
        """Only the first colour is drawn, the others stay 0."""

        def places(shape):
            return [p for p in _places(shape) if p[0] == 0]

        return _loop(model_fn, uniforms, temperature, places=places)

    def one_level_up(model_fn, uniforms, temperature=1.0):
        """Every level is one too high: levels count from 0."""
        return _loop(model_fn, uniforms, temperature, rule=lambda logits, u: draw(logits, u) + 1)

    def logits_of_the_pixel_before(model_fn, uniforms, temperature=1.0):
        """The logits are read one column to the left, at the pixel that is drawn already. The mask
        shifts in the model, not here."""

        def shifted(levels):
            return model_fn(levels).roll(1, dims=4)

        return _loop(shifted, uniforms, temperature)

    def logits_of_the_next_pixel(model_fn, uniforms, temperature=1.0):
        """The logits are read one column to the right of the place that is drawn."""

        def shifted(levels):
            return model_fn(levels).roll(-1, dims=4)

        return _loop(shifted, uniforms, temperature)

    def logits_of_the_first_image(model_fn, uniforms, temperature=1.0):
        """Every image uses the logits of the first image: take those of all, `[:, :, color, row,
        column]`."""

        def first(levels):
            logits = model_fn(levels)
            return logits[:1].expand_as(logits)

        return _loop(first, uniforms, temperature)

    def logits_of_the_first_colour(model_fn, uniforms, temperature=1.0):
        """Every colour uses the logits of the first."""

        def first(levels):
            logits = model_fn(levels)
            return logits[:, :, :1].expand_as(logits)

        return _loop(first, uniforms, temperature)

    def temperature_twice(model_fn, uniforms, temperature=1.0):
        """The logits are divided by the temperature twice."""
        return _loop(model_fn, uniforms, temperature**2)

    def temperature_root(model_fn, uniforms, temperature=1.0):
        """The logits are divided by the root of the temperature: divide by the temperature
        itself."""
        return _loop(model_fn, uniforms, temperature**0.5)

    def nothing_drawn(model_fn, uniforms, temperature=1.0):
        """Every level is 0: nothing is drawn, or it is not written down."""
        return torch.zeros(uniforms.shape, dtype=torch.long)

    @says(OWN_NOISE)
    def noise_of_its_own(model_fn, uniforms, temperature=1.0):
        return _loop(model_fn, torch.rand(uniforms.shape), temperature)

    def temperature_multiplied(model_fn, uniforms, temperature=1.0):
        """The logits are multiplied by the temperature. A temperature below 1 has to make the model
        surer: divide."""
        return _loop(model_fn, uniforms, 1 / temperature)

    def temperature_ignored(model_fn, uniforms, temperature=1.0):
        """The temperature has no effect."""
        return _loop(model_fn, uniforms)

    def temperature_on_probabilities(model_fn, uniforms, temperature=1.0):
        """The probabilities are divided by the temperature, behind the softmax, and no longer sum
        to 1. It belongs on the logits."""

        def rule(logits, u):
            steps = (torch.softmax(logits, dim=1) / temperature).cumsum(dim=1)
            return (steps[:, :-1] <= u[:, None]).sum(dim=1)

        return _loop(model_fn, uniforms, rule=rule)


@sample_images.right
def place_by_place(model_fn, uniforms, temperature=1.0):
    order = torch.arange(uniforms[0].numel()).view(*uniforms.shape[2:], uniforms.shape[1])
    order = order.permute(2, 0, 1)
    levels = torch.full(uniforms.shape, 0)
    for step in range(order.numel()):
        with torch.inference_mode():
            log_p = torch.log_softmax(model_fn(levels) / temperature, dim=1)
            steps = log_p.exp().cumsum(dim=1)[:, :-1]
            candidates = (steps <= uniforms.unsqueeze(1)).sum(dim=1)
        levels = torch.where(order == step, candidates, levels)
    return levels


@sample_images.right
def image_by_image(model_fn, uniforms, temperature=1.0):
    images = []
    for noise in uniforms:
        image = torch.randint(2, noise.shape)  # what is not drawn yet must not matter
        for row in range(noise.shape[1]):
            for column in range(noise.shape[2]):
                for color in range(noise.shape[0]):
                    logits = model_fn(image[None])[:, :, color, row, column]
                    u = noise[None, color, row, column]
                    image[color, row, column] = draw(logits, u, temperature)[0]
        images.append(image)
    return torch.stack(images)
