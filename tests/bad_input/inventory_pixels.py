"""Calls of paper 1: scores, tables, masks, pixel models, sampling, labels by Bayes' rule."""

from __future__ import annotations

import numpy as np
import small_models as small
import torch
from kinds import (
    also,
    but,
    choice,
    count,
    flag,
    floats,
    generator,
    model,
    mutation,
    number,
    optional,
    positive,
    probabilities,
    ranged,
    sizes,
    symbols,
    thing,
)
from named import call
from torch import Tensor, nn

from tutorial_lib.pixels.gated_layer import GatedLayer, HorizontalConv2d, VerticalConv2d
from tutorial_lib.pixels.gated_row import RowLayer
from tutorial_lib.pixels.lstm_layers import InputToState, RowLSTMLayer
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.tabular import TabularModel

IMAGES = symbols((2, 1, 4, 4), 3, pinned=(1,), edges=[(0, 1, 4, 4), (1, 1, 1, 1), (2, 1, 1, 3)])
PINNED = symbols((2, 1, 4, 4), 3, pinned=(1, 2, 3), edges=[(0, 1, 4, 4)])  # models of one size
LABELS = symbols((2,), 3, pinned=(0,))
CONTEXT = floats((2, 2, 4, 4), pinned=(0, 1, 2, 3), finite=False, same_dtype=True)
NO_KERNEL = (2, 4, 0, -3, (3, 3))
KERNEL = also(but(count(3), "too small"), "even or too small", 1, *NO_KERNEL)
# Of type B a kernel of 1 still reads a pixel.
KERNEL_OF_TYPE_B = also(but(count(3), "too small"), "even or too small", *NO_KERNEL)
ANY_KERNEL = also(but(count(3), "no integer"), "even", 2, 4, (3, 2), (3,), (3, 3, 3), "3", [3])
FLAT = {"finite": False, "same_dtype": True}
NET = {
    "n_levels": count(3, at_least=2),
    "n_channels": count(4),
    "n_layers": count(1),
    "kernel_size": KERNEL,
}
FEATURES = floats((2, 4, 4, 4), pinned=(1,), edges=[(0, 4, 4, 4), (1, 4, 1, 1)], **FLAT)
GATED_FEATURES = floats((2, 1, 4, 4), pinned=(1,), **FLAT)


def _logits(*shape: int):
    return floats(shape, pinned=(0, *range(2, len(shape))), finite=False)


SCORES = [
    call(
        "pixels.likelihood.nll_nats",
        (2,),
        {
            "logits": _logits(2, 3, 1, 4, 4),
            "levels": symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)),
        },
    ),
    call(
        "pixels.logistics.mixture_nll_nats",
        (2,),
        {
            "out": floats((2, 3, 4, 4), pinned=(0, 1, 2, 3), finite=False),
            "levels": symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)),
            "n_levels": count(3, at_least=2),
            "n_mixtures": also(count(1), "another number", 2, 3),
        },
    ),
    call(
        "pixels.likelihood.bits_per_dim",
        (2,),
        {
            "nll_nats": also(
                but(floats((2,), any_axes=True, alone=True, finite=False), "no tensor"),
                "neither tensor nor number",
                *("text", True, lambda: [1, 2], lambda: {}, Tensor),
            ),
            "n_dims": count(16),
        },
    ),
    call(
        "pixels.likelihood.bits_per_dim",
        float,
        {
            "nll_nats": also(
                but(number(3.0), "not finite", "no number"),
                "neither number nor tensor",
                *("3.0", lambda: [3.0], np.array([3.0])),
            ),
            "n_dims": count(16),
        },
        variant="a number",
    ),
    call(
        "pixels.likelihood.enumerate_images",
        (9, 1, 1, 2),
        {
            "height": count(1),
            "width": count(2),
            "n_levels": count(3, at_least=2),
            "n_colors": count(1),
        },
    ),
    call(
        "pixels.likelihood.total_probability",
        lambda total: abs(total - 1) < 1e-4,
        {
            "model": model(small.gated),
            "height": count(1),
            "width": count(2),
            "batch_size": count(4),
        },
    ),
    call(
        "pixels.bayes.label_log_likelihoods",
        (2, 3),
        {
            "model": model(small.labelled),
            "levels": but(IMAGES, "another device"),
            "batch_size": count(4),
        },
    ),
    call(
        "pixels.bayes.bayes_rule",
        lambda p: torch.allclose(p.log_posterior.exp().sum(dim=1), torch.ones(2).double()),
        {
            "log_likelihoods": but(
                floats((2, 3), alone=True, pinned=(1,)),
                "-inf",
                says=("log_likelihoods", "log-likelihoods"),
            ),
            "prior": optional(probabilities((3,), pinned=(0,), alone=True)),
        },
    ),
]

TABLE = Tensor([0.5, 0.25])
TABLES = thing(lambda: (torch.tensor(0.5), TABLE))
TABLES = also(
    TABLES,
    "wrong tables",
    lambda: (),
    lambda: (TABLE,),
    lambda: (torch.tensor(0.5), 0.5),
    lambda: (torch.tensor(0.5), TABLE.long()),
    lambda: (torch.tensor(0.5), torch.tensor([0.5, 1.5])),
    lambda: (torch.tensor(0.5), torch.tensor([0.5, float("nan")])),
    lambda: (torch.tensor(0.5), torch.tensor([0.5, -0.5])),
    lambda: (torch.tensor(0.5), torch.ones(3)),
    lambda: (torch.tensor(0.5), torch.ones(2, 2)),
)
BITS = symbols((3, 1, 2, 2), 2, pinned=(1,), alone=True)
OF_TABLES = symbols((3, 1, 2, 2), 2, pinned=(1, 2, 3), alone=True)
UNIFORMS = {"low": 0.0, "high": 0.9}
ORDER = also(
    thing(lambda: (3, 1, 0, 2)),
    "no order",
    (0, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 4),
    (0.0, 1.0, 2.0, 3.5),
    (0, 1, None, 2),
    (True, 0, 2, 3),
)
FOUR_TABLES = also(
    TABLES._replace(valid=lambda: small.tables().p_one), "too few", lambda: (TABLE[0],)
)

TABULAR = [
    call(
        "pixels.tabular.log_prob_nats",
        (3,),
        {
            "p_one": TABLES._replace(says=("p_one",)),
            "pixels": symbols((3, 2), 2, pinned=(1,), any_axes=True, alone=True),
        },
    ),
    call(
        "pixels.tabular.sample_pixels",
        (3, 2),
        {
            "p_one": TABLES,
            "uniforms": ranged(
                floats((3, 2), pinned=(1,), any_axes=True, alone=True, **UNIFORMS),
                below=-0.1,
                above=1.0,
            ),
        },
    ),
    call(
        "pixels.tabular.entropy_bits",
        (3,),
        {"probabilities": probabilities((3, 4), any_axes=True, alone=True)},
    ),
    call(
        "pixels.tabular.TabularModel",
        TabularModel,
        {"p_one": FOUR_TABLES, "order": ORDER, "height": count(2), "width": count(2)},
    ),
    call(
        "pixels.tabular.TabularModel.log_prob_nats",
        (3,),
        {"images": OF_TABLES},
        of=lambda: small.tables().log_prob_nats,
    ),
    call(
        "pixels.tabular.TabularModel.sample",
        (3, 1, 2, 2),
        {
            "n": count(3),
            "uniforms": optional(
                ranged(
                    floats((3, 1, 2, 2), pinned=(0, 1, 2, 3), alone=True, **UNIFORMS),
                    below=-0.1,
                    above=1.0,
                )
            ),
        },
        of=lambda: small.tables().sample,
        variant="uniforms",
    ),
    call(
        "pixels.tabular.TabularModel.sample",
        (3, 1, 2, 2),
        {"n": count(3), "generator": generator()},
        of=lambda: small.tables().sample,
    ),
    call(
        "pixels.tabular.fit_tables",
        TabularModel,
        {
            "images": also(BITS, "no image", lambda: torch.zeros(0, 1, 2, 2, dtype=torch.long)),
            "order": optional(ORDER),
            "context_size": optional(count(2, at_least=0)),
            "smoothing": also(but(positive(0.5), "not above 0"), "negative", -0.5, -1),
        },
    ),
    call(
        "pixels.tabular.image_frequencies",
        (16,),
        {"images": also(BITS, "no image", lambda: torch.zeros(0, 1, 2, 2, dtype=torch.long))},
    ),
]

MASKS = [
    call("pixels.masks.kernel_sides", (3, 3).__eq__, {"kernel_size": ANY_KERNEL}),
    call(
        "pixels.masks.causal_mask",
        (3, 3),
        {"kernel_size": ANY_KERNEL, "include_center": flag(True)},
    ),
    call("pixels.masks.color_groups", (4,), {"n_channels": count(4), "n_colors": count(2)}),
    call(
        "pixels.masks.color_causal_mask",
        (4, 2, 3, 3),
        {
            "out_channels": count(4)._replace(says=("out_channels", "channels")),
            "in_channels": count(2)._replace(says=("in_channels", "channels")),
            "kernel_size": ANY_KERNEL,
            "n_colors": count(2),
            "include_center": flag(True),
        },
    ),
    call(
        "pixels.masks.MaskedConv2d",
        MaskedConv2d,
        {
            "in_channels": count(2),
            "out_channels": count(4),
            "kernel_size": ANY_KERNEL,
            "mask_type": choice("A", "a", "AB"),
            "n_colors": count(2),
        },
    ),
    call(
        "pixels.modes.in_fast_format",
        (2, 2, 3, 4),
        {"images": floats((2, 2, 3, 4), alone=True, finite=False)},
    ),
    call(
        "pixels.gated_layer.coordinate_features",
        (1, 6, 2, 3),
        {
            "height": count(2),
            "width": count(3),
            "n_frequencies": count(1, at_least=0),
            "like": optional(
                but(
                    floats((2, 4), alone=True, finite=False),
                    "an axis less",
                    "an axis more",
                    "no axes",
                )
            ),
        },
    ),
]

# A layer takes the model's word for the range of labels, and lets a context of one image, row or
# column stand for all: both are in the docstrings.
SEEN_LABELS = but(LABELS, "too low", "too high")
SHARED_CONTEXT = but(CONTEXT, "axis 0 of 1", "axis 2 of 1", "axis 3 of 1")
ANY_FEATURES = floats((2, 4, 3, 5), alone=True, finite=False)
LAYER = {
    "in_channels": count(4),
    "n_channels": count(4),
    "kernel_size": ANY_KERNEL,
    "mask_type": choice("A", "a"),
    "n_colors": count(2),
    "n_classes": optional(count(3)),
    "context_channels": count(2, at_least=0),
    "activation": choice("gate"),
}


def _layer() -> GatedLayer:
    options = {"mask_type": "A", "n_colors": 1, "n_classes": 3, "context_channels": 2}
    return small.seeded(GatedLayer, 4, 4, 3, **options)


def _row_layer() -> RowLayer:
    return small.seeded(RowLayer, 4, 4, 3, mask_type="B", n_classes=3, place_channels=2)


ROW = floats((2, 4, 1, 5), pinned=(1, 2), **FLAT)
PLACE = floats((1, 2, 1, 5), pinned=(1, 2, 3), **FLAT)

GATED = [
    call("pixels.gated_layer.shift_down", (2, 4, 3, 5), {"features": ANY_FEATURES}),
    call(
        "pixels.gated_layer.VerticalConv2d",
        VerticalConv2d,
        {"in_channels": count(4), "out_channels": count(4), "kernel_size": ANY_KERNEL},
    ),
    call(
        "pixels.gated_layer.HorizontalConv2d",
        HorizontalConv2d,
        {
            "in_channels": count(4),
            "out_channels": count(8),
            "kernel_size": ANY_KERNEL,
            "mask_type": choice("A", "a"),
            "n_colors": count(2),
            "n_blocks": count(2),
        },
    ),
    call("pixels.gated_layer.GatedLayer", GatedLayer, LAYER),
    call(
        "pixels.gated.GatedPixelCNN",
        nn.Module,
        {
            "n_colors": count(2),
            **NET,
            "n_classes": optional(count(3)),
            "context_channels": optional(count(2)),
            "ordered": flag(True),
            "coordinates": flag(True),
            "n_frequencies": count(1, at_least=0),
            "first_kernel_size": optional(KERNEL),
            "activation": choice("gate", "tanh"),
        },
    ),
    call(
        "pixels.gated.GatedPixelCNN.forward",
        (2, 3, 1, 4, 4),
        {
            "levels": symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)),
            "label": LABELS,
            "context": CONTEXT,
        },
        of=small.conditional,
        variant="conditional",
    ),
    call("pixels.gated.GatedPixelCNN.forward", (2, 3, 1, 4, 4), {"levels": IMAGES}, of=small.gated),
    call(
        "pixels.gated.GatedPixelCNN.embed",
        (2, 1, 4, 4),
        {"levels": IMAGES},
        of=lambda: small.gated().embed,
    ),
    call(
        "pixels.gated.GatedPixelCNN.embed",
        (2, 32, 4, 4),
        {"levels": IMAGES},
        of=lambda: small.symbolic().embed,
        variant="symbols",
    ),
    call(
        "pixels.gated.GatedPixelCNN.logits_from",
        (2, 3, 1, 4, 4),
        {
            "features": floats((2, 1, 4, 4), pinned=(0, 1, 2, 3), **FLAT),
            "label": LABELS,
            "context": CONTEXT,
        },
        of=lambda: small.conditional().logits_from,
    ),
    call(
        "pixels.gated.GatedPixelCNN.context_of_layers",
        (2, 8, 4, 4),
        {
            "features": floats((2, 1, 4, 4), pinned=(0, 2, 3), **FLAT),
            "label": LABELS,
            "context": CONTEXT,
        },
        of=lambda: small.conditional().context_of_layers,
    ),
    call(
        "pixels.gated_row.RowLayer",
        RowLayer,
        {
            "in_channels": count(4),
            "n_channels": count(4),
            "kernel_size": ANY_KERNEL,
            "mask_type": choice("A", "a"),
            "n_classes": optional(count(3)),
            "place_channels": count(2, at_least=0),
        },
    ),
    call(
        "pixels.gated_row.GatedRow",
        nn.Module,
        {
            **NET,
            "n_classes": optional(count(3)),
            "coordinates": flag(True),
            "n_frequencies": count(1, at_least=0),
        },
    ),
    call(
        "pixels.gated_row.GatedRow.forward",
        (2, 5, 1, 1, 6),
        {"levels": symbols((2, 1, 1, 6), 5, pinned=(0, 1, 2)), "label": LABELS},
        of=small.gated_row,
    ),
    call(
        "pixels.gated_row.GatedRow.embed",
        (2, 32, 1, 6),
        {"levels": symbols((2, 1, 1, 6), 5, pinned=(1, 2))},
        of=lambda: small.gated_row().embed,
    ),
    call(
        "pixels.gated_row.GatedRow.logits_from",
        (2, 5, 1, 1, 6),
        {"features": floats((2, 32, 1, 6), pinned=(0, 1, 2), **FLAT), "label": LABELS},
        of=lambda: small.gated_row().logits_from,
    ),
    call(
        "pixels.gated_row.GatedRow.place",
        (1, 1, 1, 6),
        {"features": floats((2, 32, 1, 6), pinned=(0, 2), **FLAT), "label": LABELS},
        of=lambda: small.gated_row().place,
    ),
]

BLOCK = {"n_channels": count(4), "kernel_size": KERNEL_OF_TYPE_B, "n_colors": count(2)}
STACK = {"n_colors": count(2), **NET, "first_kernel_size": KERNEL}
DIAGONAL = {"in_channels": count(4), "n_channels": count(4), "kernel_size": count(2, at_least=2)}


def _of_stack(name: str, make, *, n_colors: int = 1) -> list:
    images = symbols(
        (2, n_colors, 4, 4), 3, pinned=(1,), edges=[(0, n_colors, 4, 4), (1, n_colors, 1, 1)]
    )
    return [
        call(
            "pixels.pixelcnn.MaskedStack.forward",
            (2, 3, n_colors, 4, 4),
            {"levels": images},
            of=make,
            variant=name,
        ),
        call(
            "pixels.pixelcnn.MaskedStack.embed",
            (2, n_colors, 4, 4),
            {"levels": images},
            of=lambda: make().embed,
            variant=name,
        ),
        call(
            "pixels.pixelcnn.MaskedStack.logits_from",
            (2, 3, n_colors, 4, 4),
            {"features": floats((2, n_colors, 4, 4), pinned=(1,), **FLAT)},
            of=lambda: make().logits_from,
            variant=name,
        ),
    ]


STACKS = [
    call("pixels.pixelcnn.MaskedResidualBlock", nn.Module, BLOCK),
    call("pixels.pixelcnn.PixelCNN", nn.Module, STACK),
    *_of_stack("PixelCNN", small.plain, n_colors=2),
    *_of_stack("RowLSTM", small.row_lstm),
    *_of_stack("DiagonalBiLSTM", small.diagonal_lstm),
    call("pixels.pixelcnn.half_of", int, {"n_channels": count(4), "n_colors": count(2)}),
    call("pixels.pixelrnn.RowLSTM", nn.Module, STACK),
    call(
        "pixels.pixelrnn.DiagonalBiLSTM", nn.Module, {**STACK, "kernel_size": count(2, at_least=2)}
    ),
    call(
        "pixels.pixelrnn.DiagonalBiLSTM.logits_from",
        (2, 3, 1, 4, 4),
        {"features": floats((2, 1, 4, 4), pinned=(1,), **FLAT)},
        of=lambda: small.diagonal_lstm().logits_from,
    ),
    call("pixels.lstm_layers.skew", (2, 4, 3, 7), {"features": ANY_FEATURES}),
    call("pixels.lstm_layers.unskew", (2, 4, 3, 3), {"skewed": ANY_FEATURES}),
    call(
        "pixels.lstm_layers.InputToState",
        InputToState,
        {
            "in_channels": count(4),
            "n_channels": count(4),
            "kernel_size": KERNEL_OF_TYPE_B,
            "n_colors": count(2),
            "masked": flag(True),
        },
    ),
    call(
        "pixels.lstm_layers.RowLSTMLayer",
        RowLSTMLayer,
        {
            "in_channels": count(4),
            "n_channels": count(4),
            "kernel_size": KERNEL,
            "n_colors": count(2),
        },
    ),
    call(
        "pixels.lstm_layers.DiagonalLSTMLayer",
        nn.Module,
        {**DIAGONAL, "n_colors": count(2), "masked": flag(True)},
    ),
    call("pixels.lstm_layers.DiagonalBiLSTMLayer", nn.Module, {**DIAGONAL, "n_colors": count(2)}),
]

TARGET = also(sizes((1, 1), at_least=0), "outside", (3, 0), (0, 4), (-1, 0), (1, 99))
INFLUENCE = [
    call(
        "pixels.influence.as_model",
        nn.Module,
        {
            "stack": model(lambda: nn.Conv2d(1, 2, 1))._replace(
                wrong=(mutation("no module", "stack", 3, None, nn.Conv2d),)
            ),
            "n_colors": count(1),
            "n_levels": count(2, at_least=2),
        },
    ),
    call(
        "pixels.influence.StackModel.forward",
        (2, 2, 1, 4, 4),
        {"levels": symbols((2, 1, 4, 4), 2, pinned=(1,))},
        of=small.stack,
    ),
    call(
        "pixels.influence.StackModel.embed",
        (2, 1, 4, 4),
        {"levels": symbols((2, 1, 4, 4), 2, pinned=(1,))},
        of=lambda: small.stack().embed,
    ),
    call(
        "pixels.influence.StackModel.logits_from",
        (2, 2, 1, 4, 4),
        {"features": floats((2, 1, 4, 4), pinned=(1,), **FLAT)},
        of=lambda: small.stack().logits_from,
    ),
    call(
        "pixels.influence.influence_matrix",
        (4, 4),
        {"model": model(small.gated), "height": count(2), "width": count(2), "n_probes": count(1)},
    ),
    call(
        "pixels.influence.influence_map",
        (1, 3, 2),
        {
            "model": model(small.gated),
            "height": count(3),
            "width": count(2),
            "target": TARGET,
            "color": also(count(0, at_least=0), "outside", 1, 5),
            "n_probes": count(1),
        },
    ),
    call(
        "pixels.influence.blind_spot",
        float,
        {
            "reads": symbols((4, 4), 2, alone=True, pinned=(0, 1), dtype=torch.bool)._replace(
                wrong=(
                    mutation("no matrix", None, "reads", 3, [[True]], lambda: torch.ones(4, 4)),
                    mutation("not square", lambda: torch.ones(4, 3, dtype=torch.bool)),
                    mutation("no axes", lambda: torch.tensor(True), lambda: torch.ones(4).bool()),
                    mutation(
                        "too small",
                        lambda: torch.ones(1, 1).bool(),
                        lambda: torch.ones(0, 0).bool(),
                    ),
                )
            )
        },
    ),
]

KNOWN = symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3))
KNOWN = also(
    but(KNOWN, "too low", "another device"), "too low", lambda: torch.full((2, 1, 4, 4), -2)
)
OF_SAMPLE = {
    "model": model(small.conditional),
    "shape": sizes((2, 1, 4, 4)),
    "label": LABELS,
    "context": CONTEXT,
    "known": optional(KNOWN),
    "temperature": positive(0.7),
    "method": optional(choice("cached", "fast")),
    "progress": flag(False),
}
UNIFORM_FIELD = ranged(
    floats((2, 1, 4, 4), pinned=(0, 1, 2, 3), alone=True, **UNIFORMS), below=-0.1, above=1.0
)
SAMPLING = [
    call("sampling.ancestral.sample", (2, 1, 4, 4), {**OF_SAMPLE, "generator": generator()}),
    call(
        "sampling.ancestral.sample",
        (2, 1, 4, 4),
        {
            "model": model(small.gated),
            "shape": sizes((2, 1, 4, 4)),
            "uniforms": optional(UNIFORM_FIELD),
            "method": optional(choice("naive", "fast")),
        },
        variant="uniforms",
    ),
    call("sampling.ancestral.sample_rows", list, {**OF_SAMPLE, "generator": generator()}),
    call(
        "sampling.ancestral.draw",
        (2, 4),
        {
            "logits": but(floats((2, 3, 4), pinned=(0, 2)), "-inf", "infinite"),
            "uniforms": ranged(floats((2, 4), pinned=(0, 1), **UNIFORMS), below=-0.1, above=1.0),
            "temperature": positive(0.7),
        },
    ),
]

PIXELS = [*SCORES, *TABULAR, *MASKS, *GATED, *STACKS, *INFLUENCE, *SAMPLING]
