"""Notebooks as learners use them: Run All twice, cells pressed twice, cells out of order.

Every round compares what a reader sees, text and pictures, under the smoke profile and one seed.
Drawing anew is no fault: before a cell runs again, torch's random numbers are put back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from random import Random

from notebook_pairs import find_pairs

from drills import Drill
from drills.notebook_kernel import ERROR, Kernel, Outputs, left_behind, opened

QUICKEST = "01_images_as_sequences"
FIRST_RUNS: dict[Path, tuple[dict[int, Outputs], bytes]] = {}  # what a fresh kernel showed


def quickest_first() -> list[Path]:
    notebooks = [pair.notebook for pair in find_pairs()]
    return sorted(notebooks, key=lambda path: (path.stem != QUICKEST, path.stem))


@contextmanager
def fresh(notebook: Path) -> Iterator[tuple[Kernel, Path]]:
    with tempfile.TemporaryDirectory() as folder, opened(notebook, Path(folder)) as kernel:
        yield kernel, Path(folder)


def difference(kernel: Kernel, before: dict[int, Outputs], after: dict[int, Outputs]) -> str:
    """The first output that is another one, or nothing."""
    for i, seen in after.items():
        if seen != before[i]:
            pairs = zip(before[i] + [""] * len(seen), seen + [""] * len(before[i]), strict=True)
            old, new = next(pair for pair in pairs if pair[0] != pair[1])
            return f"{named(kernel, i)} shows {new[:200]!r} instead of {old[:200]!r}"
    return ""


def failure(kernel: Kernel, outputs: dict[int, Outputs]) -> str:
    """The first error of a run, or nothing."""
    for i, seen in outputs.items():
        for said in seen:  # a figure that was begun comes after its error
            if said.startswith(ERROR):
                return f"{named(kernel, i)} ends in {said[:200]}"
    return ""


def named(kernel: Kernel, i: int) -> str:
    lines = kernel.cells[i].source.strip().splitlines() or [""]
    return f"cell {i} ({lines[0][:50]})"


def run_first(notebook: Path, kernel: Kernel, folder: Path) -> dict[int, Outputs]:
    """Run All in a fresh kernel, kept for the drills to come."""
    outputs = kernel.run_all()
    kernel.write_random_numbers(folder / "before.pickle")
    FIRST_RUNS[notebook] = outputs, (folder / "before.pickle").read_bytes()
    return outputs


def first_run(notebook: Path) -> tuple[dict[int, Outputs], bytes]:
    """Outputs of Run All in a fresh kernel, and the random numbers that each cell began with."""
    if notebook not in FIRST_RUNS:
        with fresh(notebook) as (kernel, folder):
            run_first(notebook, kernel, folder)
    return FIRST_RUNS[notebook]


def run_all_twice(notebook: Path, rng: Random) -> str | None:
    """The second Run All of a kernel shows what the first one showed, and no file is left."""
    with fresh(notebook) as (kernel, folder):
        first, second = run_first(notebook, kernel, folder), kernel.run_all()
        told = failure(kernel, first) or difference(kernel, first, second)
        left = left_behind(folder)
    return told or (f"it left {left} in its own folder" if left else None)


def restart_and_run_all(notebook: Path, rng: Random) -> str | None:
    with fresh(notebook) as (kernel, _):
        return difference(kernel, first_run(notebook)[0], kernel.run_all()) or None


def each_cell_twice(notebook: Path, rng: Random) -> str | None:
    """Shift-Enter again: the same outputs, and the same under every later cell."""
    expected, told = first_run(notebook)[0], []
    with fresh(notebook) as (kernel, _):
        for i in kernel.code:
            for when, press in {"once": kernel.run, "again": kernel.run_again}.items():
                changed = difference(kernel, expected, {i: press(i)})
                told += [f"run {when}, {changed}"] if changed else []
    return "; ".join(told) or None


def right_or_refused(kernel: Kernel, expected: dict[int, Outputs], i: int, seen: Outputs) -> str:
    """Nothing if a cell shows what it should, or says which name is missing."""
    if any(said.startswith(f"{ERROR}NameError: name ") for said in seen):
        return ""
    return difference(kernel, expected, {i: seen})


def late_cell_first(notebook: Path, rng: Random) -> Iterator[str | None]:
    """Where no cell but the setup cell has run: one cell out of the middle."""
    expected, random_numbers = first_run(notebook)
    with fresh(notebook) as (kernel, folder):
        (folder / "before.pickle").write_bytes(random_numbers)
        setup, *late = kernel.code
        while True:
            kernel.forget_everything()
            kernel.run(setup)
            kernel.read_random_numbers(folder / "before.pickle")
            i = rng.choice(late)
            yield right_or_refused(kernel, expected, i, kernel.run_again(i)) or None


def there_and_back(notebook: Path, rng: Random) -> Iterator[str | None]:
    """When all has run: an earlier cell again, then a later one again, and so on."""
    with fresh(notebook) as (kernel, _):
        expected, done = kernel.run_all(), []
        while True:
            for i in sorted(rng.sample(kernel.code, 2)):
                done.append(i)
                told = right_or_refused(kernel, expected, i, kernel.run_again(i))
                yield f"after the cells {done}, {told}" if told else None


def in_turn(look: Callable[[Path, Random], Iterator[str | None]], times: int):
    """A drill that looks so often at each notebook, the quickest first, and begins again."""

    def drill(rounds: int, rng: Random) -> Iterator[str | None]:
        left = rounds
        for notebook in cycle(quickest_first()):
            outcomes = look(notebook, rng)
            for told in islice(outcomes, min(times, left)):
                yield f"{notebook.stem}: {told}" if told else None
            outcomes.close()
            left -= times
            if left <= 0:
                return

    return drill


def once(look: Callable[[Path, Random], str | None]):
    return in_turn(lambda notebook, rng: (look(notebook, rng) for _ in range(1)), times=1)


N = len(quickest_first())
DRILLS = (
    Drill("notebook: Run All twice in one kernel", once(run_all_twice), N, 0),
    Drill("notebook: restart and Run All", once(restart_and_run_all), N, 0),
    Drill("notebook: every cell run twice", once(each_cell_twice), N, 0),
    Drill("notebook: a late cell first", in_turn(late_cell_first, 10), 10 * N, 0),
    Drill("notebook: back to an early cell", in_turn(there_and_back, 20), 20 * N, 0),
)
