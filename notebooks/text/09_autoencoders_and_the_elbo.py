# %% [markdown]
# # 09 · Autoencoders and the ELBO: a bound you can check
#
# [← 08 · PixelRNN](08_pixelrnn.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [10 · The codebook →](10_the_codebook_quantizer.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/09_autoencoders_and_the_elbo.ipynb)
#
# The second paper begins where an auto-encoder ends. An auto-encoder can say an image in two
# numbers, but it cannot say how probable the image is. Give the two numbers a distribution, and it
# almost can: it has a *bound*. This chapter builds the bound twice, holds it against the truth, and
# then breaks the model that rests on it, so that chapter 10 has something to repair.
#
# **By the end you will have**
#
# - derived the evidence lower bound in two ways, with a number beside every line;
# - computed log p(x) itself by quadrature, and found the gap to be a KL divergence;
# - trained a Gaussian VAE, watched its code go silent under a PixelCNN decoder, and measured how
#   much the code still says.
#
# **You need** chapters 01 (nats, the KL divergence), 03 and 04 (PixelCNN) and 05, section 5 (an
# auto-encoder whose -log p(x|h) is no cost of x).
#
# **Time** about an hour and a half of reading and exercises; running everything takes about two
# minutes on a laptop. The `gpu` profile trains for longer.

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
from tutorial_lib.exercises import ch09


@dataclass
class Settings:
    n_train: int  # images
    n_test: int
    n_exact: int  # held-out images whose log p(x) is computed by quadrature
    grid: int  # codes along each axis of that grid
    epochs: int  # of the auto-encoder and the VAE with independent pixels
    pixelcnn_epochs: int
    n_draws: int  # for the Monte Carlo figures


settings = profiles.choose(
    smoke=Settings(256, 100, 20, 61, 1, 1, 500),
    laptop=Settings(9000, 2000, 200, 201, 5, 2, 5000),
    gpu=Settings(9000, 2000, 500, 201, 40, 20, 5000),
)
settings

# %% [markdown]
# ## Where this ends
#
# The weights that come with the package: a VAE of garments in 16 grey levels. Eight held-out
# garments; what is left of them after they went through 32 numbers; and eight garments decoded from
# 32 numbers that were drawn from a standard normal distribution and have never been an image.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
shipped = load_pretrained("vae-fashion-mnist").to(device)
held_out = data.load("fashion-mnist-sample").with_n_levels(16).test
shown = held_out.levels[:8].long().to(device)
with torch.inference_mode():
    decoded = shipped.sample(8, code=shipped.encode(shown).mean)
    invented = shipped.sample(8, generator=torch.Generator().manual_seed(4))
rows = torch.cat([shown, decoded, invented]).cpu()
show_images(rows, n_levels=16, n_columns=8, row_labels=["held out", "decoded", "drawn"]);

# %% [markdown]
# The decoded ones are a little blurred, and plainly the same garments: the 32 numbers carry something
# worth having. The drawn ones are shapes such as garments have, and few of them would sell. Two
# questions will keep us: what does this model say about the *probability* of an image, and why would
# anybody replace its 32 real numbers by 49 whole ones?
#
# ## 1 · An auto-encoder, and what it lacks
#
# Garments, small and in black and white, so that everything can be computed: each side padded from
# 28 to 32 pixels and halved, and a pixel is 1 where it has at least a quarter of full brightness.

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
print(tuple(train.shape), "images for training; a uniform model pays 256 log 2 = 177.4 nats each");

# %% [markdown]
# An auto-encoder is two networks: one from the image to a *code* of a few numbers, one from the code
# back to logits of every pixel. It is trained to make its own input probable. Two numbers here, so
# that we can draw them.

# %%
from tutorial_lib.codes import Autoencoder
from tutorial_lib.pixels import nll_nats
from tutorial_lib.training import FitConfig, fit


def reconstruct(model, levels):
    """One step of training: -log p(x | code of x), in nats per image."""
    levels = levels.long()
    nats = nll_nats(model(levels), levels).mean()
    return {"loss": nats / levels[0].numel(), "nats/image": nats}


torch.manual_seed(0)
autoencoder = Autoencoder(size=(16, 16), code_dim=2).to(device)
how = FitConfig(epochs=settings.epochs, batch_size=64, learning_rate=5e-3)
fit(autoencoder, reconstruct, (train,), how)
autoencoder(test[:1].long().to(device)).shape

# %%
import matplotlib.pyplot as plt

with torch.inference_mode():
    codes = autoencoder.encode(test.long().to(device)).cpu()
figure, ax = plt.subplots(figsize=(6, 4), layout="tight")
for k, name in enumerate(garments.class_names):
    mine = codes[test_split.labels == k]
    ax.scatter(*mine.T, s=5, color=plt.cm.tab10(k), label=name.split("/")[0])
ax.set(xlabel="code, first number", ylabel="code, second number")
ax.legend(fontsize=7, markerscale=2, loc="upper left", bbox_to_anchor=(1, 1));

# %% [markdown]
# A map of garments: trousers here, boots there, though nobody told the network a class. Each dot is a
# held-out image.
#
# > **Predict.** Let us draw a new garment: pick a code and decode it. Which code?
# > <details><summary>A way to think about it</summary>Where on this map are garments, and who says
# > so? Look at the numbers on the axes.</details>
#
# The auto-encoder has no answer. Nothing in it says how often a code occurs; the axes could have
# had any scale, and there are empty stretches of which the decoder has never heard. And what it
# paid, -log p(x | code of x), is no cost of x: the code was read off the image for free (chapter 05,
# section 5). What is missing is one thing: **a distribution over codes.**
#
# ## 2 · A distribution over codes, and all that follows
#
# To see what follows from it, take the smallest model there is: one code z, one number, and a strip
# of nine pixels. z says where a bright blob stands. Nothing is trained here.
#
# $$p(z) = \mathcal{N}(0, 1) \qquad p(x_i = 1 \mid z) = \sigma(\text{logit}_i(z))$$

# %%
from tutorial_lib.codes import blob_on_a_strip

strip = blob_on_a_strip(9)
z = strip.z  # 6001 codes from -12 to 12
chances = strip.logits_of(z).sigmoid()  # (codes, pixels)
figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(6, 3.4), layout="constrained", sharex=True, height_ratios=[1, 2]
)
top.fill_between(z, strip.log_prior_nats(z).exp(), color="#c8c8c8")
top.set(ylabel="p(z)")
picture = bottom.pcolormesh(z[::20], range(9), chances[::20].T, cmap="viridis", vmin=0, vmax=1)
bottom.set(xlim=(-4, 4), xlabel="z", ylabel="pixel")
bottom.grid(False)
figure.colorbar(picture, ax=[top, bottom], label="p(pixel = 1 | z)");

# %% [markdown]
# Read a column of the lower picture: given that z, these are the chances of the nine pixels. The
# upper curve says how often each z is drawn. Together they draw images: first z, then the pixels.
#
# Now somebody shows us an image. Which of the possible z was it?

# %%
x = torch.tensor([0, 0, 0, 0, 0, 1, 0, 0, 0])
likelihood = strip.log_likelihood_nats(x, z).exp()  # p(x|z)
joint = likelihood * strip.log_prior_nats(z).exp()  # p(x|z) p(z)
p_x = joint.sum() * strip.dz
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4), layout="tight")
curves = {"likelihood p(x|z)": likelihood, "times prior": joint, "posterior p(z|x)": joint / p_x}
for ax, (name, values) in zip(axes, curves.items(), strict=True):
    ax.plot(z, values, color="#3b76af")
    ax.fill_between(z, values, color="#3b76af", alpha=0.25)
    ax.set(xlim=(-4, 4), ylim=(0, None), xlabel="z", title=name)
print(f"evidence p(x), the area in the middle: {p_x:.4f}, so log p(x) = {p_x.log():.4f} nats");

# %% [markdown]
# > **From the reading notes.** "The prior is the raw data, p(x|z)." Which of these is the prior?
# >
# > None of them; it is the grey curve of the figure before, p(z): what is believed of the code
# > *before* any image is seen. p(x|z) is the **likelihood**, the decoder's word on the image given
# > the code. It is not a density in z, and its area is nothing in particular. Here it is infinite:
# > the two plateaus go on for ever, since a blob far off the strip leaves all pixels dark, and the
# > bright one an accident. Multiply the two and divide by the area of the product, and there is the
# > **posterior** p(z|x), the belief *after* x was seen. That area is the **evidence** p(x). The raw
# > data are the x. The cell above computes all four.
#
# > **From the reading notes.** The ELBO sets a bound "on the quality of the reconstruction p(x)". Is
# > p(x) the quality of a reconstruction?
# >
# > No reconstruction has happened yet, and p(x) has a value already: it adds up *every* way in which
# > the model could have come by x, all z, not only the z of one encoder. It is the probability of the
# > image, the same quantity that a PixelCNN computes. What the bound sits below is log p(x), the
# > evidence. How well x is reconstructed is one of the bound's two terms, as section 3 shows.
#
# ### Exercise 9.1
#
# The area, for many images at once, and safe for images that cost thousands of nats.

# %%
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

# %% [markdown]
# A probability has to sum to 1 over all images. Nine pixels have 512.

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import enumerate_images

every_image = enumerate_images(1, 9).flatten(1)
table = torch.stack([strip.log_likelihood_nats(image, z) for image in every_image])  # (512, G)
exact = log_evidence(table, z)
print(f"sum of p(x) over all {len(exact)} images: {exact.exp().sum():.6f}")
print(f"log p(x) of our image: {exact[8]:.4f} nats")  # x is 000001000 in binary, number 8

# %% [markdown]
# This worked because z is one number. With two it still will. With 32, a grid of 100 codes a side
# would have 10 to the power of 64 of them, and the integral is out of reach. Hence the bound.
#
# ## 3 · The bound, line by line, in two ways
#
# Take a distribution q(z) that is nowhere 0 where $p(x|z)\,p(z)$ is not. Here: a Gaussian of mean
# 0.2 and standard deviation 0.5, not a particularly good guess. (In a VAE an encoder will look at x
# and propose a better one.)
#
# **The first way: Jensen.** Multiply and divide by q under the integral, which is then an average
# over draws from q; and the logarithm of an average is at least the average of the logarithm. In
# line 4, $D_{\mathrm{KL}}(q\,\|\,p) = \mathbb{E}_q[\log q(z) - \log p(z)]$ as in chapter 01.
#
# $$\begin{aligned}
# \log p(x) &= \log \int p(x|z)\, p(z)\, dz && (1) \\
#  &= \log \mathbb{E}_q\!\left[\frac{p(x|z)\,p(z)}{q(z)}\right] && (2) \\
#  &\ge \mathbb{E}_q\!\left[\log \frac{p(x|z)\,p(z)}{q(z)}\right] && (3) \\
#  &= \mathbb{E}_q[\log p(x|z)] - D_{\mathrm{KL}}(q\,\|\,p(z)) && (4)
# \end{aligned}$$
#
# > **Predict.** Which two of the four lines have the same number as which other two?
# > <details><summary>A way to think about it</summary>Three signs are equalities.</details>

# %% tags=["nbval-check-output"]
from torch.distributions import Normal, kl_divergence

q, prior = Normal(0.2, 0.5), Normal(0.0, 1.0)
weight = q.log_prob(z).exp() * strip.dz  # q(z) dz: sums to 1 over the grid
log_joint = strip.log_likelihood_nats(x, z) + prior.log_prob(z)  # log p(x|z) p(z)
log_ratio = log_joint - q.log_prob(z)
reconstruction = (weight * strip.log_likelihood_nats(x, z)).sum()
print(f"(1) log of the area             {(log_joint.exp().sum() * strip.dz).log():.4f}")
print(f"(2) log of the mean of ratios   {(weight * log_ratio.exp()).sum().log():.4f}")
print(f"(3) mean of the log ratios      {(weight * log_ratio).sum():.4f}")
print(f"(4) {reconstruction:.4f} - {kl_divergence(q, prior):.4f}            ", end=" ")
print(f"{reconstruction - kl_divergence(q, prior):.4f}")

# %% [markdown]
# Lines 1 and 2 are log p(x), lines 3 and 4 the **evidence lower bound**, the ELBO. Its first term
# asks that the image be probable under codes drawn from q: the *reconstruction*. Its second is what
# q costs: how far it is from the prior.
#
# Jensen says *that* something is lost. The second way says *what*.
#
# **The second way: log p minus KL.** Bayes' rule holds at every single z: p(x) = p(x|z) p(z) / p(z|x).
# So the following difference is the same number wherever it is taken:
#
# $$\log p(x) = \log p(x|z)\,p(z) - \log p(z|x) \qquad \text{for every } z$$

# %%
log_posterior = strip.posterior(x).log()
near = (z > -1.5) & (z < 2)
figure, ax = plt.subplots(figsize=(6, 2.8), layout="tight")
ax.plot(z[near], log_joint[near], label="log p(x|z) p(z)")
ax.plot(z[near], log_posterior[near], label="log p(z|x)")
ax.plot(z[near], (log_joint - log_posterior)[near], color="#d62728", label="their difference")
ax.set(xlabel="z", ylabel="nats")
ax.legend();

# %% [markdown]
# The red line is flat, at log p(x). An average of a constant is the constant, so average over q, and
# subtract and add log q(z) on the way:
#
# $$\log p(x) \;=\; \underbrace{\mathbb{E}_q\!\left[\log \frac{p(x|z)\,p(z)}{q(z)}\right]}_{\text{the ELBO}}
#   \;+\; \underbrace{\mathbb{E}_q\!\left[\log \frac{q(z)}{p(z|x)}\right]}_{D_{\mathrm{KL}}(q\,\|\,p(z|x))}$$
#
# An *equation*. The gap is the KL divergence of q from the true posterior. It is never negative, so the
# ELBO is a bound; and it is 0 for q = p(z|x), so the bound can be reached.

# %% tags=["nbval-check-output"]
bound, gap = (weight * log_ratio).sum(), (weight * (q.log_prob(z) - log_posterior)).sum()
print(f"bound {bound:.4f} + gap {gap:.4f} = {bound + gap:.4f}")
print(f"log p(x)                  = {strip.log_evidence_nats(x):.4f}")
own = strip.posterior(x) * strip.dz  # now q is the posterior itself
print(f"bound with q = p(z|x):      {(own * (log_joint - log_posterior)).sum():.4f}")

# %% [markdown]
# Both ways in one picture, in costs. The bound adds up from above: decoder term and KL to the
# prior. The truth is shorter, by the KL to the posterior.

# %%
from tutorial_lib.notebook import diagrams

true_cost = -(log_joint.exp().sum() * strip.dz).log()
diagrams.elbo_bars(-reconstruction, kl_divergence(q, prior), true_cost)

# %% [markdown]
# ### Move it yourself
#
# Two sliders, for the mean and the width of q. The image has bright pixels in *two* places, so the
# posterior has two humps. Try to close the red gap.

# %%
from tutorial_lib.notebook.widgets import bound_explorer

two_places = torch.tensor([0, 0, 1, 0, 0, 0, 1, 0, 0])
bound_explorer(strip, two_places)

# %% [markdown]
# For readers without a kernel: the best that one Gaussian can do, for our image and for this one.

# %%
from tutorial_lib.notebook.widgets import draw_bound

for image in (x, two_places):
    draw_bound(strip, image, *strip.best_gaussian(image))

# %% [markdown]
# With one hump a Gaussian is nearly the posterior, and the gap is nearly closed. With two, it sits
# down on one of them, since probability mass in the valley between would cost dearly, and keeps a gap
# that no slider can close. That gap is the price of insisting on a Gaussian.
#
# > **From the reading notes.** A VAE is an autoencoder "whose latent space is a multivariate
# > Gaussian". Is it?
# >
# > The Gaussian is the usual choice, and not the definition. What makes a VAE is the pair: a prior
# > over codes, and an encoder that answers with a distribution, trained by the bound. The two-humped
# > posterior above is no Gaussian, and lines 1 to 4 asked only that q is nowhere 0 where the
# > posterior is not. With a categorical prior
# > over K codes and a categorical q the same lines hold; that is the VQ-VAE. The next cell writes the
# > bound for three codes on our strip.

# %% tags=["nbval-check-output"]
from tutorial_lib.codes import categorical_kl

three_codes = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)  # the only places there are
uniform = torch.full((3,), 1 / 3, dtype=torch.float64)
log_p = strip.log_likelihood_nats(x, three_codes)  # log p(x|z), three numbers
evidence = torch.logsumexp(log_p + uniform.log(), dim=0)
for name, q3 in {
    "unsure ": torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64),
    "one-hot": torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64),
    "exact  ": (log_p + uniform.log()).softmax(dim=0),
}.items():
    lower = (q3 * log_p).sum() - categorical_kl(q3, uniform)
    print(f"{name} q: bound {lower:.4f}, log p(x) {evidence:.4f}")

# %% [markdown]
# ## 4 · What a Gaussian costs
#
# The second term, for a Gaussian q and the prior N(0, 1), has a closed form. On one axis:
#
# $$D_{\mathrm{KL}} = \tfrac12\,(\mu^2 + \sigma^2 - 1 - \log \sigma^2)$$
#
# ### Exercise 9.2

# %%
ch09.gaussian_kl.card()


# %%
def gaussian_kl(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL(q || p) for q = N(mean, variance), its D axes independent, and p = N(0, 1) on each axis.

    On one axis it is (mean**2 + variance - 1 - log variance) / 2, and independent axes add up.

    mean, log_variance  (B, D); log_variance is the natural logarithm of the variance
    returns             (B,): nats per image

    By hand: mean [1, 0] and log_variance [0, log 4] give (1 + 1 - 1 - 0) / 2 = 0.5 for the first
             axis and (0 + 4 - 1 - 1.386) / 2 = 0.807 for the second: 1.307
    """
    ____


gaussian_kl = ch09.gaussian_kl.check(gaussian_kl)

# %% [markdown]
# What does the formula save? One could also draw codes from q and average log q(z) - log p(z).

# %%
torch.manual_seed(0)
mean, std = torch.tensor(0.5), torch.tensor(0.4)
wide_normal = Normal(mean, std)
closed = gaussian_kl(mean.view(1, 1), 2 * std.log().view(1, 1)).item()
figure, ax = plt.subplots(figsize=(6, 2.8), layout="tight")
for _ in range(5):
    drawn = wide_normal.sample((settings.n_draws,))
    ratios = wide_normal.log_prob(drawn) - prior.log_prob(drawn)
    steps = torch.arange(1, settings.n_draws + 1)
    ax.semilogx(steps, ratios.cumsum(dim=0) / steps, color="#3b76af", lw=0.8)
ax.axhline(closed, color="#d62728", label="closed form")
ax.set(xlabel="draws", ylabel="KL (nats)", title=f"one draw scatters by {ratios.std():.2f} nats")
ax.legend();

# %% [markdown]
# Five runs of draws all end at the closed form, and all take hundreds of draws to get near it. A VAE
# makes do with *one* draw for each image, so every term that can be had exactly is worth having.
#
# ## 5 · The gradient of a draw
#
# The other term, E_q[log p(x|z)], has no closed form when a network stands behind p(x|z). So draw a
# z from q. But q has parameters, the mean and the variance that the encoder gives, and they should
# learn. What is the derivative of a *random draw*?
#
# ### Exercise 9.3

# %%
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
# Is it right? On the strip the truth is available: E_q[log p(x|z)] as a sum over the grid, a little
# to the right, a little to the left. Three ways to estimate its derivative with respect to the mean
# of q, from single draws:
#
# - **through the noise**: differentiate log p(x|z) at z = mean + σ · noise;
# - **the score function**: log p(x|z) · ∂ log q(z) / ∂mean, which needs no derivative of the decoder;
# - **a plain draw**, as `q.sample()` gives it.

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
plain = Normal(mean, 0.4).sample()
print(f"true derivative       {truth:6.3f}")
for name, each in {"through the noise": through_noise, "score function": score}.items():
    print(f"{name:20} {each.mean():7.3f} on average, one draw scatters by {each.std():.2f}")
print(f"{'a plain draw':20} has a gradient: {plain.requires_grad}")

# %%
figure, ax = plt.subplots(figsize=(6, 2.6), layout="tight")
edges = torch.linspace(-60, 60, 81).tolist()
options = {"bins": edges, "density": True, "alpha": 0.6}
ax.hist(score, color="#e6a04c", label="score function", **options)
ax.hist(through_noise[:, 0], color="#3b76af", label="through the noise", **options)
ax.axvline(truth, color="#d62728", label="true derivative")
ax.set(xlabel="estimate from one draw", ylabel="density")
ax.legend();

# %% [markdown]
# Both histograms are lopsided, and yet their means, as printed, are near the truth: both estimators
# are right on average. But one draw of the blue one is worth many of the orange one, which has tails
# far beyond its mean. And the plain draw has no gradient at all: an encoder trained through it would
# hear nothing of the images, only the KL term, which wants q to be the prior. This is
# **reparameterisation** (Kingma and Welling, section 2.4), and it asks one thing: that the code move
# *smoothly* with the parameters. Remember that when codes become whole numbers.
#
# ## 6 · A Gaussian VAE
#
# Put the pieces together. Two terms, several draws.

# %%
diagrams.gaussian_vae(shipped, held_out.levels[7].long())

# %% [markdown]
# ### Exercise 9.4

# %%
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
# The library's model, `GaussianVAE`, has the encoder and the decoder of section 1; the encoder has
# four outputs now instead of two, a mean and a log-variance for each number of the code. It returns
# both terms as costs, in nats per image.

# %%
from tutorial_lib.codes import GaussianVAE


def vae_step(model, levels):
    """One step of training: minus the ELBO, with one draw for each image."""
    terms = model(levels.long())
    decoder, kl = terms.decoder_nats.mean(), terms.kl_nats.mean()
    nats = decoder + kl
    return {"loss": nats / 256, "nats/image": nats, "decoder nats": decoder, "KL nats": kl}


torch.manual_seed(0)
vae = GaussianVAE(size=(16, 16), code_dim=2).to(device)
history = fit(vae, vae_step, (train,), how)

# %%
figure, ax = plt.subplots(figsize=(6, 2.8), layout="tight")
steps = [row["step"] for row in history.rows]
decoder = [row["decoder nats"] for row in history.rows]
kl = [row["KL nats"] for row in history.rows]
ax.stackplot(steps, decoder, kl, labels=["decoder term", "KL term"], colors=["#3b76af", "#e6a04c"])
ax.set(xlabel="step", ylabel="nats per image", ylim=(0, None))
ax.legend();

# %% [markdown]
# At first the code costs next to nothing, and says nothing. Then the model finds that a few nats
# spent on the code save many more in the decoder, and the orange band opens.
#
# Does the exercise agree with the library, and is the bound a bound? Two numbers are still few enough
# for a grid: here is log p(x) of held-out garments, by adding up a plane full of codes.

# %%
images = test[: settings.n_exact].long().to(device)
torch.manual_seed(0)
with torch.inference_mode():
    q_of_images = vae.encode(images)
    noise = torch.randn(16, *q_of_images.mean.shape, device=device)
    drawn = [reparameterize(*q_of_images, each) for each in noise]
    logits = torch.stack([vae.logits_given(images, code).diff(dim=1) for code in drawn]).flatten(2)
    elbos = elbo(logits, images.flatten(1), *q_of_images).cpu()
    library = torch.stack([vae(images, each).elbo_nats for each in noise]).mean(dim=0).cpu()
exacts = vae.log_evidence_nats(images, limit=5, n_points=settings.grid).cpu()
coarse = vae.log_evidence_nats(images, limit=5, n_points=settings.grid // 2).cpu()
print("as the library's:", torch.allclose(elbos, library, atol=1e-2))
print(f"bound {elbos.mean():.2f}, log p(x) {exacts.mean():.2f} nats per image, on average")
print(f"log p(x) with half as many codes along each axis: {coarse.mean():.2f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="tight")
left.plot([-120, 0], [-120, 0], color="#888888", lw=1)
left.scatter(exacts, elbos, s=6)
left.set(xlabel="log p(x), exact (nats)", ylabel="bound (nats)", xlim=(-120, 0), ylim=(-120, 0))
right.hist(exacts - elbos, bins=30, color="#d62728")
right.set(xlabel="gap (nats)", ylabel="images");

# %% [markdown]
# The grid is fine enough: half of it gives the same. And the bound lies below the line, garment for
# garment, by the KL between the encoder's Gaussian and the true posterior
# (plus what is left of the scatter of sixteen draws: an average of draws can lie above by a little,
# the expectation cannot).
#
# The code has a distribution now. So there is an answer to the question of section 1: which code to
# pick? Here are all of them.

# %%
side = 14
shares = (torch.arange(side) + 0.5) / side  # equal shares of the prior's mass along each axis
axis = Normal(0.0, 1.0).icdf(shares)
plane = torch.cartesian_prod(axis.flip(0), axis).flip(1)
with torch.inference_mode():
    logits = vae.logits_given(torch.zeros(side**2, 1, 16, 16).long().to(device), plane.to(device))
show_images(logits.softmax(dim=1)[:, 1].cpu(), n_columns=side);

# %% [markdown]
# Every picture stands for an equal share of the prior. To draw a garment, throw a dart. Neighbours
# look alike, and in these two dimensions there are hardly any holes: the KL term has pulled the
# encoder's Gaussians together until they fill the prior. (In 32 dimensions, as in the shipped
# model, holes are everywhere: a draw from the prior seldom lies where an encoder's Gaussian was.)
#
# ## 7 · A wrong way: a bound that is none
#
# Losses are often *averaged* over pixels. Then the decoder term is divided by 256, and if the KL is
# divided as well, nothing has happened. But often only one of the two is. So here are two careless
# "VAEs". One averages the KL over the pixels and sums the decoder term: its KL weighs 1/256. The
# other averages the decoder term and sums the KL: that is, but for a common factor, a KL that
# weighs 256. Both programs report what they minimise, as programs do.
#
# > **Predict.** Which of the two "ELBOs" will look better than ours? Will it be a bound? And what
# > will the other model do with its code?
# > <details><summary>A way to think about it</summary>What would you do with a code that costs next
# > to nothing? And with one that costs 256 times its price?</details>

# %%
from functools import partial


def weighted_step(model, levels, kl_weight):
    """The wrong one: what is reported is the ELBO for a weight of 1 alone."""
    terms = model(levels.long())
    reported = (terms.decoder_nats + kl_weight * terms.kl_nats).mean()
    return {"loss": reported / (256 * max(1, kl_weight)), "reported nats": reported}


weights = {"right": 1, "KL averaged": 1 / 256, "pixels averaged": 256}
careless = {"right": vae}
for name in ("KL averaged", "pixels averaged"):
    torch.manual_seed(0)
    careless[name] = GaussianVAE(size=(16, 16), code_dim=2).to(device)
    fit(careless[name], partial(weighted_step, kl_weight=weights[name]), (train,), how)

# %%
torch.manual_seed(0)
wide = {"limit": 10, "n_points": 2 * settings.grid - 1}
print(f"{'nats per image':16} reported   ELBO  log p(x)     KL")
for name, model in careless.items():
    with torch.inference_mode():
        decoder, kl = (term.mean().item() for term in model(images))
    exact_mean = model.log_evidence_nats(images, **wide).mean().item()
    reported = -decoder - weights[name] * kl
    print(f"{name:16} {reported:8.2f} {-decoder - kl:6.1f} {exact_mean:9.2f} {kl:6.2f}")

# %% [markdown]
# The second row reports the best number of the three, and its "bound" lies *above* the true
# log p(x), which no bound may. Its images are in truth less probable than ours. The code was nearly
# free, so the encoder bought a very exact one, far out where the prior hardly ever draws. The third
# row's code was so dear that the encoder bought none: KL 0, one and the same answer to every image.
# No error was raised, and both loss curves went down.
#
# The squared error hides the same choice. Summed over the pixels and divided by 2σ², it is -log of a
# Gaussian of standard deviation σ around the reconstruction, up to a constant. So whoever picks
# between sum and mean picks a σ:

# %% tags=["nbval-check-output"]
for name, factor in {"sum over 256 pixels": 1, "mean over 256 pixels": 1 / 256}.items():
    sigma = (1 / (2 * factor)) ** 0.5  # factor * error ** 2 = error ** 2 / (2 sigma ** 2)
    print(f"{name:21} of squared errors: each pixel has a standard deviation of {sigma:6.3f}")

# %% [markdown]
# For pixels from 0 to 1, the second of these claims that the reconstruction says next to nothing
# about the image, and no code is worth its price. The weight on the KL has a name, β, and there are
# reasons to choose it; but what is then reported must be the ELBO, with weight 1.
#
# ## 8 · The decoder that needs no code
#
# Our decoder takes every pixel to be independent of the others given z. So z has to carry all that
# pixels have in common. Chapters 03 and 04 built something far better: a PixelCNN, for which every
# pixel may depend on those before it. Let it be the decoder, with z as its context in every gate
# (equation 5 of the Gated PixelCNN paper). Encoder, prior and bound stay; epochs and learning rate
# change. Two of them: one sees a few pixels around, the other, with a first kernel of 31×31, all
# that has been drawn so far.

# %%
models = {"independent pixels": vae}
sizes = {
    "short-sighted PixelCNN": {"n_channels": 12, "n_layers": 2},
    "far-sighted PixelCNN": {"n_channels": 16, "n_layers": 3, "first_kernel_size": 31},
}
sizes["far-sighted PixelCNN"] |= {"coordinates": True, "n_frequencies": 2}  # it knows where it is
fast = FitConfig(epochs=settings.pixelcnn_epochs, batch_size=32, learning_rate=1e-2)
for name, pixelcnn in sizes.items():
    torch.manual_seed(0)
    models[name] = GaussianVAE(size=(16, 16), code_dim=2, pixelcnn=pixelcnn).to(device)
    fit(models[name], vae_step, (train,), fast)

# %% [markdown]
# > **Predict.** The total will get better, PixelCNN is strong. What will become of the KL term?
# > <details><summary>A way to think about it</summary>A nat spent on the code must save more than a
# > nat in the decoder. What is left to save?</details>
#
# And how much does the code still *say*? The KL is what it costs; a code can be costly and say
# nothing. What it says about the image is its information: how much more probable a drawn code is
# under its own image's posterior than under the average posterior.
#
# $$I = \mathbb{E}\left[\log q(z|x) - \log q(z)\right], \qquad q(z) = \tfrac1N \sum_j q(z|x_j)$$
#
# ### Exercise 9.5

# %%
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
from tutorial_lib.training import evaluate


def code_information(model, images):
    """Draw a code for each image, and measure how well it tells them apart: nats."""
    with torch.inference_mode():
        q = model.encode(images.long().to(device))
        code = reparameterize(*q, torch.randn_like(q.mean))
        log_q = Normal(q.mean, (q.log_variance / 2).exp()).log_prob(code[:, None]).sum(dim=2)
    return information(log_q.double().cpu()).item()


torch.manual_seed(0)
bill = {}
for name, model in models.items():
    means = evaluate(model, vae_step, (test,))
    bill[name] = (means["decoder nats"], means["KL nats"])
    said = code_information(model, test)
    print(f"{name:22} total {means['nats/image']:5.2f} = decoder {bill[name][0]:5.2f}", end=" ")
    print(f"+ KL {bill[name][1]:4.2f} nats per image; the code says {said:4.2f} nats")

# %%
figure, ax = plt.subplots(figsize=(7, 1.9), layout="tight")
for name, (decoder, kl) in reversed(bill.items()):
    ax.barh(name, decoder, color="#3b76af")
    ax.barh(name, kl, left=decoder, color="#e6a04c")
    ax.text(decoder + kl, name, f"  KL {kl:.2f}", va="center")
ax.set(
    xlabel="nats per image: decoder term, then KL",
    xlim=(0, max(60, 1.15 * max(map(sum, bill.values())))),
)
ax.grid(axis="y", visible=False)

# %% [markdown]
# The further the decoder sees, the better the total, and the emptier the code. What the
# short-sighted one keeps in the code is what it cannot see. With the far-sighted one the orange end
# of the bar is all but gone: q(z|x) is nearly the prior for every image. This is **posterior
# collapse**. (On average the KL is at least what the code says: it also pays for the distance of
# the average posterior from the prior.) What the collapse does to pictures: encode a garment, and
# decode from its code.

# %%
shown = test[:8].long().to(device)
torch.manual_seed(0)
rows = [shown.cpu()]
for model in models.values():
    with torch.inference_mode():
        code = model.encode(shown).mean
    noise = torch.Generator().manual_seed(0)
    rows.append(model.sample(8, code=code, pixels="sample", generator=noise).cpu())
names = ["held out", *(name.replace(" ", "\n") for name in models)]
show_images(torch.cat(rows), n_levels=2, n_columns=8, row_labels=names);

# %% [markdown]
# The second row keeps the outline of each garment, under the noise of pixels that were drawn one by
# one. The last row has clean, solid shapes, and other ones: the decoder does not listen.
#
# Did the training go astray? Try the same network with a code that is made cheap: β = 0.1 while it
# is trained, and then judged by the ELBO, with weight 1.

# %%
torch.manual_seed(0)
far = {"as it is": models["far-sighted PixelCNN"]}
far["made to speak"] = GaussianVAE(
    size=(16, 16), code_dim=2, pixelcnn=sizes["far-sighted PixelCNN"]
).to(device)
fit(far["made to speak"], partial(weighted_step, kl_weight=0.1), (train,), fast)
torch.manual_seed(0)
for name, model in far.items():
    means = evaluate(model, vae_step, (test,))
    print(f"{name:14} decoder {means['decoder nats']:5.2f} + KL {means['KL nats']:4.2f}", end=" ")
    print(f"= {means['nats/image']:5.2f} nats per image; says {code_information(model, test):.2f}")

# %% [markdown]
# It can be made to speak. The code then saves the decoder many nats, and costs more than it saves:
# the total gets *worse*. Silence is what the bound asks for.
#
# > **From the reading notes.** The ELBO bounds "the quality of the reconstruction", "so we maximize
# > it to improve the reconstruction". Does that follow?
# >
# > Not here. Of these two, the one with the better bound reconstructs worse: its decoder term is the
# > larger one, as printed above. What is maximised is the sum of two terms, and it pays for a
# > reconstruction only where that saves more than its code costs.
#
# **In words.** The training of the last model did exactly what it was asked to. It reached the best
# bound of the three. So what went wrong? <details><summary>An answer</summary>Nothing went wrong with
# the bound; something is wrong with our wish. We wanted a *code*, a short description of the image that
# something else can use, and never said so. The ELBO asks only for probability. By section 3, the bound is
# log p(x) − KL(q‖p(z|x)). A PixelCNN reaches a good p(x) without z, and if z is ignored, the true
# posterior is the prior: q = p(z) then closes the gap entirely and costs nothing. Any use of z has to
# save more nats in the decoder than it costs in KL. Most of what z could tell, the PixelCNN also
# learns from the pixels it has seen, for nothing; and the encoder's q is never exactly the
# true posterior, so a code that speaks always leaves a gap. The cell above has measured both sides
# of that bill.</details>
#
# ## 9 · What discrete codes do about it
#
# The Gaussian posterior had a way out: move to the prior, and the KL is 0. Take the way out away. Let
# q(z|x) put *all* its mass on one of K codes (equation 1 of the VQ-VAE paper) and let the prior be
# uniform. Fade the image out: `amount` multiplies everything that the encoder says, from 1 (it
# speaks) to 0 (it says the same for every image).

# %%
from tutorial_lib.codes import kl_to_uniform

amount = torch.linspace(0, 1, 41)
loud = torch.tensor([[2.0, -1.0]])  # what an encoder might say of an image
gaussian = gaussian_kl(amount[:, None] * loud, amount[:, None] * torch.tensor([[-4.0, -3.0]]))
codebook = torch.tensor([[2.0, -1.0], [0.1, 0.2], [-1.0, 1.0], [0.5, -2.0]])  # K = 4
nearest = torch.cdist(amount[:, None] * loud, codebook).argmin(dim=1)
discrete = kl_to_uniform(F.one_hot(nearest, 4).float())
figure, ax = plt.subplots(figsize=(6, 2.6), layout="tight")
ax.plot(amount, gaussian, label="Gaussian posterior")
ax.plot(amount, discrete, label="one of K = 4 codes")
ax.set(xlabel="how much the encoder says", ylabel="KL to the prior (nats)", ylim=(0, None))
ax.legend()
print(f"codes chosen on the way: {nearest.unique_consecutive().tolist()}, log 4 =", end=" ")
print(f"{discrete[0]:.3f} nats each time");

# %% [markdown]
# A silent Gaussian is free; that is what the collapse runs down to. A code from a codebook costs log K
# whether it says something or not. The bound has nothing to gain from emptying it. Since it has been
# paid for, it may as well be used.
#
# (This takes away the *reward* for silence. Does it also keep a strong decoder from ignoring the
# codes? The paper's abstract claims so: no collapse, although the decoder is a powerful
# autoregressive one. This page does not test it. In our own VQ-VAEs the decoder's pixels are
# independent given z, and a PixelCNN learns the *codes* afterwards, with the encoder frozen. Then
# the log K turns into something smaller, too.)
#
# Three things remain to be built. A code that is a whole number, and no draw that moves smoothly with
# anything: how does a gradient pass? That is chapter 10. The constant log K, and what becomes of it:
# chapter 11. And the PixelCNN over codes: chapter 13.

# %%
ch09.progress()

# %% [markdown]
# ## What you have
#
# | paper | what it says | here | in the library |
# |---|---|---|---|
# | Auto-Encoding Variational Bayes, sec. 2.2, eqs. 1, 2 | log p(x) = bound + KL(q ‖ posterior) | section 3 | `one_latent.OneLatentModel` |
# | Auto-Encoding Variational Bayes, eq. 3 | bound = reconstruction − KL(q ‖ prior) | sections 3, 6 | `bounds.elbo_nats`, `vae.GaussianVAE` |
# | Auto-Encoding Variational Bayes, sec. 2.4 | reparameterisation | section 5 | `gaussian_posterior.reparameterize` |
# | Auto-Encoding Variational Bayes, app. B | the KL of two Gaussians | section 4 | `bounds.gaussian_kl` |
# | VQ-VAE sec. 1, 2 | posterior collapse under a strong decoder | section 8 | `GaussianVAE(pixelcnn=...)`, `gaussian_posterior.information_nats` |
# | VQ-VAE sec. 3.1 | a VAE with a categorical posterior; KL constant | sections 3, 9 | `bounds.kl_to_uniform` |
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
