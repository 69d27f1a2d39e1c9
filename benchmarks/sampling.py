"""Naive, row-cropped and cached sampling: the time of drawing one batch of images.

Naive sampling runs the whole network for every sub-pixel, row-cropped sampling runs it on the rows
so far, cached sampling computes each feature once. All three draw the same images from the same
noise, and each case makes sure of that before its ratios count.

Only the case of the claim runs naive and row-cropped sampling in full. In the others they draw one
column in `stride`, around pixels that are known, and the time is multiplied up: their passes cost
the same in every column. Cached sampling always draws everything.

Claim: seven gated layers of 64 channels, 28x28 binary, batch 16, two cores: cached is at least 250
times as fast as naive and 120 times as fast as row-cropped; for a batch of 1, 40 times as naive.

    python benchmarks/sampling.py                    minutes; writes results/sampling.json
    python benchmarks/sampling.py --quick --out F    seconds; shows that it runs, and no more
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import tyro
from torch import Tensor, nn
from tqdm.auto import tqdm

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.recipes.results import provenance
from tutorial_lib.sampling.ancestral import sample

RESULT = Path(__file__).parent / "results" / "sampling.json"
MODELS = {"GatedPixelCNN": GatedPixelCNN, "PixelCNN": PixelCNN}


@dataclass(frozen=True)
class Settings:
    """What is timed. `side` and `batch_size` are those of the claim; the others go around it."""

    n_layers: int = 7
    n_channels: int = 64
    side: int = 28
    batch_size: int = 16
    sides: tuple[int, ...] = (8, 14, 20)
    batch_sizes: tuple[int, ...] = (1, 4, 64)
    color_side: int = 32
    color_levels: int = 256
    stride: int = 14
    repetitions: int = 5


QUICK = Settings(
    n_layers=2,
    n_channels=12,
    side=6,
    batch_size=2,
    sides=(4,),
    batch_sizes=(1,),
    color_side=3,
    color_levels=4,
    stride=2,
    repetitions=1,
)


@dataclass(frozen=True)
class Case:
    """One line of the table. stride: naive and row-cropped draw one column in so many."""

    model: str
    batch_size: int
    side: int
    n_colors: int = 1
    n_levels: int = 2
    stride: int = 1


def cases(settings: Settings) -> list[Case]:
    """The claim first, then other sizes and batches, then colour, then the other model."""
    s = settings
    gated = [Case("GatedPixelCNN", s.batch_size, s.side)]
    gated += [Case("GatedPixelCNN", s.batch_size, side, stride=s.stride) for side in s.sides]
    gated += [Case("GatedPixelCNN", batch, s.side, stride=s.stride) for batch in s.batch_sizes]
    color = (s.color_side, 3, s.color_levels, s.stride)
    gated += [Case("GatedPixelCNN", batch, *color) for batch in (1, s.batch_size)]
    return [*gated, Case("PixelCNN", s.batch_size, s.side, stride=s.stride)]


def build(case: Case, settings: Settings) -> nn.Module:
    """An untrained model: its weights do not change how long it takes."""
    torch.manual_seed(0)
    multiple = 2 * case.n_colors
    return MODELS[case.model](
        n_colors=case.n_colors,
        n_levels=case.n_levels,
        n_layers=settings.n_layers,
        n_channels=-(-settings.n_channels // multiple) * multiple,
    ).eval()


def timed(model: nn.Module, known: Tensor, noise: Tensor, method: str) -> tuple[float, Tensor]:
    """Seconds, and the images."""
    start = time.perf_counter()
    drawn = sample(model, tuple(known.shape), known=known, uniforms=noise, method=method)
    return time.perf_counter() - start, drawn


def measure(case: Case, settings: Settings) -> dict:
    """Seconds for all sub-pixels by each method. RuntimeError if they draw different images."""
    model = build(case, settings)
    shape = (case.batch_size, case.n_colors, case.side, case.side)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    nothing = torch.full(shape, -1)
    cached = []
    for repetition in range(settings.repetitions + 1):
        duration, images = timed(model, nothing, noise, "cached")
        if repetition:  # the first one warms up
            cached.append(duration)
    seconds = {"cached": median(cached)}
    known = images.clone()
    known[..., :: case.stride] = -1
    share = (known < 0).double().mean().item()
    for method in ("row-cropped", "naive"):
        duration, drawn = timed(model, known, noise, method)
        require_same_images(images, drawn, method)
        seconds[method] = duration / share
    ratios = {method: seconds[method] / seconds["cached"] for method in ("row-cropped", "naive")}
    return {**asdict(case), "share_timed": share, "seconds": seconds, "times_as_fast": ratios}


def require_same_images(cached: Tensor, other: Tensor, method: str) -> None:
    """RuntimeError unless every pixel agrees."""
    if not torch.equal(cached, other):
        share = (cached != other).double().mean().item()
        raise RuntimeError(f"cached and {method} sampling disagree in {share:.2%} of the pixels")


def table(rows: list[dict]) -> str:
    """One line for each case: seconds, and how many times as fast cached sampling is."""
    head = f"{'model':<14}{'batch':>6}{'image':>12}{'naive':>11}{'row-cropped':>13}{'cached':>10}"
    lines = [f"{head}   cached is so many times as fast"]
    for row in rows:
        colors = f"x{row['n_colors']}" if row["n_colors"] > 1 else ""
        image = f"{row['side']}x{row['side']}{colors}"
        naive, cropped, cached = (row["seconds"][k] for k in ("naive", "row-cropped", "cached"))
        ratios = row["times_as_fast"]
        lines.append(
            f"{row['model']:<14}{row['batch_size']:>6}{image:>12}{naive:>9.2f} s{cropped:>11.2f} s"
            f"{cached:>8.3f} s   naive {ratios['naive']:.0f}, row-cropped "
            f"{ratios['row-cropped']:.0f}"
        )
    return "\n".join(lines)


def main(
    settings: Annotated[Settings, tyro.conf.arg(name="")] = Settings(),  # noqa: B008
    *,
    quick: bool = False,
    out: Path = RESULT,
) -> None:
    """Time naive, row-cropped and cached sampling.

    settings: what is timed
    quick: tiny sizes instead, to see that the script runs; its times say nothing
    out: the JSON file to be written
    """
    settings = QUICK if quick else settings
    rows = [measure(case, settings) for case in tqdm(cases(settings), unit="case")]
    result = {
        "benchmark": "sampling",
        "quick": quick,
        "settings": asdict(settings),
        "provenance": provenance(),
        "rows": rows,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    tyro.cli(main)
