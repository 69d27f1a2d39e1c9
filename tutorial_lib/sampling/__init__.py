"""Drawing in raster order, in reading order: the loop, then what need not be computed twice.

module          what it holds                                                     chapter
ancestral       draw one level, draw an image: the naive loop and its options     01, 03
sources         where the sampler gets its logits: full passes, rows, or a cache  06
features        what may be cached: rows above, the own row                       06
gated_cache     the cache of the gated PixelCNN                                   06
pixelcnn_cache  the cache of PixelCNN                                             06
row_cache       the cache of the gated PixelCNN on one row                        15
out_of_memory   memory that ran out, told in one sentence
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "ancestral": ["draw", "sample", "sample_rows"],
        "sources": ["NaivePass", "RowCroppedPass", "checked_method", "logit_source"],
        "features": [
            "Head",
            "LevelTable",
            "OwnRow",
            "Pointwise",
            "RowsAbove",
            "as_matrix",
            "masked_weight",
        ],
        "gated_cache": ["GatedCache", "HorizontalCache", "VerticalCache"],
        "pixelcnn_cache": ["BlockCache", "ConvCache", "PixelCNNCache"],
        "row_cache": ["LayerCache", "RowCache"],
        "out_of_memory": ["OutOfMemory", "is_out_of_memory", "memory_explained"],
    },
)
