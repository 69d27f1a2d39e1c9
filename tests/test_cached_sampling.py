"""Cached sampling returns what naive sampling returns, pixel for pixel, and asks for less."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.sampling.ancestral import sample
from tutorial_lib.sampling.features import OwnRow, RowsAbove, as_matrix
from tutorial_lib.sampling.gated_cache import GatedCache, HorizontalCache, VerticalCache
from tutorial_lib.sampling.pixelcnn_cache import ConvCache, PixelCNNCache

GATED = {
    "one layer": {"n_layers": 1},
    "four layers": {"n_layers": 4},
    "5x5 kernels": {"kernel_size": 5},
    "a wide first kernel": {"first_kernel_size": 7},
    "kernels larger than the image": {"kernel_size": 13},
    "five levels": {"n_levels": 5},
    "symbols": {"n_levels": 5, "ordered": False},
    "relu": {"activation": "relu"},
    "labels": {"n_classes": 3},
    "a context": {"context_channels": 2},
    "labels and a context": {"n_classes": 3, "context_channels": 2},
    "coordinates": {"coordinates": True},
    "waves and a context": {"coordinates": True, "n_frequencies": 2, "context_channels": 2},
    "colours": {"n_colors": 3, "n_levels": 4},
    "coloured symbols with labels": {
        "n_colors": 3,
        "n_levels": 4,
        "ordered": False,
        "n_classes": 3,
    },
    "two colours, relu, 5x5": {"n_colors": 2, "activation": "relu", "kernel_size": 5},
}
PLAIN = {
    "one block": {"n_layers": 1},
    "three blocks": {"n_layers": 3},
    "5x5 kernels": {"kernel_size": 5},
    "a small first kernel": {"first_kernel_size": 3},
    "kernels larger than the image": {"kernel_size": 13, "first_kernel_size": 15},
    "five levels": {"n_levels": 5},
    "colours": {"n_colors": 3, "n_levels": 4},
}
MODELS = {
    **{f"gated, {name}": (GatedPixelCNN, changes) for name, changes in GATED.items()},
    **{f"plain, {name}": (PixelCNN, changes) for name, changes in PLAIN.items()},
}
EACH = pytest.mark.parametrize(("kind", "changes"), MODELS.values(), ids=MODELS)
BOTH = pytest.mark.parametrize("kind", [GatedPixelCNN, PixelCNN])


@pytest.fixture
def build(randomized):
    """A function that makes a small model of either kind, in float64, with large weights."""

    def make(kind, *, seed=0, scale=0.5, **changes):
        width = 12 if kind is PixelCNN else 6
        arguments = {"n_channels": width, "n_layers": 2, **changes}
        return randomized(kind(**arguments), seed, scale).double().eval()

    return make


def conditions(model, shape):
    """Random labels and a random context, as the model wants them."""
    given_ = {}
    if getattr(model, "n_classes", None):
        given_["label"] = torch.randint(model.n_classes, shape[:1])
    if getattr(model, "context_channels", None):
        size = (shape[0], model.context_channels, *shape[2:])
        given_["context"] = torch.randn(size).to(next(model.parameters()).dtype)
    return given_


def both(model, shape, **options):
    """The naive and the cached image for the same noise."""
    noise = torch.rand(shape, dtype=torch.float64)
    options = {**conditions(model, shape), **options, "uniforms": noise}
    return [sample(model, shape, method=method, **options) for method in ("naive", "cached")]


def assert_same(model, shape, **options):
    naive, cached = both(model, shape, **options)
    assert torch.equal(naive, cached)


# ----------------------------------------------------------------------------- the same image


@EACH
@pytest.mark.parametrize("size", [(4, 6), (5, 3)])
def test_cached_and_naive_draw_the_same_image(kind, changes, size, build):
    model = build(kind, **changes)
    naive, cached = both(model, (3, model.n_colors, *size))
    assert torch.equal(naive, cached)
    assert len(naive.unique()) > 1 and cached.is_contiguous()


@EACH
def test_images_of_one_pixel_are_the_same(kind, changes, build):
    model = build(kind, **changes)
    assert_same(model, (20, model.n_colors, 1, 1))


@EACH
@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_temperature_changes_both_alike(kind, changes, temperature, build):
    model = build(kind, **changes)
    assert_same(model, (2, model.n_colors, 4, 5), temperature=temperature)


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_models_of_the_default_size_agree_in_single_and_double_precision(kind, dtype, randomized):
    model = randomized(kind(), scale=0.05).to(dtype).eval()
    assert_same(model, (2, 1, 6, 7))


@settings(max_examples=30)
@given(
    kind=st.sampled_from([GatedPixelCNN, PixelCNN]),
    batch=st.integers(1, 3),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    n_colors=st.integers(1, 3),
    n_levels=st.integers(2, 6),
    n_layers=st.integers(1, 4),
    kernel_sizes=st.tuples(st.sampled_from([3, 5, 7]), st.sampled_from([3, 5, 7])),
    seed=st.integers(0, 99),
)
def test_any_shape_and_any_depth(
    kind, batch, height, width, n_colors, n_levels, n_layers, kernel_sizes, seed
):
    torch.manual_seed(seed)
    model = kind(
        n_colors=n_colors,
        n_levels=n_levels,
        n_layers=n_layers,
        n_channels=2 * n_colors,
        kernel_size=kernel_sizes[0],
        first_kernel_size=kernel_sizes[1],
    ).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    assert_same(model, (batch, n_colors, height, width))


@EACH
def test_each_of_the_logits_is_the_one_of_the_full_pass(kind, changes, build):
    """All of them, to 12 digits: a difference too small to change a draw would show here."""
    model = build(kind, **changes)
    levels = torch.randint(model.n_levels, (2, model.n_colors, 5, 4))
    options = conditions(model, levels.shape)
    cache = {GatedPixelCNN: GatedCache, PixelCNN: PixelCNNCache}[kind]
    with torch.inference_mode():
        wanted, source = model(levels, **options), cache(model, levels, **options)
        for row in range(5):
            source.begin_row(row)
            for column in range(4):
                for color in range(model.n_colors):
                    got = source.logits(column, color)
                    want = wanted[:, :, color, row, column]
                    torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-11)


# ------------------------------------------------------------------------------- known pixels


def masks(shape):
    """Where pixels are known: bool (B, C, H, W), several kinds."""
    everywhere = torch.ones(shape, dtype=torch.bool)
    rows, columns = torch.arange(shape[2]).view(-1, 1), torch.arange(shape[3])
    half = torch.arange(shape[0]).view(-1, 1, 1, 1) % 2 == 0
    return {
        "nothing": ~everywhere,
        "everything": everywhere,
        "the upper half": everywhere & (rows < shape[2] // 2),
        "the lower half": everywhere & (rows >= shape[2] // 2),
        "the left half": everywhere & (columns < shape[3] // 2),
        "every other row": everywhere & (rows % 2 == 1),
        "the last pixel": everywhere & (rows == shape[2] - 1) & (columns == shape[3] - 1),
        "all but one": everywhere & ~((rows == 2) & (columns == 1)),
        "pixels at random": torch.rand(shape) < 0.5,
        "whole images of the batch": everywhere & half,
        "one colour": everywhere & (torch.arange(shape[1]).view(-1, 1, 1) == 0),
    }


@BOTH
@pytest.mark.parametrize("n_colors", [1, 3])
@pytest.mark.parametrize("where", masks((1, 1, 2, 2)))
def test_completions_are_the_same(kind, n_colors, where, build):
    model, shape = build(kind, n_colors=n_colors, n_levels=4), (4, n_colors, 5, 6)
    mask = masks(shape)[where]
    known = torch.randint(4, shape).masked_fill(~mask, -1)
    naive, cached = both(model, shape, known=known)
    assert torch.equal(naive, cached)
    assert torch.equal(cached[mask], known[mask])


# ------------------------------------------------------------------ stale caches are noticed


def forget_the_newest_row(monkeypatch):
    """What lies above is one row too old: the row that was finished is not handed on."""
    push, late = RowsAbove.push, {}

    def push_late(self, row):
        push(self, late.get(self, torch.zeros_like(row)))
        late[self] = row.clone()

    monkeypatch.setattr(RowsAbove, "push", push_late)


def keep_the_first_rows(monkeypatch):
    """The cache is filled at the first rows, and never again."""
    push, times = RowsAbove.push, {}

    def push_once(self, row):
        times[self] = times.get(self, 0) + 1
        if times[self] <= 2:
            push(self, row)

    monkeypatch.setattr(RowsAbove, "push", push_once)


def turn_the_rows_round(monkeypatch):
    """The newest row is kept where the oldest belongs."""

    def push(self, row):
        self.rows[1:] = self.rows[:-1].clone()
        inner = self.rows[:1, -self.newest.shape[1] - (self.rows.shape[1] - len(row)) // 2 :]
        inner[:, : len(row)].copy_(row)

    monkeypatch.setattr(RowsAbove, "push", push)


def skip_the_last_pixel_of_a_row(monkeypatch):
    """The last pixel of a row is drawn and never told to the row below."""
    push = RowsAbove.push

    def push_without(self, row):
        row = row.clone()
        row[-1] = 0
        push(self, row)

    monkeypatch.setattr(RowsAbove, "push", push_without)


@BOTH
@pytest.mark.parametrize(
    "mistake",
    [
        forget_the_newest_row,
        keep_the_first_rows,
        turn_the_rows_round,
        skip_the_last_pixel_of_a_row,
    ],
)
def test_a_stale_cache_draws_another_image(kind, mistake, build, monkeypatch):
    model = build(kind, n_levels=4, kernel_size=5)
    assert_same(model, (4, 1, 6, 5))
    mistake(monkeypatch)
    naive, cached = both(model, (4, 1, 6, 5))
    assert not torch.equal(naive, cached)


def test_a_pixel_that_is_not_written_into_its_row_is_noticed(build, monkeypatch):
    model = build(GatedPixelCNN, n_levels=4)
    step = HorizontalCache.step

    def into_nothing(self, x, link, out):
        step(self, x, link, torch.empty_like(out) if x == 2 else out)

    monkeypatch.setattr(HorizontalCache, "step", into_nothing)
    naive, cached = both(model, (4, 1, 5, 6))
    assert not torch.equal(naive, cached)


# ------------------------------------------------------------------------- how much is asked


@pytest.fixture
def count(monkeypatch):
    """A function that counts the calls of a method from now on."""

    def counted(kind, name):
        original, calls = getattr(kind, name), []

        def method(self, *args, **kwargs):
            calls.append(args)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(kind, name, method)
        return calls

    return counted


def test_gated_the_vertical_stack_runs_once_a_row_and_the_horizontal_once_a_pixel(build, count):
    model = build(GatedPixelCNN, n_layers=3)
    passes = count(GatedPixelCNN, "logits_from")
    rows, steps = count(VerticalCache, "next_row"), count(HorizontalCache, "step")
    sample(model, (2, 1, 5, 7), method="cached")
    assert (len(passes), len(rows), len(steps)) == (0, 3 * 5, 3 * 5 * 7)


def test_plain_the_rows_above_are_summed_once_a_row_and_each_kernel_steps_once(build, count):
    model = build(PixelCNN, n_layers=3)
    passes = count(PixelCNN, "logits_from")
    rows, steps = count(ConvCache, "begin_row"), count(ConvCache, "step")
    sample(model, (2, 1, 5, 7), method="cached")
    assert (len(passes), len(rows), len(steps)) == (0, 4 * 5, 4 * 5 * 7)


@pytest.mark.parametrize(("kind", "steps"), [(GatedPixelCNN, 3 + 7), (PixelCNN, 4 * 7 + 7)])
def test_known_pixels_are_walked_through_only_where_somebody_reads_their_features(
    kind, steps, build, count
):
    """Unknown: (1, 2) and (4, 6) of 5x7. The gated cache skips whole rows and the ends of rows."""
    known = torch.zeros(1, 1, 5, 7, dtype=torch.long)
    known[0, 0, 1, 2] = known[0, 0, 4, 6] = -1
    asked = count({GatedPixelCNN: GatedCache, PixelCNN: PixelCNNCache}[kind], "logits")
    sample(build(kind), (1, 1, 5, 7), known=known, method="cached")
    assert len(asked) == steps


@pytest.mark.parametrize("kind", [GatedCache, PixelCNNCache])
def test_an_image_known_everywhere_asks_for_no_logits(kind, build, count):
    model = build(GatedPixelCNN if kind is GatedCache else PixelCNN)
    known, asked = torch.randint(2, (2, 1, 4, 5)), count(kind, "logits")
    assert torch.equal(sample(model, known.shape, known=known, method="cached"), known)
    assert asked == []


# --------------------------------------------------------------------------------- the pieces


def test_rows_above_give_a_convolution_over_the_rows_that_were_pushed():
    kernel, bias = torch.randn(4, 3, 2, 5).double(), torch.randn(4).double()
    rows, above = torch.randn(6, 7, 2, 3).double(), RowsAbove((2, 7, 3), 2, 2, kernel)
    image = torch.nn.functional.pad(rows.permute(2, 3, 0, 1), (2, 2, 1, 0))
    wanted = torch.nn.functional.conv2d(image, kernel, bias)
    for i, row in enumerate(rows):
        above.push(row)
        got = above.read(as_matrix(kernel), bias)
        torch.testing.assert_close(got, wanted[:, :, i].permute(2, 0, 1))


@pytest.mark.parametrize("with_center", [False, True])
def test_the_slices_of_an_own_row_are_what_a_kernel_reads(with_center):
    """Width 3, reach 2, one channel, features 1 2 3, zeros to the left."""
    own = OwnRow((1, 3, 1), 2, 2 + with_center, torch.zeros(1))
    for x, slot in enumerate(own.slots):
        slot.fill_(x + 1)
    wanted = [[0, 0, 1], [0, 1, 2], [1, 2, 3]] if with_center else [[0, 0], [0, 1], [1, 2]]
    assert [piece[0].tolist() for piece in own.slices] == wanted
    assert own.row.flatten().tolist() == [1, 2, 3]


def test_a_convolution_taken_apart_is_the_masked_convolution():
    conv = MaskedConv2d(3, 6, (5, 3), mask_type="B", n_colors=3).double()
    x, cache = torch.randn(2, 3, 4, 5).double(), ConvCache(conv, 2, 5)
    with torch.inference_mode():
        wanted = conv(x)
        for row in range(4):
            cache.begin_row()
            for column in range(5):
                cache.own.slots[column].copy_(x[:, :, row, column])
                got = cache.step(column)
                torch.testing.assert_close(got, wanted[:, :, row, column])
            cache.end_row()


# --------------------------------------------------------------------------------- complaints


@BOTH
@pytest.mark.parametrize("method", ["naive", "cached", "row-cropped"])
def test_weights_that_are_no_numbers_are_refused(kind, method, build):
    model = build(kind)
    with torch.no_grad():
        model.head[3].bias[0] = math.nan
    with pytest.raises(ValueError, match="the logits hold NaN: the model they come from is broken"):
        sample(model, (1, 1, 3, 4), method=method)


@pytest.mark.parametrize("method", ["naive", "cached", "row-cropped"])
@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"n_classes": 3}, {}, "built with n_classes=3: give it label="),
        ({"n_classes": 3}, {"label": torch.tensor([3, 0])}, "label"),
        ({"n_classes": 3}, {"label": torch.tensor([1])}, "label must have shape"),
        ({}, {"label": torch.tensor([0, 1])}, "label was given"),
        ({"context_channels": 2}, {}, "built with context_channels=2"),
        ({"context_channels": 2}, {"context": torch.zeros(2, 2, 9, 4)}, "context must have shape"),
        ({"context_channels": 2}, {"context": torch.zeros(2, 1, 3, 4)}, "context must have shape"),
    ],
)
def test_conditions_that_do_not_fit_are_refused_by_every_method(
    method, changes, options, message, build, own_messages
):
    model = build(GatedPixelCNN, **changes).float()
    with pytest.raises(ValueError, match=message):
        sample(model, (2, 1, 3, 4), method=method, **options)


def test_a_model_without_a_cache_is_sampled_naively_or_told_so(randomized):
    class Other(GatedPixelCNN):
        """A subclass may compute anything."""

    model, noise = randomized(Other(n_channels=2, n_layers=1)), torch.rand(1, 1, 2, 3)
    drawn = sample(model, (1, 1, 2, 3), uniforms=noise, method=None)
    assert torch.equal(drawn, sample(model, (1, 1, 2, 3), uniforms=noise, method="naive"))
    with pytest.raises(ValueError, match="no cached sampler for Other, only for GatedPixelCNN"):
        sample(model, (1, 1, 2, 3), method="cached")


# -------------------------------------------------------------------------------- row-cropped


@EACH
def test_row_cropped_and_naive_draw_the_same_image(kind, changes, build):
    model = build(kind, **changes)
    shape = (2, model.n_colors, 4, 5)
    options = {**conditions(model, shape), "uniforms": torch.rand(shape)}
    if getattr(model, "coordinates", False):
        with pytest.raises(ValueError, match="cannot be cropped: use method='cached'"):
            sample(model, shape, method="row-cropped", **options)
        return
    known = torch.randint(-1, model.n_levels, shape)
    for kept in (None, known):
        naive, cropped = (
            sample(model, shape, known=kept, method=method, **options)
            for method in ("naive", "row-cropped")
        )
        assert torch.equal(naive, cropped)


def test_row_cropped_runs_the_model_on_the_rows_so_far(build, count):
    passes = count(GatedPixelCNN, "logits_from")
    sample(build(GatedPixelCNN), (1, 1, 3, 2), method="row-cropped")
    assert [features.shape[2] for (features,) in passes] == [1, 1, 2, 2, 3, 3]
