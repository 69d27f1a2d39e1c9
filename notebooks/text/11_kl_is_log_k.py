# %% [markdown]
# # 11 · KL is log K: what the codes cost
#
# [← 10 · The codebook](10_the_codebook_quantizer.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [12 · Training a VQ-VAE →](12_training_a_vqvae.ipynb) · [Live: The bound](https://from-pixels-to-codes.github.io/from-pixels-to-codes/live/bound.html) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/11_kl_is_log_k.ipynb)
#
# A VQ-VAE leaves one term out of its loss, because it is a constant. The term is still a cost: the
# decoder is told the codes, and they have to be sent. This chapter follows that cost from one code
# to the length of a real file.
#
# **By the end you will have**
#
# - derived $\log K$ with care for $0 \log 0$, and told apart why it is constant and why no gradient
#   comes from it;
# - compared the bound of the paper's section 3.2 with the true $\log p(x)$, by summing over every
#   field of codes;
# - compressed a garment into a file as long as the bound says, and put VAE, VQ-VAE and PixelCNN into
#   one table.
#
# **You need** chapters 01 (nats, bits/dim, entropy), 05 (a PixelCNN that is told the class), 07 (the
# class summed out), 09 (the ELBO) and 10 (the codebook).
#
# **Time** about two and a half hours: an hour and a half of reading, an hour for the exercises.
# Running everything takes two or three minutes on a laptop.

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
from tutorial_lib.exercises import ch11


@dataclass
class Settings:
    n_train: int  # images whose codes the simple priors are counted on
    n_test: int  # held-out images whose codes are scored
    n_patches: int  # of the tiny world
    tiny_steps: int
    n_places: int  # at which all other codes are tried
    n_file: int  # images whose codes go into one file
    n_bill: int  # held-out images in the table at the end


settings = profiles.choose(
    smoke=Settings(512, 20, 500, 40, 1, 2, 8),
    laptop=Settings(9000, 500, 4000, 400, 7, 20, 300),
    gpu=Settings(9000, 2000, 4000, 400, 7, 20, 2000),
)
settings

# %%
import math

import matplotlib.pyplot as plt
import torch

from tutorial_lib import data
from tutorial_lib.notebook import show_images, show_index_map
from tutorial_lib.recipes import load_pretrained

device = profiles.device()
garments = data.load("fashion-mnist-sample")
shipped = load_pretrained("two-stage-fashion-mnist").to(device)
test = garments.test.subset(settings.n_test)
some, labels = test.levels[:6].long().to(device), test.labels[:6].to(device)
with torch.inference_mode():
    codes = shipped.vqvae.encode_indices(some)  # (6, 7, 7), each 0 .. 127
    log_p = shipped.prior(codes[:, None], label=labels).log_softmax(dim=1)[:, :, 0]
    costs = -log_p.gather(1, codes[:, None])[:, 0].cpu() / math.log(2)  # bits
figure, axes = plt.subplots(3, 6, figsize=(7, 3.9), layout="constrained")
for i, (top, middle, bottom) in enumerate(axes.T):
    show_images(some[i : i + 1], n_levels=256, ax=top)
    show_index_map(codes[i], 128, ax=middle)
    picture = bottom.imshow(costs[i], cmap="viridis", vmin=0, vmax=14)
    bottom.set(xticks=[], yticks=[], xlabel=f"{costs[i].sum():.0f} bits")
    bottom.grid(False)
figure.colorbar(picture, ax=axes, label="bits");

# %% [markdown]
# The rows show six held-out garments, the 7×7 codes that a trained VQ-VAE gives them, and what each
# code costs in bits, for a reader who knows the class and the codes before it. A dark code was
# expected, a bright one was not. Without a learned prior, each code would cost $\log_2 128 = 7$
# bits, 343 in all. That number comes first.
#
# ## 1 · The line at which the notes stop
#
# The boxes of this chapter answer a student's reading notes on the papers.
#
# > **From the reading notes.** The notes take the definition
# > $D_{\mathrm{KL}}(P\|Q) = -\sum_x P(x) \log \frac{Q(x)}{P(x)}$, observe that "P(k) = 1 and
# > P(j) = 0 for j ≠ k", write "becomes", and stop. What does it become?
# >
# > $P$ is the posterior $q(z|x)$, all of it on the chosen code $k$. $Q$ is the prior, $1/K$ for every
# > code. Split the sum into the term of $k$ and all others:
# >
# > $$D_{\mathrm{KL}} = -\,1 \cdot \log \frac{1/K}{1} \;-\;
# >   \sum_{j \neq k} 0 \cdot \log \frac{1/K}{0} \;=\; -\log \frac{1}{K} \;-\; 0 \;=\; \log K$$
# >
# > Each of the other terms is 0 times infinity. Here that is a limit: $t \log t$ goes to 0 with $t$.
# > The next cells show the trap and the limit.

# %% tags=["nbval-check-output"]
K = 4
P = torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64)  # code 2 is chosen
Q = torch.full((K,), 1 / K, dtype=torch.float64)
terms = -P * (Q / P).log()  # as the definition is written
print("terms:", terms.tolist())
print("sum:  ", terms.sum().item())

# %% jupyter={"source_hidden": true}
t = torch.logspace(-8, 0, 200, dtype=torch.float64)
figure, ax = plt.subplots(figsize=(5, 2.2), layout="tight")
ax.semilogx(t, t * (t / (1 / K)).log())
ax.axhline(0, color="#888888", lw=1)
ax.set(xlabel="P(j) = t", ylabel="term (nats)", title="what one code adds: t log(t / (1/K))");

# %% [markdown]
# The computer gets 0 times infinity, which is not a number, and one such term spoils the sum. Read
# the curve from the right. At $t = 1$ the term is $\log K$. It is 0 at $t = 1/K$, falls below 0,
# and comes back to 0 as $t$ goes to 0. So the term of a code with $P = 0$ is 0.
#
# **The KL divergence becomes $\log K$**, whichever code $k$ is chosen. PyTorch's own distributions
# agree:

# %% tags=["nbval-check-output"]
from torch.distributions import Categorical, kl_divergence

for n_codes in (2, 4, 128, 512):
    every_code = torch.eye(n_codes, dtype=torch.float64)  # row k: all mass on code k
    uniform = torch.full((n_codes,), 1 / n_codes, dtype=torch.float64)
    kl = kl_divergence(Categorical(every_code), Categorical(uniform))
    same = torch.allclose(kl, torch.full_like(kl, math.log(n_codes)))
    print(f"K = {n_codes:3}: {kl[0]:.4f} nats = {math.log2(n_codes):.0f} bits, for every k: {same}")

# %% [markdown]
# ### Exercise 11.1
#
# Now any two categoricals, zeros included. From here on $q$ is the first of the two and $p$ the
# second, as in the ELBO: $q(z|x)$ against $p(z)$.

# %% jupyter={"source_hidden": true} cellView="form"
ch11.categorical_kl.card()


# %%
def categorical_kl(q: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """KL(q || p) over the last axis, in nats. A probability may be exactly 0.

    q, p     (B, K), rows that sum to 1
    returns  (B,). What q never does costs nothing, whatever p says of it; what q does and p
             never does costs infinitely much

    By hand: q = [0, 1] and p = [1/4, 3/4] give 0 + 1 * log(1 / (3/4)) = 0.288
             q = [1/2, 1/2] and p = [1, 0] give 1/2 * log(1/2) + inf = inf
    """
    ____


categorical_kl = ch11.categorical_kl.check(categorical_kl)

# %% [markdown]
# A zero of $q$ is harmless. A zero of $p$ where $q$ is above 0 costs infinitely much: a code is used
# although the prior says that it cannot occur.
#
# ## 2 · Constant value, and no path
#
# For any $q$, the KL to the uniform prior is $\sum_k q_k \log q_k + \log K$, that is
#
# $$D_{\mathrm{KL}}(q\,\|\,\text{uniform}) = \log K - H(q)$$
#
# with $H$ the entropy (chapter 01). Put four codes on a line, and let the encoder's output move
# from left to right. Equation 1 gives all mass to the nearest code. Compare soft choices, with $q$
# in proportion to $\exp(-\text{distance}^2/\tau)$: the larger $\tau$, the softer.
#
# > **Predict.** Draw the KL to the uniform prior against the encoder's output, for a hard $q$ and for
# > a soft one.
# >
# > <details><summary>A way to think about it</summary>
# >
# > Where is a soft $q$ least sure? There its entropy is highest.
# >
# > </details>

# %%
from torch.nn import functional as F

from tutorial_lib.codes import kl_to_uniform

places = torch.tensor([-2.0, -0.5, 1.0, 2.0])


def posterior(z, tau):
    """q(code | z): equation 1 for tau = 0, a softmax over the distances otherwise. (n, 4)"""
    distances = (z[:, None] - places).square()
    if tau == 0:
        return F.one_hot(distances.argmin(dim=1), 4).float()
    return (-distances / tau).softmax(dim=1)


figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.4), layout="tight")
for tau in (0, 0.3, 1, 3):
    z = torch.linspace(-3, 3, 241, requires_grad=True)
    kl = kl_to_uniform(posterior(z, tau))
    gradient = torch.autograd.grad(kl.sum(), z)[0] if kl.requires_grad else torch.zeros(241)
    left.plot(z.detach(), kl.detach(), label=f"τ = {tau}" if tau else "eq. 1")
    right.plot(z.detach(), gradient)
left.set(xlabel="encoder output", ylabel="KL to uniform (nats)", ylim=(0, 1.6))
right.set(xlabel="encoder output", ylabel="its gradient")
left.legend(fontsize=7);

# %% [markdown]
# A soft $q$ is unsure between codes. Its KL changes with the encoder's output, and gradient descent
# would move that output to where $q$ is least sure. The hard $q$ is never unsure: its KL is the
# flat line at $\log 4$.
#
# > **From the reading notes.** "The distribution q(z = k|x) is deterministic because it is
# > generated by a VAE encoder." Is that the reason?
# >
# > No. The reason is equation 1, which puts all mass on the nearest code. The encoder of a Gaussian
# > VAE gives a distribution too, and the same image gets another $z$ with each draw:

# %%
from tutorial_lib.codes import reparameterize

torch.manual_seed(0)
z_e = torch.full((6,), 0.4)  # six draws for one encoder output
gaussian = reparameterize(z_e[:, None], torch.zeros(6, 1), torch.randn(6, 1))[:, 0]
print("a Gaussian VAE:       z =", [f"{each:.2f}" for each in gaussian.tolist()])
print("a soft choice, τ = 1: z =", Categorical(posterior(z_e, 1)).sample().tolist())
print("equation 1:           z =", Categorical(posterior(z_e, 0)).sample().tolist())

# %% [markdown]
# Two facts are often mixed up. The first is about the **value**. For a one-hot $q$ at $k$ and *any*
# prior, the KL has one term:
#
# $$D_{\mathrm{KL}}(q \,\|\, p) \;=\; 1 \cdot \log\frac{1}{p(k)} \;=\; -\log p(k)$$
#
# $-\log p(k)$ is called the **rate** of the code. It is $\log K$ for every $k$ only if the prior is
# uniform.

# %% tags=["nbval-check-output"]
skewed = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8], dtype=torch.float64)
every_code = torch.eye(4, dtype=torch.float64)  # row k: all mass on code k
for name, p in {"uniform": torch.full((4,), 1 / 4, dtype=torch.float64), "skewed": skewed}.items():
    bits = categorical_kl(every_code, p.expand(4, 4)) / math.log(2)
    print(f"{name:8} prior: the codes cost {bits.tolist()} bits")

# %% [markdown]
# The second is about the **gradient**. The code is an argmin, and an argmin passes no gradient. So
# the encoder gets none from the rate under *any* fixed prior, even where the value of the rate
# varies. To see it, add the rate of all codes to the loss of a VQ-VAE (eq. 3), and compare every
# gradient.

# %% tags=["nbval-check-output"]
from tutorial_lib.codes import VQVAE


def gradients_of(prior):
    """The loss plus the rate under p(z) = prior, and the gradients of all weights."""
    torch.manual_seed(0)
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=8, code_dim=4, n_channels=8)
    out = vqvae(torch.randint(2, (4, 1, 12, 16)))
    rate = -prior.log()[out.quantized.indices].sum()  # (4, 3, 4): twelve codes an image
    (out.loss + rate).backward()
    return (out.loss + rate).item(), [w.grad for w in vqvae.parameters()]


alone, without = gradients_of(torch.ones(8))  # log 1 = 0: no rate
for name, prior in {"uniform": torch.ones(8) / 8, "skewed": torch.arange(1, 9) / 36}.items():
    together, with_it = gradients_of(prior)
    same = sum(torch.equal(a, b) for a, b in zip(without, with_it, strict=True))
    grown = f"grows by {together - alone:.1f} nats" if name == "uniform" else "changes"
    print(f"{name:8} prior: the loss {grown}, {same} of {len(without)} gradients stay the same")
print(f"48 log 8 = {48 * math.log(8):.1f} nats")

# %% [markdown]
# With a uniform prior, the rate is constant. With a skewed one it is not, and still no gradient
# changes: there is no path. So equation 3 has no KL term. Section 3.2 of the paper says that the
# term is constant for the encoder and can be ignored *for training*. It has not left the bound.
#
# ## 3 · N codes
#
# > **From the reading notes.** The bottleneck "maps an arbitrary input to one of K vectors". Can K
# > vectors be enough for all garments?
# >
# > No. An image gets one of $K$ codes *at each position* of a field. With $N$ positions, it is mapped
# > to one of $K^N$ fields. Here are all of them for $K = 3$ and $N = 2$:

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import bits_per_dim, enumerate_images

fields = enumerate_images(1, 2, n_levels=3)[:, 0]  # (9, 1, 2): every field of two codes
print([tuple(field) for field in fields.flatten(1).tolist()])
first, second = torch.eye(3, dtype=torch.float64)[[2, 0]]  # the encoder chose 2, then 0
joint = torch.outer(first, second).flatten()  # q of the whole field, over all nine
kl = kl_to_uniform(joint)
print(f"KL over the nine fields: {kl.item():.4f} = log 9 = 2 log 3 = {2 * math.log(3):.4f} nats")

# %% [markdown]
# The posterior over *fields* is one-hot again, among $K^N$. Its KL to the uniform prior is
# $\log K^N =$ **$N \log K$**. This is the number to quote: $\log K$ is the cost of one code.
#
# ### Exercise 11.2

# %% jupyter={"source_hidden": true} cellView="form"
ch11.latent_rate.card()


# %%
def latent_rate(latent_shape: tuple[int, ...], n_codes: int, n_dims: int) -> tuple[float, float]:
    """What a field of codes costs if all K codes are equally likely at every position.

    latent_shape  of the field of indices: (length,), (height, width) or (time, height, width)
    n_codes       K
    n_dims        D, the sub-pixels of the image, or the samples of the sound, that they stand for
    returns       two numbers: nats per image, and bits per dimension *of the image*

    By hand: a 2x2 field of K = 16 codes for an image of D = 32 pixels is 4 * log 16 = 11.09 nats,
             which is 4 * 4 = 16 bits for 32 pixels: 0.5 bits/dim
    """
    ____


latent_rate = ch11.latent_rate.check(latent_rate)

# %% [markdown]
# An image of 28×28 pixels in 256 levels costs 8 bits/dim as it is. Compare a code for every pixel,
# for every 2×2 pixels, and for every 4×4.
#
# > **Predict.** With a code for every pixel, at which $K$ do the codes cost as much as the raw image?
# >
# > <details><summary>A way to think about it</summary>
# >
# > The raw image names one of 256 levels for each pixel.
# >
# > </details>

# %%
codebook_sizes = torch.tensor([2**i for i in range(11)])
figure, ax = plt.subplots(figsize=(7, 2.5), layout="tight")
for side, pixels in {28: "every pixel", 14: "2×2 pixels", 7: "4×4 pixels"}.items():
    rates = [latent_rate((side, side), k, 784)[1] for k in codebook_sizes.tolist()]
    ax.plot(codebook_sizes, rates, marker="o", ms=3, label=f"a code for {pixels}")
nats, bits = latent_rate((7, 7), 128, 784)
ax.axhline(8, color="#d62728", lw=1, label="the raw image")
ax.plot(128, bits, "k*", ms=9, label=f"our VQ-VAE: {bits:.4f}")
ax.set(xscale="log", xticks=codebook_sizes[::2], xticklabels=codebook_sizes[::2].tolist())
ax.set(xlabel="codes K", ylabel="latent rate (bits/dim)")
ax.minorticks_off()
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1));

# %% [markdown]
# The blue line meets the red one at $K = 256$. Doubling $K$ adds one bit to each code. A field with
# twice as many codes along each side costs four times as much.
#
# ## 4 · The bound, and the sum behind it
#
# From here on $z$ is the whole field. Put a one-hot $q$ into the ELBO of chapter 09. The
# expectation has a single term, at $z = z_q(x)$, and the KL is $-\log p(z_q(x))$, which is
# $N \log K$ under the uniform prior:
#
# $$\log p(x) \;\ge\; \log p(x \mid z_q(x)) + \log p(z_q(x)) \qquad \text{(VQ-VAE paper, section 3.2)}$$
#
# The reason is short. $p(x) = \sum_z p(z)\, p(x|z)$ is a sum over all fields, and no term is
# negative. So one term is at most the sum.
#
# > **From the reading notes.** "The prior is the raw data, p(x|z)". Which is which?
# >
# > The **prior** is $p(z)$: how probable a field of codes is before any image was seen. $p(x|z)$ is
# > the decoder's **likelihood**, $q(z|x)$ the encoder's approximate **posterior**. The raw data are
# > draws from the world, which $p(x)$, the **evidence**, tries to match. This section computes all of
# > them for every image and every field of a tiny world.
#
# The world consists of 2×4 binary patches of garments. Each gets two codes, with $K = 3$. So there
# are 256 images and nine fields.

# %%
torch.manual_seed(1)
binary = (garments.train.levels > 127).long()
which = torch.randint(len(binary), (settings.n_patches,)).tolist()
rows = torch.randint(8, 19, (settings.n_patches,)).tolist()
columns = torch.randint(8, 17, (settings.n_patches,)).tolist()
corners = zip(which, rows, columns, strict=True)
patches = torch.stack([binary[i, :, r : r + 2, c : c + 4] for i, r, c in corners])
images = enumerate_images(2, 4)  # all 256, in counting order
# Each patch is eight binary digits, so it has a number: its place in `images`.
number = (patches.flatten(1) * 2 ** torch.arange(7, -1, -1)).sum(dim=1)
truth = torch.bincount(number, minlength=256).double() / len(patches)
likeliest = images[truth.argsort(descending=True)[:24]].float()
show_images(F.pad(likeliest, (1, 1, 1, 1), value=0.6), n_columns=12);

# %% [markdown]
# These are the most frequent patches, the all-white and the all-black one first. A VQ-VAE gives each
# patch one code for its left half and one for its right half. You need two functions: the bound, and
# the sum.
#
# ### Exercise 11.3

# %% jupyter={"source_hidden": true} cellView="form"
ch11.two_stage_bound.card()


# %%
def two_stage_bound(
    decoder_logits: torch.Tensor,
    levels: torch.Tensor,
    prior_logits: torch.Tensor,
    indices: torch.Tensor,
) -> torch.Tensor:
    """log p(x|z) + log p(z) at z = z_q(x): a lower bound on log p(x). [VQ-VAE, sec. 3.2]

    decoder_logits  (B, L, C, H, W), what the decoder says of every sub-pixel
    levels          (B, C, H, W) torch.long, the images
    prior_logits    (B, K, h, w), what the prior says of every code
    indices         (B, h, w) torch.long, the codes of the images
    returns         (B,), nats per image

    By hand: one pixel of level 1 with decoder logits [0, log 3], and one code, number 0, with prior
             logits [0, 0]: log(3/4) + log(1/2) = log(3/8) = -0.981
    """
    ____


two_stage_bound = ch11.two_stage_bound.check(two_stage_bound)

# %% [markdown]
# ### Exercise 11.4
#
# Now the sum over all fields.

# %% jupyter={"source_hidden": true} cellView="form"
ch11.exact_log_p.card()


# %%
def exact_log_p(log_prior: torch.Tensor, log_likelihood: torch.Tensor) -> torch.Tensor:
    """log p(x) = log sum_z p(z) p(x|z), over all fields of codes. No bound: the thing itself.

    log_prior       (F,): log p(z) of every field there is, in nats. A field may be impossible
    log_likelihood  (B, F): log p(x|z) of every image given every field; an image may cost thousands
    returns         (B,): log p(x), in nats

    By hand: two fields with p(z) = 1/4 and 3/4 and an image with p(x|z) = 1/2 and 1/6:
             log(1/8 + 1/8) = log(1/4) = -1.386
    """
    ____


exact_log_p = ch11.exact_log_p.check(exact_log_p)

# %%
from tutorial_lib.pixels import nll_nats


@torch.no_grad()
def log_likelihoods(vqvae):
    """log p(x|z) of every image (rows) given every field of codes (columns), in nats."""
    decoded = vqvae.decode_indices(fields)  # (9, 2, 1, 2, 4)
    columns = [-nll_nats(logits.expand(256, -1, -1, -1, -1), images) for logits in decoded]
    return torch.stack(columns, dim=1)


uniform_fields = torch.full((9,), -math.log(9), dtype=torch.float64)  # log p(z): N log K = log 9


@torch.no_grad()
def exact_and_bound(vqvae):
    """log p(x) and its bound for all 256 images, under the uniform prior."""
    indices = vqvae.encode_indices(images)
    prior_logits = torch.zeros(256, 3, 1, 2, dtype=torch.float64)  # uniform
    bound = two_stage_bound(vqvae.decode_indices(indices), images, prior_logits, indices)
    return exact_log_p(uniform_fields, log_likelihoods(vqvae)), bound


# %%
torch.manual_seed(0)
options = {"n_codes": 3, "code_dim": 2, "downsample": 2, "n_channels": 8, "n_blocks": 0}
tiny = VQVAE(in_channels=1, n_levels=2, **options).double()
optimizer = torch.optim.Adam(tiny.parameters(), lr=2e-2)
history = []
for step in range(settings.tiny_steps + 1):
    if step % 10 == 0:
        exact, bound = exact_and_bound(tiny.eval())
        history.append([step, -(truth @ exact).item(), -(truth @ bound).item()])
    out = tiny.train()(patches[torch.randint(len(patches), (64,))])
    optimizer.zero_grad()
    out.loss.backward()
    optimizer.step()
exact, bound = exact_and_bound(tiny.eval())
print(f"sum of p(x) over the 256 images: {exact.exp().sum().item():.9f}")
print(f"images whose bound is above log p(x): {(bound > exact + 1e-9).sum().item()}")
use = truth @ F.one_hot(tiny.encode_indices(images), 3).double().mean(dim=(1, 2))
print(f"how often each code is used: {', '.join(f'{share:.0%}' for share in use.tolist())}")

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.7), layout="tight")
steps, exact_costs, bound_costs = zip(*history, strict=True)
left.plot(steps, bound_costs, label="−bound")
left.plot(steps, exact_costs, label="−log p(x), exact")
entropy = -torch.xlogy(truth, truth).sum().item()
left.axhline(entropy, color="#888888", lw=1, label="entropy of the patches")
left.set(xlabel="step", ylabel="mean cost (nats per image)", ylim=(0, None))
left.legend(fontsize=7)
right.plot([-18, 0], [-18, 0], color="#888888", lw=1)
right.scatter(exact, bound, s=4 + 300 * truth, alpha=0.6)
right.set(xlabel="log p(x), exact (nats)", ylabel="bound (nats)");

# %% [markdown]
# Left: the bound's cost stays above the exact cost at every step, and both stay above the entropy,
# which no model can beat. Later both rise a little: training minimises equation 3, not the bound,
# and one code falls almost out of use (the shares are printed above). Right: every image of the
# tiny world, larger dots for frequent ones. None lies above the line. Some images lie far below it.
#
# ## 5 · How tight is it?
#
# Write the joint probability in two ways, $p(z)\,p(x|z) = p(x)\,p(z|x)$, take logarithms, and put
# $z_q(x)$ for $z$:
#
# $$\underbrace{\log p(x)}_{\text{exact}}
#     \;-\; \underbrace{[\log p(x \mid z_q) + \log p(z_q)]}_{\text{bound}}
#     \;=\; -\log p(z_q \mid x)$$
#
# This gap *is* chapter 09's gap, $D_{\mathrm{KL}}(q\,\|\,p(z|x))$, for a one-hot $q$: its only term is
# $1 \cdot \log \frac{1}{p(z_q|x)}$. Here $p(z|x)$ is the model's *true* posterior, by Bayes' rule over
# all nine fields. The gap is 0 if no other field can have made the image. The paper argues in
# section 3.2 that a decoder trained only with $z_q$ should end up like that, and writes $\approx$.
#
# ### Exercise 11.5
#
# Compute bound and gap for *any* $q$ over the fields. Then compare three: the encoder's one-hot
# choice, the true posterior, and one that says nothing.

# %% jupyter={"source_hidden": true} cellView="form"
ch11.bound_and_gap.card()


# %%
def bound_and_gap(
    q: torch.Tensor, log_prior: torch.Tensor, log_likelihood: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The ELBO of each image and how far it lies below log p(x), for codes that can be listed.

    q               (B, F): q(z|x) over all F fields, rows that sum to 1. A q may be exactly 0
    log_prior       (F,): log p(z) of every field, in nats. A field that q never takes may be
                    impossible
    log_likelihood  (B, F): log p(x|z) of every image given every field; an image may cost thousands
    returns         the bound E_q[log p(x|z)] - KL(q || p(z)), and the gap KL(q || p(z|x)): each
                    (B,), in nats. Their sum is log p(x)

    By hand: two fields, p(z) = [1/4, 3/4], p(x|z) = [1/2, 1/6] and q = [1, 0]. The bound is
             log(1/2) - log(4) = -2.079. The posterior is [1/2, 1/2], so the gap is log 2 = 0.693
    """
    ____


bound_and_gap = ch11.bound_and_gap.check(bound_and_gap)

# %%
log_p = log_likelihoods(tiny)
with torch.no_grad():  # the encoder's field for every image, as its number in the list of nine
    chosen = (tiny.encode_indices(images).flatten(1) * torch.tensor([3, 1])).sum(dim=1)
one_hot = F.one_hot(chosen, 9).double()
q_of = {"one-hot": one_hot, "true posterior": (log_p + uniform_fields).softmax(dim=1)}
q_of["says nothing"] = torch.full_like(one_hot, 1 / 9)
print("mean over the patches, in nats")
for name, q in q_of.items():
    lower, gap = bound_and_gap(q, uniform_fields, log_p)
    means = [round((truth @ each).item(), 3) + 0.0 for each in (lower, gap, lower + gap)]
    print("{:15} bound {:7.3f} + gap {:6.3f} = {:.3f}".format(name, *means))
lower, gap = bound_and_gap(one_hot, uniform_fields, log_p)
print("one-hot: the bound of exercise 11.3:", torch.allclose(lower, bound, atol=1e-6))

# %% [markdown]
# All three sums are $\log p(x)$. Two extreme cases show what the gap depends on:
#
# - **The decoder ignores $z$.** Then $p(x|z) = p(x)$, every field explains the image equally well,
#   and the gap is the whole rate, $N \log K$.
# - **The prior is sure.** If $p(z)$ puts all its mass on one field, and the encoder always chooses
#   it, the sum *has* one term. The gap is 0, and so is what the codes say.

# %%
import copy

deaf = copy.deepcopy(tiny)
with torch.no_grad():
    deaf.decoder[0].weight.zero_()  # the first layer of the decoder no longer looks at z
sure = torch.full((9,), -math.inf, dtype=torch.float64)
sure[4] = 0.0  # log 1: field number 4, (1, 1), and no other
cases = {"decoder ignores z": exact_and_bound(deaf), "trained": (exact, bound)}
cases["prior is sure"] = exact_log_p(sure, log_p), log_p[:, 4]  # an encoder that always says (1, 1)
figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="tight", sharex=True, sharey=True)
for ax, (name, (log_evidence, lower)) in zip(axes, cases.items(), strict=True):
    ax.plot([-18, 0], [-18, 0], color="#888888", lw=1)
    ax.scatter(log_evidence, lower, s=6, alpha=0.6)
    gap = truth @ (log_evidence - lower)
    ax.set(title=f"{name}\nmean gap {gap:.2f} nats", xlim=(-18, 0), ylim=(-18, 0))
    ax.set(xlabel="log p(x), exact (nats)")
axes[0].set_ylabel("bound (nats)");


# %% [markdown]
# Left: every dot lies $\log 9 \approx 2.20$ nats below the line. Right: every dot lies on the line,
# but the codes say nothing. Middle: the mean gap of the VQ-VAE is between the two. (Some of its
# images lie lower than on the left: their field explains them worse than the average field does.) A
# tight bound does not make a model good. It only means that the printed number is close to the true
# one.
#
# ### And the real model?
#
# Its $128^{49}$ fields cannot be listed, but a part of them can, and a part of the sum is a lower
# bound as well. Take one garment and its 49 codes. At one position on the diagonal, try all 128
# codes, keep the best, and go on to the next position. Under the uniform prior all fields cost the
# same, so only $p(x|z)$ is compared.

# %%
@torch.inference_mode()
def all_codes_at(trial, place, levels):
    """log p(x|z) for the 128 fields that differ from `trial` at one position at most: (128,)."""
    every = trial.repeat(128, 1, 1)
    every[:, place, place] = torch.arange(128, device=trial.device)
    return -nll_nats(shipped.vqvae.decode_indices(every), levels.expand(128, -1, -1, -1)).cpu()


trial, gained = codes[0].clone(), 0.0
print("position   by a better code   by the sum over all 128   (nats)")
for place in range(settings.n_places):
    log_given = all_codes_at(trial, place, some[0]).double()
    best, better_code = log_given.max(dim=0)
    better = (best - log_given[trial[place, place].item()]).item()
    alike = (log_given.logsumexp(dim=0) - best).item()
    print(f"({place}, {place})     {better:12.2f} {alike:22.2f}")
    trial[place, place], gained = better_code, gained + better
print(f"together, by better codes: {gained:.1f} nats = {bits_per_dim(gained, 784):.4f} bits/dim")

# %% [markdown]
# Right column: it is $\log n$ where $n$ codes do equally well. So other codes rarely do as well as
# the best one, except in the corners. Left column: the encoder's code was not the best. It is the
# one *nearest* to $z_e$, and equation 3 makes the nearest code good by gradient, not by search. The
# bound stays a bound, and a search for better codes tightens it without any training.
#
# ## 6 · A wrong way: the rate left out
#
# "The KL is a constant, so drop it" is right for training. Suppose somebody drops it from the *result*
# and reports $\log p(x \mid z_q(x))$ as the likelihood. Then there is a model that nobody can beat,
# without training. Take garments in 16 levels and a code for every pixel: $K$ cells of $16/K$
# neighbouring levels, and for each cell a table of how often each of its levels occurs.

# %%
grey = data.load("fashion-mnist-sample").with_n_levels(16)
level_counts = torch.bincount(grey.train.levels.flatten().long(), minlength=16).double()


def cell_tables(n_codes):
    """p(level | its code) and p(its code) for each of 16 levels, counted on training images."""
    code = torch.arange(16) * n_codes // 16
    in_cell = torch.zeros(n_codes, dtype=torch.float64).index_add_(0, code, level_counts)
    return level_counts / in_cell[code], in_cell[code] / level_counts.sum()


levels = grey.test.subset(settings.n_bill).levels.long()
sizes, decoder_alone, counted_rates = [1, 2, 4, 8, 16], [], []
for n_codes in sizes:
    given, share = cell_tables(n_codes)
    decoder_alone.append(-given.log2()[levels].mean().item())
    counted_rates.append(-share.log2()[levels].mean().item())

rival = load_pretrained("gated-fashion-mnist").to(device)  # chapter 05's, told the class
with torch.inference_mode():
    told = grey.test.labels[:32].to(device)
    nats = nll_nats(
        rival(levels[:32].to(device), label=told[: len(levels)]), levels[:32].to(device)
    )
rival_bits = bits_per_dim(nats.mean().item(), 784)

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="tight", sharey=True)
names = [str(n_codes) for n_codes in sizes]
left.bar(names, decoder_alone, color="#3b76af")
right.bar(names, decoder_alone, color="#3b76af", label="decoder term")
right.bar(names, torch.tensor(sizes).log2(), bottom=decoder_alone, color="#e6a04c", label="N log K")
with_counted = torch.tensor(decoder_alone) + torch.tensor(counted_rates)
right.plot(names, with_counted, "ko", ms=4, label="with counted p(z)")
for ax, title in ((left, "what was reported"), (right, "with the latent rate")):
    ax.axhline(rival_bits, color="#d62728", lw=1)
    ax.set(title=title, xlabel="codes K a pixel")
left.text(4.4, rival_bits + 0.1, "gated PixelCNN", color="#d62728", ha="right", fontsize=8)
left.set_ylabel("bits/dim")
right.legend(fontsize=7);

# %% [markdown]
# Left: with $K = 16$ the code *is* the level, the decoder is always right, and the reported cost is
# 0. Right: the same models with their rate. None comes near the PixelCNN, and the "perfect" one
# costs $\log_2 16 = 4$ bits/dim, as much as a model that knows nothing. The black dots use the
# counted $p(z)$ in place of $1/K$. They are all equally high:
# $p(\text{code})\,p(\text{level} \mid \text{code})$ is $p(\text{level})$, however the levels are
# cut into cells.
#
# The probabilities of all images have to sum to 1. So add $p(x \mid z_q(x))$ up over all images of
# one, two and three pixels.
#
# > **Predict.** With $K$ codes a pixel, what is this sum for one pixel? For $D$ pixels?
# >
# > <details><summary>A way to think about it</summary>
# >
# > Sort the levels by their code. Within one cell, $p(\text{level} \mid \text{code})$ sums to 1. How
# > many cells are there?
# >
# > </details>

# %% tags=["nbval-check-output"]
for n_codes in (1, 2, 4, 16):
    given, _ = cell_tables(n_codes)
    sums = []
    for n_pixels in (1, 2, 3):
        every = enumerate_images(1, n_pixels, n_levels=16)  # 16, 256, 4096 images
        sums.append(given[every].flatten(1).prod(dim=1).sum().item())
    with_rate = sums[2] / n_codes**3
    print(f"K = {n_codes:2}: sums {[round(s, 6) for s in sums]}, with the rate {with_rate:.6f}")

# %% [markdown]
# The sum is $K$ for one pixel and $K^D$ for $D$ pixels. Here every pixel has a code, so $N = D$,
# and the sum is $K^N$ times too large. Its logarithm, $N \log K$, is the rate that was left out.
# Divide by $K^N$, and the sum is 1. (Exactly 1, because each image leaves no doubt about its codes.
# In the tiny world, the sum with the rate is below 1. The rest is the gap.)
#
# ## 7 · A learned prior in place of log K
#
# In section 2, the skewed prior made one code cheaper and two more expensive. If the codes are used as
# often as it says, their mean cost is the entropy of $p$: 1.75 bits in place of 2. Now take real
# codes: those of the shipped VQ-VAE, 49 for each garment.
#
# ### Exercise 11.6

# %% jupyter={"source_hidden": true} cellView="form"
ch11.unigram_bits.card()


# %%
def unigram_bits(
    train_codes: torch.Tensor, held_out_codes: torch.Tensor, n_codes: int
) -> torch.Tensor:
    """What a held-out code costs on average, in bits, if p(z) is how often each code was used.

    train_codes     (N, h, w) torch.long: p is counted on these, every count one larger than it is,
                    so that a code without a use keeps some probability
    held_out_codes  (M, h, w) torch.long: the mean is over these
    n_codes         K
    returns         one number: bits per code

    By hand: training codes 0 0 1 and K = 3 give the counts 2 1 0, one more each 3 2 1, so
             p = 3/6, 2/6, 1/6. The held-out codes 0 2 cost 1 and 2.585 bits: 1.792 on average
    """
    ____


unigram_bits = ch11.unigram_bits.check(unigram_bits)

# %%
from tutorial_lib.recipes import extract_codes

train_codes = extract_codes(shipped.vqvae, garments.train.levels[: settings.n_train])
test_codes = extract_codes(shipped.vqvae, test.levels)
print(f"{len(train_codes):,} fields to count on, {len(test_codes)} held-out ones to score")
print(f"uniform  {math.log2(128):.3f} bits/code")
print(f"unigram  {unigram_bits(train_codes, test_codes, 128).item():.3f} bits/code")

# %% [markdown]
# The counted (unigram) prior saves a little. It gives the same probabilities at every place. Two better
# priors: a table for each of the 49 positions, and the shipped gated PixelCNN, which reads the codes
# before. It may be told the class. If it is *not* told, the class is summed out, as in chapter 07:
# $p(z)$ is the mean of $p(z|y)$ over the ten classes.
#
# > **Predict.** At most how many bits *per field* can be saved by telling it the class?
# >
# > <details><summary>A way to think about it</summary>
# >
# > $p(z)$ is at least $p(z|y)/10$ for every class $y$.
# >
# > </details>

# %%
from tutorial_lib.pixels import bayes_rule, label_log_likelihoods

counts = F.one_hot(train_codes, 128).sum(dim=0).double() + 1  # (7, 7, 128)
log2_p = (counts / counts.sum(dim=-1, keepdim=True)).log2().expand(len(test), -1, -1, -1)
by_position = -log2_p.gather(3, test_codes[..., None])[..., 0]  # bits of each code
by_label = label_log_likelihoods(shipped.prior, test_codes[:, None], batch_size=100)
own = by_label.gather(1, test.labels[:, None])[:, 0]
per_field = {  # bits of each held-out field
    "uniform": torch.full((len(test),), 49 * math.log2(128)).double(),
    "unigram": 49 * unigram_bits(train_codes, test_codes, 128).double().expand(len(test)),
    "by position": by_position.sum(dim=(1, 2)),
    "PixelCNN": -bayes_rule(by_label).log_evidence / math.log(2),
    "PixelCNN, told the class": -own / math.log(2),
}
figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
means = [bits.mean().item() for bits in per_field.values()]
ax.barh(list(per_field), means, color="#e6a04c")
for y, mean in enumerate(means):
    ax.text(mean, y, f" {mean:.0f}: {mean / 49:.2f} bits/code", va="center", fontsize=8)
ax.set(xlabel="latent rate (bits per image)", xlim=(0, 1.35 * means[0]))
ax.invert_yaxis();

# %%
with torch.inference_mode():
    log_p = shipped.prior(test_codes[:, None].to(device), label=test.labels.to(device))
    log_p = log_p.log_softmax(dim=1)[:, :, 0].cpu()
by_pixelcnn = -log_p.gather(1, test_codes[:, None])[:, 0] / math.log(2)
counts = torch.bincount(train_codes.flatten(), minlength=128).double() + 1
by_unigram = -(counts / counts.sum()).log2()[test_codes]
maps = {"unigram": by_unigram, "by position": by_position, "PixelCNN": by_pixelcnn}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4), layout="constrained")
for ax, (name, bits) in zip(axes, maps.items(), strict=True):
    picture = ax.imshow(bits.double().mean(dim=0), cmap="viridis", vmin=0, vmax=8)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(picture, ax=axes, label="mean bits");


# %% [markdown]
# The PixelCNN saves most: what a code costs depends on its neighbours. Telling it the class saves
# at most $\log_2 10 = 3.3$ bits a field. The maps show the mean cost at each position. The unigram
# map is nearly flat. A table for each place makes the corners cheaper. The PixelCNN (told the
# class) makes every place cheaper, inside the garment too, and most at the lower right, where it
# has read most.
#
# ## 8 · Bits you can weigh
#
# $-\log_2 p$ is a file size. An **arithmetic coder** writes symbols into a file of $-\log_2 p$ bits
# and less than two more. Writer and reader must know the same prior. Start with the interval from 0
# to 1. Each symbol shrinks it to that symbol's share of it. In the end its width *is* $p$, and a
# number inside an interval of width $p$ can be written with about $-\log_2 p$ binary digits.
#
# Python's whole numbers have no largest one, so the interval is kept exactly: it begins at low/total
# and is width/total wide. `table_of` gives the frequencies for the next symbol, from the symbols so
# far.

# %%
def encode(symbols, table_of):
    """Arithmetic coding: symbols -> (a whole number, how many bits it has)."""
    low, width, total = 0, 1, 1
    for i, symbol in enumerate(symbols):
        table = table_of(symbols[:i])  # whole numbers above 0, one for each symbol
        low = low * sum(table) + width * sum(table[:symbol])
        width, total = width * table[symbol], total * sum(table)
    # So many bits that the steps of 2**-n_bits are no wider than the interval.
    n_bits = total.bit_length() - width.bit_length() + 1
    return -(-(low << n_bits) // total), n_bits  # the first such binary fraction from low on


def decode(value, n_bits, n_symbols, table_of):
    """The symbols again: which part of the interval does the number lie in?"""
    low, width, total, symbols = 0, 1, 1, []
    for _ in range(n_symbols):
        table = table_of(symbols)
        place = (value * total - (low << n_bits)) * sum(table) // (width << n_bits)
        symbol = -1
        while place >= 0:  # the symbol whose share holds this place
            symbol += 1
            place -= table[symbol]
        low = low * sum(table) + width * sum(table[:symbol])
        width, total = width * table[symbol], total * sum(table)
        symbols.append(symbol)
    return symbols


# %% tags=["nbval-check-output"]
message = [0, 0, 1, 3]  # p = 1/2, 1/2, 1/4, 1/8: together 7 bits
value, n_bits = encode(message, lambda past: [4, 2, 1, 1])
print(f"{message} -> {value:0{n_bits}b}, {n_bits} bits")
print("back:", decode(value, n_bits, 4, lambda past: [4, 2, 1, 1]))

# %%
import tempfile
from pathlib import Path

frequencies = counts.long().tolist()  # of the training codes, each one larger
message = test_codes[: settings.n_file].flatten().tolist()
value, n_bits = encode(message, lambda past: frequencies)
spare = -n_bits % 8  # a file has whole bytes
file = Path(tempfile.mkdtemp()) / "codes.bin"
file.write_bytes((value << spare).to_bytes((n_bits + spare) // 8, "big"))

read, size = int.from_bytes(file.read_bytes(), "big"), 8 * file.stat().st_size
same = decode(read, size, len(message), lambda past: frequencies) == message
print(f"{len(message)} codes of {settings.n_file} garments; back from the file: {same}")
print(f"7 bits each         {7 * len(message):6} bits")
print(f"the file            {size:6} bits")
print(f"sum of -log2 p      {by_unigram[: settings.n_file].sum().item():8.1f} bits")

# %% [markdown]
# The file is as long as the sum of $-\log_2 p$, up to a byte: a latent rate is what you would have to
# send.
#
# ### A whole garment in one file
#
# The paper's section 3.2 counts codes and pixels. Our file starts with the class, which is sent too
# ($\log_2 10$ bits). Then come 49 codes by the PixelCNN prior, then **784 pixels by the decoder's
# $p(x|z)$**. A reader who has the model can decode the file from the start: the class prepares the
# prior, the codes so far make the next code's table, and all 49 make the tables of the pixels.

# %%
from tutorial_lib.notebook import diagrams

on_cpu = copy.deepcopy(shipped).cpu()
garment, label = test.levels[0].long(), int(test.labels[0])
diagrams.bill(on_cpu, garment, label=label)


# %%
def whole_numbers(logits, fine=2**20):
    """Frequencies, none of them 0, from logits (..., n symbols last)."""
    return ((logits.double().softmax(dim=-1) * fine).long() + 1).tolist()


pixel_tables = {}


@torch.inference_mode()
def table_of(past):
    """Class, 49 codes, 784 pixels: the table of whatever comes next."""
    n = len(past)
    if n == 0:
        return [1] * 10
    field = torch.tensor(past[1:50] + [0] * (50 - n)).view(1, 7, 7)
    if n < 50:
        logits = on_cpu.prior(field[:, None], label=torch.tensor(past[:1]))
        return whole_numbers(logits[0, :, 0].flatten(1)[:, n - 1])
    if n == 50:  # the codes are complete: one pass gives the tables of all pixels
        logits = on_cpu.vqvae.decode_indices(field)
        pixel_tables["all"] = whole_numbers(logits[0, :, 0].flatten(1).T)
    return pixel_tables["all"][n - 50]


# %%
field = on_cpu.vqvae.encode_indices(garment[None])[0]
symbols = [label, *field.flatten().tolist(), *garment.flatten().tolist()]
value, n_bits = encode(symbols, table_of)
pixel_tables.clear()  # the reader has nothing but the file and the model
back = decode(value, n_bits, len(symbols), table_of)
print("to the last pixel:", back == symbols)
with torch.inference_mode():
    decoder_logits, prior_logits = (
        on_cpu.vqvae.decode_indices(field[None]),
        on_cpu.prior(field[None, None], label=torch.tensor([label])),
    )
    nats = -two_stage_bound(decoder_logits, garment[None], prior_logits[:, :, 0], field[None])
print(f"class and bound {math.log2(10) + nats.item() / math.log(2):.1f} bits, file {n_bits} bits")

# %% tags=["held", "nbval-check-output"]
library = on_cpu.bound_nats(garment[None], torch.tensor([label]))
print("the same bound as the library's:", torch.allclose(-nats, library, atol=0.1))

# %% jupyter={"source_hidden": true}
import zlib

raw = garment.flatten().to(torch.uint8).numpy().tobytes()
figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 3.4), height_ratios=[1.6, 1], layout="tight")
with torch.inference_mode():
    after_codes = on_cpu.vqvae.picture(on_cpu.vqvae.decode_indices(field[None]))
    terms = on_cpu.terms(garment[None], torch.tensor([label]))
whole = torch.tensor(back[50:]).view(1, 1, 28, 28) / 255
shown = torch.cat([torch.full((1, 1, 28, 28), 0.5), after_codes, whole])
read = [f"{8 * len(raw)} raw bits to go", "after the codes", "after the pixels"]
show_images(shown, titles=read, ax=top)
parts = {"class": math.log2(10), "codes": terms.prior_rate_nats.item() / math.log(2)}
parts["pixels given codes"] = terms.decoder_nats.item() / math.log(2)
left = 0.0
for (name, bits), color in zip(parts.items(), ("#d62728", "#e6a04c", "#3b76af"), strict=True):
    bottom.barh("this file", bits, left=left, color=color, label=name)
    left += bits
bottom.barh("zlib", 8 * len(zlib.compress(raw, 9)), color="#888888")
bottom.invert_yaxis()
bottom.set_xlabel("bits")
bottom.legend(fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.55));


# %% [markdown]
# The codes are the short part of the file, and they make the middle picture. The pixels are the
# long part, and they add the fine texture. (The class is too short to be
# seen, and zlib knows no garments.) **Cut off the beginning, and the rest cannot be read**:
# nobody can decode pixels by $p(x|z)$ without $z$. This is section 6 once more.
#
# > **In words.** Could a cleverer sender send less, with the same model?
# >
# > <details><summary>An answer</summary>
# >
# > Yes, by exactly the gap, $-\log p(z_q|x)$. Several fields explain the image, and the choice among
# > them says nothing about it. A sender who lets *other data* make that choice gets these bits back
# > (bits-back coding, reference 5), and sends $-\log p(x)$ on average.
# >
# > </details>
#
# ## 9 · One table
#
# Chapters 03 to 10 built three kinds of model. Compare them on the same images in 16 levels:
#
# - **PixelCNN**, plain and gated: $\log p(x)$ exactly;
# - **VAE** (chapter 09): the ELBO, decoder term + KL;
# - **VQ-VAE**: decoder term + latent rate, under three priors.
#
# The gated PixelCNN and the PixelCNN prior were told the class in training. Here it is summed out, so
# that no model knows more than the image.
#
# > **Predict.** Sort them.
# >
# > <details><summary>A way to think about it</summary>
# >
# > In a VAE and a VQ-VAE, the pixels are independent given $z$. A PixelCNN reads every neighbour.
# >
# > </details>

# %%
@torch.inference_mode()
def in_batches(costs_of, size=50):
    """costs_of(levels) -> nats of each image, for all images of the table: (n,) float64."""
    parts = [costs_of(part.to(device)).double().cpu() for part in levels.split(size)]
    return torch.cat(parts)


torch.manual_seed(0)  # the VAE draws its z
plain = load_pretrained("pixelcnn-fashion-mnist").to(device)
vae = load_pretrained("vae-fashion-mnist").to(device)
two_stage = load_pretrained("two-stage-fashion-mnist-16").to(device)
exact_plain = in_batches(lambda x: nll_nats(plain(x), x))
exact_gated = -bayes_rule(label_log_likelihoods(rival, levels)).log_evidence
vae_terms = in_batches(lambda x: torch.stack(vae(x), dim=1))  # (n, 2): decoder term, KL
vq_decoder = in_batches(lambda x: two_stage.vqvae(x).nll_nats)

K = two_stage.vqvae.n_codes
vq_train = extract_codes(two_stage.vqvae, grey.train.levels[: settings.n_train])
vq_codes = extract_codes(two_stage.vqvae, levels)
uniform_rate, _ = latent_rate(tuple(vq_codes.shape[1:]), K, 784)
per_code = [float(unigram_bits(vq_train, field[None], K)) for field in vq_codes]  # bits
unigram_rate = torch.tensor(per_code).double() * vq_codes[0].numel() * math.log(2)
by_label = label_log_likelihoods(two_stage.prior, vq_codes[:, None], batch_size=100)
prior_rate = -bayes_rule(by_label).log_evidence

# %%
from IPython.display import Markdown, display

from tutorial_lib.notebook import show_stacked_bits

none = torch.zeros(len(levels), dtype=torch.float64)
nats_of_each = {  # name -> decoder term (or everything), latent rate of each image
    "VQ-VAE, uniform prior": (vq_decoder, none + uniform_rate),
    "VQ-VAE, unigram prior": (vq_decoder, unigram_rate),
    "VQ-VAE, PixelCNN prior": (vq_decoder, prior_rate),
    "VAE": tuple(vae_terms.T),
    "PixelCNN": (exact_plain, none),
    "gated PixelCNN": (exact_gated, none),
}
lines = ["| bits/dim | decoder | latent | total | above the VAE |", "|---|--:|--:|--:|--:|"]
rows, vae_total = {}, vae_terms.sum(dim=1)
for name, terms in nats_of_each.items():
    rows[name] = means = tuple(bits_per_dim(nats.mean().item(), 784) for nats in terms)
    above = bits_per_dim(sum(terms) - vae_total, 784)  # image by image
    error = above.std().item() / math.sqrt(len(above))
    numbers = " | ".join(f"{bits:.3f}" for bits in (*means, sum(means)))
    lines.append(f"| {name} | {numbers} | {above.mean().item():+.4f} ± {error:.4f} |")
display(Markdown("\n".join(lines)))
show_stacked_bits(rows);

# %% [markdown]
# The last column is a mean of differences image by image, ± one standard error.
#
# **Within the VQ-VAE**, only the cost of the codes changes. A uniform prior costs $N \log K$, counting
# saves little, and reading the neighbours saves most.
#
# **VAE against VQ-VAE**: both numbers are bounds in the same unit, and may be compared. They differ
# by less than two standard errors, so call it a draw. The VQ-VAE tells its decoder more: its latent
# part is longer, its decoder term shorter. A VAE learns how much to tell, since its KL stands in
# the loss. The VQ-VAE's rate is set by whoever chose $N$ and $K$.
#
# **PixelCNN against both**: the exact models cost least. They model what an independent decoder
# cannot, the dependence of each pixel on its neighbours. Part of the distance may be the gap of the
# bounds.
#
# A PixelCNN's cost and a VQ-VAE's cost are lengths of files. (With the class summed out, the coder
# mixes the tables of the ten classes, and no class is sent.) The VAE's KL is a length only with
# bits-back coding, because its $z$ is a real number.
#
# If you read the decoder column alone, you repeat the mistake of section 6: the VQ-VAE would stand
# beside the PixelCNNs, the same with any prior, and a larger $K$ would look better and better.

# %%
ch11.progress()

# %% [markdown]
# > **In words.** A paper reports 1.9 bits/dim for a VQ-VAE and 2.1 for a PixelCNN on the same images.
# > Name three questions to ask before you believe that the VQ-VAE is the better density model.
# >
# > <details><summary>An answer</summary>
# >
# > Is the latent rate in the 1.9, and under which prior? Is the decoder a distribution over the same
# > discrete levels, or a Gaussian *density* that can be as high as you like? Is it bits per dimension
# > of the *image*, not per code? (Then: the same split, preprocessing and number of levels.)
# >
# > </details>
#
# > **In words.** Does a tighter bound, or a lower latent rate, make prettier samples?
# >
# > <details><summary>An answer</summary>
# >
# > Not by itself. The rate is the small part of the total, and it holds what the eye cares about:
# > which garment, which cut. A model can save more bits in the grain of the background than the whole
# > layout costs. Chapter 13 draws from the uniform and from the learned prior with the same decoder.
# >
# > </details>
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | eq. 1 | $q(z = k \mid x)$ is 1 at the nearest code: entropy 0 | section 2 | `nearest_code` |
# | sec. 3.1 | KL to the uniform prior is constant, $\log K$ | section 1 | `categorical_kl`, `kl_to_uniform` |
# | sec. 3.1 | a field of $N$ latents (1-D, 2-D, 3-D): $N \log K$ | section 3 | `latent_rate_nats` |
# | eq. 3, sec. 3.2 | the KL may be left out of the *loss* | section 2, equal gradients | `VQVAE.forward` |
# | sec. 3.2 | $\log p(x) \ge \log p(x \mid z_q) + \log p(z_q)$ | section 4, all nine fields | `two_stage_bound_nats` |
# | sec. 3.2 | $\approx$ once $p(z \mid x)$ has settled on $z_q$ | section 5, the gap | `TwoStageModel.bound_nats` |
# | sec. 3.3 | an autoregressive prior, fitted after training | sections 7, 8 | `TwoStageModel.prior_nll_nats` |
# | not in the paper | a bound is the length of a file | section 8 | - |
#
# Next: chapter 12 trains a VQ-VAE and watches its codes; chapter 13 learns the prior that was only used
# here, and draws from it.
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. D. P. Kingma, M. Welling: *Auto-Encoding Variational Bayes*, 2014, arXiv 1312.6114.
# 3. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 4. I. H. Witten, R. M. Neal, J. G. Cleary: *Arithmetic Coding for Data Compression*,
#    Communications of the ACM 30 (6), 1987.
# 5. J. Townsend, T. Bird, D. Barber: *Practical Lossless Compression with Latent Variables using
#    Bits Back Coding*, 2019, arXiv 1901.04866.
