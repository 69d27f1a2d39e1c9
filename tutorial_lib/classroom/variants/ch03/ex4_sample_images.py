"""Variants of exercise 3.4: what the probabilities go through before the draw."""

import math
from itertools import product

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch03
from tutorial_lib.exercises.ch03.models import CausalPixels
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.sampling.ancestral import draw

MODEL = (
    "lambda x: torch.tensor([0.4, 0.1, 0.19, 0.31]).log()"
    ".view(1, 4, 1, 1, 1).expand(len(x), 4, 1, 1, 6)"
)
sample_images = Variants(
    ch03.sample_images,
    model_fn="a function: levels (B, C, H, W) torch.long -> logits (B, L, C, H, W), L >= 4",
    temperature="divides the logits, before anything else",
    by_hand=(
        "one pixel whose levels have probability 0.4, 0.1, 0.2, 0.3 at this temperature. {outcome}"
    ),
    examples=(
        f"sample_images({MODEL}, "
        "torch.tensor([0.1, 0.36, 0.43, 0.47, 0.55, 0.68]).view(1, 1, 1, 6))",
    ),
)


def _twist(says: str, by_hand: str, changed):
    """changed(p) are the probabilities (B, L) that are drawn from; they need not sum to 1."""

    @sample_images.twist(says, outcome=by_hand)
    def right(model_fn, uniforms, temperature=1.0):
        levels = torch.zeros(uniforms.shape, dtype=torch.long)
        _, n_colors, height, width = uniforms.shape
        for row, column, color in product(range(height), range(width), range(n_colors)):
            with torch.no_grad():
                logits = model_fn(levels)[:, :, color, row, column]
            p = changed(torch.softmax(logits.double() / temperature, dim=1))
            levels[:, color, row, column] = draw(p.log(), uniforms[:, color, row, column])
        return levels

    @sample_images.right
    def image_by_image(model_fn, uniforms, temperature=1.0):
        images = torch.zeros(uniforms.shape, dtype=torch.long)
        _, n_colors, height, width = uniforms.shape
        places = list(product(range(height), range(width), range(n_colors)))
        for image, noise in zip(images, uniforms, strict=True):
            for row, column, color in places:
                logits = model_fn(image[None])[0, :, color, row, column].detach()
                p = changed((logits.double() / temperature).softmax(dim=0)[None])[0]
                steps = (p / p.sum()).cumsum(dim=0)[:-1]
                image[color, row, column] = (steps <= noise[color, row, column]).sum()
        return images


def _top(n_kept: int):
    def changed(p):
        lowest = p.topk(n_kept, dim=1).values[:, -1:]
        return torch.where(p >= lowest, p, 0.0)

    by_hand = {
        2: (
            "Kept are levels 0 and 3, with 0.4/0.7 and 0.3/0.7: a uniform number of 0.5 draws 0, "
            "and one of 0.6 draws 3"
        ),
        3: (
            "Kept are levels 0, 2 and 3, with 0.4/0.9, 0.2/0.9 and 0.3/0.9: a uniform number of "
            "0.43 draws 0, and one of 0.47 draws 2"
        ),
    }
    _twist(
        f"Only the {n_kept} likeliest levels of each sub-pixel may be drawn; their probabilities "
        "are divided by their sum.",
        by_hand[n_kept],
        changed,
    )


_top(2)
_top(3)

_twist(
    "Only levels more than 5/8 as likely as the likeliest may be drawn; their probabilities "
    "are divided by their sum.",
    (
        "Kept are levels 0 and 3, with 0.4/0.7 and 0.3/0.7, since the others lie below 0.25: a "
        "uniform number of 0.5 draws 0, and one of 0.6 draws 3"
    ),
    lambda p: torch.where(p > 0.625 * p.amax(dim=1, keepdim=True), p, 0.0),
)


def _with_noise(share: float):
    first = (1 - share) * 0.4 + share / 4
    _twist(
        f"With probability {share:g} a level is drawn evenly: p = {1 - share:g} * softmax "
        f"+ {share:g} / L.",
        (
            f"Level 0 has {1 - share:g} * 0.4 + {share / 4:g} = {first:g}: a uniform number of "
            f"{math.floor(100 * first) / 100 - 0.01:g} draws 0, and one of "
            f"{math.ceil(100 * first) / 100 + 0.01:g} draws 1"
        ),
        lambda p: (1 - share) * p + share / p.shape[1],
    )


_with_noise(0.4)


def _trial(
    rng: torch.Generator, shape: tuple[int, int, int, int], n_levels: int, temperature: float = 1.0
) -> Trial:
    model = CausalPixels(shape[1], n_levels, rng)
    return Trial((model, torch.rand(shape, generator=rng, dtype=torch.float64), temperature))


sample_images.trials("images of a single pixel")(lambda rng: [_trial(rng, (40, 1, 1, 1), 5)])


@sample_images.trials("grey images that are not square, every pixel", points=2)
def grey(rng):
    shapes = (4, 1, 3, 5), (3, 1, 5, 4), (1, 1, 4, 4)
    return [_trial(rng, shape, n_levels) for shape, n_levels in zip(shapes, (4, 5, 6), strict=True)]


sample_images.trials("images with colours")(
    lambda rng: [_trial(rng, (4, 3, 2, 3), 5), _trial(rng, (3, 2, 3, 2), 4)]
)
sample_images.trials("temperatures below and above 1")(
    lambda rng: [_trial(rng, (4, 1, 3, 4), 4, temperature) for temperature in (0.4, 2.5)]
)
