# %% [markdown]
# # 04 · The gated PixelCNN: two stacks and a gate
#
# [← 03 · PixelCNN](03_pixelcnn.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [05 · Conditional generation →](05_conditional_generation.ipynb) · [Live: Draw and complete](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/complete.html) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/04_gated_pixelcnn.ipynb)
#
# Chapter 02 found a part of the past that no stack of masked convolutions can read, however deep.
# In this chapter you build the model that reads all of it, with convolutions alone.
#
# **By the end you will have**
#
# - a gated PixelCNN of your own, for grey and for coloured images, that computes the same as the
#   library's;
# - drawings and a score of your model, beside those of a model that was trained for longer;
# - an answer to what the two stacks, the gate and the order of the colours each bring.
#
# **You need** chapters 01 (nats and bits/dim), 02 (masks, the influence matrix) and 03 (PixelCNN).
#
# **Time** about two hours: one of reading, one for the four exercises. Running all cells takes
# about two minutes on a laptop.

# %% tags=["setup"] jupyter={"source_hidden": true} cellView="form"
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("tutorial_lib") is None:  # on Colab, for example
    address = "git+https://github.com/from-pixels-to-codes/from-pixels-to-codes"
    print("Installing", package := os.environ.get("TUTORIAL_LIB_SPEC", "").strip() or address)
    command = [sys.executable, "-m", "pip", "install", "--quiet", package]
    pip = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    if pip.returncode:
        offline = any(w in pip.stderr for w in ("resolve host", "NameRes", "name res", "addrinfo"))
        raise RuntimeError("Go online, then run this cell again.\n" * offline + pip.stderr[-2000:])
    importlib.invalidate_caches()
importlib.import_module("tutorial_lib.notebook.setup").start("0.1.0")

# %% tags=["parameters"] jupyter={"source_hidden": true} cellView="form"
from dataclasses import dataclass

from tutorial_lib import profiles
from tutorial_lib.exercises import ch04


@dataclass
class Settings:
    depths: tuple[int, ...]  # of the stacks whose blind spot is measured
    n_channels: int  # features of your model
    n_layers: int
    n_images: int  # to train it on
    epochs: int
    batch_size: int
    n_held_out: int
    n_drawn: int  # images drawn side by side
    other_size: tuple[int, int]  # height and width of the images drawn at the end


settings = profiles.choose(
    smoke=Settings((1, 4, 8), 4, 2, 64, 1, 16, 32, 3, (4, 6)),
    laptop=Settings((1, 2, 4, 7, 8, 16), 24, 4, 9000, 1, 16, 500, 8, (28, 40)),
    gpu=Settings((1, 2, 4, 7, 8, 16), 48, 7, 9000, 20, 32, 1000, 8, (28, 40)),
)
settings

# %% [markdown]
# ## Where this ends
#
# What one pixel (outlined in red) reads in the model of chapter 02, and in the model of this
# chapter. Blue is read. Orange is past that never arrives: the blind spot.

# %%
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown
from torch import nn

from tutorial_lib import pixels
from tutorial_lib.notebook import show_influence, show_mask
from tutorial_lib.pixels import MaskedConv2d, as_model, influence_matrix

torch.manual_seed(0)
layers = [MaskedConv2d(1, 4, 3, mask_type="A")]
layers += [MaskedConv2d(4, 4, 3, mask_type="B") for _ in range(7)]
one_stack = as_model(nn.Sequential(*layers))
two_stacks = pixels.GatedPixelCNN(n_channels=4, n_layers=8)
place = 6 * 9 + 4  # row 6, column 4 of a 9×9 image, in raster order

figure, axes = plt.subplots(1, 2, figsize=(6, 3), layout="tight")
models = {"one masked stack, 8 layers": one_stack, "gated PixelCNN, 8 layers": two_stacks}
for ax, (name, model) in zip(axes, models.items(), strict=True):
    reads = influence_matrix(model, height=9, width=9)
    show_influence(reads[place], 9, 9, target=(6, 4), ax=ax).set_title(name)

# %% [markdown]
# ## 1 · Rows above: the vertical stack
#
# Where exactly is the hole? Count how many pixels of each row the red pixel reads, through the
# eight masked layers on the left.

# %% tags=["nbval-check-output"]
reads = influence_matrix(one_stack, height=9, width=9)[place].view(9, 9)
past = (torch.arange(81) < place).view(9, 9)
for row in range(3, 7):
    print(f"row {row}: {reads[row].sum()} of {past[row].sum()} pixels of the past are read")

# %% [markdown]
# Its own row is complete. The rows above are cut off on the right, one column later for each row up. The
# mask is the reason: it hides the right half of the kernel's middle row, so a message from the right moves
# one column to the left only where it also moves one row down.
#
# So divide the work. All columns of the rows *above* are past. A convolution that reads only rows
# above needs no mask at all. Take a kernel of two rows and three columns, all ones, whose lower row
# lies on the pixel's own row, and an image with one bright pixel.

# %% tags=["nbval-check-output"]
from torch.nn import functional as F

impulse = torch.zeros(1, 1, 4, 7)
impulse[0, 0, 1, 3] = 1
# the padding of left, right, top, bottom: zeros above and at both sides, none below
print(F.conv2d(F.pad(impulse, (1, 1, 1, 0)), torch.ones(1, 1, 2, 3))[0, 0].int())


# %% [markdown]
# The bright pixel (1, 3) is read by the row below it, left and right alike. But its own row reads
# it too: (1, 2) must not know (1, 3), and (1, 3) must not know itself. Look at what happens if we
# ignore that, four layers deep.
#
# > **Predict.** What will the pixel outlined in red read?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Every layer reads its own row, one column to each side, and the row above. Which of these pixels
# > are past?
# > </details>

# %%
class VerticalStack(nn.Module):
    """Convolutions over rows; `convolve(x, weight, first)` says which rows a layer reads."""

    def __init__(self, depth, convolve):
        super().__init__()
        shapes = [(4, 1, 2, 3)] + [(4, 4, 2, 3)] * (depth - 1)  # two rows, three columns
        self.weights = nn.ParameterList(torch.randn(shape) for shape in shapes)
        self.convolve = convolve

    def forward(self, x):
        for i, weight in enumerate(self.weights):
            x = torch.tanh(self.convolve(x, weight, first=i == 0))
        return x


def with_own_row(x, weight, first):
    return F.conv2d(F.pad(x, (1, 1, 1, 0)), weight)


wrong = as_model(VerticalStack(4, with_own_row))
reads = influence_matrix(wrong, height=9, width=9)
show_influence(reads[place], 9, 9, target=(6, 4));

# %% [markdown]
# A leak: it reads the four pixels on its right, which have not been drawn yet, and itself. The *first*
# layer has to read strictly above (type A). Every later layer may read its own row of *features*, because
# those know nothing of that row's pixels (type B).
#
# ### Exercise 4.1

# %% jupyter={"source_hidden": true} cellView="form"
ch04.vertical_conv.card()


# %%
def vertical_conv(x: torch.Tensor, weight: torch.Tensor, *, mask_type: str) -> torch.Tensor:
    """Convolve with n rows: those above the pixel (type A), or its own and those above (type B).

    x          (B, in, H, W), zeros outside
    weight     (out, in, n, k), k odd: its middle column lies on the pixel's own column
    mask_type  "A": the lowest row of the kernel lies on the row above.  "B": on the pixel's own
    returns    (B, out, H, W)

    By hand: the column x = [[1], [2], [4]] and weight = [[10], [1]] give
             type A [[0], [1], [12]]: 10 x (two rows up) + 1 x (one row up)
             type B [[1], [12], [24]]: 10 x (one row up) + 1 x (own row)
    """
    ____


vertical_conv = ch04.vertical_conv.check(vertical_conv)


# %%
def rows_above(x, weight, first):
    return vertical_conv(x, weight, mask_type="A" if first else "B")


figure, axes = plt.subplots(1, 4, figsize=(7, 2.1), layout="tight")
for ax, depth in zip(axes, (1, 2, 4, 8), strict=True):
    vertical = as_model(VerticalStack(depth, rows_above))
    reads_vertical = influence_matrix(vertical, height=9, width=9)
    show_influence(reads_vertical[place], 9, 9, target=(6, 4), ax=ax)
    ax.set_title(f"{depth} layer{'s' * (depth > 1)}")

# %% [markdown]
# Each layer adds a row above and a column on each side. There is no wedge: the view reaches as far
# to the right as to the left. With eight layers only the pixel's own row stays orange. This is the
# **vertical stack** of the paper (section 2.2).
#
# ## 2 · The own row: the horizontal stack
#
# What is left of the past is a line: the pixels on the left in the same row. Leave the right half
# out of the kernel, and again no mask is needed. Here is what a *first* layer reads with one masked
# 5×5 kernel, and with the two kernels that replace it.

# %% jupyter={"source_hidden": true} cellView="form"
# @title Picture: what a first layer reads
windows = torch.zeros(3, 7, 5)  # around the pixel in row 3, column 2
windows[0, 1:3], windows[0, 3, :2] = 1, 1  # masked: two rows above, two pixels on the left
windows[1, :3] = 1  # vertical, type A: three rows above
windows[2, 3, :2] = 1  # horizontal, type A: two pixels on the left
figure, axes = plt.subplots(1, 3, figsize=(6, 2.9), layout="tight")
names = ["one masked kernel", "vertical", "horizontal"]
for ax, name, window in zip(axes, names, windows, strict=True):
    show_mask(window, ax=ax).set_title(name)
    ax.add_patch(plt.Rectangle((1.5, 2.5), 1, 1, fill=False, ec="#d62728", lw=2, zorder=3))

# %% [markdown]
# ### Exercise 4.2

# %% jupyter={"source_hidden": true} cellView="form"
ch04.horizontal_conv.card()


# %%
def horizontal_conv(x: torch.Tensor, weight: torch.Tensor, *, mask_type: str) -> torch.Tensor:
    """Convolve along the own row: read n pixels to the left (type A), or n - 1 and the centre (B).

    x          (B, in, H, W), zeros to the left of it
    weight     (out, in, 1, n): only taps that may be read; weight[..., -1] is the rightmost tap
    mask_type  "A": the rightmost tap lies on the left neighbour.  "B": on the pixel itself
    returns    (B, out, H, W)

    By hand: x = [[1, 2, 4]] and weight = [[10, 1]] give
             type A [[0, 1, 12]]: at each place 10 x (two to the left) + 1 x (one to the left)
             type B [[1, 12, 24]]: at each place 10 x (one to the left) + 1 x (itself)
    """
    ____


horizontal_conv = ch04.horizontal_conv.check(horizontal_conv)


# %%
class HorizontalStack(nn.Module):
    """Convolutions along the row: the first of type A, the others of type B."""

    def __init__(self, depth):
        super().__init__()
        shapes = [(4, 1, 1, 1)] + [(4, 4, 1, 2)] * (depth - 1)
        self.weights = nn.ParameterList(torch.randn(shape) for shape in shapes)

    def forward(self, x):
        for i, weight in enumerate(self.weights):
            x = torch.tanh(horizontal_conv(x, weight, mask_type="B" if i else "A"))
        return x


reads_horizontal = influence_matrix(as_model(HorizontalStack(8)), height=9, width=9)
both = reads_vertical | reads_horizontal
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
panels = {"vertical": reads_vertical, "horizontal": reads_horizontal, "together": both}
for ax, (name, reads) in zip(axes, panels.items(), strict=True):
    show_influence(reads[place], 9, 9, target=(6, 4), ax=ax).set_title(name)

# %% [markdown]
# A rectangle and a line together cover the past. This holds for every pixel, not only for this one:

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import blind_spot

for name, reads in panels.items():
    causal = torch.equal(reads, reads.tril(-1))
    print(f"{name:10}  causal: {causal}   past unread: {blind_spot(reads):.0%}")


# %% [markdown]
# ## 3 · Which stack may tell the other?
#
# The prediction is read off one stack, so one of the two has to tell the other what it knows. Two
# arrows are possible: from vertical (v) to horizontal (h), and back. Here is a pair of stacks with
# no arrow, one, or both. The prediction is read off the horizontal stack.
#
# > **Predict.** One of the two arrows leaks. Which, and what gets through?
# >
# > <details><summary>A way to think about it</summary>
# >
# > After one layer, the horizontal feature at (2, 4) knows pixel (2, 3). A vertical layer reads its
# > own row of whatever it is given, to the left *and to the right*.
# > </details>

# %%
class TwoStacks(nn.Module):
    """Both stacks; `arrows` says who is told what the other one knows."""

    def __init__(self, depth, arrows):
        super().__init__()
        n_in = [1] + [4] * (depth - 1)
        self.above = nn.ParameterList(torch.randn(4, n, 2, 3) for n in n_in)
        self.left = nn.ParameterList(torch.randn(4, n, 1, 1 if n == 1 else 2) for n in n_in)
        self.arrows = arrows

    def forward(self, x):
        v = h = x
        for i, (above, left) in enumerate(zip(self.above, self.left, strict=True)):
            kind = "B" if i else "A"
            told = "h to v" in self.arrows and i  # the first h is the image itself
            new_v = vertical_conv(v + h if told else v, above, mask_type=kind)
            h = horizontal_conv(h, left, mask_type=kind)
            h = torch.tanh(h + new_v if "v to h" in self.arrows else h)
            v = torch.tanh(new_v)
        return h


figure, axes = plt.subplots(1, 3, figsize=(7, 2.9), layout="tight")
wirings = {"no arrow": (), "v to h": ("v to h",), "both arrows": ("v to h", "h to v")}
for ax, (name, arrows) in zip(axes, wirings.items(), strict=True):
    matrix = influence_matrix(as_model(TwoStacks(8, arrows)), height=5, width=7)
    causal = torch.equal(matrix, matrix.tril(-1))
    show_mask(matrix, ax=ax).set(xlabel="input", ylabel="output")
    ax.set_title(f"{name}\ncausal: {causal}, unread: {blind_spot(matrix):.0%}")


# %% [markdown]
# These are influence matrices (chapter 02): a row for each output, a column for each input. Without an
# arrow, a prediction knows only its own row. With the arrow from vertical to horizontal, the whole
# lower triangle is read, and nothing else. With both arrows, each row of the image becomes a block on
# the diagonal: what the horizontal stack knows of pixel (2, 3) reaches (2, 3) itself through its right
# neighbour. Only the last pixel of a row does not read itself, because it has no right neighbour.
#
# **You now know** the plan: the vertical stack may tell the horizontal stack, and never the other
# way round.
#
# ## 4 · The gate
#
# The paper's second change is the function between two layers. In PixelCNN it is a ReLU. The LSTMs
# of PixelRNN, which scored better, multiply two numbers. Equation 2 uses such a product:
#
# $$y = \tanh(W_{k,f} * x) \odot \sigma(W_{k,g} * x) \qquad \text{(Gated PixelCNN paper, eq. 2)}$$
#
# Here $*$ is a convolution, $\odot$ a product number by number, and $k$ numbers the layers. One
# convolution computes both halves: its first $C$ output channels are *values* ($f$), its last $C$
# their *switches* ($g$).

# %%
def gate(features):
    """Equation 2, behind its convolutions: (B, 2C, H, W) -> (B, C, H, W)"""
    value, switch = features.chunk(2, dim=1)
    return torch.tanh(value) * torch.sigmoid(switch)


grid = torch.linspace(-4, 4, 81)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.plot(grid, torch.tanh(grid), label="tanh(value)")
left.plot(grid, torch.sigmoid(grid), label="σ(switch)")
left.set(xlabel="value, or switch")
left.legend()
values, switches = torch.meshgrid(grid, grid, indexing="xy")
product = gate(torch.stack([values, switches])[None])[0, 0]
picture = right.imshow(product, origin="lower", extent=(-4, 4, -4, 4), cmap="RdBu", vmin=-1, vmax=1)
right.set(xlabel="value", ylabel="switch", title="tanh(value) · σ(switch)")
right.grid(False)
figure.colorbar(picture, ax=right);

# %% [markdown]
# At the lower edge of the right picture the switch is shut: almost nothing comes out. At the upper edge
# the value passes, bent by tanh into $-1$ to $1$. In between a part passes: $\sigma(-1)$ is about a quarter.
#
# Why a product? Ask for the slope: when the value moves a little, how far does the output move?
#
# > **Predict.** Each picture shows that slope for two values, 0 and 1. In which of the three is one
# > curve a scaled copy of the other, and in which a shifted one?
# >
# > <details><summary>A way to think about it</summary>
# >
# > A product can be differentiated factor by factor. A function of a sum sees only the sum.
# > </details>

# %% jupyter={"source_hidden": true} cellView="form"
# @title Picture: the slope of three units
switches = torch.linspace(-6, 6, 121)
units = {
    "gate": lambda a, b: gate(torch.stack([a, b])[None, :, None])[0, 0, 0],
    "ReLU of the sum": lambda a, b: torch.relu(a + b),
    "tanh of the sum": lambda a, b: torch.tanh(a + b),
}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4), layout="tight", sharey=True)
for ax, (name, unit) in zip(axes, units.items(), strict=True):
    for value in (0.0, 1.0):
        values = torch.full_like(switches, value, requires_grad=True)
        (slope,) = torch.autograd.grad(unit(values, switches).sum(), values)
        ax.plot(switches, slope, label=f"at value {value:.0f}")
    ax.set(title=name, xlabel="the other input")
axes[0].set_ylabel("d output / d value")
axes[0].legend(fontsize=8);

# %% [markdown]
# With the gate, one curve is a scaled copy of the other: the switch turns the slope up or down.
# Where the two numbers are added, the curves are shifted: the second number only moves the
# threshold of the first.
#
# An LSTM has the same product: it shows its memory $c$ through an output gate $o$. Take one step of
# PyTorch's LSTM, and give these two to equation 2.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
cell = nn.LSTMCell(3, 2)
x = torch.randn(5, 3)
hidden, memory = cell(x)
before_gates = x @ cell.weight_ih.T + cell.bias_ih + cell.bias_hh
switch = before_gates.chunk(4, dim=1)[3]  # input, forget, memory and output gate, in this order
by_equation_2 = gate(torch.cat([memory, switch], dim=1)[:, :, None, None])
print("LSTM output is gate(memory, switch):", torch.allclose(hidden, by_equation_2[:, :, 0, 0]))

# %% [markdown]
# The authors suspect that such products put PixelRNN ahead (section 2.1).
#
# ## 5 · One layer, arrow by arrow
#
# This is the paper's figure 2: one layer of both stacks.

# %%
from tutorial_lib.notebook import diagrams

diagrams.gated_layer(pixels.GatedPixelCNN(n_channels=32, n_layers=2), 28, 28)

# %% [markdown]
# What has one pixel read at each of these arrows? Measured by gradients, in the second layer of the
# model at the top of the page. Blue is read, orange is past that has not arrived yet.

# %%
diagrams.receptive_fields(two_stacks)

# %% [markdown]
# Note three things:
#
# - **The link leaves before the vertical gate**, with all $2C$ features. So the horizontal gate gets
#   values and switches that no gate has multiplied yet.
# - **The link joins before the horizontal gate.** Otherwise the horizontal switch would know nothing
#   of the rows above.
# - **There is no residual in the first layer.** Its input is the image, and each pixel would be
#   shown to itself.
#
# ### Exercise 4.3

# %% jupyter={"source_hidden": true} cellView="form"
ch04.gated_layer.card()


# %%
def gated_layer(v, h, vertical, horizontal, link, output, *, first: bool):
    """The features of both stacks, one layer on: figure 2 without its conditions.

    v, h        (B, C, H, W) features of the vertical and of the horizontal stack; stay as they are.
                In the first layer both are the image, (B, 1, H, W), v already shifted down
    vertical    convolution, C (or 1) -> 2C channels: rows above
    horizontal  convolution, C (or 1) -> 2C channels: left in the row
    link        1x1 convolution, 2C -> 2C: from the vertical to the horizontal stack
    output      1x1 convolution, C -> C: the last thing of the horizontal stack
    first       True for the first layer, whose input is the image itself
    returns     (v, h), each (B, C, H, W)

    By hand: let C = 1, and at the only pixel vertical(v) = [1, 0], horizontal(h) = [2, 0],
             link(x) = x and output(x) = 10 x. Then v is gate([1, 0]) = 0.381, and h is
             10 gate([3, 0]) = 4.975, plus the old h unless first
    """
    ____


gated_layer = ch04.gated_layer.check(gated_layer)

# %% [markdown]
# > **In words.** Suppose the link left *after* the vertical gate. Would the influence matrix notice?
# >
# > <details><summary>An answer</summary>
# >
# > No. The gated features of a row know the same pixels as the features before the gate, so nothing
# > leaks and nothing is missing. But the horizontal stack gets half as many features, already
# > weighed by a switch that serves the vertical stack. To see a difference one has to train.
# > </details>
#
# ## 6 · Colour, and a trap
#
# In a colour image a pixel is three numbers, drawn one after the other: R, then G, then B. G may read
# the R of its own pixel, and B may read both (chapter 02). Only one tap needs a mask: the tap of the
# horizontal kernel that lies on the pixel itself. The features are divided into three groups, one for
# each colour, and a group reads its own colour and the ones before it.
#
# The trap is in the gate. It multiplies channel $i$ of the first half by channel $i$ of the second.
# If you divide all $2C$ channels into three groups, a value of R meets a switch of G. Write down 12
# channels, six values and six switches, and look at the pairs.

# %% tags=["nbval-check-output"]
in_one_row = "RRRRGGGGBBBB"  # three groups of all 12 channels
half_by_half = "RRGGBB" * 2  # three groups of the values, then three of the switches
for name, colors in (("in one row", in_one_row), ("half by half", half_by_half)):
    pairs = [value + "·" + switch for value, switch in zip(colors[:6], colors[6:], strict=True)]
    print(f"{name:13}", "  ".join(pairs))

# %% [markdown]
# In the first line, a value of R is multiplied by a switch of G, which has read R. So the features
# of R know R.
#
# ### Exercise 4.4

# %% jupyter={"source_hidden": true} cellView="form"
ch04.center_mask.card()


# %%
def center_mask(
    in_channels: int, out_channels: int, *, n_colors: int, n_blocks: int, own: bool
) -> torch.Tensor:
    """Which features of a pixel each output may read, at the pixel itself: 1 or 0.

    in_channels   one group for each colour: with 3 colours the first third is R, then G, then B
    out_channels  n_blocks blocks of equal size, one after the other, each grouped by colour like
                  the inputs. For a gate n_blocks = 2: all values come first, then all switches
    own           False: a colour reads the colours before it. True: itself as well
    returns       floats, (out_channels, in_channels)

    By hand: 3 inputs R, G, B and 6 outputs, n_colors=3, n_blocks=2, own=False
             0 0 0   value of R    0 0 0   switch of R
             1 0 0   value of G    1 0 0   switch of G
             1 1 0   value of B    1 1 0   switch of B
    """
    ____


center_mask = ch04.center_mask.check(center_mask)

# %% jupyter={"source_hidden": true} cellView="form"
# @title Picture: the mask, and the trap
options = {"n_colors": 3, "n_blocks": 2, "own": False}
right = center_mask(3, 12, **options)
trap = center_mask(3, 12, **options | {"n_blocks": 1})  # the groups of all 12 outputs in one row
figure, axes = plt.subplots(1, 2, figsize=(4, 3.4), layout="tight")
for ax, name, mask in zip(axes, ("half by half", "in one row"), (right, trap), strict=True):
    show_mask(mask, ax=ax).set_title(name)
    ax.set(
        xticks=range(3), xticklabels="RGB", yticks=(2.5, 8.5), yticklabels=("values", "switches")
    )
    ax.axhline(5.5, color="#d62728", lw=2)


# %% [markdown]
# Rows are outputs, columns are inputs, and the red line divides values from switches. On the left
# both halves are the same. On the right each value is multiplied by a switch that has read more.
#
# ## 7 · The whole model
#
# Put your four functions together. First the three kinds of convolution: they own the weights, and
# your functions do the work.

# %%
class VerticalConv(nn.Conv2d):
    def __init__(self, n_in, n_out, k, mask_type):
        super().__init__(n_in, n_out, (k // 2 + 1, k))
        self.mask_type = mask_type

    def forward(self, x):
        y = vertical_conv(x, self.weight, mask_type=self.mask_type)
        return y + self.bias[:, None, None]


class HorizontalConv(nn.Conv2d):
    def __init__(self, n_in, n_out, k, mask_type, n_colors):
        # with colours, the first layer has a centre tap as well: G reads R there
        self.kind = "A" if mask_type == "A" and n_colors == 1 else "B"
        super().__init__(n_in, n_out, (1, k // 2 + (self.kind == "B")))
        mask = torch.ones_like(self.weight)
        if self.kind == "B":  # the last tap is the pixel itself
            groups = {"n_colors": n_colors, "n_blocks": 2, "own": mask_type == "B"}
            mask[..., 0, -1] = center_mask(n_in, n_out, **groups)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x):
        y = horizontal_conv(x, self.weight * self.mask, mask_type=self.kind)
        return y + self.bias[:, None, None]


class Pointwise(nn.Conv2d):
    """A 1×1 convolution in which no colour reads a later one."""

    def __init__(self, n_in, n_out, n_colors):
        super().__init__(n_in, n_out, 1)
        mask = center_mask(n_in, n_out, n_colors=n_colors, n_blocks=1, own=True)
        self.register_buffer("mask", mask[..., None, None], persistent=False)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, self.bias)


# %% [markdown]
# Then the layer and the model. The link needs no mask: the vertical stack knows nothing of the
# pixel's own row, so it may tell all colours everything.

# %%
class GatedLayer(nn.Module):
    """features of both stacks -> features of both stacks"""

    def __init__(self, n_in, n_channels, k, n_colors, first):
        super().__init__()
        mask_type, wide = "A" if first else "B", 2 * n_channels
        self.vertical = VerticalConv(n_in, wide, k, mask_type)
        self.link = nn.Conv2d(wide, wide, 1)
        self.horizontal = HorizontalConv(n_in, wide, k, mask_type, n_colors)
        self.output = Pointwise(n_channels, n_channels, n_colors)
        self.first = first

    def forward(self, v, h):
        parts = self.vertical, self.horizontal, self.link, self.output
        return gated_layer(v, h, *parts, first=self.first)


class GatedPixelCNN(nn.Module):
    """levels (B, colours, H, W) -> logits (B, L, colours, H, W)"""

    def __init__(self, n_colors=1, n_levels=2, n_channels=32, n_layers=4, k=3, first_k=None):
        super().__init__()
        self.n_colors, self.n_levels = n_colors, n_levels
        self.layers = nn.ModuleList(
            GatedLayer(
                n_channels if i else n_colors,
                n_channels,
                k if i else first_k or k,
                n_colors,
                first=i == 0,
            )
            for i in range(n_layers)
        )
        hidden = Pointwise(n_channels, n_channels, n_colors)
        logits = Pointwise(n_channels, n_colors * n_levels, n_colors)
        self.head = nn.Sequential(nn.ReLU(), hidden, nn.ReLU(), logits)

    def embed(self, levels):  # from 0 .. L-1 to -1 .. 1
        return 2 * levels.to(self.layers[0].link.weight.dtype) / (self.n_levels - 1) - 1

    def logits_from(self, image):
        v = h = image
        for layer in self.layers:
            v, h = layer(v, h)
        return self.head(h).unflatten(1, (self.n_colors, self.n_levels)).transpose(1, 2)

    def forward(self, levels):
        return self.logits_from(self.embed(levels))


# %% [markdown]
# Is it the same model as the library's? Give it the library's weights and compare the logits, for
# grey and for colour.

# %% tags=["held", "nbval-check-output"]
for n_colors, what in ((1, "grey"), (3, "colour")):
    torch.manual_seed(0)
    sizes = {"n_colors": n_colors, "n_levels": 4, "n_channels": 6, "n_layers": 4}
    library, mine = pixels.GatedPixelCNN(kernel_size=5, **sizes), GatedPixelCNN(k=5, **sizes)
    mine.load_state_dict(library.state_dict())
    levels = torch.randint(4, (3, n_colors, 5, 7))
    same = torch.allclose(mine(levels), library(levels), atol=1e-4)
    print(f"{what:6} same logits as the library's: {same}")

# %% [markdown]
# ### Two mistakes, on purpose
#
# Two instruments find a model that cheats: the diagonal of the influence matrix (does a sub-pixel
# read itself?), and the sum of the probabilities of *all* small images. For a proper model the sum
# is 1, whatever its weights are. Break your model twice: add the residual to the first layer, and
# divide the colours in one row.
#
# > **Predict.** What will the two instruments say?
# >
# > <details><summary>A way to think about it</summary>
# >
# > A pixel that sees itself can raise its own probability, whichever value it has. What does that
# > do to the sum over all images?
# > </details>

# %%
from tutorial_lib.pixels import total_probability


def residual_in_layer_one(model):
    model.layers[0].first = False  # the image is added back, to all features alike


def colors_in_one_row(model):
    for layer in model.layers:
        mask = layer.horizontal.mask
        groups = {"n_colors": 3, "n_blocks": 1, "own": not layer.first}
        mask[..., 0, -1] = center_mask(mask.shape[1], mask.shape[0], **groups)


cases = [("grey, as it should be", 1, None), ("residual in layer one", 1, residual_in_layer_one)]
cases += [("colour, as it should be", 3, None), ("colours in one row", 3, colors_in_one_row)]
for name, n_colors, change in cases:
    torch.manual_seed(0)
    model = GatedPixelCNN(n_colors=n_colors, n_channels=12, n_layers=3)
    if change:
        change(model)
    own = influence_matrix(model, height=3, width=4).diagonal().sum()
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(2)  # far from 0, so that small differences show
    total = total_probability(model.double(), 1, 3)
    print(f"{name:23} {own:2} of {12 * n_colors} see themselves, sum {total:.6f}")

# %% [markdown]
# PyTorch reports no error. Yet sub-pixels see themselves, and the "probabilities" no longer sum to 1.
# After training, such a model scores too well to be true (chapter 02).
#
# ### The blind spot is gone
#
# In chapter 02, the unread share of the past fell with depth and then stopped falling. Measure it
# again with your model, for 3×3 kernels on a 9×9 image.
#
# > **Predict.** From which depth on does the gated model read everything?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The longest way is sideways: from the upper right corner to the first pixel of the second row. A
# > layer of the vertical stack carries a message one column.
# > </details>

# %%
from tutorial_lib.notebook import show_curves

shares = {"one masked stack": [], "your two stacks": []}
for depth in settings.depths:
    layers = [MaskedConv2d(1, 2, 3, mask_type="A")]
    layers += [MaskedConv2d(2, 2, 3, mask_type="B") for _ in range(depth - 1)]
    pair = as_model(nn.Sequential(*layers)), GatedPixelCNN(n_channels=16, n_layers=depth)
    for name, model in zip(shares, pair, strict=True):
        shares[name].append(100 * blind_spot(influence_matrix(model, 9, 9, n_probes=1)))
curves = {name: (settings.depths, values) for name, values in shares.items()}
ax = show_curves(curves, xlabel="layers", ylabel="past never read (%)")
ax.set(xscale="log", xticks=settings.depths, xticklabels=settings.depths, ylim=(-2, None))
ax.minorticks_off()

# %% [markdown]
# One stack never reads a part of the past, at any depth. Two stacks read more with every layer, and
# everything from eight layers on: one column a layer, and the longest way is eight columns.
#
# [Both, live, in any browser](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/mask.html). Choose
# two stacks, and notice the ways through the vertical one.
#
# The matrix is full below the diagonal, and empty on it and above it:

# %% tags=["nbval-check-output"]
reads = influence_matrix(GatedPixelCNN(n_channels=4, n_layers=8), height=9, width=9)
print("blind spot:", blind_spot(reads))
print("full lower triangle:", torch.equal(reads, torch.ones(81, 81).tril(-1).bool()))
for wildness in (1, 3, 9):  # and the sum is 1 for any weights, not only for trained ones
    model = GatedPixelCNN(n_channels=4, n_layers=3).double()
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(wildness)
    sums = [total_probability(model, *size) for size in ((2, 2), (2, 3))]
    print(f"weights × {wildness}: sums over all 2×2 and 2×3 images {sums[0]:.9f}, {sums[1]:.9f}")

# %% [markdown]
# **You now know** that your model reads all of the past and nothing else, and that it is the
# library's, weight for weight.
#
# <details><summary>Aside: what is saved by leaving half of a kernel out</summary>
#
# A mask multiplies by zeros, and that work is wasted. With $k//2 + 1$ rows of $k$ taps, the vertical
# kernel has $(k + 1)/2k$ of the taps of a full one, about a half for large kernels. It need not be
# faster by the clock: `benchmarks/gated_step.py` measures whole training steps.
#
# </details>
#
# ## 8 · Train it, and let it draw
#
# Train your model on garments in 16 levels, as in chapter 03. The first kernel is 9×9: the image has
# one channel, so a wide view needs few weights there.

# %%
from tutorial_lib import data
from tutorial_lib.pixels import bits_per_dim, nll_nats
from tutorial_lib.training import FitConfig, evaluate, fit

garments = data.load("fashion-mnist-sample")
train = garments.train.levels[: settings.n_images] // 16  # levels 0 to 15
held_out = garments.valid.levels[: settings.n_held_out] // 16


def step(model, levels):
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    return {"loss": nats / 784, "bits/dim": bits_per_dim(nats, 784)}


torch.manual_seed(0)
sizes = {"n_channels": settings.n_channels, "n_layers": settings.n_layers}
yours = GatedPixelCNN(n_levels=16, k=5, first_k=9, **sizes)
schedule = {"epochs": settings.epochs, "batch_size": settings.batch_size}
config = FitConfig(**schedule, learning_rate=1e-2, seed=0)
history = fit(yours, step, (train,), config, log_every=20, save_every_seconds=float("inf"))
score = evaluate(yours, step, (held_out,))["bits/dim"]
print(f"{sum(p.numel() for p in yours.parameters()):,} weights, {score:.3f} bits/dim held out")

# %% jupyter={"source_hidden": true} cellView="form"
# @title Picture: the training curve
curve = [row["step"] for row in history.rows], [row["bits/dim"] for row in history.rows]
ax = show_curves({"training batches": curve}, xlabel="step", ylabel="bits/dim")
ax.set(ylim=(0.8, 2.2))
ax.axhline(score, color="#d62728", ls="--", label="held out, at the end")
ax.legend();

# %% [markdown]
# At the end the held-out images cost about as much as the training batches. Now let your model draw,
# beside two models that come with the library: the PixelCNN of chapter 03, and a gated PixelCNN that
# was trained for longer. The latter is told the class of the garment and where each pixel lies (chapter
# 05). The three use the same random numbers.

# %%
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained
from tutorial_lib.sampling import sample

device = profiles.device()
noise = torch.Generator().manual_seed(2)
uniforms = torch.rand(settings.n_drawn, 1, 28, 28, generator=noise, dtype=torch.float64)
labels = torch.arange(settings.n_drawn, device=device) % 10
chapter_03 = load_pretrained("pixelcnn-fashion-mnist").to(device)
shipped = load_pretrained("gated-fashion-mnist").to(device)
# the library's model with your weights: its sampler computes nothing twice (chapter 06)
twin = pixels.GatedPixelCNN(n_levels=16, kernel_size=5, first_kernel_size=9, **sizes)
twin.load_state_dict(yours.state_dict())
rows = {
    "yours": sample(twin.to(device), tuple(uniforms.shape), uniforms=uniforms),
    "PixelCNN, shipped": sample(chapter_03, tuple(uniforms.shape), uniforms=uniforms),
    "gated, shipped": sample(shipped, tuple(uniforms.shape), uniforms=uniforms, label=labels),
}
drawn = torch.cat([images.cpu() for images in rows.values()])
show_images(drawn, n_levels=16, n_columns=settings.n_drawn, row_labels=list(rows));


# %% jupyter={"source_hidden": true} cellView="form"
# @title Table: the three models on the same held-out images
def told_the_class(model, levels, labels):
    nats = nll_nats(model(levels.long(), label=labels), levels.long()).mean()
    return {"loss": nats / 784, "bits/dim": bits_per_dim(nats, 784)}


classes = garments.valid.labels[: settings.n_held_out].long()
scores = {
    "yours": (yours, score),
    "PixelCNN, shipped": (chapter_03, evaluate(chapter_03, step, (held_out,))["bits/dim"]),
    "gated, shipped": (shipped, evaluate(shipped, told_the_class, (held_out, classes))["bits/dim"]),
}
lines = ["| model | weights | bits/dim, held out |", "|---|---:|---:|"]
for name, (model, bits) in scores.items():
    n_weights = sum(p.numel() for p in model.parameters())
    lines.append(f"| {name} | {n_weights:,} | {bits:.3f} |")
Markdown("\n".join(lines))

# %% [markdown]
# All three draw plain areas, sharp edges and texture. In the first two rows most drawings are pieces of
# garments that do not fit together. In the last row most can be recognised. Your model was trained for a minute or two on 9,000 images, the shipped ones on 55,000, so
# it costs more. The last model costs least, but it is also the largest, and it is told more. So the
# table does not say what the gate is good for.
#
# ## 9 · What does each part bring?
#
# > **From the reading notes.** *"we want to parallelize as much as possible while maintaining the
# > RNN's performance. We use a gated variant"*. How can a variant of the weaker model keep up with the stronger one?
# >
# > It takes over what the stronger one had: a view of the whole past (the two stacks) and products
# > (the gate). On CIFAR-10 the paper reports 3.14 bits/dim for PixelCNN, 3.00 for PixelRNN and 3.03
# > for Gated PixelCNN (table 1). On ImageNet it reports 3.83 against PixelRNN's 3.86 at 32×32 pixels,
# > and 3.57 against 3.63 at 64×64 (table 2). The paper does not say what stacks and gate contribute
# > *separately*.
#
# So change one part at a time. Four models have the same number of weights, to within two per cent:
# one stack or two, with ReLU or gate. The models with one stack differ in one arrow: their vertical
# convolution reads $h$ of the layer before, moved down a row, in place of $v$. A gate needs two
# channels for one feature, so at equal size the gated models have fewer features. Two more models
# answer two objections. One is gated and *wide*: it has as many features as the ReLU model, and about
# twice the weights. In the other, the switches *start open*, with biases of $+2$. (At a bias of 0 a
# switch starts half shut, $\sigma(0) = \tfrac12$.)
#
# `benchmarks/gated_parts.py` trained each from three seeds, on garments of 14×14 pixels. The next
# cells read what it stored.

# %%
import json
from pathlib import Path

path = Path("../benchmarks/results/gated_parts.json")
stored = json.loads(path.read_text())["rows"] if path.exists() else []
if not stored:
    print("The stored runs are in the repository: benchmarks/results/gated_parts.json")


def results(comparison, rival):
    """Held-out bits/dim of one rival, a number for each seed."""
    return [
        row["bits_per_dim"]
        for row in stored
        if (row["comparison"], row["rival"]) == (comparison, rival)
    ]


rivals = ["one stack, ReLU", "one stack, gate", "two stacks, ReLU", "two stacks, gate"]
rivals += ["two stacks, open gate", "two stacks, wide gate"]
figure, ax = plt.subplots(figsize=(7, 2.6), layout="tight")
for i, rival in enumerate(rivals):
    bits = results("base", rival)
    ax.plot(
        bits, [i] * len(bits), "o", alpha=0.8, color="#d98032" if "ReLU" in rival else "#3b76af"
    )
    ax.plot(bits and [sum(bits) / len(bits)], [i] * bool(bits), "|", ms=18, color="black")
ax.set(xlabel="held-out cost (bits/dim); a dot is a seed, a line the mean", ylim=(5.6, -0.6))
ax.set_yticks(range(len(rivals)), rivals);

# %% [markdown]
# - **Stacks alone.** Two stacks cost less than one from every seed, with ReLU and with gate. Only one
#   arrow differs, so this is what a vertical stack of its own brings.
# - **Gate alone.** At equal size the gate costs *more* than the ReLU from every seed, with one stack and
#   with two. As wide as the ReLU model, the gated one costs a little less, but it has twice the weights.
# - **Open switches** change the cost no more than another seed does. So half-shut switches are not the
#   reason.
#
# Can the gate be made to win at this size? Here is how far it was tried.

# %% jupyter={"source_hidden": true} cellView="form"
# @title Table: gate against ReLU, tried in five ways
tried = {"base": "as above", "louder": "all weights of the layers doubled at the start"}
tried |= {
    "slower": "learning rate 0.003 in place of 0.01",
    "deeper": "eight layers in place of four",
}
tried["longer"] = "trained four times as long"
lines = ["| gate against ReLU, equal size | seeds | ReLU | gate | gate costs more by |"]
lines += ["|---|---:|---:|---:|---:|"]
for comparison, what in tried.items():
    relu, gated = (results(comparison, f"two stacks, {unit}") for unit in ("ReLU", "gate"))
    if gated:
        relu, gated, seeds = sum(relu) / len(relu), sum(gated) / len(gated), len(gated)
        row = f"{seeds} | {relu:.4f} | {gated:.4f} | {gated - relu:+.4f}"
        lines.append(f"| {what} | {row} bits/dim |")
Markdown("\n".join(lines))

# %% [markdown]
# No: the gate costs more in all five rows. Larger weights at the start, and longer training, more than
# halve the difference. A likely reason for the first: a gate multiplies two numbers below 1, so signals
# fade from layer to layer, and larger weights make up for that. These models are tiny. The paper's are
# far larger, and these runs say nothing about them.
#
# **Colour alone**, on 16×16 patches of a photograph. One model draws R, then G, then B; the other draws
# all three at once from the pixels before.

# %%
for rival in ("all three at once", "R, then G, then B"):
    bits = results("colour", rival)
    print(f"{rival:18}", "  ".join(f"{each:.3f}" for each in bits), "bits/dim, a number a seed")

# %% [markdown]
# Neither costs less from every seed. So at this size the order of the colours brings nothing that these
# runs could measure. One likely reason: in order, R is predicted from a third of the features, because
# the others have read R; at once, each colour uses all features.
#
# **You now know** that at this size the two stacks bring the gain, and the gate does not.
#
# ## 10 · Digits, halves, and the literature
#
# `gated-binarized-mnist` is a gated PixelCNN that was trained for five minutes on the standard set
# of this field: MNIST digits in black and white, in their fixed split. The first row shows what it
# draws. Below, the upper half of a drawing is given (`known`), and the model draws the lower half
# several times.

# %%
digits_model = load_pretrained("gated-binarized-mnist").to(device)
noise = torch.Generator().manual_seed(0)
uniforms = torch.rand(settings.n_drawn, 1, 28, 28, generator=noise, dtype=torch.float64)
digits = sample(digits_model, tuple(uniforms.shape), uniforms=uniforms).cpu()
half = digits[:3].clone()
half[:, :, 14:] = -1  # -1 marks the pixels to draw
n_tries = settings.n_drawn - 2
tries = sample(
    digits_model,
    (len(half) * n_tries, 1, 28, 28),
    known=half.repeat_interleave(n_tries, dim=0),
    generator=torch.Generator().manual_seed(1),
).cpu()
tries = tries.unflatten(0, (len(half), n_tries))
covered = torch.where(half < 0, 0.5, half.float())
rows = [torch.cat([covered[i : i + 1], tries[i], digits[i : i + 1]]) for i in range(len(half))]
pictures = torch.cat([digits.float(), *rows])
labels = ["drawn freely", *["given · drawn · original"] * len(half)]
show_images(pictures, n_columns=settings.n_drawn, row_labels=labels);

# %% [markdown]
# Most drawings of the first row can be read as a digit; the fourth and the sixth cannot. Below, from
# one half the model draws several.
#
# How far does a prediction look? This time the size of the gradient is drawn.

# %% jupyter={"source_hidden": true} cellView="form"
# @title Picture: how far a prediction looks
from tutorial_lib.pixels import influence_map

strengths = {"your model, garments": yours, "shipped model, digits": digits_model}
figure, axes = plt.subplots(1, 2, figsize=(6, 2.8), layout="constrained")
for ax, (name, model) in zip(axes, strengths.items(), strict=True):
    strength = influence_map(model, 28, 28, (16, 14))[0].cpu()
    relative = (strength / strength.max()).clamp(min=1e-6).log10()
    picture = ax.imshow(relative, cmap="viridis", vmin=-6, vmax=0)
    ax.add_patch(plt.Rectangle((13.5, 15.5), 1, 1, fill=False, ec="#d62728", lw=1.5))
    ax.set(xticks=[], yticks=[], title=name)
    ax.grid(False)
figure.colorbar(picture, ax=axes, label="log10 |gradient|, largest = 0", shrink=0.8);

# %% [markdown]
# Dark pixels are out of reach. Both models reach as far to the left as to the right: the *shape* of the
# view has no hole, but its *size* still depends on layers and kernels. On garments the gradient fades
# quickly. On digits it fades far less.

# %% jupyter={"source_hidden": true} cellView="form"
# @title Table: binarized MNIST
paper = {"PixelCNN": 81.30, "Row LSTM": 80.54, "Diagonal BiLSTM, 7 layers": 79.20}
lines = ["| model | nats an image | source |", "|---|---:|---|"]
lines += [f"| {name} | {nats:.2f} | PixelRNN paper, table 4 |" for name, nats in paper.items()]
path = Path("../results/gated-binarized-mnist.json")
if path.exists():
    result = json.loads(path.read_text())
    nats, minutes = result["test"]["nats_per_image"], result["training_minutes"]
    lines.append(
        f"| the shipped model | {nats:.2f} | test set, {minutes:.0f} minutes of training |"
    )
Markdown("\n".join(lines))

# %% [markdown]
# A uniform model costs 543.4 nats. The shipped model costs more than those of the paper. It is smaller
# (three layers with 5×5 kernels, the first with 9×9), it is told where each pixel lies, and AdamW
# trained it for five minutes on two cores.
#
# ## Milestone: your own gated PixelCNN
#
# Your model runs on your own functions, as far as they have passed. The table says where the library's
# function still stands in, and which answers of earlier chapters have passed. The last cell draws with
# a loop of your own, pixel by pixel, images wider than those of the training.

# %% jupyter={"source_hidden": true} cellView="form"
# @title Table: whose functions the model runs on
from tutorial_lib.exercises import progress

own = {"vertical_conv": vertical_conv, "horizontal_conv": horizontal_conv}
own |= {"gated_layer": gated_layer, "center_mask": center_mask}
lines = ["| function | whose is it |", "|---|---|"]
for name, function in own.items():
    theirs = function is getattr(ch04, name).reference
    lines.append(f"| `{name}` | {'still the library’s' if theirs else '**yours**'} |")
earlier = {"ch01": "nll_nats", "ch02": "masked_conv2d", "ch03": "sample_images"}
for chapter, name in earlier.items():
    entry = progress.read(chapter)[0].get(name)
    passed = entry is not None and entry.outcome == "passed"
    lines.append(f"| `{name}`, chapter {chapter[2:]} | {'**passed**' if passed else 'not yet'} |")
Markdown("\n".join(lines))


# %%
@torch.no_grad()
def draw_with(model, n_images, height, width):
    levels = torch.zeros(n_images, 1, height, width, dtype=torch.long, device=device)
    for row in range(height):
        for column in range(width):
            p = model(levels)[:, :, 0, row, column].softmax(dim=1)  # (B, L)
            levels[:, 0, row, column] = torch.multinomial(p, 1)[:, 0]
    return levels.cpu()


torch.manual_seed(3)
show_images(draw_with(yours, 3, *settings.other_size), n_levels=16);

# %%
ch04.progress()

# %% [markdown]
# > **In words.** Which arrow of figure 2 is this? *(a)* "Without it, every prediction is made from
# > the own row alone." *(b)* "In the first layer it would show the answer." *(c)* "It carries twice
# > as many features as leave the stack where it starts." *(d)* "There is none, and if there were, a
# > row would learn about pixels on its right."
# >
# > <details><summary>An answer</summary>
# >
# > (a) The link. (b) The residual. (c) The link again: it leaves before the gate, which halves the
# > features. (d) From the horizontal to the vertical stack.
# > </details>
#
# > **In words.** In a recurrent network a row or a pixel has to wait for the one before it. Where in
# > this chapter's layer does a position wait for another during training?
# >
# > <details><summary>An answer</summary>
# >
# > Nowhere. Every convolution of both stacks reads the finished output of the layer before, at all
# > positions at once. The gate took over the LSTM's product, and left its recurrence behind. Only
# > sampling goes pixel by pixel (chapter 06).
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN eq. 1 | $p(x)$ as a product, exact for any weights | section 7, sums over all images | `likelihood.total_probability` |
# | Gated PixelCNN eq. 2, sec. 2.1 | the gated unit in place of the ReLU | section 4 | `gated_layer.gate` |
# | Gated PixelCNN sec. 2.2, fig. 1 | the blind spot, and two stacks without one | sections 1 to 3, 7 | `influence.blind_spot` |
# | Gated PixelCNN fig. 2 | one layer, every arrow | section 5, exercise 4.3 | `gated_layer.GatedLayer` |
# | Gated PixelCNN sec. 2.2 | smaller kernels and a shift in place of masks | exercises 4.1 and 4.2 | `gated_layer.VerticalConv2d`, `gated_layer.HorizontalConv2d` |
# | PixelRNN sec. 3.4 | R, then G, then B | section 6, exercise 4.4 | `masks.color_causal_mask` |
# | Gated PixelCNN table 1 | on a par with PixelRNN | section 9, what each part brings | `GatedPixelCNN(activation=...)` |
# | PixelRNN table 4 | nats on binarized MNIST | section 10 | `reproduce pixelcnn-cpu` |
#
# Next, a label or a picture enters the gate (equations 4 and 5):
# [05 · Conditional generation](05_conditional_generation.ipynb).
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 2. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016,
#    arXiv 1601.06759.
# 3. S. Hochreiter, J. Schmidhuber: *Long Short-Term Memory*, Neural Computation 9(8), 1997.
# 4. H. Larochelle, I. Murray: *The Neural Autoregressive Distribution Estimator*, 2011: the fixed
#    binarized MNIST split.
