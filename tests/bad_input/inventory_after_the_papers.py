"""Calls of what came after the papers: FSQ, the rotation trick, residual codes, a transformer."""

from __future__ import annotations

import small_models as small
from inventory_codes import BOTH, OF_FIELD, OF_LEVELS, USAGE
from inventory_pixels import FLAT, LABELS
from kinds import also, but, count, flag, floats, optional, positive, symbols
from named import call
from torch import nn

from tutorial_lib.codes.quantizer import Quantized

FOUND = floats((2, 2, 4, 4), pinned=(1,), any_axes=True)  # of which the indices are asked
FIELD = symbols((2, 1, 4, 4), 5, pinned=(1,))

AFTER_THE_PAPERS = [
    call(
        "codes.fsq.fsq_bound",
        (2, 2, 4, 4),
        {
            "z_e": but(OF_FIELD, "another device"),
            "levels": OF_LEVELS,
        },
    ),
    call("codes.fsq.FSQ", nn.Module, {"levels": OF_LEVELS}),
    call("codes.fsq.FSQ.forward", Quantized, {"z_e": OF_FIELD}, of=lambda: small.fsq().train()),
    call("codes.fsq.FSQ.indices_of", (2, 4, 4), {"z_e": FOUND}, of=lambda: small.fsq().indices_of),
    call(
        "codes.fsq.FSQ.lookup",
        (2, 2, 4, 4),
        {"indices": but(symbols((2, 4, 4), 20, any_axes=True), "no axes")},
        of=lambda: small.fsq().lookup,
    ),
    call("codes.rotation.rotate_to", (2, 2, 4, 4), {"z_e": BOTH, "z_q": BOTH}),
    call(
        "codes.rotation.RotationQuantizer",
        nn.Module,
        {
            **USAGE,
            "commitment_weight": positive(0.25),
            "restart_dead_codes": flag(True),
            "decay": also(positive(0.9), "1 or more", 1.0, 1.5),
        },
    ),
    call(
        "codes.quantizer.VectorQuantizer.indices_of",
        (2, 4, 4),
        {"z_e": FOUND},
        of=lambda: small.fresh_quantizer().indices_of,
    ),
    call(
        "codes.residual.ResidualQuantizer",
        nn.Module,
        {
            **USAGE,
            "depth": count(2),
            "commitment_weight": positive(0.25),
            "restart_dead_codes": flag(True),
        },
    ),
    call(
        "codes.residual.ResidualQuantizer.forward",
        Quantized,
        {"z_e": OF_FIELD},
        of=lambda: small.residual_quantizer().train(),
    ),
    call(
        "codes.residual.ResidualQuantizer.indices_of",
        (2, 2, 4, 4),
        {"z_e": FOUND},
        of=lambda: small.residual_quantizer().indices_of,
    ),
    call(
        "codes.residual.ResidualQuantizer.lookup",
        (2, 2, 4, 4),
        {"indices": but(symbols((2, 2, 4, 4), 4, pinned=(1,), any_axes=True), "axis 1 of 1")},
        of=lambda: small.residual_quantizer().lookup,
    ),
    call(
        "codes.transformer_prior.TransformerPrior",
        nn.Module,
        {
            "n_levels": count(5, at_least=2),
            "n_colors": count(2),
            "n_channels": also(count(4), "indivisible", 5),
            "n_layers": count(1),
            "n_heads": count(2),
            "n_classes": optional(count(3)),
        },
    ),
    call(
        "codes.transformer_prior.TransformerPrior.forward",
        (2, 5, 1, 4, 4),
        {"levels": FIELD, "label": LABELS},
        of=small.transformer,
    ),
    call(
        "codes.transformer_prior.TransformerPrior.embed",
        (2, 4, 4, 4),
        {"levels": FIELD},
        of=lambda: small.transformer().embed,
    ),
    call(
        "codes.transformer_prior.TransformerPrior.logits_from",
        (2, 5, 1, 4, 4),
        {"features": floats((2, 4, 4, 4), pinned=(1,), **FLAT), "label": LABELS},
        of=lambda: small.transformer().logits_from,
    ),
    call(
        "codes.transformer_prior.TransformerPrior.first_slot",
        (2, 1, 4),
        {"batch": count(2), "label": LABELS},
        of=lambda: small.transformer().first_slot,
    ),
    call(
        "codes.transformer_prior.TransformerPrior.places",
        (12, 4),
        {"height": count(3), "width": count(4)},
        of=lambda: small.transformer().places,
    ),
]
