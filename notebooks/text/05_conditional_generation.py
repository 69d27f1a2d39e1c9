# %% [markdown]
# # 05 · Conditional generation: tell the model what you want
#
# [← 04 · The gated PixelCNN](04_gated_pixelcnn.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [06 · Fast sampling →](06_fast_sampling.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/05_conditional_generation.ipynb)
#
# So far a model drew whatever came to mind. Now it is told something first: a class, a map, or a
# code that another network has read off an image. The chain rule stays, and every factor gets one
# more condition.
#
# **By the end you will have**
#
# - written a gated PixelCNN that is told a label and a map, and drawn garments by class with it;
# - measured where a label has to enter, and what *guidance* gains and costs;
# - unfolded a vector into a map, and seen why a code read off an image makes no likelihood of it.
#
# **You need** chapters 01 (nats, bits/dim), 02 (the influence matrix), 03 (the sum over all images)
# and 04 (the gated layer).
#
# **Time** about an hour and a half, exercises included. Running all cells takes three to four
# minutes on a laptop. The `gpu` profile trains for longer.

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
from tutorial_lib.exercises import ch05


@dataclass
class Settings:
    n_per_class: int  # images drawn of each
    n_test: int  # images that are scored
    n_between: int  # steps from one label to another
    n_train: int  # small images for the small models
    n_seeds: int  # trainings of each of the three
    n_guided: int  # drawings for each class and guidance
    dropout_epochs: int  # with label dropout
    classifier_epochs: int
    small_epochs: int  # of each auto-encoder


settings = profiles.choose(
    smoke=Settings(2, 25, 3, 192, 1, 1, 1, 1, 1),
    laptop=Settings(8, 301, 8, 9000, 3, 10, 3, 3, 1),
    gpu=Settings(8, 1001, 8, 9000, 5, 20, 15, 8, 8),
)
settings

# %% [markdown]
# ## Where this ends
#
# One row for each class, every image drawn anew. The weights come with the package: a gated
# PixelCNN of 28×28 garments in 16 grey levels, told the class in every layer (`python -m
# tutorial_lib reproduce gated-fashion-mnist`; `results/` says how long it took). You will write this
# model below, and load these weights into it.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained
from tutorial_lib.sampling import sample

device = profiles.device()
garments = data.load("fashion-mnist-sample").with_n_levels(16)
names = [name.split("/")[0] for name in garments.class_names]
shipped = load_pretrained("gated-fashion-mnist").to(device)
asked = torch.arange(10, device=device).repeat_interleave(settings.n_per_class)
noise = torch.Generator().manual_seed(0)
shape = (len(asked), 1, 28, 28)
drawn = sample(shipped, shape, label=asked, method="cached", generator=noise).cpu()
show_images(drawn, n_levels=16, n_columns=settings.n_per_class, row_labels=names);

# %% [markdown]
# A row keeps its class while cut and shade change. All images come from one network with one set of
# weights, each with noise of its own. What a row has in common is the number of its class: 0 for
# the first row, 9 for the last. (`method="cached"` draws the same images as the naive way, far
# sooner. Chapter 06 shows how.)
#
# ## 1 · A label inside the gate
#
# > **From the reading notes** (a student's notes on the two papers, with which this series began).
# > *"This model can be conditioned on prior information."* On what, and where does it go in?
# >
# > On anything that can be written as numbers $h$. Equation 3 of the paper puts it behind the bar
# > of every factor:
# >
# > $$p(x \mid h) = \prod_i p(x_i \mid x_1, \dots, x_{i-1}, h)$$
# >
# > It may be a label, a vector that some network computed, or a map as large as the image. It goes
# > into *every* layer, inside the gate. ("Prior" here means "known beforehand". It is not the
# > $p(z)$ of the later chapters. And $h$ is the paper's letter for the condition; it has nothing to
# > do with the horizontal stack of chapter 04.)
#
# What has to hold? For every $h$, a distribution over images. List all 2×2 images, and score each
# under each of three labels with an untrained model.

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import GatedPixelCNN, enumerate_images, label_log_likelihoods

torch.manual_seed(0)
toy = GatedPixelCNN(n_channels=8, n_layers=2, n_classes=3)
every_image = enumerate_images(2, 2)
p = label_log_likelihoods(toy, every_image).exp()  # (16 images, 3 labels)
print("sum over all images, for each label:", [f"{total:.6f}" for total in p.sum(dim=0).tolist()])
print("sum over the labels, for one image: ", f"{p.sum(dim=1)[0]:.6f}")

# %% [markdown]
# The columns sum to 1, the rows to nothing in particular: $p(x \mid y)$ is a distribution over
# $x$. How probable the *label* is, Bayes' rule says in chapter 07.
#
# Where does the label go? Into both stacks of every layer, before the gate:

# %%
from tutorial_lib.notebook import diagrams

diagrams.label_entry(shipped, 28, 28)

# %% [markdown]
# In a formula, for layer $k$ (equation 4):
#
# $$y = \tanh(W_{k,f} * x + V_{k,f}^{\top} h) \odot \sigma(W_{k,g} * x + V_{k,g}^{\top} h)$$
#
# For a label, $h$ is one-hot: all zeros and a single 1. A matrix times a one-hot vector is one
# column of the matrix. So nobody multiplies: the column is looked up in a table.

# %% tags=["nbval-check-output"]
from torch.nn import functional as F

V = shipped.layers[1].label.weight.cpu().T  # one column for each class
h = F.one_hot(torch.tensor(7), 10).float()
print("V h is the column of class 7:", torch.allclose(V @ h, V[:, 7]))
print("numbers that one label adds to this layer:", len(V), "= 2 stacks × 2 halves × 32 channels")

# %% [markdown]
# ### Exercise 5.1

# %% jupyter={"source_hidden": true} cellView="form"
ch05.conditional_gate.card()


# %%
def conditional_gate(
    features: torch.Tensor, label: torch.Tensor, table: torch.Tensor
) -> torch.Tensor:
    """Equation 4: tanh(value + V_f h) * sigmoid(switch + V_g h), where h says which label.

    features  (B, 2C, H, W): the first C channels are values, the other C their switches
    label     (B,) torch.long: every image has its own
    table     (K, 2C): row y holds V_f h, then V_g h, of label y
    returns   (B, C, H, W)

    By hand: features [0, 0] at the only pixel, label 1 and table = [[9, 9], [1, 0]] give
             tanh(0 + 1) * sigmoid(0 + 0) = 0.381
    """
    ____


conditional_gate = ch05.conditional_gate.check(conditional_gate)

# %% [markdown]
# Why inside? A layer has room for the label after the gate as well. Below are a label that says
# "shut", one that says nothing and one that says "open", on both sides of the gate of one feature.
#
# > **Predict.** Which of the two pictures will show three curves of the same shape?
# >
# > <details><summary>A way to think about it</summary>
# >
# > After the gate, the label can only add the same amount to whatever came out.
# >
# > </details>

# %%
import matplotlib.pyplot as plt

from tutorial_lib.pixels import gate

values = torch.linspace(-4, 4, 81)
feature = torch.stack([values, torch.zeros(81)]).view(1, 2, 1, 81)  # a value, and its switch
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.4), layout="tight", sharey=True)
for name, amount in {"shut": -4.0, "nothing": 0.0, "open": 4.0}.items():
    inside = conditional_gate(feature, torch.tensor([0]), torch.tensor([[0.0, amount]]))
    left.plot(values, inside.flatten(), label=name)
    right.plot(values, gate(feature).flatten() + 0.2 * amount, label=name)
left.set(title="inside the gate (eq. 4)", xlabel="value", ylabel="output of the layer")
right.set(title="after the gate", xlabel="value")
left.legend();

# %% [markdown]
# Inside, a label can switch a feature off: "look for laces, but only on shoes" takes one feature.
# After the gate, a label moves the curve up or down, and the feature gets through under every
# label.
#
# ## 2 · A map inside the gate
#
# A label is the same at every pixel. Equation 5 puts a *map* $s$ in its place, as large as the
# image and with any number of channels, and a 1×1 convolution in place of the matrix:
#
# $$y = \tanh(W_{k,f} * x + V_{k,f} * s) \odot \sigma(W_{k,g} * x + V_{k,g} * s)$$
#
# No mask is needed: $s$ is known before the first pixel is drawn, so a pixel may read all of it.
# The simplest map says where a pixel is. A convolution alone cannot know, and a garment's collar is
# at the top. These are some of the channels that the shipped model is told:

# %% jupyter={"source_hidden": true}
from tutorial_lib.pixels import coordinate_features

place = coordinate_features(28, 28, 4)  # (1, 18, 28, 28), from -1 to 1
picked = place[0, [0, 1, 2, 4, 7, 9], None]
show_images((picked + 1) / 2, n_columns=6);

# %% [markdown]
# Row, column, and waves of several lengths down and across the image: together they let a 1×1
# convolution single out a region.
#
# ## 3 · The whole model
#
# The layer of chapter 04 needs two more lines. `context` holds $V$ of equation 5 for both stacks,
# `label` the table of equation 4, and your `conditional_gate` does the rest. The two convolutions
# are those of chapter 04.

# %%
from torch import nn

from tutorial_lib.pixels import HorizontalConv2d, VerticalConv2d, coordinate_features, shift_down


class ConditionalLayer(nn.Module):
    """One layer of both stacks, told a label and a map."""

    def __init__(self, n_in, n_channels, kernel_size, mask_type, n_classes, map_channels):
        super().__init__()
        width = 2 * n_channels  # values and their switches
        self.vertical = VerticalConv2d(n_in, width, kernel_size)
        self.link = nn.Conv2d(width, width, 1)
        kind = {"mask_type": mask_type, "n_colors": 1}
        self.horizontal = HorizontalConv2d(n_in, width, kernel_size, **kind)
        self.output = nn.Conv2d(n_channels, n_channels, 1)
        self.label = nn.Embedding(n_classes, 2 * width)  # a row a label: both stacks
        self.context = nn.Conv2d(map_channels, 2 * width, 1)
        self.residual = mask_type == "B"  # the first layer must not show a pixel to itself

    def gates(self, v, z, label):
        for_v, for_z = self.label.weight.chunk(2, dim=1)  # (K, 2C) each
        return conditional_gate(v, label, for_v), conditional_gate(z, label, for_z)

    def forward(self, v, h, label, context):
        # Equation 5: what the map adds, first for the vertical, then for the horizontal stack
        map_v, map_z = self.context(context).chunk(2, dim=1)
        v = self.vertical(v)
        z = self.horizontal(h) + self.link(v)
        # Equation 4; the link was taken before the gate, as in figure 2
        v, z = self.gates(v + map_v, z + map_z, label)
        out = self.output(z)
        return v, h + out if self.residual else out


# %% [markdown]
# And the model: layers, then the head of chapter 03. A map that the caller gives is joined with the
# map of places.

# %%
class ConditionalPixelCNN(nn.Module):
    """levels (B, 1, H, W), label (B,), map (B, S, H, W) or None -> logits (B, L, 1, H, W)"""

    n_colors = 1

    def __init__(self, n_levels=16, n_classes=10, n_channels=32, n_layers=8, first_kernel_size=9,
                 n_frequencies=4, map_channels=0, layer=ConditionalLayer):  # fmt: skip
        super().__init__()
        self.n_levels, self.n_classes, self.n_frequencies = n_levels, n_classes, n_frequencies
        told = n_classes, map_channels + 2 + 4 * n_frequencies
        layers = [layer(1, n_channels, first_kernel_size, "A", *told)]
        layers += [layer(n_channels, n_channels, 3, "B", *told) for _ in range(n_layers - 1)]
        self.layers = nn.ModuleList(layers)
        to_features = nn.Conv2d(n_channels, n_channels, 1)
        to_logits = nn.Conv2d(n_channels, n_levels, 1)
        self.head = nn.Sequential(nn.ReLU(), to_features, nn.ReLU(), to_logits)

    def forward(self, levels, *, label, context=None):
        x = 2 * levels / (self.n_levels - 1) - 1
        place = coordinate_features(*levels.shape[2:], self.n_frequencies, like=x)
        if context is not None:
            place = torch.cat([context, place.expand(len(x), -1, -1, -1)], dim=1)
        # Row i of the vertical stack may know the rows above i: shift by one.
        v, h = shift_down(x), x
        for layer in self.layers:
            v, h = layer(v, h, label, place)
        return self.head(h)[:, :, None]  # one colour


# %% [markdown]
# Is it the library's model? The parameters have the same names, so the shipped weights fit. Ask both
# for the logits of held-out garments. Then do the same for a small model that is given a map, too.

# %% tags=["held", "nbval-check-output"]
test = garments.test.subset(settings.n_test)
levels, labels = test.levels.long().to(device), test.labels.to(device)
mine = ConditionalPixelCNN().to(device)
mine.load_state_dict(shipped.state_dict())
few = {"label": labels[:4]}
with torch.inference_mode():
    same = torch.allclose(mine(levels[:4], **few), shipped(levels[:4], **few), atol=1e-3)
print("same logits as the library's:", same)

options = {"n_levels": 4, "n_classes": 10, "n_channels": 8, "n_layers": 3, "n_frequencies": 1}
library = GatedPixelCNN(context_channels=2, coordinates=True, first_kernel_size=9, **options)
small_mine = ConditionalPixelCNN(map_channels=2, **options)
small_mine.load_state_dict(library.state_dict())
told = {"label": labels[:4].cpu(), "context": torch.randn(4, 2, 12, 9)}
some = torch.randint(4, (4, 1, 12, 9))
print("and with a map:", torch.allclose(small_mine(some, **told), library(some, **told), atol=1e-4))

# %% [markdown]
# What does the label change, and what does the noise? Draw ten images with the same random numbers
# and ten labels, and once more with other random numbers.

# %%
rows = []
for seed in (1, 4):
    uniforms = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    options = {"label": torch.arange(10, device=device), "method": "cached"}
    same_noise = uniforms.double().expand(10, -1, -1, -1)
    rows.append(sample(shipped, (10, 1, 28, 28), uniforms=same_noise, **options).cpu())
show_images(torch.cat(rows), n_levels=16, row_labels=["noise 1", "noise 2"]);


# %% [markdown]
# Noise and label share the work. With the same noise, some classes come out alike in shade and
# outline. The label decides what kind of thing it is, from the first row of pixels on.
#
# ## 4 · Where does a label have to enter?
#
# In every layer, inside the gate, says the paper. What if it enters the first layer only? Or every
# layer, but behind the gate? Each is a small change of your layer.

# %%
class FirstLayerOnly(ConditionalLayer):
    def gates(self, v, z, label):
        if self.residual:  # every layer but the first
            return gate(v), gate(z)
        return super().gates(v, z, label)


class BehindTheGate(ConditionalLayer):
    def gates(self, v, z, label):
        for_v, _, for_z, _ = self.label.weight[label][:, :, None, None].chunk(4, dim=1)
        return gate(v) + for_v, gate(z) + for_z


class Nowhere(ConditionalLayer):
    def gates(self, v, z, label):
        return gate(v), gate(z)


# %% [markdown]
# Train each on garments of 16×16 pixels in 4 levels, from the same seeds on the same images.

# %%
def small(levels):
    """(N, 1, 28, 28) of 16 levels -> (N, 1, 16, 16) of 4 levels."""
    return (F.avg_pool2d(F.pad(levels.float(), (2, 2, 2, 2)), 2) * 4 / 16).to(torch.uint8)


train = garments.train.subset(settings.n_train)
small_train, small_test = small(train.levels), small(test.levels).long().to(device)
show_images(small_train[:20], n_levels=4, n_columns=10);

# %%
from tutorial_lib.pixels import nll_nats
from tutorial_lib.training import FitConfig, fit


def labelled_step(model, levels, label):
    """What `fit` minimises: nats for each pixel, of images that come with their labels."""
    nats = nll_nats(model(levels.long(), label=label), levels.long())
    return {"loss": nats.mean() / levels[0].numel()}


def train_small(layer, seed):
    torch.manual_seed(seed)
    model = ConditionalPixelCNN(4, n_channels=16, n_layers=4, n_frequencies=2, layer=layer)
    part = settings.n_train // 3
    config = FitConfig(epochs=1, batch_size=16, learning_rate=1e-2, seed=seed)
    fit(model, labelled_step, (small_train[:part], train.labels[:part]), config, progress=False)
    return model.to(device)


# %% [markdown]
# Two numbers judge a model. One is the cost of held-out images with their true labels. The other
# turns the model round: score an image under all ten labels and guess the one that makes it
# cheapest. A model that has listened to its labels guesses well. (Chapter 07 does this in earnest.)

# %%
ways = {"nowhere": Nowhere, "first layer only": FirstLayerOnly,
        "every layer, behind the gate": BehindTheGate,
        "every layer, in the gate": ConditionalLayer}  # fmt: skip
found = {}
for name, layer in ways.items():
    for seed in range(settings.n_seeds):
        log_p = label_log_likelihoods(train_small(layer, seed), small_test)  # (images, 10)
        # log p(x | y) of the label that the image has
        own = log_p.gather(1, labels.cpu()[:, None]).mean().item()
        right = (log_p.argmax(dim=1) == labels.cpu()).double().mean().item()
        found.setdefault(name, []).append((-own, right))

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 2, figsize=(7, 2.2), layout="tight", sharey=True)
for i, runs in enumerate(found.values()):
    for ax, numbers in zip(axes, zip(*runs, strict=True), strict=True):
        ax.plot(numbers, [i] * len(numbers), "o", color="#3b76af", alpha=0.7)
        ax.text(max(numbers), i + 0.3, f"{sum(numbers) / len(numbers):.3g}", fontsize=8)
axes[0].set(yticks=range(len(found)), yticklabels=list(found), xlabel="cost (nats per image)")
axes[1].set(xlabel="labels guessed right", ylim=(-0.5, len(found)));

# %% [markdown]
# All three ways hear the label: each guesses about six in ten right, on three thousand training images,
# where a model that was told nothing can only guess the first class. Hearing it in the first layer
# alone is enough for that, since all later layers read the first. In cost they differ. Behind the gate,
# the label costs *more than no label at all*, with every seed. In the gate it costs less than none,
# with every seed. The first layer alone lies near that: its mean is a little higher, and its runs
# differ so much that a few seeds cannot rank the two. So a short training of small models shows that
# the place matters, and that no test of shapes would notice a wrong one. It does not show that every
# layer has to be told.
#
# ## 5 · Label dropout and guidance
#
# A model that is told the class can be asked to *exaggerate* it. That needs a second opinion: what
# would it say if it did not know the class? So train one network for both. Give every table an
# eleventh row, "no label", and in training give one image in five that row in place of its own:
# **label dropout**.
#
# > **Predict.** Is the eleventh row needed? One could tell the shipped model the *average* of its
# > ten rows, a tenth of every class. What will garments cost under that label?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The model has met ten rows. Has it ever been told "a tenth of everything"?
# >
# > </details>

# %%
import copy


def relabelled(model, h):
    """The same model under other labels: number i stands for the vector h[i]."""
    model = copy.deepcopy(model)
    for layer in model.layers:
        table = layer.label.weight.detach()
        layer.label = nn.Embedding.from_pretrained(h.to(table) @ table)
    model.n_classes = len(h)
    return model


average = relabelled(shipped, torch.full((1, 10), 0.1))
some, label = levels[:32], labels[:32]
with torch.inference_mode():
    own = nll_nats(shipped(some, label=label), some).mean()
    mean = nll_nats(average(some, label=torch.zeros_like(label)), some).mean()
print(f"told its own label: {own:.0f} nats an image; told the average label: {mean:.0f}")

# %% [markdown]
# The average label costs about twice as much: no image in training ever came with it, so nothing
# was learned about it. "No label" has to be learned, too.

# %%
NO_LABEL = 10
sizes = {"n_channels": 24, "n_layers": 4, "first_kernel_size": 7, "n_frequencies": 2}
torch.manual_seed(0)
model = ConditionalPixelCNN(4, n_classes=11, **sizes)


def dropout_step(model, levels, label):
    forget = torch.rand(len(label), device=label.device) < 0.2
    return labelled_step(model, levels, label.masked_fill(forget, NO_LABEL))


config = FitConfig(epochs=settings.dropout_epochs, batch_size=16, learning_rate=1e-2)
fit(model, dropout_step, (small_train, train.labels), config)


# %%
@torch.inference_mode()
def both_opinions(levels, label):
    return model(levels, label=label), model(levels, label=torch.full_like(label, NO_LABEL))


told, untold = both_opinions(small_test, labels)
for name, logits in {"told the label": told, "told that there is none": untold}.items():
    print(f"{name:24} {nll_nats(logits, small_test).mean():.2f} nats an image")

# %% [markdown]
# One network, two opinions, and the one that knows the class costs less. (That gap is larger than the
# $\log 10$ nats that a label can be worth, so "no label" is not learned perfectly yet: only one image
# in five came with it.)
#
# Now mix the two opinions at every pixel, as logits. With *guidance* $w$,
#
# $$\text{logits}_w = \text{logits}(y) + w \big( \text{logits}(y) - \text{logits}(\text{no label}) \big)$$
#
# At $w = 0$ this is the conditional model. Larger $w$ makes levels more probable that the class
# makes more probable: each factor becomes $p(x_i \mid x_{<i}, y)$ times
# $\big(p(x_i \mid x_{<i}, y) / p(x_i \mid x_{<i})\big)^w$, up to a constant.
#
# Draw with two caches that walk over the same image, one told the label and the other not. (The
# cache is chapter 06's and takes the library's class. Your weights fit.)

# %%
from tutorial_lib.sampling import GatedCache, draw


def in_library(model, **told):
    """Your weights in the library's class."""
    twin = GatedPixelCNN(n_levels=4, coordinates=True, **sizes, **told)
    twin.load_state_dict(model.state_dict())
    return twin.to(device).eval()


# %%
@torch.inference_mode()
def draw_guided(model, label, w):
    uniforms = torch.rand(len(label), 16, 16, generator=torch.Generator().manual_seed(0))
    both = torch.cat([label, torch.full_like(label, NO_LABEL)]).to(device)
    canvas = torch.zeros(len(both), 1, 16, 16, dtype=torch.long, device=device)
    cache = GatedCache(in_library(model, n_classes=11), canvas, label=both)
    for row in range(16):
        cache.begin_row(row)
        for column in range(16):
            told, untold = cache.logits(column, 0).cpu().chunk(2)
            pixel = draw(told + w * (told - untold), uniforms[:, row, column])
            # Both halves of the batch must see the same image.
            canvas[:, 0, row, column] = pixel.repeat(2).to(device)
    return canvas[: len(label)].cpu()


# %%
strengths = (0, 1, 2, 4)
each_class = torch.arange(10).repeat_interleave(settings.n_guided)
by_strength = {w: draw_guided(model, each_class, w) for w in strengths}
first = [images[:: settings.n_guided] for images in by_strength.values()]
show_images(torch.cat(first), n_levels=4, row_labels=[f"w = {w}" for w in strengths]);

# %% [markdown]
# Down a column the noise is the same. From $w = 0$ to $w = 1$ the T-shirt gets even
# sleeves and the boot its shaft. From $w = 2$ on, specks appear at the borders. The sandal is not helped:
# it falls apart.
#
# What does guidance trade? Three measurements. *Legibility*: how often does a small classifier,
# trained on real garments, read the class that was asked for? *Variety*: how different are two
# drawings of one class? *Cost*: the guided factors are a softmax like any other, so held-out
# garments have an exact cost under them.

# %%
classifier = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(64 * 16, 10),
)  # fmt: skip


def guess_step(model, levels, label):
    return {"loss": F.cross_entropy(model(levels / 1.5 - 1), label)}


torch.manual_seed(0)
config = FitConfig(epochs=settings.classifier_epochs, batch_size=64, learning_rate=3e-3)
fit(classifier, guess_step, (small_train, train.labels), config)


# %%
def read_as(images, label):
    """Share of the images that the classifier takes for the class `label`."""
    with torch.inference_mode():
        guess = classifier(images.to(device) / 1.5 - 1).argmax(dim=1)
    return (guess == label.to(device)).float().mean().item()


print(f"real garments: {read_as(small_test, labels):.1%} are read as what they are")


# %% jupyter={"source_hidden": true}
def variety(images):
    """Mean difference of a pixel between two drawings of the same class, 0 to 1."""
    images = images.view(10, -1, 256) / 3
    n = images.shape[1]
    return (torch.cdist(images, images, p=1).sum() / 256 / (10 * n * max(1, n - 1))).item()


figure, axes = plt.subplots(1, 3, figsize=(7, 2.2), layout="tight")
for w, images in by_strength.items():
    nats = nll_nats(told + w * (told - untold), small_test).mean().item()
    for ax, number in zip(axes, (read_as(images, each_class), variety(images), nats), strict=True):
        ax.plot(w, number, "o", color="#3b76af")
for ax, ylabel in zip(axes, ("read as asked", "variety", "cost (nats per image)"), strict=True):
    ax.set(xlabel="guidance w", ylabel=ylabel, xticks=strengths)
axes[0].axhline(read_as(small_test, labels), color="#888888", lw=1);

# %% [markdown]
# A moderate $w$ makes nearly every drawing legible to the classifier, more legible than real garments are
# (grey line). For that it pays twice. The drawings of a class become more alike, until the
# specks of a large $w$ make them differ again. And held-out garments cost more with every step: a guided model
# describes garments worse, for it has stopped believing in shirts that look like coats. Lower cost and
# clearer pictures are different goals.
#
# ## 6 · Between two labels
#
# Nothing in equation 4 says that $h$ must be one-hot. Half of one label and half of another is a
# legal condition, though one that the model has never met in training.
#
# ### Exercise 5.2

# %% jupyter={"source_hidden": true} cellView="form"
ch05.soft_labels.card()


# %%
def soft_labels(first: int, second: int, n_steps: int, n_classes: int) -> torch.Tensor:
    """Conditions h that lead from one label to another, on a straight line and in even steps.

    first, second  labels, 0 .. n_classes - 1; they may be the same
    n_steps        how many conditions, at least 2: the two labels themselves count
    returns        (n_steps, n_classes), floating point

    By hand: of soft_labels(0, 2, 3, 3), the middle row is [0.5, 0, 0.5]
    """
    ____


soft_labels = ch05.soft_labels.check(soft_labels)


# %% [markdown]
# `relabelled` of section 5 gives a model one row for each $h$.
#
# > **Predict.** Every image of a row below is drawn with the same random numbers. What will lie
# > between a T-shirt and a dress?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The condition changes little by little. But which $h$ did the model meet in training, and has
# > anything told it what the others should mean?
# >
# > </details>

# %%
def draw_between(first, second, n_steps, seed):
    """One image for each step from one label to the other, all with the same noise."""
    mixed = relabelled(shipped, soft_labels(first, second, n_steps, 10))
    uniforms = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(seed)).double()
    options = {"uniforms": uniforms.expand(n_steps, -1, -1, -1), "method": "cached"}
    label = torch.arange(n_steps, device=device)
    return sample(mixed, (n_steps, 1, 28, 28), label=label, **options).cpu() / 15


# %%
n_between = settings.n_between
pairs = {(0, 3): 3, (7, 9): 2, (1, 3): 1}
strips = [draw_between(*pair, n_between, seed) for pair, seed in pairs.items()]
share = torch.linspace(0, 1, n_between)[:, None, None, None]
in_pixels = (1 - share) * strips[0][:1] + share * strips[0][-1:]
row_labels = [f"{names[a]} → {names[b]}" for a, b in pairs]
row_labels.insert(1, "the same in pixels")
show_images(
    torch.cat([strips[0], in_pixels, *strips[1:]]), n_columns=n_between, row_labels=row_labels
);

# %% [markdown]
# Compare the first two rows, which have the same two ends. Interpolated in pixels, the middle is two
# garments laid over each other. Interpolated in $h$, nothing shines through. But most images in the
# middle are *blank*. Half T-shirt and half dress is a legal $h$, but no training image came with it. It
# is the average label of section 5 once more, now of two.
#
# The paper draws such lines between *faces* (section 3.3), and there the way is smooth. The
# difference is not in equation 4. There $h$ is a vector that a face recognition network computes
# from a photograph. Training showed the model many thousands of values of $h$, and a point between
# two of them lies near others. Section 7 builds an $h$ of that kind and walks the line again.
#
# > **In words.** Somebody passes the label as a *number* from 0 to 9 in one channel, and
# > interpolates from 0 (T-shirt) to 9 (ankle boot). What would lie half-way?
# >
# > <details><summary>An answer</summary>
# >
# > 4.5: between coat and sandal, which have nothing to do with either end. The numbers of classes
# > have an order that means nothing. One-hot vectors are all equally far apart, so the line between
# > two of them touches no third.
# >
# > </details>
#
# ## 7 · A vector becomes a map: $s = m(h)$
#
# Who says that $h$ has to be made by people? Let a network read a short *code* off an image, and
# tell the PixelCNN the code. And how is a vector told? By equation 4, it is the same at every pixel.
# But $h$ may know *where* things are. Then the paper lets a small network $m$ unfold it into a map,
# $s = m(h)$, and equation 5 does the rest.
#
# ### Exercise 5.3

# %% jupyter={"source_hidden": true} cellView="form"
ch05.spatial_context.card()


# %%
def spatial_context(
    h: torch.Tensor, seed: torch.Tensor, weight: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """What a vector adds to the gates: V * m(h) of equation 5, at every pixel.

    h        (B, D): a vector for each image
    seed     (D, S, rows, columns): the network m. Each of the D numbers has a small picture of its
             own with S channels; m(h) is their sum, each picture as strong as its number
    weight   (2C, S): V, the weights of a 1x1 convolution without bias
    size     (H, W) of the image, multiples of rows and columns
    returns  (B, 2C, H, W): every cell of m(h) becomes a block of equal pixels

    By hand: h = [[2, 1]], the pictures [[1, 0]] and [[0, 3]], weight = [[10]] and size = (2, 4)
             give m(h) = [[2, 3]] and the result [[20, 20, 30, 30],
                                                  [20, 20, 30, 30]]
    """
    ____


spatial_context = ch05.spatial_context.check(spatial_context)


# %% [markdown]
# Now the *PixelCNN auto-encoder* (section 2.4 of the paper): an encoder squeezes the image into ten
# numbers, and your conditional model draws from them. Both are trained as one, by
# $-\log p(x \mid h(x))$. With one cell, `seed` tells the code alike at every pixel: equation 4. With
# 4×4 cells, each number of the code has a picture: equation 5. (Each layer has its own $V$ in
# `context`, so your function gets the identity in the place of $V$.)

# %%
class Autoencoder(nn.Module):
    """levels (B, 1, 16, 16) -> logits of p(x | h), with h the code of x itself"""

    def __init__(self, n_cells, code_dim=10, n_maps=8):
        super().__init__()
        halve = {"kernel_size": 4, "stride": 2, "padding": 1}
        first, second = nn.Conv2d(1, 16, **halve), nn.Conv2d(16, 32, **halve)
        to_code = nn.Linear(32 * 4 * 4, code_dim)
        self.encode = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), to_code)
        self.seed = nn.Parameter(torch.randn(code_dim, n_maps, n_cells, n_cells) / 3)
        self.decoder = ConditionalPixelCNN(4, n_classes=1, map_channels=n_maps, **sizes)

    def told(self, code):
        one = torch.eye(self.seed.shape[1], device=code.device)
        nothing = torch.zeros(len(code), dtype=torch.long, device=code.device)
        return {"context": spatial_context(code, self.seed, one, (16, 16)), "label": nothing}

    def forward(self, levels):
        return self.decoder(levels, **self.told(self.encode(levels / 1.5 - 1)))


# %%
def coded_step(model, levels):
    levels = levels.long()
    return {"loss": nll_nats(model(levels), levels).mean() / 256}


config = FitConfig(epochs=settings.small_epochs, batch_size=16, learning_rate=1e-2)
coders = {}
for name, n_cells in {"the same everywhere (eq. 4)": 1, "unfolded (eq. 5)": 4}.items():
    torch.manual_seed(0)
    coders[name] = coder = Autoencoder(n_cells)
    fit(coder, coded_step, (small_train,), config)
    with torch.inference_mode():
        nats = nll_nats(coder(small_test), small_test).mean()
    print(f"{name}: {nats:.1f} nats per held-out image, given its code")

# %% [markdown]
# Told where things are, the model pays less, with the same decoder, images and random seed; the map
# has more weights, and this is one seed. (Whether either number is a likelihood of the image, section 8 asks.)
#
# Does the PixelCNN listen? Give every image the code of another one.

# %%
with torch.inference_mode():
    code = coder.encode(small_test / 1.5 - 1)
    for whose, given in {"its own code": code, "another image's": code.roll(1, dims=0)}.items():
        nats = nll_nats(coder.decoder(small_test, **coder.told(given)), small_test).mean()
        print(f"{whose:16} {nats:.1f} nats")

# %% [markdown]
# It listens: somebody else's code misleads it.
#
# Compare it with an ordinary auto-encoder, whose decoder answers with *one* image, trained by the mean squared error. Both
# have ten numbers. Draw from the unfolded model, several times from each code.

# %%
from tutorial_lib.codes import MSEAutoencoder


def averaging_step(model, levels):
    return {"loss": model.squared_error(levels.long()).mean()}


torch.manual_seed(0)
averaging = MSEAutoencoder(n_levels=4, size=(16, 16), code_dim=10)
fit(averaging, averaging_step, (small_train,), config)


# %%
def draw_from(coder, code, uniforms):
    twin = in_library(coder.decoder, n_classes=1, context_channels=8)
    options = coder.told(code) | {"uniforms": uniforms.double(), "method": "cached"}
    return sample(twin, (len(code), 1, 16, 16), **options).cpu() / 3


n_coded, n_repeats = 6, 5
originals = small_test[8 : 8 + n_coded]
with torch.inference_mode():
    codes = coder.encode(originals / 1.5 - 1).repeat_interleave(n_repeats, dim=0)
    blurred = averaging(originals).cpu()
    noise = torch.rand(len(codes), 1, 16, 16, generator=torch.Generator().manual_seed(0))
    by_code = draw_from(coder, codes, noise).unflatten(0, (n_coded, n_repeats))
rows = [originals[:, None].cpu() / 3, blurred[:, None], by_code]
titles = ["original", "MSE", *["given the code"] * n_repeats]
show_images(torch.cat(rows, dim=1).flatten(0, 1), n_columns=n_repeats + 2, titles=titles);


# %% jupyter={"source_hidden": true}
def sharpness(x):
    """Mean difference between a pixel and its right neighbour."""
    return (x[..., 1:] - x[..., :-1]).abs().mean().item()


truth = originals.cpu() / 3
answers = {"original": truth, "MSE": blurred, "one draw": by_code[:, 0]}
answers["mean of the draws"] = by_code.mean(dim=1)
print(f"{'':18} sharpness  squared error")
for name, x in answers.items():
    print(f"{name:18} {sharpness(x):9.3f}  {(x - truth).square().mean():13.4f}")

# %% [markdown]
# In numbers (folded cell): the blur is closest to the original and the least sharp. A single draw is
# furthest away and sharper than the garment itself (speckle counts as sharpness, too). The mean of five
# draws lies between them in both. One answers "what was *the* image?", the other "what do images with this code look like?".
#
# The MSE column is the same garment, blurred: ten numbers do not fix every pixel, and the answer with
# the least squared error is a mean. The PixelCNN does not average. From one code it draws several
# garments with sharp edges. Boot, bags and sneaker keep their kind, place and size; shade and
# texture differ from draw to draw, often as speckle, and the dark dress of the first row is lost. The
# paper's figure for this experiment (section 3.4) shows the same with a better model: what the code
# leaves open is filled in, and differently each time.
#
# And the line of section 6, between two codes? Walk from a boot's code to a dress's, with the same
# random numbers at each step.

# %%
share = torch.linspace(0, 1, 8, device=device)[:, None]
first, last = (small_test[labels == k][:1] for k in (9, 3))  # a boot and a dress
with torch.inference_mode():
    ends = [coder.encode(image / 1.5 - 1) for image in (first, last)]
    line = (1 - share) * ends[0] + share * ends[1]
    rows = [((1 - share[..., None, None]) * first + share[..., None, None] * last).cpu() / 3]
    for seed in (0, 1):
        noise = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(seed))
        rows.append(draw_from(coder, line, noise.expand(8, -1, -1, -1)))
row_labels = ["in pixels", "in the code", "other noise"]
show_images(torch.cat(rows), n_columns=8, row_labels=row_labels);


# %% [markdown]
# In pixels, both garments shine through each other. In the code, each step is one image, and none is
# blank: the encoder's ten numbers differ from image to image, so training showed the model thousands
# of values of $h$. Early steps are boots, late ones upright like a dress, and in between one
# shape turns into the other.
#
# > **In words.** Why does the MSE auto-encoder answer with a blur, and not with one of the sharp
# > images that have this code?
# >
# > <details><summary>An answer</summary>
# >
# > Suppose half of the images with a code have a white pixel somewhere and half a black one. Saying
# > white costs 1 in half of the cases, 0.5 on average; saying grey costs a quarter always. The best
# > single answer is the mean, pixel by pixel. A distribution can say "half and half" and then draw
# > one of the two.
# >
# > </details>
#
# ## 8 · A wrong way, on purpose: is this a better model?
#
# The auto-encoder was told ten numbers about the image that it was to score. Here is a model that is
# told more: its map is the image itself.
#
# > **Predict.** What will it cost? And what will the instruments of chapters 02 and 03 say, the
# > influence matrix and the sum over all images?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The instruments hold the condition fixed and look at the levels. The leak is in how the condition
# > was made.
# >
# > </details>

# %%
def itself(levels):
    """As a condition: the image."""
    return levels.float() * 2 / 3 - 1


def copy_step(model, levels):
    nats = nll_nats(model(levels.long(), context=itself(levels)), levels.long())
    return {"loss": nats.mean() / 256}


torch.manual_seed(0)
copier = GatedPixelCNN(n_levels=4, context_channels=1, n_channels=8, n_layers=1)
config = FitConfig(epochs=4, batch_size=16, learning_rate=3e-2)
fit(copier, copy_step, (small_train[:1600],), config)
with torch.inference_mode():
    nats = nll_nats(copier(small_test, context=itself(small_test)), small_test).mean()
print(f"told the image itself: {nats:.2f} nats per image")

# %%
from tutorial_lib.pixels import influence_matrix, total_probability


class GivenMap(nn.Module):
    """A model with one fixed map, as a model of images."""

    def __init__(self, model, context):
        super().__init__()
        self.model, self.context = model, context
        self.n_colors, self.n_levels, self.embed = model.n_colors, model.n_levels, model.embed

    def logits_from(self, features):
        context = self.context.to(features).expand(len(features), -1, -1, -1)
        return self.model.logits_from(features, context=context)

    def forward(self, levels):
        return self.logits_from(self.embed(levels))


copier = copier.cpu()
reads = influence_matrix(GivenMap(copier, itself(small_test[:1, :, 6:9, 6:9].cpu())), 3, 3)
print("influence matrix causal:", torch.equal(reads, reads.tril(-1)))
total = total_probability(GivenMap(copier, torch.zeros(1, 1, 2, 2)), 2, 2)
print(f"sum over all 2×2 images, one map for all: {total:.6f}")

# %% [markdown]
# It costs next to nothing, and the instruments find no fault: *given a map*, this is a flawless
# distribution over images. It happens to be nearly all on one of them. The fault is in the question.
# $p(x \mid s)$ says what $x$ costs for somebody who has $s$ already. When $s$ was made from $x$,
# somebody has to pay for $s$. Add $p(x \mid s(x))$ up over all images, each with its *own* map, and
# it becomes visible:

# %%
images = enumerate_images(2, 2, n_levels=4)
maps = {
    "one map for all": itself(images[:1]).expand(256, -1, -1, -1),
    "its own map": itself(images),
}
with torch.inference_mode():
    for name, context in maps.items():
        p = torch.exp(-nll_nats(copier(images, context=context), images).double())
        print(f"{name:16} {p.sum():9.4f}   over all {len(images)} images")

# %% [markdown]
# With its own map, most of the 256 images have a "probability" near 1. That sum is the test to
# remember: **a condition computed from the image makes no likelihood of the image.** It is fine for
# drawing, as long as you have an $s$ to draw from. Its cost may be compared only with models that
# were told the same $s$, as in section 7, or after the bits of $s$ are added. A label is different:
# one of ten labels, all alike beforehand, can save $\log_2 10$ bits *per image* and no more.
# Chapters 09 to 13 add the bits of the code: first with a code that is a random variable, then with
# one that is a handful of whole numbers.

# %%
ch05.progress()

# %% [markdown]
# > **In words.** "Our conditional model reaches 0.2 bits/dim less than the unconditional one, so it
# > is the better model." What do you ask?
# >
# > <details><summary>An answer</summary>
# >
# > What is the condition, and where does it come from? One of K labels, all alike beforehand, can
# > save log2 K bits *per image* and no more. If a condition saves more than that, it holds more
# > than a label, or was computed from the image, or the two networks differ in something else:
# > size, training, data. Bits that the condition took from the image have to be added before
# > anything is compared.
# >
# > </details>
#
# > **In words.** A model draws the next frame of a *video*, and h is computed from the frame before
# > it. Where does h enter: by equation 4 or 5?
# >
# > <details><summary>An answer</summary>
# >
# > If it is one vector: 4, the same at every pixel. If it is a feature map that knows what was
# > where: 5, so that the pixel at (i, j) is told what stood near (i, j). With equation 4 the network
# > would have to work out the place by itself.
# >
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN eq. 3, sec. 2.3 | p(x given h), a condition in every factor | section 1 | `GatedPixelCNN(...)(levels, label=..., context=...)` |
# | Gated PixelCNN eq. 4 | h inside both halves of the gate | sections 1, 3, exercise 5.1 | `gated_layer.GatedLayer.condition` |
# | Gated PixelCNN eq. 5 | a map through a 1×1 convolution, s = m(h) | sections 2, 3, 7, exercise 5.3 | `GatedPixelCNN(context_channels=...)` |
# | Gated PixelCNN sec. 2.4, 3.4 | the PixelCNN auto-encoder | section 7 | `pixelcnn_autoencoder.PixelCNNAutoencoder` |
# | Gated PixelCNN sec. 3.3 | embeddings, and lines between them | sections 6, 7 | - |
# | Ho and Salimans 2 | label dropout and guidance, there for diffusion models | section 5 | - |
#
# Next: [06 · Fast sampling](06_fast_sampling.ipynb), why `method="cached"` is so much faster, and
# draws the same image. Which class an image has, and whether it is odd:
# [07 · What a likelihood is good for](07_what_a_likelihood_is_good_for.ipynb).
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 2. J. Ho, T. Salimans: *Classifier-Free Diffusion Guidance*, 2022, arXiv 2207.12598.
