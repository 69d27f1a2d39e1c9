"""A plane of codes: which code is nearest to z_e, as a drawing and as a point to be dragged.

The plane is cut into one cell a code, the places from where that code is the nearest. The cells are
looked up on a fine grid with `nearest_code`, so they show what the quantizer does. The explorer
needs no kernel once it is shown: codebook.html is right as it stands, and codebook_drag.js moves
z_e. A notebook that is not trusted loses SVG, style and script, and keeps the words inside them. So
no words are inside them, and a drawing takes their place. The id before each rule of style keeps it
inside its explorer. Without the last attribute of the handle, JupyterLab moves to another cell when
an arrow key is pressed.
"""

import base64
import io
import json
import math
import uuid
from html import escape
from importlib import resources
from string import Template
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, display
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.textpath import TextPath
from torch import Tensor

from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.contracts import checked, filled, finite
from tutorial_lib.notebook.plotting import TARGET
from tutorial_lib.notebook.widgets.picture import PIXELS_PER_INCH, as_png, new_figure

# Pale, so that black figures stay legible; the white borders tell cells of one colour apart.
PALE = ["#cfe3f3", "#fbe0bd", "#d3ecd6", "#f6d3dc", "#f3efb9", "#e0d7ef", "#d2eef0", "#e4e4e4"]
INK = "#222222"
DRAWN_WIDTH, DRAWN_HEIGHT = 480, 360  # of the SVG, in its own units
GRID_STEP = 0.5  # of these units, between two look-ups


class Plane(NamedTuple):
    """The part of the plane that is drawn, with the same scale along both axes."""

    left: float
    top: float
    scale: float  # units of the drawing for each unit of the plane

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """left, right, bottom, top."""
        right = self.left + DRAWN_WIDTH / self.scale
        return self.left, right, self.top - DRAWN_HEIGHT / self.scale, self.top

    def place(self, point: Tensor) -> tuple[str, str]:
        """Where a point (x, y) of the plane lies in the SVG, whose y axis points down."""
        x, y = point.tolist()
        return f"{(x - self.left) * self.scale:.2f}", f"{(self.top - y) * self.scale:.2f}"


def plane_around(points: Float[Tensor, "N 2"]) -> Plane:
    """The window that shows all points with a margin."""
    low, high = points.amin(dim=0).tolist(), points.amax(dim=0).tolist()
    aspect = DRAWN_WIDTH / DRAWN_HEIGHT
    width = 1.3 * max(high[0] - low[0], aspect * (high[1] - low[1])) or 2.0
    center_x, center_y = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    return Plane(center_x - width / 2, center_y + width / aspect / 2, DRAWN_WIDTH / width)


def cell_colors(codebook: Float[Tensor, "K 2"], plane: Plane) -> Float[Tensor, "rows columns 3"]:
    """The cells in pale colours with white borders, as an image with values in [0, 1].

    The nearest code is looked up from the middle of every square of a fine grid.
    """
    across, down = (
        (torch.arange(size / GRID_STEP, dtype=torch.float64) + 0.5) * GRID_STEP / plane.scale
        for size in (DRAWN_WIDTH, DRAWN_HEIGHT)
    )
    y, x = torch.meshgrid(plane.top - down, plane.left + across, indexing="ij")
    cells = nearest_code(torch.stack([x, y])[None], codebook.double())[0]
    palette = torch.tensor([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in PALE]) / 255
    colors = palette[cells % len(PALE)]
    for axis in (0, 1):
        first, second = colors.transpose(0, axis)[:-1], colors.transpose(0, axis)[1:]
        border = cells.diff(dim=axis).transpose(0, axis) != 0
        first[border] = second[border] = 1.0
    return colors


@checked
def draw_codebook(
    codebook: Float[Tensor, "K 2"],
    z_e: Float[Tensor, "N 2"] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """The cells of the codes, the codes as numbered dots, each z_e in red tied to its nearest code.

    For a single z_e the title says which code is nearest and how far it is.
    """
    codebook = _points("codebook", codebook)
    z_e = codebook[:0] if z_e is None else _points("z_e", z_e)
    plane = plane_around(torch.cat([codebook, z_e.to(codebook)]))
    ax = plt.subplots(figsize=(5, 4), layout="tight")[1] if ax is None else ax
    return _draw(ax, codebook, z_e, plane, cell_colors(codebook, plane))


def _draw(ax: Axes, codebook: Tensor, z_e: Tensor, plane: Plane, colors: Tensor) -> Axes:
    indices = nearest_code(z_e, codebook) if len(z_e) else torch.zeros(0, dtype=torch.long)
    ax.imshow(colors.numpy(), extent=plane.extent, interpolation="nearest")
    for (x, y), (code_x, code_y) in zip(z_e.tolist(), codebook[indices].tolist(), strict=True):
        ax.plot([x, code_x], [y, code_y], color=TARGET, lw=1, zorder=2)
    ax.scatter(*codebook.T.tolist(), s=150, color=INK, zorder=3)
    for index, (x, y) in enumerate(codebook.tolist()):
        ax.text(x, y, str(index), color="white", size=8, ha="center", va="center", zorder=3)
    ax.scatter(*z_e.T.tolist(), s=30, color=TARGET, edgecolors="white", lw=0.8, zorder=4)
    ax.grid(False)
    if len(z_e) == 1:
        distance = math.dist(z_e[0].tolist(), codebook[indices[0]].tolist())
        ax.set_title(f"nearest code {indices.item()}, distance {distance:.3g}")
    elif len(z_e):
        used = len(indices.unique())
        ax.set_title(f"{len(z_e)} vectors, {used} of {len(codebook)} codes used")
    else:
        ax.set_title(f"{len(codebook)} codes and their cells")
    return ax


def codebook_explorer(codebook: Float[Tensor, "K 2"], z_e: Float[Tensor, "2"]) -> None:
    """Show z_e among the codes; drag it, or move it with the arrow keys, and read its nearest code.

    It answers at once, without a kernel. `draw_codebook` draws the still for those who read only.
    """
    display(HTML(codebook_html(codebook, z_e)))


@checked
def codebook_html(codebook: Float[Tensor, "K 2"], z_e: Float[Tensor, "2"]) -> str:
    """The explorer as a piece of a page, complete in itself: SVG, words, script."""
    codebook, z_e = _points("codebook", codebook), _points("z_e", z_e)
    plane = plane_around(torch.cat([codebook, z_e[None].to(codebook)]))
    colors, index = cell_colors(codebook, plane), nearest_code(z_e[None], codebook).item()
    decimals = max(0, 3 - math.ceil(math.log10(DRAWN_WIDTH / plane.scale)))
    data = {"codes": codebook.tolist(), "z_e": z_e.tolist(), "decimals": decimals}
    still = new_figure(DRAWN_WIDTH / PIXELS_PER_INCH, DRAWN_HEIGHT / PIXELS_PER_INCH)
    _draw(still.add_axes((0.1, 0.1, 0.85, 0.8)), codebook, z_e[None], plane, colors)
    cells = io.BytesIO()
    plt.imsave(cells, colors.numpy(), format="png")
    (x, y), (to_x, to_y) = plane.place(z_e), plane.place(codebook[index])
    here = resources.files(__package__)
    # Where no script runs, blanks between the tags would be words as well.
    page = here.joinpath("codebook.html").read_text("utf-8").strip().replace(">\n", ">")
    return Template(page).substitute(
        name=f"codebook-{uuid.uuid4().hex}",
        plane=escape(json.dumps(data | plane._asdict())),
        still=_address(as_png(still)),
        words=_words(z_e, index, codebook[index], decimals),
        **{"width": DRAWN_WIDTH, "height": DRAWN_HEIGHT, "red": TARGET, "ink": INK},
        n_codes=len(codebook),
        cells=_address(cells.getvalue()),
        **{"x": x, "y": y, "to_x": to_x, "to_y": to_y},
        dots="".join(_dot(index, *plane.place(code)) for index, code in enumerate(codebook)),
        script=here.joinpath("codebook_drag.js").read_text("utf-8"),
    )


def _words(z_e: Tensor, index: int, code: Tensor, decimals: int) -> str:
    """z_e, its nearest code and the distance in words; codebook_drag.js says the same."""
    start, end = (
        ", ".join(f"{value:.{decimals}f}" for value in each.tolist()) for each in (z_e, code)
    )
    distance = math.dist(z_e.tolist(), code.tolist())
    return f"z_e = ({start}): nearest code {index}, distance {distance:.{decimals}f}, z_q = ({end})"


def _dot(index: int, x: str, y: str, size: float = 11) -> str:
    """A code with its number, drawn as the shapes of its digits around the middle."""
    shapes = TextPath((0, 0), str(index), size=size)
    middle = shapes.get_extents().get_points().mean(axis=0)
    outlines = [(outline - middle) * (1, -1) for outline in shapes.to_polygons()]
    path = "".join("M" + "L".join(f"{u:.2f} {v:.2f}" for u, v in each) + "Z" for each in outlines)
    return (
        f'<circle class="code" cx="{x}" cy="{y}" r="9"/>'
        f'<path class="number" transform="translate({x} {y})" d="{path}"/>'
    )


def _points(name: str, points: Tensor) -> Tensor:
    """Finite points, at least one, on the CPU and without history."""
    return finite(name, filled(name, points)).detach().cpu()


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
