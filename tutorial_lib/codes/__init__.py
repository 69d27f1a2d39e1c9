"""Models with a code between, in reading order.

module                what it holds                                                        chapter
bounds                KL divergences, the ELBO, the cost of codes                          09, 11
one_latent            one latent number: evidence and bounds as sums over a grid           09
gaussian_posterior    drawing from q(z|x), and what z says of the image                    09
vector_coders         from an image to one vector, and back                                09
vae                   autoencoder and Gaussian VAE                                         09
quantizer             the codebook: nearest code, straight-through, losses, EMA, restarts  10
fsq                   codes without a codebook: each number rounded to a few levels        16
rotation              the rotation trick in the place of straight-through                  16
residual              several codes at a place, each for what the last left over           16
vqvae                 encoder, codebook, decoder, over 1, 2 or 3 dimensions                12
two_stage             VQ-VAE and prior as one model: bound and samples                     11, 13
code_prior            a prior over codes of 1, 2 or 3 dimensions                           15
gated_frames          a causal prior over space and time                                   15
causal_attention      attention over the past, written out, and what of it can be kept     16
transformer_prior     attention as a prior over fields of codes, and its cache             16
pixelcnn_autoencoder  a PixelCNN that draws from a code                                    05
sample_quality        precision and recall of drawn images                                 13
run_facts             what data a model was trained on, stored with its weights            13
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bounds": [
            "categorical_kl",
            "elbo_nats",
            "gaussian_kl",
            "kl_to_uniform",
            "latent_rate_nats",
            "two_stage_bound_nats",
        ],
        "one_latent": ["OneLatentModel", "blob_on_a_strip"],
        "gaussian_posterior": ["Posterior", "information_nats", "reparameterize"],
        "vector_coders": ["CodeDecoder", "CodeEncoder", "VectorCodeConfig"],
        "vae": ["Autoencoder", "GaussianVAE", "GaussianVAEConfig", "VAETerms"],
        "quantizer": [
            "Quantized",
            "VectorQuantizer",
            "code_counts",
            "ema_step",
            "nearest_code",
            "perplexity",
            "restart_dead_codes",
            "straight_through",
            "vectors_of",
            "vq_losses",
        ],
        "fsq": ["FSQ", "fsq_bound"],
        "rotation": ["RotationQuantizer", "rotate_to"],
        "residual": ["ResidualQuantizer"],
        "vqvae": ["VQVAE", "VQVAEConfig", "VQVAEOutput"],
        "two_stage": ["BoundTerms", "TwoStageModel"],
        "code_prior": ["CodePrior", "CodePriorConfig", "code_prior_step"],
        "causal_attention": ["CausalAttention", "TransformerBlock"],
        "transformer_prior": ["TransformerPrior", "TransformerPriorConfig"],
        "gated_frames": ["GatedFrames", "GatedFramesConfig"],
        "pixelcnn_autoencoder": ["MSEAutoencoder", "PixelCNNAutoencoder"],
        "sample_quality": [
            "Neighbors",
            "PrecisionRecall",
            "ball_radii",
            "inside_a_ball",
            "nearest_neighbors",
            "precision_and_recall",
        ],
        "run_facts": ["RunFacts", "facts_from_json", "label_named"],
    },
)
