# %% [markdown]
# # 01 · Images as sequences
#
# [← From Pixels to Codes](00_start_here.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [02 · Masked convolutions →](02_masked_convolutions.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/01_images_as_sequences.ipynb)
#
# What is the probability of a picture? For a photograph nobody can write it down. For a picture of
# four black-or-white pixels everybody can: there are sixteen of them. So we begin there, where every
# claim can be checked against the whole truth, and carry the ideas over to real images afterwards.
#
# **By the end you will have**
#
# - a generative model made of nothing but counting, whose sixteen probabilities sum to 1;
# - sampled from it, scored with it, and told nats, bits and bits/dim apart for good;
# - seen the floor that no model can beat, and a GAN that draws well and cannot say what it knows.
#
# **You need** probability (what p(a, b) = p(a) p(b | a) means), logarithms, and a little PyTorch.
#
# **Time** about an hour of reading and exercises; running everything takes under a minute on a laptop
# and no GPU.

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
# Sixteen pictures and how often each occurs in corners, seams and sleeves of real garments: the
# complete truth about a tiny world. The chapter builds a model that reproduces this figure pixel by
# pixel, and a rival that only looks as if it did.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.pixels import enumerate_images, image_frequencies

torch.manual_seed(1)
garments = data.load("fashion-mnist-sample").train.levels
binary = (garments > 127).long()
which = torch.randint(len(binary), (settings.n_patches,))
rows, columns = torch.randint(8, 19, (2, settings.n_patches))
offsets = torch.arange(2)
patches = binary[
    which[:, None, None],
    0,
    (rows[:, None] + offsets)[:, :, None],
    (columns[:, None] + offsets)[:, None, :],
][:, None]
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
# All black and all white lead, as in most pictures of things; edges come next; the two chessboards are
# almost never seen. (In the small pictures below the axis 0 is black, 1 is white.)
#
# > **From the reading notes.** *A PixelCNN "can give a probability of how likely the image is to be
# > accurate", unlike a GAN.* Probability of what?
# >
# > Of the image itself: p(x) answers "if the model draws one image, how probable is it that exactly
# > this one comes out?". It is the height of a bar above. Nothing about accuracy, truth or beauty is
# > in it, and "accurate" would need something to be compared with. A GAN is a machine that draws; it
# > defines a distribution too, but offers no way to read the height of a bar. Section 7 trains one on
# > this very toy and tries.
#
# ## 1 · An image is a sequence
#
# Read the four pixels in raster order and call them x₁, x₂, x₃, x₄. The chain rule of probability
# holds for any four quantities whatever:
#
# $$p(x) = p(x_1)\, p(x_2 \mid x_1)\, p(x_3 \mid x_1, x_2)\, p(x_4 \mid x_1, x_2, x_3)$$
#
# It is equation 1 of the PixelRNN and of the gated PixelCNN paper, with n² = 4. Each factor is about a single pixel, black or white, so
# each is a table: one number for each past.
#
# > **Predict.** How many numbers do the four tables hold together?
# > <details><summary>A way to think about it</summary>The first has no past: one number, p(x₁ = 1).
# > The second has a past of one pixel, so two numbers. Then four, then eight. Why is no number needed
# > for p(x = 0)?</details>

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import fit_tables

model = fit_tables(patches)
for i, table in enumerate(model.p_one):
    print(f"p(x{i + 1} = 1 | past): shape {tuple(table.shape)}, {table.numel()} numbers")
print("together", sum(table.numel() for table in model.p_one))

# %% [markdown]
# Fifteen numbers, as many as sixteen probabilities that sum to 1 have freedom. Where do they come from?
# From counting. Among all patches that begin with a white pixel, how many go on with a white one?

# %%
first, second = patches[:, 0, 0, 0], patches[:, 0, 0, 1]
began_white = first == 1
print("by hand:   ", (second[began_white] == 1).double().mean().item())
print("the table: ", model.p_one[1][1].item())
print("and after a black first pixel:", round(model.p_one[1][0].item(), 4))

# %% [markdown]
# White follows white, black follows black: neighbours agree. That is nearly all there is to know about
# images, and the rest of this series is about knowing it better.
#
# ## 2 · Multiply
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
# Use it on all sixteen images. Two things should come out: the sum is 1, and each product equals the
# frequency that we counted directly.

# %%
every = images.flatten(1)
probabilities = torch.stack([log_prob_nats(model.p_one, pixels) for pixels in every]).exp()
print(f"sum over all 16 images: {probabilities.sum().item():.12f}")
print(f"largest difference from direct counting: {(probabilities - truth).abs().max().item():.1e}")

# %% [markdown]
# Nothing was lost by taking the image apart. The chain rule is not an approximation; it is a way of
# writing. What a *model* approximates, later, are the tables, once there are too many of them.
#
# ## 3 · Draw
#
# The same tables draw. Take x₁ at random, white with probability p(x₁ = 1). Look up the table of x₂ at
# the value just drawn, and so on. This is **ancestral sampling**. The coin is a uniform number: the
# pixel is 0 where the number falls below p(0), else 1.
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
# The bars agree up to the luck of the draw. Note what made it work: each pixel was drawn *given the
# ones before it*.
#
# ### A wrong way, on purpose
#
# Two shortcuts that look harmless. The first takes the likelier value of each pixel instead of drawing
# it. The second draws all four pixels at once, each from its own frequency of white.
#
# > **Predict.** What will the two figures look like?
# > <details><summary>A way to think about it</summary>How much chance is left in the first? And what
# > does the second know about neighbours?</details>

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
# The first draws one image for ever. The second draws chessboards as gladly as edges, since pixels
# drawn apart cannot agree. On large images both mistakes are harder to see.
#
# ## 4 · Score: nats, bits, bits per dimension
#
# A product of many small numbers soon falls below what a computer can hold, so models speak in
# logarithms. The **negative log-likelihood** of an image is what it costs to name it: natural
# logarithm, *nats*; logarithm to base 2, *bits*. Rare images cost more.

# %%
import math

nats = -probabilities.log()
order = nats.argsort()
print("cheapest:", every[order[0]].tolist(), f"{nats[order[0]].item():.3f} nats")
print("dearest: ", every[order[-1]].tolist(), f"{nats[order[-1]].item():.3f} nats")
print(f"the dearest in bits: {nats[order[-1]].item() / math.log(2):.3f}")

# %% [markdown]
# Large models give their tables as *logits*, before the softmax, one for each level of each pixel. The
# score is then a gather and a sum. Mind the sum: nats **per image** is the sum over pixels, not the
# mean.
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
# Nats per image grow with the image. To compare sizes, divide by the number of dimensions D (the
# *sub-pixels*: pixels times colours) and change to bits: **bits/dim**.
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
# The yardstick: a model that knows nothing gives each of L levels the same probability.
#
# > **Predict.** What does it pay for a binary 28×28 image in nats? And an 8-bit image in bits/dim?
# > <details><summary>A way to think about it</summary>784 fair coins, each log 2 nats. And log2 of 256
# > levels, whatever the size of the image.</details>

# %% tags=["nbval-check-output"]
for n_levels in (2, 256):
    knows_nothing = torch.zeros(1, n_levels, 1, 28, 28, dtype=torch.float64)
    cost = nll_nats(knows_nothing, torch.zeros(1, 1, 28, 28, dtype=torch.long))
    print(f"{n_levels:3} levels: {cost.item():.1f} nats per image, ", end="")
    print(f"{bits_per_dim(cost, 784).item():.3f} bits/dim")

# %% [markdown]
# Keep both numbers in mind: 543.4 nats for binary digits, 8 bits/dim for 8-bit images. A trained
# model that pays more has a bug; one that pays next to nothing has one too.
#
# ## 5 · The floor
#
# How cheap can it get? Images come from the distribution of the data, p; a model q names them at
# −log q(x). On average that costs the *cross-entropy*, and
#
# $$\underbrace{-\sum_x p(x) \log q(x)}_{\text{what the model pays}}
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
# On the toy we can compute the floor exactly and throw models at it: a thousand at random, the uniform
# one, independent pixels, and the tables.

# %%
floor = entropy_bits(truth).item() / 4


def mean_cost(q):
    """What the data pay under q, in bits/dim."""
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
# The dashed line is the entropy of *these* patches. No model costs less on them, and the tables
# cost just as much. The uniform model is not the worst: a model can be confidently wrong, and many
# of the random ones are. (Each set of patches below has a floor of its own.)
#
# The tables stand *exactly* on the floor because they were counted on the same patches that they
# are scored on. Score them on patches they have not seen, and they cost a little more:

# %%
for n in (20, 100, 1_000, len(patches) // 2):
    few = fit_tables(patches[:n], smoothing=0.5)
    fresh = patches[len(patches) // 2 :]
    seen = -few.log_prob_nats(patches[:n]).mean() / (4 * math.log(2))
    unseen = -few.log_prob_nats(fresh).mean() / (4 * math.log(2))
    print(f"counted on {n:6}: {seen.item():.4f} on those, {unseen.item():.4f} on fresh patches")

# %% [markdown]
# With twenty patches the model thinks it knows more than it does; with tens of thousands the two prices
# differ by no more than the luck of the split. This is why models are compared on
# held-out images in this series, and why a number that is not from held-out images says so.
#
# ## 6 · Does the order matter?
#
# Raster order was a choice. The chain rule allows any order, all 24 of them.

# %%
from itertools import permutations

orders = list(permutations(range(4)))
full = [fit_tables(patches, order=order) for order in orders]
worst = max((m.all_probabilities() - truth).abs().max().item() for m in full)
print(f"{len(orders)} orders, largest difference from the truth: {worst:.1e}")

# %% [markdown]
# For the truth it does not matter at all. But complete tables are a luxury of four pixels. Limit the
# model: each pixel may look at *one* pixel only, the one drawn just before it.
#
# > **Predict.** Which order suffers most from that?
# > <details><summary>A way to think about it</summary>Neighbours agree. In which orders is the pixel
# > drawn just before always a neighbour? In which is it a diagonal one?</details>

# %%
limited = [fit_tables(patches, order=order, context_size=1) for order in orders]
prices = torch.stack([mean_cost(m.all_probabilities()) for m in limited])
ranking = prices.argsort()
figure, ax = plt.subplots(figsize=(7, 2.6), layout="tight")
ax.plot(range(24), prices[ranking].numpy(), "o", color="#3b76af", label="one pixel of context")
ax.axhline(floor, color="#d62728", ls="--", label="floor: any order, full context")
names = ["".join(str(i + 1) for i in orders[k]) for k in ranking]
ax.set_xticks(range(24), names, rotation=90, fontsize=8)
ax.set(xlabel="order of the pixels (1 2 over 3 4)", ylabel="bits/dim")
ax.legend();

# %% [markdown]
# The four cheapest orders walk around the square without a jump, and two of their three steps go up or
# down: in garments, what lies one above the other agrees most. A step sideways tells less, a step across
# the diagonal least, and the four dearest orders cross it twice. Raster order, 1 2 3 4, goes sideways
# twice and has to jump back to the next line in between; it pays for that.
#
# So the order does not matter for the true distribution. It matters for a model that sees only a
# part of the past. Chapters 02 to 04 are about which part of the past a PixelCNN can see.
#
# ## 7 · A GAN on the same toy
#
# A generative adversarial network turns noise into images. It has a generator that draws and a critic
# that tries to tell drawings from data. Four outputs are enough here.

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
# It draws, and the leading images lead. Now ask it what we asked the tables: *how probable is this
# image?* There is no line of code to write. The generator is a function from noise to pictures;
# p(x) is the probability that the noise is one of those that become x, and nothing in the network
# computes it.
#
# Here, and only here, we can cheat: draw very often, and count.

# %%
print(f"tables: {mean_cost(probabilities).item():.4f} bits/dim, read off the model")
for n in (100, 1_000, 10_000, settings.n_gan_samples):
    share = image_frequencies(gan_drawn[:n])
    missing = ((share == 0) & (truth > 0)).sum().item()
    cost = mean_cost(share).item()
    print(f"GAN, {n:7,} drawings: {cost:.4f} bits/dim, {missing} images of the data never drawn")

# %% [markdown]
# One image of the data that was never drawn makes the price infinite: the count cannot tell "rare"
# from "impossible". With enough drawings of sixteen images the guess settles. On 28×28 pixels there are
# 2 to the power of 784 images, nobody will ever draw the same one twice, and counting is over. The
# tables, and every PixelCNN after them, read the number off.
#
# > **In words.** Somebody says: "The samples of model A look better than those of model B, so A has the
# > higher likelihood." Give a counterexample in each direction, on this toy.
# > <details><summary>An answer</summary>A model that only ever draws all-black and all-white patches
# > looks flawless and has infinite cost, since it rules out every edge. A model that draws from the
# > tables with probability 0.99 and at random otherwise shows an odd chessboard now and then, and pays
# > only a sliver above the floor.</details>
#
# ## 8 · Why tables end here
#
# A table of conditionals needs a number for every past.

# %% tags=["nbval-check-output"]
for side in (2, 3, 5, 28):
    digits = len(str(2 ** (side * side) - 1))
    print(f"{side:2}×{side:<2} binary pixels: 2^{side * side} - 1 numbers, that is {digits} digits")

# %% [markdown]
# From the last line on, a network has to take the place of the tables: one that takes the past and
# returns the conditional, and shares what it learns between places. It must obey one law, never to look
# at the pixel it predicts or beyond. How a convolution can be made to obey it is the subject of chapter
# 02.

# %%
ch01.progress()

# %% [markdown]
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelRNN eq. 1, Gated PixelCNN eq. 1 | p(x) is a product of conditionals | sections 1 and 2 | `tabular.log_prob_nats` |
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
