"""Variants of exercise 8.1: other cells."""

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch08
from tutorial_lib.exercises.trials import Trial

lstm_step = Variants(
    ch08.lstm_step,
    asked="The N pixels of a line, all at once, with a cell that is not quite that of equation 3.",
    by_hand=(
        "B = C = N = 1, inputs = 0, kernel = 0, hidden = 5, memory = 0.8: the result is hidden "
        "{result[0]} and memory {result[1]}"
    ),
    examples=(
        "[each.item() for each in lstm_step(torch.tensor([1.0, 0.5, -1.0, 2.0]).view(1, 4, 1), "
        "torch.full((1, 1, 1), 0.5), torch.ones(1, 1, 1), torch.ones(4, 1, 1), 0)]",
    ),
)


def _twist(says: str, cell):
    """cell(o, f, i, g, memory, hidden) -> hidden, memory."""

    def right(inputs, hidden, memory, kernel, n_before):
        wide = F.pad(hidden, (n_before, kernel.shape[2] - 1 - n_before))
        gates = (inputs + F.conv1d(wide, kernel)).chunk(4, dim=1)
        return cell(*gates, memory, hidden)

    def other(inputs, hidden, memory, kernel, n_before):
        length, taps = hidden.shape[2], kernel.shape[2]
        wide = F.pad(hidden, (n_before, taps - 1 - n_before))
        gates = inputs
        for tap in range(taps):
            gates = gates + kernel[:, :, tap] @ wide[:, :, tap : tap + length]
        return cell(*gates.split(hidden.shape[1], dim=1), memory, hidden)

    def result(answer):
        zeros, one = torch.zeros(1, 4, 1), torch.ones(1, 1, 1)
        told = answer(zeros, 5 * one, 0.8 * one, torch.zeros(4, 1, 1), 0)
        return [f"{each.item():.3g}" for each in told]

    lstm_step.twist(says, result=result)(right)
    lstm_step.right(other)


def coupled(o, f, i, g, memory, hidden):
    keep = torch.sigmoid(f)
    memory = keep * memory + (1 - keep) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(memory), memory


def forgets_little(o, f, i, g, memory, hidden):
    memory = torch.sigmoid(f + 1) * memory + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(memory), memory


def shows_all(o, f, i, g, memory, hidden):
    memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * memory, memory


def with_shortcut(o, f, i, g, memory, hidden):
    memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
    return hidden + torch.sigmoid(o) * torch.tanh(memory), memory


_twist("What is not kept is written: 1 - sigmoid(f) takes the place of sigmoid(i).", coupled)
_twist(
    "A 1 is added to f before its sigmoid, so that little is forgotten at first.", forgets_little
)
_twist("The memory is shown without a tanh: h = sigmoid(o) * c.", shows_all)
_twist("The hidden state of the line before is added to the new one.", with_shortcut)


def _draw(*sizes: tuple[int, int, int, int, int]):
    """sizes: batch, channels, pixels, taps, of which so many lie before the pixel."""

    def draw(rng: torch.Generator) -> list[Trial]:
        return [
            Trial(
                (
                    torch.randn(b, 4 * c, n, generator=rng),
                    torch.randn(b, c, n, generator=rng),
                    torch.randn(b, c, n, generator=rng),
                    torch.randn(4 * c, c, taps, generator=rng),
                    n_before,
                )
            )
            for b, c, n, taps, n_before in sizes
        ]

    return draw


lstm_step.trials("one tap: no neighbours are read", points=2)(_draw((2, 3, 4, 1, 0)))
lstm_step.trials("three taps around the pixel", points=2)(_draw((2, 3, 6, 3, 1)))
lstm_step.trials("two taps that end at the pixel", points=2)(_draw((2, 2, 5, 2, 1)))
