"""From Pixels to Codes: the library behind the notebooks, one idea a module.

Reading order, paper 1: likelihood, masks, influence, gated, sampling.
Paper 2: bounds, quantize, vqvae, two_stage. Needed by both: data, training, recipes,
pretrained, profiles, plotting, cli.
"""

__version__ = "0.1.0"
