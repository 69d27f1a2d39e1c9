"""Exercise 13.4: two numbers with different denominators, added up."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(
    decoder_bits_per_dim: Tensor,
    bits_per_code: Tensor,
    image_shape: tuple[int, ...],
    latent_shape: tuple[int, ...],
) -> Tensor:
    """Decoder term and latent rate of each image in bits per dimension of the image: (B,)."""
    return decoder_bits_per_dim + bits_per_code * math.prod(latent_shape) / math.prod(image_shape)


total_bits_per_dim = Exercise(
    "13.4",
    "The whole bill",
    goal="Add decoder term and latent rate, which come in different units, to one number.",
    minutes=5,
    reference=reference,
    otherwise="This is another total.",
    stub='''\
def total_bits_per_dim(
    decoder_bits_per_dim: torch.Tensor,
    bits_per_code: torch.Tensor,
    image_shape: tuple[int, ...],
    latent_shape: tuple[int, ...],
) -> torch.Tensor:
    """What an image costs in all, from what training shows of each stage.

    decoder_bits_per_dim  (B,): -log2 p(x|z) of each image, divided by its dimensions
    bits_per_code         (B,): -log2 p(z) of each image, divided by its codes
    image_shape           (C, H, W): every sub-pixel is a dimension
    latent_shape          (h, w), the field of codes
    returns               (B,): -log2 p(x|z) - log2 p(z) of each image, in bits per dimension *of
                          the image*

    By hand: an image of (1, 4, 4) at 2 bits/dim is 32 bits. Its (2, 2) codes at 3 bits each are 12
             bits. 44 bits over 16 dimensions are 2.75
    """
    ____
''',
    answer="""\
def total_bits_per_dim(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
    n_dims = math.prod(image_shape)
    n_codes = math.prod(latent_shape)
    bits_of_the_image = decoder_bits_per_dim * n_dims + bits_per_code * n_codes
    return bits_of_the_image / n_dims
""",
    hints=(
        """Bits per dimension and bits per code cannot be added, any more than litres per
        kilometre and litres per hour. Bits per *image* can. Divide once, at the end.""",
        """`math.prod(image_shape)` is the number of dimensions, `math.prod(latent_shape)` that
        of codes.""",
        """For 28x28 pixels and 7x7 codes, a bit per code is 1/16 bit/dim. If your total is near
        the sum of the two numbers, or if a better prior changes it by whole bits, a
        denominator is wrong.""",
    ),
)


def _sizes(image_shape, latent_shape):
    return math.prod(image_shape), math.prod(latent_shape)


def draw_trial(batch: int, image: tuple[int, ...], latent: tuple[int, ...], rng) -> Trial:
    decoder = 1 + 3 * torch.rand(batch, generator=rng, dtype=torch.float64)
    rate = 2 + 5 * torch.rand(batch, generator=rng, dtype=torch.float64)
    return Trial((decoder.round(decimals=2), rate.round(decimals=2), image, latent))


@total_bits_per_dim.advises
def advice(shape, trial):
    return "A number for each image: no mean, no sum over the batch." if shape == () else ""


@total_bits_per_dim.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    decoder, rate, image_shape, latent_shape = trial.args
    (i,) = first_difference(got, want)
    n_dims, n_codes = _sizes(image_shape, latent_shape)
    return (
        f"Image {i} of {tuple(image_shape)}: {number(decoder[i])} bits/dim times {n_dims} are "
        f"{number(decoder[i] * n_dims)} bits. Codes {tuple(latent_shape)}: {number(rate[i])} bits "
        f"times {n_codes} are {number(rate[i] * n_codes)} bits. Together {number(want[i])} "
        f"bits/dim; your function says {number(got[i])}."
    )


total_bits_per_dim.trials("one image with a single code")(
    lambda rng: [draw_trial(1, (1, 4, 4), (1, 1), rng)]
)
total_bits_per_dim.trials("several images of 28x28 with 7x7 codes")(
    lambda rng: [draw_trial(5, (1, 28, 28), (7, 7), rng)]
)
total_bits_per_dim.trials("images in colour that are not square")(
    lambda rng: [draw_trial(4, (3, 16, 24), (4, 3), rng)]
)
total_bits_per_dim.also_try(
    lambda rng: [draw_trial(4, (3, 8, 4), (4, 2), rng), draw_trial(3, (1, 6, 6), (3, 2), rng)]
)


@total_bits_per_dim.mistakes
class Mistakes:
    def added_as_they_are(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """Bits per dimension and bits per code are added as they are. The codes are far fewer than
        the pixels: bring both to bits per image first."""
        return decoder_bits_per_dim + bits_per_code

    def always_16(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """You divide by 16, which is right for 28x28 pixels and 7x7 codes only. Use the two
        shapes."""
        return decoder_bits_per_dim + bits_per_code / 16

    def decoder_term_alone(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The latent rate is missing. The decoder was told the codes, and that has to be paid
        for."""
        return decoder_bits_per_dim.clone()

    def latent_rate_alone(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The decoder term is missing. −log p(z) is what the *codes* cost, and no likelihood of an
        image: with a single code it would be 0."""
        n_dims, n_codes = _sizes(image_shape, latent_shape)
        return bits_per_code * n_codes / n_dims

    def codes_as_dimensions(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The bits are divided among pixels and codes. The codes are no part of the image: they add
        to the bits, not to the dimensions."""
        n_dims, n_codes = _sizes(image_shape, latent_shape)
        return (decoder_bits_per_dim * n_dims + bits_per_code * n_codes) / (n_dims + n_codes)

    def one_code_for_the_image(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """One code is paid for. The field has a code at every position."""
        return decoder_bits_per_dim + bits_per_code / math.prod(image_shape)

    def per_code(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The total is divided by the number of codes. Another model of the same images has other
        codes or none, so the unit is the dimension of the image."""
        n_dims, n_codes = _sizes(image_shape, latent_shape)
        return decoder_bits_per_dim * n_dims / n_codes + bits_per_code

    def bits_per_image(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """These are bits per image. The division by its dimensions is still to be done."""
        n_dims, n_codes = _sizes(image_shape, latent_shape)
        return decoder_bits_per_dim * n_dims + bits_per_code * n_codes

    def difference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The latent rate is subtracted. Both terms are costs."""
        n_dims, n_codes = _sizes(image_shape, latent_shape)
        return decoder_bits_per_dim - bits_per_code * n_codes / n_dims

    def divided_by_log_2(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The total is divided by log 2, and the numbers are bits already."""
        total = reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape)
        return total / math.log(2)

    def in_nats(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The total is in nats per dimension, not in bits."""
        total = reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape)
        return total * math.log(2)

    def colours_left_out(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The colours are left out: an RGB image has three dimensions a pixel."""
        return reference(decoder_bits_per_dim, bits_per_code, image_shape[1:], latent_shape)

    def mean_of_the_batch(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """Every image gets the mean of the batch. Each has a cost of its own."""
        total = reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape)
        return total.mean().expand_as(total).clone()

    def one_number(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The mean of the batch comes back. Asked for is a number for each image."""
        return reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape).mean()

    def sum_of_the_batch(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The images are added up. Asked for is a number for each image."""
        return reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape).sum()

    def upside_down(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The latent rate is multiplied by dimensions over codes: upside down. Fewer codes than
        dimensions make it smaller, not larger."""
        n_dims, n_codes = _sizes(image_shape, latent_shape)
        return decoder_bits_per_dim + bits_per_code * n_dims / n_codes

    def codes_not_divided(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The codes' bits per *image* are added to the decoder's bits per dimension. Divide them by
        the dimensions, too."""
        return decoder_bits_per_dim + bits_per_code * math.prod(latent_shape)

    def divided_by_the_codes(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The bits of a code are divided by the number of codes. Multiply by it: that gives the
        bits of the field. Then divide by the dimensions of the image."""
        return decoder_bits_per_dim + bits_per_code / math.prod(latent_shape)

    def decoder_multiplied_only(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The bits of one code are added to those of a whole image. Multiply them by the number of
        codes first."""
        n_dims, _ = _sizes(image_shape, latent_shape)
        return decoder_bits_per_dim * n_dims + bits_per_code

    def divided_twice(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The decoder's term is divided by the dimensions again. It is in bits per dimension
        already."""
        n_dims, n_codes = _sizes(image_shape, latent_shape)
        return (decoder_bits_per_dim + bits_per_code * n_codes) / n_dims

    def the_first_side(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """Only the first side of the field is counted. It has rows times columns codes."""
        return reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape[:1])

    def sides_added(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The sides of a shape are added. An array has as many entries as their product."""
        n_dims, n_codes = sum(image_shape), sum(latent_shape)
        return decoder_bits_per_dim + bits_per_code * n_codes / n_dims

    def square_images(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The height is taken for the width as well. Images and fields need not be square."""
        n_dims = image_shape[0] * image_shape[1] ** 2
        return decoder_bits_per_dim + bits_per_code * latent_shape[0] ** 2 / n_dims

    def the_rate_in_nats(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The latent rate is multiplied by log 2, as if the total were in nats; the decoder's term
        is not. Both are bits already."""
        rate = bits_per_code * math.log(2)
        return reference(decoder_bits_per_dim, rate, image_shape, latent_shape)

    def the_rate_divided_by_log_2(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The latent rate is divided by log 2, as if it were in nats. It is in bits already."""
        rate = bits_per_code / math.log(2)
        return reference(decoder_bits_per_dim, rate, image_shape, latent_shape)

    def the_rate_of_the_batch(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """Every image pays the mean rate of the batch. Each has codes of its own."""
        rate = bits_per_code.mean()
        return reference(decoder_bits_per_dim, rate, image_shape, latent_shape)

    def divided_by_the_batch(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """The totals are divided by the number of images. They are numbers of one image already."""
        total = reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape)
        return total / len(total)

    def mean_of_the_two(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
        """This is half of the total: a mean of two stages. Both are paid for, one after the
        other."""
        return reference(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape) / 2


@total_bits_per_dim.right
def by_bits(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
    n_dims, n_codes = _sizes(image_shape, latent_shape)
    bits = decoder_bits_per_dim * n_dims + bits_per_code * n_codes
    return bits / n_dims


@total_bits_per_dim.right
def by_counting(decoder_bits_per_dim, bits_per_code, image_shape, latent_shape):
    n_dims, n_codes = torch.ones(image_shape).sum(), torch.ones(latent_shape).sum()
    pairs = zip(decoder_bits_per_dim.tolist(), bits_per_code.tolist(), strict=True)
    return torch.tensor([float((a * n_dims + b * n_codes) / n_dims) for a, b in pairs])
