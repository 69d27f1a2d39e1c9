"""Variants of exercise 3.5: what else than the softmax decides about a missing level."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch03
from tutorial_lib.exercises.ch03.ex4_sample_images import _places
from tutorial_lib.exercises.ch03.ex5_complete_images import _trial
from tutorial_lib.sampling.ancestral import draw

MODEL = (
    "lambda x: torch.tensor([0.4, 0.1, 0.19, 0.31]).log()"
    ".view(1, 4, 1, 1, 1).expand(len(x), 4, 1, 1, 6)"
)
complete_images = Variants(
    ch03.complete_images,
    by_hand="the levels of a missing pixel have probability 0.4, 0.1, 0.2, 0.3. {outcome}",
    examples=(
        f"complete_images({MODEL}, torch.tensor([[[[-1, 2, -1, -1, -1, -1]]]]), "
        "torch.tensor([0.1, 0.36, 0.43, 0.47, 0.55, 0.68]).view(1, 1, 1, 6))",
    ),
)


def _twist(says: str, by_hand: str, changed):
    """changed(p) are the probabilities (B, L) that are drawn from; they need not sum to 1."""

    @complete_images.twist(says, outcome=by_hand)
    def right(model_fn, known, uniforms):
        levels = known.clamp(min=0)
        for color, row, column in _places(known.shape):
            place = (slice(None), color, row, column)
            with torch.no_grad():
                p = changed(model_fn(levels)[:, :, color, row, column].double().softmax(dim=1))
            drawn = draw(p.log(), uniforms[place])
            levels[place] = torch.where(known[place] < 0, drawn, known[place])
        return levels

    @complete_images.right
    def image_by_image(model_fn, known, uniforms):
        images = known.clone()
        for image, noise in zip(images, uniforms, strict=True):
            for place in _places(known.shape):
                if image[place] < 0:
                    logits = model_fn(image[None].clamp(min=0))[(slice(None), slice(None), *place)]
                    p = changed(logits.detach().double().softmax(dim=1))[0]
                    image[place] = ((p / p.sum()).cumsum(dim=0)[:-1] <= noise[place]).sum()
        return images


_twist(
    "Only the 2 likeliest levels of a missing sub-pixel may be drawn; their probabilities are "
    "divided by their sum.",
    "Kept are levels 0 and 3, with 0.4/0.7 and 0.3/0.7: a uniform number of 0.5 draws 0, and one "
    "of 0.6 draws 3",
    lambda p: torch.where(p >= p.topk(2, dim=1).values[:, -1:], p, 0.0),
)
_twist(
    "Half of the draws ignore the model: p = 0.5 * softmax + 0.5 / L.",
    "Level 0 has 0.5 * 0.4 + 0.125 = 0.325: a uniform number of 0.32 draws 0, and one of 0.33 "
    "draws 1",
    lambda p: p / 2 + 0.5 / p.shape[1],
)
_twist(
    "The probabilities are squared, then divided by their sum.",
    "Level 0 has 0.16 / 0.3 = 0.533: a uniform number of 0.53 draws 0, and one of 0.54 draws 1",
    lambda p: p.square(),
)

complete_images.trials("all of an image missing")(
    lambda rng: [_trial(rng, (8, 1, 1, 3), 5), _trial(rng, (3, 1, 4, 5), 4, "lower")]
)
complete_images.trials("lower halves missing")(lambda rng: [_trial(rng, (3, 1, 4, 5), 4, "lower")])
complete_images.trials("other places missing in each image", points=2)(
    lambda rng: [_trial(rng, (4, 1, 3, 5), 4), _trial(rng, (3, 1, 5, 3), 4)]
)
complete_images.trials("images with colours, some colours of a pixel known")(
    lambda rng: [_trial(rng, (4, 3, 2, 3), 4), _trial(rng, (5, 3, 3, 2), 5)]
)
