"""Files of weights that are damaged, foreign or hostile: refused with a sentence, at once."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import torch

from drills import Drill
from drills.downloads import HTML, with_bits_flipped
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.recipes.pretrained import load_weights, save_weights
from tutorial_lib.training.checkpoint import DIGEST, HEADER, CheckpointError

MOST_SECONDS = 5.0
RAN: list[str] = []  # what a pickle's code would leave behind


class Runs:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return RAN.append, ("code out of a file was run",)


def small_model() -> TwoStageModel:
    torch.manual_seed(0)
    vqvae = VQVAE(in_channels=1, n_levels=2, n_codes=3, code_dim=2, n_channels=4)
    return TwoStageModel(vqvae, GatedPixelCNN(n_channels=4, n_layers=2, n_levels=3, ordered=False))


def good_file(model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save_weights(Path(folder) / "m.safetensors", model)
        return (Path(folder) / "m.safetensors").read_bytes()


def header_of(body: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<Q", body)
    return json.loads(body[8 : 8 + length]), body[8 + length :]


def with_header(header: object, numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def truncated(body: bytes, rng: Random) -> bytes:
    return body[: rng.randrange(len(body))]


def something_behind(body: bytes, rng: Random) -> bytes:
    return body + rng.randbytes(rng.randint(1, 100))


def noise(body: bytes, rng: Random) -> bytes:
    return rng.randbytes(rng.randint(0, 5000))


def a_pickle(body: bytes, rng: Random) -> bytes:
    stream = io.BytesIO()
    value = rng.choice([Runs(), {"weights": Runs()}])
    if rng.random() < 0.5:
        torch.save(value, stream)
    else:
        pickle.dump(value, stream)
    return stream.getvalue()


def a_zip_or_a_page(body: bytes, rng: Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Runs()))
    return rng.choice([HTML, stream.getvalue()])


def a_wrong_length(body: bytes, rng: Random) -> bytes:
    length = rng.choice([0, 1, 2**63, 2**64 - 1, len(body), rng.randrange(2**40)])
    return struct.pack("<Q", length) + body[8:]


def wrong_offsets(body: bytes, rng: Random) -> bytes:
    header, numbers = header_of(body)
    entry = header[rng.choice([name for name in header if name != "__metadata__"])]
    entry["data_offsets"] = rng.choice([[0, 0], [0, len(numbers) * 2], [8, 4], [-4, 4]])
    return with_header(header, numbers)


def wrong_shapes(body: bytes, rng: Random) -> bytes:
    header, numbers = header_of(body)
    entry = header[rng.choice([name for name in header if name != "__metadata__"])]
    entry["shape"] = rng.choice([[2**40, 2**40], [], [1] * 100, [0]])
    return with_header(header, numbers)


def weights_exchanged(body: bytes, rng: Random) -> bytes:
    """Two tensors of the same shape have changed places."""
    header, numbers = header_of(body)
    names = [name for name in header if name != "__metadata__"]
    pairs = [
        (a, b)
        for a in names
        for b in names
        if a < b
        and header[a]["shape"] == header[b]["shape"]
        and header[a]["dtype"] == header[b]["dtype"]
    ]
    a, b = rng.choice(pairs)
    header[a], header[b] = header[b], header[a]
    return with_header(header, numbers)


def a_hostile_model(body: bytes, rng: Random) -> bytes:
    """The description asks for something huge, or for no model at all."""
    header, numbers = header_of(body)
    told = json.loads(header["__metadata__"][HEADER])
    part = told["model"]["parts"][rng.choice(["vqvae", "prior"])]
    wrong = rng.choice([10**9, 10**18, -1, 0, 2.5, "os.system('true')", None, [1], {"a": 1}])
    if rng.random() < 0.3:
        part["class"] = rng.choice(["os.system", "Linear", "TwoStageModel", 7, None])
    else:
        sizes = [name for name, value in part["config"].items() if type(value) is int]
        part["config"][rng.choice(sorted(sizes))] = wrong
    told.pop(DIGEST)  # its author knows no checksum, or drops it
    header["__metadata__"] = {HEADER: json.dumps(told)}
    return with_header(header, numbers)


def not_our_metadata(body: bytes, rng: Random) -> bytes:
    header, numbers = header_of(body)
    header["__metadata__"] = rng.choice([{}, {HEADER: "{"}, {HEADER: "[]"}, {HEADER: "[" * 9999}])
    return with_header(header, numbers)


FAULTS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(truncated, something_behind, with_bits_flipped, noise, a_pickle, a_zip_or_a_page),
    *(a_wrong_length, wrong_offsets, wrong_shapes, weights_exchanged, a_hostile_model),
    not_our_metadata,
)


def files_from_elsewhere(rounds: int, rng: Random) -> Iterator[str | None]:
    model = small_model()
    body = good_file(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        for i in range(rounds):
            fault = FAULTS[i % len(FAULTS)]
            path.write_bytes(fault(body, rng))
            began = time.monotonic()
            told = attempt(path, model)
            seconds = time.monotonic() - began
            if seconds > MOST_SECONDS:
                told = f"took {seconds:.0f} seconds"
            yield f"{fault.__name__}: {told}" if told else None


def attempt(path: Path, right: TwoStageModel) -> str | None:
    """Refused with a sentence that names the file; or, if the fault changed nothing, the model."""
    RAN.clear()
    try:
        model = load_weights(path)
    except CheckpointError as error:
        told = str(error)
        named = path.name in told or "describe no model of this library" in told
        return RAN[0] if RAN else None if named else f"a message without the file's name: {told}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    got, want = model.state_dict(), right.state_dict()
    alike = got.keys() == want.keys() and all(torch.equal(got[k], want[k]) for k in want)
    same = (model.vqvae.config, model.prior.config) == (right.vqvae.config, right.prior.config)
    return None if alike and same and not RAN else "a damaged file was loaded as another model"


DRILLS = (Drill("a file of weights from elsewhere", files_from_elsewhere, 1200, 72),)
