"""The plane of rate and distortion, with models as points (chapters 12 and 13)."""

from numbers import Real

import numpy as np

from tutorial_lib.notebook.diagrams.card import INK, PALE, READ, WHITE, Card
from tutorial_lib.notebook.diagrams.places import Node


def _ticks(low: Real, high: Real) -> np.ndarray:
    """About four round numbers from low to high."""
    step = 10 ** np.floor(np.log10((high - low) / 2))
    step *= next(f for f in (5, 2, 1, 0.5, 0.2) if (high - low) / (step * f) >= 3)
    return np.arange(np.ceil(low / step - 1e-9) * step, high + step * 1e-6, step) + 0.0


def rate_distortion(points: dict[str, tuple[Real, Real]], *, unit: str = "bits/dim") -> Card:
    """Models as points: what the code costs against what the image costs given the code.

    points: name -> (rate, distortion), both in `unit`; on a dashed line their sum is the same.

    rate_distortion({"VAE": (0.3, 1.2), "VQ-VAE": (0.2, 1.1), "collapsed": (0.0, 2.1)})
    """
    xy = np.array(list(points.values()), float)
    said = "; ".join(f"{name}: rate {r:.2f}, distortion {d:.2f}" for name, (r, d) in points.items())
    c = Card(5.6, 3.75, alt=f"Rate and distortion in {unit}. {said}.")
    box = Node(3.05, 2.02, 4.3, 2.5)
    span = np.maximum(np.ptp(xy, axis=0), 1e-3 + 0.05 * np.abs(xy).max())
    low = np.maximum(xy.min(0) - 0.15 * span, 0)
    high = xy.max(0) + (0.45, 0.2) * span

    corner, size = (box.x - box.w / 2, box.bottom), (box.w, box.h)

    def at(p) -> np.ndarray:
        return (np.asarray(p) - low) / (high - low) * size + corner

    for total in _ticks(low.sum(), high.sum())[1:]:
        ends = [(r, total - r) for r in np.clip([total - high[1], total - low[1]], low[0], high[0])]
        if abs(ends[0][0] - ends[1][0]) > 1e-9:
            c.stroke([at(e) for e in ends], PALE, closed=False, dashes=(0, (3, 2)), lw=0.8, z=1)
    c.arrow(corner, (box.x + box.w / 2 + 0.1, box.bottom))
    c.arrow(corner, (corner[0], box.top + 0.1))
    for axis in (0, 1):
        for value in _ticks(low[axis], high[axis]):
            place = at((value, low[1])) if axis == 0 else at((low[0], value))
            if place[axis] < (box.x + box.w / 2, box.top)[axis] - 0.1:
                c.note(place, f"{value:.3g}", "below" if axis == 0 else "left", gap=0.06)
    c.text((box.x, 0.42), f"rate: what the code costs ({unit})", "below", gap=-0.03)
    words = f"distortion: what the image costs, given the code ({unit})"
    c.text((0.3, box.top + 0.28), words, "right", gap=0)
    taken = [Node(*at(p), 0.14, 0.14) for p in xy]
    for name, p in points.items():
        dot, words = Node(*at(p), 0.11, 0.11), f"{name}: {sum(p):.2f}"
        c.outline(dot, "w", READ, radius=1, z=6, lw=0.8)
        side, place = _free_side(dot, 0.072 * len(words), taken, box)
        taken.append(place)
        c.outline(place, "none", WHITE, z=2)
        c.note(dot, words, side, color=INK)
    c.note((box.x + box.w / 2, box.top), "dashed: equal sum", "left", gap=0)
    return c


def _meet(a: Node, b: Node) -> bool:
    return bool(abs(a.x - b.x) < (a.w + b.w) / 2 and abs(a.y - b.y) < (a.h + b.h) / 2)


def _free_side(dot: Node, wide: Real, taken: list[Node], box: Node) -> tuple[str, Node]:
    """Where a text of this width beside a dot meets the fewest things and stays in the box."""
    shift = {"right": (wide / 2 + 0.12, 0), "above": (0, 0.15), "below": (0, -0.15)}
    shift["left"] = (-wide / 2 - 0.12, 0)
    room = {side: Node(dot.x + x, dot.y + y, wide, 0.15) for side, (x, y) in shift.items()}

    def trouble(side: str) -> int:
        place = room[side]
        inside = abs(place.x - box.x) < (box.w - wide) / 2 and place.bottom > box.bottom
        return sum(_meet(place, each) for each in taken) + 2 * (not inside)

    side = min(room, key=trouble)
    return side, room[side]
