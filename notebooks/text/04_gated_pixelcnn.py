# %% [markdown]
# # 04 · The gated PixelCNN: two stacks and a gate
#
# [← 03 · PixelCNN](03_pixelcnn.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [05 · Conditional generation →](05_conditional_generation.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/04_gated_pixelcnn.ipynb)
#
# Chapter 02 found a wedge of the past that no stack of masked convolutions can read, however deep.
# A recurrent network can read it, and pays in time (chapter 08). This chapter closes the wedge with
# convolutions alone: two stacks that divide the past between them, a link, and a gate borrowed from
# the very network they are to replace.
#
# **By the end you will have**
#
# - derived the two stacks from the blind spot, arrow by arrow, and seen each wrong arrow leak;
# - written the parts of a gated layer, put them together, and held it against the library's;
# - measured what the stacks and the gate each bring, at equal size, and drawn digits.
#
# **You need** chapters 01 (nats and bits/dim), 02 (masks, the influence matrix) and 03 (PixelCNN).
#
# **Time** about an hour and a half of reading and exercises; running everything takes about three
# minutes on a laptop.

# %% tags=["setup"]
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

# %% tags=["parameters"]
from dataclasses import dataclass

from tutorial_lib import profiles
from tutorial_lib.exercises import ch04


@dataclass
class Settings:
    depths: tuple[int, ...]  # of the stacks whose blind spot is measured
    widths: tuple[int, int, int]  # channels of three rivals, chosen for equal size
    n_layers: int  # of the two stacks; the single one gets one more
    n_images: int  # to train them on
    epochs: int
    n_held_out: int
    batch_size: int
    seeds: tuple[int, ...]
    n_digits: int  # drawn at the end


settings = profiles.choose(
    smoke=Settings((1, 4, 8), (10, 6, 4), 3, 64, 1, 32, 16, (0,), 1),
    laptop=Settings((1, 2, 4, 7, 8, 16), (42, 23, 16), 4, 9000, 1, 1000, 16, (0,), 16),
    gpu=Settings((1, 2, 4, 7, 8, 16), (88, 46, 32), 6, 9000, 10, 1000, 64, (0, 1), 48),
)
settings

# %% [markdown]
# ## Where this ends
#
# The blind spot that chapter 02 found, and the same pixel in the model of this chapter. Blue is
# read, orange is past that never arrives.

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn

from tutorial_lib.notebook import show_influence
from tutorial_lib.pixels import GatedPixelCNN, MaskedConv2d, as_model, influence_matrix

torch.manual_seed(0)
layers = [MaskedConv2d(1, 4, 3, mask_type="A")]
layers += [MaskedConv2d(4, 4, 3, mask_type="B") for _ in range(7)]
one_stack = as_model(nn.Sequential(*layers))
two_stacks = GatedPixelCNN(n_channels=4, n_layers=8)

figure, axes = plt.subplots(1, 2, figsize=(6, 3), layout="tight")
models = {"one masked stack, 8 layers": one_stack, "gated PixelCNN, 8 layers": two_stacks}
for ax, (name, model) in zip(axes, models.items(), strict=True):
    reads = influence_matrix(model, height=9, width=9)
    show_influence(reads[6 * 9 + 4], 9, 9, target=(6, 4), ax=ax).set_title(name)

# %% [markdown]
# ## 1 · Rows above: no mask, one shift
#
# Where exactly is the hole? Count, row by row, how many pixels of the past reach the pixel in row
# 6, column 4, through the eight masked layers above.

# %% tags=["nbval-check-output"]
place = 6 * 9 + 4
reads = influence_matrix(one_stack, height=9, width=9)[place].view(9, 9)
past = (torch.arange(81) < place).view(9, 9)
for row in range(3, 7):
    print(f"row {row}: {reads[row].sum()} of {past[row].sum()} pixels of the past are read")

# %% [markdown]
# Its own row: complete. The rows above: cut off on the right, one column later for each row up. A
# mask has to forbid the right half of the middle row, and by the time a message has climbed down
# through several layers, that ban has become a wedge.
#
# So divide the work. Rows above are *wholly* in the past, all columns of them. A convolution that
# reads nothing but rows above needs no mask. Take a kernel of two rows and three columns, all ones,
# with its lower row on the output's own row, and an image with one bright pixel.

# %% tags=["nbval-check-output"]
from torch.nn import functional as F

impulse = torch.zeros(1, 1, 4, 7)
impulse[0, 0, 1, 3] = 1
print(F.conv2d(F.pad(impulse, (1, 1, 1, 0)), torch.ones(1, 1, 2, 3))[0, 0].int())

# %% [markdown]
# The padding `(1, 1, 1, 0)` means left, right, top, bottom: zeros above and at both sides, none
# below. The pixel is heard in the row below it, left and right alike. And it is heard in its own
# row, which will not do: (1, 2) must not know (1, 3), and (1, 3) must not know itself. In the
# library this convolution is called `VerticalConv2d`. First use it as it is, four layers deep.
#
# > **Predict.** What will the pixel outlined in red read?
# > <details><summary>A way to think about it</summary>Every layer reads its own row, one column to
# > each side, and the row above. Which of these are past?</details>

# %%
from tutorial_lib.pixels import VerticalConv2d


class VerticalStack(nn.Module):
    """Convolutions that read their own row and the row above, on an image that may be moved."""

    def __init__(self, depth, move):
        super().__init__()
        sizes = [1] + [4] * depth
        self.convs = nn.ModuleList(VerticalConv2d(sizes[i], 4, 3) for i in range(depth))
        self.move = move

    def forward(self, x):
        v = self.move(x)
        for conv in self.convs:
            v = torch.tanh(conv(v))
        return v


unmoved = as_model(VerticalStack(4, move=nn.Identity()))
reads = influence_matrix(unmoved, height=9, width=9)
show_influence(reads[place], 9, 9, target=(6, 4));

# %% [markdown]
# A leak: the four pixels to the right, which have not been drawn yet, and the red one itself. (The
# four on the left are past, and may be read.) The remedy is not a mask, and the kernel stays as it
# is. It is the image that changes before the first layer, so that everything this stack can ever
# read lies above.
#
# ### Exercise 4.1

# %%
ch04.shift_down.card()


# %%
def shift_down(features: torch.Tensor) -> torch.Tensor:
    """What the vertical kernel is given, so that it sees all rows above a pixel, and not its own.

    features  (B, C, H, W); stays as it is
    returns   (B, C, H, W), with zeros where the image has nothing to give

    By hand: a kernel of two rows and one column, all ones, adds a row and the row above it. With
             features [[1, 2], [3, 4], [5, 6]], your result makes it give [[0, 0], [1, 2], [4, 6]]
    """
    ____


shift_down = ch04.shift_down.check(shift_down)

# %%
figure, axes = plt.subplots(1, 4, figsize=(7, 2.1), layout="tight")
for ax, depth in zip(axes, (1, 2, 4, 8), strict=True):
    vertical = as_model(VerticalStack(depth, move=shift_down))
    reads_vertical = influence_matrix(vertical, height=9, width=9)
    show_influence(reads_vertical[place], 9, 9, target=(6, 4), ax=ax)
    ax.set_title(f"{depth} layer{'s' * (depth > 1)}")

# %% [markdown]
# A full rectangle that grows by a row and a column to each side with every layer. No wedge: to the
# right it reaches as far as to the left. What stays orange in the last picture is the pixel's own
# row, and that is all. This is the **vertical stack** of the paper (section 2.2). The library moves
# the image once, at the input. The paper speaks of a shift after its cropped convolutions, and many
# programs shift where the two stacks meet, in every layer. What arrives there knows nothing of the
# own row either way.
#
# ## 2 · The own row: one dimension, to the left
#
# The rest of the past is one-dimensional: what lies to the left in the same row. A kernel of one
# row does it. As with the vertical one, do not mask the right half, leave it away: of the five taps
# of a row of k = 5, type A keeps the two on the left, type B those and the centre. This is what the
# first layer reads round a pixel, with one masked kernel and with the two cropped ones. (Moved
# down, the k//2 + 1 rows of the vertical kernel begin in the row above. So it reaches one row
# further up than the masked one.)

# %%
from tutorial_lib.notebook import show_mask

windows = torch.zeros(3, 7, 5)  # what a first layer reads round the pixel in the middle, k = 5
windows[0, 1:3], windows[0, 3, :2] = 1, 1
windows[1, :3] = 1
windows[2, 3, :2] = 1
figure, axes = plt.subplots(1, 3, figsize=(6, 2.9), layout="tight")
names = ["one masked kernel", "vertical, moved down", "horizontal"]
for ax, name, window in zip(axes, names, windows, strict=True):
    show_mask(window, ax=ax).set_title(name)
    ax.add_patch(plt.Rectangle((1.5, 2.5), 1, 1, fill=False, ec="#d62728", lw=2, zorder=3))

# %% [markdown]
# ### Exercise 4.2

# %%
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
        h = x
        for i, weight in enumerate(self.weights):
            h = torch.tanh(horizontal_conv(h, weight, mask_type="B" if i else "A"))
        return h


horizontal = as_model(HorizontalStack(8))
reads_horizontal = influence_matrix(horizontal, height=9, width=9)
both = reads_vertical | reads_horizontal
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
panels = {"vertical": reads_vertical, "horizontal": reads_horizontal, "together": both}
for ax, (name, reads) in zip(axes, panels.items(), strict=True):
    show_influence(reads[place], 9, 9, target=(6, 4), ax=ax).set_title(name)

# %% [markdown]
# Two shapes that a convolution can have without any mask, a rectangle and a line, and together they
# tile the past. It is so for every pixel, not for this one only:

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import blind_spot

for name, reads in panels.items():
    causal = torch.equal(reads, reads.tril(-1))
    print(f"{name:10}  causal: {causal}   past unread: {blind_spot(reads):.0%}")

# %% [markdown]
# ## 3 · Who may listen to whom
#
# The prediction is read off one stack, so one of them has to tell the other. Two arrows are
# possible, from vertical to horizontal and back. Here is a pair of stacks with either, both or
# none; the prediction is read off the horizontal one.
#
# > **Predict.** One of the two arrows leaks. Which, and what gets through?
# > <details><summary>A way to think about it</summary>
# >
# > After one layer, the horizontal feature at (2, 4) knows pixel (2, 3). A vertical layer reads its
# > own row of whatever it is given, to the left *and to the right*.
# >
# > </details>

# %%
from tutorial_lib.pixels import HorizontalConv2d


class TwoStacks(nn.Module):
    """Both stacks; `arrows` says who is told what the other one knows."""

    def __init__(self, depth, arrows):
        super().__init__()
        n_in = [1] + [4] * depth
        options = [{"mask_type": "B" if i else "A", "n_colors": 1} for i in range(depth)]
        self.vertical = nn.ModuleList(VerticalConv2d(n_in[i], 4, 3) for i in range(depth))
        self.horizontal = nn.ModuleList(
            HorizontalConv2d(n_in[i], 4, 3, **options[i]) for i in range(depth)
        )
        self.arrows = arrows

    def forward(self, x):
        v, h = shift_down(x), x
        layers = zip(self.vertical, self.horizontal, strict=True)
        for i, (vertical, horizontal) in enumerate(layers):
            told = "h to v" in self.arrows and i  # the first h is the image itself
            new_v = vertical(v + h if told else v)
            h = torch.tanh(horizontal(h) + (new_v if "v to h" in self.arrows else 0))
            v = torch.tanh(new_v)
        return h


# %%
figure, axes = plt.subplots(1, 3, figsize=(7, 2.9), layout="tight")
wirings = {"no arrow": (), "v to h": ("v to h",), "both arrows": ("v to h", "h to v")}
for ax, (name, arrows) in zip(axes, wirings.items(), strict=True):
    matrix = influence_matrix(as_model(TwoStacks(8, arrows)), height=5, width=7)
    causal = torch.equal(matrix, matrix.tril(-1))
    show_mask(matrix, ax=ax).set(xlabel="input", ylabel="output")
    ax.set_title(f"{name}\ncausal: {causal}, unread: {blind_spot(matrix):.0%}")

# %% [markdown]
# The influence matrix of chapter 02: a row for each output, a column for each input, both in raster
# order. Without an arrow, the prediction knows its own row. With the arrow from vertical to
# horizontal the whole lower triangle fills, and nothing else. With both, every row of the image
# turns into a block on the diagonal: what the horizontal stack knows of pixel (2, 3) reaches (2, 3)
# itself by way of its right neighbour. Only the last column of each block stays empty: the last
# pixel of a row has no right neighbour to pass it on.
#
# **The vertical stack may tell the horizontal one, never the other way round:** a vertical layer
# looks to the right, so whatever it is shown must lie above.
#
# ## 4 · The gate
#
# Closing the blind spot is half of the paper's proposal. The other half is what stands between two
# layers. PixelCNN has a ReLU there; PixelRNN, which was better, is full of multiplications.
# Equation 2 puts one into the convolutional network, in place of the ReLU:
#
# $$y = \tanh(W_{k,f} * x) \odot \sigma(W_{k,g} * x)$$
#
# Half of the channels are *values*, the other half *switches*. ∗ is a convolution, ⊙ a product
# number by number. (The paper's k numbers the layers here, f stands for filter, our value, and g
# for gate, our switch.)

# %%
grid = torch.linspace(-4, 4, 81)
product = torch.tanh(grid)[None, :] * torch.sigmoid(grid)[:, None]
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.plot(grid, torch.tanh(grid), label="tanh(value)")
left.plot(grid, torch.sigmoid(grid), label="σ(switch)")
left.set(xlabel="value, or switch")
left.legend()
picture = right.imshow(product, origin="lower", extent=(-4, 4, -4, 4), cmap="RdBu", vmin=-1, vmax=1)
right.set(xlabel="value", ylabel="switch", title="tanh(value) · σ(switch)")
right.grid(False)
figure.colorbar(picture, ax=right);

# %% [markdown]
# At the lower edge of the right picture the switch is shut, and whatever the value says, next to
# nothing comes out. (Nearer to the middle a part comes out: $\sigma(-1)$ is about a quarter.) In
# the upper half the value passes, bent by tanh into −1 to 1.
#
# ### Exercise 4.3

# %%
ch04.gate.card()


# %%
def gate(features: torch.Tensor) -> torch.Tensor:
    """Equation 2, once both of its convolutions are done: `features` holds their results.

    features  (B, 2C, H, W): the first C channels are values, the other C their switches
    returns   (B, C, H, W)

    By hand: two channels at a single pixel: [1, 0] gives 0.381, [0, 1] gives 0
    """
    ____


gate = ch04.gate.check(gate)

# %% [markdown]
# Why a product? Ask the derivative: when the value moves a little, by how much does the output
# move? For the gate, and for two units that add the same two numbers.
#
# > **Predict.** Each picture shows that slope for two values, 0 and 1. In which of the three will
# > one curve be a scaled copy of the other, and in which a shifted one?
# > <details><summary>A way to think about it</summary>A product can be differentiated factor by
# > factor. A function of a sum cannot tell the two numbers apart.</details>

# %%
switches = torch.linspace(-6, 6, 121)
units = {
    "gate": lambda a, b: gate(torch.stack([a, b]).view(1, 2, -1, 1)),
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
# With the gate, one curve is a scaled copy of the other. The switch scales the slope from nothing
# to 1 − tanh²(value), which is all of it at value 0, and it does so without moving it. Where the
# two numbers are added, the curves are shifted: the second number moves the threshold of the first
# instead. (Large values make the gate deaf as well: there, 1 − tanh² is next to nothing.)
#
# And it is an old acquaintance. An LSTM, the unit of chapter 08's recurrent models, hands out its
# memory c through an output gate o. Take one step of PyTorch's own LSTM and feed the two to
# equation 2:

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
# The paper's suspicion (section 2.1) is that these products, besides the better view, are why the
# PixelRNN was ahead. Section 8 asks for numbers.
#
# ## 5 · Every arrow of figure 2
#
# Now the whole layer, as in the paper's figure 2.

# %%
from tutorial_lib.notebook import diagrams

diagrams.gated_layer(GatedPixelCNN(n_channels=32, n_layers=2), 28, 28)

# %% [markdown]
# And what has one pixel read at each of these arrows? Measured by gradients, in the second layer of
# the model at the top of the page. Blue is read, orange is past that has not arrived yet.

# %%
diagrams.receptive_fields(two_stacks)

# %% [markdown]
# Here is the library's code for the layer. It also takes a label and a context, which enter the gates
# and are the subject of chapter 05; without them, `condition` adds nothing. `self.activate` is
# `gate`, unless a model is built without gates, for the comparison of section 8.

# %%
import inspect

from tutorial_lib.pixels import GatedLayer

print(inspect.getsource(GatedLayer.forward))

# %% [markdown]
# In the table, $p$ is the paper's number of features, our $C$.
#
# | arrow | what the paper's figure shows | in `GatedLayer.forward` |
# |---|---|---|
# | vertical convolution | n×n convolution of the vertical stack, to 2p features | `v = self.vertical(v)` |
# | link, its start | a 1×1 convolution leaves it, *before* its gate | `link = self.link(v)` |
# | link, its end | joins the 1×n convolution of the horizontal stack, before *its* gate | `self.horizontal(h) + link` |
# | gates | tanh times σ, in each stack, p features are left | `self.activate(...)`, twice |
# | 1×1 | a 1×1 convolution on the horizontal side only | `self.output(...)` |
# | residual | the residual connection, on the horizontal side only | `h + out if self.residual` |
#
# Three of these are often got wrong, and PyTorch complains only where the numbers of features do
# not fit. The link has to leave before the vertical gate: all 2p features, values and switches, are
# offered to the horizontal gate, and each side weighs them for itself. It has to join before the
# horizontal gate, or the switch would know nothing about the rows above. And there must be no
# residual in the first layer.
#
# ### Exercise 4.4

# %%
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
# With `shift_down` and `gated_layer`, a gated PixelCNN is a loop. Take the library's convolutions,
# connect them with your functions, and hold the result against the library's own:

# %% tags=["nbval-check-output"]
def my_logits(model, levels):
    """The library's convolutions, connected by the functions of this notebook."""
    image = model.embed(levels)
    v, h = shift_down(image), image
    for i, layer in enumerate(model.layers):
        parts = layer.vertical, layer.horizontal, layer.link, layer.output
        v, h = gated_layer(v, h, *parts, first=i == 0)
    return model.head(h).unflatten(1, (model.n_colors, model.n_levels)).transpose(1, 2)


torch.manual_seed(0)
model = GatedPixelCNN(n_channels=6, n_layers=4)
levels = torch.randint(2, (3, 1, 5, 7))
with torch.inference_mode():
    print("same logits:", torch.allclose(my_logits(model, levels), model(levels), atol=1e-6))

# %% [markdown]
# ### The residual that must not be
#
# Later layers add their input back to their output. The first layer's input is the image. Switch
# its residual on, which costs one word in the library's model, and look at two instruments: the
# diagonal of the influence matrix, and the sum of the probabilities of all 2×2 images, which for a
# proper model is 1 whatever its weights (chapter 03, section 1).
#
# > **Predict.** What will the two say?
# > <details><summary>A way to think about it</summary>A pixel that sees itself can raise its own
# > probability, whichever value it has. What does that do to a sum over all images?</details>

# %%
from tutorial_lib.pixels import total_probability

for residual in (False, True):
    torch.manual_seed(0)
    model = GatedPixelCNN(n_channels=16, n_layers=3)
    model.layers[0].residual = residual
    own = influence_matrix(model, height=5, width=7, n_probes=12).diagonal().sum()
    with torch.no_grad():
        model.layers[-1].output.weight.mul_(4)  # far from zero, so that little differences show
        model.head[-1].weight.mul_(8)
    total = total_probability(model, 2, 2)
    print(f"residual in layer one: {residual!s:5}  {own} of 35 see themselves, sum {total:.6f}")

# %% [markdown]
# No error, no warning: the single channel of the image is spread over all features by broadcasting.
# Yet every pixel sees itself and the "probabilities" no longer sum to 1. Trained like this, the
# model would seem to be superb, as in section 4 of chapter 02.
#
# Why has the vertical stack no residual at all? The authors report that they tried one, and left it
# out because it brought nothing in their first experiments (section 2.2). It would not leak:
# nothing there knows its own row.
#
# > **In words.** Suppose the link left *after* the vertical gate. Would the influence matrix
# > notice? The sum of the probabilities?
# > <details><summary>An answer</summary>Neither. The gated features of row i know the same pixels
# > as the features before the gate, so nothing leaks and nothing is missing. What is lost is
# > subtler: the horizontal stack gets half as many features, already weighed by a switch that
# > serves the vertical stack's next layer. Causality has an instrument that answers yes or no; for
# > the rest one has to train and compare.</details>
#
# ## 6 · The blind spot is gone
#
# Chapter 02 watched the unread share of the past fall with depth and then stop falling. The same
# measurement, with the gated model beside it, for 3×3 kernels on a 9×9 image.
#
# > **Predict.** From which depth on does the gated model read everything?
# > <details><summary>A way to think about it</summary>The longest way is sideways: from the upper
# > right corner to the first pixel of the second row. Only the vertical stack carries messages to
# > the left, one column a layer.</details>

# %%
shares = {"one masked stack": [], "two stacks": []}
for depth in settings.depths:
    layers = [MaskedConv2d(1, 2, 3, mask_type="A")]
    layers += [MaskedConv2d(2, 2, 3, mask_type="B") for _ in range(depth - 1)]
    pair = as_model(nn.Sequential(*layers)), GatedPixelCNN(n_channels=16, n_layers=depth)
    for name, model in zip(shares, pair, strict=True):
        reads = influence_matrix(model, 9, 9, n_probes=1)
        shares[name].append(blind_spot(reads))
for name, values in shares.items():
    print(f"{name:17}", "  ".join(f"{v:6.2%}" for v in values), "  of the past unread")

# %%
from tutorial_lib.notebook import show_curves

ax = show_curves(
    {name: (settings.depths, [100 * v for v in values]) for name, values in shares.items()},
    xlabel="layers",
    ylabel="past never read (%)",
)
ax.set(xscale="log", xticks=settings.depths, xticklabels=settings.depths, ylim=(-2, None))
ax.minorticks_off()

# %% [markdown]
# For one stack a remainder stays that no depth removes. For two stacks the unread past is a matter
# of reach, and ends: with eight layers of 3×3 every pixel of a 9×9 image reads everything before
# it. (One column a layer, and the longest way is eight columns.) The matrix is full below the
# diagonal and empty on and above it:

# %% tags=["nbval-check-output"]
model = GatedPixelCNN(n_channels=4, n_layers=8)
reads = influence_matrix(model, height=9, width=9)
print("blind spot:", blind_spot(reads))
print("full lower triangle:", torch.equal(reads, torch.ones(81, 81).tril(-1).bool()))

# %% [markdown]
# And it is a distribution, by construction and not by training. All sixteen binary 2×2 images and
# all sixty-four 2×3 ones, under models with weights drawn at random, each wilder than the one
# before:

# %% tags=["nbval-check-output"]
for wildness in (1, 3, 9):
    model = GatedPixelCNN(n_channels=4, n_layers=3).double()
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(wildness)
    sums = [total_probability(model, *size) for size in ((2, 2), (2, 3))]
    print(f"weights × {wildness}: sums {sums[0]:.9f} and {sums[1]:.9f}")

# %% [markdown]
# ## 7 · Kernels without zeros
#
# A mask multiplies by zeros: the work is done, and thrown away. The paper notes it too (section
# 2.2): where the taps that may be read form a rectangle, one can use a smaller kernel and a shift
# instead of a mask. That is what `VerticalConv2d` and `HorizontalConv2d` do. Are they the same
# function? Fill the cropped kernel up with zeros, convolve with the full square, and compare.

# %%
layer = GatedPixelCNN(n_channels=8, n_layers=2, kernel_size=5).layers[1]
x = torch.randn(2, 8, 9, 12)
full_vertical = F.pad(layer.vertical.weight, (0, 0, 0, 2))  # two rows of zeros below
full_horizontal = F.pad(layer.horizontal.weight, (0, 2))  # two columns of zeros to the right
pairs = {
    "vertical": (full_vertical, layer.vertical),
    "horizontal": (full_horizontal, layer.horizontal),
}
for name, (kernel, cropped) in pairs.items():
    masked = F.conv2d(x, kernel, cropped.bias, padding="same")
    torch.testing.assert_close(masked, cropped(x))
    shapes = tuple(kernel.shape[2:]), tuple(cropped.weight.shape[2:])
    print(f"{name:10} {shapes[0]} with zeros and {shapes[1]} without: the same numbers")

# %% [markdown]
# What is saved?
#
# ### Exercise 4.5

# %%
ch04.multiplications_per_pixel.card()


# %%
def multiplications_per_pixel(kernel_size: int, n_channels: int) -> int:
    """Multiplications of one gated layer after the first, for each pixel, kernels cropped.

    kernel_size  k, an odd number: the vertical kernel is k wide
    n_channels   C, the features of each stack
    returns      a whole number: vertical + horizontal + link + output, biases left out

    By hand: k = 3 and C = 1 need 21 multiplications, 12 of them in the vertical convolution
    """
    ____


multiplications_per_pixel = ch04.multiplications_per_pixel.check(multiplications_per_pixel)

# %% tags=["nbval-check-output"]
print(" k    cropped       full    saved")
for k in (3, 5, 7):
    cropped = multiplications_per_pixel(k, 32)
    # full: k·k and k taps, many times zero; cropped: (k//2 + 1)·k and k//2 + 1
    masked_taps = (k * k + k) - (k // 2 + 1) * (k + 1)
    full = cropped + masked_taps * 32 * 64
    print(f"{k:2} {cropped:10,} {full:10,} {1 - cropped / full:8.0%}")

layer = GatedPixelCNN(n_channels=32, n_layers=2, kernel_size=3).layers[1]
weights = sum(p.numel() for name, p in layer.named_parameters() if name.endswith("weight"))
print("a layer's weights are its multiplications:", weights == multiplications_per_pixel(3, 32))

# %% [markdown]
# Counting is one thing, the clock another: a processor does not take the same time for every
# multiplication. The vertical convolution alone, forward and backward, full against cropped:

# %% tags=["nbval-ignore-output"]
import time


def seconds(kernel, padding, x, repeats=7):
    """The shortest of several forward and backward passes of one convolution."""
    x, kernel = x.requires_grad_(), kernel.detach().requires_grad_()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        F.conv2d(F.pad(x, padding), kernel).sum().backward()
        times.append(time.perf_counter() - began)
    return min(times)


features = torch.randn(8, 32, 28, 28).contiguous(memory_format=torch.channels_last)
ratios = {"multiplications": [], "seconds, measured here": []}
for k in (3, 5, 7):
    r = k // 2
    full = seconds(torch.randn(64, 32, k, k), (r, r, r, r), features)
    cropped = seconds(torch.randn(64, 32, r + 1, k), (r, r, r, 0), features)
    ratios["multiplications"].append(100 * (r + 1) / k)
    ratios["seconds, measured here"].append(100 * cropped / full)
figure, ax = plt.subplots(figsize=(6, 2.6), layout="tight")
for i, (name, values) in enumerate(ratios.items()):
    ax.bar(torch.arange(3).numpy() + 0.35 * i, values, width=0.32, label=name)
ax.set(ylabel="cropped / full (%)", xticks=[0.175, 1.175, 2.175], ylim=(0, 125))
ax.set_xticklabels([f"k = {k}" for k in (3, 5, 7)])
ax.axhline(100, color="#888888", lw=1)
ax.legend(ncols=2, loc="upper center");

# %% [markdown]
# Of the multiplications, (k + 1) / 2k remain: nearly a half for large kernels. It need not be
# faster by the clock: which kernel sizes are fast depends on the processor and the library, and a
# cropped kernel can even be slower. (The cell runs on the CPU, also where there is a GPU.)
# `benchmarks/gated_step.py` measures whole training steps, with more care.
#
# ## 8 · What do the stacks bring, and what the gate?
#
# > **From the reading notes.** *"we want to parallelize as much as possible while maintaining the
# > RNN's performance. We use a gated variant"*. How can a variant of the less effective model keep
# > up with the better one?
# >
# > By taking over what the better one had: a view of the whole past (the two stacks) and
# > multiplications (the gate). On CIFAR-10 the paper reports 3.14 bits/dim for PixelCNN, 3.00 for
# > PixelRNN and 3.03 for Gated PixelCNN (table 1 of the gated PixelCNN paper); on ImageNet, 3.83
# > against PixelRNN's 3.86 at 32×32 pixels and 3.57 against 3.63 at 64×64 (its table 2). So "keeps
# > the performance" is right, and what the two parts contribute *separately* the paper does not
# > say. The next cells ask that, at a size a laptop can train.
#
# Four rivals. The plain PixelCNN of chapter 03; the two stacks with a ReLU for every gate
# (`activation="relu"`); the gated PixelCNN. These three get about the same number of weights that
# are really used (masked ones do not count). But a gate spends two channels on one feature, so at
# equal size the gated model is the narrowest. The fourth is gated and *as wide* as the two stacks
# with ReLU; it is about twice as large. All get 3×3 kernels, images in the same order, the same
# optimiser and number of steps. Two stacks begin one row up and so end one row further up. To see
# as many rows, the plain model gets one layer more. What it cannot see within them is the wedge.

# %%
from tutorial_lib.pixels import PixelCNN


def rivals():
    plain, ungated, gated = settings.widths
    one = {
        "kernel_size": 3,
        "first_kernel_size": 3,
        "n_layers": settings.n_layers,
    }  # and a first
    two = {"kernel_size": 3, "n_layers": settings.n_layers}
    return {
        "one stack, ReLU": PixelCNN(n_channels=plain, **one),
        "two stacks, ReLU": GatedPixelCNN(n_channels=ungated, activation="relu", **two),
        "two stacks, gate": GatedPixelCNN(n_channels=gated, **two),
        "gate, as wide": GatedPixelCNN(n_channels=ungated, **two),
    }


def n_used(model):
    """Parameters that can change an output: all but those under a mask."""
    masked = sum((m.mask == 0).sum().item() for m in model.modules() if isinstance(m, MaskedConv2d))
    return sum(p.numel() for p in model.parameters()) - masked


sizes = {name: n_used(model) for name, model in rivals().items()}
for name, n in sizes.items():
    print(f"{name:17} {n:6,} parameters in use")

# %% [markdown]
# > **Predict.** Which step brings more: from one stack to two, or from ReLU to gate?
# > <details><summary>A way to think about it</summary>The blind spot hides far-away pixels to the
# > upper right. How much of what a garment's next pixel will be is known from there, and not from
# > nearer neighbours? And what does a narrower network lose?</details>

# %%
from tutorial_lib import data
from tutorial_lib.pixels import bits_per_dim, nll_nats
from tutorial_lib.training import FitConfig, evaluate, fit

garments = data.load("fashion-mnist-sample")
train = (garments.train.levels[: settings.n_images] > 127).to(torch.uint8)
held_out = (garments.valid.levels[: settings.n_held_out] > 127).to(torch.uint8)


def step(model, levels):
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    return {"loss": nats / 784, "nats/image": nats}


# %%
n_steps = settings.epochs * (len(train) // settings.batch_size)
rows = {"log_every": max(1, n_steps // 30), "save_every_seconds": float("inf")}
trained, histories, scores = {}, {}, {}
for seed in settings.seeds:
    torch.manual_seed(seed)
    for name, model in rivals().items():
        size = {"epochs": settings.epochs, "batch_size": settings.batch_size}
        config = FitConfig(**size, learning_rate=1e-2, seed=seed)
        histories[name] = fit(model, step, (train,), config, **rows)
        trained[name] = model
        scores.setdefault(name, []).append(evaluate(model, step, (held_out,))["nats/image"])

# %% tags=["nbval-ignore-output"]
print(f"{'held out':17} nats/image  bits/dim  ms/step  parameters")
for name, nats in scores.items():
    mean, history = sum(nats) / len(nats), histories[name]
    milliseconds = 1000 * history.seconds / history.n_steps
    row = f"{mean:10.2f} {bits_per_dim(mean, 784):9.4f} {milliseconds:8.0f} {sizes[name]:11,}"
    print(f"{name:17} {row}")
    if len(nats) > 1:
        print("   by seed:", "  ".join(f"{each:.2f}" for each in nats))

# %% tags=["nbval-ignore-output"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.3), layout="constrained")
first_rows = histories["one stack, ReLU"].rows
for name, history in histories.items():
    nats = torch.tensor([row["nats/image"] for row in history.rows])
    saved = torch.tensor([row["nats/image"] for row in first_rows]) - nats
    skip = len(nats) // 6  # the first fall is too steep to be drawn
    left.plot([row["step"] for row in history.rows][skip:], saved[skip:], label=name)
    late = bits_per_dim(F.avg_pool1d(nats[None, skip:], 3, 1)[0], 784)  # mean of three rows
    right.plot([row["seconds"] for row in history.rows][-len(late) :], late)
left.set(xlabel="step", ylabel="nats/image saved over one stack")
right.set(xlabel="seconds", ylabel="bits/dim")
figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8);


# %% [markdown]
# Both pictures show the cost of training batches. On the left, the nats saved against the plain
# model on the same images, so that what is hard for all cancels; higher is better. On the right,
# the mean of three rows against the clock of the machine that ran it, in the same colours; lower is
# better. (The first steps are left out: their fall is too steep to be drawn.) The verdict is the
# table: images that no model was trained on. In our laptop run:
#
# - **One stack or two.** At equal size, the two stacks with ReLU end below the plain model. The
#   wedge is all that they see and it does not, but its blocks are built differently too. So the
#   gain is the two stacks', not the wedge's alone.
# - **ReLU or gate.** At equal size, the gate gives part of that back: it has to make do with fewer
#   features.
# - **The gate, as wide.** With about twice the weights it draws level. Whether it pays for them in
#   time as well, `ms/step` and the picture on the right say: twice the weights need not take twice
#   the seconds.
#
# (The parameters in use do not tell the time of a step. The plain model's masked kernels multiply
# by zeros, as in section 7, and masked weights were not counted.)
#
# Is the reason that a fresh gate is half shut, $\sigma(0) = \tfrac12$, so that each layer begins
# with a weaker signal than a ReLU? No: with the switches' biases set to 2 at the start, the same
# run, tried apart from this page, ended as before. This is one seed and one epoch on black and white garments, and says nothing
# about the paper's size of network. Look again in the `gpu` profile: wider and deeper models, ten
# epochs, two seeds.
#
# ### Where does the difference lie?
#
# The cost of an image is a sum over its pixels, so two models can be compared place by place: the
# mean cost of each pixel on held-out garments under the plain model, and what the others save
# there, summed over blocks of 4×4 pixels.

# %%
@torch.inference_mode()
def cost_map(model):
    """Mean nats of each pixel over the held-out images: (28, 28)."""
    batches = held_out.long().to(device).split(250)
    costs = torch.cat([F.cross_entropy(model(x), x, reduction="none") for x in batches])
    return costs.mean(dim=(0, 1)).cpu()


device = profiles.device()
plain, *others = (cost_map(model) for model in trained.values())
saved = [16 * F.avg_pool2d((plain - other)[None], 4)[0] for other in others[:2]]
most = max(each.abs().max().item() for each in saved)
figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="constrained")
cost = axes[0].imshow(plain, cmap="viridis", vmin=0)
figure.colorbar(cost, ax=axes[0], label="nats", shrink=0.8)
for ax, each in zip(axes[1:], saved, strict=True):
    picture = ax.imshow(each, cmap="RdBu", vmin=-most, vmax=most)
figure.colorbar(picture, ax=axes[1:], label="nats saved", shrink=0.8)
titles = ["cost, one stack", "saved by two stacks", "saved by stacks and gate"]
for ax, title in zip(axes, titles, strict=True):
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(False)

# %% [markdown]
# On the left: dearest at the upper edge of the garments, and along the instep of the shoes. Blue in
# the other two is where the plain model pays more. In our laptop run that is mostly left of the
# middle, where a garment begins in its row, and where it would help to know what the row above
# shows further right. That fits the wedge, and does not prove it.
#
# ## 9 · Where longer training goes
#
# `load_pretrained("gated-binarized-mnist")` is a gated PixelCNN trained on the standard set of this
# field, the binarized MNIST digits in their fixed split, by `python -m tutorial_lib reproduce
# pixelcnn-cpu`. Here are some of its drawings.

# %%
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained
from tutorial_lib.sampling import sample

digits_model = load_pretrained("gated-binarized-mnist").to(device)
noise = torch.Generator().manual_seed(0)
uniforms = torch.rand(settings.n_digits, 1, 28, 28, generator=noise, dtype=torch.float64)
digits = sample(digits_model, tuple(uniforms.shape), uniforms=uniforms).cpu()
show_images(digits, n_levels=2, n_columns=8);

# %% [markdown]
# Most can be read as a digit. Some are none, with broken loops or ragged strokes: three layers see
# eight or nine pixels far. Nobody told the model what a digit is.
#
# Cover the lower half of a drawing, and let the model finish it again and again. The pixels above
# are given (`known`), those below are drawn: in raster order, completing downwards is nothing but
# sampling that starts late.

# %%
half = digits[: 2 if settings.n_digits < 4 else 4].clone()
half[:, :, 14:] = -1  # -1 stands for "to be drawn"
n_rows, n_tries = len(half), 2 if settings.n_digits < 4 else 4
tries = sample(
    digits_model,
    (n_rows * n_tries, 1, 28, 28),
    known=half.repeat_interleave(n_tries, dim=0),
    generator=torch.Generator().manual_seed(1),
).cpu()
covered = torch.where(half < 0, 0.5, half.float())
rows = [
    torch.cat([covered[i : i + 1], tries[i * n_tries : (i + 1) * n_tries], digits[i : i + 1]])
    for i in range(n_rows)
]
titles = ["given", *["drawn"] * n_tries, "original"]
show_images(torch.cat(rows), n_columns=n_tries + 2, titles=titles);

# %% [markdown]
# In every row the upper half is the same to the pixel, and the endings differ: the model knows
# several ways to go on, and each continues the strokes that it was given.
#
# How far does it look? The size of the gradient, this time, not only whether there is one:

# %%
from tutorial_lib.pixels import influence_map

strengths = {
    "one stack, garments": influence_map(trained["one stack, ReLU"], 28, 28, (16, 14)),
    "two stacks and gate, garments": influence_map(trained["two stacks, gate"], 28, 28, (16, 14)),
    "two stacks and gate, digits": influence_map(digits_model, 28, 28, (16, 14)),
}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="constrained")
for ax, (name, strength) in zip(axes, strengths.items(), strict=True):
    relative = (strength[0] / strength.max()).clamp(min=1e-6).log10()
    picture = ax.imshow(relative, cmap="viridis", vmin=-6, vmax=0)
    ax.add_patch(plt.Rectangle((13.5, 15.5), 1, 1, fill=False, ec="#d62728", lw=1.5))
    ax.set(xticks=[], yticks=[])
    ax.set_title(name, fontsize=8)
    ax.grid(False)
figure.colorbar(picture, ax=axes, label="log10 |gradient|, largest = 0", shrink=0.8);

# %% [markdown]
# Dark is out of reach, altogether. The stack on the left has its wedge cut off; the two others read
# left and right alike, as far as their layers carry. That is the honest end of the story: the
# *shape* of the view has no hole any more, its *size* is still a matter of layers and kernels. A
# Diagonal BiLSTM's view has no such limit. On garments the colours fade quickly: near pixels matter
# most. On digits they hardly fade within reach; that model has larger kernels, and was trained for
# longer.
#
# And the number? Test images are scored in nats per image; a uniform model pays 543.4. The paper's
# numbers are those of the PixelRNN paper, table 4.

# %%
import json
from pathlib import Path

paper = {"PixelCNN": 81.30, "Row LSTM": 80.54, "Diagonal BiLSTM, 7 layers": 79.20}
for name, nats in paper.items():
    print(f"{name:27} {nats:6.2f} nats/image   (PixelRNN paper, table 4)")
results = Path("../results/pixelcnn-cpu.json")
if results.exists():
    result = json.loads(results.read_text())
    minutes = result["training_minutes"]
    print(
        f"{'this gated PixelCNN':27} {result['test']['nats_per_image']:6.2f} nats/image   ", end=""
    )
    print(f"(test set, {minutes:.0f} minutes of training)")
else:
    print("this gated PixelCNN: see results/pixelcnn-cpu.json in the repository")

# %% [markdown]
# The model stays some nats behind the paper's, after five minutes of training on two cores. Where
# else it leaves the paper: it is much smaller, three gated layers; its kernels are 5×5, and 9×9 in
# the first layer; each layer is told the row and column of its pixels, and sine and cosine waves of
# both (`coordinates=True, n_frequencies=4`), since three layers cannot see the border from the
# middle; AdamW takes the place of RMSProp, with a learning rate that falls to 0; and training
# computes in bfloat16 where the processor has it. `tutorial_lib/recipes/reproduction.py` holds the recipe,
# `results/pixelcnn-cpu.json` everything that was measured.

# %%
ch04.progress()

# %% [markdown]
# > **In words.** Which arrow of figure 2 is this? *(a)* "Without it, every prediction is made from
# > the own row alone." *(b)* "In the first layer it would show the answer." *(c)* "It carries twice
# > as many features as leave the stack where it starts." *(d)* "There is none, and if there were, a
# > row would learn about pixels on its right."
# > <details><summary>An answer</summary>(a) The link. (b) The residual. (c) The link
# > again: it leaves before the gate, which halves the features. (d) From the horizontal to the
# > vertical stack.</details>
#
# > **In words.** A friend wants to save the horizontal stack: "Let the vertical stack's kernel end
# > with a masked row, as in chapter 02. Then one stack sees both." What is lost, and after how many
# > layers?
# > <details><summary>An answer</summary>That is the plain PixelCNN: rows above plus a masked middle
# > row, in one kernel. With one layer nothing is lost, the kernel sees all it can reach. From the
# > second layer on the masked row of one layer limits what the next can fetch from the right, and
# > the blind spot begins to open.</details>
#
# > **In words.** A recurrent network's steps are slow because a row must wait for the row before
# > it, or a pixel for its neighbour. Where in this chapter's layer does a position wait for another
# > during training?
# > <details><summary>An answer</summary>Nowhere. Every convolution of both stacks reads the
# > finished output of the layer before, at all positions at once. The gate took over the LSTM's
# > product, and left its recurrence behind. Only sampling still goes pixel by pixel, which is the
# > subject of chapter 06.</details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN eq. 1 | p(x) as a product, exact for any weights | section 6, sums over all images | `likelihood.total_probability` |
# | Gated PixelCNN eq. 2, sec. 2.1 | the gated unit in place of the ReLU | section 4 | `gated.gate` |
# | Gated PixelCNN sec. 2.2, fig. 1 | the blind spot, and two stacks without one | sections 1 to 3, 6 | `gated.shift_down`, `influence.blind_spot` |
# | Gated PixelCNN fig. 2 | one layer: every arrow | section 5 | `gated_layer.GatedLayer` |
# | Gated PixelCNN sec. 2.2 | smaller kernels and a shift instead of masks | section 7 | `gated_layer.VerticalConv2d`, `gated_layer.HorizontalConv2d` |
# | Gated PixelCNN table 1 | on a par with PixelRNN | section 8, what each part brings | `GatedPixelCNN(activation=...)` |
# | PixelRNN table 4 | nats on binarized MNIST | section 9 | `reproduce pixelcnn-cpu` |
#
# Equations 4 and 5, where a label or a picture enters the gate, come next:
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
