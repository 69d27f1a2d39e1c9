"""The sampler draws from the model: exactly, reproducibly, and around what is already known.

The toy models below have conditionals in quarters, so a grid of uniform numbers hits every image
exactly as often as its probability says: no statistics are needed to tell a right sampler.
"""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import enumerate_images, nll_nats
from tutorial_lib.sampling.ancestral import draw, sample

BELOW_1 = math.nextafter(1.0, 0.0)


class Quarters(nn.Module):
    """p(x_i = 1 | past) is (1 + the weighted sum of all earlier sub-pixels mod 3) / 4.

    Weights 1, 2, 4, ... make the conditional depend on where an earlier 1 stands, not only on how
    many there are. Order: raster, R, G, B within a pixel. A model of levels, not of floats.
    """

    n_levels, n_classes = 2, None

    def __init__(self, n_colors=1):
        super().__init__()
        self.n_colors, self.calls = n_colors, 0
        self.anchor = nn.Parameter(torch.zeros(1))

    def forward(self, levels):
        assert levels.dtype == torch.long
        assert not torch.is_grad_enabled()
        self.calls += 1
        flat = levels.permute(0, 2, 3, 1).flatten(1)
        weighted = flat * 2 ** torch.arange(flat.shape[1])
        before = weighted.cumsum(dim=1) - weighted
        one = (1 + before % 3).double() / 4
        _, colors, height, width = levels.shape
        one = one.unflatten(1, (height, width, colors)).permute(0, 3, 1, 2)
        return torch.stack([(1 - one).log(), one.log()], dim=1)


def every_grid_noise(height, width, n_colors=1):
    """All ways to give each sub-pixel one of the middles of four quarters."""
    n = height * width * n_colors
    middles = torch.tensor([1, 3, 5, 7], dtype=torch.float64) / 8
    noise = torch.tensor(list(itertools.product(middles.tolist(), repeat=n)), dtype=torch.float64)
    return noise.reshape(-1, height, width, n_colors).permute(0, 3, 1, 2)


def times_drawn(images, drawn):
    """How often each of the listed images occurs among the drawn ones."""
    return (drawn.flatten(1)[:, None] == images.flatten(1)[None]).all(dim=2).sum(dim=0)


def expected_times(model, images, n):
    with torch.no_grad():
        return n * torch.exp(-nll_nats(model(images), images))


# ------------------------------------------------------ exactly the model's distribution


@pytest.mark.parametrize(("height", "width", "n_colors"), [(2, 2, 1), (1, 4, 1), (1, 1, 3)])
def test_every_image_is_drawn_exactly_as_often_as_it_is_probable(height, width, n_colors):
    model, noise = Quarters(n_colors), every_grid_noise(height, width, n_colors)
    drawn = sample(model, tuple(noise.shape), uniforms=noise)
    images = enumerate_images(height, width, n_colors=n_colors)
    expected = expected_times(model, images, len(noise))
    assert times_drawn(images, drawn).tolist() == expected.round().long().tolist()
    torch.testing.assert_close(expected, expected.round())  # quarters to the fourth, exactly


def argmax_sampler(model, noise):
    levels = torch.zeros(noise.shape, dtype=torch.long)
    for row, column in itertools.product(range(noise.shape[2]), range(noise.shape[3])):
        logits = model(levels)[:, :, 0, row, column]
        levels[:, 0, row, column] = logits.argmax(dim=1)
    return levels


def one_pass_sampler(model, noise):
    return draw(model(torch.zeros(noise.shape, dtype=torch.long)), noise)


def column_by_column_sampler(model, noise):
    levels = torch.zeros(noise.shape, dtype=torch.long)
    for column, row in itertools.product(range(noise.shape[3]), range(noise.shape[2])):
        logits = model(levels)[:, :, 0, row, column]
        levels[:, 0, row, column] = draw(logits, noise[:, 0, row, column])
    return levels


@pytest.mark.parametrize("wrong", [argmax_sampler, one_pass_sampler, column_by_column_sampler])
def test_a_wrong_sampler_misses_the_counts(wrong):
    """The probe of the test above can fail: argmax, all pixels at once, columns before rows."""
    model, noise, images = Quarters(), every_grid_noise(2, 2), enumerate_images(2, 2)
    with torch.no_grad():
        counts = times_drawn(images, wrong(model, noise))
    assert counts.tolist() != expected_times(model, images, len(noise)).round().long().tolist()


def chi_square(counts, expected):
    return ((counts - expected) ** 2 / expected).sum().item()


def test_samples_of_a_gated_model_follow_its_enumerated_distribution(tiny_gated):
    """Chi-square with 15 degrees of freedom stays below 37.7 in 999 of 1,000 runs."""
    model, images, n = tiny_gated(scale=1.0), enumerate_images(2, 2), 4000
    drawn = sample(model, (n, 1, 2, 2), generator=torch.Generator().manual_seed(1))
    expected = expected_times(model, images, n)
    assert chi_square(times_drawn(images, drawn), expected) < 37.7
    uniform = torch.full_like(expected, n / 16)
    assert chi_square(times_drawn(images, drawn), uniform) > 100  # the test can tell


def test_labels_and_contexts_reach_the_model_image_by_image(tiny_gated):
    model = tiny_gated(n_classes=3, context_channels=1)
    label, context = torch.tensor([2, 0, 1]), torch.randn(3, 1, 3, 4).double()
    noise = torch.rand(3, 1, 3, 4)
    together = sample(model, (3, 1, 3, 4), label=label, context=context, uniforms=noise)
    for i in range(3):
        part = slice(i, i + 1)
        alone = sample(
            model, (1, 1, 3, 4), label=label[part], context=context[part], uniforms=noise[part]
        )
        assert torch.equal(together[part], alone)
    other = sample(model, (3, 1, 3, 4), label=label.roll(1), context=context, uniforms=noise)
    assert not torch.equal(together, other)


def test_a_drawn_image_is_made_of_the_draws_that_its_own_conditionals_give(tiny_gated):
    """Fed back into the model, with the same noise, every pixel of it is drawn again."""
    model = tiny_gated(n_levels=5, n_layers=4)
    noise = torch.rand(2, 1, 5, 7, dtype=torch.float64)
    drawn = sample(model, (2, 1, 5, 7), uniforms=noise)
    assert torch.equal(draw(model(drawn), noise), drawn)


# ------------------------------------------------------------------- one draw, by hand


@pytest.mark.parametrize(
    ("uniform", "level"),
    [(0.0, 0), (0.2499, 0), (0.25, 1), (0.7499, 1), (0.75, 2), (BELOW_1, 2)],
)
def test_a_level_is_drawn_where_the_uniform_number_falls_into_its_step(uniform, level):
    """Probabilities 1/4, 1/2, 1/4: steps at 0.25 and 0.75."""
    logits = torch.tensor([[1.0, 2.0, 1.0]], dtype=torch.float64).log()
    assert draw(logits, torch.tensor([uniform], dtype=torch.float64)).item() == level


@pytest.mark.parametrize(("temperature", "border"), [(1.0, 0.25), (0.5, 0.1), (2.0, 0.366025)])
def test_temperature_divides_the_logits(temperature, border):
    """Odds of 3 become 9 at temperature 1/2 and the square root of 3 at temperature 2."""
    logits = torch.tensor([[0.0, math.log(3)]], dtype=torch.float64)
    for uniform, level in [(border - 1e-4, 0), (border + 1e-4, 1)]:
        drawn = draw(logits, torch.tensor([uniform], dtype=torch.float64), temperature)
        assert drawn.item() == level


def test_near_temperature_0_only_the_most_likely_level_is_left():
    logits = torch.tensor([[0.0, 0.2, 0.1]]).expand(100, 3)
    assert (draw(logits, torch.linspace(0.001, 0.999, 100), 0.005) == 1).all()


def test_the_temperature_given_to_sample_reaches_every_pixel():
    """Quarters at temperature 1/100: 1 where p > 1/2, 0 where p < 1/2, whatever the noise."""
    noise = torch.tensor([0.3]).expand(1, 1, 1, 2)  # the first pixel is 1 with probability 1/4
    assert sample(Quarters(), (1, 1, 1, 2), uniforms=noise).flatten().tolist() == [0, 0]
    low = torch.full((1, 1, 1, 2), 0.8)
    assert sample(Quarters(), (1, 1, 1, 2), uniforms=low)[0, 0, 0, 0] == 1
    assert sample(Quarters(), (1, 1, 1, 2), uniforms=low, temperature=0.01)[0, 0, 0, 0] == 0


def test_the_draw_runs_over_levels_where_every_axis_is_equally_long():
    logits = torch.full((2, 2, 2, 2), 0.0)
    logits[:, 1] = 50.0  # level 1 is certain
    assert (draw(logits, torch.rand(2, 2, 2)) == 1).all()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("uniform", [0.0, 0.5, BELOW_1])
def test_a_level_of_probability_0_is_never_drawn(uniform, seed):
    """The numbers nearest to the ends, where a sum that rounds to less than 1 would show."""
    logits = torch.randn(64, 12, dtype=torch.float64)
    impossible = torch.rand(64, 12, generator=torch.Generator().manual_seed(seed)) < 0.4
    impossible[:, 0], impossible[:, -2:], impossible[:, 5] = True, True, False
    logits[impossible] = -math.inf
    drawn = draw(logits, torch.full((64,), uniform, dtype=torch.float64))
    assert not impossible.gather(1, drawn[:, None]).any()


def test_half_precision_logits_are_drawn_in_double_precision():
    """1,024 equally likely levels: half precision could not tell one step from the next."""
    logits = torch.zeros(1024, 1024, dtype=torch.bfloat16)
    middles = (torch.arange(1024, dtype=torch.float64) + 0.5) / 1024
    assert torch.equal(draw(logits, middles), torch.arange(1024))


# ------------------------------------------------------------------------- known pixels


def test_known_pixels_are_kept_and_the_others_are_drawn(tiny_gated):
    model = tiny_gated(n_levels=4)
    known = torch.randint(-1, 4, (8, 1, 5, 7))
    drawn = sample(model, (8, 1, 5, 7), known=known)
    assert torch.equal(drawn[known >= 0], known[known >= 0])
    assert (drawn >= 0).all() and (known < 0).any()


def test_known_pixels_steer_what_comes_after_them_and_nothing_before():
    noise = every_grid_noise(2, 2)
    free = sample(Quarters(), tuple(noise.shape), uniforms=noise)
    known = torch.full(noise.shape, -1)
    known[:, 0, 0, 1] = 1
    drawn = sample(Quarters(), tuple(noise.shape), known=known, uniforms=noise)
    assert torch.equal(drawn[:, 0, 0, 0], free[:, 0, 0, 0])
    # After the first pixel x and a known 1, p(next = 1) is (1 + (x + 2) mod 3) / 4.
    after = drawn[:, 0, 1, 0]
    for first, share in [(0, 3 / 4), (1, 1 / 4)]:
        assert after[drawn[:, 0, 0, 0] == first].double().mean() == share


def test_pixels_known_in_some_images_only_are_drawn_in_the_others():
    noise = torch.full((2, 1, 1, 2), 0.9)
    known = torch.tensor([[0, -1], [-1, -1]]).view(2, 1, 1, 2)
    drawn = sample(Quarters(), (2, 1, 1, 2), known=known, uniforms=noise)
    assert drawn[0, 0, 0, 0] == 0
    assert drawn[1, 0, 0, 0] == 1


def test_an_image_known_everywhere_comes_back_without_asking_the_model():
    model, known = Quarters(), torch.randint(2, (3, 1, 2, 2))
    assert torch.equal(sample(model, (3, 1, 2, 2), known=known), known)
    assert model.calls == 0


def test_what_was_given_as_known_is_not_written_to():
    known = torch.full((2, 1, 2, 2), -1)
    sample(Quarters(), (2, 1, 2, 2), known=known)
    assert (known == -1).all()


# --------------------------------------------------------------- noise, modes, gradients


def test_the_naive_sampler_asks_the_model_once_a_sub_pixel():
    model = Quarters(3)
    sample(model, (2, 3, 2, 3))
    assert model.calls == 3 * 2 * 3


def test_the_same_noise_draws_the_same_images_and_other_noise_draws_others(tiny_gated):
    model, shape = tiny_gated(n_levels=4), (4, 1, 5, 7)
    noise = torch.rand(shape)
    once = sample(model, shape, uniforms=noise)
    assert torch.equal(once, sample(model, shape, uniforms=noise))
    assert not torch.equal(once, sample(model, shape, uniforms=noise.flip(0)))


def test_the_same_seed_draws_the_same_images_and_another_draws_others(tiny_gated):
    model, shape = tiny_gated(n_levels=4), (4, 1, 5, 7)
    draws = [sample(model, shape, generator=torch.Generator().manual_seed(s)) for s in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_images_of_a_batch_are_drawn_independently(tiny_gated):
    drawn = sample(tiny_gated(n_levels=4), (16, 1, 5, 7))
    assert len(drawn.unique(dim=0)) == 16


@pytest.mark.parametrize("training", [True, False])
def test_the_model_draws_in_eval_mode_and_comes_back_in_its_own(training):
    class Watching(Quarters):
        modes = []

        def forward(self, levels):
            self.modes.append(self.training)
            return super().forward(levels)

    model = Watching().train(training)
    sample(model, (1, 1, 2, 2))
    assert set(model.modes) == {False}
    assert model.training is training


def test_the_mode_comes_back_even_if_the_model_fails():
    class Failing(Quarters):
        def forward(self, levels):
            raise ArithmeticError("no")

    model = Failing().train()
    with pytest.raises(ArithmeticError):
        sample(model, (1, 1, 2, 2))
    assert model.training


def test_nothing_remembers_gradients_and_the_images_can_be_trained_on(tiny_gated):
    """Quarters also checks, at each call, that gradients are off."""
    sample(Quarters(), (1, 1, 2, 2))
    model = tiny_gated(ordered=False)
    drawn = sample(model, (2, 1, 3, 4))
    assert drawn.dtype == torch.long and not drawn.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    nll_nats(model(drawn), drawn).sum().backward()
    assert model.symbols.weight.grad.any()


@pytest.mark.parametrize("progress", [True, False])
def test_a_progress_bar_is_shown_only_if_asked_for(progress, capsys):
    sample(Quarters(), (1, 1, 2, 2), progress=progress)
    assert ("sampling" in capsys.readouterr().err) is progress


# --------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shape": (2, 1, 2)}, ValueError, r"shape must hold 4 values, got \(2, 1, 2\)"),
        ({"shape": (2, 3, 2, 2)}, ValueError, "the model has 1 colours"),
        ({"shape": (0, 1, 2, 2)}, ValueError, "number of shape must be at least 1, got 0"),
        ({"shape": (1, 1, 2.0, 2)}, TypeError, "number of shape must be an integer, got 2.0"),
        ({"temperature": 0.0}, ValueError, "temperature must be a finite number above 0, got 0.0"),
        ({"method": "fast"}, ValueError, "method must be one of .*, got 'fast'"),
        ({"uniforms": torch.ones(1, 1, 2, 2)}, ValueError, r"uniforms must lie in \[0, 1\), got"),
        ({"uniforms": -torch.ones(1, 1, 2, 2)}, ValueError, r"uniforms must lie in \[0, 1\)"),
        ({"uniforms": torch.full((1, 1, 2, 2), math.nan)}, ValueError, "uniforms must lie in"),
        ({"uniforms": torch.zeros(1, 1, 1, 2)}, ValueError, "uniforms must have shape"),
        ({"known": torch.full((1, 1, 2, 2), 2)}, ValueError, r"known must lie in -1 .* 1, got"),
        ({"known": torch.full((1, 1, 2, 2), -2)}, ValueError, r"known must lie in -1"),
        ({"known": torch.zeros(1, 1, 2, 2)}, TypeError, "known must be a torch.long tensor"),
        ({"known": torch.zeros(1, 1, 1, 2).long()}, ValueError, "known must have shape"),
        (
            {"uniforms": torch.zeros(1, 1, 2, 2), "generator": torch.Generator()},
            ValueError,
            "either `generator` or `uniforms`, not both",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(own_messages, arguments, error, message):
    arguments = {"shape": (1, 1, 2, 2), **arguments}
    with pytest.raises(error, match=message):
        sample(Quarters(), **arguments)


def test_a_label_that_the_model_needs_is_asked_for_and_the_mode_still_comes_back():
    model = GatedPixelCNN(n_channels=2, n_layers=1, n_classes=3).train()
    with pytest.raises(ValueError, match="built with n_classes=3: give it label="):
        sample(model, (1, 1, 2, 2))
    assert model.training


def test_logits_that_are_no_numbers_are_refused_and_not_drawn_as_level_0(own_messages):
    with pytest.raises(ValueError, match="NaN"):
        draw(torch.tensor([[0.0, float("nan")]]), torch.tensor([0.3]))
