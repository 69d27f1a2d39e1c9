# %% [markdown]
# # 01 · Images as sequences
#
# [← From Pixels to Codes](00_start_here.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [02 · Masked convolutions →](02_masked_convolutions.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/01_images_as_sequences.ipynb)
#
# What is the probability of a picture? There are only sixteen pictures of four black-or-white pixels,
# so there you can write down all of their probabilities. This chapter builds a generative model of
# these sixteen, and checks each of its claims against all sixteen probabilities. It ends with the
# question of how to do the same for images of 784 pixels.
#
# **By the end you will have**
#
# - a generative model made by counting, whose sixteen probabilities sum to 1;
# - images drawn from it, and their cost in nats, bits and bits/dim;
# - the lowest cost that any model can reach, and a GAN that draws well but cannot score an image.
#
# **You need** probability (what p(a, b) = p(a) p(b | a) means), logarithms, and a little PyTorch.
#
# **Time** about an hour and a half: 50 minutes of reading, 40 for the five exercises. Running all
# cells takes under a minute on a laptop without a GPU.

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
from tutorial_lib.exercises import ch01


@dataclass
class Settings:
    n_patches: int  # 2×2 patches cut from real images
    n_samples: int
    gan_steps: int
    n_gan_samples: int


settings = profiles.choose(
    smoke=Settings(2_000, 500, 50, 2_000),
    laptop=Settings(100_000, 4_000, 3_000, 100_000),
    gpu=Settings(100_000, 4_000, 3_000, 100_000),
)
settings

# %% [markdown]
# ## Where this ends
#
# Cut many patches of 2×2 pixels out of the middle of photographs of garments, and make every pixel
# black (0) or white (1). How often does each of the sixteen possible patches occur? The figure below
# shows it. At the end of the chapter you have a model that reproduces these sixteen numbers, one pixel
# at a time.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.pixels import enumerate_images, image_frequencies

torch.manual_seed(1)
garments = data.load("fashion-mnist-sample").train.levels
binary = (garments > 127).long()
middle = binary[:, 0, 8:20, 8:20]  # 12×12 pixels of each garment
squares = middle.unfold(1, 2, 1).unfold(2, 2, 1).flatten(0, 2)  # every 2×2 square in them
picked = torch.randint(len(squares), (settings.n_patches,))
patches = squares[picked][:, None]  # (N, 1, 2, 2): images of one colour
truth = image_frequencies(patches)
print(tuple(patches.shape), "patches, values", patches.unique().tolist())

# %%
import matplotlib.pyplot as plt

from tutorial_lib.notebook import show_images

images = enumerate_images(2, 2)
large = images.float().repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
framed = torch.nn.functional.pad(large, (2, 2, 2, 2), value=0.7)


def show_distributions(distributions, ylabel="probability"):
    """Bars over the sixteen images, which are drawn below the axis."""
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(7, 3.2), height_ratios=[4, 1], layout="tight", sharex=False
    )
    width = 0.8 / len(distributions)
    for i, (name, p) in enumerate(distributions.items()):
        places = torch.arange(16) + (i - (len(distributions) - 1) / 2) * width
        top.bar(places.numpy(), p.numpy(), width=width, label=name)
    top.set(ylabel=ylabel, xticks=[], xlim=(-0.5, 15.5))
    top.legend()
    show_images(framed, n_columns=16, gutter=0.7, ax=bottom)


show_distributions({"patches of real garments": truth})

# %% [markdown]
# Each of the sixteen images is drawn below its bar. All white and all black are the most frequent.
# The two upright edges, black beside white, come next. The two chessboards are the rarest.
#
# > **From the reading notes.** (This series started from a student's notes on the papers.) *A
# > PixelCNN "can give a probability of how likely the image is to be accurate", unlike a GAN.*
# > Probability of what?
# >
# > Of the image itself: $p(x)$ answers "if the model draws one image, how probable is it that exactly
# > this one comes out?". It is the height of a bar above. It says nothing about accuracy: "accurate"
# > would need something to compare the image with. A GAN draws images, so it has such a distribution
# > too, but it offers no way to compute the height of a bar. Section 7 trains one on these patches and
# > tries.
#
# ## 1 · An image is a sequence
#
# Read the four pixels in *raster order*: row by row from the top, each row from left to right. Call
# them $x_1, x_2, x_3, x_4$. The chain rule of probability takes an image apart, pixel by pixel:
#
# $$p(x) = p(x_1)\, p(x_2 \mid x_1)\, p(x_3 \mid x_1, x_2)\, p(x_4 \mid x_1, x_2, x_3)$$
#
# This is equation 1 of the PixelRNN paper and of the gated PixelCNN paper, for $n^2 = 4$ pixels. It
# holds for any distribution.

# %% jupyter={"source_hidden": true} cellView="form"
# @title Drawing: the four factors
from tutorial_lib.notebook import show_mask

figure, axes = plt.subplots(1, 4, figsize=(7, 1.9), layout="tight")
factors = ["p(x_1)", r"p(x_2 \mid x_1)", r"p(x_3 \mid x_1, x_2)", r"p(x_4 \mid x_1, x_2, x_3)"]
for i, (ax, factor) in enumerate(zip(axes, factors, strict=True)):
    before = (torch.arange(4) < i).float().view(2, 2)  # 1: drawn before pixel i
    show_mask(before, ax=ax).set_title(f"${factor}$", fontsize=11)
    row, column = divmod(i, 2)
    here = plt.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="#d62728", lw=2.5)
    ax.add_patch(here).set_clip_on(False)
    for j in range(4):
        color = "white" if j < i else "#d62728" if j == i else "#888888"
        ax.text(j % 2, j // 2, f"$x_{j + 1}$", ha="center", va="center", color=color)

# %% [markdown]
# The pixel outlined in red is the one whose probability the factor gives. Blue pixels are its past,
# grey ones are not drawn yet. A pixel is 0 or 1, so each factor is a table with one number for each
# past: the probability that the pixel is 1.
#
# > **Predict.** How many numbers do the four tables hold together?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The first pixel has no past: one number, $p(x_1 = 1)$. The second has a past of one pixel, so two
# > numbers. Then four, then eight. Why is no number needed for the probability of 0?
# > </details>

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import fit_tables

model = fit_tables(patches)
for i, table in enumerate(model.p_one):
    print(f"p(x{i + 1} = 1 | past): shape {tuple(table.shape)}, {table.numel()} numbers")
print("together", sum(table.numel() for table in model.p_one))

# %% [markdown]
# Fifteen numbers are enough, because sixteen probabilities that sum to 1 are fixed by fifteen of
# them. `fit_tables` finds the numbers by counting. For example: of all patches whose first pixel is
# white, what share has a white second pixel?

# %%
first, second = patches[:, 0, 0, 0], patches[:, 0, 0, 1]
began_white = first == 1
print("by hand:   ", (second[began_white] == 1).double().mean().item())
print("the table: ", model.p_one[1][1].item())
print("and after a black first pixel:", round(model.p_one[1][0].item(), 4))

# %% [markdown]
# After a white pixel, white is likely. After a black one, black is likely. Neighbours agree.
#
# ## 2 · Multiply
#
# From here on the code counts pixels from 0, as Python does: `p_one[0]` is the table of $x_1$, and
# `p_one[3]` that of $x_4$.
#
# ### Exercise 1.1

# %% jupyter={"source_hidden": true} cellView="form"
ch01.log_prob_nats.card()


# %%
def log_prob_nats(p_one: list[torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    """log p(pixels) in nats, by the chain rule.

    p_one    a table for each of D pixels: p_one[i][x_0, ..., x_(i-1)] is the probability that
             pixel i is 1, given the pixels before it. p_one[0] is a single number
    pixels   (D,) zeros and ones, torch.long, in the order of the tables
    returns  one number, a tensor of shape (); -inf for an image of probability 0

    By hand: p_one = [0.25, [0.5, 0.125]] and pixels = [0, 1] give
             p = (1 - 0.25) * 0.5 = 0.375, so log p = -0.98
    """
    ____


log_prob_nats = ch01.log_prob_nats.check(log_prob_nats)

# %% [markdown]
# Use it on all sixteen images. The sum should be 1, and each product should equal the frequency that
# we counted directly.

# %%
every = images.flatten(1)
probabilities = torch.stack([log_prob_nats(model.p_one, pixels) for pixels in every]).exp()
print(f"sum over all 16 images: {probabilities.sum().item():.12f}")
print(f"largest difference from direct counting: {(probabilities - truth).abs().max().item():.1e}")

# %% [markdown]
# The chain rule is exact: nothing was lost by taking the image apart. Later, when the tables become
# too large, a model approximates the tables; the chain rule stays exact.
#
# ## 3 · Draw
#
# The same tables draw new images. Draw $x_1$, white with probability $p(x_1 = 1)$. Look up the table of
# $x_2$ at the value just drawn, draw $x_2$, and so on. This is **ancestral sampling**. A uniform number
# $u$ in $[0, 1)$ decides: the pixel is 0 if $u$ lies below the probability of 0, else 1. (This is
# called the *inverse CDF*.)
#
# ### Exercise 1.2

# %% jupyter={"source_hidden": true} cellView="form"
ch01.sample_pixels.card()


# %%
def sample_pixels(p_one: list[torch.Tensor], uniforms: torch.Tensor) -> torch.Tensor:
    """Draw D pixels, one after the other, by inverse CDF.

    p_one     a table for each pixel: p_one[i][x_0, ..., x_(i-1)] is the probability that pixel i
              is 1, given the pixels before it
    uniforms  (D,) numbers in [0, 1): pixel i is 0 if uniforms[i] < p(pixel i is 0), else 1
    returns   (D,) zeros and ones, torch.long

    By hand: p_one = [0.25, [0.5, 0.125]] and uniforms = [0.8, 0.6] give 1, since 0.8 >= 0.75,
             and then 0, since 0.6 < 0.875
    """
    ____


sample_pixels = ch01.sample_pixels.check(sample_pixels)


# %%
def draw(uniforms):
    return torch.stack([sample_pixels(model.p_one, u) for u in uniforms]).view(-1, 1, 2, 2)


drawn = draw(torch.rand(settings.n_samples, 4, dtype=torch.float64))
show_distributions({"model, exact": probabilities, "share of samples": image_frequencies(drawn)})

# %% [markdown]
# The bars agree up to chance, because each pixel was drawn *given the ones before it*.
#
# ### A wrong way, on purpose
#
# Here are two shortcuts. The first takes the likelier value of each pixel instead of drawing it (all
# uniform numbers are 0.5, so a pixel is 0 only if 0 has more than half of the probability). The second
# draws all four pixels at once, each from its own frequency of white.
#
# > **Predict.** What will the bars of the two look like?
# >
# > <details><summary>A way to think about it</summary>
# >
# > How much chance is left in the first? And what does the second know about neighbours?
# > </details>

# %%
likeliest = draw(torch.full((settings.n_samples, 4), 0.5, dtype=torch.float64))
white_share = patches.flatten(1).double().mean(dim=0)
at_once = (torch.rand(settings.n_samples, 4) < white_share).long().view(-1, 1, 2, 2)
show_distributions(
    {
        "truth": truth,
        "likelier value each time": image_frequencies(likeliest),
        "all pixels at once": image_frequencies(at_once),
    }
)

# %% [markdown]
# The first shortcut draws the same image every time. The second draws chessboards about as often as
# edges: the pixels do not know of each other, so they cannot agree.
#
# **You now know** how one set of tables gives the probability of an image, and draws new images.
#
# ## 4 · Score: nats, bits, bits per dimension
#
# A product of many small numbers soon falls below what a computer can hold, so models compute with
# logarithms. The **negative log-likelihood** $-\log p(x)$ is called the **cost** of an image in this
# series. With the natural logarithm its unit is the *nat*, with base 2 the *bit*. A rare image has a
# high cost.

# %%
import math

nats = -probabilities.log()
order = nats.argsort()
for name, k in (("lowest cost: ", order[0]), ("highest cost:", order[-1])):
    bits = nats[k].item() / math.log(2)
    print(name, every[k].tolist(), f"{nats[k].item():.3f} nats = {bits:.3f} bits")

# %% [markdown]
# A large model gives *logits*: one number for each value (*level*) that a pixel can have. The softmax of
# a pixel's logits are its probabilities. The cost of an image is the *sum* over its pixels, not the mean.
#
# ### Exercise 1.3

# %% jupyter={"source_hidden": true} cellView="form"
ch01.nll_nats.card()


# %%
def nll_nats(logits: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """-log p(x) of each image, in nats: the sum over all of its pixels.

    logits   (B, L, C, H, W) unnormalised log-probabilities of the L levels
    levels   (B, C, H, W) torch.long, 0 .. L-1
    returns  (B,)

    By hand: one image of two pixels, two levels, all logits 0. Each level has probability 1/2,
             so the cost is log 2 + log 2 = 1.386
    """
    ____


nll_nats = ch01.nll_nats.check(nll_nats)

# %% [markdown]
# The cost of an image grows with its size. To compare sizes, divide by the number of dimensions $D$ (the
# *sub-pixels*: pixels times colours), and go from nats to bits. This is **bits/dim**.
#
# ### Exercise 1.4

# %% jupyter={"source_hidden": true} cellView="form"
ch01.bits_per_dim.card()


# %%
def bits_per_dim(nll_nats: torch.Tensor | float, n_dims: int) -> torch.Tensor | float:
    """Nats per image to bits per dimension.

    nll_nats  (B,) costs of images in nats, or a single number
    n_dims    how many sub-pixels an image has
    returns   the same shape as nll_nats

    By hand: 784 binary pixels under a uniform model cost 784 * log 2 = 543.4 nats, and 1 bit/dim
    """
    ____


bits_per_dim = ch01.bits_per_dim.check(bits_per_dim)

# %% [markdown]
# A model that knows nothing gives each of $L$ levels the same probability.
#
# > **Predict.** What does a binary 28×28 image cost under it, in nats? And an 8-bit image, in bits/dim?
# >
# > <details><summary>A way to think about it</summary>
# >
# > A binary image is 784 fair coins, and each costs $\log 2$ nats. A pixel of 256 levels costs
# > $\log_2 256$ bits, whatever the size of the image.
# > </details>

# %% tags=["nbval-check-output"]
for n_levels in (2, 256):
    knows_nothing = torch.zeros(1, n_levels, 1, 28, 28, dtype=torch.float64)
    cost = nll_nats(knows_nothing, torch.zeros(1, 1, 28, 28, dtype=torch.long))
    print(f"{n_levels:3} levels: {cost.item():.1f} nats per image, ", end="")
    print(f"{bits_per_dim(cost, 784).item():.3f} bits/dim")

# %% [markdown]
# Remember both: 543.4 nats for binary images of 28×28 pixels, 8 bits/dim for 8-bit images. If a trained
# model has a higher cost, or almost none, look for a bug.
#
# ## 5 · The floor
#
# How low can the cost get? In this section, $p$ is the true distribution of the data and $q$ is a
# model. An image $x$ costs $-\log q(x)$. The mean cost of images drawn from $p$ is called the
# *cross-entropy*. Write $-\log q = -\log p + \log \frac pq$, and it splits into two parts:
#
# $$\underbrace{-\sum_x p(x) \log q(x)}_{\text{mean cost under the model}}
#   = \underbrace{-\sum_x p(x) \log p(x)}_{\text{entropy: the floor}}
#   + \underbrace{\sum_x p(x) \log \frac{p(x)}{q(x)}}_{\text{KL, at least 0}}$$
#
# ### Exercise 1.5

# %% jupyter={"source_hidden": true} cellView="form"
ch01.entropy_bits.card()


# %%
def entropy_bits(probabilities: torch.Tensor) -> torch.Tensor:
    """The mean cost in bits of an outcome, under the distribution that made it.

    probabilities  (K,) at least 0, with sum 1; a probability may be exactly 0
    returns        one number, a tensor of shape ()

    By hand: [1/2, 1/4, 1/4, 0] gives 1/2 * 1 + 1/4 * 2 + 1/4 * 2 + 0 = 1.5 bits
    """
    ____


entropy_bits = ch01.entropy_bits.check(entropy_bits)

# %% [markdown]
# The second part is the Kullback-Leibler divergence (KL). It is never below 0, and 0 only if $q = p$. So
# no model costs less than the entropy.
#
# <details><summary>Why is the KL never below 0?</summary>
#
# The curve $\log t$ lies below its tangent at 1: $\log t \le t - 1$, with equality only at $t = 1$. So
# $-\mathrm{KL} = \sum_x p \log \frac qp \le \sum_x p \left(\frac qp - 1\right) \le 1 - 1 = 0$.
# </details>
#
# On our patches we can compute this floor exactly. We compare it with the cost of four kinds of model:
# the uniform one, independent pixels (the second shortcut of section 3), the tables, and a thousand
# distributions drawn at random.

# %%
floor = entropy_bits(truth).item() / 4


def mean_cost(q):
    """The mean cost of the patches under q, in bits/dim."""
    return -torch.xlogy(truth, q).sum(dim=-1) / math.log(2) / 4


wild = torch.distributions.Dirichlet(torch.full((16,), 0.5, dtype=torch.float64)).sample((1000,))
independent = torch.where(every == 1, white_share, 1 - white_share).prod(dim=1)
models = {"uniform": torch.full((16,), 1 / 16, dtype=torch.float64)}
models |= {"independent pixels": independent, "tables": probabilities}
print(f"{'floor (entropy)':20} {floor:.4f} bits/dim")
for name, q in models.items():
    print(f"{name:20} {mean_cost(q).item():.4f} bits/dim")
costs = mean_cost(wild)
print(f"random models below the floor: {(costs < floor).sum().item()} of {len(costs)}")

# %%
ax = plt.subplots(figsize=(7, 2.4), layout="tight")[1]
ax.hist(costs.numpy(), bins=60, range=(0, 4), color="#b9c7d6", label="1000 random models")
for name, q in models.items():
    line = ax.axvline(mean_cost(q).item(), lw=1.5, label=name)
    line.set_color({"uniform": "gray", "independent pixels": "#e6a04c"}.get(name, "#3b76af"))
ax.axvline(floor, color="#d62728", ls="--", label="floor")
ax.set(xlabel="cost of the data (bits/dim)", ylabel="models", xlim=(0, 4))
ax.legend();

# %% [markdown]
# The dashed line is the floor. No model costs less on these patches, and the tables cost exactly as
# much. The uniform model is far from the worst: most random models cost more, because they give a small
# probability to patches that are frequent.
#
# The tables reach the floor because they were counted on the same patches that they are scored on. Next,
# we count on a few patches only, and score on those and on fresh ones. (`smoothing=0.5` adds half a patch
# to every count, so that no probability is exactly 0.)

# %%
for n in (20, 100, 1_000, len(patches) // 2):
    few = fit_tables(patches[:n], smoothing=0.5)
    fresh = patches[len(patches) // 2 :]
    seen = -few.log_prob_nats(patches[:n]).mean() / (4 * math.log(2))
    unseen = -few.log_prob_nats(fresh).mean() / (4 * math.log(2))
    print(f"counted on {n:6}: {seen.item():.4f} on those, {unseen.item():.4f} on fresh patches")

# %% [markdown]
# Counted on twenty patches, the tables cost less on those than on fresh ones: they have learned what
# was special about the twenty. From top to bottom, the cost on fresh patches (last column) falls towards
# the floor. The first column goes up and down, because each set of patches has an entropy of its own:
# a hundred patches may happen to be more varied than others. Counted on tens of thousands, the two
# costs are nearly the same. So this series compares models on *held-out* images, which no model was
# trained on.
#
# **You now know** how to judge a cost: how far is it from the floor, and how far below the uniform
# model?
#
# ## 6 · Does the order matter?
#
# Raster order was a choice. The chain rule holds for all 24 orders of four pixels.

# %%
from itertools import permutations

orders = list(permutations(range(4)))
full = [fit_tables(patches, order=order) for order in orders]
worst = max((m.all_probabilities() - truth).abs().max().item() for m in full)
print(f"{len(orders)} orders, largest difference from the truth: {worst:.1e}")

# %% [markdown]
# With complete tables, every order gives the same sixteen probabilities. But complete tables are possible
# only for tiny images. So limit the model: each pixel may read *one* pixel only, the one drawn just
# before it.
#
# > **Predict.** Which orders cost most now?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Neighbours agree. In which orders is the pixel drawn just before always a neighbour? In which is it
# > the pixel across the diagonal?
# > </details>

# %%
limited = [fit_tables(patches, order=order, context_size=1) for order in orders]
costs = torch.stack([mean_cost(m.all_probabilities()) for m in limited])
ranking = costs.argsort()
figure, ax = plt.subplots(figsize=(7, 2.6), layout="tight")
ax.plot(range(24), costs[ranking].numpy(), "o", color="#3b76af", label="one pixel of context")
ax.axhline(floor, color="#d62728", ls="--", label="floor: any order, full context")
names = ["".join(str(i + 1) for i in orders[k]) for k in ranking]
ax.set_xticks(range(24), names, rotation=90, fontsize=8)
ax.set(xlabel="order of the pixels (1 2 over 3 4)", ylabel="bits/dim")
ax.legend();

# %% [markdown]
# The four orders of the lowest cost walk around the square without a jump, and two of their three steps
# go up or down: in garments, pixels one above the other agree most. The four of the highest cost cross
# the diagonal twice. Raster order, 1 2 3 4, crosses it once, and its other two steps go sideways.
#
# So the order makes no difference to complete tables, which read the whole past. It makes a difference
# to a model that reads only a part of it. Chapters 02 to 04 are about which part of the past a PixelCNN
# can read.
#
# ## 7 · A GAN on the same toy
#
# A generative adversarial network (GAN) [3] has two parts. Its *generator* turns noise into images. Its
# *critic* tries to tell these images from real ones, and the generator is trained to mislead the critic.
# Both are small here:

# %%
from torch import nn


def small_network(n_in, n_out):
    hidden = [nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(64, n_out))


real_patches = patches.flatten(1).float()

# %%
from tqdm.auto import trange

torch.manual_seed(0)
generator, critic = small_network(4, 4), small_network(4, 1)
generator_steps = torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.9))
critic_steps = torch.optim.Adam(critic.parameters(), lr=5e-4, betas=(0.5, 0.9))
softplus = nn.functional.softplus
for _ in trange(settings.gan_steps, desc="GAN", leave=False):
    real = real_patches[torch.randint(len(real_patches), (256,))]
    real = real + 0.1 * torch.randn_like(real)  # or the critic need only look for whole numbers
    fake = generator(torch.randn(256, 4))
    critic_loss = (softplus(-critic(real)) + softplus(critic(fake.detach()))).mean()
    critic_steps.zero_grad()
    critic_loss.backward()
    critic_steps.step()
    generator_loss = softplus(-critic(fake)).mean()
    generator_steps.zero_grad()
    generator_loss.backward()
    generator_steps.step()

# %%
with torch.inference_mode():
    gan_drawn = (generator(torch.randn(settings.n_gan_samples, 4)) > 0.5).long().view(-1, 1, 2, 2)
gan_share = image_frequencies(gan_drawn)
show_distributions({"truth": truth, "share of GAN samples": gan_share})

# %% [markdown]
# It draws fairly well: bars that are tall for the data are tall here, and low ones are low. Now ask it
# what we asked the tables: *how probable is this image?* Nothing in the network answers that. The
# generator is a function from noise to images. The probability $p(x)$ is that of all the noise which
# becomes $x$, and the network has no way to add it up.
#
# With only sixteen images there is a way round: draw very often, and count.

# %%
print(f"tables: {mean_cost(probabilities).item():.4f} bits/dim, read off the model")
for n in (100, 1_000, 10_000, settings.n_gan_samples):
    share = image_frequencies(gan_drawn[:n])
    missing = ((share == 0) & (truth > 0)).sum().item()
    cost = mean_cost(share).item()
    print(f"GAN, {n:7,} drawings: {cost:.4f} bits/dim, {missing} images of the data never drawn")

# %% [markdown]
# As long as one image of the data has never been drawn, the estimate is infinite. Counting cannot tell
# whether the GAN draws that image rarely or never. There are $2^{784}$ binary images of 28×28 pixels. In
# any number of drawings that we can make, almost all of them never occur, so counting is hopeless there.
# The tables, and every PixelCNN after them, compute the probability.
#
# > **In words.** Somebody says: "The samples of model A look better than those of model B, so A has the
# > higher likelihood." Invent two models of these patches: one that draws flawless patches and has a bad
# > likelihood, and one that draws bad patches now and then and has a good likelihood. (More in [4].)
# >
# > <details><summary>An answer</summary>
# >
# > A model that draws only all-black and all-white patches looks flawless and has infinite cost, since it
# > gives every edge the probability 0. A model that draws from the tables with probability 0.99, and at
# > random otherwise, shows a chessboard now and then, and its cost lies only a little above the floor.
# > </details>
#
# ## 8 · Why tables end here
#
# A table needs a number for every past, and the number of pasts doubles with each pixel.

# %% tags=["nbval-check-output"]
for side in (2, 3, 5, 28):
    digits = len(str(2 ** (side * side) - 1))
    print(f"{side:2}×{side:<2} binary pixels: 2^{side * side} - 1 numbers, that is {digits} digits")

# %% [markdown]
# For the images of the last line, a network has to take the place of the tables. It reads the past and
# returns the probabilities of the next pixel, and it uses the same weights at every place. It must never
# read the pixel that it predicts, or a later one. Chapter 02 makes a convolution obey that rule.

# %%
ch01.progress()

# %% [markdown]
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN eq. 1, Gated PixelCNN eq. 1 | $p(x)$ is a product of conditionals | sections 1 and 2 | `tabular.log_prob_nats` |
# | Gated PixelCNN sec. 2 | pixels are drawn one after the other | section 3 | `tabular.sample_pixels` |
# | PixelRNN sec. 2.2 | each pixel is a discrete variable with a softmax over its levels | section 4 | `likelihood.nll_nats` |
# | PixelRNN sec. 5.1 | nats for binary images, bits/dim for 8-bit ones | section 4 | `likelihood.bits_per_dim` |
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016, arXiv
#    1601.06759.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. I. Goodfellow et al.: *Generative Adversarial Networks*, 2014, arXiv 1406.2661.
# 4. L. Theis, A. van den Oord, M. Bethge: *A note on the evaluation of generative models*, 2016, arXiv
#    1511.01844.
