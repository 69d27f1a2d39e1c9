"""From Pixels to Codes: the library behind the notebooks, one idea a module.

Reading order, paper 1: likelihood, tabular, masks, influence, gated, sampling.
Paper 2: bounds, quantize, vqvae, two_stage. Needed by both: data, training, recipes,
pretrained, provenance, profiles, plotting, widgets, cli. The exercises of the chapters: exercises.
"""

__version__ = "0.1.0"
