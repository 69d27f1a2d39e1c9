"""Variants of exercise 11.3: one of the two stages is mixed with the uniform distribution."""

import math
from fractions import Fraction

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch11
from tutorial_lib.exercises.ch11.ex3_two_stage_bound import draw_trial

two_stage_bound = Variants(
    ch11.two_stage_bound,
    returns="(B,), nats per image. The other stage is the softmax of its logits alone",
    by_hand=(
        "one pixel of level 1 with decoder logits [0, log 3], softmax [1/4, 3/4], and one code, "
        "number 0, with prior logits [log 7, 0], softmax [7/8, 1/8]. With {share} of 1/2: "
        "{outcome}"
    ),
    examples=(
        "two_stage_bound(torch.tensor([1.0, 3.0]).log().view(1, 2, 1, 1, 1), "
        "torch.ones(1, 1, 1, 1).long(), torch.tensor([7.0, 1.0]).log().view(1, 2, 1, 1), "
        "torch.zeros(1, 1, 1).long())",
    ),
)


def _terms(logits, symbols, share):
    """log of (1 - share) softmax + share / L, at what is really there, summed: (B,)."""
    chosen = logits.softmax(dim=1).gather(1, symbols.unsqueeze(1))
    return ((1 - share) * chosen + share / logits.shape[1]).log().flatten(1).sum(dim=1)


def _terms_again(logits, symbols, share):
    log_p = torch.log_softmax(logits, dim=1)
    uniform = torch.full_like(log_p, math.log(share / logits.shape[1]))
    mixed = torch.logaddexp(log_p + math.log1p(-share), uniform)
    one_hot = torch.nn.functional.one_hot(symbols, logits.shape[1]).movedim(-1, 1)
    return (mixed * one_hot).flatten(1).sum(dim=1)


def _careful(stage: str, share: Fraction):
    of_decoder, of_prior = (float(share) if stage == each else 0.0 for each in ("decoder", "prior"))
    given, prior = ((1 - s) * p + s / 2 for s, p in ((of_decoder, 0.75), (of_prior, 0.875)))
    what, many = {"decoder": ("levels", "L"), "prior": ("codes", "K")}[stage]

    @two_stage_bound.twist(
        f"The {stage} is careful: {1 - share} of its softmax and {share} of 1/{many}, for all "
        f"{many} {what}.",
        share=share,
        outcome=f"log({given:.4g}) + log({prior:.4g}) = {math.log(given * prior):.3f}",
    )
    def right(decoder_logits, levels, prior_logits, indices):
        given = _terms(decoder_logits, levels, of_decoder)
        return given + _terms(prior_logits, indices, of_prior)

    @two_stage_bound.right
    def other(decoder_logits, levels, prior_logits, indices):
        pairs = (decoder_logits, levels, of_decoder), (prior_logits, indices, of_prior)
        return sum((_terms_again if pair[2] else _terms)(*pair) for pair in pairs)


for stage in ("decoder", "prior"):
    for share in (Fraction(1, 10), Fraction(1, 4)):
        _careful(stage, share)


two_stage_bound.trials("one pixel and one code")(
    lambda rng: [draw_trial(3, (1, 1, 1), (1, 1), (4, 5), rng)]
)
two_stage_bound.trials("one image and its four codes")(
    lambda rng: [draw_trial(1, (1, 4, 4), (2, 2), (2, 8), rng)]
)
two_stage_bound.trials("a batch of colour images that are not square")(
    lambda rng: [draw_trial(4, (3, 6, 4), (3, 2), (16, 32), rng)]
)
