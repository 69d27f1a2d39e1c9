# %% [markdown]
# # 03 · PixelCNN
#
# [← 02 · Masked convolutions](02_masked_convolutions.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [04 · The gated PixelCNN →](04_gated_pixelcnn.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/03_pixelcnn.ipynb)
#
# In this chapter you write a complete model of images: its layers, its training loop and its
# sampler, in about a hundred lines. Then you train it, score it and let it draw.
#
# **By the end you will have**
#
# - a PixelCNN of your own, which computes the same as the library's;
# - its cost for images that it has never seen, and what it expects at every single pixel;
# - images that your sampler drew or completed, with your weights and with weights that come with
#   the library.
#
# **You need** chapters 01 (chain rule, nats, bits/dim) and 02 (masks, the influence map).
#
# **Time** about two hours with the five exercises. Running all cells takes about four minutes on a
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
from tutorial_lib.exercises import ch03


@dataclass
class Settings:
    n_train: int  # images to learn from
    n_held_out: int  # images to score
    n_short: int  # images of the short trainings with and without the sum
    epochs: int
    n_drawn: int  # images side by side
    height: int  # rows of an image that is drawn; 28 is all of it
    sides: tuple[int, ...]  # of the images whose passes are timed


settings = profiles.choose(
    smoke=Settings(256, 40, 96, 1, 2, 6, (4, 6)),
    laptop=Settings(9000, 500, 2000, 4, 6, 28, (7, 14, 28)),
    gpu=Settings(9000, 2000, 9000, 20, 6, 28, (7, 14, 28, 56)),
)
device = profiles.device()
settings

# %%
import torch

from tutorial_lib.notebook import hide, show_images
from tutorial_lib.recipes import load_pretrained
from tutorial_lib.sampling import draw, sample

gated_digits = load_pretrained("gated-binarized-mnist").to(device)
gated_clothes = load_pretrained("gated-fashion-mnist").to(device)
shape, classes = (10, 1, 28, 28), torch.arange(10, device=device)
noise = torch.Generator().manual_seed(0)
digits = sample(gated_digits, shape, generator=noise).cpu()
clothes = sample(gated_clothes, shape, label=classes, generator=noise).cpu()
show_images(torch.cat([15 * digits, clothes]), n_levels=16);

# %% [markdown]
# Nobody wrote these digits and nobody sewed these clothes. Two PixelCNNs drew them, one pixel after
# the other: the first ten images of each, none left out. Most digits can be read, and most garments
# could be worn.
#
# The weights come with the library. Both models have the gate of chapter 04, and the second was told
# which kind of garment to draw (chapter 05). You will write the model that both grew out of. Its
# cost, its training loop and its sampler are the same as theirs: at the end of this chapter, *your*
# sampler draws digits with these weights.
#
# ## 1 · The plan
#
# Chapter 01 wrote the probability of an image as a product with one factor for each pixel:
#
# $$p(x) = \prod_i p(x_i \mid x_1, \dots, x_{i-1}) \qquad \text{(PixelRNN paper, eq. 1)}$$
#
# A PixelCNN computes all factors of an image in one *pass*, that is, in one call of the model. The
# image goes in as *levels*: whole numbers from 0 (black) to 15 (white). For each pixel, 16 *logits*
# come out, and their softmax is $p(x_i \mid x_1, \dots, x_{i-1})$. Here are sixteen of the images,
# and the model with the sizes of the weights that come with the library:

# %%
from tutorial_lib import data
from tutorial_lib.notebook import diagrams

garments = data.load("fashion-mnist-sample")
train_levels = garments.train.levels[: settings.n_train].long() // 16  # 0 .. 255 -> 0 .. 15
held_out = garments.test.levels[: settings.n_held_out].long() // 16
print("to learn from:", tuple(train_levels.shape), " held out:", tuple(held_out.shape))
show_images(train_levels[:16], n_levels=16, n_columns=8)
shipped = load_pretrained("pixelcnn-fashion-mnist").to(device)
diagrams.pixelcnn_whole(shipped, train_levels[0])

# %% [markdown]
# The upper row is the whole model (PixelRNN paper, table 1). The **first layer** is the masked
# convolution of chapter 02 with mask A. It turns the levels before a pixel into numbers, the
# *features* of that pixel. Each **block** looks one pixel further. The **head**, two 1×1
# convolutions, turns the features of a pixel into its 16 logits. The lower row is one block. Height
# and width never change: each pixel has its own features from start to end.
#
# ## 2 · The residual block
#
# A *residual block* adds something to its input (section 3.3 and figure 5 of the paper, after [3]):
#
# $$y = x + W_3\,\mathrm{relu}\big(W_2 * \mathrm{relu}(W_1\,\mathrm{relu}(x))\big)$$
#
# Read it from the inside to the outside. $W_1$ is a 1×1 convolution that halves the number of
# features, which makes the next step cheaper. $W_2$ is a k×k convolution ($*$) with mask B: only
# this step looks at other pixels. $W_3$ is a 1×1 convolution back to all features. A 1×1
# convolution reads one pixel only, and mask B allows that pixel, so $W_1$ and $W_3$ need no mask.
# Each convolution has a bias, which the formula leaves out.
#
# ### Exercise 3.1

# %%
from torch.nn import functional as F

from tutorial_lib.pixels import causal_mask

print(causal_mask((3, 3), include_center=True))  # mask B
print(F.relu(torch.tensor([2.0, -1.0])))
ch03.residual_block.card()


# %%
def residual_block(x: torch.Tensor, shrink: tuple, kernel: tuple, widen: tuple) -> torch.Tensor:
    """x plus what three convolutions, each with a ReLU before it, make of it.

    x        (B, 2h, H, W) features from a layer below; stays as it is
    shrink   (weight, bias) of the first convolution: (h, 2h, 1, 1) and (h,)
    kernel   of the second: (h, h, kh, kw), not masked yet (type B), and (h,); zeros outside
    widen    of the third: (2h, h, 1, 1) and (2h,)
    returns  (B, 2h, H, W)

    By hand: a single pixel, h = 1. x = [2, -1]. shrink has the weights [1, 1] and the bias 1,
             kernel 3 in its centre, widen [1, -1], their biases are 0. ReLU gives [2, 0], then
             3, 9, [9, -9], and with x added [11, -10]
    """
    ____


residual_block = ch03.residual_block.check(residual_block)

# %%
from torch import nn


class ResidualBlock(nn.Module):
    """Owns the weights of one block and hands them to your function.

    features (B, n_channels, H, W) -> features of the same shape
    """

    def __init__(self, n_channels, kernel_size=3):
        super().__init__()
        half = n_channels // 2
        # Never called: they hold weights of the right shape, with good starting values.
        self.shrink = nn.Conv2d(n_channels, half, 1)
        self.kernel = nn.Conv2d(half, half, kernel_size)
        self.widen = nn.Conv2d(half, n_channels, 1)

    def forward(self, x):
        layers = [(c.weight, c.bias) for c in (self.shrink, self.kernel, self.widen)]
        with x.device:  # a new tensor, such as a mask, is made where x is
            return residual_block(x, *layers)


# %% [markdown]
# Why does a block add $x$? Training needs a gradient in every layer, the first one too. So build
# untrained stacks of 1 to 16 blocks, with the sum and without it, and measure the gradient that
# reaches the input of the stack.
#
# > **Predict.** How does the gradient change with the number of blocks, with the sum and without?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Without the sum, the gradient passes through three convolutions in each block. Suppose that each
# > block makes it ten times smaller. How much is left after sixteen?
# >
# > </details>

# %%
from tutorial_lib.notebook import show_curves


class BlockWithoutSum(ResidualBlock):
    def forward(self, x):
        return super().forward(x) - x


def gradient_at_the_input(block, n_blocks):
    torch.manual_seed(0)
    start = torch.randn(4, 32, 9, 9, requires_grad=True)
    end = nn.Sequential(*(block(32) for _ in range(n_blocks)))(start)
    (gradient,) = torch.autograd.grad(end.sum(), start)
    return gradient.abs().mean().item()


kinds, depths = {"with the sum": ResidualBlock, "without": BlockWithoutSum}, (1, 2, 4, 8, 16)
curves = {
    name: (depths, [gradient_at_the_input(block, n) for n in depths])
    for name, block in kinds.items()
}
ax = show_curves(curves, xlabel="blocks", ylabel="mean |gradient| at the input")
ax.set(yscale="log", xticks=depths);

# %% [markdown]
# With the starting values of PyTorch, each block without the sum makes the gradient smaller by about
# the same factor: a straight line on this axis. With the sum, the gradient stays near 1, because $x$
# reaches the end through additions alone. All this is before training. Section 5 trains both kinds.
#
# ## 3 · The whole model
#
# Put the parts together in the order of the drawing.

# %%
from tutorial_lib.pixels import MaskedConv2d


class PixelCNN(nn.Module):
    """levels (B, 1, H, W) -> logits (B, L, 1, H, W), for images of any height and width"""

    n_colors = 1

    def __init__(self, n_levels=16, n_channels=32, n_blocks=5, block=ResidualBlock):
        super().__init__()
        self.n_levels = n_levels
        self.first = MaskedConv2d(1, n_channels, 7, mask_type="A")
        self.blocks = nn.Sequential(*(block(n_channels) for _ in range(n_blocks)))
        # 1×1 convolutions read one pixel only: no mask
        hidden, out = nn.Conv2d(n_channels, n_channels, 1), nn.Conv2d(n_channels, n_levels, 1)
        self.head = nn.Sequential(nn.ReLU(), hidden, nn.ReLU(), out)

    def embed(self, levels):
        return 2 * levels.to(self.first.weight.dtype) / (self.n_levels - 1) - 1  # from -1 to 1

    def logits_from(self, x):
        x = self.head(self.blocks(self.first(x)))
        return x[:, :, None]  # the new dimension counts colours, here one

    def forward(self, levels):
        return self.logits_from(self.embed(levels))


# %% [markdown]
# This is the whole model. The levels enter as numbers from $-1$ to $1$. Outside the image the
# convolutions read 0, and no level becomes 0. So the model can tell the border of the image from a
# black background.
#
# Does it compute the same as the library's? Give it the library's weights and compare all logits.

# %% tags=["held", "nbval-check-output"]
twin = PixelCNN(n_channels=64, n_blocks=8).to(device)
twin.load_state_dict(shipped.state_dict())
with torch.no_grad():
    some = held_out[:10].to(device)
    print("same logits as the library's:", torch.allclose(twin(some), shipped(some), atol=1e-3))

# %% [markdown]
# `load_state_dict` complains if a name or a shape does not fit. From here on, `twin` is your model
# with weights that were trained for twenty minutes on 55,000 garments.
#
# The probabilities of all possible images must add up to 1. For images of 2×2 and 3×3
# black-or-white pixels there are few enough to add them up. The weights here are random:

# %% tags=["nbval-check-output"]
import math

from tutorial_lib.pixels import bits_per_dim, nll_nats, total_probability

for n_blocks in (1, 2, 5):
    model = PixelCNN(n_levels=2, n_blocks=n_blocks).double()
    sums = [total_probability(model, side, side) for side in (2, 3)]
    print(f"{n_blocks} blocks: 16 images of 2×2: {sums[0]:.6f}, 512 of 3×3: {sums[1]:.6f}")

# %% [markdown]
# The sum is 1 for any weights, because each factor is a softmax and no factor looks ahead.
#
# How far does a pixel see? This is its *receptive field*, drawn with the influence map of chapter 02.
#
# > **Predict.** The first layer reads three rows up. How many rows with 1, 3 and 8 blocks?
# >
# > <details><summary>A way to think about it</summary>
# >
# > A block reads features one row up, and these have read rows of their own.
# >
# > </details>

# %%
import matplotlib.pyplot as plt

from tutorial_lib.notebook import show_influence
from tutorial_lib.pixels import influence_map

figure, axes = plt.subplots(1, 4, figsize=(7, 2.2), layout="tight")
for ax, n_blocks in zip(axes, (0, 1, 3, 8), strict=True):
    reads = influence_map(PixelCNN(n_blocks=n_blocks), 15, 15, target=(12, 5))[0] != 0
    show_influence(reads.flatten(), 15, 15, (12, 5), ax=ax)
    ax.set_title(f"{n_blocks} blocks: {reads.sum()} of 185", fontsize=9)

# %% [markdown]
# The model reads the blue pixels. It does not read the orange ones, although they belong to the
# past. The view grows by one row with each block. So `twin` sees eleven rows up, and your model,
# which will have five blocks, sees eight. The orange wedge on the right is the blind spot of chapter
# 02. More blocks do not close it. Chapter 04 does.
#
# ## 4 · The cost of an image
#
# The *cost* of an image is its negative log-likelihood $-\log p(x)$. The logarithm turns the product
# over pixels into a sum: each pixel adds $-\log$ of the probability that the model gave to its true
# level. You wrote the cost in nats and in bits/dim in chapter 01. The library's functions for them,
# `nll_nats` and `bits_per_dim`, were imported two cells ago. The *score* of a model is its mean cost
# for *held-out* images, which training never sees.
#
# ### Exercise 3.2

# %% jupyter={"source_hidden": true} cellView="form"
ch03.held_out_score.card()


# %%
def held_out_score(model_fn, images: torch.Tensor, batch_size: int) -> tuple[float, float]:
    """What `images` cost under a model: (nats per image, bits/dim), two means over all images.

    model_fn    a function: levels (B, C, H, W) -> logits (B, L, C, H, W)
    images      (N, C, H, W) torch.long
    batch_size  the most images that model_fn is given at once; N need not be a multiple of it.
                No gradients are recorded on the way
    returns     two numbers

    By hand: three images of two pixels, in batches of two, cost 2, 4 and 9 nats. Together that is
             15, so 5 nats per image, and 5 / 2 / log 2 = 3.607 bits/dim
    """
    ____


held_out_score = ch03.held_out_score.check(held_out_score)


# %% [markdown]
# Two simple models show what a good score is. The first gives all levels the same probability. The
# second, called the *marginals*, knows how often each pixel has each level, and nothing about
# neighbours. A model that costs less than the marginals must have learned something about neighbours.

# %%
def log_shares(levels, n_levels):
    """How often each pixel has each level, as logits (L, 1, H, W)."""
    counts = torch.stack([(levels == level).sum(dim=0) for level in range(n_levels)])
    # Half a count is added: what never occurred is unlikely, not impossible.
    return torch.log((counts + 0.5) / (len(levels) + 0.5 * n_levels))


def always(logits):
    """A model with the same logits for every image."""
    return lambda levels: logits.expand(len(levels), *logits.shape)


def show_score(name, model_fn, images=held_out):
    nats, bits = held_out_score(model_fn, images, 100)
    print(f"{name:24} {nats:7.1f} nats per image   {bits:.3f} bits/dim")
    return float(bits)


marginals = log_shares(train_levels, 16)
bits_uniform = show_score("uniform", always(torch.zeros_like(marginals)))
bits_marginals = show_score("marginals", always(marginals))

# %% [markdown]
# The uniform model costs $\log_2 16 = 4$ bits/dim. The marginals cost much less: they know that the
# corners are black.
#
# ### Fewer levels cost less
#
# > **Predict.** The same images in black and white cost far fewer bits/dim under every model. Does
# > that make a model of them better?
# >
# > <details><summary>A way to think about it</summary>
# >
# > What would a model of 16 levels answer if it were only asked whether a pixel is bright?
# >
# > </details>
#
# To merge neighbouring levels, add up their probabilities:

# %% jupyter={"source_hidden": true} cellView="form"
for merged in (1, 2, 4, 8):
    # The probability of a merged level is the sum of its parts.
    p = marginals.exp().unflatten(0, (16 // merged, merged)).sum(dim=1)
    show_score(f"marginals, {16 // merged:2} levels", always(p.log()), held_out // merged)

# %% [markdown]
# The model and the images stayed the same. Only the levels became fewer. A finer level holds more
# information, so it costs more. Bits/dim can compare models of the **same discrete images** only.
#
# <details><summary>What the papers report, and what "black and white" means there</summary>
#
# | images | PixelCNN | Row LSTM | Diagonal BiLSTM | Gated PixelCNN |
# |---|---|---|---|---|
# | MNIST in black and white, nats per image | 81.30 | 80.54 | 79.20 (7 layers) | |
# | CIFAR-10, 256 levels, bits/dim | 3.14 | 3.07 | 3.00 | 3.03 |
#
# Numbers of [1] and [2], on test images. "Black and white" can be made in three ways: with a
# threshold; with each grey value taken as the chance of white and drawn once for good (*fixed*); or
# drawn anew in every epoch (*dynamic*). These are three data sets, and a score on one says nothing
# about another.
#
# </details>
#
# ## 5 · Train it
#
# In training, all pixels of an image are known. So one pass gives the cost of all 784 pixels, and
# the masks make sure that each is predicted from its past alone.
#
# ### Exercise 3.3

# %% jupyter={"source_hidden": true} cellView="form"
ch03.training_step.card()


# %%
def training_step(model, optimizer, levels: torch.Tensor, max_norm: float) -> float:
    """Move the model once, down the cost of a batch. Returns that cost before the move.

    model      a torch module: levels (B, C, H, W) -> logits (B, L, C, H, W)
    optimizer  a torch optimiser of the parameters of this model. Gradients of an earlier step may
               not count in this one
    levels     (B, C, H, W) torch.long. The cost is the mean over the images of their bits/dim
    max_norm   a longer gradient, all parameters together, is scaled to this length before the move
    returns    the cost in bits/dim, a plain number

    By hand: two images cost 1 and 2 bits/dim, so the result is 1.5. At max_norm = 1, a gradient
             (3, 4) of two parameters has length 5, and the optimiser sees (0.6, 0.8)
    """
    ____


training_step = ch03.training_step.check(training_step)


# %%
def train(model, images, epochs, batch_size=32, learning_rate=0.02):
    """Lower the cost of the images. Returns the cost of each batch in bits/dim."""
    n_steps = epochs * math.ceil(len(images) / batch_size)
    optimizer = torch.optim.Adam(model.parameters())
    # The learning rate rises to its maximum, then falls to 0.
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=n_steps)
    costs = []
    for _ in range(epochs):  # each epoch in a new order
        for batch in torch.randperm(len(images)).split(batch_size):
            costs.append(training_step(model, optimizer, images[batch].to(device), 1.0))
            schedule.step()
    return costs


torch.manual_seed(0)
model = PixelCNN().to(device)
costs = train(model, train_levels, settings.epochs)


# %%
def on_cpu(model):
    """The model as a function of levels on the CPU that gives logits on the CPU."""
    return lambda levels: model(levels.to(device)).cpu()


bits_trained = show_score("your model", on_cpu(model))
ax = show_curves(
    {"training batches": (range(1, len(costs) + 1), costs)}, xlabel="step", ylabel="bits/dim"
)
for name, bits, style in (("marginals", bits_marginals, ":"), ("your model", bits_trained, "-")):
    ax.axhline(bits, color="#d62728", ls=style, label=f"{name}, held-out images")
ax.set_ylim(0, 4.2)
ax.legend();

# %% [markdown]
# The cost falls below the dotted line early in training. From there on, your model uses neighbours.
# At the end, the training batches cost about as much as the held-out images (solid line). If your
# model had learned its images by heart, they would cost clearly less.
#
# What changes without the sum in the blocks? Train both kinds, twice each, on fewer images for one
# epoch.

# %%
curves = {}
for name, block in kinds.items():
    for seed in (0, 1):
        torch.manual_seed(seed)
        small = PixelCNN(block=block).to(device)
        short = train(small, train_levels[: settings.n_short], 1)
        curves[f"{name}, seed {seed}"] = (range(1, len(short) + 1), short)
        show_score(f"{name}, seed {seed}", on_cpu(small))
ax = show_curves(curves, xlabel="step", ylabel="bits/dim")
ax.set_ylim(0, 4.2);

# %% [markdown]
# Without the sum, the cost falls later and ends higher, with both seeds, and one curve jumps on the
# way. The cost does fall, because Adam scales a small gradient up. So five blocks can be trained
# without the sum, but more slowly, and they end worse.
#
# ## 6 · What the model says about a pixel
#
# From here on we ask `twin`: your class with the longer-trained weights. It gives a softmax for each
# pixel. The *entropy* of that softmax (exercise 1.5) is the cost that the model *expects* for this
# pixel. The *actual* cost is that of the true level. Here are both in bits, for a boot:

# %%
labels = garments.test.labels[: len(held_out)]
boot = held_out[(labels == 9).nonzero()[0]]  # (1, 1, 28, 28)
with torch.no_grad():
    log_p = on_cpu(twin)(boot)[0, :, 0].log_softmax(dim=0) / math.log(2)  # (16, 28, 28), in bits
expected = -(log_p.exp2() * log_p).sum(dim=0)
actual = -log_p.gather(0, boot[0])[0]
# A pixel inside, and where the two maps are largest
places = [(20, 18), *(divmod(each.argmax().item(), 28) for each in (expected, actual))]

red = "#d62728"
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4), layout="constrained")
show_images(boot, n_levels=16, ax=axes[0]).set_title("image")
for number, (row, column) in enumerate(places, start=1):
    axes[0].scatter(column, row, s=16, marker="s", fc="none", ec=red)
    axes[0].text(column + 1.2, row, number, color=red, va="center", weight="bold")
for ax, name, bits in zip(axes[1:], ("expected", "actual"), (expected, actual), strict=True):
    shown = ax.imshow(bits, cmap="viridis", vmin=0, vmax=6)
    ax.set(title=f"{name}: {bits.sum():.0f} bits", xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(shown, ax=axes[1:], label="bits");

# %% [markdown]
# The background costs almost nothing. Inside the boot, a pixel costs a few bits, because nobody could
# foretell its texture. Yellow is 6 bits or more. Three pixels carry numbers: one inside the boot, the
# one with the highest expected cost, and the one with the highest actual cost.
#
# Below are their softmaxes. A fourth pixel comes from another image. We look at all pixels of 200
# images and take the one whose bars have the deepest valley between two peaks.

# %%
order = torch.arange(784).view(1, 1, 28, 28)  # the place of each pixel in raster order
with torch.no_grad():
    p = on_cpu(twin)(held_out[:200])[:, :, 0].softmax(dim=1)  # (200, 16, 28, 28)
# How far a bar lies below both the highest bar on its left and the highest on its right
valley = torch.minimum(p.cummax(1).values, p.flip(1).cummax(1).values.flip(1)) - p
n, _, row, column = (i.item() for i in torch.unravel_index(valley.argmax(), valley.shape))


def show_softmax(ax, softmax, true, title):
    bars = ax.bar(range(16), softmax, width=0.9, color="#3b76af")
    bars[true].set_color(red)
    ax.plot(true, -0.05, "^", color=red, ms=6, clip_on=False)
    ax.set(
        title=f"{title}: {-softmax[true].log2():.1f} bits", ylim=(0, 1), xticks=[], yticks=[0, 1]
    )
    ax.set_xlabel("level (0–15)", labelpad=8)


axes = plt.subplots(1, 5, figsize=(7, 1.8), layout="tight")[1]
for number, (ax, (r, c)) in enumerate(zip(axes, places, strict=False), start=1):
    show_softmax(ax, log_p[:, r, c].exp2(), boot[0, 0, r, c], number)
show_softmax(axes[4], p[n, :, row, column], held_out[n, 0, row, column], 4)
past = hide(held_out[n : n + 1], order >= 28 * row + column, n_levels=16)
show_images(past, ax=axes[3]).set_title("past of 4")
axes[3].scatter(column, row, s=16, marker="s", fc="none", ec=red)
axes[0].set_ylabel("probability");

# %% [markdown]
# The true level is red, and its cost stands in the title. At pixel 1 the model finds a few levels
# likely. At pixel 2 it finds all levels about equally likely. At pixel 3 it was nearly sure of black.
# Pixel 4 lies on the edge of a sleeve: if the sleeve ends here, the pixel is black, and if not, it is
# nearly white. The levels between have little probability. Each level has a bar of its own, so a
# softmax can have one peak, two peaks or none. A bell curve always has one. This is why the paper
# predicts a softmax and not a mean and a width (section 2.2).
#
# Is the expected cost right on average?

# %%
for name, each in {"your model": model, "twin": twin}.items():
    with torch.no_grad():
        log_shares_of = on_cpu(each)(held_out[:200]).log_softmax(dim=1) / math.log(2)
    bits_expected = -(log_shares_of.exp2() * log_shares_of).sum(dim=1).mean()
    bits_actual = -log_shares_of.gather(1, held_out[:200, None]).mean()
    print(f"{name:11} expected {bits_expected:.3f} bits/dim, actual {bits_actual:.3f}")

# %% [markdown]
# In each line the two numbers are close: on average, neither model is too sure of itself.
#
# Watch the boot grow. Move the slider: the next pixel is outlined, and the bars are its softmax.
# Below the slider are four places as a picture, for readers without a running kernel.

# %% jupyter={"source_hidden": true} cellView="form"
from ipywidgets import IntSlider

from tutorial_lib.notebook.widgets.picture import explorer


def draw_step(left, right, pixel):
    row, column = divmod(pixel, 28)
    show_images(hide(boot, order >= pixel, n_levels=16), ax=left)
    left.scatter(column, row, s=40, marker="s", fc="none", ec=red, lw=2)
    show_softmax(right, log_p[:, row, column].exp2(), boot[0, 0, row, column], "cost")


slider = {"pixel": IntSlider(294, min=0, max=783, description="pixel")}
explorer(draw_step, slider, size=(6, 2.6), places=[(0, 0, 0.4, 0.95), (0.5, 0.2, 0.48, 0.65)])

# %%
diagrams.growing(twin, boot[0], (180, 266, 410, 663))

# %% [markdown]
# The costs of all 784 pixels add up to the cost of the image. Divided by 784, they are its bits/dim.
#
# ## 7 · Draw
#
# To draw an image, go through the pixels in raster order. Ask the model for the logits of one
# pixel, draw its level, write the level into the image, and go on to the next pixel. The library's
# `draw` turns logits and a uniform number into a level by the inverse CDF of chapter 01.
#
# ### Exercise 3.4

# %% jupyter={"source_hidden": true} cellView="form"
ch03.sample_images.card()


# %%
def sample_images(model_fn, uniforms: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Draw images in raster order, each sub-pixel given all that were drawn before it.

    model_fn     a function: levels (B, C, H, W) torch.long -> logits (B, L, C, H, W)
    uniforms     (B, C, H, W) numbers in [0, 1), one for each draw
    temperature  divides the logits
    returns      (B, C, H, W) torch.long; within a pixel, colour 0 is drawn first

    The draw itself is `draw(logits, uniforms)` of tutorial_lib.sampling: (B, L), (B,) -> (B,)

    By hand: one row of three pixels, two levels. The model gives level 1 probability 0.9 at the
             first pixel and after a 0, and 0.1 after a 1. uniforms 0.5, 0.5, 0.95: 0.5 >= 0.1
             draws 1; 0.5 < 0.9 draws 0; 0.95 >= 0.1 draws 1. What is not drawn yet may hold any
             level, 0 say
    """
    ____


sample_images = ch03.sample_images.check(sample_images)

# %% [markdown]
# > **Predict.** How many passes does it take to *score* six images of 28×28? And to *draw* six?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The images of a batch go through the model together. The pixels of an image that is being drawn
# > wait for one another.
# >
# > </details>

# %%
import time

size = (settings.n_drawn, 1, settings.height, 28)
noise = torch.rand(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
passes = []
counter = model.register_forward_hook(lambda *_: passes.append(1))
began = time.perf_counter()
drawn = sample_images(on_cpu(model), noise)
counter.remove()
print(f"{len(passes)} passes, {time.perf_counter() - began:.1f} seconds for {len(drawn)} images")
show_images(drawn, n_levels=16);

# %% tags=["held", "nbval-check-output"]
theirs = sample(model, size, uniforms=noise, method="naive").cpu()
print("the library draws the same images:", torch.equal(theirs, drawn))

# %% [markdown]
# Your model draws, and with the same noise the library's sampler draws the same images. Scoring six
# images takes one pass, drawing them takes one pass for each pixel. The drawings have plain areas,
# sharp edges and shading, as clothes do, but hardly any of them is a whole garment. Section 10 comes
# back to that. How long does drawing take for other sizes?

# %%
seconds = {"draw one image": [], "score one image": []}
for side in settings.sides:
    began = time.perf_counter()
    square = sample_images(on_cpu(model), torch.rand(1, 1, side, side, dtype=torch.float64))
    seconds["draw one image"].append(time.perf_counter() - began)
    began = time.perf_counter()
    held_out_score(on_cpu(model), square.expand(5, -1, -1, -1), 1)  # five passes
    seconds["score one image"].append((time.perf_counter() - began) / 5)
curves = {name: (settings.sides, each) for name, each in seconds.items()}
ax = show_curves(curves, xlabel="side of the image (pixels)", ylabel="seconds")
ax.set(xscale="log", yscale="log")
ax.set_xticks(settings.sides, settings.sides, minor=False)
ax.set_xticks([], minor=True);

# %% [markdown]
# Drawing takes longer than scoring, roughly by a factor equal to the number of pixels. Most of that
# work is wasted: each pass computes all pixels, and only one is used. Chapter 06 computes each pixel
# only once.
#
# ### Two wrong ways to draw
#
# One pass over a black image also returns logits for all pixels. If you drew every pixel from
# these, drawing would be 784 times faster. And why draw at random at all: why not take the likeliest
# level each time?
#
# > **Predict.** What will the drawings look like in each case?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Which past does each pixel see in the first case? In the second, what is the likeliest level
# > after black pixels?
# >
# > </details>

# %%
black = torch.zeros(size, dtype=torch.long)
with torch.no_grad():
    one_pass = draw(on_cpu(twin)(black), noise)
proper = sample(shipped, size, uniforms=noise).cpu()
likeliest = sample(shipped, (1, *size[1:]), temperature=1e-4).cpu().expand(size)
rows = {"one pass": one_pass, "pixel by pixel": proper, "likeliest": likeliest}
images = torch.cat(list(rows.values()))
show_images(images, n_levels=16, n_columns=len(noise), row_labels=list(rows))
with torch.no_grad():
    costs_of = nll_nats(on_cpu(twin)(held_out[:200]), held_out[:200])
    empty = nll_nats(on_cpu(twin)(0 * boot), 0 * boot).item()
print(f"a black image costs {empty:.0f} nats, ", end="")
print(f"garments cost {costs_of.min():.0f} to {costs_of.max():.0f}")

# %% [markdown]
# Upper row: each pixel was drawn as if all before it were black, so no pixel knows about a bright
# one next to it. Lower row: the likeliest level after black is black, so the whole image stays
# black. That is no fault of the model. A black image *is* likelier than any single garment, as the
# printed costs say. But there are so many garments that together they have nearly all the
# probability. A coin that falls heads 60 times in 100 shows the same: the likeliest outcome of a
# hundred tosses is a hundred heads, and nobody has seen it.
#
# ## 8 · Complete an image
#
# Hide the lower half of an image and let the model draw it. The upper half is the past of the
# lower, so this draws from $p(\text{lower} \mid \text{upper})$, exactly.
#
# ### Exercise 3.5

# %% jupyter={"source_hidden": true} cellView="form"
ch03.complete_images.card()


# %%
def complete_images(model_fn, known: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draw what is missing, in raster order, each sub-pixel given all that come before it.

    model_fn  a function: levels (B, C, H, W) torch.long, from 0 to L - 1 -> logits (B, L, C, H, W)
    known     (B, C, H, W) torch.long: a level, or -1 where one is to be drawn. The images need not
              miss the same places
    uniforms  (B, C, H, W) numbers in [0, 1); a place that is drawn uses its own, with `draw`
    returns   (B, C, H, W) torch.long: the known levels as they were, the others drawn

    By hand: one row of three pixels, known = [1, -1, 0]. After a 1, the model gives level 1
             probability 0.1; the uniform number there is 0.5. 0.5 < 0.9 draws 0: [1, 0, 0]
    """
    ____


complete_images = ch03.complete_images.check(complete_images)

# %% [markdown]
# Your function completes two digits from the top of this page, with the weights that drew them. (So
# "truth" is here what that model drew.) Below them are two held-out garments, completed by `twin`.

# %%
from tutorial_lib.notebook import show_completions

half = settings.height // 2
given = (order < half * 28)[0, 0, : settings.height]  # True in the upper half


def complete(model, images, seed):
    """Hide the lower half of each image and draw it several times."""
    known = images.repeat_interleave(settings.n_drawn, dim=0)
    known[:, :, half:] = -1
    luck = torch.rand(known.shape, generator=torch.Generator().manual_seed(seed)).double()
    return complete_images(on_cpu(model), known, luck)


two = digits[[0, 4], :, : settings.height]
show_completions(two, given, complete(gated_digits, two, seed=0), n_levels=2);

# %%
two = torch.cat([held_out[(labels == k).nonzero()[0]] for k in (0, 9)])  # a T-shirt and a boot
two = two[:, :, : settings.height]
show_completions(two, given, complete(twin, two, seed=4), n_levels=16);

# %% [markdown]
# The drawings continue the given half, and they need not agree. For the first digit, most drawings
# become a 0 and one becomes a 7, like the digit itself. For the second, most become no digit at all.
# The lower halves of the garments keep edges and shade for some rows, then most of them turn into
# something else. The reason: `twin` sees eleven rows up, and half a garment has fourteen.
#
# Now give the *lower* half and let the library's `sample` draw the upper one.

# %%
known = two.repeat_interleave(settings.n_drawn, dim=0)
known[:, :, :half] = -1
luck = torch.Generator().manual_seed(2)
upper = sample(shipped, tuple(known.shape), known=known, generator=luck).cpu()
show_completions(two, ~given, upper, n_levels=16);

# %% [markdown]
# The upper halves are drawn as if nothing were given, and most do not fit. A model in raster
# order can use what stands above, not what stands below. $p(\text{upper} \mid \text{lower})$ exists,
# but this model cannot draw from it.
#
# ## 9 · Temperature
#
# Divide the logits by a number $T$ before the softmax. With $T < 1$, likely levels become even
# likelier. With $T > 1$, the levels become more alike.

# %%
rows = {"T = 0.8": 0.8, "T = 1": 1.0, "T = 1.2": 1.2}
images = torch.cat([sample(shipped, size, uniforms=noise, temperature=t) for t in rows.values()])
show_images(images.cpu(), n_levels=16, n_columns=len(noise), row_labels=list(rows));

# %% [markdown]
# At $T = 0.8$ areas are smoother, and more of the image stays black. At $T = 1.2$ everything is
# grainier. Each $T$ makes a different model, with a cost of its own:

# %%
with torch.no_grad():
    logits = on_cpu(twin)(held_out[:200])
temperatures = [0.5 + 0.1 * i for i in range(16)]
cost_at = [bits_per_dim(nll_nats(logits / t, held_out[:200]).mean(), 784) for t in temperatures]
ax = show_curves({"twin": (temperatures, cost_at)}, xlabel="T", ylabel="held-out bits/dim")
ax.axvline(1, color="gray", ls=":")
ax.set_ylim(0.95 * min(cost_at), None);

# %% [markdown]
# The cost is lowest near $T = 1$, where the model was trained. If you show drawings at another $T$,
# say so: the score was measured at 1. All other drawings in this chapter are at $T = 1$.
#
# ## 10 · Yours, the shipped one, and what neither can see

# %%
images = torch.cat([drawn, proper])
show_images(images, n_levels=16, n_columns=len(noise), row_labels=["yours", "twin"])
for name, each in (("your model", model), ("twin", twin)):
    n_weights = sum(p.numel() for p in each.parameters())
    show_score(f"{name}, {n_weights:,} weights", on_cpu(each))

# %% [markdown]
# `twin` costs less: it is larger, was trained for longer, and its weights have seen more images. Both
# draw good edges and shades, and in both the lower part often does not fit the upper part. A pixel
# of your model sees eight rows up, one of `twin` eleven, and both have the blind spot.
#
# A convolution has no fixed size. So the same weights draw an image that is three times as wide as
# any in training:

# %%
wide = torch.rand(1, 1, settings.height, 84, generator=torch.Generator().manual_seed(3)).double()
frieze = torch.cat([sample_images(on_cpu(each), wide) for each in (model, twin)])
ax = plt.subplots(figsize=(7, 5), layout="tight")[1]
show_images(frieze, n_levels=16, n_columns=1, row_labels=["yours", "twin"], ax=ax);

# %% [markdown]
# The cloth does not end where a garment of the training images would. These models know how cloth
# continues from pixel to pixel. Away from the border they do not know where in the image they are,
# and they do not know what they drew twelve rows before. The two models at the top of this page have
# no blind spot, and each of their pixels is told where it is. Your sampler works with such a model
# too. With the weights that drew the digits at the top, it draws digits:

# %%
luck = torch.rand(size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
show_images(sample_images(on_cpu(gated_digits), luck), n_levels=2);

# %%
ch03.progress()

# %% [markdown]
# ## Questions
#
# > **In words.** Somebody trains a PixelCNN and reports "0.9, averaged over the test set". Which
# > questions do you ask before you compare it with anything?
# >
# > <details><summary>An answer</summary>
# >
# > In which unit: nats or bits, per image or per dimension? Of which discrete images: how many
# > levels, which binarisation, what size? Held-out images, all of them, each with the same weight?
# > And at temperature 1?
# >
# > </details>
#
# > **In words.** In training, the model sees true pasts. In drawing, it sees pasts that it drew
# > itself. What can go wrong, and why does the held-out cost not show it?
# >
# > <details><summary>An answer</summary>
# >
# > One unlikely pixel leads to a past that no training image had. The model never learned what comes
# > after such a past, so mistakes can grow on the way down. The held-out cost does not show this,
# > because it is computed on true pasts. For a perfect model there is no difference: its drawings
# > are like the data.
# >
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN eq. 1, Gated PixelCNN eq. 1 | $p(x)$ is a product of conditionals and sums to 1 | sections 1 and 3 | `total_probability` |
# | PixelRNN sec. 2.2 | a softmax over the levels of each pixel | sections 3 and 6 | `nll_nats` |
# | PixelRNN sec. 3.3, fig. 5 | residual blocks | section 2, exercise 3.1 | `MaskedResidualBlock` |
# | PixelRNN sec. 3.4 | masks A and B | sections 2 and 3 | `MaskedConv2d` |
# | PixelRNN sec. 3.5, table 1 | first layer, blocks, head | section 3 | `PixelCNN` |
# | PixelRNN sec. 5.1 | nats for binary images, bits/dim | section 4, exercise 3.2 | `bits_per_dim` |
# | Gated PixelCNN sec. 2 | pixels are drawn one after the other | section 7, exercise 3.4 | `sample` |
#
# **Next:** [04 · The gated PixelCNN](04_gated_pixelcnn.ipynb) closes the blind spot. The recurrent
# networks that PixelCNN was made to replace are in the optional chapter
# [08 · PixelRNN](08_pixelrnn.ipynb).
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016,
#    arXiv 1601.06759.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. K. He, X. Zhang, S. Ren, J. Sun: *Identity Mappings in Deep Residual Networks*, 2016, arXiv
#    1603.05027.
