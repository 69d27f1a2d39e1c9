"""Public names that are not called with wrong arguments, each with the reason.

A reason for a module counts for all its names that have no call.
"""

from __future__ import annotations

PARTS_OF_THE_SAMPLER = "a part of the cached sampler, made by sampling.sample after its checks"
PARTS_OF_A_MODEL = "inside every pass of a model, which looks at what enters"
PARTS_OF_FIT = "a part of training.fit, made and called by it once it has checked all"
REASONS = {
    "sampling.features": PARTS_OF_THE_SAMPLER,
    "sampling.gated_cache": PARTS_OF_THE_SAMPLER,
    "sampling.pixelcnn_cache": PARTS_OF_THE_SAMPLER,
    "pixels.gated.check_given": "a check itself: every label and context goes through it",
    "codes.gated_frames.PastFrames": PARTS_OF_A_MODEL,
    "codes.gated_frames.PastFrames.forward": PARTS_OF_A_MODEL,
    "codes.vector_coders.VectorCodeModel": "what the auto-encoders share; they are called",
    "pixels.gated_layer.GatedLayer.condition": PARTS_OF_A_MODEL,
    "pixels.gated_layer.GatedLayer.forward": PARTS_OF_A_MODEL,
    "pixels.gated_layer.HorizontalConv2d.forward": PARTS_OF_A_MODEL,
    "pixels.gated_layer.VerticalConv2d.forward": PARTS_OF_A_MODEL,
    "pixels.gated_layer.gate": PARTS_OF_A_MODEL,
    "pixels.masks.MaskedConv2d.forward": PARTS_OF_A_MODEL,
    "pixels.influence.StackModel": "made by as_model, which is called",
    "pixels.masks.head": PARTS_OF_A_MODEL,
    "pixels.masks.pointwise": PARTS_OF_A_MODEL,
    "pixels.gated_row.RowLayer.condition": PARTS_OF_A_MODEL,
    "pixels.gated_row.RowLayer.forward": PARTS_OF_A_MODEL,
    "pixels.lstm_layers.DiagonalBiLSTMLayer.forward": PARTS_OF_A_MODEL,
    "pixels.lstm_layers.DiagonalLSTMLayer.forward": PARTS_OF_A_MODEL,
    "pixels.lstm_layers.LSTMLayer": PARTS_OF_A_MODEL,
    "pixels.lstm_layers.RowLSTMLayer.forward": PARTS_OF_A_MODEL,
    "pixels.lstm_layers.run_lstm": PARTS_OF_A_MODEL,
    "pixels.pixelcnn.MaskedResidualBlock.forward": PARTS_OF_A_MODEL,
    "pixels.pixelrnn.ResidualLSTM": PARTS_OF_A_MODEL,
    "codes.quantizer.vectors_of": PARTS_OF_A_MODEL,
    "codes.vqvae.ResidualBlock": PARTS_OF_A_MODEL,
    "codes.vqvae.ResidualBlock.forward": PARTS_OF_A_MODEL,
    "codes.vqvae.decoder_of": PARTS_OF_A_MODEL,
    "codes.vqvae.encoder_of": PARTS_OF_A_MODEL,
    "sampling.sources": PARTS_OF_THE_SAMPLER,
    "training.run": PARTS_OF_FIT,
    "pixels.full_precision": "takes the device of a tensor; tests/test_full_precision.py holds it",
    "pixels.modes": "a context around a checked model; tests/test_modes.py holds it",
    "training.distributed": PARTS_OF_FIT,
    "pixels.pixelcnn.MaskedStack": "what its three models share; they are called",
    "pixels.config": "decorates models, which are called",
    "contracts": "the checks themselves: tests/test_contracts.py holds them",
    "data.dataset.Split.__getitem__": "Python's protocol: an index too large must be an IndexError",
    "data.catalog.DatasetInfo": "filled in the catalog, and held by tests/test_data_loading.py",
    "data.image_files.read_amat": "files through parse_amat, which is called",
    "data.image_files.read_idx": "files through read_idx_pair, which is called",
    "data.loading.obtain": "reached through load and fetch; tests/test_data_download.py breaks it",
    "data.loading.find_here": "reached through load and fetch alone",
    "data.archives.content_sha256": "of the checksums in the library's own table",
    "data.catalog.RemoteFile": "addresses and checksums in the library's own table",
    "data.sample": "reads the one file of the package; tests/test_data_sample.py damages it",
    "data.emoji.rows_of_splits": "splits the one file of the package; tests/test_emoji.py holds it",
    "notebook.sharp": "handed figures by the notebook alone; tests/test_sharp_figures.py holds it",
    "data.spoken_digits.Recording": "a record that read_recordings fills",
    "training.measures.require_examples": "a check itself: every data here goes through it",
    "training.measures": PARTS_OF_FIT,
    "recipes.named.Presets": "made by same and larger, which are called",
    "training.config.History": "a record that fit fills",
    "recipes.results": "the last step of the trainings, which check what enters",
    "recipes.reproduction.reproduce": "trains for minutes; recipe_named is called",
    "recipes.doctor": "looks at the machine and takes no data",
    "notebook.setup": "looks at the machine and takes no data",
    "profiles.choose": "hands back one of three presets of any kind; current() decides",
    "sampling.out_of_memory": "names an error of somebody else, and passes it on",
    "training.checkpoint": PARTS_OF_FIT,
    "files": "folders and errors of the operating system; tests of its own",
    "notebook.moved": "names of modules, as the import system hands them on",
    "notebook.setup_cell": "the source of a cell, made when notebooks are stamped",
    "notebook.widgets.codebook.cell_colors": "a part of draw_codebook, which is called",
    "notebook.widgets.codebook.plane_around": "a part of draw_codebook, which is called",
    "data.tiles.unit_range": "a part of tile and of hide, which are called",
    "notebook.diagrams": "pictures of models, which look at what enters; tests/test_diagrams.py",
    "notebook.plotting.new_axes": "a part of all figures; takes their ax",
    "notebook.widgets.picture": "puts figures into a page; handed none but those of the controls",
    "notebook.widgets.explorers.draw_completions": "takes a model to sampling.sample",
    "notebook.widgets.explorers.completion_explorer": "sliders in front of draw_completions",
    "pixels.lstm_layers.run_diagonally": "the loop inside the two diagonal layers",
    "recipes.sample_sheets.write_sample_grids": "what `python -m tutorial_lib sample` calls",
    "recipes.preconditions": "the checks themselves: whatever recipes train on goes through them",
    "recipes.weights_shelf": "reads names and headers; what cannot be read tells nothing",
    "contracts.suggestions": "words for messages",
    "codes.run_facts.label_named": "text from a shell; tests/test_cli.py",
    "recipes.code_files.CodeFile": "a record that read_codes and write_codes fill",
    "cli": "text from a shell, which tyro parses and answers",
}


def reason_without(name: str) -> str | None:
    """The reason for a name, or for what it is a part of; None if there is none."""
    parts = name.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((REASONS[prefix] for prefix in prefixes if prefix in REASONS), None)
