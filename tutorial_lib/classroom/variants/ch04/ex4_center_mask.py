"""Variants of exercise 4.4: other orders of colours, other orders of channels."""

import itertools

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch04
from tutorial_lib.exercises.trials import Trial

center_mask = Variants(
    ch04.center_mask,
    in_channels="one group for each colour{inputs}",
    out_channels="n_blocks blocks of equal size{outputs}",
    by_hand="3 inputs and 6 outputs, n_colors=3, n_blocks=2, own=False give the rows\n{rows}",
    inputs=": with 3 colours the first third is R, then G, then B",
    outputs=", one after the other, each grouped by colour like the inputs",
    examples=(
        "center_mask(3, 6, n_colors=3, n_blocks=2, own=False)",
        "center_mask(6, 6, n_colors=3, n_blocks=1, own=True)",
    ),
)


def _rows(right):
    mask = right(3, 6, n_colors=3, n_blocks=2, own=False).int()
    return "   ".join(" ".join(str(v) for v in row) for row in mask.tolist())


def _twist(says: str, in_color, out_color, reads, **words: str):
    """in_color(n, n_colors), out_color(n, n_colors, n_blocks): the colour of each channel;
    reads(into, out, own): whether an output of one colour reads an input of another."""

    @center_mask.twist(says, rows=_rows, **words)
    def right(in_channels, out_channels, *, n_colors, n_blocks, own):
        into = in_color(torch.arange(in_channels), in_channels, n_colors)
        out = out_color(torch.arange(out_channels), out_channels, n_colors, n_blocks)
        return reads(into[None, :], out[:, None], own).float()

    @center_mask.right
    def one_by_one(in_channels, out_channels, *, n_colors, n_blocks, own):
        mask = torch.zeros(out_channels, in_channels)
        for o in range(out_channels):
            for i in range(in_channels):
                into = in_color(torch.tensor(i), in_channels, n_colors)
                out = out_color(torch.tensor(o), out_channels, n_colors, n_blocks)
                mask[o, i] = float(reads(into, out, own))
        return mask


LAYOUTS = {  # name: (what the card says, words of the stub, colours of inputs, of outputs)
    "grouped": (
        "",
        {},
        lambda channel, n, n_colors: channel // (n // n_colors),
        lambda channel, n, n_colors, n_blocks: (
            channel % (n // n_blocks) // (n // n_blocks // n_colors)
        ),
    ),
    "in turn": (
        "Channels are dealt out to the colours in turn, R, G, B, R, ..., in the inputs and in each "
        "block.",
        {
            "inputs": ", dealt out in turn: R, G, B, R, ...",
            "outputs": ", one after the other, each dealt out to the colours like the inputs",
        },
        lambda channel, n, n_colors: channel % n_colors,
        lambda channel, n, n_colors, n_blocks: channel % (n // n_blocks) % n_colors,
    ),
    "blocks in turn": (
        "The blocks take turns: first the first output of each block, then the second of each, and "
        "so on. Within a block the colours are grouped as usual.",
        {"outputs": ", that take turns, a channel each; within a block the colours are grouped"},
        lambda channel, n, n_colors: channel // (n // n_colors),
        lambda channel, n, n_colors, n_blocks: channel // n_blocks // (n // n_blocks // n_colors),
    ),
}
ORDERS = {"": 1, "The colours are drawn in reversed order: B first, then G, then R.": -1}
REACHES = {
    "": lambda earlier: earlier > 0,
    "Of the colours drawn before, a colour reads only the one directly before it.": (
        lambda earlier: earlier == 1
    ),
}


def _changed(layout: str, order: str, reach: str):
    says, words, in_color, out_color = LAYOUTS[layout]

    def reads(into, out, own):
        earlier = ORDERS[order] * (out - into)  # how many colours before the output's
        return REACHES[reach](earlier) | ((earlier == 0) & torch.tensor(own))

    _twist(
        " ".join(each for each in (order, reach, says) if each), in_color, out_color, reads, **words
    )


for _layout, _order, _reach in itertools.product(LAYOUTS, ORDERS, REACHES):
    if (_layout, _order, _reach) != ("grouped", "", ""):
        _changed(_layout, _order, _reach)


def _trials(own: bool, n_blocks: int, n_colors: int = 3) -> list[Trial]:
    options = {"n_colors": n_colors, "n_blocks": n_blocks, "own": own}
    sizes = ((2, 4), (1, 2), (3, 6))
    return [Trial((a * n_colors, b * n_colors), options) for a, b in sizes]


center_mask.trials("values and switches, without the own colour", points=2)(
    lambda rng: _trials(False, 2)
)
center_mask.trials("values and switches, with the own colour")(lambda rng: _trials(True, 2))
center_mask.trials("a convolution without a gate, and two colours")(
    lambda rng: [each for own in (False, True) for each in _trials(own, 1) + _trials(own, 2, 2)]
)
