# %% [markdown]
# # 03 · PixelCNN
#
# [← 02 · Masked convolutions](02_masked_convolutions.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [04 · The gated PixelCNN →](04_gated_pixelcnn.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/03_pixelcnn.ipynb)
#
# Chapter 02 left us with layers that keep the order. Pile them up, and there is a model of images
# that can say what a picture costs and draw one that nobody has seen. This chapter builds it,
# trains it, reads its mind pixel by pixel, and draws with it.
#
# **By the end you will have**
#
# - a PixelCNN of your own parts, and its price for images in nats and in bits/dim;
# - its opinion of every single pixel: what it expects, how sure it is, and what each pixel costs;
# - images drawn from it pixel by pixel, halves of garments completed, two wrong ways of drawing, and
#   a question that it cannot answer.
#
# **You need** chapters 01 (chain rule, nats, bits/dim) and 02 (masks, the influence matrix).
#
# **Time** about an hour of reading and exercises; running everything takes about two minutes on a
# laptop and no GPU.

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
from tutorial_lib.exercises import ch03


@dataclass
class Settings:
    n_train: int  # images for the two trainings of section 3
    n_held_out: int
    n_channels: int
    n_layers: int
    epochs: int
    n_drawn: int  # images side by side
    rows_drawn: int  # of such an image; 28 is all of it
    sides: tuple[int, ...]  # of the images whose passes are timed


settings = profiles.choose(
    smoke=Settings(256, 50, 16, 2, 1, 2, 4, (4, 6)),
    laptop=Settings(4000, 500, 32, 5, 3, 6, 28, (7, 14, 28)),
    gpu=Settings(9000, 1000, 64, 8, 20, 6, 28, (7, 14, 28, 56)),
)
settings

# %% [markdown]
# ## Where this ends
#
# The lower half of two garments is taken away. A PixelCNN is asked what could stand there, six
# times over. The weights come with the package: a larger copy of the network of this chapter, eight
# blocks of 64 channels and 16 grey levels, trained on the full training set for longer than a
# notebook should take (`results/` says how long and how).

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained
from tutorial_lib.sampling import sample

device = profiles.device()
garments = data.load("fashion-mnist-sample")
shipped = load_pretrained("pixelcnn-fashion-mnist").to(device)
half_rows = settings.rows_drawn // 2


def complete(model, images, n, **options):
    """Draw the last rows of each image n times over: (images * n, 1, 28, 28) levels."""
    known = images.repeat_interleave(n, dim=0)
    known[:, :, -half_rows:] = -1  # to be drawn
    return sample(model, tuple(known.shape), known=known, method="naive", **options).cpu()


# %%
def show_completions(images, drawn):
    """Rows of: what was given | what was drawn | what was really there."""
    rows = []
    for image, own in zip(images / 15, drawn.unflatten(0, (len(images), -1)) / 15, strict=True):
        given = image.clone()
        given[:, -half_rows:] = 0.5
        rows += [given, *own, image]
    titles = ["given", *(f"drawn {i + 1}" for i in range(len(own))), "truth"]
    show_images(torch.stack(rows), n_columns=len(titles), titles=titles)


picked = [(garments.test.labels == k).nonzero()[0].item() for k in (0, 9)]  # a T-shirt and a boot
whole = garments.test.levels[picked].long() // 16
noise = torch.Generator().manual_seed(4)
show_completions(whole, complete(shipped, whole, settings.n_drawn, generator=noise))

# %% [markdown]
# Most drawings continue the edges and the shade for some rows, and the six need not agree in
# anything. Some could be worn, others not: this network looks a limited way up, and section 1 shows
# how far. The model was never told what a garment is. It was shown images, and asked over and over:
# *given the pixels so far, what comes next?*
#
# ## 1 · A deep stack, and why it is made of blocks
#
# The plan of a PixelCNN has three parts (PixelRNN paper, table 1): a **first layer** with a wide
# kernel of type A, which turns levels into features of the past; many **residual blocks** of type
# B, each reaching a little further; and a **head** of 1×1 convolutions, which turns the features at
# a pixel into one logit for each level. This is the shipped model, and below it one of its blocks:

# %%
from tutorial_lib.notebook import diagrams

diagrams.pixelcnn_whole(shipped, whole[0])

# %% [markdown]
# In a formula, a block computes (section 3.3 and figure 5)
#
# $$y = x + W_3 \,\mathrm{relu}\big(W_2 * \mathrm{relu}(W_1\, \mathrm{relu}(x))\big)$$
#
# Halve the channels, look around with a masked k×k kernel, widen again, and *add* what came in. The
# ReLUs stand before the convolutions, so that the bare x of the sum passes through nothing at all,
# no kernel and no ReLU.
#
# > **Predict.** Why a sum? Pile up sixteen blocks without the `x +`. What will the gradient at the
# > bottom be?
# > <details><summary>A way to think about it</summary>An untrained convolution hands on a fraction
# > of the variation it gets. A fraction of a fraction of a fraction ...</details>

# %%
import matplotlib.pyplot as plt

from tutorial_lib.notebook import show_curves
from tutorial_lib.pixels import MaskedResidualBlock

depths = (1, 2, 4, 8, 16)
sizes = {"with the sum": [], "without": []}
for n_blocks in depths:
    torch.manual_seed(0)
    blocks = [MaskedResidualBlock(32, 3) for _ in range(n_blocks)]
    for name, strengths in sizes.items():
        features = bottom = torch.randn(4, 32, 9, 9, requires_grad=True)
        for block in blocks:
            features = block(features) if name == "with the sum" else block(features) - features
        (gradient,) = torch.autograd.grad(features.sum(), bottom)
        strengths.append(gradient.abs().mean().item())
ax = show_curves(
    {name: (depths, strengths) for name, strengths in sizes.items()},
    xlabel="blocks",
    ylabel="mean |gradient| at the bottom",
)
ax.set(yscale="log", xticks=depths);

# %% [markdown]
# Without the sum each block swallows about the same factor (a straight line on this axis), and
# soon nothing arrives: the lower layers
# could not learn. With it, the gradient goes straight through, however many blocks there are, and
# each block need only learn what to *change*.
#
# ### Exercise 3.1

# %%
from torch.nn import functional as F

from tutorial_lib.pixels import MaskedConv2d, causal_mask

print(causal_mask((3, 3), include_center=True))  # type B; takes (height, width), or one number
ch03.residual_block.card()


# %%
def residual_block(
    x: torch.Tensor, shrink: torch.Tensor, kernel: torch.Tensor, widen: torch.Tensor
) -> torch.Tensor:
    """x plus what three convolutions, each with a ReLU before it, make of it. No biases.

    x        (B, 2h, H, W) features from a layer below; stays as it is
    shrink   (h, 2h, 1, 1) weights of the first convolution
    kernel   (h, h, kh, kw) weights of the second, not masked yet (type B); zeros outside the image
    widen    (2h, h, 1, 1) weights of the third
    returns  (B, 2h, H, W)

    By hand: a single pixel, h = 1. x = [2, -1], shrink = [1, 1], a kernel with 3 in its centre and
             widen = [1, -1]: ReLU gives [2, 0], then 2, 6, [6, -6], and with x added [8, -7]
    """
    ____


residual_block = ch03.residual_block.check(residual_block)

# %% [markdown]
# `MaskedResidualBlock` of the library holds the same steps with their weights (and biases, set to 0
# here):

# %% tags=["nbval-check-output"]
block = MaskedResidualBlock(8, 3)
convolutions = [block.shrink, block.kernel, block.widen]
for convolution in convolutions:
    torch.nn.init.zeros_(convolution.bias)
x = torch.randn(2, 8, 5, 7)
own = residual_block(x, *(convolution.weight for convolution in convolutions))
print("block and function agree:", torch.allclose(block(x), own, atol=1e-6))

# %% [markdown]
# ### The whole network
#
# First layer, your blocks, head. `embed` and `logits_from` are there for the instruments of chapter
# 02.

# %%
from torch import nn


class SmallPixelCNN(nn.Module):
    n_colors, n_levels = 1, 2

    def __init__(self, n_blocks, half=8):
        super().__init__()
        shapes = {"shrink": (half, 2 * half, 1, 1), "kernel": (half, half, 3, 3)}
        shapes["widen"] = (2 * half, half, 1, 1)
        self.first = MaskedConv2d(1, 2 * half, 7, mask_type="A")
        self.blocks = nn.ModuleList(
            nn.ParameterDict({name: torch.randn(shape) / 3 for name, shape in shapes.items()})
            for _ in range(n_blocks)
        )
        self.head = MaskedConv2d(2 * half, self.n_levels, 1, mask_type="B")

    def embed(self, levels):
        return levels.to(self.first.weight.dtype) * 2 - 1

    def logits_from(self, features):
        features = self.first(features)
        for weights in self.blocks:
            features = residual_block(features, **weights)
        return self.head(features.relu())[:, :, None]  # (B, levels, colours, H, W)

    def forward(self, levels):
        return self.logits_from(self.embed(levels))


# %% [markdown]
# Nothing is trained yet, and it is a proper model already: each conditional is a softmax, and a
# product of conditionals sums to 1 over all images *whatever the weights are*. On 2×2 and 3×3
# images we can add up all of them.

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import total_probability

for seed in range(3):
    torch.manual_seed(seed)
    model = SmallPixelCNN(n_blocks=seed + 1).double()
    sums = [total_probability(model, side, side) for side in (2, 3)]
    print(f"{seed + 1} blocks: all 2×2 images {sums[0]:.9f}, all 3×3 images {sums[1]:.9f}")

# %% [markdown]
# How far does it see? The first layer reads three rows up; every block adds one more.

# %%
from tutorial_lib.notebook import show_influence
from tutorial_lib.pixels import influence_map

figure, axes = plt.subplots(1, 4, figsize=(7, 2.3), layout="tight")
for ax, n_blocks in zip(axes, (0, 1, 3, 8), strict=True):
    torch.manual_seed(0)
    reads = influence_map(SmallPixelCNN(n_blocks), 13, 13, target=(10, 6))[0] != 0
    show_influence(reads.flatten(), 13, 13, (10, 6), ax=ax)
    ax.set_title(f"{n_blocks} blocks: {reads.sum()} of 136", fontsize=9)

# %% [markdown]
# (The network at the top of the page has 8 blocks, so it sees 11 rows up; a half garment has 14.)
# The view grows by a ring a block, up and to both sides, until it meets the wedge of chapter 02,
# which no depth closes. Keep the orange in mind: chapter 04 closes the wedge, and chapter 08 shows
# networks that never had one.
#
# From here on we use `PixelCNN` of the library: the same plan, for any number of levels and for
# colour, with a second 1×1 layer in the head.
#
# ## 2 · One pass to score, one pass a pixel to draw
#
# While an image is scored or trained on, all its pixels are known. So one forward pass gives *all*
# the conditionals at once; the mask sees to it that each is computed from its own past. While an
# image is drawn, the past of pixel 17 is not there before pixel 16 is drawn.
#
# > **Predict.** How many forward passes does it take to score a hundred 6×7 images? And to draw a
# > hundred?
# > <details><summary>A way to think about it</summary>A batch goes through in one pass. Images of a
# > batch do not depend on one another; the pixels of an image do.</details>
#
# (`method="naive"` is one full pass for each pixel. Chapter 06 has a quicker way.)

# %% tags=["nbval-check-output"]
model = SmallPixelCNN(n_blocks=2)
passes = []
model.register_forward_hook(lambda *_: passes.append(1))
images = sample(model, (100, 1, 6, 7), method="naive")
print("to draw:", len(passes), "passes")
passes.clear()
model(images)
print("to score:", len(passes), "pass")

# %% tags=["nbval-ignore-output"]
import time

from tutorial_lib.pixels import PixelCNN

torch.manual_seed(0)
model = PixelCNN(n_levels=16, n_channels=32, n_layers=5)
seconds = {"draw one image": [], "score one image": []}
for side in settings.sides:
    began = time.perf_counter()
    drawn_image = sample(model, (1, 1, side, side), method="naive")
    seconds["draw one image"].append(time.perf_counter() - began)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        with torch.inference_mode():
            model(drawn_image)
        times.append(time.perf_counter() - began)
    seconds["score one image"].append(sorted(times)[2])  # the median
ratio = seconds["draw one image"][-1] / seconds["score one image"][-1]
print(f"{side}×{side}: to draw takes {ratio:.0f} times as long as to score")
ax = show_curves(
    {name: (settings.sides, times) for name, times in seconds.items()},
    xlabel="side of the image (pixels)",
    ylabel="seconds",
)
ax.set(xscale="log", yscale="log")
ax.set_xticks(settings.sides, settings.sides, minor=False)
ax.set_xticks([], minor=True);

# %% [markdown]
# Scoring takes one pass, drawing one for each pixel and a draw after it: the upper line lies above
# the lower by about the number of pixels (784 for 28×28), give or take the clock. Training is of
# the lower kind, drawing of the upper. That is the bargain of this family of models: training uses
# the whole machine at once, drawing waits for its own last word. Most of the waiting is waste (each
# pass computes every pixel anew and keeps one), and chapter 06 gets rid of it.
#
# ## 3 · Train two of them
#
# The garments once in black and white (a level above 127 is white), once in 16 levels (`levels //
# 16`).
#
# *Black and white* is a choice that has to be named with every number. Here it is a threshold. In
# the literature on digits a grey value is also taken as the chance of white, drawn once for good
# ("fixed binarisation") or anew in every epoch ("dynamic"). These are three different data sets,
# and a score on one says nothing about another.

# %%
train = garments.train.subset(settings.n_train).levels
test = garments.test.subset(settings.n_held_out).levels.to(device)
alphabets = {2: lambda levels: (levels > 127).to(torch.uint8), 16: lambda levels: levels // 16}
pictures = [alphabets[n](garments.test.levels[:8]).float() / (n - 1) for n in alphabets]
show_images(torch.cat(pictures), n_columns=8, row_labels=["2 levels", "16 levels"]);

# %% [markdown]
# The score that counts is that of images the model was not trained on. Chapter 01 scored one batch;
# a data set comes in many, and the last is seldom full.
#
# ### Exercise 3.2

# %%
import math

from tutorial_lib.pixels import bits_per_dim, nll_nats

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
# Two rivals set the scale. One knows nothing. The other knows, for each pixel, how often it has
# which level, and not a word about neighbours: the *per-pixel marginals*, counted on the training
# images. Both are functions from levels to logits, so they can be scored like any model.

# %%
def per_pixel_logits(levels, n_levels):
    """Log of the share of each level at each pixel, (L, 1, 28, 28), smoothed by half a count."""
    counts = torch.stack([(levels == level).sum(dim=0) for level in range(n_levels)])
    return torch.log((counts + 0.5) / (len(levels) + 0.5 * n_levels)).to(device)


def constant_model(logits):
    """The same logits for every image."""
    return lambda levels: logits.expand(len(levels), *logits.shape)


scores = {}
for n_levels, quantised in alphabets.items():
    every_level = quantised(test).long()
    nothing = torch.zeros(n_levels, 1, 28, 28, device=device)
    marginals = per_pixel_logits(quantised(train), n_levels)
    for name, logits in (("uniform", nothing), ("marginals", marginals)):
        scores[n_levels, name] = held_out_score(constant_model(logits), every_level, 256)
        nats, bits = scores[n_levels, name]
        print(f"{n_levels:2} levels, {name:9}: {nats:7.1f} nats per image, {bits:.3f} bits/dim")

# %% [markdown]
# The uniform model pays log2 of the number of levels, as chapter 01 said. Now the PixelCNNs: loss
# in nats, all pixels of a batch in one pass.

# %%
from tutorial_lib.training import FitConfig, fit


def step(model, levels):
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    n_dims = levels[0].numel()
    return {"loss": nats / n_dims, "bits/dim": bits_per_dim(nats, n_dims)}


config = FitConfig(epochs=settings.epochs, batch_size=32, learning_rate=5e-3)
models, histories = {}, {}
for n_levels, quantised in alphabets.items():
    torch.manual_seed(0)
    sizes = {"n_channels": settings.n_channels, "n_layers": settings.n_layers}
    models[n_levels] = PixelCNN(n_levels=n_levels, **sizes)
    histories[n_levels] = fit(
        models[n_levels], step, (quantised(train),), config, valid=(quantised(test.cpu()),)
    )
    print(f"{n_levels} levels: {histories[n_levels].seconds:.0f} s of training")

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="tight")
for ax, (n_levels, history) in zip(axes, histories.items(), strict=True):
    rows, valid = history.rows, history.valid_rows
    curves = {"training": ([r["step"] for r in rows], [r["bits/dim"] for r in rows])}
    valid_bits = [r["valid bits/dim"] for r in valid]
    curves["held-out"] = ([r["step"] for r in valid], valid_bits)
    show_curves(curves, xlabel="training step", ylabel="bits/dim", ax=ax)
    for name, style in (("uniform", ":"), ("marginals", "--")):
        ax.axhline(scores[n_levels, name][1], color="gray", ls=style, label=name)
    ax.set(title=f"{n_levels} levels", ylim=(0, None))
    ax.legend(fontsize=8)

# %% [markdown]
# Below the dashed line a network must be using the neighbours of a pixel: whoever looks at each
# pixel alone cannot get there (mind that the second axis is four times as long as the first). A gap
# between held-out and training would mean that images are being learnt by heart.

# %%
print(f"{'held-out':22} {'nats per image':>14} {'bits/dim':>9} {'of uniform':>11}")
for n_levels, quantised in alphabets.items():
    scores[n_levels, "PixelCNN"] = held_out_score(
        models[n_levels].to(device), quantised(test).long(), 100
    )
    for name in ("uniform", "marginals", "PixelCNN"):
        nats, bits = scores[n_levels, name]
        share = bits / scores[n_levels, "uniform"][1]
        print(f"{n_levels:2} levels, {name:10} {nats:14.1f} {bits:9.3f} {share:11.0%}")

# %% [markdown]
# > **Predict.** The binary model has far fewer bits/dim. Is it the better model?
# > <details><summary>A way to think about it</summary>What would the 16-level model say if it were
# > only asked whether a pixel is above 127?</details>
#
# To find out, take a model for which the question can be answered exactly, the marginals with 16
# levels, and *merge* neighbouring levels: the probability of a merged level is the sum of its
# parts.

# %%
p = per_pixel_logits(alphabets[16](train), 16).exp()
for merged in (1, 2, 4, 8):
    coarse = p.unflatten(0, (16 // merged, merged)).sum(dim=1)
    images = alphabets[16](test).long() // merged
    _, bits = held_out_score(constant_model(coarse.log()), images, 256)
    print(f"one model, one set of images, told in {16 // merged:2} levels: {bits:.3f} bits/dim")

# %% [markdown]
# Nothing changed but the alphabet. A finer level says more, so it costs more: the price of 16
# levels is the price of black or white *plus* the price of the rest. Bits/dim compare models of the
# **same discrete images**, and nothing else. So the question had no answer: the binary model has
# fewer bits/dim because less is asked of it.
#
# ## 4 · What the model thinks of a single pixel
#
# Each softmax is an opinion, and one pass holds 784 of them. From here on the shipped model speaks.
# How *unsure* it is about a pixel, in one number, is the entropy of its softmax (exercise 1.5). How
# *surprised* it is by what stands there is what the pixel costs. Both in bits, for a boot:

# %%
image = whole[1:].to(device)
with torch.inference_mode():
    log_p = torch.log_softmax(shipped(image)[0, :, 0], dim=0).cpu()  # (16, 28, 28)
unsure = -(log_p.exp() * log_p).sum(dim=0) / math.log(2)
surprised = -log_p.gather(0, image[0].cpu())[0] / math.log(2)
places = [(2, 3), (20, 18), *(divmod(m.argmax().item(), 28) for m in (unsure, surprised))]
figure, axes = plt.subplots(1, 3, figsize=(7, 2.3), layout="constrained")
show_images(image.cpu(), n_levels=16, ax=axes[0]).set_title("image")
label = {"color": "#d62728", "ha": "center", "va": "center", "fontsize": 7, "weight": "bold"}
for number, (row, column) in enumerate(places, start=1):
    axes[0].text(column, row, number, bbox={"fc": "white", "lw": 0, "pad": 1}, **label)
for ax, (name, bits) in zip(
    axes[1:], {"unsure": unsure, "surprised": surprised}.items(), strict=True
):
    shown = ax.imshow(bits, cmap="viridis", vmin=0, vmax=6)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(shown, ax=axes[1:], label="bits");

# %% [markdown]
# The background is nearly free. Inside, a pixel costs some bits: grain that nobody could foretell.
# The dearest stand mostly where the boot begins and the model was still sure of black (yellow means
# 6 bits *or more*). Four pixels carry numbers: one of the background, one inside, the one the model
# is least sure about, and the one that surprised it most. These are its opinions on them; the red
# triangle marks the level that was really there:

# %%
figure, axes = plt.subplots(1, 4, figsize=(7, 1.9), layout="tight", sharey=True)
for number, (ax, (row, column)) in enumerate(zip(axes, places, strict=True), start=1):
    ax.bar(range(16), log_p[:, row, column].exp(), width=0.9, color="#3b76af")
    ax.plot(image[0, 0, row, column].item(), -0.05, "^", color="#d62728", ms=6, clip_on=False)
    cost = surprised[row, column].item()
    ax.set(title=f"pixel {number}: {cost:.1f} bits", ylim=(0, 1), xticks=[])
    ax.set_xlabel("level (0–15)", labelpad=10)
axes[0].set_ylabel("probability");

# %% [markdown]
# All but certain of the background; a hump of likely levels inside; spread out where it cannot
# know; and, in the last one, sure of something else. Each level has a bar of its own and no bell
# curve was built in, so a softmax can also say "black *or* bright, and nothing in between": that is
# why the paper takes one (section 2.2).
#
# A model that knows how unsure to be pays, on average, what it expects to pay. Do ours?

# %%
held_out = alphabets[16](test[:100]).long()
for name, model in {"trained above": models[16], "shipped": shipped}.items():
    with torch.inference_mode():
        log_shares = torch.log_softmax(model(held_out), dim=1)
    nats, bits = held_out_score(model, held_out, 50)
    expected = -(log_shares.exp() * log_shares).sum(dim=1).mean().item() / math.log(2)
    print(f"{name:13} expects to pay {expected:.3f} bits/dim, pays {bits:.3f}, ", end="")
    print(f"that is {nats:.1f} nats per image")

# %% [markdown]
# In each line the two numbers are close together: on average neither model is too sure or too
# unsure of itself. (That is the least one can ask. The per-pixel marginals would pass, too.) The
# one that pays less has fewer doubts.
#
# The same boot, pixel by pixel: what the model expects next, and what comes. The costs of all its
# pixels add up to the cost of the image.

# %%
diagrams.growing(shipped, whole[1], (180, 290, 400, 610))

# %% [markdown]
# ## 5 · Draw
#
# Now the loop itself. The inverse CDF of chapter 01 is given as `draw`; the noise comes from
# outside, so that two ways of drawing can be compared to the last pixel.
#
# ### Exercise 3.3

# %%
from tutorial_lib.sampling import draw

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

# %% tags=["nbval-check-output"]
noise = torch.Generator().manual_seed(0)
uniforms = torch.rand(3, 1, 5, 8, generator=noise, dtype=torch.float64)
on_cpu = PixelCNN(n_levels=16, n_channels=16, n_layers=2)
theirs = sample(on_cpu, (3, 1, 5, 8), uniforms=uniforms, method="naive")
print("the library draws the same images:", torch.equal(sample_images(on_cpu, uniforms), theirs))

# %% [markdown]
# ### First the wrong ways
#
# "Take the likeliest level each time" sounds like the cautious way to draw. Ask the shipped model
# for a whole image in that manner (a temperature near 0 does it), and for the halves from the top
# of the page.
#
# > **Predict.** What is the likeliest first pixel? Given that, the likeliest second one?
# > <details><summary>A way to think about it</summary>Garments lie in the middle of a black square.
# > When does the likeliest next pixel stop being black?</details>

# %%
height = settings.rows_drawn
likeliest = sample(shipped, (1, 1, height, 28), temperature=1e-4, method="naive").cpu()
argmax_halves = complete(shipped, whole, 1, temperature=1e-4)
blank = F.pad(likeliest, (0, 0, 0, 28 - height))
titles = ["from nothing", "half given", "half given"]
show_images(torch.cat([blank, argmax_halves]), n_levels=16, titles=titles)
print("levels in the first image:", likeliest.unique().tolist())
black = torch.zeros_like(held_out[:1])
with torch.inference_mode():
    empty = nll_nats(shipped(black), black)
    real = nll_nats(shipped(held_out), held_out)
print(f"an all-black image costs {empty.item():.1f} nats, ", end="")
print(f"real ones {real.min().item():.1f} to {real.max().item():.1f}")

# %% [markdown]
# Where half a garment is given, edges tend to run straight down: tidy, dull, and the same each
# time. From nothing, taken pixel by pixel, the likeliest image is no garment at all. The model's
# short view has a part in this: after eleven black rows it has forgotten that a garment is due. But
# it would be no fault in itself. The all-black image is cheaper, that is, more probable, than any
# single real one. And you will hardly ever draw it: there are so many garments that together they
# have nearly all of the probability. To draw means to take something *typical*. The likeliest
# outcome of a hundred tosses of a coin that falls heads sixty times in a hundred is a hundred
# heads, and nobody has ever seen it.
#
# The other wrong way is fast: one pass, and all pixels drawn from it at once. The pass saw a black
# image, so each pixel is drawn as if everything before it were black.

# %%
shape = (settings.n_drawn, 1, height, 28)
luck = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
with torch.inference_mode():
    one_pass = draw(shipped(torch.zeros(shape, dtype=torch.long, device=device)), luck.to(device))
drawn = {"all at once": one_pass.cpu()}
began = time.perf_counter()
drawn["properly"] = sample(shipped, shape, uniforms=luck, method="naive").cpu()
print(f"{height * 28} passes, {time.perf_counter() - began:.0f} s for {len(luck)} images")
show_images(
    torch.cat(list(drawn.values())), n_levels=16, n_columns=len(luck), row_labels=list(drawn)
);

# %% [markdown]
# Both rows used the same model and the same noise. Above, every pixel is drawn after black and
# knows nothing of its neighbours. Below, each pixel is told what has become of the ones before.
# Folds, edges and cloth are there. Few of them are garments that anybody would wear: no pixel sees
# further up than the blocks reach, so the lower part has forgotten what the upper part was going to
# be. The next chapters work on that.
#
# ### Temperature
#
# Divide the logits by a number T before the softmax. Below 1, the likely gets likelier.

# %%
rows = {"T = 0.5": 0.5, "T = 1": 1.0, "T = 1.5": 1.5}
by_temperature = [
    drawn["properly"]
    if temperature == 1
    else sample(shipped, shape, uniforms=luck, temperature=temperature, method="naive").cpu()
    for temperature in rows.values()
]
show_images(torch.cat(by_temperature), n_levels=16, n_columns=len(luck), row_labels=list(rows));

# %% [markdown]
# Cold images tend to be dark, or empty; hot ones dissolve. It is tempting to turn the knob until
# the samples please, and to show those. But at any T other than 1 it is no longer the model that
# draws, it is another distribution. We can ask what *that* one pays for held-out images:
# softmax(logits / T) is a model like any other.

# %%
with torch.inference_mode():
    logits = shipped(held_out)
temperatures = [0.5 + 0.1 * i for i in range(16)]
costs = [bits_per_dim(nll_nats(logits / t, held_out).mean().item(), 784) for t in temperatures]
ax = show_curves(
    {"shipped model": (temperatures, costs)}, xlabel="temperature T", ylabel="held-out bits/dim"
)
ax.axvline(1, color="gray", ls=":")
ax.set_ylim(0.95 * min(costs), None);

# %% [markdown]
# The minimum lies near T = 1, as it does for a model that is neither too sure nor too unsure.
# Samples at another temperature may be shown, with the temperature said; they are not what the
# likelihood was measured on.
#
# ### What may be given?
#
# The halves at the top of this page were completed by the very same loop: known pixels are put in,
# only unknown ones are drawn. This is exact: the lower half is drawn from p(lower | upper), because
# the upper half *is* the past. Now keep the lower half instead, and have the upper one drawn.

# %%
known = whole.repeat_interleave(settings.n_drawn // 2, dim=0)
known[:, :, :half_rows] = -1
noise = torch.Generator().manual_seed(2)
upper = sample(shipped, tuple(known.shape), known=known, method="naive", generator=noise).cpu()
titles = ["truth", *["upper drawn"] * (settings.n_drawn // 2)]
columns = [torch.cat([whole[i : i + 1], upper.unflatten(0, (2, -1))[i]]) for i in range(2)]
show_images(torch.cat(columns), n_levels=16, n_columns=len(titles), titles=titles);

# %% [markdown]
# The upper halves are drawn as if the lower ones were not there, and the two do not fit. The order
# of the chain rule is the order in which this model can listen. p(upper | lower) exists; this
# network cannot draw from it.

# %%
ch03.progress()

# %% [markdown]
# > **In words.** Somebody trains a PixelCNN and reports "0.9, averaged over the test set". Which
# > questions do you ask before you compare it with anything?
# > <details><summary>An answer</summary>In which unit: nats or bits, per image or per dimension? Of
# > which discrete images: how many levels, which binarisation, what size? Held-out images, all of
# > them, each with the same weight? And at temperature 1?</details>
#
# > **In words.** Training shows the network true pasts; while drawing it sees pasts of its own
# > making. What can go wrong, and why does the likelihood not show it?
# > <details><summary>An answer</summary>
# >
# > An unlikely pixel leads into a past that no training image had. What the network says there was
# > never trained, so mistakes can grow along the way: shapes fall apart towards the bottom. The
# > likelihood of held-out images is computed from true pasts alone. For a perfect model there would
# > be no difference: its draws *are* like the data.
# >
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN eq. 1, Gated PixelCNN eq. 1 | p(x) is a product of conditionals; it sums to 1 | section 1 | `total_probability` |
# | PixelRNN sec. 2.2 | a softmax over the levels of each pixel | section 4 | `nll_nats` |
# | PixelRNN sec. 3.3, fig. 5 | residual blocks | section 1, exercise 3.1 | `MaskedResidualBlock` |
# | PixelRNN sec. 3.4 | masks A and B | section 1 | `MaskedConv2d` |
# | PixelRNN sec. 3.5, table 1 | PixelCNN: first layer, blocks, head | section 1 | `PixelCNN` |
# | PixelRNN sec. 5.1 | nats for binary images, bits/dim | section 3, exercise 3.2 | `nll_nats`, `bits_per_dim` |
# | Gated PixelCNN sec. 2 | pixels are drawn one after the other | section 5, exercise 3.3 | `sample` |
#
# Next comes [04 · The gated PixelCNN](04_gated_pixelcnn.ipynb), with two stacks and a gate. The
# recurrent networks that PixelCNN was made to replace are in the optional chapter
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
