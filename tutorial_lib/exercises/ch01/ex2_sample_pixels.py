"""Exercise 1.2: draw an image pixel by pixel, and feed back what was drawn."""

import torch
from torch import Tensor

from tutorial_lib.exercises.ch01.tables import entry, given, random_tables
from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.tabular import sample_pixels as reference

sample_pixels = Exercise(
    "1.2",
    "Ancestral sampling",
    goal="Draw an image from tables of conditionals, each pixel given those drawn before it.",
    minutes=10,
    reference=reference,
    stub='''\
def sample_pixels(p_one: list[torch.Tensor], uniforms: torch.Tensor) -> torch.Tensor:
    """Draw D pixels, one after the other, by inverse CDF.

    p_one     a table for each pixel: p_one[i][x_0, ..., x_(i-1)] is the probability that pixel i
              is 1, given the pixels before it
    uniforms  (D,) numbers in [0, 1): pixel i is 0 if uniforms[i] < p(pixel i is 0), else 1
    returns   (D,) zeros and ones, torch.long

    By hand: p_one = [0.25, [0.5, 0.125]] and uniforms = [0.8, 0.6] give 1, since 0.8 >= 0.75,
             and then 0, since 0.6 < 0.875
    """
    ____
''',
    answer="""\
def sample_pixels(p_one, uniforms):
    pixels = torch.zeros(len(uniforms), dtype=torch.long)
    for i in range(len(uniforms)):
        one = p_one[i][tuple(pixels[:i])]  # read at the values drawn so far
        if uniforms[i] >= 1 - one:  # beyond the step of the 0
            pixels[i] = 1
    return pixels
""",
    hints=(
        """The table of a pixel is read at the values that were *drawn* for the pixels before it.
        So the pixels cannot be drawn all at once: a loop from the first to the last.""",
        """Start from `pixels = torch.zeros(len(uniforms), dtype=torch.long)` and fill it:
        `p_one[i][tuple(pixels[:i])]` is the probability of a 1, and a comparison of
        `uniforms[i]` with the probability of a 0 gives the value.""",
        """If the share of ones is right for the first pixel and wrong for the others, the drawn
        values do not reach the next look-up. If every draw gives the same image, nothing is
        drawn: the likeliest value is not a sample.""",
    ),
)

OWN_NOISE = (
    "The same uniform numbers gave two different images: your function draws numbers of its own."
)
IMPOSSIBLE = (
    "A value of probability 0 was drawn. Compare with < and >=, so that a uniform number of "
    "exactly 0 falls into the first step that has any width."
)


def _trial(n_pixels: int, rng: torch.Generator) -> Trial:
    uniforms = torch.rand(n_pixels, generator=rng, dtype=torch.float64)
    return Trial((random_tables(n_pixels, rng), uniforms))


@sample_pixels.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    p_one, uniforms = trial.args
    (i,) = first_difference(got, want)
    before = want[:i].long()
    zero = number(1 - entry(p_one[i], before))
    side = ">=" if want[i] else "<"
    return (
        f"Pixel {i}: p(0{given(before)}) = {zero} and its uniform number is {number(uniforms[i])} "
        f"{side} {zero}, so it is {number(want[i])}. Your function drew {number(got[i])}."
    )


@sample_pixels.judge("the same uniform numbers give the same image")
def repeats(candidate, rng: torch.Generator) -> Failure | None:
    for _ in range(8):
        trial = _trial(4, rng)
        first, again = (sample_pixels.read(candidate(*trial.args), trial) for _ in range(2))
        if not torch.equal(first, again):
            return Failure(OWN_NOISE, f"First {numbers(first)}, then {numbers(again)}.")
    return None


@sample_pixels.trials("every pixel of 20 images, by inverse CDF", points=2)
def drawn(rng):
    trials = [_trial(n_pixels, rng) for n_pixels in [4] * 18 + [6] * 2]
    return trials, [_trial(n_pixels, rng) for n_pixels in (5, 5, 5, 5, 6, 6)]


@sample_pixels.judge("a value of probability 0 is never drawn")
def impossible(candidate, rng: torch.Generator) -> Failure | None:
    for uniform in (0.0, 0.999999):
        for _ in range(4):
            certain = [(table > 0.5).double() for table in random_tables(4, rng)]
            trial = Trial((certain, torch.full((4,), uniform, dtype=torch.float64)))
            got = sample_pixels.read(candidate(*trial.args), trial)
            want = sample_pixels.read(trial.call(reference), trial)
            if not torch.equal(got, want):
                return Failure(IMPOSSIBLE, evidence(trial, got, want))
    return None


def _drawn(p_one, uniforms, rule, remember=lambda drawn, one: drawn, order=lambda before: before):
    """Draw by any rule, remember any value, and look it up in any order: for mistakes."""
    pixels, memory = torch.zeros(len(p_one), dtype=torch.long), torch.zeros(len(p_one)).long()
    for i, table in enumerate(p_one):
        one = entry(table, order(memory[:i]))
        pixels[i] = int(rule(uniforms[i], one))
        memory[i] = int(remember(pixels[i], one))
    return pixels


def _inverse_cdf(uniform, one):
    return uniform >= 1 - one


@sample_pixels.mistakes
class Mistakes:
    def the_likeliest_value(p_one, uniforms):
        """You take the likeliest value of each pixel, whatever the uniform number: that shows one
        mode and samples nothing."""
        return _drawn(p_one, uniforms, lambda uniform, one: one > 0.5)

    def no_feedback(p_one, uniforms):
        """The drawn values are not fed back: every table is read as if all pixels before were 0."""
        return _drawn(p_one, uniforms, _inverse_cdf, remember=lambda drawn, one: 0)

    def the_likeliest_value_is_fed_back(p_one, uniforms):
        """You feed back the likelier value of each pixel instead of the value that was drawn."""
        return _drawn(p_one, uniforms, _inverse_cdf, remember=lambda drawn, one: one > 0.5)

    def the_other_order_of_values(p_one, uniforms):
        """The distribution is right, but the order of the values is turned round. An inverse CDF
        lists 0 before 1, and the samplers of later chapters share this rule."""
        return _drawn(p_one, uniforms, lambda uniform, one: uniform < one)

    def compared_with_the_probability_of_a_1(p_one, uniforms):
        """You compare with the probability of a 1: so ones come as often as zeros should."""
        return _drawn(p_one, uniforms, lambda uniform, one: uniform >= one)

    def one_uniform_number_for_all_pixels(p_one, uniforms):
        """Every pixel uses the first uniform number. Each draw needs a number of its own."""
        return _drawn(p_one, uniforms[:1].expand(len(p_one)), _inverse_cdf)

    def context_backwards(p_one, uniforms):
        """The pixels before are read backwards: the first axis of a table belongs to the first
        pixel."""
        return _drawn(p_one, uniforms, _inverse_cdf, order=lambda before: before.flip(0))

    def context_of_ones(p_one, uniforms):
        """The drawn values are not fed back: every table is read as if all pixels before were 1."""
        return _drawn(p_one, uniforms, _inverse_cdf, remember=lambda drawn, one: 1)

    def the_opposite_is_fed_back(p_one, uniforms):
        """The opposite of each drawn value is fed back: a 1 where a 0 was drawn."""
        return _drawn(p_one, uniforms, _inverse_cdf, remember=lambda drawn, one: 1 - drawn)

    def coin_tosses(p_one, uniforms):
        """The uniform numbers are compared with 1/2: the tables are not used."""
        return _drawn(p_one, uniforms, lambda uniform, one: uniform >= 0.5)

    def contexts_from_coin_tosses(p_one, uniforms):
        """The tables are read at `uniforms >= 0.5`, not at the values that were drawn."""
        tosses = (uniforms >= 0.5).long()
        return _drawn(p_one, uniforms, _inverse_cdf, order=lambda before: tosses[: len(before)])

    def tables_averaged(p_one, uniforms):
        """The mean of each table is used, whatever was drawn before: look up the drawn values."""
        means = [table.mean().expand_as(table) for table in p_one]
        return _drawn(means, uniforms, _inverse_cdf)

    def values_exchanged(p_one, uniforms):
        """The comparison is turned round: below p(0) the pixel is 0, from there on 1."""
        return _drawn(p_one, uniforms, lambda uniform, one: uniform < 1 - one)

    def the_less_likely_value(p_one, uniforms):
        """You take the less likely value of each pixel, whatever the uniform number."""
        return _drawn(p_one, uniforms, lambda uniform, one: one < 0.5)

    def another_pixels_uniform_number(p_one, uniforms):
        """A pixel uses the uniform number of the pixel before it: the first number is used twice,
        the last not at all."""
        return _drawn(p_one, torch.cat([uniforms[:1], uniforms[:-1]]), _inverse_cdf)

    def the_next_uniform_number(p_one, uniforms):
        """A pixel uses the uniform number of the next pixel. uniforms[i] belongs to pixel i."""
        return _drawn(p_one, uniforms.roll(-1), _inverse_cdf)

    def uniform_numbers_backwards(p_one, uniforms):
        """The uniform numbers are used from the last to the first. uniforms[i] belongs to pixel
        i."""
        return _drawn(p_one, uniforms.flip(0), _inverse_cdf)

    def the_last_uniform_number(p_one, uniforms):
        """Every pixel uses the last uniform number. Each draw needs a number of its own."""
        return _drawn(p_one, uniforms[-1:].expand(len(p_one)), _inverse_cdf)

    def only_the_pixel_right_before(p_one, uniforms):
        """Only the pixel right before is looked up, all earlier ones as if they were 0. A table has
        an axis for each pixel before."""

        def order(before):
            return torch.where(torch.arange(len(before)) == len(before) - 1, before, 0)

        return _drawn(p_one, uniforms, _inverse_cdf, order=order)

    def only_the_first_pixel_fed_back(p_one, uniforms):
        """Only the first pixel is looked up, all later ones as if they were 0. Every drawn value
        has to reach the tables after it."""

        def order(before):
            return torch.where(torch.arange(len(before)) == 0, before, 0)

        return _drawn(p_one, uniforms, _inverse_cdf, order=order)

    def looked_up_one_place_off(p_one, uniforms):
        """The values looked up are shifted by one: at pixel i, pixels[1 : i + 1], of which the last
        is not drawn yet. Before pixel i come pixels[:i]."""

        def order(before):
            return torch.cat([before[1:], torch.zeros_like(before[:1])])

        return _drawn(p_one, uniforms, _inverse_cdf, order=order)

    def looked_up_from_the_end(p_one, uniforms):
        """The values looked up are those of the last i pixels, of which most are not drawn yet.
        Before pixel i come pixels[:i]."""
        pixels = torch.zeros(len(p_one), dtype=torch.long)
        for i, table in enumerate(p_one):
            pixels[i] = _inverse_cdf(uniforms[i], entry(table, pixels[len(p_one) - i :]))
        return pixels

    def all_zeros(p_one, uniforms):
        """Every pixel is 0: nothing is drawn, or what is drawn is not written down."""
        return torch.zeros(len(p_one), dtype=torch.long)

    @says(OWN_NOISE)
    def drawn_by_torch(p_one, uniforms):
        return _drawn(p_one, uniforms, lambda uniform, one: torch.rand(()) < one)

    @says(OWN_NOISE)
    def noise_of_its_own(p_one, uniforms):
        return _drawn(p_one, torch.rand(len(p_one)), _inverse_cdf)

    @says(IMPOSSIBLE)
    def an_impossible_pixel_at_a_uniform_number_of_0(p_one, uniforms):
        return _drawn(p_one, uniforms, lambda uniform, one: uniform > 1 - one)


@sample_pixels.right
def narrowing_tables(p_one, uniforms):
    tables, drawn = list(p_one), []
    for uniform in uniforms.tolist():
        value = 0 if uniform < 1 - float(tables[0]) else 1
        drawn.append(value)
        tables = [table[value] for table in tables[1:]]
    return torch.tensor(drawn)


@sample_pixels.right
def by_cumulative_sums(p_one, uniforms):
    drawn = ()
    for table, uniform in zip(p_one, uniforms, strict=True):
        steps = torch.stack([1 - table[drawn], table[drawn]]).cumsum(0)
        drawn += (int((steps[:-1] <= uniform).sum()),)
    return torch.tensor(drawn, dtype=torch.long)
