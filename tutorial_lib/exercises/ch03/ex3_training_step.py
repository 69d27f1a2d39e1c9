"""Exercise 3.3: one step of the training of a model of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from tutorial_lib.exercises.ch03.models import CausalPixels
from tutorial_lib.exercises.comparing import first_difference, number, number_result
from tutorial_lib.exercises.definition import Failed, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats

LEARNING_RATE = 0.03


def reference(
    model: nn.Module, optimizer: torch.optim.Optimizer, levels: Tensor, max_norm: float
) -> float:
    """One step of the optimiser down the mean bits/dim of a batch; the cost before the step."""
    cost = bits_per_dim(nll_nats(model(levels), levels), levels[0].numel()).mean()
    optimizer.zero_grad()
    cost.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return cost.item()


training_step = Exercise(
    "3.3",
    "A training step",
    goal="Lower the cost of a batch by one step: cost, gradient, clipping, move.",
    minutes=10,
    reference=reference,
    otherwise="The model does not end where it should.",
    stub='''\
def training_step(model, optimizer, levels: torch.Tensor, max_norm: float) -> float:
    """Move the model once, down the cost of a batch. Returns that cost before the move.

    model      a torch module: levels (B, C, H, W) -> logits (B, L, C, H, W)
    optimizer  a torch optimiser of the parameters of this model. Gradients of an earlier step may
               not count in this one
    levels     (B, C, H, W) torch.long. The cost is the mean over the images of their bits/dim
    max_norm   a longer gradient, all parameters together, is scaled to this length before the move
    returns    the cost in bits/dim, a plain number

    By hand: two images cost 1 and 2 bits/dim, so the result is 1.5. At max_norm = 1, a gradient
             (3, 4) of two parameters has length 5, and the optimiser sees (0.6, 0.8)
    """
    ____
''',
    answer="""\
def training_step(model, optimizer, levels, max_norm):
    nats = nll_nats(model(levels), levels)
    cost = bits_per_dim(nats, levels[0].numel()).mean()
    optimizer.zero_grad()  # forget the gradients of the step before
    cost.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return cost.item()
""",
    hints=(
        """Four things in a row: the cost of the batch, its gradient, the gradient made shorter if
        it is too long, the move. And old gradients have to go before the new ones come.""",
        """`nll_nats(logits, levels)` gives nats for each image, `bits_per_dim(nats, n_dims)` the
        bits/dim. Then `optimizer.zero_grad()`, `cost.backward()`,
        `torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)`, `optimizer.step()`, and
        `cost.item()` for the plain number.""",
        """If the returned costs are right at first and drift off later, the moves are wrong:
        gradients that pile up, a step in another unit, or a clipping that comes too late.""",
    ),
)


def after_steps(
    step: Callable, model: nn.Module, batches: list[Tensor], max_norm: float
) -> tuple[list, Tensor]:
    """What the steps returned, one for each batch, and all weights behind them, as one row."""
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    told = [step(model, optimizer, levels, max_norm) for levels in batches]
    told = [each.detach() if isinstance(each, Tensor) else each for each in told]
    return told, torch.cat([p.detach().flatten() for p in model.parameters()])


def read(value: tuple[list, Tensor], trial: Trial) -> Tensor:
    costs, weights = value
    if any(cost is None for cost in costs):
        raise Failed(Failure("Nothing is returned.", "Expected the cost in bits/dim, got None."))
    return torch.cat([*(number_result(cost)[None] for cost in costs), weights.double()])


def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    _, batches, max_norm = trial.args
    (place,) = first_difference(got, want)
    shape = "x".join(map(str, batches[0].shape))
    told = f"{len(batches)} steps on batches of {shape}, max_norm = {max_norm:g}: "
    if place < len(batches):
        told += f"step {place + 1} costs {number(want[place])} bits/dim, "
        return told + f"your function says {number(got[place])}."
    place -= len(batches)
    told += f"after them, weight {place} of the model must be {number(want[place - len(want)])}"
    moved = (got[len(batches) :] - _weights(trial.args[0])).abs().max()
    return told + (", but no weight has moved." if moved == 0 else f", is {number(got[place])}.")


def _weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def _trial(
    rng: torch.Generator, shape: tuple[int, int, int, int], max_norm: float, n_steps: int = 3
) -> Trial:
    n_levels = 4
    model = CausalPixels(shape[1], n_levels, rng)
    batches = [torch.randint(n_levels, shape, generator=rng) for _ in range(n_steps)]
    return Trial((model, batches, max_norm))


def _trials(rng: torch.Generator) -> list[Trial]:
    """Gradients that are never clipped, always clipped, and images with colours."""
    return [
        _trial(rng, (3, 1, 3, 4), 1e6),
        _trial(rng, (3, 1, 4, 3), 0.05),
        _trial(rng, (2, 3, 2, 3), 1e6),
    ]


def run(candidate, trials: list[Trial], further: list[Trial], known: Sequence, right=reference):
    """The steps of the candidate against those of the right answer and of each known mistake."""
    return compare(
        lambda *args: candidate.measure(after_steps, *args),
        partial(after_steps, right),
        trials,
        read=read,
        evidence=evidence,
        misconceptions=[
            Misconception(each.name, partial(after_steps, each.wrong), each.says) for each in known
        ],
        diagnose_on=further,
        otherwise=training_step.otherwise,
    )


@training_step.judge("one step: what is returned, and where the weights go", points=2)
def one_step(candidate, rng: torch.Generator) -> Failure | None:
    return run(
        candidate,
        [_trial(rng, (3, 1, 3, 4), 1e6, n_steps=1)],
        _trials(rng),
        training_step.misconceptions,
    )


@training_step.judge("several steps in a row")
def steps_in_a_row(candidate, rng: torch.Generator) -> Failure | None:
    return run(
        candidate, [_trial(rng, (4, 1, 3, 3), 1e6)], _trials(rng), training_step.misconceptions
    )


@training_step.judge("gradients longer than max_norm, and shorter ones")
def clipping(candidate, rng: torch.Generator) -> Failure | None:
    trials = [_trial(rng, (3, 1, 4, 3), norm) for norm in (0.05, 0.5)]
    return run(candidate, trials, _trials(rng), training_step.misconceptions)


@training_step.judge("images of three colours")
def colours(candidate, rng: torch.Generator) -> Failure | None:
    return run(
        candidate, [_trial(rng, (2, 3, 2, 3), 1e6)], _trials(rng), training_step.misconceptions
    )


def _bits(model, levels):
    """The cost of each image in bits/dim."""
    return bits_per_dim(nll_nats(model(levels), levels), levels[0].numel())


def _clip(model, max_norm):
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)


def _step(model, optimizer, levels, max_norm, *, cost=None, told=None, clip=_clip, forget=True):
    """The step with one thing done differently.

    cost   (model, levels) -> what is differentiated; told: (cost) -> what is returned
    """
    down = cost(model, levels) if cost else _bits(model, levels).mean()
    if forget:
        optimizer.zero_grad()
    down.backward()
    clip(model, max_norm)
    optimizer.step()
    return (told(down) if told else down).item()


@training_step.mistakes
class Mistakes:
    def gradients_pile_up(model, optimizer, levels, max_norm):
        """The gradients of earlier steps still count: `backward` adds to what is there. Set them to
        zero before it."""
        return _step(model, optimizer, levels, max_norm, forget=False)

    def nothing_moves(model, optimizer, levels, max_norm):
        """No weight moves: the gradients never reach the optimiser. `zero_grad`, then `backward`,
        then `step`, in this order."""
        return _bits(model, levels).mean().item()

    def not_clipped(model, optimizer, levels, max_norm):
        """A long gradient is not clipped when the optimiser moves. Clip between `backward` and
        `step`."""
        return _step(model, optimizer, levels, max_norm, clip=lambda model, norm: None)

    def clipped_one_by_one(model, optimizer, levels, max_norm):
        """Each parameter's gradient is clipped by itself. Its length is that of all gradients
        together: hand all parameters to `clip_grad_norm_` at once."""

        def clip(model, max_norm):
            for parameter in model.parameters():
                nn.utils.clip_grad_norm_(parameter, max_norm)

        return _step(model, optimizer, levels, max_norm, clip=clip)

    def clipped_by_value(model, optimizer, levels, max_norm):
        """The numbers of the gradient are cut off at max_norm, each by itself, which turns its
        direction. Scale the whole gradient: `clip_grad_norm_`."""

        def clip(model, max_norm):
            nn.utils.clip_grad_value_(model.parameters(), max_norm)

        return _step(model, optimizer, levels, max_norm, clip=clip)

    def always_that_long(model, optimizer, levels, max_norm):
        """A gradient shorter than max_norm is made longer. Only longer ones are scaled."""

        def clip(model, max_norm):
            norm = torch.stack([p.grad.square().sum() for p in model.parameters()]).sum().sqrt()
            for parameter in model.parameters():
                parameter.grad *= max_norm / norm

        return _step(model, optimizer, levels, max_norm, clip=clip)

    def clipped_at_1(model, optimizer, levels, max_norm):
        """The gradient is clipped at length 1, whatever max_norm is."""
        return _step(model, optimizer, levels, max_norm, clip=lambda model, norm: _clip(model, 1.0))

    def nats_per_image(model, optimizer, levels, max_norm):
        """The cost is in nats per image. Divide by the dimensions and by log 2 before you
        differentiate: `bits_per_dim`."""
        return _step(model, optimizer, levels, max_norm, cost=_nats)

    def down_nats_told_in_bits(model, optimizer, levels, max_norm):
        """The number returned is right, but the step goes down nats per image: a gradient as much
        longer as the numbers are larger. Differentiate the bits/dim."""

        def told(nats):
            return bits_per_dim(nats, levels[0].numel())

        return _step(model, optimizer, levels, max_norm, cost=_nats, told=told)

    def down_bits_told_in_nats(model, optimizer, levels, max_norm):
        """The step is right, but the number returned is nats per image, not bits/dim."""

        def told(bits):
            return bits * levels[0].numel() * math.log(2)

        return _step(model, optimizer, levels, max_norm, told=told)

    def nats_per_dim(model, optimizer, levels, max_norm):
        """The cost is in nats per dimension: divide by log 2 as well."""

        def cost(model, levels):
            return _nats(model, levels) / levels[0].numel()

        return _step(model, optimizer, levels, max_norm, cost=cost)

    def bits_per_image(model, optimizer, levels, max_norm):
        """The cost is in bits per image: divide by the number of dimensions as well."""

        def cost(model, levels):
            return _nats(model, levels) / math.log(2)

        return _step(model, optimizer, levels, max_norm, cost=cost)

    def times_log_2(model, optimizer, levels, max_norm):
        """The cost is multiplied by log 2. A nat is more than a bit: divide."""

        def cost(model, levels):
            return _bits(model, levels).mean() * math.log(2) ** 2

        return _step(model, optimizer, levels, max_norm, cost=cost)

    def sum_over_the_batch(model, optimizer, levels, max_norm):
        """The costs of the images are added up. Take their mean: then a step is as long for a large
        batch as for a small one."""
        return _step(
            model,
            optimizer,
            levels,
            max_norm,
            cost=lambda model, levels: _bits(model, levels).sum(),
        )

    def down_the_sum_told_the_mean(model, optimizer, levels, max_norm):
        """The mean is returned, but the step goes down the sum of the costs."""
        return _step(
            model,
            optimizer,
            levels,
            max_norm,
            cost=lambda model, levels: _bits(model, levels).sum(),
            told=lambda cost: cost / len(levels),
        )

    def all_dimensions_of_the_batch(model, optimizer, levels, max_norm):
        """The nats of an image are divided by the dimensions of the whole batch:
        `levels[0].numel()` counts those of one image."""

        def cost(model, levels):
            return _bits(model, levels).mean() / len(levels)

        return _step(model, optimizer, levels, max_norm, cost=cost)

    def colours_forgotten(model, optimizer, levels, max_norm):
        """The nats are divided by the pixels, H * W. With colours an image has C * H * W
        dimensions."""

        def cost(model, levels):
            return _bits(model, levels).mean() * levels.shape[1]

        return _step(model, optimizer, levels, max_norm, cost=cost)

    def first_image_only(model, optimizer, levels, max_norm):
        """Only the first image of the batch is learned from."""
        return _step(
            model, optimizer, levels, max_norm, cost=lambda model, levels: _bits(model, levels)[0]
        )

    def uphill(model, optimizer, levels, max_norm):
        """The step goes up: the sign of the cost is turned round. A cost is -log p, and training
        lowers it."""
        return _step(
            model,
            optimizer,
            levels,
            max_norm,
            cost=lambda model, levels: -_bits(model, levels).mean(),
            told=torch.neg,
        )

    def uphill_and_told_so(model, optimizer, levels, max_norm):
        """This is log p(x), which is negative, and the step goes down it: away from the images. The
        cost is -log p(x)."""
        return _step(
            model,
            optimizer,
            levels,
            max_norm,
            cost=lambda model, levels: -_bits(model, levels).mean(),
        )

    def cost_after_the_step(model, optimizer, levels, max_norm):
        """The number returned is the cost after the move. Asked for is the one before it, which the
        gradient was taken of."""
        _step(model, optimizer, levels, max_norm)
        return _bits(model, levels).mean().item()

    def length_of_the_gradient(model, optimizer, levels, max_norm):
        """The number returned is the length of the gradient, which `clip_grad_norm_` gives. Asked
        for is the cost."""
        _bits(model, levels).mean().backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        optimizer.zero_grad()
        return norm.item()

    def two_moves(model, optimizer, levels, max_norm):
        """The optimiser moves twice in one step."""
        cost = _step(model, optimizer, levels, max_norm)
        optimizer.step()
        return cost

    def sum_and_mean_mixed(model, optimizer, levels, max_norm):
        """The mean is taken over the pixels and the sum over the images, or the other way round:
        take the bits/dim of each image, then their mean."""

        def cost(model, levels):
            return _nats(model, levels) * len(levels) / (levels[0].numel() * math.log(2)) ** 2

        return _step(model, optimizer, levels, max_norm, cost=cost)


def _nats(model, levels):
    return nll_nats(model(levels), levels).mean()


@training_step.right
def old_gradients_go_at_the_end(model, optimizer, levels, max_norm):
    logits = model(levels)
    cost = nn.functional.cross_entropy(logits, levels) / math.log(2)
    cost.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    optimizer.zero_grad()
    return cost.item()


@training_step.right
def by_hand(model, optimizer, levels, max_norm):
    log_p = torch.log_softmax(model(levels), dim=1)
    cost = -log_p.gather(1, levels[:, None]).mean() / math.log(2)
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(cost, parameters)
    length = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient * min(1.0, max_norm / length)
    optimizer.step()
    return cost.detach()
