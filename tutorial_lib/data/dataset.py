"""What every loader returns: three disjoint splits of intensity levels and labels.

Levels stay integers. The autoregressive models of the series predict a categorical distribution
over levels 0 .. L-1, and a likelihood in bits per dimension is comparable only if nothing was
rescaled or dithered on the way; encoders divide by L-1 themselves when they need numbers in [0, 1].
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.contracts.plain import (
    channels_last_hint,
    plain,
    require_instance,
    require_int,
    require_text,
)
from tutorial_lib.contracts.validation import require_tensor

UNLABELLED = -1


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, in the fixed order of their source; shuffle when training.

    levels: (N, C, H, W) uint8 for images, (N, 1, T) for audio, (N, 1, T, H, W) for clips, time
    first; values 0 .. n_levels-1.

    labels: (N,) int64 class numbers; -1 throughout where a set has no labels (binarized MNIST), so
    that a batch always has two parts, and an embedding that is handed such a label fails at once.

    Raises `TypeError` or `ValueError` for other types, or for a label missing.
    """

    levels: Tensor
    labels: Tensor

    def __post_init__(self):
        require_tensor("labels", self.labels, like=require_tensor("levels", self.levels))
        if self.levels.dtype != torch.uint8 or self.labels.dtype != torch.int64:
            raise TypeError(
                "a Split holds uint8 levels and int64 labels, "
                f"not {self.levels.dtype} and {self.labels.dtype}"
            )
        if not self.levels.ndim:
            raise ValueError(f"levels must hold examples, got shape {tuple(self.levels.shape)}")
        if hint := channels_last_hint("levels", self.levels.shape):
            raise ValueError(
                f"levels must be (N, C, H, W), got shape {tuple(self.levels.shape)}{hint}"
            )
        if self.labels.shape != self.levels.shape[:1]:
            raise ValueError(
                f"{len(self.levels)} examples need as many labels, in one dimension; "
                f"the labels have shape {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, index):
        """(levels, labels) at an integer, slice or index tensor; a DataLoader can read a Split."""
        return self.levels[index], self.labels[index]

    def subset(self, n: int, seed: int = 0) -> "Split":
        """n different examples drawn at random; the same seed draws the same ones."""
        require_int("seed", seed, at_least=0)
        if require_int("n", n, at_least=0) > len(self):
            raise ValueError(
                f"cannot draw {n} different examples from a split of {len(self)}: n is too large"
            )
        chosen = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))[:n]
        return Split(*self[chosen])


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A data set in three disjoint splits. Train on `train`, choose on `valid`, report on `test`.

    n_levels: L; every level lies in 0 .. L-1. class_names: empty for a set without labels.
    """

    name: str
    train: Split
    valid: Split
    test: Split
    n_levels: int
    class_names: tuple[str, ...]

    def __post_init__(self):
        require_text("name", self.name)
        require_int("n_levels", self.n_levels, at_least=2)
        self._check_names()
        for split_name, split in self.splits().items():
            require_instance(split_name, split, Split)
            self._check_sizes(split_name, split)
            if len(split) and int(split.levels.max()) >= self.n_levels:
                raise ValueError(
                    f"{self.name}: the {split_name} split holds level {int(split.levels.max())}, "
                    f"but its {self.n_levels} levels are 0 to {self.n_levels - 1}"
                )
            self._check_labels(split_name, split.labels)

    def _check_names(self) -> None:
        names = self.class_names
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            raise TypeError(
                f"class_names must be a tuple of strings, got {names!r} ({type(names).__name__})"
            )

    def _check_sizes(self, split_name: str, split: Split) -> None:
        expected = tuple(self.train.levels.shape[1:])
        if tuple(split.levels.shape[1:]) != expected:
            raise ValueError(
                f"{self.name}: examples of the train split are {expected}, but the {split_name} "
                f"Split holds levels of shape {tuple(split.levels.shape)}"
            )

    def _check_labels(self, split_name: str, labels: Tensor) -> None:
        allowed = range(len(self.class_names)) if self.class_names else range(UNLABELLED, 0)
        wrong = (labels < allowed.start) | (labels >= allowed.stop)
        if wrong.any():
            raise ValueError(
                f"{self.name}: the {split_name} split holds label {int(labels[wrong][0])}, "
                f"but its labels are {allowed.start} to {allowed.stop - 1}"
            )

    @property
    def facts(self) -> RunFacts:
        """What is stored with weights that were trained on these examples."""
        shape = tuple(self.train.levels.shape[1:])
        return RunFacts(self.name, shape, self.n_levels, self.class_names)

    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    def with_n_levels(self, n_levels: int) -> "ImageDataset":
        """The same images in fewer levels, each standing for an equal share of the old ones.

        256 levels become 2 at the threshold "127 or less, 128 or more". ValueError if n_levels does
        not divide the number of levels there are.
        """
        n_levels = plain(n_levels)
        if type(n_levels) is not int or n_levels < 2 or self.n_levels % n_levels:
            raise ValueError(
                f"{self.name} has {self.n_levels} levels, which cannot be put into "
                f"{n_levels!r} equal groups: n_levels must be a divisor of at least 2"
            )
        width = self.n_levels // n_levels
        coarse = {
            name: Split(split.levels // width, split.labels)
            for name, split in self.splits().items()
        }
        return replace(self, n_levels=n_levels, **coarse)


def hold_out_last(pool: Split, n_valid: int) -> tuple[Split, Split]:
    """(train, valid): the last n_valid examples of a training pool are set aside for validation."""
    require_instance("pool", pool, Split)
    n_train = len(pool) - require_int("n_valid", n_valid, at_least=0)
    if n_train < 0:
        raise ValueError(f"cannot hold {n_valid} examples out of {len(pool)}: n_valid is too large")
    return Split(*pool[:n_train]), Split(*pool[n_train:])
