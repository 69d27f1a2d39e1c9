"""Float32 that is float32: what promises equality keeps it under autocast and with TF32."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from pretended_gpu import pretended_gpu
from torch.nn import functional as F

from tutorial_lib.codes.code_prior import CodePrior
from tutorial_lib.codes.pixelcnn_autoencoder import PixelCNNAutoencoder
from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vae import GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.data import Split
from tutorial_lib.pixels.bayes import label_log_likelihoods
from tutorial_lib.pixels.full_precision import HOLDERS, exact_float32
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.likelihood import total_probability
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.pixels.pixelrnn import RowLSTM
from tutorial_lib.recipes.image_model import evaluate_image_model
from tutorial_lib.recipes.two_stage import evaluate_two_stage, extract_codes
from tutorial_lib.sampling import ancestral as sampling
from tutorial_lib.sampling.ancestral import sample

CPU = torch.device("cpu")
BACKENDS = torch.backends


@pytest.fixture(autouse=True)
def switches_as_at_the_start():
    """Whatever a test switches on ends with it."""
    yield
    BACKENDS.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("highest")
    if HOLDERS:
        BACKENDS.fp32_precision = "none"
        for holder in HOLDERS[2:]:
            holder.fp32_precision = "none"


# --------------------------------------------------------------------------- the switches


def products_in_tf32():
    torch.set_float32_matmul_precision("high")


def products_in_bfloat16():
    torch.set_float32_matmul_precision("medium")


def convolutions_in_full():
    BACKENDS.cudnn.allow_tf32 = False


def products_by_the_newer_name():
    BACKENDS.cuda.matmul.fp32_precision = "tf32"


def convolutions_by_the_newer_name():
    BACKENDS.cudnn.conv.fp32_precision = "ieee"


def all_by_the_newer_name():
    BACKENDS.fp32_precision = "tf32"


OLDER = [lambda: None, products_in_tf32, products_in_bfloat16, convolutions_in_full]
NEWER = [products_by_the_newer_name, convolutions_by_the_newer_name, all_by_the_newer_name]
HAS_NEWER = pytest.mark.skipif(not HOLDERS, reason="torch 2.9 brought the newer names")


def as_told(reader):
    try:
        return reader()
    except RuntimeError:  # older names can't be read after newer ones
        return "mixed"


def switches():
    readers = [torch.get_float32_matmul_precision, lambda: BACKENDS.cudnn.allow_tf32]
    readers += [lambda: BACKENDS.cuda.matmul.allow_tf32, lambda: torch.is_autocast_enabled("cpu")]
    readers += [lambda holder=holder: holder.fp32_precision for holder in HOLDERS]
    return [as_told(reader) for reader in readers]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("user", OLDER + [pytest.param(u, marks=HAS_NEWER) for u in NEWER])
def test_inside_all_is_exact_and_afterwards_as_it_was(user, fails):
    user()
    with torch.autocast("cpu", torch.bfloat16):
        before = switches()
        try:
            with exact_float32(CPU):
                inside = switches()
                with exact_float32(CPU):  # once more inside
                    pass
                assert switches() == inside
                if fails:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        assert switches() == before
    assert inside == ["highest", False, False, False, *["ieee"] * len(HOLDERS)]
    assert inside != before


def test_on_a_card_all_is_exact_though_its_user_switched_nothing_on():
    before = switches()
    with pretended_gpu(), exact_float32(torch.device("cuda")):
        inside = switches()
    assert inside == ["highest", False, False, False, *["ieee"] * len(HOLDERS)]
    assert inside != before == switches()


# ---------------------------------------------------------------- under autocast, in bfloat16


def gated(**changes):
    sizes = {"n_levels": 4, "n_channels": 6, "n_layers": 3, "kernel_size": 3}
    return GatedPixelCNN(**{**sizes, **changes})


def code_prior(n_dims):
    return CodePrior(n_dims=n_dims, n_codes=5, n_channels=6, n_layers=2, n_classes=2)


def of_images(**options):
    return lambda model: sample(model, (3, model.n_colors, 4, 6), generator=noise(), **options)


def noise():
    return torch.Generator().manual_seed(3)


def fields(*shape):
    return lambda model: model.sample(3, shape, label=1, generator=noise())


def lstm():
    return RowLSTM(n_levels=4, n_channels=6, n_layers=1, first_kernel_size=3)


def context():
    """Of both precisions that may come out of a network under autocast."""
    return torch.randn(3, 2, 4, 6, generator=noise()).bfloat16().float()


def vae(**changes):
    return GaussianVAE(n_levels=4, size=(4, 8), n_channels=4, **changes)


PIXELCNN = {"n_channels": 4, "n_layers": 1, "kernel_size": 3}
SAMPLERS = {
    **{f"gated, {m}": (gated, of_images(method=m)) for m in ("cached", "row-cropped", "naive")},
    **{
        f"plain, {method}": (lambda: PixelCNN(n_levels=4, n_channels=6), of_images(method=method))
        for method in ("cached", "row-cropped", "naive")
    },
    "in colour": (lambda: gated(n_colors=3), of_images()),
    "with labels": (
        lambda: gated(n_classes=3, ordered=False, coordinates=True),
        of_images(label=torch.tensor([0, 1, 2])),
    ),
    "with a context": (lambda: gated(context_channels=2), of_images(context=context())),
    "ReLU": (lambda: gated(activation="relu"), of_images()),
    "LSTM": (lstm, of_images()),
    "codes of a sound": (lambda: code_prior(1), fields(7)),
    "codes of an image": (lambda: code_prior(2), fields(3, 4)),
    "codes of a clip": (lambda: code_prior(3), fields(3, 2, 3)),
    "VAE": (vae, lambda model: model.sample(9, generator=noise())),
    "VAE, pixels": (vae, lambda model: model.sample(9, pixels="sample", generator=noise())),
    "VAE with a PixelCNN": (
        lambda: vae(pixelcnn=PIXELCNN),
        lambda model: model.sample(3, generator=noise()),
    ),
    "autoencoder with a PixelCNN": (
        lambda: PixelCNNAutoencoder(size=(4, 8), **PIXELCNN),
        lambda model: model.sample(torch.ones(3, 10), generator=noise()),
    ),
    "two stages": (
        lambda: two_stage().eval(),
        lambda model: model.sample(9, 1, shape=(8, 8), generator=noise()),
    ),
    "two stages, pixels": (
        lambda: two_stage().eval(),
        lambda model: model.sample(3, 1, shape=(8, 8), pixels="sample", generator=noise()),
    ),
}


def two_stage():
    return TwoStageModel(vqvae(), code_prior(2))


def vqvae():
    sizes = {"in_channels": 1, "n_levels": 4, "n_codes": 5, "code_dim": 3, "downsample": 2}
    return VQVAE(**sizes, n_channels=6, restart_dead_codes=False)


LEVELS = torch.randint(4, (9, 1, 4, 8), generator=noise())
SPLIT = Split(LEVELS.byte(), torch.zeros(9, dtype=torch.long))
SCORES = {
    "by label": (lambda: gated(n_classes=3), lambda m: label_log_likelihoods(m, LEVELS)),
    "of all images": (lambda: gated(n_levels=2), lambda m: total_probability(m, 2, 3)),
    "held-out": (gated, lambda m: evaluate_image_model(m, SPLIT)),
    "held-out VAE": (vae, lambda m: evaluate_image_model(m, SPLIT)),
    "two-stage terms": (lambda: two_stage().eval(), lambda m: m.terms(LEVELS, ONES)),
    "two-stage bound": (lambda: two_stage().eval(), lambda m: m.bound_nats(LEVELS, ONES)),
    "held-out two stages": (two_stage, lambda m: evaluate_two_stage(m, SPLIT)),
    "indices": (vqvae, lambda m: m.encode_indices(LEVELS)),
    "codes": (vqvae, lambda m: extract_codes(m, LEVELS)),
}
ONES = torch.ones(9, dtype=torch.long)
CASES = {**SAMPLERS, **SCORES}


@pytest.mark.parametrize(("make", "answer"), CASES.values(), ids=CASES)
def test_autocast_around_a_call_changes_nothing(make, answer, randomized):
    model = randomized(make())
    with torch.no_grad():
        plain = answer(model)
        with torch.autocast("cpu", torch.bfloat16):
            under = answer(model)
    torch.testing.assert_close(under, plain, rtol=0, atol=0)


def test_autocast_changes_what_is_not_exact(randomized):
    """The probe of the test above can fail: half-precision logits are others."""
    model = randomized(gated())
    plain = model(LEVELS)
    with torch.autocast("cpu", torch.bfloat16):
        under = model(LEVELS)
    assert under.dtype == torch.bfloat16
    assert (under.float() - plain).abs().max() > 1e-3


def test_a_context_that_autocast_made_is_taken(randomized):
    model = randomized(gated(context_channels=2))
    plain = of_images(context=context())(model)
    with torch.autocast("cpu", torch.bfloat16):
        under = of_images(context=context().bfloat16())(model)
    assert torch.equal(under, plain)


# --------------------------------------------------------------------- TF32, imitated


def to_tf32(x):
    """The nearest number with 10 binary digits after the first."""
    bits = x.contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


@pytest.fixture
def tf32_convolutions(monkeypatch):
    """Convolutions as an A100 computes them unless it is told not to; products of matrices not."""
    exact = F.conv2d

    def convolve(x, weight, *others, **options):
        if BACKENDS.cudnn.allow_tf32:
            x, weight = to_tf32(x), to_tf32(weight)
        return exact(x, weight, *others, **options)

    monkeypatch.setattr(F, "conv2d", convolve)


def test_the_imitation_rounds_to_10_digits():
    x = torch.tensor([1.0, 1 + 2**-10, 1 + 2**-12, 1 + 3 * 2**-12, -3.14159265])
    assert to_tf32(x).tolist() == [1, 1 + 2**-10, 1, 1 + 2**-10, -3.140625]


BIG = pytest.mark.parametrize(
    "make",
    [
        lambda: GatedPixelCNN(n_levels=16, n_channels=32, n_layers=4),
        lambda: PixelCNN(n_levels=16, n_channels=32, n_layers=3),
        lambda: CodePrior(n_dims=1, n_codes=64, n_channels=32, n_layers=4).network,
    ],
    ids=["gated", "plain", "1-D prior"],
)


def drawn_by_each_method(model):
    shape = (6, 1, *((1, 200) if model.n_levels == 64 else (16, 16)))
    uniforms = torch.rand(shape, generator=noise(), dtype=torch.float64)
    return [sample(model, shape, uniforms=uniforms, method=m) for m in ("cached", "naive")]


@BIG
def test_all_methods_draw_the_same_image_on_a_card_with_tf32(make, randomized, tf32_convolutions):
    with pretended_gpu():
        cached, naive = drawn_by_each_method(randomized(make(), scale=0.3).to("cuda"))
    assert torch.equal(cached, naive)


@BIG
def test_without_the_context_they_would_not(make, randomized, tf32_convolutions, monkeypatch):
    """The probe of the test above can fail."""
    monkeypatch.setattr(sampling, "exact_float32", lambda device: nullcontext())
    cached, naive = drawn_by_each_method(randomized(make(), scale=0.3))
    assert not torch.equal(cached, naive)


def test_distances_are_float32_where_products_are_not(monkeypatch):
    """Also in the quantizer's training step."""
    seen = []
    exact = torch.addmm
    monkeypatch.setattr(
        torch, "addmm", lambda *a, **k: seen.append(switches()[0]) or exact(*a, **k)
    )
    torch.set_float32_matmul_precision("high")
    nearest_code(torch.randn(2, 3, 4), torch.randn(5, 3))
    vqvae()(LEVELS)
    assert seen == ["highest", "highest"]
