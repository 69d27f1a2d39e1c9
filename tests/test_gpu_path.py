"""All of the library on a GPU that is only pretended: nothing mixes devices, and steps rarely wait.

The numbers are the CPU's, so every result must be the one that the CPU gives, to the last bit.
"""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import nullcontext, suppress

import matplotlib.pyplot as plt
import pytest
import torch
from few import few
from pretended_gpu import pretended_gpu
from training_cases import CASES, all_modules, labels, levels

from tutorial_lib import profiles
from tutorial_lib.codes import sample_quality
from tutorial_lib.codes.gaussian_posterior import information_nats
from tutorial_lib.codes.one_latent import blob_on_a_strip
from tutorial_lib.codes.quantizer import VectorQuantizer, code_counts, nearest_code, perplexity
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.data import ImageDataset, Split
from tutorial_lib.exercises.surroundings import undisturbed as check_undisturbed
from tutorial_lib.notebook.charts import show_usage
from tutorial_lib.notebook.dashboard import Dashboard
from tutorial_lib.notebook.plotting import (
    show_images,
    show_index_map,
    show_reconstructions,
)
from tutorial_lib.notebook.widgets.codebook import draw_codebook
from tutorial_lib.notebook.widgets.explorers import draw_completions, draw_sampled_rows
from tutorial_lib.pixels import bayes, influence
from tutorial_lib.pixels.likelihood import total_probability
from tutorial_lib.recipes import doctor
from tutorial_lib.recipes.image_model import evaluate_image_model, train_image_model
from tutorial_lib.recipes.pretrained import load_pretrained, load_weights, save_weights
from tutorial_lib.recipes.sample_sheets import write_sample_grids
from tutorial_lib.recipes.settings import (
    ImageModelRecipe,
    PriorSettings,
    TwoStageSettings,
    VQVAESettings,
)
from tutorial_lib.recipes.two_stage import (
    add_prior,
    evaluate_two_stage,
    extract_codes,
    train_prior,
    train_two_stage,
    train_vqvae,
)
from tutorial_lib.recipes.weights_shelf import available
from tutorial_lib.sampling.ancestral import draw, sample, sample_rows
from tutorial_lib.sampling.sources import CACHES
from tutorial_lib.training import distributed as processes
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit
from tutorial_lib.training.measures import evaluate, undisturbed

# Of a step of training, in the mean, rows of the log included. float16 has to ask whether a step
# overflowed.
MOST_WAITS = {"no": 1, "bf16": 1, "fp16": 2}


def allowed_precisions() -> list[str]:
    """All that a configuration takes."""
    allowed = []
    for precision in ("no", "bf16", "fp16"):
        with suppress(ValueError):
            allowed.append(FitConfig(precision=precision).precision)
    return allowed


# Every model in float32, one of each kind of training in the others.
KINDS = ("GatedPixelCNN with labels", "GaussianVAE with a PixelCNN", "VQVAE by averages")
PRECISIONS = [(n, p) for n in CASES for p in allowed_precisions() if p == "no" or n in KINDS]
in_every_precision = pytest.mark.parametrize(("name", "precision"), PRECISIONS)
A_THIRD = PRECISIONS[::3]
in_a_few_precisions = pytest.mark.parametrize(
    ("name", "precision"),
    few([*A_THIRD, *(each for each in PRECISIONS if each not in A_THIRD)], len(A_THIRD)),
)


@pytest.fixture
def card():
    with pretended_gpu() as card:
        yield card


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request):
    return request.param


def on(device, tensors):
    return [tensor.to(device) for tensor in tensors]


def all_on_gpu(model):
    return all(t.is_cuda for t in (*model.parameters(), *model.buffers()))


def same_state(model, other):
    ours, theirs = model.state_dict(), other.state_dict()
    return all(torch.equal(ours[k].cpu(), theirs[k].cpu()) for k in theirs)


def test_no_model_of_the_library_is_left_out():
    tried = {type(module) for case in CASES.values() for module in case.model().modules()}
    assert {m.__name__ for m in all_modules() - tried} == {
        "LSTMLayer",
        "MaskedStack",
        "TwoStageModel",
        "VectorCodeModel",
    }


def loss_and_gradients(case, device):
    model = case.model().to(device)
    torch.manual_seed(3)
    loss = case.step(model, *on(device, case.examples()))["loss"]
    loss.backward()
    return loss.detach().cpu(), [p.grad.cpu() for p in model.parameters() if p.grad is not None]


def test_a_step_on_the_gpu_is_the_one_on_the_cpu(case):
    loss, gradients = loss_and_gradients(case, "cpu")
    with pretended_gpu():
        loss_there, gradients_there = loss_and_gradients(case, "cuda")
    torch.testing.assert_close(loss_there, loss)
    torch.testing.assert_close(gradients_there, gradients)


@in_every_precision
def test_a_training_step_seldom_waits(card, name, precision):
    case = CASES[name]
    marks = []

    def step(model, *batch):
        if model.training:
            marks.append(Counter(card.waits))
        return case.step(model, *batch)

    config = FitConfig(epochs=3, batch_size=2, precision=precision, average=0.5)
    fit(case.model(), step, case.examples(), config, progress=False)
    waits = marks[-1] - marks[0]
    assert waits.total() / (len(marks) - 1) <= MOST_WAITS[precision], waits


def test_the_count_sees_a_step_that_waits(card):
    case, marks = CASES["PixelCNN"], []

    def step(model, images):
        marks.append(card.waits.total())
        metrics = case.step(model, images)
        return {**metrics, "shown": torch.tensor(sum(v.item() for v in metrics.values()))}

    fit(case.model(), step, case.examples(), FitConfig(epochs=3, batch_size=2), progress=False)
    assert (marks[-1] - marks[0]) / (len(marks) - 1) > MOST_WAITS["no"]


BAD_DATA = {
    "a level too high": ("PixelCNN", 0, 3),
    "a label too high": ("GatedPixelCNN with labels", 1, 3),
    "a label below 0": ("GatedPixelCNN with labels", 1, -1),
    "a code too high": ("CodePrior of 3 dimensions", 0, 5),
    "a pixel above 1": ("VQVAE with a Gaussian decoder", 0, 1.5),
    "a pixel that is no number": ("VQVAE with a Gaussian decoder", 0, float("nan")),
}


@pytest.mark.parametrize(("name", "which", "value"), BAD_DATA.values(), ids=BAD_DATA)
def test_fit_refuses_one_bad_value_before_the_first_step(
    card, own_messages, tmp_path, name, which, value
):
    case = CASES[name]
    data = [tensor.clone() for tensor in case.examples()]
    data[which].view(-1)[-1] = value
    with pytest.raises(ValueError, match="must lie in"):
        fit(case.model(), case.step, tuple(data), FitConfig(batch_size=2), out=tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.jsonl"))


@in_every_precision
def test_fit_trains_on_the_gpu_as_on_the_cpu(tmp_path, name, precision):
    case = CASES[name]
    config = FitConfig(epochs=2, batch_size=4, precision=precision, average=0.5, weight_decay=0.01)
    ran = {}
    for device in ("cpu", "cuda"):
        with pretended_gpu() if device == "cuda" else nullcontext():
            model, data = case.model(), case.examples()
            options = {"valid": data, "out": tmp_path / device, "progress": False}
            history = fit(model, case.step, data, config, log_every=2, **options)
            assert history.finished and next(model.parameters()).device.type == device
            assert device == "cpu" or all_on_gpu(model)
            ran[device] = history.rows[-1]["loss"], history.valid_rows[-1]["valid loss"]
    assert ran["cuda"] == pytest.approx(ran["cpu"], rel=1e-4)


@in_a_few_precisions
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(card, tmp_path, name, precision):
    case = CASES[name]
    config = FitConfig(epochs=2, batch_size=4, precision=precision, average=0.5)
    whole = case.model()
    fit(whole, case.step, case.examples(), config, out=tmp_path / "whole", progress=False)
    stopped, steps = case.model(), []

    def step(model, *batch):
        steps.append(model.training)
        if sum(steps) == 3:
            signal.raise_signal(signal.SIGINT)
        return case.step(model, *batch)

    half = fit(stopped, step, case.examples(), config, out=tmp_path / "half", progress=False)
    assert half.step == 3
    resumed = case.model()
    fit(resumed, case.step, case.examples(), config, out=tmp_path / "half", progress=False)
    assert all_on_gpu(resumed) and same_state(resumed, whole)


def test_data_may_lie_on_the_gpu_already(card, case):
    data = tuple(on("cuda", case.examples()))
    config = FitConfig(epochs=1, batch_size=4)
    assert fit(case.model(), case.step, data, config, valid=data, progress=False).finished


def test_evaluation_reads_each_metric_once(card):
    case = CASES["a stack of convolutions"]
    model = case.model().to("cuda")
    few = evaluate(model, case.step, case.examples(), batch_size=6)
    before = card.waits["item"]
    many = evaluate(model, case.step, case.examples(), batch_size=1)
    assert card.waits["item"] - before == len(many)
    assert many == pytest.approx(few)


# ---------------------------------------------------------------------------------- the quantizer


@pytest.mark.parametrize("update", ["gradient", "ema"])
@pytest.mark.parametrize("restarts", [True, False])
def test_the_quantizer_moves_its_codes_on_the_gpu_without_waiting(update, restarts):
    results = []
    for device in ("cpu", "cuda"):
        with pretended_gpu() if device == "cuda" else nullcontext() as card:
            torch.manual_seed(0)
            options = {"update": update, "restart_dead_codes": restarts}
            quantizer = VectorQuantizer(8, 2, **options).to(device)
            z_e = torch.randn(4, 2, 3, 3).to(device)
            before = Counter(card.waits) if card else None
            for _ in range(3):
                out = quantizer(z_e.requires_grad_())
                (out.codebook_loss + out.commitment_loss).backward()
            assert card is None or not card.waits - before
            assert out.z_q.device.type == device and all(
                b.device.type == device for b in quantizer.buffers()
            )
            results.append([t.detach().cpu() for t in (*quantizer.state_dict().values(), *out)])
    torch.testing.assert_close(*results)


def test_looking_codes_up_counting_them_and_their_perplexity(card):
    codebook, z_e = torch.randn(5, 2).to("cuda"), torch.randn(3, 2, 4).to("cuda")
    indices = nearest_code(z_e, codebook)
    counts = code_counts(indices, 5)
    assert indices.is_cuda and counts.is_cuda and perplexity(counts).is_cuda
    assert counts.sum().item() == 12


# ------------------------------------------------------------------------------- drawing images

PIXEL_MODELS = [name for name, case in CASES.items() if name.startswith(("Pixel", "Gated", "Row"))]
PIXEL_MODELS = [*PIXEL_MODELS, "DiagonalBiLSTM"]
PIXEL_MODELS.remove("PixelCNNAutoencoder")
SHAPE = (2, 4, 8)


def options_for(model, device):
    """The conditions that a model asks for, on a device."""
    options = {}
    if getattr(model, "n_classes", None):
        options["label"] = torch.tensor([0, 2], device=device)
    if getattr(model, "context_channels", None):
        context = torch.rand(2, 2, 4, 8, generator=torch.Generator().manual_seed(1))
        options["context"] = context.to(device)
    return options


def drawn(name, device, method, noise):
    model = CASES[name].model().to(device)
    shape = (2, model.n_colors, 4, 8)
    known = torch.full(shape, -1)
    known[0, :, :2] = 1
    options = {**options_for(model, device), "method": method}
    if noise == "uniforms":
        options["uniforms"] = torch.rand(
            shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5)
        )
    elif noise != "none":
        options["generator"] = torch.Generator(noise).manual_seed(5)
    torch.manual_seed(5)
    known = known if noise == "uniforms" else known.to(device)  # it may lie on the CPU, too
    images = sample(model, shape, known=known, **options)
    assert images.device.type == device
    return images.cpu()


@pytest.mark.parametrize("noise", few(["uniforms", "cuda", "cpu", "none"], 2))
@pytest.mark.parametrize("method", ["cached", "row-cropped", "naive"])
@pytest.mark.parametrize("name", PIXEL_MODELS)
def test_all_methods_draw_on_the_gpu_what_they_draw_on_the_cpu(name, method, noise):
    model = CASES[name].model()
    if method == "cached" and type(model) not in CACHES:
        pytest.skip("there is no cache for it")
    if method == "row-cropped" and getattr(model, "coordinates", False):
        pytest.skip("it is told how high the image is")
    with pretended_gpu():
        there = drawn(name, "cuda", method, noise)
    here = drawn(name, "cpu", method, "cpu" if noise == "cuda" else noise)
    assert torch.equal(there, here)


def test_rows_are_handed_out_on_the_gpu(card):
    model = CASES["PixelCNN"].model().to("cuda")
    assert all(rows.is_cuda for rows in sample_rows(model, (1, 1, 4, 8)))
    logits = torch.randn(2, 3, 4).to("cuda")
    assert draw(logits, torch.rand(2, 4).to("cuda"), 0.7).is_cuda


@pytest.mark.parametrize("generator", [None, "cpu", "cuda"])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("CodePrior")])
def test_priors_of_every_dimension_draw_codes(card, name, generator):
    prior = CASES[name].model().to("cuda")
    (shape,) = {tuple(CASES[name].examples()[0].shape[1:])}
    generator = generator and torch.Generator(generator).manual_seed(1)
    label = 1 if prior.n_classes else None
    assert prior.sample(2, shape, label=label, generator=generator).is_cuda
    if prior.n_classes:
        assert prior.sample(2, shape, label=torch.tensor([0, 2])).is_cuda


@pytest.mark.parametrize("generator", [None, "cpu", "cuda"])
@pytest.mark.parametrize("pixels", ["mean", "sample"])
@pytest.mark.parametrize("name", ["GaussianVAE", "GaussianVAE with a PixelCNN"])
def test_a_vae_draws_images_and_knows_what_a_code_says(card, name, pixels, generator):
    vae = CASES[name].model().to("cuda")
    generator = generator and torch.Generator(generator).manual_seed(1)
    assert vae.sample(3, pixels=pixels, generator=generator).is_cuda
    assert vae.sample(3, code=torch.zeros(3, 2), pixels=pixels).is_cuda
    images = CASES[name].examples()[0][:2].long().to("cuda")
    posterior = vae.encode(images)
    assert information_nats(*posterior, generator=generator).is_cuda


def test_an_autoencoder_with_a_pixelcnn_draws_from_a_code(card):
    model = CASES["PixelCNNAutoencoder"].model().to("cuda")
    images = levels(1, 4, 8).long().to("cuda")
    assert model.sample(model.encode(images[:2])).is_cuda


# ------------------------------------------------------------------------------------ both stages


def small_dataset(n_levels=3):
    def split():
        return Split(levels(1, 28, 28, n_levels=n_levels), labels())

    return ImageDataset("small", split(), split(), split(), n_levels, ("a", "b", "c"))


def settings(precision="no"):
    brief = FitConfig(epochs=1, batch_size=4, precision=precision)
    return TwoStageSettings(
        VQVAESettings(n_codes=5, code_dim=2, n_channels=4, n_blocks=1, fit=brief),
        PriorSettings(n_channels=4, n_layers=2, fit=brief),
    )


@pytest.mark.parametrize("precision", allowed_precisions())
def test_both_stages_train_and_are_scored_on_the_gpu(card, tmp_path, precision):
    dataset = small_dataset()
    history, result = train_two_stage(dataset, settings(precision), tmp_path, progress=False)
    assert history.finished and result["test"]["images"] == len(dataset.test)
    assert add_prior(dataset, settings(precision).prior, tmp_path).finished


def test_each_stage_by_itself(card):
    dataset = small_dataset()
    vqvae, _ = train_vqvae(dataset, settings().vqvae, progress=False)
    codes = extract_codes(vqvae, dataset.test.levels, batch_size=5)
    assert all_on_gpu(vqvae) and codes.device.type == "cpu"
    prior, _ = train_prior(vqvae, dataset, settings().prior, progress=False)
    assert all_on_gpu(prior)
    model = TwoStageModel(vqvae, prior).eval()
    images = dataset.test.levels[:2].long().to("cuda")
    assert model.bound_nats(images, torch.tensor([0, 1], device="cuda")).is_cuda
    for generator in (None, torch.Generator(), torch.Generator("cuda")):
        for pixels in ("mean", "sample"):
            assert model.sample(2, label=1, pixels=pixels, generator=generator).is_cuda
    assert evaluate_two_stage(model, dataset.test)["images"] == 12


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_two_stages_of_every_dimension_draw_and_score(card, n_dims):
    name = {1: "VQVAE of sounds", 2: "VQVAE by averages", 3: "VQVAE of clips"}[n_dims]
    vqvae, prior = (
        CASES[name].model(),
        CASES[f"CodePrior of {n_dims} dimension" + "s" * (n_dims > 1)],
    )
    model = TwoStageModel(vqvae, prior.model()).to("cuda").eval()
    images = CASES[name].examples()[0][:2].long().to("cuda")
    assert model.bound_nats(images, torch.tensor([0, 1], device="cuda")).is_cuda
    for pixels in ("mean", "sample"):
        drawn = model.sample(2, 1, shape=tuple(images.shape[2:]), pixels=pixels)
        assert drawn.is_cuda and drawn.shape == images.shape


def test_grids_of_samples_are_written(card, tmp_path):
    dataset = small_dataset()
    vqvae, _ = train_vqvae(dataset, settings().vqvae, progress=False)
    prior, _ = train_prior(vqvae, dataset, settings().prior, progress=False)
    model = TwoStageModel(vqvae, prior)
    for label in ("all", 1, None):
        assert write_sample_grids(model, n=3, label=label, out=tmp_path / "grid.png")


@pytest.mark.parametrize("name", ["GatedPixelCNN", "GaussianVAE"])
@pytest.mark.parametrize("precision", allowed_precisions())
def test_a_recipe_trains_and_scores_on_the_gpu(card, tmp_path, name, precision):
    arguments = {"n_channels": 4, "n_layers": 2} if name == "GatedPixelCNN" else {"n_channels": 2}
    recipe = ImageModelRecipe(
        title="small",
        dataset="small",
        n_levels=3,
        fit=FitConfig(epochs=1, batch_size=4, precision=precision),
        model=name,
        arguments=arguments,
        by_label=name == "GatedPixelCNN",
    )
    history, result = train_image_model(recipe, small_dataset(), tmp_path, progress=False)
    assert history.finished and result["test"]["images"] == 12


# ----------------------------------------------------------------------- what looks at a model


def test_weights_are_written_from_the_gpu_and_read_to_the_cpu(card, tmp_path):
    model = CASES["GatedPixelCNN"].model().to("cuda")
    save_weights(tmp_path / "model.safetensors", model)
    again = load_weights(tmp_path / "model.safetensors")
    assert not any(p.is_cuda for p in again.parameters()) and same_state(again, model)


@pytest.mark.parametrize("name", [name for name in PIXEL_MODELS if "everything" not in name])
def test_influence_is_that_of_the_cpu(name):
    if getattr(CASES[name].model(), "n_classes", None):
        pytest.skip("influence asks no labels")
    reads = influence.influence_matrix(CASES[name].model(), 3, 4, n_probes=1)
    with pretended_gpu():
        model = CASES[name].model().to("cuda")
        there = influence.influence_matrix(model, 3, 4, n_probes=1)
        assert influence.influence_map(model, 3, 4, (1, 1), n_probes=1).device.type == "cpu"
        assert 0 <= influence.blind_spot(there) <= 1
    assert torch.equal(reads, there)


def test_labels_by_bayes_rule(card):
    model = CASES["GatedPixelCNN with labels"].model().to("cuda")
    for images in (levels(1, 4, 8).long(), levels(1, 4, 8).long().to("cuda")):
        scores = bayes.label_log_likelihoods(model, images)
        assert scores.device.type == "cpu"
    prior = torch.tensor([0.5, 0.25, 0.25])
    bayes.bayes_rule(scores, prior)
    for where in (None, prior.to("cuda")):
        assert bayes.bayes_rule(scores.to("cuda"), where).log_posterior.is_cuda
    with pytest.raises(ValueError, match="prior must be on the device cuda:0"):
        bayes.bayes_rule(scores.to("cuda"), prior)


def test_probabilities_of_all_images_sum_to_one(card):
    model = CASES["GatedPixelCNN"].model().double().to("cuda")
    assert total_probability(model, 2, 2) == pytest.approx(1)


def test_quality_of_samples(card):
    real, other = torch.randn(9, 3).to("cuda"), torch.randn(8, 3).to("cuda")
    assert sample_quality.nearest_neighbors(real, other).indices.is_cuda
    assert 0 <= sample_quality.precision_and_recall(real, other).recall <= 1


def test_the_doctor_finds_the_card(card, monkeypatch):
    monkeypatch.setattr(doctor, "GatedPixelCNN", lambda **sizes: CASES["GatedPixelCNN"].model())
    findings = doctor.run_checks((doctor.check_device, doctor.check_speed))
    assert not [f for f in findings if f.fact == "failed"]
    assert any("Pretended GPU" in f.fact for f in findings)


def test_the_model_of_one_number(card):
    model = blob_on_a_strip()
    assert torch.isfinite(model.log_evidence_nats(torch.zeros(model.n_pixels).long()))


def test_figures_take_tensors_of_the_gpu(card):
    images = levels(1, 4, 8).long().to("cuda")
    assert show_images(images, n_levels=3).images and show_images(images / 2).images
    assert show_index_map(images[0, 0], 3).images
    assert show_usage(torch.ones(3).to("cuda"), 3.0).patches
    pictures = images[:2].float() / 2
    show_reconstructions(pictures, pictures, images[:2, 0], 3)
    draw_sampled_rows(images, 2, 3)
    draw_codebook(torch.randn(4, 2).to("cuda"), torch.randn(1, 2).to("cuda"))
    plt.close("all")


def test_widgets_draw_with_a_model_on_the_gpu(card):
    name = next(n for n in available() if "digit" in n or "mnist" in n and "vq" not in n)
    model = load_pretrained(name).to("cuda")
    draw_completions(model, "arc", 26, n=1)
    plt.close("all")


def test_the_dashboard_watches_a_run(card):
    case, watch = CASES["PixelCNN"], Dashboard()
    config = FitConfig(epochs=1, batch_size=4)
    assert fit(case.model(), case.step, case.examples(), config, watch=watch, progress=False).ended
    plt.close("all")


# ------------------------------------------------------------------- only the card that is in use


def test_no_card_is_started_but_the_one_in_use():
    with pretended_gpu(n_cards=8) as card:
        model = CASES["GaussianVAE"].model().to("cuda")
        split = Split(levels(1, 4, 8), labels())
        evaluate_image_model(model, split)
        with undisturbed(model), check_undisturbed():
            torch.rand(1, device="cuda")
        config = FitConfig(epochs=1, batch_size=4)
        case = CASES["GaussianVAE"]
        fit(model, case.step, case.examples(), config, valid=case.examples(), progress=False)
    assert card.visited == {0}


def test_one_process_has_nobody_to_ask(card):
    assert processes.n_processes() == 1
    assert profiles.device() == torch.device("cuda") and profiles.current() == "gpu"
