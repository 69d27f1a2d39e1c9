"""Python at grading is Python in the notebook: what runs in one runs in the other."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip("nbgrader")

from tutorial_lib.classroom.remote import grade_apart  # noqa: E402
from tutorial_lib.classroom.variants import variant_of  # noqa: E402
from tutorial_lib.classroom.worker_process import WorkerProcess  # noqa: E402
from tutorial_lib.exercises import ch02  # noqa: E402

EXERCISE = dataclasses.replace(variant_of(ch02.causal_mask, 3).exercise, time_limit_seconds=5.0)
ROWS = {n: EXERCISE.reference(n, include_center=False).tolist() for n in range(1, 22, 2)}
DEFINITION = f"""
import torch
ROWS = {ROWS}
def causal_mask(kernel_size, *, include_center):
    mask = torch.tensor(ROWS[kernel_size])
    mask[kernel_size // 2, kernel_size // 2] = float(include_center)
    return mask
"""
TWO_PYTHONS = {
    "a continuation line that starts with %": [
        "text = ('a %d'\n% 3)\nassert text == 'a 3'" + DEFINITION,
    ],
    "a last line with a question mark": [DEFINITION + "\ntorch.zeros?"],
    "files = !ls": ["files = !ls\nassert 'my_masks.py' not in files" + DEFINITION],
    "t = %timeit -o": [
        "t = %timeit -n1 -r1 -q -o sum([1])\nassert t.best > 0" + DEFINITION,
    ],
    "display in the function": [
        DEFINITION.replace("return mask", "display(mask)\n    return mask")
    ],
    "top-level await": ["import asyncio\nawait asyncio.sleep(0)" + DEFINITION],
    "get_ipython()": [
        "get_ipython().run_line_magic('matplotlib', 'inline')" + DEFINITION,
        "%load_ext autoreload\n%autoreload 2\n%some_magic of_colab",
    ],
    "%%writefile, then import": [
        f"%%writefile my_masks.py\n{DEFINITION}",
        "from my_masks import causal_mask",
    ],
    "a string that holds a line with %": [
        "text = '''\n%d'''\nassert text % 3 == '\\n3', text" + DEFINITION,
    ],
    "%%time, %%capture": ["%%time" + DEFINITION, "%%capture out\nprint(1)", "assert out.stdout"],
    "commands of the system": ["!pip install nothing\n%pip install nothing" + DEFINITION],
    "another language": [DEFINITION, "%%bash\nexit 1"],
}


@pytest.fixture(scope="module")
def graded():
    """(complaints, {case: points}); one process for all cases, a name for the function of each."""
    names = {case: f"mask_{number}" for number, case in enumerate(TWO_PYTHONS)}
    cells = [c.replace("causal_mask", names[case]) for case in names for c in TWO_PYTHONS[case]]
    with WorkerProcess() as worker:
        complaints = worker.run_cells(cells)
        points = {
            case: grade_apart(dataclasses.replace(EXERCISE, name=name), worker, seed=1).points
            for case, name in names.items()
        }
    return complaints, points


@pytest.mark.parametrize("case", TWO_PYTHONS)
def test_what_runs_in_a_notebook_gets_full_points(graded, case):
    complaints, points = graded
    assert complaints == []
    assert points[case] == EXERCISE.points


def test_files_beside_the_notebook_can_be_imported_and_links_are_not_followed(tmp_path):
    (tmp_path / "helpers.py").write_text(DEFINITION)
    secret = tmp_path.parent / "secret.txt"
    secret.write_text("hidden")
    (tmp_path / "link.txt").symlink_to(secret)
    with WorkerProcess(beside=tmp_path) as worker:
        assert worker.run_cells(["from helpers import causal_mask"]) == []
        assert grade_apart(EXERCISE, worker, seed=1).points == EXERCISE.points
        ((_, message, _),) = worker.run_cells(["open('link.txt')"])
    assert "FileNotFoundError" in message


@pytest.mark.parametrize("before", [[], [EXERCISE.stub]], ids=["no stub", "the stub before it"])
def test_a_cell_that_fails_before_its_function_is_raised_with_its_line(before):
    with WorkerProcess() as worker:
        worker.run_cells([*before, "size = length + 1" + DEFINITION])
        grade = grade_apart(EXERCISE, worker, seed=1)
    assert (grade.outcome, grade.points) == ("raised", 0)
    assert "raised NameError" in grade.failure.message
    assert "line 1" in grade.failure.evidence and "size = length + 1" in grade.failure.evidence


def test_a_syntax_error_is_raised_too():
    with WorkerProcess() as worker:
        worker.run_cells([DEFINITION + "\nreturn ="])
        grade = grade_apart(EXERCISE, worker, seed=1)
    assert grade.outcome == "raised" and "SyntaxError" in grade.failure.evidence


def test_a_copy_of_the_stub_behind_the_answer_takes_nothing_away():
    with WorkerProcess() as worker:
        worker.run_cells([DEFINITION, EXERCISE.stub])
        assert grade_apart(EXERCISE, worker, seed=1).points == EXERCISE.points


def test_cells_in_another_order_define_what_they_define_in_order():
    with WorkerProcess() as worker:
        worker.run_cells(["def later(x=torch.zeros(1)): pass", DEFINITION])
        assert worker.complaints == []


FREE = {
    "import": ("from tutorial_lib.pixels.masks import causal_mask", "the library's own"),
    "reference": (
        "from tutorial_lib.exercises import ch02\ncausal_mask = ch02.causal_mask.reference",
        "the library's own",
    ),
    "check": (
        f"import torch\n{ch02.causal_mask.stub}\nfrom tutorial_lib.exercises import ch02\n"
        "causal_mask = ch02.causal_mask.check(causal_mask)",
        "check",
    ),
}


def test_what_the_library_or_check_hands_out_earns_nothing_and_is_flagged():
    """In the plain exercise, where the library's function is right."""
    for source, told in FREE.values():
        with WorkerProcess() as worker:
            worker.run_cells([source])
            assert grade_apart(ch02.causal_mask, worker, seed=1).points == 0
        assert told in worker.flags["causal_mask"]


def test_ones_own_function_keeps_its_points_behind_a_check():
    check = "causal_mask = ch02.causal_mask.check(causal_mask)"
    with WorkerProcess() as worker:
        worker.run_cells([DEFINITION, f"from tutorial_lib.exercises import ch02\n{check}"])
        assert grade_apart(EXERCISE, worker, seed=1).points == EXERCISE.points
    assert worker.flags == {}
