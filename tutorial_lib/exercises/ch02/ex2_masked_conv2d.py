"""Exercise 2.2: a convolution with a mask on its kernel."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import agree, first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import causal_mask, color_causal_mask

IN_PLACE = (
    "The weights under the mask are lost for good, and still get gradients. Multiply on the way: "
    "`weight * mask`."
)


def reference(x: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    """Convolve with the masked kernel, zeros outside: (B, in, H, W) -> (B, out, H, W).

    The product is a new tensor, so the weights stay as they are, and a masked weight gets no
    gradient.
    """
    return F.conv2d(x, weight * mask, bias, padding="same")


masked_conv2d = Exercise(
    "2.2",
    "A masked convolution",
    goal="Convolve with a mask on the kernel, and leave the weights and their gradients in order.",
    minutes=10,
    reference=reference,
    when_changed={"weight": IN_PLACE},
    stub='''\
def masked_conv2d(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Convolve x with the masked kernel, with zeros outside the image.

    x        (B, in, H, W)
    weight   (out, in, kh, kw), with odd kh and kw; stays as it is
    bias     (out,)
    mask     zeros and ones, (kh, kw) or (out, in, kh, kw)
    returns  (B, out, H, W)

    By hand: x = [[1, 2, 4]], weight = [[1, 1, 1]], bias = [0] and mask = [[1, 0, 0]] give
             [[0, 1, 2]]: each place reads its left neighbour
    """
    ____
''',
    hints=(
        """The mask belongs to the kernel: a weight under a 0 must not take part. Neither the
        image nor the result is masked.""",
        """`torch.nn.functional.conv2d(x, kernel, bias, padding="same")` keeps the height and the
        width for every odd kernel. `weight * mask` is a new tensor, and a mask (kh, kw) is
        stretched over all channels.""",
        """If `weight` holds zeros after the call, it was changed in place. If masked weights get
        a gradient, the mask was applied where autograd does not look (`.data`, `no_grad`).""",
    ),
)

NO_PADDING = "There is no padding, so the image shrinks: zeros belong round it."
ONE_PADDING = "The padding of one side is used for both: height and width of the kernel differ."
LEAK = "A masked weight gets a gradient: the mask was applied where autograd does not look."
CUT = "No gradient reaches the weights: `.data`, `.detach()` or `no_grad` cuts them off."


def _random_trial(size: tuple[int, int], mask: Tensor, rng: torch.Generator) -> Trial:
    """Two images of `size`; three input and six output channels, unless the mask says otherwise."""
    out_channels, in_channels = mask.shape[:2] if mask.ndim == 4 else (4, 3)
    shapes = (2, in_channels, *size), (out_channels, in_channels, *mask.shape[-2:]), (out_channels,)
    x, weight, bias = (torch.randn(shape, generator=rng) for shape in shapes)
    return Trial((x, weight, bias, mask))


@masked_conv2d.advises
def advice(shape, trial):
    x, weight = trial.args[:2]
    unpadded = tuple(side - k + 1 for side, k in zip(x.shape[-2:], weight.shape[-2:], strict=True))
    if shape[-2:] == unpadded:
        return NO_PADDING
    return ONE_PADDING if weight.shape[-2] != weight.shape[-1] else ""


@masked_conv2d.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    x, weight, _, mask = trial.args
    place = first_difference(got, want)
    b, channel, row, column = place
    sizes = f"{x.shape[-2]}x{x.shape[-1]} image, {weight.shape[-2]}x{weight.shape[-1]} kernel"
    return (
        f"{sizes}, output channel {channel} at pixel ({row}, {column}) of image {b}: "
        f"{number(want[place])}, but your function says {number(got[place])}."
    )


def gradients_of(function: Callable, x: Tensor, weight: Tensor, bias: Tensor, mask: Tensor):
    """Gradients of a mix of all outputs with respect to weight and bias; None where cut off."""
    weight, bias = weight.requires_grad_(), bias.requires_grad_()
    out = function(x, weight, bias, mask)
    tensor_result(out, (len(x), len(weight), *x.shape[-2:]))
    if not out.requires_grad:
        return [None, None]
    mixed = (out * torch.linspace(1, 2, out.numel()).view_as(out)).sum()
    return list(torch.autograd.grad(mixed, (weight, bias), allow_unused=True))


@masked_conv2d.trials("3x3 and 5x5 kernels on images of their own size", points=2)
def square(rng):
    masks = [causal_mask(size, include_center=kind) for size, kind in ((3, False), (5, True))]
    return [_random_trial(tuple(mask.shape), mask, rng) for mask in masks]


@masked_conv2d.trials("kernels and images that are not square, and a mask for each channel")
def non_square(rng):
    color = color_causal_mask(6, 3, (3, 5), n_colors=3, include_center=True)
    masks = [causal_mask((5, 3), include_center=False), color]
    return [_random_trial((5, 7), mask, rng) for mask in masks]


@masked_conv2d.judge("which weights get a gradient", points=2)
def gradients(candidate, rng: torch.Generator) -> Failure | None:
    mask = causal_mask(3, include_center=False)
    trial = _random_trial((4, 5), mask, rng)
    weight_gradient, bias_gradient = candidate.measure(gradients_of, *trial.args)
    wanted, wanted_bias = gradients_of(reference, *trial.args)
    if weight_gradient is None:
        return Failure(CUT, f"weight[0, 0, 0, 0]: {number(wanted[0, 0, 0, 0])} expected, got none.")
    leaks = (weight_gradient * (1 - mask) != 0).nonzero().tolist()
    if leaks:
        told = f"{number(weight_gradient[tuple(leaks[0])])} at weight{leaks[0]}, which is masked"
        return Failure(LEAK, f"The gradient is {told}; it must be exactly 0.")
    if bias_gradient is None or not agree(bias_gradient, wanted_bias):
        return Failure("The bias gets a wrong gradient.", f"Expected {number(wanted_bias[0])}.")
    if not agree(weight_gradient, wanted):
        place = first_difference(weight_gradient, wanted)
        told = f"{number(wanted[place])} expected, got {number(weight_gradient[place])}"
        return Failure("A weight gets a wrong gradient.", f"weight{list(place)}: {told}.")
    return None


@masked_conv2d.mistakes
class Mistakes:
    def unmasked(x, weight, bias, mask):
        """The mask has no effect: this is the plain convolution."""
        return F.conv2d(x, weight, bias, padding="same")

    def mask_on_the_result(x, weight, bias, mask):
        """The result is masked, after the convolution. The mask belongs to the kernel."""
        return F.conv2d(x, weight, bias, padding="same") * mask

    def mask_on_the_image(x, weight, bias, mask):
        """The image is masked, before the convolution. The mask belongs to the kernel."""
        return F.conv2d(x * mask, weight, bias, padding="same")

    def flipped(x, weight, bias, mask):
        """The mask is turned round. conv2d slides the kernel without turning it, so the mask fits
        as it is."""
        return F.conv2d(x, weight * mask.flip(-2, -1), bias, padding="same")

    def no_bias(x, weight, bias, mask):
        """The bias is missing."""
        return F.conv2d(x, weight * mask, padding="same")

    @says(NO_PADDING)
    def no_padding(x, weight, bias, mask):
        return F.conv2d(x, weight * mask, bias)

    @says(ONE_PADDING)
    def one_padding(x, weight, bias, mask):
        return F.conv2d(x, weight * mask, bias, padding=weight.shape[-2] // 2)

    @says(IN_PLACE)
    def in_place(x, weight, bias, mask):
        weight.data *= mask
        return F.conv2d(x, weight, bias, padding="same")

    @says(LEAK)
    def behind_autograd(x, weight, bias, mask):
        kernel = weight.clone()
        kernel.data *= mask
        return F.conv2d(x, kernel, bias, padding="same")

    @says(CUT)
    def cut_off(x, weight, bias, mask):
        return F.conv2d(x, weight.detach() * mask, bias, padding="same")


@masked_conv2d.right
def tap_by_tap(x, weight, bias, mask):
    height, width = x.shape[-2:]
    kh, kw = weight.shape[-2:]
    kernel = torch.where(mask.expand_as(weight) > 0, weight, 0.0)
    padded = F.pad(x, (kw // 2, kw // 2, kh // 2, kh // 2))
    out = bias[:, None, None]
    for row in range(kh):
        for column in range(kw):
            window = padded[..., row : row + height, column : column + width]
            out = out + torch.einsum("oi,bihw->bohw", kernel[..., row, column], window)
    return out


@masked_conv2d.right
def by_unfolding(x, weight, bias, mask):
    kh, kw = weight.shape[-2:]
    columns = F.unfold(x, (kh, kw), padding=(kh // 2, kw // 2))
    out = (weight * mask).flatten(1) @ columns + bias[:, None]
    return out.unflatten(-1, x.shape[-2:])
