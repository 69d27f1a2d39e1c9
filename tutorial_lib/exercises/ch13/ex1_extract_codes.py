"""Exercise 13.1: every image as its field of indices, once."""

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.exercises.comparing import first_difference, tensor_result
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.recipes.two_stage import extract_codes as reference

MOVED = (
    "If that is the codebook, you have called the model in train mode, which is a step of "
    "training: the last images are read off with other codes than the first. Call "
    "`vqvae.eval()`, and `encode_indices` alone."
)

extract_codes = Exercise(
    "13.1",
    "Every image as its codes, once",
    goal="Read off the code numbers of all images, in their order, and leave the VQ-VAE as it is.",
    minutes=10,
    reference=reference,
    when_changed={"vqvae": MOVED},
    otherwise="These are not the codes that `encode_indices` gives.",
    stub='''\
def extract_codes(vqvae, levels: torch.Tensor, *, batch_size: int = 256) -> torch.Tensor:
    """The field of code numbers of every image, in the order of the images.

    vqvae       a VQVAE; `vqvae.encode_indices(x)` turns a batch (B, C, H, W) of torch.long levels
                into code numbers (B, h, w). It must keep every number it holds
    levels      (N, C, H, W) torch.uint8, all images
    batch_size  images at a time; the last batch may be smaller
    returns     (N, h, w) torch.long

    By hand: 5 images and batch_size 2 are batches of 2, 2 and 1 images, and 5 fields
    """
    ____
''',
    answer="""\
def extract_codes(vqvae, levels, *, batch_size=256):
    vqvae.eval()  # in train mode a call would move the codebook
    fields = []
    with torch.no_grad():
        for start in range(0, len(levels), batch_size):
            batch = levels[start : start + batch_size]  # the last one may be smaller
            fields.append(vqvae.encode_indices(batch.long()))
    return torch.cat(fields)
""",
    hints=(
        """Stage one is over. Read the codes off, and change nothing: no gradient is needed, no
        codebook may move, no image may be lost or change its place, since the labels stay in
        their order.""",
        """`levels.split(batch_size)` gives all batches, the smaller last one too. `vqvae.eval()`
        and `torch.no_grad()` around `vqvae.encode_indices(x.long())`; `torch.cat` of the
        fields.""",
        """If the prior of stage two learns nothing although its loss is finite, images and
        labels may have lost each other. If K = 512 works badly and K = 256 well, look at the
        dtype of the codes.""",
    ),
)

DROPPED = (
    "The smaller batch at the end is dropped. In training a remainder may be left out, because "
    "another epoch will see it; here its images would never get codes."
)
FIRST = "Only the first batch is encoded. All N images need a field."
SHUFFLED = (
    "The fields are right and their order is not: images have changed places. Labels stay in the "
    "order of the images, so fields would get the labels of other garments."
)
VECTORS = (
    "These are code vectors, floating-point. Stage two models code *numbers*: a softmax over K of "
    "them needs to know which one, not where it lies."
)
FLAT = (
    "Each field has lost its rows: h and w became one axis, and a prior with two stacks would not "
    "know which code stands above which."
)
TRANSPOSED = "Rows and columns of the field are exchanged: the decoder will turn every image over."
WRAPS = (
    "The codes are kept in 8 bits, which end at 255: with more codes than that, number 256 becomes "
    "0, and no error tells you."
)


OTHER_DTYPE = (
    "The numbers are the right ones, in another dtype. The prior's embedding and its cross-entropy "
    "take torch.long."
)


def _trial(n: int, batch_size: int, n_codes: int, size, rng: torch.Generator) -> Trial:
    """A VQVAE fresh from training, with a codebook in which many codes are near some vector.

    Above 256 codes, only those from 256 on are near any.
    """
    vqvae = VQVAE(
        in_channels=1, n_levels=4, n_codes=n_codes, code_dim=2, downsample=2, n_channels=4
    )
    levels = torch.randint(4, (n, 1, *size), generator=rng).to(torch.uint8)
    with torch.no_grad():
        for parameter in vqvae.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
        z_e = vqvae.encode(levels.long()).movedim(1, -1).flatten(0, -2)
        chosen = torch.randint(len(z_e), (n_codes,), generator=rng)
        near = z_e[chosen] + 0.01 * z_e.std() * torch.randn(n_codes, 2, generator=rng)
        near[: 256 * (n_codes > 256)] += 1e4 * z_e.abs().max()
        vqvae.quantizer.codebook.copy_(near)
    return Trial((vqvae.train(), levels), {"batch_size": batch_size})


@extract_codes.reads
def _read(value: object, trial: Trial) -> Tensor:
    want = trial.wanted(reference)
    got = tensor_result(value, want.shape, kind="long")
    if not torch.equal(got, want.double()) and _same_in_another_order(got, want.double()):
        (first, *_) = first_difference(got, want.double())
        told = f"Field {first} is that of another image; all {len(want)} of them are there."
        raise Failed(Failure(SHUFFLED, told))
    return got


def _same_in_another_order(got: Tensor, want: Tensor) -> bool:
    def in_order(fields):
        return sorted(fields.flatten(1).tolist())

    return in_order(got) == in_order(want)


@extract_codes.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    place = image, row, column = first_difference(got, want)
    return (
        f"{len(want)} images in batches of {trial.kwargs['batch_size']}. Image {image} has code "
        f"{want[place]:.0f} at {(row, column)}. Your function says {got[place]:.0f}."
    )


extract_codes.trials("all images in one batch")(lambda rng: [_trial(6, 6, 30, (8, 12), rng)])
extract_codes.trials("several batches, the last one smaller")(
    lambda rng: [_trial(11, 4, 30, (8, 6), rng)]
)
extract_codes.trials("more than 256 codes")(lambda rng: [_trial(4, 2, 300, (8, 12), rng)])
extract_codes.also_try(lambda rng: [_trial(6, 3, 20, (4, 8), rng)])


def _join(vqvae, levels, batch_size, read):
    return torch.cat([read(x.long()) for x in levels.split(batch_size)])


@extract_codes.mistakes
class Mistakes:
    @says(DROPPED)
    def last_batch_dropped(vqvae, levels, *, batch_size=256):
        whole = len(levels) // batch_size * batch_size
        return reference(vqvae, levels[:whole], batch_size=batch_size)

    @says(FIRST)
    def first_batch_only(vqvae, levels, *, batch_size=256):
        return vqvae.encode_indices(levels[:batch_size].long())

    @says(SHUFFLED)
    def shuffled(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels[torch.randperm(len(levels))], batch_size=batch_size)

    @says(VECTORS)
    def vectors(vqvae, levels, *, batch_size=256):
        def read(x):
            return vqvae.quantizer.lookup(vqvae.encode_indices(x))

        return _join(vqvae.eval(), levels, batch_size, read)

    @says(FLAT)
    def flattened(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels, batch_size=batch_size).flatten(1)

    @says(TRANSPOSED)
    def rows_and_columns_exchanged(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels, batch_size=batch_size).mT

    @says(MOVED)
    def as_in_training(vqvae, levels, *, batch_size=256):
        vqvae.train()
        return _join(vqvae, levels, batch_size, lambda x: vqvae(x).quantized.indices)

    @says(WRAPS)
    def the_8_bits(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels, batch_size=batch_size).to(torch.uint8)

    @says(WRAPS)
    def the_8_bits_and_back(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels, batch_size=batch_size).to(torch.uint8).long()

    @says(OTHER_DTYPE)
    def the_32_bits(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels, batch_size=batch_size).int()

    @says(OTHER_DTYPE)
    def the_16_bits(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels, batch_size=batch_size).to(torch.int16)

    @says(OTHER_DTYPE)
    def floating(vqvae, levels, *, batch_size=256):
        return reference(vqvae, levels, batch_size=batch_size).float()

    def the_last_batch_only(vqvae, levels, *, batch_size=256):
        """Only the last batch is returned. Collect the fields of all batches in a list."""
        return reference(vqvae, levels.split(batch_size)[-1])

    def not_joined(vqvae, levels, *, batch_size=256):
        """The batches come back as a list. Join them along the images with `torch.cat`."""
        return [reference(vqvae, batch) for batch in levels.split(batch_size)]

    def stacked(vqvae, levels, *, batch_size=256):
        """The batches are stacked on a new axis. Join them along the images: `torch.cat`."""
        return torch.stack([reference(vqvae, batch) for batch in levels.split(batch_size)])

    def one_long_row(vqvae, levels, *, batch_size=256):
        """All codes of all images stand in one row, so nobody knows where an image begins."""
        return reference(vqvae, levels).flatten()

    def a_colour(vqvae, levels, *, batch_size=256):
        """The fields have got an axis for a colour. Asked for is (N, h, w)."""
        return reference(vqvae, levels)[:, None]

    def from_one(vqvae, levels, *, batch_size=256):
        """The codes are counted from 1. They run from 0 to K - 1, and K would be no code."""
        return reference(vqvae, levels) + 1

    def batches_overlap(vqvae, levels, *, batch_size=256):
        """The batches overlap: the next one starts one image later, not batch_size images."""
        starts = range(len(levels))
        return torch.cat([reference(vqvae, levels[i : i + batch_size]) for i in starts])

    def one_image_short(vqvae, levels, *, batch_size=256):
        """The last image of each batch is left out: a slice ends before its second number."""
        starts = range(0, len(levels), batch_size)
        return torch.cat([reference(vqvae, levels[i : i + batch_size - 1]) for i in starts])

    def one_image_a_batch(vqvae, levels, *, batch_size=256):
        """Only the first image of each batch is encoded."""
        return reference(vqvae, levels[::batch_size])

    def the_first_image_for_all(vqvae, levels, *, batch_size=256):
        """Every image gets the field of the first one."""
        return reference(vqvae, levels[:1]).repeat(len(levels), 1, 1)

    def numbered_anew(vqvae, levels, *, batch_size=256):
        """The codes are numbered anew, without those that never occur. The decoder looks them up
        by their numbers in the codebook: keep these."""
        return reference(vqvae, levels).unique(return_inverse=True)[1]

    def levels_scaled(vqvae, levels, *, batch_size=256):
        """The levels are scaled before they are encoded, so that all become 0 as whole numbers.
        `encode_indices` takes the levels themselves."""
        return reference(vqvae, levels * 0)

    def z_e(vqvae, levels, *, batch_size=256):
        """These are the encoder's vectors z_e(x). Asked for is the number of the nearest code."""
        return _join(vqvae.eval(), levels, batch_size, vqvae.encode)

    def the_sign_of_z_e(vqvae, levels, *, batch_size=256):
        """These are the codes of −z_e(x), not of z_e(x). `encode_indices` does the whole
        look-up."""

        def read(x):
            return nearest_code(-vqvae.encode(x), vqvae.quantizer.codebook)

        return _join(vqvae.eval(), levels, batch_size, read)


@extract_codes.right
@torch.no_grad()
def one_by_one(vqvae, levels, *, batch_size=256):
    vqvae.eval()
    return torch.stack([vqvae.encode_indices(image[None].long())[0] for image in levels])


@extract_codes.right
def with_a_loader(vqvae, levels, *, batch_size=256):
    dataset = torch.utils.data.TensorDataset(levels)
    loader = torch.utils.data.DataLoader(dataset, batch_size=batch_size, shuffle=False)
    with torch.inference_mode():
        fields = [nearest_code(vqvae.encode(x.long()), vqvae.quantizer.codebook) for (x,) in loader]
    return torch.cat(fields).clone()
