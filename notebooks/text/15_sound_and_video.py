# %% [markdown]
# # 15 · Sound and video: the same quantizer, one line changed
#
# [← 14 · In colour, and with your own pictures](14_in_colour_and_your_own.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [16 · After the papers →](16_after_the_papers.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/15_sound_and_video.ipynb)
#
# A spoken word is a line of samples, and a clip is a box of pixels. Codebook, loss and training loop
# stay the same for both. One argument, `n_dims`, chooses the kind of convolution. In this chapter you
# listen to what a line of codes says, and watch what a box of codes shows.
#
# **By the end you will have**
#
# - written a VQ-VAE for signals of one, two or three axes, and trained it on words and on clips;
# - said a word in another voice, and let a classifier judge what is heard;
# - continued a clip from its first frames, and played it.
#
# **You need** chapters 10 (codebook), 11 (what codes cost) and 13 (a prior over codes).
#
# **Time** about two hours with the exercises; running everything takes three to four minutes on a
# quiet laptop. The `gpu` profile trains larger models for longer.

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
from tutorial_lib.exercises import ch15


@dataclass
class Settings:
    n_words: int  # training utterances: every 60 hold each word in each voice once
    n_heard: int  # held-out utterances
    wave_epochs: int
    voice_epochs: int
    word_prior_epochs: int
    n_clips: int  # of one garment
    n_seen: int  # held-out clips
    clip_epochs: int
    clip_prior_epochs: int
    wave_channels: int
    voice_channels: int
    clip_channels: int
    prior_channels: int


settings = profiles.choose(
    smoke=Settings(120, 60, 1, 1, 1, 40, 20, 1, 1, 8, 8, 8, 8),
    laptop=Settings(2400, 300, 1, 16, 4, 1200, 150, 5, 2, 32, 48, 16, 32),
    gpu=Settings(2400, 300, 60, 60, 30, 1200, 150, 60, 40, 96, 96, 64, 96),
)
settings

# %% [markdown]
# ## What goes in, and what it becomes
#
# If you have fetched the recordings (`python -m tutorial_lib data fetch spoken-digits`, 16 MB), the
# words are real: ten spoken digits in six voices. Otherwise they are *voiced tones*: ten invented words
# in six voices, computed on the spot. To choose yourself, set the environment variable
# `TUTORIAL_SPEECH` to `spoken-digits` or `voiced-tones`. Both have the same rate, lengths, splits and
# order. What this page says of words was seen with the recordings.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.data import mu_law
from tutorial_lib.data.voiced_tones import speaker_labels

device = profiles.device()
recorded = data.describe("spoken-digits").cached
name = os.environ.get("TUTORIAL_SPEECH") or ("spoken-digits" if recorded else "voiced-tones")
words, clips = data.load(name), data.load("bouncing-garments").with_n_levels(16)
HALF_SECOND = 4096  # samples: 0.512 s; most words have ended by then
train_words = words.train.levels[: settings.n_words, :, :HALF_SECOND]
test_words = words.test.levels[: settings.n_heard, :, :HALF_SECOND]
train_said, test_said = (
    part.labels[: len(x)] for part, x in ((words.train, train_words), (words.test, test_words))
)
train_who, test_who = speaker_labels(len(train_words)), speaker_labels(len(test_words))
alone = (torch.arange(2400) // 10 % 2) == 0  # ten clips of one garment, ten of two, and so on
train_clips, train_worn = (part[alone][: settings.n_clips] for part in clips.train[:])
test_clips, test_worn = (part[alone[:300]][: settings.n_seen] for part in clips.test[:])
print(f"{words.name}: {tuple(train_words.shape)}, levels 0 to 255: {', '.join(words.class_names)}")
print(f"{clips.name}: {tuple(train_clips.shape)}, levels 0 to 15")

# %% [markdown]
# A word is (1, 4096): one channel, one axis of time, 8000 samples a second. A clip is (1, 16, 32,
# 32): one channel, then time, height and width. The next cell defines two figures for the whole
# chapter. In the figure of a sound, the upper picture is a *spectrogram*: time runs to the right,
# frequency upwards, and bright means loud. Below it lie the codes, one colour for each number.

# %%
import matplotlib.pyplot as plt

from tutorial_lib.notebook import show_images, show_index_map

WINDOW = torch.hann_window(160)  # 20 ms


def spectrum(pressure):
    """(..., T) -> complex (..., 81, T / 32 + 1): 81 frequencies up to 4 kHz, every 4 ms."""
    return torch.stft(pressure, 160, 32, window=WINDOW, return_complex=True)


def show_sound(pressure, codes, n_codes, title=""):
    """Spectrogram of a sound (T,), over its line of codes."""
    options = {"layout": "tight", "sharex": True, "height_ratios": [3, 0.6]}
    figure, (bands, stripes) = plt.subplots(2, 1, figsize=(7, 2.3), **options)
    loudness = 10 * torch.log10(spectrum(pressure).abs().square() + 1e-3)
    end = len(pressure) / 8000
    seen = {"origin": "lower", "aspect": "auto", "cmap": "viridis", "vmin": -30, "vmax": 30}
    bands.imshow(loudness, extent=(0, end, 0, 4), **seen)
    bands.set(ylabel="kHz", title=title)
    coloured = {"cmap": "nipy_spectral", "vmin": 0, "vmax": n_codes - 1, "aspect": "auto"}
    stripes.imshow(codes[None], extent=(0, end, 0, 1), **coloured)
    stripes.set(yticks=[], ylabel="codes", xlabel="seconds")
    for ax in (bands, stripes):
        ax.grid(False)


def show_clip(rows, codes, n_codes):
    """Rows of frames, name -> (16, H, W), and under them the box of codes, slice by slice."""
    size = {"figsize": (7, 1.9 * (len(rows) + 1)), "layout": "tight"}
    figure, axes = plt.subplots(len(rows) + 1, 4, squeeze=False, **size)
    for time in range(4):
        for ax, frames in zip(axes[:, time], rows.values(), strict=False):
            show_images(frames[4 * time : 4 * time + 4, None], n_columns=2, gutter=0.6, ax=ax)
        show_index_map(codes[time], n_codes, ax=axes[-1, time])
        axes[0, time].set_title(f"frames {4 * time} to {4 * time + 3}", fontsize=9)
    for ax, row in zip(axes[:, 0], [*rows, "codes"], strict=True):
        ax.set_ylabel(row)


# %% [markdown]
# Here is the whole model, for any number of axes. It is the VQ-VAE of chapters 12 and 13. Only the line
# marked "this line" in `__init__` depends on the number of axes.

# %%
from torch import nn
from torch.nn import functional as F

from tutorial_lib.codes import VectorQuantizer

KINDS = {
    1: (nn.Conv1d, nn.ConvTranspose1d),
    2: (nn.Conv2d, nn.ConvTranspose2d),
    3: (nn.Conv3d, nn.ConvTranspose3d),
}


class Block(nn.Module):
    def __init__(self, conv, n):
        super().__init__()
        self.wide, self.pointwise = conv(n, n // 2, 3, padding=1), conv(n // 2, n, 1)

    def forward(self, x):
        return x + self.pointwise(F.relu(self.wide(F.relu(x))))


def encoder(conv, channels, n, width, halvings, n_blocks):
    layers = []
    for i in range(halvings):
        layers += [conv(n if i else channels, n, 4, stride=2, padding=1), nn.ReLU()]
    layers += [conv(n, n, 3, padding=1), *(Block(conv, n) for _ in range(n_blocks))]
    return nn.Sequential(*layers, nn.ReLU(), conv(n, width, 1))


def decoder(conv, up, channels, n, width, halvings, n_blocks):
    layers = [conv(width, n, 3, padding=1), *(Block(conv, n) for _ in range(n_blocks))]
    for _ in range(halvings):
        layers += [nn.ReLU(), up(n, n, 4, stride=2, padding=1)]
    return nn.Sequential(*layers, nn.ReLU(), conv(n, channels, 1))


# %%
import math


class Coder(nn.Module):
    """Signals (B, C, *shape), from 0 to 1, as codes (B, *shape / 2 ** halvings), and back."""

    def __init__(self, n_dims, n_codes, n, halvings, *, channels=1, n_levels=None, n_blocks=2):
        super().__init__()
        conv, up = KINDS[n_dims]  # this line
        self.n_levels, size = n_levels, (n, 16, halvings, n_blocks)  # D = 16
        self.encoder = encoder(conv, channels, *size)
        self.quantizer = VectorQuantizer(n_codes, 16, update="ema", restart_dead_codes=True)
        self.decoder = decoder(conv, up, channels * (n_levels or 1), *size)
        self.log_sigma = None if n_levels else nn.Parameter(torch.tensor(-1.0))

    def forward(self, x, told=0.0):
        """The cost of x in nats per dimension, and the quantized; told: see section 4."""
        quantized = self.quantizer(self.encoder(2 * x - 1))
        return self.cost(self.decoder(quantized.z_q + told), x), quantized

    def cost(self, out, x):
        """-log p(x | codes): a categorical over levels, or a Gaussian with one spread."""
        if self.n_levels:
            return F.cross_entropy(out.unsqueeze(2), (x * (self.n_levels - 1)).round().long())
        each = 0.5 * ((x - out) / self.log_sigma.exp()).square() + self.log_sigma
        return each.mean() + 0.5 * math.log(2 * math.pi)

    def decode(self, codes, told=0.0):
        """Codes (B, *positions) -> the mean signal, from 0 to 1."""
        out = self.decoder(self.quantizer.lookup(codes) + told)
        if self.n_levels:
            values = torch.linspace(0, 1, self.n_levels).to(out)
            out = torch.einsum("bl...,l->b...", out.softmax(dim=1), values)[:, None]
        return out.clamp(0, 1)


# %% tags=["held", "nbval-check-output"]
from tutorial_lib.codes import VQVAE

for n_dims, shape in ((1, (256,)), (2, (28, 28)), (3, (8, 16, 16))):
    size = {"n_codes": 64, "code_dim": 16, "downsample": 4, "n_channels": 8, "n_levels": 16}
    library = VQVAE(n_dims=n_dims, in_channels=1, **size).eval()
    mine = Coder(n_dims, 64, 8, 2, n_levels=16).eval()
    mine.load_state_dict(library.state_dict())
    levels = torch.randint(16, (2, 1, *shape))
    with torch.no_grad():
        nats, quantized = mine(levels / 15)
        theirs = library(levels)
    same = torch.allclose(nats, theirs.nll_nats.mean() / levels[0].numel(), atol=1e-4)
    same = same and torch.equal(quantized.indices, theirs.quantized.indices)
    print(f"n_dims={n_dims}: codes {tuple(quantized.indices.shape)}, same as the library's: {same}")


# %% [markdown]
# Now give it one word and one clip, before any training. (The codebook starts as a copy of vectors from
# its first batch. Nothing has been learned yet.)

# %%
def untrained_codes(n_dims, x, halvings):
    torch.manual_seed(0)
    return Coder(n_dims, 64, 32, halvings)(x)[1].indices


word = mu_law.decode(test_words[1, 0])
show_sound(word, untrained_codes(1, test_words[1:2] / 255, 4)[0], 64, "n_dims=1")
box = untrained_codes(3, test_clips[9:10] / 15, 2)[0]
show_clip({"n_dims=3": test_clips[9, 0] / 15}, box, 64)

# %% [markdown]
# Each coloured stripe under the sound is one code, for 16 samples. A clip is shown as four groups of
# four frames, to be read row by row. Under each group is one slice of 8×8 codes. Each code stands for
# a block of 4 frames × 4 × 4 pixels. So far the codes mean nothing.
#
# > **From the reading notes.** (A student's notes on these papers, with which this series began.)
# > *"For speech, images, and videos, we actually extract a 1D, 2D and 3D latent feature space"*:
# > "just too complicated for me", they say. The answer is the figure above. The encoder keeps the
# > *arrangement* of its input: from a line it makes a shorter line, from a box a smaller box. At
# > every position stands one vector of $D$ numbers, which becomes one code. "1D, 2D, 3D" counts the
# > axes of that arrangement, not the length of the vectors ($D = 16$ in both).
#
# ## 1 · A sound as levels
#
# A microphone gives pressure, a number between −1 and 1, many times a second. With 256 levels in
# even steps, a whisper gets one or two of them. Telephones use small steps near silence and large
# ones where it is loud. The rule is called *mu-law*: the steps are even not in the pressure $x$ but in
#
# $$f(x) = \operatorname{sign}(x)\, \frac{\log(1 + \mu |x|)}{\log(1 + \mu)}, \qquad \mu = 255.$$
#
# WaveNet, the decoder of the paper's speech model, uses these levels too. (It draws a sound sample by
# sample, as a PixelCNN draws an image pixel by pixel.)
#
# ### Exercise 15.1

# %% jupyter={"source_hidden": true} cellView="form"
ch15.mu_law_round_trip.card()


# %%
def mu_law_round_trip(pressure: torch.Tensor, mu: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sound pressure as mu + 1 levels, fine near silence and coarse where it is loud, and back.

    pressure  (T,) floats from -1 to 1; stays as it is
    mu        the highest level
    returns   levels (T,) torch.long: f(x) = sign(x) log(1 + mu |x|) / log(1 + mu), from -1 to 1, is
              spread over 0 .. mu and rounded to the nearest level.
              back (T,) floats from -1 to 1: the x whose f is exactly the level

    By hand: mu = 3 and pressure = [1, 1/3, -1]. f is 1, log 2 / log 4 = 1/2, and -1. From -1 .. 1
             to 0 .. 3: 3, 2.25, 0, so the levels are [3, 2, 0]. Level 2 is f = 1/3, and
             x = (4^(1/3) - 1) / 3 = 0.196. So back = [1, 0.196, -1]
    """
    ____


mu_law_round_trip = ch15.mu_law_round_trip.check(mu_law_round_trip)

# %% [markdown]
# > **Predict.** We store a word at full loudness, and again a hundred times quieter. Are even steps or
# > mu-law steps better for the loud one? And for the quiet one?
# >
# > <details><summary>A way to think about it</summary>
# >
# > An even step is 1/128 of pressure everywhere. How many steps does a sound get that never leaves
# > ±0.005?
# >
# > </details>

# %%
from IPython.display import Audio, Markdown, display


def even_round_trip(pressure, mu):
    levels = ((pressure + 1) / 2 * mu).round().long()
    return levels, levels / mu * 2 - 1


def relative_error(x, back):
    """Squared error over that of the best constant: 1 for a decoder that only knows the mean."""
    return ((x - back).square().sum() / (x - x.mean()).square().sum()).item()


def listen(*pieces):
    """A player for pieces of sound (T,), one after the other."""
    pause = torch.zeros(1200)
    whole = torch.cat([part for piece in pieces for part in (piece, pause)])
    return Audio(whole.cpu().numpy(), rate=8000, normalize=False)


loud, table = (
    word / word.abs().max(),
    "| loudness | error, even steps | error, mu-law |\n|---|---|---|\n",
)
for factor in (1, 0.1, 0.01):
    errors = [
        relative_error(factor * loud, round_trip(factor * loud, 255)[1])
        for round_trip in (even_round_trip, mu_law_round_trip)
    ]
    table += f"| {factor} | {errors[0]:.5f} | {errors[1]:.5f} |\n"
display(Markdown(table))
chosen = [1, 22, 41]  # held-out words of different voices
print("you hear:", ", ".join(words.class_names[test_said[i]] for i in chosen))
listen(*(mu_law.decode(test_words[i, 0]) for i in chosen))

# %% [markdown]
# In even steps, the error of the quietest word is larger than the word itself. With the mu-law the error
# stays small for quiet words. It is smaller even at full loudness, because most samples of a loud word
# are quiet. (A page that shows notebooks without a kernel may leave the player out.)
#
# ## 2 · How many bits a second?
#
# 8000 samples of 8 bits are 64 000 bits a second. How many bits do the codes take? That depends on how
# much the encoder shortens the line, and on $K$. For a clip the question has more axes.
#
# ### Exercise 15.2

# %% jupyter={"source_hidden": true} cellView="form"
ch15.latent_bit_rate.card()


# %%
def latent_bit_rate(
    shape: tuple[int, ...], strides: list[tuple[int, ...]], n_codes: int, per_second: int
) -> tuple[tuple[int, ...], float]:
    """The shape of the field of codes, and the bits a second that naming its codes takes.

    shape       of the signal, time first: (samples,) or (frames, height, width)
    strides     one tuple a layer of the encoder, with a stride for each axis of `shape`. A layer
                makes an axis shorter by its stride; every division is without remainder
    n_codes     K, all equally likely
    per_second  samples, or frames, in a second of the signal
    returns     (latent_shape, bits_per_second)

    By hand: 8000 samples at 8000 a second through strides (2,), (2,), (4,): a field (500,). With K
             = 256, 500 codes of 8 bits in one second: 4000 bits/s.
             A clip (16, 32, 32) of 8 frames a second through (1, 2, 2), (2, 2, 2): a field (8, 8,
             8). With K = 64, 512 codes of 6 bits in two seconds: 1536 bits/s
    """
    ____


latent_bit_rate = ch15.latent_bit_rate.check(latent_bit_rate)

# %% tags=["nbval-check-output"]
N_WAVE, N_VOICE, N_CLIP = 128, 128, 64  # K of the three models of this chapter
rows = {
    "our words, section 3": ((4096,), [(2,)] * 4, N_WAVE, 8000, 8),
    "our words, section 4": ((128,), [(2,)] * 2, N_VOICE, 250, 256),
    "the paper's speech": ((16000 * 4,), [(2,)] * 6, 512, 16000, 16),
    "our clips": ((16, 32, 32), [(2, 2, 2)] * 2, N_CLIP, 8, 4),
}
table = "| | signal | field | codes, bits/s | raw, bits/s |\n|---|---|---|---|---|\n"
for row, (shape, strides, K, per_second, bits) in rows.items():
    field, rate = latent_bit_rate(shape, strides, K, per_second)
    raw = torch.Size(shape).numel() * bits * per_second / shape[0]
    table += f"| {row} | {shape} | {field} | {rate:.0f} | {raw:.0f} |\n"
Markdown(table)

# %% [markdown]
# The paper's model (section 4.3) has six layers of stride 2 and $K = 512$. Its codes take fewer
# bits a second than those of our section 3, and a WaveNet fills in what they leave out. Our decoder has
# to rebuild the exact waveform with a few convolutions. The model of section 4 reads 250 spectra a
# second instead of samples. (The clips have no speed of their own; we chose 8 frames a second.)
#
# ## 3 · Words
#
# A convolution works for inputs of any length. So we train on short windows, and leave out those that
# are almost silent. The loss is equation 3 of the VQ-VAE paper. `windows` and `equation_3` below work
# for any number of axes.

# %%
from tutorial_lib.notebook import show_curves
from tutorial_lib.training import FitConfig, fit


def windows(levels, size, background):
    """(N, 1, *shape) cut into windows (M, 1, *size); nearly empty ones are left out."""
    for axis, length in enumerate(size, start=2):
        levels = levels.unfold(axis, length, length)
    pieces = levels.flatten(0, len(size) + 1)[:, None]
    filled = (pieces != background).flatten(1).float().mean(dim=1)
    return pieces[filled > 0.05].contiguous()


def equation_3(nats, quantized, beta=0.25):
    loss = nats + quantized.codebook_loss + beta * quantized.commitment_loss
    return {"loss": loss, "cost": nats, "perplexity": quantized.perplexity}


def show_training(history, n_codes, unit):
    """Cost and perplexity of the batches, over the epochs."""
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.3), layout="tight")
    epochs = [row["epoch"] for row in history.rows]
    for ax, name, label in zip(axes, ("cost", "perplexity"), (unit, "codes in use"), strict=True):
        curve = {name: (epochs, [row[name] for row in history.rows])}
        show_curves(curve, xlabel="epoch", ylabel=label, ax=ax)
    axes[1].set(ylim=(0, n_codes))


# %%
torch.manual_seed(0)
wave = Coder(1, N_WAVE, settings.wave_channels, 4)
config = FitConfig(epochs=settings.wave_epochs, batch_size=16, learning_rate=2e-3)
pieces = windows(train_words, (1024,), mu_law.SILENCE)
history = fit(
    wave, lambda model, levels: equation_3(*model(levels / 255)), (pieces,), config, log_every=20
)
show_training(history, N_WAVE, "nats of density")


# %%
@torch.no_grad()
def in_parts(function, *tensors, size=50):
    """function of the tensors, 50 rows at a time, on the model's device; the result on the CPU."""
    parts = zip(*(each.split(size) for each in tensors), strict=True)
    return torch.cat([function(*(each.to(device) for each in part)).cpu() for part in parts])


def encoded(model, x):
    """The codes of all signals x, from 0 to 1."""
    model.eval()
    return in_parts(lambda part: model.quantizer(model.encoder(2 * part - 1)).indices, x)


def to_pressure(x):
    return mu_law.decode((255 * x).round().to(torch.uint8))


wave_codes = encoded(wave, test_words / 255)
waves_back = in_parts(wave.decode, wave_codes)
i = chosen[0]
show_sound(mu_law.decode(test_words[i, 0]), wave_codes[i], N_WAVE, "held-out word")
show_sound(to_pressure(waves_back[i, 0]), wave_codes[i], N_WAVE, "from its codes")
print(f"error over variance, of levels: {relative_error(test_words / 255, waves_back):.3f}")
listen(*(to_pressure(waves_back[i, 0]) for i in chosen))

# %% [markdown]
# The lower sound was made from the stripes alone. The bright bands of a spectrogram are called
# *formants*; they tell an "a" from an "o". The strong band at the bottom came through. The weak ones
# above it are nearly lost, and there is noise between them, so the word sounds hoarse. The training
# curves: at first almost all positions share one code (perplexity 1), later many codes are in use. The
# cost still falls at the end, so longer training would help.
#
# ### A wrong way: a density is not a probability
#
# The decoder is a Gaussian, because 256 logits for each of 8000 samples a second would be too slow for a
# notebook. So its cost is $-\log_2$ of a *density*. The number looks like the bits/dim of earlier
# chapters. Below we print it for the same levels, written from 0 to 1, from 0 to 255 and from 0 to 65535:

# %%
from tutorial_lib.codes import code_counts

with torch.no_grad():
    x, codes = (test_words / 255).to(device), wave_codes.to(device)
    out = in_parts(lambda part: wave.decoder(wave.quantizer.lookup(part)), codes).to(device)
    so_called = wave.cost(out, x).item() / math.log(2)
for top, scale in {1: "0 .. 1", 255: "0 .. 255", 65535: "0 .. 65535"}.items():
    print(f'levels written as {scale:10}: {so_called + math.log2(top):6.2f} "bits/dim"')
# The honest way: each level gets the area under the bell curve over its own width.
spread, off, half = wave.log_sigma.exp().item(), (out - x).abs().double(), 0.5 / 255
area = torch.special.ndtr((half - off) / spread) - torch.special.ndtr((-half - off) / spread)
bits = -area.log2().mean().item()
print(f"areas: decoder {bits:.2f} + codes {math.log2(N_WAVE) / 16:.2f} bits/dim; raw 8")
share = code_counts(train_words.long(), 256) / train_words.numel()
each = -share.clamp_min(1e-6).log2()[test_words.long()].mean()
print(f"each level by its overall frequency, without any model: {each:.2f} bits/dim")

# %% [markdown]
# The first three numbers come from one model and one set of sounds. Only the unit of the levels has
# changed: in a unit 255 times smaller, the same density is 255 times smaller too. So a density must not
# be compared with the bits/dim of a PixelCNN. The area under the curve over one level is a probability,
# whatever the unit. (It agrees with the second number, because there one level is one unit wide, and the
# bell curve hardly changes over it.) It can be compared fairly, and the result is poor: counting how
# often each level occurs, without any model, does better. This decoder was made for listening, not for
# exact storage.
#
# ## 4 · The same word in another voice
#
# The paper's decoder is *told the speaker*. Then the codes need not spend bits on the voice, and a
# word can be decoded with a different speaker from the one who said it (section 4.3). Our waveform
# codes cannot do this. Each stands for 2 milliseconds, so together they fix the time of every single
# pulse of the voice, and with it the pitch. The paper's codes stand for longer pieces, and its WaveNet
# makes new pulses.
#
# We do the same with simpler means. Speech is a *source* that passes through a *filter*. The source is
# the pulses of the vocal folds, at the pitch of the voice. The filter is the mouth: it decides how loud
# each band of frequencies is, and it changes slowly. Let the codes describe the filter, and tell the
# decoder the voice. The filter is again a signal of one axis, with 20 channels in place of 1.

# %%
N_BANDS = 20


def envelope(pressure):
    """(N, T) -> (N, 20, T / 32): loudness in 20 bands, every 4 ms, from 0 (-30 dB) to 1 (30 dB)."""
    power = spectrum(pressure).abs().square()[:, :80, :128]
    power = power.unflatten(1, (N_BANDS, 4)).mean(dim=2)
    return ((10 * torch.log10(power + 1e-3) + 30) / 60).clamp(0, 1)


def pitch(pressure):
    """(N, T) -> (N,) Hz: the shift between 1/350 and 1/70 s at which the loudest part repeats."""
    found = []
    for sound in pressure:
        loudest = sound.square().unfold(0, 1024, 128).sum(dim=1).argmax() * 128
        part = sound[loudest : loudest + 1024]
        alike = torch.fft.irfft(torch.fft.rfft(part - part.mean(), 2048).abs().square())
        found.append(8000 / (22 + alike[22:115].argmax().item()))
    return torch.tensor(found)


def speak(bands, hertz):
    """Pulses at `hertz` (N,), which fall a little, through the filter: (N, 20, 128) -> (N, T)."""
    fall = torch.linspace(1.07, 0.93, HALF_SECOND)
    turns = (hertz[:, None] * fall / 8000).cumsum(dim=1).floor()
    breath = torch.randn(turns.shape, generator=torch.Generator().manual_seed(0))
    source = spectrum(torch.diff(turns, prepend=turns[:, :1]) + 0.02 * breath)
    power = source.abs().square()[:, :80, :128].unflatten(1, (N_BANDS, 4)).mean(dim=2)
    wanted = (10 ** (6 * bands - 3) - 1e-3).clamp(min=0)
    gain = (wanted / (power + 1e-6)).sqrt()[:, None]
    gain = F.interpolate(gain, size=source.shape[1:], mode="bilinear")[:, 0]
    return torch.istft(source * gain, 160, 32, window=WINDOW, length=HALF_SECOND)


# %%
class Told(nn.Module):
    """A coder whose decoder is told who speaks: one vector for each voice."""

    def __init__(self, n_voices=6):
        super().__init__()
        self.coder = Coder(1, N_VOICE, settings.voice_channels, 2, channels=N_BANDS)
        self.voices = nn.Embedding(n_voices, 16)

    def forward(self, x, who):
        return self.coder(x, self.voices(who)[:, :, None])

    def decode(self, codes, who):
        return self.coder.decode(codes, self.voices(who)[:, :, None])


train_pressure, test_pressure = (mu_law.decode(x)[:, 0] for x in (train_words, test_words))
train_bands, test_bands = envelope(train_pressure), envelope(test_pressure)
torch.manual_seed(0)
told = Told()
config = FitConfig(epochs=settings.voice_epochs, batch_size=32, learning_rate=2e-3)
data_ = (train_bands, train_who)
history = fit(told, lambda model, x, who: equation_3(*model(x, who)), data_, config, log_every=40)
show_training(history, N_VOICE, "nats of density")

# %% [markdown]
# Now speak held-out words in four ways: from the true filter, from the codes with their own voice, the
# same at another voice's pitch, and from the codes with another voice at its pitch. (The "other" voice
# is the one three places further on in the list of six.)

# %%
voice_codes = encoded(told.coder, test_bands)
heard_pitch = pitch(train_pressure[:300])
hertz = torch.stack([heard_pitch[train_who[:300] == v].median() for v in range(6)])
other = (test_who + 3) % 6
own_bands = in_parts(told.decode, voice_codes, test_who)
other_bands = in_parts(told.decode, voice_codes, other)
sounds = {
    "recorded": test_pressure,
    "true filter, pulses": speak(test_bands, hertz[test_who]),
    "codes, own voice": speak(own_bands, hertz[test_who]),
    "codes, own voice, other pitch": speak(own_bands, hertz[other]),
    "codes, other voice": speak(other_bands, hertz[other]),
}
for row in ("recorded", "codes, own voice", "codes, other voice"):
    show_sound(sounds[row][i], voice_codes[i], N_VOICE, row)
print(f"error over variance, of the filter: {relative_error(test_bands, own_bands):.3f}")
listen(*(sounds[row][i] for i in chosen[:2] for row in ("recorded", "codes, other voice")))


# %% [markdown]
# The stripes are the same in all three figures; the two lower sounds were made from them. The bands
# of the word come back broader than they were. In the last figure, the loudness is spread over the
# bands in a different way. Its fine horizontal lines, one for each multiple of the pitch, differ from
# those of the middle figure, because the pitch is different.
#
# We hear what we hope to hear. So train a classifier on *recorded* words. It is linear, and it reads the
# loudness in 27 bands and 8 parts of the time. No sound of our own making is among its training data.

# %%
def reader(pressure, labels):
    """A linear classifier of sounds; returns a function sounds -> predicted labels."""

    def seen(sounds):
        loudness = 10 * torch.log10(spectrum(sounds).abs().square()[:, :80, :128] + 1e-3)
        return F.adaptive_avg_pool2d(loudness, (27, 8)).flatten(1)

    torch.manual_seed(0)
    x = seen(pressure)
    mean, std = x.mean(dim=0), x.std(dim=0) + 1e-3
    linear = nn.Linear(x.shape[1], int(labels.max()) + 1)
    optimizer = torch.optim.Adam(linear.parameters(), lr=2e-2, weight_decay=1e-3)
    for _ in range(100):
        loss = F.cross_entropy(linear((x - mean) / std), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return lambda sounds: linear((seen(sounds) - mean) / std).argmax(dim=1)


reads_word, reads_voice = reader(train_pressure, train_said), reader(train_pressure, train_who)
table = "| held-out words | word heard | own voice heard | other voice heard |\n|---|---|---|---|\n"
for row, sound in sounds.items():
    voice = reads_voice(sound)
    right = [(reads_word(sound) == test_said), (voice == test_who), (voice == other)]
    table += f"| {row} | " + " | ".join(f"{each.float().mean():.0%}" for each in right) + " |\n"
Markdown(table + "| chance | 10% | 17% | 17% |")

# %% [markdown]
# Compare the three rows of codes with each other. Another *pitch* alone changes almost nothing for this
# classifier. When the decoder is told another *voice*, the same codes are heard as that voice many times
# as often as before, and much less often as the old one. The change is partial, and fewer words are
# understood. (The second row shows what is lost through our pulses alone, so compare the codes with it,
# not with the first row.)
#
# How much do the codes still know about the voice? If code $k$ and label $y$ were independent, the pair
# $(k, y)$ would occur with the share $p(k)\,p(y)$. The KL divergence of the true shares $p(k, y)$ from
# these is called the *mutual information* of code and label.
#
# ### Exercise 15.3

# %% jupyter={"source_hidden": true} cellView="form"
ch15.mutual_information_bits.card()


# %%
def mutual_information_bits(codes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How many bits one code, from anywhere in a signal, tells about the signal's label.

    codes    (N, *positions) torch.long from 0, a field for each of N signals
    labels   (N,) torch.long from 0: every code of signal n is paired with labels[n]
    returns  one number: the sum over pairs (k, y) of p(k, y) log2( p(k, y) / (p(k) p(y)) ), where
             p are the shares among all pairs. A pair that never occurs adds nothing

    By hand: codes [[0, 0], [1, 1]] with labels [0, 1]: the code names the label, and the label is
             one of two. p(0, 0) = p(1, 1) = 1/2, each log2( (1/2) / (1/4) ) = 1, so 1 bit.
             codes [[0, 1], [0, 1]], same labels: all four pairs have 1/4, and log2 1 = 0. So 0 bits
    """
    ____


mutual_information_bits = ch15.mutual_information_bits.check(mutual_information_bits)

# %%
shuffled = torch.randperm(len(train_words), generator=torch.Generator().manual_seed(0))
all_codes = {
    "waveform codes": encoded(wave, train_words / 255),
    "filter codes, voice told": encoded(told.coder, train_bands),
}
table = "| bits that one code tells about | the word | the voice | shuffled |\n|---|---|---|---|\n"
for kind, codes in all_codes.items():
    tells = [mutual_information_bits(codes, labels).item() for labels in (train_said, train_who)]
    control = mutual_information_bits(codes, train_who[shuffled]).item()
    table += f"| {kind} | {tells[0]:.3f} | {tells[1]:.3f} | {control:.3f} |\n"
Markdown(table + f"| all there is | {math.log2(10):.2f} | {math.log2(6):.2f} | 0 |")

# %% [markdown]
# A waveform code tells more about the voice than about the word. With a decoder that is told the voice
# it is the other way round. (A filter code covers a time eight times as long, so it can tell more
# altogether.) A good part of the voice is still in the filter codes, because nothing in the loss
# forbids it. This fits the partial change above. The last column is a control: with finite counts, even
# shuffled labels seem to share a little information with the codes. The paper asks the same of phonemes:
# each of 128 codes stands for the phoneme that most often goes with it, and 49.3 % are right, against
# 7.2 % for random codes (section 4.3).
#
# ## 5 · A prior over the line
#
# Stage two is that of chapter 13. `CodePrior` is one interface for lines, fields and boxes of
# codes. What does a held-out code cost? And which words do we get when we ask the prior for a word?

# %%
from tutorial_lib.codes import CodePrior, code_prior_step


def trained_prior(n_dims, codes, labels, n_codes, epochs, batch_size, **options):
    """A prior over fields of codes, told the label of each."""
    torch.manual_seed(0)
    sizes = {"n_codes": n_codes, "n_channels": settings.prior_channels, "n_classes": 10}
    prior = CodePrior(n_dims=n_dims, **sizes, **options)
    config = FitConfig(epochs=epochs, batch_size=batch_size, learning_rate=4e-3)
    fit(prior, code_prior_step, (codes, labels), config)
    return prior.eval()


def bits_per_code(prior, codes, labels):
    """-log2 p(z | label) of each code: (N, *positions)."""
    logits = in_parts(prior, codes, labels)
    return F.cross_entropy(logits, codes, reduction="none") / math.log(2)


line = all_codes["filter codes, voice told"]
memory = {"n_layers": 4, "kernel_size": 7, "n_frequencies": 4}
word_prior = trained_prior(1, line, train_said, N_VOICE, settings.word_prior_epochs, 32, **memory)
bits = bits_per_code(word_prior, voice_codes, test_said).mean()
print(f"uniform {math.log2(N_VOICE):.2f} bits/code, prior {bits:.2f} bits/code", end=", ")
print(f"which are {62.5 * bits:.0f} bits a second")
asked = torch.arange(10).repeat_interleave(6)
generator = torch.Generator(device=device).manual_seed(1)
drawn = word_prior.sample(60, (32,), label=asked, generator=generator).cpu()
who = speaker_labels(60)  # each word in all six voices
spoken = speak(in_parts(told.decode, drawn, who), hertz[who])
for what, heard in {
    "word": reads_word(spoken) == asked,
    "voice": reads_voice(spoken) == who,
}.items():
    print(f"drawn words: the reader hears the {what} asked for in {heard.float().mean():.0%}")
show_sound(spoken[0], drawn[0], N_VOICE, f"drawn: {words.class_names[0]}")
listen(*(spoken[6 * k + v] for k in (0, 3) for v in (0, 3)))

# %% [markdown]
# The prior draws the filter of a word; the voice is chosen afterwards. You hear two words, each in
# two voices. The classifier recognises the word that was asked for more often than by chance (one in
# ten), but not often. And it cannot judge how natural the words sound, because it does not hear the
# single pulses, which `speak` makes more even than those of real speech.
#
# ## 6 · A box: clips
#
# For video no new model has to be written: `n_dims` is 3. We also choose the other settings anew, such
# as $K$, the number of channels and beta.

# %%
torch.manual_seed(0)
clip_coder = Coder(3, N_CLIP, settings.clip_channels, 2, n_levels=16, n_blocks=1)  # n_dims = 3
pieces = windows(train_clips, (8, 32, 32), background=0)
config = FitConfig(epochs=settings.clip_epochs, batch_size=4, learning_rate=3e-3)
history = fit(
    clip_coder,
    lambda model, levels: equation_3(*model(levels / 15), beta=0.05),
    (pieces,),
    config,
    log_every=40,
)
show_training(history, N_CLIP, "nats per pixel")

# %%
clip_codes = encoded(clip_coder, test_clips / 15)
clips_back = in_parts(clip_coder.decode, clip_codes)
c = 9
show_clip({"clip": test_clips[c, 0] / 15, "decoded": clips_back[c, 0]}, clip_codes[c], N_CLIP)
print(f"error over variance: {relative_error(test_clips / 15, clips_back):.3f}")

# %% [markdown]
# With only sixteen levels the decoder can be categorical, so its bits may be compared. Beta is smaller
# than for words, because the commitment loss is added to nats *per dimension*, and most pixels of a clip
# are black and cost almost nothing. Place, size, motion and the rough outline come back; the garment's
# cut and print do not. There is *one* slice of codes for four frames, so a code says not only what is in
# its block but also how it moves there.
#
# ## 7 · A prior over space and time
#
# The chain rule needs an order. In a clip there is a natural one: slice after slice, and within a
# slice as in an image.
#
# ### Exercise 15.4

# %% jupyter={"source_hidden": true} cellView="form"
ch15.may_read.card()


# %%
def may_read(shape: tuple[int, ...], place: tuple[int, ...]) -> torch.Tensor:
    """The past of one position of a field of codes, in raster order with time first.

    shape    (length,), (height, width) or (time, height, width)
    place    of the code that is to be predicted, one number for each axis
    returns  torch.bool of that shape: True where the prediction may read. All of an earlier frame
             is past; within the same frame, all of an earlier row; within the same row, what stands
             before it. Nothing else is

    By hand: shape (2, 2, 2), place (1, 0, 1). All four codes of frame 0, and in frame 1 the one
             before it: [[[1, 1], [1, 1]], [[1, 0], [0, 0]]]
    """
    ____


may_read = ch15.may_read.check(may_read)

# %% jupyter={"source_hidden": true}
shape, place = (4, 8, 8), (1, 3, 4)
time_first = may_read(shape, place)
time_last = may_read((8, 8, 4), (3, 4, 1)).movedim(-1, 0)
figure, axes = plt.subplots(2, 4, figsize=(7, 3.6), layout="tight")
for row, past in zip(axes, (time_first, time_last), strict=True):
    for time, ax in enumerate(row):
        ax.imshow(~past[time], cmap="Blues_r", vmin=0, vmax=1.3)
        ax.set(xticks=[], yticks=[], title=f"slice {time}")
        if time == place[0]:
            corner = (place[2] - 0.5, place[1] - 0.5)
            ax.add_patch(plt.Rectangle(corner, 1, 1, fill=False, ec="#d62728"))
for ax, label in zip(axes[:, 0], ("time first", "time last"), strict=True):
    ax.set_ylabel(label)
for label, past in (("first", time_first), ("last", time_last)):
    print(f"time {label}: {past.sum()} codes may be read, {past[2:].sum()} of them in later slices")

# %% [markdown]
# Codes in dark blue may be read when the code outlined in red is predicted; codes in light blue may not.
# Many tools keep time in the *last* axis, and no error warns of it: the coder accepts such a clip, the
# chain rule holds, and the cost is a true cost. But with time last a prediction reads later slices
# (lower row). Such a prior can never *continue* a clip: it would need the future to predict the present.
# Another way to lose time is to draw every slice as a picture by itself. Next we train such a prior, and
# one with time first, on the same codes:
#
# > **Predict.** Where in a clip does a prior that remembers save bits, and where does it not?
# >
# > <details><summary>A way to think about it</summary>
# >
# > What does each of the two know about the garment and its place at the start of the first slice? And
# > at the start of the second?
# >
# > </details>

# %%
boxes, epochs = encoded(clip_coder, train_clips / 15), settings.clip_prior_epochs
slices = boxes.flatten(0, 1), train_worn.repeat_interleave(4)
frame_prior = trained_prior(2, *slices, N_CLIP, epochs, 32, n_layers=3)
clip_prior = trained_prior(3, boxes, train_worn, N_CLIP, epochs, 8, n_layers=3)
worn_in_slices = test_worn.repeat_interleave(4)
by_slice = {
    "n_dims=2, slice by slice": bits_per_code(
        frame_prior, clip_codes.flatten(0, 1), worn_in_slices
    ).view(clip_codes.shape),
    "n_dims=3": bits_per_code(clip_prior, clip_codes, test_worn),
}
figure, ax = plt.subplots(figsize=(7, 2.4), layout="tight")
for way, each in by_slice.items():
    ax.plot(
        range(4), each.mean(dim=(0, 2, 3)), marker="o", label=f"{way}: {each.mean():.2f} in all"
    )
ax.set(xlabel="slice (four frames each)", ylabel="bits/code", xticks=range(4), ylim=(0, None))
ax.legend(fontsize=8);

# %% [markdown]
# On the first slice the two cost about the same. From the second slice on, the prior that remembers
# costs less, because the garment is still there, a little further on. The other prior costs about as
# much for each slice as for the first.
#
# Now continue clips. Give the coder only their first eight frames; they become two slices of codes. The
# prior draws the other two slices, code by code, with the loop of exercise 13.3 and one axis more.

# %%
from itertools import product

from tutorial_lib.sampling import draw


@torch.no_grad()
def continued(prior, given, label, n_slices, seed=0):
    """Boxes (B, t, h, w) of codes, drawn on to n_slices slices."""
    batch, t, height, width = given.shape
    codes = F.pad(given, (0, 0) * 2 + (0, n_slices - t)).to(device)  # 0 where one is to be drawn
    noise = torch.rand(codes.shape, generator=torch.Generator().manual_seed(seed)).to(device)
    for place in product(range(t, n_slices), range(height), range(width)):
        at = (slice(None), *place)
        logits = prior(codes, label.to(device))[(slice(None), slice(None), *place)]
        codes[at] = draw(logits, noise[at])
    return codes.cpu()


n = min(20, len(test_clips))
given = encoded(clip_coder, test_clips[:n, :, :8] / 15)
going_on = continued(clip_prior, given, test_worn[:n], 4)
futures = in_parts(clip_coder.decode, going_on)[:, 0]
mixed = torch.cat(
    [
        given,
        frame_prior.sample(2 * n, (8, 8), label=test_worn[:n].repeat_interleave(2))
        .cpu()
        .view(n, 2, 8, 8),
    ],
    dim=1,
)
no_memory = in_parts(clip_coder.decode, mixed)[:, 0]

# %%
import io

from IPython.display import Image
from PIL import Image as Picture


def play(rows):
    """Rows of clips (frames, H, W), from 0 to 1, as one moving picture that repeats."""
    lines = [
        torch.cat([F.pad(clip, (1, 1, 1, 1), value=0.6) for clip in row], dim=2) for row in rows
    ]
    frames = torch.cat(lines, dim=1).clamp(0, 1).repeat_interleave(2, 1).repeat_interleave(2, 2)
    pictures = [Picture.fromarray(frame.numpy()) for frame in (255 * frames).byte()]
    file, rest = io.BytesIO(), {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(file, "GIF", duration=160, loop=0, **rest)
    return Image(file.getvalue(), format="gif", alt="Above five clips, below their continuations")


truth, some = test_clips[:n, 0] / 15, [k for k in (0, 1, 3, 7, 9) if k < n]
strip = torch.cat([torch.stack([truth[k, ::2], futures[k, ::2]]).flatten(0, 1) for k in some[1:4]])
show_images(strip[:, None], n_columns=8, gutter=0.6)
plt.show()
play([[truth[k] for k in some], [futures[k] for k in some]])


# %% [markdown]
# The strip shows every second frame of three clips, each above its continuation; the moving picture
# shows five. Up to frame 7 both rows are the same clip, the lower one decoded. After it,
# the drawings begin near the place where the given part stopped. They lose their outline within a few
# frames, and become blobs that wander or grow. A prior as small as this one has learned little of motion.
#
# Does the drawn garment go where the true one goes? We compare the centres of the bright pixels.

# %%
def centre(frames):
    """(N, T, H, W) -> (N, T, 2): the mean row and column of the light, in pixels."""
    light = frames * (frames > 0.1) + 1e-6
    rows = light.sum(dim=3) @ torch.arange(32.0)
    columns = light.sum(dim=2) @ torch.arange(32.0)
    return torch.stack([rows, columns], dim=2) / light.sum(dim=(2, 3))[..., None]


guesses = {
    "continued, n_dims=3": futures,
    "continued, n_dims=2": no_memory,
    "stands still": truth[:, 7:8].expand(-1, 16, -1, -1),
}
figure, ax = plt.subplots(figsize=(7, 2.4), layout="tight")
for way, frames in guesses.items():
    off = (centre(frames) - centre(truth)).norm(dim=2).mean(dim=0)
    ax.plot(range(16), off, marker=".", label=f"{way}: {off[8:].mean():.1f} pixels")
ax.axvline(7.5, color="#d62728", lw=1)
ax.set(xlabel="frame (red: from here on drawn)", ylabel="pixels off", ylim=(0, None))
ax.legend(fontsize=8);

# %% [markdown]
# Just after the red line the prior with memory is nearer to the truth than the one that draws each
# slice by itself; a garment that stands still is nearer yet. Towards the end all three are far off. So
# the prior knows *where* the garment was, but hardly in which direction it moves. (The two lines part a
# frame early, because the decoder reads neighbouring slices together.) The paper's model is told the
# actions of a player and was trained for far longer; try the `gpu` profile.
#
# What does a clip cost, decoder and codes together, as in chapter 13?

# %%
import zlib

with torch.no_grad():
    x = (test_clips / 15).to(device)
    out = in_parts(
        lambda k: clip_coder.decoder(clip_coder.quantizer.lookup(k)), clip_codes, size=20
    )
    decoder_bits = clip_coder.cost(out.to(device), x).item() / math.log(2)
packed = sum(8 * len(zlib.compress(clip.numpy().tobytes(), 9)) for clip in test_clips)
per_pixel = clip_codes[0].numel() / test_clips[0].numel()
table = "| bits/dim of held-out clips | decoder | codes | total |\n|---|---|---|---|\n"
ways = {"uniform": math.log2(N_CLIP)} | {way: b.mean().item() for way, b in by_slice.items()}
for way, bits in ways.items():
    total = decoder_bits + bits * per_pixel
    table += f"| prior {way} | {decoder_bits:.3f} | {bits * per_pixel:.3f} | {total:.3f} |\n"
Markdown(table + f"| zlib, which packs any file | | | {packed / test_clips.numel():.3f} |")

# %% [markdown]
# Most bits belong to the decoder, for the exact grey of every pixel; the codes take only a small part.
# This is no way to store a clip. zlib stores repeated bytes only once, and in these clips the same pixels
# of a garment return in every frame.
#
# ## 8 · One prior interface

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
for n_dims, shape in ((1, (256,)), (2, (7, 7)), (3, (4, 8, 8))):
    prior = CodePrior(n_dims=n_dims, n_codes=64, n_channels=8, n_layers=2).eval()
    codes = prior.sample(2, shape)
    nats = prior.nll_nats(codes)
    network = type(prior.network).__name__
    print(f"n_dims={n_dims}: {network:13} codes {tuple(codes.shape)!s:13}", end=" ")
    print(f"logits {tuple(prior(codes).shape)!s:17} nats {tuple(nats.shape)}")

# %% [markdown]
# Inside are the gated layers of chapter 04. A line needs no vertical stack, because there are no rows
# above. A box has a spatial context as well (the `h` of chapter 05), computed from the slices before.

# %%
ch15.progress()

# %% [markdown]
# > **In words.** One code tells 0.4 bits about the voice and 0.2 bits about the word. A colleague
# > concludes that the codes are useless for recognising words. Is that right?
# >
# > <details><summary>An answer</summary>
# >
# > No. That is what *one* code tells, from an unknown moment. An utterance has many codes, and their
# > order tells more. (The bits do not simply add up either, because neighbouring codes say much the
# > same.) The information of single codes is a fair comparison of two labels, but no upper bound on what
# > a sequence can tell.
# >
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | VQ-VAE, sec. 3.1 | 1-D, 2-D, 3-D latent fields for speech, images, video | first figure, `Coder` | `VQVAE(n_dims=...)` |
# | VQ-VAE, eq. 3 | reconstruction, codebook, commitment | `equation_3`, for all three models | `VQVAE.forward` |
# | VQ-VAE, sec. 4.3; WaveNet, sec. 2.2 | speech in mu-law levels, codes 64 times fewer than samples | sections 1 and 2 | `data.mu_law`, `VQVAE.latent_shape` |
# | VQ-VAE, sec. 4.3 | a decoder that is told the speaker; voices converted | section 4, `Told` | - |
# | VQ-VAE, sec. 4.3 | codes and phonemes | section 4, with words and voices | - |
# | VQ-VAE, sec. 3.3 | an autoregressive prior over the codes, fitted afterwards | sections 5 and 7 | `CodePrior`, `GatedRow`, `GatedFrames` |
# | VQ-VAE, sec. 4.4 | video continued in the space of codes | section 7, `continued` | `CodePrior(n_dims=3)` |
# | Gated PixelCNN, eq. 5 | spatial conditioning | the slices before, section 7 | `GatedFrames.context` |
#
# ## From here
#
# This is the last chapter on models. You can go on in two directions. *Larger*: [17 · Training at
# scale](17_training_at_scale.ipynb) trains the same models on a GPU, or on several, for as long as
# they need; the `gpu` profile of this page is a beginning. *Other data*: take your own sounds or
# clips, cut them into windows as in section 3, and choose `n_dims`. The
# [contents](00_start_here.ipynb#Contents) list all chapters.
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. A. van den Oord et al.: *WaveNet: A Generative Model for Raw Audio*, 2016, arXiv 1609.03499.
# 3. A. van den Oord et al.: *Conditional Image Generation with PixelCNN Decoders*, 2016,
#    arXiv 1606.05328.
# 4. N. Srivastava, E. Mansimov, R. Salakhutdinov: *Unsupervised Learning of Video Representations
#    using LSTMs*, 2015, arXiv 1502.04681 (Moving MNIST, the model of the bouncing garments).
# 5. Z. Jackson et al.: *Free Spoken Digit Dataset*,
#    https://github.com/Jakobovski/free-spoken-digit-dataset (CC BY-SA 4.0).
