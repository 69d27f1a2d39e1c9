# %% [markdown]
# # From Pixels to Codes: start here
#
# [01 · Images as sequences →](01_images_as_sequences.ipynb) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/00_start_here.ipynb)
#
# This series builds two models that draw by guessing one thing at a time. *PixelCNN* guesses the
# next pixel of an image. A *VQ-VAE* describes an image by a few dozen *codes*, and a second model
# guesses the next code. You write both models yourself, and you test what their papers say of them.
#
# **In the next ten minutes you will have**
#
# - drawn garments that nobody ever photographed, with weights that come with the package;
# - seen how such a picture grows, code by code, and how probable the model finds a real one;
# - the map of the series, and a check of your machine.
#
# **You need** Python for this page. For the chapters you need calculus and one course in deep
# learning. **Time** a minute to the first picture, on any machine.
#
# Press *Run ▸ Run All Cells*, then read. Or run cell by cell with Shift+Enter.

# %% [markdown]
# ## A first picture

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

# %%
import torch

from tutorial_lib import data, profiles
from tutorial_lib.notebook import show_images
from tutorial_lib.recipes import load_pretrained

model = load_pretrained("two-stage-fashion-mnist").to(profiles.device())
names = data.load("fashion-mnist-sample").class_names
labels = torch.arange(10).repeat_interleave(8)
images = model.sample(80, labels, generator=torch.Generator().manual_seed(2))
show_images(images, n_levels=256, n_columns=8, row_labels=names);

# %% [markdown]
# These are eighty garments, eight of each kind, and none of them exists. The model was told only the
# word at the left of each row. Most kinds are easy to recognise. The sandals are the weakest row, and
# some shirts could pass for pullovers. Change the word and the seed below, and run the cell as often
# as you like.

# %%
seed, wanted = 1, "Bag"
images = model.sample(8, names.index(wanted), generator=torch.Generator().manual_seed(seed))
show_images(images, n_levels=256);

# %% [markdown]
# ## How such a picture grows
#
# The model does not draw pixels. It has two parts, trained one after the other:

# %%
from tutorial_lib.notebook import diagrams

boot = data.load("fashion-mnist-sample").test.levels[0].long()
diagrams.two_stages(model, boot, label=9)

# %% [markdown]
# Stage 1 learns to describe an image by a 7×7 field of codes: 49 whole numbers from 0 to 127. Its
# decoder turns such a field back into 28×28 pixels. Stage 2, called the *prior*, learns which fields
# occur. It draws a new field one code after the other, as one writes the words of a line. Then the
# decoder turns the field into a picture.
#
# Below is one ankle boot after 0, 10, 17, 24, ... drawn codes. In the places where no code has been
# drawn yet, we put the code of the upper left corner, which is black.

# %%
noise = torch.Generator().manual_seed(1)
field = model.sample_indices(1, latent_shape=(7, 7), label=9, generator=noise).cpu()
steps = [0, 10, 17, 24, 31, 38, 45, 49]
background = field[0, 0, 0]  # the upper left corner
is_drawn = torch.arange(49) < torch.tensor(steps)[:, None]  # a row for each picture
partial = torch.where(is_drawn, field.flatten(), background).view(-1, 7, 7)
with torch.inference_mode():
    grown = model.vqvae.decode_indices(partial.to(profiles.device()))
show_images(model.vqvae.picture(grown), titles=[f"{n} codes" for n in steps]);

# %% [markdown]
# The codes are drawn in reading order: row by row from the top, each row from left to right. Every
# code may depend on all codes before it. This is the finished field:

# %%
field[0]

# %% [markdown]
# The seven codes of the top row differ, and yet all of that row is black in the picture. Several
# codes can mean nearly the same, and the decoder also reads the neighbours of each code.
#
# ## It can also say how likely a picture is
#
# These models also give each image a probability $p$. We print it as a *cost* in bits per pixel:
# $-\log_2 p$, divided by the number of pixels. The more probable the image, the fewer bits. A model
# that knows nothing gives each of 256 grey levels the same probability, and needs 8 bits for a pixel.
#
# > **Predict.** Below are four test images, the same four upside down, and the same four with their
# > pixels shuffled. In what order will the model rank the three rows?
# > <details><summary>A way to think about it</summary>All three rows have exactly the same grey
# > values. Only their arrangement differs.</details>

# %%
from tutorial_lib.pixels import bits_per_dim

test = data.load("fashion-mnist-sample").test
chosen = [(test.labels == k).nonzero()[0].item() for k in (0, 1, 7, 9)]
real, kinds = test.levels[chosen].long(), test.labels[chosen]
shuffled = real.flatten(1)[:, torch.randperm(784)].view_as(real)
rows = {"real": real, "upside down": real.flip(2), "shuffled": shuffled}
show_images(torch.cat(list(rows.values())), n_levels=256, n_columns=4, row_labels=list(rows));

# %%
device = profiles.device()
for row, levels in rows.items():
    with torch.inference_mode():
        bound = model.bound_nats(levels.to(device), label=kinds.to(device))
    costs = bits_per_dim(-bound, 784)
    print(f"{row:12}", "  ".join(f"{cost:5.2f}" for cost in costs.tolist()), "bits per pixel")

# %% [markdown]
# In every column the real garment costs least, the same garment upside down costs more, and the
# shuffled one costs most, although the grey values are the same. So the model knows how the parts
# of a garment are arranged. Compare numbers within a column only: the four images differ in how much
# detail they have, and detail costs bits (chapter 07 returns to this).
#
# A generative adversarial network could have drawn the first picture, but it has no probabilities,
# so it could not have printed this table. Strictly, the numbers are upper bounds of the cost;
# chapter 13 measures the gap on a small example.
#
# ## Contents
#
# | chapter | you build |
# |---|---|
# | 00 start here | a first picture |
# | [01 images as sequences](01_images_as_sequences.ipynb) | the chain rule on tiny images, nats and bits |
# | [02 masked convolutions](02_masked_convolutions.ipynb) | masks A and B, the blind spot, measured |
# | [03 PixelCNN](03_pixelcnn.ipynb) | a model of images, what it predicts for each pixel, its samples |
# | [04 gated PixelCNN](04_gated_pixelcnn.ipynb) | two stacks and the gate |
# | [05 conditional generation](05_conditional_generation.ipynb) | labels, maps and codes inside the gate |
# | [06 fast sampling](06_fast_sampling.ipynb) | a cached sampler |
# | [07 what a likelihood is good for](07_what_a_likelihood_is_good_for.ipynb) | a classifier by Bayes' rule, anomaly scores |
# | [08 PixelRNN](08_pixelrnn.ipynb) (optional) | the recurrent models, and what they see |
# | [09 autoencoders and the ELBO](09_autoencoders_and_the_elbo.ipynb) | a VAE, and its bound against the truth |
# | [10 the codebook quantizer](10_the_codebook_quantizer.ipynb) | nearest code, straight-through, EMA |
# | [11 KL = log K](11_kl_is_log_k.ipynb) | every bit of a VQ-VAE, accounted for |
# | [12 training a VQ-VAE](12_training_a_vqvae.ipynb) | stage one at length |
# | [13 two-stage generation](13_two_stage_generation.ipynb) | both stages, new garments, the bill in bits |
# | [14 in colour and your own](14_in_colour_and_your_own.ipynb) | emoji in colour and 256 levels, then a folder of your own pictures |
# | [15 sound and video](15_sound_and_video.ipynb) | the same quantizer over speech and clips |
# | [16 after the papers](16_after_the_papers.ipynb) | newer quantizers and priors, on the same bill |
# | [17 training at scale](17_training_at_scale.ipynb) (appendix) | speed, checkpoints, precision, several GPUs |
#
# The library behind the chapters is small enough to read:
# `tutorial_lib/pixels/gated.py` and `tutorial_lib/codes/quantizer.py` hold the main ideas of the two papers.
#
# ## Glossary
#
# Every chapter links to this table. The last column says where a term is explained.
#
# | term | what it means here | chapter |
# |---|---|---|
# | level | the brightness of a pixel as a whole number, from 0 (black) to $L - 1$ (white) | 01 |
# | sub-pixel | one colour of one pixel; a grey image has one for each pixel | 01 |
# | raster order | row by row from the top, left to right, as one reads | 01 |
# | past of a pixel | all pixels that come before it in raster order | 01 |
# | conditional | $p(x_i \mid x_1 \dots x_{i-1})$: how probable each level of a pixel is, given its past | 01 |
# | ancestral sampling | drawing one pixel after the other, each given those drawn before | 01 |
# | inverse CDF | a way to draw: add probabilities up until the sum exceeds a uniform number | 01 |
# | cost | the negative log-likelihood $-\log p(x)$; in bits, how long a file of $x$ has to be under the model | 01 |
# | nat, bit | units of cost, by the natural logarithm and by $\log_2$; a nat is 1.44 bits | 01 |
# | bits/dim | bits divided by the number of sub-pixels | 01 |
# | entropy | the mean cost under the true distribution; no model costs less | 01 |
# | cross-entropy | the mean cost under a model: entropy plus KL divergence | 01 |
# | KL divergence | $D_{\mathrm{KL}}(q \,\Vert\, p)$: the mean extra cost of using $p$ where $q$ is true | 01 |
# | held-out | not used in training, so a fair test | 01 |
# | tap | one entry of a convolution's kernel | 02 |
# | stack | layers applied one after the other | 02 |
# | mask A, mask B | kernels that read the past only; B reads the pixel's own features as well | 02 |
# | receptive field | the pixels that can change a prediction | 02 |
# | influence matrix | which output depends on which input, measured by gradients | 02 |
# | blind spot | pixels of the past that no number of masked layers reaches | 02 |
# | logits | numbers whose softmax is a distribution over levels | 03 |
# | residual block | layers that add something to their input | 03 |
# | completion | drawing the pixels that are missing, given the others | 03 |
# | temperature | a number that divides the logits before a draw; below 1, likely levels get likelier | 03 |
# | vertical, horizontal stack | the layers that read the rows above, and those that read the own row | 04 |
# | gate | $\tanh(\text{value}) \cdot \sigma(\text{switch})$ in place of a ReLU | 04 |
# | context | features, one for each pixel, that a model is told beside the past | 05 |
# | cache | features that are kept because no later pixel changes them | 06 |
# | kernel launch | the start of one routine on a GPU; it costs the same for much work or little | 06 |
# | LSTM | a recurrent layer: switches decide what of its memory stays, is written and is shown | 08 |
# | prior, posterior | what is believed before, and after, something was seen | 07, 09 |
# | likelihood, evidence | $p(x \mid z)$, the image's probability under one code; $p(x)$, under all codes | 09 |
# | latent, code | what an encoder says of an image: a vector $z$, or the numbers of vectors in a codebook | 09 |
# | ELBO | a lower bound on $\log p(x)$: reconstruction minus KL | 09 |
# | reparameterisation | a draw written as $\mu + \sigma\epsilon$, so that a gradient passes | 09 |
# | posterior collapse | the code says nothing about the image, and the decoder works without it | 09 |
# | hole | a part of the code space where no image's code lies | 09 |
# | codebook | $K$ code vectors; the nearest one to the encoder's vector is the code | 10 |
# | straight-through | the decoder's gradient is copied to the encoder, past the look-up | 10 |
# | commitment loss | what keeps the encoder's vectors near their codes, times $\beta$ | 10 |
# | EMA | exponential moving average; moves the codes without a loss | 10 |
# | dead code | a code that no vector chooses any more; a restart moves it | 10 |
# | perplexity | how many codes are used, counted as if all were used alike | 10 |
# | rate | what the codes of an image cost | 11 |
# | decoder term | what the image costs when its codes are known | 11 |
# | stage one, stage two | training the VQ-VAE; training a prior on its codes | 12, 13 |
# | precision, recall | how many drawn images look real; how many kinds of real images are drawn | 13 |
# | mu-law | sound levels with small steps near silence and large ones where it is loud | 15 |
# | spectrogram | a picture of a sound: time to the right, frequency upwards, bright is loud | 15 |
# | mutual information | how much one quantity tells about another, in bits; 0 if they are independent | 15 |
# | FSQ, lookup-free code | codes without a codebook: each of a few numbers is rounded, or only its sign is kept | 16 |
# | rotation trick | the decoder's gradient, turned and scaled on its way to the encoder | 16 |
# | residual codes | several codes at one place, each for what those before it left over | 16 |
# | attention | a mean of values from other places, weighted by how well their keys fit a query | 16 |
# | masked prediction | hidden codes are predicted from the visible ones, on both sides | 16 |
#
# ## How the notebooks work
#
# - **Predict, then run.** A question with a folded answer stands before a surprising output. Answer
#   it in your head before you run the cell.
# - **Exercises.** A card says what to build, a stub ends in `____`, and the last line of its cell checks
#   what you wrote, on new inputs each time. A wrong answer is told which mistake it is and what
#   shows it. `.hint()`, `.hint(2)` and `.solution()` help. Until your version passes, the chapter
#   goes on with the library's.
# - **Folded cells.** Set-up, settings and cards hide their code. Click the bar or the dots to see it.
# - **Run All always finishes**, exercises done or not, without a GPU and without a network.
# - **You work on a copy** if you came here by `make lab`: an update of the project takes no answer
#   away. A chapter that you have changed stays as it is, and its new version lies beside it, as in
#   `02_masked_convolutions (new 2026-11-30)`. Your points are kept outside the project.
# - **Profiles.** The line under the setup cell names yours: `laptop` keeps a training cell to a
#   few minutes on two cores, `gpu` trains longer, `smoke` is for tests. To choose, set the
#   environment variable `TUTORIAL_PROFILE` before starting Jupyter.
# - **The stop button** ends a training cell after the present step. The model keeps what it has
#   learned so far.
#
# ## Your machine
#
# Run this cell. Every line should begin with "ok"; where it does not, the arrow says what to do. (The
# lines saved with this page are from our own machine, which may have been busy with other work.)

# %% tags=["nbval-ignore-output"]
from tutorial_lib.recipes import report

report();

# %% [markdown]
# Next: [01 · Images as sequences](01_images_as_sequences.ipynb), from the beginning; or straight to
# [13 · Two-stage generation](13_two_stage_generation.ipynb), which trains a smaller model of
# the same kind.
#
# ## References
#
# 1. A. van den Oord, N. Kalchbrenner, O. Vinyals, L. Espeholt, A. Graves, K. Kavukcuoglu:
#    *Conditional Image Generation with PixelCNN Decoders*, 2016, arXiv 1606.05328.
# 2. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 3. H. Xiao, K. Rasul, R. Vollgraf: *Fashion-MNIST*, 2017, arXiv 1708.07747.
