"""Models of the image itself, in reading order.

module          what it holds                                              chapter
likelihood      nats per image, bits per dimension, sums over every image  01
tabular         the chain rule in tables of tiny images                    01
logistics       a likelihood whose cost does not grow with the levels      14
masks           which taps of a convolution may be read; colours           02
influence       what reaches what, measured; the blind spot                02
config          settings of a model: a frozen dataclass, kept with its weights     03
pixelcnn        PixelCNN: masked convolutions in residual blocks           03
gated_layer     one layer: two stacks, a link, two gates                   04
gated           the gated PixelCNN, with labels and spatial context        04, 05
gated_row       the same on one row: sequences                             15
bayes           p(label given image) by Bayes' rule                        07
lstm_layers     Row LSTM and Diagonal BiLSTM layers, skewing               08
pixelrnn        PixelRNN: these layers in PixelCNN's plan                  08
modes           eval mode and back; the order of memory that is fast       all
full_precision  what must be computed in full float32                      17
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "likelihood": ["bits_per_dim", "enumerate_images", "nll_nats", "total_probability"],
        "tabular": [
            "TabularModel",
            "entropy_bits",
            "fit_tables",
            "image_frequencies",
            "log_prob_nats",
            "sample_pixels",
        ],
        "logistics": ["mixture_mean", "mixture_nll_nats", "mixture_sample"],
        "masks": ["MaskedConv2d", "causal_mask", "color_causal_mask", "color_groups"],
        "influence": [
            "StackModel",
            "as_model",
            "blind_spot",
            "influence_map",
            "influence_matrix",
        ],
        "pixelcnn": ["MaskedResidualBlock", "PixelCNN", "PixelCNNConfig"],
        "gated_layer": [
            "GatedLayer",
            "HorizontalConv2d",
            "VerticalConv2d",
            "coordinate_features",
            "gate",
            "shift_down",
        ],
        "gated": ["GatedPixelCNN", "GatedPixelCNNConfig"],
        "gated_row": ["GatedRow", "GatedRowConfig"],
        "bayes": ["bayes_rule", "label_log_likelihoods"],
        "lstm_layers": [
            "DiagonalBiLSTMLayer",
            "RowLSTMLayer",
            "run_diagonally",
            "skew",
            "unskew",
        ],
        "pixelrnn": ["DiagonalBiLSTM", "DiagonalBiLSTMConfig", "RowLSTM"],
        "modes": ["in_eval_mode"],
    },
)
