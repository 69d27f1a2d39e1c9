"""Controls to play with: each a plain drawing function and a thin interactive shell around it.

The plain function can be called, tested and stored as a still; the shell connects it to sliders.
Only what ipywidgets 7 and 8 share is used.
"""

from tutorial_lib.notebook.widgets.bound import bound_explorer, draw_bound
from tutorial_lib.notebook.widgets.codebook import codebook_explorer, draw_codebook
from tutorial_lib.notebook.widgets.completion import completion_explorer, draw_completions
from tutorial_lib.notebook.widgets.masks import draw_mask_explorer, mask_explorer
from tutorial_lib.notebook.widgets.sampling import draw_sampled_rows, sampling_viewer

__all__ = [
    "bound_explorer",
    "codebook_explorer",
    "completion_explorer",
    "draw_bound",
    "draw_codebook",
    "draw_completions",
    "draw_mask_explorer",
    "draw_sampled_rows",
    "mask_explorer",
    "sampling_viewer",
]
