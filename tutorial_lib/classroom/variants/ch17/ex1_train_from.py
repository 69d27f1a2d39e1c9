"""Variants of exercise 17.1: other steps, which must be resumed as well."""

from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch17
from tutorial_lib.exercises.ch17.ex1_train_from import read as read_state
from tutorial_lib.exercises.trials import Trial

CALL = (
    'train_from({{"weight": torch.tensor([3.0]), "momentum": torch.tensor([0.5]), "step": 2, '
    '"rng": torch.Generator().get_state()}}, torch.tensor([[0.0], [2.0]]), 3, 0.0)["{}"]'
)
train_from = Variants(
    ch17.train_from,
    data="(N, D). Step t, counted from 0 over all calls, sees {row}",
    notes=(
        "One step: gradient g = weight - row + noise * n,{clip} momentum <- momentum / 2 + g,   "
        "weight <- weight - {move} / (2 (t + 1))"
    ),
    row="row t mod N",
    clip="",
    move="momentum",
    examples=(CALL.format("weight"), CALL.format("momentum")),
)


def _plain_row(t, n):
    return t % n


def _row_to_and_fro(t, n):
    epoch, place = divmod(t, n)
    return n - 1 - place if epoch % 2 else place


def _unclipped(g):
    return g


def _clipped(g):
    length = g.norm()
    return g / length if length > 1 else g


def _momentum(g, momentum):
    return momentum


def _nesterov(g, momentum):
    return g + momentum / 2


def _steps(row: Callable, clip: Callable, move: Callable) -> Callable:
    def right(state, data, n_steps, noise):
        weight, momentum, step = state["weight"], state["momentum"], state["step"]
        generator = torch.Generator()
        generator.set_state(state["rng"])
        for t in range(step, step + n_steps):
            drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            g = clip(weight - data[row(t, len(data))] + noise * drawn)
            momentum = momentum / 2 + g
            weight = weight - move(g, momentum) / (2 * (t + 1))
        rng = generator.get_state()
        return {"weight": weight, "momentum": momentum, "step": step + n_steps, "rng": rng}

    return right


def _steps_again(order: Callable, most: float, share: float) -> Callable:
    """The same with rows put in order beforehand and with tensors changed in place.

    most: the greatest length of g; share: 1 for Nesterov's momentum, else 0.
    """

    def other(state, data, n_steps, noise):
        weight, momentum = state["weight"].clone(), state["momentum"].clone()
        generator = torch.Generator()
        generator.set_state(state["rng"])
        rows = order(data)
        for t in range(state["step"], state["step"] + n_steps):
            n = torch.randn(len(weight), generator=generator, dtype=weight.dtype)
            g = weight - rows[t % len(rows)] + noise * n
            g *= min(1.0, most / float(g.square().sum().sqrt()))
            momentum.mul_(0.5).add_(g)
            weight -= (share * g + (1 - share / 2) * momentum) / (2 * t + 2)
        rng, step = generator.get_state(), state["step"] + n_steps
        return {"weight": weight, "momentum": momentum, "step": step, "rng": rng}

    return other


def _as_it_lies(data):
    return data


def _there_and_back(data):
    return torch.cat([data, data.flip(0)])


train_from.reads(read_state)

train_from.twist(
    "The data are read to and fro: every second pass goes from the last row to the first.",
    row=(
        "row t in the first pass over "
        "the N rows, row N - 1, N - 2, .., 0 in the second, 0, 1, .. in the third"
    ),
    by_hand=(
        "no noise, data [[0], [2]], weight [1], momentum [0.5], step 2: the second pass "
        "begins, with the row [2]. g = -1, momentum 0.25 - 1 = -0.75, weight 1 + 0.75/6 = "
        "1.125"
    ),
)(_steps(_row_to_and_fro, _unclipped, _momentum))
train_from.right(_steps_again(_there_and_back, float("inf"), 0.0))

train_from.twist(
    "A gradient longer than 1 (the root of the sum of its squares) is scaled to length 1.",
    clip=(" with its noise; then g <- g / ||g|| if ||g|| > 1,"),
    by_hand=(
        "no noise, data [[0], [2]], weight [3], momentum [0], step 0. Step 0: g = 3 is scaled "
        "to 1, momentum 1, weight 3 - 1/2 = 2.5. Step 1: g = 0.5, momentum 1, weight 2.5 - "
        "1/4 = 2.25"
    ),
)(_steps(_plain_row, _clipped, _momentum))
train_from.right(_steps_again(_as_it_lies, 1.0, 0.0))

train_from.twist(
    "The momentum is Nesterov's: the weight moves by g + momentum / 2, with the new momentum.",
    move="(g + momentum / 2)",
    by_hand=(
        "no noise, data [[0], [2]], weight [1], momentum [0], step 0. Step 0: g = 1, momentum "
        "1, weight 1 - 1.5/2 = 0.25. Step 1: g = -1.75, momentum -1.25, weight 0.25 + 2.375/4 "
        "= 0.844"
    ),
)(_steps(_plain_row, _unclipped, _nesterov))
train_from.right(_steps_again(_as_it_lies, float("inf"), 1.0))


def _trial(rng: torch.Generator, dim: int, n_steps: int, *, step: int, noise: float) -> Trial:
    """Long gradients, and more steps than rows, so that a second pass begins."""
    numbers = torch.Generator().manual_seed(int(torch.randint(1, 10**6, (), generator=rng)))
    torch.randn(step, generator=numbers)
    momentum = 1 + torch.randn(dim, generator=rng, dtype=torch.float64).abs()
    state = {
        "weight": 2 + torch.randn(dim, generator=rng, dtype=torch.float64).abs(),
        "momentum": momentum if step else torch.zeros_like(momentum),
        "step": step,
        "rng": numbers.get_state(),
    }
    data = -1 - 3 * torch.rand(4, dim, generator=rng, dtype=torch.float64)
    return Trial((state, data, n_steps, noise))


train_from.trials("steps from the very start, without noise")(
    lambda rng: [_trial(rng, 2, 7, step=0, noise=0.0)]
)
train_from.trials("with noise, drawn from the state's generator")(
    lambda rng: [_trial(rng, 3, 6, step=0, noise=0.5)]
)
train_from.trials("from the midst of a run", points=2)(
    lambda rng: [_trial(rng, 2, n, step=9, noise=0.5) for n in (4, 7)]
)
