"""The state of a training run as one safetensors file, written whole or not at all.

Weights, optimiser state and random-number state are tensors; step, history and configuration are
JSON in the file's header. Nothing is pickled, so a checkpoint from elsewhere can be read safely; a
checksum of everything in the header tells a file that has decayed.
Whoever is interrupted leaves either the old checkpoint or the new one (`whole_file`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tutorial_lib.contracts.plain import require_instance, require_path
from tutorial_lib.contracts.validation import require_tensor
from tutorial_lib.training.whole_file import write_whole

HEADER, DIGEST = "tutorial_lib", "sha256"
LENGTHS = ("epochs", "minutes")
ADDED_LATER = {"examples made by"}  # runs of earlier versions do not say it


class CheckpointError(RuntimeError):
    """A file that cannot be used: damaged, foreign, or of another configuration."""


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict) -> None:
    """Write tensors and a JSON header to `path` atomically: the same content, the same bytes.

    Raises ValueError if the header has an entry "sha256", the name of the checksum.
    """
    path = require_path("path", path)
    require_instance("header", header, dict)
    for name, tensor in require_instance("tensors", tensors, dict).items():
        require_tensor(f"tensors[{name!r}]", tensor)
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    if DIGEST in header:
        raise ValueError(
            f"header has an entry {DIGEST!r}: this name is taken by the file's checksum"
        )
    told = json.dumps(header | {DIGEST: _digest(flat, header)})
    # One entry only: safetensors writes several in an order that differs from file to file.
    write_whole(path, safetensors.torch.save(flat, metadata={HEADER: told}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the header of a file by `write_tensors`. Raises CheckpointError otherwise."""
    require_path("path", path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        header = json.loads(metadata.get(HEADER, "null"))
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error})") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path} is a safetensors file, but was not written by this library")
    checksum = header.pop(DIGEST, None)
    if checksum is not None and checksum != _digest(tensors, header):
        raise CheckpointError(f"{path} is damaged: its content does not fit its checksum")
    return tensors, header


def digest_of(model: nn.Module) -> str:
    """Twelve letters that stand for the weights of a model."""
    flat = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    return _digest(flat, {})[:12]


def _digest(tensors: dict[str, Tensor], header: dict) -> str:
    """SHA-256 of all names, dtypes, shapes and numbers, and of the header."""
    digest = hashlib.sha256(json.dumps(header).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        if tensor.numel():
            digest.update(memoryview(tensor.reshape(-1).view(torch.uint8).numpy()))
    return digest.hexdigest()


def random_state() -> dict[str, Tensor]:
    """The state of this process's random numbers."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def save_run(
    path: Path,
    model: nn.Module,
    optimizer,
    header: dict,
    extra: dict[str, Tensor] | None = None,
    random_states: Sequence[dict[str, Tensor]] = (),
) -> None:
    """Write model, optimiser and random-number state of a run, and what else belongs to it.

    random_states   of every process, if there are several; else those of this one are taken
    """
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer/{index}/{name}"] = torch.as_tensor(value)
    tensors |= {f"extra/{name}": tensor for name, tensor in (extra or {}).items()}
    for rank, state in enumerate(random_states or [random_state()]):
        tensors |= {f"{_random_prefix(rank)}{name}": value for name, value in state.items()}
    write_tensors(path, tensors, header)


def restore_run(
    path: Path,
    model: nn.Module,
    optimizer,
    fingerprint: dict,
    extra: dict[str, Tensor] | None = None,
    rank: int = 0,
) -> dict:
    """Put a saved state back into model, optimiser, random numbers and the tensors of `extra`.

    Returns the header. The random numbers are those of process number `rank`; if the run had fewer
    processes then, they stay as they are.

    Raises CheckpointError if the run was started with another configuration, naming what differs;
    a finished run may be given more epochs, or more minutes.
    """
    tensors, header = read_tensors(path)
    require_same_run(path, header, fingerprint)
    model.load_state_dict(_below("model/", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _below("optimizer/", tensors).items():
        index, name = key.split("/", 1)
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    saved_extra = _below("extra/", tensors)
    for name, tensor in (extra or {}).items():
        tensor.copy_(saved_extra[name])
    random = _below(_random_prefix(rank), tensors)
    if "cpu" in random:
        torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])
    return header


def require_same_run(path: Path, header: dict, fingerprint: dict) -> None:
    """CheckpointError, with a line for each entry that differs, if `path` holds another run.

    A finished run may be made longer: its epochs (or minutes) may be fewer than those asked for.
    """
    saved = header.get("fingerprint", {})
    known = [k for k in saved | fingerprint if k in saved or k not in ADDED_LATER]
    differing = [k for k in known if saved.get(k) != fingerprint.get(k)]
    if not differing or _is_longer(header, fingerprint, differing):
        return
    if len(differing) > 1 and "parameters" in differing:
        differing.remove("parameters")  # they follow from the sizes that differ
    lines = [f"  {_told(key, saved.get(key), fingerprint.get(key))}" for key in differing]
    advice = "Choose another folder, ask for what the run has, or delete its folder to start afresh"
    if set(differing) <= set(LENGTHS):
        advice += ". A run can be made longer when it has finished, and never shorter"
    raise CheckpointError("\n".join([f"{path} belongs to another run:", *lines, advice]))


def _is_longer(header: dict, fingerprint: dict, differing: list[str]) -> bool:
    """Whether a finished run is asked for more of what its length is counted in."""
    history, saved = header.get("history", {}), header["fingerprint"]
    counted_in = "epochs" if saved.get("minutes") is None else "minutes"
    finished = "step" in history and history["step"] == history.get("n_steps")
    return (
        finished
        and differing == [counted_in]
        and fingerprint[counted_in] is not None
        and fingerprint[counted_in] > saved[counted_in]
    )


def _told(key: str, saved: object, here: object) -> str:
    """One line on an entry that differs; of many parameters, the first."""
    if key == "parameters":
        names = [name for name in {**saved, **here} if saved.get(name) != here.get(name)]
        key, saved, here = names[0], saved.get(names[0]), here.get(names[0])
        if len(names) > 1:
            return f"{key}: {saved} there, {here} here; and {len(names) - 1} more parameters"
    return f"{key.removeprefix('model.')}: the run has {saved!r}, you ask for {here!r}"


def _random_prefix(rank: int) -> str:
    return f"rng/{rank}/" if rank else "rng/"


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
