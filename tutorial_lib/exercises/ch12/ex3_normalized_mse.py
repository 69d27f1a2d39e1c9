"""Exercise 12.3: an error that can be compared."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise, says
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


def _exchanged(trial: Trial) -> Trial:
    """Every image answered with the reconstruction of another."""
    x, reconstruction = trial.args
    return Trial((x, reconstruction.roll(1, dims=0) + 0.5))


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
normalized_mse.trials("grey images, fair reconstructions and poor ones")(
    lambda rng: [_trial(rng, 7, (1, 5, 4)), _exchanged(_trial(rng, 6, (1, 3, 4)))]
)
normalized_mse.trials("colour images, and a pixel that never changes")(
    lambda rng: [_trial(rng, 4, (3, 2, 5)), _with_a_dead_pixel(rng)]
)
normalized_mse.also_try(
    lambda rng: [
        _trial(rng, 3, (1, 2, 3)),
        _trial(rng, 5, (3, 2, 2)),
        _exchanged(_trial(rng, 6, (1, 3, 4))),
    ]
)


def _over(name: str, told: str, yardstick, error=lambda x, r: (x - r).square().sum()) -> None:
    """error(x, reconstruction) / yardstick(x, reconstruction) as a mistake."""

    def function(x, reconstruction):
        return error(x, reconstruction) / yardstick(x, reconstruction)

    function.__name__ = name
    normalized_mse.wrong(told)(function)


def _mse(x, reconstruction):
    return (x - reconstruction).square().mean()


def _from_mean(dim):
    return lambda x, r: (x - x.mean(dim=dim, keepdim=True)).square().sum()


def _spread(x, reconstruction):
    return (x - x.mean(dim=0)).square().sum()


ONE_FOR_ALL_PIXELS = (
    "The best constant answer is taken to be one grey, or one colour, for all pixels. The mean "
    "*image* knows where garments are: a harder opponent, and the fair one."
)
_over("one mean for all pixels", ONE_FOR_ALL_PIXELS, _from_mean((0, 1, 2, 3)))
_over("var of everything", ONE_FOR_ALL_PIXELS, lambda x, r: x.var(), _mse)
_over("one mean for a colour", ONE_FOR_ALL_PIXELS, _from_mean((0, 2, 3)))

ITS_OWN = (
    "Each image is compared with its own mean grey, which nobody could know without having seen "
    "the image."
)
_over("its own mean", ITS_OWN, _from_mean((1, 2, 3)))
_over("its own mean for each colour", ITS_OWN, _from_mean((2, 3)))

WRONG_AXIS = (
    "The mean is taken along an axis of the image, colours, rows or columns. The mean image is the "
    "mean over the images: axis 0."
)
for axis in (1, 2, 3):
    _over(f"mean along axis {axis}", WRONG_AXIS, _from_mean(axis))

NO_YARDSTICK = (
    "This is the squared error itself, a sum, a mean or its root. It depends on how bright and how "
    "varied the data are: divide it by the error of the mean image."
)
_over("plain MSE", NO_YARDSTICK, lambda x, r: 1, _mse)
_over("sum of squares", NO_YARDSTICK, lambda x, r: 1)
_over("sum for an image", NO_YARDSTICK, lambda x, r: len(x))
_over("root of the MSE", NO_YARDSTICK, lambda x, r: 1, lambda x, r: _mse(x, r).sqrt())

STANDARD_DEVIATION = (
    "Squares are divided by a standard deviation, so the result still changes with the unit."
)
_over(
    "over the root of the spread",
    STANDARD_DEVIATION,
    lambda x, r: (_spread(x, r) / x.numel()).sqrt(),
    _mse,
)
_over("over std", STANDARD_DEVIATION, lambda x, r: x.std(), _mse)
_over("over std of the pixels", STANDARD_DEVIATION, lambda x, r: x.std(dim=0).mean(), _mse)

SUM_AND_MEAN = (
    "One of the two is a sum and the other a mean, over the images or over all numbers (a variance "
    "is a mean, too), so the result changes with the number of images. Take both alike."
)
_over("sum over mean of images", SUM_AND_MEAN, lambda x, r: _spread(x, r) / len(x))
_over("sum over variances", SUM_AND_MEAN, lambda x, r: x.var(dim=0).sum())
_over("sum over mean", SUM_AND_MEAN, lambda x, r: _spread(x, r) / x.numel())
_over("mean over sum", SUM_AND_MEAN, _spread, _mse)

RANGE = (
    "The error is held against the range of the levels, or the largest of them. That says nothing "
    "of how much the images differ: the error of the mean image does."
)
_over("range", RANGE, lambda x, r: x.max() - x.min(), _mse)
_over("squared range", RANGE, lambda x, r: (x.max() - x.min()) ** 2, _mse)
_over("squared maximum", RANGE, lambda x, r: x.max() ** 2, _mse)
_over(
    "mean image of the answers",
    "The mean image is that of the reconstructions. The best constant answer is the mean of x.",
    lambda x, r: (x - r.mean(dim=0)).square().sum(),
)
_over(
    "spread of the answers",
    "The spread is that of the reconstructions. Blurred answers vary less, and whoever always says "
    "the same would divide by 0.",
    lambda x, r: (r - r.mean(dim=0)).square().sum(),
)
_over(
    "over the squares",
    "The squares of x itself are in the denominator: the error of answering black, not of "
    "answering the mean.",
    lambda x, r: x.square().sum(),
)
MEAN_SQUARED = (
    "The squares of the mean image are in the denominator, and its *error* is asked for: first "
    "subtract it from every image of x."
)
_over("the mean image squared", MEAN_SQUARED, lambda x, r: x.mean(dim=0).square().sum() * len(x))
_over("the mean image squared, once", MEAN_SQUARED, lambda x, r: x.mean(dim=0).square().sum())
_over(
    "median",
    "The median image is taken. For squared errors the best constant answer is the mean image.",
    lambda x, r: (x - x.median(dim=0).values).square().sum(),
)
_over(
    "absolute differences",
    "Absolute differences are added. Asked for are squares.",
    lambda x, r: (x - x.mean(dim=0)).abs().sum(),
    lambda x, r: (x - r).abs().sum(),
)
_over(
    "answers against the mean image",
    "The reconstructions are compared with the mean image in the numerator. Compare them with x.",
    _spread,
    lambda x, r: (r - x.mean(dim=0)).square().sum(),
)
_over(
    "error of the mean answer",
    "The mean image of the answers is compared with that of x. Errors of single images cancel in "
    "a mean: square first.",
    _spread,
    lambda x, r: (x.mean(dim=0) - r.mean(dim=0)).square().sum(),
)
_over(
    "upside down",
    "The ratio is upside down: your own error stands in the denominator.",
    lambda x, r: (x - r).square().sum(),
    _spread,
)


@normalized_mse.mistakes
class Mistakes:
    def unbiased_variance(x, reconstruction):
        """The variance is divided by N - 1, the default of `var`, and the error by N. The mean
        image itself then does not get 1."""
        error, spread = _sums(x, reconstruction)
        return error / spread * (len(x) - 1) / len(x)

    def root(x, reconstruction):
        """The square root is taken of the ratio. 0.25 then looks like 0.5."""
        return reference(x, reconstruction).sqrt()

    def explained_share(x, reconstruction):
        """This is the explained share, 1 for a perfect answer. Asked for is what is left of the
        error."""
        return 1 - reference(x, reconstruction)

    def cut_off_at_1(x, reconstruction):
        """The result is cut off at 1. Worse than the mean image is possible, and should show."""
        return reference(x, reconstruction).clamp(max=1)

    def pixel_by_pixel(x, reconstruction):
        """The ratio is taken at every pixel and then averaged: a corner that is nearly always black
        weighs as much as the middle. Sum first, divide once."""
        error = (x - reconstruction).square().sum(dim=0)
        return (error / (x - x.mean(dim=0)).square().sum(dim=0)).mean()

    @says(" ".join(pixel_by_pixel.__doc__.split()))
    def pixel_by_pixel_of_every_image(x, reconstruction):
        return ((x - reconstruction).square() / (x - x.mean(dim=0)).square()).mean()

    def image_by_image(x, reconstruction):
        """The ratio is taken for every image and then averaged: an image near to the mean weighs
        most. Add up all images, then divide."""
        return Mistakes.a_ratio_for_each_image(x, reconstruction).mean()

    def a_ratio_for_each_image(x, reconstruction):
        """Every image has a ratio of its own here. Asked for is one number: sum over the images as
        well before you divide."""
        error = (x - reconstruction).square().flatten(1).sum(dim=1)
        return error / (x - x.mean(dim=0)).square().flatten(1).sum(dim=1)

    def a_ratio_for_each_pixel(x, reconstruction):
        """Every pixel has a ratio of its own here. Asked for is one number: sum over the pixels as
        well before you divide."""
        error = (x - reconstruction).square().sum(dim=0)
        return error / (x - x.mean(dim=0)).square().sum(dim=0)


@normalized_mse.right
def by_variance(x, reconstruction):
    variance = x.var(dim=0, correction=0).mean()
    return torch.nn.functional.mse_loss(reconstruction, x) / variance


@normalized_mse.right
def by_moments(x, reconstruction):
    error = torch.linalg.vector_norm(x - reconstruction) ** 2
    return error / (x.square().sum() - len(x) * x.mean(dim=0).square().sum())
