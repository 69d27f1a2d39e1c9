"""Curves and bars in the style of `plotting`: of a training, of codes, of a bill in two parts."""

import math
from numbers import Real

import torch
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from torch import Tensor

from tutorial_lib.contracts import Positive, checked, filled
from tutorial_lib.notebook.plotting import READ, TARGET, UNREAD, WIDTH, new_axes


@checked
def show_usage(
    counts: Shaped[Tensor, "K"],
    perplexity: Positive | Float[Tensor, ""],
    *,
    ax: Axes | None = None,
) -> Axes:
    """How often each code is used, most used first, against a uniform usage."""
    if not (counts >= 0).all() or not 0 < counts.sum() < torch.inf:
        raise ValueError(f"counts must be finite, none negative, some positive; got {counts}")
    share = (counts / counts.sum()).sort(descending=True).values.cpu().numpy()
    ax = new_axes(ax, WIDTH, 2.5)
    ax.bar(range(len(share)), 100 * share, width=1.0, color=READ)
    ax.axhline(100 / len(share), color=TARGET, lw=1, label="uniform")
    ax.set(xlabel="code, most used first", ylabel="share of positions (%)")
    ax.set_title(f"perplexity {perplexity:.0f} of {len(share)} codes")
    ax.legend()
    return ax


@checked
def show_curves(
    curves: dict[str, tuple],
    *,
    xlabel: str,
    ylabel: str,
    ax: Axes | None = None,
) -> Axes:
    """Named curves (x, y), two sequences each; a name that begins with "held-out" gets markers.

    An empty curve, of a run that was stopped before its first row, has its name and no line.
    """
    ax = new_axes(ax)
    curves = {name: ((), ()) if curve == () else curve for name, curve in curves.items()}
    for name, curve in curves.items():
        fits = isinstance(curve, (tuple, list)) and len(curve) == 2
        if not fits or len(curve[0]) != len(curve[1]) or not isinstance(name, str):
            raise ValueError(f"curves must be {{name: (x, y)}}, got {name!r}: {curve!r:.60}")
    for name, (x, y) in curves.items():
        ax.plot(x, y, marker="o" if name.startswith("held-out") else None, ms=4, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


@checked
def show_stacked_bits(rows: dict[str, tuple[float, float]], *, ax: Axes | None = None) -> Axes:
    """Total bits/dim as bars of two parts: name -> (decoder term, latent rate)."""
    for name, row in filled("rows", rows).items():
        fits = isinstance(row, (tuple, list)) and len(row) == 2
        if not fits or not all(isinstance(part, Real) and math.isfinite(part) for part in row):
            raise ValueError(f"rows must be {{name: (decoder, rate)}}, got {name!r}: {row!r:.60}")
    ax = new_axes(ax, WIDTH, 0.6 + 0.5 * len(rows))
    names = list(rows)
    decoder = [rows[name][0] for name in names]
    rate = [rows[name][1] for name in names]
    ax.barh(names, decoder, color=READ, label="decoder term")
    ax.barh(names, rate, left=decoder, color=UNREAD, label="latent rate")
    for y, (a, b) in enumerate(zip(decoder, rate, strict=True)):
        ax.text(a + b, y, f" {a + b:.3f}", va="center")
    ax.set(xlabel="bits/dim", xlim=(0, 1.12 * max(a + b for a, b in rows.values())))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.35), ncols=2)
    return ax
