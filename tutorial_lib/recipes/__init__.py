"""The long results by name: their settings, their training, the weights that ship.

module              what it holds                                    chapter
settings            what is trained on what, and how; presets        12
image_model         PixelCNNs and VAEs: training, held-out numbers   03
two_stage           both stages: training, codes, held-out numbers   12, 13
preconditions       what must hold before a long training starts
results             result.json: where from, and held-out numbers
named               which long results there are                     13
reproduction        run a named result again
pretrained          files of weights, shipped or of a run            00
weights_shelf       which weights there are, without reading them    00
code_files          images as files of codes, and back               13
sample_sheets       samples as PNG sheets
doctor              a check of this machine                          00
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "settings": [
            "ImageModelRecipe",
            "PriorSettings",
            "TwoStageSettings",
            "VQVAESettings",
            "presets",
        ],
        "image_model": ["evaluate_image_model", "image_step", "train_image_model", "vae_step"],
        "two_stage": [
            "evaluate_two_stage",
            "extract_codes",
            "prior_step",
            "train_prior",
            "train_two_stage",
            "train_vqvae",
            "vqvae_step",
        ],
        "reproduction": ["reproduce"],
        "pretrained": ["load_pretrained", "load_run", "load_weights", "save_weights"],
        "weights_shelf": ["available"],
        "doctor": ["report"],
    },
)
