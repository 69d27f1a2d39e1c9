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
    answer="""\
def masked_conv2d(x, weight, bias, mask):
    kernel = weight * mask  # a new tensor: the weights themselves stay as they are
    return F.conv2d(x, kernel, bias, padding="same")  # zeros outside
""",
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
DEAD = (
    "A weight that is 0 and not masked gets no gradient, so it can never learn. Let the mask alone "
    "decide, not whether the product is 0."
)
X_CUT = "No gradient reaches x: the layers below could not learn. Leave out the `.detach()`."
BIAS_CUT = "No gradient reaches the bias: leave out the `.detach()`."
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


def _uneven(rng: torch.Generator) -> list[Trial]:
    color = color_causal_mask(6, 3, (3, 5), n_colors=3, include_center=True)
    masks = [causal_mask((5, 3), include_center=False), color]
    return [_random_trial((5, 7), mask, rng) for mask in masks]


def gradients_of(function: Callable, x: Tensor, weight: Tensor, bias: Tensor, mask: Tensor):
    """Gradients of a mix of all outputs with respect to weight, bias and x; None where cut off."""
    x, weight, bias = x.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()
    out = function(x, weight, bias, mask)
    tensor_result(out, (len(x), len(weight), *x.shape[-2:]))
    if not out.requires_grad:
        return [None, None, None]
    mixed = (out * torch.linspace(1, 2, out.numel()).view_as(out)).sum()
    return list(torch.autograd.grad(mixed, (weight, bias, x), allow_unused=True))


@masked_conv2d.trials("3x3 and 5x5 kernels on images of their own size", points=2)
def square(rng):
    masks = [causal_mask(size, include_center=kind) for size, kind in ((3, False), (5, True))]
    masks.append((torch.rand(3, 3, generator=rng) < 0.5).float())
    masks[-1][0, 0], masks[-1][2, 1] = 0.0, 1.0
    trials = [_random_trial(tuple(mask.shape), mask, rng) for mask in masks]
    return trials, _uneven(rng)


@masked_conv2d.trials("kernels and images that are not square, and a mask for each channel")
def non_square(rng):
    return _uneven(rng), _uneven(rng)[1:]


@masked_conv2d.judge("which weights get a gradient", points=2)
def gradients(candidate, rng: torch.Generator) -> Failure | None:
    mask = causal_mask(3, include_center=False)
    trial = _random_trial((4, 5), mask, rng)
    trial.args[1][:, :, 0, 0] = 0.0  # weights that start at 0 have to learn, too
    weight_gradient, bias_gradient, x_gradient = candidate.measure(gradients_of, *trial.args)
    wanted, wanted_bias, wanted_x = gradients_of(reference, *trial.args)
    if weight_gradient is None:
        return Failure(CUT, f"weight[0, 0, 0, 1]: {number(wanted[0, 0, 0, 1])} expected, got none.")
    leaks = (weight_gradient * (1 - mask) != 0).nonzero().tolist()
    if leaks:
        told = f"{number(weight_gradient[tuple(leaks[0])])} at weight{leaks[0]}, which is masked"
        return Failure(LEAK, f"The gradient is {told}; it must be exactly 0.")
    if bias_gradient is None:
        return Failure(BIAS_CUT, f"{number(wanted_bias[0])} expected at bias[0], got none.")
    if x_gradient is None:
        return Failure(X_CUT, f"{number(wanted_x.flatten()[0])} expected at x[0, 0, 0, 0].")
    if not weight_gradient[:, :, 0, 0].any():
        return Failure(DEAD, f"weight[0, 0, 0, 0] is 0: {number(wanted[0, 0, 0, 0])} expected.")
    pairs = (weight_gradient, wanted), (bias_gradient, wanted_bias), (x_gradient, wanted_x)
    for name, (got, want) in zip(("weight", "bias", "x"), pairs, strict=True):
        if not agree(got, want):
            place = first_difference(got, want)
            told = f"{number(want[place])} expected, got {number(got[place])}"
            return Failure(f"The gradient of {name} is wrong.", f"{name}{list(place)}: {told}.")
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

    def edges_repeated(x, weight, bias, mask):
        """Beyond the image stand copies of its edge pixels. It has to be zeros."""
        kh, kw = weight.shape[-2:]
        padded = F.pad(x, (kw // 2, kw // 2, kh // 2, kh // 2), mode="replicate")
        return F.conv2d(padded, weight * mask, bias)

    def wrapped_round(x, weight, bias, mask):
        """Beyond the image stands its other side (circular padding). It has to be zeros."""
        kh, kw = weight.shape[-2:]
        padded = F.pad(x, (kw // 2, kw // 2, kh // 2, kh // 2), mode="circular")
        return F.conv2d(padded, weight * mask, bias)

    def mirrored_edges(x, weight, bias, mask):
        """Beyond the image stands its mirror image (reflect padding). It has to be zeros."""
        kh, kw = weight.shape[-2:]
        padded = F.pad(x, (kw // 2, kw // 2, kh // 2, kh // 2), mode="reflect")
        return F.conv2d(padded, weight * mask, bias)

    def padded_above_and_left(x, weight, bias, mask):
        """All the padding lies above and to the left, so the kernel is moved off its pixel. The
        mask sees to what is read: pad both sides alike."""
        kh, kw = weight.shape[-2:]
        return F.conv2d(F.pad(x, (kw - 1, 0, kh - 1, 0)), weight * mask, bias)

    def padding_1(x, weight, bias, mask):
        """The padding is written out as 1, which fits 3x3 kernels only. It follows from the kernel:
        half of each side, rounded down."""
        return F.conv2d(x, weight * mask, bias, padding=1)

    def padding_of_a_whole_kernel(x, weight, bias, mask):
        """The padding is a whole side of the kernel, so the image grows. It is half of each side,
        rounded down."""
        return F.conv2d(x, weight * mask, bias, padding=tuple(weight.shape[-2:]))

    def paddings_exchanged(x, weight, bias, mask):
        """The paddings of height and width are exchanged: kernel sides are (kh, kw), and `F.pad`
        takes the width first."""
        kh, kw = weight.shape[-2:]
        return F.conv2d(x, weight * mask, bias, padding=(kw // 2, kh // 2))

    @says(ONE_PADDING)
    def one_padding_of_the_width(x, weight, bias, mask):
        return F.conv2d(x, weight * mask, bias, padding=weight.shape[-1] // 2)

    def bias_twice(x, weight, bias, mask):
        """The bias is added twice."""
        out = F.conv2d(x, weight * mask, bias, padding="same")
        return out + bias[:, None, None]

    def bias_subtracted(x, weight, bias, mask):
        """The bias is subtracted. It is added to each output channel."""
        return F.conv2d(x, weight * mask, -bias, padding="same")

    def the_first_bias_for_all(x, weight, bias, mask):
        """Every output channel gets the first bias. There is one for each."""
        return F.conv2d(x, weight * mask, bias[:1].expand_as(bias).contiguous(), padding="same")

    def bias_masked(x, weight, bias, mask):
        """The bias is masked or scaled with the mask, too. Only the weights are masked."""
        return F.conv2d(x, weight * mask, bias * mask.mean(), padding="same")

    def bias_masked_by_the_centre(x, weight, bias, mask):
        """The bias is multiplied by the centre of the mask. Only the weights are masked."""
        centre = mask[..., mask.shape[-2] // 2, mask.shape[-1] // 2].flatten()[0]
        return F.conv2d(x, weight * mask, bias * centre, padding="same")

    def mask_inverted(x, weight, bias, mask):
        """The mask is used the wrong way round: the weights under a 1 are shut, those under a 0 are
        open."""
        return F.conv2d(x, weight * (1 - mask), bias, padding="same")

    def mask_added(x, weight, bias, mask):
        """The mask is added to the weights. It has to be multiplied, so that a weight under a 0 is
        0."""
        return F.conv2d(x, weight + mask, bias, padding="same")

    def mask_transposed(x, weight, bias, mask):
        """The mask is transposed: rows and columns of the kernel are exchanged."""
        return F.conv2d(x, weight * mask.transpose(-1, -2), bias, padding="same")

    def mask_instead_of_weights(x, weight, bias, mask):
        """The mask is used in place of the weights: this convolves with zeros and ones."""
        return F.conv2d(x, mask.expand_as(weight).to(weight), bias, padding="same")

    def kernel_turned(x, weight, bias, mask):
        """The masked kernel is turned round. conv2d slides the kernel without turning it, so it
        fits as it is."""
        return F.conv2d(x, (weight * mask).flip(-2, -1), bias, padding="same")

    def mask_upside_down(x, weight, bias, mask):
        """The mask is upside down."""
        return F.conv2d(x, weight * mask.flip(-2), bias, padding="same")

    def mask_mirrored(x, weight, bias, mask):
        """Left and right of the mask are exchanged."""
        return F.conv2d(x, weight * mask.flip(-1), bias, padding="same")

    def one_mask_for_all_channels(x, weight, bias, mask):
        """Every channel gets the mask of the first output and input channel. A mask (out, in, kh,
        kw) has one for each pair."""
        return F.conv2d(
            x, weight * (mask[:1, :1] if mask.ndim == 4 else mask), bias, padding="same"
        )

    def averaged_mask(x, weight, bias, mask):
        """The masks of the channels are averaged. A mask (out, in, kh, kw) has one for each
        pair."""
        return F.conv2d(
            x, weight * (mask.mean(dim=(0, 1)) if mask.ndim == 4 else mask), bias, padding="same"
        )

    def normalised(x, weight, bias, mask):
        """The kernel is divided by the number of open taps. Asked is the plain sum."""
        return F.conv2d(x, weight * mask / mask.sum().clamp(min=1), bias, padding="same")

    def minus_infinity(x, weight, bias, mask):
        """Masked weights are set to -inf, as for a softmax. In a convolution a weight that takes no
        part is 0."""
        return F.conv2d(x, weight.masked_fill(mask == 0, -float("inf")), bias, padding="same")

    def a_small_number(x, weight, bias, mask):
        """Masked weights are set to a small number. They have to be exactly 0."""
        return F.conv2d(x, weight.masked_fill(mask == 0, 1e-3), bias, padding="same")

    def relu_behind(x, weight, bias, mask):
        """There is a ReLU on the result: asked is the convolution alone."""
        return F.relu(F.conv2d(x, weight * mask, bias, padding="same"))

    def image_masked_as_well(x, weight, bias, mask):
        """The image is masked as well as the kernel. The mask belongs to the kernel alone."""
        return F.conv2d(x * mask, weight * mask, bias, padding="same")

    def absolute_weights(x, weight, bias, mask):
        """The absolute values of the weights are used: the mask must not change signs."""
        return F.conv2d(x, weight.abs() * mask, bias, padding="same")

    def dilated(x, weight, bias, mask):
        """The kernel is spread out (dilation): its taps lie on neighbouring pixels."""
        return F.conv2d(x, weight * mask, bias, padding="same", dilation=2)

    def first_image_for_all(x, weight, bias, mask):
        """Every image gets the result of the first one."""
        out = F.conv2d(x[:1], weight * mask, bias, padding="same")
        return out.expand(len(x), -1, -1, -1)

    def channels_added(x, weight, bias, mask):
        """The output channels are added up: there is one result for each."""
        return F.conv2d(x, weight * mask, bias, padding="same").sum(dim=1, keepdim=True)

    def strided(x, weight, bias, mask):
        """The kernel skips pixels (stride 2): there is a result for every pixel."""
        kh, kw = weight.shape[-2:]
        return F.conv2d(x, weight * mask, bias, padding=(kh // 2, kw // 2), stride=2)

    @says(DEAD)
    def by_what_is_not_0(x, weight, bias, mask):
        kernel = torch.where(weight * mask != 0, weight, 0.0)
        return F.conv2d(x, kernel, bias, padding="same")

    @says(X_CUT)
    def x_cut_off(x, weight, bias, mask):
        return F.conv2d(x.detach(), weight * mask, bias, padding="same")

    @says(BIAS_CUT)
    def bias_cut_off(x, weight, bias, mask):
        return F.conv2d(x, weight * mask, bias.detach(), padding="same")

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
