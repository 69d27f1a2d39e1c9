# %% [markdown]
# # 08 · PixelRNN: the recurrent models, and what they see
#
# [← 07 · What a likelihood is good for](07_what_a_likelihood_is_good_for.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [09 · Autoencoders and the ELBO →](09_autoencoders_and_the_elbo.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/08_pixelrnn.ipynb)
#
# The paper that brought PixelCNN had two other models in it, and they came first: networks that carry
# the past of a pixel in the memory of an LSTM. This chapter builds both and sets PixelCNN beside them:
# what each can see, what a step costs, and what they learn. It is optional: no later chapter needs it.
#
# **By the end you will have**
#
# - a Row LSTM and a Diagonal BiLSTM, and the skewed image that the second one runs over;
# - a map of what each of three networks can see, and a wrong way that lets a pixel see itself;
# - the time of a training step, a race against the clock, and a small world in which one of the three
#   wins outright.
#
# **You need** chapters 01 (bits/dim), 02 (masks, the influence matrix) and 03 (PixelCNN).
#
# **Time** about forty minutes of reading and exercises; running everything takes about two minutes on
# a laptop and no GPU.

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
from tutorial_lib.exercises import ch08


@dataclass
class Settings:
    n_train: int  # images of the race
    n_held_out: int
    sides: tuple[int, ...]  # of the images whose steps are timed
    race_seconds: float  # of training, for each of three networks
    toy_steps: int


settings = profiles.choose(
    smoke=Settings(256, 50, (4, 6), 0.5, 20),
    laptop=Settings(4000, 250, (7, 14, 28), 15.0, 200),
    gpu=Settings(9000, 250, (7, 14, 28, 56), 20.0, 300),
)
settings

# %% [markdown]
# ## Where this ends
#
# Three networks, and one pixel, outlined. Blue is what its prediction reads; orange is what it should
# read and cannot. All have two layers, and a first layer of 3×3, to make the difference plain.

# %%
import matplotlib.pyplot as plt
import torch

from tutorial_lib.notebook import show_influence
from tutorial_lib.pixels import DiagonalBiLSTM, PixelCNN, RowLSTM, blind_spot, influence_matrix

KINDS = {
    "PixelCNN": (PixelCNN, 5),
    "Row LSTM": (RowLSTM, 2),
    "Diagonal BiLSTM": (DiagonalBiLSTM, 2),
}


def build(name, n_levels=2, **options):
    """One of the three; the same seed for each."""
    torch.manual_seed(0)
    kind, n_layers = KINDS[name]
    return kind(n_levels=n_levels, n_channels=32, **{"n_layers": n_layers, **options})


# %%
side, target = 11, (8, 5)
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
for ax, name in zip(axes, KINDS, strict=True):
    reads = influence_matrix(build(name, n_layers=2, first_kernel_size=3), side, side, n_probes=1)
    show_influence(reads[target[0] * side + target[1]], side, side, target, ax=ax)
    ax.set_title(f"{name}\n{blind_spot(reads):.0%} of the past unread", fontsize=9)

# %% [markdown]
# The CNN sees a few rows and a wedge is missing; the Row LSTM sees up to the top, inside its triangle;
# the Diagonal BiLSTM sees everything. No orange: the whole past, as the chain rule asks.
#
# ## 1 · A memory that runs over the image
#
# PixelCNN is the plainest model of its paper. The two that come before it there carry the past in
# the memory of an LSTM. One line of pixels is updated at a time, from the line before it (equation
# 3 of the PixelRNN paper):
#
# $$[o, f, i, g] = K^{ss} * h_{\text{before}} + K^{is} * x \qquad
#   c = \sigma(f) \odot c_{\text{before}} + \sigma(i) \odot \tanh(g) \qquad
#   h = \sigma(o) \odot \tanh(c)$$
#
# h is what the LSTM of a pixel shows (its *hidden state*), c what it keeps (its *memory*). f says
# how much of the old memory stays, i how much of the new value g is written, o how much is shown; σ
# puts each of them between 0 and 1, and ⊙ multiplies number by number. *ss* is state to state, *is*
# input to state.
#
# K^is reads the image like a masked convolution and needs no recurrence. K^ss reads the state of
# the line before, and there the reach comes from: a state that has read a state that has read a
# state.
#
# ### The Row LSTM: a line is a row

# %%
from torch import nn
from torch.nn import functional as F

from tutorial_lib.pixels import MaskedConv2d, RowLSTMLayer, as_model, influence_map

figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
layers = {
    "masked 3×3 convolution": MaskedConv2d(1, 4, 3, mask_type="B"),
    "Row LSTM, k = 3": RowLSTMLayer(1, 4, 3),
    "Row LSTM, k = 5": RowLSTMLayer(1, 4, 5),
}
for ax, (name, layer) in zip(axes, layers.items(), strict=True):
    reads = influence_map(as_model(layer), 9, 11, target=(7, 5))[0] != 0
    show_influence(reads.flatten(), 9, 11, (7, 5), ax=ax).set_title(name, fontsize=9)

# %% [markdown]
# *One* layer each (of type B, so it reads its own pixel: it works on features). The convolution
# reads its window. The Row LSTM reads a triangle all the way to the top (section 3.1 and figure 4
# of the paper): k//2 columns wider on each side for each row up, and k//2 more on the left, from
# K^is. In its own row it reads only k//2 pixels to the left; more layers mend that. What lies
# beside the triangle on the right, no number of layers brings back.
#
# ### Diagonals
#
# To lose nothing, update along diagonals: all pixels with the same row + column, from the lower
# left to the upper right. The pixel above and the pixel to the left both lie on the diagonal
# before, and between them they know everything above and to the left. Diagonals are awkward to
# index, columns are not, so the image is **skewed**.

# %%
from tutorial_lib.notebook import diagrams

diagrams.skewing()

# %% [markdown]
# ### Exercise 8.1

# %%
ch08.skew.card()


# %%
def skew(features: torch.Tensor) -> torch.Tensor:
    """Move row i right by i places, for each i, with zeros where nothing comes to lie.

    features  (B, C, H, W)
    returns   (B, C, H, W + H - 1)

    By hand: 1 2 3    ->   1 2 3 0
             4 5 6         0 4 5 6
    """
    ____


skew = ch08.skew.check(skew)

# %%
numbered = torch.arange(1.0, 21).view(1, 1, 4, 5)
diagonal = torch.arange(4.0)[:, None] + torch.arange(5) + 1
pairs = {"the image": (numbered, diagonal), "skewed": (skew(numbered), skew(diagonal[None, None]))}
figure, axes = plt.subplots(1, 2, figsize=(7, 2.3), layout="tight", width_ratios=[5, 8])
for ax, (name, (values, colors)) in zip(axes, pairs.items(), strict=True):
    values, colors = values[0, 0], colors.reshape(values.shape[-2:])
    ax.imshow(torch.where(colors > 0, colors, float("nan")), cmap="Set3", vmin=1, vmax=12)
    for row, column in values.nonzero().tolist():
        ax.text(column, row, int(values[row, column]), ha="center", va="center")
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)

# %% [markdown]
# Each colour is a diagonal on the left and a column on the right. Pixel 13 needs 8, above it, and
# 12, to its left: both stand in the column before its own, one row up and in the same row. A step
# of the LSTM is a convolution along that column with two taps, and it updates a whole column at
# once.
#
# Afterwards everything has to go back, and beside the image there are now states instead of zeros.
#
# ### Exercise 8.2

# %%
ch08.unskew.card()


# %%
def unskew(skewed: torch.Tensor) -> torch.Tensor:
    """Move row i back left by i places, and drop what lies beside the image: undoes `skew`.

    skewed   (B, C, H, S) with S = W + H - 1 columns; beside the image there may be any numbers
    returns  (B, C, H, W)

    By hand: 1 2 3 7    ->   1 2 3
             8 4 5 6         4 5 6
    """
    ____


unskew = ch08.unskew.check(unskew)

# %% [markdown]
# ### Two directions, and a wrong way on purpose
#
# One LSTM that runs from the left knows what is above and to the left. A second one on the mirrored
# image, running from the right, knows what is above and to the right. But in its own row it has met
# the pixels to the *right*, which are not drawn yet. The paper's remedy (section 3.2): move the
# output of the second direction down by one row, so that row i gets what was known in row i−1.
#
# > **Predict.** Leave the move out. What will the influence matrix show?
# > <details><summary>A way to think about it</summary>The second direction reads features. The
# > features of the right neighbour know the pixel that is to be predicted.</details>

# %%
from tutorial_lib.notebook import show_mask
from tutorial_lib.pixels import DiagonalBiLSTMLayer, run_diagonally


class NotMovedDown(DiagonalBiLSTMLayer):
    def forward(self, features):
        images = [features, features.flip(-1)]
        left, right = run_diagonally([self.from_left, self.from_right], images)
        return left + right.flip(-1)


torch.manual_seed(0)
kinds = {"moved down": DiagonalBiLSTMLayer, "not moved": NotMovedDown}
stacks = {
    name: as_model(
        nn.Sequential(
            MaskedConv2d(1, 4, 3, mask_type="A"), kind(4, 4), MaskedConv2d(4, 2, 1, mask_type="B")
        )
    )
    for name, kind in kinds.items()
}
figure, axes = plt.subplots(1, 4, figsize=(7, 2.2), layout="tight")
for pair, (name, stack) in zip(axes.reshape(2, 2), stacks.items(), strict=True):
    reads = influence_matrix(stack, 4, 5)
    show_mask(reads, ax=pair[0]).set_title(f"{name}\ncausal: {torch.equal(reads, reads.tril(-1))}")
    show_influence(reads[2 * 5 + 2], 4, 5, (2, 2), ax=pair[1]).set_title("pixel (2, 2)")

# %% [markdown]
# Without the move, the matrix spills over its diagonal, and the map shows the outlined pixel itself
# and its right neighbour in blue: it copies, as type B did in chapter 02. A second witness is the
# sum over all images. What leaks is no product of conditionals, so nothing makes it add up to 1:

# %%
from tutorial_lib.pixels import total_probability

for name, stack in stacks.items():
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in stack.double().parameters():  # as wild as training may make them
            parameter.copy_(2 * torch.randn(parameter.shape, generator=noise))
    print(f"{name:10}: all 2×3 images sum to {total_probability(stack, 2, 3):.6f}")

# %% [markdown]
# (With the move, one thing is still orange: the last pixel of the row above. An output reads
# features that know the pixels *before* their own, and the last pixel of a row has no right
# neighbour whose features could know it. The library's `DiagonalBiLSTM` adds a column of zeros at
# the right edge for that, and cuts it off at the end; the module says where else it deviates from
# the paper.)
#
# ## 2 · Three networks side by side
#
# The same first layer and head, about as many weights. The first figure shows what they can see.
# What does a step cost, and what do they learn?

# %%
for name in KINDS:
    model = build(name)
    total = total_probability(model.double(), 2, 3)
    n_weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"{name:16} {n_weights:6,} weights; all 2×3 images sum to {total:.6f}")

# %% [markdown]
# ### What a step costs
#
# > **Predict.** A convolution computes all pixels at once. A Row LSTM has to go through the rows
# > one after the other, a Diagonal BiLSTM through the diagonals. How many steps, one waiting for
# > the other, does one layer take on an image of 28×28?
# > <details><summary>A way to think about it</summary>One for the convolution, 28 rows, and as many
# > diagonals as a skewed image has columns.</details>

# %%
import time

from tutorial_lib.pixels import nll_nats

device = profiles.device()


def seconds_per_step(model, side, n_steps=3):
    """Forward, backward on 16 random images; the fastest of a few, after one to warm up."""
    levels = torch.randint(model.n_levels, (16, 1, side, side), device=device)
    times = []
    for _ in range(n_steps + 1):
        began = time.perf_counter()
        model.zero_grad()
        nll_nats(model(levels), levels).mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return min(times[1:])


step_times = {
    name: [seconds_per_step(build(name).to(device), side) for side in settings.sides]
    for name in KINDS
}
largest = settings.sides[-1]
waiting = {"PixelCNN": 1, "Row LSTM": largest, "Diagonal BiLSTM": 2 * largest}
for name, times in step_times.items():
    ratio = times[-1] / step_times["PixelCNN"][-1]
    print(f"{name:16} steps in a row for each layer: {waiting[name]:2}; ", end="")
    print(f"time of a training step at {largest}×{largest}: {ratio:.1f} times PixelCNN's")

# %% tags=["nbval-ignore-output"]
from tutorial_lib.notebook import show_curves

ax = show_curves(
    {name: (settings.sides, [1000 * t for t in times]) for name, times in step_times.items()},
    xlabel="side of the image (pixels)",
    ylabel="ms per training step",
)
ax.set(xticks=settings.sides, ylim=(0, None));

# %% [markdown]
# The order is that of the steps in a row. How far apart the lines lie depends on the machine. A
# processor of a few cores has enough to do with every single row, so waiting costs little there. A
# GPU has room for many more pixels at once, so there the waiting counts for more: run this cell on
# one. (The diagonals are two sides, one more than the skewed image has columns, because the library
# adds its column of zeros.)
#
# ### What they learn in the same time
#
# Garments in 16 levels, averaged down to 14×14, the same batches in the same order. The clock runs
# during training only.

# %%
from tutorial_lib import data
from tutorial_lib.pixels import bits_per_dim


def halved(levels):
    """28×28 at 256 levels to 14×14 at 16: the mean of each 2×2 square, in sixteenths."""
    return (F.avg_pool2d(levels.float(), 2) // 16).long()


@torch.inference_mode()
def held_out_bits(model, images, batch_size=250):
    """What images cost under a model, in bits/dim: the mean over all of them."""
    costs = [nll_nats(model(part), part) for part in images.split(batch_size)]
    return bits_per_dim(torch.cat(costs).mean().item(), images[0].numel())


def race(model, seconds, n_scores=8, learning_rate=3e-3):
    """Train for so many seconds: rows of (seconds, steps, held-out bits/dim)."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    batches = torch.Generator().manual_seed(0)
    clock, steps, rows = 0.0, 0, []
    # A score at 0, 1/8, ..., 8/8 of the time; goes on until the last one is taken.
    while clock < seconds or len(rows) <= n_scores:
        if clock >= len(rows) * seconds / n_scores:
            rows.append((clock, steps, held_out_bits(model, small_test)))
        began = time.perf_counter()
        levels = small_train[torch.randint(len(small_train), (32,), generator=batches)].to(device)
        loss = nll_nats(model(levels), levels).mean() / levels[0].numel()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()  # waits until a GPU is done
        clock, steps = clock + time.perf_counter() - began, steps + 1
    return rows


garments = data.load("fashion-mnist-sample")
small_train = halved(garments.train.subset(settings.n_train).levels)
small_test = halved(garments.test.subset(settings.n_held_out).levels).to(device)
raced = {name: race(build(name, 16).to(device), settings.race_seconds) for name in KINDS}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="tight", sharey=True)
for ax, (column, label) in zip(
    axes, ((0, "seconds of training"), (1, "training steps")), strict=True
):
    curves = {
        name: ([r[column] for r in rows[1:]], [r[2] for r in rows[1:]])
        for name, rows in raced.items()
    }
    show_curves(curves, xlabel=label, ylabel="held-out bits/dim", ax=ax).set_xlim(0, None)
    ax.label_outer()
for name, rows in raced.items():
    seconds, steps, bits = rows[-1]
    print(f"{name:16} {steps:5} steps in {seconds:3.0f} s, {bits:.3f} bits/dim")

# %% [markdown]
# Read both panels. On the left the clock decides: a network that steps faster has seen more images.
# On the right each has had the same images, so compare the order of the curves in the two. As long
# as one of them still falls, these are prices of *unfinished* networks, and some seconds of
# training do not settle which is best in the end.
#
# ### A world in which it is settled
#
# So let us make a world in which the answer is known. Binary images; every pixel is a copy of the
# one **a row up and two columns to the right**. Only the first row and the last two columns are
# coin tosses.
#
# > **Predict.** One layer each, behind a first layer of 3×3; k = 3 for the CNN and the Row LSTM,
# > two taps for the Diagonal BiLSTM. Which of the three can learn it? What will the others pay?
# > <details><summary>A way to think about it</summary>Two columns on in the row above: look at the
# > maps above, at that very place.</details>

# %%
from tutorial_lib.notebook import show_images


def copying_world(n, height=6, width=8):
    levels = torch.randint(2, (n, 1, height, width))
    for row in range(1, height):
        levels[:, :, row, :-2] = levels[:, :, row - 1, 2:]
    return levels


torch.manual_seed(0)
toy = copying_world(8)
n_tosses = 6 * 8 - 5 * 6
print(f"{n_tosses} of 48 pixels are tosses: nobody can pay less than {n_tosses / 48:.3f} bits/dim")
show_images(toy, n_levels=2, n_columns=8, gutter=0.7);

# %%
toy_test = copying_world(500).to(device)
learned = {name: [] for name in KINDS}
for name, rows in learned.items():
    model = build(name, n_layers=1, first_kernel_size=3).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for number in range(settings.toy_steps + 1):
        if number % 10 == 0:
            rows.append((number, held_out_bits(model, toy_test, 500)))
        levels = copying_world(32).to(device)
        optimizer.zero_grad()
        nll_nats(model(levels), levels).mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
ax = show_curves(
    {name: list(zip(*rows, strict=True)) for name, rows in learned.items()},
    xlabel="training step",
    ylabel="held-out bits/dim",
)
ax.lines[1].set_linestyle("--")  # it lies on the first
ax.axhline(n_tosses / 48, color="#d62728", ls=":", label="floor")
ax.legend(loc="upper right", bbox_to_anchor=(1, 0.85))
ax.set_ylim(0, 1.1);

# %% [markdown]
# Two of the three pay a full bit for every pixel, for ever: to them this world is noise. The one
# pixel that decides lies in their blind spot, and no training helps. The Diagonal BiLSTM comes down
# to the floor, or close to it.
#
# > **From the reading notes.** *PixelCNN is faster to train "but it is less effective".* Why, and
# > is it?
# >
# > *Faster*: measured above. A layer computes all pixels at once, where the LSTMs wait for the row
# > or the diagonal before.
# >
# > *Less effective*: its view is **bounded** (so many rows up and no further), it is
# > **blind-spotted** (the wedge stays, however deep the stack; in the copying world that alone
# > costs everything), and it has **no gates**: an LSTM multiplies what it has read by what it has
# > decided, a ReLU network has to build a product out of sums and kinks. The paper's numbers after
# > full training on CIFAR-10 hold all three, and whatever else differs between the networks: 3.14
# > bits/dim for PixelCNN, 3.00 for PixelRNN (Gated PixelCNN paper, table 1). On garments, where
# > nearly everything a pixel needs stands next to it, and after seconds of training, the order may
# > be another: less effective is a statement about the end of training, not about the first minute.
# > Chapter 04 takes away the wedge, adds gates, and keeps the speed.

# %%
ch08.progress()

# %% [markdown]
# > **In words.** A Diagonal BiLSTM has the whole past in view in one layer. Why stack several?
# > <details><summary>An answer</summary>To see is not to understand. What arrives from far away has
# > been squeezed through a state of a few dozen numbers at every step. More layers may first turn
# > pixels into edges and parts, and then carry those.</details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN sec. 3.1, eq. 3 | Row LSTM | section 1 | `RowLSTMLayer`, `RowLSTM` |
# | PixelRNN sec. 3.2, fig. 3 | Diagonal BiLSTM, skewing, the move down | section 1, exercises 8.1 and 8.2 | `skew`, `unskew`, `DiagonalBiLSTM` |
# | PixelRNN sec. 3.5, table 1 | the three networks of the paper | first figure, section 2 | `PixelCNN`, `RowLSTM`, `DiagonalBiLSTM` |
#
# Before: [07 · What a likelihood is good for](07_what_a_likelihood_is_good_for.ipynb). Next:
# [09 · Autoencoders and the ELBO](09_autoencoders_and_the_elbo.ipynb), with which the codes begin. All
# chapters: [00 · Start here](00_start_here.ipynb).
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016,
#    arXiv 1601.06759.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. S. Hochreiter, J. Schmidhuber: *Long Short-Term Memory*, 1997.
