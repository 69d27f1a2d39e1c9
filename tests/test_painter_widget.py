"""Codes painted by hand: what the sliders do, and what the pictures show."""

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch

from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.notebook.widgets import painter

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def vqvae():
    torch.manual_seed(0)
    size = {"n_codes": 6, "code_dim": 4, "downsample": 2, "n_channels": 8}
    return VQVAE(in_channels=3, n_levels=256, n_mixtures=1, **size).eval()


CODES = torch.tensor([[0, 1, 2], [3, 4, 5], [5, 5, 0], [1, 1, 1]])


@pytest.fixture
def shown(vqvae, monkeypatch):
    """(place, code, drawn): both sliders, and the codes of every picture so far."""
    boxes, drawn = [], []
    monkeypatch.setattr(painter, "display", boxes.append)
    real = painter.draw_painted_codes

    def seen(vqvae, before, painted, place, **options):
        drawn.append((before.clone(), painted.clone(), place))
        return real(vqvae, before, painted, place, **options)

    monkeypatch.setattr(painter, "draw_painted_codes", seen)
    painter.code_painter(vqvae, CODES)
    place, code = (c for c in boxes[0].children if isinstance(c, ipywidgets.IntSlider))
    return place, code, drawn


def test_nothing_is_painted_at_first(shown):
    _, code, drawn = shown
    before, painted, place = drawn[-1]
    assert torch.equal(before, CODES) and torch.equal(painted, CODES) and place == (0, 0)
    assert code.value == 0


def test_a_code_is_put_at_the_place_and_stays_there(shown):
    place, code, drawn = shown
    place.value = 7
    assert code.value == 5 and torch.equal(drawn[-1][1], CODES)
    code.value = 2
    place.value = 11
    code.value = 4
    wanted = CODES.clone()
    wanted[2, 1], wanted[3, 2] = 2, 4
    assert torch.equal(drawn[-1][1], wanted) and drawn[-1][2] == (3, 2)
    assert torch.equal(drawn[-1][0], CODES)


def test_moving_the_place_alone_paints_nothing(shown):
    place, _, drawn = shown
    for at in (1, 5, 2, 11, 0):
        place.value = at
    assert all(torch.equal(painted, CODES) for _, painted, _ in drawn)


def test_the_pictures_are_the_decoder_s(vqvae):
    painted = CODES.clone()
    painted[0, 0] = 5
    axes = painter.draw_painted_codes(vqvae, CODES, painted, (0, 0))
    with torch.no_grad():
        wanted = vqvae.picture(vqvae.decode_indices(torch.stack([CODES, painted])))
    for ax, picture in zip(axes[1:], wanted, strict=True):
        pixels = torch.as_tensor(ax.images[0].get_array())
        assert torch.allclose(pixels, picture.clamp(0, 1).permute(1, 2, 0))
    assert axes[2].get_title() == "1 of 12 codes painted"


@pytest.mark.parametrize("place", [(4, 0), (0, 3), (-1, 0)])
def test_a_place_outside_is_refused(vqvae, place):
    with pytest.raises(ValueError, match="place must lie in"):
        painter.draw_painted_codes(vqvae, CODES, CODES, place)
