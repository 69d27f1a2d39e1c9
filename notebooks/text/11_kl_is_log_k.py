# %% [markdown]
# # 11 · KL is log K: what the codes cost
#
# [← 10 · The codebook](10_the_codebook_quantizer.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [12 · Training a VQ-VAE →](12_training_a_vqvae.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/11_kl_is_log_k.ipynb)
#
# A VQ-VAE throws a term of its loss away, because it is a constant. It is still a cost: what the
# decoder is told has to be paid for, in nats, before anybody may speak of likelihood. This chapter
# finishes the line at which the reading notes stop, and follows the constant to its end: from log K
# for one code to the length of a real file.
#
# **By the end you will have**
#
# - derived log K with care for 0 log 0, and seen why nothing can be learned from it;
# - held the bound of the paper's section 3.2 against the true log p(x), by summing over every field
#   of codes;
# - compressed a garment into a file as long as the bound says, got it back to the last pixel, and
#   put VAE, VQ-VAE and PixelCNN on one bill.
#
# **You need** chapters 01 (nats, bits/dim, entropy), 05 (a PixelCNN that is told the class), 07 (the
# class summed out), 09 (the ELBO) and 10 (the codebook).
#
# **Time** about an hour and a half of reading and exercises; running everything takes two or three
# minutes on a laptop, and less with a GPU.

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
from tutorial_lib.exercises import ch11


@dataclass
class Settings:
    n_train: int  # images whose codes the simple priors are counted on
    n_test: int  # held-out images whose codes are scored
    n_patches: int  # of the tiny world
    tiny_steps: int
    n_places: int  # at which all other codes are tried
    n_file: int  # images whose codes go into one file
    n_bill: int  # held-out images on the bill at the end


settings = profiles.choose(
    smoke=Settings(512, 20, 500, 40, 1, 2, 8),
    laptop=Settings(9000, 500, 4000, 400, 7, 20, 300),
    gpu=Settings(9000, 2000, 4000, 400, 7, 20, 2000),
)
settings

# %% [markdown]
# ## Where this ends
#
# Six held-out garments, the codes that a trained VQ-VAE gives them, and what each code costs in
# bits, for somebody who has read the codes above it and to its left, and knows the class.

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
    prices = -log_p.gather(1, codes[:, None])[:, 0].cpu() / math.log(2)  # bits
figure, axes = plt.subplots(3, 6, figsize=(7, 3.9), layout="constrained")
for i, (top, middle, bottom) in enumerate(axes.T):
    show_images(some[i : i + 1], n_levels=256, ax=top)
    show_index_map(codes[i], 128, ax=middle)
    picture = bottom.imshow(prices[i], cmap="viridis", vmin=0, vmax=14)
    bottom.set(xticks=[], yticks=[], xlabel=f"{prices[i].sum():.0f} bits")
    bottom.grid(False)
figure.colorbar(picture, ax=axes, label="bits")
print(f"without a learned prior: log2 128 = {math.log2(128):.0f} bits each, {49 * 7} bits in all");

# %% [markdown]
# Dark codes come as no surprise; the bright ones are news. Without a learned prior every cell would
# have the same colour, that of log2 K = 7 bits, in the middle of the scale. That number first.
#
# ## 1 · The line at which the notes stop
#
# > **From the reading notes.** The notes take the definition
# > $D_{\mathrm{KL}}(P\|Q) = -\sum_x P(x) \log \frac{Q(x)}{P(x)}$, observe that "P(k) = 1 and
# > P(j) = 0 for j ≠ k", write "becomes", and stop. What does it become?
# >
# > P is the posterior q(z|x), all of it on the code k that was chosen. Q is the prior, 1/K for
# > every code. Split the sum into the one term with j = k and all the others:
# >
# > $$D_{\mathrm{KL}} = -\,1 \cdot \log \frac{1/K}{1} \;-\;
# >   \sum_{j \neq k} 0 \cdot \log \frac{1/K}{0} \;=\; -\log \frac{1}{K} \;-\; 0 \;=\; \log K$$
# >
# > The first term is log K. Each of the others is 0 times infinity, which may be anything until
# > somebody says what it is. Here it is a limit: t log t goes to 0 with t. A code that is never
# > chosen adds nothing. The next three cells show the trap, the limit and the sum.
#
# Four codes, and number 2 is chosen. Term by term, as the definition is written:

# %% tags=["nbval-check-output"]
K = 4
P = torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
Q = torch.full((K,), 1 / K, dtype=torch.float64)
terms = -P * (Q / P).log()
print("terms:", terms.tolist())
print("sum:  ", terms.sum().item())

# %% [markdown]
# Not a number. The computer has no limits, in this sense of the word: it sees 0 times infinity and
# gives up, and one such term spoils the sum. What happens on the *way* to 0?

# %%
t = torch.logspace(-8, 0, 200, dtype=torch.float64)
figure, ax = plt.subplots(figsize=(5, 2.4), layout="tight")
ax.semilogx(t, t * (t / (1 / K)).log())
ax.axhline(0, color="#888888", lw=1)
ax.set(xlabel="P(j) = t", ylabel="term (nats)", title="what one code adds: t log(t / (1/K))");

# %% [markdown]
# Read from right to left: at t = 1 the term is log K; it crosses 0 at t = 1/K, dips, and comes back
# to 0. The logarithm runs off to minus infinity, but so slowly that the factor t wins. So the limit
# is 0, and a program has to be told: take the logarithm only where P is above 0.

# %% tags=["nbval-check-output"]
ratio = torch.where(P > 0, Q, 1) / torch.where(P > 0, P, 1)  # 1 where P is 0: log 1 is harmless
terms = -P * ratio.log()
print("terms:", [f"{term:.4f}" for term in (terms + 0).tolist()])
print(f"sum:   {terms.sum().item():.4f} nats, log 4 = {math.log(4):.4f}")

# %% [markdown]
# That is the end of the notes' sentence: **the KL divergence becomes log K.** For any k: the place
# of the 1 does not matter. PyTorch's own distributions agree.

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
# Any two categoricals, zeros included. (From here on q is the first of the two and p the second, as
# in the ELBO: q(z|x) against p(z).)

# %%
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
# Note the two kinds of zero. A zero of q is harmless. A zero of p under a q above 0 is a code that
# is used although the prior says it cannot happen, and costs infinitely much. Section 7 meets that
# case in earnest.
#
# ## 2 · A constant teaches nothing
#
# log K does not depend on the image, on the encoder, or on the codebook. Adding it to a loss
# changes no gradient. But *why* is it constant? Put four codes on a line, and let the encoder's
# output move from left to right. Equation 1 gives all mass to the nearest code. For comparison,
# softer posteriors: q in proportion to exp(−distance²/τ).
#
# > **Predict.** Draw the KL to the uniform prior against the encoder's output, for a hard q and for
# > a soft one.
# > <details><summary>A way to think about it</summary>KL to the uniform is log K − H(q), with H the
# > entropy. Where is a soft q least sure?</details>

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


figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6), layout="tight")
for tau in (0, 0.3, 1, 3):
    z = torch.linspace(-3, 3, 241, requires_grad=True)
    kl = kl_to_uniform(posterior(z, tau))
    gradient = torch.autograd.grad(kl.sum(), z)[0] if kl.requires_grad else torch.zeros(241)
    left.plot(z.detach(), kl.detach(), label=f"τ = {tau}" if tau else "eq. 1")
    right.plot(z.detach(), gradient)
    print(f"tau = {tau}: a gradient reaches the encoder: {kl.requires_grad}")
left.set(xlabel="encoder output", ylabel="KL to uniform (nats)", ylim=(0, 1.6))
right.set(xlabel="encoder output", ylabel="its gradient")
left.legend(fontsize=7);

# %% [markdown]
# A soft posterior is unsure between two codes, its entropy is not 0, and the KL tells the encoder
# about it: the gradient pulls towards the places where q is least sure. The hard posterior is never
# unsure. Its curve is the flat one at log 4, and its gradient is 0 everywhere. It is more than
# small: there is no path at all, since an argmin returns whole numbers.
#
# > **From the reading notes.** "The distribution q(z = k|x) is deterministic because it is
# > generated by a VAE encoder." Is that the reason?
# >
# > No: the reason is equation 1, which puts all mass on the nearest code. What a VAE's encoder
# > generates is a *distribution*, and that of a Gaussian VAE is not deterministic at all: the same
# > image gives another z with each draw. The next cell draws from three posteriors for the same
# > encoder output.

# %%
from tutorial_lib.codes import reparameterize

torch.manual_seed(0)
z_e = torch.full((6,), 0.4)
gaussian = reparameterize(z_e[:, None], torch.zeros(6, 1), torch.randn(6, 1))[:, 0]
soft = Categorical(posterior(z_e, 1)).sample()
hard = Categorical(posterior(z_e, 0)).sample()
print("a Gaussian VAE:       z =", [f"{each:.2f}" for each in gaussian.tolist()])
print("a soft choice, τ = 1: z =", soft.tolist())
print("equation 1:           z =", hard.tolist())

# %% [markdown]
# Six draws each, for one encoder output. Only equation 1 gives the same answer every time. And from
# that follows the constant: an entropy of 0, so KL = log K − 0.
#
# Now the real thing. Add the KL of all codes to the loss of a VQ-VAE (eq. 3), and compare every
# gradient with those without it.

# %% tags=["nbval-check-output"]
from tutorial_lib.codes import VQVAE


def gradients_of(with_kl):
    torch.manual_seed(0)
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=8, code_dim=4, n_channels=8)
    out = vqvae(torch.randint(2, (4, 1, 12, 16)))
    q = F.one_hot(out.quantized.indices, 8).float()  # (4, 3, 4, 8): twelve codes an image
    loss = out.loss + with_kl * kl_to_uniform(q).sum()
    loss.backward()
    return loss.item(), [w.grad for w in vqvae.parameters()]


(alone, without), (together, with_it) = gradients_of(0), gradients_of(1)
print(f"the loss grows by {together - alone:.4f} = 48 log 8 = {48 * math.log(8):.4f}")
same = [torch.equal(a, b) for a, b in zip(without, with_it, strict=True)]
print(f"the same to the last bit: {sum(same)} of {len(same)} gradients")

# %% [markdown]
# So equation 3 has no KL term, and section 3.2 of the paper says why: with a uniform prior it is
# constant as far as the encoder goes, and can be ignored *for training*. It has not left the bound.
#
# ## 3 · N codes
#
# > **From the reading notes.** The bottleneck "maps an arbitrary input to one of K vectors". Can K
# > vectors be enough for all garments?
# >
# > They would not be. An image gets one of K codes *at each position* of a field: with N positions
# > it is mapped to one of K × K × ... × K = K to the power of N fields. The next cell lists them
# > for K = 3 and N = 2.

# %% tags=["nbval-check-output"]
from tutorial_lib.pixels import bits_per_dim, enumerate_images

fields = enumerate_images(1, 2, n_levels=3)[:, 0]  # (9, 1, 2): every field of two codes
print([tuple(field) for field in fields.flatten(1).tolist()])
first, second = torch.eye(3, dtype=torch.float64)[[2, 0]]  # the encoder chose 2, then 0
joint = torch.outer(first, second).flatten()  # q of the whole field, over all nine
kl = kl_to_uniform(joint)
print(f"KL over the nine fields: {kl.item():.4f} = log 9 = 2 log 3 = {2 * math.log(3):.4f} nats")

# %% [markdown]
# The posterior over *fields* is one-hot again, now among K^N. Its KL to the uniform prior is
# log K^N = **N log K**, the sum of what the positions cost one by one. This is the number to quote;
# log K alone is the price of one code.
#
# ### Exercise 11.2

# %%
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

# %% tags=["nbval-check-output"]
nats, bits = latent_rate((7, 7), 128, 784)
print(f"one code of K = 128:  {math.log(128):.2f} nats = 7 bits")
print(f"49 codes of K = 128:  {nats:.1f} nats = {nats / math.log(2):.0f} bits per image")
print(f"spread over 784 pixels: {bits:.4f} bits/dim")

# %% [markdown]
# Which K and which field are cheap? An image of 28×28 pixels in 256 levels costs 8 bits/dim as it
# is. Compare codes for every pixel, every second, every fourth.
#
# > **Predict.** With a code for every single pixel, at which K do the codes cost as much as the raw
# > image?
# > <details><summary>A way to think about it</summary>The raw image names one of 256 levels for
# > each pixel.</details>

# %%
codebook_sizes = torch.tensor([2**i for i in range(11)])
figure, ax = plt.subplots(figsize=(7, 2.7), layout="tight")
for side, pixels in {28: "every pixel", 14: "2×2 pixels", 7: "4×4 pixels"}.items():
    rates = [latent_rate((side, side), k, 784)[1] for k in codebook_sizes.tolist()]
    ax.plot(codebook_sizes, rates, marker="o", ms=3, label=f"a code for {pixels}")
ax.axhline(8, color="#d62728", lw=1, label="the raw image")
ax.plot(128, latent_rate((7, 7), 128, 784)[1], "k*", ms=9, label="our VQ-VAE")
ax.set(xscale="log", xticks=codebook_sizes[::2], xticklabels=codebook_sizes[::2].tolist())
ax.set(xlabel="codes K", ylabel="latent rate (bits/dim)")
ax.minorticks_off()
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1));

# %% [markdown]
# At K = 256, with a code a pixel: such codes can name every level, and nothing is gained. K is the
# cheap direction, since doubling it adds one bit a code; halving the step of the field costs four
# times as much.
#
# ## 4 · The ELBO with a uniform prior
#
# > **From the reading notes.** "The prior is the raw data, p(x|z)". Which is which?
# >
# > Four distributions have been mixed up here. The **prior** is p(z): how probable a field of codes
# > is before any image has been seen. p(x|z) is the **likelihood**, the decoder's word on how
# > probable an image is given the codes. q(z|x) is the (approximate) **posterior**, the encoder's.
# > And the raw data are none of the three: they are draws from the world, which p(x), the
# > **evidence**, tries to match. The next cells compute all of them for every image and every field
# > of a tiny world.
#
# The ELBO of chapter 09, for any posterior q:
#
# $$\log p(x) \;\ge\; \mathbb{E}_{q(z|x)}[\log p(x \mid z)]
#     \;-\; D_{\mathrm{KL}}(q(z|x)\,\|\,p(z))$$
#
# Put in a one-hot q. The expectation is a single term, at z = z_q(x). The KL is N log K. So
#
# $$\log p(x) \;\ge\; \log p(x \mid z_q(x)) \;-\; N \log K
#     \;=\; \log p(x \mid z_q(x)) + \log p(z_q(x))$$
#
# which is the approximation of the paper's section 3.2, stated there for any prior p(z). There is a
# second way to see that it holds, in one line. p(x) is a sum over all fields of p(z) p(x|z); one
# term of a sum of positive numbers is never more than the sum.
#
# A world small enough for the whole sum: 2×4 binary patches of garments, two codes, K = 3. There
# are 256 images and nine fields.

# %%
torch.manual_seed(1)
binary = (garments.train.levels > 127).long()
which = torch.randint(len(binary), (settings.n_patches,)).tolist()
rows = torch.randint(8, 19, (settings.n_patches,)).tolist()
columns = torch.randint(8, 17, (settings.n_patches,)).tolist()
patches = torch.stack(
    [binary[i, :, r : r + 2, c : c + 4] for i, r, c in zip(which, rows, columns, strict=True)]
)
images = enumerate_images(2, 4)  # all 256, in counting order
number = (patches.flatten(1) * 2 ** torch.arange(7, -1, -1)).sum(dim=1)
truth = torch.bincount(number, minlength=256).double() / len(patches)
likeliest = images[truth.argsort(descending=True)[:24]].float()
show_images(F.pad(likeliest, (1, 1, 1, 1), value=0.6), n_columns=12);

# %% [markdown]
# These are the most frequent patches, black and white ones first. A VQ-VAE gives them one code for
# each half. Two functions are needed: one for the bound, one for the sum.
#
# ### Exercise 11.3

# %%
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

# %%
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

# %% [markdown]
# Now ask the decoder about every image and every field, a table of 256×9, and train. The loop
# writes down on the way what the sum and the bound say.

# %%
from tutorial_lib.pixels import nll_nats


@torch.no_grad()
def log_likelihoods(vqvae):
    """log p(x|z) of every image (rows) given every field of codes (columns), in nats."""
    decoded = vqvae.decode_indices(fields)  # (9, 2, 1, 2, 4)
    columns = [-nll_nats(logits.expand(256, -1, -1, -1, -1), images) for logits in decoded]
    return torch.stack(columns, dim=1)


@torch.no_grad()
def chosen_fields(vqvae):
    """The encoder's field for every image, as its number in the list of nine."""
    return (vqvae.encode_indices(images).flatten(1) * torch.tensor([3, 1])).sum(dim=1)


# %%
uniform_fields = torch.full((9,), -math.log(9), dtype=torch.float64)  # log p(z): N log K = log 9


@torch.no_grad()
def exact_and_bound(vqvae):
    """log p(x) and its bound for all 256 images, under the uniform prior."""
    indices = vqvae.encode_indices(images)
    prior_logits = torch.zeros(256, 3, 1, 2, dtype=torch.float64)  # uniform
    bound = two_stage_bound(vqvae.decode_indices(indices), images, prior_logits, indices)
    return exact_log_p(uniform_fields, log_likelihoods(vqvae)), bound


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

# %%
entropy = -torch.xlogy(truth, truth).sum().item()
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.9), layout="tight")
steps, exact_costs, bound_costs = zip(*history, strict=True)
left.plot(steps, bound_costs, label="−bound")
left.plot(steps, exact_costs, label="−log p(x), exact")
left.axhline(entropy, color="#888888", lw=1, label="entropy of the patches")
left.set(xlabel="step", ylabel="mean cost (nats per image)", ylim=(0, None))
left.legend(fontsize=7)
right.plot([-18, 0], [-18, 0], color="#888888", lw=1)
right.scatter(exact, bound, s=4 + 300 * truth, alpha=0.6)
right.set(xlabel="log p(x), exact (nats)", ylabel="bound (nats)");

# %% [markdown]
# On the left, the bound's cost stays above the exact cost at every step, and both stay above the
# entropy, which no model can beat. On the right, every image of the tiny world (larger dots for
# frequent ones): none above the line. Notice that the distance to the line is wide for some images,
# narrow for others, and that on the left it was widest at the beginning. Why?
#
# ## 5 · How tight is it?
#
# Write the joint probability in two ways, p(z) p(x|z) = p(x) p(z|x). Take logarithms, and put
# z_q(x) for z:
#
# $$\underbrace{\log p(x)}_{\text{exact}}
#     \;-\; \underbrace{[\log p(x \mid z_q) + \log p(z_q)]}_{\text{bound}}
#     \;=\; -\log p(z_q \mid x)$$
#
# Here p(z|x) is the model's *true* posterior, by Bayes' rule over all nine fields. The gap is what
# it would cost to guess the encoder's codes from the image, if the model itself had to guess them.
# It is 0 if no other field could have made the image. (The paper argues in section 3.2 that a
# decoder which has only ever been trained with z_q should end up like that, and replaces ≥ by ≈.)

# %% tags=["nbval-check-output"]
joint = log_likelihoods(tiny) + uniform_fields  # log p(z) p(x|z), (256, 9)
log_posterior = joint.log_softmax(dim=1)  # log p(z|x)
predicted = -log_posterior.gather(1, chosen_fields(tiny)[:, None])[:, 0]
gap = exact - bound
print("the gap is -log p(z_q|x) for every image:", torch.allclose(gap, predicted, atol=1e-9))

# %% [markdown]
# How wide can it be, and how narrow? Two extreme cases can be built.
#
# - **The decoder ignores z.** Then p(x|z) = p(x): the codes say nothing, every field is as good an
#   explanation as any, and the gap is the whole rate, N log K. Paid, and wasted.
# - **The prior is sure.** If p(z) puts all its mass on one field, and the encoder always chooses
#   that one, the sum *has* only one term. The gap is 0. So is the rate, and so is what the codes
#   say.

# %%
import copy

deaf = copy.deepcopy(tiny)
with torch.no_grad():
    deaf.decoder[0].weight.zero_()  # the first layer of the decoder no longer looks at z
deaf_exact, deaf_bound = exact_and_bound(deaf)

sure = torch.full((9,), -math.inf, dtype=torch.float64)
sure[4] = 0.0  # log 1: field number 4, (1, 1), and no other
sure_exact = exact_log_p(sure, log_likelihoods(tiny))
sure_bound = log_likelihoods(tiny)[:, 4] + sure[4]  # an encoder that always says (1, 1)
cases = {
    "decoder ignores z": (deaf_exact, deaf_bound),
    "trained": (exact, bound),
    "prior is sure": (sure_exact, sure_bound),
}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.7), layout="tight", sharex=True, sharey=True)
for ax, (name, (log_p, lower)) in zip(axes, cases.items(), strict=True):
    ax.plot([-18, 0], [-18, 0], color="#888888", lw=1)
    ax.scatter(log_p, lower, s=6, alpha=0.6)
    ax.set(title=name, xlabel="log p(x), exact (nats)", xlim=(-18, 0), ylim=(-18, 0))
    gaps = log_p - lower
    print(f"{name:18} mean gap {truth @ gaps:.4f} nats, widest {gaps.max():.4f}")
print(f"the rate of two codes: log 9 = {math.log(9):.4f} nats")
axes[0].set_ylabel("bound (nats)");


# %% [markdown]
# Left: all dots lie exactly log 9 below the line. That is nearly how the training began, when the
# decoder had not yet learned to read the codes. Right: on the line, with a model that has given up
# its codes. In the middle, a VQ-VAE, with its mean gap between the two. (A single image can be
# worse off than on the left: its encoder has chosen a field that explains it worse than the average
# field does.) A tight bound is no virtue by itself; it only says how far the printed number is from
# the truth.
#
# ### And the real model?
#
# 128 to the power of 49 fields cannot be listed. What can be listed is a part of them, and a part
# of the sum is a lower bound as well. Take one garment and its 49 codes; at one position, try all
# 128 codes and leave the others alone. Then keep the best code, and go on to the next position.

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
    best, chosen = log_given.max(dim=0)
    better = (best - log_given[trial[place, place].item()]).item()
    alike = (log_given.logsumexp(dim=0) - best).item()
    print(f"({place}, {place})     {better:12.2f} {alike:22.2f}")
    trial[place, place], gained = chosen, gained + better
print(f"together, by better codes: {gained:.1f} nats = {bits_per_dim(gained, 784):.4f} bits/dim")

# %% [markdown]
# The right column asks whether other codes would do as well as the best one. Hardly, it says; most
# in the empty corners, where several codes mean the same nothing. The left column is the surprise:
# the encoder's code was not the best. It is *nearest* to z_e, and equation 3 makes the nearest good
# by gradient, not by search. So the gap of the real model is at least what the left column adds up
# to (under the uniform prior, where all fields have the same p(z)). The printed bound stays a
# bound, and whoever searches for better codes tightens it without training anything.
#
# ## 6 · A wrong way: the rate left out
#
# "The KL is a constant, so drop it" is right for training. Suppose somebody drops it from the
# *result*, too, and reports log p(x | z_q(x)) as the likelihood. Then there is a model that nobody
# can beat, and it takes no training. Garments in 16 levels, a code for every pixel: K cells of 16/K
# neighbouring levels, and for each cell a table of how often each of its levels occurs.

# %%
grey = data.load("fashion-mnist-sample").with_n_levels(16)
level_counts = torch.bincount(grey.train.levels.flatten().long(), minlength=16).double()


def cell_tables(n_codes):
    """For each of 16 levels: its code, p(level | code) and p(code), counted on training images."""
    code = torch.arange(16) * n_codes // 16
    in_cell = torch.zeros(n_codes, dtype=torch.float64).index_add_(0, code, level_counts)
    return code, level_counts / in_cell[code], in_cell[code] / level_counts.sum()


for n_codes in (1, 4, 16):
    code, given, _ = cell_tables(n_codes)
    print(f"K = {n_codes:2}: codes of the levels {code.tolist()}")
    print(f"        p(level | code) from {given.min():.4f} to {given.max():.4f}")

# %% [markdown]
# With K = 16 the code *is* the level, and the decoder is always right. The rival is the gated
# PixelCNN of chapter 05, told the class.

# %%
bill_images = grey.test.subset(settings.n_bill)
levels = bill_images.levels.long()
rival = load_pretrained("gated-fashion-mnist").to(device)
with torch.inference_mode():
    told = bill_images.labels[:32].to(device)
    costs = nll_nats(rival(levels[:32].to(device), label=told), levels[:32].to(device))
reference = bits_per_dim(costs.mean().item(), 784)
sizes, decoder_alone, unigram_rates = [1, 2, 4, 8, 16], [], []
for n_codes in sizes:
    _, given, share = cell_tables(n_codes)
    decoder_alone.append(-given.log2()[levels].mean().item())
    unigram_rates.append(-share.log2()[levels].mean().item())

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="tight", sharey=True)
names = [str(n_codes) for n_codes in sizes]
left.bar(names, decoder_alone, color="#3b76af", label="decoder term")
right.bar(names, decoder_alone, color="#3b76af")
right.bar(names, torch.tensor(sizes).log2(), bottom=decoder_alone, color="#e6a04c", label="N log K")
learned = torch.tensor(decoder_alone) + torch.tensor(unigram_rates)
right.plot(names, learned, "ko", ms=4, label="with counted p(z)")
for ax, title in ((left, "what was reported"), (right, "with the latent rate")):
    ax.axhline(reference, color="#d62728", lw=1)
    ax.set(title=title, xlabel="codes K a pixel")
left.text(4.4, reference + 0.1, "gated PixelCNN", color="#d62728", ha="right", fontsize=8)
left.set_ylabel("bits/dim")
right.legend(fontsize=7);

# %% [markdown]
# On the left, a table of counts with K = 16 leaves the PixelCNN far behind: zero bits, a perfect
# model. On the right the same models with the rate that was left out. None comes near the
# PixelCNN, and the "perfect" one pays log2 16 = 4 bits/dim, as much as a model that knows nothing.
#
# (The black dots use p(code), as counted, in place of 1/K; section 7 is about that. They lie on a
# level line: p(code) p(level | code) is p(level), however the levels are cut into cells. A larger K
# only moves bits from one column of the bill to the other.)
#
# So p(x | z_q(x)) is no likelihood. But which law does it break? A likelihood is a *distribution*
# over images. Add it up, over all images of one, two and three pixels.
#
# > **Predict.** With K codes a pixel, what is the sum of p(x | z_q(x)) over all images of one
# > pixel? Of D pixels? <details><summary>A way to think about it</summary>Sort the levels by their
# > code. Within one cell, p(level | code) sums to 1. How many cells are there?</details>

# %% tags=["nbval-check-output"]
for n_codes in (1, 2, 4, 16):
    _, given, _ = cell_tables(n_codes)
    sums = []
    for n_pixels in (1, 2, 3):
        every = enumerate_images(1, n_pixels, n_levels=16)  # 16, 256, 4096 images
        sums.append(given[every].flatten(1).prod(dim=1).sum().item())
    with_rate = sums[2] / n_codes**3
    print(f"K = {n_codes:2}: sums {[round(s, 6) for s in sums]}, with the rate {with_rate:.6f}")

# %% [markdown]
# **K for one pixel, K^D for D pixels**: with K = 16, a "total probability" of 4096 for images of
# three pixels. The excess is K^N, to the last digit, whose logarithm is N log K: the very rate that
# was left out. Divide by it, and the sum is 1.
#
# (Here it is exactly 1, so the bound is tight: the cells do not overlap, and an image leaves no
# doubt about its codes. That is the best case with codes that say something.)
#
# The tiny VQ-VAE leaves more doubt, so its sums stay below these limits, but they break the same
# law:

# %%
without_rate = bound + math.log(9)
print(f"sum over 256 images without the rate: {without_rate.exp().sum():.3f}, at most 9")
print(f"sum over 256 images with the rate:    {bound.exp().sum():.3f}, at most 1")

# %% [markdown]
# With the rate, the sum is *below* 1. The rest is what the bound gives away, the gap again.
#
# ## 7 · A learned prior takes the place of log K
#
# Nothing in the derivation needed the prior to be uniform. For any p(z), and a q that is one-hot at
# k,
#
# $$D_{\mathrm{KL}}(q \,\|\, p) \;=\; 1 \cdot \log\frac{1}{p(k)} \;=\; -\log p(k)$$
#
# and log K is the special case p(k) = 1/K. A prior that knows which codes are frequent charges less
# for those, and more for the others.

# %% tags=["nbval-check-output"]
p = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8], dtype=torch.float64)
every_code = torch.eye(4, dtype=torch.float64)
bits = categorical_kl(every_code, p.expand(4, 4)) / math.log(2)
print("KL of each code, in bits:      ", bits.tolist())
print("under the uniform prior:       ", [math.log2(4)] * 4)
print("mean, if used as often as said:", (p @ bits).item())

# %% [markdown]
# The codes cost 1, 2, 3 and 3 bits: one is cheaper than before, two are more expensive, and the
# mean is lower all the same, because the cheap one comes more often. The mean is the entropy of p
# (chapter 01). It is log2 K if all codes are used alike, and less in every other case.
#
# Keep two facts apart. Under the uniform prior the rate has a constant *value*, log K for each
# code. Under any other prior, $-\log p(k)$ differs from code to code. But in both cases no
# *gradient* reaches the encoder: by equation 1 the code is an argmin, and an argmin passes none. So
# stage one can leave the rate out of its loss, whatever the prior will be.
#
# Now real codes: those of the shipped VQ-VAE, 49 for each garment.
#
# ### Exercise 11.5

# %%
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
# The unigram prior saves a little: codes are used unevenly, but not very. It has no idea of place:
# it gives the same probabilities to an empty corner as to the middle of a coat. Three steps
# further: a table of its own for each of the 49 positions; the shipped gated PixelCNN, which reads
# the codes before; and the same, told the class.
#
# If the class is *not* told, it has to be summed out, as in chapter 07: p(z) is the mean of p(z|y)
# over the ten classes.
#
# > **Predict.** How many bits *per field* can it save at most to be told the class?
# > <details><summary>A way to think about it</summary>p(z) is at least p(z|y)/10 for every
# > class y.</details>

# %%
from tutorial_lib.pixels import bayes_rule, label_log_likelihoods


def position_prices(train_codes, codes):
    """-log2 p of each code under the usage at its own position: (B, 7, 7)."""
    counts = F.one_hot(train_codes, 128).sum(dim=0).double() + 1
    log2_p = (counts / counts.sum(dim=-1, keepdim=True)).log2()
    return -log2_p.expand(len(codes), -1, -1, -1).gather(3, codes[..., None])[..., 0]


by_position = position_prices(train_codes, test_codes)
by_label = label_log_likelihoods(shipped.prior, test_codes[:, None], batch_size=100)
own = by_label.gather(1, test.labels[:, None])[:, 0]
per_field = {  # bits of each held-out field
    "uniform": torch.full((len(test),), 49 * math.log2(128)).double(),
    "unigram": 49 * unigram_bits(train_codes, test_codes, 128).double().expand(len(test)),
    "by position": by_position.sum(dim=(1, 2)),
    "PixelCNN": -bayes_rule(by_label).log_evidence / math.log(2),
    "PixelCNN, told the class": -own / math.log(2),
}
figure, ax = plt.subplots(figsize=(6, 2.4), layout="tight")
means = [bits.mean().item() for bits in per_field.values()]
ax.barh(list(per_field), means, color="#e6a04c")
for y, mean in enumerate(means):
    ax.text(mean, y, f" {mean:.0f}: {mean / 49:.2f} bits/code", va="center", fontsize=8)
ax.set(xlabel="latent rate (bits per image)", xlim=(0, 1.35 * means[0]))
ax.invert_yaxis();

# %% [markdown]
# The PixelCNN saves most by far: what a code costs depends on its neighbours. The class itself
# saves no more than a few bits a field: log2 10 = 3.3 is the most that it can save.
#
# Where are the bits? The mean price at each of the 49 positions, under the same colour scale:

# %%
with torch.inference_mode():
    log_p = shipped.prior(test_codes[:, None].to(device), label=test.labels.to(device))
    log_p = log_p.log_softmax(dim=1)[:, :, 0].cpu()
by_pixelcnn = -log_p.gather(1, test_codes[:, None])[:, 0] / math.log(2)
counts = torch.bincount(train_codes.flatten(), minlength=128).double() + 1
by_unigram = -(counts / counts.sum()).log2()[test_codes]
maps = {"unigram": by_unigram, "by position": by_position, "PixelCNN": by_pixelcnn}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="constrained")
for ax, (name, bits) in zip(axes, maps.items(), strict=True):
    picture = ax.imshow(bits.double().mean(dim=0), cmap="viridis", vmin=0, vmax=8)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
figure.colorbar(picture, ax=axes, label="mean bits");


# %% [markdown]
# The unigram map is nearly flat. Knowing the place makes the corners cheaper. The PixelCNN makes
# everything cheaper, the inside too, because a sleeve goes on as it began; and most so at the lower
# right, where most has been read.
#
# ## 8 · Bits you can weigh
#
# Is −log2 p a metaphor? No: it is a file size. An **arithmetic coder** turns any sequence of
# symbols, and any prior that both sides know, into a file of −log2 p bits, and less than two
# more. The idea fits in a sentence. Start with the interval from 0 to 1; each symbol shrinks it to
# that symbol's share of it; in the end the width *is* p, and a number inside an interval of width p
# can be written with about −log2 p binary digits.
#
# Python's whole numbers have no largest one, so the interval can be kept exactly: it begins at
# low/total and is width/total wide. `table_of` gives the frequencies for the next symbol, from the
# symbols so far.

# %%
def encode(symbols, table_of):
    """Arithmetic coding: symbols -> (a whole number, how many bits it has)."""
    low, width, total = 0, 1, 1
    for i, symbol in enumerate(symbols):
        table = table_of(symbols[:i])  # whole numbers above 0, one for each symbol
        low = low * sum(table) + width * sum(table[:symbol])
        width, total = width * table[symbol], total * sum(table)
    n_bits = total.bit_length() - width.bit_length() + 1
    return -(-(low << n_bits) // total), n_bits  # the first such binary fraction from low on


# %%
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


# %% [markdown]
# By hand first, with the four codes of a moment ago, p = 1/2, 1/4, 1/8, 1/8. The message 0 0 1 3
# has the probability 1/2 · 1/2 · 1/4 · 1/8, which is 7 bits.

# %% tags=["nbval-check-output"]
message = [0, 0, 1, 3]
value, n_bits = encode(message, lambda past: [4, 2, 1, 1])
print(f"{message} -> {value:0{n_bits}b}, {n_bits} bits")
print("back:", decode(value, n_bits, 4, lambda past: [4, 2, 1, 1]))

# %% [markdown]
# Eight bits for seven, and the message came back. Now the codes of some held-out garments, under
# the unigram prior, in a real file.

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
ideal = by_unigram[: settings.n_file].sum().item()
print(f"{len(message)} codes of {settings.n_file} garments; back from the file: {same}")
print(f"7 bits each         {7 * len(message):6} bits")
print(f"the file            {size:6} bits")
print(f"sum of -log2 p      {ideal:8.1f} bits")

# %% [markdown]
# The file is as long as the sum of −log2 p, up to a byte. So a latent rate is not a trick of the
# books: it is what you would have to send.
#
# ### A whole garment in one file
#
# Now everything at once, as section 3.2 has it. First the class (log2 10 bits), then 49 codes by
# the PixelCNN prior, then **784 pixels by the decoder's p(x|z)**. Whoever has the model can read
# the file from the start: the class makes the prior ready, the codes before make the next code's
# table, and all 49 together make the decoder's tables. The length should be the bound.
#
# Probabilities have to become whole frequencies, the same ones on both sides. (So sender and reader
# run the very same computations in the same order, on the CPU: a last bit that differs in a logit
# could change a table, and with it everything after.)

# %%
on_cpu = copy.deepcopy(shipped).cpu()


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
garment = test.levels[0].long()
field = on_cpu.vqvae.encode_indices(garment[None])[0]
symbols = [int(test.labels[0]), *field.flatten().tolist(), *garment.flatten().tolist()]
value, n_bits = encode(symbols, table_of)
pixel_tables.clear()  # the reader has nothing but the file and the model
back = decode(value, n_bits, len(symbols), table_of)
print("to the last pixel:", back == symbols)

with torch.inference_mode():
    terms = on_cpu.terms(garment[None], test.labels[:1])
parts = {"class": math.log2(10)}
parts["codes"] = terms.prior_rate_nats.item() / math.log(2)
parts["pixels given codes"] = terms.decoder_nats.item() / math.log(2)
print(f"the bound says {sum(parts.values()):.1f} bits, the file has {n_bits}")

# %%
import zlib

raw = garment.flatten().to(torch.uint8).numpy().tobytes()
figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 3.4), height_ratios=[1.6, 1], layout="tight")
with torch.inference_mode():
    after_codes = on_cpu.vqvae.picture(on_cpu.vqvae.decode_indices(field[None]))
whole = torch.tensor(back[50:]).view(1, 1, 28, 28) / 255
stages = torch.cat([torch.full((1, 1, 28, 28), 0.5), after_codes, whole])
heard = [f"{8 * len(raw)} raw bits to go", "after the codes", "after the pixels"]
show_images(stages, titles=heard, ax=top)
left = 0.0
for (name, bits), color in zip(parts.items(), ("#d62728", "#e6a04c", "#3b76af"), strict=True):
    bottom.barh("this file", bits, left=left, color=color, label=name)
    left += bits
bottom.barh("zlib", 8 * len(zlib.compress(raw, 9)), color="#888888")
bottom.invert_yaxis()
bottom.set_xlabel("bits")
bottom.legend(fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.55));


# %% [markdown]
# The few bits at the left make the middle picture; the long rest makes the grain. (zlib, which has
# never seen a garment, is there for comparison.) And the file makes the argument of section 6
# without a sum: **cut off its beginning, and the rest cannot be read.** Nobody can decode pixels by
# p(x|z) without having been sent z.
#
# > **In words.** The file holds the codes *and* the pixels. Could a cleverer sender do with less,
# > using the same model?
# > <details><summary>An answer</summary>
# >
# > Yes, by exactly the gap, −log p(z_q|x). Several fields explain the image, and the sender's
# > choice among them tells the reader nothing about it. A sender who lets *other data* make that
# > choice gets these bits back (the idea is known as bits-back coding), and pays −log p(x) on
# > average.
# >
# > </details>
#
# ## 9 · One bill
#
# Chapters 03 to 10 built three kinds of model. Same images, same 16 grey levels, one unit:
#
# - **PixelCNN**, plain and gated: log p(x) exactly;
# - **VAE** (chapter 09): the ELBO, decoder term + KL;
# - **VQ-VAE**: decoder term + latent rate, under the uniform, the unigram and the PixelCNN prior.
#
# The gated PixelCNN and the PixelCNN prior were told the class in training; it is summed out here,
# so that nobody on this bill knows more than the image.
#
# > **Predict.** Sort them.
# > <details><summary>A way to think about it</summary>In a VAE and a VQ-VAE, the pixels are
# > independent of each other once z is known. A PixelCNN reads every neighbour.</details>

# %%
@torch.inference_mode()
def in_batches(costs_of, size=50):
    """costs_of(levels) -> nats of each image, for all images on the bill: (n,) float64."""
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

# %%
K_shipped = two_stage.vqvae.n_codes
vq_train = extract_codes(two_stage.vqvae, grey.train.levels[: settings.n_train])
vq_codes = extract_codes(two_stage.vqvae, levels)
latent_shape = tuple(vq_codes.shape[1:])
uniform_rate, _ = latent_rate(latent_shape, K_shipped, 784)
per_code = [float(unigram_bits(vq_train, field[None], K_shipped)) for field in vq_codes]  # bits
unigram_rate = torch.tensor(per_code).double() * vq_codes[0].numel() * math.log(2)
by_label = label_log_likelihoods(two_stage.prior, vq_codes[:, None], batch_size=100)
prior_rate = -bayes_rule(by_label).log_evidence
print(f"{latent_shape} codes, K = {K_shipped}; {len(levels)} held-out images")

# %%
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
print(f"{'bits/dim':24}{'decoder':>9}{'latent':>9}{'total':>9}   above the gated PixelCNN")
rows = {}
for name, (decoder, latent) in nats_of_each.items():
    means = [bits_per_dim(nats.mean().item(), 784) for nats in (decoder, latent)]
    above = bits_per_dim(decoder + latent - exact_gated, 784)
    error = above.std().item() / math.sqrt(len(above))
    columns = "".join(f"{bits:9.4f}" for bits in (*means, sum(means)))
    print(f"{name:24}{columns}   {above.mean().item():+.4f} ± {error:.4f}")
    rows[name] = tuple(means)
vq_above_vae = bits_per_dim(vq_decoder + prior_rate - vae_terms.sum(dim=1), 784)
error = vq_above_vae.std().item() / math.sqrt(len(vq_above_vae))
difference = f"{vq_above_vae.mean().item():+.4f} ± {error:.4f}"
print(f"VQ-VAE with PixelCNN prior, above the VAE:          {difference}")
show_stacked_bits(rows);

# %% [markdown]
# Read it in three steps.
#
# **Within the VQ-VAE**, the decoder term is the same three times: only the price of the codes
# changes. A uniform prior charges N log K, counting saves little, and reading the neighbours saves
# most.
#
# **VAE against VQ-VAE**: both are bounds, in the same unit, and may be compared; the last line does
# so image by image (within two standard errors, call it a draw). Both have decoders whose pixels
# are independent given z. What differs is how much they tell the decoder. The VQ-VAE tells more:
# its latent part is longer, and its decoder term shorter. (How much a VAE tells is trained, since
# its KL stands in the loss. The VQ-VAE's rate is set by whoever chose N and K.)
#
# **PixelCNN against both**: the exact models lead. Their bars have no latent part, and they model
# what an independent decoder cannot, the dependence of each pixel on its neighbours. Nothing is
# unfair in this comparison: part of the distance may be the gap of the bounds, but what is printed
# is what the models can account for. (What the VQ-VAE and the PixelCNN cost could be *sent* as a
# file, once the reader knows the class. The VAE's KL is a length only with bits-back coding.)
#
# Every model scored the same images, so the last column is a mean of differences image by image, ±
# one standard error.
#
# And the wrong bill once more. Read the decoder column alone: there the VQ-VAE would stand right
# beside the PixelCNNs, the same with any prior, and a larger K would look better and better. With
# the rates, a codebook has to earn what it costs.

# %%
ch11.progress()

# %% [markdown]
# > **In words.** A paper reports "bits/dim 1.9" for a VQ-VAE and 2.1 for a PixelCNN on the same
# > images. Name three questions to ask before believing that the VQ-VAE is the better density
# > model.
# > <details><summary>An answer</summary>
# >
# > Is the latent rate in the 1.9, and under which prior? Is the decoder a distribution over the
# > same discrete levels, or a Gaussian *density* that can be as high as you like? Is it bits per
# > dimension of the *image*, and not per code? (Then: the same split, the same preprocessing, the
# > same number of levels.)
# >
# > </details>
#
# > **In words.** Does a tighter bound, or a lower latent rate, make prettier samples?
# > <details><summary>An answer</summary>Not by itself. The rate is the small part of the bill, and
# > nearly all that the eye cares about is in it: which garment, which cut. A model can save more
# > bits in the grain of the background than the whole layout costs. Chapter 13 draws from the
# > uniform and from the learned prior with the same decoder; there the rate is what you
# > see.</details>
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | eq. 1 | q(z = k given x) is 1 at the nearest code: entropy 0 | section 2 | `quantize.nearest_code` |
# | sec. 3.1 | KL to the uniform prior is constant, log K | section 1 | `bounds.categorical_kl`, `kl_to_uniform` |
# | sec. 3.1 | a field of N latents (1-D, 2-D, 3-D): N log K | section 3 | `bounds.latent_rate_nats` |
# | eq. 3, sec. 3.2 | the KL may be left out of the *loss* | section 2, equal gradients | `VQVAE.forward` |
# | sec. 3.2 | log p(x) ≥ log p(x given z_q) + log p(z_q) | section 4, all nine fields | `bounds.two_stage_bound_nats` |
# | sec. 3.2 | log p(x) ≈ the same, once p(z given x) has settled on z_q | section 5, the gap | `TwoStageModel.bound_nats` |
# | sec. 3.3 | an autoregressive prior, fitted after training | sections 7, 8 | `TwoStageModel.prior_nll_nats` |
# | not in the paper | a bound is the length of a file | section 8 | - |
#
# Next: chapter 12 trains a VQ-VAE in earnest and watches its codes at work; chapter 13 learns the
# prior that was only used here, and draws from it.
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
