"""Faults of a training: a loss that is no number, another configuration, other numbers."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import torch

from drills import Drill, small_run
from drills.small_run import (
    CONFIG,
    N_EXAMPLES,
    N_STEPS,
    at_step,
    images,
    in_a_folder,
    model,
    saved_step,
    train,
)
from tutorial_lib.data import Split
from tutorial_lib.pixels.config import settings_of
from tutorial_lib.training.checkpoint import CheckpointError
from tutorial_lib.training.config import TrainingDiverged, learning_rate_at

# --------------------------------------------------------------------------------- no number


def infinite_slope(metrics: dict) -> dict:
    """The same loss, whose gradient is no number: the root of 0."""
    loss = metrics["loss"]
    return {**metrics, "loss": loss + (0 * loss).abs().sqrt()}


def diverges(out: Path, rng: Random) -> str | None:
    """The error tells step, rate, checkpoint and remedy; the checkpoint is good and goes on."""
    broken, log_every, saves = rng.randint(1, N_STEPS), rng.randint(1, 7), rng.random() < 0.7
    value = rng.choice([float("nan"), float("inf"), float("-inf"), None])

    def happens(metrics: dict) -> dict:
        if value is None:
            return infinite_slope(metrics)
        return {**metrics, "loss": metrics["loss"] + value}

    options = {"log_every": log_every, "save_every_seconds": -1.0 if saves else 1e9}
    try:
        train(model(), out, step=at_step(broken, happens), **options)
    except TrainingDiverged as error:
        told = str(error)
    else:
        return f"nothing was said of a loss that broke in step {broken}"
    ends = [n for n in range(broken, N_STEPS + 1) if n % log_every == 0 or n % 6 == 0]
    noticed = broken if saves else ends[0]
    rate = learning_rate_at(noticed - 1, N_STEPS, CONFIG)
    last = broken - 1 if saves else 0
    kept = f"checkpoint is {out / 'checkpoint.safetensors'}" if last else "No checkpoint was saved"
    wanted = [f"in step {broken} of {N_STEPS} ", f"seen after step {noticed}, "]
    wanted += [f"rate {rate:.2g}).", kept, "lower learning rate"]
    missing = [each for each in wanted if each not in told]
    if missing:
        return f"not told: {missing} in {told!r}"
    if saved_step(out) != last:
        return f"the checkpoint is of step {saved_step(out)}, not {last}"
    return small_run.goes_on(out, log_every)


# ------------------------------------------------------------------------ another configuration

CHANGES = {
    "epochs": (1, 2),  # more of them would go on with a run that has finished
    "minutes": (0.5, 2.0),
    "batch_size": (3, 8),
    "learning_rate": (0.02, 1e-4),
    "warmup": (0.0, 0.3),
    "weight_decay": (0.1, 1.0),
    "clip_norm": (0.5, 2.0),
    "average": (0.0, 0.5),
    "precision": ("bf16", "fp16"),
    "seed": (0, 6),
}
OF_THE_MODEL = {"n_channels": (6, 8), "n_layers": (1, 3), "kernel_size": (5,)}


def other_configurations(rounds: int, rng: Random) -> Iterator[str | None]:
    """One to three fields are others: refused, each named with both values, nothing touched."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(model(), out)
        before = {path: path.read_bytes() for path in out.iterdir()}
        for _ in range(rounds):
            fields = rng.sample([*CHANGES, *OF_THE_MODEL], rng.randint(1, 3))
            chosen = {field: rng.choice((CHANGES | OF_THE_MODEL)[field]) for field in fields}
            told = refusal(out, chosen)
            touched = [path for path in out.iterdir() if path.read_bytes() != before[path]]
            yield told or (f"{touched} is not as it was" if touched else None)


def refusal(out: Path, chosen: dict) -> str | None:
    """What is wrong with how a run with these fields is refused, if anything."""
    made = small_run.Images(**{k: v for k, v in chosen.items() if k in OF_THE_MODEL})
    config = replace(CONFIG, **{k: v for k, v in chosen.items() if k in CHANGES})
    try:
        train(made, out, config)
    except CheckpointError as error:
        told = str(error)
    else:
        return f"a run with other {', '.join(chosen)} went on"
    there = {**vars(CONFIG), **settings_of(model())}
    wanted = [f"{k}: the run has {there[k]!r}, you ask for {v!r}" for k, v in chosen.items()]
    missing = [each for each in wanted if each not in told]
    return f"not told: {missing} in {told[:300]!r}" if missing else small_run.unusable(made) or None


# ----------------------------------------------------------------------------- the same numbers


def same_numbers(out: Path, rng: Random) -> str | None:
    """A random configuration, trained twice; the second time cut up to three times."""
    config = replace(
        CONFIG,
        batch_size=rng.randint(2, 6),
        average=rng.choice([0.0, 0.4]),
        weight_decay=rng.choice([0.0, 0.1]),
        precision=rng.choice(["no", "no", "bf16", "fp16"]),
        seed=rng.randrange(1000),
    )
    one, other = out / "one", out / "other"
    first = model()
    n_steps = train(first, one, config).step
    for stop in sorted(rng.sample(range(1, n_steps), rng.randint(0, 3))):
        done = saved_step(other)
        train(model(), other, config, step=at_step(stop - done, press_stop))
        if saved_step(other) != stop:
            return f"stopped in step {stop}, it saved step {saved_step(other)}"
    second = model()
    train(second, other, config)
    same = small_run.ends(first, one) == small_run.ends(second, other)
    return None if same else f"other numbers with {config}"


def press_stop(metrics: dict) -> None:
    signal.raise_signal(signal.SIGINT)


def loader_workers(rounds: int, rng: Random) -> Iterator[str | None]:
    """A DataLoader over a Split, its generator seeded: as many workers as one likes."""
    for _ in range(rounds):
        n, seed = rng.randint(1, N_EXAMPLES), rng.randrange(1000)
        split = Split(images(n)[0], torch.arange(n))
        options = {"batch_size": rng.randint(1, 8), "shuffle": True}
        alone, helped = (
            [
                (levels.tolist(), labels.tolist())
                for levels, labels in torch.utils.data.DataLoader(
                    split,
                    num_workers=n_workers,
                    generator=torch.Generator().manual_seed(seed),
                    **options,
                )
            ]
            for n_workers in (0, rng.randint(1, 3))
        )
        yield None if alone == helped else f"{n} examples, seed {seed}: other batches"


DRILLS = (
    Drill("training: loss or gradient no number", in_a_folder(diverges), 100, 3),
    Drill("training: another configuration", other_configurations, 300, 12),
    Drill("training: the same seed, cut or not", in_a_folder(same_numbers), 100, 3),
    Drill("training: workers of a loader", loader_workers, 30, 2),
)
