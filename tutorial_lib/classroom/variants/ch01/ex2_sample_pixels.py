"""Variants of exercise 1.2: which number draws which value, and what the tables tell."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch01
from tutorial_lib.exercises.ch01.tables import random_tables
from tutorial_lib.exercises.trials import Trial

TABLES = "[torch.tensor(0.25), torch.tensor([0.5, 0.125]), torch.tensor([[0.1, 0.2], [0.7, 1]])]"
sample_pixels = Variants(
    ch01.sample_pixels,
    asked="Draw D pixels, one after the other, each given those that were drawn before it.",
    p_one="a table for each pixel: {table}",
    uniforms="(D,) numbers in [0, 1): {rule}",
    examples=tuple(
        f"sample_pixels({TABLES}, torch.tensor({uniforms}))"
        for uniforms in ([0.8, 0.4, 0.5], [0.8, 0.9, 0.25], [0.1, 0.6, 0.5])
    ),
)

ONE_TABLE = (
    "p_one[i][x_0, ..., x_(i-1)] is the probability that pixel i is 1, given the pixels before it"
)
ZERO_FIRST = "pixel i is 0 if uniforms[i] < p(pixel i is 0), else 1"


@sample_pixels.twist(
    "The steps of the inverse CDF are in the other order: a small number draws a 1.",
    table=ONE_TABLE,
    rule="pixel i is 1 if uniforms[i] < p(pixel i is 1), else 0",
    by_hand=(
        "p_one = [0.25, [0.5, 0.125]] and uniforms = [0.8, 0.4] give 0, since 0.8 >= 0.25, "
        "and then 1, since 0.4 < 0.5"
    ),
)
def one_first(p_one, uniforms):
    drawn = ()
    for table, uniform in zip(p_one, uniforms, strict=True):
        drawn += (int(uniform < table[drawn]),)
    return torch.tensor(drawn)


@sample_pixels.right
def one_first_again(p_one, uniforms):
    tables, pixels = list(p_one), torch.zeros(len(p_one), dtype=torch.long)
    for i in range(len(pixels)):
        pixels[i] = 0 if uniforms[i] >= tables[i] else 1
        tables = [t if k <= i else t[pixels[i]] for k, t in enumerate(tables)]
    return pixels


@sample_pixels.twist(
    "A table gives the probability that a pixel differs from the one right before it; for "
    "pixel 0, that it is 1.",
    table=(
        "p_one[i][x_0, ..., x_(i-1)] is the probability that pixel i differs from x_(i-1), "
        "given the pixels before it. p_one[0]: that pixel 0 is 1"
    ),
    rule=(
        "pixel i is as the one before it (pixel 0 is 0) if "
        "uniforms[i] < 1 - p, else the other value"
    ),
    by_hand=(
        "p_one = [0.25, [0.5, 0.125]] and uniforms = [0.8, 0.6]: 0.8 >= 0.75 draws a change, "
        "so 1; then 0.6 < 0.875 keeps it: 1 again"
    ),
)
def changes(p_one, uniforms):
    drawn, before = (), 0
    for table, uniform in zip(p_one, uniforms, strict=True):
        before = before ^ int(uniform >= 1 - table[drawn])
        drawn += (before,)
    return torch.tensor(drawn)


@sample_pixels.right
def changes_again(p_one, uniforms):
    pixels = torch.zeros(len(p_one), dtype=torch.long)
    for i, table in enumerate(p_one):
        before = pixels[i - 1] if i > 0 else torch.tensor(0)
        stays = uniforms[i] < 1 - table[pixels[:i].unbind()]
        pixels[i] = torch.where(stays, before, 1 - before)
    return pixels


@sample_pixels.twist(
    "The axes of a table run from the nearest pixel to the farthest: p_one[i][x_(i-1), ..., x_0].",
    table=(
        "p_one[i][x_(i-1), ..., x_0] is the probability that pixel i is 1, given the pixels "
        "before it"
    ),
    rule=ZERO_FIRST,
    by_hand=(
        "p_one = [0.5, [0.5, 0.5], [[0.1, 0.2], [0.7, 0.4]]], uniforms = [0.6, 0.4, 0.5] give "
        "1, 0, and then 0: x_1 = 0 and x_0 = 1 pick 0.2, and 0.5 < 0.8"
    ),
)
def nearest_first(p_one, uniforms):
    nearest = ()
    for table, uniform in zip(p_one, uniforms, strict=True):
        nearest = (int(uniform >= 1 - table[nearest]), *nearest)
    return torch.tensor(nearest[::-1])


@sample_pixels.right
def nearest_first_again(p_one, uniforms):
    pixels = torch.zeros(len(p_one), dtype=torch.long)
    for i, table in enumerate(p_one):
        one = table
        for before in reversed(pixels[:i].tolist()):
            one = one[before]
        pixels[i] = (uniforms[i] >= 1 - one).long()
    return pixels


def _trial(n_pixels: int, rng: torch.Generator) -> Trial:
    uniforms = torch.rand(n_pixels, generator=rng, dtype=torch.float64)
    return Trial((random_tables(n_pixels, rng), uniforms))


sample_pixels.trials("images of three pixels")(lambda rng: [_trial(3, rng) for _ in range(10)])
sample_pixels.trials("every pixel of 20 images", points=2)(
    lambda rng: [_trial(n_pixels, rng) for n_pixels in [4] * 18 + [6] * 2]
)


@sample_pixels.trials("probabilities of 0 and 1, smallest and largest uniform numbers")
def extremes(rng):
    """Probabilities of 0 and 1 among others, and uniform numbers of 0 and nearly 1 as well."""
    trials = []
    for uniform in (0.0, 0.999999, 0.5) * 3:
        tables = random_tables(4, rng)
        certain = [torch.where((t - 0.5).abs() < 0.2, t, (t > 0.5).double()) for t in tables]
        trials.append(Trial((certain, torch.full((4,), uniform, dtype=torch.float64))))
    return trials
