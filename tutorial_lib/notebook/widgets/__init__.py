"""Controls to play with: each a plain drawing function and a thin interactive shell around it.

The plain function can be called, tested and stored as a still; the shell connects it to sliders.
Only what ipywidgets 7 and 8 share is used.

explorers   what a pixel reads; an image while it is sampled; a stroke completed; a bound that moves
codebook    z_e dragged among the codes
painter     codes painted by hand, and the decoder's picture of them
picture     a picture that is drawn anew whenever one of its controls moves
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "explorers": [
            "bound_explorer",
            "completion_explorer",
            "draw_bound",
            "draw_completions",
            "draw_mask_explorer",
            "draw_sampled_rows",
            "mask_explorer",
            "sampling_viewer",
        ],
        "codebook": ["codebook_explorer", "draw_codebook"],
        "painter": ["code_painter", "draw_painted_codes"],
    },
)
