"""Variants of exercise 12.3: other errors, and other answers to compare with."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch12
from tutorial_lib.exercises.trials import Trial

normalized_mse = Variants(
    ch12.normalized_mse,
    asked="The error of the reconstructions, as a share of that of somebody who sees no image.",
    returns="one number: {measure}",
    examples=(
        "normalized_mse(torch.tensor([0.0, 0.0, 4.0, 20.0, 6.0, 1.0]).view(3, 2, 1, 1), "
        "torch.tensor([2.0, 0.0, 4.0, 10.0, 5.0, 3.0]).view(3, 2, 1, 1))",
    ),
)


@normalized_mse.twist(
    "Errors are absolute, |difference|, and the best constant answer is the median image.",
    measure=(
        "0 if all is right, 1 for somebody who answers every image with the median over the "
        "images, pixel by pixel (any number between the two in the middle does as well)"
    ),
    by_hand=(
        "three images of one pixel, 0, 1 and 5. Their median is 1, and its error 1 + 0 + 4 = "
        "5. The reconstructions 0, 2 and 4 have 0 + 1 + 1 = 2. The result is 2/5 = 0.4"
    ),
)
def median(x, reconstruction):
    middle = x.median(dim=0).values
    return (x - reconstruction).abs().sum() / (x - middle).abs().sum()


@normalized_mse.right
def by_halves(x, reconstruction):
    """The upper half less the lower half, whatever lies in the middle."""
    ordered, half = x.sort(dim=0).values, len(x) // 2
    spread = ordered[len(x) - half :].sum() - ordered[:half].sum()
    return torch.nn.functional.l1_loss(reconstruction, x, reduction="sum") / spread


@normalized_mse.twist(
    "The constant answer is one grey: the mean of all numbers of x, the same for every pixel.",
    measure=(
        "0 if all is right, 1 for somebody who answers every pixel and colour of every image "
        "with the mean of all numbers of x. Errors are squared"
    ),
    by_hand=(
        "two images of two pixels, [0, 6] and [4, 6]. The mean of all is 4, its squared error "
        "16 + 4 + 0 + 4 = 24. The reconstructions [1, 6] and [4, 7] have 1 + 0 + 0 + 1 = 2. "
        "The result is 2 / 24 = 0.083"
    ),
)
def one_grey(x, reconstruction):
    return (x - reconstruction).square().sum() / (x - x.mean()).square().sum()


@normalized_mse.right
def by_variance(x, reconstruction):
    error = torch.nn.functional.mse_loss(reconstruction, x)
    return error / x.flatten().var(correction=0)


@normalized_mse.twist(
    "Each colour channel has a share of its own; the result is the mean of the C shares.",
    measure=(
        "the mean over the channels of the squared error there, divided by that of the mean "
        "image of x in this channel"
    ),
    by_hand=(
        "two images of one pixel and two colours, (0, 0) and (4, 20). The mean image is (2, "
        "10), its squared errors 8 and 200. The reconstructions (2, 0) and (4, 10) have 4 and "
        "100. The shares are 1/2 and 1/2, so 0.5"
    ),
)
def by_colour(x, reconstruction):
    error = (x - reconstruction).square().sum(dim=(0, 2, 3))
    spread = (x - x.mean(dim=0)).square().sum(dim=(0, 2, 3))
    return (error / spread).mean()


@normalized_mse.right
def colour_by_colour(x, reconstruction):
    shares = []
    for channel in range(x.shape[1]):
        truth, answer = x[:, channel], reconstruction[:, channel]
        shares.append((truth - answer).pow(2).mean() / truth.var(dim=0, correction=0).mean())
    return sum(shares) / len(shares)


def _trial(rng: torch.Generator, n: int, shape: tuple[int, int, int], dead=False) -> Trial:
    """Images that share much; pixels, and colours even more, are of quite different spread."""
    common = 0.2 + torch.rand(1, *shape, generator=rng, dtype=torch.float64)
    spread = 0.1 + torch.rand(1, *shape, generator=rng, dtype=torch.float64)
    spread = spread * torch.arange(1, shape[0] + 1).view(1, -1, 1, 1)
    x = common + spread * torch.randn(n, *shape, generator=rng, dtype=torch.float64)
    noise = torch.randn(n, *shape, generator=rng, dtype=torch.float64)
    reconstruction = 0.7 * x + 0.3 * common + 0.15 * noise
    if dead:
        x[..., 0, 0] = 0
    return Trial((x, reconstruction))


normalized_mse.trials("a few small images")(lambda rng: [_trial(rng, 3, (2, 1, 2))])
normalized_mse.trials("colour images, fair reconstructions")(
    lambda rng: [_trial(rng, 7, (3, 5, 4))]
)
normalized_mse.trials("an even number of images, and a pixel that never changes")(
    lambda rng: [_trial(rng, 4, (3, 2, 5)), _trial(rng, 6, (2, 4, 4), dead=True)]
)
