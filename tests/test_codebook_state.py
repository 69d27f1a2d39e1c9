"""What a quantizer remembers: that it has started, codes set by hand, and no broken batch."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from tutorial_lib.codes.quantizer import VectorQuantizer, nearest_code
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.recipes.pretrained import load_weights, save_weights
from tutorial_lib.recipes.two_stage import vqvae_step
from tutorial_lib.training import distributed as processes
from tutorial_lib.training.checkpoint import CheckpointError, read_tensors, write_tensors
from tutorial_lib.training.config import FitConfig
from tutorial_lib.training.loop import fit

UPDATES = ["gradient", "ema"]
CODES = torch.tensor([[3.0, 4.0], [-5.0, 6.0], [7.0, -8.0], [9.0, 9.0]])
FAR = 100 + torch.arange(48.0).view(8, 2, 3)  # a batch far from all codes


def quantizer_of(update="ema", n_codes=4, **options):
    return VectorQuantizer(n_codes, 2, update=update, restart_dead_codes=True, **options)


def state_of(quantizer):
    return {name: value.clone() for name, value in quantizer.state_dict().items()}


def differing(quantizer, before):
    after = quantizer.state_dict()
    return [name for name in before if not torch.equal(after[name], before[name])]


# -------------------------------------------------------------------------- started is a flag


@pytest.mark.parametrize("update", UPDATES)
def test_a_single_code_starts_once_and_then_moves_by_its_averages(update):
    """Its count stays near the number of vectors, from which nothing can be inferred."""
    quantizer, first = quantizer_of(update, n_codes=1), torch.full((1, 2, 1), 8.0)
    quantizer(first)
    assert quantizer.counts.item() == 1
    start = quantizer.codebook.detach().clone()
    torch.testing.assert_close(start, torch.full((1, 2), 8.0))
    for _ in range(60):
        quantizer(100 + first)
    jumped = (quantizer.codebook.detach() - 108).abs().max() < 1e-3
    assert not jumped
    expected = 8 + 100 * (1 - 0.99**60) if update == "ema" else 8
    assert quantizer.codebook[0, 0].item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("update", UPDATES)
def test_the_flag_is_stored_and_tells_a_started_quantizer_from_a_new_one(update):
    quantizer = quantizer_of(update)
    assert not quantizer.state_dict()["started"]
    quantizer(FAR)
    assert quantizer.state_dict()["started"]
    resumed = quantizer_of(update)
    resumed.load_state_dict(quantizer.state_dict())
    resumed(-FAR)  # all vectors on the other side: fresh codes would go there
    assert resumed.codebook.min() > 50


@pytest.mark.parametrize("update", UPDATES)
def test_a_stored_quantizer_that_has_not_started_starts_where_it_is_loaded(update):
    loaded = quantizer_of(update)
    loaded.load_state_dict(quantizer_of(update).state_dict())
    loaded(FAR)
    assert loaded.codebook.min() > 90


@pytest.mark.parametrize("update", UPDATES)
def test_a_state_without_the_flag_was_trained(update):
    """As all states that were stored before there was one."""
    state = quantizer_of(update).state_dict()
    del state["started"]
    old = quantizer_of(update)
    assert old.load_state_dict(state).missing_keys == []
    assert old.started
    codes = old.codebook.detach().clone()
    old(FAR)
    assert (old.codebook - codes).norm(dim=1).sort().values[:-1].max() < 1e-5


def test_weights_without_the_flag_load_and_those_with_it_keep_it(tmp_path):
    sizes = {"in_channels": 1, "n_levels": 2, "n_codes": 4, "code_dim": 2, "n_channels": 2}
    model = VQVAE(**sizes)
    save_weights(tmp_path / "new.safetensors", model)
    assert not load_weights(tmp_path / "new.safetensors").quantizer.started
    tensors, header = read_tensors(tmp_path / "new.safetensors")
    del tensors["quantizer.started"]
    write_tensors(tmp_path / "old.safetensors", tensors, header)
    assert load_weights(tmp_path / "old.safetensors").quantizer.started
    del tensors["quantizer.counts"]  # and nothing else may be missing
    write_tensors(tmp_path / "broken.safetensors", tensors, header)
    with pytest.raises(CheckpointError, match="quantizer.counts is None in the file"):
        load_weights(tmp_path / "broken.safetensors")


@pytest.mark.parametrize("way", [copy.deepcopy, lambda q: pickle.loads(pickle.dumps(q))])
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_copy_knows_what_its_original_knew(way, by_hand):
    quantizer = quantizer_of()
    if by_hand:
        quantizer.codebook.copy_(CODES)
    twin = way(quantizer).double()
    twin(FAR.double())
    assert (twin.codebook.min() > 90) == (not by_hand)


def test_processes_agree_on_what_was_drawn(monkeypatch):
    """The main process sends all that decides whether codes start: not only what is stored."""
    sent = []
    monkeypatch.setattr(processes, "n_processes", lambda: 2)
    monkeypatch.setattr(processes.dist, "broadcast", lambda tensor, src: sent.append(tensor.shape))
    quantizer = quantizer_of()
    processes.start_alike(quantizer)
    buffers = [*quantizer.buffers()]
    assert len(sent) == len(buffers) == 5  # codebook, sums, counts, started, drawn


# ---------------------------------------------------------------------------- codes set by hand


def by_method(quantizer):
    quantizer.set_codebook(CODES)


def by_assignment(quantizer):
    quantizer.codebook = CODES


def by_copy(quantizer):
    with torch.no_grad():
        quantizer.codebook.copy_(CODES)


def by_data(quantizer):
    quantizer.codebook.data = CODES.clone()


def by_slice(quantizer):
    with torch.no_grad():
        quantizer.codebook[:] = CODES


def by_state(quantizer):
    quantizer.load_state_dict({**quantizer.state_dict(), "codebook": CODES, "started": ONE})


def by_part_of_a_state(quantizer):
    quantizer.load_state_dict({"codebook": CODES}, strict=False)


ONE = torch.tensor(True)
WAYS = [by_method, by_assignment, by_copy, by_data, by_slice, by_state, by_part_of_a_state]


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("way", WAYS)
def test_codes_set_by_hand_are_not_overwritten_by_the_first_batch(way, update, restart):
    quantizer = VectorQuantizer(4, 2, update=update, restart_dead_codes=restart)
    way(quantizer)
    assert torch.equal(quantizer.codebook.detach(), CODES)
    out = quantizer(FAR)
    assert torch.equal(out.z_q.unique(), CODES[3].unique())
    torch.testing.assert_close(quantizer.codebook.detach()[:3], CODES[:3])
    assert quantizer.started
    assert torch.equal(CODES, torch.tensor([[3.0, 4], [-5, 6], [7, -8], [9, 9]]))  # still the same


@pytest.mark.parametrize("update", UPDATES)
def test_codes_that_nobody_set_are(update):
    """The probe of the test above can fail."""
    quantizer = quantizer_of(update)
    quantizer(FAR)
    assert quantizer.codebook.min() > 90


@pytest.mark.parametrize("update", UPDATES)
def test_codes_set_by_hand_stay_so_when_they_are_stored_before_training(update):
    quantizer, other = quantizer_of(update), quantizer_of(update)
    by_copy(quantizer)
    other.load_state_dict(quantizer.state_dict())
    other(FAR)
    torch.testing.assert_close(other.codebook.detach()[:3], CODES[:3])


@pytest.mark.parametrize("way", [by_method, by_assignment, by_copy])
def test_codes_set_in_the_middle_of_training_move_on_from_there(way):
    """The averages follow the codes: they do not bring the old ones back."""
    quantizer = quantizer_of()
    for _ in range(20):
        quantizer(FAR)
    way(quantizer)
    quantizer(FAR)
    torch.testing.assert_close(quantizer.codebook[:3], CODES[:3])


@pytest.mark.parametrize("update", UPDATES)
def test_assigned_codes_keep_the_kind_of_the_codebook(update):
    quantizer = quantizer_of(update)
    kept = quantizer.codebook
    quantizer.codebook = CODES
    assert isinstance(quantizer.codebook, nn.Parameter) == (update == "gradient")
    assert update == "ema" or quantizer.codebook is kept  # which the optimiser knows
    with pytest.raises(ValueError, match=r"must have shape \(4, 2\), got \(3, 2\)"):
        quantizer.codebook = CODES[:3]


# ------------------------------------------------------------------- what is not finite


def broken_batches():
    for wrong in (torch.nan, torch.inf, -torch.inf):
        batch = FAR.clone()
        batch[3, 1, 2] = wrong
        yield batch
    yield torch.full_like(FAR, 3e38)  # finite, but not its sum


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_batch_that_is_not_finite_leaves_codes_counts_and_sums_as_they_were(
    update, restart, fresh
):
    quantizer = VectorQuantizer(4, 2, update=update, restart_dead_codes=restart, decay=0.5)
    if not fresh:
        for _ in range(3):
            quantizer(FAR)
    elif restart:
        quantizer(next(broken_batches()))
    before = state_of(quantizer)
    for batch in list(broken_batches())[: 3 if fresh else 4]:
        out = quantizer(batch)
        assert not out.commitment_loss.isfinite()  # so that training stops
        assert differing(quantizer, before) == []
    quantizer(FAR)  # and a batch that is finite is taken up
    assert "counts" in differing(quantizer, before)
    assert all(value.isfinite().all() for value in quantizer.state_dict().values())


def test_nan_is_seen_in_what_the_decoder_gets():
    batch = next(broken_batches())
    out = quantizer_of()(batch)
    assert out.z_q[3, 1, 2].isnan() and out.z_q.isnan().sum() == 1


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_outside_training_what_is_not_finite_has_no_nearest_code(wrong):
    batch = FAR.clone()
    batch[0, 0, 0] = wrong
    for search in (lambda: nearest_code(batch, CODES), lambda: quantizer_of().eval()(batch)):
        with pytest.raises(ValueError, match=f"z_e must hold finite numbers, got {wrong}"):
            search()
    with pytest.raises(ValueError, match="codebook must hold finite numbers, got nan"):
        nearest_code(FAR, CODES / 0 * 0)


# ----------------------------------------------------------------------------- empty batches


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("shape", [(0, 2, 3), (0, 2, 3, 5), (0, 2), (4, 2, 0)])
def test_an_empty_batch_gives_empty_results_and_changes_nothing(update, training, shape):
    quantizer = quantizer_of(update).train(training)
    before = state_of(quantizer)
    out = quantizer(torch.zeros(shape, requires_grad=True))
    assert out.z_q.shape == shape and out.indices.shape == shape[:1] + shape[2:]
    assert out.indices.dtype == torch.long
    assert (out.codebook_loss, out.commitment_loss, out.perplexity) == (0, 0, 1)
    (out.z_q.sum() + out.commitment_loss).backward()
    assert differing(quantizer, before) == []
    assert nearest_code(torch.zeros(shape), CODES).shape == shape[:1] + shape[2:]


def test_a_run_whose_checkpoint_has_no_flag_goes_on(tmp_path):
    """As all checkpoints that were written before there was one."""
    levels = torch.randint(2, (4, 1, 4, 4), dtype=torch.uint8)
    sizes = {"in_channels": 1, "n_levels": 2, "n_codes": 4, "code_dim": 2, "n_channels": 2}

    def train(epochs):
        model = VQVAE(**sizes)
        config = FitConfig(epochs=epochs, batch_size=2)
        return model, fit(model, vqvae_step, (levels,), config, out=tmp_path, progress=False)

    train(1)
    (checkpoint,) = tmp_path.glob("*.safetensors")
    tensors, header = read_tensors(checkpoint)
    assert tensors.pop("model/quantizer.started")
    write_tensors(checkpoint, tensors, header)
    model, history = train(2)
    assert history.step == 4 and model.quantizer.started
