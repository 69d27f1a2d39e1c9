"""The look-up of the nearest code: its time and its memory, against a package in wide use.

Compared are `nearest_code` and a whole `VectorQuantizer` with vector-quantize-pytorch, on the same
field (B, D, height, width) in float32: 65,536 vectors of 64 numbers, 512 and 8,192 codes. Tasks:

    look-up     the indices of a field. The package has no call for these alone: its quantizer in
                eval mode, without a gradient, is the shortest way to them
    gradient    a training step of the quantizer, forward and backward, codes moved by a loss
    ema         the same, codes moved by averages

Before a clock runs, both must give the same indices and, in training, the same gradients. Memory is
the growth of the peak of the resident set during one run of the task, in a process of its own.
Claims: not slower in any task; no table of N x K x D numbers, nor of N x K: a look-up holds a copy
of the field and a small table, a training step about ten fields, and neither grows with K.

    pip install vector-quantize-pytorch                the other side; without it, ours alone
    python benchmarks/quantizer.py                     minutes, 14 GB; writes results/quantizer.json
    python benchmarks/quantizer.py --quick --out F     seconds; shows that it runs, and no more
"""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import tyro
from torch import Tensor
from tqdm.auto import tqdm

from tutorial_lib.codes.quantizer import VectorQuantizer, nearest_code, vectors_of
from tutorial_lib.recipes.results import provenance

RESULT = Path(__file__).parent / "results" / "quantizer.json"
PACKAGE = "vector-quantize-pytorch"
TASKS = ("look-up", "gradient", "ema")
LARGEST_DIFFERENCE = 1e-4  # between gradients, as a share of the largest
FLOAT_BYTES = 4
BALLAST_BYTES = 2**20


@dataclass(frozen=True)
class Settings:
    """What is timed. probe_vectors, probe_codes: a case small enough for the naive look-up."""

    batch_size: int = 64
    side: int = 32
    code_dim: int = 64
    n_codes: tuple[int, ...] = (512, 8192)
    threads: int = 2
    repetitions: int = 3
    probe_vectors: int = 4096
    probe_codes: int = 512


QUICK = Settings(
    batch_size=2,
    side=8,
    code_dim=4,
    n_codes=(5,),
    threads=1,
    repetitions=1,
    probe_vectors=2048,
    probe_codes=2048,
)


class Ours:
    """This library's quantizer, as a task runs it."""

    def __init__(self, task: str, codes: Tensor):
        update = "ema" if task == "ema" else "gradient"
        self.quantizer = VectorQuantizer(*codes.shape, update=update, decay=0.99)
        self.quantizer.train(task != "look-up")
        self.task, self.codebook = task, self.quantizer.codebook
        with torch.no_grad():
            self.codebook.copy_(codes)

    def run(self, z_e: Tensor) -> Tensor:
        """The indices; in training, gradients in z_e and in the codebook."""
        if self.task == "look-up":
            return nearest_code(z_e, self.codebook)
        out = self.quantizer(z_e)
        # The package averages squared errors over D as well.
        losses = (out.codebook_loss + out.commitment_loss) / z_e.shape[1]
        (out.z_q.mean() + losses).backward()
        return out.indices


class Theirs:
    """The package's quantizer, set to do the same: straight-through, beta = 1, images."""

    def __init__(self, task: str, codes: Tensor):
        from vector_quantize_pytorch import VectorQuantize

        self.quantizer = VectorQuantize(
            dim=codes.shape[1],
            codebook_size=len(codes),
            decay=0.99,
            rotation_trick=False,
            accept_image_fmap=True,
            ema_update=task == "ema",
            learnable_codebook=task != "ema",
        )
        self.quantizer.train(task != "look-up")
        self.codebook = self.quantizer._codebook.embed
        with torch.no_grad():
            self.codebook.copy_(codes)

    def run(self, z_e: Tensor) -> Tensor:
        """As in `Ours`."""
        z_q, indices, loss = self.quantizer(z_e)
        if self.quantizer.training:
            (z_q.mean() + loss).backward()
        return indices


class Naive:
    """The look-up as the formula reads: every vector minus every code, a table of N x K x D."""

    def __init__(self, task: str, codes: Tensor):
        self.codebook = codes

    def run(self, z_e: Tensor) -> Tensor:
        """The indices."""
        table = vectors_of(z_e)[:, None] - self.codebook
        return table.square_().sum(dim=2).argmin(dim=1)


SIDES = {"ours": Ours, "theirs": Theirs, "naive": Naive}


def problem(n_vectors: int, side: int, n_codes: int, code_dim: int) -> tuple[Tensor, Tensor]:
    """A field of vectors, each near one of the codes, and the codes."""
    noise = torch.Generator().manual_seed(0)
    codes = torch.randn(n_codes, code_dim, generator=noise)
    chosen = torch.randint(n_codes, (n_vectors // side**2, side, side), generator=noise)
    z_e = codes[chosen] + 0.1 * torch.randn(*chosen.shape, code_dim, generator=noise)
    return z_e.movedim(-1, 1).contiguous(), codes


def run(side, task: str, z_e: Tensor) -> Tensor:
    """One run of a task, from fresh gradients."""
    training = task != "look-up"
    z_e.requires_grad_(training).grad = None
    side.codebook.grad = None
    with torch.set_grad_enabled(training):
        return side.run(z_e)


def require_same(ours, theirs, task: str, z_e: Tensor) -> None:
    """RuntimeError unless indices and, in training, gradients agree."""
    results = []
    for side in (ours, theirs):
        indices = run(side, task, z_e)
        results.append((indices, z_e.grad, side.codebook.grad))
    if not torch.equal(results[0][0], results[1][0]):
        share = (results[0][0] != results[1][0]).double().mean().item()
        raise RuntimeError(f"{task}: {share:.2%} of the indices differ from those of {PACKAGE}")
    for name, one, two in zip(("z_e", "codebook"), results[0][1:], results[1][1:], strict=True):
        difference = 0.0 if one is None else (one - two.view_as(one)).abs().max().item()
        if difference and not difference < LARGEST_DIFFERENCE * one.abs().max().item():
            raise RuntimeError(f"{task}: gradients of the {name} differ by up to {difference}")


# ---------------------------------------------------------------------------------- memory


def peak_bytes() -> int:
    """The most memory that this process has ever held."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def growth_in_this_process(name: str, task: str, size: tuple[int, ...], threads: int) -> int:
    """By how many bytes one run raises the peak, after a small run has loaded all code."""
    torch.set_num_threads(threads)
    z_e, codes = problem(*size)
    side = SIDES[name](task, codes)
    run(side, task, torch.zeros(1, codes.shape[1], 1, 1))
    # What has been freed since the last peak would hide as much of the next one: fill it up.
    ballast, before = [], peak_bytes()
    while peak_bytes() == before:
        ballast.append(bytearray(b"\1") * BALLAST_BYTES)
    before = peak_bytes()
    run(side, task, z_e)
    return peak_bytes() - before


def growth(name: str, task: str, size: tuple[int, ...], threads: int) -> int | None:
    """The same in a process of its own; None where the system does not tell (Windows)."""
    if sys.platform == "win32":
        return None
    context = multiprocessing.get_context("spawn")  # a fork would start with our memory
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(growth_in_this_process, name, task, size, threads).result()


def measure_memory(names: list[str], task: str, size: tuple[int, ...], threads: int) -> dict:
    """What one run holds at its peak, and what whole tables would take."""
    n_vectors, _, n_codes, code_dim = size
    return {
        "task": task,
        "n_vectors": n_vectors,
        "n_codes": n_codes,
        "field_n_d_bytes": FLOAT_BYTES * n_vectors * code_dim,
        "table_n_k_bytes": FLOAT_BYTES * n_vectors * n_codes,
        "table_n_k_d_bytes": FLOAT_BYTES * n_vectors * n_codes * code_dim,
        "peak_growth_bytes": {name: growth(name, task, size, threads) for name in names},
    }


# ------------------------------------------------------------------------------------ time


def measure_time(names: list[str], task: str, size: tuple[int, ...], repetitions: int) -> dict:
    """Median seconds of a run, all sides in turn, once they have been found to agree."""
    z_e, codes = problem(*size)
    sides = {name: SIDES[name](task, codes) for name in names}
    if len(sides) == 2:
        require_same(*sides.values(), task, z_e)
    else:
        run(sides["ours"], task, z_e)  # it warms up, as the comparison does
    seconds = {name: [] for name in names}
    for _ in range(repetitions):
        for name, side in sides.items():
            start = time.perf_counter()
            run(side, task, z_e)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: median(times) for name, times in seconds.items()}
    ratio = {"times_as_fast": medians["theirs"] / medians["ours"]} if len(sides) == 2 else {}
    return {"median_seconds": medians, **ratio}


def measure(names: list[str], settings: Settings) -> list[dict]:
    """A line for each number of codes and task; all memory first, so that timing is in one go."""
    s = settings
    torch.set_num_threads(s.threads)
    cases = [
        (task, (s.batch_size * s.side**2, s.side, n_codes, s.code_dim))
        for n_codes in s.n_codes
        for task in TASKS
    ]
    rows = [
        measure_memory(names, *case, s.threads) for case in tqdm(cases, desc="memory", unit="case")
    ]
    for row, case in zip(rows, tqdm(cases, desc="time", unit="case"), strict=True):
        row |= measure_time(names, *case, s.repetitions)
    return rows


def table(rows: list[dict], probe: dict) -> str:
    """One line for each task: milliseconds, the most memory held, and what a table would take."""
    head = f"{'codes':>6}  {'task':<10}{'':<8}{'time':>12}{'peak memory':>14}{'field N x D':>14}"
    lines = [f"{head}{'table N x K':>14}"]
    for row in [*rows, probe]:
        for name, held in row["peak_growth_bytes"].items():
            seconds = row.get("median_seconds", {}).get(name)
            shown = "-" if seconds is None else f"{1e3 * seconds:.1f} ms"
            lines.append(
                f"{row['n_codes']:>6}  {row['task']:<10}{name:<8}{shown:>12}{_mib(held):>14}"
                f"{_mib(row['field_n_d_bytes']):>14}{_mib(row['table_n_k_bytes']):>14}"
            )
        if "times_as_fast" in row:
            lines[-1] += f"   ours is {row['times_as_fast']:.2f} times as fast"
    lines.append(f"naive, {probe['n_vectors']} vectors only: its table of N x K x D numbers")
    lines[-1] += f" takes {_mib(probe['table_n_k_d_bytes'])}, and the measurement sees it"
    return "\n".join(lines)


def _mib(size: int | None) -> str:
    return "-" if size is None else f"{size / 2**20:.1f} MiB"


def version_of_theirs() -> str | None:
    """The package's version, None where it is not installed."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None


def main(
    settings: Annotated[Settings, tyro.conf.arg(name="")] = Settings(),  # noqa: B008
    *,
    quick: bool = False,
    out: Path = RESULT,
) -> None:
    """Time the quantizer and the look-up of codes, and measure their memory.

    settings: what is timed
    quick: tiny sizes instead, to see that the script runs; its times say nothing
    out: the JSON file to be written
    """
    s = QUICK if quick else settings
    theirs = version_of_theirs()
    rows = measure(["ours", "theirs"] if theirs else ["ours"], s)
    probe_size = (s.probe_vectors, s.side, s.probe_codes, s.code_dim)
    probe = measure_memory(["ours", "naive"], "look-up", probe_size, s.threads)
    print(table(rows, probe))
    if theirs is None:
        print(f"{PACKAGE} is not installed, so ours stands alone: pip install {PACKAGE}")
        if out == RESULT:
            return print(f"{RESULT.name} is left as it is")
    result = {
        "benchmark": "quantizer",
        "quick": quick,
        "compared_with": theirs and f"{PACKAGE} {theirs}",
        "settings": asdict(s),
        "provenance": provenance(),
        "rows": rows,
        "probe": probe,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    tyro.cli(main)
