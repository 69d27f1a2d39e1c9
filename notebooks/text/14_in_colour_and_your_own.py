# %% [markdown]
# # 14 · In colour, and with your own pictures
#
# [← 13 · Two-stage generation](13_two_stage_generation.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [15 · Sound and video →](15_sound_and_video.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/14_in_colour_and_your_own.ipynb)
#
# Nearly everything so far was grey and 28×28. Here are 1,906 emoji in two styles, 32×32 pixels in colour with
# 256 levels each, and at the end a folder of your own pictures. The models stay the same. What has to
# change is how a model says which level it expects.
#
# **By the end you will have**
#
# - written a likelihood whose cost does not grow with 256 levels, and checked that it adds up to 1;
# - trained a VQ-VAE that keeps a colour image in 64 bytes, drawn new emoji, and paid one bill in
#   bits/dim for codes and for pixels;
# - taken a folder of pictures from files to samples in five cells.
#
# **You need** chapters 04 (R, then G, then B), 06 (the cached sampler), 10 and 12 (codebook and VQ-VAE)
# and 13 (two stages, and their bill).
#
# **Time** about two hours with the exercises. Running everything takes three to four minutes on a
# quiet laptop; on a GPU the same cells train for longer.

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
from tutorial_lib.exercises import ch11, ch13, ch14


@dataclass
class Settings:
    n_train: int  # images
    n_test: int
    n_codes: int
    n_channels: int
    prior_layers: int
    vqvae_epochs: int
    prior_epochs: int
    n_completed: int  # images whose lower half is drawn, twelve times each
    n_own: int  # pictures of the folder
    own_epochs: int


settings = profiles.choose(
    smoke=Settings(128, 36, 32, 16, 2, 1, 1, 1, 60, 1),
    laptop=Settings(3068, 372, 256, 48, 5, 6, 6, 3, 500, 10),
    gpu=Settings(3068, 372, 256, 64, 8, 60, 30, 3, 500, 60),
)
settings

# %% [markdown]
# ## Where this ends
#
# These weights come with the package: the two stages of this chapter, trained for longer than a
# notebook can wait (`python -m tutorial_lib reproduce two-stage-emoji`). There is a column for each of
# nine groups.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.data.emoji import names_in, with_styles
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
emoji = with_styles(data.load("emoji"))  # 18 labels: 2 · group + style
groups = [name.split(" &")[0].split(",")[0] for name in emoji.class_names[::2]]
shipped = load_pretrained("two-stage-emoji").to(device)


def one_of_each(split, style):
    """The first held-out drawing of each group in this style: (9, 3, 32, 32) levels."""
    wanted = torch.arange(style, 18, 2)
    return torch.stack([split.levels[split.labels == label][0] for label in wanted]).long()


def through_codes(vqvae, levels):
    """The levels after a way through the codes, on the CPU."""
    with torch.no_grad():
        codes = vqvae.encode_indices(levels.long().to(device))
        return (255 * vqvae.picture(vqvae.decode_indices(codes))).round().long().cpu()


shown = one_of_each(emoji.test, style=0)
labels = torch.cat([torch.arange(0, 18, 2), torch.arange(1, 18, 2)])  # Noto, then Twemoji
noise = torch.Generator().manual_seed(0)
drawn = shipped.sample(18, labels, temperature=0.6, generator=noise).cpu()
rows = ["held out", "from 64 codes", "new, Noto", "new, Twemoji"]
sheet = torch.cat([shown, through_codes(shipped.vqvae, shown), drawn])
show_images(sheet, n_levels=256, n_columns=9, titles=groups, row_labels=rows);

# %% [markdown]
# The emoji of the first row are held out. The second row is what 64 code numbers keep of them:
# place, shape and most colours. The two faces are gone, and the stripe of the flag has lost its yellow.
# The last two rows are new, drawn at temperature 0.6 (chapter 13). Yellow discs, blue squares and
# flags tell their group; a stranger would not name most of the others, which are coloured shapes on
# white.
# Emoji show more kinds of things than a small prior can learn from 3,068 drawings.
#
# ## 1 · The same thing, drawn twice

# %%
pairs = emoji.test.levels[:18].unflatten(0, (9, 2)).transpose(0, 1).flatten(0, 1)
show_images(pairs, n_levels=256, n_columns=9, row_labels=["Noto", "Twemoji"])
print(" · ".join(names_in("test")[:18:2]).lower())
for name, split in emoji.splits().items():
    print(f"{name:5} {len(split):5,} images of {len(split) // 2:5,} emoji")
white = (emoji.train.levels == 255).all(dim=1).float().mean()
print(f"{white:.0%} of all pixels are white")

# %% [markdown]
# Google's *Noto* shades its drawings, Twitter's *Twemoji* keeps to flat colours. Both draw the same
# emoji, so the split goes by emoji: what is held out is held out in both styles. Section 7 shows
# what happens otherwise. A label is one of Unicode's nine groups in one of two styles, 18 in all.
#
# An image has $32 \cdot 32 \cdot 3 = 3072$ sub-pixels of 256 levels. Those are the dimensions in
# "bits/dim" from here on.
#
# ## 2 · Which level to expect
#
# A categorical over 256 levels needs 256 numbers a sub-pixel, 768 a pixel. It knows nothing of the
# order of the levels: what it learns of level 200 tells it nothing of 201. Two numbers can say nearly
# as much. Put a bell over the axis from $-1$ (level 0) to $1$ (level 255), and give each level the area
# over its own interval. For the logistic bell an area is a difference of two sigmoids:
#
# $$P(v) = \sigma\!\left(\frac{x_v + \tfrac12\Delta - \mu}{s}\right)
#        - \sigma\!\left(\frac{x_v - \tfrac12\Delta - \mu}{s}\right),
# \qquad x_v = \frac{2v}{L-1} - 1, \quad \Delta = \frac{2}{L-1}. \tag{1}$$
#
# The lowest level gets all that lies below it as well, the highest all that lies above. This is the
# likelihood of PixelCNN++ [1, section 2.1]. A sub-pixel needs a centre $\mu$ and a $\log s$, however
# many levels there are.

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(7, 2.5), layout="tight", sharey=True)
axis, places = torch.linspace(-1.4, 1.4, 400), torch.linspace(-1, 1, 16)
borders = (places[1:] + places[:-1]) / 2
infinity = torch.tensor([torch.inf])
for ax, (centre, width) in zip(axes, [(-0.2, 0.12), (0.95, 0.12)], strict=True):
    z = (axis - centre) / width
    ax.plot(axis, torch.sigmoid(z) * torch.sigmoid(-z) / width, color="#3b76af", label="bell")
    ends = torch.cat([-infinity, borders, infinity])
    p = torch.sigmoid((ends - centre) / width).diff()
    ax.bar(places, p, width=0.11, color="#f0a04b", label="P(level), its area")
    ax.set(title=f"centre {centre}, width {width}", xlabel="16 levels, from -1 to 1")
axes[1].legend(loc="upper left", fontsize=8);

# %% [markdown]
# The areas over the intervals are in orange. On the right, the highest level has more than its
# neighbours, because all that lies above it belongs to it. Emoji need that, with so many pixels of pure
# white.
#
# ### Exercise 14.1

# %% jupyter={"source_hidden": true} cellView="form"
ch14.logistic_nats.card()

# %%
from torch.nn import functional as F  # noqa: F401


def logistic_nats(
    levels: torch.Tensor, centres: torch.Tensor, log_widths: torch.Tensor, n_levels: int
) -> torch.Tensor:
    """What each level costs, in nats, if a logistic density is cut into shares for the levels.

    levels      torch.long, any shape: 0 .. L-1. Level v lies at 2 v / (L-1) - 1, from -1 to 1
    centres     floats, the same shape: μ, on the same axis
    log_widths  floats, the same shape: log s
    n_levels    L
    returns     -log P, the same shape. A level gets the share of the logistic between half a step
                below it and half a step above it: P = σ((above - μ) / s) - σ((below - μ) / s).
                The lowest level gets all that lies below as well, the highest all that lies above

    Far from μ both σ round to 1. log(σ(b) - σ(a)) = logσ(b) + logσ(-a) + log(1 - exp(a - b)) does
    not, with logσ = F.logsigmoid and -torch.expm1(a - b) for 1 - exp(a - b)

    By hand: L = 3: levels at -1, 0, 1, half a step is 1/2. μ = 0, log s = 0. σ(1/2) = 0.622, so
             P = 0.378, 0.622 - 0.378 = 0.245, 0.378: together 1. They cost 0.974, 1.407, 0.974
    """
    ____


logistic_nats = ch14.logistic_nats.check(logistic_nats)

# %% [markdown]
# Is it a probability? Add up all 256 levels, for a wide bell, a narrow one, one beyond the end, and one
# that is far narrower than a level.

# %% tags=["nbval-check-output"]
every_level = torch.arange(256)
for centre, log_width in [(0.0, 0.0), (-0.3, -4.0), (1.5, -1.0), (0.123, -7.0)]:
    centres = torch.full((256,), centre, dtype=torch.float64)
    log_widths = torch.full((256,), log_width, dtype=torch.float64)
    p = torch.exp(-logistic_nats(every_level, centres, log_widths, 256))
    print(f"centre {centre:6.3f}, log s {log_width:4.1f}: the 256 levels add up to {p.sum():.6f}")

# %% [markdown]
# ### A wrong way: the height of the bell
#
# Why areas? The height of the bell at the level is a shorter formula, and a model can be trained on it
# just as well. Compare both for one white sub-pixel, with the centre exactly on it.
#
# > **Predict.** The bell gets narrower and narrower around level 255. What happens to each cost?
# >
# > <details><summary>A way to think about it</summary>
# >
# > An area is at most 1. How high can a bell be whose area is 1?
# >
# > </details>

# %%
log_widths = torch.linspace(0, -9, 60, dtype=torch.float64)
on_white = torch.ones(60, dtype=torch.float64)
area = logistic_nats(torch.full((60,), 255), on_white, log_widths, 256)
height = log_widths + torch.tensor(4.0).log()  # the top of the bell is 1 / (4 s)
_, ax = plt.subplots(figsize=(5, 2.6), layout="tight")
for name, nats in {"area: a probability": area, "height: a density": height}.items():
    ax.plot(log_widths, nats / torch.tensor(2.0).log(), label=name)
ax.axhline(0, color="gray", lw=1)
ax.set(xlabel="log s", ylabel="bits for a white sub-pixel", xlim=(0, -9))
ax.legend();

# %% [markdown]
# With a wide bell, half of it lies above level 255, so the area costs 1 bit. Once the bell is narrower
# than a level, the cost falls to 0 and stays there. The height goes below zero and never stops, yet no
# message takes less than 0 bits. A model that is scored by heights gains without limit wherever a
# value occurs again and again, as white does here. Its number is no bits/dim, and can be compared with
# no other.
#
# ### Several bells, one choice
#
# One bell cannot say "white or red". A mixture of $M$ bells can: each pixel chooses one of them, and all
# three of its colours are drawn from that one,
#
# $$p(\text{pixel}) = \sum_{m=1}^{M} \pi_m \, P_m(R)\, P_m(G)\, P_m(B). \tag{2}$$
#
# ### Exercise 14.2

# %% jupyter={"source_hidden": true} cellView="form"
ch14.mixture_nats.card()


# %%
def mixture_nats(log_weights: torch.Tensor, bump_nats: torch.Tensor) -> torch.Tensor:
    """What each image costs, in nats, if every pixel is drawn from one of M bumps.

    log_weights  (B, M, H, W): log of the probability of each bump at each pixel
    bump_nats    (B, M, C, H, W): what each colour of the pixel costs under each bump, -log P
    returns      (B,). A pixel chooses one bump, and all its colours are drawn from that one:
                 p(pixel) = sum over m of weight_m · P_m(red) · P_m(green) · P_m(blue).
                 Pixels are independent. A pixel may cost thousands of nats

    By hand: one pixel, weights 1/2 and 1/2, two colours. Under bump 0 they have P = 1/2 and 1/4,
             under bump 1 both 1/2: p = 1/2 · 1/8 + 1/2 · 1/4 = 3/16, which costs 1.674 nats
    """
    ____


mixture_nats = ch14.mixture_nats.check(mixture_nats)


# %% [markdown]
# Together they score an image, given what a decoder puts out: for each pixel $M$ weights, $3M$ centres
# and $3M$ log widths.

# %%
def image_nats(out, levels, n_levels=256):
    """out (B, 7M, H, W), levels (B, 3, H, W) -> the cost of each image in nats: (B,)"""
    n = out.shape[1] // 7
    weights, centres, log_widths = out.split([n, 3 * n, 3 * n], dim=1)
    centres, log_widths = (x.unflatten(1, (n, 3)) for x in (centres, log_widths.clamp(min=-7)))
    for_each_bell = levels[:, None].expand(centres.shape)  # all bells score the same levels
    bump_nats = logistic_nats(for_each_bell, centres, log_widths, n_levels)
    return mixture_nats(weights.log_softmax(dim=1), bump_nats)


# %% [markdown]
# One pixel in 16 levels has $16^3$ colours. Do they add up to 1 under four random bells? And is the cost
# the library's?

# %% tags=["held", "nbval-check-output"]
from tutorial_lib.pixels.logistics import mixture_nll_nats

noise = torch.Generator().manual_seed(0)
out = torch.randn(1, 28, 1, 1, generator=noise, dtype=torch.float64).expand(4096, -1, -1, -1)
every_color = torch.cartesian_prod(*[torch.arange(16)] * 3)[:, :, None, None]  # (4096, 3, 1, 1)
p = torch.exp(-image_nats(out, every_color, n_levels=16))
print(f"{len(p):,} colours add up to {p.sum():.6f}")
out = torch.randn(8, 28, 32, 32, generator=noise, dtype=torch.float64)
eight = emoji.test.levels[:8].long()
theirs = mixture_nll_nats(out, eight, 256, 4)
print("same nats as the library's:", torch.allclose(image_nats(out, eight), theirs))

# %% [markdown]
# | decoder | numbers a pixel | its unit | may be compared with |
# |---|---:|---|---|
# | categorical | 768 | bits/dim of levels | every model of the same images in the same levels |
# | one logistic | 7 | bits/dim of levels | the same |
# | ten logistics | 70 | bits/dim of levels | the same |
# | Gaussian | 3 | a density, of any sign | nothing in bits; its pictures, by squared error |
#
# ## 3 · A colour image in 64 bytes
#
# Encoder, codebook and decoder are those of chapter 12, with three channels in the place of one. The
# field of codes is 8×8, and one of 256 codes is a byte. The decoder puts out one bell a sub-pixel. The
# first term of the loss is your cost.

# %%
from tutorial_lib.codes import VQVAE
from tutorial_lib.training import FitConfig, fit

K, log_2 = settings.n_codes, torch.tensor(2.0).log().item()
train = emoji.train.subset(settings.n_train)
valid, test = (s.subset(settings.n_test) for s in (emoji.valid, emoji.test))
shape = {"in_channels": 3, "n_levels": 256, "n_mixtures": 1, "n_codes": K, "code_dim": 32}
torch.manual_seed(0)
vqvae = VQVAE(n_channels=settings.n_channels, downsample=4, **shape).to(device)


def stage_one(vqvae, levels):
    """Equation 3 of the VQ-VAE paper, with your cost as its first term."""
    levels = levels.long()
    quantized = vqvae.quantizer(vqvae.encode(levels))
    nats = image_nats(vqvae.decode(quantized.z_q), levels).mean() / levels[0].numel()
    loss = nats + quantized.codebook_loss + 0.25 * quantized.commitment_loss
    return {"loss": loss, "decoder bits/dim": nats / log_2, "perplexity": quantized.perplexity}


# %% tags=["held", "nbval-check-output"]
vqvae.eval()
sixteen = emoji.test.levels[:16].long().to(device)
with torch.no_grad():
    mine, theirs = stage_one(vqvae, sixteen)["loss"], vqvae(sixteen).loss
print("same loss as the library's VQVAE:", torch.allclose(mine, theirs, rtol=1e-4))

# %%
from tutorial_lib.notebook import show_curves

config = FitConfig(epochs=settings.vqvae_epochs, batch_size=32, learning_rate=2e-3)
first = fit(vqvae, stage_one, (train.levels,), config, valid=(valid.levels,))
vqvae.eval()
curves = {
    "training": [(row["epoch"], row["decoder bits/dim"]) for row in first.rows],
    "held-out": [(row["epoch"], row["valid decoder bits/dim"]) for row in first.valid_rows],
}
curves = {name: tuple(zip(*points, strict=True)) for name, points in curves.items()}
show_curves(curves, xlabel="epoch", ylabel="decoder term, bits/dim")
last = first.valid_rows[-1]
print(f"{first.seconds:.0f} seconds; perplexity {last['valid perplexity']:.0f} in a held-out batch")

# %%
shown = one_of_each(emoji.test, style=1)
ways = [shown, through_codes(vqvae, shown), through_codes(shipped.vqvae, shown)]
labels = ["held out", "this page", "shipped"]
show_images(torch.cat(ways), n_levels=256, n_columns=9, titles=groups, row_labels=labels)
for name, model in (("this page", vqvae), ("shipped", shipped.vqvae)):
    off = (through_codes(model, test.levels) - test.levels) / 255
    print(f"{name:9} mean squared error {off.square().mean():.4f}, {model.n_codes} codes")
print(f"an image has {shown[0].numel():,} bytes, its 8×8 codes have 64")

# %% [markdown]
# Both put shapes in the right place. This page's model has seen each drawing a few times and knows
# few colours: its clover is grey, its flag without stars and stripe, every edge soft. The shipped model
# has most colours and outlines right. What it loses is mostly thin or small: the marks on the carrot,
# the keys below the screen, the yellow of the stripe.
#
# The bell of a sub-pixel is the logistic of section 2. Why one bell, when several can say more? `benchmarks/emoji.py` trained a VQ-VAE with three decoders, for
# as many steps each, and stored what came of it.

# %%
import json
from pathlib import Path

from IPython.display import Markdown, display

path = Path("../benchmarks/results/emoji.json")
stored = json.loads(path.read_text())["rows"] if path.exists() else []
if not stored:
    print("The stored runs are in the repository: benchmarks/results/emoji.json")


def as_table(comparison, **columns):
    """A row for each rival: of each column the lowest and the highest of its seeds."""
    lines = ["| |" + "|".join(columns) + "|", "|---|" + "---:|" * len(columns)]
    runs = [row for row in stored if row["comparison"] == comparison]
    for rival in dict.fromkeys(row["rival"] for row in runs):
        cells = []
        for name, digits in columns.items():
            values = sorted(r[name] for r in runs if r["rival"] == rival and name in r)
            told = dict.fromkeys(f"{value:.{digits}f}" for value in values[:1] + values[-1:])
            cells.append(" to ".join(told) or "–")
        lines.append(f"| {rival} | " + " | ".join(cells) + " |")
    return Markdown("\n".join(lines))


as_table("decoder", bits_per_dim=3, mse=4, perplexity=0, seconds=0)

# %% [markdown]
# Ten logistics cost fewer bits than one, and their pictures are worse: the squared error is about
# twice as large. The two may have one reason. Ten bells can say "white or red", which saves bits,
# and the mean of white and red is a colour that is neither; the picture that we look at is the
# decoder's mean. With one bell, the mean is what it expects. So this chapter takes one bell:
# bits/dim that may be compared, and pictures nearly as good as the Gaussian's, which has no bits.
# Where only bits count, take ten. (One run each; the seconds are those of a busy machine.)
#
# ## 4 · New emoji
#
# Stage two is chapter 13's: the codes once, then a gated PixelCNN over them that is told the label.

# %%
from tutorial_lib.codes import TwoStageModel
from tutorial_lib.pixels import GatedPixelCNN
from tutorial_lib.recipes import extract_codes, prior_step


def new_prior(n_classes):
    size = {"n_channels": settings.n_channels, "n_layers": settings.prior_layers}
    torch.manual_seed(0)
    known = {"n_classes": n_classes, "coordinates": True}
    return GatedPixelCNN(n_levels=K, ordered=False, **size, **known).to(device)


train_codes, valid_codes = (extract_codes(vqvae, split.levels) for split in (train, valid))
prior = new_prior(n_classes=18)
config = FitConfig(epochs=settings.prior_epochs, batch_size=32, learning_rate=3e-3, average=0.1)
held_out = (valid_codes, valid.labels)
second = fit(prior, prior_step, (train_codes, train.labels), config, valid=held_out)
print(f"{second.seconds:.0f} seconds; {second.valid_rows[-1]['valid bits/code']:.2f} bits a code")
model = TwoStageModel(vqvae, prior).eval()


# %%
def drawn_by(model, temperature, seed=1):
    """A row of Noto drawings and a row of Twemoji, a column for each group: (18, 3, 32, 32)."""
    label = torch.cat([torch.arange(style, 18, 2) for style in (0, 1)])
    options = {"temperature": temperature, "generator": torch.Generator().manual_seed(seed)}
    return model.sample(18, label, shape=(32, 32), **options).cpu()


kinds = {"this page, 0.6": (model, 0.6), "shipped, 1": (shipped, 1.0)}
sheet = torch.cat([drawn_by(*kind) for kind in kinds.values()])
rows = [f"{kind}, {style}" for kind in kinds for style in ("Noto", "Twemoji")]
show_images(sheet, n_levels=256, n_columns=9, titles=groups, row_labels=rows);

# %% [markdown]
# This page's samples are soft patches. Smileys are round and yellow, flags fill their rectangle, a
# symbol a square; that much the label has told, and the other groups look alike. The shipped model at
# temperature 1 has sharper edges, and its shapes come apart. In the first picture the same weights
# drew at 0.6, and their shapes are calmer and plainer.
#
# ## 5 · The pixels themselves, in colour
#
# A gated PixelCNN needs no codes. Chapter 04 built it for colour: a pixel is three sub-pixels, drawn R,
# then G, then B, each told those before it. By the chain rule any order gives a right likelihood. Is one
# easier to learn? The script `benchmarks/emoji.py` trained the same small model on 16×16 emoji with the colours in
# three orders, and one that draws all three at once, told only the pixels before.

# %%
as_table("order", bits_per_dim=3, seconds=0)

# %% [markdown]
# All at once costs most. Here the colours of a pixel say much about each other: where red and green
# are at their highest level, blue mostly is, too, because that is the white ground. A model that
# draws all three at once has to find that out three times. (Chapter 04 saw no such difference on a
# photograph in 16 levels.) Of the orders, blue first cost least. To a perfect model they would be
# the same, since each is the chain rule of the same three numbers. There is one run of each, so the
# smaller differences may be chance, and the seconds are those of a busy machine.
#
# The model that comes with the package draws R, then G, then B, like the papers. Half an emoji is
# given; what are twelve ways to go on? Mind the type: the levels are
# `torch.uint8`, and there a -1 becomes 255.
#
# ### Exercise 14.4

# %% jupyter={"source_hidden": true} cellView="form"
ch14.to_complete.card()


# %%
def to_complete(
    levels: torch.Tensor, labels: torch.Tensor, n_draws: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a sampler is told so that it draws the lower half of each image in several ways.

    levels   (N, C, H, W) torch.uint8, 0 .. 255; stays as it is
    labels   (N,) torch.long
    n_draws  copies of each image
    returns  known (N * n_draws, C, H, W) torch.long: the levels in the upper H // 2 rows, -1 in all
             others, which stands for "draw it". The copies of the first image come first, then
             those of the second.
             labels (N * n_draws,) torch.long: the label of each of them

    By hand: one image of one colour, 2 rows: [[7, 9], [5, 255]]; label 3; n_draws = 2. known has
             [[7, 9], [-1, -1]] twice, and labels = [3, 3]
    """
    ____


to_complete = ch14.to_complete.check(to_complete)

# %%
import time

from tutorial_lib.notebook import show_completions
from tutorial_lib.sampling import sample

gated = load_pretrained("gated-emoji").to(device)
chosen = [(emoji.test.labels == label).nonzero()[0, 0] for label in (1, 6, 16)]
chosen = torch.stack(chosen[: settings.n_completed])
halves, their_labels = emoji.test.levels[chosen], emoji.test.labels[chosen]
known, label = to_complete(halves, their_labels, 12)
given = {"label": label.to(device)}
noise = torch.Generator().manual_seed(0)
began = time.perf_counter()
options = {"known": known, "temperature": 0.7, "generator": noise}
drawn = sample(gated, tuple(known.shape), **options, **given).cpu()
seconds = time.perf_counter() - began
upper = torch.arange(32).expand(32, 32).T < 16
ax = show_completions(halves.long(), upper, drawn, 256)
ax.set_xticklabels(["given", *range(1, 13), "truth"]);

# %%
began = time.perf_counter()
with torch.no_grad():
    gated(known.clamp(min=0).to(device), **given)
one_pass = time.perf_counter() - began  # it would give one sub-pixel of each image
passes = 16 * 32 * 3
print(f"{len(drawn)} lower halves of {passes:,} sub-pixels: {seconds:.0f} seconds, cached")
print(f"naively: {passes:,} passes of {one_pass:.2f} seconds (one was timed), so about ", end="")
print(f"{passes * one_pass:,.0f} seconds, {passes * one_pass / seconds:.0f} times as long")

# %% [markdown]
# At temperature 0.7 the faces and carrots mostly go on in the colours they were given. Some of the faces
# get a closed round outline, two get blue tears, and none gets the laughing mouth. The carrot ends in a small orange tip or in
# yellow blobs. Below the blue, the flags turn dark, often with red at the lower edge: a field of
# another colour is likely in a flag, and nothing above says which. The model knows edges and
# colours, and few things. The cached sampler of chapter 06 makes this a matter of seconds; the
# naive time is extrapolated from one pass, so only its size counts.
#
# ## 6 · The bill
#
# What does a held-out emoji cost, in all? Two functions of earlier chapters do the sums: what a code
# costs if each is as likely as it is frequent (11.6), and the total in bits/dim (13.4). Paste yours into
# this cell, or leave them to the library.

# %%
# Paste your functions here: def unigram_bits(...), def total_bits_per_dim(...)


def brought(exercise):
    """Your function, if it stands above and passes its check; the library's otherwise."""
    written = globals().get(exercise.name, exercise.reference)
    return written if written is exercise.reference else exercise.check(written)


unigram_bits, total_bits_per_dim = brought(ch11.unigram_bits), brought(ch13.total_bits_per_dim)


@torch.no_grad()
def bill_of(model, split):
    """prior -> (decoder term, rate of the codes) of held-out images, in bits/dim."""
    n_codes = model.vqvae.n_codes
    codes = [extract_codes(model.vqvae, each.levels) for each in (train, split)]
    parts = zip(split.levels.long().split(62), split.labels.split(62), strict=True)
    terms = [model.terms(x.to(device), y.to(device)) for x, y in parts]
    decoder = torch.cat([each.decoder_nats for each in terms]).mean().cpu() / log_2 / 3072
    learned = torch.cat([each.prior_rate_nats for each in terms]).mean().cpu() / log_2 / 64
    rates = {"uniform": torch.tensor(n_codes).log2(), "unigram": unigram_bits(*codes, n_codes)}
    bill = {}
    for name, rate in (rates | {"learned prior": learned}).items():
        total = total_bits_per_dim(decoder[None].double(), rate[None].double(), (3, 32, 32), (8, 8))
        bill[name] = (decoder.item(), total.item() - decoder.item())
    return bill


# %%
from tutorial_lib.notebook import show_stacked_bits
from tutorial_lib.pixels import bits_per_dim, nll_nats

bill = {f"this page, {name}": parts for name, parts in bill_of(model, test).items()}
bill |= {f"shipped, {name}": parts for name, parts in bill_of(shipped, test).items()}
with torch.no_grad():
    costs = [
        nll_nats(gated(x.to(device), label=y.to(device)), x.to(device))
        for x, y in zip(test.levels.long().split(31), test.labels.split(31), strict=True)
    ]
bill["shipped, pixels"] = (bits_per_dim(torch.cat(costs).mean().item(), 3072), 0.0)
show_stacked_bits(bill)
lines = [f"| {name} | {a:.3f} | {b:.3f} | {a + b:.3f} |\n" for name, (a, b) in bill.items()]
head = "| held-out emoji, bits/dim | image given codes | codes | total |\n|---|---:|---:|---:|\n"
display(Markdown(head + "".join(lines)))

# %% [markdown]
# The pixel model costs least by far: it is told every earlier pixel exactly. The two-stage models
# spend nearly all of their bits on the image *given* the codes, because a decoder's sub-pixels know
# nothing of each other. The learned prior makes codes cheaper than the uniform one by a good part.
# The total hardly notices, for the codes are a few hundredths of it. Counting how often each code
# is used saves less, and least for the shipped codes, which are used almost evenly. What the codes are good for is not this
# total: a sample takes 64 draws in place of 3,072, and an image fits into 64 bytes.
#
# ## 7 · A split that leaks
#
# The easy split holds out every tenth image, whatever it shows. Then the Noto apple may be trained on and
# the Twemoji apple held out. Is that another image? Write the other split, by emoji.
#
# ### Exercise 14.3

# %% jupyter={"source_hidden": true} cellView="form"
ch14.split_by_concept.card()


# %%
def split_by_concept(concepts: torch.Tensor, order: torch.Tensor, n_held_out: int) -> torch.Tensor:
    """Which images are held out, so that no concept is drawn on both sides of the split.

    concepts    (N,) torch.long: what each image draws, as a number. Several images may draw the
                same, anywhere in the list
    order       (K,) torch.long: every concept once, shuffled
    n_held_out  how many *concepts* are held out: the first ones of `order`
    returns     (N,) torch.bool: True for an image that is held out

    By hand: five images draw the concepts [3, 1, 3, 0, 2]. order = [3, 0, 2, 1] and n_held_out = 2
             hold out concepts 3 and 0: [True, False, True, True, False]
    """
    ____


split_by_concept = ch14.split_by_concept.check(split_by_concept)

# %% [markdown]
# The simplest model that remembers finds the most similar training image and answers with it. It
# guesses the group of a held-out image, and it redraws the image. Hold out a fifth of the emoji, and
# score their Twemoji drawings twice: trained on the other emoji only, and with the Noto drawings of the
# held-out ones in the place of others.
#
# > **Predict.** Which of the two does the leak help more, guessing or redrawing?
# >
# > <details><summary>A way to think about it</summary>
# >
# > How often is the nearest image the twin? Outlines and places differ a little between the styles. How
# > much nearer is a twin than the next best?
# >
# > </details>

# %%
everything = torch.cat([split.levels for split in emoji.splits().values()])
their_groups = torch.cat([split.labels for split in emoji.splits().values()]) // 2
their_names = [name for split in emoji.splits() for name in names_in(split)]
distinct = sorted(set(their_names))
number_of = {name: number for number, name in enumerate(distinct)}
concepts = torch.tensor([number_of[name] for name in their_names])


def nearest(images, others):
    """The place of the nearest of `others` for each image, and its mean squared error."""
    rows = (x.flatten(1).float() / 255 for x in (images, others))
    distance, place = torch.cdist(*rows).min(dim=1)
    return place, distance.square() / images[0].numel()


# %%
order = torch.randperm(len(distinct), generator=torch.Generator().manual_seed(0))
out = split_by_concept(concepts, order, len(distinct) // 5)
twemoji = torch.arange(len(concepts)) % 2 == 1  # the styles take turns
scored, twins = out & twemoji, out & ~twemoji
clean, leaky = ~out, ~out | twins
leaky[(~out & ~twemoji).nonzero()[: twins.sum()]] = False  # as many as before
table = "| trained on | images | nearest is the twin | group guessed | squared error |\n"
table += "|---|---:|---:|---:|---:|\n"
for name, known in {"no held-out emoji": clean, "their Noto twins as well": leaky}.items():
    place, error = nearest(everything[scored], everything[known])
    right = (their_groups[known][place] == their_groups[scored]).float().mean()
    twin = (concepts[known][place] == concepts[scored]).float().mean()
    table += f"| {name} | {known.sum():,} | {twin:.0%} | {right:.1%} | {error.mean():.4f} |\n"
Markdown(table)

# %% [markdown]
# The leak helps guessing: the group is right more often, with as many training images. In about one
# case of ten the nearest image is the twin. In the others the styles differ in outline and place,
# and pixel for pixel another drawing is nearer. So the squared error falls only a little.
#
# What about models that learn? `benchmarks/emoji.py` trained two twice, on as many drawings each time:
# once without the held-out emoji ("clean"), once with their Noto drawings in the place of others
# ("leaky"). All are scored on the same drawings, the Twemoji ones of the held-out emoji.

# %%
as_table("leak", bits_per_dim=4, mse=5, bits_per_code=3)

# %% [markdown]
# Here the leak brings nothing that so few runs can show. After a few epochs no drawing is known by
# heart, and a twin is one drawing of three thousand. (The costs of a code belong to two different
# codebooks, so they cannot be compared.) A leak flatters a model as far as the model remembers, and
# the nearest neighbour above remembers everything. The split by emoji costs nothing, and with it
# nobody has to ask how much was remembered.
#
# ## 8 · Is it a copy?
#
# The shipped prior has seen its 3,068 drawings again and again. Here is what it draws, each above the
# nearest training image.

# %%
drawn = drawn_by(shipped, 0.6)
place, error = nearest(drawn, emoji.train.levels)
_, usual = nearest(emoji.test.levels, emoji.train.levels)
near = emoji.train.levels[place].long()
sheet = torch.cat([drawn[:9], near[:9], drawn[9:], near[9:]])
rows = ["drawn, Noto", "nearest", "drawn, Twemoji", "nearest"]
show_images(sheet, n_levels=256, n_columns=9, titles=groups, row_labels=rows)
print("median squared error to the nearest training image:")
print(f"drawn {error.median():.4f}, held out {usual.median():.4f}")

# %% [markdown]
# Some neighbours share a place and a main colour with the drawing above them, no more. Small drawings
# get a pale square or disc, because nearly all of both is white. The close ones are those that are
# hardly more than a shape: the yellow disc has a yellow disc in the training set, the flags have flags
# of their colour. By the median, the drawn images are nearer to
# training images than held-out emoji are. That alone is no sign of copying: they are drawn cold and
# decoded softly, and a smooth picture is near to many.
#
# > **In words.** A sample equals a training image but for a shade. Is the model bad?
# >
# > <details><summary>An answer</summary>
# >
# > One sample does not say. A model of the right distribution draws a training image now and then, as
# > often as its probability says; flags are few and simple, so among them that may be often. What speaks
# > against a model: samples that are *typically* nearer to the training images than held-out images
# > are, or a held-out bill that rises while the training bill falls.
# >
# > </details>
#
# ## 9 · Paint with codes
#
# A code is a brush of 4×4 pixels and more. Move *place* over the field; *code* puts another code there,
# and the paint stays. Below it is a still: a held-out emoji, with the codes of another one put into four
# places.

# %%
from tutorial_lib.notebook.widgets import code_painter, draw_painted_codes

faces = one_of_each(emoji.test, style=1)[[0, 4]].to(device)
face, other = shipped.vqvae.encode_indices(faces).cpu()
code_painter(shipped.vqvae, face)
painted = face.clone()
painted[3:5, 3:5] = other[3:5, 3:5]
draw_painted_codes(shipped.vqvae, face, painted, (3, 3))
changed = shipped.vqvae.picture(
    shipped.vqvae.decode_indices(torch.stack([face, painted]).to(device))
)
moved = (changed[1] - changed[0]).abs().amax(dim=0) > 2 / 255
rows, columns = moved.any(dim=1).nonzero(), moved.any(dim=0).nonzero()
print(f"4 codes changed; the picture changes in rows {rows.min()} to {rows.max()}, ", end="")
print(f"columns {columns.min()} to {columns.max()}: {moved.sum()} pixels")

# %% [markdown]
# The field is that of the laughing face; the four codes in the middle come from the rain cloud, and
# put a grey-white patch there. The patch is larger than four codes of 4×4 pixels, because the
# convolutions of the decoder overlap. The printed line counts every change of more than two levels:
# half of the picture moves a little. So a code is no tile. What it looks like depends on its
# neighbours.
#
# ## 10 · Your own pictures, in five cells
#
# So that this page runs everywhere, the first cell makes a folder: hundreds of emoji as PNG files, a
# sub-folder for each group. **Put the path of your own folder in its place, and leave out the loop.**
# PNG, JPEG, WebP, BMP and GIF are read, turned upright, cropped to a square and made small; transparent
# pictures are laid on white; sub-folders become classes.

# %%
import tempfile

folder = Path(tempfile.mkdtemp()) / "my pictures"  # yours: folder = "~/holiday"
for i in range(settings.n_own):
    place = folder / groups[emoji.train.labels[i] // 2]
    place.mkdir(parents=True, exist_ok=True)
    plt.imsave(place / f"{i:04}.png", emoji.train.levels[i].permute(1, 2, 0).numpy())
(folder / "broken.png").write_bytes(b"this is no picture")
pictures = data.from_folder(folder, side=32, progress=False)
print(pictures.summary())

# %%
torch.manual_seed(0)
own = VQVAE(n_channels=settings.n_channels, downsample=4, **shape).to(device)
config = FitConfig(epochs=settings.own_epochs, batch_size=16, learning_rate=2e-3)
fit(own, stage_one, (pictures.train.levels,), config, valid=(pictures.valid.levels,))
own.eval();

# %%
some = pictures.test.levels[:9].long()
both = torch.cat([some, through_codes(own, some)])
show_images(both, n_levels=256, n_columns=len(some), row_labels=["held out", "from 64 codes"]);

# %%
n_classes = len(pictures.class_names) or None  # None: the folder has no sub-folders
own_prior = new_prior(n_classes)
told = (extract_codes(own, pictures.train.levels), pictures.train.labels)
fit(own_prior, prior_step, told if n_classes else told[:1], config);

# %%
label = torch.arange(9) % n_classes if n_classes else None
noise = torch.Generator().manual_seed(0)
yours = TwoStageModel(own, own_prior).eval()
drawn = yours.sample(9, label, shape=(32, 32), generator=noise).cpu()
show_images(drawn, n_levels=256, n_columns=9, titles=list(pictures.class_names) or None);

# %% [markdown]
# So few pictures and so short a training give shapes and hardly a colour: shapes are learned first,
# and section 3 needed many more steps for its colours. Read the list above before you train. It
# says which files were skipped, and why, and which held-out pictures look like a training picture.
# `from_folder` splits by picture, not by what a picture shows: if yours come in series, see section
# 7.
#
# For more than a try, three commands do the same at any length, and go on where they were stopped:
#
# ```
# python -m tutorial_lib train two-stage --images ~/holiday --side 64 --out runs/holiday
# python -m tutorial_lib reconstruct --run runs/holiday --images ~/holiday --out both.png
# python -m tutorial_lib sample --run runs/holiday --n 64 --out new.png
# ```

# %%
ch14.progress()

# %% [markdown]
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | PixelCNN++, sec. 2.1 | a logistic, cut into shares for the levels | equation 1, `logistic_nats` | `pixels.logistics` |
# | PixelCNN++, sec. 2.1 | a mixture, with one choice a pixel | equation 2, `mixture_nats` | `logistics.mixture_nll_nats` |
# | VQ-VAE, eq. 3 | the loss of stage one | section 3, `stage_one` | `VQVAE(n_mixtures=1)` |
# | VQ-VAE, sec. 3.3 | a prior over the codes | section 4, `model` | `TwoStageModel` |
# | PixelRNN, sec. 3.4 | R, then G, then B | section 5 | `GatedPixelCNN(n_colors=3)` |
#
# Next: chapter 15 leaves images for sound and video.
#
# ## References
#
# 1. T. Salimans, A. Karpathy, X. Chen, D. P. Kingma: *PixelCNN++: Improving the PixelCNN with
#    Discretized Logistic Mixture Likelihood and Other Modifications*, 2017, arXiv 1701.05517.
# 2. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 3. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016,
#    arXiv 1601.06759.
# 4. Noto Color Emoji (Google, Apache License 2.0) and Twemoji (Twitter and contributors, CC BY 4.0);
#    the package holds both notices.
