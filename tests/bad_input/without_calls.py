"""Public names that are not called with wrong arguments, each with the reason.

A reason for a module counts for all its names that have no call.
"""

from __future__ import annotations

PARTS_OF_THE_SAMPLER = "a part of the cached sampler, made by sampling.sample after its checks"
PARTS_OF_A_MODEL = "inside every pass of a model, which looks at what enters"
PARTS_OF_FIT = "a part of training.fit, made and called by it once it has checked all"
REASONS = {
    "cached_features": PARTS_OF_THE_SAMPLER,
    "cached_gated": PARTS_OF_THE_SAMPLER,
    "cached_pixelcnn": PARTS_OF_THE_SAMPLER,
    "gated_row.LayerCache": PARTS_OF_THE_SAMPLER,
    "gated_row.RowCache": PARTS_OF_THE_SAMPLER,
    "gated.check_given": "a check itself: every label and context goes through it",
    "gated_frames.PastFrames.forward": PARTS_OF_A_MODEL,
    "gated_layer.GatedLayer.condition": PARTS_OF_A_MODEL,
    "gated_layer.GatedLayer.forward": PARTS_OF_A_MODEL,
    "gated_layer.HorizontalConv2d.forward": PARTS_OF_A_MODEL,
    "gated_layer.VerticalConv2d.forward": PARTS_OF_A_MODEL,
    "gated_layer.gate": PARTS_OF_A_MODEL,
    "gated_layer.plus": PARTS_OF_A_MODEL,
    "gated_row.RowLayer.condition": PARTS_OF_A_MODEL,
    "gated_row.RowLayer.forward": PARTS_OF_A_MODEL,
    "lstm_layers.DiagonalBiLSTMLayer.forward": PARTS_OF_A_MODEL,
    "lstm_layers.DiagonalLSTMLayer.forward": PARTS_OF_A_MODEL,
    "lstm_layers.RowLSTMLayer.forward": PARTS_OF_A_MODEL,
    "pixelcnn.MaskedResidualBlock.forward": PARTS_OF_A_MODEL,
    "pixelrnn.ResidualLSTM.forward": PARTS_OF_A_MODEL,
    "quantize.vectors_of": PARTS_OF_A_MODEL,
    "vqvae.ResidualBlock.forward": PARTS_OF_A_MODEL,
    "logit_sources": PARTS_OF_THE_SAMPLER,
    "training_run": PARTS_OF_FIT,
    "run_clock": PARTS_OF_FIT,
    "run_folder": PARTS_OF_FIT,
    "run_record": PARTS_OF_FIT,
    "metric_sums": PARTS_OF_FIT,
    "full_precision": "takes the device of a tensor; tests/test_full_precision.py holds it",
    "modes": "a context around a model that was checked before; tests/test_modes.py holds it",
    "processes": PARTS_OF_FIT,
    "evaluation.undisturbed": PARTS_OF_FIT,
    "pixelcnn.MaskedStack": "an abstract class; its three models are called",
    "plain_checks": "the checks themselves: tests/test_validation.py holds them",
    "validation": "the checks themselves: tests/test_validation.py holds them",
    "values": "the checks themselves: tests/test_contracts.py holds them",
    "contracts": "the checks themselves: tests/test_contracts.py holds them",
    "data.dataset.Split.__getitem__": "Python's protocol: an index too large must be an IndexError",
    "data.catalog.CatalogEntry": "filled in the catalog, and held by tests/test_data_loading.py",
    "data.description.DatasetInfo": "a record that describe() fills",
    "data.download": "reached through load and fetch alone; tests/test_data_download.py breaks it",
    "data.remote_file": "addresses and checksums in the library's own table",
    "data.sample": "reads the one file of the package; tests/test_data_sample.py damages it",
    "data.spoken_digits.Recording": "a record that read_recordings fills",
    "checkpoint": PARTS_OF_FIT,
    "evaluation.require_examples": "a check itself: every data here goes through it",
    "evaluation.metrics_of": PARTS_OF_FIT,
    "named_recipes.Presets": "made by same and larger, which are called",
    "history.History": "a record that fit fills",
    "reproduce.reproduce": "trains for minutes; recipe_named, which it asks first, is called",
    "doctor": "looks at the machine and takes no data",
    "equations": "a table of text",
    "notebook_setup": "looks at the machine and takes no data",
    "profiles.choose": "hands back one of three presets of any kind; current() decides",
    "folder_lock": PARTS_OF_FIT,
    "out_of_memory": "names an error of somebody else, and passes it on",
    "write_errors": "names an error of the disk, and passes it on",
    "whole_file": PARTS_OF_FIT,
    "user_folders": "folders of the operating system; tests of its own",
    "kept_runs": "a folder by its name; tests of its own",
    "setup_cell": "the source of a cell, made when notebooks are stamped",
    "widgets.picture": "puts figures into a page; handed none but those of the controls",
    "widgets.completion.draw_completions": "takes a model of 28x28 images to sampling.sample",
    "widgets.completion.completion_explorer": "sliders in front of draw_completions",
    "lstm_layers.run_diagonally": "the loop inside the two diagonal layers, which are called",
    "grids.write_sample_grids": "samples and files of `python -m tutorial_lib sample`",
    "preconditions": "the checks themselves: whatever recipes train on goes through them",
    "weights_shelf": "reads names and headers; what cannot be read tells nothing",
    "suggestions": "words for messages",
    "run_facts.label_named": "text from a shell; tests/test_cli.py",
    "code_files.CodeFile": "a record that read_codes and write_codes fill",
    "commands": "text from a shell, which tyro parses and answers",
    "cli": "text from a shell, which tyro parses and answers",
    "option_types": "types of options, for tyro",
    "train_options": "settings from a shell, which check themselves",
    "train_commands": "text from a shell, which tyro parses and answers",
}


def reason_without(name: str) -> str | None:
    """The reason for a name, or for what it is a part of; None if there is none."""
    parts = name.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((REASONS[prefix] for prefix in prefixes if prefix in REASONS), None)
