# %% [markdown]
# # 07 · What a likelihood is good for
#
# [← 06 · Fast sampling](06_fast_sampling.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [08 · PixelRNN →](08_pixelrnn.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/07_what_a_likelihood_is_good_for.ipynb)
#
# The models of the chapters before put a number on every image: how probable it is, given a class or
# without one. This chapter puts three questions to that number. Which class does an image have? How
# many bits does a label save? And does an image belong here at all? Each answer works in places and
# fails in others, and the failures have reasons that can be measured.
#
# **By the end you will have**
#
# - turned a class-conditional model round with Bayes' rule, and held its guesses and its confidence
#   against those of a small classifier;
# - counted the bits that a label saves, for each image;
# - used likelihood to find odd images, watched it fail, found out why with a compressor, and tried two
#   cures.
#
# **You need** chapters 01 (nats, bits/dim) and 05 (a PixelCNN that is told the class).
#
# **Time** about forty minutes of reading and exercises; running everything takes about two minutes on
# a laptop.

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
from tutorial_lib.exercises import ch07


@dataclass
class Settings:
    n_test: int  # images that are classified and scored
    n_odd: int  # of each kind of odd image
    n_train: int  # images for the classifier
    classifier_epochs: int


settings = profiles.choose(
    smoke=Settings(25, 3, 192, 1),
    laptop=Settings(301, 24, 9000, 3),
    gpu=Settings(1001, 60, 9000, 10),
)
settings

# %% [markdown]
# ## Where this ends
#
# Four held-out garments, and below each what it costs a gated PixelCNN that is told, one after the
# other, each of the ten classes. The weights come with the package (`python -m tutorial_lib reproduce
# gated-fashion-mnist`). An image takes ten forward passes. Classes are numbered from T-shirt (0) to ankle
# boot (9). The number of the true class is red; where there is no bar, the image is cheapest.

# %%
import matplotlib.pyplot as plt
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images
from tutorial_lib.pixels import label_log_likelihoods
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
garments = data.load("fashion-mnist-sample").with_n_levels(16)
names = [name.split("/")[0] for name in garments.class_names]
shipped = load_pretrained("gated-fashion-mnist").to(device)
test = garments.test.subset(settings.n_test)
levels, labels = test.levels.long(), test.labels
table = label_log_likelihoods(shipped, levels)  # (images, 10), log p(x|y) in nats, float64
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
# ## 1 · Turn it round: which class is this?
#
# The model says how probable an image is under each class. To get from these numbers to a
# probability of the *class*, turn them round with Bayes' rule, which wants p(y), how probable each
# class was before anybody saw the image:
#
# $$p(y \mid x) = \frac{p(x \mid y)\, p(y)}{\sum_{y'} p(x \mid y')\, p(y')}$$
#
# ### Exercise 7.1

# %%
import math

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

# %% [markdown]
# ### What a label is worth
#
# The denominator is p(x), the probability of the image without any label: whoever has a
# conditional model has an unconditional one as well. So we can count how many bits it saves to know
# the label: log p(x|y) minus log p(x).
#
# > **Predict.** How many bits *for each image* can it be at most?
# > <details><summary>A way to think about it</summary>Ten labels, all alike beforehand: one of the
# > ten terms of the sum is p(x|y) / 10.</details>

# %%
from tutorial_lib.pixels import bayes_rule, bits_per_dim

evidence = bayes_rule(table).log_evidence  # log p(x), every class alike beforehand
own = table.gather(1, labels[:, None])[:, 0]
saved = (own - evidence) / math.log(2)
for name, nats in {"with its label": -own.mean(), "without": -evidence.mean()}.items():
    print(f"{name:15} {nats:8.2f} nats/image = {bits_per_dim(nats, 784).item():.4f} bits/dim")
median, mean = saved.median().item(), saved.mean().item()
print(f"bits saved by the label: median {median:.2f}, mean {mean:.2f}, at most {math.log2(10):.2f}")
figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
ax.hist(saved.clamp(min=-12), bins=40, color="#3b76af")
ax.axvline(math.log2(10), color="#d62728", lw=1)
ax.set(xlabel="bits saved by the label (all below -12 at -12)", ylabel="images", yscale="log");

# %% [markdown]
# The red line cannot be crossed: the sum over ten classes holds p(x|y) / 10, so p(x) is at least
# that. Most images pile up against it. Their class shows in the image, the other nine terms of the
# sum are next to nothing, and p(x) is p(x|y) / 10: without the label, the model pays for a choice
# among ten, and for nothing else. To the left of 0 are images that some *wrong* class explains
# better. They are the minority, but what they lose has no limit, so they can pull the mean below 0:
# then p(x), which may choose among ten explanations, is the better model of held-out images than
# p(x|y) with the true label.
#
# Spread over 784 pixels, a label is next to nothing in bits/dim. The paper says the same of
# ImageNet (section 3.2): a label carries about 0.003 bits a dimension, the likelihood hardly
# changed, and the *pictures* became much better. What a label is worth to the eye and what it is
# worth in bits are two different things: once the rows drawn so far show the class, a good model
# knows it without being told.
#
# ## 2 · A classifier for free, and what it is worth
#
# The most probable class under p(y|x) is a guess. Beside it, a classifier that never learned to
# draw: two convolutions and a matrix, trained here.

# %%
from torch import nn
from torch.nn import functional as F

from tutorial_lib.training import FitConfig, fit

torch.manual_seed(0)
classifier = nn.Sequential(
    nn.Conv2d(1, 16, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 49, 10),
)


def guess_step(model, levels, label):
    scores = model(levels.float() / 7.5 - 1)
    right = (scores.argmax(dim=1) == label).float().mean()
    return {"loss": F.cross_entropy(scores, label), "accuracy": right}


train = garments.train.subset(settings.n_train)
classifier_config = FitConfig(epochs=settings.classifier_epochs, learning_rate=3e-3)
fit(classifier, guess_step, (train.levels, train.labels), classifier_config)
print(f"{sum(p.numel() for p in classifier.parameters()):,} parameters")

# %%
import json
from pathlib import Path

prior = torch.full((10,), 0.1, dtype=torch.float64)
by_bayes = label_posterior(bits_per_dim(-table, 784), 784, prior)
with torch.inference_mode():
    scores = classifier(levels.to(device).float() / 7.5 - 1).cpu()
by_classifier = torch.log_softmax(scores.double(), dim=1)
n = len(levels)
rights = []
for name, log_p in {"Bayes' rule": by_bayes, "classifier": by_classifier}.items():
    rights.append(log_p.argmax(dim=1) == labels)
    accuracy = rights[-1].double().mean().item()
    spread = math.sqrt(accuracy * (1 - accuracy) / n)
    print(f"{name:12} {accuracy:.1%} of {n} held-out images, ± {spread:.1%}")
a, b = rights
print(f"only Bayes' rule is right: {(a & ~b).sum()}, only the classifier: {(b & ~a).sum()}")
result = Path("../results/gated-fashion-mnist.json")
if result.exists():
    seen = json.loads(result.read_text())["training_images"]
    print(f"the PixelCNN was trained on {seen:,} images, the classifier on {len(train):,}")

# %% [markdown]
# Well above the one in ten of a blind guess, from a model that was never asked to classify. It is
# no bargain, though. The PixelCNN saw more images, is larger, was trained far longer, and needs ten
# passes for an answer; the small classifier took seconds. Which of the two wins is printed above (±
# is one standard error). By chance? Look at the two counts of images that only one of them gets
# right: between equally good models they would differ by about the root of their sum. That the
# small one keeps up has a reason: it spends all it has on what tells classes apart, and the
# PixelCNN spends nearly all on texture and edges, which every class has.
#
# Where the guesses go wrong (truth above, guess below):

# %%
guess = by_bayes.argmax(dim=1)
wrong = (guess != labels).nonzero().flatten()[:8]
titles = [f"{names[labels[i]]}\n{names[guess[i]]}" for i in wrong.tolist()]
if len(wrong):
    show_images(levels[wrong], n_levels=16, n_columns=8, titles=titles)

# %% [markdown]
# Mostly cases in which you would hesitate as well. Does the model hesitate? Its confidence is the
# probability of its guess.

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="tight", sharey=True)
bins = torch.linspace(0, 1, 21).numpy()
for ax, (name, log_p) in zip(
    axes, {"Bayes' rule": by_bayes, "classifier": by_classifier}.items(), strict=True
):
    confidence, guess = log_p.exp().max(dim=1)
    right = guess == labels
    groups = [confidence[right].numpy(), confidence[~right].numpy()]
    ax.hist(groups, bins=bins, label=["right", "wrong"], color=["#3b76af", "#d62728"])
    ax.set(title=name, xlabel="confidence")
    print(f"{name:12} mean confidence {confidence.mean():.1%}, right {right.double().mean():.1%}")
axes[0].set(ylabel="images", yscale="log")
axes[0].legend();

# %% [markdown]
# Compare the mean confidence with the share that is right. The Bayes posterior stands near 100%
# nearly always, also when it is wrong. The differences between labels are sums over 784 pixels:
# small errors of neighbouring pixels, which go the same way, add up to many nats, and exp makes
# certainty of them. A likelihood can be a good *ranking* and a poor *probability* at once.
#
# ### The wrong unit
#
# Suppose the costs stayed in bits/dim, the unit in which they are always printed.
#
# > **Predict.** What happens to the accuracy? And to the confidence?
# > <details><summary>A way to think about it</summary>Dividing all ten numbers of an image by the
# > same constant does not change which is the largest.</details>

# %%
per_dim = torch.log_softmax(-bits_per_dim(-table, 784), dim=1)
accuracy = (per_dim.argmax(dim=1) == labels).double().mean()
print(f"accuracy {accuracy:.1%}, mean confidence {per_dim.exp().max(dim=1).values.mean():.1%}")


# %% [markdown]
# The same guesses to the last image, and a confidence next to that of a blind guess. Accuracy is
# blind to this mistake. With an uneven prior the guesses would change, too: divided by 784, what an
# image says is so faint that the prior outvotes it.
#
# ## 3 · Is this image odd?
#
# A model that gives every image a probability should be able to say which images do not belong:
# those that it finds improbable. That was one of the hopes for such models. Collect images that are
# no garments, or garments treated badly, and see what they cost: −log p(x), the label summed out.

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


n_odd = settings.n_odd
some = levels[-n_odd:]
mixed_up = torch.randperm(784, generator=torch.Generator().manual_seed(0))
odd = {
    **made_in_code(n_odd),
    "pixels shuffled": some.flatten(2)[:, :, mixed_up].view_as(some),
    "negative": 15 - some,
    "upside down": some.flip(2),
}
picked = torch.cat([some[:6], *[images[:6] for images in odd.values()]])
show_images(picked, n_levels=16, n_columns=min(6, n_odd), row_labels=["garments", *odd]);

# %% [markdown]
# > **Predict.** Sort the nine rows by what they cost the model.
# > <details><summary>A way to think about it</summary>
# >
# > The model pays pixel by pixel, for surprise. Which of these images hold surprises *after* the
# > first few rows?
# >
# > </details>

# %%
half = n // 2 + 1 - n // 2 % 2  # odd, so that there is a median
costs = {"garments": -evidence[half:]}
for name, images in odd.items():
    costs[name] = -bayes_rule(label_log_likelihoods(shipped, images)).log_evidence
figure, ax = plt.subplots(figsize=(7, 3.2), layout="tight")
for i, (name, nats) in enumerate(costs.items()):
    jitter = torch.linspace(-0.25, 0.25, len(nats))
    color = "#3b76af" if name == "garments" else "#e6a04c"
    ax.scatter(bits_per_dim(nats, 784), i + jitter, s=5, color=color)
ax.set(yticks=range(len(costs)), yticklabels=list(costs), xlabel="-log p(x) (bits/dim)")
ax.axvline(4, color="#d62728", lw=1)  # what a model pays that knows nothing of 16 levels
ax.invert_yaxis()
ax.grid(axis="y", visible=False);


# %% [markdown]
# The red line is the 4 bits/dim of a model that knows nothing. Noise costs even more: the model was
# sure of other pixels.
#
# **Where it works.** Noise and shuffled pixels cost far more than nearly all garments, and most
# negatives more than most garments. Whatever is full of what the model has learned to exclude is
# found.
#
# **Where it fails.** A line on black or a grey box, which are no garments by any standard, cost
# *less* than nearly all real garments, and a black image costs least. By likelihood they are the
# most normal of all. And an upside-down garment costs little more than an upright one.
#
# As a number: in which share of pairs (an odd image, a held-out garment) does the odd one cost
# more? 100% is perfect, 50% is a coin, and below 50% the score is worse than a coin (this share is
# also called the AUROC).

# %%
def detection(odd_scores, normal_scores):
    """Share of pairs in which the odd image has the higher score; equal ones count half."""
    difference = odd_scores[:, None] - normal_scores[None]
    return ((difference > 0).double() + 0.5 * (difference == 0).double()).mean().item()


for name in odd:
    print(f"{name:16} {detection(costs[name], costs['garments']):6.1%}")

# %% [markdown]
# ### The reason
#
# The model is not broken. Two things come together.
#
# **First, an image can be cheap because there is little in it.** The cost is a sum over 784 pixels
# of how hard each one was to guess. In an image without detail, nearly every pixel is what its
# neighbours say, and *that* rule the model has learned from garments, whose backgrounds and plain
# fabrics are full of it. Compare the cost with a measure of content that knows nothing of garments
# at all: the size of the file when the image is compressed.

# %%
import zlib


def compressed_nats(images):
    """Size of each image compressed with zlib, in nats."""
    raw = images.to(torch.uint8).flatten(1).numpy()
    return torch.tensor([8 * len(zlib.compress(each.tobytes(), 9)) for each in raw]) * math.log(2)


sizes_of = {"garments": compressed_nats(levels[half:])}
sizes_of |= {name: compressed_nats(images) for name, images in odd.items()}
figure, ax = plt.subplots(figsize=(6, 3.4), layout="tight")
for name, nats in costs.items():
    zipped, size = bits_per_dim(sizes_of[name], 784), 30 if name == "garments" else 8
    ax.scatter(zipped, bits_per_dim(nats, 784), s=size / 3, label=name)
ax.plot([0, 6], [0, 6], color="#888888", lw=1)
ax.set(xlabel="compressed size (bits/dim)", ylabel="-log p(x) (bits/dim)")
ax.legend(fontsize=7, markerscale=2);

# %% [markdown]
# Cost follows content. On the grey line the model would do as well as the compressor. Garments lie
# far below it: they are what the model has learned. For noise and shuffled pixels it does worse
# than a program that has never seen a garment.
#
# **Second, the most probable image is not a typical one.** p(x) speaks of one image. Normal is a
# *crowd*: single garments are all improbable, and there are very many of them. A coin that falls
# heads nine times out of ten shows it exactly, and no network is needed. Of all sequences of a
# hundred throws, "all heads" is the most probable one.
#
# > **Predict.** How many heads will you see in a hundred throws? And how often all hundred?
# > <details><summary>A way to think about it</summary>There is one sequence with a hundred heads.
# > How many are there with ninety?</details>

# %%
heads = torch.arange(60, 101).double()
one_sequence = heads * math.log(0.9) + (100 - heads) * math.log(0.1)
ways = math.lgamma(101) - torch.lgamma(heads + 1) - torch.lgamma(101 - heads)  # log of how many
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.4), layout="tight")
left.plot(heads, one_sequence / math.log(10))
left.set(xlabel="heads in a hundred", ylabel="log10 p", title="one such sequence")
right.bar(heads, (one_sequence + ways).exp(), color="#3b76af")
right.set(xlabel="heads in a hundred", ylabel="p", title="all of them together")
print(f"all heads: the most probable sequence, p = {one_sequence[-1].exp():.6f}")

# %% [markdown]
# The single sequence is the more probable the more heads it has; what *happens* is near ninety. A
# test that calls improbable sequences odd would let "all heads" pass as the most normal of all,
# though you will hardly ever see it. The black image is the model's "all heads".
#
# ### What helps
#
# An image can be too dear, and too cheap. So compare its cost with those of known garments, on both
# sides. (Nalisnick and others, 2019b, make this a test: of whole batches, which it tells apart
# better than single images.)
#
# ### Exercise 7.2

# %%
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
grid = torch.tensor(
    [[detection(each[name], each["garments"]) for each in scores.values()] for name in odd]
)
figure, ax = plt.subplots(figsize=(5, 3.4), layout="tight")
picture = ax.imshow(grid, cmap="RdBu", vmin=0, vmax=1, aspect="auto")
for i, row in enumerate(grid.tolist()):
    for j, share in enumerate(row):
        color = "k" if 0.15 < share < 0.85 else "w"
        ax.text(j, i, f"{share:.0%}", ha="center", va="center", color=color)
columns = [name.replace(" ", "\n", 1) for name in scores]
ax.set(xticks=range(3), xticklabels=columns, yticks=range(len(odd)), yticklabels=list(odd))
ax.grid(False)
figure.colorbar(picture, ax=ax, label="pairs in which the odd one is found");

# %% [markdown]
# Read row by row. Looking at both sides lifts what the plain cost had called the most normal of
# all; where the plain cost was right, it loses some, since some real garments are untypically cheap
# or dear themselves. Taking off the compressed size helps more with these images, for it asks the
# better question: is this image dearer *than its content explains*, or does the model know this
# kind of content? What neither lifts far is the last row. An upside-down garment has the content of
# a garment, and nearly its cost. A typical cost is no proof of normality.
#
# Nalisnick and others (2019a) made the failure known: PixelCNNs, among others, that find house
# numbers more probable than the photographs they were trained on. If you know beforehand what
# oddness to expect, there are better tools; if you do not, likelihood alone will not tell you.

# %%
ch07.progress()

# %% [markdown]
# > **In words.** A hospital trains a PixelCNN on X-ray images and wants to flag, by likelihood,
# > those that the next program should not judge. Which faulty images would pass?
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
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN sec. 3.2 | labels: better pictures, hardly fewer bits | section 1 | `bayes.bayes_rule` |
# | not in the paper | p(y given x) by Bayes' rule, as a classifier | sections 1, 2, exercise 7.1 | `bayes.label_log_likelihoods` |
# | not in the paper | likelihood as an anomaly score, on one side and on both | section 3, exercise 7.2 | - |
# | not in the paper | cost beside compressed size | section 3 | - |
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
