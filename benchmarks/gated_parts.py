"""What the stacks, the gate and the order of the colours each bring, one changed at a time.

All rivals of a comparison have about the same number of weights in use, the same images in the same
order, the same optimiser and the same number of steps. Each is trained from several seeds.

    stacks  One arrow is moved. With two stacks, the vertical convolution reads the vertical
            features of the layer before; with one, the features of the pixel's own stack, moved one
            row down. Not a weight more or less. With the gate, and with a ReLU in its place.
    gate    The two stacks with gates, and wider ones with a ReLU. Besides: gates as wide as the
            ReLU stacks, and gates that start open (2 added to the biases of all switches). Then the
            same pair with larger weights at the start, at another learning rate, deeper, and
            trained for longer.
    colour  R, then G, then B, as the masks for colours have it; or all three at once, from the
            pixels before. On patches of the photograph that comes with matplotlib.

    python benchmarks/gated_parts.py                    an hour; writes results/gated_parts.json
    python benchmarks/gated_parts.py --quick --out F    seconds; shows that it runs, and no more
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib.cbook
import torch
import tyro
from matplotlib import image as mpl_image
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib import data
from tutorial_lib.pixels import GatedPixelCNN, bits_per_dim, nll_nats, shift_down
from tutorial_lib.recipes.results import provenance
from tutorial_lib.training import FitConfig, evaluate, fit

RESULT = Path(__file__).parent / "results" / "gated_parts.json"
N_LEVELS = 16


@dataclass(frozen=True)
class Settings:
    """How much each rival is trained."""

    n_images: int = 9000
    n_held_out: int = 1000
    batch_size: int = 16
    n_layers: int = 4
    widths: tuple[int, int] = (23, 16)  # features of the ReLU stacks, and of gated ones as large
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 1
    longer: int = 4  # epochs
    deeper: tuple[int, int, int] = (8, 23, 16)  # layers, and the two widths
    color_widths: tuple[int, int] = (24, 24)  # in order, and at once: as many weights in use
    color_epochs: int = 12


QUICK = Settings(32, 16, 16, 2, (6, 4), (0,), 1, 1, (3, 6, 4), (6, 6), 1)


class OneStack(GatedPixelCNN):
    """The same layers, but the rows above are read from the features of the pixels themselves."""

    def logits_from(self, features: Tensor, *, label=None, context=None) -> Tensor:
        """The vertical convolution of a layer is given h, moved down, where v was."""
        h = features
        for layer in self.layers:
            above = layer.link(layer.vertical(shift_down(h)))
            out = layer.output(layer.activate(layer.horizontal(h) + above))
            h = h + out if layer.residual else out
        return self.head(h).unflatten(1, (self.n_colors, self.n_levels)).transpose(1, 2)


def colors_at_once(n_channels: int, n_layers: int) -> GatedPixelCNN:
    """R, G and B of a pixel from the pixels before it, and none from another of the three."""
    model = GatedPixelCNN(
        n_colors=3, n_levels=N_LEVELS, n_channels=3 * (n_channels // 3), n_layers=n_layers
    )
    for part in model.modules():
        if getattr(part, "mask", None) is not None:
            part.mask.fill_(1)
    model.layers[0].horizontal.mask[..., -1] = 0  # the pixel itself
    return model


def n_used(model: nn.Module) -> int:
    """Weights that can change an output: all but those under a mask."""
    masks = (getattr(part, "mask", None) for part in model.modules())
    hidden = sum((mask == 0).sum().item() for mask in masks if mask is not None)
    return sum(weights.numel() for weights in model.parameters()) - hidden


@torch.no_grad()
def louder(model: GatedPixelCNN, factor: float = 2.0) -> GatedPixelCNN:
    """The model with larger weights at the start, so that signals fade less with depth."""
    for layer in model.layers:
        for part in (layer.vertical, layer.horizontal, layer.link, layer.output):
            part.weight *= factor
    return model


@torch.no_grad()
def opened(model: GatedPixelCNN, amount: float = 2.0) -> GatedPixelCNN:
    """The model with its switches open at the start."""
    for layer in model.layers:
        for part in (layer.vertical, layer.horizontal):
            part.bias[len(part.bias) // 2 :] += amount
    return model


def step(model: nn.Module, levels: Tensor) -> dict[str, Tensor]:
    """What one step of training lowers, and reports."""
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    return {"loss": nats / levels[0].numel(), "nats": nats}


def garments(settings: Settings) -> tuple[Tensor, Tensor]:
    """Garments of 14×14 pixels, levels 0 to 15, to train on and held out."""
    splits = data.load("fashion-mnist-sample")
    both = (splits.train.levels[: settings.n_images], splits.valid.levels[: settings.n_held_out])
    halved = (F.avg_pool2d(levels.float(), 2) for levels in both)
    return tuple((levels // (256 // N_LEVELS)).to(torch.uint8) for levels in halved)


def photograph(settings: Settings) -> tuple[Tensor, Tensor]:
    """Patches of 16×16 pixels in three colours, levels 0 to 15; every seventh is held out."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        pixels = torch.from_numpy(mpl_image.imread(file).copy()).permute(2, 0, 1)
    patches = (pixels // (256 // N_LEVELS)).unfold(1, 16, 16).unfold(2, 16, 16)
    patches = patches.permute(1, 2, 0, 3, 4).flatten(0, 1)
    held_out = torch.arange(len(patches)) % 7 == 3
    return patches[~held_out][: settings.n_images], patches[held_out][: settings.n_held_out]


def comparisons(settings: Settings):
    """(comparison, rival, build, what it is trained on and how), the most important first."""
    relu, gated = settings.widths
    deep, deep_relu, deep_gated = settings.deeper
    usual = {"n_levels": N_LEVELS, "n_layers": settings.n_layers}
    once = {"epochs": settings.epochs, "learning_rate": 1e-2}

    def two(width, activation="gate", kind=GatedPixelCNN, **changed):
        return lambda: kind(n_channels=width, activation=activation, **usual | changed)

    yield "base", "two stacks, ReLU", two(relu, "relu"), once
    yield "base", "two stacks, gate", two(gated), once
    yield "base", "one stack, ReLU", two(relu, "relu", OneStack), once
    yield "base", "one stack, gate", two(gated, kind=OneStack), once
    yield "base", "two stacks, open gate", lambda: opened(two(gated)()), once
    yield "base", "two stacks, wide gate", two(relu), once
    color = {"epochs": settings.color_epochs, "learning_rate": 3e-3}
    in_order, at_once = settings.color_widths
    small = {"n_colors": 3, "n_levels": N_LEVELS, "n_layers": settings.n_layers}
    yield "colour", "R, then G, then B", lambda: GatedPixelCNN(n_channels=in_order, **small), color
    yield "colour", "all three at once", lambda: colors_at_once(at_once, settings.n_layers), color
    yield "louder", "two stacks, ReLU", lambda: louder(two(relu, "relu")()), once
    yield "louder", "two stacks, gate", lambda: louder(two(gated)()), once
    longer = {"epochs": settings.longer, "learning_rate": 1e-2}
    slower = {"epochs": settings.epochs, "learning_rate": 3e-3}
    for name, fit_as in (("slower", slower), ("longer", longer)):
        yield name, "two stacks, ReLU", two(relu, "relu"), fit_as
        yield name, "two stacks, gate", two(gated), fit_as
    yield "deeper", "two stacks, ReLU", two(deep_relu, "relu", n_layers=deep), once
    yield "deeper", "two stacks, gate", two(deep_gated, n_layers=deep), once


def train(settings: Settings, comparison: str, rival: str, build, fit_as: dict, seed: int) -> dict:
    """Train one rival from one seed, and score it on held-out images."""
    train_on, held_out = (photograph if comparison == "colour" else garments)(settings)
    torch.manual_seed(seed)
    model = build()
    began = time.perf_counter()
    config = FitConfig(batch_size=settings.batch_size, seed=seed, **fit_as)
    fit(model, step, (train_on,), config, save_every_seconds=float("inf"))
    nats = evaluate(model, step, (held_out,))["nats"]
    return {
        "comparison": comparison,
        "rival": rival,
        "seed": seed,
        **fit_as,
        "weights_in_use": n_used(model),
        "training_images": len(train_on),
        "held_out_images": len(held_out),
        "nats_per_image": nats,
        "bits_per_dim": bits_per_dim(nats, held_out[0].numel()),
        "seconds": time.perf_counter() - began,
    }


def main(*, quick: bool = False, out: Path = RESULT, only: tuple[str, ...] = ()) -> None:
    """Train all rivals and write what each costs on held-out images.

    quick: tiny sizes instead, to see that the script runs; its costs say nothing
    out: the JSON file to be written; what is in it already is kept and not trained again
    only: names of comparisons, if not all are wanted
    """
    settings = QUICK if quick else Settings()
    result = {"benchmark": "gated_parts", "quick": quick, "settings": asdict(settings)}
    result |= {"provenance": provenance(), "rows": []}
    if out.exists():
        result["rows"] = json.loads(out.read_text(encoding="utf-8"))["rows"]
    done = {(row["comparison"], row["rival"], row["seed"]) for row in result["rows"]}
    out.parent.mkdir(parents=True, exist_ok=True)
    print("comparison  rival                   seed  weights  bits/dim  seconds")
    for seed in settings.seeds:
        for comparison, rival, build, fit_as in comparisons(settings):
            if (comparison, rival, seed) in done or (only and comparison not in only):
                continue
            row = train(settings, comparison, rival, build, fit_as, seed)
            result["rows"].append(row)
            out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
            sizes = f"{row['weights_in_use']:8,} {row['bits_per_dim']:9.4f} {row['seconds']:8.0f}"
            print(f"{comparison:11} {rival:23} {seed:4} {sizes}", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
