"""Cropped kernels against masked ones: the time of one training step of a gated PixelCNN.

`GatedPixelCNN` crops its kernels to the taps that may be read. Here stands the same network with
whole kernels and masks on them, k x k for the vertical stack and 1 x k for the horizontal one; it
takes its weights from the cropped network, and both must give the same logits before a clock runs.

By the number of taps, cropping should pay more the wider the kernel is: it leaves 6 of 9 in the
vertical kernel for k = 3, 28 of 49 for k = 7. The table says what is left of that in a whole step,
in each memory format, and for the network as `fit` trains it (cropped, channels_last) against the
usual way to write it (masked, contiguous).

    python benchmarks/gated_step.py                    minutes; writes results/gated_step.json
    python benchmarks/gated_step.py --quick --out F    seconds; shows that it runs, and no more
"""

from __future__ import annotations

import copy
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_layer import HorizontalConv2d, VerticalConv2d
from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.recipes.results import provenance

RESULT = Path(__file__).parent / "results" / "gated_step.json"
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
LARGEST_DIFFERENCE = 1e-9  # between the logits of the two networks, in float64


@dataclass(frozen=True)
class Settings:
    """What is timed."""

    n_layers: int = 7
    n_channels: int = 64
    side: int = 28
    batch_size: int = 16
    n_levels: int = 2
    kernel_sizes: tuple[int, ...] = (3, 5, 7)
    repetitions: int = 9


QUICK = Settings(n_layers=2, n_channels=4, side=6, batch_size=2, kernel_sizes=(3, 5), repetitions=2)


class MaskedWhole(nn.Conv2d):
    """A whole kernel, its mask multiplied in at every step, with the weights of a cropped layer."""

    def __init__(self, cropped: VerticalConv2d | HorizontalConv2d, height: int, width: int):
        weight = cropped.weight.detach()
        out_channels, in_channels, rows, columns = weight.shape
        super().__init__(in_channels, out_channels, (height, width), padding="same")
        mask = torch.zeros(height, width)
        mask[:rows, :columns] = 1
        self.register_buffer("mask", mask)
        with torch.no_grad():
            self.weight[..., :rows, :columns] = weight
            self.bias.copy_(cropped.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the masked kernel, zeros outside the image."""
        return F.conv2d(x, self.weight * self.mask, self.bias, padding="same")


def with_whole_kernels(model: GatedPixelCNN) -> GatedPixelCNN:
    """A copy of a model of one colour, every cropped kernel replaced by a masked one."""
    model = copy.deepcopy(model)
    size = model.config.kernel_size
    for layer in model.layers:
        layer.vertical = MaskedWhole(layer.vertical, size, size)
        layer.horizontal = MaskedWhole(layer.horizontal, 1, size)
    return model


@torch.no_grad()
def require_same_logits(cropped: nn.Module, whole: nn.Module, levels: Tensor) -> float:
    """The largest difference between the logits, in float64. RuntimeError if it is one at all."""
    ours, theirs = (copy.deepcopy(model).double()(levels) for model in (cropped, whole))
    difference = (ours - theirs).abs().max().item()
    if not difference < LARGEST_DIFFERENCE:
        raise RuntimeError(f"the two networks disagree: their logits differ by {difference}")
    return difference


def step(model: nn.Module, levels: Tensor) -> float:
    """Seconds of one forward and one backward pass."""
    model.zero_grad()
    start = time.perf_counter()
    nll_nats(model(levels), levels).mean().backward()
    return time.perf_counter() - start


def measure(settings: Settings, kernel_size: int, bar: tqdm) -> dict:
    """Medians over the repetitions, all variants in turn in each, so that all share the weather."""
    torch.manual_seed(0)
    shape = (settings.batch_size, 1, settings.side, settings.side)
    levels = torch.randint(settings.n_levels, shape)
    cropped = GatedPixelCNN(
        n_levels=settings.n_levels,
        n_channels=settings.n_channels,
        n_layers=settings.n_layers,
        kernel_size=kernel_size,
    )
    models = {"cropped": cropped, "masked": with_whole_kernels(cropped)}
    difference = require_same_logits(*models.values(), levels[:2])
    variants = {
        (kernels, name): copy.deepcopy(model).to(memory_format=memory_format)
        for kernels, model in models.items()
        for name, memory_format in FORMATS.items()
    }
    seconds = {variant: [] for variant in variants}
    for repetition in range(settings.repetitions + 1):
        for variant, model in variants.items():
            duration = step(model, levels)
            if repetition:  # the first one warms up
                seconds[variant].append(duration)
            bar.update()
    medians = {variant: median(times) for variant, times in seconds.items()}
    return {
        "kernel_size": kernel_size,
        "largest_difference": difference,
        "median_seconds": {
            name: {kernels: medians[kernels, name] for kernels in models} for name in FORMATS
        },
        "times_as_fast": {
            name: medians["masked", name] / medians["cropped", name] for name in FORMATS
        },
        "times_as_fast_as_shipped": medians["masked", "contiguous"]
        / medians["cropped", "channels_last"],
    }


def table(rows: list[dict]) -> str:
    """One line for each kernel size and memory format."""
    lines = ["kernel  weights in memory   cropped     masked      times as fast"]
    for row in rows:
        for name, seconds in row["median_seconds"].items():
            cropped, masked = (f"{1e3 * seconds[k]:7.1f} ms" for k in ("cropped", "masked"))
            ratio = row["times_as_fast"][name]
            lines.append(f"{row['kernel_size']:>6}  {name:<17}{cropped}  {masked}  {ratio:13.2f}")
        ratio = row["times_as_fast_as_shipped"]
        lines.append(
            f"        as trained here (channels_last) against masked as usual {ratio:7.2f}"
        )
    return "\n".join(lines)


def main(
    settings: Annotated[Settings, tyro.conf.arg(name="")] = Settings(),  # noqa: B008
    *,
    quick: bool = False,
    out: Path = RESULT,
) -> None:
    """Time a training step with cropped and with masked kernels.

    settings: what is timed
    quick: tiny sizes instead, to see that the script runs; its times say nothing
    out: the JSON file to be written
    """
    settings = QUICK if quick else settings
    n_steps = len(settings.kernel_sizes) * 2 * len(FORMATS) * (settings.repetitions + 1)
    with tqdm(total=n_steps, desc="steps", unit="step") as bar:
        rows = [measure(settings, size, bar) for size in settings.kernel_sizes]
    result = {
        "benchmark": "gated_step",
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
