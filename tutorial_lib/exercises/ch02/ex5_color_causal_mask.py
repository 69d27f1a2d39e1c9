"""Exercise 2.5: red, then green, then blue."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.pixels.masks import causal_mask
from tutorial_lib.pixels.masks import color_causal_mask as reference

color_causal_mask = Exercise(
    "2.5",
    "Red, then green, then blue",
    goal="Add the order of the colours to the mask: at the centre, G sees R, and B sees R and G.",
    minutes=15,
    reference=reference,
    stub='''\
def color_causal_mask(
    out_channels: int, in_channels: int, kernel_size: int, *, n_colors: int, include_center: bool
) -> torch.Tensor:
    """The causal mask for colour: at the centre tap, R is read by G, and R and G by B.

    out_channels, in_channels   multiples of n_colors: the first third of the channels belongs to R,
                                the next to G, the last to B
    n_colors                    3 for R, G, B; 1 gives the mask of exercise 2.1
    include_center              False: a colour does not read itself (type A). True: it does (B)
    returns                     floats, (out_channels, in_channels, kernel_size, kernel_size)

    By hand: 3 outputs and 3 inputs, centre tap, rows are outputs R, G, B

        type A   0 0 0        type B   1 0 0
                 1 0 0                 1 1 0
                 1 1 0                 1 1 1
    """
    ____
''',
    hints=(
        """Away from the centre nothing changes: a pixel drawn before is known in all its
        colours. Only the centre tap asks which colour reads which, by comparing two group
        numbers.""",
        """`torch.arange(n) // (n // n_colors)` is the group of each of n channels. Comparing
        `out_group[:, None]` with `in_group[None, :]` gives an (out, in) table for the centre
        tap. `mask.repeat(out_channels, in_channels, 1, 1)` stretches the mask of exercise
        2.1.""",
        """Test yourself with six channels in and out: channels 0 and 1 are both red. If channel
        1 reads channel 0 differently from channel 0 itself, the groups are interleaved.""",
    ),
)

AXES = "The axes are exchanged: outputs first, then inputs, as in the weight of a convolution."
COLOR_NAMES = {1: ("grey",), 3: ("R", "G", "B")}


def _trials(*types: bool) -> list[Trial]:
    sizes = [(6, 9, 3, 3), (9, 3, 5, 3), (6, 6, 1, 3), (2, 4, 3, 1)]
    return [
        Trial((out, into, k), {"n_colors": n_colors, "include_center": center})
        for out, into, k, n_colors in sizes
        for center in types
    ]


def _advice(trial: Trial):
    out, into, kernel_size = trial.args
    return lambda shape: AXES if shape[:2] == (into, out) else ""


def _read(value: object, trial: Trial) -> Tensor:
    out, into, kernel_size = trial.args
    return tensor_result(value, (out, into, kernel_size, kernel_size), advice=_advice(trial))


def _read_center(value: object, trial: Trial) -> Tensor:
    middle = trial.args[2] // 2
    return _read(value, trial)[:, :, middle, middle]


def _read_other_taps(value: object, trial: Trial) -> Tensor:
    mask, middle = _read(value, trial), trial.args[2] // 2
    mask[:, :, middle, middle] = 0
    return mask


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    place = first_difference(got, want)
    out, into = (_channel(place[side], trial.args[side], trial) for side in (0, 1))
    tap = "the centre" if len(place) == 2 else f"tap ({place[2]}, {place[3]})"
    kind = "B" if trial.kwargs["include_center"] else "A"
    return (
        f"Type {kind}, {trial.args[0]} outputs and {trial.args[1]} inputs: at {tap}, output {out} "
        f"and input {into} have {number(got[place])}; it must be {number(want[place])}."
    )


def _channel(channel: int, n_channels: int, trial: Trial) -> str:
    n_colors = trial.kwargs["n_colors"]
    color = COLOR_NAMES[n_colors][channel // (n_channels // n_colors)]
    return f"channel {channel} ({color})"


def _check_center(candidate, include_center: bool) -> Failure | None:
    return compare(
        candidate,
        reference,
        _trials(include_center),
        read=_read_center,
        evidence=_evidence,
        misconceptions=color_causal_mask.misconceptions,
        diagnose_on=_trials(not include_center),
        otherwise="The centre tap does not follow the order R, G, B.",
    )


@color_causal_mask.judge(
    "the centre tap of type A: groups of one, two and three channels", points=2
)
def type_a(candidate, rng: torch.Generator) -> Failure | None:
    return _check_center(candidate, False)


@color_causal_mask.judge("the centre tap of type B")
def type_b(candidate, rng: torch.Generator) -> Failure | None:
    return _check_center(candidate, True)


@color_causal_mask.judge("all other taps")
def other_taps(candidate, rng: torch.Generator) -> Failure | None:
    return compare(
        candidate,
        reference,
        _trials(False, True),
        read=_read_other_taps,
        evidence=_evidence,
        misconceptions=color_causal_mask.misconceptions,
        otherwise="Away from the centre, the mask of exercise 2.1 holds for all channels.",
    )


def _built(out_group, in_group, kernel_size, rule):
    """A mask whose centre tap follows any rule: for mistakes."""
    taps = causal_mask(kernel_size, include_center=False)
    mask = taps.repeat(len(out_group), len(in_group), 1, 1)
    table = rule(out_group[:, None], in_group[None, :])
    mask[:, :, kernel_size // 2, kernel_size // 2] = table.float()
    return mask


def _groups(n_channels, n_colors):
    return torch.arange(n_channels) // (n_channels // n_colors)


def _with_rule(rule, out_channels, in_channels, kernel_size, n_colors):
    groups = _groups(out_channels, n_colors), _groups(in_channels, n_colors)
    return _built(*groups, kernel_size, rule)


@color_causal_mask.mistakes
class Mistakes:
    def interleaved_groups(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The groups are interleaved (R, G, B, R, G, B, ...). They are contiguous: all R, all G,
        all B."""
        groups = torch.arange(out_channels) % n_colors, torch.arange(in_channels) % n_colors
        rule = torch.ge if include_center else torch.gt
        return _built(*groups, kernel_size, rule)

    def blue_first(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The order of the colours is turned round: blue comes first here. R is drawn first, then
        G, then B."""
        rule = torch.le if include_center else torch.lt
        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def no_rule_of_colours(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """There is no rule of colours: the centre tap is the same for all channels."""
        mask = causal_mask(kernel_size, include_center=include_center)
        return mask.repeat(out_channels, in_channels, 1, 1)

    def types_exchanged(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Types A and B are exchanged: only include_center=True lets a colour read itself."""
        rule = torch.gt if include_center else torch.ge
        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def own_colour_only(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """No colour reads another at the centre. G may read R, and B may read R and G."""

        def rule(out, into):
            return (out == into) & include_center

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def all_other_colours(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Every colour reads every other at the centre, also those that are drawn later."""

        def rule(out, into):
            return (out != into) | include_center

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def channel_by_channel(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Single channels are compared, not their colours: channels of one colour must be treated
        alike."""
        groups = torch.arange(out_channels), torch.arange(in_channels)
        rule = torch.ge if include_center else torch.gt
        return _built(*groups, kernel_size, rule)

    def the_rule_at_every_tap(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The rule of colours is applied to every tap. A pixel that was drawn before is known in
        all its colours."""
        center = kernel_size // 2
        mask = reference(
            out_channels, in_channels, kernel_size, n_colors=n_colors, include_center=include_center
        )
        before = causal_mask(kernel_size, include_center=False)
        return mask[:, :, center, center][:, :, None, None] * before + mask * (1 - before)

    @says(AXES)
    def axes_exchanged(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        mask = reference(
            out_channels, in_channels, kernel_size, n_colors=n_colors, include_center=include_center
        )
        return mask.transpose(0, 1)


@color_causal_mask.right
def block_by_block(out_channels, in_channels, kernel_size, *, n_colors, include_center):
    mask = causal_mask(kernel_size, include_center=True).repeat(out_channels, in_channels, 1, 1)
    middle, n_out, n_in = kernel_size // 2, out_channels // n_colors, in_channels // n_colors
    for color in range(n_colors):
        first_hidden = (color + include_center) * n_in
        mask[color * n_out : (color + 1) * n_out, first_hidden:, middle, middle] = 0
    return mask


@color_causal_mask.right
def kronecker(out_channels, in_channels, kernel_size, *, n_colors, include_center):
    colors = torch.ones(n_colors, n_colors).tril(0 if include_center else -1)
    blocks = torch.ones(out_channels // n_colors, in_channels // n_colors)
    shut = causal_mask(kernel_size, include_center=False)
    center = causal_mask(kernel_size, include_center=True) - shut
    return shut + torch.kron(colors, blocks)[:, :, None, None] * center
