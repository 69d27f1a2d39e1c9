# %% [markdown]
# # 12 · Training a VQ-VAE: stage one in earnest
#
# [← 11 · KL is log K](11_kl_is_log_k.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [13 · Two-stage generation →](13_two_stage_generation.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/12_training_a_vqvae.ipynb)
#
# The parts are all there: a codebook (chapter 10), a loss of three terms, an account in bits
# (chapter 11). Now they are trained together, for as long as it takes, and watched: what the codes
# become, whether all of them work, and what an image costs.
#
# **By the end you will have**
#
# - trained a VQ-VAE of real garments, and watched it learn, in curves and in pictures;
# - measured it: error, usage over time, compression in bits beside PNG and zlib, and what K, D and
#   beta change;
# - seen it fail: codes that die, a single code that takes all, a learning rate that is too high.
#
# **You need** chapters 10 (codebook, straight-through, restarts) and 11 (the rate of the codes).
#
# **Time** about an hour of reading and exercises; running everything takes about five minutes on a
# laptop with two cores. The `gpu` profile trains a wider model on the full training
# set.

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
from tutorial_lib.exercises import ch12


@dataclass
class Settings:
    dataset: str
    n_train: int  # images
    n_test: int
    epochs: int
    batch_size: int
    n_codes: int  # K
    code_dim: int  # D
    n_channels: int
    small_train: int  # images for each small run
    small_epochs: int
    sweep_epochs: int
    precision: str = profiles.fast_precision()


settings = profiles.choose(
    smoke=Settings("fashion-mnist-sample", 512, 128, 2, 32, 32, 8, 16, 256, 2, 1),
    laptop=Settings("fashion-mnist-sample", 9000, 2000, 6, 32, 128, 32, 64, 2048, 10, 4),
    gpu=Settings("fashion-mnist", 55000, 10000, 20, 128, 512, 64, 128, 8192, 10, 4),
)
settings

# %% [markdown]
# ## Where this ends
#
# *Original, reconstruction, index map.* The weights come with the package and were trained for
# longer than a notebook should take (`results/` says how long, and how). The middle row was made
# from the bottom row alone: 49 numbers for each image.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images, show_reconstructions
from tutorial_lib.recipes import load_pretrained


@torch.inference_mode()
def look(model, levels):
    """The images in [0, 1], the decoder's mean images, and the codes: all that was kept."""
    codes, pictures = [], []
    for part in levels.long().split(256):
        codes.append(model.encode_indices(part.to(next(model.parameters()).device)))
        pictures.append(model.picture(model.decode_indices(codes[-1])).cpu())
    return levels / (model.n_levels - 1), torch.cat(pictures), torch.cat(codes).cpu()


sample = data.load("fashion-mnist-sample").with_n_levels(16).test
shipped = load_pretrained("two-stage-fashion-mnist-16").vqvae.to(profiles.device())
one_of_each = torch.stack([sample.levels[sample.labels == k][0] for k in range(8)])
show_reconstructions(*look(shipped, one_of_each), shipped.n_codes);

# %% [markdown]
# The cut and the shading come back, print and weave do not. A colour in the bottom row is the name
# of a code; equal colours are equal codes, and near colours mean nothing.
#
# Garments have 16 grey levels, as on the bill of chapter 11, so that all numbers can be compared.

# %%
from tutorial_lib.data import DataUnavailable

device = profiles.device()
try:
    garments = data.load(settings.dataset).with_n_levels(16)
except (
    DataUnavailable
) as error:  # no network: the sample has the same kind of images, fewer of them
    print(error)
    garments = data.load("fashion-mnist-sample").with_n_levels(16)
n_train = min(settings.n_train, len(garments.train))
train = garments.train.subset(n_train)
held_out = garments.valid.subset(min(settings.n_test, len(garments.valid)))
test = garments.test.subset(min(settings.n_test, len(garments.test)))
print(f"{len(train)} training, {len(held_out)} held-out and {len(test)} test images")

# %% [markdown]
# ## 1 · What is there to gain?
#
# A code is the number of a row in a table. Before any training, count what naming rows costs, and
# what it saves.
#
# ### Exercise 12.1

# %%
ch12.compression.card()


# %%
def compression(
    image_shape: tuple[int, ...],
    n_levels: int,
    latent_shape: tuple[int, ...],
    n_codes: int,
    code_dim: int,
) -> tuple[float, float, float]:
    """What an image costs as levels, what it costs as codes, and how many times less that is.

    image_shape   (C, H, W); each of its sub-pixels has one of n_levels L levels, all equally likely
    latent_shape  of the field of codes: one, two or three sides
    n_codes       K, all equally likely; K need not be a power of 2
    code_dim      D, the length of a code vector. Sender and receiver both hold the codebook
    returns       (raw_bits, code_bits, ratio): bits per image, bits per image, raw over codes

    By hand: (1, 8, 8) with 4 levels is 64 numbers of 2 bits, 128 bits. A field (2, 2) of 16 codes
             is 4 numbers of 4 bits, 16 bits. The ratio is 8, whatever D is
    """
    ____


compression = ch12.compression.check(compression)

# %% tags=["nbval-check-output"]
print("image            levels  field      K     raw bits  code bits  ratio")
for image, n_levels, field, K in [
    ((1, 28, 28), 256, (7, 7), 128),
    ((1, 28, 28), 16, (7, 7), 128),
    ((1, 28, 28), 16, (7, 7), 512),
    ((3, 128, 128), 256, (32, 32), 512),
]:
    raw, coded, ratio = compression(image, n_levels, field, K, 64)
    print(f"{image!s:16} {n_levels:6}  {field!s:9} {K:4}  {raw:9.0f}  {coded:9.0f}  {ratio:5.1f}")

# %% [markdown]
# The last row is the paper's model of ImageNet (section 4.2, which cuts 42.67 off at 42.6). For our
# garments the factor is smaller, because 16 levels are few to begin with. K costs little: four
# times as many codes are two bits more for each position.
#
# Is nine times good? Two programs that every computer has make the same images smaller too.
#
# > **Predict.** Which takes fewer bits for a garment, PNG or the codes? And whom does that
# > comparison flatter?
# > <details><summary>A way to think about it</summary>From a PNG file every pixel comes back as it
# > was. What comes back from 49 codes?</details>

# %%
import io
import zlib

import matplotlib.pyplot as plt
from PIL import Image


def png_bits(image):
    """Bits of a PNG file of one image (1, H, W) of 16 levels."""
    file = io.BytesIO()
    Image.fromarray((17 * image[0]).to(torch.uint8).numpy()).save(file, "PNG", optimize=True)
    return 8 * len(file.getvalue())


def zlib_bits(image):
    """Bits of its levels packed by zlib, the compressor inside PNG, without a file around it."""
    return 8 * len(zlib.compress(image.to(torch.uint8).numpy().tobytes(), 9))


raw_bits, code_bits, _ = compression((1, 28, 28), 16, (7, 7), 128, 32)
sizes = {"levels, raw": raw_bits}
for name, bits in {"PNG": png_bits, "zlib": zlib_bits}.items():
    sizes[name] = sum(map(bits, test.levels)) / len(test)
black = png_bits(torch.zeros(1, 28, 28))
print(f"of a PNG file, {black} bits are there even for a black image")

# %%
figure, ax = plt.subplots(figsize=(6, 1.9), layout="tight")
names, values = [*sizes, "49 codes"], [*sizes.values(), code_bits]
ax.barh(names, values, color=["#3b76af"] * 3 + ["#e6a04c"])
for y, value in enumerate(values):
    ax.text(value, y, f" {value:.0f} bits, raw / {raw_bits / value:.1f}", va="center")
ax.set(xlabel="bits per image", xlim=(0, 1.5 * raw_bits))
ax.grid(axis="y", visible=False)
ax.invert_yaxis();

# %% [markdown]
# The codes win by far, and the comparison is unfair: blue bars bring back every pixel, the orange
# one brings back *something like* the garment. Two honest questions follow. How much is lost
# (section 4)? And what does it cost to send the rest as well (section 6)?
#
# ## 2 · What is trained
#
# Where do the numbers of this model live, and who changes them?

# %%
from tutorial_lib.codes import VQVAE


def new_model(seed=0, **changes):
    """An untrained VQVAE of this chapter's settings, with some of them changed."""
    torch.manual_seed(seed)
    chosen = {
        "n_codes": settings.n_codes,
        "code_dim": settings.code_dim,
        "n_channels": settings.n_channels,
        **changes,
    }
    return VQVAE(in_channels=1, n_levels=16, **chosen).to(device)


fresh_vqvae = new_model()
print("part       trained by the optimiser   moved by itself")
for name in ("encoder", "quantizer", "decoder"):
    part = getattr(fresh_vqvae, name)
    n_parameters = sum(p.numel() for p in part.parameters())
    stored = sum(b.numel() for b in part.state_dict().values() if b.is_floating_point())
    print(f"{name:10} {n_parameters:24,}   {stored - n_parameters:15,}")

# %% [markdown]
# The codebook is no parameter here. It moves by online k-means (equations 6 to 8 in the paper's
# appendix A.1), so the optimiser has never heard of it; its codes, counts and sums are *buffers*.
# Keep that in mind when you save a model: whoever saves `parameters()` saves a model without a codebook.
#
# The step is equation 3. In nats per *dimension*, so that beta means the same for every image size:

# %%
from tutorial_lib.pixels import bits_per_dim


def stage_one(model, levels):
    """Equation 3 for a batch, and what is worth watching."""
    out = model(levels.long())
    quantized, n_dims = out.quantized, levels[0].numel()
    beta = model.quantizer.commitment_weight
    decoder = out.nll_nats.mean() / n_dims
    return {
        "loss": decoder + quantized.codebook_loss + beta * quantized.commitment_loss,
        "decoder bits/dim": bits_per_dim(out.nll_nats.mean(), n_dims),
        "commitment": quantized.commitment_loss,
    }


fresh_vqvae = new_model()  # a forward pass in training moves its codebook
batch = train.levels[: settings.batch_size].to(device)
{name: round(value.item(), 3) for name, value in stage_one(fresh_vqvae, batch).items()}

# %% [markdown]
# An untrained decoder costs about log2 16 = 4 bits/dim, as it should: it knows nothing. The loss is
# smaller than its first term because it is in nats, and the other in bits: multiply by log 2, then
# add beta times the commitment. (The
# codebook term is 0, because the averages do its work.)
#
# ### A wrong way: the mean over everything
#
# Equation 3 has a squared *norm*: the squares are summed over the D numbers of a vector, and the
# mean is taken over positions. `F.mse_loss` takes the mean over everything. The code runs, the loss
# falls, and beta is no longer what you wrote:

# %% tags=["nbval-check-output"]
from torch.nn import functional as F

torch.manual_seed(0)
random_z_e, random_z_q = torch.randn(16, 32, 7, 7), torch.randn(16, 32, 7, 7)
norm = (random_z_e - random_z_q).square().sum(dim=1).mean()
mean = F.mse_loss(random_z_e, random_z_q)
print(f"squared norm over mean of squares: {norm / mean:.1f}, for D = 32")
print(f"beta = 0.25 times the mean is beta = {0.25 * mean / norm:.4f} times the norm")

# %% [markdown]
# Neither is forbidden. But two papers that both say "beta = 0.25" may differ by the factor D, and
# a sweep over D then changes beta in silence. The same holds for the first term: summed over 784
# pixels or averaged over them, it differs by 784. Write down which.
#
# ### How fast to learn, and when
#
# At first the codes lie where the first batch happened to be and the gradients are large; at the
# end the weights should settle. So the learning rate rises over a few steps, then falls to 0.
#
# ### Exercise 12.2

# %%
ch12.learning_rate.card()


# %%
def learning_rate(step: int, n_steps: int, peak: float, n_warm: int) -> float:
    """The rate of one step: a line up to the peak, then a line down towards 0.

    step     0 .. n_steps - 1
    n_warm   1 .. n_steps - 1: the first n_warm steps rise evenly; the last of them has the peak
    returns  after them, the rate falls evenly from the peak, which step n_warm has as well, so that
             step n_steps, the first that is *not* taken, would have 0

    By hand: peak 1, n_steps 6, n_warm 2 gives 1/2, 1, 1, 3/4, 1/2, 1/4
    """
    ____


learning_rate = ch12.learning_rate.check(learning_rate)

# %%
from tutorial_lib.training import FitConfig, learning_rate_at

config = FitConfig(
    epochs=settings.epochs,
    batch_size=settings.batch_size,
    learning_rate=2e-3,
    precision=settings.precision,
)
n_steps = config.epochs * (n_train // config.batch_size)
n_warm = max(1, round(config.warmup * n_steps))
rates = [learning_rate(step, n_steps, config.learning_rate, n_warm) for step in range(n_steps)]
figure, ax = plt.subplots(figsize=(6, 2), layout="tight")
ax.plot(rates, color="#3b76af")
ax.set(xlabel="step", ylabel="learning rate")
agrees = all(abs(rates[i] - learning_rate_at(i, n_steps, config)) < 1e-12 for i in range(n_steps))
print(f"{n_steps} steps, {n_warm} of them warm-up; agrees with the library: {agrees}")

# %% [markdown]
# ## 3 · The long run
#
# This training takes minutes, so it shows what it does: after every few steps `fit` calls whatever it
# was given as `watch` with the history so far. Such a function can draw. A thousand lines of output
# are no dashboard; the trick is *one* output that is replaced:

# %%
from IPython.display import display

shown = display({"text/plain": "step 0"}, raw=True, display_id=True)
for step in range(1, 1001):
    shown.update({"text/plain": f"step {step}"}, raw=True)

# %% [markdown]
# A thousand updates, one line. The library's `Dashboard` does the same with a figure: the curves so
# far and, below them, whatever pictures it is given. Here: eight held-out garments and, below each,
# what comes back.

# %%
from tutorial_lib.notebook import Dashboard


def pictures():
    """Eight garments, and the same from their codes, by the model as it is at this moment."""
    return torch.cat(look(vqvae, held_out.levels[:8])[:2])


dashboard = Dashboard(metrics=["decoder bits/dim"], pictures=pictures)

# %% [markdown]
# And it may be cut: a lid is closed, Colab disconnects, somebody stumbles over a cable. So the run
# keeps its state in a folder (`out`), and a second call goes on from there. The stop button ends the
# training after the step at hand. What such a file has to hold, and how to see that nothing is
# missing, is a section of [17 · Training at scale](17_training_at_scale.ipynb).
#
# <details><summary>On a machine that may be taken away, such as Colab's: keep the run</summary>
#
# The run outlasts the kernel only if you say where. Put these lines into a cell of their own at
# the top of the notebook, then *Run All*:
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
import tempfile
from pathlib import Path

from tutorial_lib.files import kept_run

runs = tempfile.TemporaryDirectory()  # gone when the kernel ends; TUTORIAL_RUNS_DIR stays
out = (kept_run("chapter-12") or Path(runs.name)) / "garments"

# %% tags=["nbval-ignore-output"]
from tutorial_lib.training import fit

vqvae = new_model()
history = fit(
    vqvae,
    stage_one,
    (train.levels,),
    config,
    valid=(held_out.levels,),
    out=out,
    watch=dashboard,
    progress=False,
)
print(f"step {history.step} of {history.n_steps} in {history.seconds / 60:.1f} minutes in all")

# %% [markdown]
# (A lone spike at the end of an epoch is no accident. A row is the mean since the row before; one that
# an epoch's end cuts short holds a few batches, and they may be hard ones.)
#
# ## 4 · Reading the run

# %%
from tutorial_lib.notebook import show_curves

show_curves(
    {
        "training": (
            [row["epoch"] for row in history.rows],
            [row["decoder bits/dim"] for row in history.rows],
        ),
        "held-out": (
            [row["epoch"] for row in history.valid_rows],
            [row["valid decoder bits/dim"] for row in history.valid_rows],
        ),
    },
    xlabel="epoch",
    ylabel="decoder term (bits/dim)",
);

# %% [markdown]
# A steep fall, then a long slope. The dots of the held-out images lie near the curve: in a few
# epochs a small model learns little by heart. The codes would not prevent it. 13 bits number 8192
# images, and an image has hundreds.
#
# Bits/dim are the currency, but the eye asks: how like is it? The plain squared error depends on
# how bright the images are. So give it a scale that means something.
#
# ### Exercise 12.3

# %%
ch12.normalized_mse.card()


# %%
def normalized_mse(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """Squared error of the reconstructions, as a share of that of the best constant answer.

    x, reconstruction  (N, C, H, W), floating point: a whole set of images and what came out
    returns            one number: 0 if all is right, 1 for somebody who answers every image with
                       the mean image of x, pixel by pixel. Above 1 is worse than that

    By hand: two images of two pixels, [0, 6] and [4, 6]. Their mean image is [2, 6], its squared
             error 4 + 0 + 4 + 0 = 8. The reconstructions [1, 6] and [4, 7] have 1 + 0 + 0 + 1 = 2.
             The result is 2 / 8 = 0.25
    """
    ____


normalized_mse = ch12.normalized_mse.check(normalized_mse)

# %%
x, decoded, codes = look(vqvae, held_out.levels)
answers = {
    "the mean image": x.mean(dim=0).expand_as(x),
    "4×4 blocks of their mean": F.interpolate(F.avg_pool2d(x, 4), scale_factor=4),
    "our VQ-VAE": decoded,
    "an untrained VQ-VAE": look(new_model(), held_out.levels)[1],
}
for name, answer in answers.items():
    print(f"{name:26} {normalized_mse(x, answer).item():.3f}")

# %% [markdown]
# The second line keeps 49 *exact* means, one for each place that has a code. Such a mean is a sum
# of 16 levels, 0 to 240, so naming it takes log2 241, about 8 bits: no less than a code of 128. For
# about the same price a code says more: a block's edges and direction, read together with its
# neighbours. The last line is above 1: a decoder that has learned nothing answers mid-grey
# everywhere, and garments lie on black.
#
# Which garments come through well, and which badly? The best four and the worst four of the
# held-out images, by their own squared error:

# %%
error = (x - decoded).square().flatten(1).sum(dim=1)
order = error.argsort()
picked = torch.cat([order[:4], order[-4:]])
axes = show_reconstructions(x[picked], decoded[picked], codes[picked], vqvae.n_codes)
for ax, i in zip(axes[0], picked, strict=True):
    ax.set_title(f"{error[i]:.1f}", fontsize=9)

# %% [markdown]
# On the left smooth shapes, on the right prints, stripes and weave: detail inside a 4×4 block that
# none of the codes stands for. Look at the empty corners of the index maps: even there the codes
# may differ, because the encoder sees beyond its block and the decoder reads neighbours together.
#
# ### Are all codes at work?
#
# Perplexity is exp(entropy) of the usage, and belongs to a *set* of images. Averaged over batches
# it says something else:

# %%
from tutorial_lib.codes import code_counts, perplexity
from tutorial_lib.notebook import show_usage

counts = code_counts(codes, vqvae.n_codes)
of_all = perplexity(counts).item()
for size in (8, 64):
    each = [perplexity(code_counts(part, vqvae.n_codes)) for part in codes.split(size)]
    print(f"mean over batches of {size:2}: {torch.stack(each).mean():6.1f}")
print(f"the whole held-out set:   {of_all:6.1f}")
show_usage(counts, of_all);

# %% [markdown]
# The mean over batches is another number, and depends on the size of a batch: eight images show few
# kinds of patches, so here it comes out smaller. (Not always: a batch that uses one code and a
# batch that uses 100 alike have the mean 50.5, and both together about 19.) Quote the number of the
# whole set.
#
# Some codes are used many times as often as others, so the perplexity is well below K although
# hardly a code may be idle. (A code that is used evenly *over images* can still be predictable from
# its neighbours; that is what chapter 13 lives on.)
#
# ### Usage over time, and how a codebook is lost
#
# `restart_dead_codes` does two things: the codes *begin* on vectors of the first batch, and a code
# that hardly anybody chooses is moved onto a vector of the present batch. What does that bring?
# Small models, the same data, one difference each; `watch` looks at the held-out codes as they
# train.

# %%
from contextlib import suppress
from dataclasses import replace

from tutorial_lib.recipes import extract_codes

small = {"n_codes": 32, "code_dim": 16, "n_channels": 16, "n_blocks": 1}
small_data = (train.levels[: settings.small_train],)
small_config = replace(config, epochs=2, seed=3, batch_size=32)


def usage_over_time(model, learning_rate=2e-3):
    """Train a small model; a list of (step, codes in use, perplexity), on held-out images."""
    seen = []

    def watch(history):
        with suppress(ValueError):  # a model whose numbers have overflowed has no codes
            counts = code_counts(extract_codes(model, held_out.levels[:200]), model.n_codes)
            seen.append((history.step, (counts > 0).sum().item(), perplexity(counts).item()))

    config = replace(small_config, epochs=settings.small_epochs, learning_rate=learning_rate)
    fit(model, stage_one, small_data, config, watch=watch, log_every=16, progress=False)
    return seen


# %%
wider = {**small, "n_codes": 64}
far = new_model(restart_dead_codes=False, **wider)
far.quantizer.codebook.mul_(20)  # on purpose: far from where the encoder's vectors are
far.quantizer.sums.mul_(20)
cases = {
    "start on data, restarts": new_model(**wider),
    "start at random, no restarts": new_model(restart_dead_codes=False, **wider),
    "start far away, no restarts": far,
}
usage = {name: usage_over_time(model) for name, model in cases.items()}
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained", sharex=True)
for name, seen in usage.items():
    steps, in_use, perplexities = zip(*seen, strict=True)
    axes[0].plot(steps, in_use, label=name)
    axes[1].plot(steps, perplexities, label=name)
axes[0].set(xlabel="step", ylabel=f"codes in use, of {wider['n_codes']}", ylim=(0, 66))
axes[1].set(xlabel="step", ylabel="perplexity", ylim=(0, None))
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3);

# %% [markdown]
# A code that no vector chooses gets no vectors, so it never moves, so no vector chooses it. Nothing
# in the loss complains: without restarts the few codes that were nearest at the beginning take all.
# Started far away, *one* code takes all. (With restarts there can be a dip in the first steps, when
# the encoder changes faster than the averages follow. It passes.)
#
# What comes of it? With a single code the decoder sees the same field for every image:

# %%
x_few, *_ = look(far, held_out.levels[:8])
few = {"original": x_few}
for name, model in cases.items():
    decoded_small = look(model, held_out.levels)[1]
    few[name.replace(", ", ",\n")] = decoded_small[:8]
    print(f"{name:30} normalised MSE {normalized_mse(x, decoded_small).item():.3f}")
show_images(torch.cat(list(few.values())), n_columns=8, row_labels=list(few));

# %% [markdown]
# The last row is the mean image, eight times, and the error is about 1: that is what 1 means. If a
# VQ-VAE of yours answers everything with the same blur, look at the perplexity first. (The models
# of the other rows are small and trained briefly: compare the rows with each other, not with the
# long run.)
#
# ### The learning rate is too high
#
# > **Predict.** The gradients are clipped to a norm of 1, and Adam divides by their size anyhow.
# > Can a learning rate still be too high?
# > <details><summary>A way to think about it</summary>
# >
# > By how much does Adam move *each* weight in a step?
# >
# > </details>

# %%
from tutorial_lib.training import TrainingDiverged

for rate in (0.3, 1000.0):
    try:
        seen = usage_over_time(new_model(**wider), learning_rate=rate)
        print(f"rate {rate}: perplexity {seen[-1][2]:.1f} of {wider['n_codes']} at the end")
    except TrainingDiverged as error:
        print(f"rate {rate}: TrainingDiverged: {error}")

# %% [markdown]
# Adam moves every weight by about the rate, whatever the gradient. A rate of 1000 throws weights of
# size 0.1 out of all bounds, layer upon layer, and soon a number overflows. `fit` looks at the loss
# at every row of the history, stops with the step, the rate *at that step* and what to try, and
# never overwrites a good checkpoint with broken weights.
#
# The other rate is the more dangerous one. It raises nothing. Only the perplexity says that the
# codes are gone.
#
# ## 5 · K, D and beta
#
# How much do the three choices matter? A small sweep: one number changes, the rest stays. To know
# which differences mean something, the model in the middle is trained with three seeds.

# %%
from tutorial_lib.training import evaluate

middle = {"n_codes": 32, "code_dim": 16, "commitment_weight": 0.25}
sweep_train = (train.levels[: 2 * settings.small_train],)
sweep_config = replace(config, epochs=settings.sweep_epochs, batch_size=32)


def sweep_run(seed=0, **changes):
    """Train one small model; its held-out decoder bits/dim, rate, perplexity."""
    model = new_model(seed, n_channels=32, n_blocks=1, **{**middle, **changes})
    fit(model, stage_one, sweep_train, replace(sweep_config, seed=seed), progress=False)
    counts = code_counts(extract_codes(model, held_out.levels), model.n_codes)
    rate = compression((1, 28, 28), 16, (7, 7), model.n_codes, model.quantizer.code_dim)[1] / 784
    decoder = evaluate(model, stage_one, (held_out.levels,))["decoder bits/dim"]
    return {"decoder": decoder, "rate": rate, "perplexity": perplexity(counts).item()}


# %%
seeds = [sweep_run(seed) for seed in range(3)]
sweep = {
    "n_codes": {8: None, 32: seeds[0], 128: None, 512: None},
    "code_dim": {2: None, 16: seeds[0], 64: None},
    "commitment_weight": {0.05: None, 0.25: seeds[0], 1.0: None, 4.0: None},
}
for name, values in sweep.items():
    for value in values:
        values[value] = values[value] or sweep_run(**{name: value})
totals = [each["decoder"] + each["rate"] for each in seeds]
print(f"three seeds: total {min(totals):.3f} to {max(totals):.3f} bits/dim")

# %%
figure, axes = plt.subplots(2, 3, figsize=(7, 4), layout="constrained", sharey="row")
titles = {"n_codes": "K", "code_dim": "D", "commitment_weight": "beta"}
for column, (name, values) in zip(axes.T, sweep.items(), strict=True):
    places, decoder = range(len(values)), [each["decoder"] for each in values.values()]
    column[0].bar(places, decoder, color="#3b76af", label="decoder term")
    rates = [each["rate"] for each in values.values()]
    column[0].bar(places, rates, bottom=decoder, color="#e6a04c", label="rate of the codes")
    column[0].axhspan(min(totals), max(totals), color="#888888", alpha=0.4)
    column[1].plot(places, [each["perplexity"] for each in values.values()], "o-")
    column[1].set(xlabel=titles[name], xticks=places, xticklabels=list(values))
    column[0].set(xticks=places, xticklabels=[])
axes[0, 0].set(ylabel="bits/dim")
axes[1, 0].set(ylabel="perplexity", yscale="log")
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2);

# %% [markdown]
# The grey band is what the seed alone changes. Differences inside it mean nothing. What to look for
# outside of it:
#
# - **K** raises the rate for certain. The decoder term falls in return only if the run is long
#   enough to make use of the codes; perplexity shows how many are at work.
# - **D** costs no bits at all. It gives the codes room, and few dimensions can be enough, since
#   codes need only lie apart.
# - **beta** hardly matters over a wide range (the paper, section 3.2, saw no difference from 0.1 to
#   2.0). Too large a one holds the encoder to the codes it has, so that its vectors cannot spread
#   and few codes are left: see the perplexity. How large is too large depends on how the first term
#   is counted, as in section 2.
#
# A sweep of single runs is a hint. Before you believe a small difference, give *each* setting
# several seeds, and train as long as you mean to.
#
# ## 6 · The bill
#
# Test images, the long run and the shipped weights: what do the codes alone cost, and what does it
# cost to bring every pixel back?
#
# > **Predict.** To send a garment *exactly*, one sends the codes, and then every pixel under the
# > decoder's p(x given z). Will that take fewer bits than zlib?
# > <details><summary>A way to think about it</summary>The decoder knows the shape, but treats the
# > 784 pixels as independent once the codes are known. zlib knows no garment, but copies
# > whatever stood there before, in this row or an earlier one.</details>

# %%
bill = {}
for name, model in {"this notebook": vqvae, "shipped weights": shipped}.items():
    decoder = evaluate(model, stage_one, (test.levels,))["decoder bits/dim"]
    _, index_bits, ratio = compression(
        (1, 28, 28), 16, (7, 7), model.n_codes, model.quantizer.code_dim
    )
    bill[name] = decoder, index_bits / 784
    print(f"{name}: codes alone {index_bits:.0f} bits per image, {ratio:.1f} times fewer than raw")
    print(f"  with every pixel: {784 * decoder:.0f} + {index_bits:.0f} bits per image", end=" = ")
    print(f"{decoder:.3f} + {index_bits / 784:.3f} = {sum(bill[name]):.3f} bits/dim")

# %%
figure, ax = plt.subplots(figsize=(6.5, 2.5), layout="tight")
for name, bits in sizes.items():
    ax.barh(name, bits / 784, color="#888888")
for name, (decoder, rate) in bill.items():
    labels = ("decoder term", "rate of the codes") if name == "this notebook" else (None, None)
    ax.barh(name, decoder, color="#3b76af", label=labels[0])
    ax.barh(name, rate, left=decoder, color="#e6a04c", label=labels[1])
ax.set(xlabel="bits/dim, every pixel brought back", xlim=(0, 4.2))
ax.grid(axis="y", visible=False)
ax.invert_yaxis()
ax.legend(fontsize=8, loc="lower right");

# %% [markdown]
# Now all bars bring back every pixel. The codes, the little orange piece, carry the garment; the
# blue part is grain, pixels that a decoder without memory has to pay for one by one. Even so the
# sum comes out below zlib after a few minutes of training (not under the smoke profile, which
# learns next to nothing): knowing garments is worth more than copying from what came before.
# The model itself is not in the bill. It is sent once, for all images.
#
# A gated PixelCNN on the pixels, chapter 04, does both and comes to about one bit/dim (README,
# table of results). What the VQ-VAE has in its place is the orange piece: 49 numbers that keep the
# garment, and that chapter 13 can model in a fraction of the time.

# %%
ch12.progress()

# %% [markdown]
# > **In words.** A colleague's VQ-VAE uses 9 codes of 512 and reconstructs quite well. "So 512 were
# > too many, we can do with 16." Right?
# > <details><summary>An answer</summary>Perhaps, but the usage does not show it. A code that never
# > got a vector never moved, so nine codes may say only where the codebook started. Restart dead
# > codes first, train again, then look at the decoder term for both K.</details>
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | eq. 3 | decoder, codebook and commitment terms | section 2, `stage_one` | `VQVAE.forward`, `recipes.vqvae_step` |
# | app. A.1, eqs. 6 to 8 | codes as running averages, moved without the optimiser | section 2 | `quantizer.VectorQuantizer` |
# | sec. 3.2 | beta from 0.1 to 2.0 makes no difference | section 5 | `VQVAE(commitment_weight=...)` |
# | sec. 4.2 | 128×128×3 images in 32×32 codes: 42.6 times fewer bits | section 1 | - |
# | not in the paper | usage over time, and what restarts bring | section 4 | `code_counts`, `perplexity` |
# | not in the paper | codes and every pixel on one bill, beside PNG and zlib | section 6 | - |
#
# Next: [13 · Two-stage generation](13_two_stage_generation.ipynb) freezes this model, writes every
# garment as its 49 codes, and learns to write new ones. Speed, checkpoints, precision and several
# GPUs: [17 · Training at scale](17_training_at_scale.ipynb).
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. D. P. Kingma, J. Ba: *Adam: A Method for Stochastic Optimization*, 2015, arXiv 1412.6980.
# 3. H. Xiao, K. Rasul, R. Vollgraf: *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
#    Learning Algorithms*, 2017, arXiv 1708.07747.
