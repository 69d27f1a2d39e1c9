"""The two stages as recipes: training, evaluation, and a result in JSON.

Stage one trains a VQVAE with eq. 3 of the paper. Stage two freezes it, turns every image into its
indices once, and trains a gated PixelCNN on the indices. A run folder holds

    vqvae/        checkpoint and metrics of stage one
    prior/        checkpoint and metrics of stage two
    vqvae.safetensors, two-stage.safetensors     finished weights, with the facts of the run
    result.json   facts, settings, device, versions, time and held-out numbers

and a run that was stopped goes on where it was when it is started again.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from tutorial_lib import profiles
from tutorial_lib.codes.quantizer import code_counts, perplexity
from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts.plain import require_instance, require_int, require_path, unwrapped
from tutorial_lib.contracts.validation import require_shape, require_whole
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.data.catalog import facts_by_name
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats
from tutorial_lib.pixels.modes import in_eval_mode
from tutorial_lib.recipes import preconditions
from tutorial_lib.recipes.pretrained import load_weights, save_weights
from tutorial_lib.recipes.provenances import provenance
from tutorial_lib.recipes.settings import PriorSettings, TwoStageSettings, VQVAESettings
from tutorial_lib.recipes.weights_shelf import told_facts
from tutorial_lib.training.checkpoint import CheckpointError, digest_of
from tutorial_lib.training.distributed import once
from tutorial_lib.training.history import History
from tutorial_lib.training.loop import fit


def vqvae_step(model, levels: Tensor) -> dict[str, Tensor]:
    """Stage one on a batch of levels: the loss of eq. 3, shown as decoder bits/dim."""
    require_instance("model", unwrapped(model), VQVAE)
    out = model(require_whole("levels", levels))
    decoder = bits_per_dim(out.nll_nats.mean(), levels[0].numel())
    quantized = out.quantized
    return {
        "loss": out.loss,
        "decoder bits/dim": decoder,
        "commitment": quantized.commitment_loss,
        "batch perplexity": quantized.perplexity,
    }


def prior_step(model, indices: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
    """Stage two on a batch of index fields (B, h, w): nats per image, shown as bits per code."""
    require_instance("model", unwrapped(model), GatedPixelCNN)
    whole = require_whole("indices", indices)
    levels = require_shape("indices", whole, ("B", "h", "w")).unsqueeze(1)
    given = {} if label is None else {"label": label}
    nats = nll_nats(model(levels, **given), levels).mean()
    n_latents = indices[0].numel()
    return {"loss": nats / n_latents, "bits/code": bits_per_dim(nats, n_latents)}


def train_vqvae(
    dataset: ImageDataset,
    settings: VQVAESettings,
    *,
    out: Path | None = None,
    progress: bool = True,
) -> tuple[VQVAE, History]:
    """Stage one on `dataset.train`; finished weights go to out/vqvae.safetensors."""
    require_instance("dataset", dataset, ImageDataset)
    require_instance("settings", settings, VQVAESettings)
    out = None if out is None else require_path("out", out)
    preconditions.require_stage_one(dataset, settings)
    if out:
        preconditions.require_own_weights(out / "vqvae.safetensors", out / "vqvae")
    torch.manual_seed(settings.fit.seed)
    vqvae = VQVAE(
        in_channels=dataset.train.levels.shape[1],
        n_levels=dataset.n_levels,
        n_codes=settings.n_codes,
        code_dim=settings.code_dim,
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


@torch.no_grad()  # not inference_mode: the codes are trained on
def extract_codes(vqvae: VQVAE, levels: Tensor, *, batch_size: int = 256) -> Tensor:
    """The index field of every image, in order: (N, *latent) long on the CPU."""
    vqvae = require_instance("vqvae", unwrapped(vqvae), VQVAE)
    require_int("batch_size", batch_size, at_least=1)
    levels = require_whole("levels", levels)
    require_shape("levels", levels, ("B", vqvae.in_channels, *([None] * vqvae.n_dims)))
    if not len(levels):
        raise ValueError(f"levels must hold an image at least, got shape {tuple(levels.shape)}")
    device = next(vqvae.parameters()).device
    with in_eval_mode(vqvae):
        fields = [vqvae.encode_indices(x.to(device)).cpu() for x in levels.split(batch_size)]
    return torch.cat(fields)


def train_prior(
    vqvae: VQVAE,
    dataset: ImageDataset,
    settings: PriorSettings,
    *,
    out: Path | None = None,
    progress: bool = True,
) -> tuple[GatedPixelCNN, History]:
    """Stage two: codes extracted once from the frozen VQVAE, then a gated PixelCNN over them."""
    vqvae = require_instance("vqvae", unwrapped(vqvae), VQVAE)
    require_instance("dataset", dataset, ImageDataset)
    require_instance("settings", settings, PriorSettings)
    out = None if out is None else require_path("out", out)
    settings = _with_labels_decided(settings, dataset)
    preconditions.require_stage_two(dataset, settings, vqvae)
    torch.manual_seed(settings.fit.seed)
    prior = _new_prior(vqvae.n_codes, dataset, settings)
    history = fit(
        prior,
        prior_step,
        _codes_and_labels(vqvae, dataset.train, settings.by_label),
        settings.fit,
        valid=_codes_and_labels(vqvae, dataset.valid, settings.by_label),
        out=out / "prior" if out else None,
        progress=progress,
        made_by=f"the stage one of digest {digest_of(vqvae)}",
    )
    return prior, history


def _new_prior(n_codes: int, dataset: ImageDataset, settings: PriorSettings) -> GatedPixelCNN:
    return GatedPixelCNN(
        n_levels=n_codes,
        n_channels=settings.n_channels,
        n_layers=settings.n_layers,
        kernel_size=settings.kernel_size,
        n_classes=len(dataset.class_names) if settings.by_label else None,
        ordered=False,
        coordinates=True,
    )


def _with_labels_decided(settings: PriorSettings, dataset: ImageDataset) -> PriorSettings:
    """by_label is True or False: left open, the data set decides."""
    if settings.by_label is None:
        return replace(settings, by_label=bool(dataset.class_names))
    return settings


def require_two_stage(
    dataset: ImageDataset, settings: TwoStageSettings, out: Path | None = None
) -> None:
    """Raise what either stage, or the evaluation after them, would raise for want of something.

    ValueError for data that do not fit the settings; CheckpointError if `out` holds another stage
    two; OSError if nothing can be written there.
    """
    require_instance("dataset", dataset, ImageDataset)
    require_instance("settings", settings, TwoStageSettings)
    preconditions.require_stage_one(dataset, settings.vqvae)
    preconditions.require_stage_two(dataset, settings.prior)
    preconditions.require_held_out(dataset)
    if out is not None:
        out, decided = require_path("out", out), _with_labels_decided(settings.prior, dataset)
        with torch.random.fork_rng(devices=[]):
            prior = _new_prior(settings.vqvae.n_codes, dataset, decided)
        n_examples = len(dataset.train)
        preconditions.require_stage_one_unchanged(out, settings.vqvae.fit)
        preconditions.require_same_prior(out / "prior", prior, n_examples, decided.fit)
        preconditions.require_writable(out)


def stage_one_facts(out: Path) -> RunFacts | None:
    """What the finished stage one in `out` was trained on; None if it is older and does not say."""
    return told_facts(_stage_one(out))


def _stage_one(out: Path) -> Path:
    weights = require_path("out", out) / "vqvae.safetensors"
    if not weights.exists():
        raise FileNotFoundError(
            f"{out} holds no finished stage one (no {weights.name}): train it with "
            f"`python -m tutorial_lib train vqvae --out {out}`"
        )
    return weights


def add_prior(dataset: ImageDataset, settings: PriorSettings, out: Path) -> History:
    """Stage two for the VQVAE whose weights lie in `out`; writes out/two-stage.safetensors."""
    require_instance("dataset", dataset, ImageDataset)
    require_instance("settings", settings, PriorSettings)
    weights = _stage_one(out)
    preconditions.require_writable(Path(out))
    vqvae = load_weights(weights).to(profiles.device())
    if not isinstance(vqvae, VQVAE):
        raise CheckpointError(f"{weights} holds a {type(vqvae).__name__}, not a VQVAE")
    prior, history = train_prior(vqvae, dataset, settings, out=Path(out))
    if history.finished:
        once(save_weights, Path(out) / "two-stage.safetensors", TwoStageModel(vqvae, prior))
    return history


def cut_for_smoke(dataset: ImageDataset, n_train: int = 256, n_held_out: int = 64) -> ImageDataset:
    """The same data set with a few images in each split, drawn with a fixed seed: for tests."""
    require_instance("dataset", dataset, ImageDataset)
    for name, n, split in (
        ("n_train", n_train, dataset.train),
        ("n_held_out", n_held_out, min(dataset.valid, dataset.test, key=len)),
    ):
        if require_int(name, n, at_least=0) > len(split):
            raise ValueError(f"{name} must be at most {len(split)}, got {n}")
    return replace(
        dataset,
        train=dataset.train.subset(n_train),
        valid=dataset.valid.subset(n_held_out),
        test=dataset.test.subset(n_held_out),
    )


def _codes_and_labels(vqvae: VQVAE, split: Split, by_label: bool) -> tuple[Tensor, ...]:
    codes = extract_codes(vqvae, split.levels)
    return (codes, split.labels) if by_label else (codes,)


@torch.inference_mode()
def evaluate_two_stage(
    model: TwoStageModel, split: Split, *, batch_size: int = 100
) -> dict[str, int | float]:
    """Held-out numbers of a two-stage model: bits/dim term by term, bits per code, usage."""
    model = require_instance("model", unwrapped(model), TwoStageModel)
    if not len(require_instance("split", split, Split)):
        raise ValueError("split must hold an image at least, got a Split of none")
    require_int("batch_size", batch_size, at_least=1)
    device = next(model.parameters()).device
    sums, counts = torch.zeros(3, dtype=torch.float64), torch.zeros(model.vqvae.n_codes)
    n_latents = 1
    batches = zip(split.levels.split(batch_size), split.labels.split(batch_size), strict=True)
    with in_eval_mode(model):
        for levels, labels in batches:
            levels = levels.to(device).long()
            terms = model.terms(levels, labels.to(device) if model.n_classes else None)
            sums += torch.stack([part.double().sum() for part in terms]).cpu()
            indices = model.vqvae.encode_indices(levels)
            counts += code_counts(indices, model.vqvae.n_codes).cpu()
            n_latents = indices[0].numel()
    n_dims = split.levels[0].numel()
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
        "codebook_perplexity": perplexity(counts).item(),
    }


def train_two_stage(
    dataset: ImageDataset, settings: TwoStageSettings, out: Path, *, progress: bool = True
) -> tuple[History, dict]:
    """Both stages into the folder `out`, then the held-out numbers of result.json.

    Returns the history of the last stage that ran, and the result. A stage that is interrupted ends
    the function early, with an empty result: call it again, and both stages go on from their
    checkpoints (a finished one only reads its own).
    """
    out, began_as = require_path("out", out), provenance()
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
    result = {
        "model": "two-stage",
        "dataset": dataset.name,
        "n_levels": dataset.n_levels,
        "facts": model.facts.as_json(),
        "settings": asdict(settings),
        "parameters": {
            "vqvae": sum(p.numel() for p in vqvae.parameters()),
            "prior": sum(p.numel() for p in prior.parameters()),
        },
        "training_images": len(dataset.train),
        "training_minutes": {
            "vqvae": round(first.seconds / 60, 1),
            "prior": round(second.seconds / 60, 1),
        },
        "provenance": began_as,
        "valid": evaluate_two_stage(model, dataset.valid),
        "test": evaluate_two_stage(model, dataset.test),
    }
    once((out / "result.json").write_text, json.dumps(result, indent=2) + "\n", "utf-8")
    return second, result


def load_run(folder: Path | str) -> TwoStageModel:
    """The finished two-stage model of a run folder, in eval mode on the CPU.

    Its `facts` are those stored with the weights; of a run by an earlier version, what result.json
    and the catalog of data sets say; None if neither does.
    """
    weights = require_path("folder", folder) / "two-stage.safetensors"
    if not weights.exists():
        raise FileNotFoundError(
            f"{folder} holds no finished two-stage model (no {weights.name}): train one with "
            f"`python -m tutorial_lib train two-stage --out {folder}`"
        )
    model = load_weights(weights)
    if not isinstance(model, TwoStageModel):
        raise CheckpointError(f"{weights} holds a {type(model).__name__}, not a TwoStageModel")
    if model.facts is None and model.vqvae.n_levels:
        try:
            told = json.loads((weights.parent / "result.json").read_text("utf-8"))
            model.facts = facts_by_name(told["dataset"], model.vqvae.n_levels)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # nobody knows: whoever draws must say the shape
    return model
