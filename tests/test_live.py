"""The models of the live pages, run by Node, draw, decode and encode what torch does."""

from __future__ import annotations

import json
import math
import runpy
import subprocess
from pathlib import Path

import pytest
import torch
from live_page import NODE, PAGES, needs_node
from torch import Tensor

from tutorial_lib import data
from tutorial_lib.codes import VQVAE, TwoStageModel
from tutorial_lib.pixels import GatedPixelCNN
from tutorial_lib.pixels.influence import influence_matrix
from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.recipes.pretrained import load_pretrained, save_weights
from tutorial_lib.sampling import sample
from tutorial_lib.training.checkpoint import write_tensors

CHECK = Path(__file__).parent / "live" / "check.mjs"
MARGIN = (
    1e-5  # of a cumulative distribution: nearer to a step, rounding decides which level is drawn
)

DIGITS, GARMENT_PIXELS = "gated-binarized-mnist", "gated-fashion-mnist"
N_DIGITS = 8  # free, and as many half-known ones
GARMENTS = ("two-stage-fashion-mnist-16", "two-stage-fashion-mnist")
EMOJI_PIXELS, EMOJI = "gated-emoji", "two-stage-emoji"
TWO_STAGE = (*GARMENTS, EMOJI)

pytestmark = needs_node


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, dict]:
    """Every comparison, made by one Node process: what it found, by name."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("live")
    with torch.no_grad():
        for name, tensors, header in cases(folder):
            write_tensors(folder / "cases" / f"{name}.safetensors", tensors, header)
    command = [NODE, CHECK, PAGES / "js", *sorted((folder / "cases").iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {each.pop("name"): each for each in found}


def cases(folder: Path):
    """(name, tensors, header) of each comparison; the weights that they read are written, too."""
    (folder / "cases").mkdir()
    paths = {
        name: folder / f"{name}.safetensors"
        for name in (DIGITS, GARMENT_PIXELS, EMOJI_PIXELS, *TWO_STAGE)
    }
    models = {name: load_pretrained(name) for name in paths}
    for name, path in paths.items():
        save_weights(path, models[name])
    digits, path = models[DIGITS], paths[DIGITS]
    free = drawn(digits, path, (N_DIGITS, 1, 28, 28))
    yield "free digits", *free
    upper = free[0]["levels"].view(N_DIGITS, 1, 28, 28).flip(0).clone()  # of another digit
    upper[:, :, 14:] = -1
    yield "half-known digits", *drawn(digits, path, (N_DIGITS, 1, 28, 28), known=upper)
    pixels = models[GARMENT_PIXELS], paths[GARMENT_PIXELS], (4, 1, 28, 28)
    yield "garments of pixels", *drawn(*pixels, label=torch.arange(6, 10), temperature=0.7)
    label = torch.tensor([1])
    yield (
        "emoji of pixels",
        *drawn(models[EMOJI_PIXELS], paths[EMOJI_PIXELS], (1, 3, 32, 32), label=label),
    )
    label = torch.arange(10)
    for name in TWO_STAGE:
        model, path = models[name], paths[name]
        side = 8 if name == EMOJI else 7
        test = (
            data.load("emoji" if name == EMOJI else "fashion-mnist-sample").test.levels[:10].long()
        )
        case = drawn(model.prior, path, (10, 1, side, side), label=label, part="prior")
        yield f"codes, {name}", *case
        again = overwritten(model.prior, path, (10, 1, side, side), label, "prior")
        yield f"overwritten, {name}", *again
        codes = case[0]["levels"][:4].view(4, side, side)
        yield f"pictures, {name}", *pictured(model.vqvae, path, codes)
        yield f"encoded, {name}", *encoded(model.vqvae, path, test // (256 // model.vqvae.n_levels))
    yield from of_random_weights(folder)
    build = runpy.run_path(str(PAGES / "build.py"))["build"]
    for bits in (8, 16):
        for path in build(folder / f"in {bits} bits", bits):
            if path.suffix == ".safetensors":
                name = {"digits": DIGITS, "garments": GARMENTS[0], "emoji": EMOJI}[path.stem]
                header = {"check": "widen", "weights": str(paths[name]), "fewer": str(path)}
                yield f"{path.stem} in {bits} bits", {}, header


def of_random_weights(folder: Path):
    """What no shipped model has: colours, ReLUs, images that are not square."""
    rgb = {"n_colors": 3, "n_levels": 5, "n_channels": 12, "n_layers": 3}
    variants = {
        "colours": {"n_classes": 4, "coordinates": True, "n_frequencies": 2},
        "colours without an order": {"ordered": False, "kernel_size": 5},
        "colours and ReLUs": {"activation": "relu", "first_kernel_size": 7},
    }
    for name, settings in variants.items():
        model, path = GatedPixelCNN(**rgb, **settings), folder / f"{name}.safetensors"
        for weight in model.parameters():
            weight.normal_(std=0.3 if "activation" in settings else 0.7)  # so that each tells
        save_weights(path, model)
        label = torch.tensor([3, 0, 1, 2]) if model.n_classes else None
        shape = (4, 3, 7, 5)
        known = torch.where(torch.rand(shape) < 0.3, torch.randint(5, shape), -1)
        yield name, *drawn(model, path, shape, known=known, label=label)
        yield f"overwritten, {name}", *overwritten(model, path, shape, label)
    model, path = GatedPixelCNN(n_channels=4, n_layers=3), folder / "past.safetensors"
    save_weights(path, model)
    with torch.enable_grad():
        reads = influence_matrix(model, 7, 9).byte()
    yield "past", {"reads": reads}, {"check": "past", "weights": str(path), "height": 7, "width": 9}
    yield from of_random_vqvaes(folder)


def of_random_vqvaes(folder: Path):
    """Coloured pictures, as a categorical over levels and as a mixture of logistics."""
    settings = {"n_codes": 8, "code_dim": 3, "n_channels": 6, "n_blocks": 1, "downsample": 2}
    for name, n_mixtures in (("coloured", None), ("mixtures", 3)):
        vqvae = VQVAE(in_channels=3, n_levels=5, n_mixtures=n_mixtures, **settings).eval()
        for weight in vqvae.parameters():
            weight.normal_(std=0.7)
        seen = vqvae.encode(torch.randint(5, (8, 3, 2, 2)))
        vqvae.quantizer.set_codebook(seen.flatten(1))  # among what is to be encoded
        model, path = (
            TwoStageModel(vqvae, GatedPixelCNN(n_levels=8)),
            folder / f"{name}.safetensors",
        )
        save_weights(path, model)
        yield f"pictures, {name}", *pictured(vqvae, path, torch.randint(8, (4, 3, 5)))
        yield f"encoded, {name}", *encoded(vqvae, path, torch.randint(5, (8, 3, 6, 10)))


def raster(field: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H * W * C), in the order in which sub-pixels are drawn."""
    return field.permute(0, 2, 3, 1).flatten(1)


def unraster(places: Tensor, shape) -> Tensor:
    """The inverse of `raster`, for images of that shape."""
    n, colors, height, width = shape
    return places.view(n, height, width, colors).permute(0, 3, 1, 2).contiguous()


def drawn(model, path: Path, shape, *, known=None, label=None, part="", temperature=1.0):
    """A case: images that the cached sampler draws, and the noise they are drawn with."""
    known = torch.full(shape, -1) if known is None else known
    uniforms = torch.rand(shape, dtype=torch.float64)
    conditions = {} if label is None else {"label": label}
    options = {"known": known, "temperature": temperature, **conditions}
    levels = sample(model, shape, uniforms=uniforms, method="cached", **options)
    steps = (model(levels, **conditions).double() / temperature).softmax(dim=1).cumsum(dim=1)
    uniforms = away_from_steps(uniforms, steps, levels)
    tensors = {"uniforms": uniforms, "known": known, "levels": levels}
    tensors = {name: raster(t).contiguous() for name, t in tensors.items()}
    if label is not None:
        tensors["label"] = label
    header = {"check": "draw", "weights": str(path), "of": part, "temperature": temperature}
    return tensors, header | {"height": shape[2], "width": shape[3]}


def away_from_steps(uniforms: Tensor, steps: Tensor, levels: Tensor) -> Tensor:
    """The noise, but in the middle of its step where it is so near an end that rounding decides."""
    steps = torch.cat([torch.zeros_like(steps[:, :1]), steps], dim=1)
    low, high = (steps.gather(1, (levels + n)[:, None])[:, 0] for n in (0, 1))
    near = torch.minimum((uniforms - low).abs(), (uniforms - high).abs()) < MARGIN
    return torch.where(near, (low + high) / 2, uniforms)


def overwritten(model, path: Path, shape, label=None, part=""):
    """A case: a third is drawn, the last level of it changed by hand, and the rest drawn anew.

    `kept` are the levels with nothing drawn anew; what they cost is told in bits.
    """
    conditions = {} if label is None else {"label": label}
    uniforms = torch.rand(shape, dtype=torch.float64)
    before = sample(model, shape, uniforms=uniforms, **conditions)
    kept = raster(before).clone()
    place = kept.shape[1] // 3
    kept[:, place] = (kept[:, place] + 1) % model.n_levels
    known = kept.clone()
    known[:, place + 1 :] = -1
    levels = sample(model, shape, known=unraster(known, shape), uniforms=uniforms, **conditions)
    field = unraster(kept, shape)
    tensors = {"uniforms": raster(uniforms), "kept": kept, "levels": raster(levels)}
    tensors = {name: t.contiguous() for name, t in (tensors | {"before": raster(before)}).items()}
    tensors["bits"] = nll_nats(model(field, **conditions), field) / math.log(2)
    if label is not None:
        tensors["label"] = label
    header = {"check": "overwrite", "weights": str(path), "of": part, "place": place}
    return tensors, header | {"height": shape[2], "width": shape[3]}


def pictured(vqvae: VQVAE, path: Path, codes: Tensor):
    """A case: the decoder's pictures."""
    pictures = raster(vqvae.picture(vqvae.decode_indices(codes))).contiguous()
    header = {"check": "picture", "weights": str(path)}
    header |= {"height": codes.shape[1], "width": codes.shape[2]}
    return {"codes": codes.flatten(1), "pictures": pictures}, header


def encoded(vqvae: VQVAE, path: Path, levels: Tensor):
    """A case: the encoder's codes."""
    tensors = {"levels": raster(levels).contiguous()}
    tensors["codes"] = vqvae.encode_indices(levels).flatten(1)
    header = {"check": "encode", "weights": str(path)}
    return tensors, header | {"height": levels.shape[2], "width": levels.shape[3]}


@pytest.mark.parametrize(
    "name",
    [
        "free digits",
        "half-known digits",
        "garments of pixels",
        "emoji of pixels",
        *(f"codes, {name}" for name in TWO_STAGE),
        "colours",
        "colours without an order",
        "colours and ReLUs",
    ],
)
def test_a_page_draws_the_very_levels_that_torch_draws_from_the_same_noise(results, name):
    found = results[name]
    assert (found["wrong"], found["wrongAfterCopy"]) == (0, 0), found
    assert found["told"] == found["of"]  # askAll: the distribution of every sub-pixel


@pytest.mark.parametrize(
    "name", [*TWO_STAGE, "colours", "colours without an order", "colours and ReLUs"]
)
def test_a_level_set_by_hand_changes_what_torch_says_it_changes(results, name):
    found = results[f"overwritten, {name}"]
    assert (found["wrong"], found["wrongBefore"], found["wrongForked"]) == (0, 0, 0), found
    assert found["off"] < 1e-3  # bits of a whole image


@pytest.mark.parametrize(
    "name", [*(f"pictures, {n}" for n in (*TWO_STAGE, "coloured", "mixtures"))]
)
def test_a_page_decodes_the_picture_that_torch_decodes(results, name):
    assert results[name]["off"] < 1e-4


@pytest.mark.parametrize("name", [*(f"encoded, {n}" for n in (*TWO_STAGE, "coloured", "mixtures"))])
def test_a_page_encodes_a_picture_into_the_codes_of_torch(results, name):
    assert results[name]["wrong"] == 0


def test_a_page_knows_which_pixels_a_pixel_has_read(results):
    assert results["past"]["wrong"] == 0


@pytest.mark.parametrize("model", ["digits", "garments", "emoji"])
@pytest.mark.parametrize(("bits", "limit"), [(16, 5e-4), (8, 5e-3)])
def test_weights_in_fewer_bits_are_read_as_nearly_the_same_numbers(results, model, bits, limit):
    assert 0 < results[f"{model} in {bits} bits"]["off"] < limit
