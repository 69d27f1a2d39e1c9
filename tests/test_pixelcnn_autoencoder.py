"""An encoder and a conditional PixelCNN: given the code, causal and normalised; trained as one."""

import pytest
import torch

from tutorial_lib.codes.pixelcnn_autoencoder import MSEAutoencoder, PixelCNNAutoencoder
from tutorial_lib.codes.vector_coders import CodeEncoder
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats

SIZE = (4, 8)


@pytest.fixture
def autoencoder(randomized):
    def make(**changes):
        arguments = {"size": SIZE, "code_dim": 3, "encoder_channels": 2, **changes}
        model = PixelCNNAutoencoder(n_channels=4, n_layers=2, kernel_size=3, **arguments)
        return randomized(model).double()

    return make


def changed_logits(model, levels, place, *, code):
    """Which pixels' logits move when one pixel is flipped: a set of raster places."""
    other = levels.clone()
    other[0, 0].view(-1)[place] = 1 - other[0, 0].view(-1)[place]
    codes = [model.encode(x) if code is None else code for x in (levels, other)]
    pair = [model.logits_given(x, h) for x, h in zip((levels, other), codes, strict=True)]
    moved = (pair[0] != pair[1]).any(dim=1).flatten()
    return set(moved.nonzero().flatten().tolist())


@pytest.mark.parametrize("place", [0, 9, 31])
def test_given_the_code_no_pixel_sees_itself_or_the_future(autoencoder, place):
    model = autoencoder()
    levels = torch.randint(2, (1, 1, *SIZE))
    code = model.encode(levels)
    moved = changed_logits(model, levels, place, code=code)
    assert all(each > place for each in moved)
    assert moved or place == 31


def test_the_code_itself_knows_the_whole_image(autoencoder):
    """The twin: with each image's own code, the last pixel moves the first prediction."""
    model = autoencoder(encoder_channels=8)
    moved = changed_logits(model, torch.randint(2, (1, 1, *SIZE)), 31, code=None)
    assert 0 in moved


def test_given_one_code_the_probabilities_of_all_images_sum_to_1_and_with_its_own_they_do_not(
    randomized,
):
    """All 65,536 binary images of 4x4, the smallest that the encoder takes."""
    small = {"code_dim": 1, "encoder_channels": 1, "n_channels": 2, "n_layers": 1, "kernel_size": 3}
    model = randomized(PixelCNNAutoencoder(size=(4, 4), **small), scale=1.0)
    every = enumerate_images(4, 4)
    with torch.no_grad():
        code = model.encode(every)
        one = code[7:8].expand_as(code)  # of some image, whichever
        given, own = (-nll_nats(model.logits_given(every, h), every).double() for h in (one, code))
    assert given.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert abs(own.exp().sum().item() - 1) > 1e-3


def test_the_code_enters_every_gate_as_eq_4_has_it(autoencoder):
    """V * s with the same s at every pixel is V h: a dense product, spread over the image."""
    model = autoencoder()
    code = torch.randn(2, 3, dtype=torch.float64)
    for layer in model.decoder.layers:
        spread = layer.context(model.context(code))
        product = code @ layer.context.weight[:, :, 0, 0].T + layer.context.bias
        torch.testing.assert_close(spread, product[:, :, None, None].expand_as(spread))


def test_the_gradient_of_the_likelihood_reaches_encoder_and_decoder(autoencoder):
    model = autoencoder()
    levels = torch.randint(2, (6, 1, *SIZE))
    nll_nats(model(levels), levels).mean().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_encoder_gets_no_gradient_from_a_code_that_was_cut_off(autoencoder):
    model = autoencoder()
    levels = torch.randint(2, (6, 1, *SIZE))
    code = model.encode(levels).detach()
    nll_nats(model.logits_given(levels, code), levels).mean().backward()
    assert all(p.grad is None for p in model.encoder.parameters())


def test_joint_training_lets_the_code_say_what_the_past_cannot():
    """Constant images: the first pixel is a coin to a PixelCNN, and no coin given the code."""
    torch.manual_seed(0)
    model = PixelCNNAutoencoder(
        size=(4, 4), code_dim=1, encoder_channels=4, n_channels=4, n_layers=1, kernel_size=3
    )
    levels = torch.tensor([0, 1]).repeat(8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(40):
        optimizer.zero_grad()
        nll_nats(model(levels), levels).mean().backward()
        optimizer.step()
    with torch.no_grad():
        first = model(levels).softmax(dim=1)[:, 1, 0, 0, 0]
        swapped = model.logits_given(levels, model.encode(1 - levels)).softmax(dim=1)[:, 1, 0, 0, 0]
    white = levels[:, 0, 0, 0] == 1
    assert first[white].min() > 0.9 and first[~white].max() < 0.1
    assert swapped[white].max() < 0.1 and swapped[~white].min() > 0.9


def test_samples_depend_on_the_code_and_on_the_noise(autoencoder):
    model = autoencoder(n_levels=5)
    codes = torch.tensor([[3.0, 0, 0]] * 2 + [[-3.0, 0, 0]] * 2, dtype=torch.float64)
    noise = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(0)).double()
    same = model.sample(codes, uniforms=noise.expand(4, -1, -1, -1).contiguous())
    assert torch.equal(same[0], same[1]) and not torch.equal(same[0], same[2])
    other = model.sample(codes, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(other[0], other[1])


def test_colours_and_levels_are_handed_on(autoencoder):
    model = PixelCNNAutoencoder(n_colors=3, n_levels=4, size=SIZE, n_channels=6, n_layers=1)
    levels = torch.randint(4, (2, 3, *SIZE))
    assert model(levels).shape == (2, 4, 3, *SIZE)
    assert model.encode(levels).shape == (2, 10)


def test_the_mse_autoencoder_answers_with_one_image_in_0_to_1():
    model = MSEAutoencoder(n_levels=4, size=SIZE, code_dim=3)
    levels = torch.randint(4, (5, 1, *SIZE))
    x = model(levels)
    assert x.shape == levels.shape and 0 <= x.min() and x.max() <= 1
    by_hand = ((x - levels / 3) ** 2).mean(dim=(1, 2, 3))
    torch.testing.assert_close(model.squared_error(levels), by_hand)


def test_both_have_the_same_encoder():
    pair = [
        PixelCNNAutoencoder(n_levels=4, size=SIZE, code_dim=3, n_channels=4, n_layers=1),
        MSEAutoencoder(n_levels=4, size=SIZE, code_dim=3),
    ]
    shapes = [[tuple(p.shape) for p in model.encoder.parameters()] for model in pair]
    assert shapes[0] == shapes[1]


def test_the_encoder_scales_levels_to_minus_1_to_1():
    encoder = CodeEncoder(n_colors=1, n_levels=5, size=(4, 4), code_dim=1, n_channels=1)
    seen = []
    encoder.layers[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    encoder(torch.full((1, 1, 4, 4), 1))
    encoder(torch.full((1, 1, 4, 4), 4))
    assert [x.unique().tolist() for x in seen] == [[-0.5], [1.0]]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"size": (6, 8)}, ValueError, r"each a multiple of 4, got \(6, 8\)"),
        ({"size": (0, 8)}, ValueError, "number of size must be at least 1, got 0"),
        ({"code_dim": 0}, ValueError, "code_dim must be at least 1, got 0"),
        ({"encoder_channels": 0}, ValueError, "encoder_channels must be at least 1, got 0"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(own_messages, changes, error, message):
    with pytest.raises(error, match=message):
        PixelCNNAutoencoder(**{"size": SIZE, "n_channels": 4, "n_layers": 1, **changes})


def test_images_and_codes_that_do_not_fit_are_refused(own_messages):
    model = PixelCNNAutoencoder(size=SIZE, code_dim=3, n_channels=4, n_layers=1)
    with pytest.raises(ValueError, match=r"levels must have shape \(B, 1, 4, 8\)"):
        model(torch.zeros(1, 1, 8, 4, dtype=torch.long))
    with pytest.raises(TypeError, match="levels must be a torch.long tensor"):
        model.encode(torch.zeros(1, 1, *SIZE))
    with pytest.raises(ValueError, match=r"code must have shape \(B, 3\), got \(1, 4\)"):
        model.sample(torch.zeros(1, 4))
