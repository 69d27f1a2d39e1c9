"""Exercises that stood in another chapter before, for saved notebooks and for points kept earlier.

The chapters were numbered anew once: 03, 05 and 10 were split and the later ones moved along.
"""

from __future__ import annotations

from collections.abc import Callable

NOW_IN = {  # old chapter -> {exercise: its chapter now}
    "ch03": dict.fromkeys(("skew", "unskew"), "ch08"),
    "ch05": dict.fromkeys(("label_posterior", "typicality"), "ch07"),
    "ch07": dict.fromkeys(
        ("log_evidence", "gaussian_kl", "reparameterize", "elbo", "information"), "ch09"
    ),
    "ch08": dict.fromkeys(
        ("nearest_code", "straight_through", "vq_losses", "ema_step", "usage_perplexity")
        + ("restart_dead_codes",),
        "ch10",
    ),
    "ch09": dict.fromkeys(
        ("categorical_kl", "latent_rate", "two_stage_bound", "exact_log_p", "unigram_bits"), "ch11"
    ),
    "ch10": {
        **dict.fromkeys(("compression", "learning_rate", "normalized_mse"), "ch12"),
        **dict.fromkeys(("train_from", "code_under_autocast"), "ch17"),
    },
    "ch11": dict.fromkeys(
        ("extract_codes", "codes_by_position", "total_bits_per_dim", "precision_and_recall"),
        "ch13",
    ),
    "ch12": dict.fromkeys(
        ("mu_law_round_trip", "latent_bit_rate", "mutual_information_bits", "may_read"), "ch15"
    ),
}

REPLACED = {  # gone -> what asks for it and more
    "shift_down": "ch04.vertical_conv",
    "gate": "ch04.gated_layer",
    "completion_canvas": "ch13.two_stage_sample",
}


def answering(module: str) -> Callable[[str], object]:
    """The `__getattr__` of a chapter's package: tells where a name of the old numbering is now."""
    chapter = module.rpartition(".")[2]

    def __getattr__(name: str) -> object:
        if name in REPLACED:
            raise AttributeError(
                f"{chapter}.{name} is a part of {REPLACED[name]} now. Open the new version of the "
                "notebook."
            )
        if now := NOW_IN.get(chapter, {}).get(name):
            raise AttributeError(
                f"{chapter}.{name} is {now}.{name} now: the chapters were numbered anew, and this "
                f"exercise stands in chapter {now[2:]}. Open the new version of the notebook."
            )
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return __getattr__


def came_from(chapter: str) -> dict[str, list[str]]:
    """Old chapters whose exercises are in this one now, with the names of these exercises."""
    found = {}
    for old, names in NOW_IN.items():
        moved = [name for name, now in names.items() if now == chapter]
        if moved:
            found[old] = moved
    return found
