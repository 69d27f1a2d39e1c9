"""Dashboard: the curves of a training in one figure of the notebook, redrawn while it runs.

    fit(model, step, data, config, valid=held_out, watch=Dashboard())

The figure is an output of the cell that is *updated*, not a new one each time: whatever a run
draws on its way, one PNG is left in the notebook, of the last state. Drawing stops the training
for a moment, so it gets a share of the time (`LARGEST_SHARE`) and waits when that is used up.
Outside a notebook nothing is drawn.

`draw_progress` is the figure as a plain function of the history.
"""

import base64
import time
from collections.abc import Callable

import torch
from IPython import get_ipython
from IPython.display import display
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from tutorial_lib.contracts import Positive, Several, checked, filled
from tutorial_lib.notebook.charts import show_curves
from tutorial_lib.notebook.plotting import WIDTH, show_images
from tutorial_lib.notebook.widgets.picture import as_png, new_figure
from tutorial_lib.training.config import History

LARGEST_SHARE = 0.02  # of the training time, for drawing
MOST_PANELS = 2  # that are drawn unasked
CURVES = 2.6  # inches, height of the curves with their labels
LEFT, RIGHT, BOTTOM, TOP = 0.75, 0.2, 0.5, 0.35  # inches around a panel
PICTURES = 0.85  # inches, height of a row of pictures
N_COLUMNS = 8  # of pictures
NOT_METRICS = ("step", "epoch", "seconds")
Names = list[str] | tuple[str, ...]


@checked
def unit_of(metric: str) -> str:
    """The unit in a metric's name: "decoder bits/dim" -> "bits/dim"; the name if there is none."""
    words = metric.split()
    for i, word in enumerate(words):
        if word.split("/")[0] in ("bits", "nats"):
            return " ".join(words[i:])
    return metric


@checked
def panels_of(history: History, metrics: Names | None = None) -> dict[str, list[str]]:
    """The metrics to draw, by their units: those named, or all but the loss of at most two units.

    ValueError for a name that the rows do not have.
    """
    if not history.rows:
        raise ValueError(f"history must hold a row, got {history}")
    known = [name for name in history.rows[-1] if name not in NOT_METRICS]
    panels: dict[str, list[str]] = {}
    for name in metrics or [name for name in known if name != "loss"] or known:
        if name not in known:
            raise ValueError(
                f"there is no metric {name!r}: the rows have {', '.join(known)} (metrics is a "
                f"{type(metrics).__name__})"
            )
        panels.setdefault(unit_of(name), []).append(name)
    if metrics is None:
        bits_first = sorted(panels, key=lambda unit: not unit.startswith("bits"))
        panels = {unit: panels[unit] for unit in bits_first[:MOST_PANELS]}
    return panels


@checked
def draw_progress(
    history: History,
    *,
    metrics: Names | None = None,
    images: Shaped[Tensor, "N C H W"] | None = None,
    n_levels: Several | None = None,
) -> Figure:
    """Metrics against steps, a panel for each unit, held-out values as points; below, `images`.

    images (N, C, H, W): in [0, 1], or levels if `n_levels` is given
    """
    panels = panels_of(history, metrics)
    n_rows = 0 if images is None else -(-len(filled("images", images)) // N_COLUMNS)
    below = PICTURES * n_rows + 0.1 * bool(n_rows)
    figure = new_figure(WIDTH, CURVES + below)
    height, each = CURVES + below, WIDTH / len(panels)
    for i, (unit, names) in enumerate(panels.items()):
        size = (each - LEFT - RIGHT) / WIDTH, (CURVES - BOTTOM - TOP) / height
        ax = figure.add_axes(((i * each + LEFT) / WIDTH, (below + BOTTOM) / height, *size))
        _draw_panel(ax, history, names, unit)
    if images is not None:
        strip = (0.1 / WIDTH, 0.1 / height, 1 - 0.2 / WIDTH, (below - 0.1) / height)
        ax = figure.add_axes(strip)
        show_images(images, n_levels=n_levels, n_columns=N_COLUMNS, ax=ax)
    figure.suptitle(state_of(history), fontsize=10, y=1 - 0.08 / height, va="top")
    return figure


def _draw_panel(ax: Axes, history: History, names: list[str], unit: str) -> None:
    curves = {}
    for name in names:
        label = name.removesuffix(unit).strip() if len(names) > 1 else ""
        for kind, rows, key in (
            ("training", history.rows, name),
            ("held-out", history.valid_rows, f"valid {name}"),
        ):
            points = [(float(row["step"]), row[key]) for row in rows if key in row]
            if points:
                curves[f"{kind} {label}".strip()] = tuple(zip(*points, strict=True))
    show_curves(curves, xlabel="step", ylabel=unit if len(names) > 1 else names[0], ax=ax)
    ax.set_xlim(0, history.n_steps or max(1, history.step))
    # The fall of the first steps would press everything after it flat.
    late = [v for x, y in curves.values() for s, v in zip(x, y, strict=True) if s > x[-1] / 10]
    margin = 0.05 * (max(late) - min(late)) or 0.05 * abs(late[0]) or 1.0
    ax.set_ylim(min(late) - margin, max(late) + margin)


@checked
def state_of(history: History) -> str:
    """How far a run is, in a line."""
    where = f"step {history.step}" + (f" of {history.n_steps}" if history.n_steps else "")
    stopped = "stopped at " if history.ended and not history.finished else ""
    return f"{stopped}{where}, {history.seconds:.0f} s"


def in_notebook() -> bool:
    """True where there is a kernel whose outputs can be replaced."""
    return hasattr(get_ipython(), "kernel")


class Dashboard:
    """Give it to `fit` as `watch`; it may watch one run after another.

    metrics        names of the metrics to draw; by default all but the loss, of two units at most
    pictures       a function without arguments that returns images (N, C, H, W) in [0, 1] to be
                   drawn below the curves: of the same examples each time, or they cannot be
                   compared. It may call model.eval(): fit puts the mode back
    n_levels       given if `pictures` returns levels
    every_seconds  the shortest time between two drawings; `LARGEST_SHARE` may ask for more
    """

    @checked
    def __init__(
        self,
        *,
        metrics: Names | None = None,
        pictures: Callable[[], Tensor] | None = None,
        n_levels: Several | None = None,
        every_seconds: Positive = 0.5,
    ):
        self.metrics, self.pictures, self.n_levels = metrics, pictures, n_levels
        self.every_seconds = every_seconds
        self.seconds = 0.0  # spent on drawing, in all runs together
        self._output = None

    @checked
    def __call__(self, history: History) -> None:
        """Bring the figure up to date, if it is time to; always when the run has ended."""
        if not history.rows or not in_notebook():
            return
        began = time.perf_counter()
        if self._output is None:
            self._first, self._spent = began, 0.0
        elif not history.ended and not self._is_due(began):
            return
        try:
            self._show(self.draw(history), state_of(history))
        finally:
            self._last = time.perf_counter()
            self._spent += self._last - began
            self.seconds += self._last - began
        if history.ended:
            self._output = None  # the next run gets a figure in its own cell

    def draw(self, history: History) -> Figure:
        """The figure as it would be shown now."""
        with torch.no_grad():
            images = self.pictures() if self.pictures else None
        return draw_progress(history, metrics=self.metrics, images=images, n_levels=self.n_levels)

    def _is_due(self, now: float) -> bool:
        waited = now - self._last >= self.every_seconds
        return waited and self._spent <= LARGEST_SHARE * (now - self._first)

    def _show(self, figure: Figure, text: str) -> None:
        picture = base64.b64encode(as_png(figure)).decode("ascii")
        output = {"image/png": picture, "text/plain": text}
        if self._output is None:
            self._output = display(output, raw=True, display_id=True)
        else:
            self._output.update(output, raw=True)
