"""The gated PixelCNN: one layer as in figure 2, what its arrows have read, conditions."""

import copy
from numbers import Real

import numpy as np
import torch

from tutorial_lib.notebook.diagrams.card import CONDITION, FUTURE, INK, READ, TARGET, UNREAD, Card
from tutorial_lib.notebook.diagrams.places import Node
from tutorial_lib.notebook.diagrams.shapes import on_the_cpu, said, traced
from tutorial_lib.pixels.gated import GatedPixelCNN


def _run(model: GatedPixelCNN, height: int, width: int) -> dict:
    """What passes the parts of the model on an image of this size."""
    levels = torch.zeros(1, model.n_colors, height, width, dtype=torch.long)
    label = torch.zeros(1, dtype=torch.long) if model.n_classes else None
    n = model.context_channels
    context = torch.zeros(1, n, height, width) if n else None
    return traced(model, lambda: model(levels, label=label, context=context))


def _gate(c: Card, x: Real, y: Real) -> tuple[Node, Node]:
    """The gate: where the stream splits in two halves, and where they are multiplied."""
    fork, times = c.sign(x, y), c.sign(x + 1.12, y, "x")
    tanh = c.box(x + 0.56, y + 0.24, "tanh", "nonlinearity", w=0.6, h=0.3)
    sigma = c.box(x + 0.56, y - 0.24, r"$\sigma$", "nonlinearity", w=0.6, h=0.3)
    for half in (tanh, sigma):
        c.arrow(fork, (x, half.y), half.on("left"))
        c.arrow(half.on("right"), (times.x, half.y), times.on("above" if half is tanh else "below"))
    c.frame(fork, times, tanh, sigma, text="gate", pad=0.1)
    return fork, times


def _kernel(c: Card, x: Real, y: Real, conv, words: str) -> Node:
    """A convolution, its taps drawn in the square of the kernel that they were cropped from."""
    side = 2 * conv.reach + 1
    rows, columns = conv.kernel_size
    taps = np.zeros((side, side), bool)
    if rows > 1:
        taps[:rows] = True
    else:
        taps[conv.reach, :columns] = True
    node = c.box(x, y, "", "convolution", w=1.3, h=0.62)
    c.grid(x - 0.36, y, taps, 84 // side, gutter=True)
    c.note((x - 0.09, y), words, "right", color=INK)
    return node


LAYER = (
    "One layer of the gated PixelCNN. Above, the vertical stack: convolution and gate. Below, the "
    "horizontal stack: convolution, plus the 1×1 link from above, gate, 1×1, plus its own input."
)


@on_the_cpu
def gated_layer(model: GatedPixelCNN, height: int, width: int, *, layer: int = 1) -> Card:
    """Figure 2 of the paper: one layer of the two stacks, the shapes those of this model.

    gated_layer(model, 28, 28)
    """
    part, passed = model.layers[layer], _run(model, height, width)
    shape = {k: said(v.left) for k, v in passed.items() if k.startswith(f"layers.{layer}.")}
    of = lambda name: shape[f"layers.{layer}.{name}"]  # noqa: E731
    entered = said(passed[f"layers.{layer}.vertical"].entered)
    c = Card(7, 3.55, alt=LAYER)
    y, low = 2.72, 1.15
    for name, height_of in (("v", y), ("h", low)):
        c.text((0.42, height_of), rf"${name}_\ell$", "left")
        c.text((6.45, height_of), rf"${name}_{{\ell+1}}$", "right")
        c.note((0.75, height_of), entered, "above")
    v = _kernel(c, 1.75, y, part.vertical, "rows\nabove")
    h = _kernel(c, 1.75, low, part.horizontal, "left in\nthe row")
    fork, times = _gate(c, 3.75, y)
    branch, plus = c.sign(2.95, y), c.sign(2.95, low, "+")
    link = c.box(2.95, 1.95, "1×1", "convolution")
    c.note(link, "link", "right")
    c.arrow((0.45, y), v.on("left"))
    c.arrow(v.on("right"), fork, head=False, text=of("vertical"))
    c.chain(branch, link, plus)
    c.arrow(times.on("right"), (6.45, y), text=said(passed[f"layers.{layer}.output"].left))
    fork, times = _gate(c, 3.75, low)
    c.arrow((0.45, low), h.on("left"))
    c.link(h, plus)
    c.arrow(plus.on("right"), fork, head=False)
    c.note((2.95, low - 0.2), of("horizontal"), "below")
    out = c.box(5.45, low, "1×1", "convolution")
    c.link(times, out)
    if part.residual:
        total, start = c.sign(6.08, low, "+"), c.sign(0.75, low)
        c.chain(out, total)
        c.arrow(start, (start.x, 0.38), (total.x, 0.38), total.on("below"), text="residual")
    c.arrow((total if part.residual else out).on("right"), (6.45, low))
    return c


def fields(model: GatedPixelCNN, side: int, target: tuple[int, int], layer: int) -> dict:
    """What the target has read at each arrow of a layer: 0 read, 1 earlier and unread, 2 others."""
    model, noise = copy.deepcopy(model).double(), torch.Generator().manual_seed(0)
    levels = torch.randint(model.n_levels, (1, model.n_colors, side, side), generator=noise)
    pixels = model.embed(levels).detach().requires_grad_()
    label = torch.zeros(1, dtype=torch.long) if model.n_classes else None
    with torch.enable_grad():
        passed = traced(model, lambda: model.logits_from(pixels, label=label))
        of = lambda part: passed[f"layers.{layer}.{part}"]  # noqa: E731
        z = of("horizontal").left + of("link").left
        out = of("output").left + (of("horizontal").entered if model.layers[layer].residual else 0)
        v, h = of("vertical"), of("horizontal")
        tensors = {"v": v.entered, "up": v.left, "link": of("link").left}
        tensors |= {"h": h.entered, "left": h.left, "z": z, "out": out}
        reads = {}
        for name, each in tensors.items():
            mix = torch.randn(each.shape[1], generator=noise, dtype=torch.float64)
            moved = (each[0, :, target[0], target[1]] * mix).sum()
            reads[name] = torch.autograd.grad(moved, pixels, retain_graph=True)[0].abs().sum((0, 1))
    past = np.arange(side * side).reshape(side, side) < target[0] * side + target[1]
    return {k: np.where(v.numpy() > 0, 0, np.where(past, 1, 2)) for k, v in reads.items()}


FIELDS = (
    "On each arrow of a gated layer, what one pixel has read: the vertical stack a fan of the rows "
    "above, the horizontal stack what is to the left in the row, their sum both."
)


@on_the_cpu
def receptive_fields(model: GatedPixelCNN, *, layer: int = 1, side: int = 9, target=(6, 4)) -> Card:
    """One layer, and on each of its arrows what one pixel has read there: measured, by gradients.

    receptive_fields(GatedPixelCNN(n_channels=8, n_layers=3))
    """
    maps = fields(model, side, target, layer)
    c = Card(7, 3.5, alt=FIELDS)
    y, low, nodes = 2.72, 1.1, {}
    places = {"v": (0.7, y), "up": (3.2, y), "h": (0.7, low), "left": (3.2, low)}
    places |= {"z": (4.62, low), "out": (6.45, low)}
    style = {"cell": 144 // side, "palette": (READ, UNREAD, FUTURE), "gutter": True}
    for name, place in places.items():
        nodes[name] = grid = c.grid(*place, maps[name], **style)
        c.outline(grid.pixel(*target), TARGET, lw=1.4, z=6)
        n = np.sum(maps[name] == 0)
        c.note(grid, f"{n} pixels" if n != 1 else "1 pixel", "below")
    part = model.layers[layer]
    up = _kernel(c, 1.95, y, part.vertical, "rows\nabove")
    left = _kernel(c, 1.95, low, part.horizontal, "left in\nthe row")
    words = "gate, 1×1\n+ input" if part.residual else "gate\n1×1"
    plus, gate = c.sign(3.97, low, "+"), c.box(5.53, low, words, "nonlinearity")
    link = c.box(3.97, 1.86, "1×1", "convolution")
    c.note(link, "link", "right")
    c.chain(nodes["v"], up, nodes["up"])
    c.chain(nodes["h"], left, nodes["left"], plus, nodes["z"], gate, nodes["out"])
    c.arrow(nodes["up"].on("right"), (3.97, y), link.on("above"))
    c.link(link, plus)
    for name, words in (("v", r"$v_\ell$"), ("h", r"$h_\ell$"), ("out", r"$h_{\ell+1}$")):
        c.text(nodes[name], words, "above")
    words = {READ: "read by the red pixel", UNREAD: "earlier, not yet read", FUTURE: "later"}
    c.legend(0.25, 0.27, words)
    return c


LABEL = (
    "Label {} picks a row of {} numbers from a table. One half is added at every pixel to the "
    "vertical stack before its gate, the other half to the horizontal stack."
)


@on_the_cpu
def label_entry(
    model: GatedPixelCNN, height: int, width: int, *, label: int = 7, layer: int = 1
) -> Card:
    """Where a label enters a layer: a row of a table, added in both stacks before the gate (eq. 4).

    label_entry(model, 28, 28, label=9)
    """
    part, passed = model.layers[layer], _run(model, height, width)
    if part.label is None:
        raise ValueError("the model takes no label: build it with n_classes=...")
    table = part.label.weight.detach()
    rows, numbers = table.shape
    c = Card(7, 3.6, alt=LABEL.format(label, numbers))
    y, low = 2.88, 1.0
    shown = (table[:, :24] - table.min()) / (table.max() - table.min())
    grid = c.grid(1.78, 2.0, 0.3 + 0.7 * shown.double().numpy(), 10, gutter=True)
    row = grid.pixel(label, 0).y
    c.outline(Node(grid.x, row, grid.w, grid.h / rows), CONDITION[0], lw=2, z=6)
    c.note(grid, f"{rows} labels × {numbers} numbers", "above")
    given = c.box(0.6, row, f"label {label}", "condition")
    c.arrow(given.on("right"), (grid.on("left")[0], row), kind=CONDITION)
    for at, name, words in ((y, "vertical", "rows\nabove"), (low, "horizontal", "left and\nlink")):
        plus, box = c.sign(3.55, at, "+"), _kernel(c, 2.1, at, getattr(part, name), words)
        start, times = _gate(c, 4.75, at)
        above = name == "vertical"
        c.link(box, plus)
        shape = said(passed[f"layers.{layer}.{name}"].left)
        c.arrow(plus.on("right"), start, text=shape, head=False)
        c.arrow(times.on("right"), (6.42, at))
        c.text((6.42, at), rf"${'v' if above else 'h'}_{{\ell+1}}$", "right")
        ends = (grid.on("right")[0], row), (plus.x, row), plus.on("below" if above else "above")
        half = f"{'first' if above else 'last'} {numbers // 2}"
        c.arrow(*ends, kind=CONDITION, text=half, leg=1)
    words = f"The same at every pixel; each of {len(model.layers)} layers has its own table."
    if part.context is not None:
        words += f" A map of {part.context.in_channels} channels enters there, too."
    c.caption(words)
    return c
