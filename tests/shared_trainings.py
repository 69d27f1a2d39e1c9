"""Small trainings that two processes run together, and a test runs alone to compare.

    torchrun --standalone --nproc-per-node=2 tests/shared_trainings.py FOLDER [PART]

Each process leaves FOLDER/RANK.safetensors: the final weights of every training, and in the header
what it saw on the way. PART "long" is a training that only ends if it is interrupted.
"""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import data
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats
from tutorial_lib.recipes import two_stage as recipes
from tutorial_lib.recipes.image_model import train_image_model
from tutorial_lib.recipes.settings import (
    ImageModelRecipe,
    PriorSettings,
    TwoStageSettings,
    VQVAESettings,
)
from tutorial_lib.training import distributed as processes
from tutorial_lib.training import run as training_run
from tutorial_lib.training.checkpoint import write_tensors
from tutorial_lib.training.config import FitConfig, TrainingDiverged
from tutorial_lib.training.loop import fit

CONFIG = FitConfig(epochs=3, batch_size=6, learning_rate=0.01, weight_decay=0.01, seed=5)
N_STEPS = 3 * (25 // 6)


class Parted(nn.Module):
    """Called by its methods; `rare` works on few examples, `idle` on none."""

    def __init__(self):
        super().__init__()
        self.common, self.rare, self.idle = nn.Linear(4, 1), nn.Linear(4, 1), nn.Linear(4, 1)

    def guess(self, x):
        out, few = self.common(x), x[:, 0] > 1
        return out.index_add(0, few.nonzero()[:, 0], self.rare(x[few])) if few.any() else out


class Noisy(nn.Module):
    """Dropout, and a diary of the random numbers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.drawn = []

    def forward(self, x):
        if self.training:
            self.drawn.append(torch.rand(()).item())
        return self.layers(x)


def parted_step(model, x):
    return {"loss": (model.guess(x) - x.sum(dim=1, keepdim=True)).square().mean()}


def noisy_step(model, x):
    return {"loss": (model(x) - x.sum(dim=1, keepdim=True)).square().mean()}


def gated_step(model, levels, label):
    nats = nll_nats(model(levels, label=label), levels).mean()
    return {"loss": nats / 12, "bits/dim": bits_per_dim(nats, 12)}


def vectors():
    return (torch.randn(25, 4, generator=torch.Generator().manual_seed(1)),)


def pictures():
    noise = torch.Generator().manual_seed(1)
    return (torch.randint(2, (25, 1, 4, 8), dtype=torch.uint8, generator=noise),)


def labelled():
    noise = torch.Generator().manual_seed(1)
    levels = torch.randint(2, (25, 1, 3, 4), generator=noise)
    return levels, torch.randint(3, (25,), generator=noise)


def vqvae(**changes):
    shape = {"in_channels": 1, "n_levels": 2, "n_codes": 8, "code_dim": 2, "n_channels": 4}
    return VQVAE(**{**shape, "restart_dead_codes": False, **changes})


CASES = {
    "gated PixelCNN": (
        lambda: GatedPixelCNN(n_channels=4, n_layers=2, n_classes=3),
        gated_step,
        labelled,
    ),
    "parts used now and then": (Parted, parted_step, vectors),
    "codes by gradient": (lambda: vqvae(update="gradient"), recipes.vqvae_step, pictures),
    "codes by averages": (lambda: vqvae(update="ema"), recipes.vqvae_step, pictures),
    # Few enough codes to start on different vectors: which of two equal ones is chosen, rounding
    # decides.
    "codes by gradient, restarted": (
        lambda: vqvae(update="gradient", n_codes=12, restart_dead_codes=True).double(),
        recipes.vqvae_step,
        pictures,
    ),
    "codes by averages, restarted": (
        lambda: vqvae(update="ema", n_codes=12, restart_dead_codes=True).double(),
        recipes.vqvae_step,
        pictures,
    ),
}


def case(name):
    """A fresh model, its step and its data, the same at every call."""
    make, step, examples = CASES[name]
    torch.manual_seed(17)
    return make(), step, examples()


def train_case(name, out, *, config=CONFIG, **options):
    """The model and the history of a case trained in the folder `out`."""
    model, step, examples = case(name)
    options = {"valid": examples, "log_every": 3, "save_every_seconds": 1e9, **options}
    return model, fit(model, step, examples, config, out=out, progress=False, **options)


def interrupting(step, *, after, in_rank):
    """The step function; the process of that rank gets a Ctrl-C in step number `after`."""
    taken = 0

    def counted(model, *batch):
        nonlocal taken
        taken += torch.is_grad_enabled()
        if taken == after and torch.is_grad_enabled() and processes.rank() == in_rank:
            signal.raise_signal(signal.SIGINT)
        return step(model, *batch)

    return counted


def train_noisy(out, *, interrupted_after=()):
    """Dropout, stopped by rank 1 after these numbers of steps and resumed; the random diary too."""
    diary, steps = [], []
    for after in (*interrupted_after, None):
        torch.manual_seed(3)
        model = Noisy()
        step = noisy_step
        if after is not None:
            step = interrupting(step, after=after, in_rank=1)
        options = {"log_every": 5, "progress": False, "save_every_seconds": 1e9}
        steps.append(fit(model, step, vectors(), CONFIG, out=out, **options).step)
        diary += model.drawn
    return model, diary, steps


class SkewedClock:
    """A clock that runs at a speed of its own in every process."""

    now = 100.0

    def monotonic(self):
        return self.now

    def step(self, model, x):
        self.now += 1 + 0.3 * processes.rank()
        return noisy_step(model, x)


def train_by_skewed_clocks(out):
    """A run by the clock that is also saved by the clock; returns the model and its history."""
    clock, real = SkewedClock(), training_run.time
    training_run.time = clock
    try:
        torch.manual_seed(3)
        model, config = Noisy(), replace(CONFIG, minutes=0.4)
        history = fit(
            model, clock.step, vectors(), config, out=out, progress=False, save_every_seconds=4.5
        )
    finally:
        training_run.time = real
    return model, history


def written_below(folder):
    """A list that grows by every file that this process opens for writing or renames there."""
    written = []

    def note(event, arguments):
        if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(folder):
            if arguments[1] is None or set(arguments[1]) & set("wax+"):
                written.append(arguments[0])
        if event == "os.rename" and str(arguments[1]).startswith(folder):
            written.append(str(arguments[1]))

    sys.addaudithook(note)
    return written


def train_recipes(out):
    """Two stages, then a VAE, on a few garments: the folders that the command line writes."""
    garments = recipes.cut_for_smoke(data.load("fashion-mnist-sample"), 32, 8)
    brief = FitConfig(epochs=1, batch_size=8)
    settings = TwoStageSettings(
        VQVAESettings(n_codes=8, code_dim=4, n_channels=4, n_blocks=1, fit=brief),
        PriorSettings(n_channels=4, n_layers=1, fit=brief),
    )
    recipes.train_two_stage(garments, settings, out / "two-stage", progress=False)
    recipe = ImageModelRecipe(
        title="a VAE",
        dataset="fashion-mnist-sample",
        n_levels=256,
        model="GaussianVAE",
        arguments={"code_dim": 2, "n_channels": 2},
        fit=replace(brief, average=0.5),
    )
    train_image_model(recipe, garments, out / "vae", progress=False)


def complaint_about(batch_size, out):
    """What fit says to a batch that cannot be shared."""
    try:
        train_case("gated PixelCNN", out, config=replace(CONFIG, batch_size=batch_size))
    except ValueError as error:
        return str(error)


def complaint_of_a_loss_broken_in_rank_1(out):
    """What fit says in every process when the loss of one is no number, and its gradient is."""
    taken = 0

    def step(model, x):
        nonlocal taken
        taken += 1
        broken = taken == 3 and processes.rank() == 1
        return {"loss": noisy_step(model, x)["loss"] + (float("nan") if broken else 0)}

    try:
        fit(Noisy(), step, vectors(), CONFIG, out=out, progress=False)
    except TrainingDiverged as error:
        return str(error)


def main(folder: Path) -> None:
    """Every training but the long one, in one process of several."""
    written = written_below(str(folder))
    tensors, seen = {}, {}

    def keep(name, model):
        tensors.update({f"{name}/{k}": v for k, v in model.state_dict().items()})

    for name in CASES:
        keep(name, train_case(name, folder / name)[0])
    shown = []
    for name, config in {"averaged": replace(CONFIG, average=0.5), "again": CONFIG}.items():
        model, step, examples = case("gated PixelCNN")
        fit(model, step, examples, replace(CONFIG, epochs=1), progress=False)  # the model is used
        options = {"watch": lambda history: shown.append(history.step), "progress": False}
        fit(model, step, examples, config, out=folder / name, **options)
        keep(name, model)
    seen["shown"] = shown
    model, seen["noise"], _ = train_noisy(folder / "noisy")
    keep("noisy", model)
    model, seen["noise, stopped"], seen["steps"] = train_noisy(
        folder / "noisy, stopped", interrupted_after=(4, 7)
    )
    keep("noisy, stopped", model)
    model, history = train_by_skewed_clocks(folder / "clock")
    keep("clock", model)
    seen["clock"] = history.step
    name = "codes by averages"  # stopped, for one process to go on with
    step = interrupting(CASES[name][1], after=5, in_rank=0)
    fit(case(name)[0], step, case(name)[2], CONFIG, out=folder / "half", progress=False)
    train_recipes(folder)
    seen["complaint"] = complaint_about(5, folder / "uneven")
    seen["diverged"] = complaint_of_a_loss_broken_in_rank_1(folder / "diverged")
    seen["written"] = written
    seen["n_processes"] = processes.n_processes()
    write_tensors(folder / f"{processes.rank()}.safetensors", tensors, seen)


def train_until_interrupted(folder: Path) -> None:
    """Steps that take their time, thousands of them; what is left says where they ended."""

    def slow_step(model, x):
        time.sleep(0.02)
        return noisy_step(model, x)

    config = replace(CONFIG, epochs=10_000)
    history = fit(Noisy(), slow_step, vectors(), config, out=folder, progress=False, log_every=1)
    write_tensors(folder / f"{processes.rank()}.safetensors", {}, {"step": history.step})


if __name__ == "__main__":
    torch.set_num_threads(1)
    run = train_until_interrupted if sys.argv[2:] == ["long"] else main
    run(Path(sys.argv[1]))
