"""Places on a card, in inches, and lines with round corners."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np
from matplotlib.path import Path

SIDES = {"": (0, 0), "below": (0, -1), "above": (0, 1), "left": (-1, 0), "right": (1, 0)}


class Node(NamedTuple):
    """Where a thing is: its centre, its width and height, its rows and columns of pixels."""

    x: Real
    y: Real
    w: Real = 0.0
    h: Real = 0.0
    rows: int = 1
    columns: int = 1

    def on(self, side: str, along: Real = 0.0) -> tuple[Real, Real]:
        """A point on a side; `along` goes from -1 to 1, with 0 in the middle."""
        dx, dy = SIDES[side]
        return self.x + self.w / 2 * (dx or along), self.y + self.h / 2 * (dy or along)

    def pixel(self, row: Real, column: Real) -> Node:
        """One pixel of a grid, counted from the upper left; also one that lies outside."""
        w, h = self.w / self.columns, self.h / self.rows
        return Node(self.x - self.w / 2 + (column + 0.5) * w, self.top - (row + 0.5) * h, w, h)

    @property
    def top(self) -> Real:
        return self.y + self.h / 2

    @property
    def bottom(self) -> Real:
        return self.y - self.h / 2


def around(*nodes: Node, pad: Real = 0.0) -> Node:
    """The smallest node that holds all these, and `pad` more on each side."""
    left, right = (f(n.x + s * n.w / 2 for n in nodes) for f, s in ((min, -1), (max, 1)))
    low, high = min(n.bottom for n in nodes), max(n.top for n in nodes)
    size = right - left + 2 * pad, high - low + 2 * pad
    return Node((left + right) / 2, (low + high) / 2, *size)


def rounded(points: np.ndarray, radius: Real, closed: bool) -> Path:
    """A line through these points with round corners; a square with a large radius is a circle."""
    vertices, codes, last = [], [], len(points) - 1
    for i, point in enumerate(points):
        if not closed and i in (0, last) or not radius:
            vertices, codes = [*vertices, point], [*codes, Path.LINETO]
            continue
        ends = []
        for other in (points[i - 1], points[(i + 1) % len(points)]):
            arm = other - point
            ends.append(point + arm * min(0.5, radius / max(np.hypot(*arm), 1e-9)))
        bent = [end + 0.5523 * (point - end) for end in ends]
        vertices += [ends[0], *bent, ends[1]]
        codes += [Path.LINETO, *[Path.CURVE4] * 3]
    codes[0] = Path.MOVETO
    if closed:
        vertices, codes = [*vertices, vertices[0]], [*codes, Path.CLOSEPOLY]
    return Path(vertices, codes)
