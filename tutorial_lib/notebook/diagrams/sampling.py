"""What a sampler keeps (chapter 06); a line of an LSTM, a diagonal that becomes a column (08)."""

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.notebook.diagrams.card import GRADIENT, HIDDEN, READ, TARGET, UNREAD, Card
from tutorial_lib.notebook.diagrams.places import Node, around
from tutorial_lib.notebook.diagrams.shapes import on_the_cpu
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.lstm_layers import RowLSTMLayer, skew
from tutorial_lib.sampling.gated_cache import GatedCache


def _known(c: Card, image: Tensor, pixel: tuple[int, int], n_rows: int, reach: int) -> Node:
    """An image (1, H, W) in [0, 1] as far as it is drawn, and what one layer reads of it."""
    (row, column), (height, width) = pixel, image.shape[1:]
    colors = np.repeat(image[0].double().numpy()[..., None], 3, -1)
    colors.reshape(-1, 3)[row * width + column :] = HIDDEN
    picture = c.grid(1.1, 2.2, colors, 340 // max(height, width))
    bands = [(READ, row - n_rows, row, 0, width)]
    bands += [(UNREAD, row, row + 1, max(0, column - reach), column)] if column else []
    for color, r0, r1, c0, c1 in bands:
        band = around(picture.pixel(r0, c0), picture.pixel(r1 - 1, c1 - 1))
        c.outline(band, color, color, z=5, lw=1.4).set_alpha(0.55)
    c.outline(picture.pixel(row, column), TARGET, "w", z=6, lw=1.6)
    return picture


CACHED = (
    "Once a row, the vertical stack reads {} kept rows and stores a link for each of {} pixels. "
    "Once a pixel, the horizontal stack reads the row so far, adds the stored link, and writes "
    "one pixel of the next layer's row."
)


@on_the_cpu
def cached_sampler(
    model: GatedPixelCNN, image: Tensor, pixel: tuple[int, int], *, layer: int = 1
) -> Card:
    """What the sampler keeps of one layer, and when it is used; image: levels (1, H, W).

    cached_sampler(model, digits.levels[0].long(), (14, 12))
    """
    levels = image[None].clone()
    label = torch.zeros(1, dtype=torch.long) if model.n_classes else None
    with torch.no_grad():
        cache = GatedCache(model, levels, label=label)
        cache.begin_row(pixel[0])
    above, own = cache.vertical[layer].above, cache.horizontal[layer].own
    n_rows, wide, _, channels = above.rows.shape
    links, part = cache.links[layer], model.layers[layer]
    c = Card(7, 3.7, alt=CACHED.format(n_rows, len(links)))
    picture = _known(c, image / (model.n_levels - 1), pixel, n_rows, part.horizontal.reach)
    words = f"blue: the {n_rows} rows that\nlayer {layer} reads once a row\n"
    c.note(picture, words + "orange: left in the row\nred: the next pixel", "below")
    y, low = 2.85, 1.15
    window = c.box(2.9, y, f"row window\n{n_rows}×{wide}×{channels}", "data")
    vertical = c.box(4.22, y, "vertical\nconvolution", "convolution")
    one = c.box(5.22, y, "link\n1×1", "convolution")
    buffer = c.box(6.22, y, f"links\n{len(links)}×{links[0].shape[-1]}", "data")
    c.chain(window, vertical, one, buffer)
    c.frame(window, vertical, one, buffer, text="once a row", pad=0.18)
    words = f"row buffer\n{own.row.shape[0]}×{own.row.shape[2]}"
    row_so_far = c.box(2.9, low, words, "data", w=window.w)
    horizontal = c.box(4.2, low, "horizontal,\none pixel", "convolution")
    plus = c.sign(5.02, low, "+")
    gate = c.box(5.55, low, "gate", "nonlinearity")
    out = c.box(6.24, low, "1×1, +", "convolution")
    c.chain(row_so_far, horizontal, plus, gate, out)
    c.frame(row_so_far, horizontal, plus, gate, out, text="once a pixel", pad=0.18)
    ends = buffer.on("below"), (buffer.x, 1.9), (plus.x, 1.9), plus.on("above")
    c.arrow(*ends, text="one of them", side="above")
    words = {"text": "one pixel of the row buffer of the next layer", "side": "below"}
    c.detour(out, row_so_far, 0.55, kind=(READ, GRADIENT[1]), **words)
    return c


LSTM = (
    "One line of an LSTM: what it reads of the image and of the hidden states of the line before "
    "is added, and gives four gates for each of {} pixels. With the memory of the line before they "
    "make the new memory and the new hidden states, which the next line reads."
)


def lstm_line(layer: RowLSTMLayer, width: int) -> Card:
    """Equation 3 for one line of `width` pixels, with the layer's own channels and taps.

    lstm_line(RowLSTM().blocks[0].lstm, width=28)
    """
    four, n_in, _, taps = layer.input.weight.shape
    _, n_hidden, taps_before = layer.state.weight.shape
    c = Card(7, 3.05, alt=LSTM.format(width))
    high, low, state = 2.35, 1.25, f"{n_hidden}×{width}"
    line = c.box(0.95, high, f"features of\nthe line\n{n_in}×{width}", "data")
    before = c.box(0.95, low, f"line before:\n$h$ and $c$\n{state} each", "data")
    reads = c.box(2.45, high, f"input to state\n1×{taps}, mask B", "convolution")
    hears = c.box(2.45, low, f"state to state\n{taps_before} taps on $h$", "convolution")
    plus = c.sign(3.5, high, "+")
    gates = c.box(4.45, high, f"$o$, $f$, $i$, $g$\n{four}×{width}", "data")
    cell = c.box(4.45, low, "new $c$, then $h$\n(equation 3)", "nonlinearity")
    after = c.box(6.05, low, f"this line:\n$h$ and $c$\n{state} each", "data")
    c.chain(line, reads, plus, gates)
    c.link(before, hears)
    c.arrow(hears.on("right"), (plus.x, low), plus.on("below"))
    c.link(gates, cell)
    c.link(cell, after)
    c.detour(before, cell, 0.66, text="$c$ of the line before", side="above")
    ends = after.on("below"), (after.x, 0.3), (before.x - 0.3, 0.3), (before.x - 0.3, before.bottom)
    words = {"text": "for the next line, this is the line before", "side": "above"}
    c.arrow(*ends, kind=(READ, GRADIENT[1]), **words)
    return c


SKEWED = (
    "An image of {}×{} pixels; its rows moved right, each by one more, so that {} diagonals become "
    "columns. A pixel hears from the column before: from its own row and from the row above."
)


def skewing(height: int = 4, width: int = 5, pixel: tuple[int, int] = (2, 2)) -> Card:
    """Row i moved right by i: a diagonal becomes a column, and all of it is computed in one step.

    skewing(4, 5)
    """
    image = torch.arange(1.0, height * width + 1).view(1, 1, height, width)
    moved = skew(image)[0, 0].int().numpy()
    columns = moved.shape[1]
    c = Card(7, 2.75, alt=SKEWED.format(height, width, columns))
    step = np.arange(height)[:, None] + np.arange(width)
    shades = plane(np.linspace(0, 1, columns))
    cell, y, (row, column) = 60, 1.42, pixel
    left = c.grid(0.4 + width * 0.15, y, shades[step], cell)
    skewed = np.where(moved[..., None] > 0, shades[None], 1.0)
    right = c.grid(6.6 - columns * 0.15, y, skewed, cell)
    for node, numbers in ((left, image[0, 0].int().numpy()), (right, moved)):
        for place in zip(*numbers.nonzero(), strict=True):
            c.text(node.pixel(*place), str(numbers[place]))
    ends = (left.on("right")[0] + 0.15, y), (right.on("left")[0] - 0.15, y)
    c.arrow(*ends, text="row $i$ moved\nright by $i$")
    c.text(left, "the image", "above", gap=0.1)
    c.text(right, "skewed: a column is a diagonal", "above", gap=0.1)
    for node, shift in ((left, 0), (right, 1)):  # by how much a row is moved for each row down
        for i, j in ((row, column - 1), (row - 1, column), (row, column)):
            here = i == row and j == column
            color, z = (TARGET, 7) if here else (READ, 6)
            c.outline(node.pixel(i, j + shift * i), color, lw=2, z=z)
    c.note(left, "the red pixel reads the states\nof the two blue ones", "below", gap=0.1)
    words = f"{columns} steps, all rows at once, in place of {height * width};\n"
    c.note(right, words + "both blue ones are in the column before", "below", gap=0.1)
    return c


def plane(t: np.ndarray) -> np.ndarray:
    """Pale colours from blue to amber for t in 0..1."""
    low, high = np.array([0.80, 0.89, 0.97]), np.array([0.99, 0.90, 0.70])
    return low + np.asarray(t)[..., None] * (high - low)
