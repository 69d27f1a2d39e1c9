"""What a mask lets through: the kernel on its way over an image, and the path of a message."""

import numpy as np
from torch import Tensor, nn

from tutorial_lib.notebook.diagrams.card import FUTURE, INK, READ, STOPPED, TARGET, UNREAD, Card
from tutorial_lib.notebook.diagrams.places import around
from tutorial_lib.notebook.diagrams.shapes import on_the_cpu
from tutorial_lib.pixels.influence import as_model, influence_map
from tutorial_lib.pixels.masks import MaskedConv2d

SEEN = (READ, UNREAD, FUTURE, "#ffffff")  # read, past and not read, future, no pixel


@on_the_cpu
def sliding_mask(
    conv: MaskedConv2d, image: Tensor, places: tuple[tuple[int, int], ...] = ()
) -> Card:
    """The kernel of `conv` at three pixels of a small image in [0, 1], (H, W).

    sliding_mask(MaskedConv2d(1, 1, 3, mask_type="A"), image[:7, :7])
    """
    mask = conv.mask[0, 0].bool().numpy()
    (k, across), side = mask.shape, len(image)
    places = places or ((0, 2), (side // 2, side - 3), (side - 1 - k // 2, 1))
    words = f"A {k}×{across} kernel with mask {conv.mask_type} at {len(places)} pixels of an image"
    c = Card(7, 2.45, alt=f"{words}: taps above the pixel and to its left are read, others not.")
    kernel = c.grid(0.85, 1.4, mask, cell=40 if k < 5 else 160 // k)
    c.text(kernel, f"mask {conv.mask_type}, {k}×{across}", "above", gap=0.1)
    for row, column in np.ndindex(k, across):
        c.note(
            kernel.pixel(row, column),
            str(int(mask[row, column])),
            color="w" if mask[row, column] else INK,
        )
    center = kernel.pixel(k // 2, across // 2)
    c.outline(center, TARGET, lw=2, z=6)
    c.note(kernel, "1: read, 0: not read", "below", gap=0.1)
    for i, (row, column) in enumerate(places):
        pixels = image.double().numpy()
        picture = c.grid(2.62 + 1.75 * i, 1.36, pixels, 238 // side, gutter=True)
        window = []
        for y, x in np.ndindex(k, across):
            tap = picture.pixel(row + y - k // 2, column + x - across // 2)
            window.append(tap)
            c.outline(tap, "w", READ if mask[y, x] else FUTURE, z=4, lw=0.7).set_alpha(0.9)
            c.note(tap, str(int(mask[y, x])), color="w" if mask[y, x] else INK)
        c.outline(around(*window), INK, z=5)
        c.outline(picture.pixel(row, column), TARGET, lw=2, z=6)
        c.note(picture, f"predicts row {row}, column {column}", "below", gap=0.12)
    for i in range(len(places) - 1):
        c.arrow((3.41 + 1.75 * i, 1.36), (3.61 + 1.75 * i, 1.36))
    c.caption("Taps outside the image read zeros.")
    return c


def reach_of(kernel_size: int, n_layers: int, side: int, target: tuple[int, int]) -> np.ndarray:
    """What the target reads through a stack of mask A, then B: 0 read, 1 past, 2 the rest."""
    types = ["A", *"B" * (n_layers - 1)]
    stack = nn.Sequential(*(MaskedConv2d(1, 1, kernel_size, mask_type=each) for each in types))
    for weights in stack.parameters():
        nn.init.ones_(weights)
    reads = influence_map(as_model(stack), side, side, target, n_probes=1)[0].numpy() > 0
    past = np.arange(side * side).reshape(side, side) < target[0] * side + target[1]
    return np.where(reads, 0, np.where(past, 1, 2))


PATHS = (
    "A message moves down, aside or to the right in each masked layer, never straight to the left. "
    "So what stands far to the right in a row above never reaches the target."
)


def paths_of_messages(side: int = 7, target: tuple[int, int] = (5, 2)) -> Card:
    """Which way a message goes through masked layers, and the blind spot where none comes from.

    paths_of_messages()
    """
    row, column = target
    hops = min(3, row, side - 1 - column)
    c = Card(7, 2.75, alt=PATHS)
    deep = reach_of(3, 2 * side, side, target)
    moves = c.grid(0.87, 1.62, np.ones((3, 3, 3)), cell=40, gutter=False)
    for move in MaskedConv2d(1, 1, 3, mask_type="B").mask[0, 0].nonzero().tolist():
        if move != [1, 1]:  # a tap at (-1, 1) reads up there: a message from there comes down left
            c.arrow(moves.pixel(1, 1), moves.pixel(2 - move[0], 2 - move[1]))
    c.arrow(moves.pixel(1, 1), moves.pixel(1, 0.25), kind=STOPPED)
    c.text(moves, "one layer moves\na message so", "above", gap=0.1)
    c.note(moves, "never straight left", "below", gap=0.1, color=STOPPED[0])
    start = row - hops, column + hops
    panels = [
        ("a message arrives", start, f"{hops} layers, {hops} hops"),
        ("another does not", (start[0] + 1, start[1]), "too far right: no\npath leads there"),
        ("the blind spot", None, f"{np.mean(deep[deep < 2]):.0%} of the past,\nat any depth"),
    ]
    for i, (title, start, words) in enumerate(panels):
        kinds = deep if start is None else np.where(deep < 2, 2, 3)
        picture = c.grid(2.35 + 1.78 * i, 1.5, kinds, 294 // side, palette=SEEN)
        c.text(picture, title, "above", gap=0.1)
        c.note(picture, words, "below", gap=0.1)
        if start is not None:
            arrives = deep[start] == 0
            c.outline(picture.pixel(*start), INK, SEEN[deep[start]], z=4, lw=0.7)
            y, x = start
            path = [start] + [(min(y + n, row), x - n) for n in range(1, hops + 1)]
            path = [p for p in path if arrives or p[1] > column]
            for a, b in zip(path, path[1:], strict=False):
                c.arrow(picture.pixel(*a), picture.pixel(*b))
            if not arrives:
                end = picture.pixel(row, column + 0.58)
                c.arrow(picture.pixel(*path[-1]), end, kind=STOPPED)
        c.outline(picture.pixel(row, column), TARGET, "w", lw=2, z=4)
    c.legend(1.75, 0.25, {READ: "read", UNREAD: "earlier, never read", FUTURE: "the other pixels"})
    return c
