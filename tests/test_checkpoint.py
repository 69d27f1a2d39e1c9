"""A checkpoint is whole or it is not there; a file that is not ours is refused with a sentence."""

from __future__ import annotations

import errno
import json
import os

import pytest
import safetensors.torch
import torch
from torch import nn

from tutorial_lib.training.checkpoint import (
    DIGEST,
    HEADER,
    CheckpointError,
    read_tensors,
    restore_run,
    save_run,
    write_tensors,
)

TENSORS = {
    "weights": torch.arange(6.0).view(2, 3),
    "turned": torch.arange(6.0).view(2, 3).T,
    "picture": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "half": torch.tensor([1.5], dtype=torch.bfloat16),
    "double": torch.tensor(1 / 3, dtype=torch.float64),
    "whole": torch.tensor([2**40, -1]),
    "bytes": torch.arange(5, dtype=torch.uint8),
    "none": torch.zeros(0, 3),
}
HEAD = {"step": 7, "loss": 0.1 + 0.2, "name": "ä", "rows": [{"a": None}]}


def test_what_is_written_is_read_back_to_the_last_bit(tmp_path):
    path = tmp_path / "new" / "folder" / "a.safetensors"
    write_tensors(path, TENSORS, HEAD)
    tensors, header = read_tensors(path)
    assert header == HEAD
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_what_is_written_shares_no_memory_with_the_model(tmp_path):
    weights = torch.zeros(3)
    write_tensors(tmp_path / "a", {"w": weights}, {})
    weights += 1
    assert not read_tensors(tmp_path / "a")[0]["w"].any()


# ------------------------------------------------------------------ a write that fails


def disk_full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def pulled_plug(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("moment", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("failure", [disk_full, pulled_plug])
@pytest.mark.parametrize("existed", [True, False])
def test_a_write_that_fails_leaves_the_old_file_whole_and_nothing_else(
    tmp_path, monkeypatch, moment, failure, existed
):
    path = tmp_path / "run.safetensors"
    if existed:
        write_tensors(path, {"w": torch.zeros(3)}, {"step": 1})
    monkeypatch.setattr(os, moment, failure)
    with pytest.raises((OSError, KeyboardInterrupt)):
        write_tensors(path, {"w": torch.ones(3)}, {"step": 2})
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == (["run.safetensors"] if existed else [])
    if existed:
        tensors, header = read_tensors(path)
        assert header == {"step": 1} and not tensors["w"].any()


def test_a_file_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, name=name, real=real: (order.append(name), real(*a))[1]
        )
    write_tensors(tmp_path / "a", {"w": torch.zeros(3)}, {})
    assert order == ["fsync", "replace"]


# ------------------------------------------------------------------ files that are not ours


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.safetensors"
    write_tensors(path, {"w": torch.arange(100.0)}, HEAD)
    return path


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused_with_its_name(good, share):
    whole = good.read_bytes()
    good.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match="good.safetensors is not a whole safetensors file"):
        read_tensors(good)


def test_a_file_with_something_behind_its_end_is_refused(good):
    good.write_bytes(good.read_bytes() + b"more")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        read_tensors(good)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    """torch.save writes pickles; reading one runs what it says."""

    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    torch.save({"w": torch.zeros(3), "trap": Trap()}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="model.pt is not a whole safetensors file"):
        read_tensors(tmp_path / "model.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_safetensors_file_of_another_program_is_refused(tmp_path):
    for metadata in (None, {"format": "pt"}):
        safetensors.torch.save_file({"w": torch.zeros(3)}, tmp_path / "a", metadata=metadata)
        with pytest.raises(CheckpointError, match="was not written by this library"):
            read_tensors(tmp_path / "a")


@pytest.mark.parametrize("text", ["{", "", "[1]", "null"])
def test_a_header_that_is_not_ours_is_refused(tmp_path, text):
    safetensors.torch.save_file({"w": torch.zeros(3)}, tmp_path / "a", metadata={HEADER: text})
    with pytest.raises(CheckpointError, match="a"):
        read_tensors(tmp_path / "a")


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        read_tensors(tmp_path)


def test_a_missing_file_is_missing_not_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "nowhere.safetensors")


# ----------------------------------------------------------------------- the state of a run


def trained(seed, steps):
    """A small network, its optimiser, and some steps of training."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(2))
    model(torch.zeros(1, 1, 5, 4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    more_steps(model, optimizer, steps)
    return model, optimizer


def more_steps(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(4, 1, 5, 4)).square().sum().backward()
        optimizer.step()


def test_a_restored_run_goes_on_as_if_nothing_had_happened(tmp_path):
    """Weights, the averages and step counts of Adam, and the random numbers of data and dropout."""
    model, optimizer = trained(seed=1, steps=3)
    save_run(tmp_path / "a", model, optimizer, {"fingerprint": {"lr": 0.05}, "step": 3})
    more_steps(model, optimizer, 3)
    other, other_optimizer = trained(seed=2, steps=1)
    header = restore_run(tmp_path / "a", other, other_optimizer, {"lr": 0.05})
    assert header["step"] == 3
    more_steps(other, other_optimizer, 3)
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_without_the_optimiser_state_the_run_would_go_elsewhere(tmp_path):
    """The probe of the test above can fail."""
    model, optimizer = trained(seed=1, steps=3)
    save_run(tmp_path / "a", model, optimizer, {"fingerprint": {}})
    more_steps(model, optimizer, 3)
    other, ignored = trained(seed=2, steps=1)
    restore_run(tmp_path / "a", other, ignored, {})
    more_steps(other, torch.optim.AdamW(other.parameters(), lr=0.05), 3)
    assert not torch.equal(other[0].weight, model[0].weight)


def test_a_run_before_its_first_step_can_be_saved_and_restored(tmp_path):
    model, optimizer = trained(seed=1, steps=0)
    save_run(tmp_path / "a", model, optimizer, {"fingerprint": {}})
    other, other_optimizer = trained(seed=2, steps=0)
    restore_run(tmp_path / "a", other, other_optimizer, {})
    assert torch.equal(other[0].weight, model[0].weight)


@pytest.mark.parametrize(
    ("here", "complaint"),
    [
        ({"epochs": 3, "lr": 0.1}, "  epochs: the run has 2, you ask for 3\n"),
        ({"epochs": 2}, "  lr: the run has 0.1, you ask for None\n"),
        ({"epochs": 2, "lr": 0.1, "seed": 1}, "  seed: the run has None, you ask for 1\n"),
        (
            {"epochs": 5, "lr": 0.2},
            "  epochs: the run has 2, you ask for 5\n  lr: the run has 0.1, you ask for 0.2\n",
        ),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused_naming_the_difference(
    tmp_path, here, complaint
):
    model, optimizer = trained(seed=1, steps=1)
    save_run(tmp_path / "a", model, optimizer, {"fingerprint": {"epochs": 2, "lr": 0.1}})
    before = model[0].weight.detach().clone()
    with pytest.raises(CheckpointError, match="belongs to another run") as caught:
        restore_run(tmp_path / "a", model, optimizer, here)
    assert complaint in str(caught.value)
    assert "Choose another folder" in str(caught.value)
    assert torch.equal(model[0].weight, before)


def test_the_header_is_readable_json_in_the_file_itself(good):
    with safetensors.safe_open(good, framework="pt") as file:
        told = json.loads(file.metadata()[HEADER])
    assert len(told.pop(DIGEST)) == 64
    assert told == HEAD


def test_the_same_content_gives_the_same_bytes(tmp_path):
    tensors = {name: torch.arange(5.0) for name in ("b", "a", "c")}
    for i in range(20):
        write_tensors(tmp_path / str(i), tensors, HEAD)
    assert len({(tmp_path / str(i)).read_bytes() for i in range(20)}) == 1


def test_the_name_of_the_checksum_is_taken(tmp_path):
    with pytest.raises(ValueError, match="'sha256'.*taken by the file's checksum"):
        write_tensors(tmp_path / "a", {}, {"sha256": 1})
    assert not (tmp_path / "a").exists()
