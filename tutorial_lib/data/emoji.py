"""1,906 emoji in two styles, 32×32 in colour, in the package: small, varied, and yours to train on.

    train   1,534 emoji, each in both styles: 3,068 images
    valid     186 emoji, 372 images
    test      186 emoji, 372 images

The two styles of an emoji draw the same thing. A split by image would put one style into training
and the other into the test, and a model would be tested on what it has seen. So the splits are by
*emoji*: all drawings of one lie in one split. Each group gives a tenth of its emoji to `valid` and
a tenth to `test`. Skin-tone variants are left out: they differ from their base in one colour.

Labels are the nine groups of Unicode; `with_styles` makes the style part of the label.

Drawings: Noto Color Emoji (Google, Apache License 2.0) and Twemoji (Twitter and contributors,
CC BY 4.0), laid on white; `EMOJI_LICENSES.txt` beside the file has both notices.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from tutorial_lib.contracts import Natural, checked
from tutorial_lib.data.catalog import CATALOG, SPLITS
from tutorial_lib.data.dataset import ImageDataset, Split
from tutorial_lib.data.sample import read_arrays

EMOJI_PATH = Path(__file__).with_name("emoji32.npz")
EMOJI_SHA256 = "4093ad67e0ed86209496e051e039e3245b6af8f691b51e2a479b2f0896b4362a"
STYLES = ("Noto", "Twemoji")
GROUPS = CATALOG["emoji"].class_names
SEED = 1606_05328  # the arXiv number of the gated PixelCNN paper


def rows_of_splits(groups: np.ndarray, seed: int = SEED) -> dict[str, np.ndarray]:
    """Rows of the file for each split, shuffled: a tenth of every group for valid and for test.

    groups: (N,) the group of each emoji.
    """
    # The legacy generator: numpy promises that its numbers never change.
    random = np.random.RandomState(seed)
    rows = {name: [] for name in SPLITS}
    for group in GROUPS:
        own = random.permutation(np.flatnonzero(groups == group))
        tenth = len(own) // 10
        parts = own[2 * tenth :], own[:tenth], own[tenth : 2 * tenth]
        for name, part in zip(SPLITS, parts, strict=True):
            rows[name].append(part)
    return {name: random.permutation(np.concatenate(parts)) for name, parts in rows.items()}


def read_emoji() -> list[Split]:
    """[train, valid, test] of levels (N, 3, 32, 32); the styles of an emoji follow each other."""
    arrays = read_arrays(EMOJI_PATH, EMOJI_SHA256)
    both = np.stack([arrays["noto"], arrays["twemoji"]], axis=1)  # (emoji, style, H, W, RGB)
    levels = torch.from_numpy(both).permute(0, 1, 4, 2, 3)
    labels = torch.tensor([GROUPS.index(group) for group in arrays["group"]])
    return [
        Split(levels[rows].flatten(0, 1).contiguous(), labels[rows].repeat_interleave(2))
        for rows in map(torch.from_numpy, rows_of_splits(arrays["group"]).values())
    ]


@checked
def names_in(split: Literal["train", "valid", "test"]) -> list[str]:
    """The Unicode name of each image of a split."""
    arrays = read_arrays(EMOJI_PATH, EMOJI_SHA256)
    names = arrays["name"][rows_of_splits(arrays["group"])[split]]
    return [str(name) for name in names.repeat(len(STYLES))]


@checked
def styles(n: Natural) -> Int[Tensor, "n"]:
    """The style (0 Noto, 1 Twemoji) of the first n images of a split.

    >>> styles(4)
    tensor([0, 1, 0, 1])
    """
    return torch.arange(n) % len(STYLES)


@checked
def with_styles(emoji: ImageDataset) -> ImageDataset:
    """The same images with 18 labels, a group in a style: 2 · group + style."""
    if emoji.class_names != GROUPS:
        raise ValueError(
            f'emoji must be data.load("emoji"), with its nine groups: got the ImageDataset '
            f"{emoji.name!r} with class_names {emoji.class_names}"
        )
    names = tuple(f"{group}, {style}" for group in emoji.class_names for style in STYLES)
    splits = {
        name: Split(split.levels, len(STYLES) * split.labels + styles(len(split)))
        for name, split in emoji.splits().items()
    }
    return replace(emoji, class_names=names, **splits)
