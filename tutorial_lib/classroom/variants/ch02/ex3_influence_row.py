"""Variants of exercise 2.3: another row or column of the same influence matrix."""

import torch
from torch import nn

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch02
from tutorial_lib.exercises.ch02.ex3_influence_row import second_of_two
from tutorial_lib.exercises.ch02.models import Opposed, SideBySide, masked_stack, unmasked
from tutorial_lib.exercises.comparing import tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.trials import Trial

MODEL = "lambda x: torch.cat([x - 2 * x.roll(1, -1), -x], dim=1)"
influence_row = Variants(
    ch02.influence_row,
    target="(row, column){whose}",
    returns="(H, W) torch.bool: {result}",
    by_hand=(
        "model_fn = lambda x: x + 2 * x.roll(1, -1), where each pixel reads itself and its left "
        "neighbour, the first pixel the last. "
        "{outcome}"
    ),
    examples=(
        f"influence_row({MODEL}, torch.ones(1, 1, 2, 4), (1, 2))",
        "influence_row(lambda x: x.cumsum(dim=2), torch.ones(1, 1, 3, 2), (1, 0))",
    ),
)


def _jacobian(model_fn, image):
    """(F, H, W, H, W): how each logit changes with each input pixel."""
    return torch.autograd.functional.jacobian(lambda x: model_fn(x)[0], image)[:, :, :, 0, 0]


def _row_of(logits, target, *, changes: bool = True):
    chosen = logits[..., target[0], :]
    return (chosen != 0).any(dim=-1) if changes else chosen


def _column_of(logits, target, *, changes: bool = True):
    chosen = logits[..., target[1]]
    return (chosen != 0).any(dim=-1) if changes else chosen


@influence_row.twist(
    "The target is an input pixel: asked is which outputs it moves, a column of the influence "
    "matrix.",
    asked="Which output pixels have a logit that the input at `target` moves.",
    whose=" of the input pixel",
    result="True where a logit of the output pixel moves",
    outcome="For a 1x3 image and target (0, 0): [[True, True, False]]",
)
def column(model_fn, image, target):
    return (_jacobian(model_fn, image)[..., target[0], target[1]] != 0).any(dim=0)


@influence_row.right
def by_changing_the_pixel(model_fn, image, target):
    changed = image.detach().clone()
    changed[0, 0, target[0], target[1]] += 0.37
    with torch.no_grad():
        return (model_fn(changed) != model_fn(image))[0].any(dim=0)


def _whole_line(says: str, line, by_hand: str):
    """line(logits, target) are the logits (F, n) of all pixels of one line of the image."""

    @influence_row.twist(
        f"Asked is what the whole {says} of the target reads: every pixel that moves a logit of "
        f"any pixel in that {says}.",
        asked=f"Which input pixels move a logit of any pixel in the {says} of `target`.",
        whose=" of an output pixel",
        result="True where a change of the input pixel moves one of them",
        outcome=by_hand,
    )
    def right(model_fn, image, target):
        return line(_jacobian(model_fn, image).movedim((1, 2), (3, 4)), target).any(dim=0)

    @influence_row.right
    def one_by_one(model_fn, image, target):
        leaf = image.detach().clone().requires_grad_()
        reads = torch.zeros(image.shape[-2:], dtype=torch.bool)
        for logit in line(model_fn(leaf)[0], target, changes=False).flatten():
            reads |= torch.autograd.grad(logit, leaf, retain_graph=True)[0][0, 0] != 0
        return reads


_whole_line("row", _row_of, "For a 1x3 image all is read, whatever the column")
_whole_line(
    "column",
    _column_of,
    "For a 2x3 image and target (0, 1): [[True, True, False], [True, True, False]]",
)


@influence_row.twist(
    "Asked is which input pixels raise a logit of the target when they grow a little: a "
    "derivative above 0.",
    asked="Which input pixels have a positive derivative for a logit at `target`.",
    whose=" of the output pixel",
    result="True where some logit of the target has a derivative above 0",
    outcome="With -2 in place of 2, target (0, 1) gives [[False, True, False]]",
)
def raising(model_fn, image, target):
    return (_jacobian(model_fn, image)[:, target[0], target[1]] > 0).any(dim=0)


@influence_row.right
def one_by_one(model_fn, image, target):
    leaf = image.detach().clone().requires_grad_()
    logits = model_fn(leaf)[0, :, target[0], target[1]]
    slopes = [torch.autograd.grad(each, leaf, retain_graph=True)[0] for each in logits]
    return torch.cat(slopes)[:, 0].amax(dim=0) > 0


def _trial(model: nn.Module, size: tuple[int, int], target: tuple[int, int], rng) -> Trial:
    return Trial((model, torch.rand((1, 1, *size), generator=rng, dtype=torch.float64), target))


def _four_stacks(rng: torch.Generator) -> list[Trial]:
    return [_trial(masked_stack(rng), (4, 5), (1, 2), rng) for _ in range(4)]


@influence_row.trials(
    "maps of several targets of masked stacks, on images that are not square", points=2
)
def maps(rng):
    stacks = masked_stack(rng), masked_stack(rng, (1, 3)), masked_stack(rng, (3, 1))
    trials = [_trial(stacks[0], (4, 6), target, rng) for target in ((3, 2), (1, 3), (2, 0))]
    return trials + [_trial(stack, (5, 4), (3, 2), rng) for stack in stacks[1:]]


@influence_row.trials("logits that cancel, and logits that read different pixels")
def logits(rng):
    views = SideBySide(masked_stack(rng, (1, 3)), masked_stack(rng, (3, 1)))
    models = Opposed(masked_stack(rng)), views
    return [_trial(model, (4, 5), target, rng) for model in models for target in ((2, 3), (1, 1))]


@influence_row.trials("models that read themselves, and models with a single logit")
def others(rng):
    targets = ((2, 3), (1, 1))
    models = unmasked(rng, 1), unmasked(rng, 3)
    return [_trial(model, (4, 5), target, rng) for model in models for target in targets]


@influence_row.judge("a second call with the same image")
def again(candidate, rng, twist) -> Failure | None:
    for trial in influence_row.telling(_four_stacks, rng, twist):
        model, image, _ = trial.args
        got, _ = candidate.measure(second_of_two, model, image, [(3, 3), (1, 2)])
        got = tensor_result(got, (4, 5), kind="bool").bool()
        if not torch.equal(got, twist.right(model, image, (1, 2))):
            told = f"Called for target (3, 3), then for (1, 2). {twist.says}"
            return Failure("A second call with the same image gives a wrong map.", told)
    return None
