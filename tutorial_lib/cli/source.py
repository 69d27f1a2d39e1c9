"""Where the images of a command come from: a data set by its name, or a folder of pictures.

What can be told without torch is looked at first, by `Source.require`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.data import catalog
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings


@dataclass(frozen=True)
class Source:
    """dataset: a name of the catalog, unless `images` names a folder.

    side, colors: what the pictures of the folder are brought to. n_levels: None for those there
    are.
    """

    dataset: str = catalog.SAMPLE
    images: Path | None = None
    side: int = 64
    colors: int = 3
    n_levels: int | None = None

    def require(self, settings: object) -> None:
        """ValueError, before torch is loaded, for images that a command cannot use."""
        if self.images is not None:
            self._require_folder(settings)
            return
        entry = catalog.describe(self.dataset)
        if entry.kind != "images":
            raise ValueError(
                f"--dataset must name images, got {self.dataset!r}, which holds {entry.kind} of "
                f"shape {entry.example_shape}: chapter 15 trains on those"
            )
        prior = settings.prior if isinstance(settings, TwoStageSettings) else settings
        if isinstance(prior, PriorSettings) and prior.by_label and not entry.class_names:
            raise ValueError(
                f"--by-label yes asks for labels, but {self.dataset} has none: leave it out"
            )
        if self.n_levels is not None and entry.n_levels % self.n_levels:
            raise ValueError(
                f"--n-levels must divide the {entry.n_levels} of {self.dataset}, got "
                f"{self.n_levels}"
            )

    def _require_folder(self, settings: object) -> None:
        if not self.images.is_dir():
            what = "is a file" if self.images.exists() else "is not there"
            raise ValueError(f"--images must be a folder of pictures, and {self.images} {what}")
        if self.n_levels is not None and 256 % self.n_levels:
            raise ValueError(f"--n-levels must divide 256, got {self.n_levels}")
        stage_one = settings.vqvae if isinstance(settings, TwoStageSettings) else settings
        down = getattr(stage_one, "downsample", 1)
        if self.side % down:
            raise ValueError(f"--side must be a multiple of --downsample {down}, got {self.side}")

    def load(self, profile: str = "laptop"):
        """The data set in its levels, cut to a few batches in the smoke profile."""
        from tutorial_lib import data
        from tutorial_lib.recipes import two_stage as recipes
        from tutorial_lib.training.distributed import is_main, main_first

        with main_first():
            if self.images is None:
                dataset = data.load(self.dataset)
            else:
                options = {"side": self.side, "colors": self.colors, "progress": is_main()}
                dataset = data.from_folder(self.images, **options)
        if self.n_levels is not None:
            dataset = dataset.with_n_levels(self.n_levels)
        if profile != "smoke":
            return dataset
        sizes = {name: len(split) for name, split in dataset.splits().items()}
        n_held_out = min(64, sizes["valid"], sizes["test"])
        return recipes.cut_for_smoke(dataset, min(256, sizes["train"]), n_held_out)


def source_of_run(
    facts: RunFacts | None, dataset: str | None = None, images: Path | None = None
) -> Source:
    """The images that a run was trained on, or others of the same shape and levels.

    In the place of a data set that is not here its sample, if there is one.
    """
    if facts is None:
        return Source(dataset or catalog.SAMPLE, images)
    told = facts.shape[-1], facts.shape[0], facts.n_levels
    if images is not None or dataset is not None:
        return Source(dataset or catalog.SAMPLE, images, *told)
    if facts.dataset in catalog.CATALOG:
        info = catalog.describe(facts.dataset)
        if info.embedded or info.cached:
            return Source(facts.dataset, None, *told)
        if info.class_names == catalog.CATALOG[catalog.SAMPLE].class_names:
            return Source(catalog.SAMPLE, None, *told)
    raise ValueError(
        f"--dataset, or --images with a folder of pictures, must be given: the images it was "
        f"trained on ({facts.dataset or 'unknown'}) are not here. `python -m tutorial_lib data "
        f"list` shows the data sets"
    )
