"""Variants of exercise 13.1: new numbers for codes, and codes that survive a mirror."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.exercises import ch13
from tutorial_lib.exercises.trials import Trial

CODER = (
    'extract_codes(type("Coder", (torch.nn.Module,), '
    '{"encode_indices": lambda self, x: x[:, 0, ::2, ::2] // 2})(), '
)

extract_codes = Variants(
    ch13.extract_codes,
    asked="A field of numbers for every image, in the order of the images.",
    returns="(N, h, w) torch.long{and_more}",
    examples=(
        CODER + "torch.tensor([[9, 8, 7, 6], [5, 4, 3, 2], [7, 6, 9, 9], [6, 3, 2, 1]])"
        ".view(1, 1, 4, 4).to(torch.uint8), batch_size=1)",
        CODER + "torch.arange(32).view(2, 1, 4, 4).remainder(7).to(torch.uint8), batch_size=1)",
    ),
)


@torch.no_grad()
def _codes(vqvae, levels, batch_size):
    return torch.cat([vqvae.eval().encode_indices(x.long()) for x in levels.split(batch_size)])


@extract_codes.twist(
    "The codes get new numbers 0, 1, 2, .. in the order in which they first occur.",
    and_more=(
        ": 0 wherever the very first code of all occurs again, 1 for the next new code, and "
        "so on, image by image, each in raster order"
    ),
    by_hand=(
        "two images with the codes [[7, 3]] and [[3, 9]]: 7 becomes 0, 3 becomes 1, 9 becomes "
        "2, so the result is [[[0, 1]], [[1, 2]]]"
    ),
)
def as_they_come(vqvae, levels, *, batch_size=256):
    codes = _codes(vqvae, levels, batch_size)
    numbers = {}
    new = [numbers.setdefault(code, len(numbers)) for code in codes.flatten().tolist()]
    return torch.tensor(new).view(codes.shape)


@extract_codes.right
def by_ranks(vqvae, levels, *, batch_size=256):
    codes = _codes(vqvae, levels, batch_size)
    used, which = codes.unique(return_inverse=True)
    places = torch.arange(codes.numel()).expand(len(used), -1)
    first = torch.where(which.flatten() == torch.arange(len(used))[:, None], places, 1 << 60)
    return first.amin(dim=1).argsort().argsort()[which]


def _agreeing(axis: int, words: str, by_hand: str):
    @extract_codes.twist(
        f"Only codes that survive a mirror ({words}) are kept; elsewhere stands -1.",
        and_more=(
            f". Each image is coded as it is and mirrored {words}; the field of the mirrored "
            "image is turned back. A code is kept where both fields have it"
        ),
        by_hand=by_hand,
    )
    def right(vqvae, levels, *, batch_size=256):
        codes = _codes(vqvae, levels, batch_size)
        mirrored = _codes(vqvae, levels.flip(axis), batch_size).flip(axis)
        return torch.where(codes == mirrored, codes, -1)

    @extract_codes.right
    @torch.no_grad()
    def one_by_one(vqvae, levels, *, batch_size=256):
        fields = []
        for image in levels.long():
            one, other = vqvae.eval().encode_indices(torch.stack([image, image.flip(axis)]))
            differs = one != other.flip(axis)
            fields.append(one.masked_fill(differs, -1))
        return torch.stack(fields)


_agreeing(
    -1,
    "left to right",
    (
        "the image's codes are [[7, 3]], those of its mirror image [[4, 7]], which turned back "
        "are [[7, 4]]. The result is [[7, -1]]"
    ),
)
_agreeing(
    -2,
    "top to bottom",
    (
        "the image's codes are [[7], [3]], those of its mirror image [[4], [7]], which turned "
        "back are [[7], [4]]. The result is [[7], [-1]]"
    ),
)


def _trial(n: int, batch_size: int, size: tuple[int, int], rng: torch.Generator) -> Trial:
    """A VQVAE with few codes, each of them the vector of some place, so that mirrors may agree."""
    vqvae = VQVAE(in_channels=1, n_levels=4, n_codes=5, code_dim=2, downsample=2, n_channels=4)
    levels = torch.randint(4, (n, 1, *size), generator=rng).to(torch.uint8)
    with torch.no_grad():
        for parameter in vqvae.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
        z_e = vqvae.encode(levels.long()).movedim(1, -1).flatten(0, -2)
        chosen = torch.randperm(len(z_e), generator=rng)[:5]
        vqvae.quantizer.codebook.copy_(z_e[chosen])
    return Trial((vqvae.train(), levels), {"batch_size": batch_size})


extract_codes.trials("all images in one batch")(lambda rng: [_trial(6, 6, (8, 12), rng)])
extract_codes.trials("several batches, the last one smaller")(
    lambda rng: [_trial(11, 4, (8, 8), rng)]
)
extract_codes.trials("batches of one image")(lambda rng: [_trial(5, 1, (12, 8), rng)])
