# %% [markdown]
# # 09 · Autoencoders and the ELBO: a bound you can check
#
# [← 08 · PixelRNN](08_pixelrnn.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [10 · The codebook →](10_the_codebook_quantizer.ipynb) · [Live: The bound](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/bound.html) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/09_autoencoders_and_the_elbo.ipynb)
#
# In this chapter you build an autoencoder and a Gaussian variational autoencoder (VAE), whole. You
# derive the bound that a VAE is trained on, compare it with the true probability, and watch it fail
# to give a useful code. Chapter 10 starts from that failure.
#
# **By the end you will have**
#
# - derived the evidence lower bound (ELBO) in two ways, with a number beside every line;
# - built and trained a VAE, and measured the gap between its bound and $\log p(x)$ itself;
# - seen a code go silent under a strong decoder, and judged by the bound whether it has to.
#
# **You need** chapters 01 (nats, the KL divergence), 03 and 04 (PixelCNN) and 05, section 7 (an
# autoencoder whose decoder is a PixelCNN).
#
# **Time** about two and a half hours: an hour and a half of reading, an hour for the exercises.
# Running everything takes about three minutes on a laptop. The `gpu` profile trains for longer.

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
from tutorial_lib.exercises import ch09


@dataclass
class Settings:
    n_train: int  # images
    n_test: int
    n_exact: int  # held-out images whose log p(x) is computed by adding up a grid of codes
    grid: int  # codes along each axis of that grid
    epochs: int  # of the autoencoder and the VAE with independent pixels
    pixelcnn_epochs: int  # of the VAEs with a PixelCNN as their decoder
    n_draws: int  # for the Monte Carlo figures


settings = profiles.choose(
    smoke=Settings(256, 100, 20, 61, 1, 1, 500),
    laptop=Settings(9000, 2000, 200, 201, 5, 2, 5000),
    gpu=Settings(9000, 2000, 500, 201, 40, 20, 5000),
)
settings

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
shipped = load_pretrained("vae-fashion-mnist").to(device)
sixteen_levels = data.load("fashion-mnist-sample").with_n_levels(16)
shown = sixteen_levels.test.levels[:8].long().to(device)
with torch.inference_mode():
    decoded = shipped.sample(8, code=shipped.encode(shown).mean)
    drawn = shipped.sample(8, generator=torch.Generator().manual_seed(4))
rows = torch.cat([shown, decoded, drawn]).cpu()
show_images(rows, n_levels=16, n_columns=8, row_labels=["held out", "decoded", "drawn"]);

# %% [markdown]
# The weights of this VAE come with the library. It describes a garment by 32 numbers, its *code*.
# The middle row is decoded from the codes of the garments above. It is blurred, but each garment
# can be recognised. The lower row is decoded from codes drawn at random. Few of its shapes are
# garments. Section 6 says why.
#
# ## 1 · An autoencoder, whole
#
# Our own models see small garments in black and white, so that everything can be computed: 16×16
# pixels, 1 where a pixel has at least a quarter of full brightness.

# %%
from torch.nn import functional as F


def small(levels):
    """(N, 1, 28, 28) of 0 .. 255 -> (N, 1, 16, 16) of 0 and 1."""
    halved = F.avg_pool2d(F.pad(levels.float(), (2, 2, 2, 2)), 2)
    return (halved >= 64).to(torch.uint8)


garments = data.load("fashion-mnist-sample")
train = small(garments.train.subset(settings.n_train).levels)
test_split = garments.test.subset(settings.n_test)
test = small(test_split.levels)
show_images(test[:24], n_levels=2, n_columns=12)
print(len(train), "images for training; guessing all pixels costs 256 log 2 = 177.4 nats");

# %% [markdown]
# A model that guesses every pixel pays 256 log 2 nats for an image. An autoencoder is two networks.
# The encoder turns an image into a code of a few numbers. The decoder turns the code into two
# logits for each pixel: $p(x_i \mid z)$. It is trained to make its own input probable. Our code has
# two numbers, so that you can draw it. (`ConvTranspose2d` is a convolution backwards: with stride 2
# it doubles the sides.)

# %%
from torch import nn


class Encoder(nn.Module):
    """Images (B, 1, 16, 16) of 0 and 1 -> n_numbers for each image."""

    def __init__(self, n_numbers):
        super().__init__()
        convolutions = [nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU()]
        # Each convolution has stride 2 and halves the sides: 16x16, 8x8, 4x4.
        self.layers = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(32 * 4 * 4, n_numbers))

    def forward(self, levels):
        return self.layers(2.0 * levels - 1)  # 0 and 1 become -1 and 1


class Decoder(nn.Module):
    """Codes (B, D) -> logits (B, 2, 1, 16, 16): the same layers backwards."""

    def __init__(self, code_dim):
        super().__init__()
        from_code = [nn.Linear(code_dim, 32 * 4 * 4), nn.ReLU(), nn.Unflatten(1, (32, 4, 4))]
        grow = [nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 2, 4, 2, 1)]
        self.layers = nn.Sequential(*from_code, *grow)

    def forward(self, code):
        return self.layers(code).unflatten(1, (2, 1))  # dimension 1: the two levels


# %%
class Autoencoder(nn.Module):
    """levels -> the cost of each image given its own code, in nats."""

    def __init__(self, code_dim=2):
        super().__init__()
        self.encoder, self.decoder = Encoder(code_dim), Decoder(code_dim)

    def forward(self, levels):
        return self.decoder(self.encoder(levels))

    def cost(self, levels):
        """-log p(x | code of x): the pixels of an image are independent given z, so costs add."""
        each = F.cross_entropy(self(levels), levels, reduction="none")  # (B, 1, 16, 16)
        return each.flatten(1).sum(dim=1)


# %% tags=["held", "nbval-check-output"]
from tutorial_lib.codes import Autoencoder as LibraryAutoencoder

library, mine = LibraryAutoencoder(size=(16, 16), code_dim=2), Autoencoder()
mine.load_state_dict(library.state_dict())
some = test[:8].long()
print("same logits as the library's:", torch.allclose(mine(some), library(some), atol=1e-4))

# %%
from tutorial_lib.training import FitConfig, evaluate, fit


def reconstruct(model, levels):
    """What `fit` minimises."""
    nats = model.cost(levels.long()).mean()
    return {"loss": nats / 256, "nats/image": nats}


torch.manual_seed(0)
autoencoder = Autoencoder().to(device)
how = FitConfig(epochs=settings.epochs, batch_size=64, learning_rate=5e-3)
fit(autoencoder, reconstruct, (train,), how);

# %%
import matplotlib.pyplot as plt

with torch.inference_mode():
    codes = autoencoder.encoder(test.long().to(device)).cpu()
figure, ax = plt.subplots(figsize=(6, 3.4), layout="tight")
for k, name in enumerate(garments.class_names):
    own = codes[test_split.labels == k]
    ax.scatter(*own.T, s=5, color=plt.cm.tab10(k), label=name.split("/")[0])
ax.set(xlabel="first number of the code", ylabel="second number")
ax.legend(fontsize=7, markerscale=2, loc="upper left", bbox_to_anchor=(1, 1));

# %% [markdown]
# Each dot is a held-out image. The network was told no class, yet each class has its region.
# Similar classes, such as shirt, coat and pullover, share one.
#
# > **Predict.** To draw a new garment, pick a code and decode it. Which code?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Where on this map are garments, and who says so? Look at the numbers on the axes.
# >
# > </details>
#
# The autoencoder cannot say. Nothing in it says how often a code occurs: the axes could have any
# scale, and the decoder was never trained on the empty stretches. Its cost $-\log p(x \mid z)$ is
# not the cost of $x$ either, because the code was read off the image for free (chapter 05, section
# 8). What is missing is **a distribution over codes.**
#
# ## 2 · A distribution over codes
#
# To see what follows from it, take a small model with nothing to train. The code $z$ is one number,
# and the image is a strip of nine pixels. $z$ says where a bright blob stands:
#
# $$p(z) = \mathcal{N}(0, 1) \qquad p(x_i = 1 \mid z) = \text{sigmoid}(\text{logit}_i(z))$$

# %%
from tutorial_lib.codes import blob_on_a_strip

strip = blob_on_a_strip(9)
z = strip.z  # 6001 codes from -12 to 12
bright = strip.logits_of(z).sigmoid()  # (codes, pixels)
heights = {"height_ratios": [1, 2], "figsize": (6, 3), "layout": "constrained"}
figure, (top, bottom) = plt.subplots(2, 1, sharex=True, **heights)
top.fill_between(z, strip.log_prior_nats(z).exp(), color="#c8c8c8")
top.set(ylabel="p(z)")
picture = bottom.pcolormesh(z[::20], range(9), bright[::20].T, cmap="viridis", vmin=0, vmax=1)
bottom.set(xlim=(-4, 4), xlabel="z", ylabel="pixel")
bottom.grid(False)
figure.colorbar(picture, ax=[top, bottom], label="p(pixel = 1 | z)");

# %% [markdown]
# A column of the lower picture holds the probabilities of the nine pixels for one $z$. The upper
# curve says how often each $z$ is drawn. Suppose that only pixel 5 of an image is bright. Which $z$
# was drawn?

# %%
x = torch.tensor([0, 0, 0, 0, 0, 1, 0, 0, 0])
likelihood = strip.log_likelihood_nats(x, z).exp()  # p(x|z)
joint = likelihood * strip.log_prior_nats(z).exp()  # p(x|z) p(z)
p_x = joint.sum() * strip.dz
figure, axes = plt.subplots(1, 3, figsize=(7, 2.2), layout="tight")
curves = {"likelihood p(x|z)": likelihood, "p(x|z) p(z)": joint, "posterior p(z|x)": joint / p_x}
for ax, (name, values) in zip(axes, curves.items(), strict=True):
    ax.fill_between(z, values, color="#3b76af", alpha=0.5)
    ax.set(xlim=(-4, 4), ylim=(0, None), xlabel="z", title=name)
print(f"p(x), the area in the middle: {p_x:.4f}, so log p(x) = {p_x.log():.4f} nats");

# %% [markdown]
# The boxes of this chapter answer a student's reading notes on the papers.
#
# > **From the reading notes.** "The prior is the raw data, p(x|z)." Which of these is the prior?
# >
# > The **prior** is $p(z)$, the grey curve: what the model believes of the code before it sees an
# > image. $p(x|z)$ is the **likelihood** of the code: the decoder's probability of the image. It is
# > no density in $z$: with the blob far off the strip, one bright pixel has the same small
# > probability for every $z$, so the area on the left is infinite. Multiply by the prior, and the
# > area becomes the **evidence** $p(x)$. Divide by that area, and you have the **posterior**
# > $p(z|x)$, the belief after the image was seen. The raw data are the $x$.
#
# > **From the reading notes.** The ELBO sets a bound "on the quality of the reconstruction p(x)". Is
# > $p(x)$ the quality of a reconstruction?
# >
# > No. It adds up every way in which the model can produce $x$: all $z$, not the $z$ of one encoder.
# > It is the probability of the image, the quantity that a PixelCNN computes. The bound lies below
# > $\log p(x)$, and reconstruction is one of its two terms (section 3).
#
# ### Exercise 9.1
#
# Compute this area for many images at once, as a sum over a grid of codes (*quadrature*). An image
# may cost thousands of nats.

# %% jupyter={"source_hidden": true} cellView="form"
ch09.log_evidence.card()


# %%
def log_evidence(log_likelihood: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """log p(x), by adding up all codes: the integral of p(x|z) N(z; 0, 1) dz as a sum over a grid.

    log_likelihood  (B, G) torch.float64: log p(x|z) of each image at each code of the grid, in nats
    z               (G,) torch.float64: the codes, evenly spaced, far beyond the prior on both sides
    returns         (B,): log p(x) in nats per image. An image may cost thousands of nats

    By hand: at z = [-1, 0, 1] the prior is [0.242, 0.399, 0.242], and the codes are 1 apart.
             p(x|z) = [1/4, 1/2, 1] gives log(0.0605 + 0.1995 + 0.242) = log(0.502) = -0.689
    """
    ____


log_evidence = ch09.log_evidence.check(log_evidence)

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import enumerate_images

every_image = enumerate_images(1, 9).flatten(1)  # all 512 strips of nine pixels
log_likelihoods = torch.stack([strip.log_likelihood_nats(image, z) for image in every_image])
exact = log_evidence(log_likelihoods, z)
print(f"sum of p(x) over all {len(exact)} images: {exact.exp().sum():.6f}")
print(f"log p(x) of our image: {exact[8]:.4f} nats")  # 000001000 in binary is 8

# %% [markdown]
# The probabilities of all images sum to 1. You could add up all codes because $z$ is one number.
# With 32 numbers and 100 values for each, the grid has $10^{64}$ codes. So we need a bound.
#
# ## 3 · The bound, in two ways
#
# Take any distribution $q(z)$ that is above 0 wherever $p(x|z)\,p(z)$ is. It stands in for the
# posterior. Here it is a Gaussian of mean 0.2 and standard deviation 0.5. In a VAE, the encoder
# proposes one for each image: $q(z|x)$, the *approximate posterior*.
#
# **First way: Jensen's inequality.** Multiply and divide by $q$. The integral becomes an average
# over draws from $q$, and the logarithm of an average is at least the average of the logarithm:
#
# $$\begin{aligned}
# \log p(x) &= \log \int p(x|z)\, p(z)\, dz && (1) \\
#  &= \log \mathbb{E}_q\!\left[\frac{p(x|z)\,p(z)}{q(z)}\right] && (2) \\
#  &\ge \mathbb{E}_q\!\left[\log \frac{p(x|z)\,p(z)}{q(z)}\right] && (3) \\
#  &= \mathbb{E}_q[\log p(x|z)] - D_{\mathrm{KL}}(q\,\|\,p(z)) && (4)
# \end{aligned}$$
#
# > **Predict.** Which of the four lines have the same number?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Three of the four signs are equalities.
# >
# > </details>

# %% tags=["nbval-check-output"]
from torch.distributions import Normal, kl_divergence

q, prior = Normal(0.2, 0.5), Normal(0.0, 1.0)
weight = q.log_prob(z).exp() * strip.dz  # q(z) dz: sums to 1 over the grid
log_joint = strip.log_likelihood_nats(x, z) + prior.log_prob(z)  # log p(x|z) p(z)
log_ratio = log_joint - q.log_prob(z)
reconstruction = (weight * strip.log_likelihood_nats(x, z)).sum()
print(f"(1) log of the area             {(log_joint.exp().sum() * strip.dz).log():.2f}")
print(f"(2) log of the mean of ratios   {(weight * log_ratio.exp()).sum().log():.2f}")
print(f"(3) mean of the log ratios      {(weight * log_ratio).sum():.2f}")
kl = kl_divergence(q, prior)
print(f"(4) {reconstruction:.2f} - {kl:.2f}                {reconstruction - kl:.2f}")

# %% [markdown]
# Lines 1 and 2 are $\log p(x)$. Lines 3 and 4 are the **evidence lower bound**. Its first term, the
# *reconstruction*, is high if codes drawn from $q$ make the image probable. The second is the KL
# divergence of $q$ from the prior.
#
# Line 2 needs $q > 0$. In the VQ-VAE of chapter 10, $q$ is one-hot, which breaks this. So take a
# strip model with three codes, each with prior 1/3, and three different $q$:

# %% tags=["nbval-check-output"]
three_codes = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
log_joint_3 = strip.log_likelihood_nats(x, three_codes) - torch.tensor(3.0).log()
q_of = {
    "unsure": torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64),
    "one-hot": torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64),
    "posterior": log_joint_3.softmax(dim=0),
}
for name, q3 in q_of.items():
    drawn = q3 > 0  # an average over draws from q never sees the other codes
    ratio = log_joint_3[drawn] - q3[drawn].log()
    line_2, line_3 = (q3[drawn] * ratio.exp()).sum().log(), (q3[drawn] * ratio).sum()
    print(f"{name:10} (1) {log_joint_3.logsumexp(0):.4f}  (2) {line_2:.4f}  (3) {line_3:.4f}")

# %% [markdown]
# For the one-hot $q$, line 2 is already below line 1: the average over draws never sees the other
# two codes, so their share of $p(x)$ is lost before Jensen's step. Jensen then loses nothing. The
# bound still holds: line 3 is at most line 1 for every $q$. The second way shows why.
#
# > **From the reading notes.** A VAE is an autoencoder "whose latent space is a multivariate
# > Gaussian". Is it?
# >
# > The Gaussian is the usual choice, not the definition. A VAE is a prior over codes and an encoder
# > that answers with a distribution, trained by the bound. The table above is the bound of a VAE
# > with three codes. With $K$ codes and the one-hot row, it is the VQ-VAE's.
#
# **Second way: $\log p(x)$ minus a KL.** Bayes' rule holds at every single $z$, so this difference
# is the same number everywhere:
#
# $$\log p(x) = \log p(x|z)\,p(z) - \log p(z|x) \qquad \text{for every } z$$

# %% jupyter={"source_hidden": true}
near = (z > -1.5) & (z < 2)
joint_line, posterior_line = log_joint[near], strip.posterior(x).log()[near]
figure, ax = plt.subplots(figsize=(6, 2.4), layout="tight")
ax.plot(z[near], joint_line, label="log p(x|z) p(z)")
ax.plot(z[near], posterior_line, label="log p(z|x)")
ax.plot(z[near], joint_line - posterior_line, color="#d62728", label="their difference")
ax.set(xlabel="z", ylabel="nats")
ax.legend();

# %% [markdown]
# The red line is flat, at $\log p(x)$. Average it over $q$, and subtract and add $\log q(z)$:
#
# $$\log p(x) \;=\; \underbrace{\mathbb{E}_q\!\left[\log \frac{p(x|z)\,p(z)}{q(z)}\right]}_{\text{the ELBO}}
#   \;+\; \underbrace{\mathbb{E}_q\!\left[\log \frac{q(z)}{p(z|x)}\right]}_{D_{\mathrm{KL}}(q\,\|\,p(z|x))}$$
#
# This is an equation. The **gap** is the KL divergence of $q$ from the true posterior. It is never
# negative, so the ELBO is a bound. It is 0 for $q = p(z|x)$, so the bound can be reached.

# %%
from tutorial_lib.notebook import diagrams

log_posterior = strip.posterior(x).log()
bound, gap = (weight * log_ratio).sum(), (weight * (q.log_prob(z) - log_posterior)).sum()
print(f"bound {bound:.2f} + gap {gap:.2f} = {bound + gap:.2f}, log p(x) = {p_x.log():.2f}")
own = strip.posterior(x) * strip.dz  # now q is the posterior itself
print(f"bound with q = p(z|x): {(own * (log_joint - log_posterior)).sum():.2f}")
diagrams.elbo_bars(-reconstruction, kl, -p_x.log())

# %% [markdown]
# The bars are costs: line 4 above, the second way below. They are equally long, and a better $q$
# can save only the gap.
#
# Now choose $q$ yourself. This image is bright in *two* places, so its posterior has two humps. Try
# to close the red gap with the sliders for mean and width.
#
# [The same, live, in any browser](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/bound.html), for
# any of the 512 strips. Notice that $q$ changes the gap, and never the cost of the image.

# %%
from tutorial_lib.notebook.widgets import bound_explorer

two_places = torch.tensor([0, 0, 1, 0, 0, 0, 1, 0, 0])
bound_explorer(strip, two_places)

# %% jupyter={"source_hidden": true}
from tutorial_lib.notebook.widgets import draw_bound

for image in (x, two_places):
    draw_bound(strip, image, *strip.best_gaussian(image))

# %% [markdown]
# The two pictures show the best single Gaussian for our image and for this one. With one hump, it
# nearly closes the gap. With two, it settles on one hump: a wide Gaussian would also cover the
# valley between them, where $p(x|z)\,p(z)$ is very low. The gap that stays is the price of a
# Gaussian $q$.
#
# ## 4 · What a Gaussian costs
#
# The second term has a closed form if $q$ is a Gaussian of mean $\mu$ and standard deviation
# $\sigma$, and the prior is $\mathcal{N}(0, 1)$. On one axis:
#
# $$D_{\mathrm{KL}} = \tfrac12\,(\mu^2 + \sigma^2 - 1 - \log \sigma^2)$$
#
# ### Exercise 9.2

# %% jupyter={"source_hidden": true} cellView="form"
ch09.gaussian_kl.card()


# %%
def gaussian_kl(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL(q || p) for q = N(mean, variance), its D axes independent, and p = N(0, 1) on each axis.

    mean, log_variance  (B, D); log_variance is the natural logarithm of the variance
    returns             (B,): nats per image

    By hand: mean [1, 0] and log_variance [0, log 4] give (1 + 1 - 1 - 0) / 2 = 0.5 for the first
             axis and (0 + 4 - 1 - 1.386) / 2 = 0.807 for the second: 1.307
    """
    ____


gaussian_kl = ch09.gaussian_kl.check(gaussian_kl)

# %% jupyter={"source_hidden": true}
torch.manual_seed(0)
mean, std = torch.tensor(0.5), torch.tensor(0.4)
closed = gaussian_kl(mean.view(1, 1), 2 * std.log().view(1, 1)).item()
figure, ax = plt.subplots(figsize=(6, 2.4), layout="tight")
for _ in range(5):
    draws = Normal(mean, std).sample((settings.n_draws,))
    ratios = Normal(mean, std).log_prob(draws) - prior.log_prob(draws)
    steps = torch.arange(1, settings.n_draws + 1)
    ax.semilogx(steps, ratios.cumsum(dim=0) / steps, color="#3b76af", lw=0.8)
ax.axhline(closed, color="#d62728", label="closed form")
ax.set(xlabel="draws", ylabel="KL (nats)", title=f"one draw scatters by {ratios.std():.2f} nats")
ax.legend();

# %% [markdown]
# The blue lines are averages of $\log q(z) - \log p(z)$ over draws from $q$, in five runs. They
# reach the closed form, after hundreds of draws. A VAE uses *one* draw for each image. So where a
# term has a closed form, it uses that.
#
# ## 5 · The gradient of a draw
#
# The first term, $\mathbb{E}_q[\log p(x|z)]$, has no closed form when a network computes $p(x|z)$.
# So draw a $z$ from $q$. The encoder gives the mean and the variance of $q$ and has to learn from
# the result. But what is the derivative of a *random draw*?
#
# ### Exercise 9.3

# %% jupyter={"source_hidden": true} cellView="form"
ch09.reparameterize.card()


# %%
def reparameterize(
    mean: torch.Tensor, log_variance: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """A draw from N(mean, variance), made of noise that was drawn beforehand.

    mean, log_variance  (B, D): of the Gaussian; the gradient has to reach both
    noise               (B, D): drawn from N(0, 1) by the caller
    returns             (B, D): mean + standard deviation * noise

    By hand: mean 1, log_variance log 4 (so the standard deviation is 2) and noise 0.5 give 2
    """
    ____


reparameterize = ch09.reparameterize.check(reparameterize)


# %% [markdown]
# On the strip you can compute the true derivative of $\mathbb{E}_q[\log p(x|z)]$ with respect to the
# mean of $q$, by moving the mean a little. Here are three ways to estimate it from single draws:
#
# - **through the noise**: differentiate $\log p(x|z)$ at $z = \mu + \sigma \cdot$ noise;
# - **the score function**: $\log p(x|z) \cdot \partial \log q(z) / \partial\mu$, without a
#   derivative of the decoder. It is right on average because $\partial q = q \, \partial \log q$;
# - **a plain draw**, by `q.sample()`.

# %%
def expected(mean):
    """E_q[log p(x|z)] for q = N(mean, 0.4^2), over the grid."""
    weight = Normal(mean, 0.4).log_prob(z).exp() * strip.dz
    return (weight * strip.log_likelihood_nats(x, z)).sum().item()


torch.manual_seed(0)
truth = (expected(0.2 + 1e-4) - expected(0.2 - 1e-4)) / 2e-4
mean = torch.full((settings.n_draws, 1), 0.2, dtype=torch.float64, requires_grad=True)
log_variance = torch.full_like(mean, 2 * torch.tensor(0.4).log().item())
code = reparameterize(mean, log_variance, torch.randn_like(mean))
log_p = strip.log_likelihood_nats(x, code[:, 0])
(through_noise,) = torch.autograd.grad(log_p.sum(), mean)
score = log_p.detach() * (code - mean).detach()[:, 0] / 0.4**2
print(f"true derivative       {truth:6.3f}")
for name, each in {"through the noise": through_noise, "score function": score}.items():
    print(f"{name:20} {each.mean():7.3f} on average, one draw scatters by {each.std():.2f}")
print(f"{'a plain draw':20} has a gradient: {Normal(mean, 0.4).sample().requires_grad}")

# %% jupyter={"source_hidden": true}
figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
options = {"bins": torch.linspace(-60, 60, 81).tolist(), "density": True, "alpha": 0.6}
ax.hist(score, color="#e6a04c", label="score function", **options)
ax.hist(through_noise[:, 0], color="#3b76af", label="through the noise", **options)
ax.axvline(truth, color="#d62728", label="true derivative")
ax.set(xlabel="estimate from one draw", ylabel="density")
ax.legend();

# %% [markdown]
# Both estimators are right on average. The score function scatters much more: it needs many draws
# to be as exact as one draw through the noise. The plain draw has no gradient: an encoder trained
# through it would learn from the KL alone. The first way is **reparameterisation**. It needs a code
# that moves *smoothly* with the parameters. A code that is a whole number does not.
#
# ## 6 · A Gaussian VAE, whole

# %% jupyter={"source_hidden": true}
diagrams.gaussian_vae(shipped, sixteen_levels.test.levels[7].long())

# %% [markdown]
# The encoder has twice as many outputs as the autoencoder's: a mean and a log-variance for each
# number of the code. Both orange boxes are costs, in nats per image. First put the two together.
# Then write the whole way from image to costs.
#
# ### Exercise 9.4

# %% jupyter={"source_hidden": true} cellView="form"
ch09.elbo.card()


# %%
def elbo(
    logits: torch.Tensor, levels: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor
) -> torch.Tensor:
    """The evidence lower bound of binary images: E_q[log p(x|z)] - KL(q || p), in nats per image.

    logits              (S, B, n): what the decoder says of n pixels, for S codes drawn from q(z|x)
                        of each image; sigmoid(logit) is the probability of a 1
    levels              (B, n) torch.long: the images, 0 and 1
    mean, log_variance  (B, D): q(z|x) of each image; the prior is N(0, 1) on each axis
    returns             (B,): a bound on log p(x), so higher is better

    By hand: one draw, one pixel, logit 0 and level 1 give log(1/2) = -0.693. With mean 1 and
             log_variance 0 the KL is 0.5 (exercise 9.2). The bound is -0.693 - 0.5 = -1.193
    """
    ____


elbo = ch09.elbo.check(elbo)

# %% [markdown]
# ### Exercise 9.5
#
# In the class that uses it, `beta` stays 1 until section 7.

# %% jupyter={"source_hidden": true} cellView="form"
ch09.vae_step.card()


# %%
def vae_step(
    encoder: nn.Module, decoder: nn.Module, levels: torch.Tensor, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of training a Gaussian VAE, up to its two costs: encode, draw one code, decode.

    encoder  encoder(levels) is (B, 2 * D): first the D means, then the D log-variances of q(z|x)
    decoder  decoder(code) of a code (B, D) is the logits (B, L, C, H, W): dimension 1 the levels
    levels   (B, C, H, W) torch.long, the images
    noise    (B, D), drawn from N(0, 1) by the caller
    returns  -log p(x|z) at the drawn code, and KL(q(z|x) || p(z)): each (B,), nats per image. Their
             mean over the batch will be minimised, so gradients must reach encoder and decoder

    By hand: one pixel of level 1. The encoder says [1, 0] and the noise is 0.5: z = 1.5. A decoder
             with the logits [0, z] gives -log(e^1.5 / (1 + e^1.5)) = 0.201, and the KL is 0.5
    """
    ____


vae_step = ch09.vae_step.check(vae_step)


# %%
class GaussianVAE(nn.Module):
    """levels, noise -> the decoder term and the KL of each image, whose sum is minus the ELBO."""

    def __init__(self, code_dim=2):
        super().__init__()
        self.encoder = Encoder(2 * code_dim)  # a mean and a log-variance for each number
        self.decoder = Decoder(code_dim)

    def forward(self, levels, noise):
        return vae_step(self.encoder, self.decoder, levels, noise)


def minus_elbo(model, levels, beta=1.0):
    """What `fit` minimises, with one draw for each image; `beta` weighs the KL in the loss."""
    noise = torch.randn(len(levels), 2, device=levels.device)
    decoder, kl = (each.mean() for each in model(levels.long(), noise))
    # Divided so that the larger of the two weights is 1 / 256, whatever beta is.
    loss = (decoder + beta * kl) / (256 * max(1, beta))
    return {"loss": loss, "nats/image": decoder + kl, "decoder term": decoder, "KL": kl}


# %% tags=["held", "nbval-check-output"]
from tutorial_lib.codes import GaussianVAE as LibraryVAE

library, mine = LibraryVAE(size=(16, 16), code_dim=2), GaussianVAE()
mine.load_state_dict(library.state_dict())
noise = torch.randn(8, 2)
pairs = zip(mine(some, noise), library(some, noise), strict=True)
same = [torch.allclose(own, theirs, atol=1e-3) for own, theirs in pairs]
print("same decoder term and KL as the library's:", all(same))

# %%
torch.manual_seed(0)
vae = GaussianVAE().to(device)
history = fit(vae, minus_elbo, (train,), how)
figure, axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="tight")
for ax, name in zip(axes, ("decoder term", "KL"), strict=True):
    ax.plot([row["step"] for row in history.rows], [row[name] for row in history.rows])
    ax.set(xlabel="step", ylabel="nats per image", ylim=(0, None), title=name)


# %% [markdown]
# The model finds that a few nats spent on the code save many more in the decoder: the KL rises
# while the decoder term falls.
#
# Is the bound a bound? Two numbers are few enough for a grid. So compute $\log p(x)$ of held-out
# garments by adding up a plane of codes, and the ELBO as an average of 16 draws. (`diff` makes one
# logit of two: level 1 minus level 0.)

# %%
def log_evidence_on_grid(model, levels, limit=5.0, n_points=settings.grid):
    """log p(x) = log of the sum over a grid of two-number codes of p(x|z) p(z) dz. (B,)"""
    axis = torch.linspace(-limit, limit, n_points)
    grid = torch.cartesian_prod(axis, axis).to(device)
    log_weight = prior.log_prob(grid).sum(dim=1) + 2 * (axis[1] - axis[0]).log()
    with torch.inference_mode():
        parts = [model.decoder(part).log_softmax(dim=1).flatten(2) for part in grid.split(2000)]
    # Of each pixel the log-probability of its level: ones take level 1, the others level 0.
    ones = levels.flatten(1).float()
    log_p = torch.cat([ones @ part[:, 1].T + (1 - ones) @ part[:, 0].T for part in parts], dim=1)
    return (log_p + log_weight).logsumexp(dim=1).cpu()


images = test[: settings.n_exact].long().to(device)
torch.manual_seed(0)
with torch.inference_mode():
    mean, log_variance = vae.encoder(images).chunk(2, dim=1)
    drawn = [reparameterize(mean, log_variance, torch.randn_like(mean)) for _ in range(16)]
    logits = torch.stack([vae.decoder(code).diff(dim=1).flatten(1) for code in drawn])
    elbos = elbo(logits, images.flatten(1), mean, log_variance).cpu()
exacts, coarse = (log_evidence_on_grid(vae, images, n_points=n) for n in (settings.grid, 51))
print(f"bound {elbos.mean():.2f}, log p(x) {exacts.mean():.2f} nats per image, on average")
print(f"log p(x) on a coarser grid: {coarse.mean():.2f}")

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6), layout="tight")
left.plot([-120, 0], [-120, 0], color="#888888", lw=1)
left.scatter(exacts, elbos, s=6)
left.set(xlabel="log p(x), exact (nats)", ylabel="bound (nats)", xlim=(-120, 0), ylim=(-120, 0))
right.hist(exacts - elbos, bins=30, color="#d62728")
right.set(xlabel="gap (nats)", ylabel="images");

# %% [markdown]
# A coarser grid gives nearly the same, so the grid is fine enough. The bound lies below $\log p(x)$
# by the gap: the KL between the encoder's Gaussian and the true posterior. (An average of 16 draws
# may lie above by a little.)
#
# Now there is an answer to the question of section 1, which code to pick: draw it from the prior.
# Here are 196 codes, each for an equal share of the prior.

# %%
side = 14
shares = (torch.arange(side) + 0.5) / side  # equal shares of the prior's mass along each axis
axis = prior.icdf(shares)
plane = torch.cartesian_prod(axis.flip(0), axis).flip(1)
with torch.inference_mode():
    p = vae.decoder(plane.to(device)).softmax(dim=1)[:, 1]
show_images(p.cpu(), n_columns=side);

# %% [markdown]
# Neighbours look alike: boots at the upper left, shoes along the top, trousers at the lower left,
# shirts and pullovers on the right. Between two kinds lie blurred mixtures of both.
#
# ### Holes
#
# Why are the drawn garments of the first picture worse than these? There the code has 32 numbers.
# Compare codes of held-out garments with codes drawn from the prior: how far is each from the
# nearest training garment's code?

# %%
with torch.inference_mode():
    known = shipped.encode(sixteen_levels.train.levels[: settings.n_train].long().to(device)).mean
    q = shipped.encode(sixteen_levels.test.levels[:500].long().to(device))
codes_of = {"of held-out garments": reparameterize(*q, torch.randn_like(q.mean))}
codes_of["drawn from the prior"] = torch.randn_like(q.mean)
figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
for name, code in codes_of.items():
    nearest = torch.cdist(code, known).amin(dim=1).cpu()
    ax.hist(nearest, bins=40, range=(0, 8), alpha=0.6, label=f"codes {name}")
ax.set(xlabel="distance to the nearest training code", ylabel="codes")
ax.legend(fontsize=7);

# %% [markdown]
# Codes from the prior lie farther from all garments. On each axis alone, the garments' codes fill
# the prior. Their combinations do not: most of the 32-dimensional space holds no garment, and there
# the decoder was never trained. These are **holes**. The bound does not forbid them, it charges for
# them: a part of the KL is the distance of all $q(z|x)$ together from the prior (section 8). In the
# plane above, holes are rare: most codes decode to a garment or to a mixture of two.
#
# ## 7 · A wrong way: a bound that is none
#
# Losses are often *averaged* over pixels. Dividing both terms by 256 changes nothing, but often
# only one is divided. Train two such "VAEs". The first averages only the KL: its weight is 1/256.
# The second averages only the decoder term: its KL has weight 256, up to a common factor. Both
# report minus their loss, up to that factor.
#
# > **Predict.** Which of the two "ELBOs" will look better than ours? Will it be a bound? What will
# > the other model do with its code?
# >
# > <details><summary>A way to think about it</summary>
# >
# > How would you use a code that costs next to nothing? And one that costs 256 times what it
# > should?
# >
# > </details>

# %%
from functools import partial

beta_of = {"right": 1, "KL averaged": 1 / 256, "pixels averaged": 256}
careless = {"right": vae}
for name in ("KL averaged", "pixels averaged"):
    torch.manual_seed(0)
    careless[name] = GaussianVAE().to(device)
    fit(careless[name], partial(minus_elbo, beta=beta_of[name]), (train,), how)

# %%
from IPython.display import Markdown


def table(columns, rows):
    """A table of numbers; `rows` holds a list of numbers under the name of each row."""
    lines = [["nats per image", *columns], ["---"] + ["---:"] * len(columns)]
    lines += [[name, *(f"{number:.2f}" for number in numbers)] for name, numbers in rows.items()]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


rows = {}
noise = torch.randn(len(images), 2, device=device)
for name, model in careless.items():
    with torch.inference_mode():
        decoder, kl = (term.mean().item() for term in model(images, noise))
    log_p = log_evidence_on_grid(model, images, 10.0, 2 * settings.grid - 1).mean().item()
    rows[name] = [-decoder - beta_of[name] * kl, -decoder - kl, log_p, kl]
table(["reported", "ELBO", "log p(x)", "KL"], rows)

# %% [markdown]
# "KL averaged" reports the best number of the three, and this "bound" lies *above* the true
# $\log p(x)$. Its images are less probable than ours. The code cost almost nothing, so the encoder
# made it very exact, in places where the prior hardly ever draws. In "pixels averaged", the code
# cost so much that the encoder gave it up: KL 0, one answer to every image. No error was raised.
#
# A squared error hides the same choice. Summed over pixels and divided by $2\sigma^2$, it is
# $-\log$ of a Gaussian of standard deviation $\sigma$, up to a constant. A *sum* of squares sets
# $\sigma = \sqrt{1/2} \approx 0.7$. A *mean* over 256 pixels sets
# $\sigma = \sqrt{256/2} \approx 11.3$: for pixels from 0 to 1, the reconstruction then says next to
# nothing. The weight of the KL is called $\beta$. You may train with another one, as section 8
# does. Report the ELBO, with $\beta = 1$.
#
# ## 8 · The decoder that needs no code
#
# Our decoder takes the pixels to be independent given $z$. So $z$ has to carry all that pixels have
# in common. A PixelCNN is a stronger decoder: each pixel depends on those before it. Give it $z$ as
# its context in every gate (equation 5 of the Gated PixelCNN paper). Encoder, prior and bound stay.
# One decoder sees only a few pixels. The other sees all that was drawn before, by a first kernel of
# 31×31, and is told where in the image it is.

# %%
models = {"independent pixels": vae}
sizes = {
    "short-sighted PixelCNN": {"n_channels": 12, "n_layers": 2},
    "far-sighted PixelCNN": {"n_channels": 16, "n_layers": 3, "first_kernel_size": 31},
}
sizes["far-sighted PixelCNN"] |= {"coordinates": True, "n_frequencies": 2}
slow = FitConfig(epochs=settings.pixelcnn_epochs, batch_size=32, learning_rate=1e-2)
for name, pixelcnn in sizes.items():
    torch.manual_seed(0)
    models[name] = LibraryVAE(size=(16, 16), code_dim=2, pixelcnn=pixelcnn).to(device)
    fit(models[name], minus_elbo, (train,), slow)

# %% [markdown]
# > **Predict.** The total cost will fall. What will the KL do?
# >
# > <details><summary>A way to think about it</summary>
# >
# > A nat spent on the code must save more than a nat in the decoder. What is left to save?
# >
# > </details>
#
# How much does a code *say*? The KL is what it costs. What it says about the image is its
# information: how much more probable a drawn code is under its own image's $q(z|x)$ than under
# their average, which is called $q(z)$ from here on.
#
# $$I = \mathbb{E}\left[\log q(z|x) - \log q(z)\right], \qquad q(z) = \tfrac1N \sum_j q(z|x_j)$$
#
# On average, KL $= I + D_{\mathrm{KL}}(q(z)\,\|\,p(z))$, since
# $\frac{q(z|x)}{p(z)} = \frac{q(z|x)}{q(z)} \cdot \frac{q(z)}{p(z)}$. The second part is what the
# codes cost for not filling the prior together.
#
# ### Exercise 9.6

# %% jupyter={"source_hidden": true} cellView="form"
ch09.information.card()


# %%
def information(log_q: torch.Tensor) -> torch.Tensor:
    """What a code says about the image that it was drawn for: the mean of log q(z|x) - log q(z).

    log_q    (N, N) torch.float64, at least 2 images: entry [i, j] is log q(z_i | x_j), where z_i
             was drawn for image i
    returns  a number in nats: the mean over i of log q(z_i | x_i) - log q(z_i), where q(z) is the
             average of the N posteriors q(z | x_j), that of image i included

    By hand: q = [[0.9, 0.1], [0.1, 0.9]]. Each code has 0.9 under its own image and (0.9 + 0.1) / 2
             = 0.5 on average: log(0.9 / 0.5) = 0.588 nats, of log 2 = 0.693 at most
    """
    ____


information = ch09.information.check(information)


# %%
def scores(model):
    """Of the held-out images, in nats: total, decoder term, KL, and what the code says."""
    torch.manual_seed(0)
    means = evaluate(model, minus_elbo, (test,))
    with torch.inference_mode():
        mean, log_variance = model.encoder(test.long().to(device)).chunk(2, dim=1)
        code = reparameterize(mean, log_variance, torch.randn_like(mean))
        log_q = Normal(mean, (log_variance / 2).exp()).log_prob(code[:, None]).sum(dim=2)
    said = information(log_q.double().cpu()).item()
    return [*(means[name] for name in ("nats/image", "decoder term", "KL")), said]


columns = ["total", "decoder term", "KL", "the code says"]
compared = {name: scores(model) for name, model in models.items()}
table(columns, compared)

# %% [markdown]
# The further the decoder sees, the lower the total, and the emptier the code. What the
# short-sighted one keeps in the code is what it cannot see. With the far-sighted one, the KL is
# 0.00: $q(z|x)$ is the prior for every image. This is **posterior collapse**. (The last column
# comes from one draw for each image, so it may lie a hundredth above the KL.)
#
# To see it, encode a garment and draw pixels from its code:

# %%
shown = test[:8].long().to(device)
rows = [shown.cpu()]
for model in models.values():
    with torch.inference_mode():
        code = model.encoder(shown).chunk(2, dim=1)[0]
        noise = torch.Generator().manual_seed(0)
        if model is vae:  # draw each pixel for itself
            p = model.decoder(code).softmax(dim=1)[:, 1].cpu()
            rows.append((torch.rand(p.shape, generator=noise) < p).long())
        else:
            rows.append(model.sample(8, code=code, pixels="sample", generator=noise).cpu())
labels = ["held out", *(name.replace(" ", "\n") for name in models)]
show_images(torch.cat(rows), n_levels=2, n_columns=8, row_labels=labels);

# %% [markdown]
# The second row keeps the rough shape of most garments, under the noise of pixels that were drawn
# one by one. The third row has clean pieces of edges that do not join to garments: this decoder
# sees only a few pixels, and the code says little of the rest. The last row has whole garments, but
# not the ones that were encoded. The decoder does not use the code.
#
# ### Does the code have to be silent?
#
# Is the empty code what the bound asks for, or what training fell into? Train the same network with
# a cheap code, $\beta = 0.1$, and then go on with $\beta = 1$. For comparison, train the model
# above for as long again. All are judged by the bound.
#
# > **Predict.** Which of the two totals is lower at the end?
# >
# > <details><summary>A way to think about it</summary>
# >
# > While the code is empty, the decoder has no reason to read it, and the encoder has no reason to
# > write it.
# >
# > </details>

# %%
import copy

far = {"β = 1": compared["far-sighted PixelCNN"]}
longer = copy.deepcopy(models["far-sighted PixelCNN"])
fit(longer, minus_elbo, (train,), slow)
far["β = 1, then again β = 1"] = scores(longer)
torch.manual_seed(0)
speaking = LibraryVAE(size=(16, 16), code_dim=2, pixelcnn=sizes["far-sighted PixelCNN"]).to(device)
fit(speaking, partial(minus_elbo, beta=0.1), (train,), slow)
far["β = 0.1"] = scores(speaking)
fit(speaking, minus_elbo, (train,), slow)
far["β = 0.1, then β = 1"] = scores(speaking)
table(columns, far)

# %% [markdown]
# With $\beta = 0.1$ the code speaks. It saves the decoder several nats and costs more than it
# saves: the total is the worst. Trained on with $\beta = 1$, the code gets shorter but does not go
# silent. Its total is about that of the silent model, trained for as long. So silence is *not* what
# the bound asks for. The bound hardly prefers one of the two, and the start of training decides
# which one you get.
#
# > **From the reading notes.** "So we maximize it to improve the reconstruction." Does that follow?
# >
# > No. Compare the first and the third row: the better bound goes with the larger decoder term,
# > that is, with the worse reconstruction. The bound rewards a better reconstruction only where
# > that saves more than its code costs.
#
# > **In words.** The model of the first row did what it was asked to, and its code is empty. What
# > went wrong?
# >
# > <details><summary>An answer</summary>
# >
# > Not the bound: our wish was never stated. We wanted a *code*, a short description that something
# > else can use. The ELBO asks for probability. A PixelCNN reaches a good $p(x)$ without $z$. If it
# > ignores $z$, the true posterior is the prior, and $q = p(z)$ closes the gap at no cost. A code
# > that speaks has to save more in the decoder than it costs in KL.
# >
# > </details>
#
# ## 9 · What discrete codes change
#
# A Gaussian $q(z|x)$ can become the prior, and then its KL is 0. A discrete code cannot. Let
# $q(z|x)$ put all its mass on one of $K$ codes (equation 1 of the VQ-VAE paper), and let the prior
# be uniform. In the figure, the encoder's output is multiplied by an amount from 1 to 0. At 0 it
# says the same of every image.

# %% jupyter={"source_hidden": true}
from tutorial_lib.codes import kl_to_uniform

amount = torch.linspace(0, 1, 41)
loud = torch.tensor([[2.0, -1.0]])  # what an encoder might say of an image
gaussian = gaussian_kl(amount[:, None] * loud, amount[:, None] * torch.tensor([[-4.0, -3.0]]))
codebook = torch.tensor([[2.0, -1.0], [0.1, 0.2], [-1.0, 1.0], [0.5, -2.0]])  # K = 4
nearest = torch.cdist(amount[:, None] * loud, codebook).argmin(dim=1)
discrete = kl_to_uniform(F.one_hot(nearest, 4).float())
figure, ax = plt.subplots(figsize=(6, 2.4), layout="tight")
ax.plot(amount, gaussian, label="Gaussian posterior")
ax.plot(amount, discrete, label="one of K = 4 codes")
ax.set(xlabel="how much the encoder says", ylabel="KL to the prior (nats)", ylim=(0, None))
ax.legend();

# %% [markdown]
# An empty Gaussian code costs nothing. A code from a codebook costs $\log K$ whether it says
# something or not, so the bound gains nothing by emptying it.
#
# This removes the *reward* for an empty code. Does a strong decoder then use the codes? The
# abstract of the VQ-VAE paper claims that even a powerful autoregressive one does. Chapter 12 runs
# this test. In the other chapters, the decoder's pixels are independent given $z$, and a PixelCNN
# learns the *codes* afterwards.
#
# How does a gradient pass a code that is a whole number? That is chapter 10.

# %%
ch09.progress()

# %% [markdown]
# ## Summary
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | [1] sec. 2.2, eqs. 1, 2 | $\log p(x)$ = bound + KL($q$ ‖ posterior) | section 3 | `OneLatentModel` |
# | [1] eq. 3 | bound = reconstruction − KL($q$ ‖ prior) | section 3, exercise 9.4 | `elbo_nats` |
# | [1] sec. 2.4 | reparameterisation | section 5, exercise 9.3 | `reparameterize` |
# | [1] sec. 3, app. B | the VAE; the KL of two Gaussians | exercises 9.2, 9.5 | `GaussianVAE`, `gaussian_kl` |
# | [2] sec. 1, 2; [4] | an empty code under a strong decoder | section 8 | `GaussianVAE(pixelcnn=...)`, `information_nats` |
# | [2] sec. 3.1 | a categorical posterior; KL constant | sections 3, 9 | `kl_to_uniform` |
#
# ## References
#
# 1. D. P. Kingma, M. Welling: *Auto-Encoding Variational Bayes*, 2014, arXiv 1312.6114.
# 2. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 3. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 4. X. Chen, D. P. Kingma, T. Salimans, Y. Duan, P. Dhariwal, J. Schulman, I. Sutskever, P. Abbeel:
#    *Variational Lossy Autoencoder*, 2017, arXiv 1611.02731, on why strong decoders leave the code
#    empty.
#
# Next: [10 · The codebook quantizer](10_the_codebook_quantizer.ipynb).
