# %% [markdown]
# # 07 · What a likelihood is good for
#
# [← 06 · Fast sampling](06_fast_sampling.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [08 · PixelRNN →](08_pixelrnn.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/07_what_a_likelihood_is_good_for.ipynb)
#
# The models of the chapters before give every image a probability. This chapter puts four questions
# to that number. Which class does an image have? How small can its file be? Does it belong here at
# all? And is it *typical*? Each answer works in places and fails in others, for reasons that can be
# measured.
#
# **By the end you will have**
#
# - turned a class-conditional model round with Bayes' rule, and compared its guesses and its
#   confidence with those of a small classifier;
# - packed an image into a file as short as the likelihood promises, and unpacked it again;
# - used likelihood to find odd images, watched it fail, and found out why.
#
# **You need** chapters 01 (nats, bits/dim, inverse CDF) and 05 (a PixelCNN that is told the class).
#
# **Time** about an hour, exercises included. Running all cells takes two to three minutes on a
# laptop.

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
from tutorial_lib.exercises import ch07


@dataclass
class Settings:
    n_test: int  # images that are classified and scored
    n_odd: int  # of each kind of odd image
    n_packed: int  # images that are packed into files
    n_train: int  # images for the classifier
    classifier_epochs: int


settings = profiles.choose(
    smoke=Settings(25, 3, 1, 192, 1),
    laptop=Settings(301, 24, 6, 9000, 3),
    gpu=Settings(1001, 60, 20, 9000, 10),
)
settings

# %% [markdown]
# ## Where this ends
#
# Four held-out garments, and below each what it costs a gated PixelCNN that is told, one after the
# other, each of the ten classes. (The weights come with the package: `python -m tutorial_lib
# reproduce gated-fashion-mnist`. An image takes ten forward passes.) Classes are numbered from
# T-shirt (0) to ankle boot (9). The number of the true class is red; where there is no bar, the
# image is cheapest.

# %%
import math

import torch

from tutorial_lib import data
from tutorial_lib.pixels import label_log_likelihoods
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
garments = data.load("fashion-mnist-sample").with_n_levels(16)
names = [name.split("/")[0] for name in garments.class_names]
shipped = load_pretrained("gated-fashion-mnist").to(device)
test = garments.test.subset(settings.n_test)
levels, labels = test.levels.long(), test.labels
table = label_log_likelihoods(shipped, levels)  # (images, 10), log p(x|y) in nats

# %%
import matplotlib.pyplot as plt

from tutorial_lib.notebook import show_images

chosen = [(labels == k).nonzero()[0].item() for k in labels.unique().tolist()[:10:3]]
figure, axes = plt.subplots(2, len(chosen), figsize=(7, 3.2), layout="tight", squeeze=False)
for (top, bottom), i in zip(axes.T, chosen, strict=True):
    show_images(levels[i : i + 1], n_levels=16, ax=top).set_title(names[labels[i]])
    bottom.bar(range(10), table[i].max() - table[i], color="#3b76af")
    bottom.set(xlabel="told to be class", xticks=range(10))
    bottom.tick_params(labelsize=7)
    bottom.get_xticklabels()[labels[i]].set(color="#d62728", weight="bold", fontsize=9)
axes[1, 0].set_ylabel("nats above\nthe cheapest");

# %% [markdown]
# Most wrong labels cost many nats, and kindred classes (a T-shirt told to be a shirt, 6) fewer than
# strange ones.
#
# ## 1 · Likelihood, in plain words
#
# The probability $p(x)$ that a model gives an image is called the **likelihood** of the model for
# this image. Its negative logarithm is the **cost**. How large is such a probability?

# %%
own = table.gather(1, labels[:, None])[:, 0]  # log p(x|y) of each image's own label
black = label_log_likelihoods(shipped, torch.zeros(1, 1, 28, 28, dtype=torch.long)).max().item()
powers = {"a garment, in the median": own.median().item(), "the black image, at best": black}
for name, log_p in powers.items():
    print(f"{name}: p = 10^{log_p / math.log(10):.0f}, a cost of {-log_p:.0f} nats")
print(f"one of 16^784 images, all alike: p = 10^-{784 * math.log10(16):.0f}")

# %% [markdown]
# Every garment is fantastically improbable, since there are very many of them. So a single
# likelihood says little, and it does not say that an image is good, real or likely to be met. What
# can be used are *differences*: the same image under two labels (sections 2 and 3), the model
# against a uniform guess (section 4), one image against others (sections 5 and 6). Note the second
# line already: the black image, which is no garment, is far more probable than a garment.
#
# ## 2 · Turn it round: which class is this?
#
# The model says how probable an image is under each class. To get from there to a probability of the
# *class*, turn it round with Bayes' rule. It wants $p(y)$, how probable each class was before
# anybody saw the image:
#
# $$p(y \mid x) = \frac{p(x \mid y)\, p(y)}{\sum_{y'} p(x \mid y')\, p(y')}$$
#
# ### Exercise 7.1

# %% jupyter={"source_hidden": true} cellView="form"
ch07.label_posterior.card()


# %%
def label_posterior(bits_per_dim: torch.Tensor, n_dims: int, prior: torch.Tensor) -> torch.Tensor:
    """Bayes' rule: log p(y|x) from what each image costs under each label.

    bits_per_dim  (B, K) torch.float64: -log p(x|y) in bits per dimension
    n_dims        D, the sub-pixels of an image
    prior         (K,) torch.float64: p(y), all above 0
    returns       (B, K): log p(y|x) in nats. An image may cost thousands of nats

    By hand: 0.5 and 1.5 bits/dim with D = 2 mean p(x|y) = 1/2 and 1/8. With p(y) = 1/4 and 3/4 the
             products are 4/32 and 3/32, so the result is log(4/7) and log(3/7)
    """
    ____


label_posterior = ch07.label_posterior.check(label_posterior)

# %% tags=["held", "nbval-check-output"]
from tutorial_lib.pixels import bayes_rule, bits_per_dim

prior = torch.full((10,), 0.1, dtype=torch.float64)
by_bayes = label_posterior(bits_per_dim(-table, 784), 784, prior)
print(
    "same as the library's:", torch.allclose(by_bayes, bayes_rule(table).log_posterior, atol=1e-6)
)

# %% [markdown]
# The most probable class is a guess. Beside it, a classifier that never learned to draw: two
# convolutions and a matrix, trained here.

# %%
from torch import nn
from torch.nn import functional as F

from tutorial_lib.training import FitConfig, fit

torch.manual_seed(0)
convolutions = [nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU()]
convolutions += [nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()]
classifier = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(32 * 49, 10))


def guess_step(model, levels, label):
    return {"loss": F.cross_entropy(model(levels.float() / 7.5 - 1), label)}


train = garments.train.subset(settings.n_train)
config = FitConfig(epochs=settings.classifier_epochs, learning_rate=3e-3)
fit(classifier, guess_step, (train.levels, train.labels), config)
print(f"{sum(p.numel() for p in classifier.parameters()):,} parameters")

# %%
with torch.inference_mode():
    scores = classifier(levels.to(device).float() / 7.5 - 1).cpu()
by_classifier = torch.log_softmax(scores.double(), dim=1)
guessers = {"Bayes' rule": by_bayes, "classifier": by_classifier}
right = {name: log_p.argmax(dim=1) == labels for name, log_p in guessers.items()}
for name, correct in right.items():
    share = correct.double().mean().item()
    error = math.sqrt(share * (1 - share) / len(levels))  # one standard error
    print(f"{name:12} {share:.1%} of {len(levels)} held-out images, ± {error:.1%}")
a, b = right.values()
print(f"only Bayes' rule is right: {(a & ~b).sum()}, only the classifier: {(b & ~a).sum()}")

# %% [markdown]
# **Where it works.** Both are far above the one in ten of a blind guess, and the PixelCNN was never
# asked to classify. Is one of them better? Look at the two counts of images that only one gets
# right: between equally good models they would differ by about the root of their sum.
#
# It is no bargain, though. The PixelCNN was trained on six times as many images and for far longer
# (`results/gated-fashion-mnist.json`), and needs ten passes an answer; the classifier took seconds. It keeps up because it spends all it has on
# what tells classes apart. The PixelCNN spends nearly all on texture and edges, which every class
# has.
#
# Where the guesses of Bayes' rule go wrong (truth above, guess below):

# %%
guess = by_bayes.argmax(dim=1)
wrong = (guess != labels).nonzero().flatten()[:8]
titles = [f"{names[labels[i]]}\n{names[guess[i]]}" for i in wrong.tolist()]
if len(wrong):
    show_images(levels[wrong], n_levels=16, n_columns=8, titles=titles)

# %% [markdown]
# Mostly cases in which you would hesitate as well. Does the model hesitate? Its confidence is the
# probability of its guess.

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="tight", sharey=True)
bins = torch.linspace(0, 1, 21).numpy()
for ax, (name, log_p) in zip(axes, guessers.items(), strict=True):
    confidence = log_p.exp().max(dim=1).values
    groups = [confidence[right[name]].numpy(), confidence[~right[name]].numpy()]
    ax.hist(groups, bins=bins, label=["right", "wrong"], color=["#3b76af", "#d62728"])
    ax.set(title=name, xlabel="confidence", yscale="log")
    share = right[name].double().mean()
    print(f"{name:12} mean confidence {confidence.mean():.1%}, right {share:.1%}")
axes[0].set(ylabel="images")
axes[0].legend();

# %% [markdown]
# **Where it fails.** The Bayes posterior is near 100% nearly always, also when it is wrong. The
# reason: the difference between two labels is a sum over 784 pixels. Small errors of neighbouring
# pixels go the same way and add up to many nats, and the exponential makes certainty of them. A
# likelihood can be a good *ranking* and a poor *probability* at once.
#
# ### The wrong unit
#
# Suppose the costs stayed in bits/dim, the unit in which they are always printed.
#
# > **Predict.** What happens to the accuracy? And to the confidence?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Dividing all ten numbers of an image by the same constant does not change which is the largest.
# >
# > </details>

# %%
per_dim = torch.log_softmax(-bits_per_dim(-table, 784), dim=1)
accuracy = (per_dim.argmax(dim=1) == labels).double().mean()
print(f"accuracy {accuracy:.1%}, mean confidence {per_dim.exp().max(dim=1).values.mean():.1%}")

# %% [markdown]
# The guesses are the same to the last image, and the confidence is next to that of a blind guess.
# Accuracy cannot see this mistake. With an uneven prior the guesses would change, too: divided by
# 784, what an image says is so faint that the prior outvotes it.
#
# ## 3 · What is a label worth?
#
# The denominator of Bayes' rule is $p(x)$, the probability of the image without any label: a
# conditional model contains an unconditional one. So count the bits that the label saves,
# $\log p(x \mid y) - \log p(x)$.
#
# > **Predict.** How many bits *for each image* can it be at most?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Ten labels, all alike beforehand: one of the ten terms of the sum is $p(x \mid y) / 10$.
# >
# > </details>

# %%
evidence = bayes_rule(table).log_evidence  # log p(x), every class alike beforehand
saved = (own - evidence) / math.log(2)
for name, nats in {"with its label": -own.mean(), "without": -evidence.mean()}.items():
    print(f"{name:15} {nats:8.2f} nats an image = {bits_per_dim(nats, 784).item():.4f} bits/dim")
median, mean = saved.median().item(), saved.mean().item()
print(f"bits saved by the label: median {median:.2f}, mean {mean:.2f}, at most {math.log2(10):.2f}")
figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
ax.hist(saved.clamp(min=-12), bins=40, color="#3b76af")
ax.axvline(math.log2(10), color="#d62728", lw=1)
ax.set(xlabel="bits saved by the label (all below -12 at -12)", ylabel="images", yscale="log");

# %% [markdown]
# The red line cannot be crossed: $p(x)$ contains $p(x \mid y) / 10$. Most images pile up against it.
# Their class shows in the image, the other nine terms are next to nothing, and without the label
# the model pays for a choice among ten and for nothing else. To the left of 0 are images that some
# *wrong* class explains better. They are few, but their loss has no limit, so they pull the mean
# down.
#
# Spread over 784 pixels, a label is next to nothing in bits/dim. The paper says the same of ImageNet
# (section 3.2): the likelihood hardly changed, and the *pictures* became much better. What a label is
# worth to the eye and what it is worth in bits are different things: once the rows drawn so far show
# the class, a good model knows it without being told.
#
# ## 4 · The cost is the size of a file
#
# A cost in bits is a promise: the image can be sent in that many bits. **Arithmetic coding** keeps
# it. Start with the interval from 0 to 1. Each pixel divides it among the levels, in proportion to
# their probabilities, and keeps the part of its true level. After the last pixel the interval is
# $p(x)$ wide, so some binary fraction with about $-\log_2 p(x)$ digits lies inside. Send these
# digits. Here are four pixels with two levels each:

# %% jupyter={"source_hidden": true}
figure, ax = plt.subplots(figsize=(7, 2.4), layout="tight")
low, width = 0.0, 1.0
for row, (black_part, level) in enumerate([(0.75, 0), (0.4, 1), (0.7, 0), (0.5, 1)]):
    parts = ((0, 0, black_part, "#222222"), (1, black_part, 1 - black_part, "#eeeeee"))
    for part, left, size, color in parts:
        edge = {"ec": "#d62728", "lw": 2} if part == level else {"ec": "#888888", "lw": 0.5}
        ax.barh(-row, size, left=left, height=0.45, color=color, **edge)
    start, size = (0, black_part) if level == 0 else (black_part, 1 - black_part)
    if row < 3:
        ax.plot([start, 0], [-row - 0.25, -row - 0.75], color="#d62728", lw=0.8)
        ax.plot([start + size, 1], [-row - 0.25, -row - 0.75], color="#d62728", lw=0.8)
    low, width = low + width * start, width * size
    ax.text(1.02, -row, f"{low:.4f} to {low + width:.4f}", va="center", fontsize=8)
ax.set(xlim=(0, 1.25), yticks=[0, -1, -2, -3], yticklabels=[f"pixel {i}" for i in range(1, 5)])
ax.set(xticks=[], title="each pixel keeps the part of its level (red), enlarged below")
ax.spines[:].set_visible(False)
ax.grid(False)

# %% [markdown]
# Now the real thing. Python's whole numbers have no limit, so the interval can be kept exactly: after
# $n$ pixels it is counted in units of $2^{-16n}$. Probabilities become whole numbers as well, at
# least 1, so that no level is impossible.

# %%
from tutorial_lib.sampling import GatedCache

TOTAL = 2**16  # units that a pixel divides among its levels


def ends_of(logits):
    """(1, 16) logits -> where the part of each level ends: 17 whole numbers, 0 to TOTAL."""
    cdf = logits[0].cpu().double().softmax(dim=0).cumsum(dim=0)
    ends = (cdf * (TOTAL - 16)).round().long() + torch.arange(1, 17)
    return [0, *ends[:-1].tolist(), TOTAL]


# %%
@torch.inference_mode()
def pack(image, label):
    """An image (28, 28) as a whole number, and how many bits that number is sent in."""
    canvas = torch.zeros(1, 1, 28, 28, dtype=torch.long, device=device)
    cache = GatedCache(shipped, canvas, label=torch.tensor([label], device=device))
    low, width = 0, 1
    for row in range(28):
        cache.begin_row(row)
        for column in range(28):
            ends, level = ends_of(cache.logits(column, 0)), int(image[row, column])
            low = low * TOTAL + width * ends[level]
            width = width * (ends[level + 1] - ends[level])
            canvas[0, 0, row, column] = level
    # Digits that may be left out: some number without them lies in the interval.
    spare = width.bit_length() - 2
    return -(-low >> spare), 784 * 16 - spare


# %%
import bisect


@torch.inference_mode()
def unpack(number, n_bits, label):
    """The image again: the same walk, but the number says which part was kept."""
    canvas = torch.zeros(1, 1, 28, 28, dtype=torch.long, device=device)
    cache = GatedCache(shipped, canvas, label=torch.tensor([label], device=device))
    rest, width, unit = number << (784 * 16 - n_bits), 1, TOTAL**784
    for row in range(28):
        cache.begin_row(row)
        for column in range(28):
            ends, unit = ends_of(cache.logits(column, 0)), unit // TOTAL
            level = bisect.bisect_right(ends, rest // (width * unit)) - 1
            level = max(0, min(15, level))  # a wrong number may point outside
            rest -= ends[level] * width * unit
            width = width * (ends[level + 1] - ends[level])
            canvas[0, 0, row, column] = level
    return canvas[0, 0].cpu()


# %% [markdown]
# Pack a garment and unpack it, once with the right label and once with another one.
#
# > **Predict.** The receiver believes that the ankle boot is a dress. What will he unpack?
# >
# > <details><summary>A way to think about it</summary>
# >
# > His parts have other widths than the sender's. What happens after the first pixel at which the
# > number falls into another part?
# >
# > </details>

# %%
i = (labels == 9).nonzero()[0].item()
number, n_bits = pack(levels[i, 0], 9)
unpacked = unpack(number, n_bits, 9)
print("the same image:", torch.equal(unpacked, levels[i, 0]))
believed = unpack(number, n_bits, 3)
titles = ["packed", "unpacked", "told: dress"]
show_images(torch.stack([levels[i, 0], unpacked, believed])[:, None], n_levels=16, titles=titles);

# %% [markdown]
# Unpacked with the wrong label, the ankle boot becomes something like a dress. Every number is the file
# of *some* image, and numbers that mean nothing to a model are as good as random. So unpacking random
# digits is drawing: the inverse CDF of chapter 01, for the whole image at once.
#
# How long are the files? Compare with the cost that the model promised, with zlib, a compressor that
# knows nothing of garments, and with 4 bits a pixel.

# %%
import zlib


def zipped_bits(images):
    """Size of each image compressed with zlib, in bits."""
    raw = images.to(torch.uint8).flatten(1).numpy()
    return torch.tensor([8 * len(zlib.compress(each.tobytes(), 9)) for each in raw])


n = settings.n_packed
noise = torch.randint(16, (1, 1, 28, 28), generator=torch.Generator().manual_seed(0))
images = torch.cat([levels[:n], noise])
told = [*labels[:n].tolist(), 0]
lengths = [pack(image[0], label)[1] for image, label in zip(images, told, strict=True)]
promised = -label_log_likelihoods(shipped, images)[range(n + 1), told] / math.log(2)
over = (torch.tensor(lengths[:n]) - promised[:n]).mean()
print(f"garments: {over:.1f} bits longer than promised, of {promised[:n].mean():.0f}")

# %% jupyter={"source_hidden": true}
figure, ax = plt.subplots(figsize=(7, 2.6), layout="tight")
at = torch.arange(n + 1)
ax.bar(at - 0.2, lengths, 0.4, label="your file", color="#3b76af")
ax.bar(at + 0.2, zipped_bits(images), 0.4, label="zlib", color="#cccccc")
ax.plot(at - 0.2, promised, "k_", ms=14, label="cost under the model")
ax.axhline(784 * 4, color="#d62728", lw=1, label="4 bits a pixel")
ax.set(xticks=at, xticklabels=[*(names[k] for k in told[:n]), "noise"], ylabel="bits")
ax.tick_params(axis="x", labelsize=7)
ax.legend(fontsize=7, loc=(0.02, 0.52));


# %% [markdown]
# **Where it works.** Each file is as long as the cost, up to a few bits, and much shorter than zlib's.
# That is what "bits/dim" means.
#
# **Where it fails.** Noise takes more than the 4 bits a pixel of no model at all: who bets on
# garments pays for other images. The receiver needs the model, whose weights take as much room as
# thousands of such files. Packing is as slow as drawing, pixel by pixel. And both sides must round
# alike: had the receiver's machine rounded one probability differently, he would unpack another image
# from there on.
#
# ## 5 · Is this image odd?
#
# A model that gives every image a probability should be able to say which images do not belong:
# those that it finds improbable. That was one of the hopes for such models. Collect images that are
# no garments, or garments treated badly, and see what they cost: $-\log p(x)$, the label summed out.

# %%
def made_in_code(n, seed=0):
    """Odd images of several kinds, made without a network: name -> (n, 1, 28, 28) levels."""
    noise = torch.Generator().manual_seed(seed)
    side = torch.linspace(-1, 1, 28)
    row, column = torch.meshgrid(side, side, indexing="ij")
    angle, place = (torch.rand(n, 1, 1, generator=noise) * k for k in (2 * math.pi, 1.0))
    along = angle.cos() * column + angle.sin() * row
    pictures = {
        "one grey": (torch.arange(n)[:, None, None] % 16).expand(-1, 28, 28),
        "a thin stroke": torch.where((along - place + 0.5).abs() < 0.06, 13, 0),
        "a box": torch.where((column.abs() < 0.3 + 0.5 * place) & (row.abs() < 0.7), 9, 0),
        "a soft slope": ((along / 1.5 + 1) * 8).clamp(0, 15),
        "noise": torch.randint(16, (n, 28, 28), generator=noise),
    }
    return {name: images[:, None].long() for name, images in pictures.items()}


# %%
n_odd = settings.n_odd
some = levels[-n_odd:]
mixed_up = torch.randperm(784, generator=torch.Generator().manual_seed(0))
odd = made_in_code(n_odd)
odd["pixels shuffled"] = some.flatten(2)[:, :, mixed_up].view_as(some)
odd["negative"] = 15 - some
odd["upside down"] = some.flip(2)
picked = torch.cat([some[:6], *[images[:6] for images in odd.values()]])
show_images(picked, n_levels=16, n_columns=min(6, n_odd), row_labels=["garments", *odd]);

# %% [markdown]
# > **Predict.** Sort the nine rows by what they cost the model.
# >
# > <details><summary>A way to think about it</summary>
# >
# > The model pays pixel by pixel, for surprise. Which of these images hold surprises *after* the
# > first few rows?
# >
# > </details>

# %%
half = len(levels) // 2 + 1 - len(levels) // 2 % 2  # odd, so that there is a median
costs = {"garments": -evidence[half:]}
for name, images in odd.items():
    costs[name] = -bayes_rule(label_log_likelihoods(shipped, images)).log_evidence

# %% jupyter={"source_hidden": true}
figure, ax = plt.subplots(figsize=(7, 3.2), layout="tight")
for i, (name, nats) in enumerate(costs.items()):
    jitter = torch.linspace(-0.25, 0.25, len(nats))
    color = "#3b76af" if name == "garments" else "#e6a04c"
    ax.scatter(bits_per_dim(nats, 784), i + jitter, s=5, color=color)
ax.set(yticks=range(len(costs)), yticklabels=list(costs), xlabel="-log p(x) (bits/dim)")
ax.axvline(4, color="#d62728", lw=1)  # what a model pays that knows nothing of 16 levels
ax.invert_yaxis()
ax.grid(axis="y", visible=False)


# %% [markdown]
# The red line is the 4 bits/dim of a model that knows nothing. Noise costs even more, as in section
# 4.
#
# As a number: in which share of pairs (an odd image, a held-out garment) does the odd one cost
# more? 100% is perfect, 50% is a coin, and below 50% the score is worse than a coin. (This share is
# also called the AUROC.)

# %%
def detection(odd_scores, normal_scores):
    """Share of pairs in which the odd image has the higher score; equal ones count half."""
    difference = odd_scores[:, None] - normal_scores[None]
    return ((difference > 0).double() + 0.5 * (difference == 0).double()).mean().item()


for name in odd:
    print(f"{name:16} {detection(costs[name], costs['garments']):6.1%}")

# %% [markdown]
# **Where it works.** Noise and shuffled pixels cost more than nearly all garments, and most negatives
# more than most garments. Whatever is full of what the model has learned to exclude is found.
#
# **Where it fails.** A stroke on black or a grey box, which are no garments by any standard, cost
# *less* than nearly all real garments. By likelihood they are the most normal of all. And an
# upside-down garment costs hardly more than an upright one.
#
# ### The reason: an image can be cheap because there is little in it
#
# The model is not broken. The cost is a sum over 784 pixels of how hard each one was to guess. In an
# image without detail, nearly every pixel is what its neighbours say, and *that* rule the model has
# learned from garments, whose backgrounds and plain fabrics are full of it. Compare the cost with
# the size under zlib, a measure of content that knows nothing of garments.

# %%
sizes_of = {name: zipped_bits(images) * math.log(2) for name, images in odd.items()}
sizes_of["garments"] = zipped_bits(levels[half:]) * math.log(2)  # in nats
figure, ax = plt.subplots(figsize=(6, 3.4), layout="tight")
for name, nats in costs.items():
    size = 10 if name == "garments" else 3
    zipped = bits_per_dim(sizes_of[name], 784)
    ax.scatter(zipped, bits_per_dim(nats, 784), s=size, label=name)
ax.plot([0, 6], [0, 6], color="#888888", lw=1)
ax.set(xlabel="compressed size (bits/dim)", ylabel="-log p(x) (bits/dim)")
ax.legend(fontsize=7, markerscale=2);

# %% [markdown]
# Cost follows content. On the grey line the model would do as well as zlib. Garments lie far below
# it: they are what the model has learned. For noise and shuffled pixels it does worse than a program
# that has never seen a garment.
#
# ## 6 · The most probable image is not a typical one
#
# $p(x)$ speaks of one image. Normal is a *crowd*: single garments are all improbable, and there are
# very many of them. A coin that falls heads nine times out of ten shows it exactly. Of all sequences
# of a hundred throws, "all heads" is the most probable one.
#
# > **Predict.** How many heads will you see in a hundred throws? And how often all hundred?
# >
# > <details><summary>A way to think about it</summary>
# >
# > There is one sequence with a hundred heads. How many are there with ninety?
# >
# > </details>

# %% jupyter={"source_hidden": true}
heads = torch.arange(60, 101).double()
one_sequence = heads * math.log(0.9) + (100 - heads) * math.log(0.1)
ways = math.lgamma(101) - torch.lgamma(heads + 1) - torch.lgamma(101 - heads)  # log of how many
figure, (left, beside) = plt.subplots(1, 2, figsize=(7, 2.4), layout="tight")
left.plot(heads, one_sequence / math.log(10))
left.set(xlabel="heads in a hundred", ylabel="log10 p", title="one such sequence")
beside.bar(heads, (one_sequence + ways).exp(), color="#3b76af")
beside.set(xlabel="heads in a hundred", ylabel="p", title="all of them together")
print(f"all heads: the most probable sequence, p = {one_sequence[-1].exp():.6f}")

# %% [markdown]
# A single sequence is the more probable the more heads it has; what *happens* is near ninety. A
# test that calls improbable sequences odd would let "all heads" pass as the most normal of all,
# though you will hardly ever see it. The black image is like "all heads": far more probable than any
# garment that you will meet.
#
# So an image can cost too much, and too little. Compare its cost with those of known garments, on
# both sides. (Nalisnick and others, 2019b, make this a test of whole batches, which it tells apart
# better than single images.)
#
# ### Exercise 7.2

# %% jupyter={"source_hidden": true} cellView="form"
ch07.typicality.card()


# %%
def typicality(nats: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """How usual is the cost of an image? The share of known images that are at least as unusual.

    nats       (B,) what each new image costs
    reference  (N,) what known, normal images cost; N is odd
    returns    (B,) floating point, 0 to 1: the share of known images whose distance from the median
               of the known costs, upwards or downwards, is at least that of the new image

    By hand: reference = [1, 2, 3, 4, 10] has the median 3 and the distances 2, 1, 0, 1, 7. A cost
             of 5 is 2 away, and two of the five are at least as far: 0.4. So is a cost of 1. A cost
             of 30 gives 0, and so does one of -30
    """
    ____


typicality = ch07.typicality.check(typicality)

# %% [markdown]
# Three scores: the cost; how untypical the cost is (one half of the test garments is known, the
# other is to be told from the odd images); and the cost less the compressed size, which asks how
# much worse the model does than a program that knows no garments (Serrà and others, 2020).

# %%
known = -evidence[:half]
scores = {
    "cost": costs,
    "not typical": {name: 1 - typicality(nats, known) for name, nats in costs.items()},
    "cost − compressed": {name: nats - sizes_of[name] for name, nats in costs.items()},
}
found = [[detection(each[name], each["garments"]) for each in scores.values()] for name in odd]

# %% jupyter={"source_hidden": true}
figure, ax = plt.subplots(figsize=(5, 3.4), layout="tight")
picture = ax.imshow(found, cmap="RdBu", vmin=0, vmax=1, aspect="auto")
for i, row in enumerate(found):
    for j, share in enumerate(row):
        color = "k" if 0.15 < share < 0.85 else "w"
        ax.text(j, i, f"{share:.0%}", ha="center", va="center", color=color)
columns = [name.replace(" ", "\n", 1) for name in scores]
ax.set(xticks=range(3), xticklabels=columns, yticks=range(len(odd)), yticklabels=list(odd))
ax.grid(False)
figure.colorbar(picture, ax=ax, label="pairs in which the odd one is found");

# %% [markdown]
# Read row by row. **Where typicality works:** it lifts what the plain cost had called the most normal
# of all, the strokes and boxes. **Where it fails:** it loses some where the plain cost was right,
# since some real garments are untypical themselves, and it finds no more of the last row. An
# upside-down garment has the content of a garment, and nearly its cost. A typical cost is no proof
# of normality. Taking off the compressed size helps more with the cheap images, for it asks a better
# question: does this image cost more *than its content explains*?
#
# Nalisnick and others (2019a) made the failure known: PixelCNNs, among others, that find house
# numbers more probable than the photographs they were trained on. If you know beforehand what
# oddness to expect, there are better tools; if you do not, likelihood alone will not tell you.

# %%
ch07.progress()

# %% [markdown]
# > **In words.** A hospital trains a PixelCNN on X-ray images and wants to flag, by likelihood,
# > those that the next program should not judge. Which faulty images would pass?
# >
# > <details><summary>An answer</summary>
# >
# > The cheap ones: under-exposed, blank, with the lens cap on, or smoothed by a bad compressor.
# > Their likelihood is *higher* than that of good images. A check on both sides catches these; it
# > will not catch an image of ordinary complexity with the wrong content, such as one of another
# > body part.
# >
# > </details>
#
# ## Summary
#
# | question | where the likelihood works | where it fails | why |
# |---|---|---|---|
# | which class? | a good guess, without training for it | the confidence is far too high | errors of 784 pixels add up |
# | how small a file? | as short as the cost, to a few bits | other images grow; slow; both sides must round alike | who bets on garments pays for the rest |
# | odd, by cost? | noise, shuffled pixels | boxes, strokes, blank images pass | cost follows content |
# | odd, by typicality? | images that cost too little, too | an upside-down garment passes | a usual cost is no usual content |
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN sec. 3.2 | labels: better pictures, hardly fewer bits | section 3 | `bayes.bayes_rule` |
# | not in the paper | $p(y \mid x)$ by Bayes' rule, as a classifier | section 2, exercise 7.1 | `bayes.label_log_likelihoods` |
# | not in the paper | arithmetic coding with the model's probabilities | section 4 | - |
# | not in the paper | likelihood as an anomaly score, beside compressed size | section 5 | - |
# | not in the paper | typicality | section 6, exercise 7.2 | - |
#
# Before: [06 · Fast sampling](06_fast_sampling.ipynb). Next:
# [08 · PixelRNN](08_pixelrnn.ipynb), which is optional, or the codes:
# [09 · Autoencoders and the ELBO](09_autoencoders_and_the_elbo.ipynb). All chapters:
# [00 · Start here](00_start_here.ipynb).
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 2. E. Nalisnick, A. Matsukawa, Y. W. Teh, D. Gorur, B. Lakshminarayanan: *Do Deep Generative
#    Models Know What They Don't Know?*, 2019 (2019a in the text), arXiv 1810.09136.
# 3. J. Serrà, D. Álvarez, V. Gómez, O. Slizovskaia, J. F. Núñez, J. Luque: *Input Complexity and
#    Out-of-distribution Detection with Likelihood-based Generative Models*, 2020, arXiv 1909.11480.
# 4. E. Nalisnick, A. Matsukawa, Y. W. Teh, B. Lakshminarayanan: *Detecting Out-of-Distribution
#    Inputs to Deep Generative Models Using Typicality*, 2019 (2019b), arXiv 1906.02994.
