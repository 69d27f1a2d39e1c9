"""What came after the papers, on one bill: four quantizers, two priors, garments and emoji.

The same encoder, decoder, data, batches, learning rate and number of steps for each quantizer:

    codebook    128 codes, averages, straight-through (chapter 10)
    rotation    the same with the rotation trick
    fsq         5 x 5 x 5 = 125 codes without a codebook
    residual    two codebooks of 11: 121 pairs

so that each says nearly the same number of things at a place, 6.9 to 7 bits. Over the codes of each
VQ-VAE two priors of about the same size learn for the same number of steps, told the label: the
gated PixelCNN and a transformer. Measured on held-out images, per image:

    decoder, rate, total    bits/dim: -log p(x|z), -log p(z) under the prior, and their sum; beside
                            them the rate under a uniform prior
    bits/place              the prior's rate for one place, and the uniform one
    perplexity              of what is said at a place, at most the number of what can be said
    precision, recall       of drawn mean images among real ones, in the features of a small
                            classifier, by region (chapter 13, section 10)
    ms/step, ms/image       processor time of one thread for a step of stage one and of stage two,
                            and for the codes of one drawn image with the cache and without it

Processor time, so that other work on the machine matters little. All budgets are small, and the
priors are not tuned: the table compares ideas, it does not set records.

    python benchmarks/after_the_papers.py              ten minutes a seed; writes results/
    python benchmarks/after_the_papers.py --quick --out F    seconds; shows that it runs, no more

What the result file holds already is not trained again: a run that was stopped goes on.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib import data
from tutorial_lib.codes import TwoStageModel, code_counts, perplexity, precision_and_recall
from tutorial_lib.data import ImageDataset
from tutorial_lib.recipes.results import provenance
from tutorial_lib.recipes.settings import PriorSettings, VQVAESettings
from tutorial_lib.recipes.two_stage import (
    evaluate_two_stage,
    extract_codes,
    train_prior,
    train_vqvae,
)
from tutorial_lib.sampling import sample
from tutorial_lib.training import FitConfig, fit

RESULT = Path(__file__).parent / "results" / "after_the_papers.json"
QUANTIZERS = {
    "codebook": {"n_codes": 128},
    "rotation": {"n_codes": 128},
    "fsq": {"fsq_levels": (5, 5, 5)},
    "residual": {"n_codes": 11, "depth": 2},
}
PRIORS = {
    "gated": {"n_channels": 32, "n_layers": 6},
    "transformer": {"n_channels": 48, "n_layers": 4},
}
DATASETS = {"fashion-mnist-sample": 16, "emoji": 256}  # and their levels


@dataclass(frozen=True)
class Settings:
    """What is trained, on how many images, and how much is drawn."""

    n_train: int = 3000
    n_held_out: int = 372
    steps_of_stage_one: int = 400
    steps_of_stage_two: int = 400
    batch_size: int = 32
    learning_rate: float = 3e-3
    n_channels: int = 32
    code_dim: int = 16
    n_drawn: int = 360
    n_drawn_naively: int = 16
    seeds: tuple[int, ...] = (0, 1, 2)
    threads: int = 1

    def fitting(self, n_steps: int, seed: int) -> FitConfig:
        """The training of either stage."""
        epochs = max(1, round(n_steps * self.batch_size / self.n_train))
        sizes = {"batch_size": self.batch_size, "learning_rate": self.learning_rate}
        return FitConfig(epochs=epochs, average=0.1, seed=seed, **sizes)


QUICK = Settings(
    n_train=32,
    n_held_out=8,
    steps_of_stage_one=1,
    steps_of_stage_two=1,
    n_channels=8,
    n_drawn=9,
    n_drawn_naively=2,
    seeds=(0,),
)


def images(name: str, s: Settings) -> ImageDataset:
    """The data set in its levels, cut to the sizes of the settings."""
    whole = data.load(name).with_n_levels(DATASETS[name])
    sizes = {"train": s.n_train, "valid": s.n_held_out, "test": s.n_held_out}
    return replace(whole, **{k: getattr(whole, k).subset(n) for k, n in sizes.items()})


class Judge:
    """Precision and recall, in what the convolutions of a classifier see in each region."""

    def __init__(self, dataset: ImageDataset, s: Settings):
        torch.manual_seed(0)
        self.dataset, n_colors = dataset, dataset.facts.shape[0]
        self.body = nn.Sequential(
            nn.Conv2d(n_colors, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        head = [nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(64 * 49, len(dataset.class_names))]
        classifier = nn.Sequential(self.body, *head)

        def step(model: nn.Module, levels: Tensor, label: Tensor) -> dict[str, Tensor]:
            return {"loss": F.cross_entropy(model(self._scaled(levels)), label)}

        training = s.fitting(s.steps_of_stage_two, seed=0)
        fit(classifier, step, (dataset.train.levels, dataset.train.labels), training)
        self.body.eval()
        self.real = self._regions(dataset.train.levels[: s.n_drawn])
        self.spread = self.real.std(dim=0) + 1e-3

    def _scaled(self, levels: Tensor) -> Tensor:
        return levels.float() * 2 / (self.dataset.n_levels - 1) - 1

    @torch.no_grad()
    def _regions(self, levels: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(self.body(self._scaled(levels)), 3).flatten(1)

    def __call__(self, levels: Tensor) -> dict[str, float]:
        """Of drawn images (N, C, H, W)."""
        drawn = self._regions(levels) / self.spread
        found = precision_and_recall(self.real / self.spread, drawn, k=3)
        return {name: float(value) for name, value in found._asdict().items()}


def timed(work, n: int) -> tuple[float, object]:
    """(milliseconds of processor time for one of n, what the work gave)."""
    start = time.process_time()
    given = work()
    return 1000 * (time.process_time() - start) / n, given


def perplexity_of_a_place(indices: Tensor, n_codes: int) -> float:
    """Of all that is said at a place: M residual codes are one word of M letters."""
    words = indices.unsqueeze(1) if indices.ndim == 3 else indices
    place = n_codes ** torch.arange(words.shape[1] - 1, -1, -1)
    words = (words * place[:, None, None]).sum(dim=1)
    return perplexity(code_counts(words, n_codes ** len(place))).item()


def rows_of(
    dataset: ImageDataset, judge: Judge, quantizer: str, seed: int, s: Settings
) -> list[dict]:
    """Train a VQ-VAE with this quantizer and both priors over its codes: a row for each prior."""
    first = VQVAESettings(
        quantizer=quantizer,
        code_dim=s.code_dim,
        n_channels=s.n_channels,
        fit=s.fitting(s.steps_of_stage_one, seed),
        **QUANTIZERS[quantizer],
    )
    cost, (vqvae, history) = timed(lambda: train_vqvae(dataset, first, progress=False), 1)
    indices = extract_codes(vqvae, dataset.test.levels)
    n_places = indices[0].numel() // (vqvae.depth or 1)
    of_stage_one = {
        "dataset": dataset.name,
        "quantizer": quantizer,
        "seed": seed,
        "things that can be said": vqvae.n_codes ** (vqvae.depth or 1),
        "perplexity": perplexity_of_a_place(indices, vqvae.n_codes),
        "ms/step of stage one": cost / history.n_steps,
    }
    return [
        {**of_stage_one, **_row_of_prior(dataset, judge, vqvae, n_places, network, seed, s)}
        for network in PRIORS
    ]


def _row_of_prior(dataset, judge, vqvae, n_places, network, seed, s: Settings) -> dict:
    training = s.fitting(s.steps_of_stage_two, seed)
    second = PriorSettings(network=network, fit=training, **PRIORS[network])
    cost, (prior, history) = timed(lambda: train_prior(vqvae, dataset, second, progress=False), 1)
    model = TwoStageModel(vqvae, prior).eval()
    told = evaluate_two_stage(model, dataset.test)
    label = torch.arange(s.n_drawn) % len(dataset.class_names)
    latent_shape = vqvae.latent_shape(dataset.facts.shape[1:])
    noise = torch.Generator().manual_seed(seed)
    options = {"latent_shape": latent_shape, "label": label, "generator": noise}
    cached, indices = timed(lambda: model.sample_indices(s.n_drawn, **options), s.n_drawn)
    n = s.n_drawn_naively
    shape = (n, vqvae.depth or 1, *latent_shape)
    naive, _ = timed(lambda: sample(prior, shape, label=label[:n], method="naive"), n)
    with torch.no_grad():
        pictures = [vqvae.picture(vqvae.decode_indices(each)) for each in indices.split(100)]
    levels = (torch.cat(pictures) * (dataset.n_levels - 1)).round().long()
    per_place = dataset.train.levels[0].numel() / n_places
    return {
        "prior": network,
        "parameters of the prior": sum(p.numel() for p in prior.parameters()),
        "decoder": told["decoder_bits_per_dim"],
        "rate": told["prior_rate_bits_per_dim"],
        "uniform rate": told["uniform_rate_bits_per_dim"],
        "total": told["total_prior_bits_per_dim"],
        "bits/place": told["prior_rate_bits_per_dim"] * per_place,
        "uniform bits/place": told["uniform_rate_bits_per_dim"] * per_place,
        "ms/step of stage two": cost / history.n_steps,
        "ms/image cached": cached,
        "ms/image naive": naive,
        **judge(levels),
    }


def rows_so_far(out: Path, settings: dict) -> list[dict]:
    """What the file holds already, if it was made with these settings, of whichever seeds."""
    if not out.exists():
        return []
    before, now = json.loads(out.read_text("utf-8")), json.loads(json.dumps(settings))
    same = {**before["settings"], "seeds": None} == {**now, "seeds": None}
    return before["rows"] if same else []


def table(rows: list[dict]) -> str:
    """A line a run."""
    names = ("decoder", "rate", "total", "bits/place", "perplexity", "precision", "recall")
    names += ("ms/step of stage one", "ms/step of stage two", "ms/image cached", "ms/image naive")
    lines = [f"{'':44}seed" + "".join(f"{name.replace(' of stage', ''):>15}" for name in names)]
    for row in rows:
        arm = f"{row['dataset']:21}{row['quantizer']:10}{row['prior']:13}"
        lines.append(f"{arm}{row['seed']:4}" + "".join(f"{row[name]:15.3f}" for name in names))
    return "\n".join(lines)


def main(
    settings: Annotated[Settings, tyro.conf.arg(name="")] = Settings(),  # noqa: B008
    *,
    quick: bool = False,
    out: Path = RESULT,
) -> None:
    """Train four quantizers and two priors on two data sets, and measure both stages.

    settings: what is trained
    quick: tiny sizes instead, to see that the script runs; its numbers say nothing
    out: the JSON file to be written
    """
    s = QUICK if quick else settings
    torch.set_num_threads(s.threads)
    result = {
        "benchmark": "after_the_papers",
        "quick": quick,
        "settings": {**asdict(s), "quantizers": QUANTIZERS, "priors": PRIORS},
        "provenance": provenance(),
        "rows": [],
    }
    result["rows"] = rows_so_far(out, result["settings"])
    out.parent.mkdir(parents=True, exist_ok=True)
    known = {(row["seed"], row["dataset"], row["quantizer"]) for row in result["rows"]}
    loaded = {name: images(name, s) for name in DATASETS}
    judges = {name: Judge(dataset, s) for name, dataset in loaded.items()}
    for seed, name, quantizer in product(s.seeds, DATASETS, QUANTIZERS):
        if (seed, name, quantizer) in known:
            continue
        rows = rows_of(loaded[name], judges[name], quantizer, seed, s)
        result["rows"] += [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows
        ]
        assert all(math.isfinite(v) for row in rows for v in row.values() if isinstance(v, float))
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result["rows"]))


if __name__ == "__main__":
    tyro.cli(main)
