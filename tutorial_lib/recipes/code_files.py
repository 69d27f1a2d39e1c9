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
from jaxtyping import Int, Integer
from torch import Tensor

from tutorial_lib.codes.run_facts import RunFacts, facts_from_json
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts import Count, check_fields, checked, symbols
from tutorial_lib.data.tiles import tile
from tutorial_lib.recipes.two_stage import extract_codes
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors

SMALLEST = ((2**8, torch.uint8), (2**15, torch.int16), (2**31, torch.int32))


@dataclass(frozen=True, eq=False)
class CodeFile:
    """indices: (N, *latent) long. labels: (N,) long. facts: of the images.

    weights: the name or folder it was read from. fingerprint: of its numbers.
    """

    indices: Int[Tensor, "N *latent"]
    labels: Int[Tensor, " N"]
    facts: RunFacts
    n_codes: Count
    weights: str
    fingerprint: str

    def __post_init__(self):
        check_fields(self)
        symbols("indices", self.indices, self.n_codes)


@checked
def write_codes(
    path: Path | str,
    vqvae: VQVAE,
    levels: Integer[Tensor, "B {vqvae.in_channels} *shape"],
    labels: Int[Tensor, " B"],
    facts: RunFacts,
    *,
    weights: str,
) -> CodeFile:
    """Encode images of levels (N, C, *shape) into the file `path`; returns what it holds."""
    indices = extract_codes(vqvae, levels)
    codes = CodeFile(indices, labels, facts, vqvae.n_codes, weights, _fingerprint(vqvae))
    told = {name: getattr(codes, name) for name in ("n_codes", "weights", "fingerprint")}
    dtype = next(dtype for most, dtype in SMALLEST if vqvae.n_codes <= most)
    tensors = {"indices": indices.to(dtype), "labels": labels}
    write_tensors(path, tensors, {"codes": {"facts": facts.as_json(), **told}})
    return codes


@checked
def read_codes(path: Path | str) -> CodeFile:
    """A file by `write_codes`. CheckpointError for a file that is damaged or of another kind."""
    tensors, header = read_tensors(path)
    if "codes" not in header or not {"indices", "labels"} <= tensors.keys():
        raise CheckpointError(f"{path} holds no codes: `encode` writes a file of codes")
    try:
        told = dict(header["codes"])
        facts = facts_from_json(told.pop("facts"))
        return CodeFile(tensors["indices"].long(), tensors["labels"].long(), facts, **told)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the codes in {path} are none: {error}") from error


@checked
@torch.no_grad()
def decode_codes(vqvae: VQVAE, codes: CodeFile, *, batch_size: Count = 100) -> Tensor:
    """The decoder's mean images of a file of codes, as levels (N, C, *shape) long on the CPU.

    CheckpointError if another VQVAE made the codes: its codebook means something else.
    """
    if _fingerprint(vqvae) != codes.fingerprint:
        raise CheckpointError(
            f"these codes were made by other weights ({codes.weights}): only those can decode them"
        )
    pictures = [_decoded(vqvae, part) for part in codes.indices.split(batch_size)]
    return (torch.cat(pictures) * (codes.facts.n_levels - 1)).round().long()


def _decoded(vqvae: VQVAE, indices: Tensor) -> Tensor:
    """The decoder's mean images in [0, 1], on the CPU."""
    device = next(vqvae.parameters()).device
    return vqvae.picture(vqvae.decode_indices(indices.to(device))).cpu()


def _fingerprint(vqvae: VQVAE) -> str:
    """SHA-256 of all numbers of a VQVAE."""
    digest = hashlib.sha256()
    for name, tensor in sorted(vqvae.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _index_picture(indices: Tensor, n_codes: int, shape: tuple[int, int]) -> Tensor:
    """Fields of codes (N, h, w) as colour images (N, 3, *shape) in [0, 1], a colour for each code.

    Of residual codes (N, M, h, w) those of the first codebook.

    Neighbouring numbers have similar colours, which means nothing: numbers are names here.
    """
    import matplotlib

    indices = indices if indices.ndim == 3 else indices[:, 0]
    colours = matplotlib.colormaps["nipy_spectral"](np.linspace(0, 1, n_codes))[:, :3]
    pictures = torch.from_numpy(colours).float()[indices.cpu()].permute(0, 3, 1, 2)
    return torch.nn.functional.interpolate(pictures, size=tuple(shape), mode="nearest")


@checked
@torch.no_grad()
def reconstruction_sheet(
    vqvae: VQVAE, levels: Integer[Tensor, "B {vqvae.in_channels} H W"], *, n_columns: Count = 8
) -> np.ndarray:
    """Images (N, C, H, W), their reconstructions and their codes, below each other, as one array.

    Every `n_columns` images make three rows: original, reconstruction, codes.
    """
    rows = []
    for part in levels.split(n_columns):
        indices = extract_codes(vqvae, part)
        original = part.float() / (vqvae.n_levels - 1)
        codes = _index_picture(indices, vqvae.n_codes, tuple(part.shape[2:]))
        for images in (original, _decoded(vqvae, indices), codes):
            in_colour = images.expand(-1, 3, -1, -1)
            empty = torch.ones(n_columns - len(part), *in_colour.shape[1:])
            rows.append(torch.cat([in_colour, empty]))
    return tile(torch.cat(rows), n_columns=n_columns)
