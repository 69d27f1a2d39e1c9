"""The files of a run: a checkpoint to go on from, and metrics.jsonl with a row for every few steps.

A checkpoint is one safetensors file. Weights, optimiser and random-number state are tensors; step,
history and configuration are JSON in its header. Nothing is pickled, so that a checkpoint from
elsewhere can be read safely; a checksum in the header tells a file that has decayed.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tutorial_lib.contracts import checked
from tutorial_lib.files import (
    NOT_SUPPORTED,
    done_without,
    file_named,
    newest,
    remove_leftovers,
    write_whole,
)
from tutorial_lib.training.config import History
from tutorial_lib.training.distributed import is_main

HEADER, DIGEST = "tutorial_lib", "sha256"
LENGTHS = ("epochs", "minutes")
# What runs of earlier versions do not say, and had; None is whatever is asked for now.
ADDED_LATER = {
    "examples made by": None,
    "model.quantizer": "codebook",
    "model.fsq_levels": [8, 5, 5],
    "model.depth": 2,
}


class CheckpointError(RuntimeError):
    """A file that cannot be used: damaged, foreign, or of another configuration."""


class FolderInUse(CheckpointError):
    """Another run writes into this folder."""


@checked
def write_tensors(path: str | Path, tensors: dict, header: dict) -> None:
    """Write tensors and a JSON header to `path`, whole or not: the same content, the same bytes.

    Raises ValueError if the header has an entry "sha256", the name of the checksum.
    """
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"tensors[{name!r}] must be a torch.Tensor, got {type(value).__name__}")
    flat = _as_stored(tensors)
    if DIGEST in header:
        raise ValueError(
            f"header has an entry {DIGEST!r}: this name is taken by the file's checksum"
        )
    told = json.dumps(header | {DIGEST: _digest(flat, header)})
    # One entry only: safetensors writes several in an order that differs from file to file.
    write_whole(path, safetensors.torch.save(flat, metadata={HEADER: told}))


@checked
def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the header of a file by `write_tensors`. Raises CheckpointError otherwise."""
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
    return _digest(_as_stored(model.state_dict()), {})[:12]


def _as_stored(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


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
    cuda = {"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {}
    return {"cpu": torch.get_rng_state(), **cuda}


def save_run(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    header: dict,
    extra: dict[str, Tensor] | None = None,
    random_states: Sequence[dict[str, Tensor]] = (),
) -> None:
    """Write model, optimiser, the tensors of `extra` and the random numbers of all processes."""
    parts = {"model": model.state_dict(), "extra": extra or {}}
    for index, state in optimizer.state_dict()["state"].items():
        parts[f"optimizer/{index}"] = {k: torch.as_tensor(v) for k, v in state.items()}
    for rank, state in enumerate(random_states or [random_state()]):
        parts[_random_part(rank)] = state
    tensors = {f"{part}/{k}": v for part, held in parts.items() for k, v in held.items()}
    write_tensors(path, tensors, header)


def restore_run(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    fingerprint: dict,
    extra: dict[str, Tensor] | None = None,
    rank: int = 0,
) -> dict:
    """Put a saved state back in place, the random numbers of process `rank` too; the header.

    Raises CheckpointError if the run was started with another configuration, naming what differs.
    If it had fewer processes then, the random numbers of the others stay as they are.
    """
    tensors, header = read_tensors(path)
    require_same_run(path, header, fingerprint)
    model.load_state_dict(_part("model", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _part("optimizer", tensors).items():
        index, name = key.split("/", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    for name, tensor in (extra or {}).items():
        tensor.copy_(tensors[f"extra/{name}"])
    random = _part(_random_part(rank), tensors)
    if "cpu" in random:
        torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])
    return header


def _random_part(rank: int) -> str:
    return f"rng/{rank}" if rank else "rng"


def _part(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{name}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def require_same_run(path: Path, header: dict, fingerprint: dict) -> None:
    """CheckpointError, with a line for each entry that differs, if `path` holds another run.

    A finished run may be made longer: its epochs (or minutes) may be fewer than those asked for.
    """
    saved, history = header.get("fingerprint", {}), header.get("history", {})
    older = {k: v for k, v in ADDED_LATER.items() if k in fingerprint and v is not None}
    saved = {**older, **saved}
    known = [k for k in saved | fingerprint if k in saved or k not in ADDED_LATER]
    differing = [k for k in known if saved.get(k) != fingerprint.get(k)]
    length = "epochs" if saved.get("minutes") is None else "minutes"
    finished = "step" in history and history["step"] == history.get("n_steps")
    longer = differing == [length] and saved[length] < (fingerprint[length] or 0)
    if not differing or (finished and longer):
        return
    if len(differing) > 1 and "parameters" in differing:
        differing.remove("parameters")  # they follow from the sizes that differ
    lines = [f"  {_told(key, saved.get(key), fingerprint.get(key))}" for key in differing]
    advice = "Choose another folder, ask for what the run has, or delete its folder to start afresh"
    if set(differing) <= set(LENGTHS):
        advice += ". A run can be made longer when it has finished, and never shorter"
    raise CheckpointError("\n".join([f"{path} belongs to another run:", *lines, advice]))


def _told(key: str, saved: object, here: object) -> str:
    """One line on an entry that differs; of many parameters, the first."""
    if key == "parameters":
        names = [name for name in {**saved, **here} if saved.get(name) != here.get(name)]
        key, saved, here = names[0], saved.get(names[0]), here.get(names[0])
        if len(names) > 1:
            return f"{key}: {saved} there, {here} here; and {len(names) - 1} more parameters"
    return f"{key.removeprefix('model.')}: the run has {saved!r}, you ask for {here!r}"


class RunFolder:
    """The files of a run in `path`, written by the main process; None keeps nothing on disk."""

    def __init__(self, path: Path | None):
        self.path, self.writes = path, path is not None and is_main()
        if path is not None:
            self.checkpoint, self.metrics = path / "checkpoint.safetensors", path / "metrics.jsonl"
            self._lock = FileLock(path / "lock", fallback_to_soft=False)

    def saved(self) -> Path | None:
        """The checkpoint to go on from, if there is one."""
        found = self.path and newest(self.checkpoint)
        return found if found and found.exists() else None

    def begin(self, history: History) -> None:
        """Make metrics.jsonl say what the history says, clear up after a run that was killed.

        Its last rows may speak of steps that no checkpoint holds. FolderInUse if another run is
        writing here, CheckpointError if metrics.jsonl was written by another program.
        """
        if not self.writes:
            return
        self._require_own_metrics()
        rows = sorted(history.rows + history.valid_rows, key=lambda row: row["step"])
        with file_named(self.metrics):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                with done_without(NOT_SUPPORTED):  # a drive that knows no locks
                    self._lock.acquire(blocking=False)
            except Timeout:
                raise FolderInUse(
                    f"another run is writing into {self.path}: wait for its end, or choose another "
                    f"folder"
                ) from None
            remove_leftovers(self.checkpoint)
            text = "".join(json.dumps(row) + "\n" for row in rows)
            self.metrics.write_text(text, encoding="utf-8")

    def _require_own_metrics(self) -> None:
        if self.saved() or not self.metrics.exists():
            return
        with open(self.metrics, encoding="utf-8", errors="replace") as file:
            first = file.readline()
        if first.strip() and not first.startswith('{"step": '):
            raise CheckpointError(
                f"{self.metrics} is no record of a training, and would be overwritten: choose "
                f"another folder, or move it. It is left as it is"
            )

    def append(self, row: dict) -> None:
        """Add a row to metrics.jsonl."""
        if self.writes:
            with file_named(self.metrics), open(self.metrics, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def release(self) -> None:
        """Let other runs write here."""
        if self.path is not None:
            self._lock.release()
