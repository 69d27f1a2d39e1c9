"""Exercise 12.3: an error that can be compared."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Squared error over that of the best constant answer, the mean image of x."""
    error = (x - reconstruction).square().sum()
    spread = (x - x.mean(dim=0)).square().sum()
    return error / spread


normalized_mse = Exercise(
    "12.3",
    "An error with a meaning",
    goal="Measure reconstructions so that 1 means the mean image and 0 means perfect.",
    minutes=10,
    reference=reference,
    otherwise="This is not the share of the squared error that is left.",
    stub='''\
def normalized_mse(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """Squared error of the reconstructions, as a share of that of the best constant answer.

    x, reconstruction  (N, C, H, W), floating point: a whole set of images and what came out
    returns            one number: 0 if all is right, 1 for somebody who answers every image with
                       the mean image of x, pixel by pixel. Above 1 is worse than that

    By hand: two images of two pixels, [0, 6] and [4, 6]. Their mean image is [2, 6], its squared
             error 4 + 0 + 4 + 0 = 8. The reconstructions [1, 6] and [4, 7] have 1 + 0 + 0 + 1 = 2.
             The result is 2 / 8 = 0.25
    """
    ____
''',
    answer="""\
def normalized_mse(x, reconstruction):
    mean_image = x.mean(dim=0)  # over the images: every pixel keeps a mean of its own
    error = (x - reconstruction).square().sum()
    error_of_the_mean = (x - mean_image).square().sum()
    return error / error_of_the_mean
""",
    hints=(
        """Two sums of squares over all images and all pixels: your error, and the error of the
        mean image. Only then divide.""",
        """`x.mean(dim=0)` is the mean image. `.square().sum()` of two differences.""",
        """Test yourself: with `reconstruction = x.mean(dim=0).expand_as(x)` the result must be
        1, with `reconstruction = x` it must be 0. nan means that you divided pixel by pixel,
        and some pixel is the same in all images.""",
    ),
)


def _sums(x, reconstruction):
    return (x - reconstruction).square().sum(), (x - x.mean(dim=0)).square().sum()


def _trial(rng: torch.Generator, n: int, shape: tuple[int, int, int]) -> Trial:
    """Images that share much, in pixels of quite different spread, and answers that are so-so."""
    common = 0.2 + torch.rand(1, *shape, generator=rng, dtype=torch.float64)
    spread = 0.1 + torch.rand(1, *shape, generator=rng, dtype=torch.float64)
    x = common + spread * torch.randn(n, *shape, generator=rng, dtype=torch.float64)
    noise = torch.randn(n, *shape, generator=rng, dtype=torch.float64)
    return Trial((x, 0.7 * x + 0.3 * common + 0.15 * noise))


def _constant(rng: torch.Generator) -> Trial:
    """Answers all images with the mean image; every image is as far from it as the others."""
    x = _trial(rng, 4, (1, 2, 3)).args[0]
    middle, apart = x[:1], x[1:2] - x[:1]
    x = torch.cat([middle + apart, middle - apart])
    return Trial((x, x.mean(dim=0, keepdim=True).expand_as(x).clone()))


def _with_a_dead_pixel(rng: torch.Generator) -> Trial:
    x, reconstruction = _trial(rng, 6, (1, 4, 4)).args
    x[:, :, 0, 0] = 0
    return Trial((x, reconstruction))


@normalized_mse.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    x, reconstruction = trial.args
    error, spread = _sums(x, reconstruction)
    return (
        f"{len(x)} images of {tuple(x.shape[1:])}: the squared errors add up to {number(error)}, "
        f"those of the mean image to {number(spread)}, so {number(want)} is right. Your function "
        f"says {number(got)}."
    )


normalized_mse.trials("every image answered with the mean image: 1")(lambda rng: [_constant(rng)])
normalized_mse.trials("grey images, fair reconstructions")(lambda rng: [_trial(rng, 7, (1, 5, 4))])
normalized_mse.trials("colour images, and a pixel that never changes")(
    lambda rng: [_trial(rng, 4, (3, 2, 5)), _with_a_dead_pixel(rng)]
)
normalized_mse.also_try(lambda rng: [_trial(rng, 3, (1, 2, 3)), _trial(rng, 5, (3, 2, 2))])


@normalized_mse.mistakes
class Mistakes:
    def one_mean_for_all_pixels(x, reconstruction):
        """The best constant answer is taken to be one grey for all pixels. The mean *image* knows
        where garments are: a harder opponent, and the fair one."""
        return (x - reconstruction).square().sum() / (x - x.mean()).square().sum()

    def its_own_mean(x, reconstruction):
        """Each image is compared with its own mean grey, which nobody could know without having
        seen the image."""
        own = x.mean(dim=(1, 2, 3), keepdim=True)
        return (x - reconstruction).square().sum() / (x - own).square().sum()

    def plain_MSE(x, reconstruction):
        """This is the plain MSE. It depends on how bright and how varied the data are."""
        return (x - reconstruction).square().mean()

    def unbiased_variance(x, reconstruction):
        """The variance is divided by N - 1, the default of `var`, and the error by N. The mean
        image itself then does not get 1."""
        error, spread = _sums(x, reconstruction)
        return error / spread * (len(x) - 1) / len(x)

    def root(x, reconstruction):
        """The square root is taken of the ratio. 0.25 then looks like 0.5."""
        error, spread = _sums(x, reconstruction)
        return (error / spread).sqrt()

    def over_the_standard_deviation(x, reconstruction):
        """Squares are divided by a standard deviation, so the result still changes with the
        unit."""
        error, spread = _sums(x, reconstruction)
        return error / x.numel() / (spread / x.numel()).sqrt()

    def absolute_differences(x, reconstruction):
        """Absolute differences are added. Asked for are squares."""
        return (x - reconstruction).abs().sum() / (x - x.mean(dim=0)).abs().sum()

    def explained_share(x, reconstruction):
        """This is the explained share, 1 for a perfect answer. Asked for is what is left of the
        error."""
        error, spread = _sums(x, reconstruction)
        return 1 - error / spread

    def spread_of_the_answers(x, reconstruction):
        """The spread is that of the reconstructions. Blurred answers vary less, and whoever always
        says the same would divide by 0."""
        error, _ = _sums(x, reconstruction)
        return error / (reconstruction - reconstruction.mean(dim=0)).square().sum()

    def over_the_squares(x, reconstruction):
        """The squares of x itself are in the denominator: the error of answering black, not of
        answering the mean."""
        return (x - reconstruction).square().sum() / x.square().sum()

    def pixel_by_pixel(x, reconstruction):
        """The ratio is taken at every pixel and then averaged: a corner that is nearly always black
        weighs as much as the middle. Sum first, divide once."""
        error = (x - reconstruction).square().sum(dim=0)
        return (error / (x - x.mean(dim=0)).square().sum(dim=0)).mean()

    def image_by_image(x, reconstruction):
        """The ratio is taken for every image and then averaged: an image near to the mean weighs
        most. Add up all images, then divide."""
        error = (x - reconstruction).square().flatten(1).sum(dim=1)
        return (error / (x - x.mean(dim=0)).square().flatten(1).sum(dim=1)).mean()

    def a_sum_over_a_mean(x, reconstruction):
        """A sum over all images is divided by a mean over them: the result is N times too large."""
        error, spread = _sums(x, reconstruction)
        return error / (spread / len(x))


@normalized_mse.right
def by_variance(x, reconstruction):
    variance = x.var(dim=0, correction=0).mean()
    return torch.nn.functional.mse_loss(reconstruction, x) / variance


@normalized_mse.right
def by_moments(x, reconstruction):
    error = torch.linalg.vector_norm(x - reconstruction) ** 2
    return error / (x.square().sum() - len(x) * x.mean(dim=0).square().sum())
