"""Faults while a data set is fetched: no fault, wherever it strikes, ends in a wrong image."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from unittest import mock

import torch
from loopback_server import LoopbackServer, Page, closed_port_url
from small_data_sets import SMALL, small_entry

from drills import Drill
from tutorial_lib import data
from tutorial_lib.data.catalog import CATALOG

HTML = b"<!doctype html><title>Sign in</title><p>This network needs a login.</p>"
NAMES = tuple(SMALL)


def cut_off(body: bytes, rng: Random) -> Page:
    return Page(body[: rng.randrange(len(body))], promised=len(body))


def shorter(body: bytes, rng: Random) -> Page:
    return Page(body[: rng.randrange(len(body))])


def longer(body: bytes, rng: Random) -> Page:
    return Page(body + rng.randbytes(rng.randint(1, 1000)))


def flipped(body: bytes, rng: Random) -> Page:
    return Page(with_bits_flipped(body, rng))


def with_bits_flipped(body: bytes, rng: Random) -> bytes:
    changed = bytearray(body)
    for place in {rng.randrange(len(body)) for _ in range(rng.randint(1, 5))}:
        changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def a_hole_of_zeros(body: bytes, rng: Random) -> Page:
    start = rng.randrange(len(body))
    end = min(len(body), start + rng.randint(1, 4096))
    return Page(body[:start] + bytes(end - start) + body[end:])


def another_file(body: bytes, rng: Random) -> Page:
    return Page(rng.choice(SMALL[rng.choice(NAMES)][0]))


def a_login_page(body: bytes, rng: Random) -> Page:
    return Page(HTML)


def a_refusal(body: bytes, rng: Random) -> Page:
    return Page(HTML, status=rng.choice((403, 404, 429, 500, 503)))


def nothing_at_all(body: bytes, rng: Random) -> Page:
    return Page(b"")


FAULTS: tuple[Callable[[bytes, Random], Page], ...] = (
    *(cut_off, shorter, longer, flipped, a_hole_of_zeros),
    *(another_file, a_login_page, a_refusal, nothing_at_all),
)


@contextlib.contextmanager
def served(name: str, server: LoopbackServer, folder: Path) -> Iterator[None]:
    """The small files of a data set on the server, and an empty cache."""
    environment = {"TUTORIAL_DATA_DIR": str(folder), "NO_PROXY": "127.0.0.1"}
    with (
        mock.patch.dict(CATALOG, {name: small_entry(name, server.url)}),
        mock.patch.dict(os.environ, environment),
    ):
        put_good_files(name, server)
        yield


def put_good_files(name: str, server: LoopbackServer) -> None:
    for place, content in enumerate(SMALL[name][0]):
        server.pages[f"/{name}/{place}"] = Page(content)


def truth() -> dict[str, list[torch.Tensor]]:
    """Every small data set as it is when nothing goes wrong."""
    found = {}
    with LoopbackServer() as server:
        for name in NAMES:
            with tempfile.TemporaryDirectory() as folder, served(name, server, Path(folder)):
                found[name] = tensors_of(data.load(name, progress=False))
    return found


def tensors_of(dataset) -> list[torch.Tensor]:
    return [
        t
        for split in dataset.splits().values()
        for t in (split.levels, split.labels)
        if t is not None
    ]


def same(dataset, right: list[torch.Tensor]) -> bool:
    got = tensors_of(dataset)
    return len(got) == len(right) and all(map(torch.equal, got, right))


def attempt(name: str, right: list[torch.Tensor]) -> tuple[str, str | None]:
    """("right" or "refused", None), or what is wrong."""
    try:
        dataset = data.load(name, progress=False)
    except data.DataUnavailable as error:
        told = None if "TUTORIAL_DATA_DIR" in str(error) else f"a message without help: {error}"
        return "refused", told
    except Exception as error:
        return "broken", f"{name}: {type(error).__name__}: {error}"
    return "right", None if same(dataset, right) else f"{name}: WRONG IMAGES were loaded"


def faulty_downloads(rounds: int, rng: Random) -> Iterator[str | None]:
    """A fault in one file, at a random place; with the server well again, all must be well."""
    right = truth()
    with LoopbackServer() as server:
        for i in range(rounds):
            name, fault = rng.choice(NAMES), FAULTS[i % len(FAULTS)]
            place = rng.randrange(len(SMALL[name][0]))
            with tempfile.TemporaryDirectory() as folder, served(name, server, Path(folder)):
                server.pages[f"/{name}/{place}"] = fault(SMALL[name][0][place], rng)
                _, told = attempt(name, right[name])
                put_good_files(name, server)
                yield told or afterwards(name, right[name], Path(folder))


def afterwards(name: str, right: list[torch.Tensor], folder: Path) -> str | None:
    """With a healthy server the data are right, and nothing but them is left in the cache."""
    outcome, told = attempt(name, right)
    if outcome != "right" or told:
        return told or f"{name}: still refused when the server was well again"
    expected = {folder / file.filename for file in CATALOG[name].files}
    odd = [p.name for p in folder.rglob("*") if p.is_file() and p not in expected]
    return f"{name}: left behind: {odd}" if odd else None


def damaged_caches(rounds: int, rng: Random) -> Iterator[str | None]:
    """A file in the cache decays, with a server in reach or without one."""
    right = truth()
    with LoopbackServer() as server:
        for _ in range(rounds):
            name = rng.choice(NAMES)
            with tempfile.TemporaryDirectory() as folder, served(name, server, Path(folder)):
                data.load(name, progress=False)
                path = Path(folder) / rng.choice(CATALOG[name].files).filename
                body = path.read_bytes()
                path.write_bytes(rng.choice(FAULTS[:5])(body, rng).body)
                leftover = path.with_name(f".{path.name}.1.abc.part")
                leftover.write_bytes(body[: rng.randrange(len(body))])
                told = None
                if rng.random() < 0.5:
                    entry = small_entry(name, closed_port_url)
                    with mock.patch.dict(CATALOG, {name: entry}):
                        _, told = attempt(name, right[name])
                leftover.unlink(missing_ok=True)
                yield told or kept_until_deleted(name, right[name], path)


def kept_until_deleted(name: str, right: list[torch.Tensor], path: Path) -> str | None:
    """What lies where a file belongs, and is another, stays; once it is deleted all is well."""
    decayed = path.read_bytes()
    outcome, told = attempt(name, right)
    if told or path.read_bytes() != decayed:
        return told or f"{name}: {path.name} was overwritten"
    if outcome == "refused":
        path.unlink()
    return afterwards(name, right, path.parents[1])


TWO_AT_ONCE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from unittest import mock
from small_data_sets import small_entry
from tutorial_lib import data
from tutorial_lib.data.catalog import CATALOG
print("ready", flush=True)
for line in sys.stdin:
    name, folder, address = line.split()
    os.environ["TUTORIAL_DATA_DIR"] = folder
    with mock.patch.dict(CATALOG, {name: small_entry(name, lambda path: address + path)}):
        print(len(data.load(name, progress=False).train), flush=True)
"""


def two_processes_at_once(rounds: int, rng: Random) -> Iterator[str | None]:
    """Both fetch the same files into the same empty cache at the same moment."""
    right = truth()
    command = [sys.executable, "-c", TWO_AT_ONCE, str(Path(__file__).resolve().parents[1])]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    with LoopbackServer() as server, contextlib.ExitStack() as stack:
        both = [
            stack.enter_context(subprocess.Popen(command, env=environment, **pipes))
            for _ in range(2)
        ]
        for process in both:
            process.stdout.readline()
        for _ in range(rounds):
            name = rng.choice(NAMES)
            with tempfile.TemporaryDirectory() as folder, served(name, server, Path(folder)):
                for process in both:
                    process.stdin.write(f"{name} {folder} {server.url('')}\n")
                    process.stdin.flush()
                answers = [process.stdout.readline().strip() for process in both]
                if answers != [str(SMALL[name][1][0])] * 2:
                    yield f"{name}: the two answered {answers}"
                    continue
                yield afterwards(name, right[name], Path(folder))


def read_only_caches(rounds: int, rng: Random) -> Iterator[str | None]:
    """A cache that may not be written to: read if it is full, a sentence if it is not."""
    right = truth()
    with LoopbackServer() as server:
        for i in range(rounds):
            name = rng.choice(NAMES)
            with tempfile.TemporaryDirectory() as folder, served(name, server, Path(folder)):
                if i % 2:
                    data.load(name, progress=False)
                with read_only(Path(folder)):
                    outcome, told = attempt(name, right[name])
                wanted = "right" if i % 2 else "refused"
                yield told or (None if outcome == wanted else f"{name}: {outcome}, not {wanted}")


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written below; for root, who may write everywhere, as another user."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for each in folders:
        each.chmod(0o555)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for each in folders:
            each.chmod(0o755)


def _why_not_read_only() -> str:
    """Why no folder can be made read-only here, or nothing."""
    if os.name == "nt":
        return "folders have no modes here"
    if os.geteuid() == 0:
        try:
            os.seteuid(65534)
            os.seteuid(0)
        except OSError as error:
            return f"root may write everywhere, and cannot be another user here ({error})"
    return ""


NO_MODES = _why_not_read_only()
DRILLS = (
    Drill("a download that goes wrong", faulty_downloads, 300, 27),
    Drill("a cache file that decays", damaged_caches, 150, 8),
    Drill("two processes fetching at once", two_processes_at_once, 100, 1),
    Drill("a cache folder that is read-only", read_only_caches, 60, 4, NO_MODES),
)
