# %% [markdown]
# # 10 · The codebook: from vectors to numbers
#
# [← 09 · Autoencoders and the ELBO](09_autoencoders_and_the_elbo.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [11 · KL is log K →](11_kl_is_log_k.ipynb) · [Live: The quantizer](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/quantizer.html) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/10_the_codebook_quantizer.ipynb)
#
# An encoder answers with vectors. This chapter replaces each of them by the nearest of K stored
# ones, so that all that is left of an image, a sound or a clip is a small field of whole numbers.
# The step is two lines long and has no derivative.
#
# **By the end you will have**
#
# - a quantizer of your own, whole: look-up, copied gradient, losses, two ways to move the codes,
#   dead codes brought back; and a test that the library's computes the same;
# - a measurement of how true the copied gradient is;
# - a table of which term of the loss trains which part of the model.
#
# **You need** chapters 01 (nats, bits/dim, entropy) and 09 (encoder, decoder, q(z given x)), and
# gradients in PyTorch.
#
# **Time** two hours and a half: seven exercises of about ten minutes, the rest reading. Running
# everything takes about two minutes on a laptop. The `gpu` profile trains larger models for longer.

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
from tutorial_lib.exercises import ch10


@dataclass
class Settings:
    n_train: int  # images for the small VQ-VAEs of section 8
    n_test: int
    epochs: int
    n_channels: int
    n_points: int  # for the true gradient of section 4
    n_toys: int


settings = profiles.choose(
    smoke=Settings(128, 32, 1, 8, 500, 4),
    laptop=Settings(6000, 1000, 2, 16, 4000, 20),
    gpu=Settings(9000, 2000, 12, 64, 4000, 40),
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
# codes of a similar colour have nothing in common. This is the model, drawn like figure 1 of the
# paper:

# %%
from tutorial_lib.notebook import diagrams

diagrams.vq_figure(shipped, shown[7].long())

# %% [markdown]
# Solid arrows are the forward pass. The encoder gives a vector $z_e$ of $D$ numbers at each
# position, the nearest of $K$ stored vectors takes its place, and the decoder sees only those.
# Dashed arrows are the gradient. It cannot pass through "nearest", so it is copied past it.
# Sections 3 to 6 explain the lower half, and the last section puts all of it into one class.
#
# ## 1 · The look-up, by hand
#
# Boxes like the next one answer questions from a student's reading notes on the two papers, from
# which this series grew.
#
# > **From the reading notes.** There is a matrix e, there is a vector z_e(x), and they are never
# > put together. What comes out?
# >
# > $$e = \begin{bmatrix} 1 & 1.2 & 3 \\ 3.2 & 23 & -1 \\ 1.32 & 0 & 1.352 \end{bmatrix}
# > \qquad z_e(x) = \begin{bmatrix} 2 \\ 4.2 \\ -9 \end{bmatrix}$$
# >
# > In the notes e is $D \times K$: every *column* is a code. Subtract, square, add:
# >
# > | | $z_e - e_k$ | squares | squared distance |
# > |---|---|---|---|
# > | 1st column | (1, 1, −10.32) | 1 + 1 + 106.5024 | 108.5024 |
# > | 2nd column | (0.8, −18.8, −9) | 0.64 + 353.44 + 81 | 435.08 |
# > | 3rd column | (−1, 5.2, −10.352) | 1 + 27.04 + 107.1639 | 135.2039 |
# >
# > The smallest is the first. So z = 1, and z_q(x) is the first column, (1, 3.2, 1.32).

# %% tags=["nbval-check-output"]
notes_e = torch.tensor([[1, 1.2, 3], [3.2, 23, -1], [1.32, 0, 1.352]])  # D x K, codes in columns
notes_z_e = torch.tensor([2, 4.2, -9])
squared = (notes_z_e[:, None] - notes_e).square().sum(dim=0)  # over D, down the columns
z = squared.argmin()
print("squared distances:", [f"{d:.4f}" for d in squared.tolist()])
print(f"argmin: column {z} counted from 0, so z = {z + 1} counted from 1")
print("z_q:", [round(v, 3) for v in notes_e[:, z].tolist()])

# %% [markdown]
# The argmin is **equation 1**, and reading off the code, $z_q(x) = e_k$, is **equation 2**. The
# nearest code is far away: no code has anything like the −9 of $z_e$. Equation 1 only asks which
# code is nearest, not whether it is near.
#
# > **From the reading notes.** The notes write e as D × K, the paper as K × D. Who is right?
# >
# > Both: one is the transpose of the other. This series writes `codebook` (K, D), one code a *row*,
# > so that `codebook[k]` is code k, and counts codes from 0 to K − 1.
#
# > **Predict.** Now mix the two up: the *rows* of the notes' matrix are taken for codes. Will there
# > be an error?
# > <details><summary>A way to think about it</summary>
# >
# > An error needs shapes that do not fit. What is the shape of e here, and of its transpose?
# >
# > </details>

# %% tags=["nbval-check-output"]
codebook = notes_e.T.contiguous()  # K x D, codes in rows
for name, rows in {"the paper's way": codebook, "mixed up": notes_e}.items():
    squared = (notes_z_e - rows).square().sum(dim=1)  # over D, along the rows
    print(f"{name:16} {[f'{d:.4f}' for d in squared.tolist()]}, argmin {squared.argmin()}")

# %% [markdown]
# K = D = 3, so both ways fit, and the wrong one gives another answer without an error. Never test
# with a square example.
#
# <details><summary>How the library looks up: the distance without the differences</summary>
#
# For $N$ vectors, the differences to all codes are a table of $N \times K \times D$ numbers.
# Multiply out instead: $\lVert z_e - e_k \rVert^2 = \lVert z_e \rVert^2 - 2\, z_e \cdot e_k +
# \lVert e_k \rVert^2$. The first part is the same for all codes and cannot change the argmin. What
# is left is one matrix product and the $K$ numbers $\lVert e_k \rVert^2$. Without those numbers
# too, the largest $z_e \cdot e_k$ gives the *second* code of the notes, the farthest of the three:
# it wins because it is long.
#
# </details>
#
# > **From the reading notes.** q(z = k given x) is deterministic "because it is generated by a VAE
# > encoder". Is that why?
# >
# > No: an encoder network is a deterministic function in *every* VAE. In a Gaussian VAE its output
# > is a mean and a spread, and two draws of z for the same x differ. Here its output is z_e, and
# > *equation 1* puts all the mass of q on one code.

# %% tags=["nbval-check-output"] jupyter={"source_hidden": true} cellView="form"
# @title Five draws from each q
from torch.nn import functional as F

q = F.one_hot((notes_z_e - codebook).square().sum(dim=1).argmin(), num_classes=3).float()
print(
    "q(z|x) by eq. 1:",
    q.tolist(),
    " five draws:",
    torch.multinomial(q, 5, replacement=True).tolist(),
)
gaussian = notes_z_e + torch.randn(5, 3)  # mean z_e, spread 1: what a Gaussian VAE would do
print("Gaussian q, five draws differ:", len(gaussian.unique(dim=0)) == 5)

# %% [markdown]
# ## 2 · One code for each position
#
# > **From the reading notes.** The bottleneck "maps an arbitrary input to one of K vectors". With
# > K = 512, could a model then draw only 512 different images?
# >
# > No. The paper's section 3.1 writes a single z "for the sake of simplicity". The encoder really
# > gives a *field* of vectors, and every position chooses for itself: one of K *per position*. With
# > N positions there are $K^N$ different fields.
#
# The next cell lists all of them for two codes, a black patch and a diagonal, at four positions.

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
# Two codes, sixteen images. Here each code is pasted by itself. A convolutional decoder also looks
# at the codes beside it.
#
# ### Exercise 10.1

# %% jupyter={"source_hidden": true} cellView="form"
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
# > **From the reading notes.** *"For speech, images, and videos, we actually extract a 1D, 2D and 3D
# > latent feature space, respectively."* The notes answer: "just too complicated for me".
# >
# > It is the same look-up, done many times. The encoder of a sound gives a *line* of vectors, that
# > of an image a *rectangle*, that of a clip a *box* with a time axis. "1D, 2D, 3D" says how the
# > *positions* are arranged, not how long a vector is (that is D). The next three figures show one
# > of each.
#
# To see everything, take the plainest encoder there is: cut the signal into blocks, each block a
# vector.

# %%
def cut(signal, size):
    """(B, *shape) -> z_e (B, D, *positions): the numbers of each block, D = product of `size`."""
    for axis, length in enumerate(size, start=1):
        signal = signal.unfold(axis, length, length)
    return signal.flatten(-len(size)).movedim(-1, 1)


def some_vectors(field, n_codes):
    """A first codebook: vectors that really occur, chosen at random. (K, D)"""
    vectors = field.movedim(1, -1).flatten(0, -2).unique(dim=0)
    return vectors[
        torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0))[:n_codes]
    ]


# %%
import matplotlib.pyplot as plt

t = torch.arange(768) / 8000  # a tenth of a second: a tone that rises and fades, twice
part = (t / 0.048) % 1
sound = (torch.sin(2 * torch.pi * (120 + 80 * part) * t) * torch.sin(torch.pi * part) ** 2)[None]
sound_z_e = cut(sound, (16,))
sound_codebook = some_vectors(sound_z_e, 12)
sound_codes = nearest_code(sound_z_e, sound_codebook)
print("sound", tuple(sound.shape), "-> z_e", tuple(sound_z_e.shape), "= (B, D, positions)", end=" ")
print("-> codes", tuple(sound_codes.shape))

figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 2.6), sharex=True, height_ratios=[4, 1])
top.plot(sound[0], lw=1.5, label="sound")
top.plot(sound_codebook[sound_codes].flatten(), lw=1, label="from its codes")
top.legend(loc="lower right", ncols=2)
bottom.imshow(sound_codes, cmap="nipy_spectral", aspect="auto", extent=(0, 768, 0, 1))
bottom.set(xlabel="sample", yticks=[], ylabel="codes");

# %% [markdown]
# **A sound**: one axis of positions, time. Each stripe is one code and stands under its sixteen
# samples.

# %%
from tutorial_lib.notebook import show_index_map

patch_field = cut(garments.train.levels[:1000, 0] / 255, (4, 4))
image_codebook = some_vectors(patch_field, 64)
image = garments.test.levels[garments.test.labels == 9][0] / 255  # (1, 28, 28): B = 1, no channels
image_z_e = cut(image, (4, 4))
image_codes = nearest_code(image_z_e, image_codebook)
print(
    "image",
    tuple(image.shape),
    "-> z_e",
    tuple(image_z_e.shape),
    "-> codes",
    tuple(image_codes.shape),
)


def paste(field):
    """The way back: z_q (B, 16, 7, 7) -> images (B, 1, 28, 28)."""
    return F.fold(field.flatten(2), (28, 28), kernel_size=4, stride=4)


image_z_q = image_codebook[image_codes].movedim(-1, 1)  # eq. 2, and D back to its place
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
show_images(image[None], ax=axes[0]).set_title("image")
show_index_map(image_codes[0], 64, ax=axes[1]).set_title("field of codes")
show_images(paste(image_z_q), ax=axes[2]).set_title("from its codes");

# %% [markdown]
# **An image**: two axes. The codes are 64 blocks of other garments, picked at random, and a poor
# alphabet; section 6 teaches it.

# %%
import math

small = F.avg_pool2d(image[None], 2)[0]  # a small garment that crosses the picture
clip = torch.stack([F.pad(small, (2 * i, 18 - 2 * i, i + 4, 14 - i)) for i in range(8)], dim=1)
clip_z_e = cut(clip, (2, 4, 4))  # blocks of two frames, four rows, four columns
clip_codes = nearest_code(clip_z_e, some_vectors(clip_z_e, 24))
print("clip", tuple(clip.shape), "-> z_e", tuple(clip_z_e.shape), end=" ")
print("-> codes", tuple(clip_codes.shape))
for codes in (sound_codes, image_codes, clip_codes):
    digits = int(codes.numel() * math.log10(512)) + 1
    print(f"with K = 512, {codes.numel()} positions can say 512^{codes.numel()}: {digits} digits")

figure, axes = plt.subplots(2, 4, figsize=(7, 3.4), layout="tight")
for time, (top, bottom) in enumerate(axes.T):
    pair = slice(2 * time, 2 * time + 2)
    show_images(clip[0, pair, None], n_columns=2, gutter=0.6, ax=top)
    show_index_map(clip_codes[0, time], 24, ax=bottom)
    top.set_title(f"frames {2 * time} and {2 * time + 1}", fontsize=9)

# %% [markdown]
# **A clip**: time, row, column. Each map in the lower row is a *slice* of the box for two frames.
# From the first map to the third the same codes move with the garment. In the second it stands half
# a block lower, so other codes are nearest. The background keeps a single code. $K$ stays small: it
# is the $N$ positions that make so many digits.
#
# ### A wrong way: the missing permute
#
# A list of vectors needs $D$ *last*, and $z_e$ arrives as (B, D, rows, columns). This line forgets
# it:
#
# > **Predict.** `z_e.reshape(-1, D)` on our garment's field. Is the shape right? What is in a row?
# > <details><summary>A way to think about it</summary>
# >
# > 16×7×7 numbers are 49 rows of 16, whichever way they are cut. In memory, the number after
# > component 0 at column 0 is component 0 at column 1.
# >
# > </details>

# %%
as_it_lies = image_z_e.reshape(-1, 16)  # no permute
wrong_codes = torch.cdist(as_it_lies, image_codebook).argmin(dim=1)
wrong_z_q = image_codebook[wrong_codes].view_as(image_z_e)


def compare(panels):
    """Images of some fields, with their distance from the garment's z_e."""
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 2.5), layout="tight")
    for ax, (name, field) in zip(axes, panels.items(), strict=True):
        distance = (field - image_z_e).square().sum(dim=1).mean()
        title = f"{name}\n$\\Vert z_e - z_q\\Vert^2$ = {distance:.2f}"
        show_images(paste(field), ax=ax).set_title(title, fontsize=9)


compare({"image": image_z_e, "D moved last": image_z_q, "flattened as it lies": wrong_z_q})

# %% [markdown]
# The shapes are right and there is no error, but the garment is gone. Only a test with known
# vectors in a field finds this, such as the one in exercise 10.1.
#
# ## 3 · The plane, cut into cells
#
# With $D = 2$ we can see what the look-up does to space. Drag the red point, or move it with the
# arrow keys. The still below has forty points, each tied to the code that it becomes.
#
# [A codebook that trains, live, in any browser](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/quantizer.html)
# shows what sections 4 to 7 are about. Notice the codes that no point chooses: they never move.

# %%
from tutorial_lib.notebook.widgets import codebook_explorer, draw_codebook

plane_codes = torch.tensor(
    [[-2.0, 1.0], [0.0, 2.0], [2.0, 1.0], [-1.5, -1.0], [0.5, -0.5], [2.2, -1.5]]
)
codebook_explorer(plane_codes, torch.tensor([-0.6, 0.4]))

torch.manual_seed(0)
draw_codebook(plane_codes, 1.6 * torch.randn(40, 2));

# %% [markdown]
# From everywhere inside a **Voronoi cell** the same code is nearest. The outer cells never end, so a
# vector may be as far off as it likes and still gets a code.
#
# > **Predict.** Move z_e by a hair. By how much does z_q move?
# > <details><summary>A way to think about it</summary>
# >
# > There are two cases: inside a cell, and across a border.
# >
# > </details>

# %% jupyter={"source_hidden": true} cellView="form"
# @title z_q as z_e runs along a line
line = torch.linspace(-3, 3, 601)
line_codes = torch.tensor([[-2.0], [0.0], [1.5]])
stairs = line_codes[nearest_code(line[:, None], line_codes)][:, 0]
figure, ax = plt.subplots(figsize=(5, 2.4), layout="tight")
ax.plot(line, line, color="#bbbbbb", lw=1, label="$z_e$ itself")
ax.plot(line, stairs, label="$z_q$")
ax.set(xlabel="$z_e$", ylabel="$z_q$")
ax.legend()
print(f"flat at {(stairs.diff() == 0).sum()} of 600 steps, a jump at {(stairs.diff() != 0).sum()}")

# %% [markdown]
# The curve is a staircase. On a step the derivative is 0, at an edge there is none. So no gradient
# tells the encoder what the decoder would like $z_q$ to be. For autograd, argmin gives a whole
# number, and the chain rule ends there.
#
# ## 4 · Straight through
#
# The paper's answer (section 3.2): in the backward pass, act as if the look-up were not there. The
# gradient that arrives at $z_q$ is *copied* to $z_e$, as in the drawing at the top. If $z_e$ then
# moves the way in which the decoder wants its input to move, it may cross into the cell of a better
# code.
#
# ### Exercise 10.2

# %% jupyter={"source_hidden": true} cellView="form"
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

# %% [markdown]
# Check it by hand, without a decoder: the loss is $\tfrac12\lVert z_q - t\rVert^2$ for a target
# $t$, so its gradient at $z_q$ is $z_q - t$.

# %% tags=["nbval-check-output"] jupyter={"source_hidden": true} cellView="form"
# @title By hand and by autograd
z_e = torch.tensor([[-1.5, 0.5]], requires_grad=True)
target = torch.tensor([[1.0, 0.5]])
z_q = plane_codes[nearest_code(z_e, plane_codes)]
((straight_through(z_e, z_q) - target).square().sum() / 2).backward()
print("by hand, z_q - t:            ", (z_q - target)[0].tolist())
print("by autograd, gradient at z_e:", z_e.grad[0].tolist())


# %% [markdown]
# ### Is it true?
#
# Chapter 09 judged its estimators by the true derivative. What is that here? For a single image it
# is 0. But the *mean* cost of many images is a smooth function of the encoder's weights: as the
# weights change, vectors cross borders, now one and now another, and each time one cost jumps. So
# take an encoder of one 2×2 matrix, a decoder of two layers, thousands of points, $K$ fixed codes.
# Move each weight a little to both sides, measure the mean cost (finite differences), and compare
# with what straight-through claims.

# %%
def mean_cost(weights, x, codes, decoder, through=False):
    """Mean squared error of a toy VQ-VAE: encoder x @ weights, codes, decoder."""
    z_e = x @ weights
    z_q = codes[torch.cdist(z_e, codes).argmin(dim=1)]
    z_q = straight_through(z_e, z_q) if through else z_q
    return (torch.tanh(z_q @ decoder[0]) @ decoder[1] - x).square().sum(dim=1).mean()


def two_gradients(n_codes, seed, step=0.05):
    """By finite differences, and by straight-through: (2, 2) each."""
    torch.manual_seed(seed)
    x, weights = torch.randn(settings.n_points, 2), torch.randn(2, 2)
    toy = x, torch.randn(n_codes, 2), (torch.randn(2, 16), torch.randn(16, 2) / 4)
    moves = step * torch.eye(4).view(4, 2, 2)
    rises = [mean_cost(weights + m, *toy) - mean_cost(weights - m, *toy) for m in moves]
    weights.requires_grad_()
    (claimed,) = torch.autograd.grad(mean_cost(weights, *toy, through=True), weights)
    return torch.stack(rises).view(2, 2) / (2 * step), claimed


# %%
from IPython.display import Markdown, display

table = "| K | mean cosine to the true gradient | median length / true | points downhill |\n"
table += "|---|---|---|---|\n"
for n_codes in (4, 16, 64):
    pairs = [two_gradients(n_codes, seed) for seed in range(settings.n_toys)]
    true, claimed = (torch.stack(each).flatten(1) for each in zip(*pairs, strict=True))
    cosine = F.cosine_similarity(true, claimed, dim=1)
    length = (claimed.norm(dim=1) / true.norm(dim=1)).median()
    downhill = f"{(cosine > 0).sum()} of {len(true)}"
    table += f"| {n_codes} | {cosine.mean():.2f} | {length:.2f} | {downhill} |\n"
display(Markdown(table))


# %% [markdown]
# Straight-through is wrong for every single image and useful on average. With few codes it is
# biased: too long, and a good way off the true direction. It still points downhill nearly always,
# so a small step lowers the cost. The finer the codes, the truer it gets: $z_q$ is then nearly
# $z_e$, and copying nearly exact. (This tests the idea, with fixed codes and a toy decoder.)
#
# ### Where it leads
#
# Follow $z_e$ step by step. The target, the star, lies where no code is.
#
# > **Predict.** The gradient is $z_q - t$. Where will z_e come to rest?
# > <details><summary>A way to think about it</summary>
# >
# > When is $z_q - t$ equal to 0, if $z_q$ must be a code?
# >
# > </details>

# %%
def walk(beta, target, steps=40, rate=0.1):
    """The way of z_e under ||z_q - t||^2 / 2 + beta ||z_e - e||^2."""
    z_e, path = torch.tensor([[-1.5, 0.0]]), []
    for _ in range(steps):
        path.append(z_e)
        z_e = z_e.clone().requires_grad_()
        e = plane_codes[nearest_code(z_e, plane_codes)]
        wish = (straight_through(z_e, e) - target).square().sum() / 2
        (gradient,) = torch.autograd.grad(wish + beta * (z_e - e).square().sum(), z_e)
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
# Left: $z_e$ finds the code nearest to the star. But no code lies at the star, so the gradient
# never becomes 0, and $z_e$ runs off for ever, through a cell that never ends. The loss does not
# notice: $z_q$ has not moved. Right: a second term, $\beta\lVert z_e - e\rVert^2$, calls it back.
# At rest both gradients cancel, so $z_e - e = (t - e)/(2\beta)$, as printed. That term is the
# **commitment**.
#
# ## 5 · Three terms
#
# Equation 3, for one position; $e$ is the code that was chosen, and $\mathrm{sg}[\cdot]$
# (stop-gradient, `.detach()`) holds a value still while differentiating.
#
# $$L = \underbrace{-\log p(x \mid z_q(x))}_{\text{reconstruction}}
#     + \underbrace{\lVert \mathrm{sg}[z_e(x)] - e \rVert^2}_{\text{codebook}}
#     + \beta \underbrace{\lVert z_e(x) - \mathrm{sg}[e] \rVert^2}_{\text{commitment}}$$
#
# ### Exercise 10.3

# %% jupyter={"source_hidden": true} cellView="form"
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
# > It is not trivial which term of the loss trains which of the three. Before you run
# > the next cells, fill in the table: three terms, three parts, nine times yes or no.

# %%
from tutorial_lib.codes import VQVAE

torch.manual_seed(0)
tiny = {"in_channels": 1, "n_levels": 4, "code_dim": 6, "n_channels": 8, "n_blocks": 1}
model = VQVAE(n_codes=12, update="gradient", restart_dead_codes=False, **tiny)
levels = torch.randint(4, (4, 1, 12, 12))


def terms_of(model, through=straight_through):
    """The terms of equation 3, each by itself, written out."""
    z_e, codes = model.encode(levels), model.quantizer.codebook
    e = codes[nearest_code(z_e, codes)].movedim(-1, 1)
    nats = model.decoder_nll_nats(model.decode(through(z_e, e)), levels).mean()
    codebook_loss, commitment_loss = vq_losses(z_e, e)
    return {"reconstruction": nats, "codebook": codebook_loss, "commitment": commitment_loss}


def moves(part, term):
    """Does this term send a gradient to any weight of this part of the model?"""
    weights = list(part.parameters())
    if not (weights and term.requires_grad):
        return False
    found = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
    return any(g is not None and bool(g.any()) for g in found)


# %% tags=["nbval-check-output"]
def reversed_way(z_e, z_q):
    return z_e.detach() + (z_q - z_e.detach())  # wrong: the gradient goes to z_q


torch.manual_seed(0)
averaged = VQVAE(n_codes=12, update="ema", restart_dead_codes=False, **tiny)
rows = {name: (model, term) for name, term in terms_of(model).items()}
rows["reconstruction, reversed"] = model, terms_of(model, reversed_way)["reconstruction"]
rows["codebook, moved by averages"] = averaged, terms_of(averaged)["codebook"]
print(f"{'':28}{'encoder':>10}{'codebook':>10}{'decoder':>10}")
for name, (trained, term) in rows.items():
    parts = trained.encoder, trained.quantizer, trained.decoder
    print(f"{name:28}" + "".join(f"{'yes' if moves(part, term) else '-':>10}" for part in parts))

# %% [markdown]
# Read the first three rows by columns. One term trains the **decoder**, one the **codebook**, two
# the **encoder**. Straight-through hands all of the reconstruction's gradient to $z_e$, so without
# the second term the codes would stay where they started.
#
# *Reversed* detaches the wrong part in the straight-through sum. The value is the same and the loss
# still falls, because the decoder learns what it can. But the encoder learns nothing from the
# reconstruction. Before a long run, look at the gradient that the reconstruction alone sends to an
# encoder weight. In the last row the codes are no parameters (section 6), so the codebook term has
# nothing to do.
#
# <details><summary>Another wrong way: beta on the codebook term</summary>
#
# In equation 3 $\beta$ stands before the *commitment*. The quantizer of taming-transformers put it
# before the codebook term at first, by a bug that its code mentions, and keeps the old way as a
# default, for old weights [5]. With the usual 0.25 the encoder is then held four times as tightly
# as intended, and the codes follow four times as slowly.
#
# </details>
#
# ## 6 · A codebook that needs no gradient
#
# Hold the encoder still, and look at one code and the $n$ vectors that chose it. Its part of the
# codebook loss is $\sum_j \lVert z_j - e\rVert^2$ (appendix A.1, equation 4), and the derivative
# $2\sum_j (e - z_j)$ is 0 exactly at the *mean*, $e = \frac1n \sum_j z_j$ (equation 5). Assign
# every vector to its nearest code, move every code to its mean, repeat: that is **k-means** [3]. In
# training, vectors come batch by batch from an encoder that moves. So keep running averages
# (*exponential moving averages*, EMA) of the two parts of the mean, the *count* and the *sum*
# (equations 6 to 8):
#
# $$N_k \leftarrow \gamma N_k + (1 - \gamma)\, n_k \qquad
#   m_k \leftarrow \gamma\, m_k + (1 - \gamma) \sum_{j:\, z_j \to k} z_j \qquad
#   e_k = \frac{m_k}{N_k}$$
#
# Here $n_k$ vectors $z_j$ of the batch chose code $k$ (written $z_j \to k$), and $\gamma$, the
# *decay*, is the share of the old average that stays. The paper offers this as an alternative, "not
# used for the experiments in this work" (section 3.2). Most later work uses it, and so does this
# series.
#
# ### Exercise 10.4

# %% jupyter={"source_hidden": true} cellView="form"
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
# Six clouds of points stand for what an encoder says, and eight codes start near the origin. Counts
# start at 1 and sums at the codes.

# %%
torch.manual_seed(1)
centers = torch.tensor([[2.0, 3], [5, 3.5], [4, 0], [7, 1], [1.5, -1.5], [6, -2]])
clouds = (centers[:, None] + 0.4 * torch.randn(6, 60, 2)).flatten(0, 1)
first_codes = 0.5 * torch.randn(8, 2)
batches = [clouds[torch.randint(len(clouds), (64,))] for _ in range(400)]


def by_averages(decay, repair=None):
    """The codes after each step. repair: what happens to dead codes (section 7)."""
    counts, sums, codes = torch.ones(8), first_codes.clone(), first_codes.clone()
    history = [codes]
    for batch in batches:
        counts, sums, codes = ema_step(counts, sums, batch, nearest_code(batch, codes), decay)
        if repair is not None:
            counts, sums, codes = repair(counts, sums, batch[:8])
        history.append(codes)
    return torch.stack(history)


history = by_averages(decay=0.8)
figure, axes = plt.subplots(1, 3, figsize=(7, 2.2), layout="tight", sharex=True, sharey=True)
for ax, step in zip(axes, (0, 4, 400), strict=True):
    draw_codebook(history[step], clouds[::12], ax=ax)
    ax.set_title(f"after {step} steps", fontsize=9)


# %% [markdown]
# Some codes have found a cloud of their own, one serves several, and some have not moved at all: no
# vector was ever nearest to them. Compare with gradient descent on the codebook loss, and with
# k-means on all points at once:

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


# %% jupyter={"source_hidden": true} cellView="form"
# @title Three ways to move codes
figure, ax = plt.subplots(figsize=(6, 2.6), layout="tight")
ax.plot([error(codes) for codes in history], label="averages, decay 0.8", lw=2)
for rate in (0.1, 1.0):
    ax.plot(by_gradient(rate), label=f"gradient, rate {rate:g}")
ax.axhline(by_k_means(), color="#888888", ls="--", lw=1, label="k-means, all at once")
ax.set(xlabel="step", ylabel="$\\Vert z_e - z_q\\Vert^2$", yscale="log")
ax.legend(fontsize=8);

# %% [markdown]
# The averages go where k-means goes, without a learning rate. They are a gradient step in disguise:
# put $m = Ne$ into equations 6 to 8, and the step is
# $e_k \leftarrow e_k + \frac{(1 - \gamma)\, n_k}{N_k^{\text{new}}}\, (\bar z_k - e_k)$. Plain
# gradient descent has the rate times $2n_k/n$ in the place of the fraction, so rare codes are slow.
# The averages divide $n_k$ by the code's *own* usual count: a rare code moves as fast as a common
# one.
#
# <details><summary>Where the averages start, and why nothing needs debiasing</summary>
#
# With count 0 and sum 0, a code that nobody chooses is 0/0 after the first step. The library starts
# with *one phantom vector* at the code, count 1 and sum $e_0$. Count and sum then shrink together,
# and an idle code stays where it is. A used code is then
#
# $$e = \frac{\gamma^t e_0 + (1 - \gamma^t)\, n \bar z}{\gamma^t + (1 - \gamma^t)\, n}$$
#
# after $t$ steps: the phantom fades as $\gamma^t$. An average that starts at 0 is too small by the
# factor $1 - \gamma^t$. The codes need no correction for that: $m$ and $N$ have the same factor,
# and it cancels.
#
# </details>
#
# ## 7 · Dead codes
#
# Count how often codes are used, and put the counts into one number. The **perplexity** is
# exp(entropy) of the usage: $K$ if all codes are used alike, 1 if one code does it all.
#
# ### Exercise 10.5

# %% jupyter={"source_hidden": true} cellView="form"
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
# Counts are added up over batches *first*: the mean of the batches' perplexities is another number.
# Garments sorted by class show it.

# %% jupyter={"source_hidden": true} cellView="form"
# @title Perplexity of each class, and of all
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
# A code that is not chosen is not moved, so it is not chosen in the next step either. The cure: a
# code that is hardly used any more *restarts* on a vector of the present batch. Its count and its
# sum have to move with it.
#
# ### Exercise 10.6

# %% jupyter={"source_hidden": true} cellView="form"
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
# Back among the clouds, with the usual decay of 0.99. In the middle, a wrong way: the restart moves
# the code and forgets its averages. Each curve is one code; its height is the distance from the
# start.

# %%
def forgetful(counts, sums, candidates):
    """Wrong: the code moves, its count and sum stay."""
    dead = counts < 0.02 * counts.mean()
    return counts, sums, torch.where(dead[:, None], candidates, sums / counts[:, None])


ways = {"no restarts": None, "averages forgotten": forgetful, "restarts": restart_dead_codes}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4), layout="tight", sharey=True)
for ax, (name, repair) in zip(axes, ways.items(), strict=True):
    history = by_averages(0.99, repair)
    ax.plot((history - first_codes.mean(dim=0)).norm(dim=2), lw=1)
    ax.set_title(name, fontsize=9)
    ax.set_xlabel("step")
    used = usage_perplexity([nearest_code(clouds, history[-1])], 8).item()
    print(f"{name:19} error {error(history[-1]):.3f}, perplexity {used:.1f} of 8")
axes[0].set_ylabel("distance from the start");

# %% [markdown]
# Left: the flat curves at the bottom are the dead. Right: each of them jumps once, is chosen from
# then on, and stays. In the middle there are spikes. A code is put among the vectors, but the next
# step computes it from a sum that still tells of the old place, so it falls back part of the way.
# One code has to be moved again and again.
#
# ## 8 · The quantizer, whole
#
# You have all the parts. One function puts equations 1 to 3 together. Equation 2, the look-up of
# the code vectors, is new. Think about what the losses get and what the decoder gets: $e$, or the
# result of `straight_through`?
#
# ### Exercise 10.7

# %% jupyter={"source_hidden": true} cellView="form"
ch10.quantize.card()


# %%
def quantize(
    z_e: torch.Tensor, codebook: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Equations 1 to 3: what the decoder gets, its names, and the two losses of the codebook.

    z_e       (B, D, *positions): what the encoder said
    codebook  (K, D), one code a row
    returns   (z_q, indices, codebook_loss, commitment_loss)
              z_q      (B, D, *positions), D second again: the code e_k of eq. 2 at each position.
                       All of its gradient goes to z_e, none to the codebook
              indices  (B, *positions) torch.long, by eq. 1
              losses   as in exercise 10.3. The first moves the codebook, the second z_e

    By hand: codebook = [[0, 0], [4, 0]] and the vectors (1, 1) and (3, -1) on a line, so z_e =
             [[[1, 3], [1, -1]]]. indices = [[0, 1]], z_q = [[[0, 4], [0, 0]]], and both losses are
             (2 + 2) / 2 = 2
    """
    ____


quantize = ch10.quantize.check(quantize)

# %% [markdown]
# The class around it holds the codebook and moves it, in training, *after* the look-up: by averages
# (`update="ema"`), or not at all, because an optimiser follows the codebook loss
# (`update="gradient"`). Codes may *start* on vectors of the first batch, and dead codes may
# *restart*: two switches. `Quantized` is the library's name for the answer: $z_q$, the indices,
# both losses and the perplexity.

# %%
from torch import nn

from tutorial_lib.codes import Quantized


class VectorQuantizer(nn.Module):
    """z_e (B, D, *positions) -> Quantized"""

    commitment_weight = 0.25  # beta; whoever adds the losses up applies it

    def __init__(self, n_codes, code_dim, update="ema", start=True, restart=True, decay=0.99):
        super().__init__()
        self.code_dim, self.update, self.decay = code_dim, update, decay
        self.start, self.restart = start, restart
        codes = torch.randn(n_codes, code_dim) / code_dim**0.5
        if update == "gradient":
            self.codebook = nn.Parameter(codes)
        else:  # buffers: stored with the weights, unknown to the optimiser
            self.register_buffer("codebook", codes)
            self.register_buffer("sums", codes.clone())  # the library's weights have them
        self.register_buffer("counts", torch.ones(n_codes))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, z_e):
        vectors = z_e.detach().movedim(1, -1).flatten(0, -2)  # (N, D), in the order of the indices
        candidates = vectors[torch.randint(len(vectors), (len(self.codebook),), device=z_e.device)]
        if self.training and self.start and not self.started:
            self.codebook.data.copy_(candidates)
        z_q, indices, codebook_loss, commitment_loss = quantize(z_e, self.codebook)
        if self.update == "ema":  # the averages do its work
            codebook_loss = torch.zeros_like(codebook_loss)
        if self.training:
            self.move(vectors, indices.flatten(), candidates)
        used = usage_perplexity([indices.cpu()], len(self.codebook))
        return Quantized(z_q, indices, codebook_loss, commitment_loss, used)

    @torch.no_grad()
    def move(self, vectors, indices, candidates):
        sums = self.counts[:, None] * self.codebook  # m = N e
        counts, sums, codes = ema_step(self.counts, sums, vectors, indices, self.decay)
        if self.update == "gradient":  # only the counts are kept; the codes are the optimiser's
            codes = self.codebook
        if self.restart:
            before = counts  # from here on, only a restart changes a count
            counts, _, restarted = restart_dead_codes(counts, sums, candidates)
            codes = torch.where((counts > before)[:, None], restarted, codes)
        self.counts.copy_(counts), self.codebook.data.copy_(codes), self.started.fill_(True)


# %% [markdown]
# Hold it against the library's, with the same codes, through forty batches in which codes start,
# die and restart.

# %% tags=["held", "nbval-check-output"]
from tutorial_lib.codes import VectorQuantizer as LibraryQuantizer

for update in ("ema", "gradient"):
    library = LibraryQuantizer(16, 2, update=update, restart_dead_codes=True, decay=0.8)
    mine = VectorQuantizer(16, 2, update, decay=0.8)
    mine.load_state_dict(library.state_dict())
    same = True
    for step in range(40):
        z_e = torch.randn(2, 2, 5, 5) + step / 10  # an encoder that moves away: codes die
        torch.manual_seed(step)
        theirs = library(z_e)
        torch.manual_seed(step)  # the same candidates
        results = zip(mine(z_e), theirs, strict=True)
        same = same and all(torch.allclose(a, b, atol=1e-4) for a, b in results)
    same = same and torch.allclose(mine.codebook, library.codebook, atol=1e-4)
    print(f"{update}: same results and same codes as the library's: {same}")

# %% [markdown]
# ### Starts and restarts, told apart
#
# The library has one switch for both, `restart_dead_codes`; your class has two. So train a small
# VQ-VAE on garments four times, with your quantizer in it, and see which of them does the work.
#
# > **Predict.** Start alone: all codes begin where vectors are. Is that enough?
# > <details><summary>A way to think about it</summary>
# >
# > Where are the vectors a hundred steps later, while the encoder learns?
# >
# > </details>

# %%
from tutorial_lib.training import FitConfig, fit

garments16 = garments.with_n_levels(16)
train = garments16.train.subset(settings.n_train).levels
test = garments16.test.subset(settings.n_test).levels.long().to(device)


def vqvae_step(model, levels):
    out = model(levels.long())
    return {"loss": out.loss, "bits/dim": out.nll_nats.mean() / 784 / math.log(2)}


def trained(start, restart):
    torch.manual_seed(0)
    sizes = {"n_codes": 64, "code_dim": 8, "n_channels": settings.n_channels, "n_blocks": 1}
    model = VQVAE(in_channels=1, n_levels=16, **sizes)
    model.quantizer = VectorQuantizer(64, 8, start=start, restart=restart)
    config = FitConfig(epochs=settings.epochs, batch_size=16, learning_rate=2e-3)
    fit(model.to(device), vqvae_step, (train,), config)
    return model.eval()


cases = {
    "neither": (False, False),
    "start alone": (True, False),
    "restarts alone": (False, True),
    "both": (True, True),
}
models = {name: trained(*switches) for name, switches in cases.items()}

# %%
from tutorial_lib.codes import code_counts
from tutorial_lib.notebook import show_usage

figure, axes = plt.subplots(1, 4, figsize=(7, 2.4), layout="tight", sharey=True)
table = "| | codes never used, of 64 | perplexity | decoder term, bits/dim |\n|---|---|---|---|\n"
for ax, (name, model) in zip(axes, models.items(), strict=True):
    with torch.inference_mode():
        out = model(test)
    indices, bits = out.quantized.indices.cpu(), out.nll_nats.mean() / 784 / math.log(2)
    used, counts = usage_perplexity([indices], 64), code_counts(indices, 64)
    show_usage(counts, used, ax=ax).set_title(name, fontsize=9)
    ax.get_legend().remove()
    ax.set(xlabel="code, sorted", ylabel="")
    table += f"| {name} | {(counts == 0).sum()} | {used:.1f} | {bits:.3f} |\n"
axes[0].set_ylabel("share of positions (%)")
display(Markdown(table))

# %% [markdown]
# Codes are sorted by usage; the red line is an equal share for each. With neither switch, a few
# codes do all the work. A start on data uses more of them, but the encoder moves on while it
# learns, and the codes that fall behind stay behind. Restarts alone leave no code idle, here as
# well as both together. So it is the restarts that matter. The decoder term gains less than the
# usage: common patches had a code already, and the last codes get rare ones. (One seed, a short
# run: the last two rows are equal for all we know.)
#
# Chapter 12 measures what $\beta$, $K$ and $D$ change.

# %%
ch10.progress()

# %% [markdown]
# > **In words.** A colleague uses an EMA codebook, tunes beta for a week from 0.01 to 100, and
# > reports that every run gives exactly the same curve. Explain it without looking at the code.
# > <details><summary>An answer</summary>
# >
# > Beta multiplies a term that is constant. With an EMA codebook the codebook term is left out or
# > sends no gradient. Beta must be the weight of *that* term, and the commitment has weight 1
# > whatever beta is. Even a beta that does its job badly would change the curves a little.
# >
# > </details>
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | eq. 1, sec. 3.1 | q(z = k given x) is 1 at the nearest code | sections 1, 2; exercise 10.1 | `quantizer.nearest_code` |
# | eq. 2, sec. 3.1 | z_q is that code | section 1; exercise 10.7 | `VectorQuantizer.lookup` |
# | sec. 3.1 | 1-D, 2-D, 3-D latent fields | section 2 | `VQVAE(n_dims=...)` |
# | sec. 3.2, fig. 1 | the gradient is copied from z_q to z_e | section 4 | `quantizer.straight_through` |
# | eq. 3, sec. 3.2 | reconstruction, codebook, commitment | section 5 | `quantizer.vq_losses`, `VQVAE.forward` |
# | app. A.1, eqs. 4, 5 | a code's best place is the mean of its vectors | section 6, k-means | - |
# | app. A.1, eqs. 6 to 8 | the codebook as running averages | section 6 | `quantizer.ema_step` |
# | not in the paper | starts, restarts, perplexity | sections 7, 8 | `restart_dead_codes=True`, `quantizer.perplexity` |
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
# 5. CompVis: *taming-transformers*, `taming/modules/vqvae/quantize.py`, the note in
#    `VectorQuantizer2`.
