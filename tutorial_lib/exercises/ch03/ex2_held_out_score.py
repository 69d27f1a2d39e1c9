"""Exercise 3.2: what a whole data set costs under a model."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.ch03.models import TOO_MANY, IndependentPixels
from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats


@torch.no_grad()
def reference(model_fn: Callable, images: Tensor, batch_size: int) -> tuple[float, float]:
    """(nats per image, bits/dim), means over all images; a smaller last batch counts as such."""
    total = 0.0
    for batch in images.split(batch_size):
        total += nll_nats(model_fn(batch), batch).double().sum().item()
    nats = total / len(images)
    return nats, bits_per_dim(nats, images[0].numel())


held_out_score = Exercise(
    "3.2",
    "The score of a data set",
    goal="Score any number of images under a model: nats per image and bits/dim.",
    minutes=10,
    reference=reference,
    otherwise="These are not the two numbers.",
    parts="a pair",
    stub='''\
def held_out_score(model_fn, images: torch.Tensor, batch_size: int) -> tuple[float, float]:
    """What `images` cost under a model: (nats per image, bits/dim), two means over all images.

    model_fn    a function: levels (B, C, H, W) -> logits (B, L, C, H, W)
    images      (N, C, H, W) torch.long
    batch_size  the most images that model_fn is given at once; N need not be a multiple of it.
                No gradients are recorded on the way
    returns     two numbers

    By hand: three images of two pixels, in batches of two, cost 2, 4 and 9 nats. Together that is
             15, so 5 nats per image, and 5 / 2 / log 2 = 3.607 bits/dim
    """
    ____
''',
    answer="""\
def held_out_score(model_fn, images, batch_size):
    total = 0.0
    with torch.no_grad():
        for batch in images.split(batch_size):  # the last one may be smaller
            total += nll_nats(model_fn(batch), batch).double().sum().item()
    nats = total / len(images)  # every image counts the same
    return nats, bits_per_dim(nats, images[0].numel())
""",
    hints=(
        """Keep one running sum of nats over all images and divide once, at the end, by the
        number of images. Bits/dim follow from nats per image and the number of sub-pixels, C
        * H * W.""",
        """`images.split(batch_size)` gives batches, the last one perhaps smaller.
        `nll_nats(logits, batch)` of `tutorial_lib.pixels` gives the cost of each image of
        a batch; `.sum().item()` makes a plain number. `torch.no_grad()` works as a decorator
        and in a `with`.""",
        """Score the same images with two batch sizes. If the numbers differ, a batch was
        averaged too early or left out: every image counts the same, wherever the batches end.""",
    ),
)

RECORDED = (
    "Gradients are recorded while you score: the activations of the model are kept for a backward "
    "pass that never comes. Use `torch.no_grad()`."
)


def _trial(
    rng: torch.Generator, n: int, batch_size: int, dims: tuple[int, int, int], n_levels: int = 4
) -> Trial:
    """A model without opinions about images, and images that cost very different amounts."""
    logits = torch.randn((n_levels, *dims), generator=rng, dtype=torch.float64)
    likeliest = logits.argmax(dim=0).expand(n, *dims)
    images = torch.randint(n_levels, (n, *dims), generator=rng)
    share = torch.linspace(0.9, 0, n).view(n, 1, 1, 1)
    cheap = torch.rand((n, *dims), generator=rng) < share
    return Trial((IndependentPixels(logits), torch.where(cheap, likeliest, images), batch_size))


@held_out_score.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    _, images, batch_size = trial.args
    told = f"{len(images)} images of {'x'.join(map(str, images.shape[1:]))} in batches of"
    lines = [f"{told} {batch_size}, the last of {(len(images) - 1) % batch_size + 1}."]
    for name, mine, right in zip(("nats per image", "bits/dim"), got, want, strict=True):
        lines.append(f"{name:14}  {number(right):>8} expected, got {number(mine)}")
    return "\n".join(lines)


def _check(candidate, trials: list[Trial], diagnose_on: list[Trial]) -> Failure | None:
    return held_out_score.compare(
        candidate,
        trials,
        further=diagnose_on,
        otherwise="These are not the two numbers. Get the first right alone: the second follows.",
    )


def _uneven(rng: torch.Generator) -> list[Trial]:
    return [
        _trial(rng, 7, 3, (1, 3, 4)),
        _trial(rng, 9, 4, (1, 2, 5)),
        _trial(rng, 5, 8, (1, 4, 2)),
    ]


def calls_recorded(function: Callable, model: IndependentPixels, images: Tensor, size: int):
    """For each call of the model, whether gradients were being recorded."""
    function(model, images, size)
    return model.recorded


held_out_score.trials("batches that are all full")(
    lambda rng: ([_trial(rng, 6, 3, (1, 3, 4))], _uneven(rng))
)
held_out_score.trials("a last batch that is smaller", points=2)(lambda rng: _uneven(rng))
held_out_score.trials("images of three colours")(
    lambda rng: [_trial(rng, 5, 2, (3, 2, 4)), _trial(rng, 4, 3, (3, 3, 2), n_levels=7)]
)


@held_out_score.judge("batches no larger than asked, and no gradients recorded")
def manners(candidate, rng: torch.Generator) -> Failure | None:
    model, images, size = _trial(rng, 7, 3, (1, 2, 3)).args
    model.at_most = size
    recorded = candidate.measure(calls_recorded, model, images, size)
    if not recorded:
        return Failure("Your function never calls the model.", "Nothing can be scored without it.")
    if not any(recorded):
        return None
    told = f"{sum(recorded)} of {len(recorded)} calls of the model were recorded."
    return Failure(RECORDED, told)


def _batches(model_fn, images, batch_size):
    """The costs of the images, batch by batch, with nothing recorded."""
    with torch.no_grad():
        return [nll_nats(model_fn(batch), batch).double() for batch in images.split(batch_size)]


def _both(nats, images, n_dims=None):
    nats = float(nats)
    return nats, nats / ((n_dims or images[0].numel()) * math.log(2))


def _costs(model_fn, images, batch_size):
    return torch.cat(_batches(model_fn, images, batch_size))


@held_out_score.mistakes
class Mistakes:
    def mean_of_batch_means(model_fn, images, batch_size):
        """This is the mean of the batch means, in which an image of the small last batch weighs
        more than the others. Sum first, divide once."""
        means = [costs.mean() for costs in _batches(model_fn, images, batch_size)]
        return _both(sum(means) / len(means), images)

    def last_batch_dropped(model_fn, images, batch_size):
        """The last batch, which is not full, was left out: its images belong to the data too."""
        kept = images[: len(images) // batch_size * batch_size]
        return _both(_costs(model_fn, kept, batch_size).mean(), images)

    def last_batch_lost_from_the_sum(model_fn, images, batch_size):
        """The last batch, which is not full, never entered the sum, though its images were
        counted."""
        kept = images[: len(images) // batch_size * batch_size]
        total = _costs(model_fn, kept, batch_size).sum() if len(kept) else 0.0
        return _both(total / len(images), images)

    def last_batch_weighed_as_if_it_were_full(model_fn, images, batch_size):
        """Each batch mean is multiplied by batch_size. The last batch holds fewer images: multiply
        by len(batch), or sum at once."""
        means = [costs.mean() for costs in _batches(model_fn, images, batch_size)]
        return _both(sum(means) * batch_size / len(images), images)

    def divided_by_full_batches(model_fn, images, batch_size):
        """You divide by batches times batch size. The last batch is not full: divide by the number
        of images."""
        costs = _costs(model_fn, images, batch_size)
        return _both(costs.sum() / (math.ceil(len(images) / batch_size) * batch_size), images)

    def mean_over_pixels_called_nats_per_image(model_fn, images, batch_size):
        """The first number is nats per dimension, a mean over the pixels. Nats per image is the sum
        over them."""
        nats = float(_costs(model_fn, images, batch_size).mean()) / images[0].numel()
        return nats, nats / math.log(2)

    def divided_by_the_dimensions_twice(model_fn, images, batch_size):
        """The number of dimensions is divided out twice, in the first number already and in the
        second again."""
        nats = float(_costs(model_fn, images, batch_size).mean()) / images[0].numel()
        return _both(nats, images)

    def times_log_2(model_fn, images, batch_size):
        """The bits/dim come from a multiplication by log 2. A nat is more than a bit: divide."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, nats / images[0].numel() * math.log(2)

    def nats_called_bits(model_fn, images, batch_size):
        """The second number is nats per dimension: the step from nats to bits is missing."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, nats / images[0].numel()

    def bits_per_image(model_fn, images, batch_size):
        """The second number is bits per image: it was not divided by the dimensions."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, nats / math.log(2)

    def the_cost_of_the_whole_set(model_fn, images, batch_size):
        """This is the cost of all images together: it was not divided by their number."""
        return _both(_costs(model_fn, images, batch_size).sum(), images)

    def colours_forgotten(model_fn, images, batch_size):
        """The bits are divided by the pixels, H * W. With colours there are C * H * W
        dimensions."""
        nats = _costs(model_fn, images, batch_size).mean()
        return _both(nats, images, images.shape[-2] * images.shape[-1])

    def log_of_the_mean(model_fn, images, batch_size):
        """You average probabilities and take the log then. The score is the mean of -log p(x)."""
        costs = _costs(model_fn, images, batch_size)
        return _both(math.log(len(costs)) - torch.logsumexp(-costs, dim=0), images)

    def the_two_exchanged(model_fn, images, batch_size):
        """The two numbers are exchanged: nats per image come first, bits/dim second."""
        return reference(model_fn, images, batch_size)[::-1]

    def first_batch_only(model_fn, images, batch_size):
        """Only the first batch is scored."""
        return _both(_batches(model_fn, images, batch_size)[0].mean(), images)

    def last_batch_only(model_fn, images, batch_size):
        """Only the last batch counts: add the costs of all batches up."""
        return _both(_batches(model_fn, images, batch_size)[-1].mean(), images)

    def sum_of_batch_means(model_fn, images, batch_size):
        """The batch means are added: their sum grows with the number of batches. Sum the costs of
        all images, divide once."""
        return _both(sum(c.mean() for c in _batches(model_fn, images, batch_size)), images)

    def batch_means_over_images(model_fn, images, batch_size):
        """The batch means are added and divided by the number of images. Sum the costs of all
        images instead."""
        return _both(
            sum(c.mean() for c in _batches(model_fn, images, batch_size)) / len(images), images
        )

    def divided_by_the_batches(model_fn, images, batch_size):
        """The cost of all images is divided by the number of batches, not of images."""
        costs = _batches(model_fn, images, batch_size)
        return _both(torch.cat(costs).sum() / len(costs), images)

    def divided_by_the_batch_size(model_fn, images, batch_size):
        """The cost of all images is divided by the batch size, not by the number of images."""
        return _both(_costs(model_fn, images, batch_size).sum() / batch_size, images)

    def sign_turned_round(model_fn, images, batch_size):
        """The sign is turned round: a cost is -log p, and positive."""
        return _both(-_costs(model_fn, images, batch_size).mean(), images)

    def both_in_bits(model_fn, images, batch_size):
        """The first number is bits per image: nats were asked for. The second is right."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats / math.log(2), nats / (images[0].numel() * math.log(2))

    def divided_by_log_2_twice(model_fn, images, batch_size):
        """log 2 is divided out twice: once in the first number already, and in the second again."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return _both(nats / math.log(2), images)

    def log2_of_the_nats(model_fn, images, batch_size):
        """The second number is a log2 of the first. The cost is a logarithm already, only its unit
        changes."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, math.log2(nats) / images[0].numel()

    def log_of_the_levels(model_fn, images, batch_size):
        """The second number is divided by the log of the number of levels. A bit is log 2 nats."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        n_levels = model_fn(images[:1]).shape[1]
        return nats, nats / (images[0].numel() * math.log(n_levels))

    def upside_down(model_fn, images, batch_size):
        """The second number is upside down: nats are divided by the dimensions and log 2."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, images[0].numel() * math.log(2) / nats

    def all_dimensions_of_all_images(model_fn, images, batch_size):
        """The second number is divided by the dimensions of all images together: nats per image
        have one image's."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, nats / (images.numel() * math.log(2))

    def dimensions_of_a_garment(model_fn, images, batch_size):
        """The second number is divided by 784, the pixels of a garment. Count the dimensions of the
        images that come in: C * H * W."""
        return _both(_costs(model_fn, images, batch_size).mean(), images, 784)

    def dimensions_of_width_only(model_fn, images, batch_size):
        """The dimensions are taken for the width alone: they are C * H * W."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, nats / (images.shape[-1] * math.log(2))

    def nats_twice(model_fn, images, batch_size):
        """The second number is the first again: it is still to be divided by the dimensions and log
        2."""
        nats = float(_costs(model_fn, images, batch_size).mean())
        return nats, nats

    def median(model_fn, images, batch_size):
        """This is the median of the costs. A mean is wanted."""
        return _both(_costs(model_fn, images, batch_size).median(), images)

    @says(TOO_MANY)
    def all_at_once(model_fn, images, batch_size):
        return reference(model_fn, images, len(images))

    @says(RECORDED)
    def gradients_recorded(model_fn, images, batch_size):
        costs = [nll_nats(model_fn(batch), batch) for batch in images.split(batch_size)]
        return _both(torch.cat(costs).double().mean(), images)


@held_out_score.right
def one_by_one(model_fn, images, batch_size):
    with torch.inference_mode():
        cost = 0.0
        for image in images[:, None]:
            cost += F.cross_entropy(model_fn(image), image, reduction="sum")
    per_image = cost / len(images)
    return per_image, per_image * math.log2(math.e) / images[0].numel()


@held_out_score.right
def weighted_means(model_fn, images, batch_size):
    with torch.no_grad():
        nats, seen = torch.zeros(()).double(), 0
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            costs = nll_nats(model_fn(batch), batch)
            seen += len(batch)
            nats += (costs.mean() - nats) * len(batch) / seen
    return nats.item(), nats.item() / math.log(2) / math.prod(images.shape[1:])
