"""Exercise 13.3: a whole sample of a two-stage model, or the rest of one."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from tutorial_lib.exercises.ch03.models import CausalPixels
from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.sampling.ancestral import draw

IN_PLACE = "The chapter completes the same kept codes again. Write into a copy: `kept.clone()`."


@torch.no_grad()
def reference(prior: Callable, decode: Callable, kept: Tensor, uniforms: Tensor) -> object:
    """What `decode` gives, as it gives it (not in the precision of the noise).

    New codes in raster order, those of `kept` where it has any, decoded once they are there.
    """
    codes = kept.clamp(min=0)
    for row, column in product(*map(range, kept.shape[1:])):
        here = kept[:, row, column]
        drawn = draw(prior(codes)[:, :, row, column], uniforms[:, row, column])
        codes[:, row, column] = torch.where(here < 0, drawn, here)
    return decode(codes)


two_stage_sample = Exercise(
    "13.3",
    "A whole sample: codes, then an image",
    goal="Draw the codes that are missing, one after the other, then decode the whole field.",
    minutes=20,
    reference=reference,
    when_changed={"kept": IN_PLACE},
    otherwise="Some codes are not those that this noise draws.",
    stub='''\
def two_stage_sample(prior, decode, kept: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draw codes in raster order, each given all before it, and decode the finished fields.

    prior     a function: codes (B, h, w) torch.long -> logits (B, K, h, w). It reads what comes
              before a place only, but refuses numbers that are no code
    decode    a function: codes (B, h, w) -> images (B, C, H, W)
    kept      (B, h, w) torch.long: a code to keep, or -1 where one is to be drawn; stays as it is
    uniforms  (B, h, w) numbers in [0, 1): the noise of each place that is drawn
    returns   (B, C, H, W): what `decode` makes of the finished fields

    The draw itself is `draw(logits, uniforms)` of tutorial_lib.sampling: (B, K), (B,) -> (B,)

    By hand: one row of three codes, K = 2, kept = [[[-1, 1, -1]]], uniforms = [[[0.5, 0.5, 0.95]]].
             Let code 0 have probability 0.1 at the start of a row and after a 0, and 0.9 after a 1.
             0.5 >= 0.1 draws 1; the 1 is kept; 0.95 >= 0.9 draws 1: `decode` gets [[[1, 1, 1]]]
    """
    ____
''',
    answer="""\
def two_stage_sample(prior, decode, kept, uniforms):
    codes = kept.clamp(min=0)  # a copy; 0 stands where one is to be drawn
    _, height, width = kept.shape
    with torch.no_grad():
        for row in range(height):
            for column in range(width):
                here = kept[:, row, column]
                logits = prior(codes)[:, :, row, column]  # (B, K)
                drawn = draw(logits, uniforms[:, row, column])
                codes[:, row, column] = torch.where(here < 0, drawn, here)
        return decode(codes)  # once, when all codes are there
""",
    hints=(
        """The loop is that of exercise 3.3, over codes in place of pixels. Two things are new:
        some places keep the code they have, and the finished field is decoded. Which number can
        stand where nothing is drawn yet, if the prior refuses -1?""",
        """`codes = kept.clamp(min=0)` is a copy without -1; `prior(codes)[:, :, row, column]` are
        the logits of one place; `torch.where(here < 0, drawn, here)` decides image by image.
        `torch.no_grad()` saves memory.""",
        """If a completion does not fit what is kept, the kept codes come in too late. If code 0
        is never kept, it was taken for "missing".""",
    ),
)

OWN_NOISE = (
    "The same noise gave two different images: your function draws numbers of its own. Use "
    "`uniforms`."
)
NOT_DECODED = "These are codes. `decode` makes an image of the finished field."


class CausalCodes(CausalPixels):
    """A prior that depends strongly on the past and refuses what is no code.

    With n_fields it takes all fields at once, as the chapter's, where each has its own label.
    """

    def __init__(self, n_codes: int, rng: torch.Generator, n_fields: int | None = None):
        super().__init__(1, n_codes, rng)
        self.n_fields = n_fields

    def forward(self, codes: Tensor) -> Tensor:
        if self.n_fields is not None and len(codes) != self.n_fields:
            raise ValueError(
                f"the prior takes all {self.n_fields} fields at once, each with a label of its "
                f"own, got {len(codes)}"
            )
        if codes.min() < 0 or codes.max() >= self.n_levels:
            wrong = codes[(codes < 0) | (codes >= self.n_levels)][0]
            raise ValueError(f"codes must be 0 to {self.n_levels - 1}, got {wrong}")
        return super().forward(codes[:, None])[:, :, 0]


def patches(codes: Tensor) -> Tensor:
    """A decoder that can be read back: each code as 2x3 pixels of its number and a half."""
    return codes.repeat_interleave(2, 1).repeat_interleave(3, 2)[:, None] + 0.5


def in_codes(images: Tensor) -> Tensor:
    return images[:, 0, ::2, ::3] - 0.5


def _trial(rng: torch.Generator, shape: tuple[int, int, int], n_codes: int, kept: float) -> Trial:
    """`kept` is the share of codes that are kept; one of them is 0."""
    codes = torch.randint(n_codes, shape, generator=rng)
    keeps = torch.rand(shape, generator=rng) < kept
    if kept:
        codes[:, -1, 0], keeps[:, -1, 0] = 0, True
    uniforms = torch.rand(shape, generator=rng, dtype=torch.float64)
    prior = CausalCodes(n_codes, rng, n_fields=shape[0])
    return Trial((prior, patches, torch.where(keeps, codes, -1), uniforms))


def _further(rng: torch.Generator) -> list[Trial]:
    """With and without kept codes, to tell the mistakes apart."""
    sizes = ((4, 3, 4), 4, 0.0), ((4, 4, 3), 5, 0.3), ((3, 3, 5), 3, 0.5)
    return [_trial(rng, *size) for size in sizes]


@two_stage_sample.reads
def _read(value: object, trial: Trial) -> Tensor:
    want = trial.wanted(reference)
    codes = isinstance(value, Tensor) and value.shape == trial.args[2].shape
    return tensor_result(value, want.shape, kind="float", advice=NOT_DECODED if codes else "")


@two_stage_sample.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    prior, _, kept, uniforms = trial.args
    got, want = in_codes(got), in_codes(want)
    for row, column in product(*map(range, kept.shape[1:])):
        differs = first_difference(got[:, row, column], want[:, row, column])
        if differs:
            break
    place = (differs[0], row, column)
    where = f"Field {place[0]} of {len(kept)}, place {(row, column)}: the first, in order, that "
    told = f"differs. Your function has code {number(got[place])} there."
    if kept[place] >= 0:
        return f"{where}{told} It is kept: {number(kept[place])}."
    with torch.no_grad():
        shares = torch.softmax(prior(want.long())[place[0], :, row, column], dim=0)
    shares, noise = " ".join(map(number, shares)), number(uniforms[place])
    return (
        f"{where}{told} Given what comes before, the codes have probabilities {shares}, and the "
        f"uniform number {noise} draws code {number(want[place])}."
    )


@two_stage_sample.judge("fields of a single code, twice with the same noise")
def single(candidate, rng: torch.Generator) -> Failure | None:
    trial = _trial(rng, (40, 1, 1), 5, 0.0)
    first, again = (candidate(*trial.args) for _ in range(2))
    if isinstance(first, Tensor) and first.shape == (40, 1, 2, 3) and not torch.equal(first, again):
        (b, *_) = first_difference(first, again)
        codes = [number(in_codes(each)[b, 0, 0]) for each in (first, again)]
        return Failure(OWN_NOISE, f"Field {b}: code {codes[0]}, then {codes[1]}.")
    return two_stage_sample.compare(candidate, [trial], _further(rng))


two_stage_sample.trials("fields that are not square, from nothing", points=2)(
    lambda rng: (
        [_trial(rng, (4, 3, 5), 4, 0.0), _trial(rng, (3, 5, 2), 6, 0.0)],
        _further(rng),
    )
)
two_stage_sample.trials("fields of which some codes are kept", points=2)(
    lambda rng: (
        [_trial(rng, (4, 4, 3), 4, 0.4), _trial(rng, (3, 3, 4), 3, 0.7)],
        _further(rng),
    )
)
two_stage_sample.also_try(_further)


def _places(shape):
    return list(product(*map(range, shape[1:])))


def _loop(prior, decode, kept, uniforms, *, places=_places, rule=draw, every=lambda p: True):
    """The loop with one thing done differently.

    places   the order; rule: how a code comes from logits and noise
    every    whether the prior runs anew before this place
    """
    codes = kept.clamp(min=0)
    for i, (row, column) in enumerate(places(kept.shape)):
        if i == 0 or every((row, column)):
            logits = prior(codes)
        here = kept[:, row, column]
        drawn = rule(logits[:, :, row, column], uniforms[:, row, column])
        codes[:, row, column] = torch.where(here < 0, drawn, here)
    return decode(codes)


@two_stage_sample.mistakes
class Mistakes:
    def the_likeliest_code(prior, decode, kept, uniforms):
        """You take the likeliest code of each place, whatever the noise: that is one field for
        ever, and no sample."""
        return _loop(prior, decode, kept, uniforms, rule=lambda logits, u: logits.argmax(dim=1))

    def one_pass_for_all(prior, decode, kept, uniforms):
        """Every code is drawn as if none had been drawn before it: the prior runs only once, or is
        never shown what was drawn. Run it again after each draw."""
        return _loop(prior, decode, kept, uniforms, every=lambda place: False)

    def one_pass_a_row(prior, decode, kept, uniforms):
        """No code knows its left neighbour: the prior runs only once for each row, or the rows are
        drawn from right to left. Go from left to right, and run the prior after each draw."""
        return _loop(prior, decode, kept, uniforms, every=lambda place: place[1] == 0)

    def kept_codes_drawn_over(prior, decode, kept, uniforms):
        """Kept codes are drawn anew. Where `kept` has a code, it stays."""
        return reference(prior, decode, torch.full_like(kept, -1), uniforms)

    def kept_codes_come_last(prior, decode, kept, uniforms):
        """The kept codes are pasted in when everything is drawn, so no draw knows of them. Write
        each down at its place in the loop, before the next draw."""
        codes = in_whole_codes(prior, torch.full_like(kept, -1), uniforms)
        return decode(torch.where(kept < 0, codes, kept))

    def code_0_is_redrawn(prior, decode, kept, uniforms):
        """Code 0 is drawn anew where it is to be kept. It is a code like any other: only -1 says
        that one is missing."""
        return reference(prior, decode, torch.where(kept == 0, -1, kept), uniforms)

    def nothing_is_drawn(prior, decode, kept, uniforms):
        """The missing codes are never drawn: they are all code 0."""
        return decode(kept.clamp(min=0))

    def only_whole_images_are_kept(prior, decode, kept, uniforms):
        """A place is kept or drawn for the whole batch, after its first image. Each image has its
        own kept codes: `torch.where(here < 0, drawn, here)`."""
        codes = kept.clamp(min=0)
        for row, column in _places(kept.shape):
            if kept[0, row, column] < 0:
                logits = prior(codes)[:, :, row, column]
                codes[:, row, column] = draw(logits, uniforms[:, row, column])
        return decode(codes)

    def noise_counts_the_draws(prior, decode, kept, uniforms):
        """The noise is used up in the order of the draws, so that kept codes move it along. Each
        place has its own number in `uniforms`."""
        codes, noise = kept.clamp(min=0), uniforms.flatten(1)
        used = torch.zeros(len(kept), dtype=torch.long)
        for row, column in _places(kept.shape):
            here = kept[:, row, column]
            u = noise.gather(1, used[:, None])[:, 0]
            drawn = draw(prior(codes)[:, :, row, column], u)
            codes[:, row, column] = torch.where(here < 0, drawn, here)
            used = (used + (here < 0)).clamp(max=noise.shape[1] - 1)
        return decode(codes)

    def column_by_column(prior, decode, kept, uniforms):
        """You go down the columns. Raster order goes along the rows: the prior relies on it."""

        def places(shape):
            return sorted(_places(shape), key=lambda p: (p[1], p[0]))

        return _loop(prior, decode, kept, uniforms, places=places)

    def rows_from_below(prior, decode, kept, uniforms):
        """You begin with the last row. Raster order goes from the top to the bottom."""

        def places(shape):
            return sorted(_places(shape), key=lambda p: (-p[0], p[1]))

        return _loop(prior, decode, kept, uniforms, places=places)

    @says(" ".join(one_pass_a_row.__doc__.split()))
    def columns_from_the_right(prior, decode, kept, uniforms):

        def places(shape):
            return sorted(_places(shape), key=lambda p: (p[0], -p[1]))

        return _loop(prior, decode, kept, uniforms, places=places)

    def last_column_never_drawn(prior, decode, kept, uniforms):
        """The last column is never drawn: `range(width)` ends by itself at width - 1."""

        def places(shape):
            return [p for p in _places(shape) if p[1] < shape[2] - 1]

        return _loop(prior, decode, kept, uniforms, places=places)

    def last_row_never_drawn(prior, decode, kept, uniforms):
        """The last row is never drawn: `range(height)` ends by itself at height - 1."""

        def places(shape):
            return [p for p in _places(shape) if p[0] < shape[1] - 1]

        return _loop(prior, decode, kept, uniforms, places=places)

    def first_code_never_drawn(prior, decode, kept, uniforms):
        """The first code is never drawn: it has no past, but a distribution."""

        def places(shape):
            return _places(shape)[1:] or [(0, 0)]

        return _loop(prior, decode, kept, uniforms, places=places)

    def uniform_turned_round(prior, decode, kept, uniforms):
        """1 - u is used in place of u: the steps of the inverse CDF go from code 0 up."""
        return reference(prior, decode, kept, 1 - uniforms)

    def the_noise_of_the_first_field(prior, decode, kept, uniforms):
        """Every field uses the noise of the first one."""
        return reference(prior, decode, kept, uniforms[:1].expand_as(uniforms))

    def one_number_a_field(prior, decode, kept, uniforms):
        """A field uses its first uniform number for all of its codes. Each draw needs its own."""
        return reference(prior, decode, kept, uniforms[:, :1, :1].expand_as(uniforms))

    def one_number_a_row(prior, decode, kept, uniforms):
        """A row uses the uniform number of its first code for all of them. Each draw needs its
        own."""
        return reference(prior, decode, kept, uniforms[..., :1].expand_as(uniforms))

    def noise_of_the_code_before(prior, decode, kept, uniforms):
        """A code uses the uniform number of the place to its left: take it at the place that is
        drawn."""
        return reference(prior, decode, kept, uniforms.roll(1, dims=2))

    def softmax_twice(prior, decode, kept, uniforms):
        """The softmax is taken twice: `draw` wants logits, not probabilities."""

        def rule(logits, u):
            return draw(logits.softmax(dim=1), u)

        return _loop(prior, decode, kept, uniforms, rule=rule)

    def no_softmax(prior, decode, kept, uniforms):
        """The logits are added up as if they were probabilities: the softmax is missing."""

        def rule(logits, u):
            return (logits.cumsum(dim=1)[:, :-1] <= u[:, None]).sum(dim=1)

        return _loop(prior, decode, kept, uniforms, rule=rule)

    def softmax_over_the_fields(prior, decode, kept, uniforms):
        """The softmax runs over the fields of the batch. Of logits (B, K), the codes are axis 1."""

        def rule(logits, u):
            steps = torch.softmax(logits, dim=0).cumsum(dim=1)
            return (steps[:, :-1] <= u[:, None]).sum(dim=1)

        return _loop(prior, decode, kept, uniforms, rule=rule)

    def logits_of_the_next_place(prior, decode, kept, uniforms):
        """The logits are read one column to the right of the place that is drawn."""
        return reference(lambda c: prior(c).roll(-1, dims=3), decode, kept, uniforms)

    def logits_of_the_place_before(prior, decode, kept, uniforms):
        """The logits are read one column to the left, at a place that is drawn already. The masks
        shift inside the prior, not here."""
        return reference(lambda c: prior(c).roll(1, dims=3), decode, kept, uniforms)

    def logits_of_the_first_field(prior, decode, kept, uniforms):
        """Every field uses the logits of the first: take those of all, `[:, :, row, column]`."""

        def first(codes):
            logits = prior(codes)
            return logits[:1].expand_as(logits)

        return reference(first, decode, kept, uniforms)

    def rows_and_columns_exchanged(prior, decode, kept, uniforms):
        """The fields reach the decoder with rows and columns exchanged."""
        return reference(prior, lambda codes: decode(codes.mT), kept, uniforms)

    def one_image(prior, decode, kept, uniforms):
        """Only the first field is decoded."""
        return reference(prior, decode, kept, uniforms)[:1]

    def codes_and_images(prior, decode, kept, uniforms):
        """Codes and images come back as a pair. Asked for are the images."""
        return in_whole_codes(prior, kept, uniforms), reference(prior, decode, kept, uniforms)

    def one_row_at_a_time(prior, decode, kept, uniforms):
        """Each row of codes is decoded by itself. A decoder looks across rows: decode the finished
        field once."""
        codes = in_whole_codes(prior, kept, uniforms)
        return [decode(codes[:, row : row + 1]) for row in range(codes.shape[1])]

    @says(NOT_DECODED)
    def not_decoded(prior, decode, kept, uniforms):
        return in_whole_codes(prior, kept, uniforms)

    @says(OWN_NOISE)
    def noise_of_its_own(prior, decode, kept, uniforms):
        return reference(prior, decode, kept, torch.rand(uniforms.shape))

    @says(IN_PLACE)
    def in_place(prior, decode, kept, uniforms):
        images = reference(prior, decode, kept, uniforms)
        kept.clamp_(min=0)
        return images


def in_whole_codes(prior, kept, uniforms):
    return reference(prior, lambda codes: codes, kept, uniforms)


@two_stage_sample.right
def place_by_place(prior, decode, kept, uniforms):
    order = torch.arange(kept[0].numel()).view(kept.shape[1:])
    codes = torch.where(kept < 0, 1, kept)
    for step in range(order.numel()):
        with torch.inference_mode():
            steps = torch.softmax(prior(codes), dim=1).cumsum(dim=1)[:, :-1]
            candidates = (steps <= uniforms.unsqueeze(1)).sum(dim=1)
        codes = torch.where((order == step) & (kept < 0), candidates, codes)
    return decode(codes)
