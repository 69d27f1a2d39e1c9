# %% [markdown]
# # 06 · Fast sampling: compute once, keep it
#
# [← 05 · Conditional generation](05_conditional_generation.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [07 · What a likelihood is good for →](07_what_a_likelihood_is_good_for.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/06_fast_sampling.ipynb)
#
# A PixelCNN scores an image in one pass of the network and draws one in as many passes as the image
# has sub-pixels. Nearly all of that work is done again and again with the same result. This chapter
# finds out which part, keeps it, and draws the very same images at a small fraction of the cost.
#
# **By the end you will have**
#
# - counted the work of naive sampling, and seen which features it computes anew for nothing;
# - built a cached sampler for the two stacks, and proved it against the naive one, pixel for pixel;
# - watched digits being drawn row by row, and had the model complete a half-drawn one.
#
# **You need** chapter 04 (the two stacks of the gated PixelCNN) and the idea of sampling from
# chapters 01 and 03.
#
# **Time** about an hour of reading and exercises; running everything takes about two minutes on a
# laptop, and needs no GPU.

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
from tutorial_lib.exercises import ch06


@dataclass
class Settings:
    n_digits: int  # drawn in the first figure
    rows: int  # of the digits that are drawn naively, too
    naive_sides: tuple[int, ...]  # of the square images whose cost is measured
    cached_sides: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    n_channels: int  # of the model whose cost is measured
    n_layers: int


settings = profiles.choose(
    smoke=Settings(2, 5, (3, 5), (3, 5, 8), (1, 2), 6, 2),
    laptop=Settings(8, 28, (4, 6, 8, 11), (4, 6, 8, 11, 16, 22, 32), (1, 4, 16, 64), 64, 7),
    gpu=Settings(8, 28, (4, 6, 8, 11, 16), (4, 6, 8, 11, 16, 22, 32), (1, 4, 16, 64), 64, 7),
)
settings

# %% [markdown]
# ## Where this ends
#
# A gated PixelCNN that was trained on handwritten digits comes with the package. Here it draws, and
# is looked at four times on the way: after a quarter of the rows, after half of them, after three
# quarters, and at the end.
#
# This chapter draws and measures on the CPU, also where the line above names a GPU. To draw one
# image is tens of thousands of small calls, one after the other. A GPU takes longer to start such a
# call than to compute it, so it helps only where many images are drawn together.

# %%
import time

import torch

from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained
from tutorial_lib.sampling import sample, sample_rows

digits_model = load_pretrained("gated-binarized-mnist")
shape = (settings.n_digits, 1, 28, 28)

start = time.perf_counter()
growing = list(sample_rows(digits_model, shape, generator=torch.Generator().manual_seed(1)))
seconds = time.perf_counter() - start
print(f"{settings.n_digits} digits, every pixel in its turn: {seconds:.2f} seconds on the CPU")

# %%
looks = [growing[n_rows - 1] for n_rows in (7, 14, 21, 28)]
names = ["7 rows", "14 rows", "21 rows", "28 rows"]
show_images(torch.cat(looks), n_levels=2, n_columns=settings.n_digits, row_labels=names);

# %% [markdown]
# Every pixel above was drawn from its conditional, given all pixels before it: no approximation, no
# smaller model. How long would it have taken by the method of chapter 03, a forward pass for each
# pixel? Measure one pass and multiply.

# %%
from statistics import median


def seconds_of(function, repetitions=5):
    """The median time of a call."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return median(times)


# %%
with torch.inference_mode():
    one_pass = seconds_of(lambda: digits_model(growing[-1]))
print(f"one pass takes {one_pass:.3f} s; {28 * 28} passes take {28 * 28 * one_pass:.1f} s")
print(f"that is {28 * 28 * one_pass / seconds:.0f} times as long as the drawing above took")

# %% [markdown]
# ## 1 · Count the work
#
# Time depends on the machine; work can be counted. A layer of the network has one *position* for
# each pixel, and computing a position costs the same everywhere. So count positions, for a single
# layer, while one image is drawn:
#
# - **naive**: each draw runs the network on the whole image;
# - **row-cropped**: each draw runs it on the rows so far, since nothing reads below;
# - **cached**: what this chapter builds. Each draw computes the one position of its pixel.
#
# ### Exercise 6.1

# %%
ch06.positions_computed.card()


# %%
def positions_computed(height: int, width: int, n_colors: int = 1) -> tuple[int, int, int]:
    """At how many positions a layer is computed while one image is sampled.

    height, width  of the image, in pixels: a layer has one position for each pixel
    n_colors       sub-pixels of a pixel; each is a draw of its own
    returns        three whole numbers: naive, row-cropped (cut between rows: the row that is drawn
                   is computed in full), cached

    By hand: 2 rows of 3 pixels, one colour: naive 36, row-cropped 27, cached 6
    """
    ____


positions_computed = ch06.positions_computed.check(positions_computed)

# %% tags=["nbval-check-output"]
print("image          draws         naive   row-cropped    cached")
for height, width, n_colors in [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3)]:
    draws = height * width * n_colors
    counts = positions_computed(height, width, n_colors)
    columns = "".join(f"{count:14,}" for count in counts)
    print(f"{height}×{width}×{n_colors:<4} {draws:10,}{columns}")

# %% [markdown]
# Naive work grows with the *square* of the number of pixels, cached work with the number of pixels.
# Row-cropping saves about half, whatever the size. The number of positions is not the whole price
# (a pass over many positions at once uses the processor better than many small ones), and section 7
# measures what is left of the ratio.
#
# Which positions are computed too often? Colour each by the number of times it is computed while
# an image of 8×8 pixels is drawn.

# %%
import matplotlib.pyplot as plt

side = 8
rows_left = torch.arange(side, 0, -1).view(-1, 1)
times_computed = {
    "naive": torch.full((side, side), side * side),
    "row-cropped": (rows_left * side).expand(side, side),
    "cached": torch.ones(side, side),
}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="constrained")
for ax, (name, times) in zip(axes, times_computed.items(), strict=True):
    picture = ax.imshow(times, cmap="viridis", vmin=0, vmax=side * side)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(picture, ax=axes, label="times computed");

# %% [markdown]
# Row-cropped sampling spares the lower rows and goes on computing the first row until the very end,
# long after its last pixel was drawn. That is the next question: why compute it again? What could
# have changed?
#
# ## 2 · What changes when a pixel is drawn?
#
# Take a small gated PixelCNN with random weights. Run it on a canvas; draw one pixel, at row 3,
# column 4; run it again. At which positions did the features of the second layer change, in the
# vertical stack `v` and in the horizontal stack `h`?
#
# > **Predict.** Where can `v` change, and where can `h`?
# > <details><summary>A way to think about it</summary>v reads rows above only. h reads to the
# > left in its own row, and v through the link. Who has the pixel (3, 4) in their past?</details>

# %%
from tutorial_lib.pixels import GatedPixelCNN, shift_down

torch.manual_seed(0)
small = GatedPixelCNN(n_channels=8, n_layers=2).double().eval()
for parameter in small.parameters():
    torch.nn.init.normal_(parameter, std=0.5)


@torch.no_grad()
def features_of(levels):
    """v and h behind the second layer: (1, 8, H, W) each."""
    h = small.embed(levels)
    v = shift_down(h)
    for layer in small.layers:
        v, h = layer(v, h)
    return v, h


canvas = torch.zeros(1, 1, 8, 9, dtype=torch.long)
before = features_of(canvas)
canvas[0, 0, 3, 4] = 1
after = features_of(canvas)

# %%
from tutorial_lib.notebook import show_mask

figure, axes = plt.subplots(1, 2, figsize=(6, 2.8), layout="tight")
for ax, name, old, new in zip(axes, ("v", "h"), before, after, strict=True):
    changed = (old != new).any(dim=1)[0]
    show_mask(changed, ax=ax).set_title(f"{name}: {changed.sum()} of 72 positions change")
    ax.add_patch(plt.Rectangle((3.5, 2.5), 1, 1, fill=False, ec="#d62728", lw=2))

# %% [markdown]
# Blue changed, grey did not; the pixel drawn is outlined in red. (Two layers do not carry far: with
# more of them, the blue part is wider and reaches further down.) No position before the pixel in
# raster order moved, nor its own: those features depend on the past alone, and the past is drawn.
# And what did change? It belongs to pixels whose turn has not come. One of them, right of the
# outline, is next, and its `h` is settled now. The others wait, and nearly all of them will change
# again before a draw needs them.
#
# So a feature is *provisional* at first: some pixel that it reads is not drawn, its value is
# worthless. Then its past is complete, and it becomes **final**: from then on it never changes.
# Naive sampling computes final features again and provisional ones for nothing. A sampler needs to
# compute each feature **once: when it becomes final**.
#
# When is that? Ask which pixels each feature reads, now for all positions at once. A row of the
# matrix is a position of the feature, a column is a pixel of the image, both in raster order. The
# image has 4 rows of 5 pixels, so every five rows of the matrix are one row of the image.

# %%
from tutorial_lib.pixels import as_model, influence_matrix


class Features(torch.nn.Module):
    """One of the two stacks of `small`, as a function of the embedded image."""

    def __init__(self, which):
        super().__init__()
        self.small, self.which = small, which

    def forward(self, x):
        v, h = shift_down(x), x
        for layer in self.small.layers:
            v, h = layer(v, h)
        return (v, h)[self.which]


figure, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="tight")
for which, (ax, name) in enumerate(zip(axes, ("v", "h"), strict=True)):
    one_stack = as_model(Features(which).double())
    matrix = influence_matrix(one_stack, height=4, width=5)
    show_mask(matrix, ax=ax).set(title=name, xlabel="pixel", ylabel="feature")

# %% [markdown]
# On the left, no `v` of a row reads a pixel of that row, and some read the last pixel of the row
# above. On the right, `h` reads up to the pixel on its left, as well as the rows above. Two stacks,
# two moments:
#
# - **`v` of a whole row is final when the row above is finished**, so it can be had all at once;
# - **`h` of a pixel becomes final when the pixel to its left is drawn**, one position at a time.
#
# Look over the shoulder of the naive sampler at the moment when it has drawn the pixel outlined in
# red and runs the network for the next one. It computes `h` at all positions. At which of them is
# the result new, and final?

# %%
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

place = torch.arange(72).view(8, 9)
target = 3 * 9 + 5  # the pixel right of the one that was drawn
age = (place >= target).int() + (place > target).int()  # 0 before, 1 now, 2 later
colors = {"final already": "#b9c7d6", "becomes final now": "#d62728", "provisional": "#e8e8e8"}
figure, ax = plt.subplots(figsize=(4.6, 2.8), layout="tight")
ax.pcolormesh(age, cmap=ListedColormap(list(colors.values())), edgecolor="white", lw=0.5)
ax.add_patch(plt.Rectangle((4, 3), 1, 1, fill=False, ec="#d62728", lw=2))
ax.set(xticks=[], yticks=[], aspect="equal")
ax.invert_yaxis()
patches = [Patch(color=color, label=name) for name, color in colors.items()]
ax.legend(handles=patches, loc="center left", bbox_to_anchor=(1, 0.5));

# %% [markdown]
# One position in the whole map is worth computing now. The blue ones are known. The grey ones still
# read a pixel that is not drawn. (In a network as shallow as ours the first pixel of the next row
# does not, but nobody asks for it before its row begins.)
#
# The two stacks were invented against the blind spot. That they also cut the work in two parts, one
# for rows and one for pixels, is what makes sampling from a gated PixelCNN fast.
#
# ## 3 · The vertical stack, once a row
#
# A 3×3 kernel, cropped, has two rows of taps (chapter 04). To compute a row of `v` in one layer we
# need two rows of the layer before it, and no more. So each layer keeps a window of two rows, and
# when a row is finished, the window moves on.
#
# ### Exercise 6.2

# %%
ch06.push_row.card()


# %%
def push_row(rows: torch.Tensor, finished: torch.Tensor) -> torch.Tensor:
    """A row is finished: what the window over the last rows holds from now on.

    rows      (n_rows, W, C) features of the last rows, the oldest first; stays as it is
    finished  (W, C) features of the row that was finished
    returns   (n_rows, W, C) the new window

    By hand: a window of two rows, all zeros. After three calls, which bring [1, 2], then [3, 4],
             then [5, 6] (W = 2, one channel), it is [[3, 4], [5, 6]]
    """
    ____


push_row = ch06.push_row.check(push_row)

# %% [markdown]
# Now run the vertical stack row by row. Into the first layer goes the image, shifted down by one:
# row i receives the levels of row i − 1. Each layer pushes what comes in, convolves its window, and
# hands its own row to the next. It also returns the row as it was before the gate: there the link
# to the horizontal stack leaves, which section 4 will need.

# %%
from torch.nn import functional as F

from tutorial_lib.pixels import gate


def next_row(layer, window, v):
    """One layer's vertical stack for one row: window (2, W, C) and v (W, C) in."""
    window = push_row(window, v)
    image = F.pad(window.permute(2, 0, 1)[None], (1, 1))  # (1, C, 2, W + 2)
    before_gate = F.conv2d(image, layer.vertical.weight, layer.vertical.bias)
    return window, before_gate, gate(before_gate)[0, :, 0].T


# %%
image = torch.randint(2, (1, 1, 8, 9))
embedded = shift_down(small.embed(image))[0].permute(1, 2, 0)  # (H, W, 1), one row down
windows = [torch.zeros(2, 9, layer.vertical.in_channels).double() for layer in small.layers]
rows = []
with torch.no_grad():
    for row in range(8):
        v = embedded[row]
        for i, layer in enumerate(small.layers):
            windows[i], _, v = next_row(layer, windows[i], v)
        rows.append(v)
whole, _ = features_of(image)
difference = (torch.stack(rows).permute(2, 0, 1)[None] - whole).abs().max()
print(f"row by row against all at once: the largest difference is {difference.item():.1e}")

# %% [markdown]
# Rounding at most. (A sum that is taken in another order may end in another last digit; a wrong row
# would show in the first.) The vertical stack has been computed with two rows of memory in each
# layer, and every position once.
#
# ## 4 · The horizontal stack, once a pixel
#
# What is left at a pixel? In each layer: the taps to the left in its own row, the tap on the pixel
# itself, and the link, which came with the row. A convolution at a single position is a product of
# a small matrix with a vector. This is what the sampler keeps of a layer, and when it uses it:

# %%
from tutorial_lib.notebook import diagrams

diagrams.cached_sampler(digits_model, growing[-1][0], (14, 12))

# %% [markdown]
# Here is one of the layers, everywhere in a row and at column 4 alone.

# %% tags=["nbval-check-output"]
conv = small.layers[1].horizontal  # two taps: the left neighbour and the pixel itself
h = torch.randn(1, 8, 1, 9).double()
everywhere = conv(h)[0, :, 0]
here = (conv.weight[:, :, 0] * h[0, :, 0, 3:5]).sum(dim=(1, 2)) + conv.bias
print("positions:", everywhere.shape[1], "and 1; equal:", torch.allclose(everywhere[:, 4], here))

# %% [markdown]
# ### Exercise 6.3

# %%
ch06.step_in_row.card()


# %%
def step_in_row(
    row: torch.Tensor, kernel: torch.Tensor, above: torch.Tensor, column: int
) -> torch.Tensor:
    """A convolution of type B at one pixel: the taps of its own row, and the sum of those above.

    row      (B, C, W) features of the present row. To the right of `column` they are leftovers
             of an earlier row
    kernel   (O, C, T) the taps in the own row; the last lies on `column`, the others to its left
    above    (B, O, W) what all taps in the rows above add up to, for each column
    column   0 .. W-1
    returns  (B, O); left of the image there are zeros

    By hand: row = [[2, 3, 9]], kernel = [[10, 1]], above = [[100, 200, 300]] (B = C = O = 1)
             column 1: 200 + 10 * 2 + 1 * 3 = 223        column 0: 100 + 10 * 0 + 1 * 2 = 102
    """
    ____


step_in_row = ch06.step_in_row.check(step_in_row)


# %% [markdown]
# Put both together, for our small model. `begin_row` runs the vertical stack and returns what the
# link adds to each layer. `logits` walks through the layers at one position, and leaves in
# `self.rows` what the pixels to the right will read. The first layer is of type A: its kernel has
# no tap on the pixel, so a zero is put there.

# %%
class TwoStacksRowByRow:
    """`small`, asked row by row and pixel by pixel, one image at a time."""

    def __init__(self, model, width):
        self.model, self.width = model, width
        self.windows = [torch.zeros(2, width, c).double() for c in self.channels()]

    def channels(self):
        return [layer.vertical.in_channels for layer in self.model.layers]

    def begin_row(self, levels, row):
        self.rows = [torch.zeros(1, c, self.width).double() for c in self.channels()]
        zeros = torch.zeros(self.width, 1).double()
        v = self.model.embed(levels)[0, :, row - 1].T if row > 0 else zeros
        links = []
        for i, layer in enumerate(self.model.layers):
            self.windows[i], before_gate, v = next_row(layer, self.windows[i], v)
            link = layer.link(before_gate) + layer.horizontal.bias.view(1, -1, 1, 1)
            links.append(link[:, :, 0])
        return links


# %%
def logits(self, links, levels, row, column):
    """Logits (1, L) of one pixel: through all layers, at its position alone."""
    self.rows[0] = self.model.embed(levels)[:, :, row]
    for i, layer in enumerate(self.model.layers):
        kernel = layer.horizontal.weight[:, :, 0]
        kernel = kernel if layer.horizontal.has_center else F.pad(kernel, (0, 1))
        z = step_in_row(self.rows[i], kernel, links[i], column)
        h = layer.output(gate(z[:, :, None, None]))[:, :, 0, 0]
        h = h + self.rows[i][:, :, column] if layer.residual else h
        if i + 1 < len(self.rows):
            self.rows[i + 1][:, :, column] = h
    return self.model.head(h[:, :, None, None])[:, :, 0, 0]


TwoStacksRowByRow.logits = logits

# %% [markdown]
# Around it goes a loop that draws. It is also the place for **completion**: pixels that are known
# are put in place, the others are drawn. Ask for the logits of known pixels as well, since the
# pixels to their right read the features that this leaves behind. (Our `begin_row` returns a list,
# one tensor a layer, where the exercise's model returns one tensor; your loop only passes it on.)
#
# ### Exercise 6.4

# %%
ch06.sample_row_by_row.card()


# %%
def sample_row_by_row(model, uniforms: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Complete images of one colour; what the rows above say is computed once a row.

    model.begin_row(levels, row)              (B, L, W): what the rows above say about this row. It
                                              reads the rows above, so they must be finished
    model.logits(above, levels, row, column)  (B, L): one pixel, given what begin_row returned and
                                              the pixels to its left
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
# The proof of a cache is the same noise. Every draw is decided by one uniform number (inverse CDF,
# chapter 01), so two samplers that are given the same numbers must return the same image, to the
# last pixel.

# %% tags=["nbval-check-output"]
noise = torch.Generator().manual_seed(0)
uniforms = torch.rand(1, 1, 8, 9, generator=noise, dtype=torch.float64)
nothing_known = torch.full((1, 1, 8, 9), -1)
half_known = nothing_known.clone()
half_known[:, :, :4] = torch.randint(2, (1, 1, 4, 9), generator=noise)
half_known[:, :, 4:, 3] = 1  # known pixels within a row, too

for name, known in {"from nothing": nothing_known, "completion": half_known}.items():
    ours = sample_row_by_row(TwoStacksRowByRow(small, width=9), uniforms, known)
    naive = sample(small, (1, 1, 8, 9), known=known, uniforms=uniforms, method="naive")
    print(f"{name}: the naive sampler draws the same image: {torch.equal(ours, naive)}")

# %% [markdown]
# ## 5 · A wrong way, on purpose: begin the next row a little early
#
# Somebody wants to save more. The vertical stack of the next row could be computed while the last
# pixels of this row are still being drawn, couldn't it? They are at the margin, hardly anything
# happens there. Here is that idea, put on top of the library's cache: the next row begins `early`
# pixels before the end of the present one, and sees 0 where nothing is drawn yet.

# %%
from tutorial_lib.sampling import GatedCache, draw


class BeginsEarly(GatedCache):
    """A cache that is stale at the row's end: the last pixels of the row above are missing."""

    def __init__(self, model, levels, early):
        super().__init__(model, levels)
        self.early = early

    def begin_row(self, row):
        above, end = self.pixels[row - 1], self.pixels.shape[1] - self.early
        kept = above.clone()
        above[end:] = 0  # as it was when this row was begun
        super().begin_row(row)
        above.copy_(kept)


# %%
@torch.no_grad()
def draw_with(cache, levels, uniforms):
    """The loop of exercise 6.4 for a batch and nothing known; fills `levels`."""
    for row in range(levels.shape[2]):
        cache.begin_row(row)
        for column in range(levels.shape[3]):
            place = (slice(None), 0, row, column)
            levels[place] = draw(cache.logits(column, 0), uniforms[place])
    return levels


# %%
shape = (6, 1, settings.rows, 28)
uniforms = torch.rand(shape, generator=torch.Generator().manual_seed(11), dtype=torch.float64)
drawn = {"naive": sample(digits_model, shape, uniforms=uniforms, method="naive")}
for early in (0, 1, 9):
    levels = torch.zeros(shape, dtype=torch.long)
    cache = BeginsEarly(digits_model, levels, early)
    drawn[f"{early} early"] = draw_with(cache, levels, uniforms)

# %% [markdown]
# > **Predict.** Which of the rows below will look wrong?
# > <details><summary>A way to think about it</summary>The horizontal stack still sees everything to
# > the left, and older rows arrive in full one row later... do they? What does a digit have at its
# > right margin?</details>

# %%
show_images(torch.cat(list(drawn.values())), n_levels=2, n_columns=6, row_labels=list(drawn));

# %% [markdown]
# One row has to agree with the first: 0 early is the cache as it should be. And the row most in
# error, the last, shows strokes and loops like the others: nobody who saw it alone would send it
# back. Now hold the images against the naive ones, pixel by pixel, and ask the model itself what
# they cost.

# %%
from tutorial_lib.pixels import nll_nats

with torch.no_grad():
    for name, images in drawn.items():
        differ = (images != drawn["naive"]).sum().item()
        nats = nll_nats(digits_model(images), images).mean().item()
        print(f"{name:>9}: {differ:4} pixels differ from naive; {nats:6.1f} nats per image")

# %%
differ = [(images != drawn["naive"]).float() for images in list(drawn.values())[1:]]
show_images(torch.cat(differ), n_columns=6, row_labels=[f"{n}, differs" for n in (0, 1, 9)]);

# %% [markdown]
# White marks a pixel that differs. Nine pixels early is another sampler, and another distribution;
# its price in nats need not raise an alarm, since a stale cache may draw thinner, cheaper digits.
# (What was missed does not arrive later: the row went into the window as it was when it was pushed,
# and nobody puts it right.)
#
# And **one pixel early may pass this test altogether**: the last column of a digit is black in
# nearly every image, so whether it was told or not changes nothing here. A comparison on a trained
# model can miss a stale cache. The cure is a model with large random weights, where every pixel
# matters:

# %%
random_model = GatedPixelCNN(n_channels=8, n_layers=3, n_levels=4).double().eval()
for parameter in random_model.parameters():
    torch.nn.init.normal_(parameter, std=0.5)
uniforms = torch.rand(4, 1, 8, 9, dtype=torch.float64)
naive = sample(random_model, (4, 1, 8, 9), uniforms=uniforms, method="naive")
for early in (0, 1):
    levels = torch.zeros(4, 1, 8, 9, dtype=torch.long)
    images = draw_with(BeginsEarly(random_model, levels, early), levels, uniforms)
    by_row = (images != naive).sum(dim=(0, 1, 3)).tolist()
    print(f"{early} early: pixels that differ, row by row: {by_row}")

# %% [markdown]
# With 0 early, nothing differs. With 1 early, the first row is right, and the trouble begins below
# the end of it. A cache that is stale at a row's end is the classic mistake of this chapter, and a
# test on one row, or on digits, may not see it.
#
# > **In words.** The comparison with naive needs the same noise. Why not compare many samples of
# > both samplers by eye, or by their mean image?
# > <details><summary>An answer</summary>Two right samplers with different noise give different
# > images, so a small error hides behind the luck of the draw; it takes very many samples to tell
# > two nearby distributions apart, and the mean image forgets most of what distinguishes them.
# > With the same noise there is no luck left: one differing pixel is a proof.</details>
#
# ## 6 · The library's version
#
# `sample(model, shape, method="cached")` is the same idea, made ready for a batch, for colours, for
# any depth and kernel, for labels and contexts. It holds the features in the order in which
# they are read (what a kernel reads in its own row is one contiguous block, so that a step is one
# product of matrices). And it computes tanh and sigmoid of a gate in one call, since
# σ(b) = (1 + tanh(b/2)) / 2.

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import PixelCNN

models = {
    "gated, five layers": GatedPixelCNN(n_channels=6, n_layers=5),
    "gated, three colours": GatedPixelCNN(n_channels=6, n_layers=2, n_colors=3, n_levels=8),
    "gated, told where it is": GatedPixelCNN(n_channels=6, n_layers=2, coordinates=True),
    "PixelCNN": PixelCNN(n_channels=12, n_layers=3),
    "PixelCNN, three colours": PixelCNN(n_channels=12, n_layers=2, n_colors=3, n_levels=8),
}
for name, each_model in models.items():
    each_model = each_model.double()
    for parameter in each_model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    shape = (3, each_model.n_colors, 5, 7)
    options = {"uniforms": torch.rand(shape, dtype=torch.float64), "temperature": 0.7}
    naive, cached = (sample(each_model, shape, method=m, **options) for m in ("naive", "cached"))
    print(f"{name:24} the same images: {torch.equal(naive, cached)}")

# %% [markdown]
# PixelCNN is in the list, though it has one stack only. Beyond the first column none of a row's
# features is final when the row begins (each layer reads the row's own pixels as well). But of
# every k×k kernel the taps *above* the centre read finished rows, and their sum can be had for the
# whole row; what is left at a pixel is half a row of taps. In blue, for a 7×7 kernel:

# %%
from tutorial_lib.pixels import causal_mask

above, own = causal_mask(7, include_center=True), causal_mask(7, include_center=True)
above[3:], own[:3] = 0, 0
figure, axes = plt.subplots(1, 2, figsize=(4.4, 2.3), layout="tight")
show_mask(above, ax=axes[0]).set_title("once a row")
show_mask(own, ax=axes[1]).set_title("once a pixel");

# %% [markdown]
# The price: features of every row are read from below, so in a completion even rows that are known
# must be walked through, pixel by pixel. The gated cache runs its vertical stack over such a row,
# and skips its pixels.

# %%
from tutorial_lib import data

garments = data.load("fashion-mnist-sample").test.levels[:4].long() // 16
garment_model = load_pretrained("pixelcnn-fashion-mnist")
known = garments.clone()
known[:, :, 14:] = -1
options = {"known": known, "generator": torch.Generator().manual_seed(3)}
completed = sample(garment_model, tuple(known.shape), method="cached", **options)
given = torch.where(known < 0, 7, known)
show_images(
    torch.cat([given, completed, garments]),
    n_levels=16,
    n_columns=4,
    row_labels=["given", "drawn", "truth"],
);

# %% [markdown]
# The model has never seen these garments. It goes on from the edge that it was given, and sometimes
# loses the thread further down. That is its own fault, not the cache's: with the same noise, naive
# sampling draws the same pixels. Labels and contexts are passed on in the same way; conditional
# models are the subject of chapter 05.
#
# ## 7 · What it costs now
#
# Counting said: naive work grows with the fourth power of the side of a square image, cached work
# with the second. Does the clock agree? Naive and row-cropped are measured on small images only;
# the dotted line is the time of one pass, times the number of pixels.

# %%
torch.manual_seed(0)
model = GatedPixelCNN(n_channels=settings.n_channels, n_layers=settings.n_layers).eval()


def seconds_to_draw(method, side, batch=1):
    noise = torch.rand(batch, 1, side, side)
    return seconds_of(lambda: sample(model, tuple(noise.shape), uniforms=noise, method=method), 3)


for method in ("cached", "row-cropped", "naive"):
    seconds_to_draw(method, 4)  # warms up
sides = {"naive": settings.naive_sides, "row-cropped": settings.naive_sides}
sides["cached"] = settings.cached_sides
cost = {name: [seconds_to_draw(name, side) for side in sides[name]] for name in sides}

# %% tags=["nbval-ignore-output"]
with torch.inference_mode():
    foretold = []
    for side in settings.cached_sides:
        blank = torch.zeros(1, 1, side, side, dtype=torch.long)
        model(blank)  # warms up at this size
        foretold.append(side * side * seconds_of(lambda blank=blank: model(blank), 15))

figure, ax = plt.subplots(figsize=(7, 3.2), layout="tight")
for name, color in {"naive": "#d62728", "row-cropped": "#e6a04c", "cached": "#3b76af"}.items():
    ax.plot(sides[name], cost[name], "o-", color=color, label=name)
ax.plot(settings.cached_sides, foretold, ":", color="#d62728", label="naive: passes × one pass")
ax.set(xscale="log", yscale="log", xlabel="side of the image (pixels)", ylabel="seconds per image")
ax.set_xticks(settings.cached_sides, settings.cached_sides)
ax.minorticks_off()
ax.legend();

# %% [markdown]
# Read the axes first: both are logarithmic, so each step upwards is a factor of ten, and a power of
# the side is a straight line whose slope is the exponent. The dotted line is steeper than the blue
# one, so the gap is no constant: **the larger the image, the more there is to save.** Both lines
# run flatter than the count foretells, most of all at the left: on small images a pass costs what
# it costs to *call* a layer, not to compute it. So the clock agrees about which is steeper, and
# comes nearer to the count as images grow. (Where a point lies far off its line, the machine was
# busy with something else.)

# %%
measured = dict(zip(settings.naive_sides, cost["naive"], strict=True))
for side, naive, cached in zip(settings.cached_sides, foretold, cost["cached"], strict=True):
    naive_count, _, cached_count = positions_computed(side, side)
    print(f"{side:3}×{side:<3} counted {naive_count / cached_count:6.0f}, on the clock ", end="")
    told = "" if side in measured else "  (naive: passes × one pass)"
    print(f"{measured.get(side, naive) / cached:5.0f} times as fast{told}")


# %% [markdown]
# > **Predict.** Counting promises a factor of as many as the image has pixels. The clock gives
# > less. Where is the rest?
# > <details><summary>A way to think about it</summary>How large are the matrices that the cached
# > sampler multiplies, for a single image? How much of the time of such a small product is
# > arithmetic?</details>
#
# Take the cached sampler apart and time its parts: the vertical stack (once a row), the horizontal
# stack and the head (once a pixel), the draw.

# %%
@torch.inference_mode()
def time_by_parts(batch, side=settings.cached_sides[-2]):
    """Seconds in the vertical stack, the horizontal stack, and the draw."""
    levels = torch.zeros(batch, 1, side, side, dtype=torch.long)
    uniforms, cache = torch.rand(batch, 1, side, side), GatedCache(model, levels)
    clock, spent = time.perf_counter, [0.0, 0.0, 0.0]
    for row in range(side):
        times = [clock()]
        cache.begin_row(row)
        spent[0] += clock() - times[0]
        for column in range(side):
            place, start = (slice(None), 0, row, column), clock()
            logits = cache.logits(column, 0)
            middle = clock()
            levels[place] = draw(logits, uniforms[place])
            spent[1], spent[2] = spent[1] + middle - start, spent[2] + clock() - middle
    return spent


parts = {batch: time_by_parts(batch) for batch in settings.batch_sizes}

# %% tags=["nbval-ignore-output"]
figure, ax = plt.subplots(figsize=(7, 2.8), layout="tight")
names = ("vertical stack, once a row", "horizontal stack and head, once a pixel", "draw")
bottom = torch.zeros(len(parts))
for i, (name, color) in enumerate(zip(names, ("#3b76af", "#e6a04c", "#888888"), strict=True)):
    each = torch.tensor([1e3 * spent[i] / batch for batch, spent in parts.items()])
    ax.bar(range(len(parts)), each, bottom=bottom, color=color, label=name)
    bottom += each
ax.set_xticks(range(len(parts)), [f"{batch}" for batch in parts])
ax.set(xlabel="images drawn together", ylabel="milliseconds per image")
ax.legend();

# %% [markdown]
# For one image the largest part is the horizontal stack: thousands of products so small that the
# call takes longer than the arithmetic. Draw many images together and each call does more: an image
# gets much cheaper, and the vertical stack, which is honest arithmetic, takes a growing share. What
# is left at a large batch is close to the work that nobody can avoid, every feature once.
#
# And the memory? A window of rows and one row of features a layer: it grows with the width of the
# image, and the height does not matter.

# %%
for side in (28, 64, 256):
    cache = GatedCache(model, torch.zeros(1, 1, side, side, dtype=torch.long))
    kept = sum(layer.above.rows.numel() for layer in cache.vertical)
    kept += sum(layer.own.row.numel() for layer in cache.horizontal)
    print(f"{side:3}×{side:<3} {4 * kept / 1024:8.0f} kB kept, {side * side:6,} pixels")

# %% [markdown]
# `benchmarks/sampling.py` in the repository measures all of this on larger images, with the naive
# sampler run in full, and prints the ratios.
#
# > **In words.** Training a PixelCNN is parallel over pixels, sampling is not, and the cache has
# > not changed that. Why can a cache make sampling cheap, and not parallel?
# > <details><summary>An answer</summary>A cache removes work that was done twice. The order of the
# > draws remains: pixel 2 cannot be drawn before pixel 1, because its distribution depends on the
# > outcome. There are as many steps one after the other as there are sub-pixels; the cache makes
# > each of them small. In training all pixels are known, so all conditionals can be computed at
# > once.</details>
#
# ## 8 · Watch it draw
#
# Fast enough to look on. Press *draw*: the model draws a digit, row by row. The slider sets the
# temperature, which divides the logits (below 1 the model plays safe, above 1 it dares).

# %%
from tutorial_lib.notebook.widgets import sampling_viewer

sampling_viewer(digits_model, 28, 28)

# %% [markdown]
# The same as a still, for readers without a running kernel.

# %%
from tutorial_lib.notebook.widgets import draw_sampled_rows

figure, axes = plt.subplots(1, 4, figsize=(7, 2.1), layout="tight")
for ax, n_rows in zip(axes, (6, 12, 18, 28), strict=True):
    draw_sampled_rows(growing[n_rows - 1][:1].clone(), n_rows, 2, ax=ax)

# %% [markdown]
# The grey part does not exist yet, and the model has computed nothing about it: no feature below
# the red line is known, and none above it will ever be computed again.
#
# Follow a stroke as it comes down: where it will end is not decided yet, neither by you nor by the
# model. There is no plan of the digit anywhere; each pixel is a draw, given those before it.
#
# ### Complete a half-drawn image
#
# Choose a stroke, and how many of its rows the model is given. It draws the rest, four times with
# different noise.

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
# The strokes were drawn by a few lines of geometry, not by a hand, and the model goes on from them
# as it would from its own. Note what completion cannot do: rows are drawn from top to bottom, so a
# *lower* half that is given does not steer the upper one. The model would have to be asked for
# p(upper | lower), and raster order offers only p(lower | upper).

# %%
ch06.progress()

# %% [markdown]
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Gated PixelCNN eq. 1 | sampling is sequential: each pixel given those before it | sections 1 and 5 | `sampling.sample` |
# | Gated PixelCNN sec. 2.2, fig. 2 | the vertical stack reads rows above only | sections 2 and 3 | `gated_cache.VerticalCache` |
# | Gated PixelCNN eq. 2, fig. 2 | the horizontal stack, gate and link | section 4 | `gated_cache.HorizontalCache` |
# | PixelRNN sec. 3.4 and 3.5 | a masked kernel: taps above, taps to the left | section 6 | `cached_pixelcnn.ConvCache` |
# | Fast Generation | keep what convolutions have computed | sections 2 to 4 | `cached_features.RowsAbove`, `OwnRow` |
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
#    Models*, 2017, arXiv 1704.06001.
