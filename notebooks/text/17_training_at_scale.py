# %% [markdown]
# # 17 · Training at scale: speed, checkpoints, precision, several GPUs
#
# [← 16 · After the papers](16_after_the_papers.ipynb) · [Contents](00_start_here.ipynb#Contents) · [Glossary](00_start_here.ipynb#Glossary) · [Open in Colab](https://colab.research.google.com/github/from-pixels-to-codes/from-pixels-to-codes/blob/main/notebooks/17_training_at_scale.ipynb)
#
# An appendix to [12 · Training a VQ-VAE](12_training_a_vqvae.ipynb), for those who train for longer than
# a notebook: how fast a step is on your machine, how a run is stopped and resumed to the last bit, which
# numbers must not be rounded, and what several GPUs have to tell each other. No chapter needs it.
#
# **By the end you will have**
#
# - timed a training step with other memory layouts and in half precision, on this machine;
# - stopped a training half-way and resumed it to the same weights bit for bit, and seen what each
#   forgotten part of a checkpoint does;
# - looked at the numbers that have to stay in float32, and at the sums that several processes have to
#   share.
#
# **You need** chapters 10 (codebook, running averages) and 12 (the step that is trained).
#
# **Time** about forty minutes of reading and exercises; running everything takes about two minutes on
# a laptop with two cores.

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
from tutorial_lib.exercises import ch17


@dataclass
class Settings:
    n_train: int  # images
    n_held_out: int
    epochs: int  # of the run that is stopped and resumed
    batch_size: int
    n_codes: int  # K
    code_dim: int  # D
    n_channels: int
    small_train: int  # images for each run of the twins
    precision: str = profiles.fast_precision()
    try_compile: bool = False


settings = profiles.choose(
    smoke=Settings(512, 128, 2, 32, 32, 8, 16, 256),
    laptop=Settings(4096, 1000, 3, 32, 128, 32, 64, 2048),
    gpu=Settings(9000, 1000, 10, 128, 512, 64, 128, 8192, try_compile=True),
)
settings

# %% [markdown]
# ## Where this ends
#
# A code has been chosen 100 times a batch, and is now chosen 120 times. Its count is a running average
# with gamma = 0.99. Here is where the average goes, in float32 and in bfloat16.

# %%
import matplotlib.pyplot as plt
import torch

figure, ax = plt.subplots(figsize=(6, 2.2), layout="tight")
for dtype in (torch.float32, torch.bfloat16):
    count, path = torch.tensor(100.0, dtype=dtype), []
    for _ in range(400):
        count.lerp_(torch.tensor(120.0, dtype=dtype), 0.01)
        path.append(count.item())
    ax.plot(path, label=str(dtype).removeprefix("torch."))
ax.set(xlabel="step", ylabel="averaged count", ylim=(98, 122))
ax.legend();

# %% [markdown]
# In bfloat16 it stays at 100 for good: each step would add 0.2, and near 100 the numbers of this
# format lie half a unit apart. Nothing raises.
#
# The rest of this chapter needs a model, a batch and a step: those of chapter 12, with a small set of
# garments in 16 levels.

# %%
from tutorial_lib import data
from tutorial_lib.codes import VQVAE
from tutorial_lib.pixels import bits_per_dim
from tutorial_lib.training import FitConfig

device = profiles.device()
garments = data.load("fashion-mnist-sample").with_n_levels(16)
train = garments.train.subset(settings.n_train)
held_out = garments.valid.subset(settings.n_held_out)
batch = train.levels[: settings.batch_size].to(device)
config = FitConfig(
    epochs=settings.epochs,
    batch_size=settings.batch_size,
    learning_rate=2e-3,
    precision=settings.precision,
)
n_steps = config.epochs * (settings.n_train // config.batch_size)


# %%
def new_model(seed=0, **changes):
    """An untrained VQVAE of this chapter's settings, with some of them changed."""
    torch.manual_seed(seed)
    chosen = {
        "n_codes": settings.n_codes,
        "code_dim": settings.code_dim,
        "n_channels": settings.n_channels,
        **changes,
    }
    return VQVAE(in_channels=1, n_levels=16, **chosen).to(device)


def stage_one(model, levels):
    """Equation 3 for a batch, and what is worth watching."""
    out = model(levels.long())
    quantized, n_dims = out.quantized, levels[0].numel()
    beta = model.quantizer.commitment_weight
    decoder = out.nll_nats.mean() / n_dims
    return {
        "loss": decoder + quantized.codebook_loss + beta * quantized.commitment_loss,
        "decoder bits/dim": bits_per_dim(out.nll_nats.mean(), n_dims),
        "commitment": quantized.commitment_loss,
    }


fresh_vqvae = new_model()

# %% [markdown]
# ## 1 · How fast is a step, here?
#
# Three switches change the speed of a step and hardly its result. Which of them pay is a question
# to your machine, not to a book:
#
# - **channels_last** stores the channels of one pixel side by side, the order in which fast
#   convolutions read them;
# - **half precision** does convolutions in numbers of half the size: bfloat16 with 8 binary digits
#   (section 3 says where that must stop), or float16 on GPUs older than the A100, which have no
#   bfloat16;
# - **torch.compile** has a compiler fuse the many small operations of a network into few. The
#   compiling takes from a quarter of a minute to minutes, so it pays in long runs on a GPU and
#   hardly ever in a notebook on a laptop, where this chapter leaves it alone.

# %%
import copy
import time

half_type = torch.float16 if settings.precision == "fp16" else torch.bfloat16


def seconds_per_step(model, *, half, repeats=5):
    """The best of several training steps: the one that other programs disturbed least."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        with torch.autocast(device.type, half_type, enabled=half):
            loss = stage_one(model, batch)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()  # a GPU works on while Python has gone ahead
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])  # the first one also sets things up


# %% tags=["nbval-ignore-output"]
timings = {}
for half in (False, True):
    for name, layout in {
        "channels first": torch.contiguous_format,
        "channels last": torch.channels_last,
    }.items():
        probe = copy.deepcopy(fresh_vqvae).train().to(memory_format=layout)
        number_format = str(half_type if half else torch.float32).removeprefix("torch.")
        timings[number_format, name] = seconds_per_step(probe, half=half)
slowest = max(timings.values())
for (number_format, layout), seconds in timings.items():
    print(f"{number_format:9} {layout:15} {1000 * seconds:7.1f} ms   ×{slowest / seconds:.2f}")


# %% [markdown]
# These lines speak of your machine at this moment; run the cell twice and see how far they can be
# trusted. `fit` uses channels_last on a CPU, where it was measured to pay, and its precision is the
# one in `settings`. `profiles.fast_precision()` says "bf16" only where the machine computes in it at
# full speed: elsewhere bfloat16 is imitated, and may be slower than float32. For a GPU that has
# float16 alone it says "fp16". The smallest positive float16 is 6e-8, and many gradients are smaller.
# So `fit` multiplies the loss by a large number before the backward pass, and divides the gradients
# by it after; where that overflows, it leaves the step out and halves the number (`GradScaler`).
#
# Under the `gpu` profile the next cell compiles encoder and decoder, times the result, and keeps it
# only if it is faster. The codebook is left out: nearly all of the work is in the two
# networks.

# %%
def compile_networks(model):
    """Compile encoder and decoder in place; names and weights stay as they are."""
    model.encoder.compile()
    model.decoder.compile()
    return model


pays = False
if settings.try_compile:
    half = settings.precision != "no"
    number_format = str(half_type if half else torch.float32).removeprefix("torch.")
    eager = timings[number_format, "channels last"]
    probe = copy.deepcopy(fresh_vqvae).train().to(memory_format=torch.channels_last)
    try:
        began = time.perf_counter()
        compiled = seconds_per_step(compile_networks(probe), half=half)
        print(f"eager {1000 * eager:.1f} ms, compiled {1000 * compiled:.1f} ms a step,")
        print(f"after {time.perf_counter() - began:.0f} s, most of them compiling")
        pays = compiled < eager
    except Exception as error:  # no compiler on this machine, for example
        print(f"torch.compile does not work here ({type(error).__name__}); we do without")
print("the run below is", "compiled" if pays else "not compiled")

# %% [markdown]
# ## 2 · A run that may be stopped
#
# A long run will be interrupted: a lid is closed, Colab disconnects, somebody stumbles over a cable. So
# the run keeps its state in a folder.
#
# Now press the stop button half-way, in the midst of an epoch. So that *Run All* can do it too, the
# step below presses it by itself: it raises the signal that the button sends. (To keep a run of
# chapter 12 on a machine that may be taken away, such as Colab's: see its section 3.)

# %%
import signal
import tempfile
from pathlib import Path


def stopping(step, at):
    """The step function, with the stop button pressed in training step number `at`."""
    taken = 0

    def counted(model, *batch):
        nonlocal taken
        taken += model.training  # held-out images are not counted
        if taken == at and model.training:
            signal.raise_signal(signal.SIGINT)
        return step(model, *batch)

    return counted


runs = tempfile.TemporaryDirectory()  # gone when the kernel ends
out = Path(runs.name) / "garments"

# %% tags=["nbval-ignore-output"]
from tutorial_lib.training import fit

vqvae = copy.deepcopy(fresh_vqvae)
if pays:
    compile_networks(vqvae)
cut_off = fit(
    vqvae,
    stopping(stage_one, at=n_steps // 2 + 5),
    (train.levels,),
    config,
    valid=(held_out.levels,),
    out=out,
    progress=False,
)
print(f"stopped after step {cut_off.step} of {cut_off.n_steps}; finished: {cut_off.finished}")

# %% [markdown]
# No exception, no half step: the button ended the run *after* the step at hand, and the model can
# be used as it is. What has been written?
#
# > **Predict.** The checkpoint is about three times as large as the weights of the model. What else
# > is in it?
# > <details><summary>A way to think about it</summary>Which numbers does a step of Adam read,
# > beside weights and gradients?</details>

# %% tags=["nbval-ignore-output"]
from tutorial_lib.training import read_tensors

tensors, header = read_tensors(out / "checkpoint.safetensors")
groups = {}
for name, tensor in tensors.items():
    kind, *rest = name.split("/")  # model/..., optimizer/0/exp_avg, ...
    group = kind if kind == "model" else f"{kind}/{rest[-1]}"
    count, size = groups.get(group, (0, 0))
    groups[group] = count + 1, size + tensor.numel() * tensor.element_size()
for group, (count, size) in groups.items():
    print(f"{group:22} {count:3} tensors {size / 1024:9.1f} KiB")
print("and in the header:", ", ".join(header), f"(step {header['history']['step']})")

# %% [markdown]
# Weights and buffers; Adam's two averages for each weight, and its count of steps; the state of the
# random numbers; the step, which fixes the learning rate and the next batch; and what the run was
# told, so that a checkpoint of *another* run is refused and not continued. Leave out weights,
# averages, random numbers or step, and the resumed run is another run. (`sums` are those of the row
# of the history that was half full at the stop, so that the curve goes on without a gap. The random
# numbers are needed here because restarted codes are drawn.)
#
# ### Exercise 17.1
#
# Here is a run in miniature: a weight, a momentum, data in a fixed order, a falling rate and noise.
# Write its loop so that it may be cut anywhere.

# %% jupyter={"source_hidden": true} cellView="form"
ch17.train_from.card()


# %%
def train_from(state: dict, data: torch.Tensor, n_steps: int, noise: float) -> dict:
    """n_steps of training that go on where `state` left off; returns the state at their end.

    A call of 3 steps and, from what it returns, a call of 4 must end where one call of 7 ends.

    state    "weight" (D,), "momentum" (D,), "step": the steps taken so far, over all calls, and
             "rng": the state of a torch.Generator (get_state, set_state). Nothing in the dict
             that was handed in may change
    data     (N, D). Step t, counted from 0 over all calls, sees row t mod N
    noise    each step draws n = torch.randn of weight's shape and dtype from the generator
    returns  a new dict with the same four entries

    One step: gradient g = weight - row + noise * n,   momentum <- momentum / 2 + g,
              weight <- weight - momentum / (2 (t + 1))

    By hand: no noise, data [[0], [2]], weight [1], momentum [0], step 0. Step 0: g = 1, momentum 1,
             weight 1 - 1/2 = 0.5. Step 1: g = -1.5, momentum -1, weight 0.5 + 1/4 = 0.75
    """
    ____


train_from = ch17.train_from.check(train_from)

# %% [markdown]
# Cut a miniature run at every possible step, and forget one part of the state at the cut. How far
# does each end from the run that was left alone?

# %%
rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
fresh = {
    "weight": torch.zeros(3, dtype=torch.float64),
    "momentum": torch.zeros(3, dtype=torch.float64),
    "step": 0,
    "rng": torch.Generator().manual_seed(2).get_state(),
}
left_alone = train_from(fresh, rows, 20, 0.5)["weight"]
figure, ax = plt.subplots(figsize=(6, 2.8), layout="tight")
for forgotten in (None, "momentum", "step", "rng"):
    gaps = []
    for cut in range(1, 20):
        saved = train_from(fresh, rows, cut, 0.5)
        restored = saved if forgotten is None else {**saved, forgotten: fresh[forgotten]}
        gaps.append((train_from(restored, rows, 20 - cut, 0.5)["weight"] - left_alone).abs().max())
    ax.plot(range(1, 20), gaps, marker="o", ms=3, label=f"{forgotten or 'nothing'} forgotten")
    print(f"{forgotten or 'nothing':9} forgotten: largest difference {max(gaps):.2g}")
ax.set(xlabel="cut after step", ylabel="largest difference at the end", xticks=range(1, 20, 3))
ax.legend();

# %% [markdown]
# Only the run that forgot nothing lies on zero, and exactly there. The others *look* healthy, each
# in its own way: no error, a sensible weight, a result that nobody can repeat.
#
# ### Resumed
#
# To be sure that everything comes from the file, a **new** model takes over, with other random
# weights.

# %% tags=["nbval-ignore-output"]
vqvae = new_model(seed=99)
if pays:
    compile_networks(vqvae)
history = fit(
    vqvae,
    stage_one,
    (train.levels,),
    config,
    valid=(held_out.levels,),
    out=out,
    progress=False,
)
print(f"step {history.step} of {history.n_steps} in {history.seconds / 60:.1f} minutes in all")

# %% [markdown]
# The run went on where it had stopped. But does it end where an undisturbed run would have ended? A
# smaller twin can afford the answer: once left alone, once stopped and resumed, and once "resumed"
# in the way that many scripts do it, by loading the weights and nothing else.

# %%
from dataclasses import replace

from tutorial_lib.recipes import load_weights, save_weights

small = {"n_codes": 32, "code_dim": 16, "n_channels": 16, "n_blocks": 1}
small_data = (train.levels[: settings.small_train],)
small_config = replace(config, epochs=2, seed=3, batch_size=32)
half_way = settings.small_train // 32


def differing(one, other):
    """How many tensors of two models differ, of how many, and weights by how much at most?"""
    pairs = list(zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    n = sum(not torch.equal(a, b) for a, b in pairs)
    weights = zip(one.parameters(), other.parameters(), strict=True)
    return n, len(pairs), max((a - b).abs().max().item() for a, b in weights)


# %%
alone = new_model(**small)
fit(alone, stage_one, small_data, small_config, progress=False)

folder = Path(runs.name) / "twin"
cut = new_model(**small)
fit(cut, stopping(stage_one, half_way), small_data, small_config, out=folder, progress=False)
resumed = new_model(seed=99, **small)
fit(resumed, stage_one, small_data, small_config, out=folder, progress=False)

saved = Path(runs.name) / "weights.safetensors"
first_half = new_model(**small)
fit(first_half, stopping(stage_one, half_way), small_data, small_config, progress=False)
save_weights(saved, first_half)
weights_only = load_weights(saved).to(device)
fit(weights_only, stage_one, small_data, replace(small_config, epochs=1), progress=False)
for name, model in {"stopped and resumed": resumed, "weights only": weights_only}.items():
    n, of, gap = differing(alone, model)
    print(f"{name:20} {n:2} of {of} tensors differ, weights by at most {gap:.2g}")

# %% [markdown]
# On a CPU the resumed twin has the very same bits: weights, codebook, counts. (A GPU may add the
# vectors of a code in another order each time; there, "the same up to rounding" is what can be
# had.) The run that kept weights only is another run. It started Adam's averages at 0, rose through
# a second warm-up and saw the first batches again.
#
# ## 3 · What must stay in float32
#
# bfloat16 has the range of float32 and 8 binary digits of precision.

# %% tags=["nbval-check-output"]
sixteen_bits = torch.bfloat16
print("1 + 1/128 =", (torch.tensor(1.0, dtype=sixteen_bits) + 1 / 128).item())
print("1 + 1/256 =", (torch.tensor(1.0, dtype=sixteen_bits) + 1 / 256).item())
print("1000 + 1  =", (torch.tensor(1000.0, dtype=sixteen_bits) + 1).item())
print(f"largest number: {torch.finfo(sixteen_bits).max:.2g}, of float32: {torch.finfo().max:.2g}")


# %% [markdown]
# For a convolution that is enough: thousands of rounded products are summed in float32, and the
# errors go both ways. For small *changes* of a number, or small *differences* of two, it is not.
# Mixed precision therefore keeps the weights in float32 and rounds copies of them. What does
# autocast do to each part of this model?

# %%
def dtypes_under_autocast(model, levels):
    """(part, dtype that goes in, dtype that comes out) for the parts of one training step."""
    rows = []

    def note(name):
        return lambda module, args, out: rows.append(
            (name, args[0].dtype, getattr(out, "z_q", out).dtype)
        )

    parts = {"encoder": model.encoder, "quantizer": model.quantizer, "decoder": model.decoder}
    hooks = [part.register_forward_hook(note(name)) for name, part in parts.items()]
    with torch.autocast(device.type, torch.bfloat16):
        loss = stage_one(model, levels)["loss"]
    loss.backward()
    for hook in hooks:
        hook.remove()
    return [*rows, ("the loss", rows[-1][2], loss.dtype)]


probe = copy.deepcopy(alone).train()
for part, goes_in, comes_out in dtypes_under_autocast(probe, batch):
    print(f"{part:10} {goes_in!s:15} -> {comes_out}")
kinds = {p.dtype for p in probe.parameters()}, {p.grad.dtype for p in probe.parameters()}
print("weights, gradients:", *kinds)

# %% [markdown]
# The convolutions hand over bfloat16, the codebook and the loss answer in float32, and the weights
# with their gradients have never left it. Who has to, and who may?
#
# | part | may be bf16? | why |
# |---|---|---|
# | convolutions of encoder and decoder | yes | large sums, taken in float32 inside |
# | distances to the codes, argmin | **no** | differences of nearly equal numbers |
# | counts, sums and codes of the averages | **no** | changes of a hundredth are rounded away |
# | log-likelihood, loss | **no** | a sum over 784 pixels; the library takes it in float32 |
# | weights, Adam's averages | **no** | steps much smaller than the weight |
#
# The averages were the first figure of this chapter.
#
# Then the distances. Take the trained model, and look up the codes of held-out images three times:
# in float32, and in bfloat16 with the distance written in two ways.
#
# > **Predict.** Which share of the codes will change if the *look-up* is done in bfloat16, and all
# > else in float32? <details><summary>A way to think about it</summary>Two codes may be exchanged
# > if their distances differ by less than about one part in 256. With K codes around, how far ahead
# > is the nearest?</details>

# %%
from tutorial_lib.codes import vectors_of

with torch.inference_mode():
    z_e = vectors_of(vqvae.encode(held_out.levels[:1000].long().to(device)))
    book = vqvae.quantizer.codebook
    by_norms = [
        (e.square().sum(dim=1) - 2 * z @ e.T).argmin(dim=1)
        for z, e in ((z_e, book), (z_e.to(sixteen_bits), book.to(sixteen_bits)))
    ]
    z, e = z_e.to(sixteen_bits), book.to(sixteen_bits)
    pieces = [(part[:, None] - e).square().sum(dim=2).argmin(dim=1) for part in z.split(4096)]
    directly = torch.cat(pieces)
    right = by_norms[0]
    lost = [(z_e - book[each]).square().sum(dim=1).mean() for each in (right, by_norms[1])]
print(f"bf16, ‖e‖² - 2 z·e:  {(by_norms[1] != right).double().mean():.1%} of the codes differ")
print(f"bf16, (z - e)²:      {(directly != right).double().mean():.1%} of the codes differ")
print(f"mean squared distance: {lost[0]:.4f} with the right codes, {lost[1]:.4f} with the others")

# %% [markdown]
# Written as $\lVert e\rVert^2 - 2\, z \cdot e$ the distance is a difference of larger numbers, and rounding hurts most.
# The wrong codes are nearly as near, so the pictures hardly suffer. The *indices* do: stage two
# learns which index follows which, and an image may get other indices on another machine, or with
# another batch size. The library takes distances in float32 whatever surrounds them.
#
# ### Exercise 17.2
#
# This one has a trap. Under autocast a product of float32 matrices is not a
# float32 product.

# %% jupyter={"source_hidden": true} cellView="form"
ch17.code_under_autocast.card()


# %%
def code_under_autocast(vectors: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """The nearest code of every vector, in float32, although the call happens under autocast.

    vectors   (n, D) from the encoder: torch.bfloat16, or torch.float32
    codebook  (K, D) torch.float32
    returns   (n,) torch.long: argmin over the codes of the squared distance; the lower index where
              two are equally near

    The check calls you inside `with torch.autocast("cpu", torch.bfloat16):`, where a matrix product
    is taken in bfloat16 whatever is handed to it.

    By hand: the vector [1] with the codes [[1.2], [1.1], [0.8]] gives 1: the distances are 0.04,
             0.01 and 0.04
    """
    ____


code_under_autocast = ch17.code_under_autocast.check(code_under_autocast)

# %%
with torch.inference_mode(), torch.autocast(device.type, sixteen_bits):
    ours = code_under_autocast(z_e, book)
    naive = (book.square().sum(dim=1) - 2 * z_e.float() @ book.T).argmin(dim=1)
print("float32 inputs, product under autocast:", f"{(naive != right).double().mean():.1%} differ")
print("the function above:                    ", f"{(ours != right).double().mean():.1%} differ")


# %% [markdown]
# (A function that subtracts and squares never meets the trap: autocast rounds matrix products and
# convolutions, and leaves differences alone. It pays with a table of n × K × D numbers.)
#
# ## 4 · Beyond one GPU
#
# A VQ-VAE on a machine with N GPUs, from a terminal (on all 256 levels, with the command's own
# settings):
#
# ```
# torchrun --standalone --nproc-per-node=N -m tutorial_lib train vqvae \
#     --profile gpu --dataset fashion-mnist --out runs/garments
# ```
#
# This starts N processes with the same program. Each holds the whole model and takes its share of
# every batch. Four things make it the *same* training as this command on one GPU:
#
# - **the same global batch.** `batch_size` counts the images of all processes together, and the
#   N shares of a batch are the batch: same learning rate, same schedule, same order;
# - **gradients are averaged** before each step, so that all replicas take the same one;
# - **codebook statistics are summed.** Counts and sums of equations 6 and 7 come from all
#   processes, and restarted codes are drawn by one of them and sent to the others;
# - **one writer.** Process 0 writes checkpoints and metrics; the others wait. A run that was
#   stopped on four GPUs may be resumed on one.
#
# First the gradients. Two shares of a batch, each with its own loss, against the whole batch:

# %%
def gradient(model, levels):
    """All gradients of a step in one row."""
    loss = stage_one(model, levels)["loss"]
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, model.parameters())])


probe = copy.deepcopy(alone).eval()  # eval: the codebook holds still while we look
whole = gradient(probe, batch)
shares = [gradient(probe, part) for part in batch.chunk(2)]
together = (shares[0] + shares[1]) / 2
print(f"largest gradient {whole.abs().max():.2g}")
print(f"two shares averaged, difference to the whole batch: {(together - whole).abs().max():.1g}")
print(f"one share alone, difference:                        {(shares[0] - whole).abs().max():.1g}")

# %% [markdown]
# Means of equal shares may be averaged. Codes may not. One code, vectors of one number; process 0
# has one vector that chose it, process 1 has three.
#
# > **Predict.** Process 0 sees the vector 1, process 1 the vectors 5, 5 and 5. Where should the
# > code go? Where does it go if each process computes its own and the two are averaged?

# %% tags=["nbval-check-output"]
process_0, process_1 = torch.tensor([1.0]), torch.tensor([5.0, 5.0, 5.0])
sums, counts = process_0.sum() + process_1.sum(), len(process_0) + len(process_1)
print("sums and counts added up, then divided:", (sums / counts).item())
print(
    "each its own mean, then averaged:      ", (process_0.mean() / 2 + process_1.mean() / 2).item()
)
print("not exchanged:", process_0.mean().item(), "here,", process_1.mean().item(), "there")

# %% [markdown]
# The last line is the worst: no error, no warning, and after a while the two replicas decode the
# same index differently. It is a frequent mistake: frameworks average the gradients for you, and
# not the buffers that a module moves by itself. (PyTorch's DistributedDataParallel copies those of
# process 0 over the others before each forward pass, if not told otherwise. Then nobody drifts, but
# the codes follow process 0 alone: 1 in the place of 4.)
#
# What is *not* kept: the last bits. A sum over processes is formed in another order than a sum in
# one, so N GPUs agree with one GPU up to rounding.

# %%
ch17.progress()

# %% [markdown]
# > **In words.** A run was resumed from a file that holds the weights only. The loss jumps up, then
# > comes down again. Where does the jump come from, and is the result worthless?
# > <details><summary>An answer</summary>Adam starts with empty averages and the schedule with a new
# > warm-up and a high rate, which drives the weights away from where a low rate had settled them.
# > The result may be as good; it is not the run that was described, and nobody can repeat
# > it.</details>
#
# ## Summary
#
# | paper (VQ-VAE) | what it says | here | in the library |
# |---|---|---|---|
# | eqs. 1, 2 | nearest code, its vector | section 3, in float32 | `quantizer.nearest_code` |
# | app. A.1, eqs. 6 to 8 | codes as running averages | first figure, sections 3, 4 | `quantizer.VectorQuantizer` |
# | not in the paper | stopped and resumed, bit for bit | section 2, exercise 17.1 | `training.fit`, `checkpoint.save_run` |
# | not in the paper | layouts, half precision, compiling | section 1 | `training.FitConfig`, `profiles.fast_precision` |
# | not in the paper | several processes, one training | section 4 | `training.distributed` |
#
# Before: [16 · After the papers](16_after_the_papers.ipynb). This is the last page. All chapters:
# [00 · Start here](00_start_here.ipynb).
#
# ## References
#
# 1. A. van den Oord, O. Vinyals, K. Kavukcuoglu: *Neural Discrete Representation Learning*, 2017,
#    arXiv 1711.00937.
# 2. D. P. Kingma, J. Ba: *Adam: A Method for Stochastic Optimization*, 2015, arXiv 1412.6980.
# 3. P. Micikevicius and others: *Mixed Precision Training*, 2018, arXiv 1710.03740.
# 4. H. Xiao, K. Rasul, R. Vollgraf: *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
#    Learning Algorithms*, 2017, arXiv 1708.07747.
