"""The gated PixelCNN: causal, without a blind spot, a proper distribution, and told the label.

Each claim of an absence has a twin: the same check on a model with one common mistake built in.
"""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from tutorial_lib.pixels import gated
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_layer import (
    GatedLayer,
    HorizontalConv2d,
    VerticalConv2d,
    coordinate_features,
    gate,
    shift_down,
)
from tutorial_lib.pixels.influence import blind_spot, influence_matrix
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats, total_probability
from tutorial_lib.pixels.masks import MaskedConv2d

SIZES = [(5, 7), (7, 5)]
VARIANTS = {
    "one colour": {},
    "three colours": {"n_colors": 3},
    "symbols": {"ordered": False, "n_levels": 3},
    "three colours of symbols": {"ordered": False, "n_colors": 3},
    "coordinates": {"coordinates": True},
    "waves beside the coordinates": {"coordinates": True, "n_frequencies": 2},
    "a wide first kernel": {"first_kernel_size": 7},
    "without gates": {"activation": "relu", "n_classes": 4},
    "without gates, three colours": {"activation": "relu", "n_colors": 3},
    "label": {"n_classes": 4},
    "label and context": {"n_classes": 4, "context_channels": 2, "coordinates": True},
}


class Conditioned(nn.Module):
    """A model with its label and context filled in, as the probe and the sums expect it."""

    def __init__(self, model, label=2):
        super().__init__()
        self.model, self.label = model, label
        self.n_colors, self.n_levels = model.n_colors, model.n_levels
        self.embed = model.embed

    def conditions(self, like):
        given = {}
        if self.model.n_classes:
            given["label"] = torch.full((len(like),), self.label)
        if channels := self.model.context_channels:
            noise = torch.Generator().manual_seed(7)
            size = (1, channels, *like.shape[-2:])
            context = torch.randn(size, generator=noise, dtype=torch.float64)
            given["context"] = context.expand(len(like), -1, -1, -1)
        return given

    def forward(self, levels):
        return self.model(levels, **self.conditions(levels))

    def logits_from(self, features):
        return self.model.logits_from(features, **self.conditions(features))


def everything_before(n):
    return torch.ones(n, n, dtype=torch.bool).tril(diagonal=-1)


def set_weights(module, **values):
    """Fill the parameters named (dots as double underscores) and set all others to zero."""
    wanted = {name.replace("__", "."): value for name, value in values.items()}
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            value = torch.as_tensor(wanted.pop(name, 0.0))
            parameter.copy_(value.reshape(parameter.shape) if value.ndim else value)
    assert not wanted, f"no such parameters: {sorted(wanted)}"


# --------------------------------------------------- the past, all of it, only it


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("n_colors", [1, 3])
def test_every_pixel_sees_the_whole_past_and_nothing_else(n_colors, height, width, training):
    """Non-square both ways: a height cropped by the width would show."""
    model = GatedPixelCNN(n_colors=n_colors, n_channels=48, n_layers=7).train(training)
    reads = influence_matrix(model, height, width, n_probes=2)
    assert torch.equal(reads, everything_before(height * width * n_colors))
    assert blind_spot(reads) == 0.0


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_conditions_and_symbols_do_not_open_a_view_of_the_future(variant, training):
    model = GatedPixelCNN(n_channels=48, n_layers=4, **variant).train(training)
    reads = influence_matrix(Conditioned(model), 3, 4, n_probes=2)
    assert torch.equal(reads, everything_before(len(reads)))


@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_kernels_of_every_size_are_causal_on_images_smaller_than_they_are(kernel_size, n_layers):
    model = GatedPixelCNN(n_channels=4, n_layers=n_layers, kernel_size=kernel_size)
    for height, width in [(1, 1), (1, 4), (4, 1), (2, 3)]:
        reads = influence_matrix(model, height, width, n_probes=1)
        assert torch.equal(reads, reads.tril(diagonal=-1))


def test_one_layer_reads_its_kernel_and_no_further():
    """k//2 + 1 rows of the shifted stack reach k//2 + 1 rows up; the own row reaches k//2 left."""
    reads = influence_matrix(GatedPixelCNN(n_channels=4, n_layers=1), 4, 5)
    row, column = 3, 2
    seen = reads[row * 5 + column].nonzero().flatten().tolist()
    two_rows_above = [r * 5 + c for r in (row - 2, row - 1) for c in (1, 2, 3)]
    assert seen == [*two_rows_above, row * 5 + column - 1]


def broken(mistake, monkeypatch):
    """A gated model with one mistake that public implementations make."""
    model = GatedPixelCNN(n_channels=4, n_layers=3)
    if mistake == "vertical stack not shifted down":
        monkeypatch.setattr(gated, "shift_down", lambda features: features)
    elif mistake == "residual connection in the first layer":
        model.layers[0].residual = True
    elif mistake == "mask B in the first layer":
        model.layers[0].horizontal = HorizontalConv2d(1, 8, 3, mask_type="B", n_colors=1)
    elif mistake == "horizontal stack fed into the vertical one":
        forward = GatedLayer.forward

        def crossed(self, v, h, **options):
            return forward(self, v if v.shape != h.shape else v + h, h, **options)

        monkeypatch.setattr(GatedLayer, "forward", crossed)
    elif mistake == "label computed from the image":
        mean = GatedPixelCNN.logits_from
        monkeypatch.setattr(
            GatedPixelCNN, "logits_from", lambda self, x: mean(self, x) * x.mean(dim=(1, 2, 3))
        )
    return model


@pytest.mark.parametrize(
    "mistake",
    [
        "vertical stack not shifted down",
        "residual connection in the first layer",
        "mask B in the first layer",
        "horizontal stack fed into the vertical one",
        "label computed from the image",
    ],
)
def test_a_common_mistake_lets_a_pixel_see_itself_or_the_future(mistake, monkeypatch):
    """The probe of the tests above can fail: each mistake puts entries on or above the diagonal."""
    reads = influence_matrix(broken(mistake, monkeypatch), 5, 7, n_probes=1)
    assert reads.triu().any()


def test_a_batch_norm_between_the_layers_would_leak_in_train_mode_only():
    model = GatedPixelCNN(n_channels=4, n_layers=3)
    model.head = nn.Sequential(nn.BatchNorm2d(4), model.head)
    assert influence_matrix(model.train(), 3, 4, n_probes=1).triu().any()
    assert not influence_matrix(model.eval(), 3, 4, n_probes=1).triu().any()


def test_colours_read_out_in_another_order_than_the_masks_would_leak():
    class Interleaved(GatedPixelCNN):
        def logits_from(self, features):
            grouped = super().logits_from(features).transpose(1, 2).flatten(1, 2)
            return grouped.unflatten(1, (self.n_levels, self.n_colors))

    model = Interleaved(n_colors=3, n_channels=6, n_layers=2)
    assert influence_matrix(model, 2, 3, n_probes=1).triu().any()


def test_without_the_link_the_horizontal_stack_is_blind_to_the_rows_above():
    model = GatedPixelCNN(n_channels=4, n_layers=5)
    for layer in model.layers:
        nn.init.zeros_(layer.link.weight)
    reads = influence_matrix(model, 3, 4, n_probes=1)
    assert not reads[4, :4].any()
    assert blind_spot(reads) > 0.5


# --------------------------------------------------------- a proper distribution

LISTABLE = {
    "2x2": (2, 2, {}),
    "2x2 symbols": (2, 2, {"ordered": False}),
    "2x2 coordinates": (2, 2, {"coordinates": True}),
    "1x4 of 3 levels": (1, 4, {"n_levels": 3}),
    "4x1": (4, 1, {}),
    "1x2 in 3 colours": (1, 2, {"n_colors": 3}),
    "2x1 in 3 colours of symbols": (2, 1, {"n_colors": 3, "ordered": False}),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("height", "width", "variant"), LISTABLE.values(), ids=LISTABLE)
def test_probabilities_of_all_images_sum_to_1(tiny_gated, height, width, variant, training, seed):
    model = tiny_gated(seed, scale=1.0, **variant).train(training)
    assert total_probability(model, height, width) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("label", range(4))
@pytest.mark.parametrize("context", [None, 2])
def test_probabilities_given_a_label_and_a_context_sum_to_1(tiny_gated, label, context):
    model = Conditioned(tiny_gated(n_classes=4, context_channels=context), label)
    assert total_probability(model, 2, 2) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "mistake", ["vertical stack not shifted down", "residual connection in the first layer"]
)
def test_probabilities_of_a_model_that_leaks_do_not_sum_to_1(mistake, monkeypatch, randomized):
    model = randomized(broken(mistake, monkeypatch)).double()
    assert abs(total_probability(model, 2, 2) - 1) > 1e-3


def test_the_distribution_is_far_from_uniform_so_the_sums_above_mean_something(tiny_gated):
    images = enumerate_images(2, 2)
    with torch.no_grad():
        cost = nll_nats(tiny_gated(scale=1.0)(images), images)
    assert cost.max() - cost.min() > 1


# ----------------------------------------------------------------- labels, context


def logits_of(model, **conditions):
    levels = torch.randint(2, (1, 1, 3, 4), generator=torch.Generator().manual_seed(1))
    return model(levels, **conditions)


@pytest.mark.parametrize("training", [True, False])
def test_the_label_reaches_both_stacks_in_every_layer(tiny_gated, training):
    model = tiny_gated(n_classes=3, n_layers=3).train(training)
    logits_of(model, label=torch.tensor([1])).square().sum().backward()
    for i, layer in enumerate(model.layers):
        chosen, others = layer.label.weight.grad[1], layer.label.weight.grad[[0, 2]]
        vertical, horizontal = chosen.chunk(2)
        assert (horizontal != 0).all()
        if i < 2:  # nobody reads the vertical stack of the last layer
            assert (vertical != 0).all()
        assert (others == 0).all()


def test_the_context_reaches_both_stacks_in_every_layer(tiny_gated):
    model = tiny_gated(context_channels=2, n_layers=3)
    logits_of(model, context=torch.randn(1, 2, 3, 4).double()).square().sum().backward()
    for i, layer in enumerate(model.layers):
        vertical, horizontal = layer.context.weight.grad.chunk(2)
        assert (horizontal != 0).all()
        assert i == 2 or (vertical != 0).all()


def test_conditions_enter_before_the_gate():
    """With all weights 0 but the label's, added inside: tanh(ln 2) sigmoid(ln 3) = 0.6 x 0.75."""
    layer = GatedLayer(1, 1, 3, mask_type="A", n_classes=2)
    label = torch.tensor([[0.0, 0, 0, 0], [math.log(2), math.log(3), math.log(2), math.log(3)]])
    set_weights(layer, label__weight=label, output__weight=1.0)
    v = h = torch.zeros(2, 1, 2, 3)
    v, h = layer(v, h, label=torch.tensor([0, 1]))
    for out in (v, h):
        assert torch.equal(out[0], torch.zeros(1, 2, 3))
        torch.testing.assert_close(out[1], torch.full((1, 2, 3), 0.6 * 0.75))


def test_without_gates_both_stacks_use_a_relu_and_half_as_wide_convolutions():
    layer = GatedLayer(1, 1, 3, mask_type="A", activation="relu")
    set_weights(layer, vertical__bias=[-2.0], link__weight=-3.0, output__weight=1.0)
    v, h = layer(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1))
    assert (v.item(), h.item()) == (0.0, 6.0)


def test_the_link_leaves_the_vertical_stack_before_its_gate():
    """A 1x1 image: v = (ln 2, ln 3) in front of the gate, 0.6 x 0.75 = 0.45 behind it.

    The link copies v to the horizontal gate, which then also says 0.45; taken after the gate it
    would carry 0.45 and say tanh(0.45) x sigmoid(0.45) instead.
    """
    layer = GatedLayer(1, 1, 3, mask_type="A")
    set_weights(
        layer,
        vertical__bias=[math.log(2), math.log(3)],
        link__weight=[[1.0, 0.0], [0.0, 1.0]],
        output__weight=1.0,
    )
    v, h = layer(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1))
    assert v.item() == pytest.approx(0.45, rel=1e-6)
    assert h.item() == pytest.approx(0.45, rel=1e-6)


@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_only_later_layers_add_their_input_back(mask_type):
    """All weights 0: what comes out is the input itself, or nothing."""
    layer = GatedLayer(2, 2, 3, mask_type=mask_type)
    set_weights(layer)
    h = torch.randn(1, 2, 3, 4)
    _, out = layer(torch.randn(1, 2, 3, 4), h)
    assert torch.equal(out, h if mask_type == "B" else torch.zeros_like(h))


def test_every_label_gives_another_distribution_and_each_image_gets_its_own(tiny_gated):
    model = tiny_gated(n_classes=3)
    levels = torch.randint(2, (3, 1, 3, 4))
    together = model(levels, label=torch.tensor([2, 0, 1]))
    for i, label in enumerate([2, 0, 1]):
        alone = model(levels[i : i + 1], label=torch.tensor([label]))
        torch.testing.assert_close(together[i : i + 1], alone)
        other = model(levels[i : i + 1], label=torch.tensor([(label + 1) % 3]))
        assert (alone - other).abs().max() > 1e-3


def test_a_context_acts_where_it_stands(tiny_gated):
    """Through a 1x1 convolution, eq. 5: with one layer, one pixel's context moves one pixel."""
    model = tiny_gated(context_channels=1, n_layers=1)
    plain = torch.zeros(1, 1, 3, 4, dtype=torch.float64)
    spot = plain.clone()
    spot[0, 0, 1, 2] = 1
    moved = (logits_of(model, context=spot) != logits_of(model, context=plain)).any(dim=1)[0, 0]
    assert moved.nonzero().tolist() == [[1, 2]]


def test_coordinates_tell_pixels_apart_that_look_alike(tiny_gated):
    """On an image of zeros, far from all borders, a convolution cannot know where it is."""
    levels = torch.zeros(1, 1, 16, 15, dtype=torch.long)
    inside = (0, slice(None), 0, slice(9, 12), slice(5, 10))
    for coordinates in (False, True):
        logits = tiny_gated(coordinates=coordinates, scale=0.2)(levels)[inside].detach()
        spread = (logits - logits[:, :1, :1]).abs().amax(dim=0)
        assert (spread.flatten()[1:] > 1e-6).all() == coordinates
        assert coordinates or spread.max() < 1e-12


# ------------------------------------------------------------- the parts, by hand


def test_coordinates_and_their_waves_by_hand():
    place = coordinate_features(2, 3, n_frequencies=1)
    rows, columns = place[0, 0], place[0, 1]
    assert rows.tolist() == [[-1, -1, -1], [1, 1, 1]]
    assert columns.tolist() == [[-1, 0, 1], [-1, 0, 1]]
    torch.testing.assert_close(place[0, 3], torch.sin(columns * math.pi / 2))
    torch.testing.assert_close(place[0, 4], torch.cos(rows * math.pi / 2))
    assert coordinate_features(4, 5).shape == (1, 2, 4, 5)


def test_only_the_first_layer_has_the_first_kernel():
    model = GatedPixelCNN(n_channels=4, n_layers=2, kernel_size=3, first_kernel_size=9)
    assert [layer.vertical.weight.shape[2:] for layer in model.layers] == [(5, 9), (2, 3)]
    assert [layer.horizontal.weight.shape[3] for layer in model.layers] == [4, 2]


def test_shifting_down_pushes_the_last_row_out():
    features = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).view(1, 1, 2, 3)
    assert shift_down(features)[0, 0].tolist() == [[0, 0, 0], [1, 2, 3]]


def test_the_gate_is_tanh_of_the_first_half_times_sigmoid_of_the_second():
    features = torch.tensor([math.log(2), 0.0, math.log(3), 5.0]).view(1, 4, 1, 1)
    assert gate(features).flatten().tolist() == pytest.approx([0.6 * 0.75, 0.0])


def test_the_vertical_convolution_sums_its_own_row_and_those_above():
    layer = VerticalConv2d(1, 1, 3)
    set_weights(layer, weight=1.0)
    picture = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).view(1, 1, 2, 3)
    assert layer(picture)[0, 0].tolist() == [[3, 6, 5], [12, 21, 16]]


@pytest.mark.parametrize(("mask_type", "sums"), [("A", [0, 1, 3, 5]), ("B", [1, 3, 6, 9])])
def test_the_horizontal_convolution_sums_to_the_left(mask_type, sums):
    layer = HorizontalConv2d(1, 2, 5, mask_type=mask_type, n_colors=1)
    set_weights(layer, weight=1.0)
    picture = torch.tensor([[1.0, 2, 3, 4]]).view(1, 1, 1, 4)
    assert layer(picture)[0, 0, 0].tolist() == sums


@pytest.mark.parametrize(
    ("mask_type", "at_the_centre"), [("A", [0, 1, 1 + 10]), ("B", [1, 1 + 10, 1 + 10 + 100])]
)
def test_the_horizontal_convolution_keeps_red_green_blue_in_both_halves_of_the_gate(
    mask_type, at_the_centre
):
    """R = 1, G = 10, B = 100 in one pixel: each output adds up the colours that it may read."""
    layer = HorizontalConv2d(3, 6, 3, mask_type=mask_type, n_colors=3)
    set_weights(layer, weight=1.0)
    pixel = torch.tensor([1.0, 10, 100]).view(1, 3, 1, 1)
    assert layer(pixel).flatten().tolist() == 2 * at_the_centre


def test_masked_weights_of_the_colour_model_get_no_gradient(tiny_gated):
    model = tiny_gated(n_colors=3)
    model(torch.randint(2, (4, 3, 3, 4))).square().sum().backward()
    masked = 0
    for module in model.modules():
        if isinstance(module, (MaskedConv2d, HorizontalConv2d)):
            hidden = module.mask.expand_as(module.weight) == 0
            assert (module.weight.grad[hidden] == 0).all()
            assert (module.weight.grad[~hidden] != 0).any()
            masked += hidden.sum().item()
    assert masked > 0


def test_intensities_are_scaled_to_minus_1_to_1():
    model = GatedPixelCNN(n_levels=5, n_channels=2, n_layers=1)
    levels = torch.arange(5).view(1, 1, 1, 5)
    assert model.embed(levels).flatten().tolist() == [-1, -0.5, 0, 0.5, 1]


def test_symbols_get_vectors_of_their_own_colour_by_colour():
    """A symbol's number means nothing: the middle one is not the mean of its neighbours."""
    model = GatedPixelCNN(n_levels=3, n_colors=2, n_channels=2, n_layers=1, ordered=False)
    features = model.embed(torch.tensor([2, 0]).view(1, 2, 1, 1)).flatten()
    assert torch.equal(features, torch.cat([model.symbols.weight[2], model.symbols.weight[0]]))


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("n_colors", [1, 3])
def test_logits_are_levels_by_colours_by_height_by_width(n_colors, height, width):
    model = GatedPixelCNN(n_colors=n_colors, n_levels=4, n_channels=6, n_layers=2)
    levels = torch.randint(4, (2, n_colors, height, width))
    assert model(levels).shape == (2, 4, n_colors, height, width)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_train_and_eval_mode_agree(variant):
    model = Conditioned(GatedPixelCNN(n_channels=6, n_layers=2, **variant).double())
    levels = torch.randint(2, (2, model.n_colors, 3, 4))
    assert torch.equal(model.train()(levels), model.eval()(levels))


def test_images_of_a_batch_do_not_see_each_other(tiny_gated):
    model, levels = tiny_gated(), torch.randint(2, (3, 1, 3, 4))
    alone = torch.cat([model(levels[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(model(levels), alone)


def test_every_weight_that_is_read_learns(tiny_gated):
    model = tiny_gated(n_classes=2, n_layers=3)
    levels, label = torch.randint(2, (8, 1, 5, 7)), torch.arange(8) % 2
    nll_nats(model(levels, label=label), levels).mean().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert without == set()


def test_the_arguments_are_enough_to_build_the_model_again(tiny_gated):
    model = tiny_gated(n_classes=2, n_levels=3, coordinates=True)
    again = GatedPixelCNN(copy.deepcopy(model.config)).double()
    again.load_state_dict(model.state_dict())
    levels, label = torch.randint(3, (2, 1, 3, 4)), torch.tensor([0, 1])
    assert torch.equal(again(levels, label=label), model(levels, label=label))


# --------------------------------------------------------------------- complaints

LEVELS = torch.zeros(2, 1, 3, 4, dtype=torch.long)


@pytest.mark.parametrize(
    ("built", "given", "error", "message"),
    [
        ({"n_classes": 4}, {}, ValueError, "built with n_classes=4: give it label="),
        ({}, {"label": torch.tensor([0, 0])}, ValueError, "built without n_classes"),
        ({"n_classes": 4}, {"label": torch.tensor([0, 4])}, ValueError, "label must lie in 0 .. 3"),
        ({"n_classes": 4}, {"label": torch.tensor([-1, 0])}, ValueError, "got values -1 .. 0"),
        ({"n_classes": 4}, {"label": torch.tensor([0])}, ValueError, r"shape \(2\), got \(1,\)"),
        ({"n_classes": 4}, {"label": torch.zeros(2)}, TypeError, "label must be a torch.long"),
        ({"n_classes": 4}, {"label": 3}, TypeError, "label must be a torch.Tensor, got "),
        ({"context_channels": 2}, {}, ValueError, "built with context_channels=2"),
        ({}, {"context": torch.zeros(2, 2, 3, 4)}, ValueError, "built without context_channels"),
        (
            {"context_channels": 2},
            {"context": torch.zeros(2, 2, 1, 1)},
            ValueError,
            r"context must have shape \(2, 2, 3, 4\), got \(2, 2, 1, 1\)",
        ),
        (
            {"context_channels": 1},
            {"context": LEVELS},
            TypeError,
            "context must be a floating-point tensor, got torch.int64",
        ),
    ],
)
def test_a_condition_that_does_not_fit_is_refused(own_messages, built, given, error, message):
    model = GatedPixelCNN(n_channels=2, n_layers=1, **built)
    with pytest.raises(error, match=message):
        model(LEVELS, **given)


@pytest.mark.parametrize(
    ("levels", "error", "message"),
    [
        (LEVELS + 2, ValueError, "levels must lie in 0 .. 1, got values 2 .. 2"),
        (LEVELS.float(), TypeError, "levels must be a torch.long tensor, got torch.float32"),
        (LEVELS[0], ValueError, r"levels must have shape \(B, 1, H, W\)"),
        (LEVELS.expand(2, 3, 3, 4), ValueError, r"levels must have shape \(B, 1, H"),
    ],
)
def test_levels_that_do_not_fit_are_refused(own_messages, levels, error, message):
    with pytest.raises(error, match=message):
        GatedPixelCNN(n_channels=2, n_layers=1)(levels)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_colors": 3, "n_channels": 64}, ValueError, "n_channels=64 cannot be divided among 3"),
        ({"kernel_size": 1}, ValueError, "one odd number of at least 3, got 1"),
        ({"kernel_size": 4}, ValueError, "kernel_size must be one odd number of at least 3, got 4"),
        ({"kernel_size": (3, 5)}, TypeError, r"an integer, got \(3, 5\)"),
        ({"n_layers": 0}, ValueError, "n_layers must be at least 1, got 0"),
        ({"n_levels": 1}, ValueError, "n_levels must be at least 2, got 1"),
        ({"n_classes": 0}, ValueError, "n_classes must be at least 1, got 0"),
        ({"context_channels": -1}, ValueError, "context_channels must be at least 1, got -1"),
        ({"first_kernel_size": 4}, ValueError, "first_kernel_size must be one odd number .* 4"),
        ({"n_frequencies": 2}, ValueError, "set coordinates=True"),
        ({"activation": "tanh"}, ValueError, "activation must be one of .*, got 'tanh'"),
        ({"n_channels": 2.0}, TypeError, r"n_channels must be an integer, got 2.0"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(own_messages, arguments, error, message):
    with pytest.raises(error, match=message):
        GatedPixelCNN(**{"n_channels": 6, "n_layers": 1, **arguments})
