"""What every notebook does first: one plotting style, one seed, one line about the machine.

Figures have twice the density, in the size that they had. A file of twice as many dots a side would
be three times as large; 256 colours, chosen for each figure, bring it back to about the size of a
plain one. A figure that needs more (a photograph) keeps all of its colours.
"""

import io
import platform

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from tutorial_lib import __version__, profiles
from tutorial_lib.notebook import plotting

DENSITY = 2
CLOSE = 1.0  # mean difference, in levels of 255, that nobody sees


def device_name(device: torch.device) -> str:
    """The GPU by its name, anything else by its kind; a CPU with the threads torch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU ({torch.get_num_threads()} threads)"
    return device.type.upper()


def summary() -> str:
    """Device, profile and versions in one line."""
    return (
        f"{device_name(profiles.device())} · {profiles.current()} profile · "
        f"tutorial_lib {__version__} · torch {torch.__version__} · "
        f"Python {platform.python_version()}"
    )


def start(written_for: str | None = None) -> None:
    """Prepare a notebook; calling it again does no harm.

    written_for: the version of the library that the notebook goes with. Another one is named.
    """
    plotting.use_style()
    use_sharp_figures()
    torch.manual_seed(0)
    print(summary())
    if written_for not in (None, __version__):
        print(
            f"This notebook was written for tutorial_lib {written_for}, and {__version__} is here. "
            "If a cell fails, open the chapter's new version, or install that version."
        )


def few_colors(image: Image.Image) -> Image.Image:
    """The image in a palette of 256 colours of its own, or as it is if those are too few.

    >>> few_colors(Image.new("RGB", (2, 2), "white")).mode
    'P'
    """
    image = image.convert("RGB")
    small = image.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    off = np.asarray(small.convert("RGB"), dtype=float) - np.asarray(image, dtype=float)
    return small if np.abs(off).mean() < CLOSE else image


def sharp_png(figure: Figure) -> tuple[bytes, dict[str, int]] | None:
    """A PNG file of the figure and the size, in points of the page, that it is shown in."""
    if not (figure.axes or figure.texts or figure.images):
        return None  # nothing was drawn
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DENSITY * figure.dpi, bbox_inches="tight")
    image = Image.open(file)
    width, height = (round(side / DENSITY) for side in image.size)
    few_colors(image).save(file := io.BytesIO(), "PNG", optimize=True)
    return file.getvalue(), {"width": width, "height": height}


def use_sharp_figures() -> None:
    """Show figures of this notebook so; outside a notebook, do nothing."""
    try:
        from IPython import get_ipython
        from matplotlib_inline import backend_inline  # noqa: F401  sets its own formatter first
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None and hasattr(shell, "kernel"):
        shell.display_formatter.formatters["image/png"].for_type(Figure, sharp_png)
