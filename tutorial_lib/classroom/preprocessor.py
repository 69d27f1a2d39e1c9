"""nbgrader's autograding, with grades from a process that never runs the student's code.

Takes the place of nbgrader's `Execute`, which runs a notebook and its hidden tests in one kernel,
where a student's code could reach both. Here the student's cells run in a worker, the checks in
this process; the output of each graded cell is written here. The course's nbgrader_config.py puts
it to work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Dict, Float, Integer, Unicode

from tutorial_lib.classroom.assignment import student_sources
from tutorial_lib.classroom.hidden import Plan, find_exercise, plan_of
from tutorial_lib.classroom.remote import grade_apart
from tutorial_lib.classroom.worker_process import Limits, WorkerProcess
from tutorial_lib.exercises.definition import NOT_ATTEMPTED, CheckResult, Grade
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.reports import broken

SETUP_TAG, RUBRIC_TAG = "setup", "for the reader"
NO_EXERCISE = (
    "This graded cell names no exercise of the course, so no check ran. Points for it are given by "
    "hand."
)


class GradeApart(NbGraderPreprocessor):
    """Runs a submission's cells in a worker and writes the points into its graded cells.

    What the class view and a later run need stands in the metadata of these cells, as `graded`.
    """

    cell_seconds = Float(30.0, help="Seconds that one cell of a submission may take.").tag(
        config=True
    )
    memory_mib = Integer(2048, help="MiB that a submission may use on top of torch's own.").tag(
        config=True
    )
    only = Unicode("", help="Grade this exercise alone (ch02.causal_mask).").tag(config=True)
    kept = Dict(help="Address of an exercise -> what `graded` said before, where `only`.").tag(
        config=True
    )

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        self._find(resources["nbgrader"])
        codes = [cell for cell in nb.cells if cell.cell_type == "code"]
        own = [cell for cell in codes if _is_run(cell)]
        for cell in codes:
            cell.outputs, cell.execution_count = [], None
        limits = Limits(cell_seconds=self.cell_seconds, memory_mib=self.memory_mib)
        sources = {}
        with WorkerProcess(limits, beside=self.beside) as worker:
            for number, message, evidence in worker.run_cells([c.source for c in own]):
                own[number - 1].outputs = [_printed(f"{message}\n{evidence}")]
            for cell in codes:
                if is_grade(cell) and not is_solution(cell):
                    sources |= self._grade(cell, worker)
        for cell in nb.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id in sources and not is_solution(cell):
                cell.source = sources[grade_id]  # his own twist, and no hidden line
        nb.cells = [each for cell in nb.cells for each in (cell, *self._rubric(cell))]
        return nb, resources

    def _find(self, names: dict) -> None:
        """The folders of this submission, and whether the student has twists of his own."""
        course, assignment = CourseDirectory(parent=self), names["assignment"]
        path = partial(course.format_path, assignment_id=assignment)
        self.student = names["student"]
        self.beside = Path(path(course.submitted_directory, self.student))
        self.has_own_twists = Path(path("handout", self.student)).is_dir()
        self.source = Path(path(course.source_directory, "."), f"{names['notebook']}.ipynb")

    def _grade(self, cell: NotebookNode, worker: WorkerProcess) -> dict[str, str]:
        """Write points and report; the cells' sources that feedback shows, by their ids."""
        plan = plan_of(cell.source)
        if plan is None:
            cell.outputs = [_no_credit(NO_EXERCISE)]
            return {}
        plan = plan.made_for(self.student) if self.has_own_twists else plan
        told = self.kept.get(plan.address) if self.only not in ("", plan.address) else None
        if told is None:
            exercise = plan.exercise()
            grade = grade_apart(exercise, worker, plan.seed)
            flag = worker.flags.get(exercise.name) or _calls_the_library(plan, worker.cells)
            told = _as_data(exercise, plan, grade, flag)
            self.log.info("%s: %s of %s", exercise.address, grade.points, grade.out_of)
        cell.metadata["graded"] = told
        cell.execution_count = 1
        cell.outputs = [_printed(told["report"]), _points(told["points"])]
        return student_sources(plan)

    def _rubric(self, cell: NotebookNode) -> Iterator[NotebookNode]:
        """Behind a written answer, for the formgrader: the model answer and what points are for."""
        if not (is_grade(cell) and is_solution(cell)) or not self.source.exists():
            return
        grade_id = cell.metadata["nbgrader"]["grade_id"]
        for each in nbformat.read(self.source, as_version=4).cells:
            if each.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
                rubric = re.sub(r"### (BEGIN|END) SOLUTION\n?", "", each.source).strip()
                text = "**For the reader: a model answer, and what the points are for.**\n\n"
                yield new_markdown_cell(text + rubric, metadata={"tags": [RUBRIC_TAG]})


def _calls_the_library(plan: Plan, cells: Sequence[str]) -> str:
    """A flag for a notebook that fetches the chapter's own function, to call it in another."""
    exercise = find_exercise(plan.address)
    name = getattr(exercise.reference, "__name__", exercise.name)
    fetched = rf"^\s*from tutorial_lib[\w.]* import .*\b{name}\b|\b{exercise.name}\.reference\b"
    found = re.search(fetched, "\n".join(cells), flags=re.MULTILINE)
    return "the notebook fetches the library's own function: see what for" if found else ""


def _as_data(exercise: Exercise, plan: Plan, grade: Grade, flag: str) -> dict:
    """A grade as plain data for the metadata of its cell."""
    failures = [each.failure.message for each in grade.details if each.failure]
    named = [m.name for m in exercise.misconceptions if any(m.says in told for told in failures)]
    return {
        "address": exercise.address,
        "points": grade.points,
        "out_of": grade.out_of,
        "outcome": grade.outcome,
        "mistake": next(iter(named), ""),
        "says": next(iter(failures), ""),
        "flag": flag,
        "report": report(exercise, plan, grade),
    }


def report(exercise: Exercise, plan: Plan, grade: Grade) -> str:
    """What the student is told: points, each check, and the first thing that is wrong."""
    varied = " (variant)" if plan.variant_seed is not None else ""
    lines = [f"Exercise {exercise.number} {exercise.name}{varied}: {grade.outcome}"]
    lines += [_line(detail) for detail in grade.details]
    if grade.outcome == NOT_ATTEMPTED and grade.failure is None:
        lines.append("The stub is as it was.")
    if grade.failure is not None:
        lines += ["", grade.failure.message, grade.failure.evidence]
    if grade.printed:
        lines += ["", "Your function printed:", grade.printed]
    return "\n".join(map(broken, "\n".join(lines).rstrip().split("\n")))


def _line(detail: CheckResult) -> str:
    return f"  {detail.points} of {detail.out_of}  {detail.outcome}: {detail.what}"


def _is_run(cell: NotebookNode) -> bool:
    """Everything but the setup cell (the worker has the package) and the graded cells."""
    graded = is_grade(cell) and not is_solution(cell)
    return not graded and SETUP_TAG not in cell.metadata.get("tags", [])


def _printed(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text.rstrip() + "\n")


def _points(points: int) -> NotebookNode:
    """What nbgrader takes as partial credit: a number as the result of the cell."""
    return new_output("execute_result", data={"text/plain": str(points)}, execution_count=1)


def _no_credit(why: str) -> NotebookNode:
    return new_output("error", ename="NotGraded", evalue=why, traceback=[why])
