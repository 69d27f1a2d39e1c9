# %% [markdown]
# # 13 · Two-stage generation: from pixels to codes, and back
#
# [← 12 · Training a VQ-VAE](12_training_a_vqvae.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [14 · In colour, and with your own pictures →](14_in_colour_and_your_own.ipynb) · [Live: Speak in codes](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/codes.html) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/13_two_stage_generation.ipynb)
#
# Stage one turns every image into a small field of code numbers. Stage two learns which numbers go
# together. Draw new numbers, decode them, and you have a garment that nobody photographed.
#
# **By the end you will have**
#
# - the second stage, written whole: codes extracted, a prior over them, a sampler, the bill;
# - one total in bits/dim, beside the gated PixelCNN of chapter 04 and the VAE of chapter 09;
# - three tests that no loss curve replaces: are the drawings copies, are they good, is anything
#   missing?
#
# **You need** chapters 04 and 05 (gates, labels), 10 (codebook) and 11 (what codes cost).
#
# **Time** about two hours with the exercises. Running everything takes three to four minutes on a
# quiet laptop.

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
from tutorial_lib.exercises import ch13


@dataclass
class Settings:
    n_train: int  # images
    n_test: int
    n_drawn: int  # images of each kind whose precision and recall are measured
    n_codes: int
    n_channels: int
    n_layers: int
    vqvae_epochs: int
    prior_epochs: int
    small_epochs: int  # of the transposed prior
    classifier_epochs: int
    own_steps: int  # of the milestone's own training loop


settings = profiles.choose(
    smoke=Settings(512, 60, 60, 16, 16, 3, 1, 1, 1, 1, 8),
    laptop=Settings(9000, 1000, 500, 128, 48, 6, 4, 6, 1, 4, 140),
    gpu=Settings(9000, 2000, 2000, 128, 96, 12, 40, 40, 4, 10, 2000),
)
settings

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import diagrams, show_images
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
garments = data.load("fashion-mnist-sample").with_n_levels(16)
names = [name.split("/")[0] for name in garments.class_names]
shipped = load_pretrained("two-stage-fashion-mnist-16").to(device)
labels = torch.arange(10).repeat_interleave(10)
drawn = shipped.sample(100, labels, generator=torch.Generator().manual_seed(0)).cpu()
show_images(drawn, n_levels=16, row_labels=names)
example, its_label = garments.test.levels[0].long(), int(garments.test.labels[0])
diagrams.two_stages(shipped, example, label=its_label)

# %% [markdown]
# These garments were drawn with weights that come with the package (*shipped* below): the two stages
# of the drawing, trained on 55,000 garments. Each row has one class. Most garments can be recognised.
# A few T-shirts and dresses are torn, and the sandals are the weakest row. Shapes are clear and
# textures are smooth: 49 code numbers have room for a shape, and none for a weave.
#
# ## 1 · Stage one, in short
#
# The garments have 16 grey levels, as in chapters 03 to 12, so all numbers can be compared. Here is
# the VQ-VAE of chapter 12 in a short training. The function after `watch=` is called during the
# training. It keeps copies of the weights for section 7.
#
# <details><summary>On a machine that may be taken away, such as Colab's: keep the run</summary>
#
# Set `os.environ["TUTORIAL_RUNS_DIR"]` to a folder of your drive at the top of the notebook, with the
# lines of [chapter 12, section 3](12_training_a_vqvae.ipynb). After a cut-off, *Run All* continues
# both long trainings from their last checkpoint.
#
# </details>

# %%
import copy

import matplotlib.pyplot as plt

from tutorial_lib.codes import VQVAE
from tutorial_lib.files import kept_run
from tutorial_lib.recipes import vqvae_step
from tutorial_lib.training import FitConfig, fit, read_tensors, write_tensors

train = garments.train.subset(settings.n_train)
valid = garments.valid.subset(min(settings.n_test, 1000))
test = garments.test.subset(settings.n_test)
n_steps = settings.vqvae_epochs * (settings.n_train // 64)
keep_at = {n_steps * eighths // 8: eighths / 8 for eighths in (1, 2, 4, 6, 7)}
run = kept_run("chapter-13/stage-one")  # None, if TUTORIAL_RUNS_DIR is not set
snapshots = {}


def keep_weights(history):
    """Keeps a copy of the weights at some eighths of the training."""
    if (share := keep_at.get(history.step)) is not None:
        snapshots[share] = copy.deepcopy(vqvae.state_dict())
        if run is not None:
            write_tensors(run / f"weights-{share}.safetensors", snapshots[share], {})


K = settings.n_codes
torch.manual_seed(0)
vqvae = VQVAE(
    in_channels=1, n_levels=16, n_codes=K, code_dim=32, downsample=4, n_channels=settings.n_channels
)
fast = profiles.fast_precision()
config = FitConfig(epochs=settings.vqvae_epochs, learning_rate=2e-3, precision=fast)
how = {"out": run, "watch": keep_weights, "log_every": n_steps // 8}
first = fit(vqvae, vqvae_step, (train.levels,), config, valid=(valid.levels,), **how)
for file in run.glob("weights-*.safetensors") if run else ():  # also those from before a cut-off
    snapshots.setdefault(float(file.stem.removeprefix("weights-")), read_tensors(file)[0])
last = first.valid_rows[-1]["valid decoder bits/dim"]
print(f"{first.step} steps; held-out decoder term {last:.3f} bits/dim")

# %%
from tutorial_lib.notebook import show_reconstructions

shown = torch.stack([test.levels[test.labels == k][0] for k in range(0, 10, 2)]).long().to(device)
with torch.no_grad():
    codes = vqvae.encode_indices(shown)
    pictures = vqvae.picture(vqvae.decode_indices(codes))
show_reconstructions(shown / 15, pictures, codes, K);

# %% [markdown]
# Shape and shading survive, print and texture do not. The lowest row is all that stage two ever
# sees of an image: 49 numbers, shown as colours. Similar colours mean nothing: code 17 is no more
# like code 18 than like code 90.
#
# ## 2 · Extract once
#
# From now on the VQ-VAE does not change, so an image always has the same codes. Compute them once.
#
# ### Exercise 13.1

# %% jupyter={"source_hidden": true} cellView="form"
ch13.extract_codes.card()


# %%
def extract_codes(vqvae, levels: torch.Tensor, *, batch_size: int = 256) -> torch.Tensor:
    """The field of code numbers of every image, in the order of the images.

    vqvae       a VQVAE; `vqvae.encode_indices(x)` turns a batch (B, C, H, W) of torch.long levels
                into code numbers (B, h, w). It must keep every number it holds
    levels      (N, C, H, W) torch.uint8, all images
    batch_size  images at a time; the last batch may be smaller
    returns     (N, h, w) torch.long

    By hand: 5 images and batch_size 2 are batches of 2, 2 and 1 images, and 5 fields
    """
    ____


extract_codes = ch13.extract_codes.check(extract_codes)

# %%
import hashlib
import tempfile
from pathlib import Path

cache = Path(tempfile.mkdtemp())  # in a project of yours, a folder that stays


def fingerprint(model):
    weights = b"".join(tensor.cpu().numpy().tobytes() for tensor in model.state_dict().values())
    return hashlib.sha256(weights).hexdigest()[:12]


def cached_codes(vqvae, name, levels):
    """The codes of these images, from the file if there is one for these very weights."""
    path = cache / f"{name}-{fingerprint(vqvae)}.safetensors"
    if not path.exists():
        fields = extract_codes(copy.deepcopy(vqvae).cpu(), levels)
        write_tensors(path, {"codes": fields.short()}, {"images": len(levels)})
    return read_tensors(path)[0]["codes"].long()


train_codes = cached_codes(vqvae, "train", train.levels)
valid_codes = cached_codes(vqvae, "valid", valid.levels)
test_codes = cached_codes(vqvae, "test", test.levels)
for file in sorted(cache.iterdir()):
    print(f"{file.name:36} {file.stat().st_size / 1024:6.0f} KiB")
print(f"{'the training images themselves':36} {train.levels.numel() / 1024:6.0f} KiB")

# %% [markdown]
# A file of codes belongs to the weights that made it. So its name holds a *fingerprint*, a number
# computed from all weights: if you train stage one again, the old file is not found. The codes are
# kept in 16 bits. In 8 bits, code 256 would become 0, without an error.
#
# ## 3 · Priors that ignore structure
#
# What is $p(z)$? Three answers take no training:
#
# - **uniform**: each of the $K$ codes has the same probability, at every position;
# - **unigram**: each code is as probable as it is frequent, at any position;
# - **by position**: each code is as probable as it is frequent *at this position*.
#
# None of them knows which codes stand side by side.
#
# ### Exercise 13.2

# %% jupyter={"source_hidden": true} cellView="form"
ch13.codes_by_position.card()


# %%
def codes_by_position(train_codes: torch.Tensor, pick: torch.Tensor) -> torch.Tensor:
    """Draw fields in which each position looks as in training and knows nothing of the others.

    train_codes  (N, h, w) torch.long: the fields of the training images
    pick         (B, h, w) torch.long, drawn from 0 .. N-1: which training field to ask at each
                 position of each new field
    returns      (B, h, w) torch.long: at each position the code that the picked training field has
                 at this very position

    By hand: train_codes = [[[1, 2]], [[3, 4]]] are two fields of one row. pick = [[[1, 0]]] takes
             the left code from field 1, the right one from field 0: [[[3, 2]]]
    """
    ____


codes_by_position = ch13.codes_by_position.check(codes_by_position)


# %%
def draw_without_structure(n, seed=1):
    """n fields from each of the three priors: name -> (n, 7, 7)."""
    noise = torch.Generator().manual_seed(seed)
    shape = (n, *train_codes.shape[1:])
    any_code = torch.randint(train_codes.numel(), shape, generator=noise)
    pick = torch.randint(len(train_codes), shape, generator=noise)
    return {
        "uniform": torch.randint(K, shape, generator=noise),
        "unigram": train_codes.flatten()[any_code],
        "by position": codes_by_position(train_codes, pick),
    }


@torch.no_grad()
def decode(fields, vqvae=vqvae):
    """The decoder's mean images of fields of codes (n, 7, 7), as levels, on the CPU."""
    parts = [vqvae.picture(vqvae.decode_indices(f.to(device))).cpu() for f in fields.split(250)]
    return (15 * torch.cat(parts)).round().long()


# %% [markdown]
# > **Predict.** What will the decoder make of each?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The decoder knows fields that are black outside and fabric inside, with an edge that continues
# > from patch to patch. Which prior knows about the background? Which about the edge?
# >
# > </details>

# %%
import math

from torch.nn import functional as F

at_position = F.one_hot(train_codes, K).sum(dim=0).double() + 1  # (7, 7, K)
anywhere = at_position.sum(dim=(0, 1)).expand(7, 7, K)
prices = {"uniform": torch.full((len(test_codes),), math.log2(K)).double()}
for name, counts in {"unigram": anywhere, "by position": at_position}.items():
    log2_p = (counts / counts.sum(dim=-1, keepdim=True)).log2().expand(len(test_codes), -1, -1, -1)
    each = -log2_p.gather(3, test_codes[..., None])[..., 0]
    prices[name] = each.mean(dim=(1, 2))  # bits per code, for each test image
for name, bits in prices.items():
    print(f"{name:12} {bits.mean():.3f} bits/code")
structureless = draw_without_structure(8)
pictures = torch.cat([decode(fields) for fields in structureless.values()])
show_images(pictures, n_levels=16, n_columns=8, row_labels=list(structureless));

# %% [markdown]
# Each image is a sample of one of these priors, decoded, and none is a garment. The first two priors
# fill the whole frame with patches. The third gives a dark border and something in the middle, but
# its patches do not fit together. The numbers are what each prior says a held-out code costs
# (add-one counts, as in exercise 11.6).
#
# ## 4 · Stage two: which codes go together
#
# A field of codes is again an "image", with 7×7 pixels and $K$ levels. So the model of chapters 04
# and 05 fits: a gated PixelCNN that is told the class in every gate. Two things differ. Code numbers
# have no order, so each code gets a vector of its own (`symbols`) instead of a brightness between −1
# and 1. And a garment has a top and a bottom, so each position is told its row and column.
#
# The prior uses two functions that you wrote in chapter 04, and the milestone at the end uses three
# of chapter 10. Paste yours into this cell. What you leave out is taken from the library.

# %%
from tutorial_lib.exercises import ch04, ch10

# Paste your functions here: def vertical_conv(...), def horizontal_conv(...),
# def nearest_code(...), def straight_through(...), def vq_losses(...)

whose = {}


def brought(exercise):
    """Your function, if it stands above and passes its check; the library's otherwise."""
    written = globals().get(exercise.name, exercise.reference)
    function = written if written is exercise.reference else exercise.check(written)
    whose[exercise.address] = "the library's" if function is exercise.reference else "yours"
    return function


vertical_conv, horizontal_conv = brought(ch04.vertical_conv), brought(ch04.horizontal_conv)
nearest_code, straight_through = brought(ch10.nearest_code), brought(ch10.straight_through)
vq_losses = brought(ch10.vq_losses)
print(*(f"{name:22} {owner}" for name, owner in whose.items()), sep="\n")

# %%
from torch import nn

from tutorial_lib.pixels import gate


def bias_of(convolution):
    return convolution.bias[:, None, None]  # the same at every place


class Layer(nn.Module):
    """Figure 2 of the gated PixelCNN paper, with class and place in both gates (eqs. 4 and 5)."""

    def __init__(self, n_inputs, n_channels, n_classes, *, first):
        super().__init__()
        self.first, width = first, 2 * n_channels  # values and switches
        self.vertical = nn.Conv2d(n_inputs, width, (2, 3))
        self.link = nn.Conv2d(width, width, 1)
        self.horizontal = nn.Conv2d(n_inputs, width, (1, 1 if first else 2))
        self.output = nn.Conv2d(n_channels, n_channels, 1)
        self.label = nn.Embedding(n_classes, 2 * width)  # for both stacks
        self.context = nn.Conv2d(2, 2 * width, 1)

    def forward(self, v, h, label, place):
        told = self.label(label)[:, :, None, None] + self.context(place)
        for_v, for_h = told.chunk(2, dim=1)
        kind = "A" if self.first else "B"  # later layers read the features of the own place, too
        # v was moved one row down at the start, so type B reads only what lies above.
        above = vertical_conv(v, self.vertical.weight, mask_type="B") + bias_of(self.vertical)
        left = horizontal_conv(h, self.horizontal.weight, mask_type=kind) + bias_of(self.horizontal)
        out = self.output(gate(left + self.link(above) + for_h))
        return gate(above + for_v), (out if self.first else h + out)


# %%
class Prior(nn.Module):
    """p(codes | label): codes (B, h, w), label (B,) -> logits (B, K, h, w)."""

    def __init__(self, n_codes, n_channels, n_layers, n_classes=10):
        super().__init__()
        self.symbols = nn.Embedding(n_codes, 32)
        widths = [32] + [n_channels] * n_layers
        self.layers = nn.ModuleList(
            Layer(widths[i], n_channels, n_classes, first=i == 0) for i in range(n_layers)
        )
        hidden, logits = nn.Conv2d(n_channels, n_channels, 1), nn.Conv2d(n_channels, n_codes, 1)
        self.head = nn.Sequential(nn.ReLU(), hidden, nn.ReLU(), logits)

    def forward(self, codes, label):
        x = self.symbols(codes).movedim(-1, 1)  # (B, 32, h, w)
        rows, columns = (torch.linspace(-1, 1, n).to(x) for n in codes.shape[1:])
        place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]
        v, h = F.pad(x, (0, 0, 1, -1)), x  # one row down: in at the top, out at the bottom
        for layer in self.layers:
            v, h = layer(v, h, label, place)
        return self.head(h)


# %% tags=["held", "nbval-check-output"]
from tutorial_lib.pixels import GatedPixelCNN, bits_per_dim, nll_nats

size = {"n_channels": settings.n_channels, "n_layers": settings.n_layers, "n_classes": 10}
torch.manual_seed(0)
library = GatedPixelCNN(n_levels=K, ordered=False, coordinates=True, **size).eval()
prior = Prior(K, **size)
prior.load_state_dict(library.state_dict())
with torch.no_grad():
    logits = prior(test_codes[:20], test.labels[:20])
    theirs = library(test_codes[:20, None], label=test.labels[:20])[:, :, 0]
print("same logits as the library's:", torch.allclose(logits, theirs, atol=1e-4))

# %% [markdown]
# This is the whole prior. With the library's weights it gives the library's logits.
#
# Does it read what it predicts? No loss curve tells. (We ask a narrow copy without labels and
# coordinates, because only masks and depth decide what is read.)

# %% jupyter={"source_hidden": true}
from tutorial_lib.notebook import show_influence
from tutorial_lib.pixels import blind_spot, influence_matrix

probe = GatedPixelCNN(n_levels=K, n_channels=8, n_layers=settings.n_layers, ordered=False)
reads = influence_matrix(probe, 7, 7, n_probes=1)
print("reads itself or the future:", bool(reads.triu().any()))
print(f"share of the past unread:   {blind_spot(reads):.0%}")
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
for ax, target in zip(axes, [(1, 5), (3, 3), (5, 1)], strict=True):
    show_influence(reads[target[0] * 7 + target[1]], 7, 7, target, ax=ax).set_title(f"{target}")

# %% [markdown]
# Blue is read, grey is the future. With six layers, every position reads its whole past.
#
# The training step is that of every PixelCNN so far, and it never touches the VQ-VAE. (`average`:
# the run ends with the mean of the weights over the last tenth of the steps.)

# %%
from tutorial_lib.notebook import show_curves


def stage_two(prior, codes, label):
    nats = F.cross_entropy(prior(codes, label), codes)  # a code's cost, the mean over all
    return {"loss": nats, "bits/code": nats / math.log(2)}


config = FitConfig(epochs=settings.prior_epochs, learning_rate=2e-3, average=0.1, precision=fast)
out = kept_run(f"chapter-13/stage-two-{fingerprint(vqvae)}")  # these codes, no others
second = fit(
    prior,
    stage_two,
    (train_codes, train.labels),
    config,
    valid=(valid_codes, valid.labels),
    out=out,
)

curves = {
    "training": [(row["epoch"], row["bits/code"]) for row in second.rows],
    "held-out": [(row["epoch"], row["valid bits/code"]) for row in second.valid_rows],
}
curves = {name: tuple(zip(*points, strict=True)) for name, points in curves.items()}
ax = show_curves(curves, xlabel="epoch", ylabel="bits per code")
for name, bits in prices.items():
    ax.axhline(bits.mean(), color="gray", ls="--", lw=1)
    place = {"transform": ax.get_yaxis_transform(), "color": "gray", "fontsize": 8}
    ax.text(0.99, bits.mean() + 0.05, name, ha="right", **place)

# %% [markdown]
# The dashed lines are the priors of section 3. What the curves gain below "by position" is what the
# class and the earlier codes say about the next code.
#
# ## 5 · New garments
#
# Both stages together are one generative model: draw a field code by code, then decode it. If half a
# field is given, the same loop completes it. Write one function for both.
#
# ### Exercise 13.3

# %%
from tutorial_lib.sampling import draw, sample  # noqa: F401

ch13.two_stage_sample.card()


# %%
def two_stage_sample(prior, decode, kept: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draw codes in raster order, each given all before it, and decode the finished fields.

    prior     a function: codes (B, h, w) torch.long -> logits (B, K, h, w). It reads what comes
              before a place only, but refuses numbers that are no code
    decode    a function: codes (B, h, w) -> images (B, C, H, W)
    kept      (B, h, w) torch.long: a code to keep, or -1 where one is to be drawn; stays as it is
    uniforms  (B, h, w) numbers in [0, 1): the noise of each place that is drawn
    returns   (B, C, H, W): what `decode` makes of the finished fields

    The draw itself is `draw(logits, uniforms)` of tutorial_lib.sampling: (B, K), (B,) -> (B,)

    By hand: one row of three codes, K = 2, kept = [[[-1, 1, -1]]], uniforms = [[[0.5, 0.5, 0.95]]].
             Let code 0 have probability 0.1 at the start of a row and after a 0, and 0.9 after a 1.
             0.5 >= 0.1 draws 1; the 1 is kept; 0.95 >= 0.9 draws 1: `decode` gets [[[1, 1, 1]]]
    """
    ____


two_stage_sample = ch13.two_stage_sample.check(two_stage_sample)


# %%
def prior_of(label):
    """The function that `two_stage_sample` asks: codes -> logits, for these labels."""
    return lambda codes: prior(codes.to(device), label.to(device)).cpu()


def noise(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 7, 7, generator=generator, dtype=torch.float64)


labels = torch.arange(10).repeat_interleave(8)
from_nothing = torch.full((80, 7, 7), -1)
drawn = two_stage_sample(prior_of(labels), decode, from_nothing, noise(80, seed=0))
show_images(drawn, n_levels=16, n_columns=8, row_labels=names);

# %% [markdown]
# Most trousers, coats, sneakers and boots are clear. Several T-shirts, pullovers and bags have holes
# or torn edges, and most sandals are blobs. Decoder and codes are those of section 3. Only $p(z)$ is
# different.
#
# Does your sampler draw the same as the library's? Give both the same noise. (In `float64`, so that
# no draw depends on rounding.)

# %% tags=["held", "nbval-check-output"]
from tutorial_lib.codes import TwoStageModel

library.load_state_dict(prior.state_dict())
model = TwoStageModel(vqvae, library).to(device).eval()
exact, own = copy.deepcopy(model).double().cpu(), copy.deepcopy(prior).double().cpu()
ten = torch.arange(10)
theirs = exact.sample(10, ten, shape=(28, 28), generator=torch.Generator().manual_seed(3))
mine = two_stage_sample(
    lambda codes: own(codes, ten),
    lambda codes: (15 * exact.vqvae.picture(exact.vqvae.decode_indices(codes))).round().long(),
    torch.full((10, 7, 7), -1),
    noise(10, seed=3),
)
print("same images as the library's:", torch.equal(mine, theirs))


# %% [markdown]
# The library's sampler keeps the features of earlier codes (chapter 06). We use it where many fields
# are drawn.
#
# **Temperature** divides the logits of the prior. Below 1, likely codes become likelier; above 1,
# less likely. At 1 it is the model that was trained. Each column has the same label and noise.

# %%
def draw_fields(n, temperature=1.0, seed=0):
    """n fields from the learned prior, on the CPU, the classes in turn."""
    options = {"temperature": temperature, "generator": torch.Generator().manual_seed(seed)}
    label = torch.arange(n) % 10
    return model.sample_indices(n, latent_shape=(7, 7), label=label, **options).cpu()


temperatures = (0.3, 0.6, 1.0, 1.5, 2.5)
rows = [decode(draw_fields(10, t, seed=3)) for t in temperatures]
show_images(torch.cat(rows), n_levels=16, row_labels=[f"T = {t}" for t in temperatures])
generator = torch.Generator().manual_seed(5)
true = model.sample(8, ten[:8], shape=(28, 28), pixels="sample", generator=generator).cpu()
pair = torch.cat([decode(draw_fields(8, seed=5)), true])
show_images(pair, n_levels=16, n_columns=8, row_labels=["mean image", "true sample"]);

# %% [markdown]
# At low temperatures garments are clean and plain. At high ones they get holes, then lose their
# shape.
#
# The last two rows have the same codes. All pictures above show the decoder's *mean* image. A true
# sample draws each pixel from $p(x \mid z)$. It is grainy because, given the codes, the
# pixels are drawn independently.
#
# [A garment in codes, live, in any browser](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/codes.html).
# Choose another code at one place: the picture changes around that place, and little elsewhere.
#
# ## 6 · Complete a garment, in codes
#
# Give your sampler the upper three rows of codes of a held-out garment. One row of codes stands for
# four rows of pixels.

# %%
n_rows, n_draws = 3, 6
chosen = torch.cat([(test.labels == k).nonzero()[:1, 0] for k in (0, 3, 5, 7, 8, 9)])
kept = test_codes[chosen].repeat_interleave(n_draws, dim=0)
kept[:, n_rows:] = -1  # to be drawn
same_label = test.labels[chosen].repeat_interleave(n_draws)
drawn = two_stage_sample(prior_of(same_label), decode, kept, noise(len(kept), seed=4))
truth = test.levels[chosen] / 15
given = truth.clone()
given[:, :, 4 * n_rows :] = 0.6  # grey: codes not given
completed = drawn.unflatten(0, (len(chosen), n_draws)) / 15
strip = torch.cat([given[:, None], completed, truth[:, None]], dim=1).flatten(0, 1)
titles = ["input", *[f"sample {i + 1}" for i in range(n_draws)], "truth"]
show_images(strip, n_columns=n_draws + 2, titles=titles)
cut = test.levels.clone()
cut[:, :, 4 * n_rows :] = 0
same = (extract_codes(copy.deepcopy(vqvae).cpu(), cut) == test_codes).double().mean(dim=(0, 2))
for row in range(n_rows):
    print(f"code row {row}: {same[row]:.0%} of the codes stay if the pixels below are black")
upper = completed[:, :, 0].std(dim=1).mean(dim=(0, 2)) * 15  # over the six draws
print(f"spread of the kept pixels: row 0 {upper[0]:.2f} levels, row {4 * n_rows - 1} ", end="")
print(f"{upper[4 * n_rows - 1]:.2f} levels")

# %% [markdown]
# Each row begins with the same three rows of codes and the same label, and ends in six ways. Some
# samples fail: one T-shirt has a lump, one bag a hole, and no dress is as wide as it was.
#
# Did we give three rows of codes, or twelve rows of pixels? The printed lines encode the garments
# again with everything below the twelve rows painted black. Many codes change, most of all in the
# third row: the convolutions of the encoder overlap, so the kept codes also describe pixels below
# them. Those of the decoder overlap too: the last kept pixel rows change with the codes below. So this
# completion keeps *codes*, not pixels, and it knew more than the input column shows.
#
# > **In words.** Given the *lower* rows, could the prior draw the upper ones?
# >
# > <details><summary>An answer</summary>
# >
# > No. Each upper code is drawn before the lower codes are read: raster order offers
# > p(lower | upper), not p(upper | lower). The two halves would not fit.
# >
# > </details>
#
# ## 7 · Two wrong ways
#
# ### The encoder still moves
#
# Why wait for stage one? Half-way through its training the VQ-VAE decodes well already. Take the
# copies of section 1 and look at the codes on which a prior would have been trained then.
#
# > **Predict.** Half-way, how many codes of held-out images have the number that they have at the end?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Encoder, codebook and decoder together give a number its meaning. Does the loss change if all
# > three move together?
# >
# > </details>

# %%
from IPython.display import Markdown, display


@torch.no_grad()
def bits_per_code(prior, fields, label):
    """What each field costs under a prior: (B,), in bits per code."""
    costs = []
    for f, y in zip(fields.split(250), label.split(250), strict=True):
        each = F.cross_entropy(prior(f.to(device), y.to(device)), f.to(device), reduction="none")
        costs.append(each.flatten(1).double().mean(dim=1).cpu() / math.log(2))
    return torch.cat(costs)


@torch.no_grad()
def decoder_bits(vqvae, fields, levels):
    """Decoder term of each image, given these codes: (B,), in bits/dim."""
    costs = []
    for f, x in zip(fields.split(100), levels.long().split(100), strict=True):
        decoded = vqvae.decode_indices(f.to(device))
        costs.append(vqvae.decoder_nll_nats(decoded, x.to(device)).double().cpu())
    return torch.cat(costs) / levels[0].numel() / math.log(2)


table = "| trained | same codes | cost under our prior, bits/code | decoder term, bits/dim |\n"
table += "|---|---|---|---|\n"
earlier = {}
for share in (*sorted(snapshots), 1.0):
    earlier[share] = copy.deepcopy(vqvae)
    earlier[share].load_state_dict(snapshots.get(share, vqvae.state_dict()))
    codes = cached_codes(earlier[share], "test", test.levels)
    same = (codes == test_codes).double().mean()
    cost = bits_per_code(prior, codes, test.labels).mean()
    decoder = decoder_bits(earlier[share], codes, test.levels).mean()
    table += f"| {share:.1%} | {same:.0%} | {cost:.2f} | {decoder:.3f} |\n"
Markdown(table)

# %% [markdown]
# In the second half of the training, the decoder term falls slowly. But half-way, most codes have
# other numbers than at the end, and under our prior they cost far more. The earliest cost nearly
# as much as under the uniform prior. A prior that is trained along with the encoder learns
# codes that soon mean something else.
#
# What does the half-way decoder make of the codes that our prior draws?

# %%
half, again = earlier[0.5], draw_fields(10, seed=0)
half_codes = cached_codes(half, "test", test.levels)
three = {
    "our draws": decode(again),
    "half-way decoder": decode(again, half),
    "its own codes": decode(half_codes[:10], half),
}
show_images(torch.cat(list(three.values())), n_levels=16, row_labels=list(three))
with torch.no_grad():
    z_e = half.encode(test.levels[:300].long().to(device)).movedim(1, -1).cpu()  # (300, 7, 7, 32)
distances = torch.cdist(z_e.flatten(0, 2), half.quantizer.codebook.cpu())
final = test_codes[:300].flatten()
rank = (distances < distances.gather(1, final[:, None])).sum(dim=1)  # 0: the nearest code
print(f"the final number is the half-way encoder's choice   {(rank == 0).double().mean():.0%}")
for n in (K // 16, K // 4):
    print(
        f"... among its {n:2} nearest of {K:3}, {n / K:3.0%} by chance   "
        f"{(rank < n).double().mean():.0%}"
    )
mixed = torch.where(
    half_codes == test_codes, test_codes, draw_without_structure(len(test_codes))["uniform"]
)
for name, codes in {"its own": half_codes, "final": test_codes, "random": mixed}.items():
    bits = decoder_bits(half, codes, test.levels).mean()
    print(f"{name:8} codes where they differ: {bits:.3f} bits/dim")

# %% [markdown]
# The middle row shows garments, though torn ones. How is that possible, with so few equal codes? The
# printed lines rank the half-way codes by their distance from the half-way encoder's vector. The
# final code is rarely the nearest, but mostly among the nearest few, and codes that lie close together
# decode to nearly the same. So the half-way decoder loses far less with the final codes than with
# random ones, and still far more than its training had left to gain.
#
# The paper writes: "Training the prior and the VQ-VAE jointly, which could strengthen our results, is
# left as future research" (section 3.3). Joint training would let the encoder choose codes that are
# cheap for the prior. Here the encoder knows nothing of the prior.
#
# ### Rows for columns
#
# Somewhere between extraction and training, `(h, w)` becomes `(w, h)`. The fields are square, so
# there is no error. Train two small priors that differ in this alone.
#
# > **Predict.** Their costs hardly differ. Will the pictures?

# %%
config = FitConfig(epochs=settings.small_epochs, learning_rate=4e-3)
for name, turn in {"as extracted": lambda f: f, "transposed": lambda f: f.mT.contiguous()}.items():
    torch.manual_seed(0)
    small = Prior(K, 32, 3)
    fit(small, stage_two, (turn(train_codes), train.labels), config)
    bits = bits_per_code(small, turn(test_codes), test.labels).mean()
    print(f"{name:13} held-out {bits:.2f} bits/code")


def ask_small(codes):
    return small(codes.to(device), ten.to(device)).cpu()


sideways = two_stage_sample(ask_small, lambda codes: codes, from_nothing[:10], noise(10, seed=0))
pair = torch.cat([decode(sideways), decode(sideways.mT)])
show_images(pair, n_levels=16, row_labels=["decoded", "turned back first"]);

# %% [markdown]
# Both rows show the same draws, of a prior that saw its data only once. Decoded as they are, the
# drawings lie on their side. Turned back first, a few outlines of garments can be guessed. The prior
# has learned its fields as well as the other one: the loss cannot know which way is up. So look at
# samples, not only at curves, and test on an image that is *not* square.
#
# ## 8 · The bill
#
# What does a test image cost, with everything counted? (Section 3.2 of the paper; chapter 11.)
#
# $$-\log p(x) \;\le\; \underbrace{-\log p(x \mid z_q(x))}_{\text{decoder term}}
#   \;+\; \underbrace{-\log p(z_q(x))}_{\text{latent rate}}$$
#
# It is a bound because $p(x)$ is a sum over all fields of codes, and we count one field only. The
# drawing shows the bill of one image. The lines below it come from a toy that is small enough to
# write down the whole sum: 4×4 binary images, 3 codes, 4 positions, 81 fields.

# %%
diagrams.bill(shipped, example, label=its_label)

# %% tags=["nbval-check-output"] jupyter={"source_hidden": true}
from tutorial_lib.pixels import enumerate_images

torch.manual_seed(2)
toy = TwoStageModel(
    VQVAE(in_channels=1, n_levels=2, n_codes=3, code_dim=2, downsample=2, n_channels=8),
    GatedPixelCNN(n_levels=3, n_channels=8, n_layers=3, ordered=False),
)
toy = toy.double().eval()
fields, images = enumerate_images(2, 2, n_levels=3)[:, 0], torch.randint(2, (200, 1, 4, 4))
with torch.inference_mode():
    log_prior, decoded = -toy.prior_nll_nats(fields), toy.vqvae.decode_indices(fields)
    log_given = torch.stack([-nll_nats(decoded, x.expand(81, 1, 4, 4)) for x in images])
    exact, bound = -torch.logsumexp(log_given + log_prior, dim=1), -toy.bound_nats(images)
print(f"{len(fields)} fields, probabilities sum to {log_prior.exp().sum().item():.9f}")
print("both terms below the exact cost:", (bound < exact).sum().item(), "of", len(images))

# %% [markdown]
# The sum of both terms is never less than the exact cost. Training shows the decoder term in bits
# per *dimension* and the prior in bits per *code*, so they cannot be added as they are.
#
# ### Exercise 13.4

# %% jupyter={"source_hidden": true} cellView="form"
ch13.total_bits_per_dim.card()


# %%
def total_bits_per_dim(
    decoder_bits_per_dim: torch.Tensor,
    bits_per_code: torch.Tensor,
    image_shape: tuple[int, ...],
    latent_shape: tuple[int, ...],
) -> torch.Tensor:
    """What an image costs in all, from what training shows of each stage.

    decoder_bits_per_dim  (B,): -log2 p(x|z) of each image, divided by its dimensions
    bits_per_code         (B,): -log2 p(z) of each image, divided by its codes
    image_shape           (C, H, W): every sub-pixel is a dimension
    latent_shape          (h, w), the field of codes
    returns               (B,): -log2 p(x|z) - log2 p(z) of each image, in bits per dimension *of
                          the image*

    By hand: an image of (1, 4, 4) at 2 bits/dim is 32 bits. Its (2, 2) codes at 3 bits each are 12
             bits. 44 bits over 16 dimensions are 2.75
    """
    ____


total_bits_per_dim = ch13.total_bits_per_dim.check(total_bits_per_dim)

# %% [markdown]
# > **Predict.** Which is larger, the decoder term or the latent rate? By what factor, roughly?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The codes are 49 small numbers for 784 pixels. All that the codes do not say adds to the decoder
# > term, pixel by pixel.
# >
# > </details>
#
# The bill of the same test images: the two stages under all four priors, the shipped two stages,
# the VAE of chapter 09 and the gated PixelCNN of chapter 04.

# %%
shapes = (1, 28, 28), (7, 7)
our_decoder = decoder_bits(vqvae, test_codes, test.levels)
prices["learned"] = bits_per_code(prior, test_codes, test.labels)
bill = {}  # name -> decoder term and total, one number an image
for name, bits in prices.items():
    bill[f"ours, {name}"] = (our_decoder, total_bits_per_dim(our_decoder, bits, *shapes))
with torch.no_grad():
    parts = zip(test.levels.long().split(100), test.labels.split(100), strict=True)
    terms = [shipped.terms(x.to(device), y.to(device)) for x, y in parts]
decoder = torch.cat([t.decoder_nats for t in terms]).double().cpu() / math.log(2) / 784
rate = torch.cat([t.prior_rate_nats for t in terms]).double().cpu() / math.log(2) / 49
bill["shipped, learned"] = (decoder, total_bits_per_dim(decoder, rate, *shapes))
torch.manual_seed(0)  # the VAE draws its z
vae = load_pretrained("vae-fashion-mnist").to(device)
gated = load_pretrained("gated-fashion-mnist").to(device)
vae_bits, gated_bits = [], []
with torch.no_grad():
    for x, y in zip(test.levels.long().split(100), test.labels.split(100), strict=True):
        x, y = x.to(device), y.to(device)
        vae_bits.append(bits_per_dim(torch.stack(vae(x), dim=1), 784).double().cpu())
        gated_bits.append(bits_per_dim(nll_nats(gated(x, label=y), x), 784).double().cpu())
vae_bits, gated_bits = torch.cat(vae_bits), torch.cat(gated_bits)
bill["VAE (chapter 09)"] = (vae_bits[:, 0], vae_bits.sum(dim=1))
bill["gated PixelCNN (chapter 04)"] = (gated_bits, gated_bits)

# %%
table = f"| {len(test)} held-out images, bits/dim | decoder term | latent rate | total |\n"
table += "|---|---|---|---|\n"
points = {}
for name, (decoder, total) in bill.items():
    decoder, total = decoder.mean().item(), total.mean().item()
    points[name] = (total - decoder, decoder)
    table += f"| {name} | {decoder:.3f} | {total - decoder:.3f} | {total:.3f} |\n"
display(Markdown(table))
few = ("ours, uniform", "ours, learned", *list(points)[4:])
diagrams.rate_distortion({name.split(" (")[0]: points[name] for name in few})


# %% [markdown]
# **Between our priors** the total falls by exactly the bits that are saved on the codes, since stage
# two never touches the decoder. **Within a row** the decoder term is several times the latent rate.
# The codes describe what matters to the eye. The grain is left to a decoder whose pixels are
# independent. **Between the models**, the codes of the shipped one cost more, and its decoder saves
# several times as much. (It had more images, more steps and a deeper prior; the table cannot tell which
# helped.) The gated PixelCNN reads every neighbour, its number is exact, and it leads by far. Of the
# last three, only the VAE is not told the class. That is worth at most log2 10 / 784 = 0.004 bits/dim.
#
# The paper makes this comparison once, on CIFAR-10 (section 4.1):
#
# | bits/dim | VAE | VQ-VAE | VIMCO |
# |---|---|---|---|
# | the paper, CIFAR-10, 8-bit colour | 4.51 | 4.67 | 5.14 |
#
# VIMCO also has discrete codes, and estimates their gradient by drawing many. The data differ, but the
# order is the same here: the discrete codes cost a little more than the continuous one.
#
# So why two stages? Most of the bits/dim come from detail that nobody looks at. The rest of the
# chapter measures what one might look at.
#
# > **In words.** A colleague trains a VQ-VAE, reports the bits per code of its prior as "the
# > likelihood of our model", and beats every PixelCNN in the literature. What do you ask?
# >
# > <details><summary>An answer</summary>
# >
# > Where the decoder term is. $-\log p(z)$ alone is the cost of the *codes*; with a codebook of one
# > code it is 0. Only the sum of decoder term and rate, in one unit, bounds $-\log p(x)$.
# >
# > </details>
#
# ## 9 · Are they copies?
#
# A prior that knew the training set by heart would draw splendid garments. So look for the training
# image that is nearest to a drawn one. The decoder smooths, so even a copy would not be at distance 0.
# So count in codes as well: how many of its 49 codes does a field share with the training field most
# like it? Compare with held-out images, which cannot be copies, and with planted copies.

# %%
def in_pixels(levels):
    return levels.flatten(1).double() / 15


pictures = decode(draw_fields(10, seed=7))
nearest = torch.cdist(in_pixels(pictures), in_pixels(train.levels)).argmin(dim=1)
pair = torch.cat([pictures, train.levels[nearest].long()])
show_images(pair, n_levels=16, row_labels=["drawn", "nearest of training"])


def most_equal_codes(fields):
    """The most codes that each field shares with one training field, position by position."""
    equal = [(part[:, None] == train_codes).flatten(2).sum(dim=2) for part in fields.split(20)]
    return torch.cat(equal).amax(dim=1)


n_compared = min(settings.n_drawn, 200)
kinds = {
    "held-out images": test_codes[:n_compared],
    "drawn": draw_fields(n_compared, seed=8),
    "drawn at T = 0.3": draw_fields(n_compared, 0.3, seed=8),
    "planted copies": train_codes[:n_compared],
}
figure, axes = plt.subplots(len(kinds), 1, figsize=(6, 4), layout="tight", sharex=True)
for ax, (name, fields) in zip(axes, kinds.items(), strict=True):
    shared = most_equal_codes(fields)
    ax.hist(shared.numpy(), bins=range(51), color="#3b76af")
    ax.set_ylabel("fields")
    ax.set_title(f"{name}: {shared.double().mean():.1f} of 49 on average, at most {shared.max()}")
axes[-1].set_xlabel("codes shared with the nearest training field");

# %% [markdown]
# Most drawn garments have a neighbour of their kind, and differ from it: another sleeve, another
# outline, no print. (Column 6 is a blob, and its neighbour is of another kind.) In codes, the planted
# copies stand at 49, so the test finds copies. The draws lie no further to the right than held-out
# images: they are no nearer to the training set than new photographs. Draws at $T = 0.3$ move to the
# right, but stay far from 49.
#
# ## 10 · Good, and complete
#
# Some drawn images may be bad, or some kinds may be missing. **Precision and recall** [3] tell the two
# apart. Take real and drawn images as points in a space of *features*: a shirt moved by two columns
# should stay near itself, so the features are those of a network that tells images apart. Around each
# point lies a ball that reaches to its k-th nearest fellow of the same set.
#
# - **Precision** is the share of drawn images inside some real ball. Are they good?
# - **Recall** is the share of real images inside some drawn ball. Is nothing missing?
#
# An example in a plane: real points on a ring, drawn points on its upper half, and three strays.

# %% jupyter={"source_hidden": true}
from tutorial_lib.codes import ball_radii, inside_a_ball


def arc(n, end, seed):
    """n points along a circle, from the angle 0 to `end`, not quite in place."""
    angle = torch.linspace(0, end, n + 1)[:n]
    wobble = 0.06 * torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return torch.stack([angle.cos(), angle.sin()], dim=1) + wobble


ring = arc(48, 2 * math.pi, seed=1)
half_ring = torch.cat(
    [arc(30, math.pi, seed=2), torch.tensor([[-0.1, 0.1], [0.2, 1.7], [1.6, 1.2]])]
)
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="tight", sharex=True, sharey=True)
for ax, name, balls, points_ in (
    (axes[0], "precision: drawn points in real balls", ring, half_ring),
    (axes[1], "recall: real points in drawn balls", half_ring, ring),
):
    radii = ball_radii(balls, k=3)
    inside = inside_a_ball(points_, balls, radii)
    for center, radius in zip(balls, radii, strict=True):
        ax.add_patch(plt.Circle(center.tolist(), radius.item(), color="#3b76af", alpha=0.12, lw=0))
    ax.scatter(*points_[inside].T, s=14, color="#1b4f80", zorder=3)
    ax.scatter(*points_[~inside].T, s=22, color="#d62728", marker="x", zorder=3)
    ax.set_title(f"{name}: {inside.double().mean():.0%}")
    ax.set(aspect="equal", xlim=(-2, 2.2), ylim=(-1.6, 2.4))
    ax.tick_params(labelsize=7)

# %% [markdown]
# On the left, the crosses are bad draws. On the right, they are real points that nothing drawn comes
# near. The fellows of a stray are far away, so its ball is large: the method is generous to strays.
#
# ### Exercise 13.5

# %% jupyter={"source_hidden": true} cellView="form"
ch13.precision_and_recall.card()


# %%
def precision_and_recall(
    real: torch.Tensor, drawn: torch.Tensor, *, k: int = 3
) -> tuple[float, float]:
    """The share of drawn points near real ones, and the share of real points near drawn ones.

    real     (N, D) features of real images
    drawn    (M, D) features of drawn images, from the same network
    k        around each point lies a ball that reaches to its k-th nearest fellow of the same set;
             a point is no fellow of itself
    returns  precision: the share of drawn points inside at least one ball of a real point;
             recall: the share of real points inside at least one ball of a drawn point.
             A point on the edge of a ball is inside

    By hand: D = 1, k = 1. Real 0, 1, 3 have the radii 1, 1, 2, and drawn 1, 2, 9 have 1, 1, 7.
             9 lies in no real ball (the last ends at 5), so precision is 2/3. Recall is 1: 0 and 3
             lie on the edges of the balls around 1 and 2
    """
    ____


precision_and_recall = ch13.precision_and_recall.check(precision_and_recall)

# %%
torch.manual_seed(0)
body = nn.Sequential(
    nn.Conv2d(1, 32, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.Conv2d(32, 64, 3, stride=2, padding=1),
    nn.ReLU(),
)
hidden = nn.Sequential(body, nn.Flatten(), nn.Linear(64 * 49, 64), nn.ReLU())
classifier = nn.Sequential(hidden, nn.Linear(64, 10))


def guess_step(model, levels, label):
    scores = model(levels.float() / 7.5 - 1)
    right = (scores.argmax(dim=1) == label).float().mean()
    return {"loss": F.cross_entropy(scores, label), "accuracy": right}


config = FitConfig(epochs=settings.classifier_epochs, learning_rate=2e-3)
held_out = (valid.levels, valid.labels)
guesses = fit(classifier, guess_step, (train.levels, train.labels), config, valid=held_out)
print(f"held-out accuracy {guesses.valid_rows[-1]['valid accuracy']:.1%}")

# %% [markdown]
# Before this network judges drawings, test it on three sets whose answer is known: held-out images must
# be high on both, noise must have precision 0, one image over and over recall 0. Try two kinds of
# features: the hidden layer, and what the second convolution saw in each of nine regions, every number
# divided by its spread over real images.
#
# > **Predict.** A network that has seen garments only: where does it put noise?
# >
# > <details><summary>A way to think about it</summary>
# >
# > It has learned what tells a bag from a boot. Did anything teach it what is neither?
# >
# > </details>

# %%
n = settings.n_drawn


@torch.no_grad()
def features_of(space, levels):
    """A row of features for each image, on the CPU."""
    return torch.cat([space(x.to(device).float() / 7.5 - 1).cpu() for x in levels.split(500)])


def regions(x):
    return F.adaptive_avg_pool2d(body(x), 3).flatten(1)  # (B, 64 channels * 9 regions)


spread = features_of(regions, train.levels[:n]).std(dim=0).to(device) + 1e-3


def in_regions(x):
    return regions(x) / spread


def judged(kinds, space=in_regions):
    """name -> precision and recall of each set of images, against as many training images."""
    found = {}
    for name, images in kinds.items():
        real = features_of(space, train.levels[: len(images)])
        pair = precision_and_recall(real, features_of(space, images), k=3)
        found[name] = tuple(map(float, pair))
    return found


def as_table(rows):
    lines = [f"| {name} | {p:.1%} | {r:.1%} |\n" for name, (p, r) in rows.items()]
    return Markdown("| | precision | recall |\n|---|---|---|\n" + "".join(lines))


static = torch.randint(16, test.levels.shape, generator=torch.Generator().manual_seed(1))
one_image = train.levels[5:6].expand(len(test), -1, -1, -1)
known = {"held-out": test.levels, "noise": static, "one image": one_image}
both = {}
for where, space in {"hidden layer": hidden, "regions": in_regions}.items():
    both |= {f"{where}: {name}": pair for name, pair in judged(known, space).items()}
as_table(both)

# %% [markdown]
# In the hidden layer, pure noise is "good": that layer keeps only what tells ten classes apart, and
# noise lands somewhere among them. With regions all three answers are right, so we use regions from
# here on. Compare these numbers with nothing that was measured otherwise.

# %%
kinds = {"codes of held-out images": test_codes[:n], **draw_without_structure(n, seed=2)}
kinds["learned prior"] = draw_fields(n)
by_prior = judged({name: decode(fields) for name, fields in kinds.items()})
as_table(by_prior)

# %% [markdown]
# The learned prior is far above the three without structure on both counts. Even the *true* codes
# leave many real garments uncovered: stage one has lost print and folds. Two warnings. The three priors
# of section 3 drew no garment at all, and still some of their images lie in a real ball, because the
# ball of an unusual garment is large. And recall may rise *because* draws fall apart.
#
# Now the shipped weights at several temperatures, and the other models of this series.

# %%
label, seed = torch.arange(n) % 10, torch.Generator().manual_seed
heat = (0.3, 0.6, 1.0, 1.3, 2.0)
hot = {t: shipped.sample(n, label, temperature=t, generator=seed(0)).cpu() for t in heat}
rivals = {
    "two stages, true samples": shipped.sample(n, label, pixels="sample", generator=seed(0)),
    "VAE, mean images": vae.sample(n, generator=seed(0)),
    "gated PixelCNN": sample(gated, (n, 1, 28, 28), label=label.to(device), generator=seed(0)),
}
by_temperature = judged(hot)
by_model = judged({name: images.cpu() for name, images in rivals.items()})
firsts = torch.cat([images[:10].cpu() for images in rivals.values()])
show_images(firsts, n_levels=16, row_labels=list(rivals))
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="tight")
line = torch.tensor(list(by_temperature.values()))
ax.plot(line[:, 1], line[:, 0], "o-", color="#3b76af", label="two stages, mean images, by T")
for t, (precision, recall) in by_temperature.items():
    ax.annotate(f"{t}", (recall, precision), (5, 4), textcoords="offset points", fontsize=8)
others = {**by_model, "this notebook, T = 1": by_prior["learned prior"]}
for marker, (name, (precision, recall)) in zip("s<>D", others.items(), strict=True):
    ax.plot(recall, precision, marker, ms=8, label=name)
ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
ax.legend(loc="lower left", fontsize=8);


# %% [markdown]
# Follow the blue line from its upper end. Cold draws are nearly all good, but cover few real images.
# As $T$ rises, recall rises and precision falls. So either number alone can be made to look good.
#
# Compare the marks with the bill. The gated PixelCNN has by far the best bits/dim and the best recall,
# but not the best precision: its textures are right, and its shapes come apart. The VAE has nearly the
# total of the two stages, and lies far below them here. Two stages spend their effort on shapes. This
# is why one uses them.
#
# > **In words.** Somebody proposes to select the best epoch of stage one by precision alone. Which
# > models would win?
# >
# > <details><summary>An answer</summary>
# >
# > Those that draw few things well: a prior that draws only the commonest garment of each class, or
# > one that copies training images. Precision does not ask for variety and does not know what was
# > memorised. Recall and section 9 do.
# >
# > </details>
#
# ## Milestone: the two papers, in your own functions
#
# One piece is still the library's: the VQ-VAE. Here it is, with the three functions of chapter 10
# that you brought in section 4.

# %%
class Block(nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.wide = nn.Conv2d(n_channels, n_channels // 2, 3, padding=1)
        self.pointwise = nn.Conv2d(n_channels // 2, n_channels, 1)

    def forward(self, x):
        return x + self.pointwise(F.relu(self.wide(F.relu(x))))


def half_size(n_in, n_out):
    return [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.ReLU()]


def twice_size(n):
    return [nn.ReLU(), nn.ConvTranspose2d(n, n, 4, stride=2, padding=1)]


# %%
class OwnVQVAE(nn.Module):
    def __init__(self, n_codes, n=48, code_dim=32, n_levels=16):
        super().__init__()
        inner = [nn.Conv2d(n, n, 3, padding=1), Block(n), Block(n), nn.ReLU()]
        last = nn.Conv2d(n, code_dim, 1)
        self.encoder = nn.Sequential(*half_size(1, n), *half_size(n, n), *inner, last)
        inner = [nn.Conv2d(code_dim, n, 3, padding=1), Block(n), Block(n)]
        last = [nn.ReLU(), nn.Conv2d(n, n_levels, 1)]
        self.decoder = nn.Sequential(*inner, *twice_size(n), *twice_size(n), *last)
        self.quantizer = nn.ParameterDict({"codebook": torch.randn(n_codes, code_dim)})

    def encode(self, levels):
        return self.encoder(2 * levels / 15 - 1)

    def codes(self, z_e):
        return nearest_code(z_e, self.quantizer["codebook"])

    def logits(self, codes):
        return self.decoder(F.embedding(codes, self.quantizer["codebook"]).movedim(-1, 1))

    def forward(self, levels, beta=0.25):
        """Equation 3: what stage one minimises, and its first term in nats per dimension."""
        z_e = self.encode(levels)
        e = F.embedding(self.codes(z_e), self.quantizer["codebook"]).movedim(-1, 1)
        cost = F.cross_entropy(self.decoder(straight_through(z_e, e)), levels[:, 0])
        codebook_loss, commitment_loss = vq_losses(z_e, e)
        return cost + codebook_loss + beta * commitment_loss, cost


# %% [markdown]
# Give it the weights of section 1. A whole sample of your two stages must then be the library's. After
# that, train it from nothing in a plain loop. The codes start on vectors of the encoder (chapter 10).

# %% tags=["held", "nbval-check-output"]
own_vqvae = OwnVQVAE(K, settings.n_channels)
own_vqvae.load_state_dict(vqvae.state_dict(), strict=False)  # its averages are left out
own_vqvae = own_vqvae.double().eval()
exact = copy.deepcopy(model).double().cpu()


def own_decode(codes):
    mean = torch.einsum(
        "bl...,l->b...", own_vqvae.logits(codes).softmax(dim=1), torch.arange(16.0).double()
    )
    return mean.round().long()[:, None]


mine = two_stage_sample(lambda c: own(c, ten), own_decode, from_nothing[:10], noise(10, seed=9))
theirs = exact.sample(10, ten, shape=(28, 28), generator=torch.Generator().manual_seed(9))
print("same images as the library's two stages:", torch.equal(mine, theirs))

# %%
torch.manual_seed(1)
fresh = OwnVQVAE(K, settings.n_channels).to(device)
batches = [train.levels[i].long().to(device) for i in torch.randperm(len(train)).split(64)]
with torch.no_grad():
    vectors = fresh.encode(torch.cat(batches[:4])).movedim(1, -1).flatten(0, 2)
    fresh.quantizer["codebook"].copy_(vectors[torch.randperm(len(vectors))[:K]])
optimizer = torch.optim.Adam(fresh.parameters(), lr=2e-3)
for step in range(settings.own_steps):
    loss, cost = fresh(batches[step % len(batches)])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % (settings.own_steps // 4) == 0 or step == settings.own_steps - 1:
        print(f"step {step:4}: decoder term {cost.item() / math.log(2):.2f} bits/dim")

# %% jupyter={"source_hidden": true} cellView="form"
finished = (extract_codes, two_stage_sample, total_bits_per_dim)
for function, exercise in zip(
    finished, (ch13.extract_codes, ch13.two_stage_sample, ch13.total_bits_per_dim), strict=True
):
    whose[exercise.address] = "the library's" if function is exercise.reference else "yours"
table = "".join(f"| `{name}` | {owner} |\n" for name, owner in whose.items())
Markdown("| piece of the two-stage model | whose |\n|---|---|\n" + table)

# %% [markdown]
# All other parts stand on this page. Where the table says *the library's*, paste your function into
# the cell of section 4, or do the exercise here, and run the page again.

# %%
ch13.progress()

# %% [markdown]
# ## The same, longer
#
# The command line trains the same two stages, and continues where it was stopped:
#
# ```
# python -m tutorial_lib reproduce two-stage-fashion-mnist-16 --out runs/garments
# python -m tutorial_lib sample --run runs/garments --n 64 --label 3 --out dresses.png
# ```
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | VQ-VAE, eq. 1 | q(z = k given x) is 1 at the nearest code | section 2, codes extracted | `recipes.extract_codes` |
# | VQ-VAE, eq. 3 | the loss of stage one | milestone, `OwnVQVAE.forward` | `recipes.vqvae_step` |
# | VQ-VAE, sec. 3.2 | log p(x) ≥ log p(x given z_q) + log p(z_q) | section 8, all 81 fields | `bounds.two_stage_bound_nats` |
# | VQ-VAE, sec. 3.3 | an autoregressive prior over the codes, trained after the VQ-VAE | sections 4, 7 | `GatedPixelCNN`, `recipes.train_prior` |
# | VQ-VAE, sec. 3.3 | ancestral sampling: codes first, then the decoder | section 5, `two_stage_sample` | `TwoStageModel.sample` |
# | Gated PixelCNN, eq. 4 | the class in every gate | section 4, `Layer` | `GatedPixelCNN(n_classes=...)` |
# | Gated PixelCNN, eq. 1 | p(lower part given upper part) | section 6 | `sampling.sample(known=...)` |
# | Precision and recall, eqs. 1, 2 | balls to the k-th nearest fellow | section 10 | `sample_quality.precision_and_recall` |
#
# Next: in chapter 14 both stages meet colour, 256 levels and a folder of your own pictures.
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila: *Improved Precision and Recall
#    Metric for Assessing Generative Models*, 2019, arXiv 1904.06991.
# 4. H. Xiao, K. Rasul, R. Vollgraf: *Fashion-MNIST*, 2017, arXiv 1708.07747.
