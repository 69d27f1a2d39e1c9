# %% [markdown]
# # 05 · Conditional generation: tell the model what you want
#
# [← 04 · The gated PixelCNN](04_gated_pixelcnn.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [06 · Fast sampling →](06_fast_sampling.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/05_conditional_generation.ipynb)
#
# So far a model drew whatever came to mind. Now it is told something first: a class, a rough
# sketch, a code that another network has read off an image. The chain rule stays, and every factor
# gets one more condition.
#
# **By the end you will have**
#
# - put a label, a map and a learned code inside the gate, and seen what it can do there and
#   not behind it;
# - drawn by class and between two classes, and asked the model what it has drawn;
# - told a model the very image that it is to score, and seen by which sum that shows.
#
# **You need** chapters 01 (nats, bits/dim), 02 (the influence matrix), 03 (the sum over all images)
# and 04 (the gated layer).
#
# **Time** about an hour of reading and exercises; running everything takes about two minutes on a
# laptop. The `gpu` profile trains larger models for longer.

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
from dataclasses import dataclass, replace

from tutorial_lib import profiles
from tutorial_lib.exercises import ch05


@dataclass
class Settings:
    n_per_class: int  # images drawn of each
    n_test: int  # images that are scored
    n_between: int  # steps from one label to another
    n_train: int  # images for the small models
    small_epochs: int  # of each small model
    n_channels: int
    n_layers: int


settings = profiles.choose(
    smoke=Settings(2, 25, 3, 192, 1, 8, 2),
    laptop=Settings(8, 301, 8, 9000, 1, 24, 4),
    gpu=Settings(8, 1001, 8, 9000, 10, 48, 8),
)
settings

# %% [markdown]
# ## Where this ends
#
# One row for each class, every image drawn anew. The weights come with the package: a gated
# PixelCNN of 28×28 garments in 16 grey levels, told the class in every layer (`python -m
# tutorial_lib reproduce gated-fashion-mnist`; `results/` says how long it took).

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
asked_labels = torch.arange(10, device=device).repeat_interleave(settings.n_per_class)
noise = torch.Generator().manual_seed(0)
drawn = sample(
    shipped, (len(asked_labels), 1, 28, 28), label=asked_labels, method="cached", generator=noise
).cpu()
show_images(drawn, n_levels=16, n_columns=settings.n_per_class, row_labels=names);

# %% [markdown]
# The class is kept along a row, while cut and shade change. All these images come from one network
# with one set of weights. Each was drawn with noise of its own; what a row has in common is the
# number of its class: 0 for the first row, 9 for the last.
# (`method="cached"` draws the same images as the naive way, far sooner. Chapter 06 shows how.)
#
# ## 1 · One more condition
#
# > **From the reading notes.** *"This model can be conditioned on prior information."* On what, and
# > where does it go in?
# >
# > On anything that can be written as numbers h. Equation 3 of the paper puts it behind the bar of
# > every factor:
# >
# > $$p(x \mid h) = \prod_i p(x_i \mid x_1, \dots, x_{i-1}, h)$$
# >
# > (h is the paper's letter for the condition. It has nothing to do with the horizontal stack, the
# > h of chapter 04.) It may be a label, an embedding computed by some network, or a map as large as
# > the image. It goes into *every* layer, inside the gate. Sections 1 and 2 show it for labels,
# > section 4 for maps, section 5 for a code. ("Prior" here means "known beforehand". It is not the
# > p(z) of the later chapters.)
#
# What has to hold? For every h, a distribution over images. List all 2×2 images, and score each
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
# The columns sum to 1, the rows to nothing in particular. p(x | y) is a distribution over x. It
# says nothing about how probable the *label* is; chapter 07 will need Bayes' rule for that.
#
# ### Into the gate
#
# Equation 4, for a layer k:
#
# $$y = \tanh(W_{k,f} * x + V_{k,f}^{\top} h) \odot \sigma(W_{k,g} * x + V_{k,g}^{\top} h)$$
#
# Here h is a vector, and what V makes of it is added at every pixel alike. For a label, h is
# one-hot: all zeros and a single 1. A matrix times a one-hot vector is one of the matrix's columns,
# so nobody multiplies: the library looks it up, in an `nn.Embedding`. (From here on, V h is short
# for the equation's Vᵀh, and stands for all four such vectors of a layer, one below the other.)
# The label enters both stacks, before the gate:

# %%
from tutorial_lib.notebook import diagrams

diagrams.label_entry(shipped, 28, 28)

# %% [markdown]
# In numbers:

# %% tags=["nbval-check-output"]
from torch.nn import functional as F

torch.manual_seed(0)
layer = GatedPixelCNN(n_channels=32, n_layers=2, n_classes=10).layers[1]
V = layer.label.weight.T  # one column for each class
h = F.one_hot(torch.tensor(7), 10).float()
print("V h is row 7 of the table:", torch.allclose(V @ h, layer.label.weight[7]))
print("numbers that one label adds to this layer:", len(V), "= 2 stacks × 2 halves × 32 channels")

# %% [markdown]
# ### Exercise 5.1

# %%
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
# The library's layer has two stacks, and a label moves the gates of both: the first half of its row
# belongs to the vertical stack, the second to the horizontal one. Is each of them equation 4?

# %% tags=["nbval-check-output"]
features, label = torch.randn(3, 64, 5, 7), torch.tensor([4, 0, 9])
tables = layer.label.weight.detach().chunk(2, dim=1)
with torch.inference_mode():
    stacks = zip(("vertical", "horizontal"), layer.condition(label, None), tables, strict=True)
    for name, added, label_table in stacks:
        own = conditional_gate(features, label, label_table)
        print(name, "agrees:", torch.allclose(layer.activate(features + added), own, atol=1e-6))

# %% [markdown]
# ## 2 · Where the label may not go
#
# Why inside? A layer has room for the label after the gate as well. Here are a label that says
# "shut", one that says nothing and one that says "open", for one feature, on both sides of the
# gate.
#
# > **Predict.** Which of the two pictures will show three curves of the same shape?
# > <details><summary>A way to think about it</summary>After the gate, the label can only add the
# > same amount to whatever came out.</details>

# %%
import matplotlib.pyplot as plt

from tutorial_lib.pixels import gate

values = torch.linspace(-4, 4, 81)
one_feature = torch.stack([values, torch.zeros(81)]).view(1, 2, 1, 81)  # a value, and its switch
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6), layout="tight", sharey=True)
for name, amount in {"shut": -4.0, "nothing": 0.0, "open": 4.0}.items():
    switch_table = torch.tensor([[0.0, amount]])
    inside = conditional_gate(one_feature, torch.tensor([0]), switch_table)
    left.plot(values, inside.flatten(), label=name)
    right.plot(values, gate(one_feature).flatten() + 0.2 * amount, label=name)
left.set(title="inside the gate (eq. 4)", xlabel="value", ylabel="what the layer says")
right.set(title="after the gate", xlabel="value")
left.legend();

# %% [markdown]
# Inside, the label rules: with the switch shut, nothing that this feature has seen in the image
# gets through, and another label lets all of it pass. "Look for laces, but only on shoes" takes one
# feature. After the gate, the label moves the curve up or down, and whatever the feature saw gets
# through with every label. (The gates of the next layer hear of it all the same, through their
# convolutions, a layer late. After the last layer there is no gate left to hear it.)
#
# Now the trained model. It has been told the label in every layer, in two stacks, as values and as
# switches. Where does it listen? Lie to one part of it: in all layers, let that part have the
# numbers of another class, tell the rest the truth, and score held-out garments again.

# %%
import copy

from tutorial_lib.pixels import nll_nats

test = garments.test.subset(settings.n_test)
levels, labels = test.levels.long(), test.labels


def lied_to(model, part):
    """A copy of the model that is told the next class's numbers in the channels `part`."""
    model = copy.deepcopy(model)
    for layer in model.layers:
        table = layer.label.weight.data
        table[:, part] = table.roll(-1, dims=0)[:, part]
    return model


@torch.inference_mode()
def cost(model, n=64):
    """Mean nats of the first test images, each with its own label."""
    some, label = levels[:n].to(device), labels[:n].to(device)
    return nll_nats(model(some, label=label), some).mean().item()


# %%
place = torch.arange(4 * 32)  # vertical values, vertical switches, horizontal values and switches
parts = {
    "vertical stack": place < 64,
    "horizontal stack": place >= 64,
    "values": place % 64 < 32,
    "switches": place % 64 >= 32,
    "everything": place >= 0,
}
whole = cost(shipped)
lost = {name: cost(lied_to(shipped, part.to(device))) - whole for name, part in parts.items()}
figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
ax.barh(list(lost), list(lost.values()), color="#3b76af")
ax.set(xlabel="nats lost for each image", title="lied to about the label in ...")
ax.invert_yaxis()
ax.axvline(0, color="#888888", lw=1);


# %% [markdown]
# Every part believes what it is told, and a lie to any of them costs. But these bars do not say
# *where* the label is carried. Where half a lie costs more than the whole one, the bar measures how
# much the parts contradict each other, which they never did in training. What they do show: an
# implementation that tells only one stack, or only the values, runs without an error, and no test
# of shapes will say so.
#
# The same question asked of the derivative: how much do the logits move with the numbers that the
# label adds, layer by layer? (A forward hook is called with what a module returned. Here it keeps
# what each layer's table looked up, so that we can differentiate by it.)

# %%
def label_gradients(model, levels, label):
    """Mean |d logits / d V h| for each layer, stack and half: (layers, 4)."""
    added = []
    hooks = [
        layer.label.register_forward_hook(lambda module, args, out: added.append(out))
        for layer in model.layers
    ]
    logits = model(levels, label=label)
    for hook in hooks:
        hook.remove()
    mix = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0)).to(logits)
    gradients = torch.autograd.grad((logits * mix).sum(), added)
    return torch.stack([g.unflatten(1, (4, -1)).abs().mean(dim=(0, 2)) for g in gradients]).cpu()


strength = label_gradients(shipped, levels[:16].to(device), labels[:16].to(device))
figure, ax = plt.subplots(figsize=(5, 2.9), layout="tight")
picture = ax.imshow(strength, cmap="viridis", vmin=0, aspect="auto")
quarters = [
    f"{stack},\n{half}" for stack in ("vertical", "horizontal") for half in ("values", "switches")
]
ax.set_xticks(range(4), quarters)
ax.set(ylabel="layer")
ax.grid(False)
figure.colorbar(picture, ax=ax, label="mean |gradient|");

# %% [markdown]
# Bright cells move the logits most: here the first layers, whose features all later layers read,
# and values more than switches. The label has a say everywhere but in two cells of the last row:
# after the last layer nobody reads the vertical stack's gate, so the code leaves it out.
#
# ## 3 · Between two labels
#
# Nothing in equation 4 says that h must be one-hot. V h is linear in h, so half of one label and
# half of another is a perfectly good condition, though one that the model has never met in
# training.
#
# ### Exercise 5.2

# %%
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
# The model takes label numbers. So give it a new table with one row for each h, V h worked out
# beforehand in every layer, and call these rows by number.
#
# > **Predict.** Every image of a row below is drawn with the same random numbers. What will lie
# > between a T-shirt and a dress?
# > <details><summary>A way to think about it</summary>The condition changes little by little. But
# > which h did the model meet in training, and has anything told it what the others should
# > mean?</details>

# %%
from torch import nn


def with_soft_labels(model, h):
    """The same model under other labels: number i stands for the vector h[i]."""
    model = copy.deepcopy(model)
    for layer in model.layers:
        mixed = h.to(layer.label.weight) @ layer.label.weight.detach()
        layer.label = nn.Embedding.from_pretrained(mixed)
    model.n_classes = len(h)
    return model


def draw_between(first, second, n_steps, seed, n_noises=1):
    """For each step, images drawn with the same noise: (n_steps * n_noises, 1, 28, 28)."""
    noise = torch.Generator().manual_seed(seed)
    uniforms = torch.rand(n_noises, 1, 28, 28, generator=noise, dtype=torch.float64)
    mixed = with_soft_labels(shipped, soft_labels(first, second, n_steps, 10))
    label = torch.arange(n_steps, device=device).repeat_interleave(n_noises)
    shape = (n_steps * n_noises, 1, 28, 28)
    options = {"method": "cached", "uniforms": uniforms.repeat(n_steps, 1, 1, 1)}
    return sample(mixed, shape, label=label, **options).cpu()


# %%
n_between = settings.n_between
pairs = {(0, 3): 3, (7, 9): 2, (1, 3): 1}
strips = [draw_between(*pair, n_between, seed) / 15 for pair, seed in pairs.items()]
share = torch.linspace(0, 1, n_between)[:, None, None, None]
in_pixels = (1 - share) * strips[0][:1] + share * strips[0][-1:]
row_labels = [f"{names[a]} → {names[b]}" for a, b in pairs]
show_images(
    torch.cat([strips[0], in_pixels, *strips[1:]]),
    n_columns=n_between,
    row_labels=[row_labels[0], "the same in pixels", *row_labels[1:]],
);

# %% [markdown]
# Compare the first two rows, which have the same two ends. Interpolated in pixels, the middle is
# two garments laid over each other, which nobody ever photographed. Interpolated in h, nothing
# shines through: each step is one drawing. But look at those in the middle, where many images are
# blank or fall apart. Half T-shirt and half dress is a legal h. But the model has met ten values of
# h in its training, and this is not one of them. Nothing in training said what lies between.
#
# And the class? Ask the model itself what it has drawn at each step: p(y given x) by Bayes' rule,
# from what the image costs under each label. (Chapter 07 writes that rule out, and looks at how far
# such an answer can be trusted.)

# %%
from tutorial_lib.pixels import bayes_rule

n_noises = 4
both = draw_between(0, 3, n_between, seed=1, n_noises=n_noises)
log_p = bayes_rule(label_log_likelihoods(shipped, both)).log_posterior
by_step = log_p.exp().unflatten(0, (n_between, n_noises)).mean(dim=1)
rest = 1 - by_step[:, 0] - by_step[:, 3]
figure, ax = plt.subplots(figsize=(6, 2.4), layout="tight")
lines = {names[0]: by_step[:, 0], names[3]: by_step[:, 3], "any other class": rest}
for name, line in lines.items():
    ax.plot(torch.linspace(0, 1, n_between), line, marker="o", ms=4, label=name)
ax.set(xlabel="share of the second label in h", ylabel="mean p(y | drawn image)")
ax.legend();


# %% [markdown]
# The two curves hand over to a third in the middle: the model itself takes these images for
# something else. The paper draws such lines between *faces* (section 3.3), and there the way is
# smooth. The difference is not in equation 4. There h is no label, but the embedding that a face
# recognition network computes from a photograph, so training showed the model many thousands of
# values of h, and a point between two of them lies near others. Section 5 builds an h of that kind
# and walks the line again.
#
# > **In words.** Somebody passes the label as a *number* from 0 to 9 in one channel, and
# > interpolates from 0 (T-shirt) to 9 (ankle boot). What would lie half-way?
# > <details><summary>An answer</summary>4.5: between coat and sandal, which have nothing to do with
# > either end. The numbers of classes have an order that means nothing. One-hot vectors are all
# > equally far apart, so the line between two of them touches no third.</details>
#
# ## 4 · A map as the condition
#
# A label is the same at every pixel. Equation 5 replaces it by a map s that is as large as the
# image, and V h by a convolution with a 1×1 kernel:
#
# $$y = \tanh(W_{k,f} * x + V_{k,f} * s) \odot \sigma(W_{k,g} * x + V_{k,g} * s)$$
#
# Each pixel is told what the map says at its own place, and its features bring word of what the map
# said above and to the left. (No mask is needed: s is there before the first pixel is drawn, so
# none of it is forbidden. In the paper s = m(h): h is a vector that knows what should stand where,
# and a network m unfolds it into a map.) Here s is a very coarse picture, 4×4 cells of mean
# brightness. To train in a minute, the garments shrink to 16×16 pixels in 4 levels.

# %%
def small(levels):
    """(N, 1, 28, 28) of 16 levels -> (N, 1, 16, 16) of 4 levels."""
    return (F.avg_pool2d(F.pad(levels.float(), (2, 2, 2, 2)), 2) * 4 / 16).to(torch.uint8)


def coarse(levels):
    """(N, 1, 16, 16) of 4 levels -> (N, 1, 4, 4): the mean of each 4x4 block, 0 to 1."""
    return F.avg_pool2d(levels.float() / 3, 4)


train = garments.train.subset(settings.n_train)
small_train, small_test = small(train.levels), small(test.levels)
enlarged = F.interpolate(coarse(small_test[:8]), size=(16, 16))
figure, axes = plt.subplots(3, 1, figsize=(7, 2.9), layout="tight")
panels = {"28×28, 16 levels": levels[:8] / 15, "16×16, 4 levels": small_test[:8] / 3}
panels["the map s"] = enlarged
for ax, (name, images) in zip(axes, panels.items(), strict=True):
    show_images(images, n_columns=8, ax=ax)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")

# %% [markdown]
# ### Exercise 5.3

# %%
ch05.spatial_context.card()


# %%
def spatial_context(
    coarse: torch.Tensor, weight: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """What a coarse map adds to the gates: V * s of equation 5, at every pixel.

    coarse   (B, S, h, w): S numbers for each block of pixels; stays as it is
    weight   (2C, S): V, the weights of a 1x1 convolution without bias
    size     (H, W) of the image, multiples of h and w
    returns  (B, 2C, H, W): at each pixel V times the numbers of the block that it lies in

    By hand: coarse = [[1, 2]], weight = [[10]] and size = (2, 4) give [[10, 10, 20, 20],
                                                                        [10, 10, 20, 20]]
    """
    ____


spatial_context = ch05.spatial_context.check(spatial_context)

# %% [markdown]
# The library's model takes the map as `context`, enlarged already, and has a V of its own in every
# layer. With the one-by-one matrix [1] in the place of V, your function does the enlarging. Train
# two models: one is told the map, the other nothing.

# %%
from functools import partial

from tutorial_lib.pixels import bits_per_dim
from tutorial_lib.training import FitConfig, evaluate, fit

sizes = {"n_channels": settings.n_channels, "n_layers": settings.n_layers}
sizes |= {"coordinates": True, "n_frequencies": 2, "first_kernel_size": 7}


def the_map(levels):
    """The context of each image: its coarse map, enlarged."""
    one = torch.ones(1, 1, device=levels.device)
    return spatial_context(coarse(levels), one, (16, 16))


# %%
def small_step(model, levels, context_of):
    """One step of training for a model that is told context_of(levels), or nothing."""
    levels = levels.long()
    given = {"context": context_of(levels)} if context_of else {}
    nats = nll_nats(model(levels, **given), levels).mean()
    return {"loss": nats / 256, "bits/dim": bits_per_dim(nats, 256)}


torch.manual_seed(0)
nothing_said = GatedPixelCNN(n_levels=4, **sizes)
with_map = GatedPixelCNN(n_levels=4, context_channels=1, **sizes)
config = FitConfig(epochs=settings.small_epochs, batch_size=16, learning_rate=1e-2)
steps = {
    "nothing said": (nothing_said, partial(small_step, context_of=None)),
    "told the map": (with_map, partial(small_step, context_of=the_map)),
}
small_bits = {}
for name, (model, step) in steps.items():
    fit(model, step, (small_train,), config)
    small_bits[name] = evaluate(model, step, (small_test,))["bits/dim"]
    print(f"{name}: {small_bits[name]:.4f} bits/dim on held-out images")

# %%
n_rows, n_drawn = 4, 6
originals = small_test[:n_rows].long().to(device)
context = the_map(originals).repeat_interleave(n_drawn, dim=0)
noise = torch.Generator().manual_seed(0)
shape = (n_rows * n_drawn, 1, 16, 16)
by_map = sample(with_map, shape, context=context, method="cached", generator=noise).cpu()
rows = []
for i, own in enumerate(by_map.split(n_drawn)):
    rows += [originals[i].cpu() / 3, the_map(originals[i : i + 1])[0].cpu(), *own / 3]
titles = ["original", "map", *["drawn"] * n_drawn]
show_images(torch.stack(rows), n_columns=n_drawn + 2, titles=titles);

# %% [markdown]
# The drawn images keep to the map (dark where it is dark) and are free in all that it does not say:
# patterns, gaps, the exact outline. Does each block come out as bright as the map asked? A point is
# one cell of one drawing; a drawing that obeyed to the letter would have all of its points on the
# red line.

# %%
noise = torch.Generator().manual_seed(0)
free = sample(nothing_said, shape, method="cached", generator=noise).cpu()
asked = coarse(originals.cpu()).repeat_interleave(n_drawn, dim=0).flatten()
figure, axes = plt.subplots(1, 2, figsize=(6, 2.7), layout="tight", sharey=True)
for ax, (name, images) in zip(
    axes, {"told the map": by_map, "nothing said": free}.items(), strict=True
):
    got = coarse(images).flatten()
    ax.scatter(asked, got, s=4, alpha=0.4)
    ax.plot([0, 1], [0, 1], color="#d62728", lw=1)
    ax.set(title=f"{name}: off by {(asked - got).abs().mean():.2f}", xlabel="brightness asked for")
axes[0].set_ylabel("brightness drawn");

# %% [markdown]
# Told the map, the points follow the line; told nothing, they keep to no line. Nothing forces a
# drawing to obey: the model has learned to.
#
# ### A wrong way, on purpose: is this a better model?
#
# Told the map, the model needs fewer bits for the held-out images. Here is a model that needs fewer
# still. Its map is not 4×4 but 16×16: the image itself.
#
# > **Predict.** What will it cost? And what will the instruments of chapters 02 and 03 say, the
# > influence matrix and the sum over all images?
# > <details><summary>A way to think about it</summary>The instruments hold the condition fixed and
# > look at the levels. The leak is in how the condition was made.</details>

# %%
from tutorial_lib.pixels import influence_matrix, total_probability


class GivenMap(nn.Module):
    """A conditional model with one fixed map, as a model of images."""

    def __init__(self, model, context):
        super().__init__()
        self.model, self.context = model, context
        self.n_colors, self.n_levels, self.embed = model.n_colors, model.n_levels, model.embed

    def logits_from(self, features):
        context = self.context.to(features).expand(len(features), -1, -1, -1)
        return self.model.logits_from(features, context=context)

    def forward(self, levels):
        return self.logits_from(self.embed(levels))


# %%
def itself(levels):
    """As a condition: the image."""
    return levels.float() * 2 / 3 - 1


torch.manual_seed(0)
copier = GatedPixelCNN(n_levels=4, context_channels=1, n_channels=8, n_layers=1)
copy_step = partial(small_step, context_of=itself)
fit(
    copier, copy_step, (small_train[:1600],), FitConfig(epochs=4, batch_size=16, learning_rate=3e-2)
)
small_bits["told the image"] = evaluate(copier, copy_step, (small_test,))["bits/dim"]
for name, bits in small_bits.items():
    print(f"{name:15} {bits:.4f} bits/dim")

fixed = GivenMap(copier.cpu(), itself(small_test[:1, :, 6:9, 6:9]))
reads = influence_matrix(fixed, 3, 3)
print("\ninfluence matrix causal:", torch.equal(reads, reads.tril(-1)))
total = total_probability(GivenMap(copier, torch.zeros(1, 1, 2, 2)), 2, 2)
print(f"sum over all 2×2 images, one map for all: {total:.6f}")

# %% [markdown]
# Next to nothing is left to pay, and the instruments find no fault: *given a map*, this is a
# flawless distribution over images. It happens to be nearly all on one of them. The fault is in the
# question. p(x|s) says what x costs for somebody who has s already, and when s was made from x,
# somebody has to pay for s. Add p(x|s(x)) up over all images, each with its *own* map, and it
# becomes visible:

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
# With its own map, most of the 256 images have a "probability" near 1. That sum is the
# test to remember: **a condition computed from the image makes no likelihood of the image.** It is
# fine for drawing, as long as you have an s to draw from; the number in bits/dim may be compared
# only with models that were told the same s, or with the bits of s added. That goes for the 4×4 map
# too: its "fewer bits" were no better modelling either. Keep this in mind in the next section,
# where the condition is computed from the image by design.
#
# ## 5 · A code as the condition: the PixelCNN auto-encoder
#
# Who says that h has to be made by people? Section 2.4 of the paper takes an auto-encoder, a
# network that squeezes an image into a short code and restores the image from it, and puts a
# conditional PixelCNN in the place of the part that restores. Encoder and PixelCNN are trained as
# one, by −log p(x | h(x)).
#
# In the library the code is spread over the image as a context, the same at every pixel, which
# makes V ∗ s of equation 5 the V h of equation 4. This is all it takes:

# %%
import inspect

from tutorial_lib.codes import MSEAutoencoder, PixelCNNAutoencoder

for method in ("context", "logits_given", "forward"):
    print(inspect.getsource(getattr(PixelCNNAutoencoder, method)))

# %% [markdown]
# Its rival has the very same encoder and a decoder that answers with *one* image, trained by the
# mean squared error (MSE), and for three times as many epochs. Both squeeze 256 pixels into ten
# numbers.

# %%
shared = {"n_levels": 4, "size": (16, 16), "code_dim": 10}
torch.manual_seed(0)
drawing = PixelCNNAutoencoder(**shared, **sizes)
averaging = MSEAutoencoder(**shared)


def averaging_step(model, levels):
    return {"loss": model.squared_error(levels.long()).mean()}


drawing_step = partial(small_step, context_of=None)  # the model makes its own context
fit(drawing, drawing_step, (small_train,), config)
longer = replace(config, epochs=3 * settings.small_epochs)
fit(averaging, averaging_step, (small_train,), longer)
print(f"held-out squared error: {evaluate(averaging, averaging_step, (small_test,))['loss']:.4f}")

# %%
n_coded, n_repeats = 6, 5
coded_originals = small_test[8 : 8 + n_coded].long().to(device)
with torch.inference_mode():
    codes = drawing.encode(coded_originals)
    blurred = averaging(coded_originals).cpu()
noise = torch.Generator().manual_seed(0)
given_code = codes.repeat_interleave(n_repeats, dim=0)
by_code = drawing.sample(given_code, method="cached", generator=noise).cpu()
rows = []
for i, own in enumerate(by_code.split(n_repeats)):
    rows += [coded_originals[i].cpu() / 3, blurred[i], *own / 3]
titles = ["original", "MSE", *["given the code"] * n_repeats]
show_images(torch.stack(rows), n_columns=n_repeats + 2, titles=titles);


# %% [markdown]
# The MSE column is the same garment, blurred: ten numbers do not fix every pixel, and where several
# images share a code, the answer with the least squared error is their mean. The PixelCNN does not
# average. From one code it draws several *different* garments, mostly alike in kind, size and
# brightness, each with edges and texture, and none of them the original. The paper's figure for
# this experiment (section 3.4) shows the same: what the code leaves open is filled in, and
# differently each time.
#
# Both statements can be measured. *Sharpness*: how much do neighbouring pixels differ? *Closeness*:
# how far is the answer from the original?

# %%
def sharpness(x):
    """Mean difference between a pixel and its right neighbour."""
    return (x[..., 1:] - x[..., :-1]).abs().mean().item()


truth = coded_originals.cpu() / 3
answers = {
    "original": truth,
    "MSE": blurred,
    "one sample": by_code[::n_repeats] / 3,
    "mean of the samples": (by_code / 3).unflatten(0, (n_coded, n_repeats)).mean(dim=1),
}
print(f"{'':20} sharpness  squared error")
for name, x in answers.items():
    print(f"{name:20} {sharpness(x):9.3f}  {(x - truth).square().mean():13.4f}")

# %% [markdown]
# By squared error the blur wins: that is what it was trained for. A single sample loses, because it
# commits itself to edges that the original has elsewhere. (Speckle counts as sharpness too: to
# exceed the original's is no virtue.) Average the samples and they become
# closer, and blurred. The one is an answer to "what was *the* image?", the other to "what do images
# with this code look like?".
#
# Does the PixelCNN listen to its code at all? A strong decoder might get along without. Give every
# image the code of another one.

# %%
with torch.inference_mode():
    some = small_test.long().to(device)
    codes = drawing.encode(some)
    paid = {
        "its own code": nll_nats(drawing.logits_given(some, codes), some),
        "another image's code": nll_nats(drawing.logits_given(some, codes.roll(1, dims=0)), some),
        "no code (section 4)": nll_nats(nothing_said(some), some),
    }
for name, nats in paid.items():
    print(f"{name:21} {bits_per_dim(nats.mean(), 256).item():.4f} bits/dim")

# %% [markdown]
# Somebody else's code is worse than none: so the code is heard. And its own is better than none, by
# a number that must not be taken for progress in modelling. You have seen why in section 4: h was
# read off the image, and its ten real numbers are not on the bill. Chapters 09 to 13 pay that bill:
# first with a code that is a random variable, then with one that is a handful of whole numbers and
# has a price in bits.
#
# ### The line again, between two codes
#
# In section 3 the model had met ten values of h. The encoder's ten numbers differ from image to
# image, so training shows the model thousands. Walk from the code of one image to that of another,
# with the same random numbers at each step, beside the same walk in pixels.

# %%
first, last = (small_test[labels == k][:1].long().to(device) for k in (9, 3))  # a boot and a dress
share = torch.linspace(0, 1, 8, device=device)[:, None]
with torch.inference_mode():
    line = (1 - share) * drawing.encode(first) + share * drawing.encode(last)
in_pixels = (1 - share[..., None, None]) * first.float() + share[..., None, None] * last.float()
rows = [in_pixels.cpu() / 3]
for seed in (0, 1):
    noise = torch.Generator().manual_seed(seed)
    uniforms = torch.rand(1, 1, 16, 16, generator=noise, dtype=torch.float64).repeat(8, 1, 1, 1)
    rows.append(drawing.sample(line, method="cached", uniforms=uniforms).cpu() / 3)
row_labels = ["in pixels", "in the code", "other noise"]
show_images(torch.cat(rows), n_columns=8, row_labels=row_labels);

# %% [markdown]
# In pixels, both garments shine through each other. In the code, each step is one image, with
# edges, and neighbouring steps are alike: no hole in the middle this time. Early steps have the
# build of a boot and late ones that of a dress.
#
# > **In words.** Why does the MSE auto-encoder answer with a blur, and not with one of the sharp
# > images that have this code?
# > <details><summary>An answer</summary>Suppose half of the images with a code have a white pixel
# > somewhere and half a black one. Saying white costs 1 in half of the cases, 0.5 on average;
# > saying grey costs a quarter always. The best single answer is the mean, pixel by pixel. A
# > distribution can say "half and half" and then draw one of the two.</details>

# %%
ch05.progress()

# %% [markdown]
# > **In words.** "Our conditional model reaches 0.2 bits/dim less than the unconditional one, so it
# > is the better model." What do you ask?
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
# > <details><summary>An answer</summary>If it is one vector: 4, the same at every pixel. If it is a
# > feature map that knows what was where: 5, so that the pixel at (i, j) is told what stood near
# > (i, j). With equation 4 the network would have to work out the place by itself.</details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN eq. 3, sec. 2.3 | p(x given h), a condition in every factor | section 1 | `GatedPixelCNN(...)(levels, label=..., context=...)` |
# | Gated PixelCNN eq. 4 | h inside both halves of the gate | sections 1, 2 | `gated_layer.GatedLayer.condition` |
# | Gated PixelCNN eq. 5 | a map through a 1×1 convolution | section 4 | `GatedPixelCNN(context_channels=...)` |
# | Gated PixelCNN sec. 2.4, 3.4 | the PixelCNN auto-encoder | section 5 | `pixelcnn_autoencoder.PixelCNNAutoencoder` |
# | Gated PixelCNN sec. 3.3 | embeddings, and lines between them | sections 3, 5 | - |
#
# Next: [06 · Fast sampling](06_fast_sampling.ipynb), why `method="cached"` is so much faster, and
# draws the same image. Which class an image has, and whether it is odd:
# [07 · What a likelihood is good for](07_what_a_likelihood_is_good_for.ipynb).
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
