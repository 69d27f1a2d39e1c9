"""Exercise 4.4: colours, values and switches in one mask."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import color_causal_mask


def reference(
    in_channels: int, out_channels: int, *, n_colors: int, n_blocks: int, own: bool
) -> Tensor:
    """Which inputs of a pixel each of its outputs may read: (out_channels, in_channels).

    The outputs are `n_blocks` blocks, values and switches of a gate, each grouped by colour.
    """
    sizes = (out_channels // n_blocks, in_channels, 1)
    mask = color_causal_mask(*sizes, n_colors=n_colors, include_center=own)
    return mask[:, :, 0, 0].repeat(n_blocks, 1)


center_mask = Exercise(
    "4.4",
    "Red values, red switches",
    goal="Mask the centre tap of a gated convolution, so that no gate mixes the colours.",
    minutes=12,
    reference=reference,
    otherwise="Some output reads a colour that it must not read, or misses one.",
    stub='''\
def center_mask(
    in_channels: int, out_channels: int, *, n_colors: int, n_blocks: int, own: bool
) -> torch.Tensor:
    """Which features of a pixel each output may read, at the pixel itself: 1 or 0.

    in_channels   one group for each colour: with 3 colours the first third is R, then G, then B
    out_channels  n_blocks blocks of equal size, one after the other, each grouped by colour like
                  the inputs. For a gate n_blocks = 2: all values come first, then all switches
    own           False: a colour reads the colours before it. True: itself as well
    returns       floats, (out_channels, in_channels)

    By hand: 3 inputs R, G, B and 6 outputs, n_colors=3, n_blocks=2, own=False
             0 0 0   value of R    0 0 0   switch of R
             1 0 0   value of G    1 0 0   switch of G
             1 1 0   value of B    1 1 0   switch of B
    """
    ____
''',
    answer="""\
def center_mask(in_channels, out_channels, *, n_colors, n_blocks, own):
    mask = torch.zeros(out_channels, in_channels)
    block = out_channels // n_blocks  # channels of all values, or of all switches
    for o in range(out_channels):
        out_color = o % block // (block // n_colors)  # o % block: place in it
        for i in range(in_channels):
            in_color = i // (in_channels // n_colors)
            if in_color < out_color or (own and in_color == out_color):
                mask[o, i] = 1
    return mask
""",
    hints=(
        """Give every channel the number of its colour: 0, 1 or 2. For the inputs that is one run
        of three groups. For the outputs the run begins anew with every block. Then compare.""",
        """`torch.arange(n) // (n // n_colors)` is the colour of each of n channels, and
        `.repeat(n_blocks)` says it again for each block. `out_color[:, None]` against
        `in_color[None, :]` gives an (out, in) table; `.float()` makes it numbers.""",
        """If one block is right and two are not, the thirds are those of all outputs together. If
        3 outputs are right and 12 are not, a group is taken to be one channel.""",
    ),
)

COLORS = {1: ("grey",), 2: ("colour 0", "colour 1"), 3: ("R", "G", "B")}
AXES = "The axes are exchanged: outputs first, then inputs, as in the weight of a convolution."
TRAP = (
    "The outputs are divided into colours as one row, across values and switches. Then a value of "
    "one colour is multiplied by a switch of another. Each block begins with R anew."
)
INTERLEAVED = (
    "Channels are dealt out to the colours in turn: R, G, B, R, ... Groups are contiguous."
)
ONE_BLOCK = "Only one block is there. Values and switches each need their rows."


def _trial(into, out, n_colors, n_blocks, own) -> Trial:
    return Trial((into, out), {"n_colors": n_colors, "n_blocks": n_blocks, "own": own})


SIZES = ((6, 12, 3, 2), (3, 12, 3, 2), (9, 18, 3, 2), (4, 8, 2, 2))
PLAIN = ((6, 6, 3, 1), (6, 12, 3, 1), (2, 4, 1, 2))


@center_mask.advises
def advice(shape, trial):
    into, out = trial.args
    if shape == (into, out):
        return AXES
    if shape == (out // trial.kwargs["n_blocks"], into):
        return ONE_BLOCK
    if shape == (out * trial.kwargs["n_blocks"], into):
        return "`out_channels` counts all blocks together: one block is a share of it."
    return "It has no taps: rows are outputs, columns inputs." if len(shape) == 4 else ""


@center_mask.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (into, out), n_colors = trial.args, trial.kwargs["n_colors"]
    place = first_difference(got, want)
    block = out // trial.kwargs["n_blocks"]
    o, i = place
    kind = ("value", "switch")[o // block] if trial.kwargs["n_blocks"] == 2 else "output"
    of = COLORS[n_colors][o % block // (block // n_colors)]
    reads = COLORS[n_colors][i // (into // n_colors)]
    settings = f"n_blocks={trial.kwargs['n_blocks']}, own={trial.kwargs['own']}"
    return (
        f"{into} inputs, {out} outputs, {settings}: output {o} is a {kind} of {of}, input {i} is "
        f"of {reads}. The mask must have {number(want[place])} there and has {number(got[place])}."
    )


center_mask.trials("values and switches, without the own colour", points=2)(
    lambda rng: [_trial(*size, False) for size in SIZES]
)
center_mask.trials("values and switches, with the own colour")(
    lambda rng: [_trial(*size, True) for size in SIZES]
)
center_mask.trials("a convolution without a gate, and images of one colour")(
    lambda rng: [_trial(*size, own) for size in PLAIN for own in (False, True)]
)
center_mask.also_try(
    lambda rng: [_trial(*size, own) for size in SIZES + PLAIN for own in (False, True)]
)


def _compare(into, out, own):
    """Colours of outputs and inputs, compared."""
    table = into[None, :] <= out[:, None] if own else into[None, :] < out[:, None]
    return table.float()


def _groups(n, n_colors):
    return torch.arange(n) * n_colors // n


@center_mask.mistakes
class Mistakes:
    @says(TRAP)
    def one_row_of_groups(in_channels, out_channels, *, n_colors, n_blocks, own):
        into, out = _groups(in_channels, n_colors), _groups(out_channels, n_colors)
        return _compare(into, out, own)

    @says(INTERLEAVED)
    def interleaved(in_channels, out_channels, *, n_colors, n_blocks, own):
        into, out = torch.arange(in_channels), torch.arange(out_channels)
        return _compare(into % n_colors, out % n_colors, own)

    def outputs_interleaved(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The outputs are dealt out to the colours in turn: R, G, B, R, ... Within a block the
        first third is R."""
        out = torch.arange(out_channels) % n_colors
        return _compare(_groups(in_channels, n_colors), out, own)

    def inputs_interleaved(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The inputs are dealt out to the colours in turn: R, G, B, R, ... Their first third is
        R."""
        out = _groups(out_channels // n_blocks, n_colors).repeat(n_blocks)
        return _compare(torch.arange(in_channels) % n_colors, out, own)

    def own_shown(in_channels, out_channels, *, n_colors, n_blocks, own):
        """A colour reads itself although own=False: the first layer would be shown what it has to
        predict. `<`, not `<=`."""
        return reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=True)

    def own_hidden(in_channels, out_channels, *, n_colors, n_blocks, own):
        """A colour does not read itself although own=True."""
        return reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=False)

    def own_turned_round(in_channels, out_channels, *, n_colors, n_blocks, own):
        """`own` is taken the wrong way round: True lets a colour read itself."""
        return reference(
            in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=not own
        )

    def later_colors(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The order is turned round: here R reads G and B, which are drawn after it."""
        into = -_groups(in_channels, n_colors)
        out = -_groups(out_channels // n_blocks, n_colors).repeat(n_blocks)
        return _compare(into, out, own)

    def only_the_color_before(in_channels, out_channels, *, n_colors, n_blocks, own):
        """Only the colour directly before is read. B reads R as well as G."""
        into = _groups(in_channels, n_colors)[None, :]
        out = _groups(out_channels // n_blocks, n_colors).repeat(n_blocks)[:, None]
        return ((into == out - 1) | ((into == out) & own)).float()

    def only_the_own_color(in_channels, out_channels, *, n_colors, n_blocks, own):
        """A colour reads itself and no other. Those before it are known, too."""
        into = _groups(in_channels, n_colors)[None, :]
        out = _groups(out_channels // n_blocks, n_colors).repeat(n_blocks)[:, None]
        return (into == out).float()

    def all_but_the_own_color(in_channels, out_channels, *, n_colors, n_blocks, own):
        """Every other colour is read, the later ones too. G must not read B."""
        into = _groups(in_channels, n_colors)[None, :]
        out = _groups(out_channels // n_blocks, n_colors).repeat(n_blocks)[:, None]
        return ((into != out) | torch.tensor(own)).float()

    def triangle(in_channels, out_channels, *, n_colors, n_blocks, own):
        """This is one triangle over single channels. Channels of one colour share their row:
        compare colours, not channels."""
        return torch.ones(out_channels, in_channels).tril(0 if own else -1)

    def triangle_in_each_block(in_channels, out_channels, *, n_colors, n_blocks, own):
        """Each block holds a triangle over single channels. Channels of one colour share their row:
        compare colours, not channels."""
        block = torch.ones(out_channels // n_blocks, in_channels).tril(0 if own else -1)
        return block.repeat(n_blocks, 1)

    def switches_unmasked(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The switches are not masked. A switch that has read a later colour tells it to its
        value."""
        right = reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=own)
        if n_blocks > 1:
            right[out_channels // n_blocks :] = 1
        return right

    def switches_all_masked(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The rows of the switches are all 0. They follow the same order as the values."""
        right = reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=own)
        right[out_channels // n_blocks :] *= n_blocks == 1
        return right

    def switches_read_the_own_color(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The switches read their own colour although own=False. Through its switch a value would
        be shown what it has to predict."""
        right = reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=own)
        wide = reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=True)
        half = out_channels // n_blocks
        return torch.cat([right[:half], wide[half:]])

    @says(AXES)
    def transposed(in_channels, out_channels, *, n_colors, n_blocks, own):
        return reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=own).T

    @says(ONE_BLOCK)
    def one_block(in_channels, out_channels, *, n_colors, n_blocks, own):
        return reference(
            in_channels, out_channels // n_blocks, n_colors=n_colors, n_blocks=1, own=own
        )

    def blocks_too_many(in_channels, out_channels, *, n_colors, n_blocks, own):
        """`out_channels` counts values and switches together: do not multiply it by the number of
        blocks again."""
        return reference(
            in_channels, out_channels * n_blocks, n_colors=n_colors, n_blocks=n_blocks, own=own
        )

    def zeros(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The mask is 0 everywhere, so no colour is told about another."""
        return torch.zeros(out_channels, in_channels)

    def ones(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The mask is 1 everywhere, so nothing is masked."""
        return torch.ones(out_channels, in_channels)

    def bools(in_channels, out_channels, *, n_colors, n_blocks, own):
        """The mask is of True and False. It is to be multiplied by weights: floats."""
        return (
            reference(in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=own) > 0
        )

    def exchanged(in_channels, out_channels, *, n_colors, n_blocks, own):
        """0 and 1 are exchanged: 1 stands where an output may read."""
        return 1 - reference(
            in_channels, out_channels, n_colors=n_colors, n_blocks=n_blocks, own=own
        )


@center_mask.right
def by_comparing_groups(in_channels, out_channels, *, n_colors, n_blocks, own):
    into = torch.arange(in_channels) // (in_channels // n_colors)
    block = out_channels // n_blocks
    out = (torch.arange(block) // (block // n_colors)).repeat(n_blocks)
    return (into[None, :] < out[:, None] + own).float()


@center_mask.right
def by_chapter_02(in_channels, out_channels, *, n_colors, n_blocks, own):
    sizes = out_channels // n_blocks, in_channels, 3
    mask = color_causal_mask(*sizes, n_colors=n_colors, include_center=own)
    return torch.cat([mask[:, :, 1, 1]] * n_blocks)


@center_mask.right
def by_kronecker(in_channels, out_channels, *, n_colors, n_blocks, own):
    small = torch.ones(n_colors, n_colors).tril(0 if own else -1)
    group = torch.ones(out_channels // n_blocks // n_colors, in_channels // n_colors)
    return torch.kron(small, group).repeat(n_blocks, 1)
