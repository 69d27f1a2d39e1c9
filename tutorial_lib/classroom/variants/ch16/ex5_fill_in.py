"""Variants of exercise 16.5: other places are filled in, or other codes."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch16
from tutorial_lib.exercises.ch16.ex5_fill_in import drawn_by, keep_best, sure_of
from tutorial_lib.exercises.trials import Trial

fill_in = Variants(
    ch16.fill_in,
    asked="One pass of masked prediction: n_new more codes of each image become known.",
    returns=(
        "(B, N) torch.long. {draw} Of the places that were unknown, the n_new {which} get their "
        "code. All others stay as they were"
    ),
    draw=(
        "Draw a code at each place: the first one at which the running sum of softmax(logits) is "
        "greater than the uniform."
    ),
    which="whose drawn code has the highest probability",
    by_hand=(
        "one image, codes [-1, 1, -1], K = 2, probabilities (0.4, 0.6), (0.9, 0.1), (0.8, 0.2) "
        "and uniforms 0.9, 0.95, 0.85. {outcome}"
    ),
    examples=(
        "fill_in(torch.tensor([[[0.4, 0.6], [0.9, 0.1], [0.8, 0.2]]]).log(), "
        "torch.tensor([[-1, 1, -1]]), torch.tensor([[0.9, 0.95, 0.85]]), 1).tolist()",
    ),
)


def _image_by_image(logits, codes, uniforms, n_new, choose):
    """choose(probabilities, uniform) -> (code, score) at one place."""
    out = codes.clone()
    for b in range(len(codes)):
        places = (codes[b] == -1).nonzero()[:, 0].tolist()
        found = [(*choose(logits[b, i].softmax(dim=0), uniforms[b, i]), i) for i in places]
        for code, _, i in sorted(found, key=lambda each: -each[1])[:n_new]:
            out[b, i] = code
    return out


def _drawn(p, uniform):
    return min(int((p.cumsum(dim=0) <= uniform).sum()), len(p) - 1)


@fill_in.twist(
    "The codes of which the model is least sure are kept: the lowest probability first.",
    which="whose drawn code has the lowest probability",
    outcome="Drawn are 1, 1, 1, at 0.6, 0.1, 0.2. For n_new = 1 place 2 gets its code: [-1, 1, 1]",
)
def least_sure(logits, codes, uniforms, n_new):
    p = logits.softmax(dim=-1)
    drawn = drawn_by(p, uniforms)
    return keep_best(codes, drawn, -sure_of(p, drawn), n_new)


@fill_in.right
def least_sure_again(logits, codes, uniforms, n_new):
    def choose(p, uniform):
        code = _drawn(p, uniform)
        return code, -float(p[code])

    return _image_by_image(logits, codes, uniforms, n_new, choose)


@fill_in.twist(
    "The likeliest code is taken at each place; the uniforms are not used.",
    draw="Take the likeliest code at each place; the uniforms are not used.",
    which="whose likeliest code has the highest probability",
    outcome="The likeliest are 1, 0, 0. For n_new = 1 place 2, with 0.8, gets its code: [-1, 1, 0]",
)
def likeliest(logits, codes, uniforms, n_new):
    p = logits.softmax(dim=-1)
    return keep_best(codes, p.argmax(dim=-1), p.amax(dim=-1), n_new)


@fill_in.right
def likeliest_again(logits, codes, uniforms, n_new):
    return _image_by_image(
        logits, codes, uniforms, n_new, lambda p, uniform: (int(p.argmax()), float(p.max()))
    )


@fill_in.twist(
    "The places are taken by their uniform: the smallest ones are filled in.",
    which="with the smallest uniform",
    outcome="Drawn are 1, 1, 1. For n_new = 1 place 2, with 0.85, gets its code: [-1, 1, 1]",
)
def smallest_uniforms(logits, codes, uniforms, n_new):
    return keep_best(codes, drawn_by(logits.softmax(dim=-1), uniforms), -uniforms, n_new)


@fill_in.right
def smallest_uniforms_again(logits, codes, uniforms, n_new):
    return _image_by_image(
        logits,
        codes,
        uniforms,
        n_new,
        lambda p, uniform: (_drawn(p, uniform), -float(uniform)),
    )


def _trial(batch, n, n_codes, n_unknown, n_new, rng) -> Trial:
    logits = 1.5 * torch.randn(batch, n, n_codes, generator=rng)
    codes = torch.randint(n_codes, (batch, n), generator=rng)
    hidden = torch.rand(batch, n, generator=rng).argsort(dim=1)[:, :n_unknown]
    codes = codes.scatter(1, hidden, -1)
    while True:
        uniforms = torch.rand(batch, n, generator=rng)
        sums = logits.softmax(dim=-1).cumsum(dim=-1)
        if ((sums - uniforms[..., None]).abs() > 1e-5).all():
            return Trial((logits, codes, uniforms, n_new))


fill_in.trials("from nothing")(
    lambda rng: [_trial(3, 8, 5, 8, 3, rng), _trial(4, 10, 4, 10, 1, rng)]
)
fill_in.trials("some codes are known")(
    lambda rng: [_trial(4, 9, 5, 5, 2, rng), _trial(3, 12, 6, 7, 4, rng)]
)
fill_in.trials("many images")(lambda rng: [_trial(8, 9, 5, 6, 3, rng)])
