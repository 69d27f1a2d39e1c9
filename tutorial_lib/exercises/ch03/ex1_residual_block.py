"""Exercise 3.1: the residual block of a PixelCNN."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import agree, first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import MaskedConv2d, causal_mask

IN_PLACE = (
    "A ReLU worked in place (`relu_`, `inplace=True`), and what is added at the end is no longer "
    "the x that came in. Use `F.relu(x)`."
)


Layer = tuple[Tensor, Tensor]  # weight and bias of a convolution


def reference(x: Tensor, shrink: Layer, kernel: Layer, widen: Layer) -> Tensor:
    """x plus three convolutions, each with a ReLU before it: (B, 2h, H, W) -> (B, 2h, H, W).

    The sum is the last step, so that a row of blocks passes x on untouched.
    """
    weight, bias = kernel
    mask = causal_mask(tuple(weight.shape[-2:]), include_center=True).to(weight)
    h = F.conv2d(F.relu(x), *shrink)
    h = F.conv2d(F.relu(h), weight * mask, bias, padding="same")
    return x + F.conv2d(F.relu(h), *widen)


residual_block = Exercise(
    "3.1",
    "A residual block",
    goal="Write the block that a PixelCNN repeats: what comes in, plus what is made of it.",
    minutes=10,
    reference=reference,
    when_changed={"x": IN_PLACE},
    stub='''\
def residual_block(x: torch.Tensor, shrink: tuple, kernel: tuple, widen: tuple) -> torch.Tensor:
    """x plus what three convolutions, each with a ReLU before it, make of it.

    x        (B, 2h, H, W) features from a layer below; stays as it is
    shrink   (weight, bias) of the first convolution: (h, 2h, 1, 1) and (h,)
    kernel   of the second: (h, h, kh, kw), not masked yet (type B), and (h,); zeros outside
    widen    of the third: (2h, h, 1, 1) and (2h,)
    returns  (B, 2h, H, W)

    By hand: a single pixel, h = 1. x = [2, -1]. shrink has the weights [1, 1] and the bias 1,
             kernel 3 in its centre, widen [1, -1], their biases are 0. ReLU gives [2, 0], then
             3, 9, [9, -9], and with x added [11, -10]
    """
    ____
''',
    answer="""\
def residual_block(x, shrink, kernel, widen):
    weight, bias = kernel
    mask = causal_mask(tuple(weight.shape[-2:]), include_center=True)  # type B
    h = F.conv2d(F.relu(x), *shrink)
    h = F.conv2d(F.relu(h), weight * mask, bias, padding="same")
    h = F.conv2d(F.relu(h), *widen)
    return x + h  # x as it came in
""",
    hints=(
        """Each ReLU stands *before* its convolution. What comes out of the third convolution is
        added to x as it came in, and nothing is done to the sum.""",
        """`F.relu(x)` makes a new tensor. `F.conv2d(h, *shrink)` hands on weight and bias, and
        needs no padding for 1x1 weights; `padding="same"` keeps the size for the others. The mask
        of a weight is `causal_mask(tuple(weight.shape[-2:]), include_center=True)`.""",
        """If all weights and biases are 0, the block must hand x through, negative values too. If
        some negative values come out as 0, there is a ReLU on the way of x to the sum.""",
    ),
)

CUT_OFF = "The x that is added is cut off from the gradient: a sum must let it through unchanged."


def _trial(
    rng: torch.Generator, half: int, kernel: tuple[int, int], size: tuple[int, int]
) -> Trial:
    """Two images of `size`; weights large enough that every step shows in the result."""
    shapes = (half, 2 * half, 1, 1), (half, half, *kernel), (2 * half, half, 1, 1)
    layers = [tuple(torch.randn(s, generator=rng) for s in (shape, shape[:1])) for shape in shapes]
    return Trial((torch.randn((2, 2 * half, *size), generator=rng), *layers))


@residual_block.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    x, shrink, kernel, _ = trial.args
    b, channel, row, column = first_difference(got, want)
    place = f"image {b}, channel {channel}, pixel ({row}, {column})"
    sides = "x".join(map(str, kernel[0].shape[-2:]))
    return (
        f"h = {len(shrink[0])}, {sides} kernel, {place}: "
        f"x is {number(x[b, channel, row, column])}. "
        f"{number(want[b, channel, row, column])} expected, "
        f"got {number(got[b, channel, row, column])}."
    )


def gradient_of_x(function: Callable, x: Tensor, *layers: Layer) -> Tensor | None:
    """The gradient of a mix of all outputs with respect to x; None where it is cut off."""
    x = x.requires_grad_()
    out = function(x, *layers)
    tensor_result(out, tuple(x.shape))
    if not out.requires_grad:
        return None
    mixed = (out * torch.linspace(1, 2, out.numel()).view_as(out)).sum()
    return torch.autograd.grad(mixed, x, allow_unused=True)[0]


@residual_block.trials("with all weights and biases 0, what goes in comes out")
def check_idle(rng):
    x, *layers = _trial(rng, 3, (3, 3), (4, 4)).args
    idle = Trial((x, *(tuple(map(torch.zeros_like, layer)) for layer in layers)))
    return [idle], [_trial(rng, 3, (3, 3), (4, 4))]


residual_block.trials("random weights, 3x3 and 5x5 kernels", points=2)(
    lambda rng: [_trial(rng, 3, (3, 3), (4, 4)), _trial(rng, 2, (5, 5), (6, 6))]
)
residual_block.trials("images and kernels that are not square")(
    lambda rng: [_trial(rng, 2, (3, 3), (4, 7)), _trial(rng, 1, (5, 3), (6, 5))]
)


@residual_block.judge("the gradient that reaches x")
def gradient(candidate, rng: torch.Generator) -> Failure | None:
    trial = _trial(rng, 2, (3, 3), (3, 4))
    got = candidate.measure(gradient_of_x, *trial.args)
    want = gradient_of_x(reference, *trial.args)
    if got is None:
        return Failure("No gradient reaches x at all.", f"{number(want.flatten()[0])} expected.")
    if agree(got, want):
        return None
    without = gradient_of_x(Mistakes.the_sum_cut_off, *trial.args)
    message = CUT_OFF if agree(got, without) else "x gets a wrong gradient."
    place = first_difference(got, want)
    told = f"{number(want[place])} expected, got {number(got[place])}"
    return Failure(message, f"The gradient at x{list(place)}: {told}.")


def _block(x, shrink, kernel, widen, *, skip=lambda x: x, mask=None, before=(1, 1, 1)):
    """The block with one thing done differently; `before` says which of the ReLUs are there."""
    weight, bias = kernel
    mask = causal_mask(tuple(weight.shape[-2:]), include_center=True) if mask is None else mask
    h = F.conv2d(F.relu(x) if before[0] else x, *shrink)
    h = F.conv2d(F.relu(h) if before[1] else h, weight * mask.to(weight), bias, padding="same")
    return skip(x) + F.conv2d(F.relu(h) if before[2] else h, *widen)


@residual_block.mistakes
class Mistakes:
    def nothing_is_added(x, shrink, kernel, widen):
        """The sum is missing: this is what the three convolutions make of x, without x itself."""
        return _block(x, shrink, kernel, widen, skip=torch.zeros_like)

    def the_residual_from_behind_the_ReLU(x, shrink, kernel, widen):
        """You add ReLU(x) in place of x: the negative features are lost on the way that should
        leave everything as it is."""
        return _block(x, shrink, kernel, widen, skip=F.relu)

    def a_ReLU_on_the_sum(x, shrink, kernel, widen):
        """There is a ReLU on the sum. Then no block can hand on a negative feature: the ReLUs
        belong before the convolutions."""
        return F.relu(_block(x, shrink, kernel, widen))

    def ReLUs_behind_the_convolutions(x, shrink, kernel, widen):
        """The ReLUs stand behind their convolutions. The last of them lets a block only ever add to
        a feature, never take away."""
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True)
        h = F.relu(F.conv2d(x, *shrink))
        h = F.relu(F.conv2d(h, kernel[0] * mask, kernel[1], padding="same"))
        return x + F.relu(F.conv2d(h, *widen))

    def no_first_ReLU(x, shrink, kernel, widen):
        """The ReLU before the first convolution is missing: shrink reads x as it is."""
        return _block(x, shrink, kernel, widen, before=(0, 1, 1))

    def no_inner_ReLUs(x, shrink, kernel, widen):
        """The ReLUs between the convolutions are missing: three linear steps in a row are one."""
        return _block(x, shrink, kernel, widen, before=(1, 0, 0))

    def no_second_ReLU(x, shrink, kernel, widen):
        """The ReLU before the second convolution is missing: the masked kernel reads what shrink
        made as it is."""
        return _block(x, shrink, kernel, widen, before=(1, 0, 1))

    def no_third_ReLU(x, shrink, kernel, widen):
        """The ReLU before the third convolution is missing: widen reads what the masked kernel made
        as it is."""
        return _block(x, shrink, kernel, widen, before=(1, 1, 0))

    def no_ReLU_at_all(x, shrink, kernel, widen):
        """There is no ReLU anywhere: the whole block is linear in x."""
        return _block(x, shrink, kernel, widen, before=(0, 0, 0))

    def type_A_in_a_block(x, shrink, kernel, widen):
        """The mask is of type A. Features hold nothing but the past, so a block may read the centre
        and has to: type B."""
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=False)
        return _block(x, shrink, kernel, widen, mask=mask)

    def unmasked(x, shrink, kernel, widen):
        """The kernel is not masked: pixels to the right and below leak into the features."""
        return _block(x, shrink, kernel, widen, mask=torch.ones(()))

    def mask_turned_round(x, shrink, kernel, widen):
        """The mask is turned round: it keeps what comes later and drops the past."""
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True).flip(0, 1)
        return _block(x, shrink, kernel, widen, mask=mask)

    def x_added_twice(x, shrink, kernel, widen):
        """x is added twice."""
        return x + _block(x, shrink, kernel, widen)

    def x_subtracted(x, shrink, kernel, widen):
        """What the convolutions make is subtracted from x, or x from it: the block is their sum."""
        return _block(x, shrink, kernel, widen, skip=torch.neg)

    def subtracted_from_x(x, shrink, kernel, widen):
        """The third convolution's result is subtracted from x: the block is their sum."""
        return 2 * x - _block(x, shrink, kernel, widen)

    def multiplied_with_x(x, shrink, kernel, widen):
        """x is multiplied with what is made of it: the block is their sum."""
        return x * _block(x, shrink, kernel, widen, skip=torch.zeros_like)

    def x_alone(x, shrink, kernel, widen):
        """x comes back unchanged: what the convolutions make of it is not added."""
        return x

    def ReLU_behind_the_last_too(x, shrink, kernel, widen):
        """There is a ReLU on the result of the third convolution as well: then a block can only add
        to a feature, never take away."""
        return x + F.relu(_block(x, shrink, kernel, widen, skip=torch.zeros_like))

    def mask_transposed(x, shrink, kernel, widen):
        """The mask is transposed: it reads columns to the left where it should read rows above."""
        mask = causal_mask(tuple(kernel[0].shape[-2:])[::-1], include_center=True).T
        return _block(x, shrink, kernel, widen, mask=mask)

    def mask_upside_down(x, shrink, kernel, widen):
        """The mask is upside down: it reads the rows below."""
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True).flip(0)
        return _block(x, shrink, kernel, widen, mask=mask)

    def mask_inverted(x, shrink, kernel, widen):
        """The mask is inverted: it keeps what comes later and drops the past."""
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True)
        return _block(x, shrink, kernel, widen, mask=1 - mask)

    def other_activation(x, shrink, kernel, widen):
        """An activation other than ReLU is used (this is tanh)."""
        h = F.conv2d(torch.tanh(x), *shrink)
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True)
        h = F.conv2d(torch.tanh(h), kernel[0] * mask, kernel[1], padding="same")
        return x + F.conv2d(torch.tanh(h), *widen)

    def leaky_ReLUs(x, shrink, kernel, widen):
        """The ReLUs are leaky: what is negative must become 0."""
        h = F.conv2d(F.leaky_relu(x), *shrink)
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True)
        h = F.conv2d(F.leaky_relu(h), kernel[0] * mask, kernel[1], padding="same")
        return x + F.conv2d(F.leaky_relu(h), *widen)

    def smooth_ReLUs(x, shrink, kernel, widen):
        """GELU is used in place of ReLU."""
        h = F.conv2d(F.gelu(x), *shrink)
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True)
        h = F.conv2d(F.gelu(h), kernel[0] * mask, kernel[1], padding="same")
        return x + F.conv2d(F.gelu(h), *widen)

    def masked_convolution_left_out(x, shrink, kernel, widen):
        """The second convolution is left out: shrink, then the masked kernel, then widen."""
        h = F.conv2d(F.relu(x), *shrink)
        return x + F.conv2d(F.relu(h), *widen)

    def kernel_only_centre(x, shrink, kernel, widen):
        """Of the kernel, only the centre is used: the pixels before count, too."""
        centre = torch.zeros_like(kernel[0][0, 0])
        centre[kernel[0].shape[-2] // 2, kernel[0].shape[-1] // 2] = 1
        return _block(x, shrink, kernel, widen, mask=centre)

    def no_biases(x, shrink, kernel, widen):
        """The biases are missing: each convolution has one, the second of its pair."""
        return _block(
            x, *((each[0], torch.zeros_like(each[1])) for each in (shrink, kernel, widen))
        )

    def no_bias_of_the_second(x, shrink, kernel, widen):
        """The second convolution has no bias: hand it on with the masked weight."""
        return _block(x, shrink, (kernel[0], torch.zeros_like(kernel[1])), widen)

    def first_image_for_all(x, shrink, kernel, widen):
        """Every image gets the result of the first one."""
        return _block(x[:1], shrink, kernel, widen).expand_as(x)

    def edges_repeated(x, shrink, kernel, widen):
        """Beyond the image stand copies of its edge. It has to be zeros."""
        mask = causal_mask(tuple(kernel[0].shape[-2:]), include_center=True)
        kh, kw = kernel[0].shape[-2:]
        h = F.relu(F.conv2d(F.relu(x), *shrink))
        h = F.pad(h, (kw // 2, kw // 2, kh // 2, kh // 2), mode="replicate")
        return x + F.conv2d(F.relu(F.conv2d(h, kernel[0] * mask, kernel[1])), *widen)

    @says(IN_PLACE)
    def in_place(x, shrink, kernel, widen):
        return x + _block(x.relu_(), shrink, kernel, widen, skip=torch.zeros_like)

    @says(CUT_OFF)
    def the_sum_cut_off(x, shrink, kernel, widen):
        return _block(x, shrink, kernel, widen, skip=torch.Tensor.detach)


@residual_block.right
def with_layers(x, shrink, kernel, widen):
    weight, bias = kernel
    look = MaskedConv2d(*weight.shape[1::-1], tuple(weight.shape[2:]), mask_type="B")
    narrow = torch.einsum("oi,bihw->bohw", shrink[0][..., 0, 0], x.clamp(min=0))
    narrow = torch.relu(narrow + shrink[1].view(-1, 1, 1))
    seen = torch.func.functional_call(look, {"weight": weight, "bias": bias}, narrow)
    wide = torch.einsum("oi,bihw->bohw", widen[0][..., 0, 0], seen.clamp(min=0))
    return wide + widen[1].view(-1, 1, 1) + x


@residual_block.right
def by_shifts(x, shrink, kernel, widen):
    height, width = x.shape[-2:]
    weight, bias = kernel
    up, left = weight.shape[-2] // 2, weight.shape[-1] // 2
    narrow = F.relu(F.conv2d(x.relu(), *shrink))
    padded = F.pad(narrow, (left, left, up, 0))
    seen = bias.view(-1, 1, 1)
    for i in range(up + 1):
        for j in range(left + 1 if i == up else weight.shape[-1]):
            window = padded[..., i : i + height, j : j + width]
            seen = seen + F.conv2d(window, weight[..., i : i + 1, j : j + 1])
    return F.conv2d(F.relu(seen), *widen).add(x)
