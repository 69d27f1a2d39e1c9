"""Exercise 8.1: one line of an LSTM that runs over an image, equation 3 of the PixelRNN paper."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def gates_of(inputs: Tensor, hidden: Tensor, kernel: Tensor, n_before: int) -> Tensor:
    """K_is * x + K_ss * h of a line, (B, 4C, N)."""
    n_after = kernel.shape[2] - 1 - n_before
    return inputs + F.conv1d(F.pad(hidden, (n_before, n_after)), kernel)


def reference(
    inputs: Tensor, hidden: Tensor, memory: Tensor, kernel: Tensor, n_before: int
) -> tuple[Tensor, Tensor]:
    """Hidden state and memory of the next line, (B, C, N) each. [PixelRNN, eq. 3]"""
    return _state(gates_of(inputs, hidden, kernel, n_before), memory)


def _state(gates, memory, *, order="ofig", value=torch.tanh, show=torch.tanh, open_=torch.sigmoid):
    blocks = dict(zip(order, gates.chunk(4, dim=1), strict=True))
    memory = open_(blocks["f"]) * memory + open_(blocks["i"]) * value(blocks["g"])
    return open_(blocks["o"]) * show(memory), memory


lstm_step = Exercise(
    "8.1",
    "One line of an LSTM",
    goal="Carry hidden state and memory from one line of pixels to the next, as equation 3 says.",
    minutes=15,
    reference=reference,
    differentiated=True,
    otherwise="The states are not those of equation 3.",
    parts="(hidden, memory)",
    when_changed={
        "hidden": "`hidden` was changed in place: the line before is still needed.",
        "memory": "`memory` was changed in place: training needs the memory of every line.",
        "inputs": "`inputs` was changed in place. Add to it in a new tensor.",
    },
    stub='''\
def lstm_step(
    inputs: torch.Tensor,
    hidden: torch.Tensor,
    memory: torch.Tensor,
    kernel: torch.Tensor,
    n_before: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Equation 3 for the N pixels of a line, all at once.

    inputs    (B, 4C, N)    what the line reads of the image, K_is * x, with its bias
    hidden    (B, C, N)     h of the line before
    memory    (B, C, N)     c of the line before
    kernel    (4C, C, taps) K_ss: how h of the line before is read
    n_before  how many of its taps lie before the pixel itself. Beside the line there are zeros
    returns   hidden and memory of this line, (B, C, N) each. The 4C channels are the blocks
              o, f, i, g, in this order

    By hand: B = C = N = 1, inputs = 0, kernel = 0, hidden = 5, memory = 0.8. All switches are
             sigmoid(0) = 0.5 and the new value is tanh(0) = 0, so memory becomes 0.5 * 0.8 = 0.4,
             and hidden 0.5 * tanh(0.4) = 0.19
    """
    ____
''',
    answer="""\
def lstm_step(inputs, hidden, memory, kernel, n_before):
    n_after = kernel.shape[2] - 1 - n_before
    padded = torch.nn.functional.pad(hidden, (n_before, n_after))  # zeros
    gates = inputs + torch.nn.functional.conv1d(padded, kernel)
    o, f, i, g = gates.chunk(4, dim=1)
    memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
    hidden = torch.sigmoid(o) * torch.tanh(memory)
    return hidden, memory
""",
    hints=(
        """Three steps: read the line before with the kernel and add that to `inputs`; cut the sum
        into o, f, i and g; then the two formulas for c and h, in this order.""",
        """`F.conv1d(F.pad(hidden, (n_before, n_after)), kernel)` keeps N pixels if `n_before +
        n_after` is one less than the number of taps. `gates.chunk(4, dim=1)` gives four blocks of
        channels.""",
        """If only the first and last pixels are off, look at the zeros beside the line. If memory
        is right and hidden is not: h shows the *new* memory. If both are off, look at the order of
        the blocks.""",
    ),
)

ORDER = "The blocks are taken in another order. The 4C channels are o, f, i, g."
SWITCH = "A switch is a sigmoid, between 0 and 1: o, f and i. Only g and the shown memory are tanh."
SHIFT = (
    "The kernel lies at the wrong place: `n_before` of its taps lie before the pixel, so that many "
    "zeros go before the line, and the others after it."
)
OLD = "h shows the memory of the line before. It shows the new one."
TWO = "Two tensors come back: hidden, then memory."


def _trials(rng: torch.Generator, *sizes: tuple[int, ...]) -> list[Trial]:
    """sizes: batch, channels, pixels, taps, of which so many lie before the pixel."""
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


@lstm_step.advises
def advice(shape, trial):
    *_, kernel, n_before = trial.args
    if len(shape) == 3 and shape[1] == len(kernel):
        return "The four blocks of channels become one: (B, C, N)."
    if len(shape) == 3 and shape[2] != trial.args[0].shape[2]:
        return "A line keeps its N pixels: one zero fewer beside it than the kernel has taps."
    return ""


@lstm_step.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    inputs, hidden, _, kernel, n_before = trial.args
    mine, theirs = (each.view(2, *hidden.shape) for each in (got, want))
    place = first_difference(mine, theirs)
    name = ("hidden", "memory")[place[0]]
    right = "" if place[0] else _memory_is(mine[1], theirs[1])
    return (
        f"{hidden.shape[2]} pixels, {hidden.shape[1]} channels, {kernel.shape[2]} taps, {n_before} "
        f"of them before the pixel. {name}, image {place[1]}, channel {place[2]}, pixel "
        f"{place[3]}: it must be {number(theirs[place])}; you have {number(mine[place])}.{right}"
    )


def _memory_is(mine: Tensor, theirs: Tensor) -> str:
    right = torch.allclose(mine, theirs, atol=1e-4)
    return " Your memory is right." if right else " Memory is off, too."


@lstm_step.also_try
def more(_):
    rng = torch.Generator().manual_seed(0)
    return _trials(rng, (2, 3, 5, 3, 1), (2, 2, 4, 2, 1), (2, 2, 6, 5, 2), (2, 2, 4, 3, 2))


lstm_step.trials("one tap: no neighbours are read", points=2)(
    lambda rng: _trials(rng, (2, 3, 4, 1, 0))
)
lstm_step.trials("three taps around the pixel, as in a Row LSTM", points=2)(
    lambda rng: _trials(rng, (2, 3, 6, 3, 1), (1, 2, 5, 5, 2))
)
lstm_step.trials("two taps that end at the pixel, as along diagonals", points=2)(
    lambda rng: _trials(rng, (2, 2, 5, 2, 1), (1, 2, 5, 3, 2))
)


def _with(**options):
    """Equation 3 with a part of `_state` exchanged."""
    return lambda inputs, hidden, memory, kernel, n_before: _state(
        gates_of(inputs, hidden, kernel, n_before), memory, **options
    )


def _read(hidden, kernel, left, right):
    return F.conv1d(F.pad(hidden, (left, right)), kernel)


@lstm_step.mistakes
class Mistakes:
    @says(ORDER)
    def as_pytorch_orders_them(inputs, hidden, memory, kernel, n_before):
        return _with(order="ifgo")(inputs, hidden, memory, kernel, n_before)

    @says(ORDER)
    def input_before_forget(inputs, hidden, memory, kernel, n_before):
        return _with(order="oifg")(inputs, hidden, memory, kernel, n_before)

    @says(ORDER)
    def output_last(inputs, hidden, memory, kernel, n_before):
        return _with(order="figo")(inputs, hidden, memory, kernel, n_before)

    @says(ORDER)
    def as_in_many_textbooks(inputs, hidden, memory, kernel, n_before):
        return _with(order="fiog")(inputs, hidden, memory, kernel, n_before)

    @says(ORDER)
    def input_forget_output(inputs, hidden, memory, kernel, n_before):
        return _with(order="ifog")(inputs, hidden, memory, kernel, n_before)

    @says(ORDER)
    def backwards(inputs, hidden, memory, kernel, n_before):
        return _with(order="gifo")(inputs, hidden, memory, kernel, n_before)

    def interleaved(inputs, hidden, memory, kernel, n_before):
        """Every fourth channel is taken for a gate. The gates are blocks of C channels, one after
        the other: `chunk(4, dim=1)`."""
        gates = gates_of(inputs, hidden, kernel, n_before)
        return _state(torch.cat([gates[:, k::4] for k in range(4)], dim=1), memory)

    @says(SWITCH)
    def switches_by_tanh(inputs, hidden, memory, kernel, n_before):
        return _with(open_=torch.tanh)(inputs, hidden, memory, kernel, n_before)

    @says(SWITCH)
    def value_by_sigmoid(inputs, hidden, memory, kernel, n_before):
        return _with(value=torch.sigmoid)(inputs, hidden, memory, kernel, n_before)

    def value_without_tanh(inputs, hidden, memory, kernel, n_before):
        """The new value is not squashed: it is tanh(g)."""
        return _with(value=lambda g: g)(inputs, hidden, memory, kernel, n_before)

    def memory_shown_without_tanh(inputs, hidden, memory, kernel, n_before):
        """The memory is shown as it is: h is sigmoid(o) times tanh of the memory."""
        return _with(show=lambda c: c)(inputs, hidden, memory, kernel, n_before)

    @says(SWITCH)
    def memory_shown_by_sigmoid(inputs, hidden, memory, kernel, n_before):
        return _with(show=torch.sigmoid)(inputs, hidden, memory, kernel, n_before)

    @says(OLD)
    def old_memory_shown(inputs, hidden, memory, kernel, n_before):
        o = gates_of(inputs, hidden, kernel, n_before).chunk(4, dim=1)[0]
        new = reference(inputs, hidden, memory, kernel, n_before)[1]
        return torch.sigmoid(o) * torch.tanh(memory), new

    def nothing_kept(inputs, hidden, memory, kernel, n_before):
        """The old memory is dropped: sigmoid(f) says how much of it stays."""
        return reference(inputs, hidden, torch.zeros_like(memory), kernel, n_before)

    def all_kept(inputs, hidden, memory, kernel, n_before):
        """All of the old memory stays: the switch f is not used."""
        o, _, i, g = gates_of(inputs, hidden, kernel, n_before).chunk(4, dim=1)
        memory = memory + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(memory), memory

    def all_written(inputs, hidden, memory, kernel, n_before):
        """The new value is written in full: the switch i is not used."""
        o, f, _, g = gates_of(inputs, hidden, kernel, n_before).chunk(4, dim=1)
        memory = torch.sigmoid(f) * memory + torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(memory), memory

    def all_shown(inputs, hidden, memory, kernel, n_before):
        """The memory is shown in full: the switch o is not used."""
        memory = reference(inputs, hidden, memory, kernel, n_before)[1]
        return torch.tanh(memory), memory

    def written_is_what_is_not_kept(inputs, hidden, memory, kernel, n_before):
        """One minus the forget switch is used in place of i, as in a GRU. An LSTM has a switch of
        its own for writing."""
        o, f, _, g = gates_of(inputs, hidden, kernel, n_before).chunk(4, dim=1)
        keep = torch.sigmoid(f)
        memory = keep * memory + (1 - keep) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(memory), memory

    def hidden_kept_for_memory(inputs, hidden, memory, kernel, n_before):
        """The forget switch is multiplied with h. It is the memory c that is kept."""
        return _state(gates_of(inputs, hidden, kernel, n_before), hidden)

    def memory_read_for_hidden(inputs, hidden, memory, kernel, n_before):
        """The kernel reads the memory c. It reads the hidden state h of the line before."""
        return reference(inputs, memory, memory, kernel, n_before)

    def line_before_not_read(inputs, hidden, memory, kernel, n_before):
        """The line before is not read: K_ss * h is missing."""
        return _state(inputs, memory)

    def image_not_read(inputs, hidden, memory, kernel, n_before):
        """What the line reads of the image is missing: `inputs`."""
        return reference(torch.zeros_like(inputs), hidden, memory, kernel, n_before)

    def multiplied(inputs, hidden, memory, kernel, n_before):
        """The two parts are multiplied. They are added."""
        read = gates_of(torch.zeros_like(inputs), hidden, kernel, n_before)
        return _state(inputs * read, memory)

    @says(SHIFT)
    def zeros_the_other_way_round(inputs, hidden, memory, kernel, n_before):
        n_after = kernel.shape[2] - 1 - n_before
        return _state(inputs + _read(hidden, kernel, n_after, n_before), memory)

    @says(SHIFT)
    def all_zeros_before(inputs, hidden, memory, kernel, n_before):
        return _state(inputs + _read(hidden, kernel, kernel.shape[2] - 1, 0), memory)

    @says(SHIFT)
    def all_zeros_after(inputs, hidden, memory, kernel, n_before):
        return _state(inputs + _read(hidden, kernel, 0, kernel.shape[2] - 1), memory)

    def half_of_the_taps_before(inputs, hidden, memory, kernel, n_before):
        """`n_before` is not used: half of the kernel's taps are taken to lie before the pixel."""
        half = kernel.shape[2] // 2
        wide = _read(hidden, kernel, half, half)[:, :, : hidden.shape[2]]
        return _state(inputs + wide, memory)

    def kernel_turned_round(inputs, hidden, memory, kernel, n_before):
        """The kernel is turned round: its first tap lies `n_before` pixels before the pixel."""
        return reference(inputs, hidden, memory, kernel.flip(2), n_before)

    def wraps_round(inputs, hidden, memory, kernel, n_before):
        """Beside the line its other end is read. There are zeros."""
        n_after = kernel.shape[2] - 1 - n_before
        wide = F.pad(hidden, (n_before, n_after), mode="circular")
        return _state(inputs + F.conv1d(wide, kernel), memory)

    def edge_repeated(inputs, hidden, memory, kernel, n_before):
        """Beside the line its last pixel is read again. There are zeros."""
        n_after = kernel.shape[2] - 1 - n_before
        wide = F.pad(hidden, (n_before, n_after), mode="replicate")
        return _state(inputs + F.conv1d(wide, kernel), memory)

    def the_pixel_itself_alone(inputs, hidden, memory, kernel, n_before):
        """Only the pixel's own tap is used: its neighbours in the line before are not read."""
        own = kernel[:, :, n_before : n_before + 1]
        return _state(inputs + F.conv1d(hidden, own), memory)

    def memory_first(inputs, hidden, memory, kernel, n_before):
        """The two results are exchanged: hidden comes first, then memory."""
        return reference(inputs, hidden, memory, kernel, n_before)[::-1]

    @says(TWO)
    def hidden_alone(inputs, hidden, memory, kernel, n_before):
        return reference(inputs, hidden, memory, kernel, n_before)[0]

    def the_gates(inputs, hidden, memory, kernel, n_before):
        """These are the gates. What is asked for are hidden and memory of the line."""
        return gates_of(inputs, hidden, kernel, n_before).chunk(4, dim=1)


@lstm_step.right
def tap_by_tap(inputs, hidden, memory, kernel, n_before):
    gates, length = inputs.clone(), hidden.shape[2]
    for tap in range(kernel.shape[2]):
        for pixel in range(length):
            source = pixel + tap - n_before
            if 0 <= source < length:
                read = hidden[:, :, source] @ kernel[:, :, tap].T
                gates = gates + F.pad(read[:, :, None], (pixel, length - 1 - pixel))
    output, forget, write, value = gates.split(hidden.shape[1], dim=1)
    memory = forget.sigmoid() * memory + write.sigmoid() * value.tanh()
    return output.sigmoid() * memory.tanh(), memory


@lstm_step.right
def by_products(inputs, hidden, memory, kernel, n_before):
    length, taps = hidden.shape[2], kernel.shape[2]
    wide = F.pad(hidden, (n_before, taps - 1 - n_before))
    shifted = torch.stack([wide[:, :, t : t + length] for t in range(taps)], dim=-1)
    o, f, i, g = (inputs + torch.einsum("bcnt,oct->bon", shifted, kernel)).chunk(4, dim=1)
    memory = torch.sigmoid(f).mul(memory).add(torch.sigmoid(i).mul(torch.tanh(g)))
    return [torch.sigmoid(o).mul(torch.tanh(memory)), memory]
