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
    answer="""\
def color_causal_mask(
    out_channels, in_channels, kernel_size, *, n_colors, include_center
):
    before = causal_mask(kernel_size, include_center=False)  # exercise 2.1
    mask = before.repeat(out_channels, in_channels, 1, 1)
    out_color = torch.arange(out_channels) // (out_channels // n_colors)  # 0: R, 1: G
    in_color = torch.arange(in_channels) // (in_channels // n_colors)
    middle = kernel_size // 2
    for o in range(out_channels):
        for i in range(in_channels):
            earlier = in_color[i] < out_color[o]
            itself = include_center and in_color[i] == out_color[o]
            mask[o, i, middle, middle] = float(earlier or itself)
    return mask
""",
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
    sizes = [(6, 9, 3, 3), (9, 3, 5, 3), (6, 6, 1, 3), (2, 4, 3, 1), (3, 6, 5, 1)]
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


def _right(out_channels, in_channels, kernel_size, n_colors, include_center):
    named = {"n_colors": n_colors, "include_center": include_center}
    return reference(out_channels, in_channels, kernel_size, **named)


def _with_taps(taps, out_channels, in_channels, n_colors, include_center):
    """The right centre tap, and these taps everywhere else."""
    mask, middle = taps.repeat(out_channels, in_channels, 1, 1), len(taps) // 2
    center = _right(out_channels, in_channels, 1, n_colors, include_center)
    mask[:, :, middle, middle] = center[:, :, 0, 0]
    return mask


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

    def outputs_interleaved(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The groups of the outputs are interleaved (R, G, B, R, G, B, ...), those of the inputs
        are not. All are contiguous: all R, all G, all B."""
        groups = torch.arange(out_channels) % n_colors, _groups(in_channels, n_colors)
        return _built(*groups, kernel_size, torch.ge if include_center else torch.gt)

    def inputs_interleaved(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The groups of the inputs are interleaved (R, G, B, R, G, B, ...), those of the outputs
        are not. All are contiguous: all R, all G, all B."""
        groups = _groups(out_channels, n_colors), torch.arange(in_channels) % n_colors
        return _built(*groups, kernel_size, torch.ge if include_center else torch.gt)

    def groups_of_three_channels(
        out_channels, in_channels, kernel_size, *, n_colors, include_center
    ):
        """A channel's number is divided by n_colors. Its group is the number divided by the
        channels a group has, n // n_colors."""
        groups = torch.arange(out_channels) // n_colors, torch.arange(in_channels) // n_colors
        return _built(*groups, kernel_size, torch.ge if include_center else torch.gt)

    def output_groups_for_both(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Both axes are divided by the size of an output group. Inputs have a size of their own:
        in_channels // n_colors."""
        size = out_channels // n_colors
        groups = torch.arange(out_channels) // size, torch.arange(in_channels) // size
        return _built(*groups, kernel_size, torch.ge if include_center else torch.gt)

    def input_groups_for_both(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Both axes are divided by the size of an input group. Outputs have a size of their own:
        out_channels // n_colors."""
        size = in_channels // n_colors
        groups = torch.arange(out_channels) // size, torch.arange(in_channels) // size
        return _built(*groups, kernel_size, torch.ge if include_center else torch.gt)

    def always_type_B(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """A colour reads itself in both types: in type A, include_center=False, it does not."""

        def rule(out, into):
            return out >= into

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def always_type_A(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """A colour never reads itself: in type B, include_center=True, it does."""

        def rule(out, into):
            return out > into

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def only_itself(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Each colour reads itself and nothing else, in both types. G reads R, and B reads R and G;
        itself only in type B."""

        def rule(out, into):
            return out == into

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def nothing_at_the_centre(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The centre tap is 0 everywhere. G reads R there, and B reads R and G."""

        def rule(out, into):
            return (out > into) & False

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def all_open_at_the_centre(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The centre tap is 1 everywhere. R must not read G, nor G read B, at the pixel itself."""

        def rule(out, into):
            return (out > into) | True

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def all_open_in_type_B(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """In type B the centre tap is 1 everywhere. A colour reads itself and those before it,
        never those after."""

        def rule(out, into):
            return (out > into) | include_center

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def only_the_colour_before(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """A colour reads only the one right before it: B has to read R, too."""

        def rule(out, into):
            return (out == into + 1) | ((out == into) & include_center)

        return _with_rule(rule, out_channels, in_channels, kernel_size, n_colors)

    def the_centre_of_2_1(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The table of colours is multiplied with the mask of exercise 2.1, whose centre is 0 in
        type A: nothing is left at the centre. Write the table into the centre tap."""
        mask = _right(out_channels, in_channels, kernel_size, n_colors, include_center)
        return mask * causal_mask(kernel_size, include_center=include_center)

    def other_taps_shut(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """All taps but the centre are 0. Away from it, the mask of exercise 2.1 holds for all
        channels."""
        center = kernel_size // 2
        mask = _right(out_channels, in_channels, kernel_size, n_colors, include_center)
        only = torch.zeros_like(mask)
        only[:, :, center, center] = mask[:, :, center, center]
        return only

    def one_channel_of_each_colour(
        out_channels, in_channels, kernel_size, *, n_colors, include_center
    ):
        """Only the first n_colors channels follow the rule: a colour has several channels, and all
        of them must."""
        mask = causal_mask(kernel_size, include_center=include_center)
        mask = mask.repeat(out_channels, in_channels, 1, 1)
        right = reference(
            n_colors, n_colors, kernel_size, n_colors=n_colors, include_center=include_center
        )
        mask[:n_colors, :n_colors] = right
        return mask

    def always_three_colours(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Three colours are assumed wherever the channels allow it: n_colors says how many there
        are."""
        three = out_channels % 3 == 0 and in_channels % 3 == 0
        return _right(out_channels, in_channels, kernel_size, 3 if three else 1, include_center)

    def centre_at_1(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The centre is taken for tap (1, 1), which is so for 3x3 only: it is kernel_size // 2."""
        mask = causal_mask(kernel_size, include_center=False)
        mask = mask.repeat(out_channels, in_channels, 1, 1)
        right = _right(out_channels, in_channels, kernel_size, n_colors, include_center)
        place = min(1, kernel_size - 1)
        mask[:, :, place, place] = right[:, :, kernel_size // 2, kernel_size // 2]
        return mask

    def one_tap_only(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """This is the centre tap alone, (out, in). The mask has all taps: (out, in, kernel_size,
        kernel_size)."""
        mask = _right(out_channels, in_channels, kernel_size, n_colors, include_center)
        return mask[:, :, kernel_size // 2, kernel_size // 2]

    def no_channels(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """This is the mask of exercise 2.1, without channels: it has to be (out, in, kernel_size,
        kernel_size)."""
        return causal_mask(kernel_size, include_center=include_center)

    def all_taps_open(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Away from the centre all taps are 1. Only those before it in raster order may be read."""
        taps = torch.ones(kernel_size, kernel_size)
        return _with_taps(taps, out_channels, in_channels, n_colors, include_center)

    def taps_upside_down(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Away from the centre the mask is upside down: the rows above are read, not those
        below."""
        taps = causal_mask(kernel_size, include_center=False).flip(0)
        return _with_taps(taps, out_channels, in_channels, n_colors, include_center)

    def taps_transposed(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Away from the centre the mask is transposed: whole rows above are read, not columns."""
        taps = causal_mask(kernel_size, include_center=False).T
        return _with_taps(taps, out_channels, in_channels, n_colors, include_center)

    def taps_turned_round(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """Away from the centre the mask is turned round: it reads what comes later."""
        taps = causal_mask(kernel_size, include_center=False).flip(0, 1)
        return _with_taps(taps, out_channels, in_channels, n_colors, include_center)

    def own_row_shut(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The taps to the left of the centre are shut: those pixels are drawn before."""
        taps = (
            causal_mask(kernel_size, include_center=False)
            * (torch.arange(kernel_size) < kernel_size // 2)[:, None]
        )
        return _with_taps(taps, out_channels, in_channels, n_colors, include_center)

    def own_row_open(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        """The whole row of the centre is open, and so is what lies to the right and comes later."""
        taps = (
            (torch.arange(kernel_size) <= kernel_size // 2).float()[:, None].repeat(1, kernel_size)
        )
        return _with_taps(taps, out_channels, in_channels, n_colors, include_center)

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
