"""Calls of what draws: figures, the dashboard, sample grids, and the controls' plain functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import small_models as small
import torch
from inventory_codes import NINE_BITS, ON_GRID, WIDTH
from inventory_pixels import ANY_KERNEL
from kinds import (
    Kind,
    also,
    but,
    choice,
    count,
    floats,
    function,
    model,
    mutation,
    name,
    optional,
    path,
    positive,
    ranged,
    sizes,
    symbols,
    thing,
)
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from named import call

from tutorial_lib.notebook.dashboard import Dashboard
from tutorial_lib.training.config import History

PICTURES = also(
    floats((3, 1, 4, 4), alone=True, low=0.0), "four colours", lambda: torch.zeros(3, 4, 4, 4)
)
X = but(PICTURES, "another dtype")  # integers are levels
LEVELS = but(symbols((3, 1, 4, 4), 5, alone=True), "another dtype")
AXES = Kind(lambda: None, (mutation("no pair of axes", "ax", 3, lambda: [1], (None, 3)),))
AX = Kind(lambda: None, (mutation("no axes", "ax", 3, lambda: [1]),))
TEXTS = Kind(lambda: ["a", "b"], (mutation("no list", 3, 0.5, True),))
GREY = also(but(positive(0.5), "not above 0"), "out of range", -0.1, 1.5)
N_LEVELS = count(5, at_least=2)
HISTORY = thing(
    lambda: History(
        [{"step": 1, "epoch": 0.5, "seconds": 0.1, "loss": 2.0, "bits/dim": 1.0}], step=1, n_steps=2
    )
)
METRICS = Kind(lambda: ["bits/dim"], (mutation("no metric", ["nats"], "bits/dim", 3, [3]),))
HIDDEN = Kind(
    lambda: torch.zeros(3, 1, 4, 4).bool(),
    (
        mutation("no tensor", None, "hidden", 3, lambda: [True]),
        mutation("numbers", lambda: torch.zeros(3, 1, 4, 4)),
        mutation("another shape", lambda: torch.zeros(4, 4).bool()),
        mutation("three colours", lambda: torch.zeros(3, 3, 4, 4).bool()),
    ),
)
MASK = Kind(
    lambda: torch.ones(3, 3),
    (
        mutation("no tensor", None, "mask", 3, lambda: [[1]], lambda: np.ones((3, 3))),
        mutation("no matrix", lambda: torch.ones(3), lambda: torch.ones(1, 3, 3)),
        mutation("not 0 or 1", lambda: torch.full((3, 3), 2.0), lambda: torch.full((3, 3), 0.5)),
    ),
)

PLOTS = [
    call(
        "data.tiles.tile",
        (9, 9),
        {"images": X, "n_columns": count(2), "gutter": GREY},
    ),
    call(
        "data.tiles.tile",
        (9, 9),
        {"images": LEVELS, "n_columns": count(2), "n_levels": N_LEVELS, "gutter": GREY},
        variant="levels",
    ),
    call(
        "notebook.plotting.show_images",
        Axes,
        {
            "images": X,
            "n_columns": count(2),
            "titles": optional(TEXTS),
            "row_labels": optional(TEXTS),
            "gutter": GREY,
            "ax": AX,
        },
    ),
    call(
        "notebook.plotting.show_images",
        Axes,
        {"images": LEVELS, "n_levels": N_LEVELS, "n_columns": count(2)},
        variant="levels",
    ),
    call("notebook.plotting.hide", (3, 3, 4, 4), {"images": X, "hidden": HIDDEN}),
    call(
        "notebook.plotting.hide",
        (3, 3, 4, 4),
        {"images": LEVELS, "hidden": HIDDEN, "n_levels": N_LEVELS},
        variant="levels",
    ),
    call(
        "notebook.plotting.show_completions",
        Axes,
        {
            "truth": symbols((2, 1, 4, 4), 5, alone=True),
            "known": Kind(
                lambda: torch.ones(4, 4).bool(),
                (
                    mutation("no tensor", None, "known", 3, lambda: [[True]]),
                    mutation("numbers", lambda: torch.ones(4, 4)),
                    mutation("another shape", lambda: torch.ones(4, 5).bool()),
                ),
            ),
            "drawn": also(
                symbols((6, 1, 4, 4), 5, alone=True),
                "not equally many",
                lambda: torch.zeros(3, 1, 4, 4).long(),
            ),
            "n_levels": N_LEVELS,
            "ax": AX,
        },
    ),
    call("notebook.plotting.show_mask", Axes, {"mask": MASK, "ax": AX}),
    call(
        "notebook.plotting.show_influence",
        Axes,
        {
            "reads": Kind(
                lambda: torch.ones(6).bool(),
                (
                    mutation("no tensor", None, "reads", 3, lambda: [True]),
                    mutation("another shape", lambda: torch.ones(7), lambda: torch.ones(2, 3)),
                ),
            ),
            "height": count(2),
            "width": count(3),
            "target": also(sizes((1, 1), at_least=0), "outside", (2, 0), (0, 3)),
            "ax": AX,
        },
    ),
    call(
        "notebook.plotting.show_index_map",
        Axes,
        {"indices": symbols((3, 4), 5, alone=True), "n_codes": count(5), "ax": AX},
    ),
    call(
        "notebook.plotting.show_reconstructions",
        np.ndarray,
        {
            "original": floats((2, 1, 4, 4), pinned=(0,), alone=True, low=0.0),
            "reconstruction": floats((2, 1, 4, 4), pinned=(0,), alone=True, low=0.0),
            "indices": symbols((2, 2, 2), 5, pinned=(0,), alone=True),
            "n_codes": count(5),
            "title": choice("a title")._replace(wrong=(mutation("no text", 3, True),)),
        },
    ),
    call(
        "notebook.charts.show_usage",
        Axes,
        {
            "counts": but(
                ranged(floats((5,), alone=True, low=1.0, high=5.0), below=-1.0), "another dtype"
            ),
            "perplexity": but(positive(4.0), "no number"),
            "ax": AX,
        },
    ),
    call(
        "notebook.charts.show_curves",
        Axes,
        {
            "curves": also(
                thing(lambda: {"loss": ([1, 2], [3.0, 2.0])}),
                "no curves",
                lambda: {"loss": 3},
                lambda: {"loss": ([1, 2], [3.0])},
                lambda: {3: ([1], [2])},
            ),
            "xlabel": choice("step")._replace(wrong=(mutation("no text", 3, True),)),
            "ylabel": choice("nats")._replace(wrong=(mutation("no text", 3, True),)),
            "ax": AX,
        },
    ),
    call(
        "notebook.charts.show_stacked_bits",
        Axes,
        {
            "rows": also(
                thing(lambda: {"uniform": (1.0, 0.5)}),
                "no rows",
                lambda: {},
                lambda: {"uniform": 3},
                lambda: {"uniform": (1.0,)},
                lambda: {"uniform": (1.0, float("nan"))},
                lambda: {"uniform": ("a", "b")},
            ),
            "ax": AX,
        },
    ),
]

GRIDS = [
    call(
        "recipes.sample_sheets.write_png",
        Path,
        {
            "path": also(path(lambda: Path("sheet.png")), "no png", "sheet.jpg", "sheet"),
            "sheet": Kind(
                lambda: np.full((4, 4), 0.5),
                (
                    mutation("no array", None, "sheet", 3, lambda: [[1]], lambda: torch.ones(4, 4)),
                    mutation("another shape", lambda: np.ones(4), lambda: np.ones((4, 4, 2))),
                    mutation(
                        "out of range", lambda: np.full((4, 4), 1.5), lambda: np.full((4, 4), -1.0)
                    ),
                    mutation("NaN", lambda: np.full((4, 4), np.nan)),
                ),
            ),
            "zoom": count(2),
        },
    ),
]

DASHBOARD = [
    call(
        "notebook.dashboard.Dashboard",
        Dashboard,
        {
            "metrics": optional(
                METRICS._replace(wrong=(mutation("no list", 3, True, "bits/dim"),))
            ),
            "pictures": optional(function(lambda: torch.zeros(2, 1, 4, 4))),
            "n_levels": optional(N_LEVELS),
            "every_seconds": positive(0.5),
        },
    ),
    call(
        "notebook.dashboard.Dashboard.__call__",
        type(None),
        {"history": HISTORY},
        of=lambda: Dashboard(),
    ),
    call(
        "notebook.dashboard.Dashboard.draw",
        Figure,
        {"history": HISTORY},
        of=lambda: Dashboard().draw,
    ),
    call(
        "notebook.dashboard.draw_progress",
        Figure,
        {"history": HISTORY, "metrics": optional(METRICS), "images": optional(X)},
    ),
    call(
        "notebook.dashboard.draw_progress",
        Figure,
        {"history": HISTORY, "images": optional(LEVELS), "n_levels": N_LEVELS},
        variant="levels",
    ),
    call("notebook.dashboard.panels_of", dict, {"history": HISTORY, "metrics": optional(METRICS)}),
    call("notebook.dashboard.state_of", str, {"history": HISTORY}),
    call(
        "notebook.dashboard.unit_of",
        str,
        {
            "metric": choice("decoder bits/dim")._replace(
                wrong=(mutation("no text", 3, True, None),)
            )
        },
    ),
]

PLANE_POINTS = floats((4, 2), pinned=(1,), alone=True)
ONE_POINT = floats((2,), pinned=(0,), alone=True)
N_ROWS = also(count(2, at_least=0), "too many", 5, 99)
PAINTED = symbols((3, 4), 5, alone=True)
ON_THE_FIELD = also(sizes((1, 1), at_least=0), "outside", (3, 0), (0, 4))
WIDGETS = [
    call(
        "notebook.widgets.explorers.draw_bound",
        tuple,
        {
            "model": model(small.strip),
            "levels": NINE_BITS,
            "mean": ON_GRID,
            "std": WIDTH,
            "axes": AXES,
        },
    ),
    call(
        "notebook.widgets.explorers.bound_explorer",
        type(None),
        {"model": model(small.strip), "levels": NINE_BITS},
    ),
    call(
        "notebook.widgets.codebook.draw_codebook",
        Axes,
        {"codebook": PLANE_POINTS, "z_e": optional(PLANE_POINTS), "ax": AX},
    ),
    call(
        "notebook.widgets.codebook.codebook_explorer",
        type(None),
        {"codebook": PLANE_POINTS, "z_e": ONE_POINT},
    ),
    call(
        "notebook.widgets.codebook.codebook_html", str, {"codebook": PLANE_POINTS, "z_e": ONE_POINT}
    ),
    call("notebook.widgets.explorers.stroke", (1, 1, 28, 28), {"name": name("bar")}),
    call(
        "notebook.widgets.explorers.draw_mask_explorer",
        Axes,
        {
            "kernel_size": ANY_KERNEL,
            "n_layers": count(2),
            "first_type": but(choice("A", "a"), says=("first_type", "mask_type")),
            "ax": AX,
        },
    ),
    call(
        "notebook.widgets.explorers.draw_sampled_rows",
        Axes,
        {
            "levels": symbols((3, 1, 4, 4), 5, alone=True),
            "n_rows": N_ROWS,
            "n_levels": N_LEVELS,
            "ax": AX,
        },
    ),
    call(
        "notebook.widgets.explorers.sampling_viewer",
        type(None),
        {"model": model(small.gated), "height": count(2), "width": count(2)},
    ),
    call(
        "notebook.widgets.painter.draw_painted_codes",
        tuple,
        {
            "vqvae": model(small.vqvae),
            "before": PAINTED,
            "painted": PAINTED,
            "place": ON_THE_FIELD,
            "axes": AXES,
        },
    ),
    call(
        "notebook.widgets.painter.code_painter",
        type(None),
        {"vqvae": model(small.vqvae), "codes": PAINTED},
    ),
]

FIGURES = [*PLOTS, *GRIDS, *DASHBOARD, *WIDGETS]
