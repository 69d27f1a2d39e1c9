"""PixelCNN: the whole model with one of its blocks, and an image that grows pixel by pixel."""

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.notebook.diagrams.card import HIDDEN, INK, PALE, READ, ROLES, TARGET, Card
from tutorial_lib.notebook.diagrams.places import Node
from tutorial_lib.notebook.diagrams.shapes import on_the_cpu, said, traced
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import PixelCNN


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
def growing(model: torch.nn.Module, image: Tensor, pixels: tuple[int, ...]) -> Card:
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
