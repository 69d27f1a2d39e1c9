"""Short clips of garments that drift over a small screen and bounce off its walls.

    16 frames of 32x32 pixels, levels (N, 1, 16, 32, 32): time first, then rows and columns

A clip shows one garment of the embedded sample, or two, halved to 14x14 by averaging 2x2 pixels.
Each moves at a constant speed along each axis and turns round where its frame touches a wall. Of
two garments the first is in front; the label is its class. So a clip is still pictures and a law of
motion, as in Moving MNIST (Srivastava et al. 2015, arXiv 1502.04681).

The splits share no garment: training clips show training garments of the sample, test clips test
garments. Clips are made in less than a second when they are asked for, in integers throughout and
from the frozen generator `RandomState`: the same bits on every machine.
"""

import numpy as np
import torch
from jaxtyping import Int, UInt8

from tutorial_lib.contracts import Count, checked
from tutorial_lib.data.catalog import SPLITS
from tutorial_lib.data.dataset import Split
from tutorial_lib.data.sample import read_arrays

NAME = "bouncing-garments"
N_FRAMES, SIDE, GARMENT_SIDE = 16, 32, 14
N_CLIPS = (2400, 300, 300)
N_CLASSES = 10
STEPS = 4  # positions and speeds are counted in quarters of a pixel
SLOWEST, FASTEST = 2, 10  # quarters of a pixel a frame, along each axis
SEED = 12


def read_bouncing_garments() -> tuple[Split, Split, Split]:
    """(train, valid, test): classes 0 to 9 in turn; ten clips of one garment, then ten of two."""
    arrays = read_arrays()
    return tuple(
        _clips(arrays[f"{name}_levels"], arrays[f"{name}_labels"], n_clips, [SEED, number])
        for number, (name, n_clips) in enumerate(zip(SPLITS, N_CLIPS, strict=True))
    )


def _clips(images: np.ndarray, labels: np.ndarray, n_clips: int, seed: list[int]) -> Split:
    """n_clips clips of these garments, each the first of one clip at most."""
    random = np.random.RandomState(seed)
    garments = halved(images)
    first = _balanced(random, labels, n_clips)
    second = random.permutation(len(images))[:n_clips]
    alone = np.arange(n_clips) // N_CLASSES % 2 == 0
    front, behind = (_placed(garments[who], _paths(random, n_clips)) for who in (first, second))
    behind[alone] = 0
    levels = np.where(front > 0, front, behind)[:, None]
    return Split(torch.from_numpy(levels), torch.from_numpy(labels[first].astype(np.int64)))


@checked
def halved(images: np.ndarray) -> UInt8[np.ndarray, "n halfh halfw"]:
    """Images (n, h, w) of half the sides: the mean of each 2x2 pixels, halves rounded up."""
    shape = images.shape
    if images.dtype != np.uint8 or len(shape) != 3 or shape[1] % 2 or shape[2] % 2:
        raise ValueError(
            f"images must be uint8 (n, h, w) with even sides, got {images.dtype} {shape}"
        )
    n, height, width = shape
    squares = images.reshape(n, height // 2, 2, width // 2, 2).sum(axis=(2, 4), dtype=np.int64)
    return ((squares + 2) // 4).astype(np.uint8)


def _balanced(random: np.random.RandomState, labels: np.ndarray, n: int) -> np.ndarray:
    """Positions of n different garments: of class 0, 1, ..., 9, 0, 1, ... in turn."""
    each = n // N_CLASSES
    by_class = [np.flatnonzero(labels == label) for label in range(N_CLASSES)]
    chosen = [random.permutation(garments)[:each] for garments in by_class]
    return np.stack(chosen, axis=1).flatten()


def _paths(random: np.random.RandomState, n: int) -> Int[np.ndarray, "n frames two"]:
    """Row and column of the upper left corner of each garment in each frame."""
    room = (SIDE - GARMENT_SIDE) * STEPS
    start = random.randint(0, room + 1, (n, 1, 2))
    speed = random.randint(SLOWEST, FASTEST + 1, (n, 1, 2)) * random.choice([-1, 1], (n, 1, 2))
    return bounced(start + speed * np.arange(N_FRAMES)[:, None], room) // STEPS


@checked
def bounced(position: np.ndarray, room: Count) -> np.ndarray:
    """A position on an endless line, folded back and forth into 0 .. room."""
    return room - np.abs(position % (2 * room) - room)


def _placed(garments: np.ndarray, corners: np.ndarray) -> UInt8[np.ndarray, "n frames h w"]:
    """Clips with one garment each on black, its upper left corner where it should be."""
    n, n_frames = corners.shape[:2]
    clips = np.zeros((n, n_frames, SIDE, SIDE), dtype=np.uint8)
    place = corners[..., None] + np.arange(GARMENT_SIDE)  # (n, frames, rows and columns, 14)
    clip, frame = np.ogrid[:n, :n_frames]
    rows, columns = place[:, :, 0, :, None], place[:, :, 1, None, :]
    clips[clip[..., None, None], frame[..., None, None], rows, columns] = garments[:, None]
    return clips
