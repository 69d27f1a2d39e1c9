"""The arithmetic of the live pages that need no weights, held against the library's."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from live_page import in_node, needs_node
from torch import nn

from tutorial_lib.codes import VectorQuantizer, blob_on_a_strip, categorical_kl
from tutorial_lib.codes.quantizer import (
    code_counts,
    nearest_code,
    perplexity,
    straight_through,
    vq_losses,
)
from tutorial_lib.pixels import GatedPixelCNN, MaskedConv2d, as_model, influence_matrix
from tutorial_lib.pixels.gated_layer import GatedLayer, shift_down
from tutorial_lib.pixels.influence import blind_spot

pytestmark = needs_node

READS = """targets.map((target) => {
    const set = m.reads(settings, target);
    return [...set].flatMap((bits) => settings_columns.map((c) => (bits >> c) & 1));
})"""


class TwoStacks(nn.Module):
    """Gated layers with any mask in the first, as a stack that can be probed."""

    def __init__(self, depth, kernel, first):
        super().__init__()
        self.layers = nn.ModuleList(
            GatedLayer(4 if i else 1, 4, kernel, mask_type="B" if i else first)
            for i in range(depth)
        )
        self.layers[0].residual = False

    def forward(self, x):
        v, h = shift_down(x), x
        for layer in self.layers:
            v, h = layer(v, h)
        return h


def one_stack(depth, kernel, first):
    """A stack without ReLUs, whose weights are all positive: no reading is shut or cancelled."""
    types = [first, *"B" * (depth - 1)]
    stack = nn.Sequential(*(MaskedConv2d(1, 1, kernel, mask_type=each) for each in types))
    for weights in stack.parameters():
        nn.init.ones_(weights)
    return stack


def reads_in_the_page(side, **settings):
    settings = {"side": side, **settings}
    targets = [[i // side, i % side] for i in range(side * side)]
    columns = list(range(side))
    found = in_node("reach.js", READS, settings=settings, targets=targets, settings_columns=columns)
    return torch.tensor(found).bool()


@pytest.mark.parametrize("first", "AB")
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("stacks", [1, 2])
def test_the_mask_page_reads_what_the_network_reads(stacks, depth, kernel, first):
    make = one_stack if stacks == 1 else TwoStacks
    measured = influence_matrix(as_model(make(depth, kernel, first)), 7, 7, n_probes=1)
    settings = {"depth": depth, "kernel": kernel, "first": first, "stacks": stacks}
    assert torch.equal(reads_in_the_page(7, **settings), measured)
    if first == "A":
        share = in_node("reach.js", "m.blindShare(settings)", settings={"side": 7, **settings})
        assert share == pytest.approx(blind_spot(measured), abs=1e-12)


def test_two_stacks_of_the_page_are_those_of_the_gated_pixelcnn(randomized):
    model = randomized(GatedPixelCNN(n_channels=4, n_layers=4, kernel_size=3), scale=0.5)
    measured = influence_matrix(model, 6, 6)
    assert torch.equal(reads_in_the_page(6, depth=4, kernel=3, first="A", stacks=2), measured)


@pytest.mark.parametrize("stacks", [1, 2])
def test_a_way_is_shown_exactly_for_pixels_that_are_read_and_every_step_is_a_tap(stacks):
    settings = {"side": 9, "depth": 4, "kernel": 3, "first": "A", "stacks": stacks}
    target, places = [6, 4], [[i // 9, i % 9] for i in range(81)]
    ways = in_node(
        "reach.js",
        "places.map((from) => m.path(settings, from, target))",
        settings=settings,
        places=places,
        target=target,
    )
    reads = reads_in_the_page(9, **{k: v for k, v in settings.items() if k != "side"})[6 * 9 + 4]
    assert [way is not None for way in ways] == reads.tolist()
    for place, way in zip(places, ways, strict=True):
        if way is None:
            continue
        assert way[0][:2] == place and way[-1][:2] == target and len(way) == 5
        for layer, (at, then) in enumerate(pairwise(way)):
            down, right = then[0] - at[0], then[1] - at[1]
            shift = stacks == 2 and layer == 0  # the vertical stack is moved down by one row
            assert 0 <= down <= 1 + shift and abs(right) <= 1
            if stacks == 1 or at[2] == "horizontal":  # to the left only while it moves down
                assert down == 1 or right >= 0


def some_vectors(n, seed=0):
    noise = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, 2, generator=noise, dtype=torch.float64)


def test_the_quantizer_page_finds_the_nearest_code_and_the_lower_of_two():
    z, codes = some_vectors(200), some_vectors(9, seed=1)
    found = in_node(
        "vq.js", "z.map((each) => m.nearestCode(each, codes))", z=z.tolist(), codes=codes.tolist()
    )
    assert found == nearest_code(z, codes).tolist()
    assert in_node("vq.js", "m.nearestCode([0, 0], [[2, 0], [0, 1], [1, 0], [0, -1]])") == 1


def test_the_quantizer_page_has_the_losses_and_gradients_of_torch():
    z = some_vectors(50).requires_grad_()
    codes, targets = some_vectors(6, seed=1).requires_grad_(), some_vectors(50, seed=2)
    indices = nearest_code(z, codes)
    e = codes[indices]
    codebook_loss, commitment_loss = vq_losses(z, e)
    reconstruction = (straight_through(z, e) - targets).square().sum() / 2
    (of_codes,) = torch.autograd.grad(codebook_loss, codes, retain_graph=True)
    (copied,) = torch.autograd.grad(reconstruction, z, retain_graph=True)
    (commitment,) = torch.autograd.grad(0.25 * 50 * commitment_loss, z)  # 50: for one vector each
    values = {"z": z.tolist(), "codes": codes.tolist(), "targets": targets.tolist()}
    found = in_node(
        "vq.js",
        """({
            all: m.measure({ codes }, z, targets, 0.25),
            gradient: m.codebookGradient(codes, z, indices),
            each: z.map((v, i) => m.encoderGradient(v, codes[indices[i]], targets[i], 0.25)),
        })""",
        indices=indices.tolist(),
        **values,
    )
    assert found["all"]["codebook"] == pytest.approx(codebook_loss.item())
    assert found["all"]["commitment"] == pytest.approx(0.25 * commitment_loss.item())
    assert found["all"]["reconstruction"] == pytest.approx(reconstruction.item() / 50)
    assert found["all"]["perplexity"] == pytest.approx(perplexity(code_counts(indices, 6)).item())
    torch.testing.assert_close(torch.tensor(found["gradient"]).double(), of_codes)
    for name, expected in (("copied", copied), ("commitment", commitment)):
        got = torch.tensor([each[name] for each in found["each"]], dtype=torch.float64)
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("restart", [False, True], ids=["as they are", "restarts"])
@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_training_in_the_quantizer_page_is_the_library_s(update, restart, monkeypatch):
    """Forty steps of a quantizer; three of its eight codes start where no vector comes."""
    steps, decay, rate = 40, 0.8, 0.7
    batches = [some_vectors(32, seed=s) + 3.0 * (s % 2) for s in range(steps)]
    start = 0.3 * some_vectors(8, seed=99)
    start[5:] += 40
    quantizer = VectorQuantizer(8, 2, update=update, restart_dead_codes=restart, decay=decay)
    quantizer.double().set_codebook(start)
    monkeypatch.setattr(quantizer, "_candidates", lambda vectors: vectors[:8])
    parameters = list(quantizer.parameters())
    optimizer = torch.optim.SGD(parameters, lr=rate) if parameters else None
    for batch in batches:
        quantized = quantizer(batch)
        if optimizer:
            optimizer.zero_grad()
            quantized.codebook_loss.backward()
            optimizer.step()
    found = in_node(
        "vq.js",
        """(() => {
            let state = { codes: start, counts: Array(8).fill(1) }, restarts = 0;
            for (const vectors of batches) {
                const candidates = restart ? vectors.slice(0, 8) : null;
                state = m.trainStep(state, { vectors, candidates }, how);
                restarts += state.restarted.filter(Boolean).length;
            }
            return { codes: state.codes, counts: state.counts, restarts };
        })()""",
        start=start.tolist(),
        batches=[batch.tolist() for batch in batches],
        restart=restart,
        how={"update": update, "decay": decay, "rate": rate, "beta": 0.25},
    )
    assert (found["restarts"] > 0) == restart
    codes = torch.tensor(found["codes"], dtype=torch.float64)
    torch.testing.assert_close(codes, quantizer.codebook.detach(), rtol=1e-6, atol=1e-6)
    counts = torch.tensor(found["counts"], dtype=torch.float64)
    torch.testing.assert_close(counts, quantizer.counts.double(), rtol=1e-6, atol=1e-6)


def test_a_z_e_that_follows_both_gradients_rests_where_they_cancel():
    """The walk of chapter 10: at rest z_e - e = (t - e) / (2 beta)."""
    z = in_node(
        "vq.js",
        """(() => {
            let vectors = [[-1.5, 0]];
            for (let step = 0; step < 400; step++)
                vectors = m.trainStep({ codes, counts: [1, 1] }, { vectors, targets: [[2.8, 1.9]] },
                    { update: "gradient", rate: 0, decay: 0.9, beta: 1, encoderRate: 0.1 }).vectors;
            return vectors[0];
        })()""",
        codes=[[-2, 1], [2, 1]],
    )
    assert z == pytest.approx([2 + 0.8 / 2, 1 + 0.9 / 2])


def test_the_cells_of_the_page_hold_the_points_whose_nearest_code_they_belong_to():
    codes = some_vectors(7, seed=5)
    polygons = in_node("vq.js", "m.cells(codes, [-9, -9, 9, 9])", codes=codes.tolist())
    assert sum(area(polygon) for polygon in polygons) == pytest.approx(18 * 18)
    for k, polygon in enumerate(polygons):
        middle = torch.tensor(polygon, dtype=torch.float64).mean(dim=0, keepdim=True)
        assert nearest_code(middle, codes).item() == k


def area(polygon):
    ends = polygon[1:] + polygon[:1]
    return sum(x * v - u * y for (x, y), (u, v) in zip(polygon, ends, strict=True)) / 2


PICTURES = [[0, 0, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 1, 0], [0] * 9]


@pytest.mark.parametrize("levels", PICTURES, ids=["one bright", "two bright", "dark"])
def test_the_bound_page_has_the_library_s_evidence_bound_and_gap(levels):
    model, x = blob_on_a_strip(9), torch.tensor(levels)
    all_q = [(0.2, 0.5), (-1.3, 1.5), (2.0, 0.05), (0.0, 1.0)]
    found = in_node(
        "latent.js",
        """(() => {
            const model = m.blobOnAStrip(9), known = m.seen(model, levels);
            return all_q.map(([mean, std]) => m.costs(model, known, mean, std));
        })()""",
        levels=levels,
        all_q=all_q,
    )
    for (mean, std), costs in zip(all_q, found, strict=True):
        assert -costs["evidence"] == pytest.approx(model.log_evidence_nats(x).item(), abs=1e-9)
        assert costs["bound"] == pytest.approx(model.elbo_nats(x, mean, std).item(), abs=1e-9)
        assert costs["gap"] == pytest.approx(model.gap_nats(x, mean, std).item(), abs=1e-9)
        both = costs["reconstruction"] + costs["kl"]
        assert both == pytest.approx(costs["evidence"] + costs["gap"], abs=1e-6)


@pytest.mark.parametrize("levels", PICTURES[:2], ids=["one bright", "two bright"])
def test_the_best_q_of_the_bound_page_is_the_library_s(levels):
    found = in_node(
        "latent.js",
        "(() => { const s = m.blobOnAStrip(9); return m.bestGaussian(s, m.seen(s, levels)); })()",
        levels=levels,
    )
    expected = blob_on_a_strip(9).best_gaussian(torch.tensor(levels))
    assert (found["mean"], found["std"]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("n_codes", [2, 5, 16])
def test_a_one_hot_q_costs_log_k_and_its_gap_is_the_posterior_s_cost_of_the_code(n_codes):
    model, x = blob_on_a_strip(9), torch.tensor(PICTURES[0])
    places = torch.linspace(-2, 2, n_codes, dtype=torch.float64)
    log_joint = model.log_likelihood_nats(x, places) - math.log(n_codes)
    one_hot = torch.eye(n_codes, dtype=torch.float64)
    all_kl = categorical_kl(one_hot, torch.full((n_codes,), 1 / n_codes, dtype=torch.float64))
    found = in_node(
        "latent.js",
        """(() => {
            const s = m.blobOnAStrip(9), places = m.codePlaces(n);
            return places.map((_, k) => m.codeCosts(s, levels, places, k));
        })()""",
        levels=PICTURES[0],
        n=n_codes,
    )
    gaps = categorical_kl(one_hot, log_joint.softmax(dim=0))
    for costs, kl, joint, gap in zip(found, all_kl, log_joint, gaps, strict=True):
        assert costs["kl"] == pytest.approx(kl.item(), abs=1e-12)
        assert costs["bound"] == pytest.approx(joint.item(), abs=1e-9)
        assert costs["gap"] == pytest.approx(gap.item(), abs=1e-9)
        assert -costs["evidence"] == pytest.approx(log_joint.logsumexp(dim=0).item(), abs=1e-9)
