"""Every numbered equation of the papers: what it says, and the cell and the name that compute it.

`python -m tutorial_lib equations` prints the table. A test opens the notebooks and sees that each
cell stands where the table says, and that each name exists.

References: van den Oord et al. 2016, Pixel Recurrent Neural Networks (PixelRNN); van den Oord et
al. 2016, Conditional Image Generation with PixelCNN Decoders (Gated PixelCNN); van den Oord et al.
2017, Neural Discrete Representation Learning (VQ-VAE).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Equation:
    """One numbered equation.

    says      in words or symbols
    notebook  the chapter that computes it, without its ending
    cell      a line of the code cell that does, as it stands there
    library   module and name in tutorial_lib
    """

    paper: str
    number: int
    says: str
    notebook: str
    cell: str
    library: str


EQUATIONS = (
    Equation(
        "PixelRNN",
        1,
        "p(x) = product over i of p(x_i | x_1 ... x_{i-1})",
        "01_images_as_sequences",
        "log_prob_nats = ch01.log_prob_nats.check(log_prob_nats)",
        "pixels.tabular.log_prob_nats",
    ),
    Equation(
        "PixelRNN",
        2,
        "p(R, G, B | past) = p(R | past) p(G | R, past) p(B | R, G, past)",
        "02_masked_convolutions",
        "color_causal_mask = ch02.color_causal_mask.check(color_causal_mask)",
        "pixels.masks.color_causal_mask",
    ),
    Equation(
        "PixelRNN",
        3,
        "Row LSTM: o, f, i, g from K_ss * h + K_is * x; c = f c + i g; h = o tanh(c)",
        "03_pixelcnn",
        "from tutorial_lib.pixels.lstm_layers import RowLSTMLayer",
        "pixels.lstm_layers.RowLSTMLayer",
    ),
    Equation(
        "Gated PixelCNN",
        1,
        "p(x) = product over i of p(x_i | x_1 ... x_{i-1})",
        "03_pixelcnn",
        "sums = [total_probability(model, side, side) for side in (2, 3)]",
        "pixels.likelihood.total_probability",
    ),
    Equation(
        "Gated PixelCNN",
        2,
        "y = tanh(W_f * x) . sigmoid(W_g * x)",
        "04_gated_pixelcnn",
        "gate = ch04.gate.check(gate)",
        "pixels.gated.gate",
    ),
    Equation(
        "Gated PixelCNN",
        3,
        "p(x | h) = product over i of p(x_i | x_1 ... x_{i-1}, h)",
        "05_conditional_generation",
        "p = label_log_likelihoods(toy, every_image).exp()  # (16 images, 3 labels)",
        "pixels.bayes.label_log_likelihoods",
    ),
    Equation(
        "Gated PixelCNN",
        4,
        "y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)",
        "05_conditional_generation",
        "conditional_gate = ch05.conditional_gate.check(conditional_gate)",
        "pixels.gated.GatedLayer",
    ),
    Equation(
        "Gated PixelCNN",
        5,
        "y = tanh(W_f * x + V_f * s) . sigmoid(W_g * x + V_g * s), s = m(h) a map",
        "05_conditional_generation",
        "spatial_context = ch05.spatial_context.check(spatial_context)",
        "pixels.gated.GatedPixelCNN",
    ),
    Equation(
        "VQ-VAE",
        1,
        "q(z = k | x) = 1 for k = argmin_j ||z_e(x) - e_j||, else 0",
        "08_codebook_quantizer",
        "nearest_code = ch08.nearest_code.check(nearest_code)",
        "codes.quantizer.nearest_code",
    ),
    Equation(
        "VQ-VAE",
        2,
        "z_q(x) = e_k, k = argmin_j ||z_e(x) - e_j||",
        "08_codebook_quantizer",
        "z = squared.argmin()",
        "codes.quantizer.VectorQuantizer",
    ),
    Equation(
        "VQ-VAE",
        3,
        "L = log p(x | z_q(x)) + ||sg[z_e(x)] - e||^2 + beta ||z_e(x) - sg[e]||^2",
        "08_codebook_quantizer",
        "vq_losses = ch08.vq_losses.check(vq_losses)",
        "codes.vqvae.VQVAE",
    ),
    Equation(
        "VQ-VAE",
        4,
        "the loss of code i: sum over its z_ij of ||z_ij - e_i||^2",
        "08_codebook_quantizer",
        "def by_k_means(rounds=30):",
        "codes.quantizer.VectorQuantizer",
    ),
    Equation(
        "VQ-VAE",
        5,
        "its optimum: e_i is the mean of its z_ij",
        "08_codebook_quantizer",
        "def by_k_means(rounds=30):",
        "codes.quantizer.VectorQuantizer",
    ),
    Equation(
        "VQ-VAE",
        6,
        "N_i <- gamma N_i + (1 - gamma) n_i",
        "08_codebook_quantizer",
        "ema_step = ch08.ema_step.check(ema_step)",
        "codes.quantizer.VectorQuantizer",
    ),
    Equation(
        "VQ-VAE",
        7,
        "m_i <- gamma m_i + (1 - gamma) sum over j of z_ij",
        "08_codebook_quantizer",
        "ema_step = ch08.ema_step.check(ema_step)",
        "codes.quantizer.VectorQuantizer",
    ),
    Equation(
        "VQ-VAE",
        8,
        "e_i = m_i / N_i",
        "08_codebook_quantizer",
        "ema_step = ch08.ema_step.check(ema_step)",
        "codes.quantizer.VectorQuantizer",
    ),
)


def lines() -> Iterator[str]:
    """The table as text: a heading for each paper, three lines for each equation."""
    paper = None
    for each in EQUATIONS:
        if each.paper != paper:
            paper = each.paper
            yield f"{paper}"
        yield f"  eq. {each.number}  {each.says}"
        yield f"         notebook  notebooks/{each.notebook}.ipynb"
        yield f"         cell      {each.cell}"
        yield f"         library   tutorial_lib.{each.library}"
