"""Exercise 11.2: what a field of codes costs under the uniform prior, in both units."""

import math

import torch
from torch import Tensor

from tutorial_lib.codes.bounds import latent_rate_nats
from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.likelihood import bits_per_dim


def reference(latent_shape: tuple[int, ...], n_codes: int, n_dims: int) -> tuple[float, float]:
    """N log K for a field of N codes, all equally likely: (nats per image, bits/dim)."""
    nats = latent_rate_nats(math.prod(latent_shape), n_codes)
    return nats, bits_per_dim(nats, n_dims)


latent_rate = Exercise(
    "11.2",
    "The rate of a field of codes",
    goal="Say what a field of codes costs under the uniform prior, in nats and in bits/dim.",
    minutes=5,
    reference=reference,
    otherwise="These are other numbers.",
    parts="two numbers: nats per image, bits/dim",
    stub='''\
def latent_rate(latent_shape: tuple[int, ...], n_codes: int, n_dims: int) -> tuple[float, float]:
    """What a field of codes costs if all K codes are equally likely at every position.

    latent_shape  of the field of indices: (length,), (height, width) or (time, height, width)
    n_codes       K
    n_dims        D, the sub-pixels of the image, or the samples of the sound, that they stand for
    returns       two numbers: nats per image, and bits per dimension *of the image*

    By hand: a 2x2 field of K = 16 codes for an image of D = 32 pixels is 4 * log 16 = 11.09 nats,
             which is 4 * 4 = 16 bits for 32 pixels: 0.5 bits/dim
    """
    ____
''',
    answer="""\
def latent_rate(latent_shape, n_codes, n_dims):
    n_latents = 1
    for side in latent_shape:  # or math.prod(latent_shape)
        n_latents *= side
    nats = n_latents * math.log(n_codes)  # log of K to the power of N
    return nats, nats / math.log(2) / n_dims
""",
    hints=(
        """How many things can N codes say together? K at the first position, times K at the
        second, and so on. If all of these are equally likely, the cost is the logarithm of
        their number.""",
        """`math.prod(latent_shape)` is N. Nats to bits: divide by `math.log(2)`. Bits/dim:
        divide by the dimensions of the image.""",
        """7x7 codes of K = 128 for 784 pixels must give 237.7 nats and 0.4375 bits/dim. If you
        get 4.85 nats, you paid for one of the 49; if you get 7 bits/dim, you divided by the
        codes, not by the pixels.""",
    ),
)


@latent_rate.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    shape, n_codes, n_dims = trial.args
    field = "x".join(str(side) for side in shape)
    lines = [f"A field of {field} codes, K = {n_codes}, for D = {n_dims} dimensions."]
    for name, mine, theirs in zip(("nats per image", "bits/dim"), got, want, strict=True):
        lines.append(f"{name}: {number(theirs)}; your function says {number(mine)}.")
    return "\n".join(lines)


def _drawn(low: int, high: int, rng: torch.Generator) -> int:
    return int(torch.randint(low, high, (), generator=rng))


@latent_rate.trials("a single code")
def one_code(rng):
    """A field of a single code, where only the units can go wrong."""
    return [Trial(((1,), _drawn(5, 200, rng), _drawn(4, 40, rng)))]


@latent_rate.trials("fields of images")
def images(rng):
    sides = _drawn(3, 9, rng), _drawn(10, 16, rng)
    return [Trial(((7, 7), 128, 784)), Trial((sides, _drawn(20, 600, rng), 3072))]


@latent_rate.trials("fields of sounds and videos")
def sound_and_video(rng):
    sound = Trial(((_drawn(30, 90, rng),), _drawn(20, 600, rng), 8000))
    video = Trial(((4, _drawn(5, 9, rng), _drawn(10, 16, rng)), _drawn(20, 600, rng), 65536))
    return [sound, video]


latent_rate.also_try(
    lambda rng: (
        [Trial(((5, 3), 10, 100)), Trial(((3, 2, 4), 7, 96)), Trial(((6,), 9, 60))]
        + [Trial(((2 + i % 5, 3 + i % 4), 5 + 3 * i, 40 + i * i)) for i in range(16)]
    )
)


def _from_nats(nats, n_dims):
    return nats, nats / (n_dims * math.log(2))


@latent_rate.terms
def terms(latent_shape, n_codes, n_dims):
    n, log_k = math.prod(latent_shape), math.log(n_codes)
    counts = {"N": n, "(sum of the sides)": sum(latent_shape), "(first side)": latent_shape[0]}
    counts |= {"(last side)": latent_shape[-1], "1": 1, "(N - 1)": n - 1, "N²": n * n}
    counts |= {"(number of sides)": len(latent_shape)}
    nats = {(f"{name} log K" if name != "1" else "log K"): c * log_k for name, c in counts.items()}
    nats |= {"log N": math.log(n), "K log N": n_codes * math.log(n), "N K": n * n_codes}
    nats |= {"N log(K + 1)": n * math.log(n_codes + 1), "N log(K - 1)": n * math.log(n_codes - 1)}
    nats |= {"N log K / D": n * log_k / n_dims, "D log K": n_dims * log_k, "K": n_codes}
    nats |= {"N log D": n * math.log(n_dims), "K log K": n_codes * log_k}
    bits = {f"{name} / D": each / n_dims for name, each in nats.items()}
    bits |= nats | {"N log K / N": log_k, "D / N": n_dims / n, "D / (N log K)": n_dims / n / log_k}
    as_tensors = [{k: torch.tensor(float(v)).double() for k, v in d.items()} for d in (nats, bits)]
    return {"nats per image": as_tensors[0], "bits/dim": as_tensors[1]}


@latent_rate.mistakes
class Mistakes:
    def one_latent(latent_shape, n_codes, n_dims):
        """This is log K, the cost of *one* code. Every position of the field has a code of its
        own."""
        return _from_nats(math.log(n_codes), n_dims)

    def sides_added(latent_shape, n_codes, n_dims):
        """The sides of the field are added. A field has a position for each row *and* column:
        multiply."""
        return _from_nats(sum(latent_shape) * math.log(n_codes), n_dims)

    def the_first_side(latent_shape, n_codes, n_dims):
        """Only the first axis of the field is counted."""
        return _from_nats(latent_shape[0] * math.log(n_codes), n_dims)

    def K_log_N(latent_shape, n_codes, n_dims):
        """K and N are exchanged: it is N choices among K, so N log K."""
        return _from_nats(n_codes * math.log(math.prod(latent_shape)), n_dims)

    def log_N_K(latent_shape, n_codes, n_dims):
        """This is log(N K). N codes say one of K to the power of N things, not of N times K."""
        return _from_nats(math.log(math.prod(latent_shape) * n_codes), n_dims)

    def bits_as_nats(latent_shape, n_codes, n_dims):
        """The first number is in bits: log2 was used. Nats take the natural logarithm."""
        bits = math.prod(latent_shape) * math.log2(n_codes)
        return bits, bits / n_dims

    def nats_per_dimension(latent_shape, n_codes, n_dims):
        """The second number is in nats per dimension: the step from nats to bits is missing."""
        nats = math.prod(latent_shape) * math.log(n_codes)
        return nats, nats / n_dims

    def times_log_2(latent_shape, n_codes, n_dims):
        """The second number was multiplied by log 2. A nat is more than a bit, so divide."""
        nats = math.prod(latent_shape) * math.log(n_codes)
        return nats, nats * math.log(2) / n_dims

    def bits_per_code(latent_shape, n_codes, n_dims):
        """The second number is in bits per *code*. Dimensions are those of the image: divide by D,
        so that it can be added to the decoder's bits/dim."""
        return reference(latent_shape, n_codes, n_dims)[0], math.log2(n_codes)

    def bits_per_image(latent_shape, n_codes, n_dims):
        """The second number is in bits per image: the number of dimensions is not used."""
        nats = reference(latent_shape, n_codes, n_dims)[0]
        return nats, nats / math.log(2)

    def negative(latent_shape, n_codes, n_dims):
        """Both are negative. log p(z) is negative; a cost is -log p(z)."""
        return tuple(-each for each in reference(latent_shape, n_codes, n_dims))

    def in_the_other_order(latent_shape, n_codes, n_dims):
        """The two numbers are in the other order: nats per image come first."""
        return reference(latent_shape, n_codes, n_dims)[::-1]

    def dims_for_latents(latent_shape, n_codes, n_dims):
        """The codes are counted by D, the dimensions of the image. There is a code for each
        position of the *field*."""
        return _from_nats(n_dims * math.log(n_codes), n_dims)

    def N_times_K(latent_shape, n_codes, n_dims):
        """The logarithm is missing: N times K. A choice among K costs log K."""
        return _from_nats(math.prod(latent_shape) * n_codes, n_dims)

    def log_of_the_positions(latent_shape, n_codes, n_dims):
        """This is N log N: K is not used. Each position chooses among K codes."""
        n = math.prod(latent_shape)
        return _from_nats(n * math.log(n), n_dims)

    def one_code_less(latent_shape, n_codes, n_dims):
        """The logarithm is of K - 1. There are K codes to choose from."""
        return _from_nats(math.prod(latent_shape) * math.log(n_codes - 1), n_dims)

    def whole_bits(latent_shape, n_codes, n_dims):
        """Each code gets a whole number of bits. In the long run, log2 K is enough, whole or
        not."""
        bits = math.prod(latent_shape) * math.ceil(math.log2(n_codes))
        return bits * math.log(2), bits / n_dims

    def base_ten(latent_shape, n_codes, n_dims):
        """The logarithm has base 10. Nats take the natural logarithm: `math.log`."""
        return _from_nats(math.prod(latent_shape) * math.log10(n_codes), n_dims)

    def multiplied_by_dims(latent_shape, n_codes, n_dims):
        """The second number is multiplied by D. Bits per dimension: divide."""
        nats = math.prod(latent_shape) * math.log(n_codes)
        return nats, nats / math.log(2) * n_dims

    def the_last_side(latent_shape, n_codes, n_dims):
        """Only the last axis of the field is counted."""
        return _from_nats(latent_shape[-1] * math.log(n_codes), n_dims)

    def number_of_axes(latent_shape, n_codes, n_dims):
        """The *axes* of the field are counted, `len(latent_shape)`. Count its positions: multiply
        the sides."""
        return _from_nats(len(latent_shape) * math.log(n_codes), n_dims)

    def bits_of_one_code(latent_shape, n_codes, n_dims):
        """The second number spreads *one* code over the image. All codes of the field count."""
        nats = math.prod(latent_shape) * math.log(n_codes)
        return nats, math.log2(n_codes) / n_dims

    def per_position_and_dimension(latent_shape, n_codes, n_dims):
        """The second number is divided by N times D. Divide the bits of the whole field by D."""
        nats = math.prod(latent_shape) * math.log(n_codes)
        return nats, math.log2(n_codes) / (math.prod(latent_shape) * n_dims)

    def nats_of_the_dimension(latent_shape, n_codes, n_dims):
        """The first number is per dimension. Asked for are nats per *image*, then bits/dim."""
        nats, bits = reference(latent_shape, n_codes, n_dims)
        return nats / n_dims, bits

    def positions_to_the_power(latent_shape, n_codes, n_dims):
        """This is K log N with the sides added. It is N choices among K: N log K."""
        return _from_nats(n_codes * math.log(sum(latent_shape)), n_dims)


@latent_rate.right
def by_adding_up(latent_shape, n_codes, n_dims):
    nats = torch.full(latent_shape, n_codes, dtype=torch.float64).log().sum()
    return nats, nats / torch.log(torch.tensor(2.0, dtype=torch.float64)) / n_dims


@latent_rate.right
def from_the_number_of_fields(latent_shape, n_codes, n_dims):
    n_latents = 1
    for side in latent_shape:
        n_latents *= side
    n_fields = n_codes**n_latents
    return math.log(n_fields), math.log2(n_fields) / n_dims
