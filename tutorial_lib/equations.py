"""Every numbered equation of the papers: what it says, and the cell and the name that compute it.

`python -m tutorial_lib equations` prints the table. A test opens the notebooks and sees that each
cell stands where the table says, and that each name exists.

References: van den Oord et al. 2016, Pixel Recurrent Neural Networks (PixelRNN); van den Oord et
al. 2016, Conditional Image Generation with PixelCNN Decoders (Gated PixelCNN); van den Oord et al.
2017, Neural Discrete Representation Learning (VQ-VAE).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Three lines each: what it says; a line of its code cell; its notebook and the library's name.
TABLE = """
PixelRNN eq. 1: p(x) = product over i of p(x_i | x_1 ... x_{i-1})
    log_prob_nats = ch01.log_prob_nats.check(log_prob_nats)
    01_images_as_sequences  pixels.tabular.log_prob_nats
PixelRNN eq. 2: p(R, G, B | past) = p(R | past) p(G | R, past) p(B | R, G, past)
    color_causal_mask = ch02.color_causal_mask.check(color_causal_mask)
    02_masked_convolutions  pixels.masks.color_causal_mask
PixelRNN eq. 3: Row LSTM: o, f, i, g from K_ss * h + K_is * x; c = f c + i g; h = o tanh(c)
    "Row LSTM, k = 3": RowLSTMLayer(1, 4, 3),
    08_pixelrnn  pixels.lstm_layers.RowLSTMLayer
Gated PixelCNN eq. 1: p(x) = product over i of p(x_i | x_1 ... x_{i-1})
    sums = [total_probability(model, side, side) for side in (2, 3)]
    03_pixelcnn  pixels.likelihood.total_probability
Gated PixelCNN eq. 2: y = tanh(W_f * x) . sigmoid(W_g * x)
    gate = ch04.gate.check(gate)
    04_gated_pixelcnn  pixels.gated_layer.gate
Gated PixelCNN eq. 3: p(x | h) = product over i of p(x_i | x_1 ... x_{i-1}, h)
    p = label_log_likelihoods(toy, every_image).exp()  # (16 images, 3 labels)
    05_conditional_generation  pixels.bayes.label_log_likelihoods
Gated PixelCNN eq. 4: y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)
    conditional_gate = ch05.conditional_gate.check(conditional_gate)
    05_conditional_generation  pixels.gated_layer.GatedLayer
Gated PixelCNN eq. 5: y = tanh(W_f * x + V_f * s) . sigmoid(W_g * x + V_g * s), s = m(h) a map
    spatial_context = ch05.spatial_context.check(spatial_context)
    05_conditional_generation  pixels.gated.GatedPixelCNN
VQ-VAE eq. 1: q(z = k | x) = 1 for k = argmin_j ||z_e(x) - e_j||, else 0
    nearest_code = ch10.nearest_code.check(nearest_code)
    10_the_codebook_quantizer  codes.quantizer.nearest_code
VQ-VAE eq. 2: z_q(x) = e_k, k = argmin_j ||z_e(x) - e_j||
    z = squared.argmin()
    10_the_codebook_quantizer  codes.quantizer.VectorQuantizer
VQ-VAE eq. 3: L = log p(x | z_q(x)) + ||sg[z_e(x)] - e||^2 + beta ||z_e(x) - sg[e]||^2
    vq_losses = ch10.vq_losses.check(vq_losses)
    10_the_codebook_quantizer  codes.vqvae.VQVAE
VQ-VAE eq. 4: the loss of code i: sum over its z_ij of ||z_ij - e_i||^2
    def by_k_means(rounds=30):
    10_the_codebook_quantizer  codes.quantizer.VectorQuantizer
VQ-VAE eq. 5: its optimum: e_i is the mean of its z_ij
    def by_k_means(rounds=30):
    10_the_codebook_quantizer  codes.quantizer.VectorQuantizer
VQ-VAE eq. 6: N_i <- gamma N_i + (1 - gamma) n_i
    ema_step = ch10.ema_step.check(ema_step)
    10_the_codebook_quantizer  codes.quantizer.VectorQuantizer
VQ-VAE eq. 7: m_i <- gamma m_i + (1 - gamma) sum over j of z_ij
    ema_step = ch10.ema_step.check(ema_step)
    10_the_codebook_quantizer  codes.quantizer.VectorQuantizer
VQ-VAE eq. 8: e_i = m_i / N_i
    ema_step = ch10.ema_step.check(ema_step)
    10_the_codebook_quantizer  codes.quantizer.VectorQuantizer
"""


class Equation(NamedTuple):
    """One numbered equation: the chapter that computes it, a line of its cell, a library name."""

    paper: str
    number: int
    says: str
    notebook: str
    cell: str
    library: str


EQUATIONS = tuple(
    Equation(paper, int(number), says, notebook, cell, library)
    for paper, number, says, cell, notebook, library in re.findall(
        r"(.+) eq\. (\d+): (.+)\n +(.+)\n +(\w+)  ([\w.]+)\n", TABLE
    )
)


def lines() -> Iterator[str]:
    """The table as text: a heading for each paper, four lines for each equation."""
    paper = None
    for each in EQUATIONS:
        if each.paper != paper:
            paper = each.paper
            yield paper
        yield f"  eq. {each.number}  {each.says}"
        yield f"         notebook  notebooks/{each.notebook}.ipynb"
        yield f"         cell      {each.cell}"
        yield f"         library   tutorial_lib.{each.library}"
