"""PixelCNN by hand, and what every model built on a `MaskedStack` promises, the PixelRNNs too."""

from __future__ import annotations

import copy
import inspect
from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import MaskedResidualBlock, MaskedStack, PixelCNN, PixelCNNConfig
from tutorial_lib.pixels.pixelrnn import DiagonalBiLSTM, RowLSTM
from tutorial_lib.recipes.pretrained import load_pretrained, load_weights, save_weights
from tutorial_lib.sampling.ancestral import sample

SIZES = [(5, 7), (7, 5)]
every_model = pytest.mark.parametrize("model_class", [PixelCNN, RowLSTM, DiagonalBiLSTM])


def set_weights(module, **values):
    """Fill the parameters named (dots as double underscores) and set all others to zero."""
    wanted = {name.replace("__", "."): value for name, value in values.items()}
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            value = torch.as_tensor(wanted.pop(name, 0.0))
            parameter.copy_(value.reshape(parameter.shape) if value.ndim else value)
    assert not wanted, f"no such parameters: {sorted(wanted)}"


def small(model_class, **changes):
    return model_class(**{"n_channels": 6, "n_layers": 2, "first_kernel_size": 3, **changes})


def picture(*shape, n_levels=2):
    return torch.randint(n_levels, shape, generator=torch.Generator().manual_seed(1))


# ------------------------------------------------------------------ the block, by hand

LEFT_AND_ABOVE = torch.tensor([[1.0, 3, 5], [7, 15, 16]])  # sums of [[1, 2, 3], [4, 5, 6]], mask B


def block_of_two_channels(**changes):
    """Adds the channels up, sums what lies left and above, and gives that and its negative."""
    block = MaskedResidualBlock(2, 3)
    weights = {"shrink__weight": 1.0, "kernel__weight": 1.0, "widen__weight": [1.0, -1.0]}
    set_weights(block, **{**weights, **changes})
    return block


def two_channels():
    shown = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    return torch.stack([shown, torch.full((2, 3), -1.0)])[None]


def test_a_block_adds_what_lies_left_and_above_to_its_input():
    """The second channel is -1 everywhere: the first ReLU hides it, the residual keeps it."""
    out = block_of_two_channels()(two_channels())
    assert torch.equal(out[0, 0], two_channels()[0, 0] + LEFT_AND_ABOVE)
    assert torch.equal(out[0, 1], -1 - LEFT_AND_ABOVE)


def test_a_block_has_a_ReLU_in_front_of_each_convolution():
    """A bias of -4 before the last: sums of at most 4 are cut off, the others lose 4."""
    cut = torch.tensor([[0.0, 0, 1], [3, 11, 12]])
    out = block_of_two_channels(kernel__bias=-4.0)(two_channels())
    assert torch.equal(out[0, 0], two_channels()[0, 0] + cut)
    late = block_of_two_channels(shrink__bias=-4.0)(two_channels())
    # after the first 1x1: [[0, 0, 0], [0, 1, 2]], so only the last two pixels have anything
    assert torch.equal(late[0, 0] - two_channels()[0, 0], torch.tensor([[0.0, 0, 0], [0, 1, 3]]))


def test_a_block_keeps_red_green_blue_at_the_centre():
    """R = 1, G = 10, B = 100, two channels each: sums over the colours so far, three times."""
    block = MaskedResidualBlock(6, 3, n_colors=3)
    set_weights(block, shrink__weight=1.0, kernel__weight=1.0, widen__weight=1.0)
    pixel = torch.tensor([1.0, 1, 10, 10, 100, 100]).view(1, 6, 1, 1)
    half = [2, 2 + 20, 2 + 20 + 200]
    middle = [2, 2 + 22, 2 + 22 + 222]
    assert half[2] == 222
    added = [2, 2 + 24, 2 + 24 + 246]
    assert middle[2] == 246
    expected = [1 + added[0]] * 2 + [10 + added[1]] * 2 + [100 + added[2]] * 2
    assert block(pixel).flatten().tolist() == expected


@pytest.mark.parametrize("n_colors", [1, 3])
def test_a_block_without_weights_hands_its_input_on(n_colors):
    block = MaskedResidualBlock(6, 5, n_colors=n_colors)
    set_weights(block)
    features = torch.randn(2, 6, 3, 4)
    assert torch.equal(block(features), features)


@pytest.mark.parametrize(
    ("n_channels", "n_colors", "message"),
    [
        (5, 1, "half of n_channels=5 cannot be divided among 1 colour: use a multiple of 2"),
        (9, 3, "half of n_channels=9 cannot be divided among 3 colours: use a multiple of 6"),
        (16, 3, "half of n_channels=16 cannot be divided among 3 colours"),
        (0, 1, "n_channels must be at least 1, got 0"),
        (6, 0, "n_colors must be at least 1, got 0"),
    ],
)
def test_a_block_that_cannot_be_halved_for_every_colour_is_refused(n_channels, n_colors, message):
    with pytest.raises(ValueError, match=message):
        MaskedResidualBlock(n_channels, 3, n_colors=n_colors)


# ------------------------------------------------------------------------ the network


@pytest.mark.parametrize("n_colors", [1, 2])
def test_the_layers_are_those_of_table_1(n_colors):
    """A 1x1 convolution of one colour has nothing to mask: that of the head is a plain one."""
    model = PixelCNN(n_channels=8, n_layers=3, n_levels=5, n_colors=n_colors)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    shapes = [
        (getattr(m, "mask_type", None), m.in_channels, m.out_channels, m.kernel_size)
        for m in convolutions
    ]
    block = [("B", 8, 4, (1, 1)), ("B", 4, 4, (3, 3)), ("B", 4, 8, (1, 1))]
    masked = None if n_colors == 1 else "B"
    head = [(masked, 8, 8, (1, 1)), (masked, 8, 5 * n_colors, (1, 1))]
    assert shapes == [("A", n_colors, 8, (7, 7)), *block, *block, *block, *head]


@every_model
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("n_colors", [1, 3])
def test_logits_are_levels_by_colours_by_height_by_width(model_class, n_colors, height, width):
    model = small(model_class, n_colors=n_colors, n_levels=4)
    levels = picture(2, n_colors, height, width, n_levels=4)
    assert model(levels).shape == (2, 4, n_colors, height, width)


@every_model
def test_the_head_hands_each_colour_its_own_logits(model_class):
    """All weights 0, so the logits are the last bias: two levels of R, then of G, then of B."""
    model = small(model_class, n_colors=3)
    set_weights(model, head__3__bias=[0.0, 1, 2, 3, 4, 5])
    logits = model(picture(1, 3, 1, 1))
    assert logits[0, :, :, 0, 0].T.tolist() == [[0, 1], [2, 3], [4, 5]]


@every_model
def test_intensities_are_scaled_to_minus_1_to_1(model_class):
    levels = torch.arange(5).view(1, 1, 1, 5)
    assert small(model_class, n_levels=5).embed(levels).flatten().tolist() == [-1, -0.5, 0, 0.5, 1]


@every_model
@pytest.mark.parametrize("n_colors", [1, 3])
def test_train_and_eval_mode_agree(model_class, n_colors):
    model, levels = small(model_class, n_colors=n_colors), picture(2, n_colors, 3, 4)
    assert torch.equal(model.train()(levels), model.eval()(levels))


@every_model
def test_images_of_a_batch_do_not_see_each_other(model_class, randomized):
    model, levels = randomized(small(model_class)).double(), picture(3, 1, 3, 4)
    alone = torch.cat([model(levels[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(model(levels), alone)
    assert (alone[0] - alone[1]).abs().max() > 1e-3


@every_model
@pytest.mark.parametrize("n_colors", [1, 3])
def test_every_weight_that_is_read_learns_and_masked_ones_get_no_gradient(model_class, n_colors):
    model, levels = small(model_class, n_colors=n_colors, n_channels=12), picture(8, n_colors, 5, 7)
    nll_nats(model(levels), levels).mean().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert without == set()
    masked = [m for m in model.modules() if isinstance(m, MaskedConv2d)]
    hidden = [m.weight.grad[m.mask.expand_as(m.weight) == 0] for m in masked]
    assert sum(h.numel() for h in hidden) > 0
    assert not any(h.any() for h in hidden)


@every_model
def test_a_few_steps_of_training_lower_the_cost(model_class):
    """Two pictures to be learnt by heart."""
    model, levels = small(model_class, n_channels=16), picture(2, 1, 4, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    costs = []
    for _ in range(25):
        cost = nll_nats(model(levels), levels).mean()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        costs.append(cost.item())
    assert costs[-1] < 0.5 * costs[0]


@every_model
def test_float64_gives_the_same_logits_with_more_digits(model_class, randomized):
    model, levels = randomized(small(model_class), scale=0.3), picture(2, 1, 5, 4)
    single, double = model(levels), copy.deepcopy(model).double()(levels)
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


@every_model
@pytest.mark.parametrize("n_colors", [1, 3])
def test_half_precision_runs_forward_and_back_and_is_near(model_class, n_colors):
    model, levels = small(model_class, n_colors=n_colors), picture(2, n_colors, 5, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(levels)
    nll_nats(logits, levels).mean().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    torch.testing.assert_close(logits.float(), model(levels), rtol=0.1, atol=0.05)


@every_model
def test_the_memory_format_makes_no_difference(model_class):
    model = small(model_class, n_channels=8).double()
    features = torch.randn(2, 1, 4, 6, dtype=torch.float64)
    channels_last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    laid_out = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(channels_last.logits_from(laid_out), model.logits_from(features))


@every_model
def test_the_arguments_are_enough_to_build_the_model_again(model_class):
    model = small(model_class, n_levels=3, n_colors=3, kernel_size=5)
    again = model_class(copy.deepcopy(model.config))
    again.load_state_dict(model.state_dict())
    levels = picture(2, 3, 3, 4, n_levels=3)
    assert torch.equal(again(levels), model(levels))


@every_model
@pytest.mark.parametrize("n_colors", [1, 3])
def test_a_model_comes_back_from_its_file_with_the_same_answers(tmp_path, model_class, n_colors):
    model, levels = small(model_class, n_colors=n_colors).eval(), picture(2, n_colors, 3, 4)
    save_weights(tmp_path / "m.safetensors", model)
    again = load_weights(tmp_path / "m.safetensors")
    assert type(again) is model_class
    assert torch.equal(again(levels), model(levels))
    assert not torch.equal(small(model_class, n_colors=n_colors)(levels), model(levels))


@every_model
@pytest.mark.parametrize("n_colors", [1, 3])
def test_samples_follow_the_noise_pixel_after_pixel(model_class, n_colors, randomized):
    """Other noise from the middle on: the pixels before it stay, some of those after it change."""
    model = randomized(small(model_class, n_colors=n_colors)).double()
    shape = (4, n_colors, 3, 3)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    other = noise.clone()
    other[:, :, 1, 1:], other[:, :, 2] = 1 - noise[:, :, 1, 1:], 1 - noise[:, :, 2]
    first, again, changed = (sample(model, shape, uniforms=u) for u in (noise, noise, other))
    assert torch.equal(first, again)
    before = torch.arange(9).view(3, 3) < 4
    assert torch.equal(first[..., before], changed[..., before])
    assert (first != changed)[..., ~before].any()


# --------------------------------------------------------------------- complaints

LEVELS = torch.zeros(2, 1, 3, 4, dtype=torch.long)


@every_model
@pytest.mark.parametrize(
    ("levels", "error", "message"),
    [
        (LEVELS + 2, ValueError, "levels must lie in 0 .. 1, got values 2 .. 2"),
        (LEVELS - 1, ValueError, "levels must lie in 0 .. 1, got values -1 .. -1"),
        (LEVELS.float(), TypeError, "levels must be a torch.long tensor, got torch.float32"),
        (LEVELS.tolist(), TypeError, "levels must be a torch.Tensor, got "),
        (LEVELS[0], ValueError, r"levels must have shape \(B, 1, H, W\)"),
        (LEVELS.expand(2, 3, 3, 4), ValueError, r"levels must have shape \(B, 1, H"),
    ],
)
def test_levels_that_do_not_fit_are_refused(own_messages, model_class, levels, error, message):
    with pytest.raises(error, match=message):
        small(model_class)(levels)


@every_model
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_channels": 7}, ValueError, "half of n_channels=7 cannot be divided among 1 colour:"),
        ({"n_colors": 3, "n_channels": 9}, ValueError, "use a multiple of 6"),
        ({"n_colors": 0}, ValueError, "n_colors must be at least 1, got 0"),
        ({"n_layers": 0}, ValueError, "n_layers must be at least 1, got 0"),
        ({"n_levels": 1}, ValueError, "n_levels must be at least 2, got 1"),
        ({"n_channels": 6.0}, TypeError, r"n_channels must be an integer, got 6.0"),
        ({"first_kernel_size": 4}, ValueError, "first_kernel_size must be one odd number .* got 4"),
        ({"first_kernel_size": 1}, ValueError, "first_kernel_size .* at least 3, got 1"),
        ({"first_kernel_size": (3, 5)}, TypeError, r"first_kernel_size .* got \(3, 5\)"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(
    own_messages, model_class, arguments, error, message
):
    with pytest.raises(error, match=message):
        small(model_class, **arguments)


@pytest.mark.parametrize("model_class", [PixelCNN, RowLSTM])
@pytest.mark.parametrize("kernel_size", [1, 4, (3, 3), True])
def test_a_kernel_without_a_centre_or_without_neighbours_is_refused(
    own_messages, model_class, kernel_size
):
    with pytest.raises((ValueError, TypeError), match="kernel_size must be (one odd|an integer)"):
        small(model_class, kernel_size=kernel_size)


@pytest.mark.parametrize(
    ("kernel_size", "error", "message"),
    [
        (1, ValueError, "kernel_size must be at least 2, got 1"),
        ((2, 1), TypeError, "kernel_size must be an integer"),
    ],
)
def test_a_diagonal_that_reads_fewer_than_two_pixels_is_refused(
    own_messages, kernel_size, error, message
):
    with pytest.raises(error, match=message):
        small(DiagonalBiLSTM, kernel_size=kernel_size)


def test_a_stack_must_say_what_its_layers_are():
    with pytest.raises(TypeError, match="make_block"):
        MaskedStack(PixelCNNConfig())


def test_a_model_is_built_from_its_settings_whole_or_by_their_names(own_messages):
    config = PixelCNNConfig(n_levels=4, n_channels=8, n_layers=1)
    assert PixelCNN(config).config == PixelCNN(n_levels=4, n_channels=8, n_layers=1).config
    assert PixelCNN(config, n_levels=3).config == replace(config, n_levels=3)
    with pytest.raises(TypeError, match="config must be a PixelCNNConfig, got 4"):
        PixelCNN(4)
    with pytest.raises(TypeError, match="config must be a DiagonalBiLSTMConfig"):
        DiagonalBiLSTM(config)


def test_the_help_of_a_model_names_its_settings():
    parameters = inspect.signature(PixelCNN).parameters
    assert list(parameters) == [each.name for each in fields(PixelCNNConfig)]
    assert parameters["n_channels"].default == 64


class OnThePage(nn.Module):
    """A PixelCNN as a reader writes it, with the names of its parts."""

    class Block(nn.Module):
        def __init__(self, n_channels):
            super().__init__()
            half = n_channels // 2
            self.shrink = nn.Conv2d(n_channels, half, 1)
            self.kernel = MaskedConv2d(half, half, 3, mask_type="B")
            self.widen = nn.Conv2d(half, n_channels, 1)

        def forward(self, x):
            return x + self.widen(self.kernel(self.shrink(x.relu()).relu()).relu())

    def __init__(self, n_levels, n_channels, n_blocks):
        super().__init__()
        self.n_levels = n_levels
        self.first = MaskedConv2d(1, n_channels, 7, mask_type="A")
        self.blocks = nn.ModuleList(self.Block(n_channels) for _ in range(n_blocks))
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(n_channels, n_channels, 1),
            nn.ReLU(),
            nn.Conv2d(n_channels, n_levels, 1),
        )

    def forward(self, levels):
        x = self.first(2 * levels / (self.n_levels - 1) - 1)
        for block in self.blocks:
            x = block(x)
        return self.head(x)[:, :, None]


def test_weights_go_to_a_readers_own_class_and_back():
    shipped = load_pretrained("pixelcnn-fashion-mnist")
    own = OnThePage(n_levels=16, n_channels=64, n_blocks=8).eval()
    own.load_state_dict(shipped.state_dict())
    levels = torch.randint(16, (2, 1, 12, 9))
    torch.testing.assert_close(own(levels), shipped(levels), rtol=1e-4, atol=1e-4)
    back = PixelCNN(shipped.config)
    back.load_state_dict(own.state_dict())
    assert torch.equal(back(levels), shipped(levels))
