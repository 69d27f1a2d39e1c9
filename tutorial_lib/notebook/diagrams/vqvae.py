"""VQ-VAE: figure 1 of the paper, the two stages, and what an image costs in them."""

from numbers import Real

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import nearest_code, vectors_of
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.notebook.diagrams.card import (
    CONDITION,
    DRAWN,
    GRADIENT,
    INK,
    READ,
    UNREAD,
    Card,
    code_colors,
)
from tutorial_lib.notebook.diagrams.places import Node
from tutorial_lib.notebook.diagrams.shapes import on_the_cpu, said


def plane_of(model: VQVAE, image: Tensor) -> dict:
    """Codes, one z_e, its code and the gradient there, in the two main directions of the codebook.

    The place of z_e is one where the code that is nearest is the nearest in this plane, too.
    """
    book = model.quantizer.codebook.detach()
    z_e = model.encode(image[None]).detach()
    indices = nearest_code(z_e, book)
    z_q = model.quantizer.lookup(indices).detach().requires_grad_()
    with torch.enable_grad():
        model.decoder_nll_nats(model.decode(z_q), image[None]).sum().backward()
    axes = torch.linalg.svd(book - book.mean(0)).Vh[:2].T
    codes, points, steps = book @ axes, vectors_of(z_e) @ axes, -vectors_of(z_q.grad) @ axes
    fits = torch.cdist(points, codes).argmin(1) == indices.flatten()
    steps = steps / steps.norm(dim=1, keepdim=True).clamp_min(1e-12)
    way = codes[indices.flatten()] - points  # the farther from its code and the less along it
    across = (way[:, 0] * steps[:, 1] - way[:, 1] * steps[:, 0]).abs()
    i = torch.where(fits, across, -1).argmax()
    return {"codes": codes, "z_e": points[i], "code": indices.flatten()[i], "step": steps[i],
            "indices": indices[0], "z_e_field": z_e[0], "fits": bool(fits[i])}  # fmt: skip


def _embedding_plane(c: Card, x: Real, y: Real, found: dict, side: Real = 1.9) -> None:
    """Cells of the codes, z_e on its way to the nearest, and the gradient that is copied."""
    codes, z, k = found["codes"].numpy(), found["z_e"].numpy(), int(found["code"])
    e = codes[k]
    half, middle = 2.4 * max(np.linalg.norm(e - z), 1e-6), (e + z) / 2
    n = 190
    t = (np.arange(n) + 0.5) / n * 2 - 1
    field = np.stack(np.meshgrid(middle[0] + half * t, middle[1] - half * t), -1)
    nearest = ((field[:, :, None] - codes) ** 2).sum(-1).argmin(-1)
    pale = 1 - 0.3 * (1 - code_colors(nearest))
    plane = c.grid(x, y, pale, round(side * 200 / n), gutter=False)
    at = lambda p: np.array(plane[:2]) + (np.asarray(p) - middle) / half * plane.w / 2  # noqa: E731
    for i, code in enumerate(codes):
        if np.abs(code - middle).max() < 0.93 * half:
            dot = Node(*at(code), 0.09, 0.09)
            c.outline(dot, INK, code_colors(i), radius=1, z=5, lw=0.8)
    c.outline(Node(*at(z), 0.08, 0.08), INK, INK, radius=1, z=6)
    toward = (e - z) / max(np.linalg.norm(e - z), 1e-6)
    c.arrow(at(z) + 0.06 * toward, at(e) - 0.06 * toward)
    step = found["step"].numpy()
    for start in (e, z):
        c.arrow(at(start) + 0.06 * step, at(start) + 0.45 * step, kind=GRADIENT)
    away = lambda p, q: "left" if p[0] < q[0] else "right"  # noqa: E731
    c.note(at(z), "$z_e$", away(z, e), color=INK, gap=0.08)
    c.note(at(e), "$e_k$", away(e, z), color=INK, gap=0.08)
    c.text(plane, "codes, in their two main directions", "above")
    c.note(plane, "dashed: a step down the loss\nat $e_k$, copied to $z_e$", "below")


def _losses(c: Card, model: VQVAE) -> None:
    """The codebook, what moves it, and what holds the encoder near it."""
    quantizer = model.quantizer
    ema = quantizer.update == "ema"
    book = c.grid(4.75, 2.0, np.arange(24)[None].repeat(4, 0), 14, gutter=True)
    c.text(book, "codebook: {} codes of {} numbers".format(*quantizer.codebook.shape), "above")
    words = "running averages of the $z_e$\nmove the codes (EMA)"
    words = words if ema else "$\\Vert\\mathrm{sg}[z_e] - e\\Vert^2$\nmoves the codes"
    move = c.box(3.85, 1.0, words, "quantizer" if ema else "loss")
    pull = f"${quantizer.commitment_weight:g}\\,\\Vert z_e - \\mathrm{{sg}}[e]\\Vert^2$"
    c.box(5.87, 1.0, f"{pull}\npulls $z_e$ to its code", "loss")
    c.arrow((move.x + 0.2, move.top), (move.x + 0.2, book.bottom), kind=DRAWN if ema else GRADIENT)


FIGURE = (
    "A VQ-VAE: encoder, nearest of {} codes at each position, decoder. The gradient at the "
    "decoder's input is copied to the encoder's output. Below, a vector moves to the nearest code."
)


@on_the_cpu
def vq_figure(model: VQVAE, image: Tensor) -> Card:
    """Figure 1 of the paper: the nearest code goes on, the gradient is copied past it.

    vq_figure(model, test.levels[0].long())
    """
    found = plane_of(model, image)
    with torch.no_grad():
        decoded = model.picture(model.decode_indices(found["indices"][None]))[0]
    field = found["z_e_field"]
    c = Card(7, 4.9, alt=FIGURE.format(len(model.quantizer.codebook)))
    y, small = 3.95, int(110 / max(field.shape[1:]))
    x = c.image(0.55, y, image, model.n_levels, 130, f"image $x$\n{said(image.shape)}")
    enc = c.box(1.48, y, "encoder", "convolution", h=0.9, taper=0.35)
    grey = (field[0] - field[0].min()) / (field[0].max() - field[0].min())
    z_e = c.grid(2.5, y, grey.numpy(), small, depth=4)
    indices = found["indices"].numpy()
    codes = c.grid(3.55, y, indices, small, f"codes\n{said(indices.shape)}")
    z_q = c.grid(4.55, y, indices, small, depth=4)
    dec = c.box(5.57, y, "decoder", "convolution", h=0.9, taper=-0.35)
    out = c.image(6.45, y, decoded, 2, 130)
    for node, name in ((z_e, "$z_e(x)$"), (z_q, "$z_q(x)$")):
        place = node.x + 0.05, node.top + 0.1
        c.note(place, f"{name}\n{said(field.shape)}", "above", color=INK)
    c.note(out, "$p(x|z_q)$", "above", color=INK)
    c.chain(x, enc, z_e)
    c.arrow((z_e.on("right")[0] + 0.1, y), codes.on("left"), text="nearest\ncode", side="above")
    c.chain(codes, z_q, dec, out)
    back = 0.15
    for a, b, extra in ((out, dec, 0), (dec, z_q, 0.11), (z_e, enc, 0)):
        c.arrow((a.on("left")[0], y - back), (b.on("right")[0] + extra, y - back), kind=GRADIENT)
    bend = y - 0.98
    c.arrow(z_q.on("below"), (z_q.x, bend), (z_e.x, bend), z_e.on("below"), kind=GRADIENT)
    c.note((codes.x, bend), "the gradient is copied past the codes", "below", color=GRADIENT[0])
    nll = c.box(6.2, bend, "$-\\log p(x|z_q)$", "loss")
    c.arrow((out.x, nll.top), out.on("below"), kind=GRADIENT)
    _embedding_plane(c, 1.45, 1.42, found)
    _losses(c, model)
    c.arrow((3.1, 0.45), (3.55, 0.45), kind=GRADIENT)
    c.note((3.55, 0.45), "gradient of the loss", "right")
    return c


def _drawn(model: TwoStageModel, shape: tuple, label: int | None, seed: int) -> tuple:
    """Codes from the prior, and the image that the decoder makes of them."""
    generator = torch.Generator().manual_seed(seed)
    latent = model.vqvae.latent_shape(tuple(shape))
    with torch.no_grad():
        new = model.sample_indices(1, latent_shape=latent, label=label, generator=generator)
        return new[0].numpy(), model.vqvae.picture(model.vqvae.decode_indices(new))[0]


STAGES = (
    "Stage one, a VQ-VAE: image, encoder, codes, decoder. Stage two, a prior trained on the codes; "
    "it draws new codes, and the decoder of stage one makes a new image of them."
)


@on_the_cpu
def two_stages(
    model: TwoStageModel, image: Tensor, *, label: int | None = None, seed: int = 0
) -> Card:
    """Stage one makes codes of an image, stage two learns to draw codes; image: levels (C, H, W).

    two_stages(model, test.levels[0].long(), label=9)
    """
    net = model.vqvae
    with torch.no_grad():
        indices = net.encode_indices(image[None])
        decoded = net.picture(net.decode_indices(indices))[0]
    new, drawn = _drawn(model, image.shape[1:], label, seed)
    c = Card(7, 3.75, alt=STAGES)
    y, low, small = 2.8, 0.95, int(120 / max(new.shape))
    x = c.image(0.62, y, image, net.n_levels, 160, f"image $x$\n{said(image.shape)}")
    enc = c.box(1.8, y, "encoder", "convolution", h=0.9, taper=0.35)
    codes = c.grid(3.05, y, indices[0].numpy(), small)
    c.note(codes, f"codes $z$: {said(new.shape)}", "above", color=INK)
    dec = c.box(4.4, y, "decoder", "convolution", h=0.9, taper=-0.35)
    out = c.image(6.2, y, decoded, 2, 160, "reconstruction")
    c.frame(Node(3.1, y + 0.02, 3.5, 1.12), text="stage 1: the VQ-VAE", pad=0.05)
    prior = c.box(3.05, low, f"prior: PixelCNN\nover {net.n_codes} codes", "convolution")
    fresh = c.grid(4.4, low, new, small)
    c.note(fresh, "drawn codes", "below", color=DRAWN[0])
    c.frame(Node(3.55, low - 0.05, 2.6, 0.98), pad=0.05)
    c.note((3.55, low - 0.6), "stage 2: the prior", "below", gap=0)
    made = c.image(6.2, low, drawn, 2, 160)
    c.note(made, "a new image", "below", color=DRAWN[0])
    c.chain(x, enc, codes, dec, out)
    c.link(codes, prior, "trained on codes", side="left")
    c.link(prior, fresh, kind=DRAWN)
    c.link(fresh, dec, kind=DRAWN)
    start = dec.on("right")[0], y - 0.3
    c.arrow(start, (5.35, y - 0.3), (5.35, low), made.on("left"), kind=DRAWN)
    if label is not None:
        given = c.box(1.5, low, f"label {label}", "condition")
        c.link(given, prior, kind=CONDITION)
    c.caption("Blue: how a new image is drawn.", DRAWN[0])
    return c


def _heat(bits: np.ndarray) -> np.ndarray:
    """White to dark blue for 0 to the highest cost."""
    t = bits[..., None] / bits.max()
    return 1 - t * (1 - np.array([0.05, 0.22, 0.42]))


BILL = (
    "An image costs {:.0f} bits: {:.0f} for its codes under the prior and {:.0f} for its pixels "
    "given the codes. With a uniform prior the codes would cost {:.0f} bits."
)


@on_the_cpu
def bill(model: TwoStageModel, image: Tensor, *, label: int | None = None) -> Card:
    """What an image costs, as one stack: the codes under the prior, then the pixels given them.

    bill(model, test.levels[0].long(), label=9)
    """
    net, given = model.vqvae, None if label is None else torch.tensor([label])
    with torch.no_grad():
        indices = net.encode_indices(image[None])
        options = {} if given is None else {"label": given}
        codes = model.prior(indices[:, None], **options)[0, :, 0]
        pixels = net.decode_indices(indices)[0]
        terms = model.terms(image[None], given)
    take = lambda p, k: -p.log_softmax(0).gather(0, k[None])[0].numpy() / np.log(2)  # noqa: E731
    code_bits, pixel_bits = take(codes, indices[0]), take(pixels, image).sum(0)
    parts = terms.uniform_rate_nats, terms.prior_rate_nats, terms.decoder_nats
    uniform, rate, rest = (part.item() / np.log(2) for part in parts)
    dims, total = image.numel(), rate + rest
    c = Card(7, 3.35, alt=BILL.format(total, rate, rest, uniform))
    y, cell = 2.4, int(190 / max(image.shape[1:]))
    shown = c.image(0.85, y, image, net.n_levels, 190, "the image")
    same = round(cell * image.shape[1] / indices.shape[1])
    named = c.grid(2.6, y, indices[0].numpy(), same, "its codes", gutter=True)
    words = "bits a {}: 0 to {:.1f}"
    heats = (4.35, code_bits, same, "code"), (6.1, pixel_bits, cell, "pixel")
    costs, _ = (
        c.grid(x, y, _heat(bits), dots, words.format(name, bits.max()), gutter=name == "code")
        for x, bits, dots, name in heats
    )
    c.chain(shown, named, costs)
    c.text(((4.35 + 6.1) / 2, y), "+")
    scale, low, left = 4.75 / (uniform + rest), 1.12, 0.35
    for row, first, words in ((low, rate, "learned prior"), (low - 0.42, uniform, "uniform prior")):
        a = Node(left + first * scale / 2, row, first * scale, 0.28)
        b = Node(left + (first + rest / 2) * scale, row, rest * scale, 0.28)
        c.outline(a, "w", UNREAD)
        c.outline(b, "w", READ)
        c.note(a, f"{first:.0f}", color=INK)
        c.note(b, f"{rest:.0f}", color="w")
        c.note(b, f"{words}: {(first + rest) / dims:.2f} bits/dim", "right", color=INK)
    words = {UNREAD: "bits for the codes", READ: "bits for the pixels, given the codes"}
    c.legend(left, 0.3, words)
    return c
