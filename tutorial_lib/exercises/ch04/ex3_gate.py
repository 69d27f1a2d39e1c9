"""Exercise 4.3: the gated unit, equation 2."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.gated_layer import gate as reference

gate = Exercise(
    "4.3",
    "The gated unit",
    goal="Write equation 2: half of the channels say what to pass on, the other half how much.",
    minutes=5,
    reference=reference,
    differentiated=True,
    otherwise="This is another function of value and switch.",
    stub='''\
def gate(features: torch.Tensor) -> torch.Tensor:
    """Equation 2, once both of its convolutions are done: `features` holds their results.

    features  (B, 2C, H, W): the first C channels are values, the other C their switches
    returns   (B, C, H, W)

    By hand: two channels at a single pixel: [1, 0] gives 0.381, [0, 1] gives 0
    """
    ____
''',
    answer="""\
def gate(features):
    half = features.shape[1] // 2
    value = features[:, :half]  # f in equation 2: what to pass on
    switch = features[:, half:]  # g in equation 2: how much of it
    return torch.tanh(value) * torch.sigmoid(switch)
""",
    hints=(
        """Two numbers make one: the first says what to pass on, the second how much of it. They
        are C channels apart, at the same pixel.""",
        """`features.chunk(2, dim=1)` gives the two halves of the channels. `torch.tanh` and
        `torch.sigmoid` work on every number for itself.""",
        """If two channels in work and six do not, the halves are interleaved. If a switch of -20
        lets anything through, the two functions are exchanged.""",
    ),
)

ALONG_THE_HEIGHT = "The features are divided along the height. Values and switches are channels."
ALONG_THE_BATCH = "The images are divided, not their channels: `chunk` needs to be told `dim=1`."
ALONG_THE_WIDTH = "The features are divided along the width. Values and switches are channels."
TWO_CHANNELS = (
    "Only channels 0 and 1 are used, as if C were 1. Half of the channels are values: count them "
    "with `features.shape[1] // 2`."
)
INTERLEAVED = (
    "Values and switches are taken alternately. The first C channels are values, the next C their "
    "switches."
)
PRODUCT_INSIDE = (
    "A function is taken of the product. Each half has its own first: tanh the value, sigmoid the "
    "switch; then multiply."
)
SECOND_UNUSED = "The second half is not used: each value is its own switch."
NO_SIGMOID = "The switch goes without a sigmoid, so it can be below 0 or above 1, and never shuts."
ADDED = "The two are added. A sum cannot shut anything: only a product with 0 is 0."
OTHER_WAY = "The value is added to what the gate lets through. Equation 2 has the product alone."
OWN_SWITCH = "Every channel is its own switch: no channels are divided off, and all 2C come back."


def _trial(shape: tuple[int, ...], rng: torch.Generator, scale: float = 1.5) -> Trial:
    return Trial((scale * torch.randn(shape, generator=rng),))


@gate.advises
def advice(shape, trial):
    batch, channels, height, width = trial.args[0].shape
    if shape == (batch, channels, height, width):
        return "All 2C channels come back. The gate halves them: C values, each times its switch."
    if shape == (batch, channels, height, width // 2):
        return ALONG_THE_WIDTH
    if shape[-2:] == (height, width) and 1 in (len(shape[:-2]), shape[1]):
        return "A channel is missing for every value but one: C values give C channels."
    if shape == (batch // 2, channels, height, width):
        return ALONG_THE_BATCH
    return ALONG_THE_HEIGHT if shape == (batch, channels, height // 2, width) else ""


@gate.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    features = trial.args[0]
    place = first_difference(got, want)
    b, channel, row, column = place
    half = features.shape[1] // 2
    value, switch = features[b, channel, row, column], features[b, half + channel, row, column]
    return (
        f"{2 * half} channels in. Channel {channel} at {(row, column)}: value {number(value)} "
        f"(channel {channel}) and switch {number(switch)} (channel {half + channel}) give "
        f"{number(value.tanh())} * {number(switch.sigmoid())} = {number(want[place])}. "
        f"Your function says {number(got[place])}."
    )


gate.trials("one value and one switch, at several pixels")(
    lambda rng: ([_trial((4, 2, 4, 6), rng)], [_trial((2, 6, 4, 6), rng)])
)
gate.trials("several of them, on images that are not square")(
    lambda rng: [_trial((2, n, 4, 6), rng) for n in (4, 6, 10)]
)


@gate.trials("large values and shut switches")
def limits(rng):
    """Large values and shut switches: bounded by 1, and 0."""
    trial = _trial((2, 4, 2, 3), rng, scale=6.0)
    return [trial], [_trial((2, 6, 4, 6), rng)]


def _halves(features):
    return features.chunk(2, dim=1)


@gate.mistakes
class Mistakes:
    def functions_exchanged(features):
        """tanh and sigmoid are exchanged: the sigmoid, from 0 to 1, belongs to the second half."""
        value, switch = _halves(features)
        return torch.sigmoid(value) * torch.tanh(switch)

    def both_sigmoid(features):
        """Both halves go through a sigmoid, so nothing negative can ever be passed on."""
        value, switch = _halves(features)
        return torch.sigmoid(value) * torch.sigmoid(switch)

    def both_tanh(features):
        """Both halves go through tanh: a switch then turns signs round and cannot stay shut."""
        value, switch = _halves(features)
        return torch.tanh(value) * torch.tanh(switch)

    @says(INTERLEAVED)
    def interleaved(features):
        return torch.tanh(features[:, ::2]) * torch.sigmoid(features[:, 1::2])

    @says(ALONG_THE_HEIGHT)
    def along_the_height(features):
        value, switch = features.chunk(2, dim=2)
        return torch.tanh(value) * torch.sigmoid(switch)

    @says(ALONG_THE_BATCH)
    def along_the_batch(features):
        value, switch = features.chunk(2)
        return torch.tanh(value) * torch.sigmoid(switch)

    @says(ADDED)
    def sum_(features):
        value, switch = _halves(features)
        return torch.tanh(value) + torch.sigmoid(switch)

    def no_tanh(features):
        """The value passes without tanh: then nothing keeps it between -1 and 1."""
        value, switch = _halves(features)
        return value * torch.sigmoid(switch)

    def relu(features):
        """The value goes through a ReLU, and negative values are lost. Use tanh."""
        value, switch = _halves(features)
        return torch.relu(value) * torch.sigmoid(switch)

    @says(PRODUCT_INSIDE)
    def tanh_of_the_product(features):
        value, switch = _halves(features)
        return torch.tanh(value * torch.sigmoid(switch))

    @says(OWN_SWITCH)
    def its_own_switch(features):
        return torch.tanh(features) * torch.sigmoid(features)

    @says(SECOND_UNUSED)
    def the_first_half_twice(features):
        value, _ = _halves(features)
        return torch.tanh(value) * torch.sigmoid(value)

    def hard_switch(features):
        """The switch is a step, open or shut. The sigmoid also knows what lies between, and has a
        gradient."""
        value, switch = _halves(features)
        return torch.tanh(value) * (switch > 0)

    @says(ALONG_THE_WIDTH)
    def along_the_width(features):
        value, switch = features.chunk(2, dim=3)
        return torch.tanh(value) * torch.sigmoid(switch)

    @says(TWO_CHANNELS)
    def channels_0_and_1(features):
        return torch.tanh(features[:, :1]) * torch.sigmoid(features[:, 1:2])

    @says(TWO_CHANNELS)
    def channels_0_and_1_without_axis(features):
        return torch.tanh(features[:, 0]) * torch.sigmoid(features[:, 1])

    @says(INTERLEAVED)
    def interleaved_the_other_way(features):
        return torch.tanh(features[:, 1::2]) * torch.sigmoid(features[:, ::2])

    @says(PRODUCT_INSIDE)
    def sigmoid_of_the_product(features):
        value, switch = _halves(features)
        return torch.sigmoid(torch.tanh(value) * switch)

    @says(PRODUCT_INSIDE)
    def tanh_of_all(features):
        value, switch = _halves(features)
        return torch.tanh(value * switch)

    @says(SECOND_UNUSED)
    def swish(features):
        value, _ = _halves(features)
        return value * torch.sigmoid(value)

    def the_second_half_twice(features):
        """The first half is not used: each switch is its own value."""
        _, switch = _halves(features)
        return torch.tanh(switch) * torch.sigmoid(switch)

    @says(NO_SIGMOID)
    def no_sigmoid(features):
        value, switch = _halves(features)
        return torch.tanh(value) * switch

    def no_functions(features):
        """Both halves go in as they are: tanh of the value and sigmoid of the switch are
        missing."""
        value, switch = _halves(features)
        return value * switch

    def softmax(features):
        """The switches share one softmax, so opening one shuts the others. Each has a sigmoid."""
        value, switch = _halves(features)
        return torch.tanh(value) * torch.softmax(switch, dim=1)

    def shut_for_open(features):
        """The switch works the wrong way round: 1 - sigmoid lets through what it should stop."""
        value, switch = _halves(features)
        return torch.tanh(value) * torch.sigmoid(-switch)

    def logarithm(features):
        """This is the logarithm of the sigmoid, which is never above 0. Take the sigmoid itself."""
        value, switch = _halves(features)
        return torch.tanh(value) * torch.nn.functional.logsigmoid(switch)

    def sigmoid_of_tanh(features):
        """The switch goes through tanh before its sigmoid, so it can neither open nor shut
        fully."""
        value, switch = _halves(features)
        return torch.tanh(value) * torch.sigmoid(torch.tanh(switch))

    def clamped(features):
        """The value is cut off at -1 and 1. tanh bends it: it is below 1 for every value."""
        value, switch = _halves(features)
        return value.clamp(-1, 1) * torch.sigmoid(switch)

    def hard_sigmoid(features):
        """The switch is a straight line between 0 and 1 (a hard sigmoid). Equation 2 has the
        sigmoid, 1 / (1 + exp(-x))."""
        value, switch = _halves(features)
        return torch.tanh(value) * torch.nn.functional.hardsigmoid(switch)

    @says(ADDED)
    def mean_of_both(features):
        value, switch = _halves(features)
        return (torch.tanh(value) + torch.sigmoid(switch)) / 2

    @says(OTHER_WAY)
    def residual(features):
        value, switch = _halves(features)
        return value + torch.tanh(value) * torch.sigmoid(switch)

    @says(OTHER_WAY)
    def highway(features):
        value, switch = _halves(features)
        return torch.tanh(value) * torch.sigmoid(switch) + value * torch.sigmoid(-switch)

    def joined(features):
        """The two halves are joined again. They are to be multiplied, which leaves C channels."""
        value, switch = _halves(features)
        return torch.cat([torch.tanh(value), torch.sigmoid(switch)], dim=1)

    def matrix_product(features):
        """This is a product of matrices. Equation 2 multiplies number by number: `*`."""
        value, switch = _halves(features)
        return torch.tanh(value) @ torch.sigmoid(switch).transpose(2, 3)

    def channels_added_up(features):
        """The C channels are added up. Each stays by itself: a product number by number."""
        value, switch = _halves(features)
        return (torch.tanh(value) * torch.sigmoid(switch)).sum(dim=1, keepdim=True)


@gate.right
def by_slices(features):
    half = features.shape[1] // 2
    return features[:, :half].tanh() * features[:, half:].sigmoid()


@gate.right
def by_unflattening(features):
    value, switch = features.unflatten(1, (2, -1)).unbind(1)
    return torch.tanh(value) / (1 + torch.exp(-switch))
