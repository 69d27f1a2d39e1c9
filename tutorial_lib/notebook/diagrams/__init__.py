"""Drawings of models, made from the models themselves: the last line of a cell shows one.

module    what it draws                                                    chapter
places    points and boxes on a card, lines with round corners             all
card      the card: boxes, arrows, pixels and text in one style            all
shapes    shapes for the arrows, from a batch that goes through the model  all
pixelcnn  a mask, paths, the blind spot; PixelCNN whole; a growing image   02, 03
gated     figure 2; what each arrow has read; where a label enters         04, 05
sampling  what the sampler keeps; a line of an LSTM; skewing               06, 08
vae       the Gaussian VAE; bars of the bound; rate and distortion         09, 12, 13
vqvae     figure 1, the two stages, the bill                               10, 13

    from tutorial_lib.notebook import diagrams

    diagrams.gated_layer(model, 28, 28)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "card": ["Card"],
        "pixelcnn": ["growing", "paths_of_messages", "pixelcnn_whole", "sliding_mask"],
        "gated": ["gated_layer", "label_entry", "receptive_fields"],
        "sampling": ["cached_sampler", "lstm_line", "skewing"],
        "vae": ["elbo_bars", "gaussian_vae", "rate_distortion"],
        "vqvae": ["bill", "two_stages", "vq_figure"],
    },
)
