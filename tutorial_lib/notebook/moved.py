"""Old addresses: what imports a module from where it stood before is told where it is.

A notebook that somebody saved then still says `from tutorial_lib.masks import causal_mask`.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

ROOMS = (
    *("pixels", "sampling", "codes", "training", "data", "recipes", "notebook"),
    *("contracts", "cli"),
)
MOVED = {  # all others kept their names when they moved into a room
    "averaging": "training.run",
    "cached_features": "sampling.features",
    "cached_gated": "sampling.gated_cache",
    "cached_pixelcnn": "sampling.pixelcnn_cache",
    "commands": "cli.commands",
    "evaluation": "training.measures",
    "fit_config": "training.config",
    "folder_lock": "training.checkpoint",
    "grids": "recipes.sample_sheets",
    "history": "training.config",
    "image_model_recipe": "recipes.settings",
    "image_models": "recipes.image_model",
    "interruption": "training.run",
    "kept_runs": "files",
    "logit_sources": "sampling.sources",
    "metric_sums": "training.measures",
    "named_recipes": "recipes.named",
    "notebook_setup": "notebook.setup",
    "plain_checks": "contracts.kinds",
    "processes": "training.distributed",
    "provenance": "recipes.results",
    "quantize": "codes.quantizer",
    "reproduce": "recipes.reproduction",
    "run_clock": "training.run",
    "run_folder": "training.checkpoint",
    "run_record": "training.run",
    "schedule": "training.config",
    "training_run": "training.run",
    "two_stage_settings": "recipes.settings",
    "validation": "contracts.kinds",
    "user_folders": "files",
    "whole_file": "files",
    "write_errors": "files",
}


def new_address(old: str) -> str | None:
    """Where the module `old` stands now, below tutorial_lib; None if no room has it."""
    if old in MOVED:
        return MOVED[old]
    library = Path(__file__).parents[1]
    kept = (r for r in ROOMS if old in {each.stem for each in (library / r).iterdir()})
    room = next(kept, None)
    return room and f"{room}.{old}"


class OldAddresses(MetaPathFinder):
    """Asked last, when no module of that name was found."""

    def find_spec(self, name, path=None, target=None):
        package, _, old = name.partition(".")
        if package == "tutorial_lib" and (new := new_address(old)):
            raise ImportError(
                f"tutorial_lib.{old} stands in tutorial_lib.{new} now. A "
                "notebook that was saved before needs its new version: see the project's page."
            )


def answer_old_addresses() -> None:
    """Let imports of old addresses end in a sentence."""
    if not any(isinstance(each, OldAddresses) for each in sys.meta_path):
        sys.meta_path.append(OldAddresses())
