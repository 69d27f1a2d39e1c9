"""A training of a second or less, for drills: it draws noise, and keeps a mean of its weights."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn

from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.recipes.image_model import image_step
from tutorial_lib.training.checkpoint import read_tensors
from tutorial_lib.training.config import FitConfig, History
from tutorial_lib.training.loop import fit

N_EXAMPLES, N_STEPS = 24, 18
CONFIG = FitConfig(epochs=3, batch_size=4, learning_rate=0.01, average=0.3, seed=5)


class Images(PixelCNN):
    """Two layers over images of 4x5 in three levels."""

    def __init__(self, **changes):
        super().__init__(**{"n_levels": 3, "n_channels": 4, "n_layers": 2, **changes})


def step(model: nn.Module, levels: Tensor) -> dict[str, Tensor]:
    """The step of an image model; a random example counts more, so noise decides the weights."""
    metrics = image_step(model, levels)
    return {**metrics, "loss": metrics["loss"] * (0.5 + torch.rand(()))}


def images(n: int = N_EXAMPLES) -> tuple[Tensor]:
    noise = torch.Generator().manual_seed(3)
    return (torch.randint(3, (n, 1, 4, 5), generator=noise).to(torch.uint8),)


def model() -> Images:
    torch.manual_seed(1)
    return Images()


def train(
    model: nn.Module, out: Path | None, config: FitConfig = CONFIG, step=step, **options
) -> History:
    """fit on the images; a checkpoint after every step."""
    options = {"progress": False, "save_every_seconds": -1.0, "log_every": 4, **options}
    return fit(model, step, images(), config, out=out, **options)


def bits(tensors: dict[str, Tensor]) -> dict[str, bytes]:
    """The bytes of every tensor: -0.0 is not 0.0 here."""
    return {
        name: tensor.detach().contiguous().numpy().tobytes() for name, tensor in tensors.items()
    }


def ends(model: nn.Module, out: Path | None) -> tuple:
    """All that a run leaves, but the time it took: weights, checkpoint, rows."""
    if out is None:
        return (bits(model.state_dict()),)
    tensors, _ = read_tensors(out / "checkpoint.safetensors")
    return bits(model.state_dict()), bits(tensors), untimed((out / "metrics.jsonl").read_text())


def untimed(rows: str) -> list[dict]:
    """The rows of a metrics file without their seconds."""
    told = [json.loads(row) for row in rows.splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in told]


def unusable(model: nn.Module) -> str:
    """What a learner would trip over after a run that was cut off, or nothing."""
    parameters = list(model.parameters())
    if any(module.training for module in model.modules()):
        return "the model is in training mode"
    if any(parameter.grad is not None for parameter in parameters):
        return "the model holds gradients"
    with torch.no_grad():
        logits = model(images(2)[0].long())
    for kind in {logits.dtype, *(parameter.dtype for parameter in parameters)} - {torch.float32}:
        return f"the model computes in {kind}"
    finite = all(tensor.isfinite().all() for tensor in (logits, *parameters))
    return "" if finite else "the model is not finite"


def at_step(number: int, happens: Callable[[dict], dict | None]) -> Callable:
    """The step function; in training step `number` something happens to what it returns."""
    taken = 0

    def counted(model: nn.Module, levels: Tensor) -> dict[str, Tensor]:
        nonlocal taken
        taken += torch.is_grad_enabled()
        metrics = step(model, levels)
        if taken == number and torch.is_grad_enabled():
            metrics = happens(metrics) or metrics
        return metrics

    return counted


@cache
def left_alone(log_every: int = 4, with_valid: bool = False) -> tuple:
    """What a run leaves that nothing disturbs."""
    with tempfile.TemporaryDirectory() as folder:
        out, made = Path(folder) / "run", model()
        train(made, out, log_every=log_every, valid=images(8) if with_valid else None)
        return ends(made, out)


def goes_on(out: Path, log_every: int = 4, with_valid: bool = False) -> str:
    """Nothing if the run in `out`, taken up by a new model, ends as if left alone."""
    made, valid = model(), images(8) if with_valid else None
    history = train(made, out, log_every=log_every, valid=valid)
    if not history.finished:
        return f"the run went on and stopped at step {history.step}"
    found, wanted = ends(made, out), left_alone(log_every, with_valid)
    names = ("weights", "checkpoint", "metrics.jsonl")
    differing = [name for name, a, b in zip(names, found, wanted, strict=True) if a != b]
    return f"it ends on other numbers: {', '.join(differing)}" if differing else ""


def in_a_folder(
    look: Callable[[Path, Random], str | None],
) -> Callable[[int, Random], Iterator[str | None]]:
    """A drill that does the same in a new folder every round."""

    def drill(rounds: int, rng: Random) -> Iterator[str | None]:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                yield look(Path(folder) / "run", rng) or None

    return drill


def saved_step(out: Path) -> int:
    """The step of the checkpoint, whose every number must be finite; 0 if there is none."""
    path = out / "checkpoint.safetensors"
    if not path.exists():
        return 0
    tensors, header = read_tensors(path)
    assert all(each.isfinite().all() for each in tensors.values() if each.is_floating_point())
    return header["history"]["step"]
