"""What every loader returns: three disjoint splits of intensity levels and labels.

Levels stay integers. The autoregressive models of the series predict a categorical distribution
over levels 0 .. L-1, and a likelihood in bits per dimension is comparable only if nothing was
rescaled or dithered on the way; encoders divide by L-1 themselves when they need numbers in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.contracts import Natural, Seed, Several, check_fields, checked, that
from tutorial_lib.contracts.tensors import channels_last_hint

UNLABELLED = -1
Names = Annotated[tuple, that(lambda names: all(isinstance(n, str) for n in names), "hold strings")]


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, in the fixed order of their source; shuffle when training.

    levels: (N, C, H, W) for images, (N, 1, T) for audio, (N, 1, T, H, W) for clips, time first;
    values 0 .. n_levels-1. labels: class numbers; -1 throughout where a set has none (binarized
    MNIST), so that a batch always has two parts, and an embedding that is handed such a label
    fails at once.
    """

    levels: UInt8[Tensor, "N *example"]
    labels: Int[Tensor, "N"]

    def __post_init__(self):
        check_fields(self)
        if hint := channels_last_hint("levels", self.levels.shape):
            raise ValueError(
                f"levels must be (N, C, H, W), got shape {tuple(self.levels.shape)}{hint}"
            )

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, index):
        """(levels, labels) at an integer, slice or index tensor; a DataLoader can read a Split."""
        return self.levels[index], self.labels[index]

    @checked
    def subset(self, n: Natural, seed: Seed = 0) -> Split:
        """n different examples drawn at random; the same seed draws the same ones."""
        if n > len(self):
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
    n_levels: Several
    class_names: Names

    def __post_init__(self):
        check_fields(self)
        example = tuple(self.train.levels.shape[1:])
        labels = range(len(self.class_names)) if self.class_names else range(UNLABELLED, 0)
        for name, split in self.splits().items():
            if tuple(split.levels.shape[1:]) != example:
                raise ValueError(
                    f"{self.name}: examples of the train split are {example}, but the {name} "
                    f"Split holds levels of shape {tuple(split.levels.shape)}"
                )
            for what, values, allowed in (
                ("level", split.levels, range(self.n_levels)),
                ("label", split.labels, labels),
            ):
                ends = map(int, values.aminmax()) if len(values) else ()
                wrong = [value for value in ends if value not in allowed]
                if wrong:
                    raise ValueError(
                        f"{self.name}: the {name} split holds {what} {wrong[0]}, but its "
                        f"{what}s are {allowed.start} to {allowed[-1]}"
                    )

    @property
    def facts(self) -> RunFacts:
        """What is stored with weights that were trained on these examples."""
        shape = tuple(self.train.levels.shape[1:])
        return RunFacts(self.name, shape, self.n_levels, self.class_names)

    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @checked
    def with_n_levels(self, n_levels: Several) -> ImageDataset:
        """The same images in fewer levels, each standing for an equal share of the old ones.

        256 levels become 2 at the threshold "127 or less, 128 or more". ValueError if n_levels does
        not divide the number of levels there are.
        """
        width, rest = divmod(self.n_levels, n_levels)
        if rest:
            raise ValueError(
                f"{self.name} has {self.n_levels} levels, which cannot be put into "
                f"{n_levels} equal groups: n_levels must be a divisor of at least 2"
            )
        splits = self.splits().items()
        coarse = {name: Split(split.levels // width, split.labels) for name, split in splits}
        return replace(self, n_levels=n_levels, **coarse)


@checked
def hold_out_last(pool: Split, n_valid: Natural) -> tuple[Split, Split]:
    """(train, valid): the last n_valid examples of a training pool are set aside for validation."""
    n_train = len(pool) - n_valid
    if n_train < 0:
        raise ValueError(f"cannot hold {n_valid} examples out of {len(pool)}: n_valid is too large")
    return Split(*pool[:n_train]), Split(*pool[n_train:])
