"""Images as a file of codes, and back: what is left of an image between encoder and decoder.

A file holds the indices, in the smallest whole numbers that can, the labels, and as JSON what the
indices mean: the facts of the images, K, and a fingerprint of the VQVAE, since its codebook and
decoder alone can read them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.codes.run_facts import RunFacts, facts_from_json
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts.plain import require_instance, require_int, require_path, require_text
from tutorial_lib.contracts.validation import (
    require_shape,
    require_symbols,
    require_tensor,
    require_whole,
)
from tutorial_lib.data.tiles import tile
from tutorial_lib.recipes.two_stage import extract_codes
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors

SMALLEST = ((2**8, torch.uint8), (2**15, torch.int16), (2**31, torch.int32))


@dataclass(frozen=True, eq=False)
class CodeFile:
    """indices: (N, *latent) long. labels: (N,) long. facts: of the images.

    weights: the name or folder it was read from. fingerprint: of its numbers.
    """

    indices: Tensor
    labels: Tensor
    facts: RunFacts
    n_codes: int
    weights: str
    fingerprint: str


def write_codes(
    path: Path | str,
    vqvae: VQVAE,
    levels: Tensor,
    labels: Tensor,
    facts: RunFacts,
    *,
    weights: str,
) -> CodeFile:
    """Encode images of levels (N, C, *shape) into the file `path`; returns what it holds."""
    require_instance("vqvae", vqvae, VQVAE)
    levels = _require_levels(vqvae, levels)
    labels = require_shape("labels", require_tensor("labels", labels), (len(levels),))
    if labels.dtype != torch.long:
        raise TypeError(f"labels must be a torch.long tensor, got {labels.dtype}")
    require_instance("facts", facts, RunFacts)
    require_text("weights", weights)
    path = require_path("path", path)
    indices = extract_codes(vqvae, levels)
    fingerprint = _fingerprint(vqvae)
    dtype = next(dtype for most, dtype in SMALLEST if vqvae.n_codes <= most)
    header = {
        "codes": {
            "facts": facts.as_json(),
            "n_codes": vqvae.n_codes,
            "weights": weights,
            "fingerprint": fingerprint,
        }
    }
    write_tensors(path, {"indices": indices.to(dtype), "labels": labels}, header)
    return CodeFile(indices, labels, facts, vqvae.n_codes, weights, fingerprint)


def read_codes(path: Path | str) -> CodeFile:
    """A file by `write_codes`. CheckpointError for a file that is damaged or of another kind."""
    tensors, header = read_tensors(require_path("path", path))
    if "codes" not in header or not {"indices", "labels"} <= tensors.keys():
        raise CheckpointError(f"{path} holds no codes: `encode` writes a file of codes")
    try:
        told = require_instance("codes", header["codes"], dict)
        n_codes = require_int("n_codes", told["n_codes"], at_least=1)
        indices = require_symbols("indices", tensors["indices"].long(), n_codes)
        labels = require_shape("labels", tensors["labels"].long(), (len(indices),))
        facts = facts_from_json(told["facts"])
        names = [require_text(name, told[name]) for name in ("weights", "fingerprint")]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the codes in {path} are none: {error}") from error
    return CodeFile(indices, labels, facts, n_codes, *names)


@torch.no_grad()
def decode_codes(vqvae: VQVAE, codes: CodeFile, *, batch_size: int = 100) -> Tensor:
    """The decoder's mean images of a file of codes, as levels (N, C, *shape) long on the CPU.

    CheckpointError if another VQVAE made the codes: its codebook means something else.
    """
    require_instance("vqvae", vqvae, VQVAE)
    require_instance("codes", codes, CodeFile)
    require_int("batch_size", batch_size, at_least=1)
    if _fingerprint(vqvae) != codes.fingerprint:
        raise CheckpointError(
            f"these codes were made by other weights ({codes.weights}): only those can decode them"
        )
    device = next(vqvae.parameters()).device
    most = codes.facts.n_levels - 1
    pictures = [
        vqvae.picture(vqvae.decode_indices(part.to(device))).cpu()
        for part in codes.indices.split(batch_size)
    ]
    return (torch.cat(pictures) * most).round().long()


def _require_levels(vqvae: VQVAE, levels: object) -> Tensor:
    shape = ("B", vqvae.in_channels, *["any"] * vqvae.n_dims)
    return require_shape("levels", require_whole("levels", levels), shape)


def _fingerprint(vqvae: VQVAE) -> str:
    """SHA-256 of all numbers of a VQVAE."""
    digest = hashlib.sha256()
    for name, tensor in sorted(require_instance("vqvae", vqvae, VQVAE).state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _index_picture(indices: Tensor, n_codes: int, shape: tuple[int, int]) -> Tensor:
    """Fields of codes (N, h, w) as colour images (N, 3, *shape) in [0, 1], a colour for each code.

    Neighbouring numbers have similar colours, which means nothing: numbers are names here.
    """
    import matplotlib

    colours = matplotlib.colormaps["nipy_spectral"](np.linspace(0, 1, n_codes))[:, :3]
    pictures = torch.from_numpy(colours).float()[indices.cpu()].permute(0, 3, 1, 2)
    return torch.nn.functional.interpolate(pictures, size=tuple(shape), mode="nearest")


def reconstruction_sheet(vqvae: VQVAE, levels: Tensor, *, n_columns: int = 8) -> np.ndarray:
    """Images (N, C, H, W), their reconstructions and their codes, below each other, as one array.

    Every `n_columns` images make three rows: original, reconstruction, codes.
    """
    require_instance("vqvae", vqvae, VQVAE)
    require_int("n_columns", n_columns, at_least=1)
    levels = _require_levels(vqvae, levels)
    device = next(vqvae.parameters()).device
    rows = []
    for part in levels.split(n_columns):
        indices = extract_codes(vqvae, part)
        with torch.no_grad():
            again = vqvae.picture(vqvae.decode_indices(indices.to(device))).cpu()
        original = part.float() / (vqvae.n_levels - 1)
        codes = _index_picture(indices, vqvae.n_codes, tuple(part.shape[2:]))
        for images in (original, again, codes):
            in_colour = images.expand(-1, 3, -1, -1)
            empty = torch.ones(n_columns - len(part), *in_colour.shape[1:])
            rows.append(torch.cat([in_colour, empty]))
    return tile(torch.cat(rows), n_columns=n_columns)
