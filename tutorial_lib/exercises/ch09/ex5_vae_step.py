"""Exercise 9.5: from a batch of images to the two costs of a VAE."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.codes.bounds import gaussian_kl
from tutorial_lib.codes.gaussian_posterior import reparameterize
from tutorial_lib.exercises.comparing import agree, first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import nll_nats


def reference(
    encoder: Callable, decoder: Callable, levels: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """-log p(x|z) at one draw of z from q(z|x), and KL(q(z|x) || p(z)): two (B,), nats an image."""
    mean, log_variance = encoder(levels).chunk(2, dim=1)
    logits = decoder(reparameterize(mean, log_variance, noise))
    return nll_nats(logits, levels), gaussian_kl(mean, log_variance)


vae_step = Exercise(
    "9.5",
    "One step of a VAE",
    goal="Go from a batch of images through encoder, noise and decoder to the two costs.",
    minutes=15,
    reference=reference,
    otherwise="These are not the two costs of the VAE.",
    advice="Two tensors of shape (B,), the decoder term and the KL: one number an image in each.",
    parts="(decoder term, KL)",
    stub='''\
def vae_step(
    encoder: nn.Module, decoder: nn.Module, levels: torch.Tensor, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of training a Gaussian VAE, up to its two costs: encode, draw one code, decode.

    encoder  encoder(levels) is (B, 2 * D): first the D means, then the D log-variances of q(z|x)
    decoder  decoder(code) of a code (B, D) is the logits (B, L, C, H, W): dimension 1 the levels
    levels   (B, C, H, W) torch.long, the images
    noise    (B, D), drawn from N(0, 1) by the caller
    returns  -log p(x|z) at the drawn code, and KL(q(z|x) || p(z)): each (B,), nats per image. Their
             mean over the batch will be minimised, so gradients must reach encoder and decoder

    By hand: one pixel of level 1. The encoder says [1, 0] and the noise is 0.5: z = 1.5. A decoder
             with the logits [0, z] gives -log(e^1.5 / (1 + e^1.5)) = 0.201, and the KL is 0.5
    """
    ____
''',
    answer="""\
def vae_step(encoder, decoder, levels, noise):
    mean, log_variance = encoder(levels).chunk(2, dim=1)  # (B, D) each
    code = reparameterize(mean, log_variance, noise)  # exercise 9.3
    logits = decoder(code)  # (B, L, C, H, W)
    each_pixel = F.cross_entropy(logits, levels, reduction="none")  # (B, C, H, W)
    decoder_term = each_pixel.flatten(1).sum(dim=1)  # -log p(x|z): the pixels add up
    return decoder_term, gaussian_kl(mean, log_variance)  # exercise 9.2
""",
    hints=(
        """Follow the drawing from left to right: image, encoder, mean and spread, noise, code,
        decoder, and the two orange boxes. Every arrow is one line.""",
        """`.chunk(2, dim=1)` splits the encoder's output. `reparameterize` is exercise 9.3,
        `gaussian_kl` exercise 9.2. `F.cross_entropy(logits, levels, reduction="none")` takes the
        levels in dimension 1 of the logits and gives the cost of each sub-pixel.""",
        """With noise 0 the code is the mean. If the decoder term is right there and wrong
        elsewhere, the spread is not the standard deviation. If it is a fraction of what is
        expected, pixels were averaged.""",
    ),
)

NO_GRADIENT = {
    "encoder": "The decoder term sends no gradient to the encoder: the code is cut off from mean "
    "and log-variance (`.detach()`, `no_grad`, `.sample()`). The encoder would learn from the KL "
    "alone, which wants it to say nothing.",
    "decoder": "The decoder gets no gradient: it would never learn to draw.",
    "KL": "The KL sends no gradient to the encoder: codes could wander off without limit.",
}
WRONG_GRADIENT = "The costs are right, and a gradient is not: a part of the way is cut off."


class AsNumbers(nn.Module):
    """Levels as float64, all of an image in one row."""

    def forward(self, levels: Tensor) -> Tensor:
        return levels.double().flatten(1)


def draw_models(
    dim: int, shape: tuple[int, ...], n_levels: int, rng: torch.Generator
) -> tuple[nn.Module, nn.Module]:
    """An encoder and a decoder of one layer each, for images of this shape (C, H, W)."""
    n = math.prod(shape)
    encoder = nn.Sequential(AsNumbers(), nn.Linear(n, 2 * dim).double())
    inner = nn.Linear(dim, n_levels * n).double()
    decoder = nn.Sequential(inner, nn.Tanh(), nn.Unflatten(1, (n_levels, *shape)))
    with torch.no_grad():
        for layer, scale in ((encoder[1], 0.6), (inner, 1.0)):
            for weight in layer.parameters():
                drawn = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
                weight.copy_(scale * drawn)
        encoder[1].bias[dim:] -= 0.8  # spreads of all kinds, most of them below 1
    return encoder, decoder


def draw_trial(
    batch: int, dim: int, shape: tuple[int, ...], n_levels: int, rng: torch.Generator
) -> Trial:
    """Small models, images and noise."""
    models = draw_models(dim, shape, n_levels, rng)
    levels = torch.randint(n_levels, (batch, *shape), generator=rng)
    noise = torch.randn(batch, dim, generator=rng, dtype=torch.float64)
    return Trial((*models, levels, noise))


@vae_step.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    _, _, levels, noise = trial.args
    (place,) = first_difference(got, want)
    which, i = ("decoder term", "KL")[place // len(levels)], place % len(levels)
    return (
        f"{len(levels)} images of {levels[0].numel()} sub-pixels, codes of {noise.shape[1]} "
        f"numbers. The {which} of image {i} is {number(want[place])} nats. Your function says "
        f"{number(got[place])}."
    )


@vae_step.trials("one image, noise 0: the code is the mean")
def without_noise(rng):
    """What the spread does to the draw is not seen here."""
    encoder, decoder, levels, noise = draw_trial(1, 1, (1, 2, 2), 2, rng).args
    return [Trial((encoder, decoder, levels, 0 * noise))]


vae_step.trials("several images, each with its own noise", points=2)(
    lambda rng: [draw_trial(3, 2, (1, 2, 3), 2, rng), draw_trial(2, 3, (3, 1, 2), 4, rng)]
)
vae_step.also_try(
    lambda rng: [draw_trial(4, 2, (1, 3, 2), 3, rng), draw_trial(5, 3, (2, 2, 2), 2, rng)]
)


def gradients(function: Callable, encoder, decoder, levels, noise) -> list:
    """Of the decoder term for encoder and decoder, of the KL for the encoder; None: cut off."""
    decoder_term, kl = function(encoder, decoder, levels, noise)
    ways = ((decoder_term, encoder), (decoder_term, decoder), (kl, encoder))
    return [_gradient(cost, model) for cost, model in ways]


def _gradient(cost: Tensor, model: nn.Module) -> Tensor | None:
    if not cost.requires_grad:
        return None
    weights = list(model.parameters())
    found = torch.autograd.grad(cost.sum(), weights, retain_graph=True, allow_unused=True)
    if all(each is None for each in found):
        return None
    pairs = zip(found, weights, strict=True)
    return torch.cat([(torch.zeros_like(w) if g is None else g).flatten() for g, w in pairs])


@vae_step.judge("the gradients of encoder and decoder")
def gradients_arrive(candidate, rng: torch.Generator) -> Failure | None:
    trial = draw_trial(3, 2, (1, 2, 2), 2, rng)
    further = [draw_trial(4, 3, (1, 2, 3), 3, rng)]
    if failure := vae_step.compare(candidate, [trial], further):
        return failure
    got = candidate.measure(gradients, *trial.args)
    want = gradients(reference, *trial.args)
    for name, mine, right in zip(("encoder", "decoder", "KL"), got, want, strict=True):
        if mine is None or not mine.any():
            size = number(right.norm())
            return Failure(NO_GRADIENT[name], f"The gradient's length is 0 instead of {size}.")
        if not agree(mine, right):
            told = f"Its length is {number(mine.norm())} instead of {number(right.norm())}."
            return Failure(WRONG_GRADIENT, told)
    return None


def _split(encoder, levels):
    return encoder(levels).chunk(2, dim=1)


def _pixels(decoder, code, levels):
    """-log p of each sub-pixel, (B, C * H * W)."""
    return F.cross_entropy(decoder(code), levels, reduction="none").flatten(1)


def _with_code(encoder, decoder, levels, code_of):
    """The step with another code: code_of(mean, log_variance)."""
    mean, log_variance = _split(encoder, levels)
    code = code_of(mean, log_variance)
    return _pixels(decoder, code, levels).sum(dim=1), gaussian_kl(mean, log_variance)


@vae_step.mistakes
class Mistakes:
    def exchanged(encoder, decoder, levels, noise):
        """The two costs are exchanged: the decoder term comes first, then the KL."""
        return reference(encoder, decoder, levels, noise)[::-1]

    def pixels_averaged(encoder, decoder, levels, noise):
        """The decoder term is averaged over the sub-pixels. An image is all of them: add them
        up."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term / levels[0].numel(), kl

    def batch_averaged(encoder, decoder, levels, noise):
        """The costs are averaged over the batch. Asked for is one number an image."""
        return tuple(each.mean() for each in reference(encoder, decoder, levels, noise))

    def everything_averaged(encoder, decoder, levels, noise):
        """`F.cross_entropy` averages over images and pixels unless it is told
        `reduction="none"`."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term.mean() / levels[0].numel(), kl

    def whole_batch(encoder, decoder, levels, noise):
        """The decoder term is added up over the whole batch. Every image has its own."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term.sum(), kl

    def every_pixel(encoder, decoder, levels, noise):
        """The decoder term is left as one number a sub-pixel. Add up those of an image."""
        mean, log_variance = _split(encoder, levels)
        code = reparameterize(mean, log_variance, noise)
        each = F.cross_entropy(decoder(code), levels, reduction="none")
        return each, gaussian_kl(mean, log_variance)

    def added(encoder, decoder, levels, noise):
        """The two costs are added up already. Return both, one after the other."""
        return sum(reference(encoder, decoder, levels, noise))

    def kl_in_both(encoder, decoder, levels, noise):
        """The first result holds the KL as well. It is the decoder term alone."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term + kl, kl

    def log_likelihood(encoder, decoder, levels, noise):
        """The first result is log p(x|z). Asked for is its cost, -log p(x|z), which is positive."""
        term, kl = reference(encoder, decoder, levels, noise)
        return -term, kl

    def minus_kl(encoder, decoder, levels, noise):
        """The KL has the wrong sign. Both results are costs; a KL is never below 0."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term, -kl

    def elbo_terms(encoder, decoder, levels, noise):
        """Both signs are turned round: these are the terms of the ELBO. Asked for are the two
        costs."""
        term, kl = reference(encoder, decoder, levels, noise)
        return -term, -kl

    def halves_exchanged(encoder, decoder, levels, noise):
        """The halves of the encoder's output are exchanged: the means come first."""
        log_variance, mean = _split(encoder, levels)
        code = reparameterize(mean, log_variance, noise)
        return _pixels(decoder, code, levels).sum(dim=1), gaussian_kl(mean, log_variance)

    def interleaved(encoder, decoder, levels, noise):
        """Mean and log-variance are taken in turns, `[:, ::2]` and `[:, 1::2]`. The first half
        holds all the means."""
        out = encoder(levels)
        mean, log_variance = out[:, ::2], out[:, 1::2]
        code = reparameterize(mean, log_variance, noise)
        return _pixels(decoder, code, levels).sum(dim=1), gaussian_kl(mean, log_variance)

    def variance_times_noise(encoder, decoder, levels, noise):
        """The noise is multiplied by the variance. It takes the standard deviation:
        exp(log_variance / 2)."""
        return _with_code(encoder, decoder, levels, lambda m, v: m + v.exp() * noise)

    def log_times_noise(encoder, decoder, levels, noise):
        """The noise is multiplied by the log-variance itself. Its standard deviation is
        exp(log_variance / 2)."""
        return _with_code(encoder, decoder, levels, lambda m, v: m + v * noise)

    def noise_alone(encoder, decoder, levels, noise):
        """The noise is added to the mean without being stretched by the standard deviation."""
        return _with_code(encoder, decoder, levels, lambda m, v: m + noise)

    def noise_of_the_log_as_deviation(encoder, decoder, levels, noise):
        """The noise is multiplied by half the log-variance. The exp is missing."""
        return _with_code(encoder, decoder, levels, lambda m, v: m + v / 2 * noise)

    def root_of_the_log(encoder, decoder, levels, noise):
        """The root is taken of the log-variance, which may be negative. First exp, then the root:
        exp(log_variance / 2)."""
        return _with_code(encoder, decoder, levels, lambda m, v: m + v.sqrt() * noise)

    def root_twice(encoder, decoder, levels, noise):
        """The root is taken twice: exp(log_variance / 2) is the standard deviation already."""
        return _with_code(encoder, decoder, levels, lambda m, v: m + (v / 4).exp() * noise)

    def noise_subtracted(encoder, decoder, levels, noise):
        """The noise is subtracted from the mean. The draw is mean *plus* deviation times noise."""
        return _with_code(encoder, decoder, levels, lambda m, v: m - (v / 2).exp() * noise)

    def only_the_mean(encoder, decoder, levels, noise):
        """The noise is not used: the mean is decoded, as in an autoencoder."""
        return _with_code(encoder, decoder, levels, lambda m, v: m)

    def from_the_prior(encoder, decoder, levels, noise):
        """The noise itself is decoded: a draw from the prior, which knows nothing of the image."""
        return _with_code(encoder, decoder, levels, lambda m, v: noise)

    def no_mean(encoder, decoder, levels, noise):
        """The mean is missing from the code: it is the stretched noise alone."""
        return _with_code(encoder, decoder, levels, lambda m, v: (v / 2).exp() * noise)

    def noise_of_the_first_image(encoder, decoder, levels, noise):
        """All images get the noise of the first one. Each has its own."""
        return _with_code(
            encoder, decoder, levels, lambda m, v: reparameterize(m, v, _first(noise))
        )

    def probabilities_as_logits(encoder, decoder, levels, noise):
        """A softmax stands before `F.cross_entropy`, which takes the logits as they are."""
        mean, log_variance = _split(encoder, levels)
        p = decoder(reparameterize(mean, log_variance, noise)).softmax(dim=1)
        each = F.cross_entropy(p, levels, reduction="none")
        return each.flatten(1).sum(dim=1), gaussian_kl(mean, log_variance)

    def squared_error(encoder, decoder, levels, noise):
        """The first result is a squared error. It has to be -log p(x|z): the cross-entropy of the
        levels."""
        mean, log_variance = _split(encoder, levels)
        p = decoder(reparameterize(mean, log_variance, noise)).softmax(dim=1)
        expected = (p * torch.arange(p.shape[1]).view(1, -1, 1, 1, 1)).sum(dim=1)
        error = (expected - levels).square().flatten(1).sum(dim=1)
        return error, gaussian_kl(mean, log_variance)

    def bits(encoder, decoder, levels, noise):
        """The unit is wrong: these are bits. Asked for are nats."""
        return tuple(each / math.log(2) for each in reference(encoder, decoder, levels, noise))

    def kl_axes_averaged(encoder, decoder, levels, noise):
        """The KL is averaged over the numbers of the code. They add up."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term, kl / noise.shape[1]

    def kl_per_pixel(encoder, decoder, levels, noise):
        """The KL is divided by the number of sub-pixels, though the decoder term is not. A code is
        paid for once an image, in full."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term, kl / levels[0].numel()

    def per_pixel(encoder, decoder, levels, noise):
        """Both costs are divided by the number of sub-pixels. Asked for are nats per image."""
        parts = reference(encoder, decoder, levels, noise)
        return tuple(each / levels[0].numel() for each in parts)

    def kl_of_one_draw(encoder, decoder, levels, noise):
        """The KL is estimated from the one draw, as log q(z) - log p(z). Its closed form needs no
        draw: exercise 9.2."""
        mean, log_variance = _split(encoder, levels)
        code = reparameterize(mean, log_variance, noise)
        log_ratio = 0.5 * (code.square() - noise.square() - log_variance).sum(dim=1)
        return _pixels(decoder, code, levels).sum(dim=1), log_ratio

    def kl_the_other_way(encoder, decoder, levels, noise):
        """This is KL(p || q), prior and posterior exchanged."""
        term, _ = reference(encoder, decoder, levels, noise)
        mean, v = _split(encoder, levels)
        return term, 0.5 * ((1 + mean.square()) / v.exp() - 1 + v).sum(dim=1)

    def kl_not_halved(encoder, decoder, levels, noise):
        """The KL is twice as large as it should be: the factor 1/2 is missing."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term, 2 * kl

    def kl_averaged_over_the_batch(encoder, decoder, levels, noise):
        """All images get the mean KL of the batch. Each has its own."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term, kl.mean().expand_as(kl)

    def no_kl(encoder, decoder, levels, noise):
        """The KL is 0 for every image. It is the cost of the code: exercise 9.2."""
        term, kl = reference(encoder, decoder, levels, noise)
        return term, 0 * kl

    def last_color_only(encoder, decoder, levels, noise):
        """Only the last colour of the image is counted. All sub-pixels add up: `.flatten(1)`."""
        mean, log_variance = _split(encoder, levels)
        logits = decoder(reparameterize(mean, log_variance, noise))
        each = F.cross_entropy(logits, levels, reduction="none")
        return each[:, -1].flatten(1).sum(dim=1), gaussian_kl(mean, log_variance)

    @says(NO_GRADIENT["encoder"])
    def code_cut_off(encoder, decoder, levels, noise):
        return _with_code(
            encoder, decoder, levels, lambda m, v: reparameterize(m, v, noise).detach()
        )

    @says(NO_GRADIENT["decoder"])
    def decoder_cut_off(encoder, decoder, levels, noise):
        for weight in decoder.parameters():
            weight.requires_grad_(False)
        try:
            return reference(encoder, decoder, levels, noise)
        finally:
            for weight in decoder.parameters():
                weight.requires_grad_()

    @says(NO_GRADIENT["KL"])
    def kl_cut_off(encoder, decoder, levels, noise):
        term, kl = reference(encoder, decoder, levels, noise)
        return term, kl.detach()


def _first(noise: Tensor) -> Tensor:
    return noise[:1].expand_as(noise)


@vae_step.right
def by_distributions(encoder, decoder, levels, noise):
    out = encoder(levels)
    mean, variance = out[:, : out.shape[1] // 2], out[:, out.shape[1] // 2 :].exp()
    q = torch.distributions.Normal(mean, variance.sqrt())
    p = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    log_p = decoder(mean + variance.sqrt() * noise).log_softmax(dim=1)
    picked = log_p.gather(1, levels[:, None])
    return -picked.flatten(1).sum(1), torch.distributions.kl_divergence(q, p).sum(1)


@vae_step.right
def image_by_image(encoder, decoder, levels, noise):
    terms, kls = [], []
    for level, own in zip(levels, noise, strict=True):
        mean, log_variance = encoder(level[None])[0].chunk(2)
        logits = decoder((mean + torch.exp(0.5 * log_variance) * own)[None])
        terms.append(F.cross_entropy(logits, level[None], reduction="sum"))
        kls.append(0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum())
    return torch.stack(terms), torch.stack(kls)
