"""What the live pages fetch: weights in 16 bits, and a still that stands where a model loads.

    python site/live/build.py FOLDER              digits, garments, emoji in 16 bits, with stills
    python site/live/build.py FOLDER --bits 8     half as large; 32: as the tests compare them

A page looks for them in `models/`, beside it:

digits.safetensors     gated-binarized-mnist: the gated PixelCNN of binary digits
garments.safetensors   two-stage-fashion-mnist-16: encoder, codebook, decoder and prior of garments;
                       a colour for each code, and garments of the test split to encode
emoji.safetensors      two-stage-emoji: the same in colour, for two drawings of each emoji

The tensors keep the library's names, and the header is the library's, so that the modules in `js/`
read the library's own files too. In 8 bits each output channel has a scale, in NAME.scale; vectors
stay in 16. What neither drawing nor encoding reads is left out.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tutorial_lib import data
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.data.dataset import ImageDataset
from tutorial_lib.data.emoji import with_styles
from tutorial_lib.recipes.pretrained import describe, load_pretrained
from tutorial_lib.sampling import sample
from tutorial_lib.training.checkpoint import write_tensors

DIGITS, GARMENTS, EMOJI = "gated-binarized-mnist", "two-stage-fashion-mnist-16", "two-stage-emoji"
DTYPES = {8: torch.float16, 16: torch.float16, 32: torch.float32}
UNREAD = ("quantizer.sums", "quantizer.counts", "quantizer.started")  # only training reads them
N_EXAMPLES = 10
STILL_SCALE, GUTTER = 4, 2  # screen pixels a pixel; pixels between two pictures
SEED = 3  # of the stills
INK, ACCENT = (128, 132, 140, 255), (208, 106, 31, 255)  # seen well on light and on dark
READABLE_BY_ALL = 0o644


def tensors_of(model: nn.Module, bits: int) -> dict[str, Tensor]:
    """The weights as a page fetches them."""
    kept = {name: t for name, t in model.state_dict().items() if not name.endswith(UNREAD)}
    if bits != 8:
        return {name: t.to(DTYPES[bits]) for name, t in kept.items()}
    stored = {}
    for name, t in kept.items():
        if t.ndim < 2:
            stored[name] = t.half()
            continue
        scale = (t.flatten(1).abs().amax(dim=1) / 127).clamp(min=1e-7).half()
        steps = t / scale.float().view(-1, *[1] * (t.ndim - 1))
        stored |= {name: steps.round().clamp(-127, 127).to(torch.int8), f"{name}.scale": scale}
    return stored


@torch.no_grad()
def code_colors(vqvae: VQVAE) -> tuple[str, Tensor]:
    """What CSS calls the colours, and three numbers for each code.

    In colour, a code has the colour that it draws alone. In grey it is as light as that, and its
    hue comes from its vector: codes that draw alike and have similar vectors get similar colours.
    """
    fields = torch.arange(vqvae.n_codes).view(-1, 1, 1).expand(-1, 7, 7)
    pictures = vqvae.picture(vqvae.decode_indices(fields))
    alone = pictures[:, :, 8:20, 8:20].mean(dim=(2, 3))  # away from the border
    if vqvae.in_channels == 3:
        return "rgb", (255 * alone).round()
    light = alone[:, 0]
    vectors = vqvae.quantizer.codebook - vqvae.quantizer.codebook.mean(dim=0)
    a, b = (vectors @ torch.linalg.svd(vectors, full_matrices=False).Vh[:2].T).unbind(1)
    size = torch.hypot(a, b)
    chroma = (0.01 + 0.13 * size / size.max()) * (0.35 + 0.65 * light)
    hue = torch.atan2(b, a) * 180 / math.pi % 360
    return "oklch", torch.stack([0.2 + 0.7 * light, chroma, hue], dim=1)


def examples(dataset: ImageDataset) -> Tensor:
    """(10, H, W, C) pictures in 256 levels from the test split, of different classes at first."""
    levels, labels = dataset.test.levels, dataset.test.labels
    firsts = [int((labels == n).nonzero()[0]) for n in range(len(dataset.class_names))]
    chosen = (firsts + [len(labels) - 1])[:N_EXAMPLES]
    return levels[chosen].permute(0, 2, 3, 1).to(torch.uint8).contiguous()


def arch() -> Tensor:
    """(28, 28), the stroke that complete.html begins with: the upper half of a 2, 3, 7, 8 or 9."""
    t = torch.arange(-0.7, 3, 0.05)[:, None, None]
    row, column = torch.arange(28).view(1, -1, 1) + 0.5, torch.arange(28).view(1, 1, -1) + 0.5
    away = torch.hypot(column - 14 - 4.5 * t.cos(), row - 11 + 5.5 * t.sin())
    return (away < 1.25).any(dim=0).long()


@torch.no_grad()
def digits(bits: int) -> tuple[dict, dict, np.ndarray]:
    """Tensors, header and still: six digits that share their upper half."""
    model, generator = load_pretrained(DIGITS), torch.Generator().manual_seed(SEED)
    known = arch().repeat(6, 1, 1, 1)
    known[:, :, 14:] = -1
    drawn = sample(model, known.shape, known=known, generator=generator)[:, 0]
    still = np.zeros((6, 28, 28, 4), dtype=np.uint8)
    still[(drawn == 1) & (known[:, 0] >= 0)] = INK
    still[(drawn == 1) & (known[:, 0] < 0)] = ACCENT
    return tensors_of(model, bits), {"model": describe(model)}, still


@torch.no_grad()
def two_stage(shipped: str, dataset: ImageDataset, labels: list[int], bits: int):
    """Tensors, header and still: a picture of each of six classes."""
    model, generator = load_pretrained(shipped), torch.Generator().manual_seed(SEED)
    pictures = examples(dataset)
    latent_shape = model.vqvae.latent_shape(tuple(pictures.shape[1:3]))
    options = {"latent_shape": latent_shape, "generator": generator}
    codes = model.sample_indices(len(labels), label=torch.tensor(labels), **options)
    kind, colors = code_colors(model.vqvae)
    extra = {"page.code_colors": colors, "page.examples": pictures}
    page = {"classes": dataset.class_names, "colors": kind, "side": pictures.shape[1]}
    page["commonest"] = int(model.vqvae.quantizer.counts.argmax())
    drawn = (255 * model.vqvae.picture(model.vqvae.decode_indices(codes))).round().byte()
    drawn = drawn.expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
    still = torch.cat([drawn, torch.full_like(drawn[..., :1], 255)], dim=-1).numpy()
    return tensors_of(model, bits) | extra, {"model": describe(model), "page": page}, still


def garments(bits: int):
    """The two-stage model of garments."""
    return two_stage(GARMENTS, data.load("fashion-mnist-sample"), [0, 1, 3, 4, 8, 9], bits)


def emoji(bits: int):
    """The two-stage model of emoji, whose labels are a group and a style."""
    return two_stage(EMOJI, with_styles(data.load("emoji")), [0, 1, 4, 6, 15, 17], bits)


def write_still(path: Path, pictures: np.ndarray) -> None:
    """Pictures (N, H, W, RGBA), three in a row, with nothing between them."""
    gutter = (GUTTER // 2, GUTTER // 2)
    cells = np.pad(pictures, ((0, 0), gutter, gutter, (0, 0)))
    rows = [np.hstack(cells[n : n + 3]) for n in range(0, len(cells), 3)]
    pixels = np.vstack(rows).repeat(STILL_SCALE, axis=0).repeat(STILL_SCALE, axis=1)
    Image.fromarray(pixels).save(path, optimize=True)


def build(folder: Path, bits: int = 16) -> list[Path]:
    """Write everything; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for make in (digits, garments, emoji):
        tensors, header, still = make(bits)
        written += [folder / f"{make.__name__}.safetensors", folder / f"{make.__name__}.png"]
        write_tensors(written[-2], tensors, header)
        write_still(written[-1], still)
    for path in written:
        path.chmod(READABLE_BY_ALL)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="made if it is not there")
    parser.add_argument("--bits", type=int, choices=sorted(DTYPES), default=16)
    options = parser.parse_args()
    for path in build(options.folder, options.bits):
        print(f"{path}  {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
