"""Drawing in raster order, in reading order: the loop, then what need not be computed twice.

module          what it holds                                                     chapter
ancestral       draw one level, draw an image: the naive loop and its options     01, 03
sources         where the sampler gets its logits: full passes, rows, or a cache  06
features        what may be cached: rows above, the own row                       06
gated_cache     the caches of the gated PixelCNN, and of it on one row            06, 15
pixelcnn_cache  the cache of PixelCNN                                             06
out_of_memory   memory that ran out, told in one sentence
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "ancestral": ["draw", "sample", "sample_rows"],
        "gated_cache": ["GatedCache"],
        "pixelcnn_cache": ["PixelCNNCache"],
        "out_of_memory": ["OutOfMemory", "memory_explained"],
    },
)
