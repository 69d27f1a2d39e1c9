"""Variants of exercise 3.3: other costs, and what happens to the gradient and to the weights."""

import math

import torch
from torch import nn

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch03
from tutorial_lib.exercises.ch03.ex3_training_step import _trial, run
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats

# One image of one pixel: the level before the softmax stands in a table.
MODEL = (
    "torch.nn.Sequential(torch.nn.Embedding.from_pretrained(torch.tensor([[1.0, 3.0], [2.0, -1.0]])"
    ", freeze=False), torch.nn.Flatten(1), torch.nn.Unflatten(1, (2, 1, 1, 1)))"
)
CALL = (
    "(lambda m, f: (float(f(m, torch.optim.SGD(m.parameters(), 0.5), "
    "torch.tensor([[[[{level}]]]]), 0.3)), m[0].weight.detach().clone()))"
    f"({MODEL}, training_step)"
)
training_step = Variants(
    ch03.training_step,
    by_hand="two images cost 1 and 2 bits/dim. {outcome}",
    examples=tuple(CALL.format(level=level) for level in (0, 1)),
)


def _bits(model, levels):
    return bits_per_dim(nll_nats(model(levels), levels), levels[0].numel())


def _move(model, optimizer, cost, max_norm):
    optimizer.zero_grad()
    cost.backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return length


@training_step.twist(
    "The cost is the mean of the squares of the images' bits/dim, so that expensive images count "
    "more; the result is this cost.",
    outcome="The result is (1 + 4) / 2 = 2.5",
)
def squares(model, optimizer, levels, max_norm):
    cost = _bits(model, levels).square().mean()
    _move(model, optimizer, cost, max_norm)
    return cost.item()


@training_step.right
def squares_again(model, optimizer, levels, max_norm):
    log_p = torch.log_softmax(model(levels), dim=1).gather(1, levels[:, None])
    bits = -log_p.flatten(1).mean(dim=1) / math.log(2)
    cost = (bits @ bits) / len(bits)
    _move(model, optimizer, cost, max_norm)
    return cost.detach()


@training_step.twist(
    "The result is the length of the gradient, all parameters together, before it is clipped.",
    outcome="A gradient (3, 4) of two parameters gives 5, whatever max_norm is",
)
def length(model, optimizer, levels, max_norm):
    return _move(model, optimizer, _bits(model, levels).mean(), max_norm).item()


@training_step.right
def length_again(model, optimizer, levels, max_norm):
    optimizer.zero_grad()
    cost = nn.functional.cross_entropy(model(levels), levels) / math.log(2)
    cost.backward()
    long = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))
    for parameter in model.parameters():
        parameter.grad.mul_(min(1.0, max_norm / long))
    optimizer.step()
    return long


@training_step.twist(
    "After the move every parameter is multiplied by 0.9.",
    outcome="The result is 1.5, and a parameter that the optimiser leaves at 2 ends at 1.8",
)
def decay(model, optimizer, levels, max_norm):
    cost = _bits(model, levels).mean()
    _move(model, optimizer, cost, max_norm)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.9)
    return cost.item()


@training_step.right
def decay_again(model, optimizer, levels, max_norm):
    cost = nn.functional.cross_entropy(model(levels), levels) / math.log(2)
    _move(model, optimizer, cost, max_norm)
    for parameter in model.parameters():
        parameter.data = parameter.data - parameter.data / 10
    return cost.detach()


def _judge(what: str, points: int, shape: tuple[int, int, int, int], norms, n_steps: int = 3):
    @training_step.judge(what, points)
    def judge(candidate, rng, twist):
        trials = [_trial(rng, shape, norm, n_steps) for norm in norms]
        return run(candidate, trials, [], training_step.mistakes(twist), twist.right)


_judge("one step: what is returned, and where the weights go", 2, (3, 1, 3, 4), [1e6], 1)
_judge("several steps in a row", 1, (4, 1, 3, 3), [1e6])
_judge("gradients longer than max_norm, and shorter ones", 1, (3, 1, 4, 3), [0.05, 0.5])
_judge("images of three colours", 1, (2, 3, 2, 3), [1e6])
