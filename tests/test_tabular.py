"""Tables of conditionals: exact where all of the past is read, limited where it is not."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from tutorial_lib.pixels.likelihood import enumerate_images
from tutorial_lib.pixels.tabular import (
    TabularModel,
    entropy_bits,
    fit_tables,
    image_frequencies,
    log_prob_nats,
    sample_pixels,
)
from tutorial_lib.sampling.ancestral import draw

# p(first is 1) = 1/4; after a 0 the second is 1 with 1/2, after a 1 with 1/8
HALVES = [torch.tensor(0.25), torch.tensor([0.5, 0.125])]


def random_tables(n_pixels, noise, context_size=None):
    most = n_pixels if context_size is None else context_size
    sizes = [min(i, most) for i in range(n_pixels)]
    return tuple(torch.rand((2,) * m, generator=noise, dtype=torch.float64) for m in sizes)


def some_images(n=200, height=2, width=3, seed=0):
    """Neighbours agree more often than not, so that a limited context loses something."""
    noise = torch.Generator().manual_seed(seed)
    field = torch.randn(n, 1, height, width, generator=noise)
    field[..., 1:] += field[..., :-1]
    return (field > 0.3).long()


def cost_bits(model, truth):
    """Mean cost of an image under `model`, in bits, where images come with probability `truth`."""
    seen = truth > 0
    return -(truth[seen] * model.all_probabilities()[seen].log2()).sum().item()


# ------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("pixels", "factors"),
    [
        ([0, 0], (3 / 4, 1 / 2)),
        ([0, 1], (3 / 4, 1 / 2)),
        ([1, 0], (1 / 4, 7 / 8)),
        ([1, 1], (1 / 4, 1 / 8)),
    ],
)
def test_the_log_probability_adds_one_factor_a_pixel(pixels, factors):
    told = log_prob_nats(HALVES, torch.tensor(pixels))
    assert told.shape == () and told.item() == pytest.approx(math.log(math.prod(factors)), rel=1e-6)


def test_counting_four_images_by_hand():
    images = torch.tensor([[0, 0], [0, 1], [0, 1], [1, 1]]).view(4, 1, 1, 2)
    first, second = fit_tables(images).p_one
    assert first.item() == 1 / 4
    assert second.tolist() == [2 / 3, 1.0]
    smooth = fit_tables(images, smoothing=1.0).p_one
    assert smooth[0].item() == 2 / 6 and smooth[1].tolist() == [3 / 5, 2 / 3]


def test_a_pixel_is_0_below_the_probability_of_a_0_and_1_from_there_on():
    uniforms = torch.tensor([[0.7, 0.4], [0.7, 0.6], [0.75, 0.8], [0.75, 0.9]])
    assert sample_pixels(HALVES, uniforms).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("probabilities", "bits"),
    [([0.5, 0.5], 1.0), ([1.0, 0.0], 0.0), ([0.25] * 4, 2.0), ([0.5, 0.25, 0.25, 0.0], 1.5)],
)
def test_entropies_known_by_heart(probabilities, bits):
    assert entropy_bits(torch.tensor(probabilities)).item() == pytest.approx(bits, abs=1e-6)


def test_entropy_of_several_distributions_at_once():
    told = entropy_bits(torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
    assert told.tolist() == [1.0, 0.0]


def test_frequencies_stand_in_counting_order():
    images = torch.tensor([[0, 1], [1, 0], [1, 0], [1, 1]]).view(4, 1, 1, 2)
    assert image_frequencies(images).tolist() == [0, 0.25, 0.5, 0.25]


# ---------------------------------------------------------------------------- the chain rule


@pytest.mark.parametrize("context_size", [0, 1, 2, None])
def test_the_probabilities_of_all_images_sum_to_1(context_size):
    noise = torch.Generator().manual_seed(0)
    model = TabularModel(random_tables(6, noise, context_size), (3, 0, 5, 1, 4, 2), 2, 3)
    assert model.all_probabilities().sum().item() == pytest.approx(1, abs=1e-12)


def test_a_table_that_sees_its_own_pixel_would_not_sum_to_1():
    """The twin of the test above: the sum can fail."""
    images = enumerate_images(2, 2).flatten(1)
    doubled = torch.cat([images, images], dim=1).double() * 0.8 + 0.1
    own = doubled[:, :4]
    cheating = torch.where(images == 1, own, 1 - own).prod(dim=1)
    assert cheating.sum().item() > 2


def test_on_2x2_images_the_order_of_the_pixels_does_not_matter_for_the_truth():
    images = some_images(height=2, width=2)
    truth = image_frequencies(images)
    for order in list(itertools.permutations(range(4)))[::5]:
        model = fit_tables(images, order=order)
        torch.testing.assert_close(model.all_probabilities(), truth)


def test_the_order_matters_for_a_model_with_a_limited_context():
    images = some_images(height=1, width=4)
    truth = image_frequencies(images)
    in_a_row = fit_tables(images, order=[0, 1, 2, 3], context_size=1)
    jumping = fit_tables(images, order=[0, 2, 1, 3], context_size=1)
    floor = entropy_bits(truth).item()
    assert floor < cost_bits(in_a_row, truth) < cost_bits(jumping, truth) < 4


def test_a_longer_context_never_costs_more_on_the_images_that_were_counted():
    images = some_images()
    truth = image_frequencies(images)
    costs = [cost_bits(fit_tables(images, context_size=m), truth) for m in range(6)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(entropy_bits(truth).item())


def test_no_model_pays_less_than_the_entropy():
    truth = image_frequencies(some_images(height=2, width=2))
    noise = torch.Generator().manual_seed(0)
    for _ in range(20):
        model = TabularModel(random_tables(4, noise), (0, 1, 2, 3), 2, 2)
        assert cost_bits(model, truth) > entropy_bits(truth).item()


def test_a_limited_context_reads_the_last_pixels_of_the_order_oldest_first():
    """Order 2, 0, 1 with a context of 2: the last table has axes for pixels 2 and 0, in turn."""
    images = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]).view(4, 1, 1, 3)
    table = fit_tables(images, order=[2, 0, 1], context_size=2).p_one[2]
    assert table[0, 1].item() == 0.5 and table[1, 0].item() == 0.0


def test_a_context_that_never_occurred_is_a_coin_without_smoothing():
    images = torch.zeros(3, 1, 1, 2, dtype=torch.long)
    assert fit_tables(images).p_one[1].tolist() == [0.0, 0.5]


def test_an_image_never_counted_is_impossible_unless_the_counts_are_smoothed():
    images = torch.zeros(3, 1, 1, 2, dtype=torch.long)
    other = torch.ones(1, 1, 1, 2, dtype=torch.long)
    assert fit_tables(images).log_prob_nats(other).item() == -math.inf
    assert fit_tables(images, smoothing=0.5).log_prob_nats(other).isfinite().all()


# --------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize("context_size", [1, None])
def test_samples_come_as_often_as_the_model_says(context_size):
    noise = torch.Generator().manual_seed(1)
    model = TabularModel(random_tables(4, noise, context_size), (2, 0, 3, 1), 2, 2)
    n = 40_000
    drawn = image_frequencies(model.sample(n, generator=noise))
    expected = model.all_probabilities()
    deviation = (drawn - expected) / (expected * (1 - expected) / n).sqrt()
    assert deviation.abs().max() < 4.5


def test_the_draw_follows_the_rule_of_the_samplers_of_the_library():
    """Level l where the uniform number falls into the l-th step of the cumulative distribution."""
    p = torch.rand(50, dtype=torch.float64)
    uniforms = torch.rand(50, dtype=torch.float64)
    logits = torch.stack([(1 - p).log(), p.log()], dim=1)
    drawn = torch.stack([sample_pixels([p[i]], uniforms[i : i + 1])[0] for i in range(50)])
    assert torch.equal(drawn, draw(logits, uniforms))


def test_an_impossible_pixel_is_never_drawn_even_at_the_ends_of_the_noise():
    certain = [torch.tensor(1.0), torch.tensor([0.0, 0.0])]
    uniforms = torch.tensor([[0.0, 0.0], [0.999999, 0.999999]])
    assert sample_pixels(certain, uniforms).tolist() == [[1, 0], [1, 0]]


def test_noise_belongs_to_a_place_in_the_image_not_to_a_step():
    tables = (torch.tensor(0.5), torch.tensor([0.5, 0.5]))
    noise = torch.tensor([0.1, 0.9]).view(1, 1, 1, 2)
    for order in ((0, 1), (1, 0)):
        drawn = TabularModel(tables, order, 1, 2).sample(1, uniforms=noise)
        assert drawn.flatten().tolist() == [0, 1]


def test_the_same_generator_draws_the_same_images():
    model = fit_tables(some_images())
    first, again = (model.sample(5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (5, 1, 2, 3)


# ------------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: log_prob_nats(HALVES, torch.tensor([0, 2])),
            ValueError,
            "0 .. 1, got values 0 .. 2",
        ),
        (
            lambda: log_prob_nats(HALVES, torch.tensor([0, 1, 1])),
            ValueError,
            r"shape \(\*batch, 2\), got \(3,\)",
        ),
        (lambda: log_prob_nats([], torch.tensor([0])), ValueError, "p_one must not be empty"),
        (lambda: log_prob_nats([torch.tensor(1.5)], torch.tensor([0])), ValueError, "1.5 .. 1.5"),
        (
            lambda: log_prob_nats([torch.rand(2)], torch.tensor([0])),
            ValueError,
            r"p_one\[0\] must have at most 0 axes, each of length 2, got shape \(2,\)",
        ),
        (
            lambda: sample_pixels(HALVES, torch.tensor([0.0, 1.0])),
            ValueError,
            r"\[0, 1\), got values 0 .. 1",
        ),
        (
            lambda: sample_pixels(HALVES, torch.tensor([0, 0])),
            TypeError,
            "uniforms must be a floating",
        ),
        (lambda: entropy_bits(torch.tensor([0.5, 0.6])), ValueError, "sums 1.1 .. 1.1"),
        (lambda: entropy_bits(torch.tensor([-0.5, 1.5])), ValueError, "values from -0.5"),
        (
            lambda: fit_tables(some_images(), order=[0, 0, 1, 2, 3, 4]),
            ValueError,
            r"each of 0 .. 5 once, got \[0, 0, 1, 2, 3, 4\]",
        ),
        (
            lambda: fit_tables(some_images(), smoothing=-1.0),
            ValueError,
            "smoothing must be at least 0, got -1",
        ),
        (lambda: fit_tables(some_images(), context_size=-1), ValueError, "at least 0, got -1"),
        (
            lambda: fit_tables(torch.zeros(1, 1, 5, 5, dtype=torch.long)),
            ValueError,
            r"2\*\*24 entries: too many to count",
        ),
        (lambda: TabularModel(tuple(HALVES), (0, 1, 2), 1, 3), ValueError, "3 pixels need as many"),
        (
            lambda: fit_tables(some_images()).sample(1, uniforms=torch.rand(1, 1, 3, 2)),
            ValueError,
            r"shape \(1, 1, 2, 3\), got \(1, 1, 3, 2\)",
        ),
        (
            lambda: fit_tables(some_images()).log_prob_nats(some_images(height=3)),
            ValueError,
            r"shape \(N, 1, 2, 3\), got",
        ),
    ],
)
def test_unusable_arguments_are_quoted(own_messages, call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_large_image_can_be_counted_with_a_limited_context():
    images = (torch.rand(20, 1, 8, 8) > 0.5).long()
    model = fit_tables(images, context_size=3, smoothing=1.0)
    assert model.log_prob_nats(images).isfinite().all()
    assert max(table.ndim for table in model.p_one) == 3
