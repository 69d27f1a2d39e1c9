"""From Pixels to Codes: the library behind the notebooks. A street of rooms, in reading order.

    pixels      models of the image itself: likelihood, masks, PixelCNN, gated PixelCNN, PixelRNN
    sampling    drawing in raster order: the loop, what may be cached, and the caches
    codes       models with a code between: bounds, VAE, quantizer, VQ-VAE, the two stages
    training    one loop, and what makes stopping and resuming safe
    data        data sets by name: embedded samples, checked downloads, readers
    recipes     the long results by name, their settings, the shipped weights
    notebook    what a page shows: figures, widgets, dashboard, the setup cell
    exercises   the exercises of the chapters, and what checks them
    classroom   the course for nbgrader, graded in a process of its own

Each room's `__init__` is its page. A room imports from those above it, and from the ground floor:
contracts (checks of arguments), profiles (smoke, laptop, gpu), equations (from the papers to
names), files, and cli, the command line, which calls all of them.
"""

from tutorial_lib.notebook.moved import answer_old_addresses

__version__ = "0.1.0"

answer_old_addresses()
