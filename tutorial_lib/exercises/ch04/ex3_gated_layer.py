"""Exercise 4.3: figure 2, both stacks and the link between them."""

from collections.abc import Callable

import torch
from torch import Tensor

from tutorial_lib.exercises.ch04.models import TOO_LATE, layer_parts, pixels_read
from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial, compare, gradient_lost
from tutorial_lib.pixels.gated_layer import gate

IN_PLACE = "`h += ...` writes into it. Build a new tensor: `h + ...`."


def reference(
    v: Tensor,
    h: Tensor,
    vertical: Callable,
    horizontal: Callable,
    link: Callable,
    output: Callable,
    *,
    first: bool,
) -> tuple[Tensor, Tensor]:
    """Figure 2: the features of both stacks, one layer on."""
    before_gate = vertical(v)
    out = output(gate(horizontal(h) + link(before_gate)))
    return gate(before_gate), out if first else h + out


gated_layer = Exercise(
    "4.3",
    "Every arrow of figure 2",
    goal="Connect the two stacks: what is gated, where the link leaves and joins, what is added.",
    minutes=15,
    reference=reference,
    differentiated=True,
    when_changed={"h": IN_PLACE},
    stub='''\
def gated_layer(v, h, vertical, horizontal, link, output, *, first: bool):
    """The features of both stacks, one layer on: figure 2 without its conditions.

    v, h        (B, C, H, W) features of the vertical and of the horizontal stack; stay as they are.
                In the first layer both are the image, (B, 1, H, W), v already shifted down
    vertical    convolution, C (or 1) -> 2C channels: rows above
    horizontal  convolution, C (or 1) -> 2C channels: left in the row
    link        1x1 convolution, 2C -> 2C: from the vertical to the horizontal stack
    output      1x1 convolution, C -> C: the last thing of the horizontal stack
    first       True for the first layer, whose input is the image itself
    returns     (v, h), each (B, C, H, W)

    By hand: let C = 1, and at the only pixel vertical(v) = [1, 0], horizontal(h) = [2, 0],
             link(x) = x and output(x) = 10 x. Then v is gate([1, 0]) = 0.381, and h is
             10 gate([3, 0]) = 4.975, plus the old h unless first
    """
    ____
''',
    answer="""\
def gated_layer(v, h, vertical, horizontal, link, output, *, first):
    def gate(features):  # equation 2, as above on the page
        value, switch = features.chunk(2, dim=1)
        return torch.tanh(value) * torch.sigmoid(switch)

    before = vertical(v)  # 2C channels, used twice: by v's own gate and by the link
    new_v = gate(before)
    told = horizontal(h) + link(before)  # values and switches hear from above
    new_h = output(gate(told))
    if not first:  # in the first layer h is the image: a pixel would be shown to itself
        new_h = new_h + h
    return new_v, new_h
""",
    hints=(
        """Follow the arrows of figure 2. The vertical stack needs nothing from the other one.
        What leaves it for the horizontal stack leaves between its convolution and its gate.
        The residual arrow exists on one side only, and not in the first layer.""",
        """Give `vertical(v)` a name: it is used twice. `gate` takes 2C channels and gives C. The
        two inputs of the horizontal gate are added before it: `gate(horizontal(h) +
        link(...))`.""",
        """If `link` complains about its number of channels, it was given something gated. If the
        first layer's outputs depend on their own pixels, the image was added back to them.""",
    ),
)

LEAK = (
    "The vertical stack is given something of the horizontal one. In the next layer, a row would "
    "be told about pixels to its right."
)
VERTICAL_RESIDUAL = (
    "The vertical stack has a residual connection. In figure 2 only the horizontal one has it."
)
SHOWN = "The first layer adds the image back to its features, so every pixel is shown to itself."
NO_LINK = (
    "The link is missing: the horizontal stack, and so the prediction, sees its own row and "
    "nothing else."
)
SHOWN_SOMEHOW = (
    "In the first layer a pixel is shown to itself, and could copy what it has to predict."
)
LINK_OF_H = "The link is a branch of the vertical stack: it takes vertical(v), and nothing of h."
V_ADDED = (
    "The vertical features are added again behind the gate. They reach the horizontal stack "
    "through the link alone."
)
NOT_GATED = "The vertical features are handed on before their gate, 2C of them."
VERTICAL, HORIZONTAL = 0, 1


def _trial(n_channels: int, size: tuple[int, int], rng: torch.Generator, *, first: bool) -> Trial:
    """Random features of two images and a layer for them."""
    shape = (2, 1 if first else n_channels, *size)
    v, h = (torch.randn(shape, generator=rng, dtype=torch.float64) for _ in range(2))
    return Trial((v, h, *layer_parts(n_channels, rng, first=first)), {"first": first})


def _pair(value: object) -> tuple:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        told = f"Expected (v, h), got a value of type {type(value).__name__}, not 2 tensors."
        raise Failed(Failure("The result is not a pair.", told))
    return tuple(value)


def _read(value: object, trial: Trial, part: int) -> Tensor:
    n_channels = trial.args[5].in_channels
    v = trial.args[0]

    def advice(shape: tuple[int, ...]) -> str:
        return NOT_GATED if part == VERTICAL and shape[1:2] == (2 * n_channels,) else ""

    return tensor_result(_pair(value)[part], (len(v), n_channels, *v.shape[2:]), advice=advice)


def _evidence(trial: Trial, got: Tensor, want: Tensor, part: int) -> str:
    place = first_difference(got, want)
    b, channel, row, column = place
    layer = "first layer" if trial.kwargs["first"] else "a later layer"
    return (
        f"{layer}, {'vh'[part]} of image {b}, channel {channel} at {(row, column)}: "
        f"{number(want[place])} expected, got {number(got[place])}."
    ).capitalize()


def _check(candidate, trials: list[Trial], part: int) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=lambda value, trial: _read(value, trial, part),
        evidence=lambda trial, got, want: _evidence(trial, got, want, part),
        misconceptions=gated_layer.misconceptions,
        otherwise=f"The {('vertical', 'horizontal')[part]} features are not those of figure 2.",
    )


def _reads(candidate, trial: Trial, out: int, source: int) -> Tensor:
    v, h, *parts = trial.args
    return candidate.measure(pixels_read, v, h, tuple(parts), trial.kwargs["first"], out, source)


def _with(failure: Failure, told: str, shows: str) -> Failure:
    """With what the gradients show; where no mistake explains the numbers, they say which it is."""
    named = any(failure.message == each.says for each in gated_layer.misconceptions)
    return Failure(failure.message if named else shows, f"{told}\n{failure.evidence}")


def _place(position: int, trial: Trial) -> tuple[int, int]:
    return divmod(position, trial.args[0].shape[3])


@gated_layer.judge("the vertical features, in the first layer and later")
def check_vertical(candidate, rng: torch.Generator) -> Failure | None:
    trials = [_trial(3, (4, 6), rng, first=first) for first in (True, False)]
    failure = _check(candidate, trials, VERTICAL)
    if failure is None:
        return None
    pairs = _reads(candidate, trials[0], VERTICAL, HORIZONTAL).nonzero().tolist()
    if not pairs:
        return failure
    output, source = (_place(position, trials[0]) for position in pairs[0])
    return _with(
        failure, f"v at {output} depends on h at {source}; it may depend on v alone.", LEAK
    )


@gated_layer.judge("the horizontal features of later layers", points=2)
def check_horizontal(candidate, rng: torch.Generator) -> Failure | None:
    trials = [_trial(n, size, rng, first=False) for n, size in ((2, (5, 4)), (3, (3, 5)))]
    failure = _check(candidate, trials, HORIZONTAL)
    if failure is None:
        return gradient_lost(candidate, reference, trials[1])
    if _reads(candidate, trials[0], HORIZONTAL, VERTICAL).any():
        return failure
    return _with(failure, "h at (4, 3), the last pixel, depends on no pixel of v.", NO_LINK)


@gated_layer.judge("the first layer, and whether a pixel is shown to itself")
def check_first(candidate, rng: torch.Generator) -> Failure | None:
    trials = [_trial(n, (3, 5), rng, first=True) for n in (2, 3)]
    failure = _check(candidate, trials, HORIZONTAL)
    if failure is None:
        return None
    own = _reads(candidate, trials[0], HORIZONTAL, HORIZONTAL).diagonal().nonzero().tolist()
    if not own:
        return failure
    place = _place(own[0][0], trials[0])
    return _with(
        failure, f"Output {place} of the first layer depends on pixel {place}.", SHOWN_SOMEHOW
    )


def _arrows(first, h, out):
    return out if first else h + out


@gated_layer.mistakes
class Mistakes:
    @says(LEAK)
    def horizontal_fed_into_vertical(v, h, vertical, horizontal, link, output, *, first):
        before = vertical(v + h)
        return gate(before), _arrows(first, h, output(gate(horizontal(h) + link(before))))

    @says(VERTICAL_RESIDUAL)
    def residual_in_the_vertical_stack(v, h, vertical, horizontal, link, output, *, first):
        new_v, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return v + new_v, new_h

    @says(NOT_GATED)
    def vertical_not_gated(v, h, vertical, horizontal, link, output, *, first):
        _, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return vertical(v), new_h

    def vertical_through_the_link(v, h, vertical, horizontal, link, output, *, first):
        """The vertical features go through the link before their own gate. The link is a branch,
        not a part of the vertical stack."""
        before = link(vertical(v))
        return gate(before), _arrows(first, h, output(gate(horizontal(h) + before)))

    @says(TOO_LATE)
    def link_after_the_gate(v, h, vertical, horizontal, link, output, *, first):
        v = gate(vertical(v))
        return v, _arrows(first, h, output(gate(horizontal(h) + link(v))))

    def link_joins_after_the_gate(v, h, vertical, horizontal, link, output, *, first):
        """The link joins behind the horizontal gate. It belongs inside: the switch, too, has to
        know what lies above."""
        before = vertical(v)
        out = output(gate(horizontal(h)) + gate(link(before)))
        return gate(before), _arrows(first, h, out)

    @says(NO_LINK)
    def no_link(v, h, vertical, horizontal, link, output, *, first):
        return gate(vertical(v)), _arrows(first, h, output(gate(horizontal(h))))

    def linked_without_weights(v, h, vertical, horizontal, link, output, *, first):
        """The vertical features are added as they are. A 1x1 convolution, `link`, stands
        between."""
        before = vertical(v)
        return gate(before), _arrows(first, h, output(gate(horizontal(h) + before)))

    def no_residual(v, h, vertical, horizontal, link, output, *, first):
        """The residual is missing: in later layers, h is added back."""
        return reference(v, h, vertical, horizontal, link, output, first=True)

    @says(SHOWN)
    def residual_in_the_first_layer(v, h, vertical, horizontal, link, output, *, first):
        return reference(v, h, vertical, horizontal, link, output, first=False)

    def no_1x1_output(v, h, vertical, horizontal, link, output, *, first):
        """`output` is left out: a 1x1 convolution follows the gate."""
        before = vertical(v)
        return gate(before), _arrows(first, h, gate(horizontal(h) + link(before)))

    def residual_before_the_output(v, h, vertical, horizontal, link, output, *, first):
        """The residual goes through `output`. It goes round it, unchanged, and joins after it."""
        before = vertical(v)
        return gate(before), output(_arrows(first, h, gate(horizontal(h) + link(before))))

    def no_gate_in_the_horizontal_stack(v, h, vertical, horizontal, link, output, *, first):
        """The horizontal stack has a ReLU of half of its features in place of the gate."""
        before = vertical(v)
        mixed = (horizontal(h) + link(before)).chunk(2, dim=1)[0]
        return gate(before), _arrows(first, h, output(torch.relu(mixed)))

    @says(IN_PLACE)
    def in_place(v, h, vertical, horizontal, link, output, *, first):
        new_v, out = reference(v, h, vertical, horizontal, link, output, first=True)
        if not first:
            h += out
        return new_v, (out if first else h)

    def pair_exchanged(v, h, vertical, horizontal, link, output, *, first):
        """The two results are exchanged: v comes first, then h."""
        new_v, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return new_h, new_v

    @says(VERTICAL_RESIDUAL)
    def residual_in_the_vertical_stack_but_in_the_first_layer(
        v, h, vertical, horizontal, link, output, *, first
    ):
        new_v, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return _arrows(first, v, new_v), new_h

    @says(LEAK)
    def link_turned_round(v, h, vertical, horizontal, link, output, *, first):
        full = horizontal(h)
        return gate(vertical(v) + link(full)), _arrows(first, h, output(gate(full)))

    @says(LEAK)
    def vertical_of_h(v, h, vertical, horizontal, link, output, *, first):
        _, new_h = reference(h, h, vertical, horizontal, link, output, first=first)
        return gate(vertical(h)), new_h

    @says(LEAK)
    def new_h_added_to_v(v, h, vertical, horizontal, link, output, *, first):
        new_v, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return new_v + new_h, new_h

    @says(LINK_OF_H)
    def link_of_the_horizontal_features(v, h, vertical, horizontal, link, output, *, first):
        before = vertical(v)
        return gate(before), _arrows(first, h, output(gate(link(horizontal(h)) + before)))

    @says(LINK_OF_H)
    def link_of_the_sum(v, h, vertical, horizontal, link, output, *, first):
        before = vertical(v)
        return gate(before), _arrows(first, h, output(gate(link(horizontal(h) + before))))

    def multiplied(v, h, vertical, horizontal, link, output, *, first):
        """What comes through the link is multiplied. Where the two arrows meet, there is a plus."""
        before = vertical(v)
        return gate(before), _arrows(first, h, output(gate(horizontal(h) * link(before))))

    def v_added_back(v, h, vertical, horizontal, link, output, *, first):
        """The residual adds v to the horizontal features. It is their own input, h, that goes round
        the layer."""
        new_v, out = reference(v, h, vertical, horizontal, link, output, first=True)
        return new_v, _arrows(first, v, out)

    def residual_into_the_gate(v, h, vertical, horizontal, link, output, *, first):
        """The residual joins before the gate. It goes round gate and output, and joins last."""
        before = vertical(v)
        mixed = horizontal(h) + link(before)
        return gate(before), output(gate(mixed if first else mixed + torch.cat([h, h], dim=1)))

    @says(V_ADDED)
    def v_added_behind_the_gate(v, h, vertical, horizontal, link, output, *, first):
        new_v, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return new_v, new_h + new_v

    @says(V_ADDED)
    def v_added_behind_the_gate_of_later_layers(v, h, vertical, horizontal, link, output, *, first):
        new_v, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return new_v, (new_h if first else new_h + new_v)

    @says(V_ADDED)
    def v_added_before_the_output(v, h, vertical, horizontal, link, output, *, first):
        before = vertical(v)
        mixed = gate(horizontal(h) + link(before)) + gate(before)
        return gate(before), _arrows(first, h, output(mixed))

    def horizontal_of_both(v, h, vertical, horizontal, link, output, *, first):
        """The horizontal convolution is given v as well. It reads h alone; v comes in by the
        link."""
        before = vertical(v)
        return gate(before), _arrows(first, h, output(gate(horizontal(h + v) + link(before))))

    def horizontal_of_v(v, h, vertical, horizontal, link, output, *, first):
        """The horizontal convolution is given v in place of h."""
        before = vertical(v)
        return gate(before), _arrows(first, h, output(gate(horizontal(v) + link(before))))

    def output_of_v(v, h, vertical, horizontal, link, output, *, first):
        """The vertical features go through `output` too. It belongs to the horizontal stack."""
        new_v, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return output(new_v), new_h

    def old_v(v, h, vertical, horizontal, link, output, *, first):
        """The v that came in is handed on. The next layer needs the new one, gated."""
        return v, reference(v, h, vertical, horizontal, link, output, first=first)[1]

    def relu_of_v(v, h, vertical, horizontal, link, output, *, first):
        """The vertical stack has a ReLU of half of its features in place of the gate."""
        _, new_h = reference(v, h, vertical, horizontal, link, output, first=first)
        return torch.relu(vertical(v).chunk(2, dim=1)[0]), new_h

    def moved_down_again(v, h, vertical, horizontal, link, output, *, first):
        """The vertical features move down on their way to the link. v was moved once, before the
        first layer, and that is enough."""
        before = vertical(v)
        moved = torch.nn.functional.pad(before, (0, 0, 1, -1))
        return gate(before), _arrows(first, h, output(gate(horizontal(h) + link(moved))))

    def only_h(v, h, vertical, horizontal, link, output, *, first):
        """Only h is handed back. The next layer needs v as well: return both, v first."""
        return reference(v, h, vertical, horizontal, link, output, first=first)[1]

    def joined(v, h, vertical, horizontal, link, output, *, first):
        """v and h are joined to one tensor. They stay two: return v and h."""
        return torch.cat(reference(v, h, vertical, horizontal, link, output, first=first), dim=1)


@gated_layer.right
def step_by_step(v, h, vertical, horizontal, link, output, *, first):
    v_full = vertical(v)
    summed = horizontal(h) + link(v_full)
    half = summed.shape[1] // 2
    gated = torch.tanh(summed[:, :half]) * torch.sigmoid(summed[:, half:])
    value, switch = torch.tensor_split(v_full, 2, dim=1)
    new_h = output(gated)
    if not first:
        new_h = new_h + h
    return torch.tanh(value) * torch.sigmoid(switch), new_h


@gated_layer.right
def by_linearity(v, h, vertical, horizontal, link, output, *, first):
    before = vertical(v)
    joined = torch.stack([link(before), horizontal(h)]).sum(dim=0)
    both = gate(torch.cat([before, joined]))
    new_v, gated = both.chunk(2)
    return [new_v, output(gated) + h * (not first)]
