"""The Gaussian VAE with its noise, its bound as bars that add up, models by rate and distortion."""

from numbers import Real

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.codes.gaussian_posterior import reparameterize
from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.notebook.diagrams.card import (
    GRADIENT,
    GREY,
    INK,
    PALE,
    READ,
    ROLES,
    STOPPED,
    UNREAD,
    WHITE,
    Card,
)
from tutorial_lib.notebook.diagrams.places import Node
from tutorial_lib.notebook.diagrams.shapes import on_the_cpu, said


def _bell(c: Card, x: Real, y: Real, width: Real = 0.7) -> Node:
    """The density of the noise."""
    t = np.linspace(-3, 3, 61)
    curve = np.stack([x + t * width / 6, y - 0.2 + 0.42 * np.exp(-t * t / 2)], axis=1)
    c.stroke(curve, ROLES["condition"][0], ROLES["condition"][1], lw=1.3)
    return Node(x, y, width, 0.42)


VAE = (
    "A Gaussian VAE. The encoder gives mean and spread; z is the mean plus the spread times noise; "
    "the decoder gives p(x|z). Costs: KL to the prior and -log p(x|z). Their gradient reaches mean "
    "and spread; none goes into the noise."
)


@on_the_cpu
def gaussian_vae(model: GaussianVAE, image: Tensor) -> Card:
    """Encoder, mean and spread, noise, decoder and both costs; image: levels (C, H, W).

    gaussian_vae(model, valid.levels[0].long())
    """
    with torch.no_grad():
        mean, log_variance = model.encode(image[None])
        z = reparameterize(mean, log_variance, torch.zeros_like(mean))
        p = model.logits_given(image[None], z).softmax(1)
    decoded = torch.einsum("lchw,l->chw", p[0], torch.arange(float(model.n_levels)))
    c = Card(7, 3.55, alt=VAE)
    y, low, foot = 2.65, 1.85, 0.92
    x = c.image(0.62, y, image, model.n_levels, 170, f"image $x$\n{said(image.shape)}")
    enc = c.box(1.75, y, "encoder", "convolution", h=0.95, taper=0.35)
    mu = c.box(2.97, y, rf"mean $\mu$: {said(mean)}", w=1.0)
    sigma = c.box(2.97, low, rf"spread $\sigma$: {said(mean)}", w=1.0)
    q = c.frame(mu, sigma, text=r"$q(z\,|\,x)$", pad=0.12)
    plus, times = c.sign(3.98, y, "+"), c.sign(3.98, low, "x")
    bell = _bell(c, 3.98, foot)
    dec = c.box(5.22, y, "decoder", "convolution", h=0.95, taper=-0.35)
    out = c.image(6.38, y, decoded, model.n_levels, 170)
    c.text(out, r"$p(x\,|\,z)$", "above")
    kl = c.box(2.1, foot, r"KL$(q(z|x)\,\Vert\,\mathcal{N}(0, I))$", "loss")
    nll = c.box(6.2, foot, r"$-\log p(x\,|\,z)$", "loss")
    c.chain(x, enc, mu, plus)
    c.arrow((enc.on("right")[0], y - 0.15), (2.3, y - 0.15), (2.3, low), sigma.on("left"))
    c.link(plus, dec, f"$z$: {said(z)}", side="below")
    c.chain(dec, out, nll)
    c.chain(sigma, times, plus)
    c.link(bell, times)
    words = f"noise $\\varepsilon$: {said(z)}\nfrom $\\mathcal{{N}}(0, I)$"
    c.note(bell, words, "right", color=ROLES["condition"][0])
    c.arrow((2.75, q.bottom), (2.75, kl.top))
    back = 0.12  # the gradient goes back beside what it belongs to
    c.arrow((2.63, kl.top), (2.63, q.bottom), kind=GRADIENT)
    c.arrow((out.x + back, nll.top), (out.x + back, out.bottom), kind=GRADIENT)
    for a, b in ((out, dec), (dec, plus), (plus, mu), (q, enc)):
        c.arrow((a.on("left")[0], y + back), (b.on("right")[0], y + back), kind=GRADIENT)
    c.arrow((plus.x + back, plus.bottom), (times.x + back, times.top), kind=GRADIENT)
    c.arrow((times.on("left")[0], low - back), (sigma.on("right")[0], low - back), kind=GRADIENT)
    ends = (times.x + back, times.bottom), (times.x + back, bell.top + 0.12)
    c.arrow(*ends, kind=STOPPED, text="no gradient")
    c.arrow((0.25, 0.3), (0.7, 0.3), kind=GRADIENT)
    c.note((0.7, 0.3), "the gradient of the sum of both orange boxes", "right")
    return c


def elbo_bars(decoder: Real, kl: Real, evidence: Real | None = None, *, unit: str = "nats") -> Card:
    """-ELBO in its two ways of adding up: decoder + KL to the prior, and -log p(x) + gap.

    decoder = -log p(x|z) on average, kl = KL(q || prior), evidence = -log p(x): all costs.

    elbo_bars(terms.decoder_nats.mean().item(), terms.kl_nats.mean().item(), -log_p.mean().item())
    """
    total, rest = decoder + kl, "" if evidence is None else f" = -log p(x) {evidence:.1f} + gap"
    rest += "" if evidence is None else f" {decoder + kl - evidence:.1f}"
    whole = [(decoder, "decoder term", r"$-\log p(x\,|\,z)$", READ)]
    added = [(kl, "KL", r"KL$(q(z|x)\,\Vert\,p(z))$", UNREAD)]
    if evidence is not None:
        whole += [(evidence, "the true cost", r"$-\log p(x)$", "#7d7d7d")]
        added += [(total - evidence, "gap", r"KL$(q(z|x)\,\Vert\,p(z|x))$", ROLES["loss"][0])]
    alt = f"-ELBO = {total:.1f} {unit} = decoder term {decoder:.1f} + KL {kl:.1f}{rest}"
    c = Card(7, 0.4 + 0.9 * len(whole), alt=alt)
    scale, left, top = 4.6 / total, 0.95, c.height - 0.6
    right, lowest = left + total * scale, top - 0.9 * (len(whole) - 1)
    for i, pair in enumerate(zip(whole, added, strict=True)):
        y, x = top - 0.9 * i, left
        for value, *_, color in pair:
            bar = Node(x + value * scale / 2, y, value * scale, 0.34)
            c.outline(bar, "w", color, lw=1.2)
            x += value * scale
        (value, name, formula, _), (more, other, why, color) = pair
        first = Node(left + value * scale / 2, y, value * scale, 0.34)
        c.text(first, f"{name} {value:.1f}", color="w")
        c.note(first, formula, "below")
        dark = "#9c5f10" if color == UNREAD else color
        c.text((right, y), f"{other} {more:.1f}", "right", color=dark)
        c.note((right, y - 0.2), why, "right")
        c.text((left - 0.08, y), "is also" if i else r"$-$ELBO", "left", gap=0)
    for x in (left, right):
        ends = [(x, top + 0.25), (x, lowest - 0.25)]
        c.stroke(ends, GREY, closed=False, dashes=(0, (2, 2)), lw=0.8, z=6)
    c.note((right, top + 0.33), f"{total:.1f} {unit} an image", "above", color=INK, gap=0)
    return c


def _ticks(low: Real, high: Real) -> np.ndarray:
    """About four round numbers from low to high."""
    step = 10 ** np.floor(np.log10((high - low) / 2))
    step *= next(f for f in (5, 2, 1, 0.5, 0.2) if (high - low) / (step * f) >= 3)
    return np.arange(np.ceil(low / step - 1e-9) * step, high + step * 1e-6, step) + 0.0


def rate_distortion(points: dict[str, tuple[Real, Real]], *, unit: str = "bits/dim") -> Card:
    """Models as points: what the code costs against what the image costs given the code.

    points: name -> (rate, distortion), both in `unit`; on a dashed line their sum is the same.

    rate_distortion({"VAE": (0.3, 1.2), "VQ-VAE": (0.2, 1.1), "collapsed": (0.0, 2.1)})
    """
    xy = np.array(list(points.values()), float)
    said = "; ".join(f"{name}: rate {r:.2f}, distortion {d:.2f}" for name, (r, d) in points.items())
    c = Card(5.6, 3.75, alt=f"Rate and distortion in {unit}. {said}.")
    box = Node(3.05, 2.02, 4.3, 2.5)
    span = np.maximum(np.ptp(xy, axis=0), 1e-3 + 0.05 * np.abs(xy).max())
    low = np.maximum(xy.min(0) - 0.15 * span, 0)
    high = xy.max(0) + (0.45, 0.2) * span

    corner, size = (box.x - box.w / 2, box.bottom), (box.w, box.h)

    def at(p) -> np.ndarray:
        return (np.asarray(p) - low) / (high - low) * size + corner

    for total in _ticks(low.sum(), high.sum())[1:]:
        ends = [(r, total - r) for r in np.clip([total - high[1], total - low[1]], low[0], high[0])]
        if abs(ends[0][0] - ends[1][0]) > 1e-9:
            c.stroke([at(e) for e in ends], PALE, closed=False, dashes=(0, (3, 2)), lw=0.8, z=1)
    c.arrow(corner, (box.x + box.w / 2 + 0.1, box.bottom))
    c.arrow(corner, (corner[0], box.top + 0.1))
    for axis in (0, 1):
        for value in _ticks(low[axis], high[axis]):
            place = at((value, low[1])) if axis == 0 else at((low[0], value))
            if place[axis] < (box.x + box.w / 2, box.top)[axis] - 0.1:
                c.note(place, f"{value:.3g}", "below" if axis == 0 else "left", gap=0.06)
    c.text((box.x, 0.42), f"rate: what the code costs ({unit})", "below", gap=-0.03)
    words = f"distortion: what the image costs, given the code ({unit})"
    c.text((0.3, box.top + 0.28), words, "right", gap=0)
    taken = [Node(*at(p), 0.14, 0.14) for p in xy]
    for name, p in points.items():
        dot, words = Node(*at(p), 0.11, 0.11), f"{name}: {sum(p):.2f}"
        c.outline(dot, "w", READ, radius=1, z=6, lw=0.8)
        side, place = _free_side(dot, 0.072 * len(words), taken, box)
        taken.append(place)
        c.outline(place, "none", WHITE, z=2)
        c.note(dot, words, side, color=INK)
    c.note((box.x + box.w / 2, box.top), "dashed: equal sum", "left", gap=0)
    return c


def _meet(a: Node, b: Node) -> bool:
    return bool(abs(a.x - b.x) < (a.w + b.w) / 2 and abs(a.y - b.y) < (a.h + b.h) / 2)


def _free_side(dot: Node, wide: Real, taken: list[Node], box: Node) -> tuple[str, Node]:
    """Where a text of this width beside a dot meets the fewest things and stays in the box."""
    shift = {"right": (wide / 2 + 0.12, 0), "above": (0, 0.15), "below": (0, -0.15)}
    shift["left"] = (-wide / 2 - 0.12, 0)
    room = {side: Node(dot.x + x, dot.y + y, wide, 0.15) for side, (x, y) in shift.items()}

    def trouble(side: str) -> int:
        place = room[side]
        inside = abs(place.x - box.x) < (box.w - wide) / 2 and place.bottom > box.bottom
        return sum(_meet(place, each) for each in taken) + 2 * (not inside)

    side = min(room, key=trouble)
    return side, room[side]
