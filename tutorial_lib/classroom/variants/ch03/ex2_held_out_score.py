"""Variants of exercise 3.2: other statistics of the same costs."""

import math

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch03
from tutorial_lib.exercises.ch03.ex2_held_out_score import RECORDED, calls_recorded
from tutorial_lib.exercises.ch03.models import IndependentPixels
from tutorial_lib.exercises.comparing import agree
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.trials import Trial, read_as_of
from tutorial_lib.pixels.likelihood import nll_nats

MODEL = "lambda x: torch.arange(4.0).view(1, 4, 1, 1, 1).expand(len(x), 4, 1, 1, 2)"
IMAGES = "torch.tensor([[3, 3], [3, 2], [0, 2], [0, 0]]).view(4, 1, 1, 2)"
held_out_score = Variants(
    ch03.held_out_score,
    images="(N, C, H, W) torch.long, N at least 4",
    by_hand="four images of two pixels cost 2, 4, 5 and 9 nats. {outcome}",
    examples=(
        f"held_out_score({MODEL}, {IMAGES}, 4)",
        f"held_out_score({MODEL}, {IMAGES}[[0, 0, 0, 3, 2]], 2)",
    ),
)


@torch.no_grad()
def _costs(model_fn, images, batch_size):
    return torch.cat([nll_nats(model_fn(b), b).double() for b in images.split(batch_size)])


@torch.no_grad()
def _cost_list(model_fn, images, batch_size):
    """The same costs, one image after the other, as floats."""
    return [
        F.cross_entropy(model_fn(image), image, reduction="sum").item() for image in images[:, None]
    ]


@held_out_score.twist(
    "The second number is the standard error of the first: the standard deviation of the "
    "costs, with N - 1 in its denominator, divided by the square root of N.",
    asked="(mean nats per image, standard error of this mean in nats).",
    outcome=(
        "The mean is 5, the variance (9 + 1 + 0 + 16) / 3 = 8.667, and the error 2.944 / 2 = 1.472"
    ),
)
def standard_error(model_fn, images, batch_size):
    costs = _costs(model_fn, images, batch_size)
    return costs.mean().item(), (costs.std() / math.sqrt(len(costs))).item()


@held_out_score.right
def standard_error_again(model_fn, images, batch_size):
    costs = _cost_list(model_fn, images, batch_size)
    n, mean = len(costs), sum(costs) / len(costs)
    return mean, math.sqrt(sum((each - mean) ** 2 for each in costs) / (n * (n - 1)))


@held_out_score.twist(
    "The second number is the bits/dim of the dearest image alone.",
    asked="(mean nats per image, bits/dim of the image that costs most).",
    outcome=("The mean is 5, and the dearest image costs 9 / 2 / log 2 = 6.492 bits/dim"),
)
def dearest(model_fn, images, batch_size):
    costs = _costs(model_fn, images, batch_size)
    return costs.mean().item(), costs.max().item() / images[0].numel() / math.log(2)


@held_out_score.right
def dearest_again(model_fn, images, batch_size):
    costs = _cost_list(model_fn, images, batch_size)
    worst = sorted(costs)[-1] * math.log2(math.e)
    return sum(costs) / len(costs), worst / math.prod(images.shape[1:])


@held_out_score.twist(
    "The means are trimmed: the cheapest and the dearest of all images are left out.",
    asked="What `images` cost: (nats per image, bits/dim), two trimmed means.",
    outcome=("Without the 2 and the 9 the mean is 4.5 nats, 4.5 / 2 / log 2 = 3.246 bits/dim"),
)
def trimmed(model_fn, images, batch_size):
    kept = _costs(model_fn, images, batch_size).sort().values[1:-1]
    nats = kept.mean().item()
    return nats, nats / (images[0].numel() * math.log(2))


@held_out_score.right
def trimmed_again(model_fn, images, batch_size):
    costs = _cost_list(model_fn, images, batch_size)
    nats = (sum(costs) - min(costs) - max(costs)) / (len(costs) - 2)
    return nats, nats * math.log2(math.e) / math.prod(images.shape[1:])


def _trial(rng: torch.Generator, n: int, batch_size: int, dims: tuple[int, int, int]) -> Trial:
    """A model without opinions about images, and images that cost very different amounts."""
    logits = 2 * torch.randn((4, *dims), generator=rng, dtype=torch.float64)
    images = torch.randint(4, (n, *dims), generator=rng)
    return Trial((IndependentPixels(logits), images, batch_size))


held_out_score.trials("batches that are all full")(lambda rng: [_trial(rng, 6, 3, (1, 3, 4))])


@held_out_score.trials("a last batch that is smaller", points=2)
def uneven_batches(rng):
    sizes = ((7, 3, (1, 3, 4)), (9, 4, (1, 2, 5)), (5, 8, (1, 4, 2)))
    return [_trial(rng, *size) for size in sizes]


held_out_score.trials("images of three colours")(
    lambda rng: [_trial(rng, 5, 2, (3, 2, 4)), _trial(rng, 4, 3, (3, 3, 2))]
)


@held_out_score.judge("batches no larger than asked, and no gradients recorded")
def manners(candidate, rng, twist) -> Failure | None:
    (trial,) = held_out_score.telling(lambda rng: [_trial(rng, 7, 3, (1, 2, 3))], rng, twist)
    model, images, size = trial.args
    model.at_most = size
    got = read_as_of(twist.right, candidate(*trial.args), trial)
    if not agree(got, read_as_of(twist.right, trial.call(twist.right), trial)):
        return Failure(f"These are not the two numbers: {twist.says}")
    recorded = candidate.measure(calls_recorded, model, images, size)
    if any(recorded):
        told = f"{sum(recorded)} of {len(recorded)} calls of the model were recorded."
        return Failure(RECORDED, told)
    return None
