# %% [markdown]
# # 13 · Two-stage generation: from pixels to codes, and back
#
# [← 12 · Training a VQ-VAE](12_training_a_vqvae.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [15 · Sound and video →](15_sound_and_video.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/13_two_stage_generation.ipynb)
#
# Stage one says every image in a small field of code numbers. Stage two learns which numbers go
# together. Draw new numbers, decode them, and there is a garment that nobody photographed. Then
# comes the part that is often left out: what the model costs with everything counted, whether it
# copies, and how good and how complete its pictures are.
#
# **By the end you will have**
#
# - trained a gated PixelCNN over the codes of a VQ-VAE, and drawn garments by class, at several
#   temperatures, and from half a garment on;
# - one total in bits/dim, beside the gated PixelCNN of chapter 04 and the VAE of chapter 09;
# - three tests that no loss curve replaces: nearest neighbours, precision, recall; and a reason to
#   test the tests.
#
# **You need** chapters 04 (gated PixelCNN), 10 (codebook) and 11 (what codes cost); chapter 12
# trains stage one at length, here it takes one cell.
#
# **Time** about an hour and a half of reading and exercises. Running everything takes about five
# minutes on a quiet laptop with two cores, most of it in two training cells. On a GPU the same
# cells train larger models for longer; set `TUTORIAL_PROFILE=laptop` there for the short version.

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
    small_epochs: int  # of the two small priors of section 7
    classifier_epochs: int


settings = profiles.choose(
    smoke=Settings(512, 60, 60, 16, 16, 3, 1, 1, 1, 1),
    laptop=Settings(9000, 1000, 1000, 128, 48, 6, 4, 6, 2, 4),
    gpu=Settings(9000, 2000, 2000, 128, 96, 12, 40, 40, 4, 10),
)
settings

# %% [markdown]
# ## Where this ends
#
# First the destination. These weights come with the package: the two stages of this chapter,
# trained on all 55,000 garments (`python -m tutorial_lib reproduce two-stage-fashion-mnist-16`;
# `results/` says how long it took). One row for each class, every image drawn anew.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
garments = data.load("fashion-mnist-sample").with_n_levels(16)
names = [name.split("/")[0] for name in garments.class_names]
shipped = load_pretrained("two-stage-fashion-mnist-16").to(device)
labels = torch.arange(10).repeat_interleave(10)
drawn = shipped.sample(100, labels, generator=torch.Generator().manual_seed(0)).cpu()
show_images(drawn, n_levels=16, row_labels=names);

# %% [markdown]
# Look along a row: the class stays; the cut, the sleeves and the shading change. Shapes are clear,
# textures are smooth, and both have the same reason: the 49 numbers from which each of these images
# was decoded have room for a shape, not for a weave. The two stages behind them:

# %%
from tutorial_lib.notebook import diagrams

example, its_label = garments.test.levels[0].long(), int(garments.test.labels[0])
diagrams.two_stages(shipped, example, label=its_label)

# %% [markdown]
# ## 1 · Stage one, in short
#
# The garments have 16 grey levels, as in chapters 03 to 11, so that every number below can be held
# against theirs. Here is stage one of chapter 12, in a shorter training. One thing is added: a
# function that `fit` calls on its way (`watch=`) keeps a copy of the weights now and then, which
# section 7 will need.
#
# <details><summary>On a machine that may be taken away, such as Colab's: keep the run</summary>
#
# The two long trainings outlast the kernel only if you say where. Put these lines into a cell of
# their own at the top of the notebook, then *Run All*:
#
# ```python
# import os
#
# from google.colab import drive
#
# drive.mount("/content/drive")
# os.environ["TUTORIAL_RUNS_DIR"] = "/content/drive/MyDrive/from-pixels-to-codes"
# ```
#
# After a cut-off, open the notebook again, with the same lines and on the same kind of GPU, and
# *Run All* once more: the training goes on from its last checkpoint, at most a minute back.
#
# </details>

# %%
import copy

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
    """Looks at the run every eighth of its way, and keeps the weights at some of them."""
    if (share := keep_at.get(history.step)) is not None:
        snapshots[share] = copy.deepcopy(vqvae.state_dict())
        if run is not None:
            write_tensors(run / f"weights-{share}.safetensors", snapshots[share], {})


# %%
torch.manual_seed(0)
K = settings.n_codes
vqvae = VQVAE(
    in_channels=1, n_levels=16, n_codes=K, code_dim=32, downsample=4, n_channels=settings.n_channels
)
config = FitConfig(
    epochs=settings.vqvae_epochs, learning_rate=2e-3, precision=profiles.fast_precision()
)
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
# Shape and shading survive, print and texture do not. The lowest row is all that stage two will
# ever see of an image: 49 numbers, here as colours. Neighbouring colours mean nothing; code 17 is
# no more like code 18 than like code 90.
#
# ## 2 · Extract once
#
# Stage two looks at every image several times. Its codes are the same each time, because the VQ-VAE
# is frozen now. So read them off once, for all images.
#
# ### Exercise 13.1

# %%
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

# %% [markdown]
# And keep them in a file. One thing can go wrong with a file of codes: it belongs to *these*
# weights, and nothing in it says so. So its name holds a fingerprint of the weights. Train stage
# one again, and the old file is not found, which is exactly what should happen. (Here the folder is
# a temporary one; in a project of yours it would stay.)

# %%
import hashlib
import tempfile
from pathlib import Path

cache = Path(tempfile.mkdtemp())


def fingerprint(model):
    """A short name for the weights of a model: other weights, another name."""
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def cached_codes(vqvae, name, levels):
    """The codes of these images, from the file if there is one for these very weights."""
    path = cache / f"{name}-{fingerprint(vqvae)}.safetensors"
    if not path.exists():
        on_the_cpu = copy.deepcopy(vqvae).cpu()  # where your function was checked
        fields = extract_codes(on_the_cpu, levels)
        write_tensors(path, {"codes": fields.short()}, {"images": len(levels)})
    return read_tensors(path)[0]["codes"].long()


# %%
import time

for attempt in ("first call", "second call"):
    began = time.perf_counter()
    train_codes = cached_codes(vqvae, "train", train.levels)
    print(f"{attempt}: {tuple(train_codes.shape)} in {time.perf_counter() - began:.2f} s")
test_codes = cached_codes(vqvae, "test", test.levels)
valid_codes = cached_codes(vqvae, "valid", valid.levels)
for file in sorted(cache.glob(f"*-{fingerprint(vqvae)}.*")):
    print(f"{file.name:36} {file.stat().st_size / 1024:8.0f} KiB")
print(f"{'the training images':36} {train.levels.numel() / 1024:8.0f} KiB")

# %% [markdown]
# (Kept as 16-bit numbers. In 8 bits, code 256 would come back as 0, without an error.) The first
# call pays for the encoder; each epoch of stage two would pay it again.
#
# ## 3 · Priors that ignore structure
#
# What is p(z)? Before anything is learned, three answers that take no training, from nothing to
# little:
#
# - **uniform**: each of the K codes alike, at every position;
# - **unigram**: each code as often as it is used, anywhere;
# - **by position**: each code as often as it is used *at this position*.
#
# None of them knows what stands next to a code. All three can be drawn from in a line; the third is
# an exercise.
#
# ### Exercise 13.2

# %%
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
def decode(vqvae, fields):
    """The decoder's mean images of fields of codes, as levels, on the CPU."""
    parts = [vqvae.picture(vqvae.decode_indices(f.to(device))).cpu() for f in fields.split(250)]
    return (15 * torch.cat(parts)).round().long()


# %% [markdown]
# > **Predict.** What will the decoder make of each?
# > <details><summary>A way to think about it</summary>There are K to the power of 49 fields. The
# > decoder has met a few thousand of them, all from one small corner: black background outside,
# > fabric inside, and an edge that goes on from patch to patch. Which of the three priors knows
# > about the background? Which about the edge?</details>

# %%
structureless = draw_without_structure(8)
pictures = torch.cat([decode(vqvae, fields) for fields in structureless.values()])
show_images(pictures, n_levels=16, n_columns=8, row_labels=list(structureless));

# %% [markdown]
# Every image here is a legal sample of a model "this prior, then the decoder", and not one is a
# garment. The uniform prior litters the whole frame. Usage alone gives more of the common patches,
# still anywhere. Knowing the place brings a dark border and something in the middle, but no two
# patches agree on what it is. What is missing is what a code owes to its neighbours.
#
# What does each of them charge for a held-out code? (Add-one counts, as in exercise 11.5.)

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

# %% [markdown]
# ## 4 · Stage two: which codes go together
#
# A field of codes is an "image" again, 7×7 pixels with K levels. Chapters 02 to 05 have told us how
# to model one: a product of conditionals in raster order, by a gated PixelCNN that is told the
# class in every gate. One thing is new: code numbers have no order, so each gets a vector of its
# own (`ordered=False`) in the place of an intensity between −1 and 1. And one you have met: a
# garment has a top and a bottom, so each position is told its row and column (`coordinates=True`).

# %%
from tutorial_lib.pixels import GatedPixelCNN


def new_prior():
    """An untrained prior: the same one at each call."""
    torch.manual_seed(0)
    return GatedPixelCNN(
        n_levels=K,
        n_channels=settings.n_channels,
        n_layers=settings.n_layers,
        n_classes=10,
        ordered=False,
        coordinates=True,
    )


print(f"{sum(p.numel() for p in new_prior().parameters()):,} parameters")

# %% [markdown]
# Before it is trained, the question that no loss curve answers: may it look at what it predicts?
# (Asked of a narrow copy without labels and coordinates, which is quicker. What is read depends on
# masks and depth, and neither tells anything about a code.)

# %%
import matplotlib.pyplot as plt

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
# Blue is read, grey is the target's future; orange would be past that the model cannot see. With
# enough layers there is none. (The smoke profile has only three; there a good third of the past
# stays orange.)
#
# The step of stage two is the one of every PixelCNN before it. It never touches the VQ-VAE: all it
# is given are numbers. (`average=0.1`: the run ends with the mean of the weights over about the
# last tenth of the steps, which is calmer than the last weights alone.)

# %%
from tutorial_lib.pixels import bits_per_dim, nll_nats


def stage_two(model, fields, label):
    levels = fields.unsqueeze(1)  # (B, 7, 7) -> one "colour"
    nats = nll_nats(model(levels, label=label), levels).mean()
    return {"loss": nats / 49, "bits/code": bits_per_dim(nats, 49)}


config = FitConfig(
    epochs=settings.prior_epochs,
    learning_rate=2e-3,
    average=0.1,
    precision=profiles.fast_precision(),
)
held_out = (valid_codes, valid.labels)
out = kept_run(f"chapter-13/stage-two-{fingerprint(vqvae)}")  # these codes, no others
prior = new_prior()
second = fit(prior, stage_two, (train_codes, train.labels), config, valid=held_out, out=out)
print(f"{second.step} steps")

# %%
from tutorial_lib.notebook import show_curves

curves = {
    "training": [(row["epoch"], row["bits/code"]) for row in second.rows],
    "held-out": [(row["epoch"], row["valid bits/code"]) for row in second.valid_rows],
}
ax = show_curves(
    {name: tuple(zip(*points, strict=True)) for name, points in curves.items()},
    xlabel="epoch",
    ylabel="bits per code",
)
for name, bits in prices.items():
    ax.axhline(bits.mean(), color="gray", ls="--", lw=1)
    place = {"transform": ax.get_yaxis_transform(), "color": "gray", "fontsize": 8}
    ax.text(0.99, bits.mean() + 0.05, name, ha="right", **place)

# %% [markdown]
# The dashed lines are the three priors of section 3. What lies below "by position" is structure:
# what the codes above and to the left, and the class, say about the next one.
#
# ## 5 · New garments
#
# Both halves together are one generative model: draw a field from the prior, code by code, then
# decode it once. Compare with section 3: same decoder, same codes. Only p(z) is another.

# %%
from tutorial_lib.codes import TwoStageModel

model = TwoStageModel(vqvae, prior).to(device)
labels = torch.arange(10).repeat_interleave(8)
noise = torch.Generator().manual_seed(0)
drawn = model.sample(80, labels, shape=(28, 28), generator=noise).cpu()
show_images(drawn, n_levels=16, n_columns=8, row_labels=names);


# %% [markdown]
# Most of these are garments of the class that was asked for. Against the picture at the top you see
# what more images and more time bring, to the decoder above all.
#
# **Temperature** divides the logits of the prior. Below 1 it prefers what is likely anyway, above 1
# it gambles; only at 1 is it the model. Each column below has the same label and the same noise.

# %%
def draw_fields(n, temperature=1.0, seed=0, label=None):
    """n fields from the learned prior, on the CPU; classes in turn if no label is given."""
    label = torch.arange(n) % 10 if label is None else torch.full((n,), label)
    return model.sample_indices(
        n,
        latent_shape=(7, 7),
        label=label,
        temperature=temperature,
        generator=torch.Generator().manual_seed(seed),
    ).cpu()


temperatures = (0.3, 0.6, 1.0, 1.5, 2.5)
rows = [decode(vqvae, draw_fields(10, t, seed=3)) for t in temperatures]
show_images(torch.cat(rows), n_levels=16, row_labels=[f"T = {t}" for t in temperatures]);

# %% [markdown]
# Cold garments are clean and plain; hot ones get holes, and in the end fall back to the pictures of
# section 3. Is that a gain or a loss? It depends on what you want, and section 10 measures both
# sides.
#
# One more choice is hidden in these pictures: they show the decoder's *mean* image. A true sample
# of the model draws each pixel from p(x | z), independently of its neighbours.

# %%
fields, label = draw_fields(8, seed=5), torch.arange(8)
noise = torch.Generator().manual_seed(5)
true = model.sample(8, label, shape=(28, 28), pixels="sample", generator=noise).cpu()
pair = torch.cat([decode(vqvae, fields), true])
show_images(pair, n_levels=16, n_columns=8, row_labels=["mean image", "true sample"]);

# %% [markdown]
# The grain of the lower row is the price of a decoder whose pixels do not talk to each other once
# the codes are known. Remember it in section 8: the decoder pays for that ignorance in bits.
#
# ## 6 · Complete a garment, in codes
#
# Chapter 06 kept the upper pixels of a digit and drew the rest. The same sampler works on codes:
# give it the upper code rows of a held-out garment, and the prior goes on from there. One row of
# codes stands for four rows of pixels.
#
# ### Exercise 13.3

# %%
ch13.completion_canvas.card()


# %%
def completion_canvas(indices: torch.Tensor, n_rows: int, n_draws: int) -> torch.Tensor:
    """What `sample(known=...)` completes: codes to keep, and -1 where one is to be drawn.

    indices  (B, h, w) torch.long: whole fields; stays as it is
    n_rows   how many rows to keep, from the top, 0 .. h
    n_draws  how often each field is completed
    returns  (B * n_draws, 1, h, w) torch.long; the n_draws canvases of a field follow each other

    By hand: indices = [[[5, 0], [7, 8]]], n_rows = 1 and n_draws = 2 give twice [[5, 0], [-1, -1]],
             as (2, 1, 2, 2)
    """
    ____


completion_canvas = ch13.completion_canvas.check(completion_canvas)

# %%
from tutorial_lib.sampling import sample

n_rows, n_draws = 3, 6
chosen = torch.cat([(test.labels == k).nonzero()[:1, 0] for k in (0, 3, 5, 7, 8, 9)])
known = completion_canvas(test_codes[chosen], n_rows, n_draws)
drawn = sample(
    prior,
    tuple(known.shape),
    label=test.labels[chosen].repeat_interleave(n_draws).to(device),
    known=known,
    generator=torch.Generator().manual_seed(4),
)
completed = decode(vqvae, drawn[:, 0]).unflatten(0, (len(chosen), n_draws))
truth = test.levels[chosen]
given = truth / 15
given[:, :, 4 * n_rows :] = 0.6  # grey: codes not given
strip = torch.cat([given[:, None], completed / 15, truth[:, None] / 15], dim=1).flatten(0, 1)
titles = ["input", *[f"sample {i + 1}" for i in range(n_draws)], "truth"]
show_images(strip, n_columns=n_draws + 2, titles=titles);

# %% [markdown]
# Each row begins with the same three rows of codes and the same label, and ends in six ways. A bag
# gets a lower edge, a boot its toe, and what is drawn goes on where the given part stops. What the
# upper codes leave open (where does the sleeve end? has the boot a heel?), the samples answer
# differently, as they should.
#
# Did the upper part stay? Its *codes* did. Its pixels?

# %%
spread = completed.double().std(dim=1).mean(dim=(0, 1, 3))  # over the six draws, for each pixel row
figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
ax.bar(range(28), spread, color="#3b76af")
ax.axvline(4 * n_rows - 0.5, color="#d62728", lw=1)
ax.set(xlabel="pixel row (red: from here on the codes are drawn)", ylabel="spread (levels)");

# %% [markdown]
# A little spread stands to the left of the red line. The convolutions of the decoder overlap, so
# the last kept pixel rows are decoded with an eye on the codes below them. Completion in code space
# keeps codes; who needs the *pixels* kept has to paste them back, and live with the seam.
#
# And the encoder? Its convolutions overlap, too.

# %%
cut = test.levels.clone()
cut[:, :, 4 * n_rows :] = 0  # black from the line on
same = (extract_codes(copy.deepcopy(vqvae).cpu(), cut) == test_codes).double().mean(dim=(0, 2))
for row in range(n_rows):
    print(f"code row {row}: {same[row]:.0%} of the codes stay if the pixels below are black")


# %% [markdown]
# The kept codes were read off from the *whole* garment, and the nearer to the line, the more of
# them would be others without the pixels below. So the samples knew more than the input column
# shows. Completion in code space means: these codes are given. It does not mean: these pixels are
# all that was seen.
#
# > **In words.** Given the *lower* rows, could the prior draw the upper ones?
# > <details><summary>An answer</summary>
# >
# > No. `sample` would keep the lower codes, but each upper code is drawn before they come up:
# > raster order offers p(lower | upper), not p(upper | lower). The upper half would be drawn as if
# > nothing were known below, and the two would not fit.
# >
# > </details>
#
# ## 7 · Two wrong ways
#
# ### The encoder still moves
#
# "Why wait? Train the prior while the VQ-VAE is still learning: it is nearly done anyway." The
# copies of section 1 tell what such a prior would have been given. At each of them, the codes of
# the same held-out images:
#
# > **Predict.** Half-way through its training the VQ-VAE decodes well already. How many codes have
# > the number then that they will have in the end?
# > <details><summary>A way to think about it</summary>
# >
# > The numbers are names. What holds a name to its meaning is where encoder, codebook and decoder
# > stand *together*. Does the loss mind if all three move, as long as they move together?
# >
# > </details>

# %%
@torch.no_grad()
def bits_per_code(prior, fields, label):
    """What each field costs under a prior: (B,), in bits per code."""
    nats = []
    for f, y in zip(fields.split(250), label.split(250), strict=True):
        levels = f[:, None].to(device)
        nats.append(nll_nats(prior(levels, label=y.to(device)), levels).cpu())
    return bits_per_dim(torch.cat(nats).double(), fields[0].numel())


@torch.no_grad()
def decoder_bits(vqvae, fields, levels):
    """Decoder term of each image, given these codes: (B,), in bits/dim."""
    nats = []
    for f, x in zip(fields.split(100), levels.split(100), strict=True):
        decoded = vqvae.decode_indices(f.to(device))
        nats.append(vqvae.decoder_nll_nats(decoded, x.long().to(device)).cpu())
    return bits_per_dim(torch.cat(nats).double(), levels[0].numel())


# %%
earlier = {}
for share, weights in sorted(snapshots.items()):
    earlier[share] = copy.deepcopy(vqvae)
    earlier[share].load_state_dict(weights)
print("trained   same codes   the prior pays    the VQ-VAE decodes its own codes at")
for share, then in {**earlier, 1.0: vqvae}.items():
    codes = cached_codes(then, "test", test.levels)
    same = (codes == test_codes).double().mean().item()
    paid = bits_per_code(prior, codes, test.labels).mean().item()
    decoder = decoder_bits(then, codes, test.levels).mean().item()
    print(f"{share:6.1%} {same:11.0%} {paid:9.2f} bits/code {decoder:12.3f} bits/dim")
again, half = draw_fields(10, seed=0), earlier[0.5]
three = {
    "our draws": decode(vqvae, again),
    "decoder of half-way": decode(half, again),
    "its own codes": decode(half, cached_codes(half, "test", test.levels)[:10]),
}
show_images(torch.cat(list(three.values())), n_levels=16, row_labels=list(three));

# %% [markdown]
# Read the columns against each other. The VQ-VAE of half-way has come most of the way: look at the
# last column, and at the lowest row of the picture (held-out garments, not our draws). But it
# speaks another language: most of its codes have other numbers, and the prior pays for them far
# more than for those it was trained on. The earliest ones cost it about as much as a blind guess,
# log2 K. And draws of ours that the decoder of half-way reads come out misshapen (middle row).
#
# A prior that is trained along learns a language that will be gone tomorrow. Freeze first, extract
# then; and keep the fingerprint in the name of the file.
#
# ### Rows for columns
#
# Somewhere between extraction and training, `(h, w)` becomes `(w, h)`. The fields are square, so
# nothing complains. Two small priors, alike but for this slip:

# %%
from functools import partial

small = partial(GatedPixelCNN, n_levels=K, n_channels=32, n_layers=3, n_classes=10)
config = FitConfig(epochs=settings.small_epochs, learning_rate=4e-3)
priors, held_out_bits = {}, {}
for name, turn in {"as extracted": lambda f: f, "transposed": lambda f: f.mT.contiguous()}.items():
    torch.manual_seed(0)
    priors[name] = small(ordered=False, coordinates=True)
    fit(priors[name], stage_two, (turn(train_codes), train.labels), config)
    held_out_bits[name] = bits_per_code(priors[name], turn(test_codes), test.labels).mean().item()
for name, bits in held_out_bits.items():
    print(f"{name:13} held-out {bits:.2f} bits/code")

# %% [markdown]
# > **Predict.** The two numbers hardly differ. Will the pictures?

# %%
sideways = sample(
    priors["transposed"],
    (10, 1, 7, 7),
    label=torch.arange(10, device=device),
    generator=torch.Generator().manual_seed(0),
)[:, 0]
pair = torch.cat([decode(vqvae, sideways), decode(vqvae, sideways.mT)])
show_images(pair, n_levels=16, row_labels=["decoded", "turned back first"]);

# %% [markdown]
# Garments lie on their side and are torn: each patch stands upright in a picture that does not. The
# prior has learned its fields well, columns first, and the loss cannot know which way is up. The
# decoder does, since its patches have a left edge and an upper edge. Turned back before decoding,
# the same draws are what a prior this small can do. So look at samples, not only at curves; and
# test on an image that is *not* square. There a turned field decodes to a turned shape, and the
# first comparison with the original ends in an error.
#
# ## 8 · The bill
#
# What does a test image cost, with everything counted? Chapter 11 has the whole story; in one line
# (section 3.2 of the paper),
#
# $$-\log p(x) \;\le\; \underbrace{-\log p(x \mid z_q(x))}_{\text{decoder term}}
#   \;+\; \underbrace{-\log p(z_q(x))}_{\text{latent rate}}$$
#
# because p(x) is a sum over all fields of codes, of which we count one. For one image:

# %%
diagrams.bill(shipped, example, label=its_label)

# %% [markdown]
# On a toy where the whole
# sum can be written down (4×4 binary images, 3 codes, 4 positions: 81 fields):

# %% tags=["nbval-check-output"]
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
# Never below: the sum of both terms is never less than the exact cost. What it pays too much is
# what the 80 other fields would have added to p(x).
#
# Training shows the decoder term in bits per *dimension* and the prior in bits per *code*. They
# cannot be added as they are.
#
# ### Exercise 13.4

# %%
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
# > <details><summary>A way to think about it</summary>The codes are 49 small numbers for 784
# > pixels. Everything the codes do not say, the decoder has to pay for pixel by pixel.</details>
#
# The test images of this chapter, under the four priors of this chapter; beside them the shipped
# two stages, the VAE of chapter 09 and the gated PixelCNN of chapter 04, all trained on the full
# training set. The same images, the same 16 levels. (p(z) and the gated PixelCNN are told the
# class, the VAE is not; that can be worth log2 10 / 784 = 0.004 bits/dim.)

# %%
shapes = (1, 28, 28), (7, 7)
ours_decoder = decoder_bits(vqvae, test_codes, test.levels)
all_prices = {**prices, "learned": bits_per_code(prior, test_codes, test.labels)}
bill = {
    f"ours, {name}": (ours_decoder, total_bits_per_dim(ours_decoder, bits, *shapes))
    for name, bits in all_prices.items()
}
shipped_codes = cached_codes(shipped.vqvae, "test", test.levels)
their_decoder = decoder_bits(shipped.vqvae, shipped_codes, test.levels)
their_prices = bits_per_code(shipped.prior, shipped_codes, test.labels)
their_total = total_bits_per_dim(their_decoder, their_prices, *shapes)
bill["shipped, learned"] = (their_decoder, their_total)
torch.manual_seed(0)  # the VAE draws its z
vae = load_pretrained("vae-fashion-mnist").to(device)
gated = load_pretrained("gated-fashion-mnist").to(device)
vae_bits, gated_bits = [], []
with torch.no_grad():
    for x, y in zip(test.levels.split(100), test.labels.split(100), strict=True):
        x, y = x.long().to(device), y.to(device)
        vae_bits.append(bits_per_dim(torch.stack(vae(x), dim=1), 784).cpu())
        gated_bits.append(bits_per_dim(nll_nats(gated(x, label=y), x), 784).cpu())
vae_bits, gated_bits = torch.cat(vae_bits).double(), torch.cat(gated_bits).double()
bill["VAE (chapter 09)"] = (vae_bits[:, 0], vae_bits.sum(dim=1))
bill["gated PixelCNN (chapter 04)"] = (gated_bits, gated_bits)

# %%
from tutorial_lib.notebook import show_stacked_bits

print(f"{len(test)} held-out images{'decoder':>15}{'latent':>9}{'total':>9}   bits/dim")
rows = {}
for name, (decoder, total) in bill.items():
    decoder, total = decoder.mean().item(), total.mean().item()
    rows[name] = (decoder, total - decoder)
    print(f"{name:28}{decoder:9.3f}{total - decoder:9.3f}{total:9.3f}")
decoder, latent = rows["ours, learned"]
print(f"ours, learned: the decoder term is {decoder / latent:.0f} times the latent rate")
show_stacked_bits(rows);

# %% [markdown]
# Read it in three steps. **Between the priors**, the decoder term stays, as it must: stage two
# never touches the decoder, and the total falls by exactly the bits saved on the codes. **Within a
# bar**, the decoder term towers over the latent rate. The codes say what matters to the eye, in
# fewer bits than 49 times log2 K; the grain of every pixel is left to a decoder that treats pixels
# as independent, and there the bits are. **Between the models**, more images, more steps and a
# deeper prior together bring a lot (under the laptop profile more than the whole step from the
# blindest prior to the learned one). Where the codes of the shipped model cost more than ours, it
# is because they say more: its decoder saves several times that amount. A low latent rate alone is
# no merit. And the gated PixelCNN, which reads every neighbour and whose number is exact, leads by
# far.
#
# So why would anybody use two stages? Because bits/dim are dominated by what no eye looks at. That
# is a claim; the rest of the chapter measures what an eye might look at.
#
# > **In words.** A colleague trains a VQ-VAE, reports the bits per code of its prior as "the
# > likelihood of our model", and beats every PixelCNN in the literature. What do you ask?
# > <details><summary>An answer</summary>
# >
# > Where the decoder term is. −log p(z) alone is the likelihood of the *codes*, and a codebook of
# > one code would bring it to 0. Only the sum of decoder term and rate bounds −log p(x), and only
# > in one unit: bits per dimension of the image.
# >
# > </details>
#
# ## 9 · Are they copies?
#
# A prior that has learned the training set by heart would draw splendid garments: the training
# ones. Its held-out bits/code would rise while those of training fall: look at the curve of section
# 4 again. Or look for copies directly: below each drawn image, the training image that is nearest
# to it, pixel by pixel.

# %%
from tutorial_lib.codes import nearest_neighbors


def in_pixels(levels):
    return levels.flatten(1).double() / 15


some = draw_fields(10, seed=7)
pictures = decode(vqvae, some)
found = nearest_neighbors(in_pixels(pictures), in_pixels(train.levels))
pair = torch.cat([pictures, train.levels[found.indices[:, 0]].long()])
show_images(pair, n_levels=16, row_labels=["drawn", "nearest of training"]);


# %% [markdown]
# In most columns it is the same kind of garment, and a different one: another sleeve, another
# strap. But "other" by how much? Any new trouser is near some old trouser. And a copy would not be
# at distance 0 either: a prior that copies draws the *codes* of a training image, and the decoder
# smooths them. So count in codes: how many of its 49 codes does a field share with the training
# field that is most like it? For comparison, held-out images, which cannot be copies, and planted
# copies: fields that *are* from the training set.

# %%
def most_equal_codes(fields):
    """The most codes that each field shares with one training field, position by position."""
    equal = [(part[:, None] == train_codes).flatten(2).sum(dim=2) for part in fields.split(20)]
    return torch.cat(equal).amax(dim=1)


n_compared = min(settings.n_drawn, 300)
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
# The planted copies stand at 49, so the test sees copies. The draws of the model lie where held-out
# images lie, or to the left of them: they are no nearer to the training set than new photographs.
# At a low temperature they move to the right, towards the commonest garments, because those are
# what training fields look like; that is sameness, and the next section has a number for it.
#
# ## 10 · Good, and complete
#
# Two things can be wrong with a set of drawn images: some are bad, or some kinds are missing. One
# number cannot say which. **Precision and recall** can (Kynkäänniemi et al. 2019): take real and
# drawn images as points in a feature space, and around each point a ball that reaches to its k-th
# nearest fellow of the same set. The real balls together are "where real images are". Then
#
# - **precision**: the share of drawn images inside some real ball. Are they good?
# - **recall**: the share of real images inside some drawn ball. Is nothing missing?
#
# In a plane: real points on a ring, drawn points on its upper half, and three that went astray.

# %%
from tutorial_lib.codes import ball_radii, inside_a_ball


def arc(n, end, seed):
    """n points along a circle, from the angle 0 to `end`, not quite in place."""
    angle = torch.linspace(0, end, n + 1)[:n]
    wobble = 0.06 * torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return torch.stack([angle.cos(), angle.sin()], dim=1) + wobble


real = arc(48, 2 * math.pi, seed=1)
strays = torch.tensor([[-0.1, 0.1], [0.2, 1.7], [1.6, 1.2]])
drawn = torch.cat([arc(30, math.pi, seed=2), strays])
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="tight", sharex=True, sharey=True)
for ax, name, balls, points in (
    (axes[0], "precision: drawn points in real balls", real, drawn),
    (axes[1], "recall: real points in drawn balls", drawn, real),
):
    radii = ball_radii(balls, k=3)
    inside = inside_a_ball(points, balls, radii)
    for center, radius in zip(balls, radii, strict=True):
        ax.add_patch(plt.Circle(center.tolist(), radius.item(), color="#3b76af", alpha=0.12, lw=0))
    ax.scatter(*points[inside].T, s=14, color="#1b4f80", zorder=3)
    ax.scatter(*points[~inside].T, s=22, color="#d62728", marker="x", zorder=3)
    ax.set_title(f"{name}: {inside.double().mean():.0%}")
    ax.set(aspect="equal", xlim=(-2, 2.2), ylim=(-1.6, 2.4))
    ax.tick_params(labelsize=7)

# %% [markdown]
# On the left, the crosses are bad draws: no real ball holds them. On the right, the crosses are
# real points that nothing drawn comes near. Note the three large balls there: a stray point has its
# fellows far away, so its ball is large, and covers whatever lies in it. The method is generous to
# strays, and so is every number that it gives.
#
# ### Exercise 13.5

# %%
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

# %% [markdown]
# ### A space in which near means alike
#
# In pixels, a shirt moved by two columns is far from itself. So the paper takes features of a
# network that was trained to tell images apart. Ours is small and trained here: two convolutions, a
# hidden layer of 64, ten classes.

# %%
from torch import nn

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
guesses = fit(
    classifier, guess_step, (train.levels, train.labels), config, valid=(valid.levels, valid.labels)
)
print(f"held-out accuracy {guesses.valid_rows[-1]['valid accuracy']:.1%}")


# %% [markdown]
# Which features? The hidden layer is what the ten scores are made of; the natural choice. Before
# any drawn image is judged, judge the judge, with three sets for which the answer is known:
#
# - held-out images: as good and as complete as images can be, so **both high**;
# - noise, every pixel at random: **precision near 0**;
# - one training image over and over: good, and nothing but itself, so **recall near 0**.
#
# > **Predict.** A network that has seen garments only: where does it put noise?
# > <details><summary>A way to think about it</summary>It has learned what tells a bag from a boot,
# > and nothing else mattered to it. Has anything told it to keep what is neither away from
# > both?</details>

# %%
@torch.no_grad()
def features_of(space, levels):
    """A row of features for each image, on the CPU."""
    return torch.cat([space(x.to(device).float() / 7.5 - 1).cpu() for x in levels.split(500)])


def scores(space, kinds):
    """name -> (precision, recall) of each set of images, against as many training images."""
    real = features_of(space, train.levels[: settings.n_drawn])
    return {
        name: tuple(map(float, precision_and_recall(real, features_of(space, images), k=3)))
        for name, images in kinds.items()
    }


def print_scores(table):
    for name, (precision, recall) in table.items():
        print(f"{name:26} precision {precision:6.1%}   recall {recall:6.1%}")


n = settings.n_drawn
noise = torch.Generator().manual_seed(1)
known_answers = {
    "held-out images": test.levels[:n],
    "noise": torch.randint(16, (n, 1, 28, 28), generator=noise),
    "one image over and over": train.levels[5:6].expand(n, -1, -1, -1),
}
print_scores(scores(hidden, known_answers))


# %% [markdown]
# Look at the noise. A number that calls pure noise good would have called anything good, and it
# would have been published with three digits. The classifier was never asked what is *not* a
# garment, so the hidden layer keeps only what tells its ten classes apart, and noise lands
# somewhere among them.
#
# One layer down, more is left of the image. Take what the second convolution saw, averaged over
# nine regions of the picture (a 3×3 grid): 64 channels times 9. And divide each of these numbers by
# its spread over real images, or the channels with the largest numbers decide alone what is near.

# %%
def regions(x):
    """Mean response of each channel of the second convolution in each of nine regions: (B, 576)."""
    return F.adaptive_avg_pool2d(body(x), 3).flatten(1)


spread = features_of(regions, train.levels[:n]).std(dim=0).to(device) + 1e-3


def in_regions(x):
    """The same, each number in units of its spread over real images."""
    return regions(x) / spread


print_scores(scores(in_regions, known_answers))

# %% [markdown]
# Now all three answers come out as they must. (Held-out images stay below 100% because the balls
# are drawn around a limited number of points.) This is the ruler for the rest of the chapter, and a
# ruler for *these* features, this k and this number of images: compare with nothing that was
# measured otherwise.
#
# ### What the prior is worth
#
# The same decoder under the four priors. For comparison, held-out images decoded from their own
# codes: what stage one alone makes of real garments.

# %%
judged = {"codes of held-out images": decode(vqvae, test_codes[:n])}
for name, fields in draw_without_structure(n, seed=2).items():
    judged[f"{name} prior"] = decode(vqvae, fields)
judged["learned prior"] = decode(vqvae, draw_fields(n))
table = scores(in_regions, judged)
print_scores(table)

# %% [markdown]
# The three priors without structure score far below the learned one on both counts. Most of its
# draws are good. What it lacks in precision against the first row are the draws that fall apart.
#
# Two warnings stand in the same table. Section 3 showed not one garment, and still some of those
# images lie in a real ball: the ball of an unusual garment is large. So precision need not even put
# three bad priors in their order: hold the first column against the bits of section 3. Small
# differences, and single images, it cannot judge. And look at the recall of the first row. Even the
# *true* codes decode to images that leave many real garments alone: print, folds and texture are
# gone. Most of that share is stage one's. But the row is no ceiling: a learned prior may come out a
# little above it, and is not more complete for that. Some of its draws fall apart, and we saw what
# strays do to recall: their balls are large.
#
# ### Temperature, and other models
#
# One knob moves along the line between good and complete. Draw it for the shipped weights, whose
# stage one is better. Beside it, what else was drawn in this series, all from weights trained on
# the full training set: the VAE of chapter 09 and the gated PixelCNN of chapter 04; and a true
# sample of the two stages, with its grain.

# %%
heat = (0.3, 0.6, 0.8, 1.0, 1.3, 2.0)
label, seed = torch.arange(n) % 10, torch.Generator().manual_seed
by_temperature = scores(
    in_regions,
    {t: shipped.sample(n, label, temperature=t, generator=seed(0)).cpu() for t in heat},
)
rivals = {
    "two stages, true samples": shipped.sample(n, label, pixels="sample", generator=seed(0)),
    "VAE, mean images": vae.sample(n, generator=seed(0)),
    "VAE, true samples": vae.sample(n, pixels="sample", generator=seed(0)),
    "gated PixelCNN": sample(gated, (n, 1, 28, 28), label=label.to(device), generator=seed(0)),
}
rivals = {name: images.cpu() for name, images in rivals.items()}
by_model = scores(in_regions, rivals)
firsts = torch.cat([images[:10] for images in rivals.values()])
show_images(firsts, n_levels=16, row_labels=list(rivals));

# %%
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="tight")
line = torch.tensor(list(by_temperature.values()))
ax.plot(line[:, 1], line[:, 0], "o-", color="#3b76af", label="two stages, mean images, by T")
for t, (precision, recall) in by_temperature.items():
    ax.annotate(f"{t}", (recall, precision), (5, 4), textcoords="offset points", fontsize=8)
others = {**by_model, "this notebook, T = 1": table["learned prior"]}
for marker, (name, (precision, recall)) in zip("s<>Dv", others.items(), strict=True):
    ax.plot(recall, precision, marker, ms=8, label=name)
ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
ax.legend(loc="lower left", fontsize=8)
print_scores({f"T = {t}": pair for t, pair in by_temperature.items()} | by_model)

# %% [markdown]
# Follow the blue line from its upper end. Cold: nearly every draw is good, and few kinds within
# each class are left. Warmer: recall rises, and precision pays for it. (Far beyond T = 1 a high
# recall is no merit: the draws scatter, and scattered points have large balls.) Whoever picks a
# temperature and reports one of the two numbers can look as good as they like.
#
# Now hold the marks against the bill of section 8, and against the pictures of the cell before. The
# model with the best bits/dim, by far, is not the one with the best precision; and the two stages
# and the VAE, with nearly the same total, lie far apart here. Bits/dim, precision and recall
# measure different things.
#
# Look at the two marks of the two stages at T = 1 as well: the same codes, with the grain and
# without it. Real garments have texture, mean images have none, and these features notice. So they
# look at shapes *and* at texture, but not at each pixel by itself, as the bill does; and a model
# can be far better at one and worse at the other. The gated PixelCNN gets textures right, and its
# shapes come apart. Two stages spend their effort on shapes. That is why one would use them.
#
# > **In words.** Somebody proposes to select the best epoch of stage two by precision alone. Which
# > models would win?
# > <details><summary>An answer</summary>Those that draw few things well: a prior that has collapsed
# > to the commonest garment of each class, or one that copies training images, each of which is the
# > middle of a real ball. Precision does not ask for variety and does not know what was memorised;
# > recall and section 9 do. And held-out bits per code ask for all of it at once.</details>

# %%
ch13.progress()

# %% [markdown]
# ## The same, longer
#
# The command line trains the same two stages at any length, shows its progress, and goes on where
# it was if it is stopped. Run these in a terminal:
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
# | VQ-VAE, sec. 3.2 | log p(x) ≥ log p(x given z_q) + log p(z_q) | section 8, all 81 fields | `bounds.two_stage_bound_nats` |
# | VQ-VAE, sec. 3.3 | an autoregressive prior over the codes, trained after the VQ-VAE | sections 4, 7 | `GatedPixelCNN`, `recipes.train_prior` |
# | VQ-VAE, sec. 3.3 | ancestral sampling: codes first, then the decoder | section 5 | `TwoStageModel.sample` |
# | Gated PixelCNN, eq. 4 | the class in every gate | section 5, a row for each class | `GatedPixelCNN(n_classes=...)` |
# | Gated PixelCNN, eq. 1 | p(lower part given upper part) | section 6 | `sampling.sample(known=...)` |
# | Precision and recall, eqs. 1, 2 | balls to the k-th nearest fellow | section 10 | `sample_quality.precision_and_recall` |
#
# Next: chapter 15 leaves images. The same quantizer over sound (one dimension) and video (three),
# and the same two stages.
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila: *Improved Precision and Recall
#    Metric for Assessing Generative Models*, 2019, arXiv 1904.06991.
# 4. H. Xiao, K. Rasul, R. Vollgraf: *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
#    Learning Algorithms*, 2017, arXiv 1708.07747.
