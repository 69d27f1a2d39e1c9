"""Codes painted by hand: one code of a field replaced, and the decoder's picture of it."""

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import display
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts import checked, symbols
from tutorial_lib.notebook.plotting import TARGET, WIDTH, show_images, show_index_map
from tutorial_lib.notebook.widgets.picture import explorer

SIZE, PLACES = (WIDTH, 2.5), [(0.01 + 0.335 * i, 0.02, 0.31, 0.86) for i in range(3)]


@checked
def draw_painted_codes(
    vqvae: VQVAE,
    before: Int[Tensor, "h w"],
    painted: Int[Tensor, "h w"],
    place: tuple[int, int],
    *,
    axes: tuple[Axes, Axes, Axes] | None = None,
) -> tuple[Axes, Axes, Axes]:
    """The painted codes with a place outlined; the picture of the codes before, and of these."""
    for name, codes in (("before", before), ("painted", painted)):
        symbols(name, codes, vqvae.n_codes)
    if before.shape != painted.shape:
        raise ValueError(
            f"painted must have the shape of before, {tuple(before.shape)}: got "
            f"{tuple(painted.shape)}"
        )
    if not all(0 <= at < side for at, side in zip(place, painted.shape, strict=True)):
        raise ValueError(f"place must lie in {tuple(painted.shape)}, got {place}")
    if axes is None:
        axes = tuple(plt.subplots(1, 3, figsize=SIZE, layout="tight")[1])
    show_index_map(painted, vqvae.n_codes, ax=axes[0])
    down = vqvae.config.downsample
    for ax, side in zip(axes, (1, down, down), strict=True):
        corner = (place[1] * side - 0.5, place[0] * side - 0.5)
        ax.add_patch(Rectangle(corner, side, side, fill=False, ec=TARGET, lw=2, zorder=3))
    with torch.no_grad():
        both = torch.stack([before, painted]).to(vqvae.quantizer.codebook.device)
        pictures = vqvae.picture(vqvae.decode_indices(both)).cpu()
    show_images(pictures[:1], ax=axes[1]).set_title("before")
    changed = int((before != painted).sum())
    show_images(pictures[1:], ax=axes[2]).set_title(f"{changed} of {before.numel()} codes painted")
    axes[0].set_title(f"row {place[0]}, column {place[1]}: code {int(painted[place])}")
    return axes


@checked
def code_painter(vqvae: VQVAE, codes: Int[Tensor, "h w"]) -> None:
    """A slider for a place in the field and one for the code that is put there; paint stays."""
    symbols("codes", codes, vqvae.n_codes)
    before, painted = codes.cpu(), codes.cpu().clone()
    width = codes.shape[1]
    layout = ipywidgets.Layout(width="420px")
    options = {"min": 0, "layout": layout}
    place = ipywidgets.IntSlider(0, max=codes.numel() - 1, description="place", **options)
    code = ipywidgets.IntSlider(
        int(painted[0, 0]), max=vqvae.n_codes - 1, description="code", **options
    )
    at = 0  # where the brush is

    def move(_: object) -> None:
        """The code slider shows what lies under the brush; nothing is painted on the way."""
        nonlocal at
        at = place.value
        code.value = int(painted.view(-1)[at])

    def draw(*axes: Axes, place: int, code: int) -> None:
        if place == at:
            painted.view(-1)[at] = code
        draw_painted_codes(vqvae, before, painted, divmod(place, width), axes=axes)

    place.observe(move, names="value")  # before the picture does
    controls = {"place": place, "code": code}
    display(explorer(draw, controls, size=SIZE, places=PLACES))
