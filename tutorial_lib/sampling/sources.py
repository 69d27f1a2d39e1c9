"""Where a sampler gets its logits: from full passes, from the rows so far, or from a cache.

A source is asked in raster order, R, G, B within a pixel, and sees the canvas that is being filled:

    source.begin_row(row)                   all rows above are finished
    source.logits(column, color) -> (B, L)  all sub-pixels before this one are drawn
    source.walks                            "unknown", "row" or "image": where it must be asked

All sources give the same logits. They differ in how much they compute anew.
"""

from torch import Tensor, nn

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_row import GatedRow
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.sampling.gated_cache import GatedCache, RowCache
from tutorial_lib.sampling.pixelcnn_cache import PixelCNNCache

CACHES = {GatedPixelCNN: GatedCache, PixelCNN: PixelCNNCache, GatedRow: RowCache}


class NaivePass:
    """Logits by one full forward pass for each sub-pixel: slow, and right for every model."""

    walks = "unknown"  # straight to the sub-pixels that are to be drawn

    def __init__(self, model: nn.Module, levels: Tensor, **conditions: Tensor):
        self.model, self.levels, self.conditions = model, levels, conditions

    def begin_row(self, row: int) -> None:
        self.row = row

    def logits(self, column: int, color: int) -> Tensor:
        return self.model(self.levels, **self.conditions)[:, :, color, self.row, column]


class RowCroppedPass(NaivePass):
    """The same on the rows so far: nothing that comes later can change the present row's logits."""

    def __init__(self, model: nn.Module, levels: Tensor, **conditions: Tensor):
        if getattr(model, "coordinates", False):
            raise ValueError(
                f"this {type(model).__name__} knows how high the image is (coordinates=True), so "
                "its images cannot be cropped: use method='cached' or 'naive'"
            )
        super().__init__(model, levels, **conditions)
        self.image, self.context = levels, conditions.get("context")
        if self.context is not None and self.context.shape[2:] != levels.shape[2:]:
            raise ValueError(
                f"context must have shape (batch, channels, {levels.shape[2]}, {levels.shape[3]}), "
                f"got {tuple(self.context.shape)}"
            )

    def begin_row(self, row: int) -> None:
        self.row, self.levels = row, self.image[:, :, : row + 1]
        if self.context is not None:
            self.conditions["context"] = self.context[:, :, : row + 1]


def logit_source(method: str | None, model: nn.Module, levels: Tensor, conditions: dict):
    """The source that a method names, on a canvas `levels` (B, C, H, W); None: the fastest.

    ValueError where there is no cache.
    """
    cache = CACHES.get(type(model))
    if method == "cached" and cache is None:
        raise ValueError(
            f"there is no cached sampler for {type(model).__name__}, only for "
            f"{' and '.join(c.__name__ for c in CACHES)}: use method='naive'"
        )
    passes = {"naive": NaivePass, "row-cropped": RowCroppedPass}
    source = passes.get(method) or cache or NaivePass
    return source(model, levels, **conditions)
