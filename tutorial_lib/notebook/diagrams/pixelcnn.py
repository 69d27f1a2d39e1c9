"""Masks on their way over an image, paths of messages; PixelCNN whole, and an image that grows."""

import numpy as np
import torch
from torch import Tensor, nn

from tutorial_lib.notebook.diagrams.card import (
    FUTURE,
    HIDDEN,
    INK,
    PALE,
    READ,
    ROLES,
    STOPPED,
    TARGET,
    UNREAD,
    Card,
)
from tutorial_lib.notebook.diagrams.places import Node, around
from tutorial_lib.notebook.diagrams.shapes import on_the_cpu, said, traced
from tutorial_lib.pixels.influence import as_model, influence_map
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import PixelCNN

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
    inks = np.where(mask, "w", INK)
    for at in np.ndindex(k, across):
        c.note(kernel.pixel(*at), str(int(mask[at])), color=inks[at])
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
            c.note(tap, str(int(mask[y, x])), color=inks[y, x])
        c.outline(around(*window), INK, z=5)
        c.outline(picture.pixel(row, column), TARGET, lw=2, z=6)
        c.note(picture, f"predicts row {row}, column {column}", "below", gap=0.12)
    for i in range(len(places) - 1):
        c.arrow((3.41 + 1.75 * i, 1.36), (3.61 + 1.75 * i, 1.36))
    c.caption("Taps outside the image read zeros.")
    return c


def reach_of(
    kernel_size: int, n_layers: int, side: int, target: tuple[int, int], first: str = "A"
) -> np.ndarray:
    """What the target reads through layers of mask `first`, then B: 0 read, 1 past, 2 the rest."""
    types = [first, *"B" * (n_layers - 1)]
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


def _masked(c: Card, x, y, conv: MaskedConv2d, words: str):
    """A masked convolution: a box with its mask in it."""
    mask = conv.mask[0, 0].bool().numpy()
    node = c.box(x, y, "", "convolution", w=1.4, h=0.72)
    c.grid(x - 0.4, y, mask, 96 // len(mask), gutter=True)
    c.note((x - 0.12, y), words, "right", color=INK)
    return node


WHOLE = (
    "PixelCNN: a {0}×{0} convolution with mask A, {1} residual blocks, two 1×1 convolutions and a "
    "softmax over {2} levels. Below, one block: 1×1, masked, 1×1, and its input is added."
)


@on_the_cpu
def pixelcnn_whole(model: PixelCNN, image: Tensor) -> Card:
    """The whole network and, below, one of its blocks, with all shapes; image: levels (C, H, W).

    pixelcnn_whole(model, train.levels[0].long())
    """
    passed = traced(model, lambda: model(image[None]))
    shape = {name: said(part.left) for name, part in passed.items()}
    n, k = len(model.blocks), model.first.kernel_size[0]
    c = Card(7, 4.0, alt=WHOLE.format(k, n, model.n_levels))
    y, low = 3.15, 1.27
    x = c.image(0.6, y, image, model.n_levels, 150, f"image\n{said(image.shape)}")
    first = _masked(c, 1.95, y, model.first, f"{k}×{k}\nmask A")
    for i in (2, 1):
        sheet = Node(3.5 + 0.06 * i, y + 0.06 * i, 0.95, 0.72)
        c.outline(sheet, *ROLES["convolution"], radius=0.06, z=3 - i / 9)
    block = c.box(3.5, y, f"{n} blocks\nof mask B", "convolution", w=0.95, h=0.72)
    head = c.box(4.98, y, "ReLU, 1×1\nReLU, 1×1", "convolution", h=0.72)
    c.chain(x, first, block)
    c.arrow((4.07, y), head.on("left"))
    logits = c.box(6.3, y, f"softmax over\n{model.n_levels} levels", "data", h=0.72)
    c.link(head, logits)
    for node, name in ((first, "first"), (block, "blocks"), (head, "head")):
        c.note(node, shape[name], "below")
    c.note(logits, f"{model.n_levels} logits\na sub-pixel", "below")
    start, plus = c.sign(0.67, low), c.sign(5.95, low, "+")
    inner, again = model.blocks[0], "ReLU, {0}×{0}\nmask B"
    shrink = c.box(1.6, low, "ReLU, 1×1", "convolution", h=0.5)
    kernel = _masked(c, 3.25, low, inner.kernel, again.format(*inner.kernel.kernel_size))
    widen = c.box(4.9, low, "ReLU, 1×1", "convolution", h=0.5)
    c.arrow((0.42, low), start, head=False)
    c.chain(start, shrink, kernel, widen, plus)
    c.arrow(plus.on("right"), (6.5, low))
    c.detour(start, plus, 0.62, text="the input is added")
    for node, name in ((shrink, "shrink"), (kernel, "kernel"), (widen, "widen")):
        c.note(node, shape[f"blocks.0.{name}"], "above", gap=0.04)
    frame = c.frame(Node(3.5, low + 0.02, 6.4, 1.35), pad=0)
    c.note((0.33, frame.top - 0.13), "one block", "right")
    for side in (-1, 1):
        ends = block.on("below", side), frame.on("above", side)
        c.stroke(ends, PALE, closed=False, z=-6, dashes=(0, (2, 2)))
    c.caption("Beside each part: the shape of what leaves it, channels × height × width.")
    return c


GROWING = (
    "An image after {} pixels; below each, what the model expects of the next pixel, and its cost."
)


@on_the_cpu
def growing(model: nn.Module, image: Tensor, pixels: tuple[int, ...]) -> Card:
    """An image after some of its pixels, and p(level) at each of them, from the model itself.

    pixels: positions in raster order, four or five. image: levels (1, H, W) of one colour.

    growing(model, valid.levels[3].long(), (180, 290, 400, 610))
    """
    with torch.no_grad():
        p = model(image[None])[0, :, 0].softmax(0).flatten(1).double().numpy()
    (height, width), n_levels, levels = image.shape[1:], len(p), image.flatten().numpy()
    cost = -np.log2(p[levels, np.arange(levels.size)])
    c = Card(7, 3.35, alt=GROWING.format(", ".join(map(str, pixels))))
    grey, step = levels / (n_levels - 1), 6.6 / len(pixels)
    for i, pixel in enumerate(pixels):
        x = 0.2 + step * (i + 0.5)
        colors = np.where(np.arange(len(grey)) < pixel, grey, np.nan)[:, None].repeat(3, 1)
        colors = np.where(np.isnan(colors), HIDDEN, colors).reshape(height, width, 3)
        picture = c.grid(x, 2.4, colors, int(250 / max(height, width)))
        target = picture.pixel(pixel // width, pixel % width)
        c.outline(target, TARGET, "w", lw=1.6, z=6)
        c.text(picture, f"pixel {pixel}", "above")
        base, w = 0.85, 1.2 / n_levels
        for level in range(n_levels):
            left, top = x - 0.6 + w * level, base + 0.01 + 0.75 * p[level, pixel]
            bar = [(left, base), (left + 0.85 * w, base), (left + 0.85 * w, top), (left, top)]
            color = TARGET if level == levels[pixel] else READ
            c.stroke(bar, color, color, lw=0.2)
        c.stroke([(x - 0.63, base), (x + 0.63, base)], "#6b6b6b", closed=False, lw=0.8)
        c.note((x - 0.6, base), "black", "below")
        c.note((x + 0.6, base), "white", "below")
        c.note((x, base - 0.18), f"cost {cost[pixel]:.2f} bits", "below", color=INK)
        c.arrow((x, picture.bottom - 0.05), (x, base + 0.8))
    c.caption("Bars: p(level | pixels so far). Red: the level that came.")
    score = f"all pixels: {cost.sum():.0f} bits, {cost.mean():.2f} bits/dim"
    c.note((6.8, 0.25), score, "left", color=INK, gap=0)
    return c
