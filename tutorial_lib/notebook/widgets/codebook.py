"""A plane of codes: which code is nearest to z_e, as a drawing and as a point to be dragged.

The plane is cut into one cell a code, the places from where that code is the nearest. The cells are
looked up on a fine grid with `nearest_code`, so they show what the quantizer does. The explorer
needs no kernel once it is shown: it is an SVG that is right as it stands, and a page of JavaScript
(codebook_drag.js) that moves z_e. A notebook that is not trusted loses SVG, style and script, and
keeps the words inside them. So no words are inside them, and a drawing takes their place.
"""

from __future__ import annotations

import base64
import io
import json
import math
import uuid
from importlib.resources import files
from typing import NamedTuple
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, display
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.textpath import TextPath
from torch import Tensor

from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.contracts import Natural, checked, filled, finite
from tutorial_lib.notebook.plotting import TARGET
from tutorial_lib.notebook.widgets.picture import PIXELS_PER_INCH, as_png, new_figure

# Pale, so that black figures stay legible; the white borders tell cells of one colour apart.
PALE = ["#cfe3f3", "#fbe0bd", "#d3ecd6", "#f6d3dc", "#f3efb9", "#e0d7ef", "#d2eef0", "#e4e4e4"]
INK = "#222222"
DRAWN_WIDTH, DRAWN_HEIGHT = 480, 360  # of the SVG, in its own units
GRID_STEP = 0.5  # of these units, between two look-ups
HANDLE_RADIUS, FINGER_RADIUS = 8, 24


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

    def place(self, point: list[float]) -> tuple[str, str]:
        """Where a point (x, y) of the plane lies in the SVG, whose y axis points down."""
        x, y = point
        return f"{(x - self.left) * self.scale:.2f}", f"{(self.top - y) * self.scale:.2f}"


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
    codebook, z_e = _points("codebook", codebook), None if z_e is None else _points("z_e", z_e)
    plane = plane_around(codebook if z_e is None else torch.cat([codebook, z_e.to(codebook)]))
    ax = plt.subplots(figsize=(5, 4), layout="tight")[1] if ax is None else ax
    ax.imshow(cell_colors(codebook, plane).numpy(), extent=plane.extent, interpolation="nearest")
    if z_e is not None:
        nearest = codebook[nearest_code(z_e, codebook)]
        for (x, y), (code_x, code_y) in zip(z_e.tolist(), nearest.tolist(), strict=True):
            ax.plot([x, code_x], [y, code_y], color=TARGET, lw=1, zorder=2)
    ax.scatter(*codebook.T.tolist(), s=150, color=INK, zorder=3)
    for index, (x, y) in enumerate(codebook.tolist()):
        ax.text(x, y, str(index), color="white", size=8, ha="center", va="center", zorder=3)
    if z_e is not None:
        ax.scatter(*z_e.T.tolist(), s=30, color=TARGET, edgecolors="white", lw=0.8, zorder=4)
    ax.grid(False)
    ax.set_title(_title(codebook, z_e))
    return ax


def codebook_explorer(codebook: Float[Tensor, "K 2"], z_e: Float[Tensor, "2"]) -> None:
    """Show z_e among the codes; drag it, or move it with the arrow keys, and read its nearest code.

    It answers at once, without a kernel. `draw_codebook` draws the still for those who read only.
    """
    display(HTML(codebook_html(codebook, z_e)))


@checked
def codebook_html(codebook: Float[Tensor, "K 2"], z_e: Float[Tensor, "2"]) -> str:
    """The explorer as a piece of a page, complete in itself: SVG, words, script."""
    codebook, z_e = _points("codebook", codebook), _points("z_e", z_e[None])
    plane = plane_around(torch.cat([codebook, z_e.to(codebook)]))
    name = f"codebook-{uuid.uuid4().hex}"
    decimals = max(0, 3 - math.ceil(math.log10(DRAWN_WIDTH / plane.scale)))
    data = {"codes": codebook.tolist(), "z_e": z_e[0].tolist(), "decimals": decimals}
    data |= plane._asdict()
    root = ElementTree.Element(
        "div", {"id": name, "class": "codebook-explorer", "data-plane": json.dumps(data)}
    )
    said = describe(codebook, z_e, decimals)
    _add(root, "img", {"class": "still", "src": _still_address(codebook, z_e), "alt": said})
    _draw_svg(root, name, codebook, z_e, plane)
    words = _add(root, "p", {"id": f"{name}-words", "class": "words", "aria-live": "polite"})
    words.text = said
    script = (
        files("tutorial_lib.notebook.widgets")
        .joinpath("codebook_drag.js")
        .read_text(encoding="utf-8")
    )
    _add(root, "script").text = script
    return ElementTree.tostring(root, encoding="unicode", method="html")


@checked
def describe(codebook: Float[Tensor, "K 2"], z_e: Float[Tensor, "1 2"], decimals: Natural) -> str:
    """z_e, its nearest code and the distance in words; codebook_drag.js says the same."""
    codebook, z_e = _points("codebook", codebook), _points("z_e", z_e)
    (index,) = nearest_code(z_e, codebook).tolist()
    distance = math.dist(z_e[0].tolist(), codebook[index].tolist())
    start, end = (
        ", ".join(f"{value:.{decimals}f}" for value in point)
        for point in (z_e[0].tolist(), codebook[index].tolist())
    )
    return f"z_e = ({start}): nearest code {index}, distance {distance:.{decimals}f}, z_q = ({end})"


@checked
def plane_around(points: Float[Tensor, "N 2"]) -> Plane:
    """The window that shows all points with a margin."""
    points = _points("points", points)
    low, high = points.amin(dim=0).tolist(), points.amax(dim=0).tolist()
    aspect = DRAWN_WIDTH / DRAWN_HEIGHT
    width = 1.3 * max(high[0] - low[0], aspect * (high[1] - low[1])) or 2.0
    center_x, center_y = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    return Plane(center_x - width / 2, center_y + width / aspect / 2, DRAWN_WIDTH / width)


@checked
def cell_indices(codebook: Float[Tensor, "K 2"], plane: Plane) -> Int[Tensor, "rows columns"]:
    """The nearest code from the middle of every square of a fine grid, the upper row first."""
    codebook = _points("codebook", codebook)
    across, down = (
        (torch.arange(size / GRID_STEP, dtype=torch.float64) + 0.5) * GRID_STEP / plane.scale
        for size in (DRAWN_WIDTH, DRAWN_HEIGHT)
    )
    y, x = torch.meshgrid(plane.top - down, plane.left + across, indexing="ij")
    return nearest_code(torch.stack([x, y])[None], codebook.double())[0]


def cell_colors(codebook: Float[Tensor, "K 2"], plane: Plane) -> Float[Tensor, "rows columns 3"]:
    """The cells in pale colours with white borders, as an image with values in [0, 1]."""
    cells = cell_indices(codebook, plane)
    palette = torch.tensor([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in PALE]) / 255
    colors = palette[cells % len(PALE)]
    border = torch.zeros(cells.shape, dtype=torch.bool)
    down, across = cells.diff(dim=0) != 0, cells.diff(dim=1) != 0
    border[1:] |= down
    border[:-1] |= down
    border[:, 1:] |= across
    border[:, :-1] |= across
    return torch.where(border[..., None], torch.ones(3), colors)


def _points(name: str, points: Tensor) -> Tensor:
    """Finite points (any, 2), at least one, on the CPU and without history."""
    return finite(name, filled(name, points)).detach().cpu()


def _title(codebook: Tensor, z_e: Tensor | None) -> str:
    if z_e is None:
        return f"{len(codebook)} codes and their cells"
    indices = nearest_code(z_e, codebook)
    if len(z_e) > 1:
        return f"{len(z_e)} vectors, {len(indices.unique())} of {len(codebook)} codes used"
    distance = math.dist(z_e[0].tolist(), codebook[indices[0]].tolist())
    return f"nearest code {indices.item()}, distance {distance:.3g}"


def _draw_svg(root, name: str, codebook: Tensor, z_e: Tensor, plane: Plane) -> None:
    """Cells, codes, the line to z_q, and z_e as a handle that keys and fingers reach."""
    box = f"0 0 {DRAWN_WIDTH} {DRAWN_HEIGHT}"
    attributes = {"viewBox": box, "role": "group", "style": f"width:100%;max-width:{DRAWN_WIDTH}px"}
    svg = _add(root, "svg", {**attributes, "aria-label": f"{len(codebook)} codes and their cells"})
    _add(svg, "style").text = _style(name)
    size = {"width": str(DRAWN_WIDTH), "height": str(DRAWN_HEIGHT)}
    _add(svg, "image", {**size, "href": _data_address(cell_colors(codebook, plane))})
    x, y = plane.place(z_e[0].tolist())
    chosen_x, chosen_y = plane.place(codebook[nearest_code(z_e, codebook)[0]].tolist())
    _add(svg, "line", {"class": "line", "x1": x, "y1": y, "x2": chosen_x, "y2": chosen_y})
    for index, code in enumerate(codebook.tolist()):
        code_x, code_y = plane.place(code)
        _add(svg, "circle", {"class": "code", "cx": code_x, "cy": code_y, "r": "9"})
        outline = {"class": "number", "transform": f"translate({code_x} {code_y})"}
        _add(svg, "path", {**outline, "d": _outline(str(index))})
    _add(svg, "circle", {"class": "chosen", "cx": chosen_x, "cy": chosen_y, "r": "12"})
    label = "z_e: drag it, or move it with the arrow keys"
    handle = {"class": "handle", "transform": f"translate({x} {y})", "tabindex": "0"}
    handle |= {"role": "application", "aria-label": label, "aria-describedby": f"{name}-words"}
    # Otherwise JupyterLab moves to another cell when an arrow key is pressed.
    handle["data-lm-suppress-shortcuts"] = "true"
    handle = _add(svg, "g", handle)
    for part, radius in (("finger", FINGER_RADIUS), ("ring", 14), ("dot", HANDLE_RADIUS)):
        _add(handle, "circle", {"class": part, "r": str(radius)})


def _style(name: str) -> str:
    """Colours that need no background of the page; the id keeps them inside this explorer."""
    rules = {
        ".still": "display: none",  # the SVG is there
        ".number": "fill: white; fill-rule: evenodd; pointer-events: none",
        ".line": f"stroke: {TARGET}; stroke-width: 2",
        ".code": f"fill: {INK}",
        ".chosen": f"fill: none; stroke: {TARGET}; stroke-width: 2.5",
        ".handle": "cursor: grab; outline: none",
        ".finger": "fill: transparent",
        ".ring": "fill: none; stroke: none",
        ".handle:focus .ring": f"stroke: {INK}; stroke-width: 3",
        ".dot": f"fill: {TARGET}; stroke: white; stroke-width: 2",
    }
    return "\n".join(f"#{name} {part} {{ {rule} }}" for part, rule in rules.items())


def _outline(text: str, size: float = 11) -> str:
    """The shapes of letters around (0, 0), as the path of an SVG."""
    shapes = TextPath((0, 0), text, size=size)
    middle = shapes.get_extents().get_points().mean(axis=0)
    outlines = [(outline - middle) * (1, -1) for outline in shapes.to_polygons()]
    return "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in each) + "Z" for each in outlines)


def _data_address(colors: Tensor) -> str:
    file = io.BytesIO()
    plt.imsave(file, colors.numpy(), format="png")
    return _as_address(file.getvalue())


def _still_address(codebook: Tensor, z_e: Tensor) -> str:
    """The drawing as a picture of the explorer's size."""
    figure = new_figure(DRAWN_WIDTH / PIXELS_PER_INCH, DRAWN_HEIGHT / PIXELS_PER_INCH)
    draw_codebook(codebook, z_e, ax=figure.add_axes((0.1, 0.1, 0.85, 0.8)))
    return _as_address(as_png(figure))


def _as_address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _add(parent: ElementTree.Element, tag: str, attributes=None) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes or {})
