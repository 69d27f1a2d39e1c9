"""Move the mean and the width of q, and watch the bound rise towards log p(x) and fall away."""

from __future__ import annotations

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import display
from jaxtyping import Int
from matplotlib.axes import Axes
from torch import Tensor
from torch.distributions import Normal

from tutorial_lib.codes.one_latent import OneLatentModel
from tutorial_lib.contracts import Positive, checked
from tutorial_lib.notebook.plotting import FUTURE, READ, TARGET, UNREAD, WIDTH
from tutorial_lib.notebook.widgets.picture import WIDE, explorer

SHOWN = 4.0  # of z, to both sides


@checked
def draw_bound(
    model: OneLatentModel,
    levels: Int[Tensor, "n"],
    mean: float,
    std: Positive,
    *,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Left: prior, true posterior and q = N(mean, std^2). Right: log p(x) as bound plus gap."""
    model.elbo_nats(levels, mean, std)  # complains before anything is drawn
    if axes is None:
        shape = {"figsize": (7, 2.8), "width_ratios": (3, 1), "layout": "tight"}
        axes = tuple(plt.subplots(1, 2, **shape)[1])
    curves, bars = axes
    z, posterior = model.z[::5], model.posterior(levels)[::5]
    curves.fill_between(z, model.log_prior_nats(z).exp(), color=FUTURE, label="prior p(z)")
    curves.plot(z, posterior, color=READ, lw=2, label="posterior p(z|x)")
    q = Normal(mean, std).log_prob(z).exp()
    curves.plot(z, q, color=UNREAD, lw=2, label="q(z)")
    # The same while the sliders move, until q is so narrow that it would be cut off.
    top = max(1.5 * posterior.max().item(), 1.2, 1.1 * q.max().item())
    curves.set(xlim=(-SHOWN, SHOWN), ylim=(0, top), xlabel="z", ylabel="density")
    curves.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    _draw_bars(model, levels, mean, std, bars)
    return axes


def _draw_bars(model: OneLatentModel, levels: Tensor, mean: float, std: float, ax: Axes) -> None:
    evidence = model.log_evidence_nats(levels).item()
    bound = model.elbo_nats(levels, mean, std).item()
    gap = model.gap_nats(levels, mean, std).item()
    ax.bar(["log p(x)"], [evidence], color=READ, width=0.6)
    ax.bar(["bound"], [evidence], color=UNREAD, width=0.6)
    ax.bar(["bound"], [-gap], bottom=evidence, color=TARGET, width=0.6, label="gap")
    ax.set_ylim(min(3 * evidence, -10), 0)  # the same while the sliders move
    ax.set_ylabel("nats for the image")
    ax.set_title(f"{evidence:.2f} = {bound:.2f} + {gap:.2f}", loc="right")  # may grow to the left
    ax.legend(loc="lower left")


@checked
def bound_explorer(model: OneLatentModel, levels: Int[Tensor, "n"]) -> None:
    """Sliders for the mean and the width of q."""
    model.log_evidence_nats(levels)  # complains before anything is drawn
    slider = ipywidgets.FloatSlider
    controls = {
        "mean": slider(0, min=-3, max=3, step=0.1, description="mean of q", style=WIDE),
        "std": slider(1, min=0.05, max=1.5, step=0.05, description="width of q", style=WIDE),
    }

    def draw(curves: Axes, bars: Axes, mean: float, std: float) -> None:
        draw_bound(model, levels, mean, std, axes=(curves, bars))

    places = [(0.1, 0.18, 0.55, 0.68), (0.79, 0.18, 0.2, 0.68)]
    display(explorer(draw, controls, size=(WIDTH, 2.8), places=places))
