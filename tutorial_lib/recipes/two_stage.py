"""The two stages as recipes: training, evaluation, and a result in JSON.

Stage one trains a VQVAE with eq. 3 of the paper. Stage two freezes it, turns every image into its
indices once, and trains a gated PixelCNN or a transformer on the indices. A run folder holds

    vqvae/        checkpoint and metrics of stage one
    prior/        checkpoint and metrics of stage two
    vqvae.safetensors, two-stage.safetensors     finished weights, with the facts of the run
    result.json   facts, settings, device, versions, time and held-out numbers

and a run that was stopped goes on where it was when it is started again.
"""

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Integer
from torch import Tensor, nn

from tutorial_lib import profiles
from tutorial_lib.codes.quantizer import code_counts, perplexity
from tutorial_lib.codes.transformer_prior import TransformerPrior
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts import Count, Natural, around, checked, filled, having, inside
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import bits_per_dim
from tutorial_lib.pixels.modes import in_eval_mode
from tutorial_lib.recipes import preconditions
from tutorial_lib.recipes.image_model import image_step
from tutorial_lib.recipes.pretrained import load_stage_one, save_weights
from tutorial_lib.recipes.results import provenance, write_result
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings, VQVAESettings
from tutorial_lib.training.checkpoint import digest_of
from tutorial_lib.training.config import History
from tutorial_lib.training.distributed import once
from tutorial_lib.training.loop import fit

OfVQVAE = Annotated[nn.Module, inside(VQVAE)]


@checked
def vqvae_step(
    model: Annotated[nn.Module, around(inside(VQVAE))], levels: Integer[Tensor, "..."]
) -> dict[str, Tensor]:
    """Stage one on a batch of levels: the loss of eq. 3, shown as decoder bits/dim."""
    out = model(levels.long())  # as the contract does, which a compiled graph skips
    return {
        "loss": out.loss,
        "decoder bits/dim": bits_per_dim(out.nll_nats.mean(), levels[0].numel()),
        "commitment": out.quantized.commitment_loss,
        "batch perplexity": out.quantized.perplexity,
    }


@checked
def prior_step(
    model: Annotated[nn.Module, around(having("n_levels", "n_colors"))],
    indices: Integer[Tensor, "B *field"],
    label: Tensor | None = None,
) -> dict[str, Tensor]:
    """Stage two on a batch of index fields (B, h, w), or (B, M, h, w): nats, and bits per code."""
    fields = indices.unsqueeze(1) if indices.ndim == 3 else indices
    metrics = image_step(model, fields, label)
    return {"loss": metrics["loss"], "bits/code": metrics["bits/dim"]}


@checked
def train_vqvae(
    dataset: ImageDataset,
    settings: VQVAESettings,
    *,
    out: Path | str | None = None,
    progress: bool = True,
) -> tuple[VQVAE, History]:
    """Stage one on `dataset.train`; finished weights go to out/vqvae.safetensors."""
    preconditions.require_stage_one(dataset, settings)
    if out:
        preconditions.require_own_weights(out / "vqvae.safetensors", out / "vqvae")
    torch.manual_seed(settings.fit.seed)
    n_colors = dataset.train.levels.shape[1]
    is_fsq = settings.quantizer == "fsq"
    vqvae = VQVAE(
        in_channels=n_colors,
        n_levels=dataset.n_levels,
        n_mixtures=settings.n_mixtures(n_colors, dataset.n_levels),
        quantizer=settings.quantizer,
        fsq_levels=settings.fsq_levels,
        depth=settings.depth,
        n_codes=None if is_fsq else settings.n_codes,
        code_dim=None if is_fsq else settings.code_dim,
        downsample=settings.downsample,
        n_channels=settings.n_channels,
        n_blocks=settings.n_blocks,
        commitment_weight=settings.beta,
    )
    vqvae.facts = dataset.facts
    history = fit(
        vqvae,
        vqvae_step,
        (dataset.train.levels,),
        settings.fit,
        valid=(dataset.valid.levels,),
        out=out / "vqvae" if out else None,
        progress=progress,
    )
    if out and history.finished:
        once(save_weights, out / "vqvae.safetensors", vqvae)
    return vqvae, history


@checked
@torch.no_grad()  # not inference_mode: the codes are trained on
def extract_codes(
    vqvae: OfVQVAE,
    levels: Integer[Tensor, "B {vqvae.in_channels} *shape"],
    *,
    batch_size: Count = 256,
) -> Integer[Tensor, "B *latent"]:
    """The index field of every image, in order, long on the CPU."""
    device = next(vqvae.parameters()).device
    with in_eval_mode(vqvae):
        parts = filled("levels", levels).split(batch_size)
        return torch.cat([vqvae.encode_indices(x.to(device)).cpu() for x in parts])


@checked
def train_prior(
    vqvae: OfVQVAE,
    dataset: ImageDataset,
    settings: PriorSettings,
    *,
    out: Path | str | None = None,
    progress: bool = True,
) -> tuple[GatedPixelCNN | TransformerPrior, History]:
    """Stage two: codes extracted once from the frozen VQVAE, then a prior over them."""
    settings = _with_labels_decided(settings, dataset)
    preconditions.require_stage_two(dataset, settings, vqvae)
    torch.manual_seed(settings.fit.seed)
    prior = _new_prior(vqvae.n_codes, vqvae.depth or 1, dataset, settings)
    train, valid = (
        (extract_codes(vqvae, split.levels), *([split.labels] if settings.by_label else []))
        for split in (dataset.train, dataset.valid)
    )
    history = fit(
        prior,
        prior_step,
        train,
        settings.fit,
        valid=valid,
        out=out / "prior" if out else None,
        progress=progress,
        made_by=f"the stage one of digest {digest_of(vqvae)}",
    )
    return prior, history


def _new_prior(
    n_codes: int, n_colors: int, dataset: ImageDataset, settings: PriorSettings
) -> GatedPixelCNN | TransformerPrior:
    options = {
        "n_levels": n_codes,
        "n_colors": n_colors,
        "n_channels": settings.n_channels,
        "n_layers": settings.n_layers,
        "n_classes": len(dataset.class_names) if settings.by_label else None,
    }
    if settings.network == "transformer":
        return TransformerPrior(**options, n_heads=settings.n_heads)
    options |= {"kernel_size": settings.kernel_size, "ordered": False, "coordinates": True}
    return GatedPixelCNN(**options)


def _with_labels_decided(settings: PriorSettings, dataset: ImageDataset) -> PriorSettings:
    """by_label is True or False: left open, the data set decides."""
    if settings.by_label is None:
        return replace(settings, by_label=bool(dataset.class_names))
    return settings


@checked
def add_prior(dataset: ImageDataset, settings: PriorSettings, out: Path | str) -> History:
    """Stage two for the VQVAE whose weights lie in `out`; writes out/two-stage.safetensors."""
    vqvae = load_stage_one(out).to(profiles.device())
    preconditions.require_writable(out)
    prior, history = train_prior(vqvae, dataset, settings, out=out)
    if history.finished:
        once(save_weights, out / "two-stage.safetensors", TwoStageModel(vqvae, prior))
    return history


@checked
@torch.inference_mode()
def evaluate_two_stage(
    model: Annotated[nn.Module, inside(TwoStageModel)], split: Split, *, batch_size: Count = 100
) -> dict[str, int | float]:
    """Held-out numbers of a two-stage model: bits/dim term by term, bits per code, usage."""
    filled("split", split)
    device = next(model.parameters()).device
    n_codes, depth = model.vqvae.n_codes, model.vqvae.depth or 1
    sums, counts = torch.zeros(3, dtype=torch.float64), torch.zeros(depth, n_codes)
    with in_eval_mode(model):
        for part in zip(*(each.split(batch_size) for each in split[:]), strict=True):
            levels, labels = (each.to(device).long() for each in part)
            terms = model.terms(levels, labels if model.n_classes else None)
            sums += torch.stack([term.double().sum() for term in terms]).cpu()
            indices = model.vqvae.encode_indices(levels)
            at_places = indices.flatten(1).unflatten(1, (depth, -1)).unbind(1)
            counts += torch.stack([code_counts(each, n_codes).cpu() for each in at_places])
    n_dims, n_latents = levels[0].numel(), indices[0].numel()
    decoder, uniform, prior = (bits_per_dim(s, n_dims) for s in (sums / len(split)).tolist())
    return {
        "images": len(split),
        "decoder_bits_per_dim": decoder,
        "uniform_rate_bits_per_dim": uniform,
        "prior_rate_bits_per_dim": prior,
        "total_uniform_bits_per_dim": decoder + uniform,
        "total_prior_bits_per_dim": decoder + prior,
        "bits_per_code_uniform": math.log2(model.vqvae.n_codes),
        "bits_per_code_prior": prior * n_dims / n_latents,
        # Of residual codes the geometric mean over their codebooks.
        "codebook_perplexity": math.prod(perplexity(n).item() for n in counts) ** (1 / depth),
    }


@checked
def require_two_stage(
    dataset: ImageDataset, settings: TwoStageSettings, out: Path | str | None = None
) -> None:
    """Raise what either stage, or the evaluation after them, would raise for want of something.

    ValueError for data that do not fit the settings; CheckpointError if `out` holds another stage
    two; OSError if nothing can be written there.
    """
    preconditions.require_stage_one(dataset, settings.vqvae)
    preconditions.require_stage_two(dataset, settings.prior)
    preconditions.require_held_out(dataset)
    decided = _with_labels_decided(settings.prior, dataset)
    with torch.random.fork_rng(devices=[]):
        sizes = settings.vqvae.all_codes, settings.vqvae.codes_at_a_place
        prior = _new_prior(*sizes, dataset, decided)
    if out is not None:
        preconditions.require_stage_one_unchanged(out, settings.vqvae.fit)
        preconditions.require_same_prior(out / "prior", prior, len(dataset.train), decided.fit)
        preconditions.require_writable(out)


@checked
def train_two_stage(
    dataset: ImageDataset, settings: TwoStageSettings, out: Path | str, *, progress: bool = True
) -> tuple[History, dict]:
    """Both stages into the folder `out`, then the held-out numbers of result.json.

    Returns the history of the last stage that ran, and the result. A stage that is interrupted ends
    the function early, with an empty result: call it again, and both stages go on from their
    checkpoints (a finished one only reads its own).
    """
    began_as = provenance()
    require_two_stage(dataset, settings, out)
    settings = replace(settings, prior=_with_labels_decided(settings.prior, dataset))
    vqvae, first = train_vqvae(dataset, settings.vqvae, out=out, progress=progress)
    if first.stopped_by or not first.finished:
        return first, {}
    prior, second = train_prior(vqvae, dataset, settings.prior, out=out, progress=progress)
    if second.stopped_by or not second.finished:
        return second, {}
    model = TwoStageModel(vqvae, prior)
    once(save_weights, out / "two-stage.safetensors", model)
    told = {
        "model": "two-stage",
        "dataset": dataset.name,
        "n_levels": dataset.n_levels,
        "facts": model.facts.as_json(),
        "settings": asdict(settings),
        "parameters": {
            name: sum(p.numel() for p in stage.parameters())
            for name, stage in (("vqvae", vqvae), ("prior", prior))
        },
        "training_images": len(dataset.train),
        "training_minutes": {
            name: round(history.seconds / 60, 1)
            for name, history in (("vqvae", first), ("prior", second))
        },
        "provenance": began_as,
    }
    return second, write_result(out, told, dataset, lambda split: evaluate_two_stage(model, split))


@checked
def cut_for_smoke(
    dataset: ImageDataset, n_train: Natural = 256, n_held_out: Natural = 64
) -> ImageDataset:
    """The same data set with a few images in each split, drawn with a fixed seed: for tests."""
    most = {
        "n_train": len(dataset.train),
        "n_held_out": min(map(len, (dataset.valid, dataset.test))),
    }
    for name, n in (("n_train", n_train), ("n_held_out", n_held_out)):
        if n > most[name]:
            raise ValueError(f"{name} must be at most {most[name]}, got {n}")
    return replace(
        dataset,
        train=dataset.train.subset(n_train),
        valid=dataset.valid.subset(n_held_out),
        test=dataset.test.subset(n_held_out),
    )
