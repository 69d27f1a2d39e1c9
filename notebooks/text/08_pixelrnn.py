# %% [markdown]
# # 08 · PixelRNN: the recurrent models, and what they see
#
# [← 07 · What a likelihood is good for](07_what_a_likelihood_is_good_for.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [09 · Autoencoders and the ELBO →](09_autoencoders_and_the_elbo.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/08_pixelrnn.ipynb)
#
# The paper that brought PixelCNN presents two other models before it: networks that carry the past of a
# pixel in the memory of an LSTM, a recurrent layer. You build both and compare them with the
# convolutional networks: what each can see, what a training step costs, and what it learns. The chapter
# is optional: no later one needs it.
#
# **By the end you will have**
#
# - a Row LSTM and a Diagonal BiLSTM of your own, which compute what the library's compute;
# - maps of what four networks can see, and a wrong way that lets a pixel see itself;
# - a race by the clock and by steps, and a small world in which seeing decides everything.
#
# **You need** chapters 01 (bits/dim), 02 (masks, the influence matrix), 03 (PixelCNN) and 04 (the gated
# PixelCNN).
#
# **Time** about an hour and a quarter, half an hour of it for the three exercises; running everything
# takes two to three minutes on a laptop and no GPU.

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
from tutorial_lib.exercises import ch08


@dataclass
class Settings:
    n_train: int  # images of the race
    n_held_out: int
    n_drawn: int  # images that are completed
    sides: tuple[int, ...]  # of the images whose steps are timed
    race_steps: int  # of training, for each of four networks
    toy_steps: int


settings = profiles.choose(
    smoke=Settings(256, 50, 2, (4, 6), 10, 20),
    laptop=Settings(4000, 150, 8, (7, 14, 28), 150, 120),
    gpu=Settings(9000, 250, 8, (7, 14, 28, 56), 600, 300),
)
settings

# %% [markdown]
# ## Where this ends
#
# Four networks, and one pixel, outlined in red. Blue is what its prediction reads (its *receptive
# field*); orange is what it should read and cannot. All have few layers and a first kernel of 3×3, so
# that the differences are large.

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from tutorial_lib.notebook import show_influence
from tutorial_lib.pixels import (
    DiagonalBiLSTM,
    GatedPixelCNN,
    PixelCNN,
    RowLSTM,
    blind_spot,
    influence_matrix,
)

side, target = 11, (8, 5)
figure, axes = plt.subplots(1, 4, figsize=(7, 2.2), layout="tight")
for ax, kind in zip(axes, (PixelCNN, GatedPixelCNN, RowLSTM, DiagonalBiLSTM), strict=True):
    model = kind(n_channels=8, n_layers=2, first_kernel_size=3)
    reads = influence_matrix(model, side, side, n_probes=1)
    show_influence(reads[target[0] * side + target[1]], side, side, target, ax=ax)
    ax.set_title(f"{kind.__name__}\n{blind_spot(reads):.0%} unread", fontsize=8)

# %% [markdown]
# The two convolutional networks see three rows up; PixelCNN misses a wedge on the right as well. The Row
# LSTM sees up to the top, inside a triangle. The Diagonal BiLSTM sees everything: the whole past, as
# the chain rule asks. ("Unread" is the share of the past, over all pixels of the image. The gated
# PixelCNN has no wedge, but the larger share here: its first layer counts among its two, PixelCNN's
# comes before its two, so PixelCNN sees one column further.)
#
# ## 1 · A memory that runs over the image
#
# An LSTM ("long short-term memory", reference 3) goes through a sequence step by step and carries a
# memory along. Here a step of the sequence is a whole *line* of pixels: the LSTM updates all pixels of a
# line at once, from the line before it (PixelRNN paper, equation 3):
#
# $$[o, f, i, g] = K^{ss} * h_{\text{before}} + K^{is} * x \qquad
#   c = \sigma(f) \odot c_{\text{before}} + \sigma(i) \odot \tanh(g) \qquad
#   h = \sigma(o) \odot \tanh(c)$$
#
# | letter | what it is |
# |---|---|
# | $h$, the *hidden state* | what the LSTM of a pixel shows to the line after it |
# | $c$, the *memory* | what it keeps to itself |
# | $f$, $i$, $o$ | three switches: how much of the old memory stays, how much is written, how much is shown |
# | $g$ | the new value |
# | $K^{is}$, *input to state* | reads $x$, the image or the features of the layer before, like a masked convolution |
# | $K^{ss}$, *state to state* | reads the hidden states of the line before |
#
# $\sigma$ puts a switch between 0 and 1, $\odot$ multiplies number by number, and $*$ is a convolution.
# The long reach comes from $K^{ss}$ alone: each state has read the states of the line before, and these
# have read the line before theirs.

# %%
from tutorial_lib.notebook import diagrams

diagrams.lstm_line(RowLSTM(n_channels=32).blocks[0].lstm, width=28)

# %% [markdown]
# ### Exercise 8.1

# %% jupyter={"source_hidden": true} cellView="form"
ch08.lstm_step.card()


# %%
def lstm_step(
    inputs: torch.Tensor,
    hidden: torch.Tensor,
    memory: torch.Tensor,
    kernel: torch.Tensor,
    n_before: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Equation 3 for the N pixels of a line, all at once.

    inputs    (B, 4C, N)    what the line reads of the image, K_is * x, with its bias
    hidden    (B, C, N)     h of the line before
    memory    (B, C, N)     c of the line before
    kernel    (4C, C, taps) K_ss: how h of the line before is read
    n_before  how many of its taps lie before the pixel itself. Beside the line there are zeros
    returns   hidden and memory of this line, (B, C, N) each. The 4C channels are the blocks
              o, f, i, g, in this order

    By hand: B = C = N = 1, inputs = 0, kernel = 0, hidden = 5, memory = 0.8. All switches are
             sigmoid(0) = 0.5 and the new value is tanh(0) = 0, so memory becomes 0.5 * 0.8 = 0.4,
             and hidden 0.5 * tanh(0.4) = 0.19
    """
    ____


lstm_step = ch08.lstm_step.check(lstm_step)


# %% [markdown]
# The loop over the lines is the same for both models of this chapter. They differ in what a line is, and
# in which states of the line before a pixel reads.

# %%
def run_lines(inputs, kernel, n_before):
    """inputs (B, 4C, N, lines) -> hidden states (B, C, N, lines), one line after the other."""
    batch, _, length, _ = inputs.shape
    hidden = memory = inputs.new_zeros(batch, kernel.shape[1], length)
    states = []
    for line in inputs.unbind(3):
        hidden, memory = lstm_step(line, hidden, memory, kernel, n_before)
        states.append(hidden)
    return torch.stack(states, dim=3)


# %% [markdown]
# ## 2 · The Row LSTM: a line is a row
#
# The input part is one masked convolution of the whole image, $1 \times k$ and of type B, since these
# layers work on features. Then the loop goes from row to row. (`self.state` only holds the weights of
# $K^{ss}$, which `run_lines` uses.) The bias of $f$ starts at 1, so an untrained layer keeps
# $\sigma(1) \approx 0.73$ of its memory from line to line, in place of a half.

# %%
from tutorial_lib.pixels import MaskedConv2d


def forget_little(bias):
    """Sets the bias of f, the second of four blocks, to 1."""
    n_hidden = len(bias) // 4
    nn.init.ones_(bias.data[n_hidden : 2 * n_hidden])


class RowLSTMLayer(nn.Module):
    """features (B, n_in, H, W) -> hidden states (B, n_hidden, H, W), row after row"""

    def __init__(self, n_in, n_hidden, kernel_size=3):
        super().__init__()
        self.input = MaskedConv2d(n_in, 4 * n_hidden, (1, kernel_size), mask_type="B")
        self.state = nn.Conv1d(n_hidden, 4 * n_hidden, kernel_size, bias=False)
        forget_little(self.input.bias)

    def forward(self, x):
        rows = self.input(x).transpose(2, 3)  # (B, 4C, W, H): lines come last
        reach = self.state.kernel_size[0] // 2
        return run_lines(rows, self.state.weight, reach).transpose(2, 3)


# %% [markdown]
# What does *one* layer read?

# %%
from tutorial_lib.pixels import as_model, influence_map

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
# The convolution reads its window. The Row LSTM reads a triangle up to the top (section 3.1 and
# figure 4 of the paper): for each row up, $\lfloor k/2 \rfloor$ columns more on each side, and the
# $\lfloor k/2 \rfloor$ pixels to the left that $K^{is}$ reads. More layers reach further to the left
# in the pixel's own row. No number of layers recovers the pixels to the right of the triangle, since no
# Row LSTM reads more than $\lfloor k/2 \rfloor$ columns further right for a row up.
#
# ## 3 · The Diagonal BiLSTM: a line is a diagonal
#
# To lose nothing, take a diagonal for a line: all pixels with the same row + column. The pixel above
# and the pixel to the left both lie on the diagonal before, and together they know everything above and
# to the left. Columns are easier to index than diagonals, so the image is **skewed**.

# %%
diagrams.skewing()

# %% [markdown]
# Each colour is a diagonal on the left and a column on the right. Pixel 13 needs 8, above it, and 12,
# to its left: both stand in the column before its own, one row up and in the same row. So $K^{ss}$ is
# a kernel of two taps along the column, and one step updates a whole column.
#
# ### Exercise 8.2

# %% jupyter={"source_hidden": true} cellView="form"
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

# %% [markdown]
# Afterwards everything has to go back. Each place of the skewed image now holds a state, also the places
# where `skew` put zeros. The states to the left of a row stay 0, since all that they read is 0. Those to
# its right need not be 0, but no pixel of the image reads them.
#
# ### Exercise 8.3

# %% jupyter={"source_hidden": true} cellView="form"
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
# One direction is `skew`, then `run_lines` with your `lstm_step`, then `unskew`. It knows what is above
# and to the left. A second direction runs on the mirrored image, from the right, and knows what is above
# and to the right. (The "Bi" of BiLSTM stands for the two directions.) But in its own row the second
# has read the pixels to the *right*, which are not drawn yet. The paper's remedy (section 3.2): move its
# output down by one row, so that row $i$ gets what was known in row $i - 1$.

# %%
class DiagonalLSTM(nn.Module):
    """One direction: pixel (i, j) reads the states of (i, j - 1) and (i - 1, j)."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.input = nn.Conv2d(n_in, 4 * n_hidden, 1)  # of type B, since it reads one pixel
        self.state = nn.Conv1d(n_hidden, 4 * n_hidden, 2, bias=False)
        forget_little(self.input.bias)

    def forward(self, x):
        return unskew(run_lines(skew(self.input(x)), self.state.weight, n_before=1))


class DiagonalBiLSTMLayer(nn.Module):
    """Both directions: features (B, n_in, H, W) -> hidden states (B, n_hidden, H, W)"""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.from_left, self.from_right = DiagonalLSTM(n_in, n_hidden), DiagonalLSTM(n_in, n_hidden)

    def forward(self, x):
        right = self.from_right(x.flip(3)).flip(3)
        return self.from_left(x) + F.pad(right, (0, 0, 1, -1))  # one row down


# %% [markdown]
# ### A wrong way, on purpose: leave the move out
#
# > **Predict.** Without the move by one row, what will the influence matrix show?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The second direction reads features. The features of the right neighbour know the pixel that is to
# > be predicted.
# > </details>

# %%
from tutorial_lib.notebook import show_mask


class NotMovedDown(DiagonalBiLSTMLayer):
    def forward(self, x):
        return self.from_left(x) + self.from_right(x.flip(3)).flip(3)


def stack_of(layer):
    """A model of two levels: a first layer of type A, one LSTM layer, a head."""
    first, head = MaskedConv2d(1, 4, 3, mask_type="A"), nn.Conv2d(4, 2, 1)
    return as_model(nn.Sequential(first, layer, head))


stacks = {"moved": stack_of(DiagonalBiLSTMLayer(4, 4)), "not moved": stack_of(NotMovedDown(4, 4))}
figure, axes = plt.subplots(1, 4, figsize=(7, 2.2), layout="tight")
for pair, (name, stack) in zip(axes.reshape(2, 2), stacks.items(), strict=True):
    reads = influence_matrix(stack, 4, 5)
    show_mask(reads, ax=pair[0]).set_title(f"{name}\ncausal: {torch.equal(reads, reads.tril(-1))}")
    show_influence(reads[2 * 5 + 2], 4, 5, (2, 2), ax=pair[1]).set_title("pixel (2, 2)")

# %% [markdown]
# Without the move, the matrix has entries on and above its diagonal, and the map shows the outlined
# pixel itself and its right neighbour in blue. Trained like this, the model would copy, as the one with
# mask B first did in chapter 02. The sum over all images shows the mistake, too. If a pixel enters its
# own prediction, the factors are no conditionals, and nothing makes their products add up to 1:

# %%
from tutorial_lib.pixels import total_probability

for name, stack in stacks.items():
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in stack.double().parameters():  # as wild as training may make them
            parameter.copy_(2 * torch.randn(parameter.shape, generator=noise))
    print(f"{name:10}: all 2×3 images sum to {total_probability(stack, 2, 3):.6f}")


# %% [markdown]
# With the move, one pixel of the past is still orange: the last of the row above. The LSTM reads
# features, and those of a pixel know the pixels *before* it. So only the features of a right neighbour
# could know the last pixel of a row, and it has none. The remedy is a spare column of zeros at the right
# edge, which is cut off at the end. (It is not in the paper. The library has it too, and lists its other
# deviations in the module.)
#
# ## 4 · Both models, whole
#
# The rest is PixelCNN's plan with LSTM layers in place of convolutions: a first layer of type A,
# blocks that add to their input, a head (figure 5 of the paper).

# %%
class ResidualLSTM(nn.Module):
    """x plus what an LSTM layer of half the width has read, widened again"""

    def __init__(self, layer, n_channels):
        super().__init__()
        self.lstm = layer(n_channels, n_channels // 2)
        self.widen = nn.Conv2d(n_channels // 2, n_channels, 1)

    def forward(self, x):
        return x + self.widen(self.lstm(x))


class PixelRNN(nn.Module):
    """levels (B, 1, H, W) -> logits (B, L, 1, H, W), with RowLSTMLayer or DiagonalBiLSTMLayer"""

    def __init__(self, layer, n_levels=16, n_channels=32, n_layers=2, first_kernel_size=7):
        super().__init__()
        self.n_levels, self.spare = n_levels, int(layer is DiagonalBiLSTMLayer)
        self.first = MaskedConv2d(1, n_channels, first_kernel_size, mask_type="A")
        self.blocks = nn.Sequential(*(ResidualLSTM(layer, n_channels) for _ in range(n_layers)))
        convs = nn.Conv2d(n_channels, n_channels, 1), nn.Conv2d(n_channels, n_levels, 1)
        self.head = nn.Sequential(nn.ReLU(), convs[0], nn.ReLU(), convs[1])

    def forward(self, levels):
        x = 2 * levels / (self.n_levels - 1) - 1  # from 0 .. L-1 to -1 .. 1
        x = F.pad(x, (0, self.spare))  # a column at the right edge, see above
        logits = self.head(self.blocks(self.first(x)))
        return logits[..., : levels.shape[3]].unsqueeze(2)


# %% [markdown]
# Now hold them against the library's: give yours the library's weights, and compare the logits.

# %% tags=["held", "nbval-check-output"]
levels = torch.randint(16, (3, 1, 9, 7), generator=torch.Generator().manual_seed(0))
pairs = {RowLSTM: RowLSTMLayer, DiagonalBiLSTM: DiagonalBiLSTMLayer}
for library_class, layer in pairs.items():
    library = library_class(n_levels=16, n_channels=32, n_layers=2)
    mine = PixelRNN(layer)
    mine.load_state_dict(library.state_dict())
    same = torch.allclose(mine(levels), library(levels), atol=1e-4)
    print(f"{library_class.__name__}: same logits as the library's: {same}")

# %% [markdown]
# ## 5 · What a training step costs
#
# From here on your two models run beside the library's two convolutional networks. All four have about
# the same number of weights.
#
# > **Predict.** A convolution computes all pixels at once. A Row LSTM updates the rows one after the
# > other, a Diagonal BiLSTM the diagonals, in two directions that need not wait for each other. How many
# > updates, each waiting for the one before it, does one layer take on an image of 28×28? (The printout
# > calls them "steps in a row".)
# >
# > <details><summary>A way to think about it</summary>
# >
# > One for the convolution and 28 for the rows. A skewed image has as many columns as its width and
# > height together, less one; the spare column adds one.
# > </details>

# %%
import time

from tutorial_lib.pixels import nll_nats

device = profiles.device()
MAKERS = {
    "PixelCNN": lambda **sizes: PixelCNN(**{"n_channels": 32, "n_layers": 5, **sizes}),
    "gated PixelCNN": lambda **sizes: GatedPixelCNN(**{"n_channels": 16, "n_layers": 4, **sizes}),
    "Row LSTM": lambda **sizes: PixelRNN(RowLSTMLayer, **sizes),
    "Diagonal BiLSTM": lambda **sizes: PixelRNN(DiagonalBiLSTMLayer, **sizes),
}


def build(name, n_levels=16, **sizes):
    torch.manual_seed(0)
    return MAKERS[name](n_levels=n_levels, **sizes).to(device)


def seconds_per_step(model, side, n_steps=3):
    """Forward and backward on 16 random images; the fastest of a few, after one to warm up."""
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


# %% tags=["nbval-ignore-output"]
from tutorial_lib.notebook import show_curves

step_ms = {
    name: [1000 * seconds_per_step(build(name), side) for side in settings.sides] for name in MAKERS
}
ax = show_curves(
    {name: (settings.sides, times) for name, times in step_ms.items()},
    xlabel="side of the image (pixels)",
    ylabel="ms per training step",
)
ax.set(xticks=settings.sides, ylim=(0, None))
n, ratio = (
    settings.sides[-1],
    {name: ms[-1] / step_ms["PixelCNN"][-1] for name, ms in step_ms.items()},
)
for (name, times), steps in zip(ratio.items(), (1, 1, n, 2 * n), strict=True):
    n_weights = sum(p.numel() for p in build(name).parameters())
    print(f"{name:16} {n_weights:6,} weights, {steps:2} steps in a row,", end=" ")
    print(f"{times:4.1f} times PixelCNN's time")

# %% [markdown]
# The recurrent networks take longer, the Diagonal BiLSTM by far the longest, but not in proportion to
# their updates: a CPU of a few cores is kept busy even by a single row. How far apart the lines lie
# depends on the machine. A GPU could compute many more pixels at once, and has to wait for each update;
# there a recurrent layer is many small calls, as in chapter 06. (The library's versions give the same
# logits faster: both directions of the Diagonal BiLSTM go through one loop.)
#
# ## 6 · What they learn: by the clock, and by steps
#
# The images are garments in 16 levels, averaged down to 14×14. All four networks get the same batches in
# the same order. The clock runs during training only. The score is the cost of held-out images (their
# negative log-likelihood) in bits/dim.

# %%
from tutorial_lib import data
from tutorial_lib.pixels import bits_per_dim


def halved(levels):
    """28×28 at 256 levels to 14×14 at 16: the mean of each 2×2 square, in sixteenths."""
    return (F.avg_pool2d(levels.float(), 2) // 16).long()


@torch.inference_mode()
def held_out_bits(model, images, batch_size=250):
    """The cost of images in bits/dim, the mean over all of them."""
    costs = [nll_nats(model(part), part) for part in images.split(batch_size)]
    return bits_per_dim(torch.cat(costs).mean().item(), images[0].numel())


def train_step(model, optimizer, levels):
    loss = nll_nats(model(levels), levels).mean() / levels[0].numel()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    loss.item()  # waits until a GPU is done


garments = data.load("fashion-mnist-sample")
small_train = halved(garments.train.subset(settings.n_train).levels)
small_test = halved(garments.test.subset(settings.n_held_out).levels).to(device)


# %%
def race(model, n_steps, n_scores=10):
    """Train for so many steps; lists of seconds, steps and held-out bits/dim."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batches = torch.Generator().manual_seed(0)
    clock, rows = 0.0, []
    for step in range(n_steps + 1):
        if step % (n_steps // n_scores) == 0:
            rows.append((clock, step, held_out_bits(model, small_test)))
        picked = torch.randint(len(small_train), (16,), generator=batches)
        began = time.perf_counter()
        train_step(model, optimizer, small_train[picked].to(device))
        clock += time.perf_counter() - began
    return [list(column) for column in zip(*rows, strict=True)]


racers = {name: build(name) for name in MAKERS}
raced = {name: race(model, settings.race_steps) for name, model in racers.items()}

# %% tags=["nbval-ignore-output"]
import numpy

figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="tight", sharey=True)
for ax, column, label in zip(axes, (0, 1), ("seconds of training", "training steps"), strict=True):
    curves = {name: (run[column][1:], run[2][1:]) for name, run in raced.items()}
    show_curves(curves, xlabel=label, ylabel="held-out bits/dim", ax=ax).set_xlim(0, None)
    ax.label_outer()
first_done = min(run[0][-1] for run in raced.values())  # when the fastest has made all its steps
axes[0].axvline(first_done, color="#888888", ls=":")
by_clock = {name: numpy.interp(first_done, run[0], run[2]) for name, run in raced.items()}
by_steps = {name: run[2][-1] for name, run in raced.items()}
for name in raced:
    print(f"{name:16} after {first_done:.0f} s: {by_clock[name]:.3f} bits/dim;", end=" ")
    print(f"after {settings.race_steps} steps: {by_steps[name]:.3f}")
print("first by the clock:", min(by_clock, key=by_clock.get), end="; ")
print("first by steps:", min(by_steps, key=by_steps.get))

# %% [markdown]
# **By the clock** (left) the convolutional networks win, and clearly: when the first network has made
# its last training step (dotted line), the Row LSTM has made part of its steps, the Diagonal BiLSTM a
# small part, and both cost more. **By steps** (right) the four curves end almost together. The wider view
# of the LSTMs brings hardly anything here; probably a pixel of a small garment depends mostly on its
# neighbours. Which of the four comes first by steps may change with the seed. This is one run of
# unfinished networks, and does not settle which is best in the end.
#
# What do the trained networks draw? The upper half is given, the lower half is drawn pixel by pixel, with
# one pass for each.

# %%
from tutorial_lib.notebook import show_images
from tutorial_lib.sampling import draw


@torch.inference_mode()
def completed(model, levels, noise, first_row=7):
    """The rows from `first_row` on, drawn one pixel after the other."""
    levels = levels.clone()
    for row in range(first_row, levels.shape[2]):
        for column in range(levels.shape[3]):
            # Later pixels are still the true ones; no logit of this place reads them.
            logits = model(levels)[:, :, 0, row, column]
            levels[:, 0, row, column] = draw(logits, noise[:, row, column])
    return levels.cpu()


originals = small_test[: settings.n_drawn]
noise = torch.rand(settings.n_drawn, 14, 14, generator=torch.Generator().manual_seed(0)).to(device)
drawn = {"truth": originals.cpu()}
drawn |= {name: completed(model, originals, noise) for name, model in racers.items()}
images = torch.cat(list(drawn.values()))
show_images(images, n_levels=16, n_columns=settings.n_drawn, row_labels=list(drawn));


# %% [markdown]
# All four continue edges and shades for some rows, and then most garments lose their shape: so few
# training steps, on 16 images each, are not enough. None of the four is clearly better, as the scores
# say.
#
# ## 7 · A world in which the wider view decides
#
# Garments did not settle whether a wider view helps. So let us make images for which we know the answer.
# They are binary, and every pixel is a copy of the one **a row up and two columns to the right**. Only
# the first row and the last two columns are coin tosses.
#
# > **Predict.** PixelCNN and the two LSTMs get a first layer of 3×3 and one layer behind it (the Row
# > LSTM with k = 3). The gated PixelCNN gets two layers of 3×3. Which of the four can learn to copy? What
# > will the images cost under the others?
# >
# > <details><summary>A way to think about it</summary>
# >
# > In the maps at the beginning, look at the pixel that is copied: in the row above, two columns to the
# > right of the outlined one.
# > </details>

# %%
def copying_world(n, height=6, width=8):
    levels = torch.randint(2, (n, 1, height, width))
    for row in range(1, height):
        levels[:, :, row, :-2] = levels[:, :, row - 1, 2:]
    return levels


torch.manual_seed(0)
toy = copying_world(8)
n_tosses = 6 * 8 - 5 * 6
print(
    f"{n_tosses} of 48 pixels are tosses: no model can cost less than {n_tosses / 48:.3f} bits/dim"
)
show_images(toy, n_levels=2, n_columns=8, gutter=0.7);

# %%
toy_test = copying_world(500).to(device)
learned = {}
for name in MAKERS:
    sizes = {"n_layers": 2 if name.startswith("gated") else 1, "first_kernel_size": 3}
    model, rows = build(name, n_levels=2, **sizes), []
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for number in range(settings.toy_steps + 1):
        if number % 10 == 0:
            rows.append((number, held_out_bits(model, toy_test, 500)))
        train_step(model, optimizer, copying_world(32).to(device))
    learned[name] = list(zip(*rows, strict=True))

ax = show_curves(learned, xlabel="training step", ylabel="held-out bits/dim")
ax.lines[2].set_linestyle("--")  # the Row LSTM lies on PixelCNN
ax.axhline(n_tosses / 48, color="#d62728", ls=":", label="floor")
ax.legend(loc="center right", bbox_to_anchor=(1, 0.66))
ax.set_ylim(0, 1.1);

# %% [markdown]
# PixelCNN and the Row LSTM (their lines lie on each other) stay at a full bit for every pixel. More
# training would not help: the one pixel that decides lies in their blind spot, and without it every
# pixel looks like a coin toss. The Diagonal BiLSTM and the gated PixelCNN read it and come down to the
# floor, or close to it.
#
# > **From the reading notes** (of the student whose notes on these papers began this series).
# > *PixelCNN is faster to train "but it is less effective".* Why, and is it?
# >
# > *Faster*: measured in section 5. A layer computes all pixels at once, where the LSTMs wait for the
# > row or the diagonal before.
# >
# > *Less effective*: its view is **bounded** (so many rows up and no further), it has a **blind spot**
# > (the wedge stays, however deep the stack; in the copying world that alone costs everything), and it
# > has **no gates**: an LSTM multiplies what it has read by what it has decided, a ReLU network has to
# > build a product out of sums and kinks. The paper's numbers after full training on CIFAR-10 are 3.14
# > bits/dim for PixelCNN and 3.00 for PixelRNN (reference 2, table 1). They show the effect of all three
# > together, and of whatever else differs between the networks. The gated PixelCNN, which takes away
# > the wedge and adds gates, has 3.03 there, at a convolution's speed. "Less effective" is a statement
# > about the end of training, and section 6 stops long before it.

# %%
ch08.progress()

# %% [markdown]
# > **In words.** A Diagonal BiLSTM has the whole past in view in one layer. Why stack several?
# >
# > <details><summary>An answer</summary>
# >
# > It is not enough that the past arrives. On its way from far off it has passed through a state of a few
# > dozen numbers at every step, which cannot hold all of it. More layers may first turn pixels into edges and
# > parts, and then carry those.
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN eq. 3 | one line of an LSTM | `lstm_step`, exercise 8.1 | `run_lstm` |
# | PixelRNN sec. 3.1, fig. 4 | Row LSTM | `RowLSTMLayer`, section 2 | `RowLSTMLayer`, `RowLSTM` |
# | PixelRNN sec. 3.2, fig. 3 | skewing, both directions, the move down | `skew`, `unskew`, `DiagonalBiLSTMLayer`, section 3 | `skew`, `unskew`, `DiagonalBiLSTM` |
# | PixelRNN sec. 3.3, fig. 5, table 1 | residual blocks, the whole networks | `PixelRNN`, section 4 | `RowLSTM`, `DiagonalBiLSTM` |
#
# **What is now known.** A recurrence carries the past as far as the image goes, and each line waits
# for the line before it. A convolution waits for nothing and sees a fixed distance. The gated PixelCNN
# has no wedge and no wait, which is why the rest of this series builds on it.
#
# Next: [09 · Autoencoders and the ELBO](09_autoencoders_and_the_elbo.ipynb), with which the codes
# begin.
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016,
#    arXiv 1601.06759.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. S. Hochreiter, J. Schmidhuber: *Long Short-Term Memory*, 1997.
