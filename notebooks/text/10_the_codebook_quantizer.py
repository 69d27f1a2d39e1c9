# %% [markdown]
# # 10 · The codebook: from vectors to numbers
#
# [← 09 · Autoencoders and the ELBO](09_autoencoders_and_the_elbo.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [11 · KL is log K →](11_kl_is_log_k.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/10_the_codebook_quantizer.ipynb)
#
# An encoder answers with vectors. This chapter replaces each of them by the nearest of K stored
# ones, so that all that is left of an image, a sound or a clip is a small field of whole numbers.
# The step is two lines long. It has no derivative, and everything else here follows from that.
#
# **By the end you will have**
#
# - done the look-up by hand, on the reading notes' own numbers, and then on fields of one, two and
#   three dimensions;
# - measured which term of the loss trains which part of the model, and broken it in three ways that
#   run without an error;
# - built the codebook that learns by online k-means, found its dead codes and brought them back.
#
# **You need** chapters 01 (nats, bits/dim, entropy) and 09 (encoder, decoder, q(z given x)), and
# gradients in PyTorch.
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
from dataclasses import dataclass

from tutorial_lib import profiles
from tutorial_lib.exercises import ch10


@dataclass
class Settings:
    n_train: int  # images for the small VQ-VAEs of sections 8 and 9
    n_test: int
    epochs: int
    n_channels: int


settings = profiles.choose(
    smoke=Settings(128, 32, 1, 8),
    laptop=Settings(6000, 1000, 2, 16),
    gpu=Settings(9000, 2000, 12, 64),
)
settings

# %% [markdown]
# ## Where this ends
#
# The weights that come with the package: eight held-out garments, what a VQ-VAE makes of them,
# and below, all that was kept: 49 whole numbers for each garment, drawn as colours.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_reconstructions
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
garments = data.load("fashion-mnist-sample")
shipped = load_pretrained("two-stage-fashion-mnist").vqvae.to(device)
shown = torch.stack([garments.test.levels[garments.test.labels == k][0] for k in range(8)])
with torch.inference_mode():
    indices = shipped.encode_indices(shown.long().to(device)).cpu()
    decoded = shipped.picture(shipped.decode_indices(indices.to(device))).cpu()
show_reconstructions(shown / 255, decoded, indices, shipped.n_codes);

# %% [markdown]
# The middle row was computed from the bottom row and from nothing else. The colours are names: two
# codes of a similar colour have nothing in common. How do vectors become such numbers, and how does
# anything *learn* through a step like that?
#
# ## 1 · The look-up, by hand
#
# > **From the reading notes.** There is a matrix e, there is a vector z_e(x), and they are never
# > put together. What comes out?
# >
# > $$e = \begin{bmatrix} 1 & 1.2 & 3 \\ 3.2 & 23 & -1 \\ 1.32 & 0 & 1.352 \end{bmatrix}
# > \qquad z_e(x) = \begin{bmatrix} 2 \\ 4.2 \\ -9 \end{bmatrix}$$
# >
# > In the notes, e is D × K: every *column* is a code. So K = 3 codes of D = 3 numbers each. Take
# > the three differences, square, add:
# >
# > | | z_e − code | squares | squared distance |
# > |---|---|---|---|
# > | 1st column | (1, 1, −10.32) | 1 + 1 + 106.5024 | 108.5024 |
# > | 2nd column | (0.8, −18.8, −9) | 0.64 + 353.44 + 81 | 435.08 |
# > | 3rd column | (−1, 5.2, −10.352) | 1 + 27.04 + 107.1639 | 135.2039 |
# >
# > The smallest is the first. So z = 1, and z_q(x) is the first column, (1, 3.2, 1.32). The next
# > cell does the same.

# %% tags=["nbval-check-output"]
notes_e = torch.tensor([[1, 1.2, 3], [3.2, 23, -1], [1.32, 0, 1.352]])  # D x K, codes in columns
notes_z_e = torch.tensor([2, 4.2, -9])
squared = (notes_z_e[:, None] - notes_e).square().sum(dim=0)  # over D, down the columns
z = squared.argmin()
print("squared distances:", [f"{d:.4f}" for d in squared.tolist()])
print(f"argmin: column {z} counted from 0, so z = {z + 1} counted from 1")
print("z_q:", [round(v, 3) for v in notes_e[:, z].tolist()])

# %% [markdown]
# The argmin is equation 1, and reading off the code, z_q(x) = e_k, is equation 2. Note how *far*
# the nearest code is: the last component of z_e is −9, and no code has anything like it there.
# Equation 1 does not mind. It never asks whether a code is good, only which is the best of the K.
#
# > **From the reading notes.** The notes write e as D × K and speak of "the z-th column". The paper
# > writes K × D. Who is right?
# >
# > Both: one matrix is the transpose of the other, and the codes are the same vectors. What matters
# > is to fix one way and keep it. This series writes the paper's, `codebook` (K, D), one code a
# > *row*, since `codebook[k]` is then code k. And it counts from 0: codes are 0 to K − 1 where the
# > paper and the notes say 1 to K. The next cell puts the same numbers the paper's way.

# %% tags=["nbval-check-output"]
codebook = notes_e.T.contiguous()  # K x D, codes in rows
squared = (notes_z_e - codebook).square().sum(dim=1)  # over D, along the rows
print("squared distances:", [f"{d:.4f}" for d in squared.tolist()])
print("argmin:", squared.argmin().item(), " z_q:", [round(v, 3) for v in codebook[0].tolist()])

# %% [markdown]
# > **Predict.** Now mix the two up: rows of the notes' matrix, as if it were the paper's. Will
# > there be an error?
# > <details><summary>A way to think about it</summary>An error needs shapes that do not fit. What
# > is the shape of e here, and of its transpose?</details>

# %% tags=["nbval-check-output"]
mixed_up = (notes_z_e - notes_e).square().sum(dim=1)
print("squared distances to the *rows*:", [f"{d:.4f}" for d in mixed_up.tolist()])
print("argmin:", mixed_up.argmin().item(), "- another code, and no error")

# %% [markdown]
# K = D = 3, so both ways fit, and the wrong one gives another answer. A square example is the worst
# kind to test with. From here on K and D differ.
#
# ### The distance without the distance
#
# For N vectors, the distances to all K codes would be a table of N × K × D differences. Multiply out
# instead:
#
# $$\lVert z_e - e_k \rVert^2 = \lVert z_e \rVert^2 - 2\, z_e \cdot e_k + \lVert e_k \rVert^2$$
#
# The first part is the same for all codes and cannot change the argmin. What is left is one matrix
# product and the K numbers ‖e‖² (the cell halves both). Public code sometimes leaves those numbers
# out as well and takes the largest z·e. On the notes' numbers:

# %% tags=["nbval-check-output"]
products = codebook @ notes_z_e
half_norms = codebook.square().sum(dim=1) / 2
print("z·e                :", [f"{v:.3f}" for v in products.tolist()], "largest:", end=" ")
print(products.argmax().item())
print("||e||^2 / 2 - z·e  :", [f"{v:.3f}" for v in (half_norms - products).tolist()], end=" ")
print("smallest:", (half_norms - products).argmin().item())

# %% [markdown]
# The largest product belongs to the second code, the *farthest* of the three: it wins because it is
# long. With ‖e‖² the answer is right again. (This is how the library does it.)
#
# ### What equation 1 makes of it
#
# Equation 1 states the same look-up as a distribution over the K codes:
#
# $$q(z = k \mid x) = \begin{cases} 1 & k = \operatorname{argmin}_j \lVert z_e(x) - e_j \rVert \\
# 0 & \text{else} \end{cases}$$
#
# > **From the reading notes.** q(z = k given x) is deterministic "because it is generated by a VAE
# > encoder". Is that why?
# >
# > No: an encoder network is a deterministic function in *every* VAE. What differs is what its
# > output means. In a Gaussian VAE the output is a mean and a spread, q is a bell curve around it,
# > and two draws of z for the same x differ. Here the output is z_e, and *equation 1* puts all the
# > mass on one code. Nothing is left to draw. The next cell draws five times from each.

# %% tags=["nbval-check-output"]
from torch.nn import functional as F

q = F.one_hot(squared.argmin(), num_classes=3).float()
drawn = torch.multinomial(q, 5, replacement=True)
print("q(z|x) by eq. 1:", q.tolist(), " five draws:", drawn.tolist())
torch.manual_seed(0)
gaussian = notes_z_e + 1.0 * torch.randn(5, 3)  # mean z_e, spread 1: what a Gaussian VAE would do
print("Gaussian q, five draws differ:", len({tuple(row) for row in gaussian.tolist()}) == 5)

# %% [markdown]
# That q puts all mass on one code is what makes its KL divergence to a uniform prior a constant,
# log K. Chapter 11 finishes that calculation.
#
# ## 2 · One code for each position
#
# > **From the reading notes.** The bottleneck "maps an arbitrary input to one of K vectors". With
# > K = 512, could a model then draw only 512 different images?
# >
# > No. The paper's section 3.1 writes a single z "for the sake of simplicity". The encoder really
# > gives a *field* of vectors, one for each position, and every position chooses for itself: one of
# > K *per position*. With N positions there are K^N different fields. The cell below lists all of
# > them for K = 2 and N = 4.
#
# Take two codes, each a patch of 4×4 pixels: plain black, and a white diagonal. Four positions in a
# square. How many images can be said?

# %%
from tutorial_lib.notebook import show_images
from tutorial_lib.pixels import enumerate_images

two_patches = torch.stack([torch.zeros(4, 4), torch.eye(4)])
fields = enumerate_images(2, 2, n_levels=2)[:, 0]  # every field of 2 x 2 codes: (16, 2, 2)
patches_in_place = two_patches[fields]  # (16, 2, 2, 4, 4)
images = patches_in_place.permute(0, 1, 3, 2, 4).reshape(-1, 1, 8, 8)
print(f"K = 2, N = 4: {len(fields)} fields, {len(images.unique(dim=0))} different images")
show_images(images, n_columns=8, gutter=0.6);

# %% [markdown]
# Two codes, sixteen images. The codebook holds letters, not words. What a code is worth depends on
# where it stands and on what stands beside it.
#
# ### Exercise 10.1

# %%
ch10.nearest_code.card()


# %%
def nearest_code(z_e: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """Equation 1 at every position: the number of the code that is nearest to the vector there.

    z_e       (B, D, *positions): D comes second, then none, one, two or three axes of positions
    codebook  (K, D), one code a row
    returns   (B, *positions) torch.long, from 0 to K - 1

    By hand: codebook = [[0, 0], [4, 0]]. A line of three positions with the vectors (1, 1), (3, -1)
             and (0, 5) is z_e = [[[1, 3, 0], [1, -1, 5]]]. The squared distances are 2 and 10, 10
             and 2, 25 and 41. So the result is [[0, 1, 0]]
    """
    ____


nearest_code = ch10.nearest_code.check(nearest_code)


# %% [markdown]
# ## 3 · A sound, an image, a clip
#
# > **From the reading notes.** *"However, for speech, images, and videos, we actually extract a 1D,
# > 2D and 3D latent feature space, respectively."* The notes answer: "just too complicated for me".
# >
# > It is the same look-up, done many times. A sound is a line of samples, so its encoder gives a
# > *line* of vectors, and the codes are a line of numbers. An image gives a *rectangle* of vectors
# > and so a rectangle of numbers. A clip has a time axis as well and gives a *box*. "1D, 2D, 3D"
# > says how the *positions* are arranged. It does not say how long a vector is (that is D), and
# > `nearest_code` does not even look at it: it treats every position alike. The next cells do it,
# > one signal after the other, and draw each field of numbers on its signal.
#
# To see everything, take the plainest encoder there is: cut the signal into blocks, and let each
# block be its own vector. (A convolution with as large a stride as its kernel does exactly this; a
# trained encoder replaces "the block itself" by something cleverer, and leaves the shapes alone.)
# The same three lines serve one, two and three axes.

# %%
def cut(signal, size):
    """(B, *shape) -> z_e (B, D, *positions): the numbers of each block, D = product of `size`."""
    for axis, length in enumerate(size, start=1):
        signal = signal.unfold(axis, length, length)
    return signal.flatten(-len(size)).movedim(-1, 1)


def paste(field, size):
    """The way back: (B, D, *positions) -> (B, *shape)."""
    n = len(size)
    blocks = field.movedim(1, -1).unflatten(-1, size)  # (B, *positions, *size)
    order = [axis for i in range(1, n + 1) for axis in (i, i + n)]  # each position by its block
    shape = [p * s for p, s in zip(field.shape[2:], size, strict=True)]
    return blocks.permute(0, *order).reshape(len(field), *shape)


def some_vectors(field, n_codes, seed=0):
    """A first codebook: vectors that really occur, chosen at random. (K, D)"""
    vectors = field.movedim(1, -1).flatten(0, -2).unique(dim=0)
    noise = torch.Generator().manual_seed(seed)
    return vectors[torch.randperm(len(vectors), generator=noise)[:n_codes]]


# %% [markdown]
# **A sound.** A tenth of a second at 8000 samples a second, computed here: a tone that rises and
# fades, twice. Blocks of 16 samples give a line of 48 vectors.

# %%
import matplotlib.pyplot as plt

t = torch.arange(768) / 8000
part = (t / 0.048) % 1  # where we are within each of the two tones
sound = (torch.sin(2 * torch.pi * (120 + 80 * part) * t) * torch.sin(torch.pi * part) ** 2)[None]
sound_z_e = cut(sound, (16,))
sound_codebook = some_vectors(sound_z_e, 12)
sound_codes = nearest_code(sound_z_e, sound_codebook)
print("sound", tuple(sound.shape), "-> z_e", tuple(sound_z_e.shape), "= (B, D, positions)")
print("-> field of codes", tuple(sound_codes.shape), "beginning with", sound_codes[0, :10].tolist())

spelled = paste(sound_codebook[sound_codes].movedim(-1, 1), (16,))
options = {"layout": "tight", "sharex": True, "height_ratios": [4, 1]}
figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 2.8), **options)
top.plot(sound[0], lw=1.5, label="sound")
top.plot(spelled[0], lw=1, label="from its codes")
top.set(ylabel="pressure", xticks=range(0, 769, 96), ylim=(-1.7, 1.1))
top.legend(loc="lower right", ncols=2)
bottom.imshow(sound_codes, cmap="nipy_spectral", aspect="auto", extent=(0, 768, 0, 1))
bottom.set(xlabel="sample", yticks=[], ylabel="codes")
for position, code in enumerate(sound_codes[0].tolist()):
    bottom.text(16 * position + 8, 0.5, code, color="white", size=6, ha="center", va="center")
bottom.grid(False);

# %% [markdown]
# Each stripe of colour is one code and stands under the sixteen samples that it speaks for. One
# axis of positions: time. A few codes serve wherever the sound is quiet, others where it is loud.
#
# **An image.** Blocks of 4×4 pixels of a 28×28 garment: a rectangle of 7×7 vectors of 16 numbers.
# The 64 codes are blocks of other garments.

# %%
from tutorial_lib.notebook import show_index_map

patch_field = cut(garments.train.levels[:1000, 0] / 255, (4, 4))
image_codebook = some_vectors(patch_field, 64)
image = garments.test.levels[garments.test.labels == 9][0] / 255  # (1, 28, 28): B = 1, no channels
image_z_e = cut(image, (4, 4))
image_codes = nearest_code(image_z_e, image_codebook)
print("image", tuple(image.shape), "-> z_e", tuple(image_z_e.shape), "= (B, D, rows, columns)")
print("-> field of codes", tuple(image_codes.shape))

figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
spelled = paste(image_codebook[image_codes].movedim(-1, 1), (4, 4))
show_images(image[None], ax=axes[0]).set_title("image")
show_index_map(image_codes[0], 64, ax=axes[1]).set_title("field of codes")
for row, column in torch.cartesian_prod(torch.arange(7), torch.arange(7)).tolist():
    code = image_codes[0, row, column].item()
    axes[1].text(column, row, code, color="white", size=7, ha="center", va="center")
show_images(spelled[None], ax=axes[2]).set_title("from its codes");

# %% [markdown]
# Two axes of positions: row and column. The number at row 2, column 5 names the block that is
# pasted there. The picture is rough: 64 patches picked at random are a poor alphabet, and we will
# teach the codebook in section 7.
#
# **A clip.** A small garment crosses the picture in eight frames of 32×32 pixels. A block is two
# frames long, four pixels high and four wide, so 32 numbers, and the field is a *box* of 4×8×8.

# %%
small = F.avg_pool2d(image[None], 2)[0]  # (1, 14, 14)
frames = [F.pad(small, (2 * i, 18 - 2 * i, i + 4, 14 - i)) for i in range(8)]
clip = torch.stack(frames, dim=1)  # (1, 8, 32, 32): B, time, height, width
clip_z_e = cut(clip, (2, 4, 4))
clip_codebook = some_vectors(clip_z_e, 24)
clip_codes = nearest_code(clip_z_e, clip_codebook)
print("clip", tuple(clip.shape), "-> z_e", tuple(clip_z_e.shape), "= (B, D, time, rows, columns)")
print("-> field of codes", tuple(clip_codes.shape))

figure, axes = plt.subplots(3, 4, figsize=(7, 5), layout="tight")
spelled = paste(clip_codebook[clip_codes].movedim(-1, 1), (2, 4, 4))
for time, (top, middle, bottom) in enumerate(axes.T):
    pair = slice(2 * time, 2 * time + 2)
    show_images(clip[0, pair, None], n_columns=2, gutter=0.6, ax=top)
    show_index_map(clip_codes[0, time], len(clip_codebook), ax=middle)
    show_images(spelled[0, pair, None], n_columns=2, gutter=0.6, ax=bottom)
    top.set_title(f"frames {2 * time} and {2 * time + 1}", fontsize=9)
for ax, name in zip(axes[:, 0], ("clip", "codes", "from its codes"), strict=True):
    ax.set_ylabel(name)

# %% [markdown]
# Three axes of positions: time, row, column. Each map in the middle row is one *slice* of the box
# and speaks for two frames. Follow the garment: its patch of codes moves with it, and the background
# keeps a single code.
#
# That is all there is to "1D, 2D and 3D". The library's VQ-VAE has one argument for it, `n_dims`,
# which picks the kind of convolution; the quantizer is the same object in all three. (Here every
# axis becomes four times shorter.) And the number of things that can be said:

# %% tags=["nbval-check-output"]
import math

from tutorial_lib.codes import VQVAE

signals = {"sound": (768,), "image": (28, 28), "clip": (8, 32, 32)}
for name, shape in signals.items():
    options = {"in_channels": 1, "n_levels": 16, "n_codes": 512, "code_dim": 8, "n_channels": 4}
    untrained = VQVAE(n_dims=len(shape), **options)
    indices = untrained.encode_indices(torch.zeros(1, 1, *shape, dtype=torch.long))
    n = indices.numel()
    digits = math.floor(n * math.log10(512)) + 1
    print(f"{name}: {shape} -> {tuple(indices.shape[1:])}, N = {n}: 512^{n} has {digits} digits")

# %% [markdown]
# K stays 512; N does the work. Chapter 15 trains all three kinds.
#
# ### A wrong way: the missing permute
#
# z_e arrives as (B, D, rows, columns): first component 0 at all rows and columns, then component 1.
# Flattening it into a list of vectors needs D *last*. This line forgets that:
#
# > **Predict.** `z_e.reshape(-1, D)` on our garment's field. Is the shape right? What is in a row?
# > <details><summary>A way to think about it</summary>16×7×7 numbers are 49 rows of 16, whichever
# > way they are cut. In memory, the number after component 0 at column 0 is component 0 at column
# > 1.</details>

# %%
as_it_lies = image_z_e.reshape(-1, 16)  # no permute
wrong_codes = torch.cdist(as_it_lies, image_codebook).argmin(dim=1)
wrong_z_q = image_codebook[wrong_codes].view_as(image_z_e)
right_z_q = image_codebook[image_codes].movedim(-1, 1)
print("shapes agree:", wrong_z_q.shape == right_z_q.shape)
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
panels = {"image": image_z_e, "D moved last": right_z_q, "flattened as it lies": wrong_z_q}
for ax, (name, field) in zip(axes, panels.items(), strict=True):
    mean_distance = (field - image_z_e).square().sum(dim=1).mean()
    show_images(paste(field, (4, 4))[None], ax=ax).set_title(
        f"{name}\n||z_e - z_q||² {mean_distance:.2f}"
    )

# %% [markdown]
# Right shapes, no error, and patches that have nothing to do with the place where they stand. A
# *network* on both sides would even learn around it, badly: each "vector" is then a row of
# neighbouring values of one channel. Only a test that looks at one known vector in a field finds
# this, such as the one in exercise 10.1.
#
# ## 4 · The plane, cut into cells
#
# What does the look-up do to the space in which the vectors live? With D = 2 we can see it. Drag
# the red point (or move it with the arrow keys). Below it stands a still with forty points, each
# tied to the code that it becomes.

# %%
from tutorial_lib.notebook.widgets import codebook_explorer, draw_codebook

plane_codes = torch.tensor(
    [[-2.0, 1.0], [0.0, 2.0], [2.0, 1.0], [-1.5, -1.0], [0.5, -0.5], [2.2, -1.5]]
)
codebook_explorer(plane_codes, torch.tensor([-0.6, 0.4]))

torch.manual_seed(0)
draw_codebook(plane_codes, 1.6 * torch.randn(40, 2));

# %% [markdown]
# The cells are called **Voronoi cells**: from everywhere inside, the same code is nearest. A border
# is half-way between two codes and at right angles to the line between them. The outer cells never
# end, so a vector may be as far off as it likes and still gets a code.
#
# > **Predict.** Move z_e by a hair. By how much does z_q move?
# > <details><summary>A way to think about it</summary>There are two cases: inside a cell, and
# > across a border.</details>
#
# In one dimension it can be drawn: three codes, and z_q as z_e runs along the line.

# %%
line = torch.linspace(-3, 3, 601)
line_codes = torch.tensor([[-2.0], [0.0], [1.5]])
stairs = line_codes[nearest_code(line[:, None], line_codes)][:, 0]
slope = stairs.diff() / line.diff()
figure, ax = plt.subplots(figsize=(5, 2.6), layout="tight")
ax.plot(line, line, color="#bbbbbb", lw=1, label="z_e itself")
ax.plot(line, stairs, label="z_q")
ax.set(xlabel="z_e", ylabel="z_q")
ax.legend()
print(f"slope 0 at {(slope == 0).sum()} of {len(slope)} steps, a jump at {(slope != 0).sum()}")

z_e = torch.tensor([[-0.6, 0.4]], requires_grad=True)
z_q = plane_codes[nearest_code(z_e, plane_codes)]
print("does z_q depend on z_e, says autograd?", z_q.requires_grad)

# %% [markdown]
# A staircase. On a step the derivative is 0, at an edge there is none. Whatever the decoder would
# like z_q to be, the encoder hears nothing of it. For autograd it is simpler still: argmin gives a
# whole number, and the chain rule ends there.
#
# ## 5 · Straight through
#
# The paper's answer (section 3.2) is bold: in the backward pass, act as if the look-up were not
# there. The gradient that arrives at z_q is *copied* to z_e.
#
# Why may one hope that this helps? z_q lies near z_e if the codes are any good, and the gradient
# says in which direction the decoder would like its input to move. If z_e moves that way, it may
# cross into the cell of a better code.

# %%
from tutorial_lib.notebook import diagrams

diagrams.vq_figure(shipped, shown[7].long())

# %% [markdown]
# First by hand. Let the decoder be nothing but a wish: the loss is
# $\tfrac12\lVert z_q - t\rVert^2$ for a target $t$, so its gradient at $z_q$ is $z_q - t$. With
# $z_q = (-2, 1)$ and $t = (1, 0.5)$ that is $(-3, 0.5)$, and this is what $z_e$ is to receive.
#
# ### Exercise 10.2

# %%
ch10.straight_through.card()


# %%
def straight_through(z_e: torch.Tensor, z_q: torch.Tensor) -> torch.Tensor:
    """The value of z_q, with the gradient handed to z_e. [VQ-VAE, sec. 3.2]

    z_e, z_q  (B, D, *positions): what the encoder said, and the codes nearest to it; stay as they
              are
    returns   the same shape. Forward: z_q. Backward: all of the gradient goes to z_e as it comes,
              none to z_q

    By hand: z_e = 3 and z_q = 5 give 5. If the loss is 10 times this result, the gradient is 10 at
             z_e and 0 at z_q
    """
    ____


straight_through = ch10.straight_through.check(straight_through)

# %% tags=["nbval-check-output"]
z_e = torch.tensor([[-1.5, 0.5]], requires_grad=True)
target = torch.tensor([[1.0, 0.5]])
z_q = plane_codes[nearest_code(z_e, plane_codes)]
loss = (straight_through(z_e, z_q) - target).square().sum() / 2
loss.backward()
print("z_q:                        ", z_q[0].tolist())
print("by hand, z_q - t:           ", (z_q - target)[0].tolist())
print("by autograd, gradient at z_e:", z_e.grad[0].tolist())

# %% [markdown]
# ### A wrong way: reversed
#
# z_q + (z_e − z_e) is the recipe, and everything depends on which part is detached. Here the two
# are swapped. The value is the same, up to rounding.
#
# A test with something to learn: an encoder and a decoder of one matrix each, eight fixed codes on
# a circle, and points of the plane to be rebuilt. The encoder starts with all points
# crowded around one code.

# %%
from torch import nn

ring = torch.arange(8) * 2 * torch.pi / 8
circle = torch.stack([ring.cos(), ring.sin()], dim=1)  # 8 codes


def reversed_straight_through(z_e, z_q):
    return z_e.detach() + (z_q - z_e.detach())  # wrong: the gradient goes to z_q


def rebuild(through, steps=300):
    """Losses of a toy auto-encoder, and how far its encoder has moved."""
    torch.manual_seed(0)
    x = torch.randn(256, 2)
    encoder, decoder = nn.Linear(2, 2), nn.Linear(2, 2)
    nn.init.normal_(encoder.weight, std=0.05)
    encoder.bias.data = circle[0].clone()  # all vectors begin near code 0
    start = encoder.weight.detach().clone()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.02)
    losses = []
    for _ in range(steps):
        z_e = encoder(x)
        z_q = through(z_e, circle[nearest_code(z_e, circle)])
        loss = (decoder(z_q) - x).square().sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, (encoder.weight - start).abs().max().item()


# %%
runs = {"straight through": straight_through, "reversed": reversed_straight_through}
figure, ax = plt.subplots(figsize=(6, 2.6), layout="tight")
for name, through in runs.items():
    losses, moved = rebuild(through)
    ax.plot(losses, label=name)
    print(f"{name:17} last loss {losses[-1]:.3f}, largest change of an encoder weight {moved:.4f}")
ax.set(xlabel="step", ylabel="squared error", ylim=(0, None))
ax.legend();


# %% [markdown]
# The reversed version looks like learning: its loss falls, because the *decoder* learns what it can
# with the few codes that it is given. The encoder has not moved at all. If all you watch is a
# falling loss, you will not see it; look at the gradient of an encoder weight, once, before a long
# run.
#
# ### Where it leads
#
# Follow z_e as it is pulled, step by step, by straight-through gradients. The target, the star,
# lies outside, so that no code can satisfy the wish.
#
# > **Predict.** Where will z_e come to rest?
# > <details><summary>A way to think about it</summary>
# >
# > The gradient is $z_q - t$. When is that 0?
# >
# > </details>

# %%
def walk(beta, target, steps=40, rate=0.1):
    """The way of z_e under ½||z_q - t||² + beta ||z_e - e||², by straight-through gradients."""
    z_e, path = torch.tensor([[-1.5, 0.0]]), []
    for _ in range(steps):
        path.append(z_e)
        z_e = z_e.clone().requires_grad_()
        e = plane_codes[nearest_code(z_e, plane_codes)]
        wish = (straight_through(z_e, e) - target).square().sum() / 2
        commitment = (z_e - e).square().sum()
        (gradient,) = torch.autograd.grad(wish + beta * commitment, z_e)
        z_e = (z_e - rate * gradient).detach()
    return torch.cat(path), e


target = torch.tensor([[2.8, 1.9]])
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="tight")
for ax, beta in zip(axes, (0.0, 1.0), strict=True):
    path, e = walk(beta, target)
    draw_codebook(plane_codes, path[-1:], ax=ax)
    ax.plot(*path.T, color="#d62728", lw=1.5, marker=".", ms=4)
    ax.plot(*target.T, marker="*", ms=12, color="k")
    ax.set_title(f"beta = {beta:g}", fontsize=10)
print("at rest with beta = 1:", [f"{v:.3f}" for v in path[-1].tolist()])
print("e + (t - e) / (2 beta):", [f"{v:.3f}" for v in (e + (target - e) / 2)[0].tolist()])

# %% [markdown]
# Left: z_e crosses from cell to cell and finds the code nearest to the star. So far, so good. But
# the wish is never quite fulfilled, the gradient stays what it is, and z_e runs off for ever,
# through a cell that never ends. The loss does not notice: z_q has not moved.
#
# Right: a second term, ‖z_e − e‖² with a weight beta, calls it back. At rest both gradients cancel,
# (e − t) + 2 beta (z_e − e) = 0, so z_e − e = (t − e)/(2 beta), as printed. That term is the
# **commitment**, and it is the reason for the third term of the loss.
#
# ## 6 · Three terms
#
# Equation 3, for one position; e is the code that was chosen, and sg[·] (stop-gradient) passes a
# value on and holds it still while differentiating. In PyTorch: `.detach()`.
#
# $$L = \underbrace{-\log p(x \mid z_q(x))}_{\text{reconstruction}}
#     + \underbrace{\lVert \mathrm{sg}[z_e(x)] - e \rVert^2}_{\text{codebook}}
#     + \beta \underbrace{\lVert z_e(x) - \mathrm{sg}[e] \rVert^2}_{\text{commitment}}$$
#
# ### Exercise 10.3

# %%
ch10.vq_losses.card()


# %%
def vq_losses(z_e: torch.Tensor, e: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The two terms of equation 3 that know the codebook, each without its weight.

    z_e      (B, D, *positions): what the encoder said
    e        the same shape: the nearest code at each position
    returns  (codebook_loss, commitment_loss), two numbers: ||sg[z_e] - e||^2 and ||z_e - sg[e]||^2,
             the squares summed over D, then averaged over all positions of all images

    By hand: D = 2 and two positions, where z_e - e is (3, 4) and (1, 0). Both losses are
             (25 + 1) / 2 = 13. The first has no gradient at z_e, the second none at e
    """
    ____


vq_losses = ch10.vq_losses.check(vq_losses)

# %% [markdown]
# > **From the reading notes.** The parameters of the model are those of the encoder, of the
# > decoder, and the codebook e. The notes say: "Trivial."
# >
# > That there are three is. Which term of the loss trains which of the three is not, and most
# > mistakes sit exactly there. Before you run the next cells, fill in the table:
# > three terms, three parts, nine times yes or no. The cell asks autograd.

# %%
torch.manual_seed(0)
tiny = {"in_channels": 1, "n_levels": 4, "code_dim": 6, "n_channels": 8, "n_blocks": 1}
model = VQVAE(n_codes=12, update="gradient", restart_dead_codes=False, **tiny)
levels = torch.randint(4, (4, 1, 12, 12))


def terms_of(model, through=straight_through):
    """The terms of equation 3, each by itself, written out."""
    z_e = model.encode(levels)
    e = model.quantizer.lookup(nearest_code(z_e, model.quantizer.codebook))
    nats = model.decoder_nll_nats(model.decode(through(z_e, e)), levels).mean()
    codebook_loss, commitment_loss = vq_losses(z_e, e)
    return {"reconstruction": nats, "codebook": codebook_loss, "commitment": commitment_loss}


def gradient_norms(model, term):
    """The length of the gradient that one term sends to each part of the model."""
    parts = {"encoder": model.encoder, "codebook": model.quantizer, "decoder": model.decoder}
    norms = {}
    for name, part in parts.items():
        weights = list(part.parameters())
        found = []
        if weights and term.requires_grad:
            found = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
        norms[name] = sum(float(g.square().sum()) for g in found if g is not None) ** 0.5
    return norms


# %% tags=["nbval-check-output"]
def show_table(rows):
    print(f"{'':30}{'encoder':>10}{'codebook':>10}{'decoder':>10}")
    for name, norms in rows.items():
        print(f"{name:30}" + "".join(f"{'yes' if n > 0 else '-':>10}" for n in norms.values()))


show_table({name: gradient_norms(model, term) for name, term in terms_of(model).items()})

# %% [markdown]
# Read it by columns. The **decoder** hears one term, the **codebook** one, the **encoder** two. The
# reconstruction never reaches the codebook: straight-through hands all of its gradient to z_e. So
# without the second term the codes would stay where they started, for ever.
#
# And with straight-through reversed, without sg, or with the codebook of section 7? A second table.

# %% tags=["nbval-check-output"]
wrong = terms_of(model, through=reversed_straight_through)["reconstruction"]
levels_z_e = model.encode(levels)
levels_e = model.quantizer.lookup(nearest_code(levels_z_e, model.quantizer.codebook))
nothing_held_still = (levels_z_e - levels_e).square().sum(dim=1).mean()
ema_model = VQVAE(n_codes=12, update="ema", restart_dead_codes=False, **tiny)
show_table(
    {
        "reconstruction, reversed": gradient_norms(model, wrong),
        "codebook without sg": gradient_norms(model, nothing_held_still),
        "codebook, when it is an EMA": gradient_norms(ema_model, terms_of(ema_model)["codebook"]),
    }
)

# %% [markdown]
# First row: reversed, the reconstruction trains the wrong side of the look-up. Second: without sg,
# "codebook" and "commitment" are one term that pulls both ends alike. Third: in an EMA codebook
# (section 7) the codes are no parameters, and the term has nothing to do; the library leaves it
# out.
#
# How large is the gradient of a code? By hand: of n vectors, those z that chose a code e contribute
# 2(e − z)/n each.

# %%
codebook_term = vq_losses(levels_z_e, levels_e)[0]
(by_autograd,) = torch.autograd.grad(codebook_term, model.quantizer.codebook, retain_graph=True)
vectors = levels_z_e.detach().movedim(1, -1).flatten(0, -2)
chosen = nearest_code(levels_z_e, model.quantizer.codebook).flatten()
by_hand = torch.zeros_like(by_autograd)
for vector, k in zip(vectors, chosen.tolist(), strict=True):
    by_hand[k] += 2 * (model.quantizer.codebook[k].detach() - vector) / len(vectors)
idle = (by_autograd == 0).all(dim=1)
print("2(e - z)/n agrees with autograd:", torch.allclose(by_hand, by_autograd, atol=1e-6))
print(f"codes whose gradient is exactly 0: {idle.sum()} of {len(idle)}", end=", ")
print(f"codes that nobody chose: {(torch.bincount(chosen, minlength=12) == 0).sum()}")

# %% [markdown]
# The last line is bad news, and section 8 comes back to it: a code that no vector chooses gets no
# gradient, so it does not move, so it will not be chosen tomorrow either.
#
# ### A wrong way: beta on the other term
#
# In equation 3 beta stands before the *commitment*. Some implementations put it before the codebook
# term (taming-transformers did at first, and says so in its code). Does that matter? Measure the
# pull on both sides as beta grows: with beta in its place, in the wrong place, and in the wrong
# place with an EMA codebook, where the codebook term is 0.

# %%
terms = terms_of(model)
on_encoder = gradient_norms(model, terms["commitment"])["encoder"]
on_codebook = gradient_norms(model, terms["codebook"])["codebook"]
betas = torch.logspace(-2, 1, 4)
same = torch.ones_like(betas)
panels = {
    "eq. 3": (betas * on_encoder, same * on_codebook),
    "beta on the codebook term": (same * on_encoder, betas * on_codebook),
    "... and an EMA codebook": (same * on_encoder, None),
}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight", sharey=True)
for ax, (name, (encoder, codes)) in zip(axes, panels.items(), strict=True):
    ax.loglog(betas, encoder, marker="o", ms=3, label="on the encoder")
    if codes is not None:
        ax.loglog(betas, codes, marker="s", ms=3, label="on the codebook")
    ax.set_title(name, fontsize=9)
    ax.set_xlabel("beta")
axes[0].set_ylabel("gradient of the two terms")
axes[0].legend(fontsize=8);

# %% [markdown]
# In the first panel beta turns the pull on the encoder up and down and leaves the codes alone. In
# the second it does the reverse: with the usual 0.25, the encoder is held four times as tightly as
# intended and the codes follow four times as slowly. In the third it does *nothing*. Somebody who
# tunes beta there will find that the model is wonderfully robust to it.
#
# ## 7 · A codebook that needs no gradient
#
# Hold the encoder still, and look at one code and the n vectors z₁ … zₙ that chose it. Its part of
# the codebook loss is Σ‖z_j − e‖². The derivative by e is 2 Σ(e − z_j), and it is 0 exactly when
#
# $$e = \frac{1}{n} \sum_j z_j .$$
#
# The best place for a code is the *mean* of its vectors. No learning rate, no gradient steps: one
# division. Assign every vector to its nearest code, move every code to its mean, repeat: that is
# **k-means**. It wants all vectors at once, though, and in training they come batch by batch, from
# an encoder that moves. So keep a running average of the two parts of the mean, the *count* and the
# *sum* (appendix A.1, equations 6 to 8):
#
# $$N_k \leftarrow \gamma N_k + (1 - \gamma)\, n_k \qquad
#   m_k \leftarrow \gamma\, m_k + (1 - \gamma) \sum_{j:\, z_j \to k} z_j \qquad
#   e_k = \frac{m_k}{N_k}$$
#
# ### Exercise 10.4

# %%
ch10.ema_step.card()


# %%
def ema_step(
    counts: torch.Tensor,
    sums: torch.Tensor,
    vectors: torch.Tensor,
    indices: torch.Tensor,
    decay: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One step of equations 6 to 8: both averages move, the codes follow.

    counts   (K,) N of the paper, all above 0; stays as it is
    sums     (K, D) m of the paper; stays as it is
    vectors  (n, D) the encoder's vectors of this batch
    indices  (n,) torch.long: the code that each of them chose. A code may be chosen by none
    decay    gamma, the share of the old average that stays
    returns  (counts, sums, codebook): (K,), (K, D) and (K, D), after the step

    By hand: D = 1, decay 0.5, counts = [2, 1], sums = [[6], [7]]. The vectors 1 and 9 both chose
             code 0. Then counts = [(2 + 2) / 2, 1 / 2] = [2, 0.5], sums = [[8], [3.5]] and the
             codes are [[4], [7]]: the second has stayed where it was
    """
    ____


ema_step = ch10.ema_step.check(ema_step)

# %% [markdown]
# Six clouds of points stand for what an encoder says, and eight codes start near the origin. Watch
# them find the clouds.

# %%
torch.manual_seed(1)
centers = torch.tensor([[2.0, 3], [5, 3.5], [4, 0], [7, 1], [1.5, -1.5], [6, -2]])
clouds = (centers[:, None] + 0.4 * torch.randn(6, 60, 2)).flatten(0, 1)
first_codes = 0.5 * torch.randn(8, 2)


noise = torch.Generator().manual_seed(0)
batches = [clouds[torch.randint(len(clouds), (64,), generator=noise)] for _ in range(400)]


def online_k_means(decay=0.8):
    """Codes after each step; counts start at 1 and sums at the codes."""
    counts, sums, codes = torch.ones(8), first_codes.clone(), first_codes.clone()
    history = [codes]
    for batch in batches:
        counts, sums, codes = ema_step(counts, sums, batch, nearest_code(batch, codes), decay)
        history.append(codes)
    return history


history = online_k_means()
figure, axes = plt.subplots(1, 3, figsize=(7, 2.2), layout="tight", sharex=True, sharey=True)
for ax, step in zip(axes, (0, 4, len(history) - 1), strict=True):
    draw_codebook(torch.cat([history[step]]), clouds[::12], ax=ax)
    ax.set_title(f"after {step} steps", fontsize=9)

# %% [markdown]
# Each z_e is tied to its code. Some codes have found a cloud, some must serve several. And some
# have not moved at all: nothing was ever nearest to them. (Section 8.)
#
# Is this what the library does? The same batches:

# %%
from tutorial_lib.codes import VectorQuantizer

quantizer = VectorQuantizer(8, 2, update="ema", decay=0.8)
quantizer.codebook.copy_(first_codes)
quantizer.sums.copy_(first_codes)
for batch in batches:
    quantizer(batch)  # in train mode it looks up first, then moves
print("the same codes:", torch.allclose(quantizer.codebook, history[-1], atol=1e-4))


# %% [markdown]
# Compare three ways to move codes from the same start: the averages; the codebook loss with plain
# gradient descent; and k-means proper, with all points at once.

# %%
def error(codes):
    """||z_e - z_q||^2, averaged over all points."""
    return (clouds - codes[nearest_code(clouds, codes)]).square().sum(dim=1).mean().item()


def by_gradient(rate):
    codes, errors = first_codes.clone().requires_grad_(), []
    for batch in batches:
        errors.append(error(codes.detach()))
        loss, _ = vq_losses(batch, codes[nearest_code(batch, codes.detach())])
        (gradient,) = torch.autograd.grad(loss, codes)
        codes = (codes - rate * gradient).detach().requires_grad_()
    return errors


def by_k_means(rounds=30):
    codes = first_codes.clone()
    for _ in range(rounds):
        chosen = nearest_code(clouds, codes)
        for k in chosen.unique().tolist():
            codes[k] = clouds[chosen == k].mean(dim=0)
    return error(codes)


# %%
figure, ax = plt.subplots(figsize=(6, 2.6), layout="tight")
ax.plot([error(codes) for codes in history], label="averages, decay 0.8", lw=2)
for rate in (0.1, 1.0):
    ax.plot(by_gradient(rate), label=f"gradient, rate {rate:g}")
ax.axhline(by_k_means(), color="#888888", ls="--", lw=1, label="k-means, all at once")
ax.set(xlabel="step", ylabel="||z_e - z_q||²", yscale="log")
ax.legend(fontsize=8);

# %% [markdown]
# The averages go where k-means goes, and they do not ask for a learning rate. (Where a curve ends
# *below* k-means, a noisy step of one code has left some vectors to another that had none: luck,
# and the subject of section 8.) Averages and gradient are close relatives: put m = N e into
# equations 6 to 8, and the step is
#
# $$e_k \leftarrow e_k + \frac{(1 - \gamma)\, n_k}{N_k^{\text{new}}}\, (\bar z_k - e_k),$$
#
# a gradient step towards the mean of its vectors, with a rate of its own for every code. Plain
# gradient descent multiplies (z̄ − e) by the rate times 2n_k/n: rare codes crawl. In the averages
# n_k stands over N_k, the code's *own* usual count, so a rare code moves as briskly as a common
# one.
#
# ### Where the averages start
#
# At the first step there is nothing to average with yet. Three ways to start, with a decay of 0.99,
# a code at 1 that is chosen by ten vectors of mean 3 in every batch, and a code at 1 that nobody
# chooses:
#
# > **Predict.** Count 0, but the sum at the code itself: it happens in public code, with a small
# > constant against the division by zero. Where is the idle code after one step?
# > <details><summary>A way to think about it</summary>Its sum is 0.99 and its count is 0 plus the
# > small constant.</details>

# %% tags=["nbval-check-output"]
starts = {"count 0, sum 0": (0.0, 0.0), "count 0, sum at the code": (0.0, 1.0)}
starts["count 1, sum at the code"] = (1.0, 1.0)
print(f"{'':26}{'used code after 1, 10, 500 steps':>36}{'idle code after 1':>22}")
for name, (count, total) in starts.items():
    N, m = torch.tensor([count, count]).double(), torch.tensor([total, total]).double()
    places = []
    for _ in range(500):
        N, m = 0.99 * N + 0.01 * torch.tensor([10, 0]), 0.99 * m + 0.01 * torch.tensor([30, 0])
        places.append(m / (N + 1e-5))
    used = "".join(f"{places[i][0]:12.3f}" for i in (0, 9, 499))
    print(f"{name:26}{used}{places[0][1]:22.3f}")

# %% [markdown]
# Both at 0: the used code is right at once, and the idle one falls to 0 (0/0 without the constant).
# Count 0 and sum at the code: the used code jumps past its mean, and the idle one lands near 10⁵.
# Both as *one phantom vector* at the code: nothing jumps, and the idle code stays, since count and
# sum shrink together. That is the library's way, and its price can be written down. After t steps
#
# $$e = \frac{\gamma^t e_0 + (1 - \gamma^t)\, n \bar z}{\gamma^t + (1 - \gamma^t)\, n},$$
#
# so the phantom's weight fades as γᵗ.
#
# **Debiasing.** An average that starts at 0 is too small by the factor 1 − γᵗ, most of all in its
# first steps. Dividing by that factor takes the bias out. Which numbers need it?

# %%
steps = torch.arange(1, 501)
left = 0.99**steps  # what is left of the start
raw, library = 10 * (1 - left), left + 10 * (1 - left)
figure, ax = plt.subplots(figsize=(6, 2.4), layout="tight")
ax.plot(steps, raw, label="N from 0")
ax.plot(steps, raw / (1 - left), label="N from 0, debiased: / (1 - γᵗ)")
ax.plot(steps, library, ls="--", label="N from 1")
ax.set(xlabel="step", ylabel="averaged count", ylim=(0, 11))
ax.legend();

# %% [markdown]
# Whoever reads N as "vectors a batch" needs the debiased curve. The *codes* do not: m and N are too
# small by the same factor, and it cancels in the ratio. Nor does the question "is this code used
# less than the others?", where N is compared with the mean of all N. The library asks N nothing
# else, so it needs no correction.
#
# And the patches of section 3, picked at random? Teach that codebook.

# %%
learned = VectorQuantizer(64, 16, update="ema", decay=0.9, restart_dead_codes=True)
noise = torch.Generator().manual_seed(0)
for _ in range(400):
    learned(patch_field[torch.randint(len(patch_field), (64,), generator=noise)])
learned.eval()
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
panels = {"image": image_z_e, "random patches": right_z_q, "k-means": learned(image_z_e).z_q}
for ax, (name, field) in zip(axes, panels.items(), strict=True):
    distance = (field - image_z_e).square().sum(dim=1).mean()
    show_images(paste(field, (4, 4))[None], ax=ax)
    ax.set_title(f"{name}\n||z_e - z_q||² {distance:.2f}")

# %% [markdown]
# Still blocks, now better ones. What a VQ-VAE adds is an encoder and a decoder that *learn* with
# the codebook, so that codes need not be patches.
#
# ## 8 · Dead codes
#
# Some of the eight codes never moved among the clouds. Is that an accident of a toy? Count how
# often codes are used, and put the counts into one number. The **perplexity** is exp(entropy) of
# the usage: K if all codes are used alike, 1 if one code does it all. It answers "how many codes
# are really at work?".
#
# ### Exercise 10.5

# %%
ch10.usage_perplexity.card()


# %%
def usage_perplexity(batches: list[torch.Tensor], n_codes: int) -> torch.Tensor:
    """exp(entropy) of how often each code is used, in all batches together.

    batches  fields of code numbers, torch.long 0 .. K - 1, of any shapes and sizes
    n_codes  K. Some codes may never occur
    returns  one number, 1 to K: K if all codes are used alike, 1 if a single one is used

    By hand: the batches [0, 0, 0] and [1] with K = 3 have the counts 3, 1 and 0. The entropy is
             -(3/4) log(3/4) - (1/4) log(1/4) = 0.562 nats, and exp(0.562) = 1.755
    """
    ____


usage_perplexity = ch10.usage_perplexity.check(usage_perplexity)

# %% [markdown]
# Counts are added up over batches *first*. Averaging the perplexities of the batches gives another
# number. Garments sorted by class show it: a batch of trousers uses few codes, a batch of sandals
# others.

# %%
by_class = []
for k in range(10):
    of_class = garments.test.levels[garments.test.labels == k][:20].long().to(device)
    with torch.inference_mode():
        by_class.append(shipped.encode_indices(of_class).cpu())
each = [usage_perplexity([codes], shipped.n_codes).item() for codes in by_class]
together = usage_perplexity(by_class, shipped.n_codes).item()
print("classes by themselves:", [f"{p:.0f}" for p in each], f"mean {sum(each) / 10:.1f}")
print(f"all together: {together:.1f} of {shipped.n_codes}")

# %% [markdown]
# The whole uses more codes than its parts do on average. (And the library's `Quantized.perplexity`
# is that of one batch: fine to watch, not to be averaged.)
#
# Now a real model: a small VQ-VAE on garments in 16 grey levels, 64 codes, trained as in equation 3
# with an EMA codebook, once without and once with what the library calls `restart_dead_codes`. What
# that is you will write in a moment.

# %%
from tutorial_lib.training import FitConfig, fit

garments16 = garments.with_n_levels(16)
train = garments16.train.subset(settings.n_train).levels
test = garments16.test.subset(settings.n_test).levels.long()


def vqvae_step(model, levels):
    out = model(levels.long())
    return {"loss": out.loss, "bits/dim": out.nll_nats.mean() / 784 / math.log(2)}


def trained(beta=0.25, restart=True):
    torch.manual_seed(0)
    sizes = {"n_codes": 64, "code_dim": 8, "n_channels": settings.n_channels, "n_blocks": 1}
    options = {"commitment_weight": beta, "restart_dead_codes": restart}
    model = VQVAE(in_channels=1, n_levels=16, **sizes, **options)
    config = FitConfig(epochs=settings.epochs, batch_size=16, learning_rate=2e-3)
    fit(model, vqvae_step, (train,), config)
    return model


# %%
@torch.inference_mode()
def measured(model):
    """What a model makes of held-out garments."""
    levels = test.to(device)
    z_e = model.encode(levels)
    quantized = model.quantizer(z_e)
    nats = model.decoder_nll_nats(model.decode(quantized.z_q), levels).mean()
    return {
        "bits/dim": nats.item() / 784 / math.log(2),
        "perplexity": usage_perplexity([quantized.indices.cpu()], 64).item(),
        "distance": quantized.commitment_loss.item(),
        "length": z_e.norm(dim=1).mean().item(),
        "indices": quantized.indices.cpu(),
    }


models = {"no restarts": trained(restart=False), "restarts": trained()}
seen = {name: measured(model) for name, model in models.items()}

# %%
from tutorial_lib.codes import code_counts
from tutorial_lib.notebook import show_usage

figure, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="tight", sharey=True)
for ax, (name, result) in zip(axes, seen.items(), strict=True):
    counts = code_counts(result["indices"], 64)
    show_usage(counts, result["perplexity"], ax=ax)
    ax.set_title(f"{name}: {ax.get_title()}", fontsize=9)
    idle, bits = (counts == 0).sum(), result["bits/dim"]
    print(f"{name:12} {idle} codes never used, decoder term {bits:.3f} bits/dim")

# %% [markdown]
# Without restarts, most of the codebook is paid for and never used. It is the vicious circle of
# section 6: not chosen, so not moved, so not chosen. Codes start at random places, the encoder's
# vectors are somewhere else, and whichever codes happen to be nearest take them all. (Compare the
# decoder terms, too. The gain in bits is smaller than the gain in codes: what is common had a code
# already.)
#
# The cure: a code that is hardly used any more is put where vectors *are*, onto one of the present
# batch. What has to move is not the code alone.
#
# ### Exercise 10.6

# %%
ch10.restart_dead_codes.card()


# %%
def restart_dead_codes(
    counts: torch.Tensor, sums: torch.Tensor, candidates: torch.Tensor, below: float = 0.02
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Move codes that are hardly used any more onto vectors of the present batch.

    counts      (K,) averaged counts; stays as it is
    sums        (K, D) averaged sums, so that a code is sums / counts; stays as it is
    candidates  (K, D) vectors of the batch: a dead code k moves onto candidates[k]
    below       code k is dead if counts[k] < below * fair, where fair is the mean of the counts
    returns     (counts, sums, codebook): a restarted code gets the count fair, and the sum that
                belongs to its new place. All other codes keep everything

    By hand: D = 1, counts = [11.95, 0.05], sums = [[23.9], [5]], candidates = [[7], [3]]. fair is
             6, so code 1 is dead. The result is [11.95, 6], [[23.9], [18]] and [[2], [3]]
    """
    ____


restart_dead_codes = ch10.restart_dead_codes.check(restart_dead_codes)


# %% [markdown]
# Back among the clouds, from the same start, with the library's usual decay of 0.99. In the middle,
# the restart moves the code and forgets its averages; on the right, they move along. Each curve is
# one code, and its height the distance from where all of them began.

# %%
def forgetful(counts, sums, candidates):
    """Wrong: the code moves, its count and sum stay."""
    dead = counts < 0.02 * counts.mean()
    return counts, sums, torch.where(dead[:, None], candidates, sums / counts[:, None])


def with_restarts(restart, decay=0.99):
    """The codes after each step, and how often one was moved."""
    counts, sums, codes = torch.ones(8), first_codes.clone(), first_codes.clone()
    noise, history, jumps = torch.Generator().manual_seed(0), [], 0
    for batch in batches:
        counts, sums, codes = ema_step(counts, sums, batch, nearest_code(batch, codes), decay)
        if restart is not None:
            before, candidates = codes, batch[torch.randperm(len(batch), generator=noise)[:8]]
            counts, sums, codes = restart(counts, sums, candidates)
            jumps += ((codes - before).abs() > 1e-3).any(dim=1).sum().item()
        history.append(codes)
    return torch.stack(history), jumps


ways = {"no restarts": None, "averages forgotten": forgetful, "restarts": restart_dead_codes}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4), layout="tight", sharey=True)
for ax, (name, restart) in zip(axes, ways.items(), strict=True):
    codes, jumps = with_restarts(restart)
    ax.plot((codes - first_codes.mean(dim=0)).norm(dim=2), lw=1)
    ax.set_title(name, fontsize=9)
    ax.set_xlabel("step")
    used = usage_perplexity([nearest_code(clouds, codes[-1])], 8).item()
    print(f"{name:19} {jumps:3} jumps, error {error(codes[-1]):.3f}, perplexity {used:.1f} of 8")
axes[0].set_ylabel("distance from the start");

# %% [markdown]
# Left: the flat curves at the bottom are the dead. Right: each of them jumps once, is chosen from
# then on, and stays. In the middle, the spikes: a code is put among the vectors, and the next step
# works it out anew from a sum that still tells of the old place, so it falls back and has to be
# moved again. It gets away in the end, because old sums fade; in a real run it would be thrown
# about for as long as that takes.
#
# ## 9 · What beta does
#
# Beta weighs the commitment: how dear is it for the encoder to stand away from its codes? Train the
# small VQ-VAE with five values, four powers of ten apart.
#
# > **Predict.** With beta near 0, will the distances between vectors and codes be large or small?
# > And what would a huge beta do to the encoder?
# > <details><summary>A way to think about it</summary>
# >
# > Section 5 had the answer for one vector: $z_e - e = (t - e) / (2 \beta)$. And the cheapest way to
# > be near your codes is never to move.
# >
# > </details>

# %%
by_beta = {0.25: models["restarts"]}
for beta in (0.002, 0.02, 2.0, 20.0):
    by_beta[beta] = trained(beta)
by_beta = dict(sorted(by_beta.items()))
results = {beta: measured(model) for beta, model in by_beta.items()}

curves = {
    "distance ||z_e - z_q||²": "distance",
    "mean length of z_e": "length",
    "decoder term (bits/dim)": "bits/dim",
    "perplexity": "perplexity",
}
figure, axes = plt.subplots(2, 2, figsize=(7, 4), layout="tight", sharex=True)
for ax, (title, key) in zip(axes.flat, curves.items(), strict=True):
    ax.plot(list(results), [result[key] for result in results.values()], marker="o", ms=4)
    ax.set(xscale="log")
    ax.set_title(title, fontsize=9)
axes[0, 0].set_yscale("log")
for ax in axes.flat[1:]:
    ax.set_ylim(0, None)
for ax in axes[1]:
    ax.set_xlabel("beta")
for beta, result in results.items():
    numbers = ", ".join(f"{key} {result[key]:.3g}" for key in curves.values())
    print(f"beta {beta:<6g} {numbers}")

# %% [markdown]
# Above: the distance falls steadily as beta grows, that is its job, and with little commitment the
# vectors grow long, as the walk in section 5 did. Below, the price. Look at how flat the decoder
# term is on the left and how it rises on the right: where beta is large, the encoder is held so
# tightly that it hardly dares to leave a code, and fewer codes are at work.
#
# The paper found its results insensitive to beta from 0.1 to 2 (section 3.2) and used 0.25. Whether
# that holds for another model depends on the scale of the first term. Here it is nats *per
# dimension*; summed over 784 pixels instead, the same beta would be 784 times weaker beside it. So
# a value of beta means nothing without the unit of the loss that it stands in.
#
# What the eye sees of all this:

# %%
originals = test[:8]
rows = [originals / 15]
with torch.inference_mode():
    for model_at_beta in by_beta.values():
        codes = model_at_beta.encode_indices(originals.to(device))
        rows.append(model_at_beta.picture(model_at_beta.decode_indices(codes)).cpu())
show_images(torch.cat(rows), n_columns=8, row_labels=["original", *(f"{b:g}" for b in by_beta)]);

# %% [markdown]
# Each row below the first is one value of beta. The rows at the top look alike; at the bottom,
# shapes go grey. A parameter that can be changed a hundredfold downwards without visible harm is
# one to leave at its usual value.

# %%
ch10.progress()

# %% [markdown]
# > **In words.** A colleague uses an EMA codebook, tunes beta for a week from 0.01 to 100, and
# > reports that every run gives exactly the same curve. Explain it without looking at the code.
# > <details><summary>An answer</summary>
# >
# > Beta multiplies a term that is constant. With an EMA codebook the codebook term is left out or
# > sends no gradient, so beta must be standing before *that* term and the commitment is there with
# > weight 1, whatever beta is. Even a beta that does its job badly would change the curves a
# > little; "exactly the same" means that it is not in the game.
# >
# > </details>
#
# > **In words.** A VQ-VAE with K = 512 reports a perplexity of 40. Is something wrong?
# > <details><summary>An answer</summary>
# >
# > Not necessarily. Real usage is uneven: background is everywhere, buckles are rare, and a learned
# > prior lives on that. Ask two more things. How many codes are *never* used? Those are dead, and
# > restarts or a better start would put them to work. And does the reconstruction get better with
# > more codes at work? If not, 64 codes would have done. At most N log K nats can be said; with
# > this usage it is at most N log 40.
# >
# > </details>
#
# > **In words.** Why are the codes of a field not averaged into one vector for the image, to get
# > "the" code of the image?
# > <details><summary>An answer</summary>
# >
# > Because what is said lies in *which code stands where*. The mean of the 49 vectors forgets the
# > places, and is itself no code. One vector for an image is what the single z of section 3.1 looks
# > like, and that is a simplification for the page, not the model.
# >
# > </details>
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | eq. 1, sec. 3.1 | q(z = k given x) is 1 at the nearest code | sections 1, 2 | `quantize.nearest_code` |
# | eq. 2, sec. 3.1 | z_q is that code | section 1 | `VectorQuantizer.lookup` |
# | sec. 3.1 | 1-D, 2-D, 3-D latent fields | section 3 | `VQVAE(n_dims=...)` |
# | sec. 3.2 | the gradient is copied from z_q to z_e | section 5 | `quantize.straight_through` |
# | eq. 3, sec. 3.2 | reconstruction, codebook, commitment | section 6 | `VectorQuantizer.forward`, `VQVAE.forward` |
# | app. A.1, eqs. 4, 5 | a code's best place is the mean of its vectors | section 7, k-means | `quantize.VectorQuantizer` |
# | app. A.1, eqs. 6 to 8 | the codebook as running averages | section 7 | `VectorQuantizer(update="ema")` |
# | not in the paper | dead codes and restarts, perplexity | section 8 | `restart_dead_codes=True`, `quantize.perplexity` |
# | sec. 3.2 | results insensitive to beta | section 9 | `commitment_weight` |
#
# Next: what do these codes *cost*? Chapter 11 finishes the calculation at which the reading notes
# stop: KL = log K.
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. Y. Bengio, N. Léonard, A. Courville: *Estimating or Propagating Gradients Through Stochastic
#    Neurons for Conditional Computation*, 2013, arXiv 1308.3432 (the straight-through idea).
# 3. S. Lloyd: *Least Squares Quantization in PCM*, IEEE Transactions on Information Theory 28 (2),
#    1982 (k-means).
# 4. H. Xiao, K. Rasul, R. Vollgraf: *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
#    Learning Algorithms*, 2017, arXiv 1708.07747.
