# %% [markdown]
# # 05 · Conditional generation: tell the model what you want
#
# [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/05_conditional_generation.ipynb)
#
# So far a model drew whatever came to mind. Now it is told something first: a class, a rough
# sketch, a code that another network has read off an image. The chain rule stays, every factor gets
# one more condition, and a model that can draw *a given class* can also be asked which class an
# image has.
#
# **By the end you will have**
#
# - put a label, a map and a learned code inside the gate, and seen what it can do there and
#   not behind it;
# - drawn by class, turned the model round with Bayes' rule, and counted the bits that a label
#   saves;
# - used likelihood to find odd images, watched it fail, and measured why.
#
# **You need** chapters 01 (nats, bits/dim), 02 (the influence matrix), 03 (the sum over all images)
# and 04 (the gated layer).
#
# **Time** about an hour and a half of reading and exercises; running everything takes a few minutes
# on a laptop. The `gpu` profile trains larger models for longer.

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
    n_test: int  # images that are classified and scored
    n_odd: int  # of each kind of odd image
    n_between: int  # steps from one label to another
    n_train: int  # images for the classifier and the small models
    classifier_epochs: int
    small_epochs: int  # of each small model
    n_channels: int
    n_layers: int


settings = profiles.choose(
    smoke=Settings(2, 25, 3, 3, 192, 1, 1, 8, 2),
    laptop=Settings(8, 301, 24, 8, 9000, 3, 1, 24, 4),
    gpu=Settings(8, 1001, 60, 8, 9000, 10, 10, 48, 8),
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
# > section 6 for maps, section 7 for a code. ("Prior" here means "known beforehand". It is not the
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
# says nothing about how probable the *label* is; section 3 will need Bayes' rule for that.
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
# Every part believes what it is told, and a lie to any of them costs. So all four carry some of the
# label. (Where half a lie costs more than the whole one, the parts contradict each other, which
# they never did in training.) An implementation that tells only one stack, or only the values, runs
# without an error; it has less to work with, and no test of shapes will say so.
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
# ## 3 · Turn it round: which class is this?
#
# The model says how probable an image is under each class. Take some held-out garments and ask for
# all ten numbers: ten forward passes for each image.

# %%
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
# Classes are numbered as in the first figure, from T-shirt (0) down to ankle boot (9). The number
# of the true class is red; where there is no bar, the image is cheapest. Most wrong labels cost
# many nats, and kindred classes (a T-shirt told to be a shirt, 6) fewer than strange ones. To get
# from these numbers to a probability of the *class*, turn them round with Bayes' rule, which wants
# p(y), how probable each class was before anybody saw the image:
#
# $$p(y \mid x) = \frac{p(x \mid y)\, p(y)}{\sum_{y'} p(x \mid y')\, p(y')}$$
#
# ### Exercise 5.2

# %%
import math

ch05.label_posterior.card()


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


label_posterior = ch05.label_posterior.check(label_posterior)

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
# ## 4 · A classifier for free, and what it is worth
#
# The most probable class under p(y|x) is a guess. Beside it, a classifier that never learned to
# draw: two convolutions and a matrix, trained here.

# %%
from torch import nn

from tutorial_lib.training import FitConfig, evaluate, fit

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

# %% [markdown]
# ## 5 · Between two labels
#
# Nothing in equation 4 says that h must be one-hot. V h is linear in h, so half of one label and
# half of another is a perfectly good condition, though one that the model has never met in
# training.
#
# ### Exercise 5.3

# %%
ch05.soft_labels.card()


# %%
def soft_labels(first: int, second: int, n_steps: int, n_classes: int) -> torch.Tensor:
    """Vectors h on a straight line from the one-hot vector of one label to that of another.

    first, second  labels, 0 .. n_classes - 1; from a label to itself, all rows are alike
    n_steps        rows, at least 2: both ends and evenly spaced steps between them
    returns        (n_steps, n_classes), floating point

    By hand: soft_labels(0, 2, 3, 3) is [[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]]
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
# shines through: each step is one drawing. But look at those in the middle, where the images go
# dark or fall apart. Half T-shirt and half dress is a legal h; the model has met ten values of h in
# its life, and this is not one of them. Nothing in training said what lies between.
#
# And the class? Ask the model itself, by Bayes' rule, what it has drawn at each step.

# %%
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
# values of h, and a point between two of them lies near others. Section 7 builds an h of that kind
# and walks the line again.
#
# > **In words.** Somebody passes the label as a *number* from 0 to 9 in one channel, and
# > interpolates from 0 (T-shirt) to 9 (ankle boot). What would lie half-way?
# > <details><summary>An answer</summary>4.5: between coat and sandal, which have nothing to do with
# > either end. The numbers of classes have an order that means nothing. One-hot vectors are all
# > equally far apart, so the line between two of them touches no third.</details>
#
# ## 6 · A map as the condition
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


small_train, small_test = small(train.levels), small(test.levels)
enlarged = F.interpolate(coarse(small_test[:8]), size=(16, 16))
figure, axes = plt.subplots(3, 1, figsize=(7, 2.9), layout="tight")
panels = {"28×28, 16 levels": levels[:8] / 15, "16×16, 4 levels": small_test[:8] / 3}
panels["the map s"] = enlarged
for ax, (name, images) in zip(axes, panels.items(), strict=True):
    show_images(images, n_columns=8, ax=ax)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")

# %% [markdown]
# ### Exercise 5.4

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
# ## 7 · A code as the condition: the PixelCNN auto-encoder
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
        "no code (section 6)": nll_nats(nothing_said(some), some),
    }
for name, nats in paid.items():
    print(f"{name:21} {bits_per_dim(nats.mean(), 256).item():.4f} bits/dim")

# %% [markdown]
# Somebody else's code is worse than none: so the code is heard. And its own is better than none, by
# a number that must not be taken for progress in modelling. You have seen why in section 6: h was
# read off the image, and its ten real numbers are not on the bill. Chapters 07 to 11 pay that bill:
# first with a code that is a random variable, then with one that is a handful of whole numbers and
# has a price in bits.
#
# ### The line again, between two codes
#
# In section 5 the model had met ten values of h. The encoder's ten numbers differ from image to
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
#
# ## 8 · Is this image odd?
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
# ### Exercise 5.5

# %%
ch05.typicality.card()


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


typicality = ch05.typicality.check(typicality)

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
ch05.progress()

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
# | Gated PixelCNN eq. 4 | h inside both halves of the gate | sections 1, 2 | `gated.GatedLayer.condition` |
# | Gated PixelCNN eq. 5 | a map through a 1×1 convolution | section 6 | `GatedPixelCNN(context_channels=...)` |
# | Gated PixelCNN sec. 2.4, 3.4 | the PixelCNN auto-encoder | section 7 | `pixelcnn_autoencoder.PixelCNNAutoencoder` |
# | Gated PixelCNN sec. 3.2 | labels: better pictures, hardly fewer bits | section 3 | `bayes.bayes_rule` |
# | Gated PixelCNN sec. 3.3 | embeddings, and lines between them | sections 5, 7 | - |
# | not in the paper | p(y given x); likelihood as an anomaly score | sections 3, 4, 8 | `bayes.label_log_likelihoods` |
#
# Next: why `method="cached"` is so much faster, and draws the same image. Chapter 06.
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
