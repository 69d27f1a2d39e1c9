"""Exercise 14.2: several bumps a pixel, and one choice for its colours."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(log_weights: Tensor, bump_nats: Tensor) -> Tensor:
    """-log p of each image under a mixture that is chosen anew for each pixel: (B,), in nats."""
    of_pixel = torch.logsumexp(log_weights - bump_nats.sum(dim=2), dim=1)
    return -of_pixel.flatten(1).sum(dim=1)


mixture_nats = Exercise(
    "14.2",
    "A mixture of bumps",
    goal="Write the cost of an image whose pixels each choose one of M bumps for all colours.",
    minutes=15,
    reference=reference,
    differentiated=True,
    otherwise="This is another cost.",
    stub='''\
def mixture_nats(log_weights: torch.Tensor, bump_nats: torch.Tensor) -> torch.Tensor:
    """What each image costs, in nats, if every pixel is drawn from one of M bumps.

    log_weights  (B, M, H, W): log of the probability of each bump at each pixel
    bump_nats    (B, M, C, H, W): what each colour of the pixel costs under each bump, -log P
    returns      (B,). A pixel chooses one bump, and all its colours are drawn from that one:
                 p(pixel) = sum over m of weight_m · P_m(red) · P_m(green) · P_m(blue).
                 Pixels are independent. A pixel may cost thousands of nats

    By hand: one pixel, weights 1/2 and 1/2, two colours. Under bump 0 they have P = 1/2 and 1/4,
             under bump 1 both 1/2: p = 1/2 · 1/8 + 1/2 · 1/4 = 3/16, which costs 1.674 nats
    """
    ____
''',
    answer="""\
def mixture_nats(log_weights, bump_nats):
    of_bump = log_weights - bump_nats.sum(dim=2)  # (B, M, H, W), logs
    of_pixel = torch.logsumexp(of_bump, dim=1)  # (B, H, W): log p of each pixel
    return -of_pixel.flatten(1).sum(dim=1)
""",
    hints=(
        """From the inside out: colours multiply (given the bump), bumps add up (weighted), pixels
        multiply. In logarithms a product is a sum, and a sum is a logsumexp.""",
        """`bump_nats.sum(dim=2)` adds up the colours; what costs n nats has log P = -n.
        `torch.logsumexp(..., dim=1)` adds probabilities whose logarithms it is given.""",
        """If the result is right for one colour and not for three, the bumps were added up before
        the colours. If it is inf, exp was taken of something far below zero.""",
    ),
)


def _trial(batch, n_bumps, n_colors, size, rng, cost=1.0):
    scores = torch.randn(batch, n_bumps, *size, generator=rng, dtype=torch.float64)
    shape = (batch, n_bumps, n_colors, *size)
    spread = 0.2 + 2 * torch.rand(shape, generator=rng, dtype=torch.float64)
    return Trial((scores.log_softmax(dim=1), cost * spread))


@mixture_nats.advises
def advice(shape, trial):
    return "One number an image: add up its pixels." if len(shape) != 1 else ""


@mixture_nats.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    batch, n_bumps, n_colors, *size = trial.args[1].shape
    (i,) = first_difference(got, want)
    return (
        f"{batch} images of {size[0]}x{size[1]} pixels in {n_colors} colours, {n_bumps} bumps: "
        f"image {i} costs {number(want[i])} nats. Your function says {number(got[i])}."
    )


mixture_nats.trials("one pixel of one colour, two bumps")(
    lambda rng: [_trial(4, 2, 1, (1, 1), rng), _trial(3, 1, 1, (1, 1), rng)]
)
mixture_nats.trials("several bumps, three colours")(
    lambda rng: [_trial(3, 2, 3, (2, 3), rng), _trial(1, 5, 3, (4, 4), rng)]
)
mixture_nats.trials("pixels that cost thousands of nats")(
    lambda rng: [_trial(2, 3, 3, (2, 2), rng), _trial(2, 3, 3, (2, 2), rng, cost=2000.0)]
)
mixture_nats.also_try(
    lambda rng: [_trial(5, 4, 3, (3, 2), rng), _trial(4, 3, 2, (2, 5), rng, cost=0.3)]
)


def _summed(of_pixel):
    return -of_pixel.flatten(1).sum(dim=1)


@mixture_nats.mistakes
class Mistakes:
    def a_bump_for_each_colour(log_weights, bump_nats):
        """Each colour chooses a bump of its own. The pixel chooses one for all of them: add up the
        colours first, then the bumps."""
        return _summed(torch.logsumexp(log_weights.unsqueeze(2) - bump_nats, dim=1))

    def a_mean_of_costs(log_weights, bump_nats):
        """The costs of the bumps are averaged with their weights. Probabilities are averaged, not
        their logarithms."""
        return _summed(-(log_weights.exp() * bump_nats.sum(dim=2)).sum(dim=1))

    def weights_left_out(log_weights, bump_nats):
        """The weights are left out, as if every bump had all of the pixel. That adds up to M, not
        to 1."""
        return _summed(torch.logsumexp(-bump_nats.sum(dim=2), dim=1))

    def equal_weights(log_weights, bump_nats):
        """Every bump counts the same, 1/M. Each pixel has weights of its own."""
        n = math.log(log_weights.shape[1])
        return _summed(torch.logsumexp(-bump_nats.sum(dim=2), dim=1) - n)

    def weights_not_as_logs(log_weights, bump_nats):
        """The weight itself is added to a log probability. A product of the two is a sum of two
        logarithms."""
        return _summed(torch.logsumexp(log_weights.exp() - bump_nats.sum(dim=2), dim=1))

    def weights_subtracted(log_weights, bump_nats):
        """The log weights are subtracted: likely bumps count little. Only the costs change their
        sign."""
        return _summed(torch.logsumexp(-log_weights - bump_nats.sum(dim=2), dim=1))

    def the_best_bump(log_weights, bump_nats):
        """Each pixel takes its best bump alone. The others can produce it as well: their
        probabilities add up."""
        return _summed((log_weights - bump_nats.sum(dim=2)).amax(dim=1))

    def the_heaviest_bump(log_weights, bump_nats):
        """Each pixel takes the bump with the largest weight. The others can produce it as
        well."""
        heaviest = log_weights.argmax(dim=1, keepdim=True)
        return _summed((log_weights - bump_nats.sum(dim=2)).gather(1, heaviest))

    def costs_as_log_probabilities(log_weights, bump_nats):
        """The costs are used as log probabilities, with the wrong sign: log P = -cost."""
        return _summed(torch.logsumexp(log_weights + bump_nats.sum(dim=2), dim=1))

    def log_likelihood(log_weights, bump_nats):
        """This is log p of the image. A cost is -log p."""
        return -reference(log_weights, bump_nats)

    def one_bump_for_the_image(log_weights, bump_nats):
        """The whole image chooses one bump. Every pixel chooses for itself: logsumexp first, then
        the sum over pixels."""
        of_bump = log_weights - bump_nats.sum(dim=2)
        return -torch.logsumexp(of_bump.flatten(2).sum(dim=2), dim=1)

    def pixels_as_alternatives(log_weights, bump_nats):
        """Pixels are added up as alternatives, with the bumps. They are independent, so their log
        probabilities add up."""
        return -torch.logsumexp((log_weights - bump_nats.sum(dim=2)).flatten(1), dim=1)

    def colours_as_alternatives(log_weights, bump_nats):
        """Colours are added up as alternatives. Given the bump, all of them happen: their costs
        add up."""
        of_bump = log_weights + torch.logsumexp(-bump_nats, dim=2)
        return _summed(torch.logsumexp(of_bump, dim=1))

    def bumps_as_factors(log_weights, bump_nats):
        """The bumps are multiplied, as if all of them had to happen. One of them does: use
        logsumexp over them."""
        return _summed((log_weights - bump_nats.sum(dim=2)).sum(dim=1))

    def weights_once_a_colour(log_weights, bump_nats):
        """The weight is counted once for each colour. The pixel chooses once."""
        of_bump = (log_weights.unsqueeze(2) - bump_nats).sum(dim=2)
        return _summed(torch.logsumexp(of_bump, dim=1))

    def colours_averaged(log_weights, bump_nats):
        """The colours' costs are averaged. They add up: a pixel is three sub-pixels."""
        return reference(log_weights, bump_nats.mean(dim=2, keepdim=True))

    def one_colour(log_weights, bump_nats):
        """Only the first colour is paid for."""
        return reference(log_weights, bump_nats[:, :, :1])

    def rounded_to_0(log_weights, bump_nats):
        """exp of a large cost rounds to 0, and its log is -inf. `torch.logsumexp` takes the largest
        out first."""
        p = (log_weights.exp() * (-bump_nats.sum(dim=2)).exp()).sum(dim=1)
        return _summed(p.log())

    def a_mean_over_pixels(log_weights, bump_nats):
        """The pixels are averaged. The cost of an image is their sum."""
        pixels = log_weights[0, 0].numel()
        return reference(log_weights, bump_nats) / pixels

    def per_dimension(log_weights, bump_nats):
        """This is the cost of a dimension. Asked for is that of an image."""
        return reference(log_weights, bump_nats) / bump_nats[0, 0].numel()

    def in_bits(log_weights, bump_nats):
        """The cost is in bits. Asked for are nats: no division by log 2."""
        return reference(log_weights, bump_nats) / math.log(2)

    def the_mean_of_the_batch(log_weights, bump_nats):
        """The mean over the images is returned. Asked for is a number for each."""
        return reference(log_weights, bump_nats).mean()

    def the_sum_of_the_batch(log_weights, bump_nats):
        """The images are added up. Asked for is a number for each."""
        return reference(log_weights, bump_nats).sum()

    def each_pixel(log_weights, bump_nats):
        """This is the cost of each pixel. Add them up to one number an image."""
        return -torch.logsumexp(log_weights - bump_nats.sum(dim=2), dim=1)


@mixture_nats.right
def with_the_largest_taken_out(log_weights, bump_nats):
    of_bump = log_weights - torch.einsum("bmchw->bmhw", bump_nats)
    largest = of_bump.amax(dim=1, keepdim=True)
    of_pixel = (of_bump - largest).exp().sum(dim=1).log() + largest[:, 0]
    return -of_pixel.sum(dim=(1, 2))


@mixture_nats.right
def bump_by_bump(log_weights, bump_nats):
    total = torch.full_like(log_weights[:, 0], -torch.inf)
    for m in range(log_weights.shape[1]):
        total = torch.logaddexp(total, log_weights[:, m] - bump_nats[:, m].sum(dim=1))
    return torch.stack([-image.sum() for image in total])
