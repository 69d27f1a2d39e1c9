"""A folder of your own pictures as a data set: `data.from_folder("holiday", side=64)`.

Pictures (`picture_files`) in sub-folders have the sub-folder's name as their class. What cannot be
read is skipped and listed; nothing in the folder is changed.

A tenth of the pictures becomes `valid` and a tenth `test`. Which ones, the hash of a picture's path
says: the same folder gives the same splits on every machine. Photographs taken one after the other
may lie on both sides of a split, and then a model is tested on what it has seen. So pairs that look
alike are listed, too.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from tutorial_lib.contracts import Count, Seed, Several, checked
from tutorial_lib.data.catalog import SPLITS
from tutorial_lib.data.dataset import UNLABELLED, ImageDataset, Split
from tutorial_lib.data.picture_files import ENDINGS, find_pictures, read_picture, reason_of

MOST_BYTES = 4 * 2**30
HASH_SIDE, ALIKE = 8, 3  # bits a side of the perceptual hash; bits in which twins may differ
LISTED = 5  # entries of a list that a sentence shows


class FolderError(ValueError):
    """The folder cannot become a data set; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class FolderDataset(ImageDataset):
    """A data set made of a folder.

    paths: of the pictures of each split, in its order. skipped: what could not be read, with the
    reason. alike: pairs of a training picture and one of `valid` or `test` that look the same.
    """

    paths: dict[str, list[Path]]
    skipped: list[tuple[Path, str]]
    alike: list[tuple[Path, Path]]

    def summary(self) -> str:
        """What was found, in a few lines."""
        sizes = ", ".join(f"{len(split):,} {name}" for name, split in self.splits().items())
        shape = "x".join(map(str, self.train.levels.shape[1:]))
        lines = [f"{self.name}: {sizes}; {shape} in {self.n_levels} levels"]
        if self.class_names:
            lines.append(f"{len(self.class_names)} classes: {_listed(self.class_names)}")
        if self.skipped:
            reasons = [f"{path} ({reason})" for path, reason in self.skipped]
            lines.append(f"{len(self.skipped):,} files were skipped: {_listed(reasons)}")
        if self.alike:
            pairs = [f"{a} = {b}" for a, b in self.alike]
            lines.append(
                f"{len(self.alike):,} pictures of valid or test look like one of train, so results "
                f"on them flatter: {_listed(pairs)}"
            )
        return "\n".join(lines)


@checked
def from_folder(
    path: str | Path,
    *,
    side: Count = 64,
    colors: Literal[1, 3] = 3,
    n_levels: Several = 256,
    seed: Seed = 0,
    fit: Literal["crop", "pad"] = "crop",
    progress: bool = True,
) -> FolderDataset:
    """The PNG, JPEG, WebP, BMP and GIF files below `path` as levels (N, colors, side, side).

    fit: "crop" keeps the middle square of a picture, "pad" all of it, with white beside it. Of a
    GIF the first frame counts. seed: another one splits differently. progress: show a bar, and say
    what was found. FolderError if the folder is not there, or holds fewer than ten pictures that
    can be read; ValueError if n_levels does not divide 256.

        pictures = from_folder("holiday", side=64)
        show_images(pictures.test.levels[:20], n_levels=pictures.n_levels)
    """
    if 256 % n_levels:
        raise ValueError(f"n_levels must divide 256, got {n_levels}")
    folder = _existing(Path(path).expanduser())
    files, skipped = find_pictures(folder)
    needed = len(files) * colors * side**2
    if needed > MOST_BYTES:
        raise FolderError(
            f"{len(files):,} pictures of side {side} would take {needed / 2**30:.1f} GiB of "
            f"memory: choose a smaller side, or fewer pictures"
        )
    images, read = [], []
    for file in tqdm(files, desc=folder.name, unit="picture", disable=not progress):
        try:
            images.append(read_picture(file, side=side, colors=colors, fit=fit))
            read.append(file)
        except Exception as error:  # a damaged file makes a decoder raise anything
            skipped.append((file.relative_to(folder), reason_of(error)))
    if len(read) < 10:
        raise FolderError(_too_few(folder, len(read), skipped))
    made = _split_up(folder, read, np.stack(images), n_levels, seed, skipped)
    if progress:
        print(made.summary())
    return made


def _existing(folder: Path) -> Path:
    if not folder.exists():
        raise FolderError(f"path: there is no folder {folder}")
    if not folder.is_dir():
        raise FolderError(f"path must be a folder of pictures, and {folder} is a file")
    return folder


def perceptual_hashes(images: np.ndarray) -> np.ndarray:
    """(N, 64) bool: is each of 8×8 patches brighter than its right neighbour?

    images: (N, C, side, side) uint8. Scaling, light and compression change few of the 64 bits.
    """
    grey = images.mean(axis=1).astype(np.uint8)
    size, resample = (HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BOX
    small = [np.asarray(Image.fromarray(each).resize(size, resample), np.int16) for each in grey]
    patches = np.stack(small)
    return (patches[:, :, :-1] > patches[:, :, 1:] + 1).reshape(len(images), -1)


def twins(
    hashes: np.ndarray, others: np.ndarray, images: np.ndarray, other_images: np.ndarray
) -> Iterator[tuple[int, int]]:
    """Pairs (i, j): the first of `images` that looks like other image j, for each j that has one.

    Flat pictures have few bits set, so the pixels decide in the end: a mean difference of at most
    8 levels.
    """
    signs, other_signs = (2.0 * h.astype(np.float32) - 1 for h in (hashes, others))
    for j, sign in enumerate(other_signs):
        differing = (signs.shape[1] - signs @ sign) / 2
        for i in np.flatnonzero(differing <= ALIKE):
            off = np.abs(images[i].astype(np.int16) - other_images[j]).mean()
            if off <= 8:
                yield int(i), j
                break


def _split_up(
    folder: Path,
    files: list[Path],
    images: np.ndarray,
    n_levels: int,
    seed: int,
    skipped: list[tuple[Path, str]],
) -> FolderDataset:
    told = [file.relative_to(folder) for file in files]
    keys = [hashlib.sha256(f"{seed}/{each.as_posix()}".encode()).digest() for each in told]
    order = sorted(range(len(told)), key=keys.__getitem__)
    tenth = len(order) // 10
    parts = order[2 * tenth :], order[:tenth], order[tenth : 2 * tenth]
    rows = dict(zip(SPLITS, parts, strict=True))
    names, labels = _classes(folder, told)
    hashes = perceptual_hashes(images)
    alike = []
    for name in ("valid", "test"):
        train, other = rows["train"], rows[name]
        for i, j in twins(hashes[train], hashes[other], images[train], images[other]):
            alike.append((told[train[i]], told[other[j]]))
    coarse = images // (256 // n_levels)
    splits = {
        name: Split(torch.from_numpy(coarse[own]), torch.tensor([labels[i] for i in own]))
        for name, own in rows.items()
    }
    return FolderDataset(
        name=f"folder {folder.resolve().name}",  # never the name of a data set
        **splits,
        n_levels=n_levels,
        class_names=names,
        paths={name: [told[i] for i in own] for name, own in rows.items()},
        skipped=skipped,
        alike=alike,
    )


def _classes(folder: Path, told: list[Path]) -> tuple[tuple[str, ...], list[int]]:
    """Class names and a label for each picture: the sub-folder it lies in, if there are any."""
    own = [each.parts[0] if len(each.parts) > 1 else folder.resolve().name for each in told]
    if all(len(each.parts) == 1 for each in told):
        return (), [UNLABELLED] * len(told)
    names = tuple(sorted(set(own)))
    return names, [names.index(each) for each in own]


def _too_few(folder: Path, n: int, skipped: list[tuple[Path, str]]) -> str:
    found = f"path: {folder} holds {n} pictures that can be read, and at least 10 are needed"
    endings = ", ".join(each[1:] for each in ENDINGS)
    if skipped:
        reasons = [f"{path} ({reason})" for path, reason in skipped]
        return f"{found}. Skipped: {_listed(reasons)}"
    return f"{found}. Pictures are files that end in {endings}, in the folder or below it."


def _listed(things: list[str] | tuple[str, ...]) -> str:
    more = f", and {len(things) - LISTED:,} more" if len(things) > LISTED else ""
    return ", ".join(things[:LISTED]) + more
