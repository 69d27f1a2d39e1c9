"""A training is killed at random moments and resumed: does it end on the same bits?

Two small models are trained on the embedded garments, each in a process of its own: a VQ-VAE with
an EMA codebook whose dead codes are restarted at random, and a Gaussian VAE that draws noise in
every step and ends with the mean of its weights. First a run is left alone. Then, round by round,
the same run is killed with SIGKILL, which no program can catch: once to three times, each at a
random step and a random moment within it, in every second round while the checkpoint is being
written. It is started again each time and at last comes to its end.

Compared with the run that was left alone, bit for bit: the final weights, all that is in the last
checkpoint (weights, optimiser, mean of the weights, random numbers), and the rows of
metrics.jsonl without their times. A difference ends the script with exit status 1.

    python benchmarks/kill_and_resume.py                    minutes; results/kill_and_resume.json
    python benchmarks/kill_and_resume.py --quick --out F    two rounds of one model
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from tqdm.auto import tqdm

from tutorial_lib import data
from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.recipes.image_model import vae_step
from tutorial_lib.recipes.results import provenance
from tutorial_lib.recipes.two_stage import vqvae_step
from tutorial_lib.training.checkpoint import read_tensors, write_tensors
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit

RESULT = Path(__file__).parent / "results" / "kill_and_resume.json"
N_LEVELS = 16
MOST_TRIES = 20  # to hit a checkpoint while it is being written


@dataclass(frozen=True)
class Settings:
    """What is trained and how often it is killed."""

    models: tuple[str, ...] = ("vqvae", "vae")
    rounds: int = 10
    most_kills: int = 3  # in a round
    n_images: int = 1024
    n_held_out: int = 64
    batch_size: int = 16
    epochs: int = 3
    log_every: int = 7
    save_every_seconds: float = 0.3
    threads: int = 1
    seed: int = 0


QUICK = Settings(
    models=("vqvae",), rounds=2, most_kills=1, n_images=256, n_held_out=16, save_every_seconds=0.1
)


# ------------------------------------------------------------------------- the run that is killed


def model_and_step(name: str):
    """A fresh model and what one step of its training does."""
    torch.manual_seed(1)
    if name == "vqvae":
        shape = {"n_codes": 256, "code_dim": 16, "n_channels": 16, "n_blocks": 1}
        return VQVAE(in_channels=1, n_levels=N_LEVELS, **shape), vqvae_step
    if name == "vae":
        return GaussianVAE(n_levels=N_LEVELS, code_dim=8, n_channels=8), vae_step
    raise ValueError(f"models are vqvae and vae, got {name!r}")


def train(name: str, folder: Path, settings: Settings) -> None:
    """Train in `folder`, or go on there; every step leaves a byte in the file `steps`."""
    torch.set_num_threads(settings.threads)
    tqdm.set_lock(threading.RLock())  # its own is shared among processes, and a killed one leaks it
    garments = data.load("fashion-mnist-sample").with_n_levels(N_LEVELS)
    model, step = model_and_step(name)

    def counted_step(model, levels):
        if torch.is_grad_enabled():
            with open(folder / "steps", "ab", buffering=0) as file:
                file.write(b".")
        return step(model, levels)

    config = FitConfig(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=2e-3,
        average=0.2 if name == "vae" else 0.0,
    )
    fit(
        model,
        counted_step,
        (garments.train.levels[: settings.n_images],),
        config,
        valid=(garments.valid.levels[: settings.n_held_out],),
        out=folder / "run",
        progress=False,
        log_every=settings.log_every,
        save_every_seconds=settings.save_every_seconds,
    )
    write_tensors(folder / "end.safetensors", model.state_dict(), {})


def starter():
    """Starts processes: forked, where it can be done, from one that has imported torch already."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([each.__module__ for each in (fit, vqvae_step, vae_step)])
    return context


def begin(name: str, folder: Path, settings: Settings):
    """A process that trains in `folder`, started and not waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "steps").write_bytes(b"")
    process = starter().Process(target=train, args=(name, folder, settings))
    process.start()
    return process


def come_to_the_end(name: str, folder: Path, settings: Settings) -> float:
    """Run to the end and return the seconds it took. RuntimeError if the training fails."""
    began = time.monotonic()
    process = begin(name, folder, settings)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"the training in {folder} failed with exit status {process.exitcode}")
    return time.monotonic() - began


# --------------------------------------------------------------------------------- killing it


def saved_step(folder: Path) -> int:
    """The step of the checkpoint, 0 without one."""
    checkpoint = folder / "run" / "checkpoint.safetensors"
    return read_tensors(checkpoint)[1]["history"]["step"] if checkpoint.exists() else 0


def is_saving(folder: Path) -> bool:
    """Whether a checkpoint is half written."""
    return any(name.endswith(".part") for name in os.listdir(folder / "run"))


@dataclass(frozen=True)
class Kill:
    """One death: the step it was in, the step of the checkpoint it left, and if it was saving."""

    at_step: int
    resumed_from: int
    saving: bool


def kill(
    name: str, folder: Path, settings: Settings, at_step: int, delay: float, saving: bool
) -> Kill:
    """Start the run and kill it `delay` seconds into a step, or at the first save after it."""
    started_from = saved_step(folder)
    process = begin(name, folder, settings)
    while (folder / "steps").stat().st_size < at_step - started_from and process.is_alive():
        time.sleep(0.0005)
    time.sleep(delay)
    while saving and process.is_alive() and not is_saving(folder):
        pass  # a save takes milliseconds: look all the time
    process.kill()
    process.join()
    if process.exitcode == 0:
        raise RuntimeError(f"the training in {folder} ended before it could be killed")
    taken = started_from + (folder / "steps").stat().st_size
    return Kill(taken, saved_step(folder), is_saving(folder))


def play(name: str, round_: int, reference: Path, folder: Path, settings: Settings) -> dict:
    """One round: kills, resumptions and the comparison, as a row of the table."""
    chance = random.Random(f"{settings.seed} {name} {round_}")
    n_steps = settings.epochs * (settings.n_images // settings.batch_size)
    saving = round_ % 2 == 0
    kills: list[Kill] = []
    last = 0.8 if saving else 0.95  # the next save has to come before the end
    n_kills = chance.randint(1, settings.most_kills)
    moments = sorted(chance.randint(1, int(last * n_steps)) for _ in range(n_kills))
    for at_step in moments:
        for _ in range(MOST_TRIES if saving else 1):
            at_step = max(at_step, saved_step(folder) + 1)
            kills.append(kill(name, folder, settings, at_step, chance.uniform(0, 0.03), saving))
            if kills[-1].saving or kills[-1].at_step > last * n_steps:
                break
    come_to_the_end(name, folder, settings)
    return {
        "model": name,
        "round": round_,
        "steps": n_steps,
        "kills": [asdict(each) for each in kills],
        "differing": differing(reference, folder),
    }


def differing(one: Path, other: Path) -> list[str]:
    """What differs between the ends of two runs: tensors of their files, rows of metrics."""
    found = []
    for file in ("end.safetensors", "run/checkpoint.safetensors"):
        a, b = (bits_of(folder / file) for folder in (one, other))
        found += [f"{file}: {k}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
    rows = [untimed_rows(folder / "run" / "metrics.jsonl") for folder in (one, other)]
    return found + (["run/metrics.jsonl"] if rows[0] != rows[1] else [])


def bits_of(path: Path) -> dict[str, tuple]:
    """Type, shape and bytes of every tensor in a file."""
    tensors, _ = read_tensors(path)
    return {k: (t.dtype, tuple(t.shape), t.numpy().tobytes()) for k, t in tensors.items()}


def untimed_rows(path: Path) -> list[dict]:
    """The rows of a metrics file, without the seconds."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


# ------------------------------------------------------------------------------------- report


def table(rows: list[dict]) -> str:
    """One line for each round; an asterisk marks a kill while a checkpoint was being written."""
    lines = ["model  round  killed in step      resumed from step   weights, state and rows"]
    for row in rows:
        killed = ", ".join(f"{k['at_step']}{'*' if k['saving'] else ''}" for k in row["kills"])
        resumed = ", ".join(str(k["resumed_from"]) for k in row["kills"])
        verdict = f"{len(row['differing'])} DIFFER" if row["differing"] else "bit-identical"
        lines.append(f"{row['model']:<6} {row['round']:>5}  {killed:<18}  {resumed:<18}  {verdict}")
    kills = [k for row in rows for k in row["kills"]]
    same = sum(not row["differing"] for row in rows)
    lines.append(
        f"{len(kills)} kills, {sum(k['saving'] for k in kills)} of them while saving (*): "
        f"{same} of {len(rows)} runs of {rows[0]['steps']} steps ended bit-identical"
    )
    return "\n".join(lines)


def main(
    settings: Annotated[Settings, tyro.conf.arg(name="")] = Settings(),  # noqa: B008
    *,
    quick: bool = False,
    out: Path = RESULT,
) -> None:
    """Kill trainings at random moments, resume them and compare their ends.

    settings: what is trained and how often it is killed
    quick: two rounds of one model
    out: the JSON file to be written
    """
    settings = QUICK if quick else settings
    rows = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        tqdm(total=len(settings.models) * (settings.rounds + 1), desc="runs", unit="run") as bar,
    ):
        for name in settings.models:
            reference = Path(scratch) / name
            come_to_the_end(name, reference, settings)
            bar.update()
            for round_ in range(1, settings.rounds + 1):
                folder = Path(scratch) / f"{name}-{round_}"
                rows.append(play(name, round_, reference, folder, settings))
                bar.update()
    result = {
        "benchmark": "kill_and_resume",
        "quick": quick,
        "settings": asdict(settings),
        "provenance": provenance(),
        "rows": rows,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(rows))
    if any(row["differing"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    tyro.cli(main)
