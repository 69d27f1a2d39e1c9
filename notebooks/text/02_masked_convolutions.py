# %% [markdown]
# # 02 · Masked convolutions
#
# [← 01 · Images as sequences](01_images_as_sequences.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [03 · PixelCNN →](03_pixelcnn.ipynb) · [Live: The mask and the blind spot](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/mask.html) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/02_masked_convolutions.ipynb)
#
# A convolution reads in all directions. A model that predicts the next pixel must not look ahead.
# In this chapter you write a convolution that only looks back, and a tool that shows what any network
# reads.
#
# **By the end you will have**
#
# - masks A and B, and a `MaskedConv2d` of your own that computes the same as the library's, for grey
#   and for coloured images;
# - the *influence matrix*: for every output, which inputs can change it, measured by autograd;
# - found the blind spot that the second paper is about, and worked out what share of the past it
#   hides.
#
# **You need** chapter 01 (the chain rule, nats and bits) and to have used `conv2d`.
#
# **Time** about an hour and a half with the five exercises. Running all cells takes two minutes on a
# laptop without a GPU.

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
from tutorial_lib.exercises import ch02


@dataclass
class Settings:
    n_images: int  # for the two short trainings
    epochs: int
    depths: tuple[int, ...]  # of the stacks whose blind spot is measured
    side: int  # of the square images it is measured on


settings = profiles.choose(
    smoke=Settings(256, 1, (1, 2, 4), 7),
    laptop=Settings(3000, 3, (1, 2, 4, 8, 16), 9),
    gpu=Settings(9000, 5, (1, 2, 4, 8, 16), 9),
)
settings

# %%
from tutorial_lib.notebook.widgets import draw_mask_explorer

draw_mask_explorer(kernel_size=3, n_layers=4, first_type="A");

# %% [markdown]
# You will be able to draw and explain this picture by the end. The pixel outlined in red is about to
# be predicted, by four masked convolutions. Blue pixels can change the prediction. Grey ones must
# not, because they come later. The orange ones come earlier. The model is allowed to read them, but
# it does not.
#
# ## 1 · The past of a pixel
#
# Chapter 01 wrote the probability of an image as a product over pixels in *raster order*, row by row
# and from left to right (PixelRNN paper, eq. 1):
#
# $$p(x) = \prod_{i} p(x_i \mid x_1, \dots, x_{i-1})$$
#
# Number the pixels of a small image in that order, from 0 as Python does. The past of a pixel is
# everything with a smaller number.

# %% tags=["nbval-check-output"]
import torch

order = torch.arange(20).view(4, 5)
print(order)
print("the past of the pixel in row 2, column 1:")
print((order < order[2, 1]).int())

# %% [markdown]
# The past consists of all rows above, and of the pixels on the left in the same row. A convolution
# reads a small window around the pixel to be predicted, so it has to leave out the rest of that
# window. A *mask* of zeros and ones says which *taps*, that is, which entries of the kernel, may be
# used:

# %%
from tutorial_lib.notebook import diagrams
from tutorial_lib.pixels import MaskedConv2d as LibraryConv2d

picture = torch.arange(35).view(5, 7) / 34  # five rows, seven columns, from black to white
diagrams.sliding_mask(LibraryConv2d(1, 1, 3, mask_type="A"), picture)

# %% [markdown]
# The centre tap needs care. In the first layer it reads the very pixel to be predicted, so its mask has
# to be 0: **mask A**. From the second layer on, it reads *features* at that place, which the layer
# before computed from the past alone. They may be read, and they should be, because they hold what the
# layer before found out: **mask B**.
#
# ### Exercise 2.1

# %% jupyter={"source_hidden": true} cellView="form"
ch02.causal_mask.card()


# %%
def causal_mask(kernel_size: int, *, include_center: bool) -> torch.Tensor:
    """1 for the taps that a raster-scan convolution may read, else 0.

    kernel_size     an odd number
    include_center  False for type A, True for type B
    returns         (kernel_size, kernel_size), floating point

    By hand: kernel_size=3, type A      1 1 1
                                        1 0 0
                                        0 0 0
    """
    ____


causal_mask = ch02.causal_mask.check(causal_mask)

# %%
import matplotlib.pyplot as plt

from tutorial_lib.notebook import show_mask

figure, axes = plt.subplots(1, 4, figsize=(7, 2), layout="tight")
for ax, (size, kind) in zip(axes, [(3, "A"), (3, "B"), (5, "A"), (5, "B")], strict=True):
    show_mask(causal_mask(size, include_center=kind == "B"), ax=ax)
    ax.set_title(f"{size}×{size}, mask {kind}")

# %% [markdown]
# Blue taps are used. A and B differ in the centre only.
#
# ## 2 · A convolution with a mask
#
# ### Exercise 2.2

# %%
from torch.nn import functional as F

ch02.masked_conv2d.card()


# %%
def masked_conv2d(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Convolve x with the masked kernel, with zeros outside the image.

    x        (B, in, H, W)
    weight   (out, in, kh, kw), with odd kh and kw; stays as it is
    bias     (out,)
    mask     zeros and ones, (kh, kw) or (out, in, kh, kw)
    returns  (B, out, H, W)

    By hand: x = [[1, 2, 4]], weight = [[1, 1, 1]], bias = [0] and mask = [[1, 0, 0]] give
             [[0, 1, 2]]: each place reads its left neighbour
    """
    ____


masked_conv2d = ch02.masked_conv2d.check(masked_conv2d)

# %% [markdown]
# Try it on an image that is black but for one pixel, with a kernel of ones.
#
# > **Predict.** The mask reads *up and to the left*. Which outputs does the single pixel change?
# >
# > <details><summary>A way to think about it</summary>
# >
# > An output reads the row above it and the pixel on its left. Which outputs have the bright pixel
# > above them, or on their left?
# >
# > </details>

# %% tags=["nbval-check-output"]
impulse = torch.zeros(1, 1, 5, 7)
impulse[0, 0, 2, 3] = 1
kernel, no_bias, mask = torch.ones(1, 1, 3, 3), torch.zeros(1), causal_mask(3, include_center=False)
output = masked_conv2d(impulse, kernel, no_bias, mask)
print(output[0, 0].int())

# %% [markdown]
# One output on the right and three in the row below: the mask turned by 180°. An output reads *above*
# itself, so a pixel changes outputs *below* itself. If you mix up these two pictures, you write a
# mask that looks into the future.
#
# ### A wrong way: write the mask into the weights
#
# Some implementations set the forbidden weights to 0 before each pass, with `weight.data *= mask`.
# The output is the same. Compare the gradients.

# %%
image = torch.rand(1, 1, 5, 7)
written_in = torch.ones(1, 1, 3, 3, requires_grad=True)
written_in.data *= mask
F.conv2d(image, written_in, padding="same").sum().backward()

yours = torch.ones(1, 1, 3, 3, requires_grad=True)
masked_conv2d(image, yours, no_bias, mask).sum().backward()
print("mask written into the weights, gradient:\n", written_in.grad[0, 0].numpy().round(1))
print("your function, gradient:\n", yours.grad[0, 0].numpy().round(1))

# %% [markdown]
# With the mask written in, the forbidden taps get gradients as large as the others. This does harm: the
# optimiser moves these weights and keeps averages of their gradients, and gradient clipping counts
# them. With your function their gradients are exactly 0, because the mask is a part of the computation.
#
# ### The layer
#
# Chapter 03 builds a model of layers, so put weights around your function. `nn.Conv2d` makes them.
# The mask is a *buffer*: it moves to a GPU with the layer, and is not trained. With `persistent=False`
# it is not saved either, since it can be computed again.

# %%
from torch import nn


class MaskedConv2d(nn.Conv2d):
    """(B, in, H, W) -> (B, out, H, W). Mask "A" for a first layer, "B" for all others."""

    def __init__(self, in_channels, out_channels, kernel_size, *, mask_type):
        super().__init__(in_channels, out_channels, kernel_size, padding="same")
        mask = causal_mask(kernel_size, include_center=mask_type == "B")
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x):
        return masked_conv2d(x, self.weight, self.bias, self.mask)


# %% tags=["held", "nbval-check-output"]
x = torch.randn(2, 3, 6, 9)
for mask_type in "AB":
    library = LibraryConv2d(3, 4, 5, mask_type=mask_type)
    mine = MaskedConv2d(3, 4, 5, mask_type=mask_type)
    mine.load_state_dict(library.state_dict())
    same = torch.allclose(mine(x), library(x), atol=1e-5)
    print(f"mask {mask_type}, same output as the library's:", same)

# %% [markdown]
# From here on, all *stacks* (layers applied one after the other) are made of your layer.
#
# ## 3 · A measurement: influence, by autograd
#
# How would you *know* that a network of twenty layers keeps to the order? Ask the derivative: if the
# gradient of output $i$ with respect to input $j$ is zero, whatever the input, then $i$ does not
# depend on $j$. First for one output of an ordinary convolution, and of yours:

# %%
torch.manual_seed(0)
plain, masked = nn.Conv2d(1, 1, 3, padding="same"), MaskedConv2d(1, 1, 3, mask_type="A")
figure, axes = plt.subplots(1, 2, figsize=(7, 2.2), layout="constrained")
for ax, (name, layer) in zip(axes, {"ordinary": plain, "mask A": masked}.items(), strict=True):
    x = torch.rand(1, 1, 5, 7, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[0, 0, 2, 3], x)
    shown = ax.imshow(gradient[0, 0].abs(), cmap="viridis", vmin=0, vmax=0.35)
    ax.add_patch(plt.Rectangle((2.5, 1.5), 1, 1, fill=False, ec="#d62728", lw=2))
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(shown, ax=axes, label="|gradient| of the outlined output");

# %% [markdown]
# The output outlined on the left depends on inputs on all sides, its own place included (two corners
# are too weak to see). The masked one depends on the three inputs above it and the one on its left.
#
# ### Exercise 2.3

# %% jupyter={"source_hidden": true} cellView="form"
ch02.influence_row.card()


# %%
def influence_row(model_fn, image: torch.Tensor, target: tuple[int, int]) -> torch.Tensor:
    """Which input pixels move any of the logits at `target`, found by autograd.

    model_fn  a function (1, 1, H, W) -> (1, F, H, W): F logits for each pixel
    image     (1, 1, H, W) floating point; stays as it is, its requires_grad too
    target    (row, column) of the output pixel
    returns   (H, W) torch.bool: True where a change of the input pixel moves a logit of the target

    By hand: model_fn = lambda x: 3 * x reads the target alone: True there, False elsewhere
    """
    ____


influence_row = ch02.influence_row.check(influence_row)


# %% [markdown]
# Do that for every output and stack the answers. This is the **influence matrix**: a row for each
# output, a column for each input, both in raster order.

# %%
def influence(layers, height, width):
    """(output, input), in raster order: True where the input can change the output."""
    image = torch.rand(1, 1, height, width)
    places = [(row, column) for row in range(height) for column in range(width)]
    return torch.stack([influence_row(layers, image, each).flatten() for each in places])


torch.manual_seed(0)
later = [MaskedConv2d(8, 8, 3, mask_type="B") for _ in range(3)]
stack = nn.Sequential(MaskedConv2d(1, 8, 3, mask_type="A"), *later)
trio = {"ordinary": plain, "one layer, mask A": masked, "four layers, A B B B": stack}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
for ax, (name, layers) in zip(axes, trio.items(), strict=True):
    matrix = influence(layers, height=5, width=7)
    causal = torch.equal(matrix, matrix.tril(-1))
    show_mask(matrix, ax=ax).set(title=f"{name}\ncausal: {causal}", xlabel="input", ylabel="output")

# %% [markdown]
# "Nothing sees itself or the future" means: nothing is blue on the diagonal or to the right of it. The
# cell checks that: `tril(-1)` keeps only what lies to the left of the diagonal. The stripes are the rows
# of the image. An output reads its own row and the row above, and with more layers also the rows above
# that.
#
# The library's `influence_matrix` does the same for whole models of images. It also tries several
# random images, because a ReLU that gives 0 on one of them has a gradient of 0 there.
#
# ## 4 · A wrong way: mask B first
#
# Suppose that the first layer has mask B. The code runs, the shapes fit. Train both versions on
# black-and-white garments: three masked layers, a few epochs.
#
# > **Predict.** Which one reaches the lower bits/dim?
# >
# > <details><summary>A way to think about it</summary>
# >
# > With B first, the centre tap shows the network the pixel that it is asked to predict.
# >
# > </details>

# %%
from tutorial_lib import data
from tutorial_lib.pixels import as_model, bits_per_dim, nll_nats
from tutorial_lib.training import FitConfig, fit

garments = data.load("fashion-mnist-sample")
binary = (garments.train.levels[: settings.n_images] > 127).to(torch.uint8)


def small_stack(first_type):
    torch.manual_seed(0)
    first, second = (
        MaskedConv2d(1, 16, 5, mask_type=first_type),
        MaskedConv2d(16, 16, 3, mask_type="B"),
    )
    logits = MaskedConv2d(16, 2, 1, mask_type="B")  # two logits: black, white
    # as_model makes a stack of layers a model of images: levels in, logits out
    return as_model(nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), logits))


# %%
def step(model, levels):
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    return {"loss": nats / 784, "bits/dim": bits_per_dim(nats, 784)}


# fit is the library's training loop; in chapter 03 you write your own
config = FitConfig(epochs=settings.epochs, batch_size=32, learning_rate=1e-2)
models = {"A first": small_stack("A"), "B first": small_stack("B")}
histories = {name: fit(model, step, (binary,), config) for name, model in models.items()}
for name, history in histories.items():
    print(f"{name}: {history.rows[-1]['bits/dim']:.4f} bits/dim at the end")

# %%
from tutorial_lib.notebook import show_curves

curves = {
    name: ([r["step"] for r in history.rows], [r["bits/dim"] for r in history.rows])
    for name, history in histories.items()
}
show_curves(curves, xlabel="training step", ylabel="bits/dim").set_yscale("log")

# %% [markdown]
# Mask B wins by orders of magnitude. **Why is this too good?** The network copies the pixel that it
# should predict. A test set would not reveal it, because the network can copy there too. Two things
# reveal it. One is the influence matrix, which needs no training:

# %% tags=["nbval-check-output"]
for name, model in models.items():
    matrix = influence(model.cpu().stack, height=5, width=7)
    print(f"{name}: {matrix.diagonal().sum().item()} of 35 outputs see their own pixel")

# %% [markdown]
# The other is drawing. A drawing starts from an image of zeros, and when a pixel is to be drawn, its
# place still holds a 0. The leaky model copies the 0.

# %%
from tutorial_lib.notebook import show_images
from tutorial_lib.sampling import sample

noise = torch.Generator().manual_seed(0)
uniforms = torch.rand(8, 1, 28, 28, generator=noise, dtype=torch.float64)
drawn = [sample(model, (8, 1, 28, 28), uniforms=uniforms) for model in models.values()]
show_images(torch.cat(drawn), n_levels=2, n_columns=8, row_labels=list(models));

# %% [markdown]
# The model with mask A draws blobs, and a few dots in some images: three small layers see only a few
# pixels. The model with mask B, whose bits/dim looked so good, draws nothing at all.
#
# ## 5 · Does the stack see *all* of the past?
#
# A stack with mask A first never sees the future. But in the chain rule a pixel depends on **all**
# earlier pixels. Does the stack see all of them?
#
# > **Predict.** A 9×9 image, four masked 3×3 layers, the pixel in row 6, column 4. It has 58 earlier
# > pixels. How many of them can change its prediction?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Think of what an input pixel tells the later layers as a *message*, and follow one from the upper
# > right. Each layer can carry it one row down and, *while it moves down*, one column to the left.
# > Within a row it can only travel to the right.
# >
# > </details>

# %%
from tutorial_lib.notebook import show_influence

reads = influence(stack, 9, 9)
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
for ax, (row, column) in zip(axes, [(6, 4), (6, 1), (3, 6)], strict=True):
    number = 9 * row + column  # in raster order, so it is also the number of earlier pixels
    show_influence(reads[number], 9, 9, (row, column), ax=ax)
    ax.set_title(f"reads {reads[number].sum()} of {number}")

# %% [markdown]
# Orange pixels are past that never arrives. Some are too far away: four layers reach four rows up and
# four columns to the side, so the two upper rows are lost on the left and in the middle, and two columns
# in the picture on the right. But there is also an orange wedge above and to the right of the red
# outline. It begins close by: one row up, two columns to the right. Why does nothing arrive from there?

# %%
diagrams.paths_of_messages()

# %% [markdown]
# In each layer, a message can go one column to the right, or one row down, where it may also shift by
# one column to either side. It can never go to the left within a row. So a message from $h$ rows above
# the target arrives only if it starts at most $h$ columns to the right of it. This is the **blind spot**
# of the gated PixelCNN paper (section 2.2 and figure 1), found by measurement.
#
# ### Exercise 2.4
#
# How large is it?

# %% jupyter={"source_hidden": true} cellView="form"
ch02.unread_fraction.card()


# %%
def unread_fraction(reads: torch.Tensor) -> float:
    """The share of the past that is never read: unread pairs divided by all pairs of the past.

    reads    (N, N) torch.bool: reads[i, j] is True if output i reads input j, in raster order
    returns  a number from 0 to 1

    By hand: three pixels have three pairs of the past: (1, 0), (2, 0) and (2, 1). If output 1 reads
             input 0 and output 2 reads input 1 only, one of three is unread: 0.333
    """
    ____


unread_fraction = ch02.unread_fraction.check(unread_fraction)

# %%
side, shares = settings.side, {}
for kernel_size in (3, 5):
    for depth in settings.depths:
        later = [MaskedConv2d(2, 2, kernel_size, mask_type="B") for _ in range(depth - 1)]
        layers = nn.Sequential(MaskedConv2d(1, 2, kernel_size, mask_type="A"), *later)
        shares.setdefault(kernel_size, []).append(
            100 * unread_fraction(influence(layers, side, side))
        )
curves = {f"{k}×{k} kernels": (settings.depths, values) for k, values in shares.items()}
ax = show_curves(curves, xlabel="layers", ylabel="past never read (%)")
ax.set(xscale="log", xticks=settings.depths, xticklabels=settings.depths, ylim=(0, None))
print(f"{side}×{side} image, deepest stack: {shares[3][-1]:.1f}% unread with 3×3 kernels")


# %% [markdown]
# With more layers the unread share falls until all rows are in reach. Then it stays the same: what is
# left is the wedge, and no number of layers removes it. In a 5×5 kernel, a message can shift by two
# columns for each row that it goes down, so the wedge is narrower.
#
# ### How large can it become?
#
# The share also depends on the side $n$ of the image. Let a pixel lie $u$ columns from the right
# edge and $r$ rows from the top. With 3×3 kernels and enough layers, $u - h$ pixels are unread in the
# row that lies $h$ rows above it (none if $h > u$). Add this up over all rows above and all pixels, with
# integrals in place of sums. The innermost integral is $ur - r^2/2$ for $r < u$, and $u^2/2$ for larger
# $r$:
#
# $$\int_0^n\!\!\int_0^n \int_0^{r} \max(u - h, 0)\, \mathrm{d}h\, \mathrm{d}r\, \mathrm{d}u
# = \int_0^n \Big(\frac{u^3}{3} + \frac{u^2}{2}(n - u)\Big)\, \mathrm{d}u
# = \frac{n^4}{12} + \frac{n^4}{24} = \frac{n^4}{8}$$
#
# All pairs of a pixel and an earlier one are $n^2 (n^2 - 1) / 2 \approx n^4 / 2$. So the blind spot
# of a large image is $\frac{n^4 / 8}{n^4 / 2} = \frac14$ of the past. The exact sums show how fast
# the share gets there:

# %% tags=["nbval-check-output"]
def blind_share(n):
    """The share of the past of all pixels of an n×n image that 3×3 kernels never read."""
    steps = torch.arange(n)
    r, c, h = torch.meshgrid(steps, steps, steps + 1, indexing="ij")
    unread = (n - 1 - c - h).clamp(min=0) * (h <= r)  # h rows above the pixel (r, c)
    return unread.sum().item() / (n**2 * (n**2 - 1) / 2)


for n in (5, 9, 15, 28, 64, 200):
    print(f"{n:3}×{n:<3}  {blind_share(n):.1%} of the past is never read")

# %% [markdown]
# The value for 9×9 is the one that you measured. On larger images a larger share is lost, up to a
# quarter. Chapter 04 removes the blind spot with two stacks.
#
# ### Turn the knobs
#
# Change the kernel size, the number of layers, and the mask of the first layer. With "B", the pixel in
# the red outline turns blue.
#
# [The same, live, in any browser](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/mask.html).
# Point at a blue pixel to see how its message travels, layer by layer. At an orange one, notice that
# it has no way, and that more layers bring none.

# %%
from tutorial_lib.notebook.widgets import mask_explorer

mask_explorer()

# %% [markdown]
# The same as a still, for readers without a running kernel: more layers from left to right, 3×3
# above and 5×5 below.

# %%
figure, axes = plt.subplots(2, 4, figsize=(7, 3.8), layout="tight")
for row, kernel_size in zip(axes, (3, 5), strict=True):
    for ax, depth in zip(row, (1, 2, 4, 8), strict=True):
        draw_mask_explorer(kernel_size, depth, "A", ax=ax)
        ax.set_title(f"{kernel_size}×{kernel_size}, layers: {depth}", fontsize=8)


# %% [markdown]
# ## 6 · Why tests use images that are not square
#
# This function has a mistake that is easy to make. It should shift features down by one row: it adds a
# row of zeros at the top, and then cuts off the last row. But it cuts to the width of the image where it
# should cut to the height.

# %% tags=["nbval-check-output"]
def shift_down_with_a_bug(features):
    width = features.shape[3]
    return F.pad(features, (0, 0, 1, 0))[:, :, :width]


for height, width in ((5, 5), (5, 7), (7, 5)):
    out = shift_down_with_a_bug(torch.zeros(1, 1, height, width))
    print(f"{height}×{width} in, {out.shape[2]}×{out.shape[3]} out")

# %% [markdown]
# On square images it is right, and MNIST, CIFAR and ImageNet crops are square. On 5×7 the extra row
# stays, and on 7×5 rows are lost. So the tests of this series use images with two different sides.
#
# ## 7 · Colour: three steps in one pixel
#
# > **From the reading notes.** (A student's notes on the two papers, from which this series grew.)
# > *"where x_i is a single pixel"*. What is $x_i$ when the image has colours?
# >
# > Each pixel is three numbers, and they depend on each other: a bright red value makes a bright
# > green one likelier. So each pixel is three **sub-pixels**, and the chain rule visits them in turn:
# > R, then G given R, then B given R and G (PixelRNN paper, eq. 2). An image of $n \times n$ pixels
# > has $3n^2$ factors.
#
# Inside a network, a pixel has many channels. They are divided into three equal groups, which belong
# to R, G and B. Earlier pixels are known in full, so at the taps away from the centre every group reads
# every group. At the centre tap, a group reads only the groups before it in the order R, G, B (and
# with mask B also itself).
#
# ### Exercise 2.5

# %% jupyter={"source_hidden": true} cellView="form"
ch02.color_causal_mask.card()


# %%
def color_causal_mask(
    out_channels: int, in_channels: int, kernel_size: int, *, n_colors: int, include_center: bool
) -> torch.Tensor:
    """The causal mask for colour: at the centre tap, R is read by G, and R and G by B.

    out_channels, in_channels   multiples of n_colors: the first third of the channels belongs to R,
                                the next to G, the last to B
    n_colors                    3 for R, G, B; 1 gives the mask of exercise 2.1
    include_center              False: a colour does not read itself (type A). True: it does (B)
    returns                     floats, (out_channels, in_channels, kernel_size, kernel_size)

    By hand: 3 outputs and 3 inputs, centre tap, rows are outputs R, G, B

        type A   0 0 0        type B   1 0 0
                 1 0 0                 1 1 0
                 1 1 0                 1 1 1
    """
    ____


color_causal_mask = ch02.color_causal_mask.check(color_causal_mask)


# %% [markdown]
# With your mask, your layer can handle colours. We compare it with the library's again:

# %%
class ColorConv2d(MaskedConv2d):
    """The same for images of three colours; channels in three groups, R first."""

    def __init__(self, in_channels, out_channels, kernel_size, *, mask_type):
        super().__init__(in_channels, out_channels, kernel_size, mask_type=mask_type)
        options = {"n_colors": 3, "include_center": mask_type == "B"}
        self.mask = color_causal_mask(out_channels, in_channels, kernel_size, **options)


# %% tags=["held", "nbval-check-output"]
x = torch.randn(2, 6, 5, 7)
for mask_type in "AB":
    library = LibraryConv2d(6, 9, 3, mask_type=mask_type, n_colors=3)
    mine = ColorConv2d(6, 9, 3, mask_type=mask_type)
    mine.load_state_dict(library.state_dict())
    same = torch.allclose(mine(x), library(x), atol=1e-5)
    print(f"mask {mask_type}, same output as the library's:", same)

# %% [markdown]
# The influence matrix of a stack of three such layers, first for an image of one pixel (rows and
# columns are R, G, B), then for one of 2×3 pixels:

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import influence_matrix

color_stack = nn.Sequential(
    ColorConv2d(3, 48, 3, mask_type="A"),
    nn.ReLU(),
    ColorConv2d(48, 48, 3, mask_type="B"),
    nn.ReLU(),
    ColorConv2d(48, 3 * 4, 1, mask_type="B"),  # four levels a sub-pixel
)
color_model = as_model(color_stack, n_colors=3, n_levels=4)
print(influence_matrix(color_model, height=1, width=1).int())

# %%
matrix = influence_matrix(color_model, height=2, width=3)
ax = show_mask(matrix, ax=plt.subplots(figsize=(3.4, 3.4), layout="tight")[1])
names = [f"{c}{i}" for i in range(6) for c in "RGB"]
ax.set_xticks(range(18), names, rotation=90, fontsize=7)
ax.set_yticks(range(18), names, fontsize=7)
ax.set(title="18 sub-pixels of a 2×3 image", xlabel="input", ylabel="output");

# %% [markdown]
# Nothing on the diagonal or to the right of it: the order holds, sub-pixel by sub-pixel. Each small
# staircase is R, G, B. In the rows of pixel 3, the first of the second row, the columns of pixel 2
# are empty: pixel 2 lies two columns to the right in the row above. That is a small blind spot.
#
# ### A wrong way: groups that disagree
#
# Here the first third of the channels is R. Channels could also alternate, R G B R G B, as long as
# the mask and the reshape of the output agree. If they do not, the network trains without complaint:

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import StackModel


class Disagreeing(StackModel):
    """The mask groups channels, the output is read as if they alternated."""

    def logits_from(self, features):
        return self.stack(features).unflatten(1, (self.n_levels, self.n_colors))


wrong = Disagreeing(color_stack, n_colors=3, n_levels=4)
print(influence_matrix(wrong, height=1, width=1).int())

# %% [markdown]
# The first row is no longer empty: R, which comes first, now reads R and G of its own pixel. In training,
# the loss of this model would be too good, as with mask B in section 4.

# %%
ch02.progress()

# %% [markdown]
# ## Questions
#
# > **In words.** A friend uses mask A in *every* layer, "to be on the safe side". Nothing leaks. What
# > is lost?
# >
# > <details><summary>An answer</summary>
# >
# > The centre. From the second layer on it holds what the layer before made of the past, and mask A
# > throws that away. With each layer, pixels near the target drop out of its prediction. Draw the
# > influence map: with two 3×3 layers, the pixels on the left and on the upper right are lost.
# >
# > </details>
#
# > **In words.** Why can batch normalisation break causality in train mode and not in eval mode?
# >
# > <details><summary>An answer</summary>
# >
# > In train mode the mean and the variance are taken over all positions of the image, the future
# > among them, and every output is shifted and scaled by them. In eval mode they are stored
# > constants. A causality test in eval mode alone sees nothing.
# >
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN eq. 1 | $p(x)$ as a product in raster order | section 1, exercise 2.1 | `causal_mask` |
# | PixelRNN eq. 2 | R, then G, then B | section 7, exercise 2.5 | `color_causal_mask` |
# | PixelRNN sec. 3.4 | masks A and B | sections 2 and 4 | `MaskedConv2d` |
# | Gated PixelCNN eq. 1 | the same product | section 3, influence matrix | `influence_matrix` |
# | Gated PixelCNN sec. 2.2, fig. 1 | the blind spot | section 5 | `blind_spot` |
#
# **Next:** [03 · PixelCNN](03_pixelcnn.ipynb) makes a whole model out of these layers.
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016, arXiv
#    1601.06759.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
