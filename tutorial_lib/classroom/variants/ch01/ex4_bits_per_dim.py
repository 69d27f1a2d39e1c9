"""Variants of exercise 1.4: densities, perplexities, compression ratios."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch01
from tutorial_lib.exercises.ch01.ex4_bits_per_dim import batches
from tutorial_lib.exercises.trials import Trial

bits_per_dim = Variants(
    ch01.bits_per_dim,
    examples=("bits_per_dim(10.0, 10)", "bits_per_dim(torch.tensor([3.0, 6.0]), 2)"),
)


def _density(n_levels: int):
    bits = round(math.log2(n_levels))

    @bits_per_dim.twist(
        f"The model is a density of values scaled from 0 .. {n_levels - 1} to [0, 1], so a level "
        f"is 1/{n_levels} wide and has the probability density / {n_levels}.",
        asked="Bits per dimension of the levels, from the -log density of an image in nats.",
        by_hand=(
            "a density of 1 everywhere costs 0 nats, but not 0 bits: a level has probability "
            f"1/{n_levels}, and that is {bits} bits/dim"
        ),
    )
    def right(nll_nats, n_dims):
        return nll_nats / (n_dims * math.log(2)) + math.log2(n_levels)

    @bits_per_dim.right
    def other(nll_nats, n_dims):
        return (nll_nats / n_dims + math.log(n_levels)) * math.log2(math.e)


_density(256)
_density(32)


@bits_per_dim.twist(
    "Asked is the perplexity: of how many equally likely levels the cost of a dimension would be.",
    asked="The perplexity of a dimension, from the cost of an image in nats.",
    by_hand=(
        "784 pixels of 4 equally likely levels cost 784 * log 4 nats, and the perplexity is 4"
    ),
)
def perplexity(nll_nats, n_dims):
    return torch.as_tensor(nll_nats / n_dims).exp()


@bits_per_dim.right
def perplexity_again(nll_nats, n_dims):
    return torch.as_tensor(2.0, dtype=torch.float64) ** (nll_nats / n_dims / math.log(2))


def _ratio(raw_bits: int):
    @bits_per_dim.twist(
        f"Asked is the compression ratio: how many times smaller the image is than with {raw_bits} "
        "bits for each dimension.",
        asked=f"Size with {raw_bits} bits a dimension, divided by the size under the model.",
        by_hand=(
            "784 binary pixels of a uniform model cost 784 * log 2 nats, 1 bit each: they are "
            f"{raw_bits} times smaller than with {raw_bits} bits each"
        ),
    )
    def right(nll_nats, n_dims):
        return raw_bits * n_dims * math.log(2) / nll_nats

    @bits_per_dim.right
    def other(nll_nats, n_dims):
        bits = nll_nats * math.log2(math.e) / n_dims
        return bits**-1 * raw_bits


_ratio(8)
_ratio(5)


bits_per_dim.trials("a cost for each image of a batch")(batches)


@bits_per_dim.trials("a single number")
def numbers(rng):
    costs = (100 + 1000 * torch.rand(3, generator=rng)).tolist()
    return [Trial((cost, 196 * (i + 1))) for i, cost in enumerate(costs)]
