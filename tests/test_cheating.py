"""No attempt to cheat raises a grade, and what never ends or eats the memory gets zero points.

Each attempt is a notebook's cells under a variant, whose right answer is nowhere in the library; an
honest wrong answer would get 0 points, and so must they. Those that go at the processes run without
the sandbox as well: a grade must be safe without it.
"""

import dataclasses
import time
from pathlib import Path

import nbformat
import pytest
from few import few
from submissions import hand_in

from tutorial_lib.classroom import course, landlock, sandbox
from tutorial_lib.classroom.remote import grade_apart
from tutorial_lib.classroom.variants import variant_of
from tutorial_lib.classroom.worker_process import Limits, WorkerProcess
from tutorial_lib.exercises import ch02

VARIANT = variant_of(ch02.causal_mask, 3)
EXERCISE = dataclasses.replace(VARIANT.exercise, time_limit_seconds=3.0)
LIBRARY = "from tutorial_lib.pixels.masks import causal_mask"
WRONG = "def causal_mask(kernel_size, *, include_center):\n    import torch\n    "
ATTEMPTS = {
    "the library's solution": LIBRARY,
    "redefine check and grade": f"""{LIBRARY}
from tutorial_lib.exercises import ch02, engine, definition
from tutorial_lib.exercises.ch02 import causal_mask as exercise
engine.Exercise.check = engine.Exercise.grade = lambda self, f, seed=None: self
definition.Grade.points = definition.CheckResult.points = 3
exercise.checks = ()""",
    "patch the library": f"""{LIBRARY}
from tutorial_lib.exercises import comparing, trials, running, arguments
import tutorial_lib.classroom.wire as wire
trials.compare = lambda *args, **options: None
comparing.agree = trials.agree = lambda got, want: True
arguments.plain = lambda value: value""",
    "patch torch": f"""{LIBRARY}
import torch
torch.equal = torch.allclose = lambda *args, **options: True
torch.isclose = lambda a, b, *args, **options: torch.ones_like(a, dtype=torch.bool)
torch.Tensor.__eq__ = lambda self, other: torch.ones_like(self, dtype=torch.bool)""",
    "look through the stack and the memory": WRONG
    + """import gc, sys
    frame, found = sys._getframe(), []
    while frame is not None:
        found += [*frame.f_locals.values(), *frame.f_globals.values()]
        frame = frame.f_back
    found += gc.get_objects()
    for each in found:
        if callable(each) and getattr(each, "__qualname__", "").startswith("_causal_mask"):
            return each(kernel_size, include_center=include_center)
        if type(each).__name__ in ("Exercise", "Plan", "Variant", "Trial"):
            right = getattr(each, "reference", None)
            if right is not None and getattr(each, "name", "") == "causal_mask":
                return right(kernel_size, include_center=include_center)
    return torch.zeros(kernel_size, kernel_size)""",
    "equal to everything": WRONG
    + """class Yes:
        shape, dtype, ndim = (kernel_size, kernel_size), torch.float32, 2
        __class__ = torch.Tensor
        def __eq__(self, other): return True
        def __getattr__(self, name): return lambda *args, **options: self
        def __bool__(self): return True
        def __reduce__(self): return (print, ("unpickled",))
    return Yes()""",
    "a tensor that agrees with everything": WRONG
    + """class Yes(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), options=None):
            return torch.tensor(True)
    return torch.zeros(kernel_size, kernel_size).as_subclass(Yes)""",
    "nan": WRONG + 'return torch.full((kernel_size, kernel_size), float("nan"))',
    "sys.exit": WRONG + "import sys; sys.exit(0)",
    "os._exit": WRONG + "import os; os._exit(0)",
    "exit in a cell": "import os\nos._exit(0)",
    "fork and wait": WRONG
    + """import os
    if os.fork():
        os.wait()
    return torch.zeros(kernel_size, kernel_size)""",
    "fork, and let both answer": WRONG
    + "import os; os.fork(); return torch.zeros(kernel_size, kernel_size)",
    "answers written into the channel": WRONG
    + """import os
    from tutorial_lib.classroom import wire, worker
    says = ("value", (torch.ones(kernel_size, kernel_size), None), "")
    for handle in range(3, 12):
        try:
            with os.fdopen(os.dup(handle), "wb") as stream:
                for number in range(30):
                    worker.send(stream, number, wire.encode(says))
        except OSError:
            pass
    return torch.zeros(kernel_size, kernel_size)""",
    "rubbish written into the channel": WRONG
    + """import os
    for handle in range(3, 12):
        try:
            os.write(handle, b"\\xff" * 100)
        except OSError:
            pass
    return torch.zeros(kernel_size, kernel_size)""",
    "the channel closed": WRONG + "import os; os.closerange(0, 100)",
}
# One of each kind comes first: `make test` tries these, `make faults` all.
SHARPEST = (
    *("answers written into the channel", "look through the stack and the memory"),
    *("equal to everything", "patch the library", "fork, and let both answer"),
)
TRIED = [*SHARPEST, *(attempt for attempt in ATTEMPTS if attempt not in SHARPEST)]
AT_PROCESSES = (
    *("answers written into the channel", "os._exit", "fork and wait", "the channel closed"),
    *("fork, and let both answer", "rubbish written into the channel"),
)
READS = {
    "import the variants": f"""{LIBRARY}
import random
from tutorial_lib.classroom.variants.ch02.ex1_causal_mask import causal_mask as variants
causal_mask = variants.draw(random.Random("ch02.causal_mask 3")).exercise.reference
text = "it was imported"
""",
    "read the variants from the disk": f"""{LIBRARY}
import glob, tutorial_lib
text = ""
for file in glob.glob(tutorial_lib.__path__[0] + "/classroom/variants/**/*.py", recursive=True):
    text += open(file).read()
""",
    "read through torch": f"""{LIBRARY}
import torch, tutorial_lib
from pathlib import Path
file = Path(tutorial_lib.__path__[0]) / "classroom" / "variants" / "variant.py"
text = bytes(torch.from_file(str(file), size=300, dtype=torch.uint8)).decode()
""",
}


def graded(cells, *, shut=True, **limits):
    """(points, everything that is told) of these cells, handed in for the variant."""
    with WorkerProcess(Limits(sandbox=shut, cell_seconds=5.0, **limits)) as worker:
        complaints = worker.run_cells(cells)
        grade = grade_apart(EXERCISE, worker, seed=1)
    told = [f"{message} {evidence}" for _, message, evidence in complaints]
    told += [
        f"{each.failure.message} {each.failure.evidence}" for each in grade.details if each.failure
    ]
    return grade.points, " ".join(told)


def the_right_answer():
    """As a student would write it who read the card."""
    rows = {
        size: EXERCISE.reference(size, include_center=False).tolist() for size in range(1, 22, 2)
    }
    return f"""import torch
ROWS = {rows}
def causal_mask(kernel_size, *, include_center):
    mask = torch.tensor(ROWS[kernel_size])
    mask[kernel_size // 2, kernel_size // 2] = float(include_center)
    return mask"""


@pytest.mark.parametrize("shut", few([True, False], 1), ids=["sandbox", "no-sandbox"])
def test_honest_work_gets_its_points(shut):
    assert graded([the_right_answer()], shut=shut) == (EXERCISE.points, "")


@pytest.mark.parametrize(
    ("attempt", "shut"),
    [
        *few([(attempt, True) for attempt in TRIED], len(SHARPEST)),
        *few([(attempt, False) for attempt in AT_PROCESSES], 1),
    ],
    ids=[*TRIED, *(f"{attempt}-no-sandbox" for attempt in AT_PROCESSES)],
)
def test_no_attempt_raises_the_score(attempt, shut):
    points, told = graded([ATTEMPTS[attempt]], shut=shut)
    assert points == 0
    assert told


@pytest.mark.parametrize("attempt", READS)
def test_what_is_secret_cannot_be_read(attempt):
    if attempt == "read through torch" and not landlock.version():
        pytest.skip("this kernel has no Landlock, and the audit hook does not see compiled code")
    points, told = graded([READS[attempt] + "\nassert not text, 'it could be read'"])
    assert points == 0
    assert "it could be read" not in told


@pytest.mark.long
@pytest.mark.parametrize("attempt", [name for name in READS if name != "read through torch"])
def test_without_the_kernels_help_python_itself_keeps_what_is_secret(attempt):
    points, told = graded(
        [READS[attempt] + "\nassert not text, 'it could be read'"], landlock=False
    )
    assert points == 0
    assert "it could be read" not in told


@pytest.mark.parametrize("attempt", few(READS, 1))
def test_the_attempts_to_read_would_work_without_a_sandbox(attempt):
    _, told = graded([READS[attempt] + "\nassert not text, 'it could be read'"], shut=False)
    assert "it could be read" in told


@pytest.mark.long
def test_good_work_beside_an_attempt_keeps_its_points_and_no_more():
    cells = [ATTEMPTS["patch torch"].removeprefix(LIBRARY), the_right_answer()]
    points, _ = graded(cells)
    assert points <= EXERCISE.points


BOMBS = {
    "a loop that catches everything": (
        "while True:\n        try:\n            while 1: pass\n        except BaseException: 1",
        "more than",
    ),
    "one huge tensor": ("return torch.ones(1 << 40)", "MiB"),
    "a loop without end": ("while True: pass", "more than"),
    "a loop in compiled code": ("sum(range(10**13))", "more than"),
    "sleep": ("import time; time.sleep(1000)", "more than"),
    "a list without end": ("x = [0]\n    while True: x += x", "MiB"),
    "tensors without end": (
        "x = []\n    while True: x.append(torch.ones(1 << 22))",
        "MiB",
    ),
}


@pytest.mark.parametrize("bomb", few(BOMBS, 2))
def test_what_never_ends_or_eats_the_memory_gets_zero_with_a_reason_in_time(bomb):
    body, reason = BOMBS[bomb]
    with WorkerProcess(Limits(memory_mib=512)) as worker:
        worker.run_cells([WRONG + body])
        began = time.monotonic()
        grade = grade_apart(EXERCISE, worker, seed=1)
        seconds = time.monotonic() - began
    assert grade.points == 0
    assert reason in grade.failure.message
    assert seconds < EXERCISE.time_limit_seconds + 6


@pytest.mark.long
def test_a_cell_without_end_is_left_out_and_the_others_are_graded():
    points, told = graded(["while True: pass", the_right_answer()])
    assert points == EXERCISE.points
    assert "more than 5 seconds" in told


def test_nothing_of_a_worker_is_left_behind(tmp_path):
    with WorkerProcess() as worker:
        worker.run_cells([the_right_answer()])
        pid, scratch = worker.process.pid, Path(worker.scratch)
        assert scratch.exists()
    assert not scratch.exists()
    with pytest.raises(ProcessLookupError):
        __import__("os").kill(pid, 0)


@pytest.fixture(scope="module")
def small_course(tmp_path_factory):
    pytest.importorskip("nbgrader")
    folder = tmp_path_factory.mktemp("course")
    course.build_course(folder, names=["02"], variant_seed=3, progress=False)
    return folder


def cell_named(folder, student, name):
    path = folder / "submitted" / student / "ch02" / "ch02.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (cell,) = (c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
    return path, notebook, cell


@pytest.mark.long
def test_a_notebook_that_was_tampered_with_gets_no_points_for_it(small_course):
    """Whole submissions through nbgrader: the gradebook written to, graded cells rewritten."""
    book = small_course / "gradebook.db"
    write = f"import sqlite3\nwith sqlite3.connect({str(book)!r}) as book:\n"
    write += "    book.execute('UPDATE grade SET auto_score = 99')\n" + LIBRARY
    hand_in(small_course, "ch02", "writes-the-gradebook", {"causal_mask": write})
    truncate = f"open({str(book)!r}, 'w').close()\n" + LIBRARY
    hand_in(small_course, "ch02", "empties-the-gradebook", {"causal_mask": truncate})
    seek = f"""import pathlib
text = ""
for path in pathlib.Path({str(small_course)!r}).rglob("*"):
    text += path.read_text(errors="ignore") if path.is_file() else ""
{LIBRARY}
assert "graded(" not in text, "the course could be read: " + text[:80]"""
    hand_in(small_course, "ch02", "reads-the-course", {"causal_mask": seek})
    for student, change in (
        ("rewrites-the-check", rewrite),
        ("more-points", more_points),
        ("no-check", delete),
    ):
        hand_in(small_course, "ch02", student, {"causal_mask": LIBRARY})
        path, notebook, cell = cell_named(small_course, student, "ch02-causal_mask-check")
        change(notebook, cell)
        nbformat.write(notebook, path)
    hand_in(small_course, "ch02", "honest", {"causal_mask": the_right_answer()})
    scores = {s.student: s for s in course.grade_course(small_course, progress=False)}
    assert scores.pop("honest").points == EXERCISE.points
    assert {student: score.points for student, score in scores.items()} == dict.fromkeys(scores, 0)
    page = (small_course / "feedback" / "reads-the-course" / "ch02" / "ch02.html").read_text()
    assert "causal_mask (variant): failed" in page
    assert "AssertionError" not in page


def rewrite(notebook, cell):
    cell.source = "3"
    cell.outputs = [
        nbformat.v4.new_output("execute_result", data={"text/plain": "3"}, execution_count=1)
    ]


def more_points(notebook, cell):
    cell.metadata.nbgrader.points = 1000


def delete(notebook, cell):
    notebook.cells.remove(cell)


def test_the_sandbox_lets_libraries_be_imported_and_nothing_else_be_read(tmp_path):
    readable = sandbox.readable_paths()
    assert not any(path in sandbox.SECRETS for path in readable)
    assert not any(secret.is_relative_to(path) for path in readable for secret in sandbox.SECRETS)
    cells = ["import matplotlib.figure, xml.dom, sqlite3, json"]
    cells.append("open('mine.txt', 'w').write('own folder'); open('mine.txt').read()")
    with WorkerProcess() as worker:
        assert worker.run_cells(cells) == []
