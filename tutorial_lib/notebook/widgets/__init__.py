"""Controls to play with: each a plain drawing function and a thin interactive shell around it.

The plain function can be called, tested and stored as a still; the shell connects it to sliders.
Only what ipywidgets 7 and 8 share is used.

masks       what one pixel reads through masked convolutions
sampling    an image watched while it is sampled
completion  a stroke that a model of digits goes on with
bound       the ELBO while the mean and the width of q move
codebook    z_e dragged among the codes
picture     a picture that is drawn anew whenever one of its controls moves
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "masks": ["draw_mask_explorer", "mask_explorer"],
        "sampling": ["draw_sampled_rows", "sampling_viewer"],
        "completion": ["completion_explorer", "draw_completions"],
        "bound": ["bound_explorer", "draw_bound"],
        "codebook": ["codebook_explorer", "draw_codebook"],
    },
)
