"""A card to draw a model on: boxes, arrows, pixels, text. In a cell of a notebook:

    card = Card(4, 1.2, alt="An image goes through a convolution.")
    image = card.grid(0.7, 0.6, levels, cell=4)
    conv = card.box(2.8, 0.6, "3×3", "convolution")
    card.link(image, conv, "1×28×28")
    card  # shown on white, so that it reads on a light and on a dark page

Lengths are inches, counted from the lower left corner; a page shows a hundred pixels for an inch,
and the file has two hundred. Neither pyplot nor rcParams is read or changed.
"""

import io
from numbers import Real
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import hsv_to_rgb, to_rgb, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.patches import PathPatch
from PIL import Image

from tutorial_lib.notebook.diagrams.places import SIDES, Node, around, rounded

# matplotlib brings these fonts, but a list of fonts that it kept from another place may lack them.
if "STIXGeneral" not in fontManager.get_font_names():
    for font in Path(matplotlib.get_data_path(), "fonts", "ttf").glob("STIX*.ttf"):
        fontManager.addfont(font)

READ, UNREAD, FUTURE = "#3b76af", "#e6a04c", "#e9e9e9"  # as in all maps of what a pixel reads
TARGET = "#d62728"  # the outline of the pixel that is spoken of
HIDDEN = (0.72, 0.85, 0.95)  # pale blue: no level of a grey image looks like it
DPI, SIZE, SMALL, LEADING = 200, 11, 9.5, 0.165  # points of type; inches from line to line
INK, GREY, PALE, WHITE = "#1a1a1a", "#5c5c5c", "#c4c4c4", "#ffffff"
ROLES = {  # edge and face
    "data": ("#6b6b6b", WHITE),
    "convolution": ("#0b67a3", "#dbe9f5"),
    "nonlinearity": ("#a86d00", "#fdeecf"),
    "quantizer": ("#007a58", "#d5ede4"),
    "condition": ("#7a4a9e", "#ece0f5"),
    "loss": ("#b84a00", "#fbe1d3"),
}
FLOW, GRADIENT = (INK, "-"), (ROLES["loss"][0], (0, (3, 1.6)))
CONDITION, DRAWN = (ROLES["condition"][0], "-"), (ROLES["convolution"][0], "-")
STOPPED = ("#9c4a86", (0, (1.2, 1.4)))  # ends in a bar: nothing passes


def code_colors(indices: np.ndarray | int) -> np.ndarray:
    """A colour for each code; hues jump, so that neighbours in number are none in colour."""
    i = np.asarray(indices)
    return hsv_to_rgb(np.stack([i * 0.618 % 1, 0.35 + 0.3 * (i % 2), 0.95 - 0.15 * (i % 3)], -1))


class Card:
    """A white card of width × height inches; `alt` tells what is on it to those who cannot see."""

    def __init__(self, width: Real, height: Real, *, alt: str):
        if not alt or width > 7:
            raise ValueError(f"a card has an alt text and at most 7 inches, got {alt!r}, {width}")
        self.alt, self.width, self.height = alt, width, height
        self.figure = Figure((width, height), DPI, facecolor="none", layout="none")
        self.canvas = FigureCanvasAgg(self.figure)
        self.texts, self.strokes = [], []  # what must not run into each other
        edge = around(Node(width / 2, height / 2, width, height), pad=-0.015)
        self.outline(edge, "#d8d8d8", WHITE, radius=0.12, z=-9)

    def png(self) -> bytes:
        """The card as a PNG file of 200 dots an inch."""
        for artist in self.figure.findobj():  # those of a style that draws by hand, say
            artist.set_path_effects([])
            artist.set_sketch_params(None)
        self.canvas.draw()
        dots = np.asarray(self.canvas.buffer_rgba())
        image = Image.fromarray(dots[..., :3]).quantize(255, Image.Quantize.MEDIANCUT, kmeans=1)
        image.putpalette([*image.getpalette(), *[255] * 768][:768])  # 255 is seen through
        image.paste(
            255, mask=Image.fromarray(np.where(dots[..., 3] < 128, 255, 0).astype(np.uint8))
        )
        image.save(file := io.BytesIO(), "PNG", optimize=True, transparency=255)
        return file.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        """The PNG in half its size, sharp on a fine screen, and the words in its place."""
        size = {"width": round(100 * self.width), "height": round(100 * self.height)}
        data = {"image/png": self.png(), "text/plain": self.alt}
        return data, {"image/png": {**size, "alt": self.alt}}

    # ------------------------------------------------------------------------ lines and text

    def stroke(
        self, points, color=INK, face="none", *, radius=0.0, z=3, dashes="-", lw=1.1, closed=True
    ) -> PathPatch:
        """A line through points, or an area with this edge and face."""
        path = rounded(np.asarray(points, float), radius, closed)
        style = {"ec": color, "fc": face, "lw": lw, "ls": dashes, "zorder": z, "hatch": None}
        patch = PathPatch(path, transform=self.figure.dpi_scale_trans, **style)
        patch.set(antialiased=True, joinstyle="miter" if closed else "round", capstyle="butt")
        return self.figure.add_artist(patch)

    def outline(self, node: Node, color=INK, face="none", *, taper=0.0, **style) -> PathPatch:
        """A rectangle; taper > 0 shortens its right side (an encoder), < 0 its left."""
        left, right = 1 + min(0, taper), 1 - max(0, taper)
        corners = [(-1, -left), (1, -right), (1, right), (-1, left)]
        return self.stroke(
            np.multiply(corners, (node.w / 2, node.h / 2)) + node[:2], color, face, **style
        )

    def text(self, at, text: str, side="", *, color=INK, size=SIZE, gap=0.06, bold=False) -> None:
        """Lines of text in a place, or on one side of it."""
        at, (dx, dy), lines = Node(*at), SIDES[side], text.split("\n")
        leading, half = LEADING * size / SIZE, LEADING * size / SIZE * (len(lines) - 1) / 2
        x = at.x + dx * (at.w / 2 + gap)
        y = at.y + dy * (at.h / 2 + gap + 0.36 * size / 72 + half) + half - 0.32 * size / 72
        style = {"family": "STIXGeneral", "math_fontfamily": "stix", "size": size, "color": color}
        style |= {"weight": "bold" if bold else "normal", "usetex": False, "zorder": 9}
        style |= {"ha": ("right", "center", "left")[dx + 1], "va": "baseline", "style": "normal"}
        place = {"transform": self.figure.dpi_scale_trans}
        for i, line in enumerate(lines if text else ()):
            self.texts.append(self.figure.text(x, y - i * leading, line, **style, **place))

    def note(self, at, text: str, side="", color=GREY, **options) -> None:
        """Smaller text: shapes, captions."""
        self.text(at, text, side, color=color, size=SMALL, **options)

    def arrow(self, *points, text="", side="", kind=FLOW, head=True, leg=None, radius=0.08) -> None:
        """From the first point to the last; its text stands by its longest leg, or by `leg`."""
        points, (color, dashes) = np.array([tuple(p)[:2] for p in points], float), kind
        legs = np.diff(points, axis=0)
        i = np.hypot(*legs.T).argmax() if leg is None else leg
        level = abs(legs[i, 0]) > abs(legs[i, 1])
        middle = (points[i] + points[i + 1]) / 2
        self.note(
            middle, text, side or ("above" if level else "right"), GREY if kind is FLOW else color
        )
        if head:
            tip, ahead = points[-1].copy(), legs[-1] / np.hypot(*legs[-1])
            wing = 0.042 * np.array([-ahead[1], ahead[0]])
            bar = kind is STOPPED
            back = tip - (0 if bar else 0.1) * ahead
            ends = (
                [back - 1.4 * wing, back + 1.4 * wing] if bar else [tip, back + wing, back - wing]
            )
            self.stroke(ends, color, color, z=5, lw=1.6 if bar else 0.2, closed=not bar)
            points[-1] = tip - (0 if bar else 0.08) * ahead
        line = self.stroke(points, color, radius=radius, z=4, dashes=dashes, closed=False)
        self.strokes.append(line)

    def link(self, a: Node, b: Node, text="", **options) -> None:
        """An arrow between the sides that face each other, level or upright."""
        apart = abs(b.x - a.x) - (a.w + b.w) / 2, abs(b.y - a.y) - (a.h + b.h) / 2
        along = 0 if apart[0] >= apart[1] else 1
        sides = (("left", "right"), ("below", "above"))[along]
        forth = b[along] > a[along]
        middle = min(a, b, key=lambda node: (node.h, node.w)[along])[1 - along]
        ends = np.array([a.on(sides[forth]), b.on(sides[not forth])])
        ends[:, 1 - along] = middle
        self.arrow(*ends, text=text, **options)

    def detour(self, a: Node, b: Node, y: Real, **options) -> None:
        """An arrow from below a, at the height y, to b from below."""
        self.arrow(a.on("below"), (a.x, y), (b.x, y), b.on("below"), **options)

    def caption(self, words: str, color=GREY) -> None:
        """A line of small text in the lower left corner."""
        self.note((0.25, 0.25), words, "right", color, gap=0)

    def chain(self, *nodes: Node, texts=(), **options) -> None:
        """Links from each node to the next, with a text for each, as far as there are any."""
        texts = [*texts, *[""] * len(nodes)]
        for a, b, text in zip(nodes, nodes[1:], texts, strict=False):
            self.link(a, b, text, **options)

    # ------------------------------------------------------------------------ things

    def box(self, x, y, text="", role="data", *, w=0.0, h=0.0, taper=0.0, size=SIZE) -> Node:
        """A block with text in it, at least as wide as that."""
        lines = text.count("\n")
        self.text((x, y), text, size=size)
        wide = self._widest(lines + 1) + 0.2 if text else 0
        node = Node(x, y, max(w, wide), h or 0.32 + LEADING * lines)
        radius = node.h / 2 if role == "nonlinearity" and not lines else 0.06
        self.outline(node, *ROLES[role], taper=taper, radius=radius)
        return node

    def sign(self, x, y, sign="dot") -> Node:
        """Where streams meet ("+", "x"), or the dot where one splits."""
        node = Node(x, y, *(2 * [0.06 if sign == "dot" else 0.2]))
        self.outline(node, INK, INK if sign == "dot" else WHITE, radius=1)
        arms = {"+": [(1, 0), (0, 1)], "x": [(0.7, 0.7), (0.7, -0.7)], "dot": []}[sign]
        for arm in 0.06 * np.reshape(arms, (-1, 2)):
            self.stroke([arm + (x, y), (x, y) - arm], closed=False, z=4)
        return node

    def legend(self, x, y, words: dict[str, str]) -> None:
        """Face -> words, side by side from x on."""
        for face, text in words.items():
            chip = Node(x + 0.06, y, 0.12, 0.12)
            self.outline(chip, ROLES["data"][0], face, lw=0.7)
            self.note(chip, text, "right")
            x += 0.45 + self._widest(1)

    def _widest(self, n: int) -> float:
        """The width of the widest of the last n lines of text, in inches."""
        renderer = self.canvas.get_renderer()
        return max((t.get_window_extent(renderer).width for t in self.texts[-n:]), default=0) / DPI

    def grid(
        self, x, y, values, cell=20, label="", *, side="below", depth=1, gutter=None, palette=()
    ) -> Node:
        """Pixels of `cell` dots: bool (a mask), int (codes), float in 0..1 (grey), or (h, w, 3).

        depth: so many sheets one behind the other. gutter: white lines between pixels. palette:
        colours for integers that are no codes.
        """
        values = np.asarray(values)
        if values.ndim == 2:
            if len(palette):
                values = to_rgba_array(palette)[values, :3]
            elif values.dtype.kind == "b":
                values = np.where(values[..., None], to_rgb(READ), to_rgb(FUTURE))
            elif values.dtype.kind in "iu":
                values = code_colors(values)
            else:
                values = np.repeat(np.clip(values, 0, 1)[..., None], 3, -1)
        dots = np.kron((255 * values).round().astype(np.uint8), np.ones((cell, cell, 1), np.uint8))
        if cell >= 14 if gutter is None else gutter:
            for line in (0, -1):
                dots[cell * np.arange(1, len(values)) + line] = 255
                dots[:, cell * np.arange(1, values.shape[1]) + line] = 255
        (h, w), shape = dots.shape[:2], values.shape[:2]
        left, low = round(x * DPI - w / 2), round(y * DPI - h / 2)
        node = Node((left + w / 2) / DPI, (low + h / 2) / DPI, w / DPI, h / DPI, *shape)
        z = 3 if depth == 1 else 4.3  # sheets hide the beginning of an arrow
        for i in range(depth - 1, 0, -1):
            sheet = node._replace(x=node.x + 0.035 * i, y=node.y + 0.035 * i)
            self.outline(sheet, ROLES["data"][0], "#efefef", z=z - i / 100, lw=0.7)
        self.figure.figimage(dots, left, low, origin="upper", zorder=z + 0.1)
        self.outline(node, ROLES["data"][0], z=z + 0.2, lw=0.7)
        self.note(node, label, side)
        return node

    def image(self, x, y, levels, n_levels: int, dots: int, label="") -> Node:
        """An image (C, H, W) of levels, grey or of three colours, at most `dots` high and wide."""
        values = np.asarray(levels, float) / (n_levels - 1)
        values = values[0] if len(values) == 1 else values.transpose(1, 2, 0)
        return self.grid(x, y, values, dots // max(values.shape[:2]), label)

    def frame(self, *nodes: Node, text="", pad=0.14) -> Node:
        """A pale frame behind nodes, its text above the upper left corner."""
        node = around(*nodes, pad=pad)
        self.outline(node, PALE, "#f7f7f7", radius=0.08, z=-5)
        corner = node.x - node.w / 2 - 0.03, node.top + 0.1
        self.note(corner, text, "right")
        return node
