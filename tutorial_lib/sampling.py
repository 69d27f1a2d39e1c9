"""Ancestral sampling: draw each sub-pixel from its conditional, in order, and feed it back.

    x_i ~ p(x_i | x_1, ..., x_{i-1})      for i = 1, 2, ..., D        [Gated PixelCNN, eq. 1]

The draw is by inverse CDF: level l is taken where a uniform number falls into the l-th step of the
cumulative distribution. The noise can therefore be given (`uniforms`), and two samplers with the
same noise must return the same image. Taking the most likely level instead of drawing one would not
sample the model: it shows a mode, usually a blank one.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm.auto import tqdm

from tutorial_lib.cached_sampling import GatedCache, PixelCNNCache
from tutorial_lib.gated import GatedPixelCNN
from tutorial_lib.pixelcnn import PixelCNN
from tutorial_lib.validation import (
    require_choice,
    require_float,
    require_int,
    require_positive,
    require_shape,
)

BROKEN = "the logits hold NaN: the model they come from is broken"
CACHES = {GatedPixelCNN: GatedCache, PixelCNN: PixelCNNCache}


def draw(
    logits: Float[Tensor, "B L *rest"], uniforms: Float[Tensor, "B *rest"], temperature: float = 1.0
) -> Int[Tensor, "B *rest"]:
    """One level for each categorical by inverse CDF. Uniform numbers lie in [0, 1).

    Computed in float64, so that rounding cannot push a draw into a level of probability 0.
    """
    if logits.isnan().any():
        raise ValueError(BROKEN)
    return _draw(logits, uniforms, temperature)


def _draw(logits: Tensor, uniforms: Tensor, temperature: float) -> Tensor:
    steps = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    # A sum that rounds to less than 1 would leave a gap for levels of probability 0 at the end.
    steps = steps / steps[:, -1:]
    return (steps[:, :-1] <= uniforms.double().unsqueeze(1)).sum(dim=1)


def sample(
    model: nn.Module,
    shape: tuple[int, int, int, int],
    *,
    label: Tensor | None = None,
    context: Tensor | None = None,
    known: Tensor | None = None,
    temperature: float = 1.0,
    method: str | None = "naive",
    generator: torch.Generator | None = None,
    uniforms: Tensor | None = None,
    progress: bool = False,
) -> Int[Tensor, "B C H W"]:
    """Draw images (B, C, H, W) of levels from an autoregressive model, on the model's device.

    label, context   conditions, passed to the model as they are
    known            levels (B, C, H, W) to keep, with -1 where a sub-pixel is to be drawn. A later
                     known pixel does not steer earlier draws: the order is still raster order
    temperature      divides the logits: below 1 safer, above 1 wilder, exactly 1 is the model
    method           "naive": one full forward pass a sub-pixel. "cached": each feature once, for
                     GatedPixelCNN and PixelCNN. None: cached for these, naive for other models
    generator        source of the uniform noise; or give `uniforms` (B, C, H, W) in [0, 1) itself
    progress         True shows a bar over rows

    The model is put in eval mode for the draw and given back in the mode it was in.
    """
    method = _checked_method(method, model)
    temperature = require_positive("temperature", temperature)
    shape = _checked_shape(model, shape)
    device = next(model.parameters()).device
    uniforms = _noise(shape, uniforms, generator).to(device)
    levels, to_draw = _canvas(model, shape, known, device)
    conditions = {k: v for k, v in (("label", label), ("context", context)) if v is not None}
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            if method == "naive":
                source = NaivePass(model, levels, conditions)
            else:
                source = CACHES[type(model)](model, levels, **conditions)
            _draw_all(source, levels, to_draw, uniforms, temperature, progress)
    finally:
        model.train(was_training)
    return levels


class NaivePass:
    """Logits by one full forward pass for each sub-pixel: slow, and right for every model."""

    walks = "unknown"  # straight to the sub-pixels that are to be drawn

    def __init__(self, model: nn.Module, levels: Tensor, conditions: dict[str, Tensor]):
        self.model, self.levels, self.conditions = model, levels, conditions

    def begin_row(self, row: int) -> None:
        self.row = row

    def logits(self, column: int, color: int) -> Tensor:
        return self.model(self.levels, **self.conditions)[:, :, color, self.row, column]


def _draw_all(source, levels, to_draw, uniforms, temperature, progress) -> None:
    """Fill `levels` in place, sub-pixel after sub-pixel, skipping what is known in every image."""
    _, n_colors, height, width = levels.shape
    # Asked once, not at every sub-pixel: on a GPU each answer waits for all work before it.
    any_unknown, all_unknown = to_draw.any(dim=0).tolist(), to_draw.all(dim=0).tolist()
    to_walk = _to_walk(to_draw.any(dim=0), source.walks).tolist()
    for row in tqdm(range(height), desc="sampling", unit="row", disable=not progress):
        source.begin_row(row)
        seen = []
        for column in range(width):
            for color in range(n_colors):
                if not to_walk[color][row][column]:
                    continue
                logits = source.logits(column, color)
                if not any_unknown[color][row][column]:
                    continue
                place = (slice(None), color, row, column)
                drawn = _draw(logits, uniforms[place], temperature)
                seen.append(logits)
                if not all_unknown[color][row][column]:
                    drawn = torch.where(to_draw[place], drawn, levels[place])
                levels[place] = drawn
        if seen and torch.stack(seen).isnan().any():
            raise ValueError(BROKEN)


def _to_walk(unknown: Tensor, walks: str) -> Tensor:
    """Where a source of logits must be asked, answer needed or not: (C, H, W) bool.

    "unknown": there alone. "row": also at all sub-pixels before one in the same row, which it has
    to have walked through. "image": at all sub-pixels before the last one.
    """
    if walks == "unknown":
        return unknown
    order = unknown.permute(1, 2, 0).flatten(1 if walks == "row" else 0)
    later = order.flip(-1).cummax(dim=-1).values.flip(-1)
    return later.reshape(*unknown.shape[1:], unknown.shape[0]).permute(2, 0, 1)


def _checked_method(method: str | None, model: nn.Module) -> str:
    if method is None:
        return "cached" if type(model) in CACHES else "naive"
    require_choice("method", method, ("cached", "naive"))
    if method == "cached" and type(model) not in CACHES:
        raise ValueError(
            f"there is no cached sampler for {type(model).__name__}, only for "
            f"{' and '.join(c.__name__ for c in CACHES)}: use method='naive'"
        )
    return method


def _checked_shape(model: nn.Module, shape) -> tuple[int, int, int, int]:
    if len(shape) != 4:
        raise ValueError(f"shape must be (B, C, H, W), got {tuple(shape)}")
    for name, size in zip(("batch", "colours", "height", "width"), shape, strict=True):
        require_int(f"the {name} of shape", size, at_least=1)
    if shape[1] != model.n_colors:
        raise ValueError(f"the model has {model.n_colors} colours, shape {tuple(shape)} does not")
    return tuple(shape)


def _noise(shape, uniforms, generator) -> Tensor:
    if uniforms is None:
        device = generator.device if generator is not None else "cpu"
        return torch.rand(shape, generator=generator, dtype=torch.float64, device=device)
    if generator is not None:
        raise ValueError("give either `generator` or `uniforms`, not both")
    require_shape("uniforms", require_float("uniforms", uniforms), shape)
    low, high = uniforms.min().item(), uniforms.max().item()
    if not 0 <= low <= high < 1:
        raise ValueError(f"uniforms must lie in [0, 1), got {low} .. {high}")
    return uniforms


def _canvas(model, shape, known, device) -> tuple[Tensor, Tensor]:
    """Levels to start from, zeros where unknown, and where to draw."""
    if known is None:
        return torch.zeros(shape, dtype=torch.long, device=device), torch.ones(
            shape, dtype=torch.bool, device=device
        )
    require_shape("known", known, shape)
    if known.dtype != torch.long:
        raise TypeError(f"known must be a torch.long tensor, got {known.dtype}")
    low, high = int(known.min()), int(known.max())
    if low < -1 or high >= model.n_levels:
        raise ValueError(
            f"known must lie in -1 (draw it) .. {model.n_levels - 1}, got values {low} .. {high}"
        )
    known = known.to(device)
    return known.clamp(min=0), known < 0
