"""Emoji in colour: the order of the colours, the decoder of a VQ-VAE, and a split that leaks.

order    One small gated PixelCNN of 16×16 emoji in 256 levels, given the colours in another
         order each time, and one that draws all three at once. A bits/dim is the same thing in
         every order. Rivals have the same images in the same batches and as many steps.
decoder  One VQ-VAE of 32×32 emoji with a Gaussian, one logistic or ten logistics behind the same
         encoder and codebook, for as many steps. The mean squared error of the decoder's mean
         image is the one number that all three have; the Gaussian has no bits/dim.
leak     The VQ-VAE with one logistic, and a prior over its codes, trained twice on as many
         drawings and scored on the same ones: the Twemoji drawings of the held-out emoji.
         "clean" is trained on no drawing of these emoji, "leaky" on their Noto drawings, in the
         place of others.

python benchmarks/emoji.py                    half an hour; writes results/emoji.json
python benchmarks/emoji.py --quick --out F    seconds; shows that it runs, and no more
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib import data
from tutorial_lib.codes import VQVAE
from tutorial_lib.codes.quantizer import code_counts, perplexity
from tutorial_lib.pixels import GatedPixelCNN, bits_per_dim, nll_nats
from tutorial_lib.recipes import extract_codes
from tutorial_lib.recipes.results import provenance
from tutorial_lib.training import FitConfig, evaluate, fit

RESULT = Path(__file__).parent / "results" / "emoji.json"
ORDERS = {"R, G, B": (0, 1, 2), "G, R, B": (1, 0, 2), "B, G, R": (2, 1, 0)}
DECODERS = ("Gaussian", "one logistic", "ten logistics")


@dataclass(frozen=True)
class Settings:
    """How much each rival is trained."""

    n_images: int = 3068
    n_held_out: int = 744
    seeds: tuple[int, ...] = (0, 1)
    pixel_channels: int = 24
    pixel_layers: int = 4
    pixel_epochs: int = 6
    vqvae_channels: int = 32
    vqvae_epochs: int = 8
    n_codes: int = 256


QUICK = Settings(64, 32, (0,), 6, 2, 1, 8, 1, 16)


def step(model: nn.Module, levels: Tensor) -> dict[str, Tensor]:
    """A step of a model of pixels."""
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    return {"loss": nats / levels[0].numel(), "nats": nats}


def code_step(model: VQVAE, images: Tensor) -> dict[str, Tensor]:
    """A step of stage one on levels, or on numbers in [0, 1] for a Gaussian decoder."""
    images = images.float() / 255 if model.n_levels is None else images.long()
    out = model(images)
    return {"loss": out.loss, "nats": out.nll_nats.mean()}


def at_once(settings: Settings) -> GatedPixelCNN:
    """All colours of a pixel from the pixels before it, and none from another of the three."""
    model = pixel_model(settings)
    for part in model.modules():
        if getattr(part, "mask", None) is not None:
            part.mask.fill_(1)
    model.layers[0].horizontal.mask[..., -1] = 0  # the pixel itself
    return model


def pixel_model(settings: Settings) -> GatedPixelCNN:
    """The small gated PixelCNN that is told where a pixel lies."""
    return GatedPixelCNN(
        n_colors=3,
        n_levels=256,
        n_channels=settings.pixel_channels,
        n_layers=settings.pixel_layers,
        coordinates=True,
    )


def vqvae(settings: Settings, decoder: str) -> VQVAE:
    """The VQ-VAE with this decoder."""
    n_mixtures = {"one logistic": 1, "ten logistics": 10}.get(decoder)
    return VQVAE(
        in_channels=3,
        n_levels=None if decoder == "Gaussian" else 256,
        n_mixtures=n_mixtures,
        n_codes=settings.n_codes,
        code_dim=32,
        downsample=4,
        n_channels=settings.vqvae_channels,
    )


def halved(levels: Tensor) -> Tensor:
    """32×32 levels as 16×16."""
    return F.avg_pool2d(levels.float(), 2).round().to(torch.uint8)


def trained(model: nn.Module, its_step, levels: Tensor, epochs: int, rate: float, seed: int):
    """The model after its training, and the seconds that took."""
    began = time.perf_counter()
    config = FitConfig(epochs=epochs, batch_size=32, learning_rate=rate, seed=seed)
    done = fit(model, its_step, (levels,), config, save_every_seconds=float("inf"), progress=False)
    if not done.finished:
        raise SystemExit("interrupted: nothing is stored of a training that did not end")
    return model.eval(), time.perf_counter() - began


@torch.no_grad()
def facts_of(model: VQVAE, levels: Tensor) -> dict[str, float]:
    """Squared error of the mean images of held-out emoji, and how many codes are in use."""
    images = levels.float() / 255 if model.n_levels is None else levels.long()
    codes = torch.cat([model.encode_indices(x) for x in images.split(100)])
    means = torch.cat([model.picture(model.decode_indices(c)) for c in codes.split(100)])
    error = (means - levels.float() / 255).square().mean().item()
    return {"mse": error, "perplexity": perplexity(code_counts(codes, model.n_codes)).item()}


def scored(model: nn.Module, its_step, held_out: Tensor) -> dict[str, float]:
    """Bits/dim of held-out images: the decoder's alone, of a VQ-VAE."""
    nats = evaluate(model, its_step, (held_out,))["nats"]
    return {"bits_per_dim": bits_per_dim(nats, held_out[0].numel())}


def order(settings: Settings, rival: str, seed: int) -> dict[str, float]:
    """Train on the colours in one order, score held-out emoji in the same."""
    emoji = data.load("emoji")
    held_out = torch.cat([emoji.valid.levels, emoji.test.levels])[: settings.n_held_out]
    colors = list(ORDERS.get(rival, (0, 1, 2)))
    train, held_out = (halved(x)[:, colors] for x in (emoji.train.levels, held_out))
    torch.manual_seed(seed)
    model = at_once(settings) if rival == "all at once" else pixel_model(settings)
    train = train[: settings.n_images]
    model, seconds = trained(model, step, train, settings.pixel_epochs, 3e-3, seed)
    return scored(model, step, held_out) | {"seconds": seconds}


def decoder(settings: Settings, rival: str, seed: int) -> dict[str, float]:
    """Train one decoder, score and measure it on held-out emoji."""
    emoji = data.load("emoji")
    held_out = torch.cat([emoji.valid.levels, emoji.test.levels])[: settings.n_held_out]
    torch.manual_seed(seed)
    train = emoji.train.levels[: settings.n_images]
    model = vqvae(settings, rival)
    model, seconds = trained(model, code_step, train, settings.vqvae_epochs, 2e-3, seed)
    found = {} if rival == "Gaussian" else scored(model, code_step, held_out)
    return found | facts_of(model, held_out) | {"seconds": seconds}


def leaky_or_clean(settings: Settings, leaky: bool) -> tuple[Tensor, Tensor]:
    """Training images, and the Twemoji drawings of held-out emoji on which both are scored."""
    emoji = data.load("emoji")
    outside = torch.cat([emoji.valid.levels, emoji.test.levels])[: settings.n_held_out]
    noto, twemoji = outside[0::2], outside[1::2]
    train = emoji.train.levels[: settings.n_images].clone()
    if leaky:
        train[: 2 * len(noto) : 2] = noto[: len(train) // 2]  # the styles take turns
    return train, twemoji


def leak(settings: Settings, rival: str, seed: int) -> dict[str, float]:
    """Train with or without the other drawings of the held-out emoji."""
    train, held_out = leaky_or_clean(settings, rival == "leaky")
    torch.manual_seed(seed)
    model, epochs = vqvae(settings, "one logistic"), settings.vqvae_epochs
    model, seconds = trained(model, code_step, train, epochs, 2e-3, seed)
    found = scored(model, code_step, held_out) | {"seconds": seconds} | facts_of(model, held_out)
    return found | {"bits_per_code": prior_bits(settings, model, train, held_out)}


def prior_bits(settings: Settings, model: VQVAE, train: Tensor, held_out: Tensor) -> float:
    """Bits for a held-out code under a prior of the codes of the training images."""
    fields = [extract_codes(model, levels)[:, None] for levels in (train, held_out)]
    size = {"n_channels": settings.pixel_channels, "n_layers": settings.pixel_layers}
    prior = GatedPixelCNN(n_levels=settings.n_codes, ordered=False, coordinates=True, **size)
    prior, _ = trained(prior, step, fields[0], 2 * settings.pixel_epochs, 3e-3, 0)
    return scored(prior, step, fields[1])["bits_per_dim"]


COMPARISONS = {
    "order": (order, (*ORDERS, "all at once")),
    "decoder": (decoder, DECODERS),
    "leak": (leak, ("clean", "leaky")),
}


def main(*, quick: bool = False, out: Path = RESULT, only: tuple[str, ...] = ()) -> None:
    """Train all rivals and write what each costs on held-out emoji.

    quick: tiny sizes instead, to see that the script runs; its costs say nothing
    out: the JSON file to be written; what is in it already is kept and not trained again
    only: names of comparisons, if not all are wanted
    """
    settings = QUICK if quick else Settings()
    result = {"benchmark": "emoji", "quick": quick, "settings": asdict(settings)}
    result |= {"provenance": provenance(), "rows": []}
    if out.exists():
        result["rows"] = json.loads(out.read_text(encoding="utf-8"))["rows"]
    done = {(row["comparison"], row["rival"], row["seed"]) for row in result["rows"]}
    out.parent.mkdir(parents=True, exist_ok=True)
    print("comparison  rival           seed  numbers")
    for seed in settings.seeds:
        for comparison, (run, rivals) in COMPARISONS.items():
            for rival in rivals:
                if (comparison, rival, seed) in done or (only and comparison not in only):
                    continue
                found = run(settings, rival, seed)
                told = {"comparison": comparison, "rival": rival, "seed": seed}
                result["rows"].append(told | found)
                out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
                numbers = "  ".join(f"{name} {value:.4f}" for name, value in found.items())
                print(f"{comparison:11} {rival:15} {seed:4}  {numbers}", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
