"""Old addresses: what imports a module from where it stood before is told where it is.

A notebook that somebody saved then still says `from tutorial_lib.pixels.masks import causal_mask`.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

MOVED = {
    "averaging": "training.averaging",
    "bayes": "pixels.bayes",
    "bounds": "codes.bounds",
    "cached_features": "sampling.features",
    "cached_gated": "sampling.gated_cache",
    "cached_pixelcnn": "sampling.pixelcnn_cache",
    "checkpoint": "training.checkpoint",
    "code_files": "recipes.code_files",
    "code_prior": "codes.code_prior",
    "commands": "cli.commands",
    "coordinates": "pixels.coordinates",
    "dashboard": "notebook.dashboard",
    "doctor": "recipes.doctor",
    "evaluation": "training.evaluation",
    "fit_config": "training.config",
    "folder_lock": "training.folder_lock",
    "full_precision": "pixels.full_precision",
    "gated": "pixels.gated",
    "gated_frames": "codes.gated_frames",
    "gated_layer": "pixels.gated_layer",
    "gated_row": "pixels.gated_row",
    "gaussian_posterior": "codes.gaussian_posterior",
    "grids": "recipes.sample_sheets",
    "history": "training.history",
    "image_model_recipe": "recipes.image_model_recipe",
    "image_models": "recipes.image_model",
    "influence": "pixels.influence",
    "interruption": "training.interruption",
    "kept_runs": "training.kept_runs",
    "likelihood": "pixels.likelihood",
    "logit_sources": "sampling.sources",
    "lstm_layers": "pixels.lstm_layers",
    "masks": "pixels.masks",
    "memory_format": "pixels.memory_format",
    "metric_sums": "training.metric_sums",
    "modes": "pixels.modes",
    "named_recipes": "recipes.named",
    "notebook_setup": "notebook.setup",
    "one_latent": "codes.one_latent",
    "option_types": "cli.option_types",
    "out_of_memory": "sampling.out_of_memory",
    "pixelcnn": "pixels.pixelcnn",
    "pixelcnn_autoencoder": "codes.pixelcnn_autoencoder",
    "pixelrnn": "pixels.pixelrnn",
    "plain_checks": "contracts.plain",
    "plotting": "notebook.plotting",
    "preconditions": "recipes.preconditions",
    "pretrained": "recipes.pretrained",
    "processes": "training.distributed",
    "provenance": "recipes.provenances",
    "quantize": "codes.quantizer",
    "reproduce": "recipes.reproduction",
    "run_clock": "training.clock",
    "run_facts": "codes.run_facts",
    "run_folder": "training.folder",
    "run_record": "training.record",
    "sample_quality": "codes.sample_quality",
    "schedule": "training.schedule",
    "setup_cell": "notebook.setup_cell",
    "suggestions": "contracts.suggestions",
    "tabular": "pixels.tabular",
    "train_commands": "cli.train_commands",
    "train_options": "cli.train_options",
    "training_run": "training.run",
    "two_stage": "codes.two_stage",
    "two_stage_settings": "recipes.settings",
    "vae": "codes.vae",
    "validation": "contracts.validation",
    "values": "contracts.values",
    "vector_coders": "codes.vector_coders",
    "vqvae": "codes.vqvae",
    "weights_shelf": "recipes.weights_shelf",
    "whole_file": "training.whole_file",
    "widgets": "notebook.widgets",
    "write_errors": "training.write_errors",
}


class OldAddresses(MetaPathFinder):
    """Asked last, when no module of that name was found."""

    def find_spec(self, name, path=None, target=None):
        package, _, old = name.partition(".")
        if package == "tutorial_lib" and old in MOVED:
            raise ImportError(
                f"tutorial_lib.{old} stands in tutorial_lib.{MOVED[old]} now. A "
                "notebook that was saved before needs its new version: see the project's page."
            )


def answer_old_addresses() -> None:
    """Let imports of old addresses end in a sentence."""
    if not any(isinstance(each, OldAddresses) for each in sys.meta_path):
        sys.meta_path.append(OldAddresses())
