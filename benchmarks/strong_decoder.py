"""The claim of the VQ-VAE paper's abstract: a codebook is not ignored by a strong decoder.

One far-sighted gated PixelCNN, the strongest decoder of chapter 09, learns black and white garments
of 16x16 pixels four times, each time from `seeds` starts, for the same number of steps:

    no code               the code is always 0: what the decoder can do by itself
    Gaussian              8 numbers, N(mean, variance); trained on the bound (chapter 09)
    Gaussian, rate held   the same, but a KL below the rate of the codebook saves nothing
    codebook              two vectors of 4 numbers, each one of K codes; eq. 3 with averages

Encoder, decoder, data, batches and learning rate are the same. The rate is what the code costs
under its fixed prior: the KL for a Gaussian, 2 log K for the codebook. Measured on held-out images,
in nats per image:

    decoder      -log p(x|z), with the image's own code
    shuffled     the same with the code of a different image: what it costs to be told wrongly
    information  how well the code tells the images apart: mean of log q(z|x) - log q(z), which is
                 the entropy of the codes in use for a codebook; at most log(images)

A decoder that ignores its code has the same cost with its own and with a different code.

    python benchmarks/strong_decoder.py                half an hour of one core; writes results/
    python benchmarks/strong_decoder.py --quick --out F      seconds; shows that it runs, no more

Reference: van den Oord et al. 2017, Neural Discrete Representation Learning, abstract, sec. 3.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from tutorial_lib import data
from tutorial_lib.codes import (
    VectorQuantizer,
    gaussian_kl,
    information_nats,
    perplexity,
    reparameterize,
)
from tutorial_lib.codes.quantizer import code_counts
from tutorial_lib.codes.vector_coders import CodeEncoder
from tutorial_lib.pixels import GatedPixelCNN, nll_nats
from tutorial_lib.recipes.results import provenance
from tutorial_lib.training import FitConfig, fit

RESULT = Path(__file__).parent / "results" / "strong_decoder.json"
ARMS = ("no code", "Gaussian", "Gaussian, rate held", "codebook")


@dataclass(frozen=True)
class Settings:
    """What is trained. Two positions of `code_dim` numbers make the code."""

    n_train: int = 9000
    n_test: int = 2000
    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 3e-3
    n_channels: int = 16
    n_layers: int = 3
    first_kernel_size: int = 31
    n_positions: int = 2
    code_dim: int = 4
    n_codes: int = 32
    beta: float = 0.25
    seeds: tuple[int, ...] = (0, 1, 2)
    threads: int = 1


QUICK = Settings(
    n_train=64,
    n_test=64,
    epochs=1,
    n_channels=4,
    n_layers=2,
    first_kernel_size=7,
    n_codes=4,
    seeds=(0,),
)


def small(levels: Tensor) -> Tensor:
    """(N, 1, 28, 28) of 0 .. 255 -> (N, 1, 16, 16) of 0 and 1, as in chapter 09."""
    halved = F.avg_pool2d(F.pad(levels.float(), (2, 2, 2, 2)), 2)
    return (halved >= 64).to(torch.uint8)


class CodedPixelCNN(nn.Module):
    """Levels (B, 1, 16, 16) -> cost of the image given its code, rate of the code: nats, (B,)."""

    def __init__(self, arm: str, s: Settings):
        super().__init__()
        self.arm, self.s = arm, s
        self.width = s.n_positions * s.code_dim  # numbers that the decoder is told, in every arm
        n_encoded = self.width * (2 if arm.startswith("Gaussian") else 1)
        self.encoder = CodeEncoder(n_levels=2, size=(16, 16), code_dim=n_encoded)
        self.quantizer = VectorQuantizer(
            s.n_codes, s.code_dim, update="ema", restart_dead_codes=True
        )
        self.decoder = GatedPixelCNN(
            n_channels=s.n_channels,
            n_layers=s.n_layers,
            first_kernel_size=s.first_kernel_size,
            context_channels=self.width,
            coordinates=True,
            n_frequencies=2,
        )

    @property
    def held_rate(self) -> float:
        """What the codebook costs under a uniform prior."""
        return self.s.n_positions * math.log(self.s.n_codes)

    def coded(self, levels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The code (B, width), its rate (B,), and the commitment."""
        n, nothing = len(levels), torch.zeros(())
        if self.arm == "no code":
            return torch.zeros(n, self.width), torch.zeros(n), nothing
        encoded = self.encoder(levels)
        if self.arm == "codebook":
            quantized = self.quantizer(encoded.view(n, self.s.n_positions, -1).transpose(1, 2))
            code = quantized.z_q.transpose(1, 2).flatten(1)
            return code, torch.full((n,), self.held_rate), quantized.commitment_loss
        q = encoded.chunk(2, dim=1)
        return reparameterize(*q, torch.randn_like(q[0])), gaussian_kl(*q), nothing

    def cost(self, levels: Tensor, code: Tensor) -> Tensor:
        """-log p(x|z) of each image, nats."""
        context = code[:, :, None, None].expand(-1, -1, 16, 16)
        return nll_nats(self.decoder(levels, context=context), levels)

    def forward(self, levels: Tensor) -> dict[str, Tensor]:
        """One step of training."""
        code, rate, commitment = self.coded(levels)
        decoder, rate = self.cost(levels, code).mean(), rate.mean()
        paid = rate.clamp(min=self.held_rate) if self.arm == "Gaussian, rate held" else rate
        loss = (decoder + paid) / levels[0].numel() + self.s.beta * commitment
        return {"loss": loss, "decoder nats": decoder, "rate": rate}


@torch.no_grad()
def measured(model: CodedPixelCNN, levels: Tensor) -> dict[str, float]:
    """The table's row, on held-out images."""
    model.eval()
    torch.manual_seed(0)
    parts = [model.coded(each) for each in levels.split(100)]
    code, rate = (torch.cat([part[i] for part in parts]) for i in (0, 1))
    other = code.roll(1, dims=0)  # the code of the image before

    def score(codes: Tensor) -> Tensor:
        pairs = zip(levels.split(100), codes.split(100), strict=True)
        return torch.cat([model.cost(*pair) for pair in pairs]).mean()

    encoded = torch.cat([model.encoder(each) for each in levels.split(100)])
    row = {"decoder": score(code), "shuffled": score(other), "rate": rate.mean()}
    if model.arm.startswith("Gaussian"):
        row["information"] = information_nats(*encoded.double().chunk(2, dim=1), n_draws=5)
    elif model.arm == "codebook":
        field = encoded.view(len(levels), model.s.n_positions, -1).transpose(1, 2)
        indices = model.quantizer(field).indices
        names = indices @ (model.s.n_codes ** torch.arange(model.s.n_positions))
        used = code_counts(names, model.s.n_codes**model.s.n_positions)
        row["information"] = perplexity(used).log()  # q is one-hot: the entropy of what is said
        row["perplexity of one position"] = perplexity(code_counts(indices, model.s.n_codes))
    else:
        row["information"] = torch.zeros(())
    return {name: round(value.item(), 4) for name, value in row.items()}


def run(arm: str, seed: int, s: Settings, train: Tensor, test: Tensor) -> dict:
    """Train one model, measure it."""
    torch.manual_seed(seed)
    model, start = CodedPixelCNN(arm, s), time.perf_counter()
    config = FitConfig(
        epochs=s.epochs, batch_size=s.batch_size, learning_rate=s.learning_rate, seed=seed
    )
    fit(model, lambda model, levels: model(levels.long()), (train,), config)
    minutes = round((time.perf_counter() - start) / 60, 2)
    return {"arm": arm, "seed": seed, "minutes": minutes, **measured(model, test.long())}


def table(rows: list[dict]) -> str:
    """A line a run."""
    names = ("decoder", "shuffled", "rate", "information")
    lines = [f"{'nats per image':22}seed" + "".join(f"{name:>13}" for name in names)]
    for row in rows:
        numbers = "".join(f"{row[name]:13.2f}" for name in names)
        lines.append(f"{row['arm']:22}{row['seed']:4}{numbers}")
    return "\n".join(lines)


def main(
    settings: Annotated[Settings, tyro.conf.arg(name="")] = Settings(),  # noqa: B008
    *,
    quick: bool = False,
    out: Path = RESULT,
) -> None:
    """Train a strong decoder with four kinds of code, and measure what the code says.

    settings: what is trained
    quick: tiny sizes instead, to see that the script runs; its numbers say nothing
    out: the JSON file to be written
    """
    s = QUICK if quick else settings
    torch.set_num_threads(s.threads)
    garments = data.load("fashion-mnist-sample")
    train = small(garments.train.subset(s.n_train).levels)
    test = small(garments.test.subset(s.n_test).levels)
    result = {
        "benchmark": "strong_decoder",
        "quick": quick,
        "settings": asdict(s),
        "provenance": provenance(),
        "rows": [],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    for seed, arm in tqdm(list(product(s.seeds, ARMS)), unit="run"):
        result["rows"].append(run(arm, seed, s, train, test))
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result["rows"]))


if __name__ == "__main__":
    tyro.cli(main)
