"""The long results by name: their settings, their training, the weights that ship.

module              what it holds                                    chapter
settings            settings of the two stages, presets of profiles  12
two_stage           both stages: training, codes, held-out numbers   12, 13
image_model_recipe  settings of a PixelCNN or a VAE                  03
image_model         PixelCNNs and VAEs: training, held-out numbers   03
preconditions       what must hold before a long training starts
named               which long results there are                     13
reproduction        run a named result again
pretrained          weights as files, and the ones that ship         00
weights_shelf       which weights there are, without reading them    00
provenances         device, versions and commit of a result
code_files          images as files of codes, and back               13
sample_sheets       samples as PNG sheets
doctor              a check of this machine                          00
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "settings": [
            "PriorSettings",
            "TwoStageRecipe",
            "TwoStageSettings",
            "VQVAESettings",
            "presets",
        ],
        "two_stage": [
            "add_prior",
            "cut_for_smoke",
            "evaluate_two_stage",
            "extract_codes",
            "load_run",
            "prior_step",
            "require_two_stage",
            "stage_one_facts",
            "train_prior",
            "train_two_stage",
            "train_vqvae",
            "vqvae_step",
        ],
        "image_model_recipe": ["ImageModelRecipe"],
        "image_model": [
            "build_model",
            "evaluate_image_model",
            "image_step",
            "step_of",
            "train_image_model",
            "vae_step",
        ],
        "preconditions": [
            "require_held_out",
            "require_own_weights",
            "require_same_prior",
            "require_stage_one",
            "require_stage_one_unchanged",
            "require_stage_two",
            "require_writable",
        ],
        "named": [
            "Presets",
            "Recipe",
            "larger",
            "same",
        ],
        "reproduction": ["recipe_named", "reproduce"],
        "pretrained": ["build", "describe", "load_pretrained", "load_weights", "save_weights"],
        "weights_shelf": ["available", "facts_by_file_name", "shipped_path", "told_facts"],
        "provenances": ["provenance"],
        "code_files": [
            "CodeFile",
            "decode_codes",
            "read_codes",
            "reconstruction_sheet",
            "write_codes",
        ],
        "sample_sheets": ["write_png", "write_sample_grids"],
        "doctor": [
            "Finding",
            "check_data",
            "check_device",
            "check_jupyter",
            "check_speed",
            "check_versions",
            "check_weights",
            "report",
            "run_checks",
        ],
    },
)
