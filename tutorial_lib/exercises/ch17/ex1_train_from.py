"""Exercise 17.1: stopped and resumed, to the last bit."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial

IN_PLACE = "A checkpoint that training changes is none: build a new dict with new tensors."


def reference(state: dict, data: Tensor, n_steps: int, noise: float) -> dict:
    """n_steps of noisy training from a state; returns the whole state that they end in.

    All that the next step reads is in the state: weight, momentum, step and random numbers.
    """
    weight, momentum, step = state["weight"], state["momentum"], state["step"]
    generator = torch.Generator()
    generator.set_state(state["rng"])
    for _ in range(n_steps):
        drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        gradient = weight - data[step % len(data)] + noise * drawn
        momentum = momentum / 2 + gradient
        weight = weight - momentum / (2 * (step + 1))
        step += 1
    return {"weight": weight, "momentum": momentum, "step": step, "rng": generator.get_state()}


train_from = Exercise(
    "17.1",
    "What a checkpoint must hold",
    goal="Write a training loop that, stopped and resumed, ends on the same weights bit for bit.",
    minutes=20,
    reference=reference,
    when_changed={"state": IN_PLACE},
    otherwise="The state at the end is another one.",
    stub='''\
def train_from(state: dict, data: torch.Tensor, n_steps: int, noise: float) -> dict:
    """n_steps of training that go on where `state` left off; returns the state at their end.

    A call of 3 steps and, from what it returns, a call of 4 must end where one call of 7 ends.

    state    "weight" (D,), "momentum" (D,), "step": the steps taken so far, over all calls, and
             "rng": the state of a torch.Generator (get_state, set_state). Nothing in the dict
             that was handed in may change
    data     (N, D). Step t, counted from 0 over all calls, sees row t mod N
    noise    each step draws n = torch.randn of weight's shape and dtype from the generator
    returns  a new dict with the same four entries

    One step: gradient g = weight - row + noise * n,   momentum <- momentum / 2 + g,
              weight <- weight - momentum / (2 (t + 1))

    By hand: no noise, data [[0], [2]], weight [1], momentum [0], step 0. Step 0: g = 1, momentum 1,
             weight 1 - 1/2 = 0.5. Step 1: g = -1.5, momentum -1, weight 0.5 + 1/4 = 0.75
    """
    ____
''',
    answer="""\
def train_from(state, data, n_steps, noise):
    weight, momentum, step = state["weight"], state["momentum"], state["step"]
    generator = torch.Generator()
    generator.set_state(state["rng"])
    for t in range(step, step + n_steps):
        row = data[t % len(data)]
        n = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        gradient = weight - row + noise * n
        momentum = momentum / 2 + gradient
        weight = weight - momentum / (2 * (t + 1))  # a new tensor
    return {
        "weight": weight,
        "momentum": momentum,
        "step": step + n_steps,
        "rng": generator.get_state(),
    }
""",
    hints=(
        """Whatever a step reads that an earlier step has left behind has to come out of `state`
        and go back into it. Go through the three lines of a step and list it.""",
        """`generator = torch.Generator()`, `generator.set_state(state["rng"])`,
        `torch.randn(shape, generator=generator, dtype=...)`, and `generator.get_state()` at
        the end. The step counts on from `state["step"]`.""",
        """If one call of 7 is right and 3 + 4 is not, something starts afresh in every call: the
        momentum, the count of the steps, or the random numbers.""",
    ),
)

PARTS = ("weight", "momentum", "step", "rng")


def _trial(rng: torch.Generator, dim: int, n_steps: int, *, step: int, noise: float) -> Trial:
    """A state in the midst of a run: nothing in it is zero, and random numbers were drawn."""
    numbers = torch.Generator().manual_seed(int(torch.randint(1, 10**6, (), generator=rng)))
    torch.randn(step, generator=numbers)
    momentum = 1 + torch.randn(dim, generator=rng, dtype=torch.float64).abs()
    state = {
        "weight": torch.randn(dim, generator=rng, dtype=torch.float64),
        "momentum": momentum if step else torch.zeros_like(momentum),
        "step": step,
        "rng": numbers.get_state(),
    }
    return Trial((state, 3 * torch.randn(5, dim, generator=rng).double(), n_steps, noise))


@train_from.reads
def read(value: object, trial: Trial) -> Tensor:
    """Weight, momentum, step, and what the generator would draw next, in one row."""
    if not isinstance(value, dict) or set(value) != set(PARTS):
        found = sorted(map(str, value)) if isinstance(value, dict) else type(value).__name__
        told = f"Expected a dict with the entries {', '.join(PARTS)}; got {found}."
        raise Failed(Failure("The result is not a whole state.", told))
    shape = trial.args[0]["weight"].shape
    weight, momentum = (tensor_result(value[name], shape) for name in PARTS[:2])
    return torch.cat([weight, momentum, _step(value["step"]), _next_draw(value["rng"])])


def _step(step: object) -> Tensor:
    whole = isinstance(step, int) or (isinstance(step, Tensor) and step.numel() == 1)
    if not whole or isinstance(step, bool):
        told = f"Expected a whole number, got a value of type {type(step).__name__}."
        raise Failed(Failure('"step" is not a number of steps.', told))
    return torch.tensor([float(step)], dtype=torch.float64)


def _next_draw(rng: object) -> Tensor:
    generator = torch.Generator()
    try:
        generator.set_state(rng)
    except (TypeError, RuntimeError) as error:
        told = f"set_state does not take what came back, of type {type(rng).__name__}."
        raise Failed(Failure('"rng" is not the state of a torch.Generator.', told)) from error
    return torch.randn(1, generator=generator, dtype=torch.float64)


@train_from.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    state, data, n_steps, _ = trial.args
    (i,) = first_difference(got, want)
    dim = data.shape[1]
    part = PARTS[min(i // dim, 2) if i <= 2 * dim else 3]
    what = "the next number drawn from the returned rng" if part == "rng" else f"`{part}`"
    return (
        f"{n_steps} steps from a state that has {state['step']} behind it, with "
        f"{len(data)} rows of data: {what} should be {number(want[i])}. Your function says "
        f"{number(got[i])}."
    )


@train_from.also_try
def more(rng):
    return [_trial(rng, 2, 3, step=step, noise=0.5) for step in (0, 7)]


def _not_the_same(one: Tensor, other: Tensor) -> Failure | None:
    if torch.equal(one, other):
        return None
    gap = (one - other).abs().max()
    told = f"One call of 7 steps and calls of 3 and 4 end {number(gap)} apart."
    return Failure("Stopped and resumed, the run ends on other weights.", told)


@train_from.trials("steps from the very start, without noise")
def from_the_start(rng):
    """No noise, nothing behind: what a loop that keeps no state gets right."""
    return [_trial(rng, 2, 6, step=0, noise=0.0)]


train_from.trials("with noise, drawn from the state's generator")(
    lambda rng: [_trial(rng, 3, 4, step=0, noise=0.5)]
)


@train_from.judge("from the midst of a run, at once and in two calls", points=2)
def resumed(candidate, rng: torch.Generator) -> Failure | None:
    """From the midst of a run; then in two calls, which must end in the very bits of one."""
    trial = _trial(rng, 2, 7, step=9, noise=0.5)
    failure = train_from.compare(candidate, [trial], more(rng))
    if failure:
        return failure
    state, data, n_steps, noise = trial.args
    at_once = candidate(state, data, n_steps, noise)
    in_two = candidate(candidate(state, data, 3, noise), data, n_steps - 3, noise)
    return _not_the_same(at_once["weight"], in_two["weight"])


def _generator(state):
    generator = torch.Generator()
    generator.set_state(state["rng"])
    return generator


def _run(state, data, n_steps, noise, *, momentum=None, step=None, generator=None, row=None):
    """The steps, with a part of the state replaced; (weight, momentum, step, generator)."""
    weight = state["weight"]
    momentum = state["momentum"] if momentum is None else momentum
    step = state["step"] if step is None else step
    generator = generator or _generator(state)
    for i in range(n_steps):
        drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        place = (step if row is None else row + i) % len(data)
        momentum = momentum / 2 + weight - data[place] + noise * drawn
        weight = weight - momentum / (2 * (step + 1))
        step += 1
    return weight, momentum, step, generator


def _state(weight, momentum, step, generator):
    return {"weight": weight, "momentum": momentum, "step": step, "rng": generator.get_state()}


def _wrong_step(name: str, told: str, **parts) -> None:
    """The lines of a step, one of them replaced; the rest of the loop is right.

    gradient(weight, row, noise, drawn), moved(momentum, gradient), after(weight, moved, t, i): i
    counts from 0 in this call; row(data, t)
    """
    row = parts.get("row", lambda data, t: data[t % len(data)])
    gradient = parts.get("gradient", lambda weight, row, noise, drawn: weight - row + noise * drawn)
    moved = parts.get("moved", lambda momentum, gradient: momentum / 2 + gradient)
    after = parts.get("after", lambda weight, moved, t, i, gradient: weight - moved / (2 * (t + 1)))

    def function(state, data, n_steps, noise):
        weight, momentum, step = state["weight"], state["momentum"], state["step"]
        generator = _generator(state)
        for i in range(n_steps):
            drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            g = gradient(weight, row(data, step + i), noise, drawn)
            momentum = moved(momentum, g)
            weight = after(weight, momentum, step + i, i, g)
        return _state(weight, momentum, step + n_steps, generator)

    function.__name__ = name
    train_from.wrong(told)(function)


_wrong_step(
    "constant rate",
    "The rate does not fall: every step moves the weight by half of the momentum. It is divided by "
    "2 (t + 1).",
    after=lambda weight, moved, t, i, g: weight - moved / 2,
)
_wrong_step(
    "precedence",
    "`/ 2 * (t + 1)` divides by 2 and then *multiplies* by t + 1. Put brackets around 2 * (t + 1).",
    after=lambda weight, moved, t, i, g: weight - moved / 2 * (t + 1),
)
_wrong_step(
    "rate of this call",
    "The rate counts from 0 in every call, so a resumed run repeats the large steps of the start.",
    after=lambda weight, moved, t, i, g: weight - moved / (2 * (i + 1)),
)
_wrong_step(
    "rate without the 2",
    "The rate is 1 / (t + 1), and the momentum is to be divided by 2 (t + 1).",
    after=lambda weight, moved, t, i, g: weight - moved / (t + 1),
)
_wrong_step(
    "rate of an odd number",
    "The rate is 1 / (2 t + 1). The 1 belongs to t: 2 (t + 1) is 2 t + 2.",
    after=lambda weight, moved, t, i, g: weight - moved / (2 * t + 1),
)
_wrong_step(
    "rate of the step after",
    "The rate is that of the step after: steps are counted from 0, and step 0 divides by 2.",
    after=lambda weight, moved, t, i, g: weight - moved / (2 * (t + 2)),
)
_wrong_step(
    "upwards",
    "The momentum is added to the weight. The way down is the other one.",
    after=lambda weight, moved, t, i, g: weight + moved / (2 * (t + 1)),
)
_wrong_step(
    "gradient alone",
    "The weight moves by the gradient alone. It moves by the momentum, which the gradient joins.",
    after=lambda weight, moved, t, i, g: weight - g / (2 * (t + 1)),
)
_wrong_step(
    "momentum not halved",
    "The momentum is not halved before the gradient is added, so old gradients never fade.",
    moved=lambda momentum, gradient: momentum + gradient,
)
_wrong_step(
    "momentum and gradient halved",
    "The gradient is halved along with the momentum. Only the old momentum is.",
    moved=lambda momentum, gradient: (momentum + gradient) / 2,
)
_wrong_step(
    "momentum of 0.9",
    "The momentum is multiplied by 0.9. Here it is halved.",
    moved=lambda momentum, gradient: 0.9 * momentum + gradient,
)
_wrong_step(
    "momentum forgotten",
    "The momentum is the last gradient alone: what earlier steps left behind is thrown away.",
    moved=lambda momentum, gradient: gradient,
)
_wrong_step(
    "gradient turned round",
    "The gradient has the wrong sign: it is weight - row, not row - weight.",
    gradient=lambda weight, row, noise, drawn: row - weight + noise * drawn,
)
_wrong_step(
    "noise taken off",
    "The noise is subtracted. The gradient is weight - row *plus* noise times n.",
    gradient=lambda weight, row, noise, drawn: weight - row - noise * drawn,
)
_wrong_step(
    "noise at full strength",
    "What is drawn is not multiplied by `noise`.",
    gradient=lambda weight, row, noise, drawn: weight - row + drawn,
)
_wrong_step(
    "no noise",
    "No noise is in the gradient: what is drawn plays no part.",
    gradient=lambda weight, row, noise, drawn: weight - row,
)
_wrong_step(
    "one number for all weights",
    "All weights get the same random number. Each has one of its own.",
    gradient=lambda weight, row, noise, drawn: weight - row + noise * drawn[:1],
)
_wrong_step(
    "the row after",
    "Every step sees the row after its own. Step t sees row t mod N, and step 0 row 0.",
    row=lambda data, t: data[(t + 1) % len(data)],
)
_wrong_step(
    "mean of the data",
    "Every step sees the mean of the data. Step t sees row t mod N.",
    row=lambda data, t: data.mean(dim=0),
)
_wrong_step(
    "the first row",
    "Every step sees row 0. Step t sees row t mod N.",
    row=lambda data, t: data[0],
)
_wrong_step(
    "mod D",
    "The rows are counted modulo D, the length of a row. There are N of them, `len(data)`.",
    row=lambda data, t: data[t % data.shape[1]],
)

_wrong_step(
    "row added",
    "The row is added in the gradient. It is weight *minus* row: the weight is drawn to the data.",
    gradient=lambda weight, row, noise, drawn: weight + row + noise * drawn,
)

SEEDED = (
    "The generator is seeded in every call, so each call draws the same noise. Its state has to "
    'come from `state["rng"]`.'
)


def _seeded(seed: int):
    def function(state, data, n_steps, noise):
        generator = torch.Generator().manual_seed(seed)
        return _state(*_run(state, data, n_steps, noise, generator=generator))

    function.__name__ = f"seeded with {seed}"
    return function


for seed in (0, 1, 42, 123, 1234, torch.Generator().initial_seed()):
    train_from.wrong(SEEDED)(_seeded(seed))


@train_from.mistakes
class Mistakes:
    def momentum_starts_afresh(state, data, n_steps, noise):
        """The momentum starts at 0 in every call. It belongs to the state: the optimiser's memory
        of earlier gradients."""
        zero = torch.zeros_like(state["momentum"])
        return _state(*_run(state, data, n_steps, noise, momentum=zero))

    def the_step_starts_afresh(state, data, n_steps, noise):
        """The step is counted from 0 in every call, so a resumed run repeats the large steps of the
        start and the rows it has seen."""
        weight, momentum, step, generator = _run(state, data, n_steps, noise, step=0)
        return _state(weight, momentum, step + state["step"], generator)

    @says(" ".join(the_step_starts_afresh.__doc__.split()))
    def the_step_starts_afresh_and_is_returned(state, data, n_steps, noise):
        return _state(*_run(state, data, n_steps, noise, step=0))

    def one_more_counted(state, data, n_steps, noise):
        """The returned "step" is one too high: n_steps steps were taken."""
        after = _state(*_run(state, data, n_steps, noise))
        return {**after, "step": after["step"] + 1}

    def noise_on_the_weight(state, data, n_steps, noise):
        """The noise is added to the weight. It belongs in the gradient, and so in the momentum."""
        weight, momentum, step = state["weight"], state["momentum"], state["step"]
        generator = _generator(state)
        for t in range(step, step + n_steps):
            drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            momentum = momentum / 2 + weight - data[t % len(data)]
            weight = weight - momentum / (2 * (t + 1)) + noise * drawn
        return _state(weight, momentum, step + n_steps, generator)

    def uniform_noise(state, data, n_steps, noise):
        """The noise is drawn evenly from 0 to 1, by `rand`. `randn` draws from a bell curve around
        0."""
        weight, momentum, step = state["weight"], state["momentum"], state["step"]
        generator = _generator(state)
        for t in range(step, step + n_steps):
            drawn = torch.rand(weight.shape, generator=generator, dtype=weight.dtype)
            momentum = momentum / 2 + weight - data[t % len(data)] + noise * drawn
            weight = weight - momentum / (2 * (t + 1))
        return _state(weight, momentum, step + n_steps, generator)

    def one_step_too_many(state, data, n_steps, noise):
        """One step too many is taken."""
        return _state(*_run(state, data, n_steps + 1, noise))

    def one_step_too_few(state, data, n_steps, noise):
        """One step too few is taken."""
        return _state(*_run(state, data, n_steps - 1, noise))

    def up_to_n_steps(state, data, n_steps, noise):
        """The loop ends at step n_steps of the whole run. n_steps counts those of this call: stop
        at state["step"] + n_steps."""
        return _state(*_run(state, data, max(0, n_steps - state["step"]), noise))

    def old_weight_returned(state, data, n_steps, noise):
        """The returned "weight" is that of the beginning: the training is lost."""
        return {**_state(*_run(state, data, n_steps, noise)), "weight": state["weight"]}

    def nothing_drawn_without_noise(state, data, n_steps, noise):
        """With noise 0 nothing is drawn. Every step draws, so that "rng" counts on with the
        steps."""
        after = _state(*_run(state, data, n_steps, noise))
        return after if noise else {**after, "rng": state["rng"]}

    def rng_back_to_where_it_was_seeded(state, data, n_steps, noise):
        """The returned "rng" is that of a new generator. It is what the state's generator has come
        to: `generator.get_state()`."""
        new = torch.Generator().get_state()
        return {**_state(*_run(state, data, n_steps, noise)), "rng": new}

    def the_data_start_afresh(state, data, n_steps, noise):
        """Every call begins with row 0 again: a resumed run sees the first rows twice."""
        return _state(*_run(state, data, n_steps, noise, row=0))

    def old_random_numbers_returned(state, data, n_steps, noise):
        """The returned "rng" is that of the beginning, so the next call draws the same noise
        again."""
        return {**_state(*_run(state, data, n_steps, noise)), "rng": state["rng"]}

    def the_steps_of_this_call(state, data, n_steps, noise):
        """The returned "step" is that of this call alone. It has to count on from the state's."""
        return {**_state(*_run(state, data, n_steps, noise)), "step": n_steps}

    def old_step_returned(state, data, n_steps, noise):
        """The returned "step" is that of the beginning: the steps of this call are lost."""
        return {**_state(*_run(state, data, n_steps, noise)), "step": state["step"]}

    def old_momentum_returned(state, data, n_steps, noise):
        """The returned "momentum" is that of the beginning; the weights have moved on."""
        return {**_state(*_run(state, data, n_steps, noise)), "momentum": state["momentum"]}

    def steps_counted_from_1(state, data, n_steps, noise):
        """Steps are counted from 1, so each takes the row and the rate of its successor."""
        weight, momentum, _, generator = _run(state, data, n_steps, noise, step=state["step"] + 1)
        return _state(weight, momentum, state["step"] + n_steps, generator)

    def one_draw_for_all_steps(state, data, n_steps, noise):
        """Noise is drawn once a call. Every step draws its own."""
        weight, momentum, step = state["weight"], state["momentum"], state["step"]
        generator = _generator(state)
        drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        for _ in range(n_steps):
            momentum = momentum / 2 + weight - data[step % len(data)] + noise * drawn
            weight = weight - momentum / (2 * (step + 1))
            step += 1
        return _state(weight, momentum, step, generator)

    def the_old_momentum_moves_the_weight(state, data, n_steps, noise):
        """The weight moves by the momentum of the step before. The gradient goes in first."""
        weight, momentum, step = state["weight"], state["momentum"], state["step"]
        generator = _generator(state)
        for _ in range(n_steps):
            drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            gradient = weight - data[step % len(data)] + noise * drawn
            weight = weight - momentum / (2 * (step + 1))
            momentum = momentum / 2 + gradient
            step += 1
        return _state(weight, momentum, step, generator)

    @says(IN_PLACE)
    def in_place(state, data, n_steps, noise):
        weight, momentum, step, generator = _run(state, data, n_steps, noise)
        state["weight"].copy_(weight)
        state["momentum"].copy_(momentum)
        return {**state, "step": step, "rng": generator.get_state()}


def _step_by_step(state, data, left, noise):
    if left == 0:
        return state
    generator, t = _generator(state), state["step"]
    drawn = torch.randn(data.shape[1], generator=generator, dtype=data.dtype)
    gradient = state["weight"] - data[t % len(data)] + noise * drawn
    momentum = state["momentum"] * 0.5 + gradient
    weight = state["weight"] - momentum / (2 * t + 2)
    after = {"weight": weight, "momentum": momentum, "step": t + 1, "rng": generator.get_state()}
    return _step_by_step(after, data, left - 1, noise)


@train_from.right
def with_the_global_generator(state, data, n_steps, noise):
    torch.set_rng_state(state["rng"])
    weight, momentum = state["weight"].clone(), state["momentum"].clone()
    for t in range(state["step"], state["step"] + n_steps):
        g = weight - data[t % len(data)] + noise * torch.randn(len(weight), dtype=weight.dtype)
        momentum.mul_(0.5).add_(g)
        weight.sub_(momentum / (2 * (t + 1)))
    return dict(
        weight=weight, momentum=momentum, step=state["step"] + n_steps, rng=torch.get_rng_state()
    )


@train_from.right
def one_step_at_a_time(state, data, n_steps, noise):
    return _step_by_step(dict(state), data, n_steps, noise)
