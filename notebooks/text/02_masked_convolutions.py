# %% [markdown]
# # 02 · Masked convolutions: who may look at whom
#
# [← 01 · Images as sequences](01_images_as_sequences.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [03 · PixelCNN →](03_pixelcnn.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/02_masked_convolutions.ipynb)
#
# A convolution reads in all directions. A model that guesses the next pixel must not. Between the two
# stands a mask of zeros and ones, a dozen characters of code, and a surprising number of ways to get
# it wrong. This chapter builds the mask, and an instrument that sees every one of those mistakes.
#
# **By the end you will have**
#
# - masks of type A and B, for grey and for coloured images, and a masked convolution of your own;
# - the *influence matrix*: for every output, which inputs can change it, measured by autograd;
# - found the blind spot that the second paper is about, and measured what share of the past it hides.
#
# **You need** chapter 01 (the chain rule, nats and bits) and to have used `conv2d`.
#
# **Time** about an hour of reading and exercises; running everything takes two minutes on a laptop and
# no GPU.

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

# %% [markdown]
# ## Where this ends
#
# One picture, which you will be able to draw and explain by the end. The pixel outlined in red is
# about to be predicted. Blue pixels can influence the prediction; grey ones must not, they have not
# been drawn yet. And the orange ones? (`as_model` tells the instrument that a plain stack of layers is to be
# read as a model of images; `influence_matrix` is explained in section 3.)

# %%
from torch import nn

from tutorial_lib.notebook import show_influence
from tutorial_lib.pixels import MaskedConv2d, as_model, influence_matrix

layers = [MaskedConv2d(1, 8, 3, mask_type="A")]
layers += [MaskedConv2d(8, 8, 3, mask_type="B") for _ in range(3)]
stack = nn.Sequential(*layers)
reads = influence_matrix(as_model(stack), height=9, width=9)
show_influence(reads[6 * 9 + 4], 9, 9, target=(6, 4));

# %% [markdown]
# ## 1 · The past of a pixel
#
# Chapter 01 wrote the probability of an image as a product over pixels in *raster order*, row by row
# and left to right:
#
# $$p(x) = \prod_{i} p(x_i \mid x_1, \dots, x_{i-1})$$
#
# Number the pixels of a small image in that order. A pixel's past is everything with a smaller number.

# %% tags=["nbval-check-output"]
import torch

order = torch.arange(20).view(4, 5)
print(order)
print("the past of the pixel in row 2, column 1:")
print((order < order[2, 1]).int())

# %% [markdown]
# All rows above in full, and its own row up to but not including itself. A convolution sees a small
# window of that pattern: the window's centre is the pixel to be predicted, the taps above may be
# read, the taps to the left in the middle row may be read, and the rest may not.

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import causal_mask

print(causal_mask(5, include_center=False).int())

# %% [markdown]
# The centre is the delicate tap. In the first layer it holds the very pixel to be predicted, so it has
# to be 0: **type A**. From the second layer on, the centre holds *features*, and these were computed
# from the past alone; now it may be read, and it has to be, or each layer would lose the latest news:
# **type B**.

# %%
import matplotlib.pyplot as plt

from tutorial_lib.notebook import show_mask

figure, axes = plt.subplots(1, 4, figsize=(7, 2), layout="tight")
shapes = [(3, "A"), (3, "B"), (5, "A"), (5, "B")]
for ax, (size, kind) in zip(axes, shapes, strict=True):
    show_mask(causal_mask(size, include_center=kind == "B"), ax=ax)
    ax.set_title(f"{size}×{size}, type {kind}")

# %% [markdown]
# ### Exercise 2.1

# %%
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

# %% [markdown]
# This is such a kernel on its way over a small image, at three of its pixels.

# %%
from tutorial_lib.notebook import diagrams

picture = torch.arange(35).view(5, 7) / 34  # five rows, seven columns, from black to white
diagrams.sliding_mask(MaskedConv2d(1, 1, 3, mask_type="A"), picture)

# %% [markdown]
# ## 2 · A kernel with a mask
#
# Now use it. Take an image that is black but for one pixel, a kernel of ones, and multiply the mask
# in.
#
# > **Predict.** The mask reads *up and to the left*. Where in the output will the single pixel be
# > heard?
# > <details><summary>A way to think about it</summary>
# >
# > An output reads the row above it, and the pixel on its left. So which outputs read this pixel?
# > Those that have it above them, or on their left.
# >
# > </details>

# %% tags=["nbval-check-output"]
from torch.nn import functional as F

impulse = torch.zeros(1, 1, 5, 7)
impulse[0, 0, 2, 3] = 1
kernel = torch.ones(1, 1, 3, 3)
heard = F.conv2d(impulse, kernel * causal_mask(3, include_center=False), padding="same")
print(heard[0, 0].int())

# %% [markdown]
# On the right, and in the row below: the mask turned by 180°. An output reads *above* itself, so a
# pixel is heard *below* itself. Whoever mixes up these two pictures writes a flipped mask, and with
# a symmetric test image nobody notices.
#
# ### The wrong way to multiply
#
# Many implementations write the mask into the weights on every forward pass, `weight.data *= mask`.
# The output is right. Look at the gradient.

# %%
mask = causal_mask(3, include_center=False)
image = torch.rand(1, 1, 5, 7)

written_in = torch.ones(1, 1, 3, 3, requires_grad=True)
written_in.data *= mask
F.conv2d(image, written_in, padding="same").sum().backward()

multiplied = torch.ones(1, 1, 3, 3, requires_grad=True)
F.conv2d(image, multiplied * mask, padding="same").sum().backward()

print("mask written into the weights, gradient:\n", written_in.grad[0, 0].numpy().round(1))
print("mask multiplied on the way, gradient:\n", multiplied.grad[0, 0].numpy().round(1))

# %% [markdown]
# Written in, the forbidden taps receive gradients as large as the others. They are wiped out before
# the next forward pass, so the model stays causal; but until then they count in the gradient norm that
# clipping looks at, and the optimiser keeps averages of them. Multiplied on the way, they are exactly
# 0. Let the mask be part of the computation, not an edit of the parameters.
#
# ### Exercise 2.2

# %%
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
# The library's `MaskedConv2d` is this function with its weights around it:

# %% tags=["nbval-check-output"]
layer = MaskedConv2d(1, 1, 3, mask_type="A")
same = torch.allclose(layer(image), masked_conv2d(image, layer.weight, layer.bias, layer.mask))
print("layer and function agree:", same)

# %% [markdown]
# ## 3 · An instrument: influence, by autograd
#
# How would you *know* that a network of twenty layers keeps to the order? Reading the code is how the
# bugs got in. Ask the derivative instead: if the gradient of output i with respect to input j is
# zero, whatever the input, then i does not depend on j.
#
# One output of an ordinary convolution first, and of a masked one.

# %%
torch.manual_seed(0)
plain = nn.Conv2d(1, 1, 3, padding="same")
masked = MaskedConv2d(1, 1, 3, mask_type="A")
figure, axes = plt.subplots(1, 2, figsize=(7, 2.2), layout="constrained")
for ax, (name, layer) in zip(axes, {"ordinary": plain, "type A": masked}.items(), strict=True):
    x = torch.rand(1, 1, 5, 7, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[0, 0, 2, 3], x)
    picture = ax.imshow(gradient[0, 0].abs(), cmap="viridis", vmin=0, vmax=0.35)
    ax.add_patch(plt.Rectangle((2.5, 1.5), 1, 1, fill=False, ec="#d62728", lw=2))
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(picture, ax=axes, label="|gradient| of the outlined output");

# %% [markdown]
# ### Exercise 2.3
#
# The same for any model: which pixels can move one output?

# %%
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
# Do that for every output and stack the answers: the **influence matrix**, a row for each output, a
# column for each input, both in raster order. "Nothing sees itself or the future" is now a statement
# that a program can check: the matrix is strictly lower triangular.

# %%
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
trio = {
    "ordinary": plain,
    "one layer, type A": masked,
    "four layers, A B B B": stack,
}
for ax, (name, layer) in zip(axes, trio.items(), strict=True):
    matrix = influence_matrix(as_model(layer), height=5, width=7)
    causal = torch.equal(matrix, matrix.tril(-1))
    show_mask(matrix, ax=ax).set(title=f"{name}\ncausal: {causal}", xlabel="input", ylabel="output")

# %% [markdown]
# The diagonal bands are the rows of the image: an output reads its own row, the row above, the row
# above that. Everything on or right of the main diagonal would be a leak.
#
# ## 4 · A wrong way, on purpose: type B first
#
# Suppose somebody uses type B in the first layer. The code runs, the shapes fit. Train both versions on
# black-and-white garments: three masked layers, a few epochs.
#
# > **Predict.** Which one reaches the lower bits/dim?
# > <details><summary>A way to think about it</summary>With B first, the centre tap shows the network
# > the pixel that it is asked to predict.</details>

# %%
from tutorial_lib import data
from tutorial_lib.pixels import bits_per_dim, nll_nats
from tutorial_lib.training import FitConfig, fit

garments = data.load("fashion-mnist-sample")
binary = (garments.train.levels[: settings.n_images] > 127).to(torch.uint8)


def small_stack(first_type):
    torch.manual_seed(0)
    return as_model(
        nn.Sequential(
            MaskedConv2d(1, 16, 5, mask_type=first_type),
            nn.ReLU(),
            MaskedConv2d(16, 16, 3, mask_type="B"),
            nn.ReLU(),
            MaskedConv2d(16, 2, 1, mask_type="B"),  # two logits: black, white
        )
    )


# %%
def step(model, levels):
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    return {"loss": nats / 784, "bits/dim": bits_per_dim(nats, 784)}


config = FitConfig(epochs=settings.epochs, batch_size=32, learning_rate=1e-2)
right, leaky = small_stack("A"), small_stack("B")
histories = {
    "type A first": fit(right, step, (binary,), config),
    "type B first": fit(leaky, step, (binary,), config),
}
for name, history in histories.items():
    print(f"{name}: {history.rows[-1]['bits/dim']:.4f} bits/dim at the end")

# %%
from tutorial_lib.notebook import show_curves

ax = show_curves(
    {
        name: ([r["step"] for r in history.rows], [r["bits/dim"] for r in history.rows])
        for name, history in histories.items()
    },
    xlabel="training step",
    ylabel="bits/dim",
)
ax.set_yscale("log")

# %% [markdown]
# Type B wins by orders of magnitude and goes on winning. **Why is this too good?** It copies: the
# answer lies in the input. No test set would tell, since the leak is there too. Two things do tell.
# One is the influence matrix, before any training:

# %% tags=["nbval-check-output"]
for name, model in {"type A first": right, "type B first": leaky}.items():
    matrix = influence_matrix(model, height=5, width=7, n_probes=1)
    print(f"{name}: {matrix.diagonal().sum().item()} of 35 outputs see their own pixel")

# %% [markdown]
# The other is drawing. While an image is being sampled, the pixel to be drawn is not there yet; the
# leaky model looks at the place, finds a 0, and copies the 0.

# %%
from tutorial_lib.notebook import show_images
from tutorial_lib.sampling import sample

noise = torch.Generator().manual_seed(0)
uniforms = torch.rand(8, 1, 28, 28, generator=noise, dtype=torch.float64)
drawn = [sample(m, (8, 1, 28, 28), uniforms=uniforms) for m in (right, leaky)]
names = ["A first", "B first"]
show_images(torch.cat(drawn), n_levels=2, n_columns=8, row_labels=names);

# %% [markdown]
# The honest model draws blobs with something of a garment's mass (it has three small layers and sees
# little). The one with the splendid bits/dim draws nothing.
#
# ## 5 · Does the stack see *all* of the past?
#
# Never the future: settled. But the chain rule conditions on **all** earlier pixels, so ask the other
# half of the question.
#
# > **Predict.** A 9×9 image, four masked 3×3 layers, the pixel at row 6, column 4. It has 58 earlier
# > pixels. How many of them can reach it?
# > <details><summary>A way to think about it</summary>
# >
# > Follow a message from the upper right. Each layer can carry it one row down and, *while it moves
# > down*, one column to the left. Along its own row it can only travel to the right.
# >
# > </details>

# %% tags=["nbval-check-output"]
reads = influence_matrix(as_model(stack), height=9, width=9)
target = 6 * 9 + 4
past = torch.ones_like(reads).tril(-1)
print(f"{reads[target].sum()} of {past[target].sum()} earlier pixels are read")

# %%
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
for ax, place in zip(axes, [(6, 4), (6, 1), (3, 6)], strict=True):
    show_influence(reads[place[0] * 9 + place[1]], 9, 9, place, ax=ax).set_title(f"{place}")

# %% [markdown]
# Orange is past that never arrives. Part of it is a matter of depth: four layers reach four rows up.
# But look at the wedge to the upper right of the red outline, beginning in the row above, two columns on. A message
# from there would have to move left without moving down, or two columns left for each row down, and
# no tap of the mask does that. This is the **blind spot** of the gated PixelCNN paper (section 2.2 and
# figure 1), found by measurement.
#
# Does depth cure it?

# %%
from tutorial_lib.pixels import blind_spot

side = settings.side
shares = {}
for kernel_size in (3, 5):
    for depth in settings.depths:
        layers = [MaskedConv2d(1, 2, kernel_size, mask_type="A")]
        layers += [MaskedConv2d(2, 2, kernel_size, mask_type="B") for _ in range(depth - 1)]
        matrix = influence_matrix(as_model(nn.Sequential(*layers)), side, side, n_probes=1)
        shares.setdefault(kernel_size, []).append(blind_spot(matrix))
for kernel_size, values in shares.items():
    print(f"{kernel_size}×{kernel_size} kernels:", "  ".join(f"{v:.1%}" for v in values))

# %%
ax = show_curves(
    {f"{k}×{k} kernels": (settings.depths, [100 * v for v in vs]) for k, vs in shares.items()},
    xlabel="layers",
    ylabel="past never read (%)",
)
ax.set(xscale="log", xticks=settings.depths, xticklabels=settings.depths, ylim=(0, None));

# %% [markdown]
# It falls, then it stops falling. What is left is not a matter of depth: it is the shape of the mask.
# A wider kernel tilts the wedge (a 5×5 mask can step two columns a row) and does not close it. Chapter
# 04 closes it, with two stacks.
#
# Why does depth not help? Follow a message on its way to a pixel. In each layer it can go down, to
# the right, or down and to the left by one column. Never can it go to the left within a row.

# %%
diagrams.paths_of_messages()

# %% [markdown]
# ### Exercise 2.4

# %%
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

# %% [markdown]
# ### Turn the knobs
#
# Kernel size, number of layers, and the type of the first layer. With "B", watch the red outline turn
# blue.

# %%
from tutorial_lib.notebook.widgets import mask_explorer

mask_explorer()

# %% [markdown]
# The same as a still, for readers without a running kernel: more layers from left to right, 3×3 above
# and 5×5 below.

# %%
from tutorial_lib.notebook.widgets import draw_mask_explorer

figure, axes = plt.subplots(2, 4, figsize=(7, 3.8), layout="tight")
for row, kernel_size in zip(axes, (3, 5), strict=True):
    for ax, depth in zip(row, (1, 2, 4, 8), strict=True):
        draw_mask_explorer(kernel_size, depth, "A", ax=ax)
        ax.set_title(f"{kernel_size}×{kernel_size}, {depth} layers", fontsize=8)


# %% [markdown]
# ## 6 · Why tests use images that are not square
#
# Here is a line with a mistake that is easy to make. It shifts features down by padding a row at
# the top and cutting the surplus off again, and it cuts with the wrong side.

# %% tags=["nbval-check-output"]
def shift_down_with_a_bug(features):
    width = features.shape[3]
    return F.pad(features, (0, 0, 1, 0))[:, :, :width]


for height, width in ((5, 5), (5, 7), (7, 5)):
    out = shift_down_with_a_bug(torch.zeros(1, 1, height, width))
    print(f"{height}×{width} in, {out.shape[2]}×{out.shape[3]} out")

# %% [markdown]
# On square images it is perfect, and MNIST, CIFAR and ImageNet crops are square. On 5×7 the
# surplus row stays; on 7×5 rows are lost. All tests of this series run on images with two
# different sides, and so should yours.
#
# ## 7 · Colour: three steps in one pixel
#
# > **From the reading notes.** *"where x_i is a single pixel"*. What is x_i when the image has colours?
# >
# > Each pixel is three numbers, and they are not independent: a bright red value makes a bright green
# > one likelier. So each pixel is three **sub-pixels**, and the chain rule visits them in turn, R, then
# > G given R, then B given R and G. An image of n×n pixels has 3n² factors. The next cell shows the
# > rule for one pixel as a matrix.
#
# Inside a network a pixel has many channels, divided into three equal groups that belong to R, G and
# B. Away from the centre, everything may read everything: earlier pixels are known in full. At the
# centre tap, the groups follow the order.

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import color_causal_mask

for kind in "AB":
    mask = color_causal_mask(3, 3, 1, n_colors=3, include_center=kind == "B")
    print(f"type {kind}, centre tap: row = output R, G, B; column = input R, G, B")
    print(mask[:, :, 0, 0].int())

# %% [markdown]
# Type A: R sees nothing of its own pixel, G sees R, B sees R and G. Type B adds the diagonal, for the
# reason it did before. And on a single pixel, the influence matrix shows where the 3×3 Jacobian of
# the colours is not zero:

# %% tags=["nbval-check-output"]
color_stack = nn.Sequential(
    MaskedConv2d(3, 48, 3, mask_type="A", n_colors=3),
    nn.ReLU(),
    MaskedConv2d(48, 48, 3, mask_type="B", n_colors=3),
    nn.ReLU(),
    MaskedConv2d(48, 3 * 4, 1, mask_type="B", n_colors=3),  # four levels a sub-pixel
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
# Strictly lower triangular, sub-pixel by sub-pixel. The small staircase on the diagonal is R→G→B. (And the
# notch beside pixel 3, the first of the second row? It does not read pixel 2, to its upper right: a small
# blind spot.)
#
# Groups are *contiguous* here: the first third of the channels is R. It could be done otherwise
# (channel 0 R, channel 1 G, channel 2 B, and around again), as long as the mask and the reshape of the
# output agree. When they do not, the network trains without complaint on the wrong conditionals:

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import StackModel


class Disagreeing(StackModel):
    """The mask groups channels, the output is read as if they were interleaved."""

    def logits_from(self, features):
        return self.stack(features).unflatten(1, (self.n_levels, self.n_colors))


wrong = Disagreeing(color_stack, n_colors=3, n_levels=4)
print(influence_matrix(wrong, height=1, width=1).int())

# %% [markdown]
# The first row is no longer empty: R, which comes first, is told about its own pixel. The instrument
# sees it at once; a loss curve would have looked very good.
#
# ### Exercise 2.5

# %%
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

# %%
ch02.progress()

# %% [markdown]
# > **In words.** A friend uses type A in *every* layer, "to be on the safe side". Nothing leaks. What
# > is lost?
# > <details><summary>An answer</summary>The centre. From the second layer on it holds what the layer
# > before made of the past, and type A throws that away: information reaches a pixel's prediction only
# > by way of neighbours, the nearest pixels are pushed out step by step, and with each layer the model
# > is told later what it already knew. Draw its influence map: the pixels next to the target go
# > first.</details>
#
# > **In words.** Why can batch normalisation break causality in train mode and not in eval mode?
# > <details><summary>An answer</summary>In train mode the mean and the variance are taken over all
# > positions of the image, the future among them, and every output is shifted and scaled by them. In eval mode
# > they are stored constants. A causality test in eval mode alone sees nothing.</details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN eq. 1 | p(x) as a product in raster order | section 1 | `causal_mask` |
# | PixelRNN eq. 2 | R, then G, then B | section 7 | `color_causal_mask` |
# | PixelRNN sec. 3.4 | masks A and B | sections 1 and 4 | `MaskedConv2d` |
# | Gated PixelCNN eq. 1 | the same product | section 3, influence matrix | `influence_matrix` |
# | Gated PixelCNN sec. 2.2, fig. 1 | the blind spot | section 5 | `blind_spot` |
#
# Next comes chapter 03, which makes a whole PixelCNN out of these layers.
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016, arXiv
#    1601.06759.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
