"""Drawings of models: nothing collides, and every shape in them is the model's own."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from functools import cache

import matplotlib
import numpy as np
import pytest
import torch
from diagram_checks import problems
from PIL import Image
from pretended_gpu import pretended_gpu

from tutorial_lib.codes import VQVAE, GaussianVAE, TwoStageModel
from tutorial_lib.notebook import diagrams
from tutorial_lib.notebook.diagrams import gated, pixelcnn, vqvae
from tutorial_lib.notebook.diagrams.card import Card
from tutorial_lib.notebook.diagrams.shapes import said, traced
from tutorial_lib.pixels import (
    GatedPixelCNN,
    MaskedConv2d,
    PixelCNN,
    RowLSTM,
    bits_per_dim,
    influence_matrix,
)
from tutorial_lib.sampling import GatedCache

HEIGHT, WIDTH = 20, 24  # not square, so that a swapped pair is seen
MOST_BYTES = 60_000


def levels(n_levels, height=HEIGHT, width=WIDTH):
    noise = torch.Generator().manual_seed(3)
    return torch.randint(n_levels, (1, height, width), generator=noise)


@cache
def small(name):
    torch.manual_seed(0)
    shape = {"n_channels": 12, "n_layers": 3}
    if name == "pixelcnn":
        return PixelCNN(n_levels=5, first_kernel_size=5, **shape).eval()
    if name == "row lstm":
        return RowLSTM(n_levels=5, kernel_size=5, **shape).eval()
    if name == "gated":
        return GatedPixelCNN(n_levels=5, **shape).eval()
    if name == "labelled":
        return GatedPixelCNN(n_levels=5, n_classes=7, **shape).eval()
    if name == "vae":
        return GaussianVAE(n_levels=5, size=(HEIGHT, WIDTH), code_dim=6, n_channels=4).eval()
    sizes = {"n_codes": 13, "code_dim": 6, "n_channels": 8, "n_blocks": 1}
    update = "gradient" if name == "by gradient" else "ema"
    vqvae = VQVAE(in_channels=1, n_levels=5, update=update, **sizes)
    with torch.no_grad():  # codes of an encoder that has been trained lie among what it gives
        vqvae.quantizer.codebook.copy_(vqvae.encode(levels(5)[None])[0].flatten(1).T[:13])
    prior = GatedPixelCNN(n_levels=13, n_classes=7, n_channels=8, n_layers=2, ordered=False)
    return TwoStageModel(vqvae, prior).eval()


DRAWINGS = {
    "sliding_mask": lambda: diagrams.sliding_mask(
        MaskedConv2d(1, 1, 3, mask_type="A"), torch.rand(7, 7)
    ),
    "sliding_mask, wide": lambda: diagrams.sliding_mask(
        MaskedConv2d(1, 1, 5, mask_type="B"), torch.rand(7, 7)
    ),
    "paths_of_messages": lambda: diagrams.paths_of_messages(),
    "pixelcnn_whole": lambda: diagrams.pixelcnn_whole(small("pixelcnn"), levels(5)),
    "growing": lambda: diagrams.growing(small("pixelcnn"), levels(5), (40, 110, 200, 400)),
    "gated_layer": lambda: diagrams.gated_layer(small("gated"), HEIGHT, WIDTH),
    "gated_layer, first": lambda: diagrams.gated_layer(small("gated"), HEIGHT, WIDTH, layer=0),
    "receptive_fields": lambda: diagrams.receptive_fields(small("gated")),
    "label_entry": lambda: diagrams.label_entry(small("labelled"), HEIGHT, WIDTH, label=4),
    "cached_sampler": lambda: diagrams.cached_sampler(small("gated"), levels(5), (9, 12)),
    "lstm_line": lambda: diagrams.lstm_line(small("row lstm").blocks[0].lstm, WIDTH),
    "skewing": lambda: diagrams.skewing(4, 5),
    "gaussian_vae": lambda: diagrams.gaussian_vae(small("vae"), levels(5)),
    "elbo_bars": lambda: diagrams.elbo_bars(612.3, 31.2, 631.0),
    "elbo_bars, no evidence": lambda: diagrams.elbo_bars(612.3, 31.2),
    "vq_figure": lambda: diagrams.vq_figure(small("two stages").vqvae, levels(5)),
    "vq_figure, by gradient": lambda: diagrams.vq_figure(small("by gradient").vqvae, levels(5)),
    "two_stages": lambda: diagrams.two_stages(small("two stages"), levels(5), label=4),
    "bill": lambda: diagrams.bill(small("two stages"), levels(5), label=4),
    "rate_distortion": lambda: diagrams.rate_distortion(
        {"autoencoder": (0.31, 1.02), "VAE": (0.21, 1.15), "collapsed": (0, 1.62), "VQ": (0.2, 1.1)}
    ),
}


@cache
def drawn(name):
    return DRAWINGS[name]()


def words(card):
    return [text.get_text() for text in card.texts]


every = pytest.mark.parametrize("name", DRAWINGS)


@every
def test_no_two_texts_collide_and_none_leaves_the_card(name):
    assert problems(drawn(name)) == []


@every
def test_a_drawing_is_small_sharp_white_and_told_in_words(name):
    data, about = (card := drawn(name))._repr_mimebundle_()
    png = Image.open(io.BytesIO(data["image/png"]))
    assert len(data["image/png"]) < MOST_BYTES
    assert png.width == pytest.approx(2 * about["image/png"]["width"], abs=1)
    assert png.convert("RGBA").getpixel((png.width // 2, 8)) == (255, 255, 255, 255)
    assert png.convert("RGBA").getpixel((0, 0))[3] == 0  # the page shows at the round corners
    assert len(card.alt) > 30 and "{" not in card.alt
    assert about["image/png"]["alt"] == data["text/plain"] == card.alt


def test_every_drawing_that_the_page_lists_is_drawn_here():
    assert {name.split(",")[0] for name in DRAWINGS} == set(diagrams.__all__) - {"Card"}


def test_a_collision_and_a_text_off_the_card_and_an_arrow_through_a_text_are_seen():
    card = Card(3, 1, alt="words")
    card.text((1, 0.5), "one")
    assert problems(card) == []
    card.text((1.1, 0.5), "another")
    card.text((3, 0.2), "off")
    card.arrow((0.2, 0.5), (2, 0.5))
    kinds = {each.split(":")[0] for each in problems(card)}
    assert kinds == {"collide", "off the card", "an arrow through"}


def test_a_drawing_reads_and_changes_no_settings_of_matplotlib():
    plain = Card(3, 1, alt="words")
    plain.link(plain.box(0.6, 0.5, "one"), plain.box(2.2, 0.5, "two", "loss"), "text $x$")
    settings = {"path.sketch": (1, 100, 2), "font.size": 20, "figure.facecolor": "black"}
    settings |= {
        "text.color": "red",
        "savefig.bbox": "tight",
        "figure.constrained_layout.use": True,
    }
    with matplotlib.rc_context(settings | {"patch.linewidth": 5, "mathtext.fontset": "cm"}):
        before = dict(matplotlib.rcParams)
        other = Card(3, 1, alt="words")
        other.link(other.box(0.6, 0.5, "one"), other.box(2.2, 0.5, "two", "loss"), "text $x$")
        assert other.png() == plain.png()
        assert dict(matplotlib.rcParams) == before


def test_drawings_need_no_pyplot():
    code = (
        "import sys; from tutorial_lib.notebook import diagrams; diagrams.skewing().png();"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ------------------------------------------------------------------------ shapes are the model's


def shapes_of(model, image):
    """The shapes behind each part of a model, without batch."""
    return {name: said(part.left) for name, part in traced(model, lambda: model(image)).items()}


def test_shapes_of_pixelcnn_are_those_of_the_model():
    model = small("pixelcnn")
    texts = words(drawn("pixelcnn_whole"))
    x = model.first(model.embed(levels(5)[None]))
    assert texts.count(said(x)) >= 2  # behind the first layer and the blocks
    assert said(model.blocks[0].shrink(x)) == "6×20×24" and texts.count("6×20×24") == 2
    assert said(model.head(x)) in texts and f"{len(model.blocks)} blocks" in texts


def test_shapes_of_a_gated_layer_are_those_of_the_model():
    model = small("gated")
    v, h = torch.zeros(1, 12, HEIGHT, WIDTH), torch.zeros(1, 12, HEIGHT, WIDTH)
    layer = model.layers[1]
    texts = words(drawn("gated_layer"))
    assert texts.count(said(layer.vertical(v))) == 2 == texts.count("24×20×24")
    assert said(layer(v, h)[0]) == "12×20×24" and texts.count("12×20×24") == 3
    assert "1×20×24" in words(drawn("gated_layer, first"))  # what enters the first is the image
    assert "residual" in texts and "residual" not in words(drawn("gated_layer, first"))


def test_the_table_of_labels_has_the_size_of_the_models():
    rows, numbers = small("labelled").layers[1].label.weight.shape
    assert f"{rows} labels × {numbers} numbers" in words(drawn("label_entry"))


def test_a_map_beside_the_label_is_told():
    model = GatedPixelCNN(n_classes=3, context_channels=5, n_channels=4, n_layers=2)
    card = diagrams.label_entry(model, HEIGHT, WIDTH, label=2)
    assert any("A map of 5 channels" in text for text in words(card))
    assert not any("A map" in text for text in words(drawn("label_entry")))
    assert problems(card) == []


def test_a_model_without_labels_has_none_to_draw():
    with pytest.raises(ValueError, match="build it with n_classes"):
        diagrams.label_entry(small("gated"), HEIGHT, WIDTH)


def test_what_the_sampler_keeps_has_the_shapes_of_the_cache():
    cache = GatedCache(small("gated"), levels(5)[None].clone())
    n_rows, wide, _, channels = cache.vertical[1].above.rows.shape
    texts = words(drawn("cached_sampler"))
    assert f"{n_rows}×{wide}×{channels}" in texts and f"{WIDTH}×24" in texts


def test_a_line_of_an_lstm_has_the_shapes_and_taps_of_the_layer():
    layer, texts = small("row lstm").blocks[0].lstm, words(drawn("lstm_line"))
    gates, n_hidden, taps = layer.state.weight.shape
    assert f"{gates}×{WIDTH}" in texts and f"{n_hidden}×{WIDTH} each" in texts
    assert f"1×{taps}, mask B" in texts and f"{taps} taps on $h$" in texts


def test_shapes_of_the_vae_and_the_vqvae_are_those_of_the_models():
    assert rf"mean $\mu$: {small('vae').code_dim}" in words(drawn("gaussian_vae"))
    net = small("two stages").vqvae
    texts = words(drawn("vq_figure"))
    assert texts.count(said(net.encode(levels(5)[None]))) == 2
    assert said(net.latent_shape((HEIGHT, WIDTH))) in texts
    assert "codebook: 13 codes of 6 numbers" in texts


def test_codes_move_by_averages_or_by_a_loss_as_the_model_says():
    assert any("EMA" in text for text in words(drawn("vq_figure")))
    assert not any("EMA" in text for text in words(drawn("vq_figure, by gradient")))


# ------------------------------------------------------------------------ what they show is true


def test_the_field_behind_the_last_layer_is_that_of_the_model():
    model, side, target = small("gated"), 6, (4, 3)
    drawn_field = gated.fields(model, side, target, len(model.layers) - 1)
    row = influence_matrix(model, side, side)[target[0] * side + target[1]]
    assert np.array_equal(drawn_field["out"] == 0, row.view(side, side).numpy())
    assert not (drawn_field["v"] == 0)[target[0] :].any()  # rows above alone
    both = (drawn_field["left"] == 0) | (drawn_field["link"] == 0)
    assert np.array_equal(drawn_field["z"] == 0, both)


def test_the_message_that_does_not_arrive_starts_in_the_blind_spot():
    reach = pixelcnn.reach_of(3, 14, 7, (5, 2))
    assert reach[2, 5] == 0 and reach[3, 5] == 1
    assert (reach[5, 3:] == 2).all()


def test_the_code_in_the_plane_is_the_nearest_there_and_in_space():
    net, image = small("two stages").vqvae, levels(5)
    found = vqvae.plane_of(net, image)
    apart = (found["codes"] - found["z_e"]).square().sum(1)
    assert found["fits"] and apart.argmin() == found["code"]
    assert found["code"] in net.encode_indices(image[None])


def test_the_bill_is_the_bound_of_the_model():
    model, image = small("two stages"), levels(5)
    nats = -model.bound_nats(image[None], torch.tensor([4])).item()
    bits = bits_per_dim(torch.tensor([nats]), image.numel()).item()
    assert bits == pytest.approx(nats / math.log(2) / image.numel())
    assert f"learned prior: {bits:.2f} bits/dim" in words(drawn("bill"))


def test_the_costs_under_a_growing_image_are_the_models():
    model, image = small("pixelcnn"), levels(5)
    log_p = model(image[None])[0, :, 0].log_softmax(0).flatten(1)
    for pixel in (40, 110, 200, 400):
        bits = -log_p[image.flatten()[pixel], pixel].item() / math.log(2)
        assert f"cost {bits:.2f} bits" in words(drawn("growing"))


def test_both_bars_of_the_bound_have_the_same_sum():
    alt = drawn("elbo_bars").alt
    assert "643.5 nats" in alt and "631.0 + gap 12.5" in alt


def test_a_model_on_another_device_is_drawn_and_stays_there():
    with pretended_gpu():
        model = PixelCNN(n_levels=4, n_channels=4, n_layers=1).to("cuda")
        levels = torch.zeros(1, 6, 6, dtype=torch.long, device="cuda")
        assert diagrams.pixelcnn_whole(model, levels).png()
        assert next(model.parameters()).device.type == "cuda"
