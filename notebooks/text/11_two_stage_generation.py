# %% [markdown]
# # 11 · Two-stage generation: from pixels to codes, and back
#
# Stage one squeezes every image into a small field of code numbers. Stage two learns which numbers
# follow which. Draw new numbers, decode them, and there is a garment that nobody photographed.
#
# **By the end you will have**
#
# - a VQ-VAE that says a 28×28 garment in 49 codes, and a picture of what those codes do;
# - a gated PixelCNN that draws new fields of codes for the class you ask for;
# - an account of every bit: decoder term, latent rate, and one total in bits/dim that can be
#   compared with any other model of these images.
#
# **You need** to have met convolutions, cross-entropy and PyTorch's training loop. Chapters 04
# (gated PixelCNN), 08 (codebook) and 09 (KL = log K) explain the parts in depth; here each part is
# recalled in a few lines as it comes up.
#
# **Time** under 10 minutes on a laptop with two cores, most of it two training cells. On a GPU the
# same cells train larger models for longer; set `TUTORIAL_PROFILE=laptop` there for the short version.

# %% [markdown]
# Everything that decides how long this takes and how good it gets stands in one place. The profile
# printed below the first cell picks the row.

# %% tags=["setup"]
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("tutorial_lib") is None:  # on Colab, for example
    address = "git+https://github.com/from-pixels-to-codes/from-pixels-to-codes"
    package = os.environ.get("TUTORIAL_LIB_SPEC", address)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package], check=True)
    importlib.invalidate_caches()

from tutorial_lib.notebook_setup import start

start()

# %%
from dataclasses import dataclass

from tutorial_lib import profiles


@dataclass(frozen=True)
class Settings:
    n_train: int  # images
    n_test: int
    n_codes: int
    n_channels: int
    n_layers: int
    vqvae_epochs: int
    prior_epochs: int
    precision: str = "no"


settings = profiles.choose(
    smoke=Settings(512, 100, 16, 16, 3, 1, 1),
    laptop=Settings(9000, 2000, 128, 64, 8, 4, 7),
    gpu=Settings(9000, 2000, 128, 96, 12, 40, 40, precision="bf16"),
)
settings

# %% [markdown]
# ## Where this ends
#
# First the destination. These weights come with the package: the two stages of this chapter, trained
# on the full training set for longer than a notebook should take (`results/` says how long and how).
# One row for each class, every image drawn anew.

# %%
import torch

from tutorial_lib import data
from tutorial_lib.plotting import show_images
from tutorial_lib.pretrained import load_pretrained

garments = data.load("fashion-mnist-sample")
shipped = load_pretrained("two-stage-fashion-mnist").to(profiles.device())
labels = torch.arange(10).repeat_interleave(10)
drawn = shipped.sample(100, labels, generator=torch.Generator().manual_seed(0))
show_images(drawn, n_levels=256, row_labels=garments.class_names);

# %% [markdown]
# Look along a row: the class stays, the cut, the sleeves and the shading change. Run the
# cell again with another seed, and all hundred are different ones.
#
# ## 1 · The images, and what the simplest code costs
#
# The package carries 12,000 real images of Fashion-MNIST. A pixel is a *level*, a whole number from
# 0 to 255. We keep it whole: a likelihood in bits is the likelihood of these numbers.

# %%
train = garments.train.subset(settings.n_train)
test = garments.test.subset(settings.n_test)
print(tuple(train.levels.shape), train.levels.dtype, "levels", garments.n_levels)
first_ten = torch.stack([train.levels[train.labels == k][0] for k in range(10)])
show_images(first_ten, n_levels=256, titles=[n.split("/")[0] for n in garments.class_names]);

# %% [markdown]
# > **Predict.** A model that knows nothing gives each of the 256 levels the same probability. What
# > does it pay for an image, in bits per dimension? And in nats for the whole image?
# > <details><summary>A way to think about it</summary>One pixel costs log2(256) bits, whatever its
# > level. There are 784 of them, and a bit is log 2 nats.</details>

# %% tags=["nbval-check-output"]
from tutorial_lib.likelihood import bits_per_dim, nll_nats

nothing_known = torch.zeros(1, 256, 1, 28, 28)  # equal logits for every level
nats = nll_nats(nothing_known, test.levels[:1].long())
print(f"{nats.item():.1f} nats per image = {bits_per_dim(nats, 784).item():.3f} bits/dim")

# %% [markdown]
# Eight bits/dim is the ceiling. Whatever we build has to come in under it, with *everything* counted.
#
# ## 2 · One image in 49 numbers
#
# Follow a single image through an untrained VQ-VAE and watch the shapes.

# %%
from tutorial_lib.vqvae import VQVAE

torch.manual_seed(0)
vqvae = VQVAE(
    in_channels=1,
    n_levels=256,
    n_codes=settings.n_codes,
    code_dim=32,
    downsample=4,
    n_channels=settings.n_channels,
)
one = train.levels[:1].long()
z_e = vqvae.encode(one)
indices = vqvae.encode_indices(one)
logits = vqvae.decode_indices(indices)
for name, tensor in {"levels": one, "z_e": z_e, "indices": indices, "logits": logits}.items():
    print(f"{name:8} {tuple(tensor.shape)}")

# %% [markdown]
# The encoder leaves a 7×7 field of 32 numbers each, `z_e`. Each of the 49 vectors is replaced by the
# *nearest* row of a codebook with K rows (equations 1 and 2 of the paper), so all that is left of
# the image is 49 row numbers. The decoder sees nothing else. It answers with 256 logits for every
# pixel: p(x | z), a proper distribution over levels.
#
# Here is the look-up for one position, done by hand.

# %%
vector = z_e[0, :, 3, 3]
distances = (vqvae.quantizer.codebook - vector).square().sum(dim=1)
print("nearest by hand   ", distances.argmin().item())
print("nearest_code says ", indices[0, 3, 3].item())

# %% [markdown]
# How much can 49 code numbers say? If all K codes are equally likely beforehand, naming one takes
# log K nats. That is exactly the KL divergence of the paper's section 3.1: the posterior puts all
# its mass on one code, the prior spreads it evenly.

# %%
from tutorial_lib.bounds import categorical_kl, latent_rate_nats

K = settings.n_codes
one_hot = torch.eye(K, dtype=torch.float64)[5]
uniform = torch.full((K,), 1 / K, dtype=torch.float64)
rate = latent_rate_nats(49, K)
print(f"KL(one-hot || uniform) = {categorical_kl(one_hot, uniform).item():.4f} nats")
print(f"log K                  = {torch.log(torch.tensor(K)).item():.4f} nats")
print(f"49 codes: {rate:.1f} nats per image = {bits_per_dim(rate, 784):.4f} bits/dim")


# %% [markdown]
# Two things to take from these lines. The rate of the codes is a constant: no gradient comes from
# it, so stage one can forget it. And it is not free: it has to be on the bill at the end.
#
# ## 3 · Stage one: three terms
#
# Equation 3 of the paper, for one batch:
#
# $$L = -\log p(x \mid z_q(x)) + \lVert \mathrm{sg}[z_e(x)] - e \rVert^2
#       + \beta\,\lVert z_e(x) - \mathrm{sg}[e] \rVert^2$$
#
# Here e is the code that was chosen, and sg[·], *stop-gradient*, passes a value on and lets no gradient
# through. (The code below divides the first term by the 784 pixels, so that beta means the same for
# images of every size.)
#
# The first term trains the decoder and, straight through the look-up, the encoder. The second pulls
# codes to the vectors that chose them; we let an online k-means do that instead (the paper's
# appendix A.1), so it is 0 here. The third, the commitment, keeps the encoder near its codes.
# Notice where beta stands: before the encoder's term. Many implementations weight the codebook term
# with it instead.

# %%
def stage_one(model, levels):
    levels = levels.long()
    quantized = model.quantizer(model.encode(levels))
    nats = nll_nats(model.decode(quantized.z_q), levels).mean()
    beta = model.quantizer.commitment_weight
    terms = nats / 784 + quantized.codebook_loss + beta * quantized.commitment_loss
    return {"loss": terms, "decoder bits/dim": bits_per_dim(nats, 784)}


{name: round(value.item(), 3) for name, value in stage_one(vqvae, train.levels[:16]).items()}

# %% [markdown]
# Untrained, it does no better than the model that knows nothing, and pays for the codes on top.
# `fit` is a loop you can read (`tutorial_lib/training.py`): batches, this loss, AdamW, a learning
# rate that rises and then falls to 0. The stop button ends it after the present step, with a model
# that works.

# %%
from tutorial_lib.training import FitConfig, fit

config = FitConfig(epochs=settings.vqvae_epochs, learning_rate=2e-3, precision=settings.precision)
held_out = garments.valid.levels[: settings.n_test]
first = fit(vqvae, stage_one, (train.levels,), config, valid=(held_out,))
print(f"{first.step} steps in {first.seconds / 60:.1f} minutes")

# %%
from tutorial_lib.plotting import show_curves

name = "decoder bits/dim"
show_curves(
    {
        "training": ([r["epoch"] for r in first.rows], [r[name] for r in first.rows]),
        "held-out": (
            [r["epoch"] for r in first.valid_rows],
            [r[f"valid {name}"] for r in first.valid_rows],
        ),
    },
    xlabel="epoch",
    ylabel="decoder term (bits/dim)",
);

# %% [markdown]
# The fall in the first half epoch is the decoder learning that most pixels are black. After that it
# earns its bits more slowly, and the held-out dots stay on the curve: 49 codes leave little room to
# memorise an image.
#
# ## 4 · What the codes have become
#
# Original, decoded mean, and the index map: 49 numbers as 49 colours.

# %%
from tutorial_lib.plotting import show_reconstructions
from tutorial_lib.recipes import extract_codes

shown = first_ten[:8].long().to(profiles.device())
with torch.inference_mode():
    codes = vqvae.encode_indices(shown)
    decoded = vqvae.picture(vqvae.decode_indices(codes))
show_reconstructions(shown / 255, decoded, codes, K);

# %% [markdown]
# Shape and shading survive, print and texture do not. In the index maps, neighbouring patches of the
# same kind often share a code; edges and sleeves have codes of their own. The colours are only names: codes
# 17 and 18 are no more alike than 17 and 90. That will matter in stage two.
#
# Are all the codes at work?

# %%
from tutorial_lib.plotting import show_usage
from tutorial_lib.quantize import code_counts, perplexity

train_codes = extract_codes(vqvae, train.levels)
counts = code_counts(train_codes, K)
show_usage(counts, perplexity(counts).item());

# %% [markdown]
# Perplexity is exp(entropy) of the usage: K if every code is used alike, 1 if one code does it all.
# It comes out well under K: plain patches are far more common than collars and buckles, so their codes
# are used many times as often. An uneven usage is what a learned prior lives on.
#
# What does *one* code do? Take a field, change the code in the middle to each of six others, decode.

# %%
field = codes[:1].repeat(7, 1, 1)
common = counts.argsort(descending=True)[:6].to(field.device)
field[1:, 3, 3] = common
with torch.inference_mode():
    variants = vqvae.picture(vqvae.decode_indices(field))
show_images(variants, titles=["as it was", *(f"code {k}" for k in common.tolist())]);

# %%
change = (variants[1:] - variants[:1]).abs().amax(dim=0)[0].cpu()
rows, columns = (change >= 0.05 * change.max()).nonzero().aminmax(dim=0)
print("pixels that move lie in rows", rows[0].item(), "to", columns[0].item(), end=" and ")
print("columns", rows[1].item(), "to", columns[1].item(), "of 0 to 27")

# %% [markdown]
# One code rules a patch around its own place, wider than its own 4×4 pixels because the decoder's
# convolutions overlap. A code is not "the sleeve of a coat"; it is a suggestion for a patch that is
# read together with its neighbours.
#
# ## 5 · A wrong way: codes from the uniform prior
#
# Training used log K as if every field of codes were equally likely. So why not draw from it: 49
# codes at random, decoded?
#
# > **Predict.** What will the pictures look like?
# > <details><summary>A way to think about it</summary>There are K to the power of 49 fields. The
# > training set has shown the decoder a few thousand of them, all from one small corner: empty
# > background outside, fabric inside.</details>

# %%
noise = torch.Generator().manual_seed(1)
random_fields = torch.randint(K, (10, 7, 7), generator=noise).to(profiles.device())
with torch.inference_mode():
    show_images(vqvae.picture(vqvae.decode_indices(random_fields)))

# %% [markdown]
# Every one is a legal sample of the model "uniform prior, then decoder", and not one is a garment.
# The uniform prior is an honest bookkeeper and a hopeless designer. What is missing is p(z).
#
# ## 6 · Stage two: learn which codes go together
#
# The VQ-VAE is now frozen and every image is its field of indices. That is an "image" again, 7×7
# with K levels, and chapters 02 to 04 have told us how to model one: p(z) as a product of
# conditionals in raster order, by a gated PixelCNN. (In one sentence: one stack of convolutions reads the
# rows above, another the row to the left, and each layer ends in tanh times sigmoid, a gate.) Three
# changes: a code gets a vector of its own (`ordered=False`), since code numbers have no order; each
# position is told its row and column (`coordinates=True`); and the class enters every gate.

# %%
from tutorial_lib.gated import GatedPixelCNN

torch.manual_seed(0)
prior = GatedPixelCNN(
    n_levels=K,
    n_channels=settings.n_channels,
    n_layers=settings.n_layers,
    n_classes=10,
    ordered=False,
    coordinates=True,
)
print(f"{sum(p.numel() for p in prior.parameters()):,} parameters")

# %% [markdown]
# Before training it, one question that no loss curve answers: may it look at what it predicts? The
# influence matrix has a row for each output and a column for each input, and marks where a gradient
# flows.

# %%
import matplotlib.pyplot as plt

from tutorial_lib.influence import blind_spot, influence_matrix
from tutorial_lib.plotting import show_influence

probe = GatedPixelCNN(n_levels=K, n_channels=8, n_layers=settings.n_layers, ordered=False)
reads = influence_matrix(probe, 7, 7, n_probes=1)
print("reads itself or the future:", bool(reads.triu().any()))
print(f"share of the past unread:   {blind_spot(reads):.0%}")
figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="tight")
for ax, target in zip(axes, [(1, 5), (3, 3), (5, 1)], strict=True):
    show_influence(reads[target[0] * 7 + target[1]], 7, 7, target, ax=ax).set_title(f"{target}")

# %% [markdown]
# Blue is read, grey is the target's future; orange would be past that the model cannot see. With
# enough layers there is none: the two stacks of the gated PixelCNN leave no blind spot. (Under the
# smoke profile there are only three layers, and a little orange stays.)
#
# What should it beat? Naming a code blindly costs log2 K bits. Knowing how often each code occurs
# already helps: the entropy of the usage, one number for all positions.

# %%
share = counts.double() / counts.sum()
unigram_bits = -torch.xlogy(share, share).sum().item() / torch.log(torch.tensor(2.0)).item()
print(f"uniform prior   {torch.log2(torch.tensor(K)).item():.2f} bits/code")
print(f"unigram prior   {unigram_bits:.2f} bits/code")


# %%
def stage_two(model, indices, label):
    levels = indices.unsqueeze(1)  # (B, 7, 7) -> one "colour"
    nats = nll_nats(model(levels, label=label), levels).mean()
    return {"loss": nats / 49, "bits/code": bits_per_dim(nats, 49)}


config = FitConfig(epochs=settings.prior_epochs, learning_rate=2e-3, precision=settings.precision)
held_out_codes = extract_codes(vqvae, held_out)
second = fit(
    prior,
    stage_two,
    (train_codes, train.labels),
    config,
    valid=(held_out_codes, garments.valid.labels[: settings.n_test]),
)
print(f"{second.step} steps in {second.seconds / 60:.1f} minutes")

# %%
name = "bits/code"
ax = show_curves(
    {
        "training": ([r["epoch"] for r in second.rows], [r[name] for r in second.rows]),
        "held-out": (
            [r["epoch"] for r in second.valid_rows],
            [r[f"valid {name}"] for r in second.valid_rows],
        ),
    },
    xlabel="epoch",
    ylabel="bits per code",
)
ax.axhline(unigram_bits, color="gray", ls="--", label="unigram")
ax.legend();

# %% [markdown]
# The dashed line is what usage alone is worth. The rest of the fall is structure: what the
# neighbours say about a code, and what the class says about the whole field.
#
# ## 7 · New garments
#
# Both halves together make one generative model: draw a field from the prior, code by code, and
# decode it once.

# %%
from tutorial_lib.two_stage import TwoStageModel

ours = TwoStageModel(vqvae, prior)
labels = torch.arange(10).repeat_interleave(8)
drawn = ours.sample(80, labels, generator=torch.Generator().manual_seed(0), progress=True)
show_images(drawn, n_levels=256, n_columns=8, row_labels=garments.class_names);

# %% [markdown]
# Compare with the random fields of section 5: the same decoder, the same codes, only p(z) is new.
# Compare with the picture at the top: the same two stages with more images, more time, and a slightly deeper prior.
#
# Temperature divides the logits of the prior. Below 1 it plays safe, above 1 it gambles; only at 1
# is it the model. Each column has the same random numbers.

# %%
rows = [
    shipped.sample(8, 8, temperature=t, generator=torch.Generator().manual_seed(3))
    for t in (0.5, 1.0, 1.5)
]
show_images(torch.cat(rows), n_levels=256, n_columns=8, row_labels=["T = 0.5", "T = 1", "T = 1.5"]);

# %% [markdown]
# At half the temperature every bag is a sensible one; at one and a half they fall apart.
#
# There is one more choice hidden in these pictures. They show the decoder's *mean* image. A true
# sample of the model draws each pixel from p(x | z), independently of its neighbours:

# %%
mean = shipped.sample(6, 0, generator=torch.Generator().manual_seed(5))
true = shipped.sample(6, 0, pixels="sample", generator=torch.Generator().manual_seed(5))
pair = torch.cat([mean, true])
show_images(pair, n_levels=256, n_columns=6, row_labels=["mean image", "true sample"]);

# %% [markdown]
# The grain in the lower row is the price of a decoder whose pixels do not talk to each other once
# the codes are known. Remember it when you read the bill: the decoder pays for that ignorance in
# bits.
#
# ## 8 · The bill
#
# What does a test image cost, with everything counted? For the codes that the encoder picks,
#
# $$-\log p(x) \;\le\; \underbrace{-\log p(x \mid z_q(x))}_{\text{decoder term}}
#   \;+\; \underbrace{-\log p(z_q(x))}_{\text{latent rate}}$$
#
# because p(x) is a sum over all fields of codes, and we count one of its terms. First on a toy where
# the whole sum can be written down: 4×4 binary images, 3 codes, 4 positions, so 81 fields.

# %%
from tutorial_lib.likelihood import enumerate_images

torch.manual_seed(2)
toy = (
    TwoStageModel(
        VQVAE(in_channels=1, n_levels=2, n_codes=3, code_dim=2, downsample=2, n_channels=8),
        GatedPixelCNN(n_levels=3, n_channels=8, n_layers=3, ordered=False),
    )
    .double()
    .eval()
)
with torch.inference_mode():
    fields = enumerate_images(2, 2, n_levels=3)  # all 81, (81, 1, 2, 2)
    log_prior = -toy.prior_nll_nats(fields[:, 0])
    print(f"{len(fields)} fields, probabilities sum to {log_prior.exp().sum().item():.9f}")

# %%
images = torch.randint(2, (200, 1, 4, 4))
with torch.inference_mode():
    decoded = toy.vqvae.decode_indices(fields[:, 0])
    log_given = torch.stack([-nll_nats(decoded, x.expand(81, 1, 4, 4)) for x in images])
    exact = torch.logsumexp(log_given + log_prior, dim=1)
    bound = toy.bound_nats(images)
print("bound above the exact value:", (bound > exact).sum().item(), "of", len(images))
print(f"mean gap: {(exact - bound).mean().item():.2f} nats")

# %% [markdown]
# Never above. The gap is what the 80 other fields would have added. A toy at random weights, whose
# codes say almost nothing about the image, leaves a wide one; the better one field explains an
# image, the narrower it gets.
#
# Now the real model, on held-out test images, under both priors.
#
# > **Predict.** Which is larger, the decoder term or the latent rate? By what factor, roughly?
# > <details><summary>A way to think about it</summary>The codes are 49 small numbers for 784 pixels.
# > Everything the codes do not say, the decoder has to pay for pixel by pixel.</details>

# %%
from tutorial_lib.recipes import evaluate_two_stage

bill = evaluate_two_stage(ours, test)
print(f"held-out images         {bill['images']}")
print(f"decoder term            {bill['decoder_bits_per_dim']:.4f} bits/dim")
for prior_name in ("uniform", "prior"):
    rate = bill[f"{prior_name}_rate_bits_per_dim"]
    total = bill[f"total_{prior_name}_bits_per_dim"]
    who = "uniform prior" if prior_name == "uniform" else "learned prior"
    print(f"{who}: rate {rate:.4f}, total {total:.4f} bits/dim")

# %%
from tutorial_lib.plotting import show_stacked_bits

reference = evaluate_two_stage(shipped, test)
rows = {}
for who, numbers in {"this notebook": bill, "shipped weights": reference}.items():
    for prior_name, label in {"uniform": "uniform prior", "prior": "learned prior"}.items():
        rate = numbers[f"{prior_name}_rate_bits_per_dim"]
        rows[f"{who}, {label}"] = (numbers["decoder_bits_per_dim"], rate)
show_stacked_bits(rows);

# %% [markdown]
# The learned prior cuts the latent rate and leaves the decoder term alone, as it must: stage two
# never touches the decoder. The total comes down by exactly the bits saved on the codes.
#
# And the decoder term towers over both. That is not a flaw of the arithmetic, it is the design: the
# codes keep what matters to the eye, and the grain of every pixel is left to a decoder that treats
# pixels as independent. A PixelCNN on the pixels themselves spends all its effort there.
#
# Bits per *code* show stage two more plainly.

# %%
print(f"uniform  {bill['bits_per_code_uniform']:.2f} bits/code")
print(f"unigram  {unigram_bits:.2f} bits/code (on the training codes)")
print(f"learned  {bill['bits_per_code_prior']:.2f} bits/code")
saved = (bill["bits_per_code_uniform"] - bill["bits_per_code_prior"]) * 49
print(f"the learned prior saves {saved:.0f} bits on an average test image")

# %% [markdown]
# > **In words.** A colleague trains a VQ-VAE, reports the bits per code of its prior as "the
# > likelihood of our model", and beats every PixelCNN in the literature. What do you ask?
# > <details><summary>An answer</summary>Where the decoder term is. −log p(z) alone is the likelihood
# > of the *codes*, and a codebook of one code would bring it to zero. Only the sum of decoder term
# > and rate bounds −log p(x), and only in one unit: bits per dimension of the image.</details>
#
# > **In words.** Another colleague trains the prior while the encoder is still learning, "to save
# > time". What goes wrong?
# > <details><summary>An answer</summary>The prior learns the codes of an encoder that no longer
# > exists. Each time the encoder moves, the same images get other codes, and the target of stage two
# > drifts. Freeze stage one first; extracting the codes once then also makes stage two
# > fast.</details>
#
# ## 9 · The same, longer
#
# The command line trains the same two stages at any length, shows its progress, and goes on where it
# was if it is stopped. Run these in a terminal:
#
# ```
# python -m tutorial_lib data fetch fashion-mnist
# python -m tutorial_lib train two-stage --dataset fashion-mnist --out runs/garments
# python -m tutorial_lib sample --run runs/garments --n 64 --label 3 --out dresses.png
# ```
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | eq. 1 | q(z = k given x) is 1 at the nearest code | section 2, nearest by hand | `nearest_code` |
# | eq. 2 | z_q is that code's vector | section 2, shapes | `VectorQuantizer.lookup` |
# | eq. 3 | decoder, codebook and commitment terms | section 3, `stage_one` | `VQVAE.forward` |
# | sec. 3.1 | KL to the uniform prior is log K | section 2, rate of 49 codes | `categorical_kl`, `latent_rate_nats` |
# | sec. 3.2 | log p(x) ≥ log p(x given z_q) + log p(z_q) | section 8, all 81 fields | `two_stage_bound_nats` |
# | sec. 3.3 | an autoregressive prior over the codes | section 6 | `GatedPixelCNN`, `TwoStageModel` |
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 3. H. Xiao, K. Rasul, R. Vollgraf: *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
#    Learning Algorithms*, 2017, arXiv 1708.07747.
