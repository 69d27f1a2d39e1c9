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


RAISED = {
    "no stub": ["size = length + 1" + DEFINITION],
    "the stub before it": ["import torch\n" + EXERCISE.stub, "size = length + 1" + DEFINITION],
    "a syntax error": [DEFINITION + "\nreturn ="],
}
KEPT = {
    "a copy of the stub behind the answer": [DEFINITION, EXERCISE.stub],
    "a cell that needs a later one": ["assert later_one == 3" + DEFINITION, "later_one = 3"],
    "a check of one's own function": [
        DEFINITION,
        "from tutorial_lib.exercises import ch02\n"
        "causal_mask = getattr(ch02, 'causal' + '_mask').check(causal_mask)",
    ],
}
FREE = {
    "import": ["from tutorial_lib.pixels.masks import causal_mask"],
    "reference": [
        "from tutorial_lib.exercises import ch02 as chapter\n"
        "causal_mask = getattr(chapter, 'causal' + '_mask').reference",
    ],
}
CHECKED = [
    f"import torch\n{ch02.causal_mask.stub}",
    "causal_mask = ch02.causal_mask.check(causal_mask)",
]
CASES = {**TWO_PYTHONS, **RAISED, **KEPT, **FREE}
NAMES = {case: f"mask_{number}" for number, case in enumerate(CASES)}


def cells_of(case):
    """Its cells, with a name of its own for the function."""
    if case == "import":
        return [f"{CASES[case][0]} as {NAMES[case]}"]
    return [cell.replace("causal_mask", NAMES[case]) for cell in CASES[case]]


@pytest.fixture(scope="module")
def graded():
    """(complaints by cell, {case: grade}, {case: flag}); one process for all cases."""
    cells = [cell for case in CASES for cell in cells_of(case)] + CHECKED
    with WorkerProcess() as worker:
        complaints = {cells[number - 1]: told for number, told, _ in worker.run_cells(cells)}
        grades = {}
        for case, name in NAMES.items():
            exercise = ch02.causal_mask if case in FREE else EXERCISE
            named = dataclasses.replace(exercise, name=name)
            grades[case] = grade_apart(named, worker, seed=1)
        grades["check"] = grade_apart(ch02.causal_mask, worker, seed=1)
    names = {**NAMES, "check": "causal_mask"}
    return complaints, grades, {case: worker.flags.get(name) for case, name in names.items()}


@pytest.mark.parametrize("case", [*TWO_PYTHONS, *KEPT])
def test_what_runs_in_a_notebook_gets_full_points(graded, case):
    complaints, grades, flags = graded
    assert not [told for cell, told in complaints.items() if cell in cells_of(case)]
    assert (grades[case].points, grades[case].out_of) == (EXERCISE.points, EXERCISE.points)
    assert flags[case] is None


@pytest.mark.parametrize("case", RAISED)
def test_a_cell_that_fails_before_its_function_is_raised_with_its_line(graded, case):
    _, grades, _ = graded
    assert (grades[case].outcome, grades[case].points) == ("raised", 0)
    told = f"{grades[case].failure.message} {grades[case].failure.evidence}"
    assert "SyntaxError" in told or "size = length + 1" in told and "line 1" in told


@pytest.mark.parametrize("case", [*FREE, "check"])
def test_what_the_library_or_check_hands_out_earns_nothing_and_is_flagged(graded, case):
    """In the plain exercise, where the library's function is right."""
    _, grades, flags = graded
    assert grades[case].points == 0
    assert ("`check` hands out" if case == "check" else "the library's own function") in flags[case]


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
