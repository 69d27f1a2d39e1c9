"""Ancestral sampling: draw each sub-pixel from its conditional, in order, and feed it back.

    x_i ~ p(x_i | x_1, ..., x_{i-1})      for i = 1, 2, ..., D        [Gated PixelCNN, eq. 1]

The draw is by inverse CDF: level l is taken where a uniform number falls into the l-th step of the
cumulative distribution. The noise can therefore be given (`uniforms`), and two samplers with the
same noise return the same image. The most likely levels would show a mode, usually a blank one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import product
from typing import Literal

import torch
from jaxtyping import Float, Inexact, Int
from torch import Tensor, nn
from tqdm.auto import tqdm

from tutorial_lib.contracts import Count, Positive, checked, where_it_draws, within
from tutorial_lib.pixels.full_precision import exact_float32, require_float64
from tutorial_lib.pixels.likelihood import PixelModel
from tutorial_lib.pixels.modes import in_eval_mode
from tutorial_lib.sampling.out_of_memory import memory_explained
from tutorial_lib.sampling.sources import logit_source

BROKEN = "the logits hold NaN: the model they come from is broken"


@checked
def draw(
    logits: Float[Tensor, "B L *rest"],
    uniforms: Inexact[Tensor, "B *rest"],
    temperature: Positive = 1.0,
) -> Int[Tensor, "B *rest"]:
    """One level for each categorical by inverse CDF, in float64. Uniform numbers lie in [0, 1).

    >>> draw(torch.tensor([[0.2, 0.3, 0.5]]).log(), torch.tensor([0.4]))  # 0.2 <= 0.4 < 0.2 + 0.3
    tensor([1])
    """
    require_float64(logits)
    if not logits.shape[1]:
        raise ValueError(f"logits must have shape (B, L, ...), got {tuple(logits.shape)}")
    within("uniforms", uniforms, 0, 1, open_end=True)
    if logits.isnan().any():
        raise ValueError(BROKEN)
    return _draw(logits, uniforms, temperature)


def _draw(logits: Tensor, uniforms: Tensor, temperature: float) -> Tensor:
    if temperature != 1.0:
        logits = logits.double() / temperature
    steps = torch.softmax(logits, dim=1, dtype=torch.float64).cumsum(dim=1)
    # A sum that rounds to less than 1 would leave a gap for levels of probability 0 at the end.
    uniforms = uniforms.double().unsqueeze(1) * steps[:, -1:]
    return (steps[:, :-1] <= uniforms).sum(dim=1)


def sample(
    model: nn.Module,
    shape: tuple[int, int, int, int],
    *,
    label: Tensor | None = None,
    context: Tensor | None = None,
    known: Tensor | None = None,
    temperature: float = 1.0,
    method: str | None = None,
    generator: torch.Generator | None = None,
    uniforms: Tensor | None = None,
    progress: bool = False,
) -> Int[Tensor, "B C H W"]:
    """Draw images (B, C, H, W) of levels from an autoregressive model, on the model's device.

    label, context   conditions, passed to the model as they are
    known            levels (B, C, H, W) to keep, with -1 where a sub-pixel is to be drawn. A later
                     known pixel does not steer earlier draws: the order is still raster order
    temperature      divides the logits: below 1 safer, above 1 wilder, exactly 1 is the model
    method           "naive": one full forward pass a sub-pixel. "row-cropped": the same on the rows
                     so far. "cached": each feature once, for GatedPixelCNN and PixelCNN. All three
                     draw the same image. None: cached where there is a cache, else naive
    generator        source of the uniform noise; or give `uniforms` (B, C, H, W) in [0, 1) itself
    progress         True shows a bar over rows

    The model draws in eval mode and in full float32, and is given back as it was.
    """
    options = {"label": label, "context": context, "known": known, "temperature": temperature}
    options |= {"method": method, "generator": generator, "uniforms": uniforms}
    *_, levels = _rows(model, shape, pauses=False, progress=progress, **options)
    return levels.contiguous()


def sample_rows(
    model: nn.Module, shape: tuple[int, int, int, int], **options
) -> Iterator[Int[Tensor, "B C H W"]]:
    """The same with the same options: the images after each row, 0 where nothing is yet."""
    for levels in _rows(model, shape, pauses=True, **options):
        yield levels.clone(memory_format=torch.contiguous_format)


@checked
def _rows(
    model: PixelModel,
    shape: tuple[Count, Count, Count, Count],
    *,
    pauses: bool,
    label=None,
    context=None,
    known=None,
    temperature: Positive = 1.0,
    method: Literal["cached", "row-cropped", "naive"] | None = None,
    generator: torch.Generator | None = None,
    uniforms=None,
    progress: bool = False,
) -> Iterator[Tensor]:
    """Check everything, then draw: one canvas, handed out after each row."""
    require_float64(model)
    if shape[1] != model.n_colors:
        raise ValueError(f"the model has {model.n_colors} colours, shape {shape} does not")
    weight = next(model.parameters())
    uniforms = _noise(shape, uniforms, generator).to(weight.device)
    levels, to_draw = _canvas(model, shape, known, weight.device)
    if context is not None and torch.is_autocast_enabled(weight.device.type):
        context = context.to(weight.dtype)  # what made it ran under autocast
    conditions = {k: v for k, v in (("label", label), ("context", context)) if v is not None}
    mode = partial(_sampling_mode, model, len(levels))
    around_all, around_each = (nullcontext, mode) if pauses else (mode, nullcontext)
    with around_all():
        with around_each():
            source = logit_source(method, model, levels, conditions)
            draw_row = _row_drawer(source, levels, to_draw, uniforms, temperature)
        for row in tqdm(range(shape[2]), desc="sampling", unit="row", disable=not progress):
            with around_each():
                draw_row(row)
            yield levels


@contextmanager
def _sampling_mode(model: nn.Module, n_images: int) -> Iterator[None]:
    """Without gradients, in eval mode and in full float32; then all is as it was before."""
    with (
        in_eval_mode(model),
        torch.inference_mode(),
        exact_float32(next(model.parameters()).device),
        memory_explained(lambda: f"while sampling {n_images} images: draw fewer at a time"),
    ):
        yield


def _row_drawer(source, levels, to_draw, uniforms, temperature) -> Callable[[int], None]:
    """A function that fills one row of `levels`, skipping what is known in every image."""
    # Raster order first, then the batch: a sub-pixel of all images is one row of each.
    pixels, noise, unknown = (t.permute(2, 3, 1, 0) for t in (levels, uniforms.double(), to_draw))
    # Asked once, not at every sub-pixel: on a GPU each answer waits for all work before it.
    any_unknown, all_unknown = unknown.any(dim=-1).tolist(), unknown.all(dim=-1).tolist()
    to_walk = _to_walk(unknown.any(dim=-1), source.walks).tolist()
    noise = noise.contiguous()

    def draw_row(row: int) -> None:
        source.begin_row(row)
        seen = []
        for column, color in product(range(levels.shape[3]), range(levels.shape[1])):
            if not to_walk[row][column][color]:
                continue
            logits = source.logits(column, color)
            if not any_unknown[row][column][color]:
                continue
            seen.append(logits)
            place = (row, column, color)
            drawn = _draw(logits, noise[place], temperature)
            if not all_unknown[row][column][color]:
                drawn = torch.where(unknown[place], drawn, pixels[place])
            pixels[place] = drawn
        if seen and torch.stack(seen).isnan().any():
            raise ValueError(BROKEN)

    return draw_row


def _to_walk(unknown: Tensor, walks: str) -> Tensor:
    """Where a source of logits must be asked: some have to walk through what is known."""
    if walks == "unknown":
        return unknown
    order = unknown.flatten(1) if walks == "row" else unknown.flatten()
    return order.flip(-1).cummax(dim=-1).values.flip(-1).view_as(unknown)


@checked
def _noise(
    shape: tuple[int, int, int, int],
    uniforms: Inexact[Tensor, "{shape[0]} {shape[1]} {shape[2]} {shape[3]}"] | None,
    generator: torch.Generator | None,
) -> Tensor:
    if uniforms is None:
        device = where_it_draws(generator)
        return torch.rand(shape, generator=generator, dtype=torch.float64, device=device)
    if generator is not None:
        raise ValueError("give either `generator` or `uniforms`, not both")
    return within("uniforms", uniforms, 0, 1, open_end=True)


@checked
def _canvas(
    model: PixelModel,
    shape: tuple[int, int, int, int],
    known: Int[Tensor, "{shape[0]} {shape[1]} {shape[2]} {shape[3]}"] | None,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Levels to start from, zeros where unknown, and where to draw."""
    known = torch.full(shape, -1) if known is None else known
    low, high = int(known.min()), int(known.max())
    if low < -1 or high >= model.n_levels:
        raise ValueError(
            f"known must lie in -1 (draw it) .. {model.n_levels - 1}, got values {low} .. {high}"
        )
    known = known.to(device)
    return known.clamp(min=0), known < 0
