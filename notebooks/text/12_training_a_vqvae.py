# %% [markdown]
# # 12 · Training a VQ-VAE: stage one in earnest
#
# [← 11 · KL is log K](11_kl_is_log_k.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [13 · Two-stage generation →](13_two_stage_generation.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/12_training_a_vqvae.ipynb)
#
# The parts are all there: a codebook (chapter 10), a loss of three terms, an account in bits
# (chapter 11). Now they become one model that is trained in earnest, watched, measured and broken.
#
# **By the end you will have**
#
# - a VQ-VAE, whole, in your own cells: encoder, decoder, training step; the library's gives the
#   same;
# - its error, its usage and its bits, beside PNG and zlib and beside a VAE, and what K, D and beta
#   change in the pictures;
# - three ways to lose a codebook, and a test of the claim in the paper's abstract.
#
# **You need** chapters 10 (codebook, straight-through, restarts) and 11 (the rate of the codes).
#
# **Time** about two hours: three exercises of about ten minutes, the rest reading. Running
# everything takes about four minutes on a laptop. The `gpu` profile trains a wider model on the
# full training set.

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
from tutorial_lib.exercises import ch12


@dataclass
class Settings:
    dataset: str
    n_train: int  # images
    n_test: int
    epochs: int  # of the long run
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
    laptop=Settings("fashion-mnist-sample", 9000, 1000, 4, 32, 128, 32, 64, 2048, 8, 3),
    gpu=Settings("fashion-mnist", 55000, 10000, 20, 128, 512, 64, 128, 8192, 10, 4),
)
settings

# %% [markdown]
# ## Where this ends
#
# *Original, reconstruction, index map.* The weights come with the package and were trained for
# longer than a notebook should take (`results/` says how). The middle row was made from the bottom
# row alone: 49 numbers for each image.

# %%
import math

import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images, show_reconstructions
from tutorial_lib.recipes import load_pretrained

device = profiles.device()


@torch.inference_mode()
def look(model, levels):
    """The images in [0, 1], the decoder's mean images, and the codes: all that was kept."""
    codes, pictures = [], []
    for part in levels.long().split(256):
        codes.append(model.encode_indices(part.to(device)))
        pictures.append(model.picture(model.decode_indices(codes[-1])).cpu())
    return levels / (model.n_levels - 1), torch.cat(pictures), torch.cat(codes).cpu()


sample = data.load("fashion-mnist-sample").with_n_levels(16).test
shipped = load_pretrained("two-stage-fashion-mnist-16").vqvae.to(device)
one_of_each = torch.stack([sample.levels[sample.labels == k][0] for k in range(8)])
show_reconstructions(*look(shipped, one_of_each), shipped.n_codes);

# %% [markdown]
# The cut and the shading come back, print and weave do not. A colour in the bottom row is the name
# of a code; near colours mean nothing. Garments have 16 grey levels, as on the bill of chapter 11.

# %%
from tutorial_lib.data import DataUnavailable

try:
    garments = data.load(settings.dataset).with_n_levels(16)
except DataUnavailable as error:  # no network: the sample has the same kind of images, fewer
    print(error)
    garments = data.load("fashion-mnist-sample").with_n_levels(16)
train = garments.train.subset(min(settings.n_train, len(garments.train)))
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

# %% jupyter={"source_hidden": true} cellView="form"
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
    ((1, 28, 28), 16, (7, 7), 128),
    ((1, 28, 28), 16, (7, 7), 512),
    ((3, 128, 128), 256, (32, 32), 512),
]:
    raw, coded, ratio = compression(image, n_levels, field, K, 64)
    print(f"{image!s:16} {n_levels:6}  {field!s:9} {K:4}  {raw:9.0f}  {coded:9.0f}  {ratio:5.1f}")

# %% [markdown]
# The last row is the paper's model of ImageNet (section 4.2, which says 42.6). For our garments the
# factor is smaller, because 16 levels are few to begin with. $K$ costs little: four times as many
# codes are two bits more for each position. Is nine times good? Two programs that every computer
# has make the same images smaller too.
#
# > **Predict.** Which takes fewer bits for a garment, PNG or the codes? Whom does that comparison
# > flatter?
# >
# > <details><summary>A way to think about it</summary>
# >
# > From a PNG file every pixel comes back as it was. What comes back from 49 codes?
# >
# > </details>

# %%
import io
import zlib

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
sizes |= {
    name: sum(map(bits, test.levels)) / len(test)
    for name, bits in (("PNG", png_bits), ("zlib", zlib_bits))
}
for name, bits in {**sizes, "49 codes of 128": code_bits}.items():
    print(f"{name:16} {bits:6.0f} bits per image, raw / {raw_bits / bits:.1f}")

# %% [markdown]
# The codes win by far, and the comparison is unfair: the others bring back every pixel, the codes
# *something like* the garment. Two honest questions follow. How much is lost (section 4)? And what
# does it cost to send the rest as well (section 7)?
#
# ## 2 · The model, whole
#
# This is the drawing of chapter 10, for the weights above. Now build the model: encoder, quantizer,
# decoder.

# %%
from tutorial_lib.notebook import diagrams

diagrams.vq_figure(shipped, one_of_each[7].long())

# %% [markdown]
# Encoder and decoder follow the paper (section 4.1): two convolutions of stride 2, which make each
# side four times shorter, residual blocks, and the same backwards. A 1×1 convolution brings the
# features to $D$ numbers.

# %%
from torch import nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """x + 1x1(ReLU(3x3(ReLU(x)))): (B, C, H, W) -> the same shape"""

    def __init__(self, n_channels):
        super().__init__()
        self.wide = nn.Conv2d(n_channels, n_channels // 2, 3, padding=1)
        self.pointwise = nn.Conv2d(n_channels // 2, n_channels, 1)

    def forward(self, x):
        return x + self.pointwise(F.relu(self.wide(F.relu(x))))


def encoder_of(n_channels, code_dim, n_blocks):
    """(B, 1, 28, 28) -> z_e (B, D, 7, 7)"""
    layers = []
    for inputs in (1, n_channels):
        layers += [nn.Conv2d(inputs, n_channels, 4, stride=2, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(n_channels, n_channels, 3, padding=1)]
    layers += [ResidualBlock(n_channels) for _ in range(n_blocks)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(n_channels, code_dim, 1))


def decoder_of(n_channels, code_dim, n_blocks, n_levels):
    """z_q (B, D, 7, 7) -> 16 logits for each pixel, (B, 16, 28, 28)"""
    layers = [nn.Conv2d(code_dim, n_channels, 3, padding=1)]
    layers += [ResidualBlock(n_channels) for _ in range(n_blocks)]
    for _ in range(2):
        up = nn.ConvTranspose2d(n_channels, n_channels, 4, stride=2, padding=1)
        layers += [nn.ReLU(), up]
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(n_channels, n_levels, 1))


# %%
x = torch.zeros(1, 1, 28, 28)
for network in (encoder_of(64, 32, 2), decoder_of(64, 32, 2, 16)):
    for layer in network:
        x = layer(x)
        if not isinstance(layer, nn.ReLU):
            print(f"{type(layer).__name__:16} -> {tuple(x.shape)}")
    print()

# %% [markdown]
# Between the two stands the quantizer of chapter 10. You held yours against the library's, so here
# is the library's: codes moved by averages, with starts and restarts.

# %%
from tutorial_lib.codes import VectorQuantizer


class VQVAE(nn.Module):
    """levels (B, 1, 28, 28) -> (logits (B, 16, 1, 28, 28), Quantized)"""

    def __init__(self, n_codes=128, code_dim=32, n_channels=64, n_blocks=2, restart=True):
        super().__init__()
        self.n_levels, self.n_codes = 16, n_codes
        self.encoder = encoder_of(n_channels, code_dim, n_blocks)
        options = {"update": "ema", "restart_dead_codes": restart}
        self.quantizer = VectorQuantizer(n_codes, code_dim, **options)
        self.decoder = decoder_of(n_channels, code_dim, n_blocks, self.n_levels)

    def encode(self, levels):
        return self.encoder(2 * levels / (self.n_levels - 1) - 1)  # from 0 .. 15 to -1 .. 1

    def decode(self, z_q):
        return self.decoder(z_q)[:, :, None]  # the third axis counts colours, here one

    def forward(self, levels):
        quantized = self.quantizer(self.encode(levels))
        return self.decode(quantized.z_q), quantized

    # What the codes are used for once the model is trained
    def encode_indices(self, levels):
        return self.quantizer(self.encode(levels)).indices

    def decode_indices(self, indices):
        return self.decode(self.quantizer.lookup(indices))

    def picture(self, logits):
        """The mean of p(x|z) at each pixel, in [0, 1]"""
        values = torch.linspace(0, 1, self.n_levels, device=logits.device)
        return torch.einsum("blchw,l->bchw", logits.softmax(dim=1), values)


# %% [markdown]
# That is all. Equation 3 is the training step. Its first term is $-\log p(x|z_q)$ in nats per
# *dimension*, so that $\beta$ means the same for every image size:

# %%
from tutorial_lib.pixels import nll_nats


def stage_one(model, levels, beta=0.25):
    """Equation 3 for a batch, and what is worth watching."""
    logits, quantized = model(levels.long())
    decoder = nll_nats(logits, levels.long()).mean() / levels[0].numel()
    loss = decoder + quantized.codebook_loss + beta * quantized.commitment_loss
    watched = {"decoder bits/dim": decoder / math.log(2), "commitment": quantized.commitment_loss}
    return {"loss": loss, **watched}


def new_model(seed=0, **changes):
    """An untrained model of this chapter's settings, with some of them changed."""
    torch.manual_seed(seed)
    sizes = {name: getattr(settings, name) for name in ("n_codes", "code_dim", "n_channels")}
    return VQVAE(**{**sizes, **changes}).to(device)


# %% [markdown]
# Put the library's weights into your model and compare on the same images. (In training each of the
# two starts its codes on vectors drawn at random, so the losses are the same but for a little.)

# %% tags=["held", "nbval-check-output"]
from tutorial_lib import codes as library_codes

mine = new_model(n_codes=32, code_dim=8, n_channels=16)
library = library_codes.VQVAE(in_channels=1, n_levels=16, n_codes=32, code_dim=8, n_channels=16)
mine.load_state_dict(library.to(device).state_dict())
levels = train.levels[:16].long().to(device)
theirs, step = library(levels), stage_one(mine, levels)
mine.load_state_dict(library.state_dict())  # a forward pass in training moves the codes
mine.eval(), library.eval()
print("same logits:", torch.allclose(mine(levels)[0], library(levels).decoded, atol=1e-4))
print("same codes:", torch.equal(mine.encode_indices(levels), library.encode_indices(levels)))
print("same loss:", torch.allclose(step["loss"], theirs.loss, atol=0.05))

# %% [markdown]
# Where do the numbers of this model live, and who changes them?

# %%
print("part       trained by the optimiser   moved by itself")
for name in ("encoder", "quantizer", "decoder"):
    part = getattr(new_model(), name)
    n_parameters = sum(p.numel() for p in part.parameters())
    stored = sum(b.numel() for b in part.state_dict().values() if b.is_floating_point())
    print(f"{name:10} {n_parameters:24,}   {stored - n_parameters:15,}")

# %% [markdown]
# The codebook is no parameter here: codes, counts and sums are *buffers*, and the optimiser does
# not know them. Whoever saves `parameters()` saves a model without a codebook.
#
# ### A wrong way: the mean over everything
#
# Equation 3 has a squared *norm*: the squares are summed over the D numbers of a vector, and the
# mean is taken over positions. `F.mse_loss` takes the mean over everything. The code runs, the loss
# falls, and beta is no longer what you wrote:

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
random_z_e, random_z_q = torch.randn(16, 32, 7, 7), torch.randn(16, 32, 7, 7)
norm = (random_z_e - random_z_q).square().sum(dim=1).mean()
mean = F.mse_loss(random_z_e, random_z_q)
print(f"squared norm over mean of squares: {norm / mean:.1f}, for D = 32")
print(f"beta = 0.25 times the mean is beta = {0.25 * mean / norm:.4f} times the norm")

# %% [markdown]
# Neither is forbidden. But two papers that both say "beta = 0.25" may differ by the factor D, and
# a sweep over D then changes beta as well. The same holds for the first term: summed over 784
# pixels or averaged over them, it differs by 784. Write down which.
#
# ### How fast to learn, and when
#
# At first the codes lie where the first batch happened to be and the gradients are large; at the
# end the weights should settle. So the learning rate rises over a few steps, then falls to 0.
#
# ### Exercise 12.2

# %% jupyter={"source_hidden": true} cellView="form"
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
import matplotlib.pyplot as plt

from tutorial_lib.training import FitConfig, learning_rate_at

config = FitConfig(
    epochs=settings.epochs,
    batch_size=settings.batch_size,
    learning_rate=2e-3,
    precision=settings.precision,
)
n_steps = config.epochs * (len(train) // config.batch_size)
n_warm = max(1, round(config.warmup * n_steps))
rates = [learning_rate(step, n_steps, config.learning_rate, n_warm) for step in range(n_steps)]
plt.subplots(figsize=(6, 1.8), layout="tight")[1].plot(rates)
plt.gca().set(xlabel="step", ylabel="learning rate")
agrees = all(abs(rates[i] - learning_rate_at(i, n_steps, config)) < 1e-12 for i in range(n_steps))
print(f"{n_steps} steps, {n_warm} of them warm-up; agrees with the library: {agrees}")

# %% [markdown]
# ## 3 · The long run
#
# This training takes a few minutes, so it shows what it does. `fit` is the loop of chapter 03. After
# every few steps it calls what it was given as `watch`. Here that is a `Dashboard`: the curve so far
# and, below it, eight held-out garments and what comes back from their codes.
#
# <details><summary>On a machine that may be taken away, such as Colab's: keep the run</summary>
#
# The run keeps its state in the folder `out`, and a second call goes on from there (how, and why
# nothing is lost, is a section of [17 · Training at scale](17_training_at_scale.ipynb)). The folder
# outlasts the kernel only if you say where. Put these lines into a cell of their own at the top of
# the notebook, then *Run All*:
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

# %% tags=["nbval-ignore-output"]
from tutorial_lib.files import kept_run
from tutorial_lib.notebook import Dashboard
from tutorial_lib.training import fit


def pictures():
    """Eight garments, and the same from their codes, by the model as it is at this moment."""
    return torch.cat(look(vqvae, held_out.levels[:8])[:2])


vqvae = new_model()
history = fit(
    vqvae,
    stage_one,
    (train.levels,),
    config,
    valid=(held_out.levels,),
    out=kept_run("chapter-12/garments"),  # None, if TUTORIAL_RUNS_DIR is not set
    watch=Dashboard(metrics=["decoder bits/dim"], pictures=pictures),
    progress=False,
)
print(f"step {history.step} of {history.n_steps} in {history.seconds / 60:.1f} minutes in all")

# %% [markdown]
# The cost falls steeply at first, then slowly. The dots of the held-out images lie near the curve:
# in a few epochs a small model learns little by heart. An untrained decoder starts near log2 16 = 4
# bits/dim, above the edge of the figure. (A lone spike is a row that an epoch's end cut short: the
# mean of a few batches, which may be hard ones.)
#
# ## 4 · Reading the run
#
# Bits/dim say what an image costs. How like the original is it? The plain squared error depends on
# how bright the images are, so give it a scale that means something.
#
# ### Exercise 12.3

# %% jupyter={"source_hidden": true} cellView="form"
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
vqvae.eval()
x, decoded, codes = look(vqvae, held_out.levels)
answers = {
    "the mean image": x.mean(dim=0).expand_as(x),
    "4×4 blocks of their mean": F.interpolate(F.avg_pool2d(x, 4), scale_factor=4),
    "our VQ-VAE": decoded,
    "an untrained VQ-VAE": look(new_model().eval(), held_out.levels)[1],
}
for name, answer in answers.items():
    print(f"{name:26} {normalized_mse(x, answer).item():.3f}")

# %% [markdown]
# The second line keeps 49 *exact* means, one for each place that has a code. Such a mean takes
# about 8 bits, and a code of 128 takes 7. For this price a code says more: with its neighbours, the
# edges of a block and their direction. The last line is above 1: a decoder that has learned nothing
# answers mid-grey everywhere, and garments lie on black.
#
# The best four and the worst four of the held-out images, by their own squared error:

# %%
error = (x - decoded).square().flatten(1).sum(dim=1)
order = error.argsort()
picked = torch.cat([order[:4], order[-4:]])
axes = show_reconstructions(x[picked], decoded[picked], codes[picked], vqvae.n_codes)
for ax, i in zip(axes[0], picked, strict=True):
    ax.set_title(f"{error[i]:.1f}", fontsize=9)

# %% [markdown]
# On the left are smooth garments. On the right are stripes, spots and prints: they have detail inside
# a 4×4 block that none of the codes stands for.
#
# ### Are all codes at work?

# %%
from tutorial_lib.codes import code_counts, perplexity
from tutorial_lib.notebook import show_usage

counts = code_counts(codes, vqvae.n_codes)
of_all = perplexity(counts).item()
for size in (8, 64):
    each = [perplexity(code_counts(part, vqvae.n_codes)) for part in codes.split(size)]
    print(f"mean perplexity of batches of {size:2}: {torch.stack(each).mean():6.1f}")
print(f"perplexity of the whole set:       {of_all:6.1f}")
show_usage(counts, of_all);

# %% [markdown]
# Perplexity belongs to a *set* of images. Eight images show few kinds of patches, so their number
# is smaller: quote that of the whole set. Some codes are used many times as often as others, so it
# is well below $K$ although hardly a code is idle.
#
# ## 5 · Three ways to lose a codebook
#
# Train small models on the same data, each with one mistake: codes that *start at random* and never
# restart; codes that *start far away* from the encoder's vectors and never restart; a *learning
# rate* of 0.3, with starts and restarts. `watch` counts the codes in use as they train.
#
# > **Predict.** Gradients are clipped to a norm of 1, and Adam divides by their size anyhow. Can a
# > learning rate still be too high?
# >
# > <details><summary>A way to think about it</summary>
# >
# > By how much does Adam move *each* weight in a step?
# >
# > </details>

# %%
from dataclasses import replace

small = {"n_codes": 64, "code_dim": 16, "n_channels": 16, "n_blocks": 1}
small_data = (train.levels[: settings.small_train],)


def usage_over_time(model, learning_rate=2e-3):
    """Train a small model; (step, codes in use, perplexity) of held-out images as it goes."""
    seen = []

    def watch(history):
        counts = code_counts(look(model, held_out.levels[:200])[2], model.n_codes)
        seen.append((history.step, (counts > 0).sum().item(), perplexity(counts).item()))

    changes = {"epochs": settings.small_epochs, "learning_rate": learning_rate, "batch_size": 32}
    how = replace(config, **changes)
    fit(model, stage_one, small_data, how, watch=watch, log_every=16, progress=False)
    return seen


far = new_model(restart=False, **small)
far.quantizer.set_codebook(20 * far.quantizer.codebook)
cases = {
    "starts and restarts": new_model(**small),
    "random start": new_model(restart=False, **small),
    "far-away start": far,
    "learning rate 0.3": new_model(**small),
}
usage = {
    name: usage_over_time(model, 0.3 if "0.3" in name else 2e-3) for name, model in cases.items()
}

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained", sharex=True)
for name, seen in usage.items():
    steps, in_use, perplexities = zip(*seen, strict=True)
    axes[0].plot(steps, in_use, label=name)
    axes[1].plot(steps, perplexities, label=name)
axes[0].set(xlabel="step", ylabel="codes in use, of 64", ylim=(0, 66))
axes[1].set(xlabel="step", ylabel="perplexity", ylim=(0, None))
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4);

# %%
from IPython.display import Markdown, display

x_few = look(far, held_out.levels[:8])[0]
few, table = (
    {"original": x_few},
    "| | codes in use | perplexity | normalised MSE |\n|---|---|---|---|\n",
)
for name, model in cases.items():
    answer = look(model.eval(), held_out.levels)[1]
    few[name.replace(" start", "\nstart").replace(" rate", "\nrate")] = answer[:8]
    _, in_use, p = usage[name][-1]
    table += f"| {name} | {in_use} | {p:.1f} | {normalized_mse(x, answer):.3f} |\n"
display(Markdown(table))
show_images(torch.cat(list(few.values())), n_columns=8, row_labels=list(few));

# %% [markdown]
# In all three a few codes take everything. Without restarts, a code that no vector chooses never
# moves. With the *random start* the few that were nearest in the first steps stay the only ones.
# With the *far-away start* it is a single one (its curve lies under the red one): every image has
# the same field, and the decoder answers with the mean image. That is what a normalised error of
# about 1 means. With the *learning rate* of 0.3 restarts do not help. Adam moves each weight by
# about 0.3 in a step, whatever the gradient, where weights have sizes near 0.1. The last ReLU of
# the encoder then gives 0 everywhere, and all vectors are the same: one code is enough. No error is
# raised.
#
# The random start is the hardest to notice: it uses a few codes of 64, and the error is not much
# worse. Why? With four codes, 49 positions can still say $4^{49}$ different things, and the decoder
# reads neighbouring codes together. In the pictures, four codes are enough to tell cloth from
# background and to draw the outline. So watch the perplexity, not the error.
#
# ## 6 · K, D and beta
#
# One number changes, the rest stays. To know which differences mean something, the model in the
# middle is trained with three seeds. Each run is billed twice: $\log_2 K$ bits for each code, and
# the entropy of the usage, $\log_2$ of the perplexity, which is what a prior pays that knows only
# how often each code occurs. (The learned prior of chapter 13 pays less than both.)

# %%
from tutorial_lib.training import evaluate

middle = {"n_codes": 32, "code_dim": 16}
sweep_train = (train.levels[: 2 * settings.small_train],)


def sweep_run(seed=0, beta=0.25, **changes):
    """Train one small model; bits/dim of held-out images, their error, and eight pictures."""
    model = new_model(seed, n_channels=32, n_blocks=1, **{**middle, **changes})
    how = replace(config, epochs=settings.sweep_epochs, batch_size=32, seed=seed)
    step = lambda model, levels: stage_one(model, levels, beta)  # noqa: E731
    fit(model, step, sweep_train, how, progress=False)
    answer, codes = look(model.eval(), held_out.levels)[1:]
    used = perplexity(code_counts(codes, model.n_codes)).item()
    return {
        "decoder": evaluate(model, step, (held_out.levels,))["decoder bits/dim"],
        "entropy": 49 * math.log2(used) / 784,
        "log K": 49 * math.log2(model.n_codes) / 784,
        "perplexity": used,
        "MSE": normalized_mse(x, answer).item(),
        "pictures": answer[:8],
    }


# %%
seeds = [sweep_run(seed) for seed in range(3)]
sweep = {
    "n_codes": {1: None, 4: None, 32: seeds[0], 256: None},
    "code_dim": {2: None, 16: seeds[0], 64: None},
    "beta": {0.01: None, 0.25: seeds[0], 2.0: None, 20.0: None},
}
for name, values in sweep.items():
    for value in values:
        values[value] = values[value] or sweep_run(**{name: value})
totals = [each["decoder"] + each["entropy"] for each in seeds]
print(f"three seeds: decoder + entropy {min(totals):.3f} to {max(totals):.3f} bits/dim")

# %%
figure, axes = plt.subplots(1, 3, figsize=(7, 2.8), layout="constrained", sharey=True)
titles = {"n_codes": "K", "code_dim": "D", "beta": "beta"}
for ax, (name, values) in zip(axes, sweep.items(), strict=True):
    places, runs = range(len(values)), list(values.values())
    decoder, entropy, full = ([r[key] for r in runs] for key in ("decoder", "entropy", "log K"))
    ax.bar(places, decoder, color="#3b76af", label="decoder term")
    ax.bar(places, entropy, bottom=decoder, color="#e6a04c", label="entropy of the codes")
    tops = [a + b for a, b in zip(decoder, full, strict=True)]
    ax.plot(places, tops, "_", ms=14, color="k", label="with log K in its place")
    ax.axhspan(min(totals), max(totals), color="#888888", alpha=0.4)
    ax.set(xlabel=titles[name], xticks=places, xticklabels=list(values))
axes[0].set_ylabel("bits/dim")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3);

# %%
table = (
    "| | normalised MSE | perplexity | decoder | + entropy | + log K |\n|---|---|---|---|---|---|\n"
)
for name, values in sweep.items():
    for value, r in values.items():
        sums = (r["decoder"], r["decoder"] + r["entropy"], r["decoder"] + r["log K"])
        bits = " | ".join(f"{bits:.3f}" for bits in sums)
        row = f"{titles[name]} = {value:g} | {r['MSE']:.3f} | {r['perplexity']:.1f}"
        table += f"| {row} | {bits} |\n"
display(Markdown(table))

# %%
rows = {"original": x[:8]}
for name in ("n_codes", "beta"):
    rows |= {f"{titles[name]} = {value:g}": r["pictures"] for value, r in sweep[name].items()}
show_images(torch.cat(list(rows.values())), n_columns=8, row_labels=list(rows));

# %% [markdown]
# The grey band is what the seed alone changes, and after so short a run it is wide. A difference
# inside it means nothing.
#
# - **K.** With one code the answer is the mean image. Four codes bring most of the gain: this is
#   the cheap error of section 5 again. From there on the decoder term still falls a little, but the
#   codes cost about as much as it saves, or more: the sums lie in the band. The rows of pictures
#   are hard to tell apart.
# - **D** costs no bits at all, and two numbers are enough here: codes need only lie apart.
# - **beta** makes no difference that is larger than the band from 0.01 to 2; the paper saw none
#   from 0.1 to 2.0 (section 3.2). At 20 the commitment outweighs the first term: hardly any codes
#   are used, and the mean image comes back.
#
# A sweep of single runs is a hint. Before you believe a small difference, give *each* setting
# several seeds, and train as long as you mean to.
#
# ## 7 · The bill
#
# To send a garment *exactly*, one sends the codes, and then every pixel under the decoder's
# $p(x|z)$.
#
# > **Predict.** Will that take fewer bits than zlib?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The decoder knows the shape, but treats the 784 pixels as independent once the codes are known.
# > zlib knows no garment, but copies whatever stood there before.
# >
# > </details>

# %%
bill = {}
for name, model in {"VQ-VAE, this notebook": vqvae, "VQ-VAE, shipped": shipped}.items():
    with torch.inference_mode():
        nats = [
            nll_nats(model.decode_indices(model.encode_indices(part)), part)
            for part in test.levels.long().to(device).split(250)
        ]
    decoder = torch.cat(nats).mean().item() / 784 / math.log(2)
    bill[name] = compression((1, 28, 28), 16, (7, 7), model.n_codes, 1)[1] / 784, decoder
table = "| | codes | + every pixel | = bits/dim |\n|---|---|---|---|\n"
for name, (rate, decoder) in bill.items():
    table += f"| {name} | {rate:.3f} | {decoder:.3f} | **{rate + decoder:.3f}** |\n"
for name, bits in sizes.items():
    table += f"| {name} | | | {bits / 784:.3f} |\n"
display(Markdown(table))

# %% [markdown]
# Now all rows bring back every pixel. The codes, the smaller number, carry the garment. The larger
# number is the fine grain: the decoder takes pixels to be independent and pays for each. Even so
# the sum comes out below zlib after a few minutes of training (not under the smoke profile). The
# model itself is sent once and is not in the bill.
#
# ### The plane of rate and distortion
#
# The two numbers of a row are a point in a plane: *rate*, what the code costs, and *distortion*,
# what the image costs once the code is known. Other models of this part are points in the same
# plane:
#
# - an **autoencoder** with 32 numbers (trained here). It has no prior, so its rate is what its code
#   takes in memory, 16 bits for each number;
# - the **VAE** of chapter 09, as shipped: rate is its KL;
# - a **collapsed VAE**. Chapter 09 saw what is left of a VAE whose decoder is a strong PixelCNN: the
#   PixelCNN, and a code that says nothing. So take the shipped PixelCNN of chapter 03, with rate 0.

# %%
from tutorial_lib.codes import Autoencoder

few_test = test.levels[:250].long().to(device)
torch.manual_seed(0)
autoencoder = Autoencoder(size=(28, 28), n_levels=16, code_dim=32).to(device)


def reconstruct(model, levels):
    nats = nll_nats(model(levels.long()), levels.long()).mean()
    return {"loss": nats / 784}


how = replace(config, batch_size=32, learning_rate=5e-3)
fit(autoencoder, reconstruct, sweep_train, how, progress=False)

# %%
vae = load_pretrained("vae-fashion-mnist").to(device)
pixelcnn = load_pretrained("pixelcnn-fashion-mnist").to(device)
with torch.inference_mode():
    code = autoencoder.encode(few_test).half().float()  # 16 bits a number
    terms = vae(few_test)
    rows = {
        "autoencoder": (32 * 16, nll_nats(autoencoder.decode(code), few_test)),
        "VAE": (terms.kl_nats.mean().item() / math.log(2), terms.decoder_nats),
        "collapsed": (0, nll_nats(pixelcnn(few_test), few_test)),
    }
points = {
    name: (rate / 784, nats.mean().item() / 784 / math.log(2))
    for name, (rate, nats) in rows.items()
}
diagrams.rate_distortion({**bill, **points})

# %% [markdown]
# Towards the lower left is better, and along a dashed line the sum is the same. The collapsed VAE
# has the smallest sum: nothing here describes garments in fewer bits than a PixelCNN without a
# code. So the bound by itself does not ask for one. A code, a short description that something else
# can use, costs part of the sum. The VAE pays for what its code says, the VQ-VAE $\log K$ whatever
# its codes say; the learned prior of chapter 13 moves it to the left. Nothing in its loss asked the
# autoencoder for short numbers, and it has no prior to draw new ones from.
#
# ## 8 · The claim of the abstract
#
# Chapter 09 ended with a far-sighted PixelCNN as the decoder of a Gaussian VAE, which then falls
# silent. The abstract of the VQ-VAE paper claims that a codebook circumvents this, "where the
# latents are ignored when they are paired with a powerful autoregressive decoder". Our VQ-VAE
# cannot test it: its pixels are independent given the codes. So the script
# `benchmarks/strong_decoder.py` did, once, and the next cell shows the stored result: chapter 09's
# garments and far-sighted PixelCNN, three seeds, the same number of steps for each kind of code.
# The codebook gives two codes of 32, so its rate is $2 \log 32 = 6.9$ nats. *Rate held* is a
# Gaussian that gains nothing by paying less than that. *Information* is how much the code tells
# about which image it came from. *Own code* and *wrong code* are the cost of the pixels, given the
# code of the image or of a different one. Means are followed by the lowest and highest of the
# seeds.

# %%
import json
from pathlib import Path
from statistics import mean

stored = Path("../benchmarks/results/strong_decoder.json")
if stored.exists():
    runs = json.loads(stored.read_text())["rows"]
    keys = ("rate", "information", "decoder", "shuffled")
    table = "| nats per image | rate | information | own code | wrong code | rate + own |\n"
    table += "|---|---|---|---|---|---|\n"
    for arm in dict.fromkeys(run["arm"] for run in runs):
        rows = [[run[key] for key in keys] for run in runs if run["arm"] == arm]
        columns = list(zip(*rows, strict=True))
        columns.append([row[0] + row[2] for row in rows])
        cells = [
            f"{mean(column):.1f} ({min(column):.1f} to {max(column):.1f})" for column in columns
        ]
        table += f"| {arm} | {' | '.join(cells)} |\n"
    display(Markdown(table))
else:
    print("see benchmarks/results/strong_decoder.json in the repository")

# %% [markdown]
# In this test the claim holds. The Gaussian trained on its bound keeps its rate and its information
# near 0, and a wrong code costs it little. The codebook says some five nats of the 6.9 that it
# costs. Its own code saves a few nats against the decoder with no code, and a wrong code costs
# dozens: this decoder uses its code.
#
# The third row says *why*. A Gaussian that cannot save its rate says as much, and its decoder gains
# more. So whole numbers are not needed to prevent the collapse. What both codes share is a rate
# that does not fall when the code says less. The last column shows the price: the two rows that say
# almost nothing have the best bounds. Here no code is worth its rate; a codebook only takes away
# the choice. (A prior that knows how often each pair of codes occurs would lower the codebook's
# rate to its information. The sum would still lie above that of no code.) (Garments of 16×16
# pixels, a small decoder, codes moved by averages and restarted: a test of the claim, not of the
# paper's models.)

# %%
ch12.progress()

# %% [markdown]
# > **In words.** A colleague's VQ-VAE uses 9 codes of 512 and reconstructs quite well. "So 512 were
# > too many, we can do with 16." Right?
# >
# > <details><summary>An answer</summary>
# >
# > Perhaps, but the usage does not show it. A code that never got a vector never moved, so nine
# > codes may say only where the codebook started. Restart dead codes first, train again, then look
# > at the decoder term for both K.
# >
# > </details>
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | sec. 4.1 | encoder and decoder: strided convolutions and residual blocks | section 2 | `vqvae.encoder_of`, `decoder_of` |
# | eq. 3 | decoder, codebook and commitment terms | section 2, `stage_one` | `VQVAE.forward`, `recipes.vqvae_step` |
# | sec. 3.2 | beta from 0.1 to 2.0 makes no difference | section 6 | `VQVAE(commitment_weight=...)` |
# | sec. 4.2 | 128×128×3 images in 32×32 codes: 42.6 times fewer bits | section 1 | - |
# | abstract | no collapse with a powerful autoregressive decoder | section 8 | `benchmarks/strong_decoder.py` |
# | not in the paper | usage over time, and three ways to lose it | section 5 | `code_counts`, `perplexity` |
# | not in the paper | codes and every pixel on one bill, beside PNG and zlib | section 7 | - |
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
