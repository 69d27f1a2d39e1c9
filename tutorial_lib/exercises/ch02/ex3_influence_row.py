"""Exercise 2.3: which input pixels does one prediction read?"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tutorial_lib.exercises.ch02.models import Opposed, SideBySide, masked_stack, unmasked
from tutorial_lib.exercises.comparing import first_difference
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(model_fn: Callable, image: Tensor, target: tuple[int, int]) -> Tensor:
    """Which input pixels move the outputs at `target`: bool (H, W).

    One backward pass for each logit of the target, so that none can cancel another.
    """
    row, column = target
    image = image.detach().clone().requires_grad_()
    logits = model_fn(image)[0, :, row, column]
    reads = torch.zeros(image.shape[-2:], dtype=torch.bool)
    for logit in logits:
        (gradient,) = torch.autograd.grad(logit, image, retain_graph=True)
        reads |= (gradient[0] != 0).any(dim=0)
    return reads


influence_row = Exercise(
    "2.3",
    "What does one pixel read?",
    goal="Find by autograd which input pixels move one prediction: a row of the influence matrix.",
    minutes=15,
    reference=reference,
    stub='''\
def influence_row(model_fn, image: torch.Tensor, target: tuple[int, int]) -> torch.Tensor:
    """Which input pixels move any of the logits at `target`, found by autograd.

    model_fn  a function (1, 1, H, W) -> (1, F, H, W): F logits for each pixel
    image     (1, 1, H, W) floating point; stays as it is, its requires_grad too
    target    (row, column) of the output pixel
    returns   (H, W) torch.bool: True where a change of the input pixel moves a logit of the target

    By hand: model_fn = lambda x: 3 * x reads the target alone: True there, False elsewhere
    """
    ____
''',
    answer="""\
def influence_row(model_fn, image, target):
    row, column = target
    image = image.detach().clone().requires_grad_()  # a copy, which alone is changed
    logits = model_fn(image)[0, :, row, column]
    reads = torch.zeros(image.shape[-2:], dtype=torch.bool)
    for logit in logits:  # one backward pass each: a sum of logits may cancel
        (gradient,) = torch.autograd.grad(logit, image, retain_graph=True)
        reads |= gradient[0, 0] != 0
    return reads
""",
    hints=(
        """A logit depends on an input pixel if its derivative with respect to that pixel is not
        0. One backward pass from one number gives the derivatives with respect to all pixels.""",
        """Take a copy with `image.detach().clone().requires_grad_()`, run the model, pick
        `model_fn(image)[0, f, row, column]`, and ask `torch.autograd.grad(logit, image,
        retain_graph=True)`. Combine the logits with "or": `reads |= gradient[0, 0] != 0`.""",
        """If every pixel seems to be read, you started from more than one output pixel. If
        pixels are missing that should be read, a sum has cancelled something: two logits of
        opposite sign, or `gradient > 0` in place of `gradient != 0`.""",
    ),
)

PILED_UP = (
    "The second call still holds the gradients of the first: backward() adds to image.grad. "
    "Work on a copy of the image, or use torch.autograd.grad."
)
LEFT_ON = (
    "The image that came in requires gradients after the call, and did not before: work on a copy, "
    "`image.detach().clone().requires_grad_()`."
)


def _trial(model: nn.Module, size: tuple[int, int], target: tuple[int, int], rng) -> Trial:
    image = torch.rand((1, 1, *size), generator=rng, dtype=torch.float64)
    return Trial((model, image, target))


def _telling(rng: torch.Generator) -> list[Trial]:
    """Trials that tell mistakes apart: one logit, several, and some that read different pixels."""
    views = SideBySide(masked_stack(rng, (1, 3)), masked_stack(rng, (3, 1)))
    models = unmasked(rng, 1), unmasked(rng, 3), views, SideBySide(*reversed((views, views.first)))
    targets = (2, 3), (1, 1), (3, 2)
    return [_trial(model, (4, 5), target, rng) for model in models for target in targets]


@influence_row.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    _, image, target = trial.args
    row, column = first_difference(got, want)
    said = "read" if got[row, column] else "not read"
    really = "moves the target" if want[row, column] else "does not move the target"
    return "\n".join(
        [
            f"Target {target} of a {image.shape[-2]}x{image.shape[-1]} image.",
            f"You say that input pixel ({row}, {column}) is {said}, but it {really}.",
            "Your map, # read and . not read:",
            *("  " + " ".join("#" if each else "." for each in line) for line in got),
        ]
    )


def second_of_two(function: Callable, model: nn.Module, image: Tensor, targets: list) -> tuple:
    """What the function says of the second target, when asked about both with one image, and
    whether that image requires gradients then."""
    function(model, image, targets[0])
    return function(model, image, targets[1]), image.requires_grad


@influence_row.trials(
    "maps of several targets of masked stacks, on images that are not square", points=2
)
def check_map(rng):
    stacks = masked_stack(rng), masked_stack(rng, (1, 3)), masked_stack(rng, (3, 1))
    trials = [_trial(stacks[0], (4, 6), target, rng) for target in ((3, 2), (1, 3), (2, 0))]
    trials += [_trial(stack, (5, 4), (3, 2), rng) for stack in stacks[1:]]
    return trials, _telling(rng)


@influence_row.trials("logits that cancel, and logits that read different pixels")
def check_logits(rng):
    views = SideBySide(masked_stack(rng, (1, 3)), masked_stack(rng, (3, 1)))
    trials = [_trial(Opposed(masked_stack(rng)), (4, 5), (2, 3), rng)]
    trials.append(_trial(views, (4, 5), (2, 3), rng))
    return trials, _telling(rng)


@influence_row.trials("models that read themselves, and models with a single logit")
def check_others(rng):
    return [
        _trial(unmasked(rng, 1), (4, 5), (2, 3), rng),
        _trial(unmasked(rng, 3), (5, 4), (1, 2), rng),
    ], _telling(rng)


@influence_row.judge("a second call with the same image")
def again(candidate, rng: torch.Generator) -> Failure | None:
    trial = _trial(masked_stack(rng), (4, 5), (1, 2), rng)
    model, image, target = trial.args
    second, recorded = candidate.measure(second_of_two, model, image, [(3, 3), target])
    got = influence_row.read(second, trial)
    want = influence_row.read(trial.call(reference), trial)
    if torch.equal(got, want):
        told = "image.requires_grad: False before the 2 calls, True after them."
        return Failure(LEFT_ON, told) if recorded else None
    first = influence_row.read(Trial((model, image, (3, 3))).call(reference), trial)
    piled_up = torch.equal(got.bool(), want.bool() | first.bool())
    message = PILED_UP if piled_up else "A second call with the same image gives a wrong map."
    return Failure(message, evidence(trial, got, want))


def _leaf(image):
    return image.detach().clone().requires_grad_()


def _gradient(output, image):
    return torch.autograd.grad(output, image, retain_graph=True)[0][0, 0]


def _union(logits, image):
    return torch.stack([_gradient(logit, image) != 0 for logit in logits]).any(dim=0)


@influence_row.mistakes
class Mistakes:
    def all_outputs_at_once(model_fn, image, target):
        """All outputs are differentiated, so this is what any pixel reads. Pick the logits of the
        target first."""
        image = _leaf(image)
        return _gradient(model_fn(image).sum(), image) != 0

    def logits_added(model_fn, image, target):
        """The logits of the target are added before they are differentiated, and what they read
        cancels. Take each by itself, or mix them with random weights."""
        image = _leaf(image)
        return _gradient(model_fn(image)[0, :, target[0], target[1]].sum(), image) != 0

    def the_first_logit_only(model_fn, image, target):
        """Only the first logit of the target is looked at. The others may read other pixels."""
        image = _leaf(image)
        return _gradient(model_fn(image)[0, 0, target[0], target[1]], image) != 0

    def positive_gradients_only(model_fn, image, target):
        """Pixels with a negative gradient are left out. They move the output as well: compare with
        0 by !=."""
        image = _leaf(image)
        logits = model_fn(image)[0, :, target[0], target[1]]
        return torch.stack([_gradient(logit, image) > 0 for logit in logits]).any(dim=0)

    def row_and_column_exchanged(model_fn, image, target):
        """Row and column of the target are exchanged: this is what another output pixel reads."""
        image = _leaf(image)
        return _union(model_fn(image)[0, :, target[1], target[0]], image)

    def values_instead_of_gradients(model_fn, image, target):
        """This shows where the outputs are not 0. A value says nothing about what it depends on."""
        return (model_fn(image)[0] != 0).any(dim=0)

    def a_column_of_the_matrix(model_fn, image, target):
        """This is the other question: which outputs read the target. Asked is what the target
        reads."""
        changed = image.clone()
        changed[0, 0, target[0], target[1]] += 0.5
        return (model_fn(changed) != model_fn(image))[0].any(dim=0)

    def the_last_logit_only(model_fn, image, target):
        """Only the last logit of the target is kept: each overwrites the one before. Combine them
        with "or"."""
        image = _leaf(image)
        return _gradient(model_fn(image)[0, -1, target[0], target[1]], image) != 0

    def logits_and(model_fn, image, target):
        """A pixel counts only if it moves every logit. One that moves any is read: combine with
        "or" (`any`, `|`), not with "and"."""
        image = _leaf(image)
        logits = model_fn(image)[0, :, target[0], target[1]]
        return torch.stack([_gradient(logit, image) != 0 for logit in logits]).all(dim=0)

    def the_largest_logit_only(model_fn, image, target):
        """Only the largest logit of the target is looked at. The others may read other pixels."""
        image = _leaf(image)
        return _gradient(model_fn(image)[0, :, target[0], target[1]].max(), image) != 0

    def negative_gradients_only(model_fn, image, target):
        """Pixels with a positive gradient are left out. They move the output as well: compare with
        0 by !=."""
        image = _leaf(image)
        logits = model_fn(image)[0, :, target[0], target[1]]
        return torch.stack([_gradient(logit, image) < 0 for logit in logits]).any(dim=0)

    def read_and_unread_exchanged(model_fn, image, target):
        """True and False are exchanged: True stands for a pixel that is read, whose gradient is not
        0."""
        image = _leaf(image)
        return ~_union(model_fn(image)[0, :, target[0], target[1]], image)

    def a_threshold(model_fn, image, target):
        """Small gradients are taken for 0. Any gradient that is not exactly 0 counts: compare with
        0 by !=."""
        image = _leaf(image)
        logits = model_fn(image)[0, :, target[0], target[1]]
        return (torch.stack([_gradient(logit, image) for logit in logits]).abs() > 0.5).any(dim=0)

    def softmax_of_the_logits(model_fn, image, target):
        """The logits pass through a softmax first. Of a single logit it is always 1, and moves with
        nothing. Take the logits themselves."""
        image = _leaf(image)
        return _gradient(model_fn(image)[0, :, target[0], target[1]].softmax(dim=0)[0], image) != 0

    def the_row_of_the_target(model_fn, image, target):
        """All outputs in the row of the target are looked at. Pick one pixel by row and column."""
        image = _leaf(image)
        return _union(model_fn(image)[0, :, target[0]].flatten(), image)

    def the_column_of_the_target(model_fn, image, target):
        """All outputs in the column of the target are looked at. Pick one pixel by row and
        column."""
        image = _leaf(image)
        return _union(model_fn(image)[0, :, :, target[1]].flatten(), image)

    def target_left_out(model_fn, image, target):
        """The target itself is left out. A model that reads its own pixel must show it: this is how
        a leak is found."""
        image = _leaf(image)
        reads = _union(model_fn(image)[0, :, target[0], target[1]], image)
        reads[target] = False
        return reads

    def raster_order(model_fn, image, target):
        """This marks all pixels before the target in raster order, whatever the model. Find by
        gradients what it really reads."""
        height, width = image.shape[-2:]
        place = torch.arange(height * width).view(height, width)
        return place < target[0] * width + target[1]

    def raster_order_and_the_target(model_fn, image, target):
        """This marks the target and all pixels before it, whatever the model. Find by gradients
        what it really reads."""
        height, width = image.shape[-2:]
        place = torch.arange(height * width).view(height, width)
        return place <= target[0] * width + target[1]

    def above_and_left(model_fn, image, target):
        """This marks all pixels above and to the left of the target, whatever the model. Find by
        gradients what it really reads."""
        reads = torch.zeros(image.shape[-2:], dtype=torch.bool)
        reads[: target[0] + 1, : target[1] + 1] = True
        return reads

    def on_a_black_image(model_fn, image, target):
        """The gradient is multiplied by the image, or the image is emptied first: a pixel that is 0
        is then never read. Use the gradient alone."""
        image = _leaf(image)
        logits = model_fn(image)[0, :, target[0], target[1]]
        return torch.stack([_gradient(logit, image) * 0 for logit in logits]).any(dim=0)

    def a_map_for_each_logit(model_fn, image, target):
        """Here is a map for each logit. One map is wanted: combine them with "or", as `.any(dim=0)`
        does."""
        image = _leaf(image)
        logits = model_fn(image)[0, :, target[0], target[1]]
        return torch.stack([_gradient(logit, image) != 0 for logit in logits])

    def the_gradients_themselves(model_fn, image, target):
        """These are gradients: whether they are 0 is asked. Compare with 0 by !=, and combine with
        "or"."""
        image = _leaf(image)
        logits = model_fn(image)[0, :, target[0], target[1]]
        return torch.stack([_gradient(logit, image) for logit in logits]).abs().amax(dim=0)

    def transposed_map(model_fn, image, target):
        """Rows and columns of the map are exchanged."""
        image = _leaf(image)
        return _union(model_fn(image)[0, :, target[0], target[1]], image).T

    def flat_map(model_fn, image, target):
        """The map is flat: give it the height and width of the image."""
        image = _leaf(image)
        return _union(model_fn(image)[0, :, target[0], target[1]], image).flatten()

    def axes_of_the_image(model_fn, image, target):
        """The map has the axes of batch and channel still: (H, W) is wanted, `gradient[0, 0]`."""
        image = _leaf(image)
        return _union(model_fn(image)[0, :, target[0], target[1]], image)[None, None]

    @says(LEFT_ON)
    def requires_grad_left_on(model_fn, image, target):
        image.requires_grad_()
        logits = model_fn(image)[0, :, target[0], target[1]]
        return _union(logits, image)

    @says(PILED_UP)
    def gradients_pile_up(model_fn, image, target):
        image.requires_grad_()
        logits = model_fn(image)[0, :, target[0], target[1]]
        (logits * torch.randn(len(logits), dtype=logits.dtype)).sum().backward()
        return image.grad[0, 0] != 0

    def no_gradient_recorded(model_fn, image, target):
        """The input needs `requires_grad_()` before the model is called."""
        return _union(model_fn(image)[0, :, target[0], target[1]], image)


@influence_row.right
def by_changing_pixels(model_fn, image, target):
    row, column = target
    reads = torch.zeros(image.shape[-2:], dtype=torch.bool)
    with torch.no_grad():
        before = model_fn(image)[0, :, row, column]
        for place in torch.cartesian_prod(*map(torch.arange, reads.shape)).tolist():
            changed = image.clone()
            changed[0, 0, place[0], place[1]] += 0.37
            reads[tuple(place)] = (model_fn(changed)[0, :, row, column] != before).any()
    return reads


@influence_row.right
def by_a_jacobian(model_fn, image, target):
    def logits(x):
        return model_fn(x)[0, :, target[0], target[1]]

    jacobian = torch.autograd.functional.jacobian(logits, image)
    return jacobian.abs().sum(dim=(0, 1, 2)) > 0


@influence_row.right
def by_a_random_mix(model_fn, image, target):
    image = image.clone().requires_grad_()
    logits = model_fn(image)[0, :, target[0], target[1]]
    (logits * torch.randn(len(logits), dtype=logits.dtype)).sum().backward()
    return image.grad[0, 0] != 0
