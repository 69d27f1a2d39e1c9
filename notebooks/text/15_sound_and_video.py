# %% [markdown]
# # 15 · Sound and video: the same quantizer, one line changed
#
# [← 13 · Two-stage generation](13_two_stage_generation.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [17 · Training at scale →](17_training_at_scale.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/15_sound_and_video.ipynb)
#
# A word is a line of samples, a clip is a box of pixels. Neither is an image, and nothing that we
# have built minds: not the codebook, not the loss, not the training loop, not the prior. One
# argument, `n_dims`, chooses the kind of convolution. This chapter listens to a line of codes and
# watches a box of them.
#
# **By the end you will have**
#
# - turned words into a line of codes, listened to what comes back, and counted bits a second;
# - measured what the codes know: about the word, about the voice;
# - turned clips into a box of codes, and drawn new words and new clips from one prior interface for
#   fields of one, two and three axes.
#
# **You need** chapters 10 (codebook), 11 (what codes cost) and 13 (a prior over codes).
#
# **Time** about an hour and a half of reading and exercises; running everything takes three to four
# minutes on a laptop. The `gpu` profile trains larger models for longer, in about ten minutes.

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
from tutorial_lib.exercises import ch15


@dataclass
class Settings:
    n_words: int  # training utterances: every 60 hold each word in each voice once
    n_heard: int  # held-out utterances
    word_epochs: int
    word_prior_epochs: int
    n_clips: int  # of one garment
    n_seen: int  # held-out clips
    clip_epochs: int
    clip_prior_epochs: int
    word_channels: int
    clip_channels: int
    prior_channels: int


settings = profiles.choose(
    smoke=Settings(120, 60, 1, 1, 40, 20, 1, 1, 8, 8, 8),
    laptop=Settings(2400, 300, 3, 3, 1200, 150, 4, 3, 32, 16, 32),
    gpu=Settings(2400, 300, 60, 30, 1200, 150, 40, 30, 96, 64, 96),
)
settings

# %% [markdown]
# ## What goes in, and what it becomes
#
# The words: real recordings of spoken digits if they lie in your cache (`python -m tutorial_lib
# data fetch spoken-digits` brings them, 16 MB), else *voiced tones*, ten invented words in six
# voices that are computed on the spot. Nothing is downloaded unasked. To choose yourself, set the
# environment variable `TUTORIAL_SPEECH` to `spoken-digits` or `voiced-tones`. Both have the same
# rate, lengths, splits and order, so from the next cell on nobody asks which it is.

# %%
from tutorial_lib import data

recorded = data.describe("spoken-digits").cached
name = os.environ.get("TUTORIAL_SPEECH") or ("spoken-digits" if recorded else "voiced-tones")
words = data.load(name)
clips = data.load("bouncing-garments").with_n_levels(16)
for dataset in (words, clips):
    shape, n_levels = tuple(dataset.train.levels.shape), dataset.n_levels
    print(f"{dataset.name}: {shape}, {n_levels} levels: {', '.join(dataset.class_names)}")

# %% [markdown]
# A word is (1, 8192): one channel, one axis of time, 8000 samples a second. A clip is (1, 16, 32,
# 32): one channel, then time, height, width, in 16 grey levels as in the chapters before. We keep
# the first half second of each word; most have ended by then. And of the clips those with a single
# garment, to keep the training short; the others have two, one in front.

# %%
import torch

device = profiles.device()
HALF_SECOND = 4096  # samples: 0.512 s
train_words = words.train.levels[: settings.n_words, :, :HALF_SECOND]
test_words = words.test.levels[: settings.n_heard, :, :HALF_SECOND]
train_said, test_said = (s.labels[: settings.n_words] for s in (words.train, words.test))
test_said = test_said[: settings.n_heard]
alone = (torch.arange(2400) // 10 % 2) == 0  # ten clips of one garment, ten of two, and so on
train_clips, train_worn = (part[alone][: settings.n_clips] for part in clips.train[:])
test_clips, test_worn = (part[alone[:300]][: settings.n_seen] for part in clips.test[:])

# %% [markdown]
# Two figures serve us all through the chapter: a sound over its codes, and a clip over its codes.
# In the sound's figure, the middle picture is a *spectrogram*. Time runs to the right, pitch
# upwards, and bright means loud: it shows which frequencies sound at each moment.

# %%
import matplotlib.pyplot as plt

from tutorial_lib.data import mu_law
from tutorial_lib.notebook import show_images, show_index_map


def spectrogram(pressure):
    """(T,) -> (81, moments): loudness in dB of 81 frequencies, every 5 ms."""
    window = torch.hann_window(160)
    spectrum = torch.stft(pressure, 160, 40, window=window, return_complex=True)
    return 10 * torch.log10(spectrum.abs().square() + 1e-3)


def show_sound(pressure, codes, n_codes, title=""):
    """Waveform, spectrogram and the line of codes, above one time axis in seconds."""
    options = {"layout": "tight", "sharex": True, "height_ratios": [2, 2, 0.7]}
    figure, (wave, bands, stripes) = plt.subplots(3, 1, figsize=(7, 3.6), **options)
    t = torch.arange(len(pressure)) / 8000
    wave.plot(t, pressure, lw=0.5)
    wave.set(ylim=(-1, 1), ylabel="pressure")
    wave.set_title(title, fontsize=9)
    seen = {"origin": "lower", "aspect": "auto", "cmap": "viridis", "vmin": -30, "vmax": 30}
    bands.imshow(spectrogram(pressure), extent=(0, t[-1], 0, 4), **seen)
    bands.set(ylabel="kHz")
    coloured = {"cmap": "nipy_spectral", "vmin": 0, "vmax": n_codes - 1, "aspect": "auto"}
    stripes.imshow(codes[None], extent=(0, t[-1], 0, 1), **coloured)
    stripes.set(yticks=[], ylabel="codes", xlabel="seconds")
    for ax in (bands, stripes):
        ax.grid(False)


# %%
def show_clip(rows, codes, n_codes):
    """Rows of frames, name -> (16, H, W), and under them the box of codes, slice by slice."""
    n = len(codes)
    size = {"figsize": (7, 1.9 * (len(rows) + 1)), "layout": "tight"}
    figure, axes = plt.subplots(len(rows) + 1, n, squeeze=False, **size)
    for time in range(n):
        part = slice(16 // n * time, 16 // n * (time + 1))
        for ax, frames in zip(axes[:, time], rows.values(), strict=False):
            show_images(frames[part, None], n_columns=2, gutter=0.6, ax=ax)
        show_index_map(codes[time], n_codes, ax=axes[-1, time])
        axes[0, time].set_title(f"frames {part.start} to {part.stop - 1}", fontsize=9)
    for ax, row in zip(axes[:, 0], [*rows, "codes"], strict=True):
        ax.set_ylabel(row)


# %% [markdown]
# And here is the whole chapter in one cell, before any training: two models that differ in
# `n_dims`, one word, one clip. (A codebook begins on vectors of its first batch; that is all that
# this one knows.)

# %%
from tutorial_lib.codes import VQVAE


@torch.no_grad()
def untrained_codes(n_dims, levels, **options):
    torch.manual_seed(0)
    model = VQVAE(n_dims=n_dims, in_channels=1, n_codes=64, code_dim=16, **options)
    x = levels / 255
    model.quantizer(model.encode(x))  # in train mode: the codes move onto these vectors
    return model.encode_indices(x)


word = mu_law.decode(test_words[:1])[0, 0]
show_sound(word, untrained_codes(1, test_words[:1], downsample=16)[0], 64, "n_dims=1")
box = untrained_codes(3, test_clips[9:10] * 17)[0]  # 16 levels as 256: 15 * 17 = 255
show_clip({"n_dims=3": test_clips[9, 0] / 15}, box, 64);

# %% [markdown]
# Coloured stripes under the sound, each of them one code for 16 samples. Four slices under the
# frames, each of 8×8 codes, and each code speaks for a block of 4 frames × 4 × 4 pixels. The shapes
# are final. What the codes *say* is still nothing; that is what training is for.
#
# > **From the reading notes.** *"However, for speech, images, and videos, we actually extract a 1D,
# > 2D and 3D latent feature space, respectively."* "Just too complicated for me", say the notes.
# >
# > Chapter 10 did the look-up with blocks. Here are the real networks, and the answer is the figure
# > above: the encoder keeps the *arrangement* of its input. From a line it makes a shorter line,
# > from a box a smaller box, and at every position of it stands one vector of D numbers, which
# > becomes one code. "1D, 2D, 3D" counts the axes of that arrangement. It is not the length of the
# > vectors (D = 16 in both models above). The next cells, up to section 7, are this sentence in
# > numbers.
#
# ## 1 · A sound as levels
#
# A microphone gives pressure, a number between −1 and 1, many times a second. With 256 levels in
# even steps, a whisper gets one or two of them. Telephones solved that long ago: small steps near
# silence, large ones where it is loud. WaveNet, which decodes speech in the VQ-VAE paper, reads
# sound in this form.
#
# ### Exercise 15.1

# %%
import math

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
# > **Predict.** The same word, at full loudness and a hundred times quieter. Which of the two ways
# > of spending 256 levels is better for the loud one, which for the quiet one?
# > <details><summary>A way to think about it</summary>An even step is 1/128 of pressure,
# > wherever you are. How many steps does a sound get that never leaves ±0.005?</details>

# %%
def even_round_trip(pressure, mu):
    levels = ((pressure + 1) / 2 * mu).round().long()
    return levels, levels / mu * 2 - 1


def relative_error(x, back):
    """Squared error over that of the best constant: 1 for a decoder that only knows the mean."""
    return ((x - back).square().sum() / (x - x.mean()).square().sum()).item()


loud = word / word.abs().max()
for factor in (1, 0.1, 0.01):
    even, curved = (f(factor * loud, 255)[1] for f in (even_round_trip, mu_law_round_trip))
    error = relative_error(factor * loud, even), relative_error(factor * loud, curved)
    print(f"loudness {factor:<4}  error, even steps {error[0]:.5f}   mu-law {error[1]:.5f}")

# %% [markdown]
# With even steps, a word that is ten times quieter has an error that is a hundred times larger, or
# more, beside the sound; in the last row it exceeds the sound itself. (Of 256 even levels none is
# exactly 0, so even silence comes back as 1/255. Beside a sound that never leaves ±0.01, that is a
# lot.) The mu-law loses far less on the way down, and it is ahead even at full loudness, because
# most samples of a loud word are quiet ones. So 8 bits a sample will do. Listen to three words of
# the test set as they come out of them:

# %%
from IPython.display import Audio


def listen(*pieces):
    """A player for pieces of sound (T,), one after the other."""
    pause = torch.zeros(1200)
    whole = torch.cat([part for piece in pieces for part in (piece, pause)])
    return Audio(whole.cpu().numpy(), rate=8000, normalize=False)


chosen = [1, 22, 41]  # held-out words of different voices
print("words:", ", ".join(words.class_names[test_said[i]] for i in chosen))
listen(*(mu_law.decode(test_words[i, 0]) for i in chosen))

# %% [markdown]
# (Without a kernel, as on a web page that shows notebooks, the player may be missing. The
# spectrograms below show the same.)
#
# ## 2 · How many bits a second?
#
# 8000 samples of 8 bits are 64 000 bits a second. And codes? It depends on how far the encoder
# shortens the line, and on K. For a clip it is the same question with more axes.
#
# ### Exercise 15.2

# %%
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

# %% [markdown]
# The paper's speech model (section 4.3) has six layers of stride 2 and K = 512. Its recordings have
# 16 000 samples a second. Ours has four such layers; a clip gets two, along all three axes.

# %% tags=["nbval-check-output"]
N_WORD_CODES, N_CLIP_CODES = 128, 64
table = {
    "our words": ((4096,), [(2,)] * 4, N_WORD_CODES, 8000, 8),
    "the paper's speech": ((16000 * 4,), [(2,)] * 6, 512, 16000, 16),
    "our clips": ((16, 32, 32), [(2, 2, 2)] * 2, N_CLIP_CODES, 8, 4),
}
print("                    signal        field        codes, bits/s   raw, bits/s   ratio")
for row, (shape, strides, K, per_second, bits) in table.items():
    field, rate = latent_bit_rate(shape, strides, K, per_second)
    n = torch.Size(shape).numel()
    raw = n * bits * per_second / shape[0]
    print(f"{row:19} {shape!s:13} {field!s:12} {rate:13.0f} {raw:13.0f} {raw / rate:7.1f}")


# %% [markdown]
# The codes of the paper's model take fewer bits a second than those of ours: there are half as many
# codes a second, of two bits more each. The ratio looks much larger because its raw signal has
# twice the samples and twice the bits a sample. And in the paper a WaveNet fills in what the codes
# leave out; our decoder is a few convolutions that must draw the very waveform. (The raw column
# counts 16 bits a sample for the paper, 8 for our mu-law, 4 for 16 grey levels. "8 frames a second"
# is our choice: the clips were computed and have no clock.)
#
# ## 3 · Training on words
#
# A convolution does not care how long its input is. So train on short windows, and leave out those
# that hold hardly anything but silence: many more steps for the same work. Afterwards the model
# reads whole words. The function is written for any number of axes, since clips come next.

# %%
def windows(levels, size, background):
    """(N, 1, *shape) cut into windows (M, 1, *size); nearly empty ones are left out."""
    for axis, length in enumerate(size, start=2):
        levels = levels.unfold(axis, length, length)
    pieces = levels.flatten(0, len(size) + 1)[:, None]
    filled = (pieces != background).flatten(1).float().mean(dim=1)
    return pieces[filled > 0.05].contiguous()


word_windows = windows(train_words, (1024,), mu_law.SILENCE)
print("words", tuple(train_words.shape), "-> windows", tuple(word_windows.shape))

# %% [markdown]
# The decoder of this model is a Gaussian: it answers with a mean for each sample and has one
# learned spread for all. (256 logits for each of 8000 samples a second would be a heavy load for a
# notebook. What that choice costs us we shall see in a moment.) The loss is equation 3, the step is
# the one of chapter 12, and neither knows that this is sound.

# %%
from tutorial_lib.training import FitConfig, fit


def stage_one(model, levels):
    """Equation 3, for signals of any number of axes."""
    x = levels / 255 if model.n_levels is None else levels.long()
    out = model(x)
    return {"loss": out.loss, "perplexity": out.quantized.perplexity}


torch.manual_seed(0)
shared = {"in_channels": 1, "code_dim": 16}
words_vqvae = VQVAE(
    n_dims=1,
    n_codes=N_WORD_CODES,
    downsample=16,
    n_channels=settings.word_channels,
    **shared,
)
config = FitConfig(epochs=settings.word_epochs, batch_size=16, learning_rate=2e-3)
fit(words_vqvae, stage_one, (word_windows,), config);


# %%
@torch.no_grad()
def encoded(model, levels):
    """All signals as fields of codes."""
    fields = []
    for part in levels.to(device).split(100):
        x = part / 255 if model.n_levels is None else part.long()
        fields.append(model.encode_indices(x).cpu())
    return torch.cat(fields)


@torch.no_grad()
def decoded(model, fields):
    """Signals from their codes alone, as numbers from 0 to 1."""
    parts = fields.to(device).split(100)
    return torch.cat([model.picture(model.decode_indices(part)).cpu() for part in parts])


def to_pressure(x):
    return mu_law.decode((255 * x).round().to(torch.uint8))


word_codes = encoded(words_vqvae, test_words)
words_back = decoded(words_vqvae, word_codes)
w = chosen[0]
show_sound(mu_law.decode(test_words[w, 0]), word_codes[w], N_WORD_CODES, "held-out word")
show_sound(to_pressure(words_back[w, 0]), word_codes[w], N_WORD_CODES, "from its codes");

# %% [markdown]
# The lower sound was made from the stripes alone. Loudness over time is about right, and so are the
# strong bands at the bottom of the spectrogram. Such bands are the *formants* that make an "a" an
# "a" and an "i" an "i". Those that lie high up are nearly lost, and between the bands there is a
# haze: noise. Closer, and in numbers:

# %%
figure, ax = plt.subplots(figsize=(7, 2.2), layout="tight")
loudest = mu_law.decode(test_words[w, 0]).abs().argmax().item()
part = slice(max(0, loudest - 120), loudest + 200)
t = torch.arange(part.start, part.stop) / 8
ax.plot(t, mu_law.decode(test_words[w, 0])[part], lw=1.5, label="word")
ax.plot(t, to_pressure(words_back[w, 0])[part], lw=1, label="from its codes")
ax.set(xlabel="milliseconds", ylabel="pressure")
ax.legend(loc="lower right", ncols=2)
x = test_words / 255
pressure, pressure_back = mu_law.decode(test_words), to_pressure(words_back)
print(f"error over variance: levels {relative_error(x, words_back):.3f},", end=" ")
print(f"pressure {relative_error(pressure, pressure_back):.3f} (1 is: says the mean, always)")

# %% [markdown]
# The ripple is followed wave by wave: its rhythm is right. Its height is not: here and there a peak
# is far too high or too low. That is the noise in the spectrogram. The same error looks larger in
# pressure than in levels: pressure is ruled by the few loudest samples, and the model was trained
# on levels. Always say which. Now the ears, word and decoded word in turn:

# %%
pairs = [(mu_law.decode(test_words[i, 0]), to_pressure(words_back[i, 0])) for i in chosen[:2]]
listen(*(sound for pair in pairs for sound in pair))

# %% [markdown]
# Hoarse, and the word is there. Are all codes at work?

# %%
from tutorial_lib.codes import code_counts, perplexity
from tutorial_lib.notebook import show_usage

counts = code_counts(word_codes, N_WORD_CODES)
show_usage(counts, perplexity(counts).item());

# %% [markdown]
# The tall bar is silence. The rest is spread over many codes.
#
# ### A wrong way: a density is not a probability
#
# The decoder can score. Its negative log-likelihood, divided by the number of samples and by
# log 2, *looks* like the bits/dim of all chapters before:

# %%
from tutorial_lib.pixels import bits_per_dim

with torch.inference_mode():
    found = words_vqvae.to(device).decode_indices(word_codes.to(device))
    nats = words_vqvae.decoder_nll_nats(found, x.to(device)).mean().item()
so_called = bits_per_dim(nats, HALF_SECOND)
for top, scale in {1: "0 .. 1", 255: "0 .. 255", 65535: "0 .. 65535"}.items():
    print(f'levels written as {scale:10}: {so_called + math.log2(top):6.2f} "bits/dim"')

# %% [markdown]
# One model, one set of sounds, three numbers: only the ruler has changed. On the first it may even
# fall below 0, which no real code can. A Gaussian gives a *density*, and its logarithm moves with
# the unit of x: stretch the axis by 255 and log2 255 bits are added. Such a number must never stand
# in a table beside the bits/dim of a PixelCNN.
#
# There is an honest way. The sounds *have* 256 levels. Give each level the area under the bell
# curve over its own width: that is a probability, and no stretching of the axis moves it. Then add
# what the codes cost.

# %%
spread = words_vqvae.log_sigma.exp().item()
off, half = (found.cpu() - x).abs().double(), 0.5 / 255
left, right = (-half - off) / spread, (half - off) / spread  # by symmetry, on the exact side
area = torch.special.ndtr(right) - torch.special.ndtr(left)
decoder_bits = -area.log2().mean().item()
rate_bits = math.log2(N_WORD_CODES) / 16
levels_share = code_counts(train_words.long(), 256) / train_words.numel()
histogram = levels_share.clamp_min(1e-6).log2()[test_words.long()].mean().item()
total = decoder_bits + rate_bits
print(f"decoder {decoder_bits:.2f} + codes {rate_bits:.2f} = {total:.2f} bits/dim")
print(f"raw 8.00; each level by its overall frequency {-histogram:.2f} bits/dim")

# %% [markdown]
# Now it is a fair number, and a sobering one. A single spread for silence and for the loudest vowel
# is a poor description of levels: compare it with the last number, which knows nothing but how
# often each level occurs. This decoder was made for the ear, not for lossless coding. Had we
# printed the first line alone, nobody would have seen it.
#
# ## 4 · What do the codes know?
#
# The paper asks (section 4.3): nobody told the model about phonemes. Did its codes find them? It
# takes codes at 25 a second, gives each of 128 codes the phoneme that most often goes with it, and
# is right 49.3 % of the time, against 7.2 % for random codes. We have no phonemes, but we know the
# word and the voice of every utterance. So: how much does *one* code, from anywhere in an
# utterance, tell about each?
#
# If code and word had nothing to do with each other, a pair (k, y) would occur with the share
# p(k) p(y). Its true share is p(k, y). How far apart the two are is a KL divergence, as in chapter
# 09, here in bits. It is called the *mutual information*: 0 if the code says nothing about the
# label, and the entropy of the label if it says all.
#
# ### Exercise 15.3

# %%
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

# %% [markdown]
# A warning before the numbers: from finite counts, even codes that know nothing seem to know a
# little. The control says how little: the same codes with the labels of other utterances.

# %%
from tutorial_lib.data.voiced_tones import speaker_labels

train_codes = encoded(words_vqvae, train_words)
train_who, test_who = speaker_labels(len(train_words)), speaker_labels(len(test_words))
shuffled = torch.randperm(len(train_codes), generator=torch.Generator().manual_seed(0))
for what, labels, n in (("word", train_said, 10), ("voice", train_who, 6)):
    told = mutual_information_bits(train_codes, labels).item()
    control = mutual_information_bits(train_codes, labels[shuffled]).item()
    print(f"{what}: {told:.3f} of {math.log2(n):.2f} bits; with shuffled labels {control:.4f}")

# %% [markdown]
# One code stands for 16 samples, two thousandths of a second, but its encoder reads more samples
# around them: a few pulses of the voice. It tells a little of both, far above the control and far
# below all there is to know. In the paper's own way, with each code standing for the word that it
# most often goes with:

# %%
pairs = train_codes * 10 + train_said[:, None]
seen_with = torch.bincount(pairs.flatten(), minlength=10 * N_WORD_CODES).view(-1, 10)
right = seen_with.argmax(dim=1)[word_codes] == test_said[:, None]
print(f"one code, held-out: {right.float().mean():.1%} right, chance 10.0%")


# %% [markdown]
# Together, 256 codes should know more. Give them to the weakest reader there is, a *linear*
# classifier, in two ways. A **bag** counts how often each code occurs and forgets when. **Eighths**
# are eight bags, one for each eighth of the time. Beside them, the same classifier on the levels
# themselves and on the spectrogram.
#
# > **Predict.** Which of the four will fail on the words, and why?
# > <details><summary>A way to think about it</summary>A linear classifier adds up evidence sample
# > by sample. Move a wave by half a period and every sample turns its sign. And what does a bag
# > make of two words that are one another's reverse?</details>

# %%
def bags(codes, n_parts):
    """How often each code occurs in each part of the time: (N, n_parts * K) shares."""
    parts = codes.unflatten(1, (n_parts, -1))
    counts = torch.zeros(*parts.shape[:2], N_WORD_CODES)
    return counts.scatter_add_(2, parts, torch.ones(parts.shape)).flatten(1) / parts.shape[2]


def bands(levels):
    """The spectrogram in 27 bands and 8 parts of the time: (N, 216) in dB."""
    heard = torch.stack([spectrogram(mu_law.decode(one[0])) for one in levels])
    return torch.nn.functional.adaptive_avg_pool2d(heard, (27, 8)).flatten(1)


def linear_reader(seen, labels):
    """A linear classifier by logistic regression; returns a function features -> predictions."""
    torch.manual_seed(0)
    mean, std = seen.mean(dim=0), seen.std(dim=0) + 1e-3
    reader = torch.nn.Linear(seen.shape[1], int(labels.max()) + 1)
    optimizer = torch.optim.Adam(reader.parameters(), lr=2e-2, weight_decay=1e-3)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(reader((seen - mean) / std), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return lambda features: reader((features - mean) / std).argmax(dim=1)


# %%
looks = {
    "levels": (train_words[:, 0] / 255, test_words[:, 0] / 255),
    "spectrogram": (bands(train_words), bands(test_words)),
    "codes, a bag": (bags(train_codes, 1), bags(word_codes, 1)),
    "codes, eighths": (bags(train_codes, 8), bags(word_codes, 8)),
}
said, voice = {}, {}
for look, (seen, new) in looks.items():
    said[look] = linear_reader(seen, train_said)(new)
    voice[look] = linear_reader(seen, train_who)(new)
word_reader = linear_reader(looks["codes, eighths"][0], train_said)

figure, axes = plt.subplots(1, 2, figsize=(7, 2.2), layout="tight", sharey=True)
for ax, guesses, truth, n in zip(axes, (said, voice), (test_said, test_who), (10, 6), strict=True):
    share = [100 * (guess == truth).float().mean().item() for guess in guesses.values()]
    ax.barh(list(looks), share, color=["#e6a04c"] * 2 + ["#3b76af"] * 2)
    ax.axvline(100 / n, color="#d62728", lw=1)
    for y, value in enumerate(share):
        ax.text(value, y, f" {value:.0f}", va="center")
    title = "word (red: chance)" if n == 10 else "voice"
    ax.set(xlabel="held-out, % right", xlim=(0, 115), title=title)
    ax.grid(axis="y", visible=False)
axes[0].invert_yaxis();

# %% [markdown]
# For the words, the levels come last: a word that is said a moment later is another vector
# altogether. A code may well say where in its period the wave stands. But a bag counts over many
# periods, so each of these codes comes up about equally often wherever the word begins. That is why
# counting works. Whether it does as well as a spectrogram, which acoustics made for the purpose,
# the bars tell. And order matters: eighths do better than the bag.
#
# Now the voice. Together the codes give it away, too: pitch and vocal tract are in every vowel. And
# the levels, poor at words, can be good at voices if the recordings begin alike. Our voiced tones
# all begin with their pulses in step, so their first samples betray the pitch. Real recordings
# begin anywhere.
#
# Back to the words: who is confused with whom?

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="tight", sharey=True)
for ax, look in zip(axes, ("codes, a bag", "codes, eighths"), strict=True):
    confused = torch.zeros(10, 10)
    confused.index_put_((test_said, said[look]), torch.ones(len(test_said)), accumulate=True)
    ax.imshow(confused / confused.sum(dim=1, keepdim=True), cmap="viridis", vmin=0, vmax=1)
    ax.set(xticks=range(10), yticks=range(10), xlabel="read as", title=look)
    ax.set_xticklabels(words.class_names, rotation=90)
    ax.set_yticklabels(words.class_names)
    ax.grid(False)
axes[0].set_ylabel("said");

# %% [markdown]
# Among the voiced tones, three pairs are made of the same sounds in reverse: *ami* and *ima*, *olu*
# and *ulo*, *ane* and *ena*. For the bag they are hard to tell apart, and most of its errors stand
# there: the two by two squares along the diagonal, from the upper left. It is not helpless: pitch
# falls towards the end of a word, so an early "a" and a late "a" differ a little. Eighths of the
# time tell them apart.
#
# ## 5 · A prior over the line
#
# Stage two, as in chapter 13: the VQ-VAE is frozen, and a model learns which codes follow which.
# `CodePrior` is one interface for fields of one, two and three axes:

# %%
from tutorial_lib.codes import CodePrior, code_prior_step


def trained_prior(n_dims, fields, labels, epochs, batch_size, **options):
    """A prior over fields of codes, told the label of each."""
    torch.manual_seed(0)
    sizes = {"n_channels": settings.prior_channels, "n_classes": 10, **options}
    prior = CodePrior(n_dims=n_dims, **sizes)
    config = FitConfig(epochs=epochs, batch_size=batch_size, learning_rate=4e-3)
    fit(prior, code_prior_step, (fields, labels), config)
    return prior


long_memory = {"n_layers": 4, "kernel_size": 15, "n_frequencies": 4}
sizes = {"n_codes": N_WORD_CODES, **long_memory}
word_prior = trained_prior(1, train_codes, train_said, settings.word_prior_epochs, 32, **sizes)
print(f"a prediction reads the {word_prior.memory} codes before it: {word_prior.memory * 2} ms")


# %% [markdown]
# What does a held-out code cost, for someone who knows nothing, for someone who knows how often
# each code occurs, and for the prior?

# %%
@torch.inference_mode()
def bits_per_code(prior, fields, labels):
    """-log2 p(z | label) of each code: (N, *positions)."""
    parts = zip(fields.split(50), labels.split(50), strict=True)
    logits = torch.cat([prior(field.to(device), y.to(device)).cpu() for field, y in parts])
    return torch.nn.functional.cross_entropy(logits, fields, reduction="none") / math.log(2)


def known_frequencies(train_fields, fields, n_codes):
    """The same with the overall frequencies of the training codes, each counted once more."""
    counts = code_counts(train_fields, n_codes) + 1
    return -(counts / counts.sum()).log2()[fields]


by_prior = bits_per_code(word_prior, word_codes, test_said)
ways = {
    "uniform": torch.full(word_codes.shape, math.log2(N_WORD_CODES)),
    "frequencies": known_frequencies(train_codes, word_codes, N_WORD_CODES),
    "prior": by_prior,
}
for way, bits in ways.items():
    print(f"{way:12} {bits.mean():5.2f} bits/code, {500 * bits.mean():6.0f} bits/s")

# %% [markdown]
# The frequencies know silence. The prior knows more: how a sound goes on. Draw its bill under a
# word, code by code.

# %%
i = chosen[1]
options = {"layout": "tight", "sharex": True, "height_ratios": [1, 1.2]}
figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 2.8), **options)
t = torch.arange(HALF_SECOND) / 8000
top.plot(t, mu_law.decode(test_words[i, 0]), lw=0.5)
top.set(ylabel="pressure", title=words.class_names[test_said[i]])
bottom.bar(torch.arange(256) / 500, by_prior[i], width=1 / 500, align="edge")
bottom.axhline(math.log2(N_WORD_CODES), color="#d62728", lw=1, label="uniform")
bottom.set(xlabel="seconds", ylabel="bits")
bottom.legend(loc="upper right");

# %% [markdown]
# Silence after the word costs next to nothing. (If a bar stands at the very end, it is the edge of
# the sound, where the encoder reads zeros.) Within the word codes are dear, and now and then there
# is one that the prior did not expect at all. Now let the prior speak. One line of codes for each
# of three words, and back through the decoder:

# %%
generator = torch.Generator(device=device).manual_seed(1)
asked = torch.arange(10).repeat_interleave(2 if profiles.current() == "smoke" else 6)
drawn = word_prior.sample(len(asked), (256,), label=asked, generator=generator).cpu()
spoken = decoded(words_vqvae, drawn)
first = (asked == 0).nonzero()[0].item()
title = f"drawn, asked for: {words.class_names[0]}"
show_sound(to_pressure(spoken[first, 0]), drawn[first], N_WORD_CODES, title)
print("words asked for:", ", ".join(words.class_names[k] for k in (0, 3, 8)))
listen(*(to_pressure(spoken[(asked == k).nonzero()[0, 0], 0]) for k in (0, 3, 8)))

# %% [markdown]
# Is it the word that was asked for? Our ears are biased. The reader of section 4 is not: it was
# trained on codes of real words, and never heard of this prior.

# %%
for kind, codes, labels in (("held-out", word_codes, test_said), ("drawn", drawn, asked)):
    share = (word_reader(bags(codes, 8)) == labels).float().mean()
    print(f"{kind:9} words: the reader hears the right word in {share:.0%}, chance 10%")

# %% [markdown]
# With the voiced tones and the `laptop` profile, the reader hears the word most of the time. Do not
# conclude that the prior speaks as well as people (or our tones) do. The reader counts codes in
# eighths of the time, and is deaf to what goes wrong: in a voice the pulses come at an even pitch
# over the whole word, and a memory of some fifty milliseconds keeps a pitch for a few pulses only.
# Look for the ragged pulses in the figure, or listen. A metric sees what it was made to see.
#
# ## 6 · A box: clips
#
# And now video. What has to be written anew? Look for the difference to section 3:

# %%
torch.manual_seed(0)
clips_vqvae = VQVAE(
    n_dims=3,  # this line
    n_codes=N_CLIP_CODES,
    downsample=4,
    n_channels=settings.clip_channels,
    n_levels=16,  # 16 levels: a categorical decoder, real bits
    n_blocks=1,
    commitment_weight=0.05,
    **shared,
)
clip_windows = windows(train_clips, (8, 32, 32), background=0)
print("clips", tuple(train_clips.shape), "-> windows", tuple(clip_windows.shape))
config = FitConfig(epochs=settings.clip_epochs, batch_size=4, learning_rate=3e-3)
fit(clips_vqvae, stage_one, (clip_windows,), config);

# %% [markdown]
# The line is `n_dims=3`: `stage_one`, `windows`, `encoded`, `decoded` and `fit` are the functions
# of section 3. Three settings suit the signal: a decoder for 16 levels, one residual block in the
# place of two, which saves time, and a smaller beta. K and the widths are chosen anew as well.
# (Beta stands beside nats *per dimension*, and most pixels of a clip are black and cost nothing.
# With 0.25, short trial runs at times ended with a single code for everything: staying near the
# code was worth more than the garment. Watch the perplexity.)
#
# And the quantizer? It is the same class, and more than that: *one* object looks up lines,
# rectangles and boxes. Every position is one row of a list.

# %% tags=["nbval-check-output"]
from tutorial_lib.codes import VectorQuantizer

quantizer = VectorQuantizer(64, 16).eval()
for positions in ((256,), (7, 7), (4, 8, 8)):
    out = quantizer(torch.zeros(2, 16, *positions))
    print(f"z_e {(2, 16, *positions)} -> codes {tuple(out.indices.shape)}")
for n_dims, model in ((1, words_vqvae), (3, clips_vqvae)):
    first = model.encoder[0]
    print(f"n_dims={n_dims}: {type(first).__name__}, {type(model.quantizer).__name__}")

# %%
clip_codes = encoded(clips_vqvae, test_clips)
clips_back = decoded(clips_vqvae, clip_codes)
c = 9
show_clip({"clip": test_clips[c, 0] / 15, "decoded": clips_back[c, 0]}, clip_codes[c], N_CLIP_CODES)
print(f"error over variance: {relative_error(test_clips / 15, clips_back):.3f}")

# %% [markdown]
# Each column is a quarter of the clip: four frames, and the slice of the box that speaks for them.
# There is *one* slice for four frames, so its codes have to say not only what is in a block but how
# it moves through. That is the third axis at work. Place, size and motion come back, the garment's
# cut hardly: a few minutes of training do not reach further.
#
# Do you see the garment in the slices? It is hard to find, and that is a lesson. Nobody asked for
# *one* code that means "black". The decoder reads each code among its neighbours, and many patterns
# of codes may stand for the same empty corner. Chapter 10's blocks could be read one by one;
# learned codes are read together.
#
# This decoder has levels, so its bits may be counted, with the rate of the codes:

# %%
import zlib

nats = 0.0
for codes, levels in zip(clip_codes.split(20), test_clips.split(20), strict=True):
    with torch.inference_mode():
        logits = clips_vqvae.decode_indices(codes.to(device))
        nats += clips_vqvae.decoder_nll_nats(logits, levels.long().to(device)).sum().item()
N_PIXELS = 16 * 32 * 32
decoder_bits = bits_per_dim(nats / len(test_clips), N_PIXELS)
rate_bits = clip_codes[0].numel() * math.log2(N_CLIP_CODES) / N_PIXELS
packed = sum(8 * len(zlib.compress(clip.numpy().tobytes(), 9)) for clip in test_clips)
total = decoder_bits + rate_bits
print(f"decoder {decoder_bits:.3f} + codes {rate_bits:.3f} = {total:.3f} bits/dim")
print(f"raw 4 bits/dim, packed by zlib {packed / test_clips.numel():.3f} bits/dim")

# %% [markdown]
# This is not a good way to store a clip: zlib, which packs files of any kind and has never seen a
# garment, needs far fewer bits than we do. It even has an unfair advantage on these clips, in which
# a garment is the same pixels in every frame: zlib lives on repeats. See where our bits go. Most
# are the decoder's, for the exact grey of every pixel; the codes are the thin part.
#
# ### A wrong way: time last
#
# Many tools keep frames in the last axis: (height, width, time). Nothing complains.
#
# > **Predict.** Feed clips as (1, 32, 32, 16). Which line fails?
# > <details><summary>A way to think about it</summary>What does a convolution with kernel 4 and
# > stride 2 along all three axes know about which of them is time?</details>

# %%
turned = test_clips[c : c + 1].permute(0, 1, 3, 4, 2)  # (1, 1, 32, 32, 16): time last
wrong_codes = encoded(clips_vqvae, turned)
print("codes of the clip      ", tuple(clip_codes[c].shape))
print("codes with time last   ", tuple(wrong_codes[0].shape))
figure, axes = plt.subplots(1, 4, figsize=(7, 2), layout="tight")
for time, ax in enumerate(axes):
    show_index_map(wrong_codes[0, time], N_CLIP_CODES, ax=ax)
    ax.set_title(f'"time" {time}', fontsize=9)

# %% [markdown]
# No line fails. What is drawn as the first four slices in time are rows of the picture: eight high
# and four wide, with the clip's real time running to the right. All shapes are legal, the losses
# fall when one trains like that (a convolution does not know which axis is time), and only the
# *order* is broken: the next section's "past" would then hold codes of the last frame before the
# first one is complete.
#
# ## 7 · A prior over space and time
#
# From here on, a "frame" of a field of codes is one slice of the box. It stands for four frames of
# the clip.
#
# The chain rule needs an order. In a clip there is a natural one: frame after frame, and within a
# frame as in an image. What may a prediction read?
#
# ### Exercise 15.4

# %%
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

# %% [markdown]
# Blue may be read, red is the place. Above with time first; below, the same place in raster order
# with time *last*.

# %%
shape, place = (4, 8, 8), (1, 3, 4)
time_first = may_read(shape, place)
time_last = may_read((8, 8, 4), (3, 4, 1)).movedim(-1, 0)
figure, axes = plt.subplots(2, 4, figsize=(7, 3.6), layout="tight")
for row, past in zip(axes, (time_first, time_last), strict=True):
    for time, ax in enumerate(row):
        ax.imshow(~past[time], cmap="Blues_r", vmin=0, vmax=1.3)
        ax.set(xticks=[], yticks=[], title=f"frame {time}")
        if time == place[0]:
            box = plt.Rectangle((place[2] - 0.5, place[1] - 0.5), 1, 1, fill=False, ec="#d62728")
            ax.add_patch(box)
for ax, label in zip(axes[:, 0], ("time first", "time last"), strict=True):
    ax.set_ylabel(label)
for label, past in (("first", time_first), ("last", time_last)):
    print(f"time {label}: {past.sum()} codes may be read, {past[2:].sum()} of them in later frames")

# %% [markdown]
# Both orders are legal for the chain rule, which is why nothing warns. The lower one gives a proper
# probability and even a fair score in bits. But it draws all four moments of the upper half before
# any moment of the lower half. It can never *continue* a clip, because to say what comes next it
# has to be told what comes after.
#
# A second way to lose time is subtler: keep the order, and forget to look back far enough. One
# interface, three priors, on the same volumes:
#
# - `n_dims=1` over the volume as one line of 256 codes: legal, raster order. But a frame is 64
#   codes long. With a memory of 28, the frame before is out of reach;
# - `n_dims=2` over each slice alone: every frame as if it were a picture by itself;
# - `n_dims=3`: the frame's own past, and the two frames before it.
#
# All three see the same clips, eight to a step, for as many steps.
#
# > **Predict.** Order them by bits per code. Which codes of a clip will be the dearest?
# > <details><summary>A way to think about it</summary>Where the garment is, is a surprise once.
# > What does each of the three know at the start of the second slice?</details>

# %%
train_fields = encoded(clips_vqvae, train_clips)
sizes, epochs = {"n_codes": N_CLIP_CODES}, settings.clip_prior_epochs
line_prior = trained_prior(
    1, train_fields.flatten(1), train_worn, epochs, 8, **sizes, **long_memory
)
in_slices = train_fields.flatten(0, 1), train_worn.repeat_interleave(4)
frame_prior = trained_prior(2, *in_slices, epochs, 4 * 8, **sizes, n_layers=3)
clip_prior = trained_prior(3, train_fields, train_worn, epochs, 8, **sizes, n_layers=3)

# %%
slices, worn_in_slices = clip_codes.flatten(0, 1), test_worn.repeat_interleave(4)
bits = {
    "frequencies": known_frequencies(train_fields, clip_codes, N_CLIP_CODES),
    "n_dims=1, a line": bits_per_code(line_prior, clip_codes.flatten(1), test_worn),
    "n_dims=2, frame by frame": bits_per_code(frame_prior, slices, worn_in_slices),
    "n_dims=3": bits_per_code(clip_prior, clip_codes, test_worn),
}
bits = {way: each.reshape(clip_codes.shape) for way, each in bits.items()}
print(f"{'uniform':25} {math.log2(N_CLIP_CODES):.2f} bits/code")
figure, ax = plt.subplots(figsize=(7, 2.6), layout="tight")
for way, each in bits.items():
    ax.plot(range(4), each.mean(dim=(0, 2, 3)), marker="o", label=way)
    print(f"{way:25} {each.mean():.2f} bits/code")
ax.set(xlabel="slice (four frames each)", ylabel="bits/code", xticks=range(4), ylim=(0, None))
ax.legend(fontsize=8);

# %% [markdown]
# Look at the step from slice 0 to slice 1. On the first slice `n_dims=3` has no advantage. After
# it, its codes become cheaper, because the garment is still there, a little further on. The other
# two pay about the same for every slice: for them each moment is the first one. All three are
# honest probabilities of the same codes, so the comparison is fair; but a table with one mean each
# would hide *where* the difference comes from.
#
# One can measure it on drawn clips, too. Where one slice ends and the next begins, two frames are
# neighbours in time. How much do they have in common?

# %%
wanted = torch.tensor([0, 1, 7, 9, 8]).repeat(1 if profiles.current() == "smoke" else 6)
n, generator = len(wanted), torch.Generator(device=device).manual_seed(2)
boxes = {"n_dims=3": clip_prior.sample(n, (4, 8, 8), label=wanted, generator=generator).cpu()}
each = wanted.repeat_interleave(4)
apart = frame_prior.sample(4 * n, (8, 8), label=each, generator=generator).cpu()
boxes["n_dims=2"] = apart.view(n, 4, 8, 8)
drawn_clips = {way: decoded(clips_vqvae, codes) for way, codes in boxes.items()}
figure, axes = plt.subplots(2, 1, figsize=(7, 5.4), layout="tight")
for ax, (way, frames) in zip(axes, drawn_clips.items(), strict=True):
    every_second = frames[:3, 0, 1::2].flatten(0, 1)
    show_images(every_second[:, None], n_columns=8, gutter=0.6, ax=ax)
    ax.set_title(f"{way}: {', '.join(clips.class_names[k] for k in wanted[:3])}", fontsize=9)


# %%
def in_common(frames):
    """Cosine of the last frame of a slice and the first of the next; black ones share nothing."""
    lit = frames * (frames > 0.1)
    last, following = lit[:, 0, 3:-1:4].flatten(2), lit[:, 0, 4::4].flatten(2)
    return torch.nn.functional.cosine_similarity(last, following, dim=2).mean().item()


mixed = clip_codes.flatten(0, 1)
mixed = mixed[torch.randperm(len(mixed), generator=torch.Generator().manual_seed(0))]
print(f"held-out clips, decoded: {in_common(clips_back):.2f}")
print(
    f"slices of different clips: {in_common(decoded(clips_vqvae, mixed.view_as(clip_codes))):.2f}"
)
for way, frames in drawn_clips.items():
    print(f"drawn, {way}: {in_common(frames):.2f}")

# %% [markdown]
# One clip a row, two frames for each slice. Both priors draw blobs that come and go; this was very
# little training. Below, each slice was drawn without a look at the others. Do not trust the eye
# alone here: the decoder reads neighbouring slices together, and makes a smooth passage of whatever
# stands side by side. That is why there is a second line, slices of different clips: it says how
# much of the likeness is the decoder's own work. Only what lies above it can come from the prior,
# and with `n_dims=2` nothing should: there each slice was drawn by itself.
#
# Stage one and stage two together are one generative model, whatever the number of axes:

# %%
from tutorial_lib.codes import TwoStageModel
from tutorial_lib.notebook import show_stacked_bits

whole = TwoStageModel(clips_vqvae, clip_prior.to(device)).eval()
with torch.inference_mode():
    part = slice(0, min(50, len(test_clips)))
    terms = whole.terms(test_clips[part].long().to(device), test_worn[part].to(device))
decoder, uniform, learned = (bits_per_dim(t.mean().item(), N_PIXELS) for t in terms)
figure, ax = plt.subplots(figsize=(7, 2.2), layout="tight")
show_stacked_bits({"uniform prior": (decoder, uniform), "CodePrior": (decoder, learned)}, ax=ax);

# %% [markdown]
# Total bits/dim, every part of it included, as in chapter 13. (Here of the first fifty held-out
# clips, so the upper bar differs a little from the sum in section 6. The lower bar has the prior
# with `n_dims=3`.) With the words we could not draw this
# figure: `whole.terms` of a model with a Gaussian decoder refuses, and says why.

# %%
try:
    TwoStageModel(words_vqvae, word_prior).terms(test_words[:1].long())
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
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
# Same calls, same shapes but for the positions. Inside are chapter 04's gated layers: for a line
# without the vertical stack, which would read nothing but zeros; for a box with a spatial context,
# chapter 05's `h`, that is computed from the frames before.

# %%
ch15.progress()

# %% [markdown]
# > **In words.** Suppose one code of a model tells 0.4 bits about the voice and 0.2 bits about the
# > word. A colleague concludes that the codes are useless for recognising words. Is that right?
# > <details><summary>An answer</summary>
# >
# > No. That is what *one* code tells, from an unknown moment. An utterance has 256 of them, and
# > their order; together, ours told the reader of section 4 far more than one of them could. Nor
# > does it add up to 256 × 0.2 bits, since neighbouring codes say much the same. Information of
# > single codes compares two labels fairly; it is no ceiling for what a sequence can tell.
# >
# > </details>
#
# > **In words.** Why do the speech codes of the paper, at 64 or more samples each, forget the
# > speaker, while a reader finds the voice in ours?
# > <details><summary>An answer</summary>
# >
# > Two reasons. The paper's decoder is *told* the speaker, so codes need not spend bits on it. It
# > is a WaveNet, which can fill in a plausible waveform by itself; ours must reproduce this one,
# > pulse by pulse, so pitch has to be in the codes.
# >
# > </details>
#
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | VQ-VAE, sec. 3.1 | 1-D, 2-D, 3-D latent fields for speech, images, video | first figure, sections 3 and 6 | `VQVAE(n_dims=...)` |
# | VQ-VAE, eq. 3 | reconstruction, codebook, commitment | `stage_one`, for both | `VQVAE.forward` |
# | VQ-VAE, sec. 4.3; WaveNet, sec. 2.2 | speech in mu-law levels, codes 64 times fewer than samples | sections 1 and 2 | `data.mu_law`, `VQVAE.latent_shape` |
# | VQ-VAE, sec. 4.3 | codes and phonemes | section 4, with words and voices | - |
# | VQ-VAE, sec. 3.3 | an autoregressive prior over the codes, fitted afterwards | sections 5 and 7 | `CodePrior`, `GatedRow`, `GatedFrames` |
# | Gated PixelCNN, eq. 5 | spatial conditioning | the frames before, section 7 | `GatedFrames.context` |
# | VQ-VAE, sec. 3.2 | decoder term and rate bound log p(x) | section 7, clips only | `TwoStageModel.terms` |
#
# The notes' "just too complicated" was one question, asked three times: *which code at this
# position?*
#
# Next: [17 · Training at scale](17_training_at_scale.ipynb), an appendix.
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
