# %% [markdown]
# # 06 · Fast sampling: compute once, keep it
#
# [← 05 · Conditional generation](05_conditional_generation.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [07 · What a likelihood is good for →](07_what_a_likelihood_is_good_for.ipynb) · [Live: Draw and complete](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/complete.html) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/06_fast_sampling.ipynb)
#
# A PixelCNN needs one pass of the network to score an image, but one pass for every sub-pixel to draw
# it. Nearly all of this work is wasted: it computes features again that have not changed, or features
# too early that nobody uses. You compute each feature once, keep it, and draw the very same images in
# a small fraction of the time.
#
# **By the end you will have**
#
# - mapped the work of naive sampling, and seen which features never change again;
# - built a cached sampler for the two stacks, in about sixty lines, that draws the same image as the
#   naive one, to the last pixel;
# - explained when a cache makes sampling a few times as fast, when hundreds of times, and when a GPU
#   is slower than a CPU.
#
# **You need** chapter 04 (the two stacks of the gated PixelCNN) and the idea of sampling from
# chapters 01 and 03.
#
# **Time** about an hour and a half, fifty minutes of it for the four exercises; running everything
# takes about two minutes on a laptop, and needs no GPU.

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
from tutorial_lib.exercises import ch06


@dataclass
class Settings:
    n_digits: int  # drawn in the first figure
    rows: int  # of the digits that are drawn naively, too
    batch_sizes: tuple[int, ...]  # of digits that are drawn together
    sides: tuple[int, ...]  # of the images whose factor is measured
    batches: tuple[int, ...]
    naive_draws: int  # that are timed for an image
    n_channels: int  # of the model whose factor is measured
    n_layers: int


settings = profiles.choose(
    smoke=Settings(2, 5, (1, 2), (3, 5), (1, 2), 2, 6, 2),
    laptop=Settings(8, 20, (1, 4, 16, 64), (4, 8, 16, 32), (1, 16), 6, 64, 7),
    gpu=Settings(8, 20, (1, 4, 16, 64, 256), (4, 8, 16, 32), (1, 16), 6, 64, 7),
)
settings

# %% [markdown]
# ## Where this ends
#
# A gated PixelCNN that was trained on handwritten digits comes with the package. Here it draws, and
# you see its images four times on the way: after a quarter of the rows, half of them, three
# quarters, and at the end.

# %%
import time

import torch

from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained
from tutorial_lib.sampling import sample, sample_rows

digits_model = load_pretrained("gated-binarized-mnist")
shape, seed = (settings.n_digits, 1, 28, 28), torch.Generator().manual_seed(0)
start = time.perf_counter()
growing = list(sample_rows(digits_model, shape, temperature=0.85, generator=seed))
seconds = time.perf_counter() - start

names = ["7 rows", "14 rows", "21 rows", "28 rows"]
looks = torch.cat([growing[int(name.split()[0]) - 1] for name in names])
show_images(looks, n_levels=2, n_columns=settings.n_digits, row_labels=names);

# %% [markdown]
# Every pixel was drawn from its conditional, given all pixels before it. Two things were chosen by eye:
# the seed, and the temperature of 0.85 (chapter 03), which makes the digits a little more regular.
# Section 4 draws at temperature 1, where they are rougher.
#
# How long would this have taken by the method of chapter 03, with a forward pass for each pixel? Time
# one pass and multiply. This chapter draws and measures **on the CPU**, even where the set-up line
# above names a GPU. Section 7 says why, and measures the GPU too, if you have one.

# %%
from statistics import median


def seconds_of(function, repetitions=5):
    """The median time of a call, after one that warms up."""
    times = []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return median(times[1:])


with torch.inference_mode():
    one_pass = seconds_of(lambda: digits_model(growing[-1]))
print(f"CPU: {settings.n_digits} digits were drawn in {seconds:.2f} s. One pass takes", end=" ")
print(f"{one_pass:.3f} s, so {28 * 28} passes take {28 * 28 * one_pass:.0f} s")
print(f"({28 * 28 * one_pass / seconds:.0f} times as long)")

# %% [markdown]
# ## 1 · Count the work
#
# Time depends on the machine; work can be counted. A layer has one *position* for each pixel, and
# every position costs the same. So count how often one layer computes each of its positions while
# one image is drawn, in three ways:
#
# - **naive**: each draw runs the network on the whole image;
# - **row-cropped**: each draw runs it on the rows down to its own, since no layer reads lower rows;
# - **cached**: what this chapter builds. Each draw computes the one position of its pixel.
#
# ### Exercise 6.1

# %% jupyter={"source_hidden": true} cellView="form"
ch06.positions_computed.card()


# %%
def positions_computed(height: int, width: int, n_colors: int = 1) -> torch.Tensor:
    """How often a layer computes each of its positions while one image is sampled.

    height, width  of the image, in pixels: a layer has one position for each pixel
    n_colors       sub-pixels of a pixel; each is a draw of its own
    returns        (3, height, width) torch.long, three maps in this order: naive (each draw
                   computes all positions), row-cropped (each draw computes the rows so far, its
                   own row in full), cached (each draw computes the position of its pixel)

    By hand: 2 rows of 3 pixels, one colour. Naive is 6 everywhere, row-cropped is 6 in the first
             row and 3 in the second, cached is 1 everywhere
    """
    ____


positions_computed = ch06.positions_computed.check(positions_computed)

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="constrained")
maps = positions_computed(8, 8)
for ax, name, times in zip(axes, ("naive", "row-cropped", "cached"), maps, strict=True):
    picture = ax.imshow(times, cmap="viridis", vmin=0, vmax=64)
    ax.set(title=f"{name}: {times.sum():,}", xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(picture, ax=axes, label="times computed");

# %% [markdown]
# The number above each map is its sum, for an image of 8×8 pixels. Row-cropped sampling computes the
# lower rows less often. But it computes the first row until the very end, long after that row was
# drawn. For larger images:

# %% tags=["nbval-check-output"]
print("image          draws            naive      row-cropped     cached")
for height, width, n_colors in [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3)]:
    counts = positions_computed(height, width, n_colors).sum(dim=(1, 2)).tolist()
    name = f"{height}×{width}×{n_colors}"
    print(
        f"{name:10} {height * width * n_colors:9,} {counts[0]:16,} {counts[1]:16,} {counts[2]:10,}"
    )

# %% [markdown]
# Naive work grows with the *square* of the number of pixels, cached work with the number itself.
# Cropping saves about half at any size.
#
# ## 2 · What changes when a pixel is drawn?
#
# Take a small gated PixelCNN of two layers with random weights. Run it on an empty image; draw one
# pixel, at row 3, column 4; run it again. At which positions did the features behind the second layer
# change, in the vertical stack `v` and in the horizontal stack `h`? (Large weights in float64 make
# every change visible.)
#
# > **Predict.** Where can `v` change, and where can `h`?
# >
# > <details><summary>A way to think about it</summary>
# >
# > `v` reads rows above only. `h` reads to the left in its own row, and `v` through the link. Which
# > positions have the pixel (3, 4) in their past?
# > </details>

# %%
from torch.nn import functional as F

from tutorial_lib.notebook import show_mask
from tutorial_lib.pixels import GatedPixelCNN, shift_down


def with_wild_weights(model):
    """Large random weights, in float64: every pixel matters, and rounding does not."""
    for parameter in model.double().eval().parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


@torch.no_grad()
def stacks(model, levels):
    """v and h behind the last layer: (1, C, H, W) each."""
    v, h = shift_down(model.embed(levels)), model.embed(levels)
    for layer in model.layers:
        v, h = layer(v, h)
    return v, h


# %%
torch.manual_seed(0)
small = with_wild_weights(GatedPixelCNN(n_channels=8, n_layers=2))
canvas = torch.zeros(1, 1, 8, 9, dtype=torch.long)
before = stacks(small, canvas)
canvas[0, 0, 3, 4] = 1
after = stacks(small, canvas)

figure, axes = plt.subplots(1, 2, figsize=(6, 2.8), layout="tight")
for ax, name, old, new in zip(axes, ("v", "h"), before, after, strict=True):
    changed = (old != new).any(dim=1)[0]
    show_mask(changed, ax=ax).set_title(f"{name}: {changed.sum()} of 72 positions change")
    ax.add_patch(plt.Rectangle((3.5, 2.5), 1, 1, fill=False, ec="#d62728", lw=2))

# %% [markdown]
# Blue changed, grey did not; the pixel drawn is outlined in red. No position before it in raster
# order changed, nor its own: those features depend on the past alone, and the past is drawn. What
# changed belongs to pixels that are still to come. (More layers make the blue part larger.)
#
# So a feature is *provisional* until all pixels that it reads are drawn. From then on it is **final**:
# it never changes again. Naive sampling computes final features again and again, and provisional ones
# too early, for nobody uses them. A sampler needs each feature **once, when it becomes final**.
#
# When is that? Ask which pixels each feature reads, with the influence matrix of chapter 02. A row of
# the matrix is a position of the feature, a column is a pixel, both in raster order. The image has 4
# rows of 5 pixels, so five rows of the matrix are one row of the image.

# %%
from tutorial_lib.pixels import as_model, influence_matrix


class OneStack(torch.nn.Module):
    """v (0) or h (1) of `small`, as a function of the embedded image."""

    def __init__(self, which):
        super().__init__()
        self.layers, self.which = small.layers, which

    def forward(self, x):
        v, h = shift_down(x), x
        for layer in self.layers:
            v, h = layer(v, h)
        return (v, h)[self.which]


figure, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="tight")
for which, (ax, name) in enumerate(zip(axes, ("v", "h"), strict=True)):
    matrix = influence_matrix(as_model(OneStack(which).double()), height=4, width=5)
    show_mask(matrix, ax=ax).set(title=name, xlabel="pixel", ylabel="feature")

# %% [markdown]
# On the left, no `v` of a row reads a pixel of that row, and some read the last pixel of the row
# above. On the right, `h` reads up to the pixel on its left. Two stacks, two moments:
#
# - **`v` of a whole row is final when the row above is finished**: compute it once a row;
# - **`h` of a pixel is final when the pixel to its left is drawn**: compute it once a pixel.
#
# The two stacks were invented to remove the blind spot. They also divide the work into what is done
# for a row and what is done for a pixel, and this makes sampling from a gated PixelCNN fast.
#
# ### This is the KV cache of a transformer
#
# If you have met language models, you know the trick by another name. If not, go on to section 3.
#
# | | transformer, *KV cache* | gated PixelCNN, here |
# |---|---|---|
# | kept of each layer | keys and values of all past tokens | features of the last rows, and of the present row |
# | why it may be kept | causal mask: the past never reads the future | cropped kernels: the past never reads the future |
# | who reads it | attention, at every past token | a kernel, at its few taps |
# | grows with | the number of tokens | the width of the image, not its height |
# | given in advance | the prompt, in one pass (*prefill*) | known rows: the vertical stack alone |
#
# A kernel reads a fixed distance, so old rows can be thrown away. Attention reads everything, so a
# transformer keeps everything.
#
# ## 3 · The vertical stack, once a row
#
# A $k \times k$ kernel, cropped, has $\lfloor k/2 \rfloor + 1$ rows of taps (chapter 04). To compute
# a row of `v`, a layer reads that many rows of the layer before it, and no more. So each layer keeps
# these rows, its *window*. When a row is finished, it enters the window and the oldest row leaves.
#
# ### Exercise 6.2

# %% jupyter={"source_hidden": true} cellView="form"
ch06.push_row.card()


# %%
def push_row(
    rows: torch.Tensor, finished: torch.Tensor, kernel: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A row is finished: move the window on, and convolve what it holds now.

    rows      (B, C, n_rows, W) features of the last rows, the oldest first; stays as it is
    finished  (B, C, W) features of the row that was finished
    kernel    (O, C, n_rows, k) its last taps lie on the newest row; of the k columns of taps (k is
              odd) the middle one lies on the pixel
    returns   the new window (B, C, n_rows, W), and the sums (B, O, W), one for each pixel of the
              newest row. Beside the image there are zeros

    By hand: rows = [[9, 9, 9], [1, 2, 3]], finished = [4, 5, 6], kernel = [[0, 1, 0],
             [100, 10, 0]] (B = C = O = 1). At the middle pixel: 2 + 100 * 4 + 10 * 5 = 452
    """
    ____


push_row = ch06.push_row.check(push_row)

# %% [markdown]
# Now run the vertical stack of `small` row by row. Into the first layer goes the image, shifted down
# by one: row $i$ receives the levels of row $i - 1$.

# %%
from tutorial_lib.pixels import gate

image = torch.randint(2, (1, 1, 8, 9))
embedded = shift_down(small.embed(image))
windows = [torch.zeros(1, layer.vertical.in_channels, 2, 9).double() for layer in small.layers]
rows = []
with torch.no_grad():
    for row in range(8):
        v = embedded[:, :, row]  # what the first layer is given: the row above, in fact
        for i, layer in enumerate(small.layers):
            windows[i], sums = push_row(windows[i], v, layer.vertical.weight)
            v = gate(sums + layer.vertical.bias[:, None])
        rows.append(v)
difference = (torch.stack(rows, dim=2) - stacks(small, image)[0]).abs().max()
print(f"row by row against all at once: the largest difference is {difference.item():.1e}")

# %% [markdown]
# Any difference is rounding: a sum taken in another order may end in another last digit. Each position
# was computed once, and each layer kept two rows.
#
# ## 4 · The horizontal stack, once a pixel
#
# What is left to do at a pixel? In each layer: sum the taps to the left in its own row and the tap on
# the pixel itself, and add the *link* from the vertical stack (chapter 04), which was computed with
# the row. The drawing shows what the sampler keeps of one layer of the digits' model, and when it uses
# it. The row window holds 3 rows of 28 pixels with two zeros at either end (hence 32), 32 channels
# each.

# %%
from tutorial_lib.notebook import diagrams

diagrams.cached_sampler(digits_model, growing[-1][-2], (16, 12))

# %% [markdown]
# The upper half runs once a row. Its result is stored: one link for each pixel of the row. The lower
# half runs once a pixel. A convolution at a single pixel is a matrix times a vector. The last box is
# the 1×1 convolution with the residual ("+").
#
# ### Exercise 6.3

# %% jupyter={"source_hidden": true} cellView="form"
ch06.step_in_row.card()


# %%
def step_in_row(
    row: torch.Tensor, kernel: torch.Tensor, link: torch.Tensor, column: int
) -> torch.Tensor:
    """A convolution of type B at one pixel: the taps of its own row, and what the link brings.

    row      (B, C, W) features of the present row. To the right of `column` they are leftovers
             of an earlier row
    kernel   (O, C, T) the taps in the own row; the last lies on `column`, the others to its left
    link     (B, O, W) what the rows above have to say, computed already, for each column
    column   0 .. W-1
    returns  (B, O); left of the image there are zeros

    By hand: row = [[2, 3, 9]], kernel = [[10, 1]], link = [[100, 200, 300]] (B = C = O = 1)
             column 1: 200 + 10 * 2 + 1 * 3 = 223        column 0: 100 + 10 * 0 + 1 * 2 = 102
    """
    ____


step_in_row = ch06.step_in_row.check(step_in_row)


# %% [markdown]
# Now the cache, whole. It begins with what is kept: for each layer a window of rows and the present
# row. A model may also be told a label or the place of each pixel (chapter 05). Then something is added
# inside the gates, to `v` and to `h`; it is known before the first draw, so `added` keeps it. For the
# model `small` it is 0.

# %%
def one_by_one(conv, features):
    """A 1×1 convolution of one row (B, C, W) or of one pixel (B, C)."""
    weight = conv.weight[:, :, 0, 0]
    return F.linear(features.movedim(1, -1), weight, conv.bias).movedim(-1, 1)


class TwoStackCache:
    """A GatedPixelCNN of one colour, asked row by row and pixel by pixel."""

    def __init__(self, model, shape, label=None):
        self.model, (batch, _, height, width) = model, shape
        zeros = next(model.parameters()).new_zeros
        context = model.context_of_layers(zeros(batch, 1, height, width), label, None)
        self.windows, self.rows, self.added = [], [], []
        for layer in model.layers:
            _, channels, n_rows, _ = layer.vertical.weight.shape
            self.windows.append(zeros(batch, channels, n_rows, width))
            self.rows.append(zeros(batch, channels, width))
            added = layer.condition(label, context) or (zeros(1, 1, 1, 1), zeros(1, 1, 1, 1))
            self.added.append([each.expand(-1, -1, height, width) for each in added])


# %% [markdown]
# `begin_row` is the upper half of the drawing. It uses your `push_row`. What is the same whatever is
# drawn in the row goes into the link as well: the horizontal convolution's bias, and what is added.

# %%
def begin_row(self, levels, row):
    """Run the vertical stack for one row; returns the links, (B, 2C, W) for each layer."""
    v = self.model.embed(levels[:, :, [max(row - 1, 0)]])[:, :, 0]
    v = v if row else torch.zeros_like(v)  # above the image there are zeros
    links = []
    for i, (layer, (to_v, to_h)) in enumerate(zip(self.model.layers, self.added, strict=True)):
        self.windows[i], sums = push_row(self.windows[i], v, layer.vertical.weight)
        sums = sums + layer.vertical.bias[:, None]
        # The link leaves before the gate, as in figure 2 of the paper.
        link = one_by_one(layer.link, sums) + layer.horizontal.bias[:, None]
        links.append(link + to_h[:, :, row])
        v = gate(sums + to_v[:, :, row])
    return links


TwoStackCache.begin_row = begin_row


# %% [markdown]
# `logits` is the lower half, with your `step_in_row`. It walks through the layers at one pixel, and
# leaves in `self.rows` what the pixels to the right will read.

# %%
def logits(self, links, levels, row, column):
    """Logits (B, L) of one pixel: through all layers, at its position alone."""
    self.rows[0] = self.model.embed(levels[:, :, [row]])[:, :, 0]
    for i, layer in enumerate(self.model.layers):
        kernel = layer.horizontal.weight[:, :, 0]
        # Type A has no tap on the pixel itself: put a zero there.
        kernel = kernel if layer.horizontal.has_center else F.pad(kernel, (0, 1))
        z = step_in_row(self.rows[i], kernel, links[i], column)
        h = one_by_one(layer.output, gate(z))
        h = h + self.rows[i][:, :, column] if layer.residual else h
        if i + 1 < len(self.rows):
            self.rows[i + 1][:, :, column] = h
    return self.model.head(h[:, :, None, None])[:, :, 0, 0]


TwoStackCache.logits = logits

# %% [markdown]
# Around it goes a loop that draws. It is also the place for **completion**: known pixels are put in
# place, the others are drawn. Ask for the logits of known pixels as well, since the pixels to their
# right read the features that this leaves behind. The image that you hand to the model must hold
# levels everywhere. The -1 of `known` is none: put any level, say 0, where nothing is drawn yet.
#
# ### Exercise 6.4

# %% jupyter={"source_hidden": true} cellView="form"
ch06.sample_row_by_row.card()


# %%
def sample_row_by_row(model, uniforms: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Complete images of one colour; what the rows above say is computed once a row.

    model.begin_row(levels, row)              what the rows above say about this row, so they must
                                              be finished. Hand it on as it is, as `links`
    model.logits(links, levels, row, column)  (B, L): one pixel, given the links and the pixels to
                                              its left
    uniforms  (B, 1, H, W) numbers in [0, 1), one for each pixel
    known     (B, 1, H, W) torch.long: a level to keep, or -1 where it is to be drawn. Ask for the
              logits of known pixels too: the model may have to walk through them
    returns   (B, 1, H, W) torch.long

    The draw is `draw(logits, uniforms)` of tutorial_lib.sampling: (B, L), (B,) -> (B,)

    By hand: known = [[1, -1]] keeps the 1, and draws the second pixel from logits that see it
    """
    ____


sample_row_by_row = ch06.sample_row_by_row.check(sample_row_by_row)


# %% [markdown]
# ### The proof: the same noise
#
# Every draw is decided by one uniform number (inverse CDF, chapter 01). So samplers that are given
# the same numbers must return the same image, to the last pixel: yours, the library's and the naive
# one. First on models with wild weights, then on the digits.

# %%
def draw_with(cache_class, model, uniforms, known=None, label=None, **options):
    """Your loop around your cache, image by image; nothing is known if `known` is not given."""
    known = torch.full(uniforms.shape, -1) if known is None else known
    images = []
    for i, (noise, kept) in enumerate(zip(uniforms.split(1), known.split(1), strict=True)):
        given = options if label is None else {"label": label[i : i + 1], **options}
        with torch.inference_mode():
            cache = cache_class(model, noise.shape, **given)
            images.append(sample_row_by_row(cache, noise, kept))
    return torch.cat(images)


def same_images(model, uniforms, **options):
    mine = draw_with(TwoStackCache, model, uniforms, **options)
    naive, cached = (
        sample(model, tuple(uniforms.shape), uniforms=uniforms, method=method, **options)
        for method in ("naive", "cached")
    )
    return torch.equal(mine, naive) and torch.equal(mine, cached)


noise = torch.Generator().manual_seed(0)
uniforms = torch.rand(3, 1, 8, 9, generator=noise, dtype=torch.float64)
known = torch.randint(-1, 2, uniforms.shape, generator=noise)  # a third is to be drawn

# %% tags=["held", "nbval-check-output"]
labelled = with_wild_weights(GatedPixelCNN(n_channels=8, n_layers=3, n_classes=4, coordinates=True))
cases = {
    "from nothing": (small, {}),
    "a completion": (small, {"known": known}),
    "with labels and places": (labelled, {"label": torch.tensor([0, 1, 3])}),
}
for name, (model, options) in cases.items():
    print(
        f"{name}: same image as the library's and the naive:",
        same_images(model, uniforms, **options),
    )

# %% [markdown]
# One pixel that differs would prove your sampler wrong. Not one in some hundred draws, from a model in
# which every pixel matters, is strong evidence that it is right. Now your sampler draws digits, at
# temperature 1. (They are cut short at the bottom, since the naive sampler is slow.)

# %%
shape = (4, 1, settings.rows, 28)
uniforms = torch.rand(shape, generator=torch.Generator().manual_seed(11), dtype=torch.float64)
drawn = {
    "naive": sample(digits_model, shape, uniforms=uniforms, method="naive"),
    "yours": draw_with(TwoStackCache, digits_model, uniforms),
}
show_images(torch.cat(list(drawn.values())), n_levels=2, n_columns=4, row_labels=list(drawn));


# %% [markdown]
# > **In words.** Why the same noise? Why not compare many images of both samplers by eye, or their
# > mean images?
# >
# > <details><summary>An answer</summary>
# >
# > Two right samplers with different noise draw different images, so a small error hides behind the
# > luck of the draw. Telling two close distributions apart takes very many images, and in a mean image
# > most differences disappear. With the same noise every difference is an error.
# > </details>
#
# ## 5 · A wrong way, on purpose: begin the next row a little early
#
# Somebody wants to save more, and runs the vertical stack of the next row while the last pixels of this
# row are still being drawn. After all, the right margin of a digit is nearly always black. So the next
# row begins `early` pixels before the end, and sees 0 where nothing is drawn yet.

# %%
class BeginsEarly(TwoStackCache):
    """A cache that is stale at the row's end: it misses the last pixels of the row above."""

    def __init__(self, model, shape, early):
        super().__init__(model, shape)
        self.early = early

    def begin_row(self, levels, row):
        seen = levels.clone()  # as it was when this row was begun
        seen[:, :, :, levels.shape[3] - self.early :] = 0
        return super().begin_row(seen, row)


for early in (1, 9):
    drawn[f"{early} early"] = draw_with(BeginsEarly, digits_model, uniforms, early=early)

# %% [markdown]
# > **Predict.** Which of the rows below will look wrong?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The horizontal stack still sees everything to its left. Which of its 28 columns does a digit leave
# > black, and does it leave nine of them black on the right?
# > </details>

# %%
from tutorial_lib.pixels import nll_nats

show_images(torch.cat(list(drawn.values())), n_levels=2, n_columns=4, row_labels=list(drawn))
for name, images in drawn.items():
    differ = (images != drawn["naive"]).sum().item()
    with torch.no_grad():
        nats = nll_nats(digits_model(images), images).mean().item()
    print(f"{name:>8}: {differ:4} pixels differ from naive; an image costs {nats:5.1f} nats")

# %% [markdown]
# Nine pixels early draws other images: in our run most loops have become open strokes. Yet if you saw
# its row alone, you might not suspect a mistake: it shows strokes like the others. Its cost under the
# model (the negative log-likelihood) need not raise an alarm either; in our run it is even lower.
# **One pixel early may pass this test altogether**: the last column of a digit is black in nearly
# every image, so nothing changes if the row below does not know it. A model with wild weights finds
# the mistake:

# %%
wild = with_wild_weights(GatedPixelCNN(n_channels=8, n_layers=3, n_levels=4))
uniforms = torch.rand(4, 1, 8, 9, dtype=torch.float64)
naive = sample(wild, (4, 1, 8, 9), uniforms=uniforms, method="naive")
for early in (0, 1):
    images = draw_with(BeginsEarly, wild, uniforms, early=early)
    by_row = (images != naive).sum(dim=(0, 1, 3)).tolist()
    print(f"{early} early: pixels that differ, row by row: {by_row}")

# %% [markdown]
# With 0 early, nothing differs. With 1 early, the first row is right and the rows below it are not.
# A cache that is stale at a row's end is an easy mistake, and a test on one row, or on digits, may
# miss it.
#
# ## 6 · One stack only: PixelCNN
#
# A PixelCNN has no stack that reads rows above alone: each of its layers reads the row's own pixels
# as well, so no feature of a row is final when the row begins. But *part of each sum* is: the upper
# taps of a $k \times k$ kernel read finished rows, so their sum can be computed for the whole row at
# once. In blue, the two groups of taps of a 7×7 kernel:

# %%
from tutorial_lib.pixels import causal_mask

upper, own = causal_mask(7, include_center=True), causal_mask(7, include_center=True)
upper[3:], own[:3] = 0, 0  # row 3 of the mask is the pixel's own
figure, axes = plt.subplots(1, 2, figsize=(4.4, 2.3), layout="tight")
show_mask(upper, ax=axes[0]).set_title("once a row")
show_mask(own, ax=axes[1]).set_title("once a pixel");

# %% [markdown]
# That is your `push_row` for the upper taps and your `step_in_row` for the others, in every layer,
# with the sum of the upper taps in the place of the link. The library's
# `sample(model, shape, method="cached")` has both caches, for colours too:

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import PixelCNN

models = {
    "gated, three colours": GatedPixelCNN(n_channels=6, n_layers=2, n_colors=3, n_levels=8),
    "PixelCNN": PixelCNN(n_channels=12, n_layers=3),
    "PixelCNN, three colours": PixelCNN(n_channels=12, n_layers=2, n_colors=3, n_levels=8),
}
for name, model in models.items():
    with_wild_weights(model)
    shape = (3, model.n_colors, 5, 7)
    options = {"uniforms": torch.rand(shape, dtype=torch.float64), "temperature": 0.7}
    naive, cached = (sample(model, shape, method=m, **options) for m in ("naive", "cached"))
    print(f"{name:24} the same images: {torch.equal(naive, cached)}")

# %% [markdown]
# In a completion, what happens to a row that is known in full? In a PixelCNN the rows below read its
# features at every pixel, so the sampler must walk through it pixel by pixel. In a gated PixelCNN the
# rows below read `v` alone. So the library's gated cache runs the vertical stack over the row, and
# skips its pixels; your loop does not use that.
#
# ## 7 · What it costs now
#
# ### Kernel launches
#
# Each operation on tensors is a call: PyTorch picks a routine and starts it. On a GPU such a routine is
# called a *kernel* (not the kernel of a convolution), and starting it a **kernel launch**. A launch
# costs the same whether the routine then multiplies two numbers or two million. Count the calls; views,
# which compute nothing, are left out. Then time one product of the cached sampler, a step of one
# layer, for more and more images at once.

# %%
from torch.utils._python_dispatch import TorchDispatchMode


class CountCalls(TorchDispatchMode):
    n = 0

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        self.n += not call.is_view  # a view is another look at the same numbers
        return call(*args, **(kwargs or {}))


def calls_of(function):
    with torch.inference_mode(), CountCalls() as counter:
        function()
    return counter.n


per_pass = calls_of(lambda: digits_model(growing[-1]))
cached_calls = calls_of(lambda: sample(digits_model, (1, 1, 28, 28)))
cached_seconds = seconds_of(lambda: sample(digits_model, (1, 1, 28, 28)), 3)
print(f"naive:  {per_pass} calls a pass, {28 * 28 * per_pass:,} for an image of 28×28")
print(f"cached: {cached_calls:,} for the image, in {cached_seconds:.2f} s on this CPU")
print(f"        that is {1e6 * cached_seconds / cached_calls:.0f} microseconds a call")

widest = digits_model.layers[1].horizontal.weight.flatten(1)  # one step of one layer
for batch in (1, 16, 256, 4096):
    own_row = torch.randn(batch, widest.shape[1])
    product = seconds_of(lambda own_row=own_row: F.linear(own_row, widest), 200)
    print(f"{batch:4} images: {1e6 * product:7.1f} microseconds for a product of a step")

# %% [markdown]
# The cache divides the positions by hundreds, and the calls only by a small factor: every pixel still
# goes through every layer, one after the other. This decides whether a **GPU** helps. On either device
# Python and PyTorch first spend time on a call. Then a CPU computes, whereas a GPU has to be started,
# which takes some 5 microseconds a launch (a rule of thumb, not measured here). Where the CPU finishes
# the first product above in less than that, **a GPU draws one image more slowly than the CPU**, however
# fast it computes. A GPU wins where each call does much, as in the last two products: with hundreds
# of images at once, or with a much wider model. (Or one records all launches once and replays them: a
# *CUDA graph*.)

# %% tags=["nbval-ignore-output"]
import copy

from tutorial_lib.notebook import show_curves


def per_image(device, batch):
    """Milliseconds for each of `batch` images of 28×28 that are drawn together."""
    model = copy.deepcopy(digits_model).to(device)
    return 1e3 * seconds_of(lambda: sample(model, (batch, 1, 28, 28)).cpu(), 1) / batch


devices = {"CPU": torch.device("cpu"), "GPU": profiles.device()}
if devices["GPU"].type == "cpu":
    del devices["GPU"]
    print("No GPU here: the CPU alone is measured.")
by_device = {
    name: (settings.batch_sizes, [per_image(device, batch) for batch in settings.batch_sizes])
    for name, device in devices.items()
}
ax = show_curves(by_device, xlabel="images drawn together", ylabel="ms per image")
ax.set(xscale="log", ylim=(0, None))
ax.set_xticks(settings.batch_sizes, settings.batch_sizes)
ax.minorticks_off()

# %% [markdown]
# An image gets cheaper when many are drawn together: the number of calls stays, and each call does
# more. Where a line becomes flat, arithmetic has taken over from calls.
#
# ### How many times as fast?
#
# The paper that brought this idea (reference 3) reports a factor of up to 183 for PixelCNN++, a larger
# relative, on a GPU, for 32×32 pixels in colour. The batch is a reason, its authors write: naive
# sampling already fills the GPU, so more images take longer in proportion; cached sampling hardly
# takes longer. So the factor depends on the image size, the batch and the machine. Measure the
# first two.
#
# > **Predict.** If time went with positions, the cached sampler would be as many times faster as the
# > image has pixels. If time went with calls, it would be hardly faster. Where will the clock lie, for
# > small and for large images, for 1 and for 16 at a time?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Where the tensors are tiny, time is calls. Where they are large, time is arithmetic, and
# > arithmetic goes with positions.
# > </details>

# %%
torch.manual_seed(0)
model = GatedPixelCNN(n_channels=settings.n_channels, n_layers=settings.n_layers).eval()


def seconds_to_draw(method, side, batch):
    """For the whole image. Naive draws a few pixels, spread over it, and the time is scaled up."""
    known = torch.zeros(batch, 1, side, side, dtype=torch.long)
    places = torch.linspace(0, side * side - 1, settings.naive_draws).long().unique()
    # -1 marks what is to be drawn; a naive sampler skips the rest.
    known.flatten(2)[:, :, places if method == "naive" else slice(None)] = -1
    time = seconds_of(lambda: sample(model, tuple(known.shape), known=known, method=method), 1)
    return time * side * side / (known[0] < 0).sum().item()


factors = {}
for batch in settings.batches:
    pairs = [
        [seconds_to_draw(m, side, batch) for m in ("naive", "cached")] for side in settings.sides
    ]
    factors[f"clock, {batch} at a time"] = [naive / cached for naive, cached in pairs]
counts = [positions_computed(side, side).sum(dim=(1, 2)) for side in settings.sides]
factors["positions counted"] = [(naive / cached).item() for naive, _, cached in counts]

# %% tags=["nbval-ignore-output"]
blank = torch.zeros(1, 1, settings.sides[0], settings.sides[0], dtype=torch.long)
a_pass, a_step = calls_of(lambda: model(blank)), calls_of(lambda: sample(model, tuple(blank.shape)))
factors["calls counted"] = [a_pass * blank.numel() / a_step] * len(settings.sides)

ax = show_curves(
    {name: (settings.sides, values) for name, values in factors.items()},
    xlabel="side of the image (pixels)",
    ylabel="times as fast as naive",
)
ax.set(xscale="log", yscale="log")
ax.set_xticks(settings.sides, settings.sides)
ax.minorticks_off()
for name, values in factors.items():
    print(f"{name:22}", "".join(f"{value:8.{0 if value > 9 else 1}f}" for value in values))

# %% [markdown]
# The clock times the library's two samplers: the cached one in full, the naive one on a few of its
# draws. (Each naive draw is one pass, and costs the same wherever the pixel lies.)
# `benchmarks/sampling.py` in the repository measures the same with the naive sampler run in full.
#
# The two counts are what we would measure if time went with positions (the steep line) or with calls
# (the flat one). The clock lies between them, and climbs as images grow. With one image at a time it
# stays far below the positions: a naive pass is a few large products of matrices, which a processor
# computes at full speed, while the cached sampler's products are so small that each is little more
# than a call. With 16 images at a time these products are larger, and the factor is closer to the
# positions. So **the larger the image and the batch, the more the cache saves**, until the cached
# sampler keeps the machine fully busy as well.
#
# How much memory does the cache take? Each layer keeps a window of rows and one row of features, so it
# grows with the width, not with the number of pixels:

# %%
for side in (28, 64, 256):
    cache = TwoStackCache(model, (1, 1, side, side))
    kept = sum(each.numel() for each in cache.windows + cache.rows)
    print(f"{side:3}×{side:<3} {4 * kept / 1024:8.0f} kB kept, {side * side:6,} pixels")

# %% [markdown]
# > **In words.** Training a PixelCNN is parallel over pixels, sampling is not, and the cache has
# > not changed that. Why can a cache make sampling cheap, and not parallel?
# >
# > <details><summary>An answer</summary>
# >
# > A cache removes work that was done twice. The order of the draws remains: pixel 2 cannot be drawn
# > before pixel 1, because its distribution depends on the outcome. There are as many steps one
# > after the other as there are sub-pixels; the cache makes each of them small. In training all
# > pixels are known, so all conditionals can be computed at once.
# > </details>
#
# ## 8 · Watch it draw
#
# Press *draw*: the model draws a digit, row by row. The slider sets the temperature.

# %%
from tutorial_lib.notebook.widgets import sampling_viewer

sampling_viewer(digits_model, 28, 28)

# %%
from tutorial_lib.notebook.widgets import draw_sampled_rows

figure, axes = plt.subplots(1, 4, figsize=(7, 2.1), layout="tight")
for ax, n_rows in zip(axes, (6, 12, 18, 28), strict=True):
    draw_sampled_rows(growing[n_rows - 1][-1:].clone(), n_rows, 2, ax=ax)

# %% [markdown]
# (The row of pictures shows the same where no notebook is running.) The grey part does not exist yet,
# and the model has computed nothing about it. Where a stroke will end is not decided either: nothing
# holds a plan of the digit, and each pixel is drawn from its past alone.
#
# ### Complete a half-drawn image
#
# Choose a stroke, and how many of its rows the model is given. It draws the rest, four times with
# different noise.
#
# [Paint a digit yourself, live, in any browser](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/complete.html).
# Notice what differs between six drawings that have read the same half: chance alone.

# %%
from tutorial_lib.notebook.widgets import completion_explorer

completion_explorer(digits_model)

# %%
from tutorial_lib.notebook.widgets import draw_completions

figure, axes = plt.subplots(3, 1, figsize=(6, 4.6), layout="tight")
for ax, (name, n_rows) in zip(axes, [("arc", 13), ("bar", 10), ("angle", 16)], strict=True):
    draw_completions(digits_model, name, n_rows, ax=ax)
    ax.set_ylabel(f"{name}, {n_rows} rows")

# %% [markdown]
# The strokes were drawn by a few lines of geometry, not by a hand. Still the model continues the arc and
# the angle without a break, four times differently. The bar ends before the given rows do, and three
# black rows follow it; the model begins something new below them.
#
# Completion cannot go upwards: rows are drawn from top to bottom, so a *lower* half that is given does
# not steer the upper one. The model would have to give $p(\text{upper} \mid \text{lower})$, and
# raster order offers only $p(\text{lower} \mid \text{upper})$.

# %%
ch06.progress()

# %% [markdown]
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN eq. 1 | sampling is sequential: each pixel given those before it | `sample_row_by_row`, section 4 | `sampling.sample` |
# | Gated PixelCNN sec. 2.2, fig. 2 | the vertical stack reads rows above only | `push_row`, `begin_row` | `gated_cache.VerticalCache` |
# | Gated PixelCNN eq. 2, fig. 2 | the horizontal stack, gate and link | `step_in_row`, `logits` | `gated_cache.HorizontalCache` |
# | PixelRNN sec. 3.4 and 3.5 | a masked kernel: taps in upper rows, taps to the left | section 6 | `pixelcnn_cache.ConvCache` |
# | Fast Generation | keep what convolutions have computed | `TwoStackCache` | `features.RowsAbove`, `OwnRow` |
#
# **What is now known.** A feature is final when its past is drawn. If each is computed once, at that
# moment, all features of an image cost about one pass of arithmetic. The draws still follow one
# another, so the number of calls stays large.
#
# Next: [07 · What a likelihood is good for](07_what_a_likelihood_is_good_for.ipynb).
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu: *Pixel Recurrent Neural Networks*, 2016,
#    arXiv 1601.06759.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. P. Ramachandran, T. Le Paine, P. Khorrami, M. Babaeizadeh, S. Chang, Y. Zhang, M.
#    Hasegawa-Johnson, R. Campbell, T. Huang: *Fast Generation for Convolutional Autoregressive
#    Models*, 2017, arXiv 1704.06001; code and figures at github.com/PrajitR/fast-pixel-cnn.
