"""Variants of exercise 13.3: what may be drawn beside the code on the left."""

from itertools import product

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch13
from tutorial_lib.exercises.ch13.ex3_two_stage_sample import CausalCodes, patches
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.sampling.ancestral import draw

PRIOR = (
    "lambda codes: torch.tensor([0.4, 0.1, 0.19, 0.31]).log()"
    ".view(1, 4, 1, 1).expand(len(codes), 4, 1, 6)"
)
two_stage_sample = Variants(
    ch13.two_stage_sample,
    by_hand="K = 4, and the prior gives the codes 0.4, 0.1, 0.2, 0.3 at every place. {outcome}",
    examples=(
        f"two_stage_sample({PRIOR}, lambda codes: codes[:, None], "
        "torch.tensor([[[-1, -1, 0, -1, -1, -1]]]), "
        "torch.tensor([[[0.1, 0.36, 0.43, 0.47, 0.55, 0.68]]]))",
    ),
)


def _twist(says: str, by_hand: str, changed):
    """changed(p, left) are the probabilities (B, K) drawn from; left is (B,), or None in column 0.

    They need not sum to 1.
    """

    @two_stage_sample.twist(says, outcome=by_hand)
    def right(prior, decode, kept, uniforms):
        codes = kept.clamp(min=0)
        for row, column in product(*map(range, kept.shape[1:])):
            with torch.no_grad():
                p = torch.softmax(prior(codes)[:, :, row, column].double(), dim=1)
            p = changed(p, codes[:, row, column - 1] if column else None)
            here = kept[:, row, column]
            drawn = draw(p.log(), uniforms[:, row, column])
            codes[:, row, column] = torch.where(here < 0, drawn, here)
        return decode(codes)

    @two_stage_sample.right
    def field_by_field(prior, decode, kept, uniforms):
        fields = []
        for given, noise in zip(kept, uniforms, strict=True):
            field = given.clamp(min=0)
            for row, column in (given < 0).nonzero().tolist():
                logits = prior(field[None])[:, :, row, column].detach()
                left = field[None, row, column - 1] if column else None
                p = changed(logits.double().softmax(dim=1), left)[0]
                steps = (p / p.sum()).cumsum(dim=0)[:-1]
                field[row, column] = (steps <= noise[row, column]).sum()
            fields.append(field)
        return decode(torch.stack(fields))


def _other_than_left(p, left):
    if left is None:
        return p
    return p.scatter(1, left[:, None], 0.0)


def _likeliest(n_kept: int):
    def changed(p, left):
        return torch.where(p >= p.topk(n_kept, dim=1).values[:, -1:], p, 0.0)

    return changed


_twist(
    "A drawn code must differ from the code to its left; the probabilities of the others are "
    "divided by their sum.",
    "To the right of a 0, the codes 1, 2 and 3 have 1/6, 2/6 and 3/6: 0.4 draws 2",
    _other_than_left,
)
_twist(
    "Only the 2 likeliest codes of each place may be drawn; their probabilities are divided by "
    "their sum.",
    "Codes 0 and 3 have 0.4/0.7 and 0.3/0.7: 0.5 draws 0, and 0.6 draws 3",
    _likeliest(2),
)
_twist(
    "Probabilities are squared, then divided by their sum.",
    "The squares are 0.16, 0.01, 0.04 and 0.09, of 0.3 in all: 0.5 draws 0, and 0.6 draws 2",
    lambda p, left: p.square(),
)


def _trial(rng: torch.Generator, shape: tuple[int, int, int], n_codes: int, kept: float) -> Trial:
    codes = torch.randint(n_codes, shape, generator=rng)
    codes = torch.where(torch.rand(shape, generator=rng) < kept, codes, -1)
    uniforms = torch.rand(shape, generator=rng, dtype=torch.float64)
    return Trial((CausalCodes(n_codes, rng), patches, codes, uniforms))


two_stage_sample.trials("fields of a single row")(lambda rng: [_trial(rng, (40, 1, 3), 5, 0.0)])
two_stage_sample.trials("fields that are not square, from nothing", points=2)(
    lambda rng: [_trial(rng, (4, 3, 5), 4, 0.0), _trial(rng, (3, 5, 2), 6, 0.0)]
)
two_stage_sample.trials("fields of which some codes are kept", points=2)(
    lambda rng: [_trial(rng, (4, 4, 3), 4, 0.4), _trial(rng, (3, 3, 4), 4, 0.3)]
)
