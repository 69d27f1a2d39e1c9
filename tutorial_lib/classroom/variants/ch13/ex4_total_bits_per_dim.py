"""Variants of exercise 13.4: other units of the whole bill."""

import math
from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch13
from tutorial_lib.exercises.ch13.ex4_total_bits_per_dim import draw_trial

total_bits_per_dim = Variants(
    ch13.total_bits_per_dim,
    returns="(B,): {returned}",
    by_hand=(
        "an image of (3, 4, 4) at 2 bits/dim is 96 bits. Its (2, 2) codes at 3 bits each are 12 "
        "bits. {outcome}"
    ),
    examples=(
        "total_bits_per_dim(torch.tensor([2.0, 1.0]), torch.tensor([3.0, 5.0]), (3, 4, 4), (2, 2))",
    ),
)


def _twist(says: str, returned: str, by_hand: str, bill: Callable):
    """bill: (bits of the image given its codes, bits of its codes, image_shape) -> the result."""

    @total_bits_per_dim.twist(says, returned=returned, outcome=by_hand)
    def right(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        given = decoder_bits_per_dim * math.prod(image_shape)
        return bill(given, bits_per_code * math.prod(latent_shape), image_shape)

    @total_bits_per_dim.right
    def one_by_one(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        n_dims, n_codes = torch.ones(image_shape).sum(), torch.ones(latent_shape).sum()
        pairs = zip(decoder_bits_per_dim.tolist(), bits_per_code.tolist(), strict=True)
        return torch.tensor([float(bill(a * n_dims, b * n_codes, image_shape)) for a, b in pairs])


_twist(
    "Asked is the whole cost in nats per image.",
    "-log p(x|z) - log p(z) of each image, in nats, for the whole image",
    "108 bits are 108 * log 2 = 74.86 nats",
    lambda given, codes, image_shape: (given + codes) * math.log(2),
)
_twist(
    "Asked are bits per pixel, not per dimension: the C colours of a pixel count as one.",
    "-log2 p(x|z) - log2 p(z) of each image, divided by its H * W pixels",
    "108 bits over 16 pixels are 6.75",
    lambda given, codes, image_shape: (given + codes) / math.prod(image_shape[1:]),
)
_twist(
    "Asked is the share of the codes in the whole cost.",
    "-log2 p(z) of each image over all of its cost, -log2 p(x|z) - log2 p(z); between 0 and 1",
    "12 of 108 bits are 0.111",
    lambda given, codes, image_shape: codes / (given + codes),
)
_twist(
    "Asked is the share of the decoder in the whole cost: what the codes leave open.",
    "-log2 p(x|z) of each image over all of its cost, -log2 p(x|z) - log2 p(z); between 0 and 1",
    "96 of 108 bits are 0.889",
    lambda given, codes, image_shape: given / (given + codes),
)
_twist(
    "Asked is the whole cost in nats per dimension, as a loss is given.",
    "-log p(x|z) - log p(z) of each image, in nats, divided by its C * H * W numbers",
    "108 bits are 74.86 nats, over 48 dimensions 1.56",
    lambda given, codes, image_shape: (given + codes) * math.log(2) / math.prod(image_shape),
)
_twist(
    "Asked are the bits that are saved, against 8 bits for each number of the image.",
    "8 * C * H * W - (-log2 p(x|z) - log2 p(z)) of each image; negative where nothing is saved",
    "48 numbers of 8 bits are 384, so 276 are saved",
    lambda given, codes, image_shape: 8 * math.prod(image_shape) - given - codes,
)
_twist(
    "Asked is the factor by which an image shrinks, against 8 bits for each of its numbers.",
    "8 * C * H * W over -log2 p(x|z) - log2 p(z) of each image",
    "48 numbers of 8 bits are 384, and 384 / 108 is 3.56",
    lambda given, codes, image_shape: 8 * math.prod(image_shape) / (given + codes),
)
_twist(
    "Asked is how many times the code's cost the decoder's is.",
    "-log2 p(x|z) over -log2 p(z) of each image",
    "96 bits over 12 bits are 8",
    lambda given, codes, image_shape: given / codes,
)


total_bits_per_dim.trials("one image with a single code")(
    lambda rng: [draw_trial(1, (3, 4, 4), (1, 1), rng)]
)
total_bits_per_dim.trials("several images of 28x28 with 7x7 codes")(
    lambda rng: [draw_trial(5, (2, 28, 28), (7, 7), rng)]
)
total_bits_per_dim.trials("images that are not square")(
    lambda rng: [draw_trial(4, (3, 16, 24), (4, 6), rng)]
)
